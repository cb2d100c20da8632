/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/**
 * Seqcast: publish a record to every process on the machine, without locks.
 *
 * One publisher process updates a record in a POSIX shared-memory segment. Any number of subscriber
 * processes map it read-only and take consistent snapshots. Nobody registers, nobody waits for
 * anybody, and nothing that a reader or a publisher does, dying included, can stop the others' reads.
 *
 * WORDS
 *   topic         a name under which one record type is published: "quote" or "/quote"
 *   segment       the shared-memory object that carries one topic
 *   record        the bytes of one value; a schema names their fields
 *   publication   one complete update; publications are numbered 1, 2, 3 ... for the life of the
 *                 segment, across restarts of the publisher; no number is used twice, none is skipped
 *   version       the number of the newest complete publication; 0 = there is none yet
 *   slot, depth   room for one publication, and how many of them the segment has
 *   incarnation   a random 64-bit id given to a segment when it is created
 *
 * LIMITS, before anything else
 *   - Latest value with a short history, not a queue: a subscriber that is slower than `depth`
 *     publications loses some, and is told exactly how many.
 *   - One publisher per topic. A second one gets -EBUSY.
 *   - No pointers in records: the other side has other addresses.
 *   - Readers are kept from writing by file permissions, not by the mapping: processes of the same
 *     user, and root, could open the segment for writing. To be safe from your readers, publish under
 *     a uid of your own. Mode 0600 is the default; other users see a topic only if you say so.
 *   - A process under mlockall(MCL_FUTURE) without MCL_ONFAULT allocates, and locks, all of every segment
 *     that it maps, and so all of a sparse one, of gigabytes, whose publisher uses kilobytes.
 *   - Nothing survives a reboot, and logind's RemoveIPC=yes deletes the segments of users (not of
 *     system accounts) when their last session ends.
 *   - Depth 1, the classic seqlock, needs the least memory but has one slot only: while a
 *     publication is under way, and after a publisher has died in one, reads return SEQCAST_BUSY.
 *     With depth 2 or more the newest complete record stays readable whatever happens.
 *   - If the owner of a segment truncates it or punches holes in it, whoever maps it may get SIGBUS.
 *     This library does neither. Where the owner is not to be trusted: SEQCAST_ANY_OWNER, SEQCAST_SEALED.
 *
 * RESULTS
 *   Every function that returns int returns 0 when it did what it says, a positive state of
 *   `enum seqcast_state` (seqcast/types.h) when there is nothing wrong but nothing to deliver either,
 *   and a negative errno value on failure. Outputs are called ret_... and are left untouched unless
 *   0 is returned. seqcast_strerror() turns any of these into English; SEQCAST_ERRORS lists them.
 *
 * THREADS, SIGNALS, FORK
 *   Different handles may be used by different threads at the same time; one handle belongs to one
 *   thread at a time, but for the few calls that say otherwise. Threads that share a subscriber have a
 *   handle each (seqcast_subscriber_join()). Two that publish on one handle at the same moment tear
 *   records, and nothing detects it: a test that could would cost as much as a small publication.
 *   Publishing and reading take no lock, allocate nothing, keep no global state and are
 *   async-signal-safe; open and close are not. A signal handler that publishes on the handle it has
 *   interrupted in the middle of a publication gets -EBUSY and nothing is harmed; one that reads
 *   should have a subscriber of its own, or the position of the interrupted read is lost.
 *   A thread must not be cancelled within a call: some are cancellation points, and leave things half-done.
 *   After fork() the child may go on reading with its copy of a subscriber; a publisher handle
 *   returns -ECHILD there, for ever, and does not keep the parent's topic "live".
 *   The library starts no thread, installs no signal handler and prints nothing. Opening a publisher, or a
 *   subscriber that threads share, registers fork handlers (pthread_atfork) once per process.
 *
 * MEMORY ORDER
 *   What a publisher did before a publication happens before what a subscriber does after it has
 *   been delivered that publication or a later one (release / acquire). The fences, and why each is
 *   there, stand in seqcast/seqlock.h and seqcast/ring.h.
 *
 * Opaque handles, fixed-width integers, no atomics: this header is clean C99 and C++11. The
 * SEQCAST_SCHEMA() macro needs C11 or C++11. The format of a segment is documented in seqcast(5).
 */

#ifndef SEQCAST_H
#define SEQCAST_H

#include <stddef.h>
#include <stdint.h>

#include "seqcast/types.h"

/* The one place where the version stands: the build, the tools and the pages read it from here. */
#define SEQCAST_VERSION_MAJOR 0
#define SEQCAST_VERSION_MINOR 1
#define SEQCAST_VERSION_PATCH 0

#define SEQCAST_VERSION_NUMBER                                                                               \
        (SEQCAST_VERSION_MAJOR * 10000 + SEQCAST_VERSION_MINOR * 100 + SEQCAST_VERSION_PATCH)

#if defined(__GNUC__)
#define SEQCAST_API __attribute__((visibility("default")))
#define SEQCAST_CHECKED __attribute__((visibility("default"), warn_unused_result))
#else
#define SEQCAST_API
#define SEQCAST_CHECKED
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Every error this library returns, negated, with its meaning. Others can come from the system
 * (EMFILE, ENFILE, ENOMEM, EIO, EINTR); they mean what they mean there.
 */
