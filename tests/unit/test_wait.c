/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Waiting: for news, for the end of a publisher or of a segment, for several topics at once. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "../support/portable.h"
#include "../support/record.h"
#include "../support/waiting.h"

#define RECORD_BYTES 64u
#define TOPICS_MAX 200u

static unsigned descriptors_before;
static seqcast_publisher *publisher, *publishers[TOPICS_MAX];
static seqcast_subscriber *subscriber, *subscribers[TOPICS_MAX];
static int beside = -1;
static unsigned char record[RECORD_BYTES];
static seqcast_sample sample;

/* with children */
enum stage { STARTED, OPENED, PUBLISHING, DONE };
static struct {
        _Atomic(unsigned) stage; /* enum stage */
} * shared;

static void set_up(void)
{
        topic_name(); /* the children inherit it */
        shared = child_shared(sizeof *shared);
        descriptors_before = count_descriptors();
}

static void close_topics(void)
{
        for (unsigned i = 0; i < TOPICS_MAX; i++) {
                subscribers[i] = seqcast_subscriber_close(subscribers[i]);
                publishers[i] = seqcast_publisher_close(publishers[i]);
                unlink(topic_path_of(i));
        }
}

static void expect_nothing_left(void)
{
        close_topics();
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_close(publisher);
        if (beside >= 0)
                close(beside);
        topic_remove();
        expect_none_left("the descriptors", count_descriptors() - descriptors_before);
        expect_none_left("the objects in shared memory", count_objects());
}

TestSuite(wait, .init = set_up, .fini = expect_nothing_left, .timeout = 40);

static void open_both(uint32_t wake, uint32_t subscriber_flags)
{
        cr_assert(zero(int, open_waking_publisher(wake, 0, &publisher)));
        cr_assert(zero(int, open_flagged_subscriber(subscriber_flags, &subscriber)));
        if (beside < 0)
                beside = open_beside();
}

static void publish(unsigned count)
{
        for (unsigned i = 0; i < count; i++) {
                record_fill(record, sizeof record, seqcast_publisher_version(publisher) + 1);
                cr_assert(zero(int, seqcast_publish(publisher, record, sizeof record)));
        }
}

static void expect_next(uint64_t number, uint64_t lost)
{
        cr_assert(zero(int, seqcast_read_next(subscriber, record, sizeof record, &sample)));
        cr_assert(eq(u64, sample.number, number));
        cr_assert(eq(u64, sample.lost, lost));
        cr_assert(record_check(record, sizeof record, number));
}

static void expect_wait(int64_t timeout, int expected)
{
        cr_assert(eq(int, seqcast_wait(subscriber, timeout), expected));
}

/* Told while it waits, not at the end of the time. */
static void expect_to_be_told(int expected)
{
        int64_t start = monotonic_ns();

        expect_wait(5 * SECOND, expected);
        cr_assert(lt(i64, monotonic_ns() - start, 5 * SECOND));
}

/* Looked at after more than a slice, too, there is nothing to tell. */
static void expect_nothing_more(void)
{
        expect_wait(SLICE + 20 * MS, SEQCAST_TIMEOUT);
}

/* ---- there is news ------------------------------------------------------------------------------ */

static const int64_t timeouts[] = { 0, 20 * SECOND, -1, INT64_MIN, INT64_MAX };

Test(wait, returns_at_once_if_there_is_news_for_who_reads_in_order)
{
        open_both(SEQCAST_WAKE_AUTOMATIC, 0);
        publish(2);
        for (uint64_t number = 1; number <= 2; number++) {
                for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++)
                        expect_wait(timeouts[i], 0);
                expect_next(number, 0);
        }
        expect_wait(0, SEQCAST_TIMEOUT);
}

Test(wait, returns_at_once_if_there_is_news_for_who_reads_the_newest)
{
        open_both(SEQCAST_WAKE_AUTOMATIC, 0);
        publish(1);
        subscriber = seqcast_subscriber_close(subscriber);
        cr_assert(zero(int, open_subscriber(&subscriber)));
        for (int round = 0; round < 2; round++) {
                for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++)
                        expect_wait(timeouts[i], 0);
                cr_assert(zero(int, seqcast_read_newest(subscriber, record, sizeof record, NULL)));
                expect_wait(0, SEQCAST_TIMEOUT);
                publish(9);
        }
}

static int strict_result;

static int wait_under_seccomp(void)
{
        int r;

        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
                return 77;
        r = seqcast_wait(subscriber, strict_result == SEQCAST_TIMEOUT ? 0 : 20 * SECOND);
        syscall(SYS_exit, r == strict_result ? 0 : 1);
        return 1;
}

static void expect_without_a_system_call(int result)
{
        int r;

        strict_result = result;
        r = child_wait(child_start(wait_under_seccomp));
        if (r == 77)
                cr_skip_test("no seccomp(2) here");
        cr_assert(zero(int, r), "result %d", result);
}

Test(wait, makes_no_system_call_to_look)
{
        open_both(SEQCAST_WAKE_AUTOMATIC, 0);
        expect_without_a_system_call(SEQCAST_TIMEOUT);
        publish(1);
        expect_without_a_system_call(0);
        seqcast_subscriber_interrupt(subscriber);
        expect_without_a_system_call(SEQCAST_INTERRUPTED);
        expect_wait(0, SEQCAST_INTERRUPTED);
        seqcast_subscriber_skip(subscriber);
        expect_without_a_system_call(SEQCAST_TIMEOUT);
        cr_assert(zero(int, seqcast_publisher_remove(publisher)));
        expect_without_a_system_call(SEQCAST_RETIRED);
}

