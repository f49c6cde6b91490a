/* SPDX-License-Identifier: Apache-2.0
 * The listener, connections and the libwebsockets context.
 *
 * The daemon accepts by itself and hands the socket to libwebsockets ("adopts" it), so that quotas
 * are checked before any TLS work. */
#include "webadmin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/mem.h>
#include <daemon/cert.h>
#include <daemon/daemon.h>
#include <log/log.h>
#include <loop/accept.h>
#include <loop/clock.h>

static const struct lws_protocols protocols[] = {
    { "http", wa_http_callback, 0, 0, 0, NULL, 0 },
    { NULL, NULL, 0, 0, 0, NULL, 0 },
};

/* libwebsockets reports every failed handshake of a scanner as an error. */
static void on_lws_log(int level, const char *line)
{
    (void)level;
    log_debug("lws: %.*s", (int)strcspn(line, "\n"), line);
}

/* --- connections ------------------------------------------------------------------------------ */

static struct wa_source *source_of(struct webadmin *wa, const char *ip)
{
    struct wa_source *s = map_get(wa->sources, ip);

    if (!s) {
        s = MEM_NEW(struct wa_source);
        bucket_init(&s->requests, WA_REQUESTS_PER_S, WA_REQUESTS_BURST, loop_now_ms());
        map_put(wa->sources, ip, s);
    }
    return s;
}

static bool quota_left(const struct webadmin *wa, const char *ip)
{
    const struct wa_source *s = map_get(wa->sources, ip);

    if (wa->conn_count < WA_CONNS_MAX && (!s || s->conns < WA_CONNS_PER_SOURCE_MAX))
        return true;
    if (log_limit(ip))
        log_info("connection from %s: refused, too many connections (%zu of %d in all)", ip,
                 wa->conn_count, WA_CONNS_MAX);
    return false;
}

static struct wa_conn *conn_new(struct webadmin *wa, const struct addr *peer)
{
    struct wa_conn *c = MEM_NEW(struct wa_conn);

    c->wa = wa;
    c->peer = *peer;
    addr_print_ip(peer, c->peer_ip);
    c->source = source_of(wa, c->peer_ip);
    c->source->conns++;
    list_add_tail(&wa->conns, &c->node);
    wa->conn_count++;
    return c;
}

void wa_conn_free(struct wa_conn *c)
{
    struct webadmin *wa;

    if (!c)
        return;
    wa = c->wa;
    if (wa->adopting == c)
        wa->adopting = NULL;
    wa_request_end(c);
    list_del(&c->node);
    wa->conn_count--;
    if (--c->source->conns == 0)
        free(map_del(wa->sources, c->peer_ip));
    free(c);
}

/* libwebsockets' first callback for the new wsi comes from inside and ties it to wa->adopting; when
 * it gives up at once, the wsi's destruction has freed the connection already. */
static void on_accepted(void *arg, int fd, const struct addr *peer)
{
    struct webadmin *wa = arg;
    char ip[ADDR_TEXT_MAX];
    struct wa_conn *c;
    struct lws *wsi;

    if (!quota_left(wa, addr_print_ip(peer, ip))) {
        close(fd);
        return;
    }
    c = conn_new(wa, peer);
    wa->adopting = c;
    wsi = lws_adopt_socket_vhost(wa->https, fd);
    if (!wsi && wa->adopting == c)
        wa_conn_free(c);
    wa->adopting = NULL;
}

/* --- libwebsockets ---------------------------------------------------------------------------- */

static int context_start(struct webadmin *wa, struct str *why)
{
    void *loops[] = { wa->loop };
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
        .foreign_loops = loops,
        .gid = -1,
        .uid = -1,
        .max_http_header_data = WA_HEAD_BYTES_MAX,
        .max_http_header_pool = WA_HEADS_MAX,
        /* More than a TLS record: what a smaller one leaves in OpenSSL is not always fetched from
         * there, and a body of 9000 bytes never became whole (tried). */
        .pt_serv_buf_size = WA_READ_B,
        .timeout_secs = WA_HEAD_TIMEOUT_S,
        .fd_limit_per_thread = WA_CONNS_MAX + 64,
        .user = wa,
    };

    lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
    wa->lws = lws_create_context(&info);
    if (wa->lws)
        return 0;
    str_add(why, "libwebsockets could not start; is the package libwebsockets-evlib-uv installed?");
    return -ENOSYS;
}

