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

there="qemu-aarch64 $port_build/tests/ports/peer"
exchange "aarch64: publishes, this machine reads" "$there" "$native" 1 100
exchange "aarch64: reads, this machine goes on" "$native" "$there" 101 100
finish
