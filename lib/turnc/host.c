/* SPDX-License-Identifier: Apache-2.0
 * Permissions: one for each IP address that is sent to, refreshed while it is in use. RFC 8656
 * section 9. A refusal is remembered, because browsers name private addresses all the time and each
 * would be checked again and again. */
#include "turnc_priv.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

static struct addr ip_of(const struct addr *peer)
{
    struct addr ip = *peer;

    ip.port = 0;
    return ip;
}

static void drop_wait(struct turnc *t, struct host *h)
{
    if (h->wait)
        t->stats.dropped++;
    free(h->wait);
    h->wait = NULL;
}

static void host_free(struct turnc *t, struct host *h)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &h->chans) {
        struct chan *c = LIST_ENTRY(it, struct chan, of_host);

        c->host = NULL;
        list_del(&c->of_host);
    }
    drop_wait(t, h);
    if (h->state == HOST_FORBIDDEN)
        t->stats.forbidden--;
    list_del(&h->node);
    (void)map_del_bytes(t->by_ip, &h->ip, sizeof(h->ip));
    free(h);
}

/* A guest may name any number of addresses: refused ones make room first, then the one that was
 * used longest ago. */
static bool make_room(struct turnc *t)
{
    struct list *it, *tmp;
    struct host *old = NULL;

    if (map_count(t->by_ip) < HOSTS_MAX)
        return true;
    if (!list_empty(&t->forbidden)) {
        host_free(t, LIST_ENTRY(t->forbidden.next, struct host, node));
        return true;
    }
    LIST_EACH(it, tmp, &t->granted) {
        struct host *h = LIST_ENTRY(it, struct host, node);

        if (list_empty(&h->chans) && (!old || h->sent_us < old->sent_us))
            old = h;
    }
    if (old)
        host_free(t, old);
    return old != NULL;
}

void turnc_host_ask(struct turnc *t, int64_t now_us, struct host *h)
{
    list_del(&h->node);
    if (turnc_request(t, now_us, REQ_PERMIT, h, NULL)) {
        h->state = HOST_ASKED;
    } else {
        h->state = HOST_WAITING;
        list_add_tail(&t->asking, &h->node);
    }
}

struct host *turnc_host(struct turnc *t, int64_t now_us, const struct addr *peer)
{
    struct addr ip = ip_of(peer);
    struct host *h = map_get_bytes(t->by_ip, &ip, sizeof(ip));

    if (h)
        return h;
    if (!make_room(t))
        return NULL;
    h = MEM_NEW(struct host);
    h->ip = ip;
    list_init(&h->node);
    list_init(&h->chans);
    (void)map_put_bytes(t->by_ip, &h->ip, sizeof(h->ip), h);
    turnc_host_ask(t, now_us, h);
    return h;
}

void turnc_host_keep(struct host *h, const struct addr *peer, const void *data, size_t len)
{
    free(h->wait);
    h->wait = mem_dup(data, len);
    h->wait_len = len;
    h->wait_to = *peer;
}

static void granted(struct turnc *t, int64_t now_us, struct host *h)
{
    h->state = HOST_GRANTED;
    h->refresh_us = now_us + PERM_REFRESH_US;
    h->until_us = now_us + PERM_LIFE_US;
    list_add_tail(&t->granted, &h->node);
    if (h->wait)
        turnc_send_indication(t, now_us, &h->wait_to, h->wait, h->wait_len);
    free(h->wait);
    h->wait = NULL;
}

/* In the order of until_us; refusals for a short time are rare. */
static void forbid(struct turnc *t, struct host *h)
{
    struct list *after = t->forbidden.prev;

    while (after != &t->forbidden && LIST_ENTRY(after, struct host, node)->until_us > h->until_us)
        after = after->prev;
    list_add_tail(after->next, &h->node); /* behind `after` */
}

void turnc_host_done(struct turnc *t, int64_t now_us, struct host *h, int code)
{
    if (code == 0) {
        granted(t, now_us, h);
    } else if (code < 0) {
        host_free(t, h); /* the next datagram asks again */
    } else {
        h->state = HOST_FORBIDDEN;
        h->until_us = now_us + (code == STUN_FORBIDDEN || code == STUN_PEER_FAMILY_MISMATCH
                                    ? FORBIDDEN_US
                                    : REFUSED_US);
        t->stats.forbidden++;
        drop_wait(t, h);
        forbid(t, h);
    }
}

void turnc_host_timeout(struct turnc *t, int64_t now_us)
{
    while (!list_empty(&t->granted)) {
        struct host *h = LIST_ENTRY(t->granted.next, struct host, node);

        if (now_us < h->refresh_us)
            break;
        if (now_us - h->sent_us < PERM_REFRESH_US)
            turnc_host_ask(t, now_us, h);
        else
            host_free(t, h);
    }
    while (!list_empty(&t->forbidden)) {
        struct host *h = LIST_ENTRY(t->forbidden.next, struct host, node);

        if (now_us < h->until_us)
            break;
        host_free(t, h);
    }
}

void turnc_host_clear(struct turnc *t)
{
    void *value;
    size_t it = 0;

    while (map_next(t->by_ip, &it, NULL, &value)) {
        struct host *h = value;

        free(h->wait);
        free(h);
    }
}
