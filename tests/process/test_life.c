/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Publishers that come and go, as their subscribers in other processes see it. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>

#include "seqcast.h"

#include "../support/child.h"
#include "../support/record.h"
#include "../support/topic.h"

#define RECORD_BYTES 64u

static seqcast_subscriber *subscriber;
static seqcast_publisher *publisher;
static unsigned char record[1024];
static seqcast_sample sample;

static struct {
        _Atomic(unsigned) ready, go;
} * shared;

static void set_up(void)
{
        topic_name(); /* the children inherit it */
        shared = child_shared(sizeof *shared);
}

static void clean_up(void)
{
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_close(publisher);
        topic_remove();
        expect_none_left("the objects in shared memory", count_objects());
}

TestSuite(life, .init = set_up, .fini = clean_up, .timeout = 120);

static seqcast_status status_now(void)
{
        seqcast_status status;

        cr_assert(zero(int, seqcast_subscriber_status(subscriber, &status)));
        return status;
}

static int publish_some(void)
{
        if (open_publisher(RECORD_BYTES, 4, 0, &publisher) != 0)
                return 1;
        for (int i = 0; i < 3; i++) {
                record_fill(record, RECORD_BYTES, seqcast_publisher_version(publisher) + 1);
                if (seqcast_publish(publisher, record, RECORD_BYTES) != 0)
                        return 1;
        }
        return 0;
}

static int publish_some_and_leave(void)
{
        int r = publish_some();

        seqcast_publisher_close(publisher);
        return r;
}

static int publish_some_and_exit(void)
{
        return publish_some();
}

static int publish_some_and_wait(void)
{
        int r = publish_some();

        atomic_fetch_add(&shared->ready, 1);
        wait_for(&shared->go, 1);
        seqcast_publisher_close(publisher);
        return r;
}

static void expect_newest(uint64_t number)
{
        cr_assert(zero(int, seqcast_read_newest(subscriber, record, sizeof record, &sample)));
        cr_assert(eq(u64, sample.number, number));
        cr_assert(record_check(record, RECORD_BYTES, number));
}

Test(life, closing_is_told_from_dying)
{
        cr_assert(zero(int, child_wait(child_start(publish_some_and_leave))));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(eq(u32, status_now().liveness, SEQCAST_LEFT));
        expect_newest(3);
        cr_assert(zero(int, child_wait(child_start(publish_some_and_exit))));
        cr_assert(eq(u32, status_now().liveness, SEQCAST_GONE));
        expect_newest(6);
        cr_assert(zero(int, child_wait(child_start(publish_some_and_leave))));
        cr_assert(eq(u32, status_now().liveness, SEQCAST_LEFT));
        expect_newest(9);
}

Test(life, subscribers_follow_a_restart_without_noticing)
{
        cr_assert(zero(int, child_wait(child_start(publish_some_and_leave))));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        expect_newest(3);
        for (uint64_t life = 2; life < 10; life++) {
                cr_assert(zero(int, child_wait(child_start(publish_some_and_exit))));
                for (uint64_t i = 1; i <= 3; i++) {
                        cr_assert(zero(int, seqcast_read_next(subscriber, record, sizeof record, &sample)));
                        cr_assert(eq(u64, sample.number, 3 * (life - 1) + i));
                        cr_assert(zero(u64, sample.lost));
                        cr_assert(record_check(record, RECORD_BYTES, sample.number));
                }
                cr_assert(eq(u64, status_now().epoch, life));
                cr_assert(zero(u32, status_now().detached));
        }
}

Test(life, a_stopped_publisher_is_live_and_readable)
{
        pid_t child = child_start(publish_some_and_wait);

        wait_for(&shared->ready, 1);
        cr_assert(zero(int, open_subscriber(&subscriber)));
        kill(child, SIGSTOP);
        waitpid(child, NULL, WUNTRACED);
        cr_assert(eq(u32, status_now().liveness, SEQCAST_LIVE));
        cr_assert(eq(u64, status_now().publisher_pid, (uint64_t)child));
        expect_newest(3);
        kill(child, SIGCONT);
        atomic_store(&shared->go, 1);
        cr_assert(zero(int, child_wait(child)));
        cr_assert(eq(u32, status_now().liveness, SEQCAST_LEFT));
}

Test(life, a_second_publisher_is_told_of_the_first_in_another_process)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_detail detail;
        char pid[32];
        pid_t child = child_start(publish_some_and_wait);

        wait_for(&shared->ready, 1);
        options.record_bytes = RECORD_BYTES;
        options.ret_detail = &detail;
        cr_assert(eq(int, seqcast_publisher_open(topic_name(), &options, &publisher), -EBUSY));
        snprintf(pid, sizeof pid, "pid %ld ", (long)child);
        cr_assert(ne(ptr, strstr(detail.text, pid), NULL), "%s", detail.text);
        child_kill(child);
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)), "%s", detail.text);
        cr_assert(eq(u64, seqcast_publisher_version(publisher), 3));
}

static int keep_a_copy(void)
{
        pid_t grandchild;

        if (publish_some() != 0)
                return 1;
        grandchild = fork();
        if (grandchild == 0) {
                atomic_fetch_add(&shared->ready, 1);
                wait_for(&shared->go, 1);
                _exit(0);
        }
        wait_for(&shared->ready, 1); /* the child runs, so it has given up its copy of the descriptor */
        return 0;
}

Test(life, a_child_of_a_dead_publisher_does_not_keep_the_topic_live)
{
        cr_assert(zero(int, child_wait(child_start(keep_a_copy))));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(eq(u32, status_now().liveness, SEQCAST_GONE));
        cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, 0, &publisher)));
        atomic_store(&shared->go, 1);
}

