/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* SEQCAST_PREFAULT, SEQCAST_HUGE_PAGES, SEQCAST_LOCK_MEMORY, SEQCAST_HUGETLB: what the kernel says about the
 * mapping afterwards (/proc/self/smaps), that nothing of it happens unless it is asked for, and what is said
 * where it cannot be had. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "layout/segment_layout.h"
#include "seqcast.h"

#include "../support/attempt.h"
#include "../support/child.h"
#include "../support/plays.h"
#include "../support/record.h"
#include "../support/topic.h"

#define RECORD_BYTES ((size_t)1 << 20)
#define DEPTH 4u
#define SPARSE_BYTES ((uint64_t)64 << 20) /* a test that fails fills it */
#define KIB UINT64_C(1024)
#define ALL (SEQCAST_PREFAULT | SEQCAST_HUGE_PAGES | SEQCAST_LOCK_MEMORY)

static unsigned descriptors_before;
static seqcast_publisher *publisher;
static seqcast_subscriber *subscriber;
static seqcast_detail detail;
static unsigned char record[RECORD_BYTES];

static void note_what_is_open(void)
{
        plays_prepare();
        descriptors_before = count_descriptors();
}

static void expect_nothing_left(void)
{
        close_and_expect_none_left(subscriber, publisher, descriptors_before);
}

TestSuite(memory_options, .init = note_what_is_open, .fini = expect_nothing_left, .timeout = 120);

/* ---- what the kernel says -------------------------------------------------------------------- */

struct mapping {
        uint64_t start, bytes;
        uint64_t present_kib, huge_kib;
        bool locked, locked_as_touched;
};

/* The topic's, or a sealed one. */
static uint64_t object_inode(void)
{
        struct stat status;

        if (topic_exists() ? stat(topic_path(), &status) < 0
                           : fstat(seqcast_publisher_fd(publisher), &status) < 0)
                abort();
        return status.st_ino;
}

/* The mapping of the topic's object that is (or is not) writable. */
static struct mapping mapping_of(bool writable)
{
        uint64_t inode = object_inode();
        FILE *file = fopen("/proc/self/smaps", "re");
        struct mapping mapping = { 0 };
        bool found = false;
        char line[512];

        if (file == NULL)
                abort();
        while (fgets(line, sizeof line, file) != NULL) {
                uint64_t start, end, kib, its_inode;
                char rights[5];

                if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %*x:%*x %" SCNu64, &start, &end, rights,
                           &its_inode) == 4) {
                        found = its_inode == inode && rights[3] == 's' && (rights[1] == 'w') == writable;
                        if (found)
                                mapping = (struct mapping){ .start = start, .bytes = end - start };
                } else if (found && sscanf(line, "Rss: %" SCNu64, &kib) == 1) {
                        mapping.present_kib = kib;
                } else if (found && (sscanf(line, "ShmemPmdMapped: %" SCNu64, &kib) == 1 ||
                                     sscanf(line, "Shared_Hugetlb: %" SCNu64, &kib) == 1 ||
                                     sscanf(line, "Private_Hugetlb: %" SCNu64, &kib) == 1)) {
                        mapping.huge_kib += kib;
                } else if (found && strncmp(line, "VmFlags:", 8) == 0) {
                        mapping.locked = strstr(line, " lo") != NULL;
                        mapping.locked_as_touched = strstr(line, " lf") != NULL;
                }
        }
        fclose(file);
        if (mapping.bytes == 0)
                abort();
        return mapping;
}

static uint64_t object_blocks(void)
{
        struct stat status;

        cr_assert(zero(int, stat(topic_path(), &status)));
        return (uint64_t)status.st_blocks;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int publish_with(uint64_t record_bytes, uint32_t flags)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        strcpy(detail.text, "untouched");
        options.record_bytes = record_bytes;
        options.depth = DEPTH;
        options.flags = flags;
        options.ret_detail = &detail;
        return seqcast_publisher_open(topic_name(), &options, &publisher);
}

