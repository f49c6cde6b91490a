/* SPDX-License-Identifier: Apache-2.0
 * The client's inside. One file per concern: bus.c life, link.c connection, request.c and call.c
 * the two sides of a request, topic.c events by topic, key.c keys, peer.c who is up. */
#ifndef BUS_PRIV_H
#define BUS_PRIV_H

#include <bus/bus.h>
#include <bus/envelope.h>

#include <base/list.h>
#include <base/map.h>
#include <loop/timer.h>
#include <loop/zmq.h>

enum {
    REQUEST_TIMEOUT_MS = 5000,
    REQUEST_TTL_MAX_MS = 300000,
    RETRY_FIRST_MS = 50,
    RETRY_MAX_MS = 1000,
    REPLY_CACHE_MS = 60000,
    REPLY_CACHE_COUNT = 8192,
    REPLY_CACHE_B = 16 * 1024 * 1024,
    RECONNECT_MS = 50,
    RECONNECT_MAX_MS = 1000,
    QUEUE_MSGS = 8192, /* per direction, ZMQ_SNDHWM and ZMQ_RCVHWM */
};

typedef Stoa__Bus__V1__Envelope envelope;
typedef Stoa__Bus__V1__Stamp stamp;

enum link_state {
    LINK_CLOSED,     /* waiting to connect again */
    LINK_CONNECTING, /* ZeroMQ tries */
    LINK_HANDSHAKEN, /* READY to be sent */
    LINK_READYING,   /* READY under way */
    LINK_UP,
};

/* Something in this library that wants to know about the connection (a state copy). */
struct bus_listener {
    struct list node;
    void (*up)(void *arg);
    void (*gap)(void *arg); /* events were dropped on the way to us */
    void (*down)(void *arg);
    void *arg;
};

struct bus {
    struct bus_opts opts; /* strings owned */
    char instance[17];
    uint8_t secret_key[32];
    char server_key[41], public_z85[41], secret_z85[41];
    void *ctx, *sock, *mon;
    struct loop_zmq *watch, *mon_watch;

    enum link_state link;
    char reason[160];
    int64_t heard_ms; /* last message from busd */
    struct loop_timer *link_timer;
    struct bus_request *ready; /* READY under way */

    enum bus_serving serving;
    uint32_t load;

    struct map *requests; /* id -> bus_request */
    struct list due;      /* bus_request.node by wake_ms */
    struct loop_timer *due_timer;
    int64_t due_timer_ms; /* when it fires; INT64_MAX: stopped */

    struct map *calls;        /* id + instance -> bus_call */
    struct list open_calls;   /* by deadline_ms */
    struct list closed_calls; /* by expiry: the reply cache */
    size_t cached_count, cached_b;
    struct loop_timer *call_timer;
    int64_t call_timer_ms;

    struct map *handlers; /* type -> handler_entry */
    struct map *topics;   /* topic -> topic_entry */
    struct map *keys;     /* key -> key_entry */
    struct map *peers;    /* instance -> peer_entry */
    bus_peer_fn peer_fn;
    void *peer_arg;
    struct list listeners;

    int depth;  /* callbacks under way */
    bool freed; /* memory goes when depth is 0 */
};

struct bus_request {
    struct bus *bus;
    struct list node;
    uint8_t id[BUS_ID_LEN];
    uint8_t trace_id[BUS_TRACE_ID_LEN];
    uint8_t *packed; /* kept while it may be sent again */
    size_t packed_len;
    int64_t deadline_ms, wake_ms;
    int64_t backoff_ms;
    bool retry, sent;
    enum bus_code fail_code; /* what the wake-up reports */
    const char *fail_message;
    bus_reply_fn fn;
    void (*part)(void *arg, const envelope *env); /* kind SNAPSHOT */
    void *arg;
};

struct bus_call {
    struct bus *bus;
    struct list node;
    uint8_t key[BUS_ID_LEN + 32]; /* id, instance: names the call in bus->calls */
    uint8_t trace_id[BUS_TRACE_ID_LEN];
    char *role, *instance, *subject, *dst_key, *type;
    int64_t deadline_ms; /* open: when to give up; closed: when to forget */
    bool event, answered, held, cancelled;
    uint8_t *reply;
    size_t reply_len;
};

/* link.c */
int bus_link_open(struct bus *bus);
void bus_link_close(struct bus *bus);
void bus_link_reset(struct bus *bus, const char *reason); /* close, and connect again soon */

/* bus.c */
int bus_transmit(struct bus *bus, const envelope *env); /* 0, -ENOTCONN, -EAGAIN, -E2BIG */
int bus_transmit_packed(struct bus *bus, const void *data, size_t len);
void bus_random(void *dst, size_t len);
void bus_enter(struct bus *bus);
bool bus_leave(struct bus *bus); /* false: the bus is gone */
void bus_trace_out(struct bus *bus, const envelope *env);
void bus_set_body(envelope *env, const ProtobufCMessage *body, uint8_t **packed);
static inline ProtobufCBinaryData bus_bin(const void *data, size_t len)
{
    return (ProtobufCBinaryData){.len = len, .data = (uint8_t *)(uintptr_t)data};
}

/* request.c */
void bus_requests_init(struct bus *bus);
void bus_requests_fini(struct bus *bus);
void bus_requests_up(struct bus *bus);
void bus_requests_down(struct bus *bus); /* may call back */
bool bus_on_answer(struct bus *bus, const envelope *env, const stamp *st);
void bus_on_part(struct bus *bus, const envelope *env);
/* A request to busd or a publisher: `head` gives dst_role (NULL: busd), topic and ttl_ms. It is
 * sent although the bus may not be up. */
struct bus_request *bus_request_internal(struct bus *bus, const envelope *head,
                                         const ProtobufCMessage *body, bus_reply_fn fn, void *arg);

/* call.c */
void bus_calls_init(struct bus *bus);
void bus_calls_fini(struct bus *bus);
void bus_on_request(struct bus *bus, const envelope *env, const stamp *st);
void bus_on_event(struct bus *bus, const envelope *env, const stamp *st);
void bus_on_cancel(struct bus *bus, const envelope *env, const stamp *st);
void bus_unhandle(struct bus *bus, const ProtobufCMessageDescriptor *type);
/* Sends rows of a snapshot before its reply. */
int bus_call_part(struct bus_call *call, const ProtobufCMessage *body);

/* topic.c */
void bus_topics_fini(struct bus *bus);
bool bus_topic_dispatch(struct bus *bus, struct bus_call *call, const envelope *env);
/* Raw access for state copies: epoch and seq are in the envelope. */
typedef void (*bus_topic_raw_fn)(void *arg, const envelope *env, const ProtobufCMessage *body);
void bus_subscribe_raw(struct bus *bus, const char *topic, bus_topic_raw_fn fn, void *arg);
int bus_publish_numbered(struct bus *bus, const envelope *head, const ProtobufCMessage *body);

/* key.c */
void bus_keys_fini(struct bus *bus);
void bus_key_seen(struct bus *bus, const char *key);
void bus_key_forget(struct bus *bus, const char *key);

/* peer.c */
void bus_peers_fini(struct bus *bus);
void bus_peers_sync(struct bus *bus, Stoa__Bus__V1__Peer **peers, size_t n);
void bus_on_peer_event(void *arg, struct bus_call *call, const ProtobufCMessage *body);

#endif
