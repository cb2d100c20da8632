/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* One sequence word and the bytes it guards: the four steps on which everything stands. One attempt
 * each, no loop; knows nothing of slots, rings or numbers beyond odd and even.
 *
 * While publication n is being written the word is 2n-1, when it is complete the word is 2n.
 *
 *   writer, publication n                          reader
 *   W1  seq = 2n-1             relaxed             R1  q = seq                       acquire
 *   W2  fence                  release             R2  copy the payload words        relaxed
 *   W3  payload words          relaxed             R3  fence                         acquire
 *   W4  seq = 2n               release             R4  is seq still q?               relaxed
 *
 * PAIRS
 *   W2 / R3   a reader that has copied any word of W3 also finds, in R4, the odd word of W1 or a later
 *             one, and throws the copy away. Without W2 the payload may be seen before the odd mark,
 *             without R3 the check may be made before the copy: on ARM both happen.
 *   W4 / R1   a reader that has found the even word finds, in R2, all of the payload.
 *
 * An odd word marked by a store-release, or the second look done by a load-acquire, does not do: a
 * release does not hold back the stores after it, an acquire not the loads before it (H.-J. Boehm,
 * "Can seqlocks get along with programming language memory models?", MSPC 2012).
 *
 * 64-bit words: at 10^8 publications a second they last for 2 900 years, so a word never comes round
 * to its old value under a slow reader. Reading never stores, so it works on read-only pages. */

#ifndef SEQCAST_SEQLOCK_H
#define SEQCAST_SEQLOCK_H

#include <stdbool.h>

#include "seqcast/copy.h"

/** Mark publication `number` as being written; its payload may be stored after this, not before. */
static inline void seqcast_seqlock_write_begin(seqcast_word *seq, uint64_t number)
{
        atomic_store_explicit(seq, 2 * number - 1, memory_order_relaxed); /* W1 */
        /* W2 pairs with R3: whoever has copied a word of W3 will find W1. */
        SEQCAST_FENCE(memory_order_release);
}

/** Publication `number` is complete: readers that see this see all of its payload. */
static inline void seqcast_seqlock_write_end(seqcast_word *seq, uint64_t number)
{
        /* W4 pairs with R1: whoever reads this even word reads all of W3. */
        atomic_store_explicit(seq, 2 * number, memory_order_release);
}

/** The word to compare with later. Odd: a publication is under way (or its writer died in it). */
static inline uint64_t seqcast_seqlock_read_begin(const seqcast_word *seq)
{
        return atomic_load_explicit(seq, memory_order_acquire); /* R1 pairs with W4 */
}

/** Do the bytes copied since read_begin() returned `begun` belong together? If not, they are rubbish. */
static inline bool seqcast_seqlock_read_valid(const seqcast_word *seq, uint64_t begun)
{
        /* R3 pairs with W2, and keeps the copy (R2) above the second look (R4). */
        SEQCAST_FENCE(memory_order_acquire);
        return atomic_load_explicit(seq, memory_order_relaxed) == begun; /* R4 */
}

#endif
