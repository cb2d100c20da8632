/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* One writer publishes whole records; readers of each kind. */

#include "model.h"

static uint64_t model_expected(uint64_t number, size_t word)
{
        return model_value(number, 0, word);
}

/* Odd publications are one word shorter, where there are two. */
static uint64_t model_length(uint64_t number)
{
        return 8 * (WORDS > 1 && number % 2 != 0 ? WORDS - 1 : WORDS);
}

static void model_write(unsigned writer)
{
        uint64_t record[WORDS];

        for (uint64_t number = 1; number <= PUBLICATIONS; number++) {
                for (size_t i = 0; i < WORDS; i++)
                        record[i] = model_value(number, writer, i);
                seqcast_ring_publish(&model_ring, number, record, (size_t)model_length(number), 0);
#ifdef TOLD
                atomic_store_explicit(&model_told, number, memory_order_release);
#endif
        }
}
