/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "layout/segment_layout.h"
#include "seqcast.h"

#include "../support/record.h"
#include "../support/topic.h"

#define RECORD_BYTES 64u

static unsigned descriptors_before;
static seqcast_publisher *publisher;
static seqcast_subscriber *subscriber;
static seqcast_detail detail;
static unsigned char record[256];
static seqcast_sample sample;

static void note_what_is_open(void)
{
        descriptors_before = count_descriptors();
}

static void expect_nothing_left(void)
{
        close_and_expect_none_left(subscriber, publisher, descriptors_before);
}

TestSuite(subscriber, .init = note_what_is_open, .fini = expect_nothing_left, .timeout = 30);

static void open_both(uint32_t depth, uint32_t flags)
{
        cr_assert(zero(int, open_publisher(RECORD_BYTES, depth, flags, &publisher)));
        cr_assert(zero(int, open_subscriber(&subscriber)));
}

static void publish_up_to(uint64_t number)
{
        unsigned char bytes[RECORD_BYTES];

        for (uint64_t i = seqcast_publisher_version(publisher) + 1; i <= number; i++) {
                record_fill(bytes, sizeof bytes, i);
                cr_assert(zero(int, seqcast_publish(publisher, bytes, sizeof bytes)));
        }
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
        cr_assert(eq(u64, sample.bytes, RECORD_BYTES));
        cr_assert(zero(u32, sample.retired));
        cr_assert(record_check(record, RECORD_BYTES, number));
}

static seqcast_status status_now(void)
{
        seqcast_status status;

        cr_assert(zero(int, seqcast_subscriber_status(subscriber, &status)));
        return status;
}

static void expect_refusal(const char *topic, seqcast_subscriber_options options, int error)
{
        seqcast_subscriber *const untouched = (void *)record;
        seqcast_subscriber *opened = untouched;
        unsigned descriptors = count_descriptors();

        memset(&detail, 0, sizeof detail);
        options.ret_detail = &detail;
        cr_assert(eq(int, seqcast_subscriber_open(topic, &options, &opened), error), "%s", detail.text);
        cr_assert(eq(ptr, (void *)opened, (void *)untouched));
        cr_assert(lt(sz, 0, strlen(detail.text)), "a reason is given");
        cr_assert(eq(uint, count_descriptors(), descriptors));
        options.ret_detail = NULL;
        cr_assert(eq(int, seqcast_subscriber_open(topic, &options, &opened), error));
}

static const seqcast_subscriber_options defaults = SEQCAST_SUBSCRIBER_OPTIONS;

/* ---- opening -------------------------------------------------------------------------------- */

Test(subscriber, finds_no_topic_where_there_is_none)
{
        expect_refusal(topic_name(), defaults, -ENOENT);
}

static int64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

Test(subscriber, waits_for_a_topic_no_longer_than_it_was_told)
{
        seqcast_subscriber_options options = defaults;
        int64_t start = now_ns();

        options.timeout_ns = 30000000;
        cr_assert(eq(int, seqcast_subscriber_open(topic_name(), &options, &subscriber), -ETIMEDOUT));
        cr_assert(ge(i64, now_ns() - start, options.timeout_ns));
}

static void *open_publisher_late(void *ignored)
{
        const struct timespec a_moment = { 0, 50000000 };

        (void)ignored;
        nanosleep(&a_moment, NULL);
        return open_publisher(RECORD_BYTES, 4, 0, &publisher) == 0 ? &publisher : NULL;
}

Test(subscriber, waits_for_a_topic_to_appear)
{
        static const int64_t timeouts[] = { INT64_C(20000000000), -1 };

        for (size_t i = 0; i < 2; i++) {
                seqcast_subscriber_options options = defaults;
                pthread_t thread;
                void *opened;

                options.timeout_ns = timeouts[i];
                pthread_create(&thread, NULL, open_publisher_late, NULL);
                cr_assert(zero(int, seqcast_subscriber_open(topic_name(), &options, &subscriber)));
                pthread_join(thread, &opened);
                cr_assert(ne(ptr, opened, NULL));
                subscriber = seqcast_subscriber_close(subscriber);
                cr_assert(zero(int, seqcast_publisher_remove(publisher)));
                publisher = seqcast_publisher_close(publisher);
        }
}

