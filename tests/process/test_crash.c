/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Publishers that are killed, or stand still, in the middle of a publication: what their subscribers see, and
 * what the next publisher finds. At any moment: tests/torture/kills.c. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "seqcast.h"

#include "../support/child.h"
#include "../support/record.h"
#include "../support/topic.h"

#define RECORD_BYTES 256u

static seqcast_subscriber *subscriber;
static seqcast_publisher *publisher;
static unsigned char record[RECORD_BYTES];
static seqcast_sample sample;

static void set_up(void)
{
        topic_name(); /* the children inherit it */
}

static void clean_up(void)
{
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_close(publisher);
        topic_remove();
        expect_none_left("the objects in shared memory", count_objects());
}

TestSuite(crash, .init = set_up, .fini = clean_up, .timeout = 120);

static seqcast_status status_now(void)
{
        seqcast_status status;

        cr_assert(zero(int, seqcast_subscriber_status(subscriber, &status)));
        return status;
}

static int publish(seqcast_publisher *to, uint64_t number)
{
        unsigned char bytes[RECORD_BYTES];

        record_fill(bytes, sizeof bytes, number);
        return seqcast_publish(to, bytes, sizeof bytes);
}

static void expect_newest(uint64_t number)
{
        cr_assert(zero(int, seqcast_read_newest(subscriber, record, sizeof record, &sample)));
        cr_assert(eq(u64, sample.number, number));
        cr_assert(record_check(record, RECORD_BYTES, number));
}

/* ---- in the middle of a publication --------------------------------------------------------- */

static uint32_t depth;

static int die_in_place(void)
{
        void *slot;

        if (open_publisher(RECORD_BYTES, depth, SEQCAST_IN_PLACE, &publisher) != 0)
                return 1;
        for (uint64_t number = 1; number <= 5; number++)
                if (publish(publisher, number) != 0)
                        return 1;
        if (seqcast_publish_begin(publisher, &slot) != 0)
                return 1;
        memset(slot, 0xee, RECORD_BYTES / 2);
        raise(SIGKILL);
        return 1;
}

Test(crash, a_publisher_killed_in_mid_publication_leaves_the_last_record)
{
        static const uint32_t depths[] = { 2, 4, 8 };

        for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
                const seqcast_part part = { 0, 8, "8 bytes." };

                depth = depths[i];
                cr_assert(eq(int, child_wait(child_start(die_in_place)), -1));
                cr_assert(zero(int, open_subscriber(&subscriber)));
                cr_assert(eq(u32, status_now().liveness, SEQCAST_GONE));
                cr_assert(eq(u64, status_now().version, 5));
                expect_newest(5);
                cr_assert(
                        eq(int, seqcast_read_next(subscriber, record, sizeof record, &sample), SEQCAST_NONE));

                cr_assert(zero(int, seqcast_publisher_open(topic_name(), NULL, &publisher)));
                cr_assert(eq(u64, seqcast_publisher_version(publisher), 5), "the torn one does not count");
                cr_assert(eq(u32, status_now().liveness, SEQCAST_LIVE));
                cr_assert(eq(u64, status_now().epoch, 2));
                cr_assert(zero(int, seqcast_publish_parts(publisher, &part, 1)));
                cr_assert(zero(int, seqcast_read_next(subscriber, record, sizeof record, &sample)));
                cr_assert(eq(u64, sample.number, 6));
                cr_assert(zero(u64, sample.lost));
                cr_assert(zero(int, memcmp(record, "8 bytes.", 8)));
                cr_assert(record_check_part(record + 8, 8, RECORD_BYTES - 8, 5),
                          "nothing of the torn one is left");
                publisher = seqcast_publisher_close(publisher);
                subscriber = seqcast_subscriber_close(subscriber);
                topic_remove();
        }
}

static _Atomic(unsigned) *ready;

static int stand_still_in_mid_publication(void)
{
        void *slot;

        if (open_publisher(RECORD_BYTES, 2, SEQCAST_IN_PLACE, &publisher) != 0 ||
            publish(publisher, 1) != 0 || seqcast_publish_begin(publisher, &slot) != 0)
                return 1;
        atomic_store(ready, 1);
        for (;;)
                pause();
}

Test(crash, a_publisher_that_stands_still_is_live_and_its_last_record_readable)
{
        pid_t child;

        ready = child_shared(sizeof *ready);
        child = child_start(stand_still_in_mid_publication);
        wait_for(ready, 1);
        kill(child, SIGSTOP);
        waitpid(child, NULL, WUNTRACED);
        cr_assert(zero(int, open_subscriber(&subscriber)));
        for (int i = 0; i < 1000; i++) {
                expect_newest(1);
                cr_assert(eq(u32, status_now().liveness, SEQCAST_LIVE), "it holds the topic");
        }
        cr_assert(eq(int, open_publisher(RECORD_BYTES, 2, 0, &publisher), -EBUSY));
        child_kill(child);
        cr_assert(eq(u32, status_now().liveness, SEQCAST_GONE));
        expect_newest(1);
}
