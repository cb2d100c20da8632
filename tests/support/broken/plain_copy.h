/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A planted bug, to be included before all else: the payload is copied by memcpy(). That is a data
 * race, which ThreadSanitizer has to report. */

#define seqcast_copy_store seqcast_copy_store_shipped
#define seqcast_copy_load seqcast_copy_load_shipped
#include "seqcast/copy.h"
#undef seqcast_copy_store
#undef seqcast_copy_load

static inline void seqcast_copy_store(seqcast_word *words, uint64_t offset, const void *from, size_t bytes)
{
        memcpy((unsigned char *)(uintptr_t)words + offset, from, bytes);
}

static inline void seqcast_copy_load(void *to, const seqcast_word *words, uint64_t offset, size_t bytes)
{
        memcpy(to, (const unsigned char *)(uintptr_t)words + offset, bytes);
}
