/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Subscribing: opening, sharing, re-attaching, asking. read.c reads, wait.c waits. */

#include "handle/subscriber.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "handle/options.h"
#include "handle/residence.h"
#include "handle/seam.h"
#include "platform/futex.h"
#include "platform/lock.h"
#include "platform/memory.h"

#define FLAGS_KNOWN                                                                                          \
        (SEQCAST_SET_OWNER | SEQCAST_REATTACH | SEQCAST_SHARED | SEQCAST_ANY_OWNER | SEQCAST__RESIDENCE_FLAGS)

#define HANDLE_ALIGN ((size_t)128) /* adjacent-line prefetchers fetch in pairs */

/* ---- the segment, our own or a shared one --------------------------------------------------- */

struct seqcast__segment *seqcast__subscriber_hold(const seqcast_subscriber *subscriber)
{
        if (subscriber->shared == NULL)
                return (struct seqcast__segment *)&subscriber->own; /* no handle is a constant */
        pthread_mutex_lock(&subscriber->shared->mutex);
        return &subscriber->shared->segment;
}

void seqcast__subscriber_release(const seqcast_subscriber *subscriber)
{
        if (subscriber->shared != NULL)
                pthread_mutex_unlock(&subscriber->shared->mutex);
}

bool seqcast__subscriber_is_current(const seqcast_subscriber *subscriber)
{
        return subscriber->shared == NULL ||
               seqcast__reattach_generation(subscriber->shared->reattach) == subscriber->generation;
}

static enum seqcast__way choose_way(const seqcast_subscriber *subscriber)
{
        if (subscriber->shared != NULL || subscriber->fetched)
                return SEQCAST__OTHERWISE;
        return subscriber->sparse ? SEQCAST__SPARSE : SEQCAST__DIRECT;
}

/* Read what `mapping` says from now on. @return 0; -ENOMEM */
static int begin_reading(seqcast_subscriber *subscriber, const struct seqcast__mapping *mapping)
{
        struct seqcast__presence presence = { .known = NULL };

        if (mapping->sparse) {
                int r = seqcast__presence_open(&presence, mapping->fd, mapping->bytes);

                if (r < 0)
                        return r;
        }
        seqcast__presence_close(&subscriber->presence);
        subscriber->presence = presence;
        subscriber->ring = mapping->ring;
        subscriber->base = mapping->base;
        subscriber->sparse = mapping->sparse;
        subscriber->way = choose_way(subscriber);
        subscriber->looking = false;
        return 0;
}

/* Another segment than before: all that was published in it is news. */
static int move_on(seqcast_subscriber *subscriber, const struct seqcast__mapping *mapping,
                   uint64_t generation)
{
        int r = begin_reading(subscriber, mapping);

        if (r < 0)
                return r;
        subscriber->generation = generation;
        subscriber->reader.delivered = 0;
        subscriber->reader.started = true;
        return 0;
}

int seqcast__subscriber_enter(seqcast_subscriber *subscriber, struct seqcast__visit *ret_visit)
{
        struct seqcast__reattach *reattach;
        int r = 0;

        if (subscriber->shared == NULL)
                return subscriber->fetched
                               ? seqcast__fetch_news(&subscriber->own, &subscriber->ring, &subscriber->reader)
                               : 0;
        reattach = subscriber->shared->reattach;
        if (!seqcast__reattach_enter(reattach, ret_visit))
                return SEQCAST_BUSY;
        if (ret_visit->generation != subscriber->generation) {
                r = move_on(subscriber, ret_visit->mapping, ret_visit->generation);
                subscriber->moved = true;
                if (r < 0)
                        seqcast__reattach_leave(reattach, ret_visit);
        }
        return r;
}

bool seqcast__subscriber_leave(const seqcast_subscriber *subscriber, const struct seqcast__visit *visit)
{
        return subscriber->shared == NULL || seqcast__reattach_leave(subscriber->shared->reattach, visit);
}

int seqcast__subscriber_tell_moved(seqcast_subscriber *subscriber)
{
        seqcast__wait_moved(subscriber);
        subscriber->moved = false;
        return SEQCAST_REATTACHED;
}

/* Another thread does so at this moment. */
static void let_others_replace(const seqcast_subscriber *subscriber)
{
        seqcast__subscriber_hold(subscriber);
        seqcast__subscriber_release(subscriber);
}

/* ---- opening ------------------------------------------------------------------------------- */

