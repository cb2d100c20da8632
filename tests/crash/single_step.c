/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A publisher that is stopped after every single instruction of its publications, in the library itself.
 * At each of them it could have died: subscribers must find the last record, and whoever takes over, on a
 * copy of the segment, must neither use a number again nor leave one out. What nothing has changed since
 * the last look is not looked at again.
 *
 *   single_step [--acts whole,parts,...] [--depths 1,2,...] [--bytes 0,7,...]      all, by default */

#define _GNU_SOURCE
#include <fcntl.h>

#include "layout/segment_layout.h"
#include "seqcast/ring_parts.h"

#include "../support/record.h"
#include "../support/topic.h"
#include "arguments.h"
#include "step.h"
#include "tally.h"

#define RECORD_MAX 4096u
#define DEPTH_MAX 8u
#define PUBLICATIONS_MAX (DEPTH_MAX + 3)
#define RANGES 3
#define INSTRUCTIONS_MAX 50000000u /* of one run: it has an end */
#define ANOTHER_LIFE UINT64_C(1000003)
#define RECORD_WHEN_EMPTY 8u /* bytes: room of a segment whose records are empty */

enum kind { WHOLE, PARTS, BEGIN, ABORT };

static const struct act {
        const char *name;
        uint32_t flags;
        uint32_t wake; /* looking for sleepers takes many times the instructions of a small publication */
        size_t kind_count;
        enum kind kinds[5];
} acts[] = {
        { "whole", 0, SEQCAST_WAKE_AUTOMATIC, 1, { WHOLE } },
        { "times", SEQCAST_TIMES, SEQCAST_WAKE_NEVER, 1, { WHOLE } },
        { "parts", 0, SEQCAST_WAKE_NEVER, 1, { PARTS } },
        { "begin", 0, SEQCAST_WAKE_NEVER, 1, { BEGIN } },
        { "in-place", SEQCAST_IN_PLACE, SEQCAST_WAKE_NEVER, 1, { BEGIN } },
        { "mixed", SEQCAST_IN_PLACE, SEQCAST_WAKE_MANUAL, 5, { WHOLE, PARTS, ABORT, BEGIN, PARTS } },
        { "sparse", SEQCAST_SPARSE, SEQCAST_WAKE_AUTOMATIC, 5, { PARTS, WHOLE, PARTS, ABORT, BEGIN } },
};

#define ACTS (sizeof acts / sizeof *acts)

struct record {
        size_t bytes;
        unsigned char content[RECORD_MAX];
};

/* A subscriber, and where it is. */
struct watcher {
        seqcast_subscriber *subscriber;
        uint64_t delivered;
};

static struct {
        const struct act *act;
        uint32_t depth;
        size_t bytes; /* the payload; the segment has room for record_bytes */
        size_t record_bytes;
        uint64_t publications;
        struct record planned[PUBLICATIONS_MAX + 1]; /* what each publication is to be; 0: before them */
        int64_t times[PUBLICATIONS_MAX + 1];
        unsigned char rubbish[RECORD_MAX]; /* what is begun and aborted */

        int fd;
        size_t segment_bytes;
        struct seqcast__segment_header header;
        unsigned char *now, *before; /* the whole segment, at this state and at the last one */
        uint64_t calls;              /* seen at the last one */
        struct watcher newest, next, fresh;

        unsigned char *copy; /* another object, to be taken over */
        struct seqcast_ring copy_ring;
} scene;

static struct step publisher;

static void fault(enum figure figure)
{
        char where[160];

        snprintf(where, sizeof where, "%s, depth %u, %zu bytes, after publication %llu, instruction %llu",
                 scene.act->name, (unsigned)scene.depth, scene.bytes,
                 (unsigned long long)scene.newest.delivered, (unsigned long long)publisher.instructions);
        tally_fault(figure, where);
}

static const char *copy_name(void)
{
        static char name[64];

        if (name[0] == '\0') /* as unique as the topic, and not one of its temporary names */
                snprintf(name, sizeof name, "seqcast-copy%s", topic_name() + strlen("seqcast-test"));
        return name;
}

static void clean_up(void)
{
        shm_unlink(copy_name());
        topic_remove();
}

