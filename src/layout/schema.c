/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Schemas: checking, printing, comparing, finding. Reading schema text is in schema_parse.c.
 * Knows nothing of segments. */

#include "layout/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

#define IDENT_BYTES_MAX 63

static const struct {
        const char *name;
        size_t bytes;
} types[] = {
        [SEQCAST_I8] = { "i8", 1 },   [SEQCAST_I16] = { "i16", 2 },   [SEQCAST_I32] = { "i32", 4 },
        [SEQCAST_I64] = { "i64", 8 }, [SEQCAST_U8] = { "u8", 1 },     [SEQCAST_U16] = { "u16", 2 },
        [SEQCAST_U32] = { "u32", 4 }, [SEQCAST_U64] = { "u64", 8 },   [SEQCAST_F32] = { "f32", 4 },
        [SEQCAST_F64] = { "f64", 8 }, [SEQCAST_BOOL] = { "bool", 1 }, [SEQCAST_CHAR] = { "char", 1 },
};

size_t seqcast_type_bytes(uint32_t type)
{
        return type < sizeof types / sizeof types[0] ? types[type].bytes : 0;
}

const char *seqcast_type_name(uint32_t type)
{
        return type < sizeof types / sizeof types[0] ? types[type].name : NULL;
}

/* ---- checking ------------------------------------------------------------------------------ */

static const char *skip_ident(const char *text)
{
        const char *start = text;

        if (!seqcast__starts_ident(*text))
                return NULL;
        while (seqcast__is_ident(*text))
                text++;
        return text - start <= IDENT_BYTES_MAX ? text : NULL;
}

/* ident { "." ident | "[" digits "]" } */
static bool is_field_name(const char *name)
{
        name = skip_ident(name);
        while (name != NULL && *name != '\0') {
                if (*name == '.') {
                        name = skip_ident(name + 1);
                } else if (*name == '[' && seqcast__is_digit(name[1])) {
                        name++;
                        while (seqcast__is_digit(*name))
                                name++;
                        name = *name == ']' ? name + 1 : NULL;
                } else {
                        name = NULL;
                }
        }
        return name != NULL;
}

static bool is_hint(const char *hint)
{
        static const char *const words[] = { "hex", "time", "dur", "counter" };
        size_t length = strlen(hint);

        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
                if (strcmp(hint, words[i]) == 0)
                        return true;
        if (length < 8 || strncmp(hint, "unit(\"", 6) != 0 || strcmp(hint + length - 2, "\")") != 0)
                return false;
        for (size_t i = 6; i < length - 2; i++)
                if (hint[i] < ' ' || hint[i] > '~' || hint[i] == '"')
                        return false;
        return true;
}

/* "struct quote" and "ns::quote" are both "quote"; what has no name at its end has none. */
static const char *plain_type_name(const char *text)
{
        const char *end, *start;

        if (text == NULL)
                return NULL;
        end = text + strlen(text);
        for (start = end; start > text && (seqcast__is_ident(start[-1]));)
                start--;
        return skip_ident(start) == end && start != end ? start : NULL;
}

static uint64_t field_bytes(const seqcast_field *field)
{
        return field->count * seqcast_type_bytes(field->type);
}

static int check_field(const seqcast_field *field, size_t index, uint64_t record_bytes,
                       seqcast_detail *ret_detail)
{
        size_t element = seqcast_type_bytes(field->type);

        if (field->name == NULL || !is_field_name(field->name))
                return seqcast__fail(ret_detail, -EINVAL, "field %zu has no valid name ('%.80s')", index + 1,
                                     field->name == NULL ? "" : field->name);
        if (element == 0)
                return seqcast__fail(ret_detail, -EINVAL, "field '%s' has no valid type (%" PRIu32 ")",
                                     field->name, field->type);
        if (field->count == 0 || (!field->is_array && field->count != 1))
                return seqcast__fail(ret_detail, -EINVAL, "field '%s' has %" PRIu64 " elements", field->name,
                                     field->count);
        if (field->hint != NULL && !is_hint(field->hint))
                return seqcast__fail(
                        ret_detail, -EINVAL,
                        "field '%s' has an unknown hint '%.80s' (hex, time, dur, counter, unit(\"...\"))",
                        field->name, field->hint);
        if (field->count > SEQCAST_RECORD_BYTES_MAX / element || field->offset > record_bytes ||
            field_bytes(field) > record_bytes - field->offset)
                return seqcast__fail(ret_detail, -EINVAL,
                                     "field '%s' at byte %" PRIu64 " ends outside the record of %" PRIu64
                                     " bytes",
                                     field->name, field->offset, record_bytes);
        return 0;
}

static int by_offset(const void *a, const void *b)
{
        const seqcast_field *left = a, *right = b;

        return left->offset < right->offset ? -1 : left->offset > right->offset;
}

