/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* For tests of waiting: time, threads that wait, and what a sleeper and a publisher show one another,
 * seen from beside them. */

#ifndef SEQCAST_TESTS_WAITING_H
#define SEQCAST_TESTS_WAITING_H

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

#include "handle/segment.h"
#include "platform/futex.h"
#include "platform/lock.h"
#include "seqcast.h"

#include "child.h"
#include "topic.h"

#define MS INT64_C(1000000)
#define SECOND INT64_C(1000000000)
/* What a sleeper that nobody wakes sleeps; what is prompt, compared to it. */
#define SLICE (100 * MS)
#define PROMPT (40 * MS)

static inline int64_t monotonic_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * SECOND + now.tv_nsec;
}

static inline void sleep_ns(int64_t duration)
{
        sleep_us((long)(duration / 1000));
}

/** On a busy machine only the quickest of many rounds says something. Ends as soon as one is quick. */
static inline int64_t quickest(int64_t (*round)(void), int64_t quick)
{
        int64_t best = INT64_MAX;

        for (int i = 0; i < 50 && best > quick; i++) {
                int64_t duration = round();

                if (duration < best)
                        best = duration;
        }
        return best;
}

/** How long after `woken_ns` a sleep ended that began after `began_ns`. INT64_MAX: that says nothing, since
 *  its slice may have come to its end just then. */
static inline int64_t wake_latency(int64_t began_ns, int64_t woken_ns, int64_t ended_ns)
{
        return woken_ns - began_ns > SLICE - PROMPT || ended_ns < woken_ns ? INT64_MAX : ended_ns - woken_ns;
}

/* ---- topics --------------------------------------------------------------------------------- */

static inline int open_waking_publisher(uint32_t wake, uint32_t flags, seqcast_publisher **ret_publisher)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        options.record_bytes = 64;
        options.flags = flags;
        options.wake = wake;
        return seqcast_publisher_open(topic_name(), &options, ret_publisher);
}

static inline int open_flagged_subscriber(uint32_t flags, seqcast_subscriber **ret_subscriber)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;

        options.flags = flags;
        return seqcast_subscriber_open(topic_name(), &options, ret_subscriber);
}

/** Topics beside this process's own one. */
static inline const char *topic_name_of(unsigned index)
{
        static char name[96];

        snprintf(name, sizeof name, "%s-%u", topic_name(), index);
        return name;
}

static inline const char *topic_path_of(unsigned index)
{
        static char path[128];

        snprintf(path, sizeof path, SHM_DIRECTORY "%s", topic_name_of(index));
        return path;
}

/** Until it is set back, this process may open so many descriptors more. @return the limit before */
static inline struct rlimit allow_descriptors(unsigned more)
{
        struct rlimit before, limit;
        int fd = 0;

        if (getrlimit(RLIMIT_NOFILE, &before) != 0)
                abort();
        for (; more > 0 || fcntl(fd, F_GETFD) >= 0; fd++)
                more -= fcntl(fd, F_GETFD) < 0;
        limit = before;
        limit.rlim_cur = (rlim_t)fd;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
                abort();
        return before;
}

/* ---- what is shown -------------------------------------------------------------------------- */

/** An open file of the topic's segment that no handle has: the locks of all of them are seen from it. */
static inline int open_beside(void)
{
        int fd = open(topic_path(), O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                abort();
        return fd;
}

static inline bool interest_is_shown(int beside, int lock_byte)
{
        return seqcast__lock_obstacle(beside, lock_byte, 1) == SEQCAST__LOCK_READERS;
}

/** Wait until somebody sleeps on the futex. Where nobody shows it, it can only be guessed. */
static inline void await_sleeper(int beside)
{
        const int64_t end = monotonic_ns() + 10 * SECOND;

        if (!seqcast__futex_can_wake())
                sleep_us(20000);
        else
                while (!interest_is_shown(beside, SEQCAST__SLEEPER_LOCK_BYTE) && monotonic_ns() < end)
                        sleep_us(200);
}

static inline uint64_t control_word(int beside, enum seqcast__control word)
{
        struct seqcast__segment_header header;
        uint64_t value;

        if (pread(beside, &header, sizeof header, 0) != (ssize_t)sizeof header ||
            pread(beside, &value, sizeof value, (off_t)(header.control_offset + 8u * (unsigned)word)) != 8)
                abort();
        return value;
}

/* ---- threads that wait ----------------------------------------------------------------------- */

struct waiter {
        pthread_t thread;
        seqcast_subscriber *subscriber;
        int64_t timeout_ns, began_ns, ended_ns;
        int result;
        _Atomic(unsigned) ended;
};

static inline void *waiter_run(void *context)
{
        struct waiter *waiter = context;

        waiter->result = seqcast_wait(waiter->subscriber, waiter->timeout_ns);
        waiter->ended_ns = monotonic_ns();
        atomic_store(&waiter->ended, 1);
        return NULL;
}

static inline void waiter_start(struct waiter *waiter, seqcast_subscriber *subscriber, int64_t timeout_ns)
{
        *waiter = (struct waiter){ .subscriber = subscriber,
                                   .timeout_ns = timeout_ns,
                                   .began_ns = monotonic_ns() };
        if (pthread_create(&waiter->thread, NULL, waiter_run, waiter) != 0)
                abort();
}

/** @return what it was told */
static inline int waiter_join(struct waiter *waiter)
{
        pthread_join(waiter->thread, NULL);
        return waiter->result;
}

/** How long after `woken_ns` it was told. Joined already. */
static inline int64_t waiter_latency(const struct waiter *waiter, int64_t woken_ns)
{
        return wake_latency(waiter->began_ns, woken_ns, waiter->ended_ns);
}

/* ---- a storm of signals ----------------------------------------------------------------------- */

#define STORM_SIGNALS 2000u

static _Atomic(unsigned) storm_signals;

static inline void storm_set(long microseconds)
{
        const struct itimerval timer = { { 0, microseconds }, { 0, microseconds } };

        setitimer(ITIMER_REAL, &timer, NULL);
}

static inline void storm_count(int signal)
{
        (void)signal;
        if (atomic_fetch_add(&storm_signals, 1) + 1 == STORM_SIGNALS)
                storm_set(0);
}

/** A signal every millisecond, none of which restarts a call, for STORM_SIGNALS of them. */
static inline void storm_start(void)
{
        struct sigaction action = { .sa_handler = storm_count };

        atomic_store(&storm_signals, 0);
        sigaction(SIGALRM, &action, NULL);
        storm_set(1000);
}

/** @return did something end before the storm did, and in the middle of it? */
static inline bool storm_stop(void)
{
        unsigned count = atomic_load(&storm_signals);

        storm_set(0);
        return count > 0 && count < STORM_SIGNALS;
}

#endif
