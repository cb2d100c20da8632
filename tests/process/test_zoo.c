/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The zoo: whatever may stand under a topic's name that is not a segment of ours, as a subscriber and a
 * publisher meet it. Each is refused with its own error and sentence, without delay, and stays as it was. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "layout/segment_layout.h"
#include "seqcast.h"

#include "../support/attempt.h"
#include "../support/record.h"

/* As sentences name it. */
#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number
#define LIBRARY TEXT(SEQCAST_VERSION_MAJOR) "." TEXT(SEQCAST_VERSION_MINOR) "." TEXT(SEQCAST_VERSION_PATCH)

static unsigned descriptors_before;
static unsigned shown; /* specimens, for the figures */

static void set_up(void)
{
        topic_name(); /* the children inherit it */
        descriptors_before = count_descriptors();
}

static const char *other_path(void)
{
        static char path[112];

        snprintf(path, sizeof path, "%s-other", topic_path());
        return path;
}

static void clean_up(void)
{
        topic_remove();
        unlink(other_path());
        expect_none_left("the descriptors", count_descriptors() - descriptors_before);
        expect_none_left("the objects in shared memory", count_objects());
}

/* An open that hangs, on a FIFO say, runs into the time limit. */
TestSuite(zoo, .init = set_up, .fini = clean_up, .timeout = 10);

/* ---- specimens ------------------------------------------------------------------------------ */

struct specimen {
        const char *what;
        void (*put)(const struct specimen *specimen);
        uint64_t offset, bytes, value; /* for `put`: what to change in a segment, or sizes, or a mode */
        int subscriber;
        const char *subscriber_says;
        int publisher;
        const char *publisher_says;
        int replacing; /* a publisher that may replace what does not fit */
};

static void make_segment(void)
{
        seqcast_publisher *publisher;
        unsigned char record[ATTEMPT_RECORD_BYTES];

        record_fill(record, sizeof record, 1);
        cr_assert(zero(int, open_publisher(sizeof record, 4, 0, &publisher)));
        cr_assert(zero(int, seqcast_publish(publisher, record, sizeof record)));
        seqcast_publisher_close(publisher);
}

static void put_bytes(const struct specimen *specimen)
{
        int fd;

        make_segment();
        fd = open(topic_path(), O_RDWR);
        cr_assert(eq(sz, (size_t)pwrite(fd, &specimen->value, specimen->bytes, (off_t)specimen->offset),
                     specimen->bytes));
        close(fd);
}

static void put_resized(const struct specimen *specimen)
{
        make_segment();
        cr_assert(zero(int, truncate(topic_path(), (off_t)specimen->bytes)));
}

static void put_mode(const struct specimen *specimen)
{
        make_segment();
        cr_assert(zero(int, chmod(topic_path(), (mode_t)specimen->value)));
}

static void put_stranger(const struct specimen *specimen)
{
        make_segment();
        cr_assert(zero(int, chown(topic_path(), (uid_t)specimen->value, (gid_t)specimen->value)));
        cr_assert(zero(int, chmod(topic_path(), 0644)));
}

static void put_text(const struct specimen *specimen)
{
        static const char text[] = "hello, world; ";
        int fd = open(topic_path(), O_RDWR | O_CREAT | O_EXCL, 0600);

        for (uint64_t at = 0; at < specimen->bytes; at += sizeof text - 1)
                cr_assert(lt(int, 0, (int)pwrite(fd, text, sizeof text - 1, (off_t)at)));
        cr_assert(zero(int, ftruncate(fd, (off_t)specimen->bytes)));
        close(fd);
}

static void put_zeros(const struct specimen *specimen)
{
        int fd = open(topic_path(), O_RDWR | O_CREAT | O_EXCL, 0600);

        cr_assert(zero(int, ftruncate(fd, (off_t)specimen->bytes)));
        close(fd);
}

/* As a machine of the other byte order would have written it. */
static void put_swapped(const struct specimen *specimen)
{
        uint64_t magic = __builtin_bswap64(SEQCAST__MAGIC);
        uint32_t order = __builtin_bswap32(SEQCAST__BYTE_ORDER);
        int fd;

        (void)specimen;
        make_segment();
        fd = open(topic_path(), O_RDWR);
        cr_assert(eq(int, (int)pwrite(fd, &magic, sizeof magic, 0), 8));
        cr_assert(eq(int, (int)pwrite(fd, &order, sizeof order, 8), 4));
        close(fd);
}

