/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* seqcast.h as a C++ program uses it, for ring_in_cxx.sh: library_in_cxx TOPIC. */

#include <cstdio>
#include <cstring>

#include "seqcast.h"

static int failures;

static void expect_at(bool holds, const char *what, int line)
{
        if (holds)
                return;
        failures++;
        std::printf("line %d: %s\n", line, what);
}
#define EXPECT(condition) expect_at(condition, #condition, __LINE__)

struct pose {
        double x, y;
        int64_t turns;
};

static void exchange(seqcast_publisher *publisher, seqcast_subscriber *subscriber)
{
        pose sent = { 1, 2, 3 }, got = { 0, 0, 0 };
        int64_t turns = 4;
        seqcast_part part = { offsetof(pose, turns), sizeof turns, &turns };
        seqcast_sample sample;

        EXPECT(seqcast_read_newest(subscriber, &got, sizeof got, &sample) == SEQCAST_EMPTY);
        EXPECT(seqcast_publish(publisher, &sent, sizeof sent) == 0);
        EXPECT(seqcast_wait(subscriber, 0) == SEQCAST_OK);
        EXPECT(seqcast_read_next(subscriber, &got, sizeof got, &sample) == SEQCAST_OK);
        EXPECT(std::memcmp(&sent, &got, sizeof got) == 0 && sample.number == 1);
        EXPECT(seqcast_publish_parts(publisher, &part, 1) == 0);
        EXPECT(seqcast_read_newest(subscriber, &got, sizeof got, &sample) == SEQCAST_OK);
        EXPECT(got.x == 1 && got.turns == 4 && sample.number == 2);
        EXPECT(seqcast_read_next(subscriber, &got, sizeof got, &sample) == SEQCAST_NONE);
        EXPECT(std::strcmp(seqcast_strerror(SEQCAST_NONE), seqcast_strerror(SEQCAST_OK)) != 0);
}

int main(int argc, char **argv)
{
        seqcast_publisher_options publisher_options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_subscriber_options subscriber_options = SEQCAST_SUBSCRIBER_OPTIONS;
        seqcast_publisher *publisher = nullptr;
        seqcast_subscriber *subscriber = nullptr;

        if (argc != 2)
                return 2;
        publisher_options.schema = SEQCAST_SCHEMA(pose, x, y, turns);
        subscriber_options.schema = publisher_options.schema;
        EXPECT(seqcast_publisher_open(argv[1], &publisher_options, &publisher) == 0);
        EXPECT(seqcast_subscriber_open(argv[1], &subscriber_options, &subscriber) == 0);
        if (failures == 0)
                exchange(publisher, subscriber);
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_remove(publisher);
        return failures != 0;
}
