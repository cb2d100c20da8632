/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Clocks. All in nanoseconds. */

#ifndef SEQCAST_SRC_PLATFORM_CLOCK_H
#define SEQCAST_SRC_PLATFORM_CLOCK_H

#include <stdint.h>

/** Since boot, suspended time included; not shifted by anybody who sets the clock. */
int64_t seqcast__clock_boot_ns(void);

/** Since 1970. */
int64_t seqcast__clock_real_ns(void);

/** Sleep so long, or until a signal comes. */
void seqcast__clock_sleep_ns(int64_t duration_ns);

/** Inode number of this process's time namespace; 0: unknown. The boot clocks of two processes can
 *  be compared only where these are equal. */
uint64_t seqcast__clock_namespace(void);

#endif
