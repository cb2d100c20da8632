/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Every system call and every allocation of the library fails, one after the other, in each way in which it
 * can: what a caller is told then is true, nothing leaks and nothing half-made is left, the handle goes on
 * when the fault is over, and readers who were there all the time have seen whole records only. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <poll.h>

#if defined(__SANITIZE_ADDRESS__)
#define OWN_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OWN_MALLOC 1
#endif
#endif

#include "../support/syscalls.h"

#if defined(OWN_MALLOC)
#define WHY_NOT "AddressSanitizer makes system calls of its own"
#elif !SYSCALLS_KNOWN
#define WHY_NOT "the registers of this processor are not known"
#endif

#ifdef WHY_NOT

Test(faults, can_happen_everywhere)
{
        cr_skip_test(WHY_NOT);
}

#else

#include "handle/segment.h"
#include "platform/lock.h"

#include "../support/faults.h"
#include "../support/portable.h"
#include "../support/record.h"

#define RECORD_BYTES 256u
#define SPARSE_BYTES (1u << 20)
#define FAR_OFFSET 700000u
#define MS INT64_C(1000000)
#define SECOND INT64_C(1000000000)
#define STAGED 3u /* so many records are there when the play begins */

/* What a player asks of the director. */
enum { NEWS = 1, REPLACEMENT, LARGER_REPLACEMENT, REMOVAL };

static unsigned char record[SPARSE_BYTES];
static seqcast_sample sample;

/* The director's. */
static seqcast_publisher *publisher;
static seqcast_subscriber *witness;
static uint64_t witnessed;

/* The player's. */
static seqcast_publisher *mine;
static seqcast_subscriber *reader, *other;
static int result, descriptor;
static seqcast_detail detail;

static void clean_stage(void)
{
        witness = seqcast_subscriber_close(witness);
        publisher = seqcast_publisher_close(publisher);
        witnessed = 0;
        topic_remove();
}

static void clean_up(void)
{
        clean_stage();
        if (faults_stage != NULL)
                faults_remove_litter();
        expect_none_left("the objects in shared memory", count_objects());
}

static void set_up(void)
{
        topic_name(); /* the players inherit it, and the fork handler */
        skip_if_portable("other system calls, which these tests do not know");
        cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, 0, &publisher)));
        clean_stage();
}

/* liburcu registers its readers by calls of its own. */
void urcu_bp_register(void) __attribute__((weak));

static void skip_with_urcu(void)
{
        if (urcu_bp_register != NULL)
                cr_skip_test("liburcu makes system calls of its own");
}

TestSuite(faults, .init = set_up, .fini = clean_up, .timeout = 240);

/* ---- records --------------------------------------------------------------------------------- */

/* Whole records follow from their number; of those made of parts, the first and the far word do. */
static bool in_parts;

static int read_newest(seqcast_subscriber *from)
{
        uint64_t words[2];
        const seqcast_read_part parts[2] = { { 0, 8, &words[0] }, { FAR_OFFSET, 8, &words[1] } };
        int r;

        if (!in_parts) {
                r = seqcast_read_newest(from, record, sizeof record, &sample);
                if (r == 0 && !record_check(record, sample.bytes, sample.number))
                        faults_complain("publication %lu is torn", (unsigned long)sample.number);
                return r;
        }
        r = seqcast_read_newest_parts(from, parts, 2, &sample);
        if (r == 0 && (words[0] != record_word(sample.number, 0) || words[1] != words[0]))
                faults_complain("the parts of publication %lu do not belong together",
                                (unsigned long)sample.number);
        return r;
}

static int publish_bytes(seqcast_publisher *to, size_t bytes)
{
        static unsigned char bytes_of_it[SPARSE_BYTES];

        record_fill(bytes_of_it, bytes, seqcast_publisher_version(to) + 1);
        return seqcast_publish(to, bytes_of_it, bytes);
}

static int publish_parts(seqcast_publisher *to)
{
        uint64_t word = record_word(seqcast_publisher_version(to) + 1, 0);
        const seqcast_part parts[2] = { { 0, 8, &word }, { FAR_OFFSET, 8, &word } };

        return seqcast_publish_parts(to, parts, 2);
}

static int publish_one(seqcast_publisher *to)
{
        return in_parts ? publish_parts(to) : publish_bytes(to, RECORD_BYTES);
}

/* ---- the director ---------------------------------------------------------------------------- */

static bool witness_is_content(void)
{
        int r = witness != NULL ? read_newest(witness) : SEQCAST_EMPTY;

        if (r != SEQCAST_OK)
                return r == SEQCAST_EMPTY && witnessed == 0;
        if (sample.number < witnessed)
                return false;
        witnessed = sample.number;
        return true;
}

/* What can be opened is whole. */
static bool nothing_is_half_made(void)
{
        if (witness == NULL) {
                int r = open_subscriber(&witness);

                if (r != 0)
                        return r == -ENOENT;
        }
        return witness_is_content();
}

static void publish_news(void)
{
        cr_assert(zero(int, publish_one(publisher)));
}

static void set_empty_stage(void)
{
        clean_stage();
        in_parts = false;
}

/* Some records, of a publisher who stays. */
static void set_live_stage(void)
{
        set_empty_stage();
        cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, 0, &publisher)));
        for (unsigned i = 0; i < STAGED; i++)
                publish_news();
        cr_assert(zero(int, open_subscriber(&witness)));
}

static void set_stage(void)
{
        set_live_stage();
        publisher = seqcast_publisher_close(publisher);
}

static void replace_topic(uint32_t depth)
{
        publisher = seqcast_publisher_close(publisher);
        cr_assert(zero(int, open_publisher(in_parts ? SPARSE_BYTES : RECORD_BYTES, depth,
                                           SEQCAST_RECREATE | (in_parts ? SEQCAST_SPARSE : 0), &publisher)));
        publish_news();
}

