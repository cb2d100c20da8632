#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# instructions.sh BUILD: how many instructions one call takes, the loop around it included, counted by
# valgrind: of 11000 calls and of 1000, the difference. The same on every run, however busy the machine is.
# valgrind knows no AVX-512, so long records are copied by AVX2 here.
set -eu
program=$1/tests/bench/instructions

command -v valgrind >/dev/null || {
        echo "instructions.sh: valgrind is not installed (apt-get install valgrind): nothing counted" >&2
        exit 77
}

# count CALL BYTES ROUNDS
count() {
        valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$@" 2>&1 |
                sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

printf '%-8s' bytes
calls="publish read-newest look-for-next publish-part read-part"
printf ' %14s' $calls
for bytes in 8 24 32 48 64 128 256 1024 4096 65536; do
        printf '\n%-8s' $bytes
        for call in $calls; do
                case $call:$bytes in
                *-part:8) printf ' %14s' - ;;
                *) printf ' %14s' $((($(count "$call" $bytes 11000) - $(count "$call" $bytes 1000)) / 10000)) ;;
                esac
        done
done
echo
