/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Numbers as people write them on a command line. Nothing wraps, nothing is cut: what does not fit
 * is refused. No locale is ever used. */

#ifndef SEQCAST_TOOLS_NUMBER_H
#define SEQCAST_TOOLS_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"

/** An integer of either sign that fits 64 bits: sign and magnitude apart. */
struct integer {
        bool negative;
        uint64_t magnitude;
};

enum number_state { NUMBER_OK, NUMBER_BAD, NUMBER_TOO_BIG };

/** "-12", "0x1f", "0b101". TOO_BIG: an integer, but beyond 64 bits. */
enum number_state parse_integer(const char *string, struct integer *ret_integer);

/** "1.5", "-3e9", "0x1p3", "nan", "-inf", "Infinity". TOO_BIG: finite, but beyond a double or
 * float. */
enum number_state parse_double(const char *string, double *ret_value);
enum number_state parse_float(const char *string, float *ret_value);

/** "12", "4K", "1M", "2G" (powers of 1024): no sign. */
bool parse_count(const char *string, uint64_t *ret_count);

/** "500us", "20ms", "1.5s", "2min", "1h"; a bare number is seconds. */
bool parse_duration(const char *string, int64_t *ret_ns);

/** Records per second, as the time from one to the next. */
bool parse_rate(const char *string, int64_t *ret_interval_ns);

/** "1.3 ms": three digits and a unit, for people. */
void print_duration(struct text *out, int64_t ns);

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

#endif