static void require(bool condition, const char *what)
{
        if (condition)
                return;
        printf("%s: %s\n", what, strerror(errno));
        clean_up();
        exit(1);
}

/* ---- what is published ---------------------------------------------------------------------- */

static enum kind kind_of(uint64_t number)
{
        return scene.act->kinds[(number - 1) % scene.act->kind_count];
}

/* The bytes that a publication other than a whole one changes: the first, some in the middle, the last. */
static void ranges_of(uint64_t number, size_t known_bytes, const struct record *record,
                      seqcast_part ranges[RANGES])
{
        size_t eight = record->bytes < 8 ? record->bytes : 8;
        size_t middle = (number * 24 + 4) % (record->bytes - eight + 1);
        size_t last = (known_bytes < record->bytes ? known_bytes : record->bytes);

        last = last < eight ? 0 : last - eight;
        ranges[0] = (seqcast_part){ 0, eight, record->content };
        ranges[1] = (seqcast_part){ middle, eight, record->content + middle };
        ranges[2] = (seqcast_part){ last, record->bytes - last, record->content + last };
}

/* What the record is after this publication. */
static void compose(enum kind kind, uint64_t number, uint64_t life, const struct record *base,
                    struct record *ret_record)
{
        unsigned char pattern[RECORD_MAX];
        seqcast_part ranges[RANGES];
        struct record record = *base;

        record_fill(pattern, sizeof pattern, number + life * ANOTHER_LIFE);
        if (kind == WHOLE || kind == BEGIN)
                record.bytes = scene.bytes == 0 ? 0 : record_length(number, scene.bytes);
        if (kind == WHOLE) {
                memcpy(record.content, pattern, record.bytes);
        } else {
                ranges_of(number, base->bytes, &record, ranges);
                for (int i = 0; i < RANGES; i++)
                        memcpy(record.content + ranges[i].offset, pattern + ranges[i].offset,
                               ranges[i].bytes);
        }
        *ret_record = record;
}

static int publish_parts(seqcast_publisher *to, uint64_t number, size_t known_bytes,
                         const struct record *record)
{
        seqcast_part ranges[RANGES];

        ranges_of(number, known_bytes, record, ranges);
        return seqcast_publish_parts(to, ranges, RANGES);
}

static int publish_begun(seqcast_publisher *to, uint64_t number, size_t known_bytes,
                         const struct record *record)
{
        seqcast_part ranges[RANGES];
        void *room;
        int r = seqcast_publish_begin(to, &room);

        if (r < 0)
                return r;
        ranges_of(number, known_bytes, record, ranges);
        for (int i = 0; i < RANGES; i++)
                seqcast_copy_store(room, ranges[i].offset, ranges[i].from, ranges[i].bytes);
        return seqcast_publish_commit(to, record->bytes);
}

static int begin_and_abort(seqcast_publisher *to)
{
        void *room;
        int r = seqcast_publish_begin(to, &room);

        if (r < 0)
                return r;
        seqcast_copy_store(room, 0, scene.rubbish, scene.record_bytes / 2);
        return seqcast_publish_abort(to);
}

static int publish(seqcast_publisher *to, enum kind kind, uint64_t number, size_t known_bytes,
                   const struct record *record)
{
        int r;

        switch (kind) {
        case WHOLE:
                return seqcast_publish(to, record->content, record->bytes);
        case BEGIN:
                return publish_begun(to, number, known_bytes, record);
        case ABORT:
                r = begin_and_abort(to);
                return r < 0 ? r : publish_parts(to, number, known_bytes, record);
        case PARTS:
                break;
        }
        return publish_parts(to, number, known_bytes, record);
}

/* ---- the publisher -------------------------------------------------------------------------- */

static int open_to_publish(seqcast_publisher **ret_publisher)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        options.record_bytes = scene.record_bytes;
        options.depth = scene.depth;
        options.flags = scene.act->flags;
        options.wake = scene.act->wake;
        if (scene.depth == 1)
                options.flags &= ~(uint32_t)SEQCAST_IN_PLACE;
        return seqcast_publisher_open(topic_name(), &options, ret_publisher);
}

