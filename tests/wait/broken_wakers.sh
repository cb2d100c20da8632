#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Does lost_wakeups notice when waking is broken? It is run on libraries whose slices last 10 s instead of
# 100 ms, so that they do not hide what is lost: first on a whole one, in which nothing may be late all
# the same, then on each with one planted bug.

. tests/support/tap.sh

: "${CC:=cc}"
case ${BUILD##*/} in
*-portable*)
        skip "planted bugs" "in a portable build nobody wakes"
        finish ;;
esac
plain_build_only "planted bugs"
jobs=$(nproc 2>/dev/null || echo 2)
flags="-std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -D_FILE_OFFSET_BITS=64 -w -O1 -pthread"
all=':a;N;$!ba;'
long_slice='s/(#define SLICE_NS INT64_C\()100000000\)/\110000000000)/'

# What no bug is planted in is compiled once.
compile_rest() {
        mkdir "$scratch/rest"
        for source in tests/wait/lost_wakeups.c $(find src -name '*.c' ! -name '*_portable.c' ! -name '*_urcu.c'); do
                echo "$source $scratch/rest/$(echo "$source" | tr / _).o"
        done | xargs -P "$jobs" -L 1 sh -c "$CC $flags -Iinclude -Isrc -c \$0 -o \$1" 2>"$scratch/log"
}

# spoil FILE EXPRESSION...: copy src/FILE of which each expression changes something; $spoilt says if not
spoil() {
        file=$1
        shift
        mkdir -p "$scratch/broken/${file%/*}"
        [ -e "$scratch/broken/$file" ] || cp "src/$file" "$scratch/broken/$file"
        for expression; do
                sed -E "$expression" "$scratch/broken/$file" >"$scratch/changed"
                ! cmp -s "$scratch/broken/$file" "$scratch/changed" || spoilt="the mutation of $file does not apply any more"
                cp "$scratch/changed" "$scratch/broken/$file"
        done
}

# fresh: no mutation but the long slice
fresh() {
        rm -rf "$scratch/broken" "$scratch/program"
        spoilt=
        spoil handle/wait.c "$long_slice"
}

