/* SPDX-License-Identifier: Apache-2.0
 * See streamfix.h. */
#include "streamfix.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DEADLINE_MS = 50000, TICK_MS = 10, SETTLE_TURNS = 6 };

struct pki_pair fix_edge_ca, fix_inside_ca, fix_edge, fix_inside, fix_old, fix_future;
uv_loop_t fix_loop;
static uv_timer_t tick;
static uint64_t give_up_ms;

static int issue(struct pki_pair *out, const struct pki_pair *ca, const char *name, int64_t now_s)
{
    const char *names[] = { name, "127.0.0.1" };
    struct pki_opts o = { .names = names, .name_count = 2, .days = 30, .now_s = now_s };

    return pki_issue(out, ca, &o, NULL);
}

int fix_certs(void **state)
{
    const int64_t now_s = time(NULL), day_s = 24 * 3600;
    struct pki_opts edge = { .cn = "edge CA", .now_s = now_s - 200 * day_s };
    struct pki_opts inside = { .cn = "inside CA", .now_s = now_s - 200 * day_s };

    (void)state;
    if (pki_ca_new(&fix_edge_ca, &edge, NULL) || pki_ca_new(&fix_inside_ca, &inside, NULL))
        return -1;
    return issue(&fix_edge, &fix_edge_ca, EDGE_NAME, now_s) ||
           issue(&fix_inside, &fix_inside_ca, INSIDE_NAME, now_s) ||
           issue(&fix_old, &fix_edge_ca, EDGE_NAME, now_s - 100 * day_s) ||
           issue(&fix_future, &fix_edge_ca, EDGE_NAME, now_s + 10 * day_s);
}

int fix_certs_free(void **state)
{
    (void)state;
    pki_pair_fini(&fix_edge_ca);
    pki_pair_fini(&fix_inside_ca);
    pki_pair_fini(&fix_edge);
    pki_pair_fini(&fix_inside);
    pki_pair_fini(&fix_old);
    pki_pair_fini(&fix_future);
    return 0;
}

static void on_tick(uv_timer_t *t)
{
    (void)t; /* wakes the loop */
}

int fix_set_up(void **state)
{
    (void)state;
    if (uv_loop_init(&fix_loop))
        return -1;
    (void)uv_timer_init(&fix_loop, &tick);
    (void)uv_timer_start(&tick, on_tick, TICK_MS, TICK_MS);
    give_up_ms = uv_now(&fix_loop) + DEADLINE_MS;
    return 0;
}

int fix_tear_down(void **state)
{
    (void)state;
    uv_close((uv_handle_t *)&tick, NULL);
    (void)uv_run(&fix_loop, UV_RUN_DEFAULT);
    return uv_loop_close(&fix_loop);
}

bool fix_turn(void)
{
    (void)uv_run(&fix_loop, UV_RUN_ONCE);
    return uv_now(&fix_loop) < give_up_ms;
}

bool fix_spin(void)
{
    (void)uv_run(&fix_loop, UV_RUN_NOWAIT);
    return uv_now(&fix_loop) < give_up_ms;
}

void fix_settle(void)
{
    for (int i = 0; i < SETTLE_TURNS; i++)
        (void)fix_turn();
}

/* ---- one end ---- */

static void on_open(void *arg)
{
    struct fix_end *e = arg;

    assert_true(tls_stream_is_open(e->s));
    e->opened++;
    if (e->on_open)
        e->on_open(e);
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
    struct fix_end *e = arg;

    assert_int_equal(e->opened, 1);
    assert_int_equal(e->eofs, 0);
    if (e->on_data)
        e->on_data(e, data, len);
    else
        str_addn(&e->got, data, len);
}

static void on_room(void *arg)
{
    struct fix_end *e = arg;

    assert_true(tls_stream_queued(e->s) < TLS_STREAM_LOW);
    e->rooms++;
    if (e->on_room)
        e->on_room(e);
}

static void on_eof(void *arg)
{
    struct fix_end *e = arg;

    e->eofs++;
    if (e->on_eof)
        e->on_eof(e);
}

static void on_close(void *arg, enum tls_end end, int err, const char *text)
{
    struct fix_end *e = arg;

    assert_false(tls_stream_is_open(e->s));
    assert_true(*text);
    e->closed++;
    e->why = end;
    e->err = err;
    (void)str_copy(e->text, sizeof(e->text), text);
    if (e->on_close)
        e->on_close(e);
}

const struct tls_stream_ops fix_ops = { .on_open = on_open, .on_data = on_data, .on_room = on_room,
                                        .on_eof = on_eof, .on_close = on_close };

void fix_sockets(int fds[2])
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(sa);
    int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(l, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(l, 1), 0);
    assert_int_equal(getsockname(l, (struct sockaddr *)&sa, &len), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fds[0], (struct sockaddr *)&sa, len), 0);
    fds[1] = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fds[1] >= 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    close(l);
}

void fix_start(struct fix_end *e, int fd, struct tls_ctx *ctx, const struct tls_stream_opts *opts)
{
    e->fd = fd;
    e->s = tls_stream_new(&fix_loop, fd, ctx, opts, &fix_ops, e);
    assert_non_null(e->s);
    assert_false(tls_stream_is_open(e->s));
}

void fix_connect(struct fix_pair *p, struct tls_ctx *server, struct tls_ctx *client, const char *sni)
{
    int fds[2];

    fix_sockets(fds);
    p->client.other = &p->server;
    p->server.other = &p->client;
    fix_start(&p->client, fds[0], client, &(struct tls_stream_opts){ .sni = sni });
    fix_start(&p->server, fds[1], server, &(struct tls_stream_opts){ .server = true });
}

void fix_open(struct fix_pair *p, struct tls_ctx *server, struct tls_ctx *client, const char *sni)
{
    fix_connect(p, server, client, sni);
    UNTIL(p->client.opened && p->server.opened);
}

void fix_end_fini(struct fix_end *e)
{
    tls_stream_free(&e->s);
    assert_null(e->s);
    str_fini(&e->got);
}

void fix_fini(struct fix_pair *p)
{
    fix_end_fini(&p->client);
    fix_end_fini(&p->server);
}

/* ---- contexts ---- */

struct tls_ctx *fix_zone_server(void)
{
    struct tls_zone_opts o = { .cert_pem = fix_edge.cert_pem, .key_pem = fix_edge.key_pem };
    struct tls_ctx *ctx;

    assert_int_equal(tls_ctx_zone_server(&ctx, &o, NULL), 0);
    return ctx;
}

struct tls_ctx *fix_zone_client(void)
{
    struct tls_zone_opts o = { .cert_pem = fix_inside.cert_pem, .key_pem = fix_inside.key_pem,
                               .peer_ca_pem = fix_edge_ca.cert_pem, .peer_name = EDGE_NAME };
    struct tls_ctx *ctx;

    assert_int_equal(tls_ctx_zone_client(&ctx, &o, NULL), 0);
    return ctx;
}

struct tls_ctx *fix_web_server(const struct pki_pair *pair)
{
    struct tls_identity id = { .cert_pem = pair->cert_pem, .key_pem = pair->key_pem };
    struct tls_ctx *ctx;

    assert_int_equal(tls_ctx_server(&ctx, &id, 1, NULL), 0);
    return ctx;
}

struct tls_ctx *fix_web_client(const struct pki_pair *ca)
{
    struct tls_ctx *ctx;

    assert_int_equal(tls_ctx_client(&ctx, ca ? ca->cert_pem : NULL, false, ca != NULL, NULL), 0);
    return ctx;
}