/* ---- time --------------------------------------------------------------------------------------- */

static void expect_timeout_after(int64_t timeout)
{
        int64_t start = monotonic_ns();

        expect_wait(timeout, SEQCAST_TIMEOUT);
        cr_assert(ge(i64, monotonic_ns() - start, timeout));
}

Test(wait, does_not_end_early)
{
        static const int64_t spins[] = { 0, SEQCAST_SPIN_DEFAULT_NS, -1, 20 * MS, INT64_MAX };
        static const int64_t durations[] = { 1, 1000, MS, 30 * MS, 130 * MS };

        open_both(SEQCAST_WAKE_AUTOMATIC, 0);
        for (size_t i = 0; i < sizeof spins / sizeof *spins; i++) {
                seqcast_subscriber_set_spin(subscriber, spins[i]);
                for (size_t j = 0; j < sizeof durations / sizeof *durations; j++)
                        expect_timeout_after(durations[j]);
        }
}

Test(wait, is_neither_ended_nor_prolonged_by_signals)
{
        open_both(SEQCAST_WAKE_AUTOMATIC, 0);
        storm_start();
        expect_timeout_after(200 * MS);
        cr_assert(storm_stop());
}

Test(wait, without_a_timeout_has_no_end)
{
        struct waiter waiter;

        open_both(SEQCAST_WAKE_AUTOMATIC, 0);
        waiter_start(&waiter, subscriber, -1);
        sleep_ns(3 * SLICE);
        cr_assert(zero(uint, atomic_load(&waiter.ended)));
        seqcast_subscriber_interrupt(subscriber);
        cr_assert(eq(int, waiter_join(&waiter), SEQCAST_INTERRUPTED));
}

Test(wait, shows_its_interest_while_it_sleeps_and_not_while_it_spins)
{
        struct waiter waiter;

        skip_if_portable("nobody shows interest");
        open_both(SEQCAST_WAKE_AUTOMATIC, 0);
        seqcast_subscriber_set_spin(subscriber, INT64_MAX);
        waiter_start(&waiter, subscriber, 60 * MS);
        while (atomic_load(&waiter.ended) == 0)
                cr_assert(not(interest_is_shown(beside, SEQCAST__SLEEPER_LOCK_BYTE)));
        cr_assert(eq(int, waiter_join(&waiter), SEQCAST_TIMEOUT));
        for (int i = 0; i < 3; i++) {
                seqcast_subscriber_set_spin(subscriber, 0);
                waiter_start(&waiter, subscriber, 20 * SECOND);
                await_sleeper(beside);
                publish(1);
                cr_assert(zero(int, waiter_join(&waiter)));
                cr_assert(not(interest_is_shown(beside, SEQCAST__SLEEPER_LOCK_BYTE)));
                seqcast_subscriber_skip(subscriber);
        }
}

/* ---- being woken -------------------------------------------------------------------------------- */

static struct waiter waiters[5];

static void let_somebody_sleep(void)
{
        waiter_start(&waiters[0], subscriber, 20 * SECOND);
        await_sleeper(beside);
        sleep_ns(20 * MS); /* not to the end of its slice */
}

/* @return how long after the publication it was known */
static int64_t publish_to_sleeper(void)
{
        int64_t published_ns;

        let_somebody_sleep();
        published_ns = monotonic_ns();
        publish(1);
        cr_assert(zero(int, waiter_join(&waiters[0])));
        expect_next(seqcast_publisher_version(publisher), 0);
        return waiter_latency(&waiters[0], published_ns);
}

Test(wait, is_ended_by_a_publication)
{
        open_both(SEQCAST_WAKE_AUTOMATIC, 0);
        publish_to_sleeper(); /* from now on, the publisher says that it wakes */
        cr_assert(lt(i64, quickest(publish_to_sleeper, PROMPT), PROMPT));
}

Test(wait, looks_again_and_again_where_nobody_wakes)
{
        open_both(SEQCAST_WAKE_NEVER, 0);
        cr_assert(lt(i64, quickest(publish_to_sleeper, PROMPT), PROMPT));
}

Test(wait, does_not_believe_what_an_earlier_publisher_has_said)
{
        open_both(SEQCAST_WAKE_MANUAL, 0);
        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, open_waking_publisher(SEQCAST_WAKE_NEVER, 0, &publisher)));
        if (seqcast__futex_can_wake())
                cr_assert(ne(u64, control_word(beside, SEQCAST__CONTROL_WAKING), 0));
        cr_assert(lt(i64, quickest(publish_to_sleeper, PROMPT), PROMPT));
}

Test(wait, sees_what_nobody_has_woken_it_for)
{
        open_both(SEQCAST_WAKE_MANUAL, 0);
        for (int i = 0; i < 3; i++)
                cr_assert(lt(i64, quickest(publish_to_sleeper, 10 * SECOND), 10 * SECOND));
}

