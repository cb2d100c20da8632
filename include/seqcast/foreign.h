/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A reader for seqlocks that somebody else owns and writes by rules of his own: a whole copy of the bytes
 * that his counters guard, or word that there is none just now. Header-only; never stores, so that a
 * read-only mapping does; no system call, no allocation, no state, no loop without a bound. Knows nothing of
 * rings and numbers: a count is a count.
 *
 * SHAPES
 *   even and odd   one counter: odd while he writes, even when he is done. Linux's pvclock and VMClock,
 *                  PipeWire's SPA_SEQ, most of what is called a seqlock.   seqcast_foreign_even_odd()
 *   bookends       two counters: one is moved before the data, one after it, and they are equal when he is
 *                  done. gpsd: bookend2 before, bookend1 after. rFactor 2: mVersionUpdateBegin before,
 *                  mVersionUpdateEnd after.                                seqcast_foreign_bookends()
 *   count, valid   a word that is 0 while he writes, and a count that is moved before the word is 1 again:
 *                  mode 1 of the shared memory of NTP. Some move the count before the data, too (gpsd after
 *                  valid = 0, linuxptp before it), some do not (radioclkd), so odd and even say
 *                  nothing.                                                seqcast_foreign_count_valid()
 *
 *   owner, by his rules                            reader
 *   G0  valid = 0              (count, valid)      F1  c = closed; odd (even and odd): busy     acquire
 *   G1  opened is moved                            F2  valid is 0 (count, valid): nothing       relaxed
 *   G2  barrier                                    F3  copy the data
 *   G3  data                                       F4  fence                                    acquire
 *   G4  barrier                                    F5  valid is 0 (count, valid): not whole     acquire
 *   G5  closed is moved                            F6  is opened still c?                       relaxed
 *   G6  barrier, valid = 1     (count, valid)
 *
 * `opened` and `closed` are one word, but with bookends. With count, valid, G0 and G1 come in either order,
 * and G1 may be missing.
 *
 * PAIRS
 *   G4 / F1   a reader that has found the count of G5, or a later one, finds, in F3, all of that data.
 *   G2 / F4   a reader that has copied anything of G3 finds, in F6, the count of G1 or a later one: not c,
 *             if it began before G1, and the copy is thrown away. If c is that of G1, or there is no G1
 *             (count, valid), it finds, in F5, the 0 of G0, or a later 1. The 0 is no record.
 *   G6 / F5   a reader that has found that 1 finds, in F6, the count of G5 or a later one: not c.
 *
 * F2 orders nothing: it saves the copy of what is not there.
 *
 * The counter that he moves last is read first, and the one that he moves first is read last. A reader that
 * began with `opened` would find it n, copy while he writes n + 1, and find `closed` still n. One that looked
 * at valid before its copy only would find it 1, have him begin, find one count at both ends of its copy, and
 * take half a record.
 *
 * WHAT NO READER CAN MAKE GOOD. The barriers are his. On x86-64 any two stores are in order, if only his
 * compiler leaves them so; elsewhere an owner who lacks one of them gives torn data to any reader, as
 * tests/model shows for each. gpsd, where it writes for NTP, lacks that of G6; linuxptp has none. The same
 * goes for two owners at once (whoever else moves the count is one), for owners that never clear valid (if
 * they move the count twice a record, it is even and odd), and for mode 0 of NTP, which guards nothing. If he
 * dies in mid-write, there is nothing to be had until his successor has written.
 *
 * RANGES. Counters of 32 and 64 bits, aligned; narrower ones come round too soon and are refused. The data
 * lies anywhere and has any length. A counter of 32 bits comes round after 2^31 records (2^32, if moved once
 * a record): a reader stopped in mid-copy for exactly so many takes a torn copy. At 1000 a second, 2^31 are
 * 24 days. The caller knows that all of it is mapped and in the file: beyond the end of a file stand zeros,
 * then SIGBUS. His declarations may be volatile; the data is copied as if it were not. No pointer may be NULL
 * where bytes are asked for.
 *
 * THREADS AND SIGNALS. Any number of threads and processes read at once; signal handlers, too.
 *
 * SANITIZERS. The bytes are copied as copy.h does it, which is no data race on this side. Most owners store
 * by plain stores, which is one on theirs: ThreadSanitizer reports it where the owner is a thread of the same
 * program, compiled with it, and sees nothing of other processes. Such a report is about the language;
 * whether the copy is torn is for the counters to say.
 *
 * SOURCES. gpsd: shmexport.c, libgps_shm.c and, for NTP, ntpshmwrite.c. linuxptp: ntpshm.c. NTP: "Shared
 * Memory Driver", reference clock 28. rF2SharedMemoryMapPlugin: rF2State.h. Linux: pvclock-abi.h,
 * vmclock-abi.h. PipeWire: spa/utils/atomic.h. */

