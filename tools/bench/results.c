/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Lines for people come as they are measured, the rest at the end. */

#include "bench/results.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/machine.h"
#include "common/text.h"

enum verdict { NO_TARGET, MET, MISSED };

static const char *const verdicts[] = { "", "met", "MISSED" };
static const char quick_warning[] =
        "A quick run: it shows that everything works. Do not believe its figures.";

static enum verdict judge(const struct bench_line *line)
{
        double allowed = line->factor;

        if (line->factor <= 0 && line->extra <= 0)
                return NO_TARGET;
        if (line->factor <= 0)
                return (line->at_least ? line->ours.median >= line->extra : line->ours.median <= line->extra)
                               ? MET
                               : MISSED;
        if (line->limit.median <= 0)
                return NO_TARGET; /* nothing to compare with */
        if (line->at_least)
                return line->ratio >= allowed ? MET : MISSED;
        allowed += line->extra / line->limit.median;
        return line->ratio <= allowed ? MET : MISSED;
}

/* ---- words --------------------------------------------------------------------------------- */

struct scale {
        const char *unit;
        double from;
        const char *name;
};

static const struct scale scales[] = {
        { "ns", 1e9, "s" },      { "ns", 1e6, "ms" },     { "ns", 1e3, "us" },
        { "/s", 1e9, "G/s" },    { "/s", 1e6, "M/s" },    { "/s", 1e3, "k/s" },
        { "B", 1 << 30, "GiB" }, { "B", 1 << 20, "MiB" }, { "B", 1 << 10, "KiB" },
};

static void print_amount(struct text *out, double value, const char *unit)
{
        double from = 1;
        const char *name = unit;

        for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
                if (strcmp(scales[i].unit, unit) == 0 && value >= scales[i].from) {
                        from = scales[i].from;
                        name = scales[i].name;
                        break;
                }
        value /= from;
        text_print(out, "%.*f %s",
                   value >= 100 || value == (double)(int64_t)value ? 0
                   : value >= 10                                   ? 1
                                                                   : 2,
                   value, name);
}

void bench_print_bytes(char *text, size_t capacity, double bytes)
{
        struct text amount = TEXT_EMPTY;

        print_amount(&amount, bytes, "B");
        snprintf(text, capacity, "%s", text_string(&amount));
        text_free(&amount);
}

static void print_spread(struct text *out, const struct bench_figure *figure, const char *unit)
{
        print_amount(out, figure->median, unit);
        if (figure->low == figure->high)
                return;
        text_add_string(out, " (");
        print_amount(out, figure->low, unit);
        text_add_string(out, " - ");
        print_amount(out, figure->high, unit);
        text_add_string(out, ")");
}

static void print_target(struct text *out, const struct bench_line *line)
{
        if (judge(line) == NO_TARGET)
                return;
        text_add_string(out, line->at_least ? ">= " : "<= ");
        if (line->factor > 0)
                text_print(out, "%.2f x", line->factor);
        if (line->factor > 0 && line->extra > 0)
                text_add_string(out, " + ");
        if (line->extra > 0)
                print_amount(out, line->extra, line->unit);
}

struct cells {
        struct text ours, limit, target;
};

static struct cells cells_of(const struct bench_line *line)
{
        struct cells cells = { TEXT_EMPTY, TEXT_EMPTY, TEXT_EMPTY };

        print_spread(&cells.ours, &line->ours, line->unit);
        print_spread(&cells.limit, &line->limit, line->unit);
        print_target(&cells.target, line);
        return cells;
}

static void free_cells(struct cells *cells)
{
        text_free(&cells->ours);
        text_free(&cells->limit);
        text_free(&cells->target);
}

/* ---- for people ---------------------------------------------------------------------------- */

