#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# demo.sh BUILD: the experiment that Seqcast grew from. A writer puts three integers into a record of
# 4 000 000 000 bytes and ends; a reader, another process, prints them. `make demo` runs this.
set -eu

examples=$1/tests/examples
segment=/dev/shm/MY_SHM
trap '"$examples/seed_writer" --remove 2>/dev/null || :' EXIT
trap 'exit 1' INT TERM

echo '$ seed_writer'
"$examples/seed_writer"

echo '$ seed_reader'
"$examples/seed_reader"

if [ -f "$segment" ]; then
        echo
        echo 'The segment has two slots of 4 GB, and holds memory only where something was written:'
        ls -l "$segment" | awk '{ printf "  address range %14.0f bytes\n", $5 }'
        du -k "$segment" | awk '{ printf "  memory taken  %14.0f bytes\n", $1 * 1024 }'
fi

echo
echo 'What it costs to update and to read the three fields, whatever the size of the record:'
"$1/tests/bench/seed_cost" | sed 's/^/  /'