#define SEQCAST_ERRORS(X)                                                                                    \
        X(EINVAL, "bad argument")                                                                            \
        X(ENAMETOOLONG, "topic name longer than 200 bytes")                                                  \
        X(ENOENT, "no such topic")                                                                           \
        X(EEXIST, "the topic exists already")                                                                \
        X(EBUSY, "the topic has a live publisher, or this handle is in the middle of a publication")         \
        X(EACCES, "permission denied")                                                                       \
        X(EPERM, "the segment belongs to someone else, or others may write it, or it is not sealed")         \
        X(EPROTO, "not a segment of this library, or a damaged one")                                         \
        X(EPROTONOSUPPORT, "segment format version or byte order not supported")                             \
        X(EPROTOTYPE, "the segment has another schema, record size or depth than asked for")                 \
        X(EOPNOTSUPP, "shared memory is not on a memory file system (tmpfs)")                                \
        X(EMSGSIZE, "record longer than the segment's maximum, or than the buffer given")                    \
        X(ERANGE, "a part lies outside the record")                                                          \
        X(E2BIG, "more parts than SEQCAST_PARTS_MAX")                                                        \
        X(ENODATA, "no whole record to update parts of: publish a whole one first")                          \
        X(ENOSPC, "no space left in shared memory")                                                          \
        X(EFBIG, "segment larger than the file size limit or the address space")                             \
        X(ENOMEM, "out of memory")                                                                           \
        X(EAGAIN, "the segment is still being initialised by its creator")                                   \
        X(ETIMEDOUT, "the topic did not appear in time")                                                     \
        X(ESTALE, "the segment was removed or replaced: open the topic again")                               \
        X(ECHILD, "a publisher handle from before fork()")                                                   \
        X(EBADF, "not a descriptor")                                                                         \
        X(EMFILE, "too many open files in this process, or too many watches of this user")                   \
        X(ENOSYS, "not in this build of the library")

/** English for any result of this library: a state, or a negative errno. Never NULL; constant text. */
SEQCAST_API const char *seqcast_strerror(int result);

/** SEQCAST_VERSION_NUMBER and its dotted text ("0.1.0") of the library that runs, not of this header. */
SEQCAST_API unsigned seqcast_library_version(void);
SEQCAST_API const char *seqcast_library_version_string(void);

/** Why an open or a parse failed, in a sentence without the program's or the topic's name. */
typedef struct seqcast_detail {
        char text[512];
} seqcast_detail;

/* ---------------------------------------------------------------------------------------------
 * Schemas: what the bytes of a record mean
 *
 * Text:   bid:i64@0,ask:i64@8,sym:char[12]@16;size=32,align=8
 *
 *   schema = field { "," field } [ ";" attribute { ("," | ";") attribute } ]
 *   field  = name ":" type [ "[" count "]" ] [ "@" offset ] [ "/" hint ]
 *   name   = ident { "." ident | "[" index "]" }     ident = [A-Za-z_][A-Za-z0-9_]*, 63 bytes at most
 *   type   = i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 bool char
 *   hint   = hex | time | dur | counter | unit("...")
 *   attribute = size=N | align=N | le | type=IDENT
 *
 * char[n] is text, padded with zero bytes; u8[n] is bytes. Without "@", a field goes where C would
 * put it on a 64-bit machine (alignment = size). Without size=, the record ends after the last field,
 * rounded up to the alignment. The canonical text, as printed here and stored in segments, has the
 * fields in order of offset and every offset, size and alignment. At most 64 KiB, record and
 * alignment within 2^40 and 64 bytes.
 * ------------------------------------------------------------------------------------------- */

typedef enum seqcast_type {
        SEQCAST_I8 = 1,
        SEQCAST_I16,
        SEQCAST_I32,
        SEQCAST_I64,
        SEQCAST_U8,
        SEQCAST_U16,
        SEQCAST_U32,
        SEQCAST_U64,
        SEQCAST_F32,
        SEQCAST_F64,
        SEQCAST_BOOL,
        SEQCAST_CHAR
} seqcast_type;

#define SEQCAST_SCHEMA_TEXT_MAX 65536
#define SEQCAST_RECORD_BYTES_MAX ((uint64_t)1 << 40)
#define SEQCAST_ALIGN_MAX 64

/** One named field. `count` elements (1 unless `is_array`) of `type` from byte `offset` on. */
typedef struct seqcast_field {
        const char *name;
        const char *hint; /* NULL: none */
        uint64_t offset;
        uint64_t count;
        uint32_t type; /* enum seqcast_type */
        uint32_t is_array;
} seqcast_field;

typedef struct seqcast_schema {
        const seqcast_field *fields; /* in order of offset, unless written by hand */
        size_t field_count;
        uint64_t record_bytes;
        uint32_t align;
        const char *type_name; /* for people; NULL: none */
} seqcast_schema;

/**
 * SEQCAST_SCHEMA(struct quote, bid, ask, qty, sym): the schema of a C type, from up to 64 of its
 * members, worked out by the compiler: `const seqcast_schema *`, living as long as the enclosing
 * block (C) or for ever (C++, and C at file scope). Members may be integers of any width, float,
 * double, bool, char, enums, fixed arrays of these, and nested members (pos.x, leg[1].id). Pointers,
 * bit-fields, structs, unions and long double are compile errors. Defined in seqcast/schema_of.h.
 */

/** Size in bytes of one element of a type; 0 if there is no such type. */
SEQCAST_API size_t seqcast_type_bytes(uint32_t type);

/** The type's name in schema text ("i64"); NULL if there is no such type. */
SEQCAST_API const char *seqcast_type_name(uint32_t type);

/**
 * Parse schema text.
 * @param ret_schema  one allocated block; give it back with seqcast_schema_free()
 * @param ret_detail  may be NULL; set on failure: what is wrong, and at which column
 * @return 0; -EINVAL not a schema; -ENOMEM
 */
