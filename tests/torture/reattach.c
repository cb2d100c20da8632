/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Threads that share one subscriber and read, while its topic is replaced again and again by segments of
 * other sizes. Records check themselves, and know their segment. Counts records that are torn or a mix of
 * two segments, numbers that go backwards, losses that were counted wrongly, segments of which a thread was
 * not told or told twice; each must be 0.
 *
 *   reattach [--seconds S | --count N] */

#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>

#include "handle/subscriber.h"
#include "seqcast.h"

#include "../support/child.h"
#include "../support/record.h"
#include "../support/topic.h"

#ifndef SECONDS_BY_DEFAULT
#define SECONDS_BY_DEFAULT 12
#endif
#ifndef SECONDS_OF_GRACE
#define SECONDS_OF_GRACE 120 /* then it has hung: an alarm ends it */
#endif
#ifndef CANNOT_RUN
#define CANNOT_RUN NULL /* or why not, for twins */
#endif
#define READERS 4
#define RECORD_BYTES 1000u /* short of a kilobyte: its place in a slot depends on whether times are stored */
#define RECORD_SCHEMA "key:u64,rest:u8[992]"
#define RECORD_FIELDS 2
#define DEPTHS 7                 /* 1, 2, 4 ... */
#define REPLACEMENTS_A_ROUND 400 /* then all handles are closed, and another subscriber is opened */
#define NUMBER_BITS 24
#define WAIT_NS_MAX INT64_C(3000000)
#define STUCK_SECONDS 60
#define COMPLAINTS_MAX 20

/* ---- counting ------------------------------------------------------------------------------- */

enum counter {
        READ,
        TOLD,
        WAITED,
        JOINED,
        TORN,
        MIXED,
        BACKWARDS,
        WRONG_LOSS,
        UNTOLD,
        TOLD_TWICE,
        FAILED,
        COUNTERS,
        FIRST_WRONG = TORN
};

static const char *const counter_names[COUNTERS] = { "read",   "told",       "waited",    "joined",
                                                     "torn",   "mixed",      "backwards", "losses wrong",
                                                     "untold", "told twice", "failed" };

struct tally {
        uint64_t of[COUNTERS];
};

static void complain(const char *what, int64_t a, int64_t b)
{
        static atomic_uint complaints;

        if (atomic_fetch_add(&complaints, 1) < COMPLAINTS_MAX)
                printf("# %s: %ld, %ld\n", what, (long)a, (long)b);
}

static double now_seconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- records that know their segment -------------------------------------------------------- */

static uint64_t key_of(uint64_t segment, uint64_t number)
{
        return segment << NUMBER_BITS | number;
}

/* Which key has this word at this index? The factor in record_word() is odd, and so has an inverse. */
static uint64_t key_at(const unsigned char *record, size_t index)
{
        const uint64_t factor = record_word(1, 0);
        uint64_t inverse = factor, word;

        for (int correct_bits = 3; correct_bits < 64; correct_bits *= 2)
                inverse *= 2 - factor * inverse;
        memcpy(&word, record + index * sizeof word, sizeof word);
        return (word - record_word(0, index)) * inverse;
}

static uint64_t segment_at(const unsigned char *record, size_t index)
{
        return key_at(record, index) >> NUMBER_BITS;
}

/* ---- a reading thread ----------------------------------------------------------------------- */

enum habit { WAITS, WAITS_TOO, POLLS, ASKS };

struct run {
        seqcast_subscriber *subscriber; /* reader 0's; others join it */
        atomic_bool stop;
};

struct reader {
        struct run *run;
        seqcast_subscriber *subscriber;
        pthread_t thread;
        enum habit habit;
        uint64_t random;
        uint64_t generation; /* that it was told of last */
        uint64_t skipped;    /* the generation in which it has skipped last */
        uint64_t segment;    /* whose records it reads; 0: not known yet, but newer than ... */
        uint64_t segment_before;
        uint64_t number; /* delivered last */
        bool number_known;
        struct tally tally;
        unsigned char record[RECORD_BYTES];
};

/* What is read in parts: the key, the middle at no boundary, and the end of the shortest record. */
static const struct {
        size_t offset, bytes;
} parts[] = { { 0, 8 }, { RECORD_BYTES / 2 + 3, 201 }, { RECORD_BYTES / 4 * 3 - 16, 16 } };

