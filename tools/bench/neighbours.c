/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* neighbours: does it cost anything that another thread uses another topic? */

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

#include "bench/outcome.h"
#include "bench/side.h"
#include "bench/ticker.h"
#include "bench/topic.h"
#include "seqcast.h"

#define RECORD_BYTES 48
#define LINE_PAIR 128 /* processors fetch lines in pairs */

/* What the other CPU does meanwhile. */
enum work { WITH_A_TOPIC, IN_PRIVATE, WORKS, END_OF_WORK };

#define BLOCK_CALLS 1000
#define PRIVATE_BUFFERS 4 /* as many as there are slots */

struct neighbours {
        struct outcome outcomes[WORKS];
        struct bench_topic topics[2];
        int cpu;
        unsigned rounds;
        int64_t round_ns;
};

struct neighbour {
        seqcast_publisher *publisher;
        seqcast_subscriber *subscriber;
        int cpu;
        alignas(LINE_PAIR) _Atomic(int) work; /* enum work */
        alignas(LINE_PAIR) struct failure failure;
        bool done;
};

static bool use_topic(struct neighbour *neighbour, unsigned char *record)
{
        int r = seqcast_publish(neighbour->publisher, record, RECORD_BYTES);

        if (r == 0)
                r = seqcast_read_newest(neighbour->subscriber, record, RECORD_BYTES, NULL);
        return r == 0 || bench_fail_library(&neighbour->failure, "the neighbour", r);
}

static void *be_neighbour(void *argument)
{
        struct neighbour *neighbour = argument;
        static alignas(LINE_PAIR) unsigned char buffers[PRIVATE_BUFFERS][LINE_PAIR];
        alignas(LINE_PAIR) unsigned char record[RECORD_BYTES] = { 0 };
        int work;

        neighbour->done = side_pin(neighbour->cpu, &neighbour->failure);
        for (unsigned turn = 0; neighbour->done; turn++) {
                work = atomic_load_explicit(&neighbour->work, memory_order_acquire);
                if (work == END_OF_WORK)
                        break;
                if (work == WITH_A_TOPIC) {
                        neighbour->done = use_topic(neighbour, record);
                } else {
                        memcpy(buffers[turn % PRIVATE_BUFFERS], record, sizeof record);
                        atomic_signal_fence(memory_order_seq_cst); /* so that the copies are made */
                        memcpy(record, buffers[(turn + 1) % PRIVATE_BUFFERS], sizeof record);
                }
        }
        return NULL;
}

static bool time_blocks(seqcast_publisher *publisher, const struct ticker *ticker, int64_t round_ns,
                        struct histogram *samples, struct failure *failure)
{
        unsigned char record[RECORD_BYTES] = { 0 };
        double left = (double)round_ns * PS_PER_NS;
        int r = 0;

        histogram_clear(samples);
        while (left > 0 && r == 0) {
                uint64_t begun = ticks(ticker);
                double took;

                for (int i = 0; i < BLOCK_CALLS && r == 0; i++)
                        r = seqcast_publish(publisher, record, sizeof record);
                took = (double)(ticks(ticker) - begun) * ticker->ps;
                histogram_add(samples, (uint64_t)(took / BLOCK_CALLS));
                left -= took;
        }
        return r == 0 || bench_fail_library(failure, "publish", r);
}

static bool time_beside(struct neighbours *neighbours, seqcast_publisher *publisher,
                        struct neighbour *neighbour, struct failure *failure)
{
        struct ticker ticker = ticker_calibrate();
        bool done = true;

        for (unsigned turn = 0; turn < WORKS * (neighbours->rounds + BENCH_WARM_UP) && done; turn++) {
                enum work work = (enum work)bench_turn_of(turn, WORKS);

                atomic_store_explicit(&neighbour->work, (int)work, memory_order_release);
                done = time_blocks(publisher, &ticker, neighbours->round_ns,
                                   &neighbours->outcomes[work].round, failure);
                outcome_keep_round(&neighbours->outcomes[work], turn / WORKS, PS_PER_NS);
        }
        return done;
}

/* One process opens both topics, one right after the other, and a thread of it uses the second one. */
static bool live_beside(void *shared, struct failure *failure)
{
        struct neighbours *neighbours = shared;
        const struct bench_topic *topics = neighbours->topics;
        static struct neighbour neighbour;
        seqcast_publisher *publisher = NULL;
        pthread_t thread;
        bool done = bench_open_publisher(&topics[0], RECORD_BYTES, 0, 0, &publisher, failure) &&
                    bench_open_publisher(&topics[1], RECORD_BYTES, 0, 0, &neighbour.publisher, failure) &&
                    bench_open_subscriber(&topics[1], &neighbour.subscriber, failure);
        int r;

        neighbour.cpu = neighbours->cpu;
        if (done && (r = pthread_create(&thread, NULL, be_neighbour, &neighbour)) != 0)
                done = fail(failure, E_IO, "cannot start a thread: %s", strerror(r));
        if (done) {
                done = time_beside(neighbours, publisher, &neighbour, failure);
                atomic_store_explicit(&neighbour.work, END_OF_WORK, memory_order_release);
                pthread_join(thread, NULL);
                if (done && !neighbour.done)
                        done = fail(failure, E_IO, "%s", neighbour.failure.message);
        }
        seqcast_subscriber_close(neighbour.subscriber);
        bench_close_publisher(neighbour.publisher);
        bench_close_publisher(publisher);
        return done;
}

int bench_row_neighbours(struct bench *bench)
{
        static const double target[LEVELS] = { [P50] = 1.10 };
        struct neighbours *neighbours;
        bool done;

        neighbours = side_memory(sizeof *neighbours, bench->failure);
        if (neighbours == NULL)
                return -1;
        neighbours->cpu = bench->cpus[1];
        neighbours->rounds = bench->rounds;
        neighbours->round_ns = bench->round_ns;
        done = bench_topic_name(&neighbours->topics[0], "beside", 0, bench->failure) &&
               bench_topic_name(&neighbours->topics[1], "beside", 1, bench->failure) &&
               side_alone(bench->cpus[0], live_beside, neighbours, bench->failure);
        for (int i = 0; i < 2; i++)
                bench_topic_remove(&neighbours->topics[i]);
        if (done)
                outcome_report(bench, "neighbours", "48 B, means of 1000",
                               &neighbours->outcomes[WITH_A_TOPIC], &neighbours->outcomes[IN_PRIVATE],
                               "private work", target);
        side_memory_free(neighbours, sizeof *neighbours);
        return done ? 0 : -1;
}
