/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A publisher that is killed before and after every system call of opening, publishing, replacing,
 * removing and closing. Whatever is left under the name is whole, and free for the next one. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "seqcast.h"

#include "../support/topic.h"

static void set_up(void)
{
        topic_name(); /* the children inherit it */
}

TestSuite(every_call, .init = set_up, .fini = topic_remove, .timeout = 120);

typedef int play(void);

static int create_and_close(void)
{
        seqcast_publisher *publisher;
        int r = open_publisher(8, 4, 0, &publisher);

        if (r == 0)
                r = seqcast_publish(publisher, "created.", 8);
        seqcast_publisher_close(publisher);
        return r;
}

static int take_over_and_close(void)
{
        seqcast_publisher *publisher;
        int r = seqcast_publisher_open(topic_name(), NULL, &publisher);

        if (r == 0)
                r = seqcast_publish(publisher, "taken on", 8);
        seqcast_publisher_close(publisher);
        return r;
}

static int replace_and_close(void)
{
        seqcast_publisher *publisher;
        int r = open_publisher(16, 2, SEQCAST_REPLACE, &publisher);

        if (r == 0)
                r = seqcast_publish(publisher, "replaced", 8);
        seqcast_publisher_close(publisher);
        return r;
}

static int take_over_and_remove(void)
{
        seqcast_publisher *publisher;
        int r = seqcast_publisher_open(topic_name(), NULL, &publisher);

        if (r == 0)
                r = seqcast_publisher_remove(publisher);
        seqcast_publisher_close(publisher);
        return r;
}

static int create_sparse(void)
{
        const seqcast_part part = { 900000000, 8, "far away" };
        seqcast_publisher *publisher;
        int r = open_publisher(1000000000, 4, SEQCAST_SPARSE, &publisher);

        if (r == 0)
                r = seqcast_publish_parts(publisher, &part, 1);
        seqcast_publisher_close(publisher);
        return r;
}

/* @return whether the player was killed at its `stops`th stop: there are no more if not */
static bool killed_at(unsigned stops, play *player)
{
        int status;
        pid_t child = fork();

        if (child == 0) {
                if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
                        _exit(77);
                raise(SIGSTOP);
                _exit(player() == 0 ? 0 : 1);
        }
        waitpid(child, &status, 0);
        if (WIFEXITED(status))
                cr_skip_test("tracing is not permitted here");
        for (unsigned i = 0; i < stops; i++) {
                cr_assert(zero(int, (int)ptrace(PTRACE_SYSCALL, child, NULL, NULL)));
                waitpid(child, &status, 0);
                if (WIFEXITED(status)) {
                        cr_assert(zero(int, status));
                        return false;
                }
        }
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        return true;
}

/* What is there is a whole segment with a record or none yet, and nobody is alive. */
static void expect_whole_segment(bool had_record)
{
        seqcast_subscriber *subscriber;
        seqcast_status status;
        char record[1024];
        seqcast_sample sample;
        int r = open_subscriber(&subscriber);

        cr_assert(zero(int, r), "%s", seqcast_strerror(r));
        cr_assert(zero(int, seqcast_subscriber_status(subscriber, &status)));
        cr_assert(ne(u32, status.liveness, SEQCAST_LIVE));
        if (had_record && status.liveness != SEQCAST_REPLACED)
                cr_assert(lt(u64, 0, status.version));
        r = seqcast_read_newest(subscriber, record, sizeof record, &sample);
        cr_assert(r == -EMSGSIZE || r == SEQCAST_OK || (status.version == 0 && r == SEQCAST_EMPTY));
        seqcast_subscriber_close(subscriber);
}

static void expect_next_publisher_goes_on(void)
{
        seqcast_publisher *publisher;
        uint64_t version;

        cr_assert(zero(int, open_publisher(8, 4, SEQCAST_REPLACE, &publisher)));
        version = seqcast_publisher_version(publisher);
        cr_assert(zero(int, seqcast_publish(publisher, "goes on.", 8)));
        cr_assert(eq(u64, seqcast_publisher_version(publisher), version + 1));
        cr_assert(zero(int, seqcast_publisher_remove(publisher)));
        seqcast_publisher_close(publisher);
}

/* @param litter objects under other names that a kill may leave behind */
static void kill_everywhere(play *before, play *player, unsigned litter)
{
        unsigned stops = 1;

        for (;; stops++) {
                if (before != NULL)
                        cr_assert(zero(int, before()));
                if (!killed_at(stops, player))
                        break;
                cr_assert(le(uint, count_objects(), 1 + litter), "stop %u", stops);
                if (topic_exists())
                        expect_whole_segment(before != NULL && player != replace_and_close);
                else
                        cr_assert(before == NULL || player == take_over_and_remove, "stop %u", stops);
                expect_next_publisher_goes_on();
                if (count_objects() != 0) {
                        char command[160];

                        snprintf(command, sizeof command, "rm -f " SHM_DIRECTORY ".%s.*", topic_name());
                        cr_assert(zero(int, system(command)));
                }
        }
        topic_remove();
        cr_assert(lt(uint, 10, stops), "the calls were not seen");
}

Test(every_call, of_creating_may_be_the_last)
{
        kill_everywhere(NULL, create_and_close, 0);
}

Test(every_call, of_creating_a_sparse_segment_may_be_the_last)
{
        kill_everywhere(NULL, create_sparse, 0);
}

Test(every_call, of_taking_over_may_be_the_last)
{
        kill_everywhere(create_and_close, take_over_and_close, 0);
}

/* To replace at one stroke, the new segment needs a name of its own for a moment. */
Test(every_call, of_replacing_may_be_the_last)
{
        kill_everywhere(create_and_close, replace_and_close, 1);
}

Test(every_call, of_removing_may_be_the_last)
{
        kill_everywhere(create_and_close, take_over_and_remove, 0);
}
