/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Processes that all want to be the publisher of one topic: they take it over, create, replace, recreate and
 * remove it, while the parent kills them and, in the first of two runs, removes the name as anybody might.
 * Whoever has a segment claims it in shared memory, and looks whether somebody else has claimed it, too.
 *
 *   exclusion [--count N] [--seconds S] [--contenders N] [--seed N]
 *
 * Ends after N acquisitions or S seconds, whatever comes first; each run takes half of it.
 *
 * THE WITNESS
 * A claim is made after open has returned and taken back before close is called, so that it stands within
 * the time in which the segment is held. Each contender has one word for it; of two that hold one segment,
 * the second to claim it finds the claim of the first. What is claimed is the incarnation, a random number
 * that no two segments share.
 * A killed owner's claim outlives its lock. So the parent first condemns whom it kills; after it has reaped
 * it, it clears the claim and begins a new life. A claim counts only if its owner was in one and the same
 * life, and not condemned, before and after it was read: then it was alive, and did hold the segment, when
 * the claim was read. That invents nothing, and misses only those who are about to die.
 *
 * Three more are asked for under the lock: nobody else has published or retired anything in the segment;
 * where nobody removes names, the name still stands for it; and nobody gets a segment whose last owner has
 * seen that the name does not stand for it any more. */

#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <sched.h>

#include "handle/seam.h"
#include "seqcast.h"

#include "../support/child.h"
#include "../support/record.h"
#include "../support/topic.h"
#include "../support/wake_tap.h"

#include "harness.h"

#define USUAL_COUNT 400000
#define USUAL_SECONDS 40
#define CONTENDERS_MAX 16
#define STUCK_SECONDS 60
#define DEPTH 2
#define RECORD_BYTES 64
#define ORPHANS 65536u
#define WAYS 24            /* most of them are to take over */
#define KILL_EVERY_US 2000 /* at most */
#define HOLD_RARELY 16     /* one owner in so many lets the others run */
#define REFUSED_US_MAX 300 /* how long who is refused stays away */
#define IMPATIENT 8        /* one in so many comes back at once */

enum counter {
        ACQUIRED,
        BUSY,
        CREATED,
        REPLACED,
        REMOVED,
        OTHERWISE, /* refused for a reason other than -EBUSY, all of them right */
        DYING,     /* claims found that say nothing, as their owner was being killed */
        DOUBLE,
        FOREIGN,
        STOLEN,
        ORPHANED,
        SECOND,
        FAILED,
        COUNTERS,
        FIRST_WRONG = DOUBLE
};

static const char *const counter_names[COUNTERS] = {
        "acquisitions",      "refused with EBUSY", "creations",     "replacements",      "removals",
        "refused otherwise", "dying owners",       "double owners", "written by others", "names stolen",
        "orphans acquired",  "second handles",     "other failures"
};

struct contender {
        _Atomic(uint64_t) life;  /* even; odd: condemned. Written by the parent */
        _Atomic(uint64_t) claim; /* incarnation; 0: none */
        _Atomic(uint64_t) of[COUNTERS];
};

static struct {
        atomic_bool stop;
        bool names_go; /* the parent removes names */
        struct contender contenders[CONTENDERS_MAX];
        _Atomic(uint64_t) orphans[ORPHANS]; /* incarnations; a newer one may take an older one's place */
} * arena;

static struct {
        uint64_t count, seed;
        double seconds;
        unsigned contenders;
} options = { .contenders = 8 };

/* ---- a contender ---------------------------------------------------------------------------- */

static struct contender *self;
static uint64_t chance;

static void count(enum counter counter)
{
        atomic_fetch_add_explicit(&self->of[counter], 1, memory_order_relaxed);
}

static void count_if(bool wrong, enum counter counter)
{
        if (wrong)
                count(counter);
}

static void look_for_others(uint64_t incarnation)
{
        for (unsigned i = 0; i < options.contenders; i++) {
                struct contender *other = &arena->contenders[i];
                uint64_t life = atomic_load(&other->life);

                if (other == self || atomic_load(&other->claim) != incarnation)
                        continue;
                count(life % 2 == 0 && atomic_load(&other->life) == life ? DOUBLE : DYING);
        }
}

