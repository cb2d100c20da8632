# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# What may stand under a topic's name that is not a segment, as the tools tell of it. tests/process/test_zoo.c
# has all of it, for the library.
load helpers

# both STATUS SENTENCE TOPIC: what shmsub and shmpub say, quickly; the object stays what it is
both() {
        local before after
        before=$(stat -c '%i %f %s %Y' "$(object "$3")")
        try "$1" timeout 5 shmsub "$3"
        same "${stderr%%. Remove it*}" "shmsub: /$3: $2"
        try "$1" timeout 5 shmpub -s 'a:u8' "$3" a=1
        stderr=${stderr%%. Remove it*}
        same "${stderr%%. --recreate*}" "shmpub: /$3: $2"
        after=$(stat -c '%i %f %s %Y' "$(object "$3")")
        same "$after" "$before"
}

@test "E_DAMAGED: a FIFO, which nothing hangs on; a directory; a link" {
        mkfifo "$(object fifo)"
        both 6 "not a segment of this library (not a regular file)" fifo
        mkdir "$(object directory)"
        both 6 "not a segment of this library (not a regular file)" directory
        make_quote
        ln -s "$(object quote)" "$(object link)"
        both 6 "not a segment of this library (a symbolic link)" link
        ln -s "$(object nothing)" "$(object dangling)"
        both 6 "not a segment of this library (a symbolic link)" dangling
        [ ! -e "$(object nothing)" ]
}

@test "E_DAMAGED: what is no file is not replaced, whatever is asked for" {
        mkfifo "$(object fifo)"
        mkdir "$(object directory)"
        ln -s "$(object nothing)" "$(object link)"
        for topic in fifo directory link; do
                try 6 timeout 5 shmpub -s 'a:u8' --recreate "$topic" a=1
        done
        [ -p "$(object fifo)" ]
        [ -d "$(object directory)" ]
        [ -L "$(object link)" ]
}

@test "E_DAMAGED: empty files, short files, text; --recreate puts a segment in their place" {
        : >"$(object empty)"
        echo short >"$(object short)"
        yes hello | head -c 5000 >"$(object text)"
        chmod 600 "$(object empty)" "$(object short)" "$(object text)"
        both 6 "not a segment of this library (0 bytes are too few)" empty
        both 6 "not a segment of this library (6 bytes are too few)" short
        both 6 "not a segment of this library (first bytes 68 65 6c 6c)" text
        for topic in empty short text; do
                try 0 shmpub -s 'a:u8' --recreate "$topic" a=7
                same "$(value "$topic" a)" 7
        done
}

@test "E_VERSION: a feature that is not known" {
        make_quote
        poke quote 16 '\x01'
        try 7 shmsub quote
        has "$stderr" "needs features 0x1 that this library"
        try 7 shmpub quote bid=1
        has "$stderr" "--recreate puts a new one in its place"
}

@test "E_PERM: a stranger's segment, a segment that all may write" {
        make_quote
        chmod 666 "$(object quote)"
        try 5 shmpub quote bid=1
        has "$stderr" "permission denied: mode 0666 lets others write it; it is not touched. Its owner can chmod it"
        chmod 600 "$(object quote)"
        [ "$(id -u)" = 0 ] || skip "needs root, to give it to somebody else"
        chown 65533 "$(object quote)"
        try 5 shmpub quote bid=1
        same "$stderr" "shmpub: /quote: permission denied: owner uid 65533, but you are uid 0; it is not touched. Publish under another name, or as its owner"
        try 5 shmsub quote
        same "$stderr" "shmsub: /quote: permission denied: owner uid 65533 is neither root nor you (uid 0), nor was it named. --owner USER trusts that user's segments; --any-owner reads without trust"
        try 0 shmsub --owner 65533 quote
}

@test "E_USAGE: names that are none" {
        for name in .hidden -- ../etc 'a b' $'a\nb' "$(printf 'n%.0s' {1..201})"; do
                SEQCAST_PREFIX= try 2 shmsub -- "$name"
                SEQCAST_PREFIX= try 2 shmpub -s 'a:u8' -- "$name" a=1
        done
}

@test "a private /dev/shm: nothing is there, and nothing of what is made there is seen outside" {
        unshare -m true 2>/dev/null || skip "cannot make a mount namespace"
        make_quote
        try 3 unshare -m sh -c 'mount -t tmpfs none /dev/shm && shmsub quote'
        has "$stderr" "no such segment"
        try 0 unshare -m sh -c 'mount -t tmpfs none /dev/shm && shmpub -s a:u8 inside a=1 && shmsub inside'
        [ ! -e "$(object inside)" ]
}

@test "another pid namespace: who publishes is live there, too, and gone when it has ended" {
        unshare -pf true 2>/dev/null || skip "cannot make a pid namespace"
        make_quote
        background shmpub --hold quote bid=7
        eventually value_is quote bid 7
        try 0 unshare -pf shmsub --require-writer quote
        kill -KILL "$pid"
        wait "$pid" || :
        try 8 unshare -pf shmsub --require-writer quote
        has "$stderr" "which is gone"
}

@test "without standard streams, nothing that a tool says goes into the segment" {
        make_quote
        shmpub quote bid=8 <&- >&- 2>&-
        shmsub quote nothing <&- >&- 2>&- || :
        same "$(value quote bid)" 8
        try 0 shmsub quote
}
