/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include "seqcast/ring.h"

#include "../support/guard.h"
#include "../support/record.h"

#define RECORD_BYTES 40u
#define SHORT_DEPTHS 1, 2, 4, 8, 16

static struct guard memory;
static struct seqcast_ring ring;
static unsigned char record[256];
static seqcast_sample sample;

/* Every ring in this file lies between pages that fault. */
static void set_up(uint64_t depth, uint64_t record_bytes)
{
        uint64_t bytes = seqcast_ring_bytes(depth, record_bytes);

        if (memory.base != NULL)
                guard_free(&memory);
        memory = guard_new(bytes);
        ring = seqcast_ring_over(guard_at_end(&memory, bytes), depth, record_bytes);
}

static void publish(uint64_t number)
{
        unsigned char bytes[RECORD_BYTES];

        record_fill(bytes, sizeof bytes, number);
        seqcast_ring_publish(&ring, number, bytes, sizeof bytes, 0);
}

static void publish_up_to(uint64_t number)
{
        for (uint64_t i = seqcast_ring_version(&ring) + 1; i <= number; i++)
                publish(i);
}

static seqcast_word *seq_of(uint64_t number)
{
        return seqcast_ring_slot(&ring, number) + SEQCAST_SLOT_SEQ;
}

static int newest(struct seqcast_ring_reader *reader)
{
        return seqcast_ring_read_newest(&ring, reader, record, sizeof record, &sample);
}

static int next(struct seqcast_ring_reader *reader)
{
        return seqcast_ring_read_next(&ring, reader, record, sizeof record, &sample);
}

static struct seqcast_ring_reader reader_at(uint64_t delivered)
{
        return (struct seqcast_ring_reader){ .delivered = delivered, .started = true };
}

static void expect_sample(uint64_t number, uint64_t lost)
{
        cr_assert(eq(u64, sample.number, number));
        cr_assert(eq(u64, sample.lost, lost), "publication %lu", (unsigned long)number);
        cr_assert(eq(u64, sample.bytes, RECORD_BYTES));
        cr_assert(record_check(record, RECORD_BYTES, number), "publication %lu", (unsigned long)number);
}

/* The steps of a publication that a writer can die between. */
enum step { BEFORE, MARKED, HALF_COPIED, COPIED, LENGTH_STORED, SEALED, ANNOUNCED };

static void publish_up_to_step(uint64_t number, enum step last)
{
        unsigned char bytes[RECORD_BYTES];
        seqcast_word *slot = seqcast_ring_slot(&ring, number);
        seqcast_word *payload = seqcast_ring_payload(&ring, slot);

        record_fill(bytes, sizeof bytes, number);
        if (last >= MARKED)
                seqcast_ring_write_begin(&ring, number);
        if (last >= HALF_COPIED)
                seqcast_copy_store(payload, 0, bytes, RECORD_BYTES / 2);
        if (last >= COPIED)
                seqcast_copy_store(payload, 0, bytes, RECORD_BYTES);
        if (last >= LENGTH_STORED)
                seqcast_word_store_relaxed(slot + SEQCAST_SLOT_LENGTH, RECORD_BYTES);
        if (last >= SEALED)
                seqcast_seqlock_write_end(slot + SEQCAST_SLOT_SEQ, number);
        if (last >= ANNOUNCED)
                atomic_store_explicit(ring.version, number, memory_order_release);
}

/* ---- what is delivered --------------------------------------------------------------------- */

Test(ring, is_empty_before_the_first_publication)
{
        static const uint64_t depths[] = { SHORT_DEPTHS, SEQCAST_LINE_BYTES, 65536 };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                struct seqcast_ring_reader fresh = { 0 }, skipped = { 0 };

                set_up(depths[i], RECORD_BYTES);
                seqcast_ring_skip(&ring, &skipped);
                cr_assert(eq(int, newest(&fresh), SEQCAST_EMPTY));
                cr_assert(eq(int, next(&fresh), SEQCAST_EMPTY));
                cr_assert(eq(int, next(&skipped), SEQCAST_EMPTY));
                cr_assert(not(fresh.started));
                publish(1);
                cr_assert(eq(int, next(&skipped), SEQCAST_OK));
                expect_sample(1, 0);
        }
}

Test(ring, newest_delivers_the_last_record_as_often_as_it_is_asked)
{
        static const uint64_t depths[] = { SHORT_DEPTHS, 1024, 65536 };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                struct seqcast_ring_reader reader = { 0 };

                set_up(depths[i], RECORD_BYTES);
                for (uint64_t number = 1; number < 3 * depths[i] && number < 100; number++) {
                        publish(number);
                        cr_assert(eq(int, newest(&reader), SEQCAST_OK));
                        expect_sample(number, 0);
                        cr_assert(eq(int, newest(&reader), SEQCAST_OK));
                        expect_sample(number, 0);
                }
        }
}

Test(ring, the_first_next_delivers_the_newest)
{
        struct seqcast_ring_reader reader = { 0 };

        set_up(4, RECORD_BYTES);
        publish_up_to(3);
        cr_assert(eq(int, next(&reader), SEQCAST_OK));
        expect_sample(3, 0);
        cr_assert(eq(int, next(&reader), SEQCAST_NONE));
}

