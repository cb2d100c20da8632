/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The ring: which slot a publication lives in, which is the newest one, and what a reader has lost.
 * Header-only, on any memory that writer and readers share: no system call, no allocation, no global,
 * no loop without a bound. Knows nothing of files, processes or sleeping.
 *
 * `depth` slots, a power of two. Publication n = 1, 2, 3 ... lives in slot n % depth, guarded by that
 * slot's sequence word (seqlock.h); the word `version` is the number of the newest complete one.
 * One writer at a time; any number of readers, which never store.
 *
 *   publish n                                   read newest
 *   W1-W4 on slot n % depth                     R0  h = max(version, floor)         acquire
 *   W5  version = n            release          R1-R4 on slot h % depth; q is odd or below 2h: again
 *                                                   floor = q/2: what was read is publication q/2
 *
 *   take over                                   read next, wanting publication n
 *   T1  h = version            relaxed          N1  q = seq of slot n % depth       acquire (as R1)
 *   T2  slot (h+1) % depth is at 2(h+1)?            q < 2n: not yet. q > 2n: lost; R0, and resume at
 *   T3  version = h+1          release              version - depth + 2 (depth 1: at q, if it is even)
 *                                               R2-R4 as above
 *   retire
 *   X1  version |= 2^63        release
 *   X2  seq of slot (version+1) % depth = all ones   release     (depth >= 2)
 *
 * PAIRS, besides those of seqlock.h
 *   W5 / R0   who has read version n finds slot n % depth complete for n, or already beyond it: a
 *             publication, once announced, is never missed.
 *   T3 / R0   the same, for a publication that the dead writer had completed and not announced.
 *   X1 / R0   as W5 / R0, where another process than the publisher sets the mark, under his lock: who finds
 *             it finds all that was published.
 *   X2 / N1   who finds all ones in the slot of the publication it wants then finds X1 in R0.
 *   T1, T2    are read under the publisher's lock, which orders them after all that the previous
 *             publisher did.
 *
 * `floor` is the newest number that a reader has delivered: a slot turns even before `version` moves,
 * so without it newest could go backwards after next. version - depth + 1 is the slot about to be
 * overwritten, hence the + 2. q < 2h is impossible unless memory was damaged; the check stays. */

#ifndef SEQCAST_RING_H
#define SEQCAST_RING_H

#include <errno.h>

#include "seqcast/seqlock.h"
#include "seqcast/types.h"

/** A read that was lapped so often in a row returns SEQCAST_BUSY; trying longer is for the caller. */
#define SEQCAST_READ_ATTEMPTS_MAX 64

#define SEQCAST_LINE_BYTES ((uint64_t)64)
#define SEQCAST_VERSION_RETIRED ((uint64_t)1 << 63)
#define SEQCAST_SEQ_RETIRED UINT64_MAX

/* A slot: head, payload, padding up to the stride. */
#define SEQCAST_SLOT_SEQ 0u         /* word index of the sequence word */
#define SEQCAST_SLOT_LENGTH 1u      /* ... of the record's length in bytes */
#define SEQCAST_SLOT_TIME 2u        /* ... of its time, only where times are stored */
#define SEQCAST_SLOT_HEAD_BYTES 16u /* so that 48 bytes of payload share the head's cache line */
#define SEQCAST_SLOT_HEAD_TIME_BYTES 32u
#define SEQCAST__LONG_RECORD_BYTES ((uint64_t)1024) /* to which a line more is little */

/* What a read goes through once a call. Compilers take it for too much to be inlined into each reader. */
#define SEQCAST__HOT static inline __attribute__((always_inline))
#define SEQCAST__UNLIKELY(condition) __builtin_expect(condition, 0)

/** Where everything is. Fill it with seqcast_ring_over(), or by hand over another layout. */
struct seqcast_ring {
        seqcast_word *version;
        unsigned char *slots;    /* slot 0; 8-byte aligned or better */
        uint64_t depth_mask;     /* depth - 1 */
        uint64_t stride;         /* bytes from slot to slot */
        uint64_t payload_offset; /* bytes from slot to payload; a multiple of 8 */
        uint64_t record_bytes;   /* longest record; its room is rounded up to 8 */
        bool times;
};

