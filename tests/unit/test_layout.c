/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "layout/segment_layout.h"

#include "../support/record.h"

static struct seqcast__segment_header planned(struct seqcast__layout_wish wish)
{
        struct seqcast__segment_header header;
        seqcast_detail why = { "" };

        cr_assert(zero(int, seqcast__layout_plan(&wish, &why, &header)), "%s", why.text);
        return header;
}

/* ---- the bytes: what seqcast(5) says -------------------------------------------------------- */

/* By its bytes, not by its struct: a reader written from the manual page would do the same. */
static uint64_t number_at(const struct seqcast__segment_header *header, size_t offset, size_t bytes)
{
        uint64_t value = 0;

        for (size_t i = bytes; i-- > 0;)
                value = value << 8 | ((const unsigned char *)header)[offset + i];
        return value;
}

Test(layout, every_field_is_where_the_format_says)
{
        const struct seqcast__segment_header header = {
                .magic = SEQCAST__MAGIC,
                .byte_order = SEQCAST__BYTE_ORDER,
                .format_version = 0x0102,
                .min_reader_version = 0x0304,
                .features_required = 5,
                .features_optional = 6,
                .header_bytes = 7,
                .schema_offset = 8,
                .schema_bytes = 9,
                .depth = 10,
                .segment_bytes = 11,
                .control_offset = 12,
                .slots_offset = 13,
                .slot_stride = 14,
                .payload_offset = 15,
                .record_bytes = 16,
                .incarnation = 17,
                .created_ns = 18,
                .creator_uid = 19,
                .record_align = 20,
                .creator_pid = 21,
                .creator = "c",
                .boot_id = { 23 },
                .time_clock = 24,
        };

        cr_assert(eq(sz, sizeof header, 256));
        cr_assert(zero(int, memcmp(&header, "SEQCAST\x1a", 8)));
        cr_assert(zero(int, memcmp((const char *)&header + 8, "\x0d\x0c\x0b\x0a", 4)), "little-endian");
        cr_assert(eq(u64, number_at(&header, 12, 2), 0x0102));
        cr_assert(eq(u64, number_at(&header, 14, 2), 0x0304));
        cr_assert(eq(u64, number_at(&header, 16, 8), 5));
        cr_assert(eq(u64, number_at(&header, 24, 8), 6));
        cr_assert(eq(u64, number_at(&header, 32, 4), 7));
        cr_assert(eq(u64, number_at(&header, 36, 4), 8));
        cr_assert(eq(u64, number_at(&header, 40, 4), 9));
        cr_assert(eq(u64, number_at(&header, 44, 4), 10));
        cr_assert(eq(u64, number_at(&header, 48, 8), 11));
        cr_assert(eq(u64, number_at(&header, 56, 8), 12));
        cr_assert(eq(u64, number_at(&header, 64, 8), 13));
        cr_assert(eq(u64, number_at(&header, 72, 8), 14));
        cr_assert(eq(u64, number_at(&header, 80, 8), 15));
        cr_assert(eq(u64, number_at(&header, 88, 8), 16));
        cr_assert(eq(u64, number_at(&header, 96, 8), 17));
        cr_assert(eq(u64, number_at(&header, 104, 8), 18));
        cr_assert(eq(u64, number_at(&header, 112, 4), 19));
        cr_assert(eq(u64, number_at(&header, 116, 4), 20));
        cr_assert(eq(u64, number_at(&header, 120, 8), 21));
        cr_assert(eq(u64, number_at(&header, 128, 1), 'c'));
        cr_assert(eq(u64, number_at(&header, 160, 1), 23));
        cr_assert(eq(u64, number_at(&header, 176, 4), 24));
}

