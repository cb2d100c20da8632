/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Streams of records as updates. */

#include "common/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool source_open(struct source *source, const struct source_options *options, const char *path,
                 const seqcast_schema *schema, uint64_t record_bytes, struct failure *failure)
{
        memset(source, 0, sizeof(*source));
        source->options = *options;
        source->schema = schema;
        source->record_bytes = record_bytes;
        if (!input_open(&source->input, path, failure))
                return false;
        json_input_open(&source->json, schema, &options->syntax);
        return true;
}

void source_close(struct source *source)
{
        input_close(&source->input);
        json_input_close(&source->json);
        text_free(&source->line);
        csv_free(&source->row);
        for (size_t i = 0; i < source->column_count; i++)
                free(source->columns[i].label);
        free(source->columns);
}

static enum source_state state_of_input(enum input_state state, const struct failure *failure)
{
        switch (state) {
        case INPUT_READY:
                return SOURCE_RECORD;
        case INPUT_LATER:
                return SOURCE_LATER;
        case INPUT_END:
                return SOURCE_END;
        case INPUT_STOP:
                return SOURCE_STOP;
        case INPUT_FAILED:
                break;
        }
        return failure->class == E_DATA ? SOURCE_BAD : SOURCE_FAILED;
}

static bool is_blank(const char *line)
{
        return line[strspn(line, " \t")] == '\0';
}

static enum source_state next_json(struct source *source, int64_t deadline, struct update *update,
                                   struct failure *failure)
{
        enum source_state state;
        do {
                text_clear(&source->line);
                state = state_of_input(input_line(&source->input, deadline, &source->line, failure), failure);
                if (state != SOURCE_RECORD)
                        return state;
        } while (is_blank(text_string(&source->line)));

        update_clear(update);
        if (!json_input_parse(&source->json, text_string(&source->line), source->line.length, update,
                              failure))
                return SOURCE_BAD;
        return SOURCE_RECORD;
}

static enum source_state next_raw(struct source *source, int64_t deadline, struct update *update,
                                  struct failure *failure)
{
        const char *block;
        size_t bytes;
        enum source_state state = state_of_input(
                input_block(&source->input, deadline, (size_t)source->record_bytes, &block, &bytes, failure),
                failure);
        if (state != SOURCE_RECORD)
                return state;
        update_clear(update);
        if (bytes < source->record_bytes) {
                fail(failure, E_DATA, "%zu bytes, a record has %" PRIu64, bytes, source->record_bytes);
                return SOURCE_BAD;
        }
        memcpy(update_add(update, 0, bytes), block, bytes);
        return SOURCE_RECORD;
}

/* ---- CSV ----------------------------------------------------------------------------------- */

static struct source_column *add_column(struct source *source, const char *label)
{
        source->columns = reallocate(source->columns, source->column_count + 1, sizeof(*source->columns));
        struct source_column *column = &source->columns[source->column_count++];
        memset(column, 0, sizeof(*column));
        column->label = copy_string(label);
        column->named.label = column->label;
        return column;
}

static bool names_envelope(const char *label)
{
        return strcmp(label, "seq") == 0 || strcmp(label, "t_ns") == 0;
}

static bool is_field(const struct source *source, const char *label)
{
        seqcast_field field;
        return seqcast_schema_find(source->schema, label, &field) == 0;
}

static size_t count_label(const struct source *source, const char *label)
{
        size_t count = 0;
        for (size_t i = 0; i < source->column_count; i++)
                count += strcmp(source->columns[i].label, label) == 0;
        return count;
}

/* shmsub --format=csv begins with the columns seq and t_ns. There may be fields of these names,
 * too: then it is their coming twice that tells. */
static bool begins_with_envelope(const struct source *source)
{
        if (source->column_count < 2 || strcmp(source->columns[0].label, "seq") != 0 ||
            strcmp(source->columns[1].label, "t_ns") != 0)
                return false;
        return !is_field(source, "seq") || !is_field(source, "t_ns") || count_label(source, "seq") > 1 ||
               count_label(source, "t_ns") > 1;
}

