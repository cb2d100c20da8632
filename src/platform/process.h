/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Who we are, and what happens to us at fork(). */

#ifndef SEQCAST_SRC_PLATFORM_PROCESS_H
#define SEQCAST_SRC_PLATFORM_PROCESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** This program's name, cut to fit, the rest of the buffer zero. */
void seqcast__process_name(char *ret_name, size_t capacity);

/** The kernel's random id of this boot; zeros if there is none. */
void seqcast__process_boot_id(uint8_t ret_id[16]);

/** Never 0. */
uint64_t seqcast__process_random(void);

/** Is this uid the one that stands for all users that our user namespace does not map? Such an owner
 *  is nobody we know, even where it equals our own uid. */
bool seqcast__process_is_overflow_uid(uid_t uid);

/* An open-file lock lives as long as any child of fork() has the descriptor or the mapping, and the
 * parent would never look dead. So that no fork() of another thread comes between opening and
 * guarding, or between mapping and marking, both are done while forks are held. */
void seqcast__process_hold_forks(void);
void seqcast__process_release_forks(void);

/** While forks are held: have the child of every fork() from now on close `fd` and zero `*flag`.
 *  @return 0; -ENOMEM */
int seqcast__process_guard_fork(int fd, uint32_t *flag);

/** End that, for this descriptor. */
void seqcast__process_unguard_fork(int fd);

/** Move a descriptor that has just been opened to a number above 2, so that no stray message to a closed
 *  stderr lands in it. @return the descriptor; -errno, also if `fd` is -1: of the call that has failed */
int seqcast__process_move_above_stderr(int fd);

/** A mutex that nobody else holds at the moment of a fork(), so that the child can go on with it. */
struct seqcast__process_mutex {
        struct seqcast__process_mutex *next;
        pthread_mutex_t *mutex;
};
void seqcast__process_hold_at_fork(struct seqcast__process_mutex *entry, pthread_mutex_t *mutex);
void seqcast__process_forget_at_fork(struct seqcast__process_mutex *entry);

#endif
