/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The growing string, and the allocations that end the program when they fail. */

#include "common/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_die(void *block)
{
        if (block == NULL) {
                fputs("out of memory\n", stderr);
                exit(1);
        }
        return block;
}

void *allocate(size_t count, size_t bytes)
{
        return or_die(calloc(count > 0 ? count : 1, bytes > 0 ? bytes : 1));
}

void *reallocate(void *block, size_t count, size_t bytes)
{
        if (bytes > 0 && count > SIZE_MAX / bytes)
                return or_die(NULL);
        return or_die(realloc(block, count * bytes > 0 ? count * bytes : 1));
}

char *copy_string(const char *string)
{
        return or_die(strdup(string));
}

static void reserve(struct text *text, size_t bytes)
{
        if (bytes >= SIZE_MAX / 2 - text->length)
                or_die(NULL);
        size_t needed = text->length + bytes + 1;
        if (needed <= text->capacity)
                return;
        size_t capacity = text->capacity < 64 ? 64 : text->capacity;
        while (capacity < needed)
                capacity *= 2;
        text->bytes = reallocate(text->bytes, capacity, 1);
        text->capacity = capacity;
}

void *text_grow(struct text *text, size_t bytes)
{
        reserve(text, bytes);
        char *room = text->bytes + text->length;
        text->length += bytes;
        text->bytes[text->length] = '\0';
        return room;
}

void text_add(struct text *text, const void *bytes, size_t length)
{
        char *room = text_grow(text, length);
        if (length > 0)
                memcpy(room, bytes, length);
}

void text_add_string(struct text *text, const char *string)
{
        text_add(text, string, strlen(string));
}

void text_add_char(struct text *text, char character)
{
        text_add(text, &character, 1);
}

void text_print(struct text *text, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        int length = vsnprintf(NULL, 0, format, arguments);
        va_end(arguments);
        if (length <= 0)
                return;
        char *room = text_grow(text, (size_t)length);
        va_start(arguments, format);
        vsnprintf(room, (size_t)length + 1, format, arguments);
        va_end(arguments);
}

void text_clear(struct text *text)
{
        text->length = 0;
        if (text->bytes != NULL)
                text->bytes[0] = '\0';
}

void text_free(struct text *text)
{
        free(text->bytes);
        *text = (struct text)TEXT_EMPTY;
}

const char *text_string(const struct text *text)
{
        return text->bytes != NULL ? text->bytes : "";
}
