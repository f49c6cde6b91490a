/* SPDX-License-Identifier: Apache-2.0
 * What edges say through their zones, kept as runtime rows: TURN instances and the edges.
 *
 * Every expc of a zone hears the same and says the same, so a row holds as long as one of them
 * does: each word lasts for its time, is repeated, or is taken back. Only what differs is written.
 * A fact is an outsider's word: it names no row of this site, takes no place, and its kind and
 * fields are those of the table below and no others. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <evp/guid.h>
#include <log/log.h>
#include <loop/clock.h>
#include <zone.pb-c.h>

#include "limits.h"

/* How a kind is called in a zone, and by which field people know its objects. */
static const struct fact_kind {
    const char *wire, *kind, *key;
} fact_kinds[] = {
    { "turnInstance", "turnInstance", "holder" },
    { "edge", "edgeFact", "node" },
};

/* Of one expc: until when its last word holds. */
struct word {
    char instance[40]; /* "": of an expc before config was started */
    int64_t until_ms;
};

struct fact {
    char id[EVP_GUID_SIZE]; /* of the row */
    const struct kinds_kind *kind;
    char *name; /* as people know it */
    struct word words[CONFIG_FACT_WORDS_MAX];
    int64_t load_ms; /* its load is written again after that */
};

/* --- words ------------------------------------------------------------------------------------ */

/* The word of an expc, or the place for it: a free one, or the one that ends first. */
static struct word *word_of(struct fact *f, const char *instance)
{
    struct word *best = &f->words[0];

    for (size_t i = 0; i < ARRAY_LEN(f->words); i++) {
        if (f->words[i].until_ms && str_eq(f->words[i].instance, instance))
            return &f->words[i];
        if (f->words[i].until_ms < best->until_ms)
            best = &f->words[i];
    }
    return best;
}

static void hear(struct fact *f, const char *instance, int64_t ttl_ms)
{
    struct word *w = word_of(f, instance);

    (void)str_copy(w->instance, sizeof(w->instance), instance);
    w->until_ms = loop_now_ms() + ttl_ms;
}

/* Forgets words whose time is over, and that of `instance` (NULL: none); true while one is left. */
static bool holds(struct fact *f, const char *instance)
{
    int64_t now_ms = loop_now_ms();
    bool any = false;

    for (size_t i = 0; i < ARRAY_LEN(f->words); i++) {
        struct word *w = &f->words[i];

        if (w->until_ms <= now_ms || (instance && str_eq(w->instance, instance)))
            w->until_ms = 0;
        any = any || w->until_ms;
    }
    return any;
}

static void fact_free(struct fact *f)
{
    free(f->name);
    free(f);
}

static struct fact *fact_add(struct config *c, const struct kinds_kind *kind, const char *id)
{
    struct fact *f = MEM_NEW(struct fact);

    f->kind = kind;
    (void)str_copy(f->id, sizeof(f->id), id);
    (void)map_put(c->facts, f->id, f);
    if (!loop_timer_active(c->fact_timer))
        loop_timer_start(c->fact_timer, CONFIG_FACT_LOOK_MS, CONFIG_FACT_LOOK_MS);
    return f;
}

