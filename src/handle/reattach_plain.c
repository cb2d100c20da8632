/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Without any other library: the mapping stays where it is. A stretch of address space is reserved once,
 * and another segment is mapped over the one before, so that no address that a reader may hold ever
 * becomes invalid. What it then reads may be a mix of both; an epoch, odd while the change is made, tells.
 *
 *   replace                                          visit
 *   P1  epoch odd                    relaxed         V1  epoch, must be even             acquire
 *   P2  fence                        release         V2  where it is, which one          acquire
 *   P3  map over it; where it is     release         V3, V4, then read, then again
 *   P4  epoch even                   release         V3  fence                           acquire
 *                                                    V4  is the epoch the same?          relaxed
 *
 *   Before reading, as a reader that took the place of one segment for that of another would go on with it
 *   in its next visits, which find nothing wrong.
 *
 *   P2 / V3   whoever has read something that P3 put there finds, in V4, the epoch of P1 or a later one.
 *             (A page is no word: the kernel shoots down all processors' stale translations before
 *             mmap() returns, which orders P1 before every load from the new page.)
 *   P3 / V2   whoever finds a new place finds what it says.
 *   P4 / V1   whoever finds the even epoch finds what P3 has put there.
 *
 * Where a mapping is and what it looks like stands in a structure that is kept until the end; another one
 * is made only when that changes, so a thousand restarts of a publisher need one. */

#define _GNU_SOURCE
#include "handle/reattach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/memory.h"
#include "platform/sanitizer.h"

struct place {
        struct place *next;
        struct seqcast__mapping mapping;
};

struct reserve {
        struct reserve *next;
        unsigned char *base;
        uint64_t bytes;
};

struct seqcast__reattach {
        seqcast_word epoch;
        seqcast_word generation;
        _Atomic(struct place *) present;
        struct place *places;     /* all there ever were, the present one included */
        struct reserve *reserves; /* the first one is in use; the others are of segments that were smaller */
};

static int make_reserve(struct seqcast__reattach *reattach, uint64_t bytes, uint64_t alignment)
{
        struct reserve *reserve = malloc(sizeof *reserve);
        uint64_t room = 2 * bytes; /* segments grow; but address space may be short */
        void *base;
        int r;

        if (reserve == NULL)
                return -ENOMEM;
        r = seqcast__memory_reserve(room, alignment, &base);
        if (r < 0)
                r = seqcast__memory_reserve(room = bytes, alignment, &base);
        if (r < 0) {
                free(reserve);
                return r;
        }
        *reserve = (struct reserve){ reattach->reserves, base, room };
        reattach->reserves = reserve;
        return 0;
}

static void drop_reserve(struct seqcast__reattach *reattach)
{
        struct reserve *reserve = reattach->reserves;

        reattach->reserves = reserve->next;
        seqcast__memory_unmap(reserve->base, reserve->bytes);
        free(reserve);
}

/* Where `mapping` says it is may have been said before. @return NULL: out of memory */
static struct place *find_place(struct seqcast__reattach *reattach, const struct seqcast__mapping *mapping)
{
        struct place *place;

        for (place = reattach->places; place != NULL; place = place->next) {
                const struct seqcast_ring *a = &place->mapping.ring, *b = &mapping->ring;

                if (a->version == b->version && a->slots == b->slots && a->depth_mask == b->depth_mask &&
                    a->stride == b->stride && a->payload_offset == b->payload_offset &&
                    a->record_bytes == b->record_bytes && a->times == b->times &&
                    place->mapping.bytes == mapping->bytes && place->mapping.fd == mapping->fd &&
                    place->mapping.sparse == mapping->sparse)
                        return place;
        }
        place = malloc(sizeof *place);
        if (place == NULL)
                return NULL;
        *place = (struct place){ reattach->places, *mapping };
        reattach->places = place;
        return place;
}

int seqcast__reattach_open(struct seqcast__segment *segment, struct seqcast__reattach **ret_reattach)
{
        struct seqcast__reattach *reattach = calloc(1, sizeof *reattach);
        struct seqcast__segment moved = *segment;
        struct place *place;
        int r;

        if (reattach == NULL)
                return -ENOMEM;
        r = make_reserve(reattach, segment->header.segment_bytes, segment->alignment);
        if (r < 0) {
                free(reattach);
                return r;
        }
        moved.base = reattach->reserves->base;
        place = find_place(reattach, &(struct seqcast__mapping){ 0 });
        r = place == NULL
                    ? -ENOMEM
                    : seqcast__memory_map_read_at(segment->fd, segment->header.segment_bytes, moved.base);
        if (r < 0) {
                drop_reserve(reattach);
                free(place);
                free(reattach);
                return r;
        }
        place->mapping = seqcast__mapping_of(&moved);
        atomic_init(&reattach->present, place);
        seqcast__memory_unmap(segment->base, segment->header.segment_bytes);
        segment->base = moved.base;
        *ret_reattach = reattach;
        return 0;
}

