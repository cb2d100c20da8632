/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* One function for each tagged access of ring.h, seqlock.h and foreign.h (or two, where they are made
 * together), with the accesses beside it that it has to keep apart. Not to be run: emitted.sh looks at what
 * compilers make of it. */

#include "seqcast/foreign.h"
#include "seqcast/ring.h"

#define PAYLOAD SEQCAST_SLOT_HEAD_BYTES / SEQCAST_WORD_BYTES

/* ---- the writer ------------------------------------------------------------------------------ */

void write_begin_W1_W2(seqcast_word *slot, uint64_t number, uint64_t value);
void write_begin_W1_W2(seqcast_word *slot, uint64_t number, uint64_t value)
{
        seqcast_seqlock_write_begin(slot, number);
        seqcast_word_store_relaxed(slot + PAYLOAD, value);
}

void write_end_W4(seqcast_word *slot, uint64_t number, uint64_t value);
void write_end_W4(seqcast_word *slot, uint64_t number, uint64_t value)
{
        seqcast_word_store_relaxed(slot + PAYLOAD, value);
        seqcast_seqlock_write_end(slot, number);
}

void write_end_W4_W5(const struct seqcast_ring *ring, seqcast_word *slot, uint64_t number, uint64_t bytes);
void write_end_W4_W5(const struct seqcast_ring *ring, seqcast_word *slot, uint64_t number, uint64_t bytes)
{
        const struct seqcast_ring plain = { .version = ring->version };

        seqcast_ring_write_end(&plain, slot, number, bytes, 0);
}

uint64_t recover_T3(const struct seqcast_ring *ring);
uint64_t recover_T3(const struct seqcast_ring *ring)
{
        return seqcast_ring_recover(ring);
}

void retire_X1_X2(const struct seqcast_ring *ring);
void retire_X1_X2(const struct seqcast_ring *ring)
{
        seqcast_ring_retire(ring);
}

/* ---- the reader ------------------------------------------------------------------------------ */

uint64_t read_begin_R1(const seqcast_word *slot);
uint64_t read_begin_R1(const seqcast_word *slot)
{
        uint64_t begun = seqcast_seqlock_read_begin(slot);

        return begun ^ seqcast_word_load_relaxed(slot + PAYLOAD);
}

uint64_t read_valid_R3(const seqcast_word *slot, uint64_t begun);
uint64_t read_valid_R3(const seqcast_word *slot, uint64_t begun)
{
        uint64_t value = seqcast_word_load_relaxed(slot + PAYLOAD);

        return seqcast_seqlock_read_valid(slot, begun) ? value : 0;
}

uint64_t version_R0(const struct seqcast_ring *ring, const seqcast_word *slot);
uint64_t version_R0(const struct seqcast_ring *ring, const seqcast_word *slot)
{
        uint64_t version = seqcast_ring_version(ring);

        return version ^ seqcast_word_load_relaxed(slot);
}

/* N1 and R0 and, where a ring of depth 1 is retired, a second look at the slot. */
enum seqcast_state news_N1(const struct seqcast_ring *ring, const struct seqcast_ring_reader *reader);
enum seqcast_state news_N1(const struct seqcast_ring *ring, const struct seqcast_ring_reader *reader)
{
        return seqcast_ring_news(ring, reader);
}

/* The slot of the publication that is wanted, and no other place to go to. */
enum seqcast_state find_next_N1(const struct seqcast_ring *ring, uint64_t delivered,
                                struct seqcast_ring_view *view);
enum seqcast_state find_next_N1(const struct seqcast_ring *ring, uint64_t delivered,
                                struct seqcast_ring_view *view)
{
        const struct seqcast_ring_reader reader = { .delivered = delivered, .started = true };

        return seqcast_ring_find_next(ring, &reader, view);
}

/* ---- the whole way, with the copies ------------------------------------------------------------ */

void publish_W1_to_W5(const struct seqcast_ring *ring, uint64_t number, const void *record);
void publish_W1_to_W5(const struct seqcast_ring *ring, uint64_t number, const void *record)
{
        seqcast_ring_publish(ring, number, record, 24, 0);
}

enum seqcast_state read_R0_to_R4(const struct seqcast_ring *ring, struct seqcast_ring_reader *reader,
                                 void *record);
enum seqcast_state read_R0_to_R4(const struct seqcast_ring *ring, struct seqcast_ring_reader *reader,
                                 void *record)
{
        struct seqcast_ring_view view;

        if (seqcast_ring_find_newest(ring, reader, &view) != SEQCAST_OK)
                return SEQCAST_EMPTY;
        seqcast_copy_load(record, view.payload, 0, 24);
        return seqcast_ring_view_valid(&view) ? SEQCAST_OK : SEQCAST_BUSY;
}

/* ---- what others own --------------------------------------------------------------------------- */

uint64_t foreign_begin_F1(const void *count, const void *valid, const seqcast_word *data);
uint64_t foreign_begin_F1(const void *count, const void *valid, const seqcast_word *data)
{
        const struct seqcast_foreign foreign = seqcast_foreign_count_valid(count, valid, 4);
        uint64_t begun;

        if (seqcast_foreign_begin(&foreign, &begun) != SEQCAST_OK)
                return 0;
        return begun ^ seqcast_word_load_relaxed(data);
}

uint64_t foreign_whole_F5(const void *count, const void *valid, const seqcast_word *data, uint64_t begun);
uint64_t foreign_whole_F5(const void *count, const void *valid, const seqcast_word *data, uint64_t begun)
{
        const struct seqcast_foreign foreign = seqcast_foreign_count_valid(count, valid, 8);
        uint64_t value = seqcast_word_load_relaxed(data);

        return seqcast_foreign_whole(&foreign, begun) ? value : 0;
}

uint64_t foreign_whole_F4(const void *counter, const seqcast_word *data, uint64_t begun);
uint64_t foreign_whole_F4(const void *counter, const seqcast_word *data, uint64_t begun)
{
        const struct seqcast_foreign foreign = seqcast_foreign_even_odd(counter, 8);
        uint64_t value = seqcast_word_load_relaxed(data);

        return seqcast_foreign_whole(&foreign, begun) ? value : 0;
}
