/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Copies between private memory and memory that another thread or process may be copying at the same
 * moment; whether the bytes that arrived belong together is for the sequence word to say (seqlock.h).
 * Knows nothing of records.
 *
 * Two implementations. In C, every access to the shared side is a relaxed atomic load or store of one
 * aligned 64-bit word: no data race, nothing for ThreadSanitizer to report, and three to six times the
 * time of memcpy() from 256 bytes on, as no compiler makes vectors of atomics. So on x86-64 and AArch64 the
 * bytes are moved by assembly, where the language sees no access that could race: copy_kernels.h. Under
 * sanitizers, which do not see into assembly either, and with SEQCAST_COPY_WORDS defined (by who compiles
 * with -masm=intel, or wants no assembly), it is the words.
 *
 * Both are ordered by the fences of seqlock.h, and touch no word that holds none of the bytes named.
 *
 * Also the one place where what C11 and C++11, or processors, call by different names gets one. */

#ifndef SEQCAST_COPY_H
#define SEQCAST_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
#include <atomic>
/* C++23's <stdatomic.h> brings in these very names; earlier standards lack the header. Functions are
 * found through their std::atomic argument. */
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
typedef std::atomic<uint64_t> seqcast_word;
#define SEQCAST_FENCE(order) std::atomic_thread_fence(order)
static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "shared memory needs lock-free 64-bit atomics");
static_assert(sizeof(seqcast_word) == 8, "an atomic word must be the word alone");
#else
#include <stdatomic.h>
typedef _Atomic(uint64_t) seqcast_word;
#define SEQCAST_FENCE(order) atomic_thread_fence(order)
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "shared memory needs lock-free 64-bit atomics");
_Static_assert(sizeof(seqcast_word) == 8, "an atomic word must be the word alone");
#endif

#define SEQCAST_WORD_BYTES ((size_t)8)

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SEQCAST_COPY_WORDS
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) ||                                         \
        !(defined(__LP64__) &&                                                                               \
          ((defined(__x86_64__) && defined(__SSE2__)) || (defined(__aarch64__) && defined(__ARM_NEON))))
#undef SEQCAST_COPY_WORDS
#define SEQCAST_COPY_WORDS
#endif

#ifdef SEQCAST_COPY_WORDS
#define SEQCAST__COPY_INLINE static inline
#else
#include "seqcast/copy_kernels.h"
#define SEQCAST__COPY_INLINE static inline __attribute__((always_inline))
#endif

static inline uint64_t seqcast_word_load_relaxed(const seqcast_word *word)
{
        return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void seqcast_word_store_relaxed(seqcast_word *word, uint64_t value)
{
        atomic_store_explicit(word, value, memory_order_relaxed);
}

/* Between two attempts: the other hardware thread of this core, maybe the writer, gets its turn. */
static inline void seqcast__cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#endif
}

#ifdef SEQCAST_COPY_WORDS

/* Part of one word: bytes [skip, skip + bytes) of it. The writer is alone, so a load, a change in
 * private memory and a store lose nothing. */
static inline void seqcast__copy_store_partial(seqcast_word *word, size_t skip, const void *from,
                                               size_t bytes)
{
        uint64_t value = seqcast_word_load_relaxed(word);

        memcpy((unsigned char *)&value + skip, from, bytes);
        seqcast_word_store_relaxed(word, value);
}

static inline void seqcast__copy_load_partial(void *to, const seqcast_word *word, size_t skip, size_t bytes)
{
        uint64_t value = seqcast_word_load_relaxed(word);

        memcpy(to, (const unsigned char *)&value + skip, bytes);
}

static inline void seqcast__copy_store_word(seqcast_word *word, const unsigned char *from)
{
        uint64_t value;

        memcpy(&value, from, SEQCAST_WORD_BYTES);
        seqcast_word_store_relaxed(word, value);
}

static inline void seqcast__copy_load_word(unsigned char *to, const seqcast_word *word)
{
        uint64_t value = seqcast_word_load_relaxed(word);

        memcpy(to, &value, SEQCAST_WORD_BYTES);
}

static inline void seqcast__copy_store_words(seqcast_word *words, uint64_t offset, const void *from,
                                             size_t bytes)
{
        const unsigned char *source = (const unsigned char *)from;
        size_t skip = (size_t)(offset % SEQCAST_WORD_BYTES);

        words += offset / SEQCAST_WORD_BYTES;
        if (skip != 0 && bytes != 0) {
                size_t head = SEQCAST_WORD_BYTES - skip < bytes ? SEQCAST_WORD_BYTES - skip : bytes;

                seqcast__copy_store_partial(words++, skip, source, head);
                source += head;
                bytes -= head;
        }
        for (; bytes >= 8 * SEQCAST_WORD_BYTES; bytes -= 8 * SEQCAST_WORD_BYTES) {
                seqcast__copy_store_word(&words[0], source);
                seqcast__copy_store_word(&words[1], source + 8);
                seqcast__copy_store_word(&words[2], source + 16);
                seqcast__copy_store_word(&words[3], source + 24);
                seqcast__copy_store_word(&words[4], source + 32);
                seqcast__copy_store_word(&words[5], source + 40);
                seqcast__copy_store_word(&words[6], source + 48);
                seqcast__copy_store_word(&words[7], source + 56);
                words += 8;
                source += 8 * SEQCAST_WORD_BYTES;
        }
        for (; bytes >= SEQCAST_WORD_BYTES; bytes -= SEQCAST_WORD_BYTES) {
                seqcast__copy_store_word(words++, source);
                source += SEQCAST_WORD_BYTES;
        }
        if (bytes != 0)
                seqcast__copy_store_partial(words, 0, source, bytes);
}

