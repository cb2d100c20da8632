/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* shmpub: publish records from the command line or from a stream. What values, streams and failures
 * are is known in common/; here is what the options mean together, and the order of things. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/command_line.h"
#include "common/handover.h"
#include "common/json_input.h"
#include "common/library_failure.h"
#include "common/number.h"
#include "common/options.h"
#include "common/report.h"
#include "common/schema_option.h"
#include "common/source.h"
#include "common/stop.h"
#include "common/template.h"
#include "common/topic.h"
#include "common/truncation.h"
#include "common/update.h"
#include "seqcast.h"

#define WRITER_POLL_NS (20 * NS_PER_MS)

enum huge_pages { HUGE_PAGES_TRANSPARENT, HUGE_PAGES_HUGETLB };

struct settings {
        /* the segment */
        const char *schema;
        const char *type;
        const char *group;
        bool public;
        unsigned mode;
        uint64_t depth;
        bool sparse;
        bool no_times;
        bool exclusive;
        bool recreate;
        const char *sealed;
        bool prefault;
        int huge_pages; /* enum huge_pages; -1: not given */
        bool lock_memory;
        int64_t wait_writer_ns;
        /* what to publish */
        const char *json_record;
        bool json_lines;
        bool json;
        char csv; /* the separator */
        bool no_header;
        bool raw;
        const char *input;
        int bytes; /* -1: not given */
        bool truncate;
        bool replace;
        bool skip_bad;
        /* when and how often */
        uint64_t count;
        bool forever;
        int64_t interval_ns;
        bool latest;
        bool hold;
        bool remove;
        /* telling */
        bool quiet;
        bool verbose;
        int color;
};

static const struct tool_option options[] = {
        OPTION_ROW(TEXT, 's', "schema", "TEXT|@FILE", "create with this schema, or insist on it", schema),
        OPTION_ROW(TEXT, 0, "type", "NAME", "type name to store (default: the topic's)", type),
        OPTION_ROW(COUNT, 0, "depth", "N", "publications kept (a power of two; default 4)", depth),
        OPTION_ROW(FLAG, 0, "sparse", NULL, NULL, sparse),
        OPTION_ROW(FLAG, 0, "no-times", NULL, "huge record, little used; store no times", no_times),
        OPTION_ROW(FLAG, 0, "public", NULL, NULL, public),
        OPTION_ROW(TEXT, 0, "group", "G", NULL, group),
        OPTION_ROW(MODE, 0, "mode", "M", "who may read (default 0600)", mode),
        OPTION_ROW(FLAG, 0, "exclusive", NULL, NULL, exclusive),
        OPTION_ROW(FLAG, 0, "recreate", NULL, "fail if it exists; put a new one in its place", recreate),
        OPTION_ROW(TEXT, 0, "sealed", "SOCKET", "a segment without a name, offered there", sealed),
        OPTION_ROW(CHOICE, 0, "huge-pages", "transparent|hugetlb", "where its memory is", huge_pages),
        OPTION_ROW(FLAG, 0, "prefault", NULL, NULL, prefault),
        OPTION_ROW(FLAG, 0, "lock-memory", NULL, "map it beforehand; lock it", lock_memory),
        OPTION_ROW(DURATION, 0, "wait-writer", "[DUR]", "wait for another writer to go", wait_writer_ns),
        OPTION_ROW(TEXT, 'm', "json-record", "TEXT", "the record as one JSON object", json_record),
        OPTION_ROW(FLAG, 'l', "json-lines", NULL, NULL, json_lines),
        OPTION_ROW(FLAG, 'j', "json", NULL, "a JSON object per line (-j: errors as JSON, too)", json),
        { 0, "csv", "[SEP]", NULL, OPTION_CHARACTER, offsetof(struct settings, csv), ',' },
        OPTION_ROW(FLAG, 0, "no-header", NULL, "CSV; its first line is data, in schema order", no_header),
        OPTION_ROW(FLAG, 0, "raw", NULL, "packed records in the layout of this machine", raw),
        OPTION_ROW(TEXT, 0, "input", "FILE", "instead of standard input ('-')", input),
        OPTION_ROW(CHOICE, 0, "bytes", "array|hex|base64", "how u8[n] is written", bytes),
        OPTION_ROW(FLAG, 0, "truncate", NULL, "cut text that is too long", truncate),
        OPTION_ROW(FLAG, 0, "replace", NULL, "fields not named become 0 (default: keep)", replace),
        OPTION_ROW(FLAG, 0, "skip-bad", NULL, "count bad records and go on", skip_bad),
        OPTION_ROW(COUNT, 'C', "count", "N", NULL, count),
        OPTION_ROW(FLAG, 0, "forever", NULL, "publish N times; without end", forever),
        OPTION_ROW(RATE, 'r', "rate", "HZ", NULL, interval_ns),
        OPTION_ROW(DURATION, 'i', "interval", "DUR", "pace; a stream: at most so fast", interval_ns),
        OPTION_ROW(FLAG, 0, "latest", NULL, "paced stream: the newest record wins", latest),
        OPTION_ROW(FLAG, 0, "hold", NULL, "stay the writer until a signal", hold),
        OPTION_ROW(FLAG, 0, "rm", NULL, "remove the topic at the end", remove),
        TOOL_COMMON_OPTIONS(struct settings),
        OPTION_END,
};

