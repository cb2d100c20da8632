/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A server with a page of its own for those who want to know how it does: embedded_status serve FILE, and
 * embedded_status show FILE. Neither asks the system for anything between two records. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "embedded_status.h"

static const char magic[8] = "server1";

static struct server_page *refuse(const char *file, const char *why)
{
        fprintf(stderr, "embedded_status: %s: %s\n", file, why);
        return NULL;
}

/* The one server keeps its descriptor, and with it the lock. */
static struct server_page *map_page(const char *file, bool server)
{
        static const struct server_page none;
        int fd = open(file, server ? O_RDWR | O_CREAT : O_RDONLY, 0644);
        struct server_page *page;
        struct stat found;

        if (fd < 0 || fstat(fd, &found) < 0)
                return refuse(file, strerror(errno));
        if (server && flock(fd, LOCK_EX | LOCK_NB) < 0)
                return refuse(file, "another server is at work");
        if (server && found.st_size == 0 && ftruncate(fd, sizeof *page) < 0)
                return refuse(file, strerror(errno));
        if (found.st_size < (off_t)sizeof *page && !(server && found.st_size == 0))
                return refuse(file, "not the page of a server");
        page = mmap(NULL, sizeof *page, server ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED)
                return refuse(file, strerror(errno));
        /* New, or left so by a server that was killed at once. */
        if (server && (found.st_size == 0 || found.st_size == sizeof none) &&
            memcmp(page, &none, sizeof none) == 0)
                memcpy(page->magic, magic, sizeof magic);
        if (memcmp(page->magic, magic, sizeof magic) != 0)
                return refuse(file, "not the page of a server");
        return page;
}

static void serve(struct server_page *page)
{
        const struct timespec pause = { 0, 10000000 };
        struct seqcast_ring ring = status_ring(page);
        uint64_t number = seqcast_ring_recover(&ring); /* where the last server left off */
        struct status status = { 0, 0, 0, 0.25, "serving" };

        page->pid = (int32_t)getpid();
        for (;; nanosleep(&pause, NULL)) {
                status.requests += 3;
                status.bytes_sent += 3000;
                seqcast_ring_publish(&ring, ++number, &status, sizeof status, 0);
        }
}

static int show(struct server_page *page, const char *file)
{
        struct seqcast_ring ring = status_ring(page);
        struct seqcast_ring_reader reader = { 0 };
        struct status status;
        seqcast_sample sample;

        if (seqcast_ring_read_newest(&ring, &reader, &status, sizeof status, &sample) != SEQCAST_OK) {
                refuse(file, "nothing has been published");
                return 1;
        }
        printf("#%" PRIu64 " %" PRIu64 " requests, %" PRIu64 " errors, %" PRIu64 " bytes, load %g, %.16s\n",
               sample.number, status.requests, status.errors, status.bytes_sent, status.load, status.doing);
        return 0;
}

int main(int argc, char **argv)
{
        bool server = argc == 3 && strcmp(argv[1], "serve") == 0;
        struct server_page *page;

        if (!server && (argc != 3 || strcmp(argv[1], "show") != 0)) {
                fprintf(stderr, "usage: embedded_status serve|show FILE\n");
                return 2;
        }
        page = status_ring_fits() ? map_page(argv[2], server) : refuse(argv[2], "too small for the ring");
        if (page == NULL)
                return 1;
        if (server)
                serve(page);
        return show(page, argv[2]);
}
