/* SPDX-License-Identifier: Apache-2.0
 * Which TURN servers there are. Rows are looked up by name and matched with the instances that have
 * registered; what comes of it is one list, built anew at every change. */
#include "turns.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/list.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/str.h>
#include <daemon/daemon.h>
#include <evp/util.h>
#include <log/log.h>
#include <loop/clock.h>
#include <loop/resolve.h>
#include <site/site.h>

enum { PORT_TURN = 3478, PORT_TLS = 443 };

/* A row, and the addresses behind its name. */
struct place {
    struct list node;
    struct turns *t;
    char id[GUID_LEN + 1];
    char host[TURNS_HOST_SIZE];
    struct addr found[LOOP_RESOLVE_MAX];
    size_t n_found;
    struct loop_resolve *lookup;
    bool wanted, failed;
    bool is_ours;        /* instances of ours have been behind it */
    char *denied_by;     /* zones that were up and had none behind it: their ids */
    int64_t waiting_ms;  /* since when none of them is known; 0: it does not wait */
    int64_t resolve_ms;
};

/* What the bus says of an instance. */
struct seen {
    enum bus_serving state;
    uint32_t load;
};

struct turns {
    struct daemon *d;
    const struct site *site;
    turns_changed_fn fn;
    turns_alive_fn alive;
    void *arg;
    struct list places;
    int64_t settled_ms; /* see zones_are_settled() */
    struct map *seen; /* instance -> struct seen */
    struct turns_server list[TURNS_MAX], next[TURNS_MAX];
    size_t n, n_next;
};

/* --- names and passwords ---------------------------------------------------------------------- */

static void make_login(const struct turns_server *s, char role, const char *id, int64_t expires_s,
                       char name[TURNS_NAME_SIZE], char password[TURNS_SECRET_SIZE])
{
    struct stun_cred c = { .expires_s = expires_s, .role = role, .user = s->user };

    if (s->login == TURNS_STATIC) {
        (void)str_copy(name, TURNS_NAME_SIZE, s->user);
        (void)str_copy(password, TURNS_SECRET_SIZE, s->secret);
        return;
    }
    if (s->login == TURNS_SHARED_SECRET) {
        (void)snprintf(name, TURNS_NAME_SIZE, "%lld:%s", (long long)expires_s, id);
        stun_cred_foreign(password, s->secret, name);
        return;
    }
    (void)str_copy(c.id, sizeof(c.id), id);
    if (stun_cred_print(&c, name, TURNS_NAME_SIZE))
        name[0] = '\0'; /* a row without user: the server will say so */
    stun_cred_password(password, s->key, name);
}

void turns_guest_login(const struct turns_server *s, const char *id, int64_t expires_s,
                       char name[TURNS_NAME_SIZE], char password[TURNS_SECRET_SIZE])
{
    make_login(s, STUN_CRED_GUEST, id, expires_s, name, password);
}

/* The callbridge's own name stays over changes of the list until half its time is over. */
static void own_login(struct turns *t, struct turns_server *s)
{
    const struct turns_server *old = turns_find(t, s->id);
    int64_t now_s = (int64_t)time(NULL);

    if (old && old->login == s->login && str_eq(old->user, s->user) &&
        str_eq(old->secret, s->secret) && memcmp(old->key, s->key, sizeof(s->key)) == 0 &&
        now_s < old->renew_s) {
        memcpy(s->username, old->username, sizeof(s->username));
        memcpy(s->password, old->password, sizeof(s->password));
        s->renew_s = old->renew_s;
        return;
    }
    make_login(s, STUN_CRED_CALLBRIDGE, t->d->instance, now_s + TURN_LOGIN_S, s->username,
               s->password);
    s->renew_s = s->login == TURNS_STATIC ? INT64_MAX : now_s + TURN_LOGIN_S / 2;
}

/* --- servers ---------------------------------------------------------------------------------- */