#define PARTS (sizeof parts / sizeof *parts)

static void start_reading(struct reader *reader, seqcast_subscriber *subscriber)
{
        reader->subscriber = subscriber;
        reader->generation = subscriber->generation;
        reader->segment = reader->segment_before = 0;
        reader->number = 0;
        reader->number_known = false;
        reader->skipped = UINT64_MAX;
}

static void told(struct reader *reader)
{
        reader->tally.of[TOLD]++;
        if (reader->subscriber->generation <= reader->generation) {
                reader->tally.of[TOLD_TWICE]++;
                complain("told twice of generation", (int64_t)reader->generation,
                         (int64_t)reader->subscriber->generation);
        }
        reader->generation = reader->subscriber->generation;
        if (reader->segment != 0)
                reader->segment_before = reader->segment;
        reader->segment = 0;
        reader->number = 0;
        reader->number_known = reader->skipped != reader->generation; /* then none was delivered */
}

static void failed(struct reader *reader, const char *call, int result)
{
        reader->tally.of[FAILED]++;
        complain(call, result, 0);
}

/* Some words are not what the first one says: of what segment are they? */
static void count_damage(struct reader *reader, size_t offset, size_t bytes)
{
        uint64_t segment = segment_at(reader->record, 0);

        for (size_t i = (offset + 7) / 8; i < (offset + bytes) / 8; i++) {
                if (segment_at(reader->record, i) != segment) {
                        reader->tally.of[MIXED]++;
                        return;
                }
        }
        reader->tally.of[TORN]++;
}

static bool judge_content(struct reader *reader, const seqcast_sample *sample, bool whole)
{
        const uint64_t key = key_at(reader->record, 0);

        for (size_t i = 0; i < (whole ? 1 : PARTS); i++) {
                const size_t offset = whole ? 0 : parts[i].offset;
                const size_t bytes = whole ? (size_t)sample->bytes : parts[i].bytes;

                if (!record_check_part(reader->record + offset, offset, bytes, key)) {
                        count_damage(reader, offset, bytes);
                        return false;
                }
        }
        if (sample->number == (key & (key_of(1, 0) - 1)) &&
            sample->bytes == record_length(sample->number, RECORD_BYTES))
                return true;
        complain("number and length are not the record's", (int64_t)sample->number, (int64_t)sample->bytes);
        reader->tally.of[TORN]++;
        return false;
}

static void judge(struct reader *reader, const seqcast_sample *sample, bool whole, bool next)
{
        const uint64_t segment = segment_at(reader->record, 0), number = sample->number;
        const uint64_t before = reader->number;

        reader->tally.of[READ]++;
        if (!judge_content(reader, sample, whole))
                return;
        if (reader->segment != 0 ? segment != reader->segment : segment <= reader->segment_before) {
                reader->tally.of[UNTOLD]++;
                complain("untold: segment", (int64_t)reader->segment, (int64_t)segment);
        } else if (number < before || (number == before && next)) {
                reader->tally.of[BACKWARDS]++;
                complain("backwards", (int64_t)before, (int64_t)number);
        } else if (reader->number_known && sample->lost != (number > before ? number - before - 1 : 0)) {
                reader->tally.of[WRONG_LOSS]++;
                complain("lost", (int64_t)sample->lost, (int64_t)(number - before));
        }
        reader->segment = segment;
        reader->number = number;
        reader->number_known = true;
}

static void read_once(struct reader *reader)
{
        const bool next = random_below(&reader->random, 2), whole = random_below(&reader->random, 4) != 0;
        seqcast_read_part list[PARTS];
        seqcast_sample sample;
        int r;

        for (size_t i = 0; i < PARTS; i++)
                list[i] = (seqcast_read_part){ parts[i].offset, parts[i].bytes,
                                               reader->record + parts[i].offset };
        if (whole)
                r = (next ? seqcast_read_next : seqcast_read_newest)(reader->subscriber, reader->record,
                                                                     RECORD_BYTES, &sample);
        else
                r = (next ? seqcast_read_next_parts : seqcast_read_newest_parts)(reader->subscriber, list,
                                                                                 PARTS, &sample);
        if (r == SEQCAST_OK)
                judge(reader, &sample, whole, next);
        else if (r == SEQCAST_REATTACHED)
                told(reader);
        else if (r != SEQCAST_NONE && r != SEQCAST_EMPTY && r != SEQCAST_RETIRED && r != SEQCAST_BUSY)
                failed(reader, "read", r);
}

