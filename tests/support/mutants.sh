# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# mutants.sh: sourced by scripts that ask whether a test notices when what it tests is broken. One
# mutant at a time is made from a copy of one file; it passes where the test named then fails. Before
# that, as a control, the test has to pass with the file as it is.

. tests/support/tap.sh
. tests/support/mutate.sh

: "${CC:=cc}"
jobs=$(nproc 2>/dev/null || echo 2)
if ! ${PKG_CONFIG:-pkg-config} --exists criterion 2>/dev/null; then
        skip "mutants" "Criterion is not installed (libcriterion-dev, pkg-config)"
        finish
fi
plain_build_only "mutants"
criterion=$(${PKG_CONFIG:-pkg-config} --cflags --libs criterion)
flags="-std=c11 -D_GNU_SOURCE -w -pthread"

# build FOLDER FILE TEST: headers are in the test itself; of the library, the file alone is made anew
build() {
        case $3 in
        crash/*) level=-O2 ;; # a test that stops at each instruction is quicker with fewer
        *) level=-O0 ;;
        esac
        case $2 in
        include/*)
                $CC $flags $level -I"$1/include" -Isrc "tests/$3.c" -o "$1/test" "$BUILD/libseqcast.a" $criterion ;;
        *)
                $CC $flags $level -Iinclude -Isrc -c "$1/$2" -o "$1/mutant.o" &&
                        $CC $flags $level -Iinclude -Isrc "tests/$3.c" "$1/mutant.o" -o "$1/test" \
                                "$BUILD/libseqcast.a" $criterion ;;
        esac >"$1/log" 2>&1
}

# prepare FOLDER FILE: the folder, with copies of what a mutant is made from
prepare() {
        mkdir -p "$1/${2%/*}"
        cp -r include "$1"
        cp "$2" "$1/$2"
}

# clean_up TAG: what a killed test leaves: processes, which are groups of their own, and topics
clean_up() {
        for process in /proc/[0-9]*; do
                ! grep -qsaz "^TOPIC_TAG=$1" "$process/environ" || kill -KILL "${process#/proc/}" 2>/dev/null
        done
        rm -rf "/dev/shm/seqcast-test-$1"* "/dev/shm/.seqcast-test-$1"*
}

# execute FOLDER SECONDS: run its test, so long at most; $code is the exit status, $executed how many tests ran
# and were not skipped
execute() {
        tag=$(printf %.12s "m$$-${1##*/}-") # names have room for no more
        TOPIC_TAG=$tag timeout -k 5 "$2" "$1/test" --verbose --color=never >"$1/log" 2>&1
        code=$?
        clean_up "$tag"
        executed=$(sed -n 's/.*Synthesis: Tested: \([0-9]*\) .*/\1/p' "$1/log" | tail -n 1)
        : "${executed:=0}"
}

# control_of FILE TEST: where its verdict stands. A file that this build leaves out has a control of its own
control_of() {
        case $1 in
        *_portable.c) echo "$scratch/control-${2##*/}-${1##*/}" ;;
        *) echo "$scratch/control-${2##*/}" ;;
        esac
}

# control FILE TEST: once per test. In its file: "passed SECONDS", or why its mutants say nothing
control() {
        verdict=$(control_of "$1" "$2")
        [ ! -e "$verdict" ] || return 0
        folder=$scratch/control
        prepare "$folder" "$1"
        begun=$(date +%s)
        if ! build "$folder" "$1" "$2"; then
                not_ok "control: $2" "it does not compile: $(cat "$folder/log")"
                echo "the control does not compile" >"$verdict"
        elif execute "$folder" 300 && [ $code != 0 ]; then
                not_ok "control: $2" "without any mutation: exit status $code: $(tail -n 20 "$folder/log")"
                echo "the control failed" >"$verdict"
        elif [ "$executed" = 0 ]; then
                echo "$2 executes no test here: $(sed -n 's/^\[SKIP\] *//p' "$folder/log" | tail -n 1)" >"$verdict"
        else
                ok "control: $2"
                echo "passed $(($(date +%s) - begun))" >"$verdict"
        fi
        rm -rf "$folder"
}

# judge FOLDER FILE TEST EXPRESSION: what became of one mutant, in a few words
judge() {
        read -r passed seconds <"$(control_of "$2" "$3")"
        if [ "$passed" != passed ]; then
                echo "skip $passed $seconds"
                return
        fi
        prepare "$1" "$2"
        mutate "$1/$2" "$4"
        if ! build "$1" "$2" "$3"; then
                echo "the mutant does not compile"
                return
        fi
        execute "$1" $((4 * seconds + 20)) # without it, it took $seconds, compiling included
        case $code in
        124 | 137) echo "caught: timed out" ;;
        *)
                if [ $code = 0 ] && [ "$executed" = 0 ]; then
                        echo "$3 executed no test"
                elif [ $code = 0 ]; then
                        echo "$3 did not notice"
                else
                        echo caught
                fi ;;
        esac
}

# collect: report on the mutants in flight, in their order
started=0 reported=0
collect() {
        wait
        while [ $reported -lt $started ]; do
                reported=$((reported + 1))
                folder=$scratch/$reported
                text=$(cat "$folder/text")
                result=$(cat "$folder/result")
                case $result in
                caught) ok "$text" ;;
                caught:*) ok "$text (${result#caught: })" ;;
                skip\ *) skip "$text" "${result#skip }" ;;
                *) not_ok "$text" "$result" ;;
                esac
                rm -rf "$folder"
        done
}

# mutant FILE TEST TEXT EXPRESSION: every twentieth, or all with MUTANTS=all. That the expression still changes
# something is asked of all.
offered=0 passed_over=0 turn=$(turn_of 20)
mutant() {
        offered=$((offered + 1))
        cp "$1" "$scratch/applied"
        stale=$(mutate "$scratch/applied" "$4")
        if [ "$stale" ]; then
                not_ok "$1: $3" "$stale"
                return 0
        fi
        if [ "${MUTANTS-}" != all ] && [ $((offered % 20)) != "$turn" ]; then
                passed_over=$((passed_over + 1))
                return 0
        fi
        control "$1" "$2"
        started=$((started + 1))
        mkdir "$scratch/$started"
        echo "$1: $3: $2" >"$scratch/$started/text"
        judge "$scratch/$started" "$1" "$2" "$4" >"$scratch/$started/result" 2>&1 &
        [ $((started % jobs)) != 0 ] || collect
}

finish_mutants() {
        collect
        [ $passed_over = 0 ] || skip "the other mutants" "$passed_over mutants not run: MUTANTS=all runs them"
        finish
}
