/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What can go wrong in a tool: the ids and exit codes that scripts rely on, and one failure with
 * its cause and its cure. Knows nothing of the library and of how failures are shown. */

#ifndef SEQCAST_TOOLS_FAILURE_H
#define SEQCAST_TOOLS_FAILURE_H

#include <stdbool.h>

#include "common/text.h"

/** X(id, exit code). The same in all tools; listed under EXIT STATUS in their pages. */
#define FAILURE_CLASSES(X)                                                                                   \
        X(E_FALSE, 1)                                                                                        \
        X(E_IO, 1)                                                                                           \
        X(E_USAGE, 2)                                                                                        \
        X(E_NOSEG, 3)                                                                                        \
        X(E_SCHEMA, 4)                                                                                       \
        X(E_PERM, 5)                                                                                         \
        X(E_DAMAGED, 6)                                                                                      \
        X(E_VERSION, 7)                                                                                      \
        X(E_WRITER, 8)                                                                                       \
        X(E_DATA, 9)                                                                                         \
        X(E_TIMEOUT, 124)

#define FAILURE_ENUM(id, code) id,
enum failure_class { FAILURE_CLASSES(FAILURE_ENUM) FAILURE_CLASS_COUNT };
#undef FAILURE_ENUM

struct failure {
        enum failure_class class;
        bool silent;        /* the exit code says it all: a script asked a yes-or-no question */
        char message[1200]; /* what and why */
        char hint[800];     /* what to do about it; may be empty */
};

const char *failure_id(enum failure_class class);
int failure_exit_code(enum failure_class class);

/** Fill in what and why, without a hint. Always false, so that callers can `return fail(...)`. */
bool fail(struct failure *failure, enum failure_class class, const char *format, ...) PRINTF_LIKE(3, 4);

/** Add what to do about it. Always false. */
bool fail_hint(struct failure *failure, const char *format, ...) PRINTF_LIKE(2, 3);

/** Put words in front of the message: "line 17: ". Always false. */
bool fail_prefix(struct failure *failure, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
