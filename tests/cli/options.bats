# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Command lines: help, version, names, and every way of being wrong.
load helpers

table_names() {
        sed -nE 's/^ *OPTION_(SET_)?ROW\(([A-Z]+, )?[^,]+, "([a-z-]+)".*/\3/p' "$BATS_TEST_DIRNAME/../../tools/$1.c"
        echo quiet verbose color help version | tr ' ' '\n'
}

@test "--help and --version go to standard output and exit 0" {
        for tool in shmpub shmsub; do
                for option in -h --help; do
                        try 0 $tool $option
                        same "$stderr" ""
                        has "$output" "  $tool "
                        [[ $output == *"--schema"* ]]
                done
                for option in -V --version; do
                        try 0 $tool $option
                        [[ $output =~ ^"$tool (Seqcast) "[0-9]+\.[0-9]+\.[0-9]+$ ]]
                done
        done
}

@test "help begins with examples and fits a screen" {
        for tool in shmpub shmsub; do
                try 0 $tool --help
                [[ ${lines[1]} == "  $tool"* ]]
                [ "${#lines[@]}" -lt 45 ]
                [ "$(awk '{ print length }' <<<"$output" | sort -n | tail -n 1)" -le 100 ]
        done
}

@test "each option of the table is known, and its page names it" {
        for tool in shmpub shmsub; do
                page=$(sed -e 's/Fl Fl /--/g' -e 's/Fl -/--/g' "$BATS_TEST_DIRNAME/../../tools/$tool.1")
                [ "$(table_names $tool | wc -l)" -gt 25 ]
                for option in $(table_names $tool); do
                        run --separate-stderr $tool --$option
                        if [[ $stderr == *"unknown option"* ]]; then echo "$tool: $option"; return 1; fi
                        [[ $page =~ --$option[^a-z-] ]] || { echo "$tool.1: $option"; return 1; }
                done
        done
}

@test "options that do not exist are refused in one line, with exit code 2" {
        for tool in shmpub shmsub; do
                for option in --frames --nonsense -X -Z --npy; do
                        try 2 $tool $option quote
                        same "$output" ""
                        same "$stderr" "$tool: unknown option '$option'. Try '$tool --help'"
                done
        done
        try 2 shmsub --format=npy quote
        has "$stderr" "human|json|csv|tsv|raw|hex|value"
        try 2 shmsub --format=frames quote
}

@test "arguments that are missing, superfluous or of the wrong kind" {
        try 2 shmsub -W
        same "$stderr" "shmsub: option '--timeout' wants an argument (DUR). Try 'shmsub --help'"
        try 2 shmsub --follow=yes quote
        has "$stderr" "takes no argument"
        for bad in x 1x 1m -1 '' 1.2.3s 1e3s inf; do
                try 2 shmsub -W "$bad" quote
                has "$stderr" "expected a duration"
        done
        for bad in 0 -1 x 1.5 '' 99999999999999999999 1KB; do
                try 2 shmsub -C "$bad" quote
                has "$stderr" "expected a whole number"
        done
        for bad in 0 -1 x '' nan inf; do
                try 2 shmpub -r "$bad" -C 1 quote bid=1
                has "$stderr" "records per second"
        done
        try 2 shmsub --color=sometimes quote
        try 2 shmsub --csv-sep=ab --format=csv quote
        try 2 shmpub -s 'a:u8' --mode 9 q a=1
}

@test "durations take all units, and seconds without one" {
        make_quote
        for duration in 1 0.5 2s 500ms 250000us 1000000ns 1min 1h; do
                try 0 shmsub -W $duration quote
        done
}

@test "a missing topic name, or nothing to publish" {
        try 2 shmsub
        has "$stderr" "a topic NAME is missing"
        try 2 shmpub
        try 2 shmpub quote
        has "$stderr" "nothing to publish"
}

