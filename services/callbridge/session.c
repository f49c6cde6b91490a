/* SPDX-License-Identifier: Apache-2.0
 * Whether browsers still are where they were, and know what they were told. Events are not
 * answered, and can be lost with the bus: the end of a WebSocket (a participant would stay for
 * ever), or that somebody left (a tile would). So each web bridge is asked every few seconds, which
 * of its WebSockets are gone and how many events it has got. */
#include <stdlib.h>

#include <base/map.h>
#include <base/mem.h>
#include <base/str.h>
#include <bus/envelope.h>

#include "callbridge.h"

/* A web bridge that holds, or held, WebSockets of participants. */
struct web {
    struct callbridge *cb;
    struct bus_request *asked; /* NULL: no question is on its way */
    char instance[BUS_NAME_MAX + 1];
    uint64_t sent;             /* events */
    uint64_t sent_then;        /* when it was asked */
    uint64_t missed;           /* as far as known */
};

static struct web *web_of(struct callbridge *cb, const char *instance)
{
    struct web *w = map_get(cb->webs, instance);

    if (w)
        return w;
    w = MEM_NEW(struct web);
    w->cb = cb;
    (void)str_copy(w->instance, sizeof(w->instance), instance);
    (void)map_put(cb->webs, w->instance, w);
    return w;
}

static void web_free(struct web *w)
{
    if (!w)
        return;
    if (w->asked)
        bus_cancel(w->asked);
    free(w);
}

void session_told(struct callbridge *cb, const char *webbridge)
{
    web_of(cb, webbridge)->sent++;
}

/* Calls `fn` for every participant whose WebSocket is, as far as known, on this web bridge. */
static void each_on(struct web *w, void (*fn)(struct participant *p, void *arg), void *arg)
{
    void *value;
    size_t pos = 0;

    while (map_next(w->cb->calls, &pos, NULL, &value)) {
        struct list *it, *tmp;

        LIST_EACH(it, tmp, &((struct call *)value)->parts) {
            struct participant *p = LIST_ENTRY(it, struct participant, node);

            if (p->session && !p->lost_ms && str_eq(p->webbridge, w->instance))
                fn(p, arg);
        }
    }
}

static void tell_state(struct participant *p, void *arg)
{
    (void)arg;
    notify_state(p);
}

static void look_for(struct participant *p, void *arg)
{
    if (map_get(arg, p->session))
        participant_lost(p);
}

static void on_answer(void *arg, const struct bus_result *r)
{
    struct web *w = arg;
    const Stoa__Bridge__V1__SessionsReply *reply = (const void *)r->body;
    struct map *gone;
    uint64_t missed;

    w->asked = NULL;
    if (r->code != BUS_OK)
        return; /* one that is gone is told by the bus; one that hangs is asked again */
    gone = map_new();
    for (size_t i = 0; i < reply->n_gone; i++)
        (void)map_put(gone, reply->gone[i], w);
    if (reply->n_gone > 0)
        each_on(w, look_for, gone);
    map_free(gone);
    missed = w->sent_then - reply->events;
    if (missed == w->missed)
        return;
    log_info("webbridge %s: events lost, its browsers get the whole state", w->instance);
    w->missed = missed;
    each_on(w, tell_state, NULL);
}

static void collect(struct participant *p, void *arg)
{
    Stoa__Bridge__V1__SessionsRequest *req = arg;

    if (req->n_session_ids < SESSIONS_ASK_MAX)
        req->session_ids[req->n_session_ids++] = p->session;
}

static void ask(struct web *w)
{
    Stoa__Bridge__V1__SessionsRequest req = STOA__BRIDGE__V1__SESSIONS_REQUEST__INIT;
    const struct bus_dst dst = { .role = "webbridge", .instance = w->instance };

    req.session_ids = mem_calloc(SESSIONS_ASK_MAX, sizeof(*req.session_ids));
    each_on(w, collect, &req);
    if (req.n_session_ids > 0) {
        w->sent_then = w->sent;
        w->asked = bus_request(w->cb->d->bus, &dst, &req.base, NULL, on_answer, w);
    }
    free(req.session_ids);
}

void session_tick(struct callbridge *cb, int64_t now_ms)
{
    void *value;
    size_t pos = 0;

    if (now_ms - cb->asked_ms < SESSIONS_ASK_MS || !bus_is_up(cb->d->bus))
        return;
    cb->asked_ms = now_ms;
    while (map_next(cb->webs, &pos, NULL, &value)) {
        if (!((struct web *)value)->asked)
            ask(value);
    }
}

void session_bus_back(struct callbridge *cb)
{
    void *value;
    size_t pos = 0;

    cb->asked_ms = 0; /* the end of a WebSocket may be lost as well: at the next tick */
    while (map_next(cb->webs, &pos, NULL, &value))
        each_on(value, tell_state, NULL);
}

void session_webbridge(struct callbridge *cb, const char *instance, bool up)
{
    if (up)
        cb->asked_ms = 0;
    else
        web_free(map_del(cb->webs, instance));
}

void session_fini(struct callbridge *cb)
{
    void *value;
    size_t pos = 0;

    while (map_next(cb->webs, &pos, NULL, &value))
        web_free(value);
    map_free(cb->webs);
    cb->webs = NULL;
}
