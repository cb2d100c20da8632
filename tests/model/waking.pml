/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Interest and waking, from src/handle/waker.c, wait.c, publish.c and publisher.c: publishers, one after the
 * other, that may die at each step, and a sleeper. Tags as in waker.h and wait.c. One side of waking, the futex; that of
 * descriptors is the same code.
 *
 * A publisher's stores wait in a buffer, one place for each word, and reach memory in any order; but a
 * release store (W5) stays behind those before it, and a fence, the wake call and dropping a lock empty the
 * buffer. A look for locks orders as the kernel's own lock around it does: whoever takes or looks for one
 * next finds what was stored before. With -DLOCKLESS, for a kernel that looks without a lock of its own, the
 * look orders nothing.
 *
 * Time: a nap ends at any time. A whole slice does so, too, but that is no excuse:
 *
 * Asserted: no sleeper is within a whole slice, untold, while there is a publication that it has not had and
 * the publisher is through with it: a wake-up is never lost to a slice. Excused is a publisher that died
 * between a publication and its wake; the next one makes good for it as it opens.
 *
 * Broken variants, by -D: see the bugs that spin.sh plants. */

#ifndef SLEEPERS
#define SLEEPERS 1
#endif
#ifndef LIVES
#define LIVES 2
#endif
#ifndef PUBLICATIONS
#define PUBLICATIONS 2 /* of each life */
#endif
#ifndef DEATHS
#define DEATHS 1
#endif

#define COMPLETED 0 /* the slots: the newest publication that is complete */
#define VERSION 1
#define EPOCH 2
#define WAKING 3 /* SEQCAST__CONTROL_WAKING */
#define WORDS 4

#define AWAKE 0
#define NAPPING 1
#define ASLEEP 2

byte memory[WORDS], buffer[WORDS];
bool pending[WORDS];
bool before_version[WORDS]; /* must reach memory before `version` does */
bool under_lock[WORDS];     /* was stored before the lock was looked for */
byte interest;              /* read locks on SEQCAST__SLEEPER_LOCK_BYTE */
bool live;                  /* the publisher's lock */
bool busy = true;           /* a publication or a publisher's opening is not over yet */
bool over;
byte deaths;
byte state[SLEEPERS], delivered[SLEEPERS];

#define LATEST(word) (pending[word] -> buffer[word] : memory[word])

inline reach_memory(word)
{
        memory[word] = buffer[word];
        buffer[word] = 0;
        pending[word] = false;
        before_version[word] = false;
        under_lock[word] = false
}

inline store_relaxed(word, value)
{
        buffer[word] = value;
        pending[word] = true;
        under_lock[word] = false
}

inline store_release_version(value)
{
        store_relaxed(VERSION, value);
        before_version[COMPLETED] = pending[COMPLETED];
        before_version[EPOCH] = pending[EPOCH];
        before_version[WAKING] = pending[WAKING]
}

inline fence()
{
        w = 0;
        do
        :: w < WORDS -> if :: pending[w] -> reach_memory(w) :: else fi; w++
        :: else -> break
        od;
        w = 0
}

/* What orders whoever takes or looks for a file lock after whoever did before. */
inline unlock_kernel()
{
#ifndef LOCKLESS
        w = 0;
        do
        :: w < WORDS -> under_lock[w] = pending[w]; w++
        :: else -> break
        od;
        w = 0
#else
        skip
#endif
}

inline lock_kernel()
{
        w = 0;
        do
        :: w < WORDS -> if :: under_lock[w] -> reach_memory(w) :: else fi; w++
        :: else -> break
        od;
        w = 0
}

inline check_sleepers()
{
        w = 0;
        do
        :: w < SLEEPERS ->
                assert(busy || state[w] != ASLEEP || LATEST(VERSION) <= delivered[w]);
                w++
        :: else -> break
        od;
        w = 0
}

/* seqcast__futex_wake(): the kernel's barrier, then all who sleep */
inline futex_wake()
{
        fence();
        do
        :: w < SLEEPERS -> state[w] = AWAKE; w++
        :: else -> break
        od;
        w = 0
}

#define STEP(effect)                                                                                         \
        if                                                                                                   \
        ::d_step { effect }                                                                                  \
        ::atomic { deaths < DEATHS -> deaths++; goto dead }                                                  \
        fi

inline look_for_locks() /* is_wanted(): seqcast__lock_obstacle() */
{
        wanted = (interest > 0);
        unlock_kernel()
}

inline stop()
{
        STEP(store_relaxed(WAKING, 0)); /* E1 */
#ifndef NO_E2
        STEP(fence()); /* E2 */
#endif
#ifdef NO_E3
        STEP(wanted = false);
#else
        STEP(look_for_locks()); /* E3 */
#endif
        STEP(if
             :: wanted -> store_relaxed(WAKING, epoch)
             :: else -> on = false
             fi)
}

inline look()
{
        STEP(look_for_locks());
        if
        :: wanted ->
                if
                :: !on -> STEP(store_relaxed(WAKING, epoch)) /* start() */
                :: else
                fi;
                on = true
        :: !wanted && on ->
                if
                :: stop() /* LINGER_NS have passed, */
                :: skip /* or not */
                fi
        :: else
        fi;
        wanted = false
}