Test(layout, the_words_that_change_are_where_the_format_says)
{
        cr_assert(eq(int, SEQCAST__CONTROL_VERSION, 0));
        cr_assert(eq(int, SEQCAST__CONTROL_EPOCH, 16));
        cr_assert(eq(int, SEQCAST__CONTROL_PUBLISHER_STATE, 17));
        cr_assert(eq(int, SEQCAST__CONTROL_PUBLISHER_PID, 18));
        cr_assert(eq(int, SEQCAST__CONTROL_TIME_NAMESPACE, 19));
        cr_assert(eq(int, SEQCAST__CONTROL_PROGRAM, 20));
        cr_assert(eq(int, SEQCAST__CONTROL_WORDS, 32));
        cr_assert(eq(int, SEQCAST_SLOT_SEQ, 0));
        cr_assert(eq(int, SEQCAST_SLOT_LENGTH, 1));
        cr_assert(eq(int, SEQCAST_SLOT_TIME, 2));
}

/* ---- planning ------------------------------------------------------------------------------- */

__extension__ typedef unsigned __int128 uint128;

/* In 128 bits, so that this sum is right where the one it checks has wrapped round. */
static bool lies_inside(const struct seqcast__segment_header *header)
{
        const uint128 end = header->slots_offset + (uint128)header->slot_stride * header->depth;
        const uint128 control_end = (uint128)header->control_offset + 256;
        const uint128 payload_end = (uint128)header->payload_offset + (header->record_bytes + 7) / 8 * 8;

        return end <= header->segment_bytes && control_end <= header->slots_offset &&
               payload_end <= header->slot_stride && header->control_offset >= header->header_bytes &&
               header->control_offset % 64 == 0 && header->slots_offset % 64 == 0 &&
               header->slot_stride % 64 == 0 && header->payload_offset % 16 == 0 &&
               header->payload_offset >= (header->time_clock != 0 ? 24u : 16u) &&
               (header->schema_bytes == 0 ||
                (header->schema_offset >= 256 &&
                 (uint64_t)header->schema_offset + header->schema_bytes < header->header_bytes));
}

Test(layout, what_is_planned_passes_the_check)
{
        static const uint64_t lengths[] = { 1, 7, 8, 15, 48, 49, 100, 1024, 1025, 4096, 65536, 4000000000 };
        static const uint32_t aligns[] = { 0, 1, 8, 16, 32, 64 };
        static const uint32_t schemas[] = { 0, 1, 100, 3838, 3839, 3840, 3841, 65535 };

        for (uint32_t depth = 1; depth <= SEQCAST_DEPTH_MAX; depth *= 2) {
                for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
                        for (size_t j = 0; j < sizeof aligns / sizeof *aligns * 4; j++) {
                                struct seqcast__segment_header header = planned((struct seqcast__layout_wish){
                                        .record_bytes = lengths[i],
                                        .record_align = aligns[j / 4],
                                        .depth = depth,
                                        .schema_bytes = schemas[(i + j) % 8],
                                        .sparse = j % 2,
                                        .times = j / 2 % 2,
                                });
                                seqcast_detail why = { "" };

                                if (seqcast__layout_check(&header, header.segment_bytes, &why) != 0)
                                        cr_fatal("%s", why.text);
                                if (!lies_inside(&header))
                                        cr_fatal("record %lu, depth %u", (unsigned long)lengths[i], depth);
                                if (header.payload_offset % (aligns[j / 4] < 16 ? 16 : aligns[j / 4]) != 0)
                                        cr_fatal("alignment %u", aligns[j / 4]);
                        }
                }
        }
}

Test(layout, forty_eight_bytes_share_a_cache_line_with_their_sequence_word)
{
        struct seqcast__segment_header header = planned((struct seqcast__layout_wish){ .record_bytes = 48 });

        cr_assert(eq(u64, header.slot_stride, 64));
        cr_assert(eq(u64, header.payload_offset, 16));
}

