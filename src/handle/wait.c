/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The subscriber's side of waiting. waker.h has the publisher's, and how the two find one another.
 *
 *   publish                                      wait
 *   W4  seq = 2n            release              S1  v = version                        acquire
 *   W5  version = n         release              S2  is the next slot's seq 2n yet?     acquire
 *   wake                    futex                S3  sleep if version is still v        futex
 *
 *   W5 / S1   whoever finds version n finds, in S2, the slot of n complete. So if S2 finds nothing, version n
 *             comes after v, and either S3 finds another value or the wake finds the sleeper.
 *
 * The futex is the low half of version: 2^32 publications between S1 and S3 would be taken for none, until
 * the slice ends. */

#include "handle/subscriber.h"

#include <errno.h>

#include "platform/clock.h"
#include "platform/futex.h"
#include "platform/lock.h"

#define SLICE_NS INT64_C(100000000) /* no sleep is longer: other readers can take wake-ups away */
#define NAP_NS INT64_C(1000000)     /* ... than this, while nobody says that he wakes, ... */
#define SILENCE_SHARE 8             /* ... or than this share of the silence so far */
#define MISSING_NAP_NS INT64_C(10000000)
#define NAME_CHECK_NS INT64_C(1000000000)
/* The kernel tells of a closed file before it drops the file's locks. */
#define LOCKS_DROPPED_NS INT64_C(20000000)
#define LOCKS_DROPPED_NS_MAX INT64_C(500000000)
#define WATCHDOG_NS INT64_C(1000000000) /* a descriptor is readable so often, whatever it is told */
#define SPINS_A_CLOCK 16

void seqcast__wait_open(seqcast_subscriber *subscriber)
{
        subscriber->waiting.spin_ns = SEQCAST_SPIN_DEFAULT_NS;
        subscriber->waiting.told_epoch = UINT64_MAX;
        subscriber->waiting.watch = (struct seqcast__watch)SEQCAST__WATCH_CLOSED;
}

/* ---- interest ------------------------------------------------------------------------------ */

/* How many handles on the segment show it; those of others are other open files. NULL: only this one does */
static unsigned *count_of(const seqcast_subscriber *subscriber, int lock_byte)
{
        if (subscriber->shared == NULL)
                return NULL;
        return lock_byte == SEQCAST__SLEEPER_LOCK_BYTE ? &subscriber->shared->sleepers
                                                       : &subscriber->shared->watchers;
}

static void show_interest(seqcast_subscriber *subscriber, int lock_byte, struct seqcast__interest *interest)
{
        const struct seqcast__segment *segment = seqcast__subscriber_hold(subscriber);
        unsigned *count = count_of(subscriber, lock_byte);
        bool counted = count != NULL && interest->shown && interest->generation == subscriber->generation;

        if (!counted) { /* a handle may stand twice in a list */
                interest->generation = subscriber->generation;
                interest->shown = seqcast__subscriber_is_current(subscriber) &&
                                  ((count != NULL && *count > 0) ||
                                   seqcast__lock_take_shared(segment->fd, lock_byte) == 0); /* I1 */
                if (interest->shown && count != NULL)
                        ++*count;
        }
        seqcast__subscriber_release(subscriber);
}

static void hide_interest(seqcast_subscriber *subscriber, int lock_byte, struct seqcast__interest *interest)
{
        const struct seqcast__segment *segment = seqcast__subscriber_hold(subscriber);
        unsigned *count = count_of(subscriber, lock_byte);

        if (interest->shown && subscriber->generation == interest->generation &&
            seqcast__subscriber_is_current(subscriber) && (count == NULL || --*count == 0))
                seqcast__lock_drop(segment->fd, lock_byte);
        interest->shown = false;
        seqcast__subscriber_release(subscriber);
}

static bool is_live(const struct seqcast__segment *segment)
{
        return seqcast__lock_is_held(segment->fd, SEQCAST__PUBLISHER_LOCK_BYTE) != 0;
}

#define UNTIL_TOLD INT64_C(-1)

/* How long to go without a look, as nobody says that he tells us of publications. Where somebody says so in
 * `control`, or nobody is there who could publish, it is UNTIL_TOLD: any publisher to come looks for us
 * first. */
