# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# ports.sh: sourced by scripts that build for another processor or another C library and see what comes out of
# it meet the programs built here. Prints TAP.
#
#   port aarch64 aarch64-linux-gnu-gcc qemu-aarch64   or all is skipped
#   build "TEXT" libseqcast.a tests/ports/peer        compiled as the Makefile says, warnings are errors
#   core_tests ring layout                            programs of tests/unit, without Criterion
#   exchange "TEXT" PUBLISHER READER FIRST COUNT      two peers (tests/ports/peer.c)

. tests/support/tap.sh

topic=seqcast-ports-$$-$(date +%s%N)
trap 'rm -rf "$scratch" "/dev/shm/$topic"' EXIT
native=$BUILD/tests/ports/peer

plain_build_only "other machines"

# port NAME COMPILER [EMULATOR]: what is not there ends the script as a skip
port() {
        port_name=$1 port_cc=$2 emulator=${3-}
        port_build=$BUILD/ports/$port_name
        for need in ${port_cc%% *} $emulator; do
                command -v "$need" >/dev/null 2>&1 && continue
                skip "$port_name" "$need is not installed"
                finish
        done
}

# port_make TARGET...: below $port_build
port_make() {
        for target; do
                shift
                set -- "$@" "$port_build/$target"
        done
        make --no-print-directory -s -j2 B="$port_build" CC="$port_cc" PKG_CONFIG=false WERROR=1 CFLAGS='-O2 -g' \
                CPPFLAGS="-isystem tests/ports/plain ${port_cppflags-}" LDFLAGS=-static "$@"
}

# build TEXT TARGET...: ends the script if it fails
build() {
        build_text=$1
        shift
        try "$port_name: $build_text" port_make "$@"
        [ $tap_failed = 0 ] || finish
}

# core_test NAME
core_test() {
        $emulator "$port_build/tests/unit/test_$1" >"$scratch/$1.out" 2>&1
        echo $? >"$scratch/$1.status"
}

# core_tests NAME...: of tests/unit; the first, which should be the longest, beside the others
core_tests() {
        core_test "$1" &
        for test; do
                [ "$test" = "$1" ] || core_test "$test"
        done
        wait
        for test; do
                if [ "$(cat "$scratch/$test.status")" = 0 ]; then
                        ok "$port_name: test_$test, $(grep -c '^ok' "$scratch/$test.out") tests"
                else
                        not_ok "$port_name: test_$test" "$(grep -v '^ok' "$scratch/$test.out")"
                fi
        done
}

# exchange TEXT PUBLISHER READER FIRST COUNT: with pauses, so that the reader sleeps and has to be woken
exchange() {
        $3 read "$topic" "$4" "$5" >"$scratch/read" &
        reader=$!
        if $2 publish "$topic" "$5" 500 >"$scratch/published" && wait $reader; then
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
