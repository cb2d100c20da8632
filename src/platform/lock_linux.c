/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#define _GNU_SOURCE
#include "platform/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct flock one_byte(short type, int64_t byte)
{
        return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1 };
}

static int take(int fd, short type, int64_t byte)
{
        struct flock lock = one_byte(type, byte);

        if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
                return 0;
        return errno == EACCES ? -EAGAIN : -errno;
}

int seqcast__lock_take(int fd, int64_t byte)
{
        return take(fd, F_WRLCK, byte);
}

int seqcast__lock_take_shared(int fd, int64_t byte)
{
        return take(fd, F_RDLCK, byte);
}

void seqcast__lock_drop(int fd, int64_t byte)
{
        struct flock lock = one_byte(F_UNLCK, byte);

        fcntl(fd, F_OFD_SETLK, &lock);
}

int seqcast__lock_obstacle(int fd, int64_t byte, int64_t count)
{
        struct flock lock = one_byte(F_WRLCK, byte);

        lock.l_len = (off_t)count;
        if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
                return -errno;
        if (lock.l_type == F_UNLCK)
                return SEQCAST__LOCK_FREE;
        return lock.l_type == F_RDLCK ? SEQCAST__LOCK_READERS : SEQCAST__LOCK_WRITER;
}

int seqcast__lock_is_held(int fd, int64_t byte)
{
        struct flock lock = one_byte(F_RDLCK, byte);

        if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
                return -errno;
        return lock.l_type == F_WRLCK;
}
