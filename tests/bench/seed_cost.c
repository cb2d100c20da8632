/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Does it matter how large the record is in which three fields live? Updates and reads the same three
 * integers, with the same calls, in a record of 24 bytes and in a sparse one of 4 000 000 000, and
 * prints what one call costs: medians of rounds that take turns, and the ratio to the first row. The
 * row between them tells what being sparse costs from what being large costs. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "seqcast.h"

#define ROUNDS 101
#define CALLS_PER_ROUND 10000

struct columns {
        int64_t col1, col2, col3;
};

struct topic {
        const char *what;
        const char *schema_text;
        uint32_t flags;
        seqcast_publisher *publisher;
        seqcast_subscriber *subscriber;
        double update_ns[ROUNDS];
        double read_ns[ROUNDS];
};

#define TOPICS 3

static struct topic topics[TOPICS] = {
        { .what = "24 bytes", .schema_text = "col1:i64,col2:i64,col3:i64" },
        { .what = "24 bytes, sparse", .schema_text = "col1:i64,col2:i64,col3:i64", .flags = SEQCAST_SPARSE },
        { .what = "4 000 000 000 bytes, sparse",
          .schema_text = "col1:i64,col2:i64,col3:i64;size=4000000000",
          .flags = SEQCAST_SPARSE },
};

static void clean_up(void)
{
        for (int i = 0; i < TOPICS; i++)
                if (topics[i].publisher)
                        seqcast_publisher_remove(topics[i].publisher);
}

static void check(const char *what, int r)
{
        if (r == 0)
                return;
        fprintf(stderr, "seed_cost: %s: %s\n", what, seqcast_strerror(r));
        exit(1);
}

static void open_topic(struct topic *topic, int number)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_schema *schema = NULL;
        char name[64];

        snprintf(name, sizeof name, "seed_cost-%ld-%d", (long)getpid(), number);
        check("schema", seqcast_schema_parse(topic->schema_text, &schema, NULL));
        options.schema = schema;
        options.depth = 2;
        options.flags = topic->flags;
        check(name, seqcast_publisher_open(name, &options, &topic->publisher));
        check(name, seqcast_subscriber_open(name, NULL, &topic->subscriber));
        seqcast_schema_free(schema);
}

static double now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double update(struct topic *topic)
{
        struct columns columns = { 100, 876, 8021 };
        const seqcast_part part = { 0, sizeof columns, &columns };
        double start = now_ns();

        for (int i = 0; i < CALLS_PER_ROUND; i++) {
                columns.col1 = i;
                check("publish", seqcast_publish_parts(topic->publisher, &part, 1));
        }
        return (now_ns() - start) / CALLS_PER_ROUND;
}

static double read_back(struct topic *topic)
{
        struct columns columns;
        const seqcast_read_part part = { 0, sizeof columns, &columns };
        double start = now_ns();

        for (int i = 0; i < CALLS_PER_ROUND; i++)
                check("read", seqcast_read_newest_parts(topic->subscriber, &part, 1, NULL));
        return (now_ns() - start) / CALLS_PER_ROUND;
}

static int by_size(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(double *values)
{
        qsort(values, ROUNDS, sizeof *values, by_size);
        return values[ROUNDS / 2];
}

static void print_costs(void)
{
        double first_update = median(topics[0].update_ns), first_read = median(topics[0].read_ns);

        printf("%-28s %20s %20s\n", "record", "update three fields", "read three fields");
        for (int i = 0; i < TOPICS; i++) {
                double update_ns = median(topics[i].update_ns), read_ns = median(topics[i].read_ns);

                printf("%-28s %9.1f ns  x %4.2f %9.1f ns  x %4.2f\n", topics[i].what, update_ns,
                       update_ns / first_update, read_ns, read_ns / first_read);
        }
}

static void print_memory(void)
{
        char line[256];
        long now_kb = 0, most_kb = 0;
        FILE *status = fopen("/proc/self/status", "r");

        if (!status)
                return;
        while (fgets(line, sizeof line, status)) {
                sscanf(line, "VmRSS: %ld", &now_kb);
                sscanf(line, "VmHWM: %ld", &most_kb);
        }
        fclose(status);
        printf("resident memory of this process, which maps each record twice: %ld kB (most: %ld kB)\n",
               now_kb, most_kb);
}

int main(void)
{
        atexit(clean_up);
        for (int i = 0; i < TOPICS; i++)
                open_topic(&topics[i], i);

        for (int round = -1; round < ROUNDS; round++) { /* the first one warms up */
                for (int i = 0; i < TOPICS; i++) {
                        double update_ns = update(&topics[i]), read_ns = read_back(&topics[i]);

                        if (round >= 0) {
                                topics[i].update_ns[round] = update_ns;
                                topics[i].read_ns[round] = read_ns;
                        }
                }
        }
        print_costs();
        print_memory();
        return 0;
}
