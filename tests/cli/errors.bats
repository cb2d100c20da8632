# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Exit codes and messages: what, why, and what to do about it.
load helpers

@test "E_NOSEG: no such segment, which ones there are, and which may be meant" {
        shmpub -s 'a:u8' quotes a=1
        shmpub -s 'a:u8' trades a=1
        try 3 shmsub quote
        same "$stderr" "shmsub: /quote: no such segment. Running segments: quotes, trades. Did you mean 'quotes'? (-F waits for it)"
        try 3 shmpub quote a=1
        has "$stderr" "Did you mean 'quotes'? (-s SCHEMA creates it)"
        try 3 shmsub something-else
        [[ $stderr != *"Did you mean"* ]]
}

@test "E_NOSEG: nothing is running; what is no segment is not listed" {
        try 3 shmsub quote
        same "$stderr" "shmsub: /quote: no such segment. No segments are running. (-F waits for it)"
        echo text >"$(object text)"
        try 3 shmsub quote
        has "$stderr" "No segments are running"
}

@test "E_SCHEMA: the difference, field by field" {
        shmpub -s 'col1:i64,col2:i64' quote col1=1
        try 4 shmpub -s 'col1:i64,col2:i32@8;size=16' quote col1=2
        same "$stderr" "shmpub: /quote: schema differs: segment has col2:i64@8, you gave col2:i32@8. --recreate replaces the segment (readers will re-attach)"
        try 4 shmsub -s 'col1:i64,col2:i64,col3:u8@16' quote
        has "$stderr" "schema differs: segment has size=16, you gave col3:u8@16, size=24"
        try 4 shmpub -s 'col1:i64,col2:i64' --depth 8 quote col1=2
        has "$stderr" "depth differs"
        same "$(value quote col1)" 1
        try 0 shmsub -s 'col1:i64,col2:i64' quote
}

@test "E_SCHEMA: --type, --sparse and --no-times hold for what exists, too" {
        shmpub -s 'a:u8' --type tick q a=1
        for wrong in "--type tock|type differs: segment has 'tick', you gave 'tock'" \
                '--sparse|segment has all its memory reserved, you gave --sparse' \
                '--no-times|segment has times, you gave --no-times'; do
                try 4 shmpub -s 'a:u8' ${wrong%|*} --rm q a=2
                same "$stderr" "shmpub: /q: ${wrong#*|}. --recreate replaces the segment (readers will re-attach)"
                try 4 shmpub -s 'a:u8' ${wrong%|*} --csv q <<<$'a\n2'
                try 4 shmpub -s 'a:u8' ${wrong%|*} --hold q
                same "$(value q a) $(shmsub -p '%{@seq}' q)" "1 1"
        done
        shmpub -s 'a:u8' --type tick q a=2
        shmpub -s 'a:u8' --type tock --sparse --no-times --recreate q a=3
        shmpub -s 'a:u8' --type tock --sparse --no-times q a=4
        shmpub -s 'a:u8' q a=5
        shmpub q a=6
        same "$(value q a) $(shmsub -p '%{@seq}' q)" "6 4"
        for bad in 'struct tick' '' 1tick 'tick?' "$(printf 't%.0s' {1..64})"; do
                try 2 shmpub -s 'a:u8' --type "$bad" none a=1
                has "$stderr" "--type wants up to 63 letters"
        done
        [ ! -e "$(object none)" ]
}

@test "E_PERM: who may read, and what to do" {
        [ "$(id -u)" = 0 ] || skip "needs root, to become somebody else"
        tools=$(object tools)
        mkdir -m 755 "$tools"
        cp "$(command -v shmsub)" "$(command -v shmpub)" "$tools"
        somebody() { setpriv --reuid=65533 --regid=65533 --clear-groups "$tools/$1" "${@:2}"; }
        somebody shmsub --version >/dev/null || skip "cannot become somebody else"
        make_quote
        try 5 somebody shmsub quote
        same "$stderr" "shmsub: /quote: permission denied: mode 0600, owner uid 0; you are uid 65533. The writer can pass --mode 0640 --group G"
        try 5 somebody shmpub quote bid=1
        has "$stderr" "shmpub: /quote: permission denied: mode 0600, owner uid 0; you are uid 65533"
        chmod 644 "$(object quote)"
        try 0 somebody shmsub quote
        somebody shmpub -s 'a:u8' --public theirs a=1
        try 5 shmsub theirs
        has "$stderr" "--owner USER"
        try 0 shmsub --owner 65533 theirs
        try 5 shmpub theirs a=2
        chmod 666 "$(object quote)"
        try 5 shmsub quote
        has "$stderr" "mode 0666 lets others write it. Its owner can chmod it"
}

