/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Lines and blocks from a descriptor. */

#include "common/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/stop.h"

#define READ_BYTES 65536

bool input_open(struct input *input, const char *path, struct failure *failure)
{
        memset(input, 0, sizeof(*input));
        input->descriptor = STDIN_FILENO;
        if (strcmp(path, "-") != 0)
                input->descriptor = open(path, O_RDONLY | O_CLOEXEC);
        /* Standard input may have been closed. */
        return (input->descriptor >= 0 && fcntl(input->descriptor, F_GETFD) >= 0) ||
               fail(failure, E_IO, "cannot read %s: %s", path, strerror(errno));
}

void input_close(struct input *input)
{
        if (input->descriptor > STDIN_FILENO)
                close(input->descriptor);
        text_free(&input->buffer);
}

static size_t waiting_bytes(const struct input *input)
{
        return input->buffer.length - input->taken;
}

/* Forget what was delivered. */
static void compact(struct input *input)
{
        size_t left = waiting_bytes(input);
        if (input->taken == 0)
                return;
        if (left > 0)
                memmove(input->buffer.bytes, input->buffer.bytes + input->taken, left);
        input->buffer.length = left;
        input->searched -= input->taken;
        input->taken = 0;
}

static enum input_state read_more(struct input *input, int64_t deadline, struct failure *failure)
{
        switch (stop_wait(input->descriptor, deadline)) {
        case WAIT_TIME:
                return INPUT_LATER;
        case WAIT_STOP:
                return INPUT_STOP;
        case WAIT_INPUT:
                break;
        }
        compact(input);
        char *room = text_grow(&input->buffer, READ_BYTES);
        ssize_t got = read(input->descriptor, room, READ_BYTES);
        int error = errno;
        input->buffer.length -= READ_BYTES - (size_t)(got > 0 ? got : 0);
        if (got < 0 && error != EINTR && error != EAGAIN) {
                fail(failure, E_IO, "cannot read the input: %s", strerror(error));
                return INPUT_FAILED;
        }
        input->ended = got == 0;
        return INPUT_READY;
}

static void take(struct input *input, size_t bytes)
{
        input->taken += bytes;
        input->searched = input->taken;
}

static void take_line(struct input *input, size_t length, struct text *line)
{
        const char *start = input->buffer.bytes + input->taken;
        bool carriage_return = length > 0 && start[length - 1] == '\r';
        text_add(line, start, length - (carriage_return ? 1 : 0));
        input->lines++;
}

enum input_state input_line(struct input *input, int64_t deadline, struct text *line, struct failure *failure)
{
        for (;;) {
                const char *from = text_string(&input->buffer) + input->searched;
                const char *newline = memchr(from, '\n', input->buffer.length - input->searched);
                if (newline != NULL) {
                        size_t length = (size_t)(newline - input->buffer.bytes) - input->taken;
                        take_line(input, length, line);
                        take(input, length + 1);
                        return INPUT_READY;
                }
                input->searched = input->buffer.length;
                if (input->ended) {
                        size_t length = waiting_bytes(input);
                        if (length == 0)
                                return INPUT_END;
                        take_line(input, length, line);
                        take(input, length);
                        return INPUT_READY;
                }
                enum input_state state = read_more(input, deadline, failure);
                if (state != INPUT_READY)
                        return state;
        }
}

enum input_state input_block(struct input *input, int64_t deadline, size_t bytes, const char **ret_block,
                             size_t *ret_bytes, struct failure *failure)
{
        while (waiting_bytes(input) < bytes && !input->ended) {
                enum input_state state = read_more(input, deadline, failure);
                if (state != INPUT_READY)
                        return state;
        }
        size_t got = waiting_bytes(input) < bytes ? waiting_bytes(input) : bytes;
        if (got == 0)
                return INPUT_END;
        *ret_block = input->buffer.bytes + input->taken;
        *ret_bytes = got;
        take(input, got);
        return INPUT_READY;
}
