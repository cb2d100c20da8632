/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#define _GNU_SOURCE
#include "platform/clock.h"

#include <sys/stat.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

static int64_t now_ns(clockid_t clock)
{
        struct timespec now;

        clock_gettime(clock, &now);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t seqcast__clock_boot_ns(void)
{
        return now_ns(CLOCK_BOOTTIME);
}

int64_t seqcast__clock_mono_ns(void)
{
        return now_ns(CLOCK_MONOTONIC);
}

int64_t seqcast__clock_after(int64_t now, int64_t duration_ns)
{
        return duration_ns < 0 || duration_ns > SEQCAST__CLOCK_NEVER - now ? SEQCAST__CLOCK_NEVER
                                                                           : now + duration_ns;
}

int64_t seqcast__clock_coarse_ns(void)
{
        return now_ns(CLOCK_MONOTONIC_COARSE);
}

int64_t seqcast__clock_real_ns(void)
{
        return now_ns(CLOCK_REALTIME);
}

void seqcast__clock_sleep_until(int64_t deadline_ns)
{
        struct timespec deadline = { .tv_sec = (time_t)(deadline_ns / NS_PER_S),
                                     .tv_nsec = (long)(deadline_ns % NS_PER_S) };

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
}

uint64_t seqcast__clock_namespace(void)
{
        struct stat status;

        return stat("/proc/self/ns/time", &status) == 0 ? status.st_ino : 0;
}