#ifndef SEQCAST_FOREIGN_H
#define SEQCAST_FOREIGN_H

#include <errno.h>
#include <stdbool.h>

#include "seqcast/copy.h"
#include "seqcast/types.h"

/** So many attempts are made, then it is SEQCAST_BUSY; trying longer is for the caller. */
#define SEQCAST_FOREIGN_ATTEMPTS_MAX 64

#ifdef __cplusplus
typedef std::atomic<uint32_t> seqcast_foreign_word32;
static_assert(ATOMIC_INT_LOCK_FREE == 2, "shared memory needs lock-free 32-bit atomics");
static_assert(sizeof(seqcast_foreign_word32) == 4, "an atomic word must be the word alone");
#else
typedef _Atomic(uint32_t) seqcast_foreign_word32;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "shared memory needs lock-free 32-bit atomics");
_Static_assert(sizeof(seqcast_foreign_word32) == 4, "an atomic word must be the word alone");
#endif

/** Somebody's words. Fill it by one of the three functions below. */
struct seqcast_foreign {
        const volatile void *opened; /* moved before the data, read last */
        const volatile void *closed; /* moved after the data, read first */
        const volatile void *valid;  /* 0 while there is nothing to read; NULL: there is no such word */
        size_t word_bytes;           /* 4 or 8, of each of them */
        bool odd_is_open;
};

/** One counter of `word_bytes` bytes, 4 or 8, that is odd while its owner writes. */
static inline struct seqcast_foreign seqcast_foreign_even_odd(const volatile void *counter, size_t word_bytes)
{
        struct seqcast_foreign foreign = { counter, counter, NULL, word_bytes, true };

        return foreign;
}

/** Two counters that are equal when their owner is done.
 *  @param opened the one that he moves before the data  @param closed the one that he moves after it */
static inline struct seqcast_foreign seqcast_foreign_bookends(const volatile void *opened,
                                                              const volatile void *closed, size_t word_bytes)
{
        struct seqcast_foreign foreign = { opened, closed, NULL, word_bytes, false };

        return foreign;
}

/** A word that is not 0 when there is data, and a count that is moved before it is that again. Neither is
 *  written here: who takes a sample for good by clearing `valid` does that himself. */
static inline struct seqcast_foreign
seqcast_foreign_count_valid(const volatile void *count, const volatile void *valid, size_t word_bytes)
{
        struct seqcast_foreign foreign = { count, count, valid, word_bytes, false };

        return foreign;
}

static inline uint64_t seqcast__foreign_load_acquire(const struct seqcast_foreign *foreign,
                                                     const volatile void *word)
{
        /* F1 pairs with G4, F5 pairs with G6. */
        if (foreign->word_bytes == 4)
                return atomic_load_explicit((const volatile seqcast_foreign_word32 *)word,
                                            memory_order_acquire);
        /* F1 pairs with G4, F5 pairs with G6. */
        return atomic_load_explicit((const volatile seqcast_word *)word, memory_order_acquire);
}

static inline uint64_t seqcast__foreign_load_relaxed(const struct seqcast_foreign *foreign,
                                                     const volatile void *word)
{
        if (foreign->word_bytes == 4)
                return atomic_load_explicit((const volatile seqcast_foreign_word32 *)word,
                                            memory_order_relaxed);
        return atomic_load_explicit((const volatile seqcast_word *)word, memory_order_relaxed);
}

/** Can words of that width be loaded from there at once, and do they guard anything? Not without a word, nor
 *  if both bookends, or count and valid, are one. All calls below but seqcast_foreign_read() take for granted
 *  that this was asked and is true. */
