/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* From an option table to getopt_long(), to settings, and to the help. */

#include "common/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/number.h"
#include "seqcast.h"

#define OPTIONS_MAX 64
#define LONG_BASE 1000 /* getopt_long() returns LONG_BASE + index in the table */
#define HELP_COLUMN 30

bool fail_usage(struct failure *failure, const struct tool *tool, const char *format, ...)
{
        char message[600];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(message, sizeof(message), format, arguments);
        va_end(arguments);
        fail(failure, E_USAGE, "%s", message);
        return fail_hint(failure, "Try '%s --help'", tool->name);
}

static bool argument_may_be_left_out(const struct tool_option *option)
{
        return option->argument != NULL && option->argument[0] == '[';
}

static int argument_rule(const struct tool_option *option)
{
        if (option->argument == NULL)
                return no_argument;
        return argument_may_be_left_out(option) ? optional_argument : required_argument;
}

static void build_getopt(const struct tool_option *options, struct text *letters, struct option *long_options)
{
        text_add_char(letters, ':'); /* tell a missing argument from an unknown option */
        for (int i = 0; options[i].name != NULL; i++) {
                long_options[i] =
                        (struct option){ options[i].name, argument_rule(&options[i]), NULL, LONG_BASE + i };
                if (options[i].letter == '\0')
                        continue;
                text_add_char(letters, options[i].letter);
                text_add_string(letters, argument_rule(&options[i]) == required_argument   ? ":"
                                         : argument_rule(&options[i]) == optional_argument ? "::"
                                                                                           : "");
        }
}

static const struct tool_option *find_option(const struct tool_option *options, int found)
{
        if (found >= LONG_BASE)
                return &options[found - LONG_BASE];
        for (const struct tool_option *option = options; option->name != NULL; option++)
                if (option->letter == found)
                        return option;
        return NULL;
}

/* ---- values -------------------------------------------------------------------------------- */

/* Index of `word` among "first|second|third"; -1 if it is none of them. */
static int choice_index(const char *choices, const char *word)
{
        size_t length = strlen(word);
        for (int index = 0; length > 0; index++) {
                size_t choice_length = strcspn(choices, "|");
                if (choice_length == length && strncmp(choices, word, length) == 0)
                        return index;
                if (choices[choice_length] == '\0')
                        break;
                choices += choice_length + 1;
        }
        return -1;
}

/* Quotation marks and line breaks mean something in CSV already. */
static bool parse_character(const char *string, char *ret_character)
{
        if (strcmp(string, "\\t") == 0)
                *ret_character = '\t';
        else if (string[0] > 0 && string[1] == '\0' && strchr("\"\r\n", string[0]) == NULL)
                *ret_character = string[0];
        else
                return false;
        return true;
}

static bool parse_mode(const char *string, unsigned *ret_mode)
{
        size_t length = strlen(string);
        if (length == 0 || length > 5 || strspn(string, "01234567") != length)
                return false;
        *ret_mode = (unsigned)strtoul(string, NULL, 8);
        return true;
}

static bool set_choice(const struct tool_option *option, const char *word, int *ret_index)
{
        int index = choice_index(option->argument, word);
        if (index >= 0)
                *ret_index = index;
        return index >= 0;
}

static bool set_member(const struct tool_option *option, const char *argument, void *settings)
{
        void *member = (char *)settings + option->offset;
        uint64_t *count = member;
        switch (option->kind) {
        case OPTION_FLAG:
                *(bool *)member = true;
                return true;
        case OPTION_SET:
                *(int *)member = option->value;
                return true;
        case OPTION_TEXT:
                *(const char **)member = argument != NULL ? argument : "";
                return true;
        case OPTION_COUNT:
                return parse_count(argument, count) && *count > 0;
        case OPTION_DURATION:
                if (argument == NULL) {
                        *(int64_t *)member = DURATION_FOREVER;
                        return true;
                }
                return parse_duration(argument, member);
        case OPTION_RATE:
                return parse_rate(argument, member);
        case OPTION_CHOICE:
                return set_choice(option, argument, member);
        case OPTION_CHARACTER:
                if (argument == NULL) {
                        *(char *)member = (char)option->value;
                        return true;
                }
                return parse_character(argument, member);
        case OPTION_MODE:
                return parse_mode(argument, member);
        case OPTION_HELP:
        case OPTION_VERSION:
                break;
        }
        return false;
}

