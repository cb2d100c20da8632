/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A publisher or subscriber of few words, to be built for another word size. Exits 0; 1, with a line that
 * says what went wrong; for `open`, the negated error, with the sentence on standard output.
 *
 *   peer publish TOPIC COUNT [PAUSE_US]   whole records and parts; goes on where the last one left off
 *   peer read TOPIC FIRST COUNT           waits for each publication from FIRST on, and checks it
 *   peer open TOPIC                       opens to read
 *   peer create TOPIC RECORD_BYTES        a sparse segment
 *   peer bits */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "seqcast.h"

#include "../support/record.h"

#define PATIENCE_NS INT64_C(20000000000)

#define RECORD_BYTES 112u /* of this schema, for any word size */

static const char schema_text[] = "kind:u8@0,bid:i64@8,ask:i64@16,size:u32@24,rate:f64@32,text:char[72]@40";

static unsigned char record[RECORD_BYTES];

static int fail(const char *what, int result)
{
        printf("%u bits: %s: %s\n", (unsigned)sizeof(void *) * 8, what, seqcast_strerror(result));
        return 1;
}

static void pause_us(long us)
{
        const struct timespec pause = { us / 1000000, us % 1000000 * 1000 };

        nanosleep(&pause, NULL);
}

static int publish(const char *topic, uint64_t count, long us)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_publisher *publisher;
        seqcast_schema *schema;
        int r = seqcast_schema_parse(schema_text, &schema, NULL);

        if (r < 0)
                return fail("schema", r);
        options.schema = schema;
        options.depth = 8;
        options.flags = SEQCAST_TIMES;
        r = seqcast_publisher_open(topic, &options, &publisher);
        seqcast_schema_free(schema);
        if (r < 0)
                return fail("opening to publish", r);
        for (uint64_t i = 0; i < count && r == 0; i++) {
                uint64_t number = seqcast_publisher_version(publisher) + 1;
                const seqcast_part halves[] = { { 0, 52, record }, { 52, 60, record + 52 } };

                record_fill(record, sizeof record, number);
                r = number % 2 == 0 ? seqcast_publish_parts(publisher, halves, 2)
                                    : seqcast_publish(publisher, record, sizeof record);
                if (us > 0)
                        pause_us(us);
        }
        seqcast_publisher_close(publisher);
        return r < 0 ? fail("publishing", r) : 0;
}

/* In order and whole; some may be missing, if they were published without a pause. */
static int read_from(const char *topic, uint64_t first, uint64_t count)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        seqcast_subscriber *subscriber;
        seqcast_status status;
        seqcast_sample sample = { 0 };
        uint64_t delivered = 0;
        int r;

        options.timeout_ns = PATIENCE_NS;
        r = seqcast_subscriber_open(topic, &options, &subscriber);
        if (r < 0)
                return fail("opening to read", r);
        while (sample.number < first + count - 1) {
                uint64_t before = sample.number;

                r = seqcast_wait(subscriber, PATIENCE_NS);
                if (r == SEQCAST_PUBLISHER_LEFT)
                        continue;
                if (r == 0)
                        r = seqcast_read_next(subscriber, record, sizeof record, &sample);
                if (r != 0)
                        return fail("reading", r);
                if (sample.number <= before || !record_check(record, (size_t)sample.bytes, sample.number) ||
                    sample.bytes != sizeof record)
                        return fail("the record is wrong", -EPROTO);
                delivered++;
        }
        r = seqcast_subscriber_status(subscriber, &status);
        if (r < 0 || status.version < sample.number || status.age_ns < 0)
                return fail("status", r);
        seqcast_subscriber_close(subscriber);
        printf("%u bits: %" PRIu64 " of %" PRIu64 " records\n", (unsigned)sizeof(void *) * 8, delivered,
               count);
        return 0;
}

static int open_it(const char *topic)
{
        seqcast_subscriber_options options = SEQCAST_SUBSCRIBER_OPTIONS;
        seqcast_detail detail = { "" };
        seqcast_subscriber *subscriber;
        int r;

        options.ret_detail = &detail;
        r = seqcast_subscriber_open(topic, &options, &subscriber);
        puts(detail.text);
        if (r == 0)
                seqcast_subscriber_close(subscriber);
        return -r;
}

static int create(const char *topic, uint64_t bytes)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_detail detail = { "" };
        seqcast_publisher *publisher;
        int r;

        options.record_bytes = bytes;
        options.flags = SEQCAST_SPARSE;
        options.ret_detail = &detail;
        r = seqcast_publisher_open(topic, &options, &publisher);
        puts(detail.text);
        if (r == 0)
                seqcast_publisher_close(publisher);
        return -r;
}

int main(int count, char **words)
{
        const char *what = count > 1 ? words[1] : "", *topic = count > 2 ? words[2] : "";

        if (strcmp(what, "bits") == 0)
                return printf("%u\n", (unsigned)sizeof(void *) * 8) < 0;
        if (strcmp(what, "publish") == 0 && count > 3)
                return publish(topic, strtoull(words[3], NULL, 10),
                               count > 4 ? strtol(words[4], NULL, 10) : 0);
        if (strcmp(what, "read") == 0 && count > 4)
                return read_from(topic, strtoull(words[3], NULL, 10), strtoull(words[4], NULL, 10));
        if (strcmp(what, "open") == 0)
                return open_it(topic);
        if (strcmp(what, "create") == 0 && count > 3)
                return create(topic, strtoull(words[3], NULL, 10));
        return fail("usage", -EINVAL);
}
