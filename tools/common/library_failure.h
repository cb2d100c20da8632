/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What the library returns as a failure with id, cause and cure: the one place where its errors
 * meet the tools' exit codes. */

#ifndef SEQCAST_TOOLS_LIBRARY_FAILURE_H
#define SEQCAST_TOOLS_LIBRARY_FAILURE_H

#include "common/failure.h"
#include "common/topic.h"
#include "seqcast.h"

struct library_call {
        const struct topic *topic;
        const seqcast_schema *schema; /* that was asked for, or NULL */
        seqcast_detail detail;        /* what the library says; may be empty */
        bool publishing;              /* who reads the cure */
};

/** `error` is negative. Always false. */
bool fail_library(struct failure *failure, int error, const struct library_call *call);

#endif
