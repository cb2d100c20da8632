/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The system calls of a traced process: what it asks for, and other answers than the kernel's. Knows the
 * registers of x86-64 and AArch64; elsewhere SYSCALLS_KNOWN is 0, and nothing else is here. */

#ifndef SEQCAST_TESTS_SYSCALLS_H
#define SEQCAST_TESTS_SYSCALLS_H

#if defined(__LP64__) && (defined(__x86_64__) || defined(__aarch64__))
#define SYSCALLS_KNOWN 1
#else
#define SYSCALLS_KNOWN 0
#endif

#if SYSCALLS_KNOWN

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>

/* With PTRACE_O_TRACESYSGOOD, the signal of a stop at the entry or the exit of a call. */
#define SYSCALLS_STOP (SIGTRAP | 0x80)

/* As it is at the entry; at the exit, the registers of the arguments may hold something else. */
struct syscalls_call {
        long number;
        unsigned long arguments[6];
};

#if defined(__x86_64__)
#define SYSCALLS__NUMBER(registers) (registers).orig_rax
#define SYSCALLS__RESULT(registers) (registers).rax
#define SYSCALLS__ARGUMENTS(registers)                                                                       \
        {                                                                                                    \
                (registers).rdi, (registers).rsi, (registers).rdx, (registers).r10, (registers).r8,          \
                        (registers).r9                                                                       \
        }
#else
#ifndef NT_ARM_SYSTEM_CALL
#define NT_ARM_SYSTEM_CALL 0x404
#endif
#define SYSCALLS__NUMBER(registers) (registers).regs[8]
#define SYSCALLS__RESULT(registers) (registers).regs[0]
#define SYSCALLS__ARGUMENTS(registers)                                                                       \
        {                                                                                                    \
                (registers).regs[0], (registers).regs[1], (registers).regs[2], (registers).regs[3],          \
                        (registers).regs[4], (registers).regs[5]                                             \
        }
#endif

static inline bool syscalls__transfer(pid_t process, enum __ptrace_request request, unsigned long set,
                                      void *registers, size_t bytes)
{
        struct iovec block = { registers, bytes };

        return ptrace(request, process, (void *)set, &block) == 0;
}

static inline bool syscalls__get(pid_t process, struct user_regs_struct *ret_registers)
{
        return syscalls__transfer(process, PTRACE_GETREGSET, NT_PRSTATUS, ret_registers,
                                  sizeof *ret_registers);
}

static inline bool syscalls__set(pid_t process, struct user_regs_struct *registers)
{
        return syscalls__transfer(process, PTRACE_SETREGSET, NT_PRSTATUS, registers, sizeof *registers);
}

/** At the entry. @return false: the process is gone, as in all of these */
static inline bool syscalls_read(pid_t process, struct syscalls_call *ret_call)
{
        struct user_regs_struct registers;

        if (!syscalls__get(process, &registers))
                return false;
        *ret_call =
                (struct syscalls_call){ (long)SYSCALLS__NUMBER(registers), SYSCALLS__ARGUMENTS(registers) };
        return true;
}

/** At the entry: the kernel is to do nothing. The call has an exit all the same. */
static inline bool syscalls_skip(pid_t process)
{
#if defined(__x86_64__)
        struct user_regs_struct registers;

        if (!syscalls__get(process, &registers))
                return false;
        SYSCALLS__NUMBER(registers) = (unsigned long long)-1;
        return syscalls__set(process, &registers);
#else
        int number = -1;

        return syscalls__transfer(process, PTRACE_SETREGSET, NT_ARM_SYSTEM_CALL, &number, sizeof number);
#endif
}

/** At the exit: what the call returns, an error as its negative number. */
static inline bool syscalls_result(pid_t process, long *ret_result)
{
        struct user_regs_struct registers;

        if (!syscalls__get(process, &registers))
                return false;
        *ret_result = (long)SYSCALLS__RESULT(registers);
        return true;
}

/** At the exit: it returns this instead. */
static inline bool syscalls_answer(pid_t process, long result)
{
        struct user_regs_struct registers;

        if (!syscalls__get(process, &registers))
                return false;
        SYSCALLS__RESULT(registers) = (unsigned long long)result;
        return syscalls__set(process, &registers);
}

/** Text in the process's memory, cut to fit; empty where there is none. */
static inline void syscalls_text(pid_t process, unsigned long address, char *ret_text, size_t capacity)
{
        const size_t word_bytes = sizeof(long);
        size_t length = 0;

        while (length + 1 < capacity) {
                unsigned long at = address + length, start = at / word_bytes * word_bytes;
                long word;

                errno = 0; /* no word says that there is none */
                word = ptrace(PTRACE_PEEKDATA, process, (void *)start, NULL);
                if (errno != 0)
                        break;
                for (size_t i = at - start; i < word_bytes && length + 1 < capacity; i++) {
                        ret_text[length] = ((const char *)&word)[i];
                        if (ret_text[length++] == '\0')
                                return;
                }
        }
        ret_text[length] = '\0';
}

#endif

#endif
