/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* SEQCAST_ANY_OWNER: segments of owners who are not trusted, read without mapping them. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "layout/segment_layout.h"
#include "seqcast.h"

#include "../support/child.h"
#include "../support/record.h"
#include "../support/topic.h"

#define RECORD_BYTES 5000u
#define STRANGER 12345u

static unsigned descriptors_before;
static seqcast_publisher *publisher;
static seqcast_subscriber *subscriber;
static unsigned char record[RECORD_BYTES];
static seqcast_sample sample;

static void note_what_is_open(void)
{
        topic_name();
        descriptors_before = count_descriptors();
}

static void expect_nothing_left(void)
{
        close_and_expect_none_left(subscriber, publisher, descriptors_before);
}

TestSuite(fetch, .init = note_what_is_open, .fini = expect_nothing_left, .timeout = 60);

static int open_untrusting(uint32_t flags)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;

        options.flags = SEQCAST_ANY_OWNER | flags;
        return seqcast_subscriber_open(topic_name(), &options, &subscriber);
}

static void open_both(uint32_t depth, uint32_t flags)
{
        cr_assert(zero(int, open_publisher(RECORD_BYTES, depth, flags, &publisher)));
        cr_assert(zero(int, open_untrusting(0)));
}

static void publish_next(void)
{
        uint64_t number = seqcast_publisher_version(publisher) + 1;
        unsigned char bytes[RECORD_BYTES];

        record_fill(bytes, sizeof bytes, number);
        cr_assert(zero(int, seqcast_publish(publisher, bytes, record_length(number, sizeof bytes))));
}

static void publish_up_to(uint64_t number)
{
        while (seqcast_publisher_version(publisher) < number)
                publish_next();
}

static int newest(void)
{
        return seqcast_read_newest(subscriber, record, sizeof record, &sample);
}

static int next(void)
{
        return seqcast_read_next(subscriber, record, sizeof record, &sample);
}

static void expect_sample(uint64_t number, uint64_t lost)
{
        cr_assert(eq(u64, sample.number, number));
        cr_assert(eq(u64, sample.lost, lost));
        cr_assert(eq(u64, sample.bytes, record_length(number, RECORD_BYTES)));
        cr_assert(record_check(record, sample.bytes, number));
}

/* ---- reading ------------------------------------------------------------------------------- */

Test(fetch, reads_newest_and_next)
{
        open_both(4, 0);
        cr_assert(eq(int, newest(), SEQCAST_EMPTY));
        cr_assert(eq(int, next(), SEQCAST_EMPTY));
        publish_up_to(1);
        cr_assert(zero(int, next()));
        expect_sample(1, 0);
        cr_assert(eq(int, next(), SEQCAST_NONE));
        publish_up_to(2);
        cr_assert(zero(int, newest()));
        expect_sample(2, 0);
        cr_assert(zero(int, newest()), "again, though nothing is new");
        publish_up_to(12);
        cr_assert(zero(int, next()));
        expect_sample(10, 7);
        publish_up_to(13);
        for (uint64_t number = 11; number <= 13; number++) {
                cr_assert(zero(int, next()));
                expect_sample(number, 0);
        }
        cr_assert(eq(u64, seqcast_subscriber_version(subscriber), 13));
        publish_up_to(15);
        cr_assert(eq(u64, seqcast_subscriber_version(subscriber), 15));
        seqcast_subscriber_skip(subscriber);
        cr_assert(eq(int, next(), SEQCAST_NONE));
        cr_assert(zero(int, seqcast_publisher_remove(publisher)));
        cr_assert(eq(int, next(), SEQCAST_RETIRED));
        cr_assert(zero(int, newest()));
        cr_assert(eq(u32, sample.retired, 1));
}

Test(fetch, at_depth_one_reads_what_there_is)
{
        open_both(1, 0);
        for (uint64_t number = 1; number <= 5; number += 2) {
                publish_up_to(number);
                cr_assert(zero(int, next()));
                expect_sample(number, number == 1 ? 0 : 1);
                cr_assert(eq(int, next(), SEQCAST_NONE));
        }
        cr_assert(zero(int, seqcast_publisher_remove(publisher)));
        cr_assert(eq(int, next(), SEQCAST_RETIRED));
}

