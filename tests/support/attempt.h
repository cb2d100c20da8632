/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Attempts to open this process's topic, here or in a child that is elsewhere (another user, other
 * namespaces, another root), and what they came to: the result and the sentence. */

#ifndef SEQCAST_TESTS_ATTEMPT_H
#define SEQCAST_TESTS_ATTEMPT_H

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "seqcast.h"

#include "child.h"
#include "topic.h"

#define ATTEMPT_RECORD_BYTES 64u
#define NOT_THERE 77 /* the child could not go there: a positive result, which no open has */

struct attempt {
        int result;
        seqcast_detail detail;
};

static inline struct attempt attempt_subscriber(void)
{
        struct attempt attempt = { .detail = { "" } };
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        seqcast_subscriber *subscriber = NULL;

        options.ret_detail = &attempt.detail;
        attempt.result = seqcast_subscriber_open(topic_name(), &options, &subscriber);
        seqcast_subscriber_close(subscriber);
        return attempt;
}

static inline struct attempt attempt_publisher_with(uint32_t flags)
{
        struct attempt attempt = { .detail = { "" } };
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_publisher *publisher = NULL;

        options.record_bytes = ATTEMPT_RECORD_BYTES;
        options.flags = flags;
        options.ret_detail = &attempt.detail;
        attempt.result = seqcast_publisher_open(topic_name(), &options, &publisher);
        seqcast_publisher_close(publisher);
        return attempt;
}

static inline struct attempt attempt_publisher(void)
{
        return attempt_publisher_with(0);
}

static inline struct attempt attempt_replacing(void)
{
        return attempt_publisher_with(SEQCAST_REPLACE);
}

/** Make an attempt in a child that has gone elsewhere first. `go` returns false where that is not permitted;
 *  the text then says why. */
static inline struct attempt attempt_elsewhere(bool (*go)(void), struct attempt (*make)(void))
{
        struct attempt *shared = child_shared(sizeof *shared), attempt;
        pid_t child;

        topic_name(); /* the child inherits it */
        child = fork();
        if (child < 0)
                abort();
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (go()) {
                        *shared = make();
                } else {
                        shared->result = NOT_THERE;
                        snprintf(shared->detail.text, sizeof shared->detail.text, "%s", strerror(errno));
                }
                _exit(0);
        }
        if (child_wait(child) != 0) {
                shared->result = NOT_THERE + 1;
                strcpy(shared->detail.text, "the child died");
        }
        attempt = *shared;
        munmap(shared, sizeof *shared);
        return attempt;
}

/* ---- where to go ---------------------------------------------------------------------------- */

#define STRANGER 1234u

/** Another user, who still does not survive his parent: a change of user forgets that. */
static inline bool become_user(uid_t uid)
{
        return setgid(uid) == 0 && setuid(uid) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

/** A user without privileges. */
static inline bool become_stranger(void)
{
        return become_user(STRANGER);
}

/** A mount namespace of one's own, in which mounts stay. */
static inline bool leave_mounts(void)
{
        return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/** ... with a shared memory of one's own, of these mount options. */
static inline bool mount_memory(const char *options)
{
        return leave_mounts() && mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, options) == 0;
}

#endif