static int ask(struct reader *reader)
{
        int r = seqcast_subscriber_reattach(reader->subscriber, NULL);

        if (r == 0)
                return SEQCAST_REATTACHED;
        return r == -ENOENT || r == -EAGAIN ? SEQCAST_NONE : r;
}

static int wait_or_poll(struct reader *reader)
{
        const int64_t timeout_ns = (int64_t)random_below(&reader->random, (uint64_t)WAIT_NS_MAX);
        int fd = reader->habit == POLLS ? seqcast_subscriber_fd(reader->subscriber) : -ENOSYS;
        struct pollfd pollable = { .fd = fd, .events = POLLIN };

        if (fd == -ENOSYS)
                return seqcast_wait(reader->subscriber, timeout_ns);
        if (fd < 0)
                return fd;
        if (poll(&pollable, 1, (int)(timeout_ns / 1000000)) <= 0)
                return SEQCAST_TIMEOUT;
        return seqcast_subscriber_drain(reader->subscriber);
}

static void pause_for_news(struct reader *reader)
{
        int r = reader->habit == ASKS ? ask(reader) : wait_or_poll(reader);

        reader->tally.of[WAITED]++;
        if (r == SEQCAST_REATTACHED)
                told(reader);
        else if (r != SEQCAST_OK && r != SEQCAST_NONE && r != SEQCAST_TIMEOUT && r != SEQCAST_INTERRUPTED &&
                 r != SEQCAST_PUBLISHER_LEFT)
                failed(reader, "wait", r);
}

static void ask_about_segment(struct reader *reader)
{
        seqcast_subscriber *subscriber = reader->subscriber;
        const seqcast_schema *schema = seqcast_subscriber_schema(subscriber);
        seqcast_status status;
        seqcast_info info;
        int r = seqcast_subscriber_status(subscriber, &status);

        if (r != 0)
                failed(reader, "status", r);
        seqcast_subscriber_info(subscriber, &info);
        if (info.record_bytes != RECORD_BYTES)
                failed(reader, "info", (int)info.record_bytes);
        if (schema == NULL || schema->record_bytes != RECORD_BYTES || schema->field_count != RECORD_FIELDS ||
            strcmp(schema->fields[0].name, "key") != 0)
                failed(reader, "schema", 0);
}

static void take_turn(struct reader *reader)
{
        switch (random_below(&reader->random, 32)) {
        case 0:
                ask_about_segment(reader);
                break;
        case 1:
                seqcast_subscriber_skip(reader->subscriber); /* may move on, and is no call that tells */
                reader->number_known = false;
                reader->skipped = reader->subscriber->generation;
                break;
        case 2:
                if (seqcast_subscriber_version(reader->subscriber) >> NUMBER_BITS != 0)
                        failed(reader, "version", 0);
                break;
        case 3:
        case 4:
                pause_for_news(reader);
                break;
        default:
                read_once(reader);
        }
}

static void *read_until_stopped(void *context)
{
        struct reader *reader = context;

        while (!atomic_load_explicit(&reader->run->stop, memory_order_relaxed))
                take_turn(reader);
        return NULL;
}

/* Handles come and go, and are told to end their waits, while others read. */
static void *join_until_stopped(void *context)
{
        struct reader *reader = context;

        while (!atomic_load_explicit(&reader->run->stop, memory_order_relaxed)) {
                seqcast_subscriber *subscriber;
                int r = seqcast_subscriber_join(reader->run->subscriber, &subscriber);

                if (r != 0) {
                        failed(reader, "join", r);
                        break;
                }
                reader->tally.of[JOINED]++;
                reader->habit = random_below(&reader->random, 2) ? WAITS : POLLS;
                start_reading(reader, subscriber);
                for (uint64_t turns = random_below(&reader->random, 64); turns > 0; turns--)
                        take_turn(reader);
                seqcast_subscriber_close(subscriber);
                seqcast_subscriber_interrupt(reader->run->subscriber);
        }
        return NULL;
}

