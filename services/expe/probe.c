/* SPDX-License-Identifier: Apache-2.0
 * Asks for the page of a join name through a tunnel, as a browser would, and answers with the
 * status that came: a tunnel that is up may still lead to web bridges that are not. */
#include "expe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <httphead/head.h>
#include <loop/clock.h>
#include <site/site.h>

struct probe {
    struct expe_stream stream; /* first: what a stream's user pointer points to */
    struct list node;
    struct expe *e;
    struct expe_link *asker; /* NULL: a question of our own, answered by fn */
    uint64_t id;
    expe_probe_fn fn;
    void *arg;
    char host[HTTPHEAD_HOST_MAX + 1];
    char *zone; /* that it went through; the link may be gone */
    int64_t end_ms;
    char head[64]; /* of the answer: its first line tells the status */
    size_t len, seen;
};

static const struct expe_stream_ops stream_ops;

static void probe_free(struct probe *p)
{
    expe_stream_drop(&p->stream);
    list_del(&p->node);
    p->e->n_probes--;
    free(p->zone);
    free(p);
}

static void answer(struct probe *p, const char *code, const char *text, int status)
{
    struct expe_link *asker = p->asker;
    expe_probe_fn fn = p->fn;
    void *arg = p->arg;
    uint64_t id = p->id;
    char *zone = p->zone;

    p->zone = NULL;
    probe_free(p);
    if (asker)
        expe_answer(asker, id, code, text, status);
    else if (fn)
        fn(arg, code, text, status, zone);
    free(zone);
}

static struct probe *of(void *user)
{
    return user;
}

static void on_response(void *user, int status, const char *reason)
{
    struct probe *p = of(user);
    char request[HTTPHEAD_HOST_MAX + 128];
    int n;

    if (status != 200) {
        answer(p, reason ? reason : "refused", "expc reaches no web bridge", 0);
        return;
    }
    n = snprintf(request, sizeof(request),
                 "GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: stoa-probe\r\n"
                 "Connection: close\r\n\r\n",
                 p->host);
    if (mux_write(p->stream.s, request, (size_t)n) != n)
        answer(p, "refused", "the tunnel takes no bytes", 0);
}

static void on_data(void *user, const uint8_t *data, size_t len)
{
    struct probe *p = of(user);
    size_t take = MIN(len, sizeof(p->head) - 1 - p->len);
    int status;

    memcpy(p->head + p->len, data, take);
    p->len += take;
    p->seen += len;
    mux_stream_consumed(p->stream.s, len);
    status = httphead_status(p->head, p->len);
    if (status > 0)
        answer(p, "", "", status);
    else if (status < 0 || p->seen > EXPE_PROBE_BYTES_MAX)
        answer(p, "malformed", "what answers is not a web server", 0);
}

static void on_eof(void *user)
{
    answer(of(user), "closed", "the web bridge ended without an answer", 0);
}

static void on_room(void *user)
{
    (void)user; /* the request fits the queue */
}

static void on_end(void *user, int err)
{
    answer(of(user), err == -EBUSY ? "memory" : "closed", "the tunnel ended", 0);
}

static const struct expe_stream_ops stream_ops = {
    .on_response = on_response,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_end = on_end,
};

static int open_stream(struct probe *p)
{
    char connection[64], client[ADDR_TEXT_MAX];
    const struct mux_header headers[] = {
        { "stoa-client", p->asker ? addr_print(&p->asker->from, client) : "127.0.0.1:1" },
        { "stoa-tls", "TLSv1.3" },
        { "stoa-sni", p->host },
        { "stoa-connection", connection },
    };

    (void)snprintf(connection, sizeof(connection), "%.8s/probe%llu", p->e->daemon->instance,
                   (unsigned long long)p->id);
    return expe_stream_open(p->e, &p->stream, p->host, headers, ARRAY_LEN(headers));
}

static struct probe *probe_new(struct expe *e, int timeout_ms)
{
    struct probe *p = MEM_NEW(struct probe);

    p->e = e;
    p->stream.ops = &stream_ops;
    p->end_ms = loop_now_ms() + timeout_ms;
    list_add_tail(&e->probes, &p->node);
    e->n_probes++;
    return p;
}

static void begin(struct probe *p, const char *host)
{
    struct expe *e = p->e;

    if (httphead_host(p->host, sizeof(p->host), host, strlen(host)) ||
        !site_external_name(e->site, p->host)) {
        answer(p, "domain", "not one of the edge's external names", 421);
        return;
    }
    if (open_stream(p)) {
        answer(p, "tunnel", "no tunnel is up for this name", 503);
        return;
    }
    p->zone = str_dup(p->stream.link->zone_name);
    expe_stream_flush(&p->stream);
}

void expe_probe_start(struct expe_link *k, uint64_t id, const char *host)
{
    struct probe *p;

    if (k->e->n_probes >= EXPE_PROBES_MAX) {
        expe_answer(k, id, "limit", "too many probes at a time", 0);
        return;
    }
    p = probe_new(k->e, EXPE_PROBE_MS);
    p->asker = k;
    p->id = id;
    begin(p, host);
}

void expe_probe_own(struct expe *e, const char *host, int timeout_ms, expe_probe_fn fn, void *arg)
{
    struct probe *p;

    if (e->n_probes >= EXPE_PROBES_MAX) {
        fn(arg, "limit", "too many probes at a time", 0, NULL);
        return;
    }
    p = probe_new(e, timeout_ms);
    p->fn = fn;
    p->arg = arg;
    begin(p, host);
}

void expe_probes_forget_own(struct expe *e, const void *arg)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &e->probes) {
        struct probe *p = LIST_ENTRY(it, struct probe, node);

        if (p->fn && p->arg == arg)
            probe_free(p);
    }
}

void expe_probes_forget(struct expe *e, const struct expe_link *k)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &e->probes) {
        struct probe *p = LIST_ENTRY(it, struct probe, node);

        if (p->asker == k)
            probe_free(p);
    }
}

void expe_probes_look(struct expe *e)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &e->probes) {
        struct probe *p = LIST_ENTRY(it, struct probe, node);

        if (loop_now_ms() >= p->end_ms)
            answer(p, "timeout", "no answer in time", 504);
    }
}