static inline bool seqcast_foreign_usable(const struct seqcast_foreign *foreign)
{
        uintptr_t places =
                (uintptr_t)foreign->opened | (uintptr_t)foreign->closed | (uintptr_t)foreign->valid;
        bool guards = foreign->odd_is_open || foreign->opened != foreign->closed ||
                      (foreign->valid != NULL && foreign->valid != foreign->opened);

        return (foreign->word_bytes == 4 || foreign->word_bytes == 8) && places % foreign->word_bytes == 0 &&
               foreign->opened != NULL && foreign->closed != NULL && guards;
}

/** The data may be copied after this (F3), by seqcast_foreign_copy(); nothing may be concluded from the copy
 *  before seqcast_foreign_whole() is true. @param ret_begun the count for seqcast_foreign_whole(), always set
 *  @return SEQCAST_OK; SEQCAST_NONE: nothing valid is there; SEQCAST_BUSY: it is being written */
static inline enum seqcast_state seqcast_foreign_begin(const struct seqcast_foreign *foreign,
                                                       uint64_t *ret_begun)
{
        *ret_begun = seqcast__foreign_load_acquire(foreign, foreign->closed); /* F1 */
        if (foreign->odd_is_open && (*ret_begun & 1) != 0)
                return SEQCAST_BUSY;
        if (foreign->valid != NULL && seqcast__foreign_load_relaxed(foreign, foreign->valid) == 0) /* F2 */
                return SEQCAST_NONE;
        return SEQCAST_OK;
}

/** Do the bytes copied since seqcast_foreign_begin() belong together? If not, they are rubbish. */
static inline bool seqcast_foreign_whole(const struct seqcast_foreign *foreign, uint64_t begun)
{
        /* F4 pairs with G2, and keeps the copy (F3) above the second looks (F5, F6). */
        SEQCAST_FENCE(memory_order_acquire);
        if (foreign->valid != NULL && seqcast__foreign_load_acquire(foreign, foreign->valid) == 0) /* F5 */
                return false;
        return seqcast__foreign_load_relaxed(foreign, foreign->opened) == begun; /* F6 */
}

/** Copy `bytes` bytes from shared memory, aligned or not. No aligned word of 8 bytes is touched that holds
 *  none of them. They are one record's only if seqcast_foreign_whole() says so. */
static inline void seqcast_foreign_copy(void *to, const volatile void *from, size_t bytes)
{
        size_t skip = (size_t)((uintptr_t)from % SEQCAST_WORD_BYTES);
        const seqcast_word *words = (const seqcast_word *)((uintptr_t)from - skip);

        seqcast_copy_load(to, words, skip, bytes); /* F3 */
}

/**
 * Take a copy of what is guarded. Up to SEQCAST_FOREIGN_ATTEMPTS_MAX attempts, with pauses of the processor.
 * @param to private memory; rubbish unless 0 is returned
 * @param ret_count what the owner's count was at both ends of the copy; may be NULL; untouched unless 0 is
 *        returned. With count, valid, it may have been moved for the next record already. Whether there is a
 *        record before it first moves is for the owner to say
 * @return 0; SEQCAST_NONE: nothing valid is there, or it is being replaced (count, valid); SEQCAST_BUSY: it
 *         was being written in every attempt; -EINVAL: words that are not 4 or 8 bytes wide, not aligned,
 *         missing, or guard nothing
 */
static inline int seqcast_foreign_read(const struct seqcast_foreign *foreign, void *to,
                                       const volatile void *from, size_t bytes, uint64_t *ret_count)
{
        enum seqcast_state state = SEQCAST_BUSY;
        uint64_t begun;

        if (!seqcast_foreign_usable(foreign))
                return -EINVAL;
        for (int attempt = 0; attempt < SEQCAST_FOREIGN_ATTEMPTS_MAX; attempt++) {
                if (attempt != 0)
                        seqcast__cpu_relax();
                state = seqcast_foreign_begin(foreign, &begun);
                if (state == SEQCAST_NONE)
                        break;
                if (state == SEQCAST_BUSY)
                        continue;
                seqcast_foreign_copy(to, from, bytes);
                if (seqcast_foreign_whole(foreign, begun)) {
                        if (ret_count != NULL)
                                *ret_count = begun;
                        return SEQCAST_OK;
                }
                state = SEQCAST_BUSY;
        }
        return (int)state;
}

#endif
