/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Publishing by parts: the newest record with some byte ranges changed, at the cost of these bytes.
 *
 * The slot that a publication takes holds a record that is `depth` publications old. The writer first
 * repeats there what the publications since then have changed, taken from the slot of the newest
 * record; it remembers those ranges in private memory. Where it does not remember (after a whole
 * publication, or at a takeover) the whole record is copied. The order of stores is that of ring.h:
 * everything here happens between W2 and W4. */

#ifndef SEQCAST_RING_PARTS_H
#define SEQCAST_RING_PARTS_H

#include "seqcast/ring.h"

struct seqcast_ring_change {
        uint64_t number;
        uint64_t offset;
        uint64_t bytes;
};

/** The writer's private memory of what was changed lately. Zero `appended`, set the rest. */
struct seqcast_ring_changes {
        struct seqcast_ring_change *log;
        uint64_t log_mask;   /* entries in the log, a power of two, minus 1 */
        uint64_t appended;   /* entries ever appended; entry i lies at i & log_mask */
        uint64_t known_from; /* all changes of this publication and of later ones are in the log */
};

/** Publication `number` changed everything, or who knows what. */
static inline void seqcast_ring_changed_all(struct seqcast_ring_changes *changes, uint64_t number)
{
        changes->known_from = number + 1;
}

/** Publication `number` changed these bytes. The same range as last time, which is the usual case, takes
 *  no new entry: to say that it changed later than it did first is to repeat it once too often at most. */
static inline void seqcast_ring_changed(struct seqcast_ring_changes *changes, uint64_t number,
                                        uint64_t offset, uint64_t bytes)
{
        struct seqcast_ring_change *newest = &changes->log[(changes->appended - 1) & changes->log_mask];
        struct seqcast_ring_change *entry = &changes->log[changes->appended & changes->log_mask];

        if (changes->appended != 0 && newest->offset == offset && newest->bytes == bytes) {
                newest->number = number;
                return;
        }
        if (changes->appended > changes->log_mask && entry->number >= changes->known_from)
                changes->known_from = entry->number + 1; /* pushed out by this one */
        entry->number = number;
        entry->offset = offset;
        entry->bytes = bytes;
        changes->appended++;
}

/** How to turn the slot of the next publication into a copy of the newest record. */
enum seqcast_ring_renewal {
        SEQCAST_RENEW_NOTHING, /* it is one already */
        SEQCAST_RENEW_CHANGES, /* repeat the logged changes since `first`, taken from `base` */
        SEQCAST_RENEW_WHOLE,   /* copy `bytes` bytes from `base` */
        SEQCAST_RENEW_ZERO     /* nothing was published yet, but an attempt has left its traces */
};

struct seqcast_ring_plan {
        enum seqcast_ring_renewal renewal;
        const seqcast_word *base; /* payload of the newest record */
        uint64_t bytes;           /* its length; ring->record_bytes if there is none */
        uint64_t first;
};

/** Walk the log backwards, over publications >= first. Start with *position = changes->appended.
 *  @return the next change, NULL at the end */
static inline const struct seqcast_ring_change *
seqcast_ring_change_before(const struct seqcast_ring_changes *changes, uint64_t first, uint64_t *position)
{
        const struct seqcast_ring_change *entry;

        if (*position == 0 || changes->appended - *position > changes->log_mask)
                return NULL;
        entry = &changes->log[(*position - 1) & changes->log_mask];
        if (entry->number < first)
                return NULL;
        --*position;
        return entry;
}

/** @return 0; -ENODATA at depth 1, when the last writer died in mid-publication */
static inline int seqcast_ring_make_plan(const struct seqcast_ring *ring,
                                         const struct seqcast_ring_changes *changes, uint64_t number,
                                         struct seqcast_ring_plan *ret_plan)
{
        seqcast_word *slot = seqcast_ring_slot(ring, number);
        uint64_t found = seqcast_word_load_relaxed(slot + SEQCAST_SLOT_SEQ);
        uint64_t depth = ring->depth_mask + 1, changed = 0, position = changes->appended;
        const struct seqcast_ring_change *change;
        struct seqcast_ring_plan plan = { SEQCAST_RENEW_NOTHING, NULL, ring->record_bytes, 0 };
        seqcast_word *newest;