/** One reader's position. Zero it to start; `started` with `delivered` n means: n+1 is wanted next. */
struct seqcast_ring_reader {
        uint64_t delivered;
        uint64_t retries; /* attempts that were thrown away, as the writer was faster */
        bool started;
};

/** A slot under the eyes of a reader: rubbish until seqcast_ring_view_valid() says otherwise. */
struct seqcast_ring_view {
        const seqcast_word *slot;
        const seqcast_word *payload;
        uint64_t begun; /* the sequence word */
        uint64_t bytes; /* never more than record_bytes, whatever the slot says */
        int64_t time_ns;
        bool retired;
};

static inline seqcast_word *seqcast_ring_slot(const struct seqcast_ring *ring, uint64_t number)
{
        return (seqcast_word *)(void *)(ring->slots + (number & ring->depth_mask) * ring->stride);
}

static inline seqcast_word *seqcast_ring_payload(const struct seqcast_ring *ring, seqcast_word *slot)
{
        return (seqcast_word *)(void *)((unsigned char *)slot + ring->payload_offset);
}

/** Does [offset, offset + bytes) lie within `length` bytes? */
static inline bool seqcast_ring_range_fits(uint64_t offset, uint64_t bytes, uint64_t length)
{
        return bytes <= length && offset <= length - bytes;
}

/* ---- memory of one's own ------------------------------------------------------------------- */

static inline uint64_t seqcast__ring_whole_lines(uint64_t bytes)
{
        return (bytes + SEQCAST_LINE_BYTES - 1) / SEQCAST_LINE_BYTES * SEQCAST_LINE_BYTES;
}

/* Bytes from slot to payload: right behind the head, so that both share a line; but where the payload begins
 * a line of its own at the price of no more lines, or of one that hardly counts, copies of it split none. */
static inline uint64_t seqcast__ring_payload_offset(uint64_t head_bytes, uint64_t record_bytes)
{
        bool costs_a_line = seqcast__ring_whole_lines(SEQCAST_LINE_BYTES + record_bytes) >
                            seqcast__ring_whole_lines(head_bytes + record_bytes);

        return costs_a_line && record_bytes < SEQCAST__LONG_RECORD_BYTES ? head_bytes : SEQCAST_LINE_BYTES;
}

static inline uint64_t seqcast__ring_stride(uint64_t record_bytes)
{
        return seqcast__ring_whole_lines(seqcast__ring_payload_offset(SEQCAST_SLOT_HEAD_BYTES, record_bytes) +
                                         record_bytes);
}

/** Bytes that a ring of `depth` records of up to `record_bytes` takes. Neither may be absurd (2^40). */
static inline uint64_t seqcast_ring_bytes(uint64_t depth, uint64_t record_bytes)
{
        return 2 * SEQCAST_LINE_BYTES + depth * seqcast__ring_stride(record_bytes);
}

/**
 * The ring in `memory`, which is zero before first use, aligned to 64 bytes and seqcast_ring_bytes()
 * long. @param depth a power of two. Readers may use a read-only mapping of it.
 */
static inline struct seqcast_ring seqcast_ring_over(void *memory, uint64_t depth, uint64_t record_bytes)
{
        struct seqcast_ring ring;

        ring.version = (seqcast_word *)memory;
        ring.slots = (unsigned char *)memory + 2 * SEQCAST_LINE_BYTES;
        ring.depth_mask = depth - 1;
        ring.stride = seqcast__ring_stride(record_bytes);
        ring.payload_offset = seqcast__ring_payload_offset(SEQCAST_SLOT_HEAD_BYTES, record_bytes);
        ring.record_bytes = record_bytes;
        ring.times = false;
        return ring;
}

/* ---- writing ------------------------------------------------------------------------------- */

/**
 * Take over as the only writer: announce a publication that was complete but not yet announced.
 * @return the version to go on from; the next publication is that plus 1, also where a torn slot
 * bears that number already
 */
