/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Shows that ThreadSanitizer would report it if seqcast_notify(), which any thread may call, changed what
 * the publisher's thread remembers of sleepers. */

#define _GNU_SOURCE
#include "../support/broken/halt_on_report.h"

#include "handle/waker.h"

#define seqcast__waker_notify(waker) seqcast__waker_attend((struct seqcast__waker *)(uintptr_t)(waker), 0)
#include "../../src/handle/publish.c"
#undef seqcast__waker_notify

#include "wait.c"
