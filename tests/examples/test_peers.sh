#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# The table of tests/bench/peers can be made, in a short run: the figures are for people to look at. Needs
# BUILD, and CC for the twin.
. tests/support/tap.sh

peers=$BUILD/tests/bench/peers
table=$scratch/table

# run COMMAND...: its output is in $table, its process was $pid, its exit status is $status
run() {
        "$@" >"$table" 2>&1 &
        pid=$!
        wait $pid
        status=$?
}

# is COMMAND...: else shows the table
is() {
        "$@" || { cat "$table"; return 1; }
}

# complete: every table has a row of Seqcast without a dash
complete() {
        awk '
        /^\*\*/                  { tables++; torn += /^\*\*Torn/ }
        /^\| Seqcast  / && !/–/  { rows++ }
        /^One processor only/    { alone = 1 }
        END { exit tables != (alone ? 3 : 9) || rows != tables - torn }' "$table"
}

# nothing_left PID
nothing_left() {
        ! ls "/dev/shm/peers-$1-"* 2>/dev/null
}

# ends_by SIGNAL STATUS: a run is ended by that signal and leaves nothing
ends_by() {
        env --default-signal=HUP "$peers" >"$table" 2>&1 &
        pid=$!
        sleep 1
        kill -s "$1" $pid
        wait $pid
        try "SIG$1 ends a long run by that signal" is test $? = "$2"
        try "nothing is left of that one" nothing_left $pid
}

# without_marks: a program in which the unprotected copy claims to be whole
without_marks() {
        cp "$BUILD"/obj/tests/bench/peers/*.o "$scratch" &&
                sed '/\.may_tear = true/d' tests/bench/peers/unprotected.c >"$scratch/unprotected.c" &&
                "${CC:-cc}" -std=c11 -O2 -Iinclude -Itools -Itests/bench/peers -D_DEFAULT_SOURCE \
                        -c -o "$scratch/unprotected.o" "$scratch/unprotected.c" || return
        # shellcheck disable=SC2046 # lists of words
        "${CC:-cc}" -pthread -o "$scratch/peers" "$scratch"/*.o "$BUILD"/obj/tools/bench/*.o \
                "$BUILD/libtools.a" "$BUILD/libseqcast.a" $(pkg-config --libs json-c) $(cat "$BUILD/libs") -lm
}

# is_found_out: in one of a few runs
is_found_out() {
        for _ in 1 2 3 4 5; do
                run "$scratch/peers" --quick
                ! grep -q 'unprotected.* parts do not belong together' "$table" || return 0
        done
        cat "$table"
        return 1
}

if [ ! -x "$peers" ]; then
        skip "the peers' table" "it was not built: pkg-config or libjson-c-dev is missing"
        finish
fi

run "$peers" --quick
try "a short run of all peers ends well" is test $status = 0
try "each of its tables has a row of Seqcast" is complete
try "nothing is left of it" nothing_left $pid

ends_by HUP 129
ends_by TERM 143

text="a peer that gives out torn records is found out"
case ${BUILD##*/} in
*-thread* | *-address* | *-undefined*) skip "$text" "the objects need a sanitizer here" ;;
*)
        if grep -q '^One processor only' "$table"; then
                skip "$text" "there is one processor only"
        else
                try "the twin can be built" without_marks
                try "$text" is_found_out
                try "nothing is left of it" nothing_left $pid
        fi
        ;;
esac
finish
