/* SPDX-License-Identifier: Apache-2.0
 * Zones: who may connect, what the pages and faults say about each. A zone is Active while one
 * of its zone connections has answered its last probes. */
#include "expe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/mem.h>
#include <log/log.h>
#include <loop/clock.h>
#include <pki/pki.h>
#include <site/site.h>
#include <zone.pb-c.h>

static const char fault[] = "zoneConnection", clock_fault[] = "zoneClock";
static const char drift_fault[] = "zoneConfiguration", pair_fault[] = "zonePairing";
static const char rogue_fault[] = "zoneRefused";

enum { PAIR_MS = 10000, NAMES_MAX = 16 };

/* --- who may connect -------------------------------------------------------------------------- */

static const struct site_zone_server *by_user(const struct expe *e, const char *user)
{
    const struct site_zone_server *z;
    size_t it = 0;

    while ((z = site_next_zone_server(e->site, &it)) != NULL)
        if (z->enabled && str_eq(z->username, user))
            return z;
    return NULL;
}

/* What find_zone hands out; the link reads it before anything else happens. */
struct found {
    struct scram_verifier verifier;
    char *id, *ca;
    const char *names[NAMES_MAX];
    size_t n_names;
};

static struct found found;

static void found_reset(void)
{
    for (size_t i = 0; i < found.n_names; i++)
        free((char *)(uintptr_t)found.names[i]);
    free(found.id);
    free(found.ca);
    memset(&found, 0, sizeof(found));
}

/* The CA that counts. "": none does; NULL: the zone waits to be paired. Owner: the caller. */
static char *ca_of(struct expe *e, const struct site_zone_server *z)
{
    if (!str_empty(z->peer_ca))
        return pki_pem_of(z->peer_ca);
    if (map_get(e->paired, z->id))
        return str_dup(map_get(e->paired, z->id));
    if ((int64_t)z->pair_until_s < (int64_t)time(NULL)) {
        daemon_fault_raise(e->daemon, pair_fault, z->name,
                           "Zone \"%s\" has no CA and waits no longer to be paired: an expc that "
                           "named its user was refused. Set its CA, or add the zone anew.",
                           z->name);
        return str_dup("");
    }
    return NULL;
}

int expe_zone_find(struct expe *e, const char *user, const struct addr *from,
                   struct tunnel_zone *out)
{
    const struct site_zone_user *u = site_zone_user_by_name(e->site, user);
    const struct site_zone_server *z = by_user(e, user);
    const char *list, *name;
    char ip[ADDR_TEXT_MAX];

    memset(out, 0, sizeof(*out));
    if (expe_tries_locked(e->tries, from, loop_now_ms())) {
        if (log_limit(addr_print_ip(from, ip)))
            log_warning("zone connection from %s: refused, too many wrong passwords", ip);
        return -EAGAIN;
    }
    found_reset();
    if (!z || !u || scram_verifier_parse(&found.verifier, u->verifier ? u->verifier : ""))
        return -ENOENT;
    found.id = str_dup(z->id);
    found.ca = ca_of(e, z);
    list = z->subject_names;
    while (found.n_names < NAMES_MAX && (name = str_next(&list)) != NULL)
        found.names[found.n_names++] = name;
    out->id = found.id;
    out->verifier = &found.verifier;
    out->peer_ca_pem = found.ca;
    out->peer_names = found.names;
    out->peer_name_count = found.n_names;
    return 0;
}

/* An expc never opens what the edge does not have itself: a rogue one could take a name over. */
const char *expe_zone_judge(const struct expe *e, const char *domain)
{
    if (site_external_name(e->site, domain) || site_tunnel_domain(e->site, domain))
        return NULL;
    return "notConfigured";
}

char *expe_zone_summary(const struct expe *e, const char *zone)
{
    const struct site_zone_server *z = site_zone_server(e->site, zone);
    const struct site_zone_user *u = z ? site_zone_user_by_name(e->site, z->username) : NULL;
    const char *paired = map_get(e->paired, zone ? zone : "");
    char *ca, *text;

    if (!z || !z->enabled || !u || str_empty(u->verifier))
        return NULL;
    ca = str_empty(z->peer_ca) ? str_dup(paired) : pki_pem_of(z->peer_ca);
    text = str_printf("%s\n%s\n%s\n%s", z->username, u->verifier,
                      z->subject_names ? z->subject_names : "", ca ? ca : "");
    free(ca);
    return text;
}

/* --- pairing ---------------------------------------------------------------------------------- */

static void on_stored(void *arg, const struct bus_result *r)
{
    struct expe *e = arg;

    if (r->code == BUS_OK)
        return;
    log_error("zone: the CA of the other end cannot be stored: %s", r->message);
    daemon_fault_raise(e->daemon, pair_fault, "config",
                       "The CA of a zone cannot be stored: %s. After a restart the zone has to be "
                       "paired again.", r->message);
}

