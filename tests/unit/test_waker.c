/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The publisher's side of waiting: whom it looks for, when, what it says of it, and whom it wakes. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "../support/portable.h"
#include "../support/waiting.h"

#include <linux/seccomp.h>

#define RECORD_BYTES 64u

static unsigned descriptors_before;
static seqcast_publisher *publisher;
static seqcast_subscriber *subscriber;
static int beside = -1;  /* sees locks, and control words */
static int sleeper = -1; /* another open file: holds locks as a sleeper does */
static unsigned char record[RECORD_BYTES];

static void note_what_is_open(void)
{
        topic_name(); /* the children inherit it */
        descriptors_before = count_descriptors();
}

static void close_beside(void)
{
        if (beside >= 0)
                close(beside);
        if (sleeper >= 0)
                close(sleeper);
        beside = sleeper = -1;
}

static void expect_nothing_left(void)
{
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_close(publisher);
        close_beside();
        topic_remove();
        expect_none_left("the descriptors", count_descriptors() - descriptors_before);
        expect_none_left("the objects in shared memory", count_objects());
}

TestSuite(waker, .init = note_what_is_open, .fini = expect_nothing_left, .timeout = 30);

/* ---- the library's looks at locks pass by here ------------------------------------------------ */

static unsigned lock_looks;
static void (*after_lock_look)(void);
static int lock_look_error;

static int pass_fcntl(int fd, int command, void *argument)
{
        int r = (int)syscall(SYS_fcntl, fd, command, argument);

        if (command != F_OFD_GETLK)
                return r;
        lock_looks++;
        if (after_lock_look != NULL)
                after_lock_look();
        if (lock_look_error != 0) {
                errno = lock_look_error;
                return -1;
        }
        return r;
}

/* Both names: which of them a file calls depends on what it was compiled with. */
int fcntl_of_library(int fd, int command, ...) __asm__("fcntl");
int fcntl64_of_library(int fd, int command, ...) __asm__("fcntl64");

#define PASS_ON(name)                                                                                        \
        int name(int fd, int command, ...)                                                                   \
        {                                                                                                    \
                va_list arguments;                                                                           \
                void *argument;                                                                              \
                                                                                                             \
                va_start(arguments, command);                                                                \
                argument = va_arg(arguments, void *);                                                        \
                va_end(arguments);                                                                           \
                return pass_fcntl(fd, command, argument);                                                    \
        }

PASS_ON(fcntl_of_library)
PASS_ON(fcntl64_of_library)

/* ---- a publisher, and a sleeper that is nothing but a lock -------------------------------------- */

static void need_waking(void)
{
        skip_if_portable("nobody is woken");
}

static void open_publisher_and_sleeper(uint32_t wake, uint32_t flags)
{
        need_waking();
        cr_assert(zero(int, open_waking_publisher(wake, flags, &publisher)));
        beside = open_beside();
        sleeper = open_beside();
}

static void go_to_sleep(int lock_byte)
{
        cr_assert(zero(int, seqcast__lock_take_shared(sleeper, lock_byte)));
}

static void get_up(int lock_byte)
{
        seqcast__lock_drop(sleeper, lock_byte);
}

static void publish(void)
{
        cr_assert(zero(int, seqcast_publish(publisher, record, sizeof record)));
}

/* After a pause in which a look has become due. */
static void publish_after(int64_t pause)
{
        sleep_ns(pause);
        publish();
}

#define LOOK_IS_DUE (20 * MS)

static void expect_words(uint64_t waking, uint64_t touching)
{
        cr_assert(eq(u64, control_word(beside, SEQCAST__CONTROL_WAKING), waking));
        cr_assert(eq(u64, control_word(beside, SEQCAST__CONTROL_TOUCHING), touching));
}

/* ---- whom it looks for -------------------------------------------------------------------------- */

