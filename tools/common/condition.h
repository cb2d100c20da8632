/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* "FIELD OP VALUE": one comparison with a constant, exact for every type. */

#ifndef SEQCAST_TOOLS_CONDITION_H
#define SEQCAST_TOOLS_CONDITION_H

#include <stdbool.h>

#include "common/failure.h"
#include "common/value.h"

enum comparison { EQUAL, NOT_EQUAL, LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL };

struct condition {
        char *label; /* the field's name */
        enum comparison comparison;
        const char *text; /* VALUE; belongs to the caller */
        seqcast_field field;
        unsigned char *value; /* VALUE as that field's bytes */
};

/** Take "FIELD OP VALUE" apart; == != < <= > >=. The field is not looked up yet. */
bool condition_parse(struct condition *condition, const char *string, struct failure *failure);

/** Make it ready for a field, now that there is a schema. May be called again for another one. */
bool condition_bind(struct condition *condition, const struct named_field *named, struct failure *failure);

bool condition_holds(const struct condition *condition, const unsigned char *bytes);

void condition_free(struct condition *condition);

#endif