/* seqcast__waker_attend() */
inline attend()
{
        if
        :: look() /* LOOK_NS have passed, */
        :: skip /* or not */
        fi;
        if
        :: on -> STEP(futex_wake())
        :: else
        fi
}

/* seqcast_ring_write_end(), seqcast__waker_published() */
inline publish()
{
        STEP(busy = true; store_relaxed(COMPLETED, number + 1)); /* W4 */
#ifdef WAKE_BEFORE_W5
        if
        :: on -> STEP(futex_wake())
        :: else
        fi;
#endif
        STEP(number++; store_release_version(number)); /* W5 */
#ifndef WAKE_BEFORE_W5
        if
        :: attend() /* the countdown is at its end: always while waking, */
        :: !on      /* else at some publications */
        fi;
#endif
        STEP(busy = false; check_sleepers())
}

/* open_into(): seqcast__acquire(), announce(), seqcast__waker_open(), seqcast__waker_rouse() */
inline open()
{
        STEP(live = true; busy = true; on = false; number = memory[VERSION]);
        STEP(if /* seqcast_ring_recover() */
             :: memory[COMPLETED] == number + 1 -> number++; store_release_version(number) /* T3 */
             :: else
             fi);
        STEP(epoch = memory[EPOCH] + 1; store_relaxed(EPOCH, epoch));
#ifdef FENCE_AT_OPENING
        STEP(fence());
#endif
#ifndef NO_LOOK_AT_OPENING
        look();
#endif
#ifndef NO_ROUSE
        STEP(futex_wake());
#endif
        STEP(busy = false; check_sleepers())
}

proctype Publisher()
{
        byte lives, number, epoch, published, w;
        bool on, wanted;

next_life:
        skip;
        open();
        do
        :: published < PUBLICATIONS -> publish(); published++
        :: break
        od;
        STEP(fence(); live = false); /* seqcast_publisher_close(): seqcast__lock_drop() */
        STEP(futex_wake()); /* seqcast__waker_rouse() */
dead:
        skip;
        d_step {
                fence();
                live = false;
                on = false;
                wanted = false;
                published = 0;
                epoch = 0;
                number = 0;
                lives++
        }
        if
        :: lives < LIVES -> goto next_life
        :: else
        fi;
        over = true
}

/* The stores of a processor that runs on. */
proctype Buffer()
{
        byte w;

        do
        :: d_step { pending[COMPLETED] -> reach_memory(COMPLETED) }
        :: d_step { pending[EPOCH] -> reach_memory(EPOCH) }
        :: d_step { pending[WAKING] -> reach_memory(WAKING) }
        :: d_step {
                   pending[VERSION] && !before_version[COMPLETED] && !before_version[EPOCH] &&
                           !before_version[WAKING] -> reach_memory(VERSION)
           }
        :: over -> break
        od
}

/* look(), nap_ns(), sleep_until_news() */
proctype Sleeper(byte me)
{
        byte version, epoch, waking, w;
        bool shown, told, news;

        do
        :: over -> break
        :: else ->
#ifdef S2_BEFORE_S1
                d_step { news = memory[COMPLETED] > delivered[me] }
                d_step { version = memory[VERSION] }
#else
                d_step { version = memory[VERSION] }                /* S1 */
                d_step { news = memory[COMPLETED] > delivered[me] } /* S2 */
#endif
                if
                :: news ->
                        d_step { /* read, and hide_interest() */
                                delivered[me] = memory[COMPLETED];
                                news = false;
                                version = 0;
                                if
                                :: shown -> shown = false; interest--; lock_kernel()
                                :: else
                                fi
                        }
#ifndef I2_BEFORE_I1
                :: !news && !shown -> d_step { shown = true; interest++; lock_kernel() } /* I1 */
                :: !news && shown ->
                        if /* I2 */
                        :: d_step { epoch = memory[EPOCH] } d_step { waking = memory[WAKING] }
                        :: d_step { waking = memory[WAKING] } d_step { epoch = memory[EPOCH] }
                        fi;
                        d_step { /* is_live() */
#ifdef ANY_EPOCH
                                told = waking != 0 || !live;
#else
                                told = (epoch != 0 && waking == epoch) || !live;
#endif
                                lock_kernel()
                        }
#else
                :: else ->
                        d_step { epoch = memory[EPOCH]; waking = memory[WAKING] }
                        d_step { told = (epoch != 0 && waking == epoch) || !live; lock_kernel() }
                        d_step { shown = true; interest = 1; lock_kernel() }
#endif
                        d_step { /* seqcast__futex_wait() */
                                if
#ifndef NO_COMPARE
                                :: memory[VERSION] != version /* S3 */
#endif
                                :: else ->
                                        state[me] = (told -> ASLEEP : NAPPING);
                                        check_sleepers()
                                fi;
                                epoch = 0;
                                waking = 0;
                                told = false;
                                version = 0
                        }
                        if
                        :: state[me] == AWAKE
                        :: d_step { state[me] != AWAKE -> state[me] = AWAKE }
                        fi
                fi
        od
}

init
{
        byte s;

        atomic {
                run Publisher();
                run Buffer();
                do
                :: s < SLEEPERS -> run Sleeper(s); s++
                :: else -> break
                od
        }
}
