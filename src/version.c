/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* The version of the library that runs; the numbers stand in seqcast.h alone. */

#include "seqcast.h"

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

unsigned seqcast_library_version(void)
{
        return SEQCAST_VERSION_NUMBER;
}

const char *seqcast_library_version_string(void)
{
        return TEXT(SEQCAST_VERSION_MAJOR) "." TEXT(SEQCAST_VERSION_MINOR) "." TEXT(SEQCAST_VERSION_PATCH);
}