static int replace(void)
{
        if (open_publisher(2 * RECORD_BYTES, 2, SEQCAST_REPLACE, &publisher) != 0)
                return 1;
        return seqcast_publish(publisher, "new", 3) == 0 ? 0 : 1;
}

Test(life, replacing_a_segment_tells_its_subscribers)
{
        seqcast_info before, after;

        cr_assert(zero(int, child_wait(child_start(publish_some_and_exit))));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        seqcast_subscriber_info(subscriber, &before);
        cr_assert(zero(int, child_wait(child_start(replace))));
        expect_newest(3);
        cr_assert(eq(u32, sample.retired, 1));
        cr_assert(eq(int, seqcast_read_next(subscriber, record, sizeof record, &sample), SEQCAST_RETIRED));
        cr_assert(eq(u32, status_now().liveness, SEQCAST_REPLACED));
        cr_assert(eq(u32, status_now().detached, 1));
        subscriber = seqcast_subscriber_close(subscriber);
        cr_assert(zero(int, open_subscriber(&subscriber)));
        seqcast_subscriber_info(subscriber, &after);
        cr_assert(ne(u64, after.incarnation, before.incarnation));
        cr_assert(zero(int, seqcast_read_newest(subscriber, record, sizeof record, &sample)));
        cr_assert(eq(u64, sample.number, 1));
        cr_assert(eq(u64, sample.bytes, 3));
}

Test(life, a_name_that_vanishes_is_noticed)
{
        cr_assert(zero(int, child_wait(child_start(publish_some_and_exit))));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(zero(u32, status_now().detached));
        topic_remove();
        cr_assert(eq(u32, status_now().detached, 1));
        expect_newest(3);
        cr_assert(zero(int, child_wait(child_start(publish_some_and_exit))), "a new segment of that name");
        cr_assert(eq(u32, status_now().detached, 1));
        expect_newest(3);
}

Test(life, the_segment_never_shrinks_under_its_readers)
{
        struct stat before, after;
        int fd;

        cr_assert(zero(int, child_wait(child_start(publish_some_and_exit))));
        fd = open(topic_path(), O_RDONLY);
        fstat(fd, &before);
        cr_assert(zero(int, child_wait(child_start(publish_some_and_leave))));
        cr_assert(zero(int, child_wait(child_start(replace))));
        fstat(fd, &after);
        cr_assert(eq(u64, (uint64_t)after.st_size, (uint64_t)before.st_size));
        close(fd);
}

/* ---- two at once ---------------------------------------------------------------------------- */

#define CONTENDERS 2
#define RACES 200

static int contend(void)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_detail detail = { "" };
        int r;

        options.record_bytes = RECORD_BYTES;
        options.ret_detail = &detail;
        atomic_fetch_add(&shared->ready, 1);
        while (atomic_load(&shared->ready) < CONTENDERS)
                ; /* so that they start at the same moment */
        r = seqcast_publisher_open(topic_name(), &options, &publisher);
        atomic_fetch_add(&shared->go, 1);
        wait_for(&shared->go, CONTENDERS); /* nobody leaves before all have tried */
        if (r == 0)
                return 0;
        return r == -EBUSY && strstr(detail.text, "pid ") != NULL ? 1 : 2;
}

static void race(bool exists)
{
        for (int i = 0; i < RACES; i++) {
                pid_t children[CONTENDERS];
                unsigned winners = 0, losers = 0;

                atomic_store(&shared->ready, 0);
                atomic_store(&shared->go, 0);
                if (!exists)
                        topic_remove();
                for (int c = 0; c < CONTENDERS; c++)
                        children[c] = child_start(contend);
                for (int c = 0; c < CONTENDERS; c++) {
                        int result = child_wait(children[c]);

                        winners += result == 0;
                        losers += result == 1;
                }
                cr_assert(eq(uint, winners, 1), "race %d", i);
                cr_assert(eq(uint, losers, CONTENDERS - 1), "race %d", i);
                cr_assert(eq(uint, count_objects(), 1), "race %d", i);
        }
}

Test(life, of_two_that_create_a_topic_at_once_exactly_one_does)
{
        race(false);
}

Test(life, of_two_that_take_a_topic_over_at_once_exactly_one_does)
{
        cr_assert(zero(int, child_wait(child_start(publish_some_and_exit))));
        race(true);
}

/* Who opens a name that is removed at the same moment must not end up with what has no name any more. */
static int create_and_remove(void)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        options.record_bytes = RECORD_BYTES;
        atomic_fetch_add(&shared->ready, 1);
        while (atomic_load(&shared->ready) < CONTENDERS)
                ;
        for (int won = 0; won < 1000;) {
                seqcast_info mine, named;
                int r = seqcast_publisher_open(topic_name(), &options, &publisher);

                if (r == -EBUSY)
                        continue;
                if (r != 0 || open_subscriber(&subscriber) != 0)
                        return 1;
                seqcast_publisher_info(publisher, &mine);
                seqcast_subscriber_info(subscriber, &named);
                subscriber = seqcast_subscriber_close(subscriber);
                if (mine.incarnation != named.incarnation)
                        return 2;
                r = won % 2 ? seqcast_publisher_remove(publisher) : 0;
                publisher = seqcast_publisher_close(publisher);
                if (r != 0)
                        return 3;
                won++;
        }
        return 0;
}

Test(life, a_publisher_never_gets_a_segment_that_was_removed_meanwhile)
{
        pid_t children[CONTENDERS];

        for (int c = 0; c < CONTENDERS; c++)
                children[c] = child_start(create_and_remove);
        for (int c = 0; c < CONTENDERS; c++)
                cr_expect(zero(int, child_wait(children[c])));
}
