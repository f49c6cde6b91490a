/* SPDX-License-Identifier: Apache-2.0
 * docs/guest-protocol.md, spoken. */
#include "page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>

enum { ID_LOGIN = 1, ID_JOIN, ID_OFFER, ID_RESUME, ID_LEAVE };

static const char *text_of(const json_t *msg, const char *name)
{
    const char *text = json_string_value(json_object_get(msg, name));

    return text ? text : "";
}

static uint32_t number_of(const json_t *msg, const char *name)
{
    return (uint32_t)json_integer_value(json_object_get(msg, name));
}

static void send_json(struct page *p, json_t *msg)
{
    char *text = json_dumps(msg, JSON_COMPACT);

    wsclient_send(p->ws, text);
    free(text);
    json_decref(msg);
}

/* --- requests --------------------------------------------------------------------------------- */

static void login(struct page *p)
{
    send_json(p, json_pack("{s:s,s:i,s:s,s:s}", "type", "login", "id", ID_LOGIN, "callId",
                           p->opts.call_id, "passcode", ""));
}

static void join(struct page *p, const json_t *body)
{
    str_set(&p->ticket, text_of(body, "ticket"));
    str_set(&p->space, text_of(body, "space"));
    send_json(p, json_pack("{s:s,s:i,s:s,s:s,s:s,s:b,s:b}", "type", "join", "id", ID_JOIN, "space",
                           p->space, "ticket", p->ticket, "name", p->name, "audioMuted", 0,
                           "videoMuted", 0));
}

static void offer(struct page *p)
{
    char *sdp = udpbrowser_offer(p->u);

    send_json(p, json_pack("{s:s,s:i,s:s,s:i,s:s}", "type", "offer", "id", ID_OFFER, "space",
                           p->space, "participant", (int)p->number, "sdp", sdp));
    free(sdp);
}

static void resume(struct page *p)
{
    send_json(p, json_pack("{s:s,s:i,s:s,s:s,s:i}", "type", "resume", "id", ID_RESUME, "space",
                           p->space, "ticket", p->ticket, "participant", (int)p->number));
}

void page_leave(struct page *p)
{
    send_json(p, json_pack("{s:s,s:i,s:s,s:i}", "type", "leave", "id", ID_LEAVE, "space", p->space,
                           "participant", (int)p->number));
}

/* --- what comes ------------------------------------------------------------------------------- */

static void take_slots(struct page *p, const json_t *msg)
{
    const json_t *audio = json_object_get(msg, "audio"), *video = json_object_get(msg, "video");

    for (size_t i = 0; i < SFU_AUDIO_SLOTS; i++)
        p->slots.audio[i] = (uint32_t)json_integer_value(json_array_get(audio, i));
    for (size_t i = 0; i < SFU_VIDEO_SLOTS; i++)
        p->slots.video[i] = (uint32_t)json_integer_value(json_array_get(video, i));
    p->slots.screen = number_of(msg, "screen");
}

static void on_participant(struct page *p, const json_t *msg)
{
    if (json_is_true(json_object_get(msg, "audioMuted")))
        p->others_muted = number_of(msg, "participant");
}

static void on_left(struct page *p, const json_t *msg)
{
    if (p->n_left < PAGE_LEFT_MAX)
        p->left[p->n_left++] = number_of(msg, "participant");
}

static void on_speaker(struct page *p, const json_t *msg)
{
    p->speaker = number_of(msg, "participant");
}

static void on_muted(struct page *p, const json_t *msg)
{
    p->muted = json_is_true(json_object_get(msg, "audio"));
}

static void on_media(struct page *p, const json_t *msg)
{
    p->media_connected = str_eq(text_of(msg, "state"), "connected");
}

static void on_ended(struct page *p, const json_t *msg)
{
    str_set(&p->ended, text_of(msg, "reason"));
}

