/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What the process around a handle is and does: descriptors that are missing, children, users, roots without
 * the usual directories, threads that are cancelled. And that the process stays what it was. */

#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <locale.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "../support/attempt.h"
#include "../support/plays.h"
#include "../support/portable.h"
#include "../support/record.h"
#include "../support/waiting.h"

#define RECORD_BYTES 64u
#define PATIENCE (10 * SECOND)

static seqcast_publisher *publisher;
static seqcast_subscriber *subscriber;
static unsigned char record[4096];
static seqcast_sample sample;

static struct shared {
        _Atomic(unsigned) ready, go;
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

TestSuite(surroundings, .init = set_up, .fini = clean_up, .timeout = 60);

static int publish_number(uint64_t number)
{
        record_fill(record, RECORD_BYTES, number);
        return seqcast_publish(publisher, record, RECORD_BYTES);
}

static bool newest_is(uint64_t number)
{
        return seqcast_read_newest(subscriber, record, sizeof record, &sample) == 0 &&
               sample.number == number && record_check(record, RECORD_BYTES, number);
}

static void open_both(uint32_t flags)
{
        cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, flags, &publisher)));
        cr_assert(zero(int, open_subscriber(&subscriber)));
}

/* ---- descriptors ------------------------------------------------------------------------------ */

static seqcast_publisher *publishers[2];

/* Of handles of all kinds; the messages that a program prints in good faith must not land in them. */
static int open_without_standard_streams(void)
{
        for (int fd = 0; fd <= 2; fd++)
                close(fd);
        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, 0, &publisher) == 0);
        PLAY_EXPECT(open_subscriber(&subscriber) == 0);
        for (int fd = 0; fd <= 2; fd++)
                PLAY_EXPECT(fcntl(fd, F_GETFD) < 0);
        PLAY_EXPECT(publish_number(1) == 0);
        fprintf(stderr, "a message of the program\n");
        perror("an error message of the program");
        PLAY_EXPECT(write(STDERR_FILENO, "seqcast", 7) < 0 && errno == EBADF);
        PLAY_EXPECT(newest_is(1));
        seqcast_subscriber_close(subscriber);
        PLAY_EXPECT(open_subscriber(&subscriber) == 0);
        PLAY_EXPECT(newest_is(1));
        publisher = seqcast_publisher_close(publisher);
        PLAY_EXPECT(seqcast_publisher_open(topic_name(), NULL, &publisher) == 0);
        PLAY_EXPECT(seqcast_publisher_version(publisher) == 1);
        for (int fd = 0; fd <= 2; fd++)
                PLAY_EXPECT(fcntl(fd, F_GETFD) < 0);
        return 0;
}

Test(surroundings, without_standard_streams_no_handle_takes_their_place)
{
        expect_play(open_without_standard_streams);
}

static int replace_without_standard_streams(void)
{
        for (int fd = 0; fd <= 2; fd++)
                close(fd);
        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, 0, &publishers[0]) == 0);
        seqcast_publisher_close(publishers[0]);
        PLAY_EXPECT(open_publisher(2 * RECORD_BYTES, 4, SEQCAST_REPLACE, &publishers[1]) == 0);
        for (int fd = 0; fd <= 2; fd++)
                PLAY_EXPECT(fcntl(fd, F_GETFD) < 0);
        return 0;
}

/* Nor the descriptors to poll: what a daemon puts in these places later would close them. */
static int poll_without_standard_streams(void)
{
        for (int fd = 0; fd <= 2; fd++)
                close(fd);
        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, 0, &publisher) == 0);
        PLAY_EXPECT(open_subscriber(&subscriber) == 0);
        PLAY_EXPECT(seqcast_subscriber_fd(subscriber) > 2);
        PLAY_EXPECT(seqcast_subscriber_drain(subscriber) == SEQCAST_NONE);
        for (int fd = 0; fd <= 2; fd++)
                PLAY_EXPECT(fcntl(fd, F_GETFD) < 0);
        return 0;
}

Test(surroundings, nor_does_a_descriptor_to_poll)
{
        skip_if_portable("there are no descriptors to wait on");
        expect_play(poll_without_standard_streams);
}

Test(surroundings, replacing_does_not_either)
{
        expect_play(replace_without_standard_streams);
}

/* ---- programs that are started ----------------------------------------------------------------- */

/* Descriptors of this process, as links, that contain `part`. */
static unsigned count_links(const char *part)
{
        unsigned count = 0;

        for (int fd = 0; fd < 256; fd++) {
                char link[64], target[256];
                ssize_t length;

                snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
                length = readlink(link, target, sizeof target - 1);
                if (length < 0)
                        continue;
                target[length] = '\0';
                count += strstr(target, part) != NULL;
        }
        return count;
}

/* Says what descriptors it has, then stays until its input ends. */
static char *const program[] = { "sh", "-c", "ls -l /proc/$$/fd; echo; read line", NULL };

/* @return how many of the program's descriptors are of shared memory, or of a descriptor to poll */
static unsigned inherited(FILE *listing)
{
        char line[512];
        unsigned count = 0;

        while (fgets(line, sizeof line, listing) != NULL && line[0] != '\n')
                count += strstr(line, "/dev/shm") != NULL || strstr(line, "inotify") != NULL ||
                         strstr(line, "eventpoll") != NULL || strstr(line, "timerfd") != NULL;
        return count;
}

