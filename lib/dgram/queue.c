/* SPDX-License-Identifier: Apache-2.0
 * The send queue: datagrams of one size to one destination become one message (GSO).
 *
 * A forwarder queues one packet for each of N receivers, then the next packet for each of them:
 * what belongs together does not lie together. So each destination has one open group, found by
 * hash. */
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "dgram_priv.h"

enum {
    QUEUE_PACKETS = 512,
    GROUP_SEGMENTS = 60,    /* the kernel takes 64 */
    GROUP_BYTES = 60000,    /* one message has 65,507 bytes at most */
    BUCKETS = 1024,         /* a power of two, twice the packets */
    NONE = -1,
};

struct packet {
    uint16_t len;
    int16_t next; /* of the same group */
    uint8_t data[DGRAM_MAX];
};

struct group {
    struct addr to, from;
    uint16_t segment; /* size of all packets but the last */
    uint16_t count;
    uint32_t bytes;
    int16_t first, last;
    bool closed;      /* its last packet is shorter: nothing may follow */
};

struct queue {
    struct packet packets[QUEUE_PACKETS];
    struct group groups[QUEUE_PACKETS];
    int16_t buckets[BUCKETS]; /* group that was opened last for a destination */
    size_t n_packets, n_groups;
    struct mmsghdr msgs[QUEUE_PACKETS];
    struct iovec iov[QUEUE_PACKETS];
    struct sockaddr_storage names[QUEUE_PACKETS];
    _Alignas(size_t) uint8_t control[QUEUE_PACKETS][CMSG_SPACE(sizeof(struct in6_pktinfo)) +
                                                    CMSG_SPACE(sizeof(uint16_t))];
};

static void reset(struct queue *q)
{
    q->n_packets = q->n_groups = 0;
    memset(q->buckets, 0xff, sizeof(q->buckets)); /* NONE */
}

struct queue *dgram_queue_new(void)
{
    struct queue *q = MEM_NEW(struct queue);

    reset(q);
    return q;
}

void dgram_queue_free(struct queue *q)
{
    free(q);
}

static unsigned bucket_of(const struct addr *to)
{
    uint32_t h = to->port * 2654435761u;

    for (int i = 0; i < 16; i += 4) {
        uint32_t word;

        memcpy(&word, &to->ip[i], sizeof(word));
        h = (h ^ word) * 2654435761u;
    }
    return (h >> 16) & (BUCKETS - 1);
}

static bool fits(const struct group *g, const struct addr *from, const struct addr *to, size_t len)
{
    return !g->closed && len <= g->segment && g->count < GROUP_SEGMENTS &&
           g->bytes + len <= GROUP_BYTES && addr_eq(&g->to, to) && addr_ip_eq(&g->from, from);
}

static void append(struct queue *q, const struct addr *from, const struct addr *to, int16_t index)
{
    struct packet *p = &q->packets[index];
    int16_t *bucket = &q->buckets[bucket_of(to)];
    struct group *g = *bucket == NONE ? NULL : &q->groups[*bucket];

    if (!g || !fits(g, from, to, p->len)) {
        *bucket = (int16_t)q->n_groups;
        g = &q->groups[q->n_groups++];
        *g = (struct group){
            .to = *to, .from = *from, .segment = p->len, .first = index, .last = NONE
        };
    }
    if (g->last != NONE)
        q->packets[g->last].next = index;
    g->last = index;
    g->count++;
    g->bytes += p->len;
    g->closed = p->len < g->segment;
}

void dgram_send(struct dgram *d, const struct addr *from, const struct addr *to, const void *data,
                size_t len)
{
    const struct dgram_piece pieces[2] = { { data, len }, { NULL, 0 } };

    dgram_sendv(d, from, to, pieces);
}

void dgram_sendv(struct dgram *d, const struct addr *from, const struct addr *to,
                 const struct dgram_piece pieces[2])
{
    static const struct addr any;
    size_t len = pieces[0].len + pieces[1].len;
    struct queue *q = d->tx;
    struct packet *p;

    if (len == 0 || len > DGRAM_MAX || to->family == ADDR_NONE ||
        (to->family == ADDR_V6 && !d->v6)) {
        d->stats.dropped++;
        return;
    }
    if (q->n_packets == QUEUE_PACKETS)
        dgram_flush(d);
    p = &q->packets[q->n_packets];
    p->len = (uint16_t)len;
    p->next = NONE;
    memcpy(p->data, pieces[0].data, pieces[0].len);
    if (pieces[1].len > 0)
        memcpy(p->data + pieces[0].len, pieces[1].data, pieces[1].len);
    append(q, from ? from : &any, to, (int16_t)q->n_packets++);
}

/* --- sending ---------------------------------------------------------------------------------- */

static struct cmsghdr *add_control(struct msghdr *msg, struct cmsghdr *after, int level, int type,
                                   size_t len)
{
    struct cmsghdr *c = after ? CMSG_NXTHDR(msg, after) : CMSG_FIRSTHDR(msg);

    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    return c;
}

