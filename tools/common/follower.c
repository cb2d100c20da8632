/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* One loop: check what takes system calls now and then, read when it is time to, wait in
 * between. */

#include "common/follower.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/library_failure.h"
#include "common/number.h"
#include "common/options.h"
#include "common/stop.h"
#include "common/truncation.h"

#define ATTACH_POLL_NS (20 * NS_PER_MS) /* how often to look for a topic that is not there */
#define CHECK_NS (100 * NS_PER_MS)      /* how often to ask after the publisher and our own reader */
#define STATUS_NS (50 * NS_PER_MS)      /* how old a publisher's state may be when it is printed */
#define PATIENCE_NS NS_PER_SECOND       /* for what should take no time, where no -W is given */

static bool follows(const struct follower *follower)
{
        return follower->wish.follow != FOLLOW_NOT;
}

static bool samples(const struct follower *follower)
{
        return follower->wish.interval_ns != DURATION_UNSET;
}

/* Whether the answer may take time: otherwise what is not there now is an error now. */
static bool is_patient(const struct follower *follower)
{
        const struct follow_wish *wish = &follower->wish;
        return follows(follower) || wish->timeout_ns != DURATION_UNSET || wish->new ||
               wish->idle_timeout_ns != DURATION_UNSET || wish->until != NULL;
}

/* ---- attaching ----------------------------------------------------------------------------- */

static bool bind_condition(struct follower *follower, struct condition *condition, int *ret_column,
                           struct failure *failure)
{
        if (condition->label == NULL)
                return true;
        *ret_column = view_add(&follower->view, condition->label, false, failure);
        return *ret_column >= 0 &&
               condition_bind(condition, &follower->view.columns[*ret_column].named, failure);
}

static bool on_fields(const struct follower *follower)
{
        const char *on = follower->wish.on;
        return on != NULL && strcmp(on, "change") != 0 && strcmp(on, "diff") != 0;
}

static bool bind_compared_fields(struct follower *follower, struct failure *failure)
{
        follower->compared_from = follower->view.column_count;
        if (!on_fields(follower))
                return true;
        free(follower->on_names);
        follower->on_names = copy_string(follower->wish.on);
        for (char *name = strtok(follower->on_names, ","); name != NULL; name = strtok(NULL, ","))
                if (view_add(&follower->view, name, false, failure) < 0)
                        return false;
        return true;
}

/* Decide what to read of the segment just opened. */
static bool bind_view(struct follower *follower, struct failure *failure)
{
        view_open(&follower->view, follower->attachment.subscriber);
        text_clear(&follower->compared);
        follower->printed_number = 0;
        if (!output_bind(follower->output, &follower->view, failure) ||
            !bind_condition(follower, &follower->until, &follower->until_column, failure) ||
            !bind_condition(follower, &follower->where, &follower->where_column, failure) ||
            !bind_compared_fields(follower, failure))
                return false;
        view_prepare(&follower->view);
        return true;
}

static bool fail_attach(const struct follower *follower, int error, const struct library_call *call,
                        int64_t waited_ns, struct failure *failure)
{
        if (error != -EAGAIN && (error != -ENOENT || follower->wish.timeout_ns == DURATION_UNSET))
                return fail_library(failure, error, call);
        struct text waited = TEXT_EMPTY;
        print_duration(&waited, waited_ns);
        fail(failure, E_TIMEOUT, "%s for %s; gave up%s",
             error == -EAGAIN ? call->detail.text : "no such segment", text_string(&waited),
             follower->wish.timeout_ns != DURATION_UNSET ? " (-W)" : "");
        text_free(&waited);
        return false;
}

static struct library_call describe_call(const struct follower *follower)
{
        return (struct library_call){ follower->topic, follower->wish.schema, { "" }, false };
}

