/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Any text to the parsers of the tools: JSON, CSV, values, numbers, escapes, conditions, templates and print
 * formats. What they accept stays within the record, and is printed and read back to the same.
 *
 * The input: a byte that chooses the parser, one that chooses its options, and the text. */

#ifdef WITHOUT_JSON_C
#include <stdio.h>

int main(void)
{
        printf("the tools were not built: pkg-config or libjson-c-dev is missing\n");
        return 77;
}
#else

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "common/condition.h"
#include "common/csv.h"
#include "common/escape.h"
#include "common/json_input.h"
#include "common/number.h"
#include "common/print_format.h"
#include "common/template.h"
#include "fuzz/driver/text_input.h"

#define HEAD_BYTES 2u
#define INPUT_BYTES_MAX 1024u
#define FIELDS 19u
#define DIGITS "0123456789"

const struct fuzz_target fuzz_target = {
        .name = "tools",
        .inputs = 300000,
        .longest = INPUT_BYTES_MAX,
        .least_percent = 5,
};

/* Each type, alone and as an array. */
static const seqcast_schema *schema(void)
{
        static seqcast_schema *parsed;

        if (parsed == NULL &&
            seqcast_schema_parse("a:i8,b:i16,c:i32,d:i64,e:u8,f:u16,g:u32,h:u64,x:f32,y:f64,"
                                 "o:bool,k:char,s:char[12],r:u8[6],v:i16[3],w:f64[2],q:bool[2],"
                                 "m:u64[2]/hex,t:i64/time",
                                 &parsed, NULL) != 0)
                abort();
        return parsed;
}

/* Of a choice of `count`. */
static unsigned choose(unsigned *option, unsigned count)
{
        unsigned chosen = *option % count;

        *option /= count;
        return chosen;
}

static struct named_field field_at(unsigned index)
{
        const seqcast_field *field = &schema()->fields[index % FIELDS];

        return (struct named_field){ field->name, *field };
}

static bool same_text(const struct text *a, const struct text *b)
{
        return a->length == b->length && memcmp(text_string(a), text_string(b), a->length) == 0;
}