static const char *expectation(const struct tool_option *option)
{
        switch (option->kind) {
        case OPTION_COUNT:
                return "a whole number from 1 on, such as 100 or 4K";
        case OPTION_DURATION:
                return "a duration, such as 500us, 20ms, 1.5s or 2min";
        case OPTION_RATE:
                return "a number of records per second, such as 1000 or 0.5";
        case OPTION_CHOICE:
                return option->argument;
        case OPTION_CHARACTER:
                return "one character, no quotation mark and no line break, or \\t";
        case OPTION_MODE:
                return "an octal number, such as 0640";
        default:
                return "something else";
        }
}

/* ---- help ---------------------------------------------------------------------------------- */

/* Where options share a line, a letter has to do instead of a name. */
static void print_spelling(const struct tool_option *option, bool shares_line, struct text *out)
{
        bool letter_only = shares_line && option->letter != '\0';
        if (option->letter != '\0')
                text_print(out, "-%c", option->letter);
        if (!letter_only)
                text_print(out, "%s--%s", option->letter != '\0' ? ", " : "", option->name);
        if (argument_may_be_left_out(option))
                text_print(out, "[=%.*s]", (int)strlen(option->argument) - 2, option->argument + 1);
        else if (option->argument != NULL)
                text_print(out, option->kind == OPTION_CHOICE ? "=%s" : " %s", option->argument);
}

/* Rows without help of their own share the line of the row that follows. */
static void print_help(const struct tool *tool)
{
        struct text left = TEXT_EMPTY;
        printf("%s\n", tool->examples);
        for (const struct tool_option *option = tool->options; option->name != NULL; option++) {
                bool shares_line = left.length > 0 || option->help == NULL;
                if (left.length > 0)
                        text_add_string(&left, ", ");
                print_spelling(option, shares_line, &left);
                if (option->help == NULL)
                        continue;
                printf("  %-*s %s\n", HELP_COLUMN, text_string(&left), option->help);
                text_clear(&left);
        }
        /* A verb is described on the page of its program. */
        printf("\nMore: man %.*s\n", (int)strcspn(tool->name, " "), tool->name);
        text_free(&left);
}

static void print_version(const struct tool *tool)
{
        printf("%s (Seqcast) %s\n", tool->name, seqcast_library_version_string());
}

/* ---- parsing ------------------------------------------------------------------------------- */

static bool fail_unknown(const struct tool *tool, char **argv, struct failure *failure)
{
        if (optopt >= LONG_BASE)
                return fail_usage(failure, tool, "option '--%s' takes no argument",
                                  tool->options[optopt - LONG_BASE].name);
        if (optopt != 0)
                return fail_usage(failure, tool, "unknown option '-%c'", optopt);
        return fail_usage(failure, tool, "unknown option '%s'", argv[optind - 1]);
}

static bool fail_argument(const struct tool *tool, const struct tool_option *option, const char *argument,
                          struct failure *failure)
{
        if (argument == NULL)
                return fail_usage(failure, tool, "option '--%s' wants an argument (%s)", option->name,
                                  option->argument);
        return fail_usage(failure, tool, "bad argument '%.100s' for option '--%s': expected %s", argument,
                          option->name, expectation(option));
}

static bool apply(const struct tool *tool, const struct tool_option *option, void *settings,
                  struct failure *failure)
{
        if (option->kind == OPTION_HELP || option->kind == OPTION_VERSION) {
                if (option->kind == OPTION_HELP)
                        print_help(tool);
                else
                        print_version(tool);
                exit(fflush(stdout) == 0 ? 0 : failure_exit_code(E_IO));
        }
        return set_member(option, optarg, settings) || fail_argument(tool, option, optarg, failure);
}

bool options_parse(const struct tool *tool, int argc, char **argv, void *settings, int *ret_first,
                   struct failure *failure)
{
        struct option long_options[OPTIONS_MAX + 1] = { { NULL, 0, NULL, 0 } };
        struct text letters = TEXT_EMPTY;
        build_getopt(tool->options, &letters, long_options);

        bool fine = true;
        opterr = 0;
        while (fine) {
                int found = getopt_long(argc, argv, text_string(&letters), long_options, NULL);
                if (found == -1)
                        break;
                if (found == '?')
                        fine = fail_unknown(tool, argv, failure);
                else if (found == ':')
                        fine = fail_argument(tool, find_option(tool->options, optopt), NULL, failure);
                else
                        fine = apply(tool, find_option(tool->options, found), settings, failure);
        }
        text_free(&letters);
        *ret_first = optind;
        return fine;
}
