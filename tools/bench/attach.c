/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* attach: opening and closing a subscriber, with all checks, beside opening, mapping, unmapping and closing
 * the same object; and beside a system call that does nothing. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/duel.h"
#include "bench/side.h"
#include "bench/topic.h"
#include "seqcast.h"

#define BYTES 64
#define TARGET_NS 60000

enum kind { OURS, BARE, EMPTY, KINDS };

struct attaching {
        struct duel duel;
        const struct bench *bench;
        struct bench_topic topic;
};

static bool attach(void *context, uint64_t calls, struct failure *failure)
{
        const struct attaching *attaching = context;

        for (; calls > 0; calls--) {
                seqcast_subscriber *subscriber;
                int r = seqcast_subscriber_open(attaching->topic.object, NULL, &subscriber);

                if (r != 0)
                        return bench_fail_library(failure, "open", r);
                seqcast_subscriber_close(subscriber);
        }
        return true;
}

static bool map_once(const char *object)
{
        int descriptor = shm_open(object, O_RDONLY | O_CLOEXEC, 0);
        void *memory = MAP_FAILED;
        struct stat stat;

        if (descriptor < 0)
                return false;
        if (fstat(descriptor, &stat) == 0)
                memory = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED, descriptor, 0);
        if (memory != MAP_FAILED)
                munmap(memory, (size_t)stat.st_size);
        close(descriptor);
        return memory != MAP_FAILED;
}

static bool map(void *context, uint64_t calls, struct failure *failure)
{
        const struct attaching *attaching = context;

        for (; calls > 0; calls--)
                if (!map_once(attaching->topic.object))
                        return fail(failure, E_IO, "cannot map %s: %s", attaching->topic.object,
                                    strerror(errno));
        return true;
}

static bool call_system(void *context, uint64_t calls, struct failure *failure)
{
        (void)context;
        (void)failure;
        for (; calls > 0; calls--)
                syscall(SYS_getppid);
        return true;
}

static bool attach_and_map(void *shared, struct failure *failure)
{
        struct attaching *attaching = shared;
        const struct contender contenders[KINDS] = { [OURS] = { .call = attach, .context = attaching },
                                                     [BARE] = { .call = map, .context = attaching },
                                                     [EMPTY] = { .call = call_system } };
        seqcast_publisher *publisher = NULL;
        bool done = bench_open_publisher(&attaching->topic, BYTES, 0, 0, &publisher, failure) &&
                    duel_run(attaching->bench, contenders, KINDS, &attaching->duel, failure);

        bench_close_publisher(publisher);
        return done;
}

int bench_row_attach(struct bench *bench)
{
        struct bench_line line = {
                .row = "attach", .what = "and detach", .unit = "ns", .limit_name = "open, map, close"
        };
        struct attaching *attaching = side_memory(sizeof *attaching, bench->failure);
        bool done = attaching != NULL && bench_topic_name(&attaching->topic, "attach", 0, bench->failure);

        if (done) {
                attaching->bench = bench;
                done = side_alone(bench->cpus[0], attach_and_map, attaching, bench->failure);
                bench_topic_remove(&attaching->topic);
        }
        if (done) {
                line.extra = TARGET_NS;
                bench_report_rounds(bench, line, attaching->duel.ns[OURS], attaching->duel.ns[BARE]);
                line.extra = 0;
                line.limit_name = "empty system call";
                bench_report_rounds(bench, line, attaching->duel.ns[OURS], attaching->duel.ns[EMPTY]);
        }
        side_memory_free(attaching, sizeof *attaching);
        return done ? 0 : -1;
}
