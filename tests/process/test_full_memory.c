/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Shared memory of 64 MiB, in a mount namespace of its own: running out of it is an error, never a
 * signal, and leaves everything as it was. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "seqcast.h"

#include "../support/record.h"
#include "../support/topic.h"

#define MIB ((uint64_t)1 << 20)

static seqcast_publisher *publisher;
static seqcast_subscriber *subscriber;
static seqcast_detail detail;
static unsigned char record[1 << 16];
static seqcast_sample sample;
static bool small;
static const char *why_not;

/* Only as root: a user namespace of one's own is refused to a process with threads, as Criterion's have. */
static void mount_small_memory(void)
{
        if (geteuid() != 0)
                why_not = "mounting a tmpfs of one's own needs root";
        else if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                 mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "size=64m,mode=1777") == 0)
                small = true;
        else
                why_not = strerror(errno);
}

static void clean_up(void)
{
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_close(publisher);
        if (small)
                umount2("/dev/shm", MNT_DETACH);
}

TestSuite(full_memory, .init = mount_small_memory, .fini = clean_up, .timeout = 60);

#define NEEDS_SMALL_MEMORY()                                                                                 \
        do {                                                                                                 \
                if (!small)                                                                                  \
                        cr_skip_test("no small shared memory: %s", why_not);                                 \
        } while (0)

static uint64_t free_bytes(void)
{
        struct statvfs status;

        cr_assert(zero(int, statvfs("/dev/shm", &status)));
        return (uint64_t)status.f_bavail * status.f_bsize;
}

static int open_it(uint64_t record_bytes, uint32_t depth, uint32_t flags)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        options.record_bytes = record_bytes;
        options.depth = depth;
        options.flags = flags;
        options.ret_detail = &detail;
        return seqcast_publisher_open(topic_name(), &options, &publisher);
}

static int fill_up(void)
{
        char path[96];
        FILE *file;

        snprintf(path, sizeof path, SHM_DIRECTORY "filler-%ld", (long)getpid());
        file = fopen(path, "w");
        while (fwrite(record, sizeof record, 1, file) == 1)
                ;
        while (fflush(file) == 0 && fputc(0, file) == 0)
                ;
        fclose(file);
        return free_bytes() == 0;
}

Test(full_memory, creation_beyond_it_fails_and_leaves_nothing)
{
        uint64_t before;

        NEEDS_SMALL_MEMORY();
        before = free_bytes();
        cr_assert(eq(int, open_it(40 * MIB, 2, 0), -ENOSPC));
        cr_assert(ne(ptr, strstr(detail.text, "no space left"), NULL), "%s", detail.text);
        cr_assert(not(topic_exists()));
        cr_assert(eq(u64, free_bytes(), before));
        cr_assert(zero(uint, count_entries("/dev/shm", "seqcast")));
        cr_assert(zero(int, open_it(20 * MIB, 2, 0)), "%s", detail.text);
        cr_assert(lt(u64, free_bytes(), 25 * MIB), "it is reserved");
}

Test(full_memory, what_is_reserved_can_be_published_when_all_else_is_full)
{
        NEEDS_SMALL_MEMORY();
        cr_assert(zero(int, open_it(sizeof record, 4, 0)));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(fill_up());
        for (uint64_t number = 1; number < 20; number++) {
                record_fill(record, sizeof record, number);
                cr_assert(zero(int, seqcast_publish(publisher, record, sizeof record)));
                cr_assert(zero(int, seqcast_read_newest(subscriber, record, sizeof record, &sample)));
                cr_assert(eq(u64, sample.number, number));
                cr_assert(record_check(record, sizeof record, number));
        }
}

