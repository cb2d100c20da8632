/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The same work on Seqcast and on what else carries a value from process to process, side by side:
 * tests/bench/README.md says what is measured, and what a dash means.
 *
 *   peers [--quick]      under a minute; about 3 s
 *
 * On other processors than the first two: taskset -c 2,4 peers */

#include <errno.h>
#include <mqueue.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/machine.h"
#include "bench/side.h"
#include "common/stop.h"
#include "session.h"

const struct peer *const peers[PEERS] = { &peer_bare,   &peer_unprotected, &peer_seqcast, &peer_ring,
                                          &peer_ck,     &peer_rwlock,      &peer_mutex,   &peer_pipe,
                                          &peer_socket, &peer_mq };

static void remove_name(const struct channel *channel)
{
        const struct channel life = channel_named(channel->name, LIFE_SUFFIX, 0);

        shm_unlink(channel->name);
        mq_unlink(channel->name);
        shm_unlink(life.name);
        mq_unlink(life.name);
}

/* In the process that makes the channels, and in no other. */
static struct session *made;
static pid_t maker;

static void remove_made(void)
{
        for (unsigned i = 0; i < PEERS; i++) {
                if (made->there[i].name[0] != '\0')
                        remove_name(&made->there[i]);
                if (made->back[i].name[0] != '\0')
                        remove_name(&made->back[i]);
        }
}

_Noreturn void give_up(const char *who, const char *what, const char *why)
{
        fprintf(stderr, "peers: %s: %s: %s\n", who, what, why);
        if (made != NULL && getpid() == maker)
                remove_made();
        _exit(1);
}

_Noreturn void give_up_errno(const char *who, const char *what)
{
        give_up(who, what, strerror(errno));
}

static void make_channel(struct channel *channel, unsigned peer, const char *way, size_t bytes)
{
        char name[32];

        snprintf(name, sizeof name, "/peers-%ld-%u", (long)getpid(), peer);
        *channel = channel_named(name, way, bytes);
        if (peers[peer]->create)
                peers[peer]->create(channel);
}

static void unmake_channel(struct channel *channel, unsigned peer)
{
        if (peers[peer]->create)
                peers[peer]->close(channel, true);
        remove_name(channel);
}

static bool measure_size(struct session *session, const int cpus[2], struct failure *failure)
{
        static side_function *const sides[2] = { session_measure, session_obey };
        const size_t bytes = bench_sizes[session->size];
        bool done;

        made = session;
        maker = getpid();
        for (unsigned i = 0; i < PEERS; i++)
                if (!session->is_missing[i] && peer_can(peers[i], LATENCY_P50, bytes)) {
                        make_channel(&session->there[i], i, "-there", bytes);
                        make_channel(&session->back[i], i, "-back", bytes);
                }
        done = side_pair(cpus, sides, session, failure);
        for (unsigned i = 0; i < PEERS; i++)
                if (!session->is_missing[i] && peer_can(peers[i], LATENCY_P50, bytes)) {
                        unmake_channel(&session->there[i], i);
                        unmake_channel(&session->back[i], i);
                }
        return done;
}

static void print_circumstances(struct session *session, const int cpus[2])
{
        struct machine machine;

        machine_describe(&machine);
        printf("%s, %s, %s\n", machine.cpu, machine.kernel, machine.compiler);
        if (session->alone)
                printf("One processor only, CPU %d: what takes two is left out", cpus[0]);
        else
                printf("Two processes, on CPUs %d and %d", cpus[0], cpus[1]);
        printf("; rounds: %u, of %ld ms for each; medians.\n", session->rounds,
               (long)(session->turn_ns / 1000000));
        for (unsigned i = 0; i < PEERS; i++) {
                const char *why = peers[i]->missing ? peers[i]->missing() : NULL;

                session->is_missing[i] = why != NULL;
                if (why)
                        printf("%s: %s\n", peers[i]->name, why);
        }
        fflush(stdout);
}

static bool measure_all(struct session *session, bool quick, struct failure *failure)
{
        int cpus[2];

        session->rounds = quick ? 1 : 7;
        session->turn_ns = quick ? 2000000 : 20000000;
        machine_choose_cpus(cpus);
        session->alone = cpus[1] < 0;
        if (session->alone)
                cpus[1] = cpus[0];
        sem_init(&session->ordered, 1, 0);
        sem_init(&session->ready, 1, 0);
        sem_init(&session->done, 1, 0);
        print_circumstances(session, cpus);
        for (session->size = 0; session->size < BENCH_SIZES; session->size++)
                if (!measure_size(session, cpus, failure))
                        return false;
        session_print(session);
        return true;
}

int main(int argc, char **argv)
{
        const bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
        struct failure failure = { 0 };
        struct session *session;
        bool done;

        if (argc > 1 && !quick) {
                fprintf(stderr, "usage: peers [--quick]\n");
                return 2;
        }
        stop_prepare();
        session = side_memory(sizeof *session, &failure);
        done = session && measure_all(session, quick, &failure);
        side_memory_free(session, sizeof *session);
        stop_reraise();
        if (done)
                return 0;
        fprintf(stderr, "peers: %s\n", failure.message);
        return 1;
}
