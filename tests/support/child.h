/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Child processes of a test: started, told to go on, ended. */

#ifndef SEQCAST_TESTS_CHILD_H
#define SEQCAST_TESTS_CHILD_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/** Zeroed memory that is shared with the children of fork(). */
static inline void *child_shared(size_t bytes)
{
        void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
                abort();
        return memory;
}

/** Run `play` in a child, whose exit status is what it returns. */
static inline pid_t child_start(int (*play)(void))
{
        pid_t child = fork();

        if (child < 0)
                abort();
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
                _exit(play());
        }
        return child;
}

/** @return the exit status; -1 if a signal ended it */
static inline int child_wait(pid_t child)
{
        int status;

        if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
                return -1;
        return WEXITSTATUS(status);
}

static inline void child_kill(pid_t child)
{
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
}

static inline void sleep_us(long microseconds)
{
        const struct timespec pause = { microseconds / 1000000, microseconds % 1000000 * 1000 };

        nanosleep(&pause, NULL);
}

/** Wait until *word is at least `value`; a test that hangs here runs into its own time limit. */
static inline void wait_for(_Atomic(unsigned) *word, unsigned value)
{
        while (atomic_load(word) < value)
                sleep_us(200);
}

#endif
