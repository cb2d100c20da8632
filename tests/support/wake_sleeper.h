/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Subscriber processes that sleep until there is news, read it, and note how late they were. They only
 * read: nothing that they do lets the publisher go on. */

#ifndef SEQCAST_TESTS_WAKE_SLEEPER_H
#define SEQCAST_TESTS_WAKE_SLEEPER_H

#include <errno.h>
#include <poll.h>

#include "record.h"
#include "wake_feed.h"
#include "wake_witness.h"

#define SLEEPER_FEEDS 2u
#define SLEEPERS_MAX 64u
#define SLEEPER_AWAY_NS                                                                                      \
        (500 * MS) /* process() takes half of it at most, and there may be news of each feed */

enum sleeper_kind { BY_WAIT, BY_WAIT_ANY, BY_DESCRIPTOR };

/* In shared memory. What is not atomic is to be read when the process has ended. */
struct sleeper {
        enum sleeper_kind kind;
        unsigned feed_count;
        bool in_order;                     /* reads all there is, not only the newest */
        void (*process)(uint64_t *random); /* after each read, or NULL */
        _Atomic(unsigned) ready;           /* 2: has no descriptor, because there are no more */
        _Atomic(uint64_t) delivered[SLEEPER_FEEDS];
        pid_t pid;
        struct latency wakes; /* of news that came while it slept */
        int64_t latest_ns;    /* less what it was not served for */
        uint64_t errors;
        int error; /* the last of them */
};

struct sleepers {
        struct sleeper sleepers[SLEEPERS_MAX];
        struct feed feeds[SLEEPER_FEEDS];
        unsigned count;
        pid_t parent;
};

struct sleepers_sum {
        struct latency wakes;
        int64_t latest_ns;
        uint64_t errors;
        int error;
        unsigned silent; /* have read nothing */
};

static struct sleepers *sleepers;

/* ---- the process ---------------------------------------------------------------------------- */

static struct {
        struct sleeper *self;
        seqcast_subscriber *subscribers[SLEEPER_FEEDS];
        struct pollfd descriptors[SLEEPER_FEEDS];
        int64_t marked_ns, unserved_ns;
        uint64_t random;
} sleeper;

static inline void sleeper_fail(int error)
{
        sleeper.self->errors++;
        sleeper.self->error = error;
}

static inline bool sleeper_open(void)
{
        unsigned ready = 1;

        for (unsigned i = 0; i < sleeper.self->feed_count; i++) {
                if (seqcast_subscriber_open(topic_name_of(i), NULL, &sleeper.subscribers[i]) != 0)
                        return false;
                if (sleeper.self->kind == BY_DESCRIPTOR) {
                        sleeper.descriptors[i].events = POLLIN;
                        sleeper.descriptors[i].fd = seqcast_subscriber_fd(sleeper.subscribers[i]);
                        if (sleeper.descriptors[i].fd < 0) {
                                sleeper.self->kind = BY_WAIT;
                                ready = 2;
                        }
                }
        }
        sleeper.random = (uint64_t)monotonic_ns() ^ (uint64_t)getpid() << 32;
        atomic_store(&sleeper.self->ready, ready);
        return true;
}

static inline int sleeper_sleep(size_t *ret_index)
{
        *ret_index = 0;
        switch (sleeper.self->kind) {
        case BY_WAIT:
                return seqcast_wait(sleeper.subscribers[0], -1);
        case BY_WAIT_ANY:
                return seqcast_wait_any(sleeper.subscribers, sleeper.self->feed_count, -1, ret_index);
        default:
                break;
        }
        if (poll(sleeper.descriptors, sleeper.self->feed_count, -1) < 0)
                return -errno;
        while (sleeper.descriptors[*ret_index].revents == 0)
                ++*ret_index;
        return seqcast_subscriber_drain(sleeper.subscribers[*ret_index]);
}

static inline void sleeper_read(size_t index)
{
        uint64_t delivered = atomic_load(&sleeper.self->delivered[index]);
        bool in_order = sleeper.self->in_order;
        struct feed_record record;
        seqcast_sample sample;
        int r;

        do {
                r = in_order ? seqcast_read_next(sleeper.subscribers[index], &record, sizeof record, &sample)
                             : seqcast_read_newest(sleeper.subscribers[index], &record, sizeof record,
                                                   &sample);
                if (r != SEQCAST_OK)
                        break;
                /* News that are complete but not announced yet are told before the newest is they. */
                if (record.number != sample.number || sample.number < delivered + in_order)
                        sleeper_fail(-EILSEQ);
                delivered = sample.number;
        } while (in_order);
        if (r != SEQCAST_OK && r != SEQCAST_NONE && r != SEQCAST_BUSY)
                sleeper_fail(r);
        atomic_store(&sleeper.self->delivered[index], delivered);
}

static inline void sleeper_judge(size_t index, int64_t called_ns)
{
        int64_t now = monotonic_ns();
        int64_t since =
                feed_news_since(&sleepers->feeds[index], atomic_load(&sleeper.self->delivered[index]));
        int64_t late = now - (since > called_ns ? since : called_ns);

        if (since > called_ns)
                latency_add(&sleeper.self->wakes, late);
        if (late > SLICE / 2)
                late -= unserved_ns() - sleeper.unserved_ns;
        if (late > sleeper.self->latest_ns)
                sleeper.self->latest_ns = late;
}

