/* SPDX-License-Identifier: Apache-2.0
 * Connections of guests outside. expc opens them on a listener of their own: first a PROXY header
 * in the clear (who the browser is, through which zone it came), then TLS, in which expc shows its
 * certificate. The public listeners know nothing of PROXY headers: whoever could send one there
 * would choose the address that quotas and the brake against guessing count. Why so:
 * docs/decisions/015.
 *
 * The header is read byte-exact, so that the ClientHello behind it stays in the socket. */
#include "webbridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <base/mem.h>
#include <log/log.h>
#include <loop/timer.h>
#include <pki/file.h>
#include <proxy2/proxy2.h>
#include <tls/link.h>

static const char expc_name[] = "expc"; /* in the certificate */

/* A socket whose header is not complete. */
struct waiting {
    struct list node;
    struct webbridge *wb;
    uv_poll_t poll;
    struct loop_timer *timer;
    struct addr expc;
    int fd; /* -1: handed on */
    size_t have;
    uint8_t data[PROXY2_MAX];
};

/* --- the header ------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

/* Lets the socket go; its descriptor is closed unless it was handed on. */
static void waiting_end(struct waiting *w)
{
    list_del(&w->node);
    w->wb->proxy.waiting_count--;
    loop_timer_free(&w->timer);
    (void)uv_poll_stop(&w->poll);
    if (w->fd >= 0)
        close(w->fd);
    uv_close((uv_handle_t *)&w->poll, on_closed);
}

static void refuse(struct webbridge *wb, const struct addr *expc, const char *reason)
{
    char ip[ADDR_TEXT_MAX], about[ADDR_TEXT_MAX + 64];
    wb->m.proxied_refused++;
    addr_print_ip(expc, ip);
    (void)snprintf(about, sizeof about, "proxy %s %.40s", ip, reason);
    if (log_limit(about))
        log_info("connection for expc from %s: closed, %s", ip, reason);
}

static void on_late(void *arg)
{
    struct waiting *w = arg;
    refuse(w->wb, &w->expc, "no PROXY header in time");
    waiting_end(w);
}

/* What is wrong with a header that is complete, or NULL. */
static const char *judge(const struct proxy2 *h)
{
    if (h->local)
        return "a PROXY header without a client (LOCAL)";
    if (h->client.family == ADDR_NONE)
        return "a PROXY header without the client's address";
    if (h->zone[0] == '\0')
        return "a PROXY header without a zone";
    return NULL;
}

static void hand_on(struct waiting *w, const struct proxy2 *h)
{
    struct webbridge *wb = w->wb;
    struct addr expc = w->expc;
    struct wb_from from = { .peer = h->client, .zone = h->zone, .connection = h->connection,
                            .expc = &expc };
    int fd = w->fd;
    char ip[ADDR_TEXT_MAX];
    w->fd = -1;
    waiting_end(w); /* before the socket gets its next owner, who watches it in the same loop */
    if (wb->lws == NULL || !wb_server_quota_left(wb, addr_print_ip(&from.peer, ip))) {
        wb->m.proxied_refused++;
        close(fd);
        return;
    }
    wb->m.proxied_total++;
    wb_server_adopt(wb, fd, &from);
}

/* How many bytes of the header are still to come, as far as is known; 0: `h` is complete.
 * Errors: -EBADMSG. */
static ssize_t missing(const struct waiting *w, struct proxy2 *h)
{
    size_t size = 0;
    if (w->have < PROXY2_FIXED_LEN)
        return (ssize_t)(PROXY2_FIXED_LEN - w->have);
    int err = proxy2_parse(h, w->data, w->have, &size);
    if (err == 0)
        return 0;
    if (err != -EAGAIN || size <= w->have || size > sizeof w->data)
        return -EBADMSG;
    return (ssize_t)(size - w->have);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct waiting *w = poll->data;
    struct proxy2 h;
    ssize_t more;
    (void)events;
    while ((more = status < 0 ? -EBADMSG : missing(w, &h)) > 0) {
        ssize_t n = recv(w->fd, w->data + w->have, (size_t)more, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0)
            break;
        w->have += (size_t)n;
    }
    const char *wrong = more > 0 ? "it ended before its PROXY header" :
                        more < 0 ? "no PROXY header" : judge(&h);
    if (wrong == NULL) {
        hand_on(w, &h);
        return;
    }
    refuse(w->wb, &w->expc, wrong);
    waiting_end(w);
}

