/* SPDX-License-Identifier: Apache-2.0
 * The private socket <state>/run/<role>-<number>.sock: HTTP/1.0 GET of /metrics, /status and
 * /health for the owner of the state directory. One answer per connection; few connections, small
 * requests, a deadline each. Not a web server. */
#include "daemon_priv.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <base/mem.h>
#include <bus/pbjson.h>
#include <daemon/metrics.h>
#include <log/log.h>

enum { REQUEST_MAX_B = 4096, CLIENTS_MAX = 16, CLIENT_TIMEOUT_MS = 5000, BACKLOG = 16 };

struct private_server {
    uv_pipe_t pipe;
    struct daemon *d;
    char *path;
    struct list clients;
    size_t count;
};

struct client {
    struct list in_server;
    struct private_server *server; /* NULL once closing */
    uv_pipe_t pipe;
    uv_write_t write;
    struct loop_timer *timeout;
    char request[REQUEST_MAX_B];
    size_t len;
    char *answer;
};

static void on_client_closed(uv_handle_t *h)
{
    struct client *c = h->data;

    free(c->answer);
    free(c);
}

static void close_client(struct client *c)
{
    if (!c->server)
        return;
    list_del(&c->in_server);
    c->server->count--;
    c->server = NULL;
    loop_timer_free(&c->timeout);
    uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

static void on_timeout(void *arg)
{
    close_client(arg);
}

static void on_written(uv_write_t *w, int status)
{
    (void)status;
    close_client(w->data);
}

static char *status_text(struct daemon *d, int *status)
{
    Stoa__Admin__V1__Status *s = daemon_status_new(d);
    json_t *json = bus_pbjson_encode(&s->base, true);
    char *text = json_dumps(json, JSON_INDENT(2)), *out;

    *status = 200;
    out = str_printf("%s\n", text);
    free(text);
    json_decref(json);
    daemon_status_free(s);
    return out;
}

static char *health_text(struct daemon *d, int *status)
{
    const char *waiting;

    *status = daemon_is_ready(d, &waiting) ? 200 : 503;
    if (*status == 200)
        return str_dup("ready\n");
    return str_printf("not ready: %s\n", waiting);
}

static char *metrics_text(struct daemon *d, int *status)
{
    *status = 200;
    return daemon_metrics_print(d->metrics);
}

static const struct {
    const char *target;
    char *(*text)(struct daemon *d, int *status);
    const char *type;
} targets[] = {
    { "/metrics", metrics_text, "text/plain; version=0.0.4; charset=utf-8" },
    { "/status", status_text, "application/json" },
    { "/health", health_text, "text/plain; charset=utf-8" },
};

static void answer(struct client *c)
{
    const char *type = "text/plain; charset=utf-8";
    char *body = NULL, *end;
    int status = 404;
    uv_buf_t buf;

    c->request[c->len] = '\0';
    if (str_starts(c->request, "GET ") && (end = strpbrk(c->request + 4, " ?\r\n")) != NULL) {
        *end = '\0';
        for (size_t i = 0; i < ARRAY_LEN(targets) && !body; i++) {
            if (str_eq(c->request + 4, targets[i].target)) {
                body = targets[i].text(c->server->d, &status);
                type = targets[i].type;
            }
        }
    }
    if (!body)
        body = str_dup("GET /metrics, /status or /health\n");
    c->answer = str_printf("HTTP/1.0 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                           "Connection: close\r\n\r\n%s",
                           status,
                           status == 200   ? "OK"
                           : status == 503 ? "Not Ready"
                                           : "Not Found",
                           type, strlen(body), body);
    free(body);
    uv_read_stop((uv_stream_t *)&c->pipe);
    buf = uv_buf_init(c->answer, (unsigned)strlen(c->answer));
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written) != 0)
        close_client(c);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct client *c = h->data;

    (void)suggested;
    *buf = uv_buf_init(c->request + c->len, (unsigned)(REQUEST_MAX_B - 1 - c->len));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct client *c = s->data;

    (void)buf;
    if (n < 0) { /* end, error, or UV_ENOBUFS for a request that is too long */
        close_client(c);
        return;
    }
    c->len += (size_t)n;
    c->request[c->len] = '\0';
    if (strstr(c->request, "\r\n\r\n"))
        answer(c);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct private_server *s = listener->data;
    struct client *c;

    if (status != 0)
        return;
    c = MEM_NEW(struct client);
    c->server = s;
    list_add_tail(&s->clients, &c->in_server);
    s->count++;
    c->timeout = loop_timer_new(s->d->loop, on_timeout, c);
    loop_timer_start(c->timeout, CLIENT_TIMEOUT_MS, 0);
    (void)uv_pipe_init(s->d->loop, &c->pipe, 0);
    c->pipe.data = c;
    if (uv_accept(listener, (uv_stream_t *)&c->pipe) != 0 || s->count > CLIENTS_MAX ||
        uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) != 0)
        close_client(c);
}

static void on_server_closed(uv_handle_t *h)
{
    struct private_server *s = h->data;

    free(s->path);
    free(s);
}

int daemon_private_start(struct daemon *d)
{
    struct private_server *s = MEM_NEW(struct private_server);
    char *name = daemon_file_name(d, ".sock");
    int err;

    s->d = d;
    s->path = conf_path(d->conf, "run", name);
    free(name);
    list_init(&s->clients);
    err = uv_pipe_init(d->loop, &s->pipe, 0);
    if (err) {
        free(s->path);
        free(s);
        return err;
    }
    s->pipe.data = s;
    d->priv->server = s;
    /* We hold the instance's lock, so a socket that is there belongs to nobody. */
    (void)unlink(s->path);
    err = uv_pipe_bind(&s->pipe, s->path);
    if (!err)
        err = chmod(s->path, 0600) == 0 ? 0 : -errno;
    if (!err)
        err = uv_listen((uv_stream_t *)&s->pipe, BACKLOG, on_connection);
    if (err)
        daemon_private_stop(d);
    return err;
}

void daemon_private_stop(struct daemon *d)
{
    struct private_server *s = d->priv->server;
    struct list *it, *tmp;

    if (!s)
        return;
    d->priv->server = NULL;
    LIST_EACH(it, tmp, &s->clients)
        close_client(LIST_ENTRY(it, struct client, in_server));
    /* libuv unlinks the path itself. */
    uv_close((uv_handle_t *)&s->pipe, on_server_closed);
}
