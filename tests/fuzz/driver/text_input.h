/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Text made of the words of a language, and broken: what byte-wise mutation alone hardly ever spells. */

#ifndef SEQCAST_TESTS_FUZZ_TEXT_INPUT_H
#define SEQCAST_TESTS_FUZZ_TEXT_INPUT_H

#include <stdlib.h>
#include <string.h>

#include "fuzz/driver/fuzz.h"
#include "support/record.h"

struct text_words {
        const char *const *words;
        size_t count;
};

/** Numbers at which something ends: types, 2^40, 64 bits, doubles; and some that wrap round to little. */
static inline const char *text_boundary_number(uint64_t *state)
{
        static const char *const numbers[] = {
                "0",
                "1",
                "-1",
                "-0",
                "7",
                "64",
                "127",
                "-128",
                "255",
                "256",
                "65535",
                "65536",
                "2147483648",
                "4294967295",
                "4294967296",
                "1099511627776",
                "1099511627777",
                "9007199254740993",
                "9223372036854775807",
                "-9223372036854775808",
                "9223372036854775808",
                "18446744073709551615",
                "18446744073709551616",
                "18446744073709551617",
                "18446744073709551624",
                "36893488147419103240",
                "340282366920938463463374607431768211457",
                "00000000000000000000000000000000000001",
                "1e308",
                "1.7976931348623157e308",
                "1e400",
                "4.9e-324",
                "3.4028235e38",
                "3.5e38",
                "0.1",
                "1.5",
                "0x1f",
                "0xffffffffffffffffff",
                "0b101",
                "nan",
                "-inf",
                "Infinity",
        };

        return numbers[random_below(state, sizeof numbers / sizeof *numbers)];
}

/** Put `word` in the place of `cut` bytes from `at` on, if there is room. @return the new size */
static inline size_t text_splice(uint8_t *data, size_t size, size_t max_size, size_t at, size_t cut,
                                 const char *word)
{
        size_t length = strlen(word);

        cut = cut < size - at ? cut : size - at;
        if (size - cut + length > max_size)
                return size;
        memmove(data + at + length, data + at + cut, size - at - cut);
        memcpy(data + at, word, length);
        return size - cut + length;
}

/** A few words one after the other, in the place of everything. */
static inline size_t text_new(uint8_t *data, size_t max_size, uint64_t *state,
                              const struct text_words *language)
{
        size_t size = 0;

        for (uint64_t i = random_below(state, 12) + 1; i > 0; i--)
                size = text_splice(data, size, max_size, size, 0,
                                   language->words[random_below(state, language->count)]);
        return size;
}

static inline size_t text_mutate(uint8_t *data, size_t size, size_t max_size, uint64_t *state,
                                 const struct text_words *language)
{
        size_t at = (size_t)random_below(state, size + 1);

        switch (random_below(state, 4)) {
        case 0:
                return text_splice(data, size, max_size, at, random_below(state, 2) == 0 ? 0 : 1,
                                   language->words[random_below(state, language->count)]);
        case 1: /* a number, in the place of one if there is one */
                while (at < size && (data[at] < '0' || data[at] > '9'))
                        at++;
                for (size_t end = at; end < size && data[end] >= '0' && data[end] <= '9';)
                        size = text_splice(data, size, max_size, end, 1, "");
                return text_splice(data, size, max_size, at, 0, text_boundary_number(state));
        default:
                return size == 0 ? size : LLVMFuzzerMutate(data, size, max_size);
        }
}

/** As a string in a block of its own, so that a byte too far is noticed. Ends at a zero byte. */
static inline char *text_string_of(const uint8_t *data, size_t size)
{
        const uint8_t *end = size == 0 ? NULL : memchr(data, '\0', size);
        size_t length = end == NULL ? size : (size_t)(end - data);
        char *string = malloc(length + 1);

        if (string == NULL)
                abort();
        if (length > 0)
                memcpy(string, data, length);
        string[length] = '\0';
        return string;
}

#endif
