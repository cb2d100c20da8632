/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A publisher that wakes only while somebody sleeps, by what it says of itself in the segment; by what it
 * asks of the system, quiet_publisher.sh judges, which runs this under strace. What lies between a line
 * "begin" and the next "end" is one phase. */

#define _GNU_SOURCE

#include "platform/futex.h"

#include "../support/wake_sleeper.h"
#include "../support/wake_tap.h"
#include "../support/wake_words.h"

#define PHASE_NS (500 * MS)

static seqcast_publisher *publisher;
static const seqcast_word *words;
static uint64_t said; /* publications after which it said that it wakes or touches */

static void publish(void)
{
        if (feed_publish(&sleepers->feeds[0], publisher) != 0)
                abort();
        said += words_say(words, SEQCAST__CONTROL_WAKING) || words_say(words, SEQCAST__CONTROL_TOUCHING);
}

/* With a pause after each, or flat out. @return publications */
static uint64_t phase(const char *name, long pause_us)
{
        uint64_t before = seqcast_publisher_version(publisher), count;
        int64_t begun_ns = monotonic_ns();

        said = 0;
        tap_note("begin %s", name);
        while (monotonic_ns() - begun_ns < PHASE_NS) {
                publish();
                if (pause_us != 0)
                        sleep_us(pause_us);
        }
        count = seqcast_publisher_version(publisher) - before;
        tap_note("end %s %lu publications, %.0f ms", name, (unsigned long)count,
                 in_ms(monotonic_ns() - begun_ns));
        return count;
}

int main(void)
{
        struct sleepers_sum sum;
        uint64_t count;

        topic_name(); /* the children inherit it */
        if (sleepers_prepare(0) != 0 ||
            feed_open(&sleepers->feeds[0], SEQCAST_WAKE_AUTOMATIC, 0, &publisher) != 0)
                abort();
        words = words_of(0);

        count = phase("nobody", 0);
        tap_ok(said == 0, "nobody sleeps: it says so, in %lu publications", (unsigned long)count);

        sleepers_start(1, 0, NULL);
        count = phase("sleeper", 500);
        tap_ok(said > 0 || !seqcast__futex_can_wake(),
               "one sleeps: it says that it wakes, in %lu of %lu publications", (unsigned long)said,
               (unsigned long)count);

        sum = sleepers_stop();
        tap_ok(sum.errors == 0 && sum.silent == 0, "who sleeps has news");
        phase("linger", 500);
        count = phase("left", 0);
        tap_ok(said == 0, "who slept has been away for half a second: it says so, in %lu publications",
               (unsigned long)count);

        seqcast_publisher_close(publisher);
        sleepers_remove();
        return tap_finish();
}
