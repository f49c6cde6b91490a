/* SPDX-License-Identifier: Apache-2.0
 * The questions that daemons ask. */
#include "site_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <evp/hash.h>

enum { OPEN, SECRET };

static const struct site_object *by_id(const struct site *s, enum site_kind kind, const char *id)
{
    const struct site_object *o = id ? map_get(s->objects[kind], id) : NULL;

    return o && o->rows[OPEN] ? o : NULL;
}

static const struct site_object *next(const struct site *s, enum site_kind kind, size_t *it)
{
    void *o;

    while (map_next(s->objects[kind], it, NULL, &o))
        if (((struct site_object *)o)->rows[OPEN])
            return o;
    return NULL;
}

const struct site_settings *site_settings(const struct site *s)
{
    return &((struct site_object *)map_get(s->objects[SITE_SETTINGS], "settings"))->as.settings;
}

bool site_has_secrets(const struct site *s, enum site_kind kind, const char *id)
{
    const struct site_object *o = by_id(s, kind, id);

    return o && o->rows[SECRET];
}

const struct site_turn *site_turn(const struct site *s)
{
    return &((struct site_object *)map_get(s->objects[SITE_TURN], "turn"))->as.turn;
}

const struct site_web_proxy *site_web_proxy(const struct site *s)
{
    return &((struct site_object *)map_get(s->objects[SITE_WEB_PROXY], "webProxy"))->as.web_proxy;
}

const struct site_edge *site_edge(const struct site *s)
{
    return &((struct site_object *)map_get(s->objects[SITE_EDGE], "edge"))->as.edge;
}

#define BY_ID(function, type, member, kind)                                                        \
    const struct type *function(const struct site *s, const char *id)                              \
    {                                                                                              \
        const struct site_object *o = by_id(s, kind, id);                                          \
                                                                                                   \
        return o ? &o->as.member : NULL;                                                           \
    }

#define BY_KEY(function, type, member, prefix)                                                     \
    const struct type *function(const struct site *s, const char *value)                           \
    {                                                                                              \
        const struct site_object *o = site_first(s, prefix, value);                                \
                                                                                                   \
        return o ? &o->as.member : NULL;                                                           \
    }

#define NEXT(function, type, member, kind)                                                         \
    const struct type *function(const struct site *s, size_t *it)                                  \
    {                                                                                              \
        const struct site_object *o = next(s, kind, it);                                           \
                                                                                                   \
        return o ? &o->as.member : NULL;                                                           \
    }

BY_ID(site_space, site_space, space, SITE_SPACE)
BY_ID(site_access, site_access, access, SITE_ACCESS)
BY_ID(site_turn_server, site_turn_server, turn_server, SITE_TURN_SERVER)
BY_ID(site_turn_instance, site_turn_instance, turn_instance, SITE_TURN_INSTANCE)
BY_ID(site_zone, site_zone, zone, SITE_ZONE)
BY_ID(site_zone_server, site_zone_server, zone_server, SITE_ZONE_SERVER)
BY_KEY(site_zone_user_by_name, site_zone_user, zone_user, "zoneUser")
BY_KEY(site_external_name, site_external_name, external_name, "externalName")
BY_KEY(site_tunnel_domain, site_tunnel_domain, tunnel_domain, "tunnelDomain")
BY_KEY(site_turn_user_by_name, site_turn_user, turn_user, "turnUser")
BY_KEY(site_api_user_by_name, site_api_user, api_user, "apiUser")
BY_KEY(site_space_by_uri, site_space, space, "uri")
BY_KEY(site_user_by_jid, site_user, user, "user")
BY_KEY(site_domain, site_domain, domain, "domain")
BY_KEY(site_rule, site_rule, rule, "rule")
NEXT(site_next_space, site_space, space, SITE_SPACE)
NEXT(site_next_access, site_access, access, SITE_ACCESS)
NEXT(site_next_web_bridge, site_web_bridge, web_bridge, SITE_WEB_BRIDGE)
NEXT(site_next_turn_server, site_turn_server, turn_server, SITE_TURN_SERVER)
NEXT(site_next_turn_user, site_turn_user, turn_user, SITE_TURN_USER)
NEXT(site_next_turn_instance, site_turn_instance, turn_instance, SITE_TURN_INSTANCE)
NEXT(site_next_domain, site_domain, domain, SITE_DOMAIN)
NEXT(site_next_zone, site_zone, zone, SITE_ZONE)
NEXT(site_next_client_uri, site_client_uri, client_uri, SITE_CLIENT_URI)
NEXT(site_next_tunnel_domain, site_tunnel_domain, tunnel_domain, SITE_TUNNEL_DOMAIN)
NEXT(site_next_edge_fact, site_edge_fact, edge_fact, SITE_EDGE_FACT)
NEXT(site_next_zone_server, site_zone_server, zone_server, SITE_ZONE_SERVER)
NEXT(site_next_external_name, site_external_name, external_name, SITE_EXTERNAL_NAME)
NEXT(site_next_rule, site_rule, rule, SITE_RULE)

