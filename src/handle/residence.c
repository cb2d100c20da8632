/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include "handle/residence.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "platform/pages.h"

void seqcast__residence_ask(struct seqcast__segment *segment, uint32_t flags)
{
        uint64_t bytes = segment->header.segment_bytes, block = (uint64_t)segment->status.st_blksize;
        uint64_t huge = (flags & SEQCAST_HUGE_PAGES) != 0 ? seqcast__pages_huge_bytes() : 0;

        segment->memory_asked = flags & SEQCAST__RESIDENCE_FLAGS;
        segment->memory = 0;
        /* A smaller mapping that is aligned takes a page table of its own, for nothing. Where all is huge,
         * as on hugetlbfs, blocks are. */
        segment->alignment = huge <= bytes ? huge : 0;
        if (block > segment->alignment && block <= bytes && (block & (block - 1)) == 0)
                segment->alignment = block;
}

/* Loads and stores of what was never written take memory, also where a header says otherwise. */
static bool is_full(const struct seqcast__segment *segment)
{
        return !seqcast__layout_is_sparse(&segment->header) && !seqcast__segment_has_holes(segment);
}

/* One more sentence behind those that are there. */
static void add_reason(seqcast_detail *detail, const seqcast_detail *reason)
{
        size_t length = strlen(detail->text);

        snprintf(detail->text + length, sizeof detail->text - length, "%s%s", length == 0 ? "" : "; ",
                 reason->text);
}

static const char *describe(int error)
{
        switch (error) {
        case -EAGAIN:
                return "some were in use";
        case -EBUSY:
                return "the control group has no memory left";
        case -EFAULT:
                return "some of it has no memory";
        default:
                return seqcast_strerror(error);
        }
}

static int make_huge(const struct seqcast__segment *segment, bool writable, seqcast_detail *reason)
{
        uint64_t bytes = segment->header.segment_bytes, huge = seqcast__pages_huge_bytes();
        int r;

        if (seqcast__shm_is_huge(segment->fd))
                return 0;
        if (huge == 0)
                return seqcast__fail(reason, -ENOSYS, "no huge pages: not supported here");
        if (!is_full(segment))
                return seqcast__fail(reason, -EINVAL,
                                     "no huge pages: they would fill the holes of a sparse segment");
        if (bytes < huge)
                return seqcast__fail(reason, -EINVAL,
                                     "no huge pages: a segment of %" PRIu64 " bytes is smaller than one of "
                                     "%" PRIu64,
                                     bytes, huge);
        if ((uintptr_t)segment->base % huge != 0)
                return seqcast__fail(reason, -EINVAL, "no huge pages: no aligned addresses left");
        if (!writable)
                return 0;
        r = seqcast__pages_collapse(segment->base, bytes);
        if (r == -EINVAL)
                return seqcast__fail(reason, r,
                                     "no huge pages: this kernel makes none of shared memory on demand "
                                     "(needs Linux 6.1, and not 'deny' in shmem_enabled)");
        if (r < 0)
                return seqcast__fail(reason, r, "not all in huge pages: %s", describe(r));
        return 0;
}

static int populate(const struct seqcast__segment *segment, bool writable)
{
        uint64_t end = segment->header.segment_bytes, start = 0, stop = end;
        unsigned char *base = segment->base;
        int r = 0;

        if (is_full(segment))
                return seqcast__pages_populate(base, end, writable);
        for (uint64_t offset = 0; r == 0 && offset < end; offset = stop) {
                r = seqcast__shm_next_data(segment->fd, offset, end, &start, &stop);
                if (r == 0 && start < stop)
                        r = seqcast__pages_populate(base + start, stop - start, writable);
        }
        return r;
}

static int prefault(const struct seqcast__segment *segment, bool writable, seqcast_detail *reason)
{
        int r = populate(segment, writable);

        if (r == -ENOSYS)
                return seqcast__fail(reason, r, "not prefaulted: not supported here");
        return r < 0 ? seqcast__fail(reason, r, "not prefaulted: %s", describe(r)) : 0;
}

static int lock(const struct seqcast__segment *segment, bool writable, seqcast_detail *reason)
{
        uint64_t bytes = segment->header.segment_bytes, limit;
        int r = seqcast__pages_lock(segment->base, bytes, !is_full(segment));

        (void)writable;
        if (r == 0)
                return 0;
        if (r == -ENOSYS)
                return seqcast__fail(reason, r, "not locked: not supported here");
        limit = seqcast__pages_lock_limit();
        if (bytes <= limit || (r != -ENOMEM && r != -EPERM && r != -EAGAIN))
                return seqcast__fail(reason, r, "not locked: %s", describe(r));
        return seqcast__fail(reason, r,
                             "not locked, %" PRIu64 " bytes: RLIMIT_MEMLOCK lets this process lock %" PRIu64
                             " bytes in all",
                             bytes, limit);
}

void seqcast__residence_apply(struct seqcast__segment *segment, bool writable, seqcast_detail *ret_detail)
{
        /* Huge pages first, as they replace others; locking last, as it keeps what there is. */
        static const struct {
                uint32_t flag;
                int (*act)(const struct seqcast__segment *segment, bool writable, seqcast_detail *reason);
        } steps[] = {
                { SEQCAST_HUGE_PAGES, make_huge },
                { SEQCAST_PREFAULT, prefault },
                { SEQCAST_LOCK_MEMORY, lock },
        };
        seqcast_detail all = { "" };

        if (segment->memory_asked == 0)
                return;
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
                seqcast_detail reason = { "" };

                if ((segment->memory_asked & steps[i].flag) == 0)
                        continue;
                if (steps[i].act(segment, writable, &reason) == 0)
                        segment->memory |= steps[i].flag;
                else
                        add_reason(&all, &reason);
        }
        if (ret_detail != NULL)
                *ret_detail = all;
}
