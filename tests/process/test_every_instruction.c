/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A writer that is stopped after every single instruction of its publications. At each of them it could
 * have died: readers must find the last record, or say that there is none, and whoever takes over must
 * neither use a number again nor leave one out. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seqcast/ring_parts.h"

#include "../support/record.h"

#define RECORD_MAX 4096u
#define LOG_ENTRIES 16u

struct scene {
        uint64_t depth;
        size_t record_bytes;
        bool parts;
        size_t ring_bytes;
        void *memory;  /* shared with the writer */
        void *before;  /* what was there one instruction ago */
        void *scratch; /* where another writer takes over */
        struct seqcast_ring ring, other;
        struct seqcast_ring_reader newest, next; /* readers who live through it all */
        uint64_t seen, states;
};

static unsigned char record[RECORD_MAX];

static uint64_t publications(const struct scene *scene)
{
        return 2 * scene->depth + 1;
}

/* ---- the writer ----------------------------------------------------------------------------- */

static void publish_one(const struct scene *scene, const struct seqcast_ring *ring,
                        struct seqcast_ring_changes *changes, uint64_t number)
{
        const size_t bytes = scene->parts ? scene->record_bytes : record_length(number, scene->record_bytes);
        const seqcast_part parts[2] = { { 0, 8, &number }, { scene->record_bytes - 8, 8, &number } };

        if (scene->parts) {
                if (seqcast_ring_publish_parts(ring, changes, number, parts, 2, 0) != 0)
                        _exit(1);
                return;
        }
        record_fill(record, bytes, number);
        seqcast_ring_publish(ring, number, record, bytes, 0);
        seqcast_ring_changed_all(changes, number);
}

static void write_traced(const struct scene *scene)
{
        struct seqcast_ring_change log[LOG_ENTRIES];
        struct seqcast_ring_changes changes = { log, LOG_ENTRIES - 1, 0, 1 };

        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
                _exit(77);
        raise(SIGSTOP);
        for (uint64_t number = 1; number <= publications(scene); number++)
                publish_one(scene, &scene->ring, &changes, number);
        _exit(0);
}

/* ---- what must hold at each instruction ------------------------------------------------------ */

static bool is_whole(const struct scene *scene, const seqcast_sample *sample)
{
        uint64_t first, last;

        if (!scene->parts)
                return sample->bytes == record_length(sample->number, scene->record_bytes) &&
                       record_check(record, sample->bytes, sample->number);
        memcpy(&first, record, 8);
        memcpy(&last, record + scene->record_bytes - 8, 8);
        return first == sample->number && last == sample->number && sample->bytes == scene->record_bytes;
}

static void expect_whole(const struct scene *scene, const seqcast_sample *sample)
{
        if (!is_whole(scene, sample))
                cr_fatal("publication %lu is torn", (unsigned long)sample->number);
}

/* @return the number that a reader without a past is delivered; 0 for none */
static uint64_t check_readers(struct scene *scene)
{
        struct seqcast_ring_reader fresh = { 0 };
        uint64_t before = scene->newest.delivered;
        seqcast_sample sample = { 0 };
        int r = seqcast_ring_read_newest(&scene->ring, &fresh, record, sizeof record, &sample);

        if (r == SEQCAST_OK) {
                expect_whole(scene, &sample);
                cr_assert(ge(u64, sample.number, scene->seen));
                scene->seen = sample.number;
        } else if (scene->depth > 1) {
                cr_assert(zero(u64, scene->seen), "once there was a record, there is always one");
                cr_assert(eq(int, r, SEQCAST_EMPTY));
        }
        r = seqcast_ring_read_newest(&scene->ring, &scene->newest, record, sizeof record, &sample);
        if (r == SEQCAST_OK) {
                expect_whole(scene, &sample);
                cr_assert(ge(u64, sample.number, before));
        }
        before = scene->next.delivered;
        r = seqcast_ring_read_next(&scene->ring, &scene->next, record, sizeof record, &sample);
        if (r == SEQCAST_OK) {
                expect_whole(scene, &sample);
                cr_assert(eq(u64, sample.number, before + 1), "looked at so often, it loses nothing");
                cr_assert(zero(u64, sample.lost));
        } else if (scene->depth > 1) {
                cr_assert(eq(int, r, before == 0 ? SEQCAST_EMPTY : SEQCAST_NONE));
        }
        return fresh.delivered;
}

