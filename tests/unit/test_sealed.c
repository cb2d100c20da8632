/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* SEQCAST_SEALED: segments without a name, which nobody can truncate, handed over as descriptors. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "platform/nameless.h"
#include "seqcast.h"

#include "../support/child.h"
#include "../support/record.h"
#include "../support/topic.h"

#define RECORD_BYTES 64u
#define STRANGER 12345u

static unsigned descriptors_before;
static seqcast_publisher *publisher;
static seqcast_subscriber *subscriber;
static unsigned char record[RECORD_BYTES];
static seqcast_sample sample;
static seqcast_detail detail;

static bool can_be_sealed(void)
{
        return seqcast__nameless_is_sealed(-1) != -ENOSYS;
}

static void note_what_is_open(void)
{
        if (!can_be_sealed())
                cr_skip_test("a portable build: nothing can be sealed");
        topic_name();
        descriptors_before = count_descriptors();
}

static void expect_nothing_left(void)
{
        close_and_expect_none_left(subscriber, publisher, descriptors_before);
}

TestSuite(sealed, .init = note_what_is_open, .fini = expect_nothing_left, .timeout = 60);

static void publish_up_to(uint64_t number)
{
        for (uint64_t i = seqcast_publisher_version(publisher) + 1; i <= number; i++) {
                unsigned char bytes[RECORD_BYTES];

                record_fill(bytes, sizeof bytes, i);
                cr_assert(zero(int, seqcast_publish(publisher, bytes, sizeof bytes)));
        }
}

static int open_from(int fd, uint32_t flags)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;

        options.flags = flags;
        options.ret_detail = &detail;
        return seqcast_subscriber_open_fd(fd, &options, &subscriber);
}

Test(sealed_in_vain, is_refused_where_nothing_can_be_sealed)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        if (can_be_sealed())
                cr_skip_test("segments can be sealed here");
        options.record_bytes = RECORD_BYTES;
        options.flags = SEQCAST_SEALED;
        options.ret_detail = &detail;
        cr_assert(eq(int, seqcast_publisher_open(topic_name(), &options, &publisher), -ENOSYS));
        cr_assert(
                eq(str, detail.text, "cannot create an object in memory: not in this build of the library"));
        cr_assert(eq(int, open_from(STDIN_FILENO, 0), -ENOSYS));
}

static void open_sealed(void)
{
        cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, SEQCAST_SEALED, &publisher)));
}

/* @return the exit status of a child that has read publication `number` from `fd` */
static int expected_number, handed_fd;

static int read_handed(void)
{
        if (open_from(handed_fd, 0) != 0)
                return 1;
        if (seqcast_read_newest(subscriber, record, sizeof record, &sample) != 0)
                return 2;
        if (sample.number != (uint64_t)expected_number || !record_check(record, RECORD_BYTES, sample.number))
                return 3;
        seqcast_subscriber_close(subscriber);
        return 0;
}

Test(sealed, has_no_name_and_is_read_through_its_descriptor)
{
        int fd;

        open_sealed();
        cr_assert(not(topic_exists()));
        cr_assert(zero(uint, count_objects()));
        fd = seqcast_publisher_fd(publisher);
        cr_assert(lt(int, 2, fd));
        cr_assert(eq(int, seqcast_publisher_fd(publisher), fd));
        cr_assert(eq(int, fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC));
        cr_assert(eq(int, fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY));
        publish_up_to(7);
        cr_assert(zero(int, open_from(fd, 0)), "%s", detail.text);
        cr_assert(zero(int, seqcast_read_newest(subscriber, record, sizeof record, &sample)));
        cr_assert(eq(u64, sample.number, 7));
        publish_up_to(8);
        cr_assert(zero(int, seqcast_read_next(subscriber, record, sizeof record, &sample)));
        cr_assert(eq(u64, sample.number, 8));
        cr_assert(record_check(record, RECORD_BYTES, 8));
        cr_assert(eq(int, seqcast_subscriber_reattach(subscriber, NULL), -EINVAL));
}

Test(sealed, can_neither_be_truncated_nor_written)
{
        char path[64];
        int fd, writable;

        open_sealed();
        publish_up_to(1);
        fd = seqcast_publisher_fd(publisher);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        cr_assert(zero(int, fchmod(fd, 0600)), "its mode keeps nobody out");
        writable = open(path, O_RDWR | O_CLOEXEC);
        cr_assert(le(int, 0, writable));
        cr_assert(eq(int, ftruncate(writable, 0), -1));
        cr_assert(eq(int, ftruncate(writable, 1 << 24), -1));
        cr_assert(eq(int, (int)pwrite(writable, "x", 1, 0), -1));
        cr_assert(eq(int, fallocate(writable, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1));
        cr_assert(eq(ptr, mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, writable, 0), MAP_FAILED));
        close(writable);
        cr_assert(eq(int, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1), "not even more seals");
        publish_up_to(2);
}