void results_begin_row(const struct bench *bench, const char *row, const char *sentence)
{
        if (bench->results.format != BENCH_HUMAN)
                return;
        printf("\n%s: %s\n", row, sentence);
        printf("  %-28s %-34s %-20s %-34s %8s  %-19s %s\n", "", "ours (quartiles)", "limit", "(quartiles)",
               "ratio", "target", "verdict");
        fflush(stdout);
}

static void show_line(const struct bench_line *line)
{
        struct cells cells = cells_of(line);

        printf("  %-28s %-34s %-20s %-34s x %6.2f  %-19s %s\n", line->what, text_string(&cells.ours),
               line->limit_name, text_string(&cells.limit), line->ratio, text_string(&cells.target),
               verdicts[judge(line)]);
        fflush(stdout);
        free_cells(&cells);
}

void bench_report_line(struct bench *bench, const struct bench_line *line)
{
        struct bench_results *results = &bench->results;

        results->lines = reallocate(results->lines, results->line_count + 1, sizeof *results->lines);
        results->lines[results->line_count++] = *line;
        if (results->format == BENCH_HUMAN)
                show_line(line);
}

void bench_skip(struct bench *bench, const char *row, const char *format, ...)
{
        struct bench_results *results = &bench->results;
        struct bench_skip *skip;
        va_list arguments;

        results->skips = reallocate(results->skips, results->skip_count + 1, sizeof *results->skips);
        skip = &results->skips[results->skip_count++];
        skip->row = row;
        va_start(arguments, format);
        vsnprintf(skip->why, sizeof skip->why, format, arguments);
        va_end(arguments);
        if (results->format == BENCH_HUMAN) {
                printf("  SKIPPED: %s\n", skip->why);
                fflush(stdout);
        }
}

static void show_machine(const char *command)
{
        struct machine machine;

        machine_describe(&machine);
        printf("`%s` on %s, %d CPUs, %s, %s, %s\n", command, machine.cpu, machine.cpus, machine.kernel,
               machine.compiler, machine.date);
}

static void show_summary(const struct bench *bench)
{
        const struct bench_results *results = &bench->results;
        size_t counts[3] = { 0, 0, 0 };

        for (size_t i = 0; i < results->line_count; i++)
                counts[judge(&results->lines[i])]++;
        printf("\n%zu targets met, %zu missed; %zu lines without one; %zu skipped\n", counts[MET],
               counts[MISSED], counts[NO_TARGET], results->skip_count);
        for (size_t i = 0; i < results->line_count; i++)
                if (judge(&results->lines[i]) == MISSED)
                        printf("  MISSED: %s, %s\n", results->lines[i].row, results->lines[i].what);
        if (bench->quick)
                printf("%s\n", quick_warning);
}

/* ---- the table of targets ------------------------------------------------------------------ */

static void print_markdown(const struct bench *bench)
{
        const struct bench_results *results = &bench->results;

        if (bench->quick)
                printf("%s\n\n", quick_warning);
        printf("| row | target | measured | limit beside it | verdict |\n| --- | --- | --- | --- | --- |\n");
        for (size_t i = 0; i < results->line_count; i++) {
                const struct bench_line *line = &results->lines[i];
                struct cells cells = cells_of(line);

                if (judge(line) != NO_TARGET)
                        printf("| %s, %s | %s | %s, x %.2f | %s: %s | %s |\n", line->row, line->what,
                               text_string(&cells.target), text_string(&cells.ours), line->ratio,
                               line->limit_name, text_string(&cells.limit), verdicts[judge(line)]);
                free_cells(&cells);
        }
        for (size_t i = 0; i < results->skip_count; i++)
                printf("| %s | | SKIPPED: %s | | |\n", results->skips[i].row, results->skips[i].why);
        printf("\n");
}

/* ---- for programs -------------------------------------------------------------------------- */

static void add_string(json_object *object, const char *key, const char *value)
{
        json_object_object_add(object, key, json_object_new_string(value));
}

