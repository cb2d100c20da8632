/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* How long it takes from one process to another. Two processes on two CPUs, the starter and the answerer,
 * send one message back and forth; half of each round trip is a sample. Rounds over two topics take turns
 * with rounds over two bare words, in the same processes. Nothing is subtracted: the two looks at the clock
 * are in both. */

#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/side.h"
#include "bench/topic.h"
#include "seqcast.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define LINE_PAIR 128 /* processors fetch lines in pairs */
#define RECORD_MAX 4096
#define LAST (UINT32_C(1) << 31) /* set in the number of a round's last message */
#define SETTLE_NS UINT64_C(5000000)
#define PS_PER_NS 1000.0

enum contender { OURS, BARE, CONTENDERS };
enum level { P50, P99, P999, MAXIMUM, LEVELS };

static const struct {
        const char *name;
        double fraction;
} levels[LEVELS] = { { "p50", 0.5 }, { "p99", 0.99 }, { "p99.9", 0.999 }, { "max", 1 } };

/* What came of it: the levels of each round, and all samples of all rounds. */
struct outcome {
        double figures[LEVELS][BENCH_ROUNDS_MAX];
        struct histogram round, all;
};

/* How far a line is from either processor depends on its address: by a half, on machines with many cores. So
 * each round has another word, and the topics of another place: good or bad luck does not last. All places
 * are there from the beginning, since memory that is given back is given out again. */
#define PLACES 16
#define WORDS 1024

struct bare_word {
        alignas(LINE_PAIR) _Atomic(uint32_t) number;
};

struct contest {
        struct bare_word words[2][WORDS]; /* that the starter, the answerer stores */
        struct outcome outcomes[CONTENDERS];
        struct bench_topic topics[PLACES][2]; /* of the starter, the answerer */
        size_t bytes;
        unsigned rounds;
        int64_t round_ns;
        bool sleeping;
};

/* ---- time ----------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* The processor's own counter, where it runs evenly, takes less time to look at than the clock. */
struct ticker {
        bool counter;
        double ps;
};

static uint64_t ticks(const struct ticker *ticker)
{
#if defined(__x86_64__)
        unsigned processor;

        if (ticker->counter)
                return __builtin_ia32_rdtscp(&processor);
#endif
        (void)ticker;
        return now_ns();
}

static bool has_even_counter(void)
{
#if defined(__x86_64__)
        unsigned a, b, c, d;

        return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & 1u << 8) != 0 &&
               __get_cpuid(0x80000001, &a, &b, &c, &d) != 0 && (d & 1u << 27) != 0;
#else
        return false;
#endif
}

static struct ticker calibrate(void)
{
        struct ticker ticker = { has_even_counter(), PS_PER_NS };
        uint64_t begun = now_ns(), ended, first = ticks(&ticker);

        do
                ended = now_ns();
        while (ended - begun < 20000000);
        if (ticker.counter)
                ticker.ps = PS_PER_NS * (double)(ended - begun) / (double)(ticks(&ticker) - first);
        return ticker;
}

/* ---- one end of the line --------------------------------------------------------------------- */

struct end {
        struct contest *contest;
        int side; /* 0: the starter */
        unsigned turn;
        uint32_t number;   /* of the last message, counted on both sides */
        uint32_t received; /* ... and what came, with or without LAST */
        seqcast_publisher *publishers[PLACES];
        seqcast_subscriber *subscribers[PLACES];
        unsigned char record[RECORD_MAX], copy[RECORD_MAX];
};

static bool open_end(struct end *end, struct failure *failure)
{
        struct contest *contest = end->contest;

        for (int i = 0; i < PLACES; i++)
                if (!bench_open_publisher(&contest->topics[i][end->side], contest->bytes, 0, 0,
                                          &end->publishers[i], failure))
                        return false;
        for (int i = 0; i < PLACES; i++) {
                if (!bench_open_subscriber(&contest->topics[i][!end->side], &end->subscribers[i], failure))
                        return false;
                if (contest->sleeping)
                        seqcast_subscriber_set_spin(end->subscribers[i], 0);
        }
        return true;
}