static int subscribe_with(uint32_t flags)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;

        strcpy(detail.text, "untouched");
        options.flags = flags;
        options.ret_detail = &detail;
        return seqcast_subscriber_open(topic_name(), &options, &subscriber);
}

static seqcast_info publisher_info(void)
{
        seqcast_info info;

        seqcast_publisher_info(publisher, &info);
        return info;
}

static seqcast_info subscriber_info(void)
{
        seqcast_info info;

        seqcast_subscriber_info(subscriber, &info);
        return info;
}

/* A portable build has none of it, and says so. */
static void need_support(void)
{
        cr_assert(zero(int, publish_with(64, SEQCAST_PREFAULT)));
        if ((publisher_info().memory_missing & SEQCAST_PREFAULT) != 0 &&
            strstr(detail.text, "not supported here") != NULL)
                SKIP_WITH_TOPIC("%s", detail.text);
        seqcast_publisher_remove(publisher);
        publisher = seqcast_publisher_close(publisher);
}

static void publish(uint64_t number)
{
        record_fill(record, sizeof record, number);
        cr_assert(zero(int, seqcast_publish(publisher, record, sizeof record)));
}

static void expect_read(uint64_t number)
{
        seqcast_sample sample;

        memset(record, 0, sizeof record);
        cr_assert(zero(int, seqcast_read_newest(subscriber, record, sizeof record, &sample)));
        cr_assert(eq(u64, sample.number, number));
        cr_assert(record_check(record, sizeof record, number));
}

/* Everything was done: what was asked for, and no word about it. */
static void expect_had(seqcast_info info, uint32_t flags)
{
        cr_assert(eq(u32, info.memory, flags), "%s", detail.text);
        cr_assert(zero(u32, info.memory_missing), "%s", detail.text);
        cr_assert(eq(str, detail.text, (char *)""));
}

static void expect_missing(seqcast_info info, uint32_t flags, const char *sentence)
{
        cr_assert(eq(u32, info.memory_missing, flags), "%s", detail.text);
        cr_assert(zero(u32, info.memory & flags));
        cr_assert(ne(ptr, strstr(detail.text, sentence), NULL), "%s", detail.text);
}

/* A machine that gives no huge pages at this moment is not one that fails. */
static void need_huge_pages(seqcast_info info)
{
        if ((info.memory_missing & SEQCAST_HUGE_PAGES) != 0)
                SKIP_WITH_TOPIC("no huge pages here: %s", detail.text);
}

static uint64_t huge_page_bytes(void)
{
        FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "re");
        uint64_t bytes = 0;

        if (file == NULL)
                return 0;
        if (fscanf(file, "%" SCNu64, &bytes) != 1)
                bytes = 0;
        fclose(file);
        return bytes;
}

/* ---- nothing unless asked for ----------------------------------------------------------------- */

Test(memory_options, by_default_nothing_is_done)
{
        struct mapping mapping;

        cr_assert(zero(int, publish_with(RECORD_BYTES, 0)));
        cr_assert(eq(str, detail.text, (char *)"untouched"));
        cr_assert(zero(u32, publisher_info().memory | publisher_info().memory_missing));
        mapping = mapping_of(true);
        cr_assert(lt(u64, mapping.present_kib, RECORD_BYTES / KIB));
        cr_assert(zero(u64, mapping.huge_kib));
        cr_assert(not(mapping.locked));

        publish(1);
        cr_assert(zero(int, subscribe_with(0)));
        cr_assert(eq(str, detail.text, (char *)"untouched"));
        cr_assert(zero(u32, subscriber_info().memory | subscriber_info().memory_missing));
        mapping = mapping_of(false);
        cr_assert(lt(u64, mapping.present_kib, RECORD_BYTES / KIB));
        cr_assert(not(mapping.locked));
}

/* ---- prefault --------------------------------------------------------------------------------- */

Test(memory_options, prefault_maps_all_of_a_segment_for_its_publisher)
{
        need_support();
        cr_assert(zero(int, publish_with(RECORD_BYTES, SEQCAST_PREFAULT)));
        expect_had(publisher_info(), SEQCAST_PREFAULT);
        cr_assert(eq(u64, mapping_of(true).present_kib, mapping_of(true).bytes / KIB));
        cr_assert(not(mapping_of(true).locked));
        publish(1);
        cr_assert(zero(int, subscribe_with(0)));
        expect_read(1);
}

