/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What the rows of the benchmark are given, and what they hand back: one line for each thing that was
 * measured, ours beside its limit. */

#ifndef SEQCAST_TOOLS_BENCH_H
#define SEQCAST_TOOLS_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/percentile_files.h"
#include "common/failure.h"

struct bench {
        int cpus[2];
        unsigned rounds;
        int64_t round_ns;
        bool quick;
        struct percentiles percentiles;
        struct failure *failure;
};

struct bench_figure {
        double median, low, high;
};

struct bench_line {
        const char *row;
        char what[64];
        const char *unit;
        struct bench_figure ours, limit;
        const char *limit_name;
        double ratio;
        double factor, extra; /* met if ours <= factor * limit + extra; factor 0: no target */
};

void bench_report_line(struct bench *bench, const struct bench_line *line);

int bench_row_latency_spinning(struct bench *bench);
int bench_row_latency_sleeping(struct bench *bench);
int bench_row_paced(struct bench *bench);
int bench_row_neighbours(struct bench *bench);

#endif