static void close_end(struct end *end)
{
        for (int i = 0; i < PLACES; i++) {
                seqcast_subscriber_close(end->subscribers[i]);
                bench_close_publisher(end->publishers[i]);
        }
}

static int place_of(const struct end *end)
{
        return (int)(end->turn / CONTENDERS % PLACES);
}

static bool send_ours(struct end *end, uint32_t message, struct failure *failure)
{
        int r;

        memcpy(end->record, &message, sizeof message);
        r = seqcast_publish(end->publishers[place_of(end)], end->record, end->contest->bytes);
        return r == 0 || bench_fail_library(failure, "publish", r);
}

static bool receive_ours(struct end *end, struct failure *failure)
{
        seqcast_subscriber *subscriber = end->subscribers[place_of(end)];
        int r;

        for (;;) {
                if (end->contest->sleeping && (r = seqcast_wait(subscriber, -1)) != 0)
                        return bench_fail_library(failure, "wait", r);
                r = seqcast_read_next(subscriber, end->copy, sizeof end->copy, NULL);
                if (r == 0)
                        break;
                if (r != SEQCAST_NONE && r != SEQCAST_EMPTY && r != SEQCAST_BUSY)
                        return bench_fail_library(failure, "read", r);
        }
        memcpy(&end->received, end->copy, sizeof end->received);
        return true;
}

static _Atomic(uint32_t) *word_of(struct end *end, int side)
{
        return &end->contest->words[side][end->turn % WORDS].number;
}

