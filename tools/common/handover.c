/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

#define _GNU_SOURCE
#include "common/handover.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/number.h"

#define BACKLOG 64

#define PROBE_NS NS_PER_SECOND

struct handover {
        struct sockaddr_un address;
        struct stat socket; /* ours */
        int listener;
        int descriptor;
        pthread_t thread;
};

/* What one message carries besides its byte. */
union control {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
};

/* Room for what is added while the socket has no listener yet. */
#define PATH_MAX_BYTES (sizeof(((struct sockaddr_un *)NULL)->sun_path) - sizeof(".4194304"))

static bool fill_address(struct sockaddr_un *address, const char *path, struct failure *failure)
{
        *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if (path[0] == '\0' || strlen(path) > PATH_MAX_BYTES)
                return fail(failure, E_USAGE, "a socket's path has 1 to %zu bytes", PATH_MAX_BYTES);
        memcpy(address->sun_path, path, strlen(path) + 1);
        return true;
}

/* Neither connecting nor receiving takes longer than `patience_ns`. @return a connected socket; -errno */
static int connect_to(const struct sockaddr_un *address, int64_t patience_ns)
{
        const struct timeval patience = { patience_ns / NS_PER_SECOND,
                                          patience_ns % NS_PER_SECOND / 1000 + 1 };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
            connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
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
                } else if (errno != EINTR && errno != ECONNABORTED) {
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
static bool is_left_behind(const struct sockaddr_un *address)
{
        struct stat status;
        if (lstat(address->sun_path, &status) < 0 || !S_ISSOCK(status.st_mode))
                return false;
        int peer = connect_to(address, PROBE_NS);
        if (peer >= 0)
                close(peer);
        return peer == -ECONNREFUSED;
}

/* The socket gets its name when it has a listener: without one it would look left behind. */
static int name_socket(struct handover *handover, const char *temporary)
{
        const char *path = handover->address.sun_path;
        if (lstat(temporary, &handover->socket) < 0)
                return -errno;
        if (link(temporary, path) == 0)
                return unlink(temporary) < 0 ? -errno : 0;
        if (errno != EEXIST)
                return -errno;
        if (!is_left_behind(&handover->address))
                return -EADDRINUSE;
        return rename(temporary, path) < 0 ? -errno : 0;
}

static int listen_at(struct handover *handover)
{
        struct sockaddr_un temporary = handover->address;
        size_t length = strlen(temporary.sun_path);
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (listener < 0)
                return -errno;
        snprintf(temporary.sun_path + length, sizeof(temporary.sun_path) - length, ".%ld", (long)getpid());
        int r = bind(listener, (const struct sockaddr *)&temporary, sizeof(temporary)) < 0 ? -errno : 0;
        if (r == 0) {
                r = listen(listener, BACKLOG) < 0 ? -errno : name_socket(handover, temporary.sun_path);
                if (r < 0)
                        unlink(temporary.sun_path);
        }
        if (r == 0)
                return listener;
        close(listener);
        return r;
}

static void remove_socket(const struct handover *handover)
{
        struct stat named;
        if (lstat(handover->address.sun_path, &named) == 0 && named.st_dev == handover->socket.st_dev &&
            named.st_ino == handover->socket.st_ino)
                unlink(handover->address.sun_path);
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
        handover->listener = listen_at(handover);
        int r = handover->listener;
        if (r >= 0) {
                r = start_thread(handover);
                if (r < 0) {
                        remove_socket(handover);
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
        remove_socket(handover);
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
        if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
                return -EPROTO;
        int descriptors[sizeof(control.bytes) / sizeof(int)];
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(descriptors, CMSG_DATA(header), count * sizeof(int));
        if (count == 1)
                return descriptors[0];
        while (count > 0)
                close(descriptors[--count]);
        return -EPROTO;
}

bool handover_receive(const char *path, int64_t patience_ns, int *ret_descriptor, struct failure *failure)
{
        struct sockaddr_un address;
        if (!fill_address(&address, path, failure))
                return false;
        int r = connect_to(&address, patience_ns);
        if (r == -ENOENT || r == -ECONNREFUSED) {
                fail(failure, E_NOSEG, "%s: nobody offers a segment there", path);
                return fail_hint(failure, "shmpub --sealed %s does", path);
        }
        if (r >= 0) {
                int peer = r;
                r = receive(peer);
                close(peer);
        }
        if (r == -EAGAIN || r == -EWOULDBLOCK)
                return fail(failure, E_TIMEOUT, "%s: whoever listens there does not answer", path);
        if (r < 0)
                return fail(failure, r == -EACCES ? E_PERM : E_IO, "%s: no descriptor came: %s", path,
                            r == -EPROTO ? "whoever listens there offers none" : strerror(-r));
        *ret_descriptor = r;
        return true;
}
