/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* How a publisher comes by its segment: create it, take it over, or put a new one in its place.
 * At most one process ever holds a segment, and no name ever stands for a half-made one. */

#ifndef SEQCAST_SRC_HANDLE_ACQUIRE_H
#define SEQCAST_SRC_HANDLE_ACQUIRE_H

#include "handle/segment.h"

/**
 * @param options      with defaults filled in and flags checked
 * @param ret_segment  locked and mapped for writing
 * @param ret_created  whether nothing was ever published in it
 * @return 0, or an error of seqcast_publisher_open()
 */
int seqcast__acquire(const char *topic, const seqcast_publisher_options *options,
                     struct seqcast__segment *ret_segment, bool *ret_created);

#endif
