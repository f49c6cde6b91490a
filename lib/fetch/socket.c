/* SPDX-License-Identifier: Apache-2.0
 * curl's sockets and timer on libuv. curl says which sockets it wants to hear of and when it wants
 * to be called in any case; it never blocks. */
#include "fetch_priv.h"

#include <stdlib.h>
#include <unistd.h>

#include <base/mem.h>

/* One socket of curl's. It outlives its fetch by the turn that libuv needs to close the handle. */
struct fetch_sock {
    struct list node;
    uv_poll_t poll;
    struct fetch *f;
    curl_socket_t fd;
};

static void on_freed(uv_handle_t *h)
{
    free(h->data);
}

static struct fetch_sock *sock_new(struct fetch *f, curl_socket_t fd)
{
    struct fetch_sock *s = MEM_NEW(struct fetch_sock);

    s->f = f;
    s->fd = fd;
    s->poll.data = s;
    if (uv_poll_init(f->loop, &s->poll, fd)) {
        free(s);
        return NULL;
    }
    list_add_tail(&f->socks, &s->node);
    return s;
}

static void sock_free(struct fetch_sock *s)
{
    list_del(&s->node);
    uv_poll_stop(&s->poll);
    uv_close((uv_handle_t *)&s->poll, on_freed);
}

static void on_event(uv_poll_t *handle, int status, int events)
{
    struct fetch_sock *s = handle->data;
    struct fetch *f = s->f;
    int what = 0, running;

    if (events & UV_READABLE)
        what |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        what |= CURL_CSELECT_OUT;
    if (status < 0)
        what = CURL_CSELECT_ERR;
    (void)curl_multi_socket_action(f->multi, s->fd, what, &running);
    fetch_look(f);
}

static int on_want(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
    struct fetch *f = arg;
    struct fetch_sock *s = of_socket;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s)
            sock_free(s);
        (void)curl_multi_assign(f->multi, fd, NULL);
        return 0;
    }
    if (!s) {
        s = sock_new(f, fd);
        if (!s)
            return -1;
        (void)curl_multi_assign(f->multi, fd, s);
    }
    if (what & CURL_POLL_IN)
        events |= UV_READABLE;
    if (what & CURL_POLL_OUT)
        events |= UV_WRITABLE;
    return uv_poll_start(&s->poll, events, on_event) ? -1 : 0;
}

static int on_want_timer(CURLM *multi, long ms, void *arg)
{
    struct fetch *f = arg;

    (void)multi;
    if (ms < 0)
        loop_timer_stop(f->timer);
    else
        loop_timer_start(f->timer, ms, 0);
    return 0;
}

static void on_timer(void *arg)
{
    struct fetch *f = arg;
    int running;

    (void)curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    fetch_look(f);
}

/* --- the kept connection ---------------------------------------------------------------------- */

static void on_idle_event(uv_poll_t *handle, int status, int events)
{
    struct fetch_sock *s = handle->data;
    struct fetch *f = s->f;

    (void)status;
    (void)events;
    fetch_idle_stop(f);
    if (f->on_closed)
        f->on_closed(f->arg);
}

/* Only the end is of interest: what the server sends without being asked is curl's to find at the
 * next request. */
void fetch_idle_watch(struct fetch *f, curl_socket_t fd)
{
    fetch_idle_stop(f);
    if (fd == CURL_SOCKET_BAD)
        return;
    f->idle = sock_new(f, fd);
    if (f->idle)
        (void)uv_poll_start(&f->idle->poll, UV_DISCONNECT, on_idle_event);
}

void fetch_idle_stop(struct fetch *f)
{
    if (f->idle)
        sock_free(f->idle);
    f->idle = NULL;
}

/* A socket that curl closes must not be watched any longer: its number may come again. */
static int on_close(void *arg, curl_socket_t fd)
{
    struct fetch *f = arg;

    if (f->idle && f->idle->fd == fd)
        fetch_idle_stop(f);
    return close(fd);
}

/* --- life ------------------------------------------------------------------------------------- */

void fetch_multi_open(struct fetch *f)
{
    f->multi = curl_multi_init();
    f->timer = loop_timer_new(f->loop, on_timer, f);
    if (!f->multi)
        abort(); /* out of memory */
    (void)curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_want);
    (void)curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
    (void)curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_want_timer);
    (void)curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
    (void)curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, 1L);
    (void)curl_easy_setopt(f->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    (void)curl_easy_setopt(f->easy, CURLOPT_CLOSESOCKETDATA, f);
}

void fetch_multi_close(struct fetch *f)
{
    struct list *it, *tmp;

    if (!f->multi)
        return;
    fetch_idle_stop(f);
    (void)curl_multi_remove_handle(f->multi, f->easy);
    (void)curl_multi_cleanup(f->multi);
    f->multi = NULL;
    LIST_EACH(it, tmp, &f->socks)
        sock_free(LIST_ENTRY(it, struct fetch_sock, node));
    loop_timer_free(&f->timer);
}
