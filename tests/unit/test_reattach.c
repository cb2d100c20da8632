/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Going on with the topic's next segment: alone, and with handles that share a mapping. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "handle/attach.h"
#include "handle/reattach.h"

#include "../support/portable.h"
#include "../support/record.h"
#include "../support/waiting.h"

#define RECORD_BYTES 64u
#define HANDLES 3u
#define COLLECTED_MAX 33u /* mappings that reattach_urcu.c may keep for a while */

static unsigned descriptors_before;
static seqcast_publisher *publisher, *previous;
static seqcast_subscriber *subscriber, *handles[HANDLES];
static int beside = -1;
static unsigned char record[RECORD_BYTES];
static seqcast_sample sample;
static seqcast_detail detail;

static void note_what_is_open(void)
{
        descriptors_before = count_descriptors();
}

static void close_subscribers(void)
{
        for (unsigned i = 0; i < HANDLES; i++)
                handles[i] = seqcast_subscriber_close(handles[i]);
        subscriber = seqcast_subscriber_close(subscriber);
}

static void close_publisher(void)
{
        publisher = seqcast_publisher_close(publisher);
        topic_remove();
}

static void expect_nothing_left(void)
{
        close_subscribers();
        close_publisher();
        seqcast_publisher_close(previous);
        if (beside >= 0)
                close(beside);
        expect_none_left("the descriptors", count_descriptors() - descriptors_before);
        expect_none_left("the objects in shared memory", count_objects());
}

TestSuite(reattach, .init = note_what_is_open, .fini = expect_nothing_left, .timeout = 40);

/* ---- mappings ----------------------------------------------------------------------------------- */

static unsigned maps_over; /* how often a file was mapped over what was there */
static void (*during_change)(void);
static int map_over_error;

static void *pass_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
        const bool over = (flags & MAP_FIXED) != 0 && fd >= 0;
        void *base;

        if (over && map_over_error != 0) {
                errno = map_over_error;
                map_over_error = 0;
                return MAP_FAILED;
        }
#ifdef SYS_mmap2
        base = (void *)syscall(SYS_mmap2, at, bytes, protection, flags, fd, (long)(offset / 4096));
#else
        base = (void *)syscall(SYS_mmap, at, bytes, protection, flags, fd, offset);
#endif
        maps_over += over;
        if (over && during_change != NULL)
                during_change();
        return base;
}

/* The library's mappings pass by here, under either name. */
void *mmap_of_library(void *at, size_t bytes, int protection, int flags, int fd,
                      off_t offset) __asm__("mmap");
void *mmap64_of_library(void *at, size_t bytes, int protection, int flags, int fd,
                        off_t offset) __asm__("mmap64");

void *mmap_of_library(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
        return pass_mmap(at, bytes, protection, flags, fd, offset);
}

void *mmap64_of_library(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
        return pass_mmap(at, bytes, protection, flags, fd, offset);
}

/* Mappings of this process in whose lines both stand. */
static unsigned count_mappings(const char *protection, const char *name)
{
        FILE *maps = fopen("/proc/self/maps", "re");
        char line[512];
        unsigned count = 0;

        if (maps == NULL)
                abort();
        while (fgets(line, sizeof line, maps) != NULL)
                count += strstr(line, protection) != NULL && strstr(line, name) != NULL;
        fclose(maps);
        return count;
}

/* Of files that bear the topic's name, or did; a publisher's is writable. */
static unsigned count_mappings_to_read(void)
{
        return count_mappings(" r--s ", topic_name());
}

/* ---- topics and records -------------------------------------------------------------------------- */

/* Of which segment, and which publication there, a record is. */
static uint64_t seed_of(uint64_t segment, uint64_t number)
{
        return segment * 1000000 + number;
}

static uint64_t segment_now;

static void publish_up_to(uint64_t number)
{
        while (seqcast_publisher_version(publisher) < number) {
                record_fill(record, sizeof record,
                            seed_of(segment_now, seqcast_publisher_version(publisher) + 1));
                cr_assert(zero(int, seqcast_publish(publisher, record, sizeof record)));
        }
}

static void renew_with(uint32_t depth, uint32_t flags)
{
        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, open_publisher(RECORD_BYTES, depth, SEQCAST_RECREATE | flags, &publisher)));
        segment_now++;
}

static void renew(void)
{
        renew_with(4, 0);
}

static void open_both(uint32_t flags)
{
        renew();
        publish_up_to(2);
        cr_assert(zero(int, open_flagged_subscriber(flags, &subscriber)));
}

static void join_handles(void)
{
        for (unsigned i = 0; i < HANDLES; i++)
                cr_assert(zero(int,
                               seqcast_subscriber_join(i == 0 ? subscriber : handles[i - 1], &handles[i])));
}

