/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Any words in the control words and slots of a sound segment, changed between the calls of one reader:
 * each call ends, stays inside the mapping, stores nothing, and never hands out more bytes than there is
 * room for. What it delivers is what the slot holds, under the number that its sequence word says.
 *
 * The input is a play: 4 bytes of geometry, then commands of 11 bytes each. */

#define _GNU_SOURCE
#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <string.h>
#include <sys/mman.h>

#include "fuzz/driver/fuzz.h"
#include "handle/subscriber.h"
#include "support/guard.h"
#include "support/record.h"

#define HEAD_BYTES 4u
#define COMMAND_BYTES 11u
#define COMMANDS_MAX 64u
#define DEPTH_LOG_MAX 5u
#define RECORD_BYTES_MAX 600u
#define CAPACITY_BEYOND 64u
#define CONTROL_BYTES (SEQCAST__CONTROL_WORDS * SEQCAST_WORD_BYTES)
#define MAPPED_BYTES ((size_t)32 << 10) /* 32 slots of 640 bytes, and the control words */
#define UNTOUCHED 0xa5

const struct fuzz_target fuzz_target = {
        .name = "slots",
        .inputs = 500000,
        .longest = HEAD_BYTES + COMMANDS_MAX * COMMAND_BYTES,
        .least_percent = 5,
};

enum command { SET_WORD, NEWEST, NEXT, NEWEST_PARTS, NEXT_PARTS, LOOK, END_LOOK, NEWS, SKIP, COMMANDS };

struct step {
        uint8_t command;
        uint16_t index; /* SET_WORD: of the word */
        uint64_t value; /* SET_WORD: what to store; parts: where; whole: the room for it */
};

static struct step step_at(const uint8_t *data, size_t number)
{
        const uint8_t *at = data + HEAD_BYTES + number * COMMAND_BYTES;
        struct step step = { .command = at[0] % COMMANDS };

        memcpy(&step.index, at + 1, sizeof step.index);
        memcpy(&step.value, at + 3, sizeof step.value);
        return step;
}

static size_t steps_in(size_t size)
{
        return size < HEAD_BYTES ? 0 : (size - HEAD_BYTES) / COMMAND_BYTES;
}

/* ---- the segment: one file, mapped twice ---------------------------------------------------- */

struct scene {
        unsigned char *stored; /* where the play stores, and */
        unsigned char *read;   /* where the reader reads: the same memory */
        struct seqcast_ring ring;
        size_t bytes;
        seqcast_subscriber subscriber;
        unsigned delivered;
};

static unsigned char *writable, *readable;
static struct guard room;

