/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What a process may have runs out: descriptors, address space, file size, locked memory, objects in the file
 * system, memory of a control group. Each is an error with its own sentence and leaves nothing, but for the
 * last, at which Linux kills. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "../support/attempt.h"
#include "../support/plays.h"
#include "../support/portable.h"
#include "../support/record.h"

#define MIB ((uint64_t)1 << 20)

static seqcast_publisher *publisher;
static seqcast_subscriber *subscriber;
static unsigned char record[1 << 16];
static seqcast_sample sample;
static seqcast_detail detail;

static struct shared {
        int needed[4];
        uint64_t taken[3];
} * shared;

static void set_up(void)
{
        plays_prepare();
        shared = child_shared(sizeof *shared);
}

static void clean_up(void)
{
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_close(publisher);
        topic_remove();
        expect_none_left("the objects in shared memory", count_objects());
}

TestSuite(resources, .init = set_up, .fini = clean_up, .timeout = 60);

static int open_it(uint64_t record_bytes, uint32_t flags)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        detail.text[0] = '\0';
        options.record_bytes = record_bytes;
        options.depth = 2;
        options.flags = flags;
        options.ret_detail = &detail;
        return seqcast_publisher_open(topic_name(), &options, &publisher);
}

static int attach(void)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;

        detail.text[0] = '\0';
        options.ret_detail = &detail;
        return seqcast_subscriber_open(topic_name(), &options, &subscriber);
}

static bool says(const char *text)
{
        return strcmp(detail.text, text) == 0;
}

/* A sentence around a number of bytes. */
static bool says_of_bytes(const char *before, uint64_t bytes, const char *after)
{
        char expected[sizeof detail.text];

        snprintf(expected, sizeof expected, "%s%llu%s", before, (unsigned long long)bytes, after);
        return says(expected);
}

static void limit(int resource, rlim_t value)
{
        struct rlimit limits;

        getrlimit(resource, &limits);
        limits.rlim_cur = value;
        setrlimit(resource, &limits);
}

/* ---- descriptors ---------------------------------------------------------------------------- */

static int lowest_free(void)
{
        int fd = dup(0);

        close(fd);
        return fd;
}

/* With ever more descriptors, until it works. @return how many times it did not; -1: something is wrong */
static int open_with_too_few(int (*make)(void))
{
        const unsigned before = count_open();
        const int first = lowest_free();

        for (int more = 0; more < 16; more++) {
                int r;

                errno = 0;
                limit(RLIMIT_NOFILE, (rlim_t)(first + more));
                r = make();
                limit(RLIMIT_NOFILE, 1024);
                if (r >= 0)
                        return more;
                if (r != -EMFILE || strstr(detail.text, "too many open files in this process") == NULL ||
                    count_open() != before)
                        return -1;
        }
        return -1;
}

static int make_publisher(void)
{
        return open_it(64, 0);
}

static int make_replacement(void)
{
        return open_it(64, SEQCAST_RECREATE);
}

static int make_descriptor(void)
{
        int r = seqcast_subscriber_fd(subscriber);

        snprintf(detail.text, sizeof detail.text, "%s", seqcast_strerror(r));
        return r;
}

static int run_out_of_descriptors(void)
{
        for (int fd = 3; fd < 256; fd++)
                close(fd); /* so that those that follow are in a row */
        shared->needed[0] = open_with_too_few(make_publisher);
        PLAY_EXPECT(shared->needed[0] == 1);
        PLAY_EXPECT(seqcast_publish(publisher, "old", 3) == 0);
        publisher = seqcast_publisher_close(publisher);
        shared->needed[1] = open_with_too_few(make_replacement);
        PLAY_EXPECT(shared->needed[1] == 2);
        PLAY_EXPECT(count_objects() == 1);
        shared->needed[2] = open_with_too_few(attach);
        PLAY_EXPECT(shared->needed[2] == 1);
        shared->needed[3] = is_portable() ? 0 : open_with_too_few(make_descriptor);
        PLAY_EXPECT(is_portable() || shared->needed[3] == 3);
        PLAY_EXPECT(seqcast_publish(publisher, "new", 3) == 0);
        PLAY_EXPECT(seqcast_wait(subscriber, 0) == 0);
        return 0;
}

