/* SPDX-License-Identifier: Apache-2.0 */
#include "meet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <loop/clock.h>

enum { PATIENCE_MS = 20000 };

static void on_event(void *arg, const struct media_event *ev)
{
    struct meet *m = arg;
    struct meet_guest *g = &m->guests[ev->participant];

    switch (ev->type) {
    case MEDIA_ANSWER:
        assert(ev->text);
        browser_answer(g->u->browser, loop_now_us(), ev->text);
        break;
    case MEDIA_CANDIDATE:
        assert(peer_add_candidate(g->u->browser->peer, loop_now_us(), ev->text, NULL) == 0);
        break;
    case MEDIA_PATH:
        g->lost = ev->lost;
        g->n_lost += ev->lost;
        break;
    case MEDIA_RELAY:
        m->relay[ev->relay.id[0] - 'a'] = ev->relay;
        break;
    default:
        break;
    }
}

static void on_clock(uv_timer_t *timer)
{
    (void)timer; /* wakes the loop so that conditions are looked at */
}

void meet_open(struct meet *m)
{
    struct media_opts opts = { .workers = 1, .listen = "127.0.0.1", .on_event = on_event };
    char err[PEER_ERROR_MAX] = "";

    memset(m, 0, sizeof(*m));
    assert(uv_loop_init(&m->loop) == 0);
    (void)uv_timer_init(&m->loop, &m->clock);
    (void)uv_timer_start(&m->clock, on_clock, 10, 10);
    m->dtls = dtls_ctx_new();
    opts.loop = &m->loop;
    opts.arg = m;
    m->media = media_new(&opts, err);
    assert(m->media);
    m->space = media_space_new(m->media, PEER_VP8, m);
}

void meet_close(struct meet *m)
{
    media_free(m->media);
    for (unsigned i = 1; i <= m->n; i++)
        relaybrowser_free(m->guests[i].u);
    uv_close((uv_handle_t *)&m->clock, NULL);
    for (int i = 0; i < 10; i++)
        (void)uv_run(&m->loop, UV_RUN_NOWAIT);
    dtls_ctx_free(m->dtls);
    assert(uv_loop_close(&m->loop) == 0);
}

static void set_servers(struct meet *m, const struct relaybrowser_server *servers, unsigned n,
                        bool udp)
{
    struct media_relay list[MEET_SERVERS] = { 0 };

    for (unsigned i = 0; i < n; i++) {
        list[i].id[0] = (char)('a' + i);
        if (udp)
            list[i].udp = servers[i].addr;
        list[i].tcp = servers[i].addr;
        (void)str_copy(list[i].username, sizeof(list[i].username), servers[i].username);
        (void)str_copy(list[i].password, sizeof(list[i].password), servers[i].password);
    }
    media_relays(m->media, list, n);
}

void meet_servers(struct meet *m, const struct relaybrowser_server *servers, unsigned n)
{
    set_servers(m, servers, n, true);
}

void meet_servers_tcp(struct meet *m, const struct relaybrowser_server *servers, unsigned n)
{
    set_servers(m, servers, n, false);
}

void meet_join(struct meet *m, const struct relaybrowser_server *servers, unsigned n)
{
    struct browser_opts opts = { .dtls = m->dtls, .frame_us = 100000 };
    struct media_join_opts how = { .relay_only = true };

    m->guests[++m->n].u = relaybrowser_new(&m->loop, &opts, servers, n);
    media_join(m->space, m->n, &how);
}

/* Whoever has its allocations offers. */
static void offer(struct meet *m)
{
    for (uint32_t i = 1; i <= m->n; i++) {
        struct meet_guest *g = &m->guests[i];
        char *sdp;

        if (g->offered || !relaybrowser_ready(g->u))
            continue;
        g->offered = true;
        sdp = browser_offer(g->u->browser);
        media_offer(m->space, i, i, sdp);
        free(sdp);
    }
}

bool meet_until(struct meet *m, bool (*done)(struct meet *m))
{
    int64_t end_ms = loop_now_ms() + PATIENCE_MS;

    while (!done(m)) {
        if (loop_now_ms() > end_ms)
            return false;
        offer(m);
        (void)uv_run(&m->loop, UV_RUN_ONCE);
    }
    return true;
}

void meet_run_ms(struct meet *m, int ms)
{
    int64_t end_ms = loop_now_ms() + ms;

    while (loop_now_ms() < end_ms)
        (void)uv_run(&m->loop, UV_RUN_ONCE);
}

bool meet_all_see_and_hear(struct meet *m)
{
    for (uint32_t i = 1; i <= m->n; i++) {
        const struct browser *b = m->guests[i].u->browser;

        for (uint32_t k = 1; k <= m->n; k++) {
            const struct browser_slot *video = browser_shows(b, true, k, loop_now_us());

            if (i != k && (!video || !video->decodable ||
                           !browser_shows(b, false, k, loop_now_us())))
                return false;
        }
    }
    return true;
}

bool meet_first_ready(struct meet *m)
{
    return m->relay[0].phase == MEDIA_RELAY_READY;
}

bool meet_both_ready(struct meet *m)
{
    return meet_first_ready(m) && m->relay[1].phase == MEDIA_RELAY_READY;
}

bool meet_first_refused(struct meet *m)
{
    return m->relay[0].phase == MEDIA_RELAY_REFUSED;
}
