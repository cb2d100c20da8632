/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The life of a name: publishers create, lock, take over, replace and remove what a topic's name stands for,
 * a subscriber opens it and follows. From src/handle/acquire.c and what it calls. One system call, or one
 * store that others see, is one step, named after its function; before each a process may die, and the
 * kernel then closes what it had open, one file after the other.
 *
 * Asserted:
 *   - the publisher of a segment is the only one, the name stands for that segment until he removes it
 *     himself, and the segment is not retired: nobody publishes where no reader will look;
 *   - no number is given to two publications of a segment, also across deaths and takeovers;
 *   - what can be opened by name is complete;
 *   - a round of seqcast__acquire() is lost only because another process has changed something meanwhile, so
 *     it ends as soon as the others let it; and no process is stuck in the end;
 *   - a subscriber that holds another segment than the named one finds it marked as retired at the very
 *     slot that it waits for. Where the replacing process died before it had made the mark, he is left to
 *     the check of the name (seqcast__segment_is_detached).
 *
 * Left out: all failures of system calls but those of lost races, processes from outside that remove the
 * name, the loss of which no publisher can prevent, and segments of another shape, which are replaced as
 * with SEQCAST_RECREATE.
 *
 * Broken variants, by -D: see the bugs that spin.sh plants. */

#ifndef PUBLISHERS
#define PUBLISHERS 2
#endif
#ifndef LIVES
#define LIVES 2 /* of each publisher */
#endif
#ifndef DEATHS
#define DEATHS 2 /* of all */
#endif
#ifndef RECREATORS
#define RECREATORS (PUBLISHERS * LIVES) /* how many lives may replace what fits */
#endif
#define SEGMENTS (2 * PUBLISHERS + 2)
#define NOBODY 255

/* enum verdict, and what comes before it */
#define AGAIN 0
#define TAKE 1
#define REPLACE 2
#define REFUSED 3
#define OBSTACLE 4

typedef Segment {
        byte opened;  /* descriptors that lead to it */
        byte writer;  /* who holds the write lock on SEQCAST__PUBLISHER_LOCK_BYTE */
        byte readers; /* how many hold a read lock there */
        bool complete;
        bool retired;    /* X1, in the word `version` */
        byte version;    /* W5 */
        byte completed;  /* W4: the newest complete publication */
        byte mark;       /* X2: the slot of which publication says so */
        bool left_alone; /* whoever replaced it died before it had made the mark */
}

Segment segment[SEGMENTS + 2]; /* 0: none */
byte name;                     /* which one the topic's name stands for */
byte deaths;
byte ended;
byte starters; /* all publishers are alike: they may as well start in their order */
byte recreators;
bool disturbed[PUBLISHERS];

#define STEP(effect)                                                                                         \
        if                                                                                                   \
        ::d_step { effect }                                                                                  \
        ::atomic { deaths < DEATHS -> deaths++; goto dead }                                                  \
        fi

/* What the others may lose a round to. */
inline disturb()
{
        i = 0;
        do
        :: i < PUBLISHERS -> if :: i != me -> disturbed[i] = true :: else fi; i++
        :: else -> break
        od;
        i = 0
}

inline lose_round()
{
        assert(disturbed[me]);
        verdict = AGAIN
}

/* Nobody can reach it any more: it is as if it had never been. */
inline forget_unreachable(s)
{
        if
        :: segment[s].opened == 0 && name != s ->
                segment[s].complete = false;
                segment[s].retired = false;
                segment[s].version = 0;
                segment[s].completed = 0;
                segment[s].mark = 0;
                segment[s].left_alone = false
        :: else
        fi
}

inline lock_drop(s)
{
        if
        :: segment[s].writer == me -> segment[s].writer = NOBODY; disturb()
        :: else ->
                if
                :: shares -> segment[s].readers--; shares = false; disturb()
                :: else
                fi
        fi
}

inline close(s)
{
        segment[s].opened--;
        forget_unreachable(s);
        s = 0
}

/* seqcast__acquire_release() */
inline acquire_release(s)
{
        STEP(lock_drop(s); close(s))
}

/* open_draft_guarded(), make(): one step, as nobody else can see it before it is linked */
inline open_draft()
{
        fresh = 1;
        do
        :: segment[fresh].opened > 0 || name == fresh -> fresh++
        :: else -> break
        od;
        assert(fresh <= SEGMENTS);
        segment[fresh].opened = 1;
        segment[fresh].complete = true; /* write_header() */
#ifndef LINK_BEFORE_LOCK
        segment[fresh].writer = me /* seqcast__lock_take() */
#endif
}

