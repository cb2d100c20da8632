#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# The Promela models, each searched to its end with spin, and their broken variants, in each of which an
# assertion must fail. And whatever a model's comments name still is in the sources.
#
# MODELS="waking" sh tests/model/spin.sh: only these; SPIN_TRAIL=1: show how a sound model has failed.
. tests/support/tap.sh

: "${CC:=cc}"
: "${MODELS:=lives waking reattach}"
limits="-m100000 -w22"

# search MODEL OPTIONS: everything said goes to $scratch/log
search() {
        rm -rf "$scratch/pan"
        mkdir "$scratch/pan"
        # shellcheck disable=SC2086 # options are lists of words
        (
                model=$PWD/tests/model/$1.pml
                cd "$scratch/pan" && spin -a $2 "$model" &&
                        $CC $3 -w -DSAFETY -DCOLLAPSE -DMEMLIM=2000 -o pan pan.c && ./pan $limits
        ) >"$scratch/log" 2>&1
}

# states: how many the search has seen
states() {
        sed -nE 's/^ *([0-9]+) states, stored.*/\1/p' "$scratch/log"
}

cut_short='max search depth too small|Search not completed|out of memory|truncated|interrupted'

# A search that was cut short proves nothing.
is_complete() {
        grep -q 'errors: 0$' "$scratch/log" && [ -n "$(states)" ] && ! grep -qE "$cut_short" "$scratch/log"
}

# trail OPTIONS MODEL: how it came to the error
trail() {
        model=$PWD/tests/model/$2.pml
        # shellcheck disable=SC2086 # options are lists of words
        (cd "$scratch/pan" && spin $1 -p -k "$2.pml.trail" "$model" | tail -n 200)
}

# sound TEXT MODEL [OPTIONS]
sound() {
        chosen "$2" || return 0
        search "$2" "${3-}" -O1
        if is_complete; then
                ok "$2: $1: $(states) states, no error"
        else
                [ -z "${SPIN_TRAIL-}" ] || trail "${3-}" "$2"
                not_ok "$2: $1" "$(tail -n 30 "$scratch/log")"
        fi
}

# broken TEXT MODEL OPTIONS
broken() {
        chosen "$2" || return 0
        search "$2" "$3" -O0
        if grep -q '^pan:1: assertion violated' "$scratch/log" && grep -q 'errors: 1$' "$scratch/log"; then
                ok "$2: catches $1, after $(states) states"
        else
                not_ok "$2: catches $1" "$(tail -n 30 "$scratch/log")"
        fi
}

# chosen MODEL: is it one of $MODELS?
chosen() {
        case " $MODELS " in *" $1 "*) ;; *) return 1 ;; esac
}

comments() {
        awk '{ text = text "\n" $0 }
        END {
                while ((start = index(text, "/*")) > 0) {
                        text = substr(text, start + 2)
                        end = index(text, "*/")
                        print substr(text, 1, end - 1)
                        text = substr(text, end + 2)
                }
        }' "$1"
}

names='[a-z][a-z0-9_]+\(\)|seqcast__?[a-z0-9_]+|SEQCAST_[A-Z0-9_]+|[A-Z]+_NS'
names="$names|(^|[^A-Za-z0-9_])[A-Z][0-9]($|[^A-Za-z0-9_])"

# What the comments of a model name: functions, steps, constants.
named_by() {
        comments "$1" | grep -oE "$names" |
                sed -E 's/\(\)//; s/[^A-Za-z0-9_]//g' | sort -u
}