/* How long to try what `error` says is not there yet; 0: not at all. */
static int64_t attach_deadline(const struct follower *follower, int error, int64_t started)
{
        bool waits = follower->wish.follow == FOLLOW_NAME || follower->deadline != CLOCK_NEVER;
        if (error == -ENOENT)
                return waits ? follower->deadline : 0;
        if (error == -EAGAIN)
                return follower->deadline != CLOCK_NEVER ? follower->deadline : started + PATIENCE_NS;
        return 0;
}

/* From the segment just opened. */
static void begin_reading(struct follower *follower)
{
        follower->waiting_for_name = false;
        follower->ignored_number = 0;
        follower->next_read = 0;
        guard_against_truncation(follower->reporter, follower->attachment.info.segment_bytes);
        attachment_refresh(&follower->attachment, clock_now(), 0);
        report_debug(follower->reporter, "opened %s, incarnation %016" PRIx64, follower->topic->name,
                     follower->attachment.info.incarnation);
}

/* The library's own waiting hears no signal and cannot see that our reader is gone. */
static bool attach(struct follower *follower, struct failure *failure)
{
        struct library_call call = describe_call(follower);
        int64_t started = clock_now();
        for (;;) {
                int r = attachment_try(&follower->attachment, &call.detail);
                int64_t now = clock_now();
                if (r == 0)
                        break;
                int64_t deadline = attach_deadline(follower, r, started);
                if (now >= deadline)
                        return fail_attach(follower, r, &call, now - started, failure);
                if (!follower->waiting_for_name)
                        report_notice(follower->reporter, "waiting for the topic");
                follower->waiting_for_name = true;
                stop_if_reader_is_gone();
                int64_t next = now + ATTACH_POLL_NS;
                if (stop_wait(-1, next < deadline ? next : deadline) == WAIT_STOP)
                        return true;
        }
        begin_reading(follower);
        report_notice(follower->reporter, "attached, at publication %" PRIu64,
                      follower->attachment.status.version);
        return bind_view(follower, failure);
}

/* -F: somebody put another segment under the name, or took the name away. */
static bool reattach(struct follower *follower, struct failure *failure)
{
        struct library_call call = describe_call(follower);
        struct attachment fresh = follower->attachment;
        fresh.subscriber = NULL;
        int r = attachment_try(&fresh, &call.detail);
        /* A topic that is being removed is marked before its name goes: this may be the old one yet. */
        if (r == 0 && fresh.info.incarnation == follower->attachment.info.incarnation) {
                attachment_close(&fresh);
                r = -ENOENT;
        }
        if (r == -ENOENT || r == -EAGAIN) {
                if (!follower->waiting_for_name)
                        report_notice(follower->reporter, "the topic was removed; waiting for it");
                follower->waiting_for_name = true;
                follower->next_read = clock_now() + ATTACH_POLL_NS;
                return true;
        }
        if (r < 0)
                return fail_library(failure, r, &call);
        view_close(&follower->view);
        attachment_close(&follower->attachment);
        follower->attachment = fresh;
        begin_reading(follower);
        report_notice(follower->reporter, "attached to the topic's new segment");
        if (bind_view(follower, failure))
                return true;
        failure->class = E_SCHEMA;
        return fail_prefix(failure, "the topic was replaced: ");
}

/* ---- what becomes of a record -------------------------------------------------------------- */

static bool holds(const struct condition *condition, const struct view *view, int column)
{
        return condition->label == NULL || condition_holds(condition, view_bytes(view, (size_t)column));
}

/* The bytes that --on compares: of the fields it names, or of what is printed. */
static void collect_compared(const struct follower *follower, struct text *out)
{
        const struct view *view = &follower->view;
        if (!on_fields(follower) && view->whole) {
                print_raw(out, view);
                return;
        }
        for (size_t i = on_fields(follower) ? follower->compared_from : 0; i < view->column_count; i++) {
                const unsigned char *bytes = view_bytes(view, i);
                if ((on_fields(follower) || view->columns[i].shown) && bytes != NULL)
                        text_add(out, bytes, field_size(&view->columns[i].named.field));
        }
}

