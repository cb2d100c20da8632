/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The formats of shmsub -p: '%{bid} %{mid:.2f} %{sym:-8s} %{@seq} %{@time:%H:%M:%S.%6N}\n'. */

#ifndef SEQCAST_TOOLS_PRINT_FORMAT_H
#define SEQCAST_TOOLS_PRINT_FORMAT_H

#include "common/print.h"

struct print_piece;

struct print_format {
        struct print_piece *pieces;
        size_t count;
};

/** Take a format apart. @return false: E_USAGE */
bool print_format_parse(struct print_format *format, const char *string, struct failure *failure);

/** Add the fields it names to a view. May be done again with another view. */
bool print_format_bind(struct print_format *format, struct view *view, struct failure *failure);

void print_format_free(struct print_format *format);

void print_formatted(struct text *out, const struct print_format *format, const struct snapshot *snapshot,
                     const struct print_style *style);

#endif