static inline void seqcast__copy_load_words(void *to, const seqcast_word *words, uint64_t offset,
                                            size_t bytes)
{
        unsigned char *target = (unsigned char *)to;
        size_t skip = (size_t)(offset % SEQCAST_WORD_BYTES);

        words += offset / SEQCAST_WORD_BYTES;
        if (skip != 0 && bytes != 0) {
                size_t head = SEQCAST_WORD_BYTES - skip < bytes ? SEQCAST_WORD_BYTES - skip : bytes;

                seqcast__copy_load_partial(target, words++, skip, head);
                target += head;
                bytes -= head;
        }
        for (; bytes >= 8 * SEQCAST_WORD_BYTES; bytes -= 8 * SEQCAST_WORD_BYTES) {
                seqcast__copy_load_word(target, &words[0]);
                seqcast__copy_load_word(target + 8, &words[1]);
                seqcast__copy_load_word(target + 16, &words[2]);
                seqcast__copy_load_word(target + 24, &words[3]);
                seqcast__copy_load_word(target + 32, &words[4]);
                seqcast__copy_load_word(target + 40, &words[5]);
                seqcast__copy_load_word(target + 48, &words[6]);
                seqcast__copy_load_word(target + 56, &words[7]);
                words += 8;
                target += 8 * SEQCAST_WORD_BYTES;
        }
        for (; bytes >= SEQCAST_WORD_BYTES; bytes -= SEQCAST_WORD_BYTES) {
                seqcast__copy_load_word(target, words++);
                target += SEQCAST_WORD_BYTES;
        }
        if (bytes != 0)
                seqcast__copy_load_partial(target, words, 0, bytes);
}

#endif

/**
 * Store `bytes` bytes into shared memory, from byte `offset` of `words` on. One writer at a time.
 * @param from private memory, any alignment
 */
SEQCAST__COPY_INLINE void seqcast_copy_store(seqcast_word *words, uint64_t offset, const void *from,
                                             size_t bytes)
{
#ifdef SEQCAST_COPY_WORDS
        seqcast__copy_store_words(words, offset, from, bytes);
#else
        seqcast__copy_bytes((unsigned char *)words + offset, from, bytes, SEQCAST__COPY_STORE_REP_MOVSB_MIN);
#endif
}

/**
 * Load `bytes` bytes of shared memory, from byte `offset` of `words` on. What arrives may be a mix of
 * several publications until the sequence word has been checked. @param to private memory
 */
SEQCAST__COPY_INLINE void seqcast_copy_load(void *to, const seqcast_word *words, uint64_t offset,
                                            size_t bytes)
{
#ifdef SEQCAST_COPY_WORDS
        seqcast__copy_load_words(to, words, offset, bytes);
#else
        seqcast__copy_bytes(to, (const unsigned char *)words + offset, bytes,
                            SEQCAST__COPY_LOAD_REP_MOVSB_MIN);
#endif
}

/** Set `bytes` bytes of shared memory, from byte `offset` of `words` on, to zero. */
static inline void seqcast_copy_zero(seqcast_word *words, uint64_t offset, uint64_t bytes)
{
        static const unsigned char zeros[64] = { 0 };

        while (bytes != 0) {
                size_t chunk = bytes < sizeof zeros ? (size_t)bytes : sizeof zeros;

                seqcast_copy_store(words, offset, zeros, chunk);
                offset += chunk;
                bytes -= chunk;
        }
}

/** Copy `bytes` bytes at `offset` from one place in shared memory to another. One writer at a time. */
static inline void seqcast_copy_between(seqcast_word *to, const seqcast_word *from, uint64_t offset,
                                        uint64_t bytes)
{
#ifdef SEQCAST_COPY_WORDS
        unsigned char buffer[512];

        while (bytes != 0) {
                size_t chunk = bytes < sizeof buffer ? (size_t)bytes : sizeof buffer;

                seqcast__copy_load_words(buffer, from, offset, chunk);
                seqcast__copy_store_words(to, offset, buffer, chunk);
                offset += chunk;
                bytes -= chunk;
        }
#else
        seqcast__copy_bytes((unsigned char *)to + offset, (const unsigned char *)from + offset, bytes,
                            SEQCAST__COPY_STORE_REP_MOVSB_MIN);
#endif
}

#endif
