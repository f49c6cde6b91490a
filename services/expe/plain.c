/* SPDX-License-Identifier: Apache-2.0
 * Port 80: sends whoever asks for one of our names to https, and nobody else anywhere. */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <httphead/head.h>
#include <loop/timer.h>
#include <site/site.h>

#include "expe.h"
#include "pipe.h"

struct plain {
    struct list node;
    struct expe *e;
    struct expe_source *source;
    struct expe_pipe *pipe;
    struct loop_timer *timer;
    uint8_t *in;
    size_t in_len, thrown;
    struct httphead req;
    bool answered;
};

static void plain_free(struct plain *p)
{
    list_del(&p->node);
    loop_timer_free(&p->timer);
    expe_pipe_free(&p->pipe);
    expe_source_leave(p->e->sources, &p->source);
    free(p->in);
    free(p);
}

static void answer(struct plain *p, int status)
{
    const struct httphead *req = &p->req;
    struct expe_page page = { .status = status, .asked = req->asked,
                              .is_head = str_eq(req->method, "HEAD") };
    struct str text = { 0 }, location = { 0 };

    if (status == 301) {
        expe_page_location(&location, req->host, conf_port(p->e->daemon->conf, "edge-https"),
                           strlen(req->target) + 1 < sizeof(req->target) ? req->target : "/");
        page.location = location.s;
        page.asked = NULL;
        p->e->n.redirects++;
    }
    p->e->n.pages[status]++;
    expe_page_print(&text, &page);
    p->answered = true;
    free(p->in);
    p->in = NULL;
    expe_pipe_write(p->pipe, text.s, text.len);
    expe_pipe_shutdown(p->pipe);
    loop_timer_start(p->timer, EXPE_LINGER_MS, 0);
    str_fini(&text);
    str_fini(&location);
}

static void judge(struct plain *p)
{
    switch (httphead_read(&p->req, p->in, p->in_len)) {
    case HTTPHEAD_MORE:
        break;
    case HTTPHEAD_OK:
        answer(p, site_external_name(p->e->site, p->req.host) ? 301 : 421);
        break;
    case HTTPHEAD_TOO_LARGE:
        answer(p, 431);
        break;
    case HTTPHEAD_MALFORMED:
    case HTTPHEAD_NO_HOST:
        answer(p, 400);
        break;
    }
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
    struct plain *p = arg;

    if (p->answered || p->in_len + len > EXPE_IN_BYTES_MAX) {
        p->thrown += len;
        if (!p->answered || p->thrown > EXPE_LINGER_BYTES)
            plain_free(p);
        return;
    }
    p->in = mem_realloc(p->in, p->in_len + len, 1);
    memcpy(p->in + p->in_len, data, len);
    p->in_len += len;
    judge(p);
}

static void on_end(void *arg, int err)
{
    (void)err;
    plain_free(arg);
}

static void on_timer(void *arg)
{
    struct plain *p = arg;

    p->e->n.heads_timed_out += !p->answered;
    plain_free(p);
}

void expe_plain_new(struct expe *e, int fd, const struct addr *from, struct expe_source *source)
{
    static const struct expe_pipe_ops ops = { .on_data = on_data, .on_end = on_end };
    struct plain *p = MEM_NEW(struct plain);

    (void)from;
    p->e = e;
    p->source = source;
    list_add_tail(&e->plains, &p->node);
    p->timer = loop_timer_new(e->daemon->loop, on_timer, p);
    loop_timer_start(p->timer, (int64_t)site_edge(e->site)->head_timeout_s * 1000, 0);
    p->pipe = expe_pipe_new(e->daemon->loop, fd, &ops, p);
    if (!p->pipe)
        plain_free(p);
}

void expe_plains_stop(struct expe *e)
{
    while (!list_empty(&e->plains))
        plain_free(LIST_ENTRY(e->plains.next, struct plain, node));
}
