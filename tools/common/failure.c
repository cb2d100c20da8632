/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Failures: their ids and exit codes, and filling one in. */

#include "common/failure.h"

#include <stdio.h>
#include <string.h>

static const struct {
        const char *id;
        int exit_code;
} classes[] = {
#define FAILURE_ROW(id, code) { #id, code },
        FAILURE_CLASSES(FAILURE_ROW)
#undef FAILURE_ROW
};

const char *failure_id(enum failure_class class)
{
        return classes[class].id;
}

int failure_exit_code(enum failure_class class)
{
        return classes[class].exit_code;
}

bool fail(struct failure *failure, enum failure_class class, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(failure->message, sizeof(failure->message), format, arguments);
        va_end(arguments);
        failure->class = class;
        failure->silent = false;
        failure->hint[0] = '\0';
        return false;
}

bool fail_hint(struct failure *failure, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(failure->hint, sizeof(failure->hint), format, arguments);
        va_end(arguments);
        return false;
}

bool fail_prefix(struct failure *failure, const char *format, ...)
{
        char message[sizeof(failure->message)];
        memcpy(message, failure->message, sizeof(message));

        va_list arguments;
        va_start(arguments, format);
        int length = vsnprintf(failure->message, sizeof(failure->message), format, arguments);
        va_end(arguments);
        if (length >= 0 && (size_t)length < sizeof(failure->message))
                snprintf(failure->message + length, sizeof(failure->message) - (size_t)length, "%s", message);
        return false;
}
