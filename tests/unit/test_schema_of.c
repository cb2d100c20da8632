/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What must not compile is in schema_of.sh, with the C++ half. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdbool.h>

#include "seqcast.h"

static char text[8192];

static char *printed(const seqcast_schema *schema)
{
        cr_assert(lt(int, 0, seqcast_schema_print(schema, text, sizeof text)));
        return text;
}

struct every {
        signed char a;
        short b;
        int c;
        long d;
        long long e;
        unsigned char f;
        unsigned short g;
        unsigned h;
        unsigned long i;
        unsigned long long j;
        float k;
        double l;
        bool m;
        char n;
};

Test(schema_of, every_arithmetic_type_has_its_place)
{
        cr_assert(eq(str, printed(SEQCAST_SCHEMA(struct every, a, b, c, d, e, f, g, h, i, j, k, l, m, n)),
                     "a:i8@0,b:i16@2,c:i32@4,d:i64@8,e:i64@16,f:u8@24,g:u16@26,h:u32@28,i:u64@32,j:u64@40,"
                     "k:f32@48,l:f64@56,m:bool@64,n:char@65;size=72,align=8,type=every"));
}

struct fixed {
        int8_t a;
        int16_t b;
        int32_t c;
        int64_t d;
        uint8_t e;
        uint16_t f;
        uint32_t g;
        uint64_t h;
        size_t i;
        ptrdiff_t j;
};

Test(schema_of, so_have_the_types_of_fixed_width)
{
        cr_assert(eq(str, printed(SEQCAST_SCHEMA(struct fixed, a, b, c, d, e, f, g, h, i, j)),
                     "a:i8@0,b:i16@2,c:i32@4,d:i64@8,e:u8@16,f:u16@18,g:u32@20,h:u64@24,i:u64@32,j:i64@40;"
                     "size=48,align=8,type=fixed"));
}

enum small { RED, GREEN };

enum negative { MINUS = -1, PLUS = 1 };

struct arrays {
        char symbol[12];
        uint8_t bytes[3];
        double levels[5];
        int32_t one[1];
        bool flags[2];
        enum negative sides[2];
        enum small colour;
        enum negative side;
};

Test(schema_of, arrays_and_enums_are_described_by_their_elements)
{
        cr_assert(eq(str,
                     printed(SEQCAST_SCHEMA(struct arrays, symbol, bytes, levels, one, flags, sides, colour,
                                            side)),
                     "symbol:char[12]@0,bytes:u8[3]@12,levels:f64[5]@16,one:i32[1]@56,flags:bool[2]@60,"
                     "sides:i32[2]@64,colour:u32@72,side:i32@76;size=80,align=8,type=arrays"));
}

struct nested {
        struct {
                double x, y;
        } position;
        struct {
                uint32_t id;
                float weights[2];
        } leg[2];
        int32_t grid[4];
};

Test(schema_of, members_of_members_are_named_with_dots_and_indices)
{
        cr_assert(eq(str,
                     printed(SEQCAST_SCHEMA(struct nested, position.x, position.y, leg[0].id, leg[1].id,
                                            leg[1].weights, grid[2])),
                     "position.x:f64@0,position.y:f64@8,leg[0].id:u32@16,leg[1].id:u32@28,"
                     "leg[1].weights:f32[2]@32,grid[2]:i32@48;size=56,align=8,type=nested"));
}

struct __attribute__((packed)) packed {
        uint8_t kind;
        uint64_t value;
};

struct aligned {
        _Alignas(64) uint32_t value;
};

Test(schema_of, size_and_alignment_are_the_compiler_s)
{
        cr_assert(eq(str, printed(SEQCAST_SCHEMA(struct packed, kind, value)),
                     "kind:u8@0,value:u64@1;size=9,align=1,type=packed"));
        cr_assert(eq(str, printed(SEQCAST_SCHEMA(struct aligned, value)),
                     "value:u32@0;size=64,align=64,type=aligned"));
}

typedef struct {
        const int32_t fixed;
        volatile uint16_t changing;
} qualified;

Test(schema_of, qualifiers_make_no_difference)
{
        cr_assert(eq(str, printed(SEQCAST_SCHEMA(qualified, fixed, changing)),
                     "fixed:i32@0,changing:u16@4;size=8,align=4,type=qualified"));
}

static const seqcast_schema *const at_file_scope = SEQCAST_SCHEMA(struct every, c, n);

Test(schema_of, members_may_be_left_out_and_named_in_any_order)
{
        cr_assert(eq(str, printed(at_file_scope), "c:i32@4,n:char@65;size=72,align=8,type=every"));
        cr_assert(zero(int, seqcast_schema_compare(SEQCAST_SCHEMA(struct every, n, c), at_file_scope, NULL)));
}

struct wide {
        uint8_t m[64];
};

Test(schema_of, there_may_be_64_members)
{
        const seqcast_schema *schema = SEQCAST_SCHEMA(
                struct wide, m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8], m[9], m[10], m[11], m[12],
                m[13], m[14], m[15], m[16], m[17], m[18], m[19], m[20], m[21], m[22], m[23], m[24], m[25],
                m[26], m[27], m[28], m[29], m[30], m[31], m[32], m[33], m[34], m[35], m[36], m[37], m[38],
                m[39], m[40], m[41], m[42], m[43], m[44], m[45], m[46], m[47], m[48], m[49], m[50], m[51],
                m[52], m[53], m[54], m[55], m[56], m[57], m[58], m[59], m[60], m[61], m[62], m[63]);

        cr_assert(eq(sz, schema->field_count, 64));
        for (size_t i = 0; i < 64; i++) {
                cr_assert(eq(u64, schema->fields[i].offset, i));
                cr_assert(eq(u32, schema->fields[i].type, SEQCAST_U8));
        }
        printed(schema);
}