SEQCAST_CHECKED int seqcast_schema_parse(const char *text, seqcast_schema **ret_schema,
                                         seqcast_detail *ret_detail);

/** Free what seqcast_schema_parse() returned; accepts NULL, returns NULL. */
SEQCAST_API seqcast_schema *seqcast_schema_free(seqcast_schema *schema);

/**
 * Print the canonical text, hints and type name included, with snprintf()'s rules: at most
 * `capacity` bytes with the final NUL. @return the length of the whole text; -EINVAL not a valid
 * schema (overlapping or unnamed fields, fields outside the record ...); -ENOMEM
 */
SEQCAST_CHECKED int seqcast_schema_print(const seqcast_schema *schema, char *text, size_t capacity);

/**
 * Do two schemas describe the same bytes? Names, types, counts, offsets and the record size count;
 * hints, alignment and type names do not.
 * @param ret_difference  may be NULL; set if SEQCAST_DIFFERENT is returned, as
 *                        "- col2:i32@4 + col2:i64@8": what only a (-) or only b (+) has
 * @return 0 the same; SEQCAST_DIFFERENT; -EINVAL one of them is no valid schema; -ENOMEM
 */
SEQCAST_CHECKED int seqcast_schema_compare(const seqcast_schema *a, const seqcast_schema *b,
                                           seqcast_detail *ret_difference);

/**
 * Look a field up by name: "bid", "pos.x", or one element of an array, "w[1]".
 * @param ret_field  a copy; its name points into `schema` and, for an element, is the array's
 * @return 0; -ENOENT no such field; -ERANGE index beyond the array
 */
SEQCAST_CHECKED int seqcast_schema_find(const seqcast_schema *schema, const char *name,
                                        seqcast_field *ret_field);

/* ---------------------------------------------------------------------------------------------
 * Publishing
 * ------------------------------------------------------------------------------------------- */

typedef struct seqcast_publisher seqcast_publisher;

/**
 * For seqcast_publisher_options.flags and seqcast_subscriber_options.flags: where the memory of one's own
 * mapping is. They change how long accesses take, and nothing else; the other side does not notice. What
 * cannot be had is no failure: open succeeds, and says what was not done and why in `ret_detail` (which
 * these flags have it set on success, too: "" if all was done), and seqcast_info.memory_missing. Re-attaching
 * does the same to the new segment. Not with SEQCAST_ANY_OWNER, which maps nothing (-EINVAL).
 *
 * In a segment with holes (SEQCAST_SPARSE), none of these gives memory to a hole.
 */
enum {
        /** Map every page when opening, so that no first access to one is interrupted by a page fault. Of a
         *  segment with holes, what has memory at that moment. Changes no byte. Takes an entry of a page
         *  table, eight bytes, for each page (of 4 KiB, mostly), and opening takes as long as that takes. */
        SEQCAST_PREFAULT = 1u << 16,
        /** Transparent huge pages: fewer misses of the TLB when small parts of a large record are used.
         *  A publisher moves the segment into huge pages when opening it, whatever the system's policy for
         *  tmpfs is, unless that is "deny" (MADV_COLLAPSE, Linux 6.1); subscribers that have it open may wait
         *  for that as long as copying one of them takes. A subscriber maps it at addresses where those pages
         *  can be used as such; it makes none. Not had by segments that are smaller than a huge page (2 MiB,
         *  mostly), or have holes. */
        SEQCAST_HUGE_PAGES = 1u << 17,
        /** Lock into memory (mlock(2)), so that nothing is swapped out; and what there is mapped, as with
         *  PREFAULT. Of a segment with holes, each page from when it is used first (MLOCK_ONFAULT); yet all
         *  of its bytes count for RLIMIT_MEMLOCK, beyond which nothing is locked. Children of fork() inherit
         *  the mapping of a subscriber, but not the lock. */
        SEQCAST_LOCK_MEMORY = 1u << 18
};

/** For seqcast_publisher_options.flags. SPARSE and TIMES matter only when the segment is created. */
enum {
        /** Reserve memory as it is first written instead of all at once: for huge records of which
         *  little is used. Publishing can then return -ENOSPC (and leaves everything as it was). */
        SEQCAST_SPARSE = 1u << 0,
        /** Store the time of each publication. Costs a clock read (about 25 ns) per publication. */
        SEQCAST_TIMES = 1u << 1,
        /** -EEXIST if the topic exists, alive or not. */
        SEQCAST_EXCLUSIVE = 1u << 2,
        /** If what exists does not fit (schema, size, depth, damaged, or a reader's lock holds it),
         *  put a new segment in its place and mark the old one retired. A live publisher is never
         *  replaced. Without this flag: -EPROTOTYPE, -EPROTO, -EPROTONOSUPPORT or -EBUSY. */
        SEQCAST_REPLACE = 1u << 3,
        /** As REPLACE, but even if it fits: numbering starts again at 1, and
         *  a depth of 0 means the default. */
        SEQCAST_RECREATE = 1u << 4,
        /** seqcast_publish_begin() hands out the slot itself, not a private record. Depth >= 2. */
        SEQCAST_IN_PLACE = 1u << 5,
        /** group_id is valid: give the new segment this group. */
        SEQCAST_SET_GROUP = 1u << 6,
        /** A segment without a name, in anonymous memory (memfd_create(2)), sealed: not even its publisher
         *  can truncate it, nobody else can ever write it, and who reads it is whoever was given the
         *  descriptor, seqcast_publisher_fd(). The topic is a label for people. Each open makes a new
         *  segment; it ends with its last user. Not with EXCLUSIVE, REPLACE, RECREATE, SET_GROUP or a
         *  mode. Linux 5.1. */
        SEQCAST_SEALED = 1u << 7,
        /** Only with SEQCAST_SEALED, and not with SPARSE: memory of the hugetlb kind, which the system's
         *  administrator has set aside in huge pages (vm.nr_hugepages); the segment is a whole number of
         *  them. All are taken when it is opened: -ENOMEM there if not so many are free, never SIGBUS later.
         *  -EOPNOTSUPP the kernel has none. Subscribers need not ask for them. */
        SEQCAST_HUGETLB = 1u << 8
};

