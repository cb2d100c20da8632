/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Command lines: one table per tool says what each option is called, what it takes, what it means
 * and which member of the tool's settings it sets. getopt's strings and the help are made from it.
 */

#ifndef SEQCAST_TOOLS_OPTIONS_H
#define SEQCAST_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/failure.h"

enum option_kind {
        OPTION_HELP,
        OPTION_VERSION,
        OPTION_FLAG,      /* bool := true */
        OPTION_SET,       /* int := value */
        OPTION_TEXT,      /* const char *; "" where an argument that may be left out was */
        OPTION_COUNT,     /* uint64_t, at least 1 */
        OPTION_DURATION,  /* int64_t nanoseconds; DURATION_FOREVER where the argument was left out */
        OPTION_RATE,      /* int64_t nanoseconds from one to the next */
        OPTION_CHOICE,    /* int := index into the words of `argument`, separated by '|' */
        OPTION_CHARACTER, /* char: an ASCII character that can separate CSV, or \t; := value where left out */
        OPTION_MODE       /* unsigned: octal */
};

#define DURATION_UNSET INT64_C(-1)
#define DURATION_FOREVER INT64_MAX

struct tool_option {
        char letter;          /* '\0': none */
        const char *name;     /* without the dashes */
        const char *argument; /* NULL: takes none; "[X]": may be left out */
        const char *help;     /* NULL: another spelling of the option above */
        enum option_kind kind;
        size_t offset; /* of the member in the tool's settings */
        int value;
};

#define OPTION_END                                                                                           \
        {                                                                                                    \
                '\0', NULL, NULL, NULL, OPTION_HELP, 0, 0                                                    \
        }

/** A row for a member of the tool's own `struct settings`; SET: one that sets it to a value. */
#define OPTION_ROW(kind, letter, name, argument, help, member)                                               \
        {                                                                                                    \
                letter, name, argument, help, OPTION_##kind, offsetof(struct settings, member), 0            \
        }
#define OPTION_SET_ROW(letter, name, help, member, value)                                                    \
        {                                                                                                    \
                letter, name, NULL, help, OPTION_SET, offsetof(struct settings, member), value               \
        }

#define TOOL_COMMON_ROW(kind, letter, name, argument, help, offset)                                          \
        {                                                                                                    \
                letter, name, argument, help, OPTION_##kind, offset, 0                                       \
        }

/** Every tool has these; `settings_type` needs the members. */
#define TOOL_COMMON_OPTIONS(settings_type)                                                                   \
        TOOL_COMMON_ROW(FLAG, 'q', "quiet", NULL, "no error messages: the exit code says it",                \
                        offsetof(settings_type, quiet)),                                                     \
                TOOL_COMMON_ROW(FLAG, 'v', "verbose", NULL, "notices, the ids of errors, a summary",         \
                                offsetof(settings_type, verbose)),                                           \
                TOOL_COMMON_ROW(CHOICE, 0, "color", "auto|always|never",                                     \
                                "auto: on a terminal, without NO_COLOR", offsetof(settings_type, color)),    \
                TOOL_COMMON_ROW(HELP, 'h', "help", NULL, NULL, 0),                                           \
                TOOL_COMMON_ROW(VERSION, 'V', "version", NULL, "this text; the version", 0)

struct tool {
        const char *name;
        const char *examples; /* the help begins with them */
        const struct tool_option *options;
};

/** Prints help or version to standard output and exits 0 if asked to.
 *  Sets *ret_first to the index of the first argument that is no option. */
bool options_parse(const struct tool *tool, int argc, char **argv, void *settings, int *ret_first,
                   struct failure *failure);

/** A usage failure with "Try 'tool --help'." as its hint. Always false. */
bool fail_usage(struct failure *failure, const struct tool *tool, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
