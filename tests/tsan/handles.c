/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A publisher and two subscribers of the library, all on the publisher's mapping, each in a thread of
 * its own: ThreadSanitizer has nothing to report, and no record is torn. */

#include <pthread.h>
#include <time.h>

#include "handle/seam.h"
#include "seqcast.h"
#include "seqcast/copy.h"

#include "../support/record.h"
#include "../support/topic.h"

#define SUBSCRIBERS 2
#define RECORD_MAX 65536u
#define MILLISECONDS_PER_RUN 60

enum way { WHOLE, PARTS, BEGIN_COMMIT };

struct run {
        seqcast_publisher *publisher;
        size_t record_bytes;
        enum way way;
        seqcast_word stop;
};

struct reader {
        struct run *run;
        seqcast_subscriber *subscriber;
        pthread_t thread;
        uint64_t delivered, errors;
};

static int publish_one(struct run *run, uint64_t number)
{
        static unsigned char record[RECORD_MAX];
        const size_t bytes = record_length(number, run->record_bytes);
        const seqcast_part parts[2] = { { 0, 8, &number }, { run->record_bytes - 8, 8, &number } };
        void *slot;
        int r;

        if (run->way == PARTS)
                return seqcast_publish_parts(run->publisher, parts, 2);
        record_fill(record, bytes, number);
        if (run->way == WHOLE)
                return seqcast_publish(run->publisher, record, bytes);
        r = seqcast_publish_begin(run->publisher, &slot);
        if (r < 0)
                return r;
        seqcast_copy_store(slot, 0, record, bytes);
        return seqcast_publish_commit(run->publisher, bytes);
}

static void *publish_until_stopped(void *context)
{
        struct run *run = context;

        do
                if (publish_one(run, seqcast_publisher_version(run->publisher) + 1) != 0)
                        abort();
        while (seqcast_word_load_relaxed(&run->stop) == 0);
        return NULL;
}

static int look(seqcast_subscriber *subscriber, unsigned char *record, seqcast_sample *sample)
{
        const void *slot;
        int r = seqcast_read_begin(subscriber, &slot, sample);

        if (r != SEQCAST_OK)
                return r;
        seqcast_copy_load(record, slot, 0, sample->bytes);
        return seqcast_read_end(subscriber);
}

static int read_once(const struct reader *reader, unsigned char *record, uint64_t turn,
                     seqcast_sample *sample)
{
        const size_t longest = reader->run->record_bytes;
        const seqcast_read_part parts[2] = { { 0, 8, record }, { longest - 8, 8, record + longest - 8 } };

        if (reader->run->way == PARTS)
                return turn % 2 ? seqcast_read_newest_parts(reader->subscriber, parts, 2, sample)
                                : seqcast_read_next_parts(reader->subscriber, parts, 2, sample);
        switch (turn % 3) {
        case 0:
                return seqcast_read_newest(reader->subscriber, record, RECORD_MAX, sample);
        case 1:
                return seqcast_read_next(reader->subscriber, record, RECORD_MAX, sample);
        default:
                return look(reader->subscriber, record, sample);
        }
}

static bool good(const struct run *run, const unsigned char *record, const seqcast_sample *sample)
{
        uint64_t first, last;

        if (run->way != PARTS)
                return sample->bytes == record_length(sample->number, run->record_bytes) &&
                       record_check(record, sample->bytes, sample->number);
        memcpy(&first, record, 8);
        memcpy(&last, record + run->record_bytes - 8, 8);
        return first == sample->number && last == sample->number;
}

static void *read_until_stopped(void *context)
{
        struct reader *reader = context;
        unsigned char *record = malloc(RECORD_MAX);
        uint64_t before = 0;
        seqcast_status status;

        for (uint64_t turn = 0; reader->delivered == 0 || seqcast_word_load_relaxed(&reader->run->stop) == 0;
             turn++) {
                seqcast_sample sample;

                if (turn % 64 == 0 && seqcast_subscriber_status(reader->subscriber, &status) != 0)
                        reader->errors++;
                if (read_once(reader, record, turn, &sample) != SEQCAST_OK)
                        continue;
                reader->delivered++;
                if (!good(reader->run, record, &sample) || sample.number < before)
                        reader->errors++;
                before = sample.number;
        }
        free(record);
        return NULL;
}

static bool check(uint32_t depth, size_t record_bytes, enum way way, uint32_t flags)
{
        static const char *const ways[] = { "whole", "parts", "begin" };
        const struct timespec pause = { 0, MILLISECONDS_PER_RUN * 1000000L };
        struct run run = { .record_bytes = record_bytes, .way = way };
        struct reader readers[SUBSCRIBERS];
        uint64_t delivered = 0, errors = 0;
        pthread_t writer;

        if (way == BEGIN_COMMIT && depth > 1)
                flags |= SEQCAST_IN_PLACE;
        if (open_publisher(record_bytes, depth, flags | SEQCAST_TIMES, &run.publisher) != 0)
                abort();
        for (int i = 0; i < SUBSCRIBERS; i++) {
                readers[i] = (struct reader){ .run = &run };
                if (seqcast__subscriber_open_on(run.publisher, &readers[i].subscriber) != 0 ||
                    pthread_create(&readers[i].thread, NULL, read_until_stopped, &readers[i]) != 0)
                        abort();
        }
        if (pthread_create(&writer, NULL, publish_until_stopped, &run) != 0)
                abort();
        nanosleep(&pause, NULL);
        seqcast_word_store_relaxed(&run.stop, 1);
        pthread_join(writer, NULL);
        for (int i = 0; i < SUBSCRIBERS; i++) {
                pthread_join(readers[i].thread, NULL);
                seqcast_subscriber_close(readers[i].subscriber);
                delivered += readers[i].delivered;
                errors += readers[i].errors;
        }
        if (seqcast_publisher_remove(run.publisher) != 0)
                errors++;
        seqcast_publisher_close(run.publisher);
        printf("depth %u, %5zu bytes, %s%s: %lu read, %lu wrong\n", depth, record_bytes, ways[way],
               flags & SEQCAST_SPARSE ? ", sparse" : "", (unsigned long)delivered, (unsigned long)errors);
        return errors == 0;
}

int main(void)
{
        static const uint32_t depths[] = { 1, 2, 4 };
        static const size_t lengths[] = { 8, 1003, RECORD_MAX };
        bool passed = true;

        topic_remove(); /* of a process that had our number and was killed */
        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
                for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
                        for (enum way way = WHOLE; way <= BEGIN_COMMIT; way++)
                                passed &= check(depths[d], lengths[l], way, 0);
                }
                passed &= check(depths[d], RECORD_MAX, WHOLE, SEQCAST_SPARSE);
                passed &= check(depths[d], RECORD_MAX, PARTS, SEQCAST_SPARSE);
        }
        return passed ? 0 : 1;
}
