#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# run_suites.sh [--build-failed] BUILD:SUITE...
#
# Run test suites and count. BUILD is a build folder, SUITE a folder under tests/; `make check` calls
# this with all of them. The last line is "N passed, N failed, N skipped"; exits 1 if anything failed.
#
# What is a test, and how it is counted:
#   unit, process, crash   each test_*.c, built as BUILD/tests/SUITE/NAME (other .c files there are
#                          helpers of these tests: built, not run)
#   examples               each test_*.sh; its *.c are the examples
#   ports                  each *.sh; its *.c is what they build for other machines
#   all other suites       each *.c and each *.sh
#   every suite            each *.bats; and in those named first each *.sh; those of unit, which compile
#                          for themselves, are skipped in a build with sanitizers
#   - Criterion programs, bats files and whatever prints TAP ("ok 1 - text", "not ok 2 - text",
#     "ok 3 - text # SKIP reason") count line by line; there must be a plan "1..N", and it must be kept;
#     "Bail out!" is a failure.
#   - A program that prints no TAP is one test: exit status 0 passed, 77 skipped (the reason is its
#     last line), anything else failed.
#   - broken_*.c is a twin with a planted bug: it passes when the bug is caught, that is, when it
#     exits with neither 0 nor 77 and, in the suite tsan, ThreadSanitizer reported a data race or, to a twin
#     named *_grace, that a thread used what another had freed.
# With TESTS="PATTERN ...", only those of them whose file names match one of the patterns.
#
# A test that cannot be built, exits with an error, runs longer than TEST_SECONDS (300), executes no test
# at all or says "LEFT BEHIND: " is a failure. So is a suite without tests.
#
# Tests run from the top folder, without stdin, with BUILD set to the absolute build folder and with
# that folder first in PATH. Output goes to BUILD/logs, and to the terminal when a test fails.
# Of tests that count what they did, the figures are printed, too; with MUTANTS=all, what caught each mutant.
# Two suites run at a time where there are two processors; LANES=1: one after the other.
set -u
cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL
export LC_ALL=C
export LSAN_OPTIONS="suppressions=$PWD/tests/support/leaks.supp:print_suppressions=0"
export UBSAN_OPTIONS=print_stacktrace=1

: "${TEST_SECONDS:=300}"
total_passed=0 total_failed=0 total_skipped=0
started=$(date +%s)
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
# A lane ignores SIGINT, as all that is started by & does; and each of its tests is a group of its own.
stop() {
        trap '' INT TERM
        for lane_pid in $lanes; do
                pkill -TERM -P "$lane_pid"
                kill -KILL "$lane_pid"
        done 2>/dev/null
        exit 1
}
lanes=
trap stop INT TERM
notes=$scratch/notes
: >"$notes"
path=$PATH
if [ -z "${LANES-}" ]; then
        LANES=$(nproc 2>/dev/null || echo 1)
        [ "$LANES" -le 2 ] || LANES=2
fi

# record NAME PASSED FAILED SKIPPED
record() {
        total_passed=$((total_passed + $2))
        total_failed=$((total_failed + $3))
        total_skipped=$((total_skipped + $4))
        printf '%-44s %4d passed' "$1" "$2"
        [ "$3" = 0 ] || printf ', %d FAILED' "$3"
        [ "$4" = 0 ] || printf ', %d skipped' "$4"
        seconds=$(($(date +%s) - started))
        [ "$seconds" -lt 5 ] || printf '  (%d s)' "$seconds"
        echo
}

# skip NAME REASON
skip() {
        record "$1" 0 0 1
        echo "skipped  $1: $2" >>"$notes"
}

# fail NAME REASON
fail() {
        record "$1" 0 1 0
        echo "FAILED   $1: $2" >>"$notes"
}

# Sanitizers of gcc 12 and clang 14 die at start where addresses have 32 random bits. How many they have,
# only root may read.
# sanitizer_prefix: print what to put before the command
sanitizer_prefix() {
        [ "$sanitized" ] || return
        setarch "$(uname -m)" -R true 2>/dev/null && echo "setarch $(uname -m) -R"
}