static void create_topic(void)
{
        replace_topic(4);
}

static void remove_topic(void)
{
        cr_assert(zero(int, seqcast_publisher_remove(publisher)));
        publisher = seqcast_publisher_close(publisher);
}

static void attend(int request)
{
        if (request == NEWS)
                publish_news();
        else if (request == REMOVAL)
                remove_topic();
        else
                replace_topic(request == LARGER_REPLACEMENT ? 256 : 4);
}

/* ---- the player ------------------------------------------------------------------------------ */

#define EXPECT(condition, what)                                                                              \
        do {                                                                                                 \
                if (!(condition))                                                                            \
                        faults_complain("%s", what);                                                         \
        } while (0)

#define EXPECT_OK(call)                                                                                      \
        do {                                                                                                 \
                int came_to = (call);                                                                        \
                if (came_to != 0)                                                                            \
                        faults_complain("when the fault is over, %s is %d", #call, came_to);                 \
        } while (0)

/* Is publication `number` what somebody finds who comes now? Of liveness 0, any will do. */
static void expect_topic(uint64_t number, uint32_t liveness)
{
        seqcast_subscriber *fresh;
        seqcast_status status;
        int r = open_subscriber(&fresh);

        if (r != 0) {
                faults_complain("the topic cannot be opened: %s", seqcast_strerror(r));
                return;
        }
        r = read_newest(fresh);
        if (number == 0)
                EXPECT(r == SEQCAST_EMPTY, "the new topic is not empty");
        else if (r != 0 || sample.number != number)
                faults_complain("the newest record is %lu, not %lu",
                                r == 0 ? (unsigned long)sample.number : 0, (unsigned long)number);
        EXPECT_OK(seqcast_subscriber_status(fresh, &status));
        if (liveness != 0 && status.liveness != liveness)
                faults_complain("the liveness is %u, not %u", status.liveness, liveness);
        EXPECT(status.detached == 0, "the topic's name is another segment's");
        seqcast_subscriber_close(fresh);
}

/* Nobody holds what only a handle may hold. */
static void expect_unlocked(int64_t first, int64_t count)
{
        int fd = open(topic_path(), O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return;
        EXPECT(seqcast__lock_obstacle(fd, first, count) == SEQCAST__LOCK_FREE, "a lock is still held");
        close(fd);
}

static void close_all(void)
{
        mine = seqcast_publisher_close(mine);
        other = seqcast_subscriber_close(other);
        reader = seqcast_subscriber_close(reader);
        expect_unlocked(SEQCAST__SLEEPER_LOCK_BYTE, 2);
}

static void close_publisher(void)
{
        close_all();
        expect_unlocked(SEQCAST__PUBLISHER_LOCK_BYTE, 1);
}

/* A handle that was not given back is not touched. */
#define UNTOUCHED ((void *)&result)

static int open_with(seqcast_publisher_options *options)
{
        seqcast_publisher *opened = UNTOUCHED;
        int r;

        detail.text[0] = '\0';
        options->ret_detail = &detail;
        r = seqcast_publisher_open(topic_name(), options, &opened);
        EXPECT(r == 0 || opened == UNTOUCHED, "a handle was given in spite of an error");
        EXPECT(r == 0 || detail.text[0] != '\0', "it is not said why");
        mine = r == 0 ? opened : NULL;
        return r;
}

static int open_mine(uint64_t record_bytes, uint32_t depth, uint32_t flags)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        options.record_bytes = record_bytes;
        options.depth = depth;
        options.flags = flags;
        return open_with(&options);
}

static void expect_to_publish(uint64_t number)
{
        if (mine == NULL)
                return;
        EXPECT_OK(publish_one(mine));
        EXPECT(seqcast_publisher_version(mine) == number, "numbers do not go on");
        expect_topic(number, SEQCAST_LIVE);
}

/* ---- creating --------------------------------------------------------------------------------- */

static void check_created_with(int (*again)(void))
{
        if (result != 0) {
                EXPECT(!topic_exists(), "a topic was left behind by a publisher that could not be opened");
                EXPECT_OK(again());
        }
        expect_to_publish(1);
        close_publisher();
}

static int create(void)
{
        return open_mine(RECORD_BYTES, 4, 0);
}

static void run_create(void)
{
        result = faults_note(create(), 0);
}

static void check_create(void)
{
        check_created_with(create);
}

static const struct faults_play creating = {
        .name = "creating a topic",
        .run = run_create,
        .check = check_create,
        .set_stage = set_empty_stage,
        .look = nothing_is_half_made,
        .system_says = true,
};

Test(faults, of_creating)
{
        faults_everywhere(&creating);
}

static int without_unnamed_objects(const struct syscalls_call *call)
{
        return call->number == SYS_openat && (call->arguments[2] & O_TMPFILE) == O_TMPFILE ? EOPNOTSUPP : 0;
}

Test(faults, of_creating_where_every_object_has_a_name)
{
        struct faults_play play = creating;

        play.name = "creating a topic without O_TMPFILE";
        play.world = without_unnamed_objects;
        faults_everywhere(&play);
}

static void close_stdin(void)
{
        close(STDIN_FILENO);
}

static void check_create_without_stdin(void)
{
        EXPECT(fcntl(STDIN_FILENO, F_GETFD) < 0, "a descriptor is that of a standard stream");
        check_create();
        EXPECT(open("/dev/null", O_RDONLY) == STDIN_FILENO, "a descriptor is that of a standard stream");
}

Test(faults, of_creating_where_stdin_is_closed)
{
        struct faults_play play = creating;

        play.name = "creating a topic without stdin";
        play.before = close_stdin;
        play.check = check_create_without_stdin;
        play.world = without_unnamed_objects;
        faults_everywhere(&play);
}

struct schooled {
        int64_t bid, ask;
        char symbol[16];
        unsigned char rest[RECORD_BYTES - 32];
};

static uint32_t group, schooled_flags;

static void find_group(void)
{
        group = (uint32_t)getegid();
}

static int create_for_a_group(void)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        options.schema = SEQCAST_SCHEMA(struct schooled, bid, ask, symbol, rest);
        options.flags = SEQCAST_SET_GROUP | SEQCAST_TIMES | schooled_flags;
        options.group_id = group;
        options.mode = SEQCAST_MODE_GROUP;
        return open_with(&options);
}

