/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Other people's layouts, made again here, and their owners, who write one step at a time. Before each load
 * of the reader stands intrude(), which lets the owner go on. As the reader stores nothing, all orders of its
 * loads and his stores are all that can happen where loads stay in order and stores do, as on x86-64. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "seqcast/copy.h"

static void intrude(void);

static uint64_t load_32_as_shipped(const _Atomic(uint32_t) *word, memory_order order)
{
        return atomic_load_explicit(word, order);
}

static uint64_t load_64_as_shipped(const seqcast_word *word, memory_order order)
{
        return atomic_load_explicit(word, order);
}

#define COPIED_AT_ONCE ((size_t)8)

static void copy_with_intrusions(void *to, const seqcast_word *words, uint64_t offset, size_t bytes)
{
        for (size_t done = 0; done < bytes; done += COPIED_AT_ONCE) {
                intrude();
                seqcast_copy_load((unsigned char *)to + done, words, offset + done,
                                  bytes - done < COPIED_AT_ONCE ? bytes - done : COPIED_AT_ONCE);
        }
}

#undef atomic_load_explicit
#define atomic_load_explicit(word, order)                                                                    \
        (intrude(), sizeof *(word) == 4 ? load_32_as_shipped((const void *)(word), order)                    \
                                        : load_64_as_shipped((const void *)(word), order))
#define seqcast_copy_load copy_with_intrusions
#include "seqcast/foreign.h"

#include "../support/guard.h"
#include "../support/record.h"

#define RECORD_BYTES 24u

/* ---- the layouts --------------------------------------------------------------------------- */

/* Fields are in the order and of the width that their owners' headers give them; in the place of those that
 * are guarded stand RECORD_BYTES bytes. */

struct gpsd_export { /* gpsd: struct shmexport_t */
        int bookend1;
        unsigned char data[RECORD_BYTES];
        int bookend2;
};

struct rfactor_buffer { /* rF2SharedMemoryMapPlugin: each of its buffers */
        uint32_t version_update_begin, version_update_end;
        int32_t bytes_updated_hint;
        unsigned char data[RECORD_BYTES];
};

struct ntp_shm { /* ntpd, gpsd and chrony: struct shmTime. The data: from clockTimeStampSec on */
        int mode;
        volatile int count;
        unsigned char data[RECORD_BYTES];
        int receive_us, leap, precision, samples;
        volatile int valid;
        unsigned clock_ns, receive_ns;
        int dummy[8];
};

struct pvclock { /* Linux: struct pvclock_vcpu_time_info. The data: from tsc_timestamp on */
        uint32_t version, pad;
        unsigned char data[RECORD_BYTES];
};

struct vmclock { /* Linux: struct vmclock_abi. The data: from disruption_marker on */
        uint32_t magic, size;
        uint16_t version;
        uint8_t counter_id, time_type;
        uint32_t seq_count;
        unsigned char data[RECORD_BYTES];
};

struct even_odd_64 { /* PipeWire's SPA_SEQ: a word anywhere. Its neighbour is not aligned */
        unsigned char tag;
        unsigned char data[RECORD_BYTES];
        uint64_t sequence;
};

_Static_assert(offsetof(struct rfactor_buffer, data) == 12, "as its readers in other languages have it");
_Static_assert(offsetof(struct ntp_shm, valid) == 48, "as it is where time_t has 64 bits");
_Static_assert(sizeof(struct pvclock) == 32 && offsetof(struct pvclock, data) == 8, "the hypervisor's");
_Static_assert(offsetof(struct vmclock, seq_count) == 12 && offsetof(struct vmclock, data) == 16, "likewise");

static union {
        struct gpsd_export gpsd;
        struct rfactor_buffer rfactor;
        struct ntp_shm ntp;
        struct pvclock pvclock;
        struct vmclock vmclock;
        struct even_odd_64 even_odd_64;
} * shared;

