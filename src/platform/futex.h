/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Sleeping until a 32-bit word changes. Two implementations: futex_linux.c, and futex_portable.c that
 * polls (make PORTABLE=1). Knows nothing of what the words count. */

#ifndef SEQCAST_SRC_PLATFORM_FUTEX_H
#define SEQCAST_SRC_PLATFORM_FUTEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEQCAST__FUTEX_COUNT_MAX 128

/* On a little-endian machine, the low half of a 64-bit word is such a word, at the same address. */
struct seqcast__futex {
        const void *word;  /* may lie in a read-only mapping */
        uint32_t expected; /* do not sleep if it is something else */
        bool shared;       /* other processes wake it */
};

/** Does waking do anything here? If not, whoever sleeps polls. */
bool seqcast__futex_can_wake(void);

/**
 * Sleep until one of up to SEQCAST__FUTEX_COUNT_MAX words is woken or is not as expected, until a signal
 * comes, until the deadline, or for no reason at all: look at the words again. Where the kernel cannot
 * sleep on several words (Linux before 5.16), on the first one, and no longer than a millisecond if another
 * one is shared.
 */
void seqcast__futex_wait(const struct seqcast__futex *futexes, size_t count, int64_t deadline_ns);

/** Wake all that sleep on a word. Async-signal-safe; sets errno. @return how many were woken */
int seqcast__futex_wake(const void *word, bool shared);

#endif
