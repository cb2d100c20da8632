/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Publishers and subscribers in containers: as long as they share the memory file system, each sees what the
 * other is and when it ends. What namespaces make unknown is said to be unknown. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <poll.h>

#include "../support/attempt.h"
#include "../support/namespaces.h"
#include "../support/record.h"
#include "../support/waiting.h"

#define RECORD_BYTES 64u
#define PATIENCE (10 * SECOND)
#define ROUNDS_MAX 20
#define SOON (150 * MS) /* the quickest of some; 100 ms are promised */

struct place {
        const char *what;
        int flags;
};

static const struct place here = { "here", 0 };

static struct shared {
        _Atomic(unsigned) publishing, looked, done;
        _Atomic(pid_t) publisher; /* as it is seen here */
        int refused;              /* errno, where somebody could not go */
        int result;
        seqcast_status before, after;
        struct attempt second;
        int told;
        _Atomic(int64_t) killed_ns, told_ns; /* of CLOCK_REALTIME, which no namespace moves */
} * shared;

static pid_t children[2];

static void set_up(void)
{
        topic_name(); /* the children inherit it */
        shared = child_shared(sizeof *shared);
}

static void clean_up(void)
{
        for (size_t i = 0; i < 2; i++)
                if (children[i] != 0)
                        child_kill(children[i]);
        topic_remove();
        expect_none_left("the objects in shared memory", count_objects());
}

TestSuite(namespaces, .init = set_up, .fini = clean_up, .timeout = 60);

static int64_t real_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return now.tv_sec * SECOND + now.tv_nsec;
}

/* ---- the two -------------------------------------------------------------------------------- */

static const struct place *publishers_place, *subscribers_place;

static int go(const struct place *place, _Atomic(pid_t) *ret_pid)
{
        if (namespaces_enter(place->flags, ret_pid))
                return 0;
        shared->refused = errno;
        return NOT_THERE;
}

static int publish(void)
{
        unsigned char record[RECORD_BYTES];
        seqcast_publisher *publisher;

        if (go(publishers_place, &shared->publisher) != 0)
                return NOT_THERE;
        record_fill(record, sizeof record, 1);
        if (open_waking_publisher(SEQCAST_WAKE_AUTOMATIC, SEQCAST_TIMES, &publisher) != 0 ||
            seqcast_publish(publisher, record, sizeof record) != 0)
                return 1;
        atomic_store(&shared->publishing, 1);
        for (;;)
                pause();
}

/* Look at it while it lives, and wait for its end. */
static int subscribe(void)
{
        unsigned char record[RECORD_BYTES];
        seqcast_subscriber *subscriber;
        seqcast_sample sample;

        if (go(subscribers_place, NULL) != 0)
                return NOT_THERE;
        shared->result = open_subscriber(&subscriber);
        if (shared->result != 0)
                return 1;
        shared->result = seqcast_read_newest(subscriber, record, sizeof record, &sample);
        if (shared->result != 0 || !record_check(record, sizeof record, sample.number) ||
            seqcast_subscriber_status(subscriber, &shared->before) != 0)
                return 1;
        shared->second = attempt_publisher();
        atomic_store(&shared->looked, 1);
        shared->told = seqcast_wait(subscriber, PATIENCE);
        atomic_store(&shared->told_ns, real_ns());
        if (seqcast_subscriber_status(subscriber, &shared->after) != 0)
                return 1;
        seqcast_subscriber_close(subscriber);
        return 0;
}

/* @return did `child` get so far? */
static bool reached(pid_t *child, _Atomic(unsigned) *word)
{
        int status;

        while (atomic_load(word) == 0) {
                if (waitpid(*child, &status, WNOHANG) == *child) {
                        *child = 0;
                        return false;
                }
                sleep_us(200);
        }
        return true;
}

static void end(pid_t *child)
{
        if (*child != 0)
                child_kill(*child);
        *child = 0;
}

/* One life of a publisher, seen by one subscriber. @return how long after its death that was told */
static int64_t live_and_die(void)
{
        memset(shared, 0, sizeof *shared);
        children[0] = child_start(publish);
        cr_assert(reached(&children[0], &shared->publishing), "no publisher: %s", strerror(shared->refused));
        children[1] = child_start(subscribe);
        cr_assert(reached(&children[1], &shared->looked), "no subscriber: %s",
                  seqcast_strerror(shared->result));
        sleep_us(1000); /* so that it sleeps, most likely */
        atomic_store(&shared->killed_ns, real_ns());
        kill(atomic_load(&shared->publisher), SIGKILL);
        cr_assert(zero(int, child_wait(children[1])));
        children[1] = 0;
        end(&children[0]);
        topic_remove();
        return atomic_load(&shared->told_ns) - atomic_load(&shared->killed_ns);
}

