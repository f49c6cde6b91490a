/* SPDX-License-Identifier: Apache-2.0
 * Places of TURN instances: which listen port and which slice of the media range each has.
 *
 * A place is a row of kind "turnInstance", written when an instance registers or changes. So it is
 * on disk before it is used, every daemon hears of it on the topic "site", and a config that was
 * restarted gives no slice to two. Whoever has not been heard of for CONFIG_LEASE_MS loses its
 * place; until then the same holder gets it again. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <log/log.h>
#include <loop/clock.h>
#include <turn.pb-c.h>

#include "limits.h"

/* What an instance has, as numbers. */
struct place {
    unsigned place, port, private_port, media_min, media_max;
};

/* --- rows ------------------------------------------------------------------------------------- */

static unsigned number_of(const struct store_row *row, const char *field)
{
    const char *text = store_row_get(row, field);
    int64_t n = 0;

    return text && str_to_i64(text, 0, UINT16_MAX, &n) == 0 ? (unsigned)n : 0;
}

static void place_of_row(const struct store_row *row, struct place *out)
{
    out->place = number_of(row, "place");
    out->port = number_of(row, "port");
    out->private_port = number_of(row, "privatePort");
    out->media_min = number_of(row, "mediaMin");
    out->media_max = number_of(row, "mediaMax");
}

static unsigned places(struct config *c)
{
    struct store_problem p;
    struct store_row row;
    unsigned n;

    if (store_get(c->store, kinds_find("turn"), "turn", &row, &p))
        return 1;
    store_row_defaults(&row);
    n = number_of(&row, "instances");
    store_row_fini(&row);
    return MAX(n, 1u);
}

/* The place as the ports and settings of this site have it. */
static void place_make(struct config *c, unsigned number, struct place *out)
{
    const struct conf *conf = c->daemon->conf;
    unsigned slice = conf_port_count(conf, "relay") / places(c);

    out->place = number;
    out->port = conf_port_at(conf, "turn", number);
    out->private_port = conf_port_at(conf, "turn-private", number);
    out->media_min = conf_port(conf, "relay") + (number - 1) * slice;
    out->media_max = out->media_min + slice - 1;
}

/* A row of another site (fact.c): it has no place here, and is not known by its holder. */
static bool is_fact(const struct store_row *row)
{
    return !str_empty(store_row_get(row, "zone"));
}

struct search {
    const char *holder;
    struct place want;
    bool taken;
};

/* Slices overlap when the number of places was changed meanwhile. */
static bool look_at(void *arg, struct store_row *row)
{
    struct search *s = arg;
    struct place p;

    if (str_eq(store_row_get(row, "holder"), s->holder) || is_fact(row))
        return true;
    place_of_row(row, &p);
    s->taken = p.place == s->want.place ||
               (p.media_min <= s->want.media_max && s->want.media_min <= p.media_max);
    return !s->taken;
}

static bool is_free(struct config *c, const char *holder, unsigned number, struct place *out)
{
    struct search s = { .holder = holder };
    struct store_query q = { .kind = kinds_find("turnInstance") };

    if (number < 1 || number > places(c))
        return false;
    place_make(c, number, &s.want);
    if (store_list(c->store, &q, look_at, &s, NULL) || s.taken)
        return false;
    *out = s.want;
    return true;
}

/* Finds a place for a holder that has none. */
static bool find_place(struct config *c, const Stoa__Turn__V1__LeaseRequest *req,
                       struct place *out)
{
    unsigned n = places(c);

    if (req->fixed)
        return is_free(c, req->holder, req->fixed, out);
    if (is_free(c, req->holder, req->number, out))
        return true;
    for (unsigned i = 1; i <= n; i++)
        if (is_free(c, req->holder, i, out))
            return true;
    return false;
}

/* --- requests --------------------------------------------------------------------------------- */

static char *joined(char *const *list, size_t n)
{
    struct str out = { 0 };

    for (size_t i = 0; i < n; i++)
        str_addf(&out, "%s%s", i ? ", " : "", list[i]);
    return out.s ? out.s : str_dup("");
}

static int set_number(struct store_row *row, const char *field, unsigned n,
                      struct store_problem *p)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%u", n);
    return store_row_set(row, field, text, p);
}

/* The row as the request and its place make it. */
static int fill(struct store_row *row, const Stoa__Turn__V1__LeaseRequest *req,
                const char *instance, const struct place *at, struct store_problem *p)
{
    char *addresses = joined(req->addresses, req->n_addresses);
    char *outside = joined(req->public_addresses, req->n_public_addresses);
    char *servers = joined(req->servers, req->n_servers);
    const struct {
        const char *field, *value;
    } texts[] = {
        { "holder", req->holder },   { "instance", instance }, { "addresses", addresses },
        { "publicAddresses", outside }, { "realm", req->realm }, { "state", req->state },
    };
    const struct {
        const char *field;
        unsigned value;
    } numbers[] = {
        { "place", at->place },         { "port", at->port },
        { "privatePort", at->private_port }, { "mediaMin", at->media_min },
        { "mediaMax", at->media_max },
    };
    int err = 0;

    for (size_t i = 0; !err && i < ARRAY_LEN(texts); i++)
        err = store_row_set(row, texts[i].field, texts[i].value ? texts[i].value : "", p);
    if (!err && servers[0]) /* one that has just started says none yet: what it had stays */
        err = store_row_set(row, "servers", servers, p);
    for (size_t i = 0; !err && i < ARRAY_LEN(numbers); i++)
        err = set_number(row, numbers[i].field, numbers[i].value, p);
    free(addresses);
    free(outside);
    free(servers);
    return err;
}