static void put_fifo(const struct specimen *specimen)
{
        (void)specimen;
        cr_assert(zero(int, mkfifo(topic_path(), 0600)));
}

static void put_directory(const struct specimen *specimen)
{
        (void)specimen;
        cr_assert(zero(int, mkdir(topic_path(), 0700)));
}

static void put_socket(const struct specimen *specimen)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        (void)specimen;
        strcpy(address.sun_path, topic_path());
        cr_assert(zero(int, bind(fd, (struct sockaddr *)&address, sizeof address)));
        close(fd);
}

static void put_link_to_file(const struct specimen *specimen)
{
        (void)specimen;
        cr_assert(zero(int, symlink("/etc/passwd", topic_path())));
}

static void put_link_to_nothing(const struct specimen *specimen)
{
        (void)specimen;
        cr_assert(zero(int, symlink(other_path(), topic_path())));
}

static void put_link_to_itself(const struct specimen *specimen)
{
        (void)specimen;
        cr_assert(zero(int, symlink(topic_path(), topic_path())));
}

static void put_link_to_segment(const struct specimen *specimen)
{
        (void)specimen;
        make_segment();
        cr_assert(zero(int, rename(topic_path(), other_path())));
        cr_assert(zero(int, symlink(other_path(), topic_path())));
}

/* ---- meeting them --------------------------------------------------------------------------- */

static struct stat status_of(const char *path)
{
        struct stat status;

        cr_assert(zero(int, lstat(path, &status)), "%s", path);
        return status;
}

static void expect_untouched(const struct stat *before, const char *what)
{
        struct stat now = status_of(topic_path());

        cr_expect(now.st_ino == before->st_ino && now.st_mode == before->st_mode &&
                          now.st_uid == before->st_uid && now.st_nlink == before->st_nlink &&
                          now.st_size == before->st_size && now.st_blocks == before->st_blocks &&
                          now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
                          now.st_mtim.tv_nsec == before->st_mtim.tv_nsec,
                  "%s: it was changed", what);
}

static void expect_attempt(struct attempt attempt, int result, const char *says, const char *what,
                           const char *who)
{
        cr_expect(eq(int, attempt.result, result), "%s, %s: %s", what, who, attempt.detail.text);
        cr_expect(eq(str, attempt.detail.text, (char *)says), "%s, %s", what, who);
        cr_expect(eq(uint, count_descriptors(), descriptors_before), "%s, %s: descriptors", what, who);
}

static void show(const struct specimen *specimen)
{
        struct stat before;
        struct attempt replacing;
        unsigned objects;

        specimen->put(specimen);
        before = status_of(topic_path());
        objects = count_objects();
        expect_attempt(attempt_subscriber(), specimen->subscriber, specimen->subscriber_says, specimen->what,
                       "subscriber");
        expect_untouched(&before, specimen->what);
        expect_attempt(attempt_publisher(), specimen->publisher, specimen->publisher_says, specimen->what,
                       "publisher");
        if (specimen->publisher != 0)
                expect_untouched(&before, specimen->what);
        replacing = attempt_replacing();
        cr_expect(eq(int, replacing.result, specimen->replacing), "%s, replacing: %s", specimen->what,
                  replacing.detail.text);
        if (specimen->replacing != 0)
                expect_untouched(&before, specimen->what);
        else if (specimen->publisher != 0)
                cr_expect(ne(u64, (uint64_t)status_of(topic_path()).st_ino, (uint64_t)before.st_ino), "%s",
                          specimen->what);
        if (specimen->replacing == 0)
                cr_expect(zero(int, attempt_subscriber().result), "%s", specimen->what);
        cr_expect(eq(uint, count_objects(), objects), "%s: objects", specimen->what);
        topic_remove();
        unlink(other_path());
        shown++;
}

static void show_all(const struct specimen *specimens, size_t count)
{
        for (size_t i = 0; i < count; i++)
                show(&specimens[i]);
        fprintf(stderr, "specimens shown to a subscriber, a publisher, and one that may replace: %u\n",
                shown);
}

#define SHOW_ALL(specimens) show_all(specimens, sizeof(specimens) / sizeof *(specimens))

#define BOTH(error, says) error, says, error, says

/* ---- what is no file ------------------------------------------------------------------------ */

#define A_LINK "not a segment of this library (a symbolic link)"
#define NO_FILE "not a segment of this library (not a regular file)"

