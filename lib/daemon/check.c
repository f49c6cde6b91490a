/* SPDX-License-Identifier: Apache-2.0
 * Runs the checks of a daemon for operators: all that a request asks for at the same time, one
 * deadline for all, one answer. */
#include <daemon/check.h>

#include <stdarg.h>
#include <stdlib.h>

#include <doctor.pb-c.h>

#include <base/mem.h>
#include <log/log.h>
#include <loop/clock.h>

#include "daemon_priv.h"

typedef Stoa__Doctor__V1__Finding Finding;

struct asked;

struct daemon_check {
    struct list node;
    struct asked *asked;
    const struct daemon_check_def *def;
    void *state;
    void (*drop)(void *state);
    char *zone; /* of what is said from now on */
    size_t findings;
};

/* A request whose checks run. */
struct asked {
    struct list node;
    struct daemon *d;
    struct bus_call *call;
    struct list running; /* struct daemon_check */
    Stoa__Doctor__V1__CheckReply reply;
    struct loop_timer *timer;
    int64_t until_ms;
    bool starting; /* the first ones may end before the last one has begun */
};

const char *daemon_verdict_word(enum daemon_verdict v)
{
    static const char *const words[] = { "ok", "warning", "error", "notTested" };

    return words[v];
}

/* --- findings --------------------------------------------------------------------------------- */

static void add(struct daemon_check *c, enum daemon_verdict verdict, const char *subject,
                const char *observed, const char *expected, const char *fix)
{
    Stoa__Doctor__V1__CheckReply *r = &c->asked->reply;
    Finding *f = MEM_NEW(Finding);

    stoa__doctor__v1__finding__init(f);
    f->id = str_dup(c->def->id);
    f->subject = str_dup(subject ? subject : "");
    f->result = str_dup(daemon_verdict_word(verdict));
    f->observed = str_empty(observed) ? NULL : str_dup(observed);
    f->expected = str_empty(expected) ? NULL : str_dup(expected);
    f->fix = str_empty(fix) ? NULL : str_dup(fix);
    f->zone = str_dup(c->zone);
    r->findings = mem_realloc(r->findings, r->n_findings + 1, sizeof(r->findings[0]));
    r->findings[r->n_findings++] = f;
    c->findings++;
}

void daemon_check_zone(struct daemon_check *c, const char *zone)
{
    str_set(&c->zone, str_empty(zone) ? NULL : zone);
}

void daemon_check_report(struct daemon_check *c, enum daemon_verdict verdict, const char *subject,
                         const char *observed, const char *expected, const char *fix)
{
    if (c->findings < DAEMON_CHECK_FINDINGS)
        add(c, verdict, subject, observed, expected, fix);
    else if (c->findings == DAEMON_CHECK_FINDINGS)
        add(c, DAEMON_NOT_TESTED, "", "There are too many to show them all.", NULL, NULL);
}

void daemon_check_say(struct daemon_check *c, enum daemon_verdict verdict, const char *subject,
                      const char *fmt, ...)
{
    struct str text = { 0 };
    va_list ap;

    va_start(ap, fmt);
    str_addv(&text, fmt, ap);
    va_end(ap);
    daemon_check_report(c, verdict, subject, text.s, NULL, NULL);
    str_fini(&text);
}

/* --- a run ------------------------------------------------------------------------------------ */

struct daemon *daemon_check_daemon(const struct daemon_check *c)
{
    return c->asked->d;
}

const char *daemon_check_id(const struct daemon_check *c)
{
    return c->def->id;
}

int daemon_check_left_ms(const struct daemon_check *c)
{
    return (int)MAX(c->asked->until_ms - loop_now_ms(), 0);
}

void daemon_check_keep(struct daemon_check *c, void *state, void (*drop)(void *state))
{
    c->state = state;
    c->drop = drop;
}

static void check_free(struct daemon_check *c)
{
    list_del(&c->node);
    if (c->drop)
        c->drop(c->state);
    free(c->zone);
    free(c);
}

static void asked_free(struct asked *a)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &a->running)
        check_free(LIST_ENTRY(it, struct daemon_check, node));
    list_del(&a->node);
    a->d->priv->checks_asked--;
    loop_timer_free(&a->timer);
    for (size_t i = 0; i < a->reply.n_findings; i++)
        stoa__doctor__v1__finding__free_unpacked(a->reply.findings[i], NULL);
    free(a->reply.findings);
    free(a);
}

static void answer(struct asked *a)
{
    bus_reply(a->call, &a->reply.base);
    asked_free(a);
}

void daemon_check_end(struct daemon_check *c)
{
    struct asked *a = c->asked;

    check_free(c);
    if (list_empty(&a->running) && !a->starting)
        answer(a);
}

static void on_deadline(void *arg)
{
    struct asked *a = arg;
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &a->running) {
        struct daemon_check *c = LIST_ENTRY(it, struct daemon_check, node);

        add(c, DAEMON_NOT_TESTED, "", "It did not end in time.", NULL, NULL);
    }
    answer(a);
}

/* --- requests --------------------------------------------------------------------------------- */

static bool is_wanted(const Stoa__Doctor__V1__CheckRequest *req, const char *id)
{
    for (size_t i = 0; i < req->n_ids; i++)
        if (str_ieq(req->ids[i], id))
            return true;
    return req->n_ids == 0;
}

static void begin(struct asked *a, const struct daemon_check_def *def)
{
    struct daemon_check *c = MEM_NEW(struct daemon_check);

    c->asked = a;
    c->def = def;
    list_add_tail(&a->running, &c->node);
    def->run(c);
}

static void on_request(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Doctor__V1__CheckRequest *req = (const void *)body;
    struct daemon *d = arg;
    int64_t ms = req->has_timeout_ms && req->timeout_ms ? req->timeout_ms : DAEMON_CHECK_MS;
    struct asked *a;

    if (d->priv->checks_asked == DAEMON_CHECKS_ASKED) {
        bus_fail(call, BUS_UNAVAILABLE, true, "too many checks are running");
        return;
    }
    log_info("checks asked for by %s", bus_call_role(call));
    a = MEM_NEW(struct asked);
    a->d = d;
    a->call = call;
    stoa__doctor__v1__check_reply__init(&a->reply);
    list_init(&a->running);
    list_add_tail(&d->priv->checks, &a->node);
    d->priv->checks_asked++;
    a->until_ms = loop_now_ms() + MIN(ms, DAEMON_CHECK_MAX_MS);
    a->timer = loop_timer_new(d->loop, on_deadline, a);
    loop_timer_start(a->timer, MIN(ms, DAEMON_CHECK_MAX_MS), 0);
    a->starting = true;
    for (size_t i = 0; i < d->def->check_count; i++)
        if (is_wanted(req, d->def->checks[i].id))
            begin(a, &d->def->checks[i]);
    a->starting = false;
    if (list_empty(&a->running))
        answer(a);
}

static const struct bus_handler handlers[] = {
    { &stoa__doctor__v1__check_request__descriptor, on_request },
};

void daemon_check_init(struct daemon *d)
{
    bus_handle(d->bus, handlers, ARRAY_LEN(handlers), d);
}

void daemon_check_stop(struct daemon *d)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &d->priv->checks) {
        struct asked *a = LIST_ENTRY(it, struct asked, node);

        bus_fail(a->call, BUS_UNAVAILABLE, true, "the daemon stops");
        asked_free(a);
    }
}
