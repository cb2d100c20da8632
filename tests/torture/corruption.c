/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Somebody who can write the segment flips bits and words of its header, its schema, its control words and
 * its slots, while readers go on, with and without a publisher. What they are delivered may be rubbish; but
 * no call crashes, hangs, or touches anything but the mapping and the caller's buffers, and no open that is
 * refused has a reason other than damage.
 *
 *   corruption [--flips N] [--seconds S] [--readers N] [--patience S] [--seed N]
 *
 * Ends after N flips or S seconds, whatever comes first. Each segment that the library maps lies between two
 * pages that fault (see mmap() below), and so does each buffer. After each storm of flips comes a calm, in
 * which the damage stays as it is: a call that waits for better bytes never ends then. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "layout/segment_layout.h"
#include "seqcast.h"
#include "seqcast/copy.h"

#include "../support/child.h"
#include "../support/guard.h"
#include "../support/record.h"
#include "../support/topic.h"
#include "../support/wake_tap.h"

#include "harness.h"

#define USUAL_FLIPS 1000000
#define USUAL_SECONDS 60
#define PLAYERS_MAX 8 /* readers, and a publisher */
#define ERRNO_MAX 256
#define BUFFER_BYTES 65536u
#define FLIPS_A_STORM 2000u
#define FLIPS_AT_ONCE 20u /* then others run for a moment */
#define MOMENT_US 80
#define CALLS_A_CALM 64u
#define CALLS_A_HANDLE 48u
#define GUARDED_MAX 16

/* ---- mappings that end where a fault begins --------------------------------------------------- */

static struct {
        void *base;
        size_t bytes;
} guarded[GUARDED_MAX];

static size_t whole_pages(size_t bytes)
{
        const size_t page = (size_t)sysconf(_SC_PAGESIZE);

        return (bytes + page - 1) / page * page;
}

static void *map(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
#ifdef SYS_mmap2
        return (void *)syscall(SYS_mmap2, at, bytes, protection, flags, fd, offset / 4096);
#else
        return (void *)syscall(SYS_mmap, at, bytes, protection, flags, fd, offset);
#endif
}

static void *map_guarded(size_t bytes, int protection, int flags, int fd, off_t offset)
{
        const size_t page = (size_t)sysconf(_SC_PAGESIZE), room = whole_pages(bytes);
        unsigned char *all = MAP_FAILED;
        void *base;
        size_t i = 0;

        while (i < GUARDED_MAX && guarded[i].base != NULL)
                i++;
        if (i == GUARDED_MAX)
                abort();
        if (room >= bytes && room + 2 * page > room)
                all = map(NULL, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                          0);
        if (all == MAP_FAILED)
                return MAP_FAILED;
        base = map(all + page, bytes, protection, flags | MAP_FIXED, fd, offset);
        if (base == MAP_FAILED) {
                syscall(SYS_munmap, all, room + 2 * page);
                return MAP_FAILED;
        }
        guarded[i].base = base;
        guarded[i].bytes = bytes;
        return base;
}

/** In the place of the C library's: the library, linked into this program, maps segments by it. */
void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
        if (at == NULL && (flags & MAP_SHARED) != 0 && fd >= 0)
                return map_guarded(bytes, protection, flags, fd, offset);
        return map(at, bytes, protection, flags, fd, offset);
}

int munmap(void *base, size_t bytes)
{
        const size_t page = (size_t)sysconf(_SC_PAGESIZE);

        for (size_t i = 0; i < GUARDED_MAX; i++) {
                if (guarded[i].base == NULL || guarded[i].base != base)
                        continue;
                if (guarded[i].bytes != bytes)
                        abort();
                guarded[i].base = NULL;
                return (int)syscall(SYS_munmap, (unsigned char *)base - page, whole_pages(bytes) + 2 * page);
        }
        return (int)syscall(SYS_munmap, base, bytes);
}

/* ---- what is counted ------------------------------------------------------------------------- */

enum call {
        OPEN,
        READ_NEWEST,
        READ_NEXT,
        READ_NEWEST_PARTS,
        READ_NEXT_PARTS,
        READ_IN_PLACE,
        WAIT,
        DRAIN,
        STATUS,
        INFO,
        SKIP,
        REATTACH,
        CLOSE,
        CALLS,
        PUBLISH = CALLS,
        CALL_NAMES
};

