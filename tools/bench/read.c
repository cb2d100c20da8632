/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* read: the newest record, while nobody publishes, beside a memcpy() of as many bytes. */

#include <stdatomic.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/duel.h"
#include "bench/side.h"
#include "bench/sizes.h"
#include "bench/topic.h"
#include "seqcast.h"

struct reading {
        struct duel duel;
        const struct bench *bench;
        struct bench_topic topic;
        size_t bytes;
        seqcast_subscriber *subscriber;
        unsigned char *source, *copy;
};

static bool read_newest(void *context, uint64_t calls, struct failure *failure)
{
        struct reading *reading = context;
        size_t bytes = reading->bytes;

        for (; calls > 0; calls--) {
                int r = seqcast_read_newest(reading->subscriber, reading->copy, bytes, NULL);

                if (r != 0)
                        return bench_fail_library(failure, "read", r);
        }
        return true;
}

static bool copy_only(void *context, uint64_t calls, struct failure *failure)
{
        struct reading *reading = context;
        size_t bytes = reading->bytes;

        (void)failure;
        for (; calls > 0; calls--) {
                memcpy(reading->copy, reading->source, bytes);
                atomic_signal_fence(memory_order_seq_cst); /* so that each copy is made */
        }
        return true;
}

static bool read_and_copy(void *shared, struct failure *failure)
{
        struct reading *reading = shared;
        const struct contender contenders[] = { { .call = read_newest, .context = reading },
                                                { .call = copy_only, .context = reading } };
        seqcast_publisher *publisher = NULL;
        bool done;
        int r;

        reading->source = side_memory(reading->bytes, failure);
        reading->copy = side_memory(reading->bytes, failure);
        if (reading->source == NULL || reading->copy == NULL)
                return false;
        memset(reading->source, 1, reading->bytes);
        done = bench_open_publisher(&reading->topic, reading->bytes, 0, 0, &publisher, failure) &&
               bench_open_subscriber(&reading->topic, &reading->subscriber, failure);
        if (done && (r = seqcast_publish(publisher, reading->source, reading->bytes)) != 0)
                done = bench_fail_library(failure, "publish", r);
        done = done && duel_run(reading->bench, contenders, 2, &reading->duel, failure);
        reading->subscriber = seqcast_subscriber_close(reading->subscriber);
        bench_close_publisher(publisher);
        return done;
}

static bool measure(struct bench *bench, struct reading *reading, size_t bytes)
{
        struct bench_line line = {
                .row = "read", .unit = "ns", .limit_name = "memcpy", .factor = 1.10, .extra = 2
        };
        bool done;

        reading->bench = bench;
        reading->bytes = bytes;
        if (!bench_topic_name(&reading->topic, "read", 0, bench->failure))
                return false;
        done = side_alone(bench->cpus[0], read_and_copy, reading, bench->failure);
        bench_topic_remove(&reading->topic);
        if (done) {
                bench_print_bytes(line.what, sizeof line.what, (double)bytes);
                bench_report_rounds(bench, line, reading->duel.ns[0], reading->duel.ns[1]);
        }
        return done;
}

int bench_row_read(struct bench *bench)
{
        struct reading *reading = side_memory(sizeof *reading, bench->failure);
        bool done = reading != NULL;

        for (size_t i = 0; i < BENCH_SIZES && done; i++)
                done = measure(bench, reading, bench_sizes[i]);
        side_memory_free(reading, sizeof *reading);
        return done ? 0 : -1;
}
