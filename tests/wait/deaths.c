/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* How the end of a publisher reaches those who sleep, by seqcast_wait() and by a descriptor: killed, closed,
 * removed or replaced, it is told once and soon; stopped, it is no end. Then the next one is heard. */

#define _GNU_SOURCE
#include <poll.h>
#include <sched.h>

#include "../support/record.h"
#include "../support/topic.h"
#include "../support/wake_tap.h"
#include "../support/wake_witness.h"

#define KILLS 50
#define QUICK_ROUNDS 10
#define QUICK_NS (40 * MS)    /* far from a slice, which has just begun */
#define GONE_NS (200 * MS)    /* the death of a publisher is noticed within this */
#define TIMEOUT_NS (250 * MS) /* longer than a slice */
#define PATIENCE_NS (20 * SECOND)
#define PUBLICATIONS 3u /* of each publisher when it begins */
#define RESULTS 32

enum { BY_WAIT, BY_DESCRIPTOR, WATCHERS };
enum order { NOTHING, PUBLISH, CLOSE, REMOVE };

static const char *const names[WATCHERS] = { "seqcast_wait()", "the descriptor" };

struct watcher {
        _Atomic(unsigned) ready; /* 2: it is not to be had, for `error` */
        _Atomic(uint64_t) delivered;
        _Atomic(unsigned) told[RESULTS]; /* how often each result; [0]: errors, and what is no result */
        _Atomic(int64_t) told_ns[RESULTS];
        pid_t pid;
        int error;
};

static struct {
        struct watcher watchers[WATCHERS];
        _Atomic(int) order;
        _Atomic(int64_t) ordered_ns; /* when the publisher began to carry it out */
        _Atomic(uint64_t) published;
        _Atomic(unsigned) failed;
} * shared;

static uint32_t publisher_flags;
static pid_t publisher;

/* ---- publishers ----------------------------------------------------------------------------- */

static int publish_one(seqcast_publisher *handle)
{
        uint64_t number = seqcast_publisher_version(handle) + 1;
        int r = seqcast_publish(handle, &number, sizeof number);

        if (r == 0)
                atomic_store(&shared->published, number);
        else
                atomic_fetch_add(&shared->failed, 1);
        return r;
}

static enum order next_order(void)
{
        int order;

        while ((order = atomic_load(&shared->order)) == NOTHING)
                sleep_us(200);
        atomic_store(&shared->ordered_ns, monotonic_ns());
        return (enum order)order;
}

static int publisher_run(void)
{
        seqcast_publisher *handle;

        if (open_publisher(sizeof(uint64_t), 4, publisher_flags, &handle) != 0) {
                atomic_fetch_add(&shared->failed, 1);
                return 1;
        }
        for (unsigned i = 0; i < PUBLICATIONS; i++) {
                publish_one(handle);
                sleep_us(3000); /* from look to look, so that it finds who sleeps */
        }
        for (;;) {
                switch (next_order()) {
                case CLOSE:
                        seqcast_publisher_close(handle);
                        return 0;
                case REMOVE:
                        if (seqcast_publisher_remove(handle) != 0)
                                atomic_fetch_add(&shared->failed, 1);
                        atomic_store(&shared->order, NOTHING);
                        break;
                default:
                        publish_one(handle);
                        atomic_store(&shared->order, NOTHING);
                        break;
                }
        }
}

static void publisher_start(void)
{
        atomic_store(&shared->order, NOTHING);
        publisher = child_start(publisher_run);
}

/* ---- those who watch it --------------------------------------------------------------------- */

static struct watcher *self;

static int watch_once(seqcast_subscriber *subscriber)
{
        struct pollfd descriptor = { .events = POLLIN };

        if (self == &shared->watchers[BY_WAIT])
                return seqcast_wait(subscriber, TIMEOUT_NS);
        descriptor.fd = seqcast_subscriber_fd(subscriber);
        if (poll(&descriptor, 1, (int)(TIMEOUT_NS / MS)) == 0)
                return SEQCAST_TIMEOUT;
        return seqcast_subscriber_drain(subscriber);
}

static void read_all(seqcast_subscriber *subscriber)
{
        seqcast_sample sample;
        uint64_t value;

        while (seqcast_read_next(subscriber, &value, sizeof value, &sample) == 0) {
                if (value != sample.number || sample.number <= atomic_load(&self->delivered))
                        atomic_fetch_add(&self->told[0], 1);
                atomic_store(&self->delivered, sample.number);
        }
}