static int64_t nap_ns(const seqcast_subscriber *subscriber, const struct seqcast__interest *interest,
                      enum seqcast__control control, int64_t now)
{
        const struct seqcast__segment *segment = seqcast__subscriber_hold(subscriber);
        const seqcast_word *words = seqcast__segment_control(segment);
        /* Nobody wakes those who sleep on an image. */
        bool on_image = segment->fetched && control == SEQCAST__CONTROL_WAKING;
        int64_t nap = (now - subscriber->waiting.since_ns) / SILENCE_SHARE;
        uint64_t epoch;

        seqcast__fetch_control(segment);
        epoch = seqcast_word_load_relaxed(words + SEQCAST__CONTROL_EPOCH);
        nap = nap < NAP_NS ? NAP_NS : nap > SLICE_NS ? SLICE_NS : nap;
        if (!on_image && (!interest->shown || !seqcast__subscriber_is_current(subscriber)))
                nap = NAP_NS;
        else if (!on_image && ((epoch != 0 && seqcast_word_load_relaxed(words + control) == epoch) || /* I2 */
                               !is_live(segment)))
                nap = UNTIL_TOLD;
        seqcast__subscriber_release(subscriber);
        return nap;
}

/* ---- looking ------------------------------------------------------------------------------- */

/* A publisher that dies between completing a publication and announcing it leaves news that only the reads
 * in order find. Whoever reads the newest is told of them once, not again and again. */
static int only_once(seqcast_subscriber *subscriber, uint64_t version, int news)
{
        uint64_t want = subscriber->reader.delivered + 1;

        if (news != SEQCAST_OK || version >= want)
                return news;
        if (subscriber->waiting.told_number == want)
                return SEQCAST_NONE;
        subscriber->waiting.told_number = want;
        return SEQCAST_OK;
}

/* @return SEQCAST_OK, NONE, RETIRED, REATTACHED, INTERRUPTED, or an error; ret_version: what to sleep on */
static int look(seqcast_subscriber *subscriber, struct seqcast__futex *ret_version)
{
        struct seqcast__waiting *waiting = &subscriber->waiting;
        uint32_t interrupts = atomic_load_explicit(&waiting->interrupts, memory_order_relaxed);

        if (interrupts != waiting->interrupts_seen) {
                waiting->interrupts_seen = interrupts;
                return SEQCAST_INTERRUPTED;
        }
        for (;;) {
                struct seqcast__visit visit;
                uint64_t version;
                int r;

                if (subscriber->shared != NULL)
                        waiting->replacements_seen =
                                atomic_load_explicit(&subscriber->shared->replacements, memory_order_relaxed);
                r = seqcast__subscriber_enter(subscriber, &visit);
                if (r == SEQCAST_BUSY) { /* another thread is re-attaching: until it is done */
                        seqcast__subscriber_hold(subscriber);
                        seqcast__subscriber_release(subscriber);
                        continue;
                }
                if (r < 0)
                        return r;
                version = seqcast_ring_version(&subscriber->ring);                  /* S1, as R0 */
                r = (int)seqcast_ring_news(&subscriber->ring, &subscriber->reader); /* S2 */
                r = only_once(subscriber, version & ~SEQCAST_VERSION_RETIRED, r);
                *ret_version = (struct seqcast__futex){ subscriber->ring.version, (uint32_t)version, true };
                if (!seqcast__subscriber_leave(subscriber, &visit))
                        continue;
                return subscriber->moved ? seqcast__subscriber_tell_moved(subscriber) : r;
        }
}

/* To the topic's next segment. @return SEQCAST_REATTACHED; SEQCAST_NONE there is none yet; an error */
static int follow(seqcast_subscriber *subscriber)
{
        int r = seqcast__subscriber_reattach(subscriber, NULL);

        if (r == 0)
                return SEQCAST_REATTACHED;
        subscriber->waiting.name_missing = true;
        return r == -ENOENT || r == -EAGAIN ? SEQCAST_NONE : r;
}

/* Nothing more comes in this segment: it is retired; or it was truncated, and is not mapped. */
static bool is_over(int result)
{
        return result == SEQCAST_RETIRED || result == -EPROTO;
}

