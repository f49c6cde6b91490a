/* SPDX-License-Identifier: Apache-2.0
 * The broker's inside: broker.c sockets and dispatch, peer.c who is there, route.c requests,
 * answers and events, place.c keys, own.c what is asked of busd itself, tap.c the tap, auth.c
 * keys, policy.c the tables. */
#ifndef BUSD_BUSD_H
#define BUSD_BUSD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>
#include <zmq.h>

#include <base/list.h>
#include <base/map.h>
#include <bus/bus.h>
#include <bus/envelope.h>
#include <log/log.h>

#include "policy.h"

typedef Stoa__Bus__V1__Envelope envelope;

struct broker_opts {
    uv_loop_t *loop;
    const char *site, *keys_dir;
    const char *endpoint, *tap_endpoint;
    int64_t grace_ms;
};

enum counter {
    COUNT_RECEIVED,
    COUNT_DELIVERED,
    COUNT_DENIED,
    COUNT_UNROUTABLE,
    COUNT_DROPPED,
    COUNT_MALFORMED,
    COUNT_HELD,
    COUNT_TAPPED,
    COUNT_COUNT
};

/* One connection that said READY. */
struct peer {
    struct list node;
    char *role, *instance, *version;
    char user_id[48]; /* public key, Z85 */
    unsigned role_bit;
    uint8_t rid[16]; /* the ROUTER's own id of the connection: 5 bytes */
    size_t rid_len;
    enum bus_serving state;
    uint32_t load;   /* as told */
    uint32_t requests_given; /* since it was told */
    uint32_t told_load, told_state; /* what other peers know */
    int64_t heard_ms;
    bool wants_peers;
    struct map *topics; /* set of names; the value is the peer */
    struct list asked;  /* pending.by_src */
    struct list owes;   /* pending.by_dst */
    size_t asked_count;
    uint32_t keys;
    uint32_t gap; /* events dropped since the last message got through */
    uint64_t received, sent, dropped, denied;
};

/* A request that has not been answered. */
struct pending {
    struct list by_src, by_dst;
    uint8_t id[BUS_ID_LEN];
    struct peer *src, *dst;
    const struct policy_row *row;
    int64_t deadline_ms;
};

struct auth;
struct tap;

struct broker {
    struct broker_opts opts;
    struct auth *auth;
    struct tap *tap;
    void *router; /* zsock_t */
    void *raw;    /* its libzmq handle */
    struct loop_zmq *watch;
    struct loop_timer *tick;
    int64_t started_ms, swept_ms;
    struct list peers;
    size_t peer_count;
    struct map *by_rid, *by_instance;
    struct map *pending; /* id -> pending */
    struct map *keys;    /* "role key" -> placement */
    struct list held;
    size_t held_count;
    uint64_t counters[COUNT_COUNT];
};

/* A received message on its way. */
struct message {
    const envelope *env;
    zmq_msg_t *raw;   /* the envelope as received */
    struct peer *src;
    uint32_t held_ms; /* time already spent here */
};

/* broker.c */
int broker_new(struct broker **out, const struct broker_opts *opts) MUST_USE;
void broker_free(struct broker **b);
void broker_reload(struct broker *b); /* keys: drops peers whose key is gone */
/* Sends `raw` (left as it is) with a stamp to a peer. Errors: -EHOSTUNREACH, -EAGAIN. */
int broker_forward(struct broker *b, struct peer *to, const struct message *m);
/* Sends a message of busd's own. */
int broker_send(struct broker *b, struct peer *to, const envelope *env);
/* Answers a request with an error. */
void broker_error(struct broker *b, const struct message *m, enum bus_code code, const char *text);
const char *broker_counter_name(enum counter c);

/* peer.c */
struct peer *peer_find(struct broker *b, const void *rid, size_t len);
struct peer *peer_add(struct broker *b, const char *role, const char *instance,
                      const char *user_id);
void peer_move(struct broker *b, struct peer *p, const void *rid,
               size_t len); /* a new connection */
/* The level of lines about a peer that comes or goes: the command `stoa` does so with each call,
 * and its lines would bury those of the daemons. */
enum log_level peer_log_level(const struct peer *p);
void peer_remove(struct broker *b, struct peer *p, const char *why);
void peer_beat(struct broker *b, struct peer *p, enum bus_serving state, uint32_t load);
void peer_announce(struct broker *b, struct peer *p, bool up);
/* The least loaded serving instance of a role, or NULL. A key stays where it is placed, so for it
 * only other keys count; single requests go round among instances that are equal in that. */
struct peer *peer_pick(struct broker *b, unsigned role_bit, bool for_key);
/* Writes what others may know; strings are borrowed from the peer. */
void peer_describe(const struct peer *p, Stoa__Bus__V1__Peer *out);
void peer_tick(struct broker *b);

/* route.c */
void route_request(struct broker *b, struct message *m);
void route_answer(struct broker *b, struct message *m);
void route_event(struct broker *b, struct message *m);
void route_cancel(struct broker *b, struct message *m);
void route_retry_held(struct broker *b); /* after a change of peers or keys, and when grace ends */
void route_sweep(struct broker *b);
void route_peer_gone(struct broker *b, struct peer *p);
void route_fini(struct broker *b);
bool broker_in_grace(const struct broker *b);

/* place.c */
struct peer *place_owner(struct broker *b, const char *role, const char *key);
/* Makes `p` the owner. Errors: -EEXIST another has it; -E2BIG too many keys. */
int place_claim(struct broker *b, struct peer *p, const char *key) MUST_USE;
void place_count(struct broker *b, const char *role, const char *key); /* one more was routed */
bool place_release(struct broker *b, struct peer *p, const char *key, uint64_t seen);
void place_reset(struct broker *b, struct peer *p); /* frees all its keys */
void place_fini(struct broker *b);

/* own.c */
void own_request(struct broker *b, struct message *m);
/* READY of a connection that may not be known yet. `role`, `site` and `user_id` come from its
 * key. */
struct caller {
    const void *rid;
    size_t rid_len;
    const char *role, *site, *user_id;
};
void own_ready(struct broker *b, const struct caller *c, const envelope *env);

/* tap.c */
int tap_new(struct tap **out, struct broker *b) MUST_USE;
void tap_free(struct tap **t);
void tap_send(struct broker *b, const struct message *m, const struct peer *dst,
              Stoa__Bus__V1__Verdict verdict, unsigned receivers);

/* auth.c */
int auth_new(struct auth **out, const char *keys_dir) MUST_USE;
void auth_free(struct auth **a);
/* Makes a socket (zsock_t) a CURVE server with busd's key. */
void auth_apply(struct auth *a, void *zsock);
/* True while the key is in the directory. */
bool auth_allows(struct auth *a, const char *user_id);
void auth_reload(struct auth *a);

#endif
