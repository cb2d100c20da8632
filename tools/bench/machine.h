/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Where the figures come from: the machine, and which CPUs of it may be used. */

#ifndef SEQCAST_TOOLS_BENCH_MACHINE_H
#define SEQCAST_TOOLS_BENCH_MACHINE_H

#include <stdbool.h>

struct machine {
        char cpu[128];    /* model */
        int cpus;         /* that this process may use */
        char kernel[160]; /* name, release, architecture */
        char compiler[128];
        char date[32]; /* UTC */
};

void machine_describe(struct machine *machine);

bool machine_has_cpu(int cpu);

/** Two CPUs of different cores, if there are such; otherwise two; otherwise the second one is -1. */
void machine_choose_cpus(int ret_cpus[2]);

#endif