static const struct tool tool = {
        "shmpub",
        "Publish records into shared memory.\n"
        "  shmpub -s 'bid:i64,ask:i64,sym:char[8]' quote bid=1 ask=2 sym=ES   create and publish\n"
        "  shmpub quote bid=3                       one field; the others keep their value\n"
        "  shmpub -r 10 -C 100 quote bid=%n ask=%t  %n counts, %t is the time, %r is random\n"
        "  producer | shmpub -l quote               a JSON object per line\n"
        "  shmpub --csv --input ticks.csv quote     CSV, first line names the fields\n"
        "  shmsub -f --json a | shmpub -l b         copy a topic\n",
        options,
};

/* ---- one run ------------------------------------------------------------------------------- */

enum mode { MODE_HOLD, MODE_VALUES, MODE_JSON_RECORD, MODE_STREAM };

struct run {
        struct settings settings;
        struct reporter reporter;
        struct topic topic;
        char **values; /* FIELD=VALUE */
        size_t value_count;
        enum mode mode;
        seqcast_schema *asked; /* -s */
        char type_name[TYPE_NAME_BYTES];
        const seqcast_schema *schema; /* asked, or the segment's; NULL: opaque */
        seqcast_publisher *publisher; /* NULL: not opened yet */
        struct handover *handover;    /* --sealed */
        struct update_sink sink;
        struct template_state template;
        uint64_t published;
        uint64_t rejected;
        int64_t started;
        int64_t finished;
};

/* ---- which options go together ------------------------------------------------------------- */

static int stream_count(const struct settings *settings)
{
        return (settings->json_lines || settings->json) + (settings->csv != '\0') + settings->raw;
}

static bool choose_mode(struct run *run, struct failure *failure)
{
        const struct settings *settings = &run->settings;
        int ways = (run->value_count > 0) + (settings->json_record != NULL) + stream_count(settings);
        if (ways > 1)
                return fail_usage(failure, &tool, "give FIELD=VALUE, -m, -l, --csv or --raw: one of them");
        if (ways == 0 && !settings->hold)
                return fail_usage(failure, &tool,
                                  "nothing to publish: give FIELD=VALUE, -m, -l, --csv or --raw");
        run->mode = run->value_count > 0            ? MODE_VALUES
                    : settings->json_record != NULL ? MODE_JSON_RECORD
                    : stream_count(settings) > 0    ? MODE_STREAM
                                                    : MODE_HOLD;
        return true;
}

