/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Records as JSON, one line each: the envelope {"$shm":1,...,"data":{...}} or the data alone. The
 * keys are what programs rely on: add, never rename. */

#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/escape.h"
#include "common/print.h"

#define ENVELOPE_VERSION 1
#define EXACT_IN_A_DOUBLE (INT64_C(1) << 53)

/* ---- elements ------------------------------------------------------------------------------ */

static json_object *json_text(const struct text *text)
{
        return json_object_new_string_len(text_string(text), (int)text->length);
}

static json_object *json_integer_as_text(int64_t number)
{
        struct text digits = TEXT_EMPTY;
        text_print(&digits, "%" PRId64, number);
        json_object *object = json_text(&digits);
        text_free(&digits);
        return object;
}

/* A 64-bit integer; readers that hold numbers in doubles lose digits beyond 2^53. */
static json_object *json_signed(int64_t number, int json_int)
{
        bool exact = number <= EXACT_IN_A_DOUBLE && number >= -EXACT_IN_A_DOUBLE;
        if (json_int == JSON_INT_NUMBER || (json_int == JSON_INT_AUTO && exact))
                return json_object_new_int64(number);
        return json_integer_as_text(number);
}

static json_object *json_unsigned(uint64_t number, int json_int)
{
        if (number <= (uint64_t)INT64_MAX)
                return json_signed((int64_t)number, json_int);
        if (json_int == JSON_INT_NUMBER)
                return json_object_new_uint64(number);
        struct text digits = TEXT_EMPTY;
        text_print(&digits, "%" PRIu64, number);
        json_object *object = json_text(&digits);
        text_free(&digits);
        return object;
}

static json_object *json_float(uint32_t type, const unsigned char *bytes)
{
        double value = element_double(type, bytes);
        if (isnan(value))
                return json_object_new_string("NaN");
        if (isinf(value))
                return json_object_new_string(value < 0 ? "-Infinity" : "Infinity");
        struct text digits = TEXT_EMPTY;
        value_print_element(&digits, type, bytes);
        if (value == 0 && signbit(value))
                text_add_string(&digits, ".0"); /* -0 would be read as an integer */
        json_object *object = json_object_new_double_s(value, text_string(&digits));
        text_free(&digits);
        return object;
}

static json_object *json_element(uint32_t type, const unsigned char *bytes, int json_int)
{
        if (type == SEQCAST_BOOL)
                return json_object_new_boolean(bytes[0] != 0);
        if (type_is_float(type))
                return json_float(type, bytes);
        if (seqcast_type_bytes(type) < 8)
                json_int = JSON_INT_NUMBER;
        return type_is_signed(type) ? json_signed(element_signed(type, bytes), json_int)
                                    : json_unsigned(element_unsigned(type, bytes), json_int);
}

/* ---- text ---------------------------------------------------------------------------------- */

/* json-c leaves DEL and the controls U+0080 to U+009F as they are, and a terminal would act on
 * them. */
static void quote(struct text *out, const unsigned char *bytes, size_t length)
{
        text_add_char(out, '"');
        for (size_t at = 0; at < length;) {
                size_t size = utf8_character(bytes + at, length - at);
                bool c1 = size == 2 && bytes[at] == 0xc2 && bytes[at + 1] < 0xa0;
                if (size == 0 || bytes[at] < 0x20 || bytes[at] == 0x7f)
                        text_print(out, "\\u00%02x", bytes[at]);
                else if (c1)
                        text_print(out, "\\u00%02x", bytes[at + 1]);
                else if (bytes[at] == '"' || bytes[at] == '\\')
                        text_print(out, "\\%c", bytes[at]);
                else
                        text_add(out, bytes + at, size);
                at += size > 0 ? size : 1;
        }
        text_add_char(out, '"');
}

static json_object *json_quoted(const unsigned char *bytes, size_t length)
{
        struct text quoted = TEXT_EMPTY;
        quote(&quoted, bytes, length);
        json_object *object = json_object_new_string("");
        json_object_set_serializer(object, json_object_userdata_to_json_string, quoted.bytes,
                                   json_object_free_userdata);
        return object;
}

static json_object *json_encoded(const unsigned char *bytes, size_t length, int bytes_as)
{
        struct text encoded = TEXT_EMPTY;
        value_encode(&encoded, bytes, length, bytes_as);
        json_object *object = json_text(&encoded);
        text_free(&encoded);
        return object;
}

