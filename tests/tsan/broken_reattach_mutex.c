/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Shows that ThreadSanitizer would report it if the segment were replaced, or asked about, without the
 * mutex. */

#define _GNU_SOURCE
#include "../support/broken/halt_on_report.h"

#include <pthread.h>

#define pthread_mutex_lock(mutex) ((void)(mutex))
#define pthread_mutex_unlock(mutex) ((void)(mutex))
#include "../../src/handle/subscriber.c"
#undef pthread_mutex_lock
#undef pthread_mutex_unlock

#include "../torture/reattach.c"
