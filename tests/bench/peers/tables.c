/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What was found, as Markdown. */

#include "session.h"

#include <string.h>

#include "bench/bench.h"

#define NAME_WIDTH 30

static void print_cell(const struct session *session, enum measure measure, unsigned size, unsigned peer)
{
        const double *rounds = session->found[measure][size][peer];
        double median;

        if (!peer_can(peers[peer], measure, bench_sizes[size])) {
                printf(" %8s |", "–");
                return;
        }
        median = bench_figure_of(rounds, session->rounds).median;
        printf(" %8.*f |", median < 1 ? 3 : median < 100 ? 1 : 0, median);
}

static bool has_row(const struct session *session, unsigned peer, enum measure measure)
{
        if (session->is_missing[peer] || (peers[peer]->is_bare && !peer_can(peers[peer], measure, 0)))
                return false;
        return measure != TORN || peers[peer]->may_tear;
}

static void print_head(const char *title, const char *const *columns, size_t count)
{
        printf("\n**%s**\n\n| %-*s |", title, NAME_WIDTH, "");
        for (size_t i = 0; i < count; i++)
                printf(" %8s |", columns[i]);
        printf("\n| --- |");
        for (size_t i = 0; i < count; i++)
                printf(" ---: |");
        printf("\n");
}

static void print_by_size(const struct session *session, enum measure measure, const char *title)
{
        char labels[BENCH_SIZES][32];
        const char *columns[BENCH_SIZES];

        for (size_t i = 0; i < BENCH_SIZES; i++) {
                bench_print_bytes(labels[i], sizeof labels[i], (double)bench_sizes[i]);
                columns[i] = labels[i];
        }
        print_head(title, columns, BENCH_SIZES);
        for (unsigned peer = 0; peer < PEERS; peer++) {
                if (!has_row(session, peer, measure))
                        continue;
                printf("| %-*s |", NAME_WIDTH, peers[peer]->name);
                for (unsigned size = 0; size < BENCH_SIZES; size++)
                        print_cell(session, measure, size, peer);
                printf("\n");
        }
}

static void print_life(const struct session *session)
{
        static const char *const columns[] = { "create", "attach" };

        print_head("Create and attach (us, until the first record is published or read; 64 B)", columns, 2);
        for (unsigned peer = 0; peer < PEERS; peer++) {
                if (!has_row(session, peer, CREATE))
                        continue;
                printf("| %-*s |", NAME_WIDTH, peers[peer]->name);
                print_cell(session, CREATE, SIZE_OF_LIFE, peer);
                print_cell(session, ATTACH, SIZE_OF_LIFE, peer);
                printf("\n");
        }
}

void session_print(const struct session *session)
{
        print_by_size(session, READ, "Read the newest value, writer idle (ns)");
        print_by_size(session, PUBLISH, "Publish, no reader (ns)");
        if (!session->alone) {
                print_by_size(session, PUBLISH_READ, "Publish, one reader waiting for each (ns)");
                print_by_size(session, LATENCY_P50, "One-way latency, half of a round trip (ns, p50)");
                print_by_size(session, LATENCY_P99, "One-way latency, half of a round trip (ns, p99)");
                print_by_size(session, READS, "Newest-value reads under a flat-out writer (million/s)");
                print_by_size(session, PUBLICATIONS, "Publications of that writer (million/s)");
                print_by_size(session, TORN, "Torn copies among these reads (%)");
        }
        print_life(session);
}