Test(resources, descriptors)
{
        expect_play(run_out_of_descriptors);
        fprintf(stderr, "descriptors needed to publish, replace, subscribe, poll: %d %d %d %d\n",
                shared->needed[0], shared->needed[1], shared->needed[2], shared->needed[3]);
}

/* ---- address space, file size ------------------------------------------------------------------ */

static int run_out_of_addresses(void)
{
        const uint64_t bytes = 1024 * MIB;
        seqcast_info info;

        PLAY_EXPECT(open_it(bytes, SEQCAST_SPARSE) == 0);
        seqcast_publisher_info(publisher, &info);
        publisher = seqcast_publisher_close(publisher);
        limit(RLIMIT_AS, 512 * MIB);
        PLAY_EXPECT(attach() == -ENOMEM);
        PLAY_EXPECT(says_of_bytes("cannot be mapped (", info.segment_bytes, " bytes): out of memory"));
        PLAY_EXPECT(open_it(bytes, SEQCAST_SPARSE) == -ENOMEM && says("cannot be mapped: out of memory"));
        topic_remove();
        PLAY_EXPECT(open_it(bytes, SEQCAST_SPARSE) == -ENOMEM);
        PLAY_EXPECT(says_of_bytes("a segment of ", info.segment_bytes, " bytes: out of memory"));
        PLAY_EXPECT(count_objects() == 0);
        PLAY_EXPECT(open_it(64, 0) == 0 && attach() == 0);
        return 0;
}

Test(resources, addresses)
{
        if (SANITIZED)
                cr_skip_test("a sanitizer has more addresses than any limit");
        expect_play(run_out_of_addresses);
}

/* The limit is on what a file may grow to: what exists is used as before. SIGXFSZ would end the child. */
static int stay_within_the_file_size(void)
{
        const seqcast_part far = { 8 * MIB - 8, 8, "far away" };
        seqcast_read_part end = { 8 * MIB - 8, 8, record };
        seqcast_info info;

        PLAY_EXPECT(open_it(8 * MIB, SEQCAST_SPARSE) == 0);
        limit(RLIMIT_FSIZE, 4096);
        PLAY_EXPECT(attach() == 0);
        PLAY_EXPECT(seqcast_publish_parts(publisher, &far, 1) == 0);
        PLAY_EXPECT(seqcast_read_newest_parts(subscriber, &end, 1, &sample) == 0);
        PLAY_EXPECT(memcmp(record, "far away", 8) == 0);
        publisher = seqcast_publisher_close(publisher);
        PLAY_EXPECT(open_it(8 * MIB, SEQCAST_SPARSE) == 0 && seqcast_publisher_version(publisher) == 1);
        PLAY_EXPECT(seqcast_publish(publisher, record, sizeof record) == 0);
        seqcast_publisher_info(publisher, &info);
        publisher = seqcast_publisher_close(publisher);
        PLAY_EXPECT(open_it(8 * MIB, SEQCAST_RECREATE | SEQCAST_SPARSE) == -EFBIG);
        PLAY_EXPECT(says_of_bytes("a segment of ", info.segment_bytes,
                                  " bytes: segment larger than the file size limit or the address space"));
        PLAY_EXPECT(count_objects() == 1);
        PLAY_EXPECT(seqcast_read_newest(subscriber, record, sizeof record, &sample) == 0);
        PLAY_EXPECT(sample.retired == 0);
        return 0;
}

Test(resources, file_size)
{
        expect_play(stay_within_the_file_size);
}

/* ---- locked memory ------------------------------------------------------------------------------- */

static uint64_t taken_bytes(void)
{
        struct stat status;

        return stat(topic_path(), &status) == 0 ? (uint64_t)status.st_blocks * 512 : UINT64_MAX;
}

/* MCL_FUTURE has every page of every new mapping there at once: with a sparse segment, a reader does what it
 * may not do in any other way, and takes memory for all its holes. MCL_ONFAULT is the remedy. */
