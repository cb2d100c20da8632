/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* shmsub -p: a user's format taken apart, checked, and filled in. The user's text never reaches
 * printf(). */

#include "common/print_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/number.h"

#define WIDTH_MAX 9999

/* What %{@...} can name. */
enum fact {
        FACT_NONE,
        FACT_NAME,
        FACT_SEQ,
        FACT_SKIPPED,
        FACT_TIME,
        FACT_T_NS,
        FACT_AGE_NS,
        FACT_AGE_US,
        FACT_AGE_MS,
        FACT_AGE_S,
        FACT_PID,
        FACT_PROGRAM,
        FACT_STATE,
        FACT_INCARNATION
};

static const struct {
        const char *name;
        enum fact fact;
} facts[] = {
        { "name", FACT_NAME },
        { "seq", FACT_SEQ },
        { "skipped", FACT_SKIPPED },
        { "time", FACT_TIME },
        { "t_ns", FACT_T_NS },
        { "age_ns", FACT_AGE_NS },
        { "age_us", FACT_AGE_US },
        { "age_ms", FACT_AGE_MS },
        { "age_s", FACT_AGE_S },
        { "pid", FACT_PID },
        { "program", FACT_PROGRAM },
        { "state", FACT_STATE },
        { "incarnation", FACT_INCARNATION },
};

/* "[-+0][width][.precision][conversion]" */
struct number_format {
        bool left, plus, zero;
        int width;
        int precision;   /* -1: none given */
        char conversion; /* '\0': whatever suits the value */
};

struct print_piece {
        struct text literal; /* the text itself; or, for a time, its format */
        char *label;         /* of a field; NULL: literal or fact */
        enum fact fact;
        struct number_format number;
        size_t column;
};

/* ---- parsing ------------------------------------------------------------------------------- */

static struct print_piece *add_piece(struct print_format *format)
{
        format->pieces = reallocate(format->pieces, format->count + 1, sizeof(*format->pieces));
        struct print_piece *piece = &format->pieces[format->count++];
        memset(piece, 0, sizeof(*piece));
        piece->number.precision = -1;
        return piece;
}

static struct text *open_literal(struct print_format *format)
{
        struct print_piece *last = format->count > 0 ? &format->pieces[format->count - 1] : NULL;
        if (last == NULL || last->label != NULL || last->fact != FACT_NONE)
                last = add_piece(format);
        return &last->literal;
}

static char escape_meaning(char letter)
{
        static const char letters[] = "ntr0e\\";
        static const char meanings[] = "\n\t\r\0\033\\";
        const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
        return found != NULL ? meanings[found - letters] : letter;
}

static int parse_number_in(const char **at)
{
        int number = 0;
        for (; **at >= '0' && **at <= '9'; (*at)++)
                if (number <= WIDTH_MAX)
                        number = number * 10 + (**at - '0');
        return number;
}

static bool parse_number_format(struct number_format *number, const char *spec, struct failure *failure)
{
        const char *at = spec;
        for (; *at != '\0' && strchr("-+0", *at) != NULL; at++) {
                number->left |= *at == '-';
                number->plus |= *at == '+';
                number->zero |= *at == '0';
        }
        number->width = parse_number_in(&at);
        if (*at == '.') {
                at++;
                number->precision = parse_number_in(&at);
        }
        if (*at != '\0' && strchr("sdiuxXofeg", *at) != NULL)
                number->conversion = *at++;
        if (*at != '\0' || number->width > WIDTH_MAX || number->precision > WIDTH_MAX) {
                fail(failure, E_USAGE, "bad format ':%.80s'", spec);
                return fail_hint(failure, "(as in printf: '-8s', '08x', '.2f')");
        }
        return true;
}

static bool find_fact(const char *name, enum fact *ret_fact, struct failure *failure)
{
        struct text known = TEXT_EMPTY;
        for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
                if (strcmp(facts[i].name, name) == 0) {
                        *ret_fact = facts[i].fact;
                        text_free(&known);
                        return true;
                }
                text_print(&known, "%s@%s", i > 0 ? " " : "", facts[i].name);
        }
        fail(failure, E_USAGE, "unknown '%%{@%.80s}'", name);
        fail_hint(failure, "Known: %s", text_string(&known));
        text_free(&known);
        return false;
}

/* What stands between the braces. */
static bool parse_braces(struct print_format *format, char *name, struct failure *failure)
{
        struct print_piece *piece = add_piece(format);
        char *spec = strchr(name, ':');
        if (spec != NULL)
                *spec++ = '\0';
        if (name[0] == '@' && !find_fact(name + 1, &piece->fact, failure))
                return false;
        if (name[0] != '@')
                piece->label = copy_string(name);
        if (spec != NULL && piece->fact == FACT_TIME)
                text_add_string(&piece->literal, spec);
        return spec == NULL || piece->fact == FACT_TIME || parse_number_format(&piece->number, spec, failure);
}