static int next(seqcast_subscriber *from)
{
        return seqcast_read_next(from, record, sizeof record, &sample);
}

static void expect_next(seqcast_subscriber *from, uint64_t number, uint64_t lost)
{
        cr_assert(zero(int, next(from)));
        cr_assert(eq(u64, sample.number, number));
        cr_assert(eq(u64, sample.lost, lost));
        cr_assert(record_check(record, sizeof record, seed_of(segment_now, number)));
}

static void expect_newest(seqcast_subscriber *from, uint64_t segment, uint64_t number)
{
        cr_assert(zero(int, seqcast_read_newest(from, record, sizeof record, &sample)));
        cr_assert(eq(u64, sample.number, number));
        cr_assert(record_check(record, sizeof record, seed_of(segment, number)));
}

static void expect_reattach(int result)
{
        memset(&detail, 0, sizeof detail);
        cr_assert(eq(int, seqcast_subscriber_reattach(subscriber, &detail), result), "%s", detail.text);
        cr_assert(eq(int, strlen(detail.text) > 0, result < 0), "a reason is given");
}

static const uint32_t alone_and_shared[] = { 0, SEQCAST_SHARED };

/* ---- results ------------------------------------------------------------------------------------- */

Test(reattach, does_nothing_while_the_segment_is_the_same)
{
        for (size_t i = 0; i < 2; i++) {
                open_both(alone_and_shared[i]);
                expect_next(subscriber, 2, 0);
                expect_reattach(SEQCAST_NONE);
                cr_assert(eq(int, seqcast_subscriber_reattach(subscriber, NULL), SEQCAST_NONE));
                cr_assert(eq(int, next(subscriber), SEQCAST_NONE));
                publish_up_to(3);
                expect_next(subscriber, 3, 0);
                close_subscribers();
        }
}

static void expect_info_of_publisher(seqcast_subscriber *of)
{
        seqcast_info info, published;
        seqcast_status status;

        seqcast_subscriber_info(of, &info);
        seqcast_publisher_info(publisher, &published);
        cr_assert(eq(u64, info.incarnation, published.incarnation));
        cr_assert(eq(u64, info.segment_bytes, published.segment_bytes));
        cr_assert(eq(u32, info.depth, published.depth));
        cr_assert(zero(int, seqcast_subscriber_status(of, &status)));
        cr_assert(eq(u32, status.liveness, SEQCAST_LIVE));
        cr_assert(zero(u32, status.detached));
        cr_assert(eq(u64, status.version, seqcast_publisher_version(publisher)));
        cr_assert(eq(u64, seqcast_subscriber_version(of), status.version));
}

Test(reattach, begins_before_the_first_publication_and_counts_what_is_lost)
{
        static const uint64_t published[] = { 0, 1, 3, 4, 5, 10, 100 };

        for (size_t i = 0; i < 2; i++) {
                open_both(alone_and_shared[i]);
                for (size_t j = 0; j < sizeof published / sizeof *published; j++) {
                        const uint64_t last = published[j], first = last > 4 ? last - 2 : 1;

                        renew();
                        publish_up_to(last);
                        expect_reattach(0);
                        expect_info_of_publisher(subscriber);
                        if (last == 0)
                                cr_assert(eq(int, next(subscriber), SEQCAST_EMPTY));
                        for (uint64_t number = first; number <= last; number++)
                                expect_next(subscriber, number, number == first ? first - 1 : 0);
                        publish_up_to(last + 1);
                        expect_next(subscriber, last + 1, 0);
                        expect_reattach(SEQCAST_NONE);
                }
                close_subscribers();
        }
}

Test(reattach, counts_what_newest_has_passed_over)
{
        open_both(0);
        renew();
        publish_up_to(7);
        expect_reattach(0);
        expect_newest(subscriber, segment_now, 7);
        cr_assert(eq(u64, sample.lost, 6));
}

/* After a refusal, the old segment is what it was. */
static void expect_old_segment(uint64_t segment)
{
        expect_newest(subscriber, segment, 2);
        cr_assert(eq(int, next(subscriber), sample.retired ? SEQCAST_RETIRED : SEQCAST_NONE));
}

