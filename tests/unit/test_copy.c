/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include <criterion/criterion.h>

#include "seqcast/copy.h"

#include "../support/guard.h"
#include "../support/record.h"

#define BYTES_MAX 200
#define OFFSET_MAX 16

/* The words that hold bytes [offset, offset + bytes) start and end here, relative to the first word. */
static size_t first_word(size_t offset)
{
        return offset / SEQCAST_WORD_BYTES * SEQCAST_WORD_BYTES;
}

static size_t end_word(size_t offset, size_t bytes)
{
        return (offset + bytes + SEQCAST_WORD_BYTES - 1) / SEQCAST_WORD_BYTES * SEQCAST_WORD_BYTES;
}

static void fill(unsigned char *bytes, size_t count, uint64_t seed)
{
        for (size_t i = 0; i < count; i++)
                bytes[i] = (unsigned char)(random_next(&seed) >> 32);
}

Test(copy, store_changes_the_bytes_named_and_no_others)
{
        _Alignas(64) unsigned char shared[BYTES_MAX + 2 * OFFSET_MAX + 8], before[sizeof shared];
        unsigned char from[BYTES_MAX + 8];

        fill(from, sizeof from, 1);
        for (size_t bytes = 0; bytes <= BYTES_MAX; bytes++) {
                for (size_t offset = 0; offset < OFFSET_MAX; offset++) {
                        const unsigned char *source = from + bytes % 8;

                        fill(shared, sizeof shared, 2 + bytes);
                        memcpy(before, shared, sizeof shared);
                        seqcast_copy_store((seqcast_word *)(void *)shared, offset, source, bytes);
                        cr_assert(memcmp(shared, before, offset) == 0, "before %zu+%zu", offset, bytes);
                        cr_assert(memcmp(shared + offset, source, bytes) == 0, "%zu+%zu", offset, bytes);
                        cr_assert(memcmp(shared + offset + bytes, before + offset + bytes,
                                         sizeof shared - offset - bytes) == 0,
                                  "after %zu+%zu", offset, bytes);
                }
        }
}

Test(copy, load_brings_the_bytes_named_and_no_others)
{
        _Alignas(64) unsigned char shared[BYTES_MAX + 2 * OFFSET_MAX + 8];
        unsigned char to[BYTES_MAX + 24], before[sizeof to];

        fill(shared, sizeof shared, 3);
        for (size_t bytes = 0; bytes <= BYTES_MAX; bytes++) {
                for (size_t offset = 0; offset < OFFSET_MAX; offset++) {
                        unsigned char *target = to + 8 + bytes % 8;

                        fill(to, sizeof to, 4 + bytes);
                        memcpy(before, to, sizeof to);
                        seqcast_copy_load(target, (const seqcast_word *)(void *)shared, offset, bytes);
                        cr_assert(memcmp(to, before, (size_t)(target - to)) == 0);
                        cr_assert(memcmp(target, shared + offset, bytes) == 0, "%zu+%zu", offset, bytes);
                        cr_assert(memcmp(target + bytes, before + (target - to) + bytes,
                                         (size_t)(to + sizeof to - target) - bytes) == 0,
                                  "after %zu+%zu", offset, bytes);
                }
        }
}

/* The shared words and the private bytes each end, and then each begin, at a page that faults. */
Test(copy, neither_side_touches_a_word_that_holds_none_of_the_bytes)
{
        struct guard shared = guard_new(1), private = guard_new(1);

        for (size_t bytes = 0; bytes <= BYTES_MAX; bytes++) {
                for (size_t offset = 0; offset < OFFSET_MAX; offset++) {
                        seqcast_word *last = guard_at_end(&shared, end_word(offset, bytes));
                        seqcast_word *first = (void *)(shared.base - first_word(offset));
                        unsigned char *end = guard_at_end(&private, bytes);

                        seqcast_copy_store(last, offset, end, bytes);
                        seqcast_copy_load(end, last, offset, bytes);
                        seqcast_copy_zero(last, offset, bytes);
                        seqcast_copy_store(first, offset, private.base, bytes);
                        seqcast_copy_load(private.base, first, offset, bytes);
                        seqcast_copy_zero(first, offset, bytes);
                }
        }
        guard_free(&shared);
        guard_free(&private);
}

Test(copy, no_bytes_touch_no_memory_at_all)
{
        struct guard nothing = guard_new(1);

        guard_protect(&nothing, PROT_NONE);
        for (size_t offset = 0; offset < OFFSET_MAX; offset++) {
                seqcast_copy_store((void *)nothing.base, offset, nothing.base, 0);
                seqcast_copy_load(nothing.base, (void *)nothing.base, offset, 0);
                seqcast_copy_zero((void *)nothing.base, offset, 0);
        }
        guard_free(&nothing);
}

