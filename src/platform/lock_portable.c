/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* flock(2): it belongs to the open file, too, but there is one lock for the whole of it, and no asking who
 * holds it but by trying. So there is a lock for the publisher alone, on the first byte; and whoever asks
 * holds a read lock for a moment, for which whoever takes the write lock has patience. */

#define _DEFAULT_SOURCE
#include "platform/lock.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>

#define PUBLISHER_BYTE 0
#define PATIENCE_NAPS 50
#define NAP_NS 1000000

static int try_lock(int fd, int operation)
{
        int r;

        do
                r = flock(fd, operation | LOCK_NB);
        while (r < 0 && errno == EINTR);
        if (r == 0)
                return 0;
        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

int seqcast__lock_take(int fd, int64_t byte)
{
        static const struct timespec nap = { .tv_nsec = NAP_NS };

        if (byte != PUBLISHER_BYTE)
                return -ENOSYS;
        for (int naps = 0;; naps++) {
                int r = try_lock(fd, LOCK_EX);

                if (r != -EAGAIN || naps == PATIENCE_NAPS)
                        return r;
                if (seqcast__lock_obstacle(fd, byte, 1) == SEQCAST__LOCK_WRITER)
                        return -EAGAIN;
                nanosleep(&nap, NULL);
        }
}

int seqcast__lock_take_shared(int fd, int64_t byte)
{
        return byte == PUBLISHER_BYTE ? try_lock(fd, LOCK_SH) : -ENOSYS;
}

void seqcast__lock_drop(int fd, int64_t byte)
{
        if (byte == PUBLISHER_BYTE)
                flock(fd, LOCK_UN);
}

int seqcast__lock_obstacle(int fd, int64_t byte, int64_t count)
{
        int r;

        (void)count;
        if (byte != PUBLISHER_BYTE)
                return SEQCAST__LOCK_FREE;
        r = try_lock(fd, LOCK_SH);
        if (r == -EAGAIN)
                return SEQCAST__LOCK_WRITER;
        if (r < 0)
                return r;
        flock(fd, LOCK_UN);
        return SEQCAST__LOCK_READERS;
}

int seqcast__lock_is_held(int fd, int64_t byte)
{
        int obstacle = seqcast__lock_obstacle(fd, byte, 1);

        return obstacle < 0 ? obstacle : obstacle == SEQCAST__LOCK_WRITER;
}