struct layout {
        const char *name;
        size_t bytes, data;                   /* where the data lies */
        struct seqcast_foreign (*find)(void); /* its words, in `shared` */
        unsigned steps;                       /* of one publication */
        void (*step)(uint64_t number, unsigned step);
        uint64_t (*count)(uint64_t number); /* what the counter is when publication `number` is done */
        bool count_first;                   /* it moves for the next one while that is still whole */
};

static unsigned char *data_of(const struct layout *layout)
{
        return (unsigned char *)shared + layout->data;
}

/* Steps 0, 1, 2: a third of the record each. */
static void store_third(unsigned char *data, uint64_t number, unsigned third)
{
        unsigned char record[RECORD_BYTES];

        record_fill(record, sizeof record, number);
        memcpy(data + third * RECORD_BYTES / 3, record + third * RECORD_BYTES / 3, RECORD_BYTES / 3);
}

static struct seqcast_foreign find_gpsd(void)
{
        return seqcast_foreign_bookends(&shared->gpsd.bookend2, &shared->gpsd.bookend1, 4);
}

static void step_gpsd(uint64_t number, unsigned step)
{
        if (step == 0)
                shared->gpsd.bookend2 = (int)number;
        else if (step == 4)
                shared->gpsd.bookend1 = (int)number;
        else
                store_third(shared->gpsd.data, number, step - 1);
}

static struct seqcast_foreign find_rfactor(void)
{
        return seqcast_foreign_bookends(&shared->rfactor.version_update_begin,
                                        &shared->rfactor.version_update_end, 4);
}

static void step_rfactor(uint64_t number, unsigned step)
{
        if (step == 0)
                shared->rfactor.version_update_begin++;
        else if (step == 4)
                shared->rfactor.version_update_end++;
        else
                store_third(shared->rfactor.data, number, step - 1);
}

static struct seqcast_foreign find_ntp(void)
{
        return seqcast_foreign_count_valid(&shared->ntp.count, &shared->ntp.valid, 4);
}

static void step_ntp(uint64_t number, unsigned step, const char *steps)
{
        switch (steps[step]) {
        case '0':
        case '1':
                shared->ntp.valid = steps[step] - '0';
                break;
        case '+':
                shared->ntp.count++;
                break;
        default: /* a third of the data */
                store_third(shared->ntp.data, number, (unsigned)(steps[step] - 'a'));
        }
}

static void step_gpsd_for_ntp(uint64_t number, unsigned step)
{
        step_ntp(number, step, "0+abc+1");
}

static void step_linuxptp(uint64_t number, unsigned step)
{
        step_ntp(number, step, "+0abc+1");
}

static void step_radioclkd(uint64_t number, unsigned step)
{
        step_ntp(number, step, "0abc+1");
}

static void step_even_odd_32(uint32_t *counter, unsigned char *data, uint64_t number, unsigned step)
{
        if (step == 0 || step == 4)
                ++*counter;
        else
                store_third(data, number, step - 1);
}

static struct seqcast_foreign find_pvclock(void)
{
        return seqcast_foreign_even_odd(&shared->pvclock.version, 4);
}

static void step_pvclock(uint64_t number, unsigned step)
{
        step_even_odd_32(&shared->pvclock.version, shared->pvclock.data, number, step);
}

static struct seqcast_foreign find_vmclock(void)
{
        return seqcast_foreign_even_odd(&shared->vmclock.seq_count, 4);
}

static void step_vmclock(uint64_t number, unsigned step)
{
        step_even_odd_32(&shared->vmclock.seq_count, shared->vmclock.data, number, step);
}

static struct seqcast_foreign find_even_odd_64(void)
{
        return seqcast_foreign_even_odd(&shared->even_odd_64.sequence, 8);
}

static void step_even_odd_64(uint64_t number, unsigned step)
{
        if (step == 0 || step == 4)
                shared->even_odd_64.sequence++;
        else
                store_third(shared->even_odd_64.data, number, step - 1);
}

