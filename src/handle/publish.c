/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Publishing. The algorithm is the ring's; here is what surrounds it: one publication at a time, and memory
 * reserved before anything is touched. */

#include <errno.h>
#include <string.h>

#include "handle/publisher.h"
#include "platform/clock.h"
#include "platform/memory.h"

/* ---- one publication at a time ------------------------------------------------------------- */

SEQCAST__HOT int enter(seqcast_publisher *publisher, enum seqcast__activity expected)
{
        int activity;

        if (publisher == NULL)
                return -EINVAL;
        if (publisher->magic != SEQCAST__PUBLISHER_MAGIC)
                return -ECHILD;
        /* No read-modify-write: a handle has one thread, and a signal handler that interrupts it ends
         * before it goes on, and is then not busy either. But it may leave another activity behind: so that
         * is looked at where no handler can change it any more. */
        if (atomic_load_explicit(&publisher->busy, memory_order_relaxed) != 0)
                return -EBUSY;
        atomic_store_explicit(&publisher->busy, 1, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst); /* pairs with that of leave(), of the same thread */
        activity = atomic_load_explicit(&publisher->activity, memory_order_relaxed);
        if (SEQCAST__UNLIKELY(activity != (int)expected)) {
                atomic_store_explicit(&publisher->busy, 0, memory_order_relaxed);
                if (activity == SEQCAST__REMOVED)
                        return -ESTALE;
                return expected == SEQCAST__BEGUN && activity == SEQCAST__IDLE ? -EINVAL : -EBUSY;
        }
        return 0;
}

static void leave(seqcast_publisher *publisher, enum seqcast__activity activity)
{
        atomic_store_explicit(&publisher->activity, (int)activity, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst); /* pairs with that of enter() */
        atomic_store_explicit(&publisher->busy, 0, memory_order_relaxed);
}

int seqcast__publisher_enter(seqcast_publisher *publisher, enum seqcast__activity expected)
{
        return enter(publisher, expected);
}

void seqcast__publisher_leave(seqcast_publisher *publisher, enum seqcast__activity activity)
{
        leave(publisher, activity);
}

static int64_t stamp(const seqcast_publisher *publisher)
{
        return publisher->ring.times ? seqcast__clock_boot_ns() : 0;
}

void seqcast__publisher_tell_namespace(seqcast_publisher *publisher, uint64_t time_namespace)
{
        seqcast_word *control = seqcast__layout_control(&publisher->segment.header, publisher->segment.base);

        seqcast_word_store_relaxed(control + SEQCAST__CONTROL_TIME_NAMESPACE, time_namespace);
        publisher->untold_namespace = 0;
}

/* Publication `number` is there for all to see. */
static void published(seqcast_publisher *publisher, uint64_t number, int64_t time_ns)
{
        publisher->version = number;
        if (publisher->untold_namespace != 0)
                seqcast__publisher_tell_namespace(publisher, publisher->untold_namespace);
        seqcast__waker_published(&publisher->waker, time_ns);
}

/* ---- sparse segments: memory first --------------------------------------------------------- */

static uint64_t segment_offset(const seqcast_publisher *publisher, const seqcast_word *payload)
{
        return (uintptr_t)payload - (uintptr_t)publisher->segment.base;
}

static int reserve(seqcast_publisher *publisher, const seqcast_word *payload, uint64_t offset, uint64_t bytes)
{
        if (!publisher->sparse || bytes == 0)
                return 0;
        offset += segment_offset(publisher, payload);
        if (seqcast__presence_knows(&publisher->presence, offset, offset + bytes))
                return 0;
        return seqcast__presence_reserve(&publisher->presence, offset, bytes);
}

/* The next stretch of a payload that has memory behind it, from *offset on. @return 1; 0 none; -errno */
static int next_present(seqcast_publisher *publisher, const seqcast_word *payload, uint64_t *offset,
                        uint64_t end, uint64_t *ret_end)
{
        uint64_t base = segment_offset(publisher, payload);

        while (*offset < end) {
                int r = seqcast__presence_look(&publisher->presence, base + *offset, base + end, ret_end);

                if (r < 0)
                        return r;
                *ret_end -= base;
                if (r == 1)
                        return 1;
                *offset = *ret_end;
        }
        return 0;
}

/* Before W1: whatever the plan and the parts will store to. */
static int reserve_for(seqcast_publisher *publisher, const struct seqcast_ring_plan *plan,
                       const seqcast_word *payload, const seqcast_part *parts, size_t count)
{
        const struct seqcast_ring_change *change;
        uint64_t position = publisher->changes.appended, offset = 0, end = 0;
        int r = 0;

        if (!publisher->sparse)
                return 0;
        if (plan->renewal == SEQCAST_RENEW_CHANGES)
                while (r == 0 && (change = seqcast_ring_change_before(&publisher->changes, plan->first,
                                                                      &position)) != NULL)
                        r = reserve(publisher, payload, change->offset, change->bytes);
        if (plan->renewal == SEQCAST_RENEW_WHOLE) {
                while (r >= 0 && (r = next_present(publisher, plan->base, &offset, plan->bytes, &end)) == 1) {
                        r = reserve(publisher, payload, offset, end - offset);
                        offset = end;
                }
        }
        for (size_t i = 0; i < count && r == 0; i++)
                r = reserve(publisher, payload, parts[i].offset, parts[i].bytes);
        return r;
}

