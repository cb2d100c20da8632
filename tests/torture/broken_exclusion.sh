#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Does exclusion.c notice when two can be the publisher?

. tests/support/twins.sh

twins_of tests/torture/exclusion.c

plant src/handle/acquire.c 's/r = seqcast__lock_take\(segment->fd, SEQCAST__PUBLISHER_LOCK_BYTE\);/r = 0;/'
caught "a lock that is not taken" '[1-9][0-9]* double owners' --count 4000

plant src/handle/acquire.c 's/r = seqcast__segment_is_detached\(segment\);/r = 0;/'
caught "a name that is not looked at again under the lock" '[1-9][0-9]* (names stolen|orphans acquired)' --count 8000

plant src/platform/lock_linux.c 's/F_OFD_SETLK/F_SETLK/'
caught "a lock that belongs to the process" '[1-9][0-9]* (double owners|second handles)' --count 4000

plant src/handle/acquire.c 's/^( *)if \(r == SEQCAST__LOCK_WRITER\)$/\1if (r == SEQCAST__LOCK_WRITER \&\& may_replace(wish)) return REPLACE;\n&/'
caught "a live publisher who is replaced" '[1-9][0-9]* names stolen' --count 4000

plant src/handle/acquire.c 's/r = create\(wish, false, ret_segment\)/r = create(wish, true, ret_segment)/'
caught "a creator who overwrites a name that has just appeared" '[1-9][0-9]* names stolen' --count 20000

finish
