/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The reader's side of the ring by pread(2), in the order of ring.h:
 *
 *   K0  version                    R0
 *   K1  sequence word              R1 / N1
 *   K2  length, time, payload      R2
 *   K3  sequence word again        R3, R4
 *
 * Each is a system call of its own, with an acquire fence behind it: what the kernel loads for us, it loads
 * on this processor, or on another one that a barrier of the scheduler lies between. They pair with W4, W5,
 * T3 and X2 as the loads do that they stand for. The kernel copies aligned words whole. */

#include "handle/fetch.h"

#include <errno.h>

#include "platform/memory.h"

/* The image: control words, then the heads of the slots. */
#define CONTROL_BYTES (SEQCAST__CONTROL_WORDS * SEQCAST_WORD_BYTES)
#define HEAD_BYTES ((uint64_t)SEQCAST_SLOT_HEAD_TIME_BYTES)

int seqcast__fetch_open(struct seqcast__segment *segment)
{
        segment->base_bytes = CONTROL_BYTES + segment->header.depth * HEAD_BYTES;
        segment->fetched = true;
        return seqcast__memory_map_private(segment->base_bytes, &segment->base);
}

struct seqcast_ring seqcast__fetch_ring(const struct seqcast__segment *segment)
{
        struct seqcast_ring ring = seqcast__layout_ring(&segment->header, segment->base);

        ring.version = seqcast__segment_control(segment) + SEQCAST__CONTROL_VERSION;
        ring.slots = (unsigned char *)segment->base + CONTROL_BYTES;
        ring.stride = HEAD_BYTES;
        ring.payload_offset = HEAD_BYTES; /* there is none */
        return ring;
}

static int fetch(const struct seqcast__segment *segment, uint64_t offset, void *to, size_t bytes)
{
        int r = seqcast__shm_read(segment->fd, offset, to, bytes);

        SEQCAST_FENCE(memory_order_acquire); /* of K0 to K3, each pairs with what its counterpart does */
        return r;
}

/* Words of control, from `first` on. */
static int fetch_control(const struct seqcast__segment *segment, unsigned first, unsigned count)
{
        return fetch(segment, segment->header.control_offset + first * SEQCAST_WORD_BYTES,
                     seqcast__segment_control(segment) + first, count * SEQCAST_WORD_BYTES);
}

int seqcast__fetch_control(const struct seqcast__segment *segment)
{
        return segment->fetched ? fetch_control(segment, 0, SEQCAST__CONTROL_WORDS) : 0;
}

static int fetch_version(const struct seqcast__segment *segment)
{
        return fetch_control(segment, SEQCAST__CONTROL_VERSION, 1); /* K0 */
}

/* Where in the object the slot is that `slot` is the image's head of. */
static uint64_t slot_offset(const struct seqcast__segment *segment, const struct seqcast_ring *ring,
                            const seqcast_word *slot)
{
        uint64_t index = (uint64_t)((const unsigned char *)slot - ring->slots) / HEAD_BYTES;

        return segment->header.slots_offset + index * segment->header.slot_stride;
}

static int fetch_seq(const struct seqcast__segment *segment, const struct seqcast_ring *ring,
                     const seqcast_word *slot)
{
        uint64_t offset = slot_offset(segment, ring, slot);

        return fetch(segment, offset, (void *)(slot + SEQCAST_SLOT_SEQ), SEQCAST_WORD_BYTES); /* K1, K3 */
}

int seqcast__fetch_news(const struct seqcast__segment *segment, const struct seqcast_ring *ring,
                        const struct seqcast_ring_reader *reader)
{
        int r = fetch_version(segment);

        return r < 0 ? r : fetch_seq(segment, ring, seqcast_ring_slot(ring, reader->delivered + 1));
}

/* Where to look for the next record: at its place, if that may not have been overwritten yet; then at the
 * oldest that is safe to read; and as that goes away while we ask, at one in the middle. */