Test(subscriber, refuses_options_it_does_not_know)
{
        struct {
                seqcast_subscriber_options known;
                uint64_t unknown;
        } later = { defaults, 1 };
        seqcast_subscriber_options options = defaults;

        cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, 0, &publisher)));
        options.flags = 1u << 30;
        expect_refusal(topic_name(), options, -EINVAL);
        later.known.size = sizeof later;
        cr_assert(eq(int, seqcast_subscriber_open(topic_name(), &later.known, &subscriber), -EINVAL));
        later.unknown = 0;
        cr_assert(zero(int, seqcast_subscriber_open(topic_name(), &later.known, &subscriber)));
}

Test(subscriber, insists_on_a_schema_if_it_has_one)
{
        struct quote {
                int64_t bid, ask;
        };
        seqcast_publisher_options publishing = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_subscriber_options options = defaults;
        seqcast_schema *schema;

        publishing.schema = SEQCAST_SCHEMA(struct quote, bid, ask);
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &publishing, &publisher)));
        options.schema = SEQCAST_SCHEMA(struct quote, bid);
        expect_refusal(topic_name(), options, -EPROTOTYPE);
        cr_assert(zero(int, seqcast_schema_parse("bid:i64,qty:i64", &schema, NULL)));
        options.schema = schema;
        expect_refusal(topic_name(), options, -EPROTOTYPE);
        seqcast_schema_free(schema);
        options.schema = publishing.schema;
        cr_assert(zero(int, seqcast_subscriber_open(topic_name(), &options, &subscriber)));
        cr_assert(zero(int,
                       seqcast_schema_compare(seqcast_subscriber_schema(subscriber), options.schema, NULL)));
}

Test(subscriber, an_opaque_topic_has_no_schema)
{
        seqcast_subscriber_options options = defaults;
        seqcast_schema *schema;

        open_both(4, 0);
        cr_assert(zero(ptr, (void *)seqcast_subscriber_schema(subscriber)));
        cr_assert(zero(int, seqcast_schema_parse("bid:i64;size=64", &schema, NULL)));
        options.schema = schema;
        expect_refusal(topic_name(), options, -EPROTOTYPE);
        seqcast_schema_free(schema);
}

Test(subscriber, tells_what_the_segment_is)
{
        seqcast_info info, published;

        open_both(8, SEQCAST_TIMES);
        seqcast_subscriber_info(subscriber, &info);
        seqcast_publisher_info(publisher, &published);
        cr_assert(eq(u64, info.record_bytes, RECORD_BYTES));
        cr_assert(eq(u32, info.depth, 8));
        cr_assert(eq(u32, info.times, 1));
        cr_assert(eq(u64, info.incarnation, published.incarnation));
        cr_assert(eq(u64, info.segment_bytes, published.segment_bytes));
        cr_assert(eq(u64, info.creator_pid, (uint64_t)getpid()));
        cr_assert(eq(u32, info.mode, 0600));
        cr_assert(eq(u32, info.owner, geteuid()));
        cr_assert(eq(str, info.creator, published.creator));
}

/* ---- opening what is no segment, or a damaged one ------------------------------------------- */

static void make_file(const void *bytes, size_t count, off_t size, mode_t mode)
{
        int fd = open(topic_path(), O_RDWR | O_CREAT | O_TRUNC, 0600);

        cr_assert(eq(int, (int)write(fd, bytes, count), (int)count));
        cr_assert(zero(int, ftruncate(fd, size)));
        cr_assert(zero(int, fchmod(fd, mode)));
        close(fd);
}

Test(subscriber, refuses_what_is_no_segment)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        options.record_bytes = RECORD_BYTES;
        make_file("", 0, 0, 0600);
        expect_refusal(topic_name(), defaults, -EPROTO);
        make_file("short", 5, 5, 0600);
        expect_refusal(topic_name(), defaults, -EPROTO);
        make_file("something else", 14, 100000, 0600);
        expect_refusal(topic_name(), defaults, -EPROTO);
        make_file("", 0, 100000, 0600);
        expect_refusal(topic_name(), defaults, -EAGAIN);
        cr_assert(eq(int, seqcast_publisher_open(topic_name(), &options, &publisher), -EPROTO));
}

