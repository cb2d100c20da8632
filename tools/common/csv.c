/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* RFC 4180: rows from lines, and quoting. */

#include "common/csv.h"

#include <stdbool.h>
#include <string.h>

#include "common/clock.h"

/* A quote that is never closed must not swallow the rest of the stream. */
#define ROW_OF_LINES_BYTES_MAX 65536

void csv_free(struct csv_row *row)
{
        text_free(&row->line);
        text_free(&row->cells);
        row->count = 0;
}

const char *csv_cell(const struct csv_row *row, const char *previous)
{
        if (previous == NULL)
                return text_string(&row->cells);
        return previous + strlen(previous) + 1;
}

void csv_quote(struct text *out, const char *cell, char separator)
{
        const char special[] = { separator, '"', '\n', '\r', '\0' };
        size_t length = strlen(cell);
        bool blank_at_an_end = length > 0 && (cell[0] == ' ' || cell[length - 1] == ' ');
        if (cell[strcspn(cell, special)] == '\0' && !blank_at_an_end) {
                text_add_string(out, cell);
                return;
        }
        text_add_char(out, '"');
        for (; *cell != '\0'; cell++) {
                if (*cell == '"')
                        text_add_char(out, '"');
                text_add_char(out, *cell);
        }
        text_add_char(out, '"');
}

enum split_state { SPLIT_WHOLE, SPLIT_OPEN_QUOTE, SPLIT_BAD };

/* A quoted cell, from behind its opening quote. Returns where it ends; NULL: not within the
 * line. */
static const char *split_quoted(struct text *cells, const char *at)
{
        for (;;) {
                const char *quote = strchr(at, '"');
                if (quote == NULL)
                        return NULL;
                text_add(cells, at, (size_t)(quote - at));
                if (quote[1] != '"')
                        return quote + 1;
                text_add_char(cells, '"');
                at = quote + 2;
        }
}

static enum split_state split(struct csv_row *row, char separator)
{
        const char *at = text_string(&row->line);
        const char separators[] = { separator, '\0' };
        text_clear(&row->cells);
        row->count = 0;
        for (;;) {
                if (*at == '"') {
                        at = split_quoted(&row->cells, at + 1);
                        if (at == NULL)
                                return SPLIT_OPEN_QUOTE;
                } else {
                        size_t length = strcspn(at, separators);
                        text_add(&row->cells, at, length);
                        at += length;
                }
                text_add_char(&row->cells, '\0');
                row->count++;
                if (*at == '\0')
                        return SPLIT_WHOLE;
                if (*at != separator)
                        return SPLIT_BAD;
                at++;
        }
}

static enum input_state fail_row(const char *why, struct failure *failure)
{
        fail(failure, E_DATA, "%s", why);
        return INPUT_FAILED;
}

enum input_state csv_read(struct csv_row *row, struct input *input, char separator, int64_t deadline,
                          struct failure *failure)
{
        text_clear(&row->line);
        while (row->line.length == 0) {
                enum input_state state = input_line(input, deadline, &row->line, failure);
                if (state != INPUT_READY)
                        return state;
        }
        for (;;) {
                if (strlen(row->line.bytes) != row->line.length)
                        return fail_row("a zero byte", failure);
                enum split_state split_state = split(row, separator);
                if (split_state == SPLIT_BAD)
                        return fail_row("text behind a closing quote", failure);
                if (split_state == SPLIT_WHOLE)
                        return INPUT_READY;
                if (row->line.length > ROW_OF_LINES_BYTES_MAX)
                        return fail_row("a quote that is not closed within 64 KiB", failure);
                text_add_char(&row->line, '\n');
                /* No deadline: half a row cannot be put back. */
                enum input_state state = input_line(input, CLOCK_NEVER, &row->line, failure);
                if (state == INPUT_END)
                        return fail_row("a quote that is never closed", failure);
                if (state != INPUT_READY)
                        return state;
        }
}