static void run_create_for_a_group(void)
{
        result = faults_note(create_for_a_group(), 0);
}

static void check_create_for_a_group(void)
{
        struct stat status;

        check_created_with(create_for_a_group);
        EXPECT(stat(topic_path(), &status) == 0 && (status.st_mode & 07777) == SEQCAST_MODE_GROUP,
               "the group cannot read it");
}

Test(faults, of_creating_for_a_group)
{
        struct faults_play play = creating;

        play.name = "creating a topic with schema, group and times";
        play.before = find_group;
        play.run = run_create_for_a_group;
        play.check = check_create_for_a_group;
        faults_everywhere(&play);
}

static void set_empty_stage_for_parts(void)
{
        clean_stage();
        in_parts = true;
}

/* Who wakes nobody makes no calls that depend on time. */
static int open_sparse(uint64_t record_bytes, uint32_t flags)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        options.record_bytes = record_bytes;
        options.flags = flags;
        options.wake = SEQCAST_WAKE_NEVER;
        return open_with(&options);
}

static int create_sparse(void)
{
        return open_sparse(SPARSE_BYTES, SEQCAST_SPARSE);
}

static void run_create_sparse(void)
{
        result = faults_note(create_sparse(), 0);
}

static void check_create_sparse(void)
{
        check_created_with(create_sparse);
}

Test(faults, of_creating_sparse)
{
        struct faults_play play = creating;

        play.name = "creating a sparse topic";
        play.run = run_create_sparse;
        play.check = check_create_sparse;
        play.set_stage = set_empty_stage_for_parts;
        faults_everywhere(&play);
}

/* ---- an existing topic ------------------------------------------------------------------------ */

static int take_over(void)
{
        return open_mine(0, 0, 0);
}

static void run_take_over(void)
{
        result = faults_note(take_over(), 0);
}

static void check_take_over(void)
{
        if (result != 0) {
                expect_topic(STAGED, SEQCAST_LEFT);
                EXPECT_OK(take_over());
        }
        expect_to_publish(STAGED + 1);
        close_publisher();
}

static const struct faults_play taking_over = {
        .name = "taking a topic over",
        .run = run_take_over,
        .check = check_take_over,
        .set_stage = set_stage,
        .look = witness_is_content,
        .system_says = true,
};

Test(faults, of_taking_over)
{
        faults_everywhere(&taking_over);
}

static void set_schooled_stage(void)
{
        set_empty_stage();
        find_group();
        cr_assert(zero(int, create_for_a_group()), "%s", detail.text);
        publisher = mine;
        mine = NULL;
        for (unsigned i = 0; i < STAGED; i++)
                publish_news();
        publisher = seqcast_publisher_close(publisher);
}

static void insist(void)
{
        find_group();
        schooled_flags = SEQCAST_REPLACE;
}

/* It fits: whatever goes wrong in finding that out is no reason to replace it. */
static void run_insist(void)
{
        result = faults_note(create_for_a_group(), 0);
        EXPECT(result != 0 || seqcast_publisher_version(mine) == STAGED, "what fits was replaced");
}

Test(faults, of_taking_over_what_may_be_replaced)
{
        struct faults_play play = taking_over;

        play.name = "taking over what fits, with leave to replace it";
        play.before = insist;
        play.run = run_insist;
        play.set_stage = set_schooled_stage;
        play.look = nothing_is_half_made;
        faults_everywhere(&play);
}

static void run_create_exclusively(void)
{
        result = faults_note(open_mine(RECORD_BYTES, 4, SEQCAST_EXCLUSIVE), -EEXIST);
}

static void check_untouched(void)
{
        EXPECT(mine == NULL, "a topic that exists was taken over with SEQCAST_EXCLUSIVE");
        if (mine == NULL)
                expect_topic(STAGED, SEQCAST_LEFT);
        close_publisher();
}

Test(faults, of_creating_exclusively_what_exists)
{
        struct faults_play play = taking_over;

        play.name = "creating what exists, exclusively";
        play.run = run_create_exclusively;
        play.check = check_untouched;
        faults_everywhere(&play);
}

static void run_intrude(void)
{
        result = faults_note(open_mine(2 * RECORD_BYTES, 2, SEQCAST_RECREATE), -EBUSY);
}

static void check_intrude(void)
{
        EXPECT(mine == NULL, "there are two publishers");
        expect_topic(STAGED, SEQCAST_LIVE);
        close_all();
}

Test(faults, of_a_second_publisher)
{
        struct faults_play play = taking_over;

        play.name = "a second publisher";
        play.run = run_intrude;
        play.check = check_intrude;
        play.set_stage = set_live_stage;
        faults_everywhere(&play);
}

static void subscribe(void)
{
        EXPECT_OK(open_subscriber(&reader));
}

static int replace(void)
{
        return open_mine(2 * RECORD_BYTES, 2, SEQCAST_REPLACE);
}