Test(waker, says_nothing_while_nobody_sleeps)
{
        open_publisher_and_sleeper(SEQCAST_WAKE_AUTOMATIC, 0);
        expect_words(0, 0);
        for (int i = 0; i < 5; i++) {
                publish_after(LOOK_IS_DUE);
                expect_words(0, 0);
        }
}

static void expect_to_be_seen(uint64_t epoch)
{
        publish();
        go_to_sleep(SEQCAST__SLEEPER_LOCK_BYTE);
        publish_after(LOOK_IS_DUE);
        expect_words(epoch, epoch - 1); /* what the publisher before has said */
        go_to_sleep(SEQCAST__DESCRIPTOR_LOCK_BYTE);
        publish_after(LOOK_IS_DUE);
        expect_words(epoch, epoch);
}

Test(waker, says_so_at_the_first_publication_two_milliseconds_after_somebody_went_to_sleep)
{
        static const uint32_t flags[] = { 0, SEQCAST_TIMES };

        for (size_t i = 0; i < 2; i++) {
                for (uint64_t epoch = 1; epoch <= 3; epoch++) {
                        open_publisher_and_sleeper(SEQCAST_WAKE_AUTOMATIC, flags[i]);
                        expect_to_be_seen(epoch);
                        close_beside();
                        publisher = seqcast_publisher_close(publisher);
                }
                topic_remove();
        }
}

Test(waker, sees_threads_and_descriptors_that_sleep)
{
        struct waiter waiter;

        open_publisher_and_sleeper(SEQCAST_WAKE_AUTOMATIC, 0);
        cr_assert(zero(int, open_subscriber(&subscriber)));
        waiter_start(&waiter, subscriber, 20 * SECOND);
        await_sleeper(beside);
        publish_after(LOOK_IS_DUE);
        expect_words(1, 0);
        cr_assert(zero(int, waiter_join(&waiter)));
        cr_assert(ge(int, seqcast_subscriber_fd(subscriber), 0));
        publish_after(LOOK_IS_DUE);
        expect_words(1, 1);
}

Test(waker, looks_for_sleepers_when_it_is_opened)
{
        open_publisher_and_sleeper(SEQCAST_WAKE_AUTOMATIC, 0);
        expect_words(0, 0);
        publisher = seqcast_publisher_close(publisher);
        go_to_sleep(SEQCAST__SLEEPER_LOCK_BYTE);
        go_to_sleep(SEQCAST__DESCRIPTOR_LOCK_BYTE);
        cr_assert(zero(int, open_waking_publisher(SEQCAST_WAKE_AUTOMATIC, 0, &publisher)));
        expect_words(2, 2);
        get_up(SEQCAST__DESCRIPTOR_LOCK_BYTE);
        publish_after(LOOK_IS_DUE);
        expect_words(2, 0);
}

static int publish_part(void)
{
        const seqcast_part part = { 0, 8, record };

        return seqcast_publish_parts(publisher, &part, 1);
}

static int begin_and_commit(void)
{
        void *begun;
        int r = seqcast_publish_begin(publisher, &begun);

        return r < 0 ? r : seqcast_publish_commit(publisher, 8);
}

Test(waker, looks_in_every_way_of_publishing)
{
        static int (*const ways[])(void) = { publish_part, begin_and_commit, begin_and_commit };
        static const uint32_t flags[] = { 0, 0, SEQCAST_IN_PLACE };

        for (size_t i = 0; i < 3; i++) {
                open_publisher_and_sleeper(SEQCAST_WAKE_AUTOMATIC, flags[i]);
                cr_assert(zero(int, ways[i]()));
                expect_words(0, 0);
                go_to_sleep(SEQCAST__SLEEPER_LOCK_BYTE);
                sleep_ns(LOOK_IS_DUE);
                cr_assert(zero(int, ways[i]()));
                expect_words(1, 0);
                close_beside();
                publisher = seqcast_publisher_close(publisher);
                topic_remove();
        }
}

/* ---- until when --------------------------------------------------------------------------------- */

