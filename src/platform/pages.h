/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Pages of a mapping that is there: mapped before they are used, made huge, kept from being swapped out. Two
 * implementations: pages_linux.c, and pages_portable.c that has none of it (make PORTABLE=1). */

#ifndef SEQCAST_SRC_PLATFORM_PAGES_H
#define SEQCAST_SRC_PLATFORM_PAGES_H

#include <stdbool.h>
#include <stdint.h>

/** Have page-table entries for all of these bytes, and change none of them. Holes of a file get memory.
 *  @return 0; -ENOSYS; -errno */
int seqcast__pages_populate(void *base, uint64_t bytes, bool writable);

/** Bytes of a transparent huge page; 0: this kernel has none. */
uint64_t seqcast__pages_huge_bytes(void);

/** Put huge pages in the place of small ones, as far as whole ones fit in; the contents stay. `base` is a
 *  multiple of one. Whoever else has the object mapped waits at most as long as one of them takes to copy.
 *  Holes get memory. @return 0 all are huge now; -EINVAL the kernel makes none; -ENOSYS; -errno: not all */
int seqcast__pages_collapse(void *base, uint64_t bytes);

/** Lock into memory; `as_touched`: each page from when it is used first. @return 0; -ENOSYS; -errno: nothing
 *  is locked */
int seqcast__pages_lock(void *base, uint64_t bytes, bool as_touched);

/** How many bytes this process may lock (RLIMIT_MEMLOCK); UINT64_MAX: any number. */
uint64_t seqcast__pages_lock_limit(void);

#endif
