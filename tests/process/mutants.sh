#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Do the tests of the handles notice when what they test is broken?

. tests/support/mutants.sh

all=':a;N;$!ba;'

mutant src/handle/publisher.c unit/test_publisher 'a new publisher trusts the slots of the last one' \
        's/fresh \? 1 : publisher->version \+ 1/1/'
mutant src/handle/publisher.c unit/test_publisher 'what was complete is not announced' \
        's/seqcast_ring_recover\(\&publisher->ring\)/atomic_load(publisher->ring.version)/'
mutant src/handle/publisher.c unit/test_publisher 'a signal handler publishes within a publication' \
        's/if \(activity != \(int\)expected\) \{/if (activity != (int)expected \&\& activity != PUBLISHING) {/'
mutant src/handle/publisher.c unit/test_publisher 'the private record is not brought up to date' \
        's/publisher->private_version != publisher->version/publisher->private_version == PRIVATE_STALE/'
mutant src/handle/publisher.c unit/test_publisher 'the record is not checked against its room' \
        's/if \(bytes > ring->record_bytes\)/if (false)/'
mutant src/handle/publisher.c unit/test_subscriber 'closing is not recorded' \
        's/SEQCAST__CONTROL_PUBLISHER_STATE, SEQCAST__PUBLISHER_LEFT/SEQCAST__CONTROL_PUBLISHER_STATE, SEQCAST__PUBLISHER_OPEN/'
mutant src/handle/publisher.c process/test_full_memory 'memory is not reserved before it is written' \
        's/if \(!publisher->sparse \|\| bytes == 0\)/if (true)/'
mutant src/handle/acquire.c process/test_life 'a child keeps the lock of its parent' \
        's/seqcast__process_guard_fork\(fd, .*\);/0;/'
mutant src/handle/acquire.c process/test_life 'the name is not looked at again under the lock' \
        's/r = seqcast__segment_is_detached\(segment\);/r = 0;/'
mutant src/handle/acquire.c unit/test_publisher 'the lock is not taken' \
        's/r = seqcast__lock_take\(segment->fd, SEQCAST__PUBLISHER_LOCK_BYTE\);/r = 0;/'
mutant src/handle/acquire.c unit/test_publisher 'a replaced segment is not marked' 's/seqcast_ring_retire\(\&ring\);/;/'
mutant src/handle/acquire.c unit/test_subscriber 'a segment is replaced before it is recovered' \
        's/seqcast_ring_recover\(\&ring\);/;/'
mutant src/handle/acquire.c unit/test_subscriber 'a stranger'"'"'s segment is taken over' \
        's/status->st_uid != geteuid\(\) \|\|/false ||/'
mutant src/handle/acquire.c unit/test_subscriber 'a segment that others may write is taken over' \
        's/S_IWGRP \| S_IWOTH/0/'
mutant src/handle/acquire.c process/test_every_call 'the name is given before the lock is taken' \
        "$all"'s/(\n *write_header\(segment, wish->schema_text\);)/\n seqcast__shm_draft_link(\&(struct seqcast__shm_draft){ .fd = segment->fd }, wish->name, true);\1/'
mutant src/handle/subscriber.c unit/test_subscriber 'a look that ends late moves the position back' \
        's/if \(subscriber->view.begun \/ 2 >= subscriber->reader.delivered\)/if (true)/'
mutant src/handle/attach.c unit/test_subscriber 'any owner is trusted' 's/if \(!named \&\&/if (false \&\&/'
mutant src/handle/attach.c unit/test_subscriber 'what others may write is trusted' 's/\(S_IWGRP \| S_IWOTH\)/0/'
mutant src/handle/subscriber.c unit/test_publisher 'holes are read' \
        's/subscriber->sparse = .*/subscriber->sparse = false;/'
mutant src/platform/shm.c unit/test_publisher 'the file size limit is not looked at' 's/bytes > limit.rlim_cur/false/'
mutant src/platform/lock.c unit/test_publisher 'the lock belongs to the process' 's/F_OFD_SETLK/F_SETLK/'
mutant src/layout/segment_layout.c unit/test_layout 'a product may wrap round' \
        's/__builtin_mul_overflow\(header->slot_stride, \(uint64_t\)header->depth, \&slots_bytes\)/(slots_bytes = header->slot_stride * header->depth, 0)/'
mutant src/layout/segment_layout.c unit/test_layout 'the slots may end beyond the object' \
        's/slots_end > header->segment_bytes\)/false)/'
mutant src/layout/segment_layout.c unit/test_layout 'a record may be longer than its slot' \
        "$all"'s/header->slot_stride <\n? *header->payload_offset \+ round_up\(header->record_bytes, SEQCAST_WORD_BYTES\)/false/'
mutant src/layout/segment_layout.c unit/test_layout 'a segment of another size passes' \
        's/if \(header->segment_bytes != file_bytes\)/if (header->segment_bytes > file_bytes)/'
mutant src/layout/schema.c unit/test_schema 'fields may overlap' 's/r = check_apart\(.*\);/r = 0;/'
mutant src/layout/schema.c unit/test_schema 'names may be used twice' 's/r = check_names_differ\(.*\);/r = 0;/'
mutant src/layout/schema.c unit/test_schema 'a field may end outside the record' \
        's/field_bytes\(field\) > record_bytes - field->offset/false/'
mutant src/layout/schema_parse.c unit/test_schema 'numbers may be as large as they like' \
        's/if \(number > SEQCAST_RECORD_BYTES_MAX\)/if (false)/'

finish_mutants
