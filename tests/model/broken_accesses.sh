#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Which checks notice when one access of the ring, or of the reader of what others own, is weakened or taken
# away, among those that need no model checker: the unit tests, the AArch64 code, ThreadSanitizer, the drivers
# of this folder on threads. All of them look at each twin and, as a control, at what is shipped; those that
# notice the twin are printed, and at least one has to. Each ninth twin, or all with MUTANTS=all.
. tests/support/tap.sh
. tests/support/access_twins.sh
. tests/support/emitted.sh

: "${CC:=cc}"
plain_build_only "twins"
jobs=$(nproc 2>/dev/null || echo 2)
flags="-std=c11 -D_GNU_SOURCE -w -pthread"
tsan="setarch $(uname -m) -R"
$tsan true 2>/dev/null || tsan=

# checker NAME NEED: $checkers gets it if NEED, a program, is there; $missing, if not
checkers='' missing=
checker() {
        if command -v "$2" >/dev/null 2>&1; then
                checkers="$checkers $1"
        else
                missing=$2
                skip "the twins under the check $1" "$2 is not installed"
        fi
}

# kill_by_CHECK FOLDER HEADER DRIVER FLAGS...: what is in FOLDER/include comes before what is shipped. Prints
# how it was found out, or nothing; a twin that does not compile is nobody's.
kill_by_unit() {
        case $2 in
        copy.h) set -- "$1" copy_words ring ;;
        seqlock.h) set -- "$1" seqlock ring ;;
        *) set -- "$1" "${2%.h}" ;;
        esac
        twin_folder=$1
        shift
        for test; do
                # shellcheck disable=SC2086 # lists of words
                $CC $flags -O0 -I"$twin_folder/include" -Iinclude -Isrc "tests/unit/test_$test.c" \
                        -o "$twin_folder/test" "$BUILD/libseqcast.a" $criterion 2>>"$twin_folder/log" || return 1
                TOPIC_TAG=r$$- timeout -k 5 60 "$twin_folder/test" --color=never >"$twin_folder/found" 2>&1 ||
                        { grep -o -m 1 "test_$test\.c:[0-9]*" "$twin_folder/found" || echo "test_$test"; }
        done
}

kill_by_emitted() {
        (scratch=$1 && missing "aarch64-linux-gnu-gcc -O2" "$1") >"$1/found" || return 1
        sed -n '1s/ is not.*//p' "$1/found"
}

kill_by_tsan() {
        program=ring
        [ "$2" != foreign.h ] || program=foreign
        # shellcheck disable=SC2086
        $CC $flags -O1 -fno-builtin -fsanitize=thread -I"$1/include" -Iinclude "tests/tsan/$program.c" -o "$1/tsan" \
                2>>"$1/log" || return 1
        timeout -k 5 60 $tsan "$1/tsan" >"$1/found" 2>&1 ||
                { grep -oE 'ThreadSanitizer: [a-z -]*|[1-9][0-9]* wrong' "$1/found" || echo "it fails"; } | head -n 1
}

kill_by_threads() {
        twin_folder=$1 driver=$3
        shift 3
        # shellcheck disable=SC2086
        $CC $flags -O1 -I"$twin_folder/include" -Iinclude -DMILLISECONDS=400 "$@" "tests/model/$driver.c" \
                -o "$twin_folder/driver" 2>>"$twin_folder/log" || return 1
        timeout -k 5 60 "$twin_folder/driver" >"$twin_folder/found" 2>&1 ||
                sed -n '1s/.*Assertion `\(.*\)'"' failed.*/\1/p" "$twin_folder/found"
}

# ask FOLDER HEADER DRIVER FLAGS...: a line for each check that notices
ask() {
        for check in $checkers; do
                how=$("kill_by_$check" "$@") || { echo "# $check: it does not compile" >>"$1/failed"; continue; }
                [ -z "$how" ] || echo "$check ($(echo "$how" | head -n 1))"
        done
}

# judge FOLDER HEADER DRIVER FLAGS...: once for each row, what is shipped is asked about as well
judge() {
        judged=$1
        ask "$@" >"$judged/killers"
        shift
        mkdir "$judged/shipped"
        if mkdir "$scratch/control-$(echo "$*" | tr ' /' __)" 2>/dev/null; then
                ask "$judged/shipped" "$@"
                cat "$judged/shipped/failed" 2>/dev/null
        fi >"$judged/control"
}

started=0 collected=0
collect() {
        wait
        while [ $collected -lt $started ]; do
                collected=$((collected + 1))
                slot=$scratch/$collected
                text=$(cat "$slot/text") killers=$(paste -sd , "$slot/killers" | sed 's/,/, /g')
                if grep -q . "$slot/control"; then
                        not_ok "what is shipped is itself noticed, as if it were a twin" "$(cat "$slot/control")"
                elif [ "$killers" ]; then
                        ok "$text: $killers"
                elif [ "$missing" ]; then
                        skip "$text" "no check that is here notices it; $missing is not installed"
                else
                        not_ok "$text: is noticed by a check" "$(cat "$slot/log" "$slot/failed" 2>/dev/null)"
                fi
                rm -rf "$slot"
        done
}

offered=0 passed_over=0 turn=$(turn_of 9)
# twin TAG TEXT HEADER EXPRESSION DRIVER FLAGS...
twin() {
        offered=$((offered + 1))
        if [ "${MUTANTS-}" != all ] && [ $((offered % 9)) != "$turn" ]; then
                passed_over=$((passed_over + 1))
                return 0
        fi
        slot=$scratch/$((started + 1))
        mkdir "$slot"
        weaken "$slot/include" "$1" "$3" "$4" || return 0
        started=$((started + 1))
        echo "$1: $2" >"$slot/text"
        twin_header=$3
        shift 4
        judge "$slot" "$twin_header" "$@" &
        [ $((started % jobs)) != 0 ] || collect
}

# The lock is the kernel's, so this is no twin of a header.
without_lock() {
        echo "# T1, T2: takeover without the publisher's lock: tests/torture/broken_exclusion.sh plants it"
}

if criterion=$(${PKG_CONFIG:-pkg-config} --cflags --libs criterion 2>/dev/null); then
        checkers=unit
else
        missing=Criterion
        skip "the twins under the unit tests" "Criterion is not installed (libcriterion-dev, pkg-config)"
fi
checker emitted aarch64-linux-gnu-gcc
checker tsan "${CC%% *}"
checker threads "${CC%% *}"

access_twins
collect
[ $passed_over = 0 ] || skip "the other twins" "$passed_over of them not asked: MUTANTS=all asks for all"
finish
