/* SPDX-License-Identifier: Apache-2.0 */
#include "linkrig.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include <base/mem.h>
#include <loop/clock.h>
#include <loop/timer.h>
#include <tls_priv.h>

/* --- certificates ----------------------------------------------------------------------------- */

struct linkcerts linkcerts;

static void make_ca(struct pki_pair *out, const char *cn)
{
    struct pki_opts opts = { .cn = cn, .now_s = loop_wall_us() / 1000000 };

    assert_int_equal(pki_ca_new(out, &opts, NULL), 0);
}

static void make_leaf(struct pki_pair *out, const struct pki_pair *ca, const char *name,
                      int64_t age_s)
{
    struct pki_opts opts = { .names = &name, .name_count = 1, .days = 30,
                             .now_s = loop_wall_us() / 1000000 - age_s };

    assert_int_equal(pki_issue(out, ca, &opts, NULL), 0);
}

static void make_leaves(struct pki_pair out[PAIRS], const struct pki_pair *ca, const char *name,
                        const char *other)
{
    make_leaf(&out[PAIR_GOOD], ca, name, 0);
    make_leaf(&out[PAIR_OTHER_CA], &linkcerts.other_ca, name, 0);
    make_leaf(&out[PAIR_EXPIRED], ca, name, 40 * 86400);
    make_leaf(&out[PAIR_OTHER_NAME], ca, other, 0);
}

void linkcerts_init(void)
{
    make_ca(&linkcerts.edge_ca, "edge CA");
    make_ca(&linkcerts.in_ca, "inside CA");
    make_ca(&linkcerts.other_ca, "other CA");
    make_leaves(linkcerts.edge, &linkcerts.edge_ca, "vcse.octavio.com", "www.octavio.com");
    make_leaves(linkcerts.in, &linkcerts.in_ca, "vcsc.octavio.local", "web.octavio.local");
}

void linkcerts_fini(void)
{
    pki_pair_fini(&linkcerts.edge_ca);
    pki_pair_fini(&linkcerts.in_ca);
    pki_pair_fini(&linkcerts.other_ca);
    for (int i = 0; i < PAIRS; i++) {
        pki_pair_fini(&linkcerts.edge[i]);
        pki_pair_fini(&linkcerts.in[i]);
    }
}

/* --- what the ends are told ------------------------------------------------------------------- */

static void maybe_free(struct linkend *e, const char *where)
{
    if (str_eq(e->free_in, where))
        tunnel_link_free(&e->l);
}

static int find_zone(void *arg, const char *user, const struct addr *from, struct tunnel_zone *out)
{
    struct linkend *e = arg;
    struct linkrig *r = e->rig;

    assert_true(addr_is_loopback(from));
    if (r->locked)
        return -EAGAIN;
    if (!str_eq(user, r->zone_user))
        return -ENOENT;
    out->id = "zone-1";
    out->verifier = &r->verifier;
    out->peer_ca_pem = r->zone_ca;
    out->peer_names = &r->zone_name;
    out->peer_name_count = 1;
    return 0;
}

static const char *judge_domain(void *arg, const char *zone, const char *domain)
{
    struct linkend *e = arg;

    assert_string_equal(zone, "zone-1");
    if (e->rig->no_domains)
        return "notConfigured";
    return str_ends(domain, "octavio.com") ? NULL : "notConfigured";
}

static void on_paired(void *arg, const char *zone, const char *ca)
{
    struct linkend *e = arg;

    e->paireds++;
    str_set(&e->paired_zone, zone);
    str_set(&e->paired_ca, ca);
    e->rig->zone_ca = e->paired_ca;
}

static void on_wrong(void *arg, const char *user, const struct addr *from)
{
    struct linkend *e = arg;

    assert_true(addr_is_loopback(from));
    e->wrongs++;
    str_set(&e->wrong_user, user);
}