Test(ring, next_delivers_every_publication_in_order_to_a_reader_that_keeps_up)
{
        static const uint64_t depths[] = { SHORT_DEPTHS, 256 };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                struct seqcast_ring_reader reader = reader_at(0);

                set_up(depths[i], RECORD_BYTES);
                for (uint64_t number = 1; number < 600; number++) {
                        publish(number);
                        cr_assert(eq(int, next(&reader), SEQCAST_OK));
                        expect_sample(number, 0);
                        cr_assert(eq(int, next(&reader), SEQCAST_NONE));
                }
        }
}

/* Where a reader that has had `delivered` goes on when `version` publications are complete and, if
 * `open`, one more is being written. 0: there is nothing newer. */
static uint64_t expected_next(uint64_t depth, uint64_t delivered, uint64_t version, bool open)
{
        uint64_t want = delivered + 1, oldest = version >= depth ? version - depth + 1 : 1;
        uint64_t resume = version + 2 > depth ? version + 2 - depth : 1;

        if (want > version)
                return 0;
        if (want > oldest || (want == oldest && !(open && version >= depth)))
                return want;
        if (resume > version)
                resume = version;
        return resume;
}

static void check_lap_position(uint64_t depth, uint64_t delivered, uint64_t version, bool open)
{
        struct seqcast_ring_reader reader = reader_at(delivered);
        uint64_t expected = expected_next(depth, delivered, version, open);
        int r = next(&reader);

        if (expected == 0) {
                cr_assert(eq(int, r, delivered == 0 ? SEQCAST_EMPTY : SEQCAST_NONE));
                cr_assert(eq(u64, reader.delivered, delivered));
        } else if (depth == 1 && open) {
                cr_assert(eq(int, r, SEQCAST_BUSY), "its only slot is being written");
                cr_assert(eq(u64, reader.delivered, delivered));
        } else {
                cr_assert(eq(int, r, SEQCAST_OK), "depth %lu, had %lu of %lu", (unsigned long)depth,
                          (unsigned long)delivered, (unsigned long)version);
                expect_sample(expected, expected - delivered - 1);
                cr_assert(eq(u64, reader.delivered, expected));
        }
}

Test(ring, next_counts_exactly_what_was_lost, .timeout = 60)
{
        static const uint64_t depths[] = { SHORT_DEPTHS };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                set_up(depths[i], RECORD_BYTES);
                for (uint64_t version = 0; version < 4 * depths[i]; version++) {
                        publish_up_to(version);
                        for (uint64_t delivered = 0; delivered <= version; delivered++)
                                check_lap_position(depths[i], delivered, version, false);
                        publish_up_to_step(version + 1, HALF_COPIED);
                        for (uint64_t delivered = 0; delivered <= version; delivered++)
                                check_lap_position(depths[i], delivered, version, true);
                }
        }
}

Test(ring, next_does_not_resume_at_a_slot_that_has_turned_again)
{
        struct seqcast_ring_reader reader = reader_at(1);

        set_up(4, RECORD_BYTES);
        publish_up_to(10);
        publish_up_to_step(12, MARKED); /* where it would resume, at 10 - 4 + 2 */
        cr_assert(eq(int, next(&reader), SEQCAST_BUSY));
        cr_assert(eq(u64, reader.delivered, 1), "nothing was delivered");
}

Test(ring, next_counts_exactly_in_the_deepest_ring, .timeout = 60)
{
        const uint64_t depth = 65536, version = 2 * depth + 17;
        const uint64_t delivered[] = { 0,           1,           17,         18,         depth,
                                       depth + 1,   depth + 16,  depth + 17, depth + 18, depth + 19,
                                       version - 2, version - 1, version };

        set_up(depth, RECORD_BYTES);
        publish_up_to(version);
        for (size_t i = 0; i < sizeof delivered / sizeof *delivered; i++)
                check_lap_position(depth, delivered[i], version, false);
        publish_up_to_step(version + 1, MARKED);
        for (size_t i = 0; i < sizeof delivered / sizeof *delivered; i++)
                check_lap_position(depth, delivered[i], version, true);
}

Test(ring, newest_counts_what_it_has_passed_over)
{
        struct seqcast_ring_reader reader = { 0 };

        set_up(2, RECORD_BYTES);
        publish(1);
        cr_assert(eq(int, newest(&reader), SEQCAST_OK));
        publish_up_to(9);
        cr_assert(eq(int, newest(&reader), SEQCAST_OK));
        expect_sample(9, 7);
}

Test(ring, skip_counts_everything_as_delivered)
{
        struct seqcast_ring_reader reader = { 0 };

        set_up(4, RECORD_BYTES);
        publish_up_to(3);
        seqcast_ring_skip(&ring, &reader);
        cr_assert(eq(int, next(&reader), SEQCAST_NONE));
        publish(4);
        cr_assert(eq(int, next(&reader), SEQCAST_OK));
        expect_sample(4, 0);
}

Test(ring, skip_does_not_go_back_behind_a_publication_that_was_delivered_unannounced)
{
        struct seqcast_ring_reader reader = reader_at(2);

        set_up(4, RECORD_BYTES);
        publish_up_to(2);
        publish_up_to_step(3, SEALED);
        cr_assert(eq(int, next(&reader), SEQCAST_OK));
        seqcast_ring_skip(&ring, &reader);
        cr_assert(eq(u64, reader.delivered, 3));
}

