/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* JSON objects as updates. json-c reads the syntax; numbers are judged here, from their own
 * digits. */

#include "common/json_input.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "common/number.h"

void json_input_open(struct json_input *input, const seqcast_schema *schema,
                     const struct value_syntax *syntax)
{
        input->tokener = json_tokener_new();
        if (input->tokener == NULL)
                abort();
        json_tokener_set_flags(input->tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        input->schema = schema;
        input->syntax = *syntax;
}

void json_input_close(struct json_input *input)
{
        json_tokener_free(input->tokener);
}

/* ---- digits -------------------------------------------------------------------------------- */

/* json-c clamps integers beyond 64 bits and forgets the sign of -0. With this exponent behind it,
 * such a number is a double to json-c, and a double keeps its digits. */
#define KEEP_DIGITS "e+000"

static bool keeps_its_digits(const char *digits, size_t length)
{
        char copy[24];
        struct integer integer;
        if (length >= sizeof(copy))
                return false;
        memcpy(copy, digits, length);
        copy[length] = '\0';
        return strcmp(copy, "-0") != 0 && parse_integer(copy, &integer) == NUMBER_OK &&
               (!integer.negative || integer.magnitude <= (uint64_t)INT64_MAX + 1);
}

/* Length of the string that `json` begins with, quotes included. */
static size_t string_length(const char *json, size_t length)
{
        for (size_t at = 1; at < length; at++) {
                if (json[at] == '\\')
                        at++;
                else if (json[at] == '"')
                        return at + 1;
        }
        return length;
}

/* False at a single quote: to json-c it begins a string, to JSON it is an error. */
static bool protect_digits(struct text *out, const char *json, size_t length)
{
        for (size_t at = 0; at < length;) {
                size_t size = 1;
                if (json[at] == '"') {
                        size = string_length(json + at, length - at);
                        text_add(out, json + at, size);
                } else if (strchr("-0123456789", json[at]) != NULL && json[at] != '\0') {
                        while (at + size < length && json[at + size] != '\0' &&
                               strchr("+-.0123456789eE", json[at + size]) != NULL)
                                size++;
                        text_add(out, json + at, size);
                        size_t integer_size = 1 + strspn(json + at + 1, "0123456789");
                        if (integer_size == size && !keeps_its_digits(json + at, size))
                                text_add_string(out, KEEP_DIGITS);
                } else if (json[at] == '\'') {
                        return false;
                } else {
                        text_add_char(out, json[at]);
                }
                at += size;
        }
        return true;
}

/* The text of a number, as it was written. */
static char *number_text(json_object *number)
{
        char *digits = copy_string(json_object_to_json_string_ext(number, JSON_C_TO_STRING_PLAIN));
        size_t length = strlen(digits), marker = strlen(KEEP_DIGITS);
        if (length > marker && strcmp(digits + length - marker, KEEP_DIGITS) == 0)
                digits[length - marker] = '\0';
        return digits;
}

/* ---- values -------------------------------------------------------------------------------- */

static bool fail_json_type(const struct named_field *named, json_object *value, const char *expected,
                           struct failure *failure)
{
        return fail(failure, E_DATA, "%s: %.80s given, expected %s", named->label,
                    json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), expected);
}

static bool set_element(const struct named_field *named, json_object *value, void *bytes,
                        struct failure *failure)
{
        const char *string;
        switch (json_object_get_type(value)) {
        case json_type_int:
        case json_type_double: {
                char *digits = number_text(value);
                bool good = value_parse_element(named, digits, bytes, failure);
                free(digits);
                return good;
        }
        case json_type_boolean:
                return value_parse_element(named, json_object_get_boolean(value) ? "true" : "false", bytes,
                                           failure);
        case json_type_string:
                string = json_object_get_string(value);
                if (strlen(string) != (size_t)json_object_get_string_len(value))
                        break;
                return value_parse_element(named, string, bytes, failure);
        default:
                break;
        }
        return fail_json_type(named, value, "one value", failure);
}

/* {"$hex":"4553ff"}: bytes that JSON text cannot carry. */
static bool is_encoded(json_object *value, json_object **ret_string, int *ret_bytes_as)
{
        if (!json_object_is_type(value, json_type_object) || json_object_object_length(value) != 1)
                return false;
        if (json_object_object_get_ex(value, "$hex", ret_string))
                *ret_bytes_as = BYTES_AS_HEX;
        else if (json_object_object_get_ex(value, "$base64", ret_string))
                *ret_bytes_as = BYTES_AS_BASE64;
        else
                return false;
        return json_object_is_type(*ret_string, json_type_string);
}

