/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <stdio.h>
#include <string.h>

#include <base/attr.h>
#include <stun/msg.h>

static void keep(char dst[RIG_KEEP], const void *data, size_t len)
{
    assert_true(len < RIG_KEEP);
    memcpy(dst, data, len);
    dst[len] = '\0';
}

/* --- the server's side ------------------------------------------------------------------------ */

static void to_client(void *arg, const struct addr *client, const void *data, size_t len)
{
    struct rig *r = arg;

    simnet_send(r->net, &r->listen, client, data, len);
}

static void to_peer(void *arg, const struct addr *relay, const struct addr *peer, const void *data,
                    size_t len)
{
    struct rig *r = arg;

    simnet_send(r->net, relay, peer, data, len);
}

static void on_server(void *arg, const struct addr *local, const struct addr *from,
                      const void *data, size_t len)
{
    struct rig *r = arg;

    (void)local;
    turnserver_from_client(r->server, simnet_now(r->net), from, data, len);
}

static void on_relay(void *arg, const struct addr *local, const struct addr *from,
                     const void *data, size_t len)
{
    struct rig *r = arg;

    turnserver_from_peer(r->server, simnet_now(r->net), local, from, data, len);
}

static struct addr open_relay(void *arg)
{
    struct rig *r = arg;
    char text[ADDR_TEXT_MAX];

    (void)snprintf(text, sizeof(text), "192.0.2.1:%u", 24000 + r->next_port++);
    r->relay = simnet_bind(r->net, text, on_relay, r);
    return r->relay;
}

static void close_relay(void *arg, const struct addr *relay)
{
    (void)arg;
    (void)relay;
}

static const struct turnserver_ops server_ops = { to_client, to_peer, open_relay, close_relay };

/* --- the client's side ------------------------------------------------------------------------ */

static void on_send(void *arg, const void *head, size_t head_len, const void *body,
                    size_t body_len)
{
    struct rig *r = arg;

    r->n_sent++;
    memcpy(r->last_sent, head, head_len);
    if (body_len > 0)
        memcpy(r->last_sent + head_len, body, body_len);
    r->last_sent_len = head_len + body_len;
    simnet_send(r->net, &r->client, &r->listen, r->last_sent, r->last_sent_len);
}

static void on_state(void *arg, enum turnc_state state)
{
    struct rig *r = arg;

    assert_true(r->n_states < ARRAY_LEN(r->states));
    r->states[r->n_states++] = state;
    if (r->free_when_told) {
        turnc_free(r->t, simnet_now(r->net));
        r->t = NULL;
    }
}

static void on_data(void *arg, const struct addr *peer, void *data, size_t len)
{
    struct rig *r = arg;

    r->n_data++;
    r->last_from = *peer;
    keep(r->last, data, len);
}

static const struct turnc_ops client_ops = { on_send, on_state, on_data };

static void on_client(void *arg, const struct addr *local, const struct addr *from,
                      const void *data, size_t len)
{
    struct rig *r = arg;
    uint8_t copy[2048];

    (void)local;
    (void)from;
    memcpy(copy, data, len);
    if (r->t)
        (void)!turnc_input(r->t, simnet_now(r->net), copy, len);
}

static int64_t deadline(void *arg)
{
    const struct rig *r = arg;

    return r->t ? turnc_deadline(r->t) : INT64_MAX;
}

static void timeout(void *arg, int64_t now_us)
{
    turnc_timeout(((struct rig *)arg)->t, now_us);
}

/* --- peers ------------------------------------------------------------------------------------ */

static void on_peer(void *arg, const struct addr *local, const struct addr *from, const void *data,
                    size_t len)
{
    struct rig_peer *p = arg;

    (void)local;
    p->n++;
    p->last_from = *from;
    keep(p->last, data, len);
}

void rig_init(struct rig *r)
{
    static const char *const peers[RIG_PEERS] = {
        "198.51.100.1:4000", "198.51.100.1:4001", "198.51.100.2:4000"
    };
    struct turnserver_opts opts = {
        .ops = &server_ops, .arg = r, .username = "user", .password = "secret", .realm = "stoa",
    };

    memset(r, 0, sizeof(*r));
    r->net = simnet_new(1);
    simnet_set_link(r->net, (struct simnet_link){ .delay_us = 5 * MS });
    r->server = turnserver_new(&opts);
    r->listen = simnet_bind(r->net, RIG_SERVER ":3478", on_server, r);
    r->client = simnet_bind(r->net, RIG_CLIENT ":5000", on_client, r);
    for (unsigned i = 0; i < RIG_PEERS; i++) {
        r->peers[i].rig = r;
        r->peers[i].addr = simnet_bind(r->net, peers[i], on_peer, &r->peers[i]);
    }
    simnet_actor(r->net, (struct simnet_actor){ deadline, timeout, r });
}

void rig_fini(struct rig *r)
{
    turnc_free(r->t, simnet_now(r->net));
    turnserver_free(r->server);
    simnet_free(r->net);
}

void rig_start(struct rig *r, const struct turnc_opts *opts)
{
    struct turnc_opts all = { 0 };

    if (opts)
        all = *opts;
    all.ops = &client_ops;
    all.arg = r;
    all.username = all.username ? all.username : "user";
    all.password = all.password ? all.password : "secret";
    r->t = turnc_new(&all, simnet_now(r->net));
}

void rig_run(struct rig *r, int64_t us)
{
    (void)simnet_run(r->net, simnet_now(r->net) + us, NULL, NULL);
}

struct wish {
    struct rig *r;
    enum turnc_state state;
};

static bool is_there(void *arg)
{
    const struct wish *w = arg;

    return w->r->t && turnc_state(w->r->t) == w->state;
}

bool rig_until(struct rig *r, enum turnc_state state, int64_t us)
{
    struct wish w = { r, state };

    return is_there(&w) || simnet_run(r->net, simnet_now(r->net) + us, is_there, &w);
}

void rig_ready(struct rig *r)
{
    rig_start(r, NULL);
    assert_true(rig_until(r, TURNC_READY, SEC));
}

int rig_send(struct rig *r, unsigned peer, const char *text)
{
    return turnc_send(r->t, simnet_now(r->net), &r->peers[peer].addr, text, strlen(text));
}

int rig_send_stun(struct rig *r, unsigned peer)
{
    uint8_t mem[64], txid[STUN_TXID_LEN] = { 7 };
    struct buf b = buf_writer(mem, sizeof(mem));

    stun_msg_begin(&b, STUN_REQUEST, STUN_BINDING, txid);
    assert_int_equal(stun_msg_finish(&b), 0);
    return turnc_send(r->t, simnet_now(r->net), &r->peers[peer].addr, mem, b.pos);
}

void rig_reply(struct rig *r, unsigned peer, const char *text)
{
    simnet_send(r->net, &r->peers[peer].addr, &r->relay, text, strlen(text));
}
