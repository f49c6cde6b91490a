/* SPDX-License-Identifier: Apache-2.0
 * Life of a bus client: options, keys, sending, and handing received messages to their file. */
#include "bus_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <czmq.h>

#include <base/hex.h>
#include <base/mem.h>
#include <base/str.h>
#include <bus/keys.h>
#include <loop/clock.h>

void bus_random(void *dst, size_t len)
{
    if (getrandom(dst, len, 0) != (ssize_t)len)
        abort(); /* up to 256 bytes never fail once the pool is ready */
}

/* A callback may free the bus: whoever calls one does so between enter and leave. */
void bus_enter(struct bus *bus)
{
    bus->depth++;
}

bool bus_leave(struct bus *bus)
{
    bus->depth--;
    if (!bus->freed)
        return true;
    if (bus->depth == 0)
        free(bus);
    return false;
}

/* --- sending --------------------------------------------------------------------------------- */

void bus_trace_out(struct bus *bus, const envelope *env)
{
    char trace[2 * BUS_TRACE_ID_LEN + 1] = "", *line;

    if (!bus->opts.on_trace)
        return;
    if (env->trace_id.len == BUS_TRACE_ID_LEN)
        (void)hex_encode(trace, env->trace_id.data, env->trace_id.len);
    line = str_printf("bus: sent %s, type=%s, to=%s%s%s, bytes=%zu, trace=%s%s%s",
                      bus_kind_name(env->kind), env->type ? env->type : "",
                      env->topic      ? env->topic
                      : env->dst_role ? env->dst_role
                                      : BUS_ROLE,
                      env->dst_instance ? "/" : "", env->dst_instance ? env->dst_instance : "",
                      env->body.len, trace, env->subject ? ", subject=" : "",
                      env->subject ? env->subject : "");
    bus->opts.on_trace(bus->opts.arg, line);
    free(line);
}

int bus_transmit_packed(struct bus *bus, const void *data, size_t len)
{
    if (!bus->sock)
        return -ENOTCONN;
    if (len > BUS_MSG_MAX_B)
        return -E2BIG;
    if (zmq_send(bus->sock, data, len, ZMQ_DONTWAIT) >= 0)
        return 0;
    return errno == EAGAIN ? -EAGAIN : -ENOTCONN;
}

int bus_transmit(struct bus *bus, const envelope *env)
{
    size_t len;
    uint8_t *data = bus_pack(&env->base, &len);
    int err = bus_transmit_packed(bus, data, len);

    free(data);
    if (!err)
        bus_trace_out(bus, env);
    return err;
}

void bus_set_body(envelope *env, const ProtobufCMessage *body, uint8_t **packed)
{
    size_t len;

    *packed = bus_pack(body, &len);
    env->type = (char *)(uintptr_t)body->descriptor->name;
    env->has_body = true;
    env->body = bus_bin(*packed, len);
}

/* --- life ------------------------------------------------------------------------------------ */

static int load_keys(struct bus *bus)
{
    const struct bus_opts *o = &bus->opts;
    char path[PATH_MAX];
    zcert_t *own = NULL, *server = NULL;
    const char *secret;
    int err = -ENOENT;

    (void)snprintf(path, sizeof(path), "%s/%s.key", o->keys_dir ? o->keys_dir : "", o->role);
    own = zcert_load(o->cert_path ? o->cert_path : path);
    (void)snprintf(path, sizeof(path), "%s/" BUS_ROLE ".pub", o->keys_dir ? o->keys_dir : "");
    server = zcert_load(o->server_cert_path ? o->server_cert_path : path);
    if (!own || !server)
        goto out;
    err = -EBADMSG;
    secret = zcert_secret_txt(own);
    /* A public certificate loads too, with a secret key of zeroes. */
    if (!secret || strspn(secret, "0") == strlen(secret))
        goto out;
    (void)str_copy(bus->server_key, sizeof(bus->server_key), zcert_public_txt(server));
    (void)str_copy(bus->public_z85, sizeof(bus->public_z85), zcert_public_txt(own));
    (void)str_copy(bus->secret_z85, sizeof(bus->secret_z85), secret);
    memcpy(bus->secret_key, zcert_secret_key(own), sizeof(bus->secret_key));
    err = 0;
out:
    zcert_destroy(&own);
    zcert_destroy(&server);
    return err;
}

