/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Shows that ThreadSanitizer would report it if readers could find a new place before they find what it
 * says: what is stored for them in P3 and P4, or with liburcu in U2, is not released. */

#define _GNU_SOURCE
#include "../support/broken/halt_on_report.h"

#include "handle/reattach.h"

#define memory_order_release memory_order_relaxed
#include "../support/broken/reattach.h"
#undef memory_order_release

#include "../torture/reattach.c"
