/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* One writer, two readers, one mapping of a ring: ThreadSanitizer has nothing to report, and no
 * record is torn. It sees only threads that share a mapping, so there are no processes here. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "seqcast/ring_parts.h"

#include "../support/record.h"

#define READERS 2
#define RECORD_MAX 65536u
#define MILLISECONDS_PER_RUN 60
#define LOG_ENTRIES 16u

struct run {
        struct seqcast_ring ring;
        bool parts; /* publications change the first and the last word only */
        seqcast_word stop;
};

struct reader {
        struct run *run;
        pthread_t thread;
        uint64_t delivered, errors;
};

static void publish_whole(const struct run *run, uint64_t number)
{
        static unsigned char record[RECORD_MAX];
        const size_t bytes = record_length(number, (size_t)run->ring.record_bytes);

        record_fill(record, bytes, number);
        seqcast_ring_publish(&run->ring, number, record, bytes, 0);
}

static void publish_parts(const struct run *run, struct seqcast_ring_changes *changes, uint64_t number)
{
        const seqcast_part parts[2] = {
                { 0, 8, &number },
                { run->ring.record_bytes - 8, 8, &number },
        };

        if (seqcast_ring_publish_parts(&run->ring, changes, number, parts, 2, 0) != 0)
                abort();
}

static void *write_until_stopped(void *context)
{
        struct run *run = context;
        struct seqcast_ring_change log[LOG_ENTRIES];
        struct seqcast_ring_changes changes = { log, LOG_ENTRIES - 1, 0, 1 };

        for (uint64_t number = 1; number == 1 || seqcast_word_load_relaxed(&run->stop) == 0; number++) {
                if (run->parts)
                        publish_parts(run, &changes, number);
                else
                        publish_whole(run, number);
        }
        return NULL;
}

static int read_once(const struct run *run, struct seqcast_ring_reader *position, unsigned char *record,
                     uint64_t turn, seqcast_sample *sample)
{
        const uint64_t longest = run->ring.record_bytes;
        const seqcast_read_part parts[2] = { { 0, 8, record }, { longest - 8, 8, record + longest - 8 } };

        if (run->parts)
                return turn % 2 ? seqcast_ring_read_newest_parts(&run->ring, position, parts, 2, sample)
                                : seqcast_ring_read_next_parts(&run->ring, position, parts, 2, sample);
        return turn % 2 ? seqcast_ring_read_newest(&run->ring, position, record, RECORD_MAX, sample)
                        : seqcast_ring_read_next(&run->ring, position, record, RECORD_MAX, sample);
}

static bool good(const struct run *run, const unsigned char *record, const seqcast_sample *sample)
{
        uint64_t first, last;

        if (!run->parts)
                return sample->bytes == record_length(sample->number, (size_t)run->ring.record_bytes) &&
                       record_check(record, (size_t)sample->bytes, sample->number);
        memcpy(&first, record, 8);
        memcpy(&last, record + run->ring.record_bytes - 8, 8);
        return first == sample->number && last == sample->number;
}

static void *read_until_stopped(void *context)
{
        struct reader *reader = context;
        const struct run *run = reader->run;
        struct seqcast_ring_reader position = { 0 };
        unsigned char *record = malloc(RECORD_MAX);

        /* At least one, however late this thread is started: a run that reads nothing shows nothing. */
        for (uint64_t turn = 0; reader->delivered == 0 || seqcast_word_load_relaxed(&run->stop) == 0;
             turn++) {
                uint64_t before = position.delivered;
                seqcast_sample sample;

                if (read_once(run, &position, record, turn, &sample) != SEQCAST_OK)
                        continue;
                reader->delivered++;
                if (!good(run, record, &sample) || sample.number < before ||
                    (before != 0 && sample.number > before && sample.lost != sample.number - before - 1))
                        reader->errors++;
        }
        free(record);
        return NULL;
}

static bool check(uint64_t depth, uint64_t record_bytes, bool parts)
{
        const struct timespec pause = { 0, MILLISECONDS_PER_RUN * 1000000L };
        const size_t bytes = (size_t)seqcast_ring_bytes(depth, record_bytes);
        void *memory = aligned_alloc(64, bytes);
        struct reader readers[READERS];
        struct run run;
        pthread_t writer;
        uint64_t delivered = 0, errors = 0;

        if (memory == NULL)
                abort();
        memset(memory, 0, bytes);
        run.ring = seqcast_ring_over(memory, depth, record_bytes);
        run.parts = parts;
        seqcast_word_store_relaxed(&run.stop, 0);
        for (int i = 0; i < READERS; i++) {
                readers[i] = (struct reader){ .run = &run };
                if (pthread_create(&readers[i].thread, NULL, read_until_stopped, &readers[i]) != 0)
                        abort();
        }
        if (pthread_create(&writer, NULL, write_until_stopped, &run) != 0)
                abort();
        nanosleep(&pause, NULL);
        seqcast_word_store_relaxed(&run.stop, 1);
        pthread_join(writer, NULL);
        for (int i = 0; i < READERS; i++) {
                pthread_join(readers[i].thread, NULL);
                delivered += readers[i].delivered;
                errors += readers[i].errors;
        }
        printf("depth %lu, %5lu bytes, %s: %lu read, %lu wrong\n", (unsigned long)depth,
               (unsigned long)record_bytes, parts ? "parts" : "whole", (unsigned long)delivered,
               (unsigned long)errors);
        free(memory);
        return errors == 0;
}

int main(void)
{
        static const uint64_t depths[] = { 1, 2, 4 };
        static const uint64_t lengths[] = { 8, 48, 1003, 4096, RECORD_MAX };
        bool passed = true;

        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
                for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
                        passed &= check(depths[d], lengths[l], false);
                        passed &= check(depths[d], lengths[l], true);
                }
        }
        return passed ? 0 : 1;
}