static int share(seqcast_subscriber *subscriber)
{
        struct seqcast__shared *shared = calloc(1, sizeof *shared);
        int r;

        if (shared == NULL)
                return -ENOMEM;
        r = seqcast__reattach_open(&subscriber->own, &shared->reattach);
        if (r < 0) {
                free(shared);
                return r;
        }
        pthread_mutex_init(&shared->mutex, NULL);
        seqcast__process_hold_at_fork(&shared->at_fork, &shared->mutex);
        shared->handles = 1;
        shared->segment = subscriber->own;
        subscriber->own = (struct seqcast__segment){ .fd = -1 };
        subscriber->shared = shared;
        return 0;
}

static void leave_shared(struct seqcast__shared *shared)
{
        bool last;

        pthread_mutex_lock(&shared->mutex);
        last = --shared->handles == 0;
        pthread_mutex_unlock(&shared->mutex);
        if (!last)
                return;
        seqcast__process_forget_at_fork(&shared->at_fork);
        seqcast__reattach_close(shared->reattach, &shared->segment);
        seqcast__segment_close(&shared->segment);
        pthread_mutex_destroy(&shared->mutex);
        free(shared);
}

/* Where nothing was published yet, the first publication is the next one. */
static int begin(seqcast_subscriber *subscriber)
{
        struct seqcast__segment *segment = seqcast__subscriber_hold(subscriber);
        const struct seqcast__mapping mapping = seqcast__mapping_of(segment);
        int r;

        subscriber->fetched = segment->fetched;
        r = begin_reading(subscriber, &mapping);
        if (r == 0)
                r = seqcast__fetch_control(segment);

        if (subscriber->shared != NULL)
                subscriber->generation = seqcast__reattach_generation(subscriber->shared->reattach);
        if (r == 0 && (seqcast_ring_version(&subscriber->ring) & ~SEQCAST_VERSION_RETIRED) == 0)
                subscriber->reader.started = true;
        seqcast__subscriber_release(subscriber);
        return r;
}

static int check_options(const seqcast_subscriber_options *options)
{
        if ((options->flags & ~(uint32_t)FLAGS_KNOWN) != 0)
                return seqcast__fail(options->ret_detail, -EINVAL, "unknown flags %#" PRIx32,
                                     options->flags & ~(uint32_t)FLAGS_KNOWN);
        if ((options->flags & SEQCAST_ANY_OWNER) != 0 && (options->flags & SEQCAST_SHARED) != 0)
                return seqcast__fail(
                        options->ret_detail, -EINVAL,
                        "threads share a mapping, and a segment of any owner is not mapped: open "
                        "one for each thread");
        if ((options->flags & SEQCAST_ANY_OWNER) != 0 && (options->flags & SEQCAST__RESIDENCE_FLAGS) != 0)
                return seqcast__fail(options->ret_detail, -EINVAL,
                                     "a segment of any owner is not mapped: there is nothing to prefault, to "
                                     "have in huge pages, or to lock");
        return 0;
}

/* @param fd NULL: by name */
static int attach(seqcast_subscriber *subscriber, const int *fd, const seqcast_subscriber_options *options)
{
        struct seqcast__attach_wish *wish = &subscriber->wish;
        int r;

        *wish = (struct seqcast__attach_wish){ .schema = options->schema,
                                               .owner_given = (options->flags & SEQCAST_SET_OWNER) != 0,
                                               .owner = options->owner,
                                               .any_owner = (options->flags & SEQCAST_ANY_OWNER) != 0,
                                               .memory = options->flags & SEQCAST__RESIDENCE_FLAGS };
        if (fd != NULL)
                r = seqcast__attach_fd(wish, *fd, &subscriber->own, options->ret_detail);
        else
                r = seqcast__attach_in_time(wish, options->timeout_ns, &subscriber->own, options->ret_detail);
        if (r < 0)
                return r;
        wish->schema = subscriber->own.schema;
        wish->opaque_bytes = wish->schema == NULL ? subscriber->own.header.record_bytes : 0;
        subscriber->follows = (options->flags & SEQCAST_REATTACH) != 0;
        if ((options->flags & SEQCAST_SHARED) != 0)
                r = share(subscriber);
        if (r < 0)
                return r;
        seqcast__residence_apply(subscriber->shared != NULL ? &subscriber->shared->segment : &subscriber->own,
                                 false, options->ret_detail);
        return begin(subscriber);
}