Test(fetch, reads_parts_and_says_what_does_not_fit)
{
        unsigned char some[16];
        const seqcast_read_part parts[2] = { { 3, 8, some }, { 3000, 8, some + 8 } };
        const seqcast_read_part beyond = { RECORD_BYTES - 4, 8, some };

        open_both(4, 0);
        publish_up_to(3);
        cr_assert(zero(int, seqcast_read_newest_parts(subscriber, parts, 2, &sample)));
        cr_assert(record_check_part(some, 3, 8, 3));
        cr_assert(record_check_part(some + 8, 3000, 8, 3));
        cr_assert(eq(u64, sample.bytes, record_length(3, RECORD_BYTES)));
        cr_assert(eq(int, seqcast_read_newest_parts(subscriber, &beyond, 1, NULL), -ERANGE));
        cr_assert(zero(int, seqcast_read_newest_parts(subscriber, NULL, 0, &sample)), "nothing of it");
        cr_assert(eq(int, seqcast_read_newest(subscriber, record, 8, NULL), -EMSGSIZE));
        publish_up_to(4);
        cr_assert(zero(int, seqcast_read_next_parts(subscriber, parts, 2, &sample)));
        cr_assert(eq(u64, sample.number, 4));
}

Test(fetch, does_not_do_what_needs_a_mapping)
{
        const void *place;

        cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, 0, &publisher)));
        cr_assert(eq(int, open_untrusting(SEQCAST_SHARED), -EINVAL));
        cr_assert(zero(int, open_untrusting(0)));
        publish_up_to(1);
        cr_assert(eq(int, seqcast_read_begin(subscriber, &place, NULL), -EINVAL));
}

static atomic_uint *stop;

static int publish_until_stopped(void)
{
        if (open_publisher(RECORD_BYTES, 4, 0, &publisher) != 0)
                return 1;
        while (atomic_load(stop) < 2) {
                publish_next();
                atomic_compare_exchange_strong(stop, &(unsigned){ 0 }, 1);
        }
        return 0;
}

Test(fetch, no_record_of_a_busy_publisher_is_torn)
{
        uint64_t before = 0, read = 0;
        pid_t child;

        stop = child_shared(sizeof *stop);
        child = child_start(publish_until_stopped);
        wait_for(stop, 1);
        cr_assert(zero(int, open_untrusting(0)));
        for (int i = 0; i < 40000; i++) {
                int r = i % 2 == 0 ? next() : newest();

                if (r != 0)
                        continue;
                read++;
                cr_assert(ge(u64, sample.number, before));
                cr_assert(record_check(record, sample.bytes, sample.number), "number %lu is torn",
                          (unsigned long)sample.number);
                cr_assert(eq(u64, sample.bytes, record_length(sample.number, RECORD_BYTES)));
                before = sample.number;
        }
        cr_assert(lt(u64, 1000, read));
        atomic_store(stop, 2);
        cr_assert(zero(int, child_wait(child)));
}

/* ---- whose it is --------------------------------------------------------------------------- */

Test(fetch, takes_a_segment_that_anybody_may_write)
{
        seqcast_subscriber *trusting;

        cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, 0, &publisher)));
        publish_up_to(1);
        cr_assert(zero(int, chmod(topic_path(), 0666)));
        cr_assert(eq(int, open_subscriber(&trusting), -EPERM));
        cr_assert(zero(int, open_untrusting(0)));
        cr_assert(zero(int, newest()));
        expect_sample(1, 0);
}

Test(fetch, takes_a_strangers_segment)
{
        seqcast_subscriber *trusting;

        if (geteuid() != 0)
                cr_skip_test("only root can act for other users");
        cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, 0, &publisher)));
        publish_up_to(1);
        cr_assert(zero(int, chown(topic_path(), STRANGER, STRANGER)));
        cr_assert(eq(int, open_subscriber(&trusting), -EPERM));
        cr_assert(zero(int, open_untrusting(0)));
        cr_assert(zero(int, newest()));
        expect_sample(1, 0);
}

Test(fetch, still_refuses_what_is_no_segment)
{
        int fd = open(topic_path(), O_RDWR | O_CREAT | O_EXCL, 0600);

        cr_assert(eq(int, open_untrusting(0), -EPROTO));
        close(fd);
}

/* ---- what its owner can do to it ------------------------------------------------------------ */

static int publish_five_and_pause(void)
{
        if (open_publisher(RECORD_BYTES, 4, 0, &publisher) != 0)
                return 1;
        publish_up_to(5);
        atomic_store(stop, 1);
        for (;;)
                pause();
}

