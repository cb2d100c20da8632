/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Handing a descriptor to whoever connects to a Unix socket: one byte, and the descriptor with it
 * (SCM_RIGHTS). Who may connect is what the permissions of the socket's file and directory say. Knows
 * nothing of what the descriptor leads to. */

#ifndef SEQCAST_TOOLS_HANDOVER_H
#define SEQCAST_TOOLS_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/failure.h"

struct handover; /* one that is being offered */

/** From now on, give `descriptor` to all who connect to the socket `path`, which this makes. The descriptor
 *  may not go away before handover_end(). */
bool handover_begin(struct handover **ret_handover, const char *path, int descriptor,
                    struct failure *failure);

/** Stop that, and remove the socket. Accepts NULL. */
void handover_end(struct handover *handover);

/** Get the descriptor that is offered at `path`, close-on-exec. What answers there may be anybody: nothing
 *  takes longer than `patience_ns`, and what the descriptor leads to is to be looked at with care. */
bool handover_receive(const char *path, int64_t patience_ns, int *ret_descriptor, struct failure *failure);

#endif
