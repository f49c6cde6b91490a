/* SPDX-License-Identifier: Apache-2.0
 * Shared by the files of lib/site. */
#ifndef SITE_PRIV_H
#define SITE_PRIV_H

#include <site/site.h>

#include <base/list.h>
#include <base/map.h>
#include <base/str.h>
#include <config.pb-c.h>

enum { SITE_LINKS_MAX = 3, SITE_ADDRS_MAX = 32 };

/* All objects found under one index key; one, but for the doors of a call ID. */
struct site_bucket {
    char *key;
    struct list links;
};

struct site_link {
    struct list node;
    struct site_bucket *bucket; /* NULL: not linked */
    struct site_object *object;
};

struct site_host {
    const char *id, *name, *addresses;
};

struct site_object {
    enum site_kind kind;
    char *id;
    Stoa__Config__V1__Row *rows[2]; /* open, secret; they own the strings */
    struct site_link links[SITE_LINKS_MAX];
    union {
        struct site_settings settings;
        struct site_domain domain;
        struct site_space space;
        struct site_access access;
        struct site_user user;
        struct site_rule rule;
        struct site_web_bridge web_bridge;
        struct site_turn_server turn_server;
        struct site_turn turn;
        struct site_turn_user turn_user;
        struct site_turn_instance turn_instance;
        struct site_api_user api_user;
        struct site_host host;
        struct site_zone zone;
        struct site_web_proxy web_proxy;
        struct site_client_uri client_uri;
        struct site_tunnel_domain tunnel_domain;
        struct site_edge_fact edge_fact;
        struct site_zone_server zone_server;
        struct site_zone_user zone_user;
        struct site_external_name external_name;
        struct site_edge edge;
    } as;
};

struct site_topic;

struct site {
    struct map *objects[SITE_KINDS]; /* id -> object */
    struct map *index;               /* key -> bucket */
    site_change_fn on_change;
    void *arg;
    /* follow.c */
    struct site_topic *topics;
    size_t n_topics;
    void (*unfollow)(struct site *s); /* NULL: follows nothing */
};

/* How a field of a row gets into a member. */
enum site_how { SITE_TEXT, SITE_BOOL, SITE_U32, SITE_PORT };

struct site_member {
    const char *field;
    enum site_how how;
    size_t offset;
    const char *index; /* prefix of its index key; NULL: not looked for */
};

struct site_model {
    const char *kind;
    const struct site_member *members;
    size_t n_members;
    size_t id_offset;
    bool has_id;
};

extern const struct site_model site_models[SITE_KINDS];

/* The kind of a name; SITE_KINDS for an unknown one. */
enum site_kind site_kind_of(const char *name);

/* The bucket of an index key ("c:100101"), or NULL. */
struct site_bucket *site_bucket(const struct site *s, const char *prefix, const char *value);

/* The first object of a bucket that is complete, or NULL. */
struct site_object *site_first(const struct site *s, const char *prefix, const char *value);

#endif
