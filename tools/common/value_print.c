/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* From the bytes of one field to text, and to numbers to compare. */

#include "common/value.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escape.h"

bool field_is_text(const seqcast_field *field)
{
        return field->type == SEQCAST_CHAR;
}

bool field_is_bytes(const seqcast_field *field, int bytes_as)
{
        return bytes_as != BYTES_AS_ARRAY && field->type == SEQCAST_U8 && field->is_array;
}

size_t field_size(const seqcast_field *field)
{
        return (size_t)(field->count * seqcast_type_bytes(field->type));
}

void print_field_type(struct text *out, const seqcast_field *field)
{
        text_add_string(out, seqcast_type_name(field->type));
        if (field->is_array)
                text_print(out, "[%" PRIu64 "]", field->count);
}

bool type_is_float(uint32_t type)
{
        return type == SEQCAST_F32 || type == SEQCAST_F64;
}

bool type_is_integer(uint32_t type)
{
        return type >= SEQCAST_I8 && type <= SEQCAST_U64;
}

bool type_is_signed(uint32_t type)
{
        return type >= SEQCAST_I8 && type <= SEQCAST_I64;
}

/* ---- numbers ------------------------------------------------------------------------------- */

uint64_t element_unsigned(uint32_t type, const unsigned char *bytes)
{
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
        switch (seqcast_type_bytes(type)) {
        case 1:
                return bytes[0];
        case 2:
                memcpy(&u16, bytes, sizeof(u16));
                return u16;
        case 4:
                memcpy(&u32, bytes, sizeof(u32));
                return u32;
        default:
                memcpy(&u64, bytes, sizeof(u64));
                return u64;
        }
}

int64_t element_signed(uint32_t type, const unsigned char *bytes)
{
        unsigned unused_bits = 64 - 8 * (unsigned)seqcast_type_bytes(type);
        uint64_t sign = UINT64_C(1) << (63 - unused_bits);
        uint64_t value = element_unsigned(type, bytes);
        int64_t result;
        value = (value ^ sign) - sign;
        memcpy(&result, &value, sizeof(result));
        return result;
}

double element_double(uint32_t type, const unsigned char *bytes)
{
        float single;
        double value;
        if (type == SEQCAST_F32) {
                memcpy(&single, bytes, sizeof(single));
                return (double)single;
        }
        if (type == SEQCAST_F64) {
                memcpy(&value, bytes, sizeof(value));
                return value;
        }
        return type_is_signed(type) ? (double)element_signed(type, bytes)
                                    : (double)element_unsigned(type, bytes);
}

static bool print_not_finite(struct text *out, double value)
{
        if (isnan(value))
                text_add_string(out, "nan");
        else if (isinf(value))
                text_add_string(out, value < 0 ? "-inf" : "inf");
        return !isfinite(value);
}

/* Any decimal of up to 15 digits survives the way through a normal double, and %g drops zeros, so
 * 15 is where to begin; subnormals are coarser and may be shorter. The same for float with 6. */
void print_double(struct text *out, double value)
{
        char digits[40];
        if (print_not_finite(out, value))
                return;
        for (int precision = isnormal(value) ? DBL_DIG : 1; precision <= DBL_DECIMAL_DIG; precision++) {
                snprintf(digits, sizeof(digits), "%.*g", precision, value);
                if (strtod(digits, NULL) == value)
                        break;
        }
        text_add_string(out, digits);
}

static void print_float(struct text *out, float value)
{
        char digits[40];
        if (print_not_finite(out, (double)value))
                return;
        for (int precision = isnormal(value) ? FLT_DIG : 1; precision <= FLT_DECIMAL_DIG; precision++) {
                snprintf(digits, sizeof(digits), "%.*g", precision, (double)value);
                if (strtof(digits, NULL) == value)
                        break;
        }
        text_add_string(out, digits);
}

/* ---- text ---------------------------------------------------------------------------------- */

size_t value_text_length(const seqcast_field *field, const unsigned char *bytes)
{
        size_t room = field_size(field);
        const unsigned char *end = memchr(bytes, '\0', room);
        return end != NULL ? (size_t)(end - bytes) : room;
}

void value_encode(struct text *out, const unsigned char *bytes, size_t length, int bytes_as)
{
        if (bytes_as == BYTES_AS_BASE64)
                base64_encode(out, bytes, length);
        else
                hex_encode(out, bytes, length);
}

void value_print_element(struct text *out, uint32_t type, const unsigned char *bytes)
{
        float single;
        if (type == SEQCAST_BOOL) {
                text_add_string(out, bytes[0] != 0 ? "true" : "false");
        } else if (type == SEQCAST_F32) {
                memcpy(&single, bytes, sizeof(single));
                print_float(out, single);
        } else if (type == SEQCAST_F64) {
                print_double(out, element_double(type, bytes));
        } else if (type_is_signed(type)) {
                text_print(out, "%" PRId64, element_signed(type, bytes));
        } else {
                text_print(out, "%" PRIu64, element_unsigned(type, bytes));
        }
}

void value_print(struct text *out, const seqcast_field *field, const unsigned char *bytes, int bytes_as)
{
        size_t element = seqcast_type_bytes(field->type);
        if (field_is_text(field)) {
                escape(out, bytes, value_text_length(field, bytes));
                return;
        }
        if (field_is_bytes(field, bytes_as)) {
                value_encode(out, bytes, field_size(field), bytes_as);
                return;
        }
        for (uint64_t i = 0; i < field->count; i++) {
                if (i > 0)
                        text_add_char(out, ',');
                value_print_element(out, field->type, bytes + i * element);
        }
}
