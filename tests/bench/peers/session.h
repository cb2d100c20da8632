/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Two processes that take every peer through the same measurements, and what they found. */

#ifndef PEERS_SESSION_H
#define PEERS_SESSION_H

#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "bench/sizes.h"
#include "peer.h"

#define PEERS 10
#define PEERS_ROUNDS_MAX 15

extern const struct peer *const peers[PEERS];

enum measure {
        READ,         /* ns, nobody publishes */
        PUBLISH,      /* ns, nobody reads */
        PUBLISH_READ, /* ns, the other process waits for each */
        LATENCY_P50,  /* ns, half of a round trip */
        LATENCY_P99,
        READS,        /* million a second, of the newest record, while the other process publishes */
        PUBLICATIONS, /* million a second, of that process */
        TORN,         /* % of these reads */
        CREATE,       /* us, until a first record is published */
        ATTACH,       /* us, until it is read */
        MEASURES
};

#define SIZE_OF_LIFE 1 /* CREATE and ATTACH are measured with records of bench_sizes[1] bytes */

/* A channel that is made and removed again and again is named after one that stays. */
#define LIFE_SUFFIX "-life"

/* Can this peer do it, with records of this size? */
bool peer_can(const struct peer *peer, enum measure measure, size_t bytes);

enum order { ORDER_DRAIN, ORDER_ECHO, ORDER_READ_NEWEST, ORDER_END };

/* In memory that both processes share. */
struct session {
        unsigned rounds;
        int64_t turn_ns; /* of each peer, in each round */
        bool alone;      /* one processor only: nothing that takes two of them */
        bool is_missing[PEERS];
        unsigned size;
        struct channel there[PEERS], back[PEERS]; /* from the process that measures, and to it */

        sem_t ordered, ready, done;
        enum order order;
        unsigned peer;
        alignas(128) _Atomic(unsigned) turn_begun; /* of ORDER_READ_NEWEST */
        alignas(128) _Atomic(unsigned) turn_ended;
        alignas(128) double reads_per_ns; /* in that turn */
        double torn;                      /* of these, as a fraction */

        double found[MEASURES][BENCH_SIZES][PEERS][PEERS_ROUNDS_MAX];
};

struct failure;

/* The process that measures, and the one on the other CPU that does what it is ordered. */
bool session_measure(void *session, struct failure *failure);
bool session_obey(void *session, struct failure *failure);

/* All tables. */
void session_print(const struct session *session);

#endif