Test(waker, goes_on_for_a_tenth_of_a_second_after_the_last_has_got_up)
{
        int64_t seen, last = 0;

        open_publisher_and_sleeper(SEQCAST_WAKE_AUTOMATIC, 0);
        go_to_sleep(SEQCAST__SLEEPER_LOCK_BYTE);
        sleep_ns(LOOK_IS_DUE);
        seen = monotonic_ns();
        publish();
        expect_words(1, 0);
        get_up(SEQCAST__SLEEPER_LOCK_BYTE);
        while (control_word(beside, SEQCAST__CONTROL_WAKING) != 0) {
                cr_assert(lt(i64, last - seen, 10 * SECOND), "at a publication every millisecond");
                publish_after(MS);
                last = monotonic_ns();
        }
        cr_assert(ge(i64, last - seen, 90 * MS), "but for the tick of a coarse clock");
}

Test(waker, stops_at_the_first_publication_after_that)
{
        for (int lock_byte = SEQCAST__SLEEPER_LOCK_BYTE; lock_byte <= SEQCAST__DESCRIPTOR_LOCK_BYTE;
             lock_byte++) {
                open_publisher_and_sleeper(SEQCAST_WAKE_AUTOMATIC, 0);
                go_to_sleep(lock_byte);
                publish_after(LOOK_IS_DUE);
                get_up(lock_byte);
                publish_after(130 * MS);
                expect_words(0, 0);
                close_beside();
                publisher = seqcast_publisher_close(publisher);
                topic_remove();
        }
}

static void fall_asleep(void)
{
        after_lock_look = NULL;
        go_to_sleep(SEQCAST__SLEEPER_LOCK_BYTE);
}

Test(waker, does_not_stop_for_somebody_who_falls_asleep_just_after_the_look)
{
        open_publisher_and_sleeper(SEQCAST_WAKE_AUTOMATIC, 0);
        go_to_sleep(SEQCAST__SLEEPER_LOCK_BYTE);
        publish_after(LOOK_IS_DUE);
        get_up(SEQCAST__SLEEPER_LOCK_BYTE);
        after_lock_look = fall_asleep;
        publish_after(130 * MS);
        cr_assert(after_lock_look == NULL, "it has come to that");
        expect_words(1, 0);
}

/* ---- how often ---------------------------------------------------------------------------------- */

/* @return the time that it took */
static int64_t publish_flat_out(int64_t duration)
{
        int64_t start = monotonic_ns(), now;

        do {
                for (int i = 0; i < 1000; i++)
                        publish();
                now = monotonic_ns();
        } while (now - start < duration);
        return now - start;
}

Test(waker, looks_every_two_milliseconds_at_most)
{
        int64_t took;

        open_publisher_and_sleeper(SEQCAST_WAKE_AUTOMATIC, 0);
        publish();
        lock_looks = 0;
        took = publish_flat_out(100 * MS);
        cr_assert(gt(uint, lock_looks, 0));
        cr_assert(le(uint, lock_looks, (unsigned)(took / (2 * MS)) + 2));
}

/* It takes its pace from the rate of publication, which may fall. */
Test(waker, sees_a_sleeper_after_256_publications_at_most)
{
        unsigned most = 0;

        open_publisher_and_sleeper(SEQCAST_WAKE_AUTOMATIC, 0);
        for (int i = 0; i < 8; i++) {
                unsigned count = 0;

                publish_flat_out(20 * MS);
                go_to_sleep(SEQCAST__SLEEPER_LOCK_BYTE);
                sleep_ns(LOOK_IS_DUE);
                for (; control_word(beside, SEQCAST__CONTROL_WAKING) != 1; count++) {
                        cr_assert(lt(uint, count, 256));
                        publish_after(MS / 20);
                }
                most = count > most ? count : most;
                get_up(SEQCAST__SLEEPER_LOCK_BYTE);
                publish_after(130 * MS);
                expect_words(0, 0);
        }
        printf("seen after %u publications at most\n", most);
}