static const char *const call_names[CALL_NAMES] = {
        [OPEN] = "open",
        [READ_NEWEST] = "read_newest",
        [READ_NEXT] = "read_next",
        [READ_NEWEST_PARTS] = "read_newest_parts",
        [READ_NEXT_PARTS] = "read_next_parts",
        [READ_IN_PLACE] = "read in place",
        [WAIT] = "wait",
        [DRAIN] = "drain",
        [STATUS] = "status",
        [INFO] = "info",
        [SKIP] = "skip",
        [REATTACH] = "reattach",
        [CLOSE] = "close",
        [PUBLISH] = "the publisher's",
};

struct player {
        _Atomic(uint64_t) calls; /* that have returned */
        _Atomic(int) calling;    /* enum call */
        _Atomic(uint64_t) opens, opens_accepted, refused[ERRNO_MAX];
        _Atomic(uint64_t) reads, reads_accepted, published;
        _Atomic(uint64_t) out_of_bounds; /* lengths beyond the record or the buffer */
        _Atomic(uint64_t) unexpected;    /* results that damage is no reason for */
        _Atomic(uint64_t) longest_us;
};

struct shape {
        const char *name, *schema;
        uint64_t record_bytes;
        uint32_t depth, flags;
};

static const struct shape shapes[] = {
        { "opaque, depth 4", NULL, 200, 4, 0 },
        { "schema and times, depth 2", "a:i64,name:char[20],w:f64[9],on:bool", 0, 2, SEQCAST_TIMES },
        { "sparse, depth 1", NULL, 9000, 1, SEQCAST_SPARSE },
};

#define SHAPES (sizeof shapes / sizeof *shapes)

static struct {
        uint64_t flips, seed;
        double seconds, patience;
        unsigned readers;
} options = { .patience = 60, .readers = 2 };

static struct {
        atomic_bool stop;
        struct player players[PLAYERS_MAX];
} * scene;

static struct player *self;
static uint64_t chance;

static bool is_damage(int error)
{
        return error == -EPROTO || error == -EPROTONOSUPPORT || error == -EAGAIN || error == -EPROTOTYPE;
}

static void refused(int error)
{
        atomic_fetch_add(&self->refused[-error < ERRNO_MAX ? -error : 0], 1);
        if (!is_damage(error))
                atomic_fetch_add(&self->unexpected, 1);
}

/* ---- a reader -------------------------------------------------------------------------------- */

static seqcast_subscriber *subscriber;
static seqcast_info info;
static struct guard buffer;
static bool untrusting; /* SEQCAST_ANY_OWNER */

static void open_handle(void)
{
        seqcast_subscriber_options wish = SEQCAST_SUBSCRIBER_OPTIONS;
        int r;

        untrusting = random_below(&chance, 4) == 0;
        wish.flags =
                (random_below(&chance, 2) == 0 ? SEQCAST_REATTACH : 0) | (untrusting ? SEQCAST_ANY_OWNER : 0);
        r = seqcast_subscriber_open(topic_name(), &wish, &subscriber);
        atomic_fetch_add(&self->opens, 1);
        if (r != 0) {
                refused(r);
                return;
        }
        atomic_fetch_add(&self->opens_accepted, 1);
        seqcast_subscriber_info(subscriber, &info);
}

static int read_whole(enum call call, seqcast_sample *sample)
{
        const size_t most = random_below(&chance, 2) == 0 ? BUFFER_BYTES : 2 * (size_t)info.record_bytes;
        const size_t capacity = random_below(&chance, (most < BUFFER_BYTES ? most : BUFFER_BYTES) + 1);
        void *to = guard_at_end(&buffer, capacity);
        int r = call == READ_NEWEST ? seqcast_read_newest(subscriber, to, capacity, sample)
                                    : seqcast_read_next(subscriber, to, capacity, sample);

        if (r == SEQCAST_OK && sample->bytes > capacity)
                atomic_fetch_add(&self->out_of_bounds, 1);
        return r;
}

/* It begins in the record or, seldom, so far beyond it that its end, which wraps round, lies in it. */
static seqcast_read_part any_part(void)
{
        seqcast_read_part part;

        part.bytes = random_below(&chance, random_below(&chance, 2) == 0 ? 64 : BUFFER_BYTES + 1);
        part.offset = random_below(&chance, info.record_bytes + 1);
        if (random_below(&chance, 8) == 0)
                part.offset -= part.bytes;
        part.to = guard_at_end(&buffer, part.bytes);
        return part;
}