/* ---- the topic ------------------------------------------------------------------------------ */

struct topic {
        seqcast_publisher *publisher;
        seqcast_schema *schema;
        uint64_t segment; /* counts */
        uint64_t random;
};

static void must(const char *what, int result)
{
        if (result == 0)
                return;
        printf("%s: %s\n", what, seqcast_strerror(result));
        exit(1);
}

static void publish(struct topic *topic)
{
        static unsigned char record[RECORD_BYTES];
        const uint64_t number = seqcast_publisher_version(topic->publisher) + 1;
        const size_t bytes = record_length(number, RECORD_BYTES);

        record_fill(record, bytes, key_of(topic->segment, number));
        must("publish", seqcast_publish(topic->publisher, record, bytes));
}

static void leave_topic(struct topic *topic)
{
        const uint64_t way = topic->publisher == NULL ? 0 : random_below(&topic->random, 64);

        if (way == 1)
                topic_remove(); /* by hand: nobody is told */
        else if (way < 16 && topic->publisher != NULL)
                must("remove", seqcast_publisher_remove(topic->publisher));
        topic->publisher = seqcast_publisher_close(topic->publisher);
}

static void replace_topic(struct topic *topic, uint32_t depth)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        leave_topic(topic);
        topic->segment++;
        options.schema = topic->schema;
        options.depth = depth;
        options.flags = SEQCAST_RECREATE | (random_below(&topic->random, 2) ? SEQCAST_SPARSE : 0u) |
                        (random_below(&topic->random, 2) ? SEQCAST_TIMES : 0u);
        must("open publisher", seqcast_publisher_open(topic_name(), &options, &topic->publisher));
}

/* ---- the run -------------------------------------------------------------------------------- */

struct limits {
        double deadline;     /* 0: none */
        unsigned long count; /* of re-attachments */
};

struct results {
        struct tally tally;
        unsigned long reattachments, replacements;
        bool stuck;
};

static unsigned long count_reattachments(const struct run *run)
{
        return atomic_load_explicit(&run->subscriber->shared->replacements, memory_order_relaxed);
}

/* Publish until somebody has found the new segment; now and then, do not wait for that. */
static bool publish_until_found(struct topic *topic, const struct run *run, unsigned long reattachments)
{
        const bool patient = random_below(&topic->random, 8) != 0;
        const double began = now_seconds();

        for (uint64_t n = random_below(&topic->random, 8); n > 0; n--)
                publish(topic);
        while (patient && count_reattachments(run) == reattachments) {
                publish(topic);
                if (now_seconds() - began > STUCK_SECONDS)
                        return false;
        }
        return true;
}

static bool is_over(const struct limits *limits, unsigned long reattachments)
{
        return (limits->count != 0 && reattachments >= limits->count) ||
               (limits->deadline != 0 && now_seconds() >= limits->deadline);
}

static void replace_until_over(struct topic *topic, const struct run *run, const struct limits *limits,
                               struct results *results)
{
        unsigned long reattachments = 0;

        do {
                replace_topic(topic, 1u << random_below(&topic->random, DEPTHS));
                results->replacements++;
                results->stuck = !publish_until_found(topic, run, reattachments);
                reattachments = count_reattachments(run);
        } while (!results->stuck && reattachments < REPLACEMENTS_A_ROUND &&
                 !is_over(limits, results->reattachments + reattachments));
        results->reattachments += reattachments;
}

