/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* An open segment: a descriptor, a mapping, and a private copy of its header that has been checked.
 * What publisher and subscriber have in common. */

#ifndef SEQCAST_SRC_HANDLE_SEGMENT_H
#define SEQCAST_SRC_HANDLE_SEGMENT_H

#include <sys/stat.h>

#include "layout/segment_layout.h"
#include "platform/shm.h"

/* Bytes of the segment that locks are held on. */
enum {
        SEQCAST__PUBLISHER_LOCK_BYTE = 0,  /* write: by the publisher, while it has the segment open */
        SEQCAST__SLEEPER_LOCK_BYTE = 1,    /* read: by subscribers that sleep on the futex */
        SEQCAST__DESCRIPTOR_LOCK_BYTE = 2, /* read: by subscribers whose descriptor is to become readable */
};

struct seqcast__segment {
        int fd;
        void *base; /* NULL: not mapped */
        uint64_t base_bytes;
        bool fetched; /* base is an image in private memory: handle/fetch.h */
        uint32_t memory_asked,
                memory;     /* SEQCAST_PREFAULT ...: what is to be had, and is: handle/residence.h */
        uint64_t alignment; /* of `base`; 0: a page's */
        struct seqcast__segment_header header;
        seqcast_schema *schema;             /* NULL: opaque record */
        struct stat status;                 /* when opened */
        char name[SEQCAST__SHM_NAME_BYTES]; /* "/quote"; "": it has none, only descriptors */
};

/** Check a topic and write it with its slash. @return 0; -EINVAL; -ENAMETOOLONG */
int seqcast__segment_name(const char *topic, seqcast_detail *ret_detail,
                          char ret_name[SEQCAST__SHM_NAME_BYTES]);

/** Is it a sealed one, to which only descriptors lead? */
static inline bool seqcast__segment_is_nameless(const struct seqcast__segment *segment)
{
        return segment->name[0] == '\0';
}

/** What to say of an owner whom this user namespace does not know. */
#define SEQCAST__OWNER_UNMAPPED                                                                              \
        "its owner appears as uid %u, as whoever is not mapped into this user namespace does"

/** Is there, whatever the header says, less memory than it has bytes? Looking at a hole allocates it. */
static inline bool seqcast__segment_has_holes(const struct seqcast__segment *segment)
{
        return (uint64_t)segment->status.st_blocks * 512 < segment->header.segment_bytes;
}

/** The control words: in the object, or as fetched last. */
static inline seqcast_word *seqcast__segment_control(const struct seqcast__segment *segment)
{
        return segment->fetched ? (seqcast_word *)segment->base
                                : seqcast__layout_control(&segment->header, segment->base);
}

/** Why the name could not be opened. @return the error that the caller is to return */
int seqcast__segment_refuse_open(const char *name, int error, seqcast_detail *ret_detail);

/** Is an object on a memory file system? @return 0; -EOPNOTSUPP; -errno */
int seqcast__segment_check_memory(int fd, seqcast_detail *ret_detail);

/** Read and check header and schema of segment->fd, whose status is filled. Maps nothing.
 *  @return 0; -EAGAIN; -EPROTO; -EPROTONOSUPPORT; -ENOMEM; -errno */
int seqcast__segment_read(struct seqcast__segment *segment, seqcast_detail *ret_detail);

/** Does it have this schema? @return 0; -EPROTOTYPE, with the difference; -EINVAL; -ENOMEM */
int seqcast__segment_check_schema(const struct seqcast__segment *segment, const seqcast_schema *schema,
                                  seqcast_detail *ret_detail);

/** @return 1 the name stands for another segment now, or for none; 0, also of one that never had a name;
 *  -errno */
int seqcast__segment_is_detached(const struct seqcast__segment *segment);

/** A sentence about who publishes here, for people: "pid 4711 (md-feed) <what> (last publication 12 ms
 *  ago)". Reads the object without mapping it; says less where it knows less. */
void seqcast__segment_describe_publisher(const struct seqcast__segment *segment, const char *what,
                                         char *ret_text, size_t capacity);

/** When publication `version`, the newest, was stamped: read from the object, mapped or not. 0: never, or it
 *  cannot be read. */
int64_t seqcast__segment_newest_time_ns(const struct seqcast__segment *segment, uint64_t version);

/** Age of something stamped `time_ns` by a publisher of time namespace `time_namespace`; -1: unknown. */
int64_t seqcast__segment_age_ns(int64_t time_ns, uint64_t time_namespace);

/** Copy text of a fixed field, which need not end, and strip what no terminal should see. */
void seqcast__segment_text(char *ret_text, size_t capacity, const void *from, size_t bytes);

void seqcast__segment_info(const struct seqcast__segment *segment, seqcast_info *ret_info);

/** Unmap, close, free. */
void seqcast__segment_close(struct seqcast__segment *segment);

#endif