static void run_replace(void)
{
        result = faults_note(replace(), 0);
}

/* Of the same shape: it is the lock alone that stands in the way. */
static int replace_locked(void)
{
        return open_mine(RECORD_BYTES, 4, SEQCAST_REPLACE);
}

static void run_replace_locked(void)
{
        result = faults_note(replace_locked(), 0);
}

static int recreate(void)
{
        return open_mine(RECORD_BYTES, 4, SEQCAST_RECREATE);
}

static void run_recreate(void)
{
        result = faults_note(recreate(), 0);
}

/* Readers of the old segment are told; but where no memory is left to map it, they find out by its name. */
static void check_replaced_by(int (*again)(void))
{
        bool unmapped = faults_met(SYS_mmap);
        seqcast_status status;

        if (result != 0) {
                expect_topic(STAGED, SEQCAST_LEFT);
                EXPECT_OK(seqcast_subscriber_status(reader, &status));
                EXPECT(status.detached == 0 && status.liveness == SEQCAST_LEFT,
                       "what was not replaced is marked");
                unmapped = false;
                EXPECT_OK(again());
        }
        expect_topic(0, 0);
        EXPECT_OK(read_newest(reader));
        EXPECT_OK(seqcast_subscriber_status(reader, &status));
        EXPECT(status.detached == 1, "what was replaced has still its name");
        EXPECT(status.liveness == SEQCAST_REPLACED || unmapped, "what was replaced is not marked");
        expect_to_publish(1);
        close_publisher();
}

static void check_replace(void)
{
        check_replaced_by(replace);
}

static void check_recreate(void)
{
        check_replaced_by(recreate);
}

Test(faults, of_replacing)
{
        struct faults_play play = taking_over;

        play.name = "replacing a topic";
        play.before = subscribe;
        play.run = run_replace;
        play.check = check_replace;
        faults_everywhere(&play);
}

static void subscribe_and_lock(void)
{
        subscribe();
        descriptor = open(topic_path(), O_RDONLY | O_CLOEXEC);
        EXPECT_OK(seqcast__lock_take_shared(descriptor, SEQCAST__PUBLISHER_LOCK_BYTE));
}

static void check_replace_locked(void)
{
        check_replaced_by(replace_locked);
        close(descriptor);
}

Test(faults, of_replacing_what_a_reader_has_locked)
{
        struct faults_play play = taking_over;

        play.name = "replacing what a reader has locked";
        play.before = subscribe_and_lock;
        play.run = run_replace_locked;
        play.check = check_replace_locked;
        faults_everywhere(&play);
}

Test(faults, of_recreating)
{
        struct faults_play play = taking_over;

        play.name = "recreating a topic";
        play.before = subscribe;
        play.run = run_recreate;
        play.check = check_recreate;
        play.world = without_unnamed_objects;
        faults_everywhere(&play);
}

static void take_over_and_subscribe(void)
{
        EXPECT_OK(take_over());
        subscribe();
}

static void run_remove(void)
{
        result = faults_note(seqcast_publisher_remove(mine), 0);
}

/* The name goes last: where it stays, the mark says all the same that nothing more will come. */
static void check_remove(void)
{
        bool name_stays = result != 0 && faults_kept_name();

        EXPECT(topic_exists() == (result != 0), "the name is there");
        EXPECT_OK(read_newest(reader));
        if (result != 0 && !name_stays) {
                expect_to_publish(STAGED + 1);
                EXPECT_OK(seqcast_publisher_remove(mine));
        } else {
                EXPECT(seqcast_read_next(reader, record, sizeof record, NULL) == SEQCAST_RETIRED,
                       "readers are not told");
        }
        EXPECT(seqcast_publish(mine, record, 1) == -ESTALE, "what was removed is published");
        mine = seqcast_publisher_close(mine);
        EXPECT_OK(create());
        expect_to_publish(1);
        close_publisher();
}

Test(faults, of_removing)
{
        struct faults_play play = taking_over;

        play.name = "removing a topic";
        play.before = take_over_and_subscribe;
        play.run = run_remove;
        play.check = check_remove;
        faults_everywhere(&play);
}

/* ---- publishing ------------------------------------------------------------------------------- */

/* A result, and what it says of the numbers. */
static void note_publication(int r, uint64_t before)
{
        faults_note(r, 0);
        EXPECT(seqcast_publisher_version(mine) == before + (r == 0), "a number does not fit the result");
        result = r != 0 ? r : result;
}

static void publish_noted(size_t bytes)
{
        uint64_t before = seqcast_publisher_version(mine);

        note_publication(in_parts ? publish_parts(mine) : publish_bytes(mine, bytes), before);
}

/* Half of them changed, half left; then committed or dropped. */
static void begin_noted(size_t bytes, bool commit)
{
        uint64_t before = seqcast_publisher_version(mine), word = record_word(before + 1, 0);
        void *begun = UNTOUCHED;
        int r = faults_note(seqcast_publish_begin(mine, &begun), 0);

        EXPECT(r == 0 || begun == UNTOUCHED, "a record was handed out in spite of an error");
        if (r == 0 && in_parts) {
                memcpy(begun, &word, 8);
                memcpy((char *)begun + FAR_OFFSET, &word, 8);
        } else if (r == 0) {
                record_fill(begun, bytes, before + 1);
        }
        if (r == 0 && commit) {
                r = seqcast_publish_commit(mine, bytes);
                note_publication(r, before);
        }
        if (r == 0 ? !commit : begun != UNTOUCHED)
                EXPECT_OK(seqcast_publish_abort(mine));
}

static void check_published(void)
{
        uint64_t version = seqcast_publisher_version(mine);

        if (version != 0)
                expect_topic(version, SEQCAST_LIVE);
        for (uint64_t i = 1; i <= 5; i++)
                expect_to_publish(version + i);
        close_publisher();
}