static int64_t publish_to_several(void)
{
        int64_t published_ns, worst = 0;

        for (unsigned i = 0; i < 5; i++)
                waiter_start(&waiters[i], subscribers[i], 20 * SECOND);
        await_sleeper(beside);
        sleep_ns(20 * MS);
        published_ns = monotonic_ns();
        publish(1);
        seqcast_notify(publisher);
        for (unsigned i = 0; i < 5; i++) {
                cr_assert(zero(int, waiter_join(&waiters[i])));
                seqcast_subscriber_skip(subscribers[i]);
                if (waiter_latency(&waiters[i], published_ns) > worst)
                        worst = waiter_latency(&waiters[i], published_ns);
        }
        return worst;
}

Test(wait, of_several_threads_is_ended_by_one_publication)
{
        open_both(SEQCAST_WAKE_MANUAL, SEQCAST_SHARED);
        for (unsigned i = 0; i < 5; i++) /* some share a handle, some do not */
                cr_assert(zero(int, i < 2 ? open_subscriber(&subscribers[i])
                                          : seqcast_subscriber_join(subscriber, &subscribers[i])));
        cr_assert(lt(i64, quickest(publish_to_several, PROMPT), PROMPT));
}

static uint32_t child_wake;
static unsigned child_count;

static int publish_at_random(void)
{
        uint64_t seed = 1;

        if (open_waking_publisher(child_wake, 0, &publisher) != 0)
                return 1;
        atomic_store(&shared->stage, OPENED);
        wait_for(&shared->stage, PUBLISHING);
        for (unsigned number = 1; number <= child_count; number++) {
                sleep_us((long)random_below(&seed, 3000));
                record_fill(record, sizeof record, number);
                if (seqcast_publish(publisher, record, sizeof record) != 0 || seqcast_notify(publisher) != 0)
                        return 1;
        }
        wait_for(&shared->stage, DONE);
        return 0;
}

/* @return the last number */
static uint64_t read_all(uint64_t last)
{
        int r;

        while ((r = seqcast_read_next(subscriber, record, sizeof record, &sample)) == 0) {
                cr_assert(eq(u64, sample.number, last + 1 + sample.lost));
                cr_assert(record_check(record, sizeof record, sample.number));
                last = sample.number;
        }
        cr_assert(eq(int, r, last == 0 ? SEQCAST_EMPTY : SEQCAST_NONE));
        return last;
}

Test(wait, misses_nothing_of_another_process)
{
        child_count = 300;
        for (child_wake = 0; child_wake <= SEQCAST_WAKE_MANUAL; child_wake++) {
                uint64_t last = 0;
                pid_t child;

                atomic_store(&shared->stage, STARTED);
                child = child_start(publish_at_random);
                wait_for(&shared->stage, OPENED);
                cr_assert(zero(int, open_subscriber(&subscriber)));
                atomic_store(&shared->stage, PUBLISHING);
                while (last < child_count) {
                        expect_wait(20 * SECOND, 0);
                        last = read_all(last);
                }
                atomic_store(&shared->stage, DONE);
                cr_assert(zero(int, child_wait(child)));
                subscriber = seqcast_subscriber_close(subscriber);
                topic_remove();
        }
}

/* Any reader can wake the others for nothing: it needs no permission to write. */
static void *wake_for_nothing(void *word)
{
        unsigned woken = 0;

        while (atomic_load(&shared->stage) != DONE) {
                woken += (unsigned)seqcast__futex_wake(word, true);
                sleep_us(100);
        }
        return woken > 0 ? word : NULL;
}

Test(wait, is_not_ended_by_being_woken_for_nothing)
{
        struct seqcast__segment_header header;
        pthread_t thread;
        seqcast_info info;
        char *base;
        void *woke;

        open_both(SEQCAST_WAKE_AUTOMATIC, 0);
        seqcast_subscriber_info(subscriber, &info);
        base = mmap(NULL, info.segment_bytes, PROT_READ, MAP_SHARED, beside, 0);
        cr_assert(ne(ptr, base, MAP_FAILED));
        memcpy(&header, base, sizeof header);
        pthread_create(&thread, NULL, wake_for_nothing, base + header.control_offset);
        expect_timeout_after(150 * MS);
        atomic_store(&shared->stage, DONE);
        pthread_join(thread, &woke);
        cr_assert(eq(int, woke != NULL, seqcast__futex_can_wake()));
        munmap(base, info.segment_bytes);
}

/* ---- the end of a publisher ---------------------------------------------------------------------- */

static int hold_topic(void)
{
        if (open_publisher(RECORD_BYTES, 0, 0, &publisher) != 0)
                return 1;
        for (unsigned i = 0; i < child_count; i++) {
                record_fill(record, sizeof record, seqcast_publisher_version(publisher) + 1);
                if (seqcast_publish(publisher, record, sizeof record) != 0)
                        return 1;
        }
        atomic_store(&shared->stage, OPENED);
        wait_for(&shared->stage, DONE);
        return 0;
}

/* A publisher in another process, with a subscriber here. */
static pid_t start_holder(unsigned count)
{
        pid_t child;

        atomic_store(&shared->stage, STARTED);
        child_count = count;
        child = child_start(hold_topic);
        wait_for(&shared->stage, OPENED);
        if (subscriber == NULL)
                cr_assert(zero(int, open_subscriber(&subscriber)));
        return child;
}

