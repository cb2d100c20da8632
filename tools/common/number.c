/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Numbers as people write them. */

#include "common/number.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static unsigned digit_value(char digit)
{
        if (digit >= '0' && digit <= '9')
                return (unsigned)(digit - '0');
        if (digit >= 'a' && digit <= 'f')
                return (unsigned)(digit - 'a') + 10;
        if (digit >= 'A' && digit <= 'F')
                return (unsigned)(digit - 'A') + 10;
        return 99;
}

enum number_state parse_integer(const char *string, struct integer *ret_integer)
{
        struct integer integer = { *string == '-', 0 };
        if (*string == '-' || *string == '+')
                string++;

        unsigned base = 10;
        if (string[0] == '0' && (string[1] == 'x' || string[1] == 'X'))
                base = 16;
        else if (string[0] == '0' && (string[1] == 'b' || string[1] == 'B'))
                base = 2;
        if (base != 10)
                string += 2;

        if (*string == '\0')
                return NUMBER_BAD;
        bool too_big = false;
        for (; *string != '\0'; string++) {
                unsigned digit = digit_value(*string);
                if (digit >= base)
                        return NUMBER_BAD;
                too_big |= integer.magnitude > (UINT64_MAX - digit) / base;
                integer.magnitude = integer.magnitude * base + digit;
        }
        if (too_big)
                return NUMBER_TOO_BIG;
        *ret_integer = integer;
        return NUMBER_OK;
}

/* strtod() also takes blanks and nan(...); neither is a number here. */
static bool looks_like_a_double(const char *string)
{
        return *string != '\0' && strspn(string, "+-.0123456789abcdefABCDEFxXpPiIntTyYN") == strlen(string);
}

/* Infinite although nobody wrote "inf" means that the number was too big. */
static bool says_infinity(const char *string)
{
        return strpbrk(string, "iI") != NULL;
}

/* Binary digits are no part of strtod()'s syntax. */
static bool parse_binary(const char *string, double *ret_value)
{
        const char *digits = string + strspn(string, "+-");
        struct integer integer;
        if (digits[0] != '0' || (digits[1] != 'b' && digits[1] != 'B') ||
            parse_integer(string, &integer) != NUMBER_OK)
                return false;
        *ret_value = integer.negative ? -(double)integer.magnitude : (double)integer.magnitude;
        return true;
}

enum number_state parse_double(const char *string, double *ret_value)
{
        if (!looks_like_a_double(string))
                return NUMBER_BAD;
        if (parse_binary(string, ret_value))
                return NUMBER_OK;
        char *end;
        double value = strtod(string, &end);
        if (*end != '\0')
                return NUMBER_BAD;
        if (isinf(value) && !says_infinity(string))
                return NUMBER_TOO_BIG;
        *ret_value = value;
        return NUMBER_OK;
}

/* Not through a double: rounding twice can miss the nearest float. */
enum number_state parse_float(const char *string, float *ret_value)
{
        double binary;
        if (!looks_like_a_double(string))
                return NUMBER_BAD;
        if (parse_binary(string, &binary)) {
                *ret_value = (float)binary;
                return NUMBER_OK;
        }
        char *end;
        float value = strtof(string, &end);
        if (*end != '\0')
                return NUMBER_BAD;
        if (isinf(value) && !says_infinity(string))
                return NUMBER_TOO_BIG;
        *ret_value = value;
        return NUMBER_OK;
}

bool parse_count(const char *string, uint64_t *ret_count)
{
        static const char units[] = "KMGT";
        char digits[32];
        size_t length = strspn(string, "0123456789");
        if (length == 0 || length >= sizeof(digits))
                return false;
        memcpy(digits, string, length);
        digits[length] = '\0';

        struct integer integer;
        if (parse_integer(digits, &integer) != NUMBER_OK)
                return false;
        unsigned shift = 0;
        if (string[length] != '\0') {
                const char *unit = strchr(units, string[length]);
                if (unit == NULL || string[length + 1] != '\0')
                        return false;
                shift = 10 * (unsigned)(unit - units + 1);
        }
        if (integer.magnitude > UINT64_MAX >> shift)
                return false;
        *ret_count = integer.magnitude << shift;
        return true;
}

bool parse_duration(const char *string, int64_t *ret_ns)
{
        static const struct {
                const char *unit;
                double ns;
        } units[] = {
                { "", 1e9 },   { "s", 1e9 },    { "ms", 1e6 },   { "us", 1e3 },
                { "ns", 1.0 }, { "min", 60e9 }, { "h", 3600e9 },
        };
        size_t length = strspn(string, "0123456789.");
        char digits[32];
        if (length == 0 || length >= sizeof(digits))
                return false;
        memcpy(digits, string, length);
        digits[length] = '\0';

        double number;
        if (parse_double(digits, &number) != NUMBER_OK)
                return false;
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
                if (strcmp(string + length, units[i].unit) != 0)
                        continue;
                if (number * units[i].ns >= 9e18)
                        return false;
                *ret_ns = (int64_t)(number * units[i].ns + 0.5);
                return true;
        }
        return false;
}

bool parse_rate(const char *string, int64_t *ret_interval_ns)
{
        double hertz;
        if (parse_double(string, &hertz) != NUMBER_OK || !(hertz >= 1e-6) || !(hertz <= 1e9))
                return false;
        *ret_interval_ns = (int64_t)(1e9 / hertz + 0.5);
        return true;
}

void print_duration(struct text *out, int64_t ns)
{
        static const struct {
                double ns;
                const char *unit;
        } units[] = { { 3600e9, "h" }, { 60e9, "min" }, { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" } };
        const char *sign = ns < 0 ? "-" : "";
        double magnitude = ns < 0 ? -(double)ns : (double)ns;
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
                if (magnitude < units[i].ns)
                        continue;
                text_print(out, "%s%.*f %s", sign, magnitude < 100 * units[i].ns ? 1 : 0,
                           magnitude / units[i].ns, units[i].unit);
                return;
        }
        text_print(out, "%s%.0f ns", sign, magnitude);
}
