/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Owners of five kinds, each with two readers of foreign.h: ThreadSanitizer has nothing to report, and no
 * record is torn. The owners here store by atomics. What it says of one who stores plainly, as most do, is in
 * broken_foreign_owner.c: a race, seen where he is a thread; of other processes it sees nothing. */

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "seqcast/foreign.h"

#include "../support/record.h"

#define READERS 2
#define RECORD_MAX 4096u
#define MILLISECONDS_PER_RUN 60

#ifndef store_data
#define store_data seqcast_copy_store
#endif

/* The last three as gpsd, linuxptp and radioclkd write for NTP. */
enum shape { EVEN_ODD_64, BOOKENDS_32, VALID_FIRST, COUNT_FIRST, COUNT_ONCE, SHAPES };

static bool has_valid(enum shape shape)
{
        return shape == VALID_FIRST || shape == COUNT_FIRST || shape == COUNT_ONCE;
}

/* ... a record, or twice. */
static bool moves_once(enum shape shape)
{
        return shape == BOOKENDS_32 || shape == COUNT_ONCE;
}

struct run {
        enum shape shape;
        size_t bytes;
        seqcast_word stop;
        union {
                seqcast_word seq;
                struct {
                        seqcast_foreign_word32 opened, closed, valid;
                } words;
        } at;
        seqcast_word data[RECORD_MAX / 8];
};

struct reader {
        struct run *run;
        pthread_t thread;
        uint64_t delivered, errors;
};

static void open_record(struct run *run, uint64_t number)
{
        if (run->shape == VALID_FIRST || run->shape == COUNT_ONCE)
                atomic_store_explicit(&run->at.words.valid, 0, memory_order_relaxed);
        if (run->shape == EVEN_ODD_64)
                atomic_store_explicit(&run->at.seq, 2 * number - 1, memory_order_relaxed);
        else if (run->shape != COUNT_ONCE)
                atomic_store_explicit(&run->at.words.opened,
                                      (uint32_t)(moves_once(run->shape) ? number : 2 * number - 1),
                                      memory_order_relaxed);
        if (run->shape == COUNT_FIRST)
                atomic_store_explicit(&run->at.words.valid, 0, memory_order_relaxed);
        SEQCAST_FENCE(memory_order_release);
}

static void close_record(struct run *run, uint64_t number)
{
        if (run->shape == EVEN_ODD_64)
                atomic_store_explicit(&run->at.seq, 2 * number, memory_order_release);
        if (run->shape == BOOKENDS_32)
                atomic_store_explicit(&run->at.words.closed, (uint32_t)number, memory_order_release);
        if (has_valid(run->shape)) {
                atomic_store_explicit(&run->at.words.opened,
                                      (uint32_t)(moves_once(run->shape) ? number : 2 * number),
                                      memory_order_release);
                atomic_store_explicit(&run->at.words.valid, 1, memory_order_release);
        }
}

static struct seqcast_foreign words_of(const struct run *run)
{
        if (run->shape == BOOKENDS_32)
                return seqcast_foreign_bookends(&run->at.words.opened, &run->at.words.closed, 4);
        if (has_valid(run->shape))
                return seqcast_foreign_count_valid(&run->at.words.opened, &run->at.words.valid, 4);
        return seqcast_foreign_even_odd(&run->at.seq, 8);
}

static void *write_until_stopped(void *context)
{
        struct run *run = context;
        unsigned char record[RECORD_MAX];

        for (uint64_t number = 1; seqcast_word_load_relaxed(&run->stop) == 0; number++) {
                record_fill(record, run->bytes, number);
                open_record(run, number);
                store_data(run->data, 0, record, run->bytes);
                close_record(run, number);
                if (number % 16 == 0)
                        sched_yield(); /* readers have no other slot to go to */
        }
        return NULL;
}

static void *read_until_stopped(void *context)
{
        struct reader *reader = context;
        struct run *run = reader->run;
        const struct seqcast_foreign foreign = words_of(run);
        unsigned char record[RECORD_MAX];
        uint64_t count, before = 0;

        /* At least one, however late this thread is started: a run that reads nothing shows nothing. */
        while (reader->delivered == 0 || seqcast_word_load_relaxed(&run->stop) == 0) {
                if (seqcast_foreign_read(&foreign, record, run->data, run->bytes, &count) != SEQCAST_OK ||
                    count == 0)
                        continue;
                reader->delivered++;
                if (count < before ||
                    !record_check(record, run->bytes, moves_once(run->shape) ? count : count / 2))
                        reader->errors++;
                before = count;
        }
        return NULL;
}

static bool check(enum shape shape, size_t bytes)
{
        static const char *const names[SHAPES] = { "even and odd", "bookends", "valid first", "count first",
                                                   "count once" };
        const struct timespec pause = { 0, MILLISECONDS_PER_RUN * 1000000L };
        struct run *run = calloc(1, sizeof *run);
        struct reader readers[READERS];
        pthread_t writer;
        uint64_t delivered = 0, errors = 0;

        if (run == NULL)
                abort();
        run->shape = shape;
        run->bytes = bytes;
        for (int i = 0; i < READERS; i++) {
                readers[i] = (struct reader){ .run = run };
                if (pthread_create(&readers[i].thread, NULL, read_until_stopped, &readers[i]) != 0)
                        abort();
        }
        if (pthread_create(&writer, NULL, write_until_stopped, run) != 0)
                abort();
        nanosleep(&pause, NULL);
        seqcast_word_store_relaxed(&run->stop, 1);
        pthread_join(writer, NULL);
        for (int i = 0; i < READERS; i++) {
                pthread_join(readers[i].thread, NULL);
                delivered += readers[i].delivered;
                errors += readers[i].errors;
        }
        printf("%-12s, %4lu bytes: %lu read, %lu wrong\n", names[shape], (unsigned long)bytes,
               (unsigned long)delivered, (unsigned long)errors);
        free(run);
        return errors == 0;
}

int main(void)
{
        static const size_t lengths[] = { 8, 60, 1003, RECORD_MAX };
        bool passed = true;

        for (int shape = 0; shape < SHAPES; shape++)
                for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
                        passed &= check((enum shape)shape, lengths[i]);
        return passed ? 0 : 1;
}
