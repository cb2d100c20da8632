#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# What `make install` puts where, under both spellings of the variables; that programs in C and C++ can
# be built and run with it, by pkg-config and by CMake, from a place it was moved to; that the symbols
# let out are those of the header; and that uninstall leaves nothing. Needs BUILD, honours CC.
. tests/support/tap.sh

unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
: "${CC:=cc}"

# mk ARGUMENT...: make in this folder, for this compiler
mk() {
        make --no-print-directory CC="$CC" "$@"
}

# tree FOLDER: every file with its mode, every link with its target
tree() {
        (cd "$1" && find . ! -type d -printf '%p %m %l\n' | sort)
}

upper=$scratch/upper lower=$scratch/lower
try "make install with PREFIX, LIBDIR, ..." \
        mk install DESTDIR="$upper" PREFIX=/opt/seqcast LIBDIR=/opt/seqcast/lib/here BINDIR=/opt/seqcast/programs \
        INCLUDEDIR=/opt/seqcast/headers MANDIR=/opt/seqcast/man
try "make install with prefix, libdir, ..." \
        mk install DESTDIR="$lower" prefix=/opt/seqcast libdir=/opt/seqcast/lib/here bindir=/opt/seqcast/programs \
        includedir=/opt/seqcast/headers mandir=/opt/seqcast/man

tree "$upper" >"$scratch/upper.tree"
tree "$lower" >"$scratch/lower.tree"
try "both spellings install the same tree" diff "$scratch/upper.tree" "$scratch/lower.tree"
try "both spellings install the same bytes" diff -r "$upper" "$lower"

# wanted: the Makefile's list in the form of tree()
wanted() {
        mk installed PREFIX=/opt/seqcast LIBDIR=/opt/seqcast/lib/here BINDIR=/opt/seqcast/programs \
                INCLUDEDIR=/opt/seqcast/headers MANDIR=/opt/seqcast/man |
                awk -F: '{ print "." $2, $3 == "link" ? "777 " $1 : $3 " " }' | sort
}
wanted >"$scratch/wanted.tree"
try "what is installed is the list in the Makefile" diff "$scratch/wanted.tree" "$scratch/lower.tree"

mk uninstall DESTDIR="$upper" PREFIX=/opt/seqcast LIBDIR=/opt/seqcast/lib/here BINDIR=/opt/seqcast/programs \
        INCLUDEDIR=/opt/seqcast/headers MANDIR=/opt/seqcast/man >/dev/null
quiet "uninstall leaves no file, and no folder of ours" find "$upper" ! -type d -o -path '*/seqcast/*/seqcast'

# -- Programs built with it ----------------------------------------------------------------------------

mk install DESTDIR="$scratch/staged" PREFIX=/usr >/dev/null 2>&1
mv "$scratch/staged/usr" "$scratch/moved"
moved=$scratch/moved
PKG_CONFIG_PATH=$moved/lib/pkgconfig
export PKG_CONFIG_PATH

cat >"$scratch/consumer.c" <<'C'
#include <seqcast.h>
#include <stdio.h>

struct point { int32_t x, y; };

int main(void)
{
        struct point sent, received;
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_publisher *publisher = NULL;
        seqcast_subscriber *subscriber = NULL;
        int r;

        sent.x = 3;
        sent.y = 4;
        options.schema = SEQCAST_SCHEMA(struct point, x, y);
        r = seqcast_publisher_open(TOPIC, &options, &publisher);
        if (r == 0)
                r = seqcast_publish(publisher, &sent, sizeof sent);
        if (r == 0)
                r = seqcast_subscriber_open(TOPIC, NULL, &subscriber);
        if (r == 0)
                r = seqcast_read_newest(subscriber, &received, sizeof received, NULL);
        if (r == 0)
                printf("%d %d\n", received.x, received.y);
        else
                printf("%s\n", seqcast_strerror(r));
        if (publisher)
                seqcast_publisher_remove(publisher);
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_close(publisher);
        return r != 0;
}
C
cp "$scratch/consumer.c" "$scratch/consumer.cc"

