/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Numbers as people write them on a command line, by value. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

#include "common/number.h"

#define UNTOUCHED 424242

static int64_t duration(const char *string)
{
        int64_t ns = UNTOUCHED;

        cr_assert(parse_duration(string, &ns), "%s", string);
        return ns;
}

static uint64_t count(const char *string)
{
        uint64_t number = UNTOUCHED;

        cr_assert(parse_count(string, &number), "%s", string);
        return number;
}

static int64_t interval(const char *string)
{
        int64_t ns = UNTOUCHED;

        cr_assert(parse_rate(string, &ns), "%s", string);
        return ns;
}

Test(number, a_duration_has_a_unit)
{
        cr_expect(eq(i64, duration("7ns"), 7));
        cr_expect(eq(i64, duration("500us"), 500000));
        cr_expect(eq(i64, duration("20ms"), 20000000));
        cr_expect(eq(i64, duration("3s"), INT64_C(3000000000)));
        cr_expect(eq(i64, duration("2min"), INT64_C(120000000000)));
        cr_expect(eq(i64, duration("1h"), INT64_C(3600000000000)));
}

Test(number, a_bare_duration_is_seconds)
{
        cr_expect(zero(i64, duration("0")));
        cr_expect(eq(i64, duration("4"), INT64_C(4000000000)));
        cr_expect(eq(i64, duration("0.25"), 250000000));
        cr_expect(eq(i64, duration(".5"), 500000000));
}

Test(number, a_duration_may_have_a_fraction_and_is_rounded)
{
        cr_expect(eq(i64, duration("1.5s"), 1500000000));
        cr_expect(eq(i64, duration("1.5us"), 1500));
        cr_expect(eq(i64, duration("0.5h"), INT64_C(1800000000000)));
        cr_expect(eq(i64, duration("1.6ns"), 2));
        cr_expect(eq(i64, duration("1.4ns"), 1));
}

Test(number, what_is_no_duration_is_refused)
{
        static const char *const bad[] = { "",     "s",     "ms",   "1x",  "1 s",  " 1s",    "1s ",
                                           "-1s",  "+1s",   "1S",   "1m",  "1e3s", "1.2.3s", ".",
                                           "1sec", "1s1ms", "0x10", "nan", "inf",  "9e9h" };

        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                int64_t ns = UNTOUCHED;

                cr_expect(not(parse_duration(bad[i], &ns)), "%s", bad[i]);
                cr_expect(eq(i64, ns, UNTOUCHED), "%s", bad[i]);
        }
}

Test(number, a_duration_that_does_not_fit_is_refused)
{
        static const char *const bad[] = { "9000000000s", "9000000000", "2500000h", "18446744073709551616ns",
                                           "10000000000000000000000000000000000000000" };
        int64_t ns;

        cr_expect(eq(i64, duration("8000000000s"), INT64_C(8000000000000000000)));
        cr_expect(eq(i64, duration("2499999h"), INT64_C(8999996400000000000)));
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_expect(not(parse_duration(bad[i], &ns)), "%s", bad[i]);
}

Test(number, a_count_has_units_of_1024)
{
        cr_expect(zero(u64, count("0")));
        cr_expect(eq(u64, count("12"), 12));
        cr_expect(eq(u64, count("010"), 10), "no octal");
        cr_expect(eq(u64, count("4K"), 4096));
        cr_expect(eq(u64, count("1M"), 1048576));
        cr_expect(eq(u64, count("2G"), UINT64_C(2147483648)));
        cr_expect(eq(u64, count("3T"), UINT64_C(3298534883328)));
}

Test(number, what_is_no_count_is_refused)
{
        static const char *const bad[] = { "",   "K",  "-1", "+1",  "1.5",  "1k",  "1KB", "1Ki",
                                           "1P", "1 ", " 1", "1e3", "0x10", "0b1", "nan", "x" };

        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                uint64_t number = UNTOUCHED;

                cr_expect(not(parse_count(bad[i], &number)), "%s", bad[i]);
                cr_expect(eq(u64, number, UNTOUCHED), "%s", bad[i]);
        }
}

Test(number, a_count_that_does_not_fit_is_refused)
{
        static const char *const bad[] = {
                "18446744073709551616", "18014398509481984K", "17592186044416M",
                "17179869184G",         "16777216T",          "99999999999999999999999999999999999"
        };
        uint64_t number;

        cr_expect(eq(u64, count("18446744073709551615"), UINT64_MAX));
        cr_expect(eq(u64, count("18014398509481983K"), UINT64_MAX - 1023));
        cr_expect(eq(u64, count("16777215T"), UINT64_C(16777215) << 40));
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_expect(not(parse_count(bad[i], &number)), "%s", bad[i]);
}

