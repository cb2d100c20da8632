/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Three topics in one thread, by seqcast_wait_any(). Ends at SIGINT and SIGTERM. */

#include <signal.h>

#include "feed.h"

static struct feed feeds[FEEDS];

static void end(int number)
{
        (void)number;
        seqcast_subscriber_interrupt(feeds[0].subscriber); /* the wait, or the next one */
}

/* @return 0, -1 */
static int at_signals(void (*action)(int))
{
        const struct sigaction how = { .sa_handler = action };

        return sigaction(SIGINT, &how, NULL) < 0 || sigaction(SIGTERM, &how, NULL) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
        seqcast_subscriber *subscribers[FEEDS];
        int r = feeds_open(feeds, argc, argv);

        if (r < 0)
                return 1;
        for (int i = 0; i < FEEDS; i++)
                subscribers[i] = feeds[i].subscriber;
        r = at_signals(end);
        if (r < 0)
                perror("sigaction");
        while (r == 0) {
                size_t index;

                r = seqcast_wait_any(subscribers, FEEDS, -1, &index);
                if (r != SEQCAST_INTERRUPTED)
                        r = feed_serve(&feeds[index], r);
        }
        if (at_signals(SIG_DFL) < 0) /* end() needs open handles */
                perror("sigaction");
        feeds_close(feeds);
        return r < 0;
}
