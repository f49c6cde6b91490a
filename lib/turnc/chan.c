/* SPDX-License-Identifier: Apache-2.0
 * Channels: one for each peer that is sent media. RFC 8656 section 12. A number that is not
 * refreshed any more rests until the server has forgotten it and 5 min beyond; only the same peer
 * may have it before. */
#include "turnc_priv.h"

#include <stdlib.h>

#include <base/mem.h>

static void chan_free(struct turnc *t, struct chan *c)
{
    t->channels[c->number - STUN_CHANNEL_MIN] = NULL;
    t->n_channels--;
    (void)map_del_bytes(t->by_peer, &c->peer, sizeof(c->peer));
    list_del(&c->node);
    list_del(&c->of_host);
    free(c);
}

void turnc_chan_ask(struct turnc *t, int64_t now_us, struct chan *c)
{
    list_del(&c->node);
    if (turnc_request(t, now_us, REQ_BIND, NULL, c)) {
        c->state = CHAN_ASKED;
    } else {
        c->state = CHAN_WAITING;
        list_add_tail(&t->binding, &c->node);
    }
}

static struct chan *chan_new(struct turnc *t, const struct addr *peer)
{
    struct chan *c;
    size_t at = t->next_channel;

    if (t->n_channels == CHANNELS)
        return NULL;
    while (t->channels[at])
        at = (at + 1) % CHANNELS;
    t->next_channel = (at + 1) % CHANNELS;
    c = MEM_NEW(struct chan);
    c->peer = *peer;
    c->number = (uint16_t)(STUN_CHANNEL_MIN + at);
    list_init(&c->node);
    list_init(&c->of_host);
    t->channels[at] = c;
    t->n_channels++;
    (void)map_put_bytes(t->by_peer, &c->peer, sizeof(c->peer), c);
    return c;
}

void turnc_chan_want(struct turnc *t, int64_t now_us, struct host *h, const struct addr *peer)
{
    struct chan *c = map_get_bytes(t->by_peer, peer, sizeof(*peer));
    bool is_new = !c;

    if (!c)
        c = chan_new(t, peer);
    if (!c)
        return;
    if (h && c->host != h) {
        list_del(&c->of_host);
        list_add_tail(&h->chans, &c->of_host);
        c->host = h;
    }
    if (is_new || (c->state == CHAN_RESTING && now_us >= c->again_us))
        turnc_chan_ask(t, now_us, c);
}

static void rest(struct turnc *t, int64_t now_us, struct chan *c)
{
    c->state = CHAN_RESTING;
    /* from now on, so that the list keeps its order; perhaps a little longer than need be */
    c->free_us = now_us + CHAN_LIFE_US + CHAN_REST_US;
    list_add_tail(&t->resting, &c->node);
}

void turnc_chan_done(struct turnc *t, int64_t now_us, struct chan *c, int code)
{
    if (code == 0) {
        c->state = CHAN_BOUND;
        c->refresh_us = now_us + CHAN_REFRESH_US;
        c->until_us = now_us + CHAN_LIFE_US;
        list_add_tail(&t->bound, &c->node);
        return;
    }
    c->again_us = now_us + CHAN_AGAIN_US;
    rest(t, now_us, c);
}

void turnc_chan_timeout(struct turnc *t, int64_t now_us)
{
    while (!list_empty(&t->bound)) {
        struct chan *c = LIST_ENTRY(t->bound.next, struct chan, node);

        if (now_us < c->refresh_us)
            break;
        if (now_us - c->sent_us < IDLE_US) {
            turnc_chan_ask(t, now_us, c);
        } else {
            list_del(&c->node);
            c->again_us = 0;
            rest(t, now_us, c);
        }
    }
    while (!list_empty(&t->resting)) {
        struct chan *c = LIST_ENTRY(t->resting.next, struct chan, node);

        if (now_us < c->free_us)
            break;
        chan_free(t, c);
    }
}

void turnc_chan_clear(struct turnc *t)
{
    for (size_t i = 0; i < CHANNELS; i++)
        free(t->channels[i]);
}