/* Holes of the newest record stay holes; what an earlier record left where it has holes becomes zero. */
static int renew_sparse(seqcast_publisher *publisher, const struct seqcast_ring_plan *plan,
                        seqcast_word *payload)
{
        uint64_t offset = 0, end = 0;
        int r;

        while ((r = next_present(publisher, payload, &offset, plan->bytes, &end)) == 1) {
                seqcast_copy_zero(payload, offset, end - offset); /* W3 */
                offset = end;
        }
        if (r < 0 || plan->renewal == SEQCAST_RENEW_ZERO)
                return r;
        offset = 0;
        while ((r = next_present(publisher, plan->base, &offset, plan->bytes, &end)) == 1) {
                seqcast_copy_between(payload, plan->base, offset, end - offset); /* W3 */
                offset = end;
        }
        return r;
}

static int renew(seqcast_publisher *publisher, const struct seqcast_ring_plan *plan, seqcast_word *payload)
{
        if (publisher->sparse &&
            (plan->renewal == SEQCAST_RENEW_WHOLE || plan->renewal == SEQCAST_RENEW_ZERO))
                return renew_sparse(publisher, plan, payload);
        seqcast_ring_renew(&publisher->changes, plan, payload);
        return 0;
}

/* ---- publishing ---------------------------------------------------------------------------- */

static int publish_whole(seqcast_publisher *publisher, const void *record, size_t bytes)
{
        const struct seqcast_ring *ring = &publisher->ring;
        uint64_t number = publisher->version + 1;
        int64_t time_ns;
        int r;

        if (bytes > ring->record_bytes)
                return -EMSGSIZE;
        r = reserve(publisher, seqcast_ring_payload(ring, seqcast_ring_slot(ring, number)), 0, bytes);
        if (r < 0)
                return r;
        time_ns = stamp(publisher);
        seqcast_ring_publish(ring, number, record, bytes, time_ns);
        seqcast_ring_changed_all(&publisher->changes, number);
        published(publisher, number, time_ns);
        return 0;
}

int seqcast_publish(seqcast_publisher *publisher, const void *record, size_t bytes)
{
        int r = enter(publisher, SEQCAST__IDLE);

        if (r < 0)
                return r;
        r = publish_whole(publisher, record, bytes);
        leave(publisher, SEQCAST__IDLE);
        return r;
}

/* Open the next slot as a copy of the newest record, with memory behind the parts. After a failure
 * subscribers see nothing of it, and the next publication starts the slot from scratch. */
static int open_slot(seqcast_publisher *publisher, const struct seqcast_ring_plan *plan,
                     const seqcast_part *parts, size_t count, seqcast_word **ret_slot)
{
        const struct seqcast_ring *ring = &publisher->ring;
        uint64_t number = publisher->version + 1;
        seqcast_word *payload = seqcast_ring_payload(ring, seqcast_ring_slot(ring, number));
        int r = reserve_for(publisher, plan, payload, parts, count);

        if (r < 0)
                return r;
        *ret_slot = seqcast_ring_write_begin(ring, number);
        return renew(publisher, plan, payload);
}

SEQCAST__HOT int publish_parts(seqcast_publisher *publisher, const seqcast_part *parts, size_t count)
{
        const struct seqcast_ring *ring = &publisher->ring;
        uint64_t number = publisher->version + 1;
        struct seqcast_ring_plan plan;
        seqcast_word *slot;
        int64_t time_ns;
        int r = seqcast_ring_make_plan(ring, &publisher->changes, number, &plan);

        if (r == 0)
                r = seqcast_ring_check_parts(parts, count, plan.bytes);
        if (r == 0)
                r = open_slot(publisher, &plan, parts, count, &slot);
        if (r < 0)
                return r;
        seqcast_ring_store_parts(&publisher->changes, number, seqcast_ring_payload(ring, slot), parts, count);
        time_ns = stamp(publisher);
        seqcast_ring_write_end(ring, slot, number, plan.bytes, time_ns);
        published(publisher, number, time_ns);
        return 0;
}

int seqcast_publish_parts(seqcast_publisher *publisher, const seqcast_part *parts, size_t count)
{
        int r = enter(publisher, SEQCAST__IDLE);

        if (r < 0)
                return r;
        r = publish_parts(publisher, parts, count);
        leave(publisher, SEQCAST__IDLE);
        return r;
}

/* ---- begin, commit, abort ------------------------------------------------------------------ */

