/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Any bytes as a header: judged as seqcast__segment_read() does, schema included. What is accepted must lie
 * inside the object, and a ring over it must stay there: the object ends where a page begins that faults,
 * and AddressSanitizer knows the bytes around it. */

#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <stdlib.h>

#include "fuzz/driver/segment_input.h"
#include "support/guard.h"

#define ARENA_BYTES ((size_t)1 << 20) /* of larger objects only the numbers are judged */
#define FENCE_BYTES 4096u             /* before the object */
#define WHOLE_BYTES_MAX 512u          /* longer records are read by their ends */
#define ENDS_BYTES_MAX 8u

const struct fuzz_target fuzz_target = {
        .name = "header",
        .inputs = 2000000,
        .longest = SEGMENT_INPUT_LONGEST,
        .least_percent = 5,
};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
        return segment_input_mutate(data, size, max_size, seed);
}

/* ---- the object ----------------------------------------------------------------------------- */

static struct guard arena;

static void wipe(void *from, uint64_t bytes)
{
        memset(from, 0, (size_t)bytes);
}

static unsigned char *place(const struct segment_input *input)
{
        size_t room = (size_t)(input->file_bytes + 63) / 64 * 64;
        unsigned char *base;

        if (arena.base == NULL)
                arena = guard_new(ARENA_BYTES + FENCE_BYTES);
        base = guard_at_end(&arena, room);
        memcpy(base, input->bytes, input->count);
        ASAN_POISON_MEMORY_REGION(base - FENCE_BYTES, FENCE_BYTES);
        ASAN_POISON_MEMORY_REGION(base + input->file_bytes, room - input->file_bytes);
        return base;
}

static void wipe_slot(const struct seqcast_ring *ring, uint64_t number)
{
        unsigned char *slot = (unsigned char *)seqcast_ring_slot(ring, number);
        uint64_t end = (ring->record_bytes + 7) / 8 * 8;

        wipe(slot, ring->payload_offset + 8);
        wipe(slot + ring->payload_offset + (end > 16 ? end - 16 : 0), end > 16 ? 16 : end);
}

static void take_away(const struct segment_input *input, unsigned char *base)
{
        size_t room = (size_t)(input->file_bytes + 63) / 64 * 64;

        ASAN_UNPOISON_MEMORY_REGION(base - FENCE_BYTES, FENCE_BYTES + room);
        wipe(base, input->count);
        wipe(base + input->header.control_offset, SEQCAST__CONTROL_WORDS * SEQCAST_WORD_BYTES);
}

/* ---- the ring ------------------------------------------------------------------------------- */

/* The bytes at either end of a record; they overlap in a short one. */
struct ends {
        uint64_t last_offset;
        size_t bytes;
        uint64_t first, last;
};

static struct ends ends_of(const struct seqcast_ring *ring, uint64_t number)
{
        struct ends ends = { .bytes = ring->record_bytes < ENDS_BYTES_MAX ? (size_t)ring->record_bytes
                                                                          : ENDS_BYTES_MAX };

        ends.last_offset = ring->record_bytes - ends.bytes;
        memset(&ends.last, (int)(number % 255 + 1), ends.bytes);
        memset(&ends.first, (int)(number % 255 + 1), ends.bytes);
        return ends;
}

static void publish(const struct seqcast_ring *ring, uint64_t number)
{
        struct ends ends = ends_of(ring, number);
        seqcast_word *slot = seqcast_ring_write_begin(ring, number);
        seqcast_word *payload = seqcast_ring_payload(ring, slot);

        seqcast_copy_store(payload, 0, &ends.first, ends.bytes);
        seqcast_copy_store(payload, ends.last_offset, &ends.last, ends.bytes);
        seqcast_ring_write_end(ring, slot, number, ring->record_bytes, (int64_t)number);
}

static void check_sample(const struct seqcast_ring *ring, const seqcast_sample *sample, uint64_t number)
{
        FUZZ_CHECK(sample->number == number);
        FUZZ_CHECK(sample->bytes == ring->record_bytes);
        FUZZ_CHECK(sample->time_ns == (ring->times ? (int64_t)number : 0));
}

