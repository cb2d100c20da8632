/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Reading chosen fields with as few byte ranges as the library takes in one call. */

#include "common/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void view_open(struct view *view, seqcast_subscriber *subscriber)
{
        seqcast_info info;
        seqcast_subscriber_info(subscriber, &info);
        memset(view, 0, sizeof(*view));
        view->subscriber = subscriber;
        view->schema = seqcast_subscriber_schema(subscriber);
        view->record_bytes = info.record_bytes;
}

void view_close(struct view *view)
{
        free(view->columns);
        free(view->buffer);
        free(view->record);
        memset(view, 0, sizeof(*view));
}

static void add_column(struct view *view, const struct named_field *named, bool shown)
{
        view->columns = reallocate(view->columns, view->column_count + 1, sizeof(*view->columns));
        view->columns[view->column_count++] = (struct view_column){ *named, 0, shown };
}

int view_add(struct view *view, const char *label, bool shown, struct failure *failure)
{
        struct named_field named;
        if (view->schema == NULL) {
                fail(failure, E_USAGE, "'%.100s': the segment has no schema, so no fields", label);
                return -1;
        }
        if (!find_field(view->schema, label, &named, failure)) {
                failure->class = E_USAGE;
                return -1;
        }
        add_column(view, &named, shown);
        return (int)view->column_count - 1;
}

void view_add_all(struct view *view)
{
        for (size_t i = 0; view->schema != NULL && i < view->schema->field_count; i++) {
                struct named_field named = { view->schema->fields[i].name, view->schema->fields[i] };
                add_column(view, &named, true);
        }
}

/* ---- ranges -------------------------------------------------------------------------------- */

struct range {
        uint64_t offset;
        uint64_t end;
};

static int by_offset(const void *a, const void *b)
{
        const struct range *left = a, *right = b;
        return left->offset < right->offset ? -1 : left->offset > right->offset;
}

static int by_size(const void *a, const void *b)
{
        const uint64_t *left = a, *right = b;
        return *left < *right ? -1 : *left > *right;
}

/* Join ranges with no more than `gap` bytes between them. Sorted by offset, and stays so. */
static size_t join(struct range *ranges, size_t count, uint64_t gap)
{
        size_t joined = 0;
        for (size_t i = 1; i < count; i++) {
                if (ranges[i].offset <= ranges[joined].end || ranges[i].offset - ranges[joined].end <= gap) {
                        if (ranges[i].end > ranges[joined].end)
                                ranges[joined].end = ranges[i].end;
                } else {
                        ranges[++joined] = ranges[i];
                }
        }
        return count > 0 ? joined + 1 : 0;
}

/* The smallest gap that has to be bridged so that no more than SEQCAST_PARTS_MAX ranges are
 * left. */
static uint64_t gap_to_bridge(const struct range *ranges, size_t count)
{
        if (count <= SEQCAST_PARTS_MAX)
                return 0;
        uint64_t *gaps = allocate(count - 1, sizeof(*gaps));
        for (size_t i = 1; i < count; i++)
                gaps[i - 1] = ranges[i].offset - ranges[i - 1].end;
        qsort(gaps, count - 1, sizeof(*gaps), by_size);
        uint64_t gap = gaps[count - 1 - SEQCAST_PARTS_MAX];
        free(gaps);
        return gap;
}

static size_t plan_ranges(const struct view *view, struct range *ranges)
{
        size_t count = view->column_count;
        for (size_t i = 0; i < count; i++) {
                const seqcast_field *field = &view->columns[i].named.field;
                ranges[i] = (struct range){ field->offset, field->offset + field_size(field) };
        }
        if (count > 0)
                qsort(ranges, count, sizeof(*ranges), by_offset);
        count = join(ranges, count, 0);
        return join(ranges, count, gap_to_bridge(ranges, count));
}

/* A column lies within exactly one range. */
static void place_column(struct view_column *column, const struct range *ranges, size_t count)
{
        size_t position = 0;
        for (size_t i = 0; i < count; i++) {
                if (column->named.field.offset >= ranges[i].offset &&
                    column->named.field.offset < ranges[i].end) {
                        column->position = position + (size_t)(column->named.field.offset - ranges[i].offset);
                        return;
                }
                position += (size_t)(ranges[i].end - ranges[i].offset);
        }
}

void view_prepare(struct view *view)
{
        struct range *ranges = allocate(view->column_count, sizeof(*ranges));
        view->part_count = plan_ranges(view, ranges);
        for (size_t i = 0; i < view->part_count; i++)
                view->buffer_bytes += (size_t)(ranges[i].end - ranges[i].offset);
        view->buffer = allocate(view->buffer_bytes, 1);

        unsigned char *to = view->buffer;
        for (size_t i = 0; i < view->part_count; i++) {
                size_t bytes = (size_t)(ranges[i].end - ranges[i].offset);
                view->parts[i] = (seqcast_read_part){ ranges[i].offset, bytes, to };
                to += bytes;
        }
        for (size_t i = 0; i < view->column_count; i++)
                place_column(&view->columns[i], ranges, view->part_count);
        free(ranges);
}

/* ---- reading ------------------------------------------------------------------------------- */

static int read_whole(struct view *view, bool next)
{
        if (view->record == NULL)
                view->record = allocate((size_t)view->record_bytes, 1);
        return (next ? seqcast_read_next : seqcast_read_newest)(view->subscriber, view->record,
                                                                (size_t)view->record_bytes, &view->sample);
}

/* -ERANGE: the record is shorter than the schema, and the library does not say by how much. */
static int read_record(struct view *view, bool next)
{
        int r = -ERANGE;
        bool as_parts = !view->whole;
        if (as_parts)
                r = (next ? seqcast_read_next_parts : seqcast_read_newest_parts)(
                        view->subscriber, view->parts, view->part_count, &view->sample);
        if (r == -ERANGE) {
                as_parts = false;
                r = read_whole(view, next);
        }
        if (r == 0)
                view->delivered_whole = !as_parts;
        return r;
}

int view_read_newest(struct view *view)
{
        return read_record(view, false);
}

int view_read_next(struct view *view)
{
        return read_record(view, true);
}

const unsigned char *view_bytes(const struct view *view, size_t column)
{
        const seqcast_field *field = &view->columns[column].named.field;
        if (!view->delivered_whole)
                return view->buffer + view->columns[column].position;
        if (field->offset + field_size(field) > view->sample.bytes)
                return NULL;
        return view->record + field->offset;
}
