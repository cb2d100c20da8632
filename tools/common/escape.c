/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Bytes as harmless text, and back. */

#include "common/escape.h"

#include <stdint.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t utf8_character(const unsigned char *bytes, size_t length)
{
        if (length == 0)
                return 0;
        if (bytes[0] < 0x80)
                return 1;
        size_t size = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
        if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || size > length)
                return 0;
        for (size_t i = 1; i < size; i++)
                if ((bytes[i] & 0xc0) != 0x80)
                        return 0;
        /* Overlong forms, surrogates, and what lies beyond U+10FFFF show in the second byte. */
        if ((bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xed && bytes[1] > 0x9f) ||
            (bytes[0] == 0xf0 && bytes[1] < 0x90) || (bytes[0] == 0xf4 && bytes[1] > 0x8f))
                return 0;
        return size;
}

bool utf8_valid(const unsigned char *bytes, size_t length)
{
        for (size_t at = 0; at < length;) {
                size_t size = utf8_character(bytes + at, length - at);
                if (size == 0)
                        return false;
                at += size;
        }
        return true;
}

/* C0, DEL and C1 (U+0080 to U+009F): terminals act on all of them. */
static bool is_control(const unsigned char *character, size_t size)
{
        return character[0] < 0x20 || character[0] == 0x7f ||
               (size == 2 && character[0] == 0xc2 && character[1] < 0xa0);
}

static void add_escaped(struct text *out, const unsigned char *bytes, size_t length)
{
        for (size_t i = 0; i < length; i++)
                text_print(out, "\\x%02x", bytes[i]);
}

static void escape_bytes(struct text *out, const unsigned char *bytes, size_t length, bool double_backslash)
{
        for (size_t at = 0; at < length;) {
                size_t size = utf8_character(bytes + at, length - at);
                if (size == 0 || is_control(bytes + at, size))
                        add_escaped(out, bytes + at, size > 0 ? size : 1);
                else if (bytes[at] == '\\' && double_backslash)
                        text_add_string(out, "\\\\");
                else
                        text_add(out, bytes + at, size);
                at += size > 0 ? size : 1;
        }
}

void escape_controls(struct text *out, const char *string, size_t length)
{
        escape_bytes(out, (const unsigned char *)string, length, false);
}

void escape(struct text *out, const unsigned char *bytes, size_t length)
{
        escape_bytes(out, bytes, length, true);
}

static int hex_value(char digit)
{
        if (digit >= '0' && digit <= '9')
                return digit - '0';
        if (digit >= 'a' && digit <= 'f')
                return digit - 'a' + 10;
        if (digit >= 'A' && digit <= 'F')
                return digit - 'A' + 10;
        return -1;
}

static bool hex_pair(const char *digits, char *ret_byte)
{
        int high = hex_value(digits[0]);
        int low = high >= 0 ? hex_value(digits[1]) : -1;
        if (low < 0)
                return false;
        *ret_byte = (char)(high * 16 + low);
        return true;
}

void unescape(struct text *out, const char *string)
{
        while (*string != '\0') {
                char byte;
                if (string[0] == '\\' && string[1] == '\\') {
                        text_add_char(out, '\\');
                        string += 2;
                } else if (string[0] == '\\' && string[1] == 'x' && hex_pair(string + 2, &byte)) {
                        text_add_char(out, byte);
                        string += 4;
                } else {
                        text_add_char(out, *string++);
                }
        }
}

void hex_encode(struct text *out, const unsigned char *bytes, size_t length)
{
        char *digits = text_grow(out, 2 * length);
        for (size_t i = 0; i < length; i++) {
                digits[2 * i] = hex_digits[bytes[i] >> 4];
                digits[2 * i + 1] = hex_digits[bytes[i] & 15];
        }
}

bool hex_decode(struct text *out, const char *string, size_t length)
{
        if (length % 2 != 0)
                return false;
        for (size_t i = 0; i < length; i += 2) {
                char byte;
                if (!hex_pair(string + i, &byte))
                        return false;
                text_add_char(out, byte);
        }
        return true;
}

void base64_encode(struct text *out, const unsigned char *bytes, size_t length)
{
        for (size_t at = 0; at < length; at += 3) {
                size_t group = length - at < 3 ? length - at : 3;
                uint32_t bits = (uint32_t)bytes[at] << 16;
                bits |= group > 1 ? (uint32_t)bytes[at + 1] << 8 : 0;
                bits |= group > 2 ? (uint32_t)bytes[at + 2] : 0;
                text_add_char(out, base64_digits[bits >> 18]);
                text_add_char(out, base64_digits[bits >> 12 & 63]);
                text_add_char(out, group > 1 ? base64_digits[bits >> 6 & 63] : '=');
                text_add_char(out, group > 2 ? base64_digits[bits & 63] : '=');
        }
}

static bool base64_group(struct text *out, const char *digits, size_t used)
{
        uint32_t bits = 0;
        for (size_t i = 0; i < 4; i++) {
                const char *digit = i < used ? strchr(base64_digits, digits[i]) : base64_digits;
                if (digit == NULL || (i < used && digits[i] == '\0'))
                        return false;
                bits = bits << 6 | (uint32_t)(digit - base64_digits);
        }
        const char bytes[] = { (char)(bits >> 16 & 255), (char)(bits >> 8 & 255), (char)(bits & 255) };
        text_add(out, bytes, used - 1);
        return true;
}

bool base64_decode(struct text *out, const char *string, size_t length)
{
        if (length % 4 != 0)
                return false;
        for (size_t at = 0; at < length; at += 4) {
                size_t used = 4;
                if (at + 4 == length)
                        while (used > 2 && string[at + used - 1] == '=')
                                used--;
                if (!base64_group(out, string + at, used))
                        return false;
        }
        return true;
}
