/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Subscribers that wait while nothing is published use next to no processor: by seqcast_wait(), by
 * seqcast_wait_any() on a hundred topics, and by epoll on a hundred descriptors. Once their publisher has
 * acknowledged them they are told of everything and look ten times a second; before that, and with a
 * publisher that never wakes, they look more often at first. All sleep at the same time; each measures
 * itself. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "platform/futex.h"

#include "../support/wake_feed.h"
#include "../support/wake_tap.h"
#include "../support/wake_words.h"

#define TOPICS 100u
#define FEW 3u /* a user has 128 inotify instances */
#define IDLE_NS (5 * SECOND)
#define CALL_NS 300.0 /* a system call of a machine for which the bounds are meant */

enum kind { BY_WAIT, BY_WAIT_ANY, BY_EPOLL, KINDS };
enum publisher { ACKNOWLEDGES, SILENT, NEVER, PUBLISHERS };

static const char *const kind_names[KINDS] = { "seqcast_wait()", "seqcast_wait_any()", "epoll" };
static const char *const publisher_names[PUBLISHERS] = { "acknowledged", "not acknowledged yet",
                                                         "publisher never wakes" };
/* 10 where they are told; 18 where they look more often at first, and a descriptor's timer up to 30. Of no
 * machine's speed. */
static const double rises_max[PUBLISHERS] = { 12, 40, 40 };
static const double percent_max[PUBLISHERS] = { 0.5, 3, 3 };
#define PERCENT_MAX_OF_MANY 3.0 /* a look at each of them, ten times a second */

struct idler {
        enum kind kind;
        enum publisher publisher;
        unsigned count; /* of topics */
        _Atomic(unsigned) ready;
        pid_t pid;
        int error;
        double percent, rises; /* of a processor; a second, as the scheduler counts them */
        unsigned awoke;
};

static struct {
        _Atomic(unsigned) open[PUBLISHERS];
        _Atomic(unsigned) go; /* from now on, nothing is published */
        struct idler idlers[PUBLISHERS][KINDS];
} * shared;

static enum publisher publishing;
static struct idler *self;

static unsigned topic_index(enum publisher publisher, unsigned i)
{
        return (unsigned)publisher * TOPICS + i;
}

/* ---- publishers ----------------------------------------------------------------------------- */

static int publish(void)
{
        static seqcast_publisher *publishers[TOPICS];
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        uint64_t value = 0;

        options.record_bytes = sizeof value;
        options.wake = publishing == NEVER ? SEQCAST_WAKE_NEVER : SEQCAST_WAKE_AUTOMATIC;
        for (unsigned i = 0; i < TOPICS; i++)
                if (seqcast_publisher_open(topic_name_of(topic_index(publishing, i)), &options,
                                           &publishers[i]) != 0 ||
                    seqcast_publish(publishers[i], &value, sizeof value) != 0)
                        return 1;
        atomic_store(&shared->open[publishing], 1);
        while (publishing == ACKNOWLEDGES && atomic_load(&shared->go) == 0) {
                for (unsigned i = 0; i < TOPICS; i++)
                        if (seqcast_publish(publishers[i], &value, sizeof value) != 0)
                                return 1;
                sleep_us(5000);
        }
        pause();
        return 0;
}

/* ---- idlers --------------------------------------------------------------------------------- */

static seqcast_subscriber *subscribers[TOPICS];
static int epoll_fd;

static int idler_open(void)
{
        struct epoll_event event = { .events = EPOLLIN };
        int r;

        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        for (unsigned i = 0; i < self->count; i++) {
                r = seqcast_subscriber_open(topic_name_of(topic_index(self->publisher, i)), NULL,
                                            &subscribers[i]);
                if (r < 0)
                        return r;
                if (self->kind != BY_EPOLL)
                        continue;
                r = seqcast_subscriber_fd(subscribers[i]);
                event.data.u32 = i;
                if (r < 0)
                        return r;
                if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, r, &event) < 0)
                        return -errno;
        }
        return 0;
}

static void idler_read(size_t index)
{
        uint64_t value;

        if (seqcast_read_newest(subscribers[index], &value, sizeof value, NULL) != 0)
                self->error = -EIO;
}

/* As an event loop does it. @return SEQCAST_TIMEOUT: nothing was ready */
static int idler_poll(int64_t timeout_ns)
{
        struct epoll_event events[TOPICS];
        int count = epoll_wait(epoll_fd, events, (int)TOPICS, (int)(timeout_ns / MS + 1));

        for (int i = 0; i < count; i++)
                if (seqcast_subscriber_drain(subscribers[events[i].data.u32]) == SEQCAST_OK)
                        idler_read(events[i].data.u32);
        return count == 0 ? SEQCAST_TIMEOUT : SEQCAST_NONE;
}

static void idler_wait(int64_t deadline_ns)
{
        int64_t left_ns;

        while ((left_ns = deadline_ns - monotonic_ns()) > 0) {
                size_t index = 0;
                int r = self->kind == BY_WAIT ? seqcast_wait(subscribers[0], left_ns)
                        : self->kind == BY_WAIT_ANY
                                ? seqcast_wait_any(subscribers, self->count, left_ns, &index)
                                : idler_poll(left_ns);

                if (r == SEQCAST_OK)
                        idler_read(index);
                else if (r != SEQCAST_TIMEOUT && r != SEQCAST_NONE)
                        self->error = r < 0 ? r : -EPROTO;
                self->awoke += r != SEQCAST_TIMEOUT;
        }
}