void seqcast__reattach_close(struct seqcast__reattach *reattach, struct seqcast__segment *segment)
{
        while (reattach->reserves != NULL)
                drop_reserve(reattach);
        while (reattach->places != NULL) {
                struct place *place = reattach->places;

                reattach->places = place->next;
                free(place);
        }
        free(reattach);
        segment->base = NULL;
}

bool seqcast__reattach_enter(struct seqcast__reattach *reattach, struct seqcast__visit *ret_visit)
{
        uint64_t epoch = atomic_load_explicit(&reattach->epoch, memory_order_acquire); /* V1 pairs with P4 */
        const struct place *place =
                atomic_load_explicit(&reattach->present, memory_order_acquire); /* V2 pairs with P3 */

        *ret_visit =
                (struct seqcast__visit){ &place->mapping, seqcast_word_load_relaxed(&reattach->generation),
                                         epoch }; /* V2 */
        return epoch % 2 == 0 && seqcast__reattach_leave(reattach, ret_visit);
}

bool seqcast__reattach_leave(struct seqcast__reattach *reattach, const struct seqcast__visit *visit)
{
        SEQCAST_FENCE(memory_order_acquire);                                /* V3 pairs with P2 */
        return seqcast_word_load_relaxed(&reattach->epoch) == visit->epoch; /* V4 */
}

uint64_t seqcast__reattach_generation(const struct seqcast__reattach *reattach)
{
        return seqcast_word_load_relaxed(&reattach->generation);
}

/* P3. A failed mmap() may have taken away what was there before. */
static int change(struct seqcast__reattach *reattach, const struct seqcast__segment *present,
                  const struct seqcast__segment *fresh, struct place *place)
{
        unsigned char *base = reattach->reserves->base;
        uint64_t bytes = fresh->header.segment_bytes, old_bytes = present->header.segment_bytes;
        int r = seqcast__memory_map_read_at(fresh->fd, bytes, base);

        if (r == 0 && dup3(fresh->fd, present->fd, O_CLOEXEC) < 0)
                r = -errno;
        if (r < 0) {
                seqcast__memory_blank_at(base, bytes);
                if (base == present->base)
                        seqcast__memory_map_read_at(present->fd, old_bytes, base);
                return r;
        }
        /* What is left of the old segment has to go, but not its addresses. */
        if (base != present->base)
                seqcast__memory_blank_at(present->base, old_bytes);
        else if (old_bytes > bytes)
                seqcast__memory_blank_at(base + bytes, old_bytes - bytes);
        atomic_store_explicit(&reattach->present, place, memory_order_release); /* P3 pairs with V2 */
        seqcast_word_store_relaxed(&reattach->generation, seqcast__reattach_generation(reattach) + 1);
        return 0;
}

int seqcast__reattach_replace(struct seqcast__reattach *reattach, struct seqcast__segment *present,
                              struct seqcast__segment *fresh)
{
        uint64_t epoch = seqcast_word_load_relaxed(&reattach->epoch);
        bool grows = fresh->header.segment_bytes > reattach->reserves->bytes ||
                     (fresh->alignment != 0 && (uintptr_t)reattach->reserves->base % fresh->alignment != 0);
        struct seqcast__segment moved = *fresh;
        struct seqcast__mapping mapping;
        struct place *place;
        int r = grows ? make_reserve(reattach, fresh->header.segment_bytes, fresh->alignment) : 0;

        if (r < 0)
                return r;
        moved.fd = present->fd;
        moved.base = reattach->reserves->base;
        mapping = seqcast__mapping_of(&moved);
        place = find_place(reattach, &mapping);
        if (place == NULL) {
                r = -ENOMEM;
        } else {
                atomic_store_explicit(&reattach->epoch, epoch + 1, memory_order_relaxed); /* P1 */
                SEQCAST_FENCE(memory_order_release); /* P2 pairs with V3 */
                SEQCAST__TSAN_MAPPING_BEGIN();
                r = change(reattach, present, fresh, place);
                SEQCAST__TSAN_MAPPING_END();
                atomic_store_explicit(&reattach->epoch, epoch + 2,
                                      memory_order_release); /* P4 pairs with V1 */
        }
        if (r < 0) {
                if (grows)
                        drop_reserve(reattach);
                return r;
        }
        seqcast__memory_unmap(fresh->base, fresh->header.segment_bytes);
        close(fresh->fd);
        seqcast_schema_free(fresh->schema);
        moved.schema = present->schema;
        *present = moved;
        *fresh = (struct seqcast__segment){ .fd = -1 };
        return 0;
}