# runs COMMAND...: the consumer prints what it published
runs() {
        LD_LIBRARY_PATH=$moved/lib "$@" | grep -x '3 4'
}

# consumer COMPILER STANDARD SOURCE shared|static
consumer() {
        text="a $2 program, built by pkg-config, $4"
        if ! command -v pkg-config >/dev/null 2>&1; then
                skip "$text" "pkg-config is not installed"
                return
        fi
        if ! command -v "${1%% *}" >/dev/null 2>&1; then
                skip "$text" "$1 is not installed"
                return
        fi
        case $4 in
        shared) flags=$(pkg-config --cflags --libs seqcast) ;;
        static) flags=$(pkg-config --static --cflags --libs seqcast | sed 's/-lseqcast/-l:libseqcast.a/') ;;
        esac
        # shellcheck disable=SC2086 # lists of words
        if output=$($1 -std="$2" -Wall -Wextra -Werror -DTOPIC="\"install-test-$$\"" -o "$scratch/consumer-$4" "$scratch/$3" $flags 2>&1); then
                try "$text" runs "$scratch/consumer-$4"
        else
                not_ok "$text" "$output"
        fi
}

cxx=g++
case $CC in *clang*) cxx=$(echo "$CC" | sed 's/clang/clang++/') ;; esac
for how in shared static; do
        consumer "$CC" c11 consumer.c $how
        consumer "$cxx" c++11 consumer.cc $how
done

if command -v cmake >/dev/null 2>&1; then
        mkdir "$scratch/cmake"
        cat >"$scratch/cmake/CMakeLists.txt" <<'C'
cmake_minimum_required(VERSION 3.13)
project(consumer C)
find_package(seqcast 0.1 CONFIG REQUIRED)
foreach(how seqcast static)
  add_executable(consumer-${how} ../consumer.c)
  target_link_libraries(consumer-${how} PRIVATE seqcast::${how})
  target_compile_definitions(consumer-${how} PRIVATE TOPIC="install-test-${how}")
endforeach()
C
        try "a CMake project finds it" cmake -S "$scratch/cmake" -B "$scratch/cmake/build" \
                -DCMAKE_PREFIX_PATH="$moved" -DCMAKE_C_COMPILER="${CC##* }"
        try "a CMake project builds with it" cmake --build "$scratch/cmake/build"
        try "a CMake program, shared" runs "$scratch/cmake/build/consumer-seqcast"
        try "a CMake program, static" runs "$scratch/cmake/build/consumer-static"
        sed -i 's/seqcast 0.1 /seqcast 0.2 /' "$scratch/cmake/CMakeLists.txt"
        try "a CMake project that wants another version is told no" sh -c '! cmake -S "$1" -B "$1/other" -DCMAKE_PREFIX_PATH="$2"' - "$scratch/cmake" "$moved"
else
        skip "a CMake project" "cmake is not installed"
fi

# -- The shared library ----------------------------------------------------------------------------------

nm -D --defined-only "$moved/lib/libseqcast.so" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort >"$scratch/exported"
nm -D --defined-only "$moved/lib/libseqcast.so" | awk '$2 !~ /[TA]/ { print }' >"$scratch/others"
mapped_functions >"$scratch/mapped"
public_functions >"$scratch/public"
try "exported = in the version script" diff "$scratch/exported" "$scratch/mapped"
try "exported = declared in the header" diff "$scratch/exported" "$scratch/public"
quiet "no data is exported" cat "$scratch/others"
try "the SONAME has the major version only" sh -c 'objdump -p "$1" | grep -E "SONAME +libseqcast\.so\.[0-9]+$"' - "$moved/lib/libseqcast.so"
quiet "no file names the place it was built in" grep -rlF "$PWD" "$moved"
quiet "no file names the place it was staged in" grep -rlF "$scratch" "$moved"
try "the pages are installed" test -s "$moved/share/man/man3/seqcast.3" -a -s "$moved/share/man/man5/seqcast.5"
finish