static bool columns_from_header(struct source *source, struct failure *failure)
{
        const char *cell = NULL;
        for (size_t i = 0; i < source->row.count; i++) {
                cell = csv_cell(&source->row, cell);
                add_column(source, cell);
        }
        size_t envelope = begins_with_envelope(source) ? 2 : 0;
        for (size_t i = 0; i < source->column_count; i++) {
                struct source_column *column = &source->columns[i];
                column->ignored =
                        i < envelope || (names_envelope(column->label) && !is_field(source, column->label));
                if (column->ignored)
                        continue;
                if (!find_field(source->schema, column->label, &column->named, failure))
                        return false;
                for (size_t j = 0; j < i; j++)
                        if (!source->columns[j].ignored &&
                            strcmp(source->columns[j].label, column->label) == 0)
                                return fail(failure, E_DATA, "two columns named '%.80s'", column->label);
        }
        return true;
}

/* One column per field, and per element of an array that is neither text nor encoded bytes. */
static void columns_from_schema(struct source *source)
{
        for (size_t i = 0; i < source->schema->field_count; i++) {
                const seqcast_field *field = &source->schema->fields[i];
                bool whole = !field->is_array || field_is_text(field) ||
                             field_is_bytes(field, source->options.syntax.bytes);
                for (uint64_t index = 0; index < (whole ? 1 : field->count); index++) {
                        struct text label = TEXT_EMPTY;
                        text_add_string(&label, field->name);
                        if (!whole)
                                text_print(&label, "[%" PRIu64 "]", index);
                        struct source_column *column = add_column(source, text_string(&label));
                        text_free(&label);
                        column->named.field = *field;
                        if (!whole) {
                                column->named.field.offset += index * seqcast_type_bytes(field->type);
                                column->named.field.count = 1;
                                column->named.field.is_array = 0;
                        }
                }
        }
}

static enum source_state learn_columns(struct source *source, int64_t deadline, struct failure *failure)
{
        if (source->options.header) {
                enum source_state state = state_of_input(
                        csv_read(&source->row, &source->input, source->options.separator, deadline, failure),
                        failure);
                if (state == SOURCE_BAD)
                        return SOURCE_FAILED;
                if (state != SOURCE_RECORD)
                        return state;
                if (!columns_from_header(source, failure))
                        return SOURCE_FAILED;
        } else {
                columns_from_schema(source);
        }
        source->columns_known = true;
        return SOURCE_RECORD;
}

static bool parse_row(struct source *source, struct update *update, struct failure *failure)
{
        if (source->row.count != source->column_count)
                return fail(failure, E_DATA, "%zu column%s, expected %zu", source->row.count,
                            source->row.count == 1 ? "" : "s", source->column_count);
        const char *cell = NULL;
        for (size_t i = 0; i < source->column_count; i++) {
                cell = csv_cell(&source->row, cell);
                if (!source->columns[i].ignored &&
                    !update_parse(update, &source->columns[i].named, cell, &source->options.syntax, failure))
                        return false;
        }
        return true;
}

static enum source_state next_csv(struct source *source, int64_t deadline, struct update *update,
                                  struct failure *failure)
{
        if (!source->columns_known) {
                enum source_state state = learn_columns(source, deadline, failure);
                if (state != SOURCE_RECORD)
                        return state;
        }
        enum source_state state = state_of_input(
                csv_read(&source->row, &source->input, source->options.separator, deadline, failure),
                failure);
        if (state != SOURCE_RECORD)
                return state;
        update_clear(update);
        return parse_row(source, update, failure) ? SOURCE_RECORD : SOURCE_BAD;
}

/* ---- any ----------------------------------------------------------------------------------- */

enum source_state source_next(struct source *source, int64_t deadline, struct update *update,
                              struct failure *failure)
{
        enum source_state state =
                source->options.format == SOURCE_JSON  ? next_json(source, deadline, update, failure)
                : source->options.format == SOURCE_CSV ? next_csv(source, deadline, update, failure)
                                                       : next_raw(source, deadline, update, failure);
        if (state == SOURCE_RECORD || state == SOURCE_BAD)
                source->records++;
        if ((state == SOURCE_BAD || state == SOURCE_FAILED) && failure->class == E_DATA) {
                if (source->options.format == SOURCE_RAW)
                        fail_prefix(failure, "record %" PRIu64 ": ", source->records);
                else
                        fail_prefix(failure, "line %" PRIu64 ": ", source->input.lines);
        }
        return state;
}