bool print_format_parse(struct print_format *format, const char *string, struct failure *failure)
{
        format->pieces = NULL;
        format->count = 0;
        while (*string != '\0') {
                if (string[0] == '\\' && string[1] != '\0') {
                        text_add_char(open_literal(format), escape_meaning(string[1]));
                        string += 2;
                } else if (string[0] == '%' && string[1] == '%') {
                        text_add_char(open_literal(format), '%');
                        string += 2;
                } else if (string[0] == '%') {
                        size_t length = strcspn(string, "}");
                        if (string[1] != '{' || string[length] != '}')
                                return fail(failure, E_USAGE,
                                            "bad format at '%.20s': write %%{FIELD}, or %%%% for a %%",
                                            string);
                        struct text name = TEXT_EMPTY;
                        text_add(&name, string + 2, length - 2);
                        bool good = parse_braces(format, name.bytes, failure);
                        text_free(&name);
                        if (!good)
                                return false;
                        string += length + 1;
                } else {
                        text_add_char(open_literal(format), *string++);
                }
        }
        return true;
}

void print_format_free(struct print_format *format)
{
        for (size_t i = 0; i < format->count; i++) {
                text_free(&format->pieces[i].literal);
                free(format->pieces[i].label);
        }
        free(format->pieces);
        format->pieces = NULL;
        format->count = 0;
}

/* ---- binding ------------------------------------------------------------------------------- */

static bool conversion_suits(const struct number_format *number, const seqcast_field *field)
{
        bool one_number = !field->is_array && !field_is_text(field);
        bool precision_means_something =
                number->conversion == 's' || strchr("feg", number->conversion) != NULL;
        if (number->precision >= 0 && (number->conversion == '\0' || !precision_means_something))
                return false;
        if (number->conversion == '\0' || number->conversion == 's')
                return true;
        return one_number && (strchr("feg", number->conversion) != NULL || !type_is_float(field->type));
}

bool print_format_bind(struct print_format *format, struct view *view, struct failure *failure)
{
        for (size_t i = 0; i < format->count; i++) {
                struct print_piece *piece = &format->pieces[i];
                if (piece->label == NULL)
                        continue;
                int column = view_add(view, piece->label, true, failure);
                if (column < 0)
                        return false;
                piece->column = (size_t)column;
                const seqcast_field *field = &view->columns[column].named.field;
                if (!conversion_suits(&piece->number, field)) {
                        struct text type = TEXT_EMPTY;
                        print_field_type(&type, field);
                        fail(failure, E_USAGE, "the format given for '%s' does not suit its type, %s",
                             piece->label, text_string(&type));
                        text_free(&type);
                        return false;
                }
        }
        return true;
}

/* ---- printing ------------------------------------------------------------------------------ */

static void pad(struct text *out, const struct number_format *number, const char *text)
{
        size_t length = strlen(text);
        size_t width = (size_t)number->width;
        size_t missing = length < width ? width - length : 0;
        size_t sign = text[0] == '-' || text[0] == '+' ? 1 : 0;
        bool zeros = number->zero && !number->left;
        if (zeros)
                text_add(out, text, sign);
        for (size_t i = 0; i < missing && !number->left; i++)
                text_add_char(out, zeros ? '0' : ' ');
        text_add_string(out, text + (zeros ? sign : 0));
        for (size_t i = 0; i < missing && number->left; i++)
                text_add_char(out, ' ');
}

static void print_padded(struct text *out, const struct number_format *number, struct text *value)
{
        if (number->conversion == 's' && number->precision >= 0 && (size_t)number->precision < value->length)
                value->bytes[number->precision] = '\0';
        pad(out, number, text_string(value));
        text_free(value);
}

static void print_real(struct text *out, const struct number_format *number, double value)
{
        int precision = number->precision >= 0 ? number->precision : 6;
        struct text digits = TEXT_EMPTY;
        if (number->plus && value >= 0)
                text_add_char(&digits, '+');
        if (number->conversion == 'f')
                text_print(&digits, "%.*f", precision, value);
        else if (number->conversion == 'e')
                text_print(&digits, "%.*e", precision, value);
        else
                text_print(&digits, "%.*g", precision, value);
        print_padded(out, number, &digits);
}

