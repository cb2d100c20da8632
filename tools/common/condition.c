/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Comparing a field with a constant. */

#include "common/condition.h"

#include <stdlib.h>
#include <string.h>

static const struct {
        const char *sign;
        enum comparison comparison;
} signs[] = {
        /* the longer ones first: "<=" begins with "<" */
        { "==", EQUAL }, { "!=", NOT_EQUAL }, { "<=", LESS_OR_EQUAL }, { ">=", GREATER_OR_EQUAL },
        { "<", LESS },   { ">", GREATER },
};

bool condition_parse(struct condition *condition, const char *string, struct failure *failure)
{
        const char *name_end = string + strcspn(string, "=!<> ");
        const char *at = name_end + strspn(name_end, " ");
        for (size_t i = 0; name_end > string && i < sizeof(signs) / sizeof(signs[0]); i++) {
                size_t length = strlen(signs[i].sign);
                if (strncmp(at, signs[i].sign, length) != 0)
                        continue;
                struct text label = TEXT_EMPTY;
                text_add(&label, string, (size_t)(name_end - string));
                condition->label = label.bytes;
                condition->comparison = signs[i].comparison;
                condition->text = at + length + strspn(at + length, " ");
                condition->value = NULL;
                return true;
        }
        fail(failure, E_USAGE, "'%.100s' is not a condition", string);
        return fail_hint(failure, "Write FIELD OP VALUE, such as 'state==3'; OP is one of "
                                  "== != < <= > >=");
}

bool condition_bind(struct condition *condition, const struct named_field *named, struct failure *failure)
{
        static const struct value_syntax plain = { BYTES_AS_ARRAY, false };
        bool ordered = condition->comparison != EQUAL && condition->comparison != NOT_EQUAL;
        condition->field = named->field;
        condition->value = reallocate(condition->value, field_size(&named->field), 1);
        if (named->field.is_array && !field_is_text(&named->field) && ordered) {
                fail(failure, E_USAGE, "%s is an array: it has no order", named->label);
                return fail_hint(failure, "Name one element: %s[0]", named->label);
        }
        if (!value_parse(named, condition->text, &plain, condition->value, failure)) {
                failure->class = E_USAGE;
                return false;
        }
        return true;
}

static int order(bool less, bool greater)
{
        return greater - less;
}

/* -1, 0, 1; and 2 where a NaN is involved, which is neither. */
static int compare_elements(uint32_t type, const unsigned char *a, const unsigned char *b)
{
        if (type_is_float(type)) {
                double left = element_double(type, a), right = element_double(type, b);
                if (left != left || right != right)
                        return 2;
                return order(left<right, left> right);
        }
        if (type_is_signed(type)) {
                int64_t left = element_signed(type, a), right = element_signed(type, b);
                return order(left<right, left> right);
        }
        if (type == SEQCAST_BOOL)
                return (a[0] != 0) - (b[0] != 0);
        uint64_t left = element_unsigned(type, a), right = element_unsigned(type, b);
        return order(left<right, left> right);
}

static int compare_text(const seqcast_field *field, const unsigned char *a, const unsigned char *b)
{
        size_t left = value_text_length(field, a), right = value_text_length(field, b);
        int difference = memcmp(a, b, left < right ? left : right);
        if (difference != 0)
                return difference < 0 ? -1 : 1;
        return order(left<right, left> right);
}

static int compare_fields(const seqcast_field *field, const unsigned char *a, const unsigned char *b)
{
        int result = 0;
        if (field_is_text(field))
                return compare_text(field, a, b);
        for (uint64_t i = 0; i < field->count && result == 0; i++) {
                size_t at = i * seqcast_type_bytes(field->type);
                result = compare_elements(field->type, a + at, b + at);
        }
        return result;
}

bool condition_holds(const struct condition *condition, const unsigned char *bytes)
{
        int result = bytes != NULL ? compare_fields(&condition->field, bytes, condition->value) : 2;
        switch (condition->comparison) {
        case EQUAL:
                return result == 0;
        case NOT_EQUAL:
                return result != 0;
        case LESS:
                return result == -1;
        case LESS_OR_EQUAL:
                return result == -1 || result == 0;
        case GREATER:
                return result == 1;
        case GREATER_OR_EQUAL:
                return result == 0 || result == 1;
        }
        return false;
}

void condition_free(struct condition *condition)
{
        free(condition->label);
        free(condition->value);
        condition->label = NULL;
        condition->value = NULL;
}
