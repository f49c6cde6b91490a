/* SPDX-License-Identifier: Apache-2.0 */
#include "testedge.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/list.h>
#include <base/mem.h>
#include <loop/accept.h>
#include <zone.pb-c.h>

#define ZONE "the-zone"

struct conn {
    struct list node;
    struct testedge *e;
    struct tunnel_link *link;
    char *domain; /* NULL: the zone connection; known once it is up */
    bool up;
};

struct testedge {
    struct testedge_opts o;
    char *peer_ca, *peer_name, *user, *denied;
    const char *names[1];
    struct scram_verifier verifier;
    struct tls_ctx *ctx;
    struct loop_accept *accept;
    struct list conns;
    struct mux_budget budget;
    struct testedge_seen seen;
    struct str revoked;
    uint8_t mask[32];
    uint16_t port;
};

static void give_up(const char *what)
{
    (void)fprintf(stderr, "testedge: %s\n", what);
    abort();
}

/* --- streams ---------------------------------------------------------------------------------- */

static void consume(struct edgestream *s, size_t len)
{
    mux_stream_consumed(s->mux, len);
}

static void on_response(void *arg, struct mux_stream *mux, int status,
                        const struct mux_header *headers, size_t n)
{
    struct edgestream *s = mux_stream_user(mux);

    (void)arg;
    if (!s)
        return;
    s->status = status;
    for (size_t i = 0; i < n; i++)
        if (str_eq(headers[i].name, "stoa-reason"))
            (void)str_copy(s->reason, sizeof(s->reason), headers[i].value);
}

static void on_data(void *arg, struct mux_stream *mux, const uint8_t *data, size_t len)
{
    struct edgestream *s = mux_stream_user(mux);

    (void)arg;
    if (!s) {
        mux_stream_consumed(mux, len);
        return;
    }
    str_addn(&s->in, data, len);
    if (s->slow)
        s->held += len;
    else
        consume(s, len);
}

static void on_eof(void *arg, struct mux_stream *mux)
{
    struct edgestream *s = mux_stream_user(mux);

    (void)arg;
    if (s)
        s->eof = true;
}

static void on_stream_end(void *arg, struct mux_stream *mux, int err)
{
    struct edgestream *s = mux_stream_user(mux);

    (void)arg;
    if (!s)
        return;
    s->mux = NULL;
    s->link = NULL;
    s->ended = true;
    s->err = err;
}

static void on_goaway(void *arg)
{
    struct conn *c = arg;

    c->e->seen.goodbyes++;
}

static const struct mux_ops stream_ops = { .on_response = on_response, .on_data = on_data,
                                           .on_eof = on_eof, .on_stream_end = on_stream_end,
                                           .on_goaway = on_goaway };

static struct conn *find(const struct testedge *e, const char *domain)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &e->conns) {
        struct conn *c = LIST_ENTRY(it, struct conn, node);

        if (c->up && str_eq(c->domain, domain))
            return c;
    }
    return NULL;
}

int edgestream_open(struct edgestream *s, struct testedge *e, const char *domain,
                    const char *authority)
{
    const struct mux_header headers[] = { { "stoa-client", "203.0.113.9:40000" },
                                          { "stoa-connection", "77" },
                                          { "stoa-tls", "TLSv1.3" },
                                          { "stoa-sni", authority } };
    struct conn *c = find(e, domain);
    int err = 0;

    if (!c)
        return -ENOENT;
    s->link = c->link;
    s->mux = tunnel_link_open(c->link, authority, headers, ARRAY_LEN(headers), &err);
    if (!s->mux)
        return err;
    mux_stream_set(s->mux, s);
    tunnel_link_flush(s->link);
    return 0;
}

void edgestream_write(struct edgestream *s, const char *text)
{
    if (!s->mux)
        return;
    if (mux_write(s->mux, text, strlen(text)) != (ssize_t)strlen(text))
        give_up("no room for a request");
    tunnel_link_flush(s->link);
}

void edgestream_finish(struct edgestream *s)
{
    if (!s->mux)
        return;
    mux_end(s->mux);
    tunnel_link_flush(s->link);
}

void edgestream_drain(struct edgestream *s)
{
    s->slow = false;
    if (!s->mux)
        return;
    consume(s, s->held);
    s->held = 0;
    tunnel_link_flush(s->link);
}

void edgestream_close(struct edgestream *s)
{
    struct tunnel_link *link = s->link;

    if (s->mux) {
        mux_stream_set(s->mux, NULL);
        mux_reset(s->mux);
        tunnel_link_flush(link);
    }
    str_fini(&s->in);
    *s = (struct edgestream){ 0 };
}

/* --- links ------------------------------------------------------------------------------------ */

static int find_zone(void *arg, const char *user, const struct addr *from, struct tunnel_zone *out)
{
    struct testedge *e = ((struct conn *)arg)->e;

    (void)from;
    if (!str_eq(user, e->user))
        return -ENOENT;
    *out = (struct tunnel_zone){ .id = ZONE, .verifier = &e->verifier, .peer_ca_pem = e->peer_ca,
                                 .peer_names = e->names, .peer_name_count = 1 };
    return 0;
}

static const char *judge_domain(void *arg, const char *zone, const char *domain)
{
    const struct testedge *e = ((struct conn *)arg)->e;

    (void)zone;
    return str_eq(domain, e->denied) ? "notConfigured" : NULL;
}