static seqcast_subscriber *new_subscriber(void)
{
        void *memory;
        seqcast_subscriber *subscriber;

        /* On cache lines of its own, and not the neighbour of one that another thread reads by. */
        if (posix_memalign(&memory, HANDLE_ALIGN,
                           (sizeof *subscriber + HANDLE_ALIGN - 1) / HANDLE_ALIGN * HANDLE_ALIGN) != 0)
                return NULL;
        subscriber = memset(memory, 0, sizeof *subscriber);
        subscriber->own.fd = -1;
        seqcast__wait_open(subscriber);
        return subscriber;
}

/* @param fd NULL: by name, `topic` */
static int open_any(const char *topic, const int *fd, const seqcast_subscriber_options *given,
                    seqcast_subscriber **ret_subscriber)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        seqcast_detail *ret_detail, why = { "" };
        seqcast_subscriber *subscriber;
        int r = seqcast__options_take(&options, sizeof options, given);

        if (r < 0)
                return r;
        ret_detail = options.ret_detail;
        options.ret_detail = &why;
        subscriber = new_subscriber();
        if (subscriber == NULL)
                return -ENOMEM;
        r = check_options(&options);
        if (r == 0 && fd == NULL)
                r = seqcast__segment_name(topic, &why, subscriber->own.name);
        else if (r == 0 && (options.timeout_ns != 0 || (options.flags & SEQCAST_REATTACH) != 0))
                r = seqcast__fail(&why, -EINVAL,
                                  "a descriptor is there or not, and leads to no other segment");
        if (r == 0)
                r = attach(subscriber, fd, &options);
        if (r < 0) {
                seqcast__give_reason(ret_detail, &why, r);
                seqcast_subscriber_close(subscriber);
                return r;
        }
        if (subscriber->wish.memory != 0 && ret_detail != NULL)
                *ret_detail = why;
        *ret_subscriber = subscriber;
        return 0;
}

int seqcast_subscriber_open(const char *topic, const seqcast_subscriber_options *options,
                            seqcast_subscriber **ret_subscriber)
{
        return open_any(topic, NULL, options, ret_subscriber);
}

int seqcast_subscriber_open_fd(int fd, const seqcast_subscriber_options *options,
                               seqcast_subscriber **ret_subscriber)
{
        return open_any(NULL, &fd, options, ret_subscriber);
}

static int begin_or_close(seqcast_subscriber *subscriber, seqcast_subscriber **ret_subscriber)
{
        int r = begin(subscriber);

        if (r < 0)
                seqcast_subscriber_close(subscriber);
        else
                *ret_subscriber = subscriber;
        return r;
}

int seqcast_subscriber_join(const seqcast_subscriber *other, seqcast_subscriber **ret_subscriber)
{
        seqcast_subscriber *subscriber;

        if (other->shared == NULL)
                return -EINVAL;
        subscriber = new_subscriber();
        if (subscriber == NULL)
                return -ENOMEM;
        subscriber->shared = other->shared;
        subscriber->wish = other->wish;
        subscriber->follows = other->follows;
        seqcast__subscriber_hold(subscriber);
        subscriber->shared->handles++;
        seqcast__subscriber_release(subscriber);
        return begin_or_close(subscriber, ret_subscriber);
}

/* A descriptor of our own: locks that are shown on the publisher's are the publisher's own. */
int seqcast__subscriber_open_on(const seqcast_publisher *publisher, seqcast_subscriber **ret_subscriber)
{
        seqcast_subscriber *subscriber = new_subscriber();

        if (subscriber == NULL)
                return -ENOMEM;
        subscriber->borrowed = true;
        subscriber->own = *seqcast__publisher_segment(publisher);
        subscriber->own.fd = seqcast__shm_reopen(subscriber->own.fd);
        if (subscriber->own.fd < 0) {
                int r = subscriber->own.fd;

                seqcast_subscriber_close(subscriber);
                return r;
        }
        return begin_or_close(subscriber, ret_subscriber);
}

seqcast_subscriber *seqcast_subscriber_close(seqcast_subscriber *subscriber)
{
        if (subscriber == NULL)
                return NULL;
        seqcast__wait_close(subscriber);
        seqcast__presence_close(&subscriber->presence);
        if (subscriber->shared != NULL)
                leave_shared(subscriber->shared);
        if (subscriber->borrowed) { /* mapping and schema are not ours */
                subscriber->own.base = NULL;
                subscriber->own.schema = NULL;
        }
        seqcast__segment_close(&subscriber->own);
        free(subscriber);
        return NULL;
}