# link: the program from what is spoilt and the rest
link() {
        objects=
        for object in "$scratch"/rest/*.o; do
                source=$(basename "$object" .c.o | sed 's/^src_//; s/_/\//').c
                if [ -e "$scratch/broken/$source" ]; then
                        $CC $flags -Iinclude -Isrc -c "$scratch/broken/$source" -o "$scratch/broken/$source.o" || return
                        object=$scratch/broken/$source.o
                fi
                objects="$objects $object"
        done 2>"$scratch/log"
        $CC -pthread $objects -o "$scratch/program" -lrt 2>>"$scratch/log"
}

# sound TEXT SECONDS CELL: as it is, it passes
sound() {
        if [ "$spoilt" ] || ! link; then
                not_ok "$1" "${spoilt:-$(cat "$scratch/log")}"
        elif output=$("$scratch/program" --seconds "$2" "$3"); then
                ok "$1"
                echo "$output" | sed -n 's/^ok/# &/p'
        else
                not_ok "$1" "$output"
        fi
}

# caught TEXT SECONDS CELL: in one of some runs, somebody is late
caught() {
        if [ "$spoilt" ] || ! link; then
                not_ok "$1 is caught" "${spoilt:-$(cat "$scratch/log")}"
                return
        fi
        for attempt in 1 2 3 4 5 6; do
                output=$("$scratch/program" --seconds "$2" "$3")
                if echo "$output" | grep -q '^not ok'; then
                        ok "$1 is caught"
                        echo "$output" | grep '^not ok\|^#.*never saw' | sed 's/^not/# not/'
                        return
                fi
        done
        not_ok "$1 is caught" "$output"
}

if ! compile_rest; then
        not_ok "the library compiles" "$(cat "$scratch/log")"
        finish
fi

fresh
sound "with long slices: all are woken" 0.7 "8 subscribers, 100/s"
sound "with long slices: all are woken after bursts" 1 "8 subscribers, bursts"
sound "with long slices: all are woken who come and go" 1.5 "3 subscribers that come"
sound "with long slices: nobody waits for one who never wakes" 0.7 "8 subscribers of one"

fresh
spoil handle/waker.c "$all"'s/(sides\[FUTEX\]\.on\)\n *)seqcast__futex_wake\([^;]*;/\1;/'
caught "a publisher that says that it wakes and does not" 0.5 "8 subscribers, 100/s"

fresh
spoil handle/waker.c "$all"'s/(sides\[DESCRIPTOR\]\.on\)\n *)seqcast__watch_touch\([^;]*;/\1;/'
caught "a publisher that says that it touches and does not" 0.5 "8 subscribers, 100/s"

fresh
spoil handle/wait.c 's/seqcast__lock_take_shared\(segment->fd, lock_byte\) == 0/true/' \
        's/!is_live\(segment\)/true/'
caught "I1: a sleeper who does not show interest" 0.5 "8 subscribers, 100/s"

fresh
spoil platform/futex_linux.c 's/FUTEX_WAKE \| \(shared \? 0 : FUTEX_PRIVATE_FLAG\)/FUTEX_WAKE | FUTEX_PRIVATE_FLAG/'
caught "a publisher who wakes in his own process only" 0.5 "8 subscribers, 100/s"

fresh
spoil platform/futex_linux.c 's/WAITV_32 \| \(futexes\[i\]\.shared \? 0 : WAITV_PRIVATE\)/WAITV_32 | WAITV_PRIVATE/'
caught "a sleeper who sleeps in his own process only" 0.5 "8 subscribers, 100/s"

fresh
spoil handle/wait.c 's/epoch != 0 && seqcast_word_load_relaxed\(words \+ control\) == epoch/seqcast_word_load_relaxed(words + control) != 0/'
caught "I2: a word that an earlier publisher has left" 0.5 "8 subscribers of one"

# In slow motion: looks for sleepers are a second apart instead of 2 ms.
slow_looks='s/(#define LOOK_NS INT64_C\()2000000\)/\11000000000)/'

fresh
spoil handle/waker.c "$slow_looks"
sound "in slow motion: who comes while nobody wakes is not late" 2.3 "3 subscribers that come"
spoil handle/waker.c "$all"'s/(static void stop\([^)]*\)\n\{\n) *say\(waker, side, 0\);/\1/'
caught "E1: a publisher who stops waking and does not say so, in slow motion," 2.3 "3 subscribers that come"

# ... and between the last look and the word's 0 lie 60 ms instead of 100 ns, so that a sleeper can come in between.
slow_motion() {
        spoil handle/waker.c "$slow_looks" \
                "$all"'s/(static void stop\([^)]*\)\n\{\n)/\1        seqcast__clock_sleep_until(seqcast__clock_mono_ns() + 60000000);\n/'
}

fresh
slow_motion
sound "in slow motion: who comes back is woken" 2.3 "1 subscriber that comes"
spoil handle/waker.c 's/is_wanted\(waker, side\)\) \{ \/\* E3 \*\//false) {/'
caught "E3: a publisher who does not look again when he has stopped waking, in slow motion," 2.3 "1 subscriber that comes"

# In slow motion: 1 ms between two steps of a sleeper, who does not spin, so that a burst can end in between.
a_moment='seqcast__clock_sleep_until(seqcast__clock_mono_ns() + 1000000);'
no_spin='s/(#define SPINS_A_CLOCK) 16/\1 1/'

fresh
spoil handle/wait.c "$no_spin" 's/^.*S1, as R0.*$/&'"$a_moment/"
sound "in slow motion: a burst that ends between the version and the look for news" 1.5 "8 subscribers, bursts"

fresh
spoil handle/wait.c "$no_spin" 's/^.*S1, as R0.*$//' \
        's/^.*\/\* S2 \*\/.*$/&'"$a_moment"' version = seqcast_ring_version(\&subscriber->ring);/'
caught "S1, S2: the version is read after the look for news, in slow motion," 1.5 "8 subscribers, bursts"

fresh
spoil handle/wait.c "s/^.*S3.*\$/$a_moment&/"
sound "in slow motion: a burst that ends before the sleep" 1.5 "8 subscribers, bursts"
spoil handle/wait.c 's/seqcast__futex_wait\(wait.*S3/for (size_t i = 0; i < wait->futex_count; i++) wait->futexes[i].expected = *(const volatile uint32_t *)wait->futexes[i].word; &/'
caught "S3: a sleep that does not compare the version, in slow motion," 1.5 "8 subscribers, bursts"

finish
