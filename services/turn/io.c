/* SPDX-License-Identifier: Apache-2.0
 * UDP of one worker. */
#include "io.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <base/mem.h>

#include "core.h"

enum {
    /* 64 KiB apart all buffers would fall into the same lines of the caches. */
    BUFFER_STRIDE_B = TURN_IO_BUFFER_B + 832,
    BUFFERS = 128,
    CONTROL_B = CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)),
    QUEUE = 2048,         /* datagrams until a flush */
    HEAD_MAX = 48,        /* of a Data indication over IPv6; longer ones are copied aside */
    SCRATCH_B = 262144,
    GROUP_SEGMENTS = 60,  /* the kernel takes 64 */
    GROUP_BYTES = 60000,
    BUCKETS = 4096,
    NONE = -1,
};

struct packet {
    uint8_t head[HEAD_MAX];
    const void *long_head; /* in the scratch memory; NULL: `head` */
    const void *body;
    uint16_t head_len, body_len;
    uint8_t pad;
    int16_t next;
};

/* Datagrams of one size to one destination. */
struct group {
    struct turn_dest dest;
    uint16_t segment, count;
    uint32_t bytes;
    int16_t first, last;
    bool closed; /* its last datagram is shorter: nothing may follow */
};

struct turn_io {
    struct turn_counts *counts;
    uint8_t *buffers;
    unsigned next_buffer;
    bool more; /* the last receiving call has not emptied its socket */
    /* Each buffer with what recvmmsg() wants of it, ready to be used. */
    struct mmsghdr in[BUFFERS];
    struct iovec in_iov[BUFFERS];
    struct sockaddr_storage in_from[BUFFERS];
    _Alignas(struct cmsghdr) uint8_t in_control[BUFFERS][CONTROL_B];

    struct packet packets[QUEUE];
    struct group groups[QUEUE];
    int16_t buckets[BUCKETS];
    unsigned n_packets, n_groups;
    uint8_t scratch[SCRATCH_B];
    size_t scratch_used;
    struct mmsghdr out[QUEUE];
    struct iovec iov[QUEUE * 3];
    struct sockaddr_storage names[QUEUE];
    _Alignas(struct cmsghdr) uint8_t control[QUEUE][CONTROL_B];
};

static uint8_t *buffer_at(struct turn_io *io, unsigned i)
{
    return io->buffers + (size_t)i * BUFFER_STRIDE_B;
}

/* The kernel writes lengths into the header of what it receives. */
static void ready_header(struct turn_io *io, unsigned i)
{
    io->in[i].msg_hdr.msg_namelen = sizeof(io->in_from[i]);
    io->in[i].msg_hdr.msg_controllen = CONTROL_B;
}

struct turn_io *turn_io_new(struct turn_counts *counts)
{
    struct turn_io *io = mem_zalloc(sizeof(*io));

    io->counts = counts;
    io->buffers = mem_calloc(BUFFERS, BUFFER_STRIDE_B);
    for (unsigned i = 0; i < BUFFERS; i++) {
        io->in_iov[i] = (struct iovec){ buffer_at(io, i), TURN_IO_BUFFER_B };
        io->in[i].msg_hdr = (struct msghdr){ .msg_name = &io->in_from[i], .msg_iov = &io->in_iov[i],
                                             .msg_iovlen = 1, .msg_control = io->in_control[i] };
        ready_header(io, i);
    }
    for (unsigned i = 0; i < BUCKETS; i++)
        io->buckets[i] = NONE;
    return io;
}

void turn_io_free(struct turn_io *io)
{
    if (!io)
        return;
    free(io->buffers);
    free(io);
}

/* --- receiving -------------------------------------------------------------------------------- */

uint8_t *turn_io_buffer(struct turn_io *io)
{
    if (io->next_buffer == BUFFERS)
        turn_io_flush(io);
    return buffer_at(io, io->next_buffer++);
}

/* Reads where it was sent to, and the size of the pieces that the kernel joined. */
static size_t read_control(struct msghdr *msg, struct addr *to)
{
    size_t segment = 0;

    to->family = ADDR_NONE;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            (void)!addr_from_ip(to, &info.ipi6_addr, 16, 0);
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            (void)!addr_from_ip(to, &info.ipi_addr, 4, 0);
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            int size;

            memcpy(&size, CMSG_DATA(c), sizeof(size));
            segment = (size_t)size;
        }
    }
    return segment;
}

static unsigned hand_out(struct turn_io *io, unsigned i, turn_io_recv_fn fn, void *arg)
{
    struct addr from, to;
    size_t left = io->in[i].msg_len, segment = read_control(&io->in[i].msg_hdr, &to);
    const uint8_t *at = io->in_iov[i].iov_base;
    unsigned n = 0;

    if (addr_from_sockaddr(&from, (struct sockaddr *)&io->in_from[i]))
        return 0;
    if (segment == 0)
        segment = left;
    while (left > 0) {
        size_t len = MIN(left, segment);

        fn(arg, &from, &to, at, len);
        at += len;
        left -= len;
        n++;
    }
    return n;
}

