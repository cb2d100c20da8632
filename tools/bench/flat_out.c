/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* flat-out: the newest record, while the writer publishes as fast as it can, beside copies that nothing
 * protects: the writer copies into buffers in turn and stores the index of the newest one, the reader copies
 * that one. */

#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/flow.h"
#include "bench/side.h"
#include "bench/topic.h"
#include "seqcast.h"

#define LINE_BYTES 64
#define APART 128 /* processors fetch lines in pairs */
#define DEPTH_MAX 8

static const size_t sizes[] = { 64, 4096, 65536 };
static const uint32_t depths[] = { 1, 2, 4, DEPTH_MAX };
#define TARGET_DEPTH 4

/* What one side stores to stands apart from what the other one loads. */
struct flat_out {
        struct flow flow;
        alignas(APART) _Atomic(uint64_t) newest; /* of the buffers */
        alignas(APART) struct bench_topic topic;
        size_t bytes;
        uint32_t depth;
        unsigned char *buffers;
        unsigned char *record; /* the writer's */
        unsigned char *copy;   /* the reader's */
        seqcast_publisher *publisher;
        seqcast_subscriber *subscriber;
        alignas(APART) uint64_t calls;                             /* in this turn */
        uint64_t retries;                                          /* before it */
        double first_try[BENCH_ROUNDS_MAX], all[BENCH_ROUNDS_MAX]; /* in per cent */
};

