/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The library's way to re-attach, compiled into this program, where what was defined before may spoil it. */

#ifdef URCU
#include "../../../src/handle/reattach_urcu.c"
#else
#include "../../../src/handle/reattach_plain.c"
#endif