/* The writer dies here, and another one takes over. */
static void check_takeover(struct scene *scene)
{
        struct seqcast_ring_reader reader = scene->next;
        struct seqcast_ring_change log[LOG_ENTRIES];
        struct seqcast_ring_changes changes = { log, LOG_ENTRIES - 1, 0, 0 };
        seqcast_sample sample = { 0 };
        uint64_t version;
        int r;

        memcpy(scene->scratch, scene->memory, scene->ring_bytes);
        version = seqcast_ring_recover(&scene->other);
        changes.known_from = version + 1;
        cr_assert(ge(u64, version, reader.delivered), "what was delivered is never published again");
        cr_assert(le(u64, version, reader.delivered + 1), "and no number is left out");
        r = seqcast_ring_read_newest(&scene->other, &reader, record, sizeof record, &sample);
        if (scene->depth > 1 && version > 0) {
                cr_assert(eq(int, r, SEQCAST_OK));
                cr_assert(eq(u64, sample.number, version));
                expect_whole(scene, &sample);
        }
        if (scene->parts && scene->depth == 1 && version > 0 && r != SEQCAST_OK)
                return; /* nothing whole is left to update */
        publish_one(scene, &scene->other, &changes, version + 1);
        cr_assert(
                zero(int, seqcast_ring_read_newest(&scene->other, &reader, record, sizeof record, &sample)));
        cr_assert(eq(u64, sample.number, version + 1));
        expect_whole(scene, &sample);
        seqcast_ring_retire(&scene->other);
        cr_assert(eq(int, seqcast_ring_read_next(&scene->other, &reader, record, sizeof record, &sample),
                     SEQCAST_RETIRED));
        cr_assert(
                zero(int, seqcast_ring_read_newest(&scene->other, &reader, record, sizeof record, &sample)));
}

static void check_now(struct scene *scene)
{
        scene->states++;
        check_takeover(scene);
        check_readers(scene);
        check_takeover(scene);
        memcpy(scene->before, scene->memory, scene->ring_bytes);
}

/* ---- the run -------------------------------------------------------------------------------- */

static void *new_memory(size_t bytes)
{
        void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        cr_assert(ne(ptr, memory, MAP_FAILED));
        return memory;
}

static void step_through(uint64_t depth, size_t record_bytes, bool parts)
{
        struct scene scene = { .depth = depth, .record_bytes = record_bytes, .parts = parts };
        int status;
        pid_t writer;

        scene.ring_bytes = seqcast_ring_bytes(depth, record_bytes);
        scene.memory = new_memory(scene.ring_bytes);
        scene.before = new_memory(scene.ring_bytes);
        scene.scratch = new_memory(scene.ring_bytes);
        scene.ring = seqcast_ring_over(scene.memory, depth, record_bytes);
        scene.other = seqcast_ring_over(scene.scratch, depth, record_bytes);
        scene.next.started = true;
        writer = fork();
        if (writer == 0)
                write_traced(&scene);
        waitpid(writer, &status, 0);
        if (WIFEXITED(status))
                cr_skip_test("tracing is not permitted here");
        check_now(&scene);
        for (;;) {
                cr_assert(zero(int, (int)ptrace(PTRACE_SINGLESTEP, writer, NULL, NULL)));
                waitpid(writer, &status, 0);
                if (WIFEXITED(status))
                        break;
                if (memcmp(scene.before, scene.memory, scene.ring_bytes) != 0)
                        check_now(&scene);
        }
        cr_assert(zero(int, status));
        cr_assert(eq(u64, seqcast_ring_version(&scene.ring), publications(&scene)));
        cr_assert(eq(u64, scene.next.delivered, publications(&scene)));
        cr_assert(ge(u64, scene.states, 4 * publications(&scene)), "the stores were not seen one by one");
        munmap(scene.memory, scene.ring_bytes);
        munmap(scene.before, scene.ring_bytes);
        munmap(scene.scratch, scene.ring_bytes);
}

static const uint64_t depths[] = { 1, 2, 4, 8 };

Test(every_instruction, of_publishing_whole_records_may_be_the_last, .timeout = 240)
{
        static const size_t lengths[] = { 1, 7, 8, 64, 100, 1000 };

        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
                for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
                        step_through(depths[d], lengths[l], false);
}

Test(every_instruction, of_publishing_parts_may_be_the_last, .timeout = 240)
{
        static const size_t lengths[] = { 16, 100, 1000 };

        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
                for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
                        step_through(depths[d], lengths[l], true);
}
