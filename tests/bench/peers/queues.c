/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* What the kernel carries from process to process: a pipe, a Unix datagram socket, a POSIX message queue,
 * each of the size that the system gives it. Writers wait while there is no room, readers while there is
 * nothing. */

#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_BYTES_MAX 131072 /* half of net.core.wmem_default is a safe guess */
#define MQ_BYTES_MAX 8192       /* fs.mqueue.msgsize_max, */
#define MQ_RECORDS 10           /* and fs.mqueue.msg_max, unless root has set more */

static void pipe_create(struct channel *channel)
{
        if (pipe(channel->ends) != 0)
                give_up_errno(channel->name, "pipe");
}

static void socket_create(struct channel *channel)
{
        if (socketpair(AF_UNIX, SOCK_DGRAM, 0, channel->ends) != 0)
                give_up_errno(channel->name, "socketpair");
}

static void inherit(struct channel *channel)
{
        (void)channel;
}

static void close_ends(struct channel *channel, bool writer)
{
        (void)writer;
        close(channel->ends[0]);
        close(channel->ends[1]);
}

static inline void send_bytes(struct channel *channel, const void *record)
{
        const unsigned char *from = record;

        for (size_t left = channel->bytes; left != 0;) {
                ssize_t sent = write(channel->ends[1], from, left);

                if (sent <= 0)
                        give_up_errno(channel->name, "write");
                from += sent;
                left -= (size_t)sent;
        }
}

static bool receive_bytes(struct channel *channel, void *record)
{
        unsigned char *to = record;

        for (size_t left = channel->bytes; left != 0;) {
                ssize_t received = read(channel->ends[0], to, left);

                if (received <= 0)
                        give_up_errno(channel->name, "read");
                to += received;
                left -= (size_t)received;
        }
        return true;
}

PEER_PUBLISH_BATCH(send_bytes)

#define STREAM_OF_BYTES                                                                                      \
        .is_queue = true, .has_no_name = true, .open_writer = inherit, .open_reader = inherit,               \
        .close = close_ends, .publish = send_bytes, .wait_next = receive_bytes,                              \
        .publish_batch = send_bytes_batch

const struct peer peer_pipe = {
        .name = "pipe",
        .create = pipe_create,
        STREAM_OF_BYTES,
};

const struct peer peer_socket = {
        .name = "Unix datagram socket",
        .bytes_max = SOCKET_BYTES_MAX,
        .create = socket_create,
        STREAM_OF_BYTES,
};

static const char *mq_missing(void)
{
        mqd_t none = mq_open("/peers-none", O_RDONLY);

        return none < 0 && errno == ENOSYS ? "not in this kernel" : NULL;
}

static void mq_make(struct channel *channel)
{
        struct mq_attr attributes = { .mq_maxmsg = MQ_RECORDS, .mq_msgsize = (long)channel->bytes };

        channel->ends[0] = mq_open(channel->name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
        if (channel->ends[0] < 0)
                give_up_errno(channel->name, "mq_open");
}

static void mq_attach(struct channel *channel)
{
        if (channel->ends[0] < 0)
                channel->ends[0] = mq_open(channel->name, O_RDWR);
        if (channel->ends[0] < 0)
                give_up_errno(channel->name, "mq_open");
}

static void mq_detach(struct channel *channel, bool writer)
{
        (void)writer;
        mq_close(channel->ends[0]);
}

static inline void mq_publish(struct channel *channel, const void *record)
{
        if (mq_send(channel->ends[0], record, channel->bytes, 0) != 0)
                give_up_errno(channel->name, "mq_send");
}

static bool mq_next(struct channel *channel, void *record)
{
        if (mq_receive(channel->ends[0], record, channel->bytes, NULL) < 0)
                give_up_errno(channel->name, "mq_receive");
        return true;
}

PEER_PUBLISH_BATCH(mq_publish)

const struct peer peer_mq = {
        .name = "POSIX mq",
        .missing = mq_missing,
        .bytes_max = MQ_BYTES_MAX,
        .is_queue = true,
        .create = mq_make,
        .open_writer = mq_attach,
        .open_reader = mq_attach,
        .close = mq_detach,
        .publish = mq_publish,
        .wait_next = mq_next,
        .publish_batch = mq_publish_batch,
};
