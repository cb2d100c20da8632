/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include "layout/segment_layout.h"

#include <errno.h>
#include <inttypes.h>

#include "error.h"

#define DEPTH_DEFAULT 4u
#define DEPTH_DEFAULT_LARGE 2u
#define LARGE_RECORD_BYTES (UINT64_C(16) << 20)
#define PAIR_OF_LINES_BYTES 128u /* slots of records beyond this many lines start on such a pair */
#define PAIRED_RECORD_BYTES 1024u
#define RECORD_ALIGN_DEFAULT 16u

/* Offsets are ABI: yesterday's subscriber maps what today's publisher wrote. */
#define PIN(field, offset)                                                                                   \
        _Static_assert(offsetof(struct seqcast__segment_header, field) == (offset), #field " moved")
PIN(magic, 0);
PIN(byte_order, 8);
PIN(format_version, 12);
PIN(min_reader_version, 14);
PIN(features_required, 16);
PIN(features_optional, 24);
PIN(header_bytes, 32);
PIN(schema_offset, 36);
PIN(schema_bytes, 40);
PIN(depth, 44);
PIN(segment_bytes, 48);
PIN(control_offset, 56);
PIN(slots_offset, 64);
PIN(slot_stride, 72);
PIN(payload_offset, 80);
PIN(record_bytes, 88);
PIN(incarnation, 96);
PIN(created_ns, 104);
PIN(creator_uid, 112);
PIN(record_align, 116);
PIN(creator_pid, 120);
PIN(creator, 128);
PIN(boot_id, 160);
PIN(time_clock, 176);
PIN(reserved, 180);
_Static_assert(sizeof(struct seqcast__segment_header) == SEQCAST__SCHEMA_OFFSET, "header grew");

static uint64_t round_up(uint64_t value, uint64_t multiple)
{
        return (value + multiple - 1) / multiple * multiple;
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define OTHER_ENDIAN "little-endian"
#else
#define OTHER_ENDIAN "big-endian"
#endif

static bool is_power_of_two(uint64_t value)
{
        return value != 0 && (value & (value - 1)) == 0;
}

int seqcast__layout_plan(const struct seqcast__layout_wish *wish, seqcast_detail *ret_detail,
                         struct seqcast__segment_header *ret_header)
{
        uint64_t align =
                wish->record_align < RECORD_ALIGN_DEFAULT ? RECORD_ALIGN_DEFAULT : wish->record_align;
        uint64_t head = wish->times ? SEQCAST_SLOT_HEAD_TIME_BYTES : SEQCAST_SLOT_HEAD_BYTES;
        uint64_t slot_align =
                wish->record_bytes > PAIRED_RECORD_BYTES ? PAIR_OF_LINES_BYTES : SEQCAST_LINE_BYTES;
        uint32_t depth = wish->depth;
        struct seqcast__segment_header header = { 0 };

        if (wish->record_bytes == 0 || wish->record_bytes > SEQCAST_RECORD_BYTES_MAX)
                return seqcast__fail(ret_detail, -EINVAL,
                                     "record of %" PRIu64 " bytes: 1 to 2^40 are possible",
                                     wish->record_bytes);
        if (!is_power_of_two(align) || align > SEQCAST_ALIGN_MAX)
                return seqcast__fail(ret_detail, -EINVAL,
                                     "record alignment %" PRIu64 ": powers of two up to %d are possible",
                                     align, SEQCAST_ALIGN_MAX);
        if (depth == 0)
                depth = wish->record_bytes > LARGE_RECORD_BYTES ? DEPTH_DEFAULT_LARGE : DEPTH_DEFAULT;
        if (!is_power_of_two(depth) || depth > SEQCAST_DEPTH_MAX)
                return seqcast__fail(ret_detail, -EINVAL,
                                     "depth %" PRIu32 ": powers of two up to %u are possible", depth,
                                     SEQCAST_DEPTH_MAX);
        header.magic = SEQCAST__MAGIC;
        header.byte_order = SEQCAST__BYTE_ORDER;
        header.format_version = SEQCAST__FORMAT_VERSION;
        header.min_reader_version = SEQCAST__FORMAT_VERSION;
        header.features_optional = wish->sparse ? SEQCAST__FEATURE_SPARSE : 0;
        header.schema_offset = SEQCAST__SCHEMA_OFFSET;
        header.schema_bytes = wish->schema_bytes;
        header.header_bytes =
                (uint32_t)round_up(SEQCAST__SCHEMA_OFFSET + wish->schema_bytes + 1u, SEQCAST__PAGE_BYTES);
        header.depth = depth;
        header.record_bytes = wish->record_bytes;
        header.record_align = (uint32_t)align;
        header.time_clock = wish->times ? SEQCAST__CLOCK_BOOTTIME : 0;
        header.payload_offset = round_up(seqcast__ring_payload_offset(head, wish->record_bytes), align);
        header.slot_stride = round_up(header.payload_offset + wish->record_bytes, slot_align);
        header.control_offset = header.header_bytes;
        header.slots_offset = header.control_offset + SEQCAST__CONTROL_WORDS * SEQCAST_WORD_BYTES;
        header.segment_bytes =
                round_up(header.slots_offset + depth * header.slot_stride, SEQCAST__PAGE_BYTES);
        *ret_header = header;
        return 0;
}

static int check_geometry(const struct seqcast__segment_header *header, seqcast_detail *ret_detail)
{
        uint64_t head = header->time_clock != 0 ? SEQCAST_SLOT_HEAD_TIME_BYTES : SEQCAST_SLOT_HEAD_BYTES;
        uint64_t control_end, slots_bytes, slots_end;
        const char *wrong = NULL;

        /* Bounds first: with them, none of the sums below can overflow but those that are checked. */
        if (!is_power_of_two(header->depth) || header->depth > SEQCAST_DEPTH_MAX)
                wrong = "depth";
        else if (header->record_bytes == 0 || header->record_bytes > SEQCAST_RECORD_BYTES_MAX)
                wrong = "record_bytes";
        else if (header->payload_offset < head || header->payload_offset > 2 * PAIR_OF_LINES_BYTES ||
                 header->payload_offset % 16 != 0)
                wrong = "payload_offset";
        else if (header->slot_stride % SEQCAST_LINE_BYTES != 0 ||
                 header->slot_stride <
                         header->payload_offset + round_up(header->record_bytes, SEQCAST_WORD_BYTES))
                wrong = "slot_stride";
        else if (header->header_bytes < SEQCAST__SCHEMA_OFFSET)
                wrong = "header_bytes";
        else if (header->schema_bytes != 0 &&
                 (header->schema_bytes >= SEQCAST_SCHEMA_TEXT_MAX ||
                  header->schema_offset < SEQCAST__SCHEMA_OFFSET ||
                  header->schema_offset > header->header_bytes ||
                  header->schema_bytes >= header->header_bytes - header->schema_offset))
                wrong = "schema_bytes";
        if (wrong == NULL &&
            (header->control_offset < header->header_bytes ||
             header->control_offset % SEQCAST_LINE_BYTES != 0 ||
             __builtin_add_overflow(header->control_offset, SEQCAST__CONTROL_WORDS * SEQCAST_WORD_BYTES,
                                    &control_end)))
                wrong = "control_offset";
        if (wrong == NULL &&
            (header->slots_offset < control_end || header->slots_offset % SEQCAST_LINE_BYTES != 0 ||
             __builtin_mul_overflow(header->slot_stride, (uint64_t)header->depth, &slots_bytes) ||
             __builtin_add_overflow(header->slots_offset, slots_bytes, &slots_end) ||
             slots_end > header->segment_bytes))
                wrong = "slots_offset";
        if (wrong == NULL)
                return 0;
        return seqcast__fail(ret_detail, -EPROTO, "damaged header: %s is not possible", wrong);
}

int seqcast__layout_check(const struct seqcast__segment_header *header, uint64_t file_bytes,
                          seqcast_detail *ret_detail)
{
        const unsigned char *first = (const unsigned char *)header;

        if (file_bytes < sizeof *header)
                return seqcast__fail(ret_detail, -EPROTO,
                                     "not a segment of this library (%" PRIu64 " bytes are too few)",
                                     file_bytes);
        if (header->magic == 0)
                return seqcast__fail(ret_detail, -EAGAIN, "being initialised by its creator");
        if (header->magic == __builtin_bswap64(SEQCAST__MAGIC) ||
            (header->magic == SEQCAST__MAGIC && header->byte_order == __builtin_bswap32(SEQCAST__BYTE_ORDER)))
                return seqcast__fail(ret_detail, -EPROTONOSUPPORT,
                                     "written on a " OTHER_ENDIAN " machine; cannot be mapped here");
        if (header->magic != SEQCAST__MAGIC)
                return seqcast__fail(ret_detail, -EPROTO,
                                     "not a segment of this library (first bytes %02x %02x %02x %02x)",
                                     first[0], first[1], first[2], first[3]);
        if (header->byte_order != SEQCAST__BYTE_ORDER)
                return seqcast__fail(ret_detail, -EPROTO, "damaged header: byte order mark %08" PRIx32,
                                     header->byte_order);
        if (header->min_reader_version > SEQCAST__FORMAT_VERSION || header->format_version == 0)
                return seqcast__fail(
                        ret_detail, -EPROTONOSUPPORT,
                        "format version %u (readable from %u on), this library reads 1-%d (lib %s)",
                        header->format_version, header->min_reader_version, SEQCAST__FORMAT_VERSION,
                        seqcast_library_version_string());
        if (header->features_required != 0)
                return seqcast__fail(ret_detail, -EPROTONOSUPPORT,
                                     "needs features %#" PRIx64 " that this library (%s) does not know",
                                     header->features_required, seqcast_library_version_string());
        if (header->time_clock != 0 && header->time_clock != SEQCAST__CLOCK_BOOTTIME)
                return seqcast__fail(ret_detail, -EPROTONOSUPPORT, "times of unknown clock %" PRIu32,
                                     header->time_clock);
        if (header->segment_bytes != file_bytes)
                return seqcast__fail(ret_detail, -EPROTO,
                                     "%s: header says %" PRIu64 " bytes, object has %" PRIu64,
                                     file_bytes < header->segment_bytes ? "truncated" : "damaged header",
                                     header->segment_bytes, file_bytes);
        return check_geometry(header, ret_detail);
}

struct seqcast_ring seqcast__layout_ring(const struct seqcast__segment_header *header, void *base)
{
        return (struct seqcast_ring){
                .version = seqcast__layout_control(header, base) + SEQCAST__CONTROL_VERSION,
                .slots = (unsigned char *)base + header->slots_offset,
                .depth_mask = header->depth - 1,
                .stride = header->slot_stride,
                .payload_offset = header->payload_offset,
                .record_bytes = header->record_bytes,
                .times = header->time_clock != 0,
        };
}
