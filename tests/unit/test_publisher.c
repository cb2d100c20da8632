/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "handle/segment.h"
#include "layout/segment_layout.h"
#include "platform/lock.h"
#include "seqcast.h"

#include "../support/record.h"
#include "../support/topic.h"

static unsigned descriptors_before;
static seqcast_publisher *publisher;
static seqcast_detail detail;
static unsigned char buffer[1 << 16];
static seqcast_sample sample;

static void note_what_is_open(void)
{
        descriptors_before = count_descriptors();
}

static void expect_nothing_left(void)
{
        seqcast_publisher_close(publisher);
        topic_remove();
        expect_none_left("the descriptors", count_descriptors() - descriptors_before);
        expect_none_left("the objects in shared memory", count_objects());
}

TestSuite(publisher, .init = note_what_is_open, .fini = expect_nothing_left, .timeout = 30);

static seqcast_publisher_options options_for(uint64_t record_bytes, uint32_t depth, uint32_t flags)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        memset(&detail, 0, sizeof detail);
        options.record_bytes = record_bytes;
        options.depth = depth;
        options.flags = flags;
        options.ret_detail = &detail;
        return options;
}

static void open_it(uint64_t record_bytes, uint32_t depth, uint32_t flags)
{
        seqcast_publisher_options options = options_for(record_bytes, depth, flags);

        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)), "%s", detail.text);
}

/* What is expected to fail leaves its output, and what stands under the name, alone. */
static void expect_refusal(const char *topic, const seqcast_publisher_options *options, int error)
{
        seqcast_publisher *const untouched = (void *)buffer;
        seqcast_publisher *opened = untouched;
        struct stat before = { 0 }, after = { 0 };
        unsigned descriptors = count_descriptors(), objects = count_objects();

        lstat(topic_path(), &before);
        cr_assert(eq(int, seqcast_publisher_open(topic, options, &opened), error), "%s", detail.text);
        cr_assert(eq(ptr, (void *)opened, (void *)untouched));
        lstat(topic_path(), &after);
        cr_assert(eq(u64, (uint64_t)after.st_ino, (uint64_t)before.st_ino));
        cr_assert(eq(u64, (uint64_t)after.st_size, (uint64_t)before.st_size));
        cr_assert(eq(uint, count_descriptors(), descriptors));
        cr_assert(eq(uint, count_objects(), objects));
}

static void publish_number(uint64_t number, size_t bytes)
{
        record_fill(buffer, bytes, number);
        cr_assert(zero(int, seqcast_publish(publisher, buffer, bytes)));
        cr_assert(eq(u64, seqcast_publisher_version(publisher), number));
}

/* The newest record, through a subscriber of its own. */
static void expect_newest(uint64_t number, size_t bytes)
{
        seqcast_subscriber *subscriber;

        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(zero(int, seqcast_read_newest(subscriber, buffer, sizeof buffer, &sample)));
        cr_assert(eq(u64, sample.number, number));
        cr_assert(eq(u64, sample.bytes, bytes));
        seqcast_subscriber_close(subscriber);
}

static void expect_newest_record(uint64_t number, size_t bytes)
{
        expect_newest(number, bytes);
        cr_assert(record_check(buffer, bytes, number));
}

/* ---- opening -------------------------------------------------------------------------------- */

Test(publisher, creates_the_topic_with_what_was_asked_for)
{
        seqcast_publisher_options options = options_for(100, 8, SEQCAST_TIMES);
        seqcast_info info;
        struct stat status;

        options.mode = SEQCAST_MODE_GROUP;
        umask(077);
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)));
        seqcast_publisher_info(publisher, &info);
        cr_assert(eq(u64, info.record_bytes, 100));
        cr_assert(eq(u32, info.depth, 8));
        cr_assert(eq(u32, info.times, 1));
        cr_assert(eq(u32, info.sparse, 0));
        cr_assert(eq(u32, info.mode, 0640), "whatever the umask");
        cr_assert(eq(u32, info.owner, geteuid()));
        cr_assert(eq(u32, info.format_version, 1));
        cr_assert(eq(u64, info.creator_pid, (uint64_t)getpid()));
        cr_assert(ne(u64, info.incarnation, 0));
        cr_assert(lt(i64, 0, info.created_ns));
        cr_assert(lt(sz, 0, strlen(info.creator)));
        cr_assert(zero(int, stat(topic_path(), &status)));
        cr_assert(eq(u32, status.st_mode & 07777, 0640));
        cr_assert(eq(u64, (uint64_t)status.st_size, info.segment_bytes));
        cr_assert(ge(u64, (uint64_t)status.st_blocks * 512, info.segment_bytes), "reserved");
        cr_assert(zero(u64, seqcast_publisher_version(publisher)));
        cr_assert(zero(ptr, (void *)seqcast_publisher_schema(publisher)));
}

Test(publisher, makes_a_private_segment_of_depth_4_by_default)
{
        seqcast_info info;

        open_it(8, 0, 0);
        seqcast_publisher_info(publisher, &info);
        cr_assert(eq(u32, info.depth, 4));
        cr_assert(eq(u32, info.mode, 0600));
        cr_assert(eq(u32, info.times, 0));
}

