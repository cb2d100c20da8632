/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Publishers that are killed: what their subscribers see, and what the next publisher finds. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "seqcast.h"

#include "../support/child.h"
#include "../support/record.h"
#include "../support/topic.h"

#define RECORD_BYTES 256u
#define KILLS 300

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

/* ---- at any moment -------------------------------------------------------------------------- */

/* A record holds the life of its publisher besides its number: no number is ever used twice. */
struct life_record {
        uint64_t life;
        unsigned char bytes[RECORD_BYTES - 8];
};

static struct {
        _Atomic(unsigned) life, stop, opened, reading;
        struct {
                uint64_t read, torn, backwards, wrong_loss, reused, failed;
        } tally;
} * shared;

static int publish_until_killed(void)
{
        struct life_record mine = { .life = atomic_load(&shared->life) };

        if (seqcast_publisher_open(topic_name(), NULL, &publisher) != 0)
                return 1;
        atomic_fetch_add(&shared->opened, 1);
        for (;;) {
                record_fill(mine.bytes, sizeof mine.bytes, seqcast_publisher_version(publisher) + 1);
                if (seqcast_publish(publisher, &mine, sizeof mine) != 0)
                        return 1;
        }
}

static int read_through_all_lives(void)
{
        struct life_record mine;
        uint64_t before = 0, life = 0;

        if (open_subscriber(&subscriber) != 0)
                return 1;
        atomic_store(&shared->reading, 1);
        for (uint64_t turn = 0; atomic_load(&shared->stop) == 0; turn++) {
                int r = turn % 2 ? seqcast_read_newest(subscriber, &mine, sizeof mine, &sample)
                                 : seqcast_read_next(subscriber, &mine, sizeof mine, &sample);

                shared->tally.failed += r < 0; /* busy is possible: lapped in every try */
                if (r != SEQCAST_OK)
                        continue;
                shared->tally.read++;
                shared->tally.torn += !record_check(mine.bytes, sizeof mine.bytes, sample.number);
                shared->tally.backwards += sample.number < before || mine.life < life;
                shared->tally.reused += sample.number == before && mine.life != life;
                shared->tally.wrong_loss +=
                        sample.lost != (sample.number > before ? sample.number - before - 1 : 0);
                before = sample.number;
                life = mine.life;
        }
        return 0;
}

Test(crash, publishers_killed_at_any_moment_harm_nobody)
{
        uint64_t seed = 5, seen = 0;
        struct life_record mine;
        pid_t reader;

        shared = child_shared(sizeof *shared);
        cr_assert(zero(int, open_publisher(sizeof mine, 4, 0, &publisher)));
        publisher = seqcast_publisher_close(publisher);
        reader = child_start(read_through_all_lives);
        wait_for(&shared->reading, 1); /* before anything is published: losses count from number 1 */
        cr_assert(zero(int, open_subscriber(&subscriber)));
        for (unsigned life = 1; life <= KILLS; life++) {
                pid_t child;

                atomic_store(&shared->life, life);
                child = child_start(publish_until_killed);
                wait_for(&shared->opened, life);
                sleep_us((long)random_below(&seed, 2000));
                child_kill(child);
                cr_assert(eq(u64, status_now().epoch, life + 1));
                if (status_now().version == 0)
                        continue;
                cr_assert(eq(u32, status_now().liveness, SEQCAST_GONE));
                cr_assert(zero(int, seqcast_read_newest(subscriber, &mine, sizeof mine, &sample)));
                cr_assert(ge(u64, sample.number, seen));
                seen = sample.number;
        }
        atomic_store(&shared->stop, 1);
        cr_assert(zero(int, child_wait(reader)));
        cr_assert(lt(u64, KILLS, shared->tally.read));
        cr_assert(zero(u64, shared->tally.torn));
        cr_assert(zero(u64, shared->tally.backwards));
        cr_assert(zero(u64, shared->tally.reused));
        cr_assert(zero(u64, shared->tally.wrong_loss));
        cr_assert(zero(u64, shared->tally.failed));
}