/* Writes the registration; `id` is "" for a new one. */
static int write_row(struct config *c, const Stoa__Turn__V1__LeaseRequest *req,
                     const char *instance, const struct place *at, const char *id,
                     struct store_problem *p)
{
    struct store_row row;
    bool changed = true;
    int err = store_begin(c->store, p);

    if (err)
        return err;
    store_row_init(&row, kinds_find("turnInstance"));
    (void)!str_copy(row.id, sizeof(row.id), id);
    err = fill(&row, req, instance, at, p);
    if (!err)
        err = id[0] ? store_set(c->store, &row, &changed, p) : store_add(c->store, &row, p);
    store_row_fini(&row);
    if (!err && changed)
        err = store_commit(c->store, NULL, NULL, 0, p);
    else
        store_rollback(c->store);
    if (!err && changed)
        config_state_publish(c);
    return err;
}

static void heard(struct config *c, const char *holder)
{
    int64_t *at = map_get(c->leases, holder);

    if (!at) {
        at = MEM_NEW(int64_t);
        map_put(c->leases, holder, at);
    }
    *at = loop_now_ms();
}

static void answer(struct bus_call *call, const struct place *at)
{
    Stoa__Turn__V1__LeaseReply reply = STOA__TURN__V1__LEASE_REPLY__INIT;

    reply.has_place = reply.has_port = reply.has_private_port = true;
    reply.has_media_min = reply.has_media_max = true;
    reply.place = at->place;
    reply.port = at->port;
    reply.private_port = at->private_port;
    reply.media_min = at->media_min;
    reply.media_max = at->media_max;
    bus_reply(call, &reply.base);
}

/* What the holder has already; a new process gets its place as the settings have it now. */
static bool known_place(struct config *c, const Stoa__Turn__V1__LeaseRequest *req,
                        const char *instance, struct place *at, char id[64])
{
    struct store_problem p;
    struct store_row row;
    bool same;

    if (store_get(c->store, kinds_find("turnInstance"), req->holder, &row, &p))
        return false;
    if (is_fact(&row)) {
        store_row_fini(&row);
        return false;
    }
    memcpy(id, row.id, 64);
    place_of_row(&row, at);
    same = str_eq(store_row_get(&row, "instance"), instance);
    store_row_fini(&row);
    if (req->fixed && req->fixed != at->place)
        return is_free(c, req->holder, req->fixed, at);
    return same || is_free(c, req->holder, at->place, at);
}

void config_on_lease(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Turn__V1__LeaseRequest *req = (const void *)body;
    struct config *c = ((struct daemon *)arg)->user;
    const char *instance = bus_call_instance(call);
    struct store_problem p = { 0 };
    struct place at;
    char id[64] = "";
    int err;

    if (str_empty(req->holder)) {
        bus_fail(call, BUS_INVALID, false, "The holder is missing.");
        return;
    }
    if (!known_place(c, req, instance, &at, id) && !find_place(c, req, &at)) {
        bus_fail(call, BUS_CONFLICT, true,
                 req->fixed ? "Place %u is taken, or there are only %u." :
                              "All places for TURN instances are taken (%u wanted, %u there are). "
                              "Raise 'instances' of the kind turn.",
                 req->fixed ? req->fixed : req->number, places(c));
        return;
    }
    err = write_row(c, req, instance, &at, id, &p);
    config_note_health(c, &p);
    if (err) {
        bus_fail(call, err == -EINVAL ? BUS_INVALID : BUS_UNAVAILABLE, true, "%s", p.text);
        return;
    }
    if (!id[0])
        log_info("turn %s: place %u, port=%u, media=%u-%u", req->holder, at.place, at.port,
                 at.media_min, at.media_max);
    heard(c, req->holder);
    answer(call, &at);
}

/* --- ends ------------------------------------------------------------------------------------- */

static void drop(struct config *c, const char *holder)
{
    struct store_problem p = { 0 };
    struct store_row row;

    if (store_get(c->store, kinds_find("turnInstance"), holder, &row, &p))
        return;
    if (store_begin(c->store, &p) == 0 && store_delete(c->store, row.kind, row.id, &p) == 0 &&
        store_commit(c->store, NULL, NULL, 0, &p) == 0) {
        log_info("turn %s: not heard of for long, place %s is free", holder,
                 store_row_get(&row, "place"));
        config_state_publish(c);
    } else {
        store_rollback(c->store);
    }
    store_row_fini(&row);
}

static void on_look(void *arg)
{
    struct config *c = arg;
    int64_t now_ms = loop_now_ms();
    const char *holder;
    void *at;
    size_t it = 0;

    while (map_next(c->leases, &it, &holder, &at)) {
        if (now_ms - *(int64_t *)at < CONFIG_LEASE_MS)
            continue;
        drop(c, holder);
        (void)map_del(c->leases, holder);
        free(at);
    }
}

static bool hear_again(void *arg, struct store_row *row)
{
    if (!is_fact(row))
        heard(arg, store_row_get(row, "holder"));
    return true;
}

void config_lease_start(struct config *c)
{
    struct store_query q = { .kind = kinds_find("turnInstance") };

    c->leases = map_new();
    (void)!store_list(c->store, &q, hear_again, c, NULL);
    c->lease_timer = loop_timer_new(c->daemon->loop, on_look, c);
    loop_timer_start(c->lease_timer, CONFIG_LEASE_LOOK_MS, CONFIG_LEASE_LOOK_MS);
}

void config_lease_stop(struct config *c)
{
    size_t it = 0;
    void *at;

    loop_timer_free(&c->lease_timer);
    while (c->leases && map_next(c->leases, &it, NULL, &at))
        free(at);
    map_free(c->leases);
}