Test(publisher, stores_its_schema)
{
        struct quote {
                int64_t bid, ask;
                char symbol[12];
        };
        seqcast_publisher_options options = options_for(0, 0, 0);
        const seqcast_schema *schema = SEQCAST_SCHEMA(struct quote, bid, ask, symbol);
        seqcast_info info;

        options.schema = schema;
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)), "%s", detail.text);
        seqcast_publisher_info(publisher, &info);
        cr_assert(eq(u64, info.record_bytes, sizeof(struct quote)));
        cr_assert(ne(ptr, (void *)seqcast_publisher_schema(publisher), (void *)schema), "copied");
        cr_assert(zero(int, seqcast_schema_compare(seqcast_publisher_schema(publisher), schema, NULL)));
}

Test(publisher, a_topic_may_be_written_with_a_slash)
{
        char topic[80];

        snprintf(topic, sizeof topic, "/%s", topic_name());
        seqcast_publisher_options options = options_for(8, 0, 0);
        cr_assert(zero(int, seqcast_publisher_open(topic, &options, &publisher)));
        cr_assert(topic_exists());
}

struct bad_name {
        const char *why, *topic;
        int result;
};

Test(publisher, refuses_names_that_are_none)
{
        static char long_name[202], longest[203];
        static const struct bad_name rows[] = {
                { "nothing", "", -EINVAL },
                { "a slash alone", "/", -EINVAL },
                { "two slashes", "//a", -EINVAL },
                { "a slash in the middle", "a/b", -EINVAL },
                { "a dot at the start", ".a", -EINVAL },
                { "the directory", ".", -EINVAL },
                { "the directory above", "..", -EINVAL },
                { "a way out", "../../tmp/a", -EINVAL },
                { "a dash at the start", "-a", -EINVAL },
                { "a blank", "a b", -EINVAL },
                { "a newline", "a\n", -EINVAL },
                { "a letter that is not ASCII", "\xc3\xa4", -EINVAL },
                { "201 bytes", long_name, -ENAMETOOLONG },
                { "no name at all", NULL, -EINVAL },
        };
        seqcast_publisher_options options = options_for(8, 0, 0);
        seqcast_subscriber *subscriber;

        memset(long_name, 'a', 201);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                expect_refusal(rows[i].topic, &options, rows[i].result);
                cr_expect(lt(sz, 0, strlen(detail.text)), "%s: a reason is given", rows[i].why);
                cr_expect(eq(int, seqcast_subscriber_open(rows[i].topic, NULL, &subscriber), rows[i].result),
                          "%s", rows[i].why);
        }
        longest[0] = '/';
        memset(longest + 1, 'a', 200);
        snprintf(longest + 1, 20, "%ld", (long)getpid());
        longest[strlen(longest)] = '_';
        cr_assert(zero(int, seqcast_publisher_open(longest, &options, &publisher)), "200 bytes are possible");
        cr_assert(zero(int, seqcast_publisher_remove(publisher)));
}

struct bad_options {
        const char *why;
        uint64_t record_bytes;
        uint32_t depth, flags, mode;
        int result;
};

Test(publisher, refuses_options_that_make_no_sense)
{
        static const struct bad_options rows[] = {
                { "depth 3", 8, 3, 0, 0, -EINVAL },
                { "depth 2^17", 8, 1u << 17, 0, 0, -EINVAL },
                { "a record above 2^40", ((uint64_t)1 << 40) + 1, 2, 0, 0, -EINVAL },
                { "an unknown flag", 8, 2, 1u << 30, 0, -EINVAL },
                { "the last flag of all", 8, 2, 1u << 31, 0, -EINVAL },
                { "others may write", 8, 2, 0, 0602, -EINVAL },
                { "the group may write", 8, 2, 0, 0620, -EINVAL },
                { "execution", 8, 2, 0, 0700, -EINVAL },
                { "the owner may not write", 8, 2, 0, 0400, -EINVAL },
                { "set-uid", 8, 2, 0, 04600, -EINVAL },
                { "in place at depth 1", 8, 1, SEQCAST_IN_PLACE, 0, -EINVAL },
                { "nothing to create and nothing there", 0, 0, 0, 0, -ENOENT },
                { "more than the file system holds", (uint64_t)1 << 40, 2, 0, 0, -ENOSPC },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                seqcast_publisher_options options =
                        options_for(rows[i].record_bytes, rows[i].depth, rows[i].flags);

                options.mode = rows[i].mode;
                expect_refusal(topic_name(), &options, rows[i].result);
                cr_expect(lt(sz, 0, strlen(detail.text)), "%s: a reason is given", rows[i].why);
                cr_assert(not(topic_exists()), "%s", rows[i].why);
        }
        expect_refusal(topic_name(), NULL, -ENOENT);
}

Test(publisher, refuses_a_schema_that_is_none_or_larger_than_the_record)
{
        const seqcast_field field = { "a b", NULL, 0, 1, SEQCAST_I64, 0 },
                            good = { "a", NULL, 0, 1, SEQCAST_I64, 0 };
        const seqcast_schema schema = { &field, 1, 8, 8, NULL }, fine = { &good, 1, 8, 8, NULL };
        seqcast_publisher_options options = options_for(0, 0, 0);

        options.schema = &schema;
        expect_refusal(topic_name(), &options, -EINVAL);
        options.schema = &fine;
        options.record_bytes = 7;
        expect_refusal(topic_name(), &options, -EINVAL);
}

Test(publisher, options_of_a_later_version_are_refused_where_they_say_something)
{
        struct {
                seqcast_publisher_options known;
                uint64_t unknown;
        } later = { options_for(8, 0, 0), 0 };

        later.known.size = sizeof later;
        later.unknown = 1;
        expect_refusal(topic_name(), &later.known, -EINVAL);
        later.unknown = 0;
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &later.known, &publisher)));
        later.known.size = 4;
        cr_assert(eq(int, seqcast_publisher_open(topic_name(), &later.known, &publisher), -EINVAL));
}

