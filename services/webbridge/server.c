/* SPDX-License-Identifier: Apache-2.0
 * Connections and the libwebsockets context.
 *
 * The daemon accepts by itself and hands the socket to libwebsockets ("adopts" it): quotas are
 * checked before any TLS work, and the listener that expects a PROXY header can read it first. The
 * context lives in the daemon's own libuv loop; with libwebsockets owning the loop a process
 * ignored SIGTERM (tried). */
#include "webbridge.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/mem.h>
#include <daemon/cert.h>
#include <log/log.h>
#include <tls/link.h>

static const char subprotocol[] = "stoa.guest.v1";

/* The same for both virtual hosts: after the handshake libwebsockets picks one of them anew by the
 * Host header, whichever the connection was adopted into. What a connection may do is in struct
 * wb_conn. */
static const struct lws_protocols protocols[] = {
    { "http", wb_http_callback, 0, 0, 0, NULL, 0 },
    { subprotocol, wb_ws_callback, 0, 16384, 0, NULL, 0 },
    { NULL, NULL, 0, 0, 0, NULL, 0 },
};

static const lws_retry_bo_t liveness = {
    .secs_since_valid_ping = WB_PING_S,
    .secs_since_valid_hangup = WB_PING_S + WB_PONG_S,
};

/* libwebsockets reports every failed handshake of a scanner as an error. */
static void on_lws_log(int level, const char *line)
{
    (void)level;
    log_debug("lws: %.*s",
              (int)strcspn(line, "\n"), line);
}

/* --- connections ------------------------------------------------------------------------------ */

static struct wb_source *source_of(struct webbridge *wb, const char *ip)
{
    struct wb_source *s = map_get(wb->sources, ip);
    if (s == NULL) {
        s = MEM_NEW(struct wb_source);
        map_put(wb->sources, ip, s);
    }
    return s;
}

bool wb_server_quota_left(struct webbridge *wb, const char *ip)
{
    const struct wb_source *s = map_get(wb->sources, ip);
    if (wb->conn_count < WB_CONNS_MAX && (s == NULL || s->conns < WB_CONNS_PER_SOURCE_MAX))
        return true;
    wb->m.connections_refused++;
    if (log_limit(ip))
        log_info("connection from %s: refused, too many connections (%zu of %d in all)", ip,
                 wb->conn_count, WB_CONNS_MAX);
    return false;
}

static struct wb_via *via_new(const struct wb_from *from)
{
    if (from->zone == NULL)
        return NULL;
    struct wb_via *v = MEM_NEW(struct wb_via);
    v->expc = *from->expc;
    (void)!str_copy(v->zone, sizeof v->zone, from->zone);
    (void)!str_copy(v->connection, sizeof v->connection, from->connection);
    return v;
}

static struct wb_conn *conn_new(struct webbridge *wb, const struct wb_from *from)
{
    struct wb_conn *c = MEM_NEW(struct wb_conn);
    c->wb = wb;
    c->peer = from->peer;
    c->plain = from->plain;
    c->via = via_new(from);
    addr_print_ip(&c->peer, c->peer_ip);
    c->source = source_of(wb, c->peer_ip);
    c->source->conns++;
    list_add_tail(&wb->conns, &c->node);
    wb->conn_count++;
    wb->m.connections_total++;
    return c;
}

void wb_conn_free(struct wb_conn *c)
{
    if (c == NULL)
        return;
    struct webbridge *wb = c->wb;
    if (wb->adopting == c)
        wb->adopting = NULL;
    wb_link_free(c->link);
    list_del(&c->node);
    wb->conn_count--;
    if (--c->source->conns == 0)
        free(map_del(wb->sources, c->peer_ip));
    free(c->via);
    free(c);
}

/* libwebsockets' first callback for the new wsi comes from inside and ties it to wb->adopting; when
 * it gives up at once, the wsi's destruction has freed the connection already. */
void wb_server_adopt(struct webbridge *wb, int fd, const struct wb_from *from)
{
    struct wb_conn *c = conn_new(wb, from);
    struct lws_vhost *host = c->plain ? wb->http : c->via != NULL ? wb->guests : wb->https;
    wb->adopting = c;
    struct lws *wsi = lws_adopt_socket_vhost(host, fd);
    if (wsi == NULL && wb->adopting == c)
        wb_conn_free(c);
    wb->adopting = NULL;
}

