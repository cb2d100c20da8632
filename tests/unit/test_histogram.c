/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Percentiles: what the histogram of the benchmarks counts, against sorted samples. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench/histogram.h"

#define SAMPLES 20000
#define PRECISION 1024 /* no percentile is more than 1/1024 too high */

static struct histogram histogram, other;

static void clear(void)
{
        histogram_clear(&histogram);
        histogram_clear(&other);
}

TestSuite(histogram, .init = clear);

static int by_value(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

/* The same numbers in each run, of any magnitude up to 2^40. */
static uint64_t sample(uint64_t number)
{
        uint64_t mixed = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);

        mixed = (mixed ^ mixed >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
        return (mixed >> 20 & UINT64_C(0xffffffffff)) >> mixed % 37;
}

static uint64_t sum_of_counts(const struct histogram *counted)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < HISTOGRAM_COUNTERS; i++)
                sum += counted->counts[i];
        return sum;
}

Test(histogram, each_counter_begins_where_the_one_before_ends)
{
        cr_expect(zero(u64, histogram_lowest(0)));
        for (size_t i = 0; i < HISTOGRAM_COUNTERS; i++) {
                uint64_t lowest = histogram_lowest(i), highest = histogram_highest(i);

                cr_assert(eq(sz, histogram_counter(lowest), i), "%" PRIu64, lowest);
                cr_assert(eq(sz, histogram_counter(highest), i), "%" PRIu64, highest);
                cr_assert(le(u64, (highest - lowest) * PRECISION, lowest), "%" PRIu64, lowest);
                if (i + 1 < HISTOGRAM_COUNTERS)
                        cr_assert(eq(u64, histogram_lowest(i + 1), highest + 1), "%" PRIu64, highest);
        }
        cr_expect(eq(u64, histogram_highest(HISTOGRAM_COUNTERS - 1), HISTOGRAM_VALUE_MAX));
}

Test(histogram, small_values_are_counted_exactly)
{
        for (uint64_t value = 0; value < 2048; value++) {
                size_t counter = histogram_counter(value);

                cr_assert(eq(u64, histogram_lowest(counter), value));
                cr_assert(eq(u64, histogram_highest(counter), value));
        }
        cr_expect(eq(sz, histogram_counter(2048), histogram_counter(2049)));
}

Test(histogram, what_is_too_large_is_counted_last_and_told_exactly)
{
        cr_expect(eq(sz, histogram_counter(UINT64_MAX), HISTOGRAM_COUNTERS - 1));
        histogram_add(&histogram, 1);
        histogram_add(&histogram, UINT64_MAX);
        cr_expect(eq(u64, histogram_at(&histogram, 0.5), 1));
        cr_expect(eq(u64, histogram_at(&histogram, 1), UINT64_MAX));
        cr_expect(eq(u64, histogram.max, UINT64_MAX));
}

Test(histogram, an_empty_one_has_no_values)
{
        struct histogram_walk walk = { 0 };
        struct histogram_level level;

        cr_expect(zero(u64, histogram_at(&histogram, 0.99)));
        cr_expect(zero(u64, histogram.max));
        cr_expect(epsilon_eq(dbl, histogram_mean(&histogram), 0, 1e-9));
        cr_expect(epsilon_eq(dbl, histogram_deviation(&histogram), 0, 1e-9));
        cr_expect(not(histogram_walk(&histogram, &walk, &level)));
}

Test(histogram, percentiles_are_those_of_the_sorted_samples)
{
        static const double fractions[] = {
                0, 1e-6, 0.01, 0.07, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1
        };
        static uint64_t sorted[SAMPLES];

        for (size_t i = 0; i < SAMPLES; i++) {
                sorted[i] = sample(i);
                histogram_add(&histogram, sorted[i]);
        }
        qsort(sorted, SAMPLES, sizeof *sorted, by_value);
        for (size_t i = 0; i < sizeof fractions / sizeof *fractions; i++) {
                double exact = fractions[i] * SAMPLES;
                size_t rank = (size_t)(exact + 0.5); /* all of them but the second are whole numbers */
                uint64_t truth = sorted[rank > 0 ? rank - 1 : 0],
                         told = histogram_at(&histogram, fractions[i]);

                cr_expect(ge(u64, told, truth), "%g", fractions[i]);
                cr_expect(le(u64, told - truth, truth / PRECISION), "%g", fractions[i]);
        }
        cr_expect(eq(u64, histogram.total, SAMPLES));
        cr_expect(eq(u64, sum_of_counts(&histogram), SAMPLES));
        cr_expect(eq(u64, histogram.max, sorted[SAMPLES - 1]));
}

