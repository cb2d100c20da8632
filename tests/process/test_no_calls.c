/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Reading and publishing make no system call: in a process that may make none, both go on for thousands of
 * publications. Who wakes nobody calls nobody; whoever does, and sparse segments, are not meant. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "seqcast.h"

#include "../support/child.h"
#include "../support/record.h"
#include "../support/topic.h"

#define RECORD_BYTES 256u
#define FAR_OFFSET 200u
#define ROUNDS 5000u
#define UNAVAILABLE 77

static seqcast_publisher *publisher;
static seqcast_subscriber *subscriber;
static unsigned char record[RECORD_BYTES];
static seqcast_sample sample;
static int outcome[2]; /* a pipe */

static struct {
        _Atomic(const char *) step;
} * seen;

static void set_up(void)
{
        topic_name(); /* the children inherit it */
        seen = child_shared(sizeof *seen);
        cr_assert(zero(int, pipe(outcome)));
}

static void clean_up(void)
{
        topic_remove();
        expect_none_left("the objects in shared memory", count_objects());
}

TestSuite(no_calls, .init = set_up, .fini = clean_up, .timeout = 60);

/* From now on, a system call other than exit and write to the pipe ends this process. @return 0; -1 */
static int forbid_calls(void)
{
        struct sock_filter steps[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 4, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 2),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)outcome[1], 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { sizeof steps / sizeof *steps, steps };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
                return -1;
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* What is done now, if it is the end. */
static void step(const char *what)
{
        atomic_store_explicit(&seen->step, what, memory_order_relaxed);
}

static int open_both(uint32_t depth, uint32_t flags, uint32_t subscriber_flags)
{
        seqcast_publisher_options wanted = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_subscriber_options to_read = SEQCAST_SUBSCRIBER_OPTIONS;

        wanted.record_bytes = RECORD_BYTES;
        wanted.depth = depth;
        wanted.flags = flags;
        wanted.wake = SEQCAST_WAKE_NEVER;
        to_read.flags = subscriber_flags;
        if (seqcast_publisher_open(topic_name(), &wanted, &publisher) != 0)
                return -1;
        return seqcast_subscriber_open(topic_name(), &to_read, &subscriber);
}

/* The two words that parts are made of follow from the number, as whole records do. */
static int publish_parts(void)
{
        uint64_t word = record_word(seqcast_publisher_version(publisher) + 1, 0);
        const seqcast_part parts[2] = { { 0, 8, &word }, { FAR_OFFSET, 8, &word } };

        return seqcast_publish_parts(publisher, parts, 2);
}

static int publish_whole(void)
{
        record_fill(record, sizeof record, seqcast_publisher_version(publisher) + 1);
        return seqcast_publish(publisher, record, sizeof record);
}

static int publish_begun(size_t bytes)
{
        void *begun;
        int r = seqcast_publish_begin(publisher, &begun);

        if (r != 0)
                return r;
        record_fill(begun, bytes, seqcast_publisher_version(publisher) + 1);
        return seqcast_publish_commit(publisher, bytes);
}

static bool is_whole(int r)
{
        return r == 0 && record_check(record, sample.bytes, sample.number);
}

/* @return the rounds that went well */
static unsigned publish_and_read(bool in_place_reads)
{
        for (unsigned round = 0; round < ROUNDS; round++) {
                uint64_t words[2];
                const seqcast_read_part parts[2] = { { 0, 8, &words[0] }, { FAR_OFFSET, 8, &words[1] } };
                const void *at;

                step("publishing");
                if (publish_whole() != 0)
                        return round;
                step("looking for news");
                if (seqcast_wait(subscriber, 0) != 0)
                        return round;
                step("reading the newest");
                if (!is_whole(seqcast_read_newest(subscriber, record, sizeof record, &sample)))
                        return round;
                step("beginning and committing");
                if (publish_begun(record_length(round, RECORD_BYTES)) != 0)
                        return round;
                step("reading the next");
                if (!is_whole(seqcast_read_next(subscriber, record, sizeof record, &sample)))
                        return round;
                step("looking in place");
                if (in_place_reads &&
                    (seqcast_read_begin(subscriber, &at, &sample) != 0 ||
                     !record_check(at, sample.bytes, sample.number) || seqcast_read_end(subscriber) != 0))
                        return round;
                step("publishing");
                if (publish_whole() != 0)
                        return round;
                step("publishing parts");
                if (publish_parts() != 0)
                        return round;
                step("reading parts of the newest");
                if (seqcast_read_newest_parts(subscriber, parts, 2, &sample) != 0 || words[0] != words[1] ||
                    words[0] != record_word(sample.number, 0))
                        return round;
                step("publishing parts");
                if (publish_parts() != 0)
                        return round;
                step("reading parts of the next");
                if (seqcast_read_next_parts(subscriber, parts, 2, &sample) != 0 || words[0] != words[1])
                        return round;
                step("skipping");
                seqcast_subscriber_skip(subscriber);
                if (seqcast_read_next(subscriber, record, sizeof record, &sample) != SEQCAST_NONE ||
                    seqcast_subscriber_version(subscriber) != seqcast_publisher_version(publisher))
                        return round;
        }
        return ROUNDS;
}

static uint32_t publisher_flags, subscriber_flags;

static int play(void)
{
        unsigned rounds;

        if (open_both(4, publisher_flags, subscriber_flags) != 0 || publish_begun(RECORD_BYTES) != 0 ||
            seqcast_read_newest(subscriber, record, sizeof record, &sample) != 0)
                return 1;
        if (forbid_calls() != 0)
                return UNAVAILABLE;
        rounds = publish_and_read(subscriber_flags == 0);
        if (write(outcome[1], &rounds, sizeof rounds) == sizeof rounds)
                syscall(SYS_exit_group, 0); /* a sanitizer's _exit() does more than that */
        return 1;
}

/* @return whether a filter ended it */
static bool is_ended_by_filter(int (*player)(void))
{
        pid_t child = child_start(player);
        int status;

        cr_assert(eq(int, waitpid(child, &status, 0), child));
        if (WIFEXITED(status) && WEXITSTATUS(status) == UNAVAILABLE) {
                topic_remove(); /* who skips does not clean up */
                cr_skip_test("system calls cannot be forbidden here");
        }
        if (WIFSIGNALED(status))
                return WTERMSIG(status) == SIGSYS;
        cr_assert(zero(int, status), "it could not begin");
        return false;
}

static void expect_no_calls(void)
{
        unsigned rounds = 0;

        if (is_ended_by_filter(play))
                cr_fatal("there was a system call in %s", atomic_load(&seen->step));
        cr_assert(eq(i64, read(outcome[0], &rounds, sizeof rounds), sizeof rounds));
        cr_assert(eq(uint, rounds, ROUNDS), "%s went wrong", atomic_load(&seen->step));
        fprintf(stderr, "figures: %u publications and reads without a system call\n", 5 * rounds);
}

Test(no_calls, in_publishing_and_reading)
{
        expect_no_calls();
}

Test(no_calls, in_publishing_in_place)
{
        publisher_flags = SEQCAST_IN_PLACE;
        expect_no_calls();
}

Test(no_calls, in_reading_what_threads_share)
{
        subscriber_flags = SEQCAST_SHARED;
        expect_no_calls();
}

static int call_once(void)
{
        if (forbid_calls() != 0)
                return UNAVAILABLE;
        getppid();
        return 0;
}

Test(no_calls, go_unnoticed)
{
        cr_assert(is_ended_by_filter(call_once));
}