static void play_round(struct topic *topic, const struct limits *limits, struct results *results)
{
        static struct reader readers[READERS + 1];
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        struct run run = { .subscriber = NULL };

        replace_topic(topic, 1);
        options.flags = SEQCAST_SHARED | SEQCAST_REATTACH;
        must("open subscriber", seqcast_subscriber_open(topic_name(), &options, &run.subscriber));
        for (unsigned i = 0; i <= READERS; i++) {
                struct reader *reader = &readers[i];
                seqcast_subscriber *subscriber = run.subscriber;

                *reader = (struct reader){ .run = &run, .habit = (enum habit)i };
                reader->random = topic->random + i + 1;
                if (i == READERS)
                        break;
                if (i != 0)
                        must("join", seqcast_subscriber_join(run.subscriber, &subscriber));
                start_reading(reader, subscriber);
        }
        for (unsigned i = 0; i <= READERS; i++)
                must("thread",
                     -pthread_create(&readers[i].thread, NULL,
                                     i < READERS ? read_until_stopped : join_until_stopped, &readers[i]));
        replace_until_over(topic, &run, limits, results);
        atomic_store(&run.stop, true);
        for (unsigned i = 0; i <= READERS; i++) {
                pthread_join(readers[i].thread, NULL);
                for (int c = 0; c < COUNTERS; c++)
                        results->tally.of[c] += readers[i].tally.of[c];
        }
        for (unsigned i = 0; i < READERS; i++)
                seqcast_subscriber_close(readers[i].subscriber);
}

static int report(const struct results *results, double seconds)
{
        uint64_t wrong = 0;

        printf("%lu re-attachments, %lu replacements in %.1f s: ", results->reattachments,
               results->replacements, seconds);
        for (int c = 0; c < COUNTERS; c++) {
                printf("%s%lu %s",
                       c == 0             ? ""
                       : c == FIRST_WRONG ? "; "
                                          : ", ",
                       (unsigned long)results->tally.of[c], counter_names[c]);
                wrong += c >= FIRST_WRONG ? results->tally.of[c] : 0;
        }
        printf("%s\n", results->stuck ? "; nobody has re-attached any more" : "");
        if (results->reattachments == 0 || results->tally.of[READ] == 0) {
                printf("nothing was read or replaced, which shows nothing\n");
                return 1;
        }
        return wrong == 0 && !results->stuck ? 0 : 1;
}

static struct {
        double seconds;
        unsigned long count;
} options = { SECONDS_BY_DEFAULT, 0 };

static int play(void)
{
        const double began = now_seconds();
        const struct limits limits = { options.count == 0 ? began + options.seconds : 0, options.count };
        struct topic topic = { .random = (uint64_t)getpid() * 2 + 1 };
        struct results results = { .stuck = false };
        int r;

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (options.count == 0)
                alarm((unsigned)options.seconds + SECONDS_OF_GRACE);
        must("schema", seqcast_schema_parse(RECORD_SCHEMA, &topic.schema, NULL));
        do
                play_round(&topic, &limits, &results);
        while (!results.stuck && !is_over(&limits, results.reattachments));
        r = report(&results, now_seconds() - began);
        seqcast_publisher_close(topic.publisher);
        seqcast_schema_free(topic.schema);
        return r;
}

static void parse(int argc, char **argv)
{
        static const struct option known[] = { { "seconds", 1, NULL, 's' },
                                               { "count", 1, NULL, 'c' },
                                               { NULL, 0, NULL, 0 } };
        int option;

        while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
                if (option == 's')
                        options.seconds = strtod(optarg, NULL);
                else if (option == 'c')
                        options.count = strtoul(optarg, NULL, 10);
                else
                        exit(2);
        }
}

/* The topic, and what a publisher that was killed may have left half-named. */
static void clean_up(void)
{
        DIR *stream = opendir(SHM_DIRECTORY);
        const struct dirent *entry;
        char draft[96];

        topic_remove();
        snprintf(draft, sizeof draft, ".%s.", topic_name());
        while (stream != NULL && (entry = readdir(stream)) != NULL)
                if (strncmp(entry->d_name, draft, strlen(draft)) == 0)
                        unlinkat(dirfd(stream), entry->d_name, 0);
        if (stream != NULL)
                closedir(stream);
}

int main(int argc, char **argv)
{
        const char *cannot_run = CANNOT_RUN;
        int status;

        parse(argc, argv);
        if (cannot_run != NULL) {
                printf("%s\n", cannot_run);
                return 77;
        }
        topic_name();                           /* the child inherits it */
        status = child_wait(child_start(play)); /* whatever becomes of it, its topic goes */
        clean_up();
        if (status < 0)
                printf("killed by a signal\n");
        return status < 0 ? 1 : status;
}
