/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The sides of a measurement: processes of their own, each pinned to its CPU, that have a piece of memory in
 * common and never outlive who started them. */

#ifndef SEQCAST_TOOLS_BENCH_SIDE_H
#define SEQCAST_TOOLS_BENCH_SIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/failure.h"

typedef bool side_function(void *shared, struct failure *failure);

struct side {
        int cpu;
        side_function *run;
        void *shared;
};

/** Zeros that children of fork() share, in pages as those of shared-memory objects.
 *  @return NULL, and the failure, if there is no memory */
void *side_memory(size_t bytes, struct failure *failure);
void side_memory_free(void *memory, size_t bytes);

bool side_pin(int cpu, struct failure *failure);

/** Run all of them until all are done, one has failed, or somebody asks the tool to stop; none is left.
 *  @return false: the first failure */
bool side_run(const struct side *sides, size_t count, struct failure *failure);

/** Run one, on one CPU. */
bool side_alone(int cpu, side_function *run, void *shared, struct failure *failure);

/** Run both, on two CPUs. */
bool side_pair(const int cpus[2], side_function *const sides[2], void *shared, struct failure *failure);

#endif