/* ---- those that do not look --------------------------------------------------------------------- */

static void publish_while_somebody_sleeps(uint32_t wake, uint64_t words)
{
        open_publisher_and_sleeper(wake, 0);
        lock_looks = 0;
        expect_words(words, words);
        go_to_sleep(SEQCAST__SLEEPER_LOCK_BYTE);
        go_to_sleep(SEQCAST__DESCRIPTOR_LOCK_BYTE);
        for (int i = 0; i < 3; i++) {
                publish_after(LOOK_IS_DUE);
                expect_words(words, words);
        }
        publish_flat_out(10 * MS);
        get_up(SEQCAST__SLEEPER_LOCK_BYTE);
        get_up(SEQCAST__DESCRIPTOR_LOCK_BYTE);
        publish_after(130 * MS);
        expect_words(words, words);
        close_beside();
        publisher = seqcast_publisher_close(publisher);
}

Test(waker, never_says_that_it_wakes_where_it_never_does)
{
        publish_while_somebody_sleeps(SEQCAST_WAKE_NEVER, 0);
        cr_assert(zero(uint, lock_looks));
}

Test(waker, says_that_it_wakes_from_the_start_where_it_is_told_when_to)
{
        for (uint64_t epoch = 1; epoch < 3; epoch++)
                publish_while_somebody_sleeps(SEQCAST_WAKE_MANUAL, epoch);
        cr_assert(zero(uint, lock_looks));
}

static uint32_t strict_wake;

static int publish_under_seccomp(void)
{
        int r = 0;

        if (open_waking_publisher(strict_wake, 0, &publisher) != 0)
                return 1;
        sleeper = open_beside();
        if (seqcast__futex_can_wake() && seqcast__lock_take_shared(sleeper, SEQCAST__SLEEPER_LOCK_BYTE) != 0)
                return 1;
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
                return 77;
        for (int i = 0; i < 10000 && r == 0; i++)
                r = seqcast_publish(publisher, record, sizeof record);
        syscall(SYS_exit, r == 0 ? 0 : 1);
        return 1;
}

Test(waker, publishes_without_a_system_call_where_it_does_not_look)
{
        static const uint32_t wakes[] = { SEQCAST_WAKE_NEVER, SEQCAST_WAKE_MANUAL };

        for (size_t i = 0; i < 2; i++) {
                int r;

                strict_wake = wakes[i];
                r = child_wait(child_start(publish_under_seccomp));
                if (r == 77)
                        cr_skip_test("no seccomp(2) here");
                cr_assert(zero(int, r));
        }
}

Test(waker, refuses_ways_to_wake_that_it_does_not_know)
{
        static const uint32_t rows[][2] = { { SEQCAST_WAKE_MANUAL + 1, 0 }, { UINT32_MAX, 0 }, { 0, 1 } };
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_detail detail;

        options.record_bytes = RECORD_BYTES;
        options.ret_detail = &detail;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                memset(&detail, 0, sizeof detail);
                options.wake = rows[i][0];
                options.reserved = rows[i][1];
                cr_assert(eq(int, seqcast_publisher_open(topic_name(), &options, &publisher), -EINVAL));
                cr_assert(ne(sz, strlen(detail.text), 0), "a reason is given");
                cr_assert(not(topic_exists()));
        }
        for (uint32_t wake = 0; wake <= SEQCAST_WAKE_MANUAL; wake++) {
                cr_assert(zero(int, open_waking_publisher(wake, 0, &publisher)));
                publisher = seqcast_publisher_close(publisher);
        }
}

/* ---- notify ------------------------------------------------------------------------------------- */

static int notify_in_a_child(void)
{
        return seqcast_notify(publisher) == -ECHILD ? 0 : 1;
}

