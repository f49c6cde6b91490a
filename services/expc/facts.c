/* SPDX-License-Identifier: Apache-2.0
 * What edges say, handed to config, and what callbridges say, handed to edges. Nothing goes as it
 * came: kinds are a table, and a zone's facts carry the zone's id, which the edge cannot choose. */
#include "expc.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <log/log.h>
#include <loop/clock.h>
#include <turn.pb-c.h>

/* As it came. */
struct fact {
    char *kind, *id;
    char **texts;  /* names and values by turns */
    size_t n;      /* fields */
};

static bool is_kind(const char *kind)
{
    return str_eq(kind, "edge") || str_eq(kind, "turnInstance");
}

static void fact_free(struct fact *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < 2 * f->n; i++)
        free(f->texts[i]);
    free(f->texts);
    free(f->kind);
    free(f->id);
    free(f);
}

static struct fact *fact_new(const struct tunnel_row *row)
{
    struct fact *f = MEM_NEW(struct fact);

    f->kind = str_dup(row->kind);
    f->id = str_dup(row->id);
    f->n = row->n;
    f->texts = mem_calloc(2 * row->n + 1, sizeof(*f->texts));
    for (size_t i = 0; i < row->n; i++) {
        f->texts[2 * i] = str_dup(row->fields[i].name);
        f->texts[2 * i + 1] = str_dup(row->fields[i].value);
    }
    return f;
}

static size_t size_of(const struct tunnel_row *row)
{
    size_t n = strlen(row->id);

    for (size_t i = 0; i < row->n; i++)
        n += strlen(row->fields[i].name) + strlen(row->fields[i].value);
    return n;
}

/* --- to config -------------------------------------------------------------------------------- */

static void on_reply(void *arg, const struct bus_result *result)
{
    struct expc *x = arg;

    if (result->code == BUS_OK)
        return;
    x->n.facts_failed++;
    if (log_limit("facts"))
        log_info("facts of edges: config has not taken one, %s %s", bus_code_name(result->code),
                 result->message);
}

static void say(struct edge *e, const struct fact *f, bool gone)
{
    struct expc *x = e->zone->x;
    Stoa__Zone__V1__FactRequest req = STOA__ZONE__V1__FACT_REQUEST__INIT;
    Stoa__Zone__V1__Field *fields = mem_calloc(f->n + 1, sizeof(*fields));
    Stoa__Zone__V1__Field **list = mem_calloc(f->n + 1, sizeof(*list));
    const struct bus_dst dst = { .role = "config" };
    const struct bus_req_opts opts = { .timeout_ms = EXPC_FACT_REPEAT_MS };

    for (size_t i = 0; i < f->n; i++) {
        stoa__zone__v1__field__init(&fields[i]);
        fields[i].name = f->texts[2 * i];
        fields[i].value = f->texts[2 * i + 1];
        list[i] = &fields[i];
    }
    req.zone = e->zone->id;
    req.kind = f->kind;
    req.id = f->id;
    req.n_fields = f->n;
    req.fields = list;
    req.has_gone = req.has_ttl_ms = true;
    req.gone = gone;
    req.ttl_ms = EXPC_FACT_TTL_MS;
    x->n.facts++;
    (void)bus_request(x->daemon->bus, &dst, &req.base, &opts, on_reply, x);
    free(list);
    free(fields);
}

/* Edges of one site say the same of their TURN instances, and so does one edge with two
 * addresses. */
static bool others_say(const struct edge *e, const char *key)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &e->zone->edges) {
        const struct edge *other = LIST_ENTRY(it, struct edge, node);

        if (other != e && other->control && other->control->state == LINE_UP &&
            map_get(other->facts, key))
            return true;
    }
    return false;
}

void facts_row(struct edge *e, const struct tunnel_row *row)
{
    char *key = str_printf("%s\n%s", row->kind, row->id);
    struct fact *f;

    if (!is_kind(row->kind) || size_of(row) > EXPC_FACT_BYTES_MAX ||
        (map_count(e->facts) >= EXPC_FACTS_MAX && !map_get(e->facts, key))) {
        if (log_limit(e->title))
            log_info("zone %s: a row of kind %.32s is left out, edge=%s", e->zone->name, row->kind,
                     e->title);
    } else if (row->gone) {
        f = map_del(e->facts, key);
        if (f && !others_say(e, key))
            say(e, f, true);
        fact_free(f);
    } else {
        f = fact_new(row);
        fact_free(map_put(e->facts, key, f));
        say(e, f, false);
    }
    free(key);
}

