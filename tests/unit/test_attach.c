/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Opening a topic that is not there yet, or not ready yet: until when, and how soon it is noticed. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/syscall.h>

#include "../support/portable.h"
#include "../support/waiting.h"

#define RECORD_BYTES 64u

static unsigned descriptors_before;
static seqcast_publisher *publisher;
static seqcast_subscriber *subscriber;

/* with children */
static struct {
        _Atomic(unsigned) done;
        int64_t created_ns;
} * shared;

static void set_up(void)
{
        topic_name(); /* the children inherit it */
        shared = child_shared(sizeof *shared);
        descriptors_before = count_descriptors();
}

static void expect_nothing_left(void)
{
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_close(publisher);
        topic_remove();
        unlink(topic_path_of(0));
        expect_none_left("the descriptors", count_descriptors() - descriptors_before);
        expect_none_left("the objects in shared memory", count_objects());
}

TestSuite(attach, .init = set_up, .fini = expect_nothing_left, .timeout = 40);

static void (*before_watch)(void);

/* The library's watches pass by here. After `before_watch` they see nothing: names of others appear, too. */
int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
        if (before_watch != NULL) {
                before_watch();
                path = "/sys";
        }
        before_watch = NULL;
        return (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

static int open_in_time(int64_t timeout, seqcast_detail *ret_detail)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;

        options.timeout_ns = timeout;
        options.ret_detail = ret_detail;
        return seqcast_subscriber_open(topic_name(), &options, &subscriber);
}

static void expect_not_in_time(int64_t timeout, const char *why)
{
        unsigned descriptors = count_descriptors();
        seqcast_detail detail = { "" };
        int64_t start = monotonic_ns();

        cr_assert(eq(int, open_in_time(timeout, &detail), -ETIMEDOUT));
        cr_assert(ge(i64, monotonic_ns() - start, timeout));
        cr_assert(ne(ptr, strstr(detail.text, why), NULL), "%s", detail.text);
        cr_assert(eq(uint, count_descriptors(), descriptors));
}

static int create_later(void)
{
        sleep_ns(50 * MS);
        if (open_waking_publisher(0, 0, &publisher) != 0)
                return 1;
        shared->created_ns = monotonic_ns();
        wait_for(&shared->done, 1);
        return 0;
}

/* It is made under another name, and renamed: what was there before has never been half made. */
static int create_by_renaming(void)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        sleep_ns(50 * MS);
        options.record_bytes = RECORD_BYTES;
        if (seqcast_publisher_open(topic_name_of(0), &options, &publisher) != 0 ||
            rename(topic_path_of(0), topic_path()) != 0)
                return 1;
        shared->created_ns = monotonic_ns();
        wait_for(&shared->done, 1);
        return 0;
}

/* A new segment in the place of whatever there is. */
static int create_by_replacing(void)
{
        sleep_ns(50 * MS);
        if (open_waking_publisher(0, SEQCAST_RECREATE, &publisher) != 0)
                return 1;
        shared->created_ns = monotonic_ns();
        wait_for(&shared->done, 1);
        return 0;
}

static int (*create)(void);
static bool stormy;

/* @return how long after it was there it was open */
static int64_t await_topic(void)
{
        unsigned descriptors = count_descriptors();
        pid_t child;
        int64_t opened_ns;

        atomic_store(&shared->done, 0);
        child = child_start(create);
        if (stormy)
                storm_start();
        cr_assert(zero(int, open_in_time(20 * SECOND, NULL)));
        opened_ns = monotonic_ns();
        storm_stop();
        cr_assert(eq(uint, count_descriptors(), descriptors + 1));
        atomic_store(&shared->done, 1);
        cr_assert(zero(int, child_wait(child)));
        subscriber = seqcast_subscriber_close(subscriber);
        topic_remove();
        return opened_ns - shared->created_ns;
}

static void expect_to_open_soon(int (*by)(void), const char *what)
{
        int64_t delay;

        create = by;
        delay = quickest(await_topic, PROMPT);
        cr_assert(lt(i64, delay, PROMPT), "%s", what);
        printf("%s: open %ld us after the creator had made it\n", what, (long)(delay / 1000));
}

Test(attach, ends_when_it_is_created)
{
        expect_to_open_soon(create_later, "created");
        expect_to_open_soon(create_by_renaming, "renamed");
        expect_to_open_soon(create_by_replacing, "created with SEQCAST_RECREATE");
}

Test(attach, does_not_end_early)
{
        expect_not_in_time(1, "no such segment");
        expect_not_in_time(60 * MS, "no such segment");
        storm_start();
        expect_not_in_time(200 * MS, "no such segment");
        cr_assert(storm_stop());
}

Test(attach, is_not_ended_by_signals)
{
        stormy = true;
        expect_to_open_soon(create_later, "created in a storm of signals");
}

static void make_unready(void)
{
        int fd = open(topic_path(), O_RDWR | O_CREAT | O_EXCL, 0600);

        cr_assert(zero(int, ftruncate(fd, 100000)));
        close(fd);
}

static int64_t await_unready_topic(void)
{
        make_unready();
        return await_topic();
}

Test(attach, waits_until_its_creator_has_finished_it)
{
        make_unready();
        expect_not_in_time(60 * MS, "did not finish");
        topic_remove();
        create = create_by_renaming;
        cr_assert(lt(i64, quickest(await_unready_topic, PROMPT), PROMPT));
        create = create_by_replacing;
        cr_assert(lt(i64, quickest(await_unready_topic, PROMPT), PROMPT));
}

static int64_t await_topic_with_one_descriptor(void)
{
        struct rlimit before;
        pid_t child;
        int r;

        atomic_store(&shared->done, 0);
        child = child_start(create_later);
        before = allow_descriptors(1); /* for the segment; none is left for a watch */
        r = open_in_time(20 * SECOND, NULL);
        setrlimit(RLIMIT_NOFILE, &before);
        shared->created_ns = monotonic_ns() - shared->created_ns;
        cr_assert(zero(int, r));
        atomic_store(&shared->done, 1);
        cr_assert(zero(int, child_wait(child)));
        subscriber = seqcast_subscriber_close(subscriber);
        topic_remove();
        return shared->created_ns;
}

Test(attach, looks_again_and_again_where_it_cannot_watch_for_names)
{
        cr_assert(lt(i64, quickest(await_topic_with_one_descriptor, PROMPT), PROMPT));
}

static void create_now(void)
{
        cr_assert(zero(int, open_waking_publisher(0, 0, &publisher)));
}

Test(attach, sees_one_that_was_created_just_before_it_watches)
{
        int64_t start = monotonic_ns();

        skip_if_portable("it does not watch");
        before_watch = create_now;
        cr_assert(zero(int, open_in_time(6 * SECOND, NULL)));
        cr_assert(lt(i64, monotonic_ns() - start, 5 * SECOND), "it did not sleep to the end");
        cr_assert(before_watch == NULL, "it has come to that");
}
