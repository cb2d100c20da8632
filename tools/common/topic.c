/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Topic names, and the topics that exist. */

#include "common/topic.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/suggest.h"

#define SHOWN_MAX 8

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
static const char more[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

static const char *prefix(void)
{
        const char *value = getenv("SEQCAST_PREFIX");
        return value != NULL ? value : "";
}

/* What is wrong with a whole name; NULL: nothing. */
static const char *name_fault(const char *name)
{
        if (name[0] == '\0')
                return "a name has at least one character";
        if (strlen(name) > SEQCAST_TOPIC_BYTES_MAX)
                return "a name has at most 200 bytes, SEQCAST_PREFIX included";
        if (strchr(name, '/') != NULL)
                return "a name has no '/' after the first character";
        if (strchr(letters, name[0]) == NULL)
                return "a name begins with a letter, a digit or '_'";
        if (name[strspn(name, more)] != '\0')
                return "a name has only letters, digits, '.', '_' and '-'";
        return NULL;
}

bool topic_set(struct topic *topic, const char *typed, const char *program, struct failure *failure)
{
        topic->shown = typed[0] == '/' ? typed + 1 : typed;

        struct text whole = TEXT_EMPTY;
        text_print(&whole, "%s%s", prefix(), topic->shown);
        const char *fault = topic->shown[0] == '\0' ? name_fault("") : name_fault(text_string(&whole));
        if (fault == NULL)
                memcpy(topic->name, whole.bytes, whole.length + 1);
        text_free(&whole);
        return fault == NULL ||
               fail(failure, E_USAGE, "bad name '%.250s': %s (see %s(1), NAMES)", typed, fault, program);
}

static bool is_segment(const char *name)
{
        seqcast_subscriber *subscriber;
        if (name_fault(name) != NULL || seqcast_subscriber_open(name, NULL, &subscriber) != 0)
                return false;
        seqcast_subscriber_close(subscriber);
        return true;
}

struct name_list {
        char **names;
        size_t count;
};

static int by_name(const void *a, const void *b)
{
        const char *const *left = a, *const *right = b;
        return strcmp(*left, *right);
}

/* Linux keeps POSIX shared memory there; elsewhere it cannot be listed, and the list stays
 * empty. */
static struct name_list running_segments(void)
{
        struct name_list list = { NULL, 0 };
        size_t prefix_length = strlen(prefix());
        DIR *directory = opendir("/dev/shm");
        if (directory == NULL)
                return list;
        for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
                const char *name = entry->d_name;
                if (strncmp(name, prefix(), prefix_length) != 0 || name[prefix_length] == '\0' ||
                    !is_segment(name))
                        continue;
                list.names = reallocate(list.names, list.count + 1, sizeof(*list.names));
                list.names[list.count++] = copy_string(name + prefix_length);
        }
        closedir(directory);
        if (list.count > 0)
                qsort(list.names, list.count, sizeof(*list.names), by_name);
        return list;
}

bool topic_fail_missing(const struct topic *topic, struct failure *failure, const char *cure)
{
        struct name_list list = running_segments();
        struct suggestion suggestion = suggest_for(topic->shown);
        struct text hint = TEXT_EMPTY;

        text_add_string(&hint, list.count > 0 ? "Running segments: " : "No segments are running");
        for (size_t i = 0; i < list.count; i++) {
                suggest_consider(&suggestion, list.names[i]);
                if (i < SHOWN_MAX)
                        text_print(&hint, "%s%s", i > 0 ? ", " : "", list.names[i]);
        }
        if (list.count > SHOWN_MAX)
                text_print(&hint, " and %zu more", list.count - SHOWN_MAX);
        text_add_char(&hint, '.');
        if (suggestion.nearest != NULL)
                text_print(&hint, " Did you mean '%s'?", suggestion.nearest);
        text_print(&hint, " (%s)", cure);

        fail(failure, E_NOSEG, "no such segment");
        fail_hint(failure, "%s", text_string(&hint));

        text_free(&hint);
        for (size_t i = 0; i < list.count; i++)
                free(list.names[i]);
        free(list.names);
        return false;
}
