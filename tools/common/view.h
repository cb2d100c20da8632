/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What a tool looks at of a topic's records: chosen fields, read together from one publication at
 * the cost of these fields, or the whole record as bytes. Knows nothing of formats. */

#ifndef SEQCAST_TOOLS_VIEW_H
#define SEQCAST_TOOLS_VIEW_H

#include <stdbool.h>

#include "common/failure.h"
#include "common/value.h"
#include "seqcast.h"

struct view_column {
        struct named_field named;
        size_t position; /* in `buffer` */
        bool shown;      /* or only compared */
};

struct view {
        seqcast_subscriber *subscriber;
        const seqcast_schema *schema; /* NULL: opaque */
        uint64_t record_bytes;        /* the longest */
        struct view_column *columns;
        size_t column_count;
        bool whole; /* the record as bytes is wanted, too */
        seqcast_read_part parts[SEQCAST_PARTS_MAX];
        size_t part_count;
        unsigned char *buffer;
        size_t buffer_bytes;
        unsigned char *record; /* a whole one: where that was asked for, or where one was shorter */
        bool delivered_whole;  /* the last record delivered is in `record` */
        seqcast_sample sample; /* of the last record delivered */
};

/** A view of nothing yet. The subscriber stays the caller's. */
void view_open(struct view *view, seqcast_subscriber *subscriber);
void view_close(struct view *view);

/** Look at a field, by a name that must stay. @return its index in `columns`, or -1 (E_USAGE) */
int view_add(struct view *view, const char *label, bool shown, struct failure *failure);
void view_add_all(struct view *view);

/** Call once, after the last field was added. */
void view_prepare(struct view *view);

/** Read the newest record, or the next in order. @return what the library says */
int view_read_newest(struct view *view);
int view_read_next(struct view *view);

/** The bytes of a column in the record read last; NULL if that record is too short to have it. */
const unsigned char *view_bytes(const struct view *view, size_t column);

#endif
