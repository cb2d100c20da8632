/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* criterion.h has what there is of it. */
#include <criterion/criterion.h>
