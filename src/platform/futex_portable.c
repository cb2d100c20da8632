/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Where the system has nothing that sleeps on a word: look again and again, less and less often. */

#include "platform/futex.h"

#include <stdatomic.h>

#include "platform/clock.h"

#define NAP_NS_MIN INT64_C(20000)
#define NAP_NS_MAX INT64_C(1000000)

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && sizeof(unsigned) == 4,
               "words of other processes must not need locks");

bool seqcast__futex_can_wake(void)
{
        return false;
}

static bool any_changed(const struct seqcast__futex *futexes, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (atomic_load_explicit((const _Atomic(uint32_t) *)futexes[i].word, memory_order_relaxed) !=
                    futexes[i].expected)
                        return true;
        return false;
}

void seqcast__futex_wait(const struct seqcast__futex *futexes, size_t count, int64_t deadline_ns)
{
        int64_t nap_ns = NAP_NS_MIN, now;

        while (!any_changed(futexes, count) && (now = seqcast__clock_mono_ns()) < deadline_ns) {
                seqcast__clock_sleep_until(nap_ns < deadline_ns - now ? now + nap_ns : deadline_ns);
                nap_ns = 2 * nap_ns < NAP_NS_MAX ? 2 * nap_ns : NAP_NS_MAX;
        }
}

int seqcast__futex_wake(const void *word, bool shared)
{
        (void)word;
        (void)shared;
        return 0;
}
