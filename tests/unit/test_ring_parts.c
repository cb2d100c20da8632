/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "seqcast/ring_parts.h"

#include "../support/guard.h"
#include "../support/record.h"

#define RECORD_MAX 200u
#define LOG_MAX 16u
#define DEPTH_MAX 16u

/* What the ring has to contain: the newest record and the ones before it. */
struct model {
        unsigned char bytes[DEPTH_MAX][RECORD_MAX];
        uint64_t length[DEPTH_MAX];
        uint64_t version;
};

struct writer {
        struct seqcast_ring ring;
        struct seqcast_ring_change log[LOG_MAX];
        struct seqcast_ring_changes changes;
};

static struct guard memory;

static struct seqcast_ring new_ring(uint64_t depth, uint64_t record_bytes)
{
        uint64_t bytes = seqcast_ring_bytes(depth, record_bytes);

        if (memory.base != NULL)
                guard_free(&memory);
        memory = guard_new(bytes);
        return seqcast_ring_over(guard_at_end(&memory, bytes), depth, record_bytes);
}

/* A new process knows nothing of what the one before it has changed. */
static void take_over(struct writer *writer, uint64_t log_entries)
{
        uint64_t version = seqcast_ring_recover(&writer->ring);

        writer->changes = (struct seqcast_ring_changes){ .log = writer->log,
                                                         .log_mask = log_entries - 1,
                                                         .known_from = version + 1 };
}

static void model_begin(struct model *model)
{
        const uint64_t last = model->version % DEPTH_MAX, this = ++model->version % DEPTH_MAX;

        memcpy(model->bytes[this], model->bytes[last], RECORD_MAX);
        model->length[this] = model->length[last];
}

static void publish_whole(struct writer *writer, struct model *model, uint64_t *seed)
{
        const uint64_t bytes = random_below(seed, writer->ring.record_bytes + 1);
        unsigned char *record;

        model_begin(model);
        record = model->bytes[model->version % DEPTH_MAX];
        for (uint64_t i = 0; i < bytes; i++)
                record[i] = (unsigned char)random_next(seed);
        model->length[model->version % DEPTH_MAX] = bytes;
        seqcast_ring_changed_all(&writer->changes, model->version);
        seqcast_ring_publish(&writer->ring, model->version, record, (size_t)bytes, 0);
}

static void publish_parts(struct writer *writer, struct model *model, uint64_t *seed)
{
        unsigned char from[RECORD_MAX];
        seqcast_part parts[4];
        const size_t count = random_below(seed, 5);
        uint64_t length;
        unsigned char *record;

        model_begin(model);
        record = model->bytes[model->version % DEPTH_MAX];
        length = model->length[model->version % DEPTH_MAX];
        for (size_t i = 0; i < sizeof from; i++)
                from[i] = (unsigned char)random_next(seed);
        for (size_t i = 0; i < count; i++) {
                /* Mostly few bytes, so that repeating the changes is the shorter way. */
                uint64_t limit = random_below(seed, 4) == 0 || length < 9 ? length : 8;

                parts[i].bytes = (size_t)random_below(seed, limit + 1);
                parts[i].offset = random_below(seed, length - parts[i].bytes + 1);
                parts[i].from = from + random_below(seed, sizeof from - parts[i].bytes);
                memcpy(record + parts[i].offset, parts[i].from, parts[i].bytes);
        }
        cr_assert(eq(
                int,
                seqcast_ring_publish_parts(&writer->ring, &writer->changes, model->version, parts, count, 0),
                0));
}

/* The writer dies after it has stored rubbish all over the next slot. */
static void die_in_mid_publication(struct writer *writer, struct model *model, uint64_t *seed)
{
        seqcast_word *slot = seqcast_ring_write_begin(&writer->ring, model->version + 1);
        const uint64_t bytes = random_below(seed, writer->ring.record_bytes + 1);

        for (uint64_t i = 0; i < bytes; i++) {
                unsigned char byte = (unsigned char)random_next(seed);

                seqcast_copy_store(seqcast_ring_payload(&writer->ring, slot), i, &byte, 1);
        }
        seqcast_word_store_relaxed(slot + SEQCAST_SLOT_LENGTH, bytes);
}