Test(reattach, is_refused_where_there_is_nothing_or_something_else)
{
        for (size_t i = 0; i < 2; i++) {
                int file;

                open_both(alone_and_shared[i]);
                topic_remove();
                expect_reattach(-ENOENT);
                expect_old_segment(segment_now);
                file = open(topic_path(), O_RDWR | O_CREAT | O_EXCL, 0600);
                expect_reattach(-EPROTO);
                cr_assert(zero(int, ftruncate(file, 100000)));
                expect_reattach(-EAGAIN);
                cr_assert(zero(int, fchmod(file, 0666)));
                expect_reattach(-EPERM);
                close(file);
                expect_old_segment(segment_now);
                topic_remove();
                renew();
                publish_up_to(1);
                expect_reattach(0);
                expect_next(subscriber, 1, 0);
                close_subscribers();
        }
}

Test(reattach, is_refused_where_an_opaque_record_has_another_size)
{
        for (size_t i = 0; i < 2; i++) {
                open_both(alone_and_shared[i]);
                publisher = seqcast_publisher_close(publisher);
                cr_assert(zero(int, open_publisher(RECORD_BYTES + 8, 4, SEQCAST_REPLACE, &publisher)));
                expect_reattach(-EPROTOTYPE);
                cr_assert(ne(ptr, strstr(detail.text, "record size"), NULL), "%s", detail.text);
                cr_assert(ne(ptr, strstr(detail.text, "72"), NULL), "%s", detail.text);
                cr_assert(ne(ptr, strstr(detail.text, "64"), NULL), "%s", detail.text);
                expect_old_segment(segment_now);
                close_subscribers();
        }
}

static void renew_with_schema(const char *text, uint64_t record_bytes)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_schema *schema;

        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, seqcast_schema_parse(text, &schema, NULL)));
        options.schema = schema;
        options.record_bytes = record_bytes;
        options.flags = SEQCAST_RECREATE;
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)));
        seqcast_schema_free(schema);
}

#define QUOTE "bid:i64,ask:i64,sym:char[48]"

static void expect_only_the_quote(void)
{
        renew_with_schema("bid:i64,ask:i32,sym:char[48]", 0);
        expect_reattach(-EPROTOTYPE);
        cr_assert(ne(ptr, strstr(detail.text, "- ask:i32@8 + ask:i64@8"), NULL), "%s", detail.text);
        renew();
        expect_reattach(-EPROTOTYPE);
        cr_assert(ne(ptr, strstr(detail.text, "opaque"), NULL), "%s", detail.text);
        renew_with_schema(QUOTE ";type=other", 0);
        expect_reattach(0);
        renew_with_schema(QUOTE, 4096); /* records may be longer than their schema */
        expect_reattach(0);
}

Test(reattach, is_refused_where_the_schema_is_not_what_it_was)
{
        for (size_t i = 0; i < 2; i++) {
                const seqcast_schema *schema;

                renew_with_schema(QUOTE, 0);
                cr_assert(zero(int, open_flagged_subscriber(alone_and_shared[i], &subscriber)));
                schema = seqcast_subscriber_schema(subscriber);
                expect_only_the_quote();
                cr_assert(eq(ptr, (void *)seqcast_subscriber_schema(subscriber), (void *)schema));
                cr_assert(eq(str, (char *)schema->fields[1].name, "ask"), "it is still there");
                close_subscribers();
        }
}

Test(reattach, is_refused_where_the_schema_is_not_what_was_asked_for)
{
        for (size_t i = 0; i < 2; i++) {
                seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
                seqcast_schema *schema;

                renew_with_schema(QUOTE, 0);
                cr_assert(zero(int, seqcast_schema_parse(QUOTE, &schema, NULL)));
                options.schema = schema;
                options.flags = alone_and_shared[i];
                cr_assert(zero(int, seqcast_subscriber_open(topic_name(), &options, &subscriber)));
                seqcast_schema_free(schema); /* it is the caller's, for the call */
                expect_only_the_quote();
                close_subscribers();
        }
}

Test(reattach, is_refused_where_a_record_that_was_opaque_has_a_schema)
{
        open_both(0);
        renew_with_schema(QUOTE, 0);
        expect_reattach(-EPROTOTYPE);
        cr_assert(ne(ptr, strstr(detail.text, "opaque"), NULL), "%s", detail.text);
}

/* ---- segments of other sizes ---------------------------------------------------------------------- */

static const uint32_t depths[] = { 4, 1, 64, 2, 1024, 1, 4096, 8, 65536, 1, 16 };

Test(reattach, follows_to_larger_and_smaller_segments)
{
        for (size_t i = 0; i < 2; i++) {
                open_both(alone_and_shared[i]);
                for (size_t j = 0; j < sizeof depths / sizeof *depths; j++) {
                        const uint64_t depth = depths[j], last = depth + 3;
                        const uint64_t first = depth == 1 ? last : last + 2 - depth;

                        renew_with(depths[j], 0);
                        publish_up_to(last);
                        maps_over = 0;
                        expect_reattach(0);
                        expect_info_of_publisher(subscriber);
                        cr_assert(le(uint, count_mappings_to_read(),
                                     alone_and_shared[i] == 0 || maps_over > 0 ? 1 : COLLECTED_MAX));
                        expect_next(subscriber, first, first - 1);
                        expect_newest(subscriber, segment_now, last);
                }
                close_subscribers();
        }
}