struct started {
        pid_t pid;
        int input; /* it ends when this is closed */
        unsigned inherited;
};

/* `ways`: fork, vfork, posix_spawn */
enum way { BY_FORK, BY_VFORK, BY_SPAWN, WAYS };

static struct started start_program(enum way way)
{
        struct started started;
        int input[2], output[2];
        posix_spawn_file_actions_t actions;
        FILE *listing;

        if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0)
                abort();
        if (way == BY_SPAWN) {
                posix_spawn_file_actions_init(&actions);
                posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
                posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
                if (posix_spawn(&started.pid, "/bin/sh", &actions, NULL, program, environ) != 0)
                        abort();
                posix_spawn_file_actions_destroy(&actions);
        } else {
                started.pid = way == BY_FORK ? fork() : vfork();
                if (started.pid == 0) {
                        dup2(input[0], STDIN_FILENO);
                        dup2(output[1], STDOUT_FILENO);
                        execv("/bin/sh", program);
                        _exit(127);
                }
        }
        close(input[0]);
        close(output[1]);
        listing = fdopen(output[0], "r");
        started.inherited = inherited(listing);
        fclose(listing);
        started.input = input[1];
        return started;
}

static void end_program(struct started *started)
{
        close(started->input);
        waitpid(started->pid, NULL, 0);
}

Test(surroundings, a_program_that_is_started_inherits_nothing)
{
        struct started before = start_program(BY_FORK); /* what this process had been given itself */

        end_program(&before);
        open_both(0);
        if (!is_portable()) {
                cr_assert(ge(int, seqcast_subscriber_fd(subscriber), 0));
                cr_assert(eq(int, seqcast_subscriber_drain(subscriber), SEQCAST_NONE));
                cr_assert(lt(uint, 0, count_links("inotify")));
        }
        cr_assert(lt(uint, 1, count_links("/dev/shm")), "they are seen in this way");
        for (enum way way = BY_FORK; way < WAYS; way++) {
                struct started started = start_program(way);

                cr_expect(eq(uint, started.inherited, before.inherited), "way %d", (int)way);
                cr_expect(zero(int, publish_number(way + 1u)));
                end_program(&started);
        }
}

static int start_and_die(enum way way)
{
        struct started started;

        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, 0, &publisher) == 0);
        PLAY_EXPECT(publish_number(seqcast_publisher_version(publisher) + 1) == 0);
        started = start_program(way);
        atomic_store(&shared->go, (unsigned)started.pid);
        atomic_store(&shared->ready, 1);
        for (;;)
                pause();
}

static int start_by_fork_and_die(void)
{
        return start_and_die(BY_FORK);
}

static int start_by_vfork_and_die(void)
{
        return start_and_die(BY_VFORK);
}

static int start_by_spawn_and_die(void)
{
        return start_and_die(BY_SPAWN);
}

/* It ends with its input, of which the publisher has the other end; stopped, it is still there. */
Test(surroundings, a_program_that_was_started_does_not_keep_the_topic_live)
{
        static int (*const plays[WAYS])(void) = { start_by_fork_and_die, start_by_vfork_and_die,
                                                  start_by_spawn_and_die };

        for (size_t i = 0; i < WAYS; i++) {
                seqcast_status status;
                pid_t parent, program_pid;
                int r;

                atomic_store(&shared->ready, 0);
                parent = child_start(plays[i]);
                wait_for(&shared->ready, 1);
                program_pid = (pid_t)atomic_load(&shared->go);
                kill(program_pid, SIGSTOP);
                child_kill(parent);
                r = open_subscriber(&subscriber);
                if (r == 0)
                        r = seqcast_subscriber_status(subscriber, &status);
                kill(program_pid, SIGKILL);
                cr_assert(zero(int, r));
                cr_assert(eq(u32, status.liveness, SEQCAST_GONE), "way %zu", i);
                cr_assert(newest_is(i + 1));
                subscriber = seqcast_subscriber_close(subscriber);
        }
}

/* ---- fork --------------------------------------------------------------------------------------- */

/* In each state that a publisher can be in, a child gets nowhere, and the parent goes on. */
static int child_gets_nowhere(void)
{
        PLAY_EXPECT(seqcast_publish(publisher, "x", 1) == -ECHILD);
        PLAY_EXPECT(seqcast_publish_commit(publisher, 1) == -ECHILD);
        PLAY_EXPECT(seqcast_publish_abort(publisher) == -ECHILD);
        PLAY_EXPECT(seqcast_notify(publisher) == -ECHILD);
        PLAY_EXPECT(seqcast_publisher_close(publisher) == NULL);
        return 0;
}

static void fork_while_begun(uint32_t flags)
{
        void *begun;

        open_both(flags);
        cr_assert(zero(int, publish_number(1)));
        cr_assert(zero(int, seqcast_publish_begin(publisher, &begun)));
        record_fill(begun, RECORD_BYTES / 2, 2);
        expect_play(child_gets_nowhere);
        cr_assert(newest_is(1));
        record_fill(begun, RECORD_BYTES, 2);
        cr_assert(zero(int, seqcast_publish_commit(publisher, RECORD_BYTES)));
        cr_assert(newest_is(2));
        cr_assert(zero(int, seqcast_publish_begin(publisher, &begun)));
        expect_play(child_gets_nowhere);
        cr_assert(zero(int, seqcast_publish_abort(publisher)));
        cr_assert(zero(int, publish_number(3)));
        cr_assert(newest_is(3));
}

