/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include "bench/outcome.h"

#include <stdio.h>

static const struct {
        const char *name;
        double fraction;
} levels[LEVELS] = { { "p50", 0.5 }, { "p99", 0.99 }, { "p99.9", 0.999 }, { "max", 1 } };

const double outcome_no_target[LEVELS];

void outcome_keep_round(struct outcome *outcome, unsigned round, double unit)
{
        if (round < BENCH_WARM_UP)
                return;
        for (int i = 0; i < LEVELS; i++)
                outcome->figures[i][round - BENCH_WARM_UP] =
                        (double)histogram_at(&outcome->round, levels[i].fraction) / unit;
        histogram_merge(&outcome->all, &outcome->round);
}

void outcome_report(struct bench *bench, const char *row, const char *what, const struct outcome *ours,
                    const struct outcome *limit, const char *limit_name, const double factors[LEVELS])
{
        for (int i = 0; i < LEVELS; i++) {
                struct bench_line line = {
                        .row = row, .unit = "ns", .limit_name = limit_name, .factor = factors[i]
                };

                snprintf(line.what, sizeof line.what, "%s, %s", what, levels[i].name);
                bench_report_rounds(bench, line, ours->figures[i], limit->figures[i]);
        }
}
