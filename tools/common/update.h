/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What one publication changes: some fields of a record and their new bytes, or the whole record.
 * Costs memory for what is named only, however large the record is. */

#ifndef SEQCAST_TOOLS_UPDATE_H
#define SEQCAST_TOOLS_UPDATE_H

#include "common/text.h"
#include "common/value.h"
#include "seqcast.h"

struct update_range {
        uint64_t offset;
        size_t bytes;
};

struct update {
        struct update_range *ranges;
        size_t range_count;
        size_t range_capacity;
        struct text bytes; /* of all ranges, one after the other */
};

#define UPDATE_EMPTY                                                                                         \
        {                                                                                                    \
                NULL, 0, 0, TEXT_EMPTY                                                                       \
        }

/** Room for the new bytes of [offset, offset + bytes); valid until the next call. */
void *update_add(struct update *update, uint64_t offset, size_t bytes);

/** value_parse() into the update. */
bool update_parse(struct update *update, const struct named_field *named, const char *string,
                  const struct value_syntax *syntax, struct failure *failure);

void update_clear(struct update *update);
void update_free(struct update *update);

/** Publishes updates on one publisher. */
struct update_sink {
        seqcast_publisher *publisher;
        uint64_t record_bytes;
        unsigned char *zeros; /* a whole record of zeros between publications, if replacing */
};

struct update_sink update_sink_open(seqcast_publisher *publisher, bool replace);
void update_sink_close(struct update_sink *sink);

/** @return what the library says */
int update_publish(const struct update_sink *sink, const struct update *update);

#endif