static void check_failure(const struct failure *failure)
{
        FUZZ_CHECK(failure->class < FAILURE_CLASS_COUNT && failure->message[0] != '\0');
        FUZZ_CHECK(memchr(failure->message, '\0', sizeof failure->message) != NULL);
        FUZZ_CHECK(memchr(failure->hint, '\0', sizeof failure->hint) != NULL);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void apply(const struct update *update, unsigned char *record)
{
        const char *from = text_string(&update->bytes);
        size_t total = 0;

        for (size_t i = 0; i < update->range_count; i++) {
                const struct update_range *range = &update->ranges[i];

                FUZZ_CHECK(range->offset <= schema()->record_bytes);
                FUZZ_CHECK(range->bytes <= schema()->record_bytes - range->offset);
                total += range->bytes;
                FUZZ_CHECK(total <= update->bytes.length);
                memcpy(record + range->offset, from, range->bytes);
                from += range->bytes;
        }
        FUZZ_CHECK(total == update->bytes.length);
}

/* @return the record that the JSON text makes of zeros, to be freed; NULL: it was refused */
static unsigned char *record_of(const char *json, size_t length, const struct value_syntax *syntax)
{
        unsigned char *record = allocate((size_t)schema()->record_bytes, 1);
        struct update update = UPDATE_EMPTY;
        struct failure failure = { 0 };
        struct json_input input;
        bool accepted;

        json_input_open(&input, schema(), syntax);
        accepted = json_input_parse(&input, json, length, &update, &failure);
        json_input_close(&input);
        if (accepted) {
                apply(&update, record);
        } else {
                check_failure(&failure);
                free(record);
        }
        update_free(&update);
        return accepted ? record : NULL;
}

/* Takes the record. */
static struct view view_of(unsigned char *record)
{
        struct view view = { .schema = schema(), .record_bytes = schema()->record_bytes };

        view_add_all(&view);
        view.record = record;
        view.delivered_whole = true;
        view.sample = (seqcast_sample){ .number = 5, .lost = 2, .bytes = view.record_bytes };
        return view;
}

static const seqcast_info info = { .record_bytes = 100, .incarnation = 3, .creator = "fuzz" };
static const seqcast_status status = { .liveness = SEQCAST_LIVE, .publisher_pid = 7, .program = "fuzz" };

static struct snapshot snapshot_of(const struct view *view)
{
        return (struct snapshot){ .name = "topic",
                                  .view = view,
                                  .info = &info,
                                  .status = &status,
                                  .timed = true,
                                  .wall_ns = INT64_C(1700000000123456789),
                                  .age_ns = 1234567 };
}

/* Field by field, as it is printed: that leaves the bits of a NaN out. */
static void check_same_record(const unsigned char *a, const unsigned char *b, int bytes_as)
{
        for (size_t i = 0; i < schema()->field_count; i++) {
                const seqcast_field *field = &schema()->fields[i];
                struct text left = TEXT_EMPTY, right = TEXT_EMPTY;

                value_print(&left, field, a + field->offset, bytes_as);
                value_print(&right, field, b + field->offset, bytes_as);
                FUZZ_CHECK(same_text(&left, &right));
                text_free(&left);
                text_free(&right);
        }
}

/* As an array, text that is no UTF-8 is shown as well as can be. */
static bool has_proper_text(const unsigned char *record)
{
        for (size_t i = 0; i < FIELDS; i++) {
                const seqcast_field *field = &schema()->fields[i];
                const unsigned char *text = record + field->offset;

                if (field_is_text(field) && !utf8_valid(text, value_text_length(field, text)))
                        return false;
        }
        return true;
}

static bool use_json(const uint8_t *data, size_t size, unsigned option)
{
        const struct value_syntax syntax = { (int)choose(&option, 3), choose(&option, 2) == 1 };
        const struct print_style style = { .bytes = syntax.bytes,
                                           .json_int = (int)choose(&option, 3),
                                           .pretty = choose(&option, 2) == 1,
                                           .envelope = choose(&option, 2) == 1 };
        char *json = allocate(size + 1, 1); /* lines are handed over with a zero byte behind them */
        struct text printed = TEXT_EMPTY;
        struct snapshot snapshot;
        unsigned char *record, *again;
        struct view view;

        memcpy(json, data, size);
        record = record_of(json, size, &syntax);
        free(json);
        if (record == NULL)
                return false;
        view = view_of(record);
        snapshot = snapshot_of(&view);
        print_json(&printed, &snapshot, &style);
        if (syntax.bytes != BYTES_AS_ARRAY || has_proper_text(record)) {
                again = record_of(printed.bytes, printed.length, &syntax);
                FUZZ_CHECK(again != NULL);
                check_same_record(record, again, syntax.bytes);
                free(again);
        }
        text_free(&printed);
        view_close(&view);
        return true;
}

/* ---- CSV ------------------------------------------------------------------------------------ */

static struct input input_of(const void *bytes, size_t size)
{
        struct input input = { .descriptor = -1, .ended = true };

        text_add(&input.buffer, bytes, size);
        return input;
}

/* The cells, quoted where they have to be; `ret_exact`: nothing in them that the end of a line would
 * change */
static struct text quoted_row(const struct csv_row *row, char separator, bool *ret_exact)
{
        struct text line = TEXT_EMPTY;
        const char *cell = NULL;
        size_t length = 0;

        *ret_exact = true;
        for (size_t i = 0; i < row->count; i++) {
                cell = csv_cell(row, cell);
                length += strlen(cell) + 1;
                FUZZ_CHECK(length <= row->cells.length);
                *ret_exact = *ret_exact && strstr(cell, "\r\n") == NULL;
                if (i > 0)
                        text_add_char(&line, separator);
                csv_quote(&line, cell, separator);
        }
        FUZZ_CHECK(length == row->cells.length);
        return line;
}

static void check_row(const struct csv_row *row, char separator)
{
        struct csv_row again = CSV_ROW_EMPTY;
        struct failure failure = { 0 };
        bool exact;
        struct text line = quoted_row(row, separator, &exact);

        text_add_char(&line, '\n');
        if (exact && line.length > 1) { /* a single cell with nothing in it is an empty line */
                struct input input = input_of(line.bytes, line.length);

                FUZZ_CHECK(csv_read(&again, &input, separator, INT64_MAX, &failure) == INPUT_READY);
                FUZZ_CHECK(again.count == row->count);
                FUZZ_CHECK(same_text(&again.cells, &row->cells));
                input_close(&input);
        }
        csv_free(&again);
        text_free(&line);
}

static bool use_csv(const uint8_t *data, size_t size, unsigned option)
{
        const char separator = ",;\t|"[choose(&option, 4)];
        struct csv_row row = CSV_ROW_EMPTY;
        struct input input = input_of(data, size);
        struct failure failure = { 0 };
        enum input_state state;
        size_t rows = 0;

        while ((state = csv_read(&row, &input, separator, INT64_MAX, &failure)) == INPUT_READY) {
                FUZZ_CHECK(++rows <= size);
                check_row(&row, separator);
        }
        FUZZ_CHECK(state == INPUT_END || state == INPUT_FAILED);
        if (state == INPUT_FAILED)
                check_failure(&failure);
        csv_free(&row);
        input_close(&input);
        return rows > 0;
}

/* ---- values --------------------------------------------------------------------------------- */

static bool use_value(const char *text, unsigned option)
{
        const struct named_field named = field_at(choose(&option, FIELDS));
        const struct value_syntax syntax = { (int)choose(&option, 3), choose(&option, 2) == 1 };
        const size_t bytes = field_size(&named.field);
        unsigned char *value = allocate(bytes, 1), *again = allocate(bytes, 1);
        struct text printed = TEXT_EMPTY, twice = TEXT_EMPTY;
        struct failure failure = { 0 };
        bool accepted = value_parse(&named, text, &syntax, value, &failure);

        if (accepted) {
                value_print(&printed, &named.field, value, syntax.bytes);
                FUZZ_CHECK(value_parse(&named, text_string(&printed), &syntax, again, &failure));
                value_print(&twice, &named.field, again, syntax.bytes);
                FUZZ_CHECK(same_text(&printed, &twice));
                FUZZ_CHECK(strstr(text_string(&printed), "nan") != NULL || memcmp(value, again, bytes) == 0);
        } else {
                check_failure(&failure);
        }
        text_free(&printed);
        text_free(&twice);
        free(value);
        free(again);
        return accepted;
}

/* ---- numbers -------------------------------------------------------------------------------- */

__extension__ typedef unsigned __int128 wide;

/* 16 or more: no digit. */
static unsigned value_of_digit(char digit)
{
        static const char digits[] = "00112233445566778899aAbBcCdDeEfF";

        return (unsigned)(strchr(digits, digit) == NULL ? 99 : (strchr(digits, digit) - digits) / 2);
}

/* As number.h says, worked out on its own. */
static enum number_state integer_of(const char *text, wide *ret_magnitude)
{
        const unsigned beyond = 65; /* bits */
        unsigned base = 10;
        wide number = 0;

        text += *text == '-' || *text == '+';
        if (text[0] == '0' && strchr("xXbB", text[1]) != NULL && text[1] != '\0') {
                base = text[1] == 'x' || text[1] == 'X' ? 16 : 2;
                text += 2;
        }
        if (*text == '\0')
                return NUMBER_BAD;
        for (; *text != '\0'; text++) {
                unsigned digit = value_of_digit(*text);

                if (digit >= base)
                        return NUMBER_BAD;
                number = number >> beyond != 0 ? number : number * base + digit;
        }
        *ret_magnitude = number;
        return number > UINT64_MAX ? NUMBER_TOO_BIG : NUMBER_OK;
}

static bool use_integer(const char *text)
{
        struct integer integer;
        wide expected = 0;
        enum number_state state = parse_integer(text, &integer);

        FUZZ_CHECK(state == integer_of(text, &expected));
        if (state != NUMBER_OK)
                return false;
        FUZZ_CHECK(integer.magnitude == expected);
        FUZZ_CHECK(integer.negative == (text[0] == '-'));
        return true;
}

static bool use_real(const char *text)
{
        double value = 0;
        float single = 0;
        struct integer integer;
        char *end;
        enum number_state state = parse_double(text, &value), single_state = parse_float(text, &single);

        FUZZ_CHECK((state == NUMBER_BAD) == (single_state == NUMBER_BAD));
        FUZZ_CHECK(single_state != NUMBER_OK || state == NUMBER_OK);
        if (state != NUMBER_OK || strpbrk(text, "bB") != NULL)
                return state == NUMBER_OK;
        FUZZ_CHECK(isnan(value) || value == strtod(text, &end));
        FUZZ_CHECK(!isinf(value) || strpbrk(text, "iI") != NULL);
        if (parse_integer(text, &integer) == NUMBER_OK)
                FUZZ_CHECK(value ==
                           (integer.negative ? -(double)integer.magnitude : (double)integer.magnitude));
        return true;
}

static bool use_quantity(const char *text)
{
        struct text printed = TEXT_EMPTY;
        uint64_t count = 0;
        int64_t ns = 0, interval = 0;
        wide digits = 0;
        bool is_count = parse_count(text, &count), is_duration = parse_duration(text, &ns);

        if (is_count) {
                for (const char *at = text; *at >= '0' && *at <= '9'; at++)
                        digits = digits * 10 + (unsigned)(*at - '0');
                FUZZ_CHECK(count >= digits && (digits == 0 || count % (uint64_t)digits == 0));
        }
        if (is_duration) {
                FUZZ_CHECK(ns >= 0);
                print_duration(&printed, ns);
                FUZZ_CHECK(printed.length > 0 && printed.length < 40);
                text_free(&printed);
        }
        if (parse_rate(text, &interval))
                FUZZ_CHECK(interval > 0);
        return is_count || is_duration;
}

/* -? (0 | [1-9] digits) [. digits] [e sign digits] */
static bool is_json_number(const char *text)
{
        size_t digits;

        text += *text == '-';
        digits = strspn(text, DIGITS);
        if (digits == 0 || (text[0] == '0' && digits > 1))
                return false;
        text += digits;
        if (*text == '.') {
                digits = strspn(text + 1, DIGITS);
                if (digits == 0)
                        return false;
                text += 1 + digits;
        }
        if (*text == 'e' || *text == 'E') {
                text++;
                text += *text == '+' || *text == '-';
                digits = strspn(text, DIGITS);
                if (digits == 0)
                        return false;
                text += digits;
        }
        return *text == '\0';
}

/* Behind JSON, a number is what it is by itself. */
static void use_json_number(const char *text)
{
        static const struct value_syntax syntax = { BYTES_AS_ARRAY, false };
        struct named_field named;
        struct text json = TEXT_EMPTY;
        double expected, got;
        unsigned char *record;

        if (!is_json_number(text) || parse_double(text, &expected) != NUMBER_OK)
                return;
        text_print(&json, "{\"y\":%s}", text);
        record = record_of(json.bytes, json.length, &syntax);
        FUZZ_CHECK(record != NULL);
        FUZZ_CHECK(find_field(schema(), "y", &named, NULL));
        memcpy(&got, record + named.field.offset, sizeof got);
        FUZZ_CHECK(memcmp(&got, &expected, sizeof got) == 0);
        free(record);
        text_free(&json);
}

static bool use_number(const char *text)
{
        bool integer = use_integer(text), real = use_real(text), quantity = use_quantity(text);

        use_json_number(text);
        return integer || real || quantity;
}

/* ---- bytes as text -------------------------------------------------------------------------- */

typedef void encode(struct text *out, const unsigned char *bytes, size_t length);
typedef bool decode(struct text *out, const char *string, size_t length);

/* @return is the input itself such a text? */
static bool use_code(encode *encoder, decode *decoder, const uint8_t *data, size_t size)
{
        struct text text = TEXT_EMPTY, bytes = TEXT_EMPTY;
        bool accepted;

        encoder(&text, data, size);
        FUZZ_CHECK(decoder(&bytes, text_string(&text), text.length));
        FUZZ_CHECK(bytes.length == size && (size == 0 || memcmp(bytes.bytes, data, size) == 0));
        text_clear(&bytes);
        accepted = decoder(&bytes, (const char *)data, size);
        FUZZ_CHECK(!accepted || bytes.length <= size);
        text_free(&text);
        text_free(&bytes);
        return accepted;
}

/* The input as a text that may hold escapes, too: its reading ends, within its length. */
static bool use_escapes(const uint8_t *data, size_t size)
{
        struct text escaped = TEXT_EMPTY, bytes = TEXT_EMPTY;
        char *text = text_string_of(data, size);
        bool hex, base64;

        escape(&escaped, data, size);
        FUZZ_CHECK(utf8_valid((const unsigned char *)text_string(&escaped), escaped.length));
        FUZZ_CHECK(escaped.length == strlen(text_string(&escaped)));
        for (size_t i = 0; i < escaped.length; i++)
                FUZZ_CHECK((unsigned char)escaped.bytes[i] >= ' ' && escaped.bytes[i] != 0x7f);
        unescape(&bytes, text_string(&escaped));
        FUZZ_CHECK(bytes.length == size && (size == 0 || memcmp(bytes.bytes, data, size) == 0));
        text_clear(&bytes);
        unescape(&bytes, text);
        FUZZ_CHECK(bytes.length <= strlen(text));
        hex = use_code(hex_encode, hex_decode, data, size);
        base64 = use_code(base64_encode, base64_decode, data, size);
        text_free(&escaped);
        text_free(&bytes);
        free(text);
        return hex || base64 || utf8_valid(data, size);
}

/* ---- conditions, templates, formats --------------------------------------------------------- */

static bool holds(struct condition *condition, enum comparison comparison, const unsigned char *bytes)
{
        condition->comparison = comparison;
        return condition_holds(condition, bytes);
}

static void check_order(struct condition *condition, const unsigned char *bytes)
{
        bool equal = holds(condition, EQUAL, bytes), less = holds(condition, LESS, bytes);
        bool greater = holds(condition, GREATER, bytes);

        FUZZ_CHECK(equal + less + greater <= 1);
        FUZZ_CHECK(equal != holds(condition, NOT_EQUAL, bytes));
        FUZZ_CHECK(holds(condition, LESS_OR_EQUAL, bytes) == (less || equal));
        FUZZ_CHECK(holds(condition, GREATER_OR_EQUAL, bytes) == (greater || equal));
}

static bool use_condition(const char *text)
{
        struct condition condition = { 0 };
        struct named_field named;
        struct failure failure = { 0 };
        bool accepted = condition_parse(&condition, text, &failure);

        accepted = accepted && find_field(schema(), condition.label, &named, &failure) &&
                   condition_bind(&condition, &named, &failure);
        if (accepted) {
                unsigned char *bytes = allocate(field_size(&named.field), 1);

                check_order(&condition, bytes);
                memset(bytes, 'm', field_size(&named.field));
                check_order(&condition, bytes);
                check_order(&condition, condition.value);
                free(bytes);
        }
        if (!accepted)
                check_failure(&failure);
        condition_free(&condition);
        return accepted;
}

static bool use_template(const char *text, unsigned option)
{
        struct template_state state = { option, -1, option };
        struct text expanded = TEXT_EMPTY;
        struct failure failure = { 0 };
        bool accepted = template_expand(&expanded, text, &state, &failure);

        if (!accepted)
                check_failure(&failure);
        else if (strchr(text, '%') == NULL)
                FUZZ_CHECK(strcmp(text_string(&expanded), text) == 0);
        text_free(&expanded);
        return accepted;
}

static bool use_format(const char *text, unsigned option)
{
        const struct print_style style = { .bytes = (int)choose(&option, 3) };
        unsigned char *record = allocate((size_t)schema()->record_bytes, 1);
        struct view view = view_of(record);
        struct print_format format;
        struct text printed = TEXT_EMPTY;
        struct failure failure = { 0 };
        bool accepted;

        memset(record, choose(&option, 2) == 0 ? 0 : 0xe5, (size_t)schema()->record_bytes);
        accepted = print_format_parse(&format, text, &failure) && print_format_bind(&format, &view, &failure);
        if (accepted) {
                struct snapshot snapshot = snapshot_of(&view);

                snapshot.timed = choose(&option, 2) == 0;
                print_formatted(&printed, &format, &snapshot, &style);
        } else {
                check_failure(&failure);
        }
        print_format_free(&format);
        text_free(&printed);
        view_close(&view);
        return accepted;
}

/* ---- the input ------------------------------------------------------------------------------ */

enum parser { JSON, CSV, VALUE, NUMBER, ESCAPES, CONDITION, TEMPLATE, FORMAT, PARSERS };

static bool use(enum parser parser, unsigned option, const uint8_t *data, size_t size)
{
        char *text = text_string_of(data, size);
        bool accepted = false;

        switch (parser) {
        case JSON:
                accepted = use_json(data, size, option);
                break;
        case CSV:
                accepted = use_csv(data, size, option);
                break;
        case VALUE:
                accepted = use_value(text, option);
                break;
        case NUMBER:
                accepted = use_number(text);
                break;
        case ESCAPES:
                accepted = use_escapes(data, size);
                break;
        case CONDITION:
                accepted = use_condition(text);
                break;
        case TEMPLATE:
                accepted = use_template(text, option);
                break;
        default:
                accepted = use_format(text, option);
                break;
        }
        free(text);
        return accepted;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        fuzz_count(size >= HEAD_BYTES &&
                   use(data[0] % PARSERS, data[1], data + HEAD_BYTES, size - HEAD_BYTES));
        return 0;
}

/* ---- making texts --------------------------------------------------------------------------- */

#define WORDS(parser, ...) static const char *const parser[] = { __VA_ARGS__ }

WORDS(json_words, "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0041", "\\ud800", "'", "null", "true",
      "false", "\"a\":1", "\"d\":-9223372036854775808", "\"h\":18446744073709551615", "\"y\":1.5e3",
      "\"x\":\"nan\"", "\"s\":\"text\"", "\"r\":[1,2,3,4,5,6]", "\"v\":[1,2,3]", "\"w\":[1.5,-0]",
      "\"w[1]\":2", "\"o\":true", "\"k\":\"\\u00e4\"", "\"$hex\":\"00ff\"",
      "{\"s\":{\"$hex\":\"00112233445566778899aabb\"}}", "{\"r\":{\"$base64\":\"AAECAwQF\"}}",
      "{\"$shm\":1,\"data\":{\"a\":7}}", "{\"a\":1,\"b\":2}", "1e", "-", "\xc3\xa4", "\xff",
      "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[");
WORDS(csv_words, ",", ";", "\t", "|", "\"", "\"\"", "\n", "\r\n", "\r", " ", "a,b,c\n", "\"x,y\"", "\"x\ny\"",
      "\"x\"y", "1,2,3\n");
WORDS(value_words, "1", ",", "1,2,3", "1.5,2.5", "true", "false", "text", "\\x41", "\\\\", "\\x",
      "00ff00ff00ff", "AAECAwQF", "=", "-", "+", "e", "1,2,3,4,5,6", "\xc3\xa4");
WORDS(number_words, "-", "+", "0x", "0b", "e", "E", "p", ".", "1", "9", "f", "K", "M", "G", "T", "s", "ms",
      "us", "ns", "min", "h", "nan(", " ");
WORDS(escape_words, "\\", "\\x", "\\x4", "\\x41", "\\\\", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
      "\xed\xa0\x80", "\xc2\x85", "\xf4\x90\x80\x80", "\x7f", "=", "==", "QUJD", "4142");
WORDS(condition_words, "a", "d", "h", "y", "s", "v", "w[1]", "q", "==", "!=", "<", "<=", ">", ">=", " ",
      "a==1", "y<nan", "s>=text", "v==1,2,3", "=");
WORDS(template_words, "%n", "%t", "%r", "%%", "%", "text", "%x");
WORDS(format_words, "%{", "}", "%{a}", "%{y:.2f}", "%{s:-8s}", "%{h:08x}", "%{@seq}", "%{@time:%H:%M:%S.%6N}",
      "%{@age_us:.3f}", "%%", "\\n", "\\", ":", "@", "%{w[1]:e}", "%{v}", "%{@state}", "%{@name:20s}", "9999",
      "-+0", "%{@time:", "%9N", "%{a:X}", "%{e:o}", "%{d:u}", "%{y:g}", "%{s:.3s}", "%{@pid}", "%{@skipped}",
      "%{@t_ns}", "%{@age_ns}", "%{@age_ms}", "%{@age_s:.1f}", "%{@program}", "%{@incarnation}", "%{c:+d}",
      "%{r}", ".9999f");

static const struct text_words languages[PARSERS] = {
#define LANGUAGE(words)                                                                                      \
        {                                                                                                    \
                words, sizeof(words) / sizeof *(words)                                                       \
        }
        LANGUAGE(json_words),   LANGUAGE(csv_words),       LANGUAGE(value_words),    LANGUAGE(number_words),
        LANGUAGE(escape_words), LANGUAGE(condition_words), LANGUAGE(template_words), LANGUAGE(format_words),
};

struct writer {
        uint8_t *data;
        size_t size, max_size;
        uint64_t *state;
};

static void put(struct writer *writer, const char *text)
{
        writer->size = text_splice(writer->data, writer->size, writer->max_size, writer->size, 0, text);
}

static void put_element(struct writer *writer, uint32_t type)
{
        char digits[24];

        snprintf(digits, sizeof digits, "%u", (unsigned)random_below(writer->state, 128));
        if (type == SEQCAST_BOOL)
                put(writer, random_below(writer->state, 2) == 0 ? "true" : "false");
        else
                put(writer,
                    random_below(writer->state, 4) == 0 ? text_boundary_number(writer->state) : digits);
}

/* What suits the field, but for numbers at which something ends. */
static void put_value(struct writer *writer, const seqcast_field *field, bool json)
{
        if (field_is_text(field)) {
                put(writer, json ? "\"" : "");
                put(writer, field->is_array ? "text\xc3\xa4" : "t");
                put(writer, json ? "\"" : "");
                return;
        }
        put(writer, json && field->is_array ? "[" : "");
        for (uint64_t i = 0; i < field->count; i++) {
                put(writer, i > 0 ? "," : "");
                put_element(writer, field->type);
        }
        put(writer, json && field->is_array ? "]" : "");
}

static void put_object(struct writer *writer)
{
        put(writer, "{");
        for (uint64_t i = random_below(writer->state, 4) + 1; i > 0; i--) {
                const struct named_field named = field_at((unsigned)random_below(writer->state, FIELDS));

                put(writer, "\"");
                put(writer, named.label);
                put(writer, "\":");
                put_value(writer, &named.field, true);
                put(writer, i > 1 ? "," : "}");
        }
}

/* Hex, which is base64 as well. */
static void put_bytes(struct writer *writer)
{
        for (uint64_t i = random_below(writer->state, 5); i > 0; i--)
                put(writer, "00ffAb12");
}

static void put_condition(struct writer *writer)
{
        static const char *const signs[] = { "==", " != ", "<", "<=", ">", ">=" };
        const struct named_field named = field_at((unsigned)random_below(writer->state, FIELDS));

        put(writer, named.label);
        put(writer, signs[random_below(writer->state, 6)]);
        put_value(writer, &named.field, false);
}

static void put_number(struct writer *writer)
{
        static const char *const units[] = { "", "", "", "K", "T", "s", "ms", "min", "h" };

        put(writer, text_boundary_number(writer->state));
        put(writer, units[random_below(writer->state, 9)]);
}

/* An input that this parser may well accept, or some words of its language. */
static void put_input(struct writer *writer, enum parser parser, unsigned option)
{
        bool words = random_below(writer->state, 4) == 0;
        const struct named_field named = field_at(choose(&option, FIELDS));

        if (parser == JSON && !words)
                put_object(writer);
        else if (parser == VALUE && !words && field_is_bytes(&named.field, (int)choose(&option, 3)))
                put_bytes(writer);
        else if (parser == VALUE && !words)
                put_value(writer, &named.field, false);
        else if (parser == NUMBER && !words)
                put_number(writer);
        else if (parser == CONDITION && !words)
                put_condition(writer);
        else
                writer->size = text_new(writer->data, writer->max_size, writer->state, &languages[parser]);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
        uint64_t state = seed + UINT64_C(0x9e3779b97f4a7c15);
        struct writer writer = { data + HEAD_BYTES, 0, max_size - HEAD_BYTES, &state };
        enum parser parser;

        if (max_size < 4 * HEAD_BYTES)
                return size;
        random_next(&state);
        if (size < HEAD_BYTES || random_below(&state, 3) == 0) {
                data[0] = (uint8_t)random_below(&state, PARSERS);
                data[1] = (uint8_t)random_next(&state);
                put_input(&writer, data[0], data[1]);
        } else {
                writer.size = size - HEAD_BYTES;
        }
        parser = data[0] % PARSERS;
        if (random_below(&state, 8) == 0)
                data[1] = (uint8_t)random_next(&state);
        for (uint64_t i = random_below(&state, 3); i > 0; i--)
                writer.size =
                        text_mutate(writer.data, writer.size, writer.max_size, &state, &languages[parser]);
        return HEAD_BYTES + writer.size;
}

#endif
