/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* paced: how long it takes from one process to another where messages are due at fixed times. */

#include <inttypes.h>
#include <stdatomic.h>

#include "bench/outcome.h"
#include "bench/side.h"
#include "bench/ticker.h"
#include "bench/topic.h"
#include "common/clock.h"
#include "seqcast.h"

#define RECORD_BYTES 48 /* that share a cache line with the slot's head */
#define PACE_NS UINT64_C(10000)
#define PACED_DEPTH 4096 /* what is caught up on after being held up for 40 ms is not lost */

struct paced_record {
        uint64_t due_ns, sent_ns;
        unsigned char rest[RECORD_BYTES - 16];
};

/* Counted from when a message was due, and from when it was sent: a publisher that is held up sends late, and
 * who counts from there leaves that out. Nothing is left out when the reader is held up: messages are sent
 * all the same. */
enum view { DUE, SENT, VIEWS };
static const char *const view_names[VIEWS] = { "from when it was due", "from when it was sent" };

struct pace {
        struct outcome outcomes[VIEWS];
        struct bench_topic topic;
        unsigned rounds;
        int64_t round_ns;
        uint64_t lost;             /* to a reader that was away for too long */
        _Atomic(unsigned) awaited; /* rounds that the reader is ready for */
};

static uint64_t messages_of(const struct pace *pace)
{
        return (uint64_t)pace->round_ns / PACE_NS;
}

static bool publish_round(const struct pace *pace, seqcast_publisher *publisher, struct failure *failure)
{
        struct paced_record record = { .due_ns = (uint64_t)clock_now() };
        int r = 0;

        for (uint64_t i = messages_of(pace); i > 0 && r == 0; i--) {
                record.due_ns += PACE_NS;
                while ((record.sent_ns = (uint64_t)clock_now()) < record.due_ns)
                        ;
                r = seqcast_publish(publisher, &record, sizeof record);
        }
        return r == 0 || bench_fail_library(failure, "publish", r);
}

static bool publish_paced(void *shared, struct failure *failure)
{
        struct pace *pace = shared;
        seqcast_publisher *publisher = NULL;
        bool done = bench_open_publisher(&pace->topic, sizeof(struct paced_record), PACED_DEPTH, 0,
                                         &publisher, failure);

        for (unsigned round = 0; round < pace->rounds + BENCH_WARM_UP && done; round++) {
                while (atomic_load_explicit(&pace->awaited, memory_order_acquire) <= round)
                        ;
                done = publish_round(pace, publisher, failure);
        }
        seqcast_publisher_close(publisher);
        return done;
}

static bool read_round(struct pace *pace, seqcast_subscriber *subscriber, struct failure *failure)
{
        for (uint64_t heard = 0; heard < messages_of(pace);) {
                struct paced_record record;
                seqcast_sample sample;
                int r = seqcast_read_next(subscriber, &record, sizeof record, &sample);
                uint64_t ended;

                if (r == SEQCAST_NONE || r == SEQCAST_EMPTY || r == SEQCAST_BUSY)
                        continue;
                if (r != 0)
                        return bench_fail_library(failure, "read", r);
                ended = (uint64_t)clock_now();
                heard += 1 + sample.lost;
                pace->lost += sample.lost;
                histogram_add(&pace->outcomes[DUE].round, (ended - record.due_ns) * (uint64_t)PS_PER_NS);
                histogram_add(&pace->outcomes[SENT].round, (ended - record.sent_ns) * (uint64_t)PS_PER_NS);
        }
        return true;
}

static bool read_paced(void *shared, struct failure *failure)
{
        struct pace *pace = shared;
        seqcast_subscriber *subscriber = NULL;
        bool done = bench_open_subscriber(&pace->topic, &subscriber, failure);

        for (unsigned round = 0; round < pace->rounds + BENCH_WARM_UP && done; round++) {
                for (int i = 0; i < VIEWS; i++)
                        histogram_clear(&pace->outcomes[i].round);
                atomic_store_explicit(&pace->awaited, round + 1, memory_order_release);
                done = read_round(pace, subscriber, failure);
                for (int i = 0; i < VIEWS; i++)
                        outcome_keep_round(&pace->outcomes[i], round, PS_PER_NS);
        }
        seqcast_subscriber_close(subscriber);
        return done;
}

int bench_row_paced(struct bench *bench)
{
        static side_function *const sides[2] = { publish_paced, read_paced };
        struct pace *pace;
        bool done;

        pace = side_memory(sizeof *pace, bench->failure);
        if (pace == NULL)
                return -1;
        pace->rounds = bench->rounds;
        pace->round_ns = bench->round_ns > (int64_t)PACE_NS ? bench->round_ns : (int64_t)PACE_NS;
        done = bench_topic_name(&pace->topic, "paced", 0, bench->failure) &&
               side_pair(bench->cpus, sides, pace, bench->failure);
        bench_topic_remove(&pace->topic);
        if (done && pace->lost > 0)
                bench_skip(bench, "paced",
                           "%" PRIu64
                           " messages were lost while the reader was held up: they are in no percentile",
                           pace->lost);
        if (done) {
                outcome_report(bench, "paced", "from when due", &pace->outcomes[DUE], &pace->outcomes[SENT],
                               "from when sent", outcome_no_target);
                for (int i = 0; i < VIEWS; i++)
                        percentiles_add(&bench->percentiles, "paced", view_names[i], &pace->outcomes[i].all,
                                        PS_PER_NS);
        }
        side_memory_free(pace, sizeof *pace);
        return done ? 0 : -1;
}
