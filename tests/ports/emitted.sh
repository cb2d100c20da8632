#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# What compilers make of the tagged accesses on AArch64: the fence or the ordered load or store is where the tag
# is, between the accesses that it keeps apart. Each tag in turn is weakened, and has to be missed then.

. tests/support/ports.sh
. tests/support/emitted.sh
. tests/support/mutate.sh

port aarch64 aarch64-linux-gnu-gcc

for compiler in aarch64-linux-gnu-gcc "clang --target=aarch64-linux-gnu"; do
        name=${compiler%% *}
        if ! command -v "$name" >/dev/null 2>&1; then
                skip "$name" "$name is not installed"
                continue
        fi
        for level in -O1 -O2 -O3; do
                quiet "$name $level: the order is in the code" missing "$compiler $level" /none
        done
done

# weakened TAG FUNCTION FILE EXPRESSION: without it, FUNCTION is found out
weakened() {
        rm -rf "$scratch/twin"
        mkdir -p "$scratch/twin/${3%/*}"
        cp "$3" "$scratch/twin/$3"
        stale=$(mutate "$scratch/twin/$3" "$4")
        if [ "$stale" ]; then
                not_ok "without $1" "$3: $stale"
                return
        fi
        complaint=$(missing "aarch64-linux-gnu-gcc -O2" "$scratch/twin")
        if noticed=$(echo "$complaint" | grep "^$2: "); then
                ok "without $1: ${noticed%% is not*}"
        else
                not_ok "without $1: $2 is found out" "${complaint:-nothing was missed}"
        fi
}

seqlock=include/seqcast/seqlock.h ring=include/seqcast/ring.h waker=src/handle/waker.c
reattach=src/handle/reattach_plain.c foreign=include/seqcast/foreign.h
relaxed='s/memory_order_(acquire|release)/memory_order_relaxed/'
unfenced='s/SEQCAST_FENCE\(.*\);/;/'
weakened W2 write_begin_W1_W2 $seqlock "/W2 pairs/,/FENCE/$unfenced"
weakened W2 publish_W1_to_W5 $seqlock "/W2 pairs/,/FENCE/$unfenced"
weakened "W2, and W1 a store-release" write_begin_W1_W2 $seqlock \
        "/W1 \*\//s/relaxed/release/
        /W2 pairs/,/FENCE/$unfenced"
weakened W4 write_end_W4 $seqlock "/W4 pairs/,/atomic_store/$relaxed"
weakened R1 read_begin_R1 $seqlock "/R1 pairs with W4/$relaxed"
weakened R3 read_valid_R3 $seqlock "/R3 pairs/,/FENCE/$unfenced"
weakened R3 read_R0_to_R4 $seqlock "/R3 pairs/,/FENCE/$unfenced"
weakened "R3, and R4 a load-acquire" read_valid_R3 $seqlock \
        "/R3 pairs/,/FENCE/$unfenced
        /R4 \*\//s/relaxed/acquire/"
weakened N1 find_next_N1 $seqlock "/R1 pairs with W4/$relaxed"
weakened N1 news_N1 $seqlock "/R1 pairs with W4/$relaxed"
weakened W5 write_end_W4_W5 $ring "/W5 pairs with R0/$relaxed"
weakened R0 version_R0 $ring "/R0 pairs with W5/$relaxed"
weakened T3 recover_T3 $ring "/T3 pairs with R0/$relaxed"
weakened X1 retire_X1_X2 $ring "/X1 pairs/,/atomic_store/$relaxed"
weakened X2 retire_X1_X2 $ring "/X2 pairs/,/SEQ_RETIRED/$relaxed"
weakened F1 foreign_begin_F1 $foreign "/F1 \*\//s/acquire/relaxed/"
weakened F5 foreign_whole_F5 $foreign "/F5 \*\//s/acquire/relaxed/"
weakened F4 foreign_whole_F4 $foreign "/F4 pairs/,/FENCE/$unfenced"
weakened "the fence of K0 to K3" fetch src/handle/fetch.c "$unfenced"
weakened E2 stop $waker "/E2 pairs/,/FENCE/$unfenced"
weakened V1 seqcast__reattach_enter $reattach "/V1 pairs/$relaxed"
weakened V2 seqcast__reattach_enter $reattach "/V2 pairs/$relaxed"
weakened V3 seqcast__reattach_leave $reattach "/V3 pairs/$unfenced"
weakened P2 seqcast__reattach_replace $reattach "/P2 pairs/$unfenced"
weakened P3 change $reattach "/P3 pairs/$relaxed"
weakened P4 seqcast__reattach_replace $reattach "/epoch \+ 2,/,/P4 pairs/$relaxed"
finish
