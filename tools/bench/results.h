/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What was measured, for people, for programs, and as the table of targets. */

#ifndef SEQCAST_TOOLS_BENCH_RESULTS_H
#define SEQCAST_TOOLS_BENCH_RESULTS_H

#include "bench/bench.h"

/** For people: what stands above a row's lines. */
void results_begin_row(const struct bench *bench, const char *row, const char *sentence);

/** All that is printed at the end. `command` is how to repeat it. @return false: E_IO */
bool results_end(const struct bench *bench, const char *command, struct failure *failure);

void results_free(struct bench_results *results);

#endif
