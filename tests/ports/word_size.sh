#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# The core in 32 bits; and a segment is the same for processes of 32 and of 64 bits: each publishes for the other,
# wakes it, and goes on where the other left off. What does not fit into 32 bits is refused.

. tests/support/ports.sh

# find_compiler: one whose programs have 32 bits, and run. A cross compiler's libraries are not where programs look
# for them, so they go into the program.
find_compiler() {
        for compiler in "${CC:-cc} -m32" i686-linux-gnu-gcc; do
                echo 'int main(void) { return sizeof(void *) != 4; }' |
                        $compiler -static -x c - -o "$scratch/narrow" 2>"$scratch/log" && "$scratch/narrow" && return
        done
        return 1
}

if ! find_compiler; then
        skip "peers of 32 bits" "nothing here builds and runs programs of 32 bits (gcc -m32, i686-linux-gnu-gcc)"
        finish
fi
wide=$native
if [ "$("$wide" bits)" != 64 ]; then
        skip "peers of 64 bits" "this machine has none"
        finish
fi
port i386 "$compiler"
build "compiles" libseqcast.a tests/ports/peer tests/unit/test_copy tests/unit/test_seqlock \
        tests/unit/test_ring tests/unit/test_ring_parts
core_tests ring copy seqlock ring_parts
narrow=$port_build/tests/ports/peer

exchange "64 bits publish, 32 read" "$wide" "$narrow" 1 200
exchange "32 bits go on publishing, 64 read" "$narrow" "$wide" 201 200
exchange "64 bits go on, 32 read" "$wide" "$narrow" 401 200
rm -f "/dev/shm/$topic"
exchange "32 bits create, 64 read" "$narrow" "$wide" 1 200
exchange "64 bits go on, 64 read" "$wide" "$wide" 201 200
rm -f "/dev/shm/$topic"

"$wide" create "$topic" 8000000000 >/dev/null || not_ok "a sparse segment of 16 GB is made"
refused "what 32 bits cannot map is refused" 27 \
        "cannot be mapped (16000008192 bytes): segment larger than the file size limit or the address space" \
        "$narrow" open "$topic"
refused "64 bits map it" 0 "" "$wide" open "$topic"
rm -f "/dev/shm/$topic"
refused "what 32 bits cannot map, they do not make" 27 \
        "a segment of 16000008192 bytes: segment larger than the file size limit or the address space" \
        "$narrow" create "$topic" 8000000000
if [ -e "/dev/shm/$topic" ]; then not_ok "nothing is left of it"; else ok "nothing is left of it"; fi
finish