static int publish_all(void)
{
        seqcast_publisher *to;
        int r = open_to_publish(&to);

        if (r < 0)
                return 1;
        step_mark();
        for (uint64_t number = 1; number <= scene.publications && r == 0; number++)
                r = publish(to, kind_of(number), number, scene.planned[number - 1].bytes,
                            &scene.planned[number]);
        step_mark();
        seqcast_publisher_close(to);
        return r == 0 ? 0 : 1;
}

/* ---- what must hold at each state: reading --------------------------------------------------- */

static bool is_record(const seqcast_sample *sample, const unsigned char *content, const struct record *record)
{
        return sample->bytes == record->bytes && memcmp(content, record->content, record->bytes) == 0;
}

static bool is_whole(const seqcast_sample *sample, const unsigned char *content)
{
        if (sample->number == 0 || sample->number > scene.publications ||
            !is_record(sample, content, &scene.planned[sample->number]))
                return false;
        if (scene.times[sample->number] == 0)
                scene.times[sample->number] = sample->time_ns;
        return sample->time_ns == scene.times[sample->number] &&
               (sample->time_ns != 0) == ((scene.act->flags & SEQCAST_TIMES) != 0);
}

/* Nothing was delivered. That is right if nothing was published yet, and documented at depth 1. */
static void judge_nothing(int r)
{
        if (r == SEQCAST_BUSY && scene.depth == 1)
                tally.count[BUSY]++;
        else if (r < 0)
                fault(FAILED);
        else if (r != SEQCAST_EMPTY || scene.newest.delivered != 0)
                fault(BLOCKED);
}

static void judge_newest(struct watcher *watcher, int r, const seqcast_sample *sample,
                         const unsigned char *content)
{
        tally.count[READS]++;
        if (r != SEQCAST_OK) {
                judge_nothing(r);
                return;
        }
        if (!is_whole(sample, content))
                fault(TORN);
        if (sample->number < watcher->delivered)
                fault(BACKWARDS);
        watcher->delivered = sample->number;
}

static void read_newest(struct watcher *watcher)
{
        unsigned char content[RECORD_MAX];
        seqcast_sample sample = { 0 };
        int r = seqcast_read_newest(watcher->subscriber, content, sizeof content, &sample);

        judge_newest(watcher, r, &sample, content);
}

/* In order: this one looks at every state, and so loses nothing. */
static void read_next(void)
{
        struct watcher *watcher = &scene.next;
        unsigned char content[RECORD_MAX];
        seqcast_sample sample = { 0 };
        int r = seqcast_read_next(watcher->subscriber, content, sizeof content, &sample);

        tally.count[READS]++;
        if (r == SEQCAST_OK) {
                if (!is_whole(&sample, content))
                        fault(TORN);
                if (sample.number != watcher->delivered + 1 || sample.lost != 0)
                        fault(LOST);
                watcher->delivered = sample.number;
        } else if (r != SEQCAST_NONE) {
                judge_nothing(r);
        }
}

/* Somebody who comes only now. What he finds is in the copy, or, by the library, in the segment itself. */
static void read_afresh(bool by_library)
{
        struct seqcast_ring_reader reader = { 0 };
        unsigned char content[RECORD_MAX];
        seqcast_sample sample = { 0 };
        int r;

        if (!by_library) {
                r = seqcast_ring_read_newest(&scene.copy_ring, &reader, content, sizeof content, &sample);
                judge_newest(&scene.fresh, r, &sample, content);
                return;
        }
        tally.count[OPENS]++;
        if (open_subscriber(&scene.fresh.subscriber) != 0) {
                fault(HALF_MADE);
                return;
        }
        read_newest(&scene.fresh);
        seqcast_subscriber_close(scene.fresh.subscriber);
}

/* ---- what must hold at each state: taking over ----------------------------------------------- */

/* @return the number to go on from. @param ret_publisher NULL: without the library */
static uint64_t take_over(bool by_library, seqcast_publisher **ret_publisher)
{
        if (!by_library) {
                *ret_publisher = NULL;
                return seqcast_ring_recover(&scene.copy_ring);
        }
        tally.count[LIBRARY]++;
        require(seqcast_publisher_open(copy_name(), NULL, ret_publisher) == 0, "the copy is taken over");
        return seqcast_publisher_version(*ret_publisher);
}

