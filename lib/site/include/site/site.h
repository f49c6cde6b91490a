/* SPDX-License-Identifier: Apache-2.0
 * What a daemon knows of its site's configuration: the rows of config's state topics, decoded into
 * plain structs and indexed for the questions that daemons ask. It follows every change by itself
 * and works on its last copy while config or the bus is away.
 *
 * All pointers handed out are borrowed until the loop's next turn: copy what must last longer. */
#ifndef SITE_SITE_H
#define SITE_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/attr.h>

struct bus;
struct bus_state_row;
struct site;

/* Strings are NULL while unset. Secret fields are NULL without the topic that carries them. */

struct site_space {
    const char *id; /* GUID */
    const char *name, *uri, *secondary_uri, *call_id;
    const char *passcode, *secret; /* topic site-secret */
    const char *default_layout;
    bool non_member_access, locked, message_board;
    uint32_t participant_limit; /* 0: the site's limit holds */
};

struct site_access {
    const char *id, *space; /* GUIDs */
    const char *name, *uri, *call_id;
    const char *passcode, *secret; /* topic site-secret */
    const char *scope;             /* "public", "private", "member" */
    bool needs_activation;         /* waits in the lobby */
    bool can_mute_others, can_disconnect_others, can_lock, can_present;
};

struct site_user {
    const char *id, *jid, *name, *email;
};

struct site_rule {
    const char *id, *domain;
    uint32_t priority;
    bool targets_spaces, targets_users;
};

struct site_domain {
    const char *id, *domain, *key_file, *certificate_file, *bundle_file;
};

struct site_web_bridge {
    const char *id, *url, *id_entry_mode, *resource_archive;
    bool allow_weblink_access, show_sign_in, resolve_call_ids;
};

struct site_turn_server {
    const char *id, *server_address, *client_address, *username, *type;
    const char *password, *shared_secret; /* topic turn-secret */
    uint16_t port;                        /* of the override; 0: by type */
};

/* The settings of the TURN instances. */
struct site_turn {
    const char *realm;
    const char *listen;     /* "ip[:port], ..", comma-separated; NULL: as they were started */
    const char *static_nat; /* "public/private, .." */
    uint32_t instances, user_quota, source_quota, total_quota;
    uint32_t bit_rate_kbps; /* 0: no limit */
    uint32_t unauthorized_limit, latency_budget_us;
};

struct site_turn_user {
    const char *id, *name;
    const char *password; /* topic turn-user */
    bool local_only;
    const char *allow_peers; /* "ip/bits, .." */
};

/* A TURN instance that has registered; it may be down (the bus knows). */
struct site_turn_instance {
    const char *id, *holder;
    const char *instance;                     /* on the bus */
    const char *addresses, *public_addresses; /* IPs, comma-separated; by position */
    const char *realm, *state;                /* "starting", "serving", "draining" */
    const char *zone;    /* through which it has become known; NULL: an instance of this site */
    const char *servers; /* "ip[:port], ..": where it answers; NULL: as `addresses` */
    uint32_t place, load;
    uint16_t port, private_port, media_min, media_max;
};

/* An edge that expc dials. */
struct site_zone {
    const char *id, *name, *address, *username, *subject_name;
    const char *password; /* topic zone-secret */
    const char *peer_ca;  /* base64 of the DER; pki_pem_of() */
    uint16_t port;
    bool enabled;
};

struct site_web_proxy {
    bool enabled, verify_certificate;
    const char *guest_account_client_uri;
};

/* A join address beside that of site_web_proxy. */
struct site_client_uri {
    const char *id, *uri;
};

struct site_tunnel_domain {
    const char *id, *domain;
};

/* An edge behind a zone that is up. */
struct site_edge_fact {
    const char *id, *node, *zone, *names, *software; /* names: comma-separated */
    uint16_t turns_port; /* 0: none */
};

/* A zone that may connect to this edge. */
struct site_zone_server {
    const char *id, *name, *username, *subject_names, *peer_ca;
    uint32_t pair_until_s;
    bool enabled;
};

struct site_zone_user {
    const char *id, *name;
    const char *verifier; /* topic zone-user; scram_verifier_parse() */
};

struct site_external_name {
    const char *id, *name, *certificate_file, *key_file;
};

