/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>

#include "seqcast/seqlock.h"

#include "../support/guard.h"

struct slot {
        seqcast_word seq;
        seqcast_word words[8];
};

static uint64_t word_of(struct slot *slot)
{
        return seqcast_word_load_relaxed(&slot->seq);
}

Test(seqlock, the_word_is_odd_while_a_publication_is_written_and_twice_its_number_after)
{
        struct slot slot = { 0 };

        for (uint64_t number = 1; number < 100; number++) {
                seqcast_seqlock_write_begin(&slot.seq, number);
                cr_assert(eq(u64, word_of(&slot), 2 * number - 1));
                seqcast_seqlock_write_end(&slot.seq, number);
                cr_assert(eq(u64, word_of(&slot), 2 * number));
        }
}

Test(seqlock, a_read_shows_the_reader_a_writer_that_died_halfway)
{
        struct slot slot = { 0 };

        seqcast_seqlock_write_begin(&slot.seq, 4);
        cr_assert(eq(u64, seqcast_seqlock_read_begin(&slot.seq), 7),
                  "the caller needs the odd value to report a dead writer");
}

Test(seqlock, a_read_is_valid_when_nothing_was_written_meanwhile)
{
        struct slot slot = { 0 };
        uint64_t begun;

        seqcast_seqlock_write_begin(&slot.seq, 1);
        seqcast_seqlock_write_end(&slot.seq, 1);
        begun = seqcast_seqlock_read_begin(&slot.seq);
        cr_assert(eq(u64, begun, 2));
        cr_assert(seqcast_seqlock_read_valid(&slot.seq, begun));
}

Test(seqlock, a_read_is_invalid_once_the_next_publication_has_begun)
{
        struct slot slot = { 0 };
        uint64_t begun;

        seqcast_seqlock_write_begin(&slot.seq, 1);
        seqcast_seqlock_write_end(&slot.seq, 1);
        begun = seqcast_seqlock_read_begin(&slot.seq);
        seqcast_seqlock_write_begin(&slot.seq, 2);
        cr_assert(not(seqcast_seqlock_read_valid(&slot.seq, begun)));
        seqcast_seqlock_write_end(&slot.seq, 2);
        cr_assert(not(seqcast_seqlock_read_valid(&slot.seq, begun)));
}

Test(seqlock, reading_needs_no_permission_to_write)
{
        struct guard page = guard_new(1);
        seqcast_word *seq = (void *)page.base;
        uint64_t begun;

        seqcast_seqlock_write_begin(seq, 3);
        seqcast_seqlock_write_end(seq, 3);
        guard_protect(&page, PROT_READ);
        begun = seqcast_seqlock_read_begin(seq);
        cr_assert(eq(u64, begun, 6));
        cr_assert(seqcast_seqlock_read_valid(seq, begun));
        guard_free(&page);
}

struct race {
        struct slot slot;
        seqcast_word stop;
};

static void *write_until_stopped(void *context)
{
        struct race *race = context;

        for (uint64_t number = 1; seqcast_word_load_relaxed(&race->stop) == 0; number++) {
                seqcast_seqlock_write_begin(&race->slot.seq, number);
                for (int i = 0; i < 8; i++)
                        seqcast_word_store_relaxed(&race->slot.words[i], number);
                seqcast_seqlock_write_end(&race->slot.seq, number);
        }
        return NULL;
}

#define READS_MAX UINT64_C(1000000000) /* some seconds */

/* Two threads on few cores meet seldom in the middle: count the reads that were turned away, too. */
Test(seqlock, no_accepted_read_is_torn, .timeout = 60)
{
        static struct race race;
        pthread_t writer;
        uint64_t accepted = 0, refused = 0, torn = 0;

        cr_assert(eq(int, pthread_create(&writer, NULL, write_until_stopped, &race), 0));
        while ((accepted < 300000 || refused < 100) && accepted + refused < READS_MAX) {
                uint64_t begun = seqcast_seqlock_read_begin(&race.slot.seq), words[8];

                for (int i = 0; i < 8; i++)
                        words[i] = seqcast_word_load_relaxed(&race.slot.words[i]);
                if ((begun & 1) != 0 || !seqcast_seqlock_read_valid(&race.slot.seq, begun)) {
                        refused++;
                        continue;
                }
                accepted++;
                for (int i = 0; i < 8; i++)
                        torn += words[i] != begun / 2;
        }
        seqcast_word_store_relaxed(&race.stop, 1);
        pthread_join(writer, NULL);
        cr_assert(zero(u64, torn));
        cr_assert(ge(u64, accepted, 300000));
}