# count_tap NAME FILE STATUS: print "passed failed skipped", add notes; nothing if there is no TAP
count_tap() {
        awk -v name="$1" -v status="$3" -v notes="$notes" '
        function note(kind, text) {
                sub(/^(not )?ok[ 0-9-]*/, "", text)
                sub(/ *# *[Ss][Kk][Ii][Pp] */, ": ", text)
                print kind name ": " text >>notes
        }
        /^1\.\.[0-9]+/          { plan = substr($1, 4) + 0; planned = 1 }
        /^Bail out!/            { bailed = 1; note("FAILED   ", $0) }
        /^ok .*# *[Ss][Kk][Ii][Pp]/ { skipped++; note("skipped  ", $0); next }
        /^ok /                  { passed++ }
        /^not ok /              { failed++; note("FAILED   ", $0) }
        END {
                seen = passed + failed + skipped
                if (!seen && !planned && !bailed)
                        exit
                if (bailed) {
                        failed++
                } else if (status == 124 || status == 137) {
                        failed++; note("FAILED   ", "took too long")
                } else if (!planned) {
                        failed++; note("FAILED   ", "no plan: it ended before its last test")
                } else if (plan != seen) {
                        failed++; note("FAILED   ", seen " of " plan " planned tests were run")
                } else if (status != 0 && !failed) {
                        failed++; note("FAILED   ", "exit status " status)
                } else if (!seen) {
                        failed++; note("FAILED   ", "no test was run")
                }
                print passed + 0, failed + 0, skipped + 0
        }' "$2"
}

# run NAME COMMAND...
run() {
        name=$1 started=$(date +%s)
        shift
        log=$BUILD/logs/$(echo "${name#* }" | tr / -).log
        tap=$log
        if [ "${criterion-}" ]; then
                tap=$log.tap
                rm -f "$tap"
                set -- "$@" --tap="$tap" --color=never
        fi
        # shellcheck disable=SC2086 # $prefix is a list of words
        timeout -k 10 "$TEST_SECONDS" $prefix "$@" >"$log" 2>&1 </dev/null
        status=$?
        failed_before=$total_failed
        counts=
        [ ! -e "$tap" ] || counts=$(count_tap "$name" "$tap" $status)
        if [ -n "$counts" ]; then
                # shellcheck disable=SC2086
                record "$name" $counts
        elif grep -q 'ThreadSanitizer: unexpected memory mapping' "$log"; then
                skip "$name" "this ThreadSanitizer cannot run with so many random bits in addresses (vm.mmap_rnd_bits)"
        elif [ "${criterion-}" ]; then
                fail "$name" "no result, exit status $status"
        else
                judge
        fi
        case ${MUTANTS-}/$suite in
        all/*) grep -E '^(ok [0-9]* - |# )' "$log" | cut -c1-220 | sed 's/^/    | /' ;;
        */crash | */fuzz | */wait | */torture) grep -E '^(ok [0-9]* - .*[0-9]|# )' "$log" | tail -n 12 | cut -c1-220 | sed 's/^/    | /' ;;
        esac
        if [ "$total_failed" = "$failed_before" ] && grep -q '^LEFT BEHIND: ' "$log"; then
                fail "$name" "$(grep '^LEFT BEHIND: ' "$log" | head -n 1)"
        fi
        if [ "$total_failed" != "$failed_before" ]; then
                tail -n 60 "$log" | sed 's/^/    | /'
        fi
}

# judge: a program that printed no TAP
judge() {
        case ${name##*/}:$status in
        *:124 | *:137) fail "$name" "took longer than $TEST_SECONDS s" ;;
        *:77) skip "$name" "$(tail -n 1 "$log")" ;;
        broken_*:0) fail "$name" "the planted bug was not caught" ;;
        broken_*)
                report='data race'
                case $name in *_grace) report='data race|heap-use-after-free' ;; esac
                if [ "$suite" = tsan ] && ! grep -qE "ThreadSanitizer: ($report)" "$log"; then
                        fail "$name" "exit status $status, but ThreadSanitizer reported no ${report%%|*}"
                else
                        record "$name" 1 0 0
                fi ;;
        *:0) record "$name" 1 0 0 ;;
        *) fail "$name" "exit status $status" ;;
        esac
}

# run_program SOURCE
run_program() {
        program=$BUILD/${1%.c}
        criterion=
        ! grep -q '<criterion/' "$1" || criterion=yes
        if [ -x "$program" ]; then
                run "$label/$(basename "$program")" "$program"
        elif [ "$criterion" ] && ! ${PKG_CONFIG:-pkg-config} --exists criterion 2>/dev/null; then
                skip "$label/$(basename "$program")" "Criterion is not installed (libcriterion-dev, pkg-config)"
        else
                fail "$label/$(basename "$program")" "was not built"
        fi
        criterion=
}

