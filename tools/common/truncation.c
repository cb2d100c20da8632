/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Preparing what a signal handler cannot put together any more. */

#include "common/truncation.h"

#include <inttypes.h>

#include "common/stop.h"

void guard_against_truncation(const struct reporter *reporter, uint64_t segment_bytes)
{
        struct failure failure;
        struct text message = TEXT_EMPTY;
        fail(&failure, E_DAMAGED, "truncated: header says %" PRIu64 " bytes, the object has fewer now",
             segment_bytes);
        fail_hint(&failure, "Was it resized by another program?");
        if (!reporter->quiet)
                report_format(reporter, &failure, &message);
        stop_on_sigbus(text_string(&message), failure_exit_code(failure.class));
        text_free(&message);
}
