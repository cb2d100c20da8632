/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* One topic, many lives of its publisher: records that say which life has published them and check
 * themselves, the publisher that makes them in all ways there are, and readers that judge what they are
 * delivered in all ways there are. Who ends or stops whom, and when, is for the program. */

#ifndef SEQCAST_TESTS_TORTURE_LIVES_H
#define SEQCAST_TESTS_TORTURE_LIVES_H

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "handle/subscriber.h"
#include "seqcast.h"
#include "seqcast/copy.h"

#include "../support/child.h"
#include "../support/record.h"
#include "../support/topic.h"

#include "harness.h"

#define LIFE_READERS_MAX 16
#define LIFE_RECORD_MAX 65536u
#define LIFE_WITNESSES 65536u /* publications that are remembered; readers lag behind less */
#define LIFE_HASH_BITS 24
#define LIFE_NUMBER_BITS 40
#define LIFE_READER_NICE 4
#define LIFE_TURNS_AN_ALARM 1024u
#define LIFE_TURNS_A_HANDLE 50000u

static unsigned life_patience = 60; /* seconds, for what takes microseconds */

/* ---- what is counted ------------------------------------------------------------------------ */

enum life_counter {
        LIFE_PUBLISHED,
        LIFE_READ,
        LIFE_NOTHING, /* nothing new */
        LIFE_BUSY,
        LIFE_BLOCKED, /* busy, with no publisher that runs: right at depth 1 only */
        LIFE_TORN,
        LIFE_BACKWARDS,
        LIFE_REUSED,
        LIFE_SKIPPED,
        LIFE_WRONG_LOSS,
        LIFE_MISSED, /* "nothing new" though a newer number had been announced */
        LIFE_TAKEOVER_WRONG,
        LIFE_FAILED,
        LIFE_COUNTERS,
        LIFE_FIRST_WRONG = LIFE_TORN
};

static const char *const life_counter_names[LIFE_COUNTERS] = {
        "published", "read",    "nothing new",  "busy",   "blocked",        "torn",  "backwards",
        "reused",    "skipped", "losses wrong", "missed", "takeover wrong", "failed"
};

struct life_tally {
        _Atomic(uint64_t) of[LIFE_COUNTERS]; /* each written by one process at a time */
        _Atomic(uint64_t) delivered;         /* the newest number */
};

/* All that the processes have in common. */
static struct {
        uint32_t depth;
        size_t record_bytes;
        _Atomic(unsigned) readers_open;
        _Atomic(unsigned) life;      /* of the publisher that is to come */
        _Atomic(unsigned) opened;    /* the life that has opened last */
        _Atomic(uint64_t) begun;     /* the publication that was begun last */
        _Atomic(uint64_t) version;   /* that the next publisher has to find */
        _Atomic(unsigned) stillness; /* odd: there is no publisher, or it stands still */
        atomic_bool publisher_stop, readers_stop;
        struct life_tally publisher, readers[LIFE_READERS_MAX];
        _Atomic(uint64_t) witnesses[LIFE_WITNESSES]; /* a number, and a hash of its contents */
} * lives;

static inline void life_count(struct life_tally *tally, enum life_counter counter)
{
        /* One process counts, others look: no read-modify-write is needed. */
        atomic_store_explicit(&tally->of[counter],
                              atomic_load_explicit(&tally->of[counter], memory_order_relaxed) + 1,
                              memory_order_relaxed);
}

static inline void life_count_if(bool wrong, struct life_tally *tally, enum life_counter counter)
{
        if (wrong)
                life_count(tally, counter);
}

static inline uint64_t life_sum(enum life_counter counter)
{
        uint64_t sum = atomic_load(&lives->publisher.of[counter]);

        for (unsigned i = 0; i < LIFE_READERS_MAX; i++)
                sum += atomic_load(&lives->readers[i].of[counter]);
        return sum;
}

static inline uint64_t life_newest_delivered(void)
{
        uint64_t newest = 0;

        for (unsigned i = 0; i < LIFE_READERS_MAX; i++) {
                uint64_t delivered = atomic_load(&lives->readers[i].delivered);

                newest = delivered > newest ? delivered : newest;
        }
        return newest;
}

