/* SPDX-License-Identifier: Apache-2.0
 * What a participant's page asks: offers, candidates, its own devices, orders to others, leaving.
 * Each message names space and participant, and counts only if it comes over the participant's own
 * WebSocket. */
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <loop/clock.h>

#include "callbridge.h"

static const Stoa__Bridge__V1__Done done = STOA__BRIDGE__V1__DONE__INIT;

/* The participant that speaks; NULL when it is not there or speaks over another WebSocket. */
static struct participant *speaker_of(struct callbridge *cb,
                                      const Stoa__Bridge__V1__Session *session, const char *space,
                                      uint32_t number)
{
    struct call *c = space ? call_find(cb, space) : NULL;
    struct participant *p = c ? participant_find(c, number) : NULL;

    return p && session && p->session && str_eq(session->session_id, p->session) ? p : NULL;
}

static void not_there(struct callbridge *cb, struct bus_call *call)
{
    call_release_key(cb, call);
    bus_fail(call, BUS_NOT_FOUND, false, "The participant is not in the meeting.");
}

void offer_request(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct callbridge *cb = ((struct daemon *)arg)->user;
    const Stoa__Bridge__V1__OfferRequest *req = (const void *)body;
    struct participant *p = speaker_of(cb, req->session, req->space, req->participant);
    struct log_ctx ctx;

    if (!p) {
        not_there(cb, call);
        return;
    }
    if (p->offer) /* the page repeats an offer after a resume: the later one counts */
        bus_fail(p->offer, BUS_CONFLICT, false, "A later offer takes its place.");
    p->offer = call;
    p->offer_ms = loop_now_ms();
    p->regather_ms = 0; /* it gathers with every offer */
    ctx = participant_log(p);
    log_event(LOG_LEVEL_INFO, &ctx,
              "call %u: setting up combined RTP session for DTLS (combined media and control)",
              p->number);
    media_offer(p->call->media, p->number, ++p->offer_cookie, req->sdp ? req->sdp : "");
}

void candidate_event(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct callbridge *cb = ((struct daemon *)arg)->user;
    const Stoa__Bridge__V1__CandidateEvent *ev = (const void *)body;
    struct participant *p = speaker_of(cb, ev->session, ev->space, ev->participant);

    (void)call;
    if (p)
        media_candidate(p->call->media, p->number, ev->candidate ? ev->candidate : "",
                        ev->ufrag ? ev->ufrag : "");
}

void media_of(struct participant *p)
{
    struct sfu_media media = {
        .audio_muted = p->audio_muted, .video_muted = p->video_muted, .screen = p->screen
    };

    media_set(p->call->media, p->number, &media);
}

void set_media_request(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct callbridge *cb = ((struct daemon *)arg)->user;
    const Stoa__Bridge__V1__SetMediaRequest *req = (const void *)body;
    struct participant *p = speaker_of(cb, req->session, req->space, req->participant);

    if (!p) {
        not_there(cb, call);
        return;
    }
    if (req->screen && !p->can_present) {
        bus_fail(call, BUS_DENIED, false, "You are not allowed to share a screen in this meeting.");
        return;
    }
    if (req->has_audio_muted)
        p->audio_muted = req->audio_muted;
    if (req->has_video_muted)
        p->video_muted = req->video_muted;
    if (req->has_screen)
        p->screen = req->screen;
    if (req->has_hand)
        p->hand = req->hand;
    media_of(p);
    bus_reply(call, &done.base);
    notify_participant(p);
}

static uint16_t height_of(uint32_t pixels)
{
    return (uint16_t)MIN(pixels, (uint32_t)VIEW_HEIGHT_MAX);
}

/* Slots that a page does not name are not shown. */
void view_event(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct callbridge *cb = ((struct daemon *)arg)->user;
    const Stoa__Bridge__V1__ViewEvent *ev = (const void *)body;
    struct participant *p = speaker_of(cb, ev->session, ev->space, ev->participant);
    struct sfu_view view = { .screen_height = height_of(ev->screen_height), .pinned = ev->pinned };

    (void)call;
    if (!p)
        return;
    for (size_t i = 0; i < MIN(ev->n_heights, (size_t)SFU_VIDEO_SLOTS); i++)
        view.heights[i] = height_of(ev->heights[i]);
    media_view(p->call->media, p->number, &view);
}

