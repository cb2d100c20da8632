/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What all drivers of this folder share. Compiled with -DGENMC, main() is one round, of which the model
 * checker looks at every execution; compiled plainly, it is rounds on real threads for MILLISECONDS. */

#ifndef TESTS_MODEL_HARNESS_H
#define TESTS_MODEL_HARNESS_H

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef GENMC
#include <genmc.h>
/* The checker follows copies of whole words only, and the drivers make no others. */
#define memcpy(to, from, bytes)                                                                              \
        (assert((bytes) == 8), (void)(*(uint64_t *)(void *)(to) = *(const uint64_t *)(const void *)(from)))
#define __builtin_ia32_pause() ((void)0)
#else
#include <sched.h>
#include <time.h>
#endif

#include "seqcast/copy.h"

#ifndef MILLISECONDS
#define MILLISECONDS 200
#endif

/* The driver's: its threads, from the first to the last of which all have ended; and, between two rounds,
 * memory as it was. */
static void model_round(void);
#ifndef GENMC
static void model_reset(void);
#endif

#ifndef GENMC
static seqcast_word model_gate;
#endif

/* Real threads start together; the model checker needs no such help. */
static inline void model_start_together(unsigned threads)
{
#ifdef GENMC
        (void)threads;
#else
        atomic_fetch_add_explicit(&model_gate, 1, memory_order_relaxed);
        while (seqcast_word_load_relaxed(&model_gate) < threads)
                sched_yield();
#endif
}

#ifdef GENMC
int main(void)
{
        model_round();
        return 0;
}
#else
static uint64_t model_milliseconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int main(void)
{
        const uint64_t end = model_milliseconds() + MILLISECONDS;

        do {
                model_reset();
                seqcast_word_store_relaxed(&model_gate, 0);
                model_round();
        } while (model_milliseconds() < end);
        return 0;
}
#endif

#endif