Test(copy, zero_clears_the_bytes_named_and_no_others)
{
        _Alignas(64) unsigned char shared[BYTES_MAX + 2 * OFFSET_MAX + 8], before[sizeof shared];

        for (size_t bytes = 0; bytes <= BYTES_MAX; bytes++) {
                for (size_t offset = 0; offset < OFFSET_MAX; offset++) {
                        fill(before, sizeof before, 5 + bytes);
                        memcpy(shared, before, sizeof shared);
                        memset(before + offset, 0, bytes);
                        seqcast_copy_zero((seqcast_word *)(void *)shared, offset, bytes);
                        cr_assert(memcmp(shared, before, sizeof shared) == 0, "%zu+%zu", offset, bytes);
                }
        }
}

Test(copy, a_long_copy_arrives_whole)
{
        enum { LONG = 100003 };
        unsigned char *from = malloc(LONG), *to = malloc(LONG);
        seqcast_word *shared = calloc(LONG / 8 + 3, 8);

        fill(from, LONG, 6);
        seqcast_copy_store(shared, 13, from, LONG);
        seqcast_copy_load(to, shared, 13, LONG);
        cr_assert(memcmp(from, to, LONG) == 0);
        free(from);
        free(to);
        free(shared);
}

Test(copy, loading_needs_no_permission_to_write)
{
        struct guard shared = guard_new(1);
        unsigned char to[BYTES_MAX];

        fill(shared.base, shared.bytes, 7);
        guard_protect(&shared, PROT_READ);
        seqcast_copy_load(to, (void *)shared.base, 3, sizeof to);
        cr_assert(memcmp(to, shared.base + 3, sizeof to) == 0);
        guard_free(&shared);
}

#ifndef SEQCAST_COPY_WORDS

/* ---- each kernel by itself, and the choice between them --------------------------------------- */

#define KERNEL_BYTES_MAX 4200
#define ALIGNMENTS 64
/* Longer than any kernel needs to come to each of its branches: from here on, fewer pairs of alignments. */
#define ALL_PAIRS_MAX 700

struct kernel {
        const char *name;
        void (*copy)(unsigned char *to, const unsigned char *from, size_t bytes);
        size_t bytes_min;
};

static void load_bytes(unsigned char *to, const unsigned char *from, size_t bytes)
{
        seqcast__copy_bytes(to, from, bytes, SEQCAST__COPY_LOAD_REP_MOVSB_MIN);
}

static void store_bytes(unsigned char *to, const unsigned char *from, size_t bytes)
{
        seqcast__copy_bytes(to, from, bytes, SEQCAST__COPY_STORE_REP_MOVSB_MIN);
}

static const struct kernel loading = { "the choice of kernels to load", load_bytes, 0 };
static const struct kernel storing = { "the choice of kernels to store", store_bytes, 0 };
#ifdef __x86_64__
static const struct kernel sse2 = { "sse2", seqcast__copy_sse2, 65 };
static const struct kernel avx2 = { "avx2", seqcast__copy_avx2, 129 };
static const struct kernel avx512 = { "avx512", seqcast__copy_avx512, 257 };
static const struct kernel rep_movsb = { "rep movsb", seqcast__copy_rep_movsb, 0 };
#else
static const struct kernel neon = { "neon", seqcast__copy_neon, 65 };
#endif

/* Random bytes, copied from each alignment to each: all arrive, and none beside them change. */
static void check_equality(const struct kernel *kernel)
{
        enum { ROOM = KERNEL_BYTES_MAX + 3 * ALIGNMENTS };
        static _Alignas(ALIGNMENTS) unsigned char source[ROOM], target[ROOM], before[ROOM];

        fill(source, sizeof source, 8);
        fill(before, sizeof before, 9);
        memcpy(target, before, sizeof target);
        for (size_t bytes = kernel->bytes_min; bytes <= KERNEL_BYTES_MAX; bytes++) {
                size_t step = bytes <= ALL_PAIRS_MAX
                                      ? 1
                                      : 7 + 2 * (bytes % 4); /* odd: each alignment has its turn */

                for (size_t pair = 0; pair < (size_t)ALIGNMENTS * ALIGNMENTS; pair += step) {
                        const unsigned char *from = source + pair % ALIGNMENTS;
                        unsigned char *to = target + ALIGNMENTS + pair / ALIGNMENTS;
                        size_t start = (size_t)(to - target);

                        kernel->copy(to, from, bytes);
                        cr_assert(memcmp(to, from, bytes) == 0, "%s: %zu bytes, %zu to %zu", kernel->name,
                                  bytes, pair % ALIGNMENTS, pair / ALIGNMENTS);
                        cr_assert(memcmp(to - ALIGNMENTS, before + start - ALIGNMENTS, ALIGNMENTS) == 0 &&
                                          memcmp(to + bytes, before + start + bytes, ALIGNMENTS) == 0,
                                  "%s: %zu bytes, %zu to %zu: beside them", kernel->name, bytes,
                                  pair % ALIGNMENTS, pair / ALIGNMENTS);
                        memcpy(to, before + start, bytes);
                }
        }
}

