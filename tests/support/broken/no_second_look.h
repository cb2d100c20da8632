/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A planted bug, to be included before all else: the reader believes what it has copied (no R4). */

#define seqcast_seqlock_read_valid seqcast_seqlock_read_valid_shipped
#include "seqcast/seqlock.h"
#undef seqcast_seqlock_read_valid

static inline bool seqcast_seqlock_read_valid(const seqcast_word *seq, uint64_t begun)
{
        (void)seq;
        (void)begun;
        return true;
}