/* In the broken variant that names the draft first. */
inline lock_late()
{
#ifdef LINK_BEFORE_LOCK
        STEP(if :: segment[fresh].writer == NOBODY -> segment[fresh].writer = me; disturb() :: else fi)
#else
        skip
#endif
}

/* create() without `replace`: seqcast__shm_draft_link() by link(), which fails where there is a name */
inline create_new()
{
        STEP(open_draft());
#ifdef CREATE_OVERWRITES
        STEP(name = fresh; disturb());
        verdict = TAKE;
#else
        STEP(if :: name == 0 -> name = fresh; verdict = TAKE; disturb() :: else -> lose_round() fi);
#endif
        if
        :: verdict == AGAIN -> acquire_release(fresh)
        :: else -> lock_late()
        fi
}

/* seqcast_ring_recover() T1-T3, on a segment that is locked */
inline recover(s)
{
        STEP(if
             :: segment[s].completed == segment[s].version + 1 -> segment[s].version++
             :: else
             fi)
}

/* seqcast_ring_retire() */
inline retire(s)
{
        STEP(segment[s].retired = true);                 /* X1 */
        STEP(segment[s].mark = segment[s].version + 1) /* X2 */
}

/* replace(): create() with `replace`, that is by rename(), then the old one is marked. */
inline replace()
{
#ifdef UNLOCK_EARLY
        STEP(lock_drop(found));
#endif
        STEP(open_draft());
        STEP(replaced = found; name = fresh; disturb());
        lock_late();
#ifndef NO_RECOVER_BEFORE_RETIRE
        recover(found);
#endif
#ifndef NO_RETIRE
        retire(found);
#endif
        replaced = 0
}

/* lock() */
inline lock()
{
#ifdef NO_LOCK
        verdict = TAKE;
#else
        STEP(if /* seqcast__lock_take() */
             :: segment[found].writer == NOBODY && segment[found].readers == 0 ->
                     segment[found].writer = me;
                     disturb();
                     verdict = TAKE
#ifdef WAIT_FOR_THE_LIVING
             :: else -> lose_round()
#else
             :: else -> verdict = OBSTACLE
#endif
             fi);
        if
        :: verdict == OBSTACLE ->
                STEP(if /* seqcast__lock_obstacle() */
                     :: segment[found].writer != NOBODY -> verdict = REFUSED /* refuse_locked() */
                     :: segment[found].writer == NOBODY && segment[found].readers > 0 ->
                             verdict = (recreates -> REPLACE : REFUSED)
                     :: else -> lose_round()
                     fi);
                if
#ifdef REPLACE_THE_LIVING
                :: verdict == REFUSED && recreates -> verdict = REPLACE
#endif
                :: verdict == REPLACE ->
                        STEP(if /* seqcast__lock_take_shared() */
                             :: segment[found].writer == NOBODY ->
                                     segment[found].readers++;
                                     shares = true;
                                     disturb()
                             :: else -> lose_round()
                             fi)
                :: else
                fi
        :: else
        fi;
#endif
#ifndef NO_SECOND_LOOK
        if
        :: verdict == TAKE || verdict == REPLACE ->
                /* seqcast__segment_is_detached() */
                STEP(if :: name != found -> lose_round() :: else fi)
        :: else
        fi
#endif
}

/* judge() */
inline judge()
{
        lock();
        if
        :: verdict == TAKE ->
                /* seqcast__segment_read(), check_fits(), is_retired() */
                STEP(assert(segment[found].complete);
                     if
                     :: recreates -> verdict = REPLACE
#ifndef TAKE_RETIRED
                     :: !recreates && segment[found].retired -> verdict = REPLACE
#endif
                     :: else
                     fi)
        :: else
        fi
}

/* acquire_once() */
inline acquire_once()
{
        verdict = AGAIN;
        disturbed[me] = false;
        STEP(found = name; /* open_guarded() */
             if :: found != 0 -> segment[found].opened++ :: else fi);
        if
        :: found == 0 -> create_new()
        :: else ->
                judge();
                if
                :: verdict == TAKE ->
#ifndef NO_RECOVER
                        recover(found);
#endif
                        fresh = found;
                        found = 0
                :: verdict == REPLACE ->
                        replace();
                        verdict = TAKE;
                        acquire_release(found)
                :: else -> acquire_release(found)
                fi
        fi
}