static int read_parts(enum call call, seqcast_sample *sample)
{
        const seqcast_read_part parts[] = { any_part(), any_part() };

        return call == READ_NEWEST_PARTS ? seqcast_read_newest_parts(subscriber, parts, 2, sample)
                                         : seqcast_read_next_parts(subscriber, parts, 2, sample);
}

static int read_in_place(seqcast_sample *sample)
{
        const void *record;
        int r = untrusting ? SEQCAST_NONE : seqcast_read_begin(subscriber, &record, sample);

        if (r != SEQCAST_OK)
                return r;
        if (sample->bytes > BUFFER_BYTES)
                atomic_fetch_add(&self->out_of_bounds, 1);
        else
                seqcast_copy_load(guard_at_end(&buffer, sample->bytes), record, 0, sample->bytes);
        return seqcast_read_end(subscriber);
}

static void judge_read(int r, const seqcast_sample *sample)
{
        atomic_fetch_add(&self->reads, 1);
        if (r == SEQCAST_OK) {
                atomic_fetch_add(&self->reads_accepted, 1);
                if (sample->bytes > info.record_bytes)
                        atomic_fetch_add(&self->out_of_bounds, 1);
        } else if ((r < 0 && r != -EMSGSIZE && r != -ERANGE) || r > SEQCAST_OVERWRITTEN) {
                atomic_fetch_add(&self->unexpected, 1);
        }
}

static void look_at_schema(void)
{
        const seqcast_schema *schema = seqcast_subscriber_schema(subscriber);
        char text[256];

        seqcast_subscriber_info(subscriber, &info);
        if (schema != NULL && seqcast_schema_print(schema, text, sizeof text) < 0)
                atomic_fetch_add(&self->unexpected, 1);
}

/* What waits and asks: any state, or damage. */
static void judge_state(int r)
{
        if (r < 0 && !is_damage(r))
                atomic_fetch_add(&self->unexpected, 1);
}

static int drain(void)
{
        int r = seqcast_subscriber_fd(subscriber);

        if (r == -EMFILE || r == -ENOSYS) /* other programs may have all the watches */
                return SEQCAST_NONE;
        return r < 0 ? r : seqcast_subscriber_drain(subscriber);
}

static void make(enum call call)
{
        seqcast_sample sample = { 0 };
        seqcast_status status;

        switch (call) {
        case OPEN:
                open_handle();
                break;
        case READ_NEWEST:
        case READ_NEXT:
                judge_read(read_whole(call, &sample), &sample);
                break;
        case READ_NEWEST_PARTS:
        case READ_NEXT_PARTS:
                judge_read(read_parts(call, &sample), &sample);
                break;
        case READ_IN_PLACE:
                judge_read(read_in_place(&sample), &sample);
                break;
        case WAIT:
                judge_state(seqcast_wait(subscriber, (int64_t)random_below(&chance, 2) * 200000));
                break;
        case DRAIN:
                judge_state(drain());
                break;
        case STATUS:
                judge_state(seqcast_subscriber_status(subscriber, &status));
                break;
        case INFO:
                look_at_schema();
                break;
        case SKIP:
                seqcast_subscriber_skip(subscriber);
                break;
        case REATTACH:
                judge_state(seqcast_subscriber_reattach(subscriber, NULL));
                break;
        default:
                subscriber = seqcast_subscriber_close(subscriber);
                break;
        }
}

static void make_and_measure(enum call call)
{
        double begun = now_seconds();
        uint64_t us;

        atomic_store(&self->calling, (int)call);
        make(call);
        us = (uint64_t)(1e6 * (now_seconds() - begun));
        if (us > atomic_load(&self->longest_us))
                atomic_store(&self->longest_us, us);
        atomic_fetch_add(&self->calls, 1);
}

static enum call any_call(void)
{
        enum call call = (enum call)(READ_NEWEST + random_below(&chance, CLOSE - READ_NEWEST));

        /* It takes the kernel milliseconds to close a descriptor. */
        return call == DRAIN && random_below(&chance, 64) != 0 ? READ_NEWEST : call;
}

static int read_on(void)
{
        buffer = guard_new(BUFFER_BYTES);
        while (!atomic_load(&scene->stop)) {
                make_and_measure(OPEN);
                for (uint64_t left = random_below(&chance, CALLS_A_HANDLE); left > 0 && subscriber != NULL;
                     left--)
                        make_and_measure(any_call());
                if (subscriber != NULL)
                        make_and_measure(CLOSE);
        }
        guard_free(&buffer);
        return 0;
}

