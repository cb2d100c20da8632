/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A stream of records, JSON lines, CSV or raw, as updates. Knows nothing of publishing. */

#ifndef SEQCAST_TOOLS_SOURCE_H
#define SEQCAST_TOOLS_SOURCE_H

#include "common/csv.h"
#include "common/input.h"
#include "common/json_input.h"
#include "common/update.h"

enum source_format { SOURCE_JSON, SOURCE_CSV, SOURCE_RAW };

struct source_options {
        enum source_format format;
        char separator; /* CSV */
        bool header;    /* CSV: the first row names the fields */
        struct value_syntax syntax;
};

/** An entry of a CSV row: a field, one element of an array, or nothing that concerns us. */
struct source_column {
        char *label;
        struct named_field named;
        bool ignored;
};

struct source {
        struct source_options options;
        const seqcast_schema *schema; /* NULL: opaque, raw only */
        uint64_t record_bytes;
        struct input input;
        uint64_t records; /* met so far, good or bad */
        struct json_input json;
        struct text line;
        struct csv_row row;
        struct source_column *columns;
        size_t column_count;
        bool columns_known;
};

enum source_state {
        SOURCE_RECORD,
        SOURCE_LATER, /* not before the deadline */
        SOURCE_END,
        SOURCE_STOP,  /* SIGINT, SIGTERM */
        SOURCE_BAD,   /* this record is no good (E_DATA); the next one may be */
        SOURCE_FAILED /* no way on */
};

bool source_open(struct source *source, const struct source_options *options, const char *path,
                 const seqcast_schema *schema, uint64_t record_bytes, struct failure *failure);
void source_close(struct source *source);

/** The next record replaces what is in `update`, unless the answer is another than SOURCE_RECORD
 * and SOURCE_BAD. */
enum source_state source_next(struct source *source, int64_t deadline, struct update *update,
                              struct failure *failure);

#endif
