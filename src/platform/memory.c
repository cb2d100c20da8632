/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#define _GNU_SOURCE
#include "platform/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define DUMP_BYTES_MAX                                                                                       \
        (UINT64_C(16) << 20) /* larger mappings stay out of core dumps: a dump keeps the
                                               dead publisher's lock for seconds a GiB */

static int map_at(void *at, int fd, uint64_t bytes, int protection, int flags, void **ret_base)
{
        void *base;

        if (bytes > PTRDIFF_MAX)
                return -EFBIG;
        base = mmap(at, (size_t)bytes, protection, flags, fd, 0);
        if (base == MAP_FAILED) /* EAGAIN: beyond RLIMIT_MEMLOCK, under mlockall() */
                return errno == EOVERFLOW ? -EFBIG : errno == EAGAIN ? -ENOMEM : -errno;
        *ret_base = base;
        return 0;
}

static int map(int fd, uint64_t bytes, int protection, int flags, void **ret_base)
{
        return map_at(NULL, fd, bytes, protection, flags, ret_base);
}

static uint64_t page_bytes(void)
{
        return (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t round_up(uint64_t bytes, uint64_t multiple)
{
        uint64_t part = bytes % multiple;

        return part == 0 ? bytes : bytes - part + multiple;
}

#define BLANK (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

int seqcast__memory_reserve(uint64_t bytes, uint64_t alignment, void **ret_base)
{
        uint64_t page = page_bytes(), room = round_up(bytes, page), before, behind;
        unsigned char *base;
        void *whole = NULL;
        int r;

        if (alignment <= page)
                return map(-1, bytes, PROT_READ, BLANK, ret_base);
        r = map(-1, room + alignment - page, PROT_READ, BLANK, &whole);
        if (r < 0)
                return r;
        base = whole;
        before = round_up((uintptr_t)whole, alignment) - (uintptr_t)whole;
        behind = alignment - page - before;
        if (before != 0)
                munmap(base, (size_t)before);
        if (behind != 0)
                munmap(base + before + room, (size_t)behind);
        *ret_base = base + before;
        return 0;
}

static int map_file(int fd, uint64_t bytes, uint64_t alignment, int protection, void **ret_base)
{
        void *reserved = NULL;
        int r;

        /* Files of huge pages are aligned by the kernel; others may happen to be. */
        r = map(fd, bytes, protection, MAP_SHARED, ret_base);
        if (r < 0 || alignment <= page_bytes() || (uintptr_t)*ret_base % alignment == 0)
                return r;
        munmap(*ret_base, (size_t)bytes);
        r = seqcast__memory_reserve(bytes, alignment, &reserved);
        if (r < 0)
                return r;
        r = map_at(reserved, fd, bytes, protection, MAP_SHARED | MAP_FIXED, ret_base);
        if (r < 0)
                munmap(reserved, (size_t)bytes);
        return r;
}

static void keep_from_dumps(void *base, uint64_t bytes)
{
        if (bytes > DUMP_BYTES_MAX)
                madvise(base, (size_t)bytes, MADV_DONTDUMP);
}

int seqcast__memory_map_read(int fd, uint64_t bytes, uint64_t alignment, void **ret_base)
{
        int r = map_file(fd, bytes, alignment, PROT_READ, ret_base);

        if (r == 0)
                keep_from_dumps(*ret_base, bytes);
        return r;
}

int seqcast__memory_map_read_at(int fd, uint64_t bytes, void *base)
{
        int r = map_at(base, fd, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, &base);

        if (r == 0)
                keep_from_dumps(base, bytes);
        return r;
}

void seqcast__memory_blank_at(void *base, uint64_t bytes)
{
        uint64_t skip = round_up((uintptr_t)base, page_bytes()) -
                        (uintptr_t)base; /* the rest of a page that holds something else */

        if (bytes > skip)
                map_at((unsigned char *)base + skip, -1, bytes - skip, PROT_READ, BLANK | MAP_FIXED, &base);
}

void seqcast__memory_keep_from_children(void *base, uint64_t bytes)
{
        madvise(base, (size_t)bytes, MADV_DONTFORK);
}

int seqcast__memory_map_write(int fd, uint64_t bytes, uint64_t alignment, void **ret_base)
{
        int r = map_file(fd, bytes, alignment, PROT_READ | PROT_WRITE, ret_base);

        if (r < 0)
                return r;
        /* A mapping pins the open file, and with it the lock, as an open descriptor does. */
        seqcast__memory_keep_from_children(*ret_base, bytes);
        keep_from_dumps(*ret_base, bytes);
        return 0;
}

int seqcast__memory_map_private(uint64_t bytes, void **ret_base)
{
        return map(-1, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, ret_base);
}

int seqcast__memory_map_wiped_on_fork(uint64_t bytes, void **ret_base)
{
        int r = seqcast__memory_map_private(bytes, ret_base);

        if (r == 0)
                madvise(*ret_base, (size_t)bytes,
                        MADV_WIPEONFORK); /* before Linux 4.14: fork handlers alone */
        return r;
}

uint64_t seqcast__memory_available_bytes(void)
{
        FILE *file = fopen("/proc/meminfo", "re");
        uint64_t kibibytes = UINT64_MAX / 1024;
        char line[128];

        if (file == NULL)
                return UINT64_MAX;
        while (fgets(line, sizeof line, file) != NULL)
                if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kibibytes) == 1)
                        break;
        fclose(file);
        return kibibytes * 1024;
}

void seqcast__memory_unmap(void *base, uint64_t bytes)
{
        if (base != NULL)
                munmap(base, (size_t)bytes);
}