@test "E_DAMAGED: not a segment, truncated, damaged" {
        head -c 8192 /bin/sh >"$(object elf)"; chmod 600 "$(object elf)"
        try 6 shmsub elf
        same "$stderr" "shmsub: /elf: not a segment of this library (first bytes 7f 45 4c 46)"
        try 6 shmpub elf a=1
        has "$stderr" "--recreate"
        make_quote
        truncate -s 4096 "$(object quote)"
        try 6 shmsub quote
        same "$stderr" "shmsub: /quote: truncated: header says 8192 bytes, object has 4096. Was it resized by another program?"
        : >"$(object empty)"
        try 6 shmsub empty
}

@test "E_DAMAGED: truncated while it is being read" {
        make_quote
        background shmsub -f --spin quote bid >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
        eventually grep -q bid=100 "$BATS_TEST_TMPDIR/out"
        truncate -s 0 "$(object quote)"
        code=0; wait "$pid" || code=$?
        same "$code" 6
        has "$(cat "$BATS_TEST_TMPDIR/err")" "shmsub: /quote: truncated: header says 8192 bytes"
}

@test "E_DAMAGED: truncated while it is being published in" {
        make_quote
        background shmpub --forever -r 1000 quote bid=%n 2>"$BATS_TEST_TMPDIR/err"
        eventually shmsub -q --require-writer quote
        truncate -s 0 "$(object quote)"
        code=0; wait "$pid" || code=$?
        same "$code" 6
        has "$(cat "$BATS_TEST_TMPDIR/err")" "shmpub: /quote: truncated: header says 8192 bytes"
}

@test "E_VERSION: a newer format, and the other byte order" {
        make_quote
        poke quote 14 '\x09'
        try 7 shmsub quote
        has "$stderr" "format version"
        has "$stderr" "Upgrade the reader"
        poke quote 14 '\x01'
        poke quote 8 '\x0a\x0b\x0c\x0d'
        try 7 shmsub quote
        same "$stderr" "shmsub: /quote: written on a big-endian machine; cannot be mapped here"
        [[ $stderr != *Upgrade* ]]
}

@test "E_TIMEOUT: a segment that stays half made" {
        make_quote
        poke quote 0 '\0\0\0\0\0\0\0\0'
        try 124 shmsub -W 100ms quote
        has "$stderr" "being initialised"
        has "$stderr" "gave up (-W)"
        try 124 shmsub quote
        [[ $stderr =~ "being initialised by its creator for "[1-9][.0-9]*" s; gave up"$ ]]
}

@test "E_WRITER: a second publisher" {
        make_quote
        background shmpub --hold quote bid=7
        eventually value_is quote bid 7
        try 8 shmpub quote bid=8
        [[ $stderr =~ ^"shmpub: /quote: pid $pid (shmpub) is already the "(publisher|writer)" (last publication "[0-9]+" ms ago). One writer only; --wait-writer waits"$ ]]
        same "$(value quote bid)" 7
        try 8 shmpub --wait-writer=100ms quote bid=8
        kill -INT "$pid"
        try 0 shmpub --wait-writer=5s quote bid=8
        same "$(value quote bid)" 8
}

@test "--wait-writer waits until the other one has gone" {
        make_quote
        background shmpub --hold quote bid=7
        first=$pid
        eventually value_is quote bid 7
        background shmpub --wait-writer quote bid=8
        sleep 0.1
        same "$(value quote bid)" 7
        kill -INT "$first"
        wait "$pid"
        same "$(value quote bid)" 8
}

@test "E_WRITER: --require-writer of a publisher that left, one that died, one that lives" {
        make_quote
        try 8 shmsub --require-writer quote
        [[ $stderr =~ ^"shmsub: /quote: written by pid "[0-9]+" (shmpub), which has left; silent since "[0-9:]+" ("[0-9.]+" "[a-z]+" ago); last value is seq 1."$ ]]
        same "$output" ""
        background shmpub --hold quote bid=2
        eventually shmsub --require-writer quote
        kill -KILL "$pid"
        wait "$pid" || :
        try 8 shmsub --require-writer quote
        has "$stderr" "written by pid $pid (shmpub), which is gone"
        same "$(value quote bid)" 2
        has "$(shmsub quote)" "gone"
}