Test(subscriber, refuses_what_is_no_file_and_does_not_hang_on_it, .timeout = 10)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        options.record_bytes = RECORD_BYTES;
        cr_assert(zero(int, mkfifo(topic_path(), 0600)));
        expect_refusal(topic_name(), defaults, -EPROTO);
        cr_assert(eq(int, seqcast_publisher_open(topic_name(), &options, &publisher), -EPROTO));
        topic_remove();

        cr_assert(zero(int, mkdir(topic_path(), 0700)));
        expect_refusal(topic_name(), defaults, -EPROTO);
        cr_assert(eq(int, seqcast_publisher_open(topic_name(), &options, &publisher), -EPROTO));
        topic_remove();

        cr_assert(zero(int, symlink("/etc/passwd", topic_path())));
        expect_refusal(topic_name(), defaults, -EPROTO);
        cr_assert(eq(int, seqcast_publisher_open(topic_name(), &options, &publisher), -EPROTO));
        topic_remove();

        cr_assert(zero(int, symlink("nothing", topic_path())));
        expect_refusal(topic_name(), defaults, -EPROTO);
        cr_assert(eq(int, seqcast_publisher_open(topic_name(), &options, &publisher), -EPROTO));
        topic_remove();

        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        strcpy(address.sun_path, topic_path());
        cr_assert(zero(int, bind(fd, (struct sockaddr *)&address, sizeof address)));
        close(fd);
        expect_refusal(topic_name(), defaults, -EPROTO);
        cr_assert(eq(int, seqcast_publisher_open(topic_name(), &options, &publisher), -EPROTO));
}

Test(subscriber, refuses_what_others_may_write)
{
        static const mode_t modes[] = { 0620, 0602, 0666, 0660 };

        open_both(4, 0);
        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
                cr_assert(zero(int, chmod(topic_path(), modes[i])));
                expect_refusal(topic_name(), defaults, -EPERM);
        }
        publisher = seqcast_publisher_close(publisher);
        cr_assert(eq(int, seqcast_publisher_open(topic_name(), NULL, &publisher), -EPERM));
        cr_assert(zero(int, chmod(topic_path(), 0644)));
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), NULL, &publisher)));
}

static const uid_t stranger = 1234, owner = 4321;

static void become(uid_t uid)
{
        if (setgid(uid) != 0 || setuid(uid) != 0)
                _exit(99);
}

static int in_child_as(uid_t uid, int (*open_topic)(void))
{
        int status;
        pid_t child = fork();

        if (child == 0) {
                become(uid);
                _exit(-open_topic());
        }
        waitpid(child, &status, 0);
        return -WEXITSTATUS(status);
}

static int open_trusting_nobody(void)
{
        return seqcast_subscriber_open(topic_name(), NULL, &subscriber);
}

static int open_trusting_the_owner(void)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;

        options.flags = SEQCAST_SET_OWNER;
        options.owner = owner;
        return seqcast_subscriber_open(topic_name(), &options, &subscriber);
}

static int open_for_publishing(void)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        options.record_bytes = RECORD_BYTES;
        options.flags = SEQCAST_REPLACE;
        return seqcast_publisher_open(topic_name(), &options, &publisher);
}

Test(subscriber, trusts_root_itself_and_whom_it_names)
{
        if (geteuid() != 0)
                cr_skip_test("only root can act for other users");
        cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, 0, &publisher)));
        publisher = seqcast_publisher_close(publisher);
        cr_assert(eq(int, in_child_as(stranger, open_trusting_nobody), -EACCES), "mode 0600");
        cr_assert(zero(int, chmod(topic_path(), 0644)));
        cr_assert(zero(int, in_child_as(stranger, open_trusting_nobody)), "root's");
        cr_assert(eq(int, in_child_as(stranger, open_for_publishing), -EACCES));
        cr_assert(zero(int, chown(topic_path(), owner, owner)));
        cr_assert(zero(int, in_child_as(owner, open_trusting_nobody)), "one's own");
        cr_assert(eq(int, in_child_as(stranger, open_trusting_nobody), -EPERM), "a stranger's");
        cr_assert(zero(int, in_child_as(stranger, open_trusting_the_owner)), "named");
        cr_assert(eq(int, open_trusting_nobody(), -EPERM), "not even root");
        cr_assert(eq(int, open_for_publishing(), -EPERM), "nor to publish");
        cr_assert(zero(int, in_child_as(owner, open_for_publishing)));
}