static uint64_t once(uint64_t number)
{
        return number;
}

static uint64_t twice(uint64_t number)
{
        return 2 * number;
}

enum { GPSD, RFACTOR, NTP, LINUXPTP, RADIOCLKD, PVCLOCK, VMCLOCK, EVEN_ODD_64 };

#define DATA_OF(type) sizeof(struct type), offsetof(struct type, data)

static const struct layout layouts[] = {
        [GPSD] = { "gpsd", DATA_OF(gpsd_export), find_gpsd, 5, step_gpsd, once, false },
        [RFACTOR] = { "rFactor 2", DATA_OF(rfactor_buffer), find_rfactor, 5, step_rfactor, once, false },
        [NTP] = { "NTP, gpsd", DATA_OF(ntp_shm), find_ntp, 7, step_gpsd_for_ntp, twice, false },
        [LINUXPTP] = { "NTP, linuxptp", DATA_OF(ntp_shm), find_ntp, 7, step_linuxptp, twice, true },
        [RADIOCLKD] = { "NTP, radioclkd", DATA_OF(ntp_shm), find_ntp, 6, step_radioclkd, once, false },
        [PVCLOCK] = { "pvclock", DATA_OF(pvclock), find_pvclock, 5, step_pvclock, twice, false },
        [VMCLOCK] = { "VMClock", DATA_OF(vmclock), find_vmclock, 5, step_vmclock, twice, false },
        [EVEN_ODD_64] = { "even and odd, 64 bits", DATA_OF(even_odd_64), find_even_odd_64, 5,
                          step_even_odd_64, twice, false },
};

#define EACH_LAYOUT(layout)                                                                                  \
        const struct layout *layout = layouts;                                                               \
        layout < layouts + sizeof layouts / sizeof *layouts;                                                 \
        layout++

/* ---- the owner, and the reader that he disturbs ---------------------------------------------- */

#define INTRUSIONS_MAX 8u

static struct {
        const struct layout *layout;
        unsigned steps_done;
        unsigned steps_before_load[INTRUSIONS_MAX]; /* of the owner, before each load of the reader */
        unsigned loads;                             /* so far */
        bool restless;                              /* before every load, one publication whole */
} owner;

static void go_on(unsigned steps)
{
        for (; steps != 0; steps--, owner.steps_done++)
                owner.layout->step(1 + owner.steps_done / owner.layout->steps,
                                   owner.steps_done % owner.layout->steps);
}

static void intrude(void)
{
        if (owner.restless)
                go_on(owner.layout->steps);
        else if (owner.loads < INTRUSIONS_MAX)
                go_on(owner.steps_before_load[owner.loads]);
        owner.loads++;
}

static struct guard memory;

static void begin(const struct layout *layout, uint64_t publications)
{
        if (memory.base == NULL)
                memory = guard_new(sizeof *shared);
        memset(memory.base, 0, memory.bytes);
        /* As near to the end as alignment allows: a load beyond it faults. */
        shared = guard_at_end(&memory, (layout->bytes + 7) / 8 * 8);
        memset(&owner, 0, sizeof owner);
        owner.layout = layout;
        go_on((unsigned)publications * layout->steps);
}

static uint64_t publications_done(void)
{
        return owner.steps_done / owner.layout->steps;
}

static unsigned char record[RECORD_BYTES];
static uint64_t count;

static int read_record(void)
{
        struct seqcast_foreign foreign = owner.layout->find();

        return seqcast_foreign_read(&foreign, record, data_of(owner.layout), RECORD_BYTES, &count);
}

/* One attempt. */
static enum seqcast_state try_record(void)
{
        struct seqcast_foreign foreign = owner.layout->find();
        enum seqcast_state state = seqcast_foreign_begin(&foreign, &count);

        if (state != SEQCAST_OK)
                return state;
        seqcast_foreign_copy(record, data_of(owner.layout), RECORD_BYTES);
        return seqcast_foreign_whole(&foreign, count) ? SEQCAST_OK : SEQCAST_BUSY;
}