/* The settings of an edge. */
struct site_edge {
    bool http_redirect, hsts, turn_over_tls;
    uint32_t connection_limit, source_connection_limit, source_rate, head_timeout_s;
    uint32_t tunnel_memory_mib;
};

struct site_api_user {
    const char *id, *name, *role; /* "admin", "api", "audit" */
    const char *password_hash;    /* topic admin-secret; evp_password_verify() */
};

struct site_settings {
    const char *guest_account_client_uri, *guest_account_jid_domain;
    const char *custom_background_image_uri, *custom_login_logo_uri;
    const char *guest_access_via_id_and_passcode; /* "secure", "disabled" */
    bool guest_access_via_hyperlinks, user_sign_in;
    const char *web_bridge_uri, *web_bridge_hostnames; /* names: comma-separated */
    bool web_bridge_enabled, web_bridge_http_redirect;
    const char *web_bridge_listen; /* "ip[:port], ..": comma-separated */
    const char *ivr_numeric_id, *ivr_telephone_number;
    const char *video_codec; /* "VP8", "H264" */
    const char *xmpp_domain, *xmpp_unique_name, *xmpp_server_address;
    uint32_t participant_limit, space_participant_limit, guest_passcode_tries;
};

/* A way in: what a call ID, or a URI, and a passcode or secret lead to. */
struct site_login {
    const struct site_space *space;
    const struct site_access *access; /* NULL: the space itself */
};

enum site_kind {
    SITE_SETTINGS,
    SITE_DOMAIN,
    SITE_SPACE,
    SITE_ACCESS,
    SITE_USER,
    SITE_RULE,
    SITE_WEB_BRIDGE,
    SITE_TURN_SERVER,
    SITE_TURN,
    SITE_TURN_USER,
    SITE_TURN_INSTANCE,
    SITE_API_USER,
    SITE_HOST_RECORD,
    SITE_ZONE,
    SITE_WEB_PROXY,
    SITE_CLIENT_URI,
    SITE_TUNNEL_DOMAIN,
    SITE_EDGE_FACT,
    SITE_ZONE_SERVER,
    SITE_ZONE_USER,
    SITE_EXTERNAL_NAME,
    SITE_EDGE,
    SITE_KINDS
};

/* The object `id` of a kind is new, changed or gone. Kind
 * SITE_KINDS: a topic has become complete for the first time. Called from the loop, after the
 * change is in place; the site may not be freed inside. */
typedef void (*site_change_fn)(enum site_kind kind, const char *id, void *arg);

/* Makes an empty site that follows nothing: tests fill it with site_load_text(). */
struct site *site_new(site_change_fn on_change, void *arg);

/* Ends it, before the bus. NULL is fine. */
void site_free(struct site **s);

/* Puts the objects of a text (kinds/text.h) in, as config would publish them.
 * Errors: -EINVAL, with the reason in `why` of `cap` bytes. */
int site_load_text(struct site *s, const char *text, char *why, size_t cap) MUST_USE;

/* Takes one published row (a packed stoa.config.v1.Row); `data` NULL: it is gone.
 * Shape:  `secret`: it came on a secret topic, whose fields join those of the open one.
 * Errors: -EBADMSG not a row; -ENOENT a kind that this version does not know (harmless). */
int site_apply(struct site *s, const struct bus_state_row *row, bool secret) MUST_USE;

/* Follows topics ("site", "site-secret", "user", ...; NULL-terminated) on a bus; each must be
 * allowed for the own role. Sealed copies are kept in `cache_dir` (NULL: none). Cached rows
 * are in place when it returns. Errors: -EINVAL. */
int site_follow(struct site *s, struct bus *bus, const char *const *topics,
                const char *cache_dir) MUST_USE;

/* True once every topic followed has been complete, from config or from the cache. */
bool site_ready(const struct site *s);

/* True while every topic followed is as config has it. */
bool site_live(const struct site *s);