Test(publisher, options_of_an_earlier_version_are_taken)
{
        seqcast_publisher_options options = options_for(8, 0, 1u << 31);

        options.size = offsetof(seqcast_publisher_options, flags); /* what follows does not exist */
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)));
}

Test(publisher, takes_over_where_the_last_one_left_off)
{
        seqcast_subscriber *subscriber;
        seqcast_status status;

        open_it(64, 4, 0);
        publish_number(1, 64);
        publish_number(2, 60);
        publisher = seqcast_publisher_close(publisher);
        expect_newest_record(2, 60);
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), NULL, &publisher)), "as it exists");
        cr_assert(eq(u64, seqcast_publisher_version(publisher), 2));
        publish_number(3, 64);
        expect_newest_record(3, 64);
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(zero(int, seqcast_subscriber_status(subscriber, &status)));
        cr_assert(eq(u64, status.epoch, 2));
        seqcast_subscriber_close(subscriber);
}

/* Its predecessor died between sealing publication 2 and announcing it, or in the middle of it. */
Test(publisher, announces_what_its_predecessor_had_completed)
{
        for (uint64_t seq = 3; seq <= 4; seq++) {
                struct seqcast__segment_header *header;
                seqcast_info info;
                uint64_t *slot;
                void *base;
                int fd;

                open_it(64, 4, SEQCAST_RECREATE);
                publish_number(1, 64);
                publish_number(2, 64);
                seqcast_publisher_info(publisher, &info);
                publisher = seqcast_publisher_close(publisher);
                fd = open(topic_path(), O_RDWR);
                base = mmap(NULL, info.segment_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
                close(fd);
                header = base;
                *(uint64_t *)(void *)((char *)base + header->control_offset) = 1;
                slot = (void *)((char *)base + header->slots_offset + 2 * header->slot_stride);
                cr_assert(eq(u64, slot[0], 4));
                slot[0] = seq;
                munmap(base, info.segment_bytes);
                cr_assert(zero(int, seqcast_publisher_open(topic_name(), NULL, &publisher)));
                cr_assert(eq(u64, seqcast_publisher_version(publisher), seq / 2));
                expect_newest_record(seq / 2, 64);
                publisher = seqcast_publisher_close(publisher);
        }
}

Test(publisher, a_second_one_is_told_who_is_there)
{
        seqcast_publisher_options options = options_for(64, 0, 0);
        char pid[32];

        options.program = "the first";
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)));
        expect_refusal(topic_name(), &options, -EBUSY);
        snprintf(pid, sizeof pid, "pid %ld", (long)getpid());
        cr_assert(ne(ptr, strstr(detail.text, pid), NULL), "%s", detail.text);
        cr_assert(ne(ptr, strstr(detail.text, "the?first"), NULL), "%s", detail.text);
        expect_refusal(topic_name(), NULL, -EBUSY);
        options.flags = SEQCAST_REPLACE;
        expect_refusal(topic_name(), &options, -EBUSY);
        options.flags = SEQCAST_RECREATE;
        expect_refusal(topic_name(), &options, -EBUSY);
        publish_number(1, 64);
}

Test(publisher, an_exclusive_one_wants_no_topic_there)
{
        seqcast_publisher_options options = options_for(64, 0, SEQCAST_EXCLUSIVE);

        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)));
        expect_refusal(topic_name(), &options, -EEXIST);
        publisher = seqcast_publisher_close(publisher);
        expect_refusal(topic_name(), &options, -EEXIST);
}

Test(publisher, what_does_not_fit_is_refused_with_the_difference)
{
        const seqcast_field field = { "a", NULL, 0, 1, SEQCAST_I64, 0 },
                            other = { "b", NULL, 0, 1, SEQCAST_I64, 0 };
        const seqcast_schema schema = { &field, 1, 8, 8, NULL }, different = { &other, 1, 8, 8, NULL };
        seqcast_publisher_options options = options_for(0, 4, 0);

        options.schema = &schema;
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)));
        publisher = seqcast_publisher_close(publisher);

        options.schema = &different;
        expect_refusal(topic_name(), &options, -EPROTOTYPE);
        cr_assert(ne(ptr, strstr(detail.text, "- a:i64@0 + b:i64@0"), NULL), "%s", detail.text);
        options = options_for(8, 4, 0);
        expect_refusal(topic_name(), &options, -EPROTOTYPE);
        options = options_for(0, 8, 0);
        expect_refusal(topic_name(), &options, -EPROTOTYPE);
        cr_assert(ne(ptr, strstr(detail.text, "depth"), NULL), "%s", detail.text);
        options = options_for(16, 0, 0);
        options.schema = &schema;
        expect_refusal(topic_name(), &options, -EPROTOTYPE);
        options = options_for(0, 0, 0);
        options.schema = &schema;
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)), "%s", detail.text);
}

Test(publisher, an_opaque_topic_has_no_schema)
{
        const seqcast_field field = { "a", NULL, 0, 1, SEQCAST_I64, 0 };
        const seqcast_schema schema = { &field, 1, 8, 8, NULL };
        seqcast_publisher_options options = options_for(8, 4, 0);

        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)));
        publisher = seqcast_publisher_close(publisher);
        options.schema = &schema;
        expect_refusal(topic_name(), &options, -EPROTOTYPE);
}

