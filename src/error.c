/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Results in words. Knows nothing of what failed. */

#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int seqcast__fail(seqcast_detail *ret_detail, int error, const char *format, ...)
{
        va_list arguments;

        if (ret_detail == NULL)
                return error;
        va_start(arguments, format);
        vsnprintf(ret_detail->text, sizeof ret_detail->text, format, arguments);
        va_end(arguments);
        /* It may quote a foreign segment; nothing of that should reach a terminal unseen. */
        for (char *at = ret_detail->text; *at != '\0'; at++)
                if (*at < ' ' || *at > '~')
                        *at = '?';
        return error;
}

void seqcast__give_reason(seqcast_detail *ret_detail, const seqcast_detail *why, int error)
{
        if (ret_detail == NULL)
                return;
        if (why->text[0] != '\0')
                *ret_detail = *why;
        else
                seqcast__fail(ret_detail, error, "%s", seqcast_strerror(error));
}

const char *seqcast_strerror(int result)
{
        switch (result) {
        case SEQCAST_OK:
                return "success";
        case SEQCAST_NONE:
                return "nothing newer";
        case SEQCAST_EMPTY:
                return "nothing was ever published";
        case SEQCAST_BUSY:
                return "no whole record could be read: overwritten in every try, or a publication never "
                       "ended";
        case SEQCAST_RETIRED:
                return "the segment was replaced or removed; nothing newer will come";
        case SEQCAST_OVERWRITTEN:
                return "the record was overwritten while it was looked at";
        case SEQCAST_DIFFERENT:
                return "the schemas differ";
        case SEQCAST_TIMEOUT:
                return "nothing newer came in time";
        case SEQCAST_PUBLISHER_GONE:
                return "the publisher has ended without closing; nothing newer";
        case SEQCAST_PUBLISHER_LEFT:
                return "the publisher has left; nothing newer";
        case SEQCAST_DETACHED:
                return "the topic's name is gone, or names another segment";
        case SEQCAST_REATTACHED:
                return "the topic has another segment, which is read from now on";
        case SEQCAST_INTERRUPTED:
                return "the wait was interrupted";
#define CASE(code, text)                                                                                     \
        case -code:                                                                                          \
                return text;
                SEQCAST_ERRORS(CASE)
#undef CASE
        case -ENFILE:
                return "the system has too many open files";
        case -EIO:
                return "input/output error";
        case -EINTR:
                return "interrupted by a signal";
        case -EROFS:
                return "read-only file system";
        case -ENOTDIR:
                return "not a directory";
        default:
                return result < 0 ? "error of the system" : "unknown result";
        }
}
