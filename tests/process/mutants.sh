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
mutant src/handle/publish.c unit/test_publisher 'a signal handler publishes within a publication' \
        's/(&publisher->busy, memory_order_relaxed\)) != 0/\1 > 1/'
mutant src/handle/publish.c crash/test_handlers 'a publisher looks at what is begun before it says that it is busy' \
        "$all"'s/(        if \(atomic_load_explicit\(&publisher->busy.*)(        activity = atomic_load[^;]*;\n)/\2\1/'
mutant src/handle/publish.c unit/test_publisher 'the private record is not brought up to date' \
        's/publisher->private_version != publisher->version/publisher->private_version == SEQCAST__PRIVATE_STALE/'
mutant src/handle/publish.c unit/test_publisher 'the record is not checked against its room' \
        's/if \(bytes > ring->record_bytes\)/if (false)/'
mutant src/handle/publisher.c unit/test_subscriber 'closing is not recorded' \
        's/SEQCAST__CONTROL_PUBLISHER_STATE, SEQCAST__PUBLISHER_LEFT/SEQCAST__CONTROL_PUBLISHER_STATE, SEQCAST__PUBLISHER_OPEN/'
mutant src/handle/publish.c process/test_full_memory 'memory is not reserved before it is written' \
        's/if \(!publisher->sparse \|\| bytes == 0\)/if (true)/'
mutant src/handle/acquire.c process/test_life 'a child keeps the lock of its parent' \
        's/seqcast__process_guard_fork\(fd, .*\);/0;/'
mutant src/handle/acquire.c unit/test_publisher 'the lock is not taken' \
        's/r = seqcast__lock_take\(segment->fd, SEQCAST__PUBLISHER_LOCK_BYTE\);/r = 0;/'
mutant src/handle/acquire.c unit/test_publisher 'a replaced segment is not marked' 's/seqcast_ring_retire\(\&ring\);/;/'
mutant src/handle/acquire.c unit/test_subscriber 'a segment is replaced before it is recovered' \
        's/seqcast_ring_recover\(\&ring\);/;/'
mutant src/handle/acquire.c unit/test_subscriber 'a stranger'"'"'s segment is taken over' \
        's/if \(status->st_uid != geteuid\(\)\)/if (false)/'
mutant src/handle/acquire.c unit/test_subscriber 'a segment that others may write is taken over' \
        's/S_IWGRP \| S_IWOTH/0/'
mutant src/handle/read.c unit/test_subscriber 'a look that ends late moves the position back' \
        's/if \(subscriber->view.begun \/ 2 >= subscriber->reader.delivered\)/if (true)/'
mutant src/handle/attach.c unit/test_subscriber 'any owner is trusted' 's/if \(!named \&\&/if (false \&\&/'
mutant src/handle/attach.c unit/test_subscriber 'what others may write is trusted' 's/\(S_IWGRP \| S_IWOTH\)/0/'
mutant src/handle/subscriber.c unit/test_publisher 'holes are read' \
        's/subscriber->sparse = .*/subscriber->sparse = false;/'
mutant src/platform/shm.c unit/test_publisher 'the file size limit is not looked at' 's/bytes > limit.rlim_cur/false/'
mutant src/platform/lock_linux.c unit/test_publisher 'the lock belongs to the process' 's/F_OFD_SETLK/F_SETLK/'
mutant src/layout/segment_layout.c unit/test_layout 'a depth may be any number' \
        's/!is_power_of_two\(header->depth\) \|\|/false ||/'
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

# ---- waiting: where nobody is woken (PORTABLE=1), there is nothing of this to notice

