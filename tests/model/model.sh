#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# The drivers of this folder on the headers as they are shipped, and on twins of them with one access weakened
# each. Run on threads of this machine for a moment each; with MODEL=all also by the model checker GenMC,
# where there is one (GENMC=PATH): it has to accept every row of the table and to reject every twin.
. tests/support/tap.sh
. tests/support/access_twins.sh

: "${CC:=cc}" "${GENMC:=genmc}" "${MODEL:=}"
row_seconds=600 # a row not finished by then says nothing
rows=0 turn=$(turn_of 5) native_rows=0 native_failed=0 executions=0
begun=$(date +%s)

if [ "$MODEL" != all ]; then
        checker='' reason="make model runs it"
elif command -v "$GENMC" >/dev/null 2>&1; then
        checker=$GENMC
        "$GENMC" --version 2>&1 | sed -n 's/^ *\(GenMC v.*\)/# \1/p'
elif [ "$GENMC" != genmc ]; then
        checker='' reason="GENMC=$GENMC cannot be run"
        not_ok "$reason"
else
        checker='' reason="not run: GenMC is not installed"
fi

# check_with_genmc FOLDER DRIVER FLAGS...: $verdict is accepted, rejected, unfinished or failed. What is in FOLDER
# comes before what is shipped. The loop over attempts is followed for four of them. The compiler optimizes,
# since what it leaves on the stack the checker does not always keep apart, nor copies whole.
check_with_genmc() {
        folder=$1 driver=$2
        shift 2
        set -- --disable-estimation -- -std=c11 -w -O2 -fno-vectorize -fno-slp-vectorize -DGENMC \
                -DSEQCAST_COPY_WORDS "-I$folder" -Iinclude "$@" "tests/model/$driver.c"
        case " $* " in
        *_LOOP* | *READ=NEWEST_PARTS*) set -- --unroll=4 "$@" ;;
        esac
        output=$(timeout -k 5 "$row_seconds" "$checker" "$@" 2>&1)
        case $?/$output in
        0/*"executions explored: 0"*) verdict=failed ;; # all were stopped by what the driver assumes
        0/*"No errors were detected"*) verdict=accepted ;;
        124/*) verdict=unfinished ;;
        */*"Safety violation"* | */*"Non-atomic race"*) verdict=rejected ;;
        *) verdict=failed ;;
        esac
        explored=$(echo "$output" | sed -n 's/^Number of complete executions explored: //p')
        seconds=$(echo "$output" | sed -n 's/^Total wall-clock time: //p')
        cause=$(echo "$output" | sed -n 's/^Assertion violation: //p; s/^Error: \(Non-atomic race\)!*/\1/p' | head -n 1)
}

# run_natively DRIVER FLAGS...: every fifth row, or all of them with MODEL=all
run_natively() {
        [ "$MODEL" = all ] || [ $((rows % 5)) = "$turn" ] || return 0
        driver=$1
        shift
        native_rows=$((native_rows + 1))
        if ! native_output=$({ $CC -std=c11 -D_DEFAULT_SOURCE -w -O1 -pthread -Iinclude -DMILLISECONDS=50 "$@" \
                "tests/model/$driver.c" -o "$scratch/native" && "$scratch/native"; } 2>&1); then
                native_failed=$((native_failed + 1))
                not_ok "on threads: $driver $*" "$native_output"
        fi
}

# row DRIVER FLAGS...
row() {
        rows=$((rows + 1))
        run_natively "$@"
        [ "$checker" ] || return 0
        check_with_genmc include "$@"
        case $verdict in
        accepted)
                executions=$((executions + explored))
                ok "$*: $explored executions, $seconds" ;;
        unfinished) skip "$*" "not finished in $row_seconds s" ;;
        *) not_ok "$*" "$output" ;;
        esac
}

# needless WHAT WHY FILE EXPRESSION DRIVER FLAGS...: a twin that is as good, and why it is not shipped
needless() {
        weaken "$scratch/twin" "$1" "$3" "$4" || return 0
        [ "$checker" ] || return 0
        what=$1 why=$2
        shift 4
        check_with_genmc "$folder" "$@"
        if [ $verdict = accepted ]; then
                ok "$what is taken away, and $* is accepted: $why"
        else
                not_ok "$what is needed: $*" "$output"
        fi
}

