/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* How a tool talks on standard error: failures as one line (or one JSON object), notices, debug
 * lines. Control characters never get through: parts of a message can come from another user's
 * segment. */

#ifndef SEQCAST_TOOLS_REPORT_H
#define SEQCAST_TOOLS_REPORT_H

#include <stdbool.h>

#include "common/failure.h"
#include "common/text.h"

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct reporter {
        const char *program;
        const char *topic; /* as the user knows it, without the slash; NULL: not known yet */
        bool json;         /* failures as JSON objects */
        bool verbose;      /* notices are shown, and ids with failures */
        bool quiet;        /* failures speak by exit code alone */
        bool color;
};

/** Say what failed. @return the exit code */
int report_failure(const struct reporter *reporter, const struct failure *failure);

/** The text report_failure() would print, newline included. */
void report_format(const struct reporter *reporter, const struct failure *failure, struct text *out);

/** "program: /topic: ..." if verbose. */
void report_notice(const struct reporter *reporter, const char *format, ...) PRINTF_LIKE(2, 3);

/** "program: /topic: warning: ..." unless quiet: something else than asked for is done. */
void report_warning(const struct reporter *reporter, const char *format, ...) PRINTF_LIKE(2, 3);

/** "program: debug: ..." if SEQCAST_DEBUG is set to anything but "" and "0". */
void report_debug(const struct reporter *reporter, const char *format, ...) PRINTF_LIKE(2, 3);

/** Should this descriptor get colour? `choice` is an enum color_choice; NO_COLOR is honoured. */
bool color_wanted(int choice, int descriptor);

#endif
