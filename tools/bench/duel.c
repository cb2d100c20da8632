/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Contenders that take turns in one process. */

#include "bench/duel.h"

#include "common/clock.h"

#define BLOCK_NS 20000 /* far below what a scheduler gives away at once, far above two looks at the clock */
#define BLOCKS_MAX 8192
#define CALLS_MAX (UINT64_C(1) << 20)

static bool time_block(const struct contender *contender, uint64_t calls, int64_t *ret_ns,
                       struct failure *failure)
{
        int64_t begun = clock_now();
        bool done = contender->call(contender->context, calls, failure);

        *ret_ns = clock_now() - begun;
        return done;
}

/* How many calls make a block; the caches are warm afterwards. */
static bool size_block(const struct contender *contender, uint64_t *ret_calls, struct failure *failure)
{
        int64_t took = 0;
        int long_enough = 0; /* in a row: one alone may have been interrupted */

        for (*ret_calls = 1; *ret_calls < CALLS_MAX;) {
                if (!time_block(contender, *ret_calls, &took, failure))
                        return false;
                long_enough = took >= BLOCK_NS ? long_enough + 1 : 0;
                if (long_enough == 2)
                        break;
                if (long_enough == 0)
                        *ret_calls *= 2;
        }
        return true;
}

static bool time_blocks(const struct contender *contender, int64_t turn_ns, double *ret_ns,
                        struct failure *failure)
{
        static double costs[BLOCKS_MAX];
        int64_t ends = clock_now() + turn_ns, took;
        uint64_t calls;
        size_t blocks = 0;

        if (!size_block(contender, &calls, failure))
                return false;
        do {
                if (!time_block(contender, calls, &took, failure))
                        return false;
                costs[blocks++] = (double)took / (double)calls;
        } while (blocks < BLOCKS_MAX && clock_now() < ends);
        *ret_ns = bench_figure_of(costs, blocks).median;
        return true;
}

bool duel_turn(const struct contender *contender, int64_t turn_ns, double *ret_ns, struct failure *failure)
{
        bool done;

        if (contender->begin != NULL && !contender->begin(contender->context, failure))
                return false;
        done = time_blocks(contender, turn_ns, ret_ns, failure);
        if (contender->end != NULL)
                contender->end(contender->context);
        return done;
}

bool duel_run(const struct bench *bench, const struct contender *contenders, size_t count, struct duel *duel,
              struct failure *failure)
{
        for (unsigned round = 0; round < bench->rounds + BENCH_WARM_UP; round++) {
                for (size_t turn = 0; turn < count; turn++) {
                        size_t whose = (turn + round) % count;
                        double ns;

                        if (!duel_turn(&contenders[whose], bench->round_ns, &ns, failure))
                                return false;
                        if (round >= BENCH_WARM_UP)
                                duel->ns[whose][round - BENCH_WARM_UP] = ns;
                }
        }
        return true;
}
