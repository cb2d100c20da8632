/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Records onto standard output. */

#include "common/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_bytes_format(int format)
{
        return format == OUTPUT_RAW || format == OUTPUT_HEX;
}

static bool bind_fields(struct output *output, struct view *view, struct failure *failure)
{
        for (size_t i = 0; i < output->field_count; i++)
                if (view_add(view, output->fields[i], true, failure) < 0)
                        return false;
        return true;
}

static bool bind_value(struct output *output, struct view *view, struct failure *failure)
{
        size_t before = view->column_count;
        if (output->field_count == 0)
                view_add_all(view);
        else if (!bind_fields(output, view, failure))
                return false;
        output->value_column = before;
        return view->column_count == before + 1 ||
               fail(failure, E_USAGE, "--format=value prints one FIELD: name one");
}

bool output_bind(struct output *output, struct view *view, struct failure *failure)
{
        bool all = output->field_count == 0;
        if (view->schema == NULL && (output->format == OUTPUT_CSV || output->format == OUTPUT_TSV))
                return fail(failure, E_USAGE, "the segment has no schema, so no columns (--format=hex)");
        if (output->format == OUTPUT_CUSTOM)
                return print_format_bind(&output->custom, view, failure);
        if (output->format == OUTPUT_VALUE)
                return bind_value(output, view, failure);
        if (!all)
                return bind_fields(output, view, failure);
        if (view->schema == NULL || is_bytes_format(output->format))
                view->whole = true;
        else
                view_add_all(view);
        return true;
}

static void print_value_line(struct output *output, const struct snapshot *snapshot)
{
        const struct view *view = snapshot->view;
        const unsigned char *bytes = view_bytes(view, output->value_column);
        if (bytes != NULL)
                value_print(&output->record, &view->columns[output->value_column].named.field, bytes,
                            output->style.bytes);
}

/* Again if the columns have changed: the topic was replaced by one with another schema. */
static void print_header(struct output *output, const struct view *view)
{
        struct text header = TEXT_EMPTY;
        print_csv_header(&header, view, &output->style);
        if (strcmp(text_string(&header), text_string(&output->header_shown)) != 0)
                text_add(&output->record, header.bytes, header.length);
        text_free(&output->header_shown);
        output->header_shown = header;
}

static void print_record(struct output *output, const struct snapshot *snapshot)
{
        struct text *out = &output->record;
        switch (output->format) {
        case OUTPUT_JSON:
                print_json(out, snapshot, &output->style);
                break;
        case OUTPUT_CSV:
        case OUTPUT_TSV:
                if (output->header)
                        print_header(output, snapshot->view);
                print_csv(out, snapshot, &output->style);
                break;
        case OUTPUT_RAW:
                print_raw(out, snapshot->view);
                break;
        case OUTPUT_HEX:
                print_hex(out, snapshot->view);
                if (output->following)
                        text_add_char(out, '\n');
                break;
        case OUTPUT_VALUE:
                print_value_line(output, snapshot);
                break;
        case OUTPUT_CUSTOM:
                print_formatted(out, &output->custom, snapshot, &output->style);
                break;
        default:
                if (output->following)
                        print_human_line(out, snapshot, &output->style);
                else
                        print_human(out, snapshot, &output->style);
                break;
        }
        if ((output->format == OUTPUT_VALUE || output->format == OUTPUT_CUSTOM) && output->newline)
                text_add_char(out, '\n');
}

static bool fail_output(struct failure *failure)
{
        return fail(failure, E_IO, "cannot write to standard output: %s", strerror(errno));
}

bool output_flush(struct failure *failure)
{
        return fflush(stdout) == 0 || fail_output(failure);
}

bool output_record(struct output *output, const struct snapshot *snapshot, struct failure *failure)
{
        text_clear(&output->record);
        print_record(output, snapshot);
        size_t written = fwrite(text_string(&output->record), 1, output->record.length, stdout);
        if (written != output->record.length)
                return fail_output(failure);
        return !output->following || output_flush(failure);
}

void output_free(struct output *output)
{
        print_format_free(&output->custom);
        text_free(&output->header_shown);
        text_free(&output->record);
}