/* A virtual host without certificate when `cert` is false. */
static struct lws_vhost *vhost_new(struct webadmin *wa, bool cert)
{
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .vhost_name = cert ? "https" : "none",
        .protocols = protocols,
        /* Without DO_SSL_GLOBAL_INIT here too a virtual host silently speaks plain HTTP. */
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
        .keepalive_timeout = WA_KEEPALIVE_S,
        .timeout_secs_ah_idle = WA_HEAD_TIMEOUT_S,
        .alpn = "http/1.1",
        .ssl_cert_filepath = cert ? wa->cert_path : NULL,
        .ssl_private_key_filepath = cert ? wa->key_path : NULL,
        .user = wa,
    };

    return lws_create_vhost(wa->lws, &info);
}

/* A new virtual host, not new files in the old one: libwebsockets changes a TLS context in steps,
 * and a file that fails half-way would leave it without a usable pair. The old one keeps its
 * connections and ends with the context; certificates change a few times a year. */
static int use_cert(void *arg, struct str *why)
{
    struct webadmin *wa = arg;
    struct lws_vhost *fresh = vhost_new(wa, true);

    if (!fresh) {
        str_addf(why, "The certificate %s or its key cannot be used by OpenSSL", wa->cert_path);
        return -EACCES;
    }
    wa->https = fresh;
    return 0;
}

/* For a server name that it does not know libwebsockets takes the TLS context of its first virtual
 * host, and with it the first certificate for ever (tried). The first one here has none: then the
 * connection keeps that of the virtual host into which it was adopted. */
static int first_vhost(struct webadmin *wa, struct str *why)
{
    if (vhost_new(wa, false))
        return 0;
    str_add(why, "libwebsockets has no virtual host");
    return -ENOMEM;
}

/* --- life ------------------------------------------------------------------------------------- */

static int listen_on(struct webadmin *wa, const char *ip, uint16_t port, struct str *why)
{
    bool v6 = strchr(ip, ':') != NULL;
    int err;

    if (port == 0)
        return 0;
    err = loop_accept_new(&wa->accept, wa->loop, ip, port, on_accepted, wa);
    if (err) {
        str_addf(why, "cannot listen on %s:%u: %s", ip, port, strerror(-err));
        return err;
    }
    (void)snprintf(wa->listens_on, sizeof(wa->listens_on), "%s%s%s:%u", v6 ? "[" : "", ip,
                   v6 ? "]" : "", port);
    daemon_listening(wa->daemon, wa->port_name, wa->listens_on);
    return 0;
}

int wa_server_start(struct webadmin *wa, const char *ip, uint16_t port, struct str *why)
{
    const struct daemon_cert_opts cert = {
        .name = "webadmin.crt",
        .cert_path = wa->cert_path,
        .key_path = wa->key_path,
        .fault = "webAdminCertificate",
        .use = use_cert,
        .arg = wa,
    };
    int err;

    wa->sources = map_new();
    list_init(&wa->conns);
    wa->hsts = port < 1024;
    err = context_start(wa, why);
    if (!err)
        err = first_vhost(wa, why);
    if (!err)
        err = daemon_cert_check(wa->cert_path, wa->key_path, why);
    if (!err)
        err = use_cert(wa, why);
    if (err)
        return err;
    wa->cert = daemon_cert_new(wa->daemon, &cert);
    return listen_on(wa, ip, port, why);
}

void wa_server_close(struct webadmin *wa)
{
    if (!wa->accept)
        return;
    /* Whoever the kernel has connected already is let in: closing would cut them off. */
    loop_accept_now(wa->accept);
    loop_accept_free(&wa->accept);
    daemon_listening_no_more(wa->daemon, wa->port_name, wa->listens_on);
}

/* What requests wait for ends while the bus is still there. */
void wa_server_stop(struct webadmin *wa)
{
    struct list *it, *tmp;

    wa->stopping = true;
    loop_accept_free(&wa->accept);
    daemon_cert_free(&wa->cert);
    if (wa->sources)
        LIST_EACH(it, tmp, &wa->conns)
            wa_request_end(LIST_ENTRY(it, struct wa_conn, node));
    if (wa->lws)
        lws_context_destroy(wa->lws);
    wa->lws = NULL;
}

/* Connections end in the loop's turns after wa_server_stop(). What has not by then never will. */
void wa_server_free(struct webadmin *wa)
{
    struct list *it, *tmp;

    if (wa->sources) {
        LIST_EACH(it, tmp, &wa->conns)
            wa_conn_free(LIST_ENTRY(it, struct wa_conn, node));
        map_free(wa->sources);
        wa->sources = NULL;
    }
    str_set(&wa->cert_path, NULL);
    str_set(&wa->key_path, NULL);
}
