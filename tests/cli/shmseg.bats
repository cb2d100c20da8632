# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# shmseg: its verbs, and that the benchmark works. How fast it is, is no test.
load helpers


needs_shmseg() {
        type shmseg >/dev/null || skip "the tools were not built"
}

two_cpus() {
        [ "$(nproc)" -ge 2 ] || skip "this process may use one CPU only"
}

no_topics() {
        ! compgen -G "$objects*" >/dev/null
}

# of the run with this process id
no_processes() {
        ! pgrep -g "$1" >/dev/null
}

@test "help and version, of shmseg and of its verb" {
        needs_shmseg
        for command in shmseg "shmseg bench"; do
                try 0 $command --help
                same "$stderr" ""
                has "${lines[1]}" "  shmseg bench"
                [ "$(awk '{ print length }' <<<"$output" | sort -n | tail -n 1)" -le 100 ]
                try 0 $command --version
                [[ $output =~ ^"$command (Seqcast) "[0-9]+\.[0-9]+\.[0-9]+$ ]]
        done
}

@test "a verb that is not built in is a program" {
        needs_shmseg
        cat >"$BATS_TEST_TMPDIR/shmseg-greet" <<'PROGRAM'
#!/bin/sh
printf '<%s>' "$@"
exit 7
PROGRAM
        chmod +x "$BATS_TEST_TMPDIR/shmseg-greet"
        PATH=$BATS_TEST_TMPDIR:$PATH
        try 7 shmseg greet --help 'two words' -- ''
        same "$output" "<--help><two words><--><>"
        chmod -x "$BATS_TEST_TMPDIR/shmseg-greet"
}

@test "an unknown verb is refused, with a suggestion" {
        needs_shmseg
        try 2 shmseg bnch
        same "$output" ""
        same "$stderr" "shmseg: there is no verb 'bnch', and no program shmseg-bnch. Did you mean 'bench'? Try 'shmseg --help'"
        try 2 shmseg ../bench
        try 2 shmseg ''
        try 2 shmseg
        same "$stderr" "shmseg: which verb? Try 'shmseg --help'"
        try 2 shmseg --nonsense
        same "$stderr" "shmseg: unknown option '--nonsense'. Try 'shmseg --help'"
}

@test "wrong usage of bench is refused before anything is measured" {
        needs_shmseg
        while read -r arguments; do
                try 2 shmseg bench $arguments
                same "$output" ""
                [[ $stderr == "shmseg bench: "* ]]
                same "$(wc -l <<<"$stderr")" 1
        done <<'COMMANDS'
--rows raed
--rows ,
--rows read,raed
--rounds 0
--rounds 1001
--rounds x
--duration 0
--duration soon
--pin x
--pin 0,1,2
--pin 0,
--pin -1,-2
--pin 99999
--svg x.svg --rows read
--nonsense
--quick=yes
read
COMMANDS
        try 1 shmseg bench --rows read --hgrm "$BATS_TEST_TMPDIR/none/latency.hgrm"
        same "$output" ""
        try 1 sh -c 'shmseg bench --list >/dev/full'
        try 2 shmseg bench --rows raed
        has "$stderr" "Did you mean 'read'?"
        try 2 shmseg bench --json --rows raed
        same "$(jq -r .error <<<"$stderr")" E_USAGE
}

@test "each row works, and each line has ours, its limit and their ratio" {
        needs_shmseg
        two_cpus
        try 0 shmseg bench --quick --json
        same "$stderr" ""
        same "$(jq -r '."$bench", .quick' <<<"$output" | paste -sd,)" "1,true"
        jq -e '.machine | [.cpu, .kernel, .compiler, .date] | all(type == "string" and length > 0)' <<<"$output"
        jq -e '.lines | length > 50' <<<"$output"
        same "$(jq -c '.lines[] | select(([.ours.median, .ours.low, .ours.high, .limit.median, .ratio]
                                          | all(type == "number")) | not)' <<<"$output")" ""
        same "$(jq -c '.lines[] | select((.target == null) != (.met == null))' <<<"$output")" ""
        same "$(jq -c '.lines[] | select(.ours.low > .ours.median or .ours.median > .ours.high)' <<<"$output")" ""
        same "$(jq -r '.lines[].row' <<<"$output" | uniq)" "$(shmseg bench --list | cut -d' ' -f1)"
        no_topics
}