static int by_name(const void *a, const void *b)
{
        const seqcast_field *const *left = a, *const *right = b;

        return strcmp((*left)->name, (*right)->name);
}

static int check_names_differ(const seqcast_field *fields, size_t count, seqcast_detail *ret_detail)
{
        const seqcast_field **sorted;
        int r = 0;

        if (count < 2)
                return 0;
        sorted = malloc(count * sizeof(const seqcast_field *));
        if (sorted == NULL)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                sorted[i] = &fields[i];
        qsort(sorted, count, sizeof(const seqcast_field *), by_name);
        for (size_t i = 1; i < count && r == 0; i++)
                if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
                        r = seqcast__fail(ret_detail, -EINVAL, "there are two fields named '%s'",
                                          sorted[i]->name);
        free(sorted);
        return r;
}

/* Both are in order of offset. */
static int check_apart(const seqcast_field *fields, size_t count, seqcast_detail *ret_detail)
{
        for (size_t i = 1; i < count; i++)
                if (fields[i].offset < fields[i - 1].offset + field_bytes(&fields[i - 1]))
                        return seqcast__fail(ret_detail, -EINVAL, "fields '%s' and '%s' overlap",
                                             fields[i - 1].name, fields[i].name);
        return 0;
}

static char *append_text(char **pool, const char *text)
{
        char *copy = *pool;
        size_t bytes;

        if (text == NULL)
                return NULL;
        bytes = strlen(text) + 1;
        memcpy(copy, text, bytes);
        *pool += bytes;
        return copy;
}

static size_t text_bytes(const char *text)
{
        return text == NULL ? 0 : strlen(text) + 1;
}

static int check_schema(const seqcast_schema *schema, seqcast_detail *ret_detail)
{
        if (schema->field_count == 0 || schema->fields == NULL)
                return seqcast__fail(ret_detail, -EINVAL, "a schema needs a field");
        if (schema->record_bytes == 0 || schema->record_bytes > SEQCAST_RECORD_BYTES_MAX)
                return seqcast__fail(ret_detail, -EINVAL, "size=%" PRIu64 ": 1 to 2^40 are possible",
                                     schema->record_bytes);
        if (schema->align == 0 || schema->align > SEQCAST_ALIGN_MAX ||
            (schema->align & (schema->align - 1)) != 0)
                return seqcast__fail(ret_detail, -EINVAL,
                                     "align=%" PRIu32 ": powers of two up to %d are possible", schema->align,
                                     SEQCAST_ALIGN_MAX);
        for (size_t i = 0; i < schema->field_count; i++) {
                int r = check_field(&schema->fields[i], i, schema->record_bytes, ret_detail);

                if (r < 0)
                        return r;
        }
        return 0;
}

int seqcast__schema_normalize(const seqcast_schema *schema, seqcast_detail *ret_detail,
                              seqcast_schema **ret_schema)
{
        const char *type_name = plain_type_name(schema->type_name);
        size_t bytes = sizeof *schema + text_bytes(type_name);
        seqcast_schema *copy;
        seqcast_field *fields;
        char *pool;
        int r = check_schema(schema, ret_detail);

        if (r < 0)
                return r;
        for (size_t i = 0; i < schema->field_count; i++)
                bytes += sizeof *fields + text_bytes(schema->fields[i].name) +
                         text_bytes(schema->fields[i].hint);
        copy = malloc(bytes);
        if (copy == NULL)
                return -ENOMEM;
        fields = (seqcast_field *)(copy + 1);
        pool = (char *)(fields + schema->field_count);
        for (size_t i = 0; i < schema->field_count; i++) {
                fields[i] = schema->fields[i];
                fields[i].is_array = fields[i].is_array != 0;
                fields[i].name = append_text(&pool, schema->fields[i].name);
                fields[i].hint = append_text(&pool, schema->fields[i].hint);
        }
        *copy = *schema;
        copy->fields = fields;
        copy->type_name = append_text(&pool, type_name);
        qsort(fields, schema->field_count, sizeof *fields, by_offset);
        r = check_apart(fields, schema->field_count, ret_detail);
        if (r == 0)
                r = check_names_differ(fields, schema->field_count, ret_detail);
        if (r < 0) {
                free(copy);
                return r;
        }
        *ret_schema = copy;
        return 0;
}

seqcast_schema *seqcast_schema_free(seqcast_schema *schema)
{
        free(schema);
        return NULL;
}

/* ---- printing ------------------------------------------------------------------------------ */

struct output {
        char *text;
        size_t capacity;
        size_t length; /* of the whole text, however much of it fits */
};

static void put(struct output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct output *output, const char *format, ...)
{
        size_t room = output->length < output->capacity ? output->capacity - output->length : 0;
        va_list arguments;
        int length;

        va_start(arguments, format);
        length = vsnprintf(room > 0 ? output->text + output->length : NULL, room, format, arguments);
        va_end(arguments);
        output->length += length > 0 ? (size_t)length : 0;
}

