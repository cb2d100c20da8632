#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Torture by size, depth and way of reading; then the same program on libraries with a planted bug, which
# it must find. TORTURE_SECONDS=10 for longer runs (and TEST_SECONDS=900, so that they are not cut off).

. tests/support/twins.sh

: "${TORTURE_SECONDS:=0.3}" "${TORTURE_READERS:=4}"

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

twins_of tests/torture/torture.c

plant include/seqcast/seqlock.h "$unmarked"
caught "a slot that is not marked" '[1-9][0-9]* torn' --seconds 1 --bytes 65536 --depth 1

plant include/seqcast/seqlock.h 's/return atomic_load_explicit\(seq, .*== begun; .*R4.*$/return true;/'
caught "a reader that does not look again" '[1-9][0-9]* torn' --seconds 1 --bytes 65536 --depth 1

plant include/seqcast/ring.h "$all"'s/(if \(number < reader->delivered\)\n *number = )reader->delivered/\1number/'
caught "a reader that forgets its position" '[1-9][0-9]* backwards' --seconds 1 --bytes 64 --depth 2 --mode mixed

plant include/seqcast/ring.h 's/number - reader->delivered - 1/number - reader->delivered/'
caught "a loss that is counted wrongly" '[1-9][0-9]* losses' --seconds 1 --bytes 64 --depth 2 --mode next

finish
