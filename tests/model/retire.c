/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A writer publishes all there will be; it, or with WRITERS=2 another one, then retires the ring. Readers
 * that are told so have missed nothing, and are told so again. */

#ifndef DEPTH
#define DEPTH 2
#endif
#ifndef PUBLICATIONS
#define PUBLICATIONS 1
#endif
/* The mark goes into the slot after the last; at depth 1, where there is none beside it, a reader in order
 * that finds the mark may have to look again. */
#define SLOTS_BEGUN (PUBLICATIONS + 1)
#define MODEL_RETIRES
#include "model.h"

static uint64_t model_expected(uint64_t number, size_t word)
{
        return model_value(number, 0, word);
}

static uint64_t model_length(uint64_t number)
{
        (void)number;
        return WORDS * 8;
}

/* Asks also, after each read, what there is for readers that wait: whoever finds the mark where these look
 * is sent to read or to leave, never to sleep. */
static void check_news(struct model_reader *reader)
{
        const uint64_t want = reader->position.delivered + 1;
        const bool marked =
                seqcast_word_load_relaxed(seqcast_ring_slot(&model_ring, want)) == SEQCAST_SEQ_RETIRED;
        enum seqcast_state news = seqcast_ring_news(&model_ring, &reader->position);

        assert(!marked || !reader->position.started || news != SEQCAST_NONE);
        assert(news != SEQCAST_RETIRED || reader->position.delivered == PUBLICATIONS);
}

static void model_after_read(struct model_reader *reader, bool next, int state, bool retired)
{
        if (!next || state == SEQCAST_RETIRED) {
                assert(retired || !reader->retired);
                assert(!retired || reader->position.delivered == PUBLICATIONS);
                reader->retired = retired;
        }
#ifdef NEWS
        check_news(reader);
#else
        (void)check_news;
#endif
}

static void model_write(unsigned writer)
{
        uint64_t record[WORDS];

        if (writer == 0) {
                for (uint64_t number = 1; number <= PUBLICATIONS; number++) {
                        for (size_t i = 0; i < WORDS; i++)
                                record[i] = model_value(number, writer, i);
                        seqcast_ring_publish(&model_ring, number, record, sizeof record, 0);
                }
                model_give_back_lock();
        }
        if (writer == WRITERS - 1) {
                model_take_lock();
                seqcast_ring_retire(&model_ring);
        }
}