/* ---- a publisher ----------------------------------------------------------------------------- */

static int publish_begun(seqcast_publisher *publisher, const void *record, size_t bytes)
{
        void *slot;
        int r = seqcast_publish_begin(publisher, &slot);

        if (r != 0)
                return r;
        seqcast_copy_store(slot, 0, record, bytes);
        return seqcast_publish_commit(publisher, random_below(&chance, bytes + 1));
}

static int publish_any(seqcast_publisher *publisher, const unsigned char *record, size_t longest)
{
        const size_t bytes = random_below(&chance, longest + 1), offset = random_below(&chance, longest + 1);
        const seqcast_part part = { offset, random_below(&chance, longest + 1 - offset), record };

        switch (random_below(&chance, 4)) {
        case 0:
                return publish_begun(publisher, record, longest);
        case 1:
                return seqcast_publish_parts(publisher, &part, 1);
        default:
                return seqcast_publish(publisher, record, bytes);
        }
}

/* Takes the segment as it is, and never replaces it. */
static int publish_on(void)
{
        static unsigned char record[BUFFER_BYTES];

        atomic_store(&self->calling, PUBLISH);
        for (; !atomic_load(&scene->stop); atomic_fetch_add(&self->calls, 1)) {
                seqcast_publisher_options wish = SEQCAST_PUBLISHER_OPTIONS;
                seqcast_publisher *publisher;
                seqcast_info opened;
                int r;

                wish.flags = random_below(&chance, 2) == 0 ? SEQCAST_IN_PLACE : 0;
                if (seqcast_publisher_open(topic_name(), &wish, &publisher) != 0)
                        continue;
                seqcast_publisher_info(publisher, &opened);
                for (uint64_t left = random_below(&chance, 2 * CALLS_A_HANDLE); left > 0; left--) {
                        r = publish_any(publisher, record,
                                        opened.record_bytes < BUFFER_BYTES ? opened.record_bytes
                                                                           : BUFFER_BYTES);
                        atomic_fetch_add(&self->published, r == 0);
                        atomic_fetch_add(&self->calls, 1);
                }
                seqcast_publisher_close(publisher);
        }
        return 0;
}

/* ---- the chaos ------------------------------------------------------------------------------- */

static struct {
        unsigned char *bytes, *sound; /* the segment, and what it was before all this */
        struct seqcast__segment_header header;
} target;

static uint64_t any_word(void)
{
        static const uint64_t words[] = { 0,
                                          1,
                                          2,
                                          7,
                                          8,
                                          64,
                                          4096,
                                          UINT32_MAX,
                                          UINT64_C(1) << 40,
                                          UINT64_C(1) << 62,
                                          SEQCAST_VERSION_RETIRED,
                                          UINT64_MAX - 1,
                                          UINT64_MAX };
        const uint64_t kind = random_below(&options.seed, sizeof words / sizeof *words + 3);

        if (kind < sizeof words / sizeof *words)
                return words[kind];
        return kind % 2 == 0 ? random_below(&options.seed, 100) : random_next(&options.seed);
}

/* Where it hurts: most of the segment is payload, which is any bytes anyhow. */
static uint64_t any_place(void)
{
        const struct seqcast__segment_header *header = &target.header;
        const uint64_t slot =
                header->slots_offset + random_below(&options.seed, header->depth) * header->slot_stride;

        switch (random_below(&options.seed, 8)) {
        case 0:
        case 1:
                return random_below(&options.seed, SEQCAST__SCHEMA_OFFSET);
        case 2:
                return SEQCAST__SCHEMA_OFFSET +
                       random_below(&options.seed, header->control_offset - SEQCAST__SCHEMA_OFFSET);
        case 3:
                return header->control_offset +
                       random_below(&options.seed, SEQCAST__CONTROL_WORDS * SEQCAST_WORD_BYTES);
        case 4:
                return header->control_offset;
        case 5:
        case 6:
                return slot + random_below(&options.seed, header->payload_offset);
        default:
                return slot + random_below(&options.seed, header->slot_stride);
        }
}

static void flip(void)
{
        const uint64_t place = any_place();
        _Atomic(unsigned char) *byte = (_Atomic(unsigned char) *)(target.bytes + place);
        seqcast_word *word =
                (seqcast_word *)(void *)(target.bytes + place / SEQCAST_WORD_BYTES * SEQCAST_WORD_BYTES);

        if (random_below(&options.seed, 3) == 0)
                seqcast_word_store_relaxed(word, any_word());
        else
                atomic_fetch_xor_explicit(byte, (unsigned char)(1u << random_below(&options.seed, 8)),
                                          memory_order_relaxed);
}

