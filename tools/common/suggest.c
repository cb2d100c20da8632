/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Edit distance, and the nearest candidate. */

#include "common/suggest.h"

#include <string.h>

#define WORD_BYTES_MAX 64

static size_t smallest(size_t a, size_t b, size_t c)
{
        size_t least = a < b ? a : b;
        return least < c ? least : c;
}

/* Levenshtein, one row at a time. */
static size_t edit_distance(const char *a, const char *b)
{
        size_t row[WORD_BYTES_MAX + 1];
        size_t a_length = strlen(a), b_length = strlen(b);
        if (a_length > WORD_BYTES_MAX || b_length > WORD_BYTES_MAX)
                return WORD_BYTES_MAX;

        for (size_t j = 0; j <= b_length; j++)
                row[j] = j;
        for (size_t i = 1; i <= a_length; i++) {
                size_t diagonal = row[0];
                row[0] = i;
                for (size_t j = 1; j <= b_length; j++) {
                        size_t above = row[j];
                        row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
                        diagonal = above;
                }
        }
        return row[b_length];
}

/* One slip in a short word, up to three in a long one. */
struct suggestion suggest_for(const char *typed)
{
        size_t length = strlen(typed);
        size_t slips = length <= 3 ? 1 : length <= 7 ? 2 : 3;
        return (struct suggestion){ typed, NULL, slips + 1 };
}

void suggest_consider(struct suggestion *suggestion, const char *candidate)
{
        size_t distance = edit_distance(suggestion->typed, candidate);
        if (distance < suggestion->distance && distance < strlen(candidate)) {
                suggestion->nearest = candidate;
                suggestion->distance = distance;
        }
}
