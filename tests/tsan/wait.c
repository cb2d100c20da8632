/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A publisher that wakes, and subscribers on its own mapping that sleep in every way there is, while
 * others notify and interrupt: ThreadSanitizer has nothing to report, no record is torn, no number goes
 * back, and everybody gets the last publication. Now and then nobody sleeps, so that the publisher stops
 * waking and starts again. */

#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>

#include "handle/seam.h"
#include "seqcast.h"

#include "../support/record.h"
#include "../support/waiting.h"

#define RECORD_BYTES 1003u
#define DEPTH 4
#define RUN_NS (3 * SECOND)
#define RUN_NS_MAX (60 * SECOND) /* on a machine so slow that waking has not gone on and off before */
#define HUNG_SECONDS 150
#define REST_NS (160 * MS) /* longer than a publisher goes on waking for nobody */
#define SLEEP_NS_MAX (30 * SECOND)
#define SWITCHES 2 /* how often waking has to start, and to stop */

enum habit { WAITS, WAITS_FOR_ANY, POLLS, HABITS };

struct run {
        seqcast_publisher *publisher;
        _Atomic(uint64_t) last; /* the number of the last publication; 0: there will be others */
        atomic_bool resting;    /* nobody is to sleep */
        atomic_bool over;
};

/* A reader of two handles waits for any of them. */
struct reader {
        struct run *run;
        seqcast_subscriber *subscribers[2];
        size_t count;
        uint64_t numbers[2]; /* delivered last */
        uint64_t random, delivered, slept, interrupted, wrong;
        pthread_t thread;
        enum habit habit;
        bool reopened; /* the next record may be one that was read before */
};

static void must(const char *what, int result)
{
        if (result == 0)
                return;
        printf("%s: %s\n", what, seqcast_strerror(result));
        exit(1);
}

static void complain(struct reader *reader, const char *what, int64_t a, int64_t b)
{
        if (reader->wrong++ < 5)
                printf("# %s: %ld, %ld\n", what, (long)a, (long)b);
}

/* ---- reading and sleeping -------------------------------------------------------------------- */

static void read_all(struct reader *reader, size_t index)
{
        unsigned char record[RECORD_BYTES];
        seqcast_sample sample;
        int r;

        for (;;) {
                const bool next = random_below(&reader->random, 4) != 0;
                uint64_t *before = &reader->numbers[index];

                r = (next ? seqcast_read_next : seqcast_read_newest)(reader->subscribers[index], record,
                                                                     sizeof record, &sample);
                if (r != SEQCAST_OK)
                        break;
                reader->delivered++;
                if (sample.bytes != record_length(sample.number, RECORD_BYTES) ||
                    !record_check(record, sample.bytes, sample.number))
                        complain(reader, "torn", (int64_t)sample.number, (int64_t)sample.bytes);
                if (sample.number < *before)
                        complain(reader, "backwards", (int64_t)*before, (int64_t)sample.number);
                if (sample.number == *before && !next)
                        return;
                if (sample.number == *before && !reader->reopened)
                        complain(reader, "delivered twice", (int64_t)sample.number, 0);
                *before = sample.number;
                reader->reopened = false;
        }
        if (r != SEQCAST_NONE && r != SEQCAST_EMPTY && r != SEQCAST_BUSY)
                complain(reader, "read", r, 0);
}

static void open_handle(struct reader *reader, size_t index)
{
        if (reader->subscribers[index] == NULL)
                must("open subscriber",
                     seqcast__subscriber_open_on(reader->run->publisher, &reader->subscribers[index]));
}

/* Nobody who could be seen: a handle with a descriptor is seen as long as it is open. */
static void rest(struct reader *reader)
{
        if (reader->habit == POLLS) {
                reader->subscribers[0] = seqcast_subscriber_close(reader->subscribers[0]);
                reader->reopened = true;
        }
        sleep_ns(MS);
        open_handle(reader, 0);
}

static int poll_and_drain(const struct reader *reader)
{
        const int fd = seqcast_subscriber_fd(reader->subscribers[0]);
        struct pollfd pollable = { .fd = fd, .events = POLLIN };

        if (fd < 0)
                return fd;
        if (poll(&pollable, 1, (int)(SLEEP_NS_MAX / MS)) <= 0)
                return SEQCAST_TIMEOUT;
        return seqcast_subscriber_drain(reader->subscribers[0]);
}

