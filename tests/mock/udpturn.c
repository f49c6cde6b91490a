/* SPDX-License-Identifier: Apache-2.0
 * The mock TURN server on real sockets. */
#include "udpturn.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <base/list.h>
#include <base/mem.h>

enum { FRAME_MAX = 2048, CLIENT_BUFFER = 65536 };

/* A UDP socket: the listener or a relay. */
struct port {
    uv_udp_t handle;
    struct list node;
    struct udpturn *u;
    struct addr addr;
    bool relay;
};

struct client {
    uv_tcp_t handle;
    struct list node;
    struct udpturn *u;
    struct addr addr;
    uint8_t in[CLIENT_BUFFER];
    size_t len;
};

struct listener {
    uv_tcp_t handle;
    struct udpturn *u;
    struct addr addr;
};

struct udpturn {
    uv_loop_t *loop;
    struct turnserver *server;
    struct list ports, clients;
    struct port *udp;
    struct listener *tcp;
    bool block_udp, block_tcp, drop_relayed;
};

static char scratch[65536];

static int64_t now_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static struct sockaddr_storage loopback(void)
{
    struct sockaddr_storage ss;
    struct addr a;

    assert(addr_parse_ip(&a, "127.0.0.1", 0) == 0);
    (void)addr_to_sockaddr(&a, &ss);
    return ss;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(scratch, sizeof(scratch));
}

/* --- UDP -------------------------------------------------------------------------------------- */

static void on_udp(uv_udp_t *handle, ssize_t n, const uv_buf_t *buf, const struct sockaddr *sa,
                   unsigned flags)
{
    struct port *p = CONTAINER_OF(handle, struct port, handle);
    struct addr from;

    (void)flags;
    if (n <= 0 || !sa || addr_from_sockaddr(&from, sa))
        return;
    if (p->relay)
        turnserver_from_peer(p->u->server, now_us(), &p->addr, &from, buf->base, (size_t)n);
    else if (!p->u->block_udp)
        turnserver_from_client(p->u->server, now_us(), &from, buf->base, (size_t)n);
}

/* `fd`: a bound socket; -1: one of its own at any port. */
static struct port *open_port(struct udpturn *u, bool relay, int fd)
{
    struct port *p = MEM_NEW(struct port);
    struct sockaddr_storage ss = loopback();
    int len = sizeof(ss);

    p->u = u;
    p->relay = relay;
    assert(uv_udp_init(u->loop, &p->handle) == 0);
    assert(fd >= 0 ? uv_udp_open(&p->handle, fd) == 0
                   : uv_udp_bind(&p->handle, (struct sockaddr *)&ss, 0) == 0);
    assert(uv_udp_getsockname(&p->handle, (struct sockaddr *)&ss, &len) == 0);
    assert(addr_from_sockaddr(&p->addr, (struct sockaddr *)&ss) == 0);
    assert(uv_udp_recv_start(&p->handle, on_alloc, on_udp) == 0);
    list_add_tail(&u->ports, &p->node);
    return p;
}

static void on_port_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF((uv_udp_t *)(void *)handle, struct port, handle));
}

static void close_port(struct port *p)
{
    list_del(&p->node);
    uv_close((uv_handle_t *)&p->handle, on_port_closed);
}

static void send_from(struct port *p, const struct addr *to, const void *data, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);
    struct sockaddr_storage ss;

    (void)addr_to_sockaddr(to, &ss);
    (void)uv_udp_try_send(&p->handle, &buf, 1, (struct sockaddr *)&ss);
}

static struct port *find_port(struct udpturn *u, const struct addr *addr)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &u->ports) {
        struct port *p = LIST_ENTRY(it, struct port, node);

        if (addr_eq(&p->addr, addr))
            return p;
    }
    return NULL;
}

/* --- TCP -------------------------------------------------------------------------------------- */

static void on_client_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF((uv_tcp_t *)(void *)handle, struct client, handle));
}

static void close_client(struct client *c)
{
    list_del(&c->node);
    uv_close((uv_handle_t *)&c->handle, on_client_closed);
}

/* Source: RFC 8656 sections 3.7, 12.4: ChannelData is padded on a stream */
static size_t frame_size(const uint8_t *head)
{
    size_t len = (size_t)head[2] << 8 | head[3];

    return head[0] & 0x40 ? (len + 4 + 3) & ~(size_t)3 : len + 20;
}

static void on_stream(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct client *c = CONTAINER_OF((uv_tcp_t *)(void *)stream, struct client, handle);
    size_t at = 0;

    if (n < 0) {
        close_client(c);
        return;
    }
    assert(c->len + (size_t)n <= sizeof(c->in));
    memcpy(c->in + c->len, buf->base, (size_t)n);
    c->len += (size_t)n;
    while (c->len - at >= 4 && c->len - at >= frame_size(c->in + at)) {
        size_t size = frame_size(c->in + at);

        turnserver_from_client(c->u->server, now_us(), &c->addr, c->in + at, size);
        at += size;
    }
    memmove(c->in, c->in + at, c->len - at);
    c->len -= at;
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *l = CONTAINER_OF((uv_tcp_t *)(void *)stream, struct listener, handle);
    struct client *c = MEM_NEW(struct client);
    struct sockaddr_storage ss;
    int len = sizeof(ss);

    assert(status == 0);
    c->u = l->u;
    assert(uv_tcp_init(l->u->loop, &c->handle) == 0);
    assert(uv_accept(stream, (uv_stream_t *)&c->handle) == 0);
    assert(uv_tcp_getpeername(&c->handle, (struct sockaddr *)&ss, &len) == 0);
    assert(addr_from_sockaddr(&c->addr, (struct sockaddr *)&ss) == 0);
    list_add_tail(&l->u->clients, &c->node);
    if (l->u->block_tcp)
        close_client(c);
    else
        assert(uv_read_start((uv_stream_t *)&c->handle, on_alloc, on_stream) == 0);
}

