# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# shmpub from a stream: JSON lines, CSV, raw; bad records; pacing.
load helpers

everything='a:i8,b:u8,c:i16,d:u16,e:i32,f:u32,g:i64,h:u64,i:f32,j:f64,k:bool,s:char[8],w:f32[3],n:u8[4],x:i64[2]'
extremes='a=-128 b=255 c=-32768 d=65535 e=-2147483648 f=4294967295 g=-9223372036854775808
        h=18446744073709551615 i=1e-45 j=5e-324 k=true w=nan,inf,-inf n=0,1,254,255 x=9223372036854775807,-1'

make_extremes() {
        shmpub -s "$everything" from $extremes 's="é,\\'
        shmpub -s "$everything" to a=0
}

raw() {
        shmsub --format=raw "$1" | od -An -tx1
}

@test "JSON out is JSON in, for every type at its extremes" {
        make_extremes
        shmsub --json from | shmpub -l to
        same "$(raw to)" "$(raw from)"
}

@test "a stream with -s creates the topic with its first record" {
        shmpub -s "$quote" json -l <<<'{"bid":1}'
        shmpub -s "$quote" csv --csv <<<$'bid\n2'
        printf '\3\0\0\0' | shmpub -s 'a:u32' raw --raw
        same "$(value json bid) $(value csv bid) $(value raw a)" "1 2 3"
        shmpub -s "$quote" json -l <<<'{"ask":4}'
        same "$(value json bid) $(value json ask)" "1 4"
}

@test "JSON without the envelope is read, too" {
        make_extremes
        shmsub --json --envelope=no from | shmpub -j to
        same "$(raw to)" "$(raw from)"
}

@test "JSON with 64-bit integers as text is read back exactly" {
        make_extremes
        for style in string auto number; do
                shmpub to g=0 h=0
                shmsub --json --json-int=$style from | shmpub -l to
                same "$(raw to)" "$(raw from)"
        done
        same "$(shmsub --json --json-int=string from | jq -r '.data.h, (.seq | type)')" $'18446744073709551615\nstring'
}

@test "CSV out is CSV in, for every type at its extremes" {
        make_extremes
        shmsub --format=csv from | shmpub --csv to
        same "$(raw to)" "$(raw from)"
        shmpub to --replace a=0
        shmsub --format=tsv from | shmpub --csv='\t' to
        same "$(raw to)" "$(raw from)"
}

@test "raw out is raw in" {
        make_extremes
        shmsub --format=raw from | shmpub --raw to
        same "$(raw to)" "$(raw from)"
}

@test "bytes as hex and base64 survive JSON and CSV; so does text that is no UTF-8" {
        shmpub -s 'n:u8[4],s:char[4]' from n=0,1,254,255 's=\xff\x00\x00\x00'
        for style in hex base64; do
                shmpub -s 'n:u8[4],s:char[4]' to n=0,0,0,0 s=
                shmsub --json --bytes=$style from | shmpub -l --bytes=$style to
                same "$(raw to)" "$(raw from)"
                shmpub to n=0,0,0,0 s=
                shmsub --format=csv --bytes=$style from | shmpub --csv --bytes=$style to
                same "$(raw to)" "$(raw from)"
        done
}

@test "negative zero keeps its sign through JSON" {
        shmpub -s 'd:f64' q d=-0
        shmpub -s 'd:f64' to d=1
        shmsub --json q | shmpub -l to
        same "$(value to d)" -0
        shmpub -l to <<<'{"d":-0}'
        same "$(value to d)" -0
}

@test "an integer beyond 64 bits is an error, never clamped" {
        shmpub -s 'u:u64,i:i64,d:f64' q u=1 i=1
        for bad in 18446744073709551616 99999999999999999999999999999999999999; do
                try 9 shmpub -l q <<<"{\"u\":$bad}"
                same "$stderr" "shmpub: line 1: u: $bad does not fit u64 (0..18446744073709551615)"
        done
        try 9 shmpub -l q <<<'{"i":-9223372036854775809}'
        try 9 shmpub -l q <<<'{"i":9223372036854775808}'
        same "$(value q u) $(value q i)" "1 1"
        shmpub -l q <<<'{"u":18446744073709551615,"i":-9223372036854775808,"d":100000000000000000000}'
        same "$(value q u) $(value q i) $(value q d)" "18446744073709551615 -9223372036854775808 1e+20"
}

@test "JSON values of the wrong kind are refused" {
        shmpub -s 'i:i32,f:f32,b:bool,s:char[4],w:u8[2]' q i=1
        for bad in '"i":1.5' '"i":1.0' '"i":1e1' '"i":true' '"i":null' '"i":[1]' '"i":{}' '"i":"x"' \
                '"i":3000000000' '"f":1e39' '"f":"abc"' '"b":2' '"b":"maybe"' '"s":1' '"s":"12345"' \
                '"s":"a\u0000b"' '"w":1' '"w":[1]' '"w":[1,2,3]' '"w":[1,256]' '"w":"0102"' '"zz":1'; do
                try 9 shmpub -l q <<<"{$bad}"
                has "$stderr" "shmpub: line 1: "
        done
        same "$(shmsub -p '%{@seq}' q)" 1
}