struct damage {
        const char *why;
        size_t offset;
        uint64_t value;
        int result;
};

Test(subscriber, refuses_a_damaged_segment)
{
        static const struct damage rows[] = {
                { "no magic", offsetof(struct seqcast__segment_header, magic), 0, -EAGAIN },
                { "another magic", offsetof(struct seqcast__segment_header, magic), 1, -EPROTO },
                { "a larger segment", offsetof(struct seqcast__segment_header, segment_bytes), 1 << 20,
                  -EPROTO },
                { "a wild stride", offsetof(struct seqcast__segment_header, slot_stride), UINT64_MAX,
                  -EPROTO },
                { "a feature", offsetof(struct seqcast__segment_header, features_required), 2,
                  -EPROTONOSUPPORT },
                { "schema text that is none", SEQCAST__SCHEMA_OFFSET, UINT64_MAX, -EPROTO },
                { "schema text that ends early", SEQCAST__SCHEMA_OFFSET, 'b', -EPROTO },
        };
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_schema *schema;
        int fd;

        cr_assert(zero(int, seqcast_schema_parse("bid:i64,ask:i64", &schema, NULL)));
        options.schema = schema;
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)));
        publisher = seqcast_publisher_close(publisher);
        fd = open(topic_path(), O_RDWR);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                uint64_t before;

                cr_assert(eq(int, (int)pread(fd, &before, 8, (off_t)rows[i].offset), 8));
                cr_assert(eq(int, (int)pwrite(fd, &rows[i].value, 8, (off_t)rows[i].offset), 8));
                expect_refusal(topic_name(), defaults, rows[i].result);
                cr_assert(eq(int, seqcast_publisher_open(topic_name(), &options, &publisher),
                             rows[i].result == -EAGAIN ? -EPROTO : rows[i].result),
                          "%s", rows[i].why);
                cr_assert(eq(int, (int)pwrite(fd, &before, 8, (off_t)rows[i].offset), 8));
        }
        cr_assert(zero(int, ftruncate(fd, 4096)));
        expect_refusal(topic_name(), defaults, -EPROTO);
        cr_assert(ne(ptr, strstr(detail.text, "truncated"), NULL), "%s", detail.text);
        close(fd);
        seqcast_schema_free(schema);
}

/* ---- reading -------------------------------------------------------------------------------- */

Test(subscriber, reads_nothing_before_the_first_publication)
{
        const void *looked_at = record;
        const seqcast_read_part part = { 0, 1, record };
        seqcast_sample untouched;

        memset(&sample, 0xaa, sizeof sample);
        memcpy(&untouched, &sample, sizeof sample);
        open_both(4, 0);
        cr_assert(eq(int, newest(), SEQCAST_EMPTY));
        cr_assert(eq(int, next(), SEQCAST_EMPTY));
        cr_assert(eq(int, seqcast_read_newest_parts(subscriber, &part, 1, &sample), SEQCAST_EMPTY));
        cr_assert(eq(int, seqcast_read_next_parts(subscriber, &part, 1, &sample), SEQCAST_EMPTY));
        cr_assert(eq(int, seqcast_read_begin(subscriber, &looked_at, &sample), SEQCAST_EMPTY));
        cr_assert(eq(ptr, (void *)(uintptr_t)looked_at, (void *)record));
        cr_assert(eq(int, seqcast_read_end(subscriber), -EINVAL));
        cr_assert(zero(int, memcmp(&sample, &untouched, sizeof sample)));
        cr_assert(zero(u64, seqcast_subscriber_version(subscriber)));
        publish_up_to(3);
        cr_assert(zero(int, next()));
        expect_sample(1, 0);
}

Test(subscriber, reads_newest_and_next)
{
        open_both(4, 0);
        publish_up_to(3);
        subscriber = seqcast_subscriber_close(subscriber);
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(zero(int, next()));
        expect_sample(3, 0);
        cr_assert(eq(int, next(), SEQCAST_NONE));
        publish_up_to(5);
        cr_assert(zero(int, next()));
        expect_sample(4, 0);
        cr_assert(zero(int, newest()));
        expect_sample(5, 0);
        cr_assert(eq(int, next(), SEQCAST_NONE));
        publish_up_to(20);
        cr_assert(zero(int, next()));
        expect_sample(18, 12);
        publish_up_to(30);
        cr_assert(zero(int, newest()));
        expect_sample(30, 11);
        publish_up_to(31);
        seqcast_subscriber_skip(subscriber);
        cr_assert(eq(int, next(), SEQCAST_NONE));
        cr_assert(eq(u64, seqcast_subscriber_version(subscriber), 31));
        cr_assert(zero(int, seqcast_read_newest(subscriber, record, sizeof record, NULL)));
}

