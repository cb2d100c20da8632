/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A record behind a lock of the C library that processes share. How to lock is all in which the two differ.
 * A reader that waits looks again and again, as there is no other way to see news without a system call. */

#include "peer.h"

#include <pthread.h>
#include <string.h>

struct guarded {
        _Alignas(64) union {
                pthread_rwlock_t rwlock;
                pthread_mutex_t mutex;
        } lock;
        _Alignas(64) uint64_t record[];
};

static struct guarded *create(struct channel *channel)
{
        memory_create(channel, sizeof(struct guarded) + channel->bytes);
        return channel->memory;
}

static inline void put(struct channel *channel, const void *record)
{
        memcpy(((struct guarded *)channel->memory)->record, record, channel->bytes);
}

static inline void get(struct channel *channel, void *record)
{
        memcpy(record, ((const struct guarded *)channel->memory)->record, channel->bytes);
}

static inline bool get_if_new(struct channel *channel, void *record)
{
        const uint64_t first = ((const struct guarded *)channel->memory)->record[0];

        if (first == channel->seen)
                return false;
        get(channel, record);
        channel->seen = first;
        return true;
}

#define LOCK(what) (&((struct guarded *)channel->memory)->lock.what)

static void rwlock_create(struct channel *channel)
{
        struct guarded *guarded = create(channel);
        pthread_rwlockattr_t attributes;

        pthread_rwlockattr_init(&attributes);
        pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        pthread_rwlock_init(&guarded->lock.rwlock, &attributes);
        pthread_rwlockattr_destroy(&attributes);
}

static inline void rwlock_publish(struct channel *channel, const void *record)
{
        pthread_rwlock_wrlock(LOCK(rwlock));
        put(channel, record);
        pthread_rwlock_unlock(LOCK(rwlock));
}

static inline bool rwlock_read(struct channel *channel, void *record)
{
        pthread_rwlock_rdlock(LOCK(rwlock));
        get(channel, record);
        pthread_rwlock_unlock(LOCK(rwlock));
        return true;
}

static bool rwlock_wait_next(struct channel *channel, void *record)
{
        bool is_new;

        do {
                pthread_rwlock_rdlock(LOCK(rwlock));
                is_new = get_if_new(channel, record);
                pthread_rwlock_unlock(LOCK(rwlock));
        } while (!is_new);
        return true;
}

PEER_PUBLISH_BATCH(rwlock_publish)
PEER_READ_BATCH(rwlock_read)

const struct peer peer_rwlock = {
        .name = "process-shared rwlock",
        .create = rwlock_create,
        PEER_IN_MEMORY,
        .publish = rwlock_publish,
        .wait_next = rwlock_wait_next,
        .publish_batch = rwlock_publish_batch,
        .read_batch = rwlock_read_batch,
};

static void mutex_create(struct channel *channel)
{
        struct guarded *guarded = create(channel);
        pthread_mutexattr_t attributes;

        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        pthread_mutex_init(&guarded->lock.mutex, &attributes);
        pthread_mutexattr_destroy(&attributes);
}

static inline void mutex_publish(struct channel *channel, const void *record)
{
        pthread_mutex_lock(LOCK(mutex));
        put(channel, record);
        pthread_mutex_unlock(LOCK(mutex));
}

static inline bool mutex_read(struct channel *channel, void *record)
{
        pthread_mutex_lock(LOCK(mutex));
        get(channel, record);
        pthread_mutex_unlock(LOCK(mutex));
        return true;
}

static bool mutex_wait_next(struct channel *channel, void *record)
{
        bool is_new;

        do {
                pthread_mutex_lock(LOCK(mutex));
                is_new = get_if_new(channel, record);
                pthread_mutex_unlock(LOCK(mutex));
        } while (!is_new);
        return true;
}

PEER_PUBLISH_BATCH(mutex_publish)
PEER_READ_BATCH(mutex_read)

const struct peer peer_mutex = {
        .name = "process-shared mutex",
        .create = mutex_create,
        PEER_IN_MEMORY,
        .publish = mutex_publish,
        .wait_next = mutex_wait_next,
        .publish_batch = mutex_publish_batch,
        .read_batch = mutex_read_batch,
};