static int publish_on_ring(enum kind kind, uint64_t number, size_t known_bytes, const struct record *record)
{
        struct seqcast_ring_change log[4];
        struct seqcast_ring_changes changes = { log, 3, 0, number };
        seqcast_part ranges[RANGES];

        if (kind == WHOLE) {
                seqcast_ring_publish(&scene.copy_ring, number, record->content, record->bytes, 1);
                return 0;
        }
        ranges_of(number, known_bytes, record, ranges);
        return seqcast_ring_publish_parts(&scene.copy_ring, &changes, number, ranges, RANGES, 1);
}

/* The next publisher's first publication; its bytes are not those that the last one meant to publish. */
static void publish_next(seqcast_publisher *to, uint64_t version, struct record *ret_record)
{
        const struct record *base = &scene.planned[version];
        enum kind kind = tally.count[STATES] % 2 == 0 ? WHOLE : PARTS;

        for (;;) {
                int r;

                compose(kind, version + 1, 1, base, ret_record);
                r = to != NULL ? publish(to, kind, version + 1, base->bytes, ret_record)
                               : publish_on_ring(kind, version + 1, base->bytes, ret_record);
                if (r == 0)
                        return;
                if (r != -ENODATA || scene.depth != 1 || kind == WHOLE)
                        fault(FAILED);
                if (kind == WHOLE)
                        return;
                kind = WHOLE; /* depth 1: nothing whole was left to change parts of */
        }
}

/* The publisher dies here. `copy` holds what it leaves. */
static void check_takeover(bool by_library)
{
        struct seqcast_ring_reader reader = { .delivered = scene.next.delivered, .started = true };
        struct seqcast_ring_reader late = { 0 };
        unsigned char content[RECORD_MAX];
        seqcast_sample sample = { 0 };
        seqcast_publisher *to;
        struct record record;
        uint64_t version = take_over(by_library, &to);

        tally.count[TAKEOVERS]++;
        if (version < reader.delivered)
                fault(REUSED);
        else if (version > reader.delivered)
                fault(SKIPPED);
        else if (seqcast_ring_version(&scene.copy_ring) != version)
                fault(UNANNOUNCED);
        if (version <= scene.publications) {
                publish_next(to, version, &record);
                if (seqcast_ring_read_next(&scene.copy_ring, &reader, content, sizeof content, &sample) !=
                    SEQCAST_OK)
                        fault(BLOCKED);
                else if (sample.number != version + 1 || sample.lost != 0)
                        fault(LOST);
                else if (!is_record(&sample, content, &record))
                        fault(TORN);
        }
        seqcast_ring_retire(&scene.copy_ring);
        if (seqcast_ring_read_next(&scene.copy_ring, &reader, content, sizeof content, &sample) !=
            SEQCAST_RETIRED)
                fault(FAILED);
        if (seqcast_ring_read_newest(&scene.copy_ring, &late, content, sizeof content, &sample) != SEQCAST_OK)
                fault(BLOCKED);
        seqcast_publisher_close(to);
}

/* ---- the run -------------------------------------------------------------------------------- */

/* By pread(), so that holes of a sparse segment stay holes. */
static void look(void)
{
        require(pread(scene.fd, scene.now, scene.segment_bytes, 0) == (ssize_t)scene.segment_bytes,
                "the segment is read");
}

static bool has_changed(void)
{
        look();
        return publisher.calls != scene.calls || memcmp(scene.now, scene.before, scene.segment_bytes) != 0;
}

/* Opening costs as much as some hundred stores to memory: for long records, not at each of them. */
static void check_state(void)
{
        bool by_library = tally.count[STATES]++ % (1 + scene.bytes / 64) == 0;
        unsigned char *swap = scene.before;

        memcpy(scene.copy, scene.now, scene.segment_bytes);
        read_afresh(by_library);
        read_newest(&scene.newest);
        read_next();
        check_takeover(by_library);
        scene.before = scene.now;
        scene.now = swap;
        scene.calls = publisher.calls;
}

