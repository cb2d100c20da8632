/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A planted bug, to be included before all else: the writer does not mark the slot it writes (W1). */

#define seqcast_seqlock_write_begin seqcast_seqlock_write_begin_shipped
#include "seqcast/seqlock.h"
#undef seqcast_seqlock_write_begin

static inline void seqcast_seqlock_write_begin(seqcast_word *seq, uint64_t number)
{
        (void)seq;
        (void)number;
        SEQCAST_FENCE(memory_order_release);
}
