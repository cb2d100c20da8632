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

/* A look at the clock costs as much as half a small publication. So there is one every so many
 * publications: after each look for sleepers every one, and twice as many when so many looks at the clock
 * have shown none to be due. Between two ticks of 4 ms, a publisher at 10 000 a second gets to 2 or 4, one
 * at a million to 128 or 256. If the rate falls, so many publications are overlooked, no more. */
#define STRIDE_MAX 256u
#define LOOKS_A_STRIDE 16u

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

void seqcast__waker_attend(struct seqcast__waker *waker, int64_t time_ns)
{
        int64_t now = time_ns != 0 ? time_ns : seqcast__clock_coarse_ns();
        int saved = errno;

        if (now - waker->looked_ns >= LOOK_NS) {
                waker->looked_ns = now;
                waker->stride = 1;
                waker->clock_looks = 0;
                look(waker, now);
        } else if (++waker->clock_looks % LOOKS_A_STRIDE == 0 && waker->stride < STRIDE_MAX) {
                waker->stride *= 2;
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

void seqcast__waker_open(struct seqcast__waker *waker, const struct seqcast__segment *segment, uint32_t mode)
{
        *waker = (struct seqcast__waker){
                .stride = 1,
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
