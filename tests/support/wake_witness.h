/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* How late is this machine by itself? Beside a test, two processes play ping-pong with a bare futex, a
 * millisecond apart, and on each processor a timer loop sleeps. The library cannot be in time where these
 * are not: what they are late by at worst is allowed to it, some times over. */

#ifndef SEQCAST_TESTS_WAKE_WITNESS_H
#define SEQCAST_TESTS_WAKE_WITNESS_H

#ifndef _GNU_SOURCE
#error "sched_setaffinity() needs _GNU_SOURCE"
#endif

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.h"
#include "wake_latency.h"

#define WITNESS_PROCESSORS_MAX 16
#define WITNESS_GRACE_NS (20 * MS)
#define WITNESS_FACTOR 3 /* publisher and subscriber may each be late, and there are few witnesses */

/* In shared memory. */
struct witness {
        _Atomic(uint32_t) ball; /* even: to be thrown by player 0 */
        _Atomic(int64_t) thrown_ns;
        _Atomic(int64_t) worst_ns;
        struct latency wakes[2]; /* as each player saw them; to be read when they have ended */
        pid_t parent, pids[2 + WITNESS_PROCESSORS_MAX];
        unsigned count;
        int processor; /* of the one to be started */
};

static struct witness *witness;

static inline long futex_call(const void *word, int operation, uint32_t value)
{
        return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static inline void witness_late(int64_t late_ns)
{
        int64_t worst = atomic_load(&witness->worst_ns);

        while (late_ns > worst && !atomic_compare_exchange_weak(&witness->worst_ns, &worst, late_ns))
                ;
}

static inline void witness_sleep_ms(void)
{
        int64_t deadline = monotonic_ns() + MS;

        sleep_until(deadline);
        witness_late(monotonic_ns() - deadline);
}

static inline int witness_play(unsigned player)
{
        while (getppid() == witness->parent) {
                uint32_t ball;
                int64_t now;

                while ((ball = atomic_load(&witness->ball)) % 2 != player)
                        futex_call(&witness->ball, FUTEX_WAIT, ball);
                now = monotonic_ns();
                if (ball != 0) {
                        latency_add(&witness->wakes[player], now - atomic_load(&witness->thrown_ns));
                        witness_late(now - atomic_load(&witness->thrown_ns));
                }
                witness_sleep_ms();
                atomic_store(&witness->thrown_ns, monotonic_ns());
                atomic_store(&witness->ball, ball + 1);
                futex_call(&witness->ball, FUTEX_WAKE, 1);
        }
        return 0;
}

static inline int witness_ping(void)
{
        return witness_play(0);
}

static inline int witness_pong(void)
{
        return witness_play(1);
}

static inline int witness_tick(void)
{
        cpu_set_t one;

        CPU_ZERO(&one);
        CPU_SET((size_t)witness->processor, &one);
        sched_setaffinity(0, sizeof one, &one);
        while (getppid() == witness->parent)
                witness_sleep_ms();
        return 0;
}

static inline void witness_start(void)
{
        cpu_set_t ours;

        if (witness == NULL)
                witness = child_shared(sizeof *witness);
        memset((void *)witness, 0, sizeof *witness);
        witness->parent = getpid();
        witness->pids[witness->count++] = child_start(witness_ping);
        witness->pids[witness->count++] = child_start(witness_pong);
        if (sched_getaffinity(0, sizeof ours, &ours) != 0)
                return;
        for (int i = 0; i < CPU_SETSIZE && witness->count < 2 + WITNESS_PROCESSORS_MAX; i++) {
                pid_t pid;

                if (!CPU_ISSET((size_t)i, &ours))
                        continue;
                witness->processor = i;
                pid = child_start(witness_tick);
                witness->pids[witness->count++] = pid;
        }
}

/** The latest that news may be seen after all, as known by now. */
static inline int64_t witness_allowed_ns(void)
{
        return SLICE + WITNESS_GRACE_NS + WITNESS_FACTOR * atomic_load(&witness->worst_ns);
}

/** @return a bare futex' wake-ups */
static inline struct latency witness_stop(void)
{
        struct latency wakes;

        while (witness->count > 0)
                child_kill(witness->pids[--witness->count]);
        wakes = witness->wakes[0];
        latency_merge(&wakes, &witness->wakes[1]);
        return wakes;
}

/** How long this process could have run so far and had no processor, in ns; 0 where the kernel does not
 *  count. */
static inline int64_t unserved_ns(void)
{
        static int file = -1;
        static pid_t owner;
        unsigned long long ran, unserved;
        char text[64];
        ssize_t bytes;

        if (owner != getpid()) {
                owner = getpid();
                file = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
        }
        bytes = pread(file, text, sizeof text - 1, 0);
        if (bytes <= 0)
                return 0;
        text[bytes] = '\0';
        return sscanf(text, "%llu %llu", &ran, &unserved) == 2 ? (int64_t)unserved : 0;
}

#endif
