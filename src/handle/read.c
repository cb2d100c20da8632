/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Reading: the ring's, with holes of sparse segments left alone; from a mapping of one's own, from one that
 * another thread may replace, or without any. */

#include "handle/subscriber.h"

#include <errno.h>
#include <string.h>

/* ---- reading sparse segments --------------------------------------------------------------- */

static uint64_t segment_offset(const seqcast_subscriber *subscriber, const seqcast_word *payload)
{
        return (uintptr_t)payload - (uintptr_t)subscriber->base;
}

/* ... where a page may be a hole. */
static __attribute__((noinline)) int load_around_holes(seqcast_subscriber *subscriber, void *to,
                                                       const seqcast_word *payload, uint64_t offset,
                                                       uint64_t bytes)
{
        uint64_t base = segment_offset(subscriber, payload);
        uint64_t end = offset + bytes;
        unsigned char *target = to;

        while (offset < end) {
                uint64_t stop;
                int r = seqcast__presence_look(&subscriber->presence, base + offset, base + end, &stop);
                size_t length;

                if (r < 0)
                        return r;
                length = (size_t)(stop - base - offset);
                if (r == 1)
                        seqcast_copy_load(target, payload, offset, length);
                else
                        memset(target, 0, length);
                target += length;
                offset += length;
        }
        return 0;
}

/* R2 for [offset, offset + bytes) of a payload, holes as zeros. A page that a publication has stored to
 * had its memory before that publication's W1, so a reader that finds a hole, and the view valid
 * afterwards, has found the zeros of this publication. */
static inline int load_present(seqcast_subscriber *subscriber, void *to, const seqcast_word *payload,
                               uint64_t offset, uint64_t bytes)
{
        uint64_t begin = segment_offset(subscriber, payload) + offset;

        if (bytes == 0 || !seqcast__presence_knows(&subscriber->presence, begin, begin + bytes))
                return load_around_holes(subscriber, to, payload, offset, bytes);
        seqcast_copy_load(to, payload, offset, (size_t)bytes);
        return 0;
}

struct sparse_buffer {
        seqcast_subscriber *subscriber;
        struct seqcast_ring_buffer buffer;
};

SEQCAST__HOT int take_sparse_whole(void *context, const struct seqcast_ring_view *view)
{
        const struct sparse_buffer *sparse = context;

        if (view->bytes > sparse->buffer.capacity)
                return -EMSGSIZE;
        return load_present(sparse->subscriber, sparse->buffer.to, view->payload, 0, view->bytes);
}

struct sparse_parts {
        seqcast_subscriber *subscriber;
        struct seqcast_ring_read_parts list;
};