Test(surroundings, fork_while_a_publication_is_begun)
{
        fork_while_begun(0);
}

Test(surroundings, fork_while_a_publication_is_begun_in_place)
{
        fork_while_begun(SEQCAST_IN_PLACE);
}

Test(surroundings, fork_while_a_sparse_publication_is_begun)
{
        fork_while_begun(SEQCAST_SPARSE);
}

static int child_of_the_removed(void)
{
        PLAY_EXPECT(seqcast_publish(publisher, "x", 1) == -ECHILD);
        PLAY_EXPECT(seqcast_publisher_remove(publisher) == -ECHILD);
        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, 0, &publishers[0]) == 0);
        PLAY_EXPECT(seqcast_publisher_remove(publishers[0]) == 0);
        return 0;
}

Test(surroundings, fork_after_the_topic_was_removed)
{
        open_both(0);
        cr_assert(zero(int, seqcast_publisher_remove(publisher)));
        expect_play(child_of_the_removed);
        cr_assert(eq(int, seqcast_publish(publisher, "x", 1), -ESTALE));
}

/* A child that the C library knows nothing of runs no handlers. Its copy of the handle is wiped all the
 * same. */
Test(surroundings, a_child_that_fork_has_not_made)
{
        pid_t child;

        open_both(0);
        cr_assert(zero(int, publish_number(1)));
        child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (child == 0)
                _exit(child_gets_nowhere());
        cr_assert(lt(int, 0, child));
        cr_assert(zero(int, child_wait(child)), "%s", play_report);
        cr_assert(zero(int, publish_number(2)));
        cr_assert(newest_is(2));
}

/* Both wait on one open file, whose locks are the same for both. Nobody misses anything: what one takes from
 * the other makes him late by a slice, at most. */
static int wait_as_a_child(void)
{
        atomic_store(&shared->ready, 1);
        PLAY_EXPECT(seqcast_wait(subscriber, PATIENCE) == 0);
        PLAY_EXPECT(newest_is(1));
        seqcast_subscriber_close(subscriber);
        return 0;
}

Test(surroundings, a_child_and_its_parent_wait_on_one_subscriber)
{
        struct waiter waiter;
        pid_t child;

        open_both(0);
        child = child_start(wait_as_a_child);
        wait_for(&shared->ready, 1);
        waiter_start(&waiter, subscriber, PATIENCE);
        sleep_us(20000);
        cr_assert(zero(int, publish_number(1)));
        cr_expect(zero(int, waiter_join(&waiter)));
        cr_expect(zero(int, child_wait(child)), "%s", play_report);
        cr_assert(newest_is(1));
        cr_assert(zero(int, publish_number(2)), "the child has closed its handle");
        cr_assert(newest_is(2));
}

static seqcast_subscriber *companion;

static void *look_again_and_again(void *unused)
{
        seqcast_status status;

        while (atomic_load(&shared->go) == 0)
                if (seqcast_subscriber_status(companion, &status) != 0)
                        abort();
        return unused;
}

static int look_as_a_child(void)
{
        seqcast_status status;

        alarm(5); /* it may hang, where another thread has looked at the moment of fork() */
        PLAY_EXPECT(seqcast_subscriber_status(subscriber, &status) == 0);
        PLAY_EXPECT(status.liveness == SEQCAST_LIVE);
        return 0;
}

Test(surroundings, a_child_goes_on_with_a_handle_that_threads_share)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        pthread_t thread;
        int r = 0;

        options.flags = SEQCAST_SHARED;
        cr_assert(zero(int, open_publisher(RECORD_BYTES, 4, 0, &publisher)));
        cr_assert(zero(int, seqcast_subscriber_open(topic_name(), &options, &subscriber)));
        cr_assert(zero(int, seqcast_subscriber_join(subscriber, &companion)));
        cr_assert(zero(int, pthread_create(&thread, NULL, look_again_and_again, NULL)));
        for (int i = 0; i < 200 && r == 0; i++)
                r = child_wait(child_start(look_as_a_child));
        atomic_store(&shared->go, 1);
        pthread_join(thread, NULL);
        seqcast_subscriber_close(companion);
        cr_assert(zero(int, r), "%s", play_report);
}

static int close_as_a_child(void)
{
        seqcast_subscriber_close(subscriber);
        return 0;
}

Test(surroundings, a_child_that_closes_its_copy_leaves_the_parents_descriptor_alone)
{
        struct pollfd descriptor = { .events = POLLIN };

        skip_if_portable("there are no descriptors to wait on");
        open_both(0);
        descriptor.fd = seqcast_subscriber_fd(subscriber);
        cr_assert(ge(int, descriptor.fd, 0));
        cr_assert(eq(int, seqcast_subscriber_drain(subscriber), SEQCAST_NONE));
        expect_play(close_as_a_child);
        cr_assert(zero(int, publish_number(1)));
        cr_assert(eq(int, poll(&descriptor, 1, 10000), 1));
        cr_assert(zero(int, seqcast_subscriber_drain(subscriber)));
        cr_assert(newest_is(1));
}

/* ---- users --------------------------------------------------------------------------------------- */

