/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A topic whose publications bear the time at which they were made. That of each of the last ones also
 * stands in a log beside the topic, for a subscriber that was woken late finds a newer one, which does not
 * tell how long there has been news. */

#ifndef SEQCAST_TESTS_WAKE_FEED_H
#define SEQCAST_TESTS_WAKE_FEED_H

#include <stdatomic.h>

#include "seqcast.h"

#include "wake_latency.h"

#define FEED_LOG (UINT64_C(1) << 21) /* more than are published in a slice */

/* In shared memory. */
struct feed {
        unsigned index;
        _Atomic(uint64_t) published; /* number of the newest */
        _Atomic(int64_t) log[FEED_LOG];
};

struct feed_record {
        int64_t time_ns;
        uint64_t number;
};

static inline int feed_open(const struct feed *feed, enum seqcast_wake wake, uint32_t mode,
                            seqcast_publisher **ret_publisher)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        options.record_bytes = sizeof(struct feed_record);
        options.wake = wake;
        options.mode = mode;
        return seqcast_publisher_open(topic_name_of(feed->index), &options, ret_publisher);
}

/** A new, empty topic. */
static inline int feed_create(struct feed *feed, unsigned index, uint32_t mode)
{
        seqcast_publisher *publisher;
        int r;

        feed->index = index;
        atomic_store(&feed->published, 0);
        r = feed_open(feed, SEQCAST_WAKE_AUTOMATIC, mode, &publisher);
        if (r == 0)
                seqcast_publisher_close(publisher);
        return r;
}

static inline void feed_remove(const struct feed *feed)
{
        if (unlink(topic_path_of(feed->index)) < 0)
                printf("# somebody else has removed %s meanwhile\n", topic_name_of(feed->index));
}

/** Of this process's numbered topics. The dash matters: 123 is the beginning of 1234, too. */
static inline void expect_no_feed_left(void)
{
        char names[96];

        snprintf(names, sizeof names, "%s-", topic_name());
        expect_none_left("the objects in shared memory", count_entries(SHM_DIRECTORY, names));
}

static inline int feed_publish(struct feed *feed, seqcast_publisher *publisher)
{
        const struct feed_record record = { monotonic_ns(), seqcast_publisher_version(publisher) + 1 };
        int r;

        atomic_store_explicit(&feed->log[record.number % FEED_LOG], record.time_ns, memory_order_relaxed);
        r = seqcast_publish(publisher, &record, sizeof record);
        atomic_store_explicit(&feed->published, record.number, memory_order_release);
        return r;
}

/** Since when has there been something newer than publication `number`, if there is? If that was long ago,
 *  a later time. */
static inline int64_t feed_news_since(const struct feed *feed, uint64_t number)
{
        uint64_t published = atomic_load_explicit(&feed->published, memory_order_acquire);
        uint64_t first = number + 1, oldest = published < FEED_LOG / 2 ? 1 : published - FEED_LOG / 2;

        return atomic_load_explicit(&feed->log[(first > oldest ? first : oldest) % FEED_LOG],
                                    memory_order_relaxed);
}

#endif
