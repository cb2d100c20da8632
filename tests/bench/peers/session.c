/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* All that is measured, once for all peers. In each round each peer has its turn. */

#include "session.h"

#include <mqueue.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/histogram.h"
#include "common/clock.h"

#define BATCH_BYTES (1 << 18) /* between two looks at the clock */
#define OPENINGS 8            /* of which a round takes the mean */
#define TRIPS_MIN 20
#define SIZE_SECONDS_MAX 200 /* a peer that hangs ends the run */

/* Records that nothing else is mistaken for: published before the first round trip, and after the last one
 * of a turn. */
#define FIRST_OF_TURN ((uint64_t)1 << 40)
#define LAST_OF_TURN ((uint64_t)1 << 41)

struct side {
        struct session *session;
        struct channel writers[PEERS], readers[PEERS];
        struct work work;
        uint64_t *words, *control;
        size_t bytes;
};

bool peer_can(const struct peer *peer, enum measure measure, size_t bytes)
{
        if (peer->bytes_max != 0 && bytes > peer->bytes_max)
                return false;
        switch (measure) {
        case LATENCY_P50:
        case LATENCY_P99:
                return true;
        case PUBLISH_READ:
        case CREATE:
                return !peer->is_bare;
        case ATTACH:
                return !peer->is_bare && !peer->has_no_name;
        case TORN:
                return peer->may_tear;
        default:
                return !peer->is_bare && !peer->is_queue;
        }
}

static uint64_t *new_words(size_t count)
{
        uint64_t *words = aligned_alloc(64, (count * sizeof *words + 63) / 64 * 64);

        if (!words)
                give_up_errno("peers", "memory");
        return words;
}

static void count_up(uint64_t *words, size_t count, uint64_t from)
{
        for (size_t i = 0; i < count; i++)
                words[i] = from + i;
}

static bool takes_part(const struct side *side, unsigned peer, enum measure measure)
{
        return !side->session->is_missing[peer] && peer_can(peers[peer], measure, side->bytes);
}

static void open_side(struct side *side, struct session *session, const struct channel *writers,
                      const struct channel *readers)
{
        size_t count;

        alarm(SIZE_SECONDS_MAX);
        memset(side, 0, sizeof *side);
        side->session = session;
        side->bytes = bench_sizes[session->size];
        memcpy(side->writers, writers, sizeof side->writers);
        memcpy(side->readers, readers, sizeof side->readers);
        count = side->bytes / sizeof(uint64_t);
        side->control = new_words(count);
        side->work.copy = new_words(count);
        count += (RECORDS - 1) * RECORD_WORDS_APART;
        side->words = new_words(count);
        count_up(side->words, count, 1);
        side->work.words = side->words;
        for (unsigned i = 0; i < PEERS; i++)
                if (takes_part(side, i, LATENCY_P50))
                        peers[i]->open_writer(&side->writers[i]);
        for (unsigned i = 0; i < PEERS; i++)
                if (takes_part(side, i, LATENCY_P50))
                        peers[i]->open_reader(&side->readers[i]);
}

static void publish_control(struct side *side, unsigned peer, uint64_t first)
{
        count_up(side->control, side->bytes / sizeof(uint64_t), first);
        peers[peer]->publish(&side->writers[peer], side->control);
}

static void check_whole(unsigned peer, bool whole)
{
        if (!whole && !peers[peer]->may_tear)
                give_up(peers[peer]->name, "read", "a record whose parts do not belong together");
}

static void wait_until(struct side *side, unsigned peer, uint64_t first)
{
        do
                peers[peer]->wait_next(&side->readers[peer], side->work.copy);
        while (side->work.copy[0] != first);
}

/* ---- the process that obeys ------------------------------------------------------------------ */

static void echo(struct side *side, unsigned peer)
{
        struct channel *reader = &side->readers[peer], *writer = &side->writers[peer];
        uint64_t *copy = side->work.copy;

        wait_until(side, peer, FIRST_OF_TURN);
        for (; copy[0] != LAST_OF_TURN; peers[peer]->wait_next(reader, copy))
                peers[peer]->publish(writer, copy);
}