static inline uint64_t seqcast_ring_recover(const struct seqcast_ring *ring)
{
        uint64_t version = atomic_load_explicit(ring->version, memory_order_relaxed); /* T1 */
        const seqcast_word *next = seqcast_ring_slot(ring, version + 1) + SEQCAST_SLOT_SEQ;

        if (atomic_load_explicit(next, memory_order_relaxed) == 2 * (version + 1)) { /* T2 */
                version++;
                atomic_store_explicit(ring->version, version, memory_order_release); /* T3 pairs with R0 */
        }
        return version;
}

/** Open slot `number` for writing; the payload may be stored from now on. */
static inline seqcast_word *seqcast_ring_write_begin(const struct seqcast_ring *ring, uint64_t number)
{
        seqcast_word *slot = seqcast_ring_slot(ring, number);

        seqcast_seqlock_write_begin(slot + SEQCAST_SLOT_SEQ, number); /* W1, W2 */
        return slot;
}

/** Complete and announce publication `number`. */
static inline void seqcast_ring_write_end(const struct seqcast_ring *ring, seqcast_word *slot,
                                          uint64_t number, uint64_t bytes, int64_t time_ns)
{
        seqcast_word_store_relaxed(slot + SEQCAST_SLOT_LENGTH, bytes); /* W3 */
        if (ring->times)
                seqcast_word_store_relaxed(slot + SEQCAST_SLOT_TIME, (uint64_t)time_ns); /* W3 */
        seqcast_seqlock_write_end(slot + SEQCAST_SLOT_SEQ, number);                      /* W4 */
        atomic_store_explicit(ring->version, number, memory_order_release); /* W5 pairs with R0 */
}

/** Publish a whole record. @param bytes at most ring->record_bytes */
static inline void seqcast_ring_publish(const struct seqcast_ring *ring, uint64_t number, const void *record,
                                        size_t bytes, int64_t time_ns)
{
        seqcast_word *slot = seqcast_ring_write_begin(ring, number);

        seqcast_copy_store(seqcast_ring_payload(ring, slot), 0, record, bytes); /* W3 */
        seqcast_ring_write_end(ring, slot, number, bytes, time_ns);
}

/** Nothing will be published here any more. The newest record stays readable. */
static inline void seqcast_ring_retire(const struct seqcast_ring *ring)
{
        uint64_t version = atomic_load_explicit(ring->version, memory_order_relaxed);

        version &= ~SEQCAST_VERSION_RETIRED;
        /* X1 pairs with R0. */
        atomic_store_explicit(ring->version, version | SEQCAST_VERSION_RETIRED, memory_order_release);
        /* X2 pairs with N1: readers that wait for the next publication look at its slot alone. The
         * only slot of a ring of depth 1 holds the newest record, so those readers look at version. */
        if (ring->depth_mask != 0)
                atomic_store_explicit(seqcast_ring_slot(ring, version + 1) + SEQCAST_SLOT_SEQ,
                                      SEQCAST_SEQ_RETIRED, memory_order_release);
}

/* ---- reading: one attempt ------------------------------------------------------------------ */

/** The newest publication's number, 0 for none, with or without the retired mark. */
static inline uint64_t seqcast_ring_version(const struct seqcast_ring *ring)
{
        return atomic_load_explicit(ring->version, memory_order_acquire); /* R0 pairs with W5, T3, X1 */
}

SEQCAST__HOT enum seqcast_state seqcast__ring_look(const struct seqcast_ring *ring, const seqcast_word *slot,
                                                   uint64_t begun, bool retired,
                                                   struct seqcast_ring_view *ret_view)
{
        ret_view->slot = slot;
        ret_view->payload =
                (const seqcast_word *)(const void *)((const unsigned char *)slot + ring->payload_offset);
        ret_view->begun = begun;
        ret_view->bytes = seqcast_word_load_relaxed(slot + SEQCAST_SLOT_LENGTH); /* R2 */
        if (ret_view->bytes > ring->record_bytes)
                ret_view->bytes = ring->record_bytes;
        ret_view->time_ns = 0;
        if (ring->times)
                ret_view->time_ns = (int64_t)seqcast_word_load_relaxed(slot + SEQCAST_SLOT_TIME); /* R2 */
        ret_view->retired = retired;
        return SEQCAST_OK;
}