static void expect_retired(seqcast_subscriber *subscriber, uint64_t number)
{
        seqcast_status status;

        cr_assert(zero(int, seqcast_read_newest(subscriber, buffer, sizeof buffer, &sample)));
        cr_assert(eq(u64, sample.number, number));
        cr_assert(eq(u32, sample.retired, 1));
        cr_assert(eq(int, seqcast_read_next(subscriber, buffer, sizeof buffer, &sample), SEQCAST_RETIRED));
        cr_assert(zero(int, seqcast_subscriber_status(subscriber, &status)));
        cr_assert(eq(u32, status.liveness, SEQCAST_REPLACED));
        cr_assert(eq(u32, status.detached, 1));
        seqcast_subscriber_close(subscriber);
}

Test(publisher, replaces_what_does_not_fit_if_told_so)
{
        seqcast_publisher_options options = options_for(128, 4, SEQCAST_REPLACE);
        seqcast_subscriber *old;
        seqcast_info info;

        open_it(64, 4, 0);
        publish_number(1, 64);
        cr_assert(zero(int, open_subscriber(&old)));
        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)), "%s", detail.text);
        cr_assert(zero(u64, seqcast_publisher_version(publisher)));
        seqcast_publisher_info(publisher, &info);
        cr_assert(eq(u64, info.record_bytes, 128));
        expect_retired(old, 1);
        publish_number(1, 128);
        expect_newest_record(1, 128);
}

Test(publisher, takes_over_what_fits_even_if_it_may_replace)
{
        open_it(64, 4, 0);
        publish_number(1, 64);
        publisher = seqcast_publisher_close(publisher);
        open_it(64, 4, SEQCAST_REPLACE);
        cr_assert(eq(u64, seqcast_publisher_version(publisher), 1));
}

Test(publisher, starts_from_scratch_if_told_so)
{
        seqcast_subscriber *old;

        open_it(64, 1, 0);
        publish_number(1, 64);
        cr_assert(zero(int, open_subscriber(&old)));
        publisher = seqcast_publisher_close(publisher);
        open_it(64, 1, SEQCAST_RECREATE);
        cr_assert(zero(u64, seqcast_publisher_version(publisher)));
        expect_retired(old, 1);
}

Test(publisher, replaces_what_is_damaged_if_told_so)
{
        seqcast_publisher_options options = options_for(64, 0, 0);
        int fd = open(topic_path(), O_RDWR | O_CREAT | O_EXCL, 0600);

        cr_assert(eq(int, (int)write(fd, "not a segment", 13), 13));
        close(fd);
        expect_refusal(topic_name(), &options, -EPROTO);
        options.flags = SEQCAST_REPLACE;
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)), "%s", detail.text);
        publish_number(1, 64);
}

Test(publisher, does_not_replace_something_by_nothing)
{
        seqcast_publisher_options options = options_for(0, 0, SEQCAST_RECREATE);

        open_it(64, 0, 0);
        publisher = seqcast_publisher_close(publisher);
        expect_refusal(topic_name(), &options, -EINVAL);
}

Test(publisher, a_lock_of_a_reader_is_no_publisher)
{
        seqcast_publisher_options options = options_for(64, 4, 0);
        int fd;

        open_it(64, 4, 0);
        publisher = seqcast_publisher_close(publisher);
        fd = open(topic_path(), O_RDONLY);
        cr_assert(zero(int, seqcast__lock_take_shared(fd, SEQCAST__PUBLISHER_LOCK_BYTE)));
        expect_refusal(topic_name(), &options, -EBUSY);
        cr_assert(ne(ptr, strstr(detail.text, "reader"), NULL), "%s", detail.text);
        options.flags = SEQCAST_REPLACE;
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)), "%s", detail.text);
        close(fd);
}

/* ---- publishing ----------------------------------------------------------------------------- */

Test(publisher, publishes_records_of_any_length)
{
        open_it(1000, 2, 0);
        for (size_t bytes = 0; bytes <= 1000; bytes++)
                publish_number(bytes + 1, bytes);
        expect_newest_record(1001, 1000);
        record_fill(buffer, 1001, 9);
        cr_assert(eq(int, seqcast_publish(publisher, buffer, 1001), -EMSGSIZE));
        cr_assert(eq(int, seqcast_publish(publisher, buffer, SIZE_MAX), -EMSGSIZE));
        cr_assert(eq(u64, seqcast_publisher_version(publisher), 1001));
        expect_newest_record(1001, 1000);
}

Test(publisher, updates_parts)
{
        const seqcast_part parts[] = { { 2, 3, "abc" }, { 8, 1, "x" }, { 3, 1, "B" } };

        open_it(10, 4, 0);
        cr_assert(zero(int, seqcast_publish_parts(publisher, parts, 3)), "without a record before");
        expect_newest(1, 10);
        cr_assert(zero(int, memcmp(buffer, "\0\0aBc\0\0\0x\0", 10)), "zero elsewhere, in order");
        cr_assert(zero(int, seqcast_publish(publisher, "0123456789", 10)));
        cr_assert(zero(int, seqcast_publish_parts(publisher, parts, 2)));
        expect_newest(3, 10);
        cr_assert(zero(int, memcmp(buffer, "01abc567x9", 10)));
        cr_assert(zero(int, seqcast_publish_parts(publisher, NULL, 0)), "the same again");
        expect_newest(4, 10);
        cr_assert(zero(int, memcmp(buffer, "01abc567x9", 10)));
}

