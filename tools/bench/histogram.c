/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include "bench/histogram.h"

#include <inttypes.h>
#include <string.h>

#define TICKS_A_HALVING 5u
#define HALVINGS_MAX 52u /* then 1 - fraction is as small as a double next to 1 can tell */

void histogram_clear(struct histogram *histogram)
{
        memset(histogram, 0, sizeof *histogram);
}

size_t histogram_counter(uint64_t value)
{
        unsigned shift = 0;

        if (value > HISTOGRAM_VALUE_MAX)
                value = HISTOGRAM_VALUE_MAX;
        if (value >= 2 * HISTOGRAM_HALF)
                shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_HALF_BITS;
        return shift * HISTOGRAM_HALF + (size_t)(value >> shift);
}

static unsigned shift_of(size_t counter)
{
        return counter < 2 * HISTOGRAM_HALF ? 0 : (unsigned)(counter / HISTOGRAM_HALF - 1);
}

uint64_t histogram_lowest(size_t counter)
{
        unsigned shift = shift_of(counter);

        return (uint64_t)(counter - shift * HISTOGRAM_HALF) << shift;
}

uint64_t histogram_highest(size_t counter)
{
        return histogram_lowest(counter) + (((uint64_t)1 << shift_of(counter)) - 1);
}

static double middle_of(size_t counter)
{
        return ((double)histogram_lowest(counter) + (double)histogram_highest(counter)) / 2;
}

void histogram_add_times(struct histogram *histogram, uint64_t value, uint64_t times)
{
        if (times == 0)
                return;
        histogram->counts[histogram_counter(value)] += times;
        histogram->total += times;
        if (value > histogram->max)
                histogram->max = value;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
        histogram_add_times(histogram, value, 1);
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
        for (size_t i = 0; i < HISTOGRAM_COUNTERS; i++)
                to->counts[i] += from->counts[i];
        to->total += from->total;
        if (from->max > to->max)
                to->max = from->max;
}

void histogram_merge_corrected(struct histogram *to, const struct histogram *from, uint64_t interval)
{
        for (size_t i = 0; i < HISTOGRAM_COUNTERS && interval != 0; i++) {
                uint64_t missing = from->counts[i] != 0 ? histogram_lowest(i) : 0;

                for (; missing >= 2 * interval; missing -= interval)
                        histogram_add_times(to, missing - interval, from->counts[i]);
        }
        histogram_merge(to, from);
}

/* What a counter stands for when percentiles are told: no sample in it is larger, and none at all is. */
static uint64_t told(const struct histogram *histogram, size_t counter)
{
        uint64_t highest = histogram_highest(counter);

        return highest < histogram->max && counter != HISTOGRAM_COUNTERS - 1 ? highest : histogram->max;
}

/* How many samples are that fraction, at least 1. Fractions like 0.07 are a little more or less than what
 * they are meant to be: a whole number of samples, or very nearly, is not rounded up to the next. */
static uint64_t rank_of(const struct histogram *histogram, double fraction)
{
        double exact = fraction * (double)histogram->total;
        uint64_t rank = exact > 0 ? (uint64_t)(exact - exact * 1e-12) + 1 : 1;

        return rank < histogram->total ? rank : histogram->total;
}

/* Move on, from `count` samples in the counters before *counter, to where `rank` samples are reached.
 * @return the value that none of them exceeds */
static uint64_t seek(const struct histogram *histogram, uint64_t rank, size_t *counter, uint64_t *count)
{
        while (*count < rank && *counter < HISTOGRAM_COUNTERS)
                *count += histogram->counts[(*counter)++];
        return told(histogram, *counter - 1);
}

uint64_t histogram_at(const struct histogram *histogram, double fraction)
{
        size_t counter = 0;
        uint64_t count = 0;

        if (histogram->total == 0)
                return 0;
        return seek(histogram, rank_of(histogram, fraction), &counter, &count);
}

double histogram_mean(const struct histogram *histogram)
{
        double sum = 0;

        for (size_t i = 0; i < HISTOGRAM_COUNTERS; i++)
                if (histogram->counts[i] != 0)
                        sum += middle_of(i) * (double)histogram->counts[i];
        return histogram->total != 0 ? sum / (double)histogram->total : 0;
}

/* By Newton's steps; from above, each of them at least halves what is too much. The programs are linked
 * without the mathematics library. */
static double square_root(double square)
{
        double root = square > 1 ? square : 1;

        if (!(square > 0))
                return 0;
        for (int i = 0; i < 128; i++)
                root = (root + square / root) / 2;
        return root;
}

double histogram_deviation(const struct histogram *histogram)
{
        double mean = histogram_mean(histogram), sum = 0;

        for (size_t i = 0; i < HISTOGRAM_COUNTERS; i++)
                if (histogram->counts[i] != 0)
                        sum += (middle_of(i) - mean) * (middle_of(i) - mean) * (double)histogram->counts[i];
        return histogram->total != 0 ? square_root(sum / (double)histogram->total) : 0;
}

static double fraction_of(unsigned step)
{
        double left = 1 / (double)((uint64_t)1 << step / TICKS_A_HALVING);

        return 1 - left + left / 2 * (step % TICKS_A_HALVING) / TICKS_A_HALVING;
}

bool histogram_walk(const struct histogram *histogram, struct histogram_walk *walk,
                    struct histogram_level *ret_level)
{
        if (walk->over || histogram->total == 0)
                return false;
        walk->over = walk->count == histogram->total || walk->step == TICKS_A_HALVING * HALVINGS_MAX;
        ret_level->fraction = walk->over ? 1 : fraction_of(walk->step++);
        ret_level->value =
                seek(histogram, rank_of(histogram, ret_level->fraction), &walk->counter, &walk->count);
        ret_level->count = walk->count;
        return true;
}

void histogram_print(const struct histogram *histogram, double unit, FILE *out)
{
        struct histogram_walk walk = { 0 };
        struct histogram_level level;

        fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
        while (histogram_walk(histogram, &walk, &level)) {
                fprintf(out, "%12.3f %.12f %10" PRIu64, (double)level.value / unit, level.fraction,
                        level.count);
                if (level.fraction < 1)
                        fprintf(out, " %14.2f", 1 / (1 - level.fraction));
                putc('\n', out);
        }
        fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", histogram_mean(histogram) / unit,
                histogram_deviation(histogram) / unit);
        fprintf(out, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n", (double)histogram->max / unit,
                histogram->total);
        fprintf(out, "#[Buckets = %12d, SubBuckets     = %12zu]\n",
                HISTOGRAM_VALUE_BITS - HISTOGRAM_HALF_BITS, 2 * HISTOGRAM_HALF);
}
