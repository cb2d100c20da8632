/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Topics of the benchmark's own: their names, opening them, and removing what is left. */

#ifndef SEQCAST_TOOLS_BENCH_TOPIC_H
#define SEQCAST_TOOLS_BENCH_TOPIC_H

#include <stdbool.h>

#include "common/failure.h"
#include "seqcast.h"

struct bench_topic {
        char object[SEQCAST_TOPIC_BYTES_MAX + 2]; /* the shared-memory object: with a slash in front */
};

/** From now on names contain the id of this process, also in its children. */
void bench_topics_begin(void);

/** A name that no other run takes: SEQCAST_PREFIX, the id, `what`, a number. */
bool bench_topic_name(struct bench_topic *topic, const char *what, unsigned number, struct failure *failure);

/** Take the name away if it is still there, whoever has died meanwhile. */
void bench_topic_remove(const struct bench_topic *topic);

/** A new topic, or, without a size, the existing one. */
bool bench_open_publisher(const struct bench_topic *topic, uint64_t record_bytes, uint32_t depth,
                          uint32_t flags, seqcast_publisher **ret_publisher, struct failure *failure);
bool bench_open_subscriber(const struct bench_topic *topic, seqcast_subscriber **ret_subscriber,
                           struct failure *failure);

/** Remove and close; accepts NULL. @return NULL, for handles in memory that outlives whoever opened them */
seqcast_publisher *bench_close_publisher(seqcast_publisher *publisher);

/** Always false. */
bool bench_fail_library(struct failure *failure, const char *what, int result);

#endif
