/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Memory between two pages that fault: a step beyond either end kills the test. */

#ifndef SEQCAST_TESTS_GUARD_H
#define SEQCAST_TESTS_GUARD_H

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard {
        unsigned char *base; /* first usable byte, at the start of a page */
        size_t bytes;        /* whole pages */
        size_t page;
};

static inline struct guard guard_new(size_t bytes)
{
        struct guard guard;
        unsigned char *all;

        guard.page = (size_t)sysconf(_SC_PAGESIZE);
        guard.bytes = (bytes + guard.page - 1) / guard.page * guard.page;
        if (guard.bytes == 0)
                guard.bytes = guard.page;
        all = mmap(NULL, guard.bytes + 2 * guard.page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (all == MAP_FAILED)
                abort();
        guard.base = all + guard.page;
        if (mprotect(guard.base, guard.bytes, PROT_READ | PROT_WRITE) != 0)
                abort();
        return guard;
}

/** `bytes` bytes that end where the fault begins. */
static inline void *guard_at_end(const struct guard *guard, size_t bytes)
{
        return guard->base + guard->bytes - bytes;
}

static inline void guard_protect(const struct guard *guard, int protection)
{
        if (mprotect(guard->base, guard->bytes, protection) != 0)
                abort();
}

static inline void guard_free(struct guard *guard)
{
        munmap(guard->base - guard->page, guard->bytes + 2 * guard->page);
        guard->base = NULL;
}

#endif
