/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Signals, and sleeping so that none is missed. */

#include "common/stop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/number.h"

static volatile sig_atomic_t stop_signal;

static char sigbus_message[2048];
static volatile sig_atomic_t sigbus_exit_code = 1;

static void note_stop(int signal)
{
        stop_signal = signal;
}

static void end_by_sigbus(int signal)
{
        (void)signal;
        ssize_t written = write(STDERR_FILENO, sigbus_message, strlen(sigbus_message));
        (void)written;
        _exit(sigbus_exit_code);
}

static void handle(int signal, void (*handler)(int))
{
        struct sigaction action;
        memset(&action, 0, sizeof(action));
        action.sa_handler = handler;
        sigemptyset(&action.sa_mask);
        sigaction(signal, &action, NULL);
}

void stop_prepare(void)
{
        struct sigaction before;
        if (sigaction(SIGINT, NULL, &before) != 0 || before.sa_handler != SIG_IGN)
                handle(SIGINT, note_stop); /* shells ignore it for jobs in the background; so do we */
        handle(SIGTERM, note_stop);
        handle(SIGPIPE, SIG_DFL);
}

bool stop_requested(void)
{
        return stop_signal != 0;
}

void stop_on_sigbus(const char *message, int exit_code)
{
        handle(SIGBUS, SIG_DFL); /* the message is never half of one and half of another */
        snprintf(sigbus_message, sizeof(sigbus_message), "%s", message);
        sigbus_exit_code = exit_code;
        handle(SIGBUS, end_by_sigbus);
}

static void die_by(int signal)
{
        sigset_t set;
        handle(signal, SIG_DFL);
        sigemptyset(&set);
        sigaddset(&set, signal);
        raise(signal);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void stop_reraise(void)
{
        if (stop_signal != 0)
                die_by(stop_signal);
}

void stop_if_reader_is_gone(void)
{
        struct pollfd output = { .fd = STDOUT_FILENO, .events = 0 };
        if (poll(&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLHUP)) != 0)
                die_by(SIGPIPE);
}

static struct timespec time_left(int64_t deadline)
{
        int64_t left = deadline - clock_now();
        left = left < 0 ? 0 : left;
        return (struct timespec){ .tv_sec = (time_t)(left / NS_PER_SECOND),
                                  .tv_nsec = (long)(left % NS_PER_SECOND) };
}

enum wait_result stop_wait(int descriptor, int64_t deadline)
{
        sigset_t stops, before;
        sigemptyset(&stops);
        sigaddset(&stops, SIGINT);
        sigaddset(&stops, SIGTERM);
        sigprocmask(SIG_BLOCK, &stops, &before);

        /* A signal between this test and the sleep stays pending until pselect() lets it in. */
        int ready = 0;
        if (stop_signal == 0) {
                fd_set input;
                FD_ZERO(&input);
                if (descriptor >= 0)
                        FD_SET(descriptor, &input);
                struct timespec left = time_left(deadline);
                ready = pselect(descriptor + 1, &input, NULL, NULL, deadline == CLOCK_NEVER ? NULL : &left,
                                &before);
        }
        sigprocmask(SIG_SETMASK, &before, NULL);

        if (stop_signal != 0)
                return WAIT_STOP;
        return ready > 0 ? WAIT_INPUT : WAIT_TIME;
}
