/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* shmseg bench: which rows there are, what the options are, and running them. */

#include "bench/bench.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/machine.h"
#include "bench/results.h"
#include "bench/topic.h"
#include "common/command_line.h"
#include "common/number.h"
#include "common/options.h"
#include "common/report.h"
#include "common/stop.h"
#include "common/suggest.h"

#define ROUNDS 15
#define ROUND_NS (80 * NS_PER_MS)
#define QUICK_ROUNDS 3
#define QUICK_ROUND_NS (4 * NS_PER_MS)
#define ROUND_NS_MIN INT64_C(100000)

struct row {
        const char *name;
        const char *sentence;
        int (*run)(struct bench *bench);
        unsigned turns; /* how many contenders there are in a round, in all */
        bool two_cpus;
        bool has_percentiles;
};

static const struct row rows[] = {
        { "read", "the newest record, while nobody publishes", bench_row_read, 14, false, false },
        { "publish", "without readers", bench_row_publish, 14, false, false },
        { "readers", "publishing, while readers poll on the other CPU", bench_row_readers, 4, true, false },
        { "times", "publishing with the time of each publication", bench_row_times, 2, false, false },
        { "wake", "publishing that looks for sleepers, while there are none", bench_row_wake, 2, false,
          false },
        { "flat-out", "the newest record, while the writer publishes as fast as it can", bench_row_flat_out,
          24, true, false },
        { "stream", "every message in order, as fast as both sides can", bench_row_stream, 2, true, false },
        { "parts", "24 bytes of a large record", bench_row_parts, 6, false, false },
        { "attach", "opening and closing a topic", bench_row_attach, 3, false, false },
        { "topics", "many of them in one process", bench_row_topics, 6, false, false },
        { "memory", "what a topic takes", bench_row_memory, 0, false, false },
        { "latency-spinning", "from publisher to a reader that spins, one way", bench_row_latency_spinning, 8,
          true, true },
        { "latency-sleeping", "from publisher to a reader that sleeps, one way", bench_row_latency_sleeping,
          2, true, true },
        { "paced", "a publisher at a fixed rate, a reader that spins", bench_row_paced, 1, true, true },
        { "neighbours", "publishing, while the other CPU uses another topic", bench_row_neighbours, 2, true,
          false },
};
#define ROWS (sizeof rows / sizeof *rows)

struct settings {
        const char *rows;
        bool list;
        uint64_t rounds;
        int64_t duration_ns;
        bool quick;
        const char *pin;
        int format; /* enum bench_format */
        const char *hgrm;
        const char *svg;
        bool quiet;
        bool verbose;
        int color;
};

static const struct tool_option options[] = {
        OPTION_ROW(TEXT, 0, "rows", "NAME,NAME...", "only these rows", rows),
        OPTION_ROW(FLAG, 0, "list", NULL, "the rows that there are", list),
        OPTION_ROW(COUNT, 0, "rounds", "N", "each contender's turns", rounds),
        OPTION_ROW(DURATION, 0, "duration", "DUR", "of all of it, about", duration_ns),
        OPTION_ROW(FLAG, 0, "quick", NULL, "does it work? figures not to be believed", quick),
        OPTION_ROW(TEXT, 0, "pin", "CPU,CPU", "where to run", pin),
        OPTION_SET_ROW('j', "json", "all figures as one JSON object", format, BENCH_JSON),
        OPTION_SET_ROW(0, "markdown", "only what has a target, as a table", format, BENCH_MARKDOWN),
        OPTION_ROW(TEXT, 0, "hgrm", "FILE", "distributions of the latencies, as tables", hgrm),
        OPTION_ROW(TEXT, 0, "svg", "FILE", "... as a chart (needs gnuplot)", svg),
        TOOL_COMMON_OPTIONS(struct settings),
        OPTION_END,
};

static const struct tool tool = {
        "shmseg bench",
        "How fast is it here? Each figure stands beside its limit, measured in the same run.\n"
        "  shmseg bench                        all rows: about two and a half minutes\n"
        "  shmseg bench --rows read,publish    two of them\n"
        "  shmseg bench --list                 what they are\n"
        "  shmseg bench --markdown             the targets, and whether they are met\n"
        "  shmseg bench -j | jq '.lines[] | select(.met == false)'\n",
        options,
};

struct run {
        struct settings settings;
        struct reporter reporter;
        struct bench bench;
        bool chosen[ROWS];
        char command[400];
};

