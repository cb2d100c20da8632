/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* shmsub: print what is published. Here is what the options are and which go together; the work is
 * done in common/: follower.c reads, output.c prints. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/command_line.h"
#include "common/follower.h"
#include "common/handover.h"
#include "common/number.h"
#include "common/options.h"
#include "common/output.h"
#include "common/report.h"
#include "common/schema_option.h"
#include "common/stop.h"
#include "common/topic.h"
#include "seqcast.h"

struct settings {
        int follow;
        uint64_t count;
        int64_t timeout_ns;
        int64_t idle_timeout_ns;
        int64_t interval_ns;
        const char *on;
        const char *until;
        const char *where;
        bool new;
        bool require_writer;
        int64_t max_age_ns;
        const char *schema;
        const char *owner;
        bool any_owner;
        const char *from;
        bool prefault;
        bool huge_pages;
        bool lock_memory;
        int format;
        const char *custom;
        bool no_newline;
        int json_int;
        bool pretty;
        int envelope;
        int bytes;
        bool no_header;
        char csv_separator;
        int64_t poll_ns;
        bool spin;
        bool stats;
        bool quiet;
        bool verbose;
        int color;
};

#define PATIENCE_NS (5 * NS_PER_SECOND) /* with whoever offers a segment at a socket */

static const struct tool_option options[] = {
        OPTION_SET_ROW('f', "follow", "print each change", follow, FOLLOW_SEGMENT),
        OPTION_SET_ROW('F', "follow-name", "and wait for a missing or new topic", follow, FOLLOW_NAME),
        OPTION_ROW(COUNT, 'C', "count", "N", "stop after N records", count),
        OPTION_ROW(DURATION, 'W', "timeout", "DUR", "give up after DUR in all (exit 124)", timeout_ns),
        OPTION_ROW(DURATION, 0, "idle-timeout", "DUR", "... after DUR without a record", idle_timeout_ns),
        OPTION_ROW(DURATION, 'i', "interval", "DUR", NULL, interval_ns),
        OPTION_ROW(RATE, 'r', "rate", "HZ", "sample at fixed times", interval_ns),
        OPTION_ROW(TEXT, 0, "on", "change|diff|FIELDS", "print on any of: publication, bytes, fields", on),
        OPTION_ROW(TEXT, 0, "until", "'FIELD OP VALUE'", "exit 0 as soon as this is true", until),
        OPTION_ROW(TEXT, 0, "where", "'FIELD OP VALUE'", "print only records where it is", where),
        OPTION_ROW(FLAG, 0, "new", NULL, "not the present value: the next one", new),
        OPTION_ROW(FLAG, 0, "require-writer", NULL, "exit 8 if nobody publishes", require_writer),
        OPTION_ROW(DURATION, 0, "max-age", "DUR", "exit 8 if the value is older", max_age_ns),
        OPTION_ROW(TEXT, 's', "schema", "TEXT|@FILE", "insist on this schema (exit 4)", schema),
        OPTION_ROW(TEXT, 0, "owner", "USER", "trust this user's segments, too", owner),
        OPTION_ROW(FLAG, 0, "any-owner", NULL, "trust nobody: read without mapping", any_owner),
        OPTION_ROW(TEXT, 0, "from", "SOCKET", "a sealed segment, offered there", from),
        OPTION_ROW(FLAG, 0, "huge-pages", NULL, NULL, huge_pages),
        OPTION_ROW(FLAG, 0, "prefault", NULL, NULL, prefault),
        OPTION_ROW(FLAG, 0, "lock-memory", NULL, "where its memory is; map it beforehand; lock it",
                   lock_memory),
        OPTION_ROW(CHOICE, 0, "format", "human|json|csv|tsv|raw|hex|value", "how to print", format),
        OPTION_SET_ROW('j', "json", "--format=json, and errors as JSON", format, OUTPUT_JSON),
        OPTION_ROW(TEXT, 'p', "print", "FMT", NULL, custom),
        OPTION_ROW(FLAG, 'N', "no-newline", NULL, "'%{bid} %{mid:.2f} %{@time:%T}'; no \\n", no_newline),
        OPTION_ROW(CHOICE, 0, "json-int", "number|string|auto", "64-bit integers", json_int),
        OPTION_ROW(CHOICE, 0, "envelope", "yes|no", NULL, envelope),
        OPTION_ROW(FLAG, 0, "pretty", NULL, "JSON: data only; many lines", pretty),
        OPTION_ROW(CHOICE, 0, "bytes", "array|hex|base64", "how u8[n] is written", bytes),
        OPTION_ROW(FLAG, 0, "no-header", NULL, NULL, no_header),
        OPTION_ROW(CHARACTER, 0, "csv-sep", "C", "CSV", csv_separator),
        OPTION_ROW(DURATION, 0, "poll", "DUR", NULL, poll_ns),
        OPTION_ROW(FLAG, 0, "spin", NULL, "look only so often; all the time", spin),
        OPTION_ROW(FLAG, 0, "stats", NULL, "what was received and skipped, at the end", stats),
        TOOL_COMMON_OPTIONS(struct settings),
        OPTION_END,
};

