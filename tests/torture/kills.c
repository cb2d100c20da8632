/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A publisher at full speed is killed at a random moment, and the next one takes over, again and again;
 * readers look on all the time. Counts what they see that must not be, and the takeovers that go on from a
 * wrong number. At depth 1, and only there, a publisher that dies in its slot blocks the readers: that is
 * counted, too.
 *
 *   kills [--cycles N] [--depth N] [--bytes N] [--readers N] [--seed N]
 *
 * N cycles at one depth; without --depth, at each of several. */

#define _GNU_SOURCE
#include "../support/wake_tap.h"

#include "lives.h"

/* Half of the kills come within this after the fork, when the publisher has hardly begun; the others so
 * long after it has opened. */
#define EARLY_US 400
#define LATE_US 300
#define LOOKS 4 /* of the parent, when nobody publishes */

static struct life_options options = { .cycles = 20000, .bytes = 600, .readers = 2 };

struct figures {
        uint64_t kills, before_opening, at[LIFE_PLACES], blocked, ended_by_itself;
        double seconds;
};

/* @return false it has ended, too soon */
static bool wait_until_opened(pid_t publisher, unsigned life)
{
        siginfo_t ended = { 0 };

        while (atomic_load(&lives->opened) != life && ended.si_pid == 0) {
                sleep_us(20);
                waitid(P_PID, (id_t)publisher, &ended, WEXITED | WNOHANG | WNOWAIT);
        }
        return ended.si_pid == 0;
}

/* One life, and its end. */
static void let_live(unsigned life, struct figures *figures)
{
        pid_t publisher;
        int status;

        atomic_store(&lives->life, life);
        atomic_fetch_add(&lives->stillness, 1);
        publisher = child_start(life_of_publisher);
        if (random_below(&options.seed, 2) == 0)
                sleep_us((long)random_below(&options.seed, EARLY_US));
        else if (wait_until_opened(publisher, life))
                sleep_us((long)random_below(&options.seed, LATE_US));
        kill(publisher, SIGKILL);
        waitpid(publisher, &status, 0);
        atomic_fetch_add(&lives->stillness, 1);
        figures->kills += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        figures->ended_by_itself += !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL;
        figures->before_opening += atomic_load(&lives->opened) != life;
}

/* What the dead publisher has left, seen by one who was there before and by one who has just come. */
static void look_at_remains(struct life_reader *reader, struct figures *figures)
{
        uint64_t blocked = atomic_load(&reader->tally->of[LIFE_BLOCKED]);

        figures->at[life_look(reader->handle)]++;
        for (int i = 0; i < LOOKS; i++)
                life_read(reader);
        if (!life_open_again(reader))
                life_count(reader->tally, LIFE_FAILED);
        for (int i = 0; i < LOOKS; i++)
                life_read(reader);
        figures->blocked += atomic_load(&reader->tally->of[LIFE_BLOCKED]) != blocked;
}

static bool report(const struct figures *figures, bool well)
{
        well &= life_sum_wrong() == 0 && figures->ended_by_itself == 0 && life_sum(LIFE_READ) != 0;
        return tap_ok(well,
                      "depth %u: %lu kills, %.0f/s: %lu in a slot, %lu before it was announced, %lu before "
                      "opening, %lu left readers blocked, %lu ended by itself; %s",
                      lives->depth, (unsigned long)figures->kills, (double)figures->kills / figures->seconds,
                      (unsigned long)figures->at[LIFE_IN_SLOT], (unsigned long)figures->at[LIFE_UNANNOUNCED],
                      (unsigned long)figures->before_opening, (unsigned long)figures->blocked,
                      (unsigned long)figures->ended_by_itself, life_figures());
}

/* The end of it: a publisher that closes, so that there is a newest record, which all are delivered. */
static bool end_well(pid_t *readers, unsigned life)
{
        pid_t publisher;
        bool well;

        atomic_store(&lives->life, life);
        atomic_fetch_add(&lives->stillness, 1);
        publisher = child_start(life_of_publisher);
        well = wait_until_opened(publisher, life);
        sleep_us(LATE_US);
        atomic_store(&lives->publisher_stop, true);
        well &= child_wait(publisher) == 0;
        atomic_fetch_add(&lives->stillness, 1);
        atomic_store(&lives->readers_stop, true);
        for (unsigned i = 0; i < options.readers; i++)
                well &= life_reader_ended_well(readers[i]);
        return well;
}

static bool run(uint32_t depth, uint64_t cycles)
{
        static struct life_reader observer;
        struct figures figures = { 0 };
        pid_t readers[LIFE_READERS_MAX];
        double begun = now_seconds();
        int r = life_begin(depth, options.bytes);

        if (r < 0)
                return tap_ok(false, "depth %u: no topic: %s", depth, seqcast_strerror(r));
        for (unsigned i = 0; i < options.readers; i++)
                readers[i] = life_start_reader(i);
        wait_for(&lives->readers_open, options.readers);
        observer.tally = &lives->readers[options.readers];
        observer.random = options.seed;
        if (life_reader_open(&observer) != 0)
                return tap_ok(false, "depth %u: the topic cannot be opened", depth);
        atomic_store(&lives->stillness, 1);
        for (unsigned life = 1; life <= cycles; life++) {
                let_live(life, &figures);
                look_at_remains(&observer, &figures);
        }
        figures.seconds = now_seconds() - begun;
        r = end_well(readers, (unsigned)cycles + 1);
        seqcast_subscriber_close(observer.handle);
        topic_remove();
        return report(&figures, r);
}

int main(int argc, char **argv)
{
        static const struct {
                uint32_t depth;
                unsigned tenths;
        } shares[] = { { 1, 1 }, { 2, 4 }, { 4, 3 }, { 8, 2 } };

        life_options_parse(argc, argv, &options);
        harness_begin();
        lives = child_shared(sizeof *lives);
        tap_note("seed %lu, %zu bytes, %u readers", (unsigned long)options.first_seed, options.bytes,
                 options.readers);
        if (options.depth != 0)
                run(options.depth, options.cycles);
        for (size_t i = 0; i < sizeof shares / sizeof *shares && options.depth == 0; i++)
                run(shares[i].depth, options.cycles * shares[i].tenths / 10);
        return tap_finish();
}