/* Sleepers of both kinds, so that each publication wakes them. */
static void take_over_and_sleep(void)
{
        take_over_and_subscribe();
        EXPECT(seqcast_subscriber_fd(reader) >= 0, "there is no descriptor");
        descriptor = open(topic_path(), O_RDONLY | O_CLOEXEC);
        EXPECT_OK(seqcast__lock_take_shared(descriptor, SEQCAST__SLEEPER_LOCK_BYTE));
}

static void run_publish(void)
{
        const int kept = 4711;

        errno = kept;
        for (int i = 0; i < 4; i++)
                publish_noted(RECORD_BYTES);
        faults_note(seqcast_notify(mine), 0);
        EXPECT(errno == kept, "publishing has changed errno");
}

static void check_publish(void)
{
        EXPECT(seqcast_publisher_version(mine) == STAGED + 4, "not all was published");
        close(descriptor);
        check_published();
}

Test(faults, of_publishing)
{
        static const struct faults_play play = {
                .name = "publishing to sleepers",
                .before = take_over_and_sleep,
                .run = run_publish,
                .check = check_publish,
                .set_stage = set_stage,
                .look = witness_is_content,
                .borne = true,
        };

        faults_everywhere(&play);
}

static void take_over_before(void)
{
        EXPECT_OK(take_over());
}

static void run_commit(void)
{
        for (int i = 0; i < 3; i++)
                begin_noted(RECORD_BYTES, i != 1);
}

Test(faults, of_beginning_and_committing)
{
        static const struct faults_play play = {
                .name = "beginning and committing",
                .before = take_over_before,
                .run = run_commit,
                .check = check_published,
                .set_stage = set_stage,
                .look = witness_is_content,
        };

        faults_everywhere(&play);
}

static void create_sparse_before(void)
{
        EXPECT_OK(create_sparse());
        EXPECT_OK(publish_one(mine));
}

static void run_publish_sparse(void)
{
        static const size_t lengths[] = { 12288, 300, 20000, 12288, 40000 };

        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
                publish_noted(lengths[i]);
        begin_noted(12288, false);
        begin_noted(50000, true);
}

static int without_fallocate(const struct syscalls_call *call)
{
        return call->number == SYS_fallocate ? EOPNOTSUPP : 0;
}

static const struct faults_play publishing_sparse = {
        .name = "publishing sparse records",
        .before = create_sparse_before,
        .run = run_publish_sparse,
        .check = check_published,
        .set_stage = set_empty_stage,
        .look = nothing_is_half_made,
};

Test(faults, of_publishing_sparse)
{
        faults_everywhere(&publishing_sparse);
}

Test(faults, of_publishing_sparse_without_fallocate)
{
        struct faults_play play = publishing_sparse;

        play.name = "publishing sparse records without fallocate()";
        play.world = without_fallocate;
        faults_everywhere(&play);
}

static void run_publish_parts(void)
{
        for (int i = 0; i < 5; i++)
                publish_noted(SPARSE_BYTES);
        begin_noted(SPARSE_BYTES, true);
        begin_noted(SPARSE_BYTES, false);
        for (int i = 0; i < 2; i++)
                publish_noted(SPARSE_BYTES);
}

Test(faults, of_publishing_parts)
{
        static const struct faults_play play = {
                .name = "publishing parts of sparse records",
                .before = create_sparse_before,
                .run = run_publish_parts,
                .check = check_published,
                .set_stage = set_empty_stage_for_parts,
                .look = nothing_is_half_made,
        };

        faults_everywhere(&play);
}

/* Of what the last publisher left, nothing is known. */
static void take_over_sparse_before(void)
{
        create_sparse_before();
        for (int i = 0; i < 5; i++)
                EXPECT_OK(publish_one(mine));
        mine = seqcast_publisher_close(mine);
        EXPECT_OK(open_sparse(0, SEQCAST_IN_PLACE));
}

static void run_publish_in_place(void)
{
        publish_noted(SPARSE_BYTES);
        begin_noted(SPARSE_BYTES, true);
        begin_noted(SPARSE_BYTES, false);
        publish_noted(SPARSE_BYTES);
}

Test(faults, of_publishing_in_place)
{
        static const struct faults_play play = {
                .name = "publishing sparse records in place",
                .before = take_over_sparse_before,
                .run = run_publish_in_place,
                .check = check_published,
                .set_stage = set_empty_stage_for_parts,
                .look = nothing_is_half_made,
        };

        faults_everywhere(&play);
}

static void run_close(void)
{
        mine = seqcast_publisher_close(mine);
        reader = seqcast_subscriber_close(reader);
}

static void check_closed(void)
{
        close(descriptor);
        expect_unlocked(SEQCAST__SLEEPER_LOCK_BYTE, 2);
        expect_unlocked(SEQCAST__PUBLISHER_LOCK_BYTE, 1);
        expect_topic(STAGED, SEQCAST_LEFT);
        EXPECT_OK(take_over());
        expect_to_publish(STAGED + 1);
        close_publisher();
}

Test(faults, of_closing)
{
        static const struct faults_play play = {
                .name = "closing a publisher and a subscriber",
                .before = take_over_and_sleep,
                .run = run_close,
                .check = check_closed,
                .set_stage = set_stage,
                .look = witness_is_content,
                .borne = true,
        };

        faults_everywhere(&play);
}

/* ---- subscribing ------------------------------------------------------------------------------ */

static void set_sparse_stage(void)
{
        set_empty_stage_for_parts();
        cr_assert(zero(int, open_publisher(SPARSE_BYTES, 4, SEQCAST_SPARSE, &publisher)));
        for (unsigned i = 0; i < STAGED; i++)
                publish_news();
        publisher = seqcast_publisher_close(publisher);
}