static void repeat(struct edge *e)
{
    size_t at = 0;
    void *f;

    if (!e->control || e->control->state != LINE_UP)
        return; /* config forgets them by itself, or the next connection brings them again */
    while (map_next(e->facts, &at, NULL, &f))
        say(e, f, false);
}

void facts_repeat(struct expc *x)
{
    struct list *it, *tmp, *it2, *tmp2;

    LIST_EACH(it, tmp, &x->zones) {
        LIST_EACH(it2, tmp2, &LIST_ENTRY(it, struct zone, node)->edges)
            repeat(LIST_ENTRY(it2, struct edge, node));
    }
}

void facts_forget(struct edge *e)
{
    size_t at = 0;
    void *f;

    while (map_next(e->facts, &at, NULL, &f))
        fact_free(f);
    map_free(e->facts);
    e->facts = map_new();
}

/* --- to edges --------------------------------------------------------------------------------- */

/* A guest that is gone: what a callbridge has said, and an edge must know until
 * the name expires. */
struct revoked {
    char id[EXPC_REVOKE_ID_MAX];
    int64_t expires_s;
};

static void tell_edge(struct edge *e, char **ids, int64_t *expires_s, size_t n)
{
    struct expc *x = e->zone->x;
    Stoa__Zone__V1__Request req = STOA__ZONE__V1__REQUEST__INIT;
    Stoa__Zone__V1__Revoke body = STOA__ZONE__V1__REVOKE__INIT;
    uint8_t *packed;
    size_t len;

    if (n == 0 || !e->control || e->control->state != LINE_UP)
        return; /* facts_revoke_again() */
    body.ids = ids;
    body.expires_s = expires_s;
    body.n_ids = body.n_expires_s = n;
    req.has_id = true;
    req.id = ++x->requests;
    req.revoke = &body;
    len = stoa__zone__v1__request__get_packed_size(&req);
    packed = mem_zalloc(len + 1);
    (void)stoa__zone__v1__request__pack(&req, packed);
    if (tunnel_link_request(e->control->link, packed, len) && log_limit(e->title))
        log_warning("zone %s: guests that are gone could not be told to the edge, edge=%s",
                    e->zone->name, e->title);
    free(packed);
}

void facts_revoke_again(struct edge *e)
{
    const struct expc *x = e->zone->x;
    int64_t now_s = loop_wall_us() / 1000000, expires_s[EXPC_REVOKE_MAX];
    char *ids[EXPC_REVOKE_MAX];
    size_t n = 0;

    for (size_t i = 0; i < x->revoked_count; i++) {
        struct revoked *r = &x->revoked[i];

        if (r->expires_s < now_s)
            continue;
        ids[n] = r->id;
        expires_s[n++] = r->expires_s;
        if (n == EXPC_REVOKE_MAX) {
            tell_edge(e, ids, expires_s, n);
            n = 0;
        }
    }
    tell_edge(e, ids, expires_s, n);
}

/* The oldest make room. */
static void keep(struct expc *x, const char *id, int64_t expires_s)
{
    struct revoked *r;

    if (!x->revoked)
        x->revoked = mem_calloc(EXPC_REVOKED_MAX, sizeof(*x->revoked));
    r = &x->revoked[x->revoked_next];
    if (str_copy(r->id, sizeof(r->id), id))
        return; /* no id of ours */
    r->expires_s = expires_s;
    x->revoked_next = (x->revoked_next + 1) % EXPC_REVOKED_MAX;
    x->revoked_count = MIN(x->revoked_count + 1, (size_t)EXPC_REVOKED_MAX);
}

void facts_on_revoke(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Turn__V1__RevokeEvent *ev = (const void *)body;
    struct expc *x = ((struct daemon *)arg)->user;
    struct list *it, *tmp, *it2, *tmp2;
    size_t n = MIN(ev->n_ids, ev->n_expires_s);

    (void)call;
    if (!x)
        return;
    for (size_t i = 0; i < n; i++)
        keep(x, ev->ids[i], ev->expires_s[i]);
    LIST_EACH(it, tmp, &x->zones) {
        LIST_EACH(it2, tmp2, &LIST_ENTRY(it, struct zone, node)->edges)
            for (size_t i = 0; i < n; i += EXPC_REVOKE_MAX)
                tell_edge(LIST_ENTRY(it2, struct edge, node), ev->ids + i, ev->expires_s + i,
                          MIN(n - i, (size_t)EXPC_REVOKE_MAX));
    }
}

void facts_stop(struct expc *x)
{
    free(x->revoked);
    x->revoked = NULL;
    x->revoked_count = 0;
}
