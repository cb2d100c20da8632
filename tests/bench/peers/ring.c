/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Seqcast's ring.h alone, on a piece of shared memory: what the handles add to it is the difference. */

#include "peer.h"

#include <stdlib.h>

#include "seqcast/ring.h"

#define DEPTH 4 /* as seqcast_publisher_open() takes by itself */

struct end {
        struct seqcast_ring ring;
        struct seqcast_ring_reader reader;
        uint64_t number;
};

static void create(struct channel *channel)
{
        memory_create(channel, seqcast_ring_bytes(DEPTH, channel->bytes));
}

static void open_end(struct channel *channel)
{
        struct end *end = calloc(1, sizeof *end);

        if (!end)
                give_up_errno(channel->name, "calloc");
        memory_open(channel);
        end->ring = seqcast_ring_over(channel->memory, DEPTH, channel->bytes);
        channel->own = end;
}

static void close_end(struct channel *channel, bool writer)
{
        memory_close(channel, writer);
        free(channel->own);
}

static inline void publish(struct channel *channel, const void *record)
{
        struct end *end = channel->own;

        seqcast_ring_publish(&end->ring, ++end->number, record, channel->bytes, 0);
}

static inline bool read_newest(struct channel *channel, void *record)
{
        struct end *end = channel->own;

        return seqcast_ring_read_newest(&end->ring, &end->reader, record, channel->bytes, NULL) == SEQCAST_OK;
}

static bool wait_next(struct channel *channel, void *record)
{
        struct end *end = channel->own;

        while (seqcast_ring_read_next(&end->ring, &end->reader, record, channel->bytes, NULL) != SEQCAST_OK)
                ;
        return true;
}

PEER_PUBLISH_BATCH(publish)
PEER_READ_BATCH(read_newest)

const struct peer peer_ring = {
        .name = "Seqcast's ring.h alone",
        .create = create,
        .open_writer = open_end,
        .open_reader = open_end,
        .close = close_end,
        .publish = publish,
        .wait_next = wait_next,
        .publish_batch = publish_batch,
        .read_batch = read_newest_batch,
};