static int64_t open_timeout_ns;
static uint32_t open_flags;

static int subscribe_again(void)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        seqcast_subscriber *opened = UNTOUCHED;
        int r;

        options.timeout_ns = open_timeout_ns;
        options.flags = open_flags;
        r = seqcast_subscriber_open(topic_name(), &options, &opened);
        EXPECT(r == 0 || opened == UNTOUCHED, "a handle was given in spite of an error");
        reader = r == 0 ? opened : NULL;
        return r;
}

static void run_subscribe(void)
{
        result = faults_note(subscribe_again(), 0);
        if (result == 0)
                result = faults_note(read_newest(reader), 0);
}

static void expect_to_read(uint64_t number)
{
        EXPECT_OK(read_newest(reader));
        EXPECT(sample.number == number, "it is another record than the newest");
}

static void check_subscribe(void)
{
        if (reader == NULL)
                EXPECT_OK(subscribe_again());
        if (reader != NULL)
                expect_to_read(STAGED);
        close_publisher();
}

static const struct faults_play subscribing = {
        .name = "subscribing to a topic with a schema",
        .run = run_subscribe,
        .check = check_subscribe,
        .set_stage = set_schooled_stage,
        .only_reads = true,
};

Test(faults, of_subscribing)
{
        faults_everywhere(&subscribing);
}

Test(faults, of_subscribing_to_what_is_sparse)
{
        struct faults_play play = subscribing;

        play.name = "subscribing to a sparse topic, and reading";
        play.set_stage = set_sparse_stage;
        faults_everywhere(&play);
}

static int join_again(void)
{
        seqcast_subscriber *joined = UNTOUCHED;
        int r = seqcast_subscriber_join(reader, &joined);

        EXPECT(r == 0 || joined == UNTOUCHED, "a handle was given in spite of an error");
        other = r == 0 ? joined : NULL;
        return r;
}

static void run_share(void)
{
        run_subscribe();
        if (reader != NULL)
                faults_note(join_again(), 0);
}

static void check_share(void)
{
        if (reader == NULL)
                EXPECT_OK(subscribe_again());
        if (reader != NULL && other == NULL)
                EXPECT_OK(join_again());
        if (other != NULL)
                EXPECT_OK(read_newest(other));
        check_subscribe();
}

static void share_next(void)
{
        open_flags = SEQCAST_SHARED;
}

Test(faults, of_sharing)
{
        struct faults_play play = subscribing;

        skip_with_urcu();
        play.name = "subscribing for several threads to a sparse topic";
        play.before = share_next;
        play.run = run_share;
        play.check = check_share;
        play.set_stage = set_sparse_stage;
        faults_everywhere(&play);
}

static void run_subscribe_in_vain(void)
{
        open_timeout_ns = 3 * MS;
        result = faults_note(subscribe_again(), -ETIMEDOUT);
}

static void check_subscribe_in_vain(void)
{
        EXPECT(reader == NULL, "there is a subscriber without a topic");
}

Test(faults, of_waiting_for_a_topic_in_vain)
{
        struct faults_play play = subscribing;

        play.name = "waiting for a topic in vain";
        play.run = run_subscribe_in_vain;
        play.check = check_subscribe_in_vain;
        play.set_stage = set_empty_stage;
        faults_everywhere(&play);
}

static void run_subscribe_in_time(void)
{
        open_timeout_ns = 20 * SECOND;
        run_subscribe();
}

/* It comes when the player sleeps; if no fault lets him come so far, he may ask for it. */
static void check_subscribe_in_time(void)
{
        if (reader == NULL)
                faults_ask(REPLACEMENT);
        if (reader == NULL)
                EXPECT_OK(subscribe_again());
        if (reader != NULL)
                expect_to_read(1);
        close_all();
}

Test(faults, of_waiting_for_a_topic)
{
        struct faults_play play = subscribing;

        play.name = "waiting for a topic";
        play.run = run_subscribe_in_time;
        play.check = check_subscribe_in_time;
        play.set_stage = set_empty_stage;
        play.attend = attend;
        play.at_sleep = create_topic;
        faults_everywhere(&play);
}

static void run_status(void)
{
        seqcast_status status;

        memset(&status, 0x55, sizeof status);
        result = faults_note(seqcast_subscriber_status(reader, &status), 0);
        if (result == 0)
                EXPECT(status.liveness == SEQCAST_LIVE && status.version == STAGED && status.detached == 0,
                       "the status is wrong");
        else
                EXPECT(status.liveness == 0x55555555u, "a status was given in spite of an error");
}

static void check_status(void)
{
        expect_topic(STAGED, SEQCAST_LIVE);
        close_all();
}

Test(faults, of_asking_for_the_status)
{
        struct faults_play play = subscribing;

        play.name = "asking for the status";
        play.before = subscribe;
        play.run = run_status;
        play.check = check_status;
        play.set_stage = set_live_stage;
        play.system_says = true;
        faults_everywhere(&play);
}

/* ---- waiting ---------------------------------------------------------------------------------- */

/* All that is there has been read. */
static void subscribe_and_read(void)
{
        EXPECT_OK(subscribe_again());
        seqcast_subscriber_set_spin(reader, 0);
        EXPECT_OK(read_newest(reader));
}

static void run_wait(void)
{
        result = faults_note(seqcast_wait(reader, 20 * SECOND), 0);
}

