/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* inotify(7) says what happened, a timerfd when to look anyway; an epoll descriptor is readable when one
 * of them is. Equal events in a row are merged by the kernel, so a queue that nobody drains does not grow. */

#define _GNU_SOURCE
#include "platform/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "platform/clock.h"
#include "platform/process.h"

#define NS_PER_S INT64_C(1000000000)
/* Touched, or a name of it gone or changed; closed by a writer, which may have died. */
#define FILE_EVENTS (IN_ATTRIB | IN_MOVE_SELF | IN_CLOSE_WRITE)
#define DIRECTORY_EVENTS (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)

static void shut(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

/* A user's share of watches is used up: that is no lack of memory. */
static int failure(void)
{
        return errno == ENOSPC ? -EMFILE : -errno;
}

static int include(const struct seqcast__watch *watch, int fd)
{
        struct epoll_event event = { .events = EPOLLIN };

        return epoll_ctl(watch->pollable, EPOLL_CTL_ADD, fd, &event) < 0 ? failure() : 0;
}

int seqcast__watch_open(struct seqcast__watch *watch)
{
        int r;

        *watch = (struct seqcast__watch)SEQCAST__WATCH_CLOSED;
        watch->pollable = seqcast__process_move_above_stderr(epoll_create1(EPOLL_CLOEXEC));
        if (watch->pollable < 0)
                return watch->pollable;
        watch->events = seqcast__process_move_above_stderr(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
        r = watch->events < 0 ? watch->events : include(watch, watch->events);
        if (r < 0)
                seqcast__watch_close(watch);
        return r;
}

void seqcast__watch_close(struct seqcast__watch *watch)
{
        shut(&watch->alarm);
        shut(&watch->events);
        shut(&watch->pollable);
        watch->file = watch->directory = -1;
}

static int add(const struct seqcast__watch *watch, const char *path, uint32_t events, int *number)
{
        int added = inotify_add_watch(watch->events, path, events);

        if (added < 0)
                return failure();
        if (*number >= 0 && *number != added)
                inotify_rm_watch(watch->events, *number);
        *number = added;
        return 0;
}

int seqcast__watch_file(struct seqcast__watch *watch, int fd)
{
        char self[64];

        snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        return add(watch, self, FILE_EVENTS, &watch->file);
}

int seqcast__watch_directory(struct seqcast__watch *watch, const char *path)
{
        if (path != NULL)
                return add(watch, path, DIRECTORY_EVENTS, &watch->directory);
        if (watch->directory >= 0)
                inotify_rm_watch(watch->events, watch->directory);
        watch->directory = -1;
        return 0;
}

int seqcast__watch_set_alarm(struct seqcast__watch *watch, int64_t deadline_ns)
{
        struct itimerspec when = { .it_value = { .tv_sec = (time_t)(deadline_ns / NS_PER_S),
                                                 .tv_nsec = (long)(deadline_ns % NS_PER_S) } };
        int r = 0;

        if (deadline_ns == SEQCAST__CLOCK_NEVER) {
                shut(&watch->alarm);
                return 0;
        }
        if (watch->alarm < 0) {
                watch->alarm = seqcast__process_move_above_stderr(
                        timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
                r = watch->alarm < 0 ? watch->alarm : include(watch, watch->alarm);
        }
        if (r == 0 && timerfd_settime(watch->alarm, TFD_TIMER_ABSTIME, &when, NULL) < 0)
                r = -errno;
        if (r < 0)
                shut(&watch->alarm);
        return r;
}

bool seqcast__watch_drain(struct seqcast__watch *watch)
{
        _Alignas(struct inotify_event) char buffer[4096];
        const struct inotify_event *event;
        uint64_t expirations;
        bool closed = false;
        ssize_t got;

        while ((got = read(watch->events, buffer, sizeof buffer)) > 0) {
                for (const char *at = buffer; at < buffer + got; at += sizeof *event + event->len) {
                        event = (const struct inotify_event *)(const void *)at;
                        closed |= (event->mask & (IN_CLOSE_WRITE | IN_Q_OVERFLOW)) != 0;
                }
        }
        if (watch->alarm >= 0 && read(watch->alarm, &expirations, sizeof expirations) < 0)
                return closed; /* not yet */
        return closed;
}

void seqcast__watch_wait(const struct seqcast__watch *watch, int64_t deadline_ns)
{
        struct pollfd pollable = { .fd = watch->pollable, .events = POLLIN };
        int64_t left_ns = deadline_ns - seqcast__clock_mono_ns();
        struct timespec left;

        if (left_ns < 0)
                left_ns = 0;
        left = (struct timespec){ .tv_sec = (time_t)(left_ns / NS_PER_S),
                                  .tv_nsec = (long)(left_ns % NS_PER_S) };
        ppoll(&pollable, 1, deadline_ns == SEQCAST__CLOCK_NEVER ? NULL : &left, NULL);
}

void seqcast__watch_touch(int fd)
{
        futimens(fd, NULL);
}
