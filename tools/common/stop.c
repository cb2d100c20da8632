/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Signals, and sleeping so that none is missed. */

#define _GNU_SOURCE /* ppoll() */
#include "common/stop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/number.h"

static volatile sig_atomic_t stop_signal;

/* Only whether it is broken. A descriptor of -1, once it turns out not to be open, is left alone. */
static struct pollfd output = { .fd = STDOUT_FILENO, .events = 0 };

static char sigbus_message[2048];
static volatile sig_atomic_t sigbus_exit_code = 1;

/* What asks to stop. SIGHUP comes when the terminal closes. */
static const int stops[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
#define STOPS (sizeof stops / sizeof *stops)

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
        for (size_t i = 0; i < STOPS; i++) {
                struct sigaction before;

                /* shells ignore SIGINT and SIGQUIT for jobs in the background, nohup SIGHUP; so do we */
                if (stops[i] == SIGTERM || sigaction(stops[i], NULL, &before) != 0 ||
                    before.sa_handler != SIG_IGN)
                        handle(stops[i], note_stop);
        }
        handle(SIGPIPE, SIG_DFL);
}

void stop_ignore(void)
{
        for (size_t i = 0; i < STOPS; i++)
                handle(stops[i], SIG_IGN);
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
        _exit(128 + signal); /* the first process of a container is not killed by its own signals */
}

void stop_reraise(void)
{
        if (stop_signal != 0)
                die_by(stop_signal);
}

static void heed_output(short events)
{
        if ((events & POLLNVAL) != 0)
                output.fd = -1;
        else if (events != 0)
                die_by(SIGPIPE);
}

void stop_if_reader_is_gone(void)
{
        if (poll(&output, 1, 0) == 1)
                heed_output(output.revents);
}

static struct timespec time_left(int64_t deadline)
{
        int64_t left = deadline - clock_now();
        left = left < 0 ? 0 : left;
        return (struct timespec){ .tv_sec = (time_t)(left / NS_PER_SECOND),
                                  .tv_nsec = (long)(left % NS_PER_SECOND) };
}

static enum wait_result wait_for(int descriptor, const struct pollfd *printed_to, int64_t deadline)
{
        struct pollfd polled[] = { { .fd = descriptor, .events = POLLIN }, *printed_to };
        sigset_t blocked, before;
        sigemptyset(&blocked);
        for (size_t i = 0; i < STOPS; i++)
                sigaddset(&blocked, stops[i]);
        sigprocmask(SIG_BLOCK, &blocked, &before);

        /* A signal between this test and the sleep stays pending until ppoll() lets it in. */
        int ready = 0;
        if (stop_signal == 0) {
                struct timespec left = time_left(deadline);
                ready = ppoll(polled, 2, deadline == CLOCK_NEVER ? NULL : &left, &before);
        }
        sigprocmask(SIG_SETMASK, &before, NULL);

        if (stop_signal != 0)
                return WAIT_STOP;
        if (ready <= 0)
                return WAIT_TIME;
        heed_output(polled[1].revents);
        return polled[0].revents != 0 ? WAIT_INPUT : WAIT_TIME;
}

enum wait_result stop_wait(int descriptor, int64_t deadline)
{
        const struct pollfd nothing = { .fd = -1 };
        return wait_for(descriptor, &nothing, deadline);
}

enum wait_result stop_wait_printing(int descriptor, int64_t deadline)
{
        return wait_for(descriptor, &output, deadline);
}
