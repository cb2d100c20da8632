#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Do the fuzz targets notice what they look for? Each is fed with some thousand inputs of a fixed seed: as it
# is, it passes; with one bug planted in what it tests, there must be a finding, and that without the corpus,
# which knows these bugs. What is spoilt, and the target, are compiled with sanitizers; the rest is the plain
# build.
#
# shellcheck disable=SC2086 # lists of words

. tests/support/tap.sh

: "${CC:=cc}" "${INPUTS:=50000}"
plain_build_only "planted bugs" # this compiles for itself, with sanitizers
json=$(${PKG_CONFIG:-pkg-config} --cflags --libs json-c 2>/dev/null)
flags="-std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -D_FILE_OFFSET_BITS=64 -w -O0 -pthread"
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all"
all=':a;N;$!ba;'
prefix=
! setarch "$(uname -m)" -R true 2>/dev/null || prefix="setarch $(uname -m) -R"

echo 'int main(void) { return 0; }' >"$scratch/probe.c"
if ! $CC $sanitize "$scratch/probe.c" -o "$scratch/probe" 2>/dev/null || ! $prefix "$scratch/probe" 2>/dev/null; then
        skip "planted bugs" "$CC has no AddressSanitizer or UBSan here"
        finish
fi

# compile INCLUDE SOURCE OBJECT
compile() {
        $CC $flags $sanitize -I"$1" -Isrc -Itools -Itests $json -c "$2" -o "$3" 2>>"$scratch/log"
}

# feed FOLDER TARGET OBJECT...: link the target with these objects in the place of the library's own, and run
# it there. $output is what it says, the result its exit status.
feed() {
        folder=$1 target=$2 inputs=
        shift 2
        rm -rf "$scratch/program"
        mkdir "$scratch/program"
        $CC -pthread $sanitize "$@" "$BUILD/libreplay.a" ${json:+"$BUILD/libtools.a"} "$BUILD/libseqcast.a" $json $(cat "$BUILD/libs") -lm \
                -o "$scratch/program/$target" 2>>"$scratch/log" || return 99
        [ $target != object ] || inputs=$((INPUTS / 10)) # each takes some system calls
        output=$(exec 2>&1; cd "$folder" || exit; $prefix "$scratch/program/$target" --inputs "${inputs:-$INPUTS}"; exit)
}

# sound TARGET
sound() {
        : >"$scratch/log"
        if ! compile include "tests/fuzz/$1.c" "$scratch/$1.o"; then
                not_ok "control: $1" "$(cat "$scratch/log")"
        elif feed . "$1" "$scratch/$1.o"; then
                ok "control: $1"
                echo "$output" | sed -n 's/^ok [0-9]* - /# /p; s/^# without/&/p'
        else
                not_ok "control: $1" "$output$(cat "$scratch/log")"
        fi
}

# caught TARGET FILE TEXT EXPRESSION: a header is spoilt for the reading half of the library alone
caught() {
        : >"$scratch/log"
        rm -rf "$scratch/spoilt"
        mkdir -p "$scratch/spoilt/${2%/*}"
        [ "${2%%/*}" != include ] || cp -r include "$scratch/spoilt"
        sed -E "$4" "$2" >"$scratch/spoilt/$2"
        if cmp -s "$2" "$scratch/spoilt/$2"; then
                not_ok "$3 is caught" "the mutation of $2 does not apply any more"
                return
        fi
        case $2 in
        include/*) compile "$scratch/spoilt/include" src/handle/read.c "$scratch/spoilt/spoilt.o" ;;
        *) compile include "$scratch/spoilt/$2" "$scratch/spoilt/spoilt.o" ;;
        esac || {
                not_ok "$3 is caught" "$(cat "$scratch/log")"
                return
        }
        where=$scratch noticed='^finding: '
        [ "$1" != golden ] || where=. noticed='^not ok'
        feed "$where" "$1" "$scratch/$1.o" "$scratch/spoilt/spoilt.o"
        status=$?
        if [ $status = 99 ]; then
                not_ok "$3 is caught" "$(cat "$scratch/log")"
        elif echo "$output" | grep -q "$noticed"; then
                ok "$3 is caught"
                echo "$output" | sed -nE 's/^finding: .*(--first [0-9]+).*/# input \1/p; s/.*(AddressSanitizer: [a-zA-Z-]+) on .*/# \1/p; s/.*(runtime error: .*|broken: .*)/# \1/p'
                [ "$1" != golden ] || echo "$output" | sed -n 's/^not ok/# &/p'
        else
                not_ok "$3 is caught" "exit status $status: $output"
        fi
}