/** Look for the newest record. @return SEQCAST_OK, EMPTY, RETIRED (and empty), BUSY */
SEQCAST__HOT enum seqcast_state seqcast_ring_find_newest(const struct seqcast_ring *ring,
                                                         const struct seqcast_ring_reader *reader,
                                                         struct seqcast_ring_view *ret_view)
{
        uint64_t version = seqcast_ring_version(ring); /* R0 */
        bool retired = (version & SEQCAST_VERSION_RETIRED) != 0;
        uint64_t number = version & ~SEQCAST_VERSION_RETIRED, begun;
        const seqcast_word *slot;

        if (number < reader->delivered)
                number = reader->delivered;
        if (number == 0)
                return retired ? SEQCAST_RETIRED : SEQCAST_EMPTY;
        slot = seqcast_ring_slot(ring, number);
        begun = seqcast_seqlock_read_begin(slot + SEQCAST_SLOT_SEQ); /* R1 */
        if ((begun & 1) != 0 || begun < 2 * number)
                return SEQCAST_BUSY;
        return seqcast__ring_look(ring, slot, begun, retired, ret_view);
}

/** Look for the next record in order. @return SEQCAST_OK, NONE, EMPTY, RETIRED, BUSY */
SEQCAST__HOT enum seqcast_state seqcast_ring_find_next(const struct seqcast_ring *ring,
                                                       const struct seqcast_ring_reader *reader,
                                                       struct seqcast_ring_view *ret_view)
{
        uint64_t want = reader->delivered + 1, depth = ring->depth_mask + 1, version, resume, begun;
        const seqcast_word *slot;
        bool retired = false;

        if (!reader->started)
                return seqcast_ring_find_newest(ring, reader, ret_view);
        slot = seqcast_ring_slot(ring, want);
        begun = seqcast_seqlock_read_begin(slot + SEQCAST_SLOT_SEQ); /* N1, as R1, pairs with W4, X2 */
        if (begun / 2 < want) { /* begun < 2 * want, which can overflow in a damaged segment */
                version = depth == 1 ? seqcast_ring_version(ring) : 0; /* R0 */
                if ((version & SEQCAST_VERSION_RETIRED) != 0)          /* the last may have come after N1 */
                        return (version & ~SEQCAST_VERSION_RETIRED) < want ? SEQCAST_RETIRED : SEQCAST_BUSY;
                return reader->delivered == 0 ? SEQCAST_EMPTY : SEQCAST_NONE;
        }
        if (begun > 2 * want && depth == 1) {
                if ((begun & 1) != 0)
                        return SEQCAST_BUSY;
        } else if (begun > 2 * want) {
                version = seqcast_ring_version(ring); /* R0 */
                retired = (version & SEQCAST_VERSION_RETIRED) != 0;
                version &= ~SEQCAST_VERSION_RETIRED;
                if (version < want)
                        return retired ? SEQCAST_RETIRED : SEQCAST_BUSY;
                resume = version + 2 > depth ? version + 2 - depth : 1;
                if (resume <= want)
                        return SEQCAST_BUSY; /* the slot has turned already, version not yet */
                slot = seqcast_ring_slot(ring, resume);
                begun = seqcast_seqlock_read_begin(slot + SEQCAST_SLOT_SEQ); /* R1 */
                if (begun != 2 * resume)
                        return SEQCAST_BUSY;
        }
        return seqcast__ring_look(ring, slot, begun, retired, ret_view);
}

/** Is there anything that the reader was not delivered yet, and can be read? A look at the next slot's own
 *  word, which is on the cache line that will bring the record. @return SEQCAST_OK, NONE, RETIRED */