static int lock_all_memory(void)
{
        PLAY_EXPECT(open_it(16 * MIB, SEQCAST_SPARSE) == 0);
        PLAY_EXPECT(seqcast_publish(publisher, "here", 4) == 0);
        shared->taken[0] = taken_bytes();
        PLAY_EXPECT(shared->taken[0] < MIB);
        if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
                return play_impossible("mlockall");
        PLAY_EXPECT(attach() == 0);
        PLAY_EXPECT(seqcast_read_newest(subscriber, record, sizeof record, &sample) == 0 &&
                    sample.bytes == 4);
        shared->taken[1] = taken_bytes();
        PLAY_EXPECT(shared->taken[1] == shared->taken[0]);
        subscriber = seqcast_subscriber_close(subscriber);
        PLAY_EXPECT(munlockall() == 0);
        if (mlockall(MCL_FUTURE) != 0)
                return play_impossible("mlockall");
        PLAY_EXPECT(attach() == 0);
        shared->taken[2] = taken_bytes();
        munlockall();
        PLAY_EXPECT(seqcast_read_newest(subscriber, record, sizeof record, &sample) == 0 &&
                    sample.bytes == 4);
        PLAY_EXPECT(seqcast_publish(publisher, "gone", 4) == 0);
        return 0;
}

Test(resources, locked_memory_of_a_sparse_segment)
{
        if (SANITIZED)
                cr_skip_test("a sanitizer does not lock memory");
        expect_play(lock_all_memory);
        fprintf(stderr, "KiB of a sparse segment of 32 MiB: %lu; with MCL_ONFAULT %lu; with MCL_FUTURE %lu\n",
                (unsigned long)shared->taken[0] / 1024, (unsigned long)shared->taken[1] / 1024,
                (unsigned long)shared->taken[2] / 1024);
}

/* A dense segment is there anyway; locking it is what such programs want. */
static int lock_a_dense_segment(void)
{
        if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
                return play_impossible("mlockall");
        PLAY_EXPECT(open_it(MIB, 0) == 0 && attach() == 0);
        for (uint64_t number = 1; number <= 100; number++) {
                record_fill(record, sizeof record, number);
                PLAY_EXPECT(seqcast_publish(publisher, record, sizeof record) == 0);
                PLAY_EXPECT(seqcast_read_newest(subscriber, record, sizeof record, &sample) == 0);
                PLAY_EXPECT(sample.number == number && record_check(record, sizeof record, number));
        }
        return 0;
}

Test(resources, locked_memory_of_a_dense_segment)
{
        expect_play(lock_a_dense_segment);
}

/* What may not be locked is not mapped. That is no lost race, and no segment that is not ready yet. */
static int lock_more_than_is_allowed(void)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        const struct rlimit little = { 256 * 1024, 256 * 1024 };

        PLAY_EXPECT(open_it(4 * MIB, 0) == 0);
        publisher = seqcast_publisher_close(publisher);
        PLAY_EXPECT(chown(topic_path(), STRANGER, STRANGER) == 0 || geteuid() != 0);
        PLAY_EXPECT(setrlimit(RLIMIT_MEMLOCK, &little) == 0);
        if (geteuid() == 0)
                become_stranger(); /* root may lock what it likes */
        if (mlockall(MCL_FUTURE) != 0)
                return play_impossible("mlockall");
        detail.text[0] = '\0';
        options.ret_detail = &detail;
        options.timeout_ns = INT64_C(1000000000); /* would be lost on what is not waited for */
        PLAY_EXPECT(seqcast_subscriber_open(topic_name(), &options, &subscriber) == -ENOMEM);
        PLAY_EXPECT(strstr(detail.text, "cannot be mapped") != NULL);
        PLAY_EXPECT(open_it(4 * MIB, 0) == -ENOMEM);
        PLAY_EXPECT(open_it(4 * MIB, SEQCAST_RECREATE) == -ENOMEM);
        PLAY_EXPECT(count_objects() == 1);
        return 0;
}

Test(resources, more_locked_memory_than_is_allowed)
{
        if (SANITIZED)
                cr_skip_test("a sanitizer does not lock memory");
        expect_play(lock_more_than_is_allowed);
}

/* ---- the file system ------------------------------------------------------------------------------ */

