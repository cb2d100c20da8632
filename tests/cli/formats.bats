# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# What shmsub prints, in each format.
load helpers

@test "human: one table" {
        make_quote
        try 0 shmsub quote
        [[ ${lines[0]} =~ ^"quote  type quote  seq 1  age "[0-9.]+" "[a-z]+"  writer "[0-9]+" (shmpub) left"$ ]]
        same "${lines[1]}" '  bid  i64      100'
        same "${lines[4]}" '  sym  char[8]  "ES"'
        same "${#lines[@]}" 5
}

@test "human: one line per record when following" {
        make_quote
        try 0 shmsub -f -C 1 quote
        [[ $output =~ ^[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}" seq=1 bid=100 ask=101 qty=5 sym=\"ES\""$ ]]
}

@test "human: hints, arrays, long arrays, quotes" {
        shmpub -s 'a:u32/hex,b:i64/time,c:i64/dur,d:f32/unit("mV"),e:f32[3],f:u8[100],g:char[8],h:i16/hex' q \
                a=0xbeef b=1795379238045223001 c=1300000 d=1.5 e=1,2.5,nan 'g=a"\\b' h=-1
        try 0 shmsub q a b c d e g h
        has "$output" "0x0000beef"
        has "$output" "2026-11-22T20:27:18.045223001Z"
        has "$output" "1.3 ms"
        has "$output" "1.5 mV"
        has "$output" "[1, 2.5, nan]"
        has "$output" '"a\"\\b"'
        has "$output" "0xffff"
        has "$(shmsub q f)" ", ... 100 in all]"
}

@test "json: the envelope, key by key" {
        make_quote
        try 0 shmsub --json quote
        same "${#lines[@]}" 1
        same "$(jq -c keys_unsorted <<<"$output")" '["$shm","name","seq","skipped","t","t_ns","age_ns","incarnation","writer","data"]'
        same "$(jq -c '[."$shm", .name, .seq, .skipped, .writer.alive, .data]' <<<"$output")" \
                '[1,"quote",1,0,false,{"bid":100,"ask":101,"qty":5,"sym":"ES"}]'
        same "$(jq -r '.incarnation | length' <<<"$output")" 16
        [[ $(jq -r .t <<<"$output") =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z$ ]]
        [ "$(jq -r .age_ns <<<"$output")" -ge 0 ]
        t_ns=$(sed 's/.*"t_ns":\([0-9]*\).*/\1/' <<<"$output")
        same "$(date -u -d "@${t_ns::-9}.${t_ns: -9}" +%FT%T.%NZ)" "$(jq -r .t <<<"$output")"
        same "$(shmsub --json quote | jq -r .incarnation)" "$(jq -r .incarnation <<<"$output")"
}

@test "json: the data alone, pretty, and 64-bit integers as wished" {
        shmpub -s 'i:i64,u:u64,s:i32' q i=-9007199254740993 u=9007199254740992 s=1
        same "$(shmsub --json --envelope=no q)" '{"i":-9007199254740993,"u":9007199254740992,"s":1}'
        same "$(shmsub --json --envelope=no --json-int=string q)" '{"i":"-9007199254740993","u":"9007199254740992","s":1}'
        same "$(shmsub --json --envelope=no --json-int=auto q)" '{"i":"-9007199254740993","u":9007199254740992,"s":1}'
        [ "$(shmsub --json --pretty q | wc -l)" -gt 10 ]
        shmsub --json --pretty q | jq . >/dev/null
}

@test "json: floats that are no numbers, bytes that are no UTF-8, controls" {
        shmpub -s 'f:f64[4],s:char[8],t:char[8]' q f=nan,inf,-inf,0.1 's=\xff"\x07\\' 't=é\xc2\x9b\x7f'
        same "$(shmsub --json --envelope=no q f)" '{"f":["NaN","Infinity","-Infinity",0.1]}'
        same "$(shmsub --json --envelope=no q s)" '{"s":"\u00ff\"\u0007\\"}'
        same "$(shmsub --json --envelope=no q t)" '{"t":"é\u009b\u007f"}'
        same "$(shmsub --json --envelope=no --bytes=hex q s t)" '{"s":{"$hex":"ff22075c00000000"},"t":"é\u009b\u007f"}'
}

@test "json: one line per record, each whole when following" {
        make_quote
        shmpub -C 3 quote bid=%n
        background shmpub -i 5ms --forever quote bid=%n
        try 0 shmsub --json -f -C 10 -W 10 quote
        same "${#lines[@]}" 10
        for line in "${lines[@]}"; do
                same "$(jq -c '(.seq > 0) and (.data | keys_unsorted == ["bid","ask","qty","sym"])' <<<"$line")" true
        done
}

@test "json: without times, the keys are there and null" {
        shmpub --no-times -s 'a:u8' q a=1
        same "$(shmsub --json q | jq -c '[.t, .t_ns, .age_ns]')" '[null,null,null]'
        same "$(shmsub --format=csv q)" $'seq,t_ns,a\n1,,1'
        same "$(shmsub -f -C 1 q)" '- seq=1 a=1'
        same "$(shmsub -p '%{@age_us}' q)" '-'
}

