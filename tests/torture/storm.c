/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A publisher and its readers, each of which is stopped (SIGSTOP) and continued at random, every 1 to 50 ms.
 * While the publisher stands still, be it in the middle of a slot, the last record stays readable. Counts
 * what readers see that must not be.
 *
 *   storm [--seconds S] [--depth N] [--bytes N] [--readers N] [--seed N] */

#define _GNU_SOURCE
#include "../support/wake_tap.h"

#include "lives.h"

#define PAUSE_US_MIN 1000
#define PAUSE_US_MAX 50000
#define LOOKS 8

static struct life_options options = { .seconds = 5, .depth = 4, .bytes = 4000, .readers = 3 };

struct player {
        pid_t pid;
        bool stopped;
        double next; /* time to change that */
};

struct figures {
        unsigned stops, in_slot, of_publisher;
};

static void stop(struct player *player)
{
        kill(player->pid, SIGSTOP);
        waitpid(player->pid, NULL, WUNTRACED); /* then it does stand still */
        player->stopped = true;
}

static void go_on(struct player *player)
{
        kill(player->pid, SIGCONT);
        player->stopped = false;
}

static void change(struct player *player, struct life_reader *observer, bool is_publisher,
                   struct figures *figures)
{
        if (player->stopped) {
                if (is_publisher)
                        atomic_fetch_add(&lives->stillness, 1);
                go_on(player);
                return;
        }
        stop(player);
        figures->stops++;
        if (!is_publisher)
                return;
        atomic_fetch_add(&lives->stillness, 1);
        figures->of_publisher++;
        alarm(life_patience);
        figures->in_slot += life_look(observer->handle) == LIFE_IN_SLOT;
        for (int i = 0; i < LOOKS; i++)
                life_read(observer);
}

/* Player 0 is the publisher. */
static void rage(struct player *players, unsigned count, struct life_reader *observer,
                 struct figures *figures)
{
        double end = now_seconds() + options.seconds, now;

        while ((now = now_seconds()) < end) {
                struct player *player = &players[0];

                for (unsigned i = 1; i < count; i++)
                        player = players[i].next < player->next ? &players[i] : player;
                if (player->next > now)
                        sleep_us((long)(1e6 * (player->next - now)));
                change(player, observer, player == players, figures);
                player->next += 1e-6 * (double)(PAUSE_US_MIN +
                                                random_below(&options.seed, PAUSE_US_MAX - PAUSE_US_MIN + 1));
        }
        for (unsigned i = 0; i < count; i++)
                if (players[i].stopped)
                        change(&players[i], observer, i == 0, figures);
}

int main(int argc, char **argv)
{
        static struct life_reader observer;
        struct player players[1 + LIFE_READERS_MAX] = { { 0 } };
        struct figures figures = { 0 };
        bool well;

        life_options_parse(argc, argv, &options);
        harness_begin();
        lives = child_shared(sizeof *lives);
        if (life_begin(options.depth, options.bytes) != 0)
                return tap_ok(false, "there is no topic"), tap_finish();
        for (unsigned i = 0; i < options.readers; i++)
                players[1 + i].pid = life_start_reader(i);
        wait_for(&lives->readers_open, options.readers);
        observer.tally = &lives->readers[options.readers];
        observer.random = options.seed;
        if (life_reader_open(&observer) != 0)
                return tap_ok(false, "the topic cannot be opened"), tap_finish();
        atomic_store(&lives->life, 1);
        players[0].pid = child_start(life_of_publisher);
        wait_for(&lives->opened, 1);
        for (unsigned i = 0; i <= options.readers; i++)
                players[i].next = now_seconds();
        rage(players, 1 + options.readers, &observer, &figures);
        alarm(0);
        atomic_store(&lives->publisher_stop, true);
        well = child_wait(players[0].pid) == 0;
        atomic_store(&lives->readers_stop, true);
        for (unsigned i = 0; i < options.readers; i++)
                well &= life_reader_ended_well(players[1 + i].pid);
        seqcast_subscriber_close(observer.handle);
        topic_remove();
        tap_note("seed %lu, depth %u, %zu bytes, %u readers, %g s", (unsigned long)options.first_seed,
                 options.depth, options.bytes, options.readers, options.seconds);
        tap_ok(well && life_sum_wrong() == 0 && life_sum(LIFE_READ) != 0,
               "stopped %u times, the publisher %u times, in a slot %u times; %s", figures.stops,
               figures.of_publisher, figures.in_slot, life_figures());
        return tap_finish();
}