static void on_up(void *arg, const char *const *denied, size_t n)
{
    struct linkend *e = arg;

    e->ups++;
    e->denied_n = n;
    for (size_t i = 0; i < MIN(n, ARRAY_LEN(e->denied)); i++)
        str_set(&e->denied[i], denied[i] ? denied[i] : "");
    maybe_free(e, "on_up");
}

static void on_probe(void *arg, int64_t rtt_us)
{
    struct linkend *e = arg;

    assert_true(rtt_us > 0);
    e->probes++;
    maybe_free(e, "on_probe");
}

static void on_row(void *arg, const struct tunnel_row *row)
{
    struct linkend *e = arg;

    str_addf(&e->rows, "%c%s/%s", row->gone ? '-' : '+', row->kind, row->id);
    for (size_t i = 0; i < row->n; i++)
        str_addf(&e->rows, " %s=%s", row->fields[i].name, row->fields[i].value);
    str_add(&e->rows, "\n");
    maybe_free(e, "on_row");
}

static void answer(struct linkend *e, uint64_t id)
{
    Stoa__Zone__V1__Answer a = STOA__ZONE__V1__ANSWER__INIT;
    uint8_t bytes[64];

    a.has_id = true;
    a.id = id;
    a.code = "";
    assert_int_equal(
        tunnel_link_answer(e->l, bytes, stoa__zone__v1__answer__pack(&a, bytes)), 0);
}

static void on_request(void *arg, uint64_t id, const uint8_t *data, size_t len)
{
    struct linkend *e = arg;
    Stoa__Zone__V1__Request *req = stoa__zone__v1__request__unpack(NULL, len, data);

    assert_non_null(req);
    assert_int_equal(req->id, id);
    str_addf(&e->requests, "%d %s\n", (int)id, req->probe ? req->probe->host : "");
    stoa__zone__v1__request__free_unpacked(req, NULL);
    if (e->answers_requests)
        answer(e, id);
    maybe_free(e, "on_request");
}

static void on_answer(void *arg, uint64_t id, const uint8_t *data, size_t len)
{
    struct linkend *e = arg;
    Stoa__Zone__V1__Answer *a = stoa__zone__v1__answer__unpack(NULL, len, data);

    assert_non_null(a);
    str_addf(&e->answers, "%d %s\n", (int)id, a->code);
    stoa__zone__v1__answer__free_unpacked(a, NULL);
    maybe_free(e, "on_answer");
}

static void on_down(void *arg, enum tunnel_refusal why, const char *text)
{
    struct linkend *e = arg;

    e->downs++;
    e->why = why;
    assert_non_null(text);
    if (!str_eq(e->free_in, "later"))
        tunnel_link_free(&e->l);
    str_set(&e->text, text); /* good beyond the link */
}

/* --- streams ---------------------------------------------------------------------------------- */

static void on_stream(void *arg, struct mux_stream *s, const struct mux_header *headers, size_t n)
{
    struct linkend *e = arg;

    assert_true(n >= 2);
    assert_string_equal(headers[0].value, "CONNECT");
    e->streams++;
    e->last = s;
    mux_stream_set(s, e);
    mux_respond(s, 200, NULL, 0, false);
    maybe_free(e, "on_stream");
}

static void on_response(void *arg, struct mux_stream *s, int status,
                        const struct mux_header *headers, size_t n)
{
    struct linkend *e = arg;

    (void)s;
    (void)headers;
    (void)n;
    e->status = status;
    maybe_free(e, "on_response");
}

static void on_data(void *arg, struct mux_stream *s, const uint8_t *data, size_t len)
{
    struct linkend *e = arg;

    str_addn(&e->bytes, data, len);
    if (e->echoes)
        assert_int_equal(mux_write(s, data, len), len);
    if (e->consumes_late)
        e->late += len;
    else
        mux_stream_consumed(s, len);
    maybe_free(e, "on_data");
}

static void on_eof(void *arg, struct mux_stream *s)
{
    struct linkend *e = arg;

    mux_end(s);
    maybe_free(e, "on_eof");
}