static int64_t memory_of_topic(void)
{
        struct stat status;

        cr_assert(zero(int, stat(topic_path(), &status)));
        return (int64_t)status.st_blocks * 512;
}

#define LARGE ((size_t)1 << 20)

static void publish_at(uint64_t offset, char byte)
{
        const seqcast_part part = { offset, 1, &byte };

        cr_assert(zero(int, seqcast_publish_parts(publisher, &part, 1)));
}

static void renew_large(uint32_t flags)
{
        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, open_publisher(LARGE, 2, SEQCAST_RECREATE | flags, &publisher)));
}

Test(reattach, knows_nothing_of_the_holes_of_another_sparse_segment)
{
        static unsigned char large[LARGE];

        for (size_t i = 0; i < 2; i++) {
                renew_large(0);
                cr_assert(zero(int, open_flagged_subscriber(alone_and_shared[i], &subscriber)));
                for (unsigned segment = 0; segment < 6; segment++) {
                        const bool sparse = segment % 3 != 2;
                        const uint64_t at = segment * 100000u;
                        int64_t memory;

                        renew_large(sparse ? SEQCAST_SPARSE : 0);
                        if (segment % 3 == 0) /* it has no holes in its only record */
                                cr_assert(zero(int, seqcast_publish(publisher, large, sizeof large)));
                        publish_at(at, 'x');
                        memory = memory_of_topic();
                        expect_reattach(0);
                        memset(large, 0xee, sizeof large);
                        cr_assert(zero(int, seqcast_read_newest(subscriber, large, sizeof large, NULL)));
                        cr_assert(eq(int, large[at], 'x'));
                        large[at] = 0;
                        for (size_t byte = 0; byte < sizeof large; byte++)
                                if (large[byte] != 0)
                                        cr_fatal("byte %zu of segment %u", byte, segment);
                        cr_assert(eq(i64, memory_of_topic(), memory), "reading takes no memory");
                }
                close_subscribers();
        }
}

Test(reattach, ends_a_look_in_place)
{
        const void *looked_at;

        open_both(0);
        cr_assert(zero(int, seqcast_read_begin(subscriber, &looked_at, NULL)));
        expect_reattach(SEQCAST_NONE);
        cr_assert(zero(int, seqcast_read_end(subscriber)));
        cr_assert(zero(int, seqcast_read_begin(subscriber, &looked_at, NULL)));
        renew();
        expect_reattach(0);
        cr_assert(eq(int, seqcast_read_end(subscriber), -EINVAL));
}

Test(reattach, two_thousand_times_leaves_no_mapping_and_no_descriptor_behind)
{
        for (size_t i = 0; i < 2; i++) {
                unsigned descriptors, mappings, most = 0;

                renew();
                cr_assert(zero(int, open_flagged_subscriber(alone_and_shared[i], &subscriber)));
                close_subscribers(); /* the first one may allocate something for good */
                descriptors = count_descriptors();
                mappings = count_mappings("", "");
                cr_assert(zero(int, open_flagged_subscriber(alone_and_shared[i], &subscriber)));
                if (i == 1)
                        join_handles();
                maps_over = 0;
                for (unsigned turn = 0; turn < 1000; turn++) {
                        unsigned now;

                        renew_with(depths[turn % 8], 0);
                        publish_up_to(1);
                        expect_reattach(0);
                        expect_next(subscriber, 1, 0);
                        now = count_mappings_to_read();
                        most = now > most ? now : most;
                        cr_assert(le(uint, count_descriptors(), descriptors + 1 + COLLECTED_MAX));
                }
                cr_assert(le(uint, most, i == 0 || maps_over > 0 ? 1 : COLLECTED_MAX));
                close_subscribers();
                cr_assert(eq(uint, count_descriptors(), descriptors));
                cr_assert(zero(uint, count_mappings_to_read()));
                cr_assert(le(uint, count_mappings("", ""), mappings + 2), "but for the allocator's");
                printf("at most %u mappings of segments; %u in all before, %u after\n", most, mappings,
                       count_mappings("", ""));
        }
}

/* ---- joined handles ------------------------------------------------------------------------------ */

Test(reattach, joins_only_what_was_opened_to_be_shared)
{
        open_both(SEQCAST_REATTACH);
        cr_assert(eq(int, seqcast_subscriber_join(subscriber, &handles[0]), -EINVAL));
        cr_assert(zero(ptr, handles[0]));
}