/* ---- re-attaching -------------------------------------------------------------------------- */

/* `fresh` is open, and another segment than `present`, which it replaces. */
static int replace(seqcast_subscriber *subscriber, struct seqcast__segment *present,
                   struct seqcast__segment *fresh)
{
        struct seqcast__shared *shared = subscriber->shared;
        const struct seqcast__mapping mapping = seqcast__mapping_of(fresh);
        int r;

        if (shared != NULL) {
                r = seqcast__reattach_replace(shared->reattach, present, fresh);
                if (r < 0)
                        return r;
                shared->sleepers = shared->watchers = 0;
                atomic_fetch_add_explicit(&shared->replacements, 1, memory_order_relaxed);
                seqcast__futex_wake(&shared->replacements, false);
                return 0; /* this handle finds out as all others do */
        }
        r = move_on(subscriber, &mapping, 0);
        if (r < 0)
                return r;
        seqcast_schema_free(fresh->schema);
        fresh->schema = present->schema;
        present->schema = NULL;
        seqcast__segment_close(present);
        *present = *fresh;
        *fresh = (struct seqcast__segment){ .fd = -1 };
        return 0;
}

static int open_other(const seqcast_subscriber *subscriber, const struct seqcast__segment *present,
                      struct seqcast__segment *ret_fresh, seqcast_detail *ret_detail)
{
        int r;

        *ret_fresh = (struct seqcast__segment){ .fd = -1 };
        memcpy(ret_fresh->name, present->name, sizeof ret_fresh->name);
        r = seqcast__attach(&subscriber->wish, ret_fresh, ret_detail);
        if (r < 0)
                return r;
        if (ret_fresh->status.st_dev != present->status.st_dev ||
            ret_fresh->status.st_ino != present->status.st_ino)
                return 0;
        seqcast__segment_close(ret_fresh);
        return SEQCAST_NONE;
}

int seqcast__subscriber_reattach(seqcast_subscriber *subscriber, seqcast_detail *ret_detail)
{
        struct seqcast__segment *present = seqcast__subscriber_hold(subscriber), fresh = { .fd = -1 };
        struct seqcast__visit visit;
        int r = 0;

        if (subscriber->borrowed || seqcast__segment_is_nameless(present))
                r = -EINVAL;
        else if (seqcast__subscriber_is_current(subscriber)) /* else another thread was quicker */
                r = open_other(subscriber, present, &fresh, ret_detail);
        if (r == 0 && fresh.fd >= 0) {
                r = replace(subscriber, present, &fresh);
                /* Where it has failed, what was there before may have been mapped anew. */
                seqcast__residence_apply(present, false, r < 0 ? NULL : ret_detail);
        }
        if (fresh.fd >= 0)
                seqcast__segment_close(&fresh);
        seqcast__subscriber_release(subscriber);
        if (r != 0)
                return r;
        if (subscriber->shared != NULL) {
                while ((r = seqcast__subscriber_enter(subscriber, &visit)) == SEQCAST_BUSY)
                        let_others_replace(subscriber);
                if (r < 0)
                        return r;
                seqcast__subscriber_leave(subscriber, &visit);
        }
        seqcast__subscriber_tell_moved(subscriber);
        return 0;
}

int seqcast_subscriber_reattach(seqcast_subscriber *subscriber, seqcast_detail *ret_detail)
{
        seqcast_detail why = { "" };
        int r = seqcast__subscriber_reattach(subscriber, &why);

        if (r < 0)
                seqcast__give_reason(ret_detail, &why, r);
        else if (r == 0 && subscriber->wish.memory != 0 && ret_detail != NULL)
                *ret_detail = why;
        return r;
}

/* ---- the position --------------------------------------------------------------------------- */

uint64_t seqcast_subscriber_version(const seqcast_subscriber *subscriber)
{
        const struct seqcast__segment *segment;
        uint64_t version;

        if (subscriber->shared == NULL && !subscriber->fetched)
                return seqcast_ring_version(&subscriber->ring) & ~SEQCAST_VERSION_RETIRED;
        segment = seqcast__subscriber_hold(subscriber);
        seqcast__fetch_control(segment); /* after a failure: as it was */
        version = atomic_load_explicit(seqcast__segment_control(segment) + SEQCAST__CONTROL_VERSION,
                                       memory_order_acquire); /* as R0, pairs with W5 */
        seqcast__subscriber_release(subscriber);
        return version & ~SEQCAST_VERSION_RETIRED;
}

