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

# -- Subscribers that wait -----------------------------------------------------------------------------

prefix=examples-test-$$
children=
trap 'kill -9 $children 2>/dev/null; rm -f /dev/shm/$prefix*; rm -rf "$scratch"' EXIT

# within_30_s COMMAND...: does it succeed in that time?
within_30_s() {
        tries=600
        until "$@"; do
                tries=$((tries - 1))
                [ $tries -gt 0 ] || return 1
                sleep 0.05
        done
}

# state PID: its letter in proc(5); nothing if there is no such process
state() {
        sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null
}

is_stopped() {
        [ "$(state "$1")" = T ]
}

has_ended() {
        case $(state "$1") in
        '' | Z) ;;
        *) return 1 ;;
        esac
}

# background COMMAND...: its process is $pid
background() {
        "$@" &
        pid=$!
        children="$children $pid"
}

# take_status PID: wait until it has ended by itself or by a signal; $status is its exit status
take_status() {
        within_30_s has_ended "$1" || kill -9 "$1"
        wait "$1" 2>/dev/null
        status=$?
        children=$(echo "$children " | sed "s/ $1 / /; s/ \$//")
}

# end SIGNAL PID
end() {
        kill -s "$1" "$2"
        take_status "$2"
}

# start NAME ARGUMENT...: an example in the background, whose output is $out
start() {
        out=$scratch/$1.out
        name=$1
        shift
        background "$examples/$name" "$@" >"$out" 2>&1
        subscriber=$pid
}

# shows AWK_PROGRAM: $out comes to be what the program accepts by exit status 0
shows() {
        within_30_s awk "$1" "$out" || { tail -n 40 "$out"; return 1; }
}

# says PATTERN: a whole line of $out comes to match
says() {
        shows "/^$1\$/ { found = 1 } END { exit !found }"
}

# ticks PID: the processor time it has used, in hundredths of a second
ticks() {
        sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

# sleeps_for_a_second PID: uses less than a tenth of the time; a busy loop would use as much as it gets
sleeps_for_a_second() {
        before=$(ticks "$1")
        sleep 1
        used=$(($(ticks "$1") - before))
        echo "used $used ticks in a second"
        [ $used -lt 10 ]
}

# publish N OPTION...: quotes that count, on topic N; takes the place of the shell that calls it
publish() {
        topic=$topics-$1 ask=$1
        shift
        exec "$BUILD/shmpub" -s 'bid:i64,ask:i64,qty:u32,sym:char[12]' --depth 16 "$@" "$topic" bid=%n ask="$ask" sym=ACME
}

# check_subscriber: the one for a single topic
check_subscriber() {
        start subscriber "$prefix"
        background "$examples/publisher" "$prefix"
        publisher=$pid
        try "the publisher's quotes arrive at the subscriber" shows '
                /^#[0-9]+ ACME bid [0-9]+ ask [0-9]+ \([0-9]+ lost\)$/ { n++; lost += substr($7, 2) }
                { number = substr($1, 2) + 0 }
                NR == 1 { first = number }
                END { exit n < 3 || n != NR || first + n + lost != number + 1 }'
        kill -s STOP $publisher
        try "the subscriber sleeps while nothing is published" sleeps_for_a_second $subscriber
        end KILL $publisher
        rm -f "/dev/shm/$prefix"
        take_status $subscriber
        try "the subscriber ends when the topic's name is taken away" test $status = 0
}

# Of $topics-K, number N comes with bid N and ask K, and each number is either delivered once or lost.
# counted_to N1 N2 N3: and the last one of topic K is NK
counted_to() {
        shows '
        function wrong() { bad = 1; exit }
        $2 ~ /^#/ {
                number = substr($2, 2) + 0; lost = substr($8, 2) + 0; ask = substr($1, length($1))
                if ($3 != "ACME" || $7 != ask) wrong()
                if ($1 in last && number != last[$1] + lost + 1) wrong()
                last[$1] = number
        }
        END { exit bad || last["'"$topics-1"'"] != '"$1"' || last["'"$topics-2"'"] != '"$2"' || last["'"$topics-3"'"] != '"$3"' }'
}