static bool is_news(struct follower *follower)
{
        const char *on = follower->wish.on;
        if (on == NULL)
                return true;
        if (strcmp(on, "change") == 0)
                return follower->view.sample.number != follower->printed_number;
        struct text now = TEXT_EMPTY;
        collect_compared(follower, &now);
        bool first = follower->printed_number == 0;
        bool news = first || now.length != follower->compared.length ||
                    memcmp(text_string(&now), text_string(&follower->compared), now.length) != 0;
        text_free(&follower->compared);
        follower->compared = now;
        return news;
}

static struct snapshot take_snapshot(struct follower *follower, int64_t now)
{
        struct attachment *attachment = &follower->attachment;
        const seqcast_sample *sample = &follower->view.sample;
        /* After a pause, another publisher may have taken over. */
        attachment_refresh(attachment, now, follows(follower) && !follower->paused ? STATUS_NS : 0);
        follower->paused = false;
        struct snapshot snapshot = { .name = follower->topic->shown,
                                     .view = &follower->view,
                                     .info = &attachment->info,
                                     .status = &attachment->status };
        bool our_clock = attachment->status.version == 0 || attachment->status.age_ns >= 0;
        if (sample->time_ns != 0 && our_clock) {
                int64_t age_ns = clock_boot() - sample->time_ns;
                snapshot.timed = true;
                snapshot.age_ns = age_ns > 0 ? age_ns : 0;
                snapshot.wall_ns = clock_boot_to_wall(sample->time_ns);
                if (snapshot.age_ns > follower->counts.max_age_ns)
                        follower->counts.max_age_ns = snapshot.age_ns;
        }
        return snapshot;
}

static bool fail_silently(struct failure *failure)
{
        fail(failure, E_FALSE, "no");
        failure->silent = true;
        return false;
}

static bool print_one(struct follower *follower, int64_t now, struct failure *failure)
{
        struct snapshot snapshot = take_snapshot(follower, now);
        follower->counts.printed++;
        follower->printed_number = follower->view.sample.number;
        return output_record(follower->output, &snapshot, failure);
}

static bool deliver(struct follower *follower, int64_t now, struct failure *failure)
{
        bool asked = follower->until.label != NULL;
        bool answer = asked && holds(&follower->until, &follower->view, follower->until_column);
        bool wanted = holds(&follower->where, &follower->view, follower->where_column) && is_news(follower) &&
                      (follows(follower) || !asked || answer);
        follower->last_record_at = now;
        follower->counts.received++;
        follower->counts.skipped += follower->view.sample.lost;
        if (follower->view.sample.lost > 0)
                report_notice(follower->reporter, "skipped %" PRIu64 " publications",
                              follower->view.sample.lost);
        if (wanted && !print_one(follower, now, failure))
                return false;
        if (!wanted && !is_patient(follower))
                return fail_silently(failure); /* --where: no */
        follower->done =
                answer || (follower->wish.count > 0 && follower->counts.printed >= follower->wish.count);
        return !follower->done || !asked || answer || fail_silently(failure); /* --until: never */
}

/* ---- reading ------------------------------------------------------------------------------- */

static bool fail_replaced(struct failure *failure)
{
        fail(failure, E_NOSEG, "the segment was replaced or removed; nothing newer comes in it");
        return fail_hint(failure, "-F follows the name");
}

static bool fail_empty(struct failure *failure)
{
        fail(failure, E_FALSE, "nothing has been published yet");
        return fail_hint(failure, "-W DUR waits for the first record");
}

