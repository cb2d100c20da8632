/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Helper of lives.bats: publish one record without a schema, by a program with a strange name. */

#include <stdio.h>

#include "seqcast.h"

int main(int argc, char **argv)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        seqcast_publisher *publisher;
        int r;

        if (argc != 2)
                return 2;
        options.record_bytes = 8;
        options.program = "snake\x1b[2J";
        r = seqcast_publisher_open(argv[1], &options, &publisher);
        if (r == 0) {
                r = seqcast_publish(publisher, "\1\2\3", 3);
                seqcast_publisher_close(publisher);
        }
        if (r != 0)
                fprintf(stderr, "%s: %d\n", argv[1], r);
        return r != 0;
}
