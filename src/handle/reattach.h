/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A mapping that several threads read while one of them replaces it by another segment's. Readers take no
 * lock and write nothing that others read. Two implementations, of which the build takes one:
 * reattach_plain.c, and reattach_urcu.c on liburcu (make URCU=1).
 *
 * Opening, replacing and closing are the caller's to serialize; he also keeps the rest of the segment
 * (the descriptor, the header) from those who may not be looking at it. */

#ifndef SEQCAST_SRC_HANDLE_REATTACH_H
#define SEQCAST_SRC_HANDLE_REATTACH_H

#include "handle/fetch.h"

/** What reading needs of a segment. Does not change. */
struct seqcast__mapping {
        struct seqcast_ring ring;
        void *base;
        uint64_t bytes;
        int fd;
        bool sparse;
};

struct seqcast__reattach; /* an implementation's own */

/** A reader between enter and leave. */
struct seqcast__visit {
        const struct seqcast__mapping *mapping;
        uint64_t generation; /* counts replacements, from 0 */
        uint64_t epoch;      /* an implementation's own */
};

/** Take over the mapping of a segment, and say where it is from now on. The caller keeps the rest of it.
 *  @return 0; -ENOMEM */
int seqcast__reattach_open(struct seqcast__segment *segment, struct seqcast__reattach **ret_reattach);

/** Unmap. Nobody visits any more. Does not close the segment's descriptor. */
void seqcast__reattach_close(struct seqcast__reattach *reattach, struct seqcast__segment *segment);

/** Begin to read. @return false: it is being replaced at this moment; no visit has begun */
bool seqcast__reattach_enter(struct seqcast__reattach *reattach, struct seqcast__visit *ret_visit);

/** End it. @return did everything that was read come from that mapping? Otherwise forget it. */
bool seqcast__reattach_leave(struct seqcast__reattach *reattach, const struct seqcast__visit *visit);

/** How often it was replaced, if nobody replaces it now. */
uint64_t seqcast__reattach_generation(const struct seqcast__reattach *reattach);

/**
 * Put segment `fresh` in the place of `present`, which is closed but for its schema; `fresh` is empty then.
 * Wherever readers are, they touch mapped memory only. After a failure, `present` is still in place, and
 * `fresh` still the caller's.
 * @return 0; -ENOMEM; -errno
 */
int seqcast__reattach_replace(struct seqcast__reattach *reattach, struct seqcast__segment *present,
                              struct seqcast__segment *fresh);

static inline struct seqcast__mapping seqcast__mapping_of(const struct seqcast__segment *segment)
{
        return (struct seqcast__mapping){
                .ring = segment->fetched ? seqcast__fetch_ring(segment)
                                         : seqcast__layout_ring(&segment->header, segment->base),
                .base = segment->base,
                .bytes = segment->header.segment_bytes,
                .fd = segment->fd,
                .sparse = !segment->fetched && seqcast__segment_has_holes(segment),
        };
}

#endif
