/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#define _GNU_SOURCE
#include "common/handover.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

struct handover {
        struct sockaddr_un address;
        int listener;
        int descriptor;
        pthread_t thread;
};

/* What one message carries besides its byte. */
union control {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
};

static bool fill_address(struct sockaddr_un *address, const char *path, struct failure *failure)
{
        *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if (path[0] == '\0' || strlen(path) >= sizeof(address->sun_path))
                return fail(failure, E_USAGE, "a socket's path has 1 to %zu bytes",
                            sizeof(address->sun_path) - 1);
        memcpy(address->sun_path, path, strlen(path) + 1);
        return true;
}

/* @return a socket that is connected; -errno */
static int connect_to(const struct sockaddr_un *address)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
                return fd;
        int error = errno;
        if (fd >= 0)
                close(fd);
        return -error;
}

/* ---- giving -------------------------------------------------------------------------------- */

static void give(int peer, int descriptor)
{
        char byte = 0;
        union control control = { .bytes = { 0 } };
        struct iovec data = { &byte, 1 };
        struct msghdr message = { .msg_iov = &data,
                                  .msg_iovlen = 1,
                                  .msg_control = control.bytes,
                                  .msg_controllen = sizeof(control.bytes) };
        control.header.cmsg_len = CMSG_LEN(sizeof(descriptor));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(descriptor));
        sendmsg(peer, &message, MSG_NOSIGNAL | MSG_DONTWAIT); /* one byte always fits; or he is gone */
}

static void *give_to_all(void *context)
{
        const struct handover *handover = context;
        for (;;) {
                int peer = accept4(handover->listener, NULL, NULL, SOCK_CLOEXEC);
                if (peer >= 0) {
                        give(peer, handover->descriptor);
                        close(peer);
                } else if (errno == EINVAL || errno == EBADF) {
                        return NULL; /* handover_end() */
                } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                        usleep(10000); /* until there is room again; who connects waits */
                }
        }
}

/* The main thread is the one that hears signals. */
static int start_thread(struct handover *handover)
{
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int error = pthread_create(&handover->thread, NULL, give_to_all, handover);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return -error;
}

/* A socket that nobody listens at was left behind by somebody who was killed. */
static int bind_listener(int listener, const struct sockaddr_un *address)
{
        if (bind(listener, (const struct sockaddr *)address, sizeof(*address)) == 0)
                return 0;
        if (errno != EADDRINUSE)
                return -errno;
        int peer = connect_to(address);
        if (peer >= 0)
                close(peer);
        struct stat status;
        if (peer != -ECONNREFUSED || lstat(address->sun_path, &status) < 0 || !S_ISSOCK(status.st_mode))
                return -EADDRINUSE;
        unlink(address->sun_path);
        return bind(listener, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;
}

static int listen_at(const struct sockaddr_un *address)
{
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (listener < 0)
                return -errno;
        int r = bind_listener(listener, address);
        if (r == 0 && listen(listener, BACKLOG) < 0)
                r = -errno;
        if (r == 0)
                return listener;
        close(listener);
        return r;
}

bool handover_begin(struct handover **ret_handover, const char *path, int descriptor, struct failure *failure)
{
        struct handover *handover = calloc(1, sizeof(*handover));
        if (handover == NULL)
                return fail(failure, E_IO, "out of memory");
        if (!fill_address(&handover->address, path, failure)) {
                free(handover);
                return false;
        }
        handover->descriptor = descriptor;
        handover->listener = listen_at(&handover->address);
        int r = handover->listener;
        if (r >= 0) {
                r = start_thread(handover);
                if (r < 0) {
                        unlink(handover->address.sun_path);
                        close(handover->listener);
                }
        }
        if (r < 0) {
                free(handover);
                if (r == -EADDRINUSE)
                        return fail(failure, E_WRITER, "%s is in use, or no socket", path);
                return fail(failure, E_IO, "%s: cannot listen there: %s", path, strerror(-r));
        }
        *ret_handover = handover;
        return true;
}

void handover_end(struct handover *handover)
{
        if (handover == NULL)
                return;
        unlink(handover->address.sun_path);
        shutdown(handover->listener, SHUT_RDWR); /* ends accept4() */
        pthread_join(handover->thread, NULL);
        close(handover->listener);
        free(handover);
}

/* ---- receiving ----------------------------------------------------------------------------- */

/* @return the descriptor; -errno; -EPROTO nothing of the kind came */
static int receive(int peer)
{
        char byte;
        union control control = { .bytes = { 0 } };
        struct iovec data = { &byte, 1 };
        struct msghdr message = { .msg_iov = &data,
                                  .msg_iovlen = 1,
                                  .msg_control = control.bytes,
                                  .msg_controllen = sizeof(control.bytes) };
        ssize_t got;
        do
                got = recvmsg(peer, &message, MSG_CMSG_CLOEXEC);
        while (got < 0 && errno == EINTR);
        if (got < 0)
                return -errno;
        const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
            header->cmsg_len != CMSG_LEN(sizeof(int)))
                return -EPROTO;
        int descriptor;
        memcpy(&descriptor, CMSG_DATA(header), sizeof(descriptor));
        return descriptor;
}

bool handover_receive(const char *path, int *ret_descriptor, struct failure *failure)
{
        struct sockaddr_un address;
        if (!fill_address(&address, path, failure))
                return false;
        int r = connect_to(&address);
        if (r == -ENOENT || r == -ECONNREFUSED) {
                fail(failure, E_NOSEG, "%s: nobody offers a segment there", path);
                return fail_hint(failure, "shmpub --sealed %s does", path);
        }
        if (r >= 0) {
                int peer = r;
                r = receive(peer);
                close(peer);
        }
        if (r < 0)
                return fail(failure, r == -EACCES ? E_PERM : E_IO, "%s: no descriptor came: %s", path,
                            r == -EPROTO ? "whoever listens there offers none" : strerror(-r));
        *ret_descriptor = r;
        return true;
}
