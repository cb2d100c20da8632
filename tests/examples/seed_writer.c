/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The experiment that Seqcast grew from, writing half: three integers at the start of a record of
 * 4 000 000 000 bytes. Publishes once and ends; the value stays. With --remove: takes the topic away. */

#include <stdio.h>
#include <string.h>

#include "seqcast.h"

struct columns {
        int64_t col1, col2, col3;
};

static int publish(const seqcast_schema *schema)
{
        const struct columns columns = { 100, 876, 8021 };
        const seqcast_part part = { 0, sizeof columns, &columns };
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_publisher *publisher = NULL;
        int r;

        options.schema = schema;
        options.flags = SEQCAST_SPARSE | SEQCAST_RECREATE;
        r = seqcast_publisher_open("MY_SHM", &options, &publisher);
        if (r == 0)
                r = seqcast_publish_parts(publisher, &part, 1);
        seqcast_publisher_close(publisher);
        return r;
}

static int take_away(void)
{
        seqcast_publisher *publisher = NULL;
        int r = seqcast_publisher_open("MY_SHM", NULL, &publisher);

        if (r == 0)
                r = seqcast_publisher_remove(publisher);
        seqcast_publisher_close(publisher);
        return r;
}

int main(int argc, char **argv)
{
        seqcast_schema *schema = NULL;
        int r;

        if (argc > 1 && strcmp(argv[1], "--remove") == 0) {
                r = take_away();
        } else {
                r = seqcast_schema_parse("col1:i64,col2:i64,col3:i64;size=4000000000", &schema, NULL);
                if (r == 0)
                        r = publish(schema);
                seqcast_schema_free(schema);
        }
        if (r != 0)
                fprintf(stderr, "seed_writer: MY_SHM: %s\n", seqcast_strerror(r));
        return r != 0;
}
