/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Re-attaching to the segment that has taken the place of another one, alone and with joined handles. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "../support/record.h"
#include "../support/waiting.h"

#define RECORD_BYTES 64u
#define JOINED 3u

static unsigned descriptors_before;
static seqcast_publisher *publisher;
static seqcast_subscriber *subscriber, *joined[JOINED];
static unsigned char record[RECORD_BYTES];
static seqcast_sample sample;

static void note_what_is_open(void)
{
        descriptors_before = count_descriptors();
}

static void close_all(void)
{
        for (unsigned i = 0; i < JOINED; i++)
                joined[i] = seqcast_subscriber_close(joined[i]);
        subscriber = seqcast_subscriber_close(subscriber);
        publisher = seqcast_publisher_close(publisher);
}

static void expect_nothing_left(void)
{
        close_all();
        topic_remove();
        expect_none_left("the descriptors", count_descriptors() - descriptors_before);
        expect_none_left("the objects in shared memory", count_objects());
}

TestSuite(reattach, .init = note_what_is_open, .fini = expect_nothing_left, .timeout = 30);

static void publish(unsigned count)
{
        for (unsigned i = 0; i < count; i++) {
                record_fill(record, sizeof record, seqcast_publisher_version(publisher) + 1);
                cr_assert(zero(int, seqcast_publish(publisher, record, sizeof record)));
        }
}

/* Another segment under the same name; `count` publications in it. */
static void renew(uint32_t depth, uint32_t flags, unsigned count)
{
        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, open_publisher(RECORD_BYTES, depth, flags | SEQCAST_RECREATE, &publisher)));
        publish(count);
}

static void open_with_joined(uint32_t flags)
{
        renew(4, 0, 0);
        cr_assert(zero(int, open_flagged_subscriber(flags | SEQCAST_SHARED, &subscriber)));
        for (unsigned i = 0; i < JOINED; i++) /* one of them from one that was joined itself */
                cr_assert(
                        zero(int, seqcast_subscriber_join(i == 0 ? subscriber : joined[i - 1], &joined[i])));
}

static void expect_next(seqcast_subscriber *from, uint64_t number, uint64_t lost)
{
        cr_assert(zero(int, seqcast_read_next(from, record, sizeof record, &sample)));
        cr_assert(eq(u64, sample.number, number));
        cr_assert(eq(u64, sample.lost, lost));
        cr_assert(record_check(record, sizeof record, number));
}

static void expect_no_next(seqcast_subscriber *from, int why)
{
        cr_assert(eq(int, seqcast_read_next(from, record, sizeof record, NULL), why));
}

static void expect_to_read_the_newest_segment(const seqcast_subscriber *handle)
{
        seqcast_info seen, published;

        seqcast_subscriber_info(handle, &seen);
        seqcast_publisher_info(publisher, &published);
        cr_assert(eq(u64, seen.incarnation, published.incarnation));
        cr_assert(eq(u64, seen.segment_bytes, published.segment_bytes));
        cr_assert(eq(u32, seen.depth, published.depth));
}

static void expect_reattached(seqcast_subscriber *handle)
{
        cr_assert(zero(int, seqcast_subscriber_reattach(handle, NULL)));
        expect_to_read_the_newest_segment(handle);
}

static void expect_refusal(int result, const char *why)
{
        seqcast_detail detail = { "" };

        cr_assert(eq(int, seqcast_subscriber_reattach(subscriber, &detail), result));
        cr_assert(ne(ptr, strstr(detail.text, why), NULL), "%s", detail.text);
        cr_assert(eq(int, seqcast_subscriber_reattach(subscriber, NULL), result));
}

/* ---- one handle --------------------------------------------------------------------------------- */

static const uint32_t alone_and_shared[] = { 0, SEQCAST_SHARED };