/* ---- the tests ----------------------------------------------------------------------------- */

Test(foreign, delivers_what_was_written_last_and_its_count)
{
        for (EACH_LAYOUT(layout)) {
                for (uint64_t number = 1; number < 5; number++) {
                        begin(layout, number);
                        cr_assert(eq(int, read_record(), SEQCAST_OK), "%s", layout->name);
                        cr_assert(record_check(record, RECORD_BYTES, number), "%s", layout->name);
                        cr_assert(eq(u64, count, layout->count(number)), "%s", layout->name);
                }
        }
}

Test(foreign, reads_where_it_may_not_write)
{
        for (EACH_LAYOUT(layout)) {
                begin(layout, 1);
                guard_protect(&memory, PROT_READ);
                cr_assert(eq(int, read_record(), SEQCAST_OK), "%s", layout->name);
                guard_protect(&memory, PROT_READ | PROT_WRITE);
        }
}

Test(foreign, the_count_may_be_of_no_interest_and_the_data_of_no_length)
{
        for (EACH_LAYOUT(layout)) {
                struct seqcast_foreign foreign;

                begin(layout, 1);
                foreign = layout->find();
                memset(record, 0xee, sizeof record);
                cr_assert(eq(int, seqcast_foreign_read(&foreign, record, data_of(layout), 0, NULL),
                             SEQCAST_OK));
                cr_assert(eq(u8, record[0], 0xee));
        }
}

Test(foreign, what_is_guarded_may_lie_on_both_sides_of_the_word_that_guards_it)
{
        struct seqcast_foreign foreign;
        struct ntp_shm got;
        size_t behind = offsetof(struct ntp_shm, dummy) - offsetof(struct ntp_shm, data);

        begin(&layouts[NTP], 3);
        shared->ntp.clock_ns = 123456789;
        shared->ntp.receive_ns = 987654321;
        foreign = find_ntp();
        cr_assert(eq(int, seqcast_foreign_read(&foreign, got.data, shared->ntp.data, behind, NULL),
                     SEQCAST_OK));
        cr_assert(record_check(got.data, RECORD_BYTES, 3));
        cr_assert(eq(int, got.valid, 1));
        cr_assert(eq(uint, got.clock_ns, 123456789));
        cr_assert(eq(uint, got.receive_ns, 987654321));
}

Test(foreign, any_part_of_the_data_is_copied_and_nothing_more)
{
        for (EACH_LAYOUT(layout)) {
                struct seqcast_foreign foreign;

                begin(layout, 3);
                foreign = layout->find();
                for (size_t offset = 0; offset <= RECORD_BYTES; offset++) {
                        for (size_t bytes = 0; bytes <= RECORD_BYTES - offset; bytes++) {
                                memset(record, 0xee, sizeof record);
                                cr_assert(eq(int,
                                             seqcast_foreign_read(&foreign, record, data_of(layout) + offset,
                                                                  bytes, &count),
                                             SEQCAST_OK));
                                cr_assert(record_check_part(record, offset, bytes, 3), "%s: %zu bytes at %zu",
                                          layout->name, bytes, offset);
                                if (bytes < RECORD_BYTES)
                                        cr_assert(eq(u8, record[bytes], 0xee));
                        }
                }
        }
}

Test(foreign, nothing_is_delivered_while_the_owner_stands_in_mid_write)
{
        for (EACH_LAYOUT(layout)) {
                for (unsigned step = layout->count_first ? 2 : 1; step < layout->steps; step++) {
                        int r;

                        begin(layout, 2);
                        go_on(step);
                        count = 77;
                        r = read_record();
                        cr_assert(eq(int, r, layout->find().valid != NULL ? SEQCAST_NONE : SEQCAST_BUSY),
                                  "%s, step %u", layout->name, step);
                        cr_assert(eq(u64, count, 77), "%s: nothing was delivered", layout->name);
                }
        }
}

