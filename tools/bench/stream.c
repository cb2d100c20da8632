/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* stream: every message in order, beside a bare hand-over ring: one sequence store per message; the reader
 * polls that word and copies. No mark that a slot is being written, and no check that it was not: what is
 * copied may be torn. Neither writer waits: who is lapped loses, and goes on in the middle of the ring. Of
 * ours, all that was published is delivered or counted as lost, or the row fails. */

#include <inttypes.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/flow.h"
#include "bench/side.h"
#include "bench/topic.h"
#include "seqcast.h"

#define APART 128 /* processors fetch lines in pairs */
#define BYTES 64
#define DEPTH 1024
#define SLOT_BYTES 128       /* from slot to slot, as in ours: head and record take two cache lines */
#define LOOK_AWAY_PAUSES 300 /* after a look that finds nothing */

struct bare_slot {
        alignas(SLOT_BYTES) _Atomic(uint64_t) number;
        alignas(64) unsigned char record[BYTES]; /* on a line of its own */
};

/* What one side stores to stands apart from what the other one loads. */
struct stream {
        struct flow flow;
        alignas(APART) struct bare_slot slots[DEPTH];
        alignas(APART) struct bench_topic topic;
        size_t bytes;
        alignas(APART) seqcast_publisher *publisher;
        unsigned char record[BYTES];
        uint64_t sent; /* into the bare ring */
        alignas(APART) seqcast_subscriber *subscriber;
        unsigned char copy[BYTES];
        uint64_t wanted;                                  /* from the bare ring */
        uint64_t accounted;                               /* so many were accounted for */
        uint64_t delivered[FLOW_KINDS], lost[FLOW_KINDS]; /* in this turn */
        double lost_share[FLOW_KINDS][BENCH_ROUNDS_MAX];  /* in per cent */
};

static bool publish(void *context, uint64_t count, struct failure *failure)
{
        struct stream *stream = context;
        size_t bytes = stream->bytes;

        for (; count > 0; count--) {
                int r = seqcast_publish(stream->publisher, stream->record, bytes);

                if (r != 0)
                        return bench_fail_library(failure, "publish", r);
        }
        return true;
}

static bool send_bare(void *context, uint64_t count, struct failure *failure)
{
        struct stream *stream = context;
        size_t bytes = stream->bytes;
        uint64_t sent = stream->sent;

        (void)failure;
        for (; count > 0; count--) {
                struct bare_slot *slot = &stream->slots[++sent % DEPTH];

                memcpy(slot->record, stream->record, bytes);
                atomic_store_explicit(&slot->number, sent, memory_order_release);
        }
        stream->sent = sent;
        return true;
}

/* Who looks all the time takes the line away from the writer. Both readers look away equally long. */
static void look_away(void)
{
        for (int i = 0; i < LOOK_AWAY_PAUSES; i++) {
#if defined(__x86_64__) || defined(__i386__)
                __builtin_ia32_pause();
#elif defined(__aarch64__)
                __asm__ volatile("yield");
#endif
        }
}

static bool read_next(void *context, uint64_t count, uint64_t *ret_done, struct failure *failure)
{
        struct stream *stream = context;
        size_t bytes = stream->bytes;
        seqcast_sample sample;

        for (*ret_done = 0; count > 0; count--) {
                int r = seqcast_read_next(stream->subscriber, stream->copy, bytes, &sample);

                if (r < 0 || r == SEQCAST_RETIRED)
                        return bench_fail_library(failure, "read", r);
                if (r != 0) {
                        look_away();
                        continue;
                }
                ++*ret_done;
                stream->lost[FLOW_OURS] += sample.lost;
        }
        stream->delivered[FLOW_OURS] += *ret_done;
        return true;
}

static bool receive_bare(void *context, uint64_t count, uint64_t *ret_done, struct failure *failure)
{
        struct stream *stream = context;
        size_t bytes = stream->bytes;
        uint64_t wanted = stream->wanted, done = 0;

        (void)failure;
        for (; count > 0; count--) {
                const struct bare_slot *slot = &stream->slots[wanted % DEPTH];
                uint64_t number = atomic_load_explicit(&slot->number, memory_order_acquire);

                if (number < wanted) {
                        look_away();
                        continue;
                }
                if (number > wanted) {
                        uint64_t next = number - DEPTH / 2; /* not the oldest: that is overwritten next */

                        stream->lost[FLOW_LIMIT] += next - wanted;
                        wanted = next;
                        continue;
                }
                memcpy(stream->copy, slot->record, bytes);
                wanted++;
                done++;
        }
        stream->wanted = wanted;
        *ret_done = done;
        stream->delivered[FLOW_LIMIT] += done;
        return true;
}

