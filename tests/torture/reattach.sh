#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# reattach.c on both ways to re-attach, whichever the build has taken: as they are, it finds nothing; with a
# planted bug, it must find that, or crash.

. tests/support/tap.sh

: "${CC:=cc}" "${REATTACH_SECONDS:=2}"

flags="-std=c11 -D_DEFAULT_SOURCE -D_FILE_OFFSET_BITS=64 -w -O2 -pthread"

# Everything but the two ways is compiled once.
compile_rest() {
        mkdir "$scratch/rest" && top=$PWD && cd "$scratch/rest" || return
        # shellcheck disable=SC2046,SC2086
        $CC $flags -I"$top/include" -I"$top/src" -c "$top/tests/torture/reattach.c" \
                $(find "$top/src" -name '*.c' ! -name '*_portable.c' ! -name 'reattach_*.c') 2>"$scratch/log"
        compiled=$?
        cd "$top" && return $compiled
}

# build WAY: with the implementation in $scratch/way.c
build() {
        libs=
        [ "$1" = plain ] || libs="-lurcu-bp -lurcu-common"
        # shellcheck disable=SC2086
        $CC $flags -Iinclude -Isrc "$scratch/way.c" "$scratch"/rest/*.o -o "$scratch/reattach" $libs \
                2>"$scratch/log"
}

# shipped WAY [EXPRESSION]: no bug planted, none found
shipped() {
        text="$1: nothing wrong is found${2:+, in slow motion}"
        sed -E "${2-}" "src/handle/reattach_$1.c" >"$scratch/way.c"
        if build "$1"; then
                try "$text" "$scratch/reattach" --seconds "$REATTACH_SECONDS"
        else
                not_ok "$text" "$(cat "$scratch/log")"
        fi
}

# Readers pause between learning where the mapping is and which one it is.
slow_motion='s/^#include <errno.h>/&\n#include <time.h>/; s/^( *)\*ret_visit =$/\1nanosleep(\&(struct timespec){ .tv_nsec = 10000 }, NULL);\n&/; '

# planted_line WAY EXPRESSION TEXT PATTERN: the program must report this, in one of some runs
planted_line() {
        text="$1: $3 is caught" pattern=$4
        sed -E "$2" "src/handle/reattach_$1.c" >"$scratch/way.c"
        if cmp -s "src/handle/reattach_$1.c" "$scratch/way.c"; then
                not_ok "$text" "the mutation does not apply any more"
                return
        elif ! build "$1"; then
                not_ok "$text" "$(cat "$scratch/log")"
                return
        fi
        for attempt in 1 2 3 4 5 6 7 8 9 10; do
                output=$("$scratch/reattach" --seconds "$REATTACH_SECONDS" 2>&1)
                if echo "$output" | grep -Eq "$pattern"; then
                        ok "$text"
                        echo "# run $attempt: $(echo "$output" | tail -n 1)"
                        return
                fi
        done
        not_ok "$text" "$output"
}

compile_rest || not_ok "the library is compiled" "$(cat "$scratch/log")"
# ... or between learning it and reading there.
slow_visits='s/^#include <errno.h>/&\n#include <time.h>/; s/return (epoch % 2 == 0 && .*);/bool sound = \1;\n\nnanosleep(\&(struct timespec){ .tv_nsec = 10000 }, NULL);\nreturn sound;/; '

shipped plain
shipped plain "$slow_motion"
shipped plain "$slow_visits"
planted_line plain 's/^( *)return .* \/\* V4 \*\/$/\1return true;/' \
        "a reader that does not look at the epoch again" '[1-9][0-9]* (mixed|untold)'
planted_line plain "$slow_motion"'s/return epoch % 2 == 0 .*;/return epoch % 2 == 0;/' \
        "a place taken for that of another segment, in slow motion" '[1-9][0-9]* (torn|mixed|untold|told twice)|^killed by a signal'
planted_line plain "$slow_visits"'s/bool grows = .*;$/bool grows = true;/; s/seqcast__memory_blank_at\(present->base/seqcast__memory_unmap(present->base/' \
        "a mapping that is unmapped when there is one elsewhere, in slow motion" '^killed by a signal'
if echo '#include <urcu/urcu-bp.h>
        int main(void) { urcu_bp_read_lock(); }' |
        $CC -x c - -o "$scratch/urcu" -lurcu-bp -lurcu-common 2>"$scratch/log"; then
        shipped urcu
        planted_line urcu 's/^ *urcu_bp_synchronize_rcu\(\);$//' \
                "a mapping that is unmapped without a grace period" '^killed by a signal'
else
        skip "urcu: nothing wrong is found, but what is planted is" "liburcu is not installed (liburcu-dev)"
fi

finish