Test(memory_options, prefault_maps_all_of_a_segment_for_a_subscriber)
{
        need_support();
        cr_assert(zero(int, publish_with(RECORD_BYTES, 0)));
        publish(1);
        cr_assert(zero(int, subscribe_with(SEQCAST_PREFAULT)));
        expect_had(subscriber_info(), SEQCAST_PREFAULT);
        cr_assert(eq(u64, mapping_of(false).present_kib, mapping_of(false).bytes / KIB));
        expect_read(1);
}

/* Of all slots, wherever the newest record is. */
static uint64_t digest_of_slots(void)
{
        uint64_t digest = UINT64_C(0xcbf29ce484222325), offset, bytes = publisher_info().segment_bytes;
        int fd = open(topic_path(), O_RDONLY | O_CLOEXEC);
        ssize_t got;

        cr_assert(le(int, 0, fd));
        for (offset = bytes - DEPTH * RECORD_BYTES; offset < bytes; offset += (uint64_t)got) {
                got = pread(fd, record, sizeof record, (off_t)offset);
                cr_assert(lt(i64, 0, got));
                for (ssize_t i = 0; i < got; i++)
                        digest = (digest ^ record[i]) * UINT64_C(0x100000001b3);
        }
        close(fd);
        return digest;
}

Test(memory_options, a_publisher_that_takes_over_changes_no_byte_of_a_record)
{
        uint64_t digest;

        cr_assert(zero(int, publish_with(RECORD_BYTES, 0)));
        for (uint64_t number = 1; number <= 7; number++)
                publish(number);
        digest = digest_of_slots();
        cr_assert(zero(int, subscribe_with(0)));
        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, publish_with(RECORD_BYTES, ALL)));
        cr_assert(eq(u64, digest_of_slots(), digest));
        expect_read(7);
        publish(8);
        expect_read(8);
}

/* ---- sparse segments -------------------------------------------------------------------------- */

#define USED_OFFSET (SPARSE_BYTES / 2)

static void publish_sparse(uint32_t flags)
{
        static const unsigned char bytes[3 * 4096] = { 1, 2, 3 };
        const seqcast_part part = { .offset = USED_OFFSET, .bytes = sizeof bytes, .from = bytes };

        cr_assert(zero(int, publish_with(SPARSE_BYTES, SEQCAST_SPARSE | flags)), "%s", detail.text);
        cr_assert(zero(int, seqcast_publish_parts(publisher, &part, 1)));
}

Test(memory_options, holes_get_no_memory)
{
        uint64_t blocks;

        need_support();
        publish_sparse(0);
        blocks = object_blocks();

        cr_assert(zero(int, subscribe_with(SEQCAST_PREFAULT | SEQCAST_LOCK_MEMORY)));
        cr_assert(eq(u64, object_blocks(), blocks));
        cr_assert(ne(u32, subscriber_info().memory & SEQCAST_PREFAULT, 0));
        if ((subscriber_info().memory & SEQCAST_LOCK_MEMORY) != 0)
                cr_assert(mapping_of(false).locked_as_touched);
        cr_assert(le(u64, 3 * 4, mapping_of(false).present_kib), "what has memory is mapped");
        subscriber = seqcast_subscriber_close(subscriber);

        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, publish_with(0, SEQCAST_PREFAULT | SEQCAST_LOCK_MEMORY)));
        cr_assert(eq(u64, object_blocks(), blocks));
        cr_assert(le(u64, 3 * 4, mapping_of(true).present_kib));
        publisher = seqcast_publisher_close(publisher);

        cr_assert(zero(int, publish_with(0, SEQCAST_HUGE_PAGES)));
        cr_assert(eq(u64, object_blocks(), blocks));
        if (huge_page_bytes() != 0)
                expect_missing(publisher_info(), SEQCAST_HUGE_PAGES, "sparse");
        cr_assert(zero(int, subscribe_with(SEQCAST_HUGE_PAGES)));
        cr_assert(eq(u64, object_blocks(), blocks));
        if (huge_page_bytes() != 0)
                expect_missing(subscriber_info(), SEQCAST_HUGE_PAGES, "sparse");
}