Test(wait, tells_once_that_a_publisher_has_died)
{
        for (int life = 0; life < 3; life++) {
                pid_t child = start_holder(0);

                expect_wait(10 * MS, SEQCAST_TIMEOUT);
                child_kill(child);
                expect_wait(0, SEQCAST_TIMEOUT); /* only looks */
                expect_to_be_told(SEQCAST_PUBLISHER_GONE);
                expect_nothing_more();
        }
}

Test(wait, tells_once_that_a_publisher_has_left)
{
        for (int life = 0; life < 3; life++) {
                cr_assert(zero(int, open_waking_publisher(SEQCAST_WAKE_AUTOMATIC, 0, &publisher)));
                if (life == 0)
                        cr_assert(zero(int, open_subscriber(&subscriber)));
                publish(1);
                seqcast_subscriber_skip(subscriber);
                expect_wait(10 * MS, SEQCAST_TIMEOUT);
                publisher = seqcast_publisher_close(publisher);
                expect_to_be_told(SEQCAST_PUBLISHER_LEFT);
                expect_nothing_more();
        }
}

Test(wait, tells_what_was_published_before_the_end_of_its_publisher)
{
        pid_t child = start_holder(3);

        child_kill(child);
        subscriber = seqcast_subscriber_close(subscriber);
        cr_assert(zero(int, open_subscriber(&subscriber)));
        expect_wait(20 * SECOND, 0);
        expect_next(3, 0);
        expect_to_be_told(SEQCAST_PUBLISHER_GONE);
        cr_assert(zero(int, open_waking_publisher(0, 0, &publisher)));
        publish(1);
        publisher = seqcast_publisher_close(publisher);
        expect_wait(20 * SECOND, 0);
        expect_next(4, 0);
        expect_to_be_told(SEQCAST_PUBLISHER_LEFT);
}

Test(wait, in_short_turns_finds_out_as_well)
{
        int turns = 0, r;
        pid_t child = start_holder(0);

        expect_wait(MS, SEQCAST_TIMEOUT);
        child_kill(child);
        while ((r = seqcast_wait(subscriber, MS)) == SEQCAST_TIMEOUT)
                cr_assert(lt(int, turns++, 2000));
        cr_assert(eq(int, r, SEQCAST_PUBLISHER_GONE));
}

Test(wait, finds_out_while_it_spins)
{
        pid_t child = start_holder(0);

        seqcast_subscriber_set_spin(subscriber, INT64_MAX);
        child_kill(child);
        expect_to_be_told(SEQCAST_PUBLISHER_GONE);
}

Test(wait, does_not_take_a_stopped_publisher_for_a_dead_one)
{
        pid_t child = start_holder(0);

        kill(child, SIGSTOP);
        waitpid(child, NULL, WUNTRACED);
        expect_wait(250 * MS, SEQCAST_TIMEOUT);
        child_kill(child);
        expect_to_be_told(SEQCAST_PUBLISHER_GONE);
}

static void poke(uint64_t offset, uint64_t value)
{
        int fd = open(topic_path(), O_RDWR);

        cr_assert(eq(int, (int)pwrite(fd, &value, sizeof value, (off_t)offset), (int)sizeof value));
        close(fd);
}

Test(wait, of_depth_one_finds_no_news_in_a_record_that_was_never_completed)
{
        struct seqcast__segment_header header;

        cr_assert(zero(int, open_publisher(RECORD_BYTES, 1, 0, &publisher)));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        publish(1);
        beside = open_beside();
        cr_assert(eq(int, (int)pread(beside, &header, sizeof header, 0), (int)sizeof header));
        poke(header.slots_offset, 3);
        publisher = seqcast_publisher_close(publisher);
        expect_to_be_told(SEQCAST_PUBLISHER_LEFT);
        expect_nothing_more();
        cr_assert(zero(int, open_waking_publisher(0, 0, &publisher)));
        publish(1);
        expect_wait(20 * SECOND, 0);
        expect_next(2, 1);
}

/* It has completed number 2, and not announced it: who reads in order gets it, who reads the newest does
 * not. */
static void complete_unannounced(void)
{
        struct seqcast__segment_header header;

        open_both(SEQCAST_WAKE_AUTOMATIC, 0);
        publish(1);
        cr_assert(eq(int, (int)pread(beside, &header, sizeof header, 0), (int)sizeof header));
        poke(header.slots_offset + 2 % header.depth * header.slot_stride, 4);
}

Test(wait, tells_who_reads_the_newest_once_of_what_a_dead_publisher_has_not_announced)
{
        int told = 0;

        complete_unannounced();
        for (int i = 0; i < 10; i++) {
                cr_assert(zero(int, seqcast_read_newest(subscriber, record, sizeof record, &sample)));
                cr_assert(eq(u64, sample.number, 1));
                told += seqcast_wait(subscriber, i % 2 == 0 ? 0 : MS) == 0;
        }
        cr_assert(le(int, told, 1));
        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, open_waking_publisher(0, 0, &publisher))); /* it announces number 2 */
        expect_wait(20 * SECOND, 0);
        cr_assert(zero(int, seqcast_read_newest(subscriber, record, sizeof record, &sample)));
        cr_assert(eq(u64, sample.number, 2));
}

