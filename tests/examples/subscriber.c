/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A subscriber: prints each quote, and how many it lost. Ends when the topic is replaced or removed. */

#include <inttypes.h>
#include <stdio.h>

#include "quote.h"

int main(int argc, char **argv)
{
        const char *topic = argc > 1 ? argv[1] : "quote";
        struct quote quote;
        seqcast_sample sample;
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        seqcast_subscriber *subscriber = NULL;
        options.schema = QUOTE_SCHEMA;
        options.timeout_ns = -1; /* wait for the topic to appear */
        int r = seqcast_subscriber_open(topic, &options, &subscriber);

        setvbuf(stdout, NULL, _IOLBF, 0);
        while (r >= 0 && r != SEQCAST_RETIRED && r != SEQCAST_DETACHED) {
                r = seqcast_read_next(subscriber, &quote, sizeof quote, &sample);
                if (r == 0)
                        printf("#%" PRIu64 " %.12s bid %" PRId64 " ask %" PRId64 " (%" PRIu64 " lost)\n",
                               sample.number, quote.sym, quote.bid, quote.ask, sample.lost);
                else if (r > 0)
                        r = seqcast_wait(subscriber, -1); /* sleeps until there is something newer */
        }
        fprintf(stderr, "%s: %s\n", topic, seqcast_strerror(r));
        seqcast_subscriber_close(subscriber);
        return r < 0;
}