/* So often that opens are not all refused. */
static void mend(uint64_t from, uint64_t to)
{
        seqcast_copy_store((seqcast_word *)(void *)target.bytes, from, target.sound + from, to - from);
}

static void storm(uint64_t flips)
{
        for (uint64_t i = 1; i <= flips; i++) {
                flip();
                if (random_below(&options.seed, 2) == 0)
                        mend(0, target.header.control_offset);
                if (random_below(&options.seed, 64) == 0)
                        mend(target.header.control_offset, target.header.segment_bytes);
                if (i % FLIPS_AT_ONCE == 0)
                        sleep_us(MOMENT_US);
        }
}

/* @return is everybody alive, and has made some calls since the damage stays as it is? */
static bool calm(const pid_t *pids, unsigned players)
{
        double begun = now_seconds();

        for (unsigned i = 0; i < players; i++) {
                struct player *player = &scene->players[i];
                uint64_t enough = atomic_load(&player->calls) + CALLS_A_CALM;
                int status;

                while (atomic_load(&player->calls) < enough) {
                        if (waitpid(pids[i], &status, WNOHANG) == pids[i]) {
                                tap_note("CRASHED: signal %d in %s",
                                         WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                                         call_names[atomic_load(&player->calling)]);
                                return false;
                        }
                        if (now_seconds() - begun > options.patience) {
                                tap_note("HANGS: in %s", call_names[atomic_load(&player->calling)]);
                                return false;
                        }
                        sleep_us(100);
                }
        }
        return true;
}

/* ---- the run --------------------------------------------------------------------------------- */

static int create(const struct shape *shape)
{
        seqcast_publisher_options wish = SEQCAST_PUBLISHER_OPTIONS;
        static const unsigned char record[BUFFER_BYTES];
        seqcast_schema *schema = NULL;
        seqcast_publisher *publisher;
        seqcast_info created;
        int r = shape->schema == NULL ? 0 : seqcast_schema_parse(shape->schema, &schema, NULL);

        wish.schema = schema;
        wish.record_bytes = shape->record_bytes;
        wish.depth = shape->depth;
        wish.flags = shape->flags;
        if (r == 0)
                r = seqcast_publisher_open(topic_name(), &wish, &publisher);
        seqcast_schema_free(schema);
        if (r < 0)
                return r;
        seqcast_publisher_info(publisher, &created);
        for (unsigned i = 0; i < 3 * shape->depth && r == 0; i++)
                r = seqcast_publish(publisher, record, created.record_bytes);
        seqcast_publisher_close(publisher);
        return r;
}

