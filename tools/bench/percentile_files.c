/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#include "bench/percentile_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/text.h"

#define NOT_FOUND 127
#define PANEL_WIDTH 960
#define PANEL_HEIGHT 420

void percentiles_add(struct percentiles *percentiles, const char *row, const char *name,
                     const struct histogram *histogram, double unit)
{
        struct percentile_series *added;

        percentiles->series = reallocate(percentiles->series, percentiles->count + 1, sizeof *added);
        added = &percentiles->series[percentiles->count++];
        added->row = row;
        added->name = copy_string(name);
        added->unit = unit;
        added->histogram = allocate(1, sizeof *added->histogram);
        *added->histogram = *histogram;
}

void percentiles_free(struct percentiles *percentiles)
{
        for (size_t i = 0; i < percentiles->count; i++) {
                free(percentiles->series[i].name);
                free(percentiles->series[i].histogram);
        }
        free(percentiles->series);
        *percentiles = (struct percentiles){ 0 };
}

/* ---- tables --------------------------------------------------------------------------------- */

static void add_word(struct text *path, const char *word)
{
        text_add_char(path, '-');
        for (; *word != '\0'; word++) {
                bool plain = (*word >= 'a' && *word <= 'z') || (*word >= 'A' && *word <= 'Z') ||
                             (*word >= '0' && *word <= '9');

                if (plain || path->bytes[path->length - 1] != '-')
                        text_add_char(path, plain ? *word : '-');
        }
}

/* "out/lat.hgrm" becomes "out/lat-latency-spinning-48-B-bare-word.hgrm" */
static void path_of(const struct percentile_series *series, const char *file, struct text *path)
{
        const char *slash = strrchr(file, '/'), *dot = strrchr(file, '.');
        size_t stem = dot != NULL && dot > file && (slash == NULL || dot > slash + 1) ? (size_t)(dot - file)
                                                                                      : strlen(file);

        text_clear(path);
        text_add(path, file, stem);
        add_word(path, series->row);
        add_word(path, series->name);
        text_add_string(path, file + stem);
}

bool percentiles_can_write(const char *file, struct failure *failure)
{
        const char *slash = strrchr(file, '/');
        struct text folder = TEXT_EMPTY;
        bool can;

        if (slash == NULL)
                text_add_string(&folder, ".");
        else
                text_add(&folder, file, (size_t)(slash - file) + 1);
        can = access(file, W_OK) == 0 || access(text_string(&folder), W_OK | X_OK) == 0 ||
              fail(failure, E_IO, "cannot write %s: %s", file, strerror(errno));
        text_free(&folder);
        return can;
}

static bool write_table(const struct percentile_series *series, const char *path, struct failure *failure)
{
        FILE *out = fopen(path, "w");
        bool written;

        if (out == NULL)
                return fail(failure, E_IO, "cannot write %s: %s", path, strerror(errno));
        histogram_print(series->histogram, series->unit, out);
        written = ferror(out) == 0;
        if (fclose(out) != 0 || !written)
                return fail(failure, E_IO, "cannot write %s: %s", path, strerror(errno));
        return true;
}

bool percentiles_write_tables(const struct percentiles *percentiles, const char *file,
                              struct failure *failure)
{
        struct text path = TEXT_EMPTY;
        bool written = true;

        for (size_t i = 0; i < percentiles->count && written; i++) {
                path_of(&percentiles->series[i], file, &path);
                written = write_table(&percentiles->series[i], text_string(&path), failure);
        }
        text_free(&path);
        return written;
}

/* ---- the chart ------------------------------------------------------------------------------ */

static bool begins_panel(const struct percentiles *percentiles, size_t i)
{
        return i == 0 || strcmp(percentiles->series[i].row, percentiles->series[i - 1].row) != 0;
}

static void print_levels(const struct percentile_series *series, size_t number, FILE *script)
{
        struct histogram_walk walk = { 0 };
        struct histogram_level level;

        fprintf(script, "$series%zu << END\n", number);
        while (histogram_walk(series->histogram, &walk, &level))
                if (level.fraction < 1)
                        fprintf(script, "%.6f %.3f\n", 1 / (1 - level.fraction),
                                (double)level.value / series->unit);
        fputs("END\n", script);
}

