/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Linux: POSIX shared memory is a tmpfs at /dev/shm. shm_open() opens; but an object that has no name
 * until it is complete (nameless.h) is made in the directory itself. */

#define _GNU_SOURCE
#include "platform/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "platform/memory.h"
#include "platform/nameless.h"
#include "platform/process.h"

#define RESERVE_CHUNK_BYTES (UINT64_C(4) << 20) /* kernels before 6.11 start a fallocate over at a signal */
#define TEMPORARY_NAMES_MAX 100
#define PAGE_BYTES 4096 /* the smallest there is */

static void path_of(char *path, const char *name)
{
        snprintf(path, SEQCAST__SHM_NAME_BYTES + sizeof SEQCAST__SHM_DIRECTORY, SEQCAST__SHM_DIRECTORY "%s",
                 name);
}

#define PATH_BYTES (SEQCAST__SHM_NAME_BYTES + sizeof SEQCAST__SHM_DIRECTORY)

int seqcast__shm_open(const char *name, bool writable)
{
        /* shm_open() adds O_NOFOLLOW and O_CLOEXEC; never O_CREAT here. */
        int fd = shm_open(name, (writable ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY, 0);

        if (fd < 0) /* glibc takes a directory for an invalid name; ours have been checked */
                return errno == EINVAL ? -EISDIR : -errno;
        return seqcast__process_move_above_stderr(fd);
}

int seqcast__shm_reopen(int fd)
{
        char self[64];
        int opened;

        snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        opened = open(self, O_RDONLY | O_CLOEXEC);
        return seqcast__process_move_above_stderr(opened);
}

static void temporary_name(char *name, const char *stem)
{
        snprintf(name, SEQCAST__SHM_NAME_BYTES, "/.%.200s.%016" PRIx64, stem, seqcast__process_random());
}

/* Where names cannot be given later. */
static int open_named_draft(struct seqcast__shm_draft *ret_draft)
{
        char path[PATH_BYTES];

        for (int attempt = 0; attempt < TEMPORARY_NAMES_MAX; attempt++) {
                temporary_name(ret_draft->name, "seqcast");
                path_of(path, ret_draft->name);
                ret_draft->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
                if (ret_draft->fd >= 0)
                        return 0;
                if (errno != EEXIST)
                        return -errno;
        }
        return -EEXIST;
}

int seqcast__shm_draft_open(struct seqcast__shm_draft *ret_draft)
{
        int fd = seqcast__nameless_open(SEQCAST__SHM_DIRECTORY);

        ret_draft->name[0] = '\0';
        ret_draft->fd = fd;
        if (fd == -EOPNOTSUPP)
                fd = open_named_draft(ret_draft);
        if (fd < 0)
                return fd;
        fd = seqcast__process_move_above_stderr(ret_draft->fd);
        if (fd < 0) {
                ret_draft->fd = -1;
                seqcast__shm_draft_discard(ret_draft);
                return fd;
        }
        ret_draft->fd = fd;
        return 0;
}

int seqcast__shm_draft_open_nameless(struct seqcast__shm_draft *ret_draft, const char *label, bool huge)
{
        int fd = seqcast__nameless_memory(label, huge);

        ret_draft->name[0] = '\0';
        ret_draft->fd = fd < 0 ? fd : seqcast__process_move_above_stderr(fd);
        return ret_draft->fd < 0 ? ret_draft->fd : 0;
}

/* rename() replaces at one stroke, but needs a name to move. */
static int name_draft(struct seqcast__shm_draft *draft, const char *stem)
{
        char path[PATH_BYTES];
        int r = -EEXIST;

        for (int attempt = 0; attempt < TEMPORARY_NAMES_MAX && r == -EEXIST; attempt++) {
                temporary_name(draft->name, stem);
                path_of(path, draft->name);
                r = seqcast__nameless_link(draft->fd, path);
        }
        if (r < 0)
                draft->name[0] = '\0';
        return r;
}

int seqcast__shm_draft_link(struct seqcast__shm_draft *draft, const char *name, bool replace)
{
        char path[PATH_BYTES], temporary[PATH_BYTES];
        int r;

        path_of(path, name);
        if (draft->name[0] == '\0') {
                if (!replace)
                        return seqcast__nameless_link(draft->fd, path);
                r = name_draft(draft, name + 1);
                if (r < 0)
                        return r;
        }
        path_of(temporary, draft->name);
        if (replace ? rename(temporary, path) < 0 : link(temporary, path) < 0)
                return -errno;
        if (!replace)
                unlink(temporary);
        draft->name[0] = '\0';
        return 0;
}

void seqcast__shm_draft_discard(struct seqcast__shm_draft *draft)
{
        if (draft->name[0] != '\0')
                seqcast__shm_remove(draft->name);
        if (draft->fd >= 0)
                close(draft->fd);
        draft->fd = -1;
}

int seqcast__shm_remove(const char *name)
{
        return shm_unlink(name) < 0 ? -errno : 0;
}

int seqcast__shm_status(const char *name, struct stat *ret_status)
{
        char path[PATH_BYTES];

        path_of(path, name);
        return lstat(path, ret_status) < 0 ? -errno : 0;
}

int seqcast__shm_resize(int fd, uint64_t bytes)
{
        struct rlimit limit;

        /* Beyond this limit ftruncate() raises SIGXFSZ. */
        if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur)
                return -EFBIG;
        return ftruncate(fd, (off_t)bytes) < 0 ? -errno : 0;
}

