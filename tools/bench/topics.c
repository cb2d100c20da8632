/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* topics: many of them in one process, each published and read by it. What opening takes, what one
 * publication and one read cost when all topics have their turn, and how much memory each takes: what is
 * resident in the process, the segment included, which is mapped twice and counts twice. memory: what one
 * topic takes, by the size of its record. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/duel.h"
#include "bench/side.h"
#include "bench/sizes.h"
#include "bench/topic.h"
#include "common/clock.h"
#include "common/text.h"
#include "seqcast.h"

#define BYTES 48
#define TOPICS_MAX 10000
#define OTHER_DESCRIPTORS 64
#define FEW 100 /* that stand for what a topic takes while there are not many */

enum crowd { ONE, SOME, MANY, CROWDS };

struct member {
        seqcast_publisher *publisher;
        seqcast_subscriber *subscriber;
};

struct crowding {
        struct duel publishing, reading;
        const struct bench *bench;
        unsigned wanted, opened;
        double open_first_ns[FEW], open_last_ns[FEW];
        double few_bytes, many_bytes; /* resident, for each topic */
        char stopped_by[104];
};

/* ---- memory of this process ---------------------------------------------------------------- */

/* The files stay open: when there are many topics, no descriptor may be left for them. */
static FILE *open_account(const char *file, struct failure *failure)
{
        FILE *account = fopen(file, "re");

        if (account == NULL)
                fail(failure, E_IO, "cannot open %s: %s", file, strerror(errno));
        return account;
}

static double bytes_of(FILE *account, const char *key)
{
        char line[256];
        unsigned long kilobytes = 0;

        rewind(account);
        fflush(account);
        while (fgets(line, sizeof line, account) != NULL)
                if (strncmp(line, key, strlen(key)) == 0 &&
                    sscanf(line + strlen(key), ": %lu", &kilobytes) == 1)
                        break;
        return 1024.0 * (double)kilobytes;
}

/* ---- many ---------------------------------------------------------------------------------- */

static struct member *members;

/* One call is one topic's. */
struct turn {
        unsigned count, next;
};

static struct member *next_member(struct turn *turn)
{
        struct member *member = &members[turn->next];

        turn->next = turn->next + 1 < turn->count ? turn->next + 1 : 0;
        return member;
}

static bool publish(void *context, uint64_t calls, struct failure *failure)
{
        static const unsigned char record[BYTES];

        for (; calls > 0; calls--) {
                int r = seqcast_publish(next_member(context)->publisher, record, BYTES);

                if (r != 0)
                        return bench_fail_library(failure, "publish", r);
        }
        return true;
}

static bool read_newest(void *context, uint64_t calls, struct failure *failure)
{
        unsigned char copy[BYTES];

        for (; calls > 0; calls--) {
                int r = seqcast_read_newest(next_member(context)->subscriber, copy, sizeof copy, NULL);

                if (r != 0)
                        return bench_fail_library(failure, "read", r);
        }
        return true;
}

static bool open_one(unsigned number, struct failure *failure)
{
        struct member *member = &members[number];
        struct bench_topic topic;
        unsigned char record[BYTES] = { 0 };
        int r;

        if (!bench_topic_name(&topic, "topics", number, failure) ||
            !bench_open_publisher(&topic, BYTES, 0, 0, &member->publisher, failure) ||
            !bench_open_subscriber(&topic, &member->subscriber, failure))
                return false;
        for (int i = 0; i < 4; i++) { /* so that each slot has its memory */
                r = seqcast_publish(member->publisher, record, BYTES);
                if (r != 0)
                        return bench_fail_library(failure, "publish", r);
        }
        r = seqcast_read_newest(member->subscriber, record, BYTES, NULL);
        return r == 0 || bench_fail_library(failure, "read", r);
}

/* Only a privileged process may go beyond the hard limit; whoever may not goes up to it. */
static void raise_limit(rlim_t descriptors)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= descriptors)
                return;
        limit.rlim_cur = descriptors;
        if (limit.rlim_max < descriptors) {
                const struct rlimit higher = { descriptors, descriptors };

                if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
                        return;
                limit.rlim_cur = limit.rlim_max;
        }
        setrlimit(RLIMIT_NOFILE, &limit);
}

