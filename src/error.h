/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Failing with a reason: the code goes to the caller, the sentence into the caller's seqcast_detail. */

#ifndef SEQCAST_SRC_ERROR_H
#define SEQCAST_SRC_ERROR_H

#include "seqcast.h"

/** A failed call's reason, `why`, goes to the caller; where nobody has given one, the error in general. */
void seqcast__give_reason(seqcast_detail *ret_detail, const seqcast_detail *why, int error);

/** Write the sentence, if `ret_detail` is not NULL. @return `error`, so that one can `return` this */
int seqcast__fail(seqcast_detail *ret_detail, int error, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#endif