Test(reattach, to_the_same_segment_changes_nothing)
{
        for (size_t i = 0; i < 2; i++) {
                renew(4, 0, 0);
                cr_assert(zero(int, open_flagged_subscriber(alone_and_shared[i], &subscriber)));
                publish(2);
                expect_next(subscriber, 1, 0);
                for (int times = 0; times < 3; times++)
                        cr_assert(eq(int, seqcast_subscriber_reattach(subscriber, NULL), SEQCAST_NONE));
                publisher = seqcast_publisher_close(publisher); /* one that goes on is no other segment */
                cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, 0, &publisher)));
                cr_assert(eq(int, seqcast_subscriber_reattach(subscriber, NULL), SEQCAST_NONE));
                expect_next(subscriber, 2, 0);
                expect_no_next(subscriber, SEQCAST_NONE);
                close_all();
        }
}

/* Depths that make larger and smaller segments; what is left of ten publications is delivered. */
Test(reattach, begins_before_the_first_publication)
{
        static const uint32_t depths[] = { 4, 16, 1, 8, 4096, 2, 1024, 1, 65536, 4 };

        for (size_t i = 0; i < 2; i++) {
                renew(4, 0, 7);
                cr_assert(zero(int, open_flagged_subscriber(alone_and_shared[i], &subscriber)));
                expect_next(subscriber, 7, 0);
                for (size_t j = 0; j < sizeof depths / sizeof *depths; j++) {
                        uint64_t first = depths[j] == 1 ? 10 : depths[j] > 11 ? 1 : 12 - depths[j];

                        renew(depths[j], j % 3 == 2 ? SEQCAST_SPARSE : 0, 10);
                        expect_reattached(subscriber);
                        for (uint64_t number = first; number <= 10; number++)
                                expect_next(subscriber, number, number == first ? first - 1 : 0);
                        expect_no_next(subscriber, SEQCAST_NONE);
                        publish(1);
                        expect_next(subscriber, 11, 0);
                }
                close_all();
        }
}

Test(reattach, to_an_empty_segment_starts_from_number_one)
{
        for (size_t i = 0; i < 2; i++) {
                renew(4, 0, 100);
                cr_assert(zero(int, open_flagged_subscriber(alone_and_shared[i], &subscriber)));
                expect_next(subscriber, 100, 0);
                renew(4, 0, 0);
                expect_reattached(subscriber);
                expect_no_next(subscriber, SEQCAST_EMPTY);
                publish(3);
                for (uint64_t number = 1; number <= 3; number++)
                        expect_next(subscriber, number, 0);
                close_all();
        }
}

Test(reattach, fails_where_the_name_is_gone_and_leaves_what_there_was)
{
        for (size_t i = 0; i < 2; i++) {
                renew(4, 0, 3);
                cr_assert(zero(int, open_flagged_subscriber(alone_and_shared[i], &subscriber)));
                topic_remove();
                expect_refusal(-ENOENT, "");
                expect_next(subscriber, 3, 0);
                publish(1);
                expect_next(subscriber, 4, 0);
                renew(4, 0, 1);
                expect_reattached(subscriber);
                expect_next(subscriber, 1, 0);
                close_all();
        }
}

static void renew_with_schema(const char *text)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_schema *schema;

        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, seqcast_schema_parse(text, &schema, NULL)));
        options.schema = schema;
        options.flags = SEQCAST_RECREATE;
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)));
        seqcast_schema_free(schema);
}

Test(reattach, requires_the_schema_and_keeps_it)
{
        for (size_t i = 0; i < 2; i++) {
                const seqcast_schema *schema;

                renew_with_schema("bid:i64,ask:i64");
                cr_assert(zero(int, open_flagged_subscriber(alone_and_shared[i], &subscriber)));
                schema = seqcast_subscriber_schema(subscriber);
                renew_with_schema("bid:i64,qty:i64");
                expect_refusal(-EPROTOTYPE, "qty");
                renew(4, 0, 0);
                expect_refusal(-EPROTOTYPE, "schema");
                for (int times = 0; times < 3; times++) {
                        renew_with_schema("bid:i64,ask:i64");
                        expect_reattached(subscriber);
                        cr_assert(eq(ptr, (void *)seqcast_subscriber_schema(subscriber), (void *)schema));
                        cr_assert(eq(str, (char *)schema->fields[1].name, "ask"));
                }
                close_all();
        }
}

