/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Three topics in one thread, by epoll(7). Ends at SIGINT and SIGTERM. */

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "feed.h"

/* @return a descriptor that is readable once we are to end; -1 */
static int open_signals(void)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -1 : signalfd(-1, &set, SFD_CLOEXEC);
}

/* `feed` is what `fd` is about; NULL: the signals. @return 0, -1 */
static int watch(int epoll, int fd, struct feed *feed)
{
        struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = feed } };

        return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* @return 0, or an error, which has been printed */
static int watch_all(int epoll, int signals, struct feed *feeds)
{
        for (int i = 0; i < FEEDS; i++) {
                int fd = seqcast_subscriber_fd(feeds[i].subscriber);

                if (fd < 0)
                        return feed_failed(&feeds[i], fd);
                if (watch(epoll, fd, &feeds[i]) < 0) {
                        perror(feeds[i].topic);
                        return -1;
                }
        }
        if (watch(epoll, signals, NULL) == 0)
                return 0;
        perror("signals");
        return -1;
}

/* @return 0 at a signal; an error, which has been printed */
static int serve(int epoll)
{
        struct epoll_event events[FEEDS + 1];

        for (;;) {
                int count = epoll_wait(epoll, events, FEEDS + 1, -1);

                if (count < 0 && errno != EINTR) { /* being stopped and continued interrupts it, too */
                        perror("epoll_wait");
                        return -1;
                }
                for (int i = 0; i < count; i++) {
                        struct feed *feed = events[i].data.ptr;
                        int r;

                        if (feed == NULL)
                                return 0;
                        /* In this order: first the descriptor is reset, then everything is read. */
                        r = feed_serve(feed, seqcast_subscriber_drain(feed->subscriber));
                        if (r < 0)
                                return r;
                }
        }
}

int main(int argc, char **argv)
{
        struct feed feeds[FEEDS];
        int epoll = -1, signals = -1, r = feeds_open(feeds, argc, argv);

        if (r < 0)
                return 1;
        if ((epoll = epoll_create1(EPOLL_CLOEXEC)) < 0 || (signals = open_signals()) < 0) {
                perror("epoll_subscriber");
                r = -1;
        }
        if (r == 0)
                r = watch_all(epoll, signals, feeds);
        if (r == 0)
                r = serve(epoll);
        if (signals >= 0)
                close(signals);
        if (epoll >= 0)
                close(epoll);
        feeds_close(feeds);
        return r < 0;
}
