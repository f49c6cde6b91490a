/* SPDX-License-Identifier: Apache-2.0
 * The tap: an XPUB that gets a record of every message. It drops when its reader is slow and never
 * waits; tap_seq lets the reader count what it lost.
 *
 * Subscriptions are accepted by hand (ZMQ_XPUB_MANUAL), because zauth lets every role's key connect
 * and only operators may read. */
#include "busd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include <base/mem.h>
#include <log/log.h>
#include <loop/clock.h>
#include <loop/zmq.h>

#include "limits.h"

struct tap {
    zsock_t *sock;
    void *raw;
    struct loop_zmq *watch;
    uint64_t seq;
    unsigned readers;
};

/* A subscription or its end. */
static bool on_subscription(void *arg)
{
    struct tap *t = arg;
    zmq_msg_t msg;
    const char *role, *data;

    (void)zmq_msg_init(&msg);
    if (zmq_msg_recv(&msg, t->raw, ZMQ_DONTWAIT) < 0) {
        (void)zmq_msg_close(&msg);
        return false;
    }
    role = zmq_msg_gets(&msg, "role");
    data = zmq_msg_data(&msg);
    if (zmq_msg_size(&msg) > 0 && data[0] == 1) {
        if (role && strcmp(role, policy_role_name(ROLE_ADMIN)) == 0) {
            t->readers++;
            (void)zmq_setsockopt(t->raw, ZMQ_SUBSCRIBE, data + 1, zmq_msg_size(&msg) - 1);
            log_info("tap: reader attached, readers=%u", t->readers);
        } else if (log_limit("tap refused")) {
            log_warning("tap: reader refused, role=%s", role ? role : "none");
        }
    } else if (zmq_msg_size(&msg) > 0 && data[0] == 0 && t->readers > 0) {
        t->readers--;
        (void)zmq_setsockopt(t->raw, ZMQ_UNSUBSCRIBE, data + 1, zmq_msg_size(&msg) - 1);
    }
    (void)zmq_msg_close(&msg);
    return true;
}

int tap_new(struct tap **out, struct broker *b)
{
    struct tap *t = MEM_NEW(struct tap);
    int err;

    *out = NULL;
    t->sock = zsock_new(ZMQ_XPUB);
    auth_apply(b->auth, t->sock);
    zsock_set_linger(t->sock, 0);
    zsock_set_sndhwm(t->sock, LIMIT_TAP_QUEUE_MSGS);
    zsock_set_maxmsgsize(t->sock, 1024); /* readers send subscriptions only */
    zsock_set_xpub_manual(t->sock, 1);
    zsock_set_xpub_verbose(t->sock, 1);
    t->raw = zsock_resolve(t->sock);
    err = zsock_bind(t->sock, "%s", b->opts.tap_endpoint) < 0 ? -errno : 0;
    if (!err)
        err = loop_zmq_new(&t->watch, b->opts.loop, t->raw, on_subscription, t);
    if (err) {
        tap_free(&t);
        return err;
    }
    *out = t;
    return 0;
}

void tap_free(struct tap **tp)
{
    struct tap *t = *tp;

    if (!t)
        return;
    *tp = NULL;
    loop_zmq_free(&t->watch);
    zsock_destroy(&t->sock);
    free(t);
}

void tap_send(struct broker *b, const struct message *m, const struct peer *dst,
              Stoa__Bus__V1__Verdict verdict, unsigned receivers)
{
    Stoa__Bus__V1__TapRecord rec = STOA__BUS__V1__TAP_RECORD__INIT;
    struct tap *t = b->tap;
    uint8_t packed[6 * BUS_NAME_MAX];
    zmq_msg_t copy;
    size_t len;

    t->seq++;
    if (t->readers == 0)
        return;
    rec.has_tap_seq = rec.has_time_us = rec.has_verdict = rec.has_receivers = true;
    rec.tap_seq = t->seq;
    rec.time_us = loop_wall_us();
    rec.src_role = m->src ? m->src->role : (char *)(uintptr_t)BUS_ROLE;
    rec.src_instance = m->src ? m->src->instance : NULL;
    rec.dst_role = dst ? dst->role : m->env->dst_role;
    rec.dst_instance = dst ? dst->instance : m->env->dst_instance;
    rec.verdict = verdict;
    rec.receivers = receivers;
    len = stoa__bus__v1__tap_record__get_packed_size(&rec);
    if (len > sizeof(packed))
        return;
    (void)stoa__bus__v1__tap_record__pack(&rec, packed);
    (void)zmq_msg_init(&copy);
    (void)zmq_msg_copy(&copy, m->raw);
    if (zmq_send(t->raw, packed, len, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0 ||
        zmq_msg_send(&copy, t->raw, ZMQ_DONTWAIT) < 0)
        (void)zmq_msg_close(&copy);
    else
        b->counters[COUNT_TAPPED]++;
}
