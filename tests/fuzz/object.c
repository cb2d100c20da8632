/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The same inputs as those of header.c, on the whole way: an object in shared memory, opened by its name,
 * mapped by the library, and read in every way that there is; then a publisher takes it over. Whatever the
 * bytes are, each call ends, with one of the results that it is documented to have. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz/driver/segment_input.h"
#include "support/topic.h"

#define OBJECT_BYTES_MAX (UINT64_C(1) << 40) /* larger ones are refused by what the kernel says of them */
#define RECORD_BYTES_MAX 65536u

const struct fuzz_target fuzz_target = {
        .name = "object",
        .inputs = 40000,
        .longest = SEGMENT_INPUT_LONGEST,
        .least_percent = 5,
        .clean_up = topic_remove,
};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
        return segment_input_mutate(data, size, max_size, seed);
}

static bool write_at(int fd, const void *from, size_t bytes, uint64_t offset)
{
        return pwrite(fd, from, bytes, (off_t)offset) == (ssize_t)bytes;
}

/* What a publisher would have stored in slot `number` % depth, whose length is a lie. */
static void write_slot(int fd, const struct seqcast__segment_header *header, uint64_t number, uint64_t seq,
                       uint64_t length)
{
        const uint64_t words[] = { seq, length };

        write_at(fd, words, sizeof words,
                 header->slots_offset + (number & (header->depth - 1)) * header->slot_stride);
}

/* The object, with words in it that a reader goes by, if it knows where they are. They follow from the
 * input. @return false: it cannot be made here */
