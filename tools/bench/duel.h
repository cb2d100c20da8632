/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Contenders that take turns in one process: what a call of each costs, round by round. */

#ifndef SEQCAST_TOOLS_BENCH_DUEL_H
#define SEQCAST_TOOLS_BENCH_DUEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/bench.h"

#define DUEL_MAX 4 /* contenders */

struct contender {
        /** Do it `calls` times. */
        bool (*call)(void *context, uint64_t calls, struct failure *failure);
        void *context;
        bool (*begin)(void *context, struct failure *failure); /* before each turn; NULL: nothing to do */
        void (*end)(void *context);                            /* after it */
};

/** In ns per call; for memory that the process which asked shares with the one that measured. */
struct duel {
        double ns[DUEL_MAX][BENCH_ROUNDS_MAX];
};

/** One turn. Its cost is the median of short blocks of calls: what other processes take away is seen in
 *  few of them. */
bool duel_turn(const struct contender *contender, int64_t turn_ns, double *ret_ns, struct failure *failure);

/** All rounds. Who begins changes from round to round. */
bool duel_run(const struct bench *bench, const struct contender *contenders, size_t count, struct duel *duel,
              struct failure *failure);

#endif
