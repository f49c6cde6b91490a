/* SPDX-License-Identifier: Apache-2.0 */
#include "inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <zone.pb-c.h>

enum { FLOOD_B = 16 << 10 };

/* A browser's connection at the web bridge. */
struct served {
    struct inside *in;
    struct mux_stream *s;
    struct str connect; /* fields of the CONNECT */
    struct str got;     /* of the browser, until its head is whole */
    bool echoes, floods;
    struct str unsent;  /* an echo that had no room */
};

/* --- streams ---------------------------------------------------------------------------------- */

static void flood(struct served *v)
{
    static const uint8_t bytes[FLOOD_B];

    while (mux_write(v->s, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
        ;
}

static void echo(struct served *v, const void *data, size_t len)
{
    ssize_t n = v->unsent.len == 0 ? mux_write(v->s, data, len) : 0;

    if (n >= 0 && (size_t)n < len)
        str_addn(&v->unsent, (const char *)data + n, len - (size_t)n);
}

static void say(struct served *v, const char *text)
{
    ssize_t n = mux_write(v->s, text, strlen(text));

    (void)n;
}

static void answer(struct served *v)
{
    struct str body = { 0 }, all = { 0 };

    if (str_starts(v->got.s, "GET /echo ")) {
        say(v, "HTTP/1.1 200 OK\r\n\r\nechoing\n");
        v->echoes = true;
    } else if (str_starts(v->got.s, "GET /flood ")) {
        say(v, "HTTP/1.1 200 OK\r\n\r\n");
        v->floods = true;
        flood(v);
    } else if (str_starts(v->got.s, "GET /close ")) {
        say(v, "HTTP/1.1 200 OK\r\n\r\nall of it\n");
        mux_end(v->s);
    } else if (str_starts(v->got.s, "GET /cut ")) {
        say(v, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf\n");
        mux_reset(v->s);
    } else {
        str_addf(&body, "\n%s%s", v->connect.s ? v->connect.s : "", v->got.s);
        str_addf(&all, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", body.len, body.s);
        say(v, all.s);
    }
    str_fini(&body);
    str_fini(&all);
    str_fini(&v->got);
}

static void on_stream(void *arg, struct mux_stream *s, const struct mux_header *headers, size_t n)
{
    struct inside *in = arg;
    const struct mux_header reason = { "stoa-reason", in->reason };
    struct served *v;

    in->streams++;
    if (in->silent)
        return;
    if (in->refuse) {
        mux_respond(s, in->refuse, &reason, in->reason ? 1 : 0, true);
        return;
    }
    v = MEM_NEW(struct served);
    v->in = in;
    v->s = s;
    for (size_t i = 0; i < n; i++)
        str_addf(&v->connect, "%s=%s\n", headers[i].name, headers[i].value);
    mux_stream_set(s, v);
    mux_respond(s, 200, NULL, 0, false);
}

static void on_data(void *arg, struct mux_stream *s, const uint8_t *data, size_t len)
{
    struct served *v = mux_stream_user(s);

    (void)arg;
    mux_stream_consumed(s, len);
    if (v && v->echoes)
        echo(v, data, len);
    if (!v || v->echoes || v->floods)
        return;
    str_addn(&v->got, data, len);
    if (strstr(v->got.s, "\r\n\r\n"))
        answer(v);
}

static void on_eof(void *arg, struct mux_stream *s)
{
    (void)arg;
    mux_end(s);
}

static void on_room(void *arg, struct mux_stream *s)
{
    struct served *v = mux_stream_user(s);

    (void)arg;
    if (v && v->floods)
        flood(v);
    if (v && v->unsent.len > 0) {
        char *text = v->unsent.s;
        size_t len = v->unsent.len;

        v->unsent = (struct str){ 0 };
        echo(v, text, len);
        free(text);
    }
}

static void on_stream_end(void *arg, struct mux_stream *s, int err)
{
    struct served *v = mux_stream_user(s);

    (void)arg;
    (void)err;
    if (!v)
        return;
    str_fini(&v->connect);
    str_fini(&v->got);
    str_fini(&v->unsent);
    free(v);
}

/* --- the control stream ----------------------------------------------------------------------- */

static void on_up(void *arg, const char *const *denied, size_t n)
{
    struct inside *in = arg;

    in->up = true;
    for (size_t i = 0; denied && i < n; i++) {
        size_t at = strlen(in->denied);

        if (denied[i])
            (void)snprintf(in->denied + at, sizeof(in->denied) - at, "%s:%s,", in->domains[i],
                           denied[i]);
    }
}

static struct inside_row *find_row(struct inside *in, const char *kind, const char *id)
{
    for (size_t i = 0; i < in->n_rows; i++)
        if (str_eq(in->rows[i].kind, kind) && str_eq(in->rows[i].id, id))
            return &in->rows[i];
    return NULL;
}

static void on_row(void *arg, const struct tunnel_row *row)
{
    struct inside *in = arg;
    struct inside_row *r = find_row(in, row->kind, row->id);

    if (row->gone) {
        if (r)
            *r = in->rows[--in->n_rows];
        return;
    }
    if (!r && in->n_rows < INSIDE_ROWS)
        r = &in->rows[in->n_rows++];
    if (!r)
        return;
    (void)snprintf(r->kind, sizeof(r->kind), "%s", row->kind);
    (void)snprintf(r->id, sizeof(r->id), "%s", row->id);
    r->fields[0] = '\0';
    for (size_t i = 0; i < row->n; i++) {
        size_t at = strlen(r->fields);

        (void)snprintf(r->fields + at, sizeof(r->fields) - at, "%s=%s\n", row->fields[i].name,
                       row->fields[i].value);
    }
}

static void on_answer(void *arg, uint64_t id, const uint8_t *data, size_t len)
{
    struct inside *in = arg;
    Stoa__Zone__V1__Answer *a = stoa__zone__v1__answer__unpack(NULL, len, data);

    (void)id;
    if (!a)
        abort();
    in->answers++;
    in->answer_status = (int)a->status;
    (void)snprintf(in->answer_code, sizeof(in->answer_code), "%s", a->code ? a->code : "");
    (void)snprintf(in->answer_text, sizeof(in->answer_text), "%s", a->text ? a->text : "");
    stoa__zone__v1__answer__free_unpacked(a, NULL);
}

static void on_down(void *arg, enum tunnel_refusal why, const char *text)
{
    struct inside *in = arg;

    in->down = true;
    in->up = false;
    in->why = why;
    (void)snprintf(in->text, sizeof(in->text), "%s", text ? text : "");
    tunnel_link_free(&in->l);
}

static const struct mux_ops streams = {
    .on_stream = on_stream,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_stream_end = on_stream_end,
};

static const struct tunnel_link_ops ops = {
    .on_up = on_up,
    .on_row = on_row,
    .on_answer = on_answer,
    .streams = &streams,
    .on_down = on_down,
};

/* --- opening ---------------------------------------------------------------------------------- */

static bool is_decided(void *arg)
{
    const struct inside *in = arg;

    return in->up || in->down;
}

void inside_open(struct inside *in, struct expefix *f)
{
    const struct pki_pair *pair = in->pair ? in->pair : &f->expc;
    const struct tls_zone_opts tls = { .cert_pem = pair->cert_pem, .key_pem = pair->key_pem,
                                       .peer_ca_pem = f->edge_ca.cert_pem,
                                       .peer_name = EXPEFIX_EDGE };
    struct tls_ctx *ctx = NULL;
    struct str why = { 0 };
    struct tunnel_link_opts opts = {
        .node = in->node ? in->node : "node-1",
        .software = "stoa test",
        .budget = &in->budget,
        .peer_name = EXPEFIX_EDGE,
        .user = in->user ? in->user : EXPEFIX_USER,
        .password = in->password ? in->password : EXPEFIX_PASSWORD,
        .own_ca_pem = in->ca ? in->ca->cert_pem : f->inside_ca.cert_pem,
        .domain = in->domain,
        .domains = in->domains,
        .domain_count = in->domain_count,
        .config_hash = "00",
    };

    in->fix = f;
    in->budget.max = MUX_BUDGET;
    in->up = in->down = false;
    in->why = TUNNEL_OK;
    in->denied[0] = in->text[0] = '\0';
    if (tls_ctx_zone_client(&ctx, &tls, &why)) {
        (void)fprintf(stderr, "inside: %s\n", why.s);
        abort();
    }
    opts.ctx = ctx;
    in->l = tunnel_link_dial(expefix_loop(f),
                             expefix_connect_from(f, EXPEFIX_ZONE_PORT, in->from), &opts, &ops,
                             in);
    tls_ctx_free(&ctx);
    if (!expefix_until(f, is_decided, in)) {
        char *log = expefix_log(f);

        (void)fprintf(stderr, "inside: neither up nor down\n%s\n", log);
        abort();
    }
}

void inside_tunnel_up(struct inside *in, struct expefix *f)
{
    in->domain = EXPEFIX_NAME;
    inside_open(in, f);
    if (!in->up) {
        (void)fprintf(stderr, "inside: the tunnel is not up, %s: %s\n", tunnel_refusal_word(in->why),
                      in->text);
        abort();
    }
}

void inside_close(struct inside *in)
{
    if (in->l)
        tunnel_link_free(&in->l);
    in->up = false;
}

/* --- waiting ---------------------------------------------------------------------------------- */

struct want {
    struct inside *in;
    const char *kind, *field;
    unsigned answers;
};

static bool has_row(void *arg)
{
    const struct want *w = arg;

    for (size_t i = 0; i < w->in->n_rows; i++)
        if (str_eq(w->in->rows[i].kind, w->kind) &&
            (!w->field || strstr(w->in->rows[i].fields, w->field)))
            return true;
    return false;
}

static bool has_no_row(void *arg)
{
    return !has_row(arg);
}

bool inside_saw_row(struct inside *in, const char *kind, const char *field)
{
    struct want w = { in, kind, field, 0 };

    return expefix_until(in->fix, has_row, &w);
}

bool inside_lost_row(struct inside *in, const char *kind)
{
    struct want w = { in, kind, NULL, 0 };

    return expefix_until(in->fix, has_no_row, &w);
}

static bool is_down(void *arg)
{
    return ((struct inside *)arg)->down;
}

bool inside_went_down(struct inside *in)
{
    return expefix_until(in->fix, is_down, in);
}

static bool is_answered(void *arg)
{
    const struct want *w = arg;

    return w->in->answers > w->answers;
}

static void ask(struct inside *in, Stoa__Zone__V1__Request *r)
{
    struct want w = { in, NULL, NULL, in->answers };
    uint8_t packed[4096];

    r->has_id = true;
    r->id = in->answers + 1;
    if (tunnel_link_request(in->l, packed, stoa__zone__v1__request__pack(r, packed)) ||
        !expefix_until(in->fix, is_answered, &w)) {
        (void)fprintf(stderr, "inside: no answer\n");
        abort();
    }
}

void inside_probe(struct inside *in, const char *host)
{
    Stoa__Zone__V1__Request r = STOA__ZONE__V1__REQUEST__INIT;
    Stoa__Zone__V1__ProbeHost p = STOA__ZONE__V1__PROBE_HOST__INIT;

    p.host = (char *)(uintptr_t)host;
    r.probe = &p;
    ask(in, &r);
}

void inside_revoke(struct inside *in, const char *id)
{
    Stoa__Zone__V1__Request r = STOA__ZONE__V1__REQUEST__INIT;
    Stoa__Zone__V1__Revoke v = STOA__ZONE__V1__REVOKE__INIT;
    char *ids[] = { (char *)(uintptr_t)id };
    int64_t expires[] = { 4000000000 };

    v.n_ids = v.n_expires_s = 1;
    v.ids = ids;
    v.expires_s = expires;
    r.revoke = &v;
    ask(in, &r);
}
