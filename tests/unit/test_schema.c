/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout/schema.h"
#include "seqcast.h"

#include "../support/record.h"

static seqcast_schema *parsed(const char *text)
{
        seqcast_schema *schema = NULL;
        seqcast_detail why = { "" };

        cr_assert(eq(int, seqcast_schema_parse(text, &schema, &why), 0), "%s: %s", text, why.text);
        return schema;
}

static const char *printed(const seqcast_schema *schema)
{
        static char text[SEQCAST_SCHEMA_TEXT_MAX];
        int length = seqcast_schema_print(schema, text, sizeof text);

        cr_assert(eq(int, length, (int)strlen(text)));
        return text;
}

struct good {
        const char *text, *canonical;
};

Test(schema, text_is_printed_in_its_canonical_form)
{
        static const struct good rows[] = {
                { "a:i32", "a:i32@0;size=4,align=4" },
                { "a:u8,b:i64", "a:u8@0,b:i64@8;size=16,align=8" },
                { "a:i64,b:u8", "a:i64@0,b:u8@8;size=16,align=8" },
                { "a:u8,b:u8,c:i16,d:u8", "a:u8@0,b:u8@1,c:i16@2,d:u8@4;size=6,align=2" },
                { "b:i64@8,a:i64@0", "a:i64@0,b:i64@8;size=16,align=8" },
                { "bid:i64@0,ask:i64@8,sym:char[12]@16;size=32,align=8",
                  "bid:i64@0,ask:i64@8,sym:char[12]@16;size=32,align=8" },
                { "x:f64@3", "x:f64@3;size=16,align=8" }, /* packed by hand */
                { "x:f64@3;size=11,align=1", "x:f64@3;size=11,align=1" },
                { "a:i8,b:u8,c:i16,d:u16,e:i32,f:u32,g:i64,h:u64,i:f32,j:f64,k:bool,l:char",
                  "a:i8@0,b:u8@1,c:i16@2,d:u16@4,e:i32@8,f:u32@12,g:i64@16,h:u64@24,i:f32@32,j:f64@40,"
                  "k:bool@48,l:char@49;size=56,align=8" },
                { "a:u8[3],b:u32", "a:u8[3]@0,b:u32@4;size=8,align=4" },
                { "a:u8[1]", "a:u8[1]@0;size=1,align=1" },
                { "pos.x:f64,leg[1].id:u32,_:u8", "pos.x:f64@0,leg[1].id:u32@8,_:u8@12;size=16,align=8" },
                { "a:i64/hex,b:i64/time,c:i64/dur,d:i64/counter,e:f64/unit(\"m/s, or ;\")",
                  "a:i64@0/hex,b:i64@8/time,c:i64@16/dur,d:i64@24/counter,e:f64@32/unit(\"m/s, or ;\");"
                  "size=40,align=8" },
                { "a:i32;size=64,align=64,le,type=quote", "a:i32@0;size=64,align=64,type=quote" },
                { "a:i32;type=quote;le;size=8", "a:i32@0;size=8,align=4,type=quote" },
                { "a:u8[1099511627776]", "a:u8[1099511627776]@0;size=1099511627776,align=1" },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                seqcast_schema *schema = parsed(rows[i].text), *again;

                cr_expect(eq(str, (char *)printed(schema), (char *)rows[i].canonical));
                again = parsed(printed(schema));
                cr_expect(eq(str, (char *)printed(again), (char *)rows[i].canonical), "printing it again");
                cr_expect(zero(int, seqcast_schema_compare(schema, again, NULL)));
                cr_assert(zero(ptr, seqcast_schema_free(schema)));
                seqcast_schema_free(again);
        }
}

struct bad {
        const char *why, *text;
};

