/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* An owner by the rules of foreign.h, with the barriers that it names, and a reader: a copy that is taken
 * for whole is all of the record whose count it has, counts do not go back, and when he has ended, his last
 * record is there. */

#ifndef PUBLICATIONS
#define PUBLICATIONS 2
#endif
#ifndef READS
#define READS 2
#endif
#ifndef WORDS /* of a record */
#define WORDS 2
#endif
#ifndef SHAPE
#define SHAPE EVEN_ODD_32
#endif
#ifndef WITHOUT /* ... which of his barriers: 2, 4 or 6 */
#define WITHOUT 0
#endif
#include "harness.h"

#include "seqcast/foreign.h"

enum shape {
        EVEN_ODD_32,
        EVEN_ODD_64,
        BOOKENDS,
        VALID_FIRST, /* count, valid: as gpsd does it */
        COUNT_FIRST, /* ... linuxptp */
        COUNT_ONCE   /* ... radioclkd: the count is not moved before the data */
};

#define HAS_VALID (SHAPE == VALID_FIRST || SHAPE == COUNT_FIRST || SHAPE == COUNT_ONCE)

static seqcast_word counter_64;
static seqcast_foreign_word32 counter_32, closed, valid;
static seqcast_word data[WORDS];

/* What the reader fills; not on its stack, which the checker does not always keep apart. */
static uint64_t record[WORDS], count, count_before;

static struct seqcast_foreign words(void)
{
        if (SHAPE == EVEN_ODD_64)
                return seqcast_foreign_even_odd(&counter_64, 8);
        if (SHAPE == BOOKENDS)
                return seqcast_foreign_bookends(&counter_32, &closed, 4);
        if (HAS_VALID)
                return seqcast_foreign_count_valid(&counter_32, &valid, 4);
        return seqcast_foreign_even_odd(&counter_32, 4);
}

static uint64_t expected(uint64_t number, size_t word)
{
        return number * 10 + word;
}

/* ---- the owner: every store is relaxed, and what order there is comes from the barriers ----------- */

#define BARRIER(step) ((void)(WITHOUT == (step) || (atomic_thread_fence(memory_order_release), 1)))

static void open_record(uint64_t number)
{
        if (SHAPE == VALID_FIRST || SHAPE == COUNT_ONCE)
                atomic_store_explicit(&valid, 0, memory_order_relaxed); /* G0 */
        if (SHAPE == EVEN_ODD_64)                                       /* G1 */
                atomic_store_explicit(&counter_64, 2 * number - 1, memory_order_relaxed);
        else if (SHAPE == BOOKENDS)
                atomic_store_explicit(&counter_32, (uint32_t)number, memory_order_relaxed);
        else if (SHAPE != COUNT_ONCE)
                atomic_store_explicit(&counter_32, (uint32_t)(2 * number - 1), memory_order_relaxed);
        if (SHAPE == COUNT_FIRST)
                atomic_store_explicit(&valid, 0, memory_order_relaxed); /* G0 */
        BARRIER(2);                                                     /* G2 */
}

static void close_record(uint64_t number)
{
        BARRIER(4);               /* G4 */
        if (SHAPE == EVEN_ODD_64) /* G5 */
                atomic_store_explicit(&counter_64, 2 * number, memory_order_relaxed);
        else if (SHAPE == BOOKENDS)
                atomic_store_explicit(&closed, (uint32_t)number, memory_order_relaxed);
        else
                atomic_store_explicit(&counter_32, (uint32_t)(SHAPE == COUNT_ONCE ? number : 2 * number),
                                      memory_order_relaxed);
        if (HAS_VALID) {
                BARRIER(6);
                atomic_store_explicit(&valid, 1, memory_order_relaxed); /* G6 */
        }
}

/* Is `count` that of the record? Where it moves twice a record, it may have moved for the next one. */
static bool count_is_of(uint64_t number)
{
        if (SHAPE == BOOKENDS || SHAPE == COUNT_ONCE)
                return count == number;
        return count == 2 * number || (HAS_VALID && count == 2 * number + 1);
}

static void *own(void *unused)
{
        (void)unused;
        model_start_together(2);
        for (uint64_t number = 1; number <= PUBLICATIONS; number++) {
                open_record(number);
                for (size_t i = 0; i < WORDS; i++)
                        seqcast_word_store_relaxed(&data[i], expected(number, i)); /* G3 */
                close_record(number);
        }
        return NULL;
}

/* ---- the reader --------------------------------------------------------------------------------- */

/* One attempt. */
static enum seqcast_state read_once(void)
{
        const struct seqcast_foreign foreign = words();
        enum seqcast_state state = seqcast_foreign_begin(&foreign, &count);
        uint64_t number;

        if (state != SEQCAST_OK)
                return state;
        seqcast_foreign_copy(record, data, sizeof record);
        if (!seqcast_foreign_whole(&foreign, count))
                return SEQCAST_BUSY;
        number = record[0] / 10;
        for (size_t i = 0; i < WORDS; i++)
                assert(record[i] == (number == 0 ? 0 : expected(number, i)));
        if (WITHOUT ==
            0) { /* else a wrong count may be found before a torn record, and that is what is asked */
                assert(!HAS_VALID || number != 0);
                assert(count_is_of(number));
        }
        assert(count >= count_before);
        count_before = count;
        return SEQCAST_OK;
}

static void *read_some(void *unused)
{
#ifdef GENMC
        const unsigned reads = READS;
#else
        const unsigned reads = READS * 100;
#endif

        (void)unused;
        model_start_together(2);
        for (unsigned turn = 0; turn < reads; turn++)
                read_once();
        return NULL;
}

static void model_round(void)
{
        pthread_t owner, reader;

        if (pthread_create(&owner, NULL, own, NULL) != 0 ||
            pthread_create(&reader, NULL, read_some, NULL) != 0)
                assert(false);
        pthread_join(owner, NULL);
        pthread_join(reader, NULL);
        assert(read_once() == SEQCAST_OK);
        assert(count_is_of(PUBLICATIONS));
}

#ifndef GENMC
static void model_reset(void)
{
        atomic_store_explicit(&counter_64, 0, memory_order_relaxed);
        atomic_store_explicit(&counter_32, 0, memory_order_relaxed);
        atomic_store_explicit(&closed, 0, memory_order_relaxed);
        atomic_store_explicit(&valid, 0, memory_order_relaxed);
        for (size_t i = 0; i < WORDS; i++)
                seqcast_word_store_relaxed(&data[i], 0);
        count_before = 0;
}
#endif