/* --- libwebsockets ---------------------------------------------------------------------------- */

static int context_start(struct webbridge *wb, struct str *why)
{
    void *loops[] = { wb->loop };
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
        .foreign_loops = loops,
        .gid = -1,
        .uid = -1,
        .max_http_header_data = WB_HEAD_BYTES_MAX,
        .max_http_header_pool = WB_HEADS_MAX,
        .timeout_secs = WB_HEAD_TIMEOUT_S,
        .fd_limit_per_thread = WB_CONNS_MAX + 64,
        .retry_and_idle_policy = &liveness,
        .user = wb,
    };
    lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
    wb->lws = lws_create_context(&info);
    if (wb->lws != NULL)
        return 0;
    str_add(why, "libwebsockets could not start; is the package libwebsockets-evlib-uv installed?");
    return -ENOSYS;
}

/* A virtual host that cannot be made with its certificate is NULL. */
static struct lws_vhost *vhost(struct webbridge *wb, const char *name)
{
    bool plain = str_eq(name, "http");
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .vhost_name = name,
        .protocols = protocols,
        /* Without DO_SSL_GLOBAL_INIT here too a virtual host silently speaks plain HTTP. */
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
        .keepalive_timeout = WB_KEEPALIVE_S,
        .timeout_secs_ah_idle = WB_HEAD_TIMEOUT_S,
        .retry_and_idle_policy = &liveness,
        /* Both are HTTP/1.1; in this order, so that a callbridge sees that it is understood. */
        .alpn = str_eq(name, WB_GUESTS_VHOST) ? "http/1.1" : TLS_LINK_ALPN ",http/1.1",
        .user = wb,
    };
    if (!plain) {
        info.ssl_cert_filepath = wb->cert_path;
        info.ssl_private_key_filepath = wb->key_path;
    }
    return lws_create_vhost(wb->lws, &info);
}

int wb_server_start(struct webbridge *wb, const struct wb_server_opts *o, struct str *why)
{
    wb->sources = map_new();
    list_init(&wb->conns);
    wb->cert_path = str_dup(o->cert_path);
    wb->key_path = str_dup(o->key_path);
    wb_proxy_start(wb, o->ca_path);
    int err = context_start(wb, why);
    if (err != 0)
        return err;
    wb->http = vhost(wb, "http");
    if (wb->http == NULL) {
        str_add(why, "libwebsockets has no virtual host for redirects");
        return -ENOMEM;
    }
    return wb_server_reload_cert(wb, why);
}

/* A new virtual host, not new files in the old one: libwebsockets changes a TLS context in steps,
 * and a file that fails half-way would leave it without a usable pair. The old one keeps its
 * connections and ends with the context; certificates change a few times a year. */
int wb_server_reload_cert(struct webbridge *wb, struct str *why)
{
    int err = daemon_cert_check(wb->cert_path, wb->key_path, why);
    if (err != 0)
        return err;
    struct lws_vhost *https = vhost(wb, "https");
    struct lws_vhost *guests = https == NULL ? NULL : vhost(wb, WB_GUESTS_VHOST);
    if (guests == NULL) {
        str_addf(why, "The certificate %s or its key cannot be used by OpenSSL", wb->cert_path);
        return -EACCES;
    }
    wb->https = https;
    wb->guests = guests;
    return 0;
}


void wb_server_stop(struct webbridge *wb)
{
    wb_listen_stop(wb);
    wb_proxy_stop(wb);
    if (wb->lws != NULL)
        lws_context_destroy(wb->lws);
    wb->lws = NULL;
}

/* Connections end in the loop's turns after wb_server_stop(). What has not by then never will. */
void wb_server_free(struct webbridge *wb)
{
    struct list *it, *tmp;
    if (wb->sources != NULL) {
        LIST_EACH(it, tmp, &wb->conns)
            wb_conn_free(LIST_ENTRY(it, struct wb_conn, node));
        map_free(wb->sources);
        wb->sources = NULL;
    }
    wb_proxy_free(wb);
    str_set(&wb->cert_path, NULL);
    str_set(&wb->key_path, NULL);
}
