# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# shmsub over time: following, waiting, giving up; signals and pipes.
load helpers

out() { cat "$BATS_TEST_TMPDIR/out"; }
lines_in_out() { [ "$(out | wc -l)" -ge "$1" ]; }

# follow ARGUMENT...: in the background, into out and err
follow() {
        background shmsub "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
}

# Once shmsub has said with -v that it is there, it misses nothing and hears signals.
attached() { eventually grep -q 'attached, at publication' "$BATS_TEST_TMPDIR/err"; }
waiting() { eventually grep -q 'waiting for the topic' "$BATS_TEST_TMPDIR/err"; }

# hears_int: bit 1 of what the background process catches; shmpub has no notice for waiting
hears_int() { (($(sed -n 's/^SigCgt:[[:space:]]*/0x/p' "/proc/$pid/status") & 2)); }

# ends STATUS: how the background process ended, within 20 seconds or so
ends() {
        local code=0 try
        for try in {1..1000}; do
                kill -0 "$pid" 2>/dev/null || break
                sleep 0.02
        done
        if kill -0 "$pid" 2>/dev/null; then
                echo "still running: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
                return 1
        fi
        wait "$pid" || code=$?
        same "$code" "$1"
}

# feed TOPIC: a publisher in the background, for what is written to descriptor 9. Once it has published twice
# while somebody waits, it knows that, and is silent otherwise.
feed() {
        mkfifo "$BATS_TEST_TMPDIR/feed"
        background shmpub -l --input "$BATS_TEST_TMPDIR/feed" "$1"
        exec 9>"$BATS_TEST_TMPDIR/feed"
}

# few_descriptors: $few runs a command with descriptors enough to open a topic and its next segment, but not
# to make one to wait on.
few_descriptors() {
        few="bash $BATS_TEST_TMPDIR/few"
        cat >"$BATS_TEST_TMPDIR/few" <<'SCRIPT'
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
ulimit -n 5
exec "$@"
SCRIPT
}

# has_descriptor PID KIND
has_descriptor() { ls -l "/proc/$1/fd" | grep -q "anon_inode:\[\?$2"; }
has_no_descriptor() { ! has_descriptor "$@"; }

# sleeps PID: how often it has gone to sleep
sleeps() { awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$1/status"; }

# ticks PID: the processor time it has taken, in hundredths of a second
ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }

# median FILE: of a number in each line
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

now_ns() { date +%s%N; }

@test "-f delivers every publication in order" {
        shmpub -s 'n:u64' --depth 1024 q n=0
        follow -f -C 101 -W 10 -p '%{n}' q
        eventually lines_in_out 1
        shmpub -C 100 q n=%n
        ends 0
        same "$(out)" "$(seq 0 100)"
}

@test "skipped publications are counted exactly" {
        shmpub -s 'n:u64' --depth 4 q n=0
        follow -f --poll 200ms -C 6 -W 10 --stats -v -p '%{@seq} %{@skipped}' q
        eventually lines_in_out 1
        shmpub -C 100 q n=%n
        shmpub -i 50ms -C 10 q n=1000
        ends 0
        same "$(out | awk 'NR > 1 && $1 != last + 1 + $2 { print "wrong: " $0 } { last = $1; lost += $2 } END { print (lost > 90) }')" 1
        grep -q "skipped [0-9]* publications" "$BATS_TEST_TMPDIR/err"
        lost=$(out | awk '{ lost += $2 } END { print lost }')
        grep -q "received 6, skipped $lost, retries 0, max age" "$BATS_TEST_TMPDIR/err"
}

@test "human lines show what was skipped" {
        shmpub -s 'n:u64' --depth 4 q n=0
        follow -f --poll 200ms -C 2 -W 10 q
        eventually lines_in_out 1
        shmpub -C 100 q n=%n
        ends 0
        [[ $(out | tail -n 1) =~ seq=[0-9]+" (+"[0-9]+") n=" ]]
}

