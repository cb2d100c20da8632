/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Quotes of three topics, in one thread: what wait_subscriber.c, epoll_subscriber.c and uv_subscriber.c do
 * in the same way. How to sleep until there are news is what each of them shows. */

#ifndef EXAMPLES_FEED_H
#define EXAMPLES_FEED_H

#include <inttypes.h>
#include <stdio.h>

#include "quote.h"

#define FEEDS 3

struct feed {
        const char *topic;
        seqcast_subscriber *subscriber;
        uint64_t count; /* of quotes printed */
};

static inline int feed_failed(const struct feed *feed, int r)
{
        fprintf(stderr, "%s: %s\n", feed->topic, seqcast_strerror(r));
        return r;
}

static inline void feeds_close(struct feed *feeds)
{
        for (int i = 0; i < FEEDS; i++)
                feeds[i].subscriber = seqcast_subscriber_close(feeds[i].subscriber);
}

/* Topics that do not exist yet are waited for, one after the other.
 * @return 0; an error, which has been printed, and nothing is open */
static inline int feeds_open(struct feed *feeds, int argc, char **argv)
{
        static const char *const usual[FEEDS] = { "quote", "trade", "status" };
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        int r = 0;

        options.schema = QUOTE_SCHEMA;
        options.flags = SEQCAST_REATTACH; /* go on when a topic is replaced */
        options.timeout_ns = -1;
        for (int i = 0; i < FEEDS; i++)
                feeds[i] = (struct feed){ i + 1 < argc ? argv[i + 1] : usual[i], NULL, 0 };
        for (int i = 0; i < FEEDS && r == 0; i++) {
                r = seqcast_subscriber_open(feeds[i].topic, &options, &feeds[i].subscriber);
                if (r < 0)
                        feed_failed(&feeds[i], r);
        }
        if (r < 0)
                feeds_close(feeds);
        setvbuf(stdout, NULL, _IOLBF, 0);
        return r;
}

/* Print what there is. `r` is what seqcast_wait_any() or seqcast_subscriber_drain() has just returned.
 * @return 0; an error, which has been printed */
static inline int feed_serve(struct feed *feed, int r)
{
        /* What comes after this one wakes us again. So a fast publisher cannot keep us here. */
        uint64_t newest = seqcast_subscriber_version(feed->subscriber);
        struct quote quote;
        seqcast_sample sample;

        if (r < 0)
                return feed_failed(feed, r);
        if (r == SEQCAST_PUBLISHER_GONE || r == SEQCAST_PUBLISHER_LEFT || r == SEQCAST_REATTACHED)
                printf("%s: %s\n", feed->topic, seqcast_strerror(r));
        do {
                r = seqcast_read_next(feed->subscriber, &quote, sizeof quote, &sample);
                if (r == 0) {
                        feed->count++;
                        printf("%s #%" PRIu64 " %.12s bid %" PRId64 " ask %" PRId64 " (%" PRIu64 " lost)\n",
                               feed->topic, sample.number, quote.sym, quote.bid, quote.ask, sample.lost);
                }
        } while (r == 0 && sample.number < newest);
        return r < 0 ? feed_failed(feed, r) : 0;
}

#endif