Test(wait, tells_who_reads_in_order_of_what_a_dead_publisher_has_not_announced)
{
        complete_unannounced();
        expect_next(1, 0);
        expect_wait(20 * SECOND, 0);
        cr_assert(zero(int, seqcast_read_next(subscriber, record, sizeof record, &sample)));
        cr_assert(eq(u64, sample.number, 2));
        expect_wait(MS, SEQCAST_TIMEOUT);
}

/* ---- the end of a segment ------------------------------------------------------------------------ */

Test(wait, tells_once_that_the_name_is_gone)
{
        open_both(SEQCAST_WAKE_AUTOMATIC, 0);
        topic_remove();
        expect_to_be_told(SEQCAST_DETACHED);
        expect_nothing_more();
        publish(1);
        expect_wait(20 * SECOND, 0);
        expect_next(1, 0);
        publisher = seqcast_publisher_close(publisher);
        expect_to_be_told(SEQCAST_PUBLISHER_LEFT);
        expect_nothing_more();
}

Test(wait, tells_that_the_name_stands_for_another_segment_though_this_one_has_a_name)
{
        open_both(SEQCAST_WAKE_AUTOMATIC, 0);
        expect_wait(MS, SEQCAST_TIMEOUT);
        cr_assert(zero(int, rename(topic_path(), topic_path_of(0))));
        expect_to_be_told(SEQCAST_DETACHED);
        expect_nothing_more();
}

Test(wait, tells_that_a_segment_is_retired_after_what_is_in_it)
{
        open_both(SEQCAST_WAKE_AUTOMATIC, 0);
        publish(2);
        cr_assert(zero(int, seqcast_publisher_remove(publisher)));
        for (uint64_t number = 1; number <= 2; number++) {
                expect_wait(20 * SECOND, 0);
                expect_next(number, 0);
        }
        for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++)
                expect_wait(timeouts[i], SEQCAST_RETIRED);
}

/* ---- following to the next segment ---------------------------------------------------------------- */

/* Of what a publisher has published before the subscriber is there, it is given what is left. */
static void expect_the_new_segment(void)
{
        seqcast_info info, published;

        expect_to_be_told(SEQCAST_REATTACHED);
        seqcast_subscriber_info(subscriber, &info);
        seqcast_publisher_info(publisher, &published);
        cr_assert(eq(u64, info.incarnation, published.incarnation));
        expect_wait(20 * SECOND, 0);
        expect_next(8, 7);
        expect_wait(20 * SECOND, 0);
        expect_next(9, 0);
        expect_wait(20 * SECOND, 0);
        expect_next(10, 0);
        expect_nothing_more();
        publish(1);
        expect_wait(20 * SECOND, 0);
        expect_next(11, 0);
}

static void open_following(void)
{
        open_both(SEQCAST_WAKE_AUTOMATIC, SEQCAST_REATTACH);
        publish(5);
        seqcast_subscriber_skip(subscriber);
        expect_wait(10 * MS, SEQCAST_TIMEOUT);
}

static void open_anew(uint32_t flags)
{
        cr_assert(zero(int, open_waking_publisher(SEQCAST_WAKE_AUTOMATIC, flags, &publisher)));
        cr_assert(eq(u64, seqcast_publisher_version(publisher), 0));
        publish(10);
}

Test(wait, follows_a_topic_that_is_recreated)
{
        open_following();
        publisher = seqcast_publisher_close(publisher);
        expect_to_be_told(SEQCAST_PUBLISHER_LEFT);
        for (int i = 0; i < 2; i++) {
                open_anew(SEQCAST_RECREATE);
                expect_the_new_segment();
                publisher = seqcast_publisher_close(publisher);
                expect_to_be_told(SEQCAST_PUBLISHER_LEFT);
                expect_nothing_more();
        }
}

Test(wait, follows_a_topic_that_is_removed_and_created)
{
        open_following();
        cr_assert(zero(int, seqcast_publisher_remove(publisher)));
        expect_nothing_more();
        publisher = seqcast_publisher_close(publisher);
        expect_to_be_told(SEQCAST_PUBLISHER_LEFT);
        expect_nothing_more();
        open_anew(0);
        expect_the_new_segment();
}

Test(wait, follows_a_topic_whose_name_was_taken_away)
{
        seqcast_publisher *old;

        open_following();
        topic_remove();
        expect_nothing_more();
        publish(1);
        expect_wait(20 * SECOND, 0);
        expect_next(6, 0);
        old = publisher;
        open_anew(0);
        seqcast_publisher_close(old);
        expect_the_new_segment();
}

static void *recreate_later(void *ignored)
{
        sleep_ns(30 * MS);
        publisher = seqcast_publisher_close(publisher);
        if (open_waking_publisher(0, SEQCAST_RECREATE, &publisher) != 0)
                return NULL;
        return ignored;
}

Test(wait, follows_while_it_sleeps)
{
        pthread_t thread;
        void *recreated;

        open_both(SEQCAST_WAKE_AUTOMATIC, SEQCAST_REATTACH);
        for (int i = 0; i < 3; i++) {
                int r;

                pthread_create(&thread, NULL, recreate_later, record);
                do
                        r = seqcast_wait(subscriber, 20 * SECOND);
                while (r == SEQCAST_PUBLISHER_LEFT);
                cr_assert(eq(int, r, SEQCAST_REATTACHED));
                pthread_join(thread, &recreated);
                cr_assert(ne(ptr, recreated, NULL));
        }
}

