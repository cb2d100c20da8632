/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Locks on bytes that belong to the open file, not to the process, so they exclude two handles of one process
 * as well, and the kernel drops them however the process ends: open-file-description locks (fcntl(2));
 * where there are none, what flock(2) can do (make PORTABLE=1). Knows nothing of what the bytes stand for. */

#ifndef SEQCAST_SRC_PLATFORM_LOCK_H
#define SEQCAST_SRC_PLATFORM_LOCK_H

#include <stdint.h>

enum seqcast__lock_holder { SEQCAST__LOCK_FREE = 0, SEQCAST__LOCK_READERS = 1, SEQCAST__LOCK_WRITER = 2 };

/** Take the write lock on one byte, without waiting; a portable build waits some 50 ms for readers, among
 *  whom are those who ask. @return 0; -EAGAIN someone holds it; -errno, in a portable build -ENOSYS for all
 *  bytes but 0 */
int seqcast__lock_take(int fd, int64_t byte);

/** Take a read lock: nobody can take the write lock while it is held. Likewise. */
int seqcast__lock_take_shared(int fd, int64_t byte);

/** Give it back at once, whoever else has the descriptor (a child of fork() that has not run yet). */
void seqcast__lock_drop(int fd, int64_t byte);

/** What would keep us from taking the write lock on these bytes? Whoever asks has no lock on them.
 *  @return enum seqcast__lock_holder; a portable build cannot tell FREE from READERS; -errno */
int seqcast__lock_obstacle(int fd, int64_t byte, int64_t count);

/** Is the write lock held? For read-only descriptors; read locks of others do not confuse it. Whoever asks
 *  has no lock.
 *  @return 1; 0; -errno */
int seqcast__lock_is_held(int fd, int64_t byte);

#endif
