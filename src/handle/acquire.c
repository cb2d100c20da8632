/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include "handle/acquire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "layout/schema.h"
#include "platform/clock.h"
#include "platform/lock.h"
#include "platform/memory.h"
#include "platform/process.h"

/* Each round is lost to another publisher that was quicker. */
#define ROUNDS_MAX 100
#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

struct wish {
        const seqcast_publisher_options *options;
        seqcast_detail *ret_detail;
        seqcast_schema *schema; /* normalized; NULL: none given */
        char *schema_text;
        int schema_bytes;
        char name[SEQCAST__SHM_NAME_BYTES];
};

static int print_schema(struct wish *wish)
{
        int r = seqcast_schema_print(wish->schema, NULL, 0);

        if (r < 0)
                return r == -EINVAL ? seqcast__fail(wish->ret_detail, r, "schema text longer than 64 KiB")
                                    : r;
        wish->schema_bytes = r;
        wish->schema_text = malloc((size_t)r + 1);
        if (wish->schema_text == NULL)
                return -ENOMEM;
        r = seqcast_schema_print(wish->schema, wish->schema_text, (size_t)r + 1);
        return r < 0 ? r : 0;
}

static uint64_t wished_record_bytes(const struct wish *wish)
{
        if (wish->options->record_bytes != 0)
                return wish->options->record_bytes;
        return wish->schema != NULL ? wish->schema->record_bytes : 0;
}

/* ---- creating ------------------------------------------------------------------------------ */

/* Sparse: what is touched before a publication reserves its own pages, by readers, too. */
static int reserve(const struct seqcast__segment *segment)
{
        const struct seqcast__segment_header *header = &segment->header;
        int r;

        if (!seqcast__layout_is_sparse(header)) {
                /* Taking all there is before finding out that it is not enough would hurt everybody. */
                if (seqcast__shm_free_bytes(segment->fd) < header->segment_bytes)
                        return -ENOSPC;
                return seqcast__shm_reserve(segment->fd, 0, header->segment_bytes);
        }
        r = seqcast__shm_reserve(segment->fd, 0, header->slots_offset);
        for (uint64_t i = 0; i < header->depth && r == 0; i++)
                r = seqcast__shm_reserve(segment->fd, header->slots_offset + i * header->slot_stride,
                                         header->payload_offset);
        return r;
}

static void write_header(const struct seqcast__segment *segment, const char *schema_text)
{
        struct seqcast__segment_header *header = segment->base;
        seqcast_word *magic = segment->base;

        *header = segment->header;
        header->magic = 0;
        if (schema_text != NULL)
                memcpy((char *)segment->base + header->schema_offset, schema_text, header->schema_bytes + 1u);
        /* Last, so that a header without it is one that is still being written. Whoever copies the
         * header does so by a system call, which orders it on that side. */
        atomic_store_explicit(magic, SEQCAST__MAGIC, memory_order_release);
}

static int make(struct wish *wish, struct seqcast__segment *segment)
{
        const seqcast_publisher_options *options = wish->options;
        struct seqcast__segment_header *header = &segment->header;
        int r = seqcast__segment_check_memory(segment->fd, wish->ret_detail);

        if (r < 0)
                return r;
        r = seqcast__shm_resize(segment->fd, header->segment_bytes);
        if (r < 0)
                return seqcast__fail(wish->ret_detail, r, "a segment of %" PRIu64 " bytes: %s",
                                     header->segment_bytes, seqcast_strerror(r));
        r = reserve(segment);
        if (r == -ENOSPC)
                return seqcast__fail(wish->ret_detail, r,
                                     "no space left in /dev/shm (needs %" PRIu64 " bytes; %" PRIu64 " free)",
                                     header->segment_bytes, seqcast__shm_free_bytes(segment->fd));
        if (r == 0)
                r = seqcast__memory_map_write(segment->fd, header->segment_bytes, &segment->base);
        if (r < 0)
                return seqcast__fail(wish->ret_detail, r, "a segment of %" PRIu64 " bytes: %s",
                                     header->segment_bytes, seqcast_strerror(r));
        write_header(segment, wish->schema_text);
        r = seqcast__lock_take(segment->fd, SEQCAST__PUBLISHER_LOCK_BYTE);
        if (r < 0)
                return seqcast__fail(wish->ret_detail, r, "cannot lock the new segment: %s",
                                     seqcast_strerror(r));
        if ((options->flags & SEQCAST_SET_GROUP) != 0 &&
            fchown(segment->fd, (uid_t)-1, options->group_id) < 0) {
                r = -errno;
                return seqcast__fail(wish->ret_detail, r, "cannot give the segment group %" PRIu32 ": %s",
                                     options->group_id, seqcast_strerror(r));
        }
        if (fchmod(segment->fd, options->mode) < 0 || fstat(segment->fd, &segment->status) < 0)
                return -errno;
        return 0;
}

