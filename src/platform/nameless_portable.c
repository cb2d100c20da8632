/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include "platform/nameless.h"

#include <errno.h>

int seqcast__nameless_open(const char *directory)
{
        (void)directory;
        return -EOPNOTSUPP;
}

int seqcast__nameless_link(int fd, const char *path)
{
        (void)fd;
        (void)path;
        return -ENOSYS;
}

int seqcast__nameless_memory(const char *label, bool huge)
{
        (void)label;
        (void)huge;
        return -ENOSYS;
}

int seqcast__nameless_seal(int fd)
{
        (void)fd;
        return -ENOSYS;
}

int seqcast__nameless_is_sealed(int fd)
{
        (void)fd;
        return -ENOSYS;
}
