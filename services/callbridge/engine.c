/* SPDX-License-Identifier: Apache-2.0
 * What the media engine says: answers to offers, states of connections, slots, the speaker. */
#include <string.h>

#include <base/map.h>
#include <base/str.h>
#include <evp/rand.h>
#include <loop/clock.h>

#include "callbridge.h"

static const char unauthorized[] = "unauthorized - check credentials";

static void on_answer(struct participant *p, const struct media_event *ev)
{
    Stoa__Bridge__V1__OfferReply reply = STOA__BRIDGE__V1__OFFER_REPLY__INIT;
    struct log_ctx ctx = participant_log(p);
    struct bus_call *call = p->offer;

    if (!call || ev->cookie != p->offer_cookie)
        return;
    p->offer = NULL;
    if (ev->text) {
        reply.sdp = (char *)(uintptr_t)ev->text;
        bus_reply(call, &reply.base);
        log_event(LOG_LEVEL_INFO, &ctx, "call %u: starting DTLS combined media negotiation",
                  p->number);
    } else {
        log_event(LOG_LEVEL_INFO, &ctx, "call %u: offer refused; %s", p->number, ev->cause);
        bus_fail(call, BUS_INVALID, false, "The offer cannot be used: %s.", ev->cause);
    }
}

static void log_connected(const struct participant *p)
{
    struct log_ctx ctx = participant_log(p);

    log_event(LOG_LEVEL_INFO, &ctx, "call %u: media connected", p->number);
}

/* What a missing path comes from, in the guide's words, when no TURN server can be used: the most
 * certain of all causes. */
static const char *cause_of(const struct participant *p, const char *cause)
{
    const char *trouble = turnwatch_trouble(p->call->cb->turnwatch);

    if (!cause || !cause[0])
        return "";
    if (p->relay_refused || str_eq(trouble, "unauthorized"))
        return unauthorized;
    return trouble[0] ? "relay candidate creation timeout" : cause;
}

static void on_state(struct participant *p, const struct media_event *ev)
{
    struct daemon *d = p->call->cb->d;
    struct log_ctx ctx = participant_log(p);
    bool was_connected = p->media == PEER_CONNECTED;
    bool closed = ev->state == PEER_CLOSED;
    const char *cause = closed ? "" : cause_of(p, ev->cause);

    if (p->media == ev->state && str_eq(p->cause, cause))
        return;
    p->media = ev->state;
    (void)str_copy(p->cause, sizeof(p->cause), cause);
    if (ev->state == PEER_CONNECTED && !was_connected)
        log_connected(p);
    if (closed) /* who leaves closes it, and that is often here before the word that it leaves */
        log_event(LOG_LEVEL_INFO, &ctx, "call %u: media closed by the browser", p->number);
    if (cause[0]) {
        if (cause == unauthorized)
            log_event(LOG_LEVEL_WARNING, &ctx, "call %u: ICE failure 4 (%s)", p->number, cause);
        else
            log_event(LOG_LEVEL_WARNING, &ctx, "call %u: ICE failure; %s", p->number, cause);
        daemon_fault_raise(d, "iceFailure", p->number_text,
                           "Call %u (%s) has no media connection: %s", p->number, p->name, cause);
    } else {
        daemon_fault_clear(d, "iceFailure", p->number_text);
    }
    notify_media(p);
    if (was_connected != (ev->state == PEER_CONNECTED))
        notify_participant(p);
}

static void on_slots(struct participant *p, const struct media_event *ev)
{
    p->slots = ev->slots;
    notify_slots(p);
}

static void on_stats(struct participant *p, const struct media_event *ev)
{
    p->stats = ev->stats;
}

static void on_wanted(struct participant *p, const struct media_event *ev)
{
    p->wanted = ev->wanted;
    p->has_wanted = true;
    notify_wanted(p);
}

static void on_path(struct participant *p, const struct media_event *ev)
{
    struct log_ctx ctx = participant_log(p);
    int64_t now_ms = loop_now_ms();

    if (p->path_lost == ev->lost)
        return;
    p->path_lost = ev->lost;
    if (!ev->lost) {
        log_event(LOG_LEVEL_INFO, &ctx, "call %u: media path is back after %lld s, ICE restarts "
                  "asked for: %u", p->number, (long long)(now_ms - p->path_lost_ms) / 1000,
                  p->restarts);
        return;
    }
    log_event(LOG_LEVEL_WARNING, &ctx, "call %u: media path lost", p->number);
    p->path_lost_ms = now_ms;
    p->restarts = 0;
    p->restart_wait_ms = RESTART_MIN_MS;
    engine_tick(p, now_ms);
}

