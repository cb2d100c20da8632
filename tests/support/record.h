/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Records that check themselves: each word, and the length, follow from the publication's number, so
 * that one word of another publication anywhere in a record is noticed. */

#ifndef SEQCAST_TESTS_RECORD_H
#define SEQCAST_TESTS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t record_word(uint64_t number, uint64_t index)
{
        /* Odd factors: two numbers never give the same word at one index. */
        return number * UINT64_C(0x9e3779b97f4a7c15) + index * UINT64_C(0xd1342543de82ef95);
}

/** The length of publication `number`: at least three quarters of `longest`, any remainder of 8. */
static inline size_t record_length(uint64_t number, size_t longest)
{
        return longest - (size_t)(number * 7919 % (longest / 4 + 1));
}

static inline void record_fill(void *record, size_t bytes, uint64_t number)
{
        unsigned char *to = record;
        uint64_t index = 0, word;

        for (; bytes >= sizeof word; bytes -= sizeof word, to += sizeof word) {
                word = record_word(number, index++);
                memcpy(to, &word, sizeof word);
        }
        word = record_word(number, index);
        memcpy(to, &word, bytes);
}

/** Are bytes [offset, offset + bytes) of the record, found at `part`, those of `number`? */
static inline bool record_check_part(const void *part, size_t offset, size_t bytes, uint64_t number)
{
        const unsigned char *from = part;

        while (bytes != 0) {
                uint64_t word = record_word(number, offset / sizeof word);
                size_t skip = offset % sizeof word;
                size_t chunk = sizeof word - skip < bytes ? sizeof word - skip : bytes;

                if (memcmp(from, (const unsigned char *)&word + skip, chunk) != 0)
                        return false;
                from += chunk;
                offset += chunk;
                bytes -= chunk;
        }
        return true;
}

static inline bool record_check(const void *record, size_t bytes, uint64_t number)
{
        return record_check_part(record, 0, bytes, number);
}

/* xorshift64*: the same sequence everywhere for a seed, which a failing test can print. */
static inline uint64_t random_next(uint64_t *state)
{
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
        return limit == 0 ? 0 : (random_next(state) >> 16) % limit;
}

#endif
