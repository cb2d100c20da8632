/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Subscribing. Opening trusts nothing; reading is the ring's, with holes of sparse segments left alone. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "handle/options.h"
#include "handle/presence.h"
#include "handle/seam.h"
#include "handle/segment.h"
#include "platform/clock.h"
#include "platform/lock.h"
#include "platform/memory.h"
#include "platform/process.h"

#define APPEAR_POLL_NS INT64_C(5000000)

struct seqcast_subscriber {
        struct seqcast_ring ring;
        struct seqcast_ring_reader reader;
        bool sparse;
        bool looking;                  /* between read_begin and read_end */
        bool borrowed;                 /* the mapping is a publisher's */
        struct seqcast_ring_view view; /* what is looked at */
        struct seqcast__presence presence;
        struct seqcast__segment segment;
};

/* ---- opening ------------------------------------------------------------------------------- */

static int check_trust(const seqcast_subscriber_options *options, const struct seqcast__segment *segment)
{
        const struct stat *status = &segment->status;
        uid_t self = geteuid();
        bool named = (options->flags & SEQCAST_SET_OWNER) != 0 && status->st_uid == options->owner;

        if (!S_ISREG(status->st_mode))
                return seqcast__fail(options->ret_detail, -EPROTO,
                                     "not a segment of this library (not a regular file)");
        if (!named && (seqcast__process_is_overflow_uid(status->st_uid) ||
                       (status->st_uid != 0 && status->st_uid != self)))
                return seqcast__fail(options->ret_detail, -EPERM,
                                     "owner uid %u is neither root nor you (uid %u), nor was it named",
                                     (unsigned)status->st_uid, (unsigned)self);
        if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0)
                return seqcast__fail(options->ret_detail, -EPERM, "mode %04o lets others write it",
                                     (unsigned)status->st_mode & 07777);
        return seqcast__segment_check_memory(segment->fd, options->ret_detail);
}

static int open_segment(const seqcast_subscriber_options *options, struct seqcast__segment *segment)
{
        int r = seqcast__shm_open(segment->name, false);

        if (r < 0)
                return seqcast__segment_refuse_open(segment->name, r, options->ret_detail);
        segment->fd = r;
        if (fstat(segment->fd, &segment->status) < 0)
                return -errno;
        r = check_trust(options, segment);
        if (r == 0)
                r = seqcast__segment_read(segment, options->ret_detail);
        if (r == 0 && options->schema != NULL)
                r = seqcast__segment_check_schema(segment, options->schema, options->ret_detail);
        if (r == 0) {
                r = seqcast__memory_map_read(segment->fd, segment->header.segment_bytes, &segment->base);
                if (r < 0)
                        seqcast__fail(options->ret_detail, r, "cannot be mapped (%" PRIu64 " bytes): %s",
                                      segment->header.segment_bytes, seqcast_strerror(r));
        }
        return r;
}

/* Not there yet, or not ready yet, may be mended by time. */
static int open_segment_in_time(const seqcast_subscriber_options *options, struct seqcast__segment *segment)
{
        int64_t start_ns = seqcast__clock_boot_ns();

        for (;;) {
                int r = open_segment(options, segment);

                if (r == 0)
                        return 0;
                seqcast__segment_close(segment);
                if ((r != -ENOENT && r != -EAGAIN) || options->timeout_ns == 0)
                        return r;
                if (options->timeout_ns > 0 && seqcast__clock_boot_ns() - start_ns >= options->timeout_ns)
                        return seqcast__fail(options->ret_detail, -ETIMEDOUT, "%s",
                                             r == -ENOENT ? "no such segment appeared in time"
                                                          : "its creator did not finish it in time");
                seqcast__clock_sleep_ns(APPEAR_POLL_NS);
        }
}

static int start_reading(seqcast_subscriber *subscriber)
{
        const struct seqcast__segment *segment = &subscriber->segment;

        subscriber->ring = seqcast__layout_ring(&segment->header, segment->base);
        subscriber->sparse = seqcast__layout_is_sparse(&segment->header);
        /* Where nothing was published yet, the first publication is the next one. */
        if (seqcast_subscriber_version(subscriber) == 0)
                subscriber->reader.started = true;
        if (!subscriber->sparse)
                return 0;
        return seqcast__presence_open(&subscriber->presence, segment->fd, segment->header.segment_bytes);
}

static int attach(seqcast_subscriber *subscriber, const char *topic,
                  const seqcast_subscriber_options *options)
{
        int r = seqcast__segment_name(topic, options->ret_detail, subscriber->segment.name);

        if ((options->flags & ~(uint32_t)SEQCAST_SET_OWNER) != 0)
                return seqcast__fail(options->ret_detail, -EINVAL, "unknown flags %#" PRIx32, options->flags);
        if (r == 0)
                r = open_segment_in_time(options, &subscriber->segment);
        return r == 0 ? start_reading(subscriber) : r;
}

int seqcast_subscriber_open(const char *topic, const seqcast_subscriber_options *given,
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
        subscriber = calloc(1, sizeof *subscriber);
        if (subscriber == NULL)
                return -ENOMEM;
        subscriber->segment.fd = -1;
        r = attach(subscriber, topic, &options);
        if (r < 0) {
                seqcast__give_reason(ret_detail, &why, r);
                seqcast_subscriber_close(subscriber);
                return r;
        }
        *ret_subscriber = subscriber;
        return 0;
}

int seqcast__subscriber_open_on(const seqcast_publisher *publisher, seqcast_subscriber **ret_subscriber)
{
        seqcast_subscriber *subscriber = calloc(1, sizeof *subscriber);
        int r;

        if (subscriber == NULL)
                return -ENOMEM;
        subscriber->segment = *seqcast__publisher_segment(publisher);
        subscriber->borrowed = true;
        r = start_reading(subscriber);
        if (r < 0) {
                seqcast_subscriber_close(subscriber);
                return r;
        }
        *ret_subscriber = subscriber;
        return 0;
}

