/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The bytes of a segment: a contract with every process that was or will be built, documented for
 * people who do not link this library in seqcast(5). Knows nothing of files, locks or processes.
 *
 *   0                header: written once, then never changed; the magic last
 *   256              schema text, NUL-terminated
 *   control_offset   the words that change: version on its own lines, then what the publisher says
 *   slots_offset     depth slots of slot_stride bytes (seqcast/ring.h) */

#ifndef SEQCAST_SRC_LAYOUT_SEGMENT_LAYOUT_H
#define SEQCAST_SRC_LAYOUT_SEGMENT_LAYOUT_H

#include "seqcast.h"
#include "seqcast/ring.h"

#define SEQCAST__MAGIC UINT64_C(0x1a54534143514553) /* "SEQCAST\x1a" */
#define SEQCAST__BYTE_ORDER UINT32_C(0x0a0b0c0d)
#define SEQCAST__FORMAT_VERSION 1
#define SEQCAST__FEATURE_SPARSE (UINT64_C(1) << 0) /* features_optional */
#define SEQCAST__CLOCK_BOOTTIME 7u                 /* Linux's number for that clock */
#define SEQCAST__SCHEMA_OFFSET 256u
#define SEQCAST__PAGE_BYTES UINT64_C(4096) /* of the format; the machine's pages may be larger */

/** All integers little-endian. Readers take a private copy of this and judge and use only the copy. */
struct seqcast__segment_header {
        uint64_t magic;
        uint32_t byte_order;
        uint16_t format_version;
        uint16_t min_reader_version; /* a reader that knows this format version can read the segment */
        uint64_t features_required;  /* a reader that does not know one of these bits must refuse */
        uint64_t features_optional;  /* ... may ignore these */
        uint32_t header_bytes;       /* what never changes: this struct and the schema */
        uint32_t schema_offset;
        uint32_t schema_bytes; /* without the NUL; 0: opaque record */
        uint32_t depth;
        uint64_t segment_bytes;
        uint64_t control_offset;
        uint64_t slots_offset;
        uint64_t slot_stride;
        uint64_t payload_offset; /* from the start of a slot */
        uint64_t record_bytes;   /* longest record */
        uint64_t incarnation;
        int64_t created_ns; /* CLOCK_REALTIME */
        uint32_t creator_uid;
        uint32_t record_align;
        uint64_t creator_pid;
        char creator[32];
        uint8_t boot_id[16];
        uint32_t time_clock; /* 0: publications bear no time; 7: CLOCK_BOOTTIME, ns */
        uint8_t reserved[76];
};

/* Word indices from control_offset on. version is alone on two cache lines: adjacent-line prefetchers
 * fetch in pairs. */
enum seqcast__control {
        SEQCAST__CONTROL_VERSION = 0,
        SEQCAST__CONTROL_EPOCH = 16,
        SEQCAST__CONTROL_PUBLISHER_STATE = 17, /* enum seqcast__publisher_state */
        SEQCAST__CONTROL_PUBLISHER_PID = 18,
        SEQCAST__CONTROL_TIME_NAMESPACE = 19, /* inode number of the publisher's; 0: unknown */
        SEQCAST__CONTROL_PROGRAM = 20,        /* 4 words of text */
        SEQCAST__CONTROL_WAKING = 24,         /* epoch: its publisher wakes those who sleep on version */
        SEQCAST__CONTROL_TOUCHING = 25,       /* epoch: it touches the object, for those who watch it */
        SEQCAST__CONTROL_WORDS = 32
};

enum seqcast__publisher_state {
        SEQCAST__PUBLISHER_NEVER = 0,
        SEQCAST__PUBLISHER_OPEN = 1, /* and alive, if it holds the lock */
        SEQCAST__PUBLISHER_LEFT = 2
};

/** What a creator wants. */
struct seqcast__layout_wish {
        uint64_t record_bytes;
        uint32_t record_align; /* 0: 16 */
        uint32_t depth;        /* 0: the default */
        uint32_t schema_bytes;
        bool sparse;
        bool times;
};

/** Work out where everything goes. Sets the geometry and the marks, not who and when.
 *  @return 0; -EINVAL */
int seqcast__layout_plan(const struct seqcast__layout_wish *wish, seqcast_detail *ret_detail,
                         struct seqcast__segment_header *ret_header);

/**
 * Judge a private copy of a header that may be anybody's bytes, taken from an object of `file_bytes`
 * bytes. After 0, every offset and size
 * in it that a mapping is used by is in bounds and aligned.
 * @return 0; -EAGAIN not ready yet; -EPROTO; -EPROTONOSUPPORT
 */
int seqcast__layout_check(const struct seqcast__segment_header *header, uint64_t file_bytes,
                          seqcast_detail *ret_detail);

/** The ring in a mapping of a segment whose header has been checked. */
struct seqcast_ring seqcast__layout_ring(const struct seqcast__segment_header *header, void *base);

static inline seqcast_word *seqcast__layout_control(const struct seqcast__segment_header *header, void *base)
{
        return (seqcast_word *)(void *)((unsigned char *)base + header->control_offset);
}

static inline bool seqcast__layout_is_sparse(const struct seqcast__segment_header *header)
{
        return (header->features_optional & SEQCAST__FEATURE_SPARSE) != 0;
}

#endif