        if (number == 1) {
                if (found != 0)
                        plan.renewal = SEQCAST_RENEW_ZERO;
                *ret_plan = plan;
                return 0;
        }
        newest = seqcast_ring_slot(ring, number - 1);
        if (seqcast_word_load_relaxed(newest + SEQCAST_SLOT_SEQ) != 2 * (number - 1))
                return -ENODATA;
        plan.base = seqcast_ring_payload(ring, newest);
        plan.bytes = seqcast_word_load_relaxed(newest + SEQCAST_SLOT_LENGTH);
        if (plan.bytes > ring->record_bytes)
                plan.bytes = ring->record_bytes;
        if (depth > 1) {
                plan.first = number > depth ? number - depth + 1 : 1;
                plan.renewal = SEQCAST_RENEW_CHANGES;
                /* A slot that was begun and given up holds something else than the log speaks of. */
                if (changes->known_from > plan.first || found != (number > depth ? 2 * (number - depth) : 0))
                        plan.renewal = SEQCAST_RENEW_WHOLE;
                while (plan.renewal == SEQCAST_RENEW_CHANGES &&
                       (change = seqcast_ring_change_before(changes, plan.first, &position)) != NULL) {
                        changed += change->bytes + SEQCAST_LINE_BYTES; /* an entry costs as a line does */
                        if (changed >= plan.bytes)
                                plan.renewal = SEQCAST_RENEW_WHOLE;
                }
        }
        *ret_plan = plan;
        return 0;
}

/** Repeat the logged changes in `payload`. */
static inline void seqcast_ring_renew_changes(const struct seqcast_ring_changes *changes,
                                              const struct seqcast_ring_plan *plan, seqcast_word *payload)
{
        const struct seqcast_ring_change *change;
        uint64_t position = changes->appended;

        while ((change = seqcast_ring_change_before(changes, plan->first, &position)) != NULL)
                seqcast_copy_between(payload, plan->base, change->offset, change->bytes); /* W3 */
}

/** Carry the plan out on `payload`, whose slot is open for writing. */
static inline void seqcast_ring_renew(const struct seqcast_ring_changes *changes,
                                      const struct seqcast_ring_plan *plan, seqcast_word *payload)
{
        switch (plan->renewal) {
        case SEQCAST_RENEW_NOTHING:
                break;
        case SEQCAST_RENEW_CHANGES:
                seqcast_ring_renew_changes(changes, plan, payload);
                break;
        case SEQCAST_RENEW_WHOLE:
                seqcast_copy_between(payload, plan->base, 0, plan->bytes); /* W3 */
                break;
        case SEQCAST_RENEW_ZERO:
                seqcast_copy_zero(payload, 0, plan->bytes); /* W3 */
                break;
        }
}

/** Do all parts lie within `bytes`? @return 0; -ERANGE; -E2BIG */
static inline int seqcast_ring_check_parts(const seqcast_part *parts, size_t count, uint64_t bytes)
{
        if (count > SEQCAST_PARTS_MAX)
                return -E2BIG;
        for (size_t i = 0; i < count; i++)
                if (!seqcast_ring_range_fits(parts[i].offset, parts[i].bytes, bytes))
                        return -ERANGE;
        return 0;
}

/** Store the parts and remember them. */
static inline void seqcast_ring_store_parts(struct seqcast_ring_changes *changes, uint64_t number,
                                            seqcast_word *payload, const seqcast_part *parts, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                seqcast_copy_store(payload, parts[i].offset, parts[i].from, parts[i].bytes); /* W3 */
                seqcast_ring_changed(changes, number, parts[i].offset, parts[i].bytes);
        }
}

/** Publish the newest record with some parts changed. @return 0; -ENODATA; -ERANGE; -E2BIG */
static inline int seqcast_ring_publish_parts(const struct seqcast_ring *ring,
                                             struct seqcast_ring_changes *changes, uint64_t number,
                                             const seqcast_part *parts, size_t count, int64_t time_ns)
{
        struct seqcast_ring_plan plan;
        seqcast_word *slot, *payload;
        int r = seqcast_ring_make_plan(ring, changes, number, &plan);

        if (r == 0)
                r = seqcast_ring_check_parts(parts, count, plan.bytes);
        if (r < 0)
                return r;
        slot = seqcast_ring_write_begin(ring, number);
        payload = seqcast_ring_payload(ring, slot);
        seqcast_ring_renew(changes, &plan, payload);
        seqcast_ring_store_parts(changes, number, payload, parts, count);
        seqcast_ring_write_end(ring, slot, number, plan.bytes, time_ns);
        return 0;
}

#endif
