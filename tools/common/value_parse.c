/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* From text to the bytes of one field. Whatever does not fit is refused, with the range that
 * would. */

#include "common/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"
#include "common/number.h"
#include "common/suggest.h"

static bool fail_value(const struct named_field *named, struct failure *failure, const char *format, ...)
        PRINTF_LIKE(3, 4);
static bool fail_value(const struct named_field *named, struct failure *failure, const char *format, ...)
{
        char reason[700];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(reason, sizeof(reason), format, arguments);
        va_end(arguments);
        return fail(failure, E_DATA, "%s: %s", named->label, reason);
}

bool find_field(const seqcast_schema *schema, const char *label, struct named_field *ret_named,
                struct failure *failure)
{
        ret_named->label = label;
        int r = seqcast_schema_find(schema, label, &ret_named->field);
        if (r == 0)
                return true;
        if (r == -ERANGE)
                return fail(failure, E_DATA, "field '%.200s' lies beyond the end of its array", label);

        struct suggestion suggestion = suggest_for(label);
        for (size_t i = 0; i < schema->field_count; i++)
                suggest_consider(&suggestion, schema->fields[i].name);
        fail(failure, E_DATA, "field '%.200s' is not in the schema", label);
        if (suggestion.nearest != NULL)
                fail_hint(failure, "(did you mean '%s'?)", suggestion.nearest);
        return false;
}

/* ---- numbers ------------------------------------------------------------------------------- */

struct integer_range {
        int64_t least;
        uint64_t most;
};

static struct integer_range range_of(uint32_t type)
{
        unsigned bits = 8 * (unsigned)seqcast_type_bytes(type);
        uint64_t most = UINT64_MAX >> (64 - bits + (type_is_signed(type) ? 1 : 0));
        int64_t least = type_is_signed(type) ? -(int64_t)most - 1 : 0;
        return (struct integer_range){ least, most };
}

static bool in_range(const struct integer *integer, const struct integer_range *range)
{
        if (!integer->negative || integer->magnitude == 0)
                return integer->magnitude <= range->most;
        return integer->magnitude <= (uint64_t)0 - (uint64_t)range->least;
}

/* Two's complement, low bytes first or last: the value is converted to the type itself, then
 * copied. */
static void store_integer(uint32_t type, const struct integer *integer, void *bytes)
{
        uint64_t bits = integer->negative ? (uint64_t)0 - integer->magnitude : integer->magnitude;
        uint8_t u8 = (uint8_t)bits;
        uint16_t u16 = (uint16_t)bits;
        uint32_t u32 = (uint32_t)bits;
        const void *from[] = { [1] = &u8, [2] = &u16, [4] = &u32, [8] = &bits };
        size_t size = seqcast_type_bytes(type);
        memcpy(bytes, from[size], size);
}

static bool parse_integer_element(const struct named_field *named, const char *string, void *bytes,
                                  struct failure *failure)
{
        uint32_t type = named->field.type;
        struct integer_range range = range_of(type);
        struct integer integer;
        enum number_state state = parse_integer(string, &integer);
        if (state == NUMBER_BAD)
                return fail_value(named, failure, "'%.80s' is not an integer (%s)", string,
                                  seqcast_type_name(type));
        if (state == NUMBER_TOO_BIG || !in_range(&integer, &range))
                return fail_value(named, failure, "%.80s does not fit %s (%" PRId64 "..%" PRIu64 ")", string,
                                  seqcast_type_name(type), range.least, range.most);
        store_integer(type, &integer, bytes);
        return true;
}

static bool parse_float_element(const struct named_field *named, const char *string, void *bytes,
                                struct failure *failure)
{
        enum number_state state;
        if (named->field.type == SEQCAST_F32) {
                float value = 0;
                state = parse_float(string, &value);
                memcpy(bytes, &value, sizeof(value));
        } else {
                double value = 0;
                state = parse_double(string, &value);
                memcpy(bytes, &value, sizeof(value));
        }
        if (state == NUMBER_TOO_BIG)
                return fail_value(
                        named, failure, "%.80s does not fit %s (-%s..%s)", string,
                        seqcast_type_name(named->field.type),
                        named->field.type == SEQCAST_F32 ? "3.4028235e+38" : "1.7976931348623157e+308",
                        named->field.type == SEQCAST_F32 ? "3.4028235e+38" : "1.7976931348623157e+308");
        return state == NUMBER_OK || fail_value(named, failure, "'%.80s' is not a number (%s)", string,
                                                seqcast_type_name(named->field.type));
}

