/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The descriptor of a subscriber for event loops, and the watches that it is made of. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "platform/clock.h"
#include "platform/watch.h"

#include "../support/record.h"
#include "../support/waiting.h"

#define RECORD_BYTES 64u

static unsigned descriptors_before;
static seqcast_publisher *publisher;
static seqcast_subscriber *subscriber;
static struct seqcast__watch watch = SEQCAST__WATCH_CLOSED;
static unsigned char record[RECORD_BYTES];
static seqcast_sample sample;
static int beside = -1;
static int descriptor = -1;

/* with children */
static struct {
        _Atomic(unsigned) open, go;
} * shared;

static void set_up(void)
{
        topic_name(); /* the children inherit it */
        shared = child_shared(sizeof *shared);
        descriptors_before = count_descriptors();
}

static void expect_nothing_left(void)
{
        seqcast__watch_close(&watch);
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_close(publisher);
        if (beside >= 0)
                close(beside);
        topic_remove();
        expect_none_left("the descriptors", count_descriptors() - descriptors_before);
        expect_none_left("the objects in shared memory", count_objects());
}

TestSuite(descriptor, .init = set_up, .fini = expect_nothing_left, .timeout = 30);

static void get_descriptor(void)
{
        descriptor = seqcast_subscriber_fd(subscriber);
        if (descriptor == -ENOSYS)
                SKIP_WITH_TOPIC("a portable build: there are no descriptors to wait on");
        cr_assert(ge(int, descriptor, 0));
}

/* Where the publisher has said that it touches, nothing but what happens makes the descriptor readable. */
static void open_described(uint32_t wake, uint32_t subscriber_flags)
{
        cr_assert(zero(int, open_waking_publisher(wake, 0, &publisher)));
        cr_assert(zero(int, open_flagged_subscriber(subscriber_flags, &subscriber)));
        if (beside < 0)
                beside = open_beside();
        get_descriptor();
}

static void publish(void)
{
        record_fill(record, sizeof record, seqcast_publisher_version(publisher) + 1);
        cr_assert(zero(int, seqcast_publish(publisher, record, sizeof record)));
}

static void publish_loudly(void)
{
        publish();
        cr_assert(zero(int, seqcast_notify(publisher)));
}

static bool readable_within(int fd, int64_t timeout)
{
        struct pollfd pollable = { .fd = fd, .events = POLLIN };
        const int64_t end = monotonic_ns() + timeout;
        int r;

        do
                r = poll(&pollable, 1, (int)((end - monotonic_ns()) / MS) + 1);
        while (r < 0 && errno == EINTR);
        return r == 1 && pollable.revents == POLLIN;
}

static bool is_readable(void)
{
        struct pollfd pollable = { .fd = descriptor, .events = POLLIN };

        return poll(&pollable, 1, 0) == 1;
}

static void expect_drained(int expected)
{
        cr_assert(eq(int, seqcast_subscriber_drain(subscriber), expected));
}

static void expect_next(uint64_t number, uint64_t lost)
{
        cr_assert(zero(int, seqcast_read_next(subscriber, record, sizeof record, &sample)));
        cr_assert(eq(u64, sample.number, number));
        cr_assert(eq(u64, sample.lost, lost));
        cr_assert(record_check(record, sizeof record, number));
}

/* It is readable, perhaps more than once for nothing, and in the end says this. */
static void expect_event(int expected)
{
        const int64_t end = monotonic_ns() + 10 * SECOND;
        int r = SEQCAST_NONE;

        while (r == SEQCAST_NONE && monotonic_ns() < end) {
                cr_assert(readable_within(descriptor, 10 * SECOND));
                r = seqcast_subscriber_drain(subscriber);
        }
        cr_assert(eq(int, r, expected));
}

/* Readable for nothing a few times at most: an event may come before what it tells of has happened, and what
 * nothing tells of is looked for a slice after the last news. */
static void expect_silence(void)
{
        for (int i = 0; i < 4 && readable_within(descriptor, SLICE + 20 * MS); i++)
                expect_drained(SEQCAST_NONE);
        cr_assert(not(readable_within(descriptor, 2 * SLICE)));
}

/* ---- readable ----------------------------------------------------------------------------------- */

Test(descriptor, is_readable_at_once_when_notified_and_not_before)
{
        open_described(SEQCAST_WAKE_MANUAL, 0);
        expect_silence();
        publish();
        cr_assert(not(readable_within(descriptor, 0)));
        cr_assert(zero(int, seqcast_notify(publisher)));
        cr_assert(readable_within(descriptor, 0));
        expect_drained(SEQCAST_OK);
}

