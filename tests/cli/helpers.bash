# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# For all tests here: where the tools are, a name prefix of its own for each test, and nothing left
# behind. The tools come from $SEQCAST_BIN, or $BUILD, or the newest folder under build/.

bats_require_minimum_version 1.5.0

newest_build() {
        ls -td "$BATS_TEST_DIRNAME"/../../build/*/shmpub 2>/dev/null | head -n 1 | xargs -r dirname
}

setup() {
        bin=${SEQCAST_BIN:-${BUILD:-$(newest_build)}}
        PATH=$bin:$PATH
        export SEQCAST_PREFIX="bats$$.$BATS_TEST_NUMBER-" LC_ALL=C.UTF-8 TZ=UTC
        objects=/dev/shm/$SEQCAST_PREFIX # whatever a test does to the variable
        unset NO_COLOR SEQCAST_DEBUG
        pids=()
        type shmpub shmsub >/dev/null || skip "the tools were not built"
}

teardown() {
        local pid
        for pid in "${pids[@]}"; do
                kill -KILL "$pid" 2>/dev/null || :
                wait "$pid" 2>/dev/null || :
        done
        rm -rf "${objects:?}"*
}

# background COMMAND...: its pid goes to $! and $pid; it is gone after the test. The shell would have it
# ignore SIGINT and SIGQUIT, nohup SIGHUP. Descriptors of bats' and of the test's are not for it.
background() {
        env --default-signal=HUP,INT,QUIT "$@" 3>&- 9>&- &
        pid=$!
        pids+=("$pid")
}

# eventually COMMAND...: true within five seconds
eventually() {
        local try
        for try in {1..250}; do
                if "$@" >/dev/null 2>&1; then return 0; fi
                sleep 0.02
        done
        echo "not within 5 s: $*"
        return 1
}

# of the library that the tools are linked with
is_portable() { [[ $bin == *-portable* ]]; }

# try STATUS COMMAND...: the exit code is part of the promise; $output and $stderr are apart
try() {
        local expected=$1
        shift
        run --separate-stderr "$@"
        if [ "$status" != "$expected" ]; then
                printf 'exit code %s, expected %s: %s\nstdout: %s\nstderr: %s\n' \
                        "$status" "$expected" "$*" "$output" "$stderr"
                return 1
        fi
}

same() {
        if [ "$1" != "$2" ]; then
                printf 'is:       %s\nexpected: %s\n' "$1" "$2"
                return 1
        fi
}

has() {
        if [[ $1 != *"$2"* ]]; then
                printf 'in:      %s\nmissing: %s\n' "$1" "$2"
                return 1
        fi
}

# value TOPIC FIELD
value() {
        shmsub --format=value "$1" "$2"
}

value_is() {
        [ "$(value "$1" "$2")" = "$3" ]
}

state_is() {
        [ "$(shmsub -p '%{@state}' "$1")" = "$2" ]
}

object() {
        echo "/dev/shm/$SEQCAST_PREFIX$1"
}

# field_at TOPIC OFFSET BYTES: an unsigned number out of a segment's header
field_at() {
        od -An -t "u$3" -j "$2" -N "$3" "$(object "$1")" | tr -d ' '
}

# poke TOPIC OFFSET BYTES...: as printf escapes
poke() {
        printf "$3" | dd of="$(object "$1")" bs=1 seek="$2" conv=notrunc status=none
}

quote='bid:i64,ask:i64,qty:u32,sym:char[8]'

make_quote() {
        shmpub -s "$quote" quote bid=100 ask=101 qty=5 sym=ES
}
