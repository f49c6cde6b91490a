/* SPDX-License-Identifier: Apache-2.0 */
#include "meeting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>

#include "cm.h"
#include "dice.h"
#include "wallclock.h"

/* --- the space's side ----------------------------------------------------------------------- */

static void on_send(void *arg, uint8_t path, const struct addr *to, const void *data, size_t len)
{
    struct meeting *m = arg;

    assert_true(path <= m->n_relays);
    simnet_send(m->net, path == 0 ? &m->server : &m->relays[path - 1], to, data, len);
}

static void on_state(void *arg, uint32_t participant, enum peer_state state, const char *cause)
{
    struct guest *g = &((struct meeting *)arg)->guests[participant];

    g->state = state;
    (void)str_copy(g->cause, sizeof(g->cause), cause);
}

static void on_slots(void *arg, uint32_t participant, const struct sfu_slots *slots)
{
    ((struct meeting *)arg)->guests[participant].slots = *slots;
}

static void on_speaker(void *arg, uint32_t participant)
{
    ((struct meeting *)arg)->speaker = participant;
}

static void on_wanted(void *arg, uint32_t participant, const struct sfu_wanted *wanted)
{
    struct guest *g = &((struct meeting *)arg)->guests[participant];

    g->wanted = *wanted;
    g->n_wanted++;
}

static void on_path(void *arg, uint32_t participant, bool lost)
{
    struct guest *g = &((struct meeting *)arg)->guests[participant];

    g->path_lost = lost;
    g->n_paths++;
}

static void on_candidate(void *arg, uint32_t participant, const char *text)
{
    struct meeting *m = arg;
    struct guest *g = &m->guests[participant];

    g->n_candidates++;
    assert_int_equal(peer_add_candidate(g->browser->peer, simnet_now(m->net), text, NULL), 0);
}

static const struct sfu_ops sfu_ops = {
    .send = on_send,
    .on_state = on_state,
    .on_slots = on_slots,
    .on_speaker = on_speaker,
    .on_wanted = on_wanted,
    .on_path = on_path,
    .on_candidate = on_candidate,
};

/* Finds the participant by address, as a worker does once a check has named it. */
static void server_recv(void *arg, const struct addr *local, const struct addr *from,
                        const void *data, size_t len)
{
    struct meeting *m = arg;
    uint8_t copy[2048], path = 0;

    assert_true(len <= sizeof(copy));
    memcpy(copy, data, len);
    for (unsigned i = 0; i < m->n_relays; i++) {
        if (addr_eq(&m->relays[i], local))
            path = (uint8_t)(i + 1);
    }
    for (unsigned i = 1; i <= m->n; i++) {
        if (m->guests[i].part && addr_ip_eq(&m->guests[i].addr, from))
            (void)sfu_input(m->guests[i].part, simnet_now(m->net), path, from, copy, len);
    }
}

static int64_t server_deadline(void *arg)
{
    return sfu_deadline(((struct meeting *)arg)->sfu);
}

static void server_timeout(void *arg, int64_t now_us)
{
    wallclock_set(now_us);
    sfu_timeout(((struct meeting *)arg)->sfu, now_us);
}

/* --- the guests' side ------------------------------------------------------------------------ */

static void guest_send(void *arg, const struct addr *to, const void *data, size_t len)
{
    struct guest *g = arg;

    simnet_send(g->m->net, &g->addr, to, data, len);
}

static void guest_recv(void *arg, const struct addr *local, const struct addr *from,
                       const void *data, size_t len)
{
    struct guest *g = arg;
    uint8_t copy[2048];

    (void)local;
    assert_true(len <= sizeof(copy));
    memcpy(copy, data, len);
    browser_input(g->browser, simnet_now(g->m->net), from, copy, len);
}

static int64_t guest_deadline(void *arg)
{
    return browser_deadline(((struct guest *)arg)->browser);
}

static void guest_timeout(void *arg, int64_t now_us)
{
    wallclock_set(now_us);
    browser_timeout(((struct guest *)arg)->browser, now_us);
}

/* --- a meeting -------------------------------------------------------------------------------- */