static void keep_loss(struct stream *stream, enum flow_kind kind, unsigned round)
{
        uint64_t all = stream->delivered[kind] + stream->lost[kind];

        if (round >= BENCH_WARM_UP)
                stream->lost_share[kind][round - BENCH_WARM_UP] =
                        all > 0 ? 100.0 * (double)stream->lost[kind] / (double)all : 0;
        stream->delivered[kind] = stream->lost[kind] = 0;
}

/* Nothing more is published: after the rest is read, no message may be unaccounted for. */
static bool account(void *context, unsigned round, struct failure *failure)
{
        struct stream *stream = context;
        uint64_t published = seqcast_subscriber_version(stream->subscriber) - stream->accounted, done;

        do
                if (!read_next(stream, 1, &done, failure))
                        return false;
        while (done > 0);
        if (stream->delivered[FLOW_OURS] + stream->lost[FLOW_OURS] != published)
                return fail(failure, E_IO,
                            "%" PRIu64 " messages were published, %" PRIu64 " delivered and %" PRIu64 " lost",
                            published, stream->delivered[FLOW_OURS], stream->lost[FLOW_OURS]);
        stream->accounted += published;
        keep_loss(stream, FLOW_OURS, round);
        return true;
}

static bool drain_bare(void *context, unsigned round, struct failure *failure)
{
        struct stream *stream = context;
        uint64_t done;

        do
                receive_bare(stream, DEPTH, &done, failure);
        while (done > 0);
        keep_loss(stream, FLOW_LIMIT, round);
        return true;
}

static const struct flow_ends ends[FLOW_KINDS] = {
        [FLOW_OURS] = { publish, read_next, account }, [FLOW_LIMIT] = { send_bare, receive_bare, drain_bare }
};

static bool write_all(void *shared, struct failure *failure)
{
        struct stream *stream = shared;
        bool done = bench_open_publisher(&stream->topic, BYTES, DEPTH, 0, &stream->publisher, failure) &&
                    flow_write(&stream->flow, ends, stream, failure);

        stream->publisher = bench_close_publisher(stream->publisher);
        return done;
}

static bool read_all(void *shared, struct failure *failure)
{
        struct stream *stream = shared;
        bool done = bench_open_subscriber(&stream->topic, &stream->subscriber, failure) &&
                    flow_read(&stream->flow, ends, stream, failure);

        stream->subscriber = seqcast_subscriber_close(stream->subscriber);
        return done;
}

static void report(struct bench *bench, const struct stream *stream)
{
        const struct flow *flow = &stream->flow;
        struct bench_line line = {
                .row = "stream", .unit = "/s", .limit_name = "bare ring", .at_least = true
        };

        line.factor = 0.85;
        snprintf(line.what, sizeof line.what, "%d B, delivered", BYTES);
        bench_report_rounds(bench, line, flow->delivered[FLOW_OURS], flow->delivered[FLOW_LIMIT]);
        line.factor = 0;
        snprintf(line.what, sizeof line.what, "%d B, published", BYTES);
        bench_report_rounds(bench, line, flow->written[FLOW_OURS], flow->written[FLOW_LIMIT]);
        line.unit = "%";
        snprintf(line.what, sizeof line.what, "%d B, lost, and counted", BYTES);
        bench_report_rounds(bench, line, stream->lost_share[FLOW_OURS], stream->lost_share[FLOW_LIMIT]);
}

int bench_row_stream(struct bench *bench)
{
        static side_function *const sides[2] = { write_all, read_all };
        struct stream *stream = side_memory(sizeof *stream, bench->failure);
        bool done = stream != NULL && bench_topic_name(&stream->topic, "stream", 0, bench->failure);

        if (done) {
                stream->flow.bench = bench;
                stream->bytes = BYTES;
                stream->wanted = 1;
                done = side_pair(bench->cpus, sides, stream, bench->failure);
                bench_topic_remove(&stream->topic);
        }
        if (done)
                report(bench, stream);
        side_memory_free(stream, sizeof *stream);
        return done ? 0 : -1;
}
