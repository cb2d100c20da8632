/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* TAP from a C program. What a line says is worked out by the caller, figures included. */

#ifndef SEQCAST_TESTS_WAKE_TAP_H
#define SEQCAST_TESTS_WAKE_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static unsigned tap_count;
static bool tap_failed;

__attribute__((format(printf, 2, 3))) static inline bool tap_ok(bool passed, const char *format, ...)
{
        va_list arguments;

        tap_failed = tap_failed || !passed;
        printf("%sok %u - ", passed ? "" : "not ", ++tap_count);
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        printf("\n");
        fflush(stdout); /* before the next fork() */
        return passed;
}

__attribute__((format(printf, 2, 3))) static inline void tap_skip(const char *text, const char *reason, ...)
{
        va_list arguments;

        printf("ok %u - %s # SKIP ", ++tap_count, text);
        va_start(arguments, reason);
        vprintf(reason, arguments);
        va_end(arguments);
        printf("\n");
        fflush(stdout);
}

__attribute__((format(printf, 1, 2))) static inline void tap_note(const char *format, ...)
{
        va_list arguments;

        printf("# ");
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        printf("\n");
        fflush(stdout);
}

/** The plan. @return the exit status */
static inline int tap_finish(void)
{
        printf("1..%u\n", tap_count);
        return tap_failed ? 1 : 0;
}

#endif