Test(schema, what_is_not_a_schema_is_refused_with_a_reason)
{
        static const char long_name[] = "a234567890123456789012345678901234567890123456789012345678901234:u8";
        static const struct bad rows[] = {
                { "nothing", "" },
                { "no fields", ";size=8" },
                { "no type", "a" },
                { "an empty type", "a:" },
                { "an unknown type", "a:int" },
                { "a type in capitals", "a:I32" },
                { "a type with something behind", "a:i32x" },
                { "no name", ":i32" },
                { "a name that starts with a digit", "1a:i32" },
                { "a name with a blank", "a b:i32" },
                { "a blank before a name", "a:i32, b:i32" },
                { "a name that ends in a dot", "a.:i32" },
                { "a name that starts with a dot", ".a:i32" },
                { "two dots", "a..b:i32" },
                { "an index that is not closed", "a[1:i32" },
                { "an index that is no number", "a[x]:i32" },
                { "an empty index", "a[]:i32" },
                { "letters after an index", "a[1]b:i32" },
                { "a name of 64 bytes", long_name },
                { "a name that is not ASCII", "\xc3\xa4:i32" },
                { "an array of nothing", "a:i32[0]" },
                { "an array without a count", "a:i32[]" },
                { "an array that is not closed", "a:i32[4" },
                { "a negative count", "a:i32[-1]" },
                { "two dimensions", "a:i32[2][2]" },
                { "a count above 2^40", "a:u8[1099511627777]" },
                { "a count that wraps round 2^64", "a:u8[18446744073709551617]" },
                { "a product above 2^40", "a:i64[1099511627776]" },
                { "a field that ends beyond 2^40", "a:i64@1099511627776" },
                { "an offset above 2^40", "a:i64@1099511627777" },
                { "an offset that is missing", "a:i64@" },
                { "an offset that is no number", "a:i64@x" },
                { "fields that end beyond 2^40 together", "a:u8[1099511627776],b:u8" },
                { "fields that overlap", "a:i64@0,b:i32@4" },
                { "fields at the same place", "a:i32@0,b:i32@0" },
                { "the same name twice", "a:i32,a:i32" },
                { "the same name twice, apart", "a:i32,b:i32,a:i32" },
                { "a comma at the end", "a:i32," },
                { "two commas", "a:i32,,b:i32" },
                { "a semicolon at the end", "a:i32;" },
                { "a comma behind the attributes", "a:i32;size=4," },
                { "fields behind the attributes", "a:i32;size=8;b:i32" },
                { "a size that is too small", "a:i64;size=7" },
                { "a size of zero", "a:i64;size=0" },
                { "a size above 2^40", "a:i64;size=1099511627777" },
                { "no size", "a:i64;size=" },
                { "a negative size", "a:i64;size=-8" },
                { "an alignment of zero", "a:i64;align=0" },
                { "an alignment of 3", "a:i64;align=3" },
                { "an alignment of 128", "a:i64;align=128" },
                { "an alignment that is cut to 32 bits", "a:i64;align=4294967304" },
                { "no type name", "a:i64;type=" },
                { "a type name that is none", "a:i64;type=1a" },
                { "an unknown attribute", "a:i64;be" },
                { "an attribute with something behind", "a:i64;lex" },
                { "an empty attribute", "a:i64;size=8,,le" },
                { "an unknown hint", "a:i64/octal" },
                { "an empty hint", "a:i64/" },
                { "a hint that is not closed", "a:i64/unit(\"m" },
                { "a hint without quotes", "a:i64/unit(m)" },
                { "a hint with a quote in it", "a:i64/unit(\"a\"b\")" },
                { "a hint with a control character", "a:i64/unit(\"a\tb\")" },
                { "two hints", "a:i64/hex/time" },
                { "a hint before the offset", "a:i64/hex@8" },
                { "blanks behind", "a:i64 " },
                { "a newline behind", "a:i64\n" },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                seqcast_schema *schema = (void *)&rows;
                seqcast_detail why = { "" };

                cr_expect(eq(int, seqcast_schema_parse(rows[i].text, &schema, &why), -EINVAL), "%s",
                          rows[i].why);
                cr_expect(eq(ptr, schema, (void *)&rows), "%s: the output is left alone", rows[i].why);
                cr_expect(lt(sz, 0, strlen(why.text)), "%s: a reason is given", rows[i].why);
                cr_expect(eq(int, seqcast_schema_parse(rows[i].text, &schema, NULL), -EINVAL), "%s",
                          rows[i].why);
        }
}

Test(schema, the_reason_names_the_column)
{
        seqcast_schema *schema;
        seqcast_detail why;

        cr_assert(eq(int, seqcast_schema_parse("abc:i32,d:int", &schema, &why), -EINVAL));
        cr_assert(zero(int, strncmp(why.text, "column 11: ", 11)), "%s", why.text);
}