Test(sealed, a_child_inherits_the_descriptor)
{
        open_sealed();
        publish_up_to(3);
        expected_number = 3;
        handed_fd = seqcast_publisher_fd(publisher);
        cr_assert(zero(int, child_wait(child_start(read_handed))));
}

static int sockets[2];

static int read_received(void)
{
        char byte, control[CMSG_SPACE(sizeof(int))];
        struct iovec data = { &byte, 1 };
        struct msghdr message = {
                .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
        };

        if (geteuid() == 0 && (setgid(STRANGER) != 0 || setuid(STRANGER) != 0))
                return 10;
        if (recvmsg(sockets[1], &message, MSG_CMSG_CLOEXEC) != 1 || CMSG_FIRSTHDR(&message) == NULL)
                return 11;
        memcpy(&handed_fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof handed_fd);
        return read_handed();
}

Test(sealed, another_user_gets_the_descriptor_over_a_socket)
{
        char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
        struct iovec data = { &byte, 1 };
        struct msghdr message = {
                .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
        };
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        pid_t child;
        int fd;

        cr_assert(zero(int, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets)));
        expected_number = 2;
        child = child_start(read_received); /* before there is anything to inherit */
        open_sealed();
        publish_up_to(2);
        fd = seqcast_publisher_fd(publisher);
        *header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof fd),
                                    .cmsg_level = SOL_SOCKET,
                                    .cmsg_type = SCM_RIGHTS };
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
        cr_assert(eq(int, (int)sendmsg(sockets[0], &message, 0), 1));
        cr_assert(zero(int, child_wait(child)));
        close(sockets[0]);
        close(sockets[1]);
}

static atomic_uint *ready;

static int wait_for_news(void)
{
        if (open_from(handed_fd, 0) != 0)
                return 1;
        atomic_store(ready, 1);
        if (seqcast_wait(subscriber, -1) != 0)
                return 2;
        if (seqcast_read_newest(subscriber, record, sizeof record, &sample) != 0 || sample.number != 1)
                return 3;
        atomic_store(ready, 2);
        return seqcast_wait(subscriber, -1) == SEQCAST_PUBLISHER_LEFT ? 0 : 4;
}

Test(sealed, those_who_wait_are_woken_and_learn_of_the_end)
{
        pid_t child;

        ready = child_shared(sizeof *ready);
        open_sealed();
        handed_fd = seqcast_publisher_fd(publisher);
        child = child_start(wait_for_news);
        wait_for(ready, 1);
        sleep_us(20000);
        publish_up_to(1);
        wait_for(ready, 2);
        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, child_wait(child)));
}

Test(sealed, its_end_is_told_from_its_removal)
{
        seqcast_status status;

        open_sealed();
        cr_assert(zero(int, open_from(seqcast_publisher_fd(publisher), 0)));
        publish_up_to(1);
        cr_assert(zero(int, seqcast_read_next(subscriber, record, sizeof record, &sample)));
        cr_assert(eq(int, seqcast_wait(subscriber, 150000000), SEQCAST_TIMEOUT),
                  "no name is not a lost name");
        cr_assert(zero(int, seqcast_subscriber_status(subscriber, &status)));
        cr_assert(zero(u32, status.detached));
        cr_assert(eq(u32, status.liveness, SEQCAST_LIVE));
        cr_assert(zero(int, seqcast_publisher_remove(publisher)));
        cr_assert(eq(int, seqcast_read_next(subscriber, record, sizeof record, &sample), SEQCAST_RETIRED));
}

Test(sealed, sparse_ones_take_memory_as_they_are_written)
{
        const seqcast_part part = { 900000000, 8, "far away" };
        char text[8];
        const seqcast_read_part want = { 900000000, 8, text };
        struct stat status;

        cr_assert(zero(int, open_publisher(1000000000, 2, SEQCAST_SEALED | SEQCAST_SPARSE, &publisher)));
        cr_assert(zero(int, seqcast_publish_parts(publisher, &part, 1)));
        cr_assert(zero(int, open_from(seqcast_publisher_fd(publisher), 0)));
        cr_assert(zero(int, seqcast_read_newest_parts(subscriber, &want, 1, &sample)));
        cr_assert(zero(int, memcmp(text, "far away", 8)));
        cr_assert(zero(int, fstat(seqcast_publisher_fd(publisher), &status)));
        cr_assert(lt(i64, status.st_blocks, 100));
}

