/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* No subscriber sleeps while there is news: at any rate of publishing, at the end of a burst, while
 * sleepers come and go, and when a publisher that wakes is followed by one that does not. Each cell is a
 * publisher process with its subscriber processes; a subscriber that sees news later than one slice, and
 * what the machine is late by itself, fails it.
 *
 *   lost_wakeups [--seconds S] [CELL]       S per cell; only those whose names contain CELL */

#define _GNU_SOURCE
#include <getopt.h>
#include <sys/prctl.h>

#include "../support/wake_sleeper.h"
#include "../support/wake_tap.h"
#include "../support/wake_words.h"

/* Beside the sleepers, in shared memory. */
static struct {
        _Atomic(unsigned) finished; /* publishers */
        _Atomic(unsigned) turned;   /* how often waking was turned on or off */
        _Atomic(unsigned) failed;   /* publications */
} * shared;

static int64_t run_ns; /* of the present cell */

/* ---- publishers ----------------------------------------------------------------------------- */

static struct {
        seqcast_publisher *publishers[SLEEPER_FEEDS];
        const seqcast_word *words;
        bool waking;
        int64_t end_ns;
        uint64_t random;
} publisher;

static void open_publishers(enum seqcast_wake wake)
{
        for (unsigned i = 0; i < SLEEPER_FEEDS; i++)
                if (feed_open(&sleepers->feeds[i], wake, 0, &publisher.publishers[i]) != 0)
                        abort();
        publisher.words = words_of(0);
        publisher.end_ns = monotonic_ns() + run_ns;
        publisher.random = (uint64_t)monotonic_ns() | 1;
        prctl(PR_SET_TIMERSLACK, 1);
}

/* One in four times to the other topic, too. */
static void publish(void)
{
        int r = feed_publish(&sleepers->feeds[0], publisher.publishers[0]);
        bool waking = words_say(publisher.words, SEQCAST__CONTROL_WAKING);

        if (r == 0 && atomic_load(&sleepers->feeds[0].published) % 4 == 1)
                r = feed_publish(&sleepers->feeds[1], publisher.publishers[1]);
        if (r != 0)
                atomic_fetch_add(&shared->failed, 1);
        if (waking != publisher.waking)
                atomic_fetch_add(&shared->turned, 1);
        publisher.waking = waking;
}

static int finish(void)
{
        atomic_fetch_add(&shared->finished, 1);
        pause(); /* alive, until killed: nobody is woken by its end */
        return 0;
}

static int publish_every(int64_t period_ns)
{
        int64_t next_ns = monotonic_ns();

        while (next_ns < publisher.end_ns) {
                publish();
                next_ns += period_ns;
                if (next_ns < monotonic_ns())
                        next_ns = monotonic_ns();
                sleep_until(next_ns);
        }
        return finish();
}

static int once_a_second(void)
{
        open_publishers(SEQCAST_WAKE_AUTOMATIC);
        return publish_every(SECOND);
}

static int a_hundred_a_second(void)
{
        open_publishers(SEQCAST_WAKE_AUTOMATIC);
        return publish_every(SECOND / 100);
}

static int ten_thousand_a_second(void)
{
        open_publishers(SEQCAST_WAKE_AUTOMATIC);
        return publish_every(SECOND / 10000);
}

static int flat_out(void)
{
        open_publishers(SEQCAST_WAKE_AUTOMATIC);
        while (monotonic_ns() < publisher.end_ns)
                publish();
        return finish();
}

static int in_bursts(void)
{
        open_publishers(SEQCAST_WAKE_AUTOMATIC);
        while (monotonic_ns() < publisher.end_ns) {
                for (uint64_t left = 1 + random_below(&publisher.random, 2000); left > 0; left--)
                        publish();
                sleep_us((long)random_below(&publisher.random, 12000));
                publish(); /* alone: it meets sleepers on their way back to sleep */
                sleep_us(300000);
        }
        return finish();
}

