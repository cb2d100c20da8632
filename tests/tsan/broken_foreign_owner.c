/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What ThreadSanitizer says of an owner who stores his data plainly, as most do, in a thread of the same
 * program: it is a race, though no copy that is accepted is torn. */

#include "seqcast/copy.h"

static inline void store_plainly(seqcast_word *words, uint64_t offset, const void *from, size_t bytes)
{
        memcpy((unsigned char *)(uintptr_t)words + offset, from, bytes);
}
#define store_data store_plainly

#include "foreign.c"
