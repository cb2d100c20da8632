/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Topic names: what the user types, what the library is given (SEQCAST_PREFIX in front), and which
 * ones exist on this machine. */

#ifndef SEQCAST_TOOLS_TOPIC_H
#define SEQCAST_TOOLS_TOPIC_H

#include <stdbool.h>

#include "common/failure.h"
#include "common/report.h"
#include "seqcast.h"

struct topic {
        const char *shown;                      /* as typed, without a leading slash */
        char name[SEQCAST_TOPIC_BYTES_MAX + 2]; /* for the library */
        bool nameless;                          /* a descriptor leads to it; the name is for people */
};

/** Check a name and put SEQCAST_PREFIX in front of it. `typed` must stay. */
bool topic_set(struct topic *topic, const char *typed, const char *program, struct failure *failure);

/** "no such segment", and which ones there are. `cure` closes the hint. Always false. */
bool topic_fail_missing(const struct topic *topic, struct failure *failure, const char *cure);

#endif