Test(descriptor, is_the_same_each_time)
{
        open_described(SEQCAST_WAKE_AUTOMATIC, 0);
        for (int i = 0; i < 3; i++) {
                cr_assert(eq(int, seqcast_subscriber_fd(subscriber), descriptor));
                expect_drained(SEQCAST_NONE);
        }
        cr_assert(eq(int, fcntl(descriptor, F_GETFD), FD_CLOEXEC));
}

Test(descriptor, is_readable_at_first)
{
        for (int published = 0; published < 2; published++) {
                open_described(SEQCAST_WAKE_MANUAL, 0);
                cr_assert(readable_within(descriptor, 10 * SECOND));
                expect_drained(published ? 0 : SEQCAST_NONE);
                subscriber = seqcast_subscriber_close(subscriber);
                publish();
                publisher = seqcast_publisher_close(publisher);
        }
}

Test(descriptor, is_readable_until_it_is_drained)
{
        open_described(SEQCAST_WAKE_MANUAL, 0);
        expect_drained(SEQCAST_NONE);
        expect_silence();
        for (uint64_t number = 1; number < 4; number++) {
                publish_loudly();
                for (int i = 0; i < 3; i++)
                        cr_assert(readable_within(descriptor, 10 * SECOND));
                expect_drained(0);
                cr_assert(not(is_readable()));
                expect_next(number, 0);
                expect_drained(SEQCAST_NONE);
                expect_silence();
        }
}

Test(descriptor, is_readable_after_a_publication_that_comes_between_drain_and_poll)
{
        open_described(SEQCAST_WAKE_AUTOMATIC, 0);
        for (uint64_t number = 1; number < 100; number++) {
                expect_drained(SEQCAST_NONE);
                publish();
                cr_assert(readable_within(descriptor, 10 * SECOND));
                expect_event(0);
                expect_next(number, 0);
        }
}

static int64_t publish_to_descriptor(void)
{
        int64_t published_ns, readable_ns;

        expect_drained(SEQCAST_NONE);
        expect_silence();
        published_ns = monotonic_ns();
        publish();
        cr_assert(readable_within(descriptor, 10 * SECOND));
        readable_ns = monotonic_ns();
        expect_drained(0);
        expect_next(seqcast_publisher_version(publisher), 0);
        return readable_ns - published_ns;
}

Test(descriptor, is_touched_by_each_publication)
{
        open_described(SEQCAST_WAKE_AUTOMATIC, 0);
        sleep_ns(20 * MS);
        publish(); /* from now on, the publisher says that it touches */
        expect_event(0);
        seqcast_subscriber_skip(subscriber);
        cr_assert(lt(i64, quickest(publish_to_descriptor, PROMPT), PROMPT));
}

Test(descriptor, becomes_readable_now_and_then_where_nobody_touches)
{
        open_described(SEQCAST_WAKE_NEVER, 0);
        for (uint64_t number = 1; number < 20; number++) {
                for (int i = 0; i < 3; i++) {
                        cr_assert(readable_within(descriptor, 10 * SECOND));
                        expect_drained(SEQCAST_NONE);
                }
                publish();
                expect_event(0);
                expect_next(number, 0);
        }
}

Test(descriptor, cannot_be_drained_where_there_is_none)
{
        cr_assert(zero(int, open_waking_publisher(0, 0, &publisher)));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        publish();
        cr_assert(eq(int, seqcast_subscriber_drain(subscriber), -EINVAL));
}

Test(descriptor, can_be_nested_in_an_epoll_set)
{
        struct epoll_event event = { .events = EPOLLIN, .data.u64 = 4711 }, happened;
        int set = epoll_create1(EPOLL_CLOEXEC);

        open_described(SEQCAST_WAKE_MANUAL, 0);
        cr_assert(zero(int, epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event)));
        for (uint64_t number = 1; number < 4; number++) {
                expect_drained(SEQCAST_NONE);
                expect_silence();
                cr_assert(zero(int, epoll_wait(set, &happened, 1, 0)));
                publish_loudly();
                for (int i = 0; i < 2; i++) { /* level-triggered */
                        cr_assert(eq(int, epoll_wait(set, &happened, 1, 10000), 1));
                        cr_assert(eq(u32, happened.events, EPOLLIN));
                        cr_assert(eq(u64, happened.data.u64, 4711));
                }
                expect_drained(0);
                cr_assert(zero(int, epoll_wait(set, &happened, 1, 0)));
                expect_next(number, 0);
        }
        close(set);
}