Test(reattach, of_joined_handles_each_has_a_position_of_its_own)
{
        open_both(SEQCAST_SHARED);
        join_handles();
        expect_next(subscriber, 2, 0);
        publish_up_to(4);
        expect_next(handles[0], 4, 0);
        expect_next(subscriber, 3, 0);
        seqcast_subscriber_skip(handles[1]);
        cr_assert(eq(int, next(handles[1]), SEQCAST_NONE));
        expect_next(subscriber, 4, 0);
        publish_up_to(10);
        expect_next(handles[1], 8, 3);
        expect_newest(handles[2], segment_now, 10);
        cr_assert(eq(int, next(handles[2]), SEQCAST_NONE));
        expect_next(subscriber, 8, 3);
        for (unsigned i = 0; i < HANDLES; i++)
                expect_info_of_publisher(handles[i]);
}

Test(reattach, a_handle_joined_before_the_first_publication_begins_with_it)
{
        renew();
        cr_assert(zero(int, open_flagged_subscriber(SEQCAST_SHARED, &subscriber)));
        join_handles();
        publish_up_to(3);
        expect_next(handles[0], 1, 0);
        renew();
        expect_reattach(0);
        handles[1] = seqcast_subscriber_close(handles[1]);
        cr_assert(zero(int, seqcast_subscriber_join(handles[0], &handles[1])));
        publish_up_to(2);
        expect_next(handles[1], 1, 0);
}

Test(reattach, looks_in_place_are_not_for_shared_handles)
{
        const void *untouched = record, *looked_at = untouched;

        open_both(SEQCAST_SHARED);
        join_handles();
        cr_assert(eq(int, seqcast_read_begin(subscriber, &looked_at, NULL), -EINVAL));
        cr_assert(eq(int, seqcast_read_begin(handles[0], &looked_at, NULL), -EINVAL));
        cr_assert(eq(int, seqcast_read_end(handles[0]), -EINVAL));
        cr_assert(looked_at == untouched);
}

static int read_newest(seqcast_subscriber *from)
{
        return seqcast_read_newest(from, record, sizeof record, &sample);
}

static int read_newest_part(seqcast_subscriber *from)
{
        const seqcast_read_part part = { 0, 8, record };

        return seqcast_read_newest_parts(from, &part, 1, &sample);
}

static int read_next_part(seqcast_subscriber *from)
{
        const seqcast_read_part part = { 0, 8, record };

        return seqcast_read_next_parts(from, &part, 1, &sample);
}

static int only_look(seqcast_subscriber *from)
{
        return seqcast_wait(from, 0);
}

static int wait_long(seqcast_subscriber *from)
{
        return seqcast_wait(from, 20 * SECOND);
}

Test(reattach, each_joined_handle_is_told_once_by_whatever_it_does_next)
{
        static int (*const ways[])(seqcast_subscriber *) = { next,           read_newest, read_newest_part,
                                                             read_next_part, only_look,   wait_long };

        open_both(SEQCAST_SHARED);
        join_handles();
        for (unsigned times = 1; times < 3; times++) { /* replaced twice: told once */
                for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
                        seqcast_sample untouched;

                        for (unsigned i = 0; i < times; i++) {
                                renew();
                                publish_up_to(5);
                                expect_reattach(0);
                        }
                        memset(&sample, 0xaa, sizeof sample);
                        untouched = sample;
                        for (unsigned i = 0; i < HANDLES; i++) {
                                cr_assert(eq(int, ways[way](handles[i]), SEQCAST_REATTACHED));
                                cr_assert(zero(int, memcmp(&sample, &untouched, sizeof sample)));
                        }
                        for (unsigned i = 0; i < HANDLES; i++) {
                                expect_next(handles[i], 3, 2);
                                memset(&sample, 0xaa, sizeof sample);
                        }
                        expect_next(subscriber, 3, 2);
                }
        }
}

Test(reattach, a_joined_handle_that_re_attaches_after_another_one_has_done_so_is_told_by_that)
{
        open_both(SEQCAST_SHARED);
        join_handles();
        renew();
        publish_up_to(1);
        expect_reattach(0);
        cr_assert(zero(int, seqcast_subscriber_reattach(handles[0], NULL)));
        cr_assert(eq(int, seqcast_subscriber_reattach(handles[0], NULL), SEQCAST_NONE));
        expect_next(handles[0], 1, 0);
}

