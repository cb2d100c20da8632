/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A record as a JSON object, or inside the envelope that shmsub --json prints, as an update. */

#ifndef SEQCAST_TOOLS_JSON_INPUT_H
#define SEQCAST_TOOLS_JSON_INPUT_H

#include "common/update.h"

struct json_tokener;

struct json_input {
        struct json_tokener *tokener;
        const seqcast_schema *schema;
        struct value_syntax syntax;
};

void json_input_open(struct json_input *input, const seqcast_schema *schema,
                     const struct value_syntax *syntax);
void json_input_close(struct json_input *input);

/** @return false: E_DATA; what the update then holds is of no use */
bool json_input_parse(struct json_input *input, const char *json, size_t length, struct update *update,
                      struct failure *failure);

#endif
