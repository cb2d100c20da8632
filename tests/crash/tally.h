/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What the programs of this folder count, and how they report it: figures first, then faults, of which
 * there must be none. */

#ifndef SEQCAST_TESTS_CRASH_TALLY_H
#define SEQCAST_TESTS_CRASH_TALLY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum figure {
        INSTRUCTIONS, /* the publisher was stopped after */
        STATES,       /* that were looked at: memory differed, or the system was called */
        READS,        /* tried */
        OPENS,        /* of subscribers that were there at no earlier state */
        TAKEOVERS,    /* of a copy of the segment */
        LIBRARY,      /* of these, by seqcast_publisher_open() */
        KILLS,        /* for good */
        CONTENDERS,   /* publishers that came in between */
        SCHEDULES,    /* a reader stopped here, the publisher there */
        ACCEPTED,     /* reads that were stopped in the middle and delivered a record */
        BUSY,         /* reads that found nothing, at depth 1 where that is documented */
        OVERWRITTEN,  /* looks that were told so at their end */
        FAULTS,
        TORN = FAULTS, /* a record that nobody has published */
        BLOCKED,       /* no record, where there was one before */
        BACKWARDS,     /* an earlier number than before */
        LOST,          /* numbers that a reader who looked at every state was not delivered */
        REUSED,        /* the next publisher uses a number for the second time */
        SKIPPED,       /* ... leaves one out */
        UNANNOUNCED,   /* ... does not announce what was complete */
        HALF_MADE,     /* a name that stands for something that cannot be opened */
        TWO_OWNERS,    /* two publishers at a time, or one of what has no name any more */
        FAILED,        /* a call failed that should not have */
        FIGURES
};

#define FAULTS_SHOWN 5

static const char *const figure_names[FIGURES] = {
        "instructions", "states",     "reads",      "opens",    "takeovers", "by the library",
        "kills",        "contenders", "schedules",  "accepted", "busy",      "overwritten",
        "torn",         "blocked",    "backwards",  "lost",     "reused",    "skipped",
        "unannounced",  "half-made",  "two owners", "failed",
};

struct tally {
        uint64_t count[FIGURES];
};

static struct tally tally; /* of what is under way */

/** @param where in words, for the first few */
static inline void tally_fault(enum figure fault, const char *where)
{
        uint64_t all = 0;

        for (int f = FAULTS; f < FIGURES; f++)
                all += tally.count[f];
        tally.count[fault]++;
        if (all < FAULTS_SHOWN)
                printf("%s: %s\n", figure_names[fault], where);
}

static inline bool tally_is_good(const struct tally *sum)
{
        uint64_t faults = 0;

        for (int f = FAULTS; f < FIGURES; f++)
                faults += sum->count[f];
        return faults == 0;
}

static inline void tally_print(const char *title, const struct tally *sum)
{
        printf("%s: ", title);
        for (int f = 0; f < FIGURES; f++) {
                if (f < FAULTS && sum->count[f] == 0)
                        continue;
                printf("%s%llu %s",
                       f == FAULTS         ? "; "
                       : f == INSTRUCTIONS ? ""
                                           : ", ",
                       (unsigned long long)sum->count[f], figure_names[f]);
        }
        printf("\n");
        fflush(stdout);
}

/** Print what was counted since the last time, and add it to `sum`. */
static inline void tally_close(const char *title, struct tally *sum)
{
        tally_print(title, &tally);
        for (int f = 0; f < FIGURES; f++)
                sum->count[f] += tally.count[f];
        tally = (struct tally){ { 0 } };
}

#endif
