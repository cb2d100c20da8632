#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Does each unit test notice when what it tests is broken? What only weakly ordered processors show is
# not here.

. tests/support/mutants.sh

# all LINES: several lines of a file as one, so that an expression can span them
all=':a;N;$!ba;'

mutant include/seqcast/copy.h unit/test_copy_words 'the first, partial word reaches beyond the end' \
        's/(size_t head = SEQCAST_WORD_BYTES - skip) < bytes .*;/\1;/'
mutant include/seqcast/copy.h unit/test_copy_words 'the last, partial word is left out' \
        's/^(        if \(bytes) != 0\)$/\1 > 8)/'
mutant include/seqcast/copy.h unit/test_copy_words 'the last word is stored whole' \
        's/seqcast__copy_store_partial\(words, 0, source, bytes\)/seqcast__copy_store_word(words, source)/'
mutant include/seqcast/copy.h unit/test_copy_words 'the last word is loaded whole' \
        's/seqcast__copy_load_partial\(target, words, 0, bytes\)/seqcast__copy_load_word(target, words)/'
mutant include/seqcast/copy.h unit/test_copy_words 'the bytes beside a part of a word are lost' \
        's/uint64_t value = seqcast_word_load_relaxed\(word\);/uint64_t value = 0;/'
mutant include/seqcast/copy.h unit/test_copy_words 'two of eight words change places' \
        's/\(&words\[6\], source \+ 48\)/(\&words[6], source + 56)/'
mutant include/seqcast/copy.h unit/test_copy_words 'zeroing repeats its first piece' 's/^( *)offset \+= chunk;/\1;/'

mutant include/seqcast/copy_kernels.h unit/test_copy 'a long copy leaves out the vectors in the middle' \
        's/"jb 1b/"jb 2b/
                s/"b.lo 1b/"b.lo 2b/'
mutant include/seqcast/copy_kernels.h unit/test_copy 'a long copy ends a vector early' 's/bytes - 4 \* \(width\)/bytes - 5 * (width)/'
mutant include/seqcast/copy_kernels.h unit/test_copy 'a long copy goes on beyond the last four vectors' \
        's/bytes - 4 \* \(width\)/bytes - 3 * (width)/'
mutant include/seqcast/copy_kernels.h unit/test_copy 'a long copy begins beyond its first vector' \
        's/\(width\) - \(size_t\)\(/2 * (width) - (size_t)(/'
mutant include/seqcast/copy_kernels.h unit/test_copy 'two of four vectors change places' \
        's/store " %%" v1 ", " width "/store " %%" v2 ", " width "/
                s/"stp q2, q3/"stp q3, q2/'
mutant include/seqcast/copy_kernels.h unit/test_copy 'the widest kernel is used for too few bytes' 's/bytes > 256 \&\& //'
mutant include/seqcast/copy_kernels.h unit/test_copy 'the last move of a short copy begins too late' \
        's/\(from\) \+ \(bytes\) - \(width\)/(from) + (bytes) - (width) + 1/'
mutant include/seqcast/copy_kernels.h unit/test_copy 'the middle of a short copy is left out' 's/if \(bytes > 64\)/if (bytes > 100)/'
mutant include/seqcast/copy_kernels.h unit/test_copy 'two bytes of three are copied' 's/bytes \/ 2/0/'

mutant include/seqcast/seqlock.h unit/test_seqlock 'no odd mark' 's/2 \* number - 1, memory/2 * number, memory/'
mutant include/seqcast/seqlock.h unit/test_seqlock 'no second look' 's/return (atomic_load_explicit.*) == begun;/(void)begun; return \1 | 1;/'
mutant include/seqcast/seqlock.h unit/test_ring 'a reader that is lapped believes its copy' \
        's/return (atomic_load_explicit.*) == begun;/(void)begun; return \1 | 1;/'
mutant include/seqcast/seqlock.h unit/test_seqlock 'the slot is never sealed' 's/2 \* number, memory_order_release/2 * number - 1, memory_order_release/'

mutant include/seqcast/ring.h unit/test_ring 'newest forgets what was delivered' \
        "$all"'s/(if \(number < reader->delivered\)\n *number = )reader->delivered/\1number/'
mutant include/seqcast/ring.h unit/test_ring 'newest accepts an open slot' 's/\(begun \& 1\) != 0 \|\| //'
mutant include/seqcast/ring.h unit/test_ring 'after a loss, next resumes in the slot about to be overwritten' \
        's/version \+ 2 > depth \? version \+ 2 - depth/version + 1 > depth ? version + 1 - depth/'