/* What is open stays so; what is opened is opened as who one is then. */
static int change_user(void)
{
        seqcast_publisher *second;
        struct attempt attempt;

        if (setegid(STRANGER) != 0 || seteuid(STRANGER) != 0)
                return play_impossible("seteuid");
        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, 0, &publisher) == 0);
        PLAY_EXPECT(open_subscriber(&subscriber) == 0);
        PLAY_EXPECT(seteuid(0) == 0);
        PLAY_EXPECT(publish_number(1) == 0 && newest_is(1));
        PLAY_EXPECT(attempt_subscriber().result == -EPERM);
        attempt = attempt_publisher();
        PLAY_EXPECT(attempt.result == -EPERM);
        PLAY_EXPECT(strcmp(attempt.detail.text, "owner uid 1234, but you are uid 0; it is not touched") == 0);
        PLAY_EXPECT(seteuid(STRANGER + 1) == 0);
        PLAY_EXPECT(publish_number(2) == 0 && newest_is(2));
        PLAY_EXPECT(attempt_subscriber().result == -EACCES);
        PLAY_EXPECT(seteuid(0) == 0 && seteuid(STRANGER) == 0);
        PLAY_EXPECT(attempt_subscriber().result == 0);
        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, 0, &second) == -EBUSY);
        publisher = seqcast_publisher_close(publisher);
        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, 0, &publisher) == 0);
        PLAY_EXPECT(seqcast_publisher_version(publisher) == 2);
        return 0;
}

Test(surroundings, a_process_that_changes_its_user)
{
        expect_play(change_user);
}

/* Of a directory that is sticky, as /dev/shm is, only the owner of a file removes it. Its subscribers are
 * told all the same, and the owner's next publisher begins anew. */
static int remove_as_a_stranger(void)
{
        seqcast_status status;
        seqcast_info before, after;

        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, 0, &publisher) == 0);
        PLAY_EXPECT(publish_number(1) == 0);
        PLAY_EXPECT(open_subscriber(&subscriber) == 0);
        seqcast_publisher_info(publisher, &before);
        if (seteuid(STRANGER) != 0)
                return play_impossible("seteuid");
        PLAY_EXPECT(seqcast_publisher_remove(publisher) == -EACCES);
        PLAY_EXPECT(topic_exists());
        PLAY_EXPECT(publish_number(2) == -ESTALE);
        PLAY_EXPECT(newest_is(1) && sample.retired == 1);
        PLAY_EXPECT(seqcast_subscriber_status(subscriber, &status) == 0);
        PLAY_EXPECT(status.liveness == SEQCAST_REPLACED);
        seqcast_publisher_close(publisher);
        PLAY_EXPECT(seteuid(0) == 0);
        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, 0, &publisher) == 0);
        seqcast_publisher_info(publisher, &after);
        PLAY_EXPECT(before.incarnation != after.incarnation && seqcast_publisher_version(publisher) == 0);
        return 0;
}

Test(surroundings, a_topic_that_is_removed_by_another_user)
{
        struct stat memory;

        cr_assert(zero(int, stat(SHM_DIRECTORY, &memory)));
        if ((memory.st_mode & S_ISVTX) == 0)
                cr_skip_test("the directory is not sticky: anybody removes anything");
        expect_play(remove_as_a_stranger);
}

static int create_under(mode_t mask, uint32_t mode)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        struct stat status;

        umask(mask);
        options.record_bytes = 8;
        options.mode = mode;
        options.flags = SEQCAST_RECREATE;
        PLAY_EXPECT(seqcast_publisher_open(topic_name(), &options, &publisher) == 0);
        PLAY_EXPECT(stat(topic_path(), &status) == 0);
        PLAY_EXPECT((status.st_mode & 07777) == (mode != 0 ? mode : SEQCAST_MODE_PRIVATE));
        publisher = seqcast_publisher_close(publisher);
        PLAY_EXPECT(umask(0) == mask);
        return 0;
}

static int create_under_masks(void)
{
        static const mode_t masks[] = { 0, 022, 077, 0177, 0777 };
        static const uint32_t modes[] = { 0, SEQCAST_MODE_PRIVATE, SEQCAST_MODE_GROUP, SEQCAST_MODE_PUBLIC };

        if (geteuid() == 0)
                become_stranger(); /* to whom modes say something */
        for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
                for (size_t j = 0; j < sizeof modes / sizeof *modes; j++)
                        if (create_under(masks[i], modes[j]) != 0)
                                return 1;
        return 0;
}

Test(surroundings, a_segment_has_the_mode_that_was_asked_for_whatever_the_umask)
{
        expect_play(create_under_masks);
}

/* ---- roots without the usual directories ----------------------------------------------------------- */

/* Nothing but a memory file system, in a root of one's own; then perhaps not even that. */
static bool enter_root(bool with_memory)
{
        return leave_mounts() && mount("tmpfs", "/mnt", "tmpfs", 0, "size=1m,mode=0755") == 0 &&
               mkdir("/mnt/dev", 0755) == 0 && mkdir("/mnt/dev/shm", 0755) == 0 &&
               (!with_memory || mount("/dev/shm", "/mnt/dev/shm", NULL, MS_BIND, NULL) == 0) &&
               (with_memory || rmdir("/mnt/dev/shm") == 0) && chroot("/mnt") == 0 && chdir("/") == 0;
}

