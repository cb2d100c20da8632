/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What the rows of the benchmark are given, and what they hand back: one line for each thing that was
 * measured, ours beside its limit. */

#ifndef SEQCAST_TOOLS_BENCH_H
#define SEQCAST_TOOLS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/percentile_files.h"
#include "common/failure.h"

#define BENCH_ROUNDS_MAX 1000
#define BENCH_WARM_UP 1 /* rounds before the others, which are thrown away */

/** low, high: quartiles over the rounds. */
struct bench_figure {
        double median, low, high;
};

/**
 * One thing that was measured. `ratio` is the median of the ratios of rounds that ran beside each other.
 * Target: ratio <= factor + extra / limit, so that `extra` is allowed on top; with `at_least`, ratio >=
 * factor. Without a factor, `extra` is what ours may be, whatever the limit. Neither: no target.
 */
struct bench_line {
        const char *row;
        char what[64];
        const char *unit; /* "ns", "/s", "B" or "%" */
        struct bench_figure ours, limit;
        const char *limit_name;
        double ratio;
        double factor, extra;
        bool at_least;
};

enum bench_format { BENCH_HUMAN, BENCH_JSON, BENCH_MARKDOWN };

struct bench_skip {
        const char *row;
        char why[200];
};

struct bench_results {
        int format; /* enum bench_format */
        struct bench_line *lines;
        size_t line_count;
        struct bench_skip *skips;
        size_t skip_count;
};

struct bench {
        int cpus[2]; /* the second one is -1 where there is only one */
        unsigned rounds;
        int64_t round_ns; /* of each contender, in each round */
        bool quick;
        struct percentiles percentiles;
        struct bench_results results;
        struct failure *failure;
};

/** `shmseg bench ...`: argv[0] is "bench". @return the exit code */
int bench_main(int argc, char **argv);

/* ---- for the rows: each returns 0, or -1 and the failure --------------------------------------- */

void bench_report_line(struct bench *bench, const struct bench_line *line);

/** Report from the values of `bench->rounds` rounds: figures and ratio are worked out here. */
void bench_report_rounds(struct bench *bench, struct bench_line line, const double *ours,
                         const double *limit);

/** Not measured, and why. */
void bench_skip(struct bench *bench, const char *row, const char *format, ...) PRINTF_LIKE(3, 4);

/** "64 B", "4 KiB" ... */
void bench_print_bytes(char *text, size_t capacity, double bytes);

/** Who has turn number `turn`: in each round everybody, and one other than in the round before begins it. */
static inline unsigned bench_turn_of(unsigned turn, unsigned contenders)
{
        return (turn + turn / contenders) % contenders;
}

struct bench_figure bench_figure_of(const double *values, size_t count);
double bench_median_ratio(const double *ours, const double *limit, size_t count);

int bench_row_read(struct bench *bench);
int bench_row_publish(struct bench *bench);
int bench_row_readers(struct bench *bench);
int bench_row_times(struct bench *bench);
int bench_row_flat_out(struct bench *bench);
int bench_row_stream(struct bench *bench);
int bench_row_parts(struct bench *bench);
int bench_row_attach(struct bench *bench);
int bench_row_topics(struct bench *bench);
int bench_row_memory(struct bench *bench);
int bench_row_wake(struct bench *bench);
int bench_row_latency_spinning(struct bench *bench);
int bench_row_latency_sleeping(struct bench *bench);
int bench_row_paced(struct bench *bench);
int bench_row_neighbours(struct bench *bench);

#endif
