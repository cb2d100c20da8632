/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include "platform/pages.h"

#include <errno.h>

int seqcast__pages_populate(void *base, uint64_t bytes, bool writable)
{
        (void)base, (void)bytes, (void)writable;
        return -ENOSYS;
}

uint64_t seqcast__pages_huge_bytes(void)
{
        return 0;
}

int seqcast__pages_collapse(void *base, uint64_t bytes)
{
        (void)base, (void)bytes;
        return -ENOSYS;
}

int seqcast__pages_lock(void *base, uint64_t bytes, bool as_touched)
{
        (void)base, (void)bytes, (void)as_touched;
        return -ENOSYS;
}

uint64_t seqcast__pages_lock_limit(void)
{
        return 0;
}
