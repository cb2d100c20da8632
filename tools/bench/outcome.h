/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What came of rounds that are distributions: some percentiles of each, and all samples of all. */

#ifndef SEQCAST_TOOLS_BENCH_OUTCOME_H
#define SEQCAST_TOOLS_BENCH_OUTCOME_H

#include "bench/bench.h"

enum level { P50, P99, P999, MAXIMUM, LEVELS };

struct outcome {
        double figures[LEVELS][BENCH_ROUNDS_MAX];
        struct histogram round, all;
};

/** The samples of `round` are complete. @param unit how many of a sample's units make one nanosecond */
void outcome_keep_round(struct outcome *outcome, unsigned round, double unit);

/** A line for each level. @param factors the target of each level; 0: none */
void outcome_report(struct bench *bench, const char *row, const char *what, const struct outcome *ours,
                    const struct outcome *limit, const char *limit_name, const double factors[LEVELS]);

extern const double outcome_no_target[LEVELS];

#endif
