/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Shows that ThreadSanitizer would report it, too, if readers looked for no order where they look for a new
 * place: what they load in V1 and V2, or with liburcu in U1, is not acquired. */

#define _GNU_SOURCE
#include "../support/broken/halt_on_report.h"

#include "handle/reattach.h"

#define memory_order_acquire memory_order_relaxed
#include "../support/broken/reattach.h"
#undef memory_order_acquire

#include "../torture/reattach.c"
