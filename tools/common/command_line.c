/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Rules, the topic's name, people and groups. */

#include "common/command_line.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "common/number.h"

#define PORTABLE_NAME_BYTES 30

bool check_rules(const struct tool *tool, const struct rule *rules, size_t count, struct failure *failure)
{
        for (size_t i = 0; i < count; i++)
                if (rules[i].broken)
                        return fail_usage(failure, tool, "%s", rules[i].text);
        return true;
}

bool take_topic(const struct tool *tool, char **arguments, struct topic *topic, struct reporter *reporter,
                struct failure *failure)
{
        if (arguments[0] == NULL)
                return fail_usage(failure, tool, "a topic NAME is missing");
        if (!topic_set(topic, arguments[0], tool->name, failure))
                return false;
        reporter->topic = topic->shown;
        if (strlen(topic->shown) > PORTABLE_NAME_BYTES)
                report_notice(reporter, "names longer than %d bytes are not portable", PORTABLE_NAME_BYTES);
        return true;
}

/* UINT32_MAX is nobody's: (uid_t)-1. */
static bool parse_id(const char *string, uint32_t *ret_id)
{
        struct integer id;
        if (parse_integer(string, &id) != NUMBER_OK || id.negative || id.magnitude >= UINT32_MAX)
                return false;
        *ret_id = (uint32_t)id.magnitude;
        return true;
}

bool parse_group(const struct tool *tool, const char *string, uint32_t *ret_id, struct failure *failure)
{
        const struct group *entry = getgrnam(string);
        if (entry != NULL)
                *ret_id = (uint32_t)entry->gr_gid;
        return entry != NULL || parse_id(string, ret_id) ||
               fail_usage(failure, tool, "no such group: '%.80s'", string);
}

bool parse_user(const struct tool *tool, const char *string, uint32_t *ret_id, struct failure *failure)
{
        const struct passwd *entry = getpwnam(string);
        if (entry != NULL)
                *ret_id = (uint32_t)entry->pw_uid;
        return entry != NULL || parse_id(string, ret_id) ||
               fail_usage(failure, tool, "no such user: '%.80s'", string);
}