Test(reattach, requires_the_size_of_opaque_records)
{
        for (size_t i = 0; i < 2; i++) {
                renew(4, 0, 0);
                cr_assert(zero(int, open_flagged_subscriber(alone_and_shared[i], &subscriber)));
                publisher = seqcast_publisher_close(publisher);
                cr_assert(zero(int, open_publisher(2 * RECORD_BYTES, 4, SEQCAST_RECREATE, &publisher)));
                expect_refusal(-EPROTOTYPE, "record size differs");
                renew_with_schema("bytes:u8[64]");
                expect_refusal(-EPROTOTYPE, "opaque");
                renew(8, 0, 1);
                expect_reattached(subscriber);
                close_all();
        }
}

/* ---- joined handles ------------------------------------------------------------------------------- */

Test(reattach, joins_only_what_was_opened_to_be_shared)
{
        const void *looked_at;

        renew(4, 0, 1);
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(eq(int, seqcast_subscriber_join(subscriber, &joined[0]), -EINVAL));
        close_all();
        open_with_joined(0);
        publish(1);
        cr_assert(eq(int, seqcast_read_begin(subscriber, &looked_at, &sample), -EINVAL));
        cr_assert(eq(int, seqcast_read_begin(joined[0], &looked_at, &sample), -EINVAL));
}

Test(reattach, joined_handles_have_positions_of_their_own)
{
        open_with_joined(0);
        publish(2);
        expect_next(subscriber, 1, 0);
        expect_next(joined[1], 1, 0);
        expect_next(joined[1], 2, 0);
        seqcast_subscriber_skip(joined[2]);
        expect_no_next(joined[2], SEQCAST_NONE);
        expect_next(joined[0], 1, 0);
        expect_next(subscriber, 2, 0);
        seqcast_subscriber_close(joined[0]);
        cr_assert(zero(int, seqcast_subscriber_join(subscriber, &joined[0])));
        expect_next(joined[0], 2, 0);
}

Test(reattach, joined_handles_are_told_once_by_a_read_or_a_wait)
{
        open_with_joined(0);
        for (unsigned by = 0; by < JOINED; by++) {
                renew(by == 0 ? 1024 : 4, 0, 2);
                expect_reattached(by == 0 ? subscriber : joined[by]);
                if (by != 0)
                        expect_no_next(subscriber, SEQCAST_REATTACHED);
                for (unsigned i = 0; i < JOINED; i++) {
                        if (i == by && by != 0)
                                continue; /* it knows */
                        expect_to_read_the_newest_segment(joined[i]);
                        if (i == 0)
                                cr_assert(eq(int, seqcast_wait(joined[i], 0), SEQCAST_REATTACHED));
                        else if (i == 1)
                                cr_assert(eq(int, seqcast_wait(joined[i], 20 * SECOND), SEQCAST_REATTACHED));
                        else
                                cr_assert(eq(int, seqcast_read_newest(joined[i], record, sizeof record, NULL),
                                             SEQCAST_REATTACHED));
                }
                for (unsigned i = 0; i <= JOINED; i++) {
                        seqcast_subscriber *handle = i == JOINED ? subscriber : joined[i];

                        cr_assert(zero(int, seqcast_wait(handle, 0)));
                        expect_next(handle, 1, 0);
                        expect_next(handle, 2, 0);
                        cr_assert(eq(int, seqcast_wait(handle, 0), SEQCAST_TIMEOUT));
                }
        }
}

/* Another one was quicker: it is news for this handle, and not told once more. */
Test(reattach, of_a_handle_that_is_behind_catches_up)
{
        open_with_joined(0);
        renew(8, 0, 1);
        expect_reattached(joined[0]);
        cr_assert(zero(int, seqcast_subscriber_reattach(joined[1], NULL)));
        expect_next(joined[1], 1, 0);
        cr_assert(eq(int, seqcast_subscriber_reattach(joined[1], NULL), SEQCAST_NONE));
        expect_no_next(joined[2], SEQCAST_REATTACHED);
}