Test(subscriber, says_when_a_buffer_is_too_small)
{
        open_both(4, 0);
        publish_up_to(1);
        cr_assert(eq(int, seqcast_read_newest(subscriber, record, RECORD_BYTES - 1, &sample), -EMSGSIZE));
        cr_assert(eq(int, seqcast_read_next(subscriber, record, 0, &sample), -EMSGSIZE));
        cr_assert(zero(int, next()), "it counts as not delivered");
        expect_sample(1, 0);
}

Test(subscriber, reads_parts)
{
        unsigned char a[3], b[8];
        seqcast_read_part parts[SEQCAST_PARTS_MAX + 1] = { { 5, 3, a }, { 48, 8, b } };

        open_both(4, 0);
        publish_up_to(2);
        cr_assert(zero(int, seqcast_read_newest_parts(subscriber, parts, 2, &sample)));
        cr_assert(eq(u64, sample.bytes, RECORD_BYTES));
        cr_assert(record_check_part(a, 5, 3, 2));
        cr_assert(record_check_part(b, 48, 8, 2));
        publish_up_to(3);
        cr_assert(zero(int, seqcast_read_next_parts(subscriber, parts, 2, &sample)));
        cr_assert(eq(u64, sample.number, 3));
        cr_assert(record_check_part(b, 48, 8, 3));
        cr_assert(eq(int, seqcast_read_next_parts(subscriber, parts, 2, &sample), SEQCAST_NONE));
        parts[1].offset = 57;
        cr_assert(eq(int, seqcast_read_newest_parts(subscriber, parts, 2, &sample), -ERANGE));
        cr_assert(eq(int, seqcast_read_newest_parts(subscriber, parts, SEQCAST_PARTS_MAX + 1, &sample),
                     -E2BIG));
        cr_assert(
                eq(int, seqcast_read_next_parts(subscriber, parts, SEQCAST_PARTS_MAX + 1, &sample), -E2BIG));
        cr_assert(zero(int, seqcast_read_newest_parts(subscriber, parts, 1, NULL)));
}

Test(subscriber, looks_at_a_record_in_place)
{
        const void *looked_at;

        open_both(2, 0);
        publish_up_to(1);
        cr_assert(eq(int, seqcast_read_end(subscriber), -EINVAL));
        cr_assert(zero(int, seqcast_read_begin(subscriber, &looked_at, &sample)));
        cr_assert(eq(u64, sample.number, 1));
        cr_assert(eq(u64, sample.bytes, RECORD_BYTES));
        cr_assert(record_check(looked_at, RECORD_BYTES, 1));
        publish_up_to(2);
        cr_assert(zero(int, seqcast_read_end(subscriber)), "its slot was not touched");
        cr_assert(eq(int, seqcast_read_end(subscriber), -EINVAL));
        cr_assert(zero(int, next()), "1 was delivered");
        expect_sample(2, 0);

        cr_assert(zero(int, seqcast_read_begin(subscriber, &looked_at, NULL)));
        publish_up_to(4);
        cr_assert(eq(int, seqcast_read_end(subscriber), SEQCAST_OVERWRITTEN));
        cr_assert(zero(int, next()));
        expect_sample(3, 0);
}

Test(subscriber, a_look_that_was_not_ended_delivers_nothing)
{
        const void *looked_at;

        open_both(4, 0);
        publish_up_to(1);
        cr_assert(zero(int, seqcast_read_begin(subscriber, &looked_at, NULL)));
        cr_assert(zero(int, next()));
        expect_sample(1, 0);
}

Test(subscriber, numbers_do_not_go_backwards_when_a_look_ends_late)
{
        const void *looked_at;

        open_both(4, 0);
        publish_up_to(1);
        cr_assert(zero(int, seqcast_read_begin(subscriber, &looked_at, &sample)));
        publish_up_to(3);
        cr_assert(zero(int, newest()));
        expect_sample(3, 2);
        cr_assert(zero(int, seqcast_read_end(subscriber)), "the record held");
        cr_assert(eq(int, next(), SEQCAST_NONE), "3 was delivered already");
        cr_assert(zero(int, newest()));
        expect_sample(3, 0);
}

