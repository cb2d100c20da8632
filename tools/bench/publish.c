/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* publish: beside a memcpy() into as many buffers, in turn, as there are slots. times: what their times cost.
 * wake: what looking for sleepers costs, while there are none. */

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "bench/duel.h"
#include "bench/side.h"
#include "bench/sizes.h"
#include "bench/topic.h"
#include "seqcast.h"

#define DEPTH 4
#define LINE_BYTES 64

struct publishing {
        struct duel duel;
        const struct bench *bench;
        struct bench_topic topics[2];
        size_t bytes;
        unsigned char *record, *buffers;
        uint64_t copies; /* made so far: whose turn among the buffers it is */
        seqcast_publisher *publishers[2];
};

static bool publish(seqcast_publisher *publisher, const struct publishing *publishing, uint64_t calls,
                    struct failure *failure)
{
        size_t bytes = publishing->bytes;

        for (; calls > 0; calls--) {
                int r = seqcast_publish(publisher, publishing->record, bytes);

                if (r != 0)
                        return bench_fail_library(failure, "publish", r);
        }
        return true;
}

static bool publish_first(void *context, uint64_t calls, struct failure *failure)
{
        const struct publishing *publishing = context;

        return publish(publishing->publishers[0], publishing, calls, failure);
}

static bool copy_in_turn(void *context, uint64_t calls, struct failure *failure)
{
        struct publishing *publishing = context;
        size_t bytes = publishing->bytes, stride = (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;

        (void)failure;
        for (; calls > 0; calls--) {
                memcpy(publishing->buffers + publishing->copies++ % DEPTH * stride, publishing->record,
                       bytes);
                atomic_signal_fence(memory_order_seq_cst); /* so that each copy is made */
        }
        return true;
}

static bool publish_and_look(void *context, uint64_t calls, struct failure *failure)
{
        const struct publishing *publishing = context;
        size_t bytes = publishing->bytes;
        struct timespec now;

        for (; calls > 0; calls--) {
                int r = seqcast_publish(publishing->publishers[1], publishing->record, bytes);

                clock_gettime(CLOCK_BOOTTIME, &now);
                if (r != 0)
                        return bench_fail_library(failure, "publish", r);
        }
        return true;
}

static bool have_memory(struct publishing *publishing, struct failure *failure)
{
        publishing->record = side_memory(publishing->bytes, failure);
        publishing->buffers = side_memory(DEPTH * (publishing->bytes + LINE_BYTES), failure);
        if (publishing->record == NULL || publishing->buffers == NULL)
                return false;
        memset(publishing->record, 1, publishing->bytes);
        return true;
}

static bool open_topic(struct publishing *publishing, int which, uint32_t flags, struct failure *failure)
{
        return bench_open_publisher(&publishing->topics[which], publishing->bytes, DEPTH, flags,
                                    &publishing->publishers[which], failure);
}

static bool compete(struct publishing *publishing, bool opened,
                    bool (*ours)(void *, uint64_t, struct failure *),
                    bool (*limit)(void *, uint64_t, struct failure *), struct failure *failure)
{
        const struct contender contenders[] = { { .call = ours, .context = publishing },
                                                { .call = limit, .context = publishing } };
        bool done = opened && duel_run(publishing->bench, contenders, 2, &publishing->duel, failure);

        for (int i = 0; i < 2; i++)
                publishing->publishers[i] = bench_close_publisher(publishing->publishers[i]);
        return done;
}

static bool beside_copies(void *shared, struct failure *failure)
{
        struct publishing *publishing = shared;

        return have_memory(publishing, failure) && compete(publishing, open_topic(publishing, 0, 0, failure),
                                                           publish_first, copy_in_turn, failure);
}

static bool beside_clock(void *shared, struct failure *failure)
{
        struct publishing *publishing = shared;

        return have_memory(publishing, failure) &&
               compete(publishing,
                       open_topic(publishing, 0, SEQCAST_TIMES, failure) &&
                               open_topic(publishing, 1, 0, failure),
                       publish_first, publish_and_look, failure);
}

/* One topic, opened anew for each turn: another one would have its slots elsewhere, which alone makes more
 * of a difference than is looked for. */
struct waking {
        struct publishing *publishing;
        enum seqcast_wake wake;
};

static bool open_as(void *context, struct failure *failure)
{
        const struct waking *waking = context;
        seqcast_publisher_options options = SEQCAST_PUBLISHER_OPTIONS;
        int r;

        options.wake = (uint32_t)waking->wake;
        r = seqcast_publisher_open(waking->publishing->topics[0].object, &options,
                                   &waking->publishing->publishers[0]);
        return r == 0 || bench_fail_library(failure, "take over", r);
}

static void leave(void *context)
{
        struct publishing *publishing = ((struct waking *)context)->publishing;

        publishing->publishers[0] = seqcast_publisher_close(publishing->publishers[0]);
}

static bool publish_as(void *context, uint64_t calls, struct failure *failure)
{
        return publish_first(((struct waking *)context)->publishing, calls, failure);
}

static bool beside_never(void *shared, struct failure *failure)
{
        struct publishing *publishing = shared;
        struct waking automatic = { publishing, SEQCAST_WAKE_AUTOMATIC },
                      never = { publishing, SEQCAST_WAKE_NEVER };
        const struct contender contenders[] = { { publish_as, &automatic, open_as, leave },
                                                { publish_as, &never, open_as, leave } };

        if (!have_memory(publishing, failure) || !open_topic(publishing, 0, 0, failure))
                return false;
        leave(&never);
        return duel_run(publishing->bench, contenders, 2, &publishing->duel, failure);
}

static bool measure(struct bench *bench, size_t bytes, side_function *how, struct bench_line line)
{
        struct publishing *publishing = side_memory(sizeof *publishing, bench->failure);
        bool done = publishing != NULL;

        line.unit = "ns";
        for (unsigned i = 0; i < 2 && done; i++)
                done = bench_topic_name(&publishing->topics[i], line.row, i, bench->failure);
        if (done) {
                publishing->bench = bench;
                publishing->bytes = bytes;
                done = side_alone(bench->cpus[0], how, publishing, bench->failure);
                for (int i = 0; i < 2; i++)
                        bench_topic_remove(&publishing->topics[i]);
        }
        if (done) {
                bench_print_bytes(line.what, sizeof line.what, (double)bytes);
                bench_report_rounds(bench, line, publishing->duel.ns[0], publishing->duel.ns[1]);
        }
        side_memory_free(publishing, sizeof *publishing);
        return done;
}

int bench_row_publish(struct bench *bench)
{
        const struct bench_line line = {
                .row = "publish", .limit_name = "memcpy, rotating", .factor = 1.10, .extra = 4
        };
        bool done = true;

        for (size_t i = 0; i < BENCH_SIZES && done; i++)
                done = measure(bench, bench_sizes[i], beside_copies, line);
        return done ? 0 : -1;
}

int bench_row_times(struct bench *bench)
{
        const struct bench_line line = { .row = "times", .limit_name = "without + clock" };

        return measure(bench, 48, beside_clock, line) ? 0 : -1;
}

int bench_row_wake(struct bench *bench)
{
        const struct bench_line line = { .row = "wake", .limit_name = "wake never", .factor = 1.03 };

        return measure(bench, 48, beside_never, line) ? 0 : -1;
}