Test(fetch, a_truncated_segment_is_an_error_and_no_signal)
{
        const seqcast_read_part part = { 0, 8, record };
        seqcast_status status;
        pid_t child; /* whose mapping of it is of no use, either */

        stop = child_shared(sizeof *stop);
        child = child_start(publish_five_and_pause);
        wait_for(stop, 1);
        cr_assert(zero(int, open_untrusting(SEQCAST_REATTACH)));
        cr_assert(zero(int, newest()));
        cr_assert(zero(int, truncate(topic_path(), 8192)));
        cr_assert(eq(int, newest(), -EPROTO));
        cr_assert(eq(int, next(), -EPROTO));
        cr_assert(eq(int, seqcast_read_newest_parts(subscriber, &part, 1, NULL), -EPROTO));
        cr_assert(zero(int, truncate(topic_path(), 0)));
        cr_assert(eq(int, newest(), -EPROTO));
        cr_assert(eq(int, seqcast_wait(subscriber, 1000000), -EPROTO));
        cr_assert(eq(int, seqcast_subscriber_status(subscriber, &status), -EPROTO));
        cr_assert(eq(u64, seqcast_subscriber_version(subscriber), 5), "the last that was known");
        seqcast_subscriber_skip(subscriber);
        child_kill(child);
        cr_assert(eq(int, seqcast_wait(subscriber, 1000000), -EPROTO), "it bears the name still");
        cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, SEQCAST_REPLACE, &publisher)));
        cr_assert(eq(int, seqcast_wait(subscriber, -1), SEQCAST_REATTACHED), "followed to the next one");
        publish_up_to(1);
        cr_assert(zero(int, next()));
        expect_sample(1, 0);
}

static uint64_t resident_bytes(void)
{
        unsigned long pages = 0, resident = 0;
        FILE *file = fopen("/proc/self/statm", "r");

        cr_assert(eq(int, fscanf(file, "%lu %lu", &pages, &resident), 2));
        fclose(file);
        return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

Test(fetch, what_the_header_says_costs_no_memory)
{
        const uint64_t slots_offset = UINT64_C(1) << 28;
        struct seqcast__segment_header header;
        uint64_t before;
        int fd;

        cr_assert(zero(int, open_publisher(8, 1, SEQCAST_SPARSE, &publisher)));
        fd = open(topic_path(), O_RDWR);
        cr_assert(eq(int, (int)pread(fd, &header, sizeof header, 0), (int)sizeof header));
        header.segment_bytes += slots_offset - header.slots_offset;
        header.slots_offset = slots_offset;
        cr_assert(eq(int, (int)pwrite(fd, &header, sizeof header, 0), (int)sizeof header));
        cr_assert(zero(int, ftruncate(fd, (off_t)header.segment_bytes)));
        close(fd);
        if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
                SKIP_WITH_TOPIC("memory cannot be locked here");
        before = resident_bytes();
        cr_assert(zero(int, open_untrusting(0)));
        cr_assert(lt(u64, resident_bytes(), before + (4u << 20)));
}

static uint64_t allocated_blocks(void)
{
        struct stat status;

        cr_assert(zero(int, stat(topic_path(), &status)));
        return (uint64_t)status.st_blocks;
}

Test(fetch, no_hole_is_allocated)
{
        const uint64_t far = UINT64_C(900000000);
        const seqcast_part part = { far, 8, "far away" };
        char text[16], hole[8] = "xxxxxxx";
        const seqcast_read_part parts[2] = { { far, 8, text }, { far / 2, 8, hole } };
        uint64_t blocks;

        cr_assert(zero(int, open_publisher(1000000000, 2, SEQCAST_SPARSE, &publisher)));
        cr_assert(zero(int, open_untrusting(0)));
        cr_assert(zero(int, seqcast_publish_parts(publisher, &part, 1)));
        blocks = allocated_blocks();
        cr_assert(zero(int, seqcast_read_newest_parts(subscriber, parts, 2, &sample)));
        cr_assert(zero(int, memcmp(text, "far away", 8)));
        cr_assert(zero(int, memcmp(hole, "\0\0\0\0\0\0\0", 8)));
        cr_assert(eq(u64, sample.bytes, 1000000000));
        cr_assert(eq(u64, allocated_blocks(), blocks));
}

static void scribble(uint64_t offset, uint64_t value)
{
        int fd = open(topic_path(), O_WRONLY);

        cr_assert(eq(int, (int)pwrite(fd, &value, sizeof value, (off_t)offset), 8));
        close(fd);
}

Test(fetch, wild_words_are_bounded)
{
        static const uint64_t wild[] = { 0, 1, 2, 1 << 20, UINT64_MAX / 2, UINT64_MAX - 1, UINT64_MAX };
        struct seqcast__segment_header header;
        int fd, result[8] = { 0 };

        open_both(4, 0);
        publish_up_to(6);
        fd = open(topic_path(), O_RDONLY);
        cr_assert(eq(int, (int)pread(fd, &header, sizeof header, 0), (int)sizeof header));
        close(fd);
        for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
                for (unsigned word = 0; word < 2; word++) {
                        scribble(header.slots_offset + 2 * header.slot_stride + word * 8, wild[i]);
                        for (size_t j = 0; j < sizeof wild / sizeof *wild; j++) {
                                scribble(header.control_offset, wild[j]);
                                result[newest() == 0 ? 0 : 1]++;
                                cr_assert(le(u64, sample.bytes, RECORD_BYTES));
                                result[next() == 0 ? 2 : 3]++;
                                cr_assert(le(u64, sample.bytes, RECORD_BYTES));
                        }
                }
        }
        cr_assert(lt(int, 0, result[0]));
        cr_assert(lt(int, 0, result[1]));
        scribble(header.control_offset, 6);
}

