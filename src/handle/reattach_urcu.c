/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* With liburcu, flavour bp, which asks no thread to register: the mapping is a pointer, readers hold the
 * read-side lock while they use what it points to, and the old one is unmapped after a grace period. A
 * grace period may take 10 ms while readers are preempted, so old mappings of little memory are collected
 * first. No call_rcu(): it starts a thread in a process that is not ours. */

#include "handle/reattach.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu/urcu-bp.h>

#include "platform/memory.h"
#include "platform/sanitizer.h"

#define COLLECTED_MAX 32u
#define COLLECTED_BYTES_MAX (UINT64_C(1) << 20)

struct place {
        struct seqcast__mapping mapping;
        uint64_t generation;
};

struct seqcast__reattach {
        _Atomic(struct place *) present;
        struct place *collected[COLLECTED_MAX]; /* replaced; some reader may still be there */
        size_t collected_count;
        uint64_t collected_bytes;
        char leaves; /* what is before the end of a grace period, for ThreadSanitizer */
};

/* Without these, a grace period in a child of fork() waits for readers that exist in the parent only. */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void register_fork_handlers(void)
{
        pthread_atfork(urcu_bp_before_fork, urcu_bp_after_fork_parent, urcu_bp_after_fork_child);
}

static struct place *new_place(const struct seqcast__segment *segment, uint64_t generation)
{
        struct place *place = malloc(sizeof *place);

        if (place != NULL)
                *place = (struct place){ seqcast__mapping_of(segment), generation };
        return place;
}

static void free_place(struct place *place)
{
        seqcast__memory_unmap(place->mapping.base, place->mapping.bytes);
        free(place);
}

static void free_collected(struct seqcast__reattach *reattach)
{
        urcu_bp_synchronize_rcu();
        SEQCAST__TSAN_ACQUIRE(&reattach->leaves);
        for (size_t i = 0; i < reattach->collected_count; i++) {
                close(reattach->collected[i]->mapping.fd);
                free_place(reattach->collected[i]);
        }
        reattach->collected_count = 0;
        reattach->collected_bytes = 0;
}

int seqcast__reattach_open(struct seqcast__segment *segment, struct seqcast__reattach **ret_reattach)
{
        struct seqcast__reattach *reattach = calloc(1, sizeof *reattach);
        struct place *place = new_place(segment, 0);

        pthread_once(&once, register_fork_handlers);
        if (reattach == NULL || place == NULL) {
                free(reattach);
                free(place);
                return -ENOMEM;
        }
        atomic_init(&reattach->present, place);
        *ret_reattach = reattach;
        return 0;
}

void seqcast__reattach_close(struct seqcast__reattach *reattach, struct seqcast__segment *segment)
{
        free_collected(reattach);
        free_place(atomic_load_explicit(&reattach->present, memory_order_relaxed));
        free(reattach);
        segment->base = NULL;
}

bool seqcast__reattach_enter(struct seqcast__reattach *reattach, struct seqcast__visit *ret_visit)
{
        const struct place *place;

        urcu_bp_read_lock();
        place = atomic_load_explicit(&reattach->present, memory_order_acquire); /* U1 pairs with U2 */
        *ret_visit = (struct seqcast__visit){ &place->mapping, place->generation, 0 };
        return true;
}

bool seqcast__reattach_leave(struct seqcast__reattach *reattach, const struct seqcast__visit *visit)
{
        (void)visit;
        SEQCAST__TSAN_RELEASE(&reattach->leaves);
        urcu_bp_read_unlock();
        return true;
}

uint64_t seqcast__reattach_generation(const struct seqcast__reattach *reattach)
{
        return atomic_load_explicit(&reattach->present, memory_order_relaxed)->generation;
}

int seqcast__reattach_replace(struct seqcast__reattach *reattach, struct seqcast__segment *present,
                              struct seqcast__segment *fresh)
{
        struct place *old = atomic_load_explicit(&reattach->present, memory_order_relaxed);
        struct place *place = new_place(fresh, old->generation + 1);

        if (place == NULL)
                return -ENOMEM;
        atomic_store_explicit(&reattach->present, place, memory_order_release); /* U2 pairs with U1 */
        seqcast_schema_free(fresh->schema);
        fresh->schema = present->schema;
        *present = *fresh;
        *fresh = (struct seqcast__segment){ .fd = -1 };
        reattach->collected[reattach->collected_count++] = old;
        reattach->collected_bytes += old->mapping.bytes;
        if (reattach->collected_count == COLLECTED_MAX || reattach->collected_bytes > COLLECTED_BYTES_MAX)
                free_collected(reattach);
        return 0;
}
