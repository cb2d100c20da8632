#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# The header-only parts in C++11, 17 and 20 and in C11, by each compiler: the same tests; the same bytes in
# memory; and rings that one language writes and the other reads. And seqcast.h from C++.
. tests/support/tap.sh

warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
topic=seqcast-test-cxx-$$
trap 'rm -rf "$scratch" "/dev/shm/$topic"' EXIT

# compile COMPILER LANGUAGE STANDARD
compile() {
        # shellcheck disable=SC2086 # a list of words
        $1 -x "$2" -std="$3" -D_DEFAULT_SOURCE -D_POSIX_C_SOURCE=200809L $warnings -O2 -pthread -Iinclude \
                tests/unit/ring_in_cxx.cc -o "$scratch/$1-$3"
}

# compile_library COMPILER STANDARD
compile_library() {
        # shellcheck disable=SC2086
        $1 -std="$2" $warnings -O2 -Iinclude tests/unit/library_in_cxx.cc -x none "$BUILD/libseqcast.a" \
                -pthread -lrt -o "$scratch/library"
}

# same_layout PROGRAM
same_layout() {
        "$1" layout | diff "$scratch/layout" -
}

# same_bytes PROGRAM: as C leaves in a file that both have written
same_bytes() {
        rm -f "$scratch/file"
        "$1" write "$scratch/file" && "$1" write "$scratch/file" && cmp "$scratch/file" "$scratch/written"
}

# in_turns PROGRAM PROGRAM: one goes on where the other left off, and reads what it wrote
in_turns() {
        rm -f "$scratch/file"
        for turn in 1 2 3; do
                "$1" write "$scratch/file" && "$2" read "$scratch/file" &&
                        "$2" write "$scratch/file" && "$1" read "$scratch/file" || return
        done
}

# at_once PROGRAM PROGRAM: one reads while the other writes
at_once() {
        rm -f "$scratch/file"
        "$1" write "$scratch/file" || return
        : >"$scratch/follow"
        "$2" follow "$scratch/file" >"$scratch/follow" &
        reader=$!
        until [ -s "$scratch/follow" ] || ! kill -0 $reader 2>/dev/null; do sleep 0.01; done
        "$1" flood "$scratch/file"
        wait $reader
        status=$?
        cat "$scratch/follow"
        return $status
}

# orders COMMAND...: for each function of tests/ports/emitted/accesses.c, its atomic accesses and fences, in LLVM's words
orders() {
        "$@" -O1 -DSEQCAST_COPY_WORDS -w -I. -Iinclude -S -emit-llvm -o - | awk '
        /^define/ { match($0, /@[A-Za-z0-9_]+/); name = substr($0, RSTART + 1, RLENGTH - 1) }
        /(load|store) atomic|fence|cmpxchg|atomicrmw/ {
                kind = /fence/ ? "fence" : /load/ ? "load" : /store/ ? "store" : "other"
                match($0, /monotonic|acquire|release|acq_rel|seq_cst/)
                found[name] = found[name] " " kind "-" substr($0, RSTART, RLENGTH)
        }
        END { for (name in found) if (name ~ /_[A-Z][0-9]/) print name found[name] }' | sort
}

# other_orders STANDARD: the functions that have other ones in C++
other_orders() {
        orders clang -x c -std=c11 tests/ports/emitted/accesses.c >"$scratch/orders-c"
        {
                echo '#include "seqcast/foreign.h"'
                echo '#include "seqcast/ring.h"'
                echo 'extern "C" {'
                echo '#include "tests/ports/emitted/accesses.c"'
                echo '}'
        } >"$scratch/accesses.cc"
        # What does not compile is not other than C.
        clang++ "-std=$1" -w -I. -Iinclude -fsyntax-only "$scratch/accesses.cc" 2>/dev/null || return 0
        orders clang++ "-std=$1" "$scratch/accesses.cc" | diff "$scratch/orders-c" -
        # All that is to be compared is there.
        grep -oE '[a-z_]+(_[A-Z][0-9])+(_to_[A-Z][0-9])?\(' tests/ports/emitted/accesses.c | tr -d '(' | sort -u >"$scratch/functions"
        sed 's/ .*//' "$scratch/orders-c" | diff "$scratch/functions" -
}

# in_planted COMMAND: what it says of C++ and a header that has been spoilt
in_planted() {
        compile g++ c++ c++17 >/dev/null 2>&1 || return 0
        "$1" "$scratch/g++-c++17"
}

c=
for compiler in gcc clang; do
        if ! command -v $compiler >/dev/null 2>&1; then
                skip "C11 by $compiler" "$compiler is not installed"
                continue
        fi
        quiet "C11 by $compiler compiles without a warning" compile $compiler c c11
        program=$scratch/$compiler-c11
        try "C11 by $compiler: reads, parts, takeover, end, other people's words" "$program" test
        : "${c:=$program}"
done
if [ -z "$c" ]; then
        echo "1..0 # SKIP neither gcc nor clang is installed"
        exit 77
fi
"$c" layout >"$scratch/layout"
"$c" write "$scratch/written" && "$c" write "$scratch/written"

for compiler in g++ clang++; do
        for standard in c++11 c++17 c++20; do
                text="$standard by $compiler" program=$scratch/$compiler-$standard
                if ! command -v $compiler >/dev/null 2>&1; then
                        skip "$text" "$compiler is not installed"
                        continue
                fi
                quiet "$text compiles without a warning" compile $compiler c++ $standard
                try "$text: reads, parts, takeover, end, other people's words" "$program" test
                quiet "$text: everything lies where it does in C" same_layout "$program"
                quiet "$text: the bytes written are those of C" same_bytes "$program"
                try "$text: goes on with what C has written, and C with it" in_turns "$c" "$program"
                try "$text: reads while C writes" at_once "$c" "$program"
                try "$text: C reads while it writes" at_once "$program" "$c"
                quiet "$text: seqcast.h compiles without a warning" compile_library $compiler $standard
                try "$text: publishes and subscribes by the library" "$scratch/library" $topic
                rm -f "$scratch/library"
        done
done
# GenMC, ThreadSanitizer and emitted.sh look at C.
if command -v clang++ >/dev/null 2>&1; then
        for standard in c++11 c++17 c++20; do
                quiet "$standard by clang++: the orders are those of C" other_orders $standard
        done
        planted "a fence that C++ has not" 'sed -i "s/std::atomic_thread_fence(order)/(void)0/" include/seqcast/copy.h' \
                other_orders c++17
        planted "a weaker order in C++" \
                'sed -i "s/using std::memory_order_acquire;/constexpr auto memory_order_acquire = std::memory_order_relaxed;/" include/seqcast/copy.h' \
                other_orders c++17
else
        skip "the orders of C++ are those of C" "clang++ is not installed"
fi
if command -v g++ >/dev/null 2>&1; then
        # The size of a character constant is another one in C++.
        spoil='sed -i "s/SLOT_HEAD_BYTES 16u/SLOT_HEAD_BYTES (sizeof(\x27a\x27) == 1 ? 24u : 16u)/" include/seqcast/ring.h'
        planted "payloads that lie elsewhere in C++" "$spoil" in_planted same_layout
        planted "other bytes, written by C++" "$spoil" in_planted same_bytes
fi
finish