@test "records are flushed one by one when following" {
        make_quote
        follow -f quote bid
        eventually lines_in_out 1
        shmpub quote bid=2
        eventually lines_in_out 2
        kill -0 "$pid"
}

@test "-C N follows until N records; -C 1 is one look" {
        make_quote
        same "$(shmsub -C 1 quote | head -n 1 | cut -d' ' -f1)" quote
        background shmpub -i 5ms --forever quote bid=%n
        try 0 shmsub -C 4 -W 10 quote bid
        same "${#lines[@]}" 4
}

@test "-W: 124 if fewer records came than asked for, 0 if there was no number" {
        make_quote
        try 124 shmsub -C 3 -W 50ms quote bid
        same "${#lines[@]}" 1
        has "$stderr" "1 of 3 records in time"
        try 0 shmsub -f -W 50ms quote bid
        try 124 shmsub -f --new -W 50ms quote bid
        has "$stderr" "no record in time"
        try 124 shmsub -W 50ms nothing
        has "$stderr" "no such segment for"
}

@test "--idle-timeout counts from the last record" {
        make_quote
        background shmpub -i 50ms -C 6 quote bid=%n
        try 0 shmsub -f --idle-timeout 400ms quote bid
        [ "${#lines[@]}" -ge 3 ]
        try 124 shmsub -C 2 --idle-timeout 50ms quote bid
}

@test "--idle-timeout and -W are never early, however shmsub waits" {
        few_descriptors
        make_quote
        while read -r how; do
                start=$(now_ns)
                code=0; bash -c "$how" >/dev/null 3>&- || code=$?
                elapsed=$(($(now_ns) - start))
                same "$how: $code" "$how: 0"
                [ $elapsed -ge 300000000 ] || { echo "$how: after $elapsed ns"; return 1; }
                [ $elapsed -lt 10000000000 ]
        done <<COMMANDS
shmsub -f --idle-timeout 300ms quote
shmsub -F --idle-timeout 300ms quote
shmsub -f --idle-timeout 300ms --spin quote
shmsub -f --idle-timeout 300ms --poll 1h quote
shmsub -f -W 300ms quote
$few shmsub -f --idle-timeout 300ms quote
COMMANDS
        start=$(now_ns)
        try 124 shmsub -F --idle-timeout 300ms nothing
        [ $(($(now_ns) - start)) -ge 300000000 ]
        has "$stderr" "no such segment for"
        has "$stderr" "(--idle-timeout)"
}

@test "--idle-timeout counts from the record, not from the sleep before" {
        make_quote
        feed quote
        follow -f --idle-timeout 600ms -p '%{@t_ns}' quote
        eventually lines_in_out 1
        sleep 0.3
        echo '{"bid":1}' >&9
        ends 0
        [ $(($(now_ns) - $(out | tail -n 1))) -ge 600000000 ]
        same "$(out | wc -l)" 2
}

@test "--new waits for the next record" {
        make_quote
        follow --new -v -W 10 -p '%{bid}' quote
        attached
        shmpub quote bid=55
        ends 0
        same "$(out)" 55
}

@test "--new while sampling ignores the present value, too" {
        make_quote
        follow --new -v -i 10ms -C 1 -W 10 -p '%{bid}' quote
        attached
        shmpub quote bid=55
        ends 0
        same "$(out)" 55
}

@test "-i and -r sample at fixed times, whether or not there is news" {
        make_quote
        start=$(date +%s%N)
        try 0 shmsub -i 20ms -C 6 -p '%{@seq}' quote
        [ $(($(date +%s%N) - start)) -ge 95000000 ]
        same "$output" "$(yes 1 | head -n 6)"
        try 0 shmsub -r 100 -C 3 -p '%{@seq}' quote
        same "${#lines[@]}" 3
        try 0 shmsub -i 10ms --on change -W 100ms -p '%{@seq}' quote
        same "$output" 1
}

