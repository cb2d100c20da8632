/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Option structs begin with their size, so that programs built against an older or newer header than
 * this library's still understand one another. */

#ifndef SEQCAST_SRC_HANDLE_OPTIONS_H
#define SEQCAST_SRC_HANDLE_OPTIONS_H

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define SEQCAST__OPTIONS_BYTES_MAX 4096u

/**
 * Copy the caller's options over the defaults; NULL: keep these. What the caller's struct has beyond
 * ours must be zero: it asks for something that this library does not know. @return 0; -EINVAL
 */
static inline int seqcast__options_take(void *options, size_t size, const void *given)
{
        size_t given_size;

        if (given == NULL)
                return 0;
        memcpy(&given_size, given, sizeof given_size);
        if (given_size < sizeof given_size || given_size > SEQCAST__OPTIONS_BYTES_MAX)
                return -EINVAL; /* most likely never set */
        for (size_t i = size; i < given_size; i++)
                if (((const unsigned char *)given)[i] != 0)
                        return -EINVAL;
        memcpy(options, given, given_size < size ? given_size : size);
        return 0;
}

#endif
