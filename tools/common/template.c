/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Expanding %n, %t, %r and %%. */

#include "common/template.h"

#include <inttypes.h>
#include <string.h>

#include "common/value.h"

/* splitmix64: enough for test data. From 0 up to, but not including, 1. */
static double next_random(uint64_t *state)
{
        uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
        mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
        mixed ^= mixed >> 31;
        return (double)(mixed >> 11) / 9007199254740992.0;
}

bool template_expand(struct text *out, const char *template, struct template_state *state,
                     struct failure *failure)
{
        for (;;) {
                size_t plain = strcspn(template, "%");
                text_add(out, template, plain);
                template += plain;
                if (*template == '\0')
                        return true;
                switch (template[1]) {
                case 'n':
                        text_print(out, "%" PRIu64, state->number);
                        break;
                case 't':
                        text_print(out, "%" PRId64, state->wall_ns);
                        break;
                case 'r':
                        print_double(out, next_random(&state->random));
                        break;
                case '%':
                        text_add_char(out, '%');
                        break;
                default:
                        fail(failure, E_USAGE, "unknown template '%.2s'", template);
                        return fail_hint(failure, "(%%n %%t %%r are known; write %%%% for a %%)");
                }
                template += 2;
        }
}
