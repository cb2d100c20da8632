/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#define _GNU_SOURCE
#include "platform/nameless.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int seqcast__nameless_open(const char *directory)
{
        int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        if (fd < 0) /* of the file system, which cannot, or of the kernel, which does not know the flag */
                return errno == EISDIR || errno == EINVAL ? -EOPNOTSUPP : -errno;
        return fd;
}

int seqcast__nameless_link(int fd, const char *path)
{
        char self[64];

        snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
                return 0;
        if (errno == ENOENT && linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH) == 0) /* no /proc */
                return 0;
        return -errno;
}

int seqcast__nameless_memory(const char *label, bool huge)
{
        int fd = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING | (huge ? MFD_HUGETLB : 0u));

        return fd < 0 ? -errno : fd;
}

#define SIZE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

int seqcast__nameless_seal(int fd)
{
        return fcntl(fd, F_ADD_SEALS, SIZE_SEALS | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0 ? -errno : 0;
}

int seqcast__nameless_is_sealed(int fd)
{
        int seals = fcntl(fd, F_GET_SEALS);

        if (seals < 0)
                return errno == EINVAL ? -EOPNOTSUPP : -errno;
        return (seals & F_SEAL_SHRINK) != 0 && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0;
}