static void on_paired(void *arg, const char *zone, const char *peer_ca_pem)
{
    struct testedge *e = ((struct conn *)arg)->e;

    (void)zone;
    str_set(&e->peer_ca, peer_ca_pem);
    str_set(&e->seen.paired, peer_ca_pem);
}

static void on_up(void *arg, const char *const *denied, size_t n)
{
    struct conn *c = arg;

    (void)denied;
    (void)n;
    c->up = true;
    str_set(&c->domain, tunnel_link_peer(c->link)->domain);
    tunnel_link_probe(c->link);
}

static void on_request(void *arg, uint64_t id, const uint8_t *data, size_t len)
{
    struct conn *c = arg;
    Stoa__Zone__V1__Request *req = stoa__zone__v1__request__unpack(NULL, len, data);
    Stoa__Zone__V1__Answer answer = STOA__ZONE__V1__ANSWER__INIT;
    uint8_t packed[64];

    if (!req || !req->revoke)
        give_up("a request that it does not know");
    for (size_t i = 0; i < req->revoke->n_ids; i++)
        str_addf(&c->e->revoked, "%s%s", c->e->revoked.len ? "," : "", req->revoke->ids[i]);
    stoa__zone__v1__request__free_unpacked(req, NULL);
    answer.has_id = true;
    answer.id = id;
    (void)!tunnel_link_answer(c->link, packed, stoa__zone__v1__answer__pack(&answer, packed));
}

static void conn_free(struct conn *c)
{
    list_del(&c->node);
    tunnel_link_free(&c->link);
    free(c->domain);
    free(c);
}

static void on_down(void *arg, enum tunnel_refusal why, const char *text)
{
    struct conn *c = arg;

    (void)fprintf(stderr, "testedge: connection of %s is down, %s, %s\n",
                  c->domain ? c->domain : "the zone", tunnel_refusal_word(why), text ? text : "");
    c->e->seen.down++;
    c->e->seen.last = why;
    conn_free(c);
}

static const struct tunnel_link_ops link_ops = {
    .find_zone = find_zone, .judge_domain = judge_domain, .on_paired = on_paired, .on_up = on_up,
    .on_request = on_request, .streams = &stream_ops, .on_down = on_down,
};

static void on_accepted(void *arg, int fd, const struct addr *peer)
{
    struct testedge *e = arg;
    struct conn *c = MEM_NEW(struct conn);
    const struct tunnel_link_opts o = { .ctx = e->ctx, .node = "test-edge", .software = "test 1",
                                        .budget = &e->budget, .mask_key = e->mask };

    (void)peer;
    c->e = e;
    e->seen.accepted++;
    list_add_tail(&e->conns, &c->node);
    c->link = tunnel_link_accept(e->o.loop, fd, &o, &link_ops, c);
}

bool testedge_active(const struct testedge *e, const char *domain)
{
    const struct conn *c = find(e, domain);

    return c && tunnel_link_is_active(c->link);
}

void testedge_row(struct testedge *e, const struct tunnel_row *row)
{
    struct conn *c = find(e, NULL);

    if (!c || tunnel_link_row(c->link, row))
        give_up("a row cannot be said");
}

const struct testedge_seen *testedge_seen(struct testedge *e)
{
    struct conn *c = find(e, NULL);

    e->seen.zone_peer = c ? tunnel_link_peer(c->link) : NULL;
    e->seen.revoked = e->revoked.s;
    return &e->seen;
}

/* --- life ------------------------------------------------------------------------------------- */

uint16_t testedge_port(const struct testedge *e)
{
    return e->port;
}

static uint16_t free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)&a, len) || getsockname(fd, (struct sockaddr *)&a, &len))
        give_up("no port");
    close(fd);
    return ntohs(a.sin_port);
}

struct testedge *testedge_new(const struct testedge_opts *o)
{
    struct testedge *e = MEM_NEW(struct testedge);
    const struct tls_zone_opts zone = { .cert_pem = o->cert_pem, .key_pem = o->key_pem };
    struct str why = { 0 };

    e->o = *o;
    e->peer_ca = str_dup(o->peer_ca_pem);
    e->peer_name = str_dup(o->peer_name);
    e->user = str_dup(o->user);
    e->denied = str_dup(o->denied);
    e->names[0] = e->peer_name;
    e->budget.max = MUX_BUDGET;
    list_init(&e->conns);
    scram_verifier_make(&e->verifier, SCRAM_SHA_256, o->password, SCRAM_ITERATIONS);
    if (tls_ctx_zone_server(&e->ctx, &zone, &why))
        give_up(why.s);
    e->port = o->port ? o->port : free_port();
    if (loop_accept_new(&e->accept, o->loop, o->ip ? o->ip : "127.0.0.1", e->port, on_accepted, e))
        give_up("cannot listen");
    return e;
}

void testedge_free(struct testedge **ep)
{
    struct testedge *e = *ep;
    struct list *it, *tmp;

    *ep = NULL;
    if (!e)
        return;
    loop_accept_free(&e->accept);
    LIST_EACH(it, tmp, &e->conns)
        conn_free(LIST_ENTRY(it, struct conn, node));
    tls_ctx_free(&e->ctx);
    str_fini(&e->revoked);
    free(e->seen.paired);
    free(e->peer_ca);
    free(e->peer_name);
    free(e->user);
    free(e->denied);
    free(e);
}