/* ---- options ------------------------------------------------------------------------------- */

static bool choose_row(struct run *run, const char *name, struct failure *failure)
{
        struct suggestion suggestion = suggest_for(name);

        for (size_t i = 0; i < ROWS; i++) {
                if (strcmp(rows[i].name, name) == 0)
                        return run->chosen[i] = true;
                suggest_consider(&suggestion, rows[i].name);
        }
        fail(failure, E_USAGE, "there is no row '%.60s'", name);
        if (suggestion.nearest != NULL)
                return fail_hint(failure, "Did you mean '%s'? 'shmseg bench --list' shows all rows",
                                 suggestion.nearest);
        return fail_hint(failure, "'shmseg bench --list' shows all rows");
}

static bool choose_rows(struct run *run, struct failure *failure)
{
        char *names, *rest = NULL;
        bool fine = true;

        if (run->settings.rows == NULL) {
                for (size_t i = 0; i < ROWS; i++)
                        run->chosen[i] = true;
                return true;
        }
        names = copy_string(run->settings.rows);
        if (names[strspn(names, ",")] == '\0')
                fine = fail_usage(failure, &tool, "--rows wants the name of a row");
        for (char *name = strtok_r(names, ",", &rest); name != NULL && fine;
             name = strtok_r(NULL, ",", &rest))
                fine = choose_row(run, name, failure);
        free(names);
        return fine;
}

static bool parse_cpus(const char *pin, int ret_cpus[2], struct failure *failure)
{
        char rest;
        int count = sscanf(pin, "%d,%d%c", &ret_cpus[0], &ret_cpus[1], &rest);

        if (count == 1 && sscanf(pin, "%d%c", &ret_cpus[0], &rest) == 1)
                ret_cpus[1] = -1;
        else if (count != 2)
                return fail_usage(failure, &tool,
                                  "--pin wants the numbers of two CPUs, such as 0,1; got '%.60s'", pin);
        return true;
}

static bool choose_cpus(struct run *run, struct failure *failure)
{
        int *cpus = run->bench.cpus;

        if (run->settings.pin == NULL) {
                machine_choose_cpus(cpus);
                return cpus[0] >= 0 || fail(failure, E_IO, "the system does not say which CPUs may be used");
        }
        if (!parse_cpus(run->settings.pin, cpus, failure))
                return false;
        if (!machine_has_cpu(cpus[0])) {
                cpus[0] = cpus[1];
                cpus[1] = -1;
        }
        if (cpus[1] == cpus[0] || !machine_has_cpu(cpus[1]))
                cpus[1] = -1;
        if (machine_has_cpu(cpus[0]))
                return true;
        fail(failure, E_USAGE, "--pin %.60s: this process may use none of these CPUs", run->settings.pin);
        return fail_hint(failure, "'taskset -cp $$' shows which it may use");
}

static bool runs(const struct run *run, size_t row)
{
        return run->chosen[row] && (!rows[row].two_cpus || run->bench.cpus[1] >= 0);
}

static void size_rounds(struct run *run)
{
        const struct settings *settings = &run->settings;
        struct bench *bench = &run->bench;
        int64_t turns = 0;

        bench->quick = settings->quick;
        bench->rounds = settings->rounds > 0 ? (unsigned)settings->rounds
                        : bench->quick       ? QUICK_ROUNDS
                                             : ROUNDS;
        bench->round_ns = bench->quick ? QUICK_ROUND_NS : ROUND_NS;
        if (settings->duration_ns == DURATION_UNSET)
                return;
        for (size_t i = 0; i < ROWS; i++)
                turns += runs(run, i) ? (int64_t)rows[i].turns : 0;
        bench->round_ns = settings->duration_ns / ((bench->rounds + BENCH_WARM_UP) * (turns > 0 ? turns : 1));
        if (bench->round_ns < ROUND_NS_MIN)
                bench->round_ns = ROUND_NS_MIN;
}

static void keep_command(struct run *run, int argc, char **argv)
{
        struct text command = TEXT_EMPTY;

        text_add_string(&command, "shmseg");
        for (int i = 0; i < argc; i++)
                text_print(&command, " %s", argv[i]);
        snprintf(run->command, sizeof run->command, "%s", text_string(&command));
        text_free(&command);
}