@test "--on diff and --on FIELDS print only what is different" {
        shmpub -s 'a:u8,b:u8,c:u8' --depth 64 q a=1 b=1
        follow -f --on diff -p '%{a}%{b}' -W 2 q
        shmsub -f --on b,c -p '%{a}%{b}' -W 2 q >"$BATS_TEST_TMPDIR/fields" 3>&- &
        pids+=($!)
        eventually lines_in_out 1
        eventually test -s "$BATS_TEST_TMPDIR/fields"
        shmpub q a=1
        shmpub q a=2
        shmpub q b=2
        shmpub q b=2
        shmpub q c=9
        eventually lines_in_out 3
        eventually grep -q 22 "$BATS_TEST_TMPDIR/fields"
        ends 0
        wait "${pids[-1]}"
        same "$(out | tr '\n' ' ')" "11 21 22 "
        same "$(tr '\n' ' ' <"$BATS_TEST_TMPDIR/fields")" "11 22 22 "
}

@test "--where: prints what matches; 1 if the present value does not" {
        make_quote
        try 0 shmsub --where 'bid>=100' quote bid
        try 1 shmsub --where 'bid>100' quote bid
        same "$output$stderr" ""
        follow -f -v --where 'bid>150' -C 2 -W 10 -p '%{bid}' quote
        attached
        for bid in 120 160 130 170; do shmpub quote bid=$bid; done
        ends 0
        same "$(out | tr '\n' ' ')" "160 170 "
}

@test "--until ends as soon as it is true" {
        make_quote
        try 0 shmsub --until 'bid==100' -p '%{bid}' quote
        same "$output" 100
        follow -v --until 'qty == 7' -W 10 -p '%{qty}' quote
        attached
        shmpub quote qty=6
        shmpub quote qty=7
        ends 0
        same "$(out)" 7
        try 124 shmsub --until 'qty==8' -W 100ms quote
        has "$stderr" "'qty==8' did not become true in time"
        try 1 shmsub --until 'qty==8' -f -C 1 quote
}

@test "conditions compare exactly, for every type" {
        shmpub -s 'u:u64,i:i64,f:f32,d:f64,b:bool,s:char[8],w:i16[2]' q u=18446744073709551615 \
                i=-9223372036854775808 f=0.1 d=nan b=true s=ES w=1,-2
        for true in 'u==18446744073709551615' 'u>18446744073709551614' 'i<-9223372036854775807' 'f==0.1' 'd!=0' \
                'd!=nan' 'b==true' 'b==1' 's==ES' 's<ET' 's>=E' 's!=ESX' 'w[1]==-2' 'w==1,-2' 'w!=1,2' ' s == ES'; do
                [ "${true:0:1}" != ' ' ] || true=${true:1}
                try 0 shmsub --where "$true" q
        done
        for false in 'u<18446744073709551615' 'i>-9223372036854775808' 'd==nan' 'd<1' 'd>=1' 'b==0' 's<ES' 'w!=1,-2'; do
                try 1 shmsub --where "$false" q
        done
        for bad in 'u==18446744073709551616' 'u==-1' 'i==1.5' 's' 'u=1' '==3' 'w<1,2' 'w[2]==0' 'b==maybe' 's==123456789'; do
                try 2 shmsub --where "$bad" q
        done
}

@test "-F waits for a topic that is not there yet" {
        follow -F -C 1 -W 10 -v -p '%{bid}' quote
        waiting
        make_quote
        ends 0
        same "$(out)" 100
}

@test "-W alone waits for a topic, too" {
        follow -v -W 10 -p '%{bid}' quote
        waiting
        make_quote
        ends 0
        same "$(out)" 100
}

@test "-F re-attaches when the topic is recreated or replaced with another schema" {
        make_quote
        follow -F -v -W 20 -C 3 -p '%{bid}' quote
        eventually lines_in_out 1
        shmpub -s "$quote" --recreate quote bid=200
        eventually lines_in_out 2
        shmpub -s 'ask:i64,bid:i32' --recreate quote bid=300
        ends 0
        same "$(out | tr '\n' ' ')" "100 200 300 "
        grep -q "attached to the topic's new segment" "$BATS_TEST_TMPDIR/err"
}

