/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* How many inputs, and how many of them got past the first refusal: a fuzzer whose inputs are all refused
 * finds nothing and looks well. Under libFuzzer the figures come at the end, and decide. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz/driver/fuzz.h"

#define INPUTS_TO_JUDGE 1000 /* a replay of a corpus is no run */

int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct fuzz_figures figures;

void fuzz_count(bool accepted)
{
        figures.inputs++;
        figures.accepted += accepted;
}

struct fuzz_figures fuzz_figures(void)
{
        return figures;
}

double fuzz_percent(const struct fuzz_figures *judged)
{
        return judged->inputs == 0 ? 0 : 100.0 * (double)judged->accepted / (double)judged->inputs;
}

bool fuzz_share_suffices(const struct fuzz_figures *judged)
{
        return fuzz_percent(judged) > fuzz_target.least_percent;
}

void fuzz_fail(const char *file, int line, const char *promise)
{
        fprintf(stderr, "%s:%d: broken: %s\n", file, line, promise);
        abort();
}

static void report(void)
{
        bool suffices = figures.inputs < INPUTS_TO_JUDGE || fuzz_share_suffices(&figures);

        fprintf(stderr, "%s: %" PRIu64 " inputs, %" PRIu64 " accepted (%.1f %%)%s\n", fuzz_target.name,
                figures.inputs, figures.accepted, fuzz_percent(&figures),
                suffices ? "" : ": too few, this run proves nothing");
        if (!suffices)
                _exit(1);
}

/* libFuzzer calls it first. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        (void)argc, (void)argv;
        atexit(report);
        return 0;
}
