/* SPDX-License-Identifier: Apache-2.0
 * Asks every daemon of a site at the same time. */
#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <doctor.pb-c.h>

#include <base/mem.h>
#include <base/str.h>

#include "ask.h"
#include "daemons.h"

enum { CHECK_MS = 8000, ANSWER_MS = 12000 };

typedef Stoa__Doctor__V1__CheckReply Reply;

struct asking;

/* One daemon that was asked. */
struct one {
    struct asking *a;
    char *role, *instance;
    bool done;
};

struct asking {
    const struct stoa_ctx *ctx;
    struct doctor_list *list;
    struct doctor_site *site;
    struct one all[DAEMONS_MAX];
    size_t n, left;
    struct str silent;
};

static void note_role(struct doctor_site *site, const char *role)
{
    char *word = str_printf(" %s ", role);
    size_t len = strlen(site->roles);

    if (!strstr(site->roles, word))
        (void)snprintf(site->roles + len, sizeof(site->roles) - len, "%s", word);
    free(word);
}

static void take(struct one *o, const Reply *r)
{
    char *from = str_printf("%s %s", o->a->site->name, o->role);

    note_role(o->a->site, o->role);
    for (size_t i = 0; i < r->n_findings; i++) {
        const Stoa__Doctor__V1__Finding *f = r->findings[i];
        struct doctor_said said = { .id = f->id, .subject = f->subject, .result = f->result,
                                    .observed = f->observed, .expected = f->expected,
                                    .fix = f->fix, .zone = f->zone, .from = from };

        (void)doctor_add(o->a->list, &said);
    }
    free(from);
}

static void on_reply(void *arg, const struct bus_result *r)
{
    struct one *o = arg;
    struct asking *a = o->a;

    o->done = true;
    a->left--;
    if (r->code == BUS_OK)
        take(o, (const void *)r->body);
    else
        str_addf(&a->silent, "%s%s %s (%s)", a->silent.len ? ", " : "", o->role, o->instance,
                 r->message);
}

static bool is_done(void *arg)
{
    return ((struct asking *)arg)->left == 0;
}

static void ask_one(struct asking *a, struct bus *bus, const char *role, const char *instance,
                    const Stoa__Doctor__V1__CheckRequest *req)
{
    struct bus_dst dst = { .role = role, .instance = instance };
    struct bus_req_opts opts = { .timeout_ms = ANSWER_MS };
    struct one *o = &a->all[a->n++];

    *o = (struct one){ .a = a, .role = str_dup(role), .instance = str_dup(instance) };
    a->left++;
    (void)bus_request(bus, &dst, &req->base, &opts, on_reply, o);
}

static void ask_all(struct asking *a, struct ask *ask, const struct doctor_choice *ids)
{
    Stoa__Doctor__V1__CheckRequest req = STOA__DOCTOR__V1__CHECK_REQUEST__INIT;
    char *names[ARRAY_LEN(ids->rows)];
    struct daemons live = { .count = 0 };

    for (size_t i = 0; i < ids->n; i++)
        names[i] = (char *)(uintptr_t)ids->rows[i]->id;
    req.ids = names;
    req.n_ids = ids->n;
    req.has_timeout_ms = true;
    req.timeout_ms = CHECK_MS;
    daemons_find(ask, &live);
    for (size_t i = 0; i < live.count; i++)
        if (!str_eq(live.row[i].role, "admin"))
            ask_one(a, ask_bus(ask), live.row[i].role, live.row[i].instance, &req);
    daemons_fini(&live);
    /* Each request is answered by its own deadline; the margin is for a loop that is late. */
    if (!ask_wait(ask, ANSWER_MS + 2000, is_done, a))
        str_add(&a->silent, a->silent.len ? ", others" : "some");
}

void doctor_ask(const struct stoa_ctx *ctx, const struct doctor_choice *ids, struct doctor_list *l,
                struct doctor_site *out)
{
    struct asking *a = MEM_NEW(struct asking);
    struct str why = { 0 };
    struct ask *ask = NULL;

    a->list = l;
    a->site = out;
    if (ask_try(&ask, ctx, &why)) {
        out->why = str_take(&why);
    } else {
        out->asked = true;
        ask_all(a, ask, ids);
        ask_close(&ask); /* requests that are still open end with it */
        out->silent = a->silent.len ? str_take(&a->silent) : NULL;
    }
    for (size_t i = 0; i < a->n; i++) {
        free(a->all[i].role);
        free(a->all[i].instance);
    }
    str_fini(&a->silent);
    str_fini(&why);
    free(a);
}