# reject WHAT DRIVER FLAGS...: as a control, what is shipped has to be accepted by the same row
reject() {
        what=$1 twin=$folder
        shift
        control=$(echo "$*" | sed 's/ -DNO_LOCK//; s/ -DWITHOUT=.//')
        if ! grep -qxe "$control" "$scratch/controls" 2>/dev/null; then
                # shellcheck disable=SC2086 # a row is a list of words
                check_with_genmc include $control
                if [ $verdict != accepted ]; then
                        not_ok "$what: control: $verdict by $control" "$output"
                        return
                fi
                echo "$control" >>"$scratch/controls"
        fi
        check_with_genmc "$twin" "$@"
        if [ $verdict = rejected ]; then
                ok "$what: rejected by $* ($cause)"
        else
                not_ok "$what: $verdict by $*" "$output"
        fi
}

# without_lock DRIVER FLAGS...: T1 and T2 are relaxed, as the lock orders them. Without it
without_lock() {
        [ "$checker" ] || return 0
        folder=include
        reject "T1, T2: takeover without the publisher's lock" "$@"
}

# twin TAG TEXT FILE EXPRESSION DRIVER FLAGS...
twin() {
        tag=$1 text=$2
        weaken "$scratch/twin" "$1" "$3" "$4" || return 0
        shift 4
        if [ -z "$checker" ]; then
                driver=$1
                shift
                # shellcheck disable=SC2086 # a command with arguments, maybe
                try "$tag: $text: the twin differs, and compiles" \
                        $CC -std=c11 -D_DEFAULT_SOURCE -w -fsyntax-only "-I$folder" -Iinclude "$@" "tests/model/$driver.c"
                return
        fi
        reject "$tag: $text" "$@"
}

# -- The table: whole records ------------------------------------------------------------------------

for read in NEWEST NEXT NEXT_NEWEST IN_PLACE; do
        for depth in 1 2 4; do
                for publications in 1 2 3; do
                        row read -DREAD=$read -DDEPTH=$depth -DPUBLICATIONS=$publications
                done
        done
        row read -DREAD=$read -DDEPTH=1 -DPUBLICATIONS=2 -DWORDS=2 -DREADS=1
        row read -DREAD=$read -DDEPTH=2 -DPUBLICATIONS=3 -DWORDS=2 -DREADS=1
        row read -DREAD=$read -DDEPTH=2 -DPUBLICATIONS=4 -DREADS=1
        row read -DREAD=$read -DDEPTH=1 -DPUBLICATIONS=2 -DREADS=1 -DREADERS=2
        row read -DREAD=$read -DDEPTH=2 -DPUBLICATIONS=2 -DREADERS=2
        row read -DREAD=$read -DDEPTH=2 -DPUBLICATIONS=3 -DREADS=1 -DREADERS=2
done
for read in NEWEST_LOOP NEXT_LOOP NEWEST_PARTS; do
        row read -DREAD=$read -DDEPTH=1 -DPUBLICATIONS=2 -DREADS=1
        row read -DREAD=$read -DDEPTH=2 -DPUBLICATIONS=2
        row read -DREAD=$read -DDEPTH=2 -DPUBLICATIONS=3 -DREADS=1
done
for depth in 1 2; do
        row read -DREAD=NEWEST -DDEPTH=$depth -DPUBLICATIONS=2 -DTOLD
        row read -DREAD=IN_PLACE -DDEPTH=$depth -DPUBLICATIONS=2 -DTOLD
done

# -- A publisher that ends at each step, and its successor --------------------------------------------

for stop in 0 1 2 3 4 5; do
        for read in NEWEST NEXT; do
                row takeover -DSTOP=$stop -DREAD=$read -DDEPTH=1 -DPUBLICATIONS=2 -DWORDS=2 -DREADS=1
                row takeover -DSTOP=$stop -DREAD=$read -DDEPTH=2 -DPUBLICATIONS=3 -DWORDS=2
                row takeover -DSTOP=$stop -DREAD=$read -DDEPTH=4 -DPUBLICATIONS=3 -DWORDS=2
        done
        row takeover -DSTOP=$stop -DREAD=NEXT_NEWEST -DDEPTH=2 -DPUBLICATIONS=2
        row takeover -DSTOP=$stop -DREAD=NEXT -DDEPTH=2 -DBEFORE=0 -DPUBLICATIONS=2
done

# -- The retired mark, by whoever published or by another -----------------------------------------------