/* Wrong are all counters from TORN on and, where there is another slot, to be blocked. */
static inline uint64_t life_sum_wrong(void)
{
        uint64_t sum = lives->depth > 1 ? life_sum(LIFE_BLOCKED) : 0;

        for (unsigned i = LIFE_FIRST_WRONG; i < LIFE_COUNTERS; i++)
                sum += life_sum((enum life_counter)i);
        return sum;
}

/** "12 read, 0 torn, ..." @return text, until the next call */
static inline const char *life_figures(void)
{
        static char text[512];
        size_t length = 0;

        for (unsigned i = 0; i < LIFE_COUNTERS; i++)
                length += (size_t)snprintf(text + length, sizeof text - length, "%s%lu %s",
                                           i == 0 ? "" : ", ", (unsigned long)life_sum((enum life_counter)i),
                                           life_counter_names[i]);
        return text;
}

/* ---- records -------------------------------------------------------------------------------- */

/* The head says from which publication the body is, and which range of it from this one. */
struct life_head {
        uint64_t number, life, bytes;
        uint64_t base; /* key of the publication whose body it is */
        uint64_t patch_offset, patch_bytes;
        uint64_t sum;
};

#define LIFE_BODY sizeof(struct life_head)

static inline uint64_t life_key(uint64_t number, uint64_t life)
{
        return life << LIFE_NUMBER_BITS | number;
}

static inline uint64_t life_head_sum(const struct life_head *head)
{
        uint64_t sum = record_word(head->number, 1) ^ record_word(head->life, 2);

        sum = record_word(sum ^ head->bytes, 3) ^ record_word(head->base, 4);
        return record_word(sum ^ head->patch_offset, 5) ^ record_word(head->patch_bytes, 6);
}

/* No record is shorter, so that parts up to here can be read of each. */
static inline size_t life_shortest(void)
{
        return LIFE_BODY + (lives->record_bytes - LIFE_BODY) / 4;
}

/* Bytes [offset, offset + bytes) of the body of `key`. */
static inline void life_fill(unsigned char *to, size_t offset, size_t bytes, uint64_t key)
{
        while (bytes != 0) {
                uint64_t word = record_word(key, offset / sizeof word);
                size_t skip = offset % sizeof word;
                size_t chunk = sizeof word - skip < bytes ? sizeof word - skip : bytes;

                memcpy(to, (const unsigned char *)&word + skip, chunk);
                to += chunk;
                offset += chunk;
                bytes -= chunk;
        }
}

static inline bool life_head_is_whole(const struct life_head *head, const seqcast_sample *sample)
{
        return head->sum == life_head_sum(head) && head->number == sample->number &&
               head->bytes == sample->bytes && head->bytes <= lives->record_bytes &&
               head->patch_offset >= LIFE_BODY && head->patch_bytes <= head->bytes &&
               head->patch_offset <= head->bytes - head->patch_bytes;
}

/* Of bytes [offset, offset + bytes) of the record, found at `from`, those that lie in [start, end). */
static inline bool life_stretch_is_whole(const unsigned char *from, size_t offset, size_t bytes, size_t start,
                                         size_t end, uint64_t key)
{
        start = start > offset ? start : offset;
        end = end < offset + bytes ? end : offset + bytes;
        return start >= end || record_check_part(from + (start - offset), start, end - start, key);
}

static inline bool life_body_is_whole(const struct life_head *head, const unsigned char *from, size_t offset,
                                      size_t bytes)
{
        size_t patch = head->patch_offset, patch_end = patch + head->patch_bytes;

        return life_stretch_is_whole(from, offset, bytes, 0, patch, head->base) &&
               life_stretch_is_whole(from, offset, bytes, patch, patch_end,
                                     life_key(head->number, head->life)) &&
               life_stretch_is_whole(from, offset, bytes, patch_end, SIZE_MAX, head->base);
}

/* ---- the publisher -------------------------------------------------------------------------- */

struct life_publisher {
        seqcast_publisher *handle;
        uint64_t life, random;
        struct life_head newest; /* bytes 0: not known yet */
        unsigned char record[LIFE_RECORD_MAX], patch[LIFE_RECORD_MAX], restored[LIFE_RECORD_MAX];
};