/* All ways to share out `steps` steps of the owner, or fewer, among the loads of one attempt. */
static unsigned long delivered, thrown_away;

static void check_attempt(const struct layout *layout, uint64_t publications, const unsigned *schedule)
{
        unsigned disturbances = 0;
        enum seqcast_state state;

        begin(layout, publications);
        memcpy(owner.steps_before_load, schedule, sizeof owner.steps_before_load);
        state = try_record();
        for (unsigned i = 0; i < owner.loads && i < INTRUSIONS_MAX; i++)
                disturbances += schedule[i];
        if (state != SEQCAST_OK) {
                cr_assert(disturbances != 0, "%s: a reader that was left alone gets its record",
                          layout->name);
                thrown_away++;
                return;
        }
        delivered++;
        for (uint64_t number = publications; number <= publications_done(); number++)
                if (count - layout->count(number) <= layout->count_first &&
                    record_check(record, RECORD_BYTES, number))
                        return;
        cr_assert(false, "%s: a torn copy, owner's steps before each load: %u %u %u %u %u %u %u",
                  layout->name, schedule[0], schedule[1], schedule[2], schedule[3], schedule[4], schedule[5],
                  schedule[6]);
}

static void check_all_schedules(const struct layout *layout, unsigned *schedule, unsigned load,
                                unsigned loads, unsigned steps)
{
        if (load == loads) {
                check_attempt(layout, 1, schedule);
                return;
        }
        for (schedule[load] = 0; schedule[load] <= steps; schedule[load]++)
                check_all_schedules(layout, schedule, load + 1, loads, steps - schedule[load]);
        schedule[load] = 0;
}

Test(foreign, no_order_of_the_owners_stores_and_the_readers_loads_gives_a_torn_copy, .timeout = 300)
{
        for (EACH_LAYOUT(layout)) {
                unsigned schedule[INTRUSIONS_MAX] = { 0 };
                unsigned loads;

                begin(layout, 1);
                cr_assert(eq(int, (int)try_record(), SEQCAST_OK));
                loads = owner.loads;
                cr_assert(le(uint, loads, INTRUSIONS_MAX));
                delivered = thrown_away = 0;
                check_all_schedules(layout, schedule, 0, loads, 2 * layout->steps + 1);
                cr_log_info("%s: %lu orders, %lu copies whole, %lu thrown away", layout->name,
                            delivered + thrown_away, delivered, thrown_away);
                cr_assert(gt(ulong, delivered, 0));
                cr_assert(gt(ulong, thrown_away, 0));
        }
}

Test(foreign, an_owner_who_never_pauses_is_given_up)
{
        for (EACH_LAYOUT(layout)) {
                unsigned loads;

                begin(layout, 1);
                cr_assert(eq(int, (int)try_record(), SEQCAST_OK));
                loads = owner.loads;
                begin(layout, 1);
                owner.restless = true;
                cr_assert(eq(int, read_record(), SEQCAST_BUSY), "%s", layout->name);
                cr_assert(eq(uint, owner.loads, loads * SEQCAST_FOREIGN_ATTEMPTS_MAX), "%s", layout->name);
        }
}

Test(foreign, an_owner_who_stands_still_is_given_up)
{
        begin(&layouts[EVEN_ODD_64], 1);
        go_on(1);
        cr_assert(eq(int, read_record(), SEQCAST_BUSY));
        cr_assert(eq(uint, owner.loads, SEQCAST_FOREIGN_ATTEMPTS_MAX), "an odd count is not copied behind");
}

Test(foreign, the_next_attempt_succeeds_when_the_owner_rests)
{
        for (EACH_LAYOUT(layout)) {
                begin(layout, 1);
                owner.steps_before_load[3] = layout->steps; /* in mid-copy */
                cr_assert(eq(int, read_record(), SEQCAST_OK), "%s", layout->name);
                cr_assert(record_check(record, RECORD_BYTES, 2), "%s", layout->name);
                cr_assert(eq(u64, count, layout->count(2)), "%s", layout->name);
        }
}