Test(publisher, refuses_parts_outside_the_record)
{
        const seqcast_part beyond = { 5, 4, "wxyz" };
        seqcast_part many[SEQCAST_PARTS_MAX + 1];

        open_it(100, 4, 0);
        cr_assert(zero(int, seqcast_publish(publisher, "eight by", 8)));
        cr_assert(eq(int, seqcast_publish_parts(publisher, &beyond, 1), -ERANGE), "of the newest record");
        for (size_t i = 0; i <= SEQCAST_PARTS_MAX; i++)
                many[i] = (seqcast_part){ 0, 1, "x" };
        cr_assert(eq(int, seqcast_publish_parts(publisher, many, SEQCAST_PARTS_MAX + 1), -E2BIG));
        cr_assert(eq(u64, seqcast_publisher_version(publisher), 1));
        expect_newest(1, 8);
        cr_assert(zero(int, memcmp(buffer, "eight by", 8)));
        cr_assert(zero(int, seqcast_publish_parts(publisher, many, SEQCAST_PARTS_MAX)));
}

static const uint32_t ways_to_begin[] = { 0, SEQCAST_IN_PLACE };

Test(publisher, a_record_is_changed_between_begin_and_commit)
{
        for (size_t way = 0; way < 2; way++) {
                void *record;

                open_it(16, 2, ways_to_begin[way] | SEQCAST_RECREATE);
                for (uint64_t number = 1; number < 10; number++) {
                        cr_assert(zero(int, seqcast_publish_begin(publisher, &record)));
                        cr_assert(zero(u64, (uint64_t)(uintptr_t)record % 16), "aligned");
                        if (number == 1)
                                cr_assert(zero(int, memcmp(record, (char[16]){ 0 }, 16)));
                        else
                                cr_assert(record_check(record, 16, number - 1), "it holds the newest one");
                        record_fill(record, 16, number);
                        cr_assert(eq(u64, seqcast_publisher_version(publisher), number - 1));
                        if (number > 1)
                                expect_newest_record(number - 1, 16);
                        cr_assert(zero(int, seqcast_publish_commit(publisher, 16)));
                        expect_newest_record(number, 16);
                }
                publisher = seqcast_publisher_close(publisher);
        }
}

Test(publisher, nothing_else_is_published_between_begin_and_commit)
{
        for (size_t way = 0; way < 2; way++) {
                void *record, *second = buffer;
                const seqcast_part part = { 0, 1, "x" };

                open_it(16, 2, ways_to_begin[way] | SEQCAST_RECREATE);
                cr_assert(eq(int, seqcast_publish_commit(publisher, 16), -EINVAL), "nothing was begun");
                cr_assert(eq(int, seqcast_publish_abort(publisher), -EINVAL));
                cr_assert(zero(int, seqcast_publish_begin(publisher, &record)));
                cr_assert(eq(int, seqcast_publish_begin(publisher, &second), -EBUSY));
                cr_assert(eq(ptr, second, (void *)buffer));
                cr_assert(eq(int, seqcast_publish(publisher, "x", 1), -EBUSY));
                cr_assert(eq(int, seqcast_publish_parts(publisher, &part, 1), -EBUSY));
                cr_assert(eq(int, seqcast_publisher_remove(publisher), -EBUSY));
                cr_assert(eq(int, seqcast_publish_commit(publisher, 17), -EMSGSIZE));
                cr_assert(zero(int, seqcast_publish_commit(publisher, 3)), "it is still begun");
                expect_newest(1, 3);
                publisher = seqcast_publisher_close(publisher);
        }
}

Test(publisher, an_aborted_publication_leaves_no_trace)
{
        for (size_t way = 0; way < 2; way++) {
                const seqcast_part part = { 0, 8, "ABCDEFGH" };
                void *record;

                open_it(64, 4, ways_to_begin[way] | SEQCAST_RECREATE);
                for (uint64_t number = 1; number < 12; number++) {
                        cr_assert(zero(int, seqcast_publish_begin(publisher, &record)));
                        memset(record, 0xee, 64);
                        cr_assert(zero(int, seqcast_publish_abort(publisher)));
                        cr_assert(eq(u64, seqcast_publisher_version(publisher), number - 1));
                        if (number > 1)
                                expect_newest(number - 1, 64);
                        cr_assert(zero(int, seqcast_publish_parts(publisher, &part, 1)));
                        expect_newest(number, 64);
                        cr_assert(zero(int, memcmp(buffer, "ABCDEFGH", 8)));
                        cr_assert(zero(int, memcmp(buffer + 8, (char[56]){ 0 }, 56)), "publication %d",
                                  (int)number);
                }
                cr_assert(zero(int, seqcast_publish_begin(publisher, &record)));
                memset(record, 0xee, 64);
                cr_assert(zero(int, seqcast_publish_abort(publisher)));
                cr_assert(zero(int, seqcast_publish_begin(publisher, &record)));
                cr_assert(zero(int, memcmp((char *)record + 8, (char[56]){ 0 }, 56)));
                publisher = seqcast_publisher_close(publisher);
        }
}

Test(publisher, closing_drops_what_was_begun)
{
        for (size_t way = 0; way < 2; way++) {
                void *record;

                open_it(64, 2, ways_to_begin[way] | SEQCAST_RECREATE);
                publish_number(1, 64);
                cr_assert(zero(int, seqcast_publish_begin(publisher, &record)));
                memset(record, 0xee, 64);
                publisher = seqcast_publisher_close(publisher);
                expect_newest_record(1, 64);
                open_it(64, 2, ways_to_begin[way]);
                cr_assert(eq(u64, seqcast_publisher_version(publisher), 1));
                publish_number(2, 64);
                expect_newest_record(2, 64);
                publisher = seqcast_publisher_close(publisher);
        }
}