static bool name_stands_for(const struct seqcast__segment *segment)
{
        struct stat named;

        return lstat(topic_path(), &named) == 0 && named.st_ino == segment->status.st_ino;
}

static const seqcast_word *control_of(const struct seqcast__segment *segment)
{
        return seqcast__layout_control(&segment->header, segment->base);
}

/* Publish something, let others run: nobody else writes the version. */
static void use(seqcast_publisher *publisher, const struct seqcast__segment *segment)
{
        unsigned char record[RECORD_BYTES] = { 0 };

        for (uint64_t left = random_below(&chance, 3); left > 0; left--)
                count_if(seqcast_publish(publisher, record, sizeof record) != 0, FAILED);
        if (random_below(&chance, HOLD_RARELY) == 0)
                sched_yield();
        count_if(seqcast_word_load_relaxed(control_of(segment) + SEQCAST__CONTROL_VERSION) !=
                         seqcast_publisher_version(publisher),
                 FOREIGN);
}

/* While the name stands for what we have, nobody gets it, ourselves included. */
static void try_twice(void)
{
        seqcast_publisher *second;
        int r = seqcast_publisher_open(topic_name(), NULL, &second);

        count_if(r != -EBUSY, SECOND);
        if (r == 0)
                seqcast_publisher_close(second);
}

static void remove_name(seqcast_publisher *publisher)
{
        int r = seqcast_publisher_remove(publisher);

        count_if(r == 0, REMOVED);
        count_if(r != 0 && !(arena->names_go && r == -ESTALE), FAILED);
}

static void leave_name(const struct seqcast__segment *segment, uint64_t incarnation)
{
        if (!arena->names_go && random_below(&chance, 16) == 0)
                try_twice();
        if (name_stands_for(segment))
                return;
        count_if(!arena->names_go, STOLEN);
        /* What has lost its name never gets one again. */
        atomic_store(&arena->orphans[incarnation % ORPHANS], incarnation);
}

static void own(seqcast_publisher *publisher, bool replaces)
{
        const struct seqcast__segment *segment = seqcast__publisher_segment(publisher);
        const uint64_t incarnation = segment->header.incarnation;

        count_if(atomic_load(&arena->orphans[incarnation % ORPHANS]) == incarnation, ORPHANED);
        atomic_store(&self->claim, incarnation);
        look_for_others(incarnation);
        count(ACQUIRED);
        if (seqcast_word_load_relaxed(control_of(segment) + SEQCAST__CONTROL_EPOCH) == 1)
                count(replaces ? REPLACED : CREATED);
        use(publisher, segment);
        look_for_others(incarnation);
        if (random_below(&chance, 16) == 0)
                remove_name(publisher);
        else
                leave_name(segment, incarnation);
        atomic_store(&self->claim, 0);
}

static void attempt(void)
{
        static const uint32_t rare_ways[] = { SEQCAST_EXCLUSIVE, SEQCAST_REPLACE, SEQCAST_RECREATE };
        seqcast_publisher_options wish = SEQCAST_PUBLISHER_OPTIONS;
        const uint64_t way = random_below(&chance, WAYS);
        const uint32_t flags = way < sizeof rare_ways / sizeof *rare_ways ? rare_ways[way] : 0;
        const bool replaces = (flags & (SEQCAST_REPLACE | SEQCAST_RECREATE)) != 0;
        const bool as_it_is = way == WAYS - 1;
        seqcast_publisher *publisher;
        int r;

        wish.flags = flags;
        wish.depth = as_it_is ? 0 : DEPTH;
        wish.record_bytes = as_it_is ? 0 : RECORD_BYTES + (replaces ? 8 * random_below(&chance, 2) : 0);
        r = seqcast_publisher_open(topic_name(), &wish, &publisher);
        if (r == 0) {
                own(publisher, replaces);
                seqcast_publisher_close(publisher);
                return;
        }
        if (r == -EBUSY) {
                count(BUSY);
                if (random_below(&chance, IMPATIENT) != 0)
                        sleep_us((long)random_below(&chance, REFUSED_US_MAX));
        } else {
                count(r == -EEXIST || r == -ENOENT || r == -EPROTOTYPE || r == -ESTALE ? OTHERWISE : FAILED);
        }
}