static void listen_tcp(struct udpturn *u, int fd)
{
    struct listener *l = MEM_NEW(struct listener);
    struct sockaddr_storage ss;
    int len = sizeof(ss);

    l->u = u;
    u->tcp = l;
    assert(uv_tcp_init(u->loop, &l->handle) == 0);
    assert(uv_tcp_open(&l->handle, fd) == 0);
    assert(uv_listen((uv_stream_t *)&l->handle, 16, on_connection) == 0);
    assert(uv_tcp_getsockname(&l->handle, (struct sockaddr *)&ss, &len) == 0);
    assert(addr_from_sockaddr(&l->addr, (struct sockaddr *)&ss) == 0);
}

static void send_stream(struct client *c, const void *data, size_t len)
{
    uint8_t frame[FRAME_MAX] = { 0 };
    size_t size = (len + 3) & ~(size_t)3;
    uv_buf_t buf = uv_buf_init((char *)frame, (unsigned)size);
    int n;

    assert(size <= sizeof(frame));
    memcpy(frame, data, len);
    n = uv_try_write((uv_stream_t *)&c->handle, &buf, 1);
    assert(n < 0 || (size_t)n == size); /* a full socket drops whole frames */
}

/* --- the server ------------------------------------------------------------------------------- */

static void to_client(void *arg, const struct addr *client, const void *data, size_t len)
{
    struct udpturn *u = arg;
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &u->clients) {
        struct client *c = LIST_ENTRY(it, struct client, node);

        if (addr_eq(&c->addr, client)) {
            send_stream(c, data, len);
            return;
        }
    }
    if (!u->block_udp && u->udp)
        send_from(u->udp, client, data, len);
}

static void to_peer(void *arg, const struct addr *relay, const struct addr *peer, const void *data,
                    size_t len)
{
    struct port *p = find_port(arg, relay);

    if (p && !p->u->drop_relayed)
        send_from(p, peer, data, len);
}

static struct addr open_relay(void *arg)
{
    return open_port(arg, true, -1)->addr;
}

static void close_relay(void *arg, const struct addr *relay)
{
    struct port *p = find_port(arg, relay);

    if (p)
        close_port(p);
}

static int bound(int type, struct sockaddr_storage *ss)
{
    socklen_t len = sizeof(struct sockaddr_in);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert(fd >= 0);
    if (bind(fd, (struct sockaddr *)ss, len) == 0) {
        assert(getsockname(fd, (struct sockaddr *)ss, &len) == 0);
        return fd;
    }
    (void)close(fd);
    return -1;
}

/* One port for both, as servers have it. */
static void bind_both(int *udp, int *tcp)
{
    do {
        struct sockaddr_storage ss = loopback();

        *tcp = bound(SOCK_STREAM, &ss);
        *udp = *tcp < 0 ? -1 : bound(SOCK_DGRAM, &ss);
        if (*udp < 0 && *tcp >= 0)
            (void)close(*tcp);
    } while (*udp < 0);
}

struct udpturn *udpturn_new(uv_loop_t *loop)
{
    static const struct turnserver_ops ops = { to_client, to_peer, open_relay, close_relay };
    struct udpturn *u = MEM_NEW(struct udpturn);
    struct turnserver_opts opts = {
        .ops = &ops, .arg = u, .username = "user", .password = "secret", .realm = "stoa",
    };
    int udp, tcp;

    u->loop = loop;
    list_init(&u->ports);
    list_init(&u->clients);
    u->server = turnserver_new(&opts);
    bind_both(&udp, &tcp);
    u->udp = open_port(u, false, udp);
    listen_tcp(u, tcp);
    return u;
}

static void on_listener_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF((uv_tcp_t *)(void *)handle, struct listener, handle));
}

void udpturn_cut_tcp(struct udpturn *u)
{
    while (!list_empty(&u->clients))
        close_client(LIST_ENTRY(u->clients.next, struct client, node));
}

void udpturn_free(struct udpturn *u)
{
    if (!u)
        return;
    turnserver_free(u->server);
    while (!list_empty(&u->ports))
        close_port(LIST_ENTRY(u->ports.next, struct port, node));
    udpturn_cut_tcp(u);
    uv_close((uv_handle_t *)&u->tcp->handle, on_listener_closed);
    free(u);
}

const struct addr *udpturn_udp(const struct udpturn *u)
{
    return &u->udp->addr;
}

const struct addr *udpturn_tcp(const struct udpturn *u)
{
    return &u->tcp->addr;
}

struct turnserver *udpturn_server(struct udpturn *u)
{
    return u->server;
}

void udpturn_block_udp(struct udpturn *u, bool block)
{
    u->block_udp = block;
}

void udpturn_block_tcp(struct udpturn *u, bool block)
{
    u->block_tcp = block;
}

void udpturn_drop_relayed(struct udpturn *u, bool drop)
{
    u->drop_relayed = drop;
}