Test(publisher, in_place_hands_out_the_slot_itself)
{
        struct seqcast_publisher_options options = options_for(0, 2, SEQCAST_IN_PLACE);
        const seqcast_field field = { "a", NULL, 0, 1, SEQCAST_I64, 0 };
        const seqcast_schema schema = { &field, 1, 64, 64, NULL };
        void *a, *b, *c;

        options.schema = &schema;
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)));
        cr_assert(zero(int, seqcast_publish_begin(publisher, &a)));
        cr_assert(zero(int, seqcast_publish_commit(publisher, 64)));
        cr_assert(zero(int, seqcast_publish_begin(publisher, &b)));
        cr_assert(zero(int, seqcast_publish_commit(publisher, 64)));
        cr_assert(zero(int, seqcast_publish_begin(publisher, &c)));
        cr_assert(eq(ptr, a, c));
        cr_assert(ne(ptr, a, b));
        cr_assert(zero(u64, (uint64_t)(uintptr_t)a % 64), "aligned as the schema asks");
        cr_assert(zero(u64, (uint64_t)(uintptr_t)b % 64));
        cr_assert(zero(int, seqcast_publish_abort(publisher)));
}

Test(publisher, ways_of_publishing_can_be_mixed, .timeout = 60)
{
        for (size_t way = 0; way < 4; way++) {
                const uint32_t depth = way < 2 ? 2 : 8;
                unsigned char expected[64] = { 0 };
                uint64_t seed = way + 1;

                open_it(64, depth, ways_to_begin[way % 2] | SEQCAST_RECREATE);
                for (int turn = 0; turn < 400; turn++) {
                        unsigned char bytes[64];
                        seqcast_part part = { .from = bytes };
                        const uint64_t kind = random_below(&seed, 5);
                        void *record;

                        for (size_t i = 0; i < sizeof bytes; i++)
                                bytes[i] = (unsigned char)random_next(&seed);
                        part.bytes = random_below(&seed, 9);
                        part.offset = random_below(&seed, 64 - part.bytes + 1);
                        if (kind == 0) {
                                cr_assert(zero(int, seqcast_publish(publisher, bytes, 64)));
                                memcpy(expected, bytes, 64);
                        } else if (kind == 1) {
                                cr_assert(zero(int, seqcast_publish_begin(publisher, &record)));
                                cr_assert(zero(int, memcmp(record, expected, 64)));
                                memcpy((char *)record + part.offset, bytes, part.bytes);
                                memcpy(expected + part.offset, bytes, part.bytes);
                                cr_assert(zero(int, seqcast_publish_commit(publisher, 64)));
                        } else if (kind == 2) {
                                cr_assert(zero(int, seqcast_publish_begin(publisher, &record)));
                                memcpy(record, bytes, 64);
                                cr_assert(zero(int, seqcast_publish_abort(publisher)));
                                continue;
                        } else {
                                cr_assert(zero(int, seqcast_publish_parts(publisher, &part, 1)));
                                memcpy(expected + part.offset, bytes, part.bytes);
                        }
                        expect_newest(seqcast_publisher_version(publisher), 64);
                        cr_assert(zero(int, memcmp(buffer, expected, 64)), "way %zu, turn %d", way, turn);
                }
                publisher = seqcast_publisher_close(publisher);
        }
}

/* ---- removing ------------------------------------------------------------------------------- */

Test(publisher, removes_its_topic_and_tells_its_subscribers)
{
        seqcast_subscriber *subscriber;
        void *record;

        open_it(64, 4, 0);
        publish_number(1, 64);
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(zero(int, seqcast_publisher_remove(publisher)));
        cr_assert(not(topic_exists()));
        expect_retired(subscriber, 1);
        cr_assert(eq(int, seqcast_publish(publisher, "x", 1), -ESTALE));
        cr_assert(eq(int, seqcast_publish_parts(publisher, NULL, 0), -ESTALE));
        cr_assert(eq(int, seqcast_publish_begin(publisher, &record), -ESTALE));
        cr_assert(eq(int, seqcast_publisher_remove(publisher), -ESTALE));
}

Test(publisher, does_not_remove_what_is_not_its_own)
{
        seqcast_subscriber *subscriber;
        seqcast_publisher *other;

        open_it(64, 4, 0);
        publish_number(1, 64);
        cr_assert(zero(int, open_subscriber(&subscriber)));
        topic_remove();
        cr_assert(zero(int, open_publisher(64, 4, 0, &other)));
        cr_assert(eq(int, seqcast_publisher_remove(publisher), -ESTALE));
        cr_assert(topic_exists());
        expect_retired(subscriber, 1);
        seqcast_publisher_close(other);
}

Test(publisher, closing_nothing_does_nothing)
{
        cr_assert(zero(ptr, seqcast_publisher_close(NULL)));
}

/* ---- signals, fork -------------------------------------------------------------------------- */

static int result_in_handler;

static void publish_in_handler(int ignored)
{
        (void)ignored;
        result_in_handler = seqcast_publish(publisher, "handler", 7);
}

