/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* A server with a page of its own for those who want to know how it does: embedded_status serve FILE, and
 * embedded_status show FILE. Neither asks the system for anything between two records. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "embedded_status.h"

static const char magic[8] = "server1";

static struct server_page *map_page(const char *file, bool writable)
{
        struct stat found;
        int fd = open(file, writable ? O_RDWR | O_CREAT : O_RDONLY, 0644);
        void *page = MAP_FAILED;

        if (fd < 0)
                return NULL;
        if (writable ? ftruncate(fd, sizeof(struct server_page)) == 0
                     : fstat(fd, &found) == 0 && found.st_size >= (off_t)sizeof(struct server_page))
                page = mmap(NULL, sizeof(struct server_page), writable ? PROT_READ | PROT_WRITE : PROT_READ,
                            MAP_SHARED, fd, 0);
        close(fd);
        return page == MAP_FAILED ? NULL : (struct server_page *)page;
}

static void serve(struct server_page *page)
{
        const struct timespec pause = { 0, 10000000 };
        struct seqcast_ring ring = status_ring(page);
        uint64_t number = seqcast_ring_recover(&ring); /* where the last server left off */
        struct status status = { 0, 0, 0, 0.25, "serving" };

        memcpy(page->magic, magic, sizeof magic);
        page->pid = (int32_t)getpid();
        for (;; nanosleep(&pause, NULL)) {
                status.requests += 3;
                status.bytes_sent += 3000;
                seqcast_ring_publish(&ring, ++number, &status, sizeof status, 0);
        }
}

static int show(struct server_page *page)
{
        struct seqcast_ring ring = status_ring(page);
        struct seqcast_ring_reader reader = { 0 };
        struct status status;
        seqcast_sample sample;

        if (memcmp(page->magic, magic, sizeof magic) != 0 ||
            seqcast_ring_read_newest(&ring, &reader, &status, sizeof status, &sample) != SEQCAST_OK)
                return 1;
        printf("#%" PRIu64 " %" PRIu64 " requests, %" PRIu64 " errors, %" PRIu64 " bytes, load %g, %.16s\n",
               sample.number, status.requests, status.errors, status.bytes_sent, status.load, status.doing);
        return 0;
}

int main(int argc, char **argv)
{
        bool server = argc == 3 && strcmp(argv[1], "serve") == 0;
        struct server_page *page = argc == 3 && status_ring_fits() ? map_page(argv[2], server) : NULL;

        if (page == NULL) {
                fprintf(stderr, "usage: embedded_status serve|show FILE\n");
                return 2;
        }
        if (server)
                serve(page);
        return show(page);
}
