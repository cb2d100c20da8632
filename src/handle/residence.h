/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Where the memory of a mapping is, for those who ask for it: mapped before it is used, in huge pages,
 * locked. What cannot be had is said, and done without. */

#ifndef SEQCAST_SRC_HANDLE_RESIDENCE_H
#define SEQCAST_SRC_HANDLE_RESIDENCE_H

#include "handle/segment.h"

/** The flags that publishers and subscribers have in common. */
#define SEQCAST__RESIDENCE_FLAGS (SEQCAST_PREFAULT | SEQCAST_HUGE_PAGES | SEQCAST_LOCK_MEMORY)

/** Before a segment is mapped, header and status known: note what of `flags` is asked for, and the alignment
 *  that it takes. */
void seqcast__residence_ask(struct seqcast__segment *segment, uint32_t flags);

/**
 * Do what was asked for to a segment that is mapped, and note what was done. A reader stores nothing and
 * takes no memory for holes.
 * @param ret_detail  may be NULL; set if anything was asked for: "", or what was not done and why
 */
void seqcast__residence_apply(struct seqcast__segment *segment, bool writable, seqcast_detail *ret_detail);

#endif
