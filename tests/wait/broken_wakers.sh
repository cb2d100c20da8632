#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Does lost_wakeups notice when waking is broken? It is run on libraries whose slices last 10 s instead of
# 100 ms, so that they do not hide what is lost: first on a whole one, in which nothing may be late all
# the same, then on each with one planted bug.
. tests/support/twins.sh

case ${BUILD##*/} in
*-portable*)
        skip "planted bugs" "in a portable build nobody wakes"
        finish ;;
esac
twins_of tests/wait/lost_wakeups.c

# all_awake TEXT SECONDS CELL, late TEXT SECONDS CELL: of what was planted, and with long slices
all_awake() {
        long_slices
        sound "$1" '^ok' --seconds "$2" "$3"
}

late() {
        long_slices
        caught "$1" '^# late' --seconds "$2" "$3"
}

long_slices() {
        plant src/handle/wait.c 's/(#define SLICE_NS INT64_C\()100000000\)/\110000000000)/'
}

all_awake "with long slices: all are woken" 0.7 "8 subscribers, 100/s"
all_awake "with long slices: all are woken after bursts" 1 "8 subscribers, bursts"
all_awake "with long slices: all are woken who come and go" 1.5 "3 subscribers that come"
all_awake "with long slices: nobody waits for one who never wakes" 0.7 "8 subscribers of one"

plant src/handle/waker.c "$all"'s/(sides\[FUTEX\]\.on\)\n *)seqcast__futex_wake\([^;]*;/\1;/'
late "a publisher that says that it wakes and does not" 0.5 "8 subscribers, 100/s"

plant src/handle/waker.c "$all"'s/(sides\[DESCRIPTOR\]\.on\)\n *)seqcast__watch_touch\([^;]*;/\1;/'
late "a publisher that says that it touches and does not" 0.5 "8 subscribers, 100/s"

plant src/handle/wait.c 's/seqcast__lock_take_shared\(segment->fd, lock_byte\) == 0/true/' \
        's/!is_live\(segment\)/true/'
late "I1: a sleeper who does not show interest" 0.5 "8 subscribers, 100/s"

plant src/platform/futex_linux.c 's/FUTEX_WAKE \| \(shared \? 0 : FUTEX_PRIVATE_FLAG\)/FUTEX_WAKE | FUTEX_PRIVATE_FLAG/'
late "a publisher who wakes in his own process only" 0.5 "8 subscribers, 100/s"

plant src/platform/futex_linux.c 's/WAITV_32 \| \(futexes\[i\]\.shared \? 0 : WAITV_PRIVATE\)/WAITV_32 | WAITV_PRIVATE/'
late "a sleeper who sleeps in his own process only" 0.5 "8 subscribers, 100/s"

plant src/handle/wait.c 's/epoch != 0 && seqcast_word_load_relaxed\(words \+ control\) == epoch/seqcast_word_load_relaxed(words + control) != 0/'
late "I2: a word that an earlier publisher has left" 0.5 "8 subscribers of one"

# In slow motion: looks for sleepers are a second apart instead of 2 ms.
slow_looks='s/(#define LOOK_NS INT64_C\()2000000\)/\11000000000)/'

plant src/handle/waker.c "$slow_looks"
all_awake "in slow motion: who comes while nobody wakes is not late" 2.3 "3 subscribers that come"
plant src/handle/waker.c "$slow_looks" "$all"'s/(static void stop\([^)]*\)\n\{\n) *say\(waker, side, 0\);/\1/'
late "E1: a publisher who stops waking and does not say so, in slow motion," 2.3 "3 subscribers that come"

# ... and between the last look and the word's 0 lie 60 ms instead of 100 ns, so that a sleeper can come in between.
slow_motion() {
        plant src/handle/waker.c "$slow_looks" \
                "$all"'s/(static void stop\([^)]*\)\n\{\n)/\1        seqcast__clock_sleep_until(seqcast__clock_mono_ns() + 60000000);\n/'
}

slow_motion
all_awake "in slow motion: who comes back is woken" 2.3 "1 subscriber that comes"
slow_motion
plant src/handle/waker.c 's/is_wanted\(waker, side\)\) \{ \/\* E3 \*\//false) {/'
late "E3: a publisher who does not look again when he has stopped waking, in slow motion," 2.3 "1 subscriber that comes"

# In slow motion: 1 ms between two steps of a sleeper, who does not spin, so that a burst can end in between.
a_moment='seqcast__clock_sleep_until(seqcast__clock_mono_ns() + 1000000);'
no_spin='s/(#define SPINS_A_CLOCK) 16/\1 1/'

plant src/handle/wait.c "$no_spin" 's/^.*S1, as R0.*$/&'"$a_moment/"
all_awake "in slow motion: a burst that ends between the version and the look for news" 1.5 "8 subscribers, bursts"

plant src/handle/wait.c "$no_spin" 's/^.*S1, as R0.*$//' \
        's/^.*\/\* S2 \*\/.*$/&'"$a_moment"' version = seqcast_ring_version(\&subscriber->ring);/'
late "S1, S2: the version is read after the look for news, in slow motion," 1.5 "8 subscribers, bursts"

plant src/handle/wait.c "s/^.*S3.*\$/$a_moment&/"
all_awake "in slow motion: a burst that ends before the sleep" 1.5 "8 subscribers, bursts"
plant src/handle/wait.c "s/^.*S3.*\$/$a_moment&/" \
        's/seqcast__futex_wait\(wait.*S3/for (size_t i = 0; i < wait->futex_count; i++) wait->futexes[i].expected = *(const volatile uint32_t *)wait->futexes[i].word; &/'
late "S3: a sleep that does not compare the version, in slow motion," 1.5 "8 subscribers, bursts"

finish