@test "options that contradict each other" {
        make_quote
        while IFS='|' read -r command; do
                eval "try 2 $command </dev/null"
                has "$stderr" "--help"
        done <<'COMMANDS'
shmpub quote bid=1 -m '{}'
shmpub quote -l --csv
shmpub quote --csv --raw
shmpub --type t quote bid=1
shmpub --depth 4 quote bid=1
shmpub --sparse quote bid=1
shmpub --no-times quote bid=1
shmpub --public quote bid=1
shmpub --group 0 quote bid=1
shmpub --mode 0640 quote bid=1
shmpub --exclusive quote bid=1
shmpub --recreate quote bid=1
shmpub -s a:u8 --exclusive --recreate q a=1
shmpub -s a:u8 --public --group 0 q a=1
shmpub -s a:u8 --depth 3 q a=1
shmpub -s a:u8 --depth 131072 q a=1
shmpub -s a:u8 --mode 0666 q a=1
shmpub -s a:u8 --mode 0060 q a=1
shmpub -s a:u8 --group no-such-group q a=1
shmpub --no-header quote bid=1
shmpub --input file quote bid=1
shmpub --skip-bad quote bid=1
shmpub --raw --replace quote
shmpub --raw --truncate quote
shmpub --raw --bytes=hex quote
shmpub --raw --bytes=array quote
shmpub --latest -l quote
shmpub --latest -r 1 -C 1 quote bid=1
shmpub --forever -l quote
shmpub --forever -C 1 quote bid=1
shmpub -C 1 --hold quote
shmpub -r 1 quote bid=1
shmsub --format=json -p x quote
shmsub -p x quote bid
shmsub -N quote
shmsub --pretty quote
shmsub --envelope=no quote
shmsub --json-int=auto --format=csv quote
shmsub --no-header quote
shmsub --csv-sep=x quote
shmsub --bytes=hex --format=raw quote
shmsub --spin --poll 1ms -f quote
shmsub -i 1 --poll 1ms quote
shmsub -i 0 quote
shmsub --on diff quote
shmsub --owner no-such-user quote
COMMANDS
}

@test "names: with or without the slash, and what is no name" {
        shmpub -s 'a:u8' /q a=1
        same "$(value q a) $(value /q a)" "1 1"
        try 2 shmsub a/b
        same "$stderr" "shmsub: bad name 'a/b': a name has no '/' after the first character (see shmsub(1), NAMES)"
        for bad in '' / //x a/ 'a b' 'ä' 'a:b' ..; do
                try 2 env -u SEQCAST_PREFIX shmsub "$bad"
                has "$stderr" "bad name '$bad'"
                try 2 env -u SEQCAST_PREFIX shmpub -s 'a:u8' "$bad" a=1
                has "$stderr" "see shmpub(1), NAMES"
        done
        for bad in .hidden -x; do
                try 2 env -u SEQCAST_PREFIX shmsub -- "$bad"
                has "$stderr" "begins with a letter, a digit or '_'"
        done
        name=$(printf 'n%.0s' {1..200})
        try 3 env -u SEQCAST_PREFIX shmsub "$name"
        try 2 env -u SEQCAST_PREFIX shmsub "${name}n"
        has "$stderr" "at most 200 bytes"
}

@test "a prefix goes in front of every name, and is not shown" {
        make_quote
        [ -e "/dev/shm/${SEQCAST_PREFIX}quote" ]
        has "$(shmsub quote | head -n 1)" "quote  type quote"
        same "$(shmsub --json quote | jq -r .name)" quote
        try 3 env SEQCAST_PREFIX="${SEQCAST_PREFIX}other-" shmsub quote
        try 2 env SEQCAST_PREFIX=a/b shmsub quote
}

@test "names that are not portable draw a notice with -v" {
        name=n123456789012345678901234567890
        try 0 shmpub -v -s 'a:u8' $name a=1
        has "$stderr" "not portable"
        try 0 shmpub $name a=1
        same "$stderr" ""
}

@test "schemas: from a file, and what is none" {
        printf 'a:u8,b:u16\n' >"$BATS_TEST_TMPDIR/schema"
        shmpub -s "@$BATS_TEST_TMPDIR/schema" q b=7
        same "$(value q b)" 7
        try 2 shmpub -s "@$BATS_TEST_TMPDIR/missing" q b=7
        has "$stderr" "cannot read the schema"
        for bad in '' a a:x 'a:u8,a:u8' 'a:u8[0]' 'a:u64@1000;size=8'; do
                try 2 shmpub -s "$bad" none a=1
                has "$stderr" "bad schema: "
        done
}

