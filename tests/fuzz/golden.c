/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Segments of format version 1, kept as files, are read to the values that were published into them, and
 * the newest of them is what is written today, byte for byte.
 *
 * They were made by `golden --write FILE`: six publications by the library's own calls, then what differs
 * from machine to machine (ids, names, times) set to constants. The files stand for the segments that are
 * out there: they are not made again when a test fails. A library that places records otherwise gets a file
 * more. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "layout/segment_layout.h"
#include "support/topic.h"
#include "support/wake_tap.h"

#define PACKED_FILE "tests/fuzz/golden/version_1.segment"      /* payloads right behind their heads */
#define TODAY_FILE "tests/fuzz/golden/version_1_lines.segment" /* ... on lines of their own */
#define GOLDEN_BYTES 8192u
#define DEPTH 4u
#define LAST 6u
#define SHORT_ONE 5u /* the number of a record that is shorter than the others */
#define SHORT_BYTES 20u
#define SCHEMA_TEXT                                                                                          \
        "bid:i64@0,ask:i64@8,qty:u32@16/hex,sym:char[12]@20,mid:f64@32/unit(\"EUR\"),raw:u8[7]@40,"          \
        "open:bool@47;size=48,align=8,type=quote"

struct quote {
        int64_t bid, ask;
        uint32_t qty;
        char sym[12];
        double mid;
        uint8_t raw[7];
        bool open;
};

_Static_assert(sizeof(struct quote) == 48, "as the schema says");

static struct quote quote_of(uint64_t number)
{
        struct quote quote = { .bid = INT64_MIN + (int64_t)number,
                               .ask = 1000000007 * (int64_t)number,
                               .qty = 0xfeed0000u + (uint32_t)number,
                               .mid = (double)number / 4,
                               .open = number % 2 == 1 };

        memcpy(quote.sym, "SYMBOL-0.DE", sizeof quote.sym);
        quote.sym[7] = (char)('0' + number);
        for (size_t i = 0; i < sizeof quote.raw; i++)
                quote.raw[i] = (uint8_t)(0xf0 + number + i);
        return quote;
}

static uint64_t length_of(uint64_t number)
{
        return number == SHORT_ONE ? SHORT_BYTES : sizeof(struct quote);
}

/* ---- what differs from machine to machine --------------------------------------------------- */

#define INCARNATION UINT64_C(0x1122334455667788)
#define CREATED_NS INT64_C(1700000000123456789)
#define PID UINT64_C(4242)
#define TIME_NAMESPACE UINT64_C(4026531834)
#define NAME "golden"

static int64_t time_of(uint64_t number)
{
        return INT64_C(1000000000000) + 1000 * (int64_t)number;
}

static void put_word(unsigned char *segment, uint64_t offset, uint64_t word)
{
        memcpy(segment + offset, &word, sizeof word);
}

static void put_name(unsigned char *segment, uint64_t offset)
{
        memset(segment + offset, 0, 32);
        memcpy(segment + offset, NAME, sizeof NAME);
}

static void set_constants(unsigned char *segment)
{
        struct seqcast__segment_header header;
        uint64_t control;

        memcpy(&header, segment, sizeof header);
        header.incarnation = INCARNATION;
        header.created_ns = CREATED_NS;
        header.creator_uid = 1000;
        header.creator_pid = PID;
        for (size_t i = 0; i < sizeof header.boot_id; i++)
                header.boot_id[i] = (uint8_t)(i + 1);
        memcpy(segment, &header, sizeof header);
        put_name(segment, offsetof(struct seqcast__segment_header, creator));
        control = header.control_offset;
        put_word(segment, control + 8 * SEQCAST__CONTROL_PUBLISHER_PID, PID);
        put_word(segment, control + 8 * SEQCAST__CONTROL_TIME_NAMESPACE, TIME_NAMESPACE);
        put_name(segment, control + 8 * SEQCAST__CONTROL_PROGRAM);
        for (uint64_t number = LAST - DEPTH + 1; number <= LAST; number++)
                put_word(segment, header.slots_offset + number % DEPTH * header.slot_stride + 16,
                         (uint64_t)time_of(number));
}

/* ---- files ---------------------------------------------------------------------------------- */

static bool read_bytes(const char *path, unsigned char *segment)
{
        FILE *file = fopen(path, "rb");
        size_t got = file == NULL ? 0 : fread(segment, 1, GOLDEN_BYTES, file);

        if (file != NULL)
                fclose(file);
        return got == GOLDEN_BYTES;
}

static bool write_bytes(const char *path, const unsigned char *segment)
{
        FILE *file = fopen(path, "wb");
        bool good = file != NULL && fwrite(segment, 1, GOLDEN_BYTES, file) == GOLDEN_BYTES;

        if (file != NULL)
                good = fclose(file) == 0 && good;
        return good && chmod(path, 0600) == 0;
}