static int now_and_then(void)
{
        open_publishers(SEQCAST_WAKE_AUTOMATIC);
        while (monotonic_ns() < publisher.end_ns) {
                uint64_t kind = random_below(&publisher.random, 10);

                publish();
                sleep_us((long)random_below(&publisher.random, kind < 5 ? 200 : kind < 9 ? 5000 : 40000));
        }
        return finish();
}

static int until_killed_while_waking(void)
{
        open_publishers(SEQCAST_WAKE_AUTOMATIC);
        while (monotonic_ns() < publisher.end_ns && !words_say(publisher.words, SEQCAST__CONTROL_WAKING)) {
                publish();
                sleep_us(5000);
        }
        return raise(SIGKILL);
}

static int never_waking(void)
{
        open_publishers(SEQCAST_WAKE_NEVER);
        return publish_every(SECOND / 20);
}

/* ---- what sleepers do with what they read ----------------------------------------------------- */

static void a_moment(uint64_t *random)
{
        sleep_us((long)random_below(random, 300));
}

/* Often longer than a publisher goes on waking for those who are away. */
static void nothing_or_long(uint64_t *random)
{
        if (random_below(random, 10) < 6)
                sleep_us((long)(110000 + random_below(random, 140000)));
        else
                sleep_us((long)random_below(random, 1000));
}

/* Every other time, away until a publication is out but its call does not return, as when the publisher
 * turns waking off; then back to sleep at once. */
static void until_it_hesitates(uint64_t *random)
{
        static bool back;
        int64_t end_ns = monotonic_ns() + 2 * SECOND;
        uint64_t seen = 0, version;

        (void)random;
        back = !back;
        while (!back && monotonic_ns() < end_ns && atomic_load(&shared->finished) == 0) {
                version = seqcast_subscriber_version(sleeper.subscribers[0]);
                if (version > atomic_load(&sleepers->feeds[0].published) && version == seen)
                        return;
                seen = version;
                sleep_us(5000);
        }
}

/* ---- cells ---------------------------------------------------------------------------------- */

struct cell {
        const char *name;
        unsigned sleepers;
        double seconds;
        int (*first)(void); /* NULL, or a publisher that has to end before the other one begins */
        int (*publish)(void);
        void (*process)(uint64_t *random);
};

static const struct cell cells[] = {
        { "1 subscriber, 1/s", 1, 3.1, NULL, once_a_second, NULL },
        { "8 subscribers, 1/s", 8, 2.1, NULL, once_a_second, NULL },
        { "64 subscribers, 1/s", 64, 2.1, NULL, once_a_second, NULL },
        { "1 subscriber, 100/s", 1, 1.5, NULL, a_hundred_a_second, NULL },
        { "8 subscribers, 100/s", 8, 1.5, NULL, a_hundred_a_second, NULL },
        { "64 subscribers, 100/s", 64, 1.5, NULL, a_hundred_a_second, NULL },
        { "1 subscriber, 10 k/s", 1, 1.5, NULL, ten_thousand_a_second, NULL },
        { "8 subscribers, 10 k/s", 8, 1.5, NULL, ten_thousand_a_second, NULL },
        { "64 subscribers, 10 k/s", 64, 1.5, NULL, ten_thousand_a_second, NULL },
        { "1 subscriber, flat out", 1, 1.5, NULL, flat_out, a_moment },
        { "8 subscribers, flat out", 8, 1.5, NULL, flat_out, a_moment },
        { "64 subscribers, flat out", 64, 1.5, NULL, flat_out, a_moment },
        { "8 subscribers, bursts", 8, 2.4, NULL, in_bursts, NULL },
        { "64 subscribers, bursts", 64, 2.4, NULL, in_bursts, NULL },
        { "1 subscriber that comes back when it hesitates", 1, 1.5, NULL, now_and_then, until_it_hesitates },
        { "3 subscribers that come and go", 3, 2.5, NULL, now_and_then, nothing_or_long },
        { "2 subscribers that come and go, bursts", 2, 2.4, NULL, in_bursts, nothing_or_long },
        { "8 subscribers of one who never wakes, after one who did", 8, 1.5, until_killed_while_waking,
          never_waking, NULL },
};

