#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# A segment is the same for processes of 32 and of 64 bits: each publishes for the other, wakes it, and goes
# on where the other left off. What does not fit into 32 bits is refused.

. tests/support/tap.sh

case ${BUILD##*/} in
*-thread* | *-address* | *-undefined*)
        skip "peers of 32 bits" "the plain build is enough"
        finish ;;
esac

sources=$(find src -name '*.c' ! -name '*_portable.c' ! -name '*_urcu.c')
flags="-std=c11 -D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64 -D_DEFAULT_SOURCE -O0 -pthread -w -Iinclude -Isrc -Itests"
narrow=$scratch/peer32
wide=$BUILD/tests/process/peer
topic=seqcast-words-$$-$(date +%s%N)
trap 'rm -rf "$scratch" "/dev/shm/$topic"' EXIT

# find_narrow: build the 32-bit peer with whatever can. A cross compiler's libraries are not where programs
# look for them, so they go into the program.
find_narrow() {
        for compiler in "${CC:-cc} -m32" i686-linux-gnu-gcc; do
                # shellcheck disable=SC2086 # lists of words
                $compiler $flags tests/process/peer.c $sources -static -o "$narrow" 2>"$scratch/log" &&
                        [ "$("$narrow" bits 2>/dev/null)" = 32 ] && return
        done
        return 1
}

if ! find_narrow; then
        skip "peers of 32 bits" "nothing here builds and runs programs of 32 bits (gcc -m32, i686-linux-gnu-gcc)"
        finish
fi
if [ "$("$wide" bits)" != 64 ]; then
        skip "peers of 64 bits" "this machine has none"
        finish
fi

# exchange TEXT PUBLISHER READER FIRST COUNT: with pauses, so that the reader sleeps and has to be woken
exchange() {
        "$3" read "$topic" "$4" "$5" >"$scratch/read" &
        reader=$!
        if "$2" publish "$topic" "$5" 500 >"$scratch/published" && wait $reader; then
                ok "$1"
                sed 's/^/# /' "$scratch/read"
        else
                kill $reader 2>/dev/null
                not_ok "$1" "$(cat "$scratch/published" "$scratch/read")"
        fi
}

# refused TEXT STATUS SENTENCE COMMAND...
refused() {
        text=$1 expected=$2 sentence=$3
        shift 3
        output=$("$@")
        status=$?
        if [ $status = "$expected" ] && [ "$output" = "$sentence" ]; then
                ok "$text"
        else
                not_ok "$text" "exit status $status: $output"
        fi
}

exchange "64 bits publish, 32 read" "$wide" "$narrow" 1 200
exchange "32 bits go on publishing, 64 read" "$narrow" "$wide" 201 200
exchange "64 bits go on, 32 read" "$wide" "$narrow" 401 200
rm -f "/dev/shm/$topic"
exchange "32 bits create, 64 read" "$narrow" "$wide" 1 200
exchange "64 bits go on, 64 read" "$wide" "$wide" 201 200
rm -f "/dev/shm/$topic"

"$wide" create "$topic" 8000000000 >/dev/null || not_ok "a sparse segment of 16 GB is made"
refused "what 32 bits cannot map is refused" 27 \
        "cannot be mapped (16000008192 bytes): segment larger than the file size limit or the address space" \
        "$narrow" open "$topic"
refused "64 bits map it" 0 "" "$wide" open "$topic"
rm -f "/dev/shm/$topic"
refused "what 32 bits cannot map, they do not make" 27 \
        "a segment of 16000008192 bytes: segment larger than the file size limit or the address space" \
        "$narrow" create "$topic" 8000000000
if [ -e "/dev/shm/$topic" ]; then not_ok "nothing is left of it"; else ok "nothing is left of it"; fi
finish