static void read_newest(struct side *side, unsigned peer)
{
        struct session *session = side->session;
        const uint64_t batch = 1 + BATCH_BYTES / 16 / (side->bytes + 256);
        struct work *work = &side->work;
        int64_t begun;
        uint64_t reads;

        while (!atomic_load_explicit(&session->turn_begun, memory_order_acquire))
                peers[peer]->read_batch(&side->readers[peer], work, batch);
        work->whole = work->torn = 0;
        begun = clock_now();
        while (!atomic_load_explicit(&session->turn_ended, memory_order_acquire))
                peers[peer]->read_batch(&side->readers[peer], work, batch);
        reads = work->whole + work->torn;
        session->reads_per_ns = (double)reads / (double)(clock_now() - begun);
        session->torn = reads == 0 ? 0 : (double)work->torn / (double)reads;
}

static void wait_for(sem_t *semaphore)
{
        while (sem_wait(semaphore) != 0)
                ;
}

bool session_obey(void *shared, struct failure *failure)
{
        struct session *session = shared;
        struct side side;

        (void)failure;
        open_side(&side, session, session->back, session->there);
        for (unsigned i = 0; i < PEERS; i++)
                if (takes_part(&side, i, READ))
                        peers[i]->publish(&side.writers[i], side.words);
        sem_post(&session->done);
        for (;;) {
                wait_for(&session->ordered);
                if (session->order == ORDER_END)
                        return true;
                sem_post(&session->ready);
                switch (session->order) {
                case ORDER_DRAIN:
                        wait_until(&side, session->peer, LAST_OF_TURN);
                        break;
                case ORDER_ECHO:
                        echo(&side, session->peer);
                        break;
                default:
                        read_newest(&side, session->peer);
                }
                sem_post(&session->done);
        }
}

/* ---- the process that measures --------------------------------------------------------------- */

static void give_order(struct session *session, enum order order, unsigned peer)
{
        session->order = order;
        session->peer = peer;
        atomic_store(&session->turn_begun, 0);
        atomic_store(&session->turn_ended, 0);
        sem_post(&session->ordered);
        if (order != ORDER_END)
                wait_for(&session->ready);
}

/* In ns for one of them. */
static double cost_of(struct side *side, peer_batch *batch, struct channel *channel)
{
        const uint64_t count = 1 + BATCH_BYTES / (side->bytes + 256);
        uint64_t calls = 0;
        int64_t begun = clock_now(), now;

        do {
                batch(channel, &side->work, count);
                calls += count;
                now = clock_now();
        } while (now - begun < side->session->turn_ns);
        return (double)(now - begun) / (double)calls;
}

static void warm_up(struct side *side, peer_batch *batch, struct channel *channel)
{
        batch(channel, &side->work, RECORDS);
}

static double *cell(const struct side *side, enum measure measure, unsigned peer, unsigned round)
{
        return &side->session->found[measure][side->session->size][peer][round];
}

static void turn_read(struct side *side, unsigned peer, unsigned round)
{
        struct channel *reader = &side->readers[peer];

        warm_up(side, peers[peer]->read_batch, reader);
        *cell(side, READ, peer, round) = cost_of(side, peers[peer]->read_batch, reader);
        check_whole(peer, side->work.torn == 0);
}

static void turn_publish(struct side *side, unsigned peer, unsigned round)
{
        struct channel *writer = &side->writers[peer];

        warm_up(side, peers[peer]->publish_batch, writer);
        *cell(side, PUBLISH, peer, round) = cost_of(side, peers[peer]->publish_batch, writer);
}

static void turn_publish_read(struct side *side, unsigned peer, unsigned round)
{
        struct channel *writer = &side->writers[peer];

        give_order(side->session, ORDER_DRAIN, peer);
        warm_up(side, peers[peer]->publish_batch, writer);
        *cell(side, PUBLISH_READ, peer, round) = cost_of(side, peers[peer]->publish_batch, writer);
        publish_control(side, peer, LAST_OF_TURN);
        wait_for(&side->session->done);
}

/* In ns. */
static int64_t round_trip(struct side *side, unsigned peer, const uint64_t *record)
{
        uint64_t *copy = side->work.copy;
        int64_t begun = clock_now(), ended;

        peers[peer]->publish(&side->writers[peer], record);
        peers[peer]->wait_next(&side->readers[peer], copy);
        ended = clock_now();
        if (copy[0] != record[0])
                give_up(peers[peer]->name, "round trip", "another record came back than was sent");
        if (!peers[peer]->is_bare)
                check_whole(peer, record_is_whole(copy, side->bytes));
        return ended - begun;
}

