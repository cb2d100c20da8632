/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* From the library's errors to ids, causes and cures. */

#include "common/library_failure.h"

#include <errno.h>
#include <string.h>

/* Anything else is E_IO, with no cure. */
static const struct {
        int error;
        enum failure_class class;
        const char *before; /* in front of the library's sentence */
        const char *publisher_cure;
        const char *subscriber_cure;
} errors[] = {
        { EACCES, E_PERM, "permission denied: ", "Publish under another name, or as its owner",
          "The writer can pass --mode 0640 --group G" },
        { EPERM, E_PERM, "permission denied: ", "Publish under another name, or as its owner",
          "--owner USER trusts that user's segments; --any-owner reads without trust" },
        { EPROTO, E_DAMAGED, "", "--recreate puts a new one in its place", "" },
        { EPROTONOSUPPORT, E_VERSION, "", "--recreate puts a new one in its place", "Upgrade the reader" },
        { EPROTOTYPE, E_SCHEMA, "", "--recreate replaces the segment (readers will re-attach)", "" },
        { EOPNOTSUPP, E_IO, "", "", "" },
        { EBUSY, E_WRITER, "", "One writer only; --wait-writer waits", "" },
        { EEXIST, E_FALSE, "", "Without --exclusive it is taken over", "" },
        { EAGAIN, E_TIMEOUT, "", "", "" },
        { ETIMEDOUT, E_TIMEOUT, "", "", "" },
        { EINVAL, E_USAGE, "", "", "" },
        { ENAMETOOLONG, E_USAGE, "", "", "" },
        { ENODATA, E_WRITER, "the last writer died in mid-publication and left no whole record: ",
          "--replace publishes a whole one", "" },
        { ESTALE, E_NOSEG, "", "Start again to create it anew", "" },
};

/* seqcast_schema_compare() says "- a:i32@0 + b:i64@8 ...": collect what follows one of the
 * signs. */
static void collect_signed(struct text *out, const char *difference, char sign)
{
        const char *at = difference;
        while (at[0] == '-' || at[0] == '+') {
                const char *word = at + 2;
                size_t length = strcspn(word, " ");
                if (at[0] == sign) {
                        text_add_string(out, out->length > 0 ? ", " : "");
                        text_add(out, word, length);
                }
                at = word + length;
                at += *at == ' ';
        }
}

/* "segment has col2:i64@8, you gave col2:i32@4"; false if the two cannot be laid side by side. */
static bool describe_difference(const struct library_call *call, struct failure *failure)
{
        seqcast_subscriber *subscriber;
        seqcast_detail difference = { "" };
        if (call->schema == NULL || call->topic->nameless ||
            seqcast_subscriber_open(call->topic->name, NULL, &subscriber) != 0)
                return false;
        const seqcast_schema *theirs = seqcast_subscriber_schema(subscriber);
        bool differs = theirs != NULL &&
                       seqcast_schema_compare(theirs, call->schema, &difference) == SEQCAST_DIFFERENT;
        seqcast_subscriber_close(subscriber);
        if (!differs)
                return false;

        struct text has = TEXT_EMPTY, gave = TEXT_EMPTY;
        collect_signed(&has, difference.text, '-');
        collect_signed(&gave, difference.text, '+');
        fail(failure, E_SCHEMA, "schema differs: segment has %s, you gave %s",
             has.length > 0 ? text_string(&has) : "nothing more",
             gave.length > 0 ? text_string(&gave) : "nothing more");
        text_free(&has);
        text_free(&gave);
        return true;
}

static void choose_cure(struct failure *failure, const struct library_call *call, const char *cure)
{
        if (strncmp(failure->message, "truncated", 9) == 0)
                fail_hint(failure, "Was it resized by another program?");
        else if (strstr(failure->message, "not a regular file") != NULL ||
                 strstr(failure->message, "a symbolic link") != NULL)
                fail_hint(failure, "Remove it, or choose another name");
        else if (strstr(failure->message, "is not sealed") != NULL)
                fail_hint(failure, "--any-owner reads without trust");
        else if (strstr(failure->message, "lets others write") != NULL)
                fail_hint(failure, "Its owner can chmod it to 0600, 0640 or 0644");
        else if (failure->class == E_VERSION && !call->publishing &&
                 strncmp(failure->message, "format version", 14) != 0)
                failure->hint[0] = '\0'; /* no newer reader would help */
        else
                fail_hint(failure, "%s", cure);
}

bool fail_library(struct failure *failure, int error, const struct library_call *call)
{
        const char *why = call->detail.text[0] != '\0' ? call->detail.text
                          : error == -EPROTO ? "truncated: the object has fewer bytes now than before"
                                             : seqcast_strerror(error);
        if (error == -ENOENT && strncmp(why, "/dev/shm", 8) == 0)
                return fail(failure, E_IO, "%s", why);
        if (error == -ENOENT)
                return topic_fail_missing(call->topic, failure,
                                          call->publishing ? "-s SCHEMA creates it" : "-F waits for it");
        if (error == -ENOSPC && call->detail.text[0] == '\0')
                return fail(failure, E_IO, "no space left in /dev/shm");

        for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
                if (errors[i].error != -error)
                        continue;
                if (error != -EPROTOTYPE || !describe_difference(call, failure))
                        fail(failure, errors[i].class, "%s%s", errors[i].before, why);
                choose_cure(failure, call,
                            call->publishing ? errors[i].publisher_cure : errors[i].subscriber_cure);
                return false;
        }
        return fail(failure, E_IO, "%s", why);
}