static void add_number(json_object *object, const char *key, double value)
{
        char digits[40];

        snprintf(digits, sizeof digits, "%.6g", value);
        json_object_object_add(object, key, json_object_new_double_s(value, digits));
}

static json_object *figure_as_json(const struct bench_figure *figure)
{
        json_object *object = json_object_new_object();

        add_number(object, "median", figure->median);
        add_number(object, "low", figure->low);
        add_number(object, "high", figure->high);
        return object;
}

static json_object *target_as_json(const struct bench_line *line)
{
        json_object *object;

        if (judge(line) == NO_TARGET)
                return NULL;
        object = json_object_new_object();
        add_number(object, "factor", line->factor);
        add_number(object, "extra", line->extra);
        json_object_object_add(object, "at_least", json_object_new_boolean(line->at_least));
        return object;
}

static json_object *line_as_json(const struct bench_line *line)
{
        json_object *object = json_object_new_object(), *limit = figure_as_json(&line->limit);
        enum verdict verdict = judge(line);

        add_string(limit, "name", line->limit_name);
        add_string(object, "row", line->row);
        add_string(object, "what", line->what);
        add_string(object, "unit", line->unit);
        json_object_object_add(object, "ours", figure_as_json(&line->ours));
        json_object_object_add(object, "limit", limit);
        add_number(object, "ratio", line->ratio);
        json_object_object_add(object, "target", target_as_json(line));
        json_object_object_add(object, "met",
                               verdict == NO_TARGET ? NULL : json_object_new_boolean(verdict == MET));
        return object;
}

static json_object *machine_as_json(void)
{
        json_object *object = json_object_new_object();
        struct machine machine;

        machine_describe(&machine);
        add_string(object, "cpu", machine.cpu);
        json_object_object_add(object, "cpus", json_object_new_int(machine.cpus));
        add_string(object, "kernel", machine.kernel);
        add_string(object, "compiler", machine.compiler);
        add_string(object, "date", machine.date);
        return object;
}

static json_object *skip_as_json(const struct bench_skip *skip)
{
        json_object *object = json_object_new_object();

        add_string(object, "row", skip->row);
        add_string(object, "why", skip->why);
        return object;
}

static void print_json(const struct bench *bench, const char *command)
{
        const struct bench_results *results = &bench->results;
        json_object *object = json_object_new_object(), *lines = json_object_new_array(),
                    *skips = json_object_new_array();

        json_object_object_add(object, "$bench", json_object_new_int(1));
        add_string(object, "command", command);
        json_object_object_add(object, "quick", json_object_new_boolean(bench->quick));
        json_object_object_add(object, "rounds", json_object_new_int64(bench->rounds));
        json_object_object_add(object, "round_ns", json_object_new_int64(bench->round_ns));
        json_object_object_add(object, "machine", machine_as_json());
        for (size_t i = 0; i < results->line_count; i++)
                json_object_array_add(lines, line_as_json(&results->lines[i]));
        for (size_t i = 0; i < results->skip_count; i++)
                json_object_array_add(skips, skip_as_json(&results->skips[i]));
        json_object_object_add(object, "lines", lines);
        json_object_object_add(object, "skipped", skips);
        printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                      JSON_C_TO_STRING_NOSLASHESCAPE));
        json_object_put(object);
}

/* ---- the end ------------------------------------------------------------------------------- */

bool results_end(const struct bench *bench, const char *command, struct failure *failure)
{
        switch ((enum bench_format)bench->results.format) {
        case BENCH_HUMAN:
                show_summary(bench);
                show_machine(command);
                break;
        case BENCH_MARKDOWN:
                print_markdown(bench);
                show_machine(command);
                break;
        case BENCH_JSON:
                print_json(bench, command);
                break;
        }
        return fflush(stdout) == 0 || fail(failure, E_IO, "cannot write: %s", strerror(errno));
}

void results_free(struct bench_results *results)
{
        free(results->lines);
        free(results->skips);
        *results = (struct bench_results){ 0 };
}