@test "for people: a table for each row, a verdict, and that a quick run is not to be believed" {
        needs_shmseg
        try 0 shmseg bench --quick --rows read,attach
        has "$output" "read: "
        has "$output" "attach: "
        has "$output" "memcpy"
        has "$output" "<= 1.10 x + 2 ns"
        [[ $output =~ [0-9]+" targets met, "[0-9]+" missed" ]]
        has "$output" "Do not believe its figures"
        has "${lines[-1]}" '`shmseg bench --quick --rows read,attach` on '
        try 0 shmseg bench --duration 300ms --rounds 1 --rows read
        [[ $output != *"Do not believe"* ]]
}

@test "--markdown: only what has a target, and where it comes from" {
        needs_shmseg
        try 0 shmseg bench --quick --markdown --rows attach,memory
        same "$(grep -c '^| attach' <<<"$output")" 1
        same "$(grep -c '^| memory' <<<"$output")" 0
        has "$output" "| row | target | measured | limit beside it | verdict |"
        has "${lines[-1]}" '`shmseg bench --quick --markdown --rows attach,memory` on '
}

@test "with one CPU, rows that need two are skipped, plainly" {
        needs_shmseg
        local cpu
        cpu=$(taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/')
        for command in "taskset -c $cpu shmseg bench" "shmseg bench --pin $cpu" "shmseg bench --pin $cpu,99999"; do
                try 0 $command --quick --rows attach,stream
                has "$output" "SKIPPED: needs two CPUs, and only CPU $cpu can be used"
                has "$output" "1 skipped"
                try 0 $command --quick --rows attach,stream --json
                same "$(jq -r '.skipped[].row' <<<"$output")" stream
                same "$(jq -r '.lines[].row' <<<"$output" | uniq)" attach
        done
}

@test "distributions are written as tables" {
        needs_shmseg
        two_cpus
        try 0 shmseg bench --quick --rows latency-sleeping --hgrm "$BATS_TEST_TMPDIR/latency.hgrm"
        ls "$BATS_TEST_TMPDIR"/latency*.hgrm
        grep -l Percentile "$BATS_TEST_TMPDIR"/latency*.hgrm
        try 1 shmseg bench --quick --rows latency-sleeping --hgrm "$BATS_TEST_TMPDIR/none/latency.hgrm"
}

@test "a signal leaves no topic and no process" {
        needs_shmseg
        two_cpus
        ulimit -c 0 # SIGQUIT would leave a dump
        for row in topics readers stream; do
                for signal in HUP INT QUIT TERM; do
                        background setsid shmseg bench --rows $row --duration 1min >/dev/null
                        eventually compgen -G "$objects*"
                        sleep 0.2
                        kill -$signal $pid
                        wait $pid && status=0 || status=$?
                        same "$status" $((128 + $(kill -l $signal)))
                        no_topics
                        eventually no_processes $pid
                done
        done
}

@test "a reader that closes the pipe ends it" {
        needs_shmseg
        shmseg bench --quick --rows read | head -n 1 >/dev/null
        no_topics
}

@test "a /dev/shm that is too small for the longer records ends it, with the reason" {
        needs_shmseg
        unshare -m true 2>/dev/null || skip "cannot make a mount namespace"
        try 1 unshare -m sh -c 'mount -t tmpfs -o size=64k none /dev/shm && shmseg bench --quick --rows read; code=$?; ls -A /dev/shm | sed "s/^/left: /"; exit $code'
        has "$output" "4 KiB"
        [[ $output != *"left: "* ]]
        [[ $stderr =~ ^"shmseg bench: row read: /"[^:]+"-read-0: no space left in shared memory"$ ]]
}
