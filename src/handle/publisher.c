/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Publishing. The algorithm is the ring's; here is what surrounds it: one publication at a time,
 * memory reserved before anything is touched, and the ends of a publisher's life. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "handle/acquire.h"
#include "handle/options.h"
#include "handle/presence.h"
#include "handle/residence.h"
#include "handle/seam.h"
#include "handle/waker.h"
#include "platform/clock.h"
#include "platform/lock.h"
#include "platform/memory.h"
#include "platform/process.h"
#include "seqcast/ring_parts.h"

#define PUBLISHER_MAGIC UINT32_C(0x5075626c) /* gone in a child of fork(), whose handle is wiped */
#define FLAGS_KNOWN                                                                                          \
        (SEQCAST_SPARSE | SEQCAST_TIMES | SEQCAST_EXCLUSIVE | SEQCAST_REPLACE | SEQCAST_RECREATE |           \
         SEQCAST_IN_PLACE | SEQCAST_SET_GROUP | SEQCAST_SEALED | SEQCAST_HUGETLB | SEQCAST__RESIDENCE_FLAGS)
/* What makes sense only where there is a name. */
#define FLAGS_NAMED (SEQCAST_EXCLUSIVE | SEQCAST_REPLACE | SEQCAST_RECREATE | SEQCAST_SET_GROUP)

/* The log of changed ranges: so many entries a slot, within these bounds. */
#define LOG_ENTRIES_A_SLOT 8u
#define LOG_ENTRIES_MIN 256u
#define LOG_ENTRIES_MAX 65536u

enum activity {
        IDLE = 0,
        PUBLISHING, /* seen by a signal handler in the middle of a publication */
        BEGUN,      /* between begin and commit */
        REMOVED
};

struct seqcast_publisher {
        uint32_t magic;
        _Atomic(int) activity; /* enum activity */
        uint64_t version;
        struct seqcast_ring ring;
        struct seqcast_ring_changes changes;
        bool sparse;
        bool in_place;
        seqcast_word *begun_slot; /* in place */
        void *private_record;     /* not in place */
        uint64_t private_version; /* the publication that it holds, or: */
        struct seqcast__presence presence;
        struct seqcast__waker waker;
        struct seqcast__segment segment;
        uint64_t untold_namespace; /* of our clocks, while the newest record is of other ones; 0: told */
        int read_fd;               /* seqcast_publisher_fd(); 0: not opened yet */
        seqcast_detail *opening;   /* while it is being opened: where to say why it fails */
};

#define PRIVATE_STALE UINT64_MAX

/* ---- one publication at a time ------------------------------------------------------------- */

