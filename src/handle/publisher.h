/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What is in a publisher. publisher.c opens and closes, publish.c publishes. */

#ifndef SEQCAST_SRC_HANDLE_PUBLISHER_H
#define SEQCAST_SRC_HANDLE_PUBLISHER_H

#include "handle/presence.h"
#include "handle/waker.h"
#include "seqcast/ring_parts.h"

#define SEQCAST__PUBLISHER_MAGIC UINT32_C(0x5075626c) /* gone in a child of fork(), whose handle is wiped */
#define SEQCAST__PRIVATE_STALE UINT64_MAX

enum seqcast__activity {
        SEQCAST__IDLE = 0,
        SEQCAST__BEGUN, /* between begin and commit */
        SEQCAST__REMOVED
};

struct seqcast_publisher {
        uint32_t magic;
        _Atomic(int) busy;     /* within a call, as a signal handler in the middle of it sees */
        _Atomic(int) activity; /* enum seqcast__activity; between calls */
        uint64_t version;
        struct seqcast_ring ring;
        struct seqcast_ring_changes changes;
        bool sparse;
        bool in_place;
        seqcast_word *begun_slot; /* in place */
        void *private_record;     /* not in place */
        uint64_t private_version; /* the publication that it holds, or: */
        struct seqcast__presence presence;
        struct seqcast__waker waker;
        struct seqcast__segment segment;
        uint64_t untold_namespace; /* of our clocks, while the newest record is of other ones; 0: told */
        int read_fd;               /* seqcast_publisher_fd(); 0: not opened yet */
        seqcast_detail *opening;   /* while it is being opened: where to say why it fails */
};

/** Begin something that nothing else may be under way beside. @return 0; -EINVAL, -ECHILD, -ESTALE, -EBUSY */
int seqcast__publisher_enter(seqcast_publisher *publisher, enum seqcast__activity expected);
void seqcast__publisher_leave(seqcast_publisher *publisher, enum seqcast__activity activity);

/** Of whose clocks the newest record's time is; 0: of others than ours. */
void seqcast__publisher_tell_namespace(seqcast_publisher *publisher, uint64_t time_namespace);

/** Unmap the record that seqcast_publish_begin() gives out where that is not in place. */
void seqcast__publisher_drop_record(seqcast_publisher *publisher);

#endif
