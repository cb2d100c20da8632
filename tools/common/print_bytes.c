/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Records as bytes: as they are, or as a hex dump. */

#include "common/print.h"

#define DUMP_BYTES 16

void print_raw(struct text *out, const struct view *view)
{
        if (view->whole) {
                text_add(out, view->record, (size_t)view->sample.bytes);
                return;
        }
        for (size_t i = 0; i < view->column_count; i++) {
                const unsigned char *bytes = view_bytes(view, i);
                if (view->columns[i].shown && bytes != NULL)
                        text_add(out, bytes, field_size(&view->columns[i].named.field));
        }
}

static void dump_line(struct text *out, size_t offset, const unsigned char *bytes, size_t count)
{
        text_print(out, "%08zx ", offset);
        for (size_t i = 0; i < DUMP_BYTES; i++) {
                text_add_string(out, i == DUMP_BYTES / 2 ? "  " : " ");
                if (i < count)
                        text_print(out, "%02x", bytes[i]);
                else
                        text_add_string(out, "  ");
        }
        text_add_string(out, "  |");
        for (size_t i = 0; i < count; i++)
                text_add_char(out, bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '.');
        text_add_string(out, "|\n");
}

void print_hex(struct text *out, const struct view *view)
{
        struct text raw = TEXT_EMPTY;
        print_raw(&raw, view);
        for (size_t at = 0; at < raw.length; at += DUMP_BYTES) {
                size_t count = raw.length - at < DUMP_BYTES ? raw.length - at : DUMP_BYTES;
                dump_line(out, at, (const unsigned char *)raw.bytes + at, count);
        }
        text_free(&raw);
}