layout=src/layout/segment_layout.c
sound header
caught header $layout "a product that may wrap round" \
        's/__builtin_mul_overflow\(header->slot_stride, \(uint64_t\)header->depth, \&slots_bytes\)/(slots_bytes = header->slot_stride * header->depth, 0)/'
caught header $layout "a sum that may wrap round" \
        's/__builtin_add_overflow\(header->slots_offset, slots_bytes, \&slots_end\)/(slots_end = header->slots_offset + slots_bytes, 0)/'
caught header $layout "a payload_offset without an upper bound" \
        's/ \|\| header->payload_offset > 2 \* PAIR_OF_LINES_BYTES//'
caught header $layout "a schema_offset without an upper bound" \
        's/^ *header->schema_offset > header->header_bytes \|\|$//'
caught header $layout "control words that may wrap round" \
        "$all"'s/__builtin_add_overflow\(header->control_offset, ([^,]*),\s*\&control_end\)/(control_end = header->control_offset + \1, 0)/'
caught header $layout "slots over the control words" 's/header->slots_offset < control_end \|\|//'
caught header $layout "slots that end beyond the object" 's/slots_end > header->segment_bytes\)/false)/'

ring=include/seqcast/ring.h
sound slots
caught slots $ring "a length that is not clamped" 's/if \(ret_view->bytes > ring->record_bytes\)/if (false)/'
caught slots $ring "a record longer than the room for it" 's/if \(view->bytes > buffer->capacity\)/if (false)/'
caught slots $ring "a part whose end wraps round" \
        's/return bytes <= length \&\& offset <= length - bytes;/return offset + bytes <= length;/'
caught slots $ring "a record that is being written" 's/\(begun \& 1\) != 0 \|\| begun < 2 \* number/begun < 2 * number/'

sound object
caught object src/handle/segment.c "a schema without room for its zero byte" \
        's/malloc\(header->schema_bytes \+ 1u\)/malloc(header->schema_bytes)/'
caught object src/handle/segment.c "a schema of more than the record" \
        's/segment->schema->record_bytes > header->record_bytes/false/'
caught object src/handle/attach.c "an object that is mapped without a look at its header" \
        's/(int r = )(seqcast__segment_read\(segment, ret_detail\);)/\10; (void)!\2/'

sound golden
caught golden $layout "records that are placed otherwise" 's/(#define RECORD_ALIGN_DEFAULT) 16u/\1 32u/'
caught golden $ring "a time that is looked for elsewhere" 's/(#define SEQCAST_SLOT_TIME) 2u/\1 3u/'

sound schema
caught schema src/layout/schema_parse.c "a number that wraps round" 's/if \(number > SEQCAST_RECORD_BYTES_MAX\)/if (false)/'
caught schema src/layout/schema_parse.c "a field more than was counted" 's/field_count = count_fields_at_most\(text\)/\0 - 1/'
caught schema src/layout/schema.c "a name used twice" 's/r = check_names_differ\(.*\);/r = 0;/'
caught schema src/layout/schema.c "a copy without its zero byte" 's/(return text == NULL \? 0 : strlen\(text\)) \+ 1;/\1;/'

if [ "$json" ]; then
        sound tools
        caught tools tools/common/number.c "digits longer than the room for them" 's/ \|\| length >= sizeof\(digits\)//'
        caught tools tools/common/number.c "an integer that wraps round" 's/too_big \|= .*;/;/'
        caught tools tools/common/json_input.c "JSON digits longer than the room for them" \
                's/if \(length >= sizeof\(copy\)\)/if (false)/'
        caught tools tools/common/csv.c "a quote that is never closed" 's/if \(quote == NULL\)/if (false)/'
        caught tools tools/common/escape.c "a character that ends beyond the text" 's/ \|\| size > length\)/)/'
        caught tools tools/common/escape.c "an escape that ends beyond the text" \
                's/int low = high >= 0 \? hex_value\(digits\[1\]\) : -1;/int low = hex_value(digits[1]);/'
        caught tools tools/common/value_parse.c "more bytes than the field has" \
                's/decoded.length != field_size\(\&named->field\)/false/'
else
        skip "the parsers of the tools" "they were not built: pkg-config or libjson-c-dev is missing"
fi
finish