static int lose_everything(void)
{
        seqcast_status status;
        struct attempt attempt;

        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, SEQCAST_TIMES, &publisher) == 0);
        PLAY_EXPECT(open_subscriber(&subscriber) == 0);
        PLAY_EXPECT(publish_number(1) == 0);
        if (!enter_root(false))
                return play_impossible("chroot");
        PLAY_EXPECT(newest_is(1));
        PLAY_EXPECT(publish_number(2) == 0 && newest_is(2));
        PLAY_EXPECT(seqcast_wait(subscriber, 0) == SEQCAST_TIMEOUT);
        PLAY_EXPECT(seqcast_subscriber_status(subscriber, &status) == 0);
        PLAY_EXPECT(status.liveness == SEQCAST_LIVE && status.detached == 1 && status.age_ns == -1);
        attempt = attempt_subscriber();
        PLAY_EXPECT(attempt.result == -ENOENT && strcmp(attempt.detail.text, "no such segment") == 0);
        attempt = attempt_publisher();
        PLAY_EXPECT(attempt.result == -ENOENT &&
                    strstr(attempt.detail.text, "/dev/shm does not exist") == attempt.detail.text);
        PLAY_EXPECT(seqcast_publisher_remove(publisher) == -ESTALE);
        PLAY_EXPECT(seqcast_publisher_close(publisher) == NULL);
        return 0;
}

Test(surroundings, in_a_root_without_anything_open_handles_go_on)
{
        expect_play(lose_everything);
}

static int create_replace_and_read(void)
{
        seqcast_status status;

        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, SEQCAST_TIMES, &publisher) == 0);
        PLAY_EXPECT(open_subscriber(&subscriber) == 0);
        PLAY_EXPECT(publish_number(1) == 0 && newest_is(1));
        PLAY_EXPECT(seqcast_subscriber_status(subscriber, &status) == 0);
        PLAY_EXPECT(status.liveness == SEQCAST_LIVE && status.detached == 0);
        PLAY_EXPECT(status.age_ns == -1); /* whose clocks these are cannot be known */
        publisher = seqcast_publisher_close(publisher);
        PLAY_EXPECT(seqcast_publisher_open(topic_name(), NULL, &publisher) == 0);
        PLAY_EXPECT(seqcast_publisher_version(publisher) == 1);
        publisher = seqcast_publisher_close(publisher);
        PLAY_EXPECT(open_publisher(2 * RECORD_BYTES, 4, SEQCAST_REPLACE, &publisher) == 0);
        PLAY_EXPECT(seqcast_subscriber_status(subscriber, &status) == 0);
        PLAY_EXPECT(status.liveness == SEQCAST_REPLACED);
        PLAY_EXPECT(count_objects() == 1);
        return 0;
}

static int live_without_proc(void)
{
        if (!enter_root(true))
                return play_impossible("chroot");
        return create_replace_and_read();
}

Test(surroundings, where_no_proc_is_mounted_segments_are_made_all_the_same)
{
        expect_play(live_without_proc);
}

/* Linux 6.10 and later let whoever opened it name it; before, that takes a privilege. */
static int live_without_proc_and_privilege(void)
{
        struct attempt attempt;

        if (!enter_root(true) || !become_stranger())
                return play_impossible("chroot");
        attempt = attempt_publisher();
        PLAY_EXPECT(attempt.result == 0 || attempt.result == -ENOENT);
        if (attempt.result == 0)
                return create_replace_and_read();
        PLAY_EXPECT(strstr(attempt.detail.text, "cannot name the new segment") == attempt.detail.text);
        PLAY_EXPECT(count_objects() == 0);
        return 0;
}

Test(surroundings, nor_without_privileges)
{
        expect_play(live_without_proc_and_privilege);
}

/* It would need it; waiting does not. */
static int watch_without_proc(void)
{
        unsigned before;

        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, 0, &publisher) == 0);
        PLAY_EXPECT(open_subscriber(&subscriber) == 0);
        if (!enter_root(true))
                return play_impossible("chroot");
        before = count_open();
        PLAY_EXPECT(seqcast_subscriber_fd(subscriber) < 0);
        PLAY_EXPECT(count_open() == before);
        PLAY_EXPECT(publish_number(1) == 0);
        PLAY_EXPECT(seqcast_wait(subscriber, PATIENCE) == 0 && newest_is(1));
        return 0;
}

Test(surroundings, where_no_proc_is_mounted_there_is_no_descriptor_but_waiting)
{
        expect_play(watch_without_proc);
}

/* ---- file systems that cannot do all ----------------------------------------------------------------- */

static bool all_have_names;

/* The library's files pass by here: some file systems make none without a name. */
int open(const char *path, int flags, ...)
{
        va_list arguments;
        mode_t mode;

        va_start(arguments, flags);
        mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
        va_end(arguments);
        if (all_have_names && (flags & O_TMPFILE) == O_TMPFILE) {
                errno = EOPNOTSUPP;
                return -1;
        }
        return openat(AT_FDCWD, path, flags, mode);
}

