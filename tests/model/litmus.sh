#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# The litmus tests in tests/model/litmus: each pair of accesses as each architecture's compilers translate
# it, and its twins, in which one access is weakened. Where herd7 is installed, it says whether what each
# test asks for is observed; elsewhere only the texts are checked. HERD7="herd7 -I folder": how to call it.
. tests/support/tap.sh

: "${HERD7:=herd7}"
architectures="aarch64:AArch64 power:PPC riscv:RISCV x86:X86"
tables="include/seqcast/ring.h include/seqcast/seqlock.h"
tests=$(find tests/model/litmus -name '*.litmus' | sort)

# field NAME FILE
field() {
        sed -nE "s/^ *$1: (.*[^ *)]).*/\\1/p" "$2"
}

# frame_of FILE, code_of FILE: the values it begins with and the question; what is between them
frame_of() {
        sed -n -e '/^{/,/^}/p' -e '/^exists/p' "$1"
}

code_of() {
        sed -n '/^ P0 /,/^exists/p' "$1" | sed '$d'
}

# What a test says of itself: its name, its architecture, its pair, which is in the sources, and the answer.
wrong_texts() {
        [ -n "$tests" ] || echo "there are no tests"
        for test in $tests; do
                base=$(basename "$test" .litmus) folder=$(basename "$(dirname "$test")")
                pair=$(field Pair "$test") expected=$(field Expected "$test")
                case " $architectures " in
                *" $folder:$(sed -n '1s/ .*//p' "$test") "*) ;;
                *) echo "$test: not of the architecture of its folder" ;;
                esac
                [ "$(sed -n '1s/.* //p' "$test")" = "$base" ] || echo "$test: has another name inside"
                case $expected in Never | Sometimes) ;; *) echo "$test: expects $expected" ;; esac
                case $pair in
                "all of seqlock.h") ;;
                [A-Z][0-9]" / "[A-Z][0-9])
                        # shellcheck disable=SC2086 # a list of files
                        grep -qE "^ \*   $pair  " $tables ||
                                echo "$test: $pair is in no table of PAIRS" ;;
                *) echo "$test: which pair?" ;;
                esac
        done
}

# Twins ask the same question of the same values, and differ in the code; there is one at least for each test.
wrong_twins() {
        for test in $tests; do
                sound=${test%%.*}.litmus
                if [ "$test" = "$sound" ]; then
                        [ "$(field Expected "$test")" = Never ] || echo "$test: must never be observed"
                        ls "${test%.litmus}".*.litmus >/dev/null 2>&1 || echo "$test: has no twin"
                        continue
                fi
                [ -e "$sound" ] || { echo "$test: twin of nothing"; continue; }
                grep -q "Twin of $(basename "$sound")\. Weakened: " "$test" || echo "$test: what is weakened?"
                [ "$(frame_of "$test")" = "$(frame_of "$sound")" ] || echo "$test: another question than $sound"
                [ "$(code_of "$test")" != "$(code_of "$sound")" ] || echo "$test: the code of $sound"
        done
}

# Each pair of the tables, on each architecture.
missing_tests() {
        for pair in $(sed -nE 's|^ \*   ([A-Z][0-9]) / ([A-Z][0-9])  .*|\1-\2|p' $tables); do
                for architecture in $architectures; do
                        test=tests/model/litmus/${architecture%:*}/$pair.litmus
                        [ -e "$test" ] || echo "$test is missing"
                done
        done
}

# observed TEST: Never, Sometimes or Always
observed() {
        # shellcheck disable=SC2086 # a command and its options
        timeout 60 $HERD7 "$1" 2>&1 | sed -nE 's/^Observation [^ ]+ ([A-Za-z]+).*/\1/p'
}

# wrong_answers FOLDER
wrong_answers() {
        for test in $tests; do
                case $test in */"$1"/*) ;; *) continue ;; esac
                answer=$(observed "$test")
                [ "$answer" = "$(field Expected "$test")" ] ||
                        echo "$test: observed ${answer:-nothing}, expected $(field Expected "$test")"
        done
}

quiet "each test says what it is and expects" wrong_texts
quiet "each twin differs from its test in the code alone" wrong_twins
quiet "each pair has a test on each architecture" missing_tests
planted "a test without an answer" 'sed -i "/Expected:/d" tests/model/litmus/power/W5-R0.litmus' wrong_texts
planted "a twin that is none" \
        'cd tests/model/litmus/riscv && cp W2-R3.litmus W2-R3.writer.litmus && cd - >/dev/null' wrong_twins
planted "a pair without a test" 'rm tests/model/litmus/aarch64/X2-N1.litmus' missing_tests

if command -v "${HERD7%% *}" >/dev/null 2>&1; then
        for architecture in $architectures; do
                folder=${architecture%:*}
                quiet "$folder: herd7 answers as expected, $(echo "$tests" | grep -c "/$folder/") tests" \
                        wrong_answers "$folder"
        done
        planted "a weakened access that herd7 sees" \
                'sed -i s/STLR/STR/ tests/model/litmus/aarch64/W4-R1.litmus' wrong_answers aarch64
elif [ "$HERD7" != herd7 ]; then
        not_ok "HERD7=$HERD7 cannot be run"
else
        skip "herd7 answers as expected" "herd7 not installed: not run"
fi
finish