void wb_proxy_accept(struct webbridge *wb, int fd, const struct addr *expc)
{
    if (wb->proxy.waiting_count >= WB_PROXY_WAITING_MAX) {
        refuse(wb, expc, "too many without a PROXY header");
        close(fd);
        return;
    }
    struct waiting *w = MEM_NEW(struct waiting);
    if (uv_poll_init(wb->loop, &w->poll, fd) != 0) {
        close(fd);
        free(w);
        return;
    }
    w->wb = wb;
    w->fd = fd;
    w->expc = *expc;
    w->poll.data = w;
    w->timer = loop_timer_new(wb->loop, on_late, w);
    loop_timer_start(w->timer, WB_PROXY_HEADER_MS, 0);
    list_add_tail(&wb->proxy.waiting, &w->node);
    wb->proxy.waiting_count++;
    (void)uv_poll_start(&w->poll, UV_READABLE, on_readable);
}

/* --- the certificate -------------------------------------------------------------------------- */

/* The site's CA as it is in the file now; the last one while it cannot be read. */
static const char *ca_now(struct wb_proxy *p)
{
    int64_t stamp = pki_file_stamp(p->ca_path);
    char *pem = NULL;
    if (stamp == p->ca_stamp && p->ca_pem != NULL)
        return p->ca_pem;
    if (pki_file_load(&pem, p->ca_path, NULL) == 0) {
        free(p->ca_pem);
        p->ca_pem = pem;
        p->ca_stamp = stamp;
    }
    return p->ca_pem;
}

/* A chain to any other CA is worth nothing here, and the same certificate on the public listener
 * opens nothing: browsers are not asked for one. */
bool wb_proxy_admits(struct wb_conn *c, struct lws *wsi)
{
    struct pki_err why = { "it has shown no certificate" };
    char *pem = NULL, text[sizeof why.text + 64];
    if (c->via == NULL || c->via->proven)
        return true;
    const char *ca = ca_now(&c->wb->proxy);
    if (ca == NULL)
        (void)snprintf(why.text, sizeof why.text, "there is no %s", c->wb->proxy.ca_path);
    else if (tls_peer_leaf(&pem, lws_get_ssl(wsi)) == 0)
        c->via->proven = pki_verify(pem, ca, expc_name, (int64_t)time(NULL), &why) == 0;
    free(pem);
    if (c->via->proven)
        return true;
    (void)snprintf(text, sizeof text, "not the certificate of expc: %s", why.text);
    refuse(c->wb, &c->via->expc, text);
    return false;
}

const struct wb_names *wb_conn_names(const struct wb_conn *c)
{
    return c->via != NULL ? c->wb->outside : c->wb->names;
}

/* --- life ------------------------------------------------------------------------------------- */

void wb_proxy_start(struct webbridge *wb, const char *ca_path)
{
    list_init(&wb->proxy.waiting);
    wb->proxy.ca_path = str_dup(ca_path);
}

void wb_proxy_stop(struct webbridge *wb)
{
    struct list *it, *tmp;
    if (wb->proxy.waiting.next == NULL)
        return;
    LIST_EACH(it, tmp, &wb->proxy.waiting)
        waiting_end(LIST_ENTRY(it, struct waiting, node));
}

void wb_proxy_free(struct webbridge *wb)
{
    str_set(&wb->proxy.ca_path, NULL);
    str_set(&wb->proxy.ca_pem, NULL);
}