static void check_reads(const struct writer *writer, const struct model *model, uint64_t *seed)
{
        const uint64_t depth = writer->ring.depth_mask + 1, version = model->version;
        unsigned char record[RECORD_MAX];
        seqcast_sample sample;

        for (uint64_t number = version > depth ? version - depth + 1 : 1; number <= version; number++) {
                struct seqcast_ring_reader reader = { .delivered = number - 1, .started = true };
                const unsigned char *expected = model->bytes[number % DEPTH_MAX];
                const uint64_t length = model->length[number % DEPTH_MAX];
                seqcast_read_part part;

                cr_assert(eq(int,
                             seqcast_ring_read_next(&writer->ring, &reader, record, sizeof record, &sample),
                             SEQCAST_OK));
                cr_assert(eq(u64, sample.number, number));
                cr_assert(eq(u64, sample.bytes, length));
                cr_assert(zero(int, memcmp(record, expected, (size_t)length)),
                          "publication %lu of %lu, depth %lu", (unsigned long)number, (unsigned long)version,
                          (unsigned long)depth);
                reader.delivered = number - 1;
                part.bytes = (size_t)random_below(seed, length + 1);
                part.offset = random_below(seed, length - part.bytes + 1);
                part.to = record;
                cr_assert(eq(int, seqcast_ring_read_next_parts(&writer->ring, &reader, &part, 1, &sample),
                             SEQCAST_OK));
                cr_assert(zero(int, memcmp(record, expected + part.offset, part.bytes)));
        }
}

static void compare_with_model(uint64_t depth, uint64_t record_bytes, uint64_t seed)
{
        struct model model = { 0 };
        struct writer writer = { .ring = new_ring(depth, record_bytes) };
        const uint64_t whole_in = 2 + random_below(&seed, 40), death_in = 2 + random_below(&seed, 40);

        model.length[0] = record_bytes;
        take_over(&writer, UINT64_C(1) << random_below(&seed, 5));
        for (int turn = 0; turn < 120; turn++) {
                if (random_below(&seed, death_in) == 0) {
                        /* At depth 1 the only record has gone with it. */
                        if (depth > 1 || model.version == 0)
                                die_in_mid_publication(&writer, &model, &seed);
                        /* It may also only have given up, and remembers. */
                        if (random_below(&seed, 2) == 0)
                                take_over(&writer, UINT64_C(1) << random_below(&seed, 5));
                }
                if (random_below(&seed, whole_in) == 0)
                        publish_whole(&writer, &model, &seed);
                else
                        publish_parts(&writer, &model, &seed);
                check_reads(&writer, &model, &seed);
        }
}

Test(ring_parts, readers_find_what_a_plain_array_would_hold, .timeout = 300)
{
        static const uint64_t depths[] = { 1, 2, 4, 8, 16 };
        static const uint64_t lengths[] = { 1, 7, 8, 40, 61, RECORD_MAX };

        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
                for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
                        for (uint64_t seed = 1; seed <= 25; seed++)
                                compare_with_model(depths[d], lengths[l], seed * 1000 + d * 10 + l);
}

static uint64_t word_at(const struct seqcast_ring *ring, uint64_t number, uint64_t index)
{
        return seqcast_word_load_relaxed(seqcast_ring_payload(ring, seqcast_ring_slot(ring, number)) + index);
}

static void publish_word(struct writer *writer, uint64_t number, uint64_t index, uint64_t value)
{
        const seqcast_part part = { index * 8, 8, &value };

        cr_assert(
                eq(int, seqcast_ring_publish_parts(&writer->ring, &writer->changes, number, &part, 1, 0), 0));
}

/* The promise about cost: bytes that nobody has named are not touched once a slot is up to date. */
Test(ring_parts, the_cost_is_that_of_the_bytes_named)
{
        const uint64_t depth = 4, mark = 0x1122334455667788;
        struct writer writer = { .ring = new_ring(depth, 1024) };
        uint64_t number;

        take_over(&writer, LOG_MAX);
        for (number = 1; number <= 2 * depth; number++)
                publish_word(&writer, number, number % 2, number);
        /* A store behind the writer's back stays where it is if nothing copies there. */
        for (uint64_t slot = 0; slot < depth; slot++)
                seqcast_word_store_relaxed(
                        seqcast_ring_payload(&writer.ring, seqcast_ring_slot(&writer.ring, slot)) + 100,
                        mark + slot);
        for (; number <= 4 * depth; number++) {
                publish_word(&writer, number, number % 2, number);
                cr_assert(eq(u64, word_at(&writer.ring, number, 100), mark + number % depth));
                cr_assert(eq(u64, word_at(&writer.ring, number, number % 2), number));
                cr_assert(eq(u64, word_at(&writer.ring, number, (number - 1) % 2), number - 1));
        }
}