/* ---- refusals ------------------------------------------------------------------------------- */

static void expect_refusal(int fd, uint32_t flags, int error, const char *text)
{
        unsigned descriptors = count_descriptors();

        memset(&detail, 0, sizeof detail);
        cr_assert(eq(int, open_from(fd, flags), error), "%s", detail.text);
        cr_assert(ne(ptr, strstr(detail.text, text), NULL), "%s", detail.text);
        cr_assert(eq(uint, count_descriptors(), descriptors));
}

static int copy_with_seals(int from, int seals)
{
        static char bytes[1 << 16];
        int fd = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        ssize_t length;

        for (off_t offset = 0; (length = pread(from, bytes, sizeof bytes, offset)) > 0; offset += length)
                cr_assert(eq(i64, pwrite(fd, bytes, (size_t)length, offset), length));
        cr_assert(zero(int, fcntl(fd, F_ADD_SEALS, seals)));
        return fd;
}

Test(sealed, what_is_not_sealed_enough_is_refused_unless_nobody_is_trusted)
{
        static const int too_few[] = { 0, F_SEAL_SHRINK, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
                                       F_SEAL_FUTURE_WRITE, F_SEAL_WRITE | F_SEAL_GROW };
        int fd;

        open_sealed();
        publish_up_to(1);
        for (size_t i = 0; i < sizeof too_few / sizeof *too_few; i++) {
                fd = copy_with_seals(seqcast_publisher_fd(publisher), too_few[i]);
                expect_refusal(fd, 0, -EPERM, "not sealed");
                cr_assert(zero(int, open_from(fd, SEQCAST_ANY_OWNER)), "%s", detail.text);
                cr_assert(zero(int, seqcast_read_newest(subscriber, record, sizeof record, &sample)));
                cr_assert(record_check(record, RECORD_BYTES, 1));
                subscriber = seqcast_subscriber_close(subscriber);
                close(fd);
        }
        fd = copy_with_seals(seqcast_publisher_fd(publisher), F_SEAL_SHRINK | F_SEAL_WRITE);
        cr_assert(zero(int, open_from(fd, 0)), "%s", detail.text);
        close(fd);
}

Test(sealed, a_segment_with_a_name_is_not_sealed)
{
        int fd;

        cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, 0, &publisher)));
        cr_assert(eq(int, seqcast_publisher_fd(publisher), -EINVAL));
        fd = open(topic_path(), O_RDONLY | O_CLOEXEC);
        expect_refusal(fd, 0, -EPERM, "not sealed");
        close(fd);
}

Test(sealed, what_is_no_segment_is_refused)
{
        int pipes[2], fd = memfd_create("nothing", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        cr_assert(zero(int, pipe2(pipes, O_CLOEXEC)));
        expect_refusal(-1, 0, -EBADF, "descriptor -1");
        expect_refusal(pipes[0], 0, -EOPNOTSUPP, "not lead to shared memory");
        cr_assert(zero(int, fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE)));
        expect_refusal(fd, 0, -EPROTO, "too few");
        close(fd);
        close(pipes[0]);
        close(pipes[1]);
}