/* What the header says is the claim of whoever made the segment; what has memory, the kernel knows. */
Test(memory_options, a_header_that_hides_its_holes_has_them_filled_no_more)
{
        struct seqcast__segment_header header;
        uint64_t blocks;
        int fd;

        need_support();
        publish_sparse(0);
        publisher = seqcast_publisher_close(publisher);
        fd = open(topic_path(), O_RDWR | O_CLOEXEC);
        cr_assert(eq(i64, pread(fd, &header, sizeof header, 0), (ssize_t)sizeof header));
        cr_assert(seqcast__layout_is_sparse(&header));
        header.features_optional &= ~SEQCAST__FEATURE_SPARSE;
        cr_assert(eq(i64, pwrite(fd, &header, sizeof header, 0), (ssize_t)sizeof header));
        close(fd);
        blocks = object_blocks();
        cr_assert(zero(int, subscribe_with(ALL)), "%s", detail.text);
        cr_assert(zero(u32, subscriber_info().sparse));
        cr_assert(eq(u64, object_blocks(), blocks));
}

/* ---- locking ---------------------------------------------------------------------------------- */

Test(memory_options, locking_locks_both_sides)
{
        if (SANITIZED)
                cr_skip_test("the sanitizer's mlock() locks nothing");
        cr_assert(zero(int, publish_with(64, SEQCAST_LOCK_MEMORY)));
        if ((publisher_info().memory_missing & SEQCAST_LOCK_MEMORY) != 0)
                SKIP_WITH_TOPIC("not permitted here: %s", detail.text);
        expect_had(publisher_info(), SEQCAST_LOCK_MEMORY);
        cr_assert(mapping_of(true).locked);
        cr_assert(not(mapping_of(true).locked_as_touched));
        cr_assert(zero(int, subscribe_with(SEQCAST_LOCK_MEMORY)));
        expect_had(subscriber_info(), SEQCAST_LOCK_MEMORY);
        cr_assert(mapping_of(false).locked);
}

