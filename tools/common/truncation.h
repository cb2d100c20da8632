/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* If somebody truncates a segment, everybody who has it mapped gets SIGBUS. The library leaves that
 * to its user; the tools end with E_DAMAGED and a message. */

#ifndef SEQCAST_TOOLS_TRUNCATION_H
#define SEQCAST_TOOLS_TRUNCATION_H

#include <stdint.h>

#include "common/report.h"

/** For the segment just opened, whose header says `segment_bytes`. */
void guard_against_truncation(const struct reporter *reporter, uint64_t segment_bytes);

#endif
