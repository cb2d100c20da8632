#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Each public header compiles alone, without a warning, in the languages it promises.
. tests/support/tap.sh

# alone COMPILER LANGUAGE STANDARD HEADER: what the compiler has to say about a file of one include
alone() {
        printf '#include "%s"\nint planted_main(void);\nint planted_main(void) { return 0; }\n' "$4" >"$scratch/alone.$2"
        $1 -std="$3" -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Werror -Iinclude -fsyntax-only "$scratch/alone.$2" 2>&1
}

# each COMPILER LANGUAGE STANDARD HEADER...
each() {
        compiler=$1 language=$2 standard=$3
        shift 3
        for header; do
                text="$header as $standard with $compiler"
                if command -v "$compiler" >/dev/null 2>&1; then
                        quiet "$text" alone "$compiler" "$language" "$standard" "$header"
                else
                        skip "$text" "$compiler is not installed"
                fi
        done
}

primitives=$(cd include && ls seqcast/copy.h seqcast/seqlock.h seqcast/foreign.h seqcast/ring*.h)
for c in gcc clang; do
        each $c c c99 seqcast.h
        # shellcheck disable=SC2086 # a list of words
        each $c c c11 seqcast.h seqcast/schema_of.h $primitives
done
for cxx in g++ clang++; do
        for standard in c++11 c++17 c++20; do
                # shellcheck disable=SC2086
                each $cxx cc $standard seqcast.h $primitives
        done
done

for c in gcc clang; do
        command -v $c >/dev/null 2>&1 && break
done
planted "a header that needs another one first" 'echo "extern FILE *planted;" >>include/seqcast.h' alone $c c c99 seqcast.h
planted "a construct that C99 does not have" 'echo "struct planted { union { int a; int b; }; };" >>include/seqcast.h' alone $c c c99 seqcast.h
finish