Test(layout, payloads_begin_a_line_where_that_takes_no_more_lines_and_from_a_kilobyte_on)
{
        static const struct {
                uint64_t record_bytes, payload_offset, with_times;
        } rows[] = { { 1, 16, 32 },    { 32, 16, 32 },   { 33, 16, 64 },   { 48, 16, 64 },   { 49, 64, 64 },
                     { 64, 64, 64 },   { 65, 16, 32 },   { 96, 16, 32 },   { 97, 16, 64 },   { 112, 16, 64 },
                     { 113, 64, 64 },  { 1008, 16, 64 }, { 1009, 64, 64 }, { 1023, 64, 64 }, { 1024, 64, 64 },
                     { 1025, 64, 64 }, { 1100, 64, 64 } };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct seqcast__layout_wish wish = { .record_bytes = rows[i].record_bytes };

                cr_assert(eq(u64, planned(wish).payload_offset, rows[i].payload_offset), "%lu bytes",
                          (unsigned long)rows[i].record_bytes);
                wish.times = true;
                cr_assert(eq(u64, planned(wish).payload_offset, rows[i].with_times), "%lu bytes, times",
                          (unsigned long)rows[i].record_bytes);
        }
}

Test(layout, depth_is_4_by_default_and_2_for_large_records)
{
        cr_assert(eq(u32, planned((struct seqcast__layout_wish){ .record_bytes = 16u << 20 }).depth, 4));
        cr_assert(
                eq(u32, planned((struct seqcast__layout_wish){ .record_bytes = (16u << 20) + 1 }).depth, 2));
}

struct bad_wish {
        const char *why;
        struct seqcast__layout_wish wish;
};

Test(layout, what_is_not_possible_is_not_planned)
{
        static const struct bad_wish rows[] = {
                { "no record", { .record_bytes = 0 } },
                { "a record above 2^40", { .record_bytes = ((uint64_t)1 << 40) + 1 } },
                { "a record near 2^64", { .record_bytes = UINT64_MAX } },
                { "depth 3", { .record_bytes = 8, .depth = 3 } },
                { "depth 2^17", { .record_bytes = 8, .depth = 1u << 17 } },
                { "depth 2^31", { .record_bytes = 8, .depth = 1u << 31 } },
                { "alignment 24", { .record_bytes = 8, .record_align = 24 } },
                { "alignment 128", { .record_bytes = 8, .record_align = 128 } },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct seqcast__segment_header header = { .incarnation = 77 };
                seqcast_detail why = { "" };

                cr_expect(eq(int, seqcast__layout_plan(&rows[i].wish, &why, &header), -EINVAL), "%s",
                          rows[i].why);
                cr_expect(lt(sz, 0, strlen(why.text)), "%s: a reason is given", rows[i].why);
                cr_expect(eq(u64, header.incarnation, 77), "%s: the output is left alone", rows[i].why);
        }
}

/* ---- judging other people's headers --------------------------------------------------------- */

struct damage {
        const char *why;
        size_t offset, bytes;
        uint64_t value;
        int result;
};

#define SET(field, value, result)                                                                            \
        offsetof(struct seqcast__segment_header, field),                                                     \
                sizeof(((struct seqcast__segment_header *)0)->field), value, result

