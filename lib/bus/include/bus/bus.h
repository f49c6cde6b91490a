/* SPDX-License-Identifier: Apache-2.0
 * A daemon's connection to its site's bus: requests with exactly one answer, handlers by message
 * type, events, topics, keys and peers.
 *
 * One DEALER with CURVE on the caller's libuv loop, one thread. The connection comes up by itself,
 * says READY, and after every loss again; busd learns role and site from the CURVE key. Contract:
 * docs/bus.md. */
#ifndef BUS_BUS_H
#define BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>
#include <uv.h>

#include <base/attr.h>

enum { BUS_TRACE_ID_LEN = 16, BUS_ID_LEN = 16 };

/* Outcome of a request. */
enum bus_code {
    BUS_OK = 0,
    BUS_NOT_FOUND,   /* what the request names does not exist */
    BUS_DENIED,      /* role or credential does not allow it */
    BUS_UNAVAILABLE, /* nobody there to answer, or too busy */
    BUS_DEADLINE,    /* no answer in time; it may still happen */
    BUS_CONFLICT,    /* state has changed, or the thing exists */
    BUS_INVALID,     /* malformed or out of range */
    BUS_INTERNAL,    /* the answering daemon failed */
};

/* "OK", "NOT_FOUND", ...; "INTERNAL" for anything unknown. */
const char *bus_code_name(enum bus_code code);

enum bus_serving { BUS_STARTING = 1, BUS_SERVING, BUS_DRAINING };

/* "starting", "serving", "draining". */
const char *bus_serving_name(enum bus_serving s);

struct bus;
struct bus_request; /* a request under way */
struct bus_call;    /* a request or event being handled */

struct bus_opts {
    uv_loop_t *loop;
    const char *endpoint; /* "ipc:///…/run/bus.sock" or "tcp://127.0.0.1:5670" */
    const char *role;     /* own role; must be the key's */
    const char *site;     /* "inside" or "edge"; NULL: not announced */
    const char *version;  /* announced; NULL: STOA_VERSION */
    const char *keys_dir; /* holds <role>.key and busd.pub (bus_keys_make) */
    const char *cert_path;        /* instead of keys_dir/<role>.key */
    const char *server_cert_path; /* instead of keys_dir/busd.pub */

    /* Connected and READY acknowledged / lost or refused, with the reason. Either may be NULL. */
    void (*on_up)(void *arg);
    void (*on_down)(void *arg, const char *reason);
    /* Another instance holds this key since a restart of busd: end what it stands for. */
    void (*on_key_lost)(void *arg, const char *key);
    /* One line per message sent or received, for the debug log. */
    void (*on_trace)(void *arg, const char *line);
    void *arg;
};

/* Loads the keys and starts connecting. Strings are copied. Owner: the caller, ends with
 * bus_free(). Errors: -EINVAL option missing; -ENOENT a certificate file missing or unreadable;
 * -EBADMSG it is not a certificate with a secret key. */
int bus_new(struct bus **out, const struct bus_opts *opts) MUST_USE;

/* Says goodbye and closes. No callback comes afterwards: open requests end silently, open calls
 * are freed. Sets `*bus` to NULL; NULL is fine. Run the loop once more so that libuv closes its
 * handles. */
void bus_free(struct bus **bus);

/* This process's random instance id (16 hex digits), its role, and whether READY is
 * acknowledged. */
const char *bus_instance(const struct bus *bus);
const char *bus_role(const struct bus *bus);
bool bus_is_up(const struct bus *bus);

/* Why the bus is not up ("connecting", "key refused by busd", ...); "" when it is. */
const char *bus_down_reason(const struct bus *bus);

/* --- requests -------------------------------------------------------------------------------- */

/* Where to: a role alone (the least loaded serving instance), a role and instance, or a role and
 * key: all messages with one key go to one instance. */
struct bus_dst {
    const char *role;
    const char *instance;
    const char *key;
};

struct bus_req_opts {
    int timeout_ms;          /* 0: 5000 */
    const char *subject;     /* call or space id: index for bustap and logs */
    const uint8_t *trace_id; /* 16 bytes; NULL: a new one */
    bool retry; /* while the bus is down or says UNAVAILABLE: try again, same id, until the
                   deadline */
};

/* How a request ended. Everything is valid for the callback only. */
struct bus_result {
    enum bus_code code;
    const char *message;          /* "" when OK */
    bool retryable;               /* the same request may succeed later */
    const ProtobufCMessage *body; /* the reply, validated; NULL unless OK */
    const char *src_role, *src_instance;
};