/* As many as can be had: the limits of the machine are not the library's. */
static bool open_all(struct crowding *crowding, struct failure *failure)
{
        FILE *status = open_account("/proc/self/status", failure);
        double before, few;
        struct failure stop;

        if (status == NULL)
                return false;
        before = few = bytes_of(status, "VmRSS");

        for (unsigned i = 0; i < crowding->wanted; i++) {
                int64_t begun = clock_now();

                if (!open_one(i, &stop)) {
                        const char *why = strchr(stop.message, ':');

                        snprintf(crowding->stopped_by, sizeof crowding->stopped_by, "%.100s",
                                 why != NULL ? why + 2 : stop.message);
                        break;
                }
                if (i < FEW)
                        crowding->open_first_ns[i] = (double)(clock_now() - begun);
                crowding->open_last_ns[i % FEW] = (double)(clock_now() - begun);
                crowding->opened = i + 1;
                if (i + 1 == FEW)
                        few = bytes_of(status, "VmRSS");
        }
        crowding->few_bytes = (few - before) / FEW;
        crowding->many_bytes = (bytes_of(status, "VmRSS") - few) / (crowding->opened - FEW);
        fclose(status);
        if (crowding->opened <= FEW)
                return fail(failure, E_IO, "only %u topics could be opened: %s", crowding->opened,
                            crowding->stopped_by);
        return true;
}

static bool use_all(struct crowding *crowding, struct failure *failure)
{
        struct turn turns[CROWDS] = { { 1, 0 }, { FEW, 0 }, { crowding->opened, 0 } };
        struct contender publishers[CROWDS] = { { 0 } }, readers[CROWDS] = { { 0 } };

        for (int i = 0; i < CROWDS; i++) {
                publishers[i] = (struct contender){ .call = publish, .context = &turns[i] };
                readers[i] = (struct contender){ .call = read_newest, .context = &turns[i] };
        }
        return duel_run(crowding->bench, publishers, CROWDS, &crowding->publishing, failure) &&
               duel_run(crowding->bench, readers, CROWDS, &crowding->reading, failure);
}

static bool crowd(void *shared, struct failure *failure)
{
        struct crowding *crowding = shared;
        bool done;

        members = allocate(crowding->wanted, sizeof *members);
        memset(members, 0, crowding->wanted * sizeof *members);
        raise_limit(2 * crowding->wanted + OTHER_DESCRIPTORS);
        done = open_all(crowding, failure) && use_all(crowding, failure);
        for (unsigned i = 0; i < crowding->wanted; i++) {
                seqcast_subscriber_close(members[i].subscriber);
                bench_close_publisher(members[i].publisher);
        }
        return done;
}

static void remove_all(unsigned count, const char *what)
{
        struct bench_topic topic;
        struct failure ignored;

        for (unsigned i = 0; i < count; i++)
                if (bench_topic_name(&topic, what, i, &ignored))
                        bench_topic_remove(&topic);
}

static void report_use(struct bench *bench, struct bench_line line, const struct duel *duel, const char *what,
                       unsigned opened)
{
        const unsigned counts[CROWDS] = { 1, FEW, opened };

        line.unit = "ns";
        line.limit_name = "1 topic";
        for (int i = SOME; i < CROWDS; i++) {
                snprintf(line.what, sizeof line.what, "%s, %u topics", what, counts[i]);
                bench_report_rounds(bench, line, duel->ns[i], duel->ns[ONE]);
        }
}

static struct bench_figure exactly(double value)
{
        return (struct bench_figure){ value, value, value };
}

static void report_crowd(struct bench *bench, const struct crowding *crowding)
{
        struct bench_line line = { .row = "topics", .unit = "ns", .limit_name = "the first 100" };

        snprintf(line.what, sizeof line.what, "open, %u topics", crowding->opened);
        line.ours = bench_figure_of(crowding->open_last_ns, FEW);
        line.limit = bench_figure_of(crowding->open_first_ns, FEW);
        line.ratio = line.ours.median / line.limit.median;
        bench_report_line(bench, &line);
        report_use(bench, line, &crowding->publishing, "publish", crowding->opened);
        report_use(bench, line, &crowding->reading, "read", crowding->opened);

        snprintf(line.what, sizeof line.what, "memory, %u topics", crowding->opened);
        line.unit = "B";
        line.factor = 1.10;
        line.ours = exactly(crowding->many_bytes);
        line.limit = exactly(crowding->few_bytes);
        line.ratio = crowding->few_bytes > 0 ? crowding->many_bytes / crowding->few_bytes : 0;
        bench_report_line(bench, &line);
        if (crowding->opened < crowding->wanted)
                bench_skip(bench, "topics", "only %u of %u topics could be opened: %s", crowding->opened,
                           crowding->wanted, crowding->stopped_by);
}