static double used_ns(void)
{
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        return 1e9 * (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               1e3 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static double rises(void)
{
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        return (double)usage.ru_nvcsw;
}

static int idle(void)
{
        double before, begun, rises_before;

        self->error = idler_open();
        atomic_store(&self->ready, 1);
        if (self->error != 0)
                return 1;
        while (atomic_load(&shared->go) == 0)
                idler_wait(monotonic_ns() + 20 * MS);
        idler_wait(monotonic_ns() + 50 * MS); /* what has been published by now */
        self->awoke = 0;
        before = used_ns();
        rises_before = rises();
        begun = (double)monotonic_ns();
        idler_wait(monotonic_ns() + IDLE_NS);
        self->percent = 100 * (used_ns() - before) / ((double)monotonic_ns() - begun);
        self->rises = 1e9 * (rises() - rises_before) / ((double)monotonic_ns() - begun);
        return 0;
}

/* ---- the test ------------------------------------------------------------------------------- */

/* How many times slower than meant is this machine? At least 1. */
static double slowness(void)
{
        struct stat status;
        double begun = used_ns(), factor;

        for (int i = 0; i < 20000; i++)
                if (fstat(STDOUT_FILENO, &status) != 0)
                        return 1;
        factor = (used_ns() - begun) / 20000 / CALL_NS;
        return factor < 1 ? 1 : factor;
}

static void judge(const struct idler *idler, double factor)
{
        double allowed =
                factor * (idler->kind == BY_WAIT_ANY ? PERCENT_MAX_OF_MANY : percent_max[idler->publisher]);
        char text[96];

        snprintf(text, sizeof text, "%s on %u topic%s, %s", kind_names[idler->kind], idler->count,
                 idler->count == 1 ? "" : "s", publisher_names[idler->publisher]);
        if (idler->kind == BY_EPOLL && (idler->error == -EMFILE || idler->error == -ENOSYS))
                tap_skip(text, idler->error == -ENOSYS
                                       ? "a portable build has no descriptors"
                                       : "not enough inotify instances are left to this user");
        else
                tap_ok(idler->error == 0 && idler->percent < allowed &&
                               idler->rises < rises_max[idler->publisher],
                       "%s: %.3f %% of a processor, less than %.1f; rose %.1f times a second; awoke %u "
                       "times%s%s",
                       text, idler->percent, allowed, idler->rises, idler->awoke,
                       idler->error == 0 ? "" : "; ",
                       idler->error == 0 ? "" : seqcast_strerror(idler->error));
}

static bool all_acknowledged(void)
{
        const struct idler *by_epoll = &shared->idlers[ACKNOWLEDGES][BY_EPOLL];

        for (unsigned i = 0; i < TOPICS; i++) {
                const seqcast_word *words = words_of(topic_index(ACKNOWLEDGES, i));

                if (words_wait(words, SEQCAST__CONTROL_WAKING, true, 10 * SECOND) < 0 ||
                    (by_epoll->error == 0 &&
                     words_wait(words, SEQCAST__CONTROL_TOUCHING, true, 10 * SECOND) < 0))
                        return false;
        }
        return true;
}

int main(void)
{
        pid_t publishers[PUBLISHERS];
        double factor = slowness(), afterwards;

        if (!seqcast__futex_can_wake()) {
                printf("subscribers of a portable build poll\n");
                return 77;
        }
        topic_name(); /* the children inherit it */
        shared = child_shared(sizeof *shared);
        for (publishing = 0; publishing < PUBLISHERS; publishing++) {
                publishers[publishing] = child_start(publish);
                wait_for(&shared->open[publishing], 1);
                for (enum kind kind = 0; kind < KINDS; kind++) {
                        self = &shared->idlers[publishing][kind];
                        *self = (struct idler){
                                .kind = kind,
                                .publisher = publishing,
                                .count = kind == BY_WAIT                                  ? 1
                                         : kind == BY_EPOLL && publishing != ACKNOWLEDGES ? FEW
                                                                                          : TOPICS,
                        };
                        self->pid = child_start(idle);
                        wait_for(&self->ready, 1);
                }
        }
        tap_ok(all_acknowledged(), "all who sleep are acknowledged");
        atomic_store(&shared->go, 1);
        for (publishing = 0; publishing < PUBLISHERS; publishing++)
                for (enum kind kind = 0; kind < KINDS; kind++)
                        child_wait(shared->idlers[publishing][kind].pid);
        afterwards = slowness();
        if (afterwards > factor)
                factor = afterwards;
        if (factor > 1)
                tap_note("this machine is %.1f times slower than the bounds are meant for", factor);
        for (publishing = 0; publishing < PUBLISHERS; publishing++) {
                for (enum kind kind = 0; kind < KINDS; kind++)
                        judge(&shared->idlers[publishing][kind], factor);
                child_kill(publishers[publishing]);
                for (unsigned i = 0; i < TOPICS; i++)
                        unlink(topic_path_of(topic_index(publishing, i)));
        }
        expect_no_feed_left();
        return tap_finish();
}