static const struct tool tool = {
        "shmsub",
        "Print what is published in shared memory.\n"
        "  shmsub quote                        the newest record (like cat)\n"
        "  shmsub -f quote bid ask             each change of two fields (like tail -f)\n"
        "  shmsub -F --json quote              ... of a topic that may come and go, as JSON lines\n"
        "  x=$(shmsub --format=value quote bid)\n"
        "  shmsub -W 5s --until 'state==3' job wait until it is true, for 5 s\n"
        "  shmsub --max-age 1s quote >/dev/null || echo stale\n",
        options,
};

/* ---- one run ------------------------------------------------------------------------------- */

struct run {
        struct settings settings;
        struct reporter reporter;
        struct topic topic;
        struct output output;
        struct follower follower;
        seqcast_schema *asked; /* -s */
};

/* Some options ask for more than one record without saying so. */
static bool follows(const struct settings *settings)
{
        return settings->follow != FOLLOW_NOT || settings->count > 1 ||
               settings->interval_ns != DURATION_UNSET;
}

/* ---- which options go together ------------------------------------------------------------- */

static bool check_combinations(const struct run *run, struct failure *failure)
{
        const struct settings *settings = &run->settings;
        int format = run->output.format;
        bool csv = format == OUTPUT_CSV || format == OUTPUT_TSV;
        bool json = format == OUTPUT_JSON;
        bool one_text = format == OUTPUT_VALUE || format == OUTPUT_CUSTOM;
        const struct rule rules[] = {
                { settings->custom != NULL && settings->format != -1, "-p contradicts --format" },
                { settings->custom != NULL && run->output.field_count > 0, "-p names its fields itself" },
                { settings->no_newline && !one_text, "-N needs -p or --format=value" },
                { settings->pretty && !json, "--pretty needs --json" },
                { settings->envelope != -1 && !json, "--envelope needs --json" },
                { settings->json_int != -1 && !json, "--json-int needs --json" },
                { settings->no_header && !csv, "--no-header needs --format=csv or tsv" },
                { settings->csv_separator != '\0' && format != OUTPUT_CSV, "--csv-sep needs --format=csv" },
                { settings->bytes != -1 && (format == OUTPUT_RAW || format == OUTPUT_HEX),
                  "--bytes has no meaning for raw and hex" },
                { settings->spin && settings->poll_ns != DURATION_UNSET, "--spin contradicts --poll" },
                { settings->interval_ns != DURATION_UNSET &&
                          (settings->spin || settings->poll_ns != DURATION_UNSET),
                  "-i and -r contradict --poll and --spin" },
                { settings->interval_ns == 0, "-i wants more than 0" },
                { settings->on != NULL && !follows(settings), "--on needs -f" },
                { settings->any_owner && settings->owner != NULL, "--any-owner contradicts --owner" },
                { settings->any_owner &&
                          (settings->prefault || settings->huge_pages || settings->lock_memory),
                  "--any-owner maps nothing: it contradicts --prefault, --huge-pages and --lock-memory" },
                { settings->from != NULL && settings->follow == FOLLOW_NAME,
                  "-F contradicts --from: a sealed segment has no name to follow" },
        };
        return check_rules(&tool, rules, sizeof(rules) / sizeof(rules[0]), failure);
}

static int given_or(int value, int otherwise)
{
        return value != -1 ? value : otherwise;
}

static void choose_output(struct run *run)
{
        const struct settings *settings = &run->settings;
        struct output *output = &run->output;
        output->format = settings->custom != NULL ? OUTPUT_CUSTOM : given_or(settings->format, OUTPUT_HUMAN);
        output->following = follows(settings);
        output->header = !settings->no_header;
        output->newline = !settings->no_newline;
        output->style = (struct print_style){
                .bytes = given_or(settings->bytes, BYTES_AS_ARRAY),
                .json_int = given_or(settings->json_int, JSON_INT_NUMBER),
                .pretty = settings->pretty,
                .envelope = given_or(settings->envelope, 0) == 0,
                .color = color_wanted(settings->color, STDOUT_FILENO),
                .separator = output->format == OUTPUT_TSV      ? '\t'
                             : settings->csv_separator != '\0' ? settings->csv_separator
                                                               : ',',
        };
}