# came N FIRST LAST [AFTER]: of topic N all these numbers, in this order, and none was lost, after a line
# that matches AFTER
came() {
        shows '
        BEGIN { want = '"$2"'; begun = "'"${4-}"'" == "" }
        $1 == "'"$topics-$1"'" && $2 == "#" want && /\(0 lost\)$/ && begun { want++ }
        /'"${4-^}"'/ { begun = 1 }
        END { exit want <= '"$3"' }'
}

# why_not NAME: what is missing to check it; nothing if it is all there
why_not() {
        if [ ! -x "$BUILD/shmpub" ]; then
                echo "the tools were not built: pkg-config or libjson-c-dev is missing"
        elif [ "$1" = uv_subscriber ] && ! pkg-config --exists libuv 2>/dev/null; then
                echo "libuv is not installed (libuv1-dev, pkg-config)"
        fi
        case $1:${BUILD##*/} in
        wait_*) ;;
        *-portable*) echo "a portable build has no descriptors for event loops" ;;
        esac
}

# check_feeds NAME: three topics
check_feeds() {
        missing=$(why_not "$1")
        if [ "$missing" ]; then
                skip "$1" "$missing"
                return
        fi
        topics=$prefix-$1
        start "$1" "$topics-1" "$topics-2" "$topics-3"
        background publish 1 -C 20 -r 100 --hold
        first=$pid
        background publish 2 -C 20 -r 100 --hold
        second=$pid
        background publish 3 -C 20 -r 100 --hold
        third=$pid
        try "$1: news of three topics arrive" counted_to 20 20 20
        try "$1: sleeps while nothing is published" sleeps_for_a_second $subscriber
        [ "$1" != uv_subscriber ] || try "$1: a timer shares its loop" says "-- [1-9][0-9]* quotes so far"
        end KILL $second
        try "$1: sees that a publisher was killed" says "$topics-2: the publisher has ended without.*"
        end TERM $third
        try "$1: sees that a publisher has left" says "$topics-3: the publisher has left.*"

        # What was published while it could not read comes as one event.
        kill -s STOP $subscriber
        within_30_s is_stopped $subscriber
        (publish 2 -C 8)
        kill -s CONT $subscriber
        try "$1: a burst from the next publisher arrives, all of it" came 2 21 28
        (publish 3 -C 8 --recreate)
        try "$1: sees that a topic was replaced" says "$topics-3: the topic has another segment.*"
        try "$1: goes on with the new segment" came 3 1 8 "^$topics-3: the topic has another segment"
        end TERM $subscriber
        try "$1: ends well at SIGTERM" test $status = 0
        end TERM $first
        check_flood "$1"
        check_misfit "$1"
}

# all_but TOPIC: copies lines of other topics; slower than any publisher, by the shell's way to read
all_but() {
        while IFS= read -r line; do
                case $line in
                "$1 "*) ;;
                *) echo "$line" ;;
                esac
        done
}

# check_flood NAME: topic 1 never pauses, and whoever prints all of it never comes to its end. It has room for
# as much as is printed in a second or so, that its publisher may come to be delayed.
check_flood() {
        out=$scratch/$1.others
        mkfifo "$scratch/$1.pipe"
        all_but "$topics-1" <"$scratch/$1.pipe" >"$out" &
        children="$children $!"
        "$examples/$1" "$topics-1" "$topics-2" "$topics-3" >"$scratch/$1.pipe" &
        subscriber=$!
        children="$children $subscriber"
        try "$1: shows the newest value at first" counted_to 0 28 8
        background publish 1 --forever --recreate --depth 32768
        flood=$pid
        try "$1: sees the topic that never pauses" says "$topics-1: the topic has another segment.*"
        (publish 2 -C 1)
        try "$1: which keeps no other topic waiting" came 2 28 29
        end INT $subscriber
        try "$1: nor SIGINT, at which it ends well" test $status = 0
        end TERM $flood
}

