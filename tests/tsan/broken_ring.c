/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Shows that ThreadSanitizer would report a race in ring.c, if there were one. */

#include "../support/broken/plain_copy.h"

#include "ring.c"