void expe_zone_paired(struct expe *e, const char *zone, const char *peer_ca_pem)
{
    Stoa__Zone__V1__PairRequest req = STOA__ZONE__V1__PAIR_REQUEST__INIT;
    const struct site_zone_server *z = site_zone_server(e->site, zone);
    const struct bus_req_opts opts = { .timeout_ms = PAIR_MS, .retry = true };
    const struct bus_dst dst = { .role = "config" };

    log_info("zone %s: paired, the CA of this connection is kept", z ? z->name : zone);
    free(map_put(e->paired, zone, str_dup(peer_ca_pem)));
    req.zone = (char *)(uintptr_t)zone;
    req.peer_ca = (char *)(uintptr_t)peer_ca_pem;
    (void)bus_request(e->daemon->bus, &dst, &req.base, &opts, on_stored, e);
}

/* --- links come and go ------------------------------------------------------------------------ */

static void set_text(struct expe_zone *z, const char *text)
{
    str_set(&z->text, text);
}

void expe_zone_up(struct expe *e, struct expe_link *k)
{
    const struct tunnel_peer *peer = tunnel_link_peer(k->l);
    struct expe_zone *z = map_get(e->zones, k->zone);

    str_set(&k->zone_name, z ? z->name : k->zone);
    if (k->domain)
        log_info("tunnel %s: up, zone=%s, from=%s", k->domain, k->zone_name, k->from_text);
    else
        log_info("zone %s: connected, from=%s, software=%s, node=%s", k->zone_name, k->from_text,
                 peer->software ? peer->software : "?", k->node_id);
    if (z && !k->domain)
        z->refused = false;
    if (!k->domain) {
        if (peer->clock_skew_ms > TUNNEL_SKEW_WARN_MS || peer->clock_skew_ms < -TUNNEL_SKEW_WARN_MS)
            daemon_fault_raise(e->daemon, clock_fault, k->zone_name,
                               "The clock of zone \"%s\" differs by %lld s from the edge's: "
                               "certificates and time-limited names may be refused.",
                               k->zone_name, (long long)(peer->clock_skew_ms / 1000));
        else
            daemon_fault_clear(e->daemon, clock_fault, k->zone_name);
        daemon_fault_clear(e->daemon, pair_fault, k->zone_name);
        expe_turns_say_to(e, k->l);
        tunnel_link_probe(k->l); /* Active needs one that was answered */
    }
    expe_zones_look(e);
}

/* One of the three layers has failed. */
static bool is_proof(enum tunnel_refusal why)
{
    static const bool proofs[TUNNEL_REFUSALS] = {
        [TUNNEL_UNTRUSTED] = true,    [TUNNEL_EXPIRED] = true, [TUNNEL_SUBJECT_NAME] = true,
        [TUNNEL_NO_CERT] = true,      [TUNNEL_BINDING] = true, [TUNNEL_CREDENTIALS] = true,
        [TUNNEL_LOCKED] = true,
    };

    return proofs[why];
}

/* Length of an address's text without its port: that of each try is another one. */
static size_t host_len(const char *from)
{
    const char *colon = strrchr(from, ':');

    return colon ? (size_t)(colon - from) : strlen(from);
}

void expe_zone_down(struct expe *e, const char *zone, bool was_up, const char *from,
                    enum tunnel_refusal why, const char *text)
{
    struct expe_zone *z = zone ? map_get(e->zones, zone) : NULL;
    const char *sentence = str_empty(text) ? tunnel_refusal_text(why) : text;
    char key[ADDR_TEXT_MAX + 32];

    if (why == TUNNEL_REPLACED || why == TUNNEL_OK)
        return;
    (void)snprintf(key, sizeof(key), "zone %.*s %s", (int)host_len(from), from,
                   tunnel_refusal_word(why));
    if (was_up)
        log_info("zone %s: connection ended, from=%s, %s: %s", z ? z->name : "?", from,
                 tunnel_refusal_word(why), sentence);
    else if (log_limit(key))
        log_event(z && is_proof(why) ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, NULL,
                  "zone %s: connection refused, from=%s, %s: %s", z ? z->name : "(unknown)", from,
                  tunnel_refusal_word(why), sentence);
    if (!z || why == TUNNEL_DOMAIN)
        return; /* the pages tell what is denied; the zone itself is well */
    if (!was_up && str_eq(z->state, "Active")) { /* the zone's own expc is connected */
        if (!is_proof(why))
            return;
        z->rogue_ms = loop_now_ms();
        daemon_fault_raise(e->daemon, rogue_fault, z->name,
                           "Somebody at %.*s was refused as zone \"%s\" while it is connected: %s",
                           (int)host_len(from), from, z->name, sentence);
        return;
    }
    z->why = why;
    set_text(z, sentence);
    z->refused = !was_up;
    expe_zones_look(e);
}

/* --- states ----------------------------------------------------------------------------------- */

struct seen {
    bool up, active;
    const char *hash;
    bool drift;
};