Test(waker, notifies_for_its_own_process_only)
{
        cr_assert(eq(int, seqcast_notify(NULL), -EINVAL));
        for (uint32_t wake = 0; wake <= SEQCAST_WAKE_MANUAL; wake++) {
                cr_assert(zero(int, open_waking_publisher(wake, 0, &publisher)));
                cr_assert(zero(int, seqcast_notify(publisher)));
                cr_assert(zero(int, child_wait(child_start(notify_in_a_child))));
                publisher = seqcast_publisher_close(publisher);
        }
}

static _Atomic(unsigned) notifications, stop;

static void *notify_until_stopped(void *ret_errors)
{
        do {
                *(int *)ret_errors |= seqcast_notify(publisher);
                atomic_fetch_add(&notifications, 1);
        } while (atomic_load(&stop) == 0);
        return NULL;
}

Test(waker, notifies_from_any_thread_while_another_one_publishes)
{
        pthread_t thread;
        int errors = 0;

        cr_assert(zero(int, open_waking_publisher(SEQCAST_WAKE_AUTOMATIC, 0, &publisher)));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        pthread_create(&thread, NULL, notify_until_stopped, &errors);
        wait_for(&notifications, 1);
        for (uint64_t number = 1; number <= 20000; number++) {
                seqcast_sample sample;

                publish();
                cr_assert(zero(int, seqcast_read_next(subscriber, record, sizeof record, &sample)));
                cr_assert(eq(u64, sample.number, number));
        }
        wait_for(&notifications, 1000);
        atomic_store(&stop, 1);
        pthread_join(thread, NULL);
        cr_assert(zero(int, errors));
}

static struct waiter waiter;

/* Start a thread that waits, and let it sleep a while, but not to the end of its slice. */
static void let_somebody_sleep(void)
{
        waiter_start(&waiter, subscriber, 20 * SECOND);
        await_sleeper(beside);
        sleep_ns(20 * MS);
}

/* @return how long after `woken_at` it was told `expected` */
static int64_t time_to_hear(int expected, int64_t woken_at)
{
        cr_assert(eq(int, waiter_join(&waiter), expected));
        return waiter_latency(&waiter, woken_at);
}

static int64_t publish_and_notify(void)
{
        int64_t woken_at, duration;

        let_somebody_sleep();
        publish();
        woken_at = monotonic_ns();
        cr_assert(zero(int, seqcast_notify(publisher)));
        duration = time_to_hear(0, woken_at);
        seqcast_subscriber_skip(subscriber);
        return duration;
}

Test(waker, notifying_wakes_those_who_sleep)
{
        open_publisher_and_sleeper(SEQCAST_WAKE_MANUAL, 0);
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(lt(i64, quickest(publish_and_notify, PROMPT), PROMPT));
}

static void need_descriptor(void)
{
        int r = seqcast_subscriber_fd(subscriber);

        if (r == -ENOSYS)
                SKIP_WITH_TOPIC("a portable build: there are no descriptors to wait on");
        cr_assert(ge(int, r, 0));
}

static int poll_descriptor(int timeout_ms)
{
        struct pollfd readable = { .fd = seqcast_subscriber_fd(subscriber), .events = POLLIN };

        return poll(&readable, 1, timeout_ms);
}

Test(waker, notifying_makes_descriptors_readable)
{
        cr_assert(zero(int, open_waking_publisher(SEQCAST_WAKE_MANUAL, 0, &publisher)));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        need_descriptor();
        cr_assert(eq(int, seqcast_subscriber_drain(subscriber), SEQCAST_NONE));
        publish();
        cr_assert(zero(int, poll_descriptor(0)), "a publication does not");
        cr_assert(zero(int, seqcast_notify(publisher)));
        cr_assert(eq(int, poll_descriptor(20000), 1));
        cr_assert(zero(int, seqcast_subscriber_drain(subscriber)));
}

/* ---- errno -------------------------------------------------------------------------------------- */