#define NUMBERS 400u

static int publish_at_random(void)
{
        uint64_t seed = 7;

        if (open_waking_publisher(0, 0, &publisher) != 0)
                return 1;
        atomic_store(&shared->open, 1);
        wait_for(&shared->go, 1);
        for (uint64_t number = 1; number <= NUMBERS; number++) {
                sleep_us((long)random_below(&seed, 3000));
                publish();
        }
        wait_for(&shared->go, 2);
        return 0;
}

/* Poll, drain, read until there is nothing newer: as it is documented, and nothing is missed. */
Test(descriptor, misses_nothing)
{
        pid_t child = child_start(publish_at_random);
        uint64_t last = 0;

        wait_for(&shared->open, 1);
        cr_assert(zero(int, open_subscriber(&subscriber)));
        get_descriptor();
        atomic_store(&shared->go, 1);
        while (last < NUMBERS) {
                bool in_time = readable_within(descriptor, 5 * SECOND);

                cr_assert(in_time || seqcast_subscriber_version(subscriber) == last);
                cr_assert(ge(int, seqcast_subscriber_drain(subscriber), 0));
                while (seqcast_read_next(subscriber, record, sizeof record, &sample) == 0) {
                        cr_assert(eq(u64, sample.number, last + 1 + sample.lost));
                        cr_assert(record_check(record, sizeof record, sample.number));
                        last = sample.number;
                }
        }
        atomic_store(&shared->go, 2);
        cr_assert(zero(int, child_wait(child)));
}

/* ---- what it tells of ----------------------------------------------------------------------------- */

static int hold_topic(void)
{
        if (open_waking_publisher(SEQCAST_WAKE_MANUAL, 0, &publisher) != 0)
                return 1;
        atomic_fetch_add(&shared->open, 1);
        wait_for(&shared->go, 1);
        return 0;
}

Test(descriptor, is_readable_when_a_publisher_has_died)
{
        for (unsigned life = 1; life <= 20; life++) {
                pid_t child = child_start(hold_topic);

                wait_for(&shared->open, life);
                if (life == 1) {
                        cr_assert(zero(int, open_subscriber(&subscriber)));
                        get_descriptor();
                }
                expect_drained(SEQCAST_NONE);
                kill(child, SIGKILL);
                expect_event(SEQCAST_PUBLISHER_GONE);
                child_wait(child);
        }
        expect_silence();
}

Test(descriptor, is_readable_when_a_publisher_has_left)
{
        for (int life = 0; life < 3; life++) {
                cr_assert(zero(int, open_waking_publisher(SEQCAST_WAKE_MANUAL, 0, &publisher)));
                if (life == 0) {
                        cr_assert(zero(int, open_subscriber(&subscriber)));
                        get_descriptor();
                }
                expect_drained(SEQCAST_NONE);
                publisher = seqcast_publisher_close(publisher);
                expect_event(SEQCAST_PUBLISHER_LEFT);
                expect_silence();
        }
}

Test(descriptor, is_readable_when_the_segment_is_retired)
{
        open_described(SEQCAST_WAKE_MANUAL, 0);
        expect_drained(SEQCAST_NONE);
        cr_assert(zero(int, seqcast_publisher_remove(publisher)));
        expect_event(SEQCAST_RETIRED);
        expect_drained(SEQCAST_RETIRED);
}

Test(descriptor, is_readable_when_the_name_goes_and_when_the_segment_is_retired_then)
{
        open_described(SEQCAST_WAKE_MANUAL, 0);
        expect_drained(SEQCAST_NONE);
        topic_remove();
        expect_event(SEQCAST_DETACHED);
        expect_silence();
        cr_assert(eq(int, seqcast_publisher_remove(publisher), -ESTALE));
        expect_event(SEQCAST_RETIRED);
}

Test(descriptor, works_where_the_name_is_gone)
{
        cr_assert(zero(int, open_waking_publisher(SEQCAST_WAKE_MANUAL, 0, &publisher)));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        topic_remove();
        get_descriptor();
        expect_event(SEQCAST_DETACHED);
        for (uint64_t number = 1; number < 4; number++) {
                expect_silence();
                publish_loudly();
                expect_event(0);
                expect_next(number, 0);
                expect_drained(SEQCAST_NONE);
        }
}

