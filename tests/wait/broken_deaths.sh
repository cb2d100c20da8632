#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# The kernel tells of a closed file before it drops the file's locks: does deaths notice if the end of a publisher
# that dies in between is not looked for again? Here every other look finds the lock of a dead publisher still there.
. tests/support/twins.sh

case ${BUILD##*/} in
*-portable*)
        skip "planted bugs" "in a portable build there is no descriptor to wait on"
        finish ;;
esac
twins_of tests/wait/deaths.c

locks_linger() {
        plant src/handle/wait.c 's/found\.gone = !is_live\(segment\);/static unsigned looks;\nfound.gone = !is_live(segment) \&\& looks++ % 2 != 0;/'
}

locks_linger
sound "a lock that is dropped after the look: the descriptor says so in time" '^ok 3 - killed'
locks_linger
plant src/handle/wait.c 's/ && !end_is_told\(subscriber\)\)$/ \&\& is_live(\&subscriber->own))/'
caught "a publisher that is not looked for again when its lock is gone" '^not ok 3 - killed'
finish