Test(waker, leaves_errno_alone)
{
        open_publisher_and_sleeper(SEQCAST_WAKE_AUTOMATIC, 0);
        go_to_sleep(SEQCAST__SLEEPER_LOCK_BYTE);
        lock_look_error = EIO;
        sleep_ns(LOOK_IS_DUE);
        errno = ENOTTY;
        publish();
        cr_assert(eq(int, errno, ENOTTY));
        expect_words(0, 0);
        cr_assert(zero(int, seqcast_notify(publisher)));
        cr_assert(eq(int, errno, ENOTTY));
        lock_look_error = 0;
        sleep_ns(LOOK_IS_DUE);
        publish();
        cr_assert(eq(int, errno, ENOTTY));
        expect_words(1, 0);
}

/* ---- rare things wake at once -------------------------------------------------------------------- */

/* A publisher that has said it wakes, so that whoever sleeps, sleeps a whole slice. */
static void open_to_sleep_on(void)
{
        open_publisher_and_sleeper(SEQCAST_WAKE_MANUAL, 0);
        cr_assert(zero(int, open_subscriber(&subscriber)));
}

static void close_all(void)
{
        subscriber = seqcast_subscriber_close(subscriber);
        publisher = seqcast_publisher_close(publisher);
        close_beside();
        topic_remove();
}

static int64_t remove_topic(void)
{
        int64_t woken_at, duration;

        open_to_sleep_on();
        let_somebody_sleep();
        woken_at = monotonic_ns();
        cr_assert(zero(int, seqcast_publisher_remove(publisher)));
        duration = time_to_hear(SEQCAST_RETIRED, woken_at);
        close_all();
        return duration;
}

Test(waker, removing_a_topic_wakes_those_who_sleep)
{
        cr_assert(lt(i64, quickest(remove_topic, PROMPT), PROMPT));
}

static int64_t replace_segment(void)
{
        int64_t woken_at, duration;

        open_to_sleep_on();
        publisher = seqcast_publisher_close(publisher);
        cr_assert(eq(int, seqcast_wait(subscriber, 20 * SECOND), SEQCAST_PUBLISHER_LEFT));
        let_somebody_sleep();
        woken_at = monotonic_ns();
        cr_assert(zero(int, open_waking_publisher(0, SEQCAST_RECREATE, &publisher)));
        duration = time_to_hear(SEQCAST_RETIRED, woken_at);
        close_all();
        return duration;
}

Test(waker, replacing_a_segment_wakes_those_who_sleep)
{
        cr_assert(lt(i64, quickest(replace_segment, PROMPT), PROMPT));
}

/* As a publisher leaves it that dies after publication `number` is complete, and before it is announced. */
static void complete_unannounced(uint64_t number)
{
        struct seqcast__segment_header header;
        const uint64_t sequence = 2 * number;
        int fd = open(topic_path(), O_RDWR);
        off_t slot;

        cr_assert(eq(int, (int)pread(fd, &header, sizeof header, 0), (int)sizeof header));
        slot = (off_t)(header.slots_offset + number % header.depth * header.slot_stride);
        cr_assert(eq(int, (int)pwrite(fd, &sequence, sizeof sequence, slot), (int)sizeof sequence));
        close(fd);
}

static int64_t take_over(void)
{
        int64_t woken_at, duration;

        open_to_sleep_on();
        publish();
        seqcast_subscriber_skip(subscriber);
        publisher = seqcast_publisher_close(publisher);
        cr_assert(eq(int, seqcast_wait(subscriber, 20 * SECOND), SEQCAST_PUBLISHER_LEFT));
        let_somebody_sleep();
        complete_unannounced(2);
        woken_at = monotonic_ns();
        cr_assert(zero(int, open_waking_publisher(0, 0, &publisher)));
        cr_assert(eq(u64, seqcast_publisher_version(publisher), 2));
        duration = time_to_hear(0, woken_at);
        close_all();
        return duration;
}

Test(waker, taking_over_wakes_those_who_sleep)
{
        cr_assert(lt(i64, quickest(take_over, PROMPT), PROMPT));
}
