/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Stands in for Criterion where there is none: on processors that are only emulated here. As much of it as
 * the unit tests of the core use, in one file, with a main() that runs each test in a process of its own and
 * prints TAP. Bounds on time are left to whoever runs it. */

#ifndef SEQCAST_TESTS_PLAIN_CRITERION_H
#define SEQCAST_TESTS_PLAIN_CRITERION_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PLAIN_PASSED = 0, PLAIN_FAILED = 1, PLAIN_SKIPPED = 77 };

struct plain_test {
        struct plain_test *next;
        const char *name;
        void (*run)(void);
};

static struct plain_test *plain_first, **plain_end = &plain_first;
static int plain_result = PLAIN_PASSED;

static inline void plain_append(struct plain_test *test)
{
        *plain_end = test;
        plain_end = &test->next;
}

static inline void plain_say(const char *format, va_list arguments)
{
        if (format != NULL)
                vprintf(format, arguments);
        putchar('\n');
        fflush(stdout);
}

/* The format may be missing: a NULL stands behind the arguments. */
static inline void plain_check(const char *file, int line, bool fatal, bool holds, const char *format, ...)
{
        va_list arguments;

        if (holds)
                return;
        printf("# %s:%d: ", file, line);
        va_start(arguments, format);
        plain_say(format, arguments);
        va_end(arguments);
        plain_result = PLAIN_FAILED;
        if (fatal)
                _exit(PLAIN_FAILED);
}

static inline void plain_skip(const char *format, ...)
{
        va_list arguments;

        printf("# skipped: ");
        va_start(arguments, format);
        plain_say(format, arguments);
        va_end(arguments);
        _exit(PLAIN_SKIPPED);
}

/* Settings, such as a timeout, may follow the name. */
#define Test(...) PLAIN_TEST(__VA_ARGS__, )
#define PLAIN_TEST(suite, test, ...)                                                                         \
        static void suite##_##test(void);                                                                    \
        static __attribute__((constructor)) void suite##_##test##_append(void)                               \
        {                                                                                                    \
                static struct plain_test entry = { NULL, #suite ": " #test, suite##_##test };                \
                                                                                                             \
                plain_append(&entry);                                                                        \
        }                                                                                                    \
        static void suite##_##test(void)

#define PLAIN_CHECK(fatal, ...) plain_check(__FILE__, __LINE__, fatal, __VA_ARGS__, NULL)
#define cr_assert(...) PLAIN_CHECK(true, __VA_ARGS__)
#define cr_expect(...) PLAIN_CHECK(false, __VA_ARGS__)
#define cr_fatal(...) PLAIN_CHECK(true, false, __VA_ARGS__)
#define cr_skip_test(...) plain_skip(__VA_ARGS__)

#define eq(type, a, b) ((a) == (b))
#define lt(type, a, b) ((a) < (b))
#define ge(type, a, b) ((a) >= (b))
#define zero(type, a) ((a) == 0)
#define not(a) (!(a))

static int plain_run(const struct plain_test *test)
{
        pid_t child = fork();
        int status;

        if (child == 0) {
                test->run();
                fflush(stdout);
                _exit(plain_result);
        }
        if (child < 0 || waitpid(child, &status, 0) != child)
                return PLAIN_FAILED;
        if (WIFSIGNALED(status))
                printf("# ended by signal %d\n", WTERMSIG(status));
        return WIFEXITED(status) ? WEXITSTATUS(status) : PLAIN_FAILED;
}

int main(void)
{
        int number = 0, failed = 0;

        for (const struct plain_test *test = plain_first; test != NULL; test = test->next) {
                int result = plain_run(test);
                bool fine = result == PLAIN_PASSED || result == PLAIN_SKIPPED;

                printf("%sok %d - %s%s\n", fine ? "" : "not ", ++number, test->name,
                       result == PLAIN_SKIPPED ? " # SKIP see above" : "");
                fflush(stdout);
                failed += !fine;
        }
        printf("1..%d\n", number);
        return failed != 0;
}

#endif
