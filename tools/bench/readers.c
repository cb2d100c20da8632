/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* readers: publishing while 0, 1, 8 and 64 readers, all on the other CPU, poll as fast as they can. Who is
 * not wanted in a turn has no topic open and sleeps. */

#define _GNU_SOURCE
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/duel.h"
#include "bench/side.h"
#include "bench/topic.h"
#include "seqcast.h"

#define READERS 64
#define QUICK_READERS 16
#define READS_AT_ONCE 1000 /* then it is the next reader's turn on their CPU */
#define BYTES 48           /* that share a cache line with the slot's head */
#define THE_END UINT32_MAX
#define APART 128 /* processors fetch lines in pairs */

#define CROWDS 4

struct audience {
        alignas(APART) _Atomic(uint32_t) wanted; /* readers */
        alignas(APART) _Atomic(uint32_t) polling;
        alignas(APART) struct duel duel;
        const struct bench *bench;
        struct bench_topic topic;
        uint32_t crowds[CROWDS];
};

struct seat {
        struct audience *audience;
        uint32_t number;
};

static bool poll_while(struct audience *audience, uint32_t wanted, struct failure *failure)
{
        seqcast_subscriber *subscriber = NULL;
        unsigned char copy[BYTES];
        bool done = bench_open_subscriber(&audience->topic, &subscriber, failure);

        if (done)
                atomic_fetch_add(&audience->polling, 1);
        for (unsigned i = 1; done && atomic_load_explicit(&audience->wanted, memory_order_relaxed) == wanted;
             i++) {
                int r = seqcast_read_next(subscriber, copy, sizeof copy, NULL);

                if (r < 0 || r == SEQCAST_RETIRED)
                        done = bench_fail_library(failure, "read", r);
                if (i % READS_AT_ONCE == 0)
                        sched_yield();
        }
        if (subscriber != NULL)
                atomic_fetch_sub(&audience->polling, 1);
        seqcast_subscriber_close(subscriber);
        return done;
}

static bool sit(void *shared, struct failure *failure)
{
        const struct seat *seat = shared;
        struct audience *audience = seat->audience;
        uint32_t wanted;

        while ((wanted = atomic_load(&audience->wanted)) != THE_END) {
                if (seat->number >= wanted)
                        syscall(SYS_futex, &audience->wanted, FUTEX_WAIT, wanted, NULL, NULL, 0);
                else if (!poll_while(audience, wanted, failure))
                        return false;
        }
        return true;
}

static void want(struct audience *audience, uint32_t wanted)
{
        const struct timespec pause = { 0, 1000000 };

        atomic_store(&audience->wanted, wanted);
        syscall(SYS_futex, &audience->wanted, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
        while (wanted != THE_END && atomic_load(&audience->polling) != wanted)
                nanosleep(&pause, NULL);
}

static bool publish(void *context, uint64_t calls, struct failure *failure)
{
        static unsigned char record[BYTES];

        for (; calls > 0; calls--) {
                int r = seqcast_publish(context, record, BYTES);

                if (r != 0)
                        return bench_fail_library(failure, "publish", r);
        }
        return true;
}

static bool before_all(struct audience *audience, seqcast_publisher *publisher, struct failure *failure)
{
        const struct contender contender = { .call = publish, .context = publisher };

        for (unsigned round = 0; round < audience->bench->rounds + BENCH_WARM_UP; round++) {
                for (size_t turn = 0; turn < CROWDS; turn++) {
                        size_t crowd = (turn + round) % CROWDS;
                        double ns;

                        want(audience, 0);
                        want(audience, audience->crowds[crowd]);
                        if (!duel_turn(&contender, audience->bench->round_ns, &ns, failure))
                                return false;
                        if (round >= BENCH_WARM_UP)
                                audience->duel.ns[crowd][round - BENCH_WARM_UP] = ns;
                }
        }
        return true;
}

static bool perform(void *shared, struct failure *failure)
{
        struct audience *audience = shared;
        seqcast_publisher *publisher = NULL;
        bool done = bench_open_publisher(&audience->topic, BYTES, 0, 0, &publisher, failure) &&
                    before_all(audience, publisher, failure);

        want(audience, THE_END);
        bench_close_publisher(publisher);
        return done;
}

static bool measure(struct bench *bench, struct audience *audience)
{
        const uint32_t readers = bench->quick ? QUICK_READERS : READERS,
                       crowds[CROWDS] = { 0, 1, 8, readers };
        struct seat seats[READERS];
        struct side sides[READERS + 1] = { { bench->cpus[0], perform, audience } };
        bool done;

        audience->bench = bench;
        memcpy(audience->crowds, crowds, sizeof crowds);
        if (!bench_topic_name(&audience->topic, "readers", 0, bench->failure))
                return false;
        for (uint32_t i = 0; i < readers; i++) {
                seats[i] = (struct seat){ audience, i };
                sides[i + 1] = (struct side){ bench->cpus[1], sit, &seats[i] };
        }
        done = side_run(sides, readers + 1, bench->failure);
        bench_topic_remove(&audience->topic);
        return done;
}

static void report(struct bench *bench, const struct audience *audience)
{
        struct bench_line line = { .row = "readers", .unit = "ns" };
        const double(*ns)[BENCH_ROUNDS_MAX] = audience->duel.ns;

        for (size_t i = 1; i < CROWDS; i++) {
                snprintf(line.what, sizeof line.what, "%u B, %u reader%s", BYTES, audience->crowds[i],
                         audience->crowds[i] == 1 ? "" : "s");
                line.limit_name = i == 1 ? "no reader" : "1 reader";
                line.factor = i == 1 ? 2 : 1.10;
                line.extra = i == 1 ? 5 : 0;
                bench_report_rounds(bench, line, ns[i], ns[i == 1 ? 0 : 1]);
        }
}

int bench_row_readers(struct bench *bench)
{
        struct audience *audience = side_memory(sizeof *audience, bench->failure);
        bool done = audience != NULL && measure(bench, audience);

        if (done)
                report(bench, audience);
        side_memory_free(audience, sizeof *audience);
        return done ? 0 : -1;
}