static unsigned char *buffer_of(const struct flat_out *flat_out, uint64_t number)
{
        size_t stride = (flat_out->bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;

        return flat_out->buffers + (number & (flat_out->depth - 1)) * stride;
}

static bool publish(void *context, uint64_t count, struct failure *failure)
{
        struct flat_out *flat_out = context;
        size_t bytes = flat_out->bytes;

        for (; count > 0; count--) {
                int r = seqcast_publish(flat_out->publisher, flat_out->record, bytes);

                if (r != 0)
                        return bench_fail_library(failure, "publish", r);
        }
        return true;
}

static bool copy_in_turn(void *context, uint64_t count, struct failure *failure)
{
        struct flat_out *flat_out = context;
        size_t bytes = flat_out->bytes;
        uint64_t number = atomic_load_explicit(&flat_out->newest, memory_order_relaxed);

        (void)failure;
        for (; count > 0; count--) {
                memcpy(buffer_of(flat_out, ++number), flat_out->record, bytes);
                atomic_store_explicit(&flat_out->newest, number, memory_order_release);
        }
        return true;
}

static bool read_newest(void *context, uint64_t count, uint64_t *ret_done, struct failure *failure)
{
        struct flat_out *flat_out = context;
        size_t bytes = flat_out->bytes;

        flat_out->calls += count;
        for (*ret_done = 0; count > 0; count--) {
                int r = seqcast_read_newest(flat_out->subscriber, flat_out->copy, bytes, NULL);

                if (r < 0)
                        return bench_fail_library(failure, "read", r);
                *ret_done += r == 0;
        }
        return true;
}

static bool copy_newest(void *context, uint64_t count, uint64_t *ret_done, struct failure *failure)
{
        struct flat_out *flat_out = context;
        size_t bytes = flat_out->bytes;

        (void)failure;
        for (*ret_done = count; count > 0; count--) {
                uint64_t number = atomic_load_explicit(&flat_out->newest, memory_order_acquire);

                memcpy(flat_out->copy, buffer_of(flat_out, number), bytes);
                atomic_signal_fence(memory_order_seq_cst); /* so that each copy is made */
        }
        return true;
}

/* An attempt that was thrown away may have been the first one of its call or a later one: that many calls at
 * most did not succeed at once. */
static bool keep_first_tries(void *context, unsigned round, struct failure *failure)
{
        struct flat_out *flat_out = context;
        uint64_t retries = seqcast_subscriber_retries(flat_out->subscriber),
                 again = retries - flat_out->retries, calls = flat_out->calls;

        (void)failure;
        if (round >= BENCH_WARM_UP) {
                flat_out->first_try[round - BENCH_WARM_UP] =
                        calls > again ? 100.0 * (double)(calls - again) / (double)calls : 0;
                flat_out->all[round - BENCH_WARM_UP] = 100;
        }
        flat_out->retries = retries;
        flat_out->calls = 0;
        return true;
}

static const struct flow_ends ends[FLOW_KINDS] = { [FLOW_OURS] = { publish, read_newest, keep_first_tries },
                                                   [FLOW_LIMIT] = { copy_in_turn, copy_newest, NULL } };

static bool write_all(void *shared, struct failure *failure)
{
        struct flat_out *flat_out = shared;
        bool done = bench_open_publisher(&flat_out->topic, flat_out->bytes, flat_out->depth, 0,
                                         &flat_out->publisher, failure) &&
                    flow_write(&flat_out->flow, ends, flat_out, failure);

        flat_out->publisher = bench_close_publisher(flat_out->publisher);
        return done;
}

static bool read_all(void *shared, struct failure *failure)
{
        struct flat_out *flat_out = shared;
        bool done = bench_open_subscriber(&flat_out->topic, &flat_out->subscriber, failure) &&
                    flow_read(&flat_out->flow, ends, flat_out, failure);

        flat_out->subscriber = seqcast_subscriber_close(flat_out->subscriber);
        return done;
}

static void report(struct bench *bench, const struct flat_out *flat_out)
{
        const struct flow *flow = &flat_out->flow;
        struct bench_line line = { .row = "flat-out", .at_least = true };
        bool target = flat_out->depth == TARGET_DEPTH;
        char size[20];

        bench_print_bytes(size, sizeof size, (double)flat_out->bytes);
        line.unit = "%";
        line.limit_name = "all";
        line.extra = target ? 99 : 0;
        snprintf(line.what, sizeof line.what, "%s, depth %u, first try", size, flat_out->depth);
        bench_report_rounds(bench, line, flat_out->first_try, flat_out->all);

        line.unit = "/s";
        line.limit_name = "unprotected";
        line.extra = 0;
        line.factor = target && flat_out->bytes > LINE_BYTES ? 0.8 : 0;
        snprintf(line.what, sizeof line.what, "%s, depth %u, reads", size, flat_out->depth);
        bench_report_rounds(bench, line, flow->delivered[FLOW_OURS], flow->delivered[FLOW_LIMIT]);
        snprintf(line.what, sizeof line.what, "%s, depth %u, writes", size, flat_out->depth);
        bench_report_rounds(bench, line, flow->written[FLOW_OURS], flow->written[FLOW_LIMIT]);
}

static bool measure(struct bench *bench, struct flat_out *flat_out)
{
        static side_function *const sides[2] = { write_all, read_all };
        size_t buffers = DEPTH_MAX * flat_out->bytes;
        bool done = bench_topic_name(&flat_out->topic, "flat-out", flat_out->depth, bench->failure);

        flat_out->flow.bench = bench;
        flat_out->buffers = side_memory(buffers, bench->failure);
        flat_out->record = side_memory(flat_out->bytes, bench->failure);
        flat_out->copy = side_memory(flat_out->bytes, bench->failure);
        if (flat_out->buffers == NULL || flat_out->record == NULL || flat_out->copy == NULL)
                done = false;
        done = done && side_pair(bench->cpus, sides, flat_out, bench->failure);
        bench_topic_remove(&flat_out->topic);
        side_memory_free(flat_out->copy, flat_out->bytes);
        side_memory_free(flat_out->record, flat_out->bytes);
        side_memory_free(flat_out->buffers, buffers);
        return done;
}

static bool measure_and_report(struct bench *bench, size_t bytes, uint32_t depth)
{
        struct flat_out *flat_out = side_memory(sizeof *flat_out, bench->failure);
        bool done = flat_out != NULL;

        if (done) {
                flat_out->bytes = bytes;
                flat_out->depth = depth;
                done = measure(bench, flat_out);
        }
        if (done)
                report(bench, flat_out);
        side_memory_free(flat_out, sizeof *flat_out);
        return done;
}

int bench_row_flat_out(struct bench *bench)
{
        bool done = true;

        for (size_t i = 0; i < sizeof sizes / sizeof *sizes && done; i++)
                for (size_t k = 0; k < sizeof depths / sizeof *depths && done; k++)
                        done = measure_and_report(bench, sizes[i], depths[k]);
        return done ? 0 : -1;
}