static void print_script(const struct percentiles *percentiles, FILE *script)
{
        size_t panels = 0;

        for (size_t i = 0; i < percentiles->count; i++) {
                print_levels(&percentiles->series[i], i, script);
                panels += begins_panel(percentiles, i);
        }
        fprintf(script,
                "set terminal svg noenhanced size %d,%zu background 'white' font 'sans-serif,12'\n"
                "set multiplot layout %zu,1\n"
                "set logscale xy\n"
                "set grid\n"
                "set format y '%%.0f'\n"
                "set key outside right\n"
                "set xtics ('0 %%%%' 1, '50 %%%%' 2, '90 %%%%' 10, '99 %%%%' 100, '99.9 %%%%' 1e3, '99.99 "
                "%%%%' 1e4, "
                "'99.999 %%%%' 1e5, '99.9999 %%%%' 1e6)\n"
                "set xlabel 'percentile p, at 1/(1-p)'\n"
                "set ylabel 'latency [ns]'\n",
                PANEL_WIDTH, panels * PANEL_HEIGHT, panels);
        for (size_t i = 0; i < percentiles->count; i++) {
                const struct percentile_series *series = &percentiles->series[i];

                if (begins_panel(percentiles, i))
                        fprintf(script, "\nset title '%s'\nplot ", series->row);
                else
                        fputs(", ", script);
                fprintf(script, "$series%zu with lines linewidth 2 title '%s'", i, series->name);
        }
        fputs("\nunset multiplot\n", script);
}

/* A script in a file of its own and not in a pipe: a gnuplot that ends early does no harm to who writes it.
 * @return its exit status; -errno */
static int run_gnuplot(const char *argument, int in, int out)
{
        pid_t child = fork();
        int status = 0;

        if (child < 0)
                return -errno;
        if (child == 0) {
                if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
                        execlp("gnuplot", "gnuplot", argument, (char *)NULL);
                _exit(NOT_FOUND);
        }
        while (waitpid(child, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static bool fail_gnuplot(struct failure *failure, int result)
{
        if (result == NOT_FOUND) {
                fail(failure, E_IO, "charts are drawn by gnuplot, which is not installed");
                return fail_hint(failure, "On Debian, it is in gnuplot-nox. --hgrm needs no other program.");
        }
        if (result < 0)
                return fail(failure, E_IO, "cannot run gnuplot: %s", strerror(-result));
        return fail(failure, E_IO, "gnuplot has failed with status %d", result);
}

bool percentiles_can_draw(struct failure *failure)
{
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC), result;

        if (nothing < 0)
                return fail(failure, E_IO, "cannot open /dev/null: %s", strerror(errno));
        result = run_gnuplot("--version", nothing, nothing);
        close(nothing);
        return result == 0 || fail_gnuplot(failure, result);
}

bool percentiles_draw(const struct percentiles *percentiles, const char *file, struct failure *failure)
{
        FILE *script, *out;
        int result;

        if (percentiles->count == 0)
                return fail(failure, E_USAGE, "none of the rows that were measured has percentiles to draw");
        script = tmpfile();
        if (script == NULL)
                return fail(failure, E_IO, "cannot make a temporary file: %s", strerror(errno));
        print_script(percentiles, script);
        out = fopen(file, "w");
        if (fflush(script) != 0 || fseek(script, 0, SEEK_SET) != 0 || out == NULL) {
                fail(failure, E_IO, "cannot write %s: %s", out == NULL ? file : "a temporary file",
                     strerror(errno));
                fclose(script);
                return false;
        }
        result = run_gnuplot("-", fileno(script), fileno(out));
        fclose(script);
        if (fclose(out) != 0)
                return fail(failure, E_IO, "cannot write %s: %s", file, strerror(errno));
        return result == 0 || fail_gnuplot(failure, result);
}
