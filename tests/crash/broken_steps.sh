#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Do the programs of this folder notice when the library is broken, and by which of their checks? As it is,
# they find nothing; with one planted bug each, they must find that.

# shellcheck disable=SC2086 # lists of words
. tests/support/tap.sh
. tests/support/crash_programs.sh

all=':a;N;$!ba;'
whole=$scratch/whole broken=$scratch/broken
# What a header that is broken goes into.
users="src/handle/publish.c src/handle/publisher.c src/handle/acquire.c src/handle/subscriber.c src/handle/read.c"

# finds TEXT PATTERN PROGRAM ARGUMENTS...: the program in $folder reports this, and fails
finds() {
        text=$1 pattern=$2 program=$3
        shift 3
        output=$("$folder/$program" "$@" 2>&1)
        code=$?
        if [ $code = 77 ]; then
                skip "$text" "$(echo "$output" | tail -n 1)"
        elif [ $code = 1 ] && echo "$output" | tail -n 1 | grep -Eq "$pattern"; then
                ok "$text"
                echo "# $program $*: $(echo "$output" | tail -n 1)"
        else
                not_ok "$text" "exit status $code: $output"
        fi
}

# spoil FILE EXPRESSION...: a copy of the tree in which each expression has changed something in FILE
spoil() {
        file=$1
        shift
        rm -rf "$broken"
        mkdir "$broken"
        cp -r include src tests "$broken"
        for expression; do
                sed -E -i.before "$expression" "$broken/$file"
                ! cmp -s "$broken/$file" "$broken/$file.before" || return
        done
}

# planted TEXT CHECK FILE EXPRESSION... -- PROGRAM ARGUMENTS...: the check is the name of a figure
planted() {
        text="$1 is caught: $2" check="[1-9][0-9]* $2" file=$3
        shift 3
        expressions=
        while [ "$1" != -- ]; do
                expressions="$expressions '$1'"
                shift
        done
        program=$2
        shift
        if ! eval "spoil $file $expressions"; then
                not_ok "$text" "the mutation does not apply any more"
                return
        fi
        case $file in
        include/*) sources="$users tests/crash/$program.c" ;;
        *) sources=$file ;;
        esac
        folder=$scratch/objects
        rm -rf "$folder"
        cp -r "$whole" "$folder"
        rm -f "$folder/$program"
        # shellcheck disable=SC2086
        if (cd "$broken" && compile "$folder" "$CC" "-O1 -Iinclude -Isrc" $sources) &&
                link_program "$folder" "$CC" "$program"; then
                finds "$text" "$check" "$@"
        else
                not_ok "$text" "$(cat "$scratch/log")"
        fi
}

# sound PROGRAM ARGUMENTS...: without a bug, nothing is found
sound() {
        program=$1
        shift
        try "control: $program $*" "$whole/$program" "$@"
}

publishing="single_step --acts whole,parts --bytes 64 --depths 2"
overtaking="schedules --reads newest --depths 2 --schedules"
taking_over="lives --acts take-over --interventions leave,unlink"
creating="lives --acts create --interventions stay,leave,remove"

# shellcheck disable=SC2046
if ! { compile "$whole" "$CC" "-O1 -Iinclude -Isrc" tests/crash/*.c $(library_sources) &&
        link_program "$whole" "$CC" single_step && link_program "$whole" "$CC" schedules &&
        link_program "$whole" "$CC" lives; }; then
        not_ok "library and programs are compiled" "$(cat "$scratch/log")"
        finish
fi
reason=$("$whole/lives" --acts close --interventions none)
if [ $? = 77 ]; then
        skip "planted bugs" "$reason"
        finish
fi

sound $publishing
sound $overtaking 50
sound $taking_over
sound $creating

planted "a slot that is not marked as being written" torn include/seqcast/seqlock.h \
        's/^.*\/\* W1 \*\/$//' -- $overtaking 400
planted "a reader that does not look again" torn include/seqcast/seqlock.h \
        's/== begun; \/\* R4 \*\//> 0;/' -- $overtaking 100
seal_and_announce="$all"'s/( *seqcast_seqlock_write_end\(slot \+ SEQCAST_SLOT_SEQ, number\);[^\n]*\n)( *atomic_store_explicit\(ring->version, number[^\n]*\n)/'
planted "a publication that is announced before it is sealed" blocked include/seqcast/ring.h \
        "$seal_and_announce\\2\\1/" -- $publishing
planted "a publication that is announced before it is written, and readers who do not look at the slot" torn \
        include/seqcast/ring.h \
        's/^(.*\/\* W1, W2 \*\/)$/        atomic_store_explicit(ring->version, number, memory_order_release);\n\1/' \
        's/if \(\(begun \& 1\) != 0 \|\| begun < 2 \* number\)/if (false)/' -- $publishing
planted "a length that is stored after the seal" torn include/seqcast/ring.h \
        "$all"'s/( *seqcast_word_store_relaxed\(slot \+ SEQCAST_SLOT_LENGTH, bytes\);[^\n]*\n)(.*)(\n *atomic_store_explicit\(ring->version, number)/\2\n\1\3/' \
        -- $publishing
planted "a takeover that uses the number of a complete publication again" reused include/seqcast/ring.h \
        's/== 2 \* \(version \+ 1\)\)/== 1)/' -- $publishing
planted "a takeover that leaves out a number" skipped include/seqcast/ring.h \
        's/== 2 \* \(version \+ 1\)\)/>= 2 * version + 1)/' -- $publishing
planted "a takeover that does not announce what was complete" unannounced include/seqcast/ring.h \
        's/^.*\/\* T3 pairs with R0 \*\/$//' -- $publishing
planted "a new publisher that trusts the slots of the last one" torn src/handle/publisher.c \
        's/fresh \? 1 : publisher->version \+ 1/1/' -- $publishing
planted "a name that is not looked at again under the lock" "two owners" src/handle/acquire.c \
        's/r = seqcast__segment_is_detached\(segment\);/r = 0;/' -- $taking_over
planted "a lock that is taken after the name is given" "two owners" src/handle/acquire.c \
        's/^( *)r = seqcast__lock_take\(segment->fd, SEQCAST__PUBLISHER_LOCK_BYTE\);/\1r = 0;/' \
        's/^( *)(r = seqcast__shm_draft_link\(.*)$/\1\2\n\1if (r == 0) r = seqcast__lock_take(segment.fd, SEQCAST__PUBLISHER_LOCK_BYTE);/' \
        -- $creating
planted "a name that is given before the header is written" half-made src/handle/acquire.c \
        "$all"'s/(\n *write_header\(segment, wish->schema_text\);)/\n seqcast__shm_draft_link(\&(struct seqcast__shm_draft){ .fd = segment->fd }, wish->name, true);\1/' \
        -- $creating
planted "a lock that is dropped before the name" "two owners" src/handle/publisher.c \
        "$all"'s/(\n *seqcast_ring_retire\(\&publisher->ring\);)/\n seqcast__lock_drop(publisher->segment.fd, SEQCAST__PUBLISHER_LOCK_BYTE);\1/' \
        -- lives --acts remove --interventions stay,leave

# With one slot there is nothing to read while it is written. That is documented, and counted.
text="depth 1: readers are told that it is busy, and nothing else happens"
if output=$("$whole/single_step" --acts whole --bytes 64 --depths 1) &&
        echo "$output" | tail -n 1 | grep -Eq '[1-9][0-9]* busy; 0 torn, 0 blocked'; then
        ok "$text"
        echo "# $(echo "$output" | tail -n 1)"
else
        not_ok "$text" "$output"
fi

finish