/* Through a descriptor of O_PATH, opening again would open what its giver could not. */
Test(sealed, what_it_is_given_is_not_opened_before_it_is_known_to_be_memory)
{
        static const uint32_t ways[] = { 0, SEQCAST_ANY_OWNER };
        int watched, writer;

        cr_assert(zero(int, mkfifo(topic_path(), 0600)));
        watched = open(topic_path(), O_PATH | O_CLOEXEC);
        for (size_t i = 0; i < 2; i++) {
                expect_refusal(watched, ways[i], -EBADF, "descriptor");
                writer = open(topic_path(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
                cr_assert(eq(int, writer, -1), "somebody has opened the other end");
        }
        close(watched);
        watched = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
        expect_refusal(watched, SEQCAST_ANY_OWNER, -EOPNOTSUPP, "not lead to shared memory");
        close(watched);
}

Test(sealed, who_trusts_nobody_does_not_map_it_either)
{
        const void *place;

        open_sealed();
        publish_up_to(1);
        cr_assert(zero(int, open_from(seqcast_publisher_fd(publisher), SEQCAST_ANY_OWNER)));
        cr_assert(eq(int, seqcast_read_begin(subscriber, &place, NULL), -EINVAL));
        cr_assert(zero(int, seqcast_read_newest(subscriber, record, sizeof record, &sample)));
        cr_assert(record_check(record, RECORD_BYTES, 1));
}

Test(sealed, threads_can_share_it)
{
        seqcast_subscriber *joined;

        open_sealed();
        publish_up_to(1);
        cr_assert(zero(int, open_from(seqcast_publisher_fd(publisher), SEQCAST_SHARED)));
        cr_assert(zero(int, seqcast_subscriber_join(subscriber, &joined)));
        cr_assert(zero(int, seqcast_read_newest(joined, record, sizeof record, &sample)));
        cr_assert(record_check(record, RECORD_BYTES, 1));
        seqcast_subscriber_close(joined);
}

/* The giver says that all memory is there, and keeps the memory that we make. */
Test(sealed, holes_that_the_header_does_not_tell_of_are_not_filled)
{
        static char bytes[4096];
        struct stat before, after;
        int from, fd = memfd_create("hollow", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        char *large = malloc(1 << 20);

        cr_assert(zero(int, open_publisher(1 << 20, 2, SEQCAST_SEALED, &publisher)));
        memset(large, 0, 1 << 20);
        cr_assert(zero(int, seqcast_publish(publisher, large, 1 << 20)));
        from = seqcast_publisher_fd(publisher);
        cr_assert(zero(int, fstat(from, &before)));
        cr_assert(zero(int, ftruncate(fd, before.st_size)));
        for (off_t offset = 0; offset < before.st_size; offset += (off_t)sizeof bytes) {
                static const char zeros[4096];

                cr_assert(eq(int, (int)pread(from, bytes, sizeof bytes, offset), (int)sizeof bytes));
                if (memcmp(bytes, zeros, sizeof bytes) != 0)
                        cr_assert(eq(int, (int)pwrite(fd, bytes, sizeof bytes, offset), (int)sizeof bytes));
        }
        cr_assert(zero(int, fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE)));
        cr_assert(zero(int, fstat(fd, &before)));
        cr_assert(zero(int, open_from(fd, 0)), "%s", detail.text);
        cr_assert(zero(int, seqcast_read_newest(subscriber, large, 1 << 20, &sample)));
        cr_assert(zero(int, fstat(fd, &after)));
        cr_assert(eq(i64, after.st_blocks, before.st_blocks));
        free(large);
        close(fd);
}

Test(sealed, more_than_the_machine_has_is_refused)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        options.record_bytes = UINT64_C(1) << 39;
        options.flags = SEQCAST_SEALED;
        options.ret_detail = &detail;
        cr_assert(eq(int, seqcast_publisher_open(topic_name(), &options, &publisher), -ENOSPC));
        cr_assert(ne(ptr, strstr(detail.text, "no space left in memory"), NULL), "%s", detail.text);
}

Test(sealed, after_its_publisher_nobody_comes)
{
        open_sealed();
        publish_up_to(1);
        cr_assert(zero(int, open_from(seqcast_publisher_fd(publisher), 0)));
        cr_assert(zero(int, seqcast_read_next(subscriber, record, sizeof record, &sample)));
        publisher = seqcast_publisher_close(publisher);
        cr_assert(eq(int, seqcast_wait(subscriber, -1), SEQCAST_PUBLISHER_LEFT));
        cr_assert(eq(int, seqcast_wait(subscriber, -1), SEQCAST_RETIRED));
        cr_assert(zero(int, seqcast_read_newest(subscriber, record, sizeof record, &sample)), "it stays");
}

Test(sealed, options_that_need_a_name_are_refused)
{
        static const uint32_t named[] = { SEQCAST_EXCLUSIVE, SEQCAST_REPLACE, SEQCAST_RECREATE,
                                          SEQCAST_SET_GROUP };
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        for (size_t i = 0; i < sizeof named / sizeof *named; i++)
                cr_assert(eq(int, open_publisher(RECORD_BYTES, 4, SEQCAST_SEALED | named[i], &publisher),
                             -EINVAL));
        options.record_bytes = RECORD_BYTES;
        options.flags = SEQCAST_SEALED;
        options.mode = 0644;
        cr_assert(eq(int, seqcast_publisher_open(topic_name(), &options, &publisher), -EINVAL));
        options.mode = 0;
        options.record_bytes = 0;
        cr_assert(eq(int, seqcast_publisher_open(topic_name(), &options, &publisher), -EINVAL),
                  "of what size?");
        open_sealed();
        expect_refusal(seqcast_publisher_fd(publisher), SEQCAST_REATTACH, -EINVAL, "no other segment");
}

Test(sealed, a_child_of_fork_gets_no_descriptor_of_the_publisher)
{
        pid_t child;

        open_sealed();
        child = fork();
        if (child == 0)
                _exit(seqcast_publisher_fd(publisher) == -ECHILD ? 0 : 1);
        cr_assert(zero(int, child_wait(child)));
        cr_assert(eq(int, seqcast_publisher_fd(NULL), -EINVAL));
}