static bool is_type_name(const char *string)
{
        static const char letters[] = "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        size_t length = strlen(string);
        return length < TYPE_NAME_BYTES && strspn(string, letters) == length &&
               strchr("0123456789", string[0]) == NULL;
}

static bool check_combinations(const struct run *run, struct failure *failure)
{
        const struct settings *settings = &run->settings;
        bool stream = run->mode == MODE_STREAM;
        bool repeated = run->mode == MODE_VALUES || run->mode == MODE_JSON_RECORD;
        bool paced = settings->interval_ns != DURATION_UNSET;
        bool creates = settings->schema != NULL;
        bool shape = settings->type != NULL || settings->depth > 0 || settings->sparse || settings->no_times;
        bool rights = settings->public || settings->group != NULL || settings->mode != 0;
        const struct rule rules[] = {
                { shape && !creates, "--type, --depth, --sparse and --no-times need -s" },
                { rights && !creates, "--mode, --group and --public need -s" },
                { settings->type != NULL && !is_type_name(settings->type),
                  "--type wants up to 63 letters, digits and '_', and no digit first" },
                { settings->exclusive && !creates, "--exclusive needs -s" },
                { settings->recreate && !creates, "--recreate needs -s" },
                { settings->sealed != NULL && !creates, "--sealed needs -s" },
                { settings->sealed != NULL && (rights || settings->exclusive || settings->recreate ||
                                               settings->wait_writer_ns != DURATION_UNSET),
                  "--sealed contradicts --mode, --group, --public, --exclusive, --recreate and "
                  "--wait-writer" },
                { settings->huge_pages == HUGE_PAGES_HUGETLB &&
                          (settings->sealed == NULL || settings->sparse),
                  "--huge-pages=hugetlb needs --sealed, and contradicts --sparse" },
                { settings->exclusive && settings->recreate, "--exclusive contradicts --recreate" },
                { settings->public && settings->group != NULL, "--public contradicts --group" },
                { settings->public && settings->mode != 0, "--public contradicts --mode" },
                { settings->depth > SEQCAST_DEPTH_MAX || (settings->depth & (settings->depth - 1)) != 0,
                  "--depth wants a power of two up to 65536" },
                { settings->mode != 0 && settings->mode != SEQCAST_MODE_PRIVATE &&
                          settings->mode != SEQCAST_MODE_GROUP && settings->mode != SEQCAST_MODE_PUBLIC,
                  "--mode wants 0600, 0640 or 0644: nobody but the owner may write" },
                { settings->no_header && settings->csv == '\0', "--no-header needs --csv" },
                { settings->input != NULL && !stream, "--input needs -l, --csv or --raw" },
                { settings->skip_bad && !stream, "--skip-bad needs -l, --csv or --raw" },
                { settings->replace && settings->raw, "--raw replaces whole records anyway" },
                { settings->truncate && settings->raw, "--truncate has no meaning with --raw" },
                { settings->bytes != -1 && settings->raw, "--bytes has no meaning with --raw" },
                { settings->latest && !(stream && paced), "--latest needs a stream and -r or -i" },
                { settings->forever && !repeated, "--forever needs FIELD=VALUE or -m" },
                { settings->forever && settings->count > 0, "--forever contradicts -C" },
                { settings->count > 0 && run->mode == MODE_HOLD, "-C needs something to publish" },
                { paced && !stream && settings->count == 0 && !settings->forever,
                  "-r and -i need -C, --forever or a stream" },
                { stream && settings->input == NULL && isatty(STDIN_FILENO) == 1,
                  "standard input is a terminal (--input - reads it all the same)" },
        };
        return check_rules(&tool, rules, sizeof(rules) / sizeof(rules[0]), failure);
}

