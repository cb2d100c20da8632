#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# The library and the programs of this folder, compiled in several ways and stepped through. Each way is
# another sequence of instructions, and so another set of places to die at. CRASH_FULL=1 steps through
# all there is in each of them, which takes more than an hour (TEST_SECONDS=10000, so that it is not cut off).

. tests/support/tap.sh
. tests/support/crash_programs.sh

# A slow machine steps through less, and says so.
: "${CRASH_SECONDS:=150}"
begun=$(date +%s)

is_late() {
        [ -z "${CRASH_FULL-}" ] && [ $(($(date +%s) - begun)) -gt "$CRASH_SECONDS" ]
}

# step TEXT PROGRAM ARGUMENTS...: passes if it finds nothing; $code is its exit status
step() {
        text=$1
        shift
        if is_late; then
                skip "$text" "$CRASH_SECONDS seconds are over"
                return
        fi
        output=$("$@" 2>&1)
        code=$?
        case $code in
        0)
                ok "$text"
                echo "$output" | tee -a "$scratch/figures" | sed 's/^/# /' ;;
        77) skip "$text" "$(echo "$output" | tail -n 1)" ;;
        *) not_ok "$text" "exit status $code: $output" ;;
        esac
}

# publish VARIANT ARGUMENTS...
publish() {
        variant=$1
        shift
        step "$variant, each instruction of publishing: $*" "$folder/single_step" "$@"
}

# variant COMPILER LEVEL
variant() {
        name="$1 $2"
        if ! command -v "$1" >/dev/null 2>&1; then
                skip "$name" "$1 is not installed"
                return
        elif is_late; then
                skip "$name" "$CRASH_SECONDS seconds are over"
                return
        fi
        folder=$scratch/$1$2
        # shellcheck disable=SC2046
        if ! { compile "$folder" "$1" "$2 -Iinclude -Isrc" tests/crash/*.c $(library_sources) &&
                link_program "$folder" "$1" single_step && link_program "$folder" "$1" schedules &&
                link_program "$folder" "$1" lives; }; then
                not_ok "$name is compiled" "$(cat "$scratch/log")"
                return
        fi
        if [ "${CRASH_FULL-}" ]; then
                publish "$name"
                step "$name, each instruction of opening, removing and closing" "$folder/lives"
                step "$name, readers stopped in mid-copy" "$folder/schedules" --schedules 2000
                [ "$name" != "gcc -O2" ] || step "$name, readers stopped in mid-copy, all schedules" \
                        "$folder/schedules" --schedules 0 --reads newest --depths 2 --bytes 64
                return
        fi
        case $name in
        "gcc -O2")
                publish "$name" --acts whole,parts --bytes 0,1,7,8,64,100
                publish "$name" --acts in-place,mixed --bytes 7,100
                publish "$name" --acts times,begin,sparse --bytes 7,100 --depths 1,2,4
                publish "$name" --acts whole,parts,in-place,sparse --bytes 4096 --depths 2
                step "$name, readers stopped in mid-copy" "$folder/schedules" --schedules 150 ;;
        *-O0)
                publish "$name" --acts whole,parts,mixed --bytes 7,100 --depths 2
                step "$name, readers stopped in mid-copy" "$folder/schedules" --depths 2 --bytes 64 --schedules 20 ;;
        *)
                publish "$name" --acts whole,parts,mixed --bytes 7,100 --depths 2,4
                step "$name, readers stopped in mid-copy" "$folder/schedules" --depths 2,4 --bytes 64 --schedules 20 ;;
        esac
        case $name in
        *-O2) step "$name, each instruction of opening, removing and closing" "$folder/lives" ;;
        esac
}

for level in -O2 -O3 -O0; do
        for compiler in gcc clang; do
                variant $compiler $level
        done
done

# The sum over all, figures and faults
[ ! -e "$scratch/figures" ] || sed -n 's/^all: //p' "$scratch/figures" | awk -F '; ' '
        {
                for (half = 1; half <= 2; half++) {
                        words = split($half, word, ", ")
                        for (i = 1; i <= words; i++) {
                                count = name = word[i]
                                sub(/ .*/, "", count)
                                sub(/^[0-9]+ /, "", name)
                                if (!((half, name) in sum))
                                        names[half, ++known[half]] = name
                                sum[half, name] += count
                        }
                }
        }
        END {
                printf "# all variants: "
                for (half = 1; half <= 2; half++)
                        for (i = 1; i <= known[half]; i++)
                                printf "%s%d %s", (i > 1 ? ", " : half > 1 ? "; " : ""), sum[half, names[half, i]], names[half, i]
                print ""
        }'
finish
