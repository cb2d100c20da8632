/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A publisher at full speed is killed at a random moment, and the next one takes over, again and again;
 * readers look on all the time. Counts what they see that must not be, and the takeovers that go on from a
 * wrong number. At depth 1, and only there, a publisher that dies in its slot blocks the readers: that is
 * counted, too.
 *
 *   kills [--cycles N] [--seconds S] [--depth N] [--bytes N] [--readers N] [--seed N] [--patience S]
 *
 * Ends after N cycles or S seconds, whatever comes first. Without --depth, they are shared by several depths
 * and sizes. */

#define _GNU_SOURCE
#include "../support/wake_tap.h"

#include "lives.h"

/* Half of the kills come within this after the fork, when the publisher has hardly begun; the others so
 * long after it has opened. */
#define EARLY_US 400
#define LATE_US 300
#define LIVES_MAX ((1u << LIFE_HASH_BITS) - 2)
#define LOOKS 4 /* of the parent, when nobody publishes */

#define USUAL_CYCLES 20000
#define FEW_KILLS 1000 /* a third of all deaths is in the middle of a slot */
#define USUAL_SECONDS 60

static struct life_options options = { .bytes = 600, .readers = 2 };

struct figures {
        uint64_t kills, before_opening, at[LIFE_PLACES], blocked, ended_by_itself;
        double seconds;
};

static struct figures total;
static uint64_t total_read, total_wrong;

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

/* One life, and its end. @return had it opened? */
static bool let_live(unsigned life, struct figures *figures)
{
        bool opened;
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
        opened = atomic_load(&lives->opened) == life;
        figures->before_opening += !opened;
        return opened;
}

/* What the dead publisher has left, if it has opened, or an earlier one, seen by somebody who was there
 * before and by somebody who has just come. */
static void look_at_remains(struct life_reader *reader, bool opened, struct figures *figures)
{
        uint64_t blocked = atomic_load(&reader->tally->of[LIFE_BLOCKED]);

        alarm(life_patience);
        figures->at[life_look(reader->handle)] += opened;
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
        total.kills += figures->kills;
        total.at[LIFE_IN_SLOT] += figures->at[LIFE_IN_SLOT];
        total.at[LIFE_UNANNOUNCED] += figures->at[LIFE_UNANNOUNCED];
        total.seconds += figures->seconds;
        total_read += life_sum(LIFE_READ);
        total_wrong += life_sum_wrong();
        well &= life_sum_wrong() == 0 && figures->ended_by_itself == 0 && life_sum(LIFE_READ) != 0;
        well &= figures->kills < FEW_KILLS || figures->at[LIFE_IN_SLOT] != 0;
        return tap_ok(
                well,
                "depth %u, %zu bytes: %lu kills, %.0f/s: %lu in a slot, %lu before it was announced, %lu "
                "before opening, %lu left readers blocked, %lu ended by itself; %s",
                lives->depth, lives->record_bytes, (unsigned long)figures->kills,
                (double)figures->kills / figures->seconds, (unsigned long)figures->at[LIFE_IN_SLOT],
                (unsigned long)figures->at[LIFE_UNANNOUNCED], (unsigned long)figures->before_opening,
                (unsigned long)figures->blocked, (unsigned long)figures->ended_by_itself, life_figures());
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

/* Tenths of all cycles, or of the time. */
static bool run(uint32_t depth, size_t bytes, unsigned tenths)
{
        static struct life_reader observer;
        struct figures figures = { 0 };
        pid_t readers[LIFE_READERS_MAX];
        double begun = now_seconds(), seconds = options.seconds * tenths / 10;
        uint64_t cycles = options.cycles * tenths / 10;
        unsigned life = 1;
        int r = life_begin(depth, bytes);

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
        for (; life <= cycles && now_seconds() - begun < seconds; life++) {
                bool opened = let_live(life, &figures);

                look_at_remains(&observer, opened, &figures);
        }
        alarm(0);
        figures.seconds = now_seconds() - begun;
        r = end_well(readers, life);
        seqcast_subscriber_close(observer.handle);
        topic_remove();
        return report(&figures, r);
}

int main(int argc, char **argv)
{
        static const struct {
                uint32_t depth;
                size_t bytes;
                unsigned tenths;
        } shares[] = { { 1, 600, 1 }, { 2, 120, 2 },  { 2, 600, 2 },
                       { 4, 120, 2 }, { 4, 6000, 2 }, { 8, 600, 1 } };

        life_options_parse(argc, argv, &options);
        limits(&options.cycles, &options.seconds, USUAL_CYCLES, USUAL_SECONDS);
        options.cycles = options.cycles < LIVES_MAX ? options.cycles : LIVES_MAX;
        harness_begin();
        lives = child_shared(sizeof *lives);
        tap_note("seed %lu, %u readers", (unsigned long)options.first_seed, options.readers);
        if (options.depth != 0)
                run(options.depth, options.bytes, 10);
        for (size_t i = 0; i < sizeof shares / sizeof *shares && options.depth == 0; i++)
                run(shares[i].depth, shares[i].bytes, shares[i].tenths);
        tap_note("%lu kills in %.0f s, %.0f/s: %lu in a slot, %lu before it was announced; %lu records read, "
                 "%lu "
                 "things wrong",
                 (unsigned long)total.kills, total.seconds, (double)total.kills / total.seconds,
                 (unsigned long)total.at[LIFE_IN_SLOT], (unsigned long)total.at[LIFE_UNANNOUNCED],
                 (unsigned long)total_read, (unsigned long)total_wrong);
        return tap_finish();
}