@test "type names: the topic's, the one given, or the one in the schema" {
        shmpub -s 'a:u8' md.quote-1 a=1
        has "$(shmsub md.quote-1 | head -n 1)" "type md_quote_1"
        shmpub -s 'a:u8' --type tick b a=1
        has "$(shmsub b | head -n 1)" "type tick"
        shmpub -s 'a:u8;type=point' c a=1
        has "$(shmsub c | head -n 1)" "type point"
}

@test "permissions: 0600 unless told, 0644, 0640, whatever the umask" {
        mode() { stat -c %a "$(object "$1")"; }
        umask 077
        shmpub -s 'a:u8' a a=1; same "$(mode a)" 600
        shmpub -s 'a:u8' --public b a=1; same "$(mode b)" 644
        shmpub -s 'a:u8' --group "$(id -g)" c a=1; same "$(mode c)" 640
        shmpub -s 'a:u8' --mode 0640 d a=1; same "$(mode d)" 640
}

@test "-q keeps quiet; the exit code says it" {
        try 3 shmsub -q nothing
        same "$stderr" ""
        try 2 shmpub -q -s 'a:u8' q a=x
        same "$stderr" ""
}

@test "colour: never in a pipe, always if told" {
        make_quote
        [[ $(shmsub quote) != *$'\033'* ]]
        [[ $(shmsub --color=always quote) == *$'\033[1mquote'* ]]
        [[ $(shmsub --color=never quote) != *$'\033'* ]]
        try 3 shmsub --color=always nothing
        [[ $stderr == *$'\033'* ]]
}

@test "SEQCAST_DEBUG tells more, and only then" {
        make_quote
        SEQCAST_DEBUG=1 try 0 shmsub quote
        has "$stderr" "debug: "
        has "$stderr" "$SEQCAST_PREFIX"
        SEQCAST_DEBUG=0 try 0 shmsub quote
        same "$stderr" ""
}

@test "where the memory is: what cannot be had is told, and done without" {
        try 0 shmpub -s "$quote" --prefault quote bid=1 ask=2 qty=3 sym=ES
        [[ $stderr != *'not supported here'* ]] || skip "$stderr"
        same "$stderr" ''
        try 0 shmpub --huge-pages=transparent quote bid=2
        has "$stderr" 'no huge pages: a segment of '
        try 0 shmpub -q --huge-pages=transparent quote bid=3
        same "$stderr" ''
        try 0 shmsub --prefault --format=value quote bid
        same "$output" 3
        same "$stderr" ''
        try 0 shmsub --huge-pages --format=value quote bid
        same "$output" 3
        has "$stderr" 'no huge pages: a segment of '
}

@test "where the memory is: locked as far as the limit goes" {
        [[ $bin != *[-+]@(address|thread)* ]] || skip "sanitizers answer mlock() themselves"
        make_quote
        ulimit -l 0 || skip "the limit cannot be changed"
        without() { "$@"; }
        if [ "$(id -u)" = 0 ]; then
                without() { setpriv --inh-caps -ipc_lock --bounding-set -ipc_lock "$@"; }
                without true || skip "no right to give up rights"
        fi
        try 0 without shmsub --lock-memory --format=value quote bid
        [[ $stderr != *'not supported here'* ]] || skip "$stderr"
        has "$stderr" 'RLIMIT_MEMLOCK lets this process lock 0 bytes'
        try 0 without shmpub --lock-memory quote bid=5
        has "$stderr" 'RLIMIT_MEMLOCK lets this process lock 0 bytes'
        same "$(value quote bid)" 5
}

@test "where the memory is: what does not go together" {
        try 2 shmpub -s "$quote" --huge-pages=hugetlb quote bid=1
        has "$stderr" 'needs --sealed'
        try 2 shmpub -s "$quote" --huge-pages=enormous quote bid=1
        try 2 shmsub --any-owner --prefault quote
        has "$stderr" 'maps nothing'
}
