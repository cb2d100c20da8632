/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Seqcast as a program would use it: the public calls, with the options that they have by themselves. */

#include "peer.h"

#include <errno.h>

#include "seqcast.h"

static void check(const struct channel *channel, const char *what, int r)
{
        if (r != 0)
                give_up(channel->name, what, seqcast_strerror(r));
}

static void open_writer(struct channel *channel)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_publisher *publisher = NULL;

        options.record_bytes = channel->bytes;
        check(channel, "publisher", seqcast_publisher_open(channel->name, &options, &publisher));
        channel->own = publisher;
}

static void open_reader(struct channel *channel)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        seqcast_subscriber *subscriber = NULL;

        options.timeout_ns = -1;
        check(channel, "subscriber", seqcast_subscriber_open(channel->name, &options, &subscriber));
        channel->own = subscriber;
}

static void close_it(struct channel *channel, bool writer)
{
        if (writer)
                seqcast_publisher_close(channel->own);
        else
                seqcast_subscriber_close(channel->own);
}

static inline void publish(struct channel *channel, const void *record)
{
        int r = seqcast_publish(channel->own, record, channel->bytes);

        if (r != 0)
                check(channel, "publish", r);
}

static inline bool read_newest(struct channel *channel, void *record)
{
        return seqcast_read_newest(channel->own, record, channel->bytes, NULL) == 0;
}

static bool wait_next(struct channel *channel, void *record)
{
        int r;

        while ((r = seqcast_read_next(channel->own, record, channel->bytes, NULL)) != 0)
                if (r != SEQCAST_NONE && r != SEQCAST_EMPTY && r != SEQCAST_BUSY)
                        check(channel, "read", r);
        return true;
}

PEER_PUBLISH_BATCH(publish)
PEER_READ_BATCH(read_newest)

const struct peer peer_seqcast = {
        .name = "Seqcast",
        .open_writer = open_writer,
        .open_reader = open_reader,
        .close = close_it,
        .publish = publish,
        .wait_next = wait_next,
        .publish_batch = publish_batch,
        .read_batch = read_newest_batch,
};
