/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What the programs of this folder have in common: time, figures, and an end that leaves nothing behind. */

#ifndef SEQCAST_TESTS_TORTURE_HARNESS_H
#define SEQCAST_TESTS_TORTURE_HARNESS_H

#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <time.h>

#include "../support/topic.h"

static inline double now_seconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/** Remove the topic, and what bears a temporary name made from it. @return how many of the latter */
static inline unsigned remove_objects(void)
{
        DIR *directory = opendir(SHM_DIRECTORY);
        const struct dirent *entry;
        unsigned removed = 0;

        topic_remove();
        if (directory == NULL)
                abort();
        while ((entry = readdir(directory)) != NULL)
                if (strstr(entry->d_name, topic_name()) != NULL)
                        removed += unlinkat(dirfd(directory), entry->d_name, 0) == 0;
        closedir(directory);
        return removed;
}

/** How long to go on: until `*count` or `*seconds`, whatever comes first. Of the two, 0 is no limit if the
 *  other one is given. */
static inline void limits(uint64_t *count, double *seconds, uint64_t usual_count, double usual_seconds)
{
        if (*count == 0 && *seconds <= 0) {
                *count = usual_count;
                *seconds = usual_seconds;
        }
        if (*count == 0)
                *count = UINT64_MAX;
        if (*seconds <= 0)
                *seconds = HUGE_VAL;
}

static void end_early(int signal_number)
{
        static const char stuck[] = "# STUCK: the parent\n";

        if (signal_number == SIGALRM && write(STDOUT_FILENO, stuck, sizeof stuck - 1) < 0)
                _exit(1);
        unlink(topic_path());
        _exit(128 + signal_number);
}

/** First of all: children inherit the topic's name, sleeps are as short as they are asked to be, and whoever
 *  loses patience, ourselves included, leaves no topic behind. */
static inline void harness_begin(void)
{
        topic_name();
        topic_path();
        prctl(PR_SET_TIMERSLACK, 1);
        signal(SIGALRM, end_early);
        signal(SIGTERM, end_early);
        signal(SIGINT, end_early);
}

#endif
