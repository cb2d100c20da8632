/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Schemas as the library keeps them: checked, in order of offset, in one block of memory.
 * The public half of schema.c is declared in seqcast.h. */

#ifndef SEQCAST_SRC_LAYOUT_SCHEMA_H
#define SEQCAST_SRC_LAYOUT_SCHEMA_H

#include <stdbool.h>

#include "seqcast.h"

/* <ctype.h> follows the program's locale; schema text does not. */
static inline bool seqcast__is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static inline bool seqcast__starts_ident(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static inline bool seqcast__is_ident(char c)
{
        return seqcast__starts_ident(c) || seqcast__is_digit(c);
}

/**
 * A checked copy of any schema, its fields in order of offset. Free it with seqcast_schema_free().
 * @return 0; -EINVAL, with the reason; -ENOMEM
 */
int seqcast__schema_normalize(const seqcast_schema *schema, seqcast_detail *ret_detail,
                              seqcast_schema **ret_schema);

#endif