static void print_whole(struct text *out, const struct number_format *number, uint32_t type,
                        const unsigned char *bytes)
{
        struct text digits = TEXT_EMPTY;
        switch (number->conversion) {
        case 'x':
                text_print(&digits, "%" PRIx64, element_unsigned(type, bytes));
                break;
        case 'X':
                text_print(&digits, "%" PRIX64, element_unsigned(type, bytes));
                break;
        case 'o':
                text_print(&digits, "%" PRIo64, element_unsigned(type, bytes));
                break;
        case 'u':
                text_print(&digits, "%" PRIu64, element_unsigned(type, bytes));
                break;
        default:
                if (number->plus && (!type_is_signed(type) || element_signed(type, bytes) >= 0))
                        text_add_char(&digits, '+');
                text_print(&digits, type_is_signed(type) ? "%" PRId64 : "%" PRIu64,
                           type_is_signed(type) ? (uint64_t)element_signed(type, bytes)
                                                : element_unsigned(type, bytes));
                break;
        }
        print_padded(out, number, &digits);
}

static void print_field(struct text *out, const struct print_piece *piece, const struct view *view,
                        int bytes_as)
{
        const seqcast_field *field = &view->columns[piece->column].named.field;
        const unsigned char *bytes = view_bytes(view, piece->column);
        char conversion = piece->number.conversion;
        if (bytes != NULL && conversion != '\0' && strchr("feg", conversion) != NULL) {
                print_real(out, &piece->number, element_double(field->type, bytes));
        } else if (bytes != NULL && conversion != '\0' && conversion != 's') {
                print_whole(out, &piece->number, field->type, bytes);
        } else {
                struct text value = TEXT_EMPTY;
                if (bytes != NULL)
                        value_print(&value, field, bytes, bytes_as);
                print_padded(out, &piece->number, &value);
        }
}

static void print_time(struct text *out, const struct print_piece *piece, int64_t wall_ns)
{
        if (piece->literal.length == 0)
                print_time_utc(out, wall_ns);
        else
                print_time_local(out, text_string(&piece->literal), wall_ns);
}

/* Whole units, unless a conversion for fractions asks for more. */
static void print_fact_number(struct text *out, const struct number_format *number, int64_t value,
                              int64_t unit)
{
        int64_t whole = value / unit;
        if (number->conversion != '\0' && strchr("feg", number->conversion) != NULL)
                print_real(out, number, (double)value / (double)unit);
        else
                print_whole(out, number, SEQCAST_I64, (const unsigned char *)&whole);
}

static void print_fact_text(struct text *out, const struct print_piece *piece,
                            const struct snapshot *snapshot)
{
        struct text value = TEXT_EMPTY;
        if (piece->fact == FACT_NAME)
                text_add_string(&value, snapshot->name);
        else if (piece->fact == FACT_PROGRAM)
                print_program(&value, snapshot->status);
        else if (piece->fact == FACT_STATE)
                text_add_string(&value, liveness_word(snapshot->status->liveness));
        else if (piece->fact == FACT_INCARNATION)
                text_print(&value, "%016" PRIx64, snapshot->info->incarnation);
        else
                text_add_char(&value, '-'); /* a time that is not known */
        print_padded(out, &piece->number, &value);
}

static bool is_time_fact(enum fact fact)
{
        return fact >= FACT_TIME && fact <= FACT_AGE_S;
}

static void print_fact(struct text *out, const struct print_piece *piece, const struct snapshot *snapshot)
{
        const struct number_format *number = &piece->number;
        if (is_time_fact(piece->fact) && !snapshot->timed) {
                print_fact_text(out, piece, snapshot);
                return;
        }
        switch (piece->fact) {
        case FACT_SEQ:
                print_fact_number(out, number, (int64_t)snapshot->view->sample.number, 1);
                break;
        case FACT_SKIPPED:
                print_fact_number(out, number, (int64_t)snapshot->view->sample.lost, 1);
                break;
        case FACT_PID:
                print_fact_number(out, number, (int64_t)snapshot->status->publisher_pid, 1);
                break;
        case FACT_TIME:
                print_time(out, piece, snapshot->wall_ns);
                break;
        case FACT_T_NS:
                print_fact_number(out, number, snapshot->wall_ns, 1);
                break;
        case FACT_AGE_NS:
                print_fact_number(out, number, snapshot->age_ns, 1);
                break;
        case FACT_AGE_US:
                print_fact_number(out, number, snapshot->age_ns, 1000);
                break;
        case FACT_AGE_MS:
                print_fact_number(out, number, snapshot->age_ns, NS_PER_MS);
                break;
        case FACT_AGE_S:
                print_fact_number(out, number, snapshot->age_ns, NS_PER_SECOND);
                break;
        default:
                print_fact_text(out, piece, snapshot);
                break;
        }
}

void print_formatted(struct text *out, const struct print_format *format, const struct snapshot *snapshot,
                     const struct print_style *style)
{
        for (size_t i = 0; i < format->count; i++) {
                const struct print_piece *piece = &format->pieces[i];
                if (piece->fact != FACT_NONE)
                        print_fact(out, piece, snapshot);
                else if (piece->label != NULL)
                        print_field(out, piece, snapshot->view, style->bytes);
                else
                        text_add(out, piece->literal.bytes, piece->literal.length);
        }
}
