/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Plays for child processes that say themselves what is not so, or that this machine does not permit them. */

#ifndef SEQCAST_TESTS_PLAYS_H
#define SEQCAST_TESTS_PLAYS_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "attempt.h"
#include "child.h"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SANITIZED 1 /* it has memory and addresses of its own, locks none, and speaks at exit() */
#else
#define SANITIZED 0
#endif

/* What a play said last; shared with the children. */
static char *play_report;
#define PLAY_REPORT_BYTES 700

/** Before the first child. */
static inline void plays_prepare(void)
{
        topic_name(); /* the children inherit it */
        play_report = child_shared(PLAY_REPORT_BYTES);
}

/** In a play: say what is not so, and end it. */
#define PLAY_EXPECT(condition)                                                                               \
        do {                                                                                                 \
                if (!(condition)) {                                                                          \
                        snprintf(play_report, PLAY_REPORT_BYTES, "line %d: %s (errno: %s)", __LINE__,        \
                                 #condition, strerror(errno));                                               \
                        return 1;                                                                            \
                }                                                                                            \
        } while (0)

/** In a play: end it, since `what` is not permitted here. */
static inline int play_impossible(const char *what)
{
        snprintf(play_report, PLAY_REPORT_BYTES, "%s: %s", what, strerror(errno));
        return NOT_THERE;
}

/** Of a play that has ended with `status`. */
static inline void expect_played(int status, int expected)
{
        if (status == NOT_THERE) {
                SKIP_WITH_TOPIC("not permitted here: %s", play_report);
        }
        cr_assert(eq(int, status, expected), "%s", play_report);
}

static inline void expect_play(int (*play)(void))
{
        expect_played(child_wait(child_start(play)), 0);
}

/** Open descriptors, where /proc may not be there to be read. */
static inline unsigned count_open(void)
{
        unsigned count = 0;

        for (int fd = 0; fd < 256; fd++)
                count += fcntl(fd, F_GETFD) >= 0;
        return count;
}

#endif