static int look_and_follow(seqcast_subscriber *subscriber, struct seqcast__futex *ret_version)
{
        int r = look(subscriber, ret_version);

        return is_over(r) && subscriber->follows ? follow(subscriber) : r;
}

/* ---- checking: what takes system calls ----------------------------------------------------- */

struct findings {
        bool gone, left, nameless;
        bool detached;
        uint64_t epoch;
};

static struct findings inspect(seqcast_subscriber *subscriber, int64_t now)
{
        const struct seqcast__segment *segment = seqcast__subscriber_hold(subscriber);
        const seqcast_word *words = seqcast__segment_control(segment);
        struct findings found = { 0 };
        struct stat status;

        seqcast__fetch_control(segment);
        /* Pairs with the publisher's lock, which he takes before he stores his epoch: whoever finds it finds
         * him live, or ended. So the end that is seen is not that of a later publisher. */
        found.epoch = atomic_load_explicit(words + SEQCAST__CONTROL_EPOCH, memory_order_acquire);
        found.gone = !is_live(segment);
        found.left = seqcast_word_load_relaxed(words + SEQCAST__CONTROL_PUBLISHER_STATE) ==
                     SEQCAST__PUBLISHER_LEFT;
        found.nameless = seqcast__segment_is_nameless(segment);
        found.detached = !found.nameless && fstat(segment->fd, &status) == 0 && status.st_nlink == 0;
        if (!found.detached && now - subscriber->waiting.name_checked_ns >= NAME_CHECK_NS) {
                found.detached = seqcast__segment_is_detached(segment) == 1;
                subscriber->waiting.name_checked_ns = now;
        }
        seqcast__subscriber_release(subscriber);
        subscriber->waiting.checked_ns = now;
        return found;
}

/* Is there anything to say of the segment? What it holds comes before the end of its publisher, but not
 * before the news that it is the wrong one. @return as seqcast_wait(), or NONE */
static int check(seqcast_subscriber *subscriber, int64_t now)
{
        struct seqcast__waiting *waiting = &subscriber->waiting;
        struct findings found = inspect(subscriber, now);
        struct seqcast__futex version;
        int r = SEQCAST_NONE;

        if (found.detached && subscriber->follows)
                r = follow(subscriber);
        if (r != SEQCAST_NONE)
                return r;
        if (found.detached && !subscriber->follows && !waiting->told_detached) {
                waiting->told_detached = true;
                return SEQCAST_DETACHED;
        }
        r = look(subscriber, &version);
        if (is_over(r) && subscriber->follows)
                r = follow(subscriber);
        else if (!found.detached && !is_over(r))
                waiting->name_missing = false;
        if (r == SEQCAST_NONE && found.gone && waiting->told_epoch != found.epoch) {
                waiting->told_epoch = found.epoch;
                return found.left ? SEQCAST_PUBLISHER_LEFT : SEQCAST_PUBLISHER_GONE;
        }
        if (r == SEQCAST_NONE && found.gone && found.nameless)
                return SEQCAST_RETIRED; /* nobody can take it over */
        return r;
}

/* ---- waiting for several ------------------------------------------------------------------- */

/* One call, and what it sleeps on: the versions of as many as there is room for, then words of our own. */
struct wait {
        seqcast_subscriber *const *subscribers;
        size_t count;
        size_t *ret_index;
        int64_t deadline_ns;
        size_t chunk; /* where those begin that are slept on */
        size_t futex_count;
        struct seqcast__futex futexes[SEQCAST__FUTEX_COUNT_MAX];
};

static void add_futex(struct wait *wait, const void *word, uint32_t expected)
{
        if (wait->futex_count < SEQCAST__FUTEX_COUNT_MAX)
                wait->futexes[wait->futex_count++] = (struct seqcast__futex){ word, expected, false };
}