Test(layout, a_header_is_refused_for_each_way_of_being_wrong)
{
        static const struct damage rows[] = {
                { "not ready", SET(magic, 0, -EAGAIN) },
                { "another magic", SET(magic, SEQCAST__MAGIC + 1, -EPROTO) },
                { "the other byte order", SET(byte_order, 0x0d0c0b0a, -EPROTONOSUPPORT) },
                { "no byte order", SET(byte_order, 0, -EPROTO) },
                { "no format version", SET(format_version, 0, -EPROTONOSUPPORT) },
                { "a format from the future", SET(min_reader_version, 2, -EPROTONOSUPPORT) },
                { "a feature from the future", SET(features_required, 1, -EPROTONOSUPPORT) },
                { "the last feature of all", SET(features_required, (uint64_t)1 << 63, -EPROTONOSUPPORT) },
                { "an unknown clock", SET(time_clock, 1, -EPROTONOSUPPORT) },
                { "fewer bytes than the object", SET(segment_bytes, 4096, -EPROTO) },
                { "more bytes than the object", SET(segment_bytes, 1 << 20, -EPROTO) },
                { "bytes near 2^64", SET(segment_bytes, UINT64_MAX, -EPROTO) },
                { "no header", SET(header_bytes, 0, -EPROTO) },
                { "a short header", SET(header_bytes, 255, -EPROTO) },
                { "a header over the control words", SET(header_bytes, 4097, -EPROTO) },
                { "a header near 2^32", SET(header_bytes, UINT32_MAX, -EPROTO) },
                { "a schema in the header struct", SET(schema_offset, 255, -EPROTO) },
                { "a schema behind the header", SET(schema_offset, 4097, -EPROTO) },
                { "a schema that leaves no room for its NUL", SET(schema_bytes, 4096 - 256, -EPROTO) },
                { "a schema of 64 KiB", SET(schema_bytes, 65536, -EPROTO) },
                { "a schema near 2^32", SET(schema_bytes, UINT32_MAX, -EPROTO) },
                { "depth 0", SET(depth, 0, -EPROTO) },
                { "depth 3", SET(depth, 3, -EPROTO) },
                { "depth 8, in an object for fewer", SET(depth, 8, -EPROTO) },
                { "depth 2^17", SET(depth, 1 << 17, -EPROTO) },
                { "depth 2^31", SET(depth, (uint64_t)1 << 31, -EPROTO) },
                { "control words in the header", SET(control_offset, 4032, -EPROTO) },
                { "control words off a line", SET(control_offset, 4104, -EPROTO) },
                { "control words over the slots", SET(control_offset, 4160, -EPROTO) },
                { "control words that wrap round", SET(control_offset, UINT64_MAX - 63, -EPROTO) },
                { "slots over the control words", SET(slots_offset, 4288, -EPROTO) },
                { "slots off a line", SET(slots_offset, 4360, -EPROTO) },
                { "slots beyond the object", SET(slots_offset, 8192, -EPROTO) },
                { "slots that wrap round", SET(slots_offset, UINT64_MAX - 63, -EPROTO) },
                { "no stride", SET(slot_stride, 0, -EPROTO) },
                { "a stride off a line", SET(slot_stride, 136, -EPROTO) },
                { "a stride shorter than the record", SET(slot_stride, 64, -EPROTO) },
                { "slots that end beyond the object", SET(slot_stride, 4096, -EPROTO) },
                { "a product that wraps round to 0", SET(slot_stride, (uint64_t)1 << 62, -EPROTO) },
                { "a product that wraps round to little",
                  SET(slot_stride, ((uint64_t)1 << 62) + 128, -EPROTO) },
                { "a payload over the slot's head", SET(payload_offset, 0, -EPROTO) },
                { "a payload off 16 bytes", SET(payload_offset, 24, -EPROTO) },
                { "a payload beyond the slot", SET(payload_offset, 128, -EPROTO) },
                { "a payload that wraps round", SET(payload_offset, UINT64_MAX - 15, -EPROTO) },
                { "no record", SET(record_bytes, 0, -EPROTO) },
                { "a record longer than its slot", SET(record_bytes, 113, -EPROTO) },
                { "a record above 2^40", SET(record_bytes, ((uint64_t)1 << 40) + 1, -EPROTO) },
                { "a record that wraps round", SET(record_bytes, UINT64_MAX, -EPROTO) },
                { "a record that wraps round when rounded up", SET(record_bytes, UINT64_MAX - 7, -EPROTO) },
                { "an optional feature from the future", SET(features_optional, UINT64_MAX, 0) },
                { "a later format that this library can read", SET(format_version, 9, 0) },
                { "any incarnation", SET(incarnation, 0, 0) },
        };
        const struct seqcast__segment_header good =
                planned((struct seqcast__layout_wish){ .record_bytes = 100, .depth = 4, .schema_bytes = 50 });

        cr_assert(eq(u64, good.segment_bytes, 8192));
        cr_assert(eq(u64, good.control_offset, 4096));
        cr_assert(eq(u64, good.slots_offset, 4352));
        cr_assert(eq(u64, good.slot_stride, 128));
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct seqcast__segment_header header = good;
                seqcast_detail why = { "" };

                if (rows[i].offset == offsetof(struct seqcast__segment_header, depth) && rows[i].value == 8)
                        header.slot_stride = 1024; /* four fit, eight do not */
                memcpy((char *)&header + rows[i].offset, &rows[i].value, rows[i].bytes);
                cr_expect(eq(int, seqcast__layout_check(&header, good.segment_bytes, &why), rows[i].result),
                          "%s", rows[i].why);
                cr_expect(eq(int, why.text[0] == '\0', rows[i].result == 0), "%s: a reason is given",
                          rows[i].why);
                cr_expect(eq(int, seqcast__layout_check(&header, good.segment_bytes, NULL), rows[i].result));
        }
}