static int open_without_a_right_to_lock(void)
{
        const struct rlimit limit = { 4096, 4096 };

        PLAY_EXPECT(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
        if (geteuid() == 0 && !become_stranger())
                return play_impossible("another user");
        PLAY_EXPECT(publish_with(RECORD_BYTES, SEQCAST_LOCK_MEMORY | SEQCAST_PREFAULT) == 0);
        PLAY_EXPECT(publisher_info().memory == SEQCAST_PREFAULT);
        PLAY_EXPECT(publisher_info().memory_missing == SEQCAST_LOCK_MEMORY);
        PLAY_EXPECT(strstr(detail.text, "RLIMIT_MEMLOCK") != NULL && strstr(detail.text, " 4096 ") != NULL);
        PLAY_EXPECT(!mapping_of(true).locked);
        PLAY_EXPECT(subscribe_with(SEQCAST_LOCK_MEMORY) == 0);
        PLAY_EXPECT(subscriber_info().memory_missing == SEQCAST_LOCK_MEMORY);
        PLAY_EXPECT(strstr(detail.text, "RLIMIT_MEMLOCK") != NULL && strstr(detail.text, " 4096 ") != NULL);
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_remove(publisher);
        seqcast_publisher_close(publisher);
        return 0;
}

Test(memory_options, what_may_not_be_locked_is_open_all_the_same)
{
        need_support();
        if (SANITIZED)
                cr_skip_test("the sanitizer's mlock() locks nothing");
        expect_play(open_without_a_right_to_lock);
}

static int open_forbidden_to_lock(void)
{
        const struct rlimit limit = { 0, 0 };

        PLAY_EXPECT(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
        if (geteuid() == 0 && !become_stranger())
                return play_impossible("another user");
        PLAY_EXPECT(publish_with(64, SEQCAST_LOCK_MEMORY) == 0);
        PLAY_EXPECT(publisher_info().memory_missing == SEQCAST_LOCK_MEMORY);
        PLAY_EXPECT(strstr(detail.text, "RLIMIT_MEMLOCK") != NULL && strstr(detail.text, " 0 ") != NULL);
        seqcast_publisher_remove(publisher);
        seqcast_publisher_close(publisher);
        return 0;
}

Test(memory_options, nor_is_a_limit_of_nothing_a_failure)
{
        need_support();
        if (SANITIZED)
                cr_skip_test("the sanitizer's mlock() locks nothing");
        expect_play(open_forbidden_to_lock);
}

/* ---- huge pages ------------------------------------------------------------------------------- */

Test(memory_options, huge_pages_are_made_by_the_publisher_and_used_by_both)
{
        uint64_t huge = huge_page_bytes(), whole_kib;

        cr_assert(zero(int, publish_with(2 * huge + RECORD_BYTES, SEQCAST_HUGE_PAGES | SEQCAST_PREFAULT)),
                  "%s", detail.text);
        need_huge_pages(publisher_info());
        expect_had(publisher_info(), SEQCAST_HUGE_PAGES | SEQCAST_PREFAULT);
        whole_kib = publisher_info().segment_bytes / huge * (huge / KIB);
        cr_assert(zero(u64, mapping_of(true).start % huge));
        cr_assert(eq(u64, mapping_of(true).huge_kib, whole_kib));

        publish(1);
        cr_assert(zero(int, subscribe_with(SEQCAST_HUGE_PAGES | SEQCAST_PREFAULT)));
        expect_had(subscriber_info(), SEQCAST_HUGE_PAGES | SEQCAST_PREFAULT);
        cr_assert(zero(u64, mapping_of(false).start % huge));
        cr_assert(eq(u64, mapping_of(false).huge_kib, whole_kib));
        expect_read(1);
}

Test(memory_options, a_publisher_that_takes_over_makes_pages_huge_under_its_readers)
{
        uint64_t huge = huge_page_bytes();

        cr_assert(zero(int, publish_with(RECORD_BYTES, 0)));
        for (uint64_t number = 1; number <= 5; number++)
                publish(number);
        cr_assert(zero(int, subscribe_with(0)));
        expect_read(5);
        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, publish_with(RECORD_BYTES, SEQCAST_HUGE_PAGES | SEQCAST_PREFAULT)));
        need_huge_pages(publisher_info());
        cr_assert(eq(u64, mapping_of(true).huge_kib, publisher_info().segment_bytes / huge * (huge / KIB)));
        expect_read(5);
        publish(6);
        expect_read(6);
}

Test(memory_options, a_subscriber_makes_no_huge_pages)
{
        need_support();
        if (huge_page_bytes() == 0)
                cr_skip_test("no huge pages here");
        cr_assert(zero(int, publish_with(RECORD_BYTES, 0)));
        publish(1);
        if (mapping_of(true).huge_kib != 0)
                SKIP_WITH_TOPIC("everything in shared memory is huge here");
        cr_assert(zero(int, subscribe_with(SEQCAST_HUGE_PAGES | SEQCAST_PREFAULT)));
        cr_assert(zero(u64, mapping_of(false).start % huge_page_bytes()));
        cr_assert(zero(u64, mapping_of(true).huge_kib + mapping_of(false).huge_kib));
}

Test(memory_options, a_small_segment_says_that_it_is_one)
{
        need_support();
        if (huge_page_bytes() == 0)
                cr_skip_test("no huge pages here");
        cr_assert(zero(int, publish_with(64, ALL)));
        cr_assert(ne(u32, publisher_info().memory & SEQCAST_PREFAULT, 0));
        cr_assert(ne(u32, publisher_info().memory_missing & SEQCAST_HUGE_PAGES, 0));
        cr_assert(ne(ptr, strstr(detail.text, "smaller"), NULL), "%s", detail.text);
        cr_assert(zero(int, subscribe_with(SEQCAST_HUGE_PAGES)));
        expect_missing(subscriber_info(), SEQCAST_HUGE_PAGES, "smaller");
}

