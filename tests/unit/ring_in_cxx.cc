/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The header-only parts, in a program that is C11 as well as C++11, for ring_in_cxx.sh:
 *
 *   layout        print where everything lies
 *   test          what the ring promises, within one program
 *   write FILE    go on with the ring in FILE: some publications, whole and in parts
 *   read FILE     check what is in the ring, from a read-only mapping
 *   flood FILE    publish as fast as can be, then retire the ring
 *   follow FILE   read in order until the ring is retired; what came and what was lost are all there was */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "seqcast/foreign.h"
#include "seqcast/ring_parts.h"

#define DEPTH 4
#define RECORD_BYTES 200
#define LOG_ENTRIES 8
#define WRITTEN_AT_ONCE 7 /* by write: so many whole, then so many in parts */
#define IN_PARTS 2
#define FLOOD 200000
#define SECONDS_AT_MOST 120

static int failures;

static void expect_at(bool holds, const char *what, int line)
{
        if (holds)
                return;
        failures++;
        printf("line %d: %s\n", line, what);
}
#define EXPECT(condition) expect_at(condition, #condition, __LINE__)

static unsigned char *map(const char *file, bool writable)
{
        const size_t bytes = (size_t)seqcast_ring_bytes(DEPTH, RECORD_BYTES);
        int fd = open(file, writable ? O_RDWR | O_CREAT : O_RDONLY, 0600);
        void *memory;

        if (fd < 0 || (writable && ftruncate(fd, (off_t)bytes) != 0))
                abort();
        memory = mmap(NULL, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
        close(fd);
        if (memory == MAP_FAILED)
                abort();
        return (unsigned char *)memory;
}

static size_t length_of(uint64_t number)
{
        return RECORD_BYTES - (size_t)(number % 9);
}

static unsigned char byte_of(uint64_t number, size_t i)
{
        return (unsigned char)(number * 31 + i * 7);
}

static void fill(unsigned char *record, size_t bytes, uint64_t number)
{
        for (size_t i = 0; i < bytes; i++)
                record[i] = byte_of(number, i);
}

static bool filled(const unsigned char *record, size_t bytes, uint64_t number)
{
        for (size_t i = 0; i < bytes; i++)
                if (record[i] != byte_of(number, i))
                        return false;
        return true;
}

static void publish(const struct seqcast_ring *ring, uint64_t number)
{
        unsigned char record[RECORD_BYTES];

        fill(record, length_of(number), number);
        seqcast_ring_publish(ring, number, record, length_of(number), (int64_t)number);
}

static bool came_whole(const unsigned char *record, const seqcast_sample *sample)
{
        return sample->bytes == length_of(sample->number) &&
               filled(record, (size_t)sample->bytes, sample->number);
}

/* ---- layout -------------------------------------------------------------------------------- */

#define PRINT_PLACE(type, member) printf(#type "." #member " %zu\n", offsetof(type, member))

static void print_layout(void)
{
        static const uint64_t lengths[] = { 0, 1, 8, 48, 49, 200, 1023, 1024, 4096, 65536 };

        printf("words %zu %zu, states %zu\n", sizeof(seqcast_word), sizeof(seqcast_foreign_word32),
               sizeof(enum seqcast_state));
        printf("ring %zu, reader %zu, view %zu, sample %zu, foreign %zu\n", sizeof(struct seqcast_ring),
               sizeof(struct seqcast_ring_reader), sizeof(struct seqcast_ring_view), sizeof(seqcast_sample),
               sizeof(struct seqcast_foreign));
        PRINT_PLACE(struct seqcast_ring, slots);
        PRINT_PLACE(struct seqcast_ring, stride);
        PRINT_PLACE(struct seqcast_ring, payload_offset);
        PRINT_PLACE(struct seqcast_ring, times);
        PRINT_PLACE(struct seqcast_ring_reader, started);
        PRINT_PLACE(struct seqcast_ring_view, retired);
        PRINT_PLACE(seqcast_sample, time_ns);
        PRINT_PLACE(seqcast_sample, retired);
        PRINT_PLACE(seqcast_part, from);
        PRINT_PLACE(seqcast_read_part, to);
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
                printf("record %lu: ring %lu, stride %lu, payload at %lu\n", (unsigned long)lengths[i],
                       (unsigned long)seqcast_ring_bytes(DEPTH, lengths[i]),
                       (unsigned long)seqcast__ring_stride(lengths[i]),
                       (unsigned long)seqcast__ring_payload_offset(SEQCAST_SLOT_HEAD_BYTES, lengths[i]));
}

/* ---- one program --------------------------------------------------------------------------- */

static unsigned char *fresh(void)
{
        const size_t bytes = (size_t)seqcast_ring_bytes(DEPTH, RECORD_BYTES);
        void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
                abort();
        return (unsigned char *)memory;
}

static void test_reading(void)
{
        struct seqcast_ring ring = seqcast_ring_over(fresh(), DEPTH, RECORD_BYTES);
        struct seqcast_ring_reader newest = { 0, 0, false }, next = { 0, 0, false };
        unsigned char record[RECORD_BYTES];
        seqcast_sample sample;

        EXPECT(seqcast_ring_read_newest(&ring, &newest, record, sizeof record, &sample) == SEQCAST_EMPTY);
        seqcast_ring_skip(&ring, &next);
        for (uint64_t number = 1; number <= 3 * DEPTH; number++) {
                publish(&ring, number);
                EXPECT(seqcast_ring_news(&ring, &next) == SEQCAST_OK);
                EXPECT(seqcast_ring_read_newest(&ring, &newest, record, sizeof record, &sample) ==
                       SEQCAST_OK);
                EXPECT(sample.number == number && came_whole(record, &sample));
                EXPECT(seqcast_ring_read_next(&ring, &next, record, sizeof record, &sample) == SEQCAST_OK);
                EXPECT(sample.number == number && sample.lost == 0 && came_whole(record, &sample));
                EXPECT(seqcast_ring_read_next(&ring, &next, record, sizeof record, &sample) == SEQCAST_NONE);
        }
        for (uint64_t number = 3 * DEPTH + 1; number <= 5 * DEPTH; number++)
                publish(&ring, number);
        EXPECT(seqcast_ring_read_next(&ring, &next, record, sizeof record, &sample) == SEQCAST_OK);
        EXPECT(sample.number == 4 * DEPTH + 2 && sample.lost == DEPTH + 1 && came_whole(record, &sample));
        EXPECT(seqcast_ring_read_newest(&ring, &newest, record, 8, &sample) == -EMSGSIZE);
}

static void test_parts(void)
{
        struct seqcast_ring ring = seqcast_ring_over(fresh(), DEPTH, RECORD_BYTES);
        struct seqcast_ring_change log[LOG_ENTRIES];
        struct seqcast_ring_changes changes = { log, LOG_ENTRIES - 1, 0, 1 };
        struct seqcast_ring_reader reader = { 0, 0, false };
        seqcast_sample sample;

        for (uint64_t number = 1; number <= 2 * DEPTH; number++) {
                const seqcast_part part = { 3 * number, sizeof number, &number };
                uint64_t found = 0, first = 0;
                const seqcast_read_part read[2] = { { 3 * number, sizeof found, &found },
                                                    { 3, sizeof first, &first } };
                const seqcast_read_part beyond = { RECORD_BYTES - 7, 8, &found };

                EXPECT(seqcast_ring_publish_parts(&ring, &changes, number, &part, 1, 0) == 0);
                EXPECT(seqcast_ring_read_newest_parts(&ring, &reader, read, 2, &sample) == SEQCAST_OK);
                EXPECT(sample.number == number && found == number && (first & 0xff) == 1);
                EXPECT(seqcast_ring_read_newest_parts(&ring, &reader, &beyond, 1, &sample) == -ERANGE);
        }
}

static void test_takeover_and_end(void)
{
        struct seqcast_ring ring = seqcast_ring_over(fresh(), DEPTH, RECORD_BYTES);
        struct seqcast_ring_reader reader = { 0, 0, false };
        unsigned char record[RECORD_BYTES];
        seqcast_sample sample;

        publish(&ring, 1);
        seqcast_ring_write_begin(&ring, 2);
        EXPECT(seqcast_ring_recover(&ring) == 1);
        publish(&ring, 2);
        seqcast_word_store_relaxed(ring.version, 1); /* complete, and not announced */
        EXPECT(seqcast_ring_recover(&ring) == 2);
        EXPECT(seqcast_ring_read_newest(&ring, &reader, record, sizeof record, &sample) == SEQCAST_OK);
        EXPECT(sample.number == 2 && came_whole(record, &sample));
        seqcast_ring_retire(&ring);
        EXPECT(seqcast_ring_read_next(&ring, &reader, record, sizeof record, &sample) == SEQCAST_RETIRED);
        EXPECT(seqcast_ring_read_newest(&ring, &reader, record, sizeof record, &sample) == SEQCAST_OK);
        EXPECT(sample.number == 2 && sample.retired == 1);
}

static void test_foreign_words(void)
{
        static struct {
                uint64_t seq;
                uint32_t bookends[2];
                unsigned char data[RECORD_BYTES];
        } owned;
        const volatile void *seq = &owned.seq;
        struct seqcast_foreign foreign = seqcast_foreign_even_odd(seq, 8);
        unsigned char record[RECORD_BYTES];
        uint64_t count = 0;

        owned.seq = 14;
        fill(owned.data, sizeof owned.data, 7);
        EXPECT(seqcast_foreign_read(&foreign, record, owned.data, sizeof record, &count) == SEQCAST_OK);
        EXPECT(count == 14 && filled(record, sizeof record, 7));
        owned.seq = 15;
        EXPECT(seqcast_foreign_read(&foreign, record, owned.data, sizeof record, &count) == SEQCAST_BUSY);
        owned.bookends[0] = 1;
        foreign = seqcast_foreign_bookends(&owned.bookends[0], &owned.bookends[1], 4);
        EXPECT(seqcast_foreign_read(&foreign, record, owned.data, sizeof record, &count) == SEQCAST_BUSY);
        foreign = seqcast_foreign_count_valid(&owned.bookends[0], &owned.bookends[1], 4);
        EXPECT(seqcast_foreign_read(&foreign, record, owned.data, sizeof record, &count) == SEQCAST_NONE);
}

/* ---- a file -------------------------------------------------------------------------------- */

static void flood(const struct seqcast_ring *ring)
{
        for (uint64_t number = seqcast_ring_recover(ring); number < FLOOD;) {
                publish(ring, ++number);
                if (number == FLOOD / 2) /* the reader has its turn, if there is one processor only */
                        usleep(50000);
        }
        seqcast_ring_retire(ring);
}

/* For those who are to write at the same time: a thread looks at this, a process at the output. */
static seqcast_word reading;

static void follow(const struct seqcast_ring *ring)
{
        struct seqcast_ring_reader reader = { 0, 0, true };
        unsigned char record[RECORD_BYTES];
        uint64_t came = 0, lost = 0;
        seqcast_sample sample;
        int r;

        seqcast_word_store_relaxed(&reading, 1);
        puts("reading");
        fflush(stdout);
        while ((r = seqcast_ring_read_next(ring, &reader, record, sizeof record, &sample)) !=
               SEQCAST_RETIRED) {
                if (r != SEQCAST_OK)
                        continue;
                EXPECT(sample.number <= WRITTEN_AT_ONCE + IN_PARTS || came_whole(record, &sample));
                came++;
                lost += sample.lost;
        }
        EXPECT(came + lost == FLOOD && came > DEPTH); /* more than what the end leaves */
        EXPECT(reader.delivered == FLOOD);
}

static void *flood_thread(void *ring)
{
        while (seqcast_word_load_relaxed(&reading) == 0)
                usleep(100);
        flood((const struct seqcast_ring *)ring);
        return NULL;
}

static void test_two_threads(void)
{
        struct seqcast_ring ring = seqcast_ring_over(fresh(), DEPTH, RECORD_BYTES);
        pthread_t thread;

        if (pthread_create(&thread, NULL, flood_thread, &ring) != 0)
                abort();
        follow(&ring);
        pthread_join(thread, NULL);
}

static void write_some(const struct seqcast_ring *ring)
{
        struct seqcast_ring_change log[LOG_ENTRIES];
        struct seqcast_ring_changes changes = { log, LOG_ENTRIES - 1, 0, 0 };
        uint64_t number = seqcast_ring_recover(ring);

        seqcast_ring_changed_all(&changes, number);
        for (int i = 0; i < WRITTEN_AT_ONCE; i++)
                publish(ring, ++number);
        seqcast_ring_changed_all(&changes, number);
        for (uint64_t whole = number; number < whole + IN_PARTS;) {
                unsigned char same[5];
                const seqcast_part part = { 11, sizeof same, same };

                for (size_t i = 0; i < sizeof same; i++)
                        same[i] = byte_of(whole, 11 + i);
                EXPECT(seqcast_ring_publish_parts(ring, &changes, ++number, &part, 1, 0) == 0);
        }
}

static void read_all(const struct seqcast_ring *ring)
{
        struct seqcast_ring_reader reader = { 0, 0, true };
        unsigned char record[RECORD_BYTES];
        seqcast_sample sample;
        uint64_t newest = seqcast_ring_version(ring);
        int seen = 0;

        while (seqcast_ring_read_next(ring, &reader, record, sizeof record, &sample) == SEQCAST_OK) {
                uint64_t whole = sample.number > newest - IN_PARTS ? newest - IN_PARTS : sample.number;

                seen++;
                EXPECT(sample.bytes == length_of(whole) && filled(record, (size_t)sample.bytes, whole));
        }
        EXPECT(reader.delivered == newest && newest % (WRITTEN_AT_ONCE + IN_PARTS) == 0 && newest != 0);
        EXPECT(seen == DEPTH - 1);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                bool writable;
                void (*act)(const struct seqcast_ring *);
        } acts[] = { { "write", true, write_some },
                     { "read", false, read_all },
                     { "flood", true, flood },
                     { "follow", false, follow } };

        alarm(SECONDS_AT_MOST);
        if (argc == 2 && strcmp(argv[1], "layout") == 0) {
                print_layout();
        } else if (argc == 2 && strcmp(argv[1], "test") == 0) {
                test_reading();
                test_parts();
                test_takeover_and_end();
                test_foreign_words();
                test_two_threads();
        }
        for (size_t i = 0; argc == 3 && i < sizeof acts / sizeof *acts; i++) {
                if (strcmp(argv[1], acts[i].name) == 0) {
                        struct seqcast_ring ring =
                                seqcast_ring_over(map(argv[2], acts[i].writable), DEPTH, RECORD_BYTES);

                        acts[i].act(&ring);
                }
        }
        return failures != 0;
}