case ${BUILD##*/} in *portable*) finish_mutants ;; esac

mutant src/handle/waker.c unit/test_waker 'a new publisher does not look for those who sleep already' \
        's/^( *)look\(waker, 0\);/\1;/'
mutant src/handle/waker.c unit/test_waker 'waking stops without a second look' \
        's/if \(is_wanted\(waker, side\)\) \{ .*E3.*/if (false) {/'
mutant src/handle/waker.c unit/test_waker 'waking never stops' 's/^( *)stop\(waker, side, now\);/\1;/'
mutant src/handle/waker.c unit/test_waker 'waking stops at once' 's/>= LINGER_NS/>= 0/'
mutant src/handle/waker.c unit/test_waker 'the first epoch is said, not the present one' \
        's/say\(waker, side, waker->epoch\)/say(waker, side, 1)/'
mutant src/handle/waker.c unit/test_waker 'errno changes' 's/^( *)errno = saved;/\1(void)saved;/'
mutant src/handle/waker.c unit/test_waker 'a publisher that is told when to wake does not say that it wakes' \
        's/say\(waker, FUTEX, waker->epoch\);/;/'
mutant src/handle/waker.c unit/test_waker 'a publisher that never wakes looks' 's/ \|\| mode == SEQCAST_WAKE_NEVER//'
mutant src/handle/waker.c unit/test_waker 'there is a look at each publication' 's/now - waker->looked_ns >= LOOK_NS/true/'
mutant src/handle/waker.c unit/test_descriptor 'notifying touches no file' 's/if \(is_wanted\(waker, DESCRIPTOR\)\)/if (false)/'
mutant src/handle/publisher.c unit/test_waker 'taking over wakes nobody' \
        's/seqcast__waker_rouse\(\&publisher->segment\); .*there may be news.*/;/'
mutant src/handle/publisher.c unit/test_waker 'removing a topic wakes nobody' \
        's/^( *)seqcast__waker_rouse\(\&publisher->segment\);$/\1;/'
mutant src/handle/acquire.c unit/test_waker 'replacing a segment wakes nobody' 's/seqcast__waker_rouse\(old\);/;/'

mutant src/handle/attach.c unit/test_attach 'a segment that is not ready is an error' 's/ \|\| r == -EAGAIN\) \&\&/) \&\&/'
mutant src/handle/attach.c unit/test_attach 'waiting for a topic ends early' 's/>= deadline_ns\)/>= deadline_ns - 150000000)/'
mutant src/handle/attach.c unit/test_attach 'after a signal, the time begins again' \
        's/^( *)await\(\&names, r, deadline_ns\);/\1await(\&names, r, deadline_ns); deadline_ns = seqcast__clock_after(seqcast__clock_mono_ns(), timeout_ns);/'
mutant src/handle/attach.c unit/test_attach 'no second look once names are watched' \
        "$all"'s/(seqcast__watch_close\(\&names\);\n *)r = seqcast__attach\(wish, segment, ret_detail\);/\1;/'
mutant src/handle/attach.c unit/test_attach 'the watch stays open' 's/^        seqcast__watch_close\(\&names\);/        ;/'
mutant src/handle/attach.c unit/test_reattach 'the size of opaque records is not required' \
        's/if \(wish->opaque_bytes == 0\)/if (true)/'

mutant src/handle/subscriber.c unit/test_reattach 'the schema is not required' 's/wish->schema = subscriber->own.schema;/;/'
mutant src/handle/subscriber.c unit/test_reattach 'the position is not reset' \
        's/subscriber->reader.delivered = 0;/;/'
mutant src/handle/subscriber.c unit/test_reattach 'that it is the same segment is not noticed' \
        "$all"'s/if \(ret_fresh->status.st_dev != [^{;]*st_ino\)\n/if (true)\n/'
mutant src/handle/subscriber.c unit/test_reattach 'handles are told again and again' 's/subscriber->moved = false;/;/'
mutant src/handle/subscriber.c unit/test_reattach 'the generation is not compared' \
        's/if \(ret_visit->generation != subscriber->generation\)/if (false)/'
mutant src/handle/subscriber.c unit/test_reattach 'interest in the old segment counts in the new one' \
        's/shared->sleepers = shared->watchers = 0;/;/'
mutant src/handle/subscriber.c unit/test_reattach 'the first handle to be closed unmaps for all' 's/if \(!last\)/if (false)/'
mutant src/handle/read.c unit/test_reattach 'joined handles read in place' \
        's/if \(subscriber->shared != NULL \|\| subscriber->fetched\)/if (subscriber->fetched)/'

mutant src/handle/wait.c unit/test_reattach 'interest is not dropped' 's/\(count == NULL \|\| --\*count == 0\)\)/false)/'
mutant src/handle/wait.c unit/test_reattach 'interest is dropped by the first that gets up' 's/--\*count == 0/--*count + 1 != 0/'
mutant src/handle/wait.c unit/test_reattach 'the descriptor stays with the old segment' \
        "$all"'s/watch_lost = watch_segment\(subscriber\) < 0;(\n *seqcast__watch_set_alarm)/watch_lost = false;\1/'
mutant src/handle/wait.c unit/test_waker 'interest is not shown' \
        's/interest->shown = seqcast__subscriber_is_current\(subscriber\) \&\&/interest->shown = false \&\&/'
mutant src/handle/wait.c unit/test_wait 'that a publisher has gone is told again and again' \
        's/waiting->told_epoch = found.epoch;/;/'
mutant src/handle/wait.c unit/test_wait 'what an earlier publisher has said is believed' \
        's/\(epoch != 0 \&\& seqcast_word_load_relaxed\(words \+ control\) == epoch\)/(seqcast_word_load_relaxed(words + control) != 0)/'
mutant src/handle/wait.c unit/test_wait 'of several topics, the first comes first again and again' \
        's/waiting.turn = index \+ 1;/waiting.turn = 0;/'
mutant src/handle/wait.c unit/test_wait 'that the name is gone is told again and again' 's/waiting->told_detached = true;/;/'

mutant src/handle/reattach_plain.c unit/test_reattach 'reserved addresses are never given back' \
        's/while \(reattach->reserves != NULL\)/while (false)/'
mutant src/handle/reattach_plain.c unit/test_reattach 'the descriptor of the new segment stays open' \
        's/^        close\(fresh->fd\);/        ;/'
mutant src/handle/reattach_plain.c unit/test_reattach 'the first mapping of the new segment stays' \
        's/^        seqcast__memory_unmap\(fresh->base, .*/        ;/'

mutant src/handle/waker.c unit/test_wait 'a publication wakes nobody' \
        "$all"'s/(sides\[FUTEX\].on\)\n *)seqcast__futex_wake\(waker->version, true\)/\1(void)waker/'
mutant src/handle/waker.c unit/test_descriptor 'a publication touches nothing' \
        "$all"'s/(sides\[DESCRIPTOR\].on\)\n *)seqcast__watch_touch\(waker->segment->fd\)/\1(void)waker/'
mutant src/handle/waker.c unit/test_waker 'notifying wakes nobody' \
        "$all"'s/(int saved = errno;\n\n *)seqcast__futex_wake\(waker->version, true\);/\1;/'
mutant src/handle/waker.c unit/test_waker 'more and more publications pass between looks at the clock' \
        's/ \&\& waker->stride < STRIDE_MAX\)/)/'

mutant src/handle/attach.c unit/test_attach 'where names cannot be watched, there is one look' 's/names->pollable >= 0 \&\&//'

mutant src/handle/subscriber.c unit/test_reattach 'what was known of holes is believed of another segment' \
        's/subscriber->presence = presence;/if (subscriber->presence.known == NULL) subscriber->presence = presence;/
                s/seqcast__presence_close\(\&subscriber->presence\);$/;/'
mutant src/handle/subscriber.c unit/test_reattach 'joined handles that sleep are not woken' \
        's/seqcast__futex_wake\(\&shared->replacements, false\);/;/'
mutant src/handle/subscriber.c unit/test_reattach 'a look in place outlives the segment' 's/subscriber->looking = false;$/;/'

mutant src/handle/wait.c unit/test_reattach 'interest of another generation is dropped' \
        "$all"'s/subscriber->generation == interest->generation \&\&\n *seqcast__subscriber_is_current\(subscriber\) \&\&/true \&\&/'
mutant src/handle/wait.c unit/test_reattach 'sleepers do not look at whether others have re-attached' \
        's/if \(wait->subscribers\[i\]->shared != NULL\)/if (false)/'
mutant src/handle/wait.c unit/test_wait 'a handle that stands twice in a list counts twice' 's/if \(!counted\) \{/if (true) {/'
mutant src/handle/wait.c unit/test_wait 'a sleep has no slices' \
        's/earlier\(check_ns, wait->deadline_ns\)/wait->deadline_ns/
                s/\? NAP_NS : SLICE_NS;/? NAP_NS : INT64_C(1000000000000);/'
mutant src/handle/wait.c unit/test_wait 'where nobody wakes, sleeps are whole slices' \
        's/nap = nap < NAP_NS \? NAP_NS : .*;/nap = SLICE_NS;/'
mutant src/handle/wait.c unit/test_wait 'of more than 128 topics, the others are not looked at' \
        's/wait->count > SEQCAST__FUTEX_COUNT_MAX \? NAP_NS : SLICE_NS/SLICE_NS/'
mutant src/handle/wait.c unit/test_wait 'a signal prolongs the wait' \
        's/^( *)wait->chunk = .*/&\n if (seqcast__clock_mono_ns() < nap_end) wait->deadline_ns += seqcast__clock_mono_ns() - now;/'
mutant src/handle/wait.c unit/test_wait 'an interrupt does not end a sleep' 's/^( *)add_own_words\(wait\);/\1;/'
mutant src/handle/wait.c unit/test_wait 'an interrupt counts for ever' 's/waiting->interrupts_seen = interrupts;/;/'
mutant src/handle/wait.c unit/test_wait 'in short turns, what has become of the segment is not looked at' \
        's/r = check_all\(wait, [^;]*SLICE_NS\);/r = SEQCAST_NONE;/'
mutant src/handle/wait.c unit/test_wait 'what has become of the segment is not looked at while it spins' \
        's/^( *)r = check_all\(wait, now, SLICE_NS\);/\1;/'
mutant src/handle/wait.c unit/test_wait 'another segment under the name is not noticed' \
        's/found.detached = seqcast__segment_is_detached\(segment\) == 1;/;/'
mutant src/handle/wait.c unit/test_wait 'a segment that is retired is not left' \
        's/return is_over\(r\) \&\& subscriber->follows \? follow\(subscriber\) : r;/return r;/'
mutant src/handle/wait.c unit/test_wait 'the index is set without a result' \
        's/^( *)wait.chunk = 0;/&\n if (ret_index != NULL) *ret_index = 0;/'
mutant src/handle/wait.c unit/test_descriptor 'what is there already does not make the descriptor readable' \
        "$all"'s/r = seqcast__watch_set_alarm\(\&waiting->watch, now\); (.. there may be news already)/r = 0; \1/'
mutant src/handle/wait.c unit/test_descriptor 'a name that comes again is not noticed' \
        's/seqcast__watch_directory\(\&waiting->watch, SEQCAST__SHM_DIRECTORY\);/;/'
mutant src/handle/wait.c unit/test_descriptor 'a failure leaves descriptors open' \
        "$all"'s/(watching\);\n *)seqcast__watch_close\(\&waiting->watch\);/\1;/'
mutant src/handle/wait.c unit/test_descriptor 'interest of a joined descriptor outlives the handle' \
        's/if \(subscriber->shared != NULL \&\& subscriber->waiting.watching.shown\)/if (false)/'

mutant src/handle/reattach_plain.c unit/test_reattach 'P1: no odd epoch while another segment is mapped' \
        's/atomic_store_explicit\(\&reattach->epoch, epoch \+ 1, memory_order_relaxed\);/;/'
mutant src/handle/reattach_plain.c unit/test_reattach 'V4: no second look at the epoch' \
        's/return seqcast_word_load_relaxed\(\&reattach->epoch\) == visit->epoch;/return true;/'
mutant src/handle/reattach_plain.c unit/test_reattach 'the rest of a larger segment stays mapped' 's/else if \(old_bytes > bytes\)/else if (false)/'
mutant src/handle/reattach_plain.c unit/test_reattach 'a segment that was outgrown stays mapped' \
        's/seqcast__memory_blank_at\(present->base, old_bytes\);/;/'
mutant src/handle/reattach_plain.c unit/test_reattach 'after a failure nothing is mapped' \
        's/seqcast__memory_map_read_at\(present->fd, old_bytes, base\);/;/'
mutant src/handle/reattach_plain.c unit/test_reattach 'readers go on where the old segment was' \
        's/atomic_store_explicit\(\&reattach->present, place, memory_order_release\);/(void)place;/'
mutant src/handle/reattach_plain.c unit/test_reattach 'a failure counts as another segment' \
        's/seqcast_word_store_relaxed\(\&reattach->generation, .*/;/
                s/^( *)r = change\(reattach, present, fresh, place\);/\1seqcast_word_store_relaxed(\&reattach->generation, seqcast__reattach_generation(reattach) + 1);\n&/'
mutant src/handle/wait.c unit/test_wait 'what a dead publisher has not announced is told again and again' \
        's/subscriber->waiting.told_number = want;/;/'
mutant src/handle/wait.c unit/test_descriptor 'the directory stays watched' \
        "$all"'s/(\} else \{\n *)seqcast__watch_directory\(\&waiting->watch, NULL\);/\1;/'
mutant src/handle/wait.c unit/test_descriptor 'there is no look in the end' \
        's/return seqcast__watch_set_alarm\(\&waiting->watch, now \+ nap\);/return seqcast__watch_set_alarm(\&waiting->watch, nap == WATCHDOG_NS ? SEQCAST__CLOCK_NEVER : now + nap);/'

mutant src/handle/fetch.c unit/test_fetch 'K0: the version is not fetched' \
        's/return fetch_control\(segment, SEQCAST__CONTROL_VERSION, 1\);/return 0;/'
mutant src/handle/fetch.c unit/test_fetch 'K1: the sequence word of what is found is not fetched' \
        's/return fetch_seq\(segment, ring, seqcast_ring_slot\(ring, number\)\);/return 0;/'
mutant src/handle/fetch.c unit/test_fetch 'K3: the sequence word is not fetched again' \
        's/r = fetch_seq\(segment, ring, view.slot\);/r = 0;/'
mutant src/handle/fetch.c unit/test_fetch 'the oldest record is not looked at where the next is lost' \
        's/if \(depth == 1 \|\| version/if (true || version/'
mutant src/handle/fetch.c unit/test_fetch 'K2: the length is that of the last fetch' \
        's/view->bytes = head\[SEQCAST_SLOT_LENGTH\];/;/'
mutant src/handle/attach.c unit/test_fetch 'a segment of any owner is mapped' 's/wish->any_owner \? seqcast__fetch_open\(segment\) :/false ? 0 :/'
mutant src/handle/wait.c unit/test_sealed 'a segment without a name has lost it' 's/found.nameless = seqcast__segment_is_nameless\(segment\);/found.nameless = false;/'
mutant src/handle/attach.c unit/test_sealed 'what is not sealed is taken' 's/\(sealed == 0 \&\& !wish->any_owner\)/(false)/'
mutant src/handle/acquire.c unit/test_sealed 'it is not sealed' 's/r = seqcast__nameless_seal\(segment.fd\);/r = 0;/'
mutant src/handle/acquire.c unit/test_sealed 'other users cannot open it once more' 's/^#define MODE_SEALED 0444/#define MODE_SEALED 0400/'
mutant src/platform/nameless_linux.c unit/test_sealed 'it may shrink' 's/\(seals \& F_SEAL_SHRINK\) != 0 \&\&//'
mutant src/platform/nameless_linux.c unit/test_sealed 'it may be written' 's/ \&\& \(seals \& \(F_SEAL_WRITE \| F_SEAL_FUTURE_WRITE\)\) != 0//'
mutant src/platform/nameless_linux.c unit/test_sealed 'seals do not keep writers out' 's/SIZE_SEALS \| F_SEAL_FUTURE_WRITE/SIZE_SEALS/'
mutant src/platform/nameless_linux.c unit/test_sealed 'what is no memory is opened' 's/errno == EINVAL \? -EOPNOTSUPP : -errno/0/'
mutant src/handle/subscriber.c unit/test_sealed 'holes are what the header says' 's/subscriber->sparse = .*/subscriber->sparse = false;/'

finish_mutants
