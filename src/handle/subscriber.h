/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What is in a subscriber: what reading uses first, what waiting adds, and what threads that share one
 * have in common. subscriber.c opens, read.c reads, wait.c waits. */

#ifndef SEQCAST_SRC_HANDLE_SUBSCRIBER_H
#define SEQCAST_SRC_HANDLE_SUBSCRIBER_H

#include <pthread.h>

#include "handle/attach.h"
#include "handle/presence.h"
#include "handle/reattach.h"
#include "platform/process.h"
#include "platform/watch.h"

/** What joined handles have in common. All but `reattach` is used under the mutex. */
struct seqcast__shared {
        struct seqcast__reattach *reattach;
        pthread_mutex_t mutex;
        struct seqcast__process_mutex at_fork;
        unsigned handles;
        unsigned sleepers, watchers;    /* handles that show interest in this generation */
        _Atomic(uint32_t) replacements; /* a futex: somebody has re-attached */
        struct seqcast__segment segment;
};

/** A read lock of ours, on a byte of the segment of `generation`. */
struct seqcast__interest {
        bool shown;
        uint64_t generation;
};

/** What waiting remembers. Times are of seqcast__clock_mono_ns(). */
struct seqcast__waiting {
        _Atomic(uint32_t) interrupts; /* a futex; the only word that other threads write */
        uint32_t interrupts_seen;
        uint32_t replacements_seen;
        int64_t spin_ns;
        int64_t since_ns;        /* when this wait began or, with a descriptor, there was news last */
        int64_t checked_ns;      /* when the segment was checked last ... */
        int64_t name_checked_ns; /* ... and its name */
        uint64_t told_epoch;     /* whose end the caller knows of */
        uint64_t told_number;    /* news that he knows of though they were not announced yet */
        bool told_detached;
        bool name_missing; /* the topic has no segment that we can read; we follow it to the next one */
        bool watch_lost;   /* the descriptor does not watch the present segment yet */
        int64_t closed_ns; /* when a descriptor was closed that could write the segment */
        size_t turn;       /* where wait_any() begins to look */
        struct seqcast__interest asleep, watching;
        struct seqcast__watch watch; /* the caller's descriptor */
};

/** How to read, which is known from when the segment is. */
enum seqcast__way {
        SEQCAST__OTHERWISE = 0, /* in a mapping that threads share, or in none */
        SEQCAST__DIRECT,        /* in a mapping of our own: all is the ring's */
        SEQCAST__SPARSE         /* ... with holes */
};

struct seqcast_subscriber {
        /* of the segment, in generation `generation`, if it is shared */
        struct seqcast_ring ring;
        struct seqcast_ring_reader reader;
        enum seqcast__way way;
        bool sparse;
        void *base;
        bool looking;                  /* between read_begin and read_end */
        bool borrowed;                 /* the mapping is a publisher's */
        bool fetched;                  /* not mapped, fetch.h: ring and base are an image's */
        bool follows;                  /* SEQCAST_REATTACH */
        bool moved;                    /* to another segment, and the caller does not know yet */
        struct seqcast_ring_view view; /* what is looked at */
        struct seqcast__presence presence;
        struct seqcast__shared *shared; /* NULL: the segment is our own */
        uint64_t generation;
        struct seqcast__attach_wish wish; /* what another segment has to be; its schema is the segment's */
        struct seqcast__waiting waiting;
        struct seqcast__segment own;
};

/** The segment, for more than reading: it is not replaced until released. */
struct seqcast__segment *seqcast__subscriber_hold(const seqcast_subscriber *subscriber);
void seqcast__subscriber_release(const seqcast_subscriber *subscriber);

/** While held: is it the one whose records this handle reads? If not, another thread has re-attached. */
bool seqcast__subscriber_is_current(const seqcast_subscriber *subscriber);

/** Begin to look, in the shared mapping, or in our own, where this does nothing, or in an image, which is
 *  brought up to date for seqcast_ring_news(). If another thread has re-attached meanwhile, the handle moves
 *  on. @return 0; SEQCAST_BUSY or an error: no visit has begun */
int seqcast__subscriber_enter(seqcast_subscriber *subscriber, struct seqcast__visit *ret_visit);

/** @return was all that has been read meanwhile of one segment? */
bool seqcast__subscriber_leave(const seqcast_subscriber *subscriber, const struct seqcast__visit *visit);

/** After a visit that has found `moved`: bring the rest of the handle after. @return SEQCAST_REATTACHED */
int seqcast__subscriber_tell_moved(seqcast_subscriber *subscriber);

/** seqcast_subscriber_reattach(); nothing is left to tell of this handle afterwards. */
int seqcast__subscriber_reattach(seqcast_subscriber *subscriber, seqcast_detail *ret_detail);

/** The handle's segment is another one now: tell the descriptor. wait.c */
void seqcast__wait_moved(seqcast_subscriber *subscriber);

/** Of a handle that is opened, or closed. wait.c */
void seqcast__wait_open(seqcast_subscriber *subscriber);
void seqcast__wait_close(seqcast_subscriber *subscriber);

#endif
