/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include "handle/attach.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "error.h"
#include "handle/fetch.h"
#include "handle/residence.h"
#include "platform/clock.h"
#include "platform/memory.h"
#include "platform/nameless.h"
#include "platform/process.h"
#include "platform/watch.h"

/* Between looks at what nothing tells of: a header that is not ready yet; names, where inotify is not to
 * be had. */
#define POLL_NS INT64_C(5000000)

static int check_file(const struct seqcast__segment *segment, seqcast_detail *ret_detail)
{
        if (!S_ISREG(segment->status.st_mode))
                return seqcast__fail(ret_detail, -EPROTO,
                                     "not a segment of this library (not a regular file)");
        return seqcast__segment_check_memory(segment->fd, ret_detail);
}

/* Could anybody truncate or write it whom the caller does not trust? */
static int check_trust(const struct seqcast__attach_wish *wish, const struct seqcast__segment *segment,
                       seqcast_detail *ret_detail)
{
        const struct stat *status = &segment->status;
        uid_t self = geteuid();
        bool named = wish->owner_given && status->st_uid == wish->owner;

        if (!named && seqcast__process_is_overflow_uid(status->st_uid))
                return seqcast__fail(ret_detail, -EPERM, SEQCAST__OWNER_UNMAPPED, (unsigned)status->st_uid);
        if (!named && status->st_uid != 0 && status->st_uid != self)
                return seqcast__fail(ret_detail, -EPERM,
                                     "owner uid %u is neither root nor you (uid %u), nor was it named",
                                     (unsigned)status->st_uid, (unsigned)self);
        if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0)
                return seqcast__fail(ret_detail, -EPERM, "mode %04o lets others write it",
                                     (unsigned)status->st_mode & 07777);
        return 0;
}

static int check_record(const struct seqcast__attach_wish *wish, const struct seqcast__segment *segment,
                        seqcast_detail *ret_detail)
{
        if (wish->schema != NULL)
                return seqcast__segment_check_schema(segment, wish->schema, ret_detail);
        if (wish->opaque_bytes == 0)
                return 0;
        if (segment->schema != NULL)
                return seqcast__fail(ret_detail, -EPROTOTYPE,
                                     "schema differs: the segment has one, the record was opaque");
        if (segment->header.record_bytes != wish->opaque_bytes)
                return seqcast__fail(ret_detail, -EPROTOTYPE,
                                     "record size differs: segment has %" PRIu64 ", it was %" PRIu64,
                                     segment->header.record_bytes, wish->opaque_bytes);
        return 0;
}

static int map_segment(const struct seqcast__attach_wish *wish, struct seqcast__segment *segment,
                       seqcast_detail *ret_detail)
{
        uint64_t bytes = segment->header.segment_bytes;
        int r;

        seqcast__residence_ask(segment, wish->memory);
        r = seqcast__memory_map_read(segment->fd, bytes, segment->alignment, &segment->base);
        if (r < 0)
                return seqcast__fail(ret_detail, r, "cannot be mapped (%" PRIu64 " bytes): %s", bytes,
                                     seqcast_strerror(r));
        segment->base_bytes = bytes;
        return 0;
}

/* segment->fd is open, and nobody who is not trusted can write or shrink it, or it is not mapped. */
static int take(const struct seqcast__attach_wish *wish, struct seqcast__segment *segment,
                seqcast_detail *ret_detail)
{
        int r = seqcast__segment_read(segment, ret_detail);

        if (r == 0)
                r = check_record(wish, segment, ret_detail);
        if (r < 0)
                return r;
        return wish->any_owner ? seqcast__fetch_open(segment) : map_segment(wish, segment, ret_detail);
}

static int open_segment(const struct seqcast__attach_wish *wish, struct seqcast__segment *segment,
                        seqcast_detail *ret_detail)
{
        int r = seqcast__shm_open(segment->name, false);

        if (r < 0)
                return seqcast__segment_refuse_open(segment->name, r, ret_detail);
        segment->fd = r;
        if (fstat(segment->fd, &segment->status) < 0)
                return -errno;
        r = check_file(segment, ret_detail);
        if (r == 0 && !wish->any_owner)
                r = check_trust(wish, segment, ret_detail);
        return r == 0 ? take(wish, segment, ret_detail) : r;
}