Test(reattach, joined_handles_that_follow_are_each_told_once)
{
        open_both(SEQCAST_SHARED | SEQCAST_REATTACH);
        join_handles();
        for (int turn = 0; turn < 3; turn++) {
                renew();
                publish_up_to(1);
                for (unsigned i = 0; i < HANDLES; i++) {
                        while (seqcast_wait(handles[i], 20 * SECOND) == 0) /* what is left in the old one */
                                cr_assert(zero(int, next(handles[i])));
                        cr_assert(zero(int, seqcast_wait(handles[i], 20 * SECOND)), "that has told it");
                        expect_next(handles[i], 1, 0);
                        cr_assert(eq(int, seqcast_wait(handles[i], 20 * MS), SEQCAST_TIMEOUT));
                }
        }
}

Test(reattach, what_is_asked_of_a_joined_handle_is_of_the_present_segment)
{
        open_both(SEQCAST_SHARED);
        join_handles();
        renew_with(8, 0);
        publish_up_to(5);
        expect_reattach(0);
        expect_info_of_publisher(handles[0]); /* before it is told */
        seqcast_subscriber_skip(handles[1]);
        cr_assert(eq(int, next(handles[1]), SEQCAST_REATTACHED));
        cr_assert(eq(int, next(handles[1]), SEQCAST_NONE), "it has skipped what is there");
        cr_assert(eq(int, next(handles[0]), SEQCAST_REATTACHED));
        expect_info_of_publisher(handles[0]);
        expect_next(handles[0], 1, 0);
        publish_up_to(6);
        expect_next(handles[1], 6, 0);
}

Test(reattach, joined_handles_are_closed_in_any_order)
{
        static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                          { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

        for (size_t order = 0; order < 6; order++) {
                open_both(SEQCAST_SHARED);
                join_handles();
                renew();
                expect_reattach(0);
                subscriber = seqcast_subscriber_close(subscriber); /* the one they were joined to */
                for (unsigned i = 0; i < HANDLES; i++) {
                        publish_up_to(i + 1);
                        for (unsigned j = i; j < HANDLES; j++) {
                                seqcast_subscriber *handle = handles[orders[order][j]];

                                if (i == 0)
                                        cr_assert(eq(int, next(handle), SEQCAST_REATTACHED));
                                expect_next(handle, i + 1, 0);
                        }
                        handles[orders[order][i]] = seqcast_subscriber_close(handles[orders[order][i]]);
                }
                cr_assert(zero(uint, count_mappings_to_read()));
        }
}

/* ---- while the change is made ---------------------------------------------------------------------- */

static int result_during_change = -1;

static void read_during_change(void)
{
        result_during_change = next(handles[0]);
}

Test(reattach, nothing_is_read_while_another_segment_is_mapped_over_the_old_one)
{
        open_both(SEQCAST_SHARED);
        join_handles();
        renew();
        publish_up_to(1);
        during_change = read_during_change;
        expect_reattach(0);
        during_change = NULL;
        if (result_during_change < 0)
                SKIP_WITH_TOPIC("in this build nothing is mapped over anything");
        cr_assert(eq(int, result_during_change, SEQCAST_BUSY));
        cr_assert(eq(int, next(handles[0]), SEQCAST_REATTACHED));
        expect_next(handles[0], 1, 0);
}

Test(reattach, where_mapping_fails_the_old_segment_stays)
{
        open_both(SEQCAST_SHARED);
        join_handles();
        renew();
        map_over_error = ENOMEM;
        if (seqcast_subscriber_reattach(subscriber, &detail) == 0)
                SKIP_WITH_TOPIC("in this build nothing is mapped over anything");
        for (unsigned i = 0; i < HANDLES; i++) {
                expect_newest(handles[i], segment_now - 1, 2);
                cr_assert(eq(u32, sample.retired, 1));
                cr_assert(eq(int, next(handles[i]), SEQCAST_RETIRED));
        }
        expect_reattach(0);
        expect_info_of_publisher(subscriber);
        publish_up_to(1);
        expect_next(subscriber, 1, 0);
        cr_assert(eq(int, next(handles[0]), SEQCAST_REATTACHED));
}

static void open_segment(struct seqcast__segment *segment)
{
        const struct seqcast__attach_wish wish = { 0 };

        *segment = (struct seqcast__segment){ .fd = -1 };
        snprintf(segment->name, sizeof segment->name, "/%s", topic_name());
        cr_assert(zero(int, seqcast__attach(&wish, segment, NULL)));
}

/* A reader that is in the middle of it either still finds what was there, or is told to forget it. */
Test(reattach, whoever_reads_during_a_change_does_not_believe_a_mix)
{
        /* Not so large that liburcu would wait for us. */
        static const uint32_t small[] = { 4, 1, 64, 2, 256, 1, 16 };
        struct seqcast__reattach *reattach;
        struct seqcast__segment present, fresh;

        renew();
        publish_up_to(1);
        open_segment(&present);
        cr_assert(zero(int, seqcast__reattach_open(&present, &reattach)));
        for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
                const uint64_t segment_before = segment_now;
                struct seqcast_ring_reader reader = { 0 };
                struct seqcast__visit visit;
                bool same;

                cr_assert(seqcast__reattach_enter(reattach, &visit));
                renew_with(small[i], 0);
                publish_up_to(1);
                open_segment(&fresh);
                cr_assert(zero(int, seqcast__reattach_replace(reattach, &present, &fresh)));
                same = seqcast_ring_read_newest(&visit.mapping->ring, &reader, record, sizeof record,
                                                &sample) == 0 &&
                       record_check(record, sizeof record, seed_of(segment_before, 1));
                cr_assert(same || !seqcast__reattach_leave(reattach, &visit));
                if (same)
                        seqcast__reattach_leave(reattach, &visit);
        }
        seqcast__reattach_close(reattach, &present);
        seqcast__segment_close(&present);
}

