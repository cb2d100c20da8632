/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A signal handler that publishes on the handle that it interrupts, at each instruction of what the program
 * does there: it is turned away, or has its way; no record is spoilt, none is lost to later readers. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <signal.h>

#include "seqcast.h"

#include "step.h"
#include "../support/topic.h"

#define BYTES 64
#define DEPTH 4
#define BEFORE 5 /* publications */

static seqcast_publisher *publisher;
static seqcast_subscriber *subscriber;
static void *begun_by_handler; /* and still begun */
static uint64_t published[2];  /* by calls that returned 0: of the program, of the handler */
static volatile sig_atomic_t in_handler;

/* In memory of parent and child: how often a handler was turned away, and had its way. */
struct outcome {
        unsigned turned_away, done;
};
static struct outcome *outcome;

static const void *record_of(char letter)
{
        static char records[128][BYTES];

        return memset(records[letter & 127], letter, BYTES);
}

static int count(int r)
{
        published[in_handler] += r == 0;
        return r;
}

static uint64_t published_by_all(void)
{
        return published[0] + published[1];
}

/* ---- what the program does, and the handler -------------------------------------------------- */

static int publish(char letter)
{
        return count(seqcast_publish(publisher, record_of(letter), BYTES));
}

static int begin(char letter)
{
        int r = seqcast_publish_begin(publisher, &begun_by_handler);

        if (r == 0)
                memset(begun_by_handler, letter, BYTES);
        return r;
}

static int begin_and_commit(char letter)
{
        void *record;
        int r = seqcast_publish_begin(publisher, &record);

        if (r != 0)
                return r;
        memset(record, letter, BYTES);
        return count(seqcast_publish_commit(publisher, BYTES));
}

static int begin_and_abort(char letter)
{
        void *record;
        int r = seqcast_publish_begin(publisher, &record);

        if (r != 0)
                return r;
        memset(record, letter, BYTES);
        return seqcast_publish_abort(publisher);
}

/* Whatever the program has begun: that is taken away from it, and it learns so. */
static int abort_and_publish(char letter)
{
        int r = seqcast_publish_abort(publisher);

        return r == 0 ? publish(letter) : r;
}

typedef int action(char letter);
static action *program, *handler;
static uint32_t flags;

static void handle(int ignored)
{
        int r;

        (void)ignored;
        in_handler = 1;
        r = handler('H');
        in_handler = 0;
        if (r == 0)
                outcome->done++;
        else
                outcome->turned_away++;
}

/* ---- one play: stopped at one instruction ----------------------------------------------------- */

/* @return what is wrong; 0 nothing */
static int check_newest(uint64_t number)
{
        char record[BYTES];
        seqcast_sample sample;

        if (seqcast_read_newest(subscriber, record, sizeof record, &sample) != SEQCAST_OK)
                return 1;
        if (sample.number != number || sample.bytes != BYTES)
                return 2;
        for (size_t i = 1; i < BYTES; i++)
                if (record[i] != record[0])
                        return 3;
        return record[0] == '?' ? 4 : 0; /* what was begun and never published */
}

static int play(void)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        int r;

        options.record_bytes = BYTES;
        options.depth = DEPTH;
        options.flags = flags | SEQCAST_RECREATE;
        if (seqcast_publisher_open(topic_name(), &options, &publisher) != 0 ||
            seqcast_subscriber_open(topic_name(), NULL, &subscriber) != 0)
                return 10;
        for (int i = 0; i < BEFORE; i++)
                if (publish('O') != 0)
                        return 11;
        signal(SIGUSR1, handle);
        step_mark();
        r = program('M');
        step_mark();
        if (r != 0 && r != -EBUSY && r != -EINVAL)
                return 12;
        if (begun_by_handler != NULL)
                memset(begun_by_handler, '?', BYTES);
        r = check_newest(published_by_all());
        if (r != 0)
                return r;
        if (seqcast_publish_abort(publisher) != (begun_by_handler != NULL ? 0 : -EINVAL))
                return 13;
        if (publish('F') != 0 || seqcast_publisher_version(publisher) != published_by_all())
                return 14;
        return check_newest(published_by_all());
}

/* @return whether the program was still at it after so many instructions */
static bool interrupt_after(unsigned instructions)
{
        struct step child;
        enum step_stop stop = step_start(&child, play);

        cr_assert(eq(int, (int)stop, STEP_MARK), "status %#x", (unsigned)child.status);
        stop = STEP_ON;
        for (unsigned i = 0; i < instructions && stop == STEP_ON; i++)
                stop = step_one(&child);
        if (stop != STEP_ON) { /* the next mark */
                step_kill(&child);
                return false;
        }
        kill(child.pid, SIGUSR1);
        while (stop != STEP_ENDED)
                stop = step_run(&child);
        cr_assert(step_ended_well(&child), "interrupted after %u instructions: status %#x", instructions,
                  (unsigned)child.status);
        return true;
}

/* @return at how many instructions it was interrupted */
static unsigned interrupt_everywhere(void)
{
        unsigned instructions = 0;

        while (interrupt_after(instructions))
                instructions++;
        return instructions;
}

static void each_pair(uint32_t publisher_flags)
{
        action *const pairs[][2] = { { publish, publish },
                                     { publish, begin },
                                     { begin_and_abort, begin_and_commit },
                                     { begin_and_commit, begin },
                                     { begin_and_commit, abort_and_publish } };
        const char *obstacle = step_prepare(topic_remove);

        flags = publisher_flags;
        outcome = child_shared(sizeof *outcome);
        topic_name();
        if (obstacle != NULL)
                cr_skip_test("%s", obstacle);
        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
                program = pairs[i][0];
                handler = pairs[i][1];
                if (handler == abort_and_publish && (flags & SEQCAST_IN_PLACE) != 0)
                        continue; /* the program would go on storing to what the handler has published */
                *outcome = (struct outcome){ 0 };
                cr_assert(gt(uint, interrupt_everywhere(), 50u));
                cr_assert(gt(uint, outcome->turned_away, 10u), "pair %zu", i);
                cr_assert(gt(uint, outcome->done, 10u), "pair %zu", i);
        }
        topic_remove();
}

Test(handlers, may_publish_at_each_instruction, .timeout = 200)
{
        each_pair(0);
}

Test(handlers, may_publish_at_each_instruction_in_place, .timeout = 200)
{
        each_pair(SEQCAST_IN_PLACE);
}
