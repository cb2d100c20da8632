/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The copies in C, whatever the kernels do here. */

#include <criterion/criterion.h>

#define SEQCAST_COPY_WORDS

#include "test_copy.c"