static bool make_object(const struct segment_input *input, uint64_t *state)
{
        static const uint64_t lengths[] = { 0, 1, 8, 60, UINT32_MAX, UINT64_MAX };
        const struct seqcast__segment_header *header = &input->header;
        int fd = open(topic_path(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        bool good = fd >= 0 && ftruncate(fd, (off_t)input->file_bytes) == 0 &&
                    write_at(fd, input->bytes, input->count, 0);

        if (good && segment_lies_inside(header, input->file_bytes)) {
                uint64_t version = random_below(state, 3) * header->depth + random_below(state, 4);
                uint64_t word = random_below(state, 16) == 0 ? random_next(state) : version;

                write_at(fd, &word, sizeof word, header->control_offset);
                for (uint64_t number = version < 2 ? 0 : version - 2; number <= version + 2; number++)
                        write_slot(fd, header, number, 2 * number - (random_below(state, 8) == 0),
                                   lengths[random_below(state, sizeof lengths / sizeof *lengths)]);
        }
        if (fd >= 0)
                close(fd);
        return good;
}

/* ---- subscribing ---------------------------------------------------------------------------- */

static void check_read(int r, const seqcast_sample *sample, const seqcast_info *info, uint64_t capacity)
{
        FUZZ_CHECK(r == 0 || r == SEQCAST_NONE || r == SEQCAST_EMPTY || r == SEQCAST_BUSY ||
                   r == SEQCAST_RETIRED || r == -EMSGSIZE || r == -ERANGE);
        if (r != 0)
                return;
        FUZZ_CHECK(sample->bytes <= info->record_bytes);
        FUZZ_CHECK(sample->bytes <= capacity);
        FUZZ_CHECK(sample->number != 0);
        FUZZ_CHECK(info->times || sample->time_ns == 0);
}

static void read_in_all_ways(seqcast_subscriber *subscriber, const seqcast_info *info, bool untrusting)
{
        size_t capacity =
                info->record_bytes < RECORD_BYTES_MAX ? (size_t)info->record_bytes : RECORD_BYTES_MAX;
        unsigned char *record = malloc(capacity), ends[2];
        const seqcast_read_part parts[] = { { 0, 1, &ends[0] }, { info->record_bytes - 1, 1, &ends[1] } };
        const void *looked_at;
        seqcast_sample sample;
        int r;

        if (record == NULL)
                abort();
        for (int turn = 0; turn < 2; turn++) {
                check_read(seqcast_read_next(subscriber, record, capacity, &sample), &sample, info, capacity);
                check_read(seqcast_read_newest(subscriber, record, capacity, &sample), &sample, info,
                           capacity);
                check_read(seqcast_read_newest_parts(subscriber, parts, 2, &sample), &sample, info,
                           UINT64_MAX);
                check_read(seqcast_read_next_parts(subscriber, parts, 1, &sample), &sample, info, UINT64_MAX);
        }
        r = seqcast_read_begin(subscriber, &looked_at, &sample);
        if (untrusting) {
                FUZZ_CHECK(r == -EINVAL);
                r = SEQCAST_NONE;
        }
        check_read(r, &sample, info, UINT64_MAX);
        if (r == 0) {
                if (sample.bytes != 0 && !info->sparse) {
                        volatile const unsigned char *bytes = looked_at;

                        (void)bytes[0];
                        (void)bytes[sample.bytes - 1];
                }
                FUZZ_CHECK(seqcast_read_end(subscriber) == 0);
        }
        free(record);
}

static void ask(seqcast_subscriber *subscriber)
{
        seqcast_status status;
        int r = seqcast_subscriber_status(subscriber, &status);

        FUZZ_CHECK(r == 0);
        FUZZ_CHECK(status.liveness >= SEQCAST_LIVE && status.liveness <= SEQCAST_REPLACED);
        FUZZ_CHECK(status.liveness != SEQCAST_LIVE);
        FUZZ_CHECK(memchr(status.program, '\0', sizeof status.program) != NULL);
        FUZZ_CHECK(status.version == seqcast_subscriber_version(subscriber));
        r = seqcast_wait(subscriber, 0);
        FUZZ_CHECK(r == 0 || r == SEQCAST_TIMEOUT || r == SEQCAST_RETIRED);
        seqcast_subscriber_skip(subscriber);
}

static bool subscribe(const struct segment_input *input, bool untrusting)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        seqcast_subscriber *subscriber = NULL;
        const seqcast_schema *schema;
        seqcast_detail why = { "" };
        seqcast_info info;
        int r;

        options.ret_detail = &why;
        options.flags = untrusting ? SEQCAST_ANY_OWNER : 0;
        r = seqcast_subscriber_open(topic_name(), &options, &subscriber);
        FUZZ_CHECK(r == 0 || r == -EAGAIN || r == -EPROTO || r == -EPROTONOSUPPORT || r == -ENOMEM);
        FUZZ_CHECK((r == 0) == (subscriber != NULL));
        FUZZ_CHECK((r == 0) == (why.text[0] == '\0'));
        if (r != 0)
                return false;
        FUZZ_CHECK(segment_lies_inside(&input->header, input->file_bytes));
        seqcast_subscriber_info(subscriber, &info);
        FUZZ_CHECK(info.segment_bytes == input->file_bytes);
        FUZZ_CHECK(memchr(info.creator, '\0', sizeof info.creator) != NULL);
        schema = seqcast_subscriber_schema(subscriber);
        FUZZ_CHECK((schema != NULL) == (input->header.schema_bytes != 0));
        FUZZ_CHECK(schema == NULL || schema->record_bytes <= info.record_bytes);
        read_in_all_ways(subscriber, &info, untrusting);
        ask(subscriber);
        read_in_all_ways(subscriber, &info, untrusting);
        seqcast_subscriber_close(subscriber);
        return true;
}

/* ---- taking over ---------------------------------------------------------------------------- */

/* Of this machine's memory, which has nothing to do with the input. */
static bool is_short_of_memory(int r)
{
        return r == -ENOMEM || r == -ENOSPC;
}

/* As it exists; or, for `replace`, with another one in its place. */
static void take_over(const seqcast_publisher_options *options, bool replace)
{
        seqcast_publisher *publisher = NULL;
        int r = seqcast_publisher_open(topic_name(), options, &publisher);

        FUZZ_CHECK((r == 0) == (publisher != NULL));
        if (!is_short_of_memory(r))
                FUZZ_CHECK(r == 0 || (!replace && (r == -EPROTO || r == -EPROTONOSUPPORT || r == -ESTALE)));
        if (r != 0)
                return;
        r = seqcast_publish(publisher, "", 1);
        FUZZ_CHECK(r == 0 || is_short_of_memory(r));
        seqcast_publisher_close(publisher);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        seqcast_publisher_options replacing = SEQCAST_PUBLISHER_OPTIONS;
        struct segment_input input;
        bool accepted = false;
        uint64_t state;

        if (!segment_input_take(data, size, &input) || input.file_bytes > OBJECT_BYTES_MAX) {
                fuzz_count(false);
                return 0;
        }
        state = input.header.incarnation | 1;
        replacing.record_bytes = 8;
        replacing.flags = SEQCAST_RECREATE;
        topic_remove();
        if (make_object(&input, &state)) {
                accepted = subscribe(&input, false);
                FUZZ_CHECK(subscribe(&input, true) == accepted);
                take_over(NULL, false);
                if (random_below(&state, 4) == 0)
                        take_over(&replacing, true);
        }
        topic_remove();
        fuzz_count(accepted);
        return 0;
}