static inline int sleeper_run(void)
{
        if (!sleeper_open())
                return 1;
        while (getppid() == sleepers->parent) {
                int64_t called_ns = monotonic_ns();
                size_t index;
                int r;

                if (called_ns - sleeper.marked_ns > 10 * MS) {
                        sleeper.marked_ns = called_ns;
                        sleeper.unserved_ns = unserved_ns();
                }
                r = sleeper_sleep(&index);
                if (r == SEQCAST_OK) {
                        sleeper_judge(index, called_ns);
                        sleeper_read(index);
                        if (sleeper.self->process != NULL)
                                sleeper.self->process(&sleeper.random);
                } else if (r != SEQCAST_PUBLISHER_GONE && r != SEQCAST_PUBLISHER_LEFT &&
                           !(r == SEQCAST_NONE && sleeper.self->kind == BY_DESCRIPTOR)) {
                        sleeper_fail(r);
                        sleep_us(1000);
                }
        }
        return 0;
}

/* ---- those who watch it --------------------------------------------------------------------- */

/** New topics, and nobody there yet. @return 0; what opening says */
static inline int sleepers_prepare(uint32_t mode)
{
        int r = 0;

        if (sleepers == NULL)
                sleepers = child_shared(sizeof *sleepers);
        memset((void *)sleepers->sleepers, 0, sizeof sleepers->sleepers);
        sleepers->count = 0;
        sleepers->parent = getpid();
        for (unsigned i = 0; i < SLEEPER_FEEDS && r == 0; i++)
                r = feed_create(&sleepers->feeds[i], i, mode);
        return r;
}

/** wait, wait, wait_any, descriptor, wait ...; `turn` says with which of them to begin. */
static inline void sleepers_start(unsigned count, unsigned turn, void (*process)(uint64_t *random))
{
        static const enum sleeper_kind kinds[4] = { BY_WAIT, BY_WAIT_ANY, BY_WAIT, BY_DESCRIPTOR };

        for (sleepers->count = 0; sleepers->count < count; sleepers->count++) {
                struct sleeper *self = &sleepers->sleepers[sleepers->count];

                self->kind = kinds[(turn + sleepers->count) % 4];
                self->feed_count = self->kind == BY_WAIT_ANY ? SLEEPER_FEEDS : 1;
                self->in_order = sleepers->count / 4 % 2 == 1;
                self->process = process;
                sleeper.self = self;
                self->pid = child_start(sleeper_run);
        }
        for (unsigned i = 0; i < count; i++)
                wait_for(&sleepers->sleepers[i].ready, 1);
}

static inline bool is_asleep(pid_t pid)
{
        char path[64], state = '?';
        FILE *file;

        snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
        file = fopen(path, "r");
        if (file == NULL)
                return false;
        if (fscanf(file, "%*d %*[^)]) %c", &state) != 1)
                state = '?';
        fclose(file);
        return state == 'S';
}

/** How many have not been delivered the newest of all? Or only those who sleep in spite of that. */
static inline unsigned sleepers_behind(bool asleep)
{
        unsigned behind = 0;

        for (unsigned i = 0; i < sleepers->count; i++) {
                const struct sleeper *self = &sleepers->sleepers[i];
                bool there = true;

                for (unsigned feed = 0; feed < self->feed_count; feed++)
                        there = there && atomic_load(&self->delivered[feed]) ==
                                                 atomic_load(&sleepers->feeds[feed].published);
                behind += !there && (!asleep || is_asleep(self->pid));
        }
        return behind;
}

/** Wait until none is behind, as long as news may take and sleepers are away at most; longer for those who
 *  only want a processor. How late they were they know themselves. @return how many are behind after all */
static inline unsigned sleepers_settle(void)
{
        int64_t begun_ns = monotonic_ns();
        unsigned behind;

        while ((behind = sleepers_behind(false)) != 0) {
                int64_t elapsed_ns = monotonic_ns() - begun_ns;

                if (elapsed_ns > witness_allowed_ns() + SLEEPER_AWAY_NS &&
                    (sleepers_behind(true) == behind || elapsed_ns > 20 * SECOND))
                        break;
                sleep_us(1000);
        }
        return behind;
}

static inline struct sleepers_sum sleepers_stop(void)
{
        struct sleepers_sum sum = { .wakes.count = 0 };

        for (unsigned i = 0; i < sleepers->count; i++) {
                const struct sleeper *self = &sleepers->sleepers[i];

                child_kill(self->pid);
                latency_merge(&sum.wakes, &self->wakes);
                sum.latest_ns = self->latest_ns > sum.latest_ns ? self->latest_ns : sum.latest_ns;
                sum.errors += self->errors;
                sum.error = self->errors != 0 ? self->error : sum.error;
                sum.silent += atomic_load(&self->delivered[0]) == 0;
        }
        return sum;
}

static inline void sleepers_remove(void)
{
        for (unsigned i = 0; i < SLEEPER_FEEDS; i++)
                feed_remove(&sleepers->feeds[i]);
        expect_no_feed_left();
}

#endif
