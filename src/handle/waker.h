/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The publisher's side of waiting: who sleeps, and waking them after a publication.
 *
 * Subscribers register nowhere, and a system call for each publication would cost more than the
 * publication. A subscriber that sleeps holds a read lock on a byte of the segment: it shows interest. The
 * publisher looks for such locks every two milliseconds or so, at a publication, and wakes only while
 * there are any, which it says in a control word, by the number of its epoch. Until it says so, sleepers
 * sleep no longer than they may be late (wait.c).
 *
 *   stop waking                                 go to sleep
 *   E1  control word = 0          relaxed       I1  take the read lock             fcntl
 *   E2  fence                     seq_cst       I2  is the control word our epoch? relaxed
 *   E3  is there a read lock?     fcntl             if so, sleep a whole slice
 *       if so, start again
 *
 *   E2 / I1   the kernel orders the two looks at the lock. If E3 comes first, I2 comes after E1 and finds
 *             0; if I1 comes first, E3 finds the lock. So nobody sleeps a whole slice unless he is woken.
 *
 * Publications that come before the sleep are caught by the futex itself, which compares the version. */

#ifndef SEQCAST_SRC_HANDLE_WAKER_H
#define SEQCAST_SRC_HANDLE_WAKER_H

#include "handle/segment.h"

/** One way to sleep: on the futex, or on a descriptor. */
struct seqcast__waker_side {
        int64_t wanted_ns; /* when interest was seen last */
        bool on;
};

struct seqcast__waker {
        uint64_t countdown;   /* publications until the next look at the clock; while waking: 1 */
        uint64_t stride;      /* ... of how many */
        uint64_t clock_looks; /* since sleepers were looked for, ... */
        int64_t looked_ns;    /* ... which was then */
        uint64_t epoch;
        const struct seqcast__segment *segment;
        const seqcast_word *version;
        seqcast_word *control;
        struct seqcast__waker_side sides[2];
};

/** @param mode enum seqcast_wake; `segment` stays where it is; its epoch is ours already */
void seqcast__waker_open(struct seqcast__waker *waker, const struct seqcast__segment *segment, uint32_t mode);

/** ... a look at the clock is due, or somebody has to be woken. errno stays. */
void seqcast__waker_attend(struct seqcast__waker *waker, int64_t time_ns);

/** A publication has been announced, at `time_ns`, if times are stored, or 0. Async-signal-safe. */
static inline void seqcast__waker_published(struct seqcast__waker *waker, int64_t time_ns)
{
        if (--waker->countdown == 0)
                seqcast__waker_attend(waker, time_ns);
}

/** Wake whoever sleeps, without looking at or changing what the waker remembers: for any thread. */
void seqcast__waker_notify(const struct seqcast__waker *waker);

/** Wake whoever sleeps on a segment, once, whether or not interest was seen: something rare has happened. */
void seqcast__waker_rouse(const struct seqcast__segment *segment);

#endif
