/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* How a subscriber comes by its segment: open it, trusting nothing, check it, map it for reading. */

#ifndef SEQCAST_SRC_HANDLE_ATTACH_H
#define SEQCAST_SRC_HANDLE_ATTACH_H

#include "handle/segment.h"

/** What a subscriber insists on. */
struct seqcast__attach_wish {
        const seqcast_schema *schema; /* NULL: any, or as `opaque_bytes` says */
        uint64_t opaque_bytes;        /* not 0: an opaque record of this size */
        bool owner_given;
        uint32_t owner;
        bool any_owner;  /* trust nobody: do not map it, fetch.h */
        uint32_t memory; /* SEQCAST_PREFAULT ..., residence.h: asked for, not done yet */
};

/**
 * Open the segment of segment->name once.
 * @param segment  closed; still closed after a failure
 * @param ret_detail  may be NULL
 * @return 0, or an error of seqcast_subscriber_open()
 */
int seqcast__attach(const struct seqcast__attach_wish *wish, struct seqcast__segment *segment,
                    seqcast_detail *ret_detail);

/** ... as long as it is not there or not ready, until the time is up. @param timeout_ns < 0: no end */
int seqcast__attach_in_time(const struct seqcast__attach_wish *wish, int64_t timeout_ns,
                            struct seqcast__segment *segment, seqcast_detail *ret_detail);

/** Attach to what a descriptor stands for, which remains the caller's: sealed, or read without mapping it.
 *  @return 0, or an error of seqcast_subscriber_open_fd() */
int seqcast__attach_fd(const struct seqcast__attach_wish *wish, int fd, struct seqcast__segment *segment,
                       seqcast_detail *ret_detail);

#endif
