/* SPDX-License-Identifier: Apache-2.0
 * Calls: spaces that somebody is in. The bus key space/<guid> makes this callbridge the only one
 * that has this call; it is given back when nobody has been in the space for a while. */
#include <stdlib.h>
#include <string.h>

#include <base/map.h>
#include <base/mem.h>
#include <base/str.h>
#include <evp/guid.h>
#include <loop/clock.h>

#include "callbridge.h"
#include "wblinks.h"

struct call *call_find(const struct callbridge *cb, const char *space)
{
    return map_get(cb->calls, space);
}

struct call *call_open(struct callbridge *cb, const struct site_space *space)
{
    const struct site_settings *settings = site_settings(cb->site);
    struct call *c = call_find(cb, space->id);
    bool h264;

    if (c)
        return c;
    if (map_count(cb->calls) >= SPACES_MAX)
        return NULL;
    c = MEM_NEW(struct call);
    c->cb = cb;
    (void)str_copy(c->space, sizeof(c->space), space->id);
    evp_guid(c->guid);
    c->name = str_dup(str_empty(space->name) ? "" : space->name);
    c->number = ++cb->last_number; /* calls and participants share one row of numbers */
    c->locked = c->locked_at_start = space->locked;
    c->started_ms = c->empty_since_ms = loop_now_ms();
    list_init(&c->parts);
    h264 = settings && str_eq(settings->video_codec, "H264");
    c->codec = h264 ? "H264" : "VP8";
    c->media = media_space_new(cb->media, h264 ? PEER_H264 : PEER_VP8, c);
    (void)map_put(cb->calls, c->space, c);
    return c;
}

/* Gives the space back. */
static void call_close(struct call *c)
{
    struct callbridge *cb = c->cb;
    char key[GUID_LEN + sizeof("space/")];

    (void)snprintf(key, sizeof(key), "space/%s", c->space);
    (void)map_del(cb->calls, c->space);
    media_space_free(c->media);
    bus_key_release(cb->d->bus, key);
    free(c->name);
    free(c);
}

void call_end(struct call *c, const char *reason)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &c->parts)
        participant_end(LIST_ENTRY(it, struct participant, node), reason);
    call_close(c);
}

struct participant *participant_find(const struct call *c, uint32_t number)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &c->parts) {
        struct participant *p = LIST_ENTRY(it, struct participant, node);

        if (p->number == number)
            return p;
    }
    return NULL;
}

struct log_ctx participant_log(const struct participant *p)
{
    return (struct log_ctx){
        .trace = p->trace_hex, .call = p->number_text, .subject = p->call->space
    };
}

const char *participant_zone(const struct participant *p)
{
    const struct site_zone *z = p->zone[0] ? site_zone(p->call->cb->site, p->zone) : NULL;

    return z && !str_empty(z->name) ? z->name : p->zone;
}

static void participant_free(struct participant *p)
{
    if (p->offer)
        bus_fail(p->offer, BUS_NOT_FOUND, false, "The participant has left.");
    free(p->name);
    free(p->session);
    free(p->webbridge);
    free(p);
}

void participant_end(struct participant *p, const char *reason)
{
    struct call *c = p->call;
    struct callbridge *cb = c->cb;
    struct log_ctx ctx = participant_log(p);

    if (reason)
        notify_ended(p, reason);
    log_event(LOG_LEVEL_INFO, &ctx, "user \"%s\": deactivating due to session resource teardown",
              p->jid);
    log_event(LOG_LEVEL_INFO, &ctx, "call %u: tearing down (\"%s\" conference media)", p->number,
              p->jid);
    log_event(LOG_LEVEL_INFO, &ctx, "participant \"%s\" left space %s (%s)", p->jid, c->space,
              c->name);
    daemon_fault_clear(cb->d, "iceFailure", p->number_text);
    media_leave(c->media, p->number);
    turnguest_revoke(p);
    list_del(&p->node);
    guest_remove(cb, p);
    c->count--;
    cb->participants--;
    daemon_load_set(cb->d, (uint32_t)cb->participants);
    notify_left(c, p->number);
    participant_free(p);
    if (c->count == 0) { /* whoever locked it is gone */
        c->locked = c->locked_at_start;
        c->empty_since_ms = loop_now_ms();
    }
    if (cb->draining && cb->participants == 0)
        daemon_drained(cb->d);
}

static void mark_lost(struct participant *p)
{
    struct log_ctx ctx = participant_log(p);

    log_event(LOG_LEVEL_INFO, &ctx, "call %u: signalling lost, media %s", p->number,
              p->media == PEER_CONNECTED ? "goes on" : "is not connected");
    p->lost_ms = loop_now_ms();
    media_hold(p->call->media, p->number, true); /* no wrong name under a face */
}

void participant_lost(struct participant *p)
{
    mark_lost(p);
    str_set(&p->session, NULL);
}

static void signalling_back(struct participant *p)
{
    struct log_ctx ctx = participant_log(p);

    log_event(LOG_LEVEL_INFO, &ctx, "call %u: signalling is back", p->number);
    p->lost_ms = 0;
    notify_state(p);
    media_hold(p->call->media, p->number, false);
}

void call_webbridge(struct callbridge *cb, const char *instance, bool up)
{
    void *value;
    size_t pos = 0;

    if (!up)
        wblinks_gone(cb->links, instance);
    session_webbridge(cb, instance, up);
    while (map_next(cb->calls, &pos, NULL, &value)) {
        struct list *it, *tmp;

        LIST_EACH(it, tmp, &((struct call *)value)->parts) {
            struct participant *p = LIST_ENTRY(it, struct participant, node);

            if (!p->session || !str_eq(p->webbridge, instance))
                continue;
            if (!up && !p->lost_ms)
                mark_lost(p);
            else if (up && p->lost_ms)
                signalling_back(p);
        }
    }
}

void call_release_key(struct callbridge *cb, const struct bus_call *call)
{
    const char *key = bus_call_key(call);

    if (key[0] && !(str_starts(key, "space/") && call_find(cb, key + strlen("space/"))))
        bus_key_release(cb->d->bus, key);
}

/* A participant is gone when it has neither signalling nor media: the callbridge alone decides
 * that. */
static bool is_gone(const struct participant *p, int64_t now_ms)
{
    return p->lost_ms && p->media != PEER_CONNECTED &&
           now_ms - p->lost_ms > p->call->cb->lost_after_ms;
}

static void tick_participant(struct participant *p, int64_t now_ms)
{
    if (p->offer && now_ms - p->offer_ms > OFFER_WAIT_MS) {
        bus_fail(p->offer, BUS_INTERNAL, true, "The media engine does not answer.");
        p->offer = NULL;
    }
    if (is_gone(p, now_ms)) {
        participant_end(p, "connection-lost");
        return;
    }
    if (p->stale && p->session && !p->lost_ms)
        notify_state(p);
    engine_tick(p, now_ms);
}

void call_tick(struct callbridge *cb)
{
    int64_t now_ms = loop_now_ms();
    void *value;
    size_t pos = 0;

    guest_tick(cb, now_ms);
    turns_tick(cb->turns);
    turnwatch_tick(cb->turnwatch);
    session_tick(cb, now_ms);
    while (map_next(cb->calls, &pos, NULL, &value)) {
        struct call *c = value;
        struct list *it, *tmp;

        LIST_EACH(it, tmp, &c->parts)
            tick_participant(LIST_ENTRY(it, struct participant, node), now_ms);
        media_stats(c->media);
        if (c->count == 0 && now_ms - c->empty_since_ms > EMPTY_SPACE_MS)
            call_close(c);
    }
}