/* @return what the first of them has that has something; SEQCAST_NONE: none has */
static int look_at_all(struct wait *wait)
{
        size_t turn = wait->subscribers[0]->waiting.turn;

        wait->futex_count = wait->count < SEQCAST__FUTEX_COUNT_MAX ? wait->count : SEQCAST__FUTEX_COUNT_MAX;
        for (size_t i = 0; i < wait->count; i++) {
                size_t index = (turn + i) % wait->count;
                size_t place = (index + wait->count - wait->chunk) % wait->count;
                struct seqcast__futex version;
                int r = look_and_follow(wait->subscribers[index], &version);

                if (r != SEQCAST_NONE) {
                        wait->subscribers[0]->waiting.turn = index + 1;
                        *wait->ret_index = index;
                        return r;
                }
                if (place < SEQCAST__FUTEX_COUNT_MAX)
                        wait->futexes[place] = version;
        }
        return SEQCAST_NONE;
}

static void add_own_words(struct wait *wait)
{
        for (size_t i = 0; i < wait->count; i++)
                add_futex(wait, &wait->subscribers[i]->waiting.interrupts,
                          wait->subscribers[i]->waiting.interrupts_seen);
        for (size_t i = 0; i < wait->count; i++)
                if (wait->subscribers[i]->shared != NULL)
                        add_futex(wait, &wait->subscribers[i]->shared->replacements,
                                  wait->subscribers[i]->waiting.replacements_seen);
}

/* ... those that were not checked for so long. */
static int check_all(struct wait *wait, int64_t now, int64_t age_ns)
{
        for (size_t i = 0; i < wait->count; i++) {
                seqcast_subscriber *subscriber = wait->subscribers[i];
                int r;

                if (now - subscriber->waiting.checked_ns < age_ns)
                        continue;
                r = check(subscriber, now);
                if (r != SEQCAST_NONE) {
                        *wait->ret_index = i;
                        return r;
                }
        }
        return SEQCAST_NONE;
}

static int64_t shortest_nap_ns(const struct wait *wait, int64_t now)
{
        int64_t shortest = wait->count > SEQCAST__FUTEX_COUNT_MAX ? NAP_NS : SLICE_NS;
        bool polls = !seqcast__futex_can_wake(); /* what it sleeps on, by itself */

        for (size_t i = 0; i < wait->count; i++) {
                const seqcast_subscriber *subscriber = wait->subscribers[i];
                int64_t nap = subscriber->waiting.name_missing ? MISSING_NAP_NS
                              : polls                          ? UNTIL_TOLD
                                      : nap_ns(subscriber, &subscriber->waiting.asleep,
                                               SEQCAST__CONTROL_WAKING, now);

                shortest = nap != UNTIL_TOLD && nap < shortest ? nap : shortest;
        }
        return shortest;
}