Test(ring, numbers_never_go_backwards_when_newest_and_next_are_mixed)
{
        static const uint64_t depths[] = { SHORT_DEPTHS };
        uint64_t seed = 1;

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                struct seqcast_ring_reader reader = { 0 };
                uint64_t number = 0, before = 0;
                bool sealed = false;

                set_up(depths[i], RECORD_BYTES);
                for (int turn = 0; turn < 20000; turn++) {
                        switch (random_below(&seed, 4)) {
                        case 0: /* a slot turns even before version moves */
                                if (!sealed)
                                        publish_up_to_step(++number, SEALED);
                                sealed = true;
                                continue;
                        case 1:
                                if (!sealed)
                                        number++;
                                publish_up_to_step(number, ANNOUNCED);
                                sealed = false;
                                continue;
                        case 2:
                                if (newest(&reader) != SEQCAST_OK)
                                        continue;
                                cr_assert(ge(u64, sample.number, number - sealed));
                                break;
                        case 3:
                                if (next(&reader) != SEQCAST_OK)
                                        continue;
                                cr_assert(lt(u64, before, sample.number));
                                break;
                        }
                        cr_assert(ge(u64, sample.number, before));
                        cr_assert(eq(u64, sample.lost,
                                     before != 0 && sample.number > before ? sample.number - before - 1 : 0));
                        cr_assert(record_check(record, RECORD_BYTES, sample.number));
                        before = sample.number;
                }
        }
}

/* ---- lengths, times, parts ----------------------------------------------------------------- */

Test(ring, a_record_may_have_any_length_up_to_the_longest)
{
        unsigned char bytes[RECORD_BYTES];
        struct seqcast_ring_reader reader = { 0 };
        uint64_t number = 0;

        set_up(2, RECORD_BYTES - 1);
        for (int turn = 0; turn < 3; turn++) {
                for (size_t length = 0; length < RECORD_BYTES; length++) {
                        record_fill(bytes, length, ++number);
                        seqcast_ring_publish(&ring, number, bytes, length, 0);
                        memset(record, 0xee, sizeof record);
                        cr_assert(eq(int, newest(&reader), SEQCAST_OK));
                        cr_assert(eq(u64, sample.bytes, length));
                        cr_assert(record_check(record, length, number));
                        cr_assert(eq(u8, record[length], 0xee), "nothing beyond the record is written");
                }
        }
}

Test(ring, a_buffer_that_is_too_short_is_an_error_and_nothing_is_delivered)
{
        struct seqcast_ring_reader reader = reader_at(0);
        seqcast_sample untouched;

        set_up(4, RECORD_BYTES);
        publish(1);
        memset(&sample, 0xaa, sizeof sample);
        memcpy(&untouched, &sample, sizeof sample);
        cr_assert(eq(int, seqcast_ring_read_newest(&ring, &reader, record, RECORD_BYTES - 1, &sample),
                     -EMSGSIZE));
        cr_assert(eq(int, seqcast_ring_read_next(&ring, &reader, record, RECORD_BYTES - 1, &sample),
                     -EMSGSIZE));
        cr_assert(eq(u64, reader.delivered, 0));
        cr_assert(eq(int, memcmp(&sample, &untouched, sizeof sample), 0));
        cr_assert(eq(int, seqcast_ring_read_next(&ring, &reader, record, RECORD_BYTES, &sample), 0));
        expect_sample(1, 0);
}

Test(ring, the_sample_may_be_null)
{
        struct seqcast_ring_reader reader = { 0 };

        set_up(1, RECORD_BYTES);
        publish(1);
        cr_assert(eq(int, seqcast_ring_read_newest(&ring, &reader, record, sizeof record, NULL), 0));
        cr_assert(record_check(record, RECORD_BYTES, 1));
}

Test(ring, parts_of_a_record_are_read_from_one_publication)
{
        unsigned char a[5], b[16], c[1];
        const seqcast_read_part parts[] = { { 3, sizeof a, a }, { 24, sizeof b, b }, { 0, 0, c } };
        struct seqcast_ring_reader reader = { 0 };

        set_up(2, RECORD_BYTES);
        for (uint64_t number = 1; number < 9; number++) {
                publish(number);
                if (number % 2 == 0)
                        cr_assert(eq(int, seqcast_ring_read_newest_parts(&ring, &reader, parts, 3, &sample),
                                     0));
                else
                        cr_assert(
                                eq(int, seqcast_ring_read_next_parts(&ring, &reader, parts, 3, &sample), 0));
                cr_assert(eq(u64, sample.number, number));
                cr_assert(eq(u64, sample.bytes, RECORD_BYTES), "the length is the whole record's");
                cr_assert(record_check_part(a, 3, sizeof a, number));
                cr_assert(record_check_part(b, 24, sizeof b, number));
        }
}

struct part_row {
        uint64_t offset, bytes;
        int result;
};

Test(ring, a_part_beyond_the_record_is_out_of_range)
{
        static const struct part_row rows[] = {
                { 0, RECORD_BYTES, 0 },         { RECORD_BYTES, 0, 0 },
                { RECORD_BYTES - 1, 1, 0 },     { 0, RECORD_BYTES + 1, -ERANGE },
                { 1, RECORD_BYTES, -ERANGE },   { RECORD_BYTES + 1, 0, -ERANGE },
                { RECORD_BYTES, 1, -ERANGE },   { UINT64_MAX, 1, -ERANGE },
                { UINT64_MAX - 7, 8, -ERANGE }, { 8, SIZE_MAX, -ERANGE },
                { 8, SIZE_MAX - 7, -ERANGE },
        };

        set_up(2, 2 * RECORD_BYTES); /* the record is shorter than its room */
        publish(1);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const seqcast_read_part part = { rows[i].offset, (size_t)rows[i].bytes, record };
                struct seqcast_ring_reader reader = { 0 };

                cr_assert(eq(int, seqcast_ring_read_newest_parts(&ring, &reader, &part, 1, &sample),
                             rows[i].result),
                          "row %zu", i);
                cr_assert(eq(int, reader.started, rows[i].result == 0));
        }
}

