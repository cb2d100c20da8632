#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the Seqcast authors
#
# Do the tests of names, namespaces, resources and surroundings notice when a check is not made?

# A test that a planted bug ends by force cleans up nothing: where that can be, in a memory of its own.
if [ "${PRIVATE_MEMORY-}" != yes ] && unshare -m mount -t tmpfs -o mode=1777 none /dev/shm 2>/dev/null; then
        export PRIVATE_MEMORY=yes
        exec unshare -m sh -c 'mount -t tmpfs -o mode=1777 none /dev/shm && exec sh "$0"' "$0"
fi

. tests/support/mutants.sh

# As the library is built, since the tests take over functions that it calls by this.
flags="$flags -D_FILE_OFFSET_BITS=64"
all=':a;N;$!ba;'

# ---- what stands under the name

mutant src/platform/shm.c process/test_zoo 'links are followed' \
        's/int fd = shm_open\(name, (.*), 0\);/char path[PATH_BYTES]; path_of(path, name); int fd = open(path, \1 | O_CLOEXEC);/'
mutant src/platform/shm.c process/test_zoo 'opening waits for the other end of a FIFO' 's/ \| O_NONBLOCK \| O_NOCTTY//'
mutant src/platform/shm.c process/test_namespaces 'opening creates' 's/\| O_NONBLOCK \| O_NOCTTY, 0\)/| O_NONBLOCK | O_CREAT, 0600)/'
mutant src/platform/shm.c process/test_zoo 'a short header passes for a whole one' \
        "$all"'s/if \(got == 0\)\n *return -EPROTO;/if (got == 0) return 0;/'
mutant src/handle/attach.c process/test_zoo 'a subscriber takes what is no file' 's/if \(!S_ISREG\(segment->status.st_mode\)\)/if (false)/'
mutant src/handle/acquire.c process/test_zoo 'a publisher takes what is no file' 's/if \(!S_ISREG\(status->st_mode\)\)/if (false)/'
mutant src/handle/attach.c process/test_zoo 'a subscriber trusts every owner' 's/status->st_uid != 0 \&\& status->st_uid != self/false/'
mutant src/handle/acquire.c process/test_zoo 'a publisher takes what is a stranger'"'"'s' 's/if \(status->st_uid != geteuid\(\)\)/if (false)/'
mutant src/handle/attach.c process/test_zoo 'a subscriber trusts what all may write' 's/S_IWGRP \| S_IWOTH/S_IWGRP/'
mutant src/handle/acquire.c process/test_zoo 'a publisher takes what all may write' 's/S_IWGRP \| S_IWOTH/S_IWGRP/'
mutant src/handle/attach.c process/test_zoo 'a subscriber reads from a disk' \
        's/return seqcast__segment_check_memory\(segment->fd, ret_detail\);/return 0;/'
mutant src/handle/acquire.c process/test_zoo 'a publisher creates on a disk' \
        's/int r = seqcast__segment_check_memory\(segment->fd, wish->ret_detail\);/int r = 0;/'
mutant src/handle/acquire.c process/test_zoo 'a publisher goes on with a newer format' \
        's/if \(header->format_version <= SEQCAST__FORMAT_VERSION \&\&/if (true ||/'
mutant src/layout/segment_layout.c process/test_zoo 'a feature that has to be known is passed over' \
        's/if \(header->features_required != 0\)/if (false)/'
mutant src/layout/segment_layout.c process/test_zoo 'a header that says less than there is passes' \
        's/if \(header->segment_bytes != file_bytes\)/if (header->segment_bytes > file_bytes)/'
mutant src/handle/acquire.c process/test_zoo 'what has lost its name is taken over' \
        's/r = seqcast__segment_is_detached\(segment\);/r = 0;/'
mutant src/handle/wait.c process/test_zoo 'a name is looked at only when the last one has gone' \
        's/#define NAME_CHECK_NS .*/#define NAME_CHECK_NS (INT64_MAX \/ 2)/'
mutant src/handle/segment.c process/test_zoo 'a name may be longer' 's/length > SEQCAST_TOPIC_BYTES_MAX/length > 201/'

# ---- namespaces

mutant src/handle/attach.c process/test_namespaces 'a subscriber takes nobody for himself' \
        's/!named \&\& seqcast__process_is_overflow_uid\(status->st_uid\)/false/'
mutant src/handle/acquire.c process/test_namespaces 'a publisher takes nobody for himself' \
        's/if \(seqcast__process_is_overflow_uid\(status->st_uid\)\)/if (false)/'