/* {"$hex":"4553ff"}: what text cannot carry without loss. */
static json_object *json_wrapped(const unsigned char *bytes, size_t length, int bytes_as)
{
        json_object *object = json_object_new_object();
        json_object_object_add(object, bytes_as == BYTES_AS_BASE64 ? "$base64" : "$hex",
                               json_encoded(bytes, length, bytes_as));
        return object;
}

static json_object *json_text_value(const seqcast_field *field, const unsigned char *bytes, int bytes_as)
{
        size_t length = value_text_length(field, bytes);
        if (bytes_as != BYTES_AS_ARRAY && !utf8_valid(bytes, length))
                return json_wrapped(bytes, field_size(field), bytes_as);
        return json_quoted(bytes, length);
}

/* ---- fields -------------------------------------------------------------------------------- */

static json_object *json_value(const seqcast_field *field, const unsigned char *bytes,
                               const struct print_style *style)
{
        if (bytes == NULL)
                return NULL;
        if (field_is_text(field))
                return json_text_value(field, bytes, style->bytes);
        if (field_is_bytes(field, style->bytes))
                return json_encoded(bytes, field_size(field), style->bytes);
        if (!field->is_array)
                return json_element(field->type, bytes, style->json_int);
        json_object *array = json_object_new_array();
        for (uint64_t i = 0; i < field->count; i++)
                json_object_array_add(array,
                                      json_element(field->type, bytes + i * seqcast_type_bytes(field->type),
                                                   style->json_int));
        return array;
}

static json_object *json_data(const struct view *view, const struct print_style *style)
{
        if (view->schema == NULL)
                return json_wrapped(view->record, (size_t)view->sample.bytes, style->bytes);
        json_object *data = json_object_new_object();
        for (size_t i = 0; i < view->column_count; i++)
                if (view->columns[i].shown)
                        json_object_object_add(
                                data, view->columns[i].named.label,
                                json_value(&view->columns[i].named.field, view_bytes(view, i), style));
        return data;
}

/* ---- the envelope -------------------------------------------------------------------------- */

static void add_times(json_object *envelope, const struct snapshot *snapshot, int json_int)
{
        json_object *t = NULL, *t_ns = NULL, *age_ns = NULL;
        if (snapshot->timed) {
                struct text utc = TEXT_EMPTY;
                print_time_utc(&utc, snapshot->wall_ns);
                t = json_text(&utc);
                text_free(&utc);
                t_ns = json_signed(snapshot->wall_ns, json_int);
                age_ns = json_signed(snapshot->age_ns, json_int);
        }
        json_object_object_add(envelope, "t", t);
        json_object_object_add(envelope, "t_ns", t_ns);
        json_object_object_add(envelope, "age_ns", age_ns);
}

static json_object *json_writer(const seqcast_status *status)
{
        json_object *writer = json_object_new_object();
        json_object_object_add(writer, "pid", json_object_new_uint64(status->publisher_pid));
        json_object_object_add(writer, "alive", json_object_new_boolean(status->liveness == SEQCAST_LIVE));
        return writer;
}

static json_object *json_envelope(const struct snapshot *snapshot, const struct print_style *style)
{
        const seqcast_sample *sample = &snapshot->view->sample;
        struct text incarnation = TEXT_EMPTY;
        text_print(&incarnation, "%016" PRIx64, snapshot->info->incarnation);

        json_object *envelope = json_object_new_object();
        json_object_object_add(envelope, "$shm", json_object_new_int(ENVELOPE_VERSION));
        json_object_object_add(envelope, "name", json_object_new_string(snapshot->name));
        json_object_object_add(envelope, "seq", json_unsigned(sample->number, style->json_int));
        json_object_object_add(envelope, "skipped", json_unsigned(sample->lost, style->json_int));
        add_times(envelope, snapshot, style->json_int);
        json_object_object_add(envelope, "incarnation", json_text(&incarnation));
        json_object_object_add(envelope, "writer", json_writer(snapshot->status));
        json_object_object_add(envelope, "data", json_data(snapshot->view, style));
        text_free(&incarnation);
        return envelope;
}

void print_json(struct text *out, const struct snapshot *snapshot, const struct print_style *style)
{
        json_object *object =
                style->envelope ? json_envelope(snapshot, style) : json_data(snapshot->view, style);
        int flags = JSON_C_TO_STRING_NOSLASHESCAPE;
        flags |= style->pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : JSON_C_TO_STRING_PLAIN;
        size_t length;
        const char *json = json_object_to_json_string_length(object, flags, &length);
        text_add(out, json, length);
        text_add_char(out, '\n');
        json_object_put(object);
}
