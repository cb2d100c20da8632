/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* How often each value was measured, to three significant digits. The counters are linear up to 2048 and
 * then 1024 for each doubling, so that adding is a few instructions, the room is the same for any number of
 * samples, and no percentile is more than 1/1024 off. The counters stand in the structure itself: zeros are
 * an empty histogram, and one in shared memory can be filled by another process. Knows nothing of time:
 * values are integers of whatever unit the caller chooses. */

#ifndef SEQCAST_TOOLS_HISTOGRAM_H
#define SEQCAST_TOOLS_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HISTOGRAM_HALF_BITS 10 /* 1024 counters for each doubling */
#define HISTOGRAM_VALUE_BITS 50
#define HISTOGRAM_HALF ((size_t)1 << HISTOGRAM_HALF_BITS)
#define HISTOGRAM_COUNTERS (((size_t)HISTOGRAM_VALUE_BITS - HISTOGRAM_HALF_BITS + 1) * HISTOGRAM_HALF)
/** Larger values are counted as this one; `max` is what they were. */
#define HISTOGRAM_VALUE_MAX (((uint64_t)1 << HISTOGRAM_VALUE_BITS) - 1)

struct histogram {
        uint64_t total;
        uint64_t max; /* exactly */
        uint64_t counts[HISTOGRAM_COUNTERS];
};

void histogram_clear(struct histogram *histogram);

/** Which counter counts a value, and the values that one counts. */
size_t histogram_counter(uint64_t value);
uint64_t histogram_lowest(size_t counter);
uint64_t histogram_highest(size_t counter);

void histogram_add(struct histogram *histogram, uint64_t value);
void histogram_add_times(struct histogram *histogram, uint64_t value, uint64_t times);

/** Add what another one has counted. */
void histogram_merge(struct histogram *to, const struct histogram *from);

/**
 * Correct for coordinated omission: `from`, added to `to` together with the samples that were never taken.
 * Who means to measure at each `interval` and is held up for longer than that by one operation leaves out
 * those that were due meanwhile, and these would have taken long, too: value - interval, value - 2 interval,
 * and so on down to the interval. For values measured from the moment that each operation really began;
 * where they were measured from the moment that it was due, nothing is missing and nothing is to be added.
 * @param interval  0: nothing is corrected. At most value / interval steps for each counter in use.
 */
void histogram_merge_corrected(struct histogram *to, const struct histogram *from, uint64_t interval);

/** The smallest value that this fraction (0 to 1) of all samples does not exceed; 0 if there are none. */
uint64_t histogram_at(const struct histogram *histogram, double fraction);

double histogram_mean(const struct histogram *histogram);
double histogram_deviation(const struct histogram *histogram);

struct histogram_level {
        double fraction;
        uint64_t value;
        uint64_t count; /* samples up to that value */
};

/** What percentile tables and charts show: five levels for each halving of what is left above, up to the
 *  one that reaches the largest value, and that one once more, as 1. Begin with zeros, call until false. */
struct histogram_walk {
        unsigned step;
        size_t counter;
        uint64_t count;
        bool over;
};

bool histogram_walk(const struct histogram *histogram, struct histogram_walk *walk,
                    struct histogram_level *ret_level);

/** The table of percentiles that HdrHistogram prints and its plotters read (.hgrm).
 *  @param unit  how many of the values' units make one of those to be printed */
void histogram_print(const struct histogram *histogram, double unit, FILE *out);

#endif
