/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The ends of a publisher's life: opening, in all its ways, removing and closing.
 *
 * First the publisher is stopped after every instruction of the call. At each state, whatever the topic's
 * name stands for can be opened and read; subscribers who were there before still find the last record; and
 * whoever takes over a copy goes on with the number after the last.
 *
 * Then the call is repeated up to each of these states, and there
 *   - the publisher is killed, and the next one has to go on, or
 *   - another publisher comes in between: stays, or has left again, or has removed or replaced the segment,
 *     or has found its name unlinked by somebody else. There must never be two owners, nor one of a segment
 *     that has no name any more.
 *
 *   lives [--acts create,take-over,...] [--interventions none,kill,stay,...]       all, by default */

#define _GNU_SOURCE
#include <fcntl.h>

#include "handle/segment.h"
#include "platform/lock.h"

#include "../support/record.h"
#include "../support/topic.h"
#include "arguments.h"
#include "step.h"
#include "tally.h"

#define RECORD_BYTES 64u
#define DEPTH 4u
#define OTHER_DEPTH 2u
#define RECORDS 5u /* published before */
#define SEGMENT_MAX 65536u
#define INSTRUCTIONS_MAX 5000000u
#define CALLS_MAX 400u
#define ANOTHER_LIFE UINT64_C(1000003)

enum before { NOTHING, LEFT, TORN_IN_MIDDLE, NOT_ANNOUNCED, MARKED_RETIRED };

enum call { OPEN, REMOVE, CLOSE };

static const struct act {
        const char *name;
        enum before before;
        enum call call;
        uint32_t flags, depth;
} acts[] = {
        { "create", NOTHING, OPEN, 0, DEPTH },
        { "create-sparse", NOTHING, OPEN, SEQCAST_SPARSE, DEPTH },
        { "take-over", LEFT, OPEN, 0, DEPTH },
        { "take-over-torn", TORN_IN_MIDDLE, OPEN, 0, DEPTH },
        { "take-over-unannounced", NOT_ANNOUNCED, OPEN, 0, DEPTH },
        { "replace", NOT_ANNOUNCED, OPEN, SEQCAST_REPLACE, OTHER_DEPTH },
        { "replace-retired", MARKED_RETIRED, OPEN, 0, DEPTH },
        { "recreate", LEFT, OPEN, SEQCAST_RECREATE, DEPTH },
        { "remove", LEFT, REMOVE, 0, DEPTH },
        { "close", LEFT, CLOSE, 0, DEPTH },
};

#define ACTS (sizeof acts / sizeof *acts)

enum intervention { NONE, KILL, STAY, LEAVE, TAKE_AWAY, RECREATE, UNLINK, INTERVENTIONS };

static const char *const intervention_names[] = { "none",   "kill",     "stay",  "leave",
                                                  "remove", "recreate", "unlink" };

/* A segment that the tracer keeps an eye on. */
struct eye {
        int fd;
        ino_t inode;
        size_t bytes;
        unsigned char now[SEGMENT_MAX], before[SEGMENT_MAX];
};

static const struct act *act;
static enum intervention intervention;
static struct step publisher;
static struct eye old, named; /* what was there before, and what the name stands for */
static bool was_named;        /* has the name ever stood for something? */
static uint64_t last; /* number of the last complete publication in the old segment, announced or not */
static uint64_t old_incarnation;
static seqcast_subscriber *newest, *next; /* of the old segment */

/* At which call, and how many changes of memory after it, there were states to look at. */
static unsigned changes_after[CALLS_MAX];
static unsigned calls_made;

/* What the publisher tells its tracer. */
static struct {
        int result;
        uint64_t incarnation, version;
} * told;

static void fault(enum figure figure)
{
        char where[160];

        snprintf(where, sizeof where, "%s, %s, after call %llu, instruction %llu", act->name,
                 intervention_names[intervention], (unsigned long long)publisher.calls,
                 (unsigned long long)publisher.instructions);
        tally_fault(figure, where);
}

static const char *copy_name(void)
{
        static char name[64];

        if (name[0] == '\0') /* as unique as the topic, and not one of its temporary names */
                snprintf(name, sizeof name, "seqcast-copy%s", topic_name() + strlen("seqcast-test"));
        return name;
}