static int publish_sparsely(void)
{
        const seqcast_part far = { 1000000 - 8, 8, "far away" };
        seqcast_read_part end = { 1000000 - 8, 8, record };

        PLAY_EXPECT(open_publisher(1000000, 2, SEQCAST_SPARSE | SEQCAST_REPLACE, &publisher) == 0);
        PLAY_EXPECT(seqcast_publish(publisher, "near", 4) == 0);
        PLAY_EXPECT(seqcast_publish_parts(publisher, &far, 1) == -ERANGE);
        seqcast_subscriber_close(subscriber);
        PLAY_EXPECT(open_subscriber(&subscriber) == 0);
        PLAY_EXPECT(seqcast_read_newest(subscriber, record, sizeof record, &sample) == 0);
        PLAY_EXPECT(memcmp(record, "near", 4) == 0 && sample.bytes == 4);
        publisher = seqcast_publisher_close(publisher);
        PLAY_EXPECT(open_publisher(1000000, 2, SEQCAST_SPARSE | SEQCAST_RECREATE, &publisher) == 0);
        PLAY_EXPECT(seqcast_publish_parts(publisher, &far, 1) == 0);
        seqcast_subscriber_close(subscriber);
        PLAY_EXPECT(open_subscriber(&subscriber) == 0);
        PLAY_EXPECT(seqcast_read_newest_parts(subscriber, &end, 1, &sample) == 0);
        PLAY_EXPECT(memcmp(record, "far away", 8) == 0 && sample.bytes == 1000000);
        publisher = seqcast_publisher_close(publisher);
        return 0;
}

static int create_and_publish(void)
{
        int r;

        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, SEQCAST_TIMES, &publisher) == 0);
        PLAY_EXPECT(open_subscriber(&subscriber) == 0);
        PLAY_EXPECT(publish_number(1) == 0 && newest_is(1));
        publisher = seqcast_publisher_close(publisher);
        r = publish_sparsely();
        PLAY_EXPECT(r != 0 || count_entries(SHM_DIRECTORY, "seqcast") == 1);
        return r;
}

/* It has no fallocate(2), and says of no page that it is a hole. */
static int live_on_a_ramfs(void)
{
        if (!leave_mounts() || mount("ramfs", "/dev/shm", "ramfs", 0, "mode=1777") != 0)
                return play_impossible("a ramfs");
        return create_and_publish();
}

Test(surroundings, a_file_system_that_reserves_nothing)
{
        expect_play(live_on_a_ramfs);
}

static int live_where_all_have_names(void)
{
        struct rlimit limit;

        if (!mount_memory("size=8m,mode=1777"))
                return play_impossible("a tmpfs of one's own");
        all_have_names = true;
        umask(0777);
        if (create_and_publish() != 0)
                return 1;
        PLAY_EXPECT(seqcast_publisher_open(topic_name(), NULL, &publisher) == 0);
        PLAY_EXPECT(seqcast_publisher_remove(publisher) == 0);
        seqcast_publisher_close(publisher);
        getrlimit(RLIMIT_FSIZE, &limit);
        limit.rlim_cur = 100;
        setrlimit(RLIMIT_FSIZE, &limit);
        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, 0, &publisher) == -EFBIG);
        PLAY_EXPECT(count_entries(SHM_DIRECTORY, "seqcast") == 0);
        return 0;
}

Test(surroundings, a_file_system_on_which_all_have_names)
{
        expect_play(live_where_all_have_names);
}

/* ---- threads that are cancelled --------------------------------------------------------------------- */

static void *in_thread(void *(*run)(void *))
{
        pthread_t thread;
        void *result;

        cr_assert(zero(int, pthread_create(&thread, NULL, run, NULL)));
        cr_assert(zero(int, pthread_join(thread, &result)));
        return result;
}

/* Of a dense segment: publishing, reading and waiting have no cancellation point. The thread ends after
 * them. */
static void *use_while_cancelled(void *unused)
{
        size_t index;

        pthread_cancel(pthread_self());
        for (uint64_t number = 1; number <= 100; number++)
                if (publish_number(number) != 0 || !newest_is(number))
                        return unused;
        if (seqcast_wait(subscriber, 20 * MS) != SEQCAST_TIMEOUT ||
            seqcast_wait_any(&subscriber, 1, 20 * MS, &index) != SEQCAST_TIMEOUT)
                return unused;
        atomic_store(&shared->ready, 1);
        pthread_testcancel();
        return unused;
}

Test(surroundings, a_thread_that_is_cancelled_finishes_what_it_publishes)
{
        skip_if_portable("waiting sleeps, which is a cancellation point");
        open_both(0);
        cr_assert(eq(ptr, in_thread(use_while_cancelled), PTHREAD_CANCELED));
        cr_assert(eq(uint, atomic_load(&shared->ready), 1), "it came to the end");
        cr_assert(zero(int, publish_number(101)));
        cr_assert(newest_is(101));
}

static unsigned char large[1 << 20];

static void *publish_until_torn(void *unused)
{
        int old;

        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
        for (;;) {
                atomic_store(&shared->go, 1);
                if (seqcast_publish(publisher, large, sizeof large) != 0)
                        return unused;
        }
}

/* Not supported within a call; but whoever does it and opens the topic again finds it whole. */
Test(surroundings, a_publication_that_is_cancelled_in_the_middle_is_not_seen)
{
        unsigned torn = 0;

        if (SANITIZED)
                cr_skip_test("a sanitizer does not know where a thread's stack was left");
        cr_assert(zero(int, open_publisher(sizeof large, 2, 0, &publisher)));
        cr_assert(zero(int, open_subscriber(&subscriber)));
        for (int round = 0; round < 20; round++) {
                uint64_t before;
                pthread_t thread;

                memset(large, round, sizeof large);
                cr_assert(zero(int, seqcast_publish(publisher, large, sizeof large)));
                atomic_store(&shared->go, 0);
                cr_assert(zero(int, pthread_create(&thread, NULL, publish_until_torn, NULL)));
                wait_for(&shared->go, 1);
                sleep_us(300 + 17 * round);
                pthread_cancel(thread);
                cr_assert(zero(int, pthread_join(thread, NULL)));
                torn += seqcast_publish(publisher, large, sizeof large) == -EBUSY;
                before = seqcast_subscriber_version(subscriber);
                publisher = seqcast_publisher_close(publisher);
                cr_assert(zero(int, seqcast_publisher_open(topic_name(), NULL, &publisher)));
                cr_assert(ge(u64, seqcast_publisher_version(publisher), before));
                memset(large, 255, sizeof large);
                cr_assert(zero(int, seqcast_read_newest(subscriber, large, sizeof large, &sample)));
                for (size_t i = 0; i < sizeof large; i++)
                        cr_assert(eq(uint, large[i], (unsigned)round));
        }
        fprintf(stderr, "cancelled in mid-publication: %u of 20\n", torn);
        cr_assert(lt(uint, 0, torn), "none was cancelled in the middle");
}

