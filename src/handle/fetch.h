/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Reading a segment without mapping it, for owners who are not trusted: whoever maps an object is killed
 * by SIGBUS when its owner truncates it, and allocates its holes by looking at them; whoever reads it by
 * pread(2) gets an error, and zeros.
 *
 * In the place of the mapping there is an image in private memory: the control words where the header says,
 * then one head for each slot. It is as old as the last fetch, and the ring's own functions judge it. */

#ifndef SEQCAST_SRC_HANDLE_FETCH_H
#define SEQCAST_SRC_HANDLE_FETCH_H

#include "handle/segment.h"

/** What one call reads. */
struct seqcast__read_request {
        bool next;  /* the next record; else the newest */
        bool whole; /* into `record`; else `count` parts */
        void *record;
        size_t capacity;
        const seqcast_read_part *parts;
        size_t count;
};

/** Give a segment that has been checked an image. @return 0; -EFBIG; -ENOMEM */
int seqcast__fetch_open(struct seqcast__segment *segment);

/** The ring in the image: what it says is as old as the last fetch. */
struct seqcast_ring seqcast__fetch_ring(const struct seqcast__segment *segment);

/** Fetch the control words. Nothing to do where the segment is mapped. @return 0; -EPROTO; -errno */
int seqcast__fetch_control(const struct seqcast__segment *segment);

/** Fetch what seqcast_ring_news() looks at. @return 0; -EPROTO truncated; -errno */
int seqcast__fetch_news(const struct seqcast__segment *segment, const struct seqcast_ring *ring,
                        const struct seqcast_ring_reader *reader);

/** What seqcast_ring_read() does, of the object. @return as that; -EPROTO truncated; -errno */
int seqcast__fetch_read(const struct seqcast__segment *segment, const struct seqcast_ring *ring,
                        struct seqcast_ring_reader *reader, const struct seqcast__read_request *request,
                        seqcast_sample *ret_sample);

#endif
