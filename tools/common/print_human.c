/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Records for people: a small table, or one line. Display hints count here and nowhere else. */

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/escape.h"
#include "common/number.h"
#include "common/print.h"

#define ELEMENTS_MAX 64

const char *liveness_word(uint32_t liveness)
{
        switch (liveness) {
        case SEQCAST_LIVE:
                return "alive";
        case SEQCAST_GONE:
                return "gone";
        case SEQCAST_LEFT:
                return "left";
        case SEQCAST_UNPUBLISHED:
                return "never published";
        case SEQCAST_REPLACED:
                return "replaced";
        default:
                return "unknown";
        }
}

void print_program(struct text *out, const seqcast_status *status)
{
        size_t length = strnlen(status->program, sizeof(status->program));
        escape(out, (const unsigned char *)status->program, length);
}

/* ---- values -------------------------------------------------------------------------------- */

static bool has_hint(const seqcast_field *field, const char *hint)
{
        return field->hint != NULL && strcmp(field->hint, hint) == 0;
}

/* The text between the quotes of unit("..."). */
static void print_unit(struct text *out, const char *hint)
{
        size_t length = hint != NULL ? strlen(hint) : 0;
        if (length > 8 && strncmp(hint, "unit(\"", 6) == 0)
                text_print(out, " %.*s", (int)(length - 8), hint + 6);
}

static void print_element(struct text *out, const seqcast_field *field, const unsigned char *bytes)
{
        bool integer = type_is_integer(field->type);
        if (integer && has_hint(field, "hex"))
                text_print(out, "0x%0*" PRIx64, 2 * (int)seqcast_type_bytes(field->type),
                           element_unsigned(field->type, bytes));
        else if (integer && has_hint(field, "time"))
                print_time_utc(out, element_signed(field->type, bytes));
        else if (integer && has_hint(field, "dur"))
                print_duration(out, element_signed(field->type, bytes));
        else
                value_print_element(out, field->type, bytes);
}

static void print_text_value(struct text *out, const seqcast_field *field, const unsigned char *bytes)
{
        struct text escaped = TEXT_EMPTY;
        escape(&escaped, bytes, value_text_length(field, bytes));
        text_add_char(out, '"');
        for (const char *c = text_string(&escaped); *c != '\0'; c++) {
                if (*c == '"')
                        text_add_char(out, '\\');
                text_add_char(out, *c);
        }
        text_add_char(out, '"');
        text_free(&escaped);
}

static void print_elements(struct text *out, const seqcast_field *field, const unsigned char *bytes)
{
        uint64_t shown = field->count < ELEMENTS_MAX ? field->count : ELEMENTS_MAX;
        text_add_char(out, '[');
        for (uint64_t i = 0; i < shown; i++) {
                text_add_string(out, i > 0 ? ", " : "");
                print_element(out, field, bytes + i * seqcast_type_bytes(field->type));
        }
        if (shown < field->count)
                text_print(out, ", ... %" PRIu64 " in all", field->count);
        text_add_char(out, ']');
}

static void print_value(struct text *out, const seqcast_field *field, const unsigned char *bytes,
                        int bytes_as)
{
        if (bytes == NULL) {
                text_add_char(out, '-');
                return;
        }
        if (field_is_text(field))
                print_text_value(out, field, bytes);
        else if (field_is_bytes(field, bytes_as))
                value_encode(out, bytes, field_size(field), bytes_as);
        else if (field->is_array)
                print_elements(out, field, bytes);
        else
                print_element(out, field, bytes);
        print_unit(out, field->hint);
}

/* ---- the table ----------------------------------------------------------------------------- */

static void print_head(struct text *out, const struct snapshot *snapshot, const struct print_style *style)
{
        const struct view *view = snapshot->view;
        text_print(out, style->color ? "\033[1m%s\033[0m" : "%s", snapshot->name);
        if (view->schema != NULL && view->schema->type_name != NULL)
                text_print(out, "  type %s", view->schema->type_name);
        text_print(out, "  seq %" PRIu64, view->sample.number);
        if (snapshot->timed) {
                text_add_string(out, "  age ");
                print_duration(out, snapshot->age_ns);
        }
        text_print(out, "  writer %" PRIu64 " (", snapshot->status->publisher_pid);
        print_program(out, snapshot->status);
        text_print(out, ") %s\n", liveness_word(snapshot->status->liveness));
}

struct widths {
        int label;
        int type;
};

static struct widths measure(const struct view *view)
{
        struct widths widths = { 0, 0 };
        struct text type = TEXT_EMPTY;
        for (size_t i = 0; i < view->column_count; i++) {
                const struct named_field *named = &view->columns[i].named;
                text_clear(&type);
                print_field_type(&type, &named->field);
                if ((int)strlen(named->label) > widths.label)
                        widths.label = (int)strlen(named->label);
                if ((int)type.length > widths.type)
                        widths.type = (int)type.length;
        }
        text_free(&type);
        return widths;
}

static void print_rows(struct text *out, const struct view *view, const struct print_style *style)
{
        struct widths widths = measure(view);
        struct text type = TEXT_EMPTY;
        for (size_t i = 0; i < view->column_count; i++) {
                const struct named_field *named = &view->columns[i].named;
                if (!view->columns[i].shown)
                        continue;
                text_clear(&type);
                print_field_type(&type, &named->field);
                text_print(out, "  %-*s  %-*s  ", widths.label, named->label, widths.type,
                           text_string(&type));
                print_value(out, &named->field, view_bytes(view, i), style->bytes);
                text_add_char(out, '\n');
        }
        text_free(&type);
}

void print_human(struct text *out, const struct snapshot *snapshot, const struct print_style *style)
{
        print_head(out, snapshot, style);
        if (snapshot->view->schema != NULL)
                print_rows(out, snapshot->view, style);
        else
                print_hex(out, snapshot->view);
}

/* ---- the line ------------------------------------------------------------------------------ */

void print_human_line(struct text *out, const struct snapshot *snapshot, const struct print_style *style)
{
        const struct view *view = snapshot->view;
        if (!snapshot->timed || !print_time_local(out, "%H:%M:%S.%6N", snapshot->wall_ns))
                text_add_char(out, '-');
        text_print(out, " seq=%" PRIu64, view->sample.number);
        if (view->sample.lost > 0)
                text_print(out, " (+%" PRIu64 ")", view->sample.lost);
        for (size_t i = 0; i < view->column_count; i++) {
                if (!view->columns[i].shown)
                        continue;
                text_print(out, style->color ? " \033[1m%s\033[0m=" : " %s=", view->columns[i].named.label);
                print_value(out, &view->columns[i].named.field, view_bytes(view, i), style->bytes);
        }
        if (view->schema == NULL) {
                uint64_t bytes = view->sample.bytes < ELEMENTS_MAX ? view->sample.bytes : ELEMENTS_MAX;
                text_print(out, " %" PRIu64 " bytes ", view->sample.bytes);
                hex_encode(out, view->record, (size_t)bytes);
        }
        text_add_char(out, '\n');
}
