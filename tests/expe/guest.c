/* SPDX-License-Identifier: Apache-2.0 */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_open(void *arg)
{
    ((struct guest *)arg)->open = true;
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
    struct guest *g = arg;

    g->got += len;
    if (!g->forgets)
        str_addn(&g->in, data, len);
}

static void on_eof(void *arg)
{
    ((struct guest *)arg)->eof = true;
}

static void on_close(void *arg, enum tls_end end, int err, const char *text)
{
    struct guest *g = arg;

    (void)err;
    (void)text;
    g->closed = true;
    g->end = end;
}

static const struct tls_stream_ops ops = {
    .on_open = on_open, .on_data = on_data, .on_eof = on_eof, .on_close = on_close,
};

void guest_start(struct guest *g, struct expefix *f, const char *sni)
{
    const struct tls_stream_opts opts = { .sni = sni };
    struct str why = { 0 };

    memset(g, 0, sizeof(*g));
    g->fix = f;
    if (tls_ctx_client(&g->ctx, f->edge_ca.cert_pem, false, sni != NULL, &why)) {
        (void)fprintf(stderr, "guest: %s\n", why.s);
        abort();
    }
    g->tls = tls_stream_new(expefix_loop(f), expefix_connect(f, EXPEFIX_HTTPS), g->ctx, &opts, &ops,
                            g);
}

static bool is_open(void *arg)
{
    const struct guest *g = arg;

    return g->open || g->closed;
}

void guest_open(struct guest *g, struct expefix *f, const char *sni)
{
    guest_start(g, f, sni);
    if (!expefix_until(f, is_open, g) || !g->open) {
        char *log = expefix_log(f);

        (void)fprintf(stderr, "guest: no TLS, end=%d\n%s\n", g->end, log);
        abort();
    }
}

void guest_close(struct guest *g)
{
    tls_stream_free(&g->tls);
    tls_ctx_free(&g->ctx);
    str_fini(&g->in);
}

void guest_send(struct guest *g, const char *text)
{
    int err = tls_stream_write(g->tls, text, strlen(text));

    (void)err; /* ended: what is waited for tells */
}

void guest_get(struct guest *g, const char *host, const char *path)
{
    char *text = str_printf("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host);

    guest_send(g, text);
    free(text);
}

struct want {
    struct guest *g;
    const char *text;
};

static bool has_text(void *arg)
{
    const struct want *w = arg;

    return (w->g->in.s && strstr(w->g->in.s, w->text)) || w->g->closed;
}

bool guest_saw(struct guest *g, const char *text)
{
    struct want w = { g, text };

    (void)expefix_until(g->fix, has_text, &w);
    return g->in.s && strstr(g->in.s, text);
}

static bool has_ended(void *arg)
{
    const struct guest *g = arg;

    return g->eof || g->closed;
}

bool guest_ended(struct guest *g)
{
    return expefix_until(g->fix, has_ended, g);
}

char *guest_page(struct expefix *f, const char *sni, const char *request, const char *end)
{
    struct guest g;
    char *text;

    guest_open(&g, f, sni);
    guest_send(&g, request);
    (void)guest_saw(&g, end);
    text = str_dup(g.in.s ? g.in.s : "");
    guest_close(&g);
    return text;
}
