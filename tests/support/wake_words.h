/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What a publisher says of waking, as anybody can read it in the segment. */

#ifndef SEQCAST_TESTS_WAKE_WORDS_H
#define SEQCAST_TESTS_WAKE_WORDS_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "layout/segment_layout.h"

#include "child.h"
#include "topic.h"
#include "wake_latency.h"

/** The control words of a topic's segment, mapped read-only, for the life of the process. */
static inline const seqcast_word *words_of(unsigned index)
{
        struct seqcast__segment_header header;
        void *base;
        int fd;

        fd = open(topic_path_of(index), O_RDONLY | O_CLOEXEC);
        if (fd < 0 || pread(fd, &header, sizeof header, 0) != sizeof header)
                abort();
        base = mmap(NULL, header.segment_bytes, PROT_READ, MAP_SHARED, fd, 0);
        if (base == MAP_FAILED)
                abort();
        close(fd);
        return seqcast__layout_control(&header, base);
}

/** Does the present publisher, or the last one, say that it wakes (SEQCAST__CONTROL_WAKING) or touches? */
static inline bool words_say(const seqcast_word *words, enum seqcast__control which)
{
        uint64_t epoch = seqcast_word_load_relaxed(words + SEQCAST__CONTROL_EPOCH);

        return epoch != 0 && seqcast_word_load_relaxed(words + which) == epoch;
}

/** Wait until it says so, or does not say so any more. @return how long that took, in ns; -1: longer */
static inline int64_t words_wait(const seqcast_word *words, enum seqcast__control which, bool wanted,
                                 int64_t longest_ns)
{
        int64_t begun_ns = monotonic_ns();

        while (words_say(words, which) != wanted) {
                if (monotonic_ns() - begun_ns > longest_ns)
                        return -1;
                sleep_us(500);
        }
        return monotonic_ns() - begun_ns;
}

#endif
