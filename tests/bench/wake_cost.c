/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What does a publication cost that would wake sleepers if there were any? A publisher that looks for
 * sleepers takes turns with one that does not (never, automatic, automatic, never), on the same segment and
 * the same processor; printed are the medians of many short rounds and of the ratios of neighbours. The
 * same is done with two that do not: how far that ratio is from 1 is noise. Then the cost of a publication
 * while one subscriber sleeps. */

#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "seqcast.h"

#define ROUNDS 101
#define BLOCKS 201 /* of a round */
#define BLOCK_CALLS 1000
#define WARM_UP_NS 5e6 /* until the publisher knows how fast it is */
#define SLEEPER_CALLS 4000
#define SLEEPER_PAUSE_NS 150000 /* time to fall asleep again */
#define RECORD_MAX 256

static char topic[64];
static unsigned char record[RECORD_MAX];
static pid_t sleeper;

static void clean_up(void)
{
        char path[96];

        if (sleeper > 0)
                kill(sleeper, SIGKILL);
        snprintf(path, sizeof path, "/dev/shm/%s", topic);
        unlink(path);
}

static void check(const char *what, int r)
{
        if (r == 0)
                return;
        fprintf(stderr, "wake_cost: %s: %s\n", what, seqcast_strerror(r));
        exit(1);
}

static double now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
        qsort(values, count, sizeof *values, by_size);
        return values[count / 2];
}

static seqcast_publisher *open_as(uint32_t wake, size_t bytes, uint32_t flags)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_publisher *publisher;

        options.record_bytes = bytes;
        options.flags = flags;
        options.wake = wake;
        check(topic, seqcast_publisher_open(topic, &options, &publisher));
        return publisher;
}

/* In ns. The median of short blocks does not see what other processes take away, nor the looks: 1 system
 * call in 2 ms, 0.02 %. */
static double publish_blocks(seqcast_publisher *publisher, size_t bytes)
{
        static double costs[BLOCKS];
        double begun = now_ns();

        for (int i = 0; i < BLOCKS; i++) {
                double before = begun;

                for (int k = 0; k < BLOCK_CALLS; k++)
                        check("publish", seqcast_publish(publisher, record, bytes));
                begun = now_ns();
                costs[i] = (begun - before) / BLOCK_CALLS;
        }
        return median(costs, BLOCKS);
}

static double one_round(uint32_t wake, size_t bytes, uint32_t flags)
{
        seqcast_publisher *publisher = open_as(wake, bytes, flags);
        double begun = now_ns(), cost;

        while (now_ns() - begun < WARM_UP_NS)
                publish_blocks(publisher, bytes);
        cost = publish_blocks(publisher, bytes);
        seqcast_publisher_close(publisher);
        return cost;
}

static void compare(const char *what, uint32_t wake, size_t bytes, uint32_t flags)
{
        static double plain[2 * ROUNDS], other[2 * ROUNDS], ratio[ROUNDS];

        for (int i = 0; i < ROUNDS; i++) {
                plain[2 * i] = one_round(SEQCAST_WAKE_NEVER, bytes, flags);
                other[2 * i] = one_round(wake, bytes, flags);
                other[2 * i + 1] = one_round(wake, bytes, flags);
                plain[2 * i + 1] = one_round(SEQCAST_WAKE_NEVER, bytes, flags);
                ratio[i] = (other[2 * i] + other[2 * i + 1]) / (plain[2 * i] + plain[2 * i + 1]);
        }
        printf("%4zu %-6s %-22s %8.2f ns %8.2f ns   x %.4f\n", bytes,
               (flags & SEQCAST_TIMES) != 0 ? "times" : "", what, median(plain, 2 * ROUNDS),
               median(other, 2 * ROUNDS), median(ratio, ROUNDS));
}

static void sleep_and_read(void)
{
        unsigned char copy[RECORD_MAX];
        seqcast_subscriber *subscriber;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        check(topic, seqcast_subscriber_open(topic, NULL, &subscriber));
        for (;;)
                if (seqcast_wait(subscriber, -1) == 0)
                        check("read", seqcast_read_newest(subscriber, copy, sizeof copy, NULL));
}

static double cost_with_pauses(seqcast_publisher *publisher, size_t bytes)
{
        static double costs[SLEEPER_CALLS];
        const struct timespec pause = { 0, SLEEPER_PAUSE_NS };

        for (int i = 0; i < SLEEPER_CALLS; i++) {
                double begun;

                nanosleep(&pause, NULL);
                begun = now_ns();
                check("publish", seqcast_publish(publisher, record, bytes));
                costs[i] = now_ns() - begun;
        }
        return median(costs, SLEEPER_CALLS);
}

/* On all processors again, so that the sleeper need not wait for this one. */
static void with_a_sleeper(size_t bytes, const cpu_set_t *processors)
{
        static const struct {
                const char *what;
                uint32_t wake;
        } modes[] = { { "never", SEQCAST_WAKE_NEVER }, { "automatic", SEQCAST_WAKE_AUTOMATIC } };
        seqcast_publisher *publisher;

        sched_setaffinity(0, sizeof *processors, processors);
        seqcast_publisher_close(open_as(SEQCAST_WAKE_NEVER, bytes, SEQCAST_RECREATE));
        fflush(stdout);
        sleeper = fork();
        if (sleeper == 0)
                sleep_and_read();
        printf("\none sleeper, %zu bytes, a publication each %d us (two clock reads included)\n", bytes,
               SLEEPER_PAUSE_NS / 1000);
        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
                publisher = open_as(modes[i].wake, bytes, 0);
                printf("            %-22s %8.0f ns\n", modes[i].what, cost_with_pauses(publisher, bytes));
                seqcast_publisher_close(publisher);
        }
}

int main(void)
{
        static const struct {
                size_t bytes;
                uint32_t flags;
        } rows[] = { { 8, 0 }, { 24, 0 }, { 24, SEQCAST_TIMES }, { 256, 0 } };
        cpu_set_t processors, one;

        snprintf(topic, sizeof topic, "wake_cost-%ld", (long)getpid());
        atexit(clean_up);
        if (sched_getaffinity(0, sizeof processors, &processors) == 0) {
                CPU_ZERO(&one);
                CPU_SET((size_t)sched_getcpu(), &one);
                sched_setaffinity(0, sizeof one, &one);
        }
        printf("%4s %-6s %-22s %11s %11s   %s\n", "size", "", "beside never", "never", "that", "ratio");
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const size_t bytes = rows[i].bytes;

                seqcast_publisher_close(open_as(SEQCAST_WAKE_NEVER, bytes, rows[i].flags | SEQCAST_RECREATE));
                compare("never (noise)", SEQCAST_WAKE_NEVER, bytes, rows[i].flags);
                compare("automatic", SEQCAST_WAKE_AUTOMATIC, bytes, rows[i].flags);
        }
        with_a_sleeper(24, &processors);
        return 0;
}
