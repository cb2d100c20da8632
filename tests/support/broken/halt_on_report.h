/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* For a twin whose bug may do any harm: the first report of ThreadSanitizer ends it, and so
 * does a crash, of which ThreadSanitizer is not to make a report of its own: when several threads crash at
 * the same time, that may never end. */

#define SECONDS_BY_DEFAULT 15
#define SECONDS_OF_GRACE 15

const char *__tsan_default_options(void);

__attribute__((visibility("default"))) const char *__tsan_default_options(void)
{
        return "halt_on_error=1:handle_segv=0:handle_sigbus=0:handle_abort=0";
}
