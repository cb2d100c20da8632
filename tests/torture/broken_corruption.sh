#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Does corruption.c notice when bytes that anybody may have written are believed?

# shellcheck disable=SC2086 # $few is a list of words

. tests/support/twins.sh

twins_of tests/torture/corruption.c
few="--flips 60000 --patience 20"

plant include/seqcast/ring.h 's/if \(ret_view->bytes > ring->record_bytes\)/if (false)/'
caught "a length that is not clamped" 'CRASHED|[1-9][0-9]* out of bounds' $few

plant include/seqcast/ring.h 's/if \(view->bytes > buffer->capacity\)/if (false)/'
caught "a buffer whose end is not looked at" 'CRASHED.* in read_' $few

plant include/seqcast/ring.h 's/return bytes <= length \&\& offset <= length - bytes;/return offset + bytes <= length;/'
caught "a part whose end wraps round" 'CRASHED.* in read_' $few

plant include/seqcast/ring.h 's/attempt < SEQCAST_READ_ATTEMPTS_MAX/true/'
caught "a loop that waits for better bytes" 'HANGS: in read_' --flips 60000 --patience 3

plant include/seqcast/ring_parts.h 's/if \(plan\.bytes > ring->record_bytes\)/if (false)/'
caught "a publisher who believes the length of the newest record" 'CRASHED.* in the publisher' $few

plant src/layout/segment_layout.c 's/slots_end > header->segment_bytes\)/false)/'
caught "slots that end beyond the segment" 'CRASHED' $few

plant src/layout/segment_layout.c 's/if \(header->segment_bytes != file_bytes\)/if (false)/'
caught "a segment of another size" 'CRASHED|[1-9][0-9]* unexpected' $few

plant src/layout/segment_layout.c "$all"'s/header->slot_stride <\n? *header->payload_offset \+ round_up\(header->record_bytes, SEQCAST_WORD_BYTES\)/false/'
caught "a record that is longer than its slot" 'CRASHED|[1-9][0-9]* out of bounds' $few

slow_attach() {
        plant src/handle/attach.c 's/^( *)(r = seqcast__memory_map_read\()/\1usleep(200);\n\1\2/'
}

slow_attach
sound "in slow motion: a header that changes after it was checked does no harm" 'accepted' $few

slow_attach
plant src/layout/segment_layout.c 's/^( *)return \(struct seqcast_ring\)\{$/\1header = base;\n&/'
caught "a header that is read again, in slow motion," 'CRASHED|[1-9][0-9]* (out of bounds|unexpected)' $few

finish