static inline void life_new_patch(struct life_publisher *publisher, struct life_head *head)
{
        head->number = seqcast_publisher_version(publisher->handle) + 1;
        head->life = publisher->life;
        head->patch_offset = LIFE_BODY + random_below(&publisher->random, head->bytes - LIFE_BODY + 1);
        head->patch_bytes = random_below(&publisher->random, head->bytes - head->patch_offset + 1);
        head->sum = life_head_sum(head);
        life_fill(publisher->patch, head->patch_offset, head->patch_bytes,
                  life_key(head->number, head->life));
        life_fill(publisher->restored, publisher->newest.patch_offset, publisher->newest.patch_bytes,
                  publisher->newest.base);
}

static inline int life_publish_whole(struct life_publisher *publisher)
{
        const size_t spread = lives->record_bytes - life_shortest();
        struct life_head head = { .number = seqcast_publisher_version(publisher->handle) + 1,
                                  .life = publisher->life,
                                  .bytes = life_shortest() + random_below(&publisher->random, spread + 1),
                                  .patch_offset = LIFE_BODY };
        int r;

        head.base = life_key(head.number, head.life);
        head.sum = life_head_sum(&head);
        memcpy(publisher->record, &head, sizeof head);
        life_fill(publisher->record + LIFE_BODY, LIFE_BODY, head.bytes - LIFE_BODY, head.base);
        r = seqcast_publish(publisher->handle, publisher->record, head.bytes);
        if (r == 0)
                publisher->newest = head;
        return r;
}

static inline int life_publish_parts(struct life_publisher *publisher)
{
        const struct life_head *newest = &publisher->newest;
        struct life_head head = *newest;
        int r;

        life_new_patch(publisher, &head);
        r = seqcast_publish_parts(publisher->handle,
                                  (const seqcast_part[]){
                                          { newest->patch_offset, newest->patch_bytes, publisher->restored },
                                          { head.patch_offset, head.patch_bytes, publisher->patch },
                                          { 0, sizeof head, &head },
                                  },
                                  3);
        if (r == 0)
                publisher->newest = head;
        return r;
}

/* A record that is begun holds the newest one, this life's or an earlier one's. */
static inline int life_publish_begun(struct life_publisher *publisher)
{
        const seqcast_sample sample = { .number = seqcast_publisher_version(publisher->handle) };
        struct life_head *newest = &publisher->newest, head;
        void *slot;
        int r = seqcast_publish_begin(publisher->handle, &slot);

        if (r < 0)
                return r;
        seqcast_copy_load(newest, slot, 0, sizeof *newest);
        if (!life_head_is_whole(newest,
                                &(seqcast_sample){ .number = sample.number, .bytes = newest->bytes })) {
                life_count(&lives->publisher, LIFE_TORN);
                newest->bytes = 0;
                return seqcast_publish_abort(publisher->handle);
        }
        seqcast_copy_load(publisher->record, slot, 0, newest->bytes);
        life_count_if(!life_body_is_whole(newest, publisher->record + LIFE_BODY, LIFE_BODY,
                                          newest->bytes - LIFE_BODY),
                      &lives->publisher, LIFE_TORN);
        head = *newest;
        life_new_patch(publisher, &head);
        seqcast_copy_store(slot, newest->patch_offset, publisher->restored, newest->patch_bytes);
        seqcast_copy_store(slot, head.patch_offset, publisher->patch, head.patch_bytes);
        seqcast_copy_store(slot, 0, &head, sizeof head);
        if (random_below(&publisher->random, 8) == 0)
                return seqcast_publish_abort(publisher->handle);
        r = seqcast_publish_commit(publisher->handle, head.bytes);
        if (r == 0)
                *newest = head;
        return r;
}

static inline int life_publish(struct life_publisher *publisher)
{
        const uint64_t number = seqcast_publisher_version(publisher->handle) + 1;
        const uint64_t way = random_below(&publisher->random, 4);
        int r = -ENODATA;

        atomic_store_explicit(&lives->begun, number, memory_order_relaxed);
        if (number > 1 && way == 0)
                r = life_publish_begun(publisher);
        else if (publisher->newest.bytes != 0 && way == 1)
                r = life_publish_parts(publisher);
        if (r == -ENODATA) /* also where the slot of a ring of depth 1 is torn */
                r = life_publish_whole(publisher);
        return r;
}

