/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The processor's own counter, where it runs evenly, which takes less time to look at than the clock; the
 * clock elsewhere. */

#ifndef SEQCAST_TOOLS_BENCH_TICKER_H
#define SEQCAST_TOOLS_BENCH_TICKER_H

#include <stdbool.h>
#include <stdint.h>

#define PS_PER_NS 1000.0

struct ticker {
        bool counter;
        double ps; /* that a tick takes */
};

/** Takes 20 ms. */
struct ticker ticker_calibrate(void);

uint64_t ticks(const struct ticker *ticker);

#endif