static void expect_status(const seqcast_subscriber *handle, uint32_t liveness, uint64_t version)
{
        seqcast_status status;

        cr_assert(zero(int, seqcast_subscriber_status(handle, &status)));
        cr_assert(eq(u32, status.liveness, liveness));
        cr_assert(eq(u64, status.version, version));
        cr_assert(eq(u64, seqcast_subscriber_version(handle), version));
}

Test(reattach, joined_handles_show_the_newest_segment_before_they_are_told)
{
        open_with_joined(0);
        publish(5);
        expect_status(joined[0], SEQCAST_LIVE, 5);
        renew(8, 0, 3);
        expect_status(joined[0], SEQCAST_REPLACED, 5);
        expect_reattached(subscriber);
        for (unsigned i = 0; i < JOINED; i++) {
                expect_status(joined[i], SEQCAST_LIVE, 3);
                seqcast_subscriber_skip(joined[i]);
                expect_no_next(joined[i], SEQCAST_REATTACHED);
                expect_no_next(joined[i], SEQCAST_NONE);
        }
        publish(1);
        for (unsigned i = 0; i < JOINED; i++)
                expect_next(joined[i], 4, 0);
}

Test(reattach, joined_handles_are_closed_in_any_order)
{
        for (unsigned first = 0; first <= JOINED; first++) {
                open_with_joined(0);
                renew(1024, 0, 1);
                expect_reattached(joined[1]);
                for (unsigned i = 0; i < JOINED; i++) {
                        unsigned which = (first + i) % (JOINED + 1), last = (first + JOINED) % (JOINED + 1);
                        seqcast_subscriber **handle = which == JOINED ? &subscriber : &joined[which];

                        *handle = seqcast_subscriber_close(*handle);
                        cr_assert(eq(u64,
                                     seqcast_subscriber_version(last == JOINED ? subscriber : joined[last]),
                                     1));
                }
                close_all();
                cr_assert(eq(uint, count_descriptors(), descriptors_before));
        }
}

/* ---- sleeping, and descriptors ---------------------------------------------------------------------- */

Test(reattach, interest_lasts_until_the_last_joined_handle_is_up)
{
        struct waiter waiters[JOINED];
        int beside;

        open_with_joined(0);
        beside = open_beside();
        for (unsigned i = 0; i < JOINED; i++)
                waiter_start(&waiters[i], joined[i], 20 * SECOND);
        await_sleeper(beside);
        sleep_ns(50 * MS); /* the others as well */
        for (unsigned i = 0; i < JOINED; i++) {
                if (seqcast__futex_can_wake())
                        cr_assert(interest_is_shown(beside, SEQCAST__SLEEPER_LOCK_BYTE));
                seqcast_subscriber_interrupt(joined[i]);
                cr_assert(eq(int, waiter_join(&waiters[i]), SEQCAST_INTERRUPTED));
        }
        cr_assert(not(interest_is_shown(beside, SEQCAST__SLEEPER_LOCK_BYTE)));
        close(beside);
}

Test(reattach, wakes_joined_handles_and_shows_no_interest_in_their_name)
{
        struct waiter waiters[JOINED];
        int beside;

        open_with_joined(0);
        beside = open_beside();
        publisher = seqcast_publisher_close(publisher);
        for (unsigned i = 0; i < JOINED; i++) {
                cr_assert(eq(int, seqcast_wait(joined[i], 20 * SECOND), SEQCAST_PUBLISHER_LEFT));
                waiter_start(&waiters[i], joined[i], 20 * SECOND);
        }
        await_sleeper(beside);
        sleep_ns(20 * MS);
        close(beside);
        cr_assert(zero(int, rename(topic_path(), topic_path_of(0)))); /* not retired: nothing else wakes */
        cr_assert(zero(int, open_publisher(RECORD_BYTES, 8, 0, &publisher)));
        expect_reattached(subscriber);
        beside = open_beside();
        for (unsigned i = 0; i < JOINED; i++) {
                int r = waiter_join(&waiters[i]);

                if (r == SEQCAST_DETACHED) /* its slice was over first */
                        r = seqcast_wait(joined[i], 20 * SECOND);
                cr_assert(eq(int, r, SEQCAST_REATTACHED));
        }
        cr_assert(not(interest_is_shown(beside, SEQCAST__SLEEPER_LOCK_BYTE)));
        close(beside);
        unlink(topic_path_of(0));
}