static uint64_t resume(const struct seqcast_ring *ring, uint64_t want, uint64_t version, int attempt)
{
        uint64_t depth = ring->depth_mask + 1;

        if (depth == 1 || version + (attempt == 0 ? 1 : 2) <= want + depth)
                return want;
        return attempt <= 1 ? version + 2 - depth : version + 1 - depth / 2;
}

/* Version, then the sequence word that finding looks at. @param ret_from where to find it from */
static int fetch_head(const struct seqcast__segment *segment, const struct seqcast_ring *ring, bool in_order,
                      int attempt, struct seqcast_ring_reader *ret_from)
{
        uint64_t version, number;
        int r = fetch_version(segment);

        if (r < 0)
                return r;
        version = seqcast_ring_version(ring) & ~SEQCAST_VERSION_RETIRED;
        if (in_order) {
                number = resume(ring, ret_from->delivered + 1, version, attempt);
                ret_from->delivered = number - 1;
        } else {
                number = version > ret_from->delivered ? version : ret_from->delivered;
        }
        return fetch_seq(segment, ring, seqcast_ring_slot(ring, number));
}

/* K2: what stands behind the sequence word of the slot that was found, then what is asked for. */
static int take(const struct seqcast__segment *segment, const struct seqcast_ring *ring,
                const struct seqcast__read_request *request, struct seqcast_ring_view *view)
{
        uint64_t slot = slot_offset(segment, ring, view->slot);
        uint64_t payload = slot + segment->header.payload_offset;
        uint64_t head[SEQCAST_SLOT_TIME + 1] = { 0 };
        size_t last = ring->times ? SEQCAST_SLOT_TIME : SEQCAST_SLOT_LENGTH;
        int r = fetch(segment, slot + SEQCAST_WORD_BYTES, head + 1, last * SEQCAST_WORD_BYTES);

        if (r < 0)
                return r;
        view->time_ns = (int64_t)head[SEQCAST_SLOT_TIME];
        view->bytes = head[SEQCAST_SLOT_LENGTH];
        if (view->bytes > ring->record_bytes)
                view->bytes = ring->record_bytes;
        if (request->whole && view->bytes > request->capacity)
                return -EMSGSIZE;
        if (request->whole)
                return fetch(segment, payload, request->record, (size_t)view->bytes);
        for (size_t i = 0; i < request->count && r == 0; i++) {
                const seqcast_read_part *part = &request->parts[i];

                if (!seqcast_ring_range_fits(part->offset, part->bytes, view->bytes))
                        return -ERANGE;
                r = fetch(segment, payload + part->offset, part->to, part->bytes);
        }
        return r;
}

int seqcast__fetch_read(const struct seqcast__segment *segment, const struct seqcast_ring *ring,
                        struct seqcast_ring_reader *reader, const struct seqcast__read_request *request,
                        seqcast_sample *ret_sample)
{
        for (int attempt = 0; attempt < SEQCAST_READ_ATTEMPTS_MAX; attempt++) {
                struct seqcast_ring_reader from = *reader;
                struct seqcast_ring_view view;
                bool in_order = request->next && reader->started;
                int state, taken, r = fetch_head(segment, ring, in_order, attempt, &from);

                if (r < 0)
                        return r;
                state = (int)(in_order ? seqcast_ring_find_next : seqcast_ring_find_newest)(ring, &from,
                                                                                            &view);
                if (state == SEQCAST_BUSY)
                        continue;
                if (state != SEQCAST_OK)
                        return state;
                taken = take(segment, ring, request, &view);
                r = fetch_seq(segment, ring, view.slot); /* K3 */
                if (r < 0)
                        return r;
                if (!seqcast_ring_view_valid(&view))
                        continue;
                if (taken == 0)
                        seqcast_ring_deliver(reader, &view, ret_sample);
                return taken;
        }
        return SEQCAST_BUSY;
}
