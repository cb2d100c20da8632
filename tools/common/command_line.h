/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What the tools' command lines have in common behind their options: rules of which options go
 * together, the topic's name, and people and groups by name or number. */

#ifndef SEQCAST_TOOLS_COMMAND_LINE_H
#define SEQCAST_TOOLS_COMMAND_LINE_H

#include "common/options.h"
#include "common/report.h"
#include "common/topic.h"

struct rule {
        bool broken;
        const char *text;
};

/** Fails with the text of the first rule that is broken. */
bool check_rules(const struct tool *tool, const struct rule *rules, size_t count, struct failure *failure);

/** The topic is the first of the arguments behind the options; a NULL ends them. */
bool take_topic(const struct tool *tool, char **arguments, struct topic *topic, struct reporter *reporter,
                struct failure *failure);

bool parse_group(const struct tool *tool, const char *string, uint32_t *ret_id, struct failure *failure);
bool parse_user(const struct tool *tool, const char *string, uint32_t *ret_id, struct failure *failure);

#endif
