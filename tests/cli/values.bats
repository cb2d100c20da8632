# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# FIELD=VALUE: what is a value, what is refused, and that refused means nothing happened.
load helpers

@test "fields that are not named keep their value" {
        make_quote
        shmpub quote bid=7
        same "$(shmsub --format=csv --no-header quote bid ask qty sym | cut -d, -f3-)" 7,101,5,ES
}

@test "--replace makes fields that are not named zero" {
        make_quote
        shmpub --replace quote bid=7
        same "$(shmsub --format=csv --no-header quote bid ask qty sym | cut -d, -f3-)" 7,0,0,
}

@test "integers go to the ends of their range, and not one beyond" {
        shmpub -s 'a:i8,b:u8,c:i16,d:u16,e:i32,f:u32,g:i64,h:u64' all a=0
        while read -r field least most below above; do
                shmpub all "$field=$least"; same "$(value all "$field")" "$least"
                shmpub all "$field=$most"; same "$(value all "$field")" "$most"
                try 2 shmpub all "$field=$below"
                has "$stderr" "$field: $below does not fit"
                has "$stderr" "($least..$most)"
                try 2 shmpub all "$field=$above"
                has "$stderr" "$field: $above does not fit"
                same "$(value all "$field")" "$most"
        done <<'ROWS'
a -128 127 -129 128
b 0 255 -1 256
c -32768 32767 -32769 32768
d 0 65535 -1 65536
e -2147483648 2147483647 -2147483649 2147483648
f 0 4294967295 -1 4294967296
g -9223372036854775808 9223372036854775807 -9223372036854775809 9223372036854775808
h 0 18446744073709551615 -1 18446744073709551616
ROWS
}

@test "the message for a value out of range is the documented one" {
        shmpub -s 'bid:i32' q bid=1
        try 2 shmpub q bid=3000000000
        same "$stderr" "shmpub: bid: 3000000000 does not fit i32 (-2147483648..2147483647)"
}

@test "hexadecimal and binary integers" {
        shmpub -s 'a:u16,b:i8' q a=0xBEEF b=-0b101
        same "$(value q a) $(value q b)" "48879 -5"
        try 2 shmpub q a=0x10000
        try 2 shmpub q a=0x
        try 2 shmpub q a=0b12
}

@test "what is no integer is refused" {
        make_quote
        for bad in 1.5 1e3 '' ' 1' '1 ' one 0y1 --1 true nan; do
                try 2 shmpub quote "bid=$bad"
                has "$stderr" "'$bad' is not an integer (i64)"
        done
        same "$(value quote bid)" 100
        same "$(shmsub -p '%{@seq}' quote)" 1
}

@test "floats: extremes, denormals, infinities and NaN come back as they went in" {
        shmpub -s 'd:f64,f:f32' q d=0
        for number in 0.1 -0 5e-324 2.2250738585072014e-308 1.7976931348623157e+308 inf -inf nan 123456789.12345679; do
                shmpub q "d=$number"; same "$(value q d)" "$number"
        done
        for number in 0.1 1e-45 1.1754944e-38 3.4028235e+38 inf -inf nan 16777216; do
                shmpub q "f=$number"; same "$(value q f)" "$number"
        done
        shmpub q d=0x1p-3; same "$(value q d)" 0.125
        shmpub q d=Infinity; same "$(value q d)" inf
}

@test "f32 is rounded once, from the digits given" {
        shmpub -s 'f:f32' q f=1.00000017881393432617187499
        same "$(value q f)" 1.0000001
}

@test "floats beyond the type are refused, not made infinite" {
        shmpub -s 'd:f64,f:f32' q d=1 f=1
        try 2 shmpub q f=3.5e38
        has "$stderr" "f: 3.5e38 does not fit f32"
        try 2 shmpub q d=1e309
        has "$stderr" "d: 1e309 does not fit f64"
        for bad in 1.2.3 1e '' 'nan(1)' 0x ' 1' 1,5; do
                try 2 shmpub q "d=$bad"
                has "$stderr" "is not a number (f64)"
        done
        same "$(value q d) $(value q f)" "1 1"
}

@test "bool takes true, false, 1 and 0" {
        shmpub -s 'b:bool' q b=true; same "$(value q b)" true
        shmpub q b=0; same "$(value q b)" false
        shmpub q b=1; same "$(value q b)" true
        try 2 shmpub q b=2
        try 2 shmpub q b=yes
        same "$(value q b)" true
}

@test "text: empty, full, too long, cut by --truncate" {
        make_quote
        shmpub quote sym=; same "$(value quote sym)" ""
        shmpub quote sym=ABCDEFGH; same "$(value quote sym)" ABCDEFGH
        try 2 shmpub quote sym=ABCDEFGHI
        has "$stderr" "sym: 'ABCDEFGHI' is 9 bytes, too long for char[8]"
        has "$stderr" "--truncate"
        shmpub --truncate quote sym=123456789; same "$(value quote sym)" 12345678
}

@test "--truncate does not cut a character in two" {
        make_quote
        shmpub --truncate quote sym=1234567ü; same "$(value quote sym)" 1234567
        shmpub quote sym=123456ü; same "$(value quote sym)" 123456ü
}

@test "shorter text leaves nothing of the longer one behind" {
        make_quote
        shmpub quote sym=ABCDEFGH
        shmpub quote sym=X
        same "$(shmsub --format=raw quote sym | od -An -tx1 | tr -d ' \n')" 5800000000000000
}

