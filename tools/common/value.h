/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* One field's bytes as text, and text as one field's bytes. What is printed here is read back to
 * the same bits, NaNs aside. Knows nothing of JSON, CSV and records. */

#ifndef SEQCAST_TOOLS_VALUE_H
#define SEQCAST_TOOLS_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/failure.h"
#include "common/text.h"
#include "seqcast.h"

/** How u8[n] is written; in the order of the words "array|hex|base64". */
enum bytes_as { BYTES_AS_ARRAY, BYTES_AS_HEX, BYTES_AS_BASE64 };

struct value_syntax {
        int bytes;     /* enum bytes_as */
        bool truncate; /* cut text that is too long instead of refusing it */
};

/** A field under the name it was asked for by: "w[1]" for an element of "w". */
struct named_field {
        const char *label;
        seqcast_field field;
};

/** char[n] and a single char are text; u8[n] is bytes where the syntax says so. */
bool field_is_text(const seqcast_field *field);
bool field_is_bytes(const seqcast_field *field, int bytes_as);

/** "i32", "char[11]" */
void print_field_type(struct text *out, const seqcast_field *field);

size_t field_size(const seqcast_field *field);

/** Look `label` up; suggests the nearest name if there is no such field (E_DATA). */
bool find_field(const seqcast_schema *schema, const char *label, struct named_field *ret_named,
                struct failure *failure);

/**
 * Text as in FIELD=VALUE and CSV: "1,2,3" for an array, "\x1b" and "\\" in text. Writes
 * field_size() bytes. @return false: E_DATA, nothing written that counts
 */
bool value_parse(const struct named_field *named, const char *string, const struct value_syntax *syntax,
                 void *bytes, struct failure *failure);

/** One element. */
bool value_parse_element(const struct named_field *named, const char *string, void *bytes,
                         struct failure *failure);

/** Text for char[n], byte for byte; and what u8[n] is, in hex or base64. */
bool value_set_text(const struct named_field *named, const char *string, size_t length, bool truncate,
                    void *bytes, struct failure *failure);
bool value_decode(const struct named_field *named, const char *string, size_t length, int bytes_as,
                  void *bytes, struct failure *failure);

/** What value_parse() reads. */
void value_print(struct text *out, const seqcast_field *field, const unsigned char *bytes, int bytes_as);
void value_print_element(struct text *out, uint32_t type, const unsigned char *bytes);

/** Bytes of a char[n] before its padding. */
size_t value_text_length(const seqcast_field *field, const unsigned char *bytes);

/** hex or base64 */
void value_encode(struct text *out, const unsigned char *bytes, size_t length, int bytes_as);

/** The shortest text that is read back to the same number. */
void print_double(struct text *out, double value);

/** An element as a number that C can compute with. Integers: see type_is_signed(). */
bool type_is_float(uint32_t type);
bool type_is_integer(uint32_t type);
bool type_is_signed(uint32_t type);
int64_t element_signed(uint32_t type, const unsigned char *bytes);
uint64_t element_unsigned(uint32_t type, const unsigned char *bytes);
double element_double(uint32_t type, const unsigned char *bytes);

#endif
