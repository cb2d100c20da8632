/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Standard error: failures, notices, debug lines. */

#include "common/report.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/escape.h"

bool color_wanted(int choice, int descriptor)
{
        if (choice != COLOR_AUTO)
                return choice == COLOR_ALWAYS;
        const char *no_color = getenv("NO_COLOR");
        return (no_color == NULL || no_color[0] == '\0') && isatty(descriptor) == 1;
}

/* Whether a message starts with the topic. What the user typed needs no topic to be found. */
static bool names_topic(const struct reporter *reporter, const struct failure *failure)
{
        return reporter->topic != NULL && failure->class != E_USAGE && failure->class != E_DATA;
}

static void format_line(const struct reporter *reporter, const struct failure *failure, struct text *out)
{
        struct text line = TEXT_EMPTY;
        if (names_topic(reporter, failure))
                text_print(&line, "/%s: ", reporter->topic);
        text_add_string(&line, failure->message);
        if (failure->hint[0] != '\0') {
                bool sentence_open = line.length > 0 && strchr(".?!", line.bytes[line.length - 1]) == NULL;
                text_print(&line, "%s %s", sentence_open && failure->hint[0] != '(' ? "." : "",
                           failure->hint);
        }
        if (reporter->verbose)
                text_print(&line, " [%s]", failure_id(failure->class));

        text_print(out, reporter->color ? "\033[1;31m%s:\033[0m " : "%s: ", reporter->program);
        escape_controls(out, text_string(&line), line.length);
        text_add_char(out, '\n');
        text_free(&line);
}

static void add_text(json_object *object, const char *key, const char *string)
{
        struct text clean = TEXT_EMPTY;
        escape_controls(&clean, string, strlen(string));
        json_object_object_add(object, key, json_object_new_string(text_string(&clean)));
        text_free(&clean);
}

static void format_json(const struct reporter *reporter, const struct failure *failure, struct text *out)
{
        json_object *object = json_object_new_object();
        add_text(object, "error", failure_id(failure->class));
        json_object_object_add(object, "exit", json_object_new_int(failure_exit_code(failure->class)));
        if (reporter->topic != NULL)
                add_text(object, "name", reporter->topic);
        add_text(object, "message", failure->message);
        add_text(object, "hint", failure->hint);
        text_print(out, "%s\n",
                   json_object_to_json_string_ext(object,
                                                  JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        json_object_put(object);
}

void report_format(const struct reporter *reporter, const struct failure *failure, struct text *out)
{
        if (reporter->json)
                format_json(reporter, failure, out);
        else
                format_line(reporter, failure, out);
}

static void write_out(const struct text *line)
{
        fflush(stdout);
        fwrite(text_string(line), 1, line->length, stderr);
        fflush(stderr);
}

int report_failure(const struct reporter *reporter, const struct failure *failure)
{
        if (!failure->silent && !reporter->quiet) {
                struct text line = TEXT_EMPTY;
                report_format(reporter, failure, &line);
                write_out(&line);
                text_free(&line);
        }
        return failure_exit_code(failure->class);
}

static void say(const struct reporter *reporter, const char *what, const char *format, va_list arguments)
        PRINTF_LIKE(3, 0);
static void say(const struct reporter *reporter, const char *what, const char *format, va_list arguments)
{
        char message[1200];
        vsnprintf(message, sizeof(message), format, arguments);

        struct text line = TEXT_EMPTY;
        text_print(&line, "%s: %s", reporter->program, what);
        if (reporter->topic != NULL)
                text_print(&line, "/%s: ", reporter->topic);
        escape_controls(&line, message, strlen(message));
        text_add_char(&line, '\n');
        write_out(&line);
        text_free(&line);
}

void report_notice(const struct reporter *reporter, const char *format, ...)
{
        if (!reporter->verbose)
                return;
        va_list arguments;
        va_start(arguments, format);
        say(reporter, "", format, arguments);
        va_end(arguments);
}

void report_warning(const struct reporter *reporter, const char *format, ...)
{
        if (reporter->quiet)
                return;
        va_list arguments;
        va_start(arguments, format);
        say(reporter, "warning: ", format, arguments);
        va_end(arguments);
}

void report_debug(const struct reporter *reporter, const char *format, ...)
{
        const char *wanted = getenv("SEQCAST_DEBUG");
        if (wanted == NULL || wanted[0] == '\0' || strcmp(wanted, "0") == 0)
                return;
        va_list arguments;
        va_start(arguments, format);
        say(reporter, "debug: ", format, arguments);
        va_end(arguments);
}
