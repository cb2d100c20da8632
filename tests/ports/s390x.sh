#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# s390x, emulated, whose byte order is the other one: among themselves its processes do as ours do; neither
# side takes a segment of the other's for anything but that.

. tests/support/ports.sh

port s390x s390x-linux-gnu-gcc qemu-s390x
build "compiles without a warning" libseqcast.a tests/ports/peer tests/unit/test_copy_words tests/unit/test_seqlock \
        tests/unit/test_ring tests/unit/test_ring_parts
core_tests ring ring_parts seqlock copy_words

there="qemu-s390x $port_build/tests/ports/peer"
not_supported=93 # EPROTONOSUPPORT

# refuses TEXT COMMAND...: to read and to publish
refuses() {
        text=$1
        shift
        reason=$("$@" open "$topic")
        if [ $? = $not_supported ] && echo "$reason" | grep -q 'endian.*cannot be mapped here'; then
                ok "$text, to read"
        else
                not_ok "$text, to read" "$reason"
        fi
        refused "$text, to publish" 1 \
                "64 bits: opening to publish: segment format version or byte order not supported" \
                "$@" publish "$topic" 1
}

exchange "s390x: publishes for itself" "$there" "$there" 1 100
refuses "this machine refuses a segment of s390x" "$native"
rm -f "/dev/shm/$topic"
"$native" publish "$topic" 1
# shellcheck disable=SC2086 # a list of words
refuses "s390x refuses a segment of this machine" $there
exchange "and the segment is as good as before" "$native" "$native" 2 1
finish
