/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Not a peer but the limit of latencies: one word on a cache line of its own, and no record. */

#include "peer.h"

#include <stdatomic.h>

static void create(struct channel *channel)
{
        memory_create(channel, sizeof(uint64_t));
}

static void publish(struct channel *channel, const void *record)
{
        atomic_store_explicit((_Atomic(uint64_t) *)channel->memory, *(const uint64_t *)record,
                              memory_order_release);
}

static bool wait_next(struct channel *channel, void *record)
{
        const _Atomic(uint64_t) *word = (const _Atomic(uint64_t) *)channel->memory;
        uint64_t value;

        do
                value = atomic_load_explicit(word, memory_order_acquire);
        while (value == channel->seen);
        channel->seen = value;
        *(uint64_t *)record = value;
        return true;
}

const struct peer peer_bare = {
        .name = "bare one-word ping-pong",
        .is_bare = true,
        .create = create,
        PEER_IN_MEMORY,
        .publish = publish,
        .wait_next = wait_next,
};