@test "text with backslashes, controls and no UTF-8 is read back as it was printed" {
        shmpub -s 't:char[16]' q 't=a\x00\x00'
        shmpub q 't=\x1b[m\\ \xff\x07é'
        printed=$(value q t)
        same "$printed" '\x1b[m\\ \xff\x07é'
        shmpub q "t=$printed"
        same "$(value q t)" "$printed"
        same "$(shmsub --format=raw q | od -An -tx1 | tr -d ' \n')" 1b5b6d5c20ff07c3a900000000000000
        try 2 shmpub q 't=a\x00b'
        has "$stderr" "zero byte"
}

@test "arrays: all of them, or one element" {
        shmpub -s 'w:f32[3],n:u8[2]' q w=1,2.5,-3 n=1,255
        same "$(value q w) $(value q n)" "1,2.5,-3 1,255"
        shmpub q 'w[1]=7'
        same "$(value q w)" 1,7,-3
        same "$(value q 'w[1]')" 7
        try 2 shmpub q w=1,2
        has "$stderr" "w: 2 values given for f32[3]"
        try 2 shmpub q w=1,2,3,4
        try 2 shmpub q w=1,,3
        try 2 shmpub q n=1,256
        has "$stderr" "n: 256 does not fit u8"
        try 2 shmpub q 'w[3]=1'
        has "$stderr" "beyond the end"
        same "$(value q w)" 1,7,-3
}

@test "dotted names" {
        shmpub -s 'pos.x:f64,pos.y:f64,leg[1].id:u8' q pos.x=1 pos.y=2 'leg[1].id=3'
        same "$(value q pos.y) $(value q 'leg[1].id')" "2 3"
        same "$(shmsub --json q | jq -c .data)" '{"pos.x":1,"pos.y":2,"leg[1].id":3}'
}

@test "u8[n] as hex and base64" {
        shmpub --bytes=hex -s 'id:u8[4]' q id=00ff10aB
        same "$(value q id)" 0,255,16,171
        same "$(shmsub --format=value --bytes=hex q)" 00ff10ab
        same "$(shmsub --format=value --bytes=base64 q)" AP8Qqw==
        shmpub --bytes=base64 q id=AQIDBA==
        same "$(value q id)" 1,2,3,4
        try 2 shmpub --bytes=hex q id=010203
        has "$stderr" "3 bytes, expected 4"
        try 2 shmpub --bytes=hex q id=xx020304
        has "$stderr" "is not hex"
        try 2 shmpub --bytes=base64 q id=AQID
        try 2 shmpub --bytes=base64 q 'id=AQ=DBA=='
}

@test "an unknown field is an error with a suggestion" {
        make_quote
        try 2 shmpub quote bidd=1
        same "$stderr" "shmpub: field 'bidd' is not in the schema (did you mean 'bid'?)"
        try 2 shmpub quote zebra=1
        same "$stderr" "shmpub: field 'zebra' is not in the schema"
        try 2 shmpub quote bid
        has "$stderr" "'bid' is not FIELD=VALUE"
}

@test "one bad value among good ones: nothing at all is published" {
        make_quote
        try 2 shmpub quote bid=1 ask=2 qty=-1
        same "$(shmsub --format=csv --no-header quote bid ask qty | cut -d, -f1,3-)" 1,100,101,5
}

@test "a bad value does not create a segment that was not there" {
        try 2 shmpub -s "$quote" quote bid=x
        [ ! -e "$(object quote)" ]
        try 2 shmpub -s "$quote" quote -m '{"bid":1.5}'
        [ ! -e "$(object quote)" ]
        try 9 shmpub -s "$quote" quote -l <<<'{"bid":"x"}'
        [ ! -e "$(object quote)" ]
        try 9 shmpub -s "$quote" quote --csv <<<'bid,nonsense'
        [ ! -e "$(object quote)" ]
}

@test "templates: %n counts from 1, %t is now, %r is in [0, 1), %% is a percent sign" {
        shmpub -s 'n:u32,t:i64,r:f64,s:char[8]' -C 3 q n=%n t=%t r=%r 's=%n%%'
        same "$(value q n) $(value q s)" "3 3%"
        now=$(date +%s%N)
        [ "$(value q t)" -le "$now" ] && [ "$(value q t)" -gt $((now - 60000000000)) ]
        shmsub --where 'r>=0' q r >/dev/null
        shmsub --where 'r<1' q r >/dev/null
        try 2 shmpub q s=%q
        has "$stderr" "unknown template '%q'"
        try 2 shmpub q s=100%
}

@test "%r differs from record to record" {
        shmpub -s 'r:f64[2]' q r=%r,%r
        [ "$(value q 'r[0]')" != "$(value q 'r[1]')" ]
}

@test "a template that outgrows its field stops there, and what was published stays" {
        shmpub -s 'n:u8' q n=250
        try 2 shmpub -C 10 q n=25%n
        has "$stderr" "n: 256 does not fit u8"
        same "$(value q n)" 255
}

@test "more fields than fit one call are still one publication" {
        schema=$(for i in {1..200}; do printf 'f%d:u8,g%d:u32,' "$i" "$i"; done)
        values=$(for i in {1..200}; do printf 'f%d=%d ' "$i" "$i"; done)
        shmpub -s "${schema%,}" q $values
        same "$(value q f1),$(value q f117),$(value q f200)" 1,117,200
        same "$(shmsub --json q | jq '.seq, (.data | length), .data.f150')" $'1\n400\n150'
        same "$(shmsub --json q $(for i in {1..200}; do echo "f$i"; done) | jq '[.data[]] | add')" 20100
}