/** Publish as the file was made. */
static bool write_today(unsigned char *segment)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_publisher *publisher;
        seqcast_schema *schema;
        bool good;

        if (seqcast_schema_parse(SCHEMA_TEXT, &schema, NULL) != 0)
                return false;
        options.schema = schema;
        options.depth = DEPTH;
        options.flags = SEQCAST_TIMES;
        options.wake = SEQCAST_WAKE_NEVER;
        good = seqcast_publisher_open(topic_name(), &options, &publisher) == 0;
        seqcast_schema_free(schema);
        if (!good)
                return false;
        for (uint64_t number = 1; number <= LAST; number++) {
                const struct quote quote = quote_of(number);

                good = seqcast_publish(publisher, &quote, (size_t)length_of(number)) == 0 && good;
        }
        seqcast_publisher_close(publisher);
        good = good && read_bytes(topic_path(), segment);
        topic_remove();
        if (good)
                set_constants(segment);
        return good;
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool is_sample(const seqcast_sample *sample, const struct quote *quote, uint64_t number)
{
        const struct quote expected = quote_of(number);

        return sample->number == number && sample->bytes == length_of(number) &&
               sample->time_ns == time_of(number) && sample->retired == 0 &&
               memcmp(quote, &expected, (size_t)length_of(number)) == 0;
}

static void check_info(const seqcast_subscriber *subscriber)
{
        seqcast_info info;
        seqcast_status status = { 0 };
        char text[512] = "";
        int length = seqcast_schema_print(seqcast_subscriber_schema(subscriber), text, sizeof text);

        seqcast_subscriber_info(subscriber, &info);
        tap_ok(info.record_bytes == 48 && info.segment_bytes == GOLDEN_BYTES && info.depth == DEPTH &&
                       info.format_version == 1 && info.times == 1 && info.sparse == 0,
               "the shape of the golden segment");
        tap_ok(info.incarnation == INCARNATION && info.created_ns == CREATED_NS && info.creator_pid == PID &&
                       strcmp(info.creator, NAME) == 0,
               "who made it, and when");
        tap_ok(length == (int)strlen(SCHEMA_TEXT) && strcmp(text, SCHEMA_TEXT) == 0, "its schema");
        tap_ok(seqcast_subscriber_status(subscriber, &status) == 0 && status.version == LAST &&
                       status.epoch == 1 && status.liveness == SEQCAST_LEFT && status.publisher_pid == PID &&
                       strcmp(status.program, NAME) == 0,
               "its state: its publisher has left");
}

static void set_version(uint64_t version)
{
        struct seqcast__segment_header header;
        int fd = open(topic_path(), O_RDWR | O_CLOEXEC);

        if (fd < 0 || pread(fd, &header, sizeof header, 0) != sizeof header ||
            pwrite(fd, &version, sizeof version, (off_t)header.control_offset) != sizeof version)
                abort();
        close(fd);
}

static void check_records(void)
{
        seqcast_subscriber *subscriber;
        seqcast_sample sample;
        struct quote quote;
        uint64_t number;

        set_version(LAST - DEPTH + 1); /* as if the later ones were still to come */
        if (open_subscriber(&subscriber) != 0) {
                tap_ok(false, "the golden segment can be opened");
                return;
        }
        for (number = LAST - DEPTH + 1; number <= LAST; number++) {
                if (seqcast_read_next(subscriber, &quote, sizeof quote, &sample) != 0 ||
                    !is_sample(&sample, &quote, number))
                        break;
                set_version(LAST);
        }
        tap_ok(number == LAST + 1, "each of its %u records, in order", DEPTH);
        tap_ok(seqcast_read_newest(subscriber, &quote, sizeof quote, &sample) == 0 &&
                       is_sample(&sample, &quote, LAST),
               "its newest record");
        check_info(subscriber);
        seqcast_subscriber_close(subscriber);
}

static void check_takeover(void)
{
        const struct quote quote = quote_of(LAST + 1);
        seqcast_publisher *publisher = NULL;
        seqcast_subscriber *subscriber = NULL;
        seqcast_sample sample = { 0 };
        struct quote got;
        bool good = seqcast_publisher_open(topic_name(), NULL, &publisher) == 0 &&
                    seqcast_publisher_version(publisher) == LAST &&
                    seqcast_publish(publisher, &quote, sizeof quote) == 0 &&
                    open_subscriber(&subscriber) == 0 &&
                    seqcast_read_newest(subscriber, &got, sizeof got, &sample) == 0;

        tap_ok(good && sample.number == LAST + 1 && memcmp(&got, &quote, sizeof got) == 0,
               "a publisher goes on where the golden one left off");
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_close(publisher);
}

static void check_bytes(const unsigned char *golden)
{
        static unsigned char today[GOLDEN_BYTES];
        size_t differs = 0;
        bool written = write_today(today);

        while (differs < GOLDEN_BYTES && golden[differs] == today[differs])
                differs++;
        tap_ok(written && differs == GOLDEN_BYTES, "what is written today is the same, byte for byte");
        if (differs < GOLDEN_BYTES)
                tap_note("first difference at byte %zu: %02x, golden %02x", differs, today[differs],
                         golden[differs]);
}

int main(int argc, char **argv)
{
        static const char *const files[] = { PACKED_FILE, TODAY_FILE };
        static unsigned char golden[GOLDEN_BYTES];

        atexit(topic_remove);
        if (argc == 3 && strcmp(argv[1], "--write") == 0)
                return write_today(golden) && write_bytes(argv[2], golden) ? 0 : 1;
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
                if (!read_bytes(files[i], golden) || !write_bytes(topic_path(), golden)) {
                        printf("Bail out! %s: %s\n", files[i], strerror(errno));
                        return 1;
                }
                tap_note("%s", files[i]);
                check_records();
                check_takeover();
                topic_remove();
        }
        check_bytes(golden);
        return tap_finish();
}
