/* SPDX-License-Identifier: Apache-2.0
 * What browsers are told: one SessionEvent per browser, to the webbridge that holds its
 * WebSocket. */
#include <base/str.h>

#include "callbridge.h"

typedef Stoa__Bridge__V1__SessionEvent session_event;

static session_event event_of(Stoa__Bridge__V1__SessionEvent__EventCase which)
{
    session_event e = STOA__BRIDGE__V1__SESSION_EVENT__INIT;

    e.event_case = which;
    return e;
}

/* Sends to one browser; a browser without signalling gets the whole state when it resumes. */
static void send_to(const struct participant *to, session_event *e)
{
    struct bus_dst dst = { .role = "webbridge", .instance = to->webbridge };
    struct bus_req_opts opts = { .subject = to->number_text, .trace_id = to->trace };
    int rc;

    if (!to->session)
        return;
    e->session_id = to->session;
    rc = bus_send_event(to->call->cb->d->bus, &dst, &e->base, &opts);
    if (rc)
        log_debug("call %u: event not sent (%d)", to->number, rc);
}

static void send_to_all(const struct call *c, session_event *e)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, (struct list *)(uintptr_t)&c->parts)
        send_to(LIST_ENTRY(it, struct participant, node), e);
}

void notify_describe(Stoa__Bridge__V1__Participant *out, const struct participant *p)
{
    stoa__bridge__v1__participant__init(out);
    out->has_participant = out->has_audio_muted = out->has_video_muted = 1;
    out->has_screen = out->has_hand = out->has_media = 1;
    out->participant = p->number;
    out->name = p->name;
    out->audio_muted = p->audio_muted;
    out->video_muted = p->video_muted;
    out->screen = p->screen;
    out->hand = p->hand;
    out->media = p->media == PEER_CONNECTED;
}

void notify_fill_slots(Stoa__Bridge__V1__Slots *out, struct sfu_slots *slots)
{
    out->n_audio = SFU_AUDIO_SLOTS;
    out->audio = slots->audio;
    out->n_video = SFU_VIDEO_SLOTS;
    out->video = slots->video;
    out->has_screen = out->has_screen_audio = 1;
    out->screen = slots->screen;
    out->screen_audio = slots->screen_audio;
}

void notify_participant(const struct participant *about)
{
    session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_PARTICIPANT);
    Stoa__Bridge__V1__Participant msg;

    notify_describe(&msg, about);
    e.participant = &msg;
    send_to_all(about->call, &e);
}

void notify_all_to(const struct participant *to)
{
    session_event locked = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_LOCKED);
    Stoa__Bridge__V1__CallLocked msg = STOA__BRIDGE__V1__CALL_LOCKED__INIT;
    struct list *it, *tmp;

    LIST_EACH(it, tmp, (struct list *)(uintptr_t)&to->call->parts) {
        session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_PARTICIPANT);
        Stoa__Bridge__V1__Participant about;

        notify_describe(&about, LIST_ENTRY(it, struct participant, node));
        e.participant = &about;
        send_to(to, &e);
    }
    msg.has_locked = 1;
    msg.locked = to->call->locked;
    locked.locked = &msg;
    send_to(to, &locked);
    notify_slots(to);
    notify_media(to);
}

void notify_left(const struct call *c, uint32_t number)
{
    session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_LEFT);
    Stoa__Bridge__V1__ParticipantLeft msg = STOA__BRIDGE__V1__PARTICIPANT_LEFT__INIT;

    msg.has_participant = 1;
    msg.participant = number;
    e.left = &msg;
    send_to_all(c, &e);
}

void notify_speaker(const struct call *c)
{
    session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_SPEAKER);
    Stoa__Bridge__V1__Speaker msg = STOA__BRIDGE__V1__SPEAKER__INIT;

    msg.has_participant = 1;
    msg.participant = c->speaker;
    e.speaker = &msg;
    send_to_all(c, &e);
}

void notify_locked(const struct call *c)
{
    session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_LOCKED);
    Stoa__Bridge__V1__CallLocked msg = STOA__BRIDGE__V1__CALL_LOCKED__INIT;

    msg.has_locked = 1;
    msg.locked = c->locked;
    e.locked = &msg;
    send_to_all(c, &e);
}

void notify_slots(const struct participant *to)
{
    session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_SLOTS);
    Stoa__Bridge__V1__Slots msg = STOA__BRIDGE__V1__SLOTS__INIT;
    struct sfu_slots slots = to->slots;

    notify_fill_slots(&msg, &slots);
    e.slots = &msg;
    send_to(to, &e);
}

void notify_muted(const struct participant *to, bool audio, bool video, uint32_t by)
{
    session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_MUTED);
    Stoa__Bridge__V1__Muted msg = STOA__BRIDGE__V1__MUTED__INIT;

    msg.has_audio = msg.has_video = msg.has_by = 1;
    msg.audio = audio;
    msg.video = video;
    msg.by = by;
    e.muted = &msg;
    send_to(to, &e);
}

void notify_media(const struct participant *to)
{
    static const char *const words[] = {
        [PEER_NEW] = "connecting", [PEER_CONNECTING] = "connecting", [PEER_CONNECTED] = "connected",
        [PEER_FAILED] = "failed",
    };
    session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_MEDIA);
    Stoa__Bridge__V1__MediaState msg = STOA__BRIDGE__V1__MEDIA_STATE__INIT;
    const char *word = words[to->media];

    if (to->media == PEER_CONNECTING && to->cause[0])
        word = "failing";
    msg.state = (char *)(uintptr_t)word;
    msg.cause = (char *)(uintptr_t)to->cause;
    e.media = &msg;
    send_to(to, &e);
}

void notify_ended(const struct participant *to, const char *reason)
{
    session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_ENDED);
    Stoa__Bridge__V1__Ended msg = STOA__BRIDGE__V1__ENDED__INIT;

    msg.reason = (char *)(uintptr_t)reason;
    e.ended = &msg;
    send_to(to, &e);
}
