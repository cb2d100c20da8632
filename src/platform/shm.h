/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Shared-memory objects: making, naming, opening, reserving. Names are "/name", checked by the caller.
 * Every descriptor is close-on-exec and above 2, so that no stray message to a closed stderr lands in
 * one. Knows nothing of what is in an object. */

#ifndef SEQCAST_SRC_PLATFORM_SHM_H
#define SEQCAST_SRC_PLATFORM_SHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define SEQCAST__SHM_NAME_BYTES 256
#define SEQCAST__SHM_DIRECTORY "/dev/shm" /* where the names are, to watch for them */

/** An object that is being made. `name` is its temporary name, if it has one. */
struct seqcast__shm_draft {
        int fd;
        char name[SEQCAST__SHM_NAME_BYTES];
};

/** Open an existing object; never creates one, never follows a link, never hangs on a FIFO.
 *  @return descriptor; -errno */
int seqcast__shm_open(const char *name, bool writable);

/** Another open file of the same object, read-only, with locks of its own. Of what others have given us,
 *  ask seqcast__nameless_is_sealed() first: opening devices, FIFOs and the like has effects. @return
 *  descriptor; -errno */
int seqcast__shm_reopen(int fd);

/** Start a new object, mode 0600, that nobody can find yet. @return 0; -errno */
int seqcast__shm_draft_open(struct seqcast__shm_draft *ret_draft);

/** ... that will never have a name: only descriptors lead to it. `label` is for people. `huge`: in pages of
 *  the hugetlb kind, whose size is the object's st_blksize. @return 0; -errno */
int seqcast__shm_draft_open_nameless(struct seqcast__shm_draft *ret_draft, const char *label, bool huge);

/** Give the object its name; with `replace`, in the place of whatever bears it, at one stroke.
 *  @return 0; -EEXIST (not with `replace`); -errno */
int seqcast__shm_draft_link(struct seqcast__shm_draft *draft, const char *name, bool replace);

/** Forget a draft; closes it, and leaves no trace if it was not linked. */
void seqcast__shm_draft_discard(struct seqcast__shm_draft *draft);

int seqcast__shm_remove(const char *name);

/** lstat() of what the name stands for now. @return 0; -errno */
int seqcast__shm_status(const char *name, struct stat *ret_status);

/** Set the size of a fresh object. @return 0; -EFBIG beyond RLIMIT_FSIZE; -errno */
int seqcast__shm_resize(int fd, uint64_t bytes);

/** Have memory behind these bytes, so that no store can fail. @return 0; -ENOSPC; -errno */
int seqcast__shm_reserve(int fd, uint64_t offset, uint64_t bytes);

/** The first stretch in [offset, end) that has memory behind it. Both are `end` if there is none. */
int seqcast__shm_next_data(int fd, uint64_t offset, uint64_t end, uint64_t *ret_start, uint64_t *ret_end);

/** Read exactly so many bytes. @return 0; -EPROTO the object is shorter; -errno */
int seqcast__shm_read(int fd, uint64_t offset, void *to, size_t bytes);

/** Is the object on a memory file system of this machine? @return 1; 0; -errno */
int seqcast__shm_is_memory(int fd);

/** Is all of it in pages of the hugetlb kind? */
bool seqcast__shm_is_huge(int fd);

/** Bytes that the file system or, where it has no limit, the machine could still give; UINT64_MAX where
 *  neither says. */
uint64_t seqcast__shm_free_bytes(int fd);

#endif