static bool readable(int fd)
{
        struct pollfd pollable = { .fd = fd, .events = POLLIN };

        return poll(&pollable, 1, 10000) == 1;
}

static void expect_event(seqcast_subscriber *handle, int expected)
{
        const int64_t end = monotonic_ns() + 10 * SECOND;
        int r;

        do {
                cr_assert(readable(seqcast_subscriber_fd(handle)));
                r = seqcast_subscriber_drain(handle);
        } while ((r == SEQCAST_NONE || r == SEQCAST_PUBLISHER_LEFT) && monotonic_ns() < end);
        cr_assert(eq(int, r, expected));
}

Test(reattach, leaves_the_descriptors_of_joined_handles_at_work)
{
        int descriptor;

        open_with_joined(0);
        descriptor = seqcast_subscriber_fd(joined[0]);
        if (descriptor == -ENOSYS)
                cr_skip_test("a portable build: there are no descriptors to wait on");
        for (int times = 0; times < 3; times++) {
                int beside;

                renew(times % 2 == 0 ? 1024 : 4, 0, 0);
                beside = open_beside();
                expect_reattached(subscriber);
                expect_event(joined[0], SEQCAST_REATTACHED);
                cr_assert(eq(int, seqcast_subscriber_fd(joined[0]), descriptor));
                cr_assert(interest_is_shown(beside, SEQCAST__DESCRIPTOR_LOCK_BYTE));
                close(beside);
                for (uint64_t number = 1; number <= 3; number++) {
                        publish(1);
                        cr_assert(zero(int, seqcast_notify(publisher)));
                        expect_event(joined[0], 0);
                        expect_next(joined[0], number, 0);
                }
        }
}

/* ---- many times -------------------------------------------------------------------------------------- */

static unsigned count_mappings(const char *part)
{
        FILE *maps = fopen("/proc/self/maps", "re");
        unsigned count = 0;
        char line[512];

        cr_assert(ne(ptr, maps, NULL));
        while (fgets(line, sizeof line, maps) != NULL)
                count += strstr(line, part) != NULL;
        fclose(maps);
        return count;
}

/* Some of what was replaced may be kept until no reader can be there, but no more for more replacements. */
#define KEPT_MAX 64u

Test(reattach, two_thousand_times_leaves_no_mapping_and_no_descriptor)
{
        static const uint32_t depths[] = { 4, 256, 1, 32, 2, 1024 };

        for (size_t i = 0; i < 2; i++) {
                unsigned descriptors = count_descriptors(), mappings;

                renew(4, 0, 0);
                cr_assert(zero(int, open_flagged_subscriber(alone_and_shared[i], &subscriber)));
                mappings = count_mappings("");
                for (unsigned times = 0; times < 2000; times++) {
                        renew(depths[times % 6], 0, 1);
                        cr_assert(zero(int, seqcast_subscriber_reattach(subscriber, NULL)));
                        expect_next(subscriber, 1, 0);
                }
                cr_assert(le(uint, count_mappings(""), mappings + KEPT_MAX));
                cr_assert(le(uint, count_descriptors(), descriptors + KEPT_MAX));
                close_all();
                cr_assert(zero(uint, count_mappings(topic_name())));
                cr_assert(eq(uint, count_descriptors(), descriptors));
        }
}