@test "-F re-attaches when the topic was removed and comes again" {
        shmpub -s 'n:u8' q n=1
        follow -F -v -W 20 -C 3 -p '%{n}' q
        eventually lines_in_out 1
        shmpub --rm q n=2
        [ ! -e "$(object q)" ]
        eventually grep -q "was removed; waiting" "$BATS_TEST_TMPDIR/err"
        shmpub -s 'n:u8' q n=3
        ends 0
        same "$(out | tr '\n' ' ')" "1 2 3 "
}

@test "-F re-attaches when somebody unlinked the name" {
        shmpub -s 'n:u8' q n=1
        follow -F -W 20 -C 2 -p '%{n}' q
        eventually lines_in_out 1
        rm "$(object q)"
        shmpub -s 'n:u8' q n=2
        ends 0
        same "$(out | tr '\n' ' ')" "1 2 "
}

@test "-F says so when the new segment lacks a field" {
        make_quote
        follow -F -W 10 quote bid
        eventually lines_in_out 1
        shmpub -s 'ask:i64' --recreate quote ask=1
        ends 4
        has "$(cat "$BATS_TEST_TMPDIR/err")" "the topic was replaced: field 'bid' is not in the schema"
}

@test "-F -s insists on the schema after a replacement" {
        make_quote
        follow -F -s "$quote" -W 10 quote bid
        eventually lines_in_out 1
        shmpub -s 'bid:i32' --recreate quote bid=1
        ends 4
        has "$(cat "$BATS_TEST_TMPDIR/err")" "schema differs"
}

@test "-f ends when the segment is replaced, and says what follows" {
        make_quote
        follow -f -W 10 quote bid
        eventually lines_in_out 1
        shmpub -s "$quote" --recreate quote bid=200
        ends 3
        has "$(cat "$BATS_TEST_TMPDIR/err")" "replaced or removed; nothing newer comes in it. -F follows the name"
}

@test "csv prints a new header when a new segment has other columns" {
        shmpub -s 'a:u8' q a=1
        follow -F --format=csv -W 10 -C 3 q
        eventually lines_in_out 2
        shmpub -s 'a:u8' --recreate q a=2
        eventually lines_in_out 3
        shmpub -s 'b:u8' --recreate q b=3
        ends 0
        same "$(out | cut -d, -f3 | tr '\n' ' ')" "a 1 2 b 3 "
}

@test "-F sees all that becomes of a topic while it is idle" {
        make_quote
        follow -F -v -W 60 --format=value quote bid
        idle_until_line() { eventually lines_in_out "$1"; sleep 0.3; }
        idle_until_line 1
        shmpub -s "$quote" --recreate quote bid=200
        idle_until_line 2
        shmpub -s 'ask:f64,bid:i8' --recreate quote bid=3
        idle_until_line 3
        shmpub --rm quote bid=4
        idle_until_line 4
        eventually grep -q "was removed; waiting" "$BATS_TEST_TMPDIR/err"
        sleep 0.3
        shmpub -s 'bid:u64,n:u8' quote bid=5
        idle_until_line 5
        rm "$(object quote)"
        sleep 0.3
        shmpub -s 'bid:u16' quote bid=6
        idle_until_line 6
        shmpub -s 'ask:u16' --recreate quote ask=7
        ends 4
        has "$(cat "$BATS_TEST_TMPDIR/err")" "the topic was replaced: field 'bid' is not in the schema"
        same "$(out | tr '\n' ' ')" "100 200 3 4 5 6 "
}

@test "-F goes on when its publisher is killed and another one takes over" {
        make_quote
        background shmpub --hold quote bid=1
        writer=$pid
        eventually value_is quote bid 1
        follow -F -v -p '%{bid} %{@pid}' quote
        eventually lines_in_out 1
        for bid in 2 3; do
                kill -KILL "$writer"
                sleep 0.3
                background shmpub --hold quote bid=$bid
                writer=$pid
                eventually lines_in_out $bid
                same "$(out | tail -n 1)" "$bid $writer"
        done
}

