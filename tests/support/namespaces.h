/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Children in namespaces of their own that share the memory of all. */

#ifndef SEQCAST_TESTS_NAMESPACES_H
#define SEQCAST_TESTS_NAMESPACES_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "child.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/* Beside the kernel's own flags: a user namespace in which this user is root; in which nobody is mapped. */
#define NAMESPACE_USER_MAPPED 0x1
#define NAMESPACE_USER_UNMAPPED 0x2

/** How far clocks in a time namespace are ahead. */
static int namespace_clock_offset_s = 100000;

static inline bool namespace_write(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

        if (fd >= 0)
                close(fd);
        return written;
}

static inline bool namespace_enter_user(bool mapped)
{
        char map[64];

        snprintf(map, sizeof map, "0 %u 1", (unsigned)geteuid());
        prctl(PR_SET_DUMPABLE, 1); /* after a change of user, its own files in /proc are not its own */
        return unshare(CLONE_NEWUSER) == 0 && (!mapped || namespace_write("/proc/self/uid_map", map));
}

/**
 * Go into new namespaces. Those of processes and of times begin with a child: it is the one that returns,
 * and this process ends with its exit status.
 * @param ret_pid  may be NULL; the process that goes on, as the others see it
 * @return false: not permitted here, errno says why
 */
static inline bool namespaces_enter(int flags, _Atomic(pid_t) *ret_pid)
{
        const int mine = NAMESPACE_USER_MAPPED | NAMESPACE_USER_UNMAPPED;
        char offsets[64];
        pid_t child = getpid();

        if ((flags & mine) != 0 && !namespace_enter_user((flags & NAMESPACE_USER_MAPPED) != 0))
                return false;
        if (unshare(flags & ~mine) != 0)
                return false;
        snprintf(offsets, sizeof offsets, "monotonic %d 0\nboottime %d 0\n", namespace_clock_offset_s,
                 namespace_clock_offset_s);
        if ((flags & CLONE_NEWTIME) != 0 && !namespace_write("/proc/self/timens_offsets", offsets))
                return false;
        if ((flags & (CLONE_NEWPID | CLONE_NEWTIME)) != 0) {
                child = fork();
                if (child < 0)
                        return false;
                if (child > 0) {
                        if (ret_pid != NULL)
                                atomic_store(ret_pid, child);
                        _exit(child_wait(child) & 0xff);
                }
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                return true;
        }
        if (ret_pid != NULL)
                atomic_store(ret_pid, child);
        return true;
}

#endif
