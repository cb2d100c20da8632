/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The torture of re-attachment, where ThreadSanitizer has nothing to report either. What it can see is what
 * handles share within their process: where the segment is, its generation, its descriptor, who shows
 * interest in it. */

#define SECONDS_BY_DEFAULT 5

#include "../torture/reattach.c"
