/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* "Did you mean": the candidate nearest to what was typed. */

#ifndef SEQCAST_TOOLS_SUGGEST_H
#define SEQCAST_TOOLS_SUGGEST_H

#include <stddef.h>

struct suggestion {
        const char *typed;
        const char *nearest; /* NULL: nothing near enough yet */
        size_t distance;
};

/** Begin a search. */
struct suggestion suggest_for(const char *typed);

/** Consider a candidate; it is kept by pointer. */
void suggest_consider(struct suggestion *suggestion, const char *candidate);

#endif
