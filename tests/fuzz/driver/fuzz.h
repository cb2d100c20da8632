/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What a fuzz target is: the two functions that libFuzzer knows, and a few words about itself. Whoever
 * feeds it, libFuzzer (`make fuzz`) or replay.c (`make check SUITES=fuzz`), links the same file. */

#ifndef SEQCAST_TESTS_FUZZ_H
#define SEQCAST_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fuzz_target {
        const char *name;       /* its corpus is tests/fuzz/corpus/<name> */
        uint64_t inputs;        /* that replay.c makes if it is not told how many */
        size_t longest;         /* input, bytes */
        unsigned least_percent; /* of the inputs must be accepted, or the run proves nothing */
        void (*clean_up)(void); /* before a death by a finding; may be NULL */
};

extern const struct fuzz_target fuzz_target;

/** Use one input. @return 0 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Make another input of one, or a first one of none (`size` 0). @return its size */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/** libFuzzer's, or replay.c's: a mutation that knows nothing of what the bytes mean. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/** One input was used. */
void fuzz_count(bool accepted);

/** So far. */
struct fuzz_figures {
        uint64_t inputs, accepted;
};
struct fuzz_figures fuzz_figures(void);

/** How many of them are accepted, and are these enough? */
double fuzz_percent(const struct fuzz_figures *figures);
bool fuzz_share_suffices(const struct fuzz_figures *figures);

/** End with a finding. */
_Noreturn void fuzz_fail(const char *file, int line, const char *promise);

#define FUZZ_CHECK(promise) ((promise) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #promise))

#endif