/** Who wakes subscribers that sleep: for seqcast_publisher_options.wake. */
enum seqcast_wake {
        /** Each publication does, while somebody sleeps. Whether somebody does is looked at about every 2
         *  ms of publishing (1 system call), so that publishing costs nothing more while nobody does.
         *  While somebody does, each publication makes one or two system calls, and takes some
         *  microseconds more for each sleeper that it wakes. */
        SEQCAST_WAKE_AUTOMATIC = 0,
        /** Nobody does. Subscribers that wait poll: every millisecond at first, less often when nothing
         *  is published for long. */
        SEQCAST_WAKE_NEVER = 1,
        /** seqcast_notify() does. What is published without it is noticed within 100 ms; on a descriptor,
         *  within a second. */
        SEQCAST_WAKE_MANUAL = 2
};

#define SEQCAST_MODE_PRIVATE 0600u
#define SEQCAST_MODE_GROUP 0640u
#define SEQCAST_MODE_PUBLIC 0644u

#define SEQCAST_DEPTH_MAX 65536u
#define SEQCAST_TOPIC_BYTES_MAX 200u

/**
 * How to open a publisher. Start from SEQCAST_PUBLISHER_OPTIONS; zero means the default everywhere.
 * With neither schema nor record_bytes the topic must exist, and is taken as it is.
 */
typedef struct seqcast_publisher_options {
        size_t size;                  /* sizeof(seqcast_publisher_options) */
        const seqcast_schema *schema; /* copied; NULL: an opaque record of record_bytes */
        uint64_t record_bytes;        /* longest record, bytes; 0: the schema's size */
        uint32_t depth;               /* power of two up to SEQCAST_DEPTH_MAX; 0: as it exists, or
                                         4, or 2 for records above 16 MiB */
        uint32_t flags;               /* SEQCAST_SPARSE ... */
        uint32_t mode;                /* permissions, whatever the umask; 0: as it exists, or 0600; must
                                         hold 0600 and nobody else's write or execute bit */
        uint32_t group_id;            /* with SEQCAST_SET_GROUP */
        const char *program;          /* shown to people; NULL: this program's name */
        seqcast_detail *ret_detail;   /* NULL, or where to say why open failed, or did not do all */
        uint32_t wake;                /* enum seqcast_wake */
        uint32_t reserved;
} seqcast_publisher_options;

#define SEQCAST_PUBLISHER_OPTIONS                                                                            \
        {                                                                                                    \
                sizeof(seqcast_publisher_options), NULL, 0, 0, 0, 0, 0, NULL, NULL, 0, 0                     \
        }

/**
 * Become the publisher of a topic: create its segment, or take over the existing one where its last
 * publisher left off. Numbering goes on; a publication that was complete but not yet announced when
 * that publisher died is announced, a torn one is not. Never leaves a half-made segment behind.
 *
 * @param topic    1 to 200 bytes, [A-Za-z0-9_][A-Za-z0-9._-]*, with or without a leading '/'
 * @param options  NULL: take the topic as it exists
 * @return 0; -EBUSY another publisher is live; -EPERM the segment is not ours alone; -ENOENT;
 *         -EEXIST; -EPROTO; -EPROTONOSUPPORT; -EPROTOTYPE; -EOPNOTSUPP; -ENOSPC; -EFBIG; -EINVAL;
 *         -ENAMETOOLONG; -EACCES; and what the system says
 */
SEQCAST_CHECKED int seqcast_publisher_open(const char *topic, const seqcast_publisher_options *options,
                                           seqcast_publisher **ret_publisher);

/**
 * Leave. The value stays for subscribers to read, and they can tell that the publisher left cleanly.
 * A publication begun and not committed is dropped. Accepts NULL, returns NULL.
 */
SEQCAST_API seqcast_publisher *seqcast_publisher_close(seqcast_publisher *publisher);

/**
 * Remove the topic's name, if it is still ours, and mark the segment retired. Subscribers that have
 * it open keep the last value and are told. Nothing can be published any more; close the handle.
 * Call it as the user that opened the topic: once the mark is set, it stays, also if the name cannot be
 * removed. If somebody removes the name by other means in this very moment and another publisher takes it,
 * that one loses it. A sealed segment has no name and is only marked.
 * @return 0; -ESTALE the name is gone or names another segment already (the mark is set all the
 *         same); -ECHILD; -EBUSY; what the system says
 */
SEQCAST_API int seqcast_publisher_remove(seqcast_publisher *publisher);

/**
 * Publish a whole record. Never waits. Calls the system only to look for sleepers and to wake them (enum
 * seqcast_wake), in a sparse segment when a page is written for the first time, and where the clock needs
 * a call. Async-signal-safe; errno stays what it was, but for sparse segments.
 *
 * @param bytes  0 up to the segment's longest record; what subscribers get as sample.bytes
 * @return 0; -EMSGSIZE; -ENOSPC (sparse only); -EBUSY this handle is in mid-publication (signal
 *         handler, or between begin and commit); -ESTALE; -ECHILD. On failure nothing
 *         has changed.
 *
 * Bytes of longer records published earlier stay in the slots, where whoever may read the segment can
 * find them: clear secrets by publishing over them, depth times.
 */
