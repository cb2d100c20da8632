/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A topic that a tool reads from, the segment that carries it at the moment, and the state both are
 * in. Knows nothing of records. */

#ifndef SEQCAST_TOOLS_ATTACHMENT_H
#define SEQCAST_TOOLS_ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/failure.h"
#include "common/topic.h"
#include "seqcast.h"

struct attachment {
        const struct topic *topic;
        const seqcast_schema *schema; /* to insist on, or NULL */
        bool owner_given;             /* --owner */
        uint32_t owner;
        bool any_owner;        /* --any-owner */
        uint32_t memory_flags; /* SEQCAST_PREFAULT ... */
        int descriptor;        /* --from; -1: by name */
        seqcast_subscriber *subscriber;
        seqcast_info info;
        seqcast_detail not_done; /* what of memory_flags could not be had, and why */
        seqcast_status status;
        int64_t status_at; /* clock_now() of `status` */
};

/** Open the topic. If it is not there or not ready, sleep up to `patience_ns` until it is; signals do not
 *  end that. @return what the library says; ret_detail says more */
int attachment_open(struct attachment *attachment, int64_t patience_ns, seqcast_detail *ret_detail);

void attachment_close(struct attachment *attachment);

/** Learn the status anew if it is older than `age_ns`. */
void attachment_refresh(struct attachment *attachment, int64_t now, int64_t age_ns);

/** Is there, or will there be, something else under the topic's name? Or, where it has none, nothing more? */
bool attachment_moved(const struct attachment *attachment);

/** "written by pid 4711 (md-feed), which is gone ...": why nobody publishes. Always false
 * (E_WRITER). */
bool attachment_fail_no_writer(const struct attachment *attachment, struct failure *failure);

/** Why a segment of depth 1 cannot be read. Always false (E_WRITER). */
bool attachment_fail_torn(const struct attachment *attachment, struct failure *failure);

#endif
