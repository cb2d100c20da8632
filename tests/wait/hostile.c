/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What a reader who means harm can do to sleepers and to their publisher, with no more than a descriptor
 * that is open for reading: he moves those who sleep to another futex, wakes them for nothing, shows
 * interest for ever, adds sleepers of his own. Honest subscribers see each publication within a slice all
 * the same, publications do not fail, and it ends with him. As root, he is another user. */

#define _GNU_SOURCE
#include <grp.h>
#include <pthread.h>

#include "../support/wake_sleeper.h"
#include "../support/wake_tap.h"
#include "../support/wake_words.h"

#define HOSTILE_UID 12345u /* anybody's but root's, and not the one of unmapped users */
#define ATTACK_NS (1100 * MS)
#define HONEST 8u
#define PARKED 64u
#define ENDS_NS (500 * MS) /* publishers go on waking for 100 ms */

static struct {
        _Atomic(unsigned) go_on;    /* publisher */
        _Atomic(unsigned) finished; /* likewise */
        _Atomic(unsigned) failed;   /* publications */
        _Atomic(unsigned) armed;    /* the hostile reader is ready */
        _Atomic(uint64_t) hits;     /* sleepers that he has moved or woken */
} * shared;

/* ---- the publisher -------------------------------------------------------------------------- */

static int publish(void)
{
        seqcast_publisher *publishers[SLEEPER_FEEDS];
        uint64_t random = (uint64_t)monotonic_ns() | 1;

        for (unsigned i = 0; i < SLEEPER_FEEDS; i++)
                if (feed_open(&sleepers->feeds[i], SEQCAST_WAKE_AUTOMATIC, 0, &publishers[i]) != 0)
                        return 1;
        while (atomic_load(&shared->go_on)) {
                for (unsigned i = 0; i < SLEEPER_FEEDS; i++)
                        if (feed_publish(&sleepers->feeds[i], publishers[i]) != 0)
                                atomic_fetch_add(&shared->failed, 1);
                sleep_us(1000 + (long)random_below(&random, 4000));
        }
        atomic_store(&shared->finished, 1);
        pause(); /* alive, until killed: nobody is woken by its end */
        return 0;
}

/* ---- the hostile reader ---------------------------------------------------------------------- */

static struct {
        const seqcast_word *words;
        int fd;
        _Atomic(uint32_t) trap; /* a futex of his own */
} hostile;

static const void *version_word(void)
{
        return hostile.words + SEQCAST__CONTROL_VERSION;
}

/* @return did he get what he needs, and no more? */
static bool arm(void)
{
        bool other = geteuid() == 0;

        if (other && (setgroups(0, NULL) != 0 || setresgid(HOSTILE_UID, HOSTILE_UID, HOSTILE_UID) != 0 ||
                      setresuid(HOSTILE_UID, HOSTILE_UID, HOSTILE_UID) != 0))
                return false;
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* which setresuid() has undone */
        if (other && open(topic_path_of(0), O_RDWR | O_CLOEXEC) >= 0)
                return false;
        hostile.words = words_of(0);
        hostile.fd = open(topic_path_of(0), O_RDONLY | O_CLOEXEC);
        return hostile.fd >= 0;
}

static bool show_interest(void)
{
        return seqcast__lock_take_shared(hostile.fd, SEQCAST__SLEEPER_LOCK_BYTE) == 0 &&
               seqcast__lock_take_shared(hostile.fd, SEQCAST__DESCRIPTOR_LOCK_BYTE) == 0;
}

static void hit(long count)
{
        if (count > 0)
                atomic_fetch_add(&shared->hits, (uint64_t)count);
}

static void move(void)
{
        uint32_t version = (uint32_t)seqcast_word_load_relaxed(hostile.words + SEQCAST__CONTROL_VERSION);

        hit(syscall(SYS_futex, version_word(), FUTEX_REQUEUE, 0, (long)INT_MAX, &hostile.trap, 0));
        hit(syscall(SYS_futex, version_word(), FUTEX_CMP_REQUEUE, 0, (long)INT_MAX, &hostile.trap, version));
}

