/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Three topics in one thread, by libuv, beside a timer that uses the same loop. Ends at SIGINT and
 * SIGTERM. */

#include <signal.h>
#include <uv.h>

#include "feed.h"

struct server {
        struct feed feeds[FEEDS];
        uv_poll_t polls[FEEDS];
        uv_signal_t interrupted, terminated;
        uv_timer_t seconds;
        uv_loop_t loop;
        int failed;
};

static void close_handle(uv_handle_t *handle, void *unused)
{
        (void)unused;
        if (!uv_is_closing(handle))
                uv_close(handle, NULL);
}

/* uv_run() returns when the last handle is closed. */
static void end(uv_loop_t *loop)
{
        uv_walk(loop, close_handle, NULL);
}

static void on_news(uv_poll_t *poll, int status, int events)
{
        struct server *server = poll->loop->data;
        struct feed *feed = poll->data;

        (void)events;
        /* In this order: first the descriptor is reset, then everything is read. */
        if (feed_serve(feed, status < 0 ? status : seqcast_subscriber_drain(feed->subscriber)) < 0) {
                server->failed = 1;
                end(poll->loop);
        }
}

static void on_second(uv_timer_t *timer)
{
        const struct server *server = timer->loop->data;
        uint64_t count = 0;

        for (int i = 0; i < FEEDS; i++)
                count += server->feeds[i].count;
        printf("-- %" PRIu64 " quotes so far\n", count);
}

static void on_signal(uv_signal_t *signal, int number)
{
        (void)number;
        end(signal->loop);
}

static int start_poll(uv_loop_t *loop, uv_poll_t *poll, struct feed *feed)
{
        int fd = seqcast_subscriber_fd(feed->subscriber);
        int r = fd < 0 ? fd : uv_poll_init(loop, poll, fd);

        poll->data = feed;
        return r < 0 ? r : uv_poll_start(poll, UV_READABLE, on_news);
}

static int start_signal(uv_loop_t *loop, uv_signal_t *signal, int number)
{
        int r = uv_signal_init(loop, signal);

        return r < 0 ? r : uv_signal_start(signal, on_signal, number);
}

static int start_timer(uv_loop_t *loop, uv_timer_t *timer)
{
        int r = uv_timer_init(loop, timer);

        return r < 0 ? r : uv_timer_start(timer, on_second, 1000, 1000);
}

/* @return 0, or an error: libuv's are negative errno values here, as ours are */
static int start(struct server *server)
{
        int r = 0;

        for (int i = 0; i < FEEDS && r == 0; i++)
                r = start_poll(&server->loop, &server->polls[i], &server->feeds[i]);
        if (r == 0)
                r = start_signal(&server->loop, &server->interrupted, SIGINT);
        if (r == 0)
                r = start_signal(&server->loop, &server->terminated, SIGTERM);
        return r < 0 ? r : start_timer(&server->loop, &server->seconds);
}

/* @return 0 after a signal; or an error */
static int run(struct server *server)
{
        int r = uv_loop_init(&server->loop), closed;

        if (r < 0)
                return r;
        server->loop.data = server;
        r = start(server);
        if (r < 0)
                end(&server->loop);
        uv_run(&server->loop, UV_RUN_DEFAULT);
        closed = uv_loop_close(&server->loop); /* UV_EBUSY, if a handle were still open */
        return r < 0 ? r : closed;
}

int main(int argc, char **argv)
{
        static struct server server;
        int r = feeds_open(server.feeds, argc, argv);

        if (r < 0)
                return 1;
        r = run(&server);
        if (r < 0)
                fprintf(stderr, "uv_subscriber: %s\n", seqcast_strerror(r));
        feeds_close(server.feeds);
        return r < 0 || server.failed;
}