#define CELLS (sizeof cells / sizeof *cells)

/* ... to finish or, which it should not, to end. It stays to be reaped. */
static void wait_for_publisher(pid_t pid)
{
        siginfo_t ended = { .si_pid = 0 };

        while (atomic_load(&shared->finished) == 0 && ended.si_pid == 0) {
                waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT);
                sleep_us(1000);
        }
}

static void run(const struct cell *cell, unsigned turn, double seconds)
{
        struct latency bare;
        struct sleepers_sum sum;
        int64_t allowed_ns;
        unsigned behind;
        uint64_t published;
        bool started = true;
        pid_t pid;

        memset(shared, 0, sizeof *shared);
        run_ns = (int64_t)(1e9 * (seconds > 0 ? seconds : cell->seconds));
        if (sleepers_prepare(0) != 0)
                abort();
        witness_start();
        sleepers_start(cell->sleepers, turn, cell->process);
        if (cell->first != NULL) {
                waitpid(child_start(cell->first), NULL, 0);
                started = words_say(words_of(0), SEQCAST__CONTROL_WAKING);
        }
        pid = child_start(cell->publish);
        wait_for_publisher(pid);
        behind = sleepers_settle();
        allowed_ns = witness_allowed_ns();
        child_kill(pid);
        sum = sleepers_stop();
        bare = witness_stop();
        published = atomic_load(&sleepers->feeds[0].published) + atomic_load(&sleepers->feeds[1].published);
        tap_ok(behind == 0 && sum.latest_ns <= allowed_ns && sum.errors == 0 && sum.silent == 0 && started &&
                       atomic_load(&shared->failed) == 0 && atomic_load(&shared->finished) == 1,
               "%s: %lu publications, %lu wakes in %.0f/%.0f/%.0f us (bare futex %.0f/%.0f/%.0f us), "
               "on or off %u times, latest %.1f of %.0f ms",
               cell->name, (unsigned long)published, (unsigned long)sum.wakes.count,
               latency_us(&sum.wakes, 0.5), latency_us(&sum.wakes, 0.99), 1e-3 * (double)sum.wakes.longest_ns,
               latency_us(&bare, 0.5), latency_us(&bare, 0.99), 1e-3 * (double)bare.longest_ns,
               atomic_load(&shared->turned), in_ms(sum.latest_ns), in_ms(allowed_ns));
        if (behind != 0 || sum.latest_ns > allowed_ns)
                tap_note("late");
        if (!started)
                tap_note("the first publisher did not wake: this shows nothing");
        if (behind != 0)
                tap_note("%u never saw the last publication", behind);
        if (sum.errors != 0)
                tap_note("%lu unexpected results, the last one: %s", (unsigned long)sum.errors,
                         seqcast_strerror(sum.error));
        if (sum.silent != 0)
                tap_note("%u have read nothing at all", sum.silent);
        if (atomic_load(&shared->failed) != 0)
                tap_note("%u publications failed", atomic_load(&shared->failed));
        sleepers_remove();
}

int main(int argc, char **argv)
{
        static const struct option known[] = { { "seconds", 1, NULL, 's' }, { NULL, 0, NULL, 0 } };
        const char *wanted = "";
        double seconds = 0;
        int option;

        while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
                if (option != 's')
                        return 2;
                seconds = strtod(optarg, NULL);
        }
        if (optind < argc)
                wanted = argv[optind];
        topic_name(); /* the children inherit it */
        shared = child_shared(sizeof *shared);
        tap_note("wakes: p50/p99/max. Allowed: a slice of 100 ms, 20 ms, and 3 times what a sleeping timer "
                 "loop on "
                 "each processor, or a bare futex ping-pong, was late by at worst");
        for (unsigned i = 0; i < CELLS; i++)
                if (strstr(cells[i].name, wanted) != NULL)
                        run(&cells[i], i / 3, seconds);
        if (tap_count == 0)
                return 2; /* there is no such cell */
        return tap_finish();
}
