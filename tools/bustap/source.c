/* SPDX-License-Identifier: Apache-2.0
 * The SUB socket on busd's tap. */
#include "bustap.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/keys.h>
#include <bus/validate.h>
#include <loop/zmq.h>

enum { QUEUE_MSGS = 200000 };

struct source {
    struct source_opts opts;
    void *ctx, *sock, *mon;
    struct loop_zmq *watch, *mon_watch;
    uint64_t last_seq;
};

static void on_frames(struct source *s, zmq_msg_t *record, zmq_msg_t *envelope)
{
    ProtobufCMessage *rec = NULL;
    Stoa__Bus__V1__Envelope *env = NULL;
    struct tapped t;

    if (!bus_unpack(&rec, &stoa__bus__v1__tap_record__descriptor, zmq_msg_data(record),
                    zmq_msg_size(record)) &&
        !bus_envelope_decode(&env, zmq_msg_data(envelope), zmq_msg_size(envelope))) {
        t = (struct tapped){.rec = (const void *)rec, .env = env};
        /* A smaller number: busd has been restarted. */
        if (s->last_seq && t.rec->tap_seq > s->last_seq + 1)
            s->opts.on_lost(s->opts.arg, t.rec->tap_seq - s->last_seq - 1);
        s->last_seq = t.rec->tap_seq;
        s->opts.on_message(s->opts.arg, &t);
    }
    bus_envelope_free(&env);
    bus_msg_free(&rec);
}

/* Receives all frames of one message; the first two are kept. */
static bool receive(void *sock, zmq_msg_t *a, zmq_msg_t *b)
{
    zmq_msg_t rest;

    (void)zmq_msg_init(a);
    (void)zmq_msg_init(b);
    if (zmq_msg_recv(a, sock, ZMQ_DONTWAIT) < 0)
        return false;
    if (zmq_msg_more(a))
        (void)zmq_msg_recv(b, sock, ZMQ_DONTWAIT);
    (void)zmq_msg_init(&rest);
    while (zmq_msg_more(b) && zmq_msg_recv(&rest, sock, ZMQ_DONTWAIT) >= 0 && zmq_msg_more(&rest))
        continue;
    (void)zmq_msg_close(&rest);
    return true;
}

static bool on_message(void *arg)
{
    struct source *s = arg;
    zmq_msg_t record, envelope;
    bool got = receive(s->sock, &record, &envelope);

    if (got)
        on_frames(s, &record, &envelope);
    (void)zmq_msg_close(&record);
    (void)zmq_msg_close(&envelope);
    return got;
}

static bool on_monitor(void *arg)
{
    struct source *s = arg;
    zmq_msg_t msg, address;
    bool got = receive(s->mon, &msg, &address);
    uint16_t event = 0;

    if (got && zmq_msg_size(&msg) >= 2)
        memcpy(&event, zmq_msg_data(&msg), sizeof(event));
    (void)zmq_msg_close(&msg);
    (void)zmq_msg_close(&address);
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        s->opts.on_attached(s->opts.arg);
    else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
        s->opts.on_trouble(s->opts.arg, "busd refuses the key of role admin");
    else if (event == ZMQ_EVENT_CONNECT_RETRIED)
        s->opts.on_trouble(s->opts.arg, "busd is not there, trying again");
    else if (event)
        s->opts.on_trouble(s->opts.arg,
                           "handshake with busd failed: its key is another than expected");
    return got;
}

static int set_keys(struct source *s)
{
    char path[PATH_MAX];
    zcert_t *own, *server;
    int err = -ENOENT;

    (void)snprintf(path, sizeof(path), "%s/admin.key", s->opts.keys_dir);
    own = zcert_load(path);
    (void)snprintf(path, sizeof(path), "%s/" BUS_ROLE ".pub", s->opts.keys_dir);
    server = zcert_load(path);
    if (own && server) {
        (void)zmq_setsockopt(s->sock, ZMQ_CURVE_SERVERKEY, zcert_public_txt(server), 40);
        (void)zmq_setsockopt(s->sock, ZMQ_CURVE_PUBLICKEY, zcert_public_txt(own), 40);
        (void)zmq_setsockopt(s->sock, ZMQ_CURVE_SECRETKEY, zcert_secret_txt(own), 40);
        err = 0;
    }
    zcert_destroy(&own);
    zcert_destroy(&server);
    return err;
}

static int open_sockets(struct source *s)
{
    static const char monitor[] = "inproc://monitor";
    int zero = 0, queue = QUEUE_MSGS, retry_ms = 200;
    int err;

    s->ctx = zmq_ctx_new();
    s->sock = zmq_socket(s->ctx, ZMQ_SUB);
    s->mon = zmq_socket(s->ctx, ZMQ_PAIR);
    (void)zmq_setsockopt(s->sock, ZMQ_LINGER, &zero, sizeof(zero));
    (void)zmq_setsockopt(s->mon, ZMQ_LINGER, &zero, sizeof(zero));
    (void)zmq_setsockopt(s->sock, ZMQ_RCVHWM, &queue, sizeof(queue));
    (void)zmq_setsockopt(s->sock, ZMQ_RECONNECT_IVL, &retry_ms, sizeof(retry_ms));
    (void)zmq_setsockopt(s->sock, ZMQ_SUBSCRIBE, "", 0);
    err = set_keys(s);
    if (err)
        return err;
    if (zmq_socket_monitor(s->sock, monitor,
                           ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                               ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_CONNECT_RETRIED) ||
        zmq_connect(s->mon, monitor) || zmq_connect(s->sock, s->opts.endpoint))
        return -EINVAL;
    err = loop_zmq_new(&s->watch, s->opts.loop, s->sock, on_message, s);
    return err ? err : loop_zmq_new(&s->mon_watch, s->opts.loop, s->mon, on_monitor, s);
}

int source_new(struct source **out, const struct source_opts *opts)
{
    struct source *s = MEM_NEW(struct source);
    int err;

    bus_czmq_init();
    s->opts = *opts;
    err = open_sockets(s);
    if (err)
        source_free(&s);
    *out = s;
    return err;
}

void source_free(struct source **sp)
{
    struct source *s = *sp;

    if (!s)
        return;
    *sp = NULL;
    loop_zmq_free(&s->watch);
    loop_zmq_free(&s->mon_watch);
    (void)zmq_socket_monitor(s->sock, NULL, 0);
    (void)zmq_close(s->mon);
    (void)zmq_close(s->sock);
    (void)zmq_ctx_term(s->ctx);
    free(s);
}
