/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Inputs that are the beginning of a segment: 8 bytes that say how large the object is, then the bytes it
 * begins with; the rest of it is zeros. Made from headers that seqcast__layout_plan() makes, then broken
 * in one to a few fields. Also what a header that was accepted must keep to, worked out on its own. */

#ifndef SEQCAST_TESTS_FUZZ_SEGMENT_INPUT_H
#define SEQCAST_TESTS_FUZZ_SEGMENT_INPUT_H

#include <string.h>

#include "fuzz/driver/fuzz.h"
#include "layout/segment_layout.h"
#include "support/record.h"

#define SEGMENT_INPUT_HEAD 8u /* bytes, before those of the object */
#define SEGMENT_INPUT_LONGEST 2048u

struct segment_input {
        uint64_t file_bytes;
        struct seqcast__segment_header header; /* zeros behind what the object has */
        const uint8_t *bytes;                  /* of the object */
        size_t count;
};

static inline bool segment_input_take(const uint8_t *data, size_t size, struct segment_input *ret_input)
{
        struct segment_input input = { 0 };

        if (size < SEGMENT_INPUT_HEAD)
                return false;
        memcpy(&input.file_bytes, data, sizeof input.file_bytes);
        input.bytes = data + SEGMENT_INPUT_HEAD;
        input.count = size - SEGMENT_INPUT_HEAD;
        if (input.count > input.file_bytes)
                input.count = (size_t)input.file_bytes;
        if (input.count != 0)
                memcpy(&input.header, input.bytes,
                       input.count < sizeof input.header ? input.count : sizeof input.header);
        *ret_input = input;
        return true;
}

__extension__ typedef unsigned __int128 segment_sum;

/** Is everything that a reader of this header goes by inside the object, in order, and aligned? In 128 bits:
 *  no sum of these numbers wraps round. */
static inline bool segment_lies_inside(const struct seqcast__segment_header *header, uint64_t file_bytes)
{
        const segment_sum schema_end = (segment_sum)header->schema_offset + header->schema_bytes + 1;
        const segment_sum control_end = (segment_sum)header->control_offset + 256;
        const segment_sum slots_end = (segment_sum)header->slot_stride * header->depth + header->slots_offset;
        const segment_sum record_end =
                ((segment_sum)header->record_bytes + 7) / 8 * 8 + header->payload_offset;
        const unsigned head_bytes = header->time_clock != 0 ? 24 : 16;

        return header->header_bytes >= 256 && header->control_offset >= header->header_bytes &&
               header->slots_offset >= control_end && slots_end <= file_bytes &&
               record_end <= header->slot_stride && header->payload_offset >= head_bytes &&
               header->record_bytes > 0 && header->depth > 0 && (header->depth & (header->depth - 1)) == 0 &&
               header->control_offset % 64 == 0 && header->slots_offset % 64 == 0 &&
               header->slot_stride % 64 == 0 && header->payload_offset % 16 == 0 &&
               (header->schema_bytes == 0 ||
                (header->schema_offset >= 256 && schema_end <= header->header_bytes));
}

/* ---- making them ---------------------------------------------------------------------------- */

static inline size_t segment_input_put(uint8_t *data, uint64_t file_bytes,
                                       const struct seqcast__segment_header *header, const char *schema)
{
        size_t schema_bytes = strlen(schema);

        memcpy(data, &file_bytes, SEGMENT_INPUT_HEAD);
        memcpy(data + SEGMENT_INPUT_HEAD, header, sizeof *header);
        memcpy(data + SEGMENT_INPUT_HEAD + sizeof *header, schema, schema_bytes + 1);
        return SEGMENT_INPUT_HEAD + sizeof *header + schema_bytes + 1;
}

static inline size_t segment_input_new(uint64_t *state, uint8_t *data)
{
        static const char *const schemas[] = {
                "",
                "",
                "a:u8@0;size=1,align=1",
                "bid:i64@0,ask:i64@8,sym:char[12]@16;size=32,align=8,type=quote",
                "t:i64@0/time,w:f32[4]@8/unit(\"V\");size=24,align=8",
                "a:u8,b:u64,c.d:f64[3],e[0]:bool"
        };
        const char *schema = schemas[random_below(state, sizeof schemas / sizeof *schemas)];
        struct seqcast__segment_header header;
        struct seqcast__layout_wish wish = {
                .record_bytes = 1 + random_below(state, random_below(state, 4) == 0 ? 70000 : 200),
                .record_align = 1u << random_below(state, 7),
                .depth = 1u << random_below(state, random_below(state, 8) == 0 ? 17 : 5),
                .schema_bytes = (uint32_t)strlen(schema),
                .sparse = random_below(state, 4) == 0,
                .times = random_below(state, 2) == 0,
        };

        if (random_below(state, 32) == 0)
                wish.record_bytes = UINT64_C(1) << random_below(state, 41);
        if (schema[0] != '\0' && wish.record_bytes < 64 && random_below(state, 8) != 0)
                wish.record_bytes = 64;
        if (seqcast__layout_plan(&wish, NULL, &header) != 0)
                return 0;
        header.incarnation = random_next(state);
        memcpy(header.creator, "fuzz", 5);
        return segment_input_put(data, header.segment_bytes, &header, schema);
}

/* ---- breaking them -------------------------------------------------------------------------- */

struct segment_field {
        size_t offset, bytes;
};

#define SEGMENT_FIELD(name)                                                                                  \
        {                                                                                                    \
                offsetof(struct seqcast__segment_header, name),                                              \
                        sizeof(((struct seqcast__segment_header *)0)->name)                                  \
        }