SEQCAST_API int seqcast_publish(seqcast_publisher *publisher, const void *record, size_t bytes);

/**
 * Publish the newest record with some byte ranges changed; all of them appear at once. Costs as much
 * as the bytes named, not as the record: a field of a 4 GB record is updated in nanoseconds. (The
 * first publications after a takeover or a whole publication bring each slot up to date once.)
 * Where nothing was published before, all other bytes are zero and the record has full length.
 * Parts are applied in order. Their ends must lie within the newest record's length.
 *
 * @return as seqcast_publish(); -ERANGE; -E2BIG; -ENODATA depth 1 and the last publisher died in
 *         mid-publication
 */
SEQCAST_API int seqcast_publish_parts(seqcast_publisher *publisher, const seqcast_part *parts, size_t count);

/**
 * Begin a publication: hand out a writable record that holds the newest one (zeros if there is none).
 * Change it, then commit or abort; nothing is seen by subscribers before the commit, and other
 * publishing calls on the handle return -EBUSY until then. Bytes beyond the newest record's length are
 * unspecified.
 *
 * By default the record is private memory, mapped by the first call and copied by the commit. With
 * SEQCAST_IN_PLACE it is the slot itself, in shared memory: no second copy. Subscribers that were lapped
 * may still be loading those bytes (and will throw them away), so by the letter of C11 they must be stored
 * with relaxed atomics, such as seqcast_copy_store() of seqcast/copy.h; plain stores work with every
 * compiler we know, and ThreadSanitizer reports them. In a sparse segment the whole slot is reserved
 * first.
 *
 * @param ret_record  aligned as the schema asks, at least 16; the longest record's bytes are writable
 * @return 0; -EBUSY; -ENODATA; -ENOSPC; -ENOMEM (the first call; in a sparse segment, any); -ESTALE; -ECHILD
 */
SEQCAST_CHECKED int seqcast_publish_begin(seqcast_publisher *publisher, void **ret_record);

/** Publish what was begun, as a record of `bytes` bytes. @return as seqcast_publish(); -EINVAL
 *  nothing was begun. After -EMSGSIZE or -ENOSPC the publication is still begun. */
SEQCAST_API int seqcast_publish_commit(seqcast_publisher *publisher, size_t bytes);

/** Drop what was begun; the newest record stays what it was. @return 0; -EINVAL nothing was begun;
 *  -ESTALE; -ECHILD */
SEQCAST_API int seqcast_publish_abort(seqcast_publisher *publisher);

/**
 * Wake the subscribers that sleep, whatever the publisher's way of waking: one system call, or two. For
 * publishers that must not take longer the more subscribers sleep: publish with SEQCAST_WAKE_MANUAL, and
 * notify afterwards or from another thread. Any thread may call this while another one publishes, as long
 * as nobody closes the handle. Async-signal-safe.
 * @return 0; -EINVAL publisher is NULL; -ECHILD
 */
SEQCAST_API int seqcast_notify(const seqcast_publisher *publisher);

/**
 * The descriptor that leads subscribers to a sealed segment: read-only, close-on-exec, the same each time. It
 * belongs to the handle, and is inherited by children of fork(); hand it to others over a Unix socket
 * (SCM_RIGHTS), or through exec as a dup(2) of it. They use seqcast_subscriber_open_fd().
 * @return the descriptor; -EINVAL not a sealed segment; -ECHILD; what the system says
 */
SEQCAST_CHECKED int seqcast_publisher_fd(seqcast_publisher *publisher);

/** The number of the last publication, this or an earlier publisher's; 0 = none, or after fork(). */
SEQCAST_API uint64_t seqcast_publisher_version(const seqcast_publisher *publisher);

/* ---------------------------------------------------------------------------------------------
 * Subscribing
 * ------------------------------------------------------------------------------------------- */

typedef struct seqcast_subscriber seqcast_subscriber;

/** For seqcast_subscriber_options.flags, besides SEQCAST_PREFAULT ... */
enum {
        /** `owner` is valid: trust segments of this user, besides root's and our own. */
        SEQCAST_SET_OWNER = 1u << 0,
        /** Waiting follows the topic to another segment, when this one is replaced or its name goes. */
        SEQCAST_REATTACH = 1u << 1,
        /** seqcast_subscriber_join() will make handles for other threads. */
        SEQCAST_SHARED = 1u << 2,
        /** Trust nobody: take a segment of any owner, whoever else may write it, and read it by pread(2)
         *  instead of mapping it. An owner who truncates it gets his readers -EPROTO, not SIGBUS, and none of
         *  its holes is ever allocated. A read makes five system calls or more, so some microseconds and
         *  more copying; waiting polls, every millisecond at first; nothing is looked at in place, and not
         *  with SEQCAST_SHARED. What the records say is as untrustworthy as their publisher. */
        SEQCAST_ANY_OWNER = 1u << 3
};

/** How to open a subscriber. Start from SEQCAST_SUBSCRIBER_OPTIONS; zero means the default. */
typedef struct seqcast_subscriber_options {
        size_t size;                  /* sizeof(seqcast_subscriber_options) */
        const seqcast_schema *schema; /* insist on this schema; NULL: take what is there */
        int64_t timeout_ns;           /* wait so long for the topic to appear; < 0: for ever */
        uint32_t flags;               /* SEQCAST_SET_OWNER ... */
        uint32_t owner;               /* uid */
        seqcast_detail *ret_detail;   /* NULL, or where to say why open failed, or did not do all */
} seqcast_subscriber_options;

