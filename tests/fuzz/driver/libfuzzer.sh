#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# What `make fuzz` runs.
#
#   libfuzzer.sh --check COMPILER     can it build fuzz targets?
#   libfuzzer.sh SECONDS PROGRAM...   run each for so long, from the corpus in the tree; what is new in it
#                                     stays beside the program, and so do findings
#
# FUZZ_FLAGS: more of libFuzzer's options, such as -runs=20000000. Exits 1 at a finding, or if a target
# accepted too few of its inputs.
set -u

if [ "$1" = --check ]; then
        compiler=$2
        if ! command -v "$compiler" >/dev/null 2>&1; then
                echo "make fuzz needs clang; on Debian: clang libclang-rt-14-dev" >&2
                exit 1
        fi
        program=$(mktemp) || exit 1
        trap 'rm -f "$program"' EXIT
        if ! echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d == 0 && n; }' |
                $compiler -x c -fsanitize=fuzzer,address,undefined -o "$program" - 2>/dev/null; then
                echo "$compiler has no libFuzzer or no sanitizers; on Debian 12: libclang-rt-14-dev" >&2
                exit 1
        fi
        exit 0
fi

seconds=$1 failed=0
shift
prefix=
! setarch "$(uname -m)" -R true 2>/dev/null || prefix="setarch $(uname -m) -R"
for program; do
        name=$(basename "$program")
        found=$program.corpus
        mkdir -p "$found"
        echo "== $name"
        # shellcheck disable=SC2086 # lists of words
        if $prefix "$program" -max_total_time="$seconds" -timeout=20 -max_len=8192 -print_final_stats=1 \
                -artifact_prefix="$program." ${FUZZ_FLAGS-} "$found" "tests/fuzz/corpus/$name" >"$program.log" 2>&1; then
                status=passed
        else
                status=FAILED failed=1
                tail -n 40 "$program.log"
        fi
        grep -E "^$name: |stat::(number_of_executed_units|average_exec_per_sec)" "$program.log"
        echo "$name $status"
done
exit $failed