Test(wait, says_why_it_cannot_follow)
{
        static const int64_t short_and_long[] = { 0, 20 * SECOND };

        open_following();
        publisher = seqcast_publisher_close(publisher);
        expect_to_be_told(SEQCAST_PUBLISHER_LEFT);
        cr_assert(zero(int, open_publisher(2 * RECORD_BYTES, 4, SEQCAST_REPLACE, &publisher)));
        for (size_t i = 0; i < 2; i++)
                expect_wait(short_and_long[i], -EPROTOTYPE);
        cr_assert(zero(int, seqcast_read_newest(subscriber, record, sizeof record, &sample)));
        cr_assert(eq(u64, sample.number, 5), "of the old segment");
        cr_assert(eq(u32, sample.retired, 1));
        publisher = seqcast_publisher_close(publisher);
        open_anew(SEQCAST_REPLACE);
        expect_the_new_segment();
}

struct quote {
        int64_t bid, ask;
};

static void replace_by(const seqcast_schema *schema)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        publisher = seqcast_publisher_close(publisher);
        options.schema = schema;
        options.flags = SEQCAST_REPLACE;
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)));
}

Test(wait, does_not_follow_to_another_schema)
{
        seqcast_schema *other;

        cr_assert(zero(int, seqcast_schema_parse("bid:i64,qty:i64", &other, NULL)));
        replace_by(SEQCAST_SCHEMA(struct quote, bid, ask));
        cr_assert(zero(int, open_flagged_subscriber(SEQCAST_REATTACH, &subscriber)));
        replace_by(other);
        expect_wait(20 * SECOND, -EPROTOTYPE);
        replace_by(SEQCAST_SCHEMA(struct quote, bid, ask));
        expect_wait(20 * SECOND, SEQCAST_REATTACHED);
        seqcast_schema_free(other);
}

/* ---- interrupting --------------------------------------------------------------------------------- */

Test(wait, is_interrupted_once_by_what_was_there_before)
{
        open_both(SEQCAST_WAKE_AUTOMATIC, 0);
        for (int times = 1; times < 4; times++) {
                for (int i = 0; i < times; i++)
                        seqcast_subscriber_interrupt(subscriber);
                expect_wait(times == 1 ? 0 : 20 * SECOND, SEQCAST_INTERRUPTED);
                expect_wait(MS, SEQCAST_TIMEOUT);
        }
        publish(1);
        seqcast_subscriber_interrupt(subscriber);
        expect_wait(0, SEQCAST_INTERRUPTED);
        expect_wait(0, 0);
}

static int64_t interrupt_sleeper(void)
{
        int64_t interrupted_ns;

        let_somebody_sleep();
        interrupted_ns = monotonic_ns();
        seqcast_subscriber_interrupt(subscriber);
        cr_assert(eq(int, waiter_join(&waiters[0]), SEQCAST_INTERRUPTED));
        return waiter_latency(&waiters[0], interrupted_ns);
}

Test(wait, is_interrupted_while_it_sleeps)
{
        static const uint32_t flags[] = { 0, SEQCAST_REATTACH, SEQCAST_SHARED,
                                          SEQCAST_REATTACH | SEQCAST_SHARED };

        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
                open_both(SEQCAST_WAKE_MANUAL, flags[i]);
                cr_assert(lt(i64, quickest(interrupt_sleeper, PROMPT), PROMPT), "flags %u", flags[i]);
                subscriber = seqcast_subscriber_close(subscriber);
                publisher = seqcast_publisher_close(publisher);
        }
}

Test(wait, is_interrupted_while_it_spins)
{
        open_both(SEQCAST_WAKE_AUTOMATIC, 0);
        seqcast_subscriber_set_spin(subscriber, INT64_MAX);
        waiter_start(&waiters[0], subscriber, -1);
        sleep_ns(20 * MS);
        seqcast_subscriber_interrupt(subscriber);
        cr_assert(eq(int, waiter_join(&waiters[0]), SEQCAST_INTERRUPTED));
}

static volatile sig_atomic_t errno_after;

static void interrupt_from_handler(int signal)
{
        (void)signal;
        errno = ENOTTY;
        seqcast_subscriber_interrupt(subscriber);
        errno_after = errno;
}

Test(wait, is_interrupted_by_a_signal_handler)
{
        static const int64_t spins[] = { 0, INT64_MAX };
        const struct itimerval in_a_moment = { { 0, 0 }, { 0, 30000 } };
        struct sigaction action = { .sa_handler = interrupt_from_handler, .sa_flags = SA_RESTART };

        sigaction(SIGALRM, &action, NULL);
        open_both(SEQCAST_WAKE_AUTOMATIC, SEQCAST_REATTACH);
        for (size_t i = 0; i < 2; i++) {
                seqcast_subscriber_set_spin(subscriber, spins[i]);
                setitimer(ITIMER_REAL, &in_a_moment, NULL);
                expect_wait(-1, SEQCAST_INTERRUPTED);
                cr_assert(eq(int, (int)errno_after, ENOTTY));
                expect_wait(MS, SEQCAST_TIMEOUT);
        }
}

