# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# mutants.sh: sourced by scripts that ask whether a test notices when what it tests is broken. One
# mutant at a time is made from a copy of one file; it passes where the test named then fails.

. tests/support/tap.sh

: "${CC:=cc}"
jobs=$(nproc 2>/dev/null || echo 2)
if ! ${PKG_CONFIG:-pkg-config} --exists criterion 2>/dev/null; then
        skip "mutants" "Criterion is not installed (libcriterion-dev, pkg-config)"
        finish
fi
case ${BUILD##*/} in
*-thread* | *-address*)
        skip "mutants" "the plain build is enough"
        finish ;;
esac
criterion=$(${PKG_CONFIG:-pkg-config} --cflags --libs criterion)
flags="-std=c11 -D_GNU_SOURCE -w -O0 -pthread"

# build FOLDER FILE TEST: headers are in the test itself; of the library, the file alone is made anew
build() {
        case $2 in
        include/*)
                $CC $flags -I"$1/include" -Isrc "tests/$3.c" -o "$1/test" "$BUILD/libseqcast.a" $criterion ;;
        *)
                $CC $flags -Iinclude -Isrc -c "$1/$2" -o "$1/mutant.o" &&
                        $CC $flags -Iinclude -Isrc "tests/$3.c" "$1/mutant.o" -o "$1/test" \
                                "$BUILD/libseqcast.a" $criterion ;;
        esac >"$1/log" 2>&1
}

# judge FOLDER FILE TEST EXPRESSION: what became of one mutant, in a few words
judge() {
        cp -r include "$1/include"
        mkdir -p "$1/${2%/*}"
        cp "$2" "$1/$2"
        sed -E -i "$4" "$1/$2"
        if cmp -s "$2" "$1/$2"; then
                echo "the mutation does not apply any more"
        elif ! build "$1" "$2" "$3"; then
                echo "the mutant does not compile"
        elif timeout -k 5 60 "$1/test" >"$1/log" 2>&1; then
                echo "$3 did not notice"
        else
                echo caught
        fi
}

# collect: report on the mutants in flight, in their order
started=0 reported=0
collect() {
        wait
        while [ $reported -lt $started ]; do
                reported=$((reported + 1))
                folder=$scratch/$reported
                result=$(cat "$folder/result")
                if [ "$result" = caught ]; then
                        ok "$(cat "$folder/text")"
                else
                        not_ok "$(cat "$folder/text")" "$result"
                fi
                rm -rf "$folder"
        done
}

# mutant FILE TEST TEXT EXPRESSION: every third, or all with MUTANTS=all
offered=0
mutant() {
        offered=$((offered + 1))
        [ "${MUTANTS-}" = all ] || [ $((offered % 3)) = 1 ] || return 0
        started=$((started + 1))
        mkdir "$scratch/$started"
        echo "$1: $3" >"$scratch/$started/text"
        judge "$scratch/$started" "$1" "$2" "$4" >"$scratch/$started/result" 2>&1 &
        [ $((started % jobs)) != 0 ] || collect
}

finish_mutants() {
        collect
        finish
}