unsigned turn_io_recv(struct turn_io *io, int fd, unsigned most, turn_io_recv_fn fn, void *arg)
{
    unsigned n = 0, first, end;
    int got;

    most = MIN(most, (unsigned)BUFFERS);
    if (io->next_buffer + most > BUFFERS)
        turn_io_flush(io);
    first = io->next_buffer;
    got = recvmmsg(fd, io->in + first, most, MSG_DONTWAIT, NULL);
    io->more = got == (int)most || (got < 0 && errno != EAGAIN);
    if (got <= 0) /* errors of earlier sends (ICMP) are not ours to handle */
        return 0;
    end = io->next_buffer = first + (unsigned)got;
    for (unsigned i = first; i < end; i++) {
        n += hand_out(io, i, fn, arg);
        ready_header(io, i);
    }
    turn_count(io->counts, TURN_N_BATCHES, 1);
    turn_count(io->counts, TURN_N_BATCHED, n);
    return n;
}

bool turn_io_more(const struct turn_io *io)
{
    return io->more;
}

/* --- the queue -------------------------------------------------------------------------------- */

static unsigned bucket_of(const struct turn_dest *d)
{
    uint64_t a, b, h;

    memcpy(&a, d->to.ip, 8);
    memcpy(&b, d->to.ip + 8, 8);
    h = (a ^ (uint64_t)d->to.port << 48 ^ (uint64_t)(unsigned)d->fd << 32) * 0x9e3779b97f4a7c15u;
    h = (h ^ b ^ h >> 29) * 0xff51afd7ed558ccdu;
    return (unsigned)(h >> 40) & (BUCKETS - 1);
}

static bool fits(const struct group *g, const struct turn_dest *d, size_t len)
{
    return !g->closed && len <= g->segment && g->count < GROUP_SEGMENTS &&
           g->bytes + len <= GROUP_BYTES && g->dest.fd == d->fd && addr_eq(&g->dest.to, &d->to) &&
           addr_ip_eq(&g->dest.from, &d->from);
}

/* A bucket may name a group of before the last flush, or of another destination. */
static struct group *open_group(struct turn_io *io, const struct turn_dest *d, size_t len)
{
    unsigned bucket = bucket_of(d);
    int16_t at = io->buckets[bucket];
    struct group *g;

    if (at != NONE && (unsigned)at < io->n_groups && fits(&io->groups[at], d, len))
        return &io->groups[at];
    io->buckets[bucket] = (int16_t)io->n_groups;
    g = &io->groups[io->n_groups++];
    *g = (struct group){ .dest = *d, .segment = (uint16_t)len, .first = NONE, .last = NONE };
    return g;
}

static bool has_room(const struct turn_io *io, size_t head_len)
{
    return io->n_packets < QUEUE && io->scratch_used + head_len <= SCRATCH_B;
}

/* A head that is longer than the room in a packet lies in the scratch memory. */
static void take_head(struct turn_io *io, struct packet *p, const struct turn_out *out)
{
    uint8_t *at = p->head;

    p->long_head = NULL;
    if (out->head_len > HEAD_MAX) {
        p->long_head = at = io->scratch + io->scratch_used;
        io->scratch_used += out->head_len;
    }
    if (out->head_len > 0)
        memcpy(at, out->head, out->head_len);
    p->head_len = (uint16_t)out->head_len;
}

void turn_io_send(struct turn_io *io, const struct turn_dest *dest, const struct turn_out *out)
{
    size_t len = out->head_len + out->body_len + out->pad;
    struct packet *p;
    struct group *g;
    int16_t at;

    if (len == 0 || len > GROUP_BYTES) {
        turn_count(io->counts, TURN_N_DROP_QUEUE, 1);
        return;
    }
    if (!has_room(io, out->head_len))
        turn_io_send_now(io);
    at = (int16_t)io->n_packets++;
    p = &io->packets[at];
    take_head(io, p, out);
    p->body = out->body;
    p->body_len = (uint16_t)out->body_len;
    p->pad = (uint8_t)out->pad;
    p->next = NONE;
    g = open_group(io, dest, len);
    if (g->last == NONE)
        g->first = at;
    else
        io->packets[g->last].next = at;
    g->last = at;
    g->count++;
    g->bytes += (uint32_t)len;
    g->closed = len < g->segment;
}

/* --- sending ---------------------------------------------------------------------------------- */