static bool parse_arguments(struct run *run, int argc, char **argv, struct failure *failure)
{
        int first;
        bool fine = options_parse(&tool, argc, argv, &run->settings, &first, failure);
        run->reporter.json = run->settings.json;
        run->reporter.verbose = run->settings.verbose;
        run->reporter.quiet = run->settings.quiet;
        run->reporter.color = color_wanted(run->settings.color, STDERR_FILENO);
        if (!fine)
                return false;
        if (!take_topic(&tool, argv + first, &run->topic, &run->reporter, failure))
                return false;
        run->values = argv + first + 1;
        run->value_count = (size_t)(argc - first - 1);
        return choose_mode(run, failure) && check_combinations(run, failure);
}

/* ---- records given on the command line ----------------------------------------------------- */

static struct value_syntax value_syntax(const struct run *run)
{
        int bytes = run->settings.bytes != -1 ? run->settings.bytes : BYTES_AS_ARRAY;
        return (struct value_syntax){ bytes, run->settings.truncate };
}

static bool add_assignment(struct run *run, const char *argument, struct update *update,
                           struct failure *failure)
{
        struct value_syntax syntax = value_syntax(run);
        const char *equals = strchr(argument, '=');
        if (equals == NULL || equals == argument)
                return fail_usage(failure, &tool, "'%.100s' is not FIELD=VALUE", argument);

        struct text label = TEXT_EMPTY, value = TEXT_EMPTY;
        struct named_field named;
        text_add(&label, argument, (size_t)(equals - argument));
        bool good = find_field(run->schema, text_string(&label), &named, failure) &&
                    template_expand(&value, equals + 1, &run->template, failure) &&
                    update_parse(update, &named, text_string(&value), &syntax, failure);
        text_free(&label);
        text_free(&value);
        return good;
}

static bool parse_json_record(struct run *run, struct update *update, struct failure *failure)
{
        struct value_syntax syntax = value_syntax(run);
        struct json_input json;
        json_input_open(&json, run->schema, &syntax);
        bool good = json_input_parse(&json, run->settings.json_record, strlen(run->settings.json_record),
                                     update, failure);
        json_input_close(&json);
        return good;
}

/* The record as it is now: templates give another one each time. */
static bool build_record(struct run *run, struct update *update, struct failure *failure)
{
        run->template.number = run->published + 1;
        run->template.wall_ns = clock_wall();
        update_clear(update);
        bool good = true;
        if (run->schema == NULL)
                good = fail(failure, E_USAGE, "the segment has no schema; only --raw can publish in it");
        else if (run->mode == MODE_JSON_RECORD)
                good = parse_json_record(run, update, failure);
        else
                for (size_t i = 0; good && i < run->value_count; i++)
                        good = add_assignment(run, run->values[i], update, failure);
        if (!good)
                failure->class = E_USAGE; /* it stood on the command line */
        return good;
}

/* ---- opening ------------------------------------------------------------------------------- */

static bool describe_segment(struct run *run, seqcast_publisher_options *open_options,
                             struct failure *failure)
{
        const struct settings *settings = &run->settings;
        open_options->schema = run->asked;
        open_options->depth = (uint32_t)settings->depth;
        open_options->flags = (settings->sparse ? SEQCAST_SPARSE : 0u) |
                              (settings->no_times ? 0u : SEQCAST_TIMES) |
                              (settings->exclusive ? SEQCAST_EXCLUSIVE : 0u) |
                              (settings->recreate ? SEQCAST_RECREATE : 0u) |
                              (settings->sealed != NULL ? SEQCAST_SEALED : 0u) |
                              (settings->prefault ? SEQCAST_PREFAULT : 0u) |
                              (settings->huge_pages == HUGE_PAGES_TRANSPARENT ? SEQCAST_HUGE_PAGES : 0u) |
                              (settings->huge_pages == HUGE_PAGES_HUGETLB ? SEQCAST_HUGETLB : 0u) |
                              (settings->lock_memory ? SEQCAST_LOCK_MEMORY : 0u);
        open_options->mode = settings->mode != 0       ? settings->mode
                             : settings->public        ? SEQCAST_MODE_PUBLIC
                             : settings->group != NULL ? SEQCAST_MODE_GROUP
                                                       : 0; /* as it exists, or 0600 */
        if (settings->group == NULL)
                return true;
        open_options->flags |= SEQCAST_SET_GROUP;
        return parse_group(&tool, settings->group, &open_options->group_id, failure);
}

