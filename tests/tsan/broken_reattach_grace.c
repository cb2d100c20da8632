/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Shows, in a build with liburcu, that ThreadSanitizer would report it if a place were freed while readers
 * use it: there is no grace period. Nothing is unmapped, so that what is reported comes before the crash. */

#define _GNU_SOURCE
#include "../support/broken/halt_on_report.h"

#include <stddef.h>

void urcu_bp_synchronize_rcu(void);
void urcu_bp_read_lock(void) __attribute__((weak));
int munmap(void *base, size_t bytes);

/* Instead of the libraries'. */
__attribute__((visibility("default"))) void urcu_bp_synchronize_rcu(void)
{
}

__attribute__((visibility("default"))) int munmap(void *base, size_t bytes)
{
        (void)base;
        (void)bytes;
        return 0;
}

#define CANNOT_RUN (urcu_bp_read_lock == NULL ? "this build is without liburcu (make URCU=1)" : NULL)

#include "../torture/reattach.c"
