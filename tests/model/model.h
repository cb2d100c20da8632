/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What the drivers of the ring share: a ring in static memory, readers, and what every reader may demand of
 * each read. A driver adds the writers. README.md says what is asked of whom. */

#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include "harness.h"

#include "seqcast/ring_parts.h"

#ifndef DEPTH
#define DEPTH 2
#endif
#ifndef PUBLICATIONS
#define PUBLICATIONS 2
#endif
#ifndef READERS
#define READERS 1
#endif
#ifndef READS /* of each reader */
#define READS 2
#endif
#ifndef WORDS /* of a record */
#define WORDS 1
#endif
#ifndef READ
#define READ NEWEST
#endif
#ifndef SLOTS_BEGUN /* the highest number whose slot is written, be it for a publication or a mark */
#define SLOTS_BEGUN PUBLICATIONS
#endif

enum model_read {
        NEWEST,
        NEXT,
        NEXT_NEWEST, /* by turns */
        IN_PLACE,    /* the newest, without copying, looked at twice */
        NEWEST_LOOP, /* the shipped loop over attempts; the others make one attempt each */
        NEXT_LOOP,
        NEWEST_PARTS /* the shipped loop, with a list of parts */
};

/* No slot is written twice: then no attempt has an excuse. */
#define MODEL_NEVER_LAPPED (SLOTS_BEGUN <= DEPTH)
#define MODEL_NATIVE_READS 100
#define MODEL_THREADS_MAX 4

/* What a read fills stands here and not on the stack, which the checker does not always keep apart. */
struct model_reader {
        struct seqcast_ring_reader position;
        uint64_t record[WORDS];
        seqcast_sample sample;
        seqcast_read_part parts[1];
        uint64_t deliveries, lost;
        bool retired;
};

static _Alignas(64) seqcast_word model_memory[16 + DEPTH * (16 + (WORDS + 7) / 8 * 8)];
static struct seqcast_ring model_ring;
static struct model_reader model_readers[READERS];
/* 1: whoever had the publisher's lock has given it back, or the kernel has, as he died. */
static seqcast_word model_lock;
/* A publication that readers hear of beside the ring, after it was completed. */
static seqcast_word model_told;

/* The driver's: word `word` of the record of publication `number`, and its length in bytes. */
static uint64_t model_expected(uint64_t number, size_t word);
static uint64_t model_length(uint64_t number);

/* What else has to be so after a read. `retired`: the reader was told that nothing more comes; reads in
 * order, which need not notice, are told by their state alone. */
#ifdef MODEL_RETIRES
#define MODEL_END SEQCAST_RETIRED
static void model_after_read(struct model_reader *reader, bool next, int state, bool retired);
#else
#define MODEL_END SEQCAST_NONE
static inline void model_after_read(struct model_reader *reader, bool next, int state, bool retired)
{
        (void)reader;
        assert(state != SEQCAST_RETIRED);
        assert(next || !retired);
}
#endif

static inline uint64_t model_value(uint64_t number, uint64_t publisher, size_t word)
{
        return number * 100 + publisher * 10 + word;
}

static inline void model_wait_for(seqcast_word *word, uint64_t value, uint64_t found)
{
#ifdef GENMC
        (void)word;
        __VERIFIER_assume(found == value);
#else
        while (found != value) {
                sched_yield();
                found = atomic_load_explicit(word, memory_order_acquire);
        }
#endif
}

#ifdef NO_LOCK /* takers-over that do not ask for the lock */
#define MODEL_UNLOCK memory_order_relaxed
#define MODEL_LOCK memory_order_relaxed
#else
#define MODEL_UNLOCK memory_order_release
#define MODEL_LOCK memory_order_acquire
#endif

static inline void model_give_back_lock(void)
{
        atomic_store_explicit(&model_lock, 1, MODEL_UNLOCK);
}

static inline void model_take_lock(void)
{
        model_wait_for(&model_lock, 1, atomic_load_explicit(&model_lock, MODEL_LOCK));
}

/* ---- one read, and what it has to come up to --------------------------------------------------- */

static inline int model_take_in_place(void *reader, const struct seqcast_ring_view *view)
{
        uint64_t *record = ((struct model_reader *)reader)->record;

        for (size_t i = 0; i < view->bytes / 8; i++)
                record[i] = seqcast_word_load_relaxed(view->payload + i);
        if (seqcast_ring_view_valid(view))
                for (size_t i = 0; i < view->bytes / 8; i++)
                        assert(record[i] == model_expected(view->begun / 2, i));
        for (size_t i = 0; i < view->bytes / 8; i++)
                record[i] = seqcast_word_load_relaxed(view->payload + i);
        return 0;
}

static inline int model_read_once(struct model_reader *reader, bool next)
{
        struct seqcast_ring_reader *position = &reader->position;
        struct seqcast_ring_buffer buffer = { reader->record, sizeof reader->record };
        seqcast_sample *sample = &reader->sample;

        switch (READ) {
        case NEWEST_LOOP:
                return seqcast_ring_read_newest(&model_ring, position, buffer.to, buffer.capacity, sample);
        case NEXT_LOOP:
                return seqcast_ring_read_next(&model_ring, position, buffer.to, buffer.capacity, sample);
        case NEWEST_PARTS:
                return seqcast_ring_read_newest_parts(&model_ring, position, reader->parts, 1, sample);
        case IN_PLACE:
                return seqcast_ring_try(&model_ring, position, seqcast_ring_find_newest, model_take_in_place,
                                        reader, sample);
        default:
                return seqcast_ring_try(&model_ring, position,
                                        next ? seqcast_ring_find_next : seqcast_ring_find_newest,
                                        seqcast_ring_take_whole, &buffer, sample);
        }
}