SEQCAST__HOT int enter(seqcast_publisher *publisher, enum activity expected)
{
        int activity;

        if (publisher == NULL)
                return -EINVAL;
        if (publisher->magic != PUBLISHER_MAGIC)
                return -ECHILD;
        activity = atomic_load_explicit(&publisher->activity, memory_order_relaxed);
        if (activity != (int)expected) {
                if (activity == REMOVED)
                        return -ESTALE;
                return expected == BEGUN && activity == IDLE ? -EINVAL : -EBUSY;
        }
        /* No read-modify-write: a handle has one thread, and a signal handler that interrupts it ends
         * before it goes on. The compiler must keep what follows below this store. */
        atomic_store_explicit(&publisher->activity, PUBLISHING, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        return 0;
}

static void leave(seqcast_publisher *publisher, enum activity activity)
{
        atomic_signal_fence(memory_order_seq_cst);
        atomic_store_explicit(&publisher->activity, (int)activity, memory_order_relaxed);
}

static int64_t stamp(const seqcast_publisher *publisher)
{
        return publisher->ring.times ? seqcast__clock_boot_ns() : 0;
}

static void tell_namespace(seqcast_publisher *publisher, uint64_t time_namespace)
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
                tell_namespace(publisher, publisher->untold_namespace);
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
        int r = enter(publisher, IDLE);

        if (r < 0)
                return r;
        r = publish_whole(publisher, record, bytes);
        leave(publisher, IDLE);
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
        int r = enter(publisher, IDLE);

        if (r < 0)
                return r;
        r = publish_parts(publisher, parts, count);
        leave(publisher, IDLE);
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

static void unmap_private_record(seqcast_publisher *publisher)
{
        if (publisher->private_record != NULL)
                seqcast__memory_unmap(publisher->private_record, publisher->ring.record_bytes);
        publisher->private_record = NULL;
}

/* Zeros that take no memory: also the cheapest way to forget a large record of which little was used. */
static int map_private_record(seqcast_publisher *publisher)
{
        int r;

        unmap_private_record(publisher);
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
        int r = publisher->private_record == NULL ? map_private_record(publisher) : 0;

        if (r == 0 && publisher->private_version != publisher->version)
                r = load_private_record(publisher, plan);
        publisher->private_version = PRIVATE_STALE; /* until committed: the caller may do as it likes */
        if (r == 0)
                *ret_record = publisher->private_record;
        return r;
}

int seqcast_publish_begin(seqcast_publisher *publisher, void **ret_record)
{
        struct seqcast_ring_plan plan;
        int r = enter(publisher, IDLE);

        if (r < 0)
                return r;
        r = seqcast_ring_make_plan(&publisher->ring, &publisher->changes, publisher->version + 1, &plan);
        if (r == 0)
                r = publisher->in_place ? begin_in_place(publisher, &plan, ret_record)
                                        : begin_private(publisher, &plan, ret_record);
        leave(publisher, r == 0 ? BEGUN : IDLE);
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
        int r = enter(publisher, BEGUN);

        if (r < 0)
                return r;
        if (publisher->in_place) {
                r = commit_in_place(publisher, bytes);
        } else {
                r = publish_whole(publisher, publisher->private_record, bytes);
                if (r == 0)
                        publisher->private_version = publisher->version;
        }
        leave(publisher, r == 0 ? IDLE : BEGUN);
        return r;
}

int seqcast_publish_abort(seqcast_publisher *publisher)
{
        int r = enter(publisher, BEGUN);

        if (r < 0)
                return r;
        /* In place: the slot stays odd, unreadable, until the next publication, which bears the same
         * number and sees by that mark that it has to write the slot from scratch. */
        leave(publisher, IDLE);
        return 0;
}

int seqcast_notify(const seqcast_publisher *publisher)
{
        if (publisher == NULL)
                return -EINVAL;
        if (publisher->magic != PUBLISHER_MAGIC)
                return -ECHILD;
        seqcast__waker_notify(&publisher->waker);
        return 0;
}

/* ---- opening and closing ------------------------------------------------------------------- */

static int refuse_in_place(seqcast_detail *ret_detail)
{
        return seqcast__fail(ret_detail, -EINVAL, "publishing in place needs a depth of 2 or more, not 1");
}

static int check_options(const seqcast_publisher_options *options)
{
        if ((options->flags & ~(uint32_t)FLAGS_KNOWN) != 0)
                return seqcast__fail(options->ret_detail, -EINVAL, "unknown flags %#" PRIx32,
                                     options->flags & ~(uint32_t)FLAGS_KNOWN);
        if ((options->flags & SEQCAST_SEALED) != 0 &&
            ((options->flags & FLAGS_NAMED) != 0 || options->mode != 0))
                return seqcast__fail(options->ret_detail, -EINVAL,
                                     "a sealed segment has no name: nothing to replace, no mode, no group");
        if ((options->flags & SEQCAST_HUGETLB) != 0 &&
            (options->flags & (SEQCAST_SEALED | SEQCAST_SPARSE)) != SEQCAST_SEALED)
                return seqcast__fail(options->ret_detail, -EINVAL,
                                     "pages of the hugetlb kind: only in a sealed segment, as nothing in "
                                     "/dev/shm has them, and not in a sparse one");
        if (options->mode != 0 && ((options->mode & 0600) != 0600 || (options->mode & ~(uint32_t)0644) != 0))
                return seqcast__fail(options->ret_detail, -EINVAL,
                                     "mode %04o: the owner must read and write, others may read at most "
                                     "(0600, 0640, 0644)",
                                     (unsigned)options->mode);
        if (options->wake > SEQCAST_WAKE_MANUAL || options->reserved != 0)
                return seqcast__fail(options->ret_detail, -EINVAL, "no such way to wake: %" PRIu32,
                                     options->wake);
        if ((options->flags & SEQCAST_IN_PLACE) != 0 && options->depth == 1)
                return refuse_in_place(options->ret_detail);
        return 0;
}

static int open_changes(seqcast_publisher *publisher, bool fresh)
{
        uint64_t entries = LOG_ENTRIES_A_SLOT * (publisher->ring.depth_mask + 1);
        void *log;
        int r;

        if (entries < LOG_ENTRIES_MIN)
                entries = LOG_ENTRIES_MIN;
        if (entries > LOG_ENTRIES_MAX)
                entries = LOG_ENTRIES_MAX;
        r = seqcast__memory_map_private(entries * sizeof(struct seqcast_ring_change), &log);
        if (r < 0)
                return r;
        publisher->changes = (struct seqcast_ring_changes){
                .log = log,
                .log_mask = entries - 1,
                .known_from = fresh ? 1 : publisher->version + 1,
        };
        return 0;
}

static void release_memory(seqcast_publisher *publisher)
{
        seqcast__presence_close(&publisher->presence);
        unmap_private_record(publisher);
        if (publisher->changes.log != NULL)
                seqcast__memory_unmap(publisher->changes.log,
                                      (publisher->changes.log_mask + 1) * sizeof(struct seqcast_ring_change));
        publisher->changes.log = NULL;
}

/* seqcast__acquire_prepare: everything that can fail, before the segment is ours for all to see. */
static int prepare(void *context, const struct seqcast__segment *segment, bool fresh)
{
        seqcast_publisher *publisher = context;
        int r;

        release_memory(publisher); /* of an attempt before */
        publisher->ring = seqcast__layout_ring(&segment->header, segment->base);
        publisher->sparse = seqcast__layout_is_sparse(&segment->header);
        publisher->private_version = PRIVATE_STALE;
        if (publisher->in_place && publisher->ring.depth_mask == 0)
                return refuse_in_place(publisher->opening);
        if (publisher->ring.record_bytes > SIZE_MAX)
                return -EFBIG;
        publisher->version = seqcast_ring_recover(&publisher->ring);
        r = open_changes(publisher, fresh);
        if (r == 0 && publisher->sparse)
                r = seqcast__presence_open(&publisher->presence, segment->fd, segment->header.segment_bytes);
        return r;
}

static void announce(seqcast_publisher *publisher, const char *program)
{
        seqcast_word *control = seqcast__layout_control(&publisher->segment.header, publisher->segment.base);
        uint64_t epoch = seqcast_word_load_relaxed(control + SEQCAST__CONTROL_EPOCH);
        uint64_t mine = seqcast__clock_namespace();
        char name[32] = { 0 };

        if (program == NULL)
                seqcast__process_name(name, sizeof name);
        else
                strncpy(name, program, sizeof name - 1);
        seqcast_copy_store(control + SEQCAST__CONTROL_PROGRAM, 0, name, sizeof name);
        seqcast_word_store_relaxed(control + SEQCAST__CONTROL_PUBLISHER_PID, (uint64_t)getpid());
        if (publisher->version == 0 ||
            seqcast_word_load_relaxed(control + SEQCAST__CONTROL_TIME_NAMESPACE) == mine) {
                tell_namespace(publisher, mine);
        } else {
                tell_namespace(publisher, 0);
                publisher->untold_namespace = mine;
        }
        seqcast_word_store_relaxed(control + SEQCAST__CONTROL_PUBLISHER_STATE, SEQCAST__PUBLISHER_OPEN);
        seqcast_word_store_relaxed(control + SEQCAST__CONTROL_EPOCH, epoch + 1);
}

static int open_into(seqcast_publisher *publisher, const char *topic,
                     const seqcast_publisher_options *options)
{
        struct seqcast__acquire_request request = {
                .options = options,
                .prepare = prepare,
                .context = publisher,
                .fork_flag = &publisher->magic,
        };
        int r;

        publisher->in_place = (options->flags & SEQCAST_IN_PLACE) != 0;
        publisher->opening = options->ret_detail;
        r = seqcast__acquire(topic, &request, &publisher->segment);
        if (r < 0) {
                release_memory(publisher);
                return r;
        }
        seqcast__residence_apply(&publisher->segment, true, options->ret_detail);
        announce(publisher, options->program);
        seqcast__waker_open(&publisher->waker, &publisher->segment, options->wake);
        seqcast__waker_rouse(&publisher->segment); /* there may be news: what the last one left unannounced */
        publisher->opening = NULL;
        publisher->magic = PUBLISHER_MAGIC;
        return 0;
}

int seqcast_publisher_open(const char *topic, const seqcast_publisher_options *given,
                           seqcast_publisher **ret_publisher)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_detail *ret_detail, why = { "" };
        void *publisher;
        int r = seqcast__options_take(&options, sizeof options, given);

        if (r < 0)
                return r;
        ret_detail = options.ret_detail;
        options.ret_detail = &why;
        r = check_options(&options);
        if (r == 0)
                r = seqcast__memory_map_wiped_on_fork(sizeof(seqcast_publisher), &publisher);
        if (r == 0) {
                r = open_into(publisher, topic, &options);
                if (r < 0)
                        seqcast__memory_unmap(publisher, sizeof(seqcast_publisher));
        }
        if (r < 0) {
                seqcast__give_reason(ret_detail, &why, r);
                return r;
        }
        if ((options.flags & SEQCAST__RESIDENCE_FLAGS) != 0 && ret_detail != NULL)
                *ret_detail = why;
        *ret_publisher = publisher;
        return 0;
}