static unsigned char *faulting_page;

/* The reader stores to a page that is not there yet: it is in the middle of its copy. */
static void lap_the_reader(int signal_number)
{
        (void)signal_number;
        mprotect(faulting_page, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE);
        publish_up_to(5);
}

static void count_a_lap(int (*read_once)(void))
{
        struct sigaction action = { .sa_handler = lap_the_reader };

        open_both(4, 0);
        publish_up_to(1);
        faulting_page =
                mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        cr_assert(zero(int, sigaction(SIGSEGV, &action, NULL)));
        cr_assert(zero(int, read_once()));
        cr_assert(eq(u64, sample.number, 5));
        cr_assert(eq(u64, seqcast_subscriber_retries(subscriber), 1));
}

static int newest_into_the_page(void)
{
        return seqcast_read_newest(subscriber, faulting_page, RECORD_BYTES, &sample);
}

static int part_into_the_page(void)
{
        const seqcast_read_part part = { 0, 8, faulting_page };

        return seqcast_read_newest_parts(subscriber, &part, 1, &sample);
}

Test(subscriber, counts_an_attempt_that_was_thrown_away_though_the_next_one_succeeded)
{
        count_a_lap(newest_into_the_page);
}

Test(subscriber, counts_an_attempt_to_read_a_part_that_was_thrown_away)
{
        count_a_lap(part_into_the_page);
}

Test(subscriber, of_depth_one_is_told_that_a_publication_never_ended)
{
        uint64_t *slot;
        void *base;
        seqcast_info info;
        const struct seqcast__segment_header *header;
        const void *looked_at;
        int fd;

        open_both(1, 0);
        publish_up_to(1);
        seqcast_subscriber_info(subscriber, &info);
        fd = open(topic_path(), O_RDWR);
        base = mmap(NULL, info.segment_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        header = base;
        slot = (void *)((char *)base + header->slots_offset);
        cr_assert(eq(u64, slot[0], 2));
        slot[0] = 3;
        cr_assert(eq(u64, seqcast_subscriber_retries(subscriber), 0));
        cr_assert(eq(int, newest(), SEQCAST_BUSY));
        cr_assert(eq(int, next(), SEQCAST_BUSY));
        cr_assert(eq(u64, seqcast_subscriber_retries(subscriber), 2 * SEQCAST_READ_ATTEMPTS_MAX));
        cr_assert(eq(int, seqcast_read_begin(subscriber, &looked_at, &sample), SEQCAST_BUSY));
        cr_assert(eq(u64, seqcast_subscriber_retries(subscriber), 3 * SEQCAST_READ_ATTEMPTS_MAX));
        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), NULL, &publisher)));
        cr_assert(eq(int, seqcast_publish_parts(publisher, NULL, 0), -ENODATA));
        publish_up_to(2);
        cr_assert(zero(int, next()));
        expect_sample(2, 1);
        munmap(base, info.segment_bytes);
}

Test(subscriber, a_child_of_fork_goes_on_reading)
{
        int status;

        open_both(4, 0);
        publish_up_to(1);
        cr_assert(zero(int, newest()));
        publish_up_to(2);
        if (fork() == 0)
                _exit(next() == 0 && sample.number == 2 && status_now().liveness == SEQCAST_LIVE ? 0 : 1);
        wait(&status);
        cr_assert(zero(int, status));
        cr_assert(zero(int, next()), "each has a position of its own");
        expect_sample(2, 0);
}

/* ---- status --------------------------------------------------------------------------------- */

