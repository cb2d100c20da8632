/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#define _GNU_SOURCE
#include "platform/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "platform/clock.h"

#define OVERFLOW_UID 65534 /* the kernel's default; nobody changes it */

void seqcast__process_name(char *ret_name, size_t capacity)
{
        memset(ret_name, 0, capacity);
        strncpy(ret_name, program_invocation_short_name, capacity - 1);
}

/* @return bytes read, without a final newline; 0 if there is no such file */
static size_t read_small_file(const char *path, char *text, size_t capacity)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length;

        if (fd < 0)
                return 0;
        length = read(fd, text, capacity - 1);
        close(fd);
        if (length < 0)
                length = 0;
        text[length] = '\0';
        return (size_t)length;
}

static int hex_digit(char c)
{
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void seqcast__process_boot_id(uint8_t ret_id[16])
{
        char text[64];
        size_t length = read_small_file("/proc/sys/kernel/random/boot_id", text, sizeof text);
        size_t digits = 0;

        memset(ret_id, 0, 16);
        for (size_t i = 0; i < length && digits < 32; i++) {
                int digit = hex_digit(text[i]);

                if (digit < 0)
                        continue;
                ret_id[digits / 2] = (uint8_t)(ret_id[digits / 2] << 4 | digit);
                digits++;
        }
}

uint64_t seqcast__process_random(void)
{
        uint64_t value = 0;

        if (getrandom(&value, sizeof value, GRND_NONBLOCK) != (ssize_t)sizeof value)
                value = (uint64_t)seqcast__clock_real_ns() ^ (uint64_t)getpid() << 40;
        return value != 0 ? value : 1;
}

bool seqcast__process_is_overflow_uid(uid_t uid)
{
        char map[128], *end = map;
        unsigned long inside, outside, count;

        if (uid != OVERFLOW_UID)
                return false;
        /* Where every uid is mapped to itself there is no overflow: 65534 is a user like any other. */
        if (read_small_file("/proc/self/uid_map", map, sizeof map) == 0)
                return true;
        inside = strtoul(end, &end, 10);
        outside = strtoul(end, &end, 10);
        count = strtoul(end, &end, 10);
        return inside != 0 || outside != 0 || count < OVERFLOW_UID + 1;
}

int seqcast__process_move_above_stderr(int fd)
{
        int moved, error;

        if (fd < 0)
                return -errno;
        if (fd > STDERR_FILENO)
                return fd;
        moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        error = errno;
        close(fd);
        return moved < 0 ? -error : moved;
}

/* ---- fork ---------------------------------------------------------------------------------- */

struct guarded {
        struct guarded *next;
        uint32_t *flag;
        int fd;
};

static struct guarded *guarded_list;
static pthread_mutex_t guarded_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t guarded_once = PTHREAD_ONCE_INIT;

static struct seqcast__process_mutex *mutex_list;

static void before_fork(void)
{
        pthread_mutex_lock(&guarded_mutex);
        for (struct seqcast__process_mutex *entry = mutex_list; entry != NULL; entry = entry->next)
                pthread_mutex_lock(entry->mutex);
}

static void release_mutexes(void)
{
        for (struct seqcast__process_mutex *entry = mutex_list; entry != NULL; entry = entry->next)
                pthread_mutex_unlock(entry->mutex);
}

static void after_fork_in_parent(void)
{
        release_mutexes();
        pthread_mutex_unlock(&guarded_mutex);
}

static void after_fork_in_child(void)
{
        for (struct guarded *entry = guarded_list; entry != NULL; entry = entry->next) {
                close(entry->fd);
                *entry->flag = 0;
        }
        release_mutexes();
        guarded_list = NULL; /* the entries are lost: a child should not call free() here */
        pthread_mutex_unlock(&guarded_mutex);
}

static void register_fork_handlers(void)
{
        pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void seqcast__process_hold_forks(void)
{
        pthread_once(&guarded_once, register_fork_handlers);
        pthread_mutex_lock(&guarded_mutex);
}

void seqcast__process_release_forks(void)
{
        pthread_mutex_unlock(&guarded_mutex);
}

int seqcast__process_guard_fork(int fd, uint32_t *flag)
{
        struct guarded *entry = malloc(sizeof *entry);

        if (entry == NULL)
                return -ENOMEM;
        *entry = (struct guarded){ .next = guarded_list, .flag = flag, .fd = fd };
        guarded_list = entry;
        return 0;
}

void seqcast__process_unguard_fork(int fd)
{
        struct guarded **link, *entry;

        pthread_mutex_lock(&guarded_mutex);
        for (link = &guarded_list; *link != NULL && (*link)->fd != fd;)
                link = &(*link)->next;
        entry = *link;
        if (entry != NULL)
                *link = entry->next;
        pthread_mutex_unlock(&guarded_mutex);
        free(entry);
}

void seqcast__process_hold_at_fork(struct seqcast__process_mutex *entry, pthread_mutex_t *mutex)
{
        seqcast__process_hold_forks();
        entry->mutex = mutex;
        entry->next = mutex_list;
        mutex_list = entry;
        seqcast__process_release_forks();
}

void seqcast__process_forget_at_fork(struct seqcast__process_mutex *entry)
{
        struct seqcast__process_mutex **link;

        pthread_mutex_lock(&guarded_mutex);
        for (link = &mutex_list; *link != entry;)
                link = &(*link)->next;
        *link = entry->next;
        pthread_mutex_unlock(&guarded_mutex);
}