static void discard(struct seqcast__shm_draft *draft, struct seqcast__segment *segment)
{
        segment->fd = -1; /* the draft's */
        seqcast__segment_close(segment);
        seqcast__shm_draft_discard(draft);
}

/* @return 0; -EEXIST somebody else was quicker (not with `replace`) */
static int create(struct wish *wish, bool replace, struct seqcast__segment *ret_segment)
{
        struct seqcast__layout_wish layout = {
                .record_bytes = wished_record_bytes(wish),
                .record_align = wish->schema != NULL ? wish->schema->align : 0,
                .depth = wish->options->depth,
                .schema_bytes = (uint32_t)wish->schema_bytes,
                .sparse = (wish->options->flags & SEQCAST_SPARSE) != 0,
                .times = (wish->options->flags & SEQCAST_TIMES) != 0,
        };
        struct seqcast__segment segment = { .fd = -1 };
        struct seqcast__shm_draft draft;
        int r = seqcast__layout_plan(&layout, wish->ret_detail, &segment.header);

        if (r < 0)
                return r;
        segment.header.incarnation = seqcast__process_random();
        segment.header.created_ns = seqcast__clock_real_ns();
        segment.header.creator_uid = (uint32_t)geteuid();
        segment.header.creator_pid = (uint64_t)getpid();
        seqcast__process_name(segment.header.creator, sizeof segment.header.creator);
        seqcast__process_boot_id(segment.header.boot_id);
        memcpy(segment.name, wish->name, sizeof segment.name);
        if (wish->schema != NULL) {
                r = seqcast__schema_normalize(wish->schema, NULL, &segment.schema);
                if (r < 0)
                        return r;
        }
        r = seqcast__shm_draft_open(&draft);
        if (r < 0) {
                seqcast__segment_close(&segment);
                return seqcast__fail(wish->ret_detail, r, "cannot create an object in /dev/shm: %s",
                                     seqcast_strerror(r));
        }
        segment.fd = draft.fd;
        r = make(wish, &segment);
        if (r == 0) {
                r = seqcast__shm_draft_link(&draft, wish->name, replace);
                if (r < 0)
                        seqcast__fail(wish->ret_detail, r, "cannot name the new segment: %s",
                                      seqcast_strerror(r));
        }
        if (r < 0) {
                discard(&draft, &segment);
                return r;
        }
        *ret_segment = segment;
        return 0;
}

/* ---- taking over --------------------------------------------------------------------------- */

static int check_ours(struct wish *wish, const struct stat *status)
{
        if (!S_ISREG(status->st_mode))
                return seqcast__fail(wish->ret_detail, -EPROTO,
                                     "not a segment of this library (not a regular file)");
        if (status->st_uid != geteuid() || seqcast__process_is_overflow_uid(status->st_uid))
                return seqcast__fail(wish->ret_detail, -EPERM,
                                     "owner uid %u, but you are uid %u; it is not touched",
                                     (unsigned)status->st_uid, (unsigned)geteuid());
        if ((status->st_mode & OTHERS_WRITE) != 0)
                return seqcast__fail(wish->ret_detail, -EPERM,
                                     "mode %04o lets others write it; it is not touched",
                                     (unsigned)status->st_mode & 07777);
        return 0;
}

