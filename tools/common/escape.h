/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Bytes that may be anything, as text that is safe to show and can be read back: "\x1b" escapes,
 * hex, base64, and what is valid UTF-8. */

#ifndef SEQCAST_TOOLS_ESCAPE_H
#define SEQCAST_TOOLS_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/text.h"

/** Length of the valid UTF-8 character that `bytes` begins with; 0 if it begins with none. */
size_t utf8_character(const unsigned char *bytes, size_t length);

bool utf8_valid(const unsigned char *bytes, size_t length);

/** Controls and bytes that are no UTF-8 become \xNN, the rest stays: for messages. */
void escape_controls(struct text *out, const char *string, size_t length);

/** The same, and a backslash becomes two: nothing is lost, unescape() brings all bytes back. */
void escape(struct text *out, const unsigned char *bytes, size_t length);

/** "\xNN" and "\\" become bytes; any other backslash stands for itself. */
void unescape(struct text *out, const char *string);

void hex_encode(struct text *out, const unsigned char *bytes, size_t length);
void base64_encode(struct text *out, const unsigned char *bytes, size_t length);

/** False if the text is not what the encoder prints. */
bool hex_decode(struct text *out, const char *string, size_t length);
bool base64_decode(struct text *out, const char *string, size_t length);

#endif
