#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# The examples do what the README says. Needs BUILD.
. tests/support/tap.sh

examples=$BUILD/tests/examples
demo=$scratch/demo

# has FILE PATTERN: a whole line of FILE matches
has() {
        grep -xEq "$2" "$1" || { cat "$1"; return 1; }
}

sh tests/examples/demo.sh "$BUILD" >"$demo" 2>&1
try "the demo ends well" test $? = 0
try "the demo prints {100 876 8021} alone on a line" has "$demo" '\{100 876 8021\}'

# at_most NAME LIMIT: the number of bytes in the line with that name
at_most() {
        awk -v name="$1" -v limit="$2" '
        index($0, name) { found = 1; bad = $(NF - 1) > limit }
        END { exit !found || bad }' "$demo" || { cat "$demo"; return 1; }
}

if [ -d /dev/shm ]; then
        try "a 4 GB record takes at most 64 KiB" at_most 'memory taken' 65536
        try "nothing is left of the demo" sh -c '! ls /dev/shm/MY_SHM /dev/shm/seed_cost-* 2>/dev/null'
else
        skip "a 4 GB record takes at most 64 KiB" "no /dev/shm here"
        skip "nothing is left of the demo" "no /dev/shm here"
fi

# Costs are for people to look at. A test only catches what grows with the record: copying 4 GB, or
# one system call per access, would be hundreds of times slower.
cheap() {
        awk '/^ *4 000 000 000 bytes, sparse/ { n++; if ($(NF - 4) > 20 || $NF > 20) bad = 1 } END { exit bad || n != 1 }' "$demo" ||
                { cat "$demo"; return 1; }
}
case ${BUILD##*/} in
*-thread* | *-address* | *-undefined*) skip "costs do not grow with the record" "sanitizers change costs" ;;
*) try "costs do not grow with the record" cheap ;;
esac

small_tmpfs="a /dev/shm of 64 MiB is enough for the demo"
if unshare --mount true 2>/dev/null && unshare --mount mount -t tmpfs tmpfs /dev/shm 2>/dev/null; then
        try "$small_tmpfs" unshare --mount sh -c 'mount -t tmpfs -o size=64m tmpfs /dev/shm && sh tests/examples/demo.sh "$BUILD"'
else
        skip "$small_tmpfs" "only root can mount one"
fi

topic=examples-test-$$
"$examples/subscriber" $topic >"$scratch/received" 2>&1 &
subscriber=$!
"$examples/publisher" $topic &
publisher=$!
sleep 1
kill $publisher $subscriber
wait $publisher $subscriber 2>/dev/null
rm -f /dev/shm/$topic
try "the publisher's quotes arrive at the subscriber, none lost" awk '
        /^#[0-9]+ ACME bid [0-9]+ ask [0-9]+ \(0 lost\)$/ { n++ }
        { print }
        END { exit n < 3 || n != NR }' "$scratch/received"
finish
