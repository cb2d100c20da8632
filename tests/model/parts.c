/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Publication n changes word n % CHANGED and nothing else: where records are short, all is copied; where they
 * are long, what was changed. With TORN, the writer ends in the middle of
 * publication TORN, or with UNBEGUN right before it, and a second one, which remembers no changes, takes
 * over; with GIVEN_UP, it only begins that publication once more. */

#if defined TORN && !defined GIVEN_UP
#define WRITERS 2
#endif
#ifndef TORN
#define TORN 0
#endif
#include "model.h"

#ifndef CHANGED
#define CHANGED WORDS
#endif

#define LOG_ENTRIES 4

static uint64_t writer_of(uint64_t number)
{
        return WRITERS == 2 && number + 1 > TORN;
}

/* What the last publication that changed the word has put there. */
static uint64_t model_expected(uint64_t number, size_t word)
{
        while (number != 0 && number % CHANGED != word)
                number--;
        return number == 0 ? 0 : model_value(number, writer_of(number), word);
}

static uint64_t model_length(uint64_t number)
{
        (void)number;
        return WORDS * 8;
}

/* At depth 1 a torn record is lost: the next one has to be a whole one. */
static void publish_whole(uint64_t number)
{
        uint64_t record[WORDS];

        for (size_t i = 0; i < WORDS; i++)
                record[i] = model_expected(number, i);
        seqcast_ring_publish(&model_ring, number, record, sizeof record, 0);
}

static void publish_part(struct seqcast_ring_changes *changes, uint64_t number, unsigned writer)
{
        const uint64_t word = number % CHANGED, value = model_value(number, writer, word);
        const seqcast_part parts[1] = { { word * 8, 8, &value } };
        int r = seqcast_ring_publish_parts(&model_ring, changes, number, parts, 1, 0);

        if (DEPTH == 1 && TORN != 0 && number == TORN && number > 1) {
                assert(r == -ENODATA);
                seqcast_ring_changed_all(changes, number);
                publish_whole(number);
        } else {
                assert(r == 0);
        }
}

static void begin_and_spoil(uint64_t number)
{
        seqcast_word *slot = seqcast_ring_write_begin(&model_ring, number);

        for (size_t i = 0; i < CHANGED; i++)
                seqcast_word_store_relaxed(seqcast_ring_payload(&model_ring, slot) + i, 7);
}

static void model_write(unsigned writer)
{
        struct seqcast_ring_change log[LOG_ENTRIES];
        struct seqcast_ring_changes changes = { log, LOG_ENTRIES - 1, 0, 1 };
        uint64_t number = 1;

        if (writer == 1) {
                model_take_lock();
                number = seqcast_ring_recover(&model_ring) + 1;
                assert(number == TORN);
                changes.known_from = number;
        }
        for (; number <= PUBLICATIONS; number++) {
                if (writer == 0 && number == TORN) {
#ifndef UNBEGUN
                        begin_and_spoil(number);
#endif
                        if (WRITERS == 2) {
                                model_give_back_lock();
                                return;
                        }
                }
                publish_part(&changes, number, writer);
        }
        (void)begin_and_spoil;
}
