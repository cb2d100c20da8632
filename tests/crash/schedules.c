/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Readers that are overtaken in mid-copy. A reader is stopped after its instruction j; the publisher makes
 * m publications, of none to twice round the ring, and is stopped after instruction i of the next one; then
 * the reader goes on to its end. In every third schedule the publisher dies at i, and the next one, who takes
 * over, publishes something, too. What the reader accepts must be one publication's, and where there are two
 * slots it must find one, because the publisher stands still.
 *
 *   schedules [--reads newest,next,look] [--depths 1,2,4] [--bytes N] [--schedules N]
 *
 * N of all schedules (j, m, i) are tried, drawn at random; 0: all. That is for each way of reading and
 * depth. */

#define _GNU_SOURCE

#include "seqcast.h"
#include "seqcast/copy.h"

#include "../support/record.h"
#include "../support/topic.h"
#include "arguments.h"
#include "step.h"
#include "tally.h"

#define RECORD_MAX 4096u
#define LIVES_KEPT 64u /* more than a reader can be behind */
#define ANOTHER_LIFE UINT64_C(1000003)

enum way { NEWEST, NEXT, LOOK };

static const char *const ways[] = { "newest", "next", "look" };

static enum way way;
static uint32_t depth;
static size_t bytes = 256;

/* What the two and their tracer share. */
static struct {
        _Atomic(unsigned) stop, reading, publishing;
        uint64_t life, lives[LIVES_KEPT]; /* of the publisher, and of the one that a publication is of */
        int result;                       /* of the read */
        seqcast_sample sample;
        unsigned char content[RECORD_MAX];
} * shared;

static struct step reader, publisher;
static uint64_t delivered;

static void clean_up(void)
{
        topic_remove();
}

static void fault(enum figure figure, uint64_t read_stop, uint64_t publish_stop)
{
        char where[160];

        snprintf(where, sizeof where,
                 "%s, depth %u, %zu bytes: read stopped at instruction %llu, publication at %llu", ways[way],
                 (unsigned)depth, bytes, (unsigned long long)read_stop, (unsigned long long)publish_stop);
        tally_fault(figure, where);
}

/* ---- the two -------------------------------------------------------------------------------- */

static int publish_again_and_again(void)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        unsigned char record[RECORD_MAX];
        seqcast_publisher *to;
        int r;

        options.record_bytes = bytes;
        options.depth = depth;
        options.wake = SEQCAST_WAKE_NEVER; /* so that one publication is like the other */
        r = seqcast_publisher_open(topic_name(), &options, &to);
        while (r == 0 && atomic_load(&shared->stop) == 0) {
                uint64_t number = seqcast_publisher_version(to) + 1;
                size_t length = record_length(number, bytes);

                record_fill(record, length, number + shared->life * ANOTHER_LIFE);
                shared->lives[number % LIVES_KEPT] = shared->life;
                step_mark();
                atomic_store(&shared->publishing, 1);
                r = seqcast_publish(to, record, length);
                atomic_store(&shared->publishing, 0);
        }
        seqcast_publisher_close(to);
        return r == 0 ? 0 : 1;
}

static int look(seqcast_subscriber *from)
{
        const void *slot;
        int r = seqcast_read_begin(from, &slot, &shared->sample);

        if (r != SEQCAST_OK)
                return r;
        seqcast_copy_load(shared->content, slot, 0, shared->sample.bytes);
        return seqcast_read_end(from);
}

static int read_again_and_again(void)
{
        seqcast_subscriber *from;

        if (open_subscriber(&from) != 0)
                return 1;
        while (atomic_load(&shared->stop) == 0) {
                step_mark();
                atomic_store(&shared->reading, 1);
                shared->result =
                        way == LOOK ? look(from)
                        : way == NEXT
                                ? seqcast_read_next(from, shared->content, RECORD_MAX, &shared->sample)
                                : seqcast_read_newest(from, shared->content, RECORD_MAX, &shared->sample);
                atomic_store(&shared->reading, 0);
        }
        seqcast_subscriber_close(from);
        return 0;
}

/* ---- schedules ------------------------------------------------------------------------------ */

/* From a mark, into the call, and so many instructions on. @return instructions made in the call: fewer if it
 * ended, and the child is at its mark again */
static uint64_t step_into(struct step *child, const _Atomic(unsigned) *inside, uint64_t instructions)
{
        uint64_t made = 0;

        while (atomic_load(inside) == 0)
                if (step_one(child) != STEP_ON)
                        return 0;
        while (made < instructions && step_one(child) == STEP_ON && atomic_load(inside) != 0)
                made++;
        return made;
}

static void finish_call(struct step *child)
{
        if (step_run(child) != STEP_MARK)
                tally_fault(FAILED, "a process ended");
}

