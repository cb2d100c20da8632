/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A publisher: a quote, ten times per second. */

#include <stdio.h>
#include <time.h>

#include "quote.h"

int main(int argc, char **argv)
{
        const char *topic = argc > 1 ? argv[1] : "quote";
        const struct timespec pause = { 0, 100000000 };
        struct quote quote = { 9999, 10001, 5, "ACME" };
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_publisher *publisher = NULL;
        options.schema = QUOTE_SCHEMA;
        int r = seqcast_publisher_open(topic, &options, &publisher);

        for (; r == 0; r = seqcast_publish(publisher, &quote, sizeof quote)) {
                nanosleep(&pause, NULL);
                quote.bid++, quote.ask++;
        }
        fprintf(stderr, "%s: %s\n", topic, seqcast_strerror(r));
        seqcast_publisher_close(publisher);
        return 1;
}
