/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Re-attaching, from src/handle/reattach_plain.c: one thread maps the topic's next segments over the one before,
 * others read meanwhile. Tags as there. The orders of memory are those of the interleaving: what the fences are
 * for is asked by the litmus tests, as P1 to P4 and V1 to V4 are the steps of the sequence lock once more.
 *
 * A segment is a number, and so are its pages and the place that says what it looks like. Asserted: what a
 * reader accepts is all of one segment, the one whose place it goes by.
 *
 * Broken variants, by -D: see the bugs that spin.sh plants. */

#ifndef READERS
#define READERS 2
#endif
#ifndef REPLACEMENTS
#define REPLACEMENTS 3
#endif

byte epoch, generation, present, first_page, second_page;
bool over;

/* seqcast__reattach_replace(), change() */
proctype Replacer()
{
        byte fresh = 1;

        do
        :: fresh <= REPLACEMENTS ->
#ifndef NO_P1
                epoch++; /* P1 */
#endif
#ifdef P4_EARLY
                epoch++;
#endif
                first_page = fresh;  /* P3: seqcast__memory_map_read_at() */
                second_page = fresh; /* ... which does not change all pages at once */
                present = fresh;     /* P3 */
                generation++;
#ifndef P4_EARLY
                epoch++; /* P4 */
#endif
#ifdef NO_P1
                epoch++;
#endif
                fresh++
        :: else -> break
        od;
        over = true
}

/* seqcast__subscriber_enter(), a read, seqcast__subscriber_leave() */
proctype Reader()
{
        byte began, place, told, mine, known, first, second;

        do
        :: over -> break
        :: else ->
                began = epoch;     /* V1 */
                place = present;   /* V2 */
                told = generation; /* V2 */
                if
#ifndef NO_CHECK_BEFORE
                :: began % 2 != 0 || epoch != began /* V3, V4: SEQCAST_BUSY */
#endif
                :: else ->
                        if
                        :: told != known -> d_step { mine = place; known = told } /* move_on() */
                        :: else
                        fi;
                        first = first_page;
                        second = second_page;
                        d_step {
                                if
#ifndef NO_CHECK_AFTER
                                :: epoch != began /* V3, V4 */
#endif
                                :: else -> assert(first == mine && second == mine)
                                fi
                        }
                fi;
                d_step { began = 0; place = 0; told = 0; first = 0; second = 0 }
        od
}

init
{
        byte r;

        atomic {
                run Replacer();
                do
                :: r < READERS -> run Reader(); r++
                :: else -> break
                od
        }
}