@test "-F reads on what a publisher says whose topic has lost its name" {
        make_quote
        feed quote
        follow -F -v -W 20 -C 4 -p '%{bid}' quote
        eventually lines_in_out 1
        echo '{"bid":1}' >&9
        eventually lines_in_out 2
        rm "$(object quote)"
        eventually grep -q "was removed; waiting" "$BATS_TEST_TMPDIR/err"
        echo '{"bid":2}' >&9
        eventually lines_in_out 3
        shmpub -s "$quote" quote bid=3
        ends 0
        same "$(out | tr '\n' ' ')" "100 1 2 3 "
}

@test "-F -i finds the new segment, too, where nobody marked the old one" {
        make_quote
        follow -F -i 20ms -W 10 -p '%{bid}' quote
        eventually lines_in_out 1
        rm "$(object quote)"
        shmpub -s "$quote" quote bid=200
        eventually grep -q 200 "$BATS_TEST_TMPDIR/out"
}

@test "-f ends when the name is gone, and nobody is there who could publish" {
        make_quote
        feed quote
        follow -f -W 20 -p '%{bid}' quote
        eventually lines_in_out 1
        rm "$(object quote)"
        sleep 0.3
        echo '{"bid":1}' >&9
        eventually lines_in_out 2
        exec 9>&-
        ends 3
        has "$(cat "$BATS_TEST_TMPDIR/err")" "nothing newer comes in it. -F follows the name"
        same "$(out | tr '\n' ' ')" "100 1 "
}

@test "-v tells when the writer dies, and when it is back" {
        make_quote
        background shmpub --hold quote bid=1
        writer=$pid
        follow -f -v quote bid
        eventually lines_in_out 1
        kill -KILL "$writer"
        eventually grep -q "writer pid $writer (shmpub): gone" "$BATS_TEST_TMPDIR/err"
        background shmpub --hold quote bid=2
        eventually grep -q "writer pid $pid (shmpub): alive" "$BATS_TEST_TMPDIR/err"
}

@test "--require-writer and --max-age while following" {
        make_quote
        background shmpub --hold quote bid=1
        writer=$pid
        eventually shmsub -q --require-writer quote
        follow -f --require-writer quote bid
        eventually lines_in_out 1
        kill -KILL "$writer"
        ends 8
        has "$(cat "$BATS_TEST_TMPDIR/err")" "which is gone"
        shmpub quote bid=2
        follow -f --max-age 300ms quote bid
        eventually lines_in_out 1
        ends 8
        has "$(cat "$BATS_TEST_TMPDIR/err")" "more than 300 ms"
}

@test "SIGHUP, SIGINT, SIGQUIT and SIGTERM: flushed, summed up, and died by the signal" {
        make_quote
        ulimit -c 0 # SIGQUIT would leave a dump
        for signal in HUP:129 INT:130 QUIT:131 TERM:143; do
                follow -f -v quote bid
                eventually lines_in_out 1
                kill -"${signal%:*}" "$pid"
                ends "${signal#*:}"
                grep -q "received 1, skipped 0" "$BATS_TEST_TMPDIR/err"
        done
}

@test "SIGHUP, SIGINT and SIGQUIT stay ignored where they were, as in a background job" {
        make_quote
        background env --ignore-signal=HUP,INT,QUIT shmpub --hold quote bid=1
        eventually shmsub -q --require-writer quote
        kill -HUP "$pid"
        kill -INT "$pid"
        kill -QUIT "$pid"
        sleep 0.1
        kill -TERM "$pid"
        ends 143
}

@test "SIGINT ends waiting for a topic, for a first record, and for another writer, at once" {
        start=$SECONDS
        follow -F -v nothing
        waiting; kill -INT "$pid"; ends 130
        follow -W 1h -v nothing
        waiting; kill -INT "$pid"; ends 130
        background shmpub -s "$quote" --hold quote
        holder=$pid
        eventually [ -e "$(object quote)" ]
        follow -f -v quote
        attached; kill -INT "$pid"; ends 130
        background shmpub --wait-writer quote bid=1
        eventually hears_int; kill -INT "$pid"; ends 130
        pid=$holder
        kill -TERM "$pid"; ends 143
        [ $((SECONDS - start)) -lt 15 ]
}

