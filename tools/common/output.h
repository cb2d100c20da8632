/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Records onto standard output in the chosen format: which fields, which header, when to flush. */

#ifndef SEQCAST_TOOLS_OUTPUT_H
#define SEQCAST_TOOLS_OUTPUT_H

#include <stdbool.h>

#include "common/failure.h"
#include "common/print.h"
#include "common/print_format.h"

/** In the order of the words "human|json|csv|tsv|raw|hex|value"; the last one is -p. */
enum output_format {
        OUTPUT_HUMAN,
        OUTPUT_JSON,
        OUTPUT_CSV,
        OUTPUT_TSV,
        OUTPUT_RAW,
        OUTPUT_HEX,
        OUTPUT_VALUE,
        OUTPUT_CUSTOM
};

struct output {
        int format; /* enum output_format */
        struct print_style style;
        struct print_format custom; /* -p, parsed */
        bool header;                /* CSV, TSV */
        bool newline;               /* behind -p and value */
        bool following;             /* many records: flush each, lines instead of tables */
        char **fields;              /* chosen by the user; none: all */
        size_t field_count;
        size_t value_column;
        struct text header_shown;
        struct text record;
};

/** Add what the format shows to a view. @return false: E_USAGE */
bool output_bind(struct output *output, struct view *view, struct failure *failure);

/** @return false: E_IO */
bool output_record(struct output *output, const struct snapshot *snapshot, struct failure *failure);

bool output_flush(struct failure *failure);

void output_free(struct output *output);

#endif