/* One of a guest's TURN servers has died. The other carries on, but nothing would if that died,
 * too: an ICE restart gives it two again. At once when it has lost both. */
static void lose_server(struct participant *p, const char *id, int64_t now_ms)
{
    bool has = false;

    for (size_t i = 0; i < TURNS_PER_GUEST; i++)
        has = has || str_eq(p->turns[i], id);
    if (!has || !p->stats.peer.relay || (p->regather_ms && str_eq(p->turn_lost, id)))
        return;
    p->regather_ms = p->regather_ms ? now_ms : now_ms + TURN_REGATHER_MS +
                                               evp_random_below(TURN_REGATHER_MS);
    (void)str_copy(p->turn_lost, sizeof(p->turn_lost), id);
    engine_tick(p, now_ms);
}

/* Each worker says it of its own relay: the first word counts. */
static void lose_servers(struct callbridge *cb, const char *id)
{
    int64_t now_ms = loop_now_ms();
    void *value;
    size_t at = 0;

    while (map_next(cb->calls, &at, NULL, &value)) {
        struct list *it, *tmp;

        LIST_EACH(it, tmp, &((struct call *)value)->parts)
            lose_server(LIST_ENTRY(it, struct participant, node), id, now_ms);
    }
}

static void regather(struct participant *p, int64_t now_ms)
{
    struct log_ctx ctx = participant_log(p);

    if (!p->regather_ms || now_ms < p->regather_ms || !p->session || p->lost_ms)
        return;
    p->regather_ms = 0;
    log_event(LOG_LEVEL_INFO, &ctx, "call %u: asking the browser for relays on other TURN servers",
              p->number);
    notify_restart(p);
}

void engine_tick(struct participant *p, int64_t now_ms)
{
    struct log_ctx ctx = participant_log(p);

    regather(p, now_ms);

    if (!p->path_lost || !p->session || p->lost_ms)
        return;
    if (p->restart_ms && now_ms - p->restart_ms < p->restart_wait_ms)
        return;
    if (p->restarts++ > 0)
        p->restart_wait_ms = MIN(p->restart_wait_ms * 2, (int64_t)RESTART_MAX_MS);
    p->restart_ms = now_ms;
    log_event(LOG_LEVEL_INFO, &ctx, "call %u: asking the browser for an ICE restart", p->number);
    notify_restart(p);
}

/* A relay became ready after the answer. What was meant for a session from inside does not go to
 * one from outside that has come meanwhile. */
static void on_candidate(struct participant *p, const struct media_event *ev)
{
    if (!p->zone[0] || strstr(ev->text, " typ relay "))
        notify_candidate(p, ev->text);
}

void engine_moved(struct participant *p)
{
    struct log_ctx ctx = participant_log(p);

    log_event(LOG_LEVEL_INFO, &ctx, "call %u: comes from %s now, asking the browser for an ICE "
              "restart", p->number, p->zone[0] ? "outside" : "inside");
    media_outside(p->call->media, p->number, p->zone[0] != '\0', &p->client);
    notify_restart(p);
}

static void (*const handlers[])(struct participant *p, const struct media_event *ev) = {
    [MEDIA_ANSWER] = on_answer,
    [MEDIA_STATE] = on_state,
    [MEDIA_SLOTS] = on_slots,
    [MEDIA_STATS] = on_stats,
    [MEDIA_WANTED] = on_wanted,
    [MEDIA_PATH] = on_path,
    [MEDIA_CANDIDATE] = on_candidate,
};

void engine_event(void *arg, const struct media_event *ev)
{
    struct call *c = ev->space_arg;
    struct participant *p;

    if (ev->type == MEDIA_RELAY) {
        turnwatch_relay(((struct callbridge *)arg)->turnwatch, ev);
        if (ev->relay.phase == MEDIA_RELAY_LOST)
            lose_servers(arg, ev->relay.id);
        return;
    }
    if (ev->type == MEDIA_SPEAKER) {
        c->speaker = ev->participant;
        notify_speaker(c);
        return;
    }
    p = participant_find(c, ev->participant);
    if (p)
        handlers[ev->type](p, ev);
}