@test "SIGINT ends an idle shmsub at once, however it waits" {
        few_descriptors
        make_quote
        start=$SECONDS
        while read -r how; do
                background $how >"$BATS_TEST_TMPDIR/out"
                eventually lines_in_out 1
                sleep 0.2
                kill -INT "$pid"
                ends 130
        done <<COMMANDS
shmsub -f quote bid
shmsub -F quote bid
shmsub -f --spin quote bid
shmsub -f --poll 1h quote bid
shmsub -i 1h quote bid
$few shmsub -f quote bid
COMMANDS
        [ $((SECONDS - start)) -lt 20 ]
}

@test "SIGINT in the middle of a stream: the publisher leaves cleanly" {
        make_quote
        background shmpub --forever -r 1000 quote bid=%n
        eventually shmsub -q --require-writer quote
        kill -INT "$pid"
        ends 130
        same "$(shmsub -p '%{@state}' quote)" left
}

@test "a stream that waits for input ends at SIGINT" {
        make_quote
        mkfifo "$BATS_TEST_TMPDIR/fifo"
        background shmpub -l --input "$BATS_TEST_TMPDIR/fifo" quote
        exec 9>"$BATS_TEST_TMPDIR/fifo"
        echo '{"bid":5}' >&9
        eventually value_is quote bid 5
        kill -INT "$pid"
        ends 130
        exec 9>&-
        same "$(shmsub -p '%{@state}' quote)" left
}

@test "a pipe that nobody reads any more ends shmsub although nothing is published" {
        few_descriptors
        make_quote
        while read -r how; do
                rm -f "$BATS_TEST_TMPDIR/code"
                # Not `... | true`: the pipe has to lose its reader while nobody writes.
                { timeout 10 bash -c "$how" || echo $? >"$BATS_TEST_TMPDIR/code"; } 3>&- | sleep 0.2
                same "$how: $(cat "$BATS_TEST_TMPDIR/code")" "$how: 141"
        done <<COMMANDS
shmsub -f quote
shmsub -F quote
shmsub -F nothing
shmsub -W 1h nothing
shmsub -f --new quote
shmsub --until 'qty==77' quote
shmsub -f --spin quote
shmsub -f --poll 1h quote
shmsub -i 1h quote
$few shmsub -f quote
COMMANDS
}

@test "head ends it, too" {
        make_quote
        background shmpub -i 1ms --forever quote bid=%n
        same "$(timeout 10 shmsub -f quote bid | head -n 3 | wc -l)" 3
}

@test "--spin delivers as well" {
        make_quote
        follow -f --spin -C 3 -W 10 -p '%{bid}' quote
        eventually lines_in_out 1
        shmpub quote bid=1
        shmpub quote bid=2
        ends 0
        same "$(out | tr '\n' ' ')" "100 1 2 "
}

# prompt COMMAND...: with this command, news is printed much sooner than by looking every 200 ms
prompt() {
        local n
        make_quote
        feed quote
        "$@" -f -p '%{@age_us}' quote >"$BATS_TEST_TMPDIR/out" 3>&- &
        pids+=("$!")
        shmsub -f --poll 200ms -p '%{@age_us}' quote >"$BATS_TEST_TMPDIR/polled" 3>&- &
        pids+=("$!")
        eventually lines_in_out 1
        eventually test -s "$BATS_TEST_TMPDIR/polled"
        for n in {1..11}; do
                sleep 0.31
                echo "{\"bid\":$n}" >&9
        done
        eventually lines_in_out 12
        eventually grep -c . "$BATS_TEST_TMPDIR/polled"
        sed -i 1d "$BATS_TEST_TMPDIR/out"
        sed -i 1d "$BATS_TEST_TMPDIR/polled"
        echo "microseconds: $(out | tr '\n' ' '); every 200 ms: $(tr '\n' ' ' <"$BATS_TEST_TMPDIR/polled")"
        [ $(($(median "$BATS_TEST_TMPDIR/out") * 3)) -lt "$(median "$BATS_TEST_TMPDIR/polled")" ]
}

