/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "seqcast.h"

Test(error, every_listed_error_has_its_own_sentence)
{
#define CHECK(code, sentence) cr_expect(eq(str, (char *)seqcast_strerror(-code), sentence), #code);
        SEQCAST_ERRORS(CHECK)
#undef CHECK
}

Test(error, every_state_has_its_own_sentence)
{
        for (int a = SEQCAST_OK; a <= SEQCAST_DIFFERENT; a++) {
                cr_assert(ne(str, (char *)seqcast_strerror(a), (char *)seqcast_strerror(99)));
                for (int b = SEQCAST_OK; b < a; b++)
                        cr_assert(ne(str, (char *)seqcast_strerror(a), (char *)seqcast_strerror(b)));
        }
}

Test(error, any_number_has_some_sentence)
{
        for (int result = -5000; result < 100; result++) {
                const char *text = seqcast_strerror(result);

                cr_assert(ne(ptr, (void *)text, NULL));
                cr_assert(lt(sz, 0, strlen(text)), "%d", result);
                cr_assert(eq(ptr, (void *)text, (void *)seqcast_strerror(result)), "constant text");
        }
}

Test(error, a_failure_tells_its_reason_to_who_wants_it)
{
        seqcast_detail detail = { "before" };

        cr_assert(eq(int, seqcast__fail(&detail, -EPROTO, "byte %d of %s", 7, "nine"), -EPROTO));
        cr_assert(eq(str, detail.text, "byte 7 of nine"));
        cr_assert(eq(int, seqcast__fail(NULL, -EINVAL, "nobody listens"), -EINVAL));
}

Test(error, a_long_reason_is_cut_off)
{
        seqcast_detail detail;
        char text[sizeof detail.text + 100];

        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        seqcast__fail(&detail, -EINVAL, "%s", text);
        cr_assert(eq(sz, strlen(detail.text), sizeof detail.text - 1));
}

Test(version, the_library_that_runs_is_the_one_of_this_header)
{
        char text[32];

        snprintf(text, sizeof text, "%d.%d.%d", SEQCAST_VERSION_MAJOR, SEQCAST_VERSION_MINOR,
                 SEQCAST_VERSION_PATCH);
        cr_assert(eq(uint, seqcast_library_version(), SEQCAST_VERSION_NUMBER));
        cr_assert(eq(str, (char *)seqcast_library_version_string(), text));
}