/* A publisher that is killed while it replaces a segment may leave a temporary name. */
static void remove_temporary_names(void)
{
        DIR *directory = opendir(SHM_DIRECTORY);
        const struct dirent *entry;
        char beginning[80];

        if (directory == NULL)
                return;
        snprintf(beginning, sizeof beginning, ".%s.", topic_name());
        while ((entry = readdir(directory)) != NULL)
                if (strncmp(entry->d_name, beginning, strlen(beginning)) == 0)
                        unlinkat(dirfd(directory), entry->d_name, 0);
        closedir(directory);
}

static void clean_up(void)
{
        shm_unlink(copy_name());
        topic_remove();
        remove_temporary_names();
}

static void require(bool condition, const char *what)
{
        if (condition)
                return;
        printf("%s: %s\n", what, strerror(errno));
        clean_up();
        exit(1);
}

/* ---- records -------------------------------------------------------------------------------- */

/* Of the publisher that was there before (0), of the one that is stepped through (1), of others (2, 3). */
static int publish(seqcast_publisher *to, uint64_t life)
{
        unsigned char record[RECORD_BYTES];

        record_fill(record, sizeof record, seqcast_publisher_version(to) + 1 + life * ANOTHER_LIFE);
        return seqcast_publish(to, record, sizeof record);
}

static bool is_whole(const unsigned char *record, const seqcast_sample *sample, uint64_t life)
{
        return sample->bytes == RECORD_BYTES &&
               record_check(record, RECORD_BYTES, sample->number + life * ANOTHER_LIFE);
}

static int open_for_records(const char *topic, uint32_t depth, uint32_t flags,
                            seqcast_publisher **ret_publisher)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        options.record_bytes = RECORD_BYTES;
        options.depth = depth;
        options.flags = flags;
        return seqcast_publisher_open(topic, &options, ret_publisher);
}

static uint64_t incarnation_of(const seqcast_publisher *of)
{
        seqcast_info info;

        seqcast_publisher_info(of, &info);
        return info.incarnation;
}

/* ---- the publisher that is stepped through --------------------------------------------------- */

static void tell(int result, const seqcast_publisher *of)
{
        told->result = result;
        if (result == 0 && of != NULL) {
                told->incarnation = incarnation_of(of);
                told->version = seqcast_publisher_version(of);
        }
}

static int open_and_publish(void)
{
        seqcast_publisher *to = NULL;
        int r;

        step_mark();
        r = open_for_records(topic_name(), act->depth, act->flags, &to);
        tell(r, to);
        step_mark();
        if (r == 0)
                r = publish(to, 1);
        else
                to = NULL;
        step_mark();
        seqcast_publisher_close(to);
        return r == 0 ? 0 : 1;
}

static int publish_and_end(void)
{
        seqcast_publisher *to;

        if (open_for_records(topic_name(), act->depth, act->flags, &to) != 0 || publish(to, 0) != 0)
                return 1;
        tell(0, to);
        step_mark();
        if (act->call == REMOVE)
                told->result = seqcast_publisher_remove(to);
        else
                to = seqcast_publisher_close(to);
        step_mark();
        step_mark();
        seqcast_publisher_close(to);
        return 0;
}

/* ---- what was there before ------------------------------------------------------------------ */

/* What a publisher leaves that dies in the middle of a publication. */
static void tear(void)
{
        seqcast_publisher *to;
        void *room = NULL;

        require(open_for_records(topic_name(), DEPTH, SEQCAST_IN_PLACE, &to) == 0 &&
                        seqcast_publish_begin(to, &room) == 0,
                "a publication is begun");
        memset(room, 0xee, RECORD_BYTES / 2);
        seqcast_publisher_close(to);
}