/* ---- what a process is, before and after --------------------------------------------------------------- */

#define SIGNALS 65

/* How floating-point numbers are rounded, and which exceptions trap; without the mathematical library. */
#if defined(__x86_64__)
#define ROUND_UP 0x4000u

static uint64_t float_control(void)
{
        return __builtin_ia32_stmxcsr();
}

static void set_float_control(uint64_t control)
{
        __builtin_ia32_ldmxcsr((unsigned)control);
}
#elif defined(__aarch64__)
#define ROUND_UP 0x400000u

static uint64_t float_control(void)
{
        uint64_t control;

        __asm__ volatile("mrs %0, fpcr" : "=r"(control));
        return control;
}

static void set_float_control(uint64_t control)
{
        __asm__ volatile("msr fpcr, %0" : : "r"(control));
}
#else
#define ROUND_UP 0u

static uint64_t float_control(void)
{
        return 0;
}

static void set_float_control(uint64_t control)
{
        (void)control;
}
#endif

struct process {
        struct sigaction actions[SIGNALS];
        sigset_t blocked, pending;
        stack_t signal_stack;
        char directory[4096];
        mode_t mask;
        struct rlimit limits[RLIM_NLIMITS];
        struct itimerval timers[3];
        unsigned threads, descriptors, mappings;
        char locale[256];
        uint64_t floats;
        int cancel_state, cancel_type;
        int dumpable, death_signal, priority, scheduler;
        uid_t real, effective, saved;
};

static unsigned count_lines(const char *path)
{
        FILE *file = fopen(path, "re");
        unsigned lines = 0;
        int c;

        while ((c = fgetc(file)) != EOF)
                lines += c == '\n';
        fclose(file);
        return lines;
}

static void look_at_process(struct process *process)
{
        memset(process, 0, sizeof *process);
        for (int i = 1; i < SIGNALS; i++)
                sigaction(i, NULL, &process->actions[i]);
        pthread_sigmask(SIG_BLOCK, NULL, &process->blocked);
        sigpending(&process->pending);
        sigaltstack(NULL, &process->signal_stack);
        if (getcwd(process->directory, sizeof process->directory) == NULL)
                abort();
        process->mask = umask(0);
        umask(process->mask);
        for (int i = 0; i < RLIM_NLIMITS; i++)
                getrlimit(i, &process->limits[i]);
        for (int i = 0; i < 3; i++)
                getitimer(i, &process->timers[i]);
        process->threads = count_entries("/proc/self/task", "");
        process->descriptors = count_descriptors();
        process->mappings = count_lines("/proc/self/maps");
        snprintf(process->locale, sizeof process->locale, "%s", setlocale(LC_ALL, NULL));
        process->floats = float_control();
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &process->cancel_state);
        pthread_setcancelstate(process->cancel_state, NULL);
        pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &process->cancel_type);
        pthread_setcanceltype(process->cancel_type, NULL);
        process->dumpable = prctl(PR_GET_DUMPABLE);
        prctl(PR_GET_PDEATHSIG, &process->death_signal);
        process->priority = getpriority(PRIO_PROCESS, 0);
        process->scheduler = sched_getscheduler(0);
        getresuid(&process->real, &process->effective, &process->saved);
}