Test(ring, times_are_stored_where_the_layout_has_room_for_them)
{
        struct seqcast_ring_reader reader = { 0 };
        unsigned char bytes[8] = { 0 };

        set_up(2, 64);
        ring.times = true;
        ring.payload_offset = SEQCAST_SLOT_HEAD_TIME_BYTES;
        ring.record_bytes = 48;
        seqcast_ring_publish(&ring, 1, bytes, sizeof bytes, 123456789);
        cr_assert(eq(int, newest(&reader), 0));
        cr_assert(eq(i64, sample.time_ns, 123456789));
        ring.times = false;
        cr_assert(eq(int, newest(&reader), 0));
        cr_assert(eq(i64, sample.time_ns, 0));
}

/* ---- a writer that has stopped, or died, somewhere ------------------------------------------ */

Test(ring, the_last_record_stays_readable_wherever_the_next_publication_has_stopped)
{
        static const uint64_t depths[] = { 2, 4, 8 };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                for (uint64_t last = 1; last < 3 * depths[i]; last++) {
                        for (enum step step = BEFORE; step <= SEALED; step++) {
                                struct seqcast_ring_reader fresh = { 0 }, had_it = reader_at(last);

                                set_up(depths[i], RECORD_BYTES);
                                publish_up_to(last);
                                publish_up_to_step(last + 1, step);
                                cr_assert(eq(int, newest(&fresh), SEQCAST_OK));
                                expect_sample(last, 0);
                                cr_assert(eq(int, newest(&had_it), SEQCAST_OK));
                                expect_sample(last, 0);
                                cr_assert(eq(int, next(&had_it), step == SEALED ? SEQCAST_OK : SEQCAST_NONE));
                        }
                }
        }
}

Test(ring, of_depth_one_is_busy_while_its_slot_is_open)
{
        for (enum step step = MARKED; step < SEALED; step++) {
                struct seqcast_ring_reader reader = { 0 };

                set_up(1, RECORD_BYTES);
                publish_up_to(5);
                publish_up_to_step(6, step);
                cr_assert(eq(int, newest(&reader), SEQCAST_BUSY));
                cr_assert(eq(int, next(&reader), SEQCAST_BUSY));
                cr_assert(not(reader.started));
        }
}

Test(ring, of_depth_one_delivers_a_complete_record_that_is_not_announced_yet)
{
        struct seqcast_ring_reader reader = reader_at(5);

        set_up(1, RECORD_BYTES);
        publish_up_to(5);
        publish_up_to_step(6, SEALED);
        cr_assert(eq(int, newest(&reader), SEQCAST_OK));
        expect_sample(6, 0);
        reader = reader_at(5);
        cr_assert(eq(int, next(&reader), SEQCAST_OK));
        expect_sample(6, 0);
}

Test(ring, a_new_writer_announces_what_the_dead_one_had_completed_and_nothing_else)
{
        static const uint64_t depths[] = { SHORT_DEPTHS };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                for (uint64_t last = 0; last < 3 * depths[i]; last++) {
                        for (enum step step = BEFORE; step <= ANNOUNCED; step++) {
                                uint64_t complete = last + (step >= SEALED);
                                struct seqcast_ring_reader reader = reader_at(last);

                                set_up(depths[i], RECORD_BYTES);
                                publish_up_to(last);
                                publish_up_to_step(last + 1, step);
                                cr_assert(eq(u64, seqcast_ring_recover(&ring), complete));
                                cr_assert(eq(u64, seqcast_ring_version(&ring), complete));
                                cr_assert(eq(u64, seqcast_ring_recover(&ring), complete),
                                          "a second takeover finds nothing to do");
                                publish(complete + 1);
                                cr_assert(eq(int, next(&reader), SEQCAST_OK));
                                if (complete == last || depths[i] > 2)
                                        expect_sample(last + 1, 0);
                                else if (depths[i] == 2)
                                        expect_sample(last + 1, 0);
                                else
                                        expect_sample(last + 2, 1);
                                cr_assert(eq(int, newest(&reader), SEQCAST_OK));
                                cr_assert(eq(u64, sample.number, complete + 1));
                        }
                }
        }
}

Test(ring, a_reader_that_was_delivered_an_unannounced_record_sees_it_again_after_a_takeover)
{
        struct seqcast_ring_reader reader = reader_at(6);

        set_up(4, RECORD_BYTES);
        publish_up_to(6);
        publish_up_to_step(7, SEALED);
        cr_assert(eq(int, next(&reader), SEQCAST_OK));
        expect_sample(7, 0);
        cr_assert(eq(int, newest(&reader), SEQCAST_OK));
        expect_sample(7, 0);
        seqcast_ring_recover(&ring);
        cr_assert(eq(int, newest(&reader), SEQCAST_OK));
        expect_sample(7, 0);
}

/* ---- a writer that goes on during the copy --------------------------------------------------- */