/* For file systems without fallocate(2): write one byte of every page, the one that is there. We are
 * the only writer, and glibc's emulation would do the same with less care. */
static int rewrite_pages(int fd, uint64_t offset, uint64_t bytes)
{
        for (uint64_t end = offset + bytes; offset < end; offset = (offset / PAGE_BYTES + 1) * PAGE_BYTES) {
                char byte;
                int r = seqcast__shm_read(fd, offset, &byte, 1);

                if (r < 0)
                        return r;
                if (pwrite(fd, &byte, 1, (off_t)offset) != 1)
                        return errno == EINTR ? -EIO : -errno;
        }
        return 0;
}

int seqcast__shm_reserve(int fd, uint64_t offset, uint64_t bytes)
{
        while (bytes > 0) {
                uint64_t chunk = bytes < RESERVE_CHUNK_BYTES ? bytes : RESERVE_CHUNK_BYTES;

                if (fallocate(fd, 0, (off_t)offset, (off_t)chunk) == 0) {
                        offset += chunk;
                        bytes -= chunk;
                } else if (errno == EOPNOTSUPP) {
                        return rewrite_pages(fd, offset, bytes);
                } else if (errno != EINTR) {
                        return -errno;
                }
        }
        return 0;
}

int seqcast__shm_next_data(int fd, uint64_t offset, uint64_t end, uint64_t *ret_start, uint64_t *ret_end)
{
        off_t start = lseek(fd, (off_t)offset, SEEK_DATA), stop;

        if (start < 0 && errno != ENXIO)
                return -errno;
        if (start < 0 || (uint64_t)start >= end) {
                *ret_start = *ret_end = end;
                return 0;
        }
        stop = lseek(fd, start, SEEK_HOLE);
        if (stop < 0)
                return -errno;
        *ret_start = (uint64_t)start;
        *ret_end = (uint64_t)stop < end ? (uint64_t)stop : end;
        return 0;
}

int seqcast__shm_read(int fd, uint64_t offset, void *to, size_t bytes)
{
        char *at = to;

        while (bytes > 0) {
                ssize_t got = pread(fd, at, bytes, (off_t)offset);

                if (got < 0 && errno != EINTR)
                        return -errno;
                if (got == 0)
                        return -EPROTO;
                if (got > 0) {
                        at += got;
                        offset += (uint64_t)got;
                        bytes -= (size_t)got;
                }
        }
        return 0;
}

int seqcast__shm_is_memory(int fd)
{
        struct statfs status;

        if (fstatfs(fd, &status) < 0)
                return -errno;
        return (uint32_t)status.f_type == TMPFS_MAGIC || (uint32_t)status.f_type == RAMFS_MAGIC ||
               (uint32_t)status.f_type == HUGETLBFS_MAGIC;
}

bool seqcast__shm_is_huge(int fd)
{
        struct statfs status;

        return fstatfs(fd, &status) == 0 && (uint32_t)status.f_type == HUGETLBFS_MAGIC;
}

uint64_t seqcast__shm_free_bytes(int fd)
{
        struct statfs status;

        if (fstatfs(fd, &status) < 0)
                return UINT64_MAX;
        if (status.f_blocks == 0)
                return seqcast__memory_available_bytes();
        return (uint64_t)status.f_bavail * (uint64_t)status.f_bsize;
}
