/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* RFC 4180: rows from lines, and quoting. Knows nothing of fields. */

#ifndef SEQCAST_TOOLS_CSV_H
#define SEQCAST_TOOLS_CSV_H

#include "common/input.h"
#include "common/text.h"

struct csv_row {
        struct text line;
        struct text cells; /* each with a final zero byte, one after the other */
        size_t count;
};

#define CSV_ROW_EMPTY                                                                                        \
        {                                                                                                    \
                TEXT_EMPTY, TEXT_EMPTY, 0                                                                    \
        }

/** The next row that is not empty. May take several lines: a quoted cell can hold newlines. */
enum input_state csv_read(struct csv_row *row, struct input *input, char separator, int64_t deadline,
                          struct failure *failure);

void csv_free(struct csv_row *row);

/** Walk the cells: first NULL, then what was returned last. */
const char *csv_cell(const struct csv_row *row, const char *previous);

/** One cell, quoted if it has to be. */
void csv_quote(struct text *out, const char *cell, char separator);

#endif