static int begin_in_place(seqcast_publisher *publisher, const struct seqcast_ring_plan *plan,
                          void **ret_record)
{
        const struct seqcast_ring *ring = &publisher->ring;
        seqcast_part whole = { .offset = 0, .bytes = (size_t)ring->record_bytes };
        int r = open_slot(publisher, plan, &whole, 1, &publisher->begun_slot);

        if (r < 0)
                return r;
        *ret_record = seqcast_ring_payload(ring, publisher->begun_slot);
        return 0;
}

void seqcast__publisher_drop_record(seqcast_publisher *publisher)
{
        if (publisher->private_record != NULL)
                seqcast__memory_unmap(publisher->private_record, publisher->ring.record_bytes);
        publisher->private_record = NULL;
}

/* Zeros that take no memory: also the cheapest way to forget a large record of which little was used. */
static int map_private_record(seqcast_publisher *publisher)
{
        int r;

        seqcast__publisher_drop_record(publisher);
        r = seqcast__memory_map_private(publisher->ring.record_bytes, &publisher->private_record);
        if (r == 0)
                seqcast__memory_keep_from_children(publisher->private_record, publisher->ring.record_bytes);
        return r;
}

static int load_private_record(seqcast_publisher *publisher, const struct seqcast_ring_plan *plan)
{
        unsigned char *record = publisher->private_record;
        uint64_t offset = 0, end = 0;
        int r;

        if (!publisher->sparse) {
                if (plan->base != NULL)
                        seqcast_copy_load(record, plan->base, 0, (size_t)plan->bytes);
                else
                        memset(record, 0, (size_t)plan->bytes);
                return 0;
        }
        r = map_private_record(publisher);
        record = publisher->private_record;
        while (r == 0 && plan->base != NULL &&
               (r = next_present(publisher, plan->base, &offset, plan->bytes, &end)) == 1) {
                seqcast_copy_load(record + offset, plan->base, offset, (size_t)(end - offset));
                offset = end;
                r = 0;
        }
        return r;
}

static int begin_private(seqcast_publisher *publisher, const struct seqcast_ring_plan *plan,
                         void **ret_record)
{
        /* In a sparse segment, loading maps another one. */
        int r = publisher->private_record == NULL && !publisher->sparse ? map_private_record(publisher) : 0;

        if (r == 0 && publisher->private_version != publisher->version)
                r = load_private_record(publisher, plan);
        publisher->private_version =
                SEQCAST__PRIVATE_STALE; /* until committed: the caller may do as it likes */
        if (r == 0)
                *ret_record = publisher->private_record;
        return r;
}

int seqcast_publish_begin(seqcast_publisher *publisher, void **ret_record)
{
        struct seqcast_ring_plan plan;
        int r = enter(publisher, SEQCAST__IDLE);

        if (r < 0)
                return r;
        r = seqcast_ring_make_plan(&publisher->ring, &publisher->changes, publisher->version + 1, &plan);
        if (r == 0)
                r = publisher->in_place ? begin_in_place(publisher, &plan, ret_record)
                                        : begin_private(publisher, &plan, ret_record);
        leave(publisher, r == 0 ? SEQCAST__BEGUN : SEQCAST__IDLE);
        return r;
}

static int commit_in_place(seqcast_publisher *publisher, size_t bytes)
{
        uint64_t number = publisher->version + 1;
        int64_t time_ns;

        if (bytes > publisher->ring.record_bytes)
                return -EMSGSIZE;
        time_ns = stamp(publisher);
        seqcast_ring_write_end(&publisher->ring, publisher->begun_slot, number, bytes, time_ns);
        seqcast_ring_changed_all(&publisher->changes, number);
        published(publisher, number, time_ns);
        return 0;
}

int seqcast_publish_commit(seqcast_publisher *publisher, size_t bytes)
{
        int r = enter(publisher, SEQCAST__BEGUN);

        if (r < 0)
                return r;
        if (publisher->in_place) {
                r = commit_in_place(publisher, bytes);
        } else {
                r = publish_whole(publisher, publisher->private_record, bytes);
                if (r == 0)
                        publisher->private_version = publisher->version;
        }
        leave(publisher, r == 0 ? SEQCAST__IDLE : SEQCAST__BEGUN);
        return r;
}

int seqcast_publish_abort(seqcast_publisher *publisher)
{
        int r = enter(publisher, SEQCAST__BEGUN);

        if (r < 0)
                return r;
        /* In place: the slot stays odd, unreadable, until the next publication, which bears the same
         * number and sees by that mark that it has to write the slot from scratch. */
        leave(publisher, SEQCAST__IDLE);
        return 0;
}

int seqcast_notify(const seqcast_publisher *publisher)
{
        if (publisher == NULL)
                return -EINVAL;
        if (publisher->magic != SEQCAST__PUBLISHER_MAGIC)
                return -ECHILD;
        seqcast__waker_notify(&publisher->waker);
        return 0;
}