static void look_at(struct expe *e, const char *zone, struct seen *s)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &e->links) {
        const struct expe_link *k = LIST_ENTRY(it, struct expe_link, node);
        const struct tunnel_peer *peer;

        if (!k->up || k->domain || !str_eq(k->zone, zone))
            continue;
        s->up = true;
        s->active |= tunnel_link_is_active(k->l);
        peer = tunnel_link_peer(k->l);
        s->drift |= s->hash && !str_eq(s->hash, peer->config_hash);
        s->hash = peer->config_hash;
    }
}

static const char *state_of(const struct expe_zone *z, const struct seen *s)
{
    if (!z->enabled)
        return "Off";
    if (s->active)
        return "Active";
    return s->up ? "Connecting" : "Failed";
}

static void look(struct expe *e, struct expe_zone *z)
{
    struct seen s = { 0 };
    const char *state;

    look_at(e, z->id, &s);
    state = state_of(z, &s);
    if (!str_eq(state, z->state)) {
        if (!str_eq(state, "Connecting"))
            log_info("zone %s: %s%s%s", z->name,
                     str_eq(state, "Active") ? "active" : str_eq(state, "Off") ? "off" : "failed",
                     str_eq(state, "Failed") && z->text ? ", " : "",
                     str_eq(state, "Failed") && z->text ? z->text : "");
        z->state = state;
        z->since_ms = loop_wall_us() / 1000;
        z->changed_ms = loop_now_ms();
    }
    if (str_eq(state, "Active")) {
        z->why = TUNNEL_OK;
        set_text(z, NULL);
    }
    if (str_eq(state, "Active") || str_eq(state, "Off"))
        daemon_fault_clear(e->daemon, fault, z->name);
    else if (str_eq(state, "Failed") &&
             (z->refused || loop_now_ms() - z->changed_ms >= EXPE_ZONE_GRACE_MS))
        daemon_fault_raise(e->daemon, fault, z->name, "Zone \"%s\" is not connected: %s", z->name,
                           z->text ? z->text : "no expc has connected.");
    if (z->rogue_ms && loop_now_ms() - z->rogue_ms > EXPE_ZONE_REFUSED_MS) {
        z->rogue_ms = 0;
        daemon_fault_clear(e->daemon, rogue_fault, z->name);
    }
    if (s.drift)
        daemon_fault_raise(e->daemon, drift_fault, z->name,
                           "Two expc of zone \"%s\" serve different domains or join names.",
                           z->name);
    else
        daemon_fault_clear(e->daemon, drift_fault, z->name);
}

void expe_zones_look(struct expe *e)
{
    size_t it = 0;
    void *z;

    while (map_next(e->zones, &it, NULL, &z))
        look(e, z);
}

static void zone_free(struct expe *e, struct expe_zone *z)
{
    static const char *const types[] = { fault, clock_fault, drift_fault, pair_fault,
                                         rogue_fault };

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        daemon_fault_clear(e->daemon, types[i], z->name);
    free(z->id);
    free(z->name);
    free(z->text);
    free(z);
}

static void follow(struct expe *e, const struct site_zone_server *row)
{
    struct expe_zone *z = map_get(e->zones, row->id);

    if (z && !str_eq(z->name, row->name)) {
        (void)map_del(e->zones, row->id);
        zone_free(e, z);
        z = NULL;
    }
    if (!z) {
        z = MEM_NEW(struct expe_zone);
        z->id = str_dup(row->id);
        z->name = str_dup(row->name);
        z->state = "Failed";
        z->why = TUNNEL_CLOSED;
        z->since_ms = loop_wall_us() / 1000;
        z->changed_ms = loop_now_ms();
        (void)map_put(e->zones, row->id, z);
    }
    z->enabled = row->enabled;
    z->seen = true;
    if (!str_empty(row->peer_ca)) {
        free(map_del(e->paired, row->id)); /* config has it now */
        daemon_fault_clear(e->daemon, pair_fault, row->name);
    }
}

void expe_zones_apply(struct expe *e)
{
    const struct site_zone_server *row;
    const char *id;
    size_t it = 0;
    void *z;

    while (map_next(e->zones, &it, NULL, &z))
        ((struct expe_zone *)z)->seen = false;
    it = 0;
    while ((row = site_next_zone_server(e->site, &it)) != NULL)
        follow(e, row);
    it = 0;
    while (map_next(e->zones, &it, &id, &z)) {
        if (((struct expe_zone *)z)->seen)
            continue;
        free(map_del(e->paired, id));
        (void)map_del(e->zones, id);
        zone_free(e, z);
    }
    expe_zones_look(e);
}

void expe_zones_stop(struct expe *e)
{
    size_t it = 0;
    void *x;

    while (e->zones && map_next(e->zones, &it, NULL, &x))
        zone_free(e, x);
    map_free(e->zones);
    e->zones = NULL;
    it = 0;
    while (e->paired && map_next(e->paired, &it, NULL, &x))
        free(x);
    map_free(e->paired);
    e->paired = NULL;
    found_reset();
}