#define SEQCAST_SUBSCRIBER_OPTIONS                                                                           \
        {                                                                                                    \
                sizeof(seqcast_subscriber_options), NULL, 0, 0, 0, NULL                                      \
        }

/**
 * Open a topic for reading: O_RDONLY, PROT_READ, unknown to the publisher. Everything in the segment
 * is checked first, and only a private copy of its geometry is used from then on: no bytes that a
 * publisher could put there make a subscriber crash, hang, or touch memory outside the mapping.
 * Refuses segments that somebody other than root, ourselves or the owner named could write.
 *
 * With a timeout, sleeps until the topic appears (inotify on the directory); signals do not end that.
 *
 * @param options  NULL: the defaults
 * @return 0; -ENOENT; -ETIMEDOUT; -EACCES; -EPERM; -EPROTO; -EPROTONOSUPPORT; -EPROTOTYPE;
 *         -EOPNOTSUPP; -EAGAIN; -EINVAL; -ENAMETOOLONG; -ENOMEM; -EFBIG (32-bit process, huge segment)
 */
SEQCAST_CHECKED int seqcast_subscriber_open(const char *topic, const seqcast_subscriber_options *options,
                                            seqcast_subscriber **ret_subscriber);

/**
 * Open the segment that a descriptor leads to: one that came over a Unix socket, or was inherited. It has to
 * be sealed (F_GET_SEALS: F_SEAL_SHRINK, and F_SEAL_FUTURE_WRITE or F_SEAL_WRITE), so that nobody can pull it
 * away or write it but who made it; then it does not matter who owns it. Others are taken only with
 * SEQCAST_ANY_OWNER, and not mapped. Everything else is as with seqcast_subscriber_open(), but for what needs
 * a name: no time-out, no SEQCAST_REATTACH (-EINVAL), never SEQCAST_DETACHED.
 *
 * @param fd  of any access mode; opened once more through /proc, it remains the caller's
 * @return as seqcast_subscriber_open(); -EBADF; -EPERM not sealed
 */
SEQCAST_CHECKED int seqcast_subscriber_open_fd(int fd, const seqcast_subscriber_options *options,
                                               seqcast_subscriber **ret_subscriber);

/** Accepts NULL, returns NULL. Handles that were joined are closed one by one, in any order. */
SEQCAST_API seqcast_subscriber *seqcast_subscriber_close(seqcast_subscriber *subscriber);

/**
 * Copy the newest record, whether it was delivered before or not. Bounded: at most 64 tries, no system
 * call (but see "sparse" below), no store to shared memory. A try fails only when the publisher
 * completed depth-1 publications during the one copy. Numbers never go backwards on one subscriber,
 * however the ways of reading are mixed. Async-signal-safe.
 *
 * In a sparse segment, memory that was never written is not touched (reading it would allocate it):
 * where this subscriber does not know a page yet it asks the kernel, and fills in zeros.
 *
 * @param record      contents unspecified unless 0 is returned
 * @param ret_sample  may be NULL
 * @return 0; SEQCAST_EMPTY; SEQCAST_RETIRED (never published, never will be); SEQCAST_BUSY;
 *         SEQCAST_REATTACHED (SEQCAST_SHARED only: another thread has re-attached; nothing was delivered);
 *         -EMSGSIZE `capacity` is less than the record's length; SEQCAST_ANY_OWNER only: -EPROTO the segment
 *         was truncated, and what the system says
 */
SEQCAST_CHECKED int seqcast_read_newest(seqcast_subscriber *subscriber, void *record, size_t capacity,
                                        seqcast_sample *ret_sample);

/**
 * Copy the next record in order: the one after the last delivered or, where that was overwritten
 * already, the oldest that is safe to read, with the exact number lost. The first call delivers the
 * newest one there is or, if there was none when the subscriber was opened, starts from number 1.
 * Otherwise as seqcast_read_newest().
 * @return 0; SEQCAST_NONE nothing newer yet; SEQCAST_RETIRED; SEQCAST_EMPTY; SEQCAST_BUSY; -EMSGSIZE
 *         (the record counts as not delivered)
 */
SEQCAST_CHECKED int seqcast_read_next(seqcast_subscriber *subscriber, void *record, size_t capacity,
                                      seqcast_sample *ret_sample);

/**
 * As seqcast_read_newest() and seqcast_read_next(), but copy only some byte ranges of the record, all
 * from the same publication, at the cost of these bytes. sample.bytes is the whole record's length.
 * @return as those; -ERANGE a part ends beyond the record; -E2BIG
 */
SEQCAST_CHECKED int seqcast_read_newest_parts(seqcast_subscriber *subscriber, const seqcast_read_part *parts,
                                              size_t count, seqcast_sample *ret_sample);
SEQCAST_CHECKED int seqcast_read_next_parts(seqcast_subscriber *subscriber, const seqcast_read_part *parts,
                                            size_t count, seqcast_sample *ret_sample);

/**
 * Look at the newest record in place, without copying. What is seen may be overwritten at any moment:
 * work something out from it, act on nothing, and ask seqcast_read_end() whether it held. Do not
 * follow lengths or indices in the record without checking them first. By the letter of C11 the
 * loads must be relaxed atomics (seqcast_copy_load() of seqcast/copy.h). In a sparse segment, touch
 * only what was published: looking at a hole allocates it.
 *
 * @param ret_record  in shared memory, read-only; ret_sample->bytes bytes of it are the record
 * @return 0; SEQCAST_EMPTY; SEQCAST_RETIRED; SEQCAST_BUSY; -EINVAL the handle is shared by threads, or has
 *         SEQCAST_ANY_OWNER
 */