/* --- orders ----------------------------------------------------------------------------------- */

void control_mute(struct participant *p, bool audio, bool video, uint32_t by)
{
    if ((!audio || p->audio_muted) && (!video || p->video_muted))
        return;
    p->audio_muted = p->audio_muted || audio;
    p->video_muted = p->video_muted || video;
    media_of(p);
    notify_muted(p, audio, video, by);
    notify_participant(p);
}

void control_lock(struct call *c, bool locked)
{
    const struct log_ctx ctx = { .subject = c->space };

    if (c->locked == locked)
        return;
    c->locked = locked;
    log_event(LOG_LEVEL_INFO, &ctx, "conference %s: lock state has changed to %s", c->guid,
              locked ? "locked" : "unlocked");
    notify_locked(c);
}

/* True when the participant has the right for all that it asks. */
static bool may(const struct participant *p, const Stoa__Bridge__V1__ControlRequest *req)
{
    if ((req->mute_audio || req->mute_video) && !p->can_mute)
        return false;
    if (req->remove && !p->can_remove)
        return false;
    return !req->has_lock || p->can_lock;
}

void control_request(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct callbridge *cb = ((struct daemon *)arg)->user;
    const Stoa__Bridge__V1__ControlRequest *req = (const void *)body;
    struct participant *p = speaker_of(cb, req->session, req->space, req->participant);
    struct participant *target = p && req->target ? participant_find(p->call, req->target) : NULL;
    struct log_ctx ctx;

    if (!p || (req->target && !target)) {
        not_there(cb, call);
        return;
    }
    ctx = participant_log(p);
    if (!may(p, req)) {
        log_event(LOG_LEVEL_INFO, &ctx, "call %u: order refused, no right for it", p->number);
        bus_fail(call, BUS_DENIED, false, "You are not allowed to do that in this meeting.");
        return;
    }
    if (!target && (req->mute_audio || req->mute_video || req->remove)) {
        bus_fail(call, BUS_INVALID, false, "A participant must be named.");
        return;
    }
    bus_reply(call, &done.base);
    if (req->has_lock)
        control_lock(p->call, req->lock);
    if (target && req->remove)
        expel_participant(target);
    else if (target)
        control_mute(target, req->mute_audio, req->mute_video, p->number);
}

/* --- going ------------------------------------------------------------------------------------ */

void leave_request(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct callbridge *cb = ((struct daemon *)arg)->user;
    const Stoa__Bridge__V1__LeaveRequest *req = (const void *)body;
    struct participant *p = speaker_of(cb, req->session, req->space, req->participant);

    if (!p) {
        not_there(cb, call);
        return;
    }
    bus_reply(call, &done.base);
    participant_end(p, NULL);
}

void report_event(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct callbridge *cb = ((struct daemon *)arg)->user;
    const Stoa__Bridge__V1__ReportEvent *ev = (const void *)body;
    struct participant *p = speaker_of(cb, ev->session, ev->space, ev->participant);
    struct log_ctx ctx;
    char peer[64];

    (void)call;
    if (!p)
        return;
    if (ev->text && str_eq(ev->what, "ice-candidate-error") &&
        (strstr(ev->text, ": 401 ") || strstr(ev->text, ": 431 ")))
        p->relay_refused = true;
    (void)snprintf(peer, sizeof(peer), "report of call %u", p->number);
    if (!log_limit(peer))
        return;
    ctx = participant_log(p);
    log_event(LOG_LEVEL_INFO, &ctx, "call %u: browser reports %.40s (%.200s)", p->number,
              ev->what ? ev->what : "", ev->text ? ev->text : "");
}

void session_gone_event(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct callbridge *cb = ((struct daemon *)arg)->user;
    const Stoa__Bridge__V1__SessionGoneEvent *ev = (const void *)body;
    struct participant *p = speaker_of(cb, ev->session, ev->space, ev->participant);

    (void)call;
    if (p)
        participant_lost(p);
}