static void judge(uint64_t read_stop, uint64_t publish_stop)
{
        const seqcast_sample *sample = &shared->sample;

        tally.count[READS]++;
        if (shared->result != SEQCAST_OK) {
                if (depth == 1 && shared->result == SEQCAST_BUSY)
                        tally.count[BUSY]++;
                else if (way == LOOK && shared->result == SEQCAST_OVERWRITTEN)
                        tally.count[OVERWRITTEN]++;
                else
                        fault(shared->result == SEQCAST_BUSY ? BLOCKED : FAILED, read_stop, publish_stop);
                return;
        }
        tally.count[ACCEPTED]++;
        if (sample->bytes != record_length(sample->number, bytes) ||
            !record_check(shared->content, sample->bytes,
                          sample->number + shared->lives[sample->number % LIVES_KEPT] * ANOTHER_LIFE))
                fault(TORN, read_stop, publish_stop);
        if (sample->number < delivered)
                fault(BACKWARDS, read_stop, publish_stop);
        if (way == NEXT && sample->lost != sample->number - delivered - 1)
                fault(LOST, read_stop, publish_stop);
        delivered = sample->number;
}

static void kill_publisher(void)
{
        tally.count[KILLS]++;
        tally.count[INSTRUCTIONS] += publisher.instructions;
        step_kill(&publisher);
        atomic_store(&shared->publishing, 0);
        shared->life++;
        if (step_start(&publisher, publish_again_and_again) != STEP_MARK)
                tally_fault(FAILED, "nobody takes over");
}

static void try_schedule(uint64_t read_stop, uint64_t publications, uint64_t publish_stop)
{
        bool fatal = tally.count[SCHEDULES]++ % 3 == 2;

        finish_call(&publisher); /* there is always something new to read */
        step_into(&reader, &shared->reading, read_stop);
        for (uint64_t i = 0; i < publications; i++)
                finish_call(&publisher);
        step_into(&publisher, &shared->publishing, publish_stop);
        if (fatal) {
                kill_publisher();
                for (uint64_t i = 0; i < read_stop % (depth + 1); i++)
                        finish_call(&publisher);
        }
        finish_call(&reader);
        judge(read_stop, publish_stop);
        finish_call(&publisher);
}

/* How long the two calls are, when nobody comes in between. */
static uint64_t measure(struct step *child, const _Atomic(unsigned) *inside)
{
        uint64_t length = step_into(child, inside, UINT64_MAX);

        finish_call(child);
        return length;
}

static void try_all(uint64_t wanted)
{
        uint64_t publish_stops = measure(&publisher, &shared->publishing);
        uint64_t read_stops = measure(&reader, &shared->reading);
        uint64_t rounds = 2 * depth + 1, all = read_stops * rounds * publish_stops, seed = 7;
        bool each = wanted == 0 || wanted >= all;

        delivered = shared->sample.number;
        for (uint64_t s = 0; s < (each ? all : wanted); s++) {
                uint64_t k = each ? s : random_below(&seed, all);

                try_schedule(k / publish_stops / rounds, k / publish_stops % rounds, k % publish_stops);
        }
}

static void run(uint64_t wanted)
{
        memset(shared, 0, sizeof *shared);
        delivered = 0;
        if (step_start(&publisher, publish_again_and_again) != STEP_MARK ||
            step_run(&publisher) != STEP_MARK || step_start(&reader, read_again_and_again) != STEP_MARK) {
                tally_fault(FAILED, "publisher or reader did not start");
                clean_up();
                return;
        }
        try_all(wanted);
        atomic_store(&shared->stop, 1);
        step_run(&reader);
        step_run(&publisher);
        if (!step_ended_well(&reader) || !step_ended_well(&publisher))
                tally_fault(FAILED, "publisher or reader failed");
        tally.count[INSTRUCTIONS] += publisher.instructions + reader.instructions;
        clean_up();
}

int main(int argc, char **argv)
{
        static const struct option known[] = { { "reads", 1, NULL, 'r' },
                                               { "depths", 1, NULL, 'd' },
                                               { "bytes", 1, NULL, 'b' },
                                               { "schedules", 1, NULL, 's' },
                                               { 0 } };
        static const uint32_t depths[] = { 1, 2, 4 };
        const char *given[ARGUMENT_LETTERS], *obstacle;
        struct tally sum = { { 0 } };
        uint64_t wanted = 250;

        arguments_take(argc, argv, known, given);
        if (given['b'] != NULL)
                bytes = strtoul(given['b'], NULL, 10);
        if (given['s'] != NULL)
                wanted = strtoull(given['s'], NULL, 10);
        topic_name(); /* the children inherit it */
        shared = child_shared(sizeof *shared);
        obstacle = step_prepare(clean_up);
        if (obstacle != NULL) {
                puts(obstacle);
                return 77;
        }
        for (way = NEWEST; way <= LOOK; way++) {
                if (!is_listed(given['r'], ways[way]))
                        continue;
                for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
                        depth = depths[d];
                        if (is_number_listed(given['d'], depth))
                                run(wanted);
                }
                tally_close(ways[way], &sum);
        }
        tally_print("all", &sum);
        return sum.count[ACCEPTED] != 0 && tally_is_good(&sum) ? 0 : 1;
}