static void interrupt_and_expect(void)
{
        seqcast_subscriber_interrupt(subscriber);
        expect_drained(SEQCAST_INTERRUPTED);
        cr_assert(readable_within(descriptor, 10 * SECOND), "there may be news besides");
        expect_drained(SEQCAST_NONE);
}

Test(descriptor, tells_of_an_interrupt_when_it_is_drained)
{
        open_described(SEQCAST_WAKE_MANUAL, 0);
        expect_drained(SEQCAST_NONE);
        interrupt_and_expect();
}

Test(descriptor, is_readable_when_the_name_stands_for_another_segment_though_this_one_has_a_name)
{
        open_described(SEQCAST_WAKE_MANUAL, 0);
        expect_drained(SEQCAST_NONE);
        cr_assert(zero(int, rename(topic_path(), topic_path_of(0))));
        expect_event(SEQCAST_DETACHED);
        unlink(topic_path_of(0));
}

Test(descriptor, is_readable_in_the_end_though_nobody_has_touched)
{
        open_described(SEQCAST_WAKE_MANUAL, 0);
        expect_drained(SEQCAST_NONE);
        publish();
        expect_event(0);
        expect_next(1, 0);
}

/* ---- the next segment ------------------------------------------------------------------------------ */

static void expect_to_work_in_the_new_segment(uint64_t first)
{
        cr_assert(eq(int, seqcast_subscriber_fd(subscriber), descriptor));
        for (uint64_t number = first; number < first + 3; number++) {
                publish_loudly();
                expect_event(0);
                expect_next(number, 0);
                expect_drained(SEQCAST_NONE);
                expect_silence();
        }
}

Test(descriptor, stays_the_same_and_works_when_the_segment_is_replaced)
{
        open_described(SEQCAST_WAKE_MANUAL, SEQCAST_REATTACH);
        expect_drained(SEQCAST_NONE);
        for (int i = 0; i < 3; i++) {
                publisher = seqcast_publisher_close(publisher);
                expect_event(SEQCAST_PUBLISHER_LEFT);
                cr_assert(
                        zero(int, open_waking_publisher(SEQCAST_WAKE_MANUAL, SEQCAST_RECREATE, &publisher)));
                expect_event(SEQCAST_REATTACHED);
                cr_assert(readable_within(descriptor, 10 * SECOND), "there may be something in it");
                expect_drained(SEQCAST_NONE);
                expect_to_work_in_the_new_segment(1);
        }
}

Test(descriptor, is_readable_when_a_name_that_was_gone_comes_again)
{
        open_described(SEQCAST_WAKE_MANUAL, SEQCAST_REATTACH);
        expect_drained(SEQCAST_NONE);
        for (int i = 0; i < 3; i++) {
                seqcast_publisher *old = publisher;

                topic_remove();
                cr_assert(readable_within(descriptor, 10 * SECOND));
                expect_drained(SEQCAST_NONE); /* readable now at each name that appears there */
                cr_assert(zero(int, open_waking_publisher(SEQCAST_WAKE_MANUAL, 0, &publisher)));
                publish();
                expect_event(SEQCAST_REATTACHED);
                expect_event(0);
                expect_next(1, 0);
                expect_to_work_in_the_new_segment(2);
                seqcast_publisher_close(old);
                expect_silence();
        }
}

/* Names of others that appear. @return how many of them have made it readable */
static int make_names(void)
{
        int count = 0;

        for (int i = 0; i < 20; i++) {
                close(open(topic_path_of(1), O_RDWR | O_CREAT | O_EXCL, 0600));
                unlink(topic_path_of(1));
                count += is_readable();
                expect_drained(SEQCAST_NONE);
        }
        return count;
}

Test(descriptor, minds_other_names_only_while_its_own_is_gone)
{
        open_described(SEQCAST_WAKE_MANUAL, SEQCAST_REATTACH);
        expect_drained(SEQCAST_NONE);
        cr_assert(zero(int, rename(topic_path(), topic_path_of(0))));
        cr_assert(readable_within(descriptor, 10 * SECOND));
        expect_drained(SEQCAST_NONE);
        cr_assert(eq(int, make_names(), 20));
        cr_assert(zero(int, rename(topic_path_of(0), topic_path())));
        cr_assert(readable_within(descriptor, 10 * SECOND));
        expect_drained(SEQCAST_NONE);
        cr_assert(lt(int, make_names(), 10), "but for looks that are due");
}