/* Waits for another writer to go, if asked to. The library cannot wait and hear signals. */
static int open_when_free(struct run *run, const seqcast_publisher_options *open_options)
{
        int64_t deadline = run->settings.wait_writer_ns == DURATION_UNSET
                                   ? 0
                                   : clock_after(clock_now(), run->settings.wait_writer_ns);
        for (;;) {
                int r = seqcast_publisher_open(run->topic.name, open_options, &run->publisher);
                int64_t now = clock_now();
                if (r != -EBUSY || now >= deadline ||
                    stop_wait(-1, deadline - now < WRITER_POLL_NS ? deadline : now + WRITER_POLL_NS) ==
                            WAIT_STOP)
                        return r;
        }
}

/* What the library does not compare in a segment that was there already; just created, it agrees. */
static bool check_segment(const struct run *run, const seqcast_info *info, struct failure *failure)
{
        const struct settings *settings = &run->settings;
        const seqcast_schema *schema = seqcast_publisher_schema(run->publisher);
        const char *type = schema != NULL && schema->type_name != NULL ? schema->type_name : "";
        if (settings->type != NULL && strcmp(type, settings->type) != 0)
                fail(failure, E_SCHEMA, "type differs: segment has '%.80s', you gave '%.80s'", type,
                     settings->type);
        else if (settings->sparse && info->sparse == 0)
                fail(failure, E_SCHEMA, "segment has all its memory reserved, you gave --sparse");
        else if (settings->no_times && info->times != 0)
                fail(failure, E_SCHEMA, "segment has times, you gave --no-times");
        else
                return true;
        return fail_hint(failure, "--recreate replaces the segment (readers will re-attach)");
}

static bool offer_segment(struct run *run, struct failure *failure)
{
        int descriptor = seqcast_publisher_fd(run->publisher);
        if (descriptor < 0)
                return fail(failure, E_IO, "the sealed segment has no descriptor to offer: %s",
                            seqcast_strerror(descriptor));
        return handover_begin(&run->handover, run->settings.sealed, descriptor, failure);
}

static bool open_publisher(struct run *run, struct failure *failure)
{
        const struct settings *settings = &run->settings;
        struct library_call call = { &run->topic, run->asked, { "" }, true };
        seqcast_publisher_options open_options = SEQCAST_PUBLISHER_OPTIONS;
        open_options.ret_detail = &call.detail;
        if (!describe_segment(run, &open_options, failure))
                return false;
        int r = open_when_free(run, &open_options);
        if (r < 0)
                return fail_library(failure, r, &call);
        seqcast_info info;
        seqcast_publisher_info(run->publisher, &info);
        if (info.memory_missing != 0)
                report_warning(&run->reporter, "%s", call.detail.text);
        guard_against_truncation(&run->reporter, info.segment_bytes);
        if (!check_segment(run, &info, failure)) {
                run->publisher = seqcast_publisher_close(run->publisher); /* not ours to --rm */
                return false;
        }
        if (settings->sealed != NULL && !offer_segment(run, failure)) {
                run->publisher = seqcast_publisher_close(run->publisher);
                return false;
        }
        run->schema = seqcast_publisher_schema(run->publisher);
        run->sink = update_sink_open(run->publisher, run->settings.replace);
        report_debug(&run->reporter, "publishing as %s after publication %" PRIu64, run->topic.name,
                     seqcast_publisher_version(run->publisher));
        return true;
}

