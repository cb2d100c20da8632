# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# mutate.sh: sourced by scripts that break a copy of a file.

# turn_of N: which of each N it is this time: another one with each commit or, without git's history, each day
turn_of() {
        turn_count=$(git rev-list --count HEAD 2>/dev/null)
        [ "${turn_count:-1}" -gt 1 ] || turn_count=$(($(date +%s) / 86400))
        echo $((turn_count % $1))
}

# mutate FILE EXPRESSION: in place. Each line of EXPRESSION is one for sed by itself and has to change something;
# if not, it is printed, and the mutation is no longer the one that was meant.
mutate() {
        printf '%s\n' "$2" | while IFS= read -r mutate_line; do
                sed -E "$mutate_line" "$1" >"$1.mutated"
                ! cmp -s "$1" "$1.mutated" || printf '%s\n' "it does not apply any more: $mutate_line"
                cat "$1.mutated" >"$1"
                rm -f "$1.mutated"
        done
}
