#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Do kills.c and storm.c notice when the ring, or what a new publisher does, is broken?

. tests/support/twins.sh

# Between the end of a slot and its announcement lie two instructions. In slow motion, many die there.
slow_motion() {
        plant include/seqcast/ring.h \
                's/^( *)(atomic_store_explicit\(ring->version, number, .*W5 pairs.*)$/\1for (int i = 0; i < 1000; i++) seqcast__cpu_relax();\n\1\2/'
}

twins_of tests/torture/kills.c

sound "depth 1 leaves readers blocked" ', [1-9][0-9]* left readers blocked' --cycles 100 --depth 1

plant include/seqcast/seqlock.h "$unmarked"
caught "a slot that is not marked" '[1-9][0-9]* torn' --cycles 200 --depth 2

slow_motion
sound "in slow motion: what was not announced is" '[1-9][0-9]* before it was announced' --cycles 200 --depth 4

slow_motion
plant include/seqcast/ring.h 's/(atomic_load_explicit\(next, .*\) == 2 \* \(version \+ 1\))\) \{ .* T2 .*/\1 \&\& false) {/'
caught "a number that is used again, in slow motion," '[1-9][0-9]* reused.* [1-9][0-9]* takeover wrong' --cycles 300 --depth 4

plant include/seqcast/ring.h 's/(atomic_load_explicit\(next, .*\)) == 2 \* \(version \+ 1\)\) \{ .* T2 .*/(\1 + 1) \/ 2 == version + 1) {/'
caught "a torn slot that is announced" '[1-9][0-9]* takeover wrong' --cycles 100 --depth 2

plant include/seqcast/ring.h 's/^( *)(seqcast_seqlock_write_begin\(slot .*W1, W2.*)$/\1atomic_store(ring->version, number);\n\1\2/'
caught "a publication that is announced before it is begun" '[1-9][0-9]* blocked' --cycles 100 --depth 4

plant src/handle/publisher.c 's/fresh \? 1 : publisher->version \+ 1/1/'
caught "a new publisher who trusts the slots of the last one" '[1-9][0-9]* torn' --cycles 300 --depth 4

plant include/seqcast/ring.h 's/^( *if \()version < want\)$/\1true)/'
caught "a reader who is never delivered what comes after a gap" '[1-9][0-9]* busy.*[1-9][0-9]* (blocked|missed)' --cycles 100 --depth 2

plant include/seqcast/ring.h 's/attempt < SEQCAST_READ_ATTEMPTS_MAX/true/'
caught "a reader who waits for a publisher that is dead" 'STUCK|it was stuck' --cycles 100 --depth 1 --patience 2

twins_of tests/torture/storm.c

plant include/seqcast/seqlock.h "$unmarked"
caught "a slot that is not marked, and stands still," '[1-9][0-9]* torn' --seconds 0.5

finish
