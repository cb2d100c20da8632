/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* ntp_shm UNIT: what gpsd, or another reference clock, last told ntpd or chrony through the shared memory of
 * that unit. It is only read: what is there stays there for them. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <time.h>

#include "seqcast/foreign.h"

struct shm_time {
        int mode, count;
        struct {
                time_t clock_s;
                int clock_us;
                time_t receive_s;
                int receive_us, leap, precision, samples, valid;
                unsigned clock_ns, receive_ns;
        } said;
        int dummy[8];
};

int main(int argc, char **argv)
{
        int id = argc == 2 ? shmget(0x4e545030 + atoi(argv[1]), sizeof(struct shm_time), 0) : -1;
        const struct shm_time *theirs = id < 0 ? (void *)-1 : shmat(id, NULL, SHM_RDONLY);
        struct shm_time mine;
        struct seqcast_foreign words;
        unsigned ns;
        int r;

        if (argc != 2) {
                fprintf(stderr, "usage: ntp_shm UNIT\n");
                return 2;
        }
        if (theirs == (void *)-1) {
                fprintf(stderr, "ntp_shm: no shared memory of NTP's unit %s: %s\n", argv[1], strerror(errno));
                return 1;
        }
        if (theirs->mode != 1) {
                fprintf(stderr, "ntp_shm: its owner guards nothing: mode %d\n", theirs->mode);
                return 1;
        }
        words = seqcast_foreign_count_valid(&theirs->count, &theirs->said.valid, sizeof theirs->count);
        r = seqcast_foreign_read(&words, &mine.said, &theirs->said, sizeof mine.said, NULL);
        if (r < 0) {
                fprintf(stderr, "ntp_shm: there is no aligned count: %s\n", strerror(-r));
                return 1;
        }
        if (r != SEQCAST_OK) {
                fprintf(stderr, "ntp_shm: %s\n",
                        r == SEQCAST_NONE ? "nothing new is there" : "it is being written");
                return 1;
        }
        if (mine.said.clock_us < 0 || mine.said.clock_us > 999999) {
                fprintf(stderr, "ntp_shm: %d microseconds are no part of a second\n", mine.said.clock_us);
                return 1;
        }
        /* Some fill in the microseconds only. */
        ns = (unsigned)mine.said.clock_us * 1000;
        if (mine.said.clock_ns / 1000 == (unsigned)mine.said.clock_us)
                ns = mine.said.clock_ns;
        printf("%lld.%09u\n", (long long)mine.said.clock_s, ns);
        return 0;
}