mutant include/seqcast/ring.h unit/test_ring 'after a loss, next resumes one too late' \
        's/version \+ 2 > depth \? version \+ 2 - depth/version + 3 > depth ? version + 3 - depth/'
mutant include/seqcast/ring.h unit/test_ring 'at depth 1, next waits for what comes instead of taking what is there' \
        's/begun > 2 \* want && depth == 1/false/'
mutant include/seqcast/ring.h unit/test_ring 'at depth 1, next takes what is still being written' \
        "$all"'s/depth == 1\) \{\n *if \(\(begun & 1\) != 0\)/depth == 1) {\nif (false)/'
mutant include/seqcast/ring.h unit/test_ring 'next does not look whether it has lost' 's/else if \(begun > 2 \* want\) \{/else if (false) {/'
mutant include/seqcast/ring.h unit/test_ring 'next takes a slot that is not the one it resumes at' \
        "$all"'s/if \(begun != 2 \* resume\)\n *return SEQCAST_BUSY;//'
mutant include/seqcast/ring.h unit/test_ring 'next delivers a publication under way' 's/if \(begun \/ 2 < want\) \{/if ((begun + 1) \/ 2 < want) {/'
mutant include/seqcast/ring.h unit/test_ring 'at depth 1, next never learns that the ring is retired' 's/version = depth == 1 \?/version = depth == 0 ?/'
mutant include/seqcast/ring.h unit/test_ring 'at depth 1, next passes over the last record before the mark' \
        's/< want \? SEQCAST_RETIRED : SEQCAST_BUSY/< want ? SEQCAST_RETIRED : SEQCAST_RETIRED/'
mutant include/seqcast/ring.h unit/test_ring 'at depth 1, who waits is not told of the last record before the mark' \
        's/ring->depth_mask != 0 \|\| retired/ring->depth_mask != 0/'
mutant include/seqcast/ring.h unit/test_ring 'the losses are one too many' 's/number - reader->delivered - 1/number - reader->delivered/'
mutant include/seqcast/ring.h unit/test_ring 'losses are counted before anything was delivered' 's/reader->started \&\& number >/number >/'
mutant include/seqcast/ring.h unit/test_ring 'the position stays where it was' 's/reader->delivered = number;//'
mutant include/seqcast/ring.h unit/test_ring 'an error is believed without the second look' \
        's/^( *)r = take\(context, \&view\);/\1r = take(context, \&view); if (r < 0) return r;/'
mutant include/seqcast/ring.h unit/test_ring 'attempts that were thrown away are not counted' 's/reader->retries\+\+;/;/'
mutant src/handle/read.c unit/test_subscriber 'an attempt before one that succeeds is not counted' \
        "$all"'s/if \(subscriber->way == SEQCAST__DIRECT\)(\n *return seqcast__ring_retry)/if (false)\1/g
                s/return read_otherwise\(subscriber, \&request, ret_sample\)/return read_mapped(subscriber, \&request, ret_sample)/g'
mutant include/seqcast/ring.h unit/test_ring 'payloads are on lines of their own at any price' 's/costs_a_line && record_bytes < /record_bytes > UINT64_MAX - /'
mutant include/seqcast/ring.h unit/test_ring 'long payloads share a line with their heads' 's/costs_a_line && record_bytes < SEQCAST__LONG_RECORD_BYTES/costs_a_line/'
mutant include/seqcast/ring.h unit/test_ring 'one try too many' 's/attempt < SEQCAST_READ_ATTEMPTS_MAX/attempt <= SEQCAST_READ_ATTEMPTS_MAX/'
mutant include/seqcast/ring.h unit/test_ring 'a busy try ends the search' 's/SEQCAST__UNLIKELY\(r == SEQCAST_BUSY\)/false/'
mutant include/seqcast/ring.h unit/test_ring 'the slot is found without the mask' 's/\(number \& ring->depth_mask\)/number/'
mutant include/seqcast/ring.h unit/test_ring 'a length is not clamped' 's/if \(ret_view->bytes > ring->record_bytes\)/if (false)/'
mutant include/seqcast/ring.h unit/test_ring 'the buffer is taken to be long enough' 's/if \(view->bytes > buffer->capacity\)/if (false)/'
mutant include/seqcast/ring.h unit/test_ring 'the end of a part wraps round' \
        's/bytes <= length \&\& offset <= length - bytes/offset + bytes <= length/'
