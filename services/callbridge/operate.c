/* SPDX-License-Identifier: Apache-2.0
 * What operators ask about calls (proto/calls.proto). */
#include <stdlib.h>

#include <base/map.h>
#include <base/mem.h>
#include <base/str.h>
#include <loop/clock.h>

#include "callbridge.h"
#include "calls.pb-c.h"

typedef Stoa__Calls__V1__Call call_msg;
typedef Stoa__Calls__V1__CallParticipant part_msg;

static const char *media_word(const struct participant *p)
{
    static const char *const words[] = {
        [PEER_NEW] = "connecting", [PEER_CONNECTING] = "connecting", [PEER_CONNECTED] = "connected",
        [PEER_FAILED] = "failed", [PEER_CLOSED] = "closed",
    };

    return words[p->media];
}

static char *addr_text(const struct addr *a)
{
    char text[ADDR_TEXT_MAX];

    return a->family == ADDR_NONE ? NULL : str_dup(addr_print(a, text));
}

/* Why somebody sees less than others. */
static void describe_downlink(part_msg *out, const struct participant *p)
{
    out->has_sent_bps = out->has_lost_permille = out->has_screen_paused = out->has_pauses = 1;
    out->has_waiting = 1;
    out->sent_bps = p->stats.sent_bps;
    out->has_downlink_bps = p->stats.downlink_bps > 0;
    out->downlink_bps = p->stats.downlink_bps;
    out->has_remb_bps = p->stats.remb_bps > 0;
    out->remb_bps = p->stats.remb_bps;
    out->lost_permille = p->stats.lost_permille;
    out->screen_paused = p->slots.screen_paused;
    out->pauses = p->stats.pauses;
    out->waiting = p->stats.waiting;
    out->paused = mem_calloc(SFU_VIDEO_SLOTS, sizeof(*out->paused));
    for (int i = 0; i < SFU_VIDEO_SLOTS; i++) {
        if (p->slots.video_paused[i])
            out->paused[out->n_paused++] = p->slots.video[i];
    }
}

static void describe_participant(part_msg *out, const struct participant *p, int64_t now_ms)
{
    const struct peer_stats *st = &p->stats.peer;

    stoa__calls__v1__call_participant__init(out);
    out->has_participant = out->has_audio_muted = out->has_video_muted = out->has_hand = 1;
    out->has_duration_s = out->has_rx_packets = out->has_tx_packets = 1;
    out->has_rx_bytes = out->has_tx_bytes = out->has_rtt_ms = 1;
    out->participant = p->number;
    out->name = str_dup(p->name);
    out->jid = str_dup(p->jid);
    out->client_address = addr_text(&p->client);
    out->zone = p->zone[0] ? str_dup(participant_zone(p)) : NULL;
    out->audio_muted = p->audio_muted;
    out->video_muted = p->video_muted;
    out->hand = p->hand;
    out->duration_s = (uint32_t)((now_ms - p->joined_ms) / 1000);
    out->media = str_dup(media_word(p));
    out->local_address = addr_text(&st->local);
    out->remote_address = addr_text(&st->remote);
    out->cipher = str_dup(st->cipher);
    out->rx_packets = st->rx_packets;
    out->tx_packets = st->tx_packets;
    out->rx_bytes = st->rx_bytes;
    out->tx_bytes = st->tx_bytes;
    out->rtt_ms = st->rtt_us / 1000;
    out->has_received = out->has_forwarded = 1;
    out->received = p->stats.received;
    out->forwarded = p->stats.forwarded;
    describe_downlink(out, p);
}

/* Returns a message with memory of its own, ended with free_unpacked. */
static call_msg *describe_call(const struct call *c)
{
    int64_t now_ms = loop_now_ms();
    call_msg *out = mem_zalloc(sizeof(*out));
    struct list *it, *tmp;

    stoa__calls__v1__call__init(out);
    out->has_call = out->has_duration_s = out->has_locked = out->has_speaker = 1;
    out->has_max_participants = 1;
    out->call = c->number;
    out->guid = str_dup(c->guid);
    out->space = str_dup(c->space);
    out->space_name = str_dup(c->name);
    out->duration_s = (uint32_t)((now_ms - c->started_ms) / 1000);
    out->locked = c->locked;
    out->speaker = c->speaker;
    out->max_participants = (uint32_t)c->max_count;
    out->participants = mem_calloc(c->count, sizeof(*out->participants));
    LIST_EACH(it, tmp, (struct list *)(uintptr_t)&c->parts) {
        part_msg *p = mem_zalloc(sizeof(*p));

        describe_participant(p, LIST_ENTRY(it, struct participant, node), now_ms);
        out->participants[out->n_participants++] = p;
    }
    return out;
}

void list_calls_request(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct callbridge *cb = ((struct daemon *)arg)->user;
    Stoa__Calls__V1__ListCallsReply reply = STOA__CALLS__V1__LIST_CALLS_REPLY__INIT;
    void *value;
    size_t it = 0;

    (void)body;
    reply.calls = mem_calloc(map_count(cb->calls), sizeof(*reply.calls));
    while (map_next(cb->calls, &it, NULL, &value)) {
        const struct call *c = value;

        if (c->count > 0)
            reply.calls[reply.n_calls++] = describe_call(c);
    }
    bus_reply(call, &reply.base);
    for (size_t i = 0; i < reply.n_calls; i++)
        stoa__calls__v1__call__free_unpacked(reply.calls[i], NULL);
    free(reply.calls);
}

static struct call *call_by_number(const struct callbridge *cb, uint32_t number)
{
    void *value;
    size_t it = 0;

    while (map_next(cb->calls, &it, NULL, &value)) {
        struct call *c = value;

        if (c->number == number && c->count > 0)
            return c;
    }
    return NULL;
}

static void mute_all(struct call *c, bool audio, bool video)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &c->parts)
        control_mute(LIST_ENTRY(it, struct participant, node), audio, video, 0);
}

static void end_all(struct call *c)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &c->parts)
        participant_end(LIST_ENTRY(it, struct participant, node), "call-ended");
}

static void apply(struct call *c, struct participant *p,
                  const Stoa__Calls__V1__ControlCallRequest *req)
{
    if (req->has_lock)
        control_lock(c, req->lock);
    if (p && req->remove)
        expel_participant(p);
    else if (p)
        control_mute(p, req->mute_audio, req->mute_video, 0);
    else if (req->remove)
        end_all(c);
    else
        mute_all(c, req->mute_audio, req->mute_video);
}

void control_call_request(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct callbridge *cb = ((struct daemon *)arg)->user;
    const Stoa__Calls__V1__ControlCallRequest *req = (const void *)body;
    Stoa__Calls__V1__ControlCallReply reply = STOA__CALLS__V1__CONTROL_CALL_REPLY__INIT;
    struct call *c = call_by_number(cb, req->call);
    struct participant *p = c && req->participant ? participant_find(c, req->participant) : NULL;

    if (!c) {
        bus_fail(call, BUS_NOT_FOUND, false, "There is no call %u.", req->call);
        return;
    }
    if (req->participant && !p) {
        bus_fail(call, BUS_NOT_FOUND, false, "There is no participant %u in call %u.",
                 req->participant, req->call);
        return;
    }
    apply(c, p, req);
    reply.call = describe_call(c);
    bus_reply(call, &reply.base);
    stoa__calls__v1__call__free_unpacked(reply.call, NULL);
}
