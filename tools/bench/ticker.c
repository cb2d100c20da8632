/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include "bench/ticker.h"

#include "common/clock.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define CALIBRATE_NS 20000000

uint64_t ticks(const struct ticker *ticker)
{
#if defined(__x86_64__)
        unsigned processor;

        if (ticker->counter)
                return __builtin_ia32_rdtscp(&processor);
#endif
        (void)ticker;
        return (uint64_t)clock_now();
}

static bool has_even_counter(void)
{
#if defined(__x86_64__)
        unsigned a, b, c, d;

        return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & 1u << 8) != 0 &&
               __get_cpuid(0x80000001, &a, &b, &c, &d) != 0 && (d & 1u << 27) != 0;
#else
        return false;
#endif
}

struct ticker ticker_calibrate(void)
{
        struct ticker ticker = { has_even_counter(), PS_PER_NS };
        int64_t begun = clock_now(), ended;
        uint64_t first = ticks(&ticker);

        do
                ended = clock_now();
        while (ended - begun < CALIBRATE_NS);
        if (ticker.counter)
                ticker.ps = PS_PER_NS * (double)(ended - begun) / (double)(ticks(&ticker) - first);
        return ticker;
}