/* Neither may what was delivered be forgotten, nor may there be what was never begun. */
static inline void life_judge_takeover(uint64_t version, uint64_t delivered)
{
        life_count_if(version < delivered, &lives->publisher, LIFE_REUSED);
        life_count_if(version > atomic_load(&lives->begun), &lives->publisher, LIFE_SKIPPED);
        life_count_if(version != atomic_load(&lives->version), &lives->publisher, LIFE_TAKEOVER_WRONG);
}

/** The life of a publisher, in a process of its own. @return the exit status */
static inline int life_of_publisher(void)
{
        static struct life_publisher publisher;
        uint64_t delivered = life_newest_delivered(), turn = 1;
        bool in_place;
        int r;

        signal(SIGALRM, SIG_DFL);
        publisher.life = atomic_load(&lives->life);
        publisher.random = record_word(publisher.life, 1) | 1;
        alarm(life_patience);
        in_place = lives->depth > 1 && random_below(&publisher.random, 2) == 0;
        if (open_publisher(lives->record_bytes, lives->depth, in_place ? SEQCAST_IN_PLACE : 0,
                           &publisher.handle) != 0)
                return 1;
        life_judge_takeover(seqcast_publisher_version(publisher.handle), delivered);
        atomic_store(&lives->opened, (unsigned)publisher.life);
        do {
                if (turn++ % LIFE_TURNS_AN_ALARM == 0)
                        alarm(life_patience);
                r = life_publish(&publisher);
                life_count(&lives->publisher, LIFE_PUBLISHED);
        } while (r == 0 && !atomic_load_explicit(&lives->publisher_stop, memory_order_relaxed));
        seqcast_publisher_close(publisher.handle);
        return r == 0 ? 0 : 1;
}

enum life_place { LIFE_BETWEEN, LIFE_IN_SLOT, LIFE_UNANNOUNCED, LIFE_PLACES };

/** When nobody publishes: where did the last publisher stop? Works out what the next one has to find. */
static inline enum life_place life_look(const seqcast_subscriber *subscriber)
{
        const struct seqcast_ring *ring = &subscriber->ring;
        uint64_t version = seqcast_ring_version(ring);
        uint64_t next = seqcast_word_load_relaxed(seqcast_ring_slot(ring, version + 1) + SEQCAST_SLOT_SEQ);
        bool complete = next == 2 * (version + 1);

        atomic_store(&lives->version, version + complete);
        return complete ? LIFE_UNANNOUNCED : (next & 1) != 0 ? LIFE_IN_SLOT : LIFE_BETWEEN;
}

/* ---- readers -------------------------------------------------------------------------------- */

struct life_reader {
        seqcast_subscriber *handle;
        struct life_tally *tally;
        uint64_t random;
        uint64_t before; /* number delivered last */
        bool started;    /* losses count from `before` */
        bool varies;     /* it may be opened by SEQCAST_ANY_OWNER: nobody looks at its ring */
        bool untrusting; /* it has been */
        unsigned char record[LIFE_RECORD_MAX];
};

static inline int life_reader_open(struct life_reader *reader)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        int r;

        reader->untrusting = reader->varies && random_below(&reader->random, 4) == 0;
        options.flags = reader->untrusting ? SEQCAST_ANY_OWNER : 0;
        r = seqcast_subscriber_open(topic_name(), &options, &reader->handle);
        reader->started = r == 0 && seqcast_subscriber_version(reader->handle) == 0;
        reader->before = 0;
        return r;
}

/* Has anybody been delivered something else under this number? */
static inline bool life_is_reused(const struct life_head *head)
{
        _Atomic(uint64_t) *witness = &lives->witnesses[head->number % LIFE_WITNESSES];
        uint64_t mine = head->number << LIFE_HASH_BITS | head->sum >> (64 - LIFE_HASH_BITS);
        uint64_t seen = atomic_load(witness);

        while (seen >> LIFE_HASH_BITS < head->number)
                if (atomic_compare_exchange_weak(witness, &seen, mine))
                        return false;
        return seen >> LIFE_HASH_BITS == head->number && seen != mine;
}

