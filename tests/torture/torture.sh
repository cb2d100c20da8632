#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Torture by size, depth and way of reading; then the same program on libraries with a planted bug, which
# it must find. TORTURE_SECONDS=10 for longer runs (and TEST_SECONDS=900, so that they are not cut off).

. tests/support/tap.sh

: "${CC:=cc}" "${TORTURE_SECONDS:=0.3}" "${TORTURE_READERS:=4}"

for bytes in 64 4096 65536; do
        for depth in 1 2 4; do
                for mode in newest next mixed parts in-place; do
                        text="$mode, $bytes bytes, depth $depth"
                        if output=$("$BUILD/tests/torture/torture" --seconds "$TORTURE_SECONDS" --mode $mode \
                                --readers "$TORTURE_READERS" --bytes $bytes --depth $depth --stutter 2>&1); then
                                ok "$text"
                                echo "# $output"
                        else
                                not_ok "$text" "$output"
                        fi
                done
        done
done

# build FOLDER FLAGS...: the program and the library from the headers in FOLDER
build() {
        folder=$1
        shift
        # shellcheck disable=SC2046
        $CC -std=c11 -D_GNU_SOURCE -w -O2 "$@" -I"$folder" -Isrc \
                tests/torture/torture.c $(find src -name '*.c' ! -name '*_portable.c' ! -name '*_urcu.c') -o "$scratch/broken" -pthread 2>"$scratch/log"
}

# caught TEXT PATTERN ARGUMENTS...: the broken build must report this, in one of some runs of a second
caught() {
        text=$1 pattern=$2
        shift 2
        for attempt in 1 2 3 4 5 6 7 8 9 10; do
                output=$("$scratch/broken" --seconds 1 "$@" 2>&1)
                if echo "$output" | grep -Eq "$pattern"; then
                        ok "$text is caught"
                        echo "# $output"
                        return
                fi
        done
        not_ok "$text is caught" "$output"
}

# planted_header NAME TEXT PATTERN ARGUMENTS...
planted_header() {
        name=$1 text=$2 pattern=$3
        shift 3
        if build include -include "tests/support/broken/$name.h"; then
                caught "$text" "$pattern" "$@"
        else
                not_ok "$text is caught" "$(cat "$scratch/log")"
        fi
}

# planted_line FILE EXPRESSION TEXT PATTERN ARGUMENTS...
planted_line() {
        file=$1 expression=$2 text=$3 pattern=$4
        shift 4
        rm -rf "$scratch/include"
        cp -r include "$scratch/include"
        sed -E -i "$expression" "$scratch/include/seqcast/$file"
        if cmp -s "include/seqcast/$file" "$scratch/include/seqcast/$file"; then
                not_ok "$text is caught" "the mutation does not apply any more"
        elif build "$scratch/include"; then
                caught "$text" "$pattern" "$@"
        else
                not_ok "$text is caught" "$(cat "$scratch/log")"
        fi
}

all=':a;N;$!ba;'

planted_header no_odd_mark "a slot that is not marked" "[1-9][0-9]* torn" --bytes 65536 --depth 1
planted_header no_second_look "a reader that does not look again" '[1-9][0-9]* torn' --bytes 65536 --depth 1
planted_line ring.h "$all"'s/(if \(number < reader->delivered\)\n *number = )reader->delivered/\1number/' \
        "a reader that forgets its position" '[1-9][0-9]* backwards' --bytes 64 --depth 2 --mode mixed
planted_line ring.h 's/number - reader->delivered - 1/number - reader->delivered/' \
        "a loss that is counted wrongly" '[1-9][0-9]* losses' --bytes 64 --depth 2 --mode next

finish
