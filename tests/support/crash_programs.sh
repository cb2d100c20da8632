# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# crash_programs.sh: sourced after tap.sh by the scripts of tests/crash, which compile library and programs
# for themselves: by several compilers, or with a bug in them.

: "${CC:=cc}"
case ${BUILD##*/} in
*-thread* | *-address* | *-undefined*)
        skip "single steps" "what is stepped through is compiled without sanitizers"
        finish ;;
esac
jobs=$(nproc 2>/dev/null || echo 2)
crash_flags="-std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -D_FILE_OFFSET_BITS=64 -w -pthread"

# compile FOLDER COMPILER FLAGS SOURCE...: objects of these files, in FOLDER
compile() {
        compile_to=$1 compile_by="$2 $crash_flags $3"
        shift 3
        mkdir -p "$compile_to"
        for source; do
                echo "$source $compile_to/$(echo "$source" | tr / _).o"
        done | xargs -P "$jobs" -L 1 sh -c "$compile_by -c \$0 -o \$1" 2>"$scratch/log"
}

# link_program FOLDER COMPILER NAME: the program from the objects in FOLDER
link_program() {
        # shellcheck disable=SC2086,SC2046
        $2 -pthread "$1/tests_crash_$3.c.o" $(ls "$1"/src_*.o) -o "$1/$3" -lrt 2>>"$scratch/log"
}

library_sources() {
        find src -name '*.c' ! -name '*_portable.c' ! -name '*_urcu.c'
}