/* The first address of a list, as text. */
static void first_of(const char *list, char dst[TURNS_HOST_SIZE])
{
    char text[ADDR_TEXT_MAX];
    struct addr a;

    dst[0] = '\0';
    if (site_next_addr(&list, &a))
        (void)str_copy(dst, TURNS_HOST_SIZE, addr_print_ip(&a, text));
}

/* True when what the instance announces is not where its relays are: static NAT. */
static bool is_announced(const struct site_turn_instance *i)
{
    const char *outside = i->public_addresses;
    struct addr a;
    bool any = false;

    while (site_next_addr(&outside, &a)) {
        any = true;
        if (site_list_has(i->addresses, &a, NULL))
            return false;
    }
    return any;
}

static struct turns_server *add(struct turns *t, const char *id, const struct site_turn_server *row)
{
    struct turns_server *s;

    for (size_t i = 0; i < t->n_next; i++) /* it is behind two rows */
        if (str_eq(t->next[i].id, id))
            return NULL;
    if (t->n_next == TURNS_MAX) {
        if (log_limit("turn servers"))
            log_warning("turn server %s: left out, %d are in use", row->server_address, TURNS_MAX);
        return NULL;
    }
    s = &t->next[t->n_next++];
    memset(s, 0, sizeof(*s));
    (void)str_copy(s->id, sizeof(s->id), id);
    (void)str_copy(s->row, sizeof(s->row), row->id);
    (void)str_copy(s->name, sizeof(s->name), row->server_address);
    (void)str_copy(s->user, sizeof(s->user), row->username ? row->username : "");
    if (!str_empty(row->client_address))
        (void)str_copy(s->client, sizeof(s->client), row->client_address);
    return s;
}

/* What is known of an instance beside its row: the bus says it of those of this site; those of
 * another site are up as long as their row is there. */
static bool look_at(const struct turns *t, const struct site_turn_instance *i, struct seen *out)
{
    const struct seen *seen = map_get(t->seen, i->instance ? i->instance : "");

    if (i->zone) {
        *out = (struct seen){ BUS_SERVING, i->load };
        return !str_eq(i->state, "starting");
    }
    if (seen)
        *out = *seen;
    return seen != NULL;
}

static void add_own(struct turns *t, const struct site_turn_server *row,
                    const struct site_turn_instance *i, const struct addr *at)
{
    struct seen seen;
    struct turns_server *s = look_at(t, i, &seen) ? add(t, i->id, row) : NULL;

    if (!s)
        return;
    s->own = true;
    s->udp = s->tcp = *at;
    s->client_udp = s->client_tcp = i->port;
    s->load = seen.load;
    s->draining = seen.state == BUS_DRAINING || str_eq(i->state, "draining");
    if (i->zone)
        (void)str_copy(s->zone, sizeof(s->zone), i->zone);
    else
        (void)str_copy(s->instance, sizeof(s->instance), i->instance);
    s->inside = !i->zone && !is_announced(i);
    if (!s->client[0])
        first_of(str_empty(i->public_addresses) ? i->addresses : i->public_addresses, s->client);
    s->login = TURNS_DERIVED;
    stun_cred_key(s->key, s->user, i->realm ? i->realm : "", row->password ? row->password : "");
    own_login(t, s);
}

/* A foreign server of the types of CMS: TCP at 443 for "standard" and "lyncEdge" unless the row
 * says otherwise. A port that it does name is that of UDP as well, but for 443, which
 * UDP never has. */