static void send_bare(struct end *end, uint32_t message)
{
        _Atomic(uint32_t) *word = word_of(end, end->side);

        atomic_store_explicit(word, message, memory_order_release);
        if (end->contest->sleeping)
                syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void receive_bare(struct end *end)
{
        _Atomic(uint32_t) *word = word_of(end, !end->side);

        while (((end->received = atomic_load_explicit(word, memory_order_acquire)) & ~LAST) != end->number)
                if (end->contest->sleeping)
                        syscall(SYS_futex, word, FUTEX_WAIT, end->received, NULL, NULL, 0);
}

/* ---- back and forth -------------------------------------------------------------------------- */

static bool go_and_return(struct end *end, enum contender contender, uint32_t last, struct failure *failure)
{
        uint32_t message = ++end->number | last;

        if (contender == BARE) {
                send_bare(end, message);
                receive_bare(end);
        } else if (!send_ours(end, message, failure) || !receive_ours(end, failure)) {
                return false;
        }
        return end->received == message || fail(failure, E_IO, "a message was lost between two processes");
}

static bool answer(struct end *end, enum contender contender, struct failure *failure)
{
        do {
                end->number++;
                if (contender == BARE) {
                        receive_bare(end);
                        send_bare(end, end->received);
                } else if (!receive_ours(end, failure) || !send_ours(end, end->received, failure)) {
                        return false;
                }
        } while ((end->received & LAST) == 0);
        return true;
}

/* Until both sides are there and, if they sleep, the publishers know it: they look each 2 ms. */
static bool settle(struct end *end, enum contender contender, struct failure *failure)
{
        uint64_t until = now_ns() + (end->contest->sleeping ? SETTLE_NS : 0);

        do
                if (!go_and_return(end, contender, 0, failure))
                        return false;
        while (now_ns() < until);
        return true;
}

static bool time_round(struct end *end, enum contender contender, const struct ticker *ticker,
                       struct failure *failure)
{
        struct histogram *samples = &end->contest->outcomes[contender].round;
        double left = (double)end->contest->round_ns * PS_PER_NS;

        histogram_clear(samples);
        if (!settle(end, contender, failure))
                return false;
        while (left > 0 && end->number < LAST - 2) {
                uint64_t begun = ticks(ticker);
                double took;

                if (!go_and_return(end, contender, 0, failure))
                        return false;
                took = (double)(ticks(ticker) - begun) * ticker->ps;
                histogram_add(samples, (uint64_t)took);
                left -= took;
        }
        return go_and_return(end, contender, LAST, failure);
}

static void keep_round(struct outcome *outcome, unsigned round, double unit)
{
        if (round < BENCH_WARM_UP)
                return;
        for (int i = 0; i < LEVELS; i++)
                outcome->figures[i][round - BENCH_WARM_UP] =
                        (double)histogram_at(&outcome->round, levels[i].fraction) / unit;
        histogram_merge(&outcome->all, &outcome->round);
}

/* Both sides go through the same rounds; who begins a round changes from one to the next. */
static enum contender whose_turn(unsigned turn)
{
        return (turn ^ turn / CONTENDERS) % CONTENDERS == 0 ? OURS : BARE;
}

static unsigned turns_of(const struct contest *contest)
{
        return CONTENDERS * (contest->rounds + BENCH_WARM_UP);
}

static bool start(void *shared, struct failure *failure)
{
        struct contest *contest = shared;
        struct end end = { .contest = contest, .side = 0 };
        struct ticker ticker = calibrate();
        bool done = open_end(&end, failure);

        for (; end.turn < turns_of(contest) && done; end.turn++) {
                enum contender contender = whose_turn(end.turn);

                done = time_round(&end, contender, &ticker, failure);
                keep_round(&contest->outcomes[contender], end.turn / CONTENDERS, 2 * PS_PER_NS);
        }
        close_end(&end);
        return done;
}

static bool answer_all(void *shared, struct failure *failure)
{
        struct contest *contest = shared;
        struct end end = { .contest = contest, .side = 1 };
        bool done = open_end(&end, failure);

        for (; end.turn < turns_of(contest) && done; end.turn++)
                done = answer(&end, whose_turn(end.turn), failure);
        close_end(&end);
        return done;
}

/* ---- what is reported ------------------------------------------------------------------------ */

/* factors[i]: the target of that level; 0: none */
static void report(struct bench *bench, const char *row, const char *what, const struct outcome *ours,
                   const struct outcome *limit, const char *limit_name, const double factors[LEVELS])
{
        for (int i = 0; i < LEVELS; i++) {
                struct bench_line line = {
                        .row = row, .unit = "ns", .limit_name = limit_name, .factor = factors[i]
                };

                snprintf(line.what, sizeof line.what, "%s, %s", what, levels[i].name);
                bench_report_rounds(bench, line, ours->figures[i], limit->figures[i]);
        }
}

static bool name_topics(struct contest *contest, struct failure *failure)
{
        bool done = true;

        for (unsigned i = 0; i < PLACES && done; i++)
                done = bench_topic_name(&contest->topics[i][0], "there", i, failure) &&
                       bench_topic_name(&contest->topics[i][1], "back", i, failure);
        return done;
}

/* After sides that have failed, and closed nothing. */
static void remove_topics(const struct contest *contest)
{
        for (int i = 0; i < PLACES; i++)
                for (int side = 0; side < 2; side++)
                        bench_topic_remove(&contest->topics[i][side]);
}

/* ---- the rows -------------------------------------------------------------------------------- */

static void keep_distribution(struct bench *bench, const char *row, const char *what, const char *who,
                              const struct outcome *outcome, double unit)
{
        char name[64];

        snprintf(name, sizeof name, "%s, %s", what, who);
        percentiles_add(&bench->percentiles, row, name, &outcome->all, unit);
}

static int compete(struct bench *bench, const char *row, const char *limit_name, size_t bytes, bool sleeping,
                   const double factors[LEVELS])
{
        static side_function *const sides[2] = { start, answer_all };
        struct contest *contest = side_memory(sizeof *contest, bench->failure);
        const struct outcome *outcomes;
        char what[24];
        bool done;

        if (contest == NULL)
                return -1;
        outcomes = contest->outcomes;
        contest->bytes = bytes;
        contest->rounds = bench->rounds;
        contest->round_ns = bench->round_ns;
        contest->sleeping = sleeping;
        done = name_topics(contest, bench->failure) && side_pair(bench->cpus, sides, contest, bench->failure);
        remove_topics(contest);
        if (done) {
                bench_print_bytes(what, sizeof what, (double)bytes);
                report(bench, row, what, &outcomes[OURS], &outcomes[BARE], limit_name, factors);
                keep_distribution(bench, row, what, "seqcast", &outcomes[OURS], 2 * PS_PER_NS);
                keep_distribution(bench, row, what, limit_name, &outcomes[BARE], 2 * PS_PER_NS);
        }
        side_memory_free(contest, sizeof *contest);
        return done ? 0 : -1;
}

#define TARGET_BYTES 48 /* that share a cache line with the slot's head */
static const double no_target[LEVELS];

int bench_row_latency_spinning(struct bench *bench)
{
        static const size_t sizes[] = { 8, TARGET_BYTES, 256, RECORD_MAX };
        static const double target[LEVELS] = { [P50] = 1.1, [P99] = 1.3 };
        const char *row = "latency-spinning";
        int r = 0;

        for (size_t i = 0; i < sizeof sizes / sizeof *sizes && r == 0; i++)
                r = compete(bench, row, "bare word", sizes[i], false,
                            sizes[i] == TARGET_BYTES ? target : no_target);
        return r;
}

int bench_row_latency_sleeping(struct bench *bench)
{
        static const double target[LEVELS] = { [P50] = 1.15 };

        return compete(bench, "latency-sleeping", "bare futex", TARGET_BYTES, true, target);
}

/* ---- at a fixed rate ------------------------------------------------------------------------- */

#define PACE_NS UINT64_C(10000)
#define PACED_DEPTH 4096 /* what is caught up on after being held up for 40 ms is not lost */

struct paced_record {
        uint64_t due_ns, sent_ns;
        unsigned char rest[TARGET_BYTES - 16];
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
        struct paced_record record = { .due_ns = now_ns() };
        int r = 0;

        for (uint64_t i = messages_of(pace); i > 0 && r == 0; i--) {
                record.due_ns += PACE_NS;
                while ((record.sent_ns = now_ns()) < record.due_ns)
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
                ended = now_ns();
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
                        keep_round(&pace->outcomes[i], round, PS_PER_NS);
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
                report(bench, "paced", "from when due", &pace->outcomes[DUE], &pace->outcomes[SENT],
                       "from when sent", no_target);
                for (int i = 0; i < VIEWS; i++)
                        percentiles_add(&bench->percentiles, "paced", view_names[i], &pace->outcomes[i].all,
                                        PS_PER_NS);
        }
        side_memory_free(pace, sizeof *pace);
        return done ? 0 : -1;
}

/* ---- neighbours ------------------------------------------------------------------------------ */

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
        int r = seqcast_publish(neighbour->publisher, record, TARGET_BYTES);

        if (r == 0)
                r = seqcast_read_newest(neighbour->subscriber, record, TARGET_BYTES, NULL);
        return r == 0 || bench_fail_library(&neighbour->failure, "the neighbour", r);
}

