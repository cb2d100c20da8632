/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Clocks. All in nanoseconds. */

#ifndef SEQCAST_SRC_PLATFORM_CLOCK_H
#define SEQCAST_SRC_PLATFORM_CLOCK_H

#include <stdint.h>

/** Since boot, suspended time included; not shifted by anybody who sets the clock. */
int64_t seqcast__clock_boot_ns(void);

/** For deadlines: CLOCK_MONOTONIC. A deadline of SEQCAST__CLOCK_NEVER never comes. */
int64_t seqcast__clock_mono_ns(void);
#define SEQCAST__CLOCK_NEVER INT64_MAX

/** now + duration, but never beyond SEQCAST__CLOCK_NEVER; a negative duration has no end. */
int64_t seqcast__clock_after(int64_t now_ns, int64_t duration_ns);

/** The same time as of the last timer tick (1 to 10 ms ago), at a quarter of the cost. */
int64_t seqcast__clock_coarse_ns(void);

/** Since 1970. */
int64_t seqcast__clock_real_ns(void);

/** Sleep until a time of seqcast__clock_mono_ns(), or until a signal comes. */
void seqcast__clock_sleep_until(int64_t deadline_ns);

/** Inode number of this process's time namespace; 0: unknown. The boot clocks of two processes can
 *  be compared only where these are equal. */
uint64_t seqcast__clock_namespace(void);

#endif