static void add_foreign(struct turns *t, const struct site_turn_server *row, const struct addr *a,
                        size_t number)
{
    bool at_443 = str_eq(row->type, "standard") || str_eq(row->type, "lyncEdge");
    uint16_t tcp = row->port ? row->port : at_443 ? PORT_TLS : PORT_TURN;
    struct turns_server *s;
    char id[TURNS_ID_SIZE];

    (void)snprintf(id, sizeof(id), "%s/%zu", row->id, number);
    s = add(t, id, row);
    if (!s)
        return;
    s->udp = s->tcp = *a;
    s->tcp.port = s->client_tcp = tcp;
    s->udp.port = s->client_udp = tcp == PORT_TLS ? PORT_TURN : tcp;
    s->inside = !s->client[0] && addr_is_private(a);
    if (!s->client[0])
        (void)str_copy(s->client, sizeof(s->client), row->server_address);
    s->login = str_empty(row->shared_secret) ? TURNS_STATIC : TURNS_SHARED_SECRET;
    (void)str_copy(s->secret, sizeof(s->secret),
                   s->login == TURNS_STATIC ? row->password ? row->password : ""
                                            : row->shared_secret);
    own_login(t, s);
}

/* A zone that is not up has not said yet which instances there are. */
static bool a_zone_is_down(const struct turns *t)
{
    const struct site_zone *z;
    size_t it = 0;

    while ((z = site_next_zone(t->site, &it)) != NULL) {
        const struct site_edge_fact *e;
        size_t at = 0;
        bool up = false;

        while (!up && (e = site_next_edge_fact(t->site, &at)) != NULL)
            up = str_eq(e->zone, z->id);
        if (z->enabled && !up)
            return true;
    }
    return false;
}

/* All zones are up, and have been for a moment: instances are said one by one, after the edge. */
static bool zones_are_settled(struct turns *t)
{
    if (a_zone_is_down(t))
        t->settled_ms = loop_now_ms() + TURN_SETTLE_MS;
    return loop_now_ms() >= t->settled_ms;
}

static void deny_by_all(const struct turns *t, struct place *p)
{
    const struct site_zone *z;
    struct str ids = { 0 };
    size_t it = 0;

    while ((z = site_next_zone(t->site, &it)) != NULL)
        if (z->enabled)
            str_addf(&ids, "%s\n", z->id);
    free(p->denied_by);
    p->denied_by = str_take(&ids);
}

static bool is_denied_by_all(const struct turns *t, const struct place *p)
{
    const struct site_zone *z;
    size_t it = 0;

    while ((z = site_next_zone(t->site, &it)) != NULL)
        if (z->enabled && !(p->denied_by && strstr(p->denied_by, z->id)))
            return false;
    return true;
}

/* A row without instances is a foreign server, and what a foreign server without shared secret is
 * used with is its password: browsers get it. So a row that may be ours is not taken for one: one
 * that has had instances, and one that a zone may claim when it is up. A zone that was up before and
 * did not claim it will not. */
static bool may_be_ours(struct turns *t, const struct site_turn_server *row, struct place *p)
{
    if (!str_empty(row->shared_secret))
        return false;
    if (p->is_ours)
        return true;
    if (zones_are_settled(t))
        deny_by_all(t, p);
    return !is_denied_by_all(t, p);
}

static void add_row(struct turns *t, const struct site_turn_server *row, struct place *p)
{
    bool own = false, waits;

    for (size_t i = 0; i < p->n_found; i++) {
        const struct site_turn_instance *one;
        size_t it = 0;

        while ((one = site_next_turn_instance(t->site, &it)) != NULL) {
            struct addr at;

            if (!one->port || !site_turn_reach(one, &p->found[i], &at))
                continue;
            own = true;
            add_own(t, row, one, &at);
        }
    }
    p->is_ours = p->is_ours || own;
    waits = !own && p->n_found > 0 && may_be_ours(t, row, p);
    for (size_t i = 0; !own && !waits && i < p->n_found; i++)
        add_foreign(t, row, &p->found[i], i + 1);
    if (!waits && p->waiting_ms)
        daemon_fault_clear(t->d, "turnServerUnavailable", p->host);
    p->waiting_ms = !waits ? 0 : p->waiting_ms ? p->waiting_ms : loop_now_ms();
}

/* Loads come and go with every guest: they decide who is sent where, and change no login and no
 * relay. */