@test "E_WRITER: --max-age" {
        make_quote
        try 0 shmsub --max-age 1min quote
        sleep 0.05
        try 8 shmsub --max-age 20ms quote
        [[ $stderr == *"the value is "*" old, more than 20.0 ms; last value is seq 1."* ]]
        shmpub --no-times -s 'a:u8' untimed a=1
        try 8 shmsub --max-age 1h untimed
        has "$stderr" "cannot be known"
}

@test "E_FALSE: nothing was ever published" {
        background shmpub -s "$quote" --hold quote
        eventually [ -e "$(object quote)" ]
        try 1 shmsub quote
        same "$stderr" "shmsub: /quote: nothing has been published yet. -W DUR waits for the first record"
        try 124 shmsub -W 50ms quote
}

@test "E_FALSE: --exclusive finds it there" {
        shmpub -s 'a:u8' --exclusive q a=1
        try 1 shmpub -s 'a:u8' --exclusive q a=2
        has "$stderr" "--exclusive"
        same "$(value q a)" 1
}

@test "E_IO: no space left in /dev/shm" {
        unshare -m true 2>/dev/null || skip "cannot make a mount namespace"
        try 1 unshare -m sh -c 'mount -t tmpfs -o size=64k none /dev/shm && shmpub -s "a:u8[1000000]" big "a[0]=1"; code=$?; ls /dev/shm; exit $code'
        [[ $stderr =~ ^"shmpub: /big: no space left in /dev/shm (needs "[0-9]+" bytes; "[0-9]+" free)"$ ]]
        same "$output" ""
}

@test "E_IO: space runs out in the middle of a sparse segment, and the value stays" {
        unshare -m true 2>/dev/null || skip "cannot make a mount namespace"
        try 1 unshare -m sh -c 'mount -t tmpfs -o size=64k none /dev/shm && shmpub -s "a:u8,b:u8[1000000]" --sparse big a=7 && printf "{\"b\":[0%s]}" "$(printf ",1%.0s" $(seq 999999))" | shmpub -l big; code=$?; shmsub --format=value big a; exit $code'
        has "$stderr" "no space left in /dev/shm"
        same "$output" 7
}

@test "E_IO: standard output cannot be written" {
        [ -e /dev/full ] || skip "no /dev/full"
        make_quote
        try 1 sh -c 'shmsub quote >/dev/full'
        has "$stderr" "cannot write to standard output: No space left on device"
        try 1 sh -c 'shmsub -f -C 1 quote >/dev/full'
}

@test "-v names the id of a failure" {
        try 3 shmsub -v nothing
        [[ $stderr == *" [E_NOSEG]"* ]]
        try 2 shmsub -v a/b
        [[ $stderr == *" [E_USAGE]"* ]]
}

@test "--json: failures are one JSON object on standard error" {
        shmpub -s 'a:u8' quotes a=1
        try 3 shmsub --json quote
        same "$output" ""
        same "$(jq -c '[.error, .exit, .name, .message]' <<<"$stderr")" '["E_NOSEG",3,"quote","no such segment"]'
        has "$(jq -r .hint <<<"$stderr")" "Did you mean 'quotes'?"
        try 2 shmsub --json a/b
        same "$(jq -r .error <<<"$stderr")" E_USAGE
        try 9 shmpub --json quotes <<<'{"a":256}'
        same "$(jq -r '.error, .message' <<<"$stderr")" $'E_DATA\nline 1: a: 256 does not fit u8 (0..255)'
}

@test "unknown fields are usage errors wherever they are named" {
        make_quote
        for command in 'shmsub quote bidd' 'shmsub quote -p %{bidd}' 'shmsub --where bidd>1 quote' \
                'shmsub --until bidd>1 quote' 'shmsub -f --on bidd quote'; do
                try 2 $command
                has "$stderr" "field 'bidd' is not in the schema (did you mean 'bid'?)"
        done
}

@test "control characters in what is shown do not reach the terminal" {
        make_quote
        try 2 shmpub quote $'bid=\033[2J'
        [[ $stderr != *$'\033'* ]]
        has "$stderr" '\x1b[2J'
}
