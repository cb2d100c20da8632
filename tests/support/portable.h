/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Tests of what a portable build (make PORTABLE=1) does in another way, or has not. */

#ifndef SEQCAST_TESTS_PORTABLE_H
#define SEQCAST_TESTS_PORTABLE_H

#include <criterion/criterion.h>

#include "platform/futex.h"

static inline bool is_portable(void)
{
        return !seqcast__futex_can_wake();
}

static inline void skip_if_portable(const char *why)
{
        if (is_portable())
                cr_skip_test("a portable build: %s", why);
}

#endif
