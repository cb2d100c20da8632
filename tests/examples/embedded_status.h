/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A page that a server has mapped anyway, with the ring in it: embedded_status.c, embedded_cost.c. */

#ifndef EXAMPLES_EMBEDDED_STATUS_H
#define EXAMPLES_EMBEDDED_STATUS_H

#include <stdalign.h>

#include "seqcast/ring.h"

struct status {
        uint64_t requests, errors, bytes_sent;
        double load;
        char doing[16];
};

#define STATUS_DEPTH 4

struct server_page {
        char magic[8];
        int32_t pid;
        alignas(64) seqcast_word status[48]; /* all zero at first */
};

static inline struct seqcast_ring status_ring(struct server_page *page)
{
        return seqcast_ring_over(page->status, STATUS_DEPTH, sizeof(struct status));
}

static inline bool status_ring_fits(void)
{
        return seqcast_ring_bytes(STATUS_DEPTH, sizeof(struct status)) <=
               sizeof((struct server_page *)NULL)->status;
}

#endif
