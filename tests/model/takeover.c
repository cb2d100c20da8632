/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A writer publishes BEFORE records and ends in the next one, after its step STOP; a second one takes
 * over and publishes the rest, up to PUBLICATIONS. The steps:
 *   0 none   1 W1, W2   2 the first word of W3   3 all of W3   4 W4   5 W5 */

#define WRITERS 2
#include "model.h"

#ifndef STOP
#define STOP 1
#endif
#ifndef BEFORE
#define BEFORE 1
#endif

/* The number is used up as soon as somebody may have read it. */
#define FIRST_WRITER_LAST (BEFORE + (STOP >= 4))

static uint64_t model_expected(uint64_t number, size_t word)
{
        return model_value(number, number > FIRST_WRITER_LAST, word);
}

static uint64_t model_length(uint64_t number)
{
        (void)number;
        return WORDS * 8;
}

static void publish(uint64_t number, uint64_t writer)
{
        uint64_t record[WORDS];

        for (size_t i = 0; i < WORDS; i++)
                record[i] = model_value(number, writer, i);
        seqcast_ring_publish(&model_ring, number, record, sizeof record, 0);
}

static void publish_and_stop(uint64_t number)
{
        seqcast_word *slot, *payload;

        if (STOP == 0)
                return;
        slot = seqcast_ring_write_begin(&model_ring, number);
        payload = seqcast_ring_payload(&model_ring, slot);
        for (size_t i = 0; i < WORDS; i++)
                if (STOP > 2 || (STOP == 2 && i == 0))
                        seqcast_word_store_relaxed(payload + i, model_value(number, 0, i));
        if (STOP > 2)
                seqcast_word_store_relaxed(slot + SEQCAST_SLOT_LENGTH, WORDS * 8);
        if (STOP == 4)
                seqcast_seqlock_write_end(slot + SEQCAST_SLOT_SEQ, number);
        if (STOP == 5)
                seqcast_ring_write_end(&model_ring, slot, number, WORDS * 8, 0);
}

static void model_write(unsigned writer)
{
        if (writer == 0) {
                for (uint64_t number = 1; number <= BEFORE; number++)
                        publish(number, 0);
                publish_and_stop(BEFORE + 1);
                model_give_back_lock();
        } else {
                model_take_lock();
                assert(seqcast_ring_recover(&model_ring) == FIRST_WRITER_LAST);
                for (uint64_t number = FIRST_WRITER_LAST + 1; number <= PUBLICATIONS; number++)
                        publish(number, 1);
        }
}