mutant include/seqcast/ring.h unit/test_ring 'the length is not stored' 's/seqcast_word_store_relaxed\(slot \+ SEQCAST_SLOT_LENGTH, bytes\);//'
mutant include/seqcast/ring.h unit/test_ring 'the time is not stored' 's/seqcast_word_store_relaxed\(slot \+ SEQCAST_SLOT_TIME, .*\);/;/'
mutant include/seqcast/ring.h unit/test_ring 'a publication is not announced' \
        's/atomic_store_explicit\(ring->version, number, memory_order_release\);/(void)ring;/'
mutant include/seqcast/ring.h unit/test_ring 'a takeover does not roll forward' 's/== 2 \* \(version \+ 1\)\)/== 1)/'
mutant include/seqcast/ring.h unit/test_ring 'a takeover rolls forward over a torn slot' 's/== 2 \* \(version \+ 1\)\)/>= 2 * version + 1)/'
mutant include/seqcast/ring.h unit/test_ring 'a takeover rolls forward without announcing' \
        's/atomic_store_explicit\(ring->version, version, memory_order_release\);/;/'
mutant include/seqcast/ring.h unit/test_ring 'retiring leaves the version alone' 's/version \| SEQCAST_VERSION_RETIRED, mem/version, mem/'
mutant include/seqcast/ring.h unit/test_ring 'retiring does not tell those who wait for the next slot' 's/if \(ring->depth_mask != 0\)/if (false)/'
mutant include/seqcast/ring.h unit/test_ring 'retiring destroys the only slot' 's/if \(ring->depth_mask != 0\)/if (true)/'
mutant include/seqcast/ring.h unit/test_ring 'retiring destroys the newest slot' \
        's/(atomic_store_explicit\(seqcast_ring_slot\(ring, version) \+ 1\)/\1)/'
mutant include/seqcast/ring.h unit/test_ring 'the sample does not say retired' 's/ret_sample->retired = .*;/ret_sample->retired = 0;/'
mutant include/seqcast/ring.h unit/test_ring 'skip goes backwards' "$all"'s/if \(version > reader->delivered\)\n( *reader->delivered = v)/\1/'
mutant include/seqcast/ring.h unit/test_ring 'skip takes the retired mark for a number' \
        's/seqcast_ring_version\(ring\) \& ~SEQCAST_VERSION_RETIRED;/seqcast_ring_version(ring);/'

mutant include/seqcast/ring_parts.h unit/test_ring_parts 'a slot that was given up is taken for what the log speaks of' \
        's/ \|\| found != \(.*\)\)$/)/'
mutant include/seqcast/ring_parts.h unit/test_ring_parts 'a change pushed out of the log is forgotten' \
        's/changes->known_from = entry->number \+ 1;/;/'
mutant include/seqcast/ring_parts.h unit/test_ring_parts 'a whole publication is not remembered' 's/changes->known_from = number \+ 1;/(void)changes; (void)number;/'
mutant include/seqcast/ring_parts.h unit/test_ring_parts 'the changes of one publication are not repeated' \
        's/\? number - depth \+ 1 : 1;/? number - depth + 2 : 1;/'
mutant include/seqcast/ring_parts.h unit/test_ring_parts 'a part published is not remembered' 's/seqcast_ring_changed\(changes, number, parts.*/;/'
mutant include/seqcast/ring_parts.h unit/test_ring_parts 'a short change hides a longer one' \
        's/newest->offset == offset \&\& newest->bytes == bytes/newest->offset == offset/'
mutant include/seqcast/ring_parts.h unit/test_ring_parts 'a range that changes again keeps its old number' \
        's/newest->number = number;/;/'
mutant include/seqcast/ring_parts.h unit/test_ring_parts 'the last byte of a whole copy is left out' 's/plan->base, 0, plan->bytes\)/plan->base, 0, plan->bytes - (plan->bytes != 0))/'
mutant include/seqcast/ring_parts.h unit/test_ring_parts 'the record is always copied whole' \
        's/plan.renewal = SEQCAST_RENEW_CHANGES;/plan.renewal = SEQCAST_RENEW_WHOLE;/'
mutant include/seqcast/ring_parts.h unit/test_ring_parts 'the traces of a first attempt stay' 's/plan.renewal = SEQCAST_RENEW_ZERO;/;/'
mutant include/seqcast/ring_parts.h unit/test_ring_parts 'a torn record is updated' 's/return -ENODATA;/;/'
mutant include/seqcast/ring_parts.h unit/test_ring_parts 'the number of parts is not checked' 's/if \(count > SEQCAST_PARTS_MAX\)/if (false)/'
mutant include/seqcast/ring_parts.h unit/test_ring_parts 'a part may lie outside the record' \
        's/return -ERANGE;/continue;/'