static void wake(void)
{
        hit(futex_call(version_word(), FUTEX_WAKE, INT_MAX));
}

static void *park(void *unused)
{
        for (;;)
                futex_call(version_word(), FUTEX_WAIT,
                           (uint32_t)seqcast_word_load_relaxed(hostile.words + SEQCAST__CONTROL_VERSION));
        return unused;
}

static bool park_many(void)
{
        pthread_t thread;

        for (unsigned i = 0; i < PARKED; i++)
                if (pthread_create(&thread, NULL, park, NULL) != 0)
                        return false;
        return true;
}

/* @return 1: could not; else he does this until he is killed */
static int attack(bool (*begin)(void), void (*step)(void), void (*other_step)(void))
{
        if (!arm() || (begin != NULL && !begin()))
                return 1;
        atomic_store(&shared->armed, 1);
        while (step != NULL) {
                step();
                if (other_step != NULL)
                        other_step();
        }
        pause();
        return 0;
}

static int move_all(void)
{
        return attack(NULL, move, NULL);
}

static int wake_all(void)
{
        return attack(NULL, wake, NULL);
}

static int hold_locks(void)
{
        return attack(show_interest, NULL, NULL);
}

static int park_waiters(void)
{
        return attack(park_many, NULL, NULL);
}

static bool show_interest_and_park(void)
{
        return show_interest() && park_many();
}

static int do_it_all(void)
{
        return attack(show_interest_and_park, move, wake);
}

/* ---- the tests ------------------------------------------------------------------------------ */

/* @return the hostile reader; 0: not there */
static pid_t start_hostile(int (*play)(void))
{
        pid_t pid = child_start(play);

        while (atomic_load(&shared->armed) == 0) {
                if (waitpid(pid, NULL, WNOHANG) != 0)
                        return 0;
                sleep_us(500);
        }
        return pid;
}

static pid_t start_publisher(void)
{
        memset(shared, 0, sizeof *shared);
        atomic_store(&shared->go_on, 1);
        if (sleepers_prepare(geteuid() == 0 ? SEQCAST_MODE_PUBLIC : 0) != 0)
                abort();
        witness_start();
        return child_start(publish);
}

static void stop_publisher(pid_t publisher)
{
        child_kill(publisher);
        witness_stop();
        sleepers_remove();
}

static void test_attack(const char *name, int (*play)(void), bool has_hits)
{
        pid_t publisher = start_publisher(), enemy;
        struct sleepers_sum sum;
        int64_t allowed_ns;
        unsigned behind;

        sleepers_start(HONEST, 0, NULL);
        enemy = start_hostile(play);
        sleep_ns(ATTACK_NS);
        atomic_store(&shared->go_on, 0);
        wait_for(&shared->finished, 1);
        behind = sleepers_settle();
        allowed_ns = witness_allowed_ns();
        if (enemy != 0)
                child_kill(enemy);
        sum = sleepers_stop();
        tap_ok(enemy != 0 && behind == 0 && sum.latest_ns <= allowed_ns && sum.errors == 0 &&
                       sum.silent == 0 && atomic_load(&shared->failed) == 0 &&
                       (!has_hits || atomic_load(&shared->hits) > 0),
               "%s: %lu publications, %lu wakes in %.0f/%.0f us (p50/p99), latest %.1f of %.0f ms; %lu hits",
               name, (unsigned long)atomic_load(&sleepers->feeds[0].published),
               (unsigned long)sum.wakes.count, latency_us(&sum.wakes, 0.5), latency_us(&sum.wakes, 0.99),
               in_ms(sum.latest_ns), in_ms(allowed_ns), (unsigned long)atomic_load(&shared->hits));
        if (enemy == 0)
                tap_note("the hostile reader could not begin");
        if (behind + sum.errors + sum.silent + atomic_load(&shared->failed) != 0)
                tap_note("%u behind, %lu unexpected results (%s), %u have read nothing, %u publications "
                         "failed",
                         behind, (unsigned long)sum.errors, seqcast_strerror(sum.error), sum.silent,
                         atomic_load(&shared->failed));
        stop_publisher(publisher);
}