void meeting_start(struct meeting *m, uint64_t seed)
{
    struct sfu_opts opts = { .ops = &sfu_ops, .arg = m, .video_codec = PEER_VP8 };

    memset(m, 0, sizeof(*m));
    dice_seed(seed);
    m->net = simnet_new(seed);
    wallclock_set(simnet_now(m->net));
    m->dtls = opts.dtls = dtls_ctx_new();
    m->server = simnet_bind(m->net, "192.0.2.1:50000", server_recv, m);
    m->sfu = sfu_new(&opts);
    simnet_actor(m->net, (struct simnet_actor){ server_deadline, server_timeout, m });
}

void meeting_end(struct meeting *m)
{
    sfu_free(m->sfu);
    for (unsigned i = 1; i <= m->n; i++)
        browser_free(m->guests[i].browser);
    dtls_ctx_free(m->dtls);
    dtls_ctx_free(m->other_dtls);
    simnet_free(m->net);
}

int64_t meeting_now(const struct meeting *m)
{
    return simnet_now(m->net);
}

static void exchange(struct meeting *m, struct guest *g)
{
    char err[PEER_ERROR_MAX] = "";
    char *offer = browser_offer(g->browser);
    char *answer = sfu_offer(g->part, meeting_now(m), offer, err);

    if (!answer)
        fail_msg("offer refused: %s\n%s", err, offer);
    browser_answer(g->browser, meeting_now(m), answer);
    free(offer);
    free(answer);
}

/* Puts a guest's browser on the network. */
static void plug_in(struct guest *g, const struct browser_opts *opts, unsigned port)
{
    struct meeting *m = g->m;
    char address[64];

    (void)snprintf(address, sizeof(address), "198.51.100.%u:%u", g->number, port);
    g->addr = simnet_bind(m->net, address, guest_recv, g);
    g->browser = browser_new(opts, meeting_now(m));
    browser_add_local(g->browser, &g->addr);
    simnet_actor(m->net, (struct simnet_actor){ guest_deadline, guest_timeout, g });
}

struct peer_local meeting_relay(struct meeting *m, const char *ip_port)
{
    struct peer_local local = { .relay = true, .path = (uint8_t)++m->n_relays };

    assert_true(m->n_relays <= MEETING_RELAYS);
    local.addr = simnet_bind(m->net, ip_port, server_recv, m);
    m->relays[m->n_relays - 1] = local.addr;
    return local;
}

struct guest *meeting_join(struct meeting *m, const struct browser_opts *opts)
{
    struct guest *g = &m->guests[++m->n];
    struct browser_opts own = opts ? *opts : (struct browser_opts){ 0 };
    struct peer_local local = { .addr = m->server };
    struct sfu_join_opts join = { .participant = m->n, .locals = &local, .n_locals = 1 };

    if (m->locals) {
        join.locals = m->locals;
        join.n_locals = m->n_locals;
        join.more_locals = true;
    }

    assert_true(m->n <= MEETING_MAX);
    g->m = m;
    g->number = m->n;
    own.send = guest_send;
    own.arg = g;
    own.dtls = m->dtls;
    plug_in(g, &own, 6000);
    g->part = sfu_join(m->sfu, meeting_now(m), &join);
    assert_non_null(g->part);
    exchange(m, g);
    return g;
}

void meeting_reload(struct guest *g)
{
    struct browser_opts opts = g->browser->opts;

    if (!g->m->other_dtls)
        g->m->other_dtls = dtls_ctx_new();
    opts.dtls = g->m->other_dtls;
    simnet_forget(g->m->net, g);
    browser_free(g->browser);
    plug_in(g, &opts, 6001);
    exchange(g->m, g);
}

void meeting_leave(struct guest *g)
{
    sfu_leave(g->part, meeting_now(g->m));
    g->part = NULL;
    simnet_forget(g->m->net, g);
}

void meeting_run_ms(struct meeting *m, int64_t ms)
{
    (void)simnet_run(m->net, meeting_now(m) + ms * 1000, NULL, NULL);
}

bool meeting_until(struct meeting *m, int64_t ms, bool (*done)(void *arg))
{
    return simnet_run(m->net, meeting_now(m) + ms * 1000, done, m);
}

bool meeting_connected(void *arg)
{
    struct meeting *m = arg;

    for (unsigned i = 1; i <= m->n; i++) {
        if (m->guests[i].part && (m->guests[i].state != PEER_CONNECTED ||
                                  m->guests[i].browser->state != PEER_CONNECTED))
            return false;
    }
    return true;
}