Test(schema, text_has_less_than_64_kibibytes)
{
        char *text = malloc(SEQCAST_SCHEMA_TEXT_MAX + 1);
        seqcast_schema *schema = NULL;

        strcpy(text, "a:i32/unit(\"");
        memset(text + 12, 'x', SEQCAST_SCHEMA_TEXT_MAX - 12);
        strcpy(text + SEQCAST_SCHEMA_TEXT_MAX - 2, "\")");
        cr_assert(eq(int, seqcast_schema_parse(text, &schema, NULL), -EINVAL));
        strcpy(text + SEQCAST_SCHEMA_TEXT_MAX - 3, "\")");
        cr_assert(eq(int, seqcast_schema_parse(text, &schema, NULL), 0));
        cr_assert(eq(int, seqcast_schema_print(schema, NULL, 0), -EINVAL), "canonical, it is too long");
        seqcast_schema_free(schema);
        free(text);
}

Test(schema, many_fields_are_possible)
{
        char text[SEQCAST_SCHEMA_TEXT_MAX] = "";
        size_t length = 0;
        seqcast_schema *schema;
        seqcast_field field;

        for (int i = 0; i < 2000; i++)
                length += (size_t)sprintf(text + length, "%sf%d:u32", i ? "," : "", i);
        schema = parsed(text);
        cr_assert(eq(sz, schema->field_count, 2000));
        cr_assert(zero(int, seqcast_schema_find(schema, "f1999", &field)));
        cr_assert(eq(u64, field.offset, 4 * 1999));
        seqcast_schema_free(schema);
}

/* Whatever the text, parsing stays in bounds (see the sanitizer builds) and what is accepted is whole. */
Test(schema, no_text_leads_the_parser_astray, .timeout = 60)
{
        static const char *const seeds[] = {
                "bid:i64@0,ask:i64@8/hex,sym:char[12]@16;size=32,align=8,type=quote",
                "pos.x:f64/unit(\"m\"),leg[1].id:u32,w:u8[4]",
        };
        static const char letters[] = "abi86432:@[];,=/\".()0123456789 \x80";
        uint64_t seed = 7, accepted = 0;

        for (int turn = 0; turn < 200000; turn++) {
                char text[128];
                seqcast_schema *schema;
                size_t length;

                strcpy(text, seeds[turn % 2]);
                length = strlen(text);
                for (uint64_t i = random_below(&seed, 4); i > 0; i--)
                        text[random_below(&seed, length)] = letters[random_below(&seed, sizeof letters - 1)];
                if (random_below(&seed, 4) == 0)
                        text[random_below(&seed, length)] = '\0';
                if (seqcast_schema_parse(text, &schema, NULL) != 0)
                        continue;
                accepted++;
                if (seqcast_schema_print(schema, NULL, 0) <= 0)
                        cr_fatal("accepted but not printable: %s", text);
                seqcast_schema_free(schema);
        }
        cr_assert(lt(u64, 20000, accepted), "a run that accepts nothing proves nothing");
}

Test(schema, print_follows_the_rules_of_snprintf)
{
        seqcast_schema *schema = parsed("a:i32");
        const char whole[] = "a:i32@0;size=4,align=4";
        char text[64];

        for (size_t capacity = 0; capacity < sizeof text; capacity++) {
                memset(text, '#', sizeof text);
                cr_assert(eq(int, seqcast_schema_print(schema, text, capacity), sizeof whole - 1));
                if (capacity > 0)
                        cr_assert(zero(int, strncmp(text, whole, capacity - 1)));
                if (capacity > 0 && capacity < sizeof whole)
                        cr_assert(eq(chr, text[capacity - 1], '\0'));
                cr_assert(eq(chr, text[capacity < sizeof whole ? capacity : sizeof whole], '#'));
        }
        seqcast_schema_free(schema);
}

struct wrong_field {
        const char *why;
        seqcast_field field;
        uint64_t record_bytes;
        uint32_t align;
};

