/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What time it is, on the three clocks the tools need, and times as text. */

#ifndef SEQCAST_TOOLS_CLOCK_H
#define SEQCAST_TOOLS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"

/** For deadlines: CLOCK_MONOTONIC. A deadline of CLOCK_NEVER never comes. */
int64_t clock_now(void);
#define CLOCK_NEVER INT64_MAX

/** now + duration, but never beyond CLOCK_NEVER. */
int64_t clock_after(int64_t now, int64_t duration_ns);

/** CLOCK_REALTIME. */
int64_t clock_wall(void);

/** The clock that publications are stamped with: CLOCK_BOOTTIME. */
int64_t clock_boot(void);

/** When `boot_ns` on that clock was, or will be, in CLOCK_REALTIME. */
int64_t clock_boot_to_wall(int64_t boot_ns);

/** "2026-11-22T20:27:18.045223001Z" */
void print_time_utc(struct text *out, int64_t wall_ns);

/** strftime() in local time; %N is nanoseconds, %3N milliseconds, %6N microseconds. False if the
 *  format is none. */
bool print_time_local(struct text *out, const char *format, int64_t wall_ns);

#endif