/* seqcast_publish(): what others see of it */
inline publish()
{
        STEP(assert(segment[fresh].writer == me);
             assert(name == fresh);
             assert(!segment[fresh].retired);
             assert(segment[fresh].completed <= segment[fresh].version);
             segment[fresh].completed = segment[fresh].version + 1); /* W4 */
        STEP(segment[fresh].version++)                                /* W5 */
}

/* seqcast_publisher_remove(), of whoever has published */
inline publisher_remove()
{
        STEP(assert(name == fresh)); /* seqcast__segment_is_detached() */
#ifndef REMOVE_BEFORE_RETIRE
        retire(fresh);
#endif
        STEP(name = 0; disturb()); /* seqcast__shm_remove() */
#ifdef REMOVE_BEFORE_RETIRE
        retire(fresh)
#endif
}

proctype Publisher(byte me)
{
        byte lives, found, fresh, replaced, verdict, i;
        bool recreates, shares;

next_life:
        skip;
        d_step { starters == me || lives > 0 -> starters = (lives > 0 -> starters : starters + 1) }
        if
        :: d_step { recreators < RECREATORS -> recreators++; recreates = true }
        :: recreates = false
        fi;
        do
        :: acquire_once(); if :: verdict == AGAIN :: else -> break fi
        od;
        if
        :: verdict == TAKE ->
                publish();
                if
                :: publisher_remove()
                :: skip
                fi;
                acquire_release(fresh) /* seqcast_publisher_close() */
        :: else /* -EBUSY */
        fi;
        goto end_of_life;
dead:
        atomic {
                if
                :: replaced != 0 -> segment[replaced].left_alone = true; replaced = 0
                :: else
                fi
        }
        if
        :: found != 0 -> d_step { lock_drop(found); close(found) }
        :: else
        fi;
        if
        :: fresh != 0 -> d_step { lock_drop(fresh); close(fresh) }
        :: else
        fi;
end_of_life:
        skip;
        d_step { lives++; verdict = 0; recreates = false }
        if
        :: lives < LIVES -> goto next_life
        :: else
        fi;
        ended++
}

/* One that reads in order and follows: seqcast_subscriber_open(), look_and_follow(), check(). */
inline follow()
{
        other = held;
        held = name;
        segment[held].opened++;
        assert(segment[held].complete);
        if
        :: other != 0 -> segment[other].opened--; forget_unreachable(other); other = 0
        :: else
        fi;
        delivered = 0
}

proctype Subscriber()
{
        byte held, other, delivered;

        do
        :: d_step { /* seqcast__attach_in_time() */
                   held == 0 && name != 0 -> follow()
           }
        :: held == 0 && name == 0 && ended == PUBLISHERS -> break
        :: d_step { /* seqcast_read_next() */
                   held != 0 && segment[held].completed > delivered -> delivered = segment[held].completed
           }
        :: d_step { /* SEQCAST_RETIRED, or seqcast__segment_is_detached() */
                   held != 0 && name != 0 && name != held -> follow()
           }
        :: held != 0 && ended == PUBLISHERS && segment[held].completed <= delivered -> break
        od;
        assert(held == 0 || name == held || segment[held].mark == delivered + 1 || segment[held].left_alone)
}

#ifdef CURIOUS
/* A reader's process that holds a read lock where publishers lock, for a time. */
proctype Curious()
{
        byte held, i, me = NOBODY;

end:    d_step { name != 0 -> held = name; segment[held].opened++ }
        if
        :: d_step { segment[held].writer == NOBODY -> segment[held].readers++; disturb() }
                d_step { segment[held].readers--; disturb() }
        :: segment[held].writer != NOBODY
        fi;
        d_step { segment[held].opened--; forget_unreachable(held) }
}
#endif

init
{
        byte p;

        atomic {
                do
                :: p < SEGMENTS + 2 -> segment[p].writer = NOBODY; p++
                :: else -> break
                od;
                p = 0;
                do
                :: p < PUBLISHERS -> run Publisher(p); p++
                :: else -> break
                od;
#ifdef SUBSCRIBER
                run Subscriber();
#endif
#ifdef CURIOUS
                run Curious()
#endif
        }
}