Test(ring_parts, at_depth_one_a_torn_record_cannot_be_updated)
{
        struct writer writer = { .ring = new_ring(1, 64) };
        const seqcast_part part = { 0, 1, "x" };

        take_over(&writer, 4);
        publish_word(&writer, 1, 0, 1);
        seqcast_ring_write_begin(&writer.ring, 2);
        take_over(&writer, 4);
        cr_assert(
                eq(int, seqcast_ring_publish_parts(&writer.ring, &writer.changes, 2, &part, 1, 0), -ENODATA));
        seqcast_ring_changed_all(&writer.changes, 2);
        seqcast_ring_publish(&writer.ring, 2, "whole", 5, 0);
        cr_assert(eq(int, seqcast_ring_publish_parts(&writer.ring, &writer.changes, 3, &part, 1, 0), 0),
                  "a whole record makes it good");
}

Test(ring_parts, the_first_publication_is_zero_elsewhere_even_after_an_attempt_at_it)
{
        static const uint64_t depths[] = { 1, 2, 4 };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                struct writer writer = { .ring = new_ring(depths[i], 64) };
                seqcast_word *slot = seqcast_ring_write_begin(&writer.ring, 1);

                seqcast_copy_store(seqcast_ring_payload(&writer.ring, slot), 0, "rubbish rubbish ", 16);
                take_over(&writer, 4);
                publish_word(&writer, 1, 5, 7);
                for (uint64_t word = 0; word < 8; word++)
                        cr_assert(eq(u64, word_at(&writer.ring, 1, word), word == 5 ? 7 : 0));
        }
}

struct refusal {
        const char *why;
        size_t count;
        seqcast_part part;
        int result;
};

Test(ring_parts, what_cannot_be_published_changes_nothing)
{
        static const struct refusal refusals[] = {
                { "ends beyond the record", 1, { 4, 7, "sevenb" }, -ERANGE },
                { "begins beyond the record", 1, { 11, 0, "" }, -ERANGE },
                { "is longer than the record", 1, { 0, 11, "elevenbytes" }, -ERANGE },
                { "has an offset that wraps round", 1, { UINT64_MAX, 2, "x" }, -ERANGE },
                { "has a length that wraps round", 1, { 2, SIZE_MAX, "x" }, -ERANGE },
                { "is one of too many", SEQCAST_PARTS_MAX + 1, { 0, 1, "x" }, -E2BIG },
        };
        struct writer writer = { .ring = new_ring(2, 64) };
        unsigned char before[1024];
        const size_t bytes = (size_t)seqcast_ring_bytes(2, 64);

        take_over(&writer, 4);
        seqcast_ring_publish(&writer.ring, 1, "ten bytes.", 10, 0);
        memcpy(before, (void *)writer.ring.version, bytes);
        for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
                seqcast_part parts[SEQCAST_PARTS_MAX + 1];

                for (size_t j = 0; j < refusals[i].count; j++)
                        parts[j] = refusals[i].part;
                cr_assert(eq(int,
                             seqcast_ring_publish_parts(&writer.ring, &writer.changes, 2, parts,
                                                        refusals[i].count, 0),
                             refusals[i].result),
                          "a part that %s", refusals[i].why);
                cr_assert(zero(int, memcmp(before, (void *)writer.ring.version, bytes)));
        }
}

Test(ring_parts, as_many_parts_as_allowed_are_published)
{
        struct writer writer = { .ring = new_ring(2, SEQCAST_PARTS_MAX) };
        seqcast_part parts[SEQCAST_PARTS_MAX];
        unsigned char record[SEQCAST_PARTS_MAX], from[SEQCAST_PARTS_MAX];
        struct seqcast_ring_reader reader = { 0 };

        take_over(&writer, 4);
        for (size_t i = 0; i < SEQCAST_PARTS_MAX; i++) {
                from[i] = (unsigned char)(i + 1);
                parts[i] = (seqcast_part){ i, 1, &from[i] };
        }
        for (uint64_t number = 1; number <= 5; number++) {
                cr_assert(eq(int,
                             seqcast_ring_publish_parts(&writer.ring, &writer.changes, number, parts,
                                                        SEQCAST_PARTS_MAX, 0),
                             0));
                cr_assert(eq(int,
                             seqcast_ring_read_newest(&writer.ring, &reader, record, sizeof record, NULL),
                             0));
                cr_assert(zero(int, memcmp(record, from, sizeof from)));
        }
}
