/* SPDX-License-Identifier: Apache-2.0
 * What browsers are told: one SessionEvent per browser, to the webbridge that holds its
 * WebSocket. */
#include <stdlib.h>

#include <base/mem.h>
#include <base/str.h>

#include "callbridge.h"

typedef Stoa__Bridge__V1__SessionEvent session_event;

static session_event event_of(Stoa__Bridge__V1__SessionEvent__EventCase which)
{
    session_event e = STOA__BRIDGE__V1__SESSION_EVENT__INIT;

    e.event_case = which;
    return e;
}

/* Sends to one browser. One without signalling gets the whole state when it resumes, or when its
 * web bridge is back; one whose event could not be sent gets it at the next tick. */
static void send_to(struct participant *to, session_event *e)
{
    struct bus_dst dst = { .role = "webbridge", .instance = to->webbridge };
    struct bus_req_opts opts = { .subject = to->number_text, .trace_id = to->trace };
    int rc;

    if (!to->session || to->lost_ms)
        return;
    e->session_id = to->session;
    rc = bus_send_event(to->call->cb->d->bus, &dst, &e->base, &opts);
    if (rc) {
        log_debug("call %u: event not sent (%d)", to->number, rc);
        to->stale = true;
    } else {
        session_told(to->call->cb, to->webbridge);
    }
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

void notify_fill_slots(Stoa__Bridge__V1__Slots *out, struct sfu_slots *slots,
                       protobuf_c_boolean paused[SFU_VIDEO_SLOTS])
{
    for (int i = 0; i < SFU_VIDEO_SLOTS; i++)
        paused[i] = slots->video_paused[i];
    out->n_audio = SFU_AUDIO_SLOTS;
    out->audio = slots->audio;
    out->n_video = SFU_VIDEO_SLOTS;
    out->video = slots->video;
    out->has_screen = out->has_screen_audio = 1;
    out->screen = slots->screen;
    out->screen_audio = slots->screen_audio;
    out->n_video_paused = SFU_VIDEO_SLOTS;
    out->video_paused = paused;
    out->has_screen_paused = 1;
    out->screen_paused = slots->screen_paused;
}

void notify_participant(const struct participant *about)
{
    session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_PARTICIPANT);
    Stoa__Bridge__V1__Participant msg;

    notify_describe(&msg, about);
    e.participant = &msg;
    send_to_all(about->call, &e);
}

/* The answer to a join, to a resume, and the event "state" are the same message: a page that knows
 * one of them knows all. */
void notify_call(struct participant *to, notify_call_fn fn, void *arg)
{
    struct call *c = to->call;
    Stoa__Bridge__V1__JoinReply state = STOA__BRIDGE__V1__JOIN_REPLY__INIT;
    Stoa__Bridge__V1__Rights rights = STOA__BRIDGE__V1__RIGHTS__INIT;
    Stoa__Bridge__V1__Slots slots = STOA__BRIDGE__V1__SLOTS__INIT;
    Stoa__Bridge__V1__Participant *list = mem_calloc(c->count, sizeof(*list));
    Stoa__Bridge__V1__Participant **ptrs = mem_calloc(c->count, sizeof(*ptrs));
    struct sfu_slots own = to->slots;
    protobuf_c_boolean paused[SFU_VIDEO_SLOTS];
    struct guest_servers ice;
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &c->parts) {
        ptrs[state.n_participants] = &list[state.n_participants];
        notify_describe(&list[state.n_participants++], LIST_ENTRY(it, struct participant, node));
    }
    rights.has_mute_others = rights.has_remove_others = rights.has_lock = 1;
    rights.mute_others = to->can_mute;
    rights.remove_others = to->can_remove;
    rights.lock = to->can_lock;
    notify_fill_slots(&slots, &own, paused);
    state.has_participant = state.has_call = state.has_locked = state.has_speaker = 1;
    state.participant = state.call = to->number;
    state.space_name = c->name;
    state.jid = (char *)(uintptr_t)to->jid;
    state.rights = &rights;
    state.participants = ptrs;
    state.locked = c->locked;
    state.speaker = c->speaker;
    state.video_codec = (char *)(uintptr_t)c->codec;
    state.session_token = (char *)(uintptr_t)to->token;
    state.slots = &slots;
    turnguest_fill(to, &ice);
    state.n_ice_servers = ice.n;
    state.ice_servers = ice.ptrs;
    fn(arg, &state);
    free(ptrs);
    free(list);
}

static void send_state(void *arg, const Stoa__Bridge__V1__JoinReply *state)
{
    session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_STATE);

    e.state = (Stoa__Bridge__V1__JoinReply *)(uintptr_t)state;
    send_to(arg, &e);
}

void notify_state(struct participant *to)
{
    to->stale = false;
    notify_call(to, send_state, to);
    notify_media(to);
    notify_wanted(to);
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

void notify_slots(struct participant *to)
{
    session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_SLOTS);
    Stoa__Bridge__V1__Slots msg = STOA__BRIDGE__V1__SLOTS__INIT;
    struct sfu_slots slots = to->slots;
    protobuf_c_boolean paused[SFU_VIDEO_SLOTS];

    notify_fill_slots(&msg, &slots, paused);
    e.slots = &msg;
    send_to(to, &e);
}

void notify_muted(struct participant *to, bool audio, bool video, uint32_t by)
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

void notify_media(struct participant *to)
{
    static const char *const words[] = {
        [PEER_NEW] = "connecting", [PEER_CONNECTING] = "connecting", [PEER_CONNECTED] = "connected",
        [PEER_FAILED] = "failed", [PEER_CLOSED] = "failed",
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

void notify_wanted(struct participant *to)
{
    session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_WANTED);
    Stoa__Bridge__V1__Wanted msg = STOA__BRIDGE__V1__WANTED__INIT;

    if (!to->has_wanted)
        return;
    msg.has_video_height = msg.has_screen_height = 1;
    msg.video_height = to->wanted.video_height;
    msg.screen_height = to->wanted.screen_height;
    e.wanted = &msg;
    send_to(to, &e);
}

void notify_restart(struct participant *to)
{
    session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_RESTART);
    Stoa__Bridge__V1__Restart msg = STOA__BRIDGE__V1__RESTART__INIT;
    struct guest_servers ice;

    turnguest_fill(to, &ice);
    msg.n_ice_servers = ice.n;
    msg.ice_servers = ice.ptrs;
    e.restart = &msg;
    send_to(to, &e);
}

void notify_candidate(struct participant *to, const char *text)
{
    session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_CANDIDATE);
    Stoa__Bridge__V1__RemoteCandidate msg = STOA__BRIDGE__V1__REMOTE_CANDIDATE__INIT;

    msg.candidate = (char *)(uintptr_t)text;
    e.candidate = &msg;
    send_to(to, &e);
}

void notify_ended(struct participant *to, const char *reason)
{
    session_event e = event_of(STOA__BRIDGE__V1__SESSION_EVENT__EVENT_ENDED);
    Stoa__Bridge__V1__Ended msg = STOA__BRIDGE__V1__ENDED__INIT;

    msg.reason = (char *)(uintptr_t)reason;
    e.ended = &msg;
    send_to(to, &e);
}
