/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* One loop: look at the publisher, read until there is nothing newer, sleep until there is. Whatever ends
 * the sleep, the reason shows in the next look or read. */

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

#define SLICE_NS (100 * NS_PER_MS)     /* how long the library may sleep: no signal ends that */
#define SPIN_SLICE_NS (50 * NS_PER_MS) /* ... or look without pause */
#define CHECK_NS (100 * NS_PER_MS)     /* how often to look at what no descriptor tells of */
#define STATUS_NS (50 * NS_PER_MS)     /* how old a publisher's state may be when it is printed */
#define PATIENCE_NS NS_PER_SECOND      /* for what should take no time, where no -W is given */

static bool follows(const struct follower *follower)
{
        return follower->wish.follow != FOLLOW_NOT;
}

static bool samples(const struct follower *follower)
{
        return follower->wish.interval_ns != DURATION_UNSET;
}

/* At times of the user's choice, whether or not there is news. */
static bool looks_by_the_clock(const struct follower *follower)
{
        return samples(follower) || follower->wish.poll_ns != DURATION_UNSET;
}

/* Whether the answer may take time: otherwise what is not there now is an error now. */
static bool is_patient(const struct follower *follower)
{
        const struct follow_wish *wish = &follower->wish;
        return follows(follower) || wish->timeout_ns != DURATION_UNSET || wish->new ||
               wish->idle_timeout_ns != DURATION_UNSET || wish->until != NULL;
}