static int contend(void)
{
        signal(SIGALRM, SIG_DFL);
        for (uint64_t turn = 0; !atomic_load_explicit(&arena->stop, memory_order_relaxed); turn++) {
                if (turn % 1024 == 0)
                        alarm(STUCK_SECONDS);
                attempt();
        }
        return 0;
}

/* ---- the parent ------------------------------------------------------------------------------ */

static pid_t pids[CONTENDERS_MAX];

static void start(unsigned index)
{
        self = &arena->contenders[index];
        chance = random_next(&options.seed) | 1;
        pids[index] = child_start(contend);
}

static void kill_one(unsigned index)
{
        struct contender *contender = &arena->contenders[index];

        atomic_fetch_add(&contender->life, 1);
        child_kill(pids[index]);
        atomic_store(&contender->claim, 0);
        atomic_fetch_add(&contender->life, 1);
        start(index);
}

static uint64_t sum(enum counter counter)
{
        uint64_t total = 0;

        for (unsigned i = 0; i < options.contenders; i++)
                total += atomic_load(&arena->contenders[i].of[counter]);
        return total;
}

static const char *figures(void)
{
        static char text[512];
        size_t length = 0;

        for (unsigned i = 0; i < COUNTERS; i++)
                length +=
                        (size_t)snprintf(text + length, sizeof text - length, "%s%lu %s", i == 0 ? "" : ", ",
                                         (unsigned long)sum((enum counter)i), counter_names[i]);
        return text;
}

static void run(bool names_go)
{
        double begun = now_seconds(), seconds;
        unsigned long kills = 0, unlinked = 0, left;
        uint64_t wrong = 0;
        bool well = true;

        memset(arena, 0, sizeof *arena);
        arena->names_go = names_go;
        for (unsigned i = 0; i < options.contenders; i++)
                start(i);
        while (sum(ACQUIRED) < options.count / 2 && now_seconds() - begun < options.seconds / 2) {
                sleep_us((long)random_below(&options.seed, KILL_EVERY_US));
                if (names_go && random_below(&options.seed, 2) == 0)
                        unlinked += unlink(topic_path()) == 0;
                kill_one((unsigned)random_below(&options.seed, options.contenders));
                kills++;
        }
        seconds = now_seconds() - begun;
        atomic_store(&arena->stop, true);
        for (unsigned i = 0; i < options.contenders; i++)
                well &= child_wait(pids[i]) == 0;
        left = remove_objects();
        for (unsigned i = FIRST_WRONG; i < COUNTERS; i++)
                wrong += sum((enum counter)i);
        tap_ok(well && wrong == 0 && sum(ACQUIRED) != 0 && sum(BUSY) != 0 && kills != 0,
               "%s, %u contenders, %.0f acquisitions/s: %s, %lu kills, %lu names removed, %lu temporary "
               "names left by the killed%s",
               names_go ? "names go" : "names stay", options.contenders, (double)sum(ACQUIRED) / seconds,
               figures(), kills, unlinked, left, well ? "" : ", a contender did not end well");
}

static void parse(int argc, char **argv)
{
        static const struct option known[] = { { "count", 1, NULL, 'n' },
                                               { "seconds", 1, NULL, 't' },
                                               { "contenders", 1, NULL, 'c' },
                                               { "seed", 1, NULL, 's' },
                                               { NULL, 0, NULL, 0 } };
        int option;

        options.seed = (uint64_t)getpid();
        while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
                double value = optarg == NULL ? 0 : strtod(optarg, NULL);

                if (option == 'n')
                        options.count = (uint64_t)value;
                else if (option == 't')
                        options.seconds = value;
                else if (option == 'c')
                        options.contenders = (unsigned)value;
                else if (option == 's')
                        options.seed = (uint64_t)value;
                else
                        exit(2);
        }
        if (options.contenders < 2 || options.contenders > CONTENDERS_MAX || options.seed == 0) {
                fprintf(stderr, "exclusion: bad arguments\n");
                exit(2);
        }
}

int main(int argc, char **argv)
{
        parse(argc, argv);
        limits(&options.count, &options.seconds, USUAL_COUNT, USUAL_SECONDS);
        harness_begin();
        arena = child_shared(sizeof *arena);
        tap_note("seed %lu", (unsigned long)options.seed);
        run(true);
        run(false);
        return tap_finish();
}
