/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Records as CSV: one column per field, and per element of an array of numbers. */

#include <inttypes.h>

#include "common/csv.h"
#include "common/print.h"

static bool is_one_column(const seqcast_field *field, int bytes_as)
{
        return !field->is_array || field_is_text(field) || field_is_bytes(field, bytes_as);
}

void print_csv_header(struct text *out, const struct view *view, const struct print_style *style)
{
        text_print(out, "seq%ct_ns", style->separator);
        for (size_t i = 0; i < view->column_count; i++) {
                const struct named_field *named = &view->columns[i].named;
                if (!view->columns[i].shown)
                        continue;
                if (is_one_column(&named->field, style->bytes)) {
                        text_print(out, "%c%s", style->separator, named->label);
                        continue;
                }
                for (uint64_t index = 0; index < named->field.count; index++)
                        text_print(out, "%c%s[%" PRIu64 "]", style->separator, named->label, index);
        }
        text_add_char(out, '\n');
}

static void print_cell(struct text *out, const seqcast_field *field, const unsigned char *bytes,
                       const struct print_style *style)
{
        struct text cell = TEXT_EMPTY;
        value_print(&cell, field, bytes, style->bytes);
        csv_quote(out, text_string(&cell), style->separator);
        text_free(&cell);
}

static void print_cells(struct text *out, const seqcast_field *field, const unsigned char *bytes,
                        const struct print_style *style)
{
        size_t element = seqcast_type_bytes(field->type);
        if (is_one_column(field, style->bytes)) {
                text_add_char(out, style->separator);
                if (bytes != NULL)
                        print_cell(out, field, bytes, style);
                return;
        }
        for (uint64_t index = 0; index < field->count; index++) {
                text_add_char(out, style->separator);
                if (bytes != NULL)
                        value_print_element(out, field->type, bytes + index * element);
        }
}

void print_csv(struct text *out, const struct snapshot *snapshot, const struct print_style *style)
{
        const struct view *view = snapshot->view;
        text_print(out, "%" PRIu64 "%c", view->sample.number, style->separator);
        if (snapshot->timed)
                text_print(out, "%" PRId64, snapshot->wall_ns);
        for (size_t i = 0; i < view->column_count; i++)
                if (view->columns[i].shown)
                        print_cells(out, &view->columns[i].named.field, view_bytes(view, i), style);
        text_add_char(out, '\n');
}
