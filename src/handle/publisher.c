/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The ends of a publisher's life: opening, closing, removing; and what it can be asked. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "handle/acquire.h"
#include "handle/options.h"
#include "handle/publisher.h"
#include "handle/residence.h"
#include "handle/seam.h"
#include "platform/clock.h"
#include "platform/lock.h"
#include "platform/memory.h"
#include "platform/process.h"

#define FLAGS_KNOWN                                                                                          \
        (SEQCAST_SPARSE | SEQCAST_TIMES | SEQCAST_EXCLUSIVE | SEQCAST_REPLACE | SEQCAST_RECREATE |           \
         SEQCAST_IN_PLACE | SEQCAST_SET_GROUP | SEQCAST_SEALED | SEQCAST_HUGETLB | SEQCAST__RESIDENCE_FLAGS)
/* What makes sense only where there is a name. */
#define FLAGS_NAMED (SEQCAST_EXCLUSIVE | SEQCAST_REPLACE | SEQCAST_RECREATE | SEQCAST_SET_GROUP)

/* The log of changed ranges: so many entries a slot, within these bounds. */
#define LOG_ENTRIES_A_SLOT 8u
#define LOG_ENTRIES_MIN 256u
#define LOG_ENTRIES_MAX 65536u

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
        seqcast__publisher_drop_record(publisher);
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
        publisher->private_version = SEQCAST__PRIVATE_STALE;
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
                seqcast__publisher_tell_namespace(publisher, mine);
        } else {
                seqcast__publisher_tell_namespace(publisher, 0);
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
        publisher->magic = SEQCAST__PUBLISHER_MAGIC;
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
        if (publisher == NULL || publisher->magic != SEQCAST__PUBLISHER_MAGIC)
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
        int detached, r = seqcast__publisher_enter(publisher, SEQCAST__IDLE);

        if (r < 0)
                return r;
        detached = seqcast__segment_is_detached(&publisher->segment);
        if (detached < 0) {
                seqcast__publisher_leave(publisher, SEQCAST__IDLE);
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
        seqcast__publisher_leave(publisher, SEQCAST__REMOVED);
        return r;
}

/* ---- asking -------------------------------------------------------------------------------- */

int seqcast_publisher_fd(seqcast_publisher *publisher)
{
        if (publisher == NULL || !seqcast__segment_is_nameless(&publisher->segment))
                return -EINVAL;
        if (publisher->magic != SEQCAST__PUBLISHER_MAGIC)
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
