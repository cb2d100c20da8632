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

/** Zeros that children of fork() share. @return NULL, and the failure, if there is no memory */
void *side_memory(size_t bytes, struct failure *failure);
void side_memory_free(void *memory, size_t bytes);

bool side_pin(int cpu, struct failure *failure);

/** Run both, on two CPUs, until both are done or one has failed. @return false: the first failure */
bool side_pair(const int cpus[2], side_function *const sides[2], void *shared, struct failure *failure);

#endif