/* ... between the last store to a slot and its announcement, or between marking and removing a segment. */
static void change_version(enum before before)
{
        int fd = shm_open(topic_name(), O_RDWR, 0);
        const struct seqcast__segment_header *header;
        struct seqcast_ring ring;
        void *base = mmap(NULL, old.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        require(fd >= 0 && base != MAP_FAILED, "the segment is mapped");
        header = base;
        ring = seqcast__layout_ring(header, base);
        if (before == NOT_ANNOUNCED)
                seqcast_word_store_relaxed(ring.version, last - 1);
        else
                seqcast_ring_retire(&ring);
        munmap(base, old.bytes);
        close(fd);
}

static void look(struct eye *eye)
{
        if (eye->fd >= 0)
                require(pread(eye->fd, eye->now, eye->bytes, 0) == (ssize_t)eye->bytes, "it is read");
}

static void close_eye(struct eye *eye)
{
        if (eye->fd >= 0)
                close(eye->fd);
        eye->fd = -1;
        eye->inode = 0;
        eye->bytes = 0;
}

/* Look at what the name stands for now. */
static void open_eye(struct eye *eye)
{
        struct stat status;

        close_eye(eye);
        eye->fd = shm_open(topic_name(), O_RDONLY, 0);
        if (eye->fd < 0)
                return;
        require(fstat(eye->fd, &status) == 0 && status.st_size <= (off_t)SEGMENT_MAX, "it is small");
        eye->inode = status.st_ino;
        eye->bytes = (size_t)status.st_size;
        look(eye);
        memcpy(eye->before, eye->now, eye->bytes);
}

static void read_up_to_date(void)
{
        unsigned char record[RECORD_BYTES];
        seqcast_sample sample = { 0 };

        require(open_subscriber(&newest) == 0 && open_subscriber(&next) == 0, "there are subscribers");
        while (seqcast_read_next(next, record, sizeof record, &sample) == SEQCAST_OK)
                ;
        require(sample.number == last && is_whole(record, &sample, 0), "they know the last record");
}

static void prepare(void)
{
        seqcast_publisher *to;

        memset(told, 0, sizeof *told);
        last = 0;
        if (act->before != NOTHING) {
                require(open_for_records(topic_name(), DEPTH, 0, &to) == 0, "a publisher was there");
                for (last = 0; last < RECORDS; last++)
                        require(publish(to, 0) == 0, "records were published");
                old_incarnation = incarnation_of(to);
                seqcast_publisher_close(to);
        }
        open_eye(&old);
        if (act->before == TORN_IN_MIDDLE)
                tear();
        if (act->before == NOT_ANNOUNCED || act->before == MARKED_RETIRED)
                change_version(act->before);
        require(step_start(&publisher, act->call == OPEN ? open_and_publish : publish_and_end) == STEP_MARK,
                "the publisher is at its call");
        if (act->call != OPEN)
                last++;
        if (old.fd >= 0)
                read_up_to_date();
        open_eye(&old);
        open_eye(&named);
        was_named = named.fd >= 0;
}

static void finish(void)
{
        newest = seqcast_subscriber_close(newest);
        next = seqcast_subscriber_close(next);
        close_eye(&old);
        close_eye(&named);
        clean_up();
}

/* ---- at each state -------------------------------------------------------------------------- */

static bool has_changed(struct eye *eye)
{
        look(eye);
        return eye->fd >= 0 && memcmp(eye->now, eye->before, eye->bytes) != 0;
}

static void remember(struct eye *eye)
{
        if (eye->fd >= 0)
                memcpy(eye->before, eye->now, eye->bytes);
}

static bool may_be_nameless(void)
{
        return (act->before == NOTHING && !was_named) || act->call == REMOVE;
}

static void judge_named(int r, const seqcast_sample *sample, const unsigned char *record, bool is_old)
{
        tally.count[READS]++;
        if (!is_old) {
                if (r != SEQCAST_EMPTY)
                        fault(HALF_MADE);
        } else if (r != SEQCAST_OK) {
                fault(BLOCKED);
        } else if (!is_whole(record, sample, 0)) {
                fault(TORN);
        } else if (sample->number + (act->before == NOT_ANNOUNCED) < last) {
                fault(BACKWARDS);
        }
}

/* Whatever the name stands for is whole. */
static void check_named(void)
{
        unsigned char record[RECORD_BYTES];
        seqcast_subscriber *subscriber;
        seqcast_sample sample = { 0 };
        seqcast_info info;
        int r = open_subscriber(&subscriber);

        tally.count[OPENS]++;
        if (r != 0) {
                if (r != -ENOENT || !may_be_nameless())
                        fault(HALF_MADE);
                return;
        }
        was_named = true;
        seqcast_subscriber_info(subscriber, &info);
        r = seqcast_read_newest(subscriber, record, sizeof record, &sample);
        judge_named(r, &sample, record, old.fd >= 0 && info.incarnation == old_incarnation);
        seqcast_subscriber_close(subscriber);
}

static void check_old_subscribers(void)
{
        unsigned char record[RECORD_BYTES];
        seqcast_sample sample = { 0 };
        int r;

        if (old.fd < 0)
                return;
        judge_named(seqcast_read_newest(newest, record, sizeof record, &sample), &sample, record, true);
        tally.count[READS]++;
        r = seqcast_read_next(next, record, sizeof record, &sample);
        if (r == SEQCAST_OK)
                fault(REUSED);
        else if (r != SEQCAST_NONE && r != SEQCAST_RETIRED)
                fault(BLOCKED);
}

/* The publisher dies here, and all that it leaves is the named segment. */
static void check_takeover(void)
{
        const struct seqcast__segment_header *header = (const void *)named.now;
        unsigned char record[RECORD_BYTES];
        struct seqcast_ring_reader reader = { 0 };
        struct seqcast_ring ring;
        seqcast_sample sample = { 0 };
        seqcast_publisher *to;
        uint64_t version, expected = 0;
        int fd;

        if (named.fd < 0)
                return;
        tally.count[TAKEOVERS]++;
        tally.count[LIBRARY]++;
        ring = seqcast__layout_ring(header, named.now);
        if (named.inode == old.inode && (seqcast_ring_version(&ring) & SEQCAST_VERSION_RETIRED) == 0)
                expected = last;
        shm_unlink(copy_name());
        fd = shm_open(copy_name(), O_RDWR | O_CREAT | O_EXCL, 0600);
        require(fd >= 0 && pwrite(fd, named.now, named.bytes, 0) == (ssize_t)named.bytes, "it is copied");
        close(fd);
        if (open_for_records(copy_name(), 0, 0, &to) != 0) {
                fault(FAILED);
                return;
        }
        version = seqcast_publisher_version(to);
        if (version != expected)
                fault(version < expected ? REUSED : SKIPPED);
        if (publish(to, 2) != 0)
                fault(FAILED);
        seqcast_publisher_close(to);
        fd = shm_open(copy_name(), O_RDONLY, 0);
        require(fd >= 0 && pread(fd, named.now, named.bytes, 0) > 0, "the copy is read");
        close(fd);
        ring = seqcast__layout_ring(header, named.now);
        if (seqcast_ring_read_newest(&ring, &reader, record, sizeof record, &sample) != SEQCAST_OK)
                fault(BLOCKED);
        else if (sample.number != version + 1 || !is_whole(record, &sample, 2))
                fault(TORN);
        look(&named);
}

static void check_state(void)
{
        tally.count[STATES]++;
        check_named();
        check_old_subscribers();
        check_takeover();
        remember(&old);
        remember(&named);
}

/* The readers of a segment that is no more are told, and keep the last record. */
static void check_end(void)
{
        unsigned char record[RECORD_BYTES];
        seqcast_sample sample = { 0 };
        bool replaced = act->call == REMOVE || (act->call == OPEN && old.fd >= 0 && named.inode != old.inode);

        if (told->result != 0)
                fault(FAILED);
        if (replaced !=
            (old.fd >= 0 && seqcast_read_next(next, record, sizeof record, &sample) == SEQCAST_RETIRED))
                fault(LOST);
}

static void step_through(void)
{
        uint64_t calls = 0;

        calls_made = 0;
        memset(changes_after, 0, sizeof changes_after);
        check_state();
        while (publisher.instructions < INSTRUCTIONS_MAX && publisher.calls < CALLS_MAX &&
               step_one(&publisher) == STEP_ON) {
                if (publisher.calls != calls) {
                        calls = publisher.calls;
                        calls_made++;
                        look(&old);
                        open_eye(&named);
                        check_state();
                } else if (has_changed(&old) || has_changed(&named)) {
                        changes_after[calls]++;
                        check_state();
                }
        }
        if (!WIFSTOPPED(publisher.status) || publisher.instructions == INSTRUCTIONS_MAX ||
            publisher.calls == CALLS_MAX)
                fault(FAILED);
        check_end();
        tally.count[INSTRUCTIONS] += publisher.instructions;
}

/* ---- interventions -------------------------------------------------------------------------- */

/* After so many calls, and changes of memory. @return false: the call was over before */
static bool go_to(unsigned calls, unsigned changes)
{
        while (publisher.calls < calls)
                if (step_call(&publisher) != STEP_ON)
                        return false;
        look(&old);
        remember(&old);
        open_eye(&named);
        while (changes > 0) {
                if (step_one(&publisher) != STEP_ON)
                        return false;
                if (has_changed(&old) || has_changed(&named)) {
                        changes--;
                        remember(&old);
                        remember(&named);
                }
        }
        return true;
}

/* Somebody opens it, who must find this number, and the newest record. */
static seqcast_publisher *expect_goes_on(uint32_t flags, uint64_t expected, uint64_t life)
{
        unsigned char record[RECORD_BYTES];
        seqcast_subscriber *subscriber;
        seqcast_sample sample = { 0 };
        seqcast_publisher *to;
        uint64_t version;

        if (open_for_records(topic_name(), 0, flags, &to) != 0) {
                fault(FAILED);
                return NULL;
        }
        version = seqcast_publisher_version(to);
        if (version != expected)
                fault(version < expected ? REUSED : SKIPPED);
        if (publish(to, life) != 0 || open_subscriber(&subscriber) != 0) {
                fault(FAILED);
                return to;
        }
        if (seqcast_read_newest(subscriber, record, sizeof record, &sample) != SEQCAST_OK)
                fault(BLOCKED);
        else if (sample.number != version + 1 || !is_whole(record, &sample, life))
                fault(TORN);
        seqcast_subscriber_close(subscriber);
        return to;
}

/* The number that the next publisher has to find, in what the name stands for now. */
static uint64_t number_to_go_on_from(void)
{
        const struct seqcast__segment_header *header = (const void *)named.now;
        struct seqcast_ring ring;

        open_eye(&named);
        if (named.fd < 0 || named.inode != old.inode)
                return 0;
        ring = seqcast__layout_ring(header, named.now);
        return (seqcast_ring_version(&ring) & SEQCAST_VERSION_RETIRED) != 0 ? 0 : last;
}

static void kill_here(void)
{
        seqcast_subscriber *subscriber;
        seqcast_publisher *to;
        seqcast_status status;

        tally.count[KILLS]++;
        step_kill(&publisher);
        check_named();
        check_old_subscribers();
        if (open_subscriber(&subscriber) == 0) {
                if (seqcast_subscriber_status(subscriber, &status) != 0 || status.liveness == SEQCAST_LIVE)
                        fault(FAILED);
                seqcast_subscriber_close(subscriber);
        }
        /* To replace at one stroke, the new segment needs a name of its own for a moment. */
        if (count_objects() > (act->call == OPEN && act->before != NOTHING ? 2u : 1u))
                fault(HALF_MADE);
        to = expect_goes_on(SEQCAST_REPLACE, number_to_go_on_from(), 2);
        if (to != NULL && seqcast_publisher_remove(to) != 0)
                fault(FAILED);
        seqcast_publisher_close(to);
}

/* Another publisher. @return its handle, if it stays */
static seqcast_publisher *contend(uint64_t *ret_incarnation, uint64_t *ret_version)
{
        uint64_t expected = number_to_go_on_from();
        seqcast_publisher *to;
        int r;

        if (intervention == UNLINK)
                topic_remove();
        r = open_for_records(topic_name(), 0, intervention == RECREATE ? SEQCAST_RECREATE : 0, &to);

        tally.count[CONTENDERS]++;
        *ret_incarnation = *ret_version = 0;
        if (r != 0) {
                if (r != -EBUSY)
                        fault(FAILED);
                return NULL;
        }
        if (intervention == RECREATE || intervention == UNLINK)
                expected = 0;
        if (seqcast_publisher_version(to) != expected)
                fault(seqcast_publisher_version(to) < expected ? REUSED : SKIPPED);
        if (publish(to, 2) != 0)
                fault(FAILED);
        *ret_incarnation = incarnation_of(to);
        *ret_version = seqcast_publisher_version(to);
        if (intervention == TAKE_AWAY && seqcast_publisher_remove(to) != 0)
                fault(FAILED);
        return intervention == LEAVE || intervention == TAKE_AWAY ? seqcast_publisher_close(to) : to;
}

/* What the publisher has opened must be what the name stands for, and nobody else's. */
static void check_owner(uint64_t contender_incarnation, uint64_t contender_version)
{
        uint64_t expected = told->incarnation == contender_incarnation ? contender_version
                            : told->incarnation == old_incarnation     ? last
                                                                       : 0;
        seqcast_publisher *second;
        int r;

        if (told->result != 0) {
                fault(FAILED);
                return;
        }
        r = open_for_records(topic_name(), 0, 0, &second);
        if (r != -EBUSY) {
                fault(TWO_OWNERS);
                if (r == 0)
                        seqcast_publisher_close(second);
                return;
        }
        if (told->version != expected)
                fault(told->version < expected ? REUSED : SKIPPED);
}

static void check_named_is(uint64_t incarnation)
{
        seqcast_subscriber *subscriber;
        seqcast_info info = { 0 };

        if (open_subscriber(&subscriber) != 0) {
                fault(TWO_OWNERS);
                return;
        }
        seqcast_subscriber_info(subscriber, &info);
        if (info.incarnation != incarnation)
                fault(TWO_OWNERS);
        seqcast_subscriber_close(subscriber);
}

static void contend_here(void)
{
        uint64_t incarnation, version;
        seqcast_publisher *contender = contend(&incarnation, &version);

        if (!WIFSTOPPED(publisher.status) || step_run(&publisher) != STEP_MARK)
                fault(FAILED);
        if (contender != NULL) {
                if (act->call == OPEN && told->result == 0)
                        fault(TWO_OWNERS);
                else if (told->result != (act->call == OPEN ? -EBUSY : 0) ||
                         (act->call == REMOVE && incarnation == told->incarnation))
                        fault(FAILED);
                check_named_is(incarnation);
        } else if (act->call == OPEN) {
                check_owner(incarnation, version);
        } else if (told->result != 0) {
                fault(FAILED);
        }
        step_run(&publisher); /* it publishes, if it can */
        seqcast_publisher_close(contender);
        step_run(&publisher);
        if (!WIFEXITED(publisher.status))
                fault(FAILED);
}

static bool is_held(const struct eye *eye)
{
        return eye->fd >= 0 && seqcast__lock_is_held(eye->fd, SEQCAST__PUBLISHER_LOCK_BYTE) != 0;
}

/* Once the publisher has locked a segment and looked at its name, it cannot know that somebody unlinks it. */
static bool is_possible(void)
{
        return intervention != UNLINK || (old.fd >= 0 && !is_held(&old) && !is_held(&named));
}

static void intervene(void)
{
        if (!is_possible())
                step_kill(&publisher);
        else if (intervention == KILL)
                kill_here();
        else
                contend_here();
}

static void intervene_everywhere(void)
{
        for (unsigned calls = 0; calls < calls_made; calls++) {
                for (unsigned changes = 0; changes <= changes_after[calls]; changes++) {
                        prepare();
                        if (go_to(calls, changes))
                                intervene();
                        else
                                step_kill(&publisher);
                        finish();
                }
        }
}

/* What is allocated and bound at the first call is so from now on, and each run makes the same calls. */
static void rehearse(void)
{
        act = &acts[2];
        prepare();
        step_kill(&publisher);
        finish();
}

static void run_through(void)
{
        intervention = NONE;
        prepare();
        step_through();
        step_run(&publisher);
        step_run(&publisher);
        if (!step_ended_well(&publisher))
                fault(FAILED);
        finish();
}

int main(int argc, char **argv)
{
        static const struct option known[] = { { "acts", 1, NULL, 'a' },
                                               { "interventions", 1, NULL, 'i' },
                                               { 0 } };
        const char *given[ARGUMENT_LETTERS], *obstacle;
        struct tally sum = { { 0 } };

        arguments_take(argc, argv, known, given);
        topic_name(); /* the children inherit it */
        copy_name();
        told = child_shared(sizeof *told);
        old.fd = named.fd = -1;
        obstacle = step_prepare(clean_up);
        if (obstacle != NULL) {
                puts(obstacle);
                return 77;
        }
        rehearse();
        for (act = acts; act < acts + ACTS; act++) {
                if (!is_listed(given['a'], act->name))
                        continue;
                run_through();
                for (intervention = KILL; intervention < INTERVENTIONS; intervention++)
                        if (is_listed(given['i'], intervention_names[intervention]))
                                intervene_everywhere();
                tally_close(act->name, &sum);
        }
        tally_print("all", &sum);
        return sum.count[STATES] != 0 && tally_is_good(&sum) ? 0 : 1;
}
