/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The argument of -s: schema text, or @ and the name of a file that holds it. */

#ifndef SEQCAST_TOOLS_SCHEMA_OPTION_H
#define SEQCAST_TOOLS_SCHEMA_OPTION_H

#include "common/failure.h"
#include "seqcast.h"

/** Give *ret_schema back with seqcast_schema_free(). */
bool schema_from_option(const char *argument, seqcast_schema **ret_schema, struct failure *failure);

#define TYPE_NAME_BYTES 64

/** A topic's name as an identifier: "md.quote-1" becomes "md_quote_1". */
void type_name_from_topic(char name[TYPE_NAME_BYTES], const char *topic);

#endif