# Steps have to be in the code, not only in the table above it.
missing_names() {
        for file in src/*/*.[ch] include/seqcast/*.h; do
                sed -n '/^#/,$p' "$file"
        done >"$scratch/code"
        for model in tests/model/*.pml; do
                for named in $(named_by "$model"); do
                        grep -qw -- "$named" "$scratch/code" || echo "$model names $named, which is not in the sources"
                done
        done
}

quiet "what the models name is in the sources" missing_names
# shellcheck disable=SC2016 # evaluated there
planted "a model of a function that there is no more" \
        'sed -i "s/seqcast__segment_is_detached/seqcast__segment_is_lost/" src/handle/*.c src/handle/*.h' missing_names
planted "a model of a step that there is no more" 'sed -i "s/E3/E4/" src/handle/*.c' missing_names

for need in spin "$CC"; do
        if ! command -v "$need" >/dev/null 2>&1; then
                skip "the models are searched" "$need is not installed"
                finish
        fi
done

two="-DLIVES=2 -DDEATHS=1"
follows="-DLIVES=1 -DDEATHS=2 -DSUBSCRIBER"

if chosen lives; then
        limits="-m100 -w22" search lives "$two" -O0
        text="a search that was cut short counts as none"
        if is_complete; then not_ok "$text"; else ok "$text"; fi
fi
sound "two publishers of two lives, one death" lives "$two"
sound "three publishers" lives "-DPUBLISHERS=3 -DLIVES=1 -DDEATHS=0"
sound "two publishers and a subscriber, two deaths" lives "$follows"
sound "one who replaces, beside a reader's lock" lives "-DLIVES=2 -DDEATHS=0 -DCURIOUS -DRECREATORS=1"
broken "two who replace at once beside a reader's lock, whom nothing excludes" lives "-DLIVES=2 -DDEATHS=0 -DCURIOUS"
broken "a lock that is not taken" lives "$two -DNO_LOCK"
broken "a name that is not looked at again under the lock" lives "$two -DNO_SECOND_LOOK"
broken "a creator who overwrites a name that has just appeared" lives "$two -DCREATE_OVERWRITES"
broken "a segment that is named before it is locked" lives "$two -DLINK_BEFORE_LOCK"
broken "a live publisher who is replaced" lives "$two -DREPLACE_THE_LIVING"
broken "an old segment that is unlocked before the new one has its name" lives "$two -DUNLOCK_EARLY"
broken "a publication that is not rolled forward at a takeover" lives "$two -DNO_RECOVER"
broken "a retired segment that is taken over" lives "$two -DTAKE_RETIRED"
broken "an opener that goes on trying while the publisher lives" lives "$two -DWAIT_FOR_THE_LIVING"
broken "a replaced segment without a mark" lives "$follows -DNO_RETIRE"
broken "a mark in the slot of a publication that was not announced" lives "$follows -DNO_RECOVER_BEFORE_RETIRE"
broken "a name that is removed before the mark is made" lives "$follows -DREMOVE_BEFORE_RETIRE"

lockless="-DLOCKLESS -DFENCE_AT_OPENING"
sound "one sleeper, two publishers' lives" waking
sound "a kernel whose look orders nothing, and a fence at the opening" waking "$lockless"
broken "waking that stops without a second look (E3)" waking -DNO_E3
broken "a second look that the stop is not fenced from (E2)" waking "$lockless -DNO_E2"
broken "an opening without a fence, where the kernel's look orders nothing" waking -DLOCKLESS
broken "interest that is shown after the look at the control word (I1, I2)" waking -DI2_BEFORE_I1
broken "a control word of a dead publisher that is believed (I2)" waking -DANY_EPOCH
broken "a sleep without a comparison (S3)" waking -DNO_COMPARE
broken "a version that is read after the slot was looked at (S1, S2)" waking -DS2_BEFORE_S1
broken "a wake before the publication (W5)" waking -DWAKE_BEFORE_W5
broken "an opening that looks for no sleepers" waking -DNO_LOOK_AT_OPENING
broken "an opening that rouses nobody" waking -DNO_ROUSE

sound "two readers, three replacements" reattach
broken "an epoch that is never odd (P1)" reattach -DNO_P1
broken "an epoch that is even again before the change (P4)" reattach -DP4_EARLY
broken "a place that is gone by before the epoch is looked at again (V4)" reattach -DNO_CHECK_BEFORE
broken "a read that is accepted without a look at the epoch (V4)" reattach -DNO_CHECK_AFTER
finish