for writers in 1 2; do
        for read in NEWEST NEXT NEXT_NEWEST; do
                for depth in 1 2 4; do
                        row retire -DWRITERS=$writers -DREAD=$read -DDEPTH=$depth -DPUBLICATIONS=1
                        row retire -DWRITERS=$writers -DREAD=$read -DDEPTH=$depth -DPUBLICATIONS=2
                        row retire -DWRITERS=$writers -DREAD=$read -DDEPTH=$depth -DPUBLICATIONS=1 -DNEWS
                done
        done
done

# -- Parts ----------------------------------------------------------------------------------------------

for read in NEWEST NEXT; do
        row parts -DREAD=$read -DWORDS=2 -DDEPTH=1 -DPUBLICATIONS=2 -DREADS=1
        row parts -DREAD=$read -DWORDS=2 -DDEPTH=2 -DPUBLICATIONS=3 -DREADS=1
        row parts -DREAD=$read -DWORDS=2 -DDEPTH=2 -DPUBLICATIONS=4 -DREADS=1
        row parts -DREAD=$read -DWORDS=2 -DDEPTH=4 -DPUBLICATIONS=4
        row parts -DREAD=$read -DWORDS=2 -DDEPTH=1 -DPUBLICATIONS=2 -DTORN=2 -DREADS=1
        row parts -DREAD=$read -DWORDS=2 -DDEPTH=2 -DPUBLICATIONS=3 -DTORN=2 -DREADS=1
        row parts -DREAD=$read -DWORDS=2 -DDEPTH=2 -DPUBLICATIONS=4 -DTORN=3 -DREADS=1
        row parts -DREAD=$read -DWORDS=2 -DDEPTH=2 -DPUBLICATIONS=3 -DTORN=1 -DREADS=1
        row parts -DREAD=$read -DWORDS=2 -DDEPTH=2 -DPUBLICATIONS=4 -DTORN=3 -DREADS=1 -DUNBEGUN
        row parts -DREAD=$read -DWORDS=2 -DDEPTH=2 -DPUBLICATIONS=4 -DTORN=3 -DREADS=1 -DGIVEN_UP
        row parts -DREAD=$read -DWORDS=10 -DCHANGED=3 -DDEPTH=2 -DPUBLICATIONS=3 -DREADS=1
        row parts -DREAD=$read -DWORDS=10 -DCHANGED=3 -DDEPTH=2 -DPUBLICATIONS=3 -DTORN=3 -DREADS=1
        row parts -DREAD=$read -DWORDS=10 -DCHANGED=3 -DDEPTH=2 -DPUBLICATIONS=3 -DTORN=3 -DREADS=1 -DGIVEN_UP
done

# -- What others own --------------------------------------------------------------------------------------

for shape in EVEN_ODD_32 EVEN_ODD_64 BOOKENDS VALID_FIRST COUNT_FIRST COUNT_ONCE; do
        for publications in 1 2 3; do
                row foreign -DSHAPE=$shape -DPUBLICATIONS=$publications
        done
        row foreign -DSHAPE=$shape -DPUBLICATIONS=2 -DWORDS=3
done

[ $native_failed != 0 ] || ok "on threads: $native_rows of the $rows rows, 50 ms each"
if [ "$checker" ]; then
        echo "# $executions executions of $rows rows in $(($(date +%s) - begun)) s"
else
        skip "the model checker accepts all $rows rows and rejects all twins" "$reason"
fi

# -- The twins: each access of the PAIRS tables weakened or taken away ------------------------------------

access_twins

# Owners who lack a barrier, which no reader makes good.
if [ "$checker" ]; then
        folder=include
        for shape in EVEN_ODD_64 BOOKENDS VALID_FIRST COUNT_FIRST COUNT_ONCE; do
                for step in 2 4 6; do
                        case $step:$shape in 6:EVEN_ODD_64 | 6:BOOKENDS) continue ;; esac
                        reject "an owner without the barrier of G$step" foreign -DSHAPE=$shape -DWITHOUT=$step
                done
        done
fi

# What no row needs stays for another reason.
# shellcheck disable=SC2086
needless "q < 2h" "it guards against memory that others have damaged" ring.h \
        's/ \|\| begun < 2 \* number//' $lapped
needless F2 "it saves the copy of what is not there" foreign.h \
        's/if \(foreign->valid != NULL \&\& (.*F2)/if (0 \&\& \1/' foreign -DSHAPE=VALID_FIRST
finish
