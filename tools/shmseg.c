/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* shmseg: verbs for segments. Those that are not built in are programs called shmseg-VERB. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "common/options.h"
#include "common/report.h"
#include "common/suggest.h"

static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
} verbs[] = {
        { "bench", bench_main },
};
#define VERBS (sizeof verbs / sizeof *verbs)

static const struct tool_option options[] = {
        TOOL_COMMON_ROW(HELP, 'h', "help", NULL, NULL, 0),
        TOOL_COMMON_ROW(VERSION, 'V', "version", NULL, "this text; the version", 0),
        OPTION_END,
};

static const struct tool tool = {
        "shmseg",
        "Shared-memory segments as a whole.\n"
        "  shmseg bench                        how fast is it here, and how fast could it be?\n"
        "  shmseg bench --help                 the options of a verb\n"
        "  shmseg VERB ...                     any other verb: the program shmseg-VERB\n",
        options,
};

static bool fail_unknown_verb(const char *verb, struct failure *failure)
{
        struct suggestion suggestion = suggest_for(verb);

        for (size_t i = 0; i < VERBS; i++)
                suggest_consider(&suggestion, verbs[i].name);
        fail_usage(failure, &tool, "there is no verb '%.60s', and no program shmseg-%.60s", verb, verb);
        if (suggestion.nearest != NULL)
                return fail_hint(failure, "Did you mean '%s'? Try 'shmseg --help'", suggestion.nearest);
        return false;
}

/* execvp(3) says EACCES, too, where a folder of PATH may not be looked into. */
static bool is_in_path(const char *program)
{
        const char *folder = getenv("PATH");

        while (folder != NULL && *folder != '\0') {
                size_t length = strcspn(folder, ":");
                char path[PATH_MAX];

                snprintf(path, sizeof path, "%.*s/%s", (int)length, folder, program);
                if (access(length > 0 ? path : program, F_OK) == 0)
                        return true;
                folder += length + (folder[length] == ':');
        }
        return false;
}

/* Returns only if there is no such program, or it cannot be started. */
static bool run_program(const char *verb, char **argv, struct failure *failure)
{
        char program[80];
        int error;

        if (strchr(verb, '/') != NULL || strlen(verb) > 60)
                return fail_unknown_verb(verb, failure);
        snprintf(program, sizeof program, "shmseg-%s", verb);
        argv[0] = program;
        execvp(program, argv);
        error = errno;
        if (error == ENOENT || (error == EACCES && !is_in_path(program)))
                return fail_unknown_verb(verb, failure);
        return fail(failure, E_IO, "cannot start %s: %s", program, strerror(error));
}

static bool run_verb(int argc, char **argv, int *ret_exit_code, struct failure *failure)
{
        int first;

        if (argc < 2)
                return fail_usage(failure, &tool, "which verb?");
        if (argv[1][0] == '-') {
                if (options_parse(&tool, 2, argv, NULL, &first, failure))
                        fail_usage(failure, &tool, "which verb?");
                return false;
        }
        for (size_t i = 0; i < VERBS; i++)
                if (strcmp(verbs[i].name, argv[1]) == 0) {
                        *ret_exit_code = verbs[i].run(argc - 1, argv + 1);
                        return true;
                }
        return run_program(argv[1], argv + 1, failure);
}

int main(int argc, char **argv)
{
        const struct reporter reporter = { .program = "shmseg" };
        struct failure failure = { 0 };
        int exit_code = 0;

        if (!run_verb(argc, argv, &exit_code, &failure))
                return report_failure(&reporter, &failure);
        return exit_code;
}