SEQCAST_CHECKED int seqcast_read_begin(seqcast_subscriber *subscriber, const void **ret_record,
                                       seqcast_sample *ret_sample);

/**
 * Did the record stay what it was since seqcast_read_begin()? Only then does it count as delivered.
 * @return 0 yes; SEQCAST_OVERWRITTEN throw away what was worked out, begin again; -EINVAL not begun
 */
SEQCAST_CHECKED int seqcast_read_end(seqcast_subscriber *subscriber);

/** The number of the newest publication; 0 = none. One load. Of a handle that threads share, it takes a lock;
 *  with SEQCAST_ANY_OWNER it calls the system, and is as it was last if that fails. */
SEQCAST_API uint64_t seqcast_subscriber_version(const seqcast_subscriber *subscriber);

/** How many attempts to read were thrown away since the handle was opened, as the publisher was writing what
 *  was being copied. A call that succeeds at once adds nothing; one that returns SEQCAST_BUSY adds
 *  SEQCAST_READ_ATTEMPTS_MAX, 64. Not counted with SEQCAST_ANY_OWNER. */
SEQCAST_API uint64_t seqcast_subscriber_retries(const seqcast_subscriber *subscriber);

/** Count everything published so far as delivered: seqcast_read_next() goes on with what comes after. */
SEQCAST_API void seqcast_subscriber_skip(seqcast_subscriber *subscriber);

/* ---------------------------------------------------------------------------------------------
 * Waiting
 *
 * Subscribers that sleep stay unknown to the publisher and write nothing to the segment. They hold a read
 * lock on one byte of it, which the publisher looks for now and then; what comes before it has looked is
 * seen a millisecond late or, after a long silence, an eighth of that, 100 ms at most. No sleep is longer
 * than 100 ms: then the segment and its publisher are looked at, so that nothing that other readers do
 * (they could take wake-ups away) delays news for longer.
 * ------------------------------------------------------------------------------------------- */

/**
 * Wait until there is something newer than what this subscriber was delivered last (anything, if that was
 * nothing). Returns at once if there is. Else spins for a moment (seqcast_subscriber_set_spin()), then
 * sleeps. Read afterwards. Signals do not end a wait. Not async-signal-safe.
 *
 * PUBLISHER_GONE, PUBLISHER_LEFT and DETACHED are each told once for each publisher or segment;
 * whoever waits on, waits for the next publisher. They are noticed within 100 ms (DETACHED by another
 * name for the same file: within 1 s). A publisher that is merely stopped is not gone.
 *
 * A sealed segment has no next publisher: once the end of its only one was told, SEQCAST_RETIRED follows.
 *
 * @param timeout_ns  0: only look, without a system call (unless re-attaching, or with SEQCAST_ANY_OWNER);
 *                    < 0: no end
 * @return 0 there is news; SEQCAST_TIMEOUT; SEQCAST_PUBLISHER_GONE; SEQCAST_PUBLISHER_LEFT;
 *         SEQCAST_INTERRUPTED. Without SEQCAST_REATTACH: SEQCAST_RETIRED; SEQCAST_DETACHED. With it:
 *         SEQCAST_REATTACHED; and why a new segment cannot be read, as seqcast_subscriber_reattach(), but
 *         for -ENOENT and -EAGAIN, which are waited out. SEQCAST_ANY_OWNER: -EPROTO truncated; what the
 *         system says
 */
SEQCAST_CHECKED int seqcast_wait(seqcast_subscriber *subscriber, int64_t timeout_ns);

/**
 * Wait until one of several subscribers has something. Where several have, those that were not told of
 * the last time come first. Up to 128 are slept on together (futex_waitv(2), Linux 5.16); of more, and on
 * older systems, the others are looked at every millisecond. A sleep costs two short system calls for each
 * subscriber.
 *
 * @param ret_index  which one the result is about; set unless SEQCAST_TIMEOUT or -EINVAL is returned
 * @return as seqcast_wait(); -EINVAL count is 0
 */
SEQCAST_CHECKED int seqcast_wait_any(seqcast_subscriber *const *subscribers, size_t count, int64_t timeout_ns,
                                     size_t *ret_index);

/**
 * End a wait on this subscriber that is under way in another thread, or was interrupted by this signal
 * handler; if there is none, the next one. Async-signal-safe; any thread, as long as nobody closes the
 * handle. Before Linux 5.16, and where seqcast_wait_any() waits for more than 64, it takes up to 100 ms.
 */
SEQCAST_API void seqcast_subscriber_interrupt(seqcast_subscriber *subscriber);

#define SEQCAST_SPIN_DEFAULT_NS 5000

/** How long a wait looks without pause before it sleeps; 0: not at all. Spinning gets news sooner, by the
 *  cost of a wake-up, and takes a processor. seqcast_wait_any() spins as long as its first subscriber. */
SEQCAST_API void seqcast_subscriber_set_spin(seqcast_subscriber *subscriber, int64_t spin_ns);

/**
 * A descriptor for poll(2), epoll(7) and event loops: readable when there may be something. Then call
 * seqcast_subscriber_drain(), and read until there is nothing newer, or up to the version that it was after
 * the drain, lest a fast publisher keep you from everything else; in this order, nothing is missed.
 * Level-triggered: it stays readable until drained. It may be readable for nothing. Do not read(2) from
 * it, and do not close it: it belongs to the handle, and stays the same when that re-attaches.
 *
 * Made by the first call (three descriptors, and one inotify instance, of which a user has 128 unless
 * fs.inotify.max_user_instances says otherwise). While it exists, publications touch the segment's file.
 *
 * @return the descriptor; -EMFILE; -ENOSYS a portable build; what the system says
 */
