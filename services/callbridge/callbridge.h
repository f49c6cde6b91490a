/* SPDX-License-Identifier: Apache-2.0
 * The callbridge's control thread: logins, spaces with a call, participants.
 *
 *   login.c ─▶ ticket.c      who may enter              guest.c   accounts at xmpp
 *   login.c ─▶ tries.c       who has guessed too often   name.c    names of guests
 *   join.c  ─▶ call.c        entering and leaving       notify.c  what browsers are told
 *   signal.c                 what a participant asks    operate.c what an operator asks
 *   session.c                whose WebSocket is gone    expel.c ─▶ removed.c  who may not come back
 *   engine.c                 what the media engine says
 *   wblinks.c ─▶ wblink.c    web bridge links; lib/site/weburl.c where they lead
 *   check_web.c, check_turn.c  what `stoa doctor` asks for
 *   turns.c                  TURN servers; turnwatch.c how they are; turnguest.c for guests
 */
#ifndef CALLBRIDGE_CALLBRIDGE_H
#define CALLBRIDGE_CALLBRIDGE_H

#include <stdbool.h>
#include <stdint.h>

#include <base/addr.h>
#include <base/list.h>
#include <bus/bus.h>
#include <daemon/daemon.h>
#include <log/log.h>
#include <loop/timer.h>
#include <site/site.h>

#include "bridge.pb-c.h"
#include "limits.h"
#include "media.h"
#include "ticket.h"
#include "turns.h"
#include "turnwatch.h"

enum { TRACE_HEX_LEN = 2 * BUS_TRACE_ID_LEN };

struct callbridge {
    struct daemon *d;
    struct site *site;
    struct media *media;
    uint8_t ticket_key[32];
    struct map *calls;     /* space GUID -> struct call */
    struct wblinks *links; /* web bridge links */
    struct turns *turns;         /* TURN servers */
    struct turnwatch *turnwatch; /* and how they are */
    struct list turns_asking;    /* turnstatus.c: questions that wait for an answer */
    size_t turns_asked;
    struct turn_look *turn_look; /* check_turn.c: the look at them that runs for `stoa doctor` */
    struct loop_timer *tick;
    size_t participants, logins_waiting;
    int64_t lost_after_ms; /* without signalling and media: the participant is gone */
    unsigned last_login, last_number;
    struct map *xmpps;     /* instances of xmpp that are there */
    struct list storing;   /* guest.c: accounts on their way to xmpp */
    int64_t renewed_ms;    /* guest.c: when leases were renewed last */
    bool xmpp_seen;
    bool draining;
    struct map *webs;      /* session.c: webbridge instance -> struct web */
    int64_t asked_ms;      /* session.c: when web bridges were asked last */
    struct list waiting_logins; /* login.c */
    struct tries *tries;        /* login.c */
    struct removed *removed;    /* expel.c */
    struct map *others;         /* callbridge instances that know whom we have removed */
    struct map *expcs;          /* instances of expc that are there */
};

/* One meeting: a space with participants. Owned by its callbridge as long as the bus key is. */
struct call {
    struct callbridge *cb;
    char space[GUID_LEN + 1];
    char guid[GUID_LEN + 1];
    char *name;               /* of the space, as last known */
    unsigned number;
    struct media_space *media;
    struct list parts;        /* struct participant.node, in the order they joined */
    size_t count, max_count;
    bool locked, locked_at_start;
    const char *codec;        /* "VP8" or "H264": all of its video */
    uint32_t speaker;
    int64_t started_ms, empty_since_ms;
};

/* A browser in a call. `number` is its number in the log ("call 6"), its CSRC and its name in
 * messages. */
struct participant {
    struct call *call;
    struct list node;
    uint32_t number;
    char *name;
    char jid[JID_MAX];
    char access[GUID_LEN + 1]; /* access method; "" the space itself */
    char token[TOKEN_MAX];     /* of the chat session */
    int64_t expires_s;         /* of the ticket */
    bool activator;            /* may be alone: lets those in who wait */
    bool can_mute, can_remove, can_lock, can_present;
    char *session;             /* WebSocket; NULL after its end */
    char *webbridge;           /* instance that holds it */
    struct addr client;
    char zone[TRIES_ZONE_LEN + 1]; /* through which its session comes; "" it is inside */
    uint8_t trace[BUS_TRACE_ID_LEN];
    char trace_hex[TRACE_HEX_LEN + 1];
    char number_text[12];

