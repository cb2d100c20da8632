/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A subscriber on a publisher's own mapping. Not for programs: ThreadSanitizer sees nothing across two
 * mappings of one object, so its tests need both sides on one. */

#ifndef SEQCAST_SRC_HANDLE_SEAM_H
#define SEQCAST_SRC_HANDLE_SEAM_H

#include "handle/segment.h"

const struct seqcast__segment *seqcast__publisher_segment(const seqcast_publisher *publisher);

/** Close it before the publisher. @return 0; -ENOMEM; -errno */
int seqcast__subscriber_open_on(const seqcast_publisher *publisher, seqcast_subscriber **ret_subscriber);

#endif
