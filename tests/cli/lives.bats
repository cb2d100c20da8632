# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Lives and deaths of publishers and segments; the 4 GB record that takes kilobytes.
load helpers

@test "three numbers in a 4 GB record take kilobytes, on both sides, at once" {
        start=$SECONDS
        shmpub -s 'col1:i64,col2:i64,col3:i64;size=4000000000' --sparse MY_SHM col1=100 col2=876 col3=8021
        same "$(shmsub --format=csv --no-header MY_SHM | cut -d, -f3-)" 100,876,8021
        shmsub MY_SHM
        shmsub --json MY_SHM
        shmsub -f -C 1 MY_SHM
        shmpub MY_SHM col2=7
        same "$(value MY_SHM col2),$(value MY_SHM col3)" 7,8021
        [ "$(stat -c %s "$(object MY_SHM)")" -ge 4000000000 ]
        [ "$(du -k "$(object MY_SHM)" | cut -f1)" -lt 200 ]
        [ $((SECONDS - start)) -lt 4 ]
}

# peak_kilobytes PID: the most memory it ever had
peak_kilobytes() {
        awk '/^VmHWM/ { print $2 }' "/proc/$1/status"
}

@test "neither side of a 4 GB record ever has more than a few megabytes of memory" {
        [[ $bin != *[-+]@(address|undefined|thread)* ]] || skip "sanitizers have memory of their own"
        background shmpub -s 'a:i64,b:u8@3000000000;size=4000000000' --sparse --hold big a=1 b=2
        publisher=$pid
        eventually value_is big b 2
        background shmsub -f big >/dev/null
        sleep 0.2
        [ "$(peak_kilobytes "$publisher")" -lt 20000 ]
        [ "$(peak_kilobytes "$pid")" -lt 20000 ]
}

@test "fields at both ends of a 4 GB record" {
        shmpub -s 'first:u8,last:u8@3999999999;size=4000000000' --sparse MY_SHM first=1 last=2
        same "$(shmsub --format=csv --no-header MY_SHM | cut -d, -f3-)" 1,2
        yes '{"last":3}' | head -n 100 | shmpub -l MY_SHM
        same "$(shmsub --format=csv --no-header MY_SHM | cut -d, -f3-)" 1,3
        [ "$(du -k "$(object MY_SHM)" | cut -f1)" -lt 400 ]
}

@test "--hold keeps the writer alive until a signal, which it then dies by" {
        make_quote
        background shmpub --hold -v quote bid=2
        eventually state_is quote alive
        sleep 0.2
        kill -0 "$pid"
        kill -INT "$pid"
        code=0; wait "$pid" || code=$?
        same "$code" 130
        same "$(shmsub -p '%{bid} %{@state}' quote)" "2 left"
}

@test "--hold creates the topic even where a stream had nothing to say" {
        background shmpub -s "$quote" -l --hold quote </dev/null
        eventually state_is_unpublished
        kill -0 "$pid"
}

state_is_unpublished() {
        shmsub -q quote
        [ $? = 1 ]
}

@test "a killed publisher leaves its value; the next one goes on counting" {
        make_quote
        background shmpub --forever -r 2000 quote bid=%n
        eventually shmsub -q --require-writer quote
        kill -KILL "$pid"
        wait "$pid" || :
        same "$(shmsub -p '%{@state} %{@pid}' quote)" "gone $pid"
        seq=$(shmsub -p '%{@seq}' quote)
        [ "$seq" -gt 1 ]
        shmpub quote bid=-1
        same "$(shmsub -p '%{@seq} %{bid} %{ask}' quote)" "$((seq + 1)) -1 101"
}

@test "--rm removes the topic at the end" {
        shmpub --rm -s 'a:u8' q a=1
        [ ! -e "$(object q)" ]
        try 3 shmsub q
}

@test "--recreate begins anew at 1" {
        make_quote
        before=$(shmsub --json quote | jq -r .incarnation)
        shmpub quote bid=2
        shmpub -s "$quote" --recreate quote bid=3
        same "$(shmsub -p '%{@seq} %{ask}' quote)" "1 0"
        [ "$(shmsub --json quote | jq -r .incarnation)" != "$before" ]
}

@test "--recreate puts a segment in the place of what is none" {
        echo nonsense >"$(object q)"; chmod 600 "$(object q)"
        try 6 shmpub -s 'a:u8' q a=1
        shmpub -s 'a:u8' --recreate q a=1
        same "$(value q a)" 1
}

@test "--recreate does not push a live publisher out" {
        make_quote
        background shmpub --hold quote bid=2
        eventually shmsub -q --require-writer quote
        try 8 shmpub -s "$quote" --recreate quote bid=3
        same "$(value quote bid)" 2
}

@test "depth 1, the classic seqlock" {
        shmpub --depth 1 -s "$quote" quote bid=1
        shmpub -C 1000 quote bid=%n
        same "$(value quote bid)" 1000
}

@test "E_WRITER: depth 1, and the publisher died in mid-publication" {
        shmpub --depth 1 -s 'a:u64,b:u8' q a=1
        background shmpub --hold q a=2
        eventually value_is q a 2
        kill -KILL "$pid"
        wait "$pid" || :
        slot=$(field_at q 64 8)
        sequence=$(field_at q "$slot" 8)
        poke q "$slot" "\\x$(printf %02x $((sequence | 1)))"
        try 8 shmsub q
        same "$stderr" "shmsub: /q: the write in progress never ended (seq 3, writer pid $pid dead). Last good value is lost; the next writer repairs it."
        try 8 shmpub q a=3
        has "$stderr" "--replace publishes a whole one"
        shmpub --replace q a=4
        same "$(value q a)" 4
}

@test "records of a schema with more than 64 scattered fields are read at once" {
        schema=$(for i in {0..99}; do printf 'f%d:u8@%d,' "$i" $((i * 100)); done)
        shmpub -s "${schema%,};size=10000" q f0=1 f50=2 f99=3
        same "$(shmsub --json q | jq -c '[.data.f0, .data.f50, .data.f99, (.data | length)]')" '[1,2,3,100]'
}

@test "a record that nobody described is shown as bytes" {
        "${BUILD:-$bin}/tests/cli/publish_opaque" "${SEQCAST_PREFIX}opaque"
        has "$(shmsub opaque)" "00000000  01 02 03"
        [[ $(shmsub opaque) != *$'\033'* ]]
        same "$(shmsub --format=raw opaque | od -An -tx1 | tr -d ' ')" 010203
        same "$(shmsub --json --envelope=no opaque)" '{"$hex":"010203"}'
        has "$(shmsub -f -C 1 opaque)" "3 bytes 010203"
        try 2 shmsub --format=csv opaque
        try 2 shmsub opaque field
        try 2 shmpub opaque field=1
        has "$stderr" "only --raw"
        printf 12345678 | shmpub --raw opaque
        same "$(shmsub --format=raw opaque)" 12345678
}