Test(schema, what_was_written_by_hand_is_checked_as_well)
{
        static const struct wrong_field rows[] = {
                { "no name", { NULL, NULL, 0, 1, SEQCAST_I32, 0 }, 8, 4 },
                { "an empty name", { "", NULL, 0, 1, SEQCAST_I32, 0 }, 8, 4 },
                { "a name that is none", { "a b", NULL, 0, 1, SEQCAST_I32, 0 }, 8, 4 },
                { "type 0", { "a", NULL, 0, 1, 0, 0 }, 8, 4 },
                { "type 13", { "a", NULL, 0, 1, 13, 0 }, 8, 4 },
                { "a type far off", { "a", NULL, 0, 1, UINT32_MAX, 0 }, 8, 4 },
                { "no elements", { "a", NULL, 0, 0, SEQCAST_I32, 1 }, 8, 4 },
                { "two elements and no array", { "a", NULL, 0, 2, SEQCAST_I32, 0 }, 8, 4 },
                { "an end outside the record", { "a", NULL, 5, 1, SEQCAST_I32, 0 }, 8, 4 },
                { "an offset outside the record", { "a", NULL, 9, 1, SEQCAST_I32, 0 }, 8, 4 },
                { "an offset that wraps round", { "a", NULL, UINT64_MAX - 3, 1, SEQCAST_I32, 0 }, 8, 4 },
                { "a count that wraps round", { "a", NULL, 0, (uint64_t)1 << 62, SEQCAST_I32, 1 }, 8, 4 },
                { "an unknown hint", { "a", "octal", 0, 1, SEQCAST_I32, 0 }, 8, 4 },
                { "a record above 2^40", { "a", NULL, 0, 1, SEQCAST_I32, 0 }, ((uint64_t)1 << 40) + 1, 4 },
                { "an alignment of 3", { "a", NULL, 0, 1, SEQCAST_I32, 0 }, 8, 3 },
                { "an alignment of 128", { "a", NULL, 0, 1, SEQCAST_I32, 0 }, 128, 128 },
        };
        seqcast_schema *good = parsed("a:i32");
        const seqcast_schema empty = { NULL, 0, 8, 4, NULL };
        seqcast_detail untouched = { "untouched" };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const seqcast_schema schema = { &rows[i].field, 1, rows[i].record_bytes, rows[i].align,
                                                NULL };

                cr_expect(eq(int, seqcast_schema_print(&schema, NULL, 0), -EINVAL), "%s", rows[i].why);
                cr_expect(eq(int, seqcast_schema_compare(&schema, good, &untouched), -EINVAL), "%s",
                          rows[i].why);
                cr_expect(eq(int, seqcast_schema_compare(good, &schema, &untouched), -EINVAL), "%s",
                          rows[i].why);
        }
        cr_assert(eq(int, seqcast_schema_print(&empty, NULL, 0), -EINVAL));
        cr_assert(eq(str, untouched.text, "untouched"));
        seqcast_schema_free(good);
}

struct pair {
        const char *a, *b, *difference; /* NULL: the same */
};

Test(schema, schemas_are_compared_by_the_bytes_they_describe)
{
        static const struct pair rows[] = {
                { "a:i32,b:i64", "b:i64@8,a:i32@0", NULL },
                { "a:i32/hex", "a:i32/time", NULL },
                { "a:i32;type=x", "a:i32;type=y", NULL },
                { "a:i32;align=4,size=16", "a:i32;align=16,size=16", NULL },
                { "a:i32", "b:i32", "- a:i32@0 + b:i32@0" },
                { "a:i32", "a:u32", "- a:i32@0 + a:u32@0" },
                { "a:i32", "a:i64", "- a:i32@0 + a:i64@0 - size=4 + size=8" },
                { "a:i32;size=4", "a:i32;size=8", "- size=4 + size=8" },
                { "a:i32[2]", "a:i32[3]", "- a:i32[2]@0 + a:i32[3]@0 - size=8 + size=12" },
                { "a:i32[1]", "a:i32", "- a:i32[1]@0 + a:i32@0" },
                { "a:i32@0;size=8", "a:i32@4;size=8", "- a:i32@0 + a:i32@4" },
                { "a:i32,b:i32", "a:i32;size=8", "- b:i32@4" },
                { "a:i32;size=8", "a:i32,b:i32", "+ b:i32@4" },
                { "a:i32,b:i32,c:i32", "a:i32,x:i32,c:i32", "- b:i32@4 + x:i32@4" },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                seqcast_schema *a = parsed(rows[i].a), *b = parsed(rows[i].b);
                seqcast_detail difference = { "untouched" };

                if (rows[i].difference == NULL) {
                        cr_expect(zero(int, seqcast_schema_compare(a, b, &difference)), "row %zu", i);
                        cr_expect(eq(str, difference.text, "untouched"));
                } else {
                        cr_expect(eq(int, seqcast_schema_compare(a, b, &difference), SEQCAST_DIFFERENT));
                        cr_expect(eq(str, difference.text, (char *)rows[i].difference));
                        cr_expect(eq(int, seqcast_schema_compare(a, b, NULL), SEQCAST_DIFFERENT));
                }
                seqcast_schema_free(a);
                seqcast_schema_free(b);
        }
}