/* In another time namespace, or another pid namespace, some things cannot be known. */
static void check_what_was_seen(const char *where)
{
        bool same_time = ((publishers_place->flags | subscribers_place->flags) & CLONE_NEWTIME) == 0;

        cr_expect(eq(u32, shared->before.liveness, SEQCAST_LIVE), "%s", where);
        cr_expect(eq(u64, shared->before.version, 1), "%s", where);
        cr_expect(zero(u32, shared->before.detached), "%s", where);
        if ((publishers_place->flags & CLONE_NEWPID) != 0)
                cr_expect(eq(u64, shared->before.publisher_pid, 1), "%s", where);
        if (same_time)
                cr_expect(shared->before.age_ns >= 0 && shared->before.age_ns < PATIENCE, "%s: age %ld",
                          where, (long)shared->before.age_ns);
        else
                cr_expect(eq(i64, shared->before.age_ns, -1), "%s: an age of other clocks", where);
        cr_expect(eq(int, shared->second.result, -EBUSY), "%s: %s", where, shared->second.detail.text);
        cr_expect(ne(ptr, strstr(shared->second.detail.text, "is already the publisher"), NULL), "%s: %s",
                  where, shared->second.detail.text);
        cr_expect(eq(int, strstr(shared->second.detail.text, "last publication") != NULL, same_time),
                  "%s: %s", where, shared->second.detail.text);
        cr_expect(eq(int, shared->told, SEQCAST_PUBLISHER_GONE), "%s", where);
        cr_expect(eq(u32, shared->after.liveness, SEQCAST_GONE), "%s", where);
}

static void meet(const struct place *publishers, const struct place *subscribers)
{
        char where[160];
        int64_t best = INT64_MAX;

        publishers_place = publishers;
        subscribers_place = subscribers;
        snprintf(where, sizeof where, "publisher %s, subscriber %s", publishers->what, subscribers->what);
        for (int round = 0; round < ROUNDS_MAX && best > SOON; round++) {
                int64_t now = live_and_die();

                check_what_was_seen(where);
                if (now < best)
                        best = now;
        }
        cr_expect(lt(i64, best, SOON), "%s", where);
        fprintf(stderr, "%s: death told after %.1f ms\n", where, (double)best / 1e6);
}

static const struct place *wanted;

static int try_to_go(void)
{
        return go(wanted, NULL);
}

static void meet_in(const char *what, int flags)
{
        const struct place there = { what, flags };

        wanted = &there;
        if (child_wait(child_start(try_to_go)) != 0)
                cr_skip_test("%s: %s", what, strerror(shared->refused));
        meet(&there, &here);
        meet(&here, &there);
        meet(&there, &there);
}

Test(namespaces, of_processes)
{
        meet_in("in a pid namespace", CLONE_NEWPID);
}

Test(namespaces, of_interprocess_communication)
{
        meet_in("in an ipc namespace", CLONE_NEWIPC);
}

Test(namespaces, of_users)
{
        meet_in("in a user namespace, as root", NAMESPACE_USER_MAPPED);
}

Test(namespaces, of_clocks)
{
        meet_in("in a time namespace", CLONE_NEWTIME);
}

Test(namespaces, of_mounts)
{
        meet_in("in a mount namespace", CLONE_NEWNS);
}

Test(namespaces, of_all_kinds)
{
        meet_in("in a container", NAMESPACE_USER_MAPPED | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWTIME |
                                          CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP);
}

/* ---- users that are not mapped ----------------------------------------------------------------- */

/* The kernel shows all of them as one uid, which is nobody's. */
#define OVERFLOW_UID 65534u

static bool become_unmapped(void)
{
        return namespaces_enter(NAMESPACE_USER_UNMAPPED, NULL);
}

static bool become_mapped(void)
{
        return namespaces_enter(NAMESPACE_USER_MAPPED, NULL);
}

static bool become_mapped_stranger(void)
{
        return become_stranger() && become_mapped();
}

static bool become_nobody(void)
{
        return become_user(OVERFLOW_UID);
}