static void on_stream_end(void *arg, struct mux_stream *s, int err)
{
    struct linkend *e = arg;

    e->stream_ends++;
    e->stream_err = err;
    if (e->last == s)
        e->last = NULL;
    if (e->l)
        tunnel_link_flush(e->l); /* a user may */
    maybe_free(e, "on_stream_end");
}

static void on_goaway(void *arg)
{
    struct linkend *e = arg;

    e->goaways++;
    maybe_free(e, "on_goaway");
}

static const struct mux_ops streams = { .on_stream = on_stream,
                                        .on_response = on_response,
                                        .on_data = on_data,
                                        .on_eof = on_eof,
                                        .on_stream_end = on_stream_end,
                                        .on_goaway = on_goaway };

static const struct tunnel_link_ops ops = { .find_zone = find_zone,
                                            .judge_domain = judge_domain,
                                            .on_paired = on_paired,
                                            .on_wrong = on_wrong,
                                            .on_up = on_up,
                                            .on_probe = on_probe,
                                            .on_row = on_row,
                                            .on_request = on_request,
                                            .on_answer = on_answer,
                                            .streams = &streams,
                                            .on_down = on_down };

/* --- the rig ---------------------------------------------------------------------------------- */

void linkrig_init(struct linkrig *r)
{
    memset(r, 0, sizeof(*r));
    assert_int_equal(uv_loop_init(&r->loop), 0);
    r->in.rig = r->edge.rig = r;
    r->edge.edge = true;
    r->in_budget.max = r->edge_budget.max = MUX_BUDGET;
    r->in_pair = &linkcerts.in[PAIR_GOOD];
    r->edge_pair = &linkcerts.edge[PAIR_GOOD];
    r->trusts_ca = linkcerts.edge_ca.cert_pem;
    r->own_ca = linkcerts.in_ca.cert_pem;
    r->expects_name = "vcse.octavio.com";
    r->user = r->zone_user = "Tuser";
    r->password = "password of the zone";
    r->zone_ca = linkcerts.in_ca.cert_pem;
    r->zone_name = "vcsc.octavio.local";
    r->domains[0] = "octavio.com";
    r->domains[1] = "octavio.local";
    r->domain_count = 2;
    r->config_hash = "00ff10";
    scram_verifier_make(&r->verifier, SCRAM_SHA_256, r->password, SCRAM_ITERATIONS);
}

static void end_fini(struct linkend *e)
{
    tunnel_link_free(&e->l);
    free(e->text);
    free(e->paired_ca);
    free(e->paired_zone);
    free(e->wrong_user);
    str_fini(&e->rows);
    str_fini(&e->requests);
    str_fini(&e->answers);
    str_fini(&e->bytes);
    for (size_t i = 0; i < ARRAY_LEN(e->denied); i++)
        free(e->denied[i]);
}

void linkrig_fini(struct linkrig *r)
{
    end_fini(&r->in);
    end_fini(&r->edge);
    assert_int_equal(r->in_budget.used, 0);
    assert_int_equal(r->edge_budget.used, 0);
    while (uv_run(&r->loop, UV_RUN_DEFAULT))
        continue;
    assert_int_equal(uv_loop_close(&r->loop), 0);
}

void linkrig_sockets(int fd[2])
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(sin);
    int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(l >= 0);
    assert_int_equal(bind(l, (struct sockaddr *)&sin, len), 0);
    assert_int_equal(listen(l, 1), 0);
    assert_int_equal(getsockname(l, (struct sockaddr *)&sin, &len), 0);
    fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd[0], (struct sockaddr *)&sin, len), 0);
    fd[1] = accept4(l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(fd[1] >= 0);
    assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
    close(l);
}

/* What no function of lib/tls makes: a client of a zone that has no certificate. */
static struct tls_ctx *ctx_without_cert(void)
{
    static const unsigned char alpn[] = "\x0bstoa-zone/1";
    struct tls_ctx *ctx = NULL;