static inline void life_judge(struct life_reader *reader, const struct life_head *head, bool body_is_whole,
                              bool in_order, const seqcast_sample *sample)
{
        struct life_tally *tally = reader->tally;
        uint64_t number = sample->number, before = reader->before;

        life_count(tally, LIFE_READ);
        if (!body_is_whole)
                life_count(tally, LIFE_TORN);
        else
                life_count_if(life_is_reused(head), tally, LIFE_REUSED);
        if (number < before || (in_order && number == before))
                life_count(tally, LIFE_BACKWARDS);
        else
                life_count_if(sample->lost != (reader->started && number > before ? number - before - 1 : 0),
                              tally, LIFE_WRONG_LOSS);
        reader->before = number;
        reader->started = true;
        if (number > atomic_load_explicit(&tally->delivered, memory_order_relaxed))
                atomic_store(&tally->delivered, number);
}

/* The whole record. */
static inline int life_read_whole(struct life_reader *reader, bool in_order)
{
        struct life_head head;
        seqcast_sample sample;
        int r = in_order ? seqcast_read_next(reader->handle, reader->record, lives->record_bytes, &sample)
                         : seqcast_read_newest(reader->handle, reader->record, lives->record_bytes, &sample);

        if (r != SEQCAST_OK)
                return r;
        memcpy(&head, reader->record, sizeof head);
        life_judge(reader, &head,
                   life_head_is_whole(&head, &sample) &&
                           life_body_is_whole(&head, reader->record + LIFE_BODY, LIFE_BODY,
                                              head.bytes - LIFE_BODY),
                   in_order, &sample);
        return r;
}

/* The head, and some of the body. */
static inline int life_read_parts(struct life_reader *reader, bool in_order)
{
        const size_t offset = LIFE_BODY + random_below(&reader->random, life_shortest() - LIFE_BODY);
        const size_t bytes = random_below(&reader->random, life_shortest() - offset + 1);
        struct life_head head;
        const seqcast_read_part parts[] = { { offset, bytes, reader->record }, { 0, sizeof head, &head } };
        seqcast_sample sample;
        int r = in_order ? seqcast_read_next_parts(reader->handle, parts, 2, &sample)
                         : seqcast_read_newest_parts(reader->handle, parts, 2, &sample);

        if (r == SEQCAST_OK)
                life_judge(reader, &head,
                           life_head_is_whole(&head, &sample) &&
                                   life_body_is_whole(&head, reader->record, offset, bytes),
                           in_order, &sample);
        return r;
}

static inline int life_read_in_place(struct life_reader *reader)
{
        struct life_head head;
        seqcast_sample sample;
        const void *slot;
        int r = seqcast_read_begin(reader->handle, &slot, &sample);

        if (r != SEQCAST_OK)
                return r;
        seqcast_copy_load(reader->record, slot, 0, sample.bytes);
        r = seqcast_read_end(reader->handle);
        if (r != SEQCAST_OK)
                return r;
        memcpy(&head, reader->record, sizeof head);
        life_judge(reader, &head,
                   life_head_is_whole(&head, &sample) &&
                           life_body_is_whole(&head, reader->record + LIFE_BODY, LIFE_BODY,
                                              head.bytes - LIFE_BODY),
                   false, &sample);
        return r;
}

/** Read once, in one of all ways, and judge what came. */
static inline int life_read(struct life_reader *reader)
{
        const unsigned still = atomic_load(&lives->stillness);
        const uint64_t announced = seqcast_subscriber_version(reader->handle);
        const uint64_t way = random_below(&reader->random, 8);
        int r = way < 6 ? life_read_whole(reader, way % 2 == 0)
                : way < 7 || reader->untrusting
                        ? life_read_parts(reader, random_below(&reader->random, 2) == 0)
                        : life_read_in_place(reader);

        if (r == SEQCAST_NONE || r == SEQCAST_EMPTY) {
                life_count(reader->tally, LIFE_NOTHING);
                sched_yield(); /* for the publisher to go on */
                life_count_if(announced > reader->before, reader->tally, LIFE_MISSED);
        } else if (r == SEQCAST_BUSY || r == SEQCAST_OVERWRITTEN) {
                life_count(reader->tally, LIFE_BUSY);
                life_count_if(still % 2 == 1 && atomic_load(&lives->stillness) == still, reader->tally,
                              LIFE_BLOCKED);
        } else if (r != SEQCAST_OK) {
                life_count(reader->tally, LIFE_FAILED);
        }
        return r;
}

static inline bool life_open_again(struct life_reader *reader)
{
        seqcast_subscriber_close(reader->handle);
        return life_reader_open(reader) == 0;
}