uint64_t seqcast_subscriber_retries(const seqcast_subscriber *subscriber)
{
        return subscriber->reader.retries;
}

void seqcast_subscriber_skip(seqcast_subscriber *subscriber)
{
        struct seqcast_ring_reader before;
        struct seqcast__visit visit;
        int r;

        do {
                r = seqcast__subscriber_enter(subscriber, &visit);
                before = subscriber->reader;
                if (r == 0) {
                        seqcast_ring_skip(&subscriber->ring, &subscriber->reader);
                        r = seqcast__subscriber_leave(subscriber, &visit) ? 0 : SEQCAST_BUSY;
                }
                if (r == SEQCAST_BUSY) {
                        subscriber->reader = before;
                        let_others_replace(subscriber);
                }
        } while (r == SEQCAST_BUSY);
}

/* ---- asking -------------------------------------------------------------------------------- */

/* When the newest publication was stamped; 0: never. A time is one word, and if the slot holds a newer one by
 * now, so much the better: no need to look twice. */
static int64_t newest_time_ns(const struct seqcast__segment *segment, uint64_t version)
{
        struct seqcast_ring ring;

        if (segment->fetched || segment->header.time_clock == 0 || version == 0)
                return seqcast__segment_newest_time_ns(segment, version);
        ring = seqcast__layout_ring(&segment->header, segment->base);
        return (int64_t)seqcast_word_load_relaxed(seqcast_ring_slot(&ring, version) + SEQCAST_SLOT_TIME);
}

static uint32_t judge_liveness(bool retired, bool locked, uint64_t version, uint64_t publisher_state)
{
        if (retired)
                return SEQCAST_REPLACED;
        if (locked)
                return SEQCAST_LIVE;
        if (version == 0)
                return SEQCAST_UNPUBLISHED;
        return publisher_state == SEQCAST__PUBLISHER_LEFT ? SEQCAST_LEFT : SEQCAST_GONE;
}

static int status_of(const struct seqcast__segment *segment, seqcast_status *ret_status)
{
        const seqcast_word *control = seqcast__segment_control(segment);
        uint64_t version, program[4];
        seqcast_status status = { 0 };
        int r = seqcast__fetch_control(segment), locked, detached;

        if (r < 0)
                return r;
        version = atomic_load_explicit(control + SEQCAST__CONTROL_VERSION,
                                       memory_order_acquire); /* as R0, pairs with W5 */
        locked = seqcast__lock_is_held(segment->fd, SEQCAST__PUBLISHER_LOCK_BYTE);
        if (locked < 0)
                return locked;
        detached = seqcast__segment_is_detached(segment);
        if (detached < 0)
                return detached;
        status.version = version & ~SEQCAST_VERSION_RETIRED;
        status.detached = (uint32_t)detached;
        status.epoch = seqcast_word_load_relaxed(control + SEQCAST__CONTROL_EPOCH);
        status.publisher_pid = seqcast_word_load_relaxed(control + SEQCAST__CONTROL_PUBLISHER_PID);
        status.liveness =
                judge_liveness((version & SEQCAST_VERSION_RETIRED) != 0, locked == 1, status.version,
                               seqcast_word_load_relaxed(control + SEQCAST__CONTROL_PUBLISHER_STATE));
        seqcast_copy_load(program, control + SEQCAST__CONTROL_PROGRAM, 0, sizeof program);
        seqcast__segment_text(status.program, sizeof status.program, program, sizeof program);
        status.age_ns =
                seqcast__segment_age_ns(newest_time_ns(segment, status.version),
                                        seqcast_word_load_relaxed(control + SEQCAST__CONTROL_TIME_NAMESPACE));
        *ret_status = status;
        return 0;
}

int seqcast_subscriber_status(const seqcast_subscriber *subscriber, seqcast_status *ret_status)
{
        int r = status_of(seqcast__subscriber_hold(subscriber), ret_status);

        seqcast__subscriber_release(subscriber);
        return r;
}

void seqcast_subscriber_info(const seqcast_subscriber *subscriber, seqcast_info *ret_info)
{
        seqcast__segment_info(seqcast__subscriber_hold(subscriber), ret_info);
        seqcast__subscriber_release(subscriber);
}

const seqcast_schema *seqcast_subscriber_schema(const seqcast_subscriber *subscriber)
{
        return subscriber->wish.schema;
}