Test(schema, a_long_difference_is_cut_and_says_so)
{
        char text[SEQCAST_SCHEMA_TEXT_MAX] = "";
        size_t length = 0;
        seqcast_schema *a, *b = parsed("other:u8");
        seqcast_detail difference;

        for (int i = 0; i < 100; i++)
                length += (size_t)sprintf(text + length, "%sf%d:u32", i ? "," : "", i);
        a = parsed(text);
        cr_assert(eq(int, seqcast_schema_compare(a, b, &difference), SEQCAST_DIFFERENT));
        cr_assert(eq(sz, strlen(difference.text), sizeof difference.text - 1));
        cr_assert(eq(str, difference.text + sizeof difference.text - 4, "..."));
        seqcast_schema_free(a);
        seqcast_schema_free(b);
}

struct search {
        const char *name;
        int result;
        uint64_t offset, count;
        uint32_t is_array;
};

Test(schema, fields_are_found_by_name)
{
        static const struct search rows[] = {
                { "bid", 0, 0, 1, 0 },
                { "pos.x", 0, 8, 1, 0 },
                { "w", 0, 16, 4, 1 },
                { "w[0]", 0, 16, 1, 0 },
                { "w[3]", 0, 28, 1, 0 },
                { "leg[1].id", 0, 32, 1, 0 },
                { "leg[1].v[1]", 0, 38, 1, 0 },
                { "w[4]", -ERANGE, 0, 0, 0 },
                { "w[18446744073709551616]", -ERANGE, 0, 0, 0 },
                { "w[", -ENOENT, 0, 0, 0 },
                { "w[]", -ENOENT, 0, 0, 0 },
                { "w[x]", -ENOENT, 0, 0, 0 },
                { "w[1", -ENOENT, 0, 0, 0 },
                { "w[1]x", -ENOENT, 0, 0, 0 },
                { "w[-1]", -ENOENT, 0, 0, 0 },
                { "w[+1]", -ENOENT, 0, 0, 0 },
                { "w[ 1]", -ENOENT, 0, 0, 0 },
                { "bid[0]", -ENOENT, 0, 0, 0 },
                { "", -ENOENT, 0, 0, 0 },
                { "bi", -ENOENT, 0, 0, 0 },
                { "bids", -ENOENT, 0, 0, 0 },
                { "leg", -ENOENT, 0, 0, 0 },
                { "leg[1]", -ENOENT, 0, 0, 0 },
        };
        seqcast_schema *schema = parsed("bid:i64,pos.x:f64,w:u32[4],leg[1].id:u32,leg[1].v:u16[2]");

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                seqcast_field field = { .offset = 77, .count = 77, .is_array = 77 };

                cr_expect(eq(int, seqcast_schema_find(schema, rows[i].name, &field), rows[i].result), "%s",
                          rows[i].name);
                cr_expect(eq(u64, field.offset, rows[i].result == 0 ? rows[i].offset : 77), "%s",
                          rows[i].name);
                cr_expect(eq(u64, field.count, rows[i].result == 0 ? rows[i].count : 77), "%s", rows[i].name);
                cr_expect(eq(u32, field.is_array, rows[i].result == 0 ? rows[i].is_array : 77));
        }
        seqcast_schema_free(schema);
}

Test(schema, types_have_names_and_sizes)
{
        static const char *const names[] = { NULL,  "i8",  "i16", "i32", "i64",  "u8",  "u16",
                                             "u32", "u64", "f32", "f64", "bool", "char" };
        static const size_t bytes[] = { 0, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 1, 1 };

        for (uint32_t type = 1; type <= SEQCAST_CHAR; type++) {
                cr_assert(eq(str, (char *)seqcast_type_name(type), (char *)names[type]));
                cr_assert(eq(sz, seqcast_type_bytes(type), bytes[type]));
        }
        cr_assert(zero(sz, seqcast_type_bytes(0)));
        cr_assert(zero(ptr, (void *)seqcast_type_name(0)));
        cr_assert(zero(sz, seqcast_type_bytes(SEQCAST_CHAR + 1)));
        cr_assert(zero(ptr, (void *)seqcast_type_name(SEQCAST_CHAR + 1)));
        cr_assert(zero(sz, seqcast_type_bytes(UINT32_MAX)));
}

Test(schema, freeing_nothing_does_nothing)
{
        cr_assert(zero(ptr, seqcast_schema_free(NULL)));
}
