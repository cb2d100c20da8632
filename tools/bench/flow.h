/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A writer and a reader who both go as fast as they can, on two CPUs: ours and their limit take turns, round
 * by round. What counts is how much each has done per second. */

#ifndef SEQCAST_TOOLS_BENCH_FLOW_H
#define SEQCAST_TOOLS_BENCH_FLOW_H

#include <stdalign.h>
#include <stdatomic.h>

#include "bench/bench.h"

enum flow_kind { FLOW_OURS, FLOW_LIMIT, FLOW_KINDS };

/** Both sides of one kind. */
struct flow_ends {
        /** Write `count` times. */
        bool (*write)(void *context, uint64_t count, struct failure *failure);
        /** Try to read `count` times; *ret_done of them delivered something. */
        bool (*read)(void *context, uint64_t count, uint64_t *ret_done, struct failure *failure);
        /** The turn is over, and nothing more is written: read what is left. NULL: nothing to do. */
        bool (*drain)(void *context, unsigned round, struct failure *failure);
};

/** In memory that both sides share. */
struct flow {
        alignas(128) _Atomic(uint32_t) begun; /* turns, in the writer's eyes */
        alignas(128) _Atomic(uint32_t) ended;
        alignas(128) _Atomic(uint32_t) ready; /* turns, in the reader's eyes */
        alignas(128) _Atomic(uint32_t) over;
        alignas(128) const struct bench *bench;
        double written[FLOW_KINDS][BENCH_ROUNDS_MAX]; /* per second */
        double delivered[FLOW_KINDS][BENCH_ROUNDS_MAX];
};

/** The writer's side and the reader's. @param ends of both kinds */
bool flow_write(struct flow *flow, const struct flow_ends *ends, void *context, struct failure *failure);
bool flow_read(struct flow *flow, const struct flow_ends *ends, void *context, struct failure *failure);

#endif