Test(subscriber, knows_whether_somebody_publishes)
{
        open_both(4, 0);
        cr_assert(eq(u32, status_now().liveness, SEQCAST_LIVE));
        publisher = seqcast_publisher_close(publisher);
        cr_assert(eq(u32, status_now().liveness, SEQCAST_UNPUBLISHED));
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), NULL, &publisher)));
        publish_up_to(2);
        cr_assert(eq(u32, status_now().liveness, SEQCAST_LIVE));
        cr_assert(eq(u64, status_now().version, 2));
        cr_assert(eq(u64, status_now().epoch, 2));
        cr_assert(eq(u64, status_now().publisher_pid, (uint64_t)getpid()));
        cr_assert(lt(sz, 0, strlen(status_now().program)));
        publisher = seqcast_publisher_close(publisher);
        cr_assert(eq(u32, status_now().liveness, SEQCAST_LEFT));
        cr_assert(zero(u32, status_now().detached));
        cr_assert(zero(int, newest()), "the value is still there");
        topic_remove();
        cr_assert(eq(u32, status_now().detached, 1));
        cr_assert(eq(u32, status_now().liveness, SEQCAST_LEFT));
        cr_assert(zero(int, newest()));
        cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, 0, &publisher)));
        cr_assert(eq(u32, status_now().detached, 1), "the name stands for another segment");
}

Test(subscriber, a_read_lock_of_another_subscriber_is_no_publisher)
{
        struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1 };
        int fd;

        open_both(4, 0);
        publish_up_to(1);
        publisher = seqcast_publisher_close(publisher);
        fd = open(topic_path(), O_RDONLY);
        cr_assert(zero(int, fcntl(fd, F_SETLK, &lock)));
        cr_assert(eq(u32, status_now().liveness, SEQCAST_LEFT));
        close(fd);
}

Test(subscriber, knows_how_old_a_record_is_where_times_are_stored)
{
        const struct timespec a_moment = { 0, 20000000 };
        struct timespec now;

        open_both(4, SEQCAST_TIMES);
        cr_assert(eq(i64, status_now().age_ns, -1), "nothing was published");
        publish_up_to(1);
        clock_gettime(CLOCK_BOOTTIME, &now);
        cr_assert(zero(int, newest()));
        cr_assert(lt(i64, 0, sample.time_ns));
        cr_assert(le(i64, sample.time_ns, now.tv_sec * INT64_C(1000000000) + now.tv_nsec));
        nanosleep(&a_moment, NULL);
        cr_assert(ge(i64, status_now().age_ns, 20000000));
        publish_up_to(2);
        cr_assert(zero(int, next()));
        cr_assert(zero(int, newest()));
        cr_assert(lt(i64, now.tv_sec * INT64_C(1000000000) + now.tv_nsec, sample.time_ns));
}

Test(subscriber, knows_no_age_where_no_times_are_stored)
{
        open_both(4, 0);
        publish_up_to(1);
        cr_assert(zero(int, newest()));
        cr_assert(zero(i64, sample.time_ns));
        cr_assert(eq(i64, status_now().age_ns, -1));
}

Test(subscriber, strips_what_no_terminal_should_see)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        options.record_bytes = 8;
        options.program = "\x1b[31mred\n, a name that is far too long for its field";
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(eq(str, status_now().program, "?[31mred?,?a?name?that?is?far?t"));
}

Test(subscriber, closing_nothing_does_nothing)
{
        cr_assert(zero(ptr, seqcast_subscriber_close(NULL)));
}

/* A publisher that died between W4 and W5 has delivered a record that was never announced. Replacing
 * its segment must not leave the reader of that record waiting for ever. */
Test(subscriber, learns_of_a_replacement_after_an_unannounced_record)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        const struct seqcast__segment_header *header;
        seqcast_info info;
        uint64_t *version;
        void *base;
        int fd;

        open_both(4, 0);
        publish_up_to(6);
        seqcast_subscriber_info(subscriber, &info);
        fd = open(topic_path(), O_RDWR);
        base = mmap(NULL, info.segment_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        header = base;
        version = (void *)((char *)base + header->control_offset);
        cr_assert(eq(u64, *version, 6));
        *version = 5; /* as if W5 had not come */
        munmap(base, info.segment_bytes);
        publisher = seqcast_publisher_close(publisher);
        seqcast_subscriber_skip(subscriber);
        cr_assert(zero(int, next()));
        expect_sample(6, 0);

        options.record_bytes = 2 * RECORD_BYTES;
        options.flags = SEQCAST_REPLACE;
        cr_assert(zero(int, seqcast_publisher_open(topic_name(), &options, &publisher)));
        cr_assert(eq(int, next(), SEQCAST_RETIRED));
        cr_assert(zero(int, newest()), "the last record stays readable");
        cr_assert(eq(u64, sample.number, 6));
        cr_assert(eq(u32, sample.retired, 1));
}
