/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What the ring of embedded_status.h costs beside a seqlock as programs write it by hand, and beside
 * seqlock.h, for the same record in the same kind of page: medians of rounds in turn, by one thread.
 *
 * embedded_cost WAY CALL ROUNDS makes one kind of call only, to have its instructions counted. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "embedded_status.h"

#define ROUNDS 301
#define CALLS 2000

/* What is found in servers: a counter, odd while the struct behind it is being changed. */
struct hand_written {
        seqcast_word seq;
        struct status status;
};

static _Alignas(64) struct hand_written by_hand;
static _Alignas(64) struct {
        seqcast_word seq;
        seqcast_word status[sizeof(struct status) / 8];
} by_seqlock;
static struct server_page by_ring;
static struct seqcast_ring ring;
static struct seqcast_ring_reader reader;
static struct status sent, got;
static uint64_t number;

static void publish_by_hand(void)
{
        uint64_t seq = atomic_load_explicit(&by_hand.seq, memory_order_relaxed);

        atomic_store_explicit(&by_hand.seq, seq + 1, memory_order_relaxed);
        atomic_thread_fence(memory_order_release);
        by_hand.status = sent;
        atomic_store_explicit(&by_hand.seq, seq + 2, memory_order_release);
}

static void read_by_hand(void)
{
        uint64_t seq;

        do {
                while (((seq = atomic_load_explicit(&by_hand.seq, memory_order_acquire)) & 1) != 0)
                        ;
                got = by_hand.status;
                atomic_thread_fence(memory_order_acquire);
        } while (atomic_load_explicit(&by_hand.seq, memory_order_relaxed) != seq);
}

static void publish_by_seqlock(void)
{
        number++;
        seqcast_seqlock_write_begin(&by_seqlock.seq, number);
        seqcast_copy_store(by_seqlock.status, 0, &sent, sizeof sent);
        seqcast_seqlock_write_end(&by_seqlock.seq, number);
}

static void read_by_seqlock(void)
{
        uint64_t begun;

        do {
                begun = seqcast_seqlock_read_begin(&by_seqlock.seq);
                seqcast_copy_load(&got, by_seqlock.status, 0, sizeof got);
        } while ((begun & 1) != 0 || !seqcast_seqlock_read_valid(&by_seqlock.seq, begun));
}

static void publish_by_ring(void)
{
        seqcast_ring_publish(&ring, ++number, &sent, sizeof sent, 0);
}

static void read_by_ring(void)
{
        seqcast_ring_read_newest(&ring, &reader, &got, sizeof got, NULL);
}

static const struct way {
        const char *name;
        void (*publish)(void), (*read)(void);
} ways[] = {
        { "by-hand", publish_by_hand, read_by_hand },
        { "seqlock.h", publish_by_seqlock, read_by_seqlock },
        { "ring.h", publish_by_ring, read_by_ring },
};
#define WAYS (sizeof ways / sizeof *ways)

static void repeat(void (*call)(void), long times)
{
        for (; times > 0; times--) {
                sent.requests++;
                call();
        }
}

static double nanoseconds(void (*call)(void))
{
        struct timespec from, to;

        clock_gettime(CLOCK_MONOTONIC, &from);
        repeat(call, CALLS);
        clock_gettime(CLOCK_MONOTONIC, &to);
        return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / CALLS;
}

static int compare(const void *a, const void *b)
{
        const double *first = a, *second = b;

        return (*first > *second) - (*first < *second);
}

static double median(double *rounds)
{
        qsort(rounds, ROUNDS, sizeof *rounds, compare);
        return rounds[ROUNDS / 2];
}

static void measure(void)
{
        static double publish[WAYS][ROUNDS], read[WAYS][ROUNDS];

        for (int round = 0; round < ROUNDS; round++) {
                for (size_t way = 0; way < WAYS; way++) {
                        publish[way][round] = nanoseconds(ways[way].publish);
                        read[way][round] = nanoseconds(ways[way].read);
                }
        }
        printf("a record of %zu bytes    publish              read\n", sizeof(struct status));
        for (size_t way = 0; way < WAYS; way++)
                printf("  %-20s %6.1f ns  x %.2f   %6.1f ns  x %.2f\n", ways[way].name, median(publish[way]),
                       median(publish[way]) / median(publish[0]), median(read[way]),
                       median(read[way]) / median(read[0]));
}

int main(int argc, char **argv)
{
        ring = status_ring(&by_ring);
        sent.requests = 1;
        for (size_t way = 0; way < WAYS; way++)
                ways[way].publish();
        if (argc == 1) {
                measure();
                return 0;
        }
        for (size_t way = 0; argc == 4 && way < WAYS; way++) {
                if (strcmp(argv[1], ways[way].name) == 0) {
                        repeat(strcmp(argv[2], "publish") == 0 ? ways[way].publish : ways[way].read,
                               atol(argv[3]));
                        return strcmp(argv[2], "read") == 0 && got.requests != 1; /* what was published */
                }
        }
        fprintf(stderr, "usage: embedded_cost [by-hand|seqlock.h|ring.h publish|read ROUNDS]\n");
        return 2;
}