Test(publisher, a_signal_handler_in_mid_publication_is_turned_away)
{
        struct sigaction action = { .sa_handler = publish_in_handler };
        void *record;

        open_it(64, 2, SEQCAST_IN_PLACE);
        sigaction(SIGUSR1, &action, NULL);
        cr_assert(zero(int, seqcast_publish_begin(publisher, &record)));
        raise(SIGUSR1);
        cr_assert(eq(int, result_in_handler, -EBUSY));
        cr_assert(zero(int, seqcast_publish_commit(publisher, 64)));
        raise(SIGUSR1);
        cr_assert(zero(int, result_in_handler));
        expect_newest(2, 7);
}

static void stop_and_count(int ignored)
{
        (void)ignored;
        if (seqcast_publish(publisher, "8 bytes.", 8) == -EBUSY)
                result_in_handler++;
}

/* Thousands of interruptions anywhere in a publication: none harms it, and some are turned away. */
Test(publisher, survives_handlers_that_publish_at_any_moment, .timeout = 60)
{
        struct sigaction action = { .sa_handler = stop_and_count };
        struct itimerspec every = { { 0, 50000 }, { 0, 50000 } };
        struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
        seqcast_subscriber *subscriber;
        timer_t timer;

        open_it(sizeof buffer, 2, 0);
        cr_assert(zero(int, open_subscriber(&subscriber)));
        sigaction(SIGUSR1, &action, NULL);
        cr_assert(zero(int, timer_create(CLOCK_MONOTONIC, &event, &timer)));
        timer_settime(timer, 0, &every, NULL);
        for (int i = 0; i < 100000 && result_in_handler < 100; i++)
                cr_assert(zero(int, seqcast_publish(publisher, buffer, sizeof buffer)));
        timer_delete(timer);
        cr_assert(lt(int, 0, result_in_handler), "no handler came in mid-publication");
        cr_assert(zero(int, seqcast_read_newest(subscriber, buffer, sizeof buffer, &sample)));
        cr_assert(eq(u64, sample.number, seqcast_publisher_version(publisher)));
        seqcast_subscriber_close(subscriber);
}

static void expect_child_gets_nowhere(void)
{
        void *record;
        const seqcast_part part = { 0, 1, "x" };
        bool good = seqcast_publish(publisher, "x", 1) == -ECHILD &&
                    seqcast_publish_parts(publisher, &part, 1) == -ECHILD &&
                    seqcast_publish_begin(publisher, &record) == -ECHILD &&
                    seqcast_publish_commit(publisher, 1) == -ECHILD &&
                    seqcast_publish_abort(publisher) == -ECHILD &&
                    seqcast_publisher_remove(publisher) == -ECHILD &&
                    seqcast_publisher_version(publisher) == 0 && seqcast_publisher_close(publisher) == NULL;

        _exit(good ? 0 : 1);
}

Test(publisher, a_child_of_fork_cannot_publish)
{
        int status;

        open_it(64, 4, 0);
        publish_number(1, 64);
        if (fork() == 0)
                expect_child_gets_nowhere();
        wait(&status);
        cr_assert(zero(int, status));
        cr_assert(topic_exists());
        publish_number(2, 64);
        expect_newest_record(2, 64);
}

Test(publisher, a_child_of_fork_does_not_keep_the_topic_live)
{
        int release[2];
        char byte;
        pid_t child;

        cr_assert(zero(int, pipe(release)));
        open_it(64, 4, 0);
        publish_number(1, 64);
        child = fork();
        if (child == 0) {
                close(release[1]);
                if (read(release[0], &byte, 1) < 0)
                        _exit(1);
                _exit(0);
        }
        publisher = seqcast_publisher_close(publisher);
        open_it(64, 4, 0);
        close(release[0]);
        close(release[1]);
        waitpid(child, NULL, 0);
}

Test(publisher, a_child_of_fork_may_have_a_topic_of_its_own)
{
        int status;

        open_it(64, 4, 0);
        if (fork() == 0) {
                seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
                seqcast_publisher *own;
                char topic[96];
                int r;

                snprintf(topic, sizeof topic, "%s-child", topic_name());
                options.record_bytes = 8;
                r = seqcast_publisher_open(topic, &options, &own);
                if (r == 0)
                        r = seqcast_publish(own, "8 bytes.", 8);
                if (r == 0)
                        r = seqcast_publisher_remove(own);
                _exit(r == 0 ? 0 : 1);
        }
        wait(&status);
        cr_assert(zero(int, status));
}

/* ---- sparse --------------------------------------------------------------------------------- */

static uint64_t memory_taken(void)
{
        struct stat status;

        cr_assert(zero(int, stat(topic_path(), &status)));
        return (uint64_t)status.st_blocks * 512;
}

Test(publisher, a_sparse_segment_takes_memory_as_it_is_written)
{
        const uint64_t bytes = UINT64_C(4000000000);
        const seqcast_part near = { 0, 4, "near" }, far = { bytes - 3, 3, "far" };
        seqcast_subscriber *subscriber;
        char a[8], b[8], c[8];
        const seqcast_read_part parts[] = { { 0, 8, a }, { bytes / 2, 8, b }, { bytes - 8, 8, c } };
        uint64_t taken;

        open_it(bytes, 2, SEQCAST_SPARSE);
        cr_assert(lt(u64, memory_taken(), 100000));
        for (int i = 0; i < 5; i++) {
                cr_assert(zero(int, seqcast_publish_parts(publisher, &near, 1)));
                cr_assert(zero(int, seqcast_publish_parts(publisher, &far, 1)));
        }
        taken = memory_taken();
        cr_assert(lt(u64, taken, 200000));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(zero(int, seqcast_read_newest_parts(subscriber, parts, 3, &sample)));
        cr_assert(eq(u64, sample.number, 10));
        cr_assert(eq(u64, sample.bytes, bytes));
        cr_assert(zero(int, memcmp(a, "near\0\0\0\0", 8)));
        cr_assert(zero(int, memcmp(b, "\0\0\0\0\0\0\0\0", 8)));
        cr_assert(zero(int, memcmp(c, "\0\0\0\0\0far", 8)));
        cr_assert(eq(u64, memory_taken(), taken), "reading allocates nothing");
        seqcast_subscriber_close(subscriber);
}