static size_t write_control(struct msghdr *msg, const struct group *g)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    size_t used = 0;

    if (g->dest.from.family == ADDR_V4) {
        struct in_pktinfo info = { 0 };

        memcpy(&info.ipi_spec_dst, g->dest.from.ip, 4);
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
        used += CMSG_SPACE(sizeof(info));
    } else if (g->dest.from.family == ADDR_V6) {
        struct in6_pktinfo info = { 0 };

        memcpy(&info.ipi6_addr, g->dest.from.ip, 16);
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
        used += CMSG_SPACE(sizeof(info));
    }
    if (g->count > 1) {
        c = (struct cmsghdr *)(void *)((uint8_t *)msg->msg_control + used);
        c->cmsg_level = IPPROTO_UDP;
        c->cmsg_type = UDP_SEGMENT;
        c->cmsg_len = CMSG_LEN(sizeof(g->segment));
        memcpy(CMSG_DATA(c), &g->segment, sizeof(g->segment));
        used += CMSG_SPACE(sizeof(g->segment));
    }
    return used;
}

static size_t put_packet(const struct packet *p, struct iovec *iov)
{
    static const uint8_t zeroes[4];
    size_t n = 0;

    if (p->head_len)
        iov[n++] = (struct iovec){ (void *)(uintptr_t)(p->long_head ? p->long_head : p->head),
                                   p->head_len };
    if (p->body_len)
        iov[n++] = (struct iovec){ (void *)(uintptr_t)p->body, p->body_len };
    if (p->pad)
        iov[n++] = (struct iovec){ (void *)(uintptr_t)zeroes, p->pad };
    return n;
}

/* Prepares the message of a group at place `i`; *iov moves on. */
static void prepare(struct turn_io *io, const struct group *g, unsigned i, size_t *iov)
{
    struct msghdr *msg = &io->out[i].msg_hdr;
    size_t n = 0;

    *msg = (struct msghdr){
        .msg_name = &io->names[i],
        .msg_namelen = addr_to_sockaddr(&g->dest.to, &io->names[i]),
        .msg_iov = &io->iov[*iov],
        .msg_control = io->control[i], .msg_controllen = CONTROL_B,
    };
    for (int16_t at = g->first; at != NONE; at = io->packets[at].next)
        n += put_packet(&io->packets[at], &msg->msg_iov[n]);
    msg->msg_iovlen = n;
    *iov += n;
    msg->msg_controllen = write_control(msg, g);
    if (msg->msg_controllen == 0)
        msg->msg_control = NULL;
}

/* What did not go as one message goes in pieces, where that can be the reason: a segment longer
 * than a device takes, a device without checksums. */
static void send_singly(struct turn_io *io, const struct group *g, const struct msghdr *failed)
{
    struct group single = *g;

    single.count = 1;
    for (int16_t at = g->first; at != NONE; at = io->packets[at].next) {
        struct iovec iov[3];
        struct msghdr msg = *failed;

        msg.msg_iov = iov;
        msg.msg_iovlen = put_packet(&io->packets[at], iov);
        if (msg.msg_control) {
            msg.msg_controllen = CONTROL_B;
            msg.msg_controllen = write_control(&msg, &single);
            if (msg.msg_controllen == 0)
                msg.msg_control = NULL;
        }
        if (sendmsg(g->dest.fd, &msg, MSG_DONTWAIT) < 0)
            turn_count(io->counts, TURN_N_DROP_QUEUE, 1);
    }
}

static void on_failed(struct turn_io *io, const struct group *g, const struct msghdr *msg, int err)
{
    if (g->count > 1 && (err == EINVAL || err == EMSGSIZE || err == EIO))
        send_singly(io, g, msg);
    else
        turn_count(io->counts, TURN_N_DROP_QUEUE, g->count);
}

/* Sends the prepared messages [0, n) of groups on one socket. */
static void send_all(struct turn_io *io, struct group *const *groups, unsigned n)
{
    for (unsigned done = 0; done < n;) {
        int sent = sendmmsg(groups[0]->dest.fd, io->out + done, n - done, MSG_DONTWAIT);

        if (sent < 0) {
            on_failed(io, groups[done], &io->out[done].msg_hdr, errno);
            sent = 1;
        }
        done += (unsigned)sent;
    }
}

/* Sends the groups of one kind of socket; those that follow each other on one socket together. */
static void send_kind(struct turn_io *io, bool listener)
{
    struct group *batch[QUEUE];
    unsigned n = 0;
    size_t iov = 0;

    for (unsigned i = 0; i < io->n_groups; i++) {
        struct group *g = &io->groups[i];

        if (g->dest.listener != listener)
            continue;
        if (n > 0 && batch[0]->dest.fd != g->dest.fd) {
            send_all(io, batch, n);
            n = 0;
            iov = 0;
        }
        prepare(io, g, n, &iov);
        batch[n++] = g;
    }
    if (n > 0)
        send_all(io, batch, n);
}

/* Buckets are not emptied: what they name is looked at before it is used. */
void turn_io_send_now(struct turn_io *io)
{
    if (io->n_packets > 0) {
        send_kind(io, true);
        send_kind(io, false);
    }
    io->n_packets = io->n_groups = 0;
    io->scratch_used = 0;
}

void turn_io_flush(struct turn_io *io)
{
    turn_io_send_now(io);
    io->next_buffer = 0;
}