/* ---- pages of the hugetlb kind ----------------------------------------------------------------- */

static int subscribe_to_sealed(uint32_t flags)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;

        options.flags = flags;
        options.ret_detail = &detail;
        return seqcast_subscriber_open_fd(seqcast_publisher_fd(publisher), &options, &subscriber);
}

Test(memory_options, hugetlb_is_for_sealed_segments_without_holes)
{
        cr_assert(eq(int, publish_with(64, SEQCAST_HUGETLB), -EINVAL));
        cr_assert(ne(ptr, strstr(detail.text, "sealed"), NULL), "%s", detail.text);
        cr_assert(eq(int, publish_with(64, SEQCAST_HUGETLB | SEQCAST_SEALED | SEQCAST_SPARSE), -EINVAL));
        cr_assert(eq(int, subscribe_with(SEQCAST_HUGETLB), -EINVAL));
}

static const char hugetlb_free[] = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";

static long long read_number(const char *path)
{
        FILE *file = fopen(path, "re");
        long long number = -1;

        if (file == NULL)
                return -1;
        if (fscanf(file, "%lld", &number) != 1)
                number = -1;
        fclose(file);
        return number;
}

Test(memory_options, hugetlb_serves_both_sides)
{
        struct mapping mapping;
        long long free_before = read_number(hugetlb_free);
        int r = publish_with(RECORD_BYTES, SEQCAST_HUGETLB | SEQCAST_SEALED | SEQCAST_HUGE_PAGES);

        if (r == -ENOMEM || r == -EOPNOTSUPP) {
                cr_assert(ne(str, detail.text, (char *)""));
                cr_skip_test("no pages of the hugetlb kind here: %s", detail.text);
        }
        cr_assert(zero(int, r), "%s", detail.text);
        expect_had(publisher_info(), SEQCAST_HUGE_PAGES);
        cr_assert(zero(u64, publisher_info().segment_bytes % (2048 * KIB)));
        if (free_before >= 0)
                cr_assert(le(i64, (int64_t)(publisher_info().segment_bytes / (2048 * KIB)),
                             free_before - read_number(hugetlb_free)),
                          "all the pages are taken at once");
        for (uint64_t number = 1; number <= 6; number++)
                publish(number);
        mapping = mapping_of(true);
        cr_assert(eq(u64, mapping.huge_kib, mapping.bytes / KIB));

        cr_assert(zero(int, subscribe_to_sealed(SEQCAST_PREFAULT)), "%s", detail.text);
        cr_assert(eq(u32, subscriber_info().memory, SEQCAST_PREFAULT));
        mapping = mapping_of(false);
        cr_assert(eq(u64, mapping.huge_kib, mapping.bytes / KIB));
        expect_read(6);
        cr_assert(eq(int, seqcast_wait(subscriber, 1000000), SEQCAST_TIMEOUT));
        publish(7);
        cr_assert(zero(int, seqcast_wait(subscriber, -1)));
        expect_read(7);
        seqcast_subscriber_close(subscriber);

        cr_assert(zero(int, subscribe_to_sealed(SEQCAST_SHARED | SEQCAST_PREFAULT)), "%s", detail.text);
        expect_read(7);
        seqcast_subscriber_close(subscriber);
        cr_assert(zero(int, subscribe_to_sealed(SEQCAST_ANY_OWNER)), "%s", detail.text);
        expect_read(7);
}

/* More than any machine has set aside. */
Test(memory_options, hugetlb_that_is_not_there_is_an_error_when_opening)
{
        int r;

        if (sizeof(size_t) < 8)
                cr_skip_test("the address space is too small");
        r = publish_with(SEQCAST_RECORD_BYTES_MAX, SEQCAST_HUGETLB | SEQCAST_SEALED);
        if (r == -EOPNOTSUPP)
                cr_skip_test("no pages of the hugetlb kind here: %s", detail.text);
        cr_assert(eq(int, r, -ENOMEM), "%s", detail.text);
        cr_assert(ne(ptr, strstr(detail.text, "vm.nr_hugepages"), NULL), "%s", detail.text);
}