/* All that can be done with handles, in several ways. */
static int do_everything(void)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        const seqcast_part part = { 0, 4, "part" };
        seqcast_subscriber *joined;
        seqcast_publisher *second = NULL;
        seqcast_status status;
        seqcast_info info;
        void *begun;
        size_t index;

        options.flags = SEQCAST_SHARED | SEQCAST_REATTACH;
        PLAY_EXPECT(seqcast_subscriber_open(topic_name(), &options, &subscriber) == -ENOENT);
        options.timeout_ns = 5 * MS;
        PLAY_EXPECT(seqcast_subscriber_open(topic_name(), &options, &subscriber) == -ETIMEDOUT);
        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, SEQCAST_TIMES | SEQCAST_SPARSE, &publisher) == 0);
        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, 0, &second) == -EBUSY);
        PLAY_EXPECT(seqcast_subscriber_open(topic_name(), &options, &subscriber) == 0);
        PLAY_EXPECT(seqcast_subscriber_join(subscriber, &joined) == 0);
        PLAY_EXPECT(publish_number(1) == 0 && newest_is(1));
        PLAY_EXPECT(seqcast_publish_parts(publisher, &part, 1) == 0);
        PLAY_EXPECT(seqcast_publish_begin(publisher, &begun) == 0);
        PLAY_EXPECT(seqcast_publish_abort(publisher) == 0);
        PLAY_EXPECT(seqcast_publish_begin(publisher, &begun) == 0);
        PLAY_EXPECT(seqcast_publish_commit(publisher, RECORD_BYTES) == 0);
        PLAY_EXPECT(seqcast_notify(publisher) == 0);
        PLAY_EXPECT(seqcast_wait(subscriber, 0) == 0);
        seqcast_subscriber_skip(subscriber);
        PLAY_EXPECT(seqcast_wait(subscriber, 5 * MS) == SEQCAST_TIMEOUT);
        PLAY_EXPECT(seqcast_wait_any(&subscriber, 1, 5 * MS, &index) == SEQCAST_TIMEOUT);
        PLAY_EXPECT(is_portable() || (seqcast_subscriber_fd(subscriber) > 2 &&
                                      seqcast_subscriber_drain(subscriber) == SEQCAST_NONE));
        seqcast_subscriber_interrupt(subscriber);
        PLAY_EXPECT(seqcast_wait(subscriber, PATIENCE) == SEQCAST_INTERRUPTED);
        PLAY_EXPECT(seqcast_subscriber_status(subscriber, &status) == 0);
        seqcast_subscriber_info(subscriber, &info);
        PLAY_EXPECT(seqcast_publisher_remove(publisher) == 0);
        publisher = seqcast_publisher_close(publisher);
        seqcast_subscriber_close(joined);
        subscriber = seqcast_subscriber_close(subscriber);
        return 0;
}

#define UNCHANGED(member) PLAY_EXPECT(memcmp(&before.member, &after.member, sizeof before.member) == 0)

static void handle_signal(int signal)
{
        (void)signal;
}

/* Unusual in every respect, so that nothing is restored to what is usual. */
static int be_unusual(void)
{
        const struct sigaction ours = { .sa_handler = handle_signal, .sa_flags = SA_RESTART | SA_ONSTACK };
        sigset_t blocked;

        signal(SIGPIPE, SIG_IGN);
        signal(SIGCHLD, SIG_IGN);
        sigaction(SIGBUS, &ours, NULL);
        sigaction(SIGXFSZ, &ours, NULL);
        sigaction(SIGUSR1, &ours, NULL);
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGUSR2);
        sigaddset(&blocked, SIGTERM);
        sigprocmask(SIG_BLOCK, &blocked, NULL);
        umask(0137);
        set_float_control(float_control() | ROUND_UP);
        return setenv("SEQCAST_ANYTHING", "1", 1);
}

static int be_as_before(void)
{
        static struct process before, after;
        static char *environment[1024];
        size_t variables = 0;

        PLAY_EXPECT(child_wait(child_start(close_as_a_child)) == 0); /* what the first fork() sets up */
        PLAY_EXPECT(do_everything() == 0);
        PLAY_EXPECT(be_unusual() == 0);
        for (; environ[variables] != NULL && variables < 1023; variables++)
                environment[variables] = strdup(environ[variables]);
        look_at_process(&before);
        if (do_everything() != 0)
                return 1;
        look_at_process(&after);
        for (int i = 1; i < SIGNALS; i++)
                PLAY_EXPECT(before.actions[i].sa_handler == after.actions[i].sa_handler &&
                            before.actions[i].sa_flags == after.actions[i].sa_flags);
        UNCHANGED(blocked);
        UNCHANGED(pending);
        UNCHANGED(signal_stack);
        UNCHANGED(directory);
        UNCHANGED(mask);
        UNCHANGED(limits);
        UNCHANGED(timers);
        UNCHANGED(threads);
        UNCHANGED(descriptors);
        UNCHANGED(mappings);
        UNCHANGED(locale);
        UNCHANGED(floats);
        UNCHANGED(cancel_state);
        UNCHANGED(cancel_type);
        UNCHANGED(dumpable);
        UNCHANGED(death_signal);
        UNCHANGED(priority);
        UNCHANGED(scheduler);
        UNCHANGED(real);
        UNCHANGED(effective);
        UNCHANGED(saved);
        for (size_t i = 0; i <= variables; i++)
                PLAY_EXPECT(environ[i] == NULL ? environment[i] == NULL
                                               : strcmp(environ[i], environment[i]) == 0);
        return 0;
}

Test(surroundings, a_process_is_afterwards_what_it_was_before)
{
        expect_play(be_as_before);
}

static int output;

/* Ends by exit(), with handles that are open, so that whatever is registered for it runs. */
static int do_everything_and_exit(void)
{
        fflush(NULL);
        PLAY_EXPECT(dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0);
        if (do_everything() != 0)
                return 1;
        PLAY_EXPECT(open_publisher(RECORD_BYTES, 4, 0, &publisher) == 0);
        PLAY_EXPECT(open_subscriber(&subscriber) == 0);
        atomic_store(&shared->ready, 1);
        if (SANITIZED)
                _exit(0);
        exit(0);
}

Test(surroundings, nothing_is_printed)
{
        FILE *file = tmpfile();
        char text[1000] = "";
        ssize_t printed;

        cr_assert(ne(ptr, file, NULL));
        output = fileno(file);
        expect_play(do_everything_and_exit);
        cr_assert(eq(uint, atomic_load(&shared->ready), 1));
        printed = pread(output, text, sizeof text - 1, 0);
        cr_assert(zero(sz, (size_t)printed), "%s", text);
        fclose(file);
}