# check_misfit NAME: a topic is replaced by one with other records
check_misfit() {
        start "$1" "$topics-1" "$topics-2" "$topics-3"
        within_30_s grep -q "^$topics-3" "$out"
        "$BUILD/shmpub" --recreate -s other:i32 "$topics-3" other=1
        try "$1: says so when a topic comes to have other records" says "$topics-3: .*another schema.*"
        take_status $subscriber
        try "$1: and fails" test $status = 1
}

# -- The examples by themselves -------------------------------------------------------------------------

# install_some: what of an installation a program is compiled with, in $scratch/installed
install_some() {
        mkdir -p "$scratch/installed/lib/pkgconfig"
        cp -r include "$scratch/installed" &&
                cp -P "$BUILD"/libseqcast.* "$scratch/installed/lib" &&
                make --no-print-directory B="$BUILD" PREFIX=/usr "$BUILD/seqcast.pc" &&
                cp "$BUILD/seqcast.pc" "$scratch/installed/lib/pkgconfig"
}

# compile_all CC: without a word
compile_all() {
        for example in tests/examples/*.c; do
                needs=seqcast
                if grep -q '<uv.h>' "$example"; then
                        pkg-config --exists libuv || continue
                        needs='seqcast libuv'
                fi
                # shellcheck disable=SC2046,SC2086 # lists of words
                "$1" -Wall -Wextra -Wpedantic -Wconversion -o "$scratch/compiled" "$example" \
                        $(PKG_CONFIG_PATH=$scratch/installed/lib/pkgconfig pkg-config --cflags --libs $needs)
        done
}

# check_compiling CC
check_compiling() {
        text="each example compiles by itself with pkg-config and $1, without a warning"
        case ${BUILD##*/} in
        *-thread* | *-address* | *-undefined*) skip "$text" "the library needs a sanitizer here"
                return ;;
        esac
        for need in pkg-config "$1"; do
                if ! command -v "$need" >/dev/null 2>&1; then
                        skip "$text" "$need is not installed"
                        return
                fi
        done
        quiet "$text" compile_all "$1"
}

# say_time VALID: in the shared memory of NTP's unit $unit, in the layout that 64-bit processes have; prints its id
unit=$((4242 + $$))
say_time() {
        perl -e '$id = shmget(0x4e545030 + $ARGV[0], 96, 01600) // exit 1;
                shmwrite($id, pack("l2 q l x4 q l5 L2", 1, 8, 1700000000, 123456, 1700000001, 6, 0, -1, 3, $ARGV[1], 123456789, 7), 0, 92);
                print $id' "$unit" "$1"
}

check_foreign() {
        text="somebody's time is read, and that there is none"
        if ! command -v perl >/dev/null 2>&1 || ! segment=$(say_time 1 2>/dev/null); then
                skip "$text" "perl is not installed, or there is no System V shared memory here"
                return
        fi
        time=$("$examples/ntp_shm" $unit 2>&1)
        say_time 0 >"$scratch/id"
        nothing=$("$examples/ntp_shm" $unit 2>&1)
        ipcrm -m "$segment"
        try "$text" test "$time/$nothing" = "1700000000.123456789/ntp_shm: nothing new is there"
        try "... and that there is no such segment" sh -c '! "$1" "$2" 2>/dev/null' - "$examples/ntp_shm" $unit
}

check_foreign
check_subscriber
check_feeds wait_subscriber
check_feeds epoll_subscriber
check_feeds uv_subscriber
install_some >"$scratch/log" 2>&1 || not_ok "what an example is compiled with is there" "$(cat "$scratch/log")"
check_compiling gcc
check_compiling clang
finish