static void *be_neighbour(void *argument)
{
        struct neighbour *neighbour = argument;
        static alignas(LINE_PAIR) unsigned char buffers[PRIVATE_BUFFERS][LINE_PAIR];
        alignas(LINE_PAIR) unsigned char record[TARGET_BYTES] = { 0 };
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
        unsigned char record[TARGET_BYTES] = { 0 };
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
        struct ticker ticker = calibrate();
        bool done = true;

        for (unsigned turn = 0; turn < WORKS * (neighbours->rounds + BENCH_WARM_UP) && done; turn++) {
                enum work work = whose_turn(turn) == OURS ? WITH_A_TOPIC : IN_PRIVATE;

                atomic_store_explicit(&neighbour->work, (int)work, memory_order_release);
                done = time_blocks(publisher, &ticker, neighbours->round_ns,
                                   &neighbours->outcomes[work].round, failure);
                keep_round(&neighbours->outcomes[work], turn / WORKS, PS_PER_NS);
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
        bool done = bench_open_publisher(&topics[0], TARGET_BYTES, 0, 0, &publisher, failure) &&
                    bench_open_publisher(&topics[1], TARGET_BYTES, 0, 0, &neighbour.publisher, failure) &&
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
                report(bench, "neighbours", "48 B, means of 1000", &neighbours->outcomes[WITH_A_TOPIC],
                       &neighbours->outcomes[IN_PRIVATE], "private work", target);
        side_memory_free(neighbours, sizeof *neighbours);
        return done ? 0 : -1;
}
