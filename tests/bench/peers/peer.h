/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What every peer is measured through: how a record gets from a process to another one, in a handful of
 * operations. Knows nothing of clocks, rounds or tables. */

#ifndef PEERS_PEER_H
#define PEERS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* One way from one process to another. Which fields mean something is for the peer to say. */
struct channel {
        char name[64]; /* for shm_open(3) and mq_open(3) */
        size_t bytes;  /* of every record */
        void *memory;  /* shared */
        size_t memory_bytes;
        uint64_t seen; /* tells what the reader got last from what is newer */
        int ends[2];   /* descriptors: for reading, for writing */
        void *own;     /* a peer's handle, publishing or subscribed */
};

/* What is published, and what became of it. Every record's words count up by one from the first, so that
 * eight different records overlap in one array, and whoever has the first and the last word of a copy knows
 * whether they belong together. */
#define RECORDS 8
#define RECORD_WORDS_APART 8 /* one cache line */

struct work {
        const uint64_t *words; /* RECORDS of them */
        uint64_t published;
        uint64_t *copy;
        uint64_t whole; /* copies that the peer gave out, and whose words belong together */
        uint64_t torn;  /* ... do not */
};

static inline const uint64_t *work_record(const struct work *work, uint64_t number)
{
        return work->words + number % RECORDS * RECORD_WORDS_APART;
}

static inline bool record_is_whole(const uint64_t *record, size_t bytes)
{
        const uint64_t last = bytes / sizeof(uint64_t) - 1;

        return record[last] - record[0] == last;
}

typedef void peer_publish(struct channel *channel, const void *record);
typedef bool peer_read(struct channel *channel, void *record);
typedef void peer_batch(struct channel *channel, struct work *work, uint64_t count);

struct peer {
        const char *name;
        const char *(*missing)(void); /* why it cannot be measured here, or NULL; NULL: it always can */
        size_t bytes_max;             /* 0: any */
        bool is_bare;                 /* no record at all: only to compare latencies with */
        bool may_tear;                /* gives out copies whose parts do not belong together */
        bool is_queue;    /* a record is read once, and its publisher waits while there is no room */
        bool has_no_name; /* there is nothing that another process could attach to */

        void (*create)(struct channel *channel); /* before fork(); NULL: nothing is to be done then */
        void (*open_writer)(struct channel *channel);
        void (*open_reader)(struct channel *channel);
        void (*close)(struct channel *channel, bool writer);

        peer_publish *publish;
        peer_read *wait_next; /* until there is something that this reader did not get yet; always true */
        peer_batch *publish_batch;
        peer_batch *read_batch; /* of the newest record, once each; NULL for queues */
};

/* A channel that has a name and a size only is one of another process: opening it is attaching to it. */
static inline struct channel channel_named(const char *name, const char *suffix, size_t bytes)
{
        struct channel channel = { .bytes = bytes, .ends = { -1, -1 } };

        snprintf(channel.name, sizeof channel.name, "%.40s%s", name, suffix);
        return channel;
}

extern const struct peer peer_bare, peer_unprotected, peer_seqcast, peer_ring, peer_ck, peer_rwlock,
        peer_mutex, peer_pipe, peer_socket, peer_mq;

/* Says what failed, and ends this process. */
_Noreturn void give_up(const char *who, const char *what, const char *why);
_Noreturn void give_up_errno(const char *who, const char *what);

/* Shared memory under the channel's name; zero when new. Who created it, or inherits it, has it open. */
void memory_create(struct channel *channel, size_t bytes);
void memory_open(struct channel *channel);
void memory_close(struct channel *channel, bool writer);
#define PEER_IN_MEMORY .open_writer = memory_open, .open_reader = memory_open, .close = memory_close

/* The loops that are timed. The operation is a constant, so that the compiler makes one loop of it without a
 * call; and whatever it copies has to be there after each round. */
static inline void publish_in_turn(peer_publish *publish, struct channel *channel, struct work *work,
                                   uint64_t count)
{
        for (uint64_t i = 0; i < count; i++) {
                publish(channel, work_record(work, work->published++));
                __asm__ volatile("" ::: "memory");
        }
}

static inline void read_in_turn(peer_read *read_newest, struct channel *channel, struct work *work,
                                uint64_t count)
{
        for (uint64_t i = 0; i < count; i++) {
                if (read_newest(channel, work->copy)) {
                        if (record_is_whole(work->copy, channel->bytes))
                                work->whole++;
                        else
                                work->torn++;
                }
                __asm__ volatile("" ::: "memory");
        }
}

#define PEER_PUBLISH_BATCH(publish)                                                                          \
        static void publish##_batch(struct channel *channel, struct work *work, uint64_t count)              \
        {                                                                                                    \
                publish_in_turn(publish, channel, work, count);                                              \
        }

#define PEER_READ_BATCH(read_newest)                                                                         \
        static void read_newest##_batch(struct channel *channel, struct work *work, uint64_t count)          \
        {                                                                                                    \
                read_in_turn(read_newest, channel, work, count);                                             \
        }

#endif