struct intruder {
        uint64_t publications; /* made whole while the copy is half done */
        enum step step;        /* and how far the one after them gets */
        unsigned tries;
        unsigned intrude_in; /* tries to disturb */
};

static int take_slowly(void *context, const struct seqcast_ring_view *view)
{
        struct intruder *intruder = context;
        const size_t half = RECORD_BYTES / 2;
        uint64_t last = seqcast_ring_version(&ring);

        seqcast_copy_load(record, view->payload, 0, half);
        if (intruder->tries++ < intruder->intrude_in) {
                publish_up_to(last + intruder->publications);
                publish_up_to_step(last + intruder->publications + 1, intruder->step);
        }
        seqcast_copy_load(record + half, view->payload, half, RECORD_BYTES - half);
        return 0;
}

/* The reader stands in the middle of its copy while the writer goes from any position to any other. */
Test(ring, a_copy_counts_unless_its_slot_was_opened_meanwhile, .timeout = 120)
{
        static const uint64_t depths[] = { 1, 2, 4 };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                const uint64_t depth = depths[i];

                for (uint64_t last = 1; last < 2 * depth + 2; last++) {
                        for (uint64_t more = 0; more < 2 * depth + 1; more++) {
                                for (enum step step = BEFORE; step <= ANNOUNCED; step++) {
                                        struct seqcast_ring_reader reader = { 0 };
                                        struct intruder intruder = { more, step, 0, 1 };
                                        bool lapped = more + (step >= MARKED) >= depth;
                                        int r;

                                        set_up(depth, RECORD_BYTES);
                                        publish_up_to(last);
                                        r = seqcast_ring_read(&ring, &reader, seqcast_ring_find_newest,
                                                              take_slowly, &intruder, &sample);
                                        if (depth == 1 && step >= MARKED && step < SEALED) {
                                                cr_assert(eq(int, r, SEQCAST_BUSY));
                                                continue;
                                        }
                                        cr_assert(eq(int, r, SEQCAST_OK));
                                        cr_assert(eq(uint, intruder.tries, 1 + lapped));
                                        cr_assert(record_check(record, RECORD_BYTES, sample.number));
                                        if (!lapped)
                                                cr_assert(eq(u64, sample.number, last));
                                }
                        }
                }
        }
}

Test(ring, a_reader_that_is_lapped_in_every_try_gives_up)
{
        static const uint64_t depths[] = { SHORT_DEPTHS };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                struct seqcast_ring_reader reader = { 0 };
                struct intruder intruder = { depths[i], BEFORE, 0, UINT32_MAX };

                set_up(depths[i], RECORD_BYTES);
                publish(1);
                cr_assert(eq(int,
                             seqcast_ring_read(&ring, &reader, seqcast_ring_find_newest, take_slowly,
                                               &intruder, &sample),
                             SEQCAST_BUSY));
                cr_assert(eq(uint, intruder.tries, SEQCAST_READ_ATTEMPTS_MAX));
                cr_assert(eq(u64, reader.retries, SEQCAST_READ_ATTEMPTS_MAX));
                cr_assert(not(reader.started), "nothing was delivered");
        }
}

static unsigned busy_tries;

static enum seqcast_state find_busy(const struct seqcast_ring *from,
                                    const struct seqcast_ring_reader *ignored,
                                    struct seqcast_ring_view *ret_view)
{
        (void)ignored;
        *ret_view = (struct seqcast_ring_view){ .slot = seqcast_ring_slot(from, 0) };
        busy_tries++;
        return SEQCAST_BUSY;
}

Test(ring, looking_for_a_record_is_bounded, .timeout = 10)
{
        struct seqcast_ring_reader reader = { 0 };

        set_up(2, RECORD_BYTES);
        cr_assert(eq(int, seqcast_ring_read(&ring, &reader, find_busy, take_slowly, NULL, &sample),
                     SEQCAST_BUSY));
        cr_assert(eq(uint, busy_tries, SEQCAST_READ_ATTEMPTS_MAX));
}

static int take_lapped_length(void *context, const struct seqcast_ring_view *view)
{
        int r = 0;

        /* The publication looked at is overwritten before its length is judged. */
        if (++*(unsigned *)context == 1) {
                publish_up_to(seqcast_ring_version(&ring) + 2);
                r = -EMSGSIZE;
        }
        (void)view;
        return r;
}

Test(ring, an_error_about_a_record_that_was_overwritten_is_not_believed)
{
        struct seqcast_ring_reader reader = { 0 };
        unsigned tries = 0;

        set_up(2, RECORD_BYTES);
        publish(1);
        cr_assert(eq(int,
                     seqcast_ring_read(&ring, &reader, seqcast_ring_find_newest, take_lapped_length, &tries,
                                       &sample),
                     SEQCAST_OK));
        cr_assert(eq(uint, tries, 2));
}

Test(ring, a_payload_begins_a_line_where_that_takes_no_more_lines_and_from_a_kilobyte_on)
{
        static _Alignas(64) unsigned char room[4096];
        static const uint64_t rows[][3] = { { 1, 16, 64 },      { 48, 16, 64 },     { 49, 64, 128 },
                                            { 64, 64, 128 },    { 65, 16, 128 },    { 112, 16, 128 },
                                            { 113, 64, 192 },   { 1008, 16, 1024 }, { 1009, 64, 1088 },
                                            { 1025, 64, 1152 }, { 1072, 64, 1152 } };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct seqcast_ring over = seqcast_ring_over(room, 1, rows[i][0]);

                cr_assert(eq(u64, over.payload_offset, rows[i][1]), "%lu bytes", (unsigned long)rows[i][0]);
                cr_assert(eq(u64, over.stride, rows[i][2]), "%lu bytes", (unsigned long)rows[i][0]);
                cr_assert(eq(u64, seqcast_ring_bytes(1, rows[i][0]), 128 + rows[i][2]));
        }
}