Test(histogram, a_percentile_is_a_value_that_was_reached)
{
        for (uint64_t value = 1; value <= 100; value++)
                histogram_add(&histogram, value);
        for (unsigned percent = 1; percent <= 100; percent++)
                cr_expect(eq(u64, histogram_at(&histogram, percent / 100.0), percent), "%u %%", percent);
        cr_expect(eq(u64, histogram_at(&histogram, 0.501), 51));
}

Test(histogram, no_percentile_is_beyond_the_largest_sample)
{
        histogram_add(&histogram, 1000001); /* its counter goes on to 1000447 */
        cr_expect(eq(u64, histogram_at(&histogram, 0.5), 1000001));
        cr_expect(eq(u64, histogram_at(&histogram, 1), 1000001));
}

Test(histogram, mean_and_deviation_of_known_samples)
{
        static const uint64_t samples[] = { 2, 4, 4, 4, 5, 5, 7, 9 };

        for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
                histogram_add(&histogram, samples[i]);
        cr_expect(epsilon_eq(dbl, histogram_mean(&histogram), 5, 1e-9));
        cr_expect(epsilon_eq(dbl, histogram_deviation(&histogram), 2, 1e-9));
}

Test(histogram, merging_is_as_if_one_had_counted_all)
{
        static struct histogram both;

        histogram_clear(&both);
        for (uint64_t i = 0; i < SAMPLES; i++) {
                histogram_add(i % 3 == 0 ? &histogram : &other, sample(i));
                histogram_add(&both, sample(i));
        }
        histogram_merge(&histogram, &other);
        cr_expect(zero(i32, memcmp(&histogram, &both, sizeof both)));
        histogram_clear(&other);
        histogram_merge(&histogram, &other);
        cr_expect(zero(i32, memcmp(&histogram, &both, sizeof both)));
}

Test(histogram, correction_adds_what_was_due_during_a_long_sample)
{
        histogram_add(&histogram, 1000);
        histogram_add_times(&histogram, 50, 7);
        histogram_merge_corrected(&other, &histogram, 100);
        /* 1000, and 900, 800 ... 100: due each 100 while it lasted */
        for (uint64_t value = 100; value <= 1000; value += 100)
                cr_expect(eq(u64, other.counts[value], 1), "%" PRIu64, value);
        cr_expect(eq(u64, other.counts[50], 7));
        cr_expect(eq(u64, other.total, 17));
        cr_expect(eq(u64, sum_of_counts(&other), 17));
        cr_expect(eq(u64, other.max, 1000));
}

Test(histogram, correction_leaves_short_samples_alone)
{
        for (uint64_t i = 0; i < SAMPLES; i++)
                histogram_add(&histogram, sample(i) % 200);
        histogram_merge_corrected(&other, &histogram, 100); /* 199 was done before the second was due */
        cr_expect(zero(i32, memcmp(&histogram, &other, sizeof other)));
        histogram_clear(&other);
        histogram_merge_corrected(&other, &histogram, 0);
        cr_expect(zero(i32, memcmp(&histogram, &other, sizeof other)));
}

/* Something asks each 10 and is answered in 1, but is held up once for 10 000 while it waits for an answer.
 * Measured from when it asked, one sample in 1000 is bad; of those that were due, half are. */
Test(histogram, correction_shows_what_omission_hides)
{
        histogram_add_times(&histogram, 1, 999);
        histogram_add(&histogram, 10000);
        histogram_merge_corrected(&other, &histogram, 10);
        cr_expect(eq(u64, histogram_at(&histogram, 0.99), 1));
        cr_expect(ge(u64, histogram_at(&other, 0.99), 9700));
        cr_expect(eq(u64, histogram_at(&other, 0.49), 1));
        cr_expect(eq(u64, other.total, 999 + 1000));
}

/* ---- .hgrm ---------------------------------------------------------------------------------- */

struct row {
        double value, fraction, inverse;
        uint64_t count;
        int columns;
};

#define ROWS_MAX 400

static struct row rows[ROWS_MAX];
static size_t row_count;
static char heading[128], mean_line[128], max_line[128], buckets_line[128];