/* Equal without telling by its time where or in what length they differ. */
static bool same_secret(const char *a, const char *b)
{
    uint8_t ha[EVP_SHA256_SIZE], hb[EVP_SHA256_SIZE];

    evp_sha256(ha, a, strlen(a));
    evp_sha256(hb, b, strlen(b));
    return evp_ct_equal(ha, hb, sizeof(ha));
}

/* The space and access method of a door; false while the space of an access method is not there. */
static bool open_door(const struct site *s, const struct site_object *o, struct site_login *out)
{
    out->access = o->kind == SITE_ACCESS ? &o->as.access : NULL;
    out->space = o->kind == SITE_SPACE ? &o->as.space : site_space(s, o->as.access.space);
    return out->space != NULL;
}

static const char *passcode_of(const struct site_object *o)
{
    const char *v = o->kind == SITE_SPACE ? o->as.space.passcode : o->as.access.passcode;

    return v ? v : "";
}

static const char *secret_of(const struct site_object *o)
{
    return o->kind == SITE_SPACE ? o->as.space.secret : o->as.access.secret;
}

/* An object of which the secret row has not come yet must not count as one without passcode. */
static bool complete(const struct site_object *o)
{
    return o->rows[0] && o->rows[1];
}

int site_find_login(const struct site *s, const char *call_id, const char *passcode,
                    struct site_login *out)
{
    struct site_bucket *b = site_bucket(s, "call", call_id);
    const struct site_object *match = NULL, *open = NULL;
    const char *given = passcode ? passcode : "";
    bool any_passcode = false;
    struct list *it, *tmp;

    if (!b)
        return -ENOENT;
    LIST_EACH(it, tmp, &b->links)
    {
        const struct site_object *o = LIST_ENTRY(it, struct site_link, node)->object;

        if (!complete(o))
            continue;
        if (same_secret(passcode_of(o), given))
            match = o;
        if (passcode_of(o)[0] == '\0')
            open = o;
        else
            any_passcode = true;
    }
    if (!match && !any_passcode)
        match = open;
    return match && open_door(s, match, out) ? 0 : -ENOENT;
}

int site_find_link(const struct site *s, const char *call_id, const char *secret,
                   struct site_login *out)
{
    struct site_bucket *b = site_bucket(s, "call", call_id);
    const struct site_object *match = NULL;
    struct list *it, *tmp;

    if (!b || str_empty(secret))
        return -ENOENT;
    LIST_EACH(it, tmp, &b->links)
    {
        const struct site_object *o = LIST_ENTRY(it, struct site_link, node)->object;

        if (complete(o) && secret_of(o) && same_secret(secret_of(o), secret))
            match = o;
    }
    return match && open_door(s, match, out) ? 0 : -ENOENT;
}

size_t site_host_lookup(const struct site *s, const char *name, struct addr *out, size_t max)
{
    const struct site_object *o = site_first(s, "host", name);
    const char *list = o ? o->as.host.addresses : NULL;
    size_t n = 0;

    if (max > 0 && addr_parse_ip(&out[0], name, 0) == 0)
        return 1;
    while (n < max && site_next_addr(&list, &out[n]))
        n++;
    return n;
}
