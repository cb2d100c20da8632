/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Shows that ThreadSanitizer would report a race in the reader of foreign.c, if there were one: the owner
 * stores as ever, and the reader copies plainly. */

#include "../support/broken/plain_copy.h"

#define store_data seqcast_copy_store_shipped

#include "foreign.c"
