/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The whole distributions behind the percentiles that were reported, as files: tables for HdrHistogram's
 * plotters, and a chart. Knows nothing of how they were measured. */

#ifndef SEQCAST_TOOLS_PERCENTILE_FILES_H
#define SEQCAST_TOOLS_PERCENTILE_FILES_H

#include <stdbool.h>

#include "bench/histogram.h"
#include "common/failure.h"

struct percentile_series {
        const char *row;
        char *name; /* within the row */
        struct histogram *histogram;
        double unit; /* how many of the histogram's units make a nanosecond */
};

/** Zeros are an empty one. */
struct percentiles {
        struct percentile_series *series;
        size_t count;
};

/** Keep a copy. @param row stays the caller's; series of one row are drawn together, and come in a row */
void percentiles_add(struct percentiles *percentiles, const char *row, const char *name,
                     const struct histogram *histogram, double unit);
void percentiles_free(struct percentiles *percentiles);

/** A table for each series, in a file of its own, as the plotters want it: the row's and the series' names go
 *  before the ending of `file`. @return false: E_IO */
bool percentiles_write_tables(const struct percentiles *percentiles, const char *file,
                              struct failure *failure);

/** Is there a folder for these files, and may it be written to? @return false: E_IO */
bool percentiles_can_write(const char *file, struct failure *failure);

/** Can charts be drawn? Better asked before measuring than after. @return false: E_IO, no gnuplot */
bool percentiles_can_draw(struct failure *failure);

/** All series as one SVG, with a panel for each row. @return false: E_IO */
bool percentiles_draw(const struct percentiles *percentiles, const char *file, struct failure *failure);

#endif