@test "csv: header, arrays, separators" {
        shmpub -s 'bid:i64,w:f32[3],s:char[8]' q bid=1 w=1,2,3 s='a,"b'
        try 0 shmsub --format=csv q
        same "${lines[0]}" 'seq,t_ns,bid,w[0],w[1],w[2],s'
        [[ ${lines[1]} =~ ^1,[0-9]{19}',1,1,2,3,"a,""b"'$ ]]
        same "$(shmsub --format=csv --no-header --csv-sep=';' q | cut -d';' -f3-)" '1;1;2;3;"a,""b"'
        same "$(shmsub --format=tsv --no-header q | cut -f3-)" $'1\t1\t2\t3\t"a,""b"'
        same "$(shmsub --format=csv q 'w[1]' | head -n 1)" 'seq,t_ns,w[1]'
}

@test "csv: one header, however many records" {
        make_quote
        background shmpub -i 2ms --forever quote bid=%n
        try 0 shmsub --format=csv -C 5 -W 10 quote
        same "${#lines[@]}" 6
        same "$(grep -c seq <<<"$output")" 1
}

@test "raw: the record's bytes, or those of the fields named" {
        shmpub -s 'a:u8,b:u32,c:char[2]' q a=1 b=2 c=xy
        same "$(shmsub --format=raw q | od -An -tx1 | tr -d ' \n')" 010000000200000078790000
        same "$(shmsub --format=raw q c a | od -An -tx1 | tr -d ' \n')" 787901
}

@test "hex: as hexdump -C" {
        shmpub -s 'a:char[20]' q a=ABCDEFGHIJKLMNOPQRST
        try 0 shmsub --format=hex q
        same "${lines[0]}" '00000000  41 42 43 44 45 46 47 48  49 4a 4b 4c 4d 4e 4f 50  |ABCDEFGHIJKLMNOP|'
        same "${lines[1]}" '00000010  51 52 53 54                                       |QRST|'
}

@test "value: one bare value, for shell variables" {
        make_quote
        same "$(shmsub --format=value quote bid)" 100
        same "$(shmsub --format=value -N quote bid | od -An -c | tr -d ' ')" 100
        try 2 shmsub --format=value quote
        has "$stderr" "name one"
        try 2 shmsub --format=value quote bid ask
        shmpub -s 'only:u8' q only=3
        same "$(shmsub --format=value q)" 3
}

@test "-p: names, widths, conversions, escapes" {
        shmpub -s 'bid:i64,mid:f64,sym:char[8],mask:u16,live:bool' q bid=-42 mid=3.14159 sym=ES mask=48879 live=1
        same "$(shmsub -p '%{bid} %{mid:.2f} [%{sym:-8s}] %{@seq}' q)" '-42 3.14 [ES      ] 1'
        same "$(shmsub -p '%{bid:06d}|%{bid:+d}|%{bid:8}|%{mask:x}|%{mask:08X}|%{mask:o}' q)" '-00042|-42|     -42|beef|0000BEEF|137357'
        same "$(shmsub -p '%{mid:e} %{mid:10.3g}|%{mid:+.1f} %{bid:.1f}' q)" '3.141590e+00       3.14|+3.1 -42.0'
        same "$(shmsub -p '%{sym:.1s}%{sym:4s} %{live} %{live:d}' q)" 'E  ES true 1'
        same "$(shmsub -p 'a\tb\\c%%\e[0m' q | od -An -tx1 | tr -d ' \n')" 6109625c63251b5b306d0a
        same "$(shmsub -N -p '%{bid}\0' q | od -An -tx1 | tr -d ' \n')" 2d343200
        same "$(shmsub -p '%{@name} %{@skipped} %{@program} %{@state}' q)" 'q 0 shmpub left'
}

@test "-p: times" {
        make_quote
        [[ $(shmsub -p '%{@time:%H:%M:%S.%6N}' quote) =~ ^[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}$ ]]
        same "$(shmsub -p '%{@time:%Y-%m-%dT%H:%M:%S.%NZ}' quote | cut -c1-17)" "$(shmsub -p '%{@time}' quote | cut -c1-17)"
        sleep 0.02
        [ "$(shmsub -p '%{@age_us}' quote)" -ge 20000 ]
        [ "$(shmsub -p '%{@age_ms}' quote)" -ge 20 ]
        [[ $(shmsub -p '%{@age_s:.3f}' quote) =~ ^[0-9]+\.[0-9]{3}$ ]]
}

@test "-p: what is no format is refused" {
        make_quote
        for bad in '%' '%x' '%{bid' '%{@nonsense}' '%{bid:q}' '%{bid:.2d}' '%{sym:d}' '%{sym:.2f}' '%{bid:99999d}' '%{bid:%n}' '100%'; do
                try 2 shmsub -p "$bad" quote
                same "$output" ""
        done
        try 2 shmsub -p '%{@nonsense}' quote
        has "$stderr" "Known: @name @seq"
}

@test "fields come in the order asked for, and may come twice" {
        make_quote
        same "$(shmsub --format=csv quote sym bid sym | cut -d, -f3-)" $'sym,bid,sym\nES,100,ES'
}

@test "two readers give one publication one time" {
        make_quote
        same "$(shmsub --format=csv -i 5ms -C 5 --no-header quote | sort -u | wc -l)" 1
}
