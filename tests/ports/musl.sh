#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Another C library, musl: the library, as an archive and as a shared object, a peer and two examples.

. tests/support/ports.sh

port musl musl-gcc
# Debian's musl comes without the kernel's headers, which are the same for every C library.
kernel=$port_build/kernel
mkdir -p "$kernel"
for headers in linux asm-generic "$(gcc -print-multiarch 2>/dev/null)/asm" asm; do
        [ ! -d "/usr/include/$headers" ] || ln -sfn "/usr/include/$headers" "$kernel/${headers##*/}"
done
port_cppflags="-idirafter $kernel"
build "compiles without a warning" libseqcast.a libseqcast.so tests/ports/peer \
        tests/examples/publisher tests/examples/subscriber

there=$port_build/tests/ports/peer
exchange "musl: publishes, glibc reads" "$there" "$native" 1 100
exchange "musl: reads, glibc goes on" "$native" "$there" 101 100
rm -f "/dev/shm/$topic"

"$port_build/tests/examples/subscriber" "$topic" >"$scratch/quotes" 2>&1 &
subscriber=$!
"$port_build/tests/examples/publisher" "$topic" 2>"$scratch/log" &
publisher=$!
trap 'kill $publisher $subscriber 2>/dev/null; rm -rf "$scratch" "/dev/shm/$topic"' EXIT
tries=0
while [ "$(wc -l <"$scratch/quotes")" -lt 3 ] && [ $tries -lt 200 ]; do
        tries=$((tries + 1))
        sleep 0.1
done
try "musl: the example subscriber prints what the example publisher says" \
        grep -xE '#3 ACME bid 10002 ask 10004 \(0 lost\)' "$scratch/quotes"
finish