Test(wait, of_joined_handles_is_interrupted_one_by_one)
{
        open_both(SEQCAST_WAKE_AUTOMATIC, SEQCAST_SHARED);
        for (unsigned i = 0; i < 2; i++) {
                cr_assert(zero(int, seqcast_subscriber_join(subscriber, &subscribers[i])));
                waiter_start(&waiters[i], subscribers[i], 20 * SECOND);
        }
        await_sleeper(beside);
        seqcast_subscriber_interrupt(subscribers[0]);
        cr_assert(eq(int, waiter_join(&waiters[0]), SEQCAST_INTERRUPTED));
        sleep_ns(SLICE + 20 * MS);
        cr_assert(zero(uint, atomic_load(&waiters[1].ended)));
        seqcast_subscriber_interrupt(subscribers[1]);
        cr_assert(eq(int, waiter_join(&waiters[1]), SEQCAST_INTERRUPTED));
        expect_wait(MS, SEQCAST_TIMEOUT);
}

/* ---- several topics -------------------------------------------------------------------------------- */

static void open_topics(unsigned count, uint32_t wake)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        struct rlimit limit;

        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        if (limit.rlim_cur < 2 * count + 50)
                cr_skip_test("too few descriptors are allowed here");
        options.record_bytes = 8;
        options.depth = 2;
        options.wake = wake;
        for (unsigned i = 0; i < count; i++) {
                cr_assert(zero(int, seqcast_publisher_open(topic_name_of(i), &options, &publishers[i])));
                cr_assert(zero(int, seqcast_subscriber_open(topic_name_of(i), NULL, &subscribers[i])));
        }
}

static void publish_in(size_t index)
{
        cr_assert(zero(int, seqcast_publish(publishers[index], record, 8)));
}

static void expect_any(size_t count, int64_t timeout, size_t index)
{
        size_t found = SIZE_MAX;

        cr_assert(zero(int, seqcast_wait_any(subscribers, count, timeout, &found)));
        cr_assert(eq(sz, found, index));
}

static void expect_none_of(size_t count, int64_t timeout)
{
        size_t untouched = 4711;
        int64_t start = monotonic_ns();

        cr_assert(eq(int, seqcast_wait_any(subscribers, count, timeout, &untouched), SEQCAST_TIMEOUT));
        cr_assert(eq(sz, untouched, 4711));
        cr_assert(ge(i64, monotonic_ns() - start, timeout));
}

static struct {
        pthread_t thread;
        size_t count, index;
        int result;
        int64_t began_ns, ended_ns;
} any;

static void *wait_for_any(void *ignored)
{
        any.result = seqcast_wait_any(subscribers, any.count, 20 * SECOND, &any.index);
        any.ended_ns = monotonic_ns();
        return ignored;
}

/* @return how long after a publication in the last of so many topics it was known */
static int64_t publish_in_last_of(size_t count)
{
        int64_t published_ns;
        int last = open(topic_path_of((unsigned)count - 1), O_RDONLY);

        any.count = count;
        any.index = SIZE_MAX;
        any.began_ns = monotonic_ns();
        pthread_create(&any.thread, NULL, wait_for_any, NULL);
        await_sleeper(last);
        sleep_ns(20 * MS);
        published_ns = monotonic_ns();
        publish_in(count - 1);
        seqcast_notify(publishers[count - 1]);
        pthread_join(any.thread, NULL);
        cr_assert(zero(int, any.result));
        cr_assert(eq(sz, any.index, count - 1));
        cr_assert(not(interest_is_shown(last, SEQCAST__SLEEPER_LOCK_BYTE)));
        close(last);
        seqcast_subscriber_skip(subscribers[count - 1]);
        return wake_latency(any.began_ns, published_ns, any.ended_ns);
}

Test(wait, for_none_is_an_error)
{
        size_t untouched = 4711;

        cr_assert(eq(int, seqcast_wait_any(subscribers, 0, 20 * SECOND, &untouched), -EINVAL));
        cr_assert(eq(int, seqcast_wait_any(NULL, 0, 0, &untouched), -EINVAL));
        cr_assert(eq(sz, untouched, 4711));
}

static const size_t counts[] = { 1, 2, 63, 64, 65, 100, 127, 128, 129, 200 };

Test(wait, says_which_of_several_has_something)
{
        open_topics(TOPICS_MAX, SEQCAST_WAKE_AUTOMATIC);
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
                expect_none_of(counts[i], 0);
                expect_none_of(counts[i], 3 * MS);
                publish_in(counts[i] - 1);
                expect_any(counts[i], 0, counts[i] - 1);
                expect_any(counts[i], 20 * SECOND, counts[i] - 1);
                seqcast_subscriber_skip(subscribers[counts[i] - 1]);
        }
        for (size_t index = 0; index < TOPICS_MAX; index++) {
                publish_in(index);
                expect_any(TOPICS_MAX, 20 * SECOND, index);
                seqcast_subscriber_skip(subscribers[index]);
        }
}

static size_t count_now;

static int64_t publish_in_last(void)
{
        return publish_in_last_of(count_now);
}

