/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Not a peer but the limit: memcpy of bytes that somebody else may be writing. A new record is told from an
 * old one by its first word. */

#include "peer.h"

#include <string.h>

static void create(struct channel *channel)
{
        memory_create(channel, channel->bytes);
}

static inline void publish(struct channel *channel, const void *record)
{
        memcpy(channel->memory, record, channel->bytes);
}

static inline bool read_newest(struct channel *channel, void *record)
{
        memcpy(record, channel->memory, channel->bytes);
        return true;
}

static bool wait_next(struct channel *channel, void *record)
{
        while (*(const volatile uint64_t *)channel->memory == channel->seen)
                ;
        read_newest(channel, record);
        channel->seen = *(const uint64_t *)record;
        return true;
}

PEER_PUBLISH_BATCH(publish)
PEER_READ_BATCH(read_newest)

const struct peer peer_unprotected = {
        .name = "unprotected memcpy (the limit)",
        .may_tear = true,
        .create = create,
        PEER_IN_MEMORY,
        .publish = publish,
        .wait_next = wait_next,
        .publish_batch = publish_batch,
        .read_batch = read_newest_batch,
};