static int refuse_locked(struct wish *wish, struct seqcast__segment *segment)
{
        char sentence[192];

        /* What cannot be read cannot be described, and that is all that it means here. */
        if (seqcast__segment_read(segment, NULL) < 0)
                segment->header.magic = 0;
        seqcast__segment_describe_publisher(segment, "is already the publisher", sentence, sizeof sentence);
        return seqcast__fail(wish->ret_detail, -EBUSY, "%s", sentence);
}

/* Is what stands there what is wanted? @return 0; -EPROTOTYPE */
static int check_fits(struct wish *wish, const struct seqcast__segment *segment)
{
        uint64_t record_bytes = wished_record_bytes(wish);
        uint32_t depth = wish->options->depth;

        if (wish->schema != NULL) {
                int r = seqcast__segment_check_schema(segment, wish->schema, wish->ret_detail);

                if (r < 0)
                        return r;
        } else if (record_bytes != 0 && segment->schema != NULL) {
                return seqcast__fail(wish->ret_detail, -EPROTOTYPE,
                                     "schema differs: the segment has one, you gave none");
        }
        if (record_bytes != 0 && record_bytes != segment->header.record_bytes)
                return seqcast__fail(wish->ret_detail, -EPROTOTYPE,
                                     "record size differs: segment has %" PRIu64 " bytes, you gave %" PRIu64,
                                     segment->header.record_bytes, record_bytes);
        if (depth != 0 && depth != segment->header.depth)
                return seqcast__fail(wish->ret_detail, -EPROTOTYPE,
                                     "depth differs: segment has %" PRIu32 ", you gave %" PRIu32,
                                     segment->header.depth, depth);
        return 0;
}

/* The lock is ours, and with it all that was ever stored under it. */
static bool is_retired(const struct seqcast__segment *segment)
{
        struct seqcast_ring ring = seqcast__layout_ring(&segment->header, segment->base);

        return (seqcast_word_load_relaxed(ring.version) & SEQCAST_VERSION_RETIRED) != 0;
}

enum verdict {
        TAKE,    /* it is ours to go on with */
        REPLACE, /* it is ours, but is to make room */
        AGAIN    /* it went away meanwhile */
};

/* `segment` is open, nothing more. @return enum verdict; an error */
static int judge(struct wish *wish, struct seqcast__segment *segment, bool *ret_locked)
{
        uint32_t flags = wish->options->flags;
        bool may_replace = (flags & (SEQCAST_REPLACE | SEQCAST_RECREATE)) != 0;
        int r;

        if (fstat(segment->fd, &segment->status) < 0)
                return -errno;
        if ((flags & SEQCAST_EXCLUSIVE) != 0)
                return seqcast__fail(wish->ret_detail, -EEXIST, "exists already");
        r = check_ours(wish, &segment->status);
        if (r == 0)
                r = seqcast__segment_check_memory(segment->fd, wish->ret_detail);
        if (r < 0)
                return r;
        r = seqcast__lock_take(segment->fd, SEQCAST__PUBLISHER_LOCK_BYTE);
        if (r == -EAGAIN) {
                r = seqcast__lock_obstacle(segment->fd, SEQCAST__PUBLISHER_LOCK_BYTE);
                if (r == SEQCAST__LOCK_WRITER)
                        return refuse_locked(wish, segment);
                if (r == SEQCAST__LOCK_READERS)
                        return may_replace
                                       ? REPLACE
                                       : seqcast__fail(wish->ret_detail, -EBUSY,
                                                       "a reader holds a lock on it; no publisher is alive");
                return r < 0 ? r : AGAIN;
        }
        if (r < 0)
                return r;
        *ret_locked = true;
        r = seqcast__segment_is_detached(segment);
        if (r != 0)
                return r < 0 ? r : AGAIN;
        r = seqcast__segment_read(segment, wish->ret_detail);
        if (r == -EAGAIN)
                r = seqcast__fail(wish->ret_detail, -EPROTO,
                                  "not a segment of this library (its header is empty)");
        if (r == 0)
                r = check_fits(wish, segment);
        if (r == -EPROTO || r == -EPROTONOSUPPORT || r == -EPROTOTYPE)
                return may_replace ? REPLACE : r;
        if (r < 0)
                return r;
        r = seqcast__memory_map_write(segment->fd, segment->header.segment_bytes, &segment->base);
        if (r < 0)
                return seqcast__fail(wish->ret_detail, r, "cannot be mapped: %s", seqcast_strerror(r));
        return (flags & SEQCAST_RECREATE) != 0 || is_retired(segment) ? REPLACE : TAKE;
}