/* Read tries that fail because a publication is under way, or never ended. */
static bool handle_busy(struct follower *follower, int64_t now, struct failure *failure)
{
        follower->counts.retries++;
        if (follower->busy_since == 0)
                follower->busy_since = now;
        attachment_refresh(&follower->attachment, now, STATUS_NS);
        uint32_t liveness = follower->attachment.status.liveness;
        if (follower->attachment.info.depth == 1 && liveness == SEQCAST_GONE &&
            follower->wish.follow != FOLLOW_NAME)
                return attachment_fail_torn(&follower->attachment, failure);
        if (follower->deadline == CLOCK_NEVER && !follows(follower) &&
            now - follower->busy_since > PATIENCE_NS)
                return fail(failure, E_TIMEOUT,
                            "no whole record in 1.0 s: the publisher is too fast, "
                            "or stopped in mid-publication");
        return true;
}

static int read_record(struct follower *follower)
{
        if (!samples(follower))
                return view_read_next(&follower->view);
        int r = view_read_newest(&follower->view);
        return r == 0 && follower->view.sample.number <= follower->ignored_number ? SEQCAST_NONE : r;
}

static int64_t next_sample(const struct follower *follower, int64_t now)
{
        int64_t due = follower->next_read > 0 ? follower->next_read + follower->wish.interval_ns
                                              : now + follower->wish.interval_ns;
        return due > now ? due : now + follower->wish.interval_ns;
}

static bool handle_nothing(struct follower *follower, int state, int64_t now, struct failure *failure)
{
        if (state == SEQCAST_BUSY && !handle_busy(follower, now, failure))
                return false;
        if (state != SEQCAST_BUSY)
                follower->busy_since = 0;
        if (state == SEQCAST_EMPTY && !is_patient(follower))
                return fail_empty(failure);
        if (state == SEQCAST_RETIRED || attachment_moved(&follower->attachment)) {
                if (follower->wish.follow == FOLLOW_NAME)
                        return reattach(follower, failure);
                if (state == SEQCAST_RETIRED)
                        return fail_replaced(failure);
        }
        return true;
}

static bool read_once(struct follower *follower, int64_t now, struct failure *failure)
{
        int r = read_record(follower);
        int64_t idle_ns = samples(follower) ? 0 : follower->wish.poll_ns;
        follower->next_read = samples(follower) ? next_sample(follower, now) : r == 0 ? 0 : now + idle_ns;
        if (r < 0) {
                struct library_call call = describe_call(follower);
                return fail_library(failure, r, &call);
        }
        if (r > 0) {
                follower->paused = true;
                return handle_nothing(follower, r, now, failure);
        }
        follower->busy_since = 0;
        if (!deliver(follower, now, failure))
                return false;
        if (!follower->done && samples(follower) && follower->view.sample.retired != 0)
                return handle_nothing(follower, SEQCAST_RETIRED, now, failure);
        return true;
}

/* ---- watching ------------------------------------------------------------------------------ */

static bool check_age(const struct follower *follower, struct failure *failure)
{
        const seqcast_status *status = &follower->attachment.status;
        if (follower->wish.max_age_ns == DURATION_UNSET || status->version == 0)
                return true;
        if (status->age_ns < 0)
                return fail(failure, E_WRITER,
                            "how old the value is cannot be known: the segment "
                            "stores no times, or those of another namespace");
        if (status->age_ns <= follower->wish.max_age_ns)
                return true;
        struct text age = TEXT_EMPTY, limit = TEXT_EMPTY;
        print_duration(&age, status->age_ns);
        print_duration(&limit, follower->wish.max_age_ns);
        fail(failure, E_WRITER, "the value is %s old, more than %s; last value is seq %" PRIu64 ".",
             text_string(&age), text_string(&limit), status->version);
        text_free(&age);
        text_free(&limit);
        return false;
}

static void notice_liveness(struct follower *follower)
{
        const seqcast_status *status = &follower->attachment.status;
        if (follower->noticed_liveness == status->liveness)
                return;
        follower->noticed_liveness = status->liveness;
        struct text program = TEXT_EMPTY;
        print_program(&program, status);
        report_notice(follower->reporter, "writer pid %" PRIu64 " (%s): %s", status->publisher_pid,
                      text_string(&program), liveness_word(status->liveness));
        text_free(&program);
}