mutant include/seqcast/ring_parts.h unit/test_ring_parts 'the length grows to the longest' 's/ring_write_end\(ring, slot, number, plan.bytes, time_ns\)/ring_write_end(ring, slot, number, ring->record_bytes, time_ns)/'

mutant include/seqcast/ring.h unit/test_ring 'a publication under way is news' \
        's/begun \/ 2 < want \? SEQCAST_NONE/(begun + 1) \/ 2 < want ? SEQCAST_NONE/'
mutant include/seqcast/ring.h unit/test_ring 'at depth 1, a publication under way is news' \
        's/begun \/ 2 >= want \&\& \(begun \& 1\) == 0\)/begun \/ 2 >= want)/'
mutant include/seqcast/ring.h unit/test_ring 'the retired mark of the version is news' \
        's/\(version \& ~SEQCAST_VERSION_RETIRED\) >= want/version >= want/'
mutant include/seqcast/ring.h unit/test_ring 'the retired mark of a slot is news' \
        's/depth_mask != 0 \&\& begun != SEQCAST_SEQ_RETIRED\)/depth_mask != 0)/'

lock=src/platform/lock_linux.c
mutant $lock unit/test_lock 'the lock belongs to the process' 's/F_OFD_SETLK/F_SETLK/
                s/F_OFD_GETLK/F_GETLK/'
mutant $lock unit/test_lock 'a writer takes the lock of a reader' 's/take\(fd, F_WRLCK/take(fd, F_RDLCK/'
mutant $lock unit/test_lock 'a reader takes the lock of a writer' 's/take\(fd, F_RDLCK/take(fd, F_WRLCK/'
mutant $lock unit/test_lock 'the lock is kept' 's/F_UNLCK, byte\)/F_RDLCK, byte)/'
mutant $lock unit/test_lock 'a reader is taken for a writer' 's/return lock\.l_type == F_WRLCK/return lock.l_type != F_UNLCK/
                s/one_byte\(F_RDLCK, byte\)/one_byte(F_WRLCK, byte)/'
mutant $lock unit/test_lock 'one of several bytes is looked at' 's/lock\.l_len = \(off_t\)count;//'

lock=src/platform/lock_portable.c
mutant $lock unit/test_lock 'no patience with those who ask' 's/(define PATIENCE_NAPS) 50/\1 0/'
mutant $lock unit/test_lock 'patience with a writer, too' 's/== SEQCAST__LOCK_WRITER\)$/== -1)/'
mutant $lock unit/test_lock 'patience without naps' 's/nanosleep\(&nap, NULL\);//'
mutant $lock unit/test_lock 'whoever asks keeps the lock' 's/^        flock\(fd, LOCK_UN\);//'
mutant $lock unit/test_lock 'the lock is kept' 's/^                flock\(fd, LOCK_UN\);/                ;/'
mutant $lock unit/test_lock 'a writer takes the lock of a reader' 's/try_lock\(fd, LOCK_EX\)/try_lock(fd, LOCK_SH)/'
mutant $lock unit/test_lock 'an error is no answer' 's/: -errno;/: 0;/'
mutant $lock unit/test_lock 'other bytes are locked, too' 's/if \(byte != PUBLISHER_BYTE\)/if (0)/'

foreign=include/seqcast/foreign.h
mutant $foreign unit/test_foreign 'the first bookend that is written is read first' \
        's/(struct seqcast_foreign foreign = \{) opened, closed, /\1 closed, opened, /'