static _Atomic(unsigned) stop, reading;

/* Without a torn or mixed record: @return how many were read; 0 if one was wrong */
static void *read_until_stopped(void *handle)
{
        unsigned char mine[RECORD_BYTES];
        uintptr_t count = 0;

        atomic_fetch_add(&reading, 1);
        while (atomic_load(&stop) == 0) {
                seqcast_sample got;
                uint64_t seed;
                int r = seqcast_read_newest(handle, mine, sizeof mine, &got);

                if (r == 0) {
                        memcpy(&seed, mine, sizeof seed);
                        seed *= UINT64_C(0xf1de83e19937733d); /* record_word(), turned round */
                        if (seed % 1000000 != got.number || !record_check(mine, sizeof mine, seed))
                                return NULL;
                        count++;
                } else if (r != SEQCAST_REATTACHED && r != SEQCAST_BUSY && r != SEQCAST_EMPTY) {
                        return NULL;
                }
        }
        return (void *)(count + 1);
}

Test(reattach, threads_never_read_a_mix_of_two_segments)
{
        pthread_t threads[HANDLES];
        uintptr_t total = 0;

        open_both(SEQCAST_SHARED);
        join_handles();
        for (unsigned i = 0; i < HANDLES; i++)
                pthread_create(&threads[i], NULL, read_until_stopped, handles[i]);
        wait_for(&reading, HANDLES);
        for (unsigned turn = 0; turn < 500; turn++) {
                renew_with(depths[turn % 7], 0);
                publish_up_to(1 + turn % 9);
                expect_reattach(0);
                publish_up_to(10 + turn % 90);
        }
        atomic_store(&stop, 1);
        for (unsigned i = 0; i < HANDLES; i++) {
                void *count;

                pthread_join(threads[i], &count);
                cr_assert(ne(ptr, count, NULL));
                total += (uintptr_t)count;
        }
        printf("%lu records read during 500 changes\n", (unsigned long)total);
}

/* ---- joined handles that sleep --------------------------------------------------------------------- */

static struct waiter waiters[HANDLES];

static bool is_shown(void)
{
        return interest_is_shown(beside, SEQCAST__SLEEPER_LOCK_BYTE);
}

static void look_from_beside(void)
{
        if (beside >= 0)
                close(beside);
        beside = open_beside();
}

static void open_joined(void)
{
        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, open_waking_publisher(SEQCAST_WAKE_MANUAL, SEQCAST_RECREATE, &publisher)));
        cr_assert(zero(int, open_flagged_subscriber(SEQCAST_SHARED, &subscriber)));
        join_handles();
        look_from_beside();
}

static void need_interest(void)
{
        skip_if_portable("nobody shows interest");
}

static void start_sleeper(unsigned i)
{
        waiter_start(&waiters[i], handles[i], 20 * SECOND);
        await_sleeper(beside);
        sleep_ns(20 * MS);
}

static void interrupt(unsigned i)
{
        seqcast_subscriber_interrupt(handles[i]);
        cr_assert(eq(int, waiter_join(&waiters[i]), SEQCAST_INTERRUPTED));
}

Test(reattach, joined_handles_show_interest_until_the_last_has_got_up)
{
        need_interest();
        open_joined();
        for (int turn = 0; turn < 3; turn++) {
                for (unsigned i = 0; i < HANDLES; i++)
                        start_sleeper(i);
                for (unsigned i = 0; i < HANDLES; i++) {
                        cr_assert(is_shown());
                        interrupt(i);
                }
                cr_assert(not(is_shown()));
        }
}