static void check_wait(void)
{
        expect_to_read(STAGED + 1);
        faults_ask(NEWS);
        EXPECT_OK(seqcast_wait(reader, 20 * SECOND));
        expect_to_read(STAGED + 2);
        if (!faults_met(SYS_fcntl)) /* what could not be given back goes with the handle */
                expect_unlocked(SEQCAST__SLEEPER_LOCK_BYTE, 1);
        close_all();
}

static const struct faults_play waiting = {
        .name = "waiting",
        .before = subscribe_and_read,
        .run = run_wait,
        .check = check_wait,
        .set_stage = set_live_stage,
        .attend = attend,
        .at_sleep = publish_news,
        .borne = true,
        .only_reads = true,
};

Test(faults, of_waiting)
{
        faults_everywhere(&waiting);
}

static int without_waitv(const struct syscalls_call *call)
{
        return call->number == SYS_futex_waitv ? ENOSYS : 0;
}

Test(faults, of_waiting_without_futex_waitv)
{
        struct faults_play play = waiting;

        play.name = "waiting without futex_waitv()";
        play.world = without_waitv;
        faults_everywhere(&play);
}

static void run_wait_in_vain(void)
{
        result = faults_note(seqcast_wait(reader, 3 * MS), SEQCAST_TIMEOUT);
}

static void check_wait_in_vain(void)
{
        expect_to_read(STAGED);
        close_all();
}

Test(faults, of_waiting_in_vain)
{
        struct faults_play play = waiting;

        play.name = "waiting in vain";
        play.run = run_wait_in_vain;
        play.check = check_wait_in_vain;
        play.at_sleep = NULL;
        faults_everywhere(&play);
}

static void subscribe_and_read_twice(void)
{
        open_flags = SEQCAST_SHARED;
        subscribe_and_read();
        EXPECT_OK(join_again());
        EXPECT_OK(read_newest(other));
}

static void run_wait_any(void)
{
        seqcast_subscriber *const both[] = { reader, other };
        size_t index = 7;

        result = faults_note(seqcast_wait_any(both, 2, 20 * SECOND, &index), 0);
        EXPECT(index < 2, "it is not said which of them");
}

Test(faults, of_waiting_for_several)
{
        struct faults_play play = waiting;

        skip_with_urcu();
        play.name = "waiting for several";
        play.before = subscribe_and_read_twice;
        play.run = run_wait_any;
        faults_everywhere(&play);
}

/* ---- the descriptor --------------------------------------------------------------------------- */

/* Drain when it is readable, until the result is `wanted`; a descriptor that keeps silent is a fault of its
 * own. It may be readable for nothing. */
static void expect_descriptor_to_tell(int wanted)
{
        struct pollfd pollable = { .fd = seqcast_subscriber_fd(reader), .events = POLLIN };
        int told = SEQCAST_NONE;

        EXPECT(pollable.fd >= 0, "there is no descriptor when the fault is over");
        for (int i = 0; i < 50 && told != wanted && faults_stage->complaint[0] == '\0'; i++) {
                EXPECT(poll(&pollable, 1, 10000) == 1, "the descriptor is never readable again");
                told = seqcast_subscriber_drain(reader);
        }
        EXPECT(told == wanted, "the descriptor does not tell what there is");
}

static void run_descriptor(void)
{
        descriptor = seqcast_subscriber_fd(reader);
        if (descriptor < 0)
                faults_note(descriptor, 0);
        faults_ask(NEWS);
        if (descriptor < 0)
                return;
        result = faults_note(seqcast_subscriber_drain(reader), 0);
        if (result == 0 && read_newest(reader) == 0)
                faults_note(seqcast_subscriber_drain(reader), SEQCAST_NONE);
}

static void check_descriptor(void)
{
        if (descriptor < 0 && !faults_met(SYS_fcntl))
                expect_unlocked(SEQCAST__DESCRIPTOR_LOCK_BYTE, 1);
        faults_ask(NEWS);
        expect_descriptor_to_tell(SEQCAST_OK);
        expect_to_read(STAGED + 2);
        close_all();
}

Test(faults, of_the_descriptor)
{
        static const struct faults_play play = {
                .name = "the descriptor",
                .before = subscribe_and_read,
                .run = run_descriptor,
                .check = check_descriptor,
                .set_stage = set_live_stage,
                .attend = attend,
                .only_reads = true,
                .system_says = true,
        };

        faults_everywhere(&play);
}

static void subscribe_with_descriptor(void)
{
        open_flags = SEQCAST_REATTACH;
        subscribe_and_read();
        EXPECT(seqcast_subscriber_fd(reader) >= 0, "there is no descriptor");
}

static void run_miss(void)
{
        faults_ask(REMOVAL);
        result = seqcast_subscriber_drain(reader); /* that he has left is told when it can be found out */
        faults_note(result, result == SEQCAST_NONE ? SEQCAST_NONE : SEQCAST_PUBLISHER_LEFT);
}

static void check_miss(void)
{
        faults_ask(REPLACEMENT);
        expect_descriptor_to_tell(SEQCAST_REATTACHED);
        expect_descriptor_to_tell(SEQCAST_OK);
        expect_to_read(1);
        close_all();
}

Test(faults, of_a_descriptor_that_misses_its_topic)
{
        static const struct faults_play play = {
                .name = "a descriptor that misses its topic",
                .before = subscribe_with_descriptor,
                .run = run_miss,
                .check = check_miss,
                .set_stage = set_live_stage,
                .attend = attend,
                .only_reads = true,
                .system_says = true,
        };

        faults_everywhere(&play);
}

static void run_follow(void)
{
        run_miss();
        faults_ask(REPLACEMENT);
        result = faults_note(seqcast_subscriber_drain(reader), SEQCAST_REATTACHED);
}