@test "NaN and infinities as JSON text" {
        shmpub -s 'f:f32,d:f64' q f=0
        shmpub -l q <<<'{"f":"-Infinity","d":"NaN"}'
        same "$(value q f) $(value q d)" "-inf nan"
}

@test "what is not a JSON object is refused with its line number" {
        make_quote
        for bad in '{' '[]' '3' '"x"' '{"bid":1}}' "{'bid':1}" '{"bid":1,}' '{"bid":01}' 'nonsense' \
                '{"$shm":1,"name":"q"}' '{"$shm":1,"data":[]}'; do
                try 9 shmpub -l quote <<<$'{"bid":5}\n'"$bad"
                has "$stderr" "shmpub: line 2: "
        done
}

@test "the message for an unknown field is the documented one" {
        make_quote
        try 9 shmpub -l quote < <(yes '{"bid":1}' | head -n 16; echo '{"bidd":1}')
        same "$stderr" "shmpub: line 17: field 'bidd' is not in the schema (did you mean 'bid'?)"
        try 9 shmpub -l quote < <(yes '{"bid":1}' | head -n 16; echo '{"qty":4294967296}')
        same "$stderr" "shmpub: line 17: qty: 4294967296 does not fit u32 (0..4294967295)"
}

@test "records before a bad one are published, those after it are not" {
        make_quote
        try 9 shmpub -l quote <<<$'{"bid":1}\n{"bid":2}\n{"bid":"x"}\n{"bid":4}'
        same "$(value quote bid)" 2
}

@test "--skip-bad counts bad records and goes on" {
        make_quote
        try 0 shmpub -v --skip-bad -l quote <<<$'{"bid":1}\n{"bid":"x"}\nnonsense\n{"bid":4}'
        same "$(value quote bid)" 4
        has "$stderr" "published 2 records"
        has "$stderr" "2 rejected"
}

@test "a last line without a newline counts; empty lines do not" {
        make_quote
        printf '{"bid":1}\n\n  \n{"bid":2}' | shmpub -l quote
        same "$(value quote bid) $(shmsub -p '%{@seq}' quote)" "2 3"
        printf 'bid\n3\n\n4' | shmpub --csv quote
        same "$(value quote bid) $(shmsub -p '%{@seq}' quote)" "4 5"
}

@test "carriage returns at line ends do no harm" {
        make_quote
        printf '{"bid":1}\r\n' | shmpub -l quote
        printf 'bid,sym\r\n2,AB\r\n' | shmpub --csv quote
        same "$(value quote bid) $(value quote sym)" "2 AB"
}

@test "CSV quoting: separators, quotes and newlines inside a cell" {
        shmpub -s 's:char[16],n:i32' q n=0
        printf 's,n\n"a,b ""c""",1\n"two\nlines",2\n' | shmpub --csv q -C 1
        same "$(value q s) $(value q n)" 'a,b "c" 1'
        printf 's,n\n"a,b ""c""",1\n"two\nlines",2\n' | shmpub --csv q
        same "$(value q s) $(value q n)" 'two\x0alines 2'
        same "$(shmsub --format=csv --no-header q | cut -d, -f3-)" 'two\x0alines,2'
        shmpub q 's= a,"b" '
        same "$(shmsub --format=csv --no-header q | cut -d, -f3-)" '" a,""b"" ",2'
}

@test "CSV: separators, headers, and their errors" {
        make_quote
        printf 'ask;bid\n1;2\n' | shmpub --csv=';' quote
        same "$(value quote ask) $(value quote bid)" "1 2"
        printf '3,4,5,ABC\n' | shmpub --csv --no-header quote
        same "$(value quote bid) $(value quote sym)" "3 ABC"
        try 9 shmpub --csv quote <<<$'bid,ask\n1'
        same "$stderr" "shmpub: line 2: 1 column, expected 2"
        try 9 shmpub --csv quote <<<$'bid,bidd\n1,2'
        same "$stderr" "shmpub: line 1: field 'bidd' is not in the schema (did you mean 'bid'?)"
        try 9 shmpub --csv quote <<<$'bid,bid\n1,2'
        try 9 shmpub --csv quote <<<$'sym\n"open'
        has "$stderr" "never closed"
        try 9 shmpub --csv quote <<<$'sym\n"a"b'
        has "$stderr" "behind a closing quote"
        try 9 shmpub --csv quote <<<$'bid\n1.5'
        has "$stderr" "line 2: bid: '1.5' is not an integer (i64)"
}

@test "CSV: what can be no separator" {
        make_quote
        for bad in '"' $'\n' $'\r' '' ab 'ä'; do
                try 2 shmpub --csv="$bad" quote <<<'bid'
                has "$stderr" "expected one character"
                try 2 shmsub --format=csv --csv-sep="$bad" quote
                has "$stderr" "expected one character"
        done
        shmpub --csv=$'\t' quote <<<$'bid\task\n7\t8'
        same "$(shmsub --format=csv --no-header --csv-sep='\t' quote bid ask | cut -f3-)" $'7\t8'
}