    assert_int_equal(tls_ctx_client(&ctx, NULL, false, false, NULL), 0);
    assert_int_equal(SSL_CTX_set_alpn_protos(ctx->ssl, alpn, sizeof(alpn) - 1), 0);
    return ctx;
}

struct tls_ctx *linkrig_ctx(struct linkrig *r, bool edge)
{
    const struct pki_pair *pair = edge ? r->edge_pair : r->in_pair;
    struct tls_zone_opts opts = { .cert_pem = pair->cert_pem, .key_pem = pair->key_pem };
    struct tls_ctx *ctx = NULL;

    if (!edge && r->no_cert)
        return ctx_without_cert();
    if (edge) {
        assert_int_equal(tls_ctx_zone_server(&ctx, &opts, NULL), 0);
    } else {
        opts.peer_ca_pem = r->trusts_ca;
        opts.peer_name = r->expects_name;
        assert_int_equal(tls_ctx_zone_client(&ctx, &opts, NULL), 0);
    }
    return ctx;
}

static void set_times(struct tunnel_times *times, const struct tunnel_times *wanted)
{
    times->hello_ms = wanted->hello_ms ? wanted->hello_ms : 60000; /* a slow machine is no fault */
    times->alive_ms = wanted->alive_ms ? wanted->alive_ms : times->alive_ms;
    times->ttl_ms = wanted->ttl_ms ? wanted->ttl_ms : 60000;
    times->close_ms = wanted->close_ms ? wanted->close_ms : 60000;
}

void linkrig_start(struct linkend *e, int fd)
{
    static const uint8_t mask[32] = "for users who do not exist";
    struct linkrig *r = e->rig;
    struct tunnel_link_opts opts = { .ctx = linkrig_ctx(r, e->edge),
                                     .node = e->edge ? "edge-node" : "inside-node",
                                     .software = e->edge ? "stoa 0.1.0 edge" : "stoa 0.1.0 inside",
                                     .budget = e->edge ? &r->edge_budget : &r->in_budget };

    if (e->edge) {
        opts.mask_key = mask;
        e->l = tunnel_link_accept(&r->loop, fd, &opts, &ops, e);
    } else {
        opts.peer_name = r->expects_name;
        opts.user = r->user;
        opts.password = r->password;
        opts.own_ca_pem = r->own_ca;
        opts.domain = r->domain;
        opts.domains = r->domains;
        opts.domain_count = r->domain_count;
        opts.config_hash = r->config_hash;
        e->l = tunnel_link_dial(&r->loop, fd, &opts, &ops, e);
    }
    set_times(&e->l->times, &r->times);
    tls_ctx_free(&opts.ctx);
}

void linkrig_connect(struct linkrig *r)
{
    int fd[2];

    linkrig_sockets(fd);
    linkrig_start(&r->edge, fd[1]);
    linkrig_start(&r->in, fd[0]);
}

static void on_wake(void *arg)
{
    (void)arg;
}

void linkrig_turn(struct linkrig *r)
{
    struct loop_timer *t = loop_timer_new(&r->loop, on_wake, NULL);

    loop_timer_start(t, 10, 0);
    (void)uv_run(&r->loop, UV_RUN_ONCE);
    loop_timer_free(&t);
}

void linkrig_up(struct linkrig *r)
{
    linkrig_connect(r);
    linkrig_until(r, (r->in.ups && r->edge.ups) || r->in.downs || r->edge.downs);
    if (r->in.downs || r->edge.downs)
        fail_msg("inside: %s, %s; edge: %s, %s", tunnel_refusal_word(r->in.why),
                 r->in.text ? r->in.text : "-", tunnel_refusal_word(r->edge.why),
                 r->edge.text ? r->edge.text : "-");
}

void linkrig_down(struct linkrig *r)
{
    linkrig_connect(r);
    linkrig_until(r, r->in.downs && r->edge.downs);
    assert_int_equal(r->in.ups + r->edge.ups, 0);
}