static bool parse_bool_element(const struct named_field *named, const char *string, void *bytes,
                               struct failure *failure)
{
        static const struct {
                const char *word;
                unsigned char value;
        } words[] = { { "true", 1 }, { "false", 0 }, { "1", 1 }, { "0", 0 } };
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
                if (strcmp(string, words[i].word) == 0) {
                        memcpy(bytes, &words[i].value, 1);
                        return true;
                }
        }
        return fail_value(named, failure, "'%.80s' is not a bool (true, false, 1, 0)", string);
}

bool value_parse_element(const struct named_field *named, const char *string, void *bytes,
                         struct failure *failure)
{
        if (named->field.type == SEQCAST_BOOL)
                return parse_bool_element(named, string, bytes, failure);
        if (type_is_float(named->field.type))
                return parse_float_element(named, string, bytes, failure);
        return parse_integer_element(named, string, bytes, failure);
}

/* ---- text and bytes ------------------------------------------------------------------------ */

/* Not in the middle of a character, where there are characters. */
static size_t cut_length(const char *string, size_t length, size_t room)
{
        size_t at = 0;
        for (;;) {
                size_t size = utf8_character((const unsigned char *)string + at, length - at);
                size = size > 0 ? size : 1;
                if (at + size > room)
                        return at;
                at += size;
        }
}

bool value_set_text(const struct named_field *named, const char *string, size_t length, bool truncate,
                    void *bytes, struct failure *failure)
{
        size_t room = field_size(&named->field);
        while (length > 0 && string[length - 1] == '\0')
                length--;
        if (length > 0 && memchr(string, '\0', length) != NULL)
                return fail_value(named, failure, "text with a zero byte in its middle");
        if (length > room && !truncate) {
                struct text type = TEXT_EMPTY;
                print_field_type(&type, &named->field);
                fail_value(named, failure, "'%.80s' is %zu bytes, too long for %s", string, length,
                           text_string(&type));
                text_free(&type);
                return fail_hint(failure, "(--truncate cuts it)");
        }
        if (length > room)
                length = cut_length(string, length, room);
        memset(bytes, 0, room);
        if (length > 0)
                memcpy(bytes, string, length);
        return true;
}

bool value_decode(const struct named_field *named, const char *string, size_t length, int bytes_as,
                  void *bytes, struct failure *failure)
{
        struct text decoded = TEXT_EMPTY;
        bool good = bytes_as == BYTES_AS_HEX ? hex_decode(&decoded, string, length)
                                             : base64_decode(&decoded, string, length);
        if (!good)
                fail_value(named, failure, "'%.80s' is not %s", string,
                           bytes_as == BYTES_AS_HEX ? "hex" : "base64");
        else if (decoded.length != field_size(&named->field))
                good = fail_value(named, failure, "%zu bytes, expected %zu", decoded.length,
                                  field_size(&named->field));
        else
                memcpy(bytes, decoded.bytes, decoded.length);
        text_free(&decoded);
        return good;
}

/* ---- fields -------------------------------------------------------------------------------- */

static bool fail_count(const struct named_field *named, uint64_t given, struct failure *failure)
{
        struct text type = TEXT_EMPTY;
        print_field_type(&type, &named->field);
        fail_value(named, failure, "%" PRIu64 " value%s given for %s", given, given == 1 ? "" : "s",
                   text_string(&type));
        text_free(&type);
        return false;
}

static bool parse_array(const struct named_field *named, const char *string, unsigned char *bytes,
                        struct failure *failure)
{
        uint64_t given = 1;
        for (const char *c = string; *c != '\0'; c++)
                given += *c == ',';
        if (given != named->field.count)
                return fail_count(named, given, failure);

        char *copy = copy_string(string);
        char *element = copy;
        bool good = true;
        for (uint64_t i = 0; good && i < given; i++) {
                char *next = element + strcspn(element, ",");
                *next = '\0';
                good = value_parse_element(named, element, bytes, failure);
                bytes += seqcast_type_bytes(named->field.type);
                element = next + 1;
        }
        free(copy);
        return good;
}

bool value_parse(const struct named_field *named, const char *string, const struct value_syntax *syntax,
                 void *bytes, struct failure *failure)
{
        if (field_is_text(&named->field)) {
                struct text plain = TEXT_EMPTY;
                unescape(&plain, string);
                bool good = value_set_text(named, text_string(&plain), plain.length, syntax->truncate, bytes,
                                           failure);
                text_free(&plain);
                return good;
        }
        if (field_is_bytes(&named->field, syntax->bytes))
                return value_decode(named, string, strlen(string), syntax->bytes, bytes, failure);
        if (named->field.is_array)
                return parse_array(named, string, bytes, failure);
        return value_parse_element(named, string, bytes, failure);
}