static bool differs(const struct turns *t)
{
    if (t->n != t->n_next)
        return true;
    for (size_t i = 0; i < t->n; i++) {
        struct turns_server now = t->next[i];
        bool same;

        now.load = t->list[i].load;
        same = memcmp(&now, &t->list[i], sizeof(now)) == 0;
        evp_wipe(&now, sizeof(now));
        if (!same)
            return true;
    }
    return false;
}

static bool is_next(const struct turns *t, const char *id)
{
    for (size_t i = 0; i < t->n_next; i++)
        if (str_eq(t->next[i].id, id))
            return true;
    return false;
}

/* The row of an instance goes when it has died, and when the zone is cut. In the second case media
 * runs on: so what lives is kept, for those who are on it. */
static void keep_alive(struct turns *t)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct turns_server *old = &t->list[i];
        const struct site_zone *z = old->zone[0] ? site_zone(t->site, old->zone) : NULL;

        if (!z || !z->enabled || !site_turn_server(t->site, old->row) || is_next(t, old->id) ||
            t->n_next == TURNS_MAX || !t->alive || !t->alive(t->arg, old->id))
            continue;
        t->next[t->n_next] = *old;
        t->next[t->n_next].draining = t->next[t->n_next].orphan = true;
        t->n_next++;
    }
}

static void update(struct turns *t)
{
    struct list *it, *tmp;
    bool changed;

    t->n_next = 0;
    LIST_EACH(it, tmp, &t->places) {
        struct place *p = LIST_ENTRY(it, struct place, node);
        const struct site_turn_server *row = site_turn_server(t->site, p->id);

        if (row && site_has_secrets(t->site, SITE_TURN_SERVER, p->id))
            add_row(t, row, p);
    }
    keep_alive(t);
    changed = differs(t);
    memcpy(t->list, t->next, sizeof(t->list));
    t->n = t->n_next;
    if (changed)
        t->fn(t->arg, t->list, t->n);
}

/* --- places ----------------------------------------------------------------------------------- */

/* True when these are addresses of before. */
static bool is_found(const struct place *p, const struct addr *found, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool same = false;

        for (size_t k = 0; k < p->n_found && !same; k++)
            same = addr_ip_eq(&p->found[k], &found[i]);
        if (!same)
            return false;
    }
    return true;
}

static void resolved(void *arg, const struct addr *found, size_t n)
{
    struct place *p = arg;
    struct turns *t = p->t;

    p->failed = n == 0;
    p->resolve_ms = loop_now_ms() + (n ? TURN_RESOLVE_MS : TURN_RESOLVE_FAILED_MS);
    if (n == 0) { /* the old addresses stay */
        daemon_fault_raise(t->d, "turnServerUnavailable", p->host,
                           "TURN server \"%s\" cannot be used: DNS failure", p->host);
        return;
    }
    daemon_fault_clear(t->d, "turnServerUnavailable", p->host);
    if (!is_found(p, found, n))
        str_set(&p->denied_by, NULL); /* the zones were asked about another machine */
    memcpy(p->found, found, n * sizeof(*found));
    p->n_found = n;
    update(t);
}

static void look_up(struct place *p)
{
    struct addr found[LOOP_RESOLVE_MAX];
    size_t n = site_host_lookup(p->t->site, p->host, found, LOOP_RESOLVE_MAX);

    loop_resolve_cancel(&p->lookup);
    for (size_t i = 0; i < n; i++)
        found[i].port = 0;
    if (n > 0) {
        resolved(p, found, n);
        return;
    }
    p->resolve_ms = INT64_MAX;
    loop_resolve_start(&p->lookup, p->t->d->loop, p->host, 0, resolved, p);
}

static void place_free(struct place *p)
{
    loop_resolve_cancel(&p->lookup);
    daemon_fault_clear(p->t->d, "turnServerUnavailable", p->host);
    list_del(&p->node);
    free(p->denied_by);
    free(p);
}

static struct place *place_of(struct turns *t, const struct site_turn_server *row)
{
    struct list *it, *tmp;
    struct place *p;

