#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Each acquire, release and fence in include/seqcast/*.h says which step of the algorithm it is (W2, R3)
# and which step it pairs with, on its line or in the comment right above; and both steps are explained
# under "PAIRS" at the top of one of these files. In src/, it says at least what it pairs with. And each step is
# broken by some test.
. tests/support/tap.sh

# untagged STEPS FILES: STEPS is 1 where orders have to be steps
# shellcheck disable=SC2086 # a list of words
untagged() {
        awk -v steps="$1" '
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
                if (!steps) {
                        if (said !~ /[Pp]airs? with/)
                                print place ": what does it pair with? " $0
                        next
                }
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
        }' $2
}

untagged_orders() {
        untagged 1 "$(echo include/seqcast/*.h)"
        untagged 0 "$(echo src/*/*.c)"
}

# steps FILE...: what their comments call by a letter and a number, less partners
steps() {
        awk '
        FNR == 1 { code = 0 }
        /^#/ { code = 1 }                       # what stands above it is the table
        code && /\/\*|^ *\*/ {
                gsub(/pairs with [A-Z][0-9](( and|,)? [A-Z][0-9])*|\(count, valid\)/, "")
                while (match($0, /(^|[^A-Za-z0-9_])[A-Z][0-9]([^A-Za-z0-9_]|$)/)) {
                        step = substr($0, RSTART, RLENGTH)
                        gsub(/[^A-Z0-9]/, "", step)
                        print step
                        $0 = substr($0, RSTART + RLENGTH - 1)
                }
        }' "$@" | sort -u
}

# broken_steps SCRIPT...: those that they break: how a twin is called, up to a colon, a quote or a lower-case word;
# and what a twin for ThreadSanitizer says of itself
broken_steps() {
        {
                sed -nE "s/^ *(twin|weakened|reject|needless|late|mutant [^ ]+ [^ ]+) [\"']?(parts )?(the fence of )?([A-Z][0-9A-Z ,to]*[0-9])[ :\"'].*/\4/p" "$@"
                grep -hoE 'stored for them in .* is not released|load in .* is not acquired' "$@"
        } | sed -E 's/K0 to K3/K0 K1 K2 K3/' | grep -oE '[A-Z][0-9]' | sort -u
}

# unbroken SCRIPTS FILE...: steps of the files that no script breaks
unbroken() {
        scripts=$1
        shift
        # shellcheck disable=SC2086 # a list of words
        broken_steps $scripts >"$scratch/broken"
        steps "$@" >"$scratch/steps"
        [ -s "$scratch/steps" ] || echo "no steps in $*"
        comm -23 "$scratch/steps" "$scratch/broken" | sed "s|\$| of $* is broken in none of $scripts|"
}

unbroken_steps() {
        unbroken "tests/support/access_twins.sh tests/model/model.sh" \
                include/seqcast/seqlock.h include/seqcast/ring.h include/seqcast/ring_parts.h include/seqcast/foreign.h
        unbroken "tests/wait/broken_wakers.sh tests/ports/emitted.sh" \
                src/handle/waker.c src/handle/wait.c
        unbroken "tests/process/mutants.sh tests/ports/emitted.sh tests/tsan/broken_reattach_order.c tests/tsan/broken_reattach_reader.c" \
                src/handle/fetch.c src/handle/reattach_plain.c src/handle/reattach_urcu.c
}

quiet "each order is tagged and paired" untagged_orders
planted "an acquire without a tag" \
        'echo "x = atomic_load_explicit(y, memory_order_acquire);" >>include/seqcast/ring.h' untagged_orders
planted "a fence without a partner" \
        'echo "SEQCAST_FENCE(memory_order_release); /* W2 */" >>include/seqcast/seqlock.h' untagged_orders
planted "a fence without a partner in a reader of foreign words" \
        'sed -i "s/F4 pairs with G2, and/F4/" include/seqcast/foreign.h' untagged_orders
planted "an acquire of the library that says nothing" \
        'echo "x = atomic_load_explicit(y, memory_order_acquire);" >>src/handle/wait.c' untagged_orders
planted "a pair that no table knows" \
        'echo "SEQCAST_FENCE(memory_order_release); /* Q7 pairs with Q8 */" >>include/seqcast/seqlock.h' untagged_orders
quiet "each step is broken by some test" unbroken_steps
planted "a step of the ring that nobody breaks" \
        'sed -i "s|^}\$|        ; /* Z1 */\n}|" include/seqcast/ring.h' unbroken_steps
planted "a step of waiting that is broken no more" 'sed -i "/late \"S3/d" tests/wait/broken_wakers.sh' unbroken_steps
finish
