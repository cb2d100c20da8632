/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include "handle/presence.h"

#include "platform/memory.h"
#include "platform/shm.h"

#define PAGE_BYTES SEQCAST__PRESENCE_PAGE_BYTES
#define PAGES_A_WORD SEQCAST__PRESENCE_PAGES_A_WORD

static uint64_t map_bytes(uint64_t segment_bytes)
{
        return (segment_bytes / PAGE_BYTES / PAGES_A_WORD + 1) * sizeof(uint64_t);
}

int seqcast__presence_open(struct seqcast__presence *presence, int fd, uint64_t bytes)
{
        void *base;
        int r = seqcast__memory_map_private(map_bytes(bytes), &base);

        if (r < 0)
                return r;
        *presence = (struct seqcast__presence){ .fd = fd, .bytes = bytes, .known = base };
        return 0;
}

void seqcast__presence_close(struct seqcast__presence *presence)
{
        if (presence->known != NULL)
                seqcast__memory_unmap(presence->known, map_bytes(presence->bytes));
        presence->known = NULL;
}

static void remember(struct seqcast__presence *presence, uint64_t offset, uint64_t end)
{
        for (uint64_t page = offset / PAGE_BYTES; page * PAGE_BYTES < end; page++)
                presence->known[page / PAGES_A_WORD] |= UINT64_C(1) << (page % PAGES_A_WORD);
}

/* The end of the run of known (or unknown) pages that starts at `offset`. */
static uint64_t run_end(const struct seqcast__presence *presence, uint64_t offset, uint64_t end, bool known)
{
        while (offset < end && seqcast__presence_knows_page(presence, offset / PAGE_BYTES) == known)
                offset = (offset / PAGE_BYTES + 1) * PAGE_BYTES;
        return offset < end ? offset : end;
}

int seqcast__presence_reserve(struct seqcast__presence *presence, uint64_t offset, uint64_t bytes)
{
        uint64_t end = offset + bytes;

        while ((offset = run_end(presence, offset, end, true)) < end) {
                uint64_t stop = run_end(presence, offset, end, false);
                int r = seqcast__shm_reserve(presence->fd, offset, stop - offset);

                if (r < 0)
                        return r;
                remember(presence, offset, stop);
                offset = stop;
        }
        return 0;
}

int seqcast__presence_look(struct seqcast__presence *presence, uint64_t offset, uint64_t end,
                           uint64_t *ret_end)
{
        uint64_t known_end = run_end(presence, offset, end, true), start, stop;
        int r;

        if (known_end > offset) {
                *ret_end = known_end;
                return 1;
        }
        r = seqcast__shm_next_data(presence->fd, offset, end, &start, &stop);
        if (r < 0)
                return r;
        if (start < stop)
                remember(presence, start, stop);
        *ret_end = start > offset ? start : stop;
        return start == offset;
}