static void make_public_segment(uid_t owner)
{
        seqcast_publisher *publisher;

        cr_assert(zero(int, open_publisher(ATTEMPT_RECORD_BYTES, 4, 0, &publisher)));
        seqcast_publisher_close(publisher);
        cr_assert(zero(int, chmod(topic_path(), 0644)));
        cr_assert(zero(int, chown(topic_path(), owner, (gid_t)-1)));
}

static struct attempt attempt_naming_overflow(void)
{
        struct attempt attempt = { .detail = { "" } };
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        seqcast_subscriber *subscriber = NULL;

        options.flags = SEQCAST_SET_OWNER;
        options.owner = OVERFLOW_UID;
        options.ret_detail = &attempt.detail;
        attempt.result = seqcast_subscriber_open(topic_name(), &options, &subscriber);
        seqcast_subscriber_close(subscriber);
        return attempt;
}

static void expect_elsewhere(bool (*place)(void), struct attempt (*make)(void), int result, const char *says)
{
        struct attempt attempt = attempt_elsewhere(place, make);

        if (attempt.result == NOT_THERE) {
                SKIP_WITH_TOPIC("%s", attempt.detail.text);
        }
        cr_expect(eq(int, attempt.result, result), "%s", attempt.detail.text);
        cr_expect(eq(str, attempt.detail.text, (char *)says));
}

#define UNMAPPED "its owner appears as uid 65534, as whoever is not mapped into this user namespace does"
#define UNTOUCHED UNMAPPED "; it is not touched"

/* The owner and the caller have the same uid there, by accident. */
Test(namespaces, nobody_is_not_taken_for_the_owner)
{
        make_public_segment(geteuid());
        expect_elsewhere(become_unmapped, attempt_subscriber, -EPERM, UNMAPPED);
        expect_elsewhere(become_unmapped, attempt_publisher, -EPERM, UNTOUCHED);
        expect_elsewhere(become_unmapped, attempt_replacing, -EPERM, UNTOUCHED);
        expect_elsewhere(become_unmapped, attempt_naming_overflow, 0, "");
}

static struct attempt attempt_publisher_twice(void)
{
        struct attempt first = attempt_publisher();

        return first.result == 0 ? attempt_publisher() : first;
}

Test(namespaces, nobody_may_create_but_does_not_know_his_own_again)
{
        expect_elsewhere(become_unmapped, attempt_publisher_twice, -EPERM, UNTOUCHED);
        cr_assert(topic_exists());
        cr_assert(zero(int, attempt_subscriber().result), "whose it is is known outside");
}

Test(namespaces, who_is_mapped_knows_his_own_and_no_others)
{
        if (geteuid() != 0)
                cr_skip_test("only root can act for other users");
        make_public_segment(0);
        expect_elsewhere(become_mapped, attempt_subscriber, 0, "");
        expect_elsewhere(become_mapped, attempt_publisher, 0, "");
        expect_elsewhere(become_mapped_stranger, attempt_subscriber, -EPERM, UNMAPPED);
        cr_assert(zero(int, chown(topic_path(), STRANGER, STRANGER)));
        expect_elsewhere(become_mapped_stranger, attempt_subscriber, 0, "");
        expect_elsewhere(become_mapped_stranger, attempt_publisher, 0, "");
        expect_elsewhere(become_mapped, attempt_subscriber, -EPERM, UNMAPPED);
}

Test(namespaces, where_all_are_mapped_uid_65534_is_a_user_like_any_other)
{
        if (geteuid() != 0)
                cr_skip_test("only root can act for other users");
        make_public_segment(OVERFLOW_UID);
        expect_elsewhere(become_nobody, attempt_subscriber, 0, "");
        expect_elsewhere(become_nobody, attempt_publisher, 0, "");
        expect_elsewhere(become_stranger, attempt_naming_overflow, 0, "");
}

/* ---- a shared memory of one's own -------------------------------------------------------------- */

static bool have_private_memory(void)
{
        return mount_memory("size=1m");
}

static struct attempt attempt_both(void)
{
        struct attempt attempt = attempt_publisher();

        return attempt.result == 0 ? attempt_subscriber() : attempt;
}

Test(namespaces, who_has_a_private_memory_sees_nothing_of_ours_nor_we_of_his)
{
        make_public_segment(geteuid());
        expect_elsewhere(have_private_memory, attempt_subscriber, -ENOENT, "no such segment");
        topic_remove();
        expect_elsewhere(have_private_memory, attempt_both, 0, "");
        cr_assert(not(topic_exists()));
        cr_assert(eq(int, attempt_subscriber().result, -ENOENT));
}

/* ---- clocks ------------------------------------------------------------------------------------ */

