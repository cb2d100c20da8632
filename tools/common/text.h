/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A string that grows. Running out of memory ends the program: no tool can do anything useful
 * then. */

#ifndef SEQCAST_TOOLS_TEXT_H
#define SEQCAST_TOOLS_TEXT_H

#include <stdarg.h>
#include <stddef.h>

#if defined(__GNUC__)
#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))
#else
#define PRINTF_LIKE(at, first)
#endif

/** `bytes` is NULL while nothing was added; otherwise a zero byte follows the `length` bytes. */
struct text {
        char *bytes;
        size_t length;
        size_t capacity;
};

#define TEXT_EMPTY                                                                                           \
        {                                                                                                    \
                NULL, 0, 0                                                                                   \
        }

/** Make room for `bytes` more and return where they go. They count from now on. */
void *text_grow(struct text *text, size_t bytes);

void text_add(struct text *text, const void *bytes, size_t length);
void text_add_string(struct text *text, const char *string);
void text_add_char(struct text *text, char character);
void text_print(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);

void text_clear(struct text *text);
void text_free(struct text *text);

/** The text as a C string, never NULL. */
const char *text_string(const struct text *text);

void *allocate(size_t count, size_t bytes);
void *reallocate(void *block, size_t count, size_t bytes);
char *copy_string(const char *string);

#endif