seqcast_publisher *seqcast_publisher_close(seqcast_publisher *publisher)
{
        seqcast_word *control;

        /* A child's handle is wiped: there is nothing left in it to give back. */
        if (publisher == NULL || publisher->magic != PUBLISHER_MAGIC)
                return NULL;
        control = seqcast__layout_control(&publisher->segment.header, publisher->segment.base);
        seqcast_word_store_relaxed(control + SEQCAST__CONTROL_PUBLISHER_STATE, SEQCAST__PUBLISHER_LEFT);
        /* First the lock, so that those who wake up find it free. */
        seqcast__lock_drop(publisher->segment.fd, SEQCAST__PUBLISHER_LOCK_BYTE);
        seqcast__waker_rouse(&publisher->segment);
        release_memory(publisher);
        if (publisher->read_fd > 0)
                close(publisher->read_fd);
        seqcast__acquire_release(&publisher->segment);
        seqcast__memory_unmap(publisher, sizeof *publisher);
        return NULL;
}

int seqcast_publisher_remove(seqcast_publisher *publisher)
{
        int detached, r = enter(publisher, IDLE);

        if (r < 0)
                return r;
        detached = seqcast__segment_is_detached(&publisher->segment);
        if (detached < 0) {
                leave(publisher, IDLE);
                return detached;
        }
        /* First the mark: a name that is still there then stands for a segment that the next publisher
         * replaces, not for one that readers wait on in vain. */
        seqcast_ring_retire(&publisher->ring);
        seqcast__waker_rouse(&publisher->segment);
        r = detached ? -ESTALE
            : seqcast__segment_is_nameless(&publisher->segment)
                    ? 0
                    : seqcast__shm_remove(publisher->segment.name);
        if (r == -ENOENT)
                r = -ESTALE;
        leave(publisher, REMOVED);
        return r;
}

/* ---- asking -------------------------------------------------------------------------------- */

int seqcast_publisher_fd(seqcast_publisher *publisher)
{
        if (publisher == NULL || !seqcast__segment_is_nameless(&publisher->segment))
                return -EINVAL;
        if (publisher->magic != PUBLISHER_MAGIC)
                return -ECHILD;
        if (publisher->read_fd == 0) {
                int fd = seqcast__shm_reopen(publisher->segment.fd);

                if (fd < 0)
                        return fd;
                publisher->read_fd = fd;
        }
        return publisher->read_fd;
}

uint64_t seqcast_publisher_version(const seqcast_publisher *publisher)
{
        return publisher->version;
}

void seqcast_publisher_info(const seqcast_publisher *publisher, seqcast_info *ret_info)
{
        seqcast__segment_info(&publisher->segment, ret_info);
}

const seqcast_schema *seqcast_publisher_schema(const seqcast_publisher *publisher)
{
        return publisher->segment.schema;
}

const struct seqcast__segment *seqcast__publisher_segment(const seqcast_publisher *publisher)
{
        return &publisher->segment;
}