/* Those that a reader goes by come often, those that it compares with a constant seldom. */
static inline const struct segment_field *segment_random_field(uint64_t *state)
{
        static const struct segment_field geometry[] = {
                SEGMENT_FIELD(header_bytes), SEGMENT_FIELD(schema_offset), SEGMENT_FIELD(schema_bytes),
                SEGMENT_FIELD(depth),        SEGMENT_FIELD(segment_bytes), SEGMENT_FIELD(control_offset),
                SEGMENT_FIELD(slots_offset), SEGMENT_FIELD(slot_stride),   SEGMENT_FIELD(payload_offset),
                SEGMENT_FIELD(record_bytes),
        };
        static const struct segment_field marks[] = {
                SEGMENT_FIELD(magic),
                SEGMENT_FIELD(byte_order),
                SEGMENT_FIELD(format_version),
                SEGMENT_FIELD(min_reader_version),
                SEGMENT_FIELD(features_required),
                SEGMENT_FIELD(features_optional),
                SEGMENT_FIELD(time_clock),
                SEGMENT_FIELD(record_align),
                SEGMENT_FIELD(creator),
        };

        if (random_below(state, 8) == 0)
                return &marks[random_below(state, sizeof marks / sizeof *marks)];
        return &geometry[random_below(state, sizeof geometry / sizeof *geometry)];
}

static inline uint64_t segment_field_get(const struct seqcast__segment_header *header,
                                         const struct segment_field *field)
{
        uint64_t value = 0;

        memcpy(&value, (const char *)header + field->offset, field->bytes < 8 ? field->bytes : 8);
        return value;
}

static inline void segment_field_set(struct seqcast__segment_header *header,
                                     const struct segment_field *field, uint64_t value)
{
        memcpy((char *)header + field->offset, &value, field->bytes < 8 ? field->bytes : 8);
}

/* Powers of two and what lies around them, counted from 0 and from the top. */
static inline uint64_t segment_boundary_value(uint64_t *state)
{
        static const uint64_t around[] = { 0, 0, 0, 1, 7, 8, 15, 16, 63, 64, 128 };
        uint64_t value = random_below(state, 3) == 0 ? 0 : UINT64_C(1) << random_below(state, 64);
        uint64_t step = around[random_below(state, sizeof around / sizeof *around)];

        return random_below(state, 2) == 0 ? value + step : value - step;
}

/* Slots whose product wraps round, in 64 bits, to what it was. */
static inline void segment_wrap_slots(uint64_t *state, struct seqcast__segment_header *header)
{
        unsigned shift = 0;

        while (shift < 31 && header->depth >> shift > 1)
                shift++;
        if (shift > 0)
                header->slot_stride += (random_below(state, 3) + 1) << (64 - shift);
}

/* Another depth or stride, and an object that is as large as that takes. */
static inline void segment_grow(uint64_t *state, struct seqcast__segment_header *header, uint64_t *file_bytes)
{
        if (random_below(state, 2) == 0)
                header->depth = 1u << random_below(state, 17);
        else
                header->slot_stride += 64 * random_below(state, 100);
        header->segment_bytes = header->slots_offset + header->depth * header->slot_stride;
        *file_bytes = header->segment_bytes;
}

static inline void segment_break_field(uint64_t *state, struct seqcast__segment_header *header)
{
        const struct segment_field *field = segment_random_field(state);
        uint64_t value = segment_field_get(header, field);

        switch (random_below(state, 4)) {
        case 0:
                value = segment_boundary_value(state);
                break;
        case 1:
                value += (random_below(state, 2) == 0 ? 1 : 64) * (random_below(state, 9) - 4);
                break;
        case 2:
                value = segment_field_get(header, segment_random_field(state));
                break;
        default: /* of little account where it is rounded or where there is room */
                value += 64 * random_below(state, 4);
                break;
        }
        segment_field_set(header, field, value);
}

/** The structure-aware mutator of both targets whose inputs are segments. */
static inline size_t segment_input_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
        uint64_t state = seed + UINT64_C(0x9e3779b97f4a7c15), file_bytes;
        struct seqcast__segment_header header;
        size_t text = SEGMENT_INPUT_HEAD + sizeof header;

        if (max_size < SEGMENT_INPUT_LONGEST)
                return size;
        random_next(&state);
        if (size < text || random_below(&state, 4) == 0) {
                size = segment_input_new(&state, data);
                if (size == 0 || random_below(&state, 4) == 0)
                        return size;
        }
        memcpy(&file_bytes, data, sizeof file_bytes);
        memcpy(&header, data + SEGMENT_INPUT_HEAD, sizeof header);
        switch (random_below(&state, 8)) {
        case 0:
                segment_wrap_slots(&state, &header);
                break;
        case 1:
                segment_grow(&state, &header, &file_bytes);
                break;
        case 2:
                file_bytes += random_below(&state, 2) == 0 ? 4096 : segment_boundary_value(&state);
                if (random_below(&state, 2) == 0)
                        header.segment_bytes = file_bytes;
                break;
        case 3: /* the schema's text; its length keeps up, or not */
                if (size > text)
                        size = text + LLVMFuzzerMutate(data + text, size - text, 1024);
                if (random_below(&state, 2) == 0)
                        header.schema_bytes = (uint32_t)(size - text);
                break;
        default:
                for (uint64_t i = random_below(&state, 3) + 1; i > 0; i--)
                        segment_break_field(&state, &header);
                break;
        }
        memcpy(data, &file_bytes, sizeof file_bytes);
        memcpy(data + SEGMENT_INPUT_HEAD, &header, sizeof header);
        return size;
}

#endif