static int watcher_run(void)
{
        seqcast_subscriber *subscriber;
        int r = open_subscriber(&subscriber);

        if (r == 0 && self == &shared->watchers[BY_DESCRIPTOR] && (r = seqcast_subscriber_fd(subscriber)) > 0)
                r = 0;
        self->error = r;
        atomic_store(&self->ready, r == 0 ? 1 : 2);
        while (r >= 0) {
                r = watch_once(subscriber);
                if (r == SEQCAST_OK) {
                        read_all(subscriber);
                        continue;
                }
                if (r > 0 && r < RESULTS)
                        atomic_store(&self->told_ns[r], monotonic_ns());
                atomic_fetch_add(&self->told[r > 0 && r < RESULTS ? r : 0], 1);
                if (r == SEQCAST_RETIRED)
                        break; /* it would say so for ever */
        }
        return 0;
}

/* A topic, its publisher, and who watches both. @return how many watch */
static void set_up(void)
{
        memset((void *)shared, 0, sizeof *shared);
        publisher_flags = 0;
        publisher_start();
        while (atomic_load(&shared->published) == 0 && atomic_load(&shared->failed) == 0)
                sleep_us(200);
        for (unsigned i = 0; i < WATCHERS; i++) {
                self = &shared->watchers[i];
                self->pid = child_start(watcher_run);
                wait_for(&self->ready, 1);
        }
}

static void clean_up(void)
{
        for (unsigned i = 0; i < WATCHERS; i++)
                child_kill(shared->watchers[i].pid);
        child_kill(publisher);
        topic_remove();
        expect_none_left("the objects in shared memory", count_objects());
}

static bool is_there(unsigned which)
{
        return atomic_load(&shared->watchers[which].ready) == 1;
}

static bool all_told(int result, unsigned times)
{
        for (unsigned i = 0; i < WATCHERS; i++)
                if (is_there(i) && atomic_load(&shared->watchers[i].told[result]) < times)
                        return false;
        return true;
}

static bool all_have(uint64_t number)
{
        for (unsigned i = 0; i < WATCHERS; i++)
                if (is_there(i) && atomic_load(&shared->watchers[i].delivered) < number)
                        return false;
        return true;
}

static bool wait_until_told(int result, unsigned times)
{
        for (int64_t end_ns = monotonic_ns() + PATIENCE_NS; !all_told(result, times); sleep_us(200))
                if (monotonic_ns() > end_ns)
                        return false;
        return true;
}

static bool wait_until_had(uint64_t number)
{
        for (int64_t end_ns = monotonic_ns() + PATIENCE_NS; !all_have(number); sleep_us(200))
                if (monotonic_ns() > end_ns)
                        return false;
        return true;
}

/* Nobody was told of an end that was none, or was told an error. */
static bool nothing_told(int but, unsigned times)
{
        static const int ends[] = { 0, SEQCAST_PUBLISHER_GONE, SEQCAST_PUBLISHER_LEFT, SEQCAST_DETACHED,
                                    SEQCAST_RETIRED };
        bool right = true;

        for (unsigned i = 0; i < WATCHERS; i++) {
                for (size_t k = 0; is_there(i) && k < sizeof ends / sizeof *ends; k++) {
                        unsigned expected = ends[k] == but ? times : 0;
                        unsigned told = atomic_load(&shared->watchers[i].told[ends[k]]);

                        if (told == expected || (ends[k] == 0 && told == 0))
                                continue;
                        right = false;
                        tap_note("%s: \"%s\" %u times, not %u", names[i],
                                 ends[k] == 0 ? "an error" : seqcast_strerror(ends[k]), told, expected);
                }
        }
        return right && atomic_load(&shared->failed) == 0;
}

static void skip_who_is_not_there(const char *text)
{
        for (unsigned i = 0; i < WATCHERS; i++)
                if (!is_there(i))
                        tap_skip(text, "%s: %s", names[i], seqcast_strerror(shared->watchers[i].error));
}

/* ---- the ends ------------------------------------------------------------------------------- */

