/* SPDX-License-Identifier: Apache-2.0
 * The socket: opening, receiving. */
#include "dgram_priv.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>

enum { SOCKET_BUFFER_B = 4 * 1024 * 1024 /* 4,000 datagrams: 30 ms of a gigabit */ };

static int on(int fd, int level, int option)
{
    int one = 1;

    return setsockopt(fd, level, option, &one, sizeof(one)) ? -errno : 0;
}

static int set_options(struct dgram *d)
{
    int size = SOCKET_BUFFER_B, off = 0, rc;

    if (d->v6) {
        if (setsockopt(d->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)))
            return -errno;
        rc = on(d->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
    } else {
        rc = on(d->fd, IPPROTO_IP, IP_PKTINFO);
    }
    /* Best effort: the kernel's limits hold without privileges. */
    if (setsockopt(d->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
        (void)setsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (setsockopt(d->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
        (void)setsockopt(d->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    (void)on(d->fd, IPPROTO_UDP, UDP_GRO);
    return rc;
}

socklen_t dgram_sockaddr(const struct dgram *d, const struct addr *a, struct sockaddr_storage *ss)
{
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };

    if (!d->v6 || a->family != ADDR_V4)
        return addr_to_sockaddr(a, ss);
    dgram_map_v4(&in6.sin6_addr, a);
    memcpy(ss, &in6, sizeof(in6));
    return sizeof(in6);
}

void dgram_map_v4(struct in6_addr *out, const struct addr *a)
{
    if (a->family == ADDR_V6) {
        memcpy(out, a->ip, 16);
        return;
    }
    memset(out, 0, sizeof(*out));
    out->s6_addr[10] = out->s6_addr[11] = 0xff;
    memcpy(&out->s6_addr[12], a->ip, 4);
}

static int bind_to(struct dgram *d, const struct addr *local)
{
    struct sockaddr_storage ss;
    socklen_t len = dgram_sockaddr(d, local, &ss);
    int rc = set_options(d);

    if (rc)
        return rc;
    if (bind(d->fd, (struct sockaddr *)&ss, len))
        return -errno;
    len = sizeof(ss);
    if (getsockname(d->fd, (struct sockaddr *)&ss, &len))
        return -errno;
    return addr_from_sockaddr(&d->local, (struct sockaddr *)&ss);
}

/* Opens a socket of the family that suits `local`; both families for the any-address. */
static int open_for(struct dgram *d, const char *listen, uint16_t port)
{
    const char *ip = str_empty(listen) || str_eq(listen, "*") ? "::" : listen;
    struct addr local;

    if (addr_parse_ip(&local, ip, port))
        return -EINVAL;
    d->v6 = local.family == ADDR_V6;
    d->fd = socket(d->v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (d->fd < 0 && errno == EAFNOSUPPORT && addr_is_any(&local)) {
        d->v6 = false;
        d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (addr_parse_ip(&local, "0.0.0.0", port))
            return -EINVAL;
    }
    return d->fd < 0 ? -errno : bind_to(d, &local);
}

int dgram_open(struct dgram **out, const char *listen, uint16_t port)
{
    struct dgram *d = MEM_NEW(struct dgram);
    int rc;

    d->fd = -1;
    d->gso = true;
    rc = open_for(d, listen, port);
    if (rc) {
        dgram_close(d);
        return rc;
    }
    d->rx = mem_calloc(RX_BATCH, sizeof(*d->rx));
    d->tx = dgram_queue_new();
    *out = d;
    return 0;
}

int dgram_connect(struct dgram *d, const struct addr *to)
{
    struct sockaddr_storage ss;
    socklen_t len = dgram_sockaddr(d, to, &ss);

    if (connect(d->fd, (struct sockaddr *)&ss, len))
        return -errno;
    d->connected = true;
    return 0;
}

int dgram_error(struct dgram *d)
{
    int err = d->error;

    d->error = 0;
    return err;
}

void dgram_close(struct dgram *d)
{
    if (!d)
        return;
    if (d->fd >= 0)
        close(d->fd);
    free(d->rx);
    dgram_queue_free(d->tx);
    free(d);
}

int dgram_fd(const struct dgram *d)
{
    return d->fd;
}

uint16_t dgram_port(const struct dgram *d)
{
    return d->local.port;
}

void dgram_stats(const struct dgram *d, struct dgram_stats *out)
{
    *out = d->stats;
}

/* Reads the ancillary data: where it was sent to, and the size of the pieces that were joined. */
static size_t read_control(const struct dgram *d, struct msghdr *msg, struct addr *to)
{
    size_t segment = 0;

    *to = d->local;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            (void)!addr_from_ip(to, &info.ipi6_addr, 16, d->local.port);
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            (void)!addr_from_ip(to, &info.ipi_addr, 4, d->local.port);
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            int size;

            memcpy(&size, CMSG_DATA(c), sizeof(size));
            segment = (size_t)size;
        }
    }
    return segment;
}

/* Hands out one received message piece by piece. */
static int deliver(struct dgram *d, struct rx_message *rx, struct mmsghdr *m, dgram_recv_fn fn,
                   void *arg)
{
    struct addr from, to;
    size_t segment = read_control(d, &m->msg_hdr, &to);
    size_t left = m->msg_len;
    uint8_t *at = rx->data;
    int n = 0;

    if (addr_from_sockaddr(&from, (struct sockaddr *)&rx->from))
        return 0;
    if (segment == 0)
        segment = left;
    while (left > 0) {
        size_t len = MIN(left, segment);

        d->stats.rx_packets++;
        d->stats.rx_bytes += len;
        fn(arg, &from, &to, at, len);
        at += len;
        left -= len;
        n++;
    }
    return n;
}

int dgram_recv(struct dgram *d, dgram_recv_fn fn, void *arg)
{
    struct mmsghdr msgs[RX_BATCH];
    struct iovec iov[RX_BATCH];
    int got, n = 0;

    memset(msgs, 0, sizeof(msgs));
    for (int i = 0; i < RX_BATCH; i++) {
        iov[i] = (struct iovec){ d->rx[i].data, sizeof(d->rx[i].data) };
        msgs[i].msg_hdr = (struct msghdr){
            .msg_name = &d->rx[i].from, .msg_namelen = sizeof(d->rx[i].from),
            .msg_iov = &iov[i], .msg_iovlen = 1,
            .msg_control = d->rx[i].control, .msg_controllen = sizeof(d->rx[i].control),
        };
    }
    got = recvmmsg(d->fd, msgs, RX_BATCH, MSG_DONTWAIT, NULL);
    if (got < 0) /* without a connection an ICMP error of an earlier send is not ours to handle */
        return errno == EAGAIN || errno == EINTR || (errno == ECONNREFUSED && !d->connected)
                   ? 0
                   : -errno;
    for (int i = 0; i < got; i++)
        n += deliver(d, &d->rx[i], &msgs[i], fn, arg);
    return n;
}

size_t dgram_addresses(struct addr *out, size_t max)
{
    struct ifaddrs *list, *ifa;
    size_t n = 0;

    if (getifaddrs(&list))
        return 0;
    for (ifa = list; ifa && n < max; ifa = ifa->ifa_next) {
        struct addr a;

        if (!ifa->ifa_addr || !(ifa->ifa_flags & IFF_UP) || addr_from_sockaddr(&a, ifa->ifa_addr) ||
            addr_is_linklocal(&a))
            continue;
        a.port = 0;
        out[n++] = a;
    }
    freeifaddrs(list);
    return n;
}
