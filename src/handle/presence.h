/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Which pages of a sparse segment are known to have memory behind them. A page that has it keeps it (no
 * publisher punches holes), so each side asks the kernel once a page and remembers: the publisher to
 * reserve before it stores (a store to a full tmpfs is a SIGBUS), the subscriber to leave holes alone (a
 * load would allocate them). One bit a page. */

#ifndef SEQCAST_SRC_HANDLE_PRESENCE_H
#define SEQCAST_SRC_HANDLE_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEQCAST__PRESENCE_PAGE_BYTES UINT64_C(4096)
#define SEQCAST__PRESENCE_PAGES_A_WORD UINT64_C(64)

struct seqcast__presence {
        int fd;
        uint64_t bytes; /* of the segment */
        uint64_t *known;
};

/** @return 0; -ENOMEM */
int seqcast__presence_open(struct seqcast__presence *presence, int fd, uint64_t bytes);
void seqcast__presence_close(struct seqcast__presence *presence);

static inline bool seqcast__presence_knows_page(const struct seqcast__presence *presence, uint64_t page)
{
        return (presence->known[page / SEQCAST__PRESENCE_PAGES_A_WORD] >>
                        (page % SEQCAST__PRESENCE_PAGES_A_WORD) &
                1) != 0;
}

/** The usual case, a field or two: [offset, end) is not empty, on one page, and that is known. */
static inline bool seqcast__presence_knows(const struct seqcast__presence *presence, uint64_t offset,
                                           uint64_t end)
{
        uint64_t page = offset / SEQCAST__PRESENCE_PAGE_BYTES;

        return page == (end - 1) / SEQCAST__PRESENCE_PAGE_BYTES &&
               seqcast__presence_knows_page(presence, page);
}

/** Have memory behind [offset, offset + bytes). @return 0; -ENOSPC; -errno */
int seqcast__presence_reserve(struct seqcast__presence *presence, uint64_t offset, uint64_t bytes);

/**
 * Split [offset, end): the first stretch is [offset, *ret_end), and either has memory behind it
 * (1 is returned) or is a hole (0). No system call where all is known to be present.
 * @return 1; 0; -errno
 */
int seqcast__presence_look(struct seqcast__presence *presence, uint64_t offset, uint64_t end,
                           uint64_t *ret_end);

#endif