/* ---- retired --------------------------------------------------------------------------------- */

Test(ring, a_retired_ring_keeps_its_newest_record_and_says_so)
{
        static const uint64_t depths[] = { SHORT_DEPTHS };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                for (uint64_t last = 1; last < 3 * depths[i]; last++) {
                        struct seqcast_ring_reader fresh = { 0 }, had_it = reader_at(last), skipped = { 0 };

                        set_up(depths[i], RECORD_BYTES);
                        publish_up_to(last);
                        cr_assert(eq(int, newest(&fresh), SEQCAST_OK));
                        cr_assert(eq(u32, sample.retired, 0));
                        seqcast_ring_retire(&ring);
                        cr_assert(eq(int, newest(&fresh), SEQCAST_OK));
                        expect_sample(last, 0);
                        cr_assert(eq(u32, sample.retired, 1));
                        cr_assert(eq(int, next(&fresh), SEQCAST_RETIRED));
                        cr_assert(eq(int, next(&had_it), SEQCAST_RETIRED));
                        seqcast_ring_skip(&ring, &skipped);
                        cr_assert(eq(u64, skipped.delivered, last), "without the mark");
                        cr_assert(eq(int, next(&skipped), SEQCAST_RETIRED));
                        cr_assert(eq(int, newest(&had_it), SEQCAST_OK));
                        expect_sample(last, 0);
                }
        }
}

/* A reader has looked at the slot before the last publication, and looks at the version after the mark. */
Test(ring, of_depth_one_is_not_said_to_be_retired_before_its_last_record_was_given)
{
        struct seqcast_ring_reader reader = reader_at(1);

        set_up(1, RECORD_BYTES);
        publish(1);
        seqcast_word_store_relaxed(ring.version, 2 | SEQCAST_VERSION_RETIRED);
        cr_assert(eq(int, next(&reader), SEQCAST_BUSY));
        cr_assert(eq(int, (int)seqcast_ring_news(&ring, &reader), SEQCAST_OK));
        publish(2);
        seqcast_ring_retire(&ring);
        cr_assert(eq(int, next(&reader), SEQCAST_OK));
        expect_sample(2, 0);
        cr_assert(eq(int, next(&reader), SEQCAST_RETIRED));
        cr_assert(eq(int, (int)seqcast_ring_news(&ring, &reader), SEQCAST_RETIRED));
}

Test(ring, a_reader_behind_a_retired_ring_is_still_given_what_is_left)
{
        static const uint64_t depths[] = { SHORT_DEPTHS };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                const uint64_t last = 2 * depths[i] + 3;

                for (uint64_t delivered = 0; delivered < last; delivered++) {
                        struct seqcast_ring_reader reader = reader_at(delivered);
                        uint64_t before = delivered;
                        int r;

                        set_up(depths[i], RECORD_BYTES);
                        publish_up_to(last);
                        seqcast_ring_retire(&ring);
                        while ((r = next(&reader)) == SEQCAST_OK) {
                                cr_assert(eq(u64, sample.lost, sample.number - before - 1));
                                cr_assert(record_check(record, RECORD_BYTES, sample.number));
                                before = sample.number;
                        }
                        cr_assert(eq(int, r, SEQCAST_RETIRED));
                        cr_assert(eq(u64, before, last));
                }
        }
}

Test(ring, a_retired_ring_in_which_nothing_was_published_says_that_nothing_will_be)
{
        static const uint64_t depths[] = { SHORT_DEPTHS };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                struct seqcast_ring_reader fresh = { 0 }, started = reader_at(0);

                set_up(depths[i], RECORD_BYTES);
                seqcast_ring_retire(&ring);
                cr_assert(eq(int, newest(&fresh), SEQCAST_RETIRED));
                cr_assert(eq(int, next(&fresh), SEQCAST_RETIRED));
                cr_assert(eq(int, next(&started), SEQCAST_RETIRED));
        }
}

Test(ring, retiring_twice_changes_nothing)
{
        struct seqcast_ring_reader reader = { 0 };

        set_up(4, RECORD_BYTES);
        publish_up_to(6);
        seqcast_ring_retire(&ring);
        seqcast_ring_retire(&ring);
        cr_assert(eq(u64, seqcast_ring_version(&ring), SEQCAST_VERSION_RETIRED | 6));
        cr_assert(eq(int, newest(&reader), SEQCAST_OK));
        expect_sample(6, 0);
}

/* ---- is there news --------------------------------------------------------------------------- */

/* A writer that has stopped somewhere, died, or been replaced. */
struct situation {
        uint64_t depth, announced;
        enum step step; /* how far the publication after these has got */
        bool retired;
};

static void set_situation(const struct situation *situation)
{
        set_up(situation->depth, RECORD_BYTES);
        publish_up_to(situation->announced);
        publish_up_to_step(situation->announced + 1, situation->step);
        if (situation->retired)
                seqcast_ring_retire(&ring);
}

typedef void check_news(const struct situation *situation, struct seqcast_ring_reader reader);