static void map_target(void)
{
        int fd = open(topic_path(), O_RDWR | O_CLOEXEC);

        if (fd < 0 || pread(fd, &target.header, sizeof target.header, 0) != sizeof target.header)
                abort();
        target.bytes = mmap(NULL, target.header.segment_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        target.sound = malloc(target.header.segment_bytes);
        if (target.bytes == MAP_FAILED || target.sound == NULL)
                abort();
        close(fd);
        memcpy(target.sound, target.bytes, target.header.segment_bytes);
}

static pid_t start(unsigned index, int (*play)(void))
{
        self = &scene->players[index];
        chance = random_next(&options.seed) | 1;
        return child_start(play);
}

/* Mended, it is what it was. */
static bool is_sound(void)
{
        static unsigned char record[BUFFER_BYTES];
        bool sound;

        mend(0, target.header.segment_bytes);
        if (open_subscriber(&subscriber) != 0)
                return false;
        sound = seqcast_read_newest(subscriber, record, sizeof record, NULL) == SEQCAST_OK;
        subscriber = seqcast_subscriber_close(subscriber);
        return sound;
}

static const char *name_of(int error)
{
#define NAME(code, text)                                                                                     \
        case code:                                                                                           \
                return #code;
        switch (error) {
                SEQCAST_ERRORS(NAME)
        default:
                return "another error";
        }
#undef NAME
}

static uint64_t sum_of(size_t offset, unsigned players)
{
        uint64_t sum = 0;

        for (unsigned i = 0; i < players; i++)
                sum += atomic_load((_Atomic(uint64_t) *)((char *)&scene->players[i] + offset));
        return sum;
}

#define SUM(member) sum_of(offsetof(struct player, member), players)

static void report(const struct shape *shape, bool publishing, bool well, unsigned players, uint64_t flips)
{
        char reasons[256] = "";
        size_t length = 0;
        uint64_t longest_us = 0;

        for (int error = 0; error < ERRNO_MAX; error++) {
                uint64_t times = SUM(refused[error]);

                if (times != 0 && length < sizeof reasons)
                        length += (size_t)snprintf(reasons + length, sizeof reasons - length, ", %s: %lu",
                                                   name_of(error), (unsigned long)times);
        }
        for (unsigned i = 0; i < players; i++)
                if (atomic_load(&scene->players[i].longest_us) > longest_us)
                        longest_us = atomic_load(&scene->players[i].longest_us);
        tap_ok(well && SUM(out_of_bounds) == 0 && SUM(unexpected) == 0 && SUM(opens_accepted) != 0 &&
                       SUM(reads_accepted) != 0,
               "%s, %s: %lu flips, %lu reads (%lu accepted), %lu opens (%lu accepted%s), %lu published, "
               "longest call %.1f ms, %lu out of bounds, %lu unexpected",
               shape->name, publishing ? "published" : "no publisher", (unsigned long)flips,
               (unsigned long)SUM(reads), (unsigned long)SUM(reads_accepted), (unsigned long)SUM(opens),
               (unsigned long)SUM(opens_accepted), reasons, (unsigned long)SUM(published),
               (double)longest_us / 1000, (unsigned long)SUM(out_of_bounds), (unsigned long)SUM(unexpected));
}

static void run(const struct shape *shape, bool publishing)
{
        const uint64_t flips = options.flips / (2 * SHAPES);
        const double end = now_seconds() + options.seconds / (2 * SHAPES);
        const unsigned players = options.readers + publishing;
        pid_t pids[PLAYERS_MAX];
        uint64_t flipped = 0;
        bool well = true;
        int r = create(shape);

        if (r != 0) {
                tap_ok(false, "%s: no topic: %s", shape->name, seqcast_strerror(r));
                return;
        }
        memset(scene, 0, sizeof *scene);
        map_target();
        for (unsigned i = 0; i < options.readers; i++)
                pids[i] = start(i, read_on);
        if (publishing)
                pids[options.readers] = start(options.readers, publish_on);
        while (well && flipped < flips && now_seconds() < end) {
                storm(FLIPS_A_STORM);
                flipped += FLIPS_A_STORM;
                well = calm(pids, players);
        }
        atomic_store(&scene->stop, true);
        for (unsigned i = 0; i < players; i++)
                if (well)
                        well = child_wait(pids[i]) == 0;
                else
                        child_kill(pids[i]);
        report(shape, publishing, well && is_sound(), players, flipped);
        munmap(target.bytes, target.header.segment_bytes);
        free(target.sound);
        remove_objects();
}

static void parse(int argc, char **argv)
{
        static const struct option known[] = { { "flips", 1, NULL, 'f' },   { "seconds", 1, NULL, 't' },
                                               { "readers", 1, NULL, 'r' }, { "patience", 1, NULL, 'p' },
                                               { "seed", 1, NULL, 's' },    { NULL, 0, NULL, 0 } };
        int option;

        options.seed = (uint64_t)getpid();
        while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
                double value = optarg == NULL ? 0 : strtod(optarg, NULL);

                if (option == 'f')
                        options.flips = (uint64_t)value;
                else if (option == 't')
                        options.seconds = value;
                else if (option == 'r')
                        options.readers = (unsigned)value;
                else if (option == 'p')
                        options.patience = value;
                else if (option == 's')
                        options.seed = (uint64_t)value;
                else
                        exit(2);
        }
        if (options.readers == 0 || options.readers >= PLAYERS_MAX || options.seed == 0) {
                fprintf(stderr, "corruption: bad arguments\n");
                exit(2);
        }
}

int main(int argc, char **argv)
{
        parse(argc, argv);
        limits(&options.flips, &options.seconds, USUAL_FLIPS, USUAL_SECONDS);
        harness_begin();
        scene = child_shared(sizeof *scene);
        tap_note("seed %lu", (unsigned long)options.seed);
        for (size_t i = 0; i < 2 * SHAPES && !tap_failed; i++)
                run(&shapes[i / 2], i % 2 == 1);
        return tap_finish();
}