Test(zoo, what_is_no_file_is_left_alone)
{
        static const struct specimen specimens[] = {
                { "a link to a file", put_link_to_file, 0, 0, 0, BOTH(-EPROTO, A_LINK), -EPROTO },
                { "a link to nothing", put_link_to_nothing, 0, 0, 0, BOTH(-EPROTO, A_LINK), -EPROTO },
                { "a link to itself", put_link_to_itself, 0, 0, 0, BOTH(-EPROTO, A_LINK), -EPROTO },
                { "a link to a segment", put_link_to_segment, 0, 0, 0, BOTH(-EPROTO, A_LINK), -EPROTO },
                { "a FIFO", put_fifo, 0, 0, 0, BOTH(-EPROTO, NO_FILE), -EPROTO },
                { "a directory", put_directory, 0, 0, 0, BOTH(-EPROTO, NO_FILE), -EPROTO },
                { "a socket", put_socket, 0, 0, 0, BOTH(-EPROTO, NO_FILE), -EPROTO },
        };

        SHOW_ALL(specimens);
}

Test(zoo, a_link_to_nothing_creates_nothing)
{
        put_link_to_nothing(NULL);
        attempt_replacing();
        cr_assert(ne(int, access(other_path(), F_OK), 0));
}

/* A reader and a writer are there, so that opening it for either would succeed at once. */
Test(zoo, a_fifo_in_use_is_left_alone)
{
        static const char message[] = "for somebody else";
        char got[sizeof message];
        int fd;

        put_fifo(NULL);
        fd = open(topic_path(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
        descriptors_before++;
        cr_assert(eq(int, (int)write(fd, message, sizeof message), (int)sizeof message));
        expect_attempt(attempt_subscriber(), -EPROTO, NO_FILE, "in use", "subscriber");
        expect_attempt(attempt_publisher(), -EPROTO, NO_FILE, "in use", "publisher");
        cr_assert(eq(int, (int)read(fd, got, sizeof got), (int)sizeof message));
        cr_assert(eq(str, got, (char *)message));
        close(fd);
        descriptors_before--;
}

static void put_device(const struct specimen *specimen)
{
        mode_t kind = specimen->bytes == 1 ? S_IFCHR : S_IFBLK;

        cr_assert(zero(int, mknod(topic_path(), kind | 0600, (dev_t)specimen->value)));
}

/* Opening some devices does something. A file system that is mounted nodev opens none of them. */
Test(zoo, a_device_is_left_alone)
{
        const struct specimen specimens[] = {
                { "the null device", put_device, 0, 1, makedev(1, 3), BOTH(-EPROTO, NO_FILE), -EPROTO },
                { "the memory of zeros", put_device, 0, 1, makedev(1, 5), BOTH(-EPROTO, NO_FILE), -EPROTO },
                { "a device that there is not", put_device, 0, 1, makedev(4094, 7), BOTH(-EPROTO, NO_FILE),
                  -EPROTO },
                { "a disk that there is not", put_device, 0, 0, makedev(4094, 7), BOTH(-EPROTO, NO_FILE),
                  -EPROTO },
        };
        struct statvfs memory;

        if (mknod(topic_path(), S_IFCHR | 0600, makedev(1, 3)) != 0)
                cr_skip_test("no devices can be made here: %s", strerror(errno));
        topic_remove();
        cr_assert(zero(int, statvfs(SHM_DIRECTORY, &memory)));
        if (memory.f_flag & ST_NODEV)
                cr_skip_test("the shared memory is mounted nodev");
        SHOW_ALL(specimens);
}

/* ---- whose it is, and who may write it ------------------------------------------------------- */

static struct attempt as_stranger(struct attempt (*make)(void))
{
        return attempt_elsewhere(become_stranger, make);
}

Test(zoo, what_others_may_write_is_not_trusted)
{
#define MAY_WRITE(mode) "mode " mode " lets others write it"
#define NOT_TOUCHED(mode) MAY_WRITE(mode) "; it is not touched"
        static const struct specimen specimens[] = {
                { "group", put_mode, 0, 0, 0620, -EPERM, MAY_WRITE("0620"), -EPERM, NOT_TOUCHED("0620"),
                  -EPERM },
                { "others", put_mode, 0, 0, 0602, -EPERM, MAY_WRITE("0602"), -EPERM, NOT_TOUCHED("0602"),
                  -EPERM },
                { "all", put_mode, 0, 0, 0666, -EPERM, MAY_WRITE("0666"), -EPERM, NOT_TOUCHED("0666"),
                  -EPERM },
                { "set-uid", put_mode, 0, 0, 04666, -EPERM, MAY_WRITE("4666"), -EPERM, NOT_TOUCHED("4666"),
                  -EPERM },
                { "set-uid, but nobody else's", put_mode, 0, 0, 04600, 0, "", 0, "", 0 },
                { "readable by all", put_mode, 0, 0, 0644, 0, "", 0, "", 0 },
        };

        SHOW_ALL(specimens);
}

#define NEEDS_ROOT()                                                                                         \
        do {                                                                                                 \
                if (geteuid() != 0)                                                                          \
                        cr_skip_test("only root can act for other users");                                   \
        } while (0)

Test(zoo, what_belongs_to_a_stranger_is_not_trusted)
{
        static const struct specimen specimens[] = {
                { "a stranger's", put_stranger, 0, 0, STRANGER, -EPERM,
                  "owner uid 1234 is neither root nor you (uid 0), nor was it named", -EPERM,
                  "owner uid 1234, but you are uid 0; it is not touched", -EPERM },
                { "one of uid 2^32 - 2", put_stranger, 0, 0, UINT32_MAX - 1, -EPERM,
                  "owner uid 4294967294 is neither root nor you (uid 0), nor was it named", -EPERM,
                  "owner uid 4294967294, but you are uid 0; it is not touched", -EPERM },
        };

        NEEDS_ROOT();
        SHOW_ALL(specimens);
}

Test(zoo, a_user_without_privileges_is_told_whose_it_is)
{
        static const char roots[] = "mode 0600, owner uid 0; you are uid 1234";
        static const char public[] = "mode 0644, owner uid 0; you are uid 1234";

        NEEDS_ROOT();
        make_segment();
        expect_attempt(as_stranger(attempt_subscriber), -EACCES, roots, "root's", "subscriber");
        expect_attempt(as_stranger(attempt_publisher), -EACCES, roots, "root's", "publisher");
        expect_attempt(as_stranger(attempt_replacing), -EACCES, roots, "root's", "replacing");
        cr_assert(zero(int, chmod(topic_path(), 0644)));
        expect_attempt(as_stranger(attempt_subscriber), 0, "", "root's, public", "subscriber");
        expect_attempt(as_stranger(attempt_publisher), -EACCES, public, "root's, public", "publisher");
}

Test(zoo, of_what_is_ones_own_the_mode_may_forbid_the_use)
{
        NEEDS_ROOT();
        make_segment();
        cr_assert(zero(int, chown(topic_path(), STRANGER, STRANGER)));
        cr_assert(zero(int, chmod(topic_path(), 0400)));
        expect_attempt(as_stranger(attempt_subscriber), 0, "", "mode 0400", "subscriber");
        expect_attempt(as_stranger(attempt_publisher), -EACCES, "mode 0400, owner uid 1234; you are uid 1234",
                       "mode 0400", "publisher");
        cr_assert(zero(int, chmod(topic_path(), 0)));
        expect_attempt(as_stranger(attempt_subscriber), -EACCES,
                       "mode 0000, owner uid 1234; you are uid 1234", "mode 0000", "subscriber");
}

/* ---- what is no segment ---------------------------------------------------------------------- */

#define NO_SEGMENT "not a segment of this library "

Test(zoo, files_that_are_no_segments_are_refused)
{
        static const struct specimen specimens[] = {
                { "an empty file", put_zeros, 0, 0, 0, BOTH(-EPROTO, NO_SEGMENT "(0 bytes are too few)"), 0 },
                { "a byte", put_text, 0, 1, 0, BOTH(-EPROTO, NO_SEGMENT "(1 bytes are too few)"), 0 },
                { "255 bytes", put_text, 0, 255, 0, BOTH(-EPROTO, NO_SEGMENT "(255 bytes are too few)"), 0 },
                { "256 bytes of text", put_text, 0, 256, 0,
                  BOTH(-EPROTO, NO_SEGMENT "(first bytes 68 65 6c 6c)"), 0 },
                { "a long text", put_text, 0, 100000, 0,
                  BOTH(-EPROTO, NO_SEGMENT "(first bytes 68 65 6c 6c)"), 0 },
                { "256 zeros", put_zeros, 0, 256, 0, -EAGAIN, "being initialised by its creator", -EPROTO,
                  NO_SEGMENT "(its header is empty)", 0 },
                { "a large file of zeros", put_zeros, 0, UINT64_C(1) << 40, 0, -EAGAIN,
                  "being initialised by its creator", -EPROTO, NO_SEGMENT "(its header is empty)", 0 },
        };

        SHOW_ALL(specimens);
}

/* ---- segments that are not for us, or lie ----------------------------------------------------- */

#define HEADER(field)                                                                                        \
        put_bytes, offsetof(struct seqcast__segment_header, field),                                          \
                sizeof(((struct seqcast__segment_header *)0)->field)

Test(zoo, segments_of_other_machines_and_other_times)
{
#define OTHER_ORDER "written on a big-endian machine; cannot be mapped here"
#define PUBLISHES "; this library publishes version 1 (lib " LIBRARY ")"
#define READS ", this library reads 1-1 (lib " LIBRARY ")"
        static const struct specimen specimens[] = {
                { "big-endian", put_swapped, 0, 0, 0, BOTH(-EPROTONOSUPPORT, OTHER_ORDER), 0 },
                { "its byte order mark alone", HEADER(byte_order), 0x0d0c0b0a,
                  BOTH(-EPROTONOSUPPORT, OTHER_ORDER), 0 },
                { "no byte order", HEADER(byte_order), 0x0a0b0d0c,
                  BOTH(-EPROTO, "damaged header: byte order mark 0a0b0d0c"), 0 },
                { "a newer version that we can read", HEADER(format_version), 2, 0, "", -EPROTONOSUPPORT,
                  "format version 2, features 0" PUBLISHES, 0 },
                { "one that we cannot", HEADER(min_reader_version), 2,
                  BOTH(-EPROTONOSUPPORT, "format version 1 (readable from 2 on)" READS), 0 },
                { "no version", HEADER(format_version), 0,
                  BOTH(-EPROTONOSUPPORT, "format version 0 (readable from 1 on)" READS), 0 },
                { "a feature that readers must know", HEADER(features_required), 0x10,
                  BOTH(-EPROTONOSUPPORT, "needs features 0x10 that this library (" LIBRARY ") does not know"),
                  0 },
                { "one that readers need not know", HEADER(features_optional), UINT64_C(1) << 63, 0, "",
                  -EPROTONOSUPPORT, "format version 1, features 0x8000000000000000" PUBLISHES, 0 },
                { "times of another clock", HEADER(time_clock), 1,
                  BOTH(-EPROTONOSUPPORT, "times of unknown clock 1"), 0 },
        };

        SHOW_ALL(specimens);
}

#define SEGMENT_BYTES "8192"

Test(zoo, sizes_that_lie)
{
#define SAYS(header, object) "header says " header " bytes, object has " object
        static const struct specimen specimens[] = {
                { "it says more", HEADER(segment_bytes), 12288,
                  BOTH(-EPROTO, "truncated: " SAYS("12288", SEGMENT_BYTES)), 0 },
                { "it says 2^64 - 1", HEADER(segment_bytes), UINT64_MAX,
                  BOTH(-EPROTO, "truncated: " SAYS("18446744073709551615", SEGMENT_BYTES)), 0 },
                { "it says less", HEADER(segment_bytes), 4096,
                  BOTH(-EPROTO, "damaged header: " SAYS("4096", SEGMENT_BYTES)), 0 },
                { "it says nothing", HEADER(segment_bytes), 0,
                  BOTH(-EPROTO, "damaged header: " SAYS("0", SEGMENT_BYTES)), 0 },
                { "truncated to nothing", put_resized, 0, 0, 0,
                  BOTH(-EPROTO, NO_SEGMENT "(0 bytes are too few)"), 0 },
                { "truncated to less than a header", put_resized, 0, 255, 0,
                  BOTH(-EPROTO, NO_SEGMENT "(255 bytes are too few)"), 0 },
                { "truncated to a header", put_resized, 0, 256, 0,
                  BOTH(-EPROTO, "truncated: " SAYS(SEGMENT_BYTES, "256")), 0 },
                { "truncated to a page", put_resized, 0, 4096, 0,
                  BOTH(-EPROTO, "truncated: " SAYS(SEGMENT_BYTES, "4096")), 0 },
                { "truncated by a byte", put_resized, 0, 8191, 0,
                  BOTH(-EPROTO, "truncated: " SAYS(SEGMENT_BYTES, "8191")), 0 },
                { "longer by a byte", put_resized, 0, 8193, 0,
                  BOTH(-EPROTO, "damaged header: " SAYS(SEGMENT_BYTES, "8193")), 0 },
                { "a record that is longer than its slot", HEADER(record_bytes), 4096,
                  BOTH(-EPROTO, "damaged header: slot_stride is not possible"), 0 },
                { "more slots than there are", HEADER(depth), 65536,
                  BOTH(-EPROTO, "damaged header: slots_offset is not possible"), 0 },
        };

        SHOW_ALL(specimens);
}

/* ---- hard links ------------------------------------------------------------------------------ */

Test(zoo, a_second_name_for_a_segment_is_the_same_topic)
{
        seqcast_publisher *publisher;
        struct attempt attempt;
        char says[128];

        cr_assert(zero(int, open_publisher(ATTEMPT_RECORD_BYTES, 4, 0, &publisher)));
        cr_assert(zero(int, rename(topic_path(), other_path())));
        cr_assert(zero(int, link(other_path(), topic_path())));
        descriptors_before++;
        cr_assert(zero(int, attempt_subscriber().result));
        attempt = attempt_replacing();
        cr_assert(eq(int, attempt.result, -EBUSY));
        snprintf(says, sizeof says, "pid %ld (%s) is already the publisher", (long)getpid(),
                 program_invocation_short_name);
        cr_assert(eq(str, attempt.detail.text, says));
        descriptors_before--;
        seqcast_publisher_close(publisher);
}

/* What else bears a name of its own is not written to, whatever is done with this one. */
Test(zoo, replacing_a_file_leaves_its_other_name_alone)
{
        static const char precious[] = "hello, world; hello";
        char kept[sizeof precious] = "";
        struct stat before;
        int fd;

        put_text(&(struct specimen){ .bytes = sizeof precious - 1 });
        cr_assert(zero(int, link(topic_path(), other_path())));
        before = status_of(other_path());
        cr_assert(zero(int, attempt_replacing().result));
        cr_assert(zero(int, attempt_subscriber().result));
        cr_assert(eq(u64, (uint64_t)status_of(other_path()).st_ino, (uint64_t)before.st_ino));
        cr_assert(eq(i64, status_of(other_path()).st_mtim.tv_nsec, before.st_mtim.tv_nsec));
        fd = open(other_path(), O_RDONLY);
        cr_assert(eq(int, (int)read(fd, kept, sizeof kept), (int)sizeof precious - 1));
        cr_assert(eq(str, kept, (char *)precious));
        close(fd);
}

Test(zoo, a_segment_whose_name_is_gone_is_detached_however_many_it_has_left)
{
        seqcast_subscriber *subscriber;
        seqcast_status status;
        int told;

        make_segment();
        cr_assert(zero(int, link(topic_path(), other_path())));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(zero(int, seqcast_subscriber_status(subscriber, &status)));
        cr_assert(zero(u32, status.detached));
        topic_remove();
        cr_assert(zero(int, seqcast_subscriber_status(subscriber, &status)));
        cr_assert(eq(u32, status.detached, 1));
        cr_assert(eq(int, seqcast_wait(subscriber, 0), 0), "there is news");
        seqcast_subscriber_skip(subscriber);
        while ((told = seqcast_wait(subscriber, INT64_C(5000000000))) == SEQCAST_PUBLISHER_LEFT)
                ; /* told once */
        cr_assert(eq(int, told, SEQCAST_DETACHED));
        seqcast_subscriber_close(subscriber);
}

/* ---- what changes between two steps of opening ------------------------------------------------ */

static void (*meanwhile)(void);

/* The library's first look at what it has opened passes by here. */
int fstat(int fd, struct stat *status)
{
        void (*change)(void) = meanwhile;
        int r = fstatat(fd, "", status, AT_EMPTY_PATH);

        meanwhile = NULL;
        if (change != NULL)
                change();
        return r;
}

static struct attempt changed_by(void (*change)(void), struct attempt (*make)(void))
{
        struct attempt attempt;

        topic_remove();
        make_segment();
        meanwhile = change;
        attempt = make();
        cr_assert(meanwhile == NULL, "it has come to that");
        return attempt;
}

static void truncate_to_nothing(void)
{
        cr_assert(zero(int, truncate(topic_path(), 0)));
}

static void replace_by_fifo(void)
{
        topic_remove();
        put_fifo(NULL);
}

static void replace_by_link(void)
{
        topic_remove();
        put_link_to_file(NULL);
}

static seqcast_publisher *quicker;

static void replace_by_another_publisher(void)
{
        topic_remove();
        cr_assert(zero(int, open_publisher(ATTEMPT_RECORD_BYTES, 4, 0, &quicker)));
}

Test(zoo, what_is_exchanged_while_it_is_opened_is_noticed)
{
        struct attempt attempt;

        expect_attempt(changed_by(truncate_to_nothing, attempt_subscriber), -EPROTO,
                       "its header cannot be read: not a segment of this library, or a damaged one",
                       "truncated after the first look", "subscriber");
        expect_attempt(changed_by(topic_remove, attempt_subscriber), 0, "", "removed", "subscriber");
        expect_attempt(changed_by(replace_by_fifo, attempt_subscriber), 0, "", "replaced", "subscriber");
        cr_assert(zero(int, changed_by(topic_remove, attempt_publisher).result));
        cr_assert(topic_exists(), "a new one");
        expect_attempt(changed_by(replace_by_fifo, attempt_publisher), -EPROTO, NO_FILE, "replaced by a FIFO",
                       "publisher");
        expect_attempt(changed_by(replace_by_link, attempt_publisher), -EPROTO, A_LINK, "replaced by a link",
                       "publisher");
        attempt = changed_by(replace_by_another_publisher, attempt_publisher);
        cr_assert(eq(int, attempt.result, -EBUSY), "%s", attempt.detail.text);
        seqcast_publisher_close(quicker);
}

/* ---- names ------------------------------------------------------------------------------------ */

static struct attempt open_named(const char *topic)
{
        struct attempt attempt = { .detail = { "" } };
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        seqcast_publisher_options publishing = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_publisher *publisher = NULL;
        seqcast_subscriber *subscriber = NULL;
        seqcast_detail detail = { "" };

        publishing.record_bytes = 8;
        publishing.ret_detail = &detail;
        options.ret_detail = &attempt.detail;
        attempt.result = seqcast_publisher_open(topic, &publishing, &publisher);
        cr_expect(eq(int, seqcast_subscriber_open(topic, &options, &subscriber), attempt.result), "%s",
                  topic);
        cr_expect(eq(str, attempt.detail.text, detail.text), "the same sentence to both");
        seqcast_subscriber_close(subscriber);
        if (publisher != NULL)
                cr_expect(zero(int, seqcast_publisher_remove(publisher)));
        seqcast_publisher_close(publisher);
        return attempt;
}

/* `bytes` bytes, padded with zeros. */
static void make_name(char *name, size_t bytes)
{
        memset(name, '0', bytes);
        memcpy(name, topic_name(), strlen(topic_name()));
        name[bytes] = '\0';
}

Test(zoo, names)
{
#define LETTERS "a name has letters, digits and '_' and, not first, '.' and '-'"
#define SLASHES "a name has no '/' after the first character"
        static const struct {
                const char *name;
                int result;
                const char *says;
        } rows[] = {
                { "", -EINVAL, "an empty name" }, { "/", -EINVAL, "an empty name" },
                { ".", -EINVAL, LETTERS },        { "..", -EINVAL, LETTERS },
                { "-rf", -EINVAL, LETTERS },      { "a/b", -EINVAL, SLASHES },
                { "//a", -EINVAL, SLASHES },      { "../shm/a", -EINVAL, LETTERS },
                { "a b", -EINVAL, LETTERS },      { "a\nb", -EINVAL, LETTERS },
                { "a\x1b[2J", -EINVAL, LETTERS }, { "a\x7f", -EINVAL, LETTERS },
                { "\xc3\xa4", -EINVAL, LETTERS }, { "\xff\xfe", -EINVAL, LETTERS },
                { "a%s%n", -EINVAL, LETTERS },    { "a:b", -EINVAL, LETTERS },
                { "a*", -EINVAL, LETTERS },       { "$HOME", -EINVAL, LETTERS },
        };
        char name[203] = "/";
        struct attempt attempt;

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                expect_attempt(open_named(rows[i].name), rows[i].result, rows[i].says, rows[i].name, "both");
        make_name(name + 1, 200);
        expect_attempt(open_named(name), 0, "", "200 bytes and a slash", "both");
        expect_attempt(open_named(name + 1), 0, "", "200 bytes", "both");
        make_name(name + 1, 201);
        attempt = open_named(name);
        expect_attempt(attempt, -ENAMETOOLONG, "a name has at most 200 bytes, this has 201", "201 bytes",
                       "both");
}

/* The temporary name of what replaces it is longer than its own. */
Test(zoo, the_longest_name_can_be_replaced)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_publisher *publisher;
        char name[201];

        make_name(name, 200);
        options.record_bytes = 8;
        options.flags = SEQCAST_RECREATE;
        for (int i = 0; i < 2; i++) {
                cr_assert(zero(int, seqcast_publisher_open(name, &options, &publisher)));
                if (i == 1)
                        cr_assert(zero(int, seqcast_publisher_remove(publisher)));
                seqcast_publisher_close(publisher);
        }
}

/* ---- the directory ---------------------------------------------------------------------------- */

static bool find_no_directory(void)
{
        return leave_mounts() && mount("tmpfs", "/dev", "tmpfs", 0, "size=1m") == 0;
}

static bool find_a_file_for_it(void)
{
        int fd = find_no_directory() ? open("/dev/shm", O_WRONLY | O_CREAT | O_CLOEXEC, 0644) : -1;

        return fd >= 0 && close(fd) == 0;
}

static bool find_processes(void)
{
        return leave_mounts() && mount("/proc/self/task", "/dev/shm", NULL, MS_BIND, NULL) == 0;
}

static bool find_what_is_read_only(void)
{
        if (!mount_memory("size=1m"))
                return false;
        make_segment();
        return mount(NULL, "/dev/shm", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0;
}

static bool find_what_is_roots_own(void)
{
        return mount_memory("size=1m,mode=0755") && become_stranger();
}

static bool find_what_is_closed(void)
{
        return mount_memory("size=1m,mode=0700") && become_stranger();
}

Test(zoo, a_directory_that_is_not_what_it_should_be)
{
#define NO_DIRECTORY "/dev/shm does not exist, or holds no files: mount a tmpfs there"
#define NO_DRAFT "cannot create an object in /dev/shm: "
        static const struct {
                const char *what;
                bool (*go)(void);
                int subscriber;
                const char *subscriber_says;
                int publisher;
                const char *publisher_says;
        } rows[] = {
                { "there is none", find_no_directory, -ENOENT, "no such segment", -ENOENT, NO_DIRECTORY },
                { "a file", find_a_file_for_it, BOTH(-ENOTDIR, "cannot be opened: not a directory") },
                { "processes", find_processes, -ENOENT, "no such segment", -ENOENT, NO_DIRECTORY },
                { "read-only", find_what_is_read_only, 0, "", -EROFS,
                  "cannot be opened: read-only file system" },
                { "root's own", find_what_is_roots_own, -ENOENT, "no such segment", -EACCES,
                  NO_DRAFT "permission denied" },
                { "closed", find_what_is_closed, BOTH(-EACCES, "cannot be opened: permission denied") },
        };

        NEEDS_ROOT();
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct attempt attempt = attempt_elsewhere(rows[i].go, attempt_subscriber);

                if (attempt.result == NOT_THERE)
                        cr_skip_test("%s: %s", rows[i].what, attempt.detail.text);
                expect_attempt(attempt, rows[i].subscriber, rows[i].subscriber_says, rows[i].what,
                               "subscriber");
                expect_attempt(attempt_elsewhere(rows[i].go, attempt_publisher), rows[i].publisher,
                               rows[i].publisher_says, rows[i].what, "publisher");
        }
}

static bool find_a_disk(void)
{
        struct statfs disk;

        if (statfs("/var/tmp", &disk) != 0)
                return false;
        if (disk.f_type == TMPFS_MAGIC || disk.f_type == RAMFS_MAGIC) {
                errno = EMEDIUMTYPE;
                return false;
        }
        return leave_mounts() && mount("/var/tmp", "/dev/shm", NULL, MS_BIND, NULL) == 0;
}

/* A regular file of root's, that only root may write, which is on no disk either. */
static bool find_a_file_of_the_kernel(void)
{
        put_zeros(&(struct specimen){ .bytes = 0 });
        return leave_mounts() && mount("/proc/self/status", topic_path(), NULL, MS_BIND, NULL) == 0;
}

Test(zoo, shared_memory_that_is_no_memory_is_refused)
{
        static const char says[] = "/dev/shm is not a memory file system (tmpfs)";
        struct attempt attempt;

        NEEDS_ROOT();
        attempt = attempt_elsewhere(find_a_disk, attempt_publisher);
        if (attempt.result == NOT_THERE)
                cr_skip_test("no disk to take for it: %s", attempt.detail.text);
        expect_attempt(attempt, -EOPNOTSUPP, says, "creating", "publisher");
        expect_attempt(attempt_elsewhere(find_a_file_of_the_kernel, attempt_subscriber), -EOPNOTSUPP, says,
                       "opening", "subscriber");
        topic_remove();
        expect_attempt(attempt_elsewhere(find_a_file_of_the_kernel, attempt_publisher), -EOPNOTSUPP, says,
                       "opening", "publisher");
}
