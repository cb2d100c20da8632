/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* One record, and what is known about it, in each output format. Everything is appended to a text;
 * nothing here reads a segment or writes a file. */

#ifndef SEQCAST_TOOLS_PRINT_H
#define SEQCAST_TOOLS_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"
#include "common/view.h"
#include "seqcast.h"

struct snapshot {
        const char *name; /* the topic's, without slash and prefix */
        const struct view *view;
        const seqcast_info *info;
        const seqcast_status *status;
        bool timed;      /* the two times are known */
        int64_t wall_ns; /* when it was published, CLOCK_REALTIME */
        int64_t age_ns;
};

/** In the order of the words "number|string|auto". */
enum json_int { JSON_INT_NUMBER, JSON_INT_STRING, JSON_INT_AUTO };

struct print_style {
        int bytes; /* enum bytes_as */
        int json_int;
        bool pretty;
        bool envelope;
        bool color;
        char separator;
};

void print_human(struct text *out, const struct snapshot *snapshot, const struct print_style *style);
void print_human_line(struct text *out, const struct snapshot *snapshot, const struct print_style *style);

void print_json(struct text *out, const struct snapshot *snapshot, const struct print_style *style);

void print_csv_header(struct text *out, const struct view *view, const struct print_style *style);
void print_csv(struct text *out, const struct snapshot *snapshot, const struct print_style *style);

/** The fields' bytes, or the whole record's. */
void print_raw(struct text *out, const struct view *view);
void print_hex(struct text *out, const struct view *view);

/** "live", "gone" ... of an enum seqcast_liveness */
const char *liveness_word(uint32_t liveness);

/** What a status says the publisher's program is called; any process could have written it. */
void print_program(struct text *out, const seqcast_status *status);

#endif