/* @return the state; whatever was delivered has passed all checks */
static inline int model_read(struct model_reader *reader, bool next)
{
        const uint64_t delivered = reader->position.delivered;
        const bool started = reader->position.started;
        uint64_t told = atomic_load_explicit(&model_told, memory_order_acquire);
        int state = model_read_once(reader, next);

        if (state != SEQCAST_OK) {
                assert(!MODEL_NEVER_LAPPED || state != SEQCAST_BUSY);
                assert(next || (told == 0 && delivered == 0) || state == SEQCAST_BUSY);
                model_after_read(reader, next, state, state == SEQCAST_RETIRED);
                return state;
        }
        assert(reader->sample.number >= 1 && reader->sample.number <= PUBLICATIONS);
        assert(reader->sample.bytes == model_length(reader->sample.number));
        for (size_t i = 0; i < reader->sample.bytes / 8; i++)
                assert(reader->record[i] == model_expected(reader->sample.number, i));
        assert(reader->sample.number >= delivered + (next && started));
        assert(next || reader->sample.number >= told);
        assert(reader->sample.lost ==
               (started && reader->sample.number > delivered ? reader->sample.number - delivered - 1 : 0));
        assert(!next || !started || !MODEL_NEVER_LAPPED || reader->sample.lost == 0);
        reader->deliveries += reader->sample.number > delivered;
        reader->lost += reader->sample.lost;
        model_after_read(reader, next, state, reader->sample.retired != 0);
        return state;
}

static inline bool model_reads_next(unsigned turn)
{
        return READ == NEXT || READ == NEXT_LOOP || (READ == NEXT_NEWEST && turn % 2 == 0);
}

/* ---- the threads ------------------------------------------------------------------------------- */

/* The driver's writers; each is a thread of its own. */
static void model_write(unsigned writer);
#ifndef WRITERS
#define WRITERS 1
#endif

static inline void *model_writing(void *writer)
{
        model_start_together(WRITERS + READERS);
        model_write((unsigned)(uintptr_t)writer);
        return NULL;
}

static inline void *model_reading(void *reader)
{
#ifdef GENMC
        const unsigned reads = READS;
#else
        const unsigned reads = READS * MODEL_NATIVE_READS;
#endif

        model_start_together(WRITERS + READERS);
        for (unsigned turn = 0; turn < reads; turn++)
                model_read(reader, model_reads_next(turn));
        return NULL;
}

/* All writers have ended: the newest record is there at once, and reading in order, whatever it has lost,
 * has come out even. */
static inline void *model_read_rest(void *context)
{
        struct model_reader *reader = context;

        if (READ == NEXT || READ == NEXT_LOOP) {
                for (unsigned turn = 0; turn < PUBLICATIONS && reader->position.delivered < PUBLICATIONS;
                     turn++)
                        assert(model_read(reader, true) == SEQCAST_OK);
                assert(reader->deliveries + reader->lost == PUBLICATIONS);
                assert(model_read(reader, true) == MODEL_END);
        } else {
                assert(model_read(reader, false) == SEQCAST_OK);
        }
        assert(reader->position.delivered == PUBLICATIONS);
        return NULL;
}

static void model_round(void)
{
        pthread_t threads[WRITERS + READERS];

        assert(seqcast_ring_bytes(DEPTH, WORDS * 8) <= sizeof model_memory);
        model_ring = seqcast_ring_over(model_memory, DEPTH, WORDS * 8);
        for (unsigned i = 0; i < WRITERS; i++)
                if (pthread_create(&threads[i], NULL, model_writing, (void *)(uintptr_t)i) != 0)
                        assert(false);
        for (unsigned i = 0; i < READERS; i++) {
                /* There before anything was published: so nothing is missing from what it counts. */
                model_readers[i].position.started = READ != NEWEST;
                model_readers[i].parts[0].bytes = WORDS * 8;
                model_readers[i].parts[0].to = model_readers[i].record;
                if (pthread_create(&threads[WRITERS + i], NULL, model_reading, &model_readers[i]) != 0)
                        assert(false);
        }
        for (unsigned i = 0; i < WRITERS + READERS; i++)
                pthread_join(threads[i], NULL);
        for (unsigned i = 0; i < READERS; i++) {
                if (pthread_create(&threads[i], NULL, model_read_rest, &model_readers[i]) != 0)
                        assert(false);
                pthread_join(threads[i], NULL);
        }
}

#ifndef GENMC
static void model_reset(void)
{
        for (size_t i = 0; i < sizeof model_memory / sizeof *model_memory; i++)
                seqcast_word_store_relaxed(&model_memory[i], 0);
        for (unsigned i = 0; i < READERS; i++)
                model_readers[i] = (struct model_reader){ 0 };
        seqcast_word_store_relaxed(&model_lock, 0);
        seqcast_word_store_relaxed(&model_told, 0);
}
#endif

#endif
