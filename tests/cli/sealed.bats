# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Segments of owners who are not trusted, and sealed ones that are handed over a socket.
load helpers

needs_seals() {
        ! is_portable || skip "a portable build: nothing can be sealed"
}

socket_path() {
        echo "$BATS_TEST_TMPDIR/quote.sock"
}

offer() {
        needs_seals
        background shmpub -s "$quote" --sealed "$(socket_path)" "$@" quote bid=%n ask=101 qty=5 sym=ES
        eventually shmsub --from "$(socket_path)" quote
}

@test "a sealed segment is read through the socket that offers it, and has no name" {
        offer --forever -r 100
        try 0 shmsub --from "$(socket_path)" --format=value quote sym
        same "$output" ES
        try 0 shmsub --from "$(socket_path)" -f -C 20 --format=csv --no-header quote bid
        same "${#lines[@]}" 20
        [ ! -e "$(object quote)" ]
        try 3 shmsub quote
}

@test "readers of a sealed segment end when its writer has left: nobody can take it over" {
        offer -C 5 --hold
        background bash -c "exec shmsub --from '$(socket_path)' -f -v quote >'$BATS_TEST_TMPDIR/out' 2>&1"
        eventually grep -q 'bid=5' "$BATS_TEST_TMPDIR/out"
        reader=$pid
        kill -TERM "${pids[0]}"
        wait "$reader" || :
        grep -q 'bid=5' "$BATS_TEST_TMPDIR/out"
        eventually test ! -e "$(socket_path)"
        try 3 shmsub --from "$(socket_path)" quote
        has "$stderr" 'nobody offers a segment there'
}

@test "a socket that a killed writer left behind is taken over; one in use is not" {
        offer --forever -r 10
        try 8 shmpub -s "$quote" --sealed "$(socket_path)" other bid=1
        has "$stderr" 'in use'
        kill -KILL "$pid"
        wait "$pid" || :
        [ -S "$(socket_path)" ]
        try 3 shmsub --from "$(socket_path)" quote
        offer --forever -r 10
}

@test "what is no socket is not removed" {
        needs_seals
        echo precious >"$(socket_path)"
        try 8 shmpub -s "$quote" --sealed "$(socket_path)" quote bid=1
        same "$(cat "$(socket_path)")" precious
        try 3 shmsub --from "$(socket_path)" quote
        try 1 shmpub -s "$quote" --sealed "$BATS_TEST_TMPDIR/none/quote.sock" quote bid=1
        has "$stderr" 'No such file'
        try 2 shmpub -s "$quote" --sealed "$(printf '%0200d' 7)" quote bid=1
}

@test "options that need a name are refused with sealed segments" {
        try 2 shmpub --sealed "$(socket_path)" quote bid=1
        has "$stderr" '--sealed needs -s'
        for option in --public --mode=0640 --exclusive --recreate; do
                try 2 shmpub -s "$quote" --sealed "$(socket_path)" $option quote bid=1
                has "$stderr" '--sealed contradicts'
        done
        try 2 shmsub -F --from "$(socket_path)" quote
        has "$stderr" '-F contradicts --from'
}

@test "a segment that others may write is read by who trusts nobody" {
        make_quote
        chmod 0666 "$(object quote)"
        try 5 shmsub quote
        try 0 shmsub --any-owner --format=value quote bid
        same "$output" 100
        try 2 shmsub --any-owner --owner root quote
}

@test "a segment that is truncated meanwhile is an error for who trusts nobody, and no signal" {
        background shmpub -s "$quote" --hold quote bid=1
        eventually value_is quote bid 1
        background bash -c "exec shmsub --any-owner -f quote >'$BATS_TEST_TMPDIR/out' 2>&1"
        eventually grep -q bid=1 "$BATS_TEST_TMPDIR/out"
        truncate -s 4096 "$(object quote)"
        status=0
        wait "$pid" || status=$?
        same "$status" 6
}

one_is_alive() {
        local pid alive=0
        for pid in "${pids[@]}"; do
                [ ! -e "/proc/$pid/exe" ] || alive=$((alive + 1))
        done
        [ $alive = 1 ]
}

@test "of five writers that offer at one socket, one goes on" {
        needs_seals
        for i in 1 2 3 4 5; do
                background shmpub -q -s "$quote" --sealed "$(socket_path)" --hold quote bid=$i
        done
        eventually one_is_alive
        shmsub --from "$(socket_path)" quote
        same "$(ls "$BATS_TEST_TMPDIR" | grep -c quote.sock)" 1
}

@test "whoever listens at a socket and offers nothing does not hold a reader up" {
        command -v perl >/dev/null || skip "perl is not installed"
        background perl -MIO::Socket::UNIX -e \
                '$listener = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 8) or die; sleep 60' "$(socket_path)"
        eventually test -S "$(socket_path)"
        start=$SECONDS
        try 124 shmsub --from "$(socket_path)" -W 1s quote
        has "$stderr" 'does not answer'
        [ $((SECONDS - start)) -lt 5 ]
}