/* ---- re-attaching, sharing, owners that are not trusted ----------------------------------------- */

static void expect_all_of(seqcast_info info)
{
        struct mapping mapping = mapping_of(false);

        cr_assert(eq(u32, info.memory | info.memory_missing, (uint32_t)ALL));
        cr_assert(eq(u64, mapping.present_kib, mapping.bytes / KIB));
        if (huge_page_bytes() != 0)
                cr_assert(zero(u64, mapping.start % huge_page_bytes()));
        if ((info.memory & SEQCAST_LOCK_MEMORY) != 0 && !SANITIZED)
                cr_assert(mapping.locked);
}

static int create_depth(uint32_t depth)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        options.record_bytes = RECORD_BYTES;
        options.depth = depth;
        options.flags = SEQCAST_RECREATE;
        return seqcast_publisher_open(topic_name(), &options, &publisher);
}

static void expect_kept_when_reattached(uint32_t flags)
{
        static const uint32_t depths[] = { 2, 8, 4, 16 };

        need_support();
        cr_assert(zero(int, create_depth(1)));
        cr_assert(zero(int, subscribe_with(ALL | flags)), "%s", detail.text);
        for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
                publisher = seqcast_publisher_close(publisher);
                cr_assert(zero(int, create_depth(depths[i])));
                publish(1);
                cr_assert(zero(int, seqcast_subscriber_reattach(subscriber, &detail)), "%s", detail.text);
                expect_all_of(subscriber_info());
                expect_read(1);
        }
}

Test(memory_options, reattaching_does_the_same_to_the_new_segment)
{
        expect_kept_when_reattached(SEQCAST_REATTACH);
}

Test(memory_options, reattaching_of_a_shared_one_does_so_too)
{
        expect_kept_when_reattached(SEQCAST_REATTACH | SEQCAST_SHARED);
}

Test(memory_options, joined_handles_know_what_is_done)
{
        seqcast_subscriber *joined;
        seqcast_info info;

        need_support();
        cr_assert(zero(int, publish_with(RECORD_BYTES, 0)));
        cr_assert(zero(int, subscribe_with(SEQCAST_PREFAULT | SEQCAST_SHARED)));
        cr_assert(zero(int, seqcast_subscriber_join(subscriber, &joined)));
        seqcast_subscriber_info(joined, &info);
        cr_assert(eq(u32, info.memory, SEQCAST_PREFAULT));
        seqcast_subscriber_close(joined);
}

Test(memory_options, what_is_not_mapped_has_no_such_options)
{
        cr_assert(zero(int, publish_with(64, 0)));
        cr_assert(eq(int, subscribe_with(SEQCAST_ANY_OWNER | SEQCAST_PREFAULT), -EINVAL));
        cr_assert(eq(int, subscribe_with(SEQCAST_ANY_OWNER | SEQCAST_HUGE_PAGES), -EINVAL));
        cr_assert(eq(int, subscribe_with(SEQCAST_ANY_OWNER | SEQCAST_LOCK_MEMORY), -EINVAL));
        cr_assert(ne(ptr, strstr(detail.text, "not mapped"), NULL), "%s", detail.text);
}

/* ---- fork ------------------------------------------------------------------------------------- */

static int read_inherited(void)
{
        seqcast_sample sample;

        PLAY_EXPECT(mapping_of(false).bytes != 0 && !mapping_of(false).locked);
        PLAY_EXPECT(seqcast_read_newest(subscriber, record, sizeof record, &sample) == 0);
        PLAY_EXPECT(record_check(record, sizeof record, sample.number));
        PLAY_EXPECT(seqcast_publish(publisher, record, 1) == -ECHILD);
        return 0;
}

Test(memory_options, a_child_reads_on_without_the_lock)
{
        cr_assert(zero(int, publish_with(RECORD_BYTES, ALL)));
        publish(1);
        cr_assert(zero(int, subscribe_with(ALL)));
        expect_play(read_inherited);
}