/* Writes the source address and the segment size; returns the length of the control data. */
static size_t write_control(const struct dgram *d, struct msghdr *msg, const struct group *g)
{
    struct cmsghdr *c = NULL;
    size_t used = 0;

    if (g->from.family != ADDR_NONE && d->v6) {
        struct in6_pktinfo info = { 0 };

        dgram_map_v4(&info.ipi6_addr, &g->from);
        c = add_control(msg, c, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
        used += CMSG_SPACE(sizeof(info));
    } else if (g->from.family == ADDR_V4) {
        struct in_pktinfo info = { 0 };

        memcpy(&info.ipi_spec_dst, g->from.ip, 4);
        c = add_control(msg, c, IPPROTO_IP, IP_PKTINFO, sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
        used += CMSG_SPACE(sizeof(info));
    }
    if (g->count > 1) {
        c = add_control(msg, c, IPPROTO_UDP, UDP_SEGMENT, sizeof(uint16_t));
        memcpy(CMSG_DATA(c), &g->segment, sizeof(uint16_t));
        used += CMSG_SPACE(sizeof(uint16_t));
    }
    return used;
}

/* Fills one message for a group; returns how many iovecs it used. */
static size_t fill(struct dgram *d, size_t index, size_t iov_at)
{
    struct queue *q = d->tx;
    const struct group *g = &q->groups[index];
    struct msghdr *msg = &q->msgs[index].msg_hdr;
    size_t n = 0;

    memset(&q->msgs[index], 0, sizeof(q->msgs[index]));
    memset(q->control[index], 0, sizeof(q->control[index]));
    for (int16_t i = g->first; i != NONE; i = q->packets[i].next)
        q->iov[iov_at + n++] = (struct iovec){ q->packets[i].data, q->packets[i].len };
    if (!d->connected) {
        msg->msg_name = &q->names[index];
        msg->msg_namelen = dgram_sockaddr(d, &g->to, &q->names[index]);
    }
    msg->msg_iov = &q->iov[iov_at];
    msg->msg_iovlen = n;
    msg->msg_control = q->control[index];
    msg->msg_controllen = sizeof(q->control[index]);
    msg->msg_controllen = write_control(d, msg, g);
    if (msg->msg_controllen == 0)
        msg->msg_control = NULL;
    return n;
}

/* Sends the packets of one group by themselves. */
static void send_single(struct dgram *d, size_t index)
{
    struct queue *q = d->tx;
    struct group one = q->groups[index];
    struct msghdr msg = q->msgs[index].msg_hdr;

    one.count = 1;
    for (int16_t i = q->groups[index].first; i != NONE; i = q->packets[i].next) {
        struct iovec iov = { q->packets[i].data, q->packets[i].len };

        msg.msg_iov = &iov;
        msg.msg_iovlen = 1;
        msg.msg_control = q->control[index];
        msg.msg_controllen = sizeof(q->control[index]);
        memset(q->control[index], 0, sizeof(q->control[index]));
        msg.msg_controllen = write_control(d, &msg, &one);
        if (msg.msg_controllen == 0)
            msg.msg_control = NULL;
        if (sendmsg(d->fd, &msg, MSG_DONTWAIT) < 0)
            d->stats.dropped++;
        d->stats.tx_messages++;
    }
}

/* The message at `index` was refused. EIO: this path cannot split; EMSGSIZE, EINVAL: this group
 * cannot. */
static void refused(struct dgram *d, size_t index, int err)
{
    const struct group *g = &d->tx->groups[index];

    if (d->connected && (err == ECONNREFUSED || err == EHOSTUNREACH || err == ENETUNREACH))
        d->error = -err;
    if (g->count > 1 && (err == EIO || err == EINVAL || err == EMSGSIZE || err == EOPNOTSUPP)) {
        if (err == EIO || err == EOPNOTSUPP)
            d->gso = false;
        send_single(d, index);
        return;
    }
    d->stats.dropped += g->count;
}

void dgram_flush(struct dgram *d)
{
    struct queue *q = d->tx;
    size_t iov_at = 0, at = 0;

    for (size_t i = 0; i < q->n_groups; i++) {
        iov_at += fill(d, i, iov_at);
        d->stats.tx_packets += q->groups[i].count;
        d->stats.tx_bytes += q->groups[i].bytes;
    }
    while (at < q->n_groups) {
        int sent;

        if (!d->gso) {
            send_single(d, at++);
            continue;
        }
        sent = sendmmsg(d->fd, &q->msgs[at], (unsigned)(q->n_groups - at), MSG_DONTWAIT);
        if (sent > 0) {
            at += (size_t)sent;
            d->stats.tx_messages += (size_t)sent;
        } else {
            refused(d, at, errno);
            at++;
        }
    }
    reset(q);
}