static void turn_latency(struct side *side, unsigned peer, unsigned round)
{
        static struct histogram trips;
        int64_t end;

        histogram_clear(&trips);
        give_order(side->session, ORDER_ECHO, peer);
        publish_control(side, peer, FIRST_OF_TURN);
        wait_until(side, peer, FIRST_OF_TURN);
        for (unsigned i = 0; i < RECORDS; i++)
                round_trip(side, peer, work_record(&side->work, i));
        end = clock_now() + side->session->turn_ns;
        for (uint64_t i = 0; i < TRIPS_MIN || clock_now() < end; i++)
                histogram_add(&trips, (uint64_t)round_trip(side, peer, work_record(&side->work, i)));
        publish_control(side, peer, LAST_OF_TURN);
        wait_for(&side->session->done);
        *cell(side, LATENCY_P50, peer, round) = (double)histogram_at(&trips, 0.5) / 2;
        *cell(side, LATENCY_P99, peer, round) = (double)histogram_at(&trips, 0.99) / 2;
}

static void turn_flat_out(struct side *side, unsigned peer, unsigned round)
{
        struct session *session = side->session;
        struct channel *writer = &side->writers[peer];
        double ns;

        give_order(session, ORDER_READ_NEWEST, peer);
        warm_up(side, peers[peer]->publish_batch, writer);
        atomic_store(&session->turn_begun, 1);
        ns = cost_of(side, peers[peer]->publish_batch, writer);
        atomic_store(&session->turn_ended, 1);
        wait_for(&session->done);
        check_whole(peer, session->torn == 0);
        *cell(side, PUBLICATIONS, peer, round) = 1e3 / ns;
        *cell(side, READS, peer, round) = session->reads_per_ns * 1e3;
        *cell(side, TORN, peer, round) = session->torn * 100;
}

static void turn_life(struct side *side, unsigned peer, unsigned round)
{
        const struct peer *what = peers[peer];
        int64_t create_ns = 0, attach_ns = 0;

        for (int i = 0; i < OPENINGS; i++) {
                struct channel writer, reader;
                int64_t begun = clock_now(), created;

                writer = channel_named(side->writers[peer].name, LIFE_SUFFIX, side->bytes);
                if (what->create)
                        what->create(&writer);
                what->open_writer(&writer);
                what->publish(&writer, side->words);
                created = clock_now();
                create_ns += created - begun;
                if (!what->has_no_name) {
                        reader = channel_named(side->writers[peer].name, LIFE_SUFFIX, side->bytes);
                        what->open_reader(&reader);
                        what->wait_next(&reader, side->work.copy);
                        attach_ns += clock_now() - created;
                        what->close(&reader, false);
                }
                what->close(&writer, true);
                shm_unlink(writer.name);
                mq_unlink(writer.name);
        }
        *cell(side, CREATE, peer, round) = (double)create_ns / 1e3 / OPENINGS;
        *cell(side, ATTACH, peer, round) = (double)attach_ns / 1e3 / OPENINGS;
}

static void all_turns(struct side *side, enum measure measure,
                      void (*turn)(struct side *side, unsigned peer, unsigned round))
{
        for (unsigned round = 0; round < side->session->rounds; round++)
                for (unsigned i = 0; i < PEERS; i++)
                        if (takes_part(side, i, measure))
                                turn(side, i, round);
}

bool session_measure(void *shared, struct failure *failure)
{
        struct session *session = shared;
        struct side side;

        (void)failure;
        open_side(&side, session, session->there, session->back);
        wait_for(&session->done);
        all_turns(&side, READ, turn_read);
        all_turns(&side, PUBLISH, turn_publish);
        if (!session->alone) {
                all_turns(&side, PUBLISH_READ, turn_publish_read);
                all_turns(&side, LATENCY_P50, turn_latency);
                all_turns(&side, READS, turn_flat_out);
        }
        if (session->size == SIZE_OF_LIFE)
                all_turns(&side, CREATE, turn_life);
        give_order(session, ORDER_END, 0);
        return true;
}