const struct site_settings *site_settings(const struct site *s);
const struct site_turn *site_turn(const struct site *s);
const struct site_web_proxy *site_web_proxy(const struct site *s);
const struct site_edge *site_edge(const struct site *s);
const struct site_zone *site_zone(const struct site *s, const char *id);
const struct site_zone_server *site_zone_server(const struct site *s, const char *id);
const struct site_zone_user *site_zone_user_by_name(const struct site *s, const char *name);
const struct site_external_name *site_external_name(const struct site *s, const char *name);
const struct site_tunnel_domain *site_tunnel_domain(const struct site *s, const char *domain);
const struct site_space *site_space(const struct site *s, const char *id);
const struct site_space *site_space_by_uri(const struct site *s, const char *user_part);
const struct site_access *site_access(const struct site *s, const char *id);
const struct site_turn_server *site_turn_server(const struct site *s, const char *id);
const struct site_turn_instance *site_turn_instance(const struct site *s, const char *id);
const struct site_turn_user *site_turn_user_by_name(const struct site *s, const char *name);
const struct site_api_user *site_api_user_by_name(const struct site *s, const char *name);
const struct site_user *site_user_by_jid(const struct site *s, const char *jid);
const struct site_domain *site_domain(const struct site *s, const char *domain);
const struct site_rule *site_rule(const struct site *s, const char *domain);

/* True when the secret fields of an object have come as well, by the topic that carries them: until
 * then a missing password says nothing. */
bool site_has_secrets(const struct site *s, enum site_kind kind, const char *id);

/* Walk all of a kind, in no particular order:
 * `size_t it = 0; while ((x = site_next_space(s, &it)) != NULL)`.
 * Nothing may be applied inside. */
const struct site_space *site_next_space(const struct site *s, size_t *it);
const struct site_access *site_next_access(const struct site *s, size_t *it);
const struct site_web_bridge *site_next_web_bridge(const struct site *s, size_t *it);
const struct site_turn_server *site_next_turn_server(const struct site *s, size_t *it);
const struct site_turn_user *site_next_turn_user(const struct site *s, size_t *it);
const struct site_turn_instance *site_next_turn_instance(const struct site *s, size_t *it);
const struct site_domain *site_next_domain(const struct site *s, size_t *it);
const struct site_rule *site_next_rule(const struct site *s, size_t *it);
const struct site_zone *site_next_zone(const struct site *s, size_t *it);
const struct site_client_uri *site_next_client_uri(const struct site *s, size_t *it);
const struct site_tunnel_domain *site_next_tunnel_domain(const struct site *s, size_t *it);
const struct site_edge_fact *site_next_edge_fact(const struct site *s, size_t *it);
const struct site_zone_server *site_next_zone_server(const struct site *s, size_t *it);
const struct site_external_name *site_next_external_name(const struct site *s, size_t *it);

/* Finds what a guest's call ID and passcode open: the door with just that passcode; else, where no
 * door of the call ID has a passcode, the open one (a passcode typed in vain does no harm). Every
 * passcode is compared in constant time.
 * Errors: -ENOENT nothing; a wrong call ID and a wrong passcode are not told apart. */
int site_find_login(const struct site *s, const char *call_id, const char *passcode,
                    struct site_login *out) MUST_USE;

/* Finds what a join link opens: call ID and the link's secret.
 * Errors: -ENOENT. */
int site_find_link(const struct site *s, const char *call_id, const char *secret,
                   struct site_login *out) MUST_USE;

/* Takes the next address of a comma-separated list of ip[:port], as rows have them, and moves
 * `*list` on. Port 0: none stands there. Returns false at the end; NULL is an empty list. */
bool site_next_addr(const char **list, struct addr *out);

/* Whether such a list holds an IP; *port, which may be NULL, gets the port that stands there. */
bool site_list_has(const char *list, const struct addr *wanted, uint16_t *port);

/* Says whether an instance stands behind an address of a turnServer row, and where
 * requests reach it.
 * Shape:  it does when it answers there, or when its relays are bound to or announced with that
 *         IP. A loopback address stands for all instances of this machine as well. An instance of
 *         another site is reached at the row's address and nowhere else: what it says of itself
 *         chooses no place inside. */
bool site_turn_reach(const struct site_turn_instance *t, const struct addr *a, struct addr *out);

/* Where a host leads without DNS: itself, when it is an address, else its static host record (any
 * case): up to `max` addresses; port 0: the usual one.
 * Returns how many there are; 0: ask DNS. */
size_t site_host_lookup(const struct site *s, const char *name, struct addr *out, size_t max);

#endif