    LIST_EACH(it, tmp, &t->places) {
        p = LIST_ENTRY(it, struct place, node);
        if (str_eq(p->id, row->id) && str_eq(p->host, row->server_address))
            return p;
    }
    p = MEM_NEW(struct place);
    p->t = t;
    (void)str_copy(p->id, sizeof(p->id), row->id);
    (void)str_copy(p->host, sizeof(p->host), row->server_address);
    list_add_tail(&t->places, &p->node);
    return p;
}

void turns_configure(struct turns *t)
{
    const struct site_turn_server *row;
    struct list *it, *tmp;
    size_t at = 0;

    if (!site_ready(t->site))
        return;
    LIST_EACH(it, tmp, &t->places)
        LIST_ENTRY(it, struct place, node)->wanted = false;
    while ((row = site_next_turn_server(t->site, &at)) != NULL)
        if (!str_empty(row->server_address))
            place_of(t, row)->wanted = true;
    LIST_EACH(it, tmp, &t->places) {
        struct place *p = LIST_ENTRY(it, struct place, node);

        if (!p->wanted)
            place_free(p);
        else if (!p->lookup)
            look_up(p);
    }
    update(t);
}

void turns_peer(struct turns *t, const struct bus_peer *peer, bool up)
{
    struct seen *s = map_get(t->seen, peer->instance);

    if (!up) {
        free(map_del(t->seen, peer->instance));
    } else {
        if (!s) {
            s = MEM_NEW(struct seen);
            (void)map_put(t->seen, peer->instance, s);
        }
        *s = (struct seen){ peer->state, peer->load };
    }
    update(t);
}

void turns_tick(struct turns *t)
{
    int64_t now_ms = loop_now_ms(), now_s = (int64_t)time(NULL);
    bool settled = zones_are_settled(t), over = false;
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &t->places) {
        struct place *p = LIST_ENTRY(it, struct place, node);

        if (now_ms >= p->resolve_ms)
            look_up(p);
        over = over || (settled && p->waiting_ms && !p->is_ours);
        if (p->waiting_ms && now_ms - p->waiting_ms > TURN_WAITING_MS)
            daemon_fault_raise(t->d, "turnServerUnavailable", p->host,
                               "TURN server \"%s\" cannot be used: none of its instances is known; "
                               "they run elsewhere, or the zone to them is down", p->host);
    }
    for (size_t i = 0; i < t->n; i++)
        over = over || now_s >= t->list[i].renew_s || t->list[i].orphan;
    if (over)
        update(t);
}

/* --- the list --------------------------------------------------------------------------------- */

const struct turns_server *turns_list(const struct turns *t, size_t *n)
{
    *n = t->n;
    return t->list;
}

const struct turns_server *turns_find(const struct turns *t, const char *id)
{
    for (size_t i = 0; i < t->n; i++)
        if (str_eq(t->list[i].id, id))
            return &t->list[i];
    return NULL;
}

struct turns *turns_new(struct daemon *d, const struct site *site, turns_changed_fn fn, void *arg)
{
    struct turns *t = MEM_NEW(struct turns);

    t->d = d;
    t->site = site;
    t->fn = fn;
    t->arg = arg;
    list_init(&t->places);
    t->seen = map_new();
    return t;
}

void turns_ask_alive(struct turns *t, turns_alive_fn fn)
{
    t->alive = fn;
}

void turns_free(struct turns **tp)
{
    struct turns *t = *tp;
    struct list *it, *tmp;
    size_t at = 0;
    void *s;

    if (!t)
        return;
    *tp = NULL;
    LIST_EACH(it, tmp, &t->places)
        place_free(LIST_ENTRY(it, struct place, node));
    while (map_next(t->seen, &at, NULL, &s))
        free(s);
    map_free(t->seen);
    evp_wipe(t->list, sizeof(t->list));
    evp_wipe(t->next, sizeof(t->next));
    free(t);
}