/* Whoever gave us the descriptor may mean harm: nothing is opened before it is known to be memory. */
static int open_descriptor(const struct seqcast__attach_wish *wish, int fd, struct seqcast__segment *segment,
                           seqcast_detail *ret_detail)
{
        int sealed = seqcast__nameless_is_sealed(fd), r;

        if (sealed == -EOPNOTSUPP)
                return seqcast__fail(ret_detail, sealed, "descriptor %d does not lead to shared memory", fd);
        if (sealed < 0)
                return seqcast__fail(ret_detail, sealed, "descriptor %d: %s", fd, seqcast_strerror(sealed));
        if (sealed == 0 && !wish->any_owner)
                return seqcast__fail(ret_detail, -EPERM,
                                     "it is not sealed: whoever has it could truncate it, or write to it");
        r = seqcast__shm_reopen(fd);
        if (r < 0)
                return seqcast__fail(ret_detail, r,
                                     "descriptor %d cannot be opened once more for reading: %s", fd,
                                     seqcast_strerror(r));
        segment->fd = r;
        if (fstat(segment->fd, &segment->status) < 0)
                return -errno;
        return take(wish, segment, ret_detail);
}

int seqcast__attach(const struct seqcast__attach_wish *wish, struct seqcast__segment *segment,
                    seqcast_detail *ret_detail)
{
        int r = open_segment(wish, segment, ret_detail);

        if (r < 0)
                seqcast__segment_close(segment);
        return r;
}

int seqcast__attach_fd(const struct seqcast__attach_wish *wish, int fd, struct seqcast__segment *segment,
                       seqcast_detail *ret_detail)
{
        int r = open_descriptor(wish, fd, segment, ret_detail);

        if (r < 0)
                seqcast__segment_close(segment);
        return r;
}

/* Sleep until it may be worth another try. */
static void await(struct seqcast__watch *names, int error, int64_t deadline_ns)
{
        int64_t poll_end = seqcast__clock_after(seqcast__clock_mono_ns(), POLL_NS);

        if (names->pollable >= 0 && error == -ENOENT)
                seqcast__watch_wait(names, deadline_ns);
        else
                seqcast__clock_sleep_until(poll_end < deadline_ns ? poll_end : deadline_ns);
        seqcast__watch_drain(names);
}

int seqcast__attach_in_time(const struct seqcast__attach_wish *wish, int64_t timeout_ns,
                            struct seqcast__segment *segment, seqcast_detail *ret_detail)
{
        struct seqcast__watch names = SEQCAST__WATCH_CLOSED;
        int64_t deadline_ns = seqcast__clock_after(seqcast__clock_mono_ns(), timeout_ns);
        int r = seqcast__attach(wish, segment, ret_detail);

        /* Not there yet, or not ready yet, may be mended by time. From now on, no name appears unseen. */
        if ((r == -ENOENT || r == -EAGAIN) && timeout_ns != 0) {
                if (seqcast__watch_open(&names) == 0 &&
                    seqcast__watch_directory(&names, SEQCAST__SHM_DIRECTORY) < 0)
                        seqcast__watch_close(&names);
                r = seqcast__attach(wish, segment, ret_detail);
        }
        while ((r == -ENOENT || r == -EAGAIN) && timeout_ns != 0) {
                if (seqcast__clock_mono_ns() >= deadline_ns) {
                        r = seqcast__fail(ret_detail, -ETIMEDOUT, "%s",
                                          r == -ENOENT ? "no such segment appeared in time"
                                                       : "its creator did not finish it in time");
                        break;
                }
                await(&names, r, deadline_ns);
                r = seqcast__attach(wish, segment, ret_detail);
        }
        seqcast__watch_close(&names);
        return r;
}