static int64_t earlier(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

static int64_t give_up_at(const struct follower *follower)
{
        int64_t idle = follower->wish.idle_timeout_ns == DURATION_UNSET
                               ? CLOCK_NEVER
                               : clock_after(follower->last_record_at, follower->wish.idle_timeout_ns);
        return earlier(idle, follower->deadline);
}

/* How long the library may sleep from `now` on. */
static int64_t slice(const struct follower *follower, int64_t now)
{
        int64_t longest = follower->wish.spin ? SPIN_SLICE_NS : SLICE_NS;
        int64_t left = give_up_at(follower) - now;
        return left < 0 ? 0 : earlier(left, longest);
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
        struct text waited = TEXT_EMPTY;
        print_duration(&waited, waited_ns);
        fail(failure, E_TIMEOUT, "%s for %s; gave up%s",
             error == -EAGAIN ? call->detail.text : "no such segment", text_string(&waited),
             give_up_at(follower) == CLOCK_NEVER          ? ""
             : give_up_at(follower) == follower->deadline ? " (-W)"
                                                          : " (--idle-timeout)");
        text_free(&waited);
        return false;
}

static struct library_call describe_call(const struct follower *follower)
{
        return (struct library_call){ follower->topic, follower->wish.schema, { "" }, false };
}

/* How long to try what `error` has said since then is not there yet; 0: not at all. */
static int64_t attach_deadline(const struct follower *follower, int error, int64_t since)
{
        int64_t deadline = give_up_at(follower);
        bool waits = follower->wish.follow == FOLLOW_NAME || follower->deadline != CLOCK_NEVER;
        if (error == -ENOENT)
                return waits ? deadline : 0;
        if (error == -EAGAIN)
                return deadline != CLOCK_NEVER ? deadline : since + PATIENCE_NS;
        return 0;
}

/* From the segment just opened. */
static void begin_reading(struct follower *follower)
{
        follower->waiting_for_name = false;
        follower->ignored_number = 0;
        follower->next_read = 0;
        follower->caught_up = false;
        follower->sliced = follower->wish.spin;
        if (follower->wish.spin)
                seqcast_subscriber_set_spin(follower->attachment.subscriber, SPIN_SLICE_NS);
        if (follower->attachment.info.memory_missing != 0)
                report_warning(follower->reporter, "%s", follower->attachment.not_done.text);
        guard_against_truncation(follower->reporter, follower->attachment.info.segment_bytes);
        attachment_refresh(&follower->attachment, clock_now(), 0);
        report_debug(follower->reporter, "opened %s, incarnation %016" PRIx64, follower->topic->name,
                     follower->attachment.info.incarnation);
}

static bool attach(struct follower *follower, struct failure *failure)
{
        struct library_call call = describe_call(follower);
        int64_t since = clock_now(), patience_ns = 0;
        int error = 0, r;
        while ((r = attachment_open(&follower->attachment, patience_ns, &call.detail)) != 0) {
                int64_t now = clock_now();
                if (error != 0 && error != r)
                        since = now;
                error = r;
                int64_t deadline = attach_deadline(follower, error, since);
                if (deadline == 0)
                        return fail_library(failure, error, &call);
                if (now >= deadline)
                        return fail_attach(follower, error, &call, now - since, failure);
                if (!follower->waiting_for_name)
                        report_notice(follower->reporter, "waiting for the topic");
                follower->waiting_for_name = true;
                stop_if_reader_is_gone();
                if (stop_requested())
                        return true;
                patience_ns = earlier(slice(follower, now), deadline - now);
        }
        begin_reading(follower);
        report_notice(follower->reporter, "attached, at publication %" PRIu64,
                      follower->attachment.status.version);
        return bind_view(follower, failure);
}

/* -F: somebody put another segment under the name, or took the name away. If nothing more comes in the one
 * we have, sleep until there is another, for a moment. */
static bool reattach(struct follower *follower, bool over, int64_t now, struct failure *failure)
{
        struct library_call call = describe_call(follower);
        struct attachment fresh = follower->attachment;
        int64_t patience_ns = over && !looks_by_the_clock(follower) ? slice(follower, now) : 0;
        fresh.subscriber = NULL;
        int r = attachment_open(&fresh, patience_ns, &call.detail);
        /* A topic that is being removed is marked before its name goes: this may be the old one yet. */
        if (r == 0 && fresh.info.incarnation == follower->attachment.info.incarnation) {
                attachment_close(&fresh);
                stop_wait_printing(-1, clock_after(now, patience_ns));
                r = -ENOENT;
        }
        if (r == -ENOENT || r == -EAGAIN) {
                if (!follower->waiting_for_name)
                        report_notice(follower->reporter, "the topic was removed; waiting for it");
                follower->waiting_for_name = true;
                follower->caught_up = patience_ns == 0;
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
        attachment_refresh(attachment, now, STATUS_NS);
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

static bool fail_over(const struct follower *follower, struct failure *failure)
{
        if (follower->topic->nameless)
                return fail(failure, E_NOSEG, "its publisher has ended, and a sealed segment gets no other");
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
        bool moved = attachment_moved(&follower->attachment);
        bool over =
                state == SEQCAST_RETIRED || (moved && follower->attachment.status.liveness != SEQCAST_LIVE);
        if ((moved || over) && follower->wish.follow == FOLLOW_NAME)
                return reattach(follower, over, now, failure);
        return !over || fail_over(follower, failure);
}

static bool read_once(struct follower *follower, int64_t now, struct failure *failure)
{
        int r = read_record(follower);
        follower->caught_up = r > 0;
        if (samples(follower))
                follower->next_read = next_sample(follower, now);
        else if (r > 0 && looks_by_the_clock(follower))
                follower->next_read = clock_after(now, follower->wish.poll_ns);
        if (r < 0) {
                struct library_call call = describe_call(follower);
                return fail_library(failure, r, &call);
        }
        if (r > 0)
                return handle_nothing(follower, r, now, failure);
        follower->busy_since = 0;
        if (!deliver(follower, now, failure))
                return false;
        if (follower->done || !samples(follower))
                return true;
        return handle_nothing(follower, follower->view.sample.retired != 0 ? SEQCAST_RETIRED : SEQCAST_NONE,
                              now, failure);
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

/* What takes system calls, and so is done after each sleep, but not for each record. */
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

/* ---- sleeping ------------------------------------------------------------------------------ */

/* @return false: it cannot be done */
static bool await_on_descriptor(struct follower *follower, int64_t until)
{
        seqcast_subscriber *subscriber = follower->attachment.subscriber;
        int r = seqcast_subscriber_fd(subscriber);
        if (r >= 0 && stop_wait_printing(r, until) == WAIT_INPUT)
                r = seqcast_subscriber_drain(subscriber);
        follower->sliced = r < 0;
        if (r < 0)
                report_debug(follower->reporter, "no descriptor to wait on: %s", seqcast_strerror(r));
        return r >= 0;
}

/* Until there may be news, until told to stop, or until there is something else to do. */
static bool await_news(struct follower *follower, int64_t now, struct failure *failure)
{
        bool checks = looks_by_the_clock(follower) || follower->wish.max_age_ns != DURATION_UNSET ||
                      follower->waiting_for_name || follower->busy_since != 0;
        int64_t until = earlier(give_up_at(follower), checks ? follower->next_check : CLOCK_NEVER);
        int r = 0;
        follower->next_check = 0;
        if (looks_by_the_clock(follower))
                stop_wait_printing(-1, earlier(until, follower->next_read));
        else if (follower->sliced || !await_on_descriptor(follower, until))
                r = seqcast_wait(follower->attachment.subscriber, slice(follower, now));
        if (r >= 0)
                return true;
        struct library_call call = describe_call(follower);
        return fail_library(failure, r, &call);
}

static bool watch(struct follower *follower, struct failure *failure)
{
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
                if ((follower->caught_up || now < follower->next_read) && !await_news(follower, now, failure))
                        return false;
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
        follower->attachment.any_owner = wish->any_owner;
        follower->attachment.memory_flags = wish->memory_flags;
        follower->attachment.descriptor = wish->descriptor;
        return (wish->until == NULL || condition_parse(&follower->until, wish->until, failure)) &&
               (wish->where == NULL || condition_parse(&follower->where, wish->where, failure));
}

bool follower_run(struct follower *follower, struct failure *failure)
{
        follower->last_record_at = clock_now();
        follower->deadline = follower->wish.timeout_ns == DURATION_UNSET
                                     ? CLOCK_NEVER
                                     : clock_after(follower->last_record_at, follower->wish.timeout_ns);
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