static bool set_array(const struct named_field *named, json_object *value, unsigned char *bytes,
                      struct failure *failure)
{
        if (!json_object_is_type(value, json_type_array)) {
                fail_json_type(named, value, "an array", failure);
                if (named->field.type == SEQCAST_U8 && json_object_is_type(value, json_type_string))
                        fail_hint(failure, "(--bytes says how text stands for bytes)");
                return false;
        }
        size_t given = json_object_array_length(value);
        if (given != named->field.count)
                return fail(failure, E_DATA, "%s: %zu values given for %s[%zu]", named->label, given,
                            seqcast_type_name(named->field.type), (size_t)named->field.count);
        for (size_t i = 0; i < given; i++) {
                if (!set_element(named, json_object_array_get_idx(value, i), bytes, failure))
                        return false;
                bytes += seqcast_type_bytes(named->field.type);
        }
        return true;
}

static bool set_field(const struct named_field *named, json_object *value, const struct value_syntax *syntax,
                      void *bytes, struct failure *failure)
{
        json_object *string = value;
        int bytes_as = syntax->bytes;
        bool is_string = json_object_is_type(value, json_type_string);
        if (is_encoded(value, &string, &bytes_as) || (is_string && field_is_bytes(&named->field, bytes_as)))
                return value_decode(named, json_object_get_string(string),
                                    (size_t)json_object_get_string_len(string), bytes_as, bytes, failure);
        if (field_is_text(&named->field))
                return is_string ? value_set_text(named, json_object_get_string(value),
                                                  (size_t)json_object_get_string_len(value), syntax->truncate,
                                                  bytes, failure)
                                 : fail_json_type(named, value, "text", failure);
        if (named->field.is_array)
                return set_array(named, value, bytes, failure);
        return set_element(named, value, bytes, failure);
}

/* ---- records ------------------------------------------------------------------------------- */

static bool set_fields(struct json_input *input, json_object *object, struct update *update,
                       struct failure *failure)
{
        json_object_object_foreach(object, key, value)
        {
                struct named_field named;
                if (!find_field(input->schema, key, &named, failure))
                        return false;
                void *bytes = update_add(update, named.field.offset, field_size(&named.field));
                if (!set_field(&named, value, &input->syntax, bytes, failure))
                        return false;
        }
        return true;
}

static json_object *parse_text(struct json_input *input, const char *json, size_t length,
                               struct failure *failure)
{
        struct text guarded = TEXT_EMPTY;
        if (!protect_digits(&guarded, json, length)) {
                fail(failure, E_DATA, "not a JSON object: single quote at column %zu", guarded.length + 1);
                text_free(&guarded);
                return NULL;
        }
        json_tokener_reset(input->tokener);
        /* The final zero byte tells json-c that a number at the very end is complete. */
        json_object *value =
                json_tokener_parse_ex(input->tokener, text_string(&guarded), (int)guarded.length + 1);
        enum json_tokener_error error = json_tokener_get_error(input->tokener);
        size_t end = json_tokener_get_parse_end(input->tokener);
        text_free(&guarded);

        if (error == json_tokener_continue)
                fail(failure, E_DATA, "not a JSON object: it ends too early");
        else if (error != json_tokener_success)
                fail(failure, E_DATA, "not a JSON object: %s at column %zu", json_tokener_error_desc(error),
                     end + 1);
        else if (!json_object_is_type(value, json_type_object))
                fail(failure, E_DATA, "not a JSON object");
        else
                return value;
        json_object_put(value);
        return NULL;
}

bool json_input_parse(struct json_input *input, const char *json, size_t length, struct update *update,
                      struct failure *failure)
{
        if (length >= INT32_MAX / 2)
                return fail(failure, E_DATA, "not a JSON object: too long");
        if (memchr(json, '\0', length) != NULL)
                return fail(failure, E_DATA, "not a JSON object: a zero byte");
        json_object *object = parse_text(input, json, length, failure);
        if (object == NULL)
                return false;

        json_object *record = object, *version;
        if (json_object_object_get_ex(object, "$shm", &version) &&
            !json_object_object_get_ex(object, "data", &record))
                record = NULL;
        bool good = json_object_is_type(record, json_type_object)
                            ? set_fields(input, record, update, failure)
                            : fail(failure, E_DATA, "envelope (\"$shm\") without an object as \"data\"");
        json_object_put(object);
        return good;
}