/* ---- waiting and asking --------------------------------------------------------------------- */

Test(fetch, waits_for_news_and_for_the_end)
{
        open_both(4, 0);
        publish_up_to(1);
        cr_assert(zero(int, seqcast_wait(subscriber, 0)));
        cr_assert(zero(int, newest()));
        cr_assert(eq(int, seqcast_wait(subscriber, 30000000), SEQCAST_TIMEOUT));
        publish_up_to(2);
        cr_assert(zero(int, seqcast_wait(subscriber, -1)));
        cr_assert(zero(int, next()));
        publisher = seqcast_publisher_close(publisher);
        cr_assert(eq(int, seqcast_wait(subscriber, -1), SEQCAST_PUBLISHER_LEFT));
        topic_remove();
        cr_assert(eq(int, seqcast_wait(subscriber, -1), SEQCAST_DETACHED));
}

static int publish_a_little_later(void)
{
        if (seqcast_publisher_open(topic_name(), NULL, &publisher) != 0)
                return 1;
        sleep_us(50000);
        publish_next();
        sleep_us(50000);
        publish_next();
        seqcast_publisher_close(publisher);
        return 0;
}

Test(fetch, news_come_by_waiting_and_by_the_descriptor)
{
        pid_t child;
        int r, fd;

        open_both(4, 0);
        publisher = seqcast_publisher_close(publisher);
        child = child_start(publish_a_little_later);
        do
                r = seqcast_wait(subscriber, -1);
        while (r == SEQCAST_PUBLISHER_LEFT);
        cr_assert(zero(int, r));
        cr_assert(zero(int, next()));
        expect_sample(1, 0);
        fd = seqcast_subscriber_fd(subscriber);
        if (fd != -ENOSYS) {
                cr_assert(le(int, 0, fd));
                while ((r = seqcast_subscriber_drain(subscriber)) != 0) {
                        cr_assert(le(int, 0, r));
                        sleep_us(1000);
                }
                cr_assert(zero(int, next()));
                expect_sample(2, 0);
        }
        cr_assert(zero(int, child_wait(child)));
}

Test(fetch, knows_how_old_a_record_is_and_who_made_it)
{
        seqcast_status status;

        open_both(4, SEQCAST_TIMES);
        publish_up_to(3);
        cr_assert(zero(int, seqcast_subscriber_status(subscriber, &status)));
        cr_assert(eq(u32, status.liveness, SEQCAST_LIVE));
        cr_assert(eq(u64, status.version, 3));
        cr_assert(eq(u64, status.publisher_pid, (uint64_t)getpid()));
        cr_assert(le(i64, 0, status.age_ns));
        cr_assert(zero(int, newest()));
        cr_assert(lt(i64, 0, sample.time_ns));
        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, seqcast_subscriber_status(subscriber, &status)));
        cr_assert(eq(u32, status.liveness, SEQCAST_LEFT));
}

Test(fetch, follows_a_topic_to_its_next_segment)
{
        seqcast_publisher *second;

        cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, 0, &publisher)));
        cr_assert(zero(int, open_untrusting(SEQCAST_REATTACH)));
        publish_up_to(3);
        cr_assert(zero(int, newest()));
        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, open_publisher(RECORD_BYTES, 2, SEQCAST_RECREATE, &second)));
        publisher = second;
        publish_up_to(1);
        cr_assert(eq(int, seqcast_wait(subscriber, -1), SEQCAST_REATTACHED));
        cr_assert(zero(int, next()));
        expect_sample(1, 0);
}