Test(number, a_rate_becomes_the_time_between_two)
{
        static const char *const bad[] = { "0", "-1", "nan", "inf", "1e-7", "1.1e9", "10Hz", "1K", "", " 1" };
        int64_t ns;

        cr_expect(eq(i64, interval("1"), 1000000000));
        cr_expect(eq(i64, interval("100"), 10000000));
        cr_expect(eq(i64, interval("1e3"), 1000000));
        cr_expect(eq(i64, interval("0.5"), 2000000000));
        cr_expect(eq(i64, interval("3"), 333333333));
        cr_expect(eq(i64, interval("1e9"), 1));
        cr_expect(eq(i64, interval("1e-6"), INT64_C(1000000000000000)));
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_expect(not(parse_rate(bad[i], &ns)), "%s", bad[i]);
}

static void expect_printed(int64_t ns, const char *expected)
{
        struct text text = TEXT_EMPTY;

        print_duration(&text, ns);
        cr_expect(eq(str, (char *)text_string(&text), (char *)expected));
        text_free(&text);
}

Test(number, a_duration_is_printed_with_a_unit)
{
        expect_printed(0, "0 ns");
        expect_printed(999, "999 ns");
        expect_printed(1000, "1.0 us");
        expect_printed(1300000, "1.3 ms");
        expect_printed(123456789, "123 ms");
        expect_printed(1500000000, "1.5 s");
        expect_printed(INT64_C(59900000000), "59.9 s");
        expect_printed(INT64_C(90000000000), "1.5 min");
        expect_printed(INT64_C(5400000000000), "1.5 h");
        expect_printed(INT64_C(360000000000000), "100 h");
        expect_printed(-1300000, "-1.3 ms");
        expect_printed(-1, "-1 ns");
        expect_printed(INT64_MIN, "-2562048 h");
}

Test(number, an_integer_is_decimal_hexadecimal_or_binary)
{
        static const struct {
                const char *string;
                bool negative;
                uint64_t magnitude;
        } good[] = {
                { "0", false, 0 },
                { "12", false, 12 },
                { "-12", true, 12 },
                { "+12", false, 12 },
                { "010", false, 10 },
                { "0x1f", false, 31 },
                { "-0X1F", true, 31 },
                { "0b101", false, 5 },
                { "0B11", false, 3 },
                { "18446744073709551615", false, UINT64_MAX },
                { "-0xffffffffffffffff", true, UINT64_MAX },
        };
        static const char *const bad[] = { "",  "-",  "+",  "0x",  "0b",  "0b2", "0xg",
                                           "a", "1 ", " 1", "--1", "1.0", "1e3", "1_0" };
        struct integer integer;

        for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
                cr_expect(eq(int, parse_integer(good[i].string, &integer), NUMBER_OK), "%s", good[i].string);
                cr_expect(eq(u64, integer.magnitude, good[i].magnitude), "%s", good[i].string);
                cr_expect(eq(int, integer.negative, good[i].negative), "%s", good[i].string);
        }
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_expect(eq(int, parse_integer(bad[i], &integer), NUMBER_BAD), "%s", bad[i]);
        cr_expect(eq(int, parse_integer("18446744073709551616", &integer), NUMBER_TOO_BIG));
        cr_expect(eq(int, parse_integer("0x10000000000000000", &integer), NUMBER_TOO_BIG));
        cr_expect(eq(int, parse_integer("99999999999999999999999999", &integer), NUMBER_TOO_BIG));
}

Test(number, a_double_is_what_c_reads)
{
        static const char *const bad[] = { "", " 1", "1 ", "1,5", "x", "1e", "nan(1)", "0b2", "1s" };
        double value;

        cr_expect(parse_double("1.5", &value) == NUMBER_OK && value == 1.5);
        cr_expect(parse_double("-3e9", &value) == NUMBER_OK && value == -3e9);
        cr_expect(parse_double("0x1p3", &value) == NUMBER_OK && value == 8);
        cr_expect(parse_double("-0b101", &value) == NUMBER_OK && value == -5);
        cr_expect(parse_double("nan", &value) == NUMBER_OK && isnan(value));
        cr_expect(parse_double("-inf", &value) == NUMBER_OK && isinf(value) && value < 0);
        cr_expect(parse_double("Infinity", &value) == NUMBER_OK && isinf(value) && value > 0);
        cr_expect(eq(int, parse_double("1e999", &value), NUMBER_TOO_BIG));
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_expect(eq(int, parse_double(bad[i], &value), NUMBER_BAD), "%s", bad[i]);
}

Test(number, a_float_is_rounded_once)
{
        float value;

        cr_expect(parse_float("1.5", &value) == NUMBER_OK && value == 1.5f);
        cr_expect(parse_float("0b11", &value) == NUMBER_OK && value == 3);
        /* the double next to it is a tie, which goes down */
        cr_expect(parse_float("1.000000059604644775390626", &value) == NUMBER_OK && value == 0x1.000002p0f);
        cr_expect(eq(int, parse_float("1e39", &value), NUMBER_TOO_BIG));
        cr_expect(parse_float("inf", &value) == NUMBER_OK && isinf(value));
        cr_expect(eq(int, parse_float("1f", &value), NUMBER_BAD));
}