Test(wait, for_several_is_ended_by_a_publication_in_the_last)
{
        open_topics(TOPICS_MAX, SEQCAST_WAKE_MANUAL); /* they have said that they wake */
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
                count_now = counts[i];
                cr_assert(lt(i64, quickest(publish_in_last, PROMPT), PROMPT), "of %zu", count_now);
        }
}

Test(wait, for_several_lets_none_starve)
{
        open_topics(3, SEQCAST_WAKE_AUTOMATIC);
        publish_in(0);
        expect_any(2, 0, 0);
        publish_in(1);
        expect_any(2, 0, 1);
        for (size_t turn = 0; turn < 6; turn++)
                expect_any(2, turn % 2 == 0 ? 0 : 20 * SECOND, turn % 2);
        publish_in(2);
        for (size_t turn = 2; turn < 9; turn++)
                expect_any(3, 0, turn % 3);
        seqcast_subscriber_skip(subscribers[1]);
        for (size_t turn = 0; turn < 4; turn++)
                expect_any(3, 0, turn % 2 * 2);
}

Test(wait, for_several_may_name_one_twice)
{
        static const uint32_t flags[] = { 0, SEQCAST_REATTACH, SEQCAST_SHARED };

        for (size_t i = 0; i < 3; i++) {
                open_both(SEQCAST_WAKE_MANUAL, flags[i]);
                open_topics(1, SEQCAST_WAKE_MANUAL);
                subscribers[1] = subscribers[2] = subscriber;
                expect_none_of(3, 20 * MS);
                cr_assert(not(interest_is_shown(beside, SEQCAST__SLEEPER_LOCK_BYTE)));
                publish(1);
                expect_any(3, 0, 1);
                expect_any(3, 0, 2);
                seqcast_subscriber_skip(subscriber);
                subscribers[1] = subscribers[2] = NULL;
                subscriber = seqcast_subscriber_close(subscriber);
                seqcast_publisher_remove(publisher);
                publisher = seqcast_publisher_close(publisher);
                close(beside);
                beside = -1;
                close_topics();
        }
}

Test(wait, for_several_tells_whose_publisher_has_left)
{
        size_t index = SIZE_MAX;

        open_topics(3, SEQCAST_WAKE_AUTOMATIC);
        expect_none_of(3, 0);
        publishers[1] = seqcast_publisher_close(publishers[1]);
        cr_assert(eq(int, seqcast_wait_any(subscribers, 3, 20 * SECOND, &index), SEQCAST_PUBLISHER_LEFT));
        cr_assert(eq(sz, index, 1));
        expect_none_of(3, SLICE + 20 * MS);
        seqcast_publisher_remove(publishers[2]);
        cr_assert(eq(int, seqcast_wait_any(subscribers, 3, 0, &index), SEQCAST_RETIRED));
        cr_assert(eq(sz, index, 2));
        seqcast_subscriber_interrupt(subscribers[0]);
        cr_assert(eq(int, seqcast_wait_any(subscribers, 3, 0, &index), SEQCAST_INTERRUPTED));
        cr_assert(eq(sz, index, 0));
}

static int64_t interrupt_last(void)
{
        int64_t interrupted_ns;
        int last = open(topic_path_of((unsigned)count_now - 1), O_RDONLY);

        any.count = count_now;
        any.began_ns = monotonic_ns();
        pthread_create(&any.thread, NULL, wait_for_any, NULL);
        await_sleeper(last);
        close(last);
        sleep_ns(20 * MS);
        interrupted_ns = monotonic_ns();
        seqcast_subscriber_interrupt(subscribers[count_now - 1]);
        pthread_join(any.thread, NULL);
        cr_assert(eq(int, any.result, SEQCAST_INTERRUPTED));
        cr_assert(eq(sz, any.index, count_now - 1));
        return wake_latency(any.began_ns, interrupted_ns, any.ended_ns);
}

Test(wait, for_several_is_interrupted_by_any)
{
        static const size_t few_and_many[] = { 2, 64, 200 };
        int64_t soon;

        open_topics(TOPICS_MAX, SEQCAST_WAKE_MANUAL);
        for (size_t i = 0; i < 3; i++) {
                count_now = few_and_many[i];
                soon = count_now <= 64 ? PROMPT : 10 * SECOND;
                cr_assert(lt(i64, quickest(interrupt_last, soon), soon));
        }
}

/* ---- kernels that cannot sleep on several words ------------------------------------------------------ */

static void forbid_futex_waitv(void)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 449, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { sizeof code / sizeof *code, code };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
                cr_skip_test("no seccomp(2) here");
}

Test(wait, on_older_kernels_does_the_same)
{
        forbid_futex_waitv();
        open_both(SEQCAST_WAKE_MANUAL, 0);
        expect_timeout_after(30 * MS);
        cr_assert(lt(i64, quickest(interrupt_sleeper, 10 * SECOND), 10 * SECOND), "in a slice");
        publisher = seqcast_publisher_close(publisher);
        open_topics(3, SEQCAST_WAKE_MANUAL);
        for (count_now = 1; count_now <= 3; count_now++)
                cr_assert(lt(i64, quickest(publish_in_last, PROMPT), PROMPT), "of %zu", count_now);
        count_now = 3;
        expect_none_of(count_now, 30 * MS);
        cr_assert(lt(i64, quickest(interrupt_last, 10 * SECOND), 10 * SECOND));
}