/* With -s, the schema is known without the segment, and nothing is created for bad values. */
static bool learn_schema(struct run *run, struct failure *failure)
{
        if (run->settings.schema == NULL)
                return open_publisher(run, failure);
        if (!schema_from_option(run->settings.schema, &run->asked, failure))
                return false;
        if (run->settings.type != NULL) {
                run->asked->type_name = run->settings.type;
        } else if (run->asked->type_name == NULL) {
                type_name_from_topic(run->type_name, run->topic.shown);
                run->asked->type_name = run->type_name;
        }
        run->schema = run->asked;
        return true;
}

static bool be_open(struct run *run, struct failure *failure)
{
        return run->publisher != NULL || open_publisher(run, failure);
}

/* ---- publishing ---------------------------------------------------------------------------- */

static bool publish(struct run *run, const struct update *update, struct failure *failure)
{
        struct library_call call = { &run->topic, run->asked, { "" }, true };
        int r = update_publish(&run->sink, update);
        if (r < 0)
                return fail_library(failure, r, &call);
        run->published++;
        return true;
}

static bool enough(const struct run *run, uint64_t count)
{
        return stop_requested() || (count > 0 && run->published >= count);
}

/* More than a second behind (we were stopped, or the machine is too slow): begin anew from now. */
static int64_t next_due(int64_t due, int64_t interval_ns)
{
        int64_t now = clock_now();
        int64_t next = clock_after(due, interval_ns);
        return now - next > NS_PER_SECOND ? now : next;
}

static bool publish_values(struct run *run, struct failure *failure)
{
        const struct settings *settings = &run->settings;
        uint64_t count = settings->forever ? 0 : settings->count > 0 ? settings->count : 1;
        struct update update = UPDATE_EMPTY;
        bool good = build_record(run, &update, failure) && be_open(run, failure);
        run->started = clock_now();
        int64_t due = run->started;
        while (good && !stop_requested()) {
                good = publish(run, &update, failure);
                if (!good || enough(run, count))
                        break;
                if (settings->interval_ns != DURATION_UNSET) {
                        due = next_due(due, settings->interval_ns);
                        if (stop_wait(-1, due) == WAIT_STOP)
                                break;
                }
                good = build_record(run, &update, failure);
        }
        update_free(&update);
        return good;
}

static bool open_source(struct run *run, struct source *source, struct failure *failure)
{
        const struct settings *settings = &run->settings;
        struct source_options source_options = {
                .format = settings->raw           ? SOURCE_RAW
                          : settings->csv != '\0' ? SOURCE_CSV
                                                  : SOURCE_JSON,
                .separator = settings->csv,
                .header = !settings->no_header,
                .syntax = value_syntax(run),
        };
        if (run->schema == NULL && !settings->raw)
                return fail(failure, E_USAGE, "the segment has no schema; only --raw can publish in it");
        uint64_t record_bytes = run->publisher != NULL ? run->sink.record_bytes : run->schema->record_bytes;
        return source_open(source, &source_options, settings->input != NULL ? settings->input : "-",
                           run->schema, record_bytes, failure);
}

/* Bad records are either counted or the end. */
static enum source_state next_good(struct run *run, struct source *source, int64_t deadline,
                                   struct update *update, struct failure *failure)
{
        for (;;) {
                enum source_state state = source_next(source, deadline, update, failure);
                if (state != SOURCE_BAD || !run->settings.skip_bad)
                        return state;
                run->rejected++;
                report_notice(&run->reporter, "skipped: %s", failure->message);
        }
}

/* With --latest: what arrives until `due` replaces what arrived before. */
static enum source_state next_latest(struct run *run, struct source *source, int64_t due,
                                     struct update *update, struct failure *failure)
{
        struct update newer = UPDATE_EMPTY;
        enum source_state state = SOURCE_RECORD;
        while (state == SOURCE_RECORD && clock_now() < due) {
                state = next_good(run, source, due, &newer, failure);
                if (state == SOURCE_RECORD) {
                        struct update older = *update;
                        *update = newer;
                        newer = older;
                }
        }
        update_free(&newer);
        return state == SOURCE_LATER ? SOURCE_RECORD : state;
}