/* As the plotters read it: rows of numbers, of which they draw those that have four. */
static void print_and_parse(const struct histogram *printed, double unit)
{
        char *text = NULL, *line, *rest;
        size_t length = 0;
        FILE *out = open_memstream(&text, &length);

        cr_assert_not_null(out);
        histogram_print(printed, unit, out);
        fclose(out);
        row_count = 0;
        for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
                struct row row;

                row.columns = sscanf(line, "%lf %lf %" SCNu64 " %lf", &row.value, &row.fraction, &row.count,
                                     &row.inverse);
                if (strncmp(line, "#[Mean", 6) == 0)
                        snprintf(mean_line, sizeof mean_line, "%s", line);
                else if (strncmp(line, "#[Max", 5) == 0)
                        snprintf(max_line, sizeof max_line, "%s", line);
                else if (strncmp(line, "#[Buckets", 9) == 0)
                        snprintf(buckets_line, sizeof buckets_line, "%s", line);
                else if (row.columns < 3)
                        snprintf(heading, sizeof heading, "%s", line);
                else if (row_count < ROWS_MAX)
                        rows[row_count++] = row;
        }
        free(text);
}

Test(histogram, the_printed_table_reads_back_as_the_percentiles)
{
        for (uint64_t i = 0; i < SAMPLES; i++)
                histogram_add(&histogram, sample(i));
        print_and_parse(&histogram, 1000);
        cr_assert(gt(sz, row_count, 50));
        cr_assert(lt(sz, row_count, ROWS_MAX));
        for (size_t i = 0; i < row_count; i++) {
                const struct row *row = &rows[i];
                double told = (double)histogram_at(&histogram, row->fraction) / 1000;

                cr_expect(epsilon_eq(dbl, row->value, told, 0.001), "%.12f", row->fraction);
                cr_expect(ge(dbl, (double)row->count, row->fraction * SAMPLES * (1 - 1e-9)));
                if (i > 0)
                        cr_expect(ge(dbl, row->value, rows[i - 1].value));
                if (i + 1 < row_count) {
                        cr_expect(eq(int, row->columns, 4));
                        cr_expect(lt(dbl, row->fraction, rows[i + 1].fraction));
                        cr_expect(epsilon_eq(dbl, row->inverse * (1 - row->fraction), 1, 0.01));
                }
        }
        cr_expect(eq(int, rows[row_count - 1].columns, 3));
        cr_expect(epsilon_eq(dbl, rows[row_count - 1].fraction, 1, 1e-9));
        cr_expect(eq(u64, rows[row_count - 1].count, SAMPLES));
        cr_expect(eq(u64, rows[row_count - 2].count, SAMPLES)); /* the largest is drawn, too */
}

Test(histogram, the_printed_table_is_laid_out_as_its_plotters_expect)
{
        char word[4][32];

        histogram_add_times(&histogram, 100, 3);
        histogram_add(&histogram, 1999);
        print_and_parse(&histogram, 1);
        cr_assert(eq(int, sscanf(heading, "%31s %31s %31s %31s", word[0], word[1], word[2], word[3]), 4));
        cr_expect(eq(str, word[0], "Value"));
        cr_expect(eq(str, word[1], "Percentile"));
        cr_expect(eq(str, word[2], "TotalCount"));
        cr_expect(eq(str, word[3], "1/(1-Percentile)"));
        cr_expect(eq(str, mean_line, "#[Mean    =      574.750, StdDeviation   =      822.291]"));
        cr_expect(eq(str, max_line, "#[Max     =     1999.000, Total count    =            4]"));
        cr_expect(eq(str, buckets_line, "#[Buckets =           40, SubBuckets     =         2048]"));
        /* 0.0 0.1 0.2 0.3 0.4 0.5 0.55 0.6 0.65 0.7 0.75: three of four; 0.775: the fourth; and 1 */
        cr_expect(eq(sz, row_count, 13));
        cr_expect(epsilon_eq(dbl, rows[10].fraction, 0.75, 1e-9));
        cr_expect(epsilon_eq(dbl, rows[10].value, 100, 1e-9));
        cr_expect(epsilon_eq(dbl, rows[11].value, 1999, 1e-9));
}

Test(histogram, a_table_of_one_sample_or_none)
{
        print_and_parse(&histogram, 1);
        cr_expect(zero(sz, row_count));
        histogram_add(&histogram, 42);
        print_and_parse(&histogram, 1);
        cr_expect(eq(sz, row_count, 2));
        cr_expect(eq(int, rows[0].columns, 4));
}
