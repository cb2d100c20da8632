/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* One publisher process at full speed, several reader processes, records that check themselves. Counts
 * torn records, numbers that go backwards and losses that were counted wrongly; each must be 0.
 *
 *   torture [--seconds S] [--readers N] [--bytes N] [--depth N] [--stutter]
 *           [--mode newest|next|mixed|parts|in-place] */

#define _GNU_SOURCE
#include <getopt.h>

#include "seqcast.h"
#include "seqcast/copy.h"

#include "../support/child.h"
#include "../support/record.h"
#include "../support/topic.h"

#include "harness.h"

#define READERS_MAX 64
#define PARTS 3

enum mode { NEWEST, NEXT, MIXED, PARTS_ONLY, IN_PLACE, MODES };

static const char *const mode_names[] = { "newest", "next", "mixed", "parts", "in-place" };

struct options {
        double seconds;
        unsigned readers;
        size_t bytes;
        uint32_t depth;
        enum mode mode;
        bool stutter;
};

struct tally {
        uint64_t read, nothing_new, busy, torn, backwards, wrong_loss, failed;
};

struct shared {
        atomic_bool stop;    /* for the publisher */
        atomic_bool stopped; /* readers read once more, and end */
        atomic_uint opened;  /* readers that are ready */
        _Atomic(uint64_t) published;
        struct tally tally[READERS_MAX];
};

static struct options options = { 0.3, 4, 4096, 4, NEWEST, false };
static struct shared *shared;
static struct tally *self; /* of a reader */

/* ---- publishing ----------------------------------------------------------------------------- */

static size_t part_offset(int part)
{
        return part == 0 ? 0 : part == 1 ? options.bytes / 2 / 8 * 8 : options.bytes - 8;
}

static int publish_one(seqcast_publisher *publisher, unsigned char *record, uint64_t number)
{
        const size_t bytes = record_length(number, options.bytes);
        seqcast_part parts[PARTS];
        void *slot;
        int r;

        switch (options.mode) {
        case PARTS_ONLY:
                for (int i = 0; i < PARTS; i++)
                        parts[i] = (seqcast_part){ part_offset(i), 8, &number };
                return seqcast_publish_parts(publisher, parts, PARTS);
        case IN_PLACE:
                r = seqcast_publish_begin(publisher, &slot);
                if (r < 0)
                        return r;
                record_fill(record, bytes, number);
                seqcast_copy_store(slot, 0, record, bytes);
                return seqcast_publish_commit(publisher, bytes);
        default:
                record_fill(record, bytes, number);
                return seqcast_publish(publisher, record, bytes);
        }
}

static int publish_until_stopped(void)
{
        bool in_place = options.mode == IN_PLACE && options.depth > 1;
        unsigned char *record = malloc(options.bytes);
        seqcast_publisher *publisher;
        int r = open_publisher(options.bytes, options.depth, in_place ? SEQCAST_IN_PLACE : 0, &publisher);

        if (r < 0)
                return 1;
        while (!atomic_load(&shared->stop) && r == 0) {
                r = publish_one(publisher, record, seqcast_publisher_version(publisher) + 1);
                atomic_store_explicit(&shared->published, seqcast_publisher_version(publisher),
                                      memory_order_relaxed);
        }
        free(record);
        seqcast_publisher_close(publisher);
        return r == 0 ? 0 : 1;
}

/* ---- reading -------------------------------------------------------------------------------- */

static int look(seqcast_subscriber *subscriber, unsigned char *record, seqcast_sample *sample)
{
        const void *slot;
        int r = seqcast_read_begin(subscriber, &slot, sample);

        if (r != SEQCAST_OK)
                return r;
        seqcast_copy_load(record, slot, 0, sample->bytes);
        return seqcast_read_end(subscriber);
}

static int read_one(seqcast_subscriber *subscriber, unsigned char *record, uint64_t turn,
                    seqcast_sample *sample)
{
        seqcast_read_part parts[PARTS];

        switch (options.mode) {
        case NEXT:
                return seqcast_read_next(subscriber, record, options.bytes, sample);
        case PARTS_ONLY:
                for (int i = 0; i < PARTS; i++)
                        parts[i] = (seqcast_read_part){ part_offset(i), 8, record + 8 * i };
                return turn % 2 ? seqcast_read_next_parts(subscriber, parts, PARTS, sample)
                                : seqcast_read_newest_parts(subscriber, parts, PARTS, sample);
        case IN_PLACE:
                return look(subscriber, record, sample);
        case MIXED:
                if (turn % 2)
                        return seqcast_read_next(subscriber, record, options.bytes, sample);
                break;
        default:
                break;
        }
        return seqcast_read_newest(subscriber, record, options.bytes, sample);
}

static bool is_whole(const unsigned char *record, const seqcast_sample *sample)
{
        uint64_t word;

        if (options.mode != PARTS_ONLY)
                return sample->bytes == record_length(sample->number, options.bytes) &&
                       record_check(record, sample->bytes, sample->number);
        for (int i = 0; i < PARTS; i++) {
                memcpy(&word, record + 8 * i, 8);
                if (word != sample->number)
                        return false;
        }
        return sample->bytes == options.bytes;
}

static void judge(struct tally *tally, const unsigned char *record, const seqcast_sample *sample,
                  uint64_t before)
{
        tally->read++;
        if (!is_whole(record, sample))
                tally->torn++;
        if (sample->number < before || (sample->number == before && options.mode == NEXT))
                tally->backwards++;
        else if (sample->lost != (sample->number > before ? sample->number - before - 1 : 0))
                tally->wrong_loss++;
}