mutant src/platform/process.c process/test_namespaces 'uid 65534 is nobody everywhere' 's/return inside != 0 .*/return true;/'
mutant src/handle/segment.c process/test_namespaces 'an age is told by other clocks' \
        's/time_namespace != seqcast__clock_namespace\(\) \|\|/false ||/'
mutant src/platform/lock_linux.c process/test_namespaces 'a publisher is what its process number says' \
        's/return lock\.l_type == F_WRLCK;/return lock.l_type == F_WRLCK \&\& getpid() != 1;/'

# ---- surroundings

mutant src/platform/process.c process/test_surroundings 'a handle takes the place of a standard stream' 's/if \(fd > STDERR_FILENO\)/if (true)/'
mutant src/platform/nameless_linux.c process/test_surroundings 'a program inherits what was created' 's/O_TMPFILE \| O_RDWR \| O_CLOEXEC/O_TMPFILE | O_RDWR/'
mutant src/platform/shm.c process/test_surroundings 'a program inherits what was opened' \
        's/int fd = shm_open\(name, (.*), 0\);/char path[PATH_BYTES]; path_of(path, name); int fd = open(path, \1 | O_NOFOLLOW);/'
mutant src/platform/watch_linux.c process/test_surroundings 'a program inherits what is polled' 's/EPOLL_CLOEXEC/0/'
mutant src/platform/nameless_linux.c process/test_surroundings 'nothing can be named without /proc' \
        's/if \(errno == ENOENT \&\& linkat\(fd, "".*/if (false)/'
mutant src/platform/shm.c process/test_surroundings 'nothing can be made where all have names' \
        's/if \(fd == -EOPNOTSUPP\)/if (false)/'
mutant src/platform/shm.c process/test_surroundings 'a temporary name is left' \
        "$all"'s/if \(draft->name\[0\] != [^)]*\)\n *seqcast__shm_remove\(draft->name\);/;/'
mutant src/platform/shm.c process/test_surroundings 'nothing can be made where nothing is reserved' \
        's/\} else if \(errno == EOPNOTSUPP\) \{/} else if (false) {/'
mutant src/handle/acquire.c process/test_surroundings 'the umask has its way' \
        's/if \(fchmod\(segment->fd, .*\) < 0 \|\|/if (/'
mutant src/platform/nameless_linux.c process/test_surroundings 'the umask is changed' \
        's/(int fd = open\(directory, O_TMPFILE)/umask(077); \1/'
mutant src/platform/process.c process/test_surroundings 'a signal is ignored from now on' \
        's/^( *)pthread_once\(/\1signal(SIGBUS, SIG_IGN); pthread_once(/
                s/#include <pthread.h>/#include <signal.h>\n\0/'
mutant src/platform/clock.c process/test_surroundings 'something is printed' \
        's/^( *)(struct stat status;)/\1\2\n extern int dprintf(int, const char *, ...); dprintf(2, "a time namespace\\n");/'
mutant src/platform/memory.c process/test_surroundings 'memory is left mapped' 's/^( *)munmap\(base, .*/\1;/'
mutant src/platform/memory.c process/test_surroundings 'a child that fork() has not made has the handle' 's/MADV_WIPEONFORK/MADV_NORMAL/'
mutant src/platform/memory.c process/test_life 'a child keeps the mapping, and with it the lock' \
        's/madvise\(base, \(size_t\)bytes, MADV_DONTFORK\);/;/'
mutant src/platform/lock_linux.c process/test_surroundings 'a lock is of the process, not of the open file' 's/F_OFD_SETLK/F_SETLK/'

# ---- resources

mutant src/platform/shm.c process/test_resources 'a signal comes at the limit of the file size' 's/bytes > limit.rlim_cur/false/'
mutant src/handle/subscriber.c process/test_resources 'reading touches holes' 's/subscriber->sparse = .*/subscriber->sparse = false;/'
mutant src/platform/watch_linux.c process/test_resources 'a descriptor is left open when the next is not to be had' \
        "$all"'s/if \(r < 0\)\n *seqcast__watch_close\(watch\);/;/'
mutant src/handle/acquire.c process/test_resources 'the old segment is marked before the new one is there' \
        's/^( *)r = create\(wish, true, ret_segment\);/\1if (map_guarded(wish, old) == 0) { ring = seqcast__layout_ring(\&old->header, old->base); seqcast_ring_retire(\&ring); } r = create(wish, true, ret_segment);/'

finish_mutants
