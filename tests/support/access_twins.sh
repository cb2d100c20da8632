# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# access_twins.sh: sourced by scripts that break the headers on purpose: each access of the PAIRS tables in
# include/seqcast/{seqlock,ring,foreign}.h, weakened or taken away, one at a time. Whoever calls access_twins has
#
#   twin TAG TEXT HEADER EXPRESSION DRIVER FLAGS...   the row of tests/model that rejects it comes last
#   without_lock DRIVER FLAGS...                      T1 and T2 are relaxed, as the lock orders them

. tests/support/mutate.sh

# weaken FOLDER TAG HEADER EXPRESSION: the twin of that header goes there, for -I
weaken() {
        folder=$1
        rm -rf "$folder"
        mkdir -p "$folder/seqcast"
        cp "include/seqcast/$3" "$folder/seqcast/$3"
        stale=$(mutate "$folder/seqcast/$3" "$4")
        [ "$stale" ] || return 0
        not_ok "$2: the twin of $3 is the one that is meant" "$stale"
        return 1
}

lapped="read -DREAD=NEWEST -DDEPTH=2 -DPUBLICATIONS=3 -DREADS=1"
unlapped="read -DREAD=NEWEST -DDEPTH=2 -DPUBLICATIONS=2 -DREADS=1"
in_order="read -DREAD=NEXT -DDEPTH=2 -DPUBLICATIONS=2"
completed="takeover -DSTOP=4 -DDEPTH=2"
relaxed='\1memory_order_relaxed'

parts="parts -DWORDS=2 -DDEPTH=2 -DREADS=1"
long_parts="parts -DWORDS=10 -DCHANGED=3 -DDEPTH=2 -DREADS=1 -DPUBLICATIONS=3"

access_twins() {
        ring_twins
        foreign_twins
}

# shellcheck disable=SC2086 # rows are lists of words
ring_twins() {
        twin W1 "no odd mark" seqlock.h \
                's/^( *)atomic_store_explicit\(seq, 2 \* number - 1, .*W1.*$/\1(void)seq, (void)number;/' $lapped
        twin W2 "no fence" seqlock.h 's/SEQCAST_FENCE\(memory_order_release\);/(void)0;/' $lapped
        twin W2 "an odd mark stored with release, for the fence" seqlock.h \
                's/SEQCAST_FENCE\(memory_order_release\);//
                s/(2 \* number - 1, memory_order_)relaxed/\1release/' $lapped
        twin W3 "a plain store" copy.h \
                's/atomic_store_explicit\(word, value, memory_order_relaxed\)/*(volatile uint64_t *)word = value/' $lapped
        twin W4 "relaxed" seqlock.h "s/(seq, 2 \* number, )memory_order_release/$relaxed/" $in_order
        twin W5 "relaxed" ring.h "s/(ring->version, number, )memory_order_release/$relaxed/" $unlapped

        twin R0 "relaxed" ring.h "s/(return atomic_load_explicit\(ring->version, )memory_order_acquire/$relaxed/" \
                $unlapped
        twin R0 "no floor" ring.h 's/^( *)number = reader->delivered;/\1(void)0;/' \
                read -DREAD=NEXT_NEWEST -DDEPTH=4 -DPUBLICATIONS=2
        twin R1 "relaxed" seqlock.h "s/(atomic_load_explicit\(seq, )memory_order_acquire/$relaxed/" $lapped
        twin R1 "an odd word is read, too" ring.h 's/\(begun & 1\) != 0 \|\| begun < 2/begun < 2/' $lapped
        twin R2 "a plain load" copy.h \
                's/return atomic_load_explicit\(word, memory_order_relaxed\)/return *(const volatile uint64_t *)word/' \
                $lapped
        twin R3 "no fence" seqlock.h 's/SEQCAST_FENCE\(memory_order_acquire\);/(void)0;/' $lapped
        twin R3 "a second look by load-acquire, for the fence" seqlock.h \
                's/SEQCAST_FENCE\(memory_order_acquire\);//
                s/(seq, memory_order_)relaxed(\) == begun)/\1acquire\2/' $lapped
        twin R4 "no second look" seqlock.h \
                's/return atomic_load_explicit\(seq, .*R4.*/return seq != NULL \&\& begun != 1;/' $lapped

        twin N1 "relaxed, for a record" ring.h \
                's/seqcast_seqlock_read_begin(\(slot [^;]*; \/\* N1)/seqcast_word_load_relaxed\1/' $in_order
        twin N1 "relaxed, for the mark" ring.h \
                's/seqcast_seqlock_read_begin(\(slot [^;]*; \/\* N1)/seqcast_word_load_relaxed\1/' \
                retire -DREAD=NEXT -DDEPTH=4 -DPUBLICATIONS=1
        twin N1 "relaxed, where news are asked for" ring.h \
                's/begun = seqcast_seqlock_read_begin\(seq\)/begun = seqcast_word_load_relaxed(seq)/' \
                retire -DREAD=NEXT -DDEPTH=4 -DPUBLICATIONS=1 -DNEWS
        twin N1 "a lost slot is resumed at unseen" ring.h \
                's/if \(begun != 2 \* resume\)/if (0)/' read -DREAD=NEXT -DDEPTH=2 -DPUBLICATIONS=4 -DREADS=1

        without_lock $completed -DNO_LOCK
        twin T2 "nothing is rolled forward" ring.h 's/(if \()(.*T2 \*\/)/\10 \&\& \2/' \
                $completed -DREAD=NEXT -DPUBLICATIONS=3
        twin T2 "a torn slot is rolled forward" ring.h 's/== 2 \* \(version \+ 1\)\).*T2.*/>= 2 * version + 1) {/' \
                takeover -DSTOP=2 -DDEPTH=2 -DPUBLICATIONS=3
        twin T3 "relaxed" ring.h "s/(ring->version, version, )memory_order_release/$relaxed/" \
                $completed -DREAD=NEWEST -DPUBLICATIONS=2
        twin T3 "not announced" ring.h 's/^( *)atomic_store_explicit\(ring->version, version, .*T3.*/\1(void)0;/' \
                $completed -DREAD=NEWEST -DPUBLICATIONS=2

        twin X1 "relaxed" ring.h 's/(SEQCAST_VERSION_RETIRED, )memory_order_release/\1memory_order_relaxed/' \
                retire -DWRITERS=2 -DREAD=NEWEST -DDEPTH=4 -DPUBLICATIONS=1
        twin X1 "no mark" ring.h 's/version \| SEQCAST_VERSION_RETIRED, m/version, m/' \
                retire -DREAD=NEXT -DDEPTH=2 -DPUBLICATIONS=1
        twin X2 "relaxed" ring.h 's/(SEQCAST_SEQ_RETIRED, )memory_order_release/\1memory_order_relaxed/' \
                retire -DREAD=NEXT -DDEPTH=4 -DPUBLICATIONS=1 -DNEWS
        twin X2 "no mark in the slot" ring.h 's/if \(ring->depth_mask != 0\)$/if (0)/' \
                retire -DREAD=NEXT -DDEPTH=2 -DPUBLICATIONS=1

        twin "parts W2" "renewed before the odd mark" ring_parts.h \
                's/slot = seqcast_ring_write_begin\(/slot = seqcast_ring_slot(/
                s/^( *)seqcast_ring_store_parts\(changes, number, payload, parts.*/\1seqcast_ring_write_begin(ring, number);\n&/' \
                $parts -DPUBLICATIONS=4
        twin "parts W3" "one publication too few is repeated" ring_parts.h 's/number - depth \+ 1/number - depth + 2/' \
                $parts -DPUBLICATIONS=4
        twin "parts W3" "nothing is repeated" ring_parts.h \
                's/^( *)seqcast_copy_between\(payload, plan->base, change.*/\1(void)payload;/' $long_parts
        twin "parts W3" "changes are repeated in a slot that was given up" ring_parts.h \
                's/if \(changes->known_from > plan.first \|\| found != .*/if (changes->known_from > plan.first)/' \
                $long_parts -DTORN=3 -DGIVEN_UP
        twin "parts W3" "a log that knows nothing is trusted" ring_parts.h \
                's/changes->known_from > plan.first \|\|//' $parts -DPUBLICATIONS=3 -DTORN=3 -DUNBEGUN
        twin "parts W3" "a torn record at depth 1 is built upon" ring_parts.h 's/return -ENODATA/(void)0/' \
                parts -DWORDS=2 -DDEPTH=1 -DPUBLICATIONS=2 -DTORN=2 -DREADS=1
        twin "parts W3" "the first record is not cleared of what an attempt has left" ring_parts.h \
                's/plan.renewal = SEQCAST_RENEW_ZERO/(void)0/' $parts -DPUBLICATIONS=2 -DTORN=1
}