/* Put a new segment in the place of `old`, then tell its readers, if it was one and we hold it. */
static int replace(struct wish *wish, struct seqcast__segment *old, bool locked,
                   struct seqcast__segment *ret_segment)
{
        struct seqcast_ring ring;
        int r;

        if (wished_record_bytes(wish) == 0)
                return seqcast__fail(wish->ret_detail, -EINVAL,
                                     "a schema or a record size is needed to replace it");
        r = create(wish, true, ret_segment);
        if (r < 0 || !locked || seqcast__layout_check(&old->header, (uint64_t)old->status.st_size, NULL) < 0)
                return r;
        if (old->base == NULL &&
            seqcast__memory_map_write(old->fd, old->header.segment_bytes, &old->base) < 0)
                return 0; /* its readers still find out by its name */
        ring = seqcast__layout_ring(&old->header, old->base);
        /* A reader may have been delivered what its dead publisher completed and did not announce. */
        seqcast_ring_recover(&ring);
        seqcast_ring_retire(&ring);
        return 0;
}

static int acquire_once(struct wish *wish, struct seqcast__segment *ret_segment, bool *ret_created)
{
        struct seqcast__segment found = { .fd = seqcast__shm_open(wish->name, true) };
        bool locked = false;
        int r;

        if (found.fd == -ENOENT && wished_record_bytes(wish) != 0) {
                *ret_created = true;
                r = create(wish, false, ret_segment);
                return r == -EEXIST ? -EAGAIN : r;
        }
        if (found.fd < 0)
                return seqcast__segment_refuse_open(wish->name, found.fd, wish->ret_detail);
        memcpy(found.name, wish->name, sizeof found.name);
        r = judge(wish, &found, &locked);
        if (r == TAKE) {
                *ret_created = false;
                *ret_segment = found;
                return 0;
        }
        if (r == REPLACE) {
                *ret_created = true;
                r = replace(wish, &found, locked, ret_segment);
        } else if (r == AGAIN) {
                r = -EAGAIN;
        }
        seqcast__segment_close(&found);
        return r;
}

int seqcast__acquire(const char *topic, const seqcast_publisher_options *options,
                     struct seqcast__segment *ret_segment, bool *ret_created)
{
        struct wish wish = { .options = options, .ret_detail = options->ret_detail };
        int r = seqcast__segment_name(topic, wish.ret_detail, wish.name);

        if (r == 0 && options->schema != NULL) {
                r = seqcast__schema_normalize(options->schema, wish.ret_detail, &wish.schema);
                if (r == 0)
                        r = print_schema(&wish);
        }
        if (r == 0 && wish.schema != NULL && wished_record_bytes(&wish) < wish.schema->record_bytes)
                r = seqcast__fail(wish.ret_detail, -EINVAL,
                                  "records of %" PRIu64 " bytes are too short for the schema's %" PRIu64,
                                  wished_record_bytes(&wish), wish.schema->record_bytes);
        if (r == 0) {
                r = -EAGAIN;
                for (int round = 0; round < ROUNDS_MAX && r == -EAGAIN; round++)
                        r = acquire_once(&wish, ret_segment, ret_created);
                if (r == -EAGAIN)
                        r = seqcast__fail(wish.ret_detail, -EBUSY, "other publishers keep replacing it");
        }
        free(wish.schema_text);
        seqcast_schema_free(wish.schema);
        return r;
}
