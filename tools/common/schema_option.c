/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Reading the argument of -s. */

#include "common/schema_option.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool read_file(const char *path, struct text *out, struct failure *failure)
{
        FILE *file = fopen(path, "r");
        if (file == NULL)
                return fail(failure, E_USAGE, "cannot read the schema from %.300s: %s", path,
                            strerror(errno));
        char block[4096];
        for (size_t got;
             out->length <= SEQCAST_SCHEMA_TEXT_MAX && (got = fread(block, 1, sizeof(block), file)) > 0;)
                text_add(out, block, got);
        bool good = ferror(file) == 0 || fail(failure, E_USAGE, "cannot read the schema from %.300s", path);
        fclose(file);
        while (out->length > 0 && strchr(" \t\r\n", out->bytes[out->length - 1]) != NULL)
                out->bytes[--out->length] = '\0';
        return good;
}

bool schema_from_option(const char *argument, seqcast_schema **ret_schema, struct failure *failure)
{
        struct text text = TEXT_EMPTY;
        seqcast_detail detail = { "" };
        bool good = true;
        if (argument[0] == '@')
                good = read_file(argument + 1, &text, failure);
        else
                text_add_string(&text, argument);
        if (good) {
                int r = seqcast_schema_parse(text_string(&text), ret_schema, &detail);
                good = r == 0 || fail(failure, E_USAGE, "bad schema: %s",
                                      detail.text[0] != '\0' ? detail.text : seqcast_strerror(r));
        }
        text_free(&text);
        return good;
}

void type_name_from_topic(char name[TYPE_NAME_BYTES], const char *topic)
{
        size_t length = 0;
        if (isdigit((unsigned char)*topic))
                name[length++] = '_';
        for (; *topic != '\0' && length < TYPE_NAME_BYTES - 1; topic++)
                name[length++] = (char)(isalnum((unsigned char)*topic) ? *topic : '_');
        name[length] = '\0';
}
