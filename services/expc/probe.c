/* SPDX-License-Identifier: Apache-2.0
 * Asks a web bridge for the page, as a browser through the tunnel would. */
#include "expc.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <httphead/head.h>
#include <loop/timer.h>

enum { LINE_MAX_B = 64 }; /* of the answer only its first line counts */

struct probe {
    struct expc *x;
    struct reach *reach;
    struct loop_timer *timer;
    char *host;
    void (*fn)(void *arg, const struct probe_result *r);
    void *arg;
    char line[LINE_MAX_B + 1];
    size_t len;
};

void targets_own_header(struct proxy2 *h)
{
    *h = (struct proxy2){ 0 };
    (void)!addr_parse_ip(&h->client, "127.0.0.1", 0); /* nobody else's quota */
    (void)str_copy(h->zone, sizeof(h->zone), "expc");
    (void)str_copy(h->connection, sizeof(h->connection), "check");
}

void probe_free(struct probe **pp)
{
    struct probe *p = *pp;

    *pp = NULL;
    if (!p)
        return;
    reach_free(&p->reach);
    loop_timer_free(&p->timer);
    free(p->host);
    free(p);
}

static void done(struct probe *p, const struct probe_result *r)
{
    void (*fn)(void *arg, const struct probe_result *) = p->fn;
    void *arg = p->arg;

    probe_free(&p);
    fn(arg, r);
}

static void dead(struct probe *p, const char *code, const char *text)
{
    char copy[POOL_TEXT_MAX];
    const struct probe_result r = { .health = POOL_DEAD, .code = code, .text = copy };

    (void)str_copy(copy, sizeof(copy), text); /* it may belong to the connection */
    done(p, &r);
}

/* "HTTP/1.1 200 OK". */
static void judge(struct probe *p)
{
    char text[POOL_TEXT_MAX];
    struct probe_result r = { .health = POOL_ODD, .code = "refused", .text = text };
    int status = httphead_status(p->line, p->len);

    if (status <= 0) {
        dead(p, "refused", "it answers, but not as a web bridge does");
        return;
    }
    r.status = status;
    if (status == 200) {
        r.health = POOL_HEALTHY;
        r.code = r.text = "";
    } else if (status == 421) {
        r.code = "host";
        (void)snprintf(text, sizeof(text), "it does not answer for the name %s (421 Bad Request): "
                       "the Web Bridge URI (webBridgeUri) names another host", p->host);
    } else {
        (void)snprintf(text, sizeof(text), "it answers %d to the request for the page", r.status);
    }
    done(p, &r);
}

/* --- the connection --------------------------------------------------------------------------- */

static void on_open(void *arg)
{
    struct probe *p = arg;
    char *request = str_printf("GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: stoa-expc\r\n"
                               "Connection: close\r\n\r\n", p->host);

    (void)!reach_write(p->reach, request, strlen(request)); /* its end would come */
    free(request);
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
    struct probe *p = arg;
    size_t n = MIN(len, LINE_MAX_B - p->len);

    memcpy(p->line + p->len, data, n);
    p->len += n;
    if (p->len == LINE_MAX_B || memchr(p->line, '\n', p->len))
        judge(p);
}

/* TLS 1.3 tells a client whose certificate is not wanted only after its handshake. */
static void on_end(void *arg, enum reach_end end, const char *text)
{
    struct probe *p = arg;

    if (end == REACH_CLOSED || end == REACH_CUT)
        dead(p, "refused", "it closes the connection without an answer: its log says why (does it "
                           "know the CA of pki/expc.crt?)");
    else
        dead(p, reach_word(end), text);
}

static const struct reach_ops ops = { .on_open = on_open, .on_data = on_data, .on_end = on_end };

static void on_late(void *arg)
{
    dead(arg, "timeout", "it does not answer in time");
}

struct probe *probe_new(struct expc *x, struct tls_ctx *ctx, const struct addr *to,
                        const char *host, void (*fn)(void *arg, const struct probe_result *r),
                        void *arg)
{
    struct reach_opts opts = { .loop = x->daemon->loop, .ctx = ctx, .name = host, .to = *to };
    struct probe *p = MEM_NEW(struct probe);

    p->x = x;
    p->fn = fn;
    p->arg = arg;
    p->host = str_dup(host);
    p->timer = loop_timer_new(x->daemon->loop, on_late, p);
    loop_timer_start(p->timer, EXPC_CONNECT_MS + EXPC_HANDSHAKE_MS + EXPC_ANSWER_MS, 0);
    targets_own_header(&opts.header);
    p->reach = reach_new(&opts, &ops, p);
    return p;
}
