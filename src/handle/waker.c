/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include "handle/waker.h"

#include <errno.h>

#include "platform/clock.h"
#include "platform/futex.h"
#include "platform/lock.h"
#include "platform/watch.h"

#define LOOK_NS INT64_C(2000000)     /* from look to look, or from one timer tick to the next */
#define LINGER_NS INT64_C(100000000) /* sleepers that come back within this find us still waking */

/* Between two looks at the clock (5 ns) lie as many publications as fit into this time at the present
 * rate. If the rate falls, say from 10 million a second to one, so many are overlooked; no more. */
#define CLOCK_NS INT64_C(512)
#define STRIDE_MAX 64u

enum { FUTEX, DESCRIPTOR, SIDES };

static const struct {
        int lock_byte;
        int control;
} sides[SIDES] = {
        [FUTEX] = { SEQCAST__SLEEPER_LOCK_BYTE, SEQCAST__CONTROL_WAKING },
        [DESCRIPTOR] = { SEQCAST__DESCRIPTOR_LOCK_BYTE, SEQCAST__CONTROL_TOUCHING },
};

_Static_assert(SEQCAST__DESCRIPTOR_LOCK_BYTE == SEQCAST__SLEEPER_LOCK_BYTE + 1, "one look sees both");

static bool is_wanted(const struct seqcast__waker *waker, int side)
{
        return seqcast__lock_obstacle(waker->segment->fd, sides[side].lock_byte, 1) > SEQCAST__LOCK_FREE;
}

static void say(const struct seqcast__waker *waker, int side, uint64_t epoch)
{
        seqcast_word_store_relaxed(waker->control + sides[side].control, epoch); /* E1 */
}

static void start(struct seqcast__waker *waker, int side, int64_t now)
{
        waker->sides[side].wanted_ns = now;
        if (!waker->sides[side].on)
                say(waker, side, waker->epoch);
        waker->sides[side].on = true;
}

static void stop(struct seqcast__waker *waker, int side, int64_t now)
{
        say(waker, side, 0);
        /* E2 pairs with I1: whoever shows interest after the next look finds the word to be 0. */
        SEQCAST_FENCE(memory_order_seq_cst);
        if (is_wanted(waker, side)) { /* E3 */
                say(waker, side, waker->epoch);
                waker->sides[side].wanted_ns = now;
        } else {
                waker->sides[side].on = false;
        }
}

static void look(struct seqcast__waker *waker, int64_t now)
{
        bool nobody = seqcast__lock_obstacle(waker->segment->fd, SEQCAST__SLEEPER_LOCK_BYTE, SIDES) <=
                      SEQCAST__LOCK_FREE;

        for (int side = 0; side < SIDES; side++) {
                if (!nobody && is_wanted(waker, side))
                        start(waker, side, now);
                else if (waker->sides[side].on && now - waker->sides[side].wanted_ns >= LINGER_NS)
                        stop(waker, side, now);
        }
}

static void choose_stride(struct seqcast__waker *waker, uint64_t published, int64_t elapsed_ns)
{
        uint64_t stride = published < UINT64_MAX / CLOCK_NS ? published * CLOCK_NS / (uint64_t)elapsed_ns : 1;

        waker->stride = stride < 1 ? 1 : stride > STRIDE_MAX ? STRIDE_MAX : stride;
}

void seqcast__waker_attend(struct seqcast__waker *waker, uint64_t number, int64_t time_ns)
{
        int64_t now = time_ns != 0 ? time_ns : seqcast__clock_coarse_ns();
        int saved = errno;

        if (now - waker->looked_ns >= LOOK_NS) {
                choose_stride(waker, number - waker->looked_number, now - waker->looked_ns);
                waker->looked_ns = now;
                waker->looked_number = number;
                look(waker, now);
        }
        if (waker->sides[FUTEX].on)
                seqcast__futex_wake(waker->version, true);
        if (waker->sides[DESCRIPTOR].on)
                seqcast__watch_touch(waker->segment->fd);
        waker->countdown = waker->sides[FUTEX].on || waker->sides[DESCRIPTOR].on ? 1 : waker->stride;
        errno = saved;
}

void seqcast__waker_notify(const struct seqcast__waker *waker)
{
        int saved = errno;

        seqcast__futex_wake(waker->version, true);
        if (is_wanted(waker, DESCRIPTOR))
                seqcast__watch_touch(waker->segment->fd);
        errno = saved;
}

void seqcast__waker_rouse(const struct seqcast__segment *segment)
{
        seqcast__futex_wake(
                seqcast__layout_control(&segment->header, segment->base) + SEQCAST__CONTROL_VERSION, true);
        seqcast__watch_touch(segment->fd);
}

void seqcast__waker_open(struct seqcast__waker *waker, const struct seqcast__segment *segment, uint32_t mode,
                         uint64_t number)
{
        *waker = (struct seqcast__waker){
                .stride = 1,
                .looked_number = number,
                .segment = segment,
                .control = seqcast__layout_control(&segment->header, segment->base),
        };
        waker->version = waker->control + SEQCAST__CONTROL_VERSION;
        waker->epoch = seqcast_word_load_relaxed(waker->control + SEQCAST__CONTROL_EPOCH);
        if (!seqcast__futex_can_wake() || mode == SEQCAST_WAKE_NEVER)
                return; /* the countdown does not come to its end within the life of a machine */
        if (mode == SEQCAST_WAKE_MANUAL) {
                say(waker, FUTEX, waker->epoch);
                say(waker, DESCRIPTOR, waker->epoch);
                return;
        }
        waker->countdown = 1;
        /* Sleepers that have seen nobody publish sleep whole slices; they are looked for before the first
         * publication. */
        look(waker, 0);
}
