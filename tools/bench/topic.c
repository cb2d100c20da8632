/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Topics of the benchmark's own. */

#include "bench/topic.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/topic.h"

#define PATIENCE_NS INT64_C(5000000000)

bool bench_fail_library(struct failure *failure, const char *what, int result)
{
        return fail(failure, E_IO, "%s: %s", what, seqcast_strerror(result));
}

static long owner;

void bench_topics_begin(void)
{
        owner = (long)getpid();
}

bool bench_topic_name(struct bench_topic *topic, const char *what, unsigned number, struct failure *failure)
{
        struct topic name;
        char typed[64];

        snprintf(typed, sizeof typed, "bench-%ld-%s-%u", owner, what, number);
        if (!topic_set(&name, typed, "shmseg bench", failure))
                return false;
        snprintf(topic->object, sizeof topic->object, "/%s", name.name + (name.name[0] == '/'));
        return true;
}

void bench_topic_remove(const struct bench_topic *topic)
{
        shm_unlink(topic->object);
}

bool bench_open_publisher(const struct bench_topic *topic, uint64_t record_bytes, uint32_t depth,
                          uint32_t flags, seqcast_publisher **ret_publisher, struct failure *failure)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        int r;

        options.record_bytes = record_bytes;
        options.depth = depth;
        options.flags = flags;
        r = seqcast_publisher_open(topic->object, &options, ret_publisher);
        return r == 0 || bench_fail_library(failure, topic->object, r);
}

bool bench_open_subscriber(const struct bench_topic *topic, seqcast_subscriber **ret_subscriber,
                           struct failure *failure)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        int r;

        options.timeout_ns = PATIENCE_NS;
        r = seqcast_subscriber_open(topic->object, &options, ret_subscriber);
        return r == 0 || bench_fail_library(failure, topic->object, r);
}

seqcast_publisher *bench_close_publisher(seqcast_publisher *publisher)
{
        if (publisher != NULL)
                seqcast_publisher_remove(publisher);
        return seqcast_publisher_close(publisher);
}