static int read_until_stopped(void)
{
        struct tally *tally = self;
        unsigned char *record = malloc(options.bytes > 8 * PARTS ? options.bytes : 8 * PARTS);
        seqcast_subscriber *subscriber;
        uint64_t before = 0;
        bool last = false;

        if (open_subscriber(&subscriber) != 0)
                return 1;
        atomic_fetch_add(&shared->opened, 1);
        for (uint64_t turn = 0; !last; turn++) {
                seqcast_sample sample = { 0 };
                int r;

                last = atomic_load(&shared->stopped);
                r = read_one(subscriber, record, turn, &sample);
                if (r == SEQCAST_OK) {
                        /* Opened before the first publication, so that 0 counts as delivered. */
                        judge(tally, record, &sample, before);
                        before = sample.number > before ? sample.number : before;
                } else if (r == SEQCAST_NONE || r == SEQCAST_EMPTY) {
                        tally->nothing_new++;
                } else if (r == SEQCAST_BUSY || r == SEQCAST_OVERWRITTEN) {
                        tally->busy++;
                } else {
                        tally->failed++;
                }
        }
        seqcast_subscriber_close(subscriber);
        free(record);
        return 0;
}

/* ---- the run -------------------------------------------------------------------------------- */

static void parse(int argc, char **argv)
{
        static const struct option known[] = { { "seconds", 1, NULL, 's' }, { "readers", 1, NULL, 'r' },
                                               { "bytes", 1, NULL, 'b' },   { "depth", 1, NULL, 'd' },
                                               { "mode", 1, NULL, 'm' },    { "stutter", 0, NULL, 't' },
                                               { NULL, 0, NULL, 0 } };
        int option;

        while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
                switch (option) {
                case 's':
                        options.seconds = strtod(optarg, NULL);
                        break;
                case 'r':
                        options.readers = (unsigned)strtoul(optarg, NULL, 10);
                        break;
                case 'b':
                        options.bytes = strtoul(optarg, NULL, 10);
                        break;
                case 'd':
                        options.depth = (uint32_t)strtoul(optarg, NULL, 10);
                        break;
                case 't':
                        options.stutter = true;
                        break;
                case 'm':
                        for (options.mode = NEWEST; options.mode < MODES; options.mode++)
                                if (strcmp(optarg, mode_names[options.mode]) == 0)
                                        break;
                        break;
                default:
                        exit(2);
                }
        }
        if (options.readers == 0 || options.readers > READERS_MAX || options.bytes < 8 ||
            options.mode == MODES) {
                fprintf(stderr, "torture: bad arguments\n");
                exit(2);
        }
}

/* A stopped publisher stands still anywhere, for longer than any reader would wait. */
static void let_run(pid_t publisher)
{
        double end = now_seconds() + options.seconds;

        while (now_seconds() < end) {
                sleep_us(5000);
                if (!options.stutter)
                        continue;
                kill(publisher, SIGSTOP);
                sleep_us(2000);
                kill(publisher, SIGCONT);
        }
}

static int report(double seconds, bool all_ended_well)
{
        struct tally sum = { 0 };
        const double published = (double)atomic_load(&shared->published);
        uint64_t tries;

        for (unsigned i = 0; i < options.readers; i++) {
                const struct tally *tally = &shared->tally[i];

                sum.read += tally->read;
                sum.nothing_new += tally->nothing_new;
                sum.busy += tally->busy;
                sum.torn += tally->torn;
                sum.backwards += tally->backwards;
                sum.wrong_loss += tally->wrong_loss;
                sum.failed += tally->failed;
        }
        tries = sum.read + sum.busy;
        printf("%-8s %6zu bytes depth %u: %.0f published/s, %.0f read/s, %.2f %% busy; "
               "%lu torn, %lu backwards, %lu losses wrong, %lu failed%s\n",
               mode_names[options.mode], options.bytes, options.depth, published / seconds,
               (double)sum.read / seconds, tries == 0 ? 0.0 : 100.0 * (double)sum.busy / (double)tries,
               (unsigned long)sum.torn, (unsigned long)sum.backwards, (unsigned long)sum.wrong_loss,
               (unsigned long)sum.failed, all_ended_well ? "" : ", a process failed");
        if (sum.read == 0)
                printf("nothing was read, which shows nothing\n");
        return sum.read != 0 && all_ended_well && sum.torn + sum.backwards + sum.wrong_loss + sum.failed == 0
                       ? 0
                       : 1;
}

int main(int argc, char **argv)
{
        pid_t publisher_pid, reader_pids[READERS_MAX];
        seqcast_publisher *publisher;
        bool well = true;
        double begun;
        int r;

        parse(argc, argv);
        harness_begin();
        shared = child_shared(sizeof *shared);
        r = open_publisher(options.bytes, options.depth, 0, &publisher);
        if (r < 0) {
                fprintf(stderr, "torture: %s\n", seqcast_strerror(r));
                return 1;
        }
        seqcast_publisher_close(publisher);
        for (unsigned i = 0; i < options.readers; i++) {
                self = &shared->tally[i];
                reader_pids[i] = child_start(read_until_stopped);
        }
        for (int i = 0; i < 1000 && atomic_load(&shared->opened) < options.readers; i++)
                sleep_us(10000);
        publisher_pid = child_start(publish_until_stopped);
        begun = now_seconds();
        let_run(publisher_pid);
        atomic_store(&shared->stop, true);
        well &= child_wait(publisher_pid) == 0;
        atomic_store(&shared->stopped, true);
        for (unsigned i = 0; i < options.readers; i++)
                well &= child_wait(reader_pids[i]) == 0;
        topic_remove();
        return report(now_seconds() - begun, well);
}