static inline enum seqcast_state seqcast_ring_news(const struct seqcast_ring *ring,
                                                   const struct seqcast_ring_reader *reader)
{
        const seqcast_word *seq = seqcast_ring_slot(ring, reader->delivered + 1) + SEQCAST_SLOT_SEQ;
        uint64_t want = reader->delivered + 1, version, begun;
        bool retired, announced;

        if (reader->started || ring->depth_mask == 0) {
                begun = seqcast_seqlock_read_begin(seq); /* N1, as R1, pairs with W4, X2 */
                if (ring->depth_mask == 0 && begun / 2 >= want && (begun & 1) == 0)
                        return SEQCAST_OK;
                if (ring->depth_mask != 0 && begun != SEQCAST_SEQ_RETIRED)
                        return begun / 2 < want ? SEQCAST_NONE : SEQCAST_OK;
        }
        version = seqcast_ring_version(ring); /* R0 */
        retired = (version & SEQCAST_VERSION_RETIRED) != 0;
        announced = (version & ~SEQCAST_VERSION_RETIRED) >= want;
        /* At depth 1 the last publication may have come after N1, and a torn one over it. */
        if (ring->depth_mask == 0 && announced && retired)
                announced = (seqcast_seqlock_read_begin(seq) & 1) == 0;
        if (announced && (ring->depth_mask != 0 || retired))
                return SEQCAST_OK;
        return retired ? SEQCAST_RETIRED : SEQCAST_NONE;
}

/** Was what has been copied from the view since it was found one publication's? */
static inline bool seqcast_ring_view_valid(const struct seqcast_ring_view *view)
{
        return seqcast_seqlock_read_valid(view->slot + SEQCAST_SLOT_SEQ, view->begun); /* R3, R4 */
}

/** A valid view has been delivered: move the reader on, and say what it got. */
SEQCAST__HOT void seqcast_ring_deliver(struct seqcast_ring_reader *reader,
                                       const struct seqcast_ring_view *view, seqcast_sample *ret_sample)
{
        uint64_t number = view->begun / 2;

        if (ret_sample != NULL) {
                ret_sample->number = number;
                ret_sample->lost =
                        reader->started && number > reader->delivered ? number - reader->delivered - 1 : 0;
                ret_sample->bytes = view->bytes;
                ret_sample->time_ns = view->time_ns;
                ret_sample->retired = view->retired;
                ret_sample->reserved = 0;
        }
        reader->delivered = number;
        reader->started = true;
}

/* ---- reading: the bounded loop ------------------------------------------------------------- */

typedef enum seqcast_state seqcast_ring_find(const struct seqcast_ring *, const struct seqcast_ring_reader *,
                                             struct seqcast_ring_view *);

/** Copy what the caller wants of a view (R2). @return 0, or an error, believed if the view was valid */
typedef int seqcast_ring_take(void *context, const struct seqcast_ring_view *view);

/** Find, take, check, once. @return as seqcast_ring_read(); SEQCAST_BUSY: it may succeed the next time */
SEQCAST__HOT int seqcast_ring_try(const struct seqcast_ring *ring, struct seqcast_ring_reader *reader,
                                  seqcast_ring_find *find, seqcast_ring_take *take, void *context,
                                  seqcast_sample *ret_sample)
{
        struct seqcast_ring_view view;
        enum seqcast_state state = find(ring, reader, &view);
        int r;

        if (state != SEQCAST_OK)
                return (int)state;
        r = take(context, &view);
        if (SEQCAST__UNLIKELY(!seqcast_ring_view_valid(&view)))
                return SEQCAST_BUSY;
        if (SEQCAST__UNLIKELY(r < 0))
                return r;
        seqcast_ring_deliver(reader, &view, ret_sample);
        return SEQCAST_OK;
}

/* What is left of the attempts after the first one. */
static __attribute__((noinline, unused)) int seqcast__ring_retry(const struct seqcast_ring *ring,
                                                                 struct seqcast_ring_reader *reader,
                                                                 seqcast_ring_find *find,
                                                                 seqcast_ring_take *take, void *context,
                                                                 seqcast_sample *ret_sample)
{
        for (int attempt = 1; attempt < SEQCAST_READ_ATTEMPTS_MAX; attempt++) {
                int r;

                reader->retries++;
                seqcast__cpu_relax();
                r = seqcast_ring_try(ring, reader, find, take, context, ret_sample);
                if (r != SEQCAST_BUSY)
                        return r;
        }
        reader->retries++;
        return SEQCAST_BUSY;
}

/**
 * Find, take, check, up to SEQCAST_READ_ATTEMPTS_MAX times. Both functions are meant to be constants: the
 * first attempt, which is nearly always the only one, is made without a call.
 */