SEQCAST__HOT int take_sparse_parts(void *context, const struct seqcast_ring_view *view)
{
        const struct sparse_parts *sparse = context;

        for (size_t i = 0; i < sparse->list.count; i++) {
                const seqcast_read_part *part = &sparse->list.parts[i];
                int r;

                if (!seqcast_ring_range_fits(part->offset, part->bytes, view->bytes))
                        return -ERANGE;
                r = load_present(sparse->subscriber, part->to, view->payload, part->offset, part->bytes);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The ring's functions are named as constants, so that each becomes straight code. */
static int read_sparse_whole(seqcast_subscriber *subscriber, void *record, size_t capacity,
                             seqcast_sample *ret_sample, bool next)
{
        struct sparse_buffer sparse = { subscriber, { record, capacity } };

        return next ? seqcast_ring_read(&subscriber->ring, &subscriber->reader, seqcast_ring_find_next,
                                        take_sparse_whole, &sparse, ret_sample)
                    : seqcast_ring_read(&subscriber->ring, &subscriber->reader, seqcast_ring_find_newest,
                                        take_sparse_whole, &sparse, ret_sample);
}

static int read_sparse_parts(seqcast_subscriber *subscriber, const seqcast_read_part *parts, size_t count,
                             seqcast_sample *ret_sample, bool next)
{
        struct sparse_parts sparse = { subscriber, { parts, count } };

        return next ? seqcast_ring_read(&subscriber->ring, &subscriber->reader, seqcast_ring_find_next,
                                        take_sparse_parts, &sparse, ret_sample)
                    : seqcast_ring_read(&subscriber->ring, &subscriber->reader, seqcast_ring_find_newest,
                                        take_sparse_parts, &sparse, ret_sample);
}

/* ---- reading ------------------------------------------------------------------------------- */

static int read_mapped(seqcast_subscriber *subscriber, const struct seqcast__read_request *request,
                       seqcast_sample *ret_sample)
{
        const struct seqcast_ring *ring = &subscriber->ring;
        struct seqcast_ring_reader *reader = &subscriber->reader;

        if (subscriber->sparse)
                return request->whole ? read_sparse_whole(subscriber, request->record, request->capacity,
                                                          ret_sample, request->next)
                                      : read_sparse_parts(subscriber, request->parts, request->count,
                                                          ret_sample, request->next);
        if (request->whole)
                return (request->next ? seqcast_ring_read_next : seqcast_ring_read_newest)(
                        ring, reader, request->record, request->capacity, ret_sample);
        return (request->next ? seqcast_ring_read_next_parts : seqcast_ring_read_newest_parts)(
                ring, reader, request->parts, request->count, ret_sample);
}

/* In a mapping that another thread may replace. */
static int read_shared(seqcast_subscriber *subscriber, const struct seqcast__read_request *request,
                       seqcast_sample *ret_sample)
{
        for (int attempt = 0; attempt < SEQCAST_READ_ATTEMPTS_MAX; attempt++) {
                struct seqcast_ring_reader before;
                struct seqcast__visit visit;
                seqcast_sample sample;
                int r = seqcast__subscriber_enter(subscriber, &visit);

                if (r < 0)
                        return r;
                if (r == 0 && subscriber->moved) {
                        seqcast__subscriber_leave(subscriber, &visit);
                        return seqcast__subscriber_tell_moved(subscriber);
                }
                if (r == 0) {
                        before = subscriber->reader;
                        r = read_mapped(subscriber, request, &sample);
                        if (seqcast__subscriber_leave(subscriber, &visit)) {
                                if (r == 0 && ret_sample != NULL)
                                        *ret_sample = sample;
                                return r;
                        }
                        before.retries = subscriber->reader.retries;
                        subscriber->reader = before;
                }
                seqcast__cpu_relax();
        }
        return SEQCAST_BUSY;
}

/* SEQCAST__OTHERWISE */
static int read_otherwise(seqcast_subscriber *subscriber, const struct seqcast__read_request *request,
                          seqcast_sample *ret_sample)
{
        if (subscriber->shared != NULL)
                return read_shared(subscriber, request, ret_sample);
        return seqcast__fetch_read(&subscriber->own, &subscriber->ring, &subscriber->reader, request,
                                   ret_sample);
}

/* What follows is called often: one attempt, straight on. What is rare, or takes long, is called at the end,
 * with what is in registers anyway, so that nothing has to be saved for it. */

/* ... the attempts after the first, or of another way. */
static __attribute__((noinline)) int read_whole_otherwise(seqcast_subscriber *subscriber, void *record,
                                                          size_t capacity, seqcast_sample *ret_sample,
                                                          bool next)
{
        const struct seqcast__read_request request = {
                .next = next, .whole = true, .record = record, .capacity = capacity
        };
        struct seqcast_ring_buffer buffer = { record, capacity };

        if (subscriber->way == SEQCAST__DIRECT)
                return seqcast__ring_retry(&subscriber->ring, &subscriber->reader,
                                           next ? seqcast_ring_find_next : seqcast_ring_find_newest,
                                           seqcast_ring_take_whole, &buffer, ret_sample);
        if (subscriber->way == SEQCAST__SPARSE)
                return read_sparse_whole(subscriber, record, capacity, ret_sample, next);
        return read_otherwise(subscriber, &request, ret_sample);
}

static __attribute__((noinline)) int read_parts_otherwise(seqcast_subscriber *subscriber,
                                                          const seqcast_read_part *parts, size_t count,
                                                          seqcast_sample *ret_sample, bool next)
{
        const struct seqcast__read_request request = { .next = next, .parts = parts, .count = count };
        struct seqcast_ring_read_parts list = { parts, count };

        if (subscriber->way == SEQCAST__DIRECT)
                return seqcast__ring_retry(&subscriber->ring, &subscriber->reader,
                                           next ? seqcast_ring_find_next : seqcast_ring_find_newest,
                                           seqcast_ring_take_parts, &list, ret_sample);
        if (subscriber->way == SEQCAST__SPARSE)
                return read_sparse_parts(subscriber, parts, count, ret_sample, next);
        return read_otherwise(subscriber, &request, ret_sample);
}

/* `find` is known where this is called. */
SEQCAST__HOT int read_whole(seqcast_subscriber *subscriber, seqcast_ring_find *find, void *record,
                            size_t capacity, seqcast_sample *ret_sample)
{
        struct seqcast_ring_buffer buffer = { record, capacity };
        int r = SEQCAST_BUSY;

        if (subscriber->way == SEQCAST__DIRECT)
                r = seqcast_ring_try(&subscriber->ring, &subscriber->reader, find, seqcast_ring_take_whole,
                                     &buffer, ret_sample);
        if (SEQCAST__UNLIKELY(r == SEQCAST_BUSY))
                return read_whole_otherwise(subscriber, record, capacity, ret_sample,
                                            find == seqcast_ring_find_next);
        return r;
}

SEQCAST__HOT int read_parts(seqcast_subscriber *subscriber, seqcast_ring_find *find,
                            const seqcast_read_part *parts, size_t count, seqcast_sample *ret_sample)
{
        struct seqcast_ring_read_parts list = { parts, count };
        int r = SEQCAST_BUSY;

        if (count > SEQCAST_PARTS_MAX)
                return -E2BIG;
        if (subscriber->way == SEQCAST__DIRECT)
                r = seqcast_ring_try(&subscriber->ring, &subscriber->reader, find, seqcast_ring_take_parts,
                                     &list, ret_sample);
        if (SEQCAST__UNLIKELY(r == SEQCAST_BUSY))
                return read_parts_otherwise(subscriber, parts, count, ret_sample,
                                            find == seqcast_ring_find_next);
        return r;
}

int seqcast_read_newest(seqcast_subscriber *subscriber, void *record, size_t capacity,
                        seqcast_sample *ret_sample)
{
        return read_whole(subscriber, seqcast_ring_find_newest, record, capacity, ret_sample);
}

int seqcast_read_next(seqcast_subscriber *subscriber, void *record, size_t capacity,
                      seqcast_sample *ret_sample)
{
        return read_whole(subscriber, seqcast_ring_find_next, record, capacity, ret_sample);
}

int seqcast_read_newest_parts(seqcast_subscriber *subscriber, const seqcast_read_part *parts, size_t count,
                              seqcast_sample *ret_sample)
{
        return read_parts(subscriber, seqcast_ring_find_newest, parts, count, ret_sample);
}

int seqcast_read_next_parts(seqcast_subscriber *subscriber, const seqcast_read_part *parts, size_t count,
                            seqcast_sample *ret_sample)
{
        return read_parts(subscriber, seqcast_ring_find_next, parts, count, ret_sample);
}

int seqcast_read_begin(seqcast_subscriber *subscriber, const void **ret_record, seqcast_sample *ret_sample)
{
        /* What is looked at must not go away, and looks have no bound. */
        if (subscriber->shared != NULL || subscriber->fetched)
                return -EINVAL;
        for (int attempt = 0; attempt < SEQCAST_READ_ATTEMPTS_MAX; attempt++) {
                enum seqcast_state state =
                        seqcast_ring_find_newest(&subscriber->ring, &subscriber->reader, &subscriber->view);
                struct seqcast_ring_reader preview = subscriber->reader;

                if (state == SEQCAST_OK && seqcast_ring_view_valid(&subscriber->view)) {
                        subscriber->looking = true;
                        seqcast_ring_deliver(&preview, &subscriber->view, ret_sample);
                        *ret_record = subscriber->view.payload;
                        return SEQCAST_OK;
                }
                if (state != SEQCAST_OK && state != SEQCAST_BUSY)
                        return (int)state;
                subscriber->reader.retries++;
                seqcast__cpu_relax();
        }
        return SEQCAST_BUSY;
}

int seqcast_read_end(seqcast_subscriber *subscriber)
{
        if (!subscriber->looking)
                return -EINVAL;
        subscriber->looking = false;
        if (!seqcast_ring_view_valid(&subscriber->view))
                return SEQCAST_OVERWRITTEN;
        /* A newer one may have been read meanwhile: numbers never go backwards. */
        if (subscriber->view.begun / 2 >= subscriber->reader.delivered)
                seqcast_ring_deliver(&subscriber->reader, &subscriber->view, NULL);
        return SEQCAST_OK;
}
