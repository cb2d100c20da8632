/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The main() of a fuzz target where libFuzzer's is not linked: uses the corpus, then inputs that are made
 * of it by the target's own mutator. Knows nothing of coverage, but needs no clang, and the same seed makes
 * the same inputs everywhere.
 *
 *   header [--seed S] [--first I] [--inputs N] [FILE...]     files: these alone, instead of the corpus
 *
 * Input I depends on S, I and the corpus alone: a finding says how to get it again, and is left in
 * header.finding beside the program. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/driver/fuzz.h"
#include "support/record.h"
#include "support/wake_tap.h"

#define SEED_DEFAULT 1
#define CORPUS_FILES_MAX 1000
#define FILE_BYTES_MAX ((size_t)64 << 10)
#define INPUTS_TO_JUDGE 1000
#define HANG_SECONDS 60 /* for INPUTS_A_WATCH inputs, which take milliseconds */
#define INPUTS_A_WATCH 1024

/* Of the sanitizers' runtime, where one is linked. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

struct bytes {
        unsigned char *data;
        size_t size;
};

static struct bytes corpus[CORPUS_FILES_MAX];
static size_t corpus_count;
static uint64_t mutate_state;

/* ---- a finding ------------------------------------------------------------------------------ */

static struct {
        const char *program;
        const char *corpus_file; /* or: */
        uint64_t seed, number;
        struct bytes input;
} now;

static void leave_finding(void)
{
        char path[4096];
        FILE *file;

        if (fuzz_target.clean_up != NULL)
                fuzz_target.clean_up();
        if (now.corpus_file != NULL)
                fprintf(stderr, "finding: %s %s\n", now.program, now.corpus_file);
        else
                fprintf(stderr, "finding: %s --seed %" PRIu64 " --first %" PRIu64 " --inputs 1\n",
                        now.program, now.seed, now.number);
        snprintf(path, sizeof path, "%s.finding", now.program);
        file = fopen(path, "wb");
        if (file != NULL) {
                fwrite(now.input.data, 1, now.input.size, file);
                fclose(file);
        }
}

static void die_of_signal(int number)
{
        signal(number, SIG_DFL);
        if (number == SIGALRM)
                fprintf(stderr, "no end within %d s\n", HANG_SECONDS);
        leave_finding();
        raise(number);
}

/* Nothing that is used with an input may end the program, not even in order. */
static void look_for_input(void)
{
        if (now.input.data == NULL)
                return;
        fprintf(stderr, "the program was ended\n");
        leave_finding();
}

static void prepare_for_findings(const char *program)
{
        now.program = program;
        atexit(look_for_input);
        signal(SIGABRT, die_of_signal);
        signal(SIGALRM, die_of_signal);
        if (__sanitizer_set_death_callback != NULL) {
                __sanitizer_set_death_callback(leave_finding);
        } else {
                signal(SIGSEGV, die_of_signal);
                signal(SIGBUS, die_of_signal);
        }
}

/* ---- inputs --------------------------------------------------------------------------------- */

static void use(const void *data, size_t size)
{
        /* A block of its own: one byte too far is one that the sanitizer knows of. */
        unsigned char *copy = malloc(size > 0 ? size : 1);

        if (copy == NULL)
                abort();
        memcpy(copy, data, size);
        now.input = (struct bytes){ copy, size };
        LLVMFuzzerTestOneInput(copy, size);
        now.input = (struct bytes){ NULL, 0 };
        free(copy);
}

static bool read_file(const char *path, struct bytes *ret_bytes)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        unsigned char *data = malloc(FILE_BYTES_MAX);
        ssize_t got = fd < 0 || data == NULL ? -1 : read(fd, data, FILE_BYTES_MAX);

        if (fd >= 0)
                close(fd);
        if (got < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                free(data);
                return false;
        }
        *ret_bytes = (struct bytes){ data, (size_t)got };
        return true;
}

static bool use_file(const char *path)
{
        struct bytes bytes;

        if (!read_file(path, &bytes))
                return false;
        now.corpus_file = path;
        use(bytes.data, bytes.size);
        now.corpus_file = NULL;
        if (corpus_count < CORPUS_FILES_MAX && bytes.size <= fuzz_target.longest)
                corpus[corpus_count++] = bytes;
        else
                free(bytes.data);
        return true;
}

static bool use_corpus(void)
{
        struct dirent **entries;
        char folder[256];
        bool good = true;
        int count;

        snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", fuzz_target.name);
        count = scandir(folder, &entries, NULL, alphasort);
        if (count < 0) {
                fprintf(stderr, "%s: %s\n", folder, strerror(errno));
                return false;
        }
        for (int i = 0; i < count; i++) {
                char path[768];

                snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
                if (entries[i]->d_name[0] != '.')
                        good = use_file(path) && good;
                free(entries[i]);
        }
        free(entries);
        return good;
}

