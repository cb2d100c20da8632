/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* How a publisher comes by its segment: create it, take it over, or put a new one in its place.
 * At most one process ever holds a segment, and no name ever stands for a half-made one. */

#ifndef SEQCAST_SRC_HANDLE_ACQUIRE_H
#define SEQCAST_SRC_HANDLE_ACQUIRE_H

#include "handle/segment.h"

/** What else a publisher needs. Called before a new segment gets its name, so that one that cannot be
 *  used replaces nothing; more than once if others are quicker. `fresh`: nothing was published in it. */
typedef int seqcast__acquire_prepare(void *context, const struct seqcast__segment *segment, bool fresh);

struct seqcast__acquire_request {
        const seqcast_publisher_options *options; /* flags checked; ret_detail: where to say why */
        seqcast__acquire_prepare *prepare;
        void *context;
        uint32_t *fork_flag; /* zeroed in a child of fork() */
};

/** @param ret_segment locked and mapped for writing. @return 0, or an error of seqcast_publisher_open() */
int seqcast__acquire(const char *topic, const struct seqcast__acquire_request *request,
                     struct seqcast__segment *ret_segment);

/** Give a segment back: lock, mapping, descriptor. */
void seqcast__acquire_release(struct seqcast__segment *segment);

#endif
