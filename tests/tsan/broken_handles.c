/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Shows that ThreadSanitizer would report a race in handles.c, if there were one: the publisher copies
 * plainly. */

#include "../support/broken/plain_copy.h"

#include "../../src/handle/publish.c"

#include "handles.c"
