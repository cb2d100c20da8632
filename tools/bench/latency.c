/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* How long it takes from one process to another. Two processes on two CPUs, the starter and the answerer,
 * send one message back and forth; half of each round trip is a sample. Rounds over two topics take turns
 * with rounds over two bare words, in the same processes. Nothing is subtracted: the two looks at the clock
 * are in both. */

#define _GNU_SOURCE
#include <limits.h>
#include <linux/futex.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/outcome.h"
#include "bench/side.h"
#include "bench/ticker.h"
#include "bench/topic.h"
#include "common/clock.h"
#include "seqcast.h"

#define LINE_PAIR 128   /* processors fetch lines in pairs */
#define TARGET_BYTES 48 /* that share a cache line with the slot's head */
#define RECORD_MAX 4096
#define LAST (UINT32_C(1) << 31) /* set in the number of a round's last message */
#define SETTLE_NS UINT64_C(5000000)

enum contender { OURS, BARE, CONTENDERS };

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

/* Long runs go round. */
static uint32_t next_number(struct end *end)
{
        return end->number = (end->number + 1) & ~LAST;
}

static bool go_and_return(struct end *end, enum contender contender, uint32_t last, struct failure *failure)
{
        uint32_t message = next_number(end) | last;

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
                next_number(end);
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
        uint64_t until = (uint64_t)clock_now() + (end->contest->sleeping ? SETTLE_NS : 0);

        do
                if (!go_and_return(end, contender, 0, failure))
                        return false;
        while ((uint64_t)clock_now() < until);
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
        while (left > 0) {
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

static unsigned turns_of(const struct contest *contest)
{
        return CONTENDERS * (contest->rounds + BENCH_WARM_UP);
}

static bool start(void *shared, struct failure *failure)
{
        struct contest *contest = shared;
        struct end end = { .contest = contest, .side = 0 };
        struct ticker ticker = ticker_calibrate();
        bool done = open_end(&end, failure);

        for (; end.turn < turns_of(contest) && done; end.turn++) {
                enum contender contender = (enum contender)bench_turn_of(end.turn, CONTENDERS);

                done = time_round(&end, contender, &ticker, failure);
                outcome_keep_round(&contest->outcomes[contender], end.turn / CONTENDERS, 2 * PS_PER_NS);
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
                done = answer(&end, (enum contender)bench_turn_of(end.turn, CONTENDERS), failure);
        close_end(&end);
        return done;
}

/* ---- topics ---------------------------------------------------------------------------------- */

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
                outcome_report(bench, row, what, &outcomes[OURS], &outcomes[BARE], limit_name, factors);
                keep_distribution(bench, row, what, "seqcast", &outcomes[OURS], 2 * PS_PER_NS);
                keep_distribution(bench, row, what, limit_name, &outcomes[BARE], 2 * PS_PER_NS);
        }
        side_memory_free(contest, sizeof *contest);
        return done ? 0 : -1;
}

int bench_row_latency_spinning(struct bench *bench)
{
        static const size_t sizes[] = { 8, TARGET_BYTES, 256, RECORD_MAX };
        static const double target[LEVELS] = { [P50] = 1.1, [P99] = 1.3 };
        const char *row = "latency-spinning";
        int r = 0;

        for (size_t i = 0; i < sizeof sizes / sizeof *sizes && r == 0; i++)
                r = compete(bench, row, "bare word", sizes[i], false,
                            sizes[i] == TARGET_BYTES ? target : outcome_no_target);
        return r;
}

int bench_row_latency_sleeping(struct bench *bench)
{
        static const double target[LEVELS] = { [P50] = 1.15 };

        return compete(bench, "latency-sleeping", "bare futex", TARGET_BYTES, true, target);
}
