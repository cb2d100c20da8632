/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Locks of open files: each descriptor here is of an open file of its own, as handles have them, within one
 * process or not. The same for both implementations, but for the patience of flock(2). */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "platform/lock.h"

#define BYTE 0
#define OTHER_BYTE 1

static int a, b, c;

static void open_files(void)
{
        char path[32];
        FILE *file = tmpfile();

        cr_assert(file != NULL);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(file));
        a = open(path, O_RDWR);
        b = open(path, O_RDWR);
        c = open(path, O_RDWR);
        cr_assert(a >= 0 && b >= 0 && c >= 0);
        fclose(file);
}

TestSuite(lock, .init = open_files);

/* flock() has one lock for all bytes, so that there are none on the others. */
static bool by_flock(void)
{
        return seqcast__lock_take_shared(a, OTHER_BYTE) == -ENOSYS;
}

static double seconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

Test(lock, a_writer_keeps_out_everybody_else)
{
        cr_assert(eq(int, seqcast__lock_take(a, BYTE), 0));
        cr_assert(eq(int, seqcast__lock_take(b, BYTE), -EAGAIN));
        cr_assert(eq(int, seqcast__lock_take_shared(b, BYTE), -EAGAIN));
        cr_assert(eq(int, seqcast__lock_obstacle(b, BYTE, 1), SEQCAST__LOCK_WRITER));
        cr_assert(eq(int, seqcast__lock_is_held(b, BYTE), 1));
        seqcast__lock_drop(a, BYTE);
        cr_assert(eq(int, seqcast__lock_is_held(b, BYTE), 0));
        cr_assert(eq(int, seqcast__lock_take(b, BYTE), 0));
}

Test(lock, readers_keep_out_writers_and_not_each_other)
{
        cr_assert(eq(int, seqcast__lock_take_shared(a, BYTE), 0));
        cr_assert(eq(int, seqcast__lock_take_shared(b, BYTE), 0));
        cr_assert(eq(int, seqcast__lock_take(c, BYTE), -EAGAIN));
        cr_assert(eq(int, seqcast__lock_obstacle(c, BYTE, 1), SEQCAST__LOCK_READERS));
        cr_assert(eq(int, seqcast__lock_is_held(c, BYTE), 0), "they are no writer");
        seqcast__lock_drop(a, BYTE);
        cr_assert(eq(int, seqcast__lock_take(c, BYTE), -EAGAIN));
        seqcast__lock_drop(b, BYTE);
        cr_assert(eq(int, seqcast__lock_take(c, BYTE), 0));
}

Test(lock, whoever_asks_keeps_nothing)
{
        cr_assert(le(int, seqcast__lock_obstacle(a, BYTE, 1), SEQCAST__LOCK_READERS));
        cr_assert(eq(int, seqcast__lock_is_held(b, BYTE), 0));
        cr_assert(eq(int, seqcast__lock_take(c, BYTE), 0));
}

Test(lock, it_belongs_to_the_open_file_and_not_to_the_process)
{
        int same = dup(a);

        cr_assert(eq(int, seqcast__lock_take(a, BYTE), 0));
        close(b);
        cr_assert(eq(int, seqcast__lock_is_held(c, BYTE), 1), "another open file of the process was closed");
        close(a);
        cr_assert(eq(int, seqcast__lock_is_held(c, BYTE), 1), "somebody else has the descriptor");
        seqcast__lock_drop(same, BYTE);
        cr_assert(eq(int, seqcast__lock_is_held(c, BYTE), 0));
        cr_assert(eq(int, seqcast__lock_take(same, BYTE), 0));
        close(same);
        cr_assert(eq(int, seqcast__lock_is_held(c, BYTE), 0), "nobody has the descriptor");
}