typedef void (*bus_reply_fn)(void *arg, const struct bus_result *result);

/* Sends `body` and calls `fn` exactly once, from the loop, never from inside this call.
 * Shape:  opts may be NULL. body is packed at once and stays the caller's.
 * Owner:  the handle is valid until the callback begins or bus_cancel(). Ignoring it is fine.
 * Errors: none; everything that goes wrong is an answer. */
struct bus_request *bus_request(struct bus *bus, const struct bus_dst *dst,
                                const ProtobufCMessage *body, const struct bus_req_opts *opts,
                                bus_reply_fn fn, void *arg);

/* Gives a request up: its callback does not come. */
void bus_cancel(struct bus_request *req);

/* --- handling -------------------------------------------------------------------------------- */

/* Handles one request or event. `body` has been unpacked and validated and is valid for the call
 * only. A request is answered with bus_reply() or bus_fail(), now or later; an event must not be
 * answered, its `call` ends with the handler. */
typedef void (*bus_handler_fn)(void *arg, struct bus_call *call, const ProtobufCMessage *body);

struct bus_handler {
    const ProtobufCMessageDescriptor *type;
    bus_handler_fn fn;
};

/* Adds a table of handlers; it must outlive the bus. A type that already has one gets the new
 * one. */
void bus_handle(struct bus *bus, const struct bus_handler *table, size_t n, void *arg);

const char *bus_call_role(const struct bus_call *call);     /* of the sender, as busd stamped it */
const char *bus_call_instance(const struct bus_call *call); /* of the sender */
const char *bus_call_subject(const struct bus_call *call);  /* "" when absent */
const char *bus_call_key(const struct bus_call *call);      /* "" when absent */
const uint8_t *bus_call_id(const struct bus_call *call);    /* 16 bytes; the same in a repetition */
const uint8_t *bus_call_trace(const struct bus_call *call); /* 16 bytes */
bool bus_call_is_event(const struct bus_call *call);
bool bus_call_cancelled(const struct bus_call *call); /* nobody waits any more */
struct bus *bus_call_bus(const struct bus_call *call);

/* Answers a request and ends the call: `call` is invalid afterwards. It must happen once for every
 * request and may happen at any time before bus_free(); after the deadline (the library has then
 * answered DEADLINE) or a lost connection it does no harm. A repeated request with the same id gets
 * the same answer for 60 s without asking the handler. */
void bus_reply(struct bus_call *call, const ProtobufCMessage *body);
void bus_fail(struct bus_call *call, enum bus_code code, bool retryable, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* --- events and topics ----------------------------------------------------------------------- */

/* Sends a message that is not answered; with a key it reaches the key's owner, and nobody if there
 * is none. Errors: -ENOTCONN bus down; -EAGAIN queue full; -E2BIG too long. The event is lost. */
int bus_send_event(struct bus *bus, const struct bus_dst *dst, const ProtobufCMessage *body,
                   const struct bus_req_opts *opts) MUST_USE;

/* Sends a message to all who subscribed to `topic`. Errors as above. */
int bus_publish(struct bus *bus, const char *topic, const ProtobufCMessage *body) MUST_USE;

/* One message of a topic; `body` is valid for the call only. */
typedef void (*bus_topic_fn)(void *arg, struct bus_call *call, const ProtobufCMessage *body);

/* Receives a topic from when busd acknowledges, and again after every reconnect. A second call for
 * a topic replaces the function. */
void bus_subscribe(struct bus *bus, const char *topic, bus_topic_fn fn, void *arg);
void bus_unsubscribe(struct bus *bus, const char *topic);

/* --- keys, load, peers ----------------------------------------------------------------------- */

/* Gives a key ("space/<guid>") back that came with a request: the next request with it is placed
 * anew. Requests already on their way still arrive here, and keep the key. */
void bus_key_release(struct bus *bus, const char *key);

/* Tells busd whether this instance takes new work, and how loaded it is (any unit, the same in all
 * instances of a role). Starts as STARTING. */
void bus_set_serving(struct bus *bus, enum bus_serving state);
void bus_set_load(struct bus *bus, uint32_t load);

struct bus_peer {
    const char *role, *instance, *version;
    enum bus_serving state;
    uint32_t load;
};

/* A peer is there or changed (`up`), or is gone. All strings are valid for the call only. */
typedef void (*bus_peer_fn)(void *arg, const struct bus_peer *peer, bool up);

/* Reports all peers, then every change; after a reconnect the difference. One subscriber per
 * bus. */
void bus_peers_subscribe(struct bus *bus, bus_peer_fn fn, void *arg);

#endif
