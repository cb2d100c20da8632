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