/* Source and target each begin, and each end, at a page that faults. */
static void check_guards(const struct kernel *kernel)
{
        struct guard source = guard_new(2 * KERNEL_BYTES_MAX), target = guard_new(2 * KERNEL_BYTES_MAX);

        fill(source.base, source.bytes, 10);
        for (size_t bytes = kernel->bytes_min; bytes <= KERNEL_BYTES_MAX; bytes++) {
                for (int ends = 0; ends < 4; ends++) {
                        const unsigned char *from = ends & 1 ? guard_at_end(&source, bytes) : source.base;
                        unsigned char *to = ends & 2 ? guard_at_end(&target, bytes) : target.base;

                        memset(to, 0, bytes);
                        kernel->copy(to, from, bytes);
                        cr_assert(memcmp(to, from, bytes) == 0, "%s: %zu bytes, ends %d", kernel->name, bytes,
                                  ends);
                }
        }
        guard_free(&source);
        guard_free(&target);
}

#define KERNEL_TEST(kernel, supported)                                                                       \
        Test(copy, kernel##_copies_what_memcpy_does_and_touches_nothing_else)                                \
        {                                                                                                    \
                if (!(supported))                                                                            \
                        cr_skip_test("this processor has no %s", (kernel).name);                             \
                check_equality(&(kernel));                                                                   \
                check_guards(&(kernel));                                                                     \
        }

KERNEL_TEST(loading, true)
KERNEL_TEST(storing, true)
#ifdef __x86_64__
KERNEL_TEST(sse2, true)
KERNEL_TEST(avx2, __builtin_cpu_supports("avx2"))
KERNEL_TEST(avx512, __builtin_cpu_supports("avx512vl"))
KERNEL_TEST(rep_movsb, true)
#else
KERNEL_TEST(neon, true)
#endif

#ifdef __x86_64__
typedef float wide __attribute__((vector_size(64), aligned(4)));

/* A caller that is compiled for more than the header was keeps more in registers, across a copy. */
__attribute__((target("avx512f"), noinline)) static void
copy_amid_vectors(float *floats, seqcast_word *words, unsigned char *target, size_t bytes)
{
        wide values[24];

#pragma GCC unroll 24
        for (int i = 0; i < 24; i++)
                values[i] = *(wide *)(void *)(floats + 16 * i) + 1;
        seqcast_copy_load(target, words, 0, bytes);
        seqcast_copy_store(words, 0, target, bytes);
#pragma GCC unroll 24
        for (int i = 0; i < 24; i++)
                *(wide *)(void *)(floats + 16 * i) = values[i];
}

Test(copy, a_callers_registers_stay_what_they_were)
{
        static const size_t sizes[] = { 24, 100, 200, 1024, 9000, 600000 };
        static unsigned char target[600000];
        static seqcast_word words[600000 / 8];
        float floats[16 * 24];

        if (!__builtin_cpu_supports("avx512f"))
                cr_skip_test("this processor has no AVX-512");
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                for (int f = 0; f < 16 * 24; f++)
                        floats[f] = (float)f;
                copy_amid_vectors(floats, words, target, sizes[i]);
                for (int f = 0; f < 16 * 24; f++)
                        cr_assert(floats[f] == (float)(f + 1), "%zu bytes, float %d", sizes[i], f);
        }
}
#endif

/* Where the choice falls on another kernel for the length alone. */
Test(copy, records_of_megabytes_arrive_whole)
{
        enum { ROOM = 3 << 20 };
        unsigned char *source = malloc(ROOM), *target = malloc(ROOM);

        fill(source, ROOM, 11);
        for (size_t bytes = (512 << 10) - 2; bytes <= (512 << 10) + 2; bytes++)
                for (size_t offset = 0; offset < ALIGNMENTS; offset += 9) {
                        memset(target, 0, bytes + offset + 1);
                        load_bytes(target + offset, source + 1, bytes);
                        cr_assert(memcmp(target + offset, source + 1, bytes) == 0);
                        cr_assert(target[offset + bytes] == 0);
                }
        free(source);
        free(target);
}

#endif