static void sleep_until_news(struct reader *reader)
{
        size_t index;
        int r;

        reader->slept++;
        if (reader->habit == POLLS)
                r = poll_and_drain(reader);
        else if (reader->habit == WAITS_FOR_ANY)
                r = seqcast_wait_any(reader->subscribers, reader->count, SLEEP_NS_MAX, &index);
        else
                r = seqcast_wait(reader->subscribers[0], SLEEP_NS_MAX);
        if (r == SEQCAST_INTERRUPTED)
                reader->interrupted++;
        else if (r != SEQCAST_OK && (r != SEQCAST_NONE || reader->habit != POLLS))
                complain(reader, "wait", r, (int64_t)reader->habit);
}

static bool has_the_last(const struct reader *reader)
{
        const uint64_t last = atomic_load_explicit(&reader->run->last, memory_order_relaxed);

        for (size_t i = 0; i < reader->count; i++)
                if (last == 0 || reader->numbers[i] != last)
                        return false;
        return true;
}

static void *read_to_the_last(void *context)
{
        struct reader *reader = context;

        while (!has_the_last(reader) && reader->wrong == 0) {
                if (atomic_load_explicit(&reader->run->resting, memory_order_relaxed))
                        rest(reader);
                else
                        sleep_until_news(reader);
                for (size_t i = 0; i < reader->count; i++)
                        read_all(reader, i);
        }
        return NULL;
}

/* ---- publishing ------------------------------------------------------------------------------ */

/* What the publisher says of waking, and how often that has changed. */
struct switches {
        enum seqcast__control control;
        bool on;
        unsigned started, stopped;
};

struct feed {
        struct run *run;
        const seqcast_word *control;
        struct switches switches[2];
        uint64_t random;
};

static void publish(struct feed *feed)
{
        unsigned char record[RECORD_BYTES];
        const uint64_t number = seqcast_publisher_version(feed->run->publisher) + 1;
        const size_t bytes = record_length(number, RECORD_BYTES);

        record_fill(record, bytes, number);
        must("publish", seqcast_publish(feed->run->publisher, record, bytes));
        for (int side = 0; side < 2; side++) {
                struct switches *switches = &feed->switches[side];
                const bool on = seqcast_word_load_relaxed(feed->control + switches->control) != 0;

                switches->started += on && !switches->on;
                switches->stopped += !on && switches->on;
                switches->on = on;
        }
}

static void publish_for_a_while(struct feed *feed)
{
        const uint64_t pace = random_below(&feed->random, 3);

        for (uint64_t n = random_below(&feed->random, pace == 0 ? 3000 : 60); n > 0; n--) {
                publish(feed);
                if (pace == 1)
                        sleep_ns((int64_t)random_below(&feed->random, (uint64_t)MS));
        }
        if (pace == 2)
                sleep_ns((int64_t)random_below(&feed->random, 30 * (uint64_t)MS));
}

static void publish_while_all_rest(struct feed *feed)
{
        const int64_t end = monotonic_ns() + REST_NS;

        atomic_store_explicit(&feed->run->resting, true, memory_order_relaxed);
        while (monotonic_ns() < end) {
                publish(feed);
                sleep_ns(MS / 2);
        }
        atomic_store_explicit(&feed->run->resting, false, memory_order_relaxed);
}

static bool has_switched(const struct feed *feed)
{
        for (int side = 0; side < 2; side++)
                if (feed->switches[side].started < SWITCHES || feed->switches[side].stopped < SWITCHES)
                        return false;
        return true;
}

static void publish_at_every_pace(struct feed *feed)
{
        const int64_t began = monotonic_ns();
        int64_t now;

        do {
                for (int i = 0; i < 12; i++)
                        publish_for_a_while(feed);
                publish_while_all_rest(feed);
                now = monotonic_ns();
        } while (now - began < RUN_NS || (!has_switched(feed) && now - began < RUN_NS_MAX));
}

static void publish_the_last(struct feed *feed)
{
        publish_for_a_while(feed);
        sleep_ns(20 * MS); /* so that all are asleep */
        atomic_store_explicit(&feed->run->last, seqcast_publisher_version(feed->run->publisher) + 1,
                              memory_order_relaxed);
        publish(feed);
}

/* ---- from beside ----------------------------------------------------------------------------- */

struct disturber {
        struct run *run;
        struct reader *readers;
        pthread_t thread;
};

