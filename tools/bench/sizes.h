/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The sizes of records that are measured, in bytes. */

#ifndef SEQCAST_TOOLS_BENCH_SIZES_H
#define SEQCAST_TOOLS_BENCH_SIZES_H

#include <stddef.h>

static const size_t bench_sizes[] = { 8, 64, 256, 1024, 4096, 65536, 1048576 };
#define BENCH_SIZES (sizeof bench_sizes / sizeof *bench_sizes)

#endif
