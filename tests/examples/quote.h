/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The record that publisher.c and subscriber.c share. */

#ifndef EXAMPLES_QUOTE_H
#define EXAMPLES_QUOTE_H

#include "seqcast.h"

struct quote {
        int64_t bid, ask;
        uint32_t qty;
        char sym[12];
};

#define QUOTE_SCHEMA SEQCAST_SCHEMA(struct quote, bid, ask, qty, sym)

#endif
