/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A piece of shared memory with a name, for the peers that bring none of their own. */

#include "peer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void map(struct channel *channel, int fd, size_t bytes)
{
        channel->memory_bytes = bytes;
        channel->memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (channel->memory == MAP_FAILED)
                give_up_errno(channel->name, "mmap");
        close(fd);
}

void memory_create(struct channel *channel, size_t bytes)
{
        int fd = shm_open(channel->name, O_RDWR | O_CREAT | O_EXCL, 0600);

        if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0)
                give_up_errno(channel->name, "shm_open");
        map(channel, fd, bytes);
}

void memory_open(struct channel *channel)
{
        struct stat status;
        int fd;

        if (channel->memory)
                return;
        fd = shm_open(channel->name, O_RDWR, 0);
        if (fd < 0 || fstat(fd, &status) != 0)
                give_up_errno(channel->name, "shm_open");
        map(channel, fd, (size_t)status.st_size);
}

void memory_close(struct channel *channel, bool writer)
{
        (void)writer;
        munmap(channel->memory, channel->memory_bytes);
}
