/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Any text as a schema: refused with a reason, or a schema that keeps to what seqcast.h says of one. What
 * is printed of it is canonical: read again it is the same schema, and is printed the same.
 *
 * The input: one schema a line; a second line is another schema to compare with, and a name to look up. */

#include <errno.h>
#include <stdio.h>

#include "fuzz/driver/text_input.h"
#include "seqcast.h"

#define INPUT_BYTES_MAX 4096u
#define FIELDS_LOOKED_UP_MAX 32u
#define SHORT_BYTES 10u

const struct fuzz_target fuzz_target = {
        .name = "schema",
        .inputs = 150000,
        .longest = INPUT_BYTES_MAX,
        .least_percent = 5,
};

__extension__ typedef unsigned __int128 sum;

/* ---- what must hold ------------------------------------------------------------------------- */

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* Counts, offsets and sizes in accepted text are at most 2^40, as written. */
static void check_numbers(const char *text)
{
        bool quoted = false, in_name = true;

        for (const char *at = text; *at != '\0'; at++) {
                sum number = 0;

                quoted ^= *at == '"';
                if (quoted)
                        continue;
                in_name = *at == ',' || *at == ';' || (in_name && *at != ':');
                if (in_name || (*at != '[' && *at != '@'))
                        if (*at != '=')
                                continue;
                for (const char *digit = at + 1; is_digit(*digit) && number <= SEQCAST_RECORD_BYTES_MAX;
                     digit++)
                        number = number * 10 + (unsigned)(*digit - '0');
                FUZZ_CHECK(number <= SEQCAST_RECORD_BYTES_MAX);
        }
}

static void check_fields(const seqcast_schema *schema)
{
        sum end = 0;

        FUZZ_CHECK(schema->field_count > 0);
        FUZZ_CHECK(schema->align > 0 && schema->align <= SEQCAST_ALIGN_MAX);
        FUZZ_CHECK((schema->align & (schema->align - 1)) == 0);
        for (size_t i = 0; i < schema->field_count; i++) {
                const seqcast_field *field = &schema->fields[i];

                FUZZ_CHECK(field->offset >= end);
                end = (sum)field->count * seqcast_type_bytes(field->type) + field->offset;
                FUZZ_CHECK(field->count > 0 && seqcast_type_name(field->type) != NULL);
                FUZZ_CHECK(field->is_array <= 1 && (field->is_array || field->count == 1));
                for (size_t j = 0; j < i && i < FIELDS_LOOKED_UP_MAX; j++)
                        FUZZ_CHECK(strcmp(field->name, schema->fields[j].name) != 0);
        }
        FUZZ_CHECK(end <= schema->record_bytes && schema->record_bytes <= SEQCAST_RECORD_BYTES_MAX);
}

static bool same_field(const seqcast_field *a, const seqcast_field *b)
{
        return strcmp(a->name, b->name) == 0 && a->offset == b->offset && a->count == b->count &&
               a->type == b->type && a->is_array == b->is_array;
}

static void check_element(const seqcast_schema *schema, const seqcast_field *field, uint64_t index)
{
        size_t room = strlen(field->name) + 32;
        char *name = malloc(room);
        seqcast_field found;
        bool is_field;
        int r;

        if (name == NULL)
                abort();
        snprintf(name, room, "%s[%llu]", field->name, (unsigned long long)index);
        r = seqcast_schema_find(schema, name, &found);
        is_field = r == 0 && strcmp(found.name, name) == 0;
        free(name);
        if (is_field) /* of that very name */
                return;
        FUZZ_CHECK(r == (index < field->count ? 0 : -ERANGE));
        if (r < 0)
                return;
        FUZZ_CHECK(found.name == field->name && found.count == 1 && !found.is_array);
        FUZZ_CHECK(found.offset == field->offset + index * seqcast_type_bytes(field->type));
}

static void check_names(const seqcast_schema *schema)
{
        for (size_t i = 0; i < schema->field_count && i < FIELDS_LOOKED_UP_MAX; i++) {
                const seqcast_field *field = &schema->fields[i];
                seqcast_field found;

                FUZZ_CHECK(seqcast_schema_find(schema, field->name, &found) == 0);
                FUZZ_CHECK(same_field(&found, field));
                if (field->is_array) {
                        check_element(schema, field, 0);
                        check_element(schema, field, field->count - 1);
                        check_element(schema, field, field->count);
                        check_element(schema, field, UINT64_MAX);
                }
        }
}

static char *printed(const seqcast_schema *schema)
{
        int length = seqcast_schema_print(schema, NULL, 0);
        char *text, beginning[SHORT_BYTES];

        FUZZ_CHECK(length > 0);
        text = malloc((size_t)length + 1);
        if (text == NULL)
                abort();
        FUZZ_CHECK(seqcast_schema_print(schema, text, (size_t)length + 1) == length);
        FUZZ_CHECK(strlen(text) == (size_t)length);
        FUZZ_CHECK(seqcast_schema_print(schema, beginning, sizeof beginning) == length);
        FUZZ_CHECK(strlen(beginning) == sizeof beginning - 1);
        FUZZ_CHECK(strncmp(beginning, text, sizeof beginning - 1) == 0);
        return text;
}

