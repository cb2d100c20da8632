# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# twins.sh: sourced by scripts that ask whether a program with figures notices when the library is broken. It
# is linked with a twin of the library in which one bug has been planted, and has to find it; as a control,
# it may find nothing where there is no bug.
#
#   twins_of tests/torture/kills.c
#   plant include/seqcast/ring.h 's/.../.../'
#   caught "a bug" '[1-9][0-9]* torn' --cycles 300

. tests/support/tap.sh

: "${CC:=cc}"
twin_runs=8 # a bug that shows by chance may take some
twin_flags="-std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -D_FILE_OFFSET_BITS=64 -w -O1 -pthread"
# What has the ring's algorithms compiled in.
twin_ring_users="src/handle/acquire.c src/handle/fetch.c src/handle/publish.c src/handle/publisher.c
        src/handle/read.c src/handle/subscriber.c src/handle/wait.c"

all=':a;N;$!ba;' # before an expression that goes over several lines
unmarked='s/^ *atomic_store_explicit\(seq, 2 \* number - 1, .*W1.*$/(void)seq; (void)number;/'

# twins_of PROGRAM.c: what no bug is planted in is compiled once
twins_of() {
        plain_build_only "planted bugs"
        twin_program=$1
        mkdir -p "$scratch/whole"
        for source in "$1" $(find src -name '*.c' ! -name '*_portable.c' ! -name '*_urcu.c'); do
                [ -e "$scratch/whole/$(twin_object "$source")" ] ||
                        echo "$source $scratch/whole/$(twin_object "$source")"
        done | xargs -P "$(nproc 2>/dev/null || echo 1)" -L 1 \
                sh -c "$CC $twin_flags -Iinclude -Isrc -c \$0 -o \$1" 2>"$scratch/log" && return
        not_ok "the library and $1 compile" "$(cat "$scratch/log")"
        finish
}

# twin_object SOURCE
twin_object() {
        echo "$1.o" | tr / _
}

# plant FILE EXPRESSION...: into what is broken so far; each expression has to change something
plant() {
        file=$1
        shift
        mkdir -p "$scratch/broken/${file%/*}"
        [ -e "$scratch/broken/$file" ] || cp "$file" "$scratch/broken/$file"
        for expression; do
                sed -E "$expression" "$scratch/broken/$file" >"$scratch/changed"
                ! cmp -s "$scratch/broken/$file" "$scratch/changed" ||
                        echo "a mutation of $file does not apply any more: $expression" >>"$scratch/broken/log"
                cp "$scratch/changed" "$scratch/broken/$file"
        done
}

# twin_build: the program, from what is broken and the rest; the next twin begins from scratch
twin_build() {
        rm -rf "$scratch/twin"
        mkdir -p "$scratch/broken"
        mv "$scratch/broken" "$scratch/twin"
        [ ! -e "$scratch/twin/log" ] || return
        if [ -e "$scratch/twin/include" ]; then
                # shellcheck disable=SC2086 # a list of files
                set -- "$twin_program" $twin_ring_users
        else
                set --
        fi
        # shellcheck disable=SC2046 # a list of files
        set -- $(cd "$scratch/twin" && find src -name '*.c' 2>/dev/null) "$@"
        twin_objects=" $(echo "$scratch"/whole/src_*.o "$scratch/whole/$(twin_object "$twin_program")") "
        for source; do
                object=$(twin_object "$source") from=$source
                [ ! -e "$scratch/twin/$source" ] || from=$scratch/twin/$source
                [ ! -e "$scratch/twin/$object" ] || continue
                # shellcheck disable=SC2086 # a list of words
                $CC $twin_flags -I"$scratch/twin/include" -Iinclude -Isrc -c "$from" \
                        -o "$scratch/twin/$object" 2>>"$scratch/twin/log" || return
                twin_objects=$(echo "$twin_objects" | sed "s| $scratch/whole/$object | $scratch/twin/$object |")
        done
        # shellcheck disable=SC2086
        $CC -pthread $twin_objects -o "$scratch/twin/program" -lrt 2>>"$scratch/twin/log"
}

# twin_figures: what the last run has said, as notes
twin_figures() {
        { echo "$output" | grep -E '^(not )?ok |^# [A-Z]' || echo "$output" | tail -n 1; } | sed 's/^/# /' | cut -c1-400
}

# sound TEXT PATTERN ARGUMENTS...: nothing is found, and the figures match
sound() {
        text=$1 pattern=$2
        shift 2
        if ! twin_build; then
                not_ok "$text" "$(cat "$scratch/twin/log")"
        elif output=$("$scratch/twin/program" "$@" 2>&1) && echo "$output" | grep -Eq "$pattern"; then
                ok "$text"
                twin_figures
        else
                not_ok "$text" "$output"
        fi
}

# caught TEXT PATTERN ARGUMENTS...: in one of some runs, it is found, and the figures match
caught() {
        text="$1 is caught" pattern=$2 run=0
        shift 2
        if ! twin_build; then
                not_ok "$text" "$(cat "$scratch/twin/log")"
                return
        fi
        while [ $run -lt $twin_runs ]; do
                run=$((run + 1))
                if output=$("$scratch/twin/program" "$@" 2>&1); then continue; fi
                if echo "$output" | grep -Eq "$pattern"; then
                        ok "$text"
                        echo "# in run $run:"
                        twin_figures
                        return
                fi
        done
        not_ok "$text" "$output"
}
