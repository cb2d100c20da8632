/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Schema text into a schema. The text may be anybody's: from a command line or from a foreign segment.
 * Finds fields and puts them where C would; what makes a schema valid is for schema.c to say. */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "layout/schema.h"

/* The text is copied once; names and hints are cut out of the copy by overwriting what follows them. */
struct parser {
        const char *start;
        char *at;
        seqcast_detail *ret_detail;
        uint64_t end;   /* of the field before, and */
        uint64_t last;  /* of the one that ends last, bytes */
        uint32_t align; /* the largest element so far */
};

static int fail(const struct parser *parser, const char *at, const char *what)
{
        return seqcast__fail(parser->ret_detail, -EINVAL, "column %zu: %s", (size_t)(at - parser->start) + 1,
                             what);
}

static bool take(struct parser *parser, char c)
{
        if (*parser->at != c)
                return false;
        parser->at++;
        return true;
}

static int take_number(struct parser *parser, uint64_t *ret_number)
{
        uint64_t number = 0;
        const char *start = parser->at;

        for (; seqcast__is_digit(*parser->at); parser->at++) {
                number = number * 10 + (uint64_t)(*parser->at - '0');
                if (number > SEQCAST_RECORD_BYTES_MAX)
                        return fail(parser, start, "number above 2^40");
        }
        if (parser->at == start)
                return fail(parser, start, "a number is missing");
        *ret_number = number;
        return 0;
}

static int take_type(struct parser *parser, uint32_t *ret_type)
{
        size_t length = 0;

        while (seqcast__is_ident(parser->at[length]))
                length++;
        for (uint32_t type = SEQCAST_I8; type <= SEQCAST_CHAR; type++) {
                const char *name = seqcast_type_name(type);

                if (strlen(name) == length && strncmp(name, parser->at, length) == 0) {
                        parser->at += length;
                        *ret_type = type;
                        return 0;
                }
        }
        return fail(parser, parser->at, "unknown type (i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 bool char)");
}

/* Up to the ',' or ';' behind it; a unit("...") may hold these. */
static char *take_hint(struct parser *parser)
{
        char *hint = parser->at;
        bool quoted = false;

        for (; *parser->at != '\0' && (quoted || (*parser->at != ',' && *parser->at != ';')); parser->at++)
                if (*parser->at == '"')
                        quoted = !quoted;
        return hint;
}

static uint64_t aligned(uint64_t offset, uint64_t alignment)
{
        return (offset + alignment - 1) / alignment * alignment;
}

static int take_field(struct parser *parser, seqcast_field *ret_field)
{
        seqcast_field field = { .name = parser->at, .count = 1 };
        size_t element;
        int r;

        parser->at += strcspn(parser->at, ":,;@");
        if (*parser->at != ':')
                return fail(parser, field.name, "a field is name:type");
        *parser->at++ = '\0';
        r = take_type(parser, &field.type);
        if (r < 0)
                return r;
        element = seqcast_type_bytes(field.type);
        if (take(parser, '[')) {
                field.is_array = 1;
                r = take_number(parser, &field.count);
                if (r < 0)
                        return r;
                if (!take(parser, ']'))
                        return fail(parser, parser->at, "']' is missing");
                if (field.count == 0)
                        return fail(parser, parser->at - 1, "an array of nothing");
        }
        field.offset = aligned(parser->end, element);
        if (take(parser, '@')) {
                r = take_number(parser, &field.offset);
                if (r < 0)
                        return r;
        }
        if (field.count > SEQCAST_RECORD_BYTES_MAX / element)
                return fail(parser, field.name, "field larger than 2^40 bytes");
        parser->end = field.offset + field.count * element; /* below 2^42: cannot overflow */
        if (parser->end > SEQCAST_RECORD_BYTES_MAX)
                return fail(parser, field.name, "field ends beyond 2^40 bytes");
        parser->last = parser->end > parser->last ? parser->end : parser->last;
        parser->align = element > parser->align ? (uint32_t)element : parser->align;
        if (take(parser, '/'))
                field.hint = take_hint(parser);
        *ret_field = field;
        return 0;
}

static bool take_word(struct parser *parser, const char *word)
{
        size_t length = strlen(word);

        if (strncmp(parser->at, word, length) != 0)
                return false;
        parser->at += length;
        return true;
}

static int take_attribute(struct parser *parser, seqcast_schema *schema)
{
        const char *start = parser->at;
        uint64_t align;
        int r;

        if (take_word(parser, "size=")) {
                r = take_number(parser, &schema->record_bytes);
                if (r == 0 && schema->record_bytes < parser->last)
                        return fail(parser, start, "size= is less than where the last field ends");
                return r;
        }
        if (take_word(parser, "align=")) {
                r = take_number(parser, &align);
                if (r == 0 && (align == 0 || align > SEQCAST_ALIGN_MAX || (align & (align - 1)) != 0))
                        return fail(parser, start, "align= is a power of two up to 64");
                if (r == 0)
                        schema->align = (uint32_t)align;
                return r;
        }
        if (take_word(parser, "type=")) {
                schema->type_name = parser->at;
                if (!seqcast__starts_ident(*parser->at))
                        return fail(parser, parser->at, "type= needs a name");
                while (seqcast__is_ident(*parser->at))
                        parser->at++;
                return 0;
        }
        if (take_word(parser, "le"))
                return 0;
        return fail(parser, start, "unknown attribute (size=, align=, type=, le)");
}

static int parse(struct parser *parser, seqcast_field *fields, seqcast_schema *schema)
{
        char separator = ',';
        int r;

        while (separator == ',') {
                r = take_field(parser, &fields[schema->field_count]);
                if (r < 0)
                        return r;
                schema->field_count++;
                separator = *parser->at;
                if (separator != ',' && separator != ';' && separator != '\0')
                        return fail(parser, parser->at, "',' or ';' expected");
                *parser->at = '\0'; /* ends a hint */
                parser->at += separator != '\0';
        }
        schema->align = parser->align;
        while (separator != '\0') {
                r = take_attribute(parser, schema);
                if (r < 0)
                        return r;
                separator = *parser->at;
                if (separator != ',' && separator != ';' && separator != '\0')
                        return fail(parser, parser->at, "',' or ';' expected");
                *parser->at = '\0'; /* ends a type name */
                parser->at += separator != '\0';
        }
        if (schema->record_bytes == 0)
                schema->record_bytes = aligned(parser->last, schema->align);
        return 0;
}

static size_t count_fields_at_most(const char *text)
{
        size_t count = 1;

        for (; *text != '\0'; text++)
                count += *text == ',';
        return count;
}

int seqcast_schema_parse(const char *text, seqcast_schema **ret_schema, seqcast_detail *ret_detail)
{
        size_t length = strlen(text), field_count = count_fields_at_most(text);
        seqcast_field *fields;
        seqcast_schema schema = { 0 };
        struct parser parser;
        char *copy;
        int r;

        if (length >= SEQCAST_SCHEMA_TEXT_MAX)
                return seqcast__fail(ret_detail, -EINVAL, "longer than 64 KiB");
        fields = malloc(field_count * sizeof *fields + length + 1);
        if (fields == NULL)
                return -ENOMEM;
        copy = (char *)(fields + field_count);
        memcpy(copy, text, length + 1);
        schema.fields = fields;
        parser = (struct parser){ .start = copy, .at = copy, .ret_detail = ret_detail, .align = 1 };
        r = parse(&parser, fields, &schema);
        if (r == 0)
                r = seqcast__schema_normalize(&schema, ret_detail, ret_schema);
        free(fields);
        return r;
}
