/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Address space. Every function returns 0 or a negative errno. */

#ifndef SEQCAST_SRC_PLATFORM_MEMORY_H
#define SEQCAST_SRC_PLATFORM_MEMORY_H

#include <stdint.h>

/** Map a whole file, shared, at a multiple of `alignment`, a power of two (less than a page: of a page).
 *  @return -EFBIG if it does not fit this process's address space; -errno */
int seqcast__memory_map_read(int fd, uint64_t bytes, uint64_t alignment, void **ret_base);

/** ... over what is mapped at `base` now. A failure may leave nothing there. */
int seqcast__memory_map_read_at(int fd, uint64_t bytes, void *base);

/** Addresses that read as zeros, take no memory, and are meant to be mapped over. */
int seqcast__memory_reserve(uint64_t bytes, uint64_t alignment, void **ret_base);

/** Make such addresses of the whole pages in [base, base + bytes) again. */
void seqcast__memory_blank_at(void *base, uint64_t bytes);

/** Map a whole file ... writable, not inherited by children of fork(). */
int seqcast__memory_map_write(int fd, uint64_t bytes, uint64_t alignment, void **ret_base);

/** Private zeroed memory that takes no room until it is touched. */
int seqcast__memory_map_private(uint64_t bytes, void **ret_base);

/** Children of fork() do not get this mapping: no copies on write on either side. */
void seqcast__memory_keep_from_children(void *base, uint64_t bytes);

/** Private memory which a child of fork() finds zeroed. */
int seqcast__memory_map_wiped_on_fork(uint64_t bytes, void **ret_base);

/** Bytes that this machine could give without swapping; UINT64_MAX if it does not say. */
uint64_t seqcast__memory_available_bytes(void);

void seqcast__memory_unmap(void *base, uint64_t bytes);

#endif