Test(descriptor, works_after_the_caller_has_re_attached)
{
        open_described(SEQCAST_WAKE_MANUAL, 0);
        publisher = seqcast_publisher_close(publisher);
        expect_event(SEQCAST_PUBLISHER_LEFT);
        cr_assert(zero(int, open_waking_publisher(SEQCAST_WAKE_MANUAL, SEQCAST_RECREATE, &publisher)));
        expect_event(SEQCAST_RETIRED);
        cr_assert(zero(int, seqcast_subscriber_reattach(subscriber, NULL)));
        expect_drained(SEQCAST_NONE);
        expect_to_work_in_the_new_segment(1);
}

/* ---- interest, and what it costs --------------------------------------------------------------------- */

static bool is_shown(void)
{
        return interest_is_shown(beside, SEQCAST__DESCRIPTOR_LOCK_BYTE);
}

Test(descriptor, shows_interest_until_the_handle_is_closed)
{
        open_described(SEQCAST_WAKE_MANUAL, 0);
        cr_assert(is_shown());
        expect_drained(SEQCAST_NONE);
        cr_assert(eq(int, seqcast_wait(subscriber, 20 * MS), SEQCAST_TIMEOUT));
        cr_assert(is_shown());
        subscriber = seqcast_subscriber_close(subscriber);
        cr_assert(not(is_shown()));
}

Test(descriptor, of_joined_handles_shows_interest_until_the_last_that_has_one_is_closed)
{
        static const int closing[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 2 } };

        for (size_t order = 0; order < 3; order++) {
                seqcast_subscriber *handles[3], *without;

                open_described(SEQCAST_WAKE_MANUAL, SEQCAST_SHARED);
                handles[0] = subscriber;
                cr_assert(zero(int, seqcast_subscriber_join(subscriber, &without)));
                for (int i = 1; i < 3; i++) {
                        cr_assert(zero(int, seqcast_subscriber_join(subscriber, &handles[i])));
                        cr_assert(ge(int, seqcast_subscriber_fd(handles[i]), 0));
                        cr_assert(ne(int, seqcast_subscriber_fd(handles[i]), descriptor));
                }
                subscriber = NULL;
                for (int i = 0; i < 3; i++) {
                        cr_assert(is_shown());
                        seqcast_subscriber_close(handles[closing[order][i]]);
                }
                cr_assert(not(is_shown()));
                seqcast_subscriber_close(without);
                publisher = seqcast_publisher_close(publisher);
        }
}

Test(descriptor, takes_three_descriptors_or_none)
{
        cr_assert(zero(int, open_waking_publisher(SEQCAST_WAKE_MANUAL, 0, &publisher)));
        beside = open_beside();
        for (unsigned more = 0; more < 3; more++) {
                unsigned descriptors;
                struct rlimit before;
                int r;

                cr_assert(zero(int, open_subscriber(&subscriber)));
                descriptors = count_descriptors();
                before = allow_descriptors(more);
                r = seqcast_subscriber_fd(subscriber);
                setrlimit(RLIMIT_NOFILE, &before);
                if (r == -ENOSYS)
                        SKIP_WITH_TOPIC("a portable build: there are no descriptors to wait on");
                cr_assert(eq(int, r, -EMFILE), "%u more", more);
                cr_assert(eq(uint, count_descriptors(), descriptors));
                cr_assert(not(is_shown()));
                cr_assert(eq(int, seqcast_subscriber_drain(subscriber), -EINVAL));
                before = allow_descriptors(3);
                r = seqcast_subscriber_fd(subscriber);
                setrlimit(RLIMIT_NOFILE, &before);
                cr_assert(ge(int, r, 0));
                cr_assert(eq(uint, count_descriptors(), descriptors + 3));
                cr_assert(is_shown());
                subscriber = seqcast_subscriber_close(subscriber);
        }
}

/* ---- watches ------------------------------------------------------------------------------------------ */

static int open_watch(void)
{
        int file = memfd_create("watched", MFD_CLOEXEC), r = seqcast__watch_open(&watch);

        if (r == -ENOSYS) {
                close(file);
                cr_skip_test("a portable build: there are no watches");
        }
        cr_assert(zero(int, r));
        cr_assert(not(readable_within(watch.pollable, 0)));
        cr_assert(not(seqcast__watch_drain(&watch)));
        return file;
}

enum event { NOTHING, TOUCHED, CLOSED };