/* That it has been re-attached is told once, and never forgotten. */
static void check_follow(void)
{
        if (result != SEQCAST_REATTACHED)
                expect_descriptor_to_tell(SEQCAST_REATTACHED);
        expect_descriptor_to_tell(SEQCAST_OK);
        expect_to_read(1);
        close_all();
}

Test(faults, of_a_descriptor_that_follows_its_topic)
{
        static const struct faults_play play = {
                .name = "a descriptor that follows its topic",
                .before = subscribe_with_descriptor,
                .run = run_follow,
                .check = check_follow,
                .set_stage = set_live_stage,
                .attend = attend,
                .only_reads = true,
                .system_says = true,
        };

        faults_everywhere(&play);
}

/* ---- re-attaching ----------------------------------------------------------------------------- */

static void subscribe_and_replace(void)
{
        subscribe_and_read();
        faults_ask(REPLACEMENT);
}

static int reattach(void)
{
        detail.text[0] = '\0';
        return seqcast_subscriber_reattach(reader, &detail);
}

static void run_reattach(void)
{
        result = faults_note(reattach(), 0);
        EXPECT(result == 0 || detail.text[0] != '\0', "it is not said why");
}

static void check_reattach(void)
{
        if (result != 0) {
                expect_to_read(STAGED);
                EXPECT_OK(reattach());
        }
        expect_to_read(1);
        close_all();
}

Test(faults, of_reattaching)
{
        static const struct faults_play play = {
                .name = "re-attaching",
                .before = subscribe_and_replace,
                .run = run_reattach,
                .check = check_reattach,
                .set_stage = set_live_stage,
                .attend = attend,
                .only_reads = true,
        };

        faults_everywhere(&play);
}

static void join_and_replace(void)
{
        subscribe_and_read_twice();
        faults_ask(REPLACEMENT);
}

static void join_and_replace_by_more(void)
{
        subscribe_and_read_twice();
        faults_ask(LARGER_REPLACEMENT);
}

static void check_reattach_both(void)
{
        int r = result != 0 ? read_newest(reader) : SEQCAST_REATTACHED;

        /* Where memory was short only for what this handle knows of a sparse segment, all have been
         * re-attached, and it is told so as the others are. Where two calls failed, what the first took
         * away may not have been put back: there is nothing to read then, until it is tried again. */
        if (r != SEQCAST_REATTACHED) {
                bool lost = r == SEQCAST_BUSY && faults_stage->met[1] && faults_met(SYS_mmap);

                EXPECT(lost || (r == 0 && sample.number == STAGED), "what was there before is gone");
                EXPECT(lost || read_newest(other) == 0, "what was there before is gone");
                EXPECT_OK(reattach());
        }
        EXPECT(read_newest(other) == SEQCAST_REATTACHED, "the other handle is not told");
        EXPECT_OK(read_newest(other));
        expect_to_read(1);
        close_all();
}

static const struct faults_play reattaching_both = {
        .name = "re-attaching a shared subscriber",
        .before = join_and_replace,
        .run = run_reattach,
        .check = check_reattach_both,
        .set_stage = set_live_stage,
        .attend = attend,
        .only_reads = true,
};

Test(faults, of_reattaching_what_is_shared)
{
        skip_with_urcu();
        faults_everywhere(&reattaching_both);
}

Test(faults, of_reattaching_what_is_shared_to_more)
{
        struct faults_play play = reattaching_both;

        skip_with_urcu();
        play.name = "re-attaching a shared subscriber to a larger segment";
        play.before = join_and_replace_by_more;
        faults_everywhere(&play);
}

Test(faults, of_reattaching_what_is_shared_and_sparse)
{
        struct faults_play play = reattaching_both;

        skip_with_urcu();
        play.name = "re-attaching a shared subscriber to a sparse segment";
        play.set_stage = set_sparse_stage;
        faults_everywhere(&play);
}

/* The other handle has to move on by itself. */
static void join_and_be_left_behind(void)
{
        join_and_replace();
        EXPECT_OK(reattach());
}

static void run_move_on(void)
{
        result = faults_note(read_newest(other), SEQCAST_REATTACHED);
}

static void check_move_on(void)
{
        if (result != SEQCAST_REATTACHED)
                EXPECT(read_newest(other) == SEQCAST_REATTACHED, "what is told once is lost");
        EXPECT_OK(read_newest(other));
        expect_to_read(1);
        close_all();
}

Test(faults, of_moving_on_after_another_thread)
{
        struct faults_play play = reattaching_both;

        skip_with_urcu();
        play.name = "moving on to a sparse segment after another thread";
        play.before = join_and_be_left_behind;
        play.run = run_move_on;
        play.check = check_move_on;
        play.set_stage = set_sparse_stage;
        faults_everywhere(&play);
}

static void subscribe_and_follow(void)
{
        open_flags = SEQCAST_REATTACH;
        subscribe_and_read();
}

static void run_wait_and_follow(void)
{
        result = faults_note(seqcast_wait(reader, 20 * SECOND), SEQCAST_REATTACHED);
}

static void check_wait_and_follow(void)
{
        if (result != SEQCAST_REATTACHED)
                EXPECT(seqcast_wait(reader, 20 * SECOND) == SEQCAST_REATTACHED, "the topic is not followed");
        EXPECT_OK(seqcast_wait(reader, 20 * SECOND));
        expect_to_read(1);
        close_all();
}

Test(faults, of_waiting_across_segments)
{
        static const struct faults_play play = {
                .name = "waiting, and re-attaching",
                .before = subscribe_and_follow,
                .run = run_wait_and_follow,
                .check = check_wait_and_follow,
                .set_stage = set_live_stage,
                .attend = attend,
                .at_sleep = create_topic,
                .only_reads = true,
        };

        faults_everywhere(&play);
}

#endif