static void *notify_until_over(void *context)
{
        const struct disturber *disturber = context;

        while (!atomic_load_explicit(&disturber->run->over, memory_order_relaxed)) {
                must("notify", seqcast_notify(disturber->run->publisher));
                sleep_ns(MS / 2);
        }
        return NULL;
}

static void *interrupt_until_over(void *context)
{
        const struct disturber *disturber = context;

        while (!atomic_load_explicit(&disturber->run->over, memory_order_relaxed)) {
                seqcast_subscriber_interrupt(disturber->readers[WAITS].subscribers[0]);
                seqcast_subscriber_interrupt(disturber->readers[WAITS_FOR_ANY].subscribers[1]);
                sleep_ns(2 * MS);
        }
        return NULL;
}

static void start(pthread_t *thread, void *(*body)(void *), void *context)
{
        must("thread", -pthread_create(thread, NULL, body, context));
}

/* ---- the run --------------------------------------------------------------------------------- */

static bool finish_reader(struct reader *reader)
{
        static const char *const habits[HABITS] = { "waits", "waits for any", "polls" };
        const bool interruptible = reader->habit != POLLS;

        for (size_t i = 0; i < reader->count; i++)
                seqcast_subscriber_close(reader->subscribers[i]);
        printf("%s: %lu read, %lu sleeps, %lu interrupted, %lu wrong\n", habits[reader->habit],
               (unsigned long)reader->delivered, (unsigned long)reader->slept,
               (unsigned long)reader->interrupted, (unsigned long)reader->wrong);
        return reader->wrong == 0 && has_the_last(reader) && (!interruptible || reader->interrupted > 0);
}

static int play(void)
{
        struct run run = { .last = 0 };
        struct reader readers[HABITS];
        struct disturber notifier = { &run, readers, 0 }, interrupter = { &run, readers, 0 };
        struct feed feed = { .run = &run, .random = 1 };
        int64_t published;
        bool passed = true;

        setvbuf(stdout, NULL, _IOLBF, 0);
        alarm(HUNG_SECONDS);
        must("open publisher", open_publisher(RECORD_BYTES, DEPTH, SEQCAST_TIMES, &run.publisher));
        feed.control = seqcast__layout_control(&seqcast__publisher_segment(run.publisher)->header,
                                               seqcast__publisher_segment(run.publisher)->base);
        feed.switches[0].control = SEQCAST__CONTROL_WAKING;
        feed.switches[1].control = SEQCAST__CONTROL_TOUCHING;
        for (unsigned i = 0; i < HABITS; i++) {
                readers[i] = (struct reader){ .run = &run, .habit = (enum habit)i, .random = i + 2 };
                readers[i].count = i == WAITS_FOR_ANY ? 2 : 1;
                for (size_t k = 0; k < readers[i].count; k++)
                        open_handle(&readers[i], k);
        }
        for (unsigned i = 0; i < HABITS; i++)
                start(&readers[i].thread, read_to_the_last, &readers[i]);
        start(&notifier.thread, notify_until_over, &notifier);
        start(&interrupter.thread, interrupt_until_over, &interrupter);
        publish_at_every_pace(&feed);
        atomic_store(&run.over, true);
        pthread_join(notifier.thread, NULL);
        pthread_join(interrupter.thread, NULL);
        publish_the_last(&feed); /* nobody else wakes anybody for it */
        published = monotonic_ns();
        for (unsigned i = 0; i < HABITS; i++)
                pthread_join(readers[i].thread, NULL);
        if (monotonic_ns() - published > SLEEP_NS_MAX / 2) {
                printf("# the last publication was found at the end of a sleep\n");
                passed = false;
        }
        for (unsigned i = 0; i < HABITS; i++)
                passed &= finish_reader(&readers[i]);
        printf("%lu published; waking started %u and stopped %u times, touching %u and %u\n",
               (unsigned long)run.last, feed.switches[0].started, feed.switches[0].stopped,
               feed.switches[1].started, feed.switches[1].stopped);
        passed &= has_switched(&feed);
        must("remove", seqcast_publisher_remove(run.publisher));
        seqcast_publisher_close(run.publisher);
        return passed ? 0 : 1;
}

int main(void)
{
        int status;

        topic_remove(); /* of a process that had our number and was killed; the child inherits the name */
        status = child_wait(child_start(play)); /* whatever becomes of it, its topic goes */
        topic_remove();
        if (status < 0)
                printf("killed by a signal\n");
        return status < 0 ? 1 : status;
}