/* Put another segment in the place of the old one without a word to those who sleep on that. */
static void replace_silently(void)
{
        seqcast_publisher_close(previous);
        previous = publisher;
        topic_remove();
        cr_assert(zero(int, open_waking_publisher(SEQCAST_WAKE_MANUAL, 0, &publisher)));
        look_from_beside();
}

/* @return was it woken for that? Otherwise its slice was over first, and it has seen the name go. */
static bool expect_sleeper_reattached(unsigned i)
{
        int r = waiter_join(&waiters[i]);

        if (r == SEQCAST_REATTACHED)
                return true;
        cr_assert(eq(int, r, SEQCAST_DETACHED));
        cr_assert(eq(int, seqcast_wait(handles[i], 20 * SECOND), SEQCAST_REATTACHED));
        return false;
}

Test(reattach, joined_handles_show_their_interest_in_the_new_segment)
{
        need_interest();
        open_joined();
        for (int turn = 0; turn < 3; turn++) {
                start_sleeper(0);
                replace_silently();
                expect_reattach(0);
                expect_sleeper_reattached(0);
                cr_assert(not(is_shown()));
                for (unsigned i = 0; i < HANDLES; i++) {
                        if (i != 0)
                                cr_assert(eq(int, seqcast_wait(handles[i], 0), SEQCAST_REATTACHED));
                        start_sleeper(i);
                        interrupt(i);
                        cr_assert(not(is_shown()));
                }
        }
}

/* One has shown its interest in the old segment, another one shows its in the new one, before the first gets
 * up. */
Test(reattach, a_joined_handle_that_gets_up_late_leaves_the_interest_of_others_alone)
{
        need_interest();
        open_joined();
        for (int turn = 0; turn < 20; turn++) {
                start_sleeper(0);
                replace_silently();
                cr_assert(zero(int, seqcast_subscriber_reattach(handles[1], NULL)));
                waiter_start(&waiters[1], handles[1], 20 * SECOND);
                expect_sleeper_reattached(0);
                await_sleeper(beside);
                cr_assert(is_shown());
                interrupt(1);
                cr_assert(not(is_shown()));
        }
}

static int64_t replace_under_sleeper(void)
{
        int64_t replaced_ns, duration;

        open_joined();
        start_sleeper(0);
        replace_silently();
        replaced_ns = monotonic_ns();
        expect_reattach(0);
        duration = expect_sleeper_reattached(0) ? waiter_latency(&waiters[0], replaced_ns) : INT64_MAX;
        close_subscribers();
        return duration;
}

Test(reattach, wakes_the_joined_handles_that_sleep)
{
        cr_assert(lt(i64, quickest(replace_under_sleeper, PROMPT), PROMPT));
}

/* ---- descriptors of joined handles ------------------------------------------------------------------ */

/* It is readable, perhaps for nothing at first, and then says this. */
static void expect_event(seqcast_subscriber *handle, int expected)
{
        struct pollfd pollable = { .fd = seqcast_subscriber_fd(handle), .events = POLLIN };
        int r = SEQCAST_NONE;

        for (int i = 0; i < 100 && r == SEQCAST_NONE; i++) {
                cr_assert(eq(int, poll(&pollable, 1, 10000), 1));
                r = seqcast_subscriber_drain(handle);
        }
        cr_assert(eq(int, r, expected));
}

Test(reattach, descriptors_of_joined_handles_go_on_working)
{
        int descriptors[HANDLES];

        open_joined();
        for (unsigned i = 0; i < HANDLES; i++) {
                descriptors[i] = seqcast_subscriber_fd(handles[i]);
                if (descriptors[i] == -ENOSYS)
                        SKIP_WITH_TOPIC("a portable build: there are no descriptors to wait on");
                cr_assert(eq(int, seqcast_subscriber_drain(handles[i]), SEQCAST_NONE));
        }
        for (int turn = 0; turn < 3; turn++) {
                replace_silently();
                expect_reattach(0);
                for (unsigned i = 0; i < HANDLES; i++) {
                        expect_event(handles[i], SEQCAST_REATTACHED);
                        cr_assert(eq(int, seqcast_subscriber_fd(handles[i]), descriptors[i]));
                        cr_assert(interest_is_shown(beside, SEQCAST__DESCRIPTOR_LOCK_BYTE));
                }
                publish_up_to(1);
                cr_assert(zero(int, seqcast_notify(publisher)));
                for (unsigned i = 0; i < HANDLES; i++) {
                        expect_event(handles[i], 0);
                        cr_assert(zero(int, next(handles[i])));
                        cr_assert(eq(int, seqcast_subscriber_drain(handles[i]), SEQCAST_NONE));
                }
        }
}
