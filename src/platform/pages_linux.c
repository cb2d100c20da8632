/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#define _GNU_SOURCE
#include "platform/pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* Of kernels newer than the C library's headers may be. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define COLLAPSE_TRIES_MAX 8 /* EAGAIN: some pages were in use at that moment */

/* Loads do for a writer, too: what is shared and writable is mapped writable by the first load. */
static void touch(void *base, uint64_t bytes)
{
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

        for (uint64_t offset = 0; offset < bytes; offset += page) {
                _Atomic(unsigned char) *byte = (void *)((unsigned char *)base + offset);

                (void)atomic_load_explicit(byte, memory_order_relaxed);
        }
}

int seqcast__pages_populate(void *base, uint64_t bytes, bool writable)
{
        if (madvise(base, (size_t)bytes, writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) == 0)
                return 0;
        if (errno != EINVAL) /* before Linux 5.14 */
                return -errno;
        touch(base, bytes);
        return 0;
}

uint64_t seqcast__pages_huge_bytes(void)
{
        FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "re");
        uint64_t bytes = 0;

        if (file == NULL)
                return 0;
        if (fscanf(file, "%" SCNu64, &bytes) != 1 || (bytes & (bytes - 1)) != 0)
                bytes = 0;
        fclose(file);
        return bytes;
}

int seqcast__pages_collapse(void *base, uint64_t bytes)
{
        int r = 0;

        if (madvise(base, (size_t)bytes, MADV_HUGEPAGE) < 0) /* also for what the kernel does later */
                return -errno;
        for (int attempt = 0; attempt < COLLAPSE_TRIES_MAX; attempt++) {
                r = madvise(base, (size_t)bytes, MADV_COLLAPSE) < 0 ? -errno : 0;
                if (r != -EAGAIN)
                        break;
        }
        return r;
}

int seqcast__pages_lock(void *base, uint64_t bytes, bool as_touched)
{
        int r = as_touched ? mlock2(base, (size_t)bytes, MLOCK_ONFAULT) : mlock(base, (size_t)bytes);

        if (r == 0)
                return 0;
        r = -errno;
        munlock(base, (size_t)bytes); /* what could not be brought in is marked all the same */
        return r;
}

uint64_t seqcast__pages_lock_limit(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
                return UINT64_MAX;
        return limit.rlim_cur;
}