/* For readers in all positions. */
static void for_all_situations(check_news *check)
{
        static const uint64_t depths[] = { 1, 2, 4, 8 };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                struct situation situation = { .depth = depths[i] };

                for (situation.announced = 0; situation.announced < 3 * depths[i]; situation.announced++) {
                        for (situation.step = BEFORE; situation.step <= SEALED; situation.step++) {
                                for (int retired = 0; retired < 2; retired++) {
                                        situation.retired = retired != 0;
                                        set_situation(&situation);
                                        check(&situation, (struct seqcast_ring_reader){ 0 });
                                        for (uint64_t had = 0; had <= situation.announced; had++)
                                                check(&situation, reader_at(had));
                                }
                        }
                }
        }
}

static void expect_news(const struct situation *situation, struct seqcast_ring_reader reader,
                        enum seqcast_state expected)
{
        cr_assert(eq(int, seqcast_ring_news(&ring, &reader), expected),
                  "depth %lu, %lu announced, step %d of the next, retired %d, started %d, had %lu",
                  (unsigned long)situation->depth, (unsigned long)situation->announced, (int)situation->step,
                  situation->retired, reader.started, (unsigned long)reader.delivered);
}

static void expect_news_of_what_is_newer(const struct situation *situation, struct seqcast_ring_reader reader)
{
        const bool only_slot_is_open =
                situation->depth == 1 && situation->step >= MARKED && situation->step < SEALED;

        if (situation->step == SEALED && reader.delivered == situation->announced)
                return; /* not announced: a test of its own */
        if (reader.delivered < situation->announced && !only_slot_is_open)
                expect_news(situation, reader, SEQCAST_OK);
        else
                expect_news(situation, reader, situation->retired ? SEQCAST_RETIRED : SEQCAST_NONE);
}

Test(ring, there_is_news_where_there_is_something_newer_that_can_be_read, .timeout = 60)
{
        for_all_situations(expect_news_of_what_is_newer);
}

static void expect_what_next_does(const struct situation *situation, struct seqcast_ring_reader reader)
{
        struct seqcast_ring_reader position = reader;
        enum seqcast_state state = (enum seqcast_state)next(&position);

        if (state == SEQCAST_EMPTY)
                state = SEQCAST_NONE;
        if (state == SEQCAST_BUSY) /* nothing to read until its only slot is complete */
                state = situation->retired ? SEQCAST_RETIRED : SEQCAST_NONE;
        if (reader.started)
                expect_news(situation, reader, state);
}

Test(ring, news_is_what_next_delivers, .timeout = 60)
{
        for_all_situations(expect_what_next_does);
}

Test(ring, of_depth_one_has_no_news_until_its_slot_is_complete)
{
        for (int started = 0; started < 2; started++) {
                for (enum step step = MARKED; step <= ANNOUNCED; step++) {
                        struct seqcast_ring_reader reader = { .delivered = 5, .started = true };

                        if (!started)
                                reader = (struct seqcast_ring_reader){ 0 };
                        set_up(1, RECORD_BYTES);
                        publish_up_to(5);
                        publish_up_to_step(6, step);
                        cr_assert(eq(int, seqcast_ring_news(&ring, &reader),
                                     step >= SEALED ? SEQCAST_OK : SEQCAST_NONE));
                }
        }
}

Test(ring, what_was_skipped_is_no_news)
{
        static const uint64_t depths[] = { SHORT_DEPTHS };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                struct seqcast_ring_reader reader = { 0 };

                set_up(depths[i], RECORD_BYTES);
                cr_assert(eq(int, seqcast_ring_news(&ring, &reader), SEQCAST_NONE));
                publish_up_to(7);
                cr_assert(eq(int, seqcast_ring_news(&ring, &reader), SEQCAST_OK));
                seqcast_ring_skip(&ring, &reader);
                cr_assert(eq(int, seqcast_ring_news(&ring, &reader), SEQCAST_NONE));
                publish_up_to(8);
                cr_assert(eq(int, seqcast_ring_news(&ring, &reader), SEQCAST_OK));
                cr_assert(eq(int, next(&reader), SEQCAST_OK));
                expect_sample(8, 0);
                cr_assert(eq(int, seqcast_ring_news(&ring, &reader), SEQCAST_NONE));
                seqcast_ring_retire(&ring);
                cr_assert(eq(int, seqcast_ring_news(&ring, &reader), SEQCAST_RETIRED));
        }
}

/* ---- memory that cannot be trusted, or not be written ---------------------------------------- */

Test(ring, reading_needs_no_permission_to_write)
{
        static const uint64_t depths[] = { SHORT_DEPTHS };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                struct seqcast_ring_reader reader = { 0 };
                const seqcast_read_part part = { 0, 8, record };

                set_up(depths[i], RECORD_BYTES);
                publish_up_to(7);
                guard_protect(&memory, PROT_READ);
                cr_assert(eq(int, newest(&reader), SEQCAST_OK));
                expect_sample(7, 0);
                cr_assert(eq(int, next(&reader), SEQCAST_NONE));
                cr_assert(eq(int, seqcast_ring_news(&ring, &reader), SEQCAST_NONE));
                cr_assert(eq(int, seqcast_ring_read_newest_parts(&ring, &reader, &part, 1, NULL), 0));
                seqcast_ring_skip(&ring, &reader);
        }
}