static void step_through(void)
{
        look();
        check_state();
        while (publisher.instructions < INSTRUCTIONS_MAX && step_one(&publisher) == STEP_ON)
                if (has_changed())
                        check_state();
        if (!WIFSTOPPED(publisher.status) || publisher.instructions == INSTRUCTIONS_MAX)
                fault(FAILED);
        tally.count[INSTRUCTIONS] += publisher.instructions;
}

static void *map_new_copy(void)
{
        int fd = shm_open(copy_name(), O_RDWR | O_CREAT | O_EXCL, 0600);
        void *copy;

        require(fd >= 0 && ftruncate(fd, (off_t)scene.segment_bytes) == 0, "the copy is made");
        copy = mmap(NULL, scene.segment_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        require(copy != MAP_FAILED, "the copy is mapped");
        close(fd);
        return copy;
}

static void open_all(void)
{
        struct stat status;

        scene.fd = shm_open(topic_name(), O_RDONLY, 0);
        require(scene.fd >= 0 && fstat(scene.fd, &status) == 0, "the segment is opened");
        scene.segment_bytes = (size_t)status.st_size;
        scene.now = malloc(scene.segment_bytes);
        scene.before = malloc(scene.segment_bytes);
        look();
        memcpy(&scene.header, scene.now, sizeof scene.header);
        scene.copy = map_new_copy();
        scene.copy_ring = seqcast__layout_ring(&scene.header, scene.copy);
        require(open_subscriber(&scene.newest.subscriber) == 0 &&
                        open_subscriber(&scene.next.subscriber) == 0,
                "there are subscribers");
}

static void close_all(void)
{
        seqcast_subscriber_close(scene.newest.subscriber);
        seqcast_subscriber_close(scene.next.subscriber);
        munmap(scene.copy, scene.segment_bytes);
        free(scene.now);
        free(scene.before);
        close(scene.fd);
        clean_up();
}

static void run(const struct act *act, uint32_t depth, size_t bytes)
{
        memset(&scene, 0, sizeof scene);
        scene.act = act;
        scene.depth = depth;
        scene.bytes = bytes;
        scene.record_bytes = bytes == 0 ? RECORD_WHEN_EMPTY : bytes;
        scene.publications = depth < 3 ? 6 : depth + 3; /* once round the ring, and some more */
        scene.planned[0].bytes = scene.record_bytes;
        memset(scene.rubbish, 0xee, sizeof scene.rubbish);
        for (uint64_t n = 1; n <= scene.publications; n++)
                compose(kind_of(n), n, 0, &scene.planned[n - 1], &scene.planned[n]);
        require(step_start(&publisher, publish_all) == STEP_MARK, "a publisher is there");
        open_all();
        step_through();
        step_run(&publisher);
        if (!step_ended_well(&publisher))
                fault(FAILED);
        if (scene.newest.delivered != scene.publications || scene.next.delivered != scene.publications)
                fault(LOST);
        close_all();
}

int main(int argc, char **argv)
{
        static const struct option known[] = {
                { "acts", 1, NULL, 'a' }, { "depths", 1, NULL, 'd' }, { "bytes", 1, NULL, 'b' }, { 0 }
        };
        static const uint32_t depths[] = { 1, 2, 4, 8 };
        static const size_t lengths[] = { 0, 1, 7, 8, 64, 100, 4096 };
        const char *given[ARGUMENT_LETTERS], *obstacle;
        struct tally sum = { { 0 } };
        seqcast_publisher *none;

        arguments_take(argc, argv, known, given);
        topic_name(); /* the children inherit it */
        copy_name();
        obstacle = step_prepare(clean_up);
        if (obstacle != NULL) {
                puts(obstacle);
                return 77;
        }
        require(open_publisher(1, 3, 0, &none) == -EINVAL, "a depth of 3 is refused");
        for (size_t a = 0; a < ACTS; a++) {
                if (!is_listed(given['a'], acts[a].name))
                        continue;
                for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
                        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
                                if (is_number_listed(given['d'], depths[d]) &&
                                    is_number_listed(given['b'], lengths[l]))
                                        run(&acts[a], depths[d], lengths[l]);
                tally_close(acts[a].name, &sum);
        }
        tally_print("all", &sum);
        return sum.count[STATES] != 0 && tally_is_good(&sum) ? 0 : 1;
}
