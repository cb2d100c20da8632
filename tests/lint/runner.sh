#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# run_suites.sh counts what it should: each kind of result, in a tree of its own.
. tests/support/tap.sh

unset TESTS LANES # of the run that this is part of

# counts NAME EXPECTED-LAST-LINE EXPECTED-STATUS SCRIPT: a suite of one script, run
counts() {
        rm -rf "$scratch/tree"
        mkdir -p "$scratch/tree/tests/support" "$scratch/tree/tests/torture"
        cp tests/support/run_suites.sh "$scratch/tree/tests/support"
        [ -z "$4" ] || printf '%s\n' "$4" >"$scratch/tree/tests/torture/planted.sh"
        output=$(TEST_SECONDS=1 sh "$scratch/tree/tests/support/run_suites.sh" ${5-} build/x:torture 2>&1)
        status=$?
        if [ "$(echo "$output" | tail -n 1)" = "$2" ] && [ $status = "$3" ]; then
                ok "$1"
        else
                not_ok "$1" "exit status $status: $output"
        fi
}

counts "results that were printed" "2 passed, 1 failed, 1 skipped" 1 \
        'echo "ok 1 - a"; echo "not ok 2 - b"; echo "ok 3 - c # SKIP rain"; echo "ok 4 - d"; echo 1..4; exit 1'
counts "all passed" "1 passed, 0 failed, 0 skipped" 0 'echo "ok 1 - a"; echo 1..1'
counts "an exit status of 0" "1 passed, 0 failed, 0 skipped" 0 'echo fine'
counts "an exit status of 1" "0 passed, 1 failed, 0 skipped" 1 'exit 1'
counts "a crash" "0 passed, 1 failed, 0 skipped" 1 'kill -SEGV $$'
counts "a crash after the last result" "1 passed, 1 failed, 0 skipped" 1 'echo "ok 1 - a"; kill -SEGV $$'
counts "an end before the last result" "1 passed, 1 failed, 0 skipped" 1 'echo 1..2; echo "ok 1 - a"'
counts "an error in spite of good results" "1 passed, 1 failed, 0 skipped" 1 'echo "ok 1 - a"; exit 3'
counts "results without a plan" "1 passed, 1 failed, 0 skipped" 1 'echo "ok 1 - a"'
counts "a bail out" "1 passed, 1 failed, 0 skipped" 1 'echo 1..1; echo "ok 1 - a"; echo "Bail out! rain"'
counts "a bail out before the plan" "1 passed, 1 failed, 0 skipped" 1 'echo "ok 1 - a"; echo "Bail out! rain"'
counts "a bail out instead of results" "0 passed, 1 failed, 0 skipped" 1 'echo "Bail out! rain"'
counts "a leak found at the end of a good test" "1 passed, 1 failed, 0 skipped" 1 \
        'echo "LEFT BEHIND: 1 of the objects in shared memory" >&2; echo "ok 1 - a"; echo 1..1'
counts "a leak in a program without results" "1 passed, 1 failed, 0 skipped" 1 'echo "LEFT BEHIND: 1" >&2'
counts "a test that hangs" "0 passed, 1 failed, 0 skipped" 1 'sleep 60'
counts "a plan without a test" "0 passed, 1 failed, 0 skipped" 1 'echo 1..0'
counts "a suite without a test" "0 passed, 1 failed, 0 skipped" 1 ''
counts "nothing but skips: not a success" "0 passed, 0 failed, 1 skipped" 1 'echo rain; exit 77'
TESTS='other* plant*.sh' counts "a test that was chosen" "1 passed, 0 failed, 0 skipped" 0 'echo fine'
TESTS='other* planted' counts "no test that was chosen" "0 passed, 1 failed, 0 skipped" 1 'echo fine'
counts "a build that failed" "1 passed, 1 failed, 0 skipped" 1 'echo fine' --build-failed
finish