Test(layout, an_object_too_small_for_a_header_is_not_a_segment)
{
        const struct seqcast__segment_header good =
                planned((struct seqcast__layout_wish){ .record_bytes = 8 });

        for (uint64_t bytes = 0; bytes < 256; bytes++)
                cr_assert(eq(int, seqcast__layout_check(&good, bytes, NULL), -EPROTO));
        for (uint64_t bytes = 256; bytes < 3 * good.segment_bytes; bytes++)
                cr_assert(eq(int, seqcast__layout_check(&good, bytes, NULL),
                             bytes == good.segment_bytes ? 0 : -EPROTO));
}

/* Some of the fields set to some of these: most headers are refused, and what passes lies inside. */
Test(layout, whatever_passes_the_check_lies_inside_the_object, .timeout = 60)
{
        static const uint64_t values[] = { 0,
                                           1,
                                           7,
                                           8,
                                           15,
                                           16,
                                           24,
                                           32,
                                           63,
                                           64,
                                           128,
                                           200,
                                           256,
                                           4096,
                                           4352,
                                           8192,
                                           1u << 16,
                                           1u << 31,
                                           UINT32_MAX,
                                           (uint64_t)1 << 32,
                                           (uint64_t)1 << 40,
                                           (uint64_t)1 << 58,
                                           (uint64_t)1 << 62,
                                           INT64_MAX,
                                           UINT64_MAX - 63,
                                           UINT64_MAX - 7,
                                           UINT64_MAX };
        uint64_t seed = 11, accepted = 0;

        for (int turn = 0; turn < 2000000; turn++) {
                struct seqcast__segment_header header = planned((struct seqcast__layout_wish){
                        .record_bytes = 1 + random_below(&seed, 3000),
                        .depth = 1u << random_below(&seed, 5),
                        .schema_bytes = (uint32_t)random_below(&seed, 100),
                        .times = turn % 2,
                });
                const uint64_t file_bytes = header.segment_bytes;

                for (uint64_t i = random_below(&seed, 4); i > 0; i--) {
                        /* header_bytes to record_bytes, in words */
                        uint64_t word = 4 + random_below(&seed, 8), value;

                        value = values[random_below(&seed, sizeof values / sizeof *values)];
                        value += random_below(&seed, 3) == 0 ? random_below(&seed, 200) : 0;
                        memcpy((char *)&header + 8 * word, &value, 8);
                }
                if (seqcast__layout_check(&header, file_bytes, NULL) != 0)
                        continue;
                accepted++;
                if (!lies_inside(&header))
                        cr_fatal("turn %d: accepted, and outside", turn);
        }
        cr_assert(lt(u64, 100000, accepted), "a run that accepts nothing proves nothing");
}

Test(layout, the_ring_is_where_the_header_says)
{
        static _Alignas(64) unsigned char base[16384];
        const struct seqcast__segment_header header =
                planned((struct seqcast__layout_wish){ .record_bytes = 100, .depth = 4, .times = true });
        struct seqcast_ring ring = seqcast__layout_ring(&header, base);

        cr_assert(eq(ptr, (unsigned char *)(uintptr_t)ring.version, base + header.control_offset));
        cr_assert(eq(ptr, ring.slots, base + header.slots_offset));
        cr_assert(eq(u64, ring.depth_mask, 3));
        cr_assert(eq(u64, ring.stride, header.slot_stride));
        cr_assert(eq(u64, ring.payload_offset, header.payload_offset));
        cr_assert(eq(u64, ring.record_bytes, 100));
        cr_assert(ring.times);
}
