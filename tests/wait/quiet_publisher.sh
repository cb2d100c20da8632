#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# What does a publisher ask of the system while it publishes? strace logs the calls of the program
# quiet_publisher; they are counted phase by phase, as opening and closing make some, too. Its sleeper is
# a child, which strace does not follow here.

. tests/support/tap.sh

case ${BUILD##*/} in
*-thread* | *-address* | *-undefined*)
        skip "system calls" "sanitizers make some of their own"
        finish ;;
esac
if ! command -v strace >/dev/null 2>&1; then
        skip "system calls" "strace is not installed"
        finish
fi
if ! strace -o "$scratch/log" true 2>"$scratch/why"; then
        skip "system calls" "strace may not trace: $(tail -n 1 "$scratch/why")"
        finish
fi

# calls PHASE [NAME]: how many calls there were in it, or how many of that name
calls() {
        awk -v phase="$1" -v name="${2-}" '
        $0 ~ "\"# end " phase { inside = 0 }
        inside && /^[a-z_0-9]+\(/ && (name == "" || index($0, name "(") == 1) { count++ }
        $0 ~ "\"# begin " phase { inside = 1 }
        END { print count + 0 }' "$scratch/log"
}

# published PHASE, lasted PHASE: publications, ms
published() {
        sed -n "s/^# end $1 \([0-9]*\) .*/\1/p" "$scratch/output"
}
lasted() {
        sed -n "s/^# end $1 .*, \([0-9]*\) ms/\1/p" "$scratch/output"
}

# expect TEXT TEST...
expect() {
        text=$1
        shift
        if [ "$@" ]; then ok "$text"; else not_ok "$text" "$(tail -n 20 "$scratch/log")"; fi
}

# quiet_phase PHASE WHO: at full speed without sleepers
quiet_phase() {
        count=$(published "$1") ms=$(lasted "$1") all=$(calls "$1") futex=$(calls "$1" futex)
        [ "$all" != 0 ] || all=1
        expect "$2: no futex calls in $count publications" "$futex" = 0
        expect "$2: one look in 2 ms, no more ($all calls in $ms ms)" "$all" -le $((ms / 2 + 10))
        if [ "$count" -lt $((1000 * ms)) ]; then
                skip "$2: 1000 publications a call" "too slow to tell: $count publications in $ms ms"
        else
                expect "$2: $((count / all)) publications a call" $((count / all)) -ge 1000
        fi
}

if strace -s 64 -o "$scratch/log" "$BUILD/tests/wait/quiet_publisher" >"$scratch/output" 2>&1; then
        ok "the publisher does its work"
else
        not_ok "the publisher does its work" "$(cat "$scratch/output")"
        finish
fi

quiet_phase nobody "nobody sleeps"
case ${BUILD##*/} in
*-portable*) skip "one sleeps: he is woken" "in a portable build nobody wakes" ;;
*)
        wakes=$(calls sleeper futex)
        expect "one sleeps: he is woken ($wakes futex calls)" "$wakes" -gt 0
        expect "one sleeps: at most once for each of $(published sleeper) publications" "$wakes" -le "$(published sleeper)"
esac
quiet_phase left "he has left"
finish