static unsigned count(const struct config *c, const struct kinds_kind *kind)
{
    unsigned n = 0;
    size_t it = 0;
    void *f;

    while (map_next(c->facts, &it, NULL, &f))
        n += ((struct fact *)f)->kind == kind;
    return n;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* The same zone, kind and id are the same row, whoever says them and whenever. */
static void row_id(char dst[EVP_GUID_SIZE], const Stoa__Zone__V1__FactRequest *req)
{
    char *text = str_printf("%s\n%s\n%s", req->zone, req->kind, req->id);

    evp_guid_of(dst, text, strlen(text));
    free(text);
}

static int take_field(struct store_row *row, const Stoa__Zone__V1__Field *field,
                      struct store_problem *p)
{
    const char *name = field->name ? field->name : "", *value = field->value ? field->value : "";

    if (str_eq(name, "zone"))
        return store_fail(p, STORE_INVALID, "parameterError", row->kind, NULL,
                          "the zone is not for the edge to say");
    if (str_eq(name, "place")) /* a slice of the other site's range: it says nothing here, and two
                                * sites may use the same */
        return 0;
    return store_row_set(row, name, value, p);
}

/* The row as the request has it: what it does not name is unset. */
static int fill(struct store_row *row, const struct fact_kind *k,
                const Stoa__Zone__V1__FactRequest *req, const char *zone_name,
                struct store_problem *p)
{
    const char *key;
    char *name;
    int err = 0;

    if (req->n_fields > CONFIG_FIELDS_MAX)
        return store_fail(p, STORE_INVALID, "parameterError", row->kind, NULL, "too many fields");
    for (size_t i = 0; i < row->kind->n_fields; i++)
        row->values[i] = str_dup("");
    for (size_t i = 0; !err && i < req->n_fields; i++)
        err = take_field(row, req->fields[i], p);
    if (err)
        return err;
    key = store_row_get(row, k->key);
    name = str_printf("%s:%s", zone_name, str_empty(key) ? req->id : key);
    err = store_row_set(row, k->key, name, p);
    free(name);
    return err ? err : store_row_set(row, "zone", req->zone, p);
}

/* Loads go up and down all the time: now and then one of them is written. */
static int calm_load(struct fact *f, struct store_row *row, const struct store_row *old,
                     struct store_problem *p)
{
    const char *before = store_row_get(old, "load"), *now = store_row_get(row, "load");

    if (!now || str_eq(now, before ? before : ""))
        return 0;
    if (loop_now_ms() < f->load_ms)
        return store_row_set(row, "load", before ? before : "", p);
    f->load_ms = loop_now_ms() + CONFIG_FACT_LOAD_MS;
    return 0;
}

/* Writes the row if it is new or differs. */
static int write_row(struct config *c, struct fact *f, struct store_row *row,
                     struct store_problem *p)
{
    struct store_problem none = { 0 };
    struct store_row old;
    bool known, changed = true;
    int err = store_begin(c->store, p);

    if (err)
        return err;
    known = store_get(c->store, row->kind, row->id, &old, &none) == 0;
    if (known) {
        err = calm_load(f, row, &old, p);
        store_row_fini(&old);
        if (!err)
            err = store_set(c->store, row, &changed, p);
    } else {
        err = store_add(c->store, row, p);
    }
    if (!err && changed)
        err = store_commit(c->store, NULL, NULL, 0, p);
    else
        store_rollback(c->store);
    if (err || !changed)
        return err;
    config_state_publish(c);
    str_set(&f->name, store_row_get(row, row->kind->key));
    if (!known)
        log_info("%s %s: known, a zone says it", row->kind->name, f->name);
    return 0;
}

/* A disk that cannot be written is tried again at the next look. */
static void drop(struct config *c, struct fact *f)
{
    struct store_problem p = { 0 };
    int err = store_begin(c->store, &p);

    if (!err)
        err = store_delete(c->store, f->kind, f->id, &p);
    if (!err)
        err = store_commit(c->store, NULL, NULL, 0, &p);
    else
        store_rollback(c->store);
    if (err && err != -ENOENT)
        return;
    if (!err) {
        log_info("%s %s: gone, no zone says it any more", f->kind->name, f->name ? f->name : f->id);
        config_state_publish(c);
    }
    (void)map_del(c->facts, f->id);
    fact_free(f);
}

/* --- requests --------------------------------------------------------------------------------- */

static const struct fact_kind *find_kind(const char *wire)
{
    for (size_t i = 0; i < ARRAY_LEN(fact_kinds); i++)
        if (str_eq(fact_kinds[i].wire, wire))
            return &fact_kinds[i];
    return NULL;
}

/* The name of the zone that is meant. Owner: the caller; NULL: there is no such zone here. */
static char *zone_name(struct config *c, const char *id)
{
    const struct kinds_kind *kind = kinds_find("zone");
    struct store_problem p = { 0 };
    struct store_row row;
    char *name = NULL;

    if (str_empty(id) || !store_kind(c->store, kind->name, &p) ||
        store_get(c->store, kind, id, &row, &p))
        return NULL;
    if (str_eq(row.id, id)) /* not by its name: facts of one zone have one spelling */
        name = str_dup(store_row_get(&row, "name"));
    store_row_fini(&row);
    return name;
}

static void done(struct bus_call *call)
{
    Stoa__Zone__V1__Done reply = STOA__ZONE__V1__DONE__INIT;

    bus_reply(call, &reply.base);
}

static int64_t ttl_of(const Stoa__Zone__V1__FactRequest *req)
{
    int64_t ttl_ms = req->has_ttl_ms ? req->ttl_ms : CONFIG_FACT_TTL_MS;

    return MIN(MAX(ttl_ms, (int64_t)CONFIG_FACT_TTL_MIN_MS), (int64_t)CONFIG_FACT_TTL_MAX_MS);
}

static void take(struct config *c, struct bus_call *call, const struct fact_kind *k,
                 const Stoa__Zone__V1__FactRequest *req, const char *zone)
{
    struct store_problem p = { 0 };
    struct store_row row;
    struct fact *f;
    bool is_new;
    int err;

    store_row_init(&row, kinds_find(k->kind));
    row_id(row.id, req);
    f = map_get(c->facts, row.id);
    is_new = f == NULL;
    if (is_new && count(c, row.kind) >= CONFIG_FACTS_MAX) {
        bus_fail(call, BUS_INVALID, false, "Zones have said as many %s as are kept (%d).", k->wire,
                 CONFIG_FACTS_MAX);
        store_row_fini(&row);
        return;
    }
    if (is_new)
        f = fact_add(c, row.kind, row.id);
    err = fill(&row, k, req, zone, &p);
    if (!err)
        err = write_row(c, f, &row, &p);
    store_row_fini(&row);
    config_note_health(c, &p);
    if (err) { /* what was known stays until its time is over */
        if (is_new) {
            (void)map_del(c->facts, f->id);
            fact_free(f);
        }
        bus_fail(call, err == -EINVAL ? BUS_INVALID : err == -EEXIST ? BUS_CONFLICT :
                                                                       BUS_UNAVAILABLE,
                 err != -EINVAL, "%s", p.text);
        return;
    }
    hear(f, bus_call_instance(call), ttl_of(req));
    done(call);
}

static void take_back(struct config *c, struct bus_call *call,
                      const Stoa__Zone__V1__FactRequest *req)
{
    struct fact *f;
    char id[EVP_GUID_SIZE];

    row_id(id, req);
    f = map_get(c->facts, id);
    if (f && !holds(f, bus_call_instance(call)))
        drop(c, f);
    done(call);
}

void config_on_fact(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Zone__V1__FactRequest *req = (const void *)body;
    struct config *c = ((struct daemon *)arg)->user;
    const struct fact_kind *k = find_kind(req->kind);
    char *zone;

    if (!k || str_empty(req->id) || strlen(req->id) > CONFIG_FACT_ID_MAX_B) {
        bus_fail(call, BUS_INVALID, false, k ? "The id is missing or too long." :
                                               "There is no such kind of fact.");
        return;
    }
    zone = zone_name(c, req->zone);
    if (!zone) {
        bus_fail(call, BUS_NOT_FOUND, false, "There is no such zone.");
        return;
    }
    if (req->gone)
        take_back(c, call, req);
    else
        take(c, call, k, req, zone);
    free(zone);
}

/* --- time ------------------------------------------------------------------------------------- */

static void on_look(void *arg)
{
    struct config *c = arg;
    size_t it = 0;
    void *f;

    while (map_next(c->facts, &it, NULL, &f))
        if (!holds(f, NULL))
            drop(c, f);
    if (map_count(c->facts) == 0)
        loop_timer_stop(c->fact_timer);
}

/* A row of an earlier run, or of a backup: it has a while to be said again. */
static bool adopt(void *arg, struct store_row *row)
{
    struct config *c = arg;

    struct fact *f;

    if (str_empty(store_row_get(row, "zone")) || map_get(c->facts, row->id))
        return true;
    f = fact_add(c, row->kind, row->id);
    f->name = str_dup(store_row_get(row, row->kind->key));
    hear(f, "", CONFIG_FACT_TTL_MS);
    return true;
}

void config_facts_adopt(struct config *c)
{
    struct store_problem p;

    for (size_t i = 0; i < ARRAY_LEN(fact_kinds); i++) {
        struct store_query q = { .kind = store_kind(c->store, fact_kinds[i].kind, &p) };

        if (q.kind)
            (void)!store_list(c->store, &q, adopt, c, NULL);
    }
}

void config_facts_start(struct config *c)
{
    c->facts = map_new();
    c->fact_timer = loop_timer_new(c->daemon->loop, on_look, c);
    config_facts_adopt(c);
}

void config_facts_stop(struct config *c)
{
    size_t it = 0;
    void *f;

    loop_timer_free(&c->fact_timer);
    while (c->facts && map_next(c->facts, &it, NULL, &f))
        fact_free(f);
    map_free(c->facts);
}