/** Reader number `index`, in a process of its own, until told to end. Then it has to be delivered the
 *  newest record, which whoever has stopped it guarantees to be readable. @return the exit status */
static inline int life_of_reader(unsigned index)
{
        static struct life_reader reader;

        signal(SIGALRM, SIG_DFL);
        errno = 0;                                      /* -1 may be a result */
        if (nice(LIFE_READER_NICE) == -1 && errno != 0) /* a new publisher is not to wait for a processor */
                return 1;
        reader.tally = &lives->readers[index];
        reader.varies = true;
        reader.random = record_word(index + 1, 7) | 1;
        if (life_reader_open(&reader) != 0)
                return 1;
        atomic_fetch_add(&lives->readers_open, 1);
        for (uint64_t turn = 0; !atomic_load_explicit(&lives->readers_stop, memory_order_relaxed); turn++) {
                if (turn % LIFE_TURNS_AN_ALARM == 0)
                        alarm(life_patience);
                life_read(&reader);
                /* Of two publications or more, one has been announced: losses count from the next read. */
                if (turn % LIFE_TURNS_A_HANDLE == 0 && reader.before > 1 && !life_open_again(&reader))
                        return 1;
        }
        life_count_if(life_read_whole(&reader, false) != SEQCAST_OK ||
                              reader.before != seqcast_subscriber_version(reader.handle),
                      reader.tally, LIFE_MISSED);
        seqcast_subscriber_close(reader.handle);
        return 0;
}

/* ---- the run -------------------------------------------------------------------------------- */

struct life_options {
        double seconds;
        uint64_t cycles;
        uint64_t seed, first_seed; /* what it is now, and was when given */
        uint32_t depth;
        size_t bytes;
        unsigned readers;
};

static inline void life_options_parse(int argc, char **argv, struct life_options *options)
{
        static const struct option known[] = { { "seconds", 1, NULL, 't' },  { "cycles", 1, NULL, 'c' },
                                               { "depth", 1, NULL, 'd' },    { "bytes", 1, NULL, 'b' },
                                               { "readers", 1, NULL, 'r' },  { "seed", 1, NULL, 's' },
                                               { "patience", 1, NULL, 'p' }, { NULL, 0, NULL, 0 } };
        int option;

        options->seed = (uint64_t)getpid();
        while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
                double value = optarg == NULL ? 0 : strtod(optarg, NULL);

                if (option == 't')
                        options->seconds = value;
                else if (option == 'c')
                        options->cycles = (uint64_t)value;
                else if (option == 'd')
                        options->depth = (uint32_t)value;
                else if (option == 'b')
                        options->bytes = (size_t)value;
                else if (option == 'r')
                        options->readers = (unsigned)value;
                else if (option == 'p')
                        life_patience = (unsigned)value;
                else if (option == 's')
                        options->seed = (uint64_t)value;
                else
                        exit(2);
        }
        if (options->cycles >= 1u << LIFE_HASH_BITS || options->bytes < 2 * LIFE_BODY ||
            options->bytes > LIFE_RECORD_MAX || options->readers >= LIFE_READERS_MAX || options->seed == 0) {
                fprintf(stderr, "%s: bad arguments\n", argv[0]);
                exit(2);
        }
        options->first_seed = options->seed;
}

/** A fresh topic, of which nothing has been published. @return 0, or the error */
static inline int life_begin(uint32_t depth, size_t record_bytes)
{
        seqcast_publisher *publisher;
        int r;

        memset(lives, 0, sizeof *lives);
        lives->depth = depth;
        lives->record_bytes = record_bytes;
        r = open_publisher(record_bytes, depth, 0, &publisher);
        if (r == 0)
                seqcast_publisher_close(publisher);
        return r;
}

static inline pid_t life_start_reader(unsigned index)
{
        pid_t child = fork();

        if (child < 0)
                abort();
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                _exit(life_of_reader(index));
        }
        return child;
}

/** @return did it end by itself, and well? An alarm has ended it if it was stuck. */
static inline bool life_reader_ended_well(pid_t reader)
{
        int status = -1;

        waitpid(reader, &status, 0);
        if (WIFSIGNALED(status))
                printf("# a reader was ended by signal %d%s\n", WTERMSIG(status),
                       WTERMSIG(status) == SIGALRM ? ": it was stuck" : "");
        return status == 0;
}

#endif
