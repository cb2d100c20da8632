/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A writer and a reader at full speed. */

#include "bench/flow.h"

#include <sched.h>

#include "common/clock.h"
#include "common/number.h"

#define BATCH 16 /* calls between two looks at the clock, or at whether the turn is over */

static void wait_for(const _Atomic(uint32_t) *turns, uint32_t wanted)
{
        while (atomic_load_explicit(turns, memory_order_acquire) < wanted)
                sched_yield();
}

static double per_second(uint64_t count, int64_t ns)
{
        return ns > 0 ? (double)count * (double)NS_PER_SECOND / (double)ns : 0;
}

static void keep(double values[FLOW_KINDS][BENCH_ROUNDS_MAX], uint32_t turn, double value)
{
        uint32_t round = turn / FLOW_KINDS;

        if (round >= BENCH_WARM_UP)
                values[bench_turn_of(turn, FLOW_KINDS)][round - BENCH_WARM_UP] = value;
}

static uint32_t turns_of(const struct flow *flow)
{
        return FLOW_KINDS * (flow->bench->rounds + BENCH_WARM_UP);
}

bool flow_write(struct flow *flow, const struct flow_ends *ends, void *context, struct failure *failure)
{
        for (uint32_t turn = 0; turn < turns_of(flow); turn++) {
                const struct flow_ends *end = &ends[bench_turn_of(turn, FLOW_KINDS)];
                int64_t began, now;
                uint64_t count = 0;

                wait_for(&flow->ready, turn + 1);
                atomic_store_explicit(&flow->begun, turn + 1, memory_order_release);
                now = began = clock_now();
                while (now - began < flow->bench->round_ns) {
                        if (!end->write(context, BATCH, failure))
                                return false;
                        count += BATCH;
                        now = clock_now();
                }
                atomic_store_explicit(&flow->ended, turn + 1, memory_order_release);
                keep(flow->written, turn, per_second(count, now - began));
                wait_for(&flow->over, turn + 1);
        }
        return true;
}

bool flow_read(struct flow *flow, const struct flow_ends *ends, void *context, struct failure *failure)
{
        for (uint32_t turn = 0; turn < turns_of(flow); turn++) {
                const struct flow_ends *end = &ends[bench_turn_of(turn, FLOW_KINDS)];
                int64_t began;
                uint64_t count = 0, done;

                atomic_store_explicit(&flow->ready, turn + 1, memory_order_release);
                wait_for(&flow->begun, turn + 1);
                began = clock_now();
                while (atomic_load_explicit(&flow->ended, memory_order_acquire) <= turn) {
                        if (!end->read(context, BATCH, &done, failure))
                                return false;
                        count += done;
                }
                keep(flow->delivered, turn, per_second(count, clock_now() - began));
                if (end->drain != NULL && !end->drain(context, turn / FLOW_KINDS, failure))
                        return false;
                atomic_store_explicit(&flow->over, turn + 1, memory_order_release);
        }
        return true;
}
