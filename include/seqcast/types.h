/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What the ring and the library on top of it both speak of: what a read can come to, what it has
 * delivered, and byte ranges of a record. Plain data, C99; knows neither of them. */

#ifndef SEQCAST_TYPES_H
#define SEQCAST_TYPES_H

#include <stddef.h>
#include <stdint.h>

/** What a call can come to when it is no error. */
enum seqcast_state {
        SEQCAST_OK = 0,             /* done; a read has delivered a record; a wait has found news */
        SEQCAST_NONE = 1,           /* nothing newer than what was delivered last */
        SEQCAST_EMPTY = 2,          /* nothing has ever been published here */
        SEQCAST_BUSY = 3,           /* no whole record within the bound: lapped in every try or, at
                                        depth 1, a publication is under way or its publisher died in it */
        SEQCAST_RETIRED = 4,        /* nothing newer, and nothing will come: the segment was replaced */
        SEQCAST_OVERWRITTEN = 5,    /* what was looked at in place changed meanwhile: throw it away */
        SEQCAST_DIFFERENT = 6,      /* two schemas describe different bytes */
        SEQCAST_TIMEOUT = 7,        /* nothing newer came in time */
        SEQCAST_PUBLISHER_GONE = 8, /* nothing newer, and the publisher has ended without closing */
        SEQCAST_PUBLISHER_LEFT = 9, /* nothing newer, and the publisher has closed its handle */
        SEQCAST_DETACHED = 10,      /* the topic's name is gone, or another segment's; there may be news
                                        besides */
        SEQCAST_REATTACHED = 11,    /* the topic has another segment, which is read from now on: numbers
                                        begin again at 1 */
        SEQCAST_INTERRUPTED = 12    /* the wait was ended by seqcast_subscriber_interrupt() */
};

/** What was delivered. */
typedef struct seqcast_sample {
        uint64_t number; /* the publication's number, from 1 */
        /* publications between the one delivered before and this one. 0 for the first, unless the
         * subscriber was there before anything was published, or skipped */
        uint64_t lost;
        uint64_t bytes;  /* the record's length */
        int64_t time_ns; /* when it was published, CLOCK_BOOTTIME; 0: the segment stores no times */
        /* 1: the segment was replaced or removed, nothing newer comes in it. Reads in order need not
         * notice before SEQCAST_RETIRED */
        uint32_t retired;
        uint32_t reserved;
} seqcast_sample;

#define SEQCAST_PARTS_MAX 64u

/** Publishing: bytes [offset, offset + bytes) of the record become those at `from`. */
typedef struct seqcast_part {
        uint64_t offset;
        size_t bytes;
        const void *from;
} seqcast_part;

/** Reading: bytes [offset, offset + bytes) of the record go to `to`. */
typedef struct seqcast_read_part {
        uint64_t offset;
        size_t bytes;
        void *to;
} seqcast_read_part;

#endif
