#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# SEQCAST_SCHEMA() in C11 and C++11: what must compile, what must not, and that both say the same.

. tests/support/tap.sh

: "${CC:=cc}" "${CXX:=c++}"

# compiles LANGUAGE TYPE-DECLARATION MEMBERS: a schema of struct s
compiles() {
        {
                echo '#include <stdbool.h>'
                echo '#include "seqcast.h"'
                echo "$2"
                echo "const seqcast_schema *schema(void);"
                echo "const seqcast_schema *schema(void) { return SEQCAST_SCHEMA(struct s, $3); }"
        } >"$scratch/source.$1"
        case $1 in
        c) $CC -std=c11 -Iinclude -fsyntax-only "$scratch/source.c" ;;
        cc) $CXX -std=c++11 -Iinclude -fsyntax-only "$scratch/source.cc" ;;
        esac 2>"$scratch/log"
}

languages=c
if command -v "${CXX%% *}" >/dev/null 2>&1; then
        languages="c cc"
else
        skip "C++ variants" "$CXX is not installed"
fi

# good TEXT DECLARATION MEMBERS
good() {
        for language in $languages; do
                if compiles $language "$2" "$3"; then
                        ok "$language: $1 compiles"
                else
                        not_ok "$language: $1 compiles" "$(cat "$scratch/log")"
                fi
        done
}

# bad TEXT DECLARATION MEMBERS
bad() {
        for language in $languages; do
                if compiles $language "$2" "$3"; then
                        not_ok "$language: $1 does not compile"
                else
                        ok "$language: $1 does not compile"
                fi
        done
}

good "an integer" "struct s { int a; };" a
good "an array" "struct s { double a[3]; };" a
good "an enum" "enum e { A, B }; struct s { enum e a; };" a
good "a member of a member" "struct s { struct { int x; } p[2]; };" "p[1].x"
good "64 members" "struct s { int m[64]; };" "$(seq -s, 0 63 | sed 's/[0-9]*/m[&]/g')"
bad "65 members" "struct s { int m[65]; };" "$(seq -s, 0 64 | sed 's/[0-9]*/m[&]/g')"
bad "a pointer to int" "struct s { int *a; };" a
bad "a pointer to char" "struct s { char *a; };" a
bad "a pointer to const char" "struct s { const char *a; };" a
bad "a pointer to double" "struct s { double *a; };" a
bad "a pointer to a pointer" "struct s { int **a; };" a
bad "a pointer to nothing" "struct s { void *a; };" a
bad "a pointer to a function" "struct s { int (*a)(void); };" a
bad "a pointer to a struct" "struct t { int x; }; struct s { struct t *a; };" a
bad "an array of pointers" "struct s { int *a[3]; };" a
bad "a pointer to an array" "struct s { int (*a)[3]; };" a
bad "a bit-field" "struct s { int a : 3; };" a
bad "a bit-field as wide as its type" "struct s { int a : 32; };" a
bad "a struct" "struct t { int x; }; struct s { struct t a; };" a
bad "an array of structs" "struct t { int x; }; struct s { struct t a[2]; };" a
bad "a union" "union t { int x; float y; }; struct s { union t a; };" a
bad "long double" "struct s { long double a; };" a
bad "an array of long double" "struct s { long double a[2]; };" a
bad "two dimensions" "struct s { int a[2][3]; };" a
bad "a member that does not exist" "struct s { int a; };" b
bad "a member and a pointer" "struct s { int a; int *b; };" "a, b"

# The same struct in both languages, printed by one library.
cat >"$scratch/both.h" <<'END'
#include "seqcast.h"
enum negative { MINUS = -1 };
struct both {
        signed char a; short b; int c; long d; long long e;
        unsigned char f; unsigned short g; unsigned h; unsigned long i; unsigned long long j;
        float k; double l; bool m; char n; char o[5]; double p[2]; enum negative q;
        struct { int x; } r[2];
        const int s; volatile int t;
};
#define BOTH SEQCAST_SCHEMA(struct both, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r[1].x, s, t)
END
cat >"$scratch/first.c" <<'END'
#include <stdbool.h>
#include <stdio.h>
#include "both.h"
#ifdef __cplusplus
extern "C"
#endif
const seqcast_schema *second(void);
int main(void)
{
        const seqcast_schema *a = BOTH, *b = second();
        seqcast_detail difference = { "" };
        static char text[2][4096];
        if (seqcast_schema_compare(a, b, &difference) != 0)
                printf("they differ: %s\n", difference.text);
        if (seqcast_schema_print(a, text[0], 4096) < 0 || seqcast_schema_print(b, text[1], 4096) < 0)
                printf("not printable\n");
        for (int i = 0; i < 4096; i++)
                if (text[0][i] != text[1][i])
                        return printf("%s\n%s\n", text[0], text[1]);
        return 0;
}
END
cat >"$scratch/second.cc" <<'END'
#include "both.h"
static const seqcast_schema *const at_namespace_scope = BOTH;
extern "C" const seqcast_schema *second(void) { return at_namespace_scope; }
END
case $languages in *cc*)
        both() {
                $CC -std=c11 -Iinclude -I"$scratch" -c "$scratch/first.c" -o "$scratch/first.o" &&
                        $CXX -std=c++11 -Wall -Wextra -Wpedantic -Iinclude -I"$scratch" -c "$scratch/second.cc" \
                                -o "$scratch/second.o" &&
                        $CXX "$scratch/first.o" "$scratch/second.o" "$BUILD/libseqcast.a" -pthread -o "$scratch/both" &&
                        "$scratch/both"
        }
        quiet "C and C++ describe the same struct by the same schema" both
        ;;
esac

finish
