/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A stream of bytes, taken as lines or as blocks, that can be waited for until a deadline or a
 * signal. Knows nothing of what the bytes mean. */

#ifndef SEQCAST_TOOLS_INPUT_H
#define SEQCAST_TOOLS_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/failure.h"
#include "common/text.h"

struct input {
        int descriptor;
        bool ended;
        struct text buffer; /* bytes from `taken` on are still to be delivered */
        size_t taken;
        size_t searched; /* no newline before this */
        uint64_t lines;  /* delivered so far: the number of the last line */
};

enum input_state {
        INPUT_READY,
        INPUT_LATER, /* not before the deadline */
        INPUT_END,
        INPUT_STOP, /* SIGINT, SIGTERM */
        INPUT_FAILED
};

/** "-" is standard input. */
bool input_open(struct input *input, const char *path, struct failure *failure);
void input_close(struct input *input);

/** The next line, without its end, added to `line`. A last line need not end with a newline. */
enum input_state input_line(struct input *input, int64_t deadline, struct text *line,
                            struct failure *failure);

/** The next `bytes` bytes; at the end there may be fewer, *ret_bytes of them. */
enum input_state input_block(struct input *input, int64_t deadline, size_t bytes, const char **ret_block,
                             size_t *ret_bytes, struct failure *failure);

#endif