static void expect_watch(enum event event)
{
        cr_assert(eq(int, readable_within(watch.pollable, event == NOTHING ? 0 : 10 * SECOND),
                     event != NOTHING));
        cr_assert(eq(int, seqcast__watch_drain(&watch), event == CLOSED));
        cr_assert(not(readable_within(watch.pollable, 0)));
        cr_assert(not(seqcast__watch_drain(&watch)));
}

Test(descriptor, a_watch_notices_a_touch_of_a_file_without_a_name)
{
        int file = open_watch();

        seqcast__watch_touch(file);
        expect_watch(NOTHING);
        cr_assert(zero(int, seqcast__watch_file(&watch, file)));
        expect_watch(NOTHING);
        for (int touches = 1; touches < 10000; touches *= 10) {
                for (int i = 0; i < touches; i++)
                        seqcast__watch_touch(file);
                expect_watch(TOUCHED);
        }
        close(file);
}

Test(descriptor, a_watch_notices_that_a_writer_is_gone_but_not_a_reader)
{
        int file = open_watch();
        char self[64];

        snprintf(self, sizeof self, "/proc/self/fd/%d", file);
        cr_assert(zero(int, seqcast__watch_file(&watch, file)));
        close(open(self, O_RDONLY));
        expect_watch(NOTHING);
        close(open(self, O_RDWR));
        expect_watch(CLOSED);
        seqcast__watch_touch(file);
        close(open(self, O_RDWR));
        seqcast__watch_touch(file);
        expect_watch(CLOSED);
        close(file);
}

Test(descriptor, a_watch_on_another_file_forgets_the_one_before)
{
        int first = open_watch(), second = memfd_create("watched", MFD_CLOEXEC);

        cr_assert(zero(int, seqcast__watch_file(&watch, first)));
        cr_assert(zero(int, seqcast__watch_file(&watch, second)));
        seqcast__watch_drain(&watch);
        seqcast__watch_touch(first);
        seqcast__watch_drain(&watch);
        seqcast__watch_touch(first);
        expect_watch(NOTHING);
        seqcast__watch_touch(second);
        expect_watch(TOUCHED);
        cr_assert(zero(int, seqcast__watch_file(&watch, second)));
        seqcast__watch_touch(second);
        expect_watch(TOUCHED);
        cr_assert(eq(int, seqcast__watch_file(&watch, -1), -ENOENT));
        close(first);
        close(second);
}

Test(descriptor, a_watch_notices_names_that_appear)
{
        close(open_watch());
        cr_assert(zero(int, seqcast__watch_directory(&watch, SEQCAST__SHM_DIRECTORY)));
        close(open(topic_path(), O_RDWR | O_CREAT | O_EXCL, 0600));
        cr_assert(readable_within(watch.pollable, 10 * SECOND));
        cr_assert(zero(int, seqcast__watch_directory(&watch, NULL)));
        seqcast__watch_drain(&watch);
        cr_assert(zero(int, rename(topic_path(), topic_path_of(0))));
        expect_watch(NOTHING);
        cr_assert(zero(int, seqcast__watch_directory(&watch, SEQCAST__SHM_DIRECTORY)));
        cr_assert(zero(int, rename(topic_path_of(0), topic_path())));
        cr_assert(readable_within(watch.pollable, 10 * SECOND));
        cr_assert(eq(int, seqcast__watch_directory(&watch, topic_path()), -ENOTDIR));
}

Test(descriptor, a_watch_rings_at_the_time_it_was_told)
{
        int64_t now;

        close(open_watch());
        now = seqcast__clock_mono_ns();
        cr_assert(zero(int, seqcast__watch_set_alarm(&watch, now + 30 * MS)));
        seqcast__watch_wait(&watch, SEQCAST__CLOCK_NEVER);
        cr_assert(readable_within(watch.pollable, 0));
        cr_assert(ge(i64, monotonic_ns(), now + 30 * MS));
        seqcast__watch_drain(&watch);
        cr_assert(not(readable_within(watch.pollable, 0)));
        cr_assert(zero(int, seqcast__watch_set_alarm(&watch, now)));
        cr_assert(readable_within(watch.pollable, 10 * SECOND), "a time that is past");
        cr_assert(zero(int, seqcast__watch_set_alarm(&watch, SEQCAST__CLOCK_NEVER)));
        cr_assert(not(readable_within(watch.pollable, 0)));
        seqcast__watch_wait(&watch, monotonic_ns() + 10 * MS);
        seqcast__watch_wait(&watch, now);
        cr_assert(not(readable_within(watch.pollable, 0)));
}