/* What takes system calls, and so is not done for each record. */
static bool check(struct follower *follower, int64_t now, struct failure *failure)
{
        follower->next_check = now + CHECK_NS;
        attachment_refresh(&follower->attachment, now, 0);
        notice_liveness(follower);
        stop_if_reader_is_gone();
        if (follower->wish.require_writer && follower->attachment.status.liveness != SEQCAST_LIVE)
                return attachment_fail_no_writer(&follower->attachment, failure);
        return check_age(follower, failure);
}

static int64_t give_up_at(const struct follower *follower)
{
        int64_t idle = follower->wish.idle_timeout_ns == DURATION_UNSET
                               ? CLOCK_NEVER
                               : clock_after(follower->last_record_at, follower->wish.idle_timeout_ns);
        return idle < follower->deadline ? idle : follower->deadline;
}

/* Time is up: that is fine if what was asked for has been delivered. */
static bool give_up(struct follower *follower, struct failure *failure)
{
        follower->done = true;
        bool asked = follower->until.label != NULL;
        if (!asked && follower->counts.printed > 0 && follower->wish.count == 0)
                return true;
        if (asked)
                return fail(failure, E_TIMEOUT, "'%s' did not become true in time", follower->wish.until);
        if (follower->wish.count > 1)
                return fail(failure, E_TIMEOUT, "%" PRIu64 " of %" PRIu64 " records in time",
                            follower->counts.printed, follower->wish.count);
        return fail(failure, E_TIMEOUT, "no record in time");
}

static int64_t earliest(int64_t a, int64_t b, int64_t c)
{
        int64_t least = a < b ? a : b;
        return least < c ? least : c;
}

static bool watch(struct follower *follower, struct failure *failure)
{
        follower->last_record_at = clock_now();
        while (!follower->done && !stop_requested()) {
                int64_t now = clock_now();
                if (now >= follower->next_check && !check(follower, now, failure))
                        return false;
                if (now >= follower->next_read && !read_once(follower, now, failure))
                        return false;
                if (follower->done)
                        break;
                if (now >= give_up_at(follower))
                        return give_up(follower, failure);
                if (now < follower->next_read)
                        stop_wait(-1,
                                  earliest(follower->next_read, follower->next_check, give_up_at(follower)));
        }
        return true;
}

/* ---- the whole ----------------------------------------------------------------------------- */

bool follower_open(struct follower *follower, const struct follow_wish *wish, const struct reporter *reporter,
                   const struct topic *topic, struct output *output, struct failure *failure)
{
        memset(follower, 0, sizeof(*follower));
        follower->wish = *wish;
        follower->reporter = reporter;
        follower->topic = topic;
        follower->output = output;
        follower->attachment.topic = topic;
        follower->attachment.schema = wish->schema;
        follower->attachment.owner_given = wish->owner_given;
        follower->attachment.owner = wish->owner;
        return (wish->until == NULL || condition_parse(&follower->until, wish->until, failure)) &&
               (wish->where == NULL || condition_parse(&follower->where, wish->where, failure));
}

bool follower_run(struct follower *follower, struct failure *failure)
{
        follower->deadline = follower->wish.timeout_ns == DURATION_UNSET
                                     ? CLOCK_NEVER
                                     : clock_after(clock_now(), follower->wish.timeout_ns);
        if (!attach(follower, failure))
                return false;
        if (stop_requested())
                return true;
        if (follower->wish.new) {
                seqcast_subscriber *subscriber = follower->attachment.subscriber;
                follower->ignored_number = seqcast_subscriber_version(subscriber);
                seqcast_subscriber_skip(subscriber);
        }
        return watch(follower, failure);
}

void follower_close(struct follower *follower)
{
        view_close(&follower->view);
        attachment_close(&follower->attachment);
        condition_free(&follower->until);
        condition_free(&follower->where);
        text_free(&follower->compared);
        free(follower->on_names);
}