foreign_twins() {
        twin F1 "relaxed" foreign.h 's/load_acquire(\(foreign, foreign->closed)/load_relaxed\1/' foreign -DSHAPE=EVEN_ODD_64
        twin F1 "the word that is moved first" foreign.h 's/(\*ret_begun = .*foreign->)closed/\1opened/' \
                foreign -DSHAPE=BOOKENDS
        twin F1 "an odd count is as good" foreign.h 's/if \(foreign->odd_is_open .*/if (0)/' foreign -DSHAPE=EVEN_ODD_32
        twin F3 "plain loads" foreign.h \
                's/seqcast_copy_load\(to, .*F3.*/for (size_t i = 0; i < bytes \/ 8; i++)\n((uint64_t *)to)[i] = ((const volatile uint64_t *)from)[i];/' \
                foreign -DSHAPE=EVEN_ODD_64
        twin F4 "no fence" foreign.h 's/SEQCAST_FENCE\(memory_order_acquire\);/(void)0;/' foreign -DSHAPE=EVEN_ODD_64
        twin F4 "a second look by load-acquire, for the fence" foreign.h \
                's/SEQCAST_FENCE\(memory_order_acquire\);/(void)0;/
                s/load_relaxed(\(foreign, foreign->opened\) == begun)/load_acquire\1/' foreign -DSHAPE=EVEN_ODD_64
        twin F5 "not looked at" foreign.h 's/if \(foreign->valid != NULL \&\& (.*F5)/if (0 \&\& \1/' \
                foreign -DSHAPE=VALID_FIRST
        twin F5 "relaxed" foreign.h 's/load_acquire(\(foreign, foreign->valid\) == 0\) .*F5)/load_relaxed\1/' \
                foreign -DSHAPE=COUNT_FIRST
        twin F5 "after F6" foreign.h \
                's/^( *)if \(foreign->valid != NULL .*F5.*/\1const uint64_t ended = seqcast__foreign_load_relaxed(foreign, foreign->opened);\n&/
                s/return seqcast__foreign_load_relaxed.* == begun;/return ended == begun;/' foreign -DSHAPE=COUNT_ONCE
        twin F6 "no second look" foreign.h 's/return seqcast__foreign_load_relaxed.* == begun;/return begun == begun;/' \
                foreign -DSHAPE=EVEN_ODD_64
        twin F6 "at the word that is moved last" foreign.h 's/load_relaxed\(foreign, foreign->opened\)/load_relaxed(foreign, foreign->closed)/' \
                foreign -DSHAPE=BOOKENDS
}
