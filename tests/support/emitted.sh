# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# emitted.sh: sourced by scripts that look at what compilers make of the tagged accesses on AArch64.

emitted_flags="-std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -D_FILE_OFFSET_BITS=64 -w -pthread"

# letters: a line for each function of the object on standard input, with its accesses in their order:
#
#   L load        A load-acquire (ldar, ldapr)     F dmb ish, which orders everything
#   S store       R store-release (stlr)           s dmb ishst, stores only    l dmb ishld, loads before it
letters() {
        awk '
        /^[0-9a-f]+ <.*>:$/ { name = $2; gsub(/[<>:]|\..*/, "", name); order[++names] = name; next }
        /\[sp/ { next }                         # its own variables
        $2 ~ /^(ldar|ldapr)/ { add("A"); next }
        $2 ~ /^stlr/ { add("R"); next }
        $2 == "dmb" { add($3 == "ish" ? "F" : $3 == "ishst" ? "s" : $3 == "ishld" ? "l" : "?"); next }
        $2 ~ /^ld/ { add("L") }
        $2 ~ /^st/ { add("S") }
        function add(letter) { seen[name] = seen[name] letter }
        END { for (i = 1; i <= names; i++) print order[i], seen[order[i]] }'
}

# accesses COMPILER FOLDER: of all that is looked at; what lies in FOLDER is taken from there. The functions of
# the library stay apart as the source has them, so that each can be found.
accesses() {
        for source in tests/ports/emitted/accesses.c src/handle/waker.c src/handle/fetch.c src/handle/reattach_plain.c; do
                from=$source apart=
                [ ! -e "$2/$source" ] || from=$2/$source
                case $source in src/*) apart=-fno-inline ;; esac
                # shellcheck disable=SC2086 # lists of words
                $1 $emitted_flags $apart -I"$2/include" -Iinclude -Isrc -c "$from" -o "$scratch/object.o" 2>"$scratch/log" ||
                        { cat "$scratch/log"; return 1; }
                aarch64-linux-gnu-objdump -d --no-show-raw-insn "$scratch/object.o" | letters
        done
}

# Function, and what its accesses have to look like.
expected='
write_begin_W1_W2    ^SL*[Fs]L*S$
write_end_W4         ^S(R|FS)$
write_end_W4_W5      ^L*S(R|FS)L*(R|FS)$
recover_T3           ^L+(R|FS)$
retire_X1_X2         ^L+(R|FS)L+(R|FS)$
read_begin_R1        ^(A|L[lF])L$
read_valid_R3        ^L[lF]L$
version_R0           ^L*(A|L[lF])L$
news_N1              ^L*((A|L[lF])L*){3}$
find_next_N1         ^[LS]*((A|L[lF])[LS]*){4}$
publish_W1_to_W5     ^L*SL*[Fs](L*S)+L*(R|FS)L*(R|FS)
read_R0_to_R4        ^L*(A|L[lF])L+(A|L[lF])[LS]+[lF]L+$
foreign_begin_F1     ^(A|L[lF])L+$
foreign_whole_F4     ^L+[lF]L$
foreign_whole_F5     ^L+[lF](A|L[lF])L$
stop                 ^[LS]*F[LS]*$
fetch                ^[LS]*[lF][LS]*$
seqcast__reattach_enter    ^[LS]*A[LS]*A[LS]*$
seqcast__reattach_leave    ^[LS]*l[LS]*$
seqcast__reattach_replace  S[LS]*F[LS]*R
change               ^[LS]*R[LS]*$
'

# missing COMPILER FOLDER: prints what does not look like that
missing() {
        accesses "$1" "$2" >"$scratch/accesses" || { cat "$scratch/accesses"; return; }
        echo "$expected" | while read -r function pattern; do
                [ "$function" ] || continue
                found=$(sed -n "s/^$function //p" "$scratch/accesses")
                echo "$found" | grep -Eq -- "$pattern" || echo "$function: $found is not $pattern"
        done >"$scratch/missing"
        [ ! -s "$scratch/missing" ] || cat "$scratch/missing" - <<'END'
(L load, S store, A load-acquire, R store-release; dmb: F ish, s ishst, l ishld; in the order of the code)
END
}