seqcast_subscriber *seqcast_subscriber_close(seqcast_subscriber *subscriber)
{
        if (subscriber == NULL)
                return NULL;
        seqcast__presence_close(&subscriber->presence);
        if (!subscriber->borrowed)
                seqcast__segment_close(&subscriber->segment);
        free(subscriber);
        return NULL;
}

/* ---- reading sparse segments --------------------------------------------------------------- */

/* R2 for [offset, offset + bytes) of a payload, holes as zeros. A page that a publication has stored to
 * had its memory before that publication's W1, so a reader that finds a hole, and the view valid
 * afterwards, has found the zeros of this publication. */
static int load_present(seqcast_subscriber *subscriber, void *to, const seqcast_word *payload,
                        uint64_t offset, uint64_t bytes)
{
        uint64_t base = (uintptr_t)payload - (uintptr_t)subscriber->segment.base;
        uint64_t end = offset + bytes;
        unsigned char *target = to;

        if (bytes != 0 && seqcast__presence_knows(&subscriber->presence, base + offset, base + end)) {
                seqcast_copy_load(to, payload, offset, (size_t)bytes);
                return 0;
        }
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

struct sparse_request {
        seqcast_subscriber *subscriber;
        const seqcast_read_part *parts;
        size_t count;
        void *record;
        size_t capacity;
};

static int take_sparse_whole(void *context, const struct seqcast_ring_view *view)
{
        const struct sparse_request *request = context;

        if (view->bytes > request->capacity)
                return -EMSGSIZE;
        return load_present(request->subscriber, request->record, view->payload, 0, view->bytes);
}

static int take_sparse_parts(void *context, const struct seqcast_ring_view *view)
{
        const struct sparse_request *request = context;

        for (size_t i = 0; i < request->count; i++) {
                const seqcast_read_part *part = &request->parts[i];
                int r;

                if (!seqcast_ring_range_fits(part->offset, part->bytes, view->bytes))
                        return -ERANGE;
                r = load_present(request->subscriber, part->to, view->payload, part->offset, part->bytes);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* `find` is a constant at each call, so that each becomes a loop of its own. */
static inline int read_whole(seqcast_subscriber *subscriber, seqcast_ring_find *find, void *record,
                             size_t capacity, seqcast_sample *ret_sample)
{
        struct seqcast_ring_buffer buffer = { record, capacity };
        struct sparse_request request = { .subscriber = subscriber, .record = record, .capacity = capacity };

        if (!subscriber->sparse)
                return seqcast_ring_read(&subscriber->ring, &subscriber->reader, find,
                                         seqcast_ring_take_whole, &buffer, ret_sample);
        return seqcast_ring_read(&subscriber->ring, &subscriber->reader, find, take_sparse_whole, &request,
                                 ret_sample);
}

static inline int read_parts(seqcast_subscriber *subscriber, seqcast_ring_find *find,
                             const seqcast_read_part *parts, size_t count, seqcast_sample *ret_sample)
{
        struct seqcast_ring_read_parts list = { parts, count };
        struct sparse_request request = { .subscriber = subscriber, .parts = parts, .count = count };

        if (count > SEQCAST_PARTS_MAX)
                return -E2BIG;
        if (!subscriber->sparse)
                return seqcast_ring_read(&subscriber->ring, &subscriber->reader, find,
                                         seqcast_ring_take_parts, &list, ret_sample);
        return seqcast_ring_read(&subscriber->ring, &subscriber->reader, find, take_sparse_parts, &request,
                                 ret_sample);
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

uint64_t seqcast_subscriber_version(const seqcast_subscriber *subscriber)
{
        return seqcast_ring_version(&subscriber->ring) & ~SEQCAST_VERSION_RETIRED;
}

void seqcast_subscriber_skip(seqcast_subscriber *subscriber)
{
        seqcast_ring_skip(&subscriber->ring, &subscriber->reader);
}

/* ---- asking -------------------------------------------------------------------------------- */

/* When the newest publication was stamped; 0 if that cannot be told now. */
static int64_t newest_time_ns(const seqcast_subscriber *subscriber)
{
        struct seqcast_ring_reader nobody = { 0 };
        struct seqcast_ring_view view;

        for (int attempt = 0; attempt < SEQCAST_READ_ATTEMPTS_MAX; attempt++)
                if (seqcast_ring_find_newest(&subscriber->ring, &nobody, &view) == SEQCAST_OK &&
                    seqcast_ring_view_valid(&view))
                        return view.time_ns;
        return 0;
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

int seqcast_subscriber_status(const seqcast_subscriber *subscriber, seqcast_status *ret_status)
{
        const struct seqcast__segment *segment = &subscriber->segment;
        const seqcast_word *control = seqcast__layout_control(&segment->header, segment->base);
        uint64_t version = seqcast_ring_version(&subscriber->ring), program[4];
        seqcast_status status = { 0 };
        int locked = seqcast__lock_is_held(segment->fd, SEQCAST__PUBLISHER_LOCK_BYTE), detached;

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
                seqcast__segment_age_ns(newest_time_ns(subscriber),
                                        seqcast_word_load_relaxed(control + SEQCAST__CONTROL_TIME_NAMESPACE));
        *ret_status = status;
        return 0;
}

void seqcast_subscriber_info(const seqcast_subscriber *subscriber, seqcast_info *ret_info)
{
        seqcast__segment_info(&subscriber->segment, ret_info);
}

const seqcast_schema *seqcast_subscriber_schema(const seqcast_subscriber *subscriber)
{
        return subscriber->segment.schema;
}