SEQCAST__HOT int seqcast_ring_read(const struct seqcast_ring *ring, struct seqcast_ring_reader *reader,
                                   seqcast_ring_find *find, seqcast_ring_take *take, void *context,
                                   seqcast_sample *ret_sample)
{
        int r = seqcast_ring_try(ring, reader, find, take, context, ret_sample);

        if (SEQCAST__UNLIKELY(r == SEQCAST_BUSY))
                return seqcast__ring_retry(ring, reader, find, take, context, ret_sample);
        return r;
}

struct seqcast_ring_buffer {
        void *to;
        size_t capacity;
};

SEQCAST__HOT int seqcast_ring_take_whole(void *context, const struct seqcast_ring_view *view)
{
        const struct seqcast_ring_buffer *buffer = (const struct seqcast_ring_buffer *)context;

        if (view->bytes > buffer->capacity)
                return -EMSGSIZE;
        seqcast_copy_load(buffer->to, view->payload, 0, (size_t)view->bytes); /* R2 */
        return 0;
}

struct seqcast_ring_read_parts {
        const seqcast_read_part *parts;
        size_t count;
};

SEQCAST__HOT int seqcast_ring_take_parts(void *context, const struct seqcast_ring_view *view)
{
        const struct seqcast_ring_read_parts *list = (const struct seqcast_ring_read_parts *)context;

        for (size_t i = 0; i < list->count; i++) {
                const seqcast_read_part *part = &list->parts[i];

                if (!seqcast_ring_range_fits(part->offset, part->bytes, view->bytes))
                        return -ERANGE;
                seqcast_copy_load(part->to, view->payload, part->offset, part->bytes); /* R2 */
        }
        return 0;
}

/** Copy the newest record. @return 0; SEQCAST_EMPTY; SEQCAST_RETIRED; SEQCAST_BUSY; -EMSGSIZE */
SEQCAST__HOT int seqcast_ring_read_newest(const struct seqcast_ring *ring, struct seqcast_ring_reader *reader,
                                          void *record, size_t capacity, seqcast_sample *ret_sample)
{
        struct seqcast_ring_buffer buffer = { record, capacity };

        return seqcast_ring_read(ring, reader, seqcast_ring_find_newest, seqcast_ring_take_whole, &buffer,
                                 ret_sample);
}

/** Copy the next record in order. @return as above; SEQCAST_NONE */
SEQCAST__HOT int seqcast_ring_read_next(const struct seqcast_ring *ring, struct seqcast_ring_reader *reader,
                                        void *record, size_t capacity, seqcast_sample *ret_sample)
{
        struct seqcast_ring_buffer buffer = { record, capacity };

        return seqcast_ring_read(ring, reader, seqcast_ring_find_next, seqcast_ring_take_whole, &buffer,
                                 ret_sample);
}

/** Copy parts of the newest or the next record. @return as above; -ERANGE */
SEQCAST__HOT int seqcast_ring_read_newest_parts(const struct seqcast_ring *ring,
                                                struct seqcast_ring_reader *reader,
                                                const seqcast_read_part *parts, size_t count,
                                                seqcast_sample *ret_sample)
{
        struct seqcast_ring_read_parts list = { parts, count };

        return seqcast_ring_read(ring, reader, seqcast_ring_find_newest, seqcast_ring_take_parts, &list,
                                 ret_sample);
}

SEQCAST__HOT int seqcast_ring_read_next_parts(const struct seqcast_ring *ring,
                                              struct seqcast_ring_reader *reader,
                                              const seqcast_read_part *parts, size_t count,
                                              seqcast_sample *ret_sample)
{
        struct seqcast_ring_read_parts list = { parts, count };

        return seqcast_ring_read(ring, reader, seqcast_ring_find_next, seqcast_ring_take_parts, &list,
                                 ret_sample);
}

/** Everything published so far counts as delivered. */
static inline void seqcast_ring_skip(const struct seqcast_ring *ring, struct seqcast_ring_reader *reader)
{
        uint64_t version = seqcast_ring_version(ring) & ~SEQCAST_VERSION_RETIRED; /* R0 */

        if (version > reader->delivered)
                reader->delivered = version;
        reader->started = true;
}

#endif