run_bats() {
        for need in bats jq; do
                if ! command -v $need >/dev/null 2>&1; then
                        skip "$label/$(basename "$1" .bats)" "$need is not installed"
                        return
                fi
        done
        if [ ! -x "$BUILD/shmpub" ]; then
                skip "$label/$(basename "$1" .bats)" "the tools were not built: pkg-config or libjson-c-dev is missing"
                return
        fi
        run "$label/$(basename "$1" .bats)" bats --formatter tap "$1"
}

# chosen FILE: is it one of $TESTS?
chosen() {
        [ "${TESTS-}" ] || return 0
        set -f
        # shellcheck disable=SC2086 # a list of patterns
        set -- "${1##*/}" $TESTS
        set +f
        chosen_name=$1
        shift
        for pattern; do
                # shellcheck disable=SC2254 # it is a pattern
                case $chosen_name in $pattern) return 0 ;; esac
        done
        return 1
}

# run_suite: all of tests/$suite
run_suite() {
        before=$((total_passed + total_failed + total_skipped)) started=$(date +%s)
        for test in tests/"$suite"/*; do
                chosen "$test" || continue
                case $suite:${test##*/} in
                unit:test_*.c | process:test_*.c | crash:test_*.c) run_program "$test" ;;
                unit:*.c | process:*.c | crash:*.c | ports:*.c | cli:*.c | install:*.c | examples:*.c) ;;
                *.c) run_program "$test" ;;
                examples:test_*.sh) run "$label/$(basename "$test" .sh)" sh "$test" ;;
                examples:*.sh) ;;
                unit:*.sh)
                        if [ "$sanitized" ]; then
                                skip "$label/$(basename "$test" .sh)" "it compiles for itself, without sanitizers"
                        else
                                run "$label/$(basename "$test" .sh)" sh "$test"
                        fi ;;
                *.sh) run "$label/$(basename "$test" .sh)" sh "$test" ;;
                *.bats) run_bats "$test" ;;
                esac
        done
        if [ $((total_passed + total_failed + total_skipped)) = $before ]; then
                fail "$label" "a suite without tests"
        fi
}

# run_lane BUILD:SUITE...: run those that no other lane has taken, and leave their counts in $scratch
run_lane() {
        for argument; do
                suite=${argument##*:}
                BUILD=$PWD/${argument%:*}
                label="[${BUILD##*/}] $suite"
                mkdir "$scratch/${BUILD##*/}-$suite" 2>/dev/null || continue
                total_passed=0 total_failed=0 total_skipped=0
                PATH=$BUILD:$path
                export BUILD PATH
                mkdir -p "$BUILD/logs"
                case ${BUILD##*/} in
                *-thread* | *-address* | *-undefined*) sanitized=yes ;;
                *) sanitized= ;;
                esac
                prefix=$(sanitizer_prefix)
                run_suite
                echo "$total_passed $total_failed $total_skipped" >"$scratch/${BUILD##*/}-$suite/counts"
        done
}

if [ "${1-}" = --build-failed ]; then
        shift
        fail build "not everything could be built, see above"
fi
lane=1
while [ "$lane" -lt "$LANES" ]; do
        run_lane "$@" &
        lanes="$lanes $!"
        lane=$((lane + 1))
done
failed_to_build=$total_failed
run_lane "$@"
wait
total_passed=0 total_failed=$failed_to_build total_skipped=0
for argument; do
        counts=$scratch/$(basename "${argument%:*}")-${argument##*:}/counts
        # A lane that has died took its suite along.
        [ -s "$counts" ] || { echo "FAILED   ${argument##*:}: the suite did not come to its end" >>"$notes"; echo "0 1 0" >"$counts"; }
        read -r passed failed skipped <"$counts"
        total_passed=$((total_passed + passed))
        total_failed=$((total_failed + failed))
        total_skipped=$((total_skipped + skipped))
done

[ ! -s "$notes" ] || { echo; sort "$notes"; echo; }
echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
[ "$total_failed" = 0 ] && [ "$total_passed" != 0 ]