/* splitmix64's last steps: neighbours have nothing in common. */
static uint64_t seed_of(uint64_t seed, uint64_t number)
{
        uint64_t mixed = seed * UINT64_C(0x9e3779b97f4a7c15) + number;

        mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
        mixed ^= mixed >> 31;
        return mixed != 0 ? mixed : 1;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
        size_t at = (size_t)random_below(&mutate_state, size + 1), bytes;

        switch (random_below(&mutate_state, 5)) {
        case 0: /* a bit */
                if (at < size)
                        data[at] ^= (uint8_t)(1u << random_below(&mutate_state, 8));
                return size;
        case 1: /* a byte */
                if (at < size)
                        data[at] = (uint8_t)random_next(&mutate_state);
                return size;
        case 2: /* a byte more */
                if (size == max_size)
                        return size;
                memmove(data + at + 1, data + at, size - at);
                data[at] = (uint8_t)random_next(&mutate_state);
                return size + 1;
        case 3: /* some bytes fewer */
                bytes = (size_t)random_below(&mutate_state, 8);
                bytes = bytes < size - at ? bytes : size - at;
                memmove(data + at, data + at + bytes, size - at - bytes);
                return size - bytes;
        default: /* some bytes twice */
                bytes = (size_t)random_below(&mutate_state, 32);
                bytes = bytes < size - at ? bytes : size - at;
                bytes = bytes < max_size - size ? bytes : max_size - size;
                memmove(data + at + bytes, data + at, size - at);
                return size + bytes;
        }
}

static size_t make_input(unsigned char *data)
{
        uint64_t state = mutate_state;
        size_t size = 0;

        if (corpus_count > 0 && random_below(&state, 2) == 0) {
                const struct bytes *base = &corpus[random_below(&state, corpus_count)];

                memcpy(data, base->data, base->size);
                size = base->size;
        }
        for (uint64_t i = random_below(&state, 3) + 1; i > 0; i--)
                size = LLVMFuzzerCustomMutator(data, size, fuzz_target.longest,
                                               (unsigned)random_next(&state));
        return size;
}

static size_t make_input_without_structure(unsigned char *data)
{
        size_t size = (size_t)random_below(&mutate_state, fuzz_target.longest + 1);

        for (size_t i = 0; i < size; i++)
                data[i] = (uint8_t)random_next(&mutate_state);
        return size;
}

/* @return what these inputs added to the figures */
static struct fuzz_figures run(size_t (*make)(unsigned char *), uint64_t seed, uint64_t first,
                               uint64_t inputs)
{
        struct fuzz_figures before = fuzz_figures(), after;
        unsigned char *data = malloc(fuzz_target.longest + 1);

        if (data == NULL)
                abort();
        now.seed = seed;
        for (uint64_t i = 0; i < inputs; i++) {
                if (i % INPUTS_A_WATCH == 0)
                        alarm(HANG_SECONDS);
                now.number = first + i;
                mutate_state = seed_of(seed, first + i);
                use(data, make(data));
        }
        alarm(0);
        free(data);
        after = fuzz_figures();
        return (struct fuzz_figures){ after.inputs - before.inputs, after.accepted - before.accepted };
}

/* ---- the program ---------------------------------------------------------------------------- */

static uint64_t number_of(const char *text)
{
        char *end;
        uint64_t number = text == NULL ? 0 : strtoull(text, &end, 10);

        if (text == NULL || *text == '\0' || *end != '\0') {
                fprintf(stderr, "a number is missing\n");
                exit(2);
        }
        return number;
}

int main(int argc, char **argv)
{
        uint64_t seed = SEED_DEFAULT, first = 0, inputs = fuzz_target.inputs;
        struct fuzz_figures made, blind;
        bool good = true;
        int i = 1;

        for (; i < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
                uint64_t *to = strcmp(argv[i], "--seed") == 0     ? &seed
                               : strcmp(argv[i], "--first") == 0  ? &first
                               : strcmp(argv[i], "--inputs") == 0 ? &inputs
                                                                  : NULL;

                if (to == NULL) {
                        fprintf(stderr, "%s is no option\n", argv[i]);
                        return 2;
                }
                *to = number_of(argv[i + 1]);
        }
        prepare_for_findings(argv[0]);
        if (i < argc) {
                for (; i < argc; i++)
                        good = use_file(argv[i]) && good;
                return good ? 0 : 1;
        }
        good = use_corpus() && corpus_count > 0;
        tap_ok(good, "%s: %zu files of the corpus", fuzz_target.name, corpus_count);
        made = run(make_input, seed, first, inputs);
        tap_ok(true, "%s: %" PRIu64 " inputs made with seed %" PRIu64, fuzz_target.name, made.inputs, seed);
        if (made.inputs < INPUTS_TO_JUDGE)
                return tap_finish();
        tap_ok(fuzz_share_suffices(&made), "%s: %" PRIu64 " of them accepted, %.1f %%", fuzz_target.name,
               made.accepted, fuzz_percent(&made));
        blind = run(make_input_without_structure, seed, 0, inputs / 20);
        tap_note("without structure: %" PRIu64 " inputs, %" PRIu64 " accepted, %.1f %%", blind.inputs,
                 blind.accepted, fuzz_percent(&blind));
        for (size_t file = 0; file < corpus_count; file++)
                free(corpus[file].data);
        return tap_finish();
}
