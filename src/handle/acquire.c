/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include "handle/acquire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "handle/residence.h"
#include "handle/waker.h"
#include "layout/schema.h"
#include "platform/clock.h"
#include "platform/lock.h"
#include "platform/memory.h"
#include "platform/nameless.h"
#include "platform/process.h"

/* Each round is lost to another publisher that was quicker. */
#define ROUNDS_MAX 100
#define OTHERS_WRITE (S_IWGRP | S_IWOTH)
#define MODE_SEALED 0444 /* whoever was given a descriptor opens it once more, for locks of his own */

struct wish {
        const struct seqcast__acquire_request *request;
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

static int prepare(const struct wish *wish, const struct seqcast__segment *segment, bool fresh)
{
        return wish->request->prepare(wish->request->context, segment, fresh);
}

/* ---- descriptors and mappings that no child of fork() keeps --------------------------------- */

/* @return `fd`, or why it could not be guarded; it is closed then */
static int guard(const struct wish *wish, int fd)
{
        int r = fd < 0 ? fd : seqcast__process_guard_fork(fd, wish->request->fork_flag);

        if (r < 0 && fd >= 0)
                close(fd);
        return r < 0 ? r : fd;
}

static int open_guarded(const struct wish *wish)
{
        int fd;

        seqcast__process_hold_forks();
        fd = guard(wish, seqcast__shm_open(wish->name, true));
        seqcast__process_release_forks();
        return fd;
}

static bool is_sealed(const struct wish *wish)
{
        return (wish->options->flags & SEQCAST_SEALED) != 0;
}

static bool is_hugetlb(const struct wish *wish)
{
        return (wish->options->flags & SEQCAST_HUGETLB) != 0;
}

static int open_draft_guarded(const struct wish *wish, struct seqcast__shm_draft *draft)
{
        int r;

        seqcast__process_hold_forks();
        r = is_sealed(wish) ? seqcast__shm_draft_open_nameless(draft, wish->name + 1, is_hugetlb(wish))
                            : seqcast__shm_draft_open(draft);
        if (r == 0) {
                draft->fd = guard(wish, draft->fd);
                if (draft->fd < 0) {
                        r = draft->fd;
                        seqcast__shm_draft_discard(draft);
                }
        }
        seqcast__process_release_forks();
        return r;
}

static int map_guarded(const struct wish *wish, struct seqcast__segment *segment)
{
        int r;

        seqcast__residence_ask(segment, wish->options->flags);
        seqcast__process_hold_forks();
        r = seqcast__memory_map_write(segment->fd, segment->header.segment_bytes, segment->alignment,
                                      &segment->base);
        segment->base_bytes = segment->header.segment_bytes;
        seqcast__process_release_forks();
        return r;
}

void seqcast__acquire_release(struct seqcast__segment *segment)
{
        if (segment->fd >= 0) {
                /* A child that has not run its fork handlers yet still has the open file. */
                seqcast__lock_drop(segment->fd, SEQCAST__PUBLISHER_LOCK_BYTE);
                seqcast__process_unguard_fork(segment->fd);
        }
        seqcast__segment_close(segment);
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
        /* Last, so that a header without it is one that is still being written. Pairs with the system call by
         * which others copy the header. */
        atomic_store_explicit(magic, SEQCAST__MAGIC, memory_order_release);
}

/* Files of the hugetlb kind have whole pages only. */
static int plan_huge(struct seqcast__segment *segment)
{
        uint64_t page, part;

        if (fstat(segment->fd, &segment->status) < 0)
                return -errno;
        page = (uint64_t)segment->status.st_blksize;
        part = segment->header.segment_bytes % page;
        if (part != 0)
                segment->header.segment_bytes += page - part;
        return 0;
}

/* Memory behind a new segment, and a mapping of it. Mapping takes pages of the hugetlb kind aside, all or
 * none, so it comes first there. */
static int provide(const struct wish *wish, struct seqcast__segment *segment)
{
        int r = is_hugetlb(wish) ? map_guarded(wish, segment) : reserve(segment);

        if (r < 0)
                return r;
        return is_hugetlb(wish) ? seqcast__shm_reserve(segment->fd, 0, segment->header.segment_bytes)
                                : map_guarded(wish, segment);
}

static int refuse_huge(const struct wish *wish, const struct seqcast__segment *segment)
{
        uint64_t page = (uint64_t)segment->status.st_blksize;

        return seqcast__fail(wish->ret_detail, -ENOMEM,
                             "needs %" PRIu64 " huge pages of %" PRIu64
                             " KiB, and there are not so many free: reserve them (sysctl vm.nr_hugepages)",
                             segment->header.segment_bytes / page, page / 1024);
}

static int make(struct wish *wish, struct seqcast__segment *segment)
{
        const seqcast_publisher_options *options = wish->options;
        struct seqcast__segment_header *header = &segment->header;
        uint32_t mode = is_sealed(wish)      ? MODE_SEALED
                        : options->mode != 0 ? options->mode
                                             : SEQCAST_MODE_PRIVATE;
        int r = seqcast__segment_check_memory(segment->fd, wish->ret_detail);

        if (r == 0 && is_hugetlb(wish))
                r = plan_huge(segment);
        if (r < 0)
                return r;
        r = seqcast__shm_resize(segment->fd, header->segment_bytes);
        if (r < 0)
                return seqcast__fail(wish->ret_detail, r, "a segment of %" PRIu64 " bytes: %s",
                                     header->segment_bytes, seqcast_strerror(r));
        r = provide(wish, segment);
        if (is_hugetlb(wish) && (r == -ENOSPC || r == -ENOMEM))
                return refuse_huge(wish, segment);
        if (r == -ENOSPC)
                return seqcast__fail(wish->ret_detail, r,
                                     "no space left in %s (needs %" PRIu64 " bytes; %" PRIu64 " free)",
                                     is_sealed(wish) ? "memory" : "/dev/shm", header->segment_bytes,
                                     seqcast__shm_free_bytes(segment->fd));
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
        if (fchmod(segment->fd, mode) < 0 || fstat(segment->fd, &segment->status) < 0)
                return -errno;
        return prepare(wish, segment, true);
}

static void discard(struct seqcast__shm_draft *draft, struct seqcast__segment *segment)
{
        seqcast__acquire_release(segment);
        draft->fd = -1;
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
        if (!is_sealed(wish))
                memcpy(segment.name, wish->name, sizeof segment.name);
        if (wish->schema != NULL) {
                r = seqcast__schema_normalize(wish->schema, NULL, &segment.schema);
                if (r < 0)
                        return r;
        }
        r = open_draft_guarded(wish, &draft);
        if (r < 0) {
                seqcast__segment_close(&segment);
                if (r == -ENOENT && !is_sealed(wish))
                        return seqcast__fail(
                                wish->ret_detail, r,
                                "/dev/shm does not exist, or holds no files: mount a tmpfs there");
                if (is_hugetlb(wish) && (r == -EINVAL || r == -ENOSYS || r == -ENOENT))
                        return seqcast__fail(wish->ret_detail, -EOPNOTSUPP,
                                             "this kernel has no huge pages of the hugetlb kind");
                return seqcast__fail(wish->ret_detail, r, "cannot create an object in %s: %s",
                                     is_sealed(wish) ? "memory" : "/dev/shm", seqcast_strerror(r));
        }
        segment.fd = draft.fd;
        r = make(wish, &segment);
        if (r == 0 && is_sealed(wish)) {
                r = seqcast__nameless_seal(segment.fd);
                if (r < 0)
                        seqcast__fail(wish->ret_detail, r, "cannot be sealed (needs Linux 5.1): %s",
                                      seqcast_strerror(r));
        } else if (r == 0) {
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
        if (seqcast__process_is_overflow_uid(status->st_uid))
                return seqcast__fail(wish->ret_detail, -EPERM, SEQCAST__OWNER_UNMAPPED "; it is not touched",
                                     (unsigned)status->st_uid);
        if (status->st_uid != geteuid())
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

/* A newer format may ask more of a publisher than we know, even where we could read it. */
static int check_format(struct wish *wish, const struct seqcast__segment_header *header)
{
        if (header->format_version <= SEQCAST__FORMAT_VERSION &&
            (header->features_optional & ~SEQCAST__FEATURE_SPARSE) == 0)
                return 0;
        return seqcast__fail(wish->ret_detail, -EPROTONOSUPPORT,
                             "format version %u, features %#" PRIx64
                             "; this library publishes version %d (lib %s)",
                             header->format_version, header->features_optional, SEQCAST__FORMAT_VERSION,
                             seqcast_library_version_string());
}

static int refuse_shape(struct wish *wish, const char *what, uint64_t found, uint64_t wanted)
{
        return seqcast__fail(wish->ret_detail, -EPROTOTYPE,
                             "%s differs: segment has %" PRIu64 ", you gave %" PRIu64, what, found, wanted);
}

/* Is what stands there what is wanted? @return 0; -EPROTOTYPE; -EPROTONOSUPPORT */
static int check_fits(struct wish *wish, const struct seqcast__segment *segment)
{
        const seqcast_publisher_options *options = wish->options;
        uint64_t record_bytes = wished_record_bytes(wish);
        uint32_t mode = segment->status.st_mode & 07777;
        int r = check_format(wish, &segment->header);

        if (r == 0 && wish->schema != NULL)
                r = seqcast__segment_check_schema(segment, wish->schema, wish->ret_detail);
        if (r < 0)
                return r;
        if (wish->schema == NULL && record_bytes != 0 && segment->schema != NULL)
                return seqcast__fail(wish->ret_detail, -EPROTOTYPE,
                                     "schema differs: the segment has one, you gave none");
        if (record_bytes != 0 && record_bytes != segment->header.record_bytes)
                return refuse_shape(wish, "record size", segment->header.record_bytes, record_bytes);
        if (options->depth != 0 && options->depth != segment->header.depth)
                return refuse_shape(wish, "depth", segment->header.depth, options->depth);
        if (options->mode != 0 && options->mode != mode)
                return seqcast__fail(wish->ret_detail, -EPROTOTYPE,
                                     "mode differs: segment has %04o, you gave %04o", (unsigned)mode,
                                     (unsigned)options->mode);
        return 0;
}

/* The lock is ours, and with it all that was ever stored under it. */
static bool is_retired(const struct seqcast__segment *segment)
{
        struct seqcast_ring ring = seqcast__layout_ring(&segment->header, segment->base);

        return (seqcast_word_load_relaxed(ring.version) & SEQCAST_VERSION_RETIRED) != 0;
}

enum verdict {
        TAKE = 1, /* it is ours to go on with */
        REPLACE,  /* it is ours, but is to make room */
        AGAIN     /* it went away meanwhile */
};

static bool may_replace(const struct wish *wish)
{
        return (wish->options->flags & (SEQCAST_REPLACE | SEQCAST_RECREATE)) != 0;
}

/* Whatever the verdict, from now on nobody else can become the publisher of this segment. A read lock
 * beside those of readers is enough for that. @return enum verdict; an error */
static int lock(struct wish *wish, struct seqcast__segment *segment)
{
        int verdict = TAKE, r = seqcast__lock_take(segment->fd, SEQCAST__PUBLISHER_LOCK_BYTE);

        if (r == -EAGAIN) {
                r = seqcast__lock_obstacle(segment->fd, SEQCAST__PUBLISHER_LOCK_BYTE, 1);
                if (r == SEQCAST__LOCK_WRITER)
                        return refuse_locked(wish, segment);
                if (r != SEQCAST__LOCK_READERS)
                        return r < 0 ? r : AGAIN;
                if (!may_replace(wish))
                        return seqcast__fail(wish->ret_detail, -EBUSY,
                                             "a reader holds a lock on it; no publisher is alive");
                verdict = REPLACE;
                r = seqcast__lock_take_shared(segment->fd, SEQCAST__PUBLISHER_LOCK_BYTE);
                if (r == -EAGAIN)
                        return AGAIN;
        }
        if (r < 0)
                return seqcast__fail(wish->ret_detail, r, "cannot be locked: %s", seqcast_strerror(r));
        r = seqcast__segment_is_detached(segment);
        if (r < 0)
                return r;
        return r == 1 ? AGAIN : verdict;
}

/* `segment` is open, nothing more. @return enum verdict; an error */
static int judge(struct wish *wish, struct seqcast__segment *segment)
{
        int verdict, r;

        if (fstat(segment->fd, &segment->status) < 0)
                return -errno;
        r = check_ours(wish, &segment->status);
        if (r == 0)
                r = seqcast__segment_check_memory(segment->fd, wish->ret_detail);
        if (r < 0)
                return r;
        verdict = lock(wish, segment);
        if (verdict < 0 || verdict == AGAIN)
                return verdict;
        r = seqcast__segment_read(segment, wish->ret_detail);
        if (r == -EAGAIN)
                r = seqcast__fail(wish->ret_detail, -EPROTO,
                                  "not a segment of this library (its header is empty)");
        if (r == 0)
                r = check_fits(wish, segment);
        if (r == -EPROTO || r == -EPROTONOSUPPORT || r == -EPROTOTYPE)
                return may_replace(wish) ? REPLACE : r;
        if (r == 0)
                r = map_guarded(wish, segment);
        if (r < 0)
                return seqcast__fail(wish->ret_detail, r, "cannot be mapped: %s", seqcast_strerror(r));
        return (wish->options->flags & SEQCAST_RECREATE) != 0 || is_retired(segment) ? REPLACE : verdict;
}

/* Put a new segment in the place of `old`, which is locked, then tell its readers, if it was one. */
static int replace(struct wish *wish, struct seqcast__segment *old, struct seqcast__segment *ret_segment)
{
        struct seqcast_ring ring;
        int r;

        if (wished_record_bytes(wish) == 0)
                return seqcast__fail(wish->ret_detail, may_replace(wish) ? -EINVAL : -ESTALE,
                                     "%sa schema or a record size is needed to replace it",
                                     may_replace(wish) ? "" : "it is retired; ");
        r = create(wish, true, ret_segment);
        if (r < 0 || seqcast__layout_check(&old->header, (uint64_t)old->status.st_size, NULL) < 0)
                return r;
        if (old->base == NULL && map_guarded(wish, old) < 0)
                return 0; /* its readers still find out by its name */
        ring = seqcast__layout_ring(&old->header, old->base);
        /* A reader may have been delivered what its dead publisher completed and did not announce. */
        seqcast_ring_recover(&ring);
        seqcast_ring_retire(&ring);
        seqcast__waker_rouse(old);
        return 0;
}

static int acquire_once(struct wish *wish, struct seqcast__segment *ret_segment)
{
        struct seqcast__segment found = { .fd = -1 };
        struct stat status;
        int r;

        if (is_sealed(wish))
                return create(wish, false, ret_segment);
        found.fd = open_guarded(wish);
        memcpy(found.name, wish->name, sizeof found.name);
        if (found.fd == -ENOENT && wished_record_bytes(wish) != 0) {
                r = create(wish, false, ret_segment);
                return r == -EEXIST ? -EAGAIN : r;
        }
        if ((wish->options->flags & SEQCAST_EXCLUSIVE) != 0 &&
            (found.fd >= 0 || seqcast__shm_status(wish->name, &status) == 0))
                r = seqcast__fail(wish->ret_detail, -EEXIST, "exists already");
        else if (found.fd < 0)
                return seqcast__segment_refuse_open(wish->name, found.fd, wish->ret_detail);
        else
                r = judge(wish, &found);
        if (r == TAKE)
                r = prepare(wish, &found, false);
        if (r == 0) {
                *ret_segment = found;
                return 0;
        }
        if (r == REPLACE)
                r = replace(wish, &found, ret_segment);
        else if (r == AGAIN)
                r = -EAGAIN;
        seqcast__acquire_release(&found);
        return r;
}

int seqcast__acquire(const char *topic, const struct seqcast__acquire_request *request,
                     struct seqcast__segment *ret_segment)
{
        const seqcast_publisher_options *options = request->options;
        struct wish wish = { .request = request, .options = options, .ret_detail = options->ret_detail };
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
                        r = acquire_once(&wish, ret_segment);
                if (r == -EAGAIN)
                        r = seqcast__fail(wish.ret_detail, -EBUSY, "other publishers keep replacing it");
        }
        free(wish.schema_text);
        seqcast_schema_free(wish.schema);
        return r;
}