static void put_field(struct output *output, const seqcast_field *field)
{
        put(output, "%s:%s", field->name, seqcast_type_name(field->type));
        if (field->is_array)
                put(output, "[%" PRIu64 "]", field->count);
        put(output, "@%" PRIu64, field->offset);
}

int seqcast_schema_print(const seqcast_schema *schema, char *text, size_t capacity)
{
        struct output output = { text, capacity, 0 };
        seqcast_schema *sorted;
        int r = seqcast__schema_normalize(schema, NULL, &sorted);

        if (r < 0)
                return r;
        for (size_t i = 0; i < sorted->field_count; i++) {
                if (i > 0)
                        put(&output, ",");
                put_field(&output, &sorted->fields[i]);
                if (sorted->fields[i].hint != NULL)
                        put(&output, "/%s", sorted->fields[i].hint);
        }
        put(&output, ";size=%" PRIu64 ",align=%" PRIu32, sorted->record_bytes, sorted->align);
        if (sorted->type_name != NULL)
                put(&output, ",type=%s", sorted->type_name);
        seqcast_schema_free(sorted);
        return output.length < SEQCAST_SCHEMA_TEXT_MAX ? (int)output.length : -EINVAL;
}

/* ---- comparing ----------------------------------------------------------------------------- */

static bool same_field(const seqcast_field *a, const seqcast_field *b)
{
        return a->offset == b->offset && a->count == b->count && a->type == b->type &&
               a->is_array == b->is_array && strcmp(a->name, b->name) == 0;
}

static void put_difference(struct output *output, const char *sign, const seqcast_field *field)
{
        put(output, "%s%s ", output->length > 0 ? " " : "", sign);
        put_field(output, field);
}

static void compare_sorted(const seqcast_schema *a, const seqcast_schema *b, struct output *output)
{
        size_t i = 0, j = 0;

        while (i < a->field_count || j < b->field_count) {
                if (i < a->field_count && j < b->field_count && same_field(&a->fields[i], &b->fields[j])) {
                        i++;
                        j++;
                } else if (j == b->field_count ||
                           (i < a->field_count && a->fields[i].offset <= b->fields[j].offset)) {
                        put_difference(output, "-", &a->fields[i++]);
                } else {
                        put_difference(output, "+", &b->fields[j++]);
                }
        }
        if (a->record_bytes != b->record_bytes)
                put(output, "%s- size=%" PRIu64 " + size=%" PRIu64, output->length > 0 ? " " : "",
                    a->record_bytes, b->record_bytes);
}

int seqcast_schema_compare(const seqcast_schema *a, const seqcast_schema *b, seqcast_detail *ret_difference)
{
        seqcast_detail difference = { "" };
        struct output output = { difference.text, sizeof difference.text, 0 };
        seqcast_schema *left, *right;
        int r = seqcast__schema_normalize(a, NULL, &left);

        if (r < 0)
                return r;
        r = seqcast__schema_normalize(b, NULL, &right);
        if (r == 0) {
                compare_sorted(left, right, &output);
                seqcast_schema_free(right);
        }
        seqcast_schema_free(left);
        if (r < 0 || output.length == 0)
                return r;
        if (output.length >= sizeof difference.text)
                memcpy(difference.text + sizeof difference.text - 4, "...", 4);
        if (ret_difference != NULL)
                *ret_difference = difference;
        return SEQCAST_DIFFERENT;
}

/* ---- finding ------------------------------------------------------------------------------- */

static const seqcast_field *find_exactly(const seqcast_schema *schema, const char *name, size_t length)
{
        for (size_t i = 0; i < schema->field_count; i++)
                if (strncmp(schema->fields[i].name, name, length) == 0 &&
                    schema->fields[i].name[length] == '\0')
                        return &schema->fields[i];
        return NULL;
}

int seqcast_schema_find(const seqcast_schema *schema, const char *name, seqcast_field *ret_field)
{
        const seqcast_field *field = find_exactly(schema, name, strlen(name));
        const char *bracket;
        char *end;
        unsigned long long index;

        if (field != NULL) {
                *ret_field = *field;
                return 0;
        }
        bracket = strrchr(name, '[');
        if (bracket == NULL || !seqcast__is_digit(bracket[1]))
                return -ENOENT;
        errno = 0;
        index = strtoull(bracket + 1, &end, 10);
        field = find_exactly(schema, name, (size_t)(bracket - name));
        if (strcmp(end, "]") != 0 || field == NULL || !field->is_array)
                return -ENOENT;
        if (errno != 0 || index >= field->count)
                return -ERANGE;
        *ret_field = *field;
        ret_field->offset += index * seqcast_type_bytes(field->type);
        ret_field->count = 1;
        ret_field->is_array = 0;
        return 0;
}
