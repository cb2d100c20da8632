#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# AArch64, emulated: the copy kernels and the core do there what they do here, and a segment is the same for
# both. An emulator on x86 makes no use of the freedom to reorder: whether the fences are there is for
# emitted.sh, whether they are enough for tests/model.

. tests/support/ports.sh

port aarch64 aarch64-linux-gnu-gcc qemu-aarch64
echo "# qemu on x86 shows no reordering: what follows is about what is computed, not in which order it is seen"
build "compiles without a warning" libseqcast.a tests/ports/peer tests/unit/test_copy tests/unit/test_copy_words \
        tests/unit/test_seqlock tests/unit/test_ring tests/unit/test_ring_parts tests/unit/test_layout
core_tests copy ring layout ring_parts seqlock copy_words

# broken TEXT EXPRESSION: in the kernel; test_copy finds it
broken() {
        mkdir -p "$scratch/include/seqcast"
        cp include/seqcast/copy.h "$scratch/include/seqcast"
        sed "$2" include/seqcast/copy_kernels.h >"$scratch/include/seqcast/copy_kernels.h"
        if cmp -s include/seqcast/copy_kernels.h "$scratch/include/seqcast/copy_kernels.h"; then
                not_ok "a kernel $1 is caught" "this mutation does not apply any more: $2"
        elif ! output=$("$port_cc" -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -w -O2 -static \
                -I"$scratch/include" -Iinclude -isystem tests/ports/plain -o "$scratch/broken" \
                tests/unit/test_copy.c 2>&1); then
                not_ok "a kernel $1 compiles" "$output"
        elif output=$("$emulator" "$scratch/broken" 2>/dev/null) || ! echo "$output" | grep -q '^not ok.*neon'; then
                not_ok "a kernel $1 is caught" "$output"
        else
                ok "a kernel $1 is caught"
        fi
}

broken "that stores one register twice" '/stp q2, q3/s/q3/q2/'
broken "that skips bytes to align" 's/"add %\[to\], %\[to\], %\[to_alignment\]/"add %[to], %[to], #0/'
broken "that goes on beyond the end" '/cmp %\[to\], %\[last_four\]/s/last_four/from/'

there="qemu-aarch64 $port_build/tests/ports/peer"
exchange "aarch64: publishes, this machine reads" "$there" "$native" 1 100
exchange "aarch64: reads, this machine goes on" "$native" "$there" 101 100
finish