mutant $foreign unit/test_foreign 'an odd count of NTP is taken for a record under way' 's/\{ count, count, valid, word_bytes, false \}/{ count, count, valid, word_bytes, true }/'
mutant $foreign unit/test_foreign 'F2: valid is not looked at before the copy' 's/if \(foreign->valid != NULL \&\& (.*F2)/if (false \&\& \1/'
mutant $foreign unit/test_foreign 'a count of 32 bits is read as one of 64' 's/if \(foreign->word_bytes == 4\)/if (false)/'
mutant $foreign unit/test_foreign 'a count of 64 bits is read as one of 32' 's/if \(foreign->word_bytes == 4\)/if (true)/'
mutant $foreign unit/test_foreign 'words of any width will do' 's/\(foreign->word_bytes == 4 \|\| foreign->word_bytes == 8\) \&\& /foreign->word_bytes != 0 \&\& /'
mutant $foreign unit/test_foreign 'words that are not aligned will do' 's/ \&\& places % foreign->word_bytes == 0 / /'
mutant $foreign unit/test_foreign 'words that are missing will do' 's/foreign->opened != NULL \&\& foreign->closed != NULL \&\& //'
mutant $foreign unit/test_foreign 'words that guard nothing will do' 's/NULL \&\& guards;/NULL;/'
mutant $foreign unit/test_foreign 'the alignment of valid is not looked at' 's/ \| \(uintptr_t\)foreign->valid;/;/'
mutant $foreign unit/test_foreign 'the data begins where its word does' 's/foreign_copy\(to, from, bytes\)/foreign_copy(to, (const unsigned char *)from - (uintptr_t)from % 8, bytes)/'
mutant $foreign unit/test_foreign 'the count of a record is that of the next' 's/\*ret_count = begun;/*ret_count = begun + 1;/'
mutant $foreign unit/test_foreign 'one attempt is enough' "$all"'s/(return SEQCAST_OK;\n *\}\n *)state = SEQCAST_BUSY;/\1return SEQCAST_BUSY;/'
mutant $foreign unit/test_foreign 'one attempt too many' 's/attempt < SEQCAST_FOREIGN_ATTEMPTS_MAX/attempt <= SEQCAST_FOREIGN_ATTEMPTS_MAX/'
mutant $foreign unit/test_foreign 'nothing valid is waited for' 's/if \(state == SEQCAST_NONE\)/if (false)/'
mutant $foreign unit/test_foreign 'a record that is being written is copied' 's/if \(state == SEQCAST_BUSY\)/if (false)/'

options=unit/test_memory_options
mutant src/handle/residence.c $options 'a prefault does nothing' 's/return seqcast__pages_populate\(base, end, writable\);/return 0;/'
mutant src/handle/residence.c $options 'a prefault fills holes' 's/^(        if )\(is_full\(segment\)\)$/\1(true)/'
mutant src/handle/residence.c $options 'a header that hides holes is believed' 's/ && !seqcast__segment_has_holes\(segment\);/;/'
mutant src/handle/residence.c $options 'a prefault of a sparse segment does nothing' 's/if \(r == 0 && start < stop\)/if (false)/'
mutant src/handle/residence.c $options 'everything is prefaulted that is mapped' 's/if \(\(segment->memory_asked & steps\[i\]\.flag\) == 0\)/if (segment->memory_asked == 0)/'
mutant src/handle/residence.c $options 'the alignment is forgotten' 's/segment->alignment = huge <= bytes \? huge : 0;/segment->alignment = 0;/'
mutant src/handle/residence.c $options 'a subscriber makes huge pages' 's/if \(!writable\)/if (false)/'
mutant src/handle/residence.c $options 'a sparse segment is made huge' 's/if \(!is_full\(segment\)\)/if (false)/'
mutant src/handle/residence.c $options 'what could not be had is not noted' 's/steps\[i\]\.act\(segment, writable, &reason\) == 0/steps[i].act(segment, writable, \&reason) <= 0/'
mutant src/handle/residence.c $options 'the reason is not told' 's/\*ret_detail = all;/;/'
mutant src/handle/residence.c $options 'the holes of a sparse segment are locked, too' 's/seqcast__pages_lock\(segment->base, bytes, !is_full\(segment\)\)/seqcast__pages_lock(segment->base, bytes, false)/'
mutant src/platform/pages_linux.c $options 'prefaulting by stores' 's/^( *)\(void\)atomic_load_explicit\(byte, memory_order_relaxed\);/\1atomic_store_explicit(byte, 0, memory_order_relaxed);/
                s/^( *)if \(madvise\(base, \(size_t\)bytes, writable \? MADV_POPULATE_WRITE.*$/\1if (!writable)/
                s/if \(errno != EINVAL\)/if (!writable)/'
mutant src/handle/subscriber.c $options 're-attaching forgets the options' 's/seqcast__residence_apply\(present, .*;/;/'
mutant src/handle/subscriber.c $options 'a segment that is not mapped has options' 's/\(options->flags & SEQCAST_ANY_OWNER\) != 0 && \(options->flags & SEQCAST__RESIDENCE_FLAGS\) != 0/false/'
mutant src/handle/reattach_plain.c $options 'a new place is not aligned' 's/grows \? make_reserve\(reattach, fresh->header.segment_bytes, fresh->alignment\)/grows ? make_reserve(reattach, fresh->header.segment_bytes, 0)/'
finish_mutants
