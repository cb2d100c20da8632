/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What a process holds - descriptors, mapped memory, allocations - so that a test can tell whether something
 * leaks; and allocations that are refused.
 *
 * To be included once in a program, on glibc: it stands in for malloc(). Not for builds with
 * AddressSanitizer, which has one of its own. */

#ifndef SEQCAST_TESTS_HOLDINGS_H
#define SEQCAST_TESTS_HOLDINGS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "topic.h"

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *memory);

static struct {
        int64_t live;         /* allocations that are not freed yet */
        bool (*refuse)(void); /* asked before each, if it is set */
} heap;

static bool heap_refuses(void)
{
        if (heap.refuse == NULL || !heap.refuse())
                return false;
        errno = ENOMEM;
        return true;
}

static void *heap_count(void *memory)
{
        heap.live += memory != NULL;
        return memory;
}

void *malloc(size_t bytes)
{
        return heap_refuses() ? NULL : heap_count(__libc_malloc(bytes));
}

void *calloc(size_t count, size_t bytes)
{
        return heap_refuses() ? NULL : heap_count(__libc_calloc(count, bytes));
}

void *realloc(void *memory, size_t bytes)
{
        if (heap_refuses())
                return NULL;
        return memory == NULL ? heap_count(__libc_realloc(NULL, bytes)) : __libc_realloc(memory, bytes);
}

int posix_memalign(void **ret_memory, size_t alignment, size_t bytes)
{
        *ret_memory = heap_refuses() ? NULL : heap_count(__libc_memalign(alignment, bytes));
        return *ret_memory == NULL ? ENOMEM : 0;
}

void free(void *memory)
{
        heap.live -= memory != NULL;
        __libc_free(memory);
}

struct holdings {
        unsigned descriptors;
        uint64_t mapped_bytes; /* but for stack and heap, which grow as they like */
        int64_t allocations;
};

static inline uint64_t mapped_bytes(void)
{
        static char text[1 << 16];
        size_t length = 0;
        ssize_t got;
        uint64_t bytes = 0;
        int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                abort();
        while (length + 1 < sizeof text && (got = read(fd, text + length, sizeof text - 1 - length)) > 0)
                length += (size_t)got;
        close(fd);
        text[length] = '\0';
        for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
                char *at;
                uint64_t from = strtoull(line, &at, 16), to = strtoull(at + 1, &at, 16);

                *end = '\0';
                if (strstr(at, "[heap]") == NULL && strstr(at, "[stack]") == NULL)
                        bytes += to - from;
        }
        return bytes;
}

static inline struct holdings holdings_now(void)
{
        return (struct holdings){ count_descriptors(), mapped_bytes(), heap.live };
}

#endif