static void check_canonical(const seqcast_schema *schema)
{
        char *text = printed(schema), *again;
        seqcast_schema *copy = NULL;

        check_numbers(text);
        FUZZ_CHECK(seqcast_schema_parse(text, &copy, NULL) == 0);
        again = printed(copy);
        FUZZ_CHECK(strcmp(again, text) == 0);
        FUZZ_CHECK(copy->field_count == schema->field_count && copy->align == schema->align);
        for (size_t i = 0; i < copy->field_count; i++)
                FUZZ_CHECK(same_field(&copy->fields[i], &schema->fields[i]));
        FUZZ_CHECK(seqcast_schema_compare(schema, copy, NULL) == 0);
        seqcast_schema_free(copy);
        free(again);
        free(text);
}

static void check_difference(const seqcast_schema *a, const seqcast_schema *b)
{
        seqcast_detail difference = { "" };
        int r = seqcast_schema_compare(a, b, &difference);

        FUZZ_CHECK(r == 0 || r == SEQCAST_DIFFERENT);
        FUZZ_CHECK(seqcast_schema_compare(b, a, NULL) == r);
        FUZZ_CHECK((r == 0) == (difference.text[0] == '\0'));
        FUZZ_CHECK(memchr(difference.text, '\0', sizeof difference.text) != NULL);
}

/* ---- the input ------------------------------------------------------------------------------ */

/* @return NULL if the text is no schema */
static seqcast_schema *parse(const char *text)
{
        seqcast_schema *schema = NULL;
        seqcast_detail why = { "" };
        int r = seqcast_schema_parse(text, &schema, &why);

        FUZZ_CHECK(r == 0 || r == -EINVAL);
        FUZZ_CHECK((r == 0) == (schema != NULL));
        FUZZ_CHECK((r == 0) == (why.text[0] == '\0'));
        for (const char *at = why.text; *at != '\0'; at++)
                FUZZ_CHECK(*at >= ' ' && *at <= '~');
        if (r == 0) {
                check_numbers(text);
                check_fields(schema);
                check_names(schema);
                check_canonical(schema);
        }
        return schema;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *line_end = size == 0 ? NULL : memchr(data, '\n', size);
        size_t first = line_end == NULL ? size : (size_t)(line_end - data);
        size_t second = first < size ? first + 1 : size;
        char *text = text_string_of(data, first), *other_text = text_string_of(data + second, size - second);
        seqcast_schema *schema = parse(text), *other = parse(other_text);
        seqcast_field field;

        if (schema != NULL) {
                int r = seqcast_schema_find(schema, other_text, &field);

                FUZZ_CHECK(r == 0 || r == -ENOENT || r == -ERANGE);
                if (other != NULL)
                        check_difference(schema, other);
        }
        fuzz_count(schema != NULL);
        seqcast_schema_free(schema);
        seqcast_schema_free(other);
        free(text);
        free(other_text);
        return 0;
}

/* ---- making schemas ------------------------------------------------------------------------- */

static const char *const words[] = {
        ",",
        ";",
        ":",
        "@",
        "/",
        "[",
        "]",
        "\n",
        "a",
        "b",
        "a.b",
        "a[0]",
        "_x9",
        ":i8",
        ":u8",
        ":i16",
        ":u32",
        ":i64",
        ":f32",
        ":f64",
        ":bool",
        ":char",
        "[4]",
        "[12]",
        "@0",
        "@8",
        "/hex",
        "/time",
        "/dur",
        "/counter",
        ";size=",
        "align=",
        ",type=q",
        ";le",
        "align=8",
        "size",
        "/unit(\"V\")",
        "/unit(\",;\")",
        "a:i64@0,b:f32[4];size=64",
};
static const struct text_words language = { words, sizeof words / sizeof *words };

static size_t put_field(uint8_t *data, size_t size, size_t max_size, uint64_t *state, unsigned index)
{
        static const char *const types[] = { "i8",  "i16", "i32", "i64", "u8",   "u16",
                                             "u32", "u64", "f32", "f64", "bool", "char" };
        static const char *const hints[] = { "",      "",         "",     "/hex",
                                             "/time", "/counter", "/dur", "/unit(\"a,b;c@7\")" };
        char field[128];
        int length = snprintf(field, sizeof field, "%sf%u%s:%s", index == 0 ? "" : ",", index,
                              random_below(state, 4) == 0 ? ".x[3]" : "", types[random_below(state, 12)]);

        if (random_below(state, 3) == 0)
                length += snprintf(field + length, sizeof field - (size_t)length, "[%u]",
                                   (unsigned)random_below(state, 20) + 1);
        if (random_below(state, 4) == 0)
                length += snprintf(field + length, sizeof field - (size_t)length, "@%u", 200 * index);
        snprintf(field + length, sizeof field - (size_t)length, "%s", hints[random_below(state, 8)]);
        return text_splice(data, size, max_size, size, 0, field);
}

static size_t put_schema(uint8_t *data, size_t size, size_t max_size, uint64_t *state)
{
        static const char *const ends[] = { "", "", ";size=4096", ";align=64,type=q", ";le;size=9999" };
        unsigned fields = (unsigned)random_below(state, 6) + 1;

        for (unsigned i = 0; i < fields; i++)
                size = put_field(data, size, max_size, state, i);
        return text_splice(data, size, max_size, size, 0, ends[random_below(state, 5)]);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
        uint64_t state = seed + UINT64_C(0x9e3779b97f4a7c15);

        random_next(&state);
        if (size == 0 || random_below(&state, 4) == 0) {
                size = put_schema(data, 0, max_size, &state);
                if (random_below(&state, 2) == 0) {
                        size = text_splice(data, size, max_size, size, 0, "\n");
                        size = put_schema(data, size, max_size, &state);
                }
        }
        for (uint64_t i = random_below(&state, 4); i > 0; i--)
                size = text_mutate(data, size, max_size, &state, &language);
        return size;
}