static bool publish_stream(struct run *run, struct failure *failure)
{
        const struct settings *settings = &run->settings;
        struct source source;
        struct update update = UPDATE_EMPTY;
        enum source_state state = SOURCE_RECORD;
        bool good = open_source(run, &source, failure);
        if (!good)
                return false;
        run->started = clock_now();
        int64_t due = run->started;
        while (good && !enough(run, settings->count)) {
                if (state == SOURCE_RECORD)
                        state = next_good(run, &source, CLOCK_NEVER, &update, failure);
                if (state != SOURCE_RECORD)
                        break;
                if (settings->latest)
                        state = next_latest(run, &source, due, &update, failure);
                else if (settings->interval_ns != DURATION_UNSET && stop_wait(-1, due) == WAIT_STOP)
                        break;
                good = be_open(run, failure) && publish(run, &update, failure);
                if (settings->interval_ns != DURATION_UNSET) {
                        int64_t now = clock_now();
                        due = clock_after(due > now - settings->interval_ns ? due : now,
                                          settings->interval_ns);
                }
        }
        source_close(&source);
        update_free(&update);
        if (good && (state == SOURCE_BAD || state == SOURCE_FAILED)) {
                run->rejected += state == SOURCE_BAD;
                return false;
        }
        return good;
}

static bool publish_all(struct run *run, struct failure *failure)
{
        if (run->mode == MODE_STREAM)
                return publish_stream(run, failure);
        if (run->mode != MODE_HOLD)
                return publish_values(run, failure);
        run->started = clock_now();
        return true;
}

/* ---- the end ------------------------------------------------------------------------------- */

static void hold(const struct run *run)
{
        report_notice(&run->reporter, "holding the topic until SIGINT or SIGTERM");
        while (stop_wait(-1, CLOCK_NEVER) != WAIT_STOP)
                continue;
}

static void summarize(const struct run *run)
{
        double seconds = (double)(run->finished - run->started) / 1e9;
        fprintf(stderr, "shmpub: published %" PRIu64 " records in %.3f s (%.1f/s), %" PRIu64 " rejected\n",
                run->published, seconds, seconds > 0 ? (double)run->published / seconds : 0.0, run->rejected);
}

static bool leave(struct run *run, struct failure *failure)
{
        bool good = true;
        if (run->publisher != NULL && run->settings.remove) {
                int r = seqcast_publisher_remove(run->publisher);
                if (r < 0 && r != -ESTALE)
                        good = fail(failure, E_IO, "cannot remove it: %s", seqcast_strerror(r));
        }
        handover_end(run->handover);
        update_sink_close(&run->sink);
        run->publisher = seqcast_publisher_close(run->publisher);
        run->asked = seqcast_schema_free(run->asked);
        return good;
}

int main(int argc, char **argv)
{
        static struct run run = {
                .settings = { .wait_writer_ns = DURATION_UNSET,
                              .interval_ns = DURATION_UNSET,
                              .bytes = -1,
                              .huge_pages = -1 },
                .reporter = { .program = "shmpub" },
        };
        struct failure failure;
        int exit_code = 0;

        if (!parse_arguments(&run, argc, argv, &failure))
                return report_failure(&run.reporter, &failure);
        stop_prepare();
        run.template.random = (uint64_t)clock_wall() ^ (uint64_t)getpid() << 32;

        bool good = learn_schema(&run, &failure) && publish_all(&run, &failure) &&
                    (!run.settings.hold || be_open(&run, &failure));
        run.finished = clock_now();
        if (!good && !stop_requested())
                exit_code = report_failure(&run.reporter, &failure);
        if (good && run.settings.hold && !stop_requested())
                hold(&run);
        if (!leave(&run, &failure) && exit_code == 0)
                exit_code = report_failure(&run.reporter, &failure);
        if (run.settings.verbose)
                summarize(&run);
        stop_reraise();
        return exit_code;
}