@test "what is published after a silence is printed at once" {
        prompt shmsub
        is_portable || has_descriptor "${pids[-2]}" eventpoll
}

@test "without a descriptor to wait on, news is printed as soon" {
        few_descriptors
        prompt $few shmsub
        has_no_descriptor "${pids[-2]}" eventpoll
}

@test "without a descriptor to wait on, -F sees the topic change hands and come again" {
        few_descriptors
        make_quote
        background $few shmsub -F -v -p '%{bid}' quote >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
        eventually lines_in_out 1
        background shmpub --hold quote bid=1
        eventually lines_in_out 2
        kill -KILL "$pid"
        eventually grep -q "writer pid $pid (shmpub): gone" "$BATS_TEST_TMPDIR/err"
        shmpub --rm quote bid=2
        eventually grep -q "was removed; waiting" "$BATS_TEST_TMPDIR/err"
        shmpub -s "$quote" quote bid=3
        eventually lines_in_out 4
        same "$(out | tr '\n' ' ')" "100 1 2 3 "
}

# another_sleeper COMMAND...: one more, in $sleepers, that has printed something
sleepers=()
another_sleeper() {
        "$@" >"$BATS_TEST_TMPDIR/out" 3>&- &
        sleepers+=($!)
        pids+=($!)
        eventually test -s "$BATS_TEST_TMPDIR/out"
}

@test "an idle shmsub sleeps" {
        ! is_portable || skip "a portable build looks for news now and then"
        make_quote
        feed quote
        another_sleeper shmsub -f quote bid
        another_sleeper shmsub -F quote bid
        another_sleeper shmsub -f --until 'qty==77' quote bid
        another_sleeper shmsub -C 100 -W 1h quote bid
        another_sleeper shmsub -f --idle-timeout 1h --on diff quote bid
        another_sleeper shmsub -f -v --require-writer quote bid
        follow -f --new quote bid
        sleepers+=("$pid")
        eventually has_descriptor "$pid" eventpoll
        for bid in 1 2 3; do
                echo "{\"bid\":$bid}" >&9
                eventually lines_in_out $bid
                sleep 0.3
        done
        before=() taken=()
        for sleeper in "${sleepers[@]}"; do
                before+=("$(sleeps "$sleeper")")
                taken+=("$(ticks "$sleeper")")
        done
        sleep 3
        for i in "${!sleepers[@]}"; do
                woken=$(($(sleeps "${sleepers[i]}") - before[i])) busy=$(($(ticks "${sleepers[i]}") - taken[i]))
                echo "$(tr '\0' ' ' <"/proc/${sleepers[i]}/cmdline"): woken $woken times, busy for $busy hundredths"
                [ $woken -lt 10 ]
                [ $busy -lt 5 ]
        done
}

@test "an idle shmsub takes no time where there is nobody to wake it" {
        few_descriptors
        make_quote
        for how in 'shmsub -f quote' 'shmsub -F nothing' 'shmsub -W 1h nothing' "$few shmsub -f quote"; do
                background $how >/dev/null
                sleepers+=("$pid")
        done
        sleep 3
        for sleeper in "${sleepers[@]}"; do
                [ "$(ticks "$sleeper")" -lt 30 ]
        done
        is_portable || [ "$(sleeps "${sleepers[0]}")" -lt 30 ]
}

@test "-F sees another name for the segment, too, and another segment of the old one" {
        make_quote
        feed quote
        follow -F -v -W 20 -C 4 -p '%{bid}' quote
        eventually lines_in_out 1
        for bid in 1 2; do
                echo "{\"bid\":$bid}" >&9
                eventually lines_in_out $((bid + 1))
                sleep 0.3
        done
        mv "$(object quote)" "$(object quote2)"
        shmpub -s "$quote" quote bid=3
        eventually lines_in_out 4
}