static uint64_t free_bytes(void)
{
        struct statvfs status;

        return statvfs(SHM_DIRECTORY, &status) == 0 ? (uint64_t)status.f_bavail * status.f_bsize : UINT64_MAX;
}

static void fill_up(void)
{
        int fd = open(SHM_DIRECTORY "filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        while (write(fd, record, sizeof record) > 0)
                ;
        close(fd);
}

/* Opening to read takes nothing. Nor does taking over; replacing does, and leaves what is there. */
static int use_what_is_there_when_all_is_full(void)
{
        if (!mount_memory("size=4m,mode=1777"))
                return play_impossible("a tmpfs of one's own");
        PLAY_EXPECT(open_it(4096, 0) == 0 && seqcast_publish(publisher, "before", 6) == 0);
        publisher = seqcast_publisher_close(publisher);
        fill_up();
        PLAY_EXPECT(free_bytes() == 0);
        PLAY_EXPECT(attach() == 0);
        PLAY_EXPECT(open_it(4096, 0) == 0 && seqcast_publisher_version(publisher) == 1);
        PLAY_EXPECT(seqcast_publish(publisher, record, 4096) == 0);
        publisher = seqcast_publisher_close(publisher);
        PLAY_EXPECT(open_it(8192, SEQCAST_REPLACE) == -ENOSPC);
        PLAY_EXPECT(says("no space left in /dev/shm (needs 24576 bytes; 0 free)"));
        PLAY_EXPECT(seqcast_read_newest(subscriber, record, sizeof record, &sample) == 0);
        PLAY_EXPECT(sample.number == 2 && sample.retired == 0);
        PLAY_EXPECT(open_it(4096, 0) == 0 && seqcast_publisher_version(publisher) == 2);
        return 0;
}

Test(resources, a_full_file_system)
{
        expect_play(use_what_is_there_when_all_is_full);
}

/* One object for the root, one for the segment; a draft needs one, too. */
static int run_out_of_objects(void)
{
        if (!mount_memory("size=4m,mode=1777,nr_inodes=2"))
                return play_impossible("a tmpfs of one's own");
        PLAY_EXPECT(open_it(64, 0) == 0 && seqcast_publish(publisher, "before", 6) == 0);
        publisher = seqcast_publisher_close(publisher);
        PLAY_EXPECT(attach() == 0);
        PLAY_EXPECT(open_it(64, 0) == 0 && seqcast_publisher_version(publisher) == 1);
        publisher = seqcast_publisher_close(publisher);
        PLAY_EXPECT(open_it(128, SEQCAST_REPLACE) == -ENOSPC);
        PLAY_EXPECT(says("cannot create an object in /dev/shm: no space left in shared memory"));
        PLAY_EXPECT(seqcast_read_newest(subscriber, record, sizeof record, &sample) == 0);
        PLAY_EXPECT(sample.number == 1 && sample.retired == 0);
        subscriber = seqcast_subscriber_close(subscriber);
        topic_remove();
        PLAY_EXPECT(open_it(128, 0) == 0);
        return 0;
}

Test(resources, a_file_system_without_room_for_names)
{
        skip_if_portable("a draft has a name, and each name counts as an object");
        expect_play(run_out_of_objects);
}

/* ---- memory of a control group ----------------------------------------------------------------------- */

#define GROUP_BYTES (32 * MIB)
#define BEYOND_BYTES (64 * MIB)

static char group[512];

static bool write_text(const char *folder, const char *file, const char *text)
{
        char path[700];
        int fd;
        bool written;

        snprintf(path, sizeof path, "%s/%s", folder, file);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
        if (fd >= 0)
                close(fd);
        return written;
}

/* The folder that stands for this process's group in a hierarchy; `controller` "" is that of version 2. */
static bool find_group(const char *mount_point, const char *controller)
{
        FILE *groups = fopen("/proc/self/cgroup", "re");
        char line[512], wanted[64];
        bool found = false;

        if (groups == NULL)
                return false;
        snprintf(wanted, sizeof wanted, ":%s:", controller);
        while (!found && fgets(line, sizeof line, groups) != NULL) {
                char *path = strchr(line, ':');

                if (path == NULL || strncmp(path, wanted, strlen(wanted)) != 0)
                        continue;
                path += strlen(wanted);
                path[strcspn(path, "\n")] = '\0';
                snprintf(group, sizeof group, "%s%s/seqcast-test-%ld", mount_point,
                         strcmp(path, "/") == 0 ? "" : path, (long)getpid());
                found = true;
        }
        fclose(groups);
        return found;
}

/* A group of 32 MiB, without swap where that can be said. */
static bool make_group(void)
{
        if (find_group("/sys/fs/cgroup/memory", "memory") && mkdir(group, 0755) == 0) {
                if (write_text(group, "memory.limit_in_bytes", "33554432")) {
                        write_text(group, "memory.memsw.limit_in_bytes", "33554432");
                        return true;
                }
                rmdir(group);
        }
        if (find_group("/sys/fs/cgroup", "") && mkdir(group, 0755) == 0) {
                if (write_text(group, "memory.max", "33554432")) {
                        write_text(group, "memory.swap.max", "0");
                        write_text(group, "memory.oom.group", "0");
                        return true;
                }
                rmdir(group);
        }
        return false;
}

static void remove_group(void)
{
        for (int i = 0; i < 1000 && rmdir(group) != 0 && errno == EBUSY; i++)
                sleep_us(1000); /* until the last process has gone from it */
}

static bool enter_group(void)
{
        return write_text(group, "cgroup.procs", "0");
}

static int create_beyond_the_group(void)
{
        if (!enter_group())
                return play_impossible("entering a group");
        return -open_it(BEYOND_BYTES / 2, 0);
}

/* What is there is charged to whoever made it; what is not is filled in, not touched. */
static int read_beyond_the_group(void)
{
        static unsigned char buffer[1 << 20];
        seqcast_info info;

        if (!enter_group())
                return play_impossible("entering a group");
        PLAY_EXPECT(attach() == 0);
        seqcast_subscriber_info(subscriber, &info);
        for (uint64_t offset = 0; offset < BEYOND_BYTES; offset += sizeof buffer) {
                seqcast_read_part part = { offset, sizeof buffer, buffer };

                PLAY_EXPECT(seqcast_read_newest_parts(subscriber, &part, 1, &sample) == 0);
        }
        PLAY_EXPECT(sample.bytes == BEYOND_BYTES);
        return 0;
}

static void in_group(int (*play)(void), int expected)
{
        int r;

        if (SANITIZED || !make_group()) {
                const char *why = SANITIZED ? "a sanitizer takes more memory" : strerror(errno);

                SKIP_WITH_TOPIC("no control group for memory can be had here: %s", why);
        }
        r = child_wait(child_start(play));
        remove_group();
        expect_played(r, expected);
}

static void needs_room(void)
{
        if (free_bytes() < 4 * (uint64_t)BEYOND_BYTES)
                cr_skip_test("/dev/shm has only %lu bytes left", (unsigned long)free_bytes());
}

/* Killed, as documented: Linux has no error for this. Nothing is under the name, and the memory is free. */
Test(resources, a_reserved_segment_beyond_the_memory_of_a_group)
{
        skip_if_portable("a killed creator leaves what it has written, under a name of its own");
        needs_room();
        in_group(create_beyond_the_group, -1);
        cr_assert(zero(uint, count_objects()));
        cr_assert(zero(int, open_it(64, 0)), "it can be made by somebody else");
}

Test(resources, reading_what_others_have_made_is_not_charged)
{
        const seqcast_part last = { BEYOND_BYTES - 4, 4, "last" };

        needs_room();
        cr_assert(zero(int, open_it(BEYOND_BYTES, 0)));
        cr_assert(zero(int, seqcast_publish_parts(publisher, &last, 1)));
        in_group(read_beyond_the_group, 0);
}

Test(resources, reading_holes_takes_no_memory)
{
        const seqcast_part last = { BEYOND_BYTES - 4, 4, "last" };

        cr_assert(zero(int, open_it(BEYOND_BYTES, SEQCAST_SPARSE)));
        cr_assert(zero(int, seqcast_publish_parts(publisher, &last, 1)));
        in_group(read_beyond_the_group, 0);
        cr_assert(lt(u64, taken_bytes(), MIB));
}