Test(lock, bytes_are_apart)
{
        if (by_flock()) {
                cr_assert(eq(int, seqcast__lock_take(a, OTHER_BYTE), -ENOSYS));
                cr_assert(eq(int, seqcast__lock_obstacle(a, OTHER_BYTE, 1), SEQCAST__LOCK_FREE));
                return;
        }
        seqcast__lock_drop(a, OTHER_BYTE);
        cr_assert(eq(int, seqcast__lock_take(b, OTHER_BYTE), 0));
        cr_assert(eq(int, seqcast__lock_obstacle(c, BYTE, 1), SEQCAST__LOCK_FREE));
        cr_assert(eq(int, seqcast__lock_obstacle(c, BYTE, 2), SEQCAST__LOCK_WRITER));
        cr_assert(eq(int, seqcast__lock_obstacle(c, OTHER_BYTE + 1, 2), SEQCAST__LOCK_FREE));
        cr_assert(eq(int, seqcast__lock_take(a, BYTE), 0));
        seqcast__lock_drop(b, OTHER_BYTE);
        cr_assert(eq(int, seqcast__lock_is_held(c, BYTE), 1));
        cr_assert(eq(int, seqcast__lock_obstacle(c, OTHER_BYTE, 1), SEQCAST__LOCK_FREE));
}

Test(lock, a_file_that_is_none_is_an_error)
{
        int closed = dup(a);

        close(closed);
        cr_assert(eq(int, seqcast__lock_take(closed, BYTE), -EBADF));
        cr_assert(eq(int, seqcast__lock_take_shared(closed, BYTE), -EBADF));
        cr_assert(eq(int, seqcast__lock_obstacle(closed, BYTE, 1), -EBADF));
        cr_assert(eq(int, seqcast__lock_is_held(closed, BYTE), -EBADF));
}

/* ---- flock(2): whoever asks is a reader for a moment ------------------------------------------- */

static atomic_bool stop;

static void *ask(void *fd)
{
        while (!atomic_load(&stop))
                seqcast__lock_is_held(*(int *)fd, BYTE);
        return NULL;
}

Test(lock, those_who_ask_do_not_keep_out_a_writer)
{
        pthread_t asking[2];

        cr_assert(eq(int, pthread_create(&asking[0], NULL, ask, &b), 0));
        cr_assert(eq(int, pthread_create(&asking[1], NULL, ask, &c), 0));
        for (double end = seconds() + 0.3; seconds() < end;) {
                cr_assert(eq(int, seqcast__lock_take(a, BYTE), 0));
                seqcast__lock_drop(a, BYTE);
        }
        atomic_store(&stop, true);
        pthread_join(asking[0], NULL);
        pthread_join(asking[1], NULL);
}

static void *leave_soon(void *fd)
{
        const struct timespec soon = { .tv_nsec = 10000000 };

        nanosleep(&soon, NULL);
        seqcast__lock_drop(*(int *)fd, BYTE);
        return NULL;
}

Test(lock, flock_has_patience_with_a_reader_who_leaves_soon)
{
        pthread_t reader;

        if (!by_flock())
                cr_skip("of the implementation for PORTABLE=1");
        cr_assert(eq(int, seqcast__lock_take_shared(b, BYTE), 0));
        cr_assert(eq(int, pthread_create(&reader, NULL, leave_soon, &b), 0));
        cr_assert(eq(int, seqcast__lock_take(a, BYTE), 0));
        pthread_join(reader, NULL);
}

/* Times that no slow machine brings about, but a lack of patience, or too much of it: 50 naps of 1 ms. */
Test(lock, flock_has_no_patience_with_a_writer_and_not_for_ever_with_a_reader)
{
        double begun;

        if (!by_flock())
                cr_skip("of the implementation for PORTABLE=1");
        cr_assert(eq(int, seqcast__lock_take_shared(b, BYTE), 0));
        begun = seconds();
        cr_assert(eq(int, seqcast__lock_take(a, BYTE), -EAGAIN));
        cr_assert(ge(dbl, seconds() - begun, 0.05));
        seqcast__lock_drop(b, BYTE);

        cr_assert(eq(int, seqcast__lock_take(b, BYTE), 0));
        begun = seconds();
        for (int i = 0; i < 100; i++)
                cr_assert(eq(int, seqcast__lock_take(a, BYTE), -EAGAIN));
        cr_assert(lt(dbl, seconds() - begun, 100 * 0.05));
}