static void copy_opts(struct bus *bus, const struct bus_opts *o)
{
    bus->opts = *o;
    bus->opts.endpoint = str_dup(o->endpoint);
    bus->opts.role = str_dup(o->role);
    bus->opts.site = str_dup(o->site);
    bus->opts.version = str_dup(o->version ? o->version : STOA_VERSION);
    bus->opts.keys_dir = str_dup(o->keys_dir);
    bus->opts.cert_path = str_dup(o->cert_path);
    bus->opts.server_cert_path = str_dup(o->server_cert_path);
}

static void free_opts(struct bus_opts *o)
{
    const char *const texts[] = {o->endpoint, o->role,      o->site,            o->version,
                                 o->keys_dir, o->cert_path, o->server_cert_path};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free((void *)(uintptr_t)texts[i]);
}

int bus_new(struct bus **out, const struct bus_opts *o)
{
    struct bus *bus;
    uint8_t rnd[8];
    int err;

    *out = NULL;
    if (!o->loop || str_empty(o->endpoint) || str_empty(o->role) ||
        (!o->keys_dir && !(o->cert_path && o->server_cert_path)))
        return -EINVAL;
    bus_czmq_init();
    bus = MEM_NEW(struct bus);
    copy_opts(bus, o);
    bus_random(rnd, sizeof(rnd));
    (void)hex_encode(bus->instance, rnd, sizeof(rnd));
    bus->serving = BUS_STARTING;
    bus->handlers = map_new();
    bus->topics = map_new();
    bus->keys = map_new();
    bus->peers = map_new();
    list_init(&bus->listeners);
    bus_requests_init(bus);
    bus_calls_init(bus);
    err = load_keys(bus);
    if (!err) {
        bus->ctx = zmq_ctx_new();
        err = bus_link_open(bus);
    }
    if (err) {
        bus_free(&bus);
        return err;
    }
    *out = bus;
    return 0;
}

static void free_values(struct map *m)
{
    size_t it = 0;
    void *value;

    while (map_next(m, &it, NULL, &value))
        free(value);
    map_free(m);
}

static void say_goodbye(struct bus *bus)
{
    Stoa__Bus__V1__ByeRequest bye = STOA__BUS__V1__BYE_REQUEST__INIT;
    envelope env = STOA__BUS__V1__ENVELOPE__INIT;
    uint8_t id[BUS_ID_LEN], *packed;

    bus_random(id, sizeof(id));
    env.has_ver = env.has_kind = env.has_id = env.has_ttl_ms = true;
    env.ver = BUS_VERSION;
    env.kind = STOA__BUS__V1__KIND__REQUEST;
    env.id = bus_bin(id, sizeof(id));
    env.ttl_ms = 1000;
    env.dst_role = (char *)(uintptr_t)BUS_ROLE;
    bus_set_body(&env, &bye.base, &packed);
    (void)bus_transmit(bus, &env);
    free(packed);
}

void bus_free(struct bus **busp)
{
    struct bus *bus = *busp;

    if (!bus)
        return;
    *busp = NULL;
    if (bus->link == LINK_UP) {
        int linger_ms = 100; /* lets the goodbye out; busd notices without it too */

        say_goodbye(bus);
        (void)zmq_setsockopt(bus->sock, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
    }
    bus_link_close(bus);
    loop_timer_free(&bus->link_timer);
    bus_requests_fini(bus);
    bus_calls_fini(bus);
    bus_topics_fini(bus);
    bus_keys_fini(bus);
    bus_peers_fini(bus);
    free_values(bus->handlers);
    if (bus->ctx)
        (void)zmq_ctx_term(bus->ctx);
    free_opts(&bus->opts);
    explicit_bzero(bus->secret_key, sizeof(bus->secret_key));
    explicit_bzero(bus->secret_z85, sizeof(bus->secret_z85));
    bus->freed = true;
    if (bus->depth == 0)
        free(bus);
}

const char *bus_instance(const struct bus *bus) { return bus->instance; }
const char *bus_role(const struct bus *bus) { return bus->opts.role; }
bool bus_is_up(const struct bus *bus) { return bus->link == LINK_UP; }
const char *bus_down_reason(const struct bus *bus)
{
    return bus->link == LINK_UP ? "" : bus->reason;
}