    bool audio_muted, video_muted, screen, hand;
    enum peer_state media;
    char cause[PEER_ERROR_MAX];
    struct sfu_slots slots;
    struct sfu_stats stats;
    struct sfu_wanted wanted;  /* how large others show it */
    bool has_wanted;
    char turns[TURNS_PER_GUEST][TURNS_ID_SIZE]; /* TURN servers that it was given last; "" none */
    char turn_lost[TURNS_ID_SIZE]; /* the one of them that died since then */
    int64_t regather_ms;           /* it shall gather relays anew then; 0: it has all */
    bool relay_refused;        /* its browser says that a TURN server refused its name */
    bool path_lost;            /* its media is not reached; asked for an ICE restart */
    int64_t path_lost_ms, restart_ms, restart_wait_ms;
    unsigned restarts;         /* since the path was lost */
    struct bus_call *offer;    /* waits for the worker's answer */
    uint64_t offer_cookie;
    int64_t joined_ms, offer_ms, lost_ms; /* lost_ms: signalling gone since; 0 while it is there */
    bool stale;                /* events may be lost: its page is owed the whole state */
};

/* --- login.c, guest.c ------------------------------------------------------------------------- */

void login_request(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void login_fini(struct callbridge *cb);

typedef void (*guest_stored_fn)(void *arg);

/* Has xmpp store a credential for the ticket's guest, writes its token into the ticket, and calls
 * `fn` when xmpp has answered, or cannot, or after XMPP_WAIT_MS. Where no xmpp runs the token stays
 * empty. */
void guest_store(struct callbridge *cb, unsigned login, struct ticket *ticket, guest_stored_fn fn,
                 void *arg);

/* Ends the account of a participant that leaves, unless the same guest is in the call once more. */
void guest_remove(struct callbridge *cb, const struct participant *p);

/* An instance of xmpp is there, or is gone. */
void guest_peer(struct callbridge *cb, const char *instance, bool up);

/* Now and then renews the leases of all who are in calls; stores again what xmpp has forgotten. */
void guest_tick(struct callbridge *cb, int64_t now_ms);
void guest_fini(struct callbridge *cb);

/* --- call.c, join.c --------------------------------------------------------------------------- */

/* Returns the call of a space, or NULL. */
struct call *call_find(const struct callbridge *cb, const char *space);

/* Returns the call of a space, begun if need be; NULL when there are too many. */
struct call *call_open(struct callbridge *cb, const struct site_space *space);

/* Ends a call; everybody in it is told `reason`. */
void call_end(struct call *c, const char *reason);

struct participant *participant_find(const struct call *c, uint32_t number);

/* Takes a participant out. `reason` is what its page is told; NULL: it knows. */
void participant_end(struct participant *p, const char *reason);

/* The participant's signalling is gone; its media may live on. */
void participant_lost(struct participant *p);

/* A web bridge is gone, perhaps with all its WebSockets; or is there (again): an instance that was
 * only cut off from the bus, or whose busd was started anew, still has them. */
void call_webbridge(struct callbridge *cb, const char *instance, bool up);

/* Gives the key of a message about a space without a call back to the bus: anybody can name any
 * space, and the bus would keep each of them. */
void call_release_key(struct callbridge *cb, const struct bus_call *call);

/* The log context of a participant. */
struct log_ctx participant_log(const struct participant *p);

/* The zone through which it came, as operators call it; its id when it is not configured any more;
 * "" when it is inside. */
const char *participant_zone(const struct participant *p);

/* Every second: lost signalling, stuck offers, empty calls, statistics. */
void call_tick(struct callbridge *cb);

/* Returns a name as others see it: without spaces around it; NULL when it is not usable: nothing to
 * be seen, control characters, directional formatting, above NAME_CHARS_MAX. Owner: the caller. */
char *name_clean(const char *name);

void join_request(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void resume_request(void *arg, struct bus_call *call, const ProtobufCMessage *body);

/* Writes the number of the web bridge link by which a request came, as the log names it. */
unsigned link_number(struct callbridge *cb, const struct bus_call *call);

/* --- signal.c --------------------------------------------------------------------------------- */

void offer_request(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void candidate_event(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void set_media_request(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void control_request(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void view_event(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void leave_request(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void report_event(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void session_gone_event(void *arg, struct bus_call *call, const ProtobufCMessage *body);

/* Orders that both participants with the right and operators can give. `by` 0: an operator. */
void control_mute(struct participant *p, bool audio, bool video, uint32_t by);
void control_lock(struct call *c, bool locked);

/* Tells the engine what of a participant is to be forwarded. */
void media_of(struct participant *p);

/* --- notify.c --------------------------------------------------------------------------------- */

void notify_participant(const struct participant *about);      /* to everybody in the call */
void notify_left(const struct call *c, uint32_t number);
void notify_speaker(const struct call *c);
void notify_locked(const struct call *c);
void notify_slots(struct participant *to);
void notify_muted(struct participant *to, bool audio, bool video, uint32_t by);
void notify_media(struct participant *to);
void notify_wanted(struct participant *to);
void notify_restart(struct participant *to);
void notify_candidate(struct participant *to, const char *text);
void notify_ended(struct participant *to, const char *reason);

/* Sends the whole state once more, to a page that may have missed events: pieces could not say who
 * has left. */
void notify_state(struct participant *to);

/* Calls `fn` with the call's whole state as `to` sees it; it is valid for that call only. */
typedef void (*notify_call_fn)(void *arg, const Stoa__Bridge__V1__JoinReply *state);
void notify_call(struct participant *to, notify_call_fn fn, void *arg);

/* Fills a message about a participant; strings stay the participant's. */
void notify_describe(Stoa__Bridge__V1__Participant *out, const struct participant *p);
/* Fills the slots; `out` points into `slots` and `paused`. */
void notify_fill_slots(Stoa__Bridge__V1__Slots *out, struct sfu_slots *slots,
                       protobuf_c_boolean paused[SFU_VIDEO_SLOTS]);

/* --- turnguest.c ------------------------------------------------------------------------------ */

enum {
    GUEST_TLS_MAX = 4, /* edges that a guest is told of */
    GUEST_URLS = 2 + GUEST_TLS_MAX, /* UDP and TCP, and TLS at the edges of the server's zone */
    GUEST_URL_SIZE = TURNS_HOST_SIZE + 32,
};

struct guest_server {
    Stoa__Bridge__V1__IceServer msg;
    char urls[GUEST_URLS][GUEST_URL_SIZE], *url_ptrs[GUEST_URLS];
    char name[TURNS_NAME_SIZE], password[TURNS_SECRET_SIZE];
};

/* ICE servers as a message has them; points into itself. */
struct guest_servers {
    struct guest_server servers[TURNS_PER_GUEST];
    Stoa__Bridge__V1__IceServer *ptrs[TURNS_PER_GUEST];
    size_t n;
};

void turnguest_fill(struct participant *p, struct guest_servers *out);

/* The id of the server that it is sent to first, as long as that one can be used; NULL: there is
 * none. Media that meets on one server stays inside it. */
const char *turnguest_first(struct participant *p);

/* Tells our TURN instances, those of edges through expc, that the participant is gone: its relays
 * end. */
void turnguest_revoke(const struct participant *p);

/* --- turnstatus.c ----------------------------------------------------------------------------- */

void probe_request(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void turnstatus_fini(struct callbridge *cb);

/* --- expel.c ---------------------------------------------------------------------------------- */

void expel_start(struct callbridge *cb);

/* Takes a participant out, and makes its ticket void at all callbridges. */
void expel_participant(struct participant *p);

/* Tells the other callbridges all that is known: one of them may be new, or have missed some. */
void expel_tell_all(struct callbridge *cb);

/* --- session.c -------------------------------------------------------------------------------- */

/* An event was sent to a web bridge. */
void session_told(struct callbridge *cb, const char *webbridge);

/* Now and then asks each web bridge which of its WebSockets are gone, and whether it has got all
 * events: a SessionGoneEvent or a SessionEvent may be lost. */
void session_tick(struct callbridge *cb, int64_t now_ms);

/* The bus is back: whatever was sent around its end may be lost. */
void session_bus_back(struct callbridge *cb);

/* A web bridge is there (again) and has its WebSockets still; or is gone. */
void session_webbridge(struct callbridge *cb, const char *instance, bool up);
void session_fini(struct callbridge *cb);

/* --- operate.c, engine.c ---------------------------------------------------------------------- */

void list_calls_request(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void control_call_request(void *arg, struct bus_call *call, const ProtobufCMessage *body);

void engine_event(void *arg, const struct media_event *event);

/* Every second: asks the page of a participant that is not reached for an ICE restart. */
void engine_tick(struct participant *p, int64_t now_ms);

/* The participant's session comes from outside now, or does not any more. */
void engine_moved(struct participant *p);

#endif
