/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A descriptor that becomes readable when something happens to a file, when a name appears in a
 * directory, or at a given time. Two implementations: watch_linux.c, and watch_portable.c that has none
 * (make PORTABLE=1). Knows nothing of what the file holds. */

#ifndef SEQCAST_SRC_PLATFORM_WATCH_H
#define SEQCAST_SRC_PLATFORM_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/** All -1: not open. */
struct seqcast__watch {
        int pollable;  /* readable: drain it, and look */
        int events;    /* what happened; inside `pollable` */
        int alarm;     /* when to look anyway; inside `pollable`, while one is set */
        int file;      /* watch number, -1: none */
        int directory; /* likewise */
};

#define SEQCAST__WATCH_CLOSED                                                                                \
        {                                                                                                    \
                -1, -1, -1, -1, -1                                                                           \
        }

/** @return 0; -ENOSYS not here; -EMFILE too many descriptors, or more than the user's share of watches
 *  (fs.inotify.max_user_instances); -errno */
int seqcast__watch_open(struct seqcast__watch *watch);
void seqcast__watch_close(struct seqcast__watch *watch);

/** Watch an open file, under whatever name or none, instead of the one before: its times are set, a name of
 *  it goes or changes, a descriptor that could write it is closed. @return 0; -errno */
int seqcast__watch_file(struct seqcast__watch *watch, int fd);

/** Watch for names to appear in a directory. NULL: do not. @return 0; -errno */
int seqcast__watch_directory(struct seqcast__watch *watch, const char *path);

/** Become readable at that time of seqcast__clock_mono_ns(), too. SEQCAST__CLOCK_NEVER: do not.
 *  @return 0; -errno */
int seqcast__watch_set_alarm(struct seqcast__watch *watch, int64_t deadline_ns);

/** Forget what has happened so far: not readable until something else does, or the time has come.
 *  @return has a descriptor been closed that could write the file? */
bool seqcast__watch_drain(struct seqcast__watch *watch);

/** Sleep until it is readable, until a signal comes, or until the deadline. */
void seqcast__watch_wait(const struct seqcast__watch *watch, int64_t deadline_ns);

/** Let those who watch the file know. Async-signal-safe; sets errno. */
void seqcast__watch_touch(int fd);

#endif
