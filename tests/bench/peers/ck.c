/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* ConcurrencyKit's ck_sequence, from its header, with memcpy between its calls as its manual page shows. The
 * record follows the sequence word, on its cache line. */

#include "peer.h"

#if defined(__has_include)
#if __has_include(<ck_sequence.h>)
#define HAVE_CK 1
#endif
#endif

#ifdef HAVE_CK

#include <string.h>

#include <ck_sequence.h>

struct guarded {
        ck_sequence_t sequence;
        uint64_t record[];
};

static void create(struct channel *channel)
{
        memory_create(channel, sizeof(struct guarded) + channel->bytes);
        ck_sequence_init(&((struct guarded *)channel->memory)->sequence);
}

static inline void publish(struct channel *channel, const void *record)
{
        struct guarded *guarded = channel->memory;

        ck_sequence_write_begin(&guarded->sequence);
        memcpy(guarded->record, record, channel->bytes);
        ck_sequence_write_end(&guarded->sequence);
}

static inline bool read_newest(struct channel *channel, void *record)
{
        const struct guarded *guarded = channel->memory;
        unsigned version = ck_sequence_read_begin(&guarded->sequence);

        memcpy(record, guarded->record, channel->bytes);
        return !ck_sequence_read_retry(&guarded->sequence, version);
}

static bool wait_next(struct channel *channel, void *record)
{
        const struct guarded *guarded = channel->memory;
        unsigned version;

        do {
                do
                        version = ck_sequence_read_begin(&guarded->sequence);
                while (version == channel->seen);
                memcpy(record, guarded->record, channel->bytes);
        } while (ck_sequence_read_retry(&guarded->sequence, version));
        channel->seen = version;
        return true;
}

PEER_PUBLISH_BATCH(publish)
PEER_READ_BATCH(read_newest)

const struct peer peer_ck = {
        .name = "ConcurrencyKit ck_sequence",
        .create = create,
        PEER_IN_MEMORY,
        .publish = publish,
        .wait_next = wait_next,
        .publish_batch = publish_batch,
        .read_batch = read_newest_batch,
};

#else

static const char *missing(void)
{
        return "not installed (libck-dev)";
}

const struct peer peer_ck = { .name = "ConcurrencyKit", .missing = missing };

#endif
