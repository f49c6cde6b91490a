/* SPDX-License-Identifier: Apache-2.0
 * Batched UDP with many local addresses: sendmmsg, recvmmsg, UDP_SEGMENT, UDP_GRO. */
#include "wire.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sock_diag.h>

#include <base/attr.h>
#include <base/mem.h>

enum {
    BATCH = 64,
    RCVBUF_B = 64 << 20, /* what waits while the generator sends; its loss would be taken for the
                            server's */
    IN_B = 65536,
    IN_STRIDE_B = IN_B + 320, /* not all at the same place of the cache */
};

struct out {
    struct sockaddr_in to;
    struct iovec iov[2 * WIRE_SEGMENTS_MAX];
    uint8_t own[WIRE_OWN_B];
    union {
        char mem[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control;
};

struct in {
    struct sockaddr_in from;
    struct iovec iov;
    union {
        char mem[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
};

struct wire {
    int fd;
    unsigned n_out;
    struct mmsghdr out_hdr[BATCH], in_hdr[BATCH];
    struct out out[BATCH];
    struct in in[BATCH];
    uint8_t *memory;
};

static void must(int r, const char *what)
{
    if (r >= 0)
        return;
    perror(what);
    exit(1);
}

struct wire *wire_new(bool gro)
{
    struct wire *w = MEM_NEW(struct wire);
    struct sockaddr_in any = { .sin_family = AF_INET };
    int on = 1, bytes = RCVBUF_B;

    w->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    must(w->fd, "socket");
    must(bind(w->fd, (struct sockaddr *)&any, sizeof(any)), "bind");
    must(setsockopt(w->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)), "IP_PKTINFO");
    if (gro)
        must(setsockopt(w->fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)), "UDP_GRO");
    if (setsockopt(w->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
        must(setsockopt(w->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), "SO_RCVBUF");
    w->memory = mem_calloc(BATCH, IN_STRIDE_B);
    for (unsigned i = 0; i < BATCH; i++) {
        w->in[i].iov.iov_base = w->memory + (size_t)i * IN_STRIDE_B;
        w->in[i].iov.iov_len = IN_B;
    }
    return w;
}

void wire_free(struct wire **w)
{
    if (!*w)
        return;
    (void)close((*w)->fd);
    free((*w)->memory);
    free(*w);
    *w = NULL;
}

int wire_fd(const struct wire *w) { return w->fd; }

unsigned wire_rcvbuf(const struct wire *w)
{
    int bytes = 0;
    socklen_t len = sizeof(bytes);

    must(getsockopt(w->fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len), "SO_RCVBUF");
    return (unsigned)bytes / 2; /* the kernel doubles what it is asked for */
}

unsigned wire_drops(const struct wire *w)
{
    uint32_t info[SK_MEMINFO_VARS] = { 0 };
    socklen_t len = sizeof(info);

    must(getsockopt(w->fd, SOL_SOCKET, SO_MEMINFO, info, &len), "SO_MEMINFO");
    return info[SK_MEMINFO_DROPS];
}

/* --- out -------------------------------------------------------------------------------------- */

static void control(struct msghdr *h, struct out *o, const struct wire_out *out)
{
    struct in_pktinfo from = { .ipi_spec_dst.s_addr = out->path.local };
    uint16_t size = (uint16_t)(out->head_len + out->body_len);
    struct cmsghdr *c;

    h->msg_control = o->control.mem;
    h->msg_controllen = sizeof(o->control.mem);
    c = CMSG_FIRSTHDR(h);
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof(from));
    memcpy(CMSG_DATA(c), &from, sizeof(from));
    h->msg_controllen = CMSG_SPACE(sizeof(from));
    if (out->n < 2)
        return;
    h->msg_controllen = sizeof(o->control.mem);
    c = CMSG_NXTHDR(h, c);
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof(size));
    memcpy(CMSG_DATA(c), &size, sizeof(size));
}

uint8_t *wire_put(struct wire *w, const struct wire_out *out)
{
    struct out *o;
    struct msghdr *h;
    unsigned n_iov = 0;

    assert(out->n > 0 && out->n <= WIRE_SEGMENTS_MAX && out->n * out->head_len <= WIRE_OWN_B);
    if (w->n_out == BATCH)
        wire_flush(w);
    o = &w->out[w->n_out];
    h = &w->out_hdr[w->n_out].msg_hdr;
    w->n_out++;
    o->to = (struct sockaddr_in){ .sin_family = AF_INET,
                                  .sin_port = out->path.port,
                                  .sin_addr.s_addr = out->path.remote };
    for (unsigned i = 0; i < out->n; i++) {
        if (out->head_len > 0)
            o->iov[n_iov++] = (struct iovec){ o->own + i * out->head_len, out->head_len };
        if (out->body_len > 0)
            o->iov[n_iov++] = (struct iovec){ (void *)(uintptr_t)out->body, out->body_len };
    }
    *h = (struct msghdr){ .msg_name = &o->to, .msg_namelen = sizeof(o->to), .msg_iov = o->iov,
                          .msg_iovlen = n_iov };
    control(h, o, out);
    return o->own;
}

void wire_flush(struct wire *w)
{
    unsigned done = 0;

    while (done < w->n_out) {
        int n = sendmmsg(w->fd, w->out_hdr + done, w->n_out - done, 0);

        if (n < 0 && (errno == EINTR || errno == ENOBUFS || errno == ECONNREFUSED))
            continue;
        must(n, "sendmmsg");
        done += (unsigned)n;
    }
    w->n_out = 0;
}

/* --- in --------------------------------------------------------------------------------------- */

static void hand_over(struct wire *w, unsigned i, wire_recv_fn fn, void *arg)
{
    struct in *in = &w->in[i];
    struct wire_path path = { .remote = in->from.sin_addr.s_addr, .port = in->from.sin_port };
    struct msghdr *h = &w->in_hdr[i].msg_hdr;
    size_t len = w->in_hdr[i].msg_len, size = len;
    uint8_t *data = in->iov.iov_base;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        struct in_pktinfo to;
        int segment;

        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            memcpy(&to, CMSG_DATA(c), sizeof(to));
            path.local = to.ipi_addr.s_addr;
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            memcpy(&segment, CMSG_DATA(c), sizeof(segment));
            size = (size_t)segment;
        }
    }
    for (size_t at = 0; at < len; at += size)
        fn(arg, &path, data + at, MIN(size, len - at));
}

unsigned wire_recv(struct wire *w, wire_recv_fn fn, void *arg)
{
    int n;

    for (unsigned i = 0; i < BATCH; i++)
        w->in_hdr[i].msg_hdr = (struct msghdr){ .msg_name = &w->in[i].from,
                                                .msg_namelen = sizeof(w->in[i].from),
                                                .msg_iov = &w->in[i].iov,
                                                .msg_iovlen = 1,
                                                .msg_control = w->in[i].control.mem,
                                                .msg_controllen = sizeof(w->in[i].control.mem) };
    n = recvmmsg(w->fd, w->in_hdr, BATCH, MSG_DONTWAIT, NULL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED))
        return 0;
    must(n, "recvmmsg");
    for (int i = 0; i < n; i++)
        hand_over(w, (unsigned)i, fn, arg);
    return (unsigned)n;
}