Test(publisher, a_sparse_topic_is_taken_over_without_filling_its_holes)
{
        const uint64_t bytes = 64 << 20;
        const seqcast_part near = { 0, 4, "near" }, far = { bytes - 3, 3, "far" };
        seqcast_subscriber *subscriber;
        char a[8], c[8];
        const seqcast_read_part parts[] = { { 0, 8, a }, { bytes - 8, 8, c } };

        open_it(bytes, 4, SEQCAST_SPARSE);
        cr_assert(zero(int, seqcast_publish_parts(publisher, &near, 1)));
        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), NULL, &publisher)));
        for (int i = 0; i < 9; i++)
                cr_assert(zero(int, seqcast_publish_parts(publisher, &far, 1)));
        cr_assert(lt(u64, memory_taken(), 300000));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(zero(int, seqcast_read_newest_parts(subscriber, parts, 2, &sample)));
        cr_assert(zero(int, memcmp(a, "near\0\0\0\0", 8)));
        cr_assert(zero(int, memcmp(c, "\0\0\0\0\0far", 8)));
        seqcast_subscriber_close(subscriber);
}

Test(publisher, sparse_records_are_what_dense_ones_would_be, .timeout = 120)
{
        enum { BYTES = 40000 };
        static unsigned char expected[BYTES], bytes[BYTES];
        uint64_t seed = 3, length = BYTES;

        for (size_t way = 0; way < 2; way++) {
                memset(expected, 0, sizeof expected);
                length = BYTES;
                open_it(BYTES, 4, SEQCAST_SPARSE | SEQCAST_RECREATE | ways_to_begin[way]);
                for (int turn = 0; turn < 300; turn++) {
                        const uint64_t kind = random_below(&seed, 12);
                        seqcast_part part = { .from = bytes };
                        void *record;

                        for (size_t i = 0; i < sizeof bytes; i += 8)
                                *(uint64_t *)(void *)(bytes + i) = random_next(&seed);
                        part.bytes = random_below(&seed, length < 30 ? length : 30);
                        part.offset = random_below(&seed, length - part.bytes + 1);
                        if (kind == 0) {
                                length = random_below(&seed, BYTES + 1);
                                cr_assert(zero(int, seqcast_publish(publisher, bytes, length)));
                                memcpy(expected, bytes, length);
                        } else if (kind == 1) {
                                cr_assert(zero(int, seqcast_publish_begin(publisher, &record)));
                                cr_assert(zero(int, memcmp(record, expected, length)));
                                memset(record, 0xee, BYTES);
                                cr_assert(zero(int, seqcast_publish_abort(publisher)));
                                continue;
                        } else if (kind == 2) {
                                publisher = seqcast_publisher_close(publisher);
                                open_it(BYTES, 4, ways_to_begin[way]);
                                continue;
                        } else {
                                cr_assert(zero(int, seqcast_publish_parts(publisher, &part, 1)));
                                memcpy(expected + part.offset, bytes, part.bytes);
                        }
                        expect_newest(seqcast_publisher_version(publisher), length);
                        cr_assert(zero(int, memcmp(buffer, expected, length)), "way %zu, turn %d", way, turn);
                }
                publisher = seqcast_publisher_close(publisher);
        }
}

/* ---- limits of the process ------------------------------------------------------------------ */

Test(publisher, the_file_size_limit_is_an_error_and_no_signal)
{
        seqcast_publisher_options options = options_for(1 << 20, 2, 0);
        const struct rlimit limit = { 1 << 20, 1 << 20 };

        cr_assert(zero(int, setrlimit(RLIMIT_FSIZE, &limit)));
        expect_refusal(topic_name(), &options, -EFBIG);
        cr_assert(not(topic_exists()));
}

Test(publisher, running_out_of_descriptors_leaves_nothing_behind)
{
        seqcast_publisher_options options = options_for(64, 2, 0);
        struct rlimit limit, before;

        getrlimit(RLIMIT_NOFILE, &before);
        limit = before;
        limit.rlim_cur = 3;
        setrlimit(RLIMIT_NOFILE, &limit);
        cr_assert(eq(int, seqcast_publisher_open(topic_name(), &options, &publisher), -EMFILE));
        setrlimit(RLIMIT_NOFILE, &before);
        cr_assert(not(topic_exists()));
}

Test(publisher, running_out_of_address_space_leaves_nothing_behind)
{
        seqcast_publisher_options options = options_for(UINT64_C(1) << 32, 2, SEQCAST_SPARSE);
        struct rlimit limit, before;

        getrlimit(RLIMIT_AS, &before);
        limit = before;
        limit.rlim_cur = UINT64_C(4) << 30;
        setrlimit(RLIMIT_AS, &limit);
        cr_assert(eq(int, seqcast_publisher_open(topic_name(), &options, &publisher), -ENOMEM));
        setrlimit(RLIMIT_AS, &before);
        cr_assert(not(topic_exists()));
}
