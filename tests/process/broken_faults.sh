#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Do test_faults and test_no_calls notice what they are there for? Each twin is the library with one planted
# bug, and is caught by one play, in words that are not said of the library as it is.
#
# shellcheck disable=SC2086 # $flags and $criterion are lists of words

. tests/support/tap.sh

: "${CC:=cc}"
if ! ${PKG_CONFIG:-pkg-config} --exists criterion 2>/dev/null; then
        skip "planted bugs" "Criterion is not installed (libcriterion-dev, pkg-config)"
        finish
fi
case ${BUILD##*/} in
*-portable* | *-urcu*)
        skip "planted bugs" "the plain build is enough"
        finish ;;
esac
plain_build_only "planted bugs"
flags="-std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -w -O0 -pthread -Iinclude -Isrc"
criterion=$(${PKG_CONFIG:-pkg-config} --cflags --libs criterion)
all=':a;N;$!ba;'

# perform TEST PLAY OBJECT...: one play of a test, with these in the place of the library's; prints what it says
perform() {
        performed=$1 play=$2
        shift 2
        $CC -pthread "$scratch/$performed.o" "$@" -o "$scratch/program" "$BUILD/libseqcast.a" $criterion -lrt &&
                timeout -k 5 60 "$scratch/program" -j1 --color=never --filter "$play" 2>&1
}

# twin TEST PLAY FILE TEXT WORDS EXPRESSION: FILE with the bug TEXT makes PLAY say WORDS
twin() {
        text=$4 words=$5
        sed -E "$6" "$3" >"$scratch/twin.c"
        if cmp -s "$3" "$scratch/twin.c"; then
                not_ok "$text is caught" "the mutation of $3 does not apply any more"
                return
        fi
        said=$scratch/said-$(echo "$1-$2" | tr -c 'a-z_\n' -)
        [ -e "$said" ] || perform "$1" "$2" >"$said" 2>&1
        if grep -q '^\[SKIP\]' "$said"; then
                skip "$text is caught" "$(sed -n 's/^\[SKIP\] *//p' "$said" | head -n 1)"
        elif grep -q "$words" "$said"; then
                not_ok "$text is caught" "the library as it is: $(grep "$words" "$said" | head -n 3)"
        elif ! $CC $flags -c "$scratch/twin.c" -o "$scratch/twin.o" 2>"$scratch/log"; then
                not_ok "$text is caught" "the twin does not compile: $(cat "$scratch/log")"
        elif perform "$1" "$2" "$scratch/twin.o" >"$scratch/log" 2>&1; then
                not_ok "$text is caught" "nothing is said of it"
        elif grep -q "$words" "$scratch/log"; then
                ok "$text is caught"
                grep "$words" "$scratch/log" | head -n 1 | sed 's/^/# /'
        else
                not_ok "$text is caught" "$(tail -n 20 "$scratch/log")"
        fi
}

for test in test_faults test_no_calls; do
        if ! $CC $flags -c "tests/process/$test.c" -o "$scratch/$test.o" 2>"$scratch/log"; then
                not_ok "$test compiles" "$(cat "$scratch/log")"
                finish
        fi
done

# ---- what leaks

twin test_faults 'faults/of_creating' src/handle/acquire.c \
        'a descriptor that stays open' 'descriptors leaked' \
        "$all"'s/(if \(r < 0 \&\& fd >= 0\)\n *)close\(fd\);/\1;/'
twin test_faults 'faults/of_creating_sparse' src/handle/publisher.c \
        'a mapping that stays' 'mapped bytes leaked' 's/seqcast__memory_unmap\(publisher, sizeof\(seqcast_publisher\)\);/;/'
twin test_faults 'faults/of_creating_for_a_group' src/handle/acquire.c \
        'an allocation that is not freed' 'allocations leaked' 's/^        free\(wish\.schema_text\);/        ;/'
twin test_faults 'faults/of_replacing' src/platform/shm.c \
        'a temporary name that stays' 'a temporary name was left behind' \
        "$all"'s/(if \(draft->name\[0\] != .\\0.\)\n *)seqcast__shm_remove\(draft->name\);/\1;/'
twin test_faults 'faults/of_the_descriptor' src/handle/wait.c \
        'a lock that is kept' 'a lock is still held' \
        's/^( *)hide_interest\(subscriber, SEQCAST__DESCRIPTOR_LOCK_BYTE, \&waiting->watching\);/\1;/'

# ---- what is told

twin test_faults 'faults/of_publishing_sparse' src/handle/presence.c \
        'a publication for which there is no space' 'nobody was told' \
        's/int r = (seqcast__shm_reserve\(presence->fd, offset, stop - offset\));/int r = (\1, 0);/'
twin test_faults 'faults/of_creating' src/handle/publisher.c \
        'an error that is positive' 'the result is [1-9]' \
        "$all"'s/(seqcast__give_reason\(ret_detail, \&why, r\);\n *return )r;/\1-r;/'
twin test_faults 'faults/of_publishing' src/handle/waker.c \
        'a changed errno' 'publishing has changed errno' 's/^( *)errno = saved;/\1(void)saved;/'
twin test_faults 'faults/of_creating' src/handle/publisher.c \
        'a handle that is given in spite of an error' 'in spite of an error' \
        "$all"'s/(seqcast__give_reason\(ret_detail, \&why, r\);\n)( *return r;\n *\}\n *if \(\(options.flags)/\1*ret_publisher = NULL;\n\2/'
twin test_faults 'faults/of_publishing_parts' src/handle/publish.c \
        'a number that a failure uses up' 'does not fit the result' \
        's/int r = reserve_for\(publisher, plan, payload, parts, count\);/& publisher->version += r < 0;/'

# ---- what is never done

twin test_faults 'faults/of_subscribing' src/handle/attach.c \
        'a subscriber that may write' 'opens .* for writing' 's/seqcast__shm_open\(segment->name, false\)/seqcast__shm_open(segment->name, true)/'
twin test_faults 'faults/of_taking_over' src/handle/acquire.c \
        'a segment that is resized under its readers' 'others may have mapped' \
        's/^( *)verdict = lock\(wish, segment\);/\1verdict = lock(wish, segment); seqcast__shm_resize(segment->fd, (uint64_t)segment->status.st_size);/'
twin test_faults 'faults/of_creating' src/handle/acquire.c \
        'a name that is given before all is there' 'the topic is not whole\|was left behind' \
        "$all"'s/(\n *write_header\(segment, wish->schema_text\);)/\n seqcast__shm_draft_link(\&(struct seqcast__shm_draft){ .fd = segment->fd }, wish->name, true);\1/'
twin test_faults 'faults/of_creating' src/platform/process.c \
        'a signal handler' "is none of the library's" \
        's/^#include <errno.h>/&\n#include <signal.h>/; s/^ *pthread_once\(.*/&\n signal(SIGBUS, SIG_IGN);/'
twin test_faults 'faults/of_creating' src/handle/publisher.c \
        'a library that prints' "is none of the library's" \
        's/^( *)publisher->opening = NULL;/&\n\1write(STDERR_FILENO, "opened\\n", 7);/'
twin test_no_calls 'no_calls/in_publishing_and_reading' src/handle/waker.c \
        'a publisher that never wakes and looks all the same' 'there was a system call' \
        's/ \|\| mode == SEQCAST_WAKE_NEVER//'
twin test_no_calls 'no_calls/in_publishing_and_reading' src/handle/read.c \
        'a reader that calls the system' 'there was a system call in reading' \
        's/^        if \(subscriber->way == SEQCAST__DIRECT\)$/        getppid();\n&/'

finish
