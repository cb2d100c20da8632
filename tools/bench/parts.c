/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* parts: 24 bytes of a large record, updated and read, beside a record of 24 bytes. */

#include <stdio.h>

#include "bench/bench.h"
#include "bench/duel.h"
#include "bench/side.h"
#include "bench/topic.h"
#include "seqcast.h"

#define PART_BYTES 24

enum record { SMALL, LARGE, HUGE_SPARSE, RECORDS };

static const struct {
        const char *name;
        uint64_t bytes;
        uint32_t flags;
} records[RECORDS] = { { "24 B", PART_BYTES, 0 },
                       { "64 KiB", 65536, 0 },
                       { "4 GB sparse", UINT64_C(4000000000), SEQCAST_SPARSE } };

struct record_topic {
        struct bench_topic topic;
        seqcast_publisher *publisher;
        seqcast_subscriber *subscriber;
        uint64_t offset;
};

struct parts {
        struct duel updates, reads;
        const struct bench *bench;
        struct record_topic topics[RECORDS];
};

static bool update(void *context, uint64_t calls, struct failure *failure)
{
        struct record_topic *topic = context;
        uint64_t values[PART_BYTES / 8] = { 0 };
        const seqcast_part part = { topic->offset, sizeof values, values };

        for (; calls > 0; calls--) {
                int r;

                values[0] = calls;
                r = seqcast_publish_parts(topic->publisher, &part, 1);
                if (r != 0)
                        return bench_fail_library(failure, "publish", r);
        }
        return true;
}

static bool read_back(void *context, uint64_t calls, struct failure *failure)
{
        struct record_topic *topic = context;
        uint64_t values[PART_BYTES / 8];
        const seqcast_read_part part = { topic->offset, sizeof values, values };

        for (; calls > 0; calls--) {
                int r = seqcast_read_newest_parts(topic->subscriber, &part, 1, NULL);

                if (r != 0)
                        return bench_fail_library(failure, "read", r);
        }
        return true;
}

static bool open_all(struct parts *parts, struct failure *failure)
{
        for (int i = 0; i < RECORDS; i++) {
                struct record_topic *topic = &parts->topics[i];

                /* in the middle of the record */
                topic->offset = (records[i].bytes - PART_BYTES) / 2 / PART_BYTES * PART_BYTES;
                if (!bench_open_publisher(&topic->topic, records[i].bytes, 2, records[i].flags,
                                          &topic->publisher, failure) ||
                    !bench_open_subscriber(&topic->topic, &topic->subscriber, failure))
                        return false;
        }
        return true;
}

static bool use_all(void *shared, struct failure *failure)
{
        struct parts *parts = shared;
        struct contender updates[RECORDS] = { { 0 } }, reads[RECORDS] = { { 0 } };
        bool done;

        for (int i = 0; i < RECORDS; i++) {
                updates[i] = (struct contender){ .call = update, .context = &parts->topics[i] };
                reads[i] = (struct contender){ .call = read_back, .context = &parts->topics[i] };
        }
        done = open_all(parts, failure) &&
               duel_run(parts->bench, updates, RECORDS, &parts->updates, failure) &&
               duel_run(parts->bench, reads, RECORDS, &parts->reads, failure);
        for (int i = 0; i < RECORDS; i++) {
                parts->topics[i].subscriber = seqcast_subscriber_close(parts->topics[i].subscriber);
                parts->topics[i].publisher = bench_close_publisher(parts->topics[i].publisher);
        }
        return done;
}

static void report(struct bench *bench, const struct duel *duel, const char *what)
{
        struct bench_line line = { .row = "parts", .unit = "ns", .limit_name = "24 B record", .factor = 2 };

        for (int i = LARGE; i < RECORDS; i++) {
                snprintf(line.what, sizeof line.what, "%s 24 B of %s", what, records[i].name);
                bench_report_rounds(bench, line, duel->ns[i], duel->ns[SMALL]);
        }
}

int bench_row_parts(struct bench *bench)
{
        struct parts *parts = side_memory(sizeof *parts, bench->failure);
        bool done = parts != NULL;

        for (unsigned i = 0; i < RECORDS && done; i++)
                done = bench_topic_name(&parts->topics[i].topic, "parts", i, bench->failure);
        if (done) {
                parts->bench = bench;
                done = side_alone(bench->cpus[0], use_all, parts, bench->failure);
                for (int i = 0; i < RECORDS; i++)
                        bench_topic_remove(&parts->topics[i].topic);
        }
        if (done) {
                report(bench, &parts->updates, "update");
                report(bench, &parts->reads, "read");
        }
        side_memory_free(parts, sizeof *parts);
        return done ? 0 : -1;
}
