# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# tap.sh: sourced by test scripts that run from the top folder. Prints TAP.

set -u
export LC_ALL=C
tap_count=0 tap_failed=0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM

# ok TEXT
ok() {
        tap_count=$((tap_count + 1))
        echo "ok $tap_count - $1"
}

# not_ok TEXT [EXPLANATION]
not_ok() {
        tap_count=$((tap_count + 1)) tap_failed=1
        echo "not ok $tap_count - $1"
        [ -z "${2-}" ] || echo "$2" | sed 's/^/# /'
}

# skip TEXT REASON
skip() {
        tap_count=$((tap_count + 1))
        echo "ok $tap_count - $1 # SKIP $2"
}

# try TEXT COMMAND...: passes if the command succeeds; else shows its output
try() {
        tap_text=$1
        shift
        if tap_output=$("$@" 2>&1); then ok "$tap_text"; else not_ok "$tap_text" "$tap_output"; fi
}

# quiet TEXT COMMAND...: passes if the command prints nothing
quiet() {
        tap_text=$1
        shift
        tap_output=$("$@" 2>&1)
        if [ -z "$tap_output" ]; then ok "$tap_text"; else not_ok "$tap_text" "$tap_output"; fi
}

# planted TEXT CODE COMMAND...: CODE spoils a copy of the tree; passes if COMMAND, which is quiet in a
# good tree, then says something
planted() {
        tap_text=$1 tap_code=$2
        shift 2
        rm -rf "$scratch/tree"
        mkdir "$scratch/tree"
        tar cf - --exclude=./build --exclude=./.git . | tar xf - -C "$scratch/tree"
        tap_output=$(cd "$scratch/tree" && eval "$tap_code" && "$@" 2>&1)
        if [ -n "$tap_output" ]; then ok "catches $tap_text"; else not_ok "catches $tap_text"; fi
}

# finish: the plan, and the exit status
finish() {
        echo "1..$tap_count"
        exit "$tap_failed"
}

# plain_build_only TEXT: in a build with sanitizers, TEXT is skipped, and that is all
plain_build_only() {
        case ${BUILD##*/} in
        *-thread* | *-address* | *-undefined*)
                skip "$1" "the plain build is enough"
                finish ;;
        esac
}

# public_functions: the functions that include/seqcast.h declares, one per line
public_functions() {
        sed -nE 's/^SEQCAST_(API|CHECKED) .*(seqcast_[a-z0-9_]+)\(.*/\2/p' include/seqcast.h | sort
}

# mapped_functions: the functions that the version script lets out
mapped_functions() {
        sed -nE 's/^ +(seqcast_[a-z0-9_]+);.*/\1/p' src/seqcast.map | sort
}