@test "CSV: columns seq and t_ns of shmsub are passed over, unless they are fields" {
        make_quote
        printf 'seq,t_ns,bid\n9,9,42\n' | shmpub --csv quote
        same "$(value quote bid)" 42
        shmpub -s 'seq:u32' q seq=1
        printf 'seq\n9\n' | shmpub --csv q
        same "$(value q seq)" 9
        shmsub --format=csv q | shmpub --csv q
        same "$(value q seq) $(shmsub -p '%{@seq}' q)" "9 3"
        shmpub -s 'a:u8,seq:u32,t_ns:u32' both a=1 seq=2 t_ns=3
        shmpub -s 'a:u8,seq:u32,t_ns:u32' copy a=0
        shmsub --format=csv both | shmpub --csv copy
        same "$(shmsub -p '%{a} %{seq} %{t_ns}' copy)" "1 2 3"
        printf 'seq,t_ns\n7,8\n' | shmpub --csv copy
        same "$(shmsub -p '%{a} %{seq} %{t_ns}' copy)" "1 7 8"
}

@test "raw: a record that is not whole is an error" {
        shmpub -s 'a:u32' q a=1
        try 9 shmpub --raw q < <(printf '\1\0\0\0\2\0\0\0\3\0')
        same "$stderr" "shmpub: record 3: 2 bytes, a record has 4"
        same "$(value q a)" 2
}

@test "-m is a whole record as JSON; its errors are usage errors" {
        shmpub -s "$quote" quote -m '{"bid":1,"sym":"AB"}'
        same "$(value quote bid) $(value quote sym)" "1 AB"
        try 2 shmpub quote -m '{"bid":1.5}'
        same "$stderr" "shmpub: bid: '1.5' is not an integer (i64)"
        try 2 shmpub quote -m '[]'
}

@test "streams keep what they do not name, unless --replace" {
        make_quote
        shmpub -l quote <<<'{"bid":1}'
        same "$(value quote ask)" 101
        shmpub -l --replace quote <<<'{"bid":2}'
        same "$(value quote bid) $(value quote ask)" "2 0"
}

@test "--input reads a file; a missing one is an error" {
        make_quote
        echo '{"bid":77}' >"$BATS_TEST_TMPDIR/in"
        shmpub -l --input "$BATS_TEST_TMPDIR/in" quote
        same "$(value quote bid)" 77
        try 1 shmpub -l --input "$BATS_TEST_TMPDIR/missing" quote
        has "$stderr" "cannot read"
        echo '{"bid":78}' | shmpub -l --input - quote
        same "$(value quote bid)" 78
}

@test "-C stops a stream, and repeats a record" {
        make_quote
        yes '{"bid":9}' | shmpub -l -C 4 quote
        same "$(shmsub -p '%{@seq}' quote)" 5
        shmpub -C 10 quote bid=%n
        same "$(shmsub -p '%{@seq} %{bid}' quote)" "15 10"
}

@test "--rate paces records, and a stream at most so fast" {
        make_quote
        start=$(date +%s%N)
        shmpub -r 100 -C 21 quote bid=%n
        [ $(($(date +%s%N) - start)) -ge 195000000 ]
        start=$(date +%s%N)
        yes '{"bid":1}' | head -n 11 | shmpub -i 10ms -l quote
        [ $(($(date +%s%N) - start)) -ge 95000000 ]
        same "$(shmsub -p '%{@seq}' quote)" 33
}

@test "--latest: the newest of what came meanwhile is published, the last one for sure" {
        make_quote
        seq 1 500 | sed 's/.*/{"bid":&}/' | shmpub -l --latest -i 50ms quote
        same "$(value quote bid)" 500
        [ "$(shmsub -p '%{@seq}' quote)" -lt 100 ]
}

@test "-v sums up" {
        make_quote
        try 0 shmpub -v -C 3 quote bid=1
        [[ $stderr =~ ^"shmpub: published 3 records in "[0-9.]+" s ("[0-9.]+"/s), 0 rejected"$ ]]
}

@test "a stream can be copied from topic to topic as it changes" {
        make_quote
        shmpub -s "$quote" copy bid=0
        { shmsub -f -C 50 -W 20 --json quote | shmpub -l copy; } 3>&- &
        copier=$!
        background shmpub -i 5ms --forever quote bid=%n
        wait "$copier"
        same "$(shmsub -p '%{@seq}' copy)" 51
        [ "$(value copy bid)" -ge 49 ]
}

@test "a standard input that was closed is a failure, not an empty stream" {
        make_quote
        try 1 bash -c 'shmpub -l quote <&-'
        has "$stderr" "cannot read"
}

@test "a schema file without an end is read as far as a schema can be long" {
        try 2 timeout 10 shmpub -s @/dev/zero endless a=1
}