static void map_once(void)
{
        struct guard around;
        int fd;

        if (readable != NULL)
                return;
        around = guard_new(MAPPED_BYTES);
        room = guard_new(RECORD_BYTES_MAX + CAPACITY_BEYOND);
        fd = memfd_create("slots", MFD_CLOEXEC);
        if (fd < 0 || ftruncate(fd, MAPPED_BYTES) < 0)
                abort();
        writable = mmap(NULL, MAPPED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        readable = mmap(around.base, MAPPED_BYTES, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
        if (writable == MAP_FAILED || readable == MAP_FAILED)
                abort();
        close(fd);
}

/* The segment ends where the mapping does. */
static struct seqcast_ring ring_of(const uint8_t *head)
{
        struct seqcast_ring ring = { .times = head[3] % 2 == 1 };
        uint16_t longest;

        memcpy(&longest, head + 1, sizeof longest);
        ring.record_bytes = 1 + longest % RECORD_BYTES_MAX;
        ring.payload_offset = ring.times ? SEQCAST_SLOT_HEAD_TIME_BYTES : SEQCAST_SLOT_HEAD_BYTES;
        ring.stride = (ring.payload_offset + ring.record_bytes + 63) / 64 * 64;
        ring.depth_mask = (UINT64_C(1) << head[0] % (DEPTH_LOG_MAX + 1)) - 1;
        return ring;
}

static struct scene set_scene(const uint8_t *head)
{
        struct scene scene = { .ring = ring_of(head), .subscriber = { .own = { .fd = -1 } } };
        size_t before;

        map_once();
        scene.bytes = CONTROL_BYTES + (size_t)((scene.ring.depth_mask + 1) * scene.ring.stride);
        before = MAPPED_BYTES - scene.bytes;
        scene.stored = writable + before;
        scene.read = readable + before;
        scene.ring.version = (seqcast_word *)(void *)scene.read;
        scene.ring.slots = scene.read + CONTROL_BYTES;
        scene.subscriber.ring = scene.ring;
        scene.subscriber.base = scene.read;
        scene.subscriber.way = SEQCAST__DIRECT;
        ASAN_UNPOISON_MEMORY_REGION(readable, MAPPED_BYTES);
        ASAN_POISON_MEMORY_REGION(readable, before);
        return scene;
}

static unsigned char *word_of(const struct scene *scene, uint16_t index)
{
        return scene->stored + index % (scene->bytes / SEQCAST_WORD_BYTES) * SEQCAST_WORD_BYTES;
}

/* ---- what must hold of a read --------------------------------------------------------------- */

struct slot_words {
        uint64_t seq, length, time;
};

static const unsigned char *slot_at(const struct scene *scene, uint64_t index)
{
        return scene->stored + CONTROL_BYTES + index * scene->ring.stride;
}

static bool delivers(const struct scene *scene, uint64_t index, const seqcast_sample *sample,
                     const seqcast_read_part *parts, size_t count)
{
        const unsigned char *payload = slot_at(scene, index) + scene->ring.payload_offset;
        struct slot_words slot;

        memcpy(&slot, slot_at(scene, index), sizeof slot);
        if (slot.seq != 2 * sample->number ||
            sample->time_ns != (scene->ring.times ? (int64_t)slot.time : 0) ||
            sample->bytes !=
                    (slot.length < scene->ring.record_bytes ? slot.length : scene->ring.record_bytes))
                return false;
        for (size_t i = 0; i < count; i++)
                if (parts[i].offset > sample->bytes || parts[i].bytes > sample->bytes - parts[i].offset ||
                    memcmp(parts[i].to, payload + parts[i].offset, parts[i].bytes) != 0)
                        return false;
        return true;
}

/* It came out of one slot. Which one the number belongs in is for publishers to keep to. */
static void check_delivery(const struct scene *scene, const seqcast_sample *sample,
                           const seqcast_read_part *parts, size_t count)
{
        bool found = false;

        for (uint64_t i = 0; i <= scene->ring.depth_mask && !found; i++)
                found = delivers(scene, i, sample, parts, count);
        FUZZ_CHECK(found);
        FUZZ_CHECK(sample->reserved == 0 && sample->retired <= 1);
}

static const seqcast_sample no_sample = { .number = 77, .lost = 78, .bytes = 79, .time_ns = 80 };

/* Of a call that delivers. `before`: the reader's position. */
static void check_result(struct scene *scene, int r, const struct seqcast_ring_reader *before,
                         const seqcast_sample *sample)
{
        const struct seqcast_ring_reader *after = &scene->subscriber.reader;

        FUZZ_CHECK(r == 0 || r == SEQCAST_NONE || r == SEQCAST_EMPTY || r == SEQCAST_BUSY ||
                   r == SEQCAST_RETIRED || r == -EMSGSIZE || r == -ERANGE);
        if (r != 0) {
                FUZZ_CHECK(memcmp(sample, &no_sample, sizeof *sample) == 0);
                FUZZ_CHECK(after->delivered == before->delivered && after->started == before->started);
                return;
        }
        scene->delivered++;
        FUZZ_CHECK(after->started && after->delivered == sample->number);
        FUZZ_CHECK(sample->number >= before->delivered);
        FUZZ_CHECK(!before->started || sample->number <= before->delivered ||
                   sample->lost == sample->number - before->delivered - 1);
}

static void read_whole(struct scene *scene, bool next, uint64_t value)
{
        const struct seqcast_ring_reader before = scene->subscriber.reader;
        size_t capacity = (size_t)(value % (scene->ring.record_bytes + CAPACITY_BEYOND));
        unsigned char *record = guard_at_end(&room, capacity);
        seqcast_sample sample = no_sample;
        int r;

        memset(record, UNTOUCHED, capacity);
        r = (next ? seqcast_read_next : seqcast_read_newest)(&scene->subscriber, record, capacity, &sample);
        FUZZ_CHECK(r != -ERANGE);
        check_result(scene, r, &before, &sample);
        if (r != 0)
                return;
        FUZZ_CHECK(sample.bytes <= capacity);
        check_delivery(scene, &sample, &(seqcast_read_part){ .bytes = (size_t)sample.bytes, .to = record },
                       1);
        for (size_t i = (size_t)sample.bytes; i < capacity; i++)
                FUZZ_CHECK(record[i] == UNTOUCHED);
}

static void read_parts(struct scene *scene, bool next, uint64_t value)
{
        const struct seqcast_ring_reader before = scene->subscriber.reader;
        unsigned char small[2], *large = guard_at_end(&room, value % 500);
        /* From the start, or from where offsets wrap round. */
        const uint64_t offset = value >> 63 == 0 ? value >> 32 : 0 - (value >> 60 & 7);
        const seqcast_read_part parts[] = { { offset, sizeof small, small },
                                            { value >> 16 & 1023, (size_t)(value % 500), large } };
        seqcast_sample sample = no_sample;
        int r = (next ? seqcast_read_next_parts : seqcast_read_newest_parts)(&scene->subscriber, parts, 2,
                                                                             &sample);

        FUZZ_CHECK(r != -EMSGSIZE);
        check_result(scene, r, &before, &sample);
        if (r == 0)
                check_delivery(scene, &sample, parts, 2);
}

static void look(struct scene *scene)
{
        const void *record = NULL;
        const unsigned char *from;
        seqcast_sample sample = no_sample;
        int r = seqcast_read_begin(&scene->subscriber, &record, &sample);

        FUZZ_CHECK(r == 0 || r == SEQCAST_EMPTY || r == SEQCAST_RETIRED || r == SEQCAST_BUSY);
        FUZZ_CHECK((r == 0) == (record != NULL));
        if (r != 0)
                return;
        from = record;
        FUZZ_CHECK(from >= scene->ring.slots && sample.bytes <= scene->ring.record_bytes);
        FUZZ_CHECK(from + sample.bytes <= scene->read + scene->bytes);
        check_delivery(scene, &sample,
                       &(seqcast_read_part){ .bytes = (size_t)sample.bytes,
                                             .to = scene->read + (from - scene->read) },
                       1);
}

static void end_look(struct scene *scene)
{
        const struct seqcast_ring_reader before = scene->subscriber.reader;
        int r = seqcast_read_end(&scene->subscriber);

        FUZZ_CHECK(r == 0 || r == SEQCAST_OVERWRITTEN || r == -EINVAL);
        FUZZ_CHECK(scene->subscriber.reader.delivered >= before.delivered);
        FUZZ_CHECK(r == 0 || scene->subscriber.reader.delivered == before.delivered);
        scene->delivered += r == 0;
}

/* Where there is no news, the next read delivers nothing. */
static void ask_for_news(const struct scene *scene)
{
        enum seqcast_state news = seqcast_ring_news(&scene->ring, &scene->subscriber.reader);
        struct scene later = *scene;
        unsigned char record[RECORD_BYTES_MAX];

        FUZZ_CHECK(news == SEQCAST_OK || news == SEQCAST_NONE || news == SEQCAST_RETIRED);
        if (news == SEQCAST_NONE)
                FUZZ_CHECK(seqcast_read_next(&later.subscriber, record, sizeof record, NULL) != 0);
}

static void skip(struct scene *scene)
{
        uint64_t before = scene->subscriber.reader.delivered;

        seqcast_subscriber_skip(&scene->subscriber);
        FUZZ_CHECK(scene->subscriber.reader.delivered >= before);
}

static void perform(struct scene *scene, const struct step *step)
{
        switch ((enum command)step->command) {
        case SET_WORD:
                memcpy(word_of(scene, step->index), &step->value, sizeof step->value);
                break;
        case NEWEST:
        case NEXT:
                read_whole(scene, step->command == NEXT, step->value);
                break;
        case NEWEST_PARTS:
        case NEXT_PARTS:
                read_parts(scene, step->command == NEXT_PARTS, step->value);
                break;
        case LOOK:
                look(scene);
                break;
        case END_LOOK:
                end_look(scene);
                break;
        case NEWS:
                ask_for_news(scene);
                break;
        default:
                skip(scene);
                break;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        size_t steps = steps_in(size);
        struct scene scene;

        if (steps == 0) {
                fuzz_count(false);
                return 0;
        }
        scene = set_scene(data);
        for (size_t i = 0; i < steps; i++) {
                struct step step = step_at(data, i);

                perform(&scene, &step);
        }
        memset(scene.stored, 0, scene.bytes);
        fuzz_count(scene.delivered > 0);
        return 0;
}

/* ---- making plays --------------------------------------------------------------------------- */

struct writer {
        uint8_t *data;
        size_t size, max_size;
        uint64_t *state;
        struct seqcast_ring ring;
};

static void add_step(struct writer *writer, uint8_t command, uint64_t index, uint64_t value)
{
        uint8_t *at = writer->data + writer->size;
        uint16_t word = (uint16_t)index;

        if (writer->max_size - writer->size < COMMAND_BYTES)
                return;
        at[0] = command;
        memcpy(at + 1, &word, sizeof word);
        memcpy(at + 3, &value, sizeof value);
        writer->size += COMMAND_BYTES;
}

/* Mostly near a number that slots turn round with, now and then where numbers end. */
static uint64_t some_number(const struct writer *writer)
{
        uint64_t number = random_below(writer->state, 3 * (writer->ring.depth_mask + 1) + 2);

        switch (random_below(writer->state, 16)) {
        case 0:
                return INT64_MAX - random_below(writer->state, 3);
        case 1:
                return random_next(writer->state) >> random_below(writer->state, 64);
        default:
                return number;
        }
}

static uint64_t some_length(const struct writer *writer)
{
        switch (random_below(writer->state, 6)) {
        case 0:
                return random_next(writer->state) >> random_below(writer->state, 64);
        case 1:
                return writer->ring.record_bytes + random_below(writer->state, 2000);
        case 2:
                return 0;
        default:
                return 1 + random_below(writer->state, writer->ring.record_bytes);
        }
}

/* A publication, or one of which a part is missing or wrong. */
static void add_publication(struct writer *writer)
{
        const uint64_t number = some_number(writer), mask = writer->ring.depth_mask;
        const uint64_t slot = (CONTROL_BYTES + (number & mask) * writer->ring.stride) / SEQCAST_WORD_BYTES;
        const uint64_t payload = slot + writer->ring.payload_offset / SEQCAST_WORD_BYTES;
        uint64_t seq = 2 * number, version = number;

        if (random_below(writer->state, 8) == 0)
                seq += random_below(writer->state, 2 * mask + 4) - mask;
        if (random_below(writer->state, 32) == 0)
                seq = UINT64_MAX;
        if (random_below(writer->state, 8) == 0)
                version += random_below(writer->state, mask + 3) - 1;
        if (random_below(writer->state, 16) == 0)
                version |= SEQCAST_VERSION_RETIRED;
        add_step(writer, SET_WORD, slot + SEQCAST_SLOT_LENGTH, some_length(writer));
        if (writer->ring.times)
                add_step(writer, SET_WORD, slot + SEQCAST_SLOT_TIME, random_next(writer->state));
        add_step(writer, SET_WORD, payload + random_below(writer->state, writer->ring.record_bytes / 8 + 1),
                 random_next(writer->state));
        add_step(writer, SET_WORD, slot + SEQCAST_SLOT_SEQ, seq);
        if (random_below(writer->state, 8) != 0)
                add_step(writer, SET_WORD, SEQCAST__CONTROL_VERSION, version);
}

static void add_call(struct writer *writer)
{
        uint8_t command = (uint8_t)(NEWEST + random_below(writer->state, COMMANDS - NEWEST));

        /* Parts small enough to fit now and then, offsets of all sizes. */
        add_step(writer, command, 0, random_next(writer->state) >> (16 * random_below(writer->state, 4)));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
        uint64_t state = seed + UINT64_C(0x9e3779b97f4a7c15);
        struct writer writer = { .data = data, .max_size = max_size, .state = &state };
        size_t steps;

        if (max_size < HEAD_BYTES + COMMAND_BYTES)
                return size;
        random_next(&state);
        if (size < HEAD_BYTES || random_below(&state, 4) == 0) {
                uint64_t head = random_next(&state);

                memcpy(data, &head, HEAD_BYTES);
                size = HEAD_BYTES;
        }
        steps = steps_in(size);
        writer.size = HEAD_BYTES + steps * COMMAND_BYTES;
        writer.ring = ring_of(data);
        if (steps > 0 && random_below(&state, 3) == 0)
                return LLVMFuzzerMutate(data, writer.size, max_size);
        if (steps >= COMMANDS_MAX)
                writer.size = HEAD_BYTES + random_below(&state, COMMANDS_MAX) * COMMAND_BYTES;
        for (uint64_t i = random_below(&state, 4) + 1; i > 0; i--) {
                add_publication(&writer);
                for (uint64_t calls = random_below(&state, 4); calls > 0; calls--)
                        add_call(&writer);
        }
        return writer.size;
}
