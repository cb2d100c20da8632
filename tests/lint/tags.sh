#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Each acquire, release and fence in include/seqcast/*.h says which step of the algorithm it is (W2, R3)
# and which step it pairs with, on its line or in the comment right above; and both steps are explained
# under "PAIRS" at the top of one of these files.
. tests/support/tap.sh

untagged_orders() {
        awk '
        FNR == 1 { said = ""; fresh = 1; in_pairs = 0 }
        /PAIRS/ { in_pairs = 1 }
        in_pairs { pairs = pairs " " $0 }
        /\*\// { in_pairs = 0 }
        /^[ \t]*(\/\*|\*)/ {                    # a comment, above a statement
                said = (fresh ? "" : said " ") $0; fresh = 0
                next
        }
        /^[ \t]*#|^using / { fresh = 1; next }
        {
                said = (fresh ? "" : said " ") $0
                fresh = $0 ~ /[;{}][ \t]*(\/\*.*\*\/)?$/
        }
        /memory_order_(acquire|release|acq_rel|seq_cst|consume)|FENCE\(|atomic_thread_fence/ {
                place = FILENAME ":" FNR
                if (!match(said, /[A-Z][0-9] .*pairs with [A-Z][0-9]/)) {
                        print place ": which step is this, and what does it pair with? " $0
                        next
                }
                words = split(substr(said, RSTART, RLENGTH), word, /[^A-Z0-9]+/)
                for (i = 1; i <= words; i++)
                        if (word[i] ~ /^[A-Z][0-9]$/)
                                tag[++tags] = place ": " word[i]
        }
        END {
                for (i = 1; i <= tags; i++)
                        if (pairs !~ "[^A-Za-z0-9]" substr(tag[i], length(tag[i]) - 1) "[^A-Za-z0-9]")
                                print tag[i] " is in no table of PAIRS"
        }' include/seqcast/*.h
}

quiet "each order is tagged and paired" untagged_orders
planted "an acquire without a tag" \
        'echo "x = atomic_load_explicit(y, memory_order_acquire);" >>include/seqcast/ring.h' untagged_orders
planted "a fence without a partner" \
        'echo "SEQCAST_FENCE(memory_order_release); /* W2 */" >>include/seqcast/seqlock.h' untagged_orders
planted "a fence without a partner in a reader of foreign words" \
        'sed -i "s/F4 pairs with G2, and/F4/" include/seqcast/foreign.h' untagged_orders
planted "a pair that no table knows" \
        'echo "SEQCAST_FENCE(memory_order_release); /* Q7 pairs with Q8 */" >>include/seqcast/seqlock.h' untagged_orders
finish
