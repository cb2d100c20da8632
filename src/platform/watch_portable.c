/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Where the system has nothing of the kind: callers poll. */

#include "platform/watch.h"

#include <errno.h>

#include "platform/clock.h"

int seqcast__watch_open(struct seqcast__watch *watch)
{
        *watch = (struct seqcast__watch)SEQCAST__WATCH_CLOSED;
        return -ENOSYS;
}

void seqcast__watch_close(struct seqcast__watch *watch)
{
        (void)watch;
}

int seqcast__watch_file(struct seqcast__watch *watch, int fd)
{
        (void)watch;
        (void)fd;
        return -ENOSYS;
}

int seqcast__watch_directory(struct seqcast__watch *watch, const char *path)
{
        (void)watch;
        (void)path;
        return -ENOSYS;
}

int seqcast__watch_set_alarm(struct seqcast__watch *watch, int64_t deadline_ns)
{
        (void)watch;
        (void)deadline_ns;
        return -ENOSYS;
}

bool seqcast__watch_drain(struct seqcast__watch *watch)
{
        (void)watch;
        return false;
}

void seqcast__watch_wait(const struct seqcast__watch *watch, int64_t deadline_ns)
{
        (void)watch;
        seqcast__clock_sleep_until(deadline_ns);
}

void seqcast__watch_touch(int fd)
{
        (void)fd;
}