Test(foreign, a_sample_that_was_taken_by_somebody_else_is_none)
{
        begin(&layouts[NTP], 3);
        shared->ntp.valid = 0; /* what ntpd does with what it has used */
        cr_assert(eq(int, read_record(), SEQCAST_NONE));
        cr_assert(eq(uint, owner.loads, 2), "nothing was copied");
        shared->ntp.count++;
        go_on(layouts[NTP].steps);
        cr_assert(eq(int, read_record(), SEQCAST_OK));
        cr_assert(eq(u64, count, 9), "it is odd, and the record is whole");
        cr_assert(record_check(record, RECORD_BYTES, 4));
}

Test(foreign, counters_come_round)
{
        begin(&layouts[GPSD], 1);
        shared->gpsd.bookend1 = shared->gpsd.bookend2 = -1;
        cr_assert(eq(int, read_record(), SEQCAST_OK));
        cr_assert(eq(u64, count, UINT32_MAX), "not more than the width says");
        shared->gpsd.bookend2 = 0;
        cr_assert(eq(int, read_record(), SEQCAST_BUSY));
        shared->gpsd.bookend1 = 0;
        cr_assert(eq(int, read_record(), SEQCAST_OK));
        begin(&layouts[EVEN_ODD_64], 1);
        shared->even_odd_64.sequence = (uint64_t)1 << 32; /* only the upper half differs from 0 */
        cr_assert(eq(int, read_record(), SEQCAST_OK));
        cr_assert(eq(u64, count, (uint64_t)1 << 32));
}

Test(foreign, words_that_guard_nothing_are_refused)
{
        static const seqcast_word words[2];
        const struct seqcast_foreign useless[] = {
                seqcast_foreign_even_odd(NULL, 8),
                seqcast_foreign_bookends(NULL, words, 8),
                seqcast_foreign_bookends(words, NULL, 8),
                seqcast_foreign_bookends(words, words, 8),
                seqcast_foreign_count_valid(NULL, words, 8),
                seqcast_foreign_count_valid(words, NULL, 8),
                seqcast_foreign_count_valid(words, words, 8),
        };

        for (size_t i = 0; i < sizeof useless / sizeof *useless; i++)
                cr_assert(eq(int, seqcast_foreign_read(&useless[i], record, words, 8, &count), -EINVAL),
                          "%zu", i);
}

Test(foreign, words_that_cannot_be_loaded_at_once_are_refused)
{
        static const size_t bad_widths[] = { 0, 1, 2, 3, 5, 6, 7, 9, 16 };
        static _Alignas(8) unsigned char words[24];
        struct seqcast_foreign foreign;

        for (size_t i = 0; i < sizeof bad_widths / sizeof *bad_widths; i++) {
                foreign = seqcast_foreign_even_odd(words, bad_widths[i]);
                cr_assert(eq(int, seqcast_foreign_read(&foreign, record, words, 8, &count), -EINVAL));
        }
        for (size_t width = 4; width <= 8; width += 4) {
                for (size_t off = 1; off < width; off++) {
                        foreign = seqcast_foreign_bookends(words + off, words + width, width);
                        cr_assert(eq(int, seqcast_foreign_read(&foreign, record, words, 8, &count), -EINVAL));
                        foreign = seqcast_foreign_bookends(words, words + width + off, width);
                        cr_assert(eq(int, seqcast_foreign_read(&foreign, record, words, 8, &count), -EINVAL));
                        foreign = seqcast_foreign_count_valid(words, words + off, width);
                        cr_assert(eq(int, seqcast_foreign_read(&foreign, record, words, 8, &count), -EINVAL));
                }
                foreign = seqcast_foreign_bookends(words, words + width, width);
                cr_assert(eq(int, seqcast_foreign_read(&foreign, record, words, 8, &count), SEQCAST_OK));
        }
}
