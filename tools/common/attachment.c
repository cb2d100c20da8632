/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Opening a topic for reading, and what there is to say about its publisher. */

#include "common/attachment.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/library_failure.h"
#include "common/number.h"
#include "common/print.h"

static int open_subscriber(const struct attachment *attachment, const seqcast_subscriber_options *options,
                           seqcast_subscriber **ret_subscriber)
{
        if (attachment->descriptor >= 0)
                return seqcast_subscriber_open_fd(attachment->descriptor, options, ret_subscriber);
        return seqcast_subscriber_open(attachment->topic->name, options, ret_subscriber);
}

int attachment_open(struct attachment *attachment, int64_t patience_ns, seqcast_detail *ret_detail)
{
        seqcast_subscriber *subscriber;
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        options.schema = attachment->schema;
        options.flags = (attachment->owner_given ? SEQCAST_SET_OWNER : 0u) |
                        (attachment->any_owner ? SEQCAST_ANY_OWNER : 0u) | attachment->memory_flags;
        options.owner = attachment->owner;
        options.ret_detail = ret_detail;
        int r = open_subscriber(attachment, &options, &subscriber);
        if ((r == -ENOENT || r == -EAGAIN) && patience_ns > 0 && attachment->descriptor < 0) {
                seqcast_detail late = { "" };
                options.timeout_ns = patience_ns;
                options.ret_detail = &late;
                int again = open_subscriber(attachment, &options, &subscriber);
                if (again != -ETIMEDOUT) { /* which does not tell what is missing */
                        r = again;
                        *ret_detail = late;
                }
        }
        if (r < 0)
                return r;
        attachment_close(attachment);
        attachment->subscriber = subscriber;
        seqcast_subscriber_info(subscriber, &attachment->info);
        attachment->not_done = *ret_detail;
        return 0;
}

void attachment_close(struct attachment *attachment)
{
        attachment->subscriber = seqcast_subscriber_close(attachment->subscriber);
        memset(&attachment->status, 0, sizeof(attachment->status));
        attachment->status_at = 0;
}

void attachment_refresh(struct attachment *attachment, int64_t now, int64_t age_ns)
{
        if (attachment->status_at != 0 && now - attachment->status_at < age_ns)
                return;
        if (seqcast_subscriber_status(attachment->subscriber, &attachment->status) == 0)
                attachment->status_at = now;
}

bool attachment_moved(const struct attachment *attachment)
{
        uint32_t liveness = attachment->status.liveness;
        bool abandoned = liveness == SEQCAST_GONE || liveness == SEQCAST_LEFT;
        return attachment->status.detached != 0 || liveness == SEQCAST_REPLACED ||
               (abandoned && attachment->descriptor >= 0); /* nobody can take it over */
}

static void print_last_publication(struct text *out, const seqcast_status *status)
{
        if (status->age_ns < 0)
                return;
        text_add_string(out, "; silent since ");
        print_time_local(out, "%H:%M:%S", clock_wall() - status->age_ns);
        text_add_string(out, " (");
        print_duration(out, status->age_ns);
        text_add_string(out, " ago)");
}

bool attachment_fail_no_writer(const struct attachment *attachment, struct failure *failure)
{
        const seqcast_status *status = &attachment->status;
        if (status->liveness == SEQCAST_UNPUBLISHED || status->epoch == 0)
                return fail(failure, E_WRITER, "nobody publishes it, and nobody ever has.");
        struct text program = TEXT_EMPTY, silence = TEXT_EMPTY;
        print_program(&program, status);
        print_last_publication(&silence, status);
        fail(failure, E_WRITER, "written by pid %" PRIu64 " (%s), which %s%s; last value is seq %" PRIu64 ".",
             status->publisher_pid, text_string(&program),
             status->liveness == SEQCAST_GONE   ? "is gone"
             : status->liveness == SEQCAST_LEFT ? "has left"
                                                : "was replaced",
             text_string(&silence), status->version);
        text_free(&program);
        text_free(&silence);
        return false;
}

bool attachment_fail_torn(const struct attachment *attachment, struct failure *failure)
{
        const seqcast_status *status = &attachment->status;
        fail(failure, E_WRITER,
             "the write in progress never ended (seq %" PRIu64 ", writer pid %" PRIu64 " dead)",
             status->version + 1, status->publisher_pid);
        return fail_hint(failure, "Last good value is lost; the next writer repairs it.");
}