int bench_row_topics(struct bench *bench)
{
        struct crowding *crowding = side_memory(sizeof *crowding, bench->failure);
        bool done = crowding != NULL;

        if (done) {
                crowding->bench = bench;
                crowding->wanted = bench->quick ? TOPICS_MAX / 10 : TOPICS_MAX;
                done = side_alone(bench->cpus[0], crowd, crowding, bench->failure);
                remove_all(crowding->wanted, "topics");
        }
        if (done)
                report_crowd(bench, crowding);
        side_memory_free(crowding, sizeof *crowding);
        return done ? 0 : -1;
}

/* ---- one, by size -------------------------------------------------------------------------- */

#define SAMPLE 64 /* topics, so that what a handle takes can be told from what malloc() takes at once */

struct weighing {
        size_t bytes;
        double segment_bytes, handle_bytes, depth;
};

/* What the segment takes of the memory of /dev/shm. */
static bool weigh_segment(const struct bench_topic *topic, double *ret_bytes, struct failure *failure)
{
        int descriptor = shm_open(topic->object, O_RDONLY | O_CLOEXEC, 0);
        struct stat stat;
        bool known = descriptor >= 0 && fstat(descriptor, &stat) == 0;

        if (known)
                *ret_bytes = 512.0 * (double)stat.st_blocks;
        else
                fail(failure, E_IO, "cannot look at %s: %s", topic->object, strerror(errno));
        if (descriptor >= 0)
                close(descriptor);
        return known;
}

static bool open_sample(const struct weighing *weighing, struct member *sample, struct failure *failure)
{
        struct bench_topic topic;

        for (unsigned i = 0; i < SAMPLE; i++)
                if (!bench_topic_name(&topic, "memory", i, failure) ||
                    !bench_open_publisher(&topic, weighing->bytes, 0, 0, &sample[i].publisher, failure) ||
                    !bench_open_subscriber(&topic, &sample[i].subscriber, failure))
                        return false;
        return true;
}

static bool weigh(void *shared, struct failure *failure)
{
        struct weighing *weighing = shared;
        struct member sample[SAMPLE] = { { NULL, NULL } };
        struct bench_topic first;
        FILE *rollup = open_account("/proc/self/smaps_rollup", failure);
        seqcast_info info;
        double before;
        bool done;

        if (rollup == NULL)
                return false;
        before = bytes_of(rollup, "Anonymous");
        done = open_sample(weighing, sample, failure);
        if (done) {
                weighing->handle_bytes = (bytes_of(rollup, "Anonymous") - before) / SAMPLE;
                seqcast_publisher_info(sample[0].publisher, &info);
                weighing->depth = info.depth;
                done = bench_topic_name(&first, "memory", 0, failure) &&
                       weigh_segment(&first, &weighing->segment_bytes, failure);
        }
        for (unsigned i = 0; i < SAMPLE; i++) {
                seqcast_subscriber_close(sample[i].subscriber);
                bench_close_publisher(sample[i].publisher);
        }
        fclose(rollup);
        return done;
}

static void report_weight(struct bench *bench, const struct weighing *weighing)
{
        struct bench_line line = { .row = "memory", .unit = "B", .limit_name = "bare slots" };
        char size[20];

        bench_print_bytes(size, sizeof size, (double)weighing->bytes);
        snprintf(line.what, sizeof line.what, "%s, segment", size);
        line.ours = exactly(weighing->segment_bytes);
        line.limit = exactly(weighing->depth * (double)weighing->bytes);
        line.ratio = line.ours.median / line.limit.median;
        bench_report_line(bench, &line);
        snprintf(line.what, sizeof line.what, "%s, two handles", size);
        line.limit_name = "one page";
        line.ours = exactly(weighing->handle_bytes);
        line.limit = exactly((double)sysconf(_SC_PAGESIZE));
        line.ratio = line.ours.median / line.limit.median;
        bench_report_line(bench, &line);
}

int bench_row_memory(struct bench *bench)
{
        struct weighing *weighing = side_memory(sizeof *weighing, bench->failure);
        bool done = weighing != NULL;

        for (size_t i = 0; i < BENCH_SIZES && done; i++) {
                weighing->bytes = bench_sizes[i];
                done = side_alone(bench->cpus[0], weigh, weighing, bench->failure);
                remove_all(SAMPLE, "memory");
                if (done)
                        report_weight(bench, weighing);
        }
        side_memory_free(weighing, sizeof *weighing);
        return done ? 0 : -1;
}