static void killed(void)
{
        struct latency late[WATCHERS] = { { .count = 0 } };
        uint64_t random = (uint64_t)monotonic_ns() | 1;
        bool heard = true, told = true;
        struct latency bare;
        int64_t usual_ns; /* a stall or two make the longest long, not half of them */

        set_up();
        witness_start();
        for (unsigned i = 1; i <= KILLS && heard && told; i++) {
                int64_t killed_ns;

                heard = wait_until_had(PUBLICATIONS * i);
                sleep_us((long)random_below(&random, 50000)); /* at any point of a slice */
                killed_ns = monotonic_ns();
                child_kill(publisher);
                told = wait_until_told(SEQCAST_PUBLISHER_GONE, i);
                for (unsigned k = 0; k < WATCHERS; k++)
                        latency_add(&late[k],
                                    atomic_load(&shared->watchers[k].told_ns[SEQCAST_PUBLISHER_GONE]) -
                                            killed_ns);
                publisher_start();
        }
        heard = heard && wait_until_had(PUBLICATIONS * (KILLS + 1));
        bare = witness_stop();
        usual_ns = GONE_NS + WITNESS_FACTOR * (int64_t)(1e3 * latency_us(&bare, 0.99));
        tap_ok(heard, "killed %d times: the next publisher is heard", KILLS);
        for (unsigned k = 0; k < WATCHERS; k++) {
                int64_t allowed_ns = GONE_NS + witness_allowed_ns() - SLICE;

                if (is_there(k))
                        tap_ok(told && late[k].longest_ns <= allowed_ns &&
                                       1e3 * latency_us(&late[k], 0.5) <= (double)usual_ns,
                               "killed %d times: %s says so within %.1f/%.1f of %.0f/%.0f ms (p50/max)",
                               KILLS, names[k], 1e-3 * latency_us(&late[k], 0.5), in_ms(late[k].longest_ns),
                               in_ms(usual_ns), in_ms(allowed_ns));
        }
        skip_who_is_not_there("killed");
        sleep_us(300000); /* would it be told again? */
        tap_ok(nothing_told(SEQCAST_PUBLISHER_GONE, KILLS), "killed %d times: told once each time", KILLS);
        clean_up();
}

static void stopped(void)
{
        bool heard, patient;

        set_up();
        heard = wait_until_had(PUBLICATIONS);
        kill(publisher, SIGSTOP);
        waitpid(publisher, NULL, WUNTRACED);
        patient = wait_until_told(SEQCAST_TIMEOUT, 4);
        tap_ok(heard && patient && nothing_told(0, 0), "stopped: a time-out, and nothing else");
        kill(publisher, SIGCONT);
        atomic_store(&shared->order, PUBLISH);
        tap_ok(wait_until_had(PUBLICATIONS + 1) && nothing_told(0, 0), "going on after that: it is heard");
        clean_up();
}

static void order_close(void)
{
        atomic_store(&shared->order, CLOSE);
        child_wait(publisher);
}

static void order_remove(void)
{
        atomic_store(&shared->order, REMOVE);
}

/* Its publisher is dead, which they know; the next one puts another segment in its place. */
static void replace(void)
{
        child_kill(publisher);
        wait_until_told(SEQCAST_PUBLISHER_GONE, 1);
        sleep_us(10000);
        publisher_flags = SEQCAST_RECREATE;
        atomic_store(&shared->ordered_ns, monotonic_ns());
        publisher_start();
}

/* What is told by a wake comes long before the slice ends that has just begun. That a publisher has left,
 * seqcast_wait() finds when it looks at the segment, as for one that is gone. */
static void ended(const char *text, void (*end)(void), int result, bool after_death)
{
        const int64_t allowed_ns[WATCHERS] = { result == SEQCAST_PUBLISHER_LEFT ? GONE_NS : QUICK_NS,
                                               QUICK_NS };
        int64_t best[WATCHERS] = { INT64_MAX, INT64_MAX };
        bool right = true, quick = false;

        for (int round = 0; round < QUICK_ROUNDS && right && !quick; round++) {
                set_up();
                right = wait_until_had(PUBLICATIONS);
                sleep_us(10000);
                end();
                right = right && wait_until_told(result, 1);
                quick = true;
                for (unsigned i = 0; i < WATCHERS; i++) {
                        int64_t late = atomic_load(&shared->watchers[i].told_ns[result]) -
                                       atomic_load(&shared->ordered_ns);

                        if (is_there(i) && right && late < best[i])
                                best[i] = late;
                        quick = quick && (!is_there(i) || best[i] <= allowed_ns[i]);
                }
                right = right && (after_death || nothing_told(result, 1));
                if (result == SEQCAST_PUBLISHER_LEFT && right) {
                        publisher_start();
                        sleep_us(150000); /* longer than a slice: would it be told again? */
                        right = wait_until_had(2 * PUBLICATIONS) && nothing_told(result, 1);
                }
                clean_up();
        }
        for (unsigned i = 0; i < WATCHERS; i++)
                if (is_there(i) && best[i] == INT64_MAX)
                        tap_ok(false, "%s: %s does not say so", text, names[i]);
                else if (is_there(i))
                        tap_ok(right && best[i] <= allowed_ns[i], "%s: %s says so in %.1f of %.0f ms", text,
                               names[i], in_ms(best[i]), in_ms(allowed_ns[i]));
        skip_who_is_not_there(text);
}

int main(void)
{
        topic_name(); /* the children inherit it */
        shared = child_shared(sizeof *shared);
        killed();
        stopped();
        ended("closed", order_close, SEQCAST_PUBLISHER_LEFT, false);
        ended("removed", order_remove, SEQCAST_RETIRED, false);
        ended("replaced", replace, SEQCAST_RETIRED, true);
        return tap_finish();
}
