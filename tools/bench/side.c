/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#define _GNU_SOURCE
#include "bench/side.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void *side_memory(size_t bytes, struct failure *failure)
{
        void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (memory != MAP_FAILED)
                return memory;
        fail(failure, E_IO, "no memory for two processes to share: %s", strerror(errno));
        return NULL;
}

void side_memory_free(void *memory, size_t bytes)
{
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

bool side_pair(const int cpus[2], side_function *const sides[2], void *shared, struct failure *failure)
{
        struct failure *failures = side_memory(2 * sizeof *failures, failure);
        pid_t parent = getpid(), children[2] = { 0, 0 };
        bool done = failures != NULL;

        for (int i = 0; i < 2 && done; i++) {
                children[i] = fork();
                if (children[i] == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        if (getppid() != parent)
                                _exit(1);
                        _exit(side_pin(cpus[i], &failures[i]) && sides[i](shared, &failures[i]) ? 0 : 1);
                }
                if (children[i] < 0)
                        done = fail(failure, E_IO, "cannot start a process: %s", strerror(errno));
        }
        for (int left = (children[0] > 0) + (children[1] > 0); left > 0; left--) {
                int status = 0;
                pid_t ended = wait(&status);
                int i = ended == children[1];

                children[i] = 0;
                if (status == 0 || !done)
                        continue;
                done = fail(failure, E_IO, "%s",
                            failures[i].message[0] != '\0' ? failures[i].message
                                                           : "a process has ended in mid-measurement");
                if (children[!i] > 0)
                        kill(children[!i], SIGKILL);
        }
        if (failures != NULL)
                side_memory_free(failures, 2 * sizeof *failures);
        return done;
}
