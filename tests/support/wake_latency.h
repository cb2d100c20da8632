/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* How long things took: a histogram with 16 steps an octave that two processes may each have
 * one of in shared memory. */

#ifndef SEQCAST_TESTS_WAKE_LATENCY_H
#define SEQCAST_TESTS_WAKE_LATENCY_H

#include <stdint.h>
#include <time.h>

#include "waiting.h"

#define LATENCY_STEPS 16u
#define LATENCY_OCTAVES 60u

struct latency {
        uint64_t count;
        int64_t longest_ns;
        uint32_t buckets[LATENCY_OCTAVES * LATENCY_STEPS];
};

static inline void sleep_until(int64_t deadline_ns)
{
        const struct timespec deadline = { .tv_sec = (time_t)(deadline_ns / SECOND),
                                           .tv_nsec = (long)(deadline_ns % SECOND) };

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
}

static inline unsigned latency_bucket(uint64_t ns)
{
        unsigned octave = 0;

        while (ns >> octave >= 2 * LATENCY_STEPS)
                octave++;
        return octave * LATENCY_STEPS + (unsigned)(ns >> octave); /* from octave 1 on, the first step is 16 */
}

static inline void latency_add(struct latency *latency, int64_t ns)
{
        ns = ns < 0 ? 0 : ns;
        latency->count++;
        latency->buckets[latency_bucket((uint64_t)ns)]++;
        latency->longest_ns = ns > latency->longest_ns ? ns : latency->longest_ns;
}

static inline void latency_merge(struct latency *sum, const struct latency *more)
{
        sum->count += more->count;
        for (unsigned i = 0; i < LATENCY_OCTAVES * LATENCY_STEPS; i++)
                sum->buckets[i] += more->buckets[i];
        if (more->longest_ns > sum->longest_ns)
                sum->longest_ns = more->longest_ns;
}

/** What `share` of them did not exceed, within 6 %, in us; 0 if there are none. */
static inline double latency_us(const struct latency *latency, double share)
{
        uint64_t seen = 0, wanted = (uint64_t)(share * (double)latency->count);

        for (unsigned i = 0; i < LATENCY_OCTAVES * LATENCY_STEPS; i++) {
                unsigned octave = i < 2 * LATENCY_STEPS ? 0 : i / LATENCY_STEPS - 1;

                seen += latency->buckets[i];
                if (latency->buckets[i] != 0 && seen >= wanted)
                        return 1e-3 * (double)((uint64_t)(i - octave * LATENCY_STEPS) << octave);
        }
        return 0;
}

static inline double in_ms(int64_t ns)
{
        return 1e-6 * (double)ns;
}

#endif
