/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Processes that measure, and waiting for them. */

#define _GNU_SOURCE
#include "bench/side.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/stop.h"
#include "common/text.h"

void *side_memory(size_t bytes, struct failure *failure)
{
        void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (memory != MAP_FAILED)
                return memory;
        fail(failure, E_IO, "no memory for processes to share: %s", strerror(errno));
        return NULL;
}

void side_memory_free(void *memory, size_t bytes)
{
        if (memory != NULL)
                munmap(memory, bytes);
}

bool side_pin(int cpu, struct failure *failure)
{
        cpu_set_t only;

        CPU_ZERO(&only);
        CPU_SET((size_t)cpu, &only);
        if (sched_setaffinity(0, sizeof only, &only) == 0)
                return true;
        return fail(failure, E_IO, "cannot run on CPU %d: %s", cpu, strerror(errno));
}

struct children {
        pid_t *pids; /* 0: not, or no longer, there */
        size_t count;
        size_t left;
        struct failure *failures; /* shared with them */
        int ended;                /* a descriptor with input when one of them has ended */
};

/* A signal from the keyboard comes to all; what is to be done then, the parent knows. */
static void live_as_child(const struct side *side, pid_t parent, struct failure *failure)
{
        stop_ignore();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(1);
        _exit(side_pin(side->cpu, failure) && side->run(side->shared, failure) ? 0 : 1);
}

static bool start(struct children *children, const struct side *sides, struct failure *failure)
{
        pid_t parent = getpid();

        for (size_t i = 0; i < children->count; i++) {
                pid_t pid = fork();

                if (pid == 0)
                        live_as_child(&sides[i], parent, &children->failures[i]);
                if (pid < 0)
                        return fail(failure, E_IO, "cannot start a process: %s", strerror(errno));
                children->pids[i] = pid;
                children->left++;
        }
        return true;
}

static bool judge(const struct failure *said, int status, struct failure *failure)
{
        if (status == 0)
                return true;
        if (WIFSIGNALED(status))
                return fail(failure, E_IO, "a process was killed by signal %d in mid-measurement",
                            WTERMSIG(status));
        *failure = *said;
        return said->message[0] != '\0' || fail(failure, E_IO, "a process has ended in mid-measurement");
}

/* Each is waited for by its id: what else the tool may have started is not ours. */
static bool reap(struct children *children, int options, struct failure *failure)
{
        bool fine = true;

        for (size_t i = 0; i < children->count; i++) {
                int status = 0;

                if (children->pids[i] == 0 || waitpid(children->pids[i], &status, options) <= 0)
                        continue;
                children->pids[i] = 0;
                children->left--;
                if (fine && status != 0) {
                        judge(&children->failures[i], status, failure);
                        fine = false;
                }
        }
        return fine;
}

static bool follow(struct children *children, struct failure *failure)
{
        while (children->left > 0) {
                struct signalfd_siginfo told;

                if (stop_wait(children->ended, CLOCK_NEVER) == WAIT_STOP)
                        return fail(failure, E_IO, "stopped by a signal");
                if (read(children->ended, &told, sizeof told) < 0 && errno != EINTR && errno != EAGAIN)
                        return fail(failure, E_IO, "cannot wait for a process: %s", strerror(errno));
                if (!reap(children, WNOHANG, failure))
                        return false;
        }
        return true;
}

static void kill_left(struct children *children)
{
        struct failure ignored;

        for (size_t i = 0; i < children->count; i++)
                if (children->pids[i] != 0)
                        kill(children->pids[i], SIGKILL);
        reap(children, 0, &ignored);
}

bool side_run(const struct side *sides, size_t count, struct failure *failure)
{
        struct children children = { .count = count };
        sigset_t child, before;
        bool done = false;

        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        sigprocmask(SIG_BLOCK, &child, &before);
        children.ended = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
        children.failures = side_memory(count * sizeof *children.failures, failure);
        children.pids = allocate(count, sizeof *children.pids);
        memset(children.pids, 0, count * sizeof *children.pids);
        if (children.ended < 0)
                fail(failure, E_IO, "cannot wait for processes: %s", strerror(errno));
        else if (children.failures != NULL)
                done = start(&children, sides, failure) && follow(&children, failure);
        kill_left(&children);
        free(children.pids);
        side_memory_free(children.failures, count * sizeof *children.failures);
        if (children.ended >= 0)
                close(children.ended);
        sigprocmask(SIG_SETMASK, &before, NULL);
        return done;
}

bool side_alone(int cpu, side_function *run, void *shared, struct failure *failure)
{
        const struct side side = { cpu, run, shared };

        return side_run(&side, 1, failure);
}

bool side_pair(const int cpus[2], side_function *const sides[2], void *shared, struct failure *failure)
{
        const struct side both[2] = { { cpus[0], sides[0], shared }, { cpus[1], sides[1], shared } };

        return side_run(both, 2, failure);
}
