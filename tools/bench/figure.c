/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Medians, quartiles and ratios of rounds. */

#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "common/text.h"

static int by_size(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

struct bench_figure bench_figure_of(const double *values, size_t count)
{
        double *sorted = allocate(count, sizeof *sorted);
        struct bench_figure figure;

        memcpy(sorted, values, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, by_size);
        figure = (struct bench_figure){ sorted[count / 2], sorted[count / 4], sorted[count - 1 - count / 4] };
        free(sorted);
        return figure;
}

double bench_median_ratio(const double *ours, const double *limit, size_t count)
{
        double *ratios = allocate(count, sizeof *ratios);
        double median;

        for (size_t i = 0; i < count; i++)
                ratios[i] = limit[i] > 0 ? ours[i] / limit[i] : 0;
        median = bench_figure_of(ratios, count).median;
        free(ratios);
        return median;
}

void bench_report_rounds(struct bench *bench, struct bench_line line, const double *ours, const double *limit)
{
        line.ours = bench_figure_of(ours, bench->rounds);
        line.limit = bench_figure_of(limit, bench->rounds);
        line.ratio = bench_median_ratio(ours, limit, bench->rounds);
        bench_report_line(bench, &line);
}
