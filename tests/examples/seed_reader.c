/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The experiment that Seqcast grew from, reading half: prints the three integers. */

#include <inttypes.h>
#include <stdio.h>

#include "seqcast.h"

struct columns {
        int64_t col1, col2, col3;
};

int main(void)
{
        seqcast_subscriber *subscriber = NULL;
        struct columns columns;
        const seqcast_read_part part = { 0, sizeof columns, &columns };
        int r = seqcast_subscriber_open("MY_SHM", NULL, &subscriber);

        if (r == 0)
                r = seqcast_read_newest_parts(subscriber, &part, 1, NULL);
        if (r == 0)
                printf("{%" PRId64 " %" PRId64 " %" PRId64 "}\n", columns.col1, columns.col2, columns.col3);
        else
                fprintf(stderr, "seed_reader: MY_SHM: %s\n", seqcast_strerror(r));
        seqcast_subscriber_close(subscriber);
        return r != 0;
}
