/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* instructions CALL BYTES ROUNDS: make one call ROUNDS times, for instructions.sh to count under valgrind. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seqcast.h"

static seqcast_publisher *publisher;
static seqcast_subscriber *subscriber;
static unsigned char record[1 << 20];
static size_t bytes;

static int publish(void)
{
        return seqcast_publish(publisher, record, bytes);
}

static int publish_part(void)
{
        const seqcast_part part = { 0, 24, record };

        return seqcast_publish_parts(publisher, &part, 1);
}

static int read_newest(void)
{
        seqcast_sample sample;

        return seqcast_read_newest(subscriber, record, bytes, &sample);
}

static int read_part(void)
{
        const seqcast_read_part part = { 0, 24, record };
        seqcast_sample sample;

        return seqcast_read_newest_parts(subscriber, &part, 1, &sample);
}

static int look_for_next(void)
{
        seqcast_sample sample;

        return seqcast_read_next(subscriber, record, bytes, &sample);
}

static const struct {
        const char *name;
        int (*call)(void);
} calls[] = {
        { "publish", publish },     { "publish-part", publish_part },   { "read-newest", read_newest },
        { "read-part", read_part }, { "look-for-next", look_for_next }, { NULL, NULL },
};

static int make_calls(const char *name, long rounds)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        char topic[64];
        int r, i = 0;

        while (calls[i].name != NULL && strcmp(calls[i].name, name) != 0)
                i++;
        if (calls[i].name == NULL || bytes == 0 || bytes > sizeof record)
                return -1;
        snprintf(topic, sizeof topic, "instructions-%ld", (long)getpid());
        options.record_bytes = bytes;
        r = seqcast_publisher_open(topic, &options, &publisher);
        if (r == 0)
                r = seqcast_subscriber_open(topic, NULL, &subscriber);
        if (r == 0)
                r = publish();
        if (r == 0)
                r = look_for_next();
        while (r >= 0 && rounds-- > 0)
                r = calls[i].call();
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_remove(publisher);
        return r;
}

int main(int argc, char **argv)
{
        bytes = argc == 4 ? (size_t)strtoul(argv[2], NULL, 10) : 0;
        if (argc != 4 || make_calls(argv[1], atol(argv[3])) < 0) {
                fprintf(stderr,
                        "usage: instructions publish|publish-part|read-newest|read-part|look-for-next "
                        "BYTES ROUNDS\n");
                return 2;
        }
        return 0;
}
