/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Values that change from record to record: %n, %t, %r and %% in FIELD=VALUE. */

#ifndef SEQCAST_TOOLS_TEMPLATE_H
#define SEQCAST_TOOLS_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/failure.h"
#include "common/text.h"

struct template_state {
        uint64_t number; /* %n: of the record, from 1 */
        int64_t wall_ns; /* %t: CLOCK_REALTIME */
        uint64_t random; /* what %r comes from; any seed */
};

bool template_expand(struct text *out, const char *template, struct template_state *state,
                     struct failure *failure);

#endif