static void on_welcome(struct page *p, const json_t *msg)
{
    if (!json_is_true(json_object_get(msg, "joinAvailable")))
        return;
    if (p->resuming)
        resume(p);
    else if (!p->ticket)
        login(p);
    p->resuming = false;
}

static void on_reply(struct page *p, const json_t *msg)
{
    const json_t *body = json_object_get(msg, "body");

    switch (number_of(msg, "id")) {
    case ID_LOGIN:
        join(p, body);
        break;
    case ID_JOIN:
        p->number = number_of(body, "participant");
        p->speaker = number_of(body, "speaker");
        offer(p);
        break;
    case ID_OFFER:
        udpbrowser_answer(p->u, text_of(body, "sdp"));
        break;
    case ID_RESUME:
        p->resumed = true;
        p->speaker = number_of(body, "speaker");
        take_slots(p, json_object_get(body, "slots"));
        break;
    case ID_LEAVE:
        p->done = true;
        break;
    }
}

static void on_error(struct page *p, const json_t *msg)
{
    free(p->refusal);
    p->refusal = str_printf("%s: %s", text_of(msg, "code"), text_of(msg, "message"));
}

static const struct {
    const char *type;
    void (*handle)(struct page *p, const json_t *msg);
} handlers[] = {
    { "welcome", on_welcome }, { "reply", on_reply },     { "error", on_error },
    { "slots", take_slots },   { "speaker", on_speaker }, { "participant", on_participant },
    { "left", on_left },       { "muted", on_muted },     { "media", on_media },
    { "ended", on_ended },
};

static void on_text(void *arg, const char *text, size_t len)
{
    json_t *msg = json_loadb(text, len, 0, NULL);

    for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
        if (str_eq(handlers[i].type, text_of(msg, "type")))
            handlers[i].handle(arg, msg);
    }
    json_decref(msg);
}

static void on_end(void *arg, const struct wsclient_end *end)
{
    struct page *p = arg;

    free(p->ended);
    p->ended = str_printf("WebSocket: HTTP %d, code %d, %s", end->http_status, end->close_code,
                          end->reason);
}

/* --- life ------------------------------------------------------------------------------------- */

static void connect_ws(struct page *p)
{
    struct wsclient_opts opts = {
        .loop = p->opts.loop, .port = p->opts.port, .ca_file = p->opts.ca_file,
        .on_text = on_text, .on_end = on_end, .arg = p,
    };

    if (wsclient_new(&p->ws, &opts) != 0)
        abort();
}

struct page *page_new(const struct page_opts *opts, unsigned index)
{
    struct browser_opts browser = {
        .dtls = opts->dtls, .frame_us = opts->frame_us ? opts->frame_us : 200000
    };
    struct page *p = MEM_NEW(struct page);

    p->opts = *opts;
    (void)snprintf(p->name, sizeof(p->name), "Guest %u", index);
    p->u = udpbrowser_new(opts->loop, &browser);
    connect_ws(p);
    return p;
}

void page_free(struct page *p)
{
    if (!p)
        return;
    wsclient_free(&p->ws);
    udpbrowser_free(p->u);
    free(p->ticket);
    free(p->space);
    free(p->refusal);
    free(p->ended);
    free(p);
}

void page_cut(struct page *p)
{
    wsclient_free(&p->ws);
}

void page_resume(struct page *p)
{
    p->resuming = true;
    memset(&p->slots, 0, sizeof(p->slots));
    connect_ws(p);
}

bool page_has_slot(const struct page *p, uint32_t number)
{
    for (int i = 0; i < SFU_VIDEO_SLOTS; i++) {
        if (p->slots.video[i] == number)
            return true;
    }
    return false;
}

bool page_sees(const struct page *p, uint32_t number)
{
    const struct browser_slot *s = udpbrowser_shows(p->u, true, number);

    return s && s->decodable && page_has_slot(p, number);
}

bool page_hears(const struct page *p, uint32_t number)
{
    return udpbrowser_shows(p->u, false, number) != NULL;
}
