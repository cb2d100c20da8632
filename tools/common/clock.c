/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Clocks, and times as text. */

#include "common/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/number.h"

#ifndef CLOCK_BOOTTIME
#define CLOCK_BOOTTIME CLOCK_MONOTONIC
#endif

#define OFFSET_NOISE_NS (50 * 1000)

static int64_t read_clock(clockid_t clock)
{
        struct timespec now = { 0, 0 };
        clock_gettime(clock, &now);
        return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

int64_t clock_now(void)
{
        return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_after(int64_t now, int64_t duration_ns)
{
        return duration_ns > CLOCK_NEVER - now ? CLOCK_NEVER : now + duration_ns;
}

int64_t clock_wall(void)
{
        return read_clock(CLOCK_REALTIME);
}

int64_t clock_boot(void)
{
        return read_clock(CLOCK_BOOTTIME);
}

/* Two clocks cannot be read at the same moment. The first answer is kept until somebody sets the
 * clock, so that one publication has one time. */
int64_t clock_boot_to_wall(int64_t boot_ns)
{
        static int64_t offset_ns;
        int64_t change_ns = clock_wall() - clock_boot() - offset_ns;
        if (change_ns > OFFSET_NOISE_NS || change_ns < -OFFSET_NOISE_NS)
                offset_ns += change_ns;
        return boot_ns + offset_ns;
}

/* Also right for times before 1970. */
static void split(int64_t wall_ns, time_t *ret_seconds, int *ret_ns)
{
        int64_t seconds = wall_ns / NS_PER_SECOND;
        int64_t rest = wall_ns % NS_PER_SECOND;
        if (rest < 0) {
                rest += NS_PER_SECOND;
                seconds--;
        }
        *ret_seconds = (time_t)seconds;
        *ret_ns = (int)rest;
}

void print_time_utc(struct text *out, int64_t wall_ns)
{
        time_t seconds;
        int ns;
        struct tm parts;
        char text[64];
        split(wall_ns, &seconds, &ns);
        gmtime_r(&seconds, &parts);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
        text_print(out, "%s.%09dZ", text, ns);
}

/* "%6N" -> "045223"; everything else stays for strftime(). */
static void expand_nanoseconds(struct text *out, const char *format, int ns)
{
        struct text digits = TEXT_EMPTY;
        text_print(&digits, "%09d", ns);
        while (*format != '\0') {
                if (format[0] == '%' && format[1] == 'N') {
                        text_add(out, digits.bytes, 9);
                        format += 2;
                } else if (format[0] == '%' && format[1] >= '1' && format[1] <= '9' && format[2] == 'N') {
                        text_add(out, digits.bytes, (size_t)(format[1] - '0'));
                        format += 3;
                } else {
                        size_t length = format[0] == '%' && format[1] != '\0' ? 2 : 1;
                        text_add(out, format, length);
                        format += length;
                }
        }
        text_free(&digits);
}

/* The format is the user's: nothing for the compiler to check. strftime() touches no memory of ours
 * whatever it says. */
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#endif
static size_t format_time(char *text, size_t capacity, const char *format, const struct tm *parts)
{
        return strftime(text, capacity, format, parts);
}
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

bool print_time_local(struct text *out, const char *format, int64_t wall_ns)
{
        time_t seconds;
        int ns;
        struct tm parts;
        char text[256];
        split(wall_ns, &seconds, &ns);
        localtime_r(&seconds, &parts);

        struct text expanded = TEXT_EMPTY;
        expand_nanoseconds(&expanded, format, ns);
        size_t length = format_time(text, sizeof(text), text_string(&expanded), &parts);
        text_free(&expanded);
        text_add(out, text, length);
        return length > 0;
}