static void read_ends(const struct seqcast_ring *ring, struct seqcast_ring_reader reader, uint64_t number)
{
        struct ends said = ends_of(ring, number), got = said;
        const seqcast_read_part parts[] = { { 0, said.bytes, &got.first },
                                            { said.last_offset, said.bytes, &got.last } };
        seqcast_sample sample;

        got.first = got.last = 0;
        FUZZ_CHECK(seqcast_ring_read_newest_parts(ring, &reader, parts, 2, &sample) == 0);
        check_sample(ring, &sample, number);
        FUZZ_CHECK(got.first == said.first && got.last == said.last);
        reader = (struct seqcast_ring_reader){ .delivered = number - 1, .started = true };
        FUZZ_CHECK(seqcast_ring_news(ring, &reader) == SEQCAST_OK);
        FUZZ_CHECK(seqcast_ring_read_next_parts(ring, &reader, parts, 2, &sample) == 0);
        check_sample(ring, &sample, number);
}

static void read_whole(const struct seqcast_ring *ring, uint64_t number)
{
        struct seqcast_ring_reader reader = { 0 };
        struct ends ends = ends_of(ring, number);
        unsigned char record[WHOLE_BYTES_MAX];
        seqcast_sample sample;

        FUZZ_CHECK(seqcast_ring_read_newest(ring, &reader, record, (size_t)ring->record_bytes, &sample) == 0);
        check_sample(ring, &sample, number);
        FUZZ_CHECK(memcmp(record, &ends.first, ends.bytes) == 0);
        FUZZ_CHECK(memcmp(record + ends.last_offset, &ends.last, ends.bytes) == 0);
}

/* The last slot and the first one: what lies between them is inside if they are. */
static void use_ring(const struct segment_input *input)
{
        unsigned char *base = place(input);
        const struct seqcast_ring ring = seqcast__layout_ring(&input->header, base);
        const uint64_t depth = ring.depth_mask + 1;
        struct seqcast_ring_reader fresh = { 0 };
        size_t unchanging =
                input->count < input->header.control_offset ? input->count : input->header.control_offset;

        wipe(base + input->header.control_offset, SEQCAST__CONTROL_WORDS * SEQCAST_WORD_BYTES);
        for (uint64_t number = 2 * depth - 1; number <= 2 * depth; number++) {
                wipe_slot(&ring, number);
                publish(&ring, number);
                read_ends(&ring, fresh, number);
                if (ring.record_bytes <= WHOLE_BYTES_MAX)
                        read_whole(&ring, number);
        }
        seqcast_ring_retire(&ring);
        read_ends(&ring, (struct seqcast_ring_reader){ 0 }, 2 * depth);
        FUZZ_CHECK(memcmp(base, input->bytes, unchanging) == 0);
        for (uint64_t number = 2 * depth - 1; number <= 2 * depth + 1; number++)
                wipe_slot(&ring, number);
        take_away(input, base);
}

/* ---- judging -------------------------------------------------------------------------------- */

/* Byte `offset` of the object. */
static char byte_at(const struct segment_input *input, uint64_t offset)
{
        return offset < input->count ? (char)input->bytes[offset] : '\0';
}

static bool accept_schema(const struct segment_input *input)
{
        const struct seqcast__segment_header *header = &input->header;
        seqcast_schema *schema = NULL;
        char *text = malloc(header->schema_bytes + 1u);
        bool accepted;
        int r;

        if (text == NULL)
                abort();
        for (uint32_t i = 0; i < header->schema_bytes; i++)
                text[i] = byte_at(input, (uint64_t)header->schema_offset + i);
        text[header->schema_bytes] = '\0';
        r = seqcast_schema_parse(text, &schema, NULL);
        free(text);
        FUZZ_CHECK(r == 0 || r == -EINVAL);
        FUZZ_CHECK((r == 0) == (schema != NULL));
        accepted = r == 0 && schema->record_bytes <= header->record_bytes;
        seqcast_schema_free(schema);
        return accepted;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct segment_input input;
        seqcast_detail why = { "" };
        bool accepted;
        int r;

        if (!segment_input_take(data, size, &input)) {
                fuzz_count(false);
                return 0;
        }
        r = seqcast__layout_check(&input.header, input.file_bytes, &why);
        FUZZ_CHECK(r == 0 || r == -EAGAIN || r == -EPROTO || r == -EPROTONOSUPPORT);
        FUZZ_CHECK((r == 0) == (why.text[0] == '\0'));
        accepted = r == 0;
        if (accepted) {
                FUZZ_CHECK(segment_lies_inside(&input.header, input.file_bytes));
                accepted = input.header.schema_bytes == 0 || accept_schema(&input);
        }
        if (accepted && input.file_bytes <= ARENA_BYTES)
                use_ring(&input);
        fuzz_count(accepted);
        return 0;
}