static bool have_other_clocks(void)
{
        return namespaces_enter(CLONE_NEWTIME, NULL);
}

static int64_t boot_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return now.tv_sec * SECOND + now.tv_nsec;
}

/* In `result`: which of these things is not so. */
static struct attempt attempt_by_the_clock(void)
{
        struct attempt attempt = { .result = 1, .detail = { "" } };
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        seqcast_publisher *publisher;
        seqcast_subscriber *subscriber;
        seqcast_status status;
        struct pollfd descriptor = { .events = POLLIN };
        int64_t start = monotonic_ns();

        options.timeout_ns = 30 * MS;
        if (seqcast_subscriber_open(topic_name(), &options, &subscriber) != -ETIMEDOUT ||
            monotonic_ns() - start < 30 * MS || monotonic_ns() - start > PATIENCE)
                return attempt;
        attempt.result = 2;
        if (open_waking_publisher(SEQCAST_WAKE_AUTOMATIC, SEQCAST_TIMES, &publisher) != 0 ||
            seqcast_publish(publisher, "now", 3) != 0 || open_subscriber(&subscriber) != 0 ||
            seqcast_subscriber_status(subscriber, &status) != 0)
                return attempt;
        attempt.result = 3;
        if (status.age_ns < 0 || status.age_ns > PATIENCE)
                return attempt;
        attempt.result = 4;
        seqcast_subscriber_skip(subscriber);
        start = monotonic_ns();
        if (seqcast_wait(subscriber, 150 * MS) != SEQCAST_TIMEOUT || monotonic_ns() - start < 150 * MS ||
            monotonic_ns() - start > PATIENCE)
                return attempt;
        /* Nothing happens but that it is time to look: the alarm rings within a second or so. */
        attempt.result = 5;
        descriptor.fd = seqcast_subscriber_fd(subscriber);
        if (descriptor.fd >= 0 && seqcast_subscriber_drain(subscriber) != SEQCAST_NONE)
                return attempt;
        if (descriptor.fd >= 0 && poll(&descriptor, 1, 10000) != 1)
                return attempt;
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_close(publisher);
        attempt.result = boot_ns() < namespace_clock_offset_s * SECOND ? 6 : 0;
        return attempt;
}

Test(namespaces, where_clocks_are_ahead_times_and_timeouts_are_right)
{
        expect_elsewhere(have_other_clocks, attempt_by_the_clock, 0, "");
}

static int leave_a_time(void)
{
        seqcast_publisher *publisher;

        if (!have_other_clocks())
                return NOT_THERE;
        if (open_waking_publisher(SEQCAST_WAKE_AUTOMATIC, SEQCAST_TIMES, &publisher) != 0)
                return 1;
        return seqcast_publish(publisher, "a day ahead", 11) == 0 ? 0 : 1;
}

/* The dead publisher's clocks are not ours: its times say nothing, until one of our own has published. */
static void expect_no_age_of_clocks_ahead_by(int seconds)
{
        seqcast_publisher *publisher;
        seqcast_subscriber *subscriber;
        seqcast_status status;
        int r;

        namespace_clock_offset_s = seconds;
        r = child_wait(child_start(leave_a_time));
        if (r == NOT_THERE)
                cr_skip_test("no time namespace to be had here");
        cr_assert(zero(int, r));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        cr_assert(zero(int, seqcast_subscriber_status(subscriber, &status)));
        cr_expect(eq(u32, status.liveness, SEQCAST_GONE));
        cr_expect(eq(i64, status.age_ns, -1), "clocks ahead by %d s", seconds);
        cr_assert(zero(int, open_waking_publisher(SEQCAST_WAKE_AUTOMATIC, 0, &publisher)));
        cr_assert(zero(int, seqcast_subscriber_status(subscriber, &status)));
        cr_expect(eq(i64, status.age_ns, -1), "taken over, clocks ahead by %d s", seconds);
        cr_assert(zero(int, seqcast_publish(publisher, "now", 3)));
        cr_assert(zero(int, seqcast_subscriber_status(subscriber, &status)));
        cr_expect(status.age_ns >= 0 && status.age_ns < PATIENCE, "%ld", (long)status.age_ns);
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_close(publisher);
        topic_remove();
}

Test(namespaces, what_was_published_by_other_clocks_has_no_age)
{
        expect_no_age_of_clocks_ahead_by(100000);
        expect_no_age_of_clocks_ahead_by(-(int)(boot_ns() / SECOND / 2));
}
