/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A child that is stopped after every instruction, or after every system call. It is a fork of whoever
 * traces it, so that both have the same code at the same addresses. */

#ifndef SEQCAST_TESTS_CRASH_STEP_H
#define SEQCAST_TESTS_CRASH_STEP_H

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "../support/child.h"

#define STEP_WATCHDOG_SECONDS 3600

struct step {
        pid_t pid;
        int status;            /* waitpid()'s, when it has ended */
        uint64_t instructions; /* that it was stopped after */
        uint64_t calls;        /* system calls it was seen to make */
};

enum step_stop {
        STEP_ENDED,
        STEP_MARK, /* it has called step_mark() */
        STEP_ON    /* one instruction, or one system call, further */
};

/* ---- what is the machine's ------------------------------------------------------------------ */

#if defined(__x86_64__)

static inline uintptr_t step_next_instruction(const struct step *child)
{
        return (uintptr_t)ptrace(PTRACE_PEEKUSER, child->pid, offsetof(struct user, regs.rip), NULL);
}

static inline bool step_is_call(uintptr_t instruction)
{
        return memcmp((const void *)instruction, "\x0f\x05", 2) == 0; /* syscall */
}

static inline const char *step_obstacle(void)
{
        return NULL;
}

#elif defined(__aarch64__)

static inline uintptr_t step_next_instruction(const struct step *child)
{
        struct user_regs_struct registers = { .pc = 0 };
        struct iovec all = { &registers, sizeof registers };

        ptrace(PTRACE_GETREGSET, child->pid, (void *)(uintptr_t)NT_PRSTATUS, &all);
        return (uintptr_t)registers.pc;
}

static inline bool step_is_call(uintptr_t instruction)
{
        return memcmp((const void *)instruction, "\x01\x00\x00\xd4", 4) == 0; /* svc #0 */
}

/* Each stop clears the exclusive monitor: a load-exclusive, store-exclusive loop would never end. */
static inline const char *step_obstacle(void)
{
        const unsigned long atomics = 1ul << 8; /* HWCAP_ATOMICS */

        return (getauxval(AT_HWCAP) & atomics) != 0
                       ? NULL
                       : "exclusive loads cannot be stepped through, and this processor has nothing else";
}

#else

static inline uintptr_t step_next_instruction(const struct step *child)
{
        (void)child;
        return 0;
}

static inline bool step_is_call(uintptr_t instruction)
{
        return instruction == 0;
}

static inline const char *step_obstacle(void)
{
        return "stepping is known for x86-64 and AArch64 only";
}

#endif

/* ---- in the child --------------------------------------------------------------------------- */

static inline void step_mark(void)
{
        kill(getpid(), SIGSTOP);
}

/* ---- in the parent -------------------------------------------------------------------------- */

static inline enum step_stop step_resume(struct step *child, int request)
{
        int signal = 0;

        while (WIFSTOPPED(child->status)) {
                if (ptrace(request, child->pid, NULL, (void *)(uintptr_t)signal) != 0 && errno != ESRCH)
                        abort();
                if (waitpid(child->pid, &child->status, 0) != child->pid)
                        abort();
                if (!WIFSTOPPED(child->status))
                        break;
                signal = WSTOPSIG(child->status);
                if (signal == SIGSTOP)
                        return STEP_MARK;
                if (signal == SIGTRAP || signal == (SIGTRAP | 0x80))
                        return STEP_ON;
                /* any other signal is the child's own, as a crash would be */
        }
        return STEP_ENDED;
}

/** To the next mark, or to its end. */
static inline enum step_stop step_run(struct step *child)
{
        return step_resume(child, PTRACE_CONT);
}

/** One instruction, system call or not. */
static inline enum step_stop step_one(struct step *child)
{
        bool is_call = step_is_call(step_next_instruction(child));
        enum step_stop stop = step_resume(child, PTRACE_SINGLESTEP);

        child->instructions += stop == STEP_ON;
        child->calls += is_call && stop == STEP_ON;
        return stop;
}

/** Past the next system call. */
static inline enum step_stop step_call(struct step *child)
{
        enum step_stop stop = step_resume(child, PTRACE_SYSCALL);

        if (stop == STEP_ON)
                stop = step_resume(child, PTRACE_SYSCALL);
        child->calls += stop == STEP_ON;
        return stop;
}

/** Start `play`, whose result is its exit status, up to its first mark. */
static inline enum step_stop step_start(struct step *child, int (*play)(void))
{
        *child = (struct step){ .pid = -1 };
        fflush(NULL);
        child->pid = fork();
        if (child->pid < 0)
                abort();
        if (child->pid == 0) {
                if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
                        _exit(77);
                step_mark();
                _exit(play());
        }
        if (waitpid(child->pid, &child->status, 0) != child->pid)
                abort();
        if (!WIFSTOPPED(child->status))
                return STEP_ENDED;
        if (ptrace(PTRACE_SETOPTIONS, child->pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) != 0)
                abort();
        return step_run(child);
}

static inline void step_kill(struct step *child)
{
        child_kill(child->pid);
        child->status = SIGKILL;
}

/** Has it ended by itself, with exit status 0? */
static inline bool step_ended_well(const struct step *child)
{
        return WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0;
}

static inline int step_nothing(void)
{
        step_mark();
        return 0;
}

/** Whoever traces and the traced take turns: on one processor that costs a half. */
static inline void step_stay_on_one_processor(void)
{
        cpu_set_t one;

        CPU_ZERO(&one);
        CPU_SET((size_t)sched_getcpu(), &one);
        sched_setaffinity(0, sizeof one, &one);
}

static void (*step_clean_up)(void);

static inline void step_give_up(int signal)
{
        step_clean_up(); /* nothing else will */
        _exit(signal == SIGALRM ? 124 : 1);
}

/** Prepare to step. @param clean_up for when that is cut short. @return NULL, or why it is not possible
 *  here */
static inline const char *step_prepare(void (*clean_up)(void))
{
        const char *obstacle = step_obstacle();
        struct step child;

        step_clean_up = clean_up;
        signal(SIGALRM, step_give_up);
        signal(SIGTERM, step_give_up);
        signal(SIGINT, step_give_up);
        alarm(STEP_WATCHDOG_SECONDS);
        step_stay_on_one_processor();
        if (obstacle != NULL)
                return obstacle;
        if (step_start(&child, step_nothing) == STEP_ENDED)
                return "tracing is not permitted here";
        if (step_one(&child) == STEP_ENDED)
                return "there are no single steps here";
        step_kill(&child);
        return NULL;
}

#endif