SEQCAST_CHECKED int seqcast_subscriber_fd(seqcast_subscriber *subscriber);

/**
 * Reset the descriptor, and say what there is, without waiting.
 * @return as seqcast_wait(), with SEQCAST_NONE instead of SEQCAST_TIMEOUT; -EINVAL there is no descriptor
 */
SEQCAST_CHECKED int seqcast_subscriber_drain(seqcast_subscriber *subscriber);

/**
 * If the topic's name stands for another segment by now, go on with that one. The position is before its
 * first publication. Waiting does this by itself if SEQCAST_REATTACH was given. The new segment must have
 * the schema of the first one (of opaque records: the size); the depth may differ. The old segment is
 * unmapped: what seqcast_read_begin() gave out is no more.
 *
 * @param ret_detail  may be NULL; set on failure
 * @return 0 re-attached; SEQCAST_NONE it is still the same segment; -ENOENT; -EPROTOTYPE, with the
 *         difference; -EINVAL it never had a name; otherwise as seqcast_subscriber_open()
 */
SEQCAST_CHECKED int seqcast_subscriber_reattach(seqcast_subscriber *subscriber, seqcast_detail *ret_detail);

/**
 * A handle for another thread, on the mapping and descriptor of a subscriber opened with SEQCAST_SHARED
 * (or joined itself), with a position of its own, as if opened at this moment. When one of them
 * re-attaches, all do: each is told by SEQCAST_REATTACHED, once, from its next wait or read. What a thread
 * reads at that moment is not unmapped under it, and records of the two segments are never mixed. Any
 * thread may call this, while others use `shared`, as long as nobody closes it. None of the handles reads
 * in place (-EINVAL): what is looked at could not be kept from going away.
 *
 * @return 0; -EINVAL not opened with SEQCAST_SHARED; -ENOMEM
 */
SEQCAST_CHECKED int seqcast_subscriber_join(const seqcast_subscriber *shared,
                                            seqcast_subscriber **ret_subscriber);

/* ---------------------------------------------------------------------------------------------
 * Looking at a topic: who publishes, how old is the value, what is it made of
 * ------------------------------------------------------------------------------------------- */

enum seqcast_liveness {
        SEQCAST_LIVE = 1,        /* a publisher holds the topic (it may be stopped or idle: see age_ns) */
        SEQCAST_GONE = 2,        /* the last publisher ended without closing; the value is still there */
        SEQCAST_LEFT = 3,        /* the last publisher closed its handle; the value is still there */
        SEQCAST_UNPUBLISHED = 4, /* nobody publishes and nobody ever has */
        SEQCAST_REPLACED = 5     /* this segment was replaced or removed: open the topic again */
};

/** Of the reserved room of what is filled in here, later versions may use some; now it is zero. */
typedef struct seqcast_status {
        uint32_t liveness;      /* enum seqcast_liveness */
        uint32_t detached;      /* 1: the topic's name is gone or names another segment */
        uint64_t version;       /* number of the newest publication; 0: none */
        uint64_t epoch;         /* how often a publisher has taken the segment; 1 = its creator */
        int64_t age_ns;         /* since the newest publication; -1: unknown (no times stored, nothing
                                   published, or written in another time namespace) */
        uint64_t publisher_pid; /* of the last publisher, in its own pid namespace: for people only */
        char program[32];       /* its name, for people only; NUL-terminated */
        uint64_t reserved[4];
} seqcast_status;

/**
 * What state the topic is in. Asks the kernel about the publisher's file lock, which it drops however
 * a publisher ends: no pid is ever tested, so containers and reused pids do not matter. Two system
 * calls, three where times are stored, a few microseconds: for time-outs and displays, not for every read.
 * @return 0; or what the system says
 */
SEQCAST_CHECKED int seqcast_subscriber_status(const seqcast_subscriber *subscriber,
                                              seqcast_status *ret_status);

/** What a segment is, which never changes; and how it is mapped. */
typedef struct seqcast_info {
        uint64_t record_bytes;  /* longest record */
        uint64_t segment_bytes; /* address range; a sparse segment takes less memory */
        uint64_t incarnation;   /* random id */
        uint64_t creator_pid;   /* for people only */
        int64_t created_ns;     /* CLOCK_REALTIME */
        uint32_t depth;
        uint32_t owner; /* uid */
        uint32_t mode;  /* permission bits when opened */
        uint32_t format_version;
        uint32_t sparse;         /* 0, 1 */
        uint32_t times;          /* 0, 1 */
        char creator[32];        /* program that created it, for people only */
        uint32_t memory;         /* SEQCAST_PREFAULT ...: what this handle was opened with and has, ... */
        uint32_t memory_missing; /* ... or could not have */
        uint64_t reserved[3];
} seqcast_info;

SEQCAST_API void seqcast_subscriber_info(const seqcast_subscriber *subscriber, seqcast_info *ret_info);
SEQCAST_API void seqcast_publisher_info(const seqcast_publisher *publisher, seqcast_info *ret_info);

/** The segment's schema, until the handle is closed; NULL for an opaque record. */
SEQCAST_API const seqcast_schema *seqcast_subscriber_schema(const seqcast_subscriber *subscriber);
SEQCAST_API const seqcast_schema *seqcast_publisher_schema(const seqcast_publisher *publisher);

#ifdef __cplusplus
}
#endif

#if (defined(__cplusplus) && __cplusplus >= 201103L) ||                                                      \
        (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L)
#include "seqcast/schema_of.h"
#endif

#endif