/* How many futex calls a process makes in this time, by strace. @return -1: strace is not there or may not */
static long count_futex_calls(pid_t pid, int64_t duration_ns)
{
        char number[32], path[32];
        FILE *log = tmpfile();
        int status, c;
        long lines = 0;
        pid_t strace;

        if (log == NULL)
                return -1;
        snprintf(number, sizeof number, "%ld", (long)pid);
        snprintf(path, sizeof path, "/dev/fd/%d", fileno(log));
        strace = fork();
        if (strace == 0) {
                dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
                execlp("strace", "strace", "-qq", "-e", "trace=futex", "-o", path, "-p", number,
                       (char *)NULL);
                _exit(127);
        }
        sleep_ns(duration_ns);
        kill(strace, SIGINT);
        waitpid(strace, &status, 0);
        while ((c = fgetc(log)) != EOF)
                lines += c == '\n';
        fclose(log);
        return WIFEXITED(status) && (WEXITSTATUS(status) == 127 || WEXITSTATUS(status) == 1) ? -1 : lines;
}

/* No honest subscriber sleeps here: whatever the publisher wakes, it wakes for him. */
static void test_cost(void)
{
        pid_t publisher = start_publisher();
        pid_t enemy = start_hostile(do_it_all);
        const seqcast_word *words = words_of(0);
        int64_t waking = words_wait(words, SEQCAST__CONTROL_WAKING, true, 10 * SECOND);
        int64_t touching = words_wait(words, SEQCAST__CONTROL_TOUCHING, true, 10 * SECOND), killed_ns,
                ended_ns;
        uint64_t before = atomic_load(&sleepers->feeds[0].published), publications;
        long calls = count_futex_calls(publisher, 500 * MS);

        publications = atomic_load(&sleepers->feeds[0].published) - before;
        if (calls < 0)
                tap_skip("at most one futex call a publication", "strace is missing, or may not trace");
        else
                tap_ok(waking >= 0 && touching >= 0 && (uint64_t)calls <= publications + 1,
                       "at most one futex call a publication: %ld in %lu", calls,
                       (unsigned long)publications);
        killed_ns = monotonic_ns();
        child_kill(enemy);
        words_wait(words, SEQCAST__CONTROL_WAKING, false, 10 * SECOND);
        words_wait(words, SEQCAST__CONTROL_TOUCHING, false, 10 * SECOND);
        ended_ns = monotonic_ns() - killed_ns;
        tap_ok(ended_ns <= ENDS_NS + witness_allowed_ns() - SLICE,
               "the publisher stops waking %.0f ms after his death", in_ms(ended_ns));
        calls = count_futex_calls(publisher, 300 * MS);
        if (calls < 0)
                tap_skip("no futex call from then on", "strace is missing, or may not trace");
        else
                tap_ok(calls == 0, "no futex call from then on: %ld", calls);
        tap_ok(atomic_load(&shared->failed) == 0, "no publication has failed");
        stop_publisher(publisher);
}

int main(void)
{
        if (!seqcast__futex_can_wake()) {
                printf("subscribers of a portable build poll: nothing can be taken away from them\n");
                return 77;
        }
        topic_name(); /* the children inherit it */
        shared = child_shared(sizeof *shared);
        if (geteuid() == 0)
                tap_note("the hostile reader is uid %u, the topic has mode 0644", HOSTILE_UID);
        else
                tap_note("the hostile reader has our own uid, as we are not root");
        test_attack("all who sleep are moved to another futex", move_all, true);
        test_attack("all who sleep are woken for nothing", wake_all, true);
        test_attack("interest is shown for ever", hold_locks, false);
        test_attack("64 more sleep", park_waiters, false);
        test_attack("all of it at once", do_it_all, true);
        test_cost();
        return tap_finish();
}
