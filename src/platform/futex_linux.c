/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* futex(2) and futex_waitv(2). The kernel lets a process sleep on, and wake, words that it may only
 * read (kernel/futex/core.c, get_futex_key() with FUTEX_READ). Words of one object are one futex in all
 * processes only without FUTEX_PRIVATE_FLAG: with it on one side, wake-ups are lost without a sound. */

#define _GNU_SOURCE
#include "platform/futex.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "platform/clock.h"

#define NS_PER_S INT64_C(1000000000)
#define BLIND_NAP_NS INT64_C(1000000) /* between looks at what cannot be slept on */

/* Headers older than 5.16 lack these; the numbers are the same on all architectures. */
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#define WAITV_32 2u
#define WAITV_PRIVATE 128u

struct waitv {
        uint64_t expected;
        uint64_t address;
        uint32_t flags;
        uint32_t reserved;
};

struct time64 {
        int64_t seconds;
        int64_t nanoseconds;
};

static struct time64 time_of(int64_t deadline_ns)
{
        return (struct time64){ deadline_ns / NS_PER_S, deadline_ns % NS_PER_S };
}

bool seqcast__futex_can_wake(void)
{
        return true;
}

/* @return 0, or why it did not sleep; what ends a sleep as it should is no error */
static int result(long r)
{
        if (r >= 0 || errno == EAGAIN || errno == ETIMEDOUT || errno == EINTR)
                return 0;
        return -errno;
}

static int wait_one(const struct seqcast__futex *futex, int64_t deadline_ns)
{
        const int operation = FUTEX_WAIT_BITSET | (futex->shared ? 0 : FUTEX_PRIVATE_FLAG);
        const struct time64 deadline = time_of(deadline_ns);
        const struct timespec native = { (time_t)deadline.seconds, (long)deadline.nanoseconds };

#if defined(SYS_futex_time64) && ULONG_MAX == UINT32_MAX
        /* 32-bit processes: the C library's timespec may be wider than what the older call takes. */
        int r = result(syscall(SYS_futex_time64, futex->word, operation, futex->expected, &deadline, NULL,
                               FUTEX_BITSET_MATCH_ANY));

        if (r != -ENOSYS || sizeof native.tv_sec != sizeof(long))
                return r;
#endif
        return result(syscall(SYS_futex, futex->word, operation, futex->expected, &native, NULL,
                              FUTEX_BITSET_MATCH_ANY));
}

static int wait_several(const struct seqcast__futex *futexes, size_t count, int64_t deadline_ns)
{
        const struct time64 deadline = time_of(deadline_ns);
        struct waitv list[SEQCAST__FUTEX_COUNT_MAX];

        for (size_t i = 0; i < count; i++)
                list[i] = (struct waitv){ .expected = futexes[i].expected,
                                          .address = (uintptr_t)futexes[i].word,
                                          .flags = WAITV_32 | (futexes[i].shared ? 0 : WAITV_PRIVATE) };
        return result(syscall(SYS_futex_waitv, list, (unsigned)count, 0u, &deadline, CLOCK_MONOTONIC));
}

static int64_t blind_deadline(int64_t deadline_ns)
{
        int64_t nap_end = seqcast__clock_mono_ns() + BLIND_NAP_NS;

        return nap_end < deadline_ns ? nap_end : deadline_ns;
}

void seqcast__futex_wait(const struct seqcast__futex *futexes, size_t count, int64_t deadline_ns)
{
        if (count > 1) {
                if (wait_several(futexes, count, deadline_ns) == 0)
                        return;
                for (size_t i = 1; i < count; i++)
                        if (futexes[i].shared)
                                deadline_ns = blind_deadline(deadline_ns);
        }
        if (count == 0 || wait_one(&futexes[0], deadline_ns) < 0)
                seqcast__clock_sleep_until(blind_deadline(deadline_ns));
}

int seqcast__futex_wake(const void *word, bool shared)
{
        long r = syscall(SYS_futex, word, FUTEX_WAKE | (shared ? 0 : FUTEX_PRIVATE_FLAG), INT_MAX, NULL, NULL,
                         0);

        return r > 0 ? (int)r : 0;
}
