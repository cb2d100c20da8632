/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Signals, and sleeping so that none is missed: SIGHUP, SIGINT, SIGQUIT and SIGTERM ask the tool to stop,
 * SIGPIPE kills, SIGBUS (somebody truncated the segment) ends it with a message prepared beforehand. */

#ifndef SEQCAST_TOOLS_STOP_H
#define SEQCAST_TOOLS_STOP_H

#include <stdbool.h>
#include <stdint.h>

/** Install the handlers. SIGHUP, SIGINT and SIGQUIT stay ignored if they were. */
void stop_prepare(void);

/** For children that their parent stops: do not hear what asks to stop. */
void stop_ignore(void);

/** Has one of the signals that ask to stop come? */
bool stop_requested(void);

enum wait_result { WAIT_TIME, WAIT_INPUT, WAIT_STOP };

/** Sleep until a deadline (clock_now()), until `descriptor` (-1: none) has input, or until told to
 *  stop. */
enum wait_result stop_wait(int descriptor, int64_t deadline);

/** The same for who prints: die as in stop_if_reader_is_gone() at the moment that it is. */
enum wait_result stop_wait_printing(int descriptor, int64_t deadline);

/** If a signal asked to stop: die by it, so that shells and supervisors see why we ended. */
void stop_reraise(void);

/** If standard output is a pipe that nobody reads any more: die by SIGPIPE, as a write would. */
void stop_if_reader_is_gone(void);

/** From now on, SIGBUS writes this to standard error and exits. */
void stop_on_sigbus(const char *message, int exit_code);

#endif
