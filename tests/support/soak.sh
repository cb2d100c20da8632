#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# soak.sh BUILD: the long versions of all that breaks things, for HOURS hours in all (a fraction will do).
# `make soak` calls this. What takes a fixed time, and more than its share, is skipped; the others share what
# is left. Figures go to the terminal, all output to BUILD/logs/soak-*.log. The last line is "N passed, N
# failed, N skipped"; exits 1 if anything failed.
set -u
cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL
export LC_ALL=C
BUILD=$PWD/$1
PATH=$BUILD:$PATH
export BUILD PATH
case ${HOURS:=1} in
*[!0-9.]*) echo "HOURS=$HOURS: a number of hours is wanted, such as 8 or 0.5" >&2; exit 2 ;;
esac
mkdir -p "$BUILD/logs"

passed=0 failed=0 skipped=0 notes=
steps=10 # that are still to come
end=$(awk -v now="$(date +%s)" -v hours="$HOURS" 'BEGIN { printf "%d", now + 3600 * hours }')

# share: print the seconds that the next step may take
share() {
        left=$(((end - $(date +%s)) / steps))
        [ "$left" -gt 0 ] || left=1
        echo "$left"
}

# each SECONDS PARTS: print the seconds for each of so many parts
each() {
        awk -v seconds="$1" -v parts="$2" 'BEGIN { s = seconds / parts; printf "%.1f", s < 0.3 ? 0.3 : s }'
}

# skip NAME REASON
skip() {
        skipped=$((skipped + 1))
        notes="$notes
skipped  $1: $2"
}

# run NAME COMMAND...: counts TAP line by line, anything else by its exit status
run() {
        name=$1 log=$BUILD/logs/soak-$1.log begun=$(date +%s)
        shift
        printf '\n== %s: %s\n' "$name" "$*" | sed "s|$PWD/||g"
        "$@" >"$log" 2>&1 </dev/null
        status=$?
        p=$(grep -c '^ok ' "$log") s=$(grep -c '^ok .*# SKIP' "$log") f=$(grep -c '^not ok ' "$log")
        if [ "$status" = 77 ]; then
                s=$((s + 1))
        elif [ "$status" != 0 ] && [ "$f" = 0 ]; then
                f=1
        elif [ $((p + f)) = 0 ]; then
                p=1
        fi
        p=$((p - s * (p > 0)))
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
        grep -E '^(ok|not ok|#) ' "$log" | grep -v ' # SKIP' | tail -n 40 | grep . || tail -n 3 "$log"
        [ "$f" = 0 ] || tail -n 40 "$log" | sed 's/^/    | /'
        grep '^LEFT BEHIND: ' "$log" && failed=$((failed + 1))
        printf '   %d s: %d passed, %d failed, %d skipped\n' $(($(date +%s) - begun)) "$p" "$f" "$s"
        [ "$f" = 0 ] || notes="$notes
FAILED   $name: exit status $status, see ${log#"$PWD"/}"
        return 0
}

# fixed NAME SECONDS VARIABLE=VALUE SCRIPT...: what takes so long, whatever its share
fixed() {
        name=$1 needs=$2 setting=$3 seconds=$(share)
        shift 3
        if [ ! -e "$1" ]; then
                skip "$name" "there is no $1"
        elif [ "$seconds" -lt "$needs" ]; then
                skip "$name" "it takes about $needs s, and its share is $seconds s"
        else
                for script; do
                        run "$(echo "${script#tests/}" | tr / -)" env "$setting" sh "$script"
                done
        fi
        steps=$((steps - 1))
}

# timed NAME COMMAND...: what takes as long as it is told to
timed() {
        run "$@"
        steps=$((steps - 1))
}

fixed crash 5000 CRASH_FULL=1 tests/crash/*.sh
fixed mutants 1200 MUTANTS=all tests/*/mutants.sh

if grep -q '^fuzz:' Makefile && command -v clang >/dev/null 2>&1; then
        targets=$(grep -ls LLVMFuzzerTestOneInput tests/fuzz/*.c | wc -l)
        timed fuzz make --no-print-directory fuzz SECONDS="$(($(share) / targets + 1))"
else
        skip fuzz "there is no target fuzz, or no clang"
        steps=$((steps - 1))
fi

torture=$BUILD/tests/torture
timed kills "$torture/kills" --seconds "$(share)"
timed storm "$torture/storm" --seconds "$(share)"
timed exclusion "$torture/exclusion" --seconds "$(share)"
timed corruption "$torture/corruption" --seconds "$(share)"
timed lost_wakeups "$BUILD/tests/wait/lost_wakeups" --seconds "$(each "$(share)" 18)"
timed reattach "$torture/reattach" --seconds "$(share)"
timed torture env TORTURE_SECONDS="$(each "$(share)" 45)" sh tests/torture/torture.sh

[ -z "$notes" ] || printf '%s\n' "$notes"
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
