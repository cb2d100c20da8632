/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Reading a topic over time: when to open, to read, to wait and to give up, and which records go on
 * to the output. One look at a topic is the same thing, over sooner. Knows no option by name but
 * those that its messages advise. */

#ifndef SEQCAST_TOOLS_FOLLOWER_H
#define SEQCAST_TOOLS_FOLLOWER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attachment.h"
#include "common/condition.h"
#include "common/output.h"
#include "common/report.h"
#include "common/topic.h"
#include "common/view.h"
#include "seqcast.h"

enum follow { FOLLOW_NOT, FOLLOW_SEGMENT, FOLLOW_NAME };

/** What is asked for. Durations that are not given are DURATION_UNSET, texts are NULL. */
struct follow_wish {
        int follow;         /* enum follow */
        uint64_t count;     /* records to print; 0: without end */
        int64_t timeout_ns; /* in all */
        int64_t idle_timeout_ns;
        int64_t interval_ns; /* sample so often; unset: deliver every record */
        int64_t poll_ns;     /* look for news so often; unset: when there is some */
        bool spin;           /* look all the time */
        const char *on;      /* "change", "diff" or fields */
        const char *until;
        const char *where;
        bool new; /* the present value does not count */
        bool require_writer;
        int64_t max_age_ns;
        const seqcast_schema *schema; /* to insist on */
        bool owner_given;
        uint32_t owner;
        bool any_owner;
        uint32_t memory_flags; /* SEQCAST_PREFAULT ... */
        int descriptor;        /* that leads to the segment; -1: its name does */
};

struct follow_counts {
        uint64_t printed;
        uint64_t received;
        uint64_t skipped;
        uint64_t retries;
        int64_t max_age_ns;
};

struct follower {
        struct follow_wish wish;
        const struct reporter *reporter;
        const struct topic *topic;
        struct output *output;
        struct attachment attachment;
        struct view view;
        struct condition until, where;
        int until_column, where_column;
        char *on_names;          /* the fields of --on, cut apart; the view keeps pointers into it */
        size_t compared_from;    /* their first column; the last one is the view's last */
        struct text compared;    /* what --on looks at, in the record before */
        uint64_t printed_number; /* of the publication printed last */
        uint64_t ignored_number; /* up to this publication, nothing is news */
        uint32_t noticed_liveness;
        bool done;
        bool caught_up; /* nothing was there to read the last time */
        bool sliced;    /* there is no descriptor to wait on: the library waits, for a moment at a time */
        bool waiting_for_name;
        int64_t deadline;
        int64_t last_record_at;
        int64_t busy_since; /* 0: not busy */
        int64_t next_check;
        int64_t next_read;
        struct follow_counts counts;
};

/** Take the wish apart. `reporter`, `topic` and `output` must stay. @return false: E_USAGE */
bool follower_open(struct follower *follower, const struct follow_wish *wish, const struct reporter *reporter,
                   const struct topic *topic, struct output *output, struct failure *failure);

/** Until done, out of time, or told to stop by a signal. */
bool follower_run(struct follower *follower, struct failure *failure);

void follower_close(struct follower *follower);

#endif