static bool open_follower(struct run *run, struct failure *failure)
{
        const struct settings *settings = &run->settings;
        bool follow = follows(settings);
        if (settings->schema != NULL && !schema_from_option(settings->schema, &run->asked, failure))
                return false;
        struct follow_wish wish = {
                .follow = follow && settings->follow == FOLLOW_NOT ? FOLLOW_SEGMENT : settings->follow,
                .count = follow ? settings->count : 1,
                .timeout_ns = settings->timeout_ns,
                .idle_timeout_ns = settings->idle_timeout_ns,
                .interval_ns = settings->interval_ns,
                .poll_ns = settings->poll_ns,
                .spin = settings->spin,
                .on = settings->on,
                .until = settings->until,
                .where = settings->where,
                .new = settings->new,
                .require_writer = settings->require_writer,
                .max_age_ns = settings->max_age_ns,
                .schema = run->asked,
                .owner_given = settings->owner != NULL,
                .any_owner = settings->any_owner,
                .memory_flags = (settings->prefault ? SEQCAST_PREFAULT : 0u) |
                                (settings->huge_pages ? SEQCAST_HUGE_PAGES : 0u) |
                                (settings->lock_memory ? SEQCAST_LOCK_MEMORY : 0u),
                .descriptor = -1,
        };
        run->topic.nameless = settings->from != NULL;
        int64_t patience_ns = settings->timeout_ns == DURATION_UNSET || settings->timeout_ns > PATIENCE_NS
                                      ? PATIENCE_NS
                                      : settings->timeout_ns;
        return (settings->from == NULL ||
                handover_receive(settings->from, patience_ns, &wish.descriptor, failure)) &&
               (settings->owner == NULL || parse_user(&tool, settings->owner, &wish.owner, failure)) &&
               follower_open(&run->follower, &wish, &run->reporter, &run->topic, &run->output, failure);
}

static bool parse_arguments(struct run *run, int argc, char **argv, struct failure *failure)
{
        int first;
        bool fine = options_parse(&tool, argc, argv, &run->settings, &first, failure);
        run->reporter.json = run->settings.format == OUTPUT_JSON;
        run->reporter.verbose = run->settings.verbose;
        run->reporter.quiet = run->settings.quiet;
        run->reporter.color = color_wanted(run->settings.color, STDERR_FILENO);
        if (!fine)
                return false;
        if (!take_topic(&tool, argv + first, &run->topic, &run->reporter, failure))
                return false;
        run->output.fields = argv + first + 1;
        run->output.field_count = (size_t)(argc - first - 1);

        choose_output(run);
        return check_combinations(run, failure) &&
               (run->settings.custom == NULL ||
                print_format_parse(&run->output.custom, run->settings.custom, failure)) &&
               open_follower(run, failure);
}

/* ---- the end ------------------------------------------------------------------------------- */

static void summarize(const struct follow_counts *counts)
{
        struct text age = TEXT_EMPTY;
        print_duration(&age, counts->max_age_ns);
        fprintf(stderr,
                "shmsub: received %" PRIu64 ", skipped %" PRIu64 ", retries %" PRIu64 ", max age %s\n",
                counts->received, counts->skipped, counts->retries, text_string(&age));
        text_free(&age);
}

int main(int argc, char **argv)
{
        static struct run run = {
                .settings = { .timeout_ns = DURATION_UNSET,
                              .idle_timeout_ns = DURATION_UNSET,
                              .interval_ns = DURATION_UNSET,
                              .max_age_ns = DURATION_UNSET,
                              .poll_ns = DURATION_UNSET,
                              .format = -1,
                              .json_int = -1,
                              .envelope = -1,
                              .bytes = -1 },
                .reporter = { .program = "shmsub" },
        };
        struct failure failure;
        int exit_code = 0;

        if (!parse_arguments(&run, argc, argv, &failure))
                return report_failure(&run.reporter, &failure);
        stop_prepare();
        if (!follower_run(&run.follower, &failure) && !stop_requested())
                exit_code = report_failure(&run.reporter, &failure);
        if (!output_flush(&failure) && exit_code == 0)
                exit_code = report_failure(&run.reporter, &failure);
        if (run.settings.stats || run.settings.verbose)
                summarize(&run.follower.counts);

        follower_close(&run.follower);
        output_free(&run.output);
        run.asked = seqcast_schema_free(run.asked);
        stop_reraise();
        return exit_code;
}