static const uint64_t hostile[] = { 0,
                                    1,
                                    2,
                                    3,
                                    4,
                                    5,
                                    7,
                                    8,
                                    RECORD_BYTES,
                                    RECORD_BYTES + 1,
                                    UINT32_MAX,
                                    (uint64_t)UINT32_MAX + 1,
                                    INT64_MAX - 1,
                                    INT64_MAX,
                                    SEQCAST_VERSION_RETIRED,
                                    SEQCAST_VERSION_RETIRED + 1,
                                    SEQCAST_VERSION_RETIRED + 2,
                                    UINT64_MAX - 7,
                                    UINT64_MAX - 2,
                                    UINT64_MAX - 1,
                                    UINT64_MAX };
#define HOSTILE_COUNT (sizeof hostile / sizeof *hostile)

static void read_in_every_way(struct seqcast_ring_reader reader)
{
        static struct guard private;
        seqcast_read_part parts[2];
        unsigned char *buffer;

        if (private.base == NULL)
        private = guard_new(1);
        buffer = guard_at_end(&private, RECORD_BYTES);
        parts[0] = (seqcast_read_part){ RECORD_BYTES - 8, 8, buffer + RECORD_BYTES - 8 };
        parts[1] = (seqcast_read_part){ 0, RECORD_BYTES, buffer };
        for (int way = 0; way < 4; way++) {
                struct seqcast_ring_reader position = reader;
                int r = way == 0   ? seqcast_ring_read_newest(&ring, &position, buffer, RECORD_BYTES, &sample)
                        : way == 1 ? seqcast_ring_read_next(&ring, &position, buffer, RECORD_BYTES, &sample)
                        : way == 2 ? seqcast_ring_read_newest_parts(&ring, &position, parts, 2, &sample)
                                   : seqcast_ring_read_next_parts(&ring, &position, parts, 2, &sample);

                if (r == SEQCAST_OK && sample.bytes > RECORD_BYTES)
                        cr_fatal("a length of %lu", (unsigned long)sample.bytes);
                if ((r < 0 && r != -ERANGE) || r > SEQCAST_RETIRED)
                        cr_fatal("a result of %d", r);
        }
        if (seqcast_ring_news(&ring, &reader) > SEQCAST_RETIRED)
                cr_fatal("no such news");
        seqcast_ring_skip(&ring, &reader);
}

Test(ring, no_value_of_its_words_leads_a_reader_out_of_it, .timeout = 120)
{
        static const uint64_t depths[] = { 1, 2, 4 };

        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
                set_up(depths[d], RECORD_BYTES);
                for (size_t i = 0; i < HOSTILE_COUNT * HOSTILE_COUNT * HOSTILE_COUNT; i++) {
                        seqcast_word_store_relaxed(ring.version, hostile[i % HOSTILE_COUNT]);
                        for (uint64_t slot = 0; slot < depths[d]; slot++) {
                                seqcast_word *head = seqcast_ring_slot(&ring, slot);

                                seqcast_word_store_relaxed(
                                        head + SEQCAST_SLOT_SEQ,
                                        hostile[(i / HOSTILE_COUNT + slot) % HOSTILE_COUNT]);
                                seqcast_word_store_relaxed(
                                        head + SEQCAST_SLOT_LENGTH,
                                        hostile[(i / HOSTILE_COUNT / HOSTILE_COUNT + slot) % HOSTILE_COUNT]);
                        }
                        read_in_every_way((struct seqcast_ring_reader){ 0 });
                        read_in_every_way(reader_at(hostile[i % HOSTILE_COUNT]));
                        read_in_every_way(reader_at(hostile[i / HOSTILE_COUNT % HOSTILE_COUNT]));
                        read_in_every_way(reader_at(3));
                }
        }
}

Test(ring, no_garbage_leads_a_reader_out_of_it, .timeout = 60)
{
        static const uint64_t depths[] = { SHORT_DEPTHS };
        uint64_t seed = 20;

        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
                size_t words;

                set_up(depths[d], RECORD_BYTES);
                words = seqcast_ring_bytes(depths[d], RECORD_BYTES) / 8;
                for (int turn = 0; turn < 3000; turn++) {
                        for (size_t i = 0; i < words; i++)
                                seqcast_word_store_relaxed(ring.version + i,
                                                           random_next(&seed) >> random_below(&seed, 64));
                        read_in_every_way((struct seqcast_ring_reader){ 0 });
                        read_in_every_way(reader_at(random_next(&seed) >> random_below(&seed, 64)));
                }
        }
}

/* Taking over a damaged ring must not leave it either. */
Test(ring, no_value_of_its_words_leads_a_new_writer_out_of_it)
{
        static const uint64_t depths[] = { 1, 2, 4 };
        unsigned char bytes[RECORD_BYTES] = { 0 };

        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
                set_up(depths[d], RECORD_BYTES);
                for (size_t i = 0; i < HOSTILE_COUNT * HOSTILE_COUNT; i++) {
                        uint64_t version;

                        seqcast_word_store_relaxed(ring.version, hostile[i % HOSTILE_COUNT]);
                        seqcast_word_store_relaxed(seq_of(hostile[i % HOSTILE_COUNT] + 1),
                                                   hostile[i / HOSTILE_COUNT]);
                        version = seqcast_ring_recover(&ring);
                        seqcast_ring_publish(&ring, version + 1, bytes, sizeof bytes, 0);
                        seqcast_ring_retire(&ring);
                }
        }
}