Test(full_memory, a_sparse_segment_may_be_larger_than_it)
{
        const uint64_t bytes = UINT64_C(4000000000);
        const seqcast_part part = { bytes - 8, 8, "the end." };
        seqcast_read_part end = { bytes - 8, 8, record };

        NEEDS_SMALL_MEMORY();
        cr_assert(zero(int, open_it(bytes, 2, SEQCAST_SPARSE)), "%s", detail.text);
        cr_assert(zero(int, seqcast_publish_parts(publisher, &part, 1)));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(zero(int, seqcast_read_newest_parts(subscriber, &end, 1, &sample)));
        cr_assert(zero(int, memcmp(record, "the end.", 8)));
        cr_assert(lt(u64, 60 * MIB, free_bytes()));
}

static void expect_first_value(void)
{
        cr_assert(eq(u64, seqcast_publisher_version(publisher), 1));
        cr_assert(zero(int, seqcast_read_newest(subscriber, record, sizeof record, &sample)));
        cr_assert(eq(u64, sample.number, 1));
        cr_assert(record_check(record, 100, 1));
}

Test(full_memory, sparse_publishing_into_a_full_one_is_an_error_and_the_old_value_stays)
{
        static const uint32_t flags[] = { 0, SEQCAST_IN_PLACE };

        for (size_t i = 0; i < 2; i++) {
                const seqcast_part part = { 50 * MIB, 8, "far away" };
                void *slot = record;

                if (i == 0)
                        NEEDS_SMALL_MEMORY();
                else
                        mount_small_memory();
                cr_assert(zero(int, open_it(60 * MIB, 4, SEQCAST_SPARSE | flags[i])), "%s", detail.text);
                record_fill(record, 100, 1);
                cr_assert(zero(int, seqcast_publish(publisher, record, 100)));
                cr_assert(zero(int, open_subscriber(&subscriber)));
                cr_assert(fill_up());
                for (int turn = 0; turn < 5; turn++) {
                        static unsigned char large[1 << 20];

                        cr_assert(eq(int, seqcast_publish(publisher, large, sizeof large), -ENOSPC));
                        expect_first_value();
                        if (flags[i] == SEQCAST_IN_PLACE)
                                cr_assert(eq(int, seqcast_publish_begin(publisher, &slot), -ENOSPC));
                        expect_first_value();
                }
                cr_assert(eq(ptr, slot, (void *)record));
                cr_assert(zero(int, seqcast_publish(publisher, record, 100) == -ENOSPC));
                cr_assert(eq(int, seqcast_publish_parts(publisher, &part, 1), -ERANGE));
                publisher = seqcast_publisher_close(publisher);
                subscriber = seqcast_subscriber_close(subscriber);
        }
}

Test(full_memory, parts_of_a_sparse_record_are_refused_whole)
{
        const uint64_t bytes = 1024 * MIB;
        const seqcast_part start = { 0, 8, "value 1." };
        const seqcast_part both[] = { { 0, 8, "value 2." }, { 512 * MIB, 8, "far away" } };
        seqcast_read_part parts[] = { { 0, 8, record }, { 512 * MIB, 8, record + 8 } };

        NEEDS_SMALL_MEMORY();
        cr_assert(zero(int, open_it(bytes, 2, SEQCAST_SPARSE)));
        cr_assert(zero(int, seqcast_publish_parts(publisher, &start, 1)));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(fill_up());
        for (int turn = 0; turn < 5; turn++) {
                cr_assert(eq(int, seqcast_publish_parts(publisher, both, 2), -ENOSPC));
                cr_assert(zero(int, seqcast_read_newest_parts(subscriber, parts, 2, &sample)));
                cr_assert(eq(u64, sample.number, 1));
                cr_assert(zero(int, memcmp(record, "value 1.\0\0\0\0\0\0\0\0", 16)));
        }
}

Test(full_memory, opening_as_much_as_possible_leaves_nothing_when_it_fails)
{
        NEEDS_SMALL_MEMORY();
        cr_assert(fill_up());
        cr_assert(eq(int, open_it(8, 2, 0), -ENOSPC));
        cr_assert(eq(int, open_it(1024 * MIB, 2, SEQCAST_SPARSE), -ENOSPC));
        cr_assert(not(topic_exists()));
        cr_assert(zero(uint, count_entries("/dev/shm", "seqcast")));
}
