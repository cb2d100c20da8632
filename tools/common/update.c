/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Collecting the changes of one publication, and publishing them. */

#include "common/update.h"

#include <stdlib.h>
#include <string.h>

void *update_add(struct update *update, uint64_t offset, size_t bytes)
{
        struct update_range *last = update->range_count > 0 ? &update->ranges[update->range_count - 1] : NULL;
        if (last != NULL && last->offset + last->bytes == offset) {
                last->bytes += bytes;
                return text_grow(&update->bytes, bytes);
        }
        if (update->range_count == update->range_capacity) {
                update->range_capacity = update->range_capacity > 0 ? 2 * update->range_capacity : 16;
                update->ranges = reallocate(update->ranges, update->range_capacity, sizeof(*update->ranges));
        }
        update->ranges[update->range_count++] = (struct update_range){ offset, bytes };
        return text_grow(&update->bytes, bytes);
}

bool update_parse(struct update *update, const struct named_field *named, const char *string,
                  const struct value_syntax *syntax, struct failure *failure)
{
        void *bytes = update_add(update, named->field.offset, field_size(&named->field));
        return value_parse(named, string, syntax, bytes, failure);
}

void update_clear(struct update *update)
{
        update->range_count = 0;
        text_clear(&update->bytes);
}

void update_free(struct update *update)
{
        free(update->ranges);
        text_free(&update->bytes);
        *update = (struct update)UPDATE_EMPTY;
}

struct update_sink update_sink_open(seqcast_publisher *publisher, bool replace)
{
        seqcast_info info;
        seqcast_publisher_info(publisher, &info);
        struct update_sink sink = { publisher, info.record_bytes, NULL };
        if (replace)
                sink.zeros = allocate((size_t)info.record_bytes, 1);
        return sink;
}

void update_sink_close(struct update_sink *sink)
{
        free(sink->zeros);
        sink->zeros = NULL;
}

static void apply(const struct update *update, unsigned char *record)
{
        const char *from = text_string(&update->bytes);
        for (size_t i = 0; i < update->range_count; i++) {
                memcpy(record + update->ranges[i].offset, from, update->ranges[i].bytes);
                from += update->ranges[i].bytes;
        }
}

static int publish_whole(const struct update_sink *sink, const struct update *update)
{
        apply(update, sink->zeros);
        int r = seqcast_publish(sink->publisher, sink->zeros, (size_t)sink->record_bytes);
        for (size_t i = 0; i < update->range_count; i++)
                memset(sink->zeros + update->ranges[i].offset, 0, update->ranges[i].bytes);
        return r;
}

/* For what is scattered over more ranges than one call takes. */
static int publish_begun(const struct update_sink *sink, const struct update *update)
{
        void *record;
        int r = seqcast_publish_begin(sink->publisher, &record);
        if (r < 0)
                return r;
        apply(update, record);
        r = seqcast_publish_commit(sink->publisher, (size_t)sink->record_bytes);
        if (r < 0)
                seqcast_publish_abort(sink->publisher);
        return r;
}

static int publish_ranges(const struct update_sink *sink, const struct update *update)
{
        seqcast_part parts[SEQCAST_PARTS_MAX];
        const char *from = text_string(&update->bytes);
        for (size_t i = 0; i < update->range_count; i++) {
                parts[i] = (seqcast_part){ update->ranges[i].offset, update->ranges[i].bytes, from };
                from += update->ranges[i].bytes;
        }
        return seqcast_publish_parts(sink->publisher, parts, update->range_count);
}

int update_publish(const struct update_sink *sink, const struct update *update)
{
        if (sink->zeros != NULL)
                return publish_whole(sink, update);
        if (update->range_count == 1 && update->ranges[0].bytes == sink->record_bytes)
                return seqcast_publish(sink->publisher, update->bytes.bytes, update->bytes.length);
        if (update->range_count > SEQCAST_PARTS_MAX)
                return publish_begun(sink, update);
        return publish_ranges(sink, update);
}