static bool has_percentiles(const struct run *run, struct failure *failure)
{
        for (size_t i = 0; i < ROWS; i++)
                if (rows[i].has_percentiles && runs(run, i))
                        return true;
        return fail(failure, E_USAGE, "none of the rows that are to run has percentiles to draw");
}

static bool parse_arguments(struct run *run, int argc, char **argv, struct failure *failure)
{
        const struct settings *settings = &run->settings;
        int first;
        bool fine;

        keep_command(run, argc, argv);
        fine = options_parse(&tool, argc, argv, &run->settings, &first, failure);
        run->bench.results.format = settings->format;
        run->reporter.json = settings->format == BENCH_JSON;
        run->reporter.verbose = settings->verbose;
        run->reporter.quiet = settings->quiet;
        run->reporter.color = color_wanted(settings->color, STDERR_FILENO);
        if (!fine)
                return false;
        if (first < argc)
                return fail_usage(failure, &tool, "unexpected argument '%.60s'", argv[first]);
        if (settings->rounds > BENCH_ROUNDS_MAX)
                return fail_usage(failure, &tool, "--rounds: %d at most", BENCH_ROUNDS_MAX);
        if (settings->duration_ns == 0)
                return fail_usage(failure, &tool, "--duration wants more than 0");
        if (!choose_rows(run, failure) || !choose_cpus(run, failure))
                return false;
        size_rounds(run);
        return (settings->hgrm == NULL || percentiles_can_write(settings->hgrm, failure)) &&
               (settings->svg == NULL ||
                (has_percentiles(run, failure) && percentiles_can_write(settings->svg, failure) &&
                 percentiles_can_draw(failure)));
}

/* ---- running ------------------------------------------------------------------------------- */

static bool run_row(struct bench *bench, const struct row *row)
{
        results_begin_row(bench, row->name, row->sentence);
        if (!row->two_cpus || bench->cpus[1] >= 0)
                return row->run(bench) == 0;
        bench_skip(bench, row->name, "needs two CPUs, and only CPU %d can be used", bench->cpus[0]);
        return true;
}

static bool write_percentiles(const struct run *run, struct failure *failure)
{
        const struct settings *settings = &run->settings;
        const struct percentiles *percentiles = &run->bench.percentiles;

        return (settings->hgrm == NULL || percentiles_write_tables(percentiles, settings->hgrm, failure)) &&
               (settings->svg == NULL || percentiles_draw(percentiles, settings->svg, failure));
}

static bool measure(struct run *run, struct failure *failure)
{
        for (size_t i = 0; i < ROWS; i++) {
                if (!run->chosen[i])
                        continue;
                if (!run_row(&run->bench, &rows[i])) {
                        if (!stop_requested())
                                bench_skip(&run->bench, rows[i].name, "failed: %s", failure->message);
                        return fail_prefix(failure, "row %s: ", rows[i].name);
                }
                if (stop_requested())
                        return fail(failure, E_IO, "stopped by a signal");
        }
        return true;
}

/* What was measured before a row failed is shown all the same. */
static bool run_all(struct run *run, struct failure *failure)
{
        struct failure second = { 0 };

        if (measure(run, failure))
                return results_end(&run->bench, run->command, failure) && write_percentiles(run, failure);
        if (!stop_requested())
                results_end(&run->bench, run->command, &second);
        return false;
}

static void list_rows(void)
{
        for (size_t i = 0; i < ROWS; i++)
                printf("%-18s %s\n", rows[i].name, rows[i].sentence);
}

int bench_main(int argc, char **argv)
{
        static struct run run = {
                .settings = { .duration_ns = DURATION_UNSET },
                .reporter = { .program = "shmseg bench" },
        };
        struct failure failure = { 0 };
        int exit_code = 0;

        run.bench.failure = &failure;
        if (!parse_arguments(&run, argc, argv, &failure))
                return report_failure(&run.reporter, &failure);
        if (run.settings.list) {
                list_rows();
                if (fflush(stdout) == 0)
                        return 0;
                fail(&failure, E_IO, "cannot write: %s", strerror(errno));
                return report_failure(&run.reporter, &failure);
        }
        stop_prepare();
        bench_topics_begin();
        if (!run_all(&run, &failure) && !stop_requested())
                exit_code = report_failure(&run.reporter, &failure);
        results_free(&run.bench.results);
        percentiles_free(&run.bench.percentiles);
        stop_reraise();
        return exit_code;
}