static int64_t earlier(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

static int spin(struct wait *wait, int64_t now)
{
        int64_t end =
                earlier(seqcast__clock_after(now, wait->subscribers[0]->waiting.spin_ns), wait->deadline_ns);
        int r = SEQCAST_NONE;

        while (r == SEQCAST_NONE && now < end) {
                for (int i = 0; i < SPINS_A_CLOCK && r == SEQCAST_NONE; i++) {
                        seqcast__cpu_relax();
                        r = look_at_all(wait);
                }
                now = seqcast__clock_mono_ns();
                if (r == SEQCAST_NONE)
                        r = check_all(wait, now, SLICE_NS);
        }
        return r;
}

/* Nothing new in time; but what has become of the segments? */
static int give_up(struct wait *wait)
{
        int r = check_all(wait, seqcast__clock_mono_ns(), SLICE_NS);

        return r == SEQCAST_NONE ? SEQCAST_TIMEOUT : r;
}

static int sleep_until_news(struct wait *wait, int64_t now)
{
        int64_t check_ns = now + SLICE_NS, nap_end = now;
        int r = check_all(wait, now, SLICE_NS); /* waits that never last may add up to long ones */

        if (r != SEQCAST_NONE)
                return r;
        for (;;) {
                r = look_at_all(wait);

                if (r != SEQCAST_NONE)
                        return r;
                now = seqcast__clock_mono_ns();
                if (now >= wait->deadline_ns)
                        return give_up(wait);
                /* Woken without news: most likely a publisher has come or left. */
                if (now >= check_ns || now < nap_end) {
                        r = check_all(wait, now, NAP_NS);
                        if (r != SEQCAST_NONE)
                                return r;
                }
                if (now >= check_ns)
                        check_ns = now + SLICE_NS;
                add_own_words(wait);
                nap_end = earlier(earlier(check_ns, wait->deadline_ns), now + shortest_nap_ns(wait, now));
                seqcast__futex_wait(wait->futexes, wait->futex_count, nap_end); /* S3 */
                wait->chunk = (wait->chunk + SEQCAST__FUTEX_COUNT_MAX) % wait->count;
        }
}

static int wait_for(struct wait *wait, int64_t timeout_ns)
{
        int r = look_at_all(wait);
        int64_t now;

        if (r != SEQCAST_NONE || timeout_ns == 0)
                return r == SEQCAST_NONE ? SEQCAST_TIMEOUT : r;
        now = seqcast__clock_mono_ns();
        wait->deadline_ns = seqcast__clock_after(now, timeout_ns);
        r = spin(wait, now);
        if (r == SEQCAST_NONE && seqcast__clock_mono_ns() >= wait->deadline_ns)
                r = give_up(wait);
        if (r != SEQCAST_NONE)
                return r;
        for (size_t i = 0; i < wait->count; i++) {
                struct seqcast__waiting *waiting = &wait->subscribers[i]->waiting;

                waiting->since_ns = now;
                if (seqcast__futex_can_wake() && !wait->subscribers[i]->fetched)
                        show_interest(wait->subscribers[i], SEQCAST__SLEEPER_LOCK_BYTE, &waiting->asleep);
        }
        r = sleep_until_news(wait, now);
        for (size_t i = 0; i < wait->count; i++)
                hide_interest(wait->subscribers[i], SEQCAST__SLEEPER_LOCK_BYTE,
                              &wait->subscribers[i]->waiting.asleep);
        return r;
}

int seqcast_wait_any(seqcast_subscriber *const *subscribers, size_t count, int64_t timeout_ns,
                     size_t *ret_index)
{
        struct wait wait;

        if (count == 0)
                return -EINVAL;
        wait.subscribers = subscribers;
        wait.count = count;
        wait.ret_index = ret_index;
        wait.chunk = 0;
        return wait_for(&wait, timeout_ns);
}

int seqcast_wait(seqcast_subscriber *subscriber, int64_t timeout_ns)
{
        size_t index;

        return seqcast_wait_any(&subscriber, 1, timeout_ns, &index);
}

void seqcast_subscriber_interrupt(seqcast_subscriber *subscriber)
{
        int saved = errno;

        atomic_fetch_add_explicit(&subscriber->waiting.interrupts, 1, memory_order_relaxed);
        seqcast__futex_wake(&subscriber->waiting.interrupts, false);
        errno = saved;
}

void seqcast_subscriber_set_spin(seqcast_subscriber *subscriber, int64_t spin_ns)
{
        subscriber->waiting.spin_ns = spin_ns < 0 ? 0 : spin_ns;
}

/* ---- the descriptor ------------------------------------------------------------------------ */

/* The lock is not asked for here: it may have been dropped since it was. */
static bool end_is_told(const seqcast_subscriber *subscriber)
{
        const seqcast_word *words = seqcast__segment_control(seqcast__subscriber_hold(subscriber));
        bool told =
                seqcast_word_load_relaxed(words + SEQCAST__CONTROL_EPOCH) == subscriber->waiting.told_epoch;

        seqcast__subscriber_release(subscriber);
        return told;
}

/* Look at the segment at some time, whether or not anybody tells us to: soon, while nobody says that he
 * tells; soon, where there may be something that nothing tells of; and in the end always. */
static int set_alarm(seqcast_subscriber *subscriber, int64_t now, int result)
{
        struct seqcast__waiting *waiting = &subscriber->waiting;
        int64_t nap = nap_ns(subscriber, &waiting->watching, SEQCAST__CONTROL_TOUCHING, now);

        if (nap == UNTIL_TOLD && now - waiting->closed_ns < LOCKS_DROPPED_NS_MAX && !end_is_told(subscriber))
                nap = LOCKS_DROPPED_NS;
        else if (nap == UNTIL_TOLD)
                nap = result == SEQCAST_NONE && subscriber->shared == NULL && !waiting->name_missing &&
                                      !waiting->watch_lost
                              ? WATCHDOG_NS
                              : SLICE_NS;
        if (result == SEQCAST_REATTACHED || result == SEQCAST_INTERRUPTED) /* there may be news besides */
                nap = 0;
        return seqcast__watch_set_alarm(&waiting->watch, now + nap);
}

static int watch_segment(seqcast_subscriber *subscriber)
{
        struct seqcast__waiting *waiting = &subscriber->waiting;
        int r = seqcast__watch_file(&waiting->watch, seqcast__subscriber_hold(subscriber)->fd);

        seqcast__subscriber_release(subscriber);
        if (r == 0)
                show_interest(subscriber, SEQCAST__DESCRIPTOR_LOCK_BYTE, &waiting->watching);
        return r;
}

int seqcast_subscriber_fd(seqcast_subscriber *subscriber)
{
        struct seqcast__waiting *waiting = &subscriber->waiting;
        int64_t now = seqcast__clock_mono_ns();
        int r;

        if (waiting->watch.pollable >= 0)
                return waiting->watch.pollable;
        r = seqcast__watch_open(&waiting->watch);
        if (r < 0)
                return r;
        r = watch_segment(subscriber);
        waiting->since_ns = now;
        if (r == 0)
                r = seqcast__watch_set_alarm(&waiting->watch, now); /* there may be news already */
        if (r < 0) {
                hide_interest(subscriber, SEQCAST__DESCRIPTOR_LOCK_BYTE, &waiting->watching);
                seqcast__watch_close(&waiting->watch);
                return r;
        }
        return waiting->watch.pollable;
}

int seqcast_subscriber_drain(seqcast_subscriber *subscriber)
{
        struct seqcast__waiting *waiting = &subscriber->waiting;
        struct seqcast__futex version;
        int64_t now;
        int r, alarm;

        if (waiting->watch.pollable < 0)
                return -EINVAL;
        now = seqcast__clock_mono_ns();
        if (seqcast__watch_drain(&waiting->watch))
                waiting->closed_ns = now;
        if (waiting->watch_lost)
                waiting->watch_lost = watch_segment(subscriber) < 0;
        r = look_and_follow(subscriber, &version);
        if (r == SEQCAST_NONE || (r == SEQCAST_OK && now - waiting->checked_ns >= SLICE_NS)) {
                waiting->name_checked_ns = now - NAME_CHECK_NS; /* that may be what has happened */
                r = check(subscriber, now);
        }
        if (r == SEQCAST_OK)
                waiting->since_ns = now;
        if (waiting->name_missing) {
                /* Where names cannot be watched, the alarm looks for them. */
                seqcast__watch_directory(&waiting->watch, SEQCAST__SHM_DIRECTORY);
                if (r == SEQCAST_NONE) /* it may have come in between */
                        r = follow(subscriber);
        } else {
                seqcast__watch_directory(&waiting->watch, NULL);
        }
        alarm = set_alarm(subscriber, now, r);
        return r == SEQCAST_NONE && alarm < 0 ? alarm : r; /* what is told once is not lost */
}

void seqcast__wait_moved(seqcast_subscriber *subscriber)
{
        struct seqcast__waiting *waiting = &subscriber->waiting;

        waiting->told_epoch = UINT64_MAX;
        waiting->told_number = 0;
        waiting->told_detached = false;
        waiting->name_missing = false;
        waiting->closed_ns = 0;
        waiting->since_ns = waiting->name_checked_ns = seqcast__clock_mono_ns();
        if (waiting->watch.pollable < 0)
                return;
        seqcast__watch_directory(&waiting->watch, NULL);
        waiting->watch_lost = watch_segment(subscriber) < 0;
        seqcast__watch_set_alarm(&waiting->watch, waiting->since_ns);
}

void seqcast__wait_close(seqcast_subscriber *subscriber)
{
        /* Our own descriptor takes its locks along, unless a child or the parent of fork() has it, too. */
        if (subscriber->shared != NULL && subscriber->waiting.watching.shown)
                hide_interest(subscriber, SEQCAST__DESCRIPTOR_LOCK_BYTE, &subscriber->waiting.watching);
        seqcast__watch_close(&subscriber->waiting.watch);
}
