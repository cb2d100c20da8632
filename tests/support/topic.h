/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Topics of one's own on the real shared memory, and what a test may leave behind: nothing. */

#ifndef SEQCAST_TESTS_TOPIC_H
#define SEQCAST_TESTS_TOPIC_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "seqcast.h"

#define SHM_DIRECTORY "/dev/shm/"

/** This process's topic; others run at the same time, and killed ones with the same number may have left
 *  theirs. TOPIC_TAG in the environment becomes part of it, so that whoever kills a test can clean up. No
 *  such name is the beginning of another one. */
static inline const char *topic_name(void)
{
        static char name[64];
        const char *tag = getenv("TOPIC_TAG");
        struct timespec now;

        if (name[0] != '\0')
                return name;
        clock_gettime(CLOCK_MONOTONIC, &now);
        snprintf(name, sizeof name, "seqcast-test-%.12s%07ld-%08lx%08lx", tag == NULL ? "" : tag,
                 (long)getpid(), (unsigned long)now.tv_sec & 0xffffffff, (unsigned long)now.tv_nsec);
        return name;
}

static inline const char *topic_path(void)
{
        static char path[96];

        snprintf(path, sizeof path, SHM_DIRECTORY "%s", topic_name());
        return path;
}

static inline void topic_remove(void)
{
        if (unlink(topic_path()) < 0)
                rmdir(topic_path());
}

/** Criterion's cr_skip_test() where there is a topic already: a test that is skipped is not finished by its
 *  suite. */
#define SKIP_WITH_TOPIC(...)                                                                                 \
        do {                                                                                                 \
                topic_remove();                                                                              \
                cr_skip_test(__VA_ARGS__);                                                                   \
        } while (0)

static inline bool topic_exists(void)
{
        struct stat status;

        return lstat(topic_path(), &status) == 0;
}

/** Entries of a directory whose names contain `part`. */
static inline unsigned count_entries(const char *directory, const char *part)
{
        DIR *stream = opendir(directory);
        const struct dirent *entry;
        unsigned count = 0;

        if (stream == NULL)
                abort();
        while ((entry = readdir(stream)) != NULL)
                count += strstr(entry->d_name, part) != NULL;
        closedir(stream);
        return count;
}

static inline unsigned count_descriptors(void)
{
        return count_entries("/proc/self/fd", "");
}

/** Objects that bear this topic's name, or a temporary one made from it. */
static inline unsigned count_objects(void)
{
        return count_entries(SHM_DIRECTORY, topic_name());
}

/** For .fini, where Criterion ignores assertions and counts only a crash. run_suites.sh looks for the
 *  text. */
static inline void expect_none_left(const char *what, unsigned count)
{
        if (count == 0)
                return;
        fprintf(stderr, "LEFT BEHIND: %u of %s\n", count, what);
        abort();
}

/** The usual end of a test, for .fini: nothing of a topic of its own is there any more. */
static inline void close_and_expect_none_left(seqcast_subscriber *subscriber, seqcast_publisher *publisher,
                                              unsigned descriptors_before)
{
        seqcast_subscriber_close(subscriber);
        seqcast_publisher_close(publisher);
        topic_remove();
        expect_none_left("the descriptors", count_descriptors() - descriptors_before);
        expect_none_left("the objects in shared memory", count_objects());
}

static inline int open_publisher(uint64_t record_bytes, uint32_t depth, uint32_t flags,
                                 seqcast_publisher **ret_publisher)
{
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;

        options.record_bytes = record_bytes;
        options.depth = depth;
        options.flags = flags;
        return seqcast_publisher_open(topic_name(), &options, ret_publisher);
}

static inline int open_subscriber(seqcast_subscriber **ret_subscriber)
{
        return seqcast_subscriber_open(topic_name(), NULL, ret_subscriber);
}

#endif
