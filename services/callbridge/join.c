/* SPDX-License-Identifier: Apache-2.0
 * Entering a call with a ticket, and taking a participant up again after its signalling was
 * lost. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/hex.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/str.h>
#include <loop/clock.h>

#include "callbridge.h"
#include "removed.h"
#include "wblinks.h"

unsigned link_number(struct callbridge *cb, const struct bus_call *call)
{
    return wblinks_number(cb->links, bus_call_instance(call));
}

/* --- who may enter ---------------------------------------------------------------------------- */

/* What a ticket gives at this moment. */
struct admission {
    struct ticket ticket;
    const struct site_space *space;
    const struct site_access *access; /* NULL: the space itself */
};

/* Refuses a ticket: the page is told `text`, the log `why`. */
static bool refuse_ticket(struct callbridge *cb, struct bus_call *call,
                          const Stoa__Bridge__V1__Session *session, const char *why,
                          const char *text)
{
    const char *from = session->client_address ? session->client_address : "";
    char trace[TRACE_HEX_LEN + 1], once[ADDR_TEXT_MAX + 64];
    struct log_ctx ctx = { .trace = trace };
    struct addr client;

    if (addr_parse(&client, from) == 0) /* who tries again has another port */
        (void)addr_print_ip(&client, once);
    else
        once[0] = '\0';
    (void)snprintf(once + strlen(once), 64, " %s", why);
    hex_encode(trace, bus_call_trace(call), BUS_TRACE_ID_LEN);
    if (log_limit(once))
        log_event(LOG_LEVEL_INFO, &ctx, "web bridge link %u: ticket refused, %s, from=%s",
                  link_number(cb, call), why, from);
    call_release_key(cb, call);
    bus_fail(call, BUS_DENIED, false, "%s", text);
    return false;
}

/* Looks space and access method of an opened ticket up in the live configuration; false when they
 * do not admit (any more). */
static bool look_up(struct callbridge *cb, struct admission *out)
{
    const struct ticket *t = &out->ticket;

    out->space = site_space(cb->site, t->space);
    out->access = t->access[0] ? site_access(cb->site, t->access) : NULL;
    if (!out->space || !out->space->non_member_access || (t->access[0] && !out->access))
        return false;
    return !out->access || str_eq(out->access->space, t->space);
}

/* Opens a ticket and asks what it gives at this moment. Answers the request and returns false when
 * it gives no access (any more). */
static bool admit(struct callbridge *cb, struct bus_call *call,
                  const Stoa__Bridge__V1__Session *session, const char *ticket, const char *space,
                  struct admission *out)
{
    int64_t now_s = (int64_t)time(NULL);
    int rc = ticket_open(&out->ticket, cb->ticket_key, ticket ? ticket : "", now_s);

    if (rc == -ETIMEDOUT)
        return refuse_ticket(cb, call, session, "expired",
                             "The ticket has expired: log in again.");
    if (rc)
        return refuse_ticket(cb, call, session, "forged or changed",
                             "The ticket is not valid: log in again.");
    if (!str_eq(out->ticket.space, space))
        return refuse_ticket(cb, call, session, "of another space",
                             "The ticket is not valid: log in again.");
    if (removed_has(cb->removed, out->ticket.jid, now_s))
        return refuse_ticket(cb, call, session, "the guest was removed",
                             "You have been removed from this meeting.");
    if (!look_up(cb, out))
        return refuse_ticket(cb, call, session, "its space or access method is gone",
                             "The meeting, or this way into it, does not exist any more.");
    return true;
}

/* The participant of this guest: a page that was loaded anew joins again with its ticket. */
static struct participant *find_jid(const struct call *c, const char *jid)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &c->parts) {
        struct participant *p = LIST_ENTRY(it, struct participant, node);

        if (str_eq(p->jid, jid))
            return p;
    }
    return NULL;
}

static bool has_activator(const struct call *c)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &c->parts) {
        if (LIST_ENTRY(it, struct participant, node)->activator)
            return true;
    }
    return false;
}

static size_t limit_of(uint32_t setting, size_t fallback)
{
    return setting ? setting : fallback;
}

/* Why a participant may not enter now; NULL: it may. */
static const char *full_or_locked(struct callbridge *cb, const struct call *c,
                                  const struct admission *a)
{
    const struct site_settings *s = site_settings(cb->site);

    if (c->locked)
        return "The meeting is locked.";
    if (c->count >= limit_of(a->space->participant_limit,
                             limit_of(s ? s->space_participant_limit : 0, SFU_MAX_PARTS)) ||
        c->count >= SFU_MAX_PARTS)
        return "The meeting is full.";
    if (cb->participants >= limit_of(s ? s->participant_limit : 0, PARTICIPANTS_MAX))
        return "The server is full.";
    if (a->access && a->access->needs_activation && !has_activator(c))
        return "The host has not started the meeting yet.";
    return NULL;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void answer_with(void *arg, const Stoa__Bridge__V1__JoinReply *state)
{
    bus_reply(arg, &state->base);
}

static void take_session(struct participant *p, const struct bus_call *call,
                         const Stoa__Bridge__V1__Session *session)
{
    str_set(&p->session, session->session_id);
    str_set(&p->webbridge, bus_call_instance(call));
    memcpy(p->trace, bus_call_trace(call), sizeof(p->trace));
    hex_encode(p->trace_hex, p->trace, sizeof(p->trace));
    if (!session->client_address || addr_parse(&p->client, session->client_address) != 0)
        p->client = (struct addr){ 0 };
    /* Of this session, whatever the one before was: tickets are good inside and outside. */
    (void)snprintf(p->zone, sizeof(p->zone), "%s", session->zone ? session->zone : "");
    p->lost_ms = 0;
    p->stale = false; /* the answer has everything */
}

/* --- join ------------------------------------------------------------------------------------- */

static struct participant *participant_new(struct call *c, const struct admission *a, char *name)
{
    struct participant *p = MEM_NEW(struct participant);

    p->call = c;
    p->number = ++c->cb->last_number;
    p->name = name;
    (void)snprintf(p->number_text, sizeof(p->number_text), "%u", p->number);
    (void)str_copy(p->jid, sizeof(p->jid), a->ticket.jid);
    (void)str_copy(p->access, sizeof(p->access), a->ticket.access);
    (void)str_copy(p->token, sizeof(p->token), a->ticket.token);
    p->expires_s = a->ticket.expires_s;
    p->activator = !a->access || !a->access->needs_activation;
    p->can_mute = a->access && a->access->can_mute_others;
    p->can_remove = a->access && a->access->can_disconnect_others;
    p->can_lock = a->access && a->access->can_lock;
    p->can_present = !a->access || a->access->can_present;
    p->joined_ms = loop_now_ms();
    list_add_tail(&c->parts, &p->node);
    c->count++;
    c->cb->participants++;
    c->max_count = MAX(c->max_count, c->count);
    return p;
}

static void enter(struct participant *p, struct bus_call *call,
                  const Stoa__Bridge__V1__JoinRequest *req)
{
    struct call *c = p->call;
    struct log_ctx ctx;

    take_session(p, call, req->session);
    p->audio_muted = req->audio_muted;
    p->video_muted = req->video_muted;
    ctx = participant_log(p);
    log_event(LOG_LEVEL_INFO, &ctx, "successful login request from %s", p->jid);
    log_event(LOG_LEVEL_INFO, &ctx, "instantiating user \"%s\"", p->jid);
    log_event(LOG_LEVEL_INFO, &ctx, "new session created for user \"%s\"", p->jid);
    log_event(LOG_LEVEL_INFO, &ctx,
              "call %u: allocated for %s \"Web client\" conference participation", p->number,
              p->jid);
    log_event(LOG_LEVEL_INFO, &ctx, "participant \"%s\" joined space %s (%s)", p->jid, c->space,
              c->name);
    if (p->zone[0])
        log_event(LOG_LEVEL_INFO, &ctx, "call %u: came through zone %s, is offered relays only",
                  p->number, participant_zone(p));
    media_join(c->media, p->number,
               &(struct media_join_opts){ .client = p->client,
                                          .outside = p->zone[0] != '\0',
                                          .first_relay = turnguest_first(p) });
    media_of(p);
    daemon_load_set(c->cb->d, (uint32_t)c->cb->participants);
    notify_call(p, answer_with, call);
    notify_participant(p);
}

void join_request(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct callbridge *cb = ((struct daemon *)arg)->user;
    const Stoa__Bridge__V1__JoinRequest *req = (const void *)body;
    struct participant *before;
    struct admission a;
    struct call *c;
    const char *no;
    char *name;

    if (!req->session || str_empty(req->session->session_id)) {
        call_release_key(cb, call);
        bus_fail(call, BUS_INVALID, false, "The session is missing.");
        return;
    }
    if (!admit(cb, call, req->session, req->ticket, req->space, &a))
        return;
    name = name_clean(req->name);
    c = name ? call_open(cb, a.space) : NULL;
    before = c ? find_jid(c, a.ticket.jid) : NULL;
    no = c && !before ? full_or_locked(cb, c, &a) : NULL;
    if (!c)
        call_release_key(cb, call);
    if (!name)
        bus_fail(call, BUS_INVALID, false,
                 "The name must have 1 to %d characters that can be seen.", NAME_CHARS_MAX);
    else if (!c || cb->draining)
        bus_fail(call, BUS_UNAVAILABLE, true, "The server takes no more meetings at the moment.");
    else if (no)
        /* no other can help */
        bus_fail(call, c->locked ? BUS_CONFLICT : BUS_UNAVAILABLE, false, "%s", no);
    else {
        struct participant *p = participant_new(c, &a, name);

        if (before)
            participant_end(before, "replaced");
        enter(p, call, req);
        return;
    }
    free(name);
}

void resume_request(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct callbridge *cb = ((struct daemon *)arg)->user;
    const Stoa__Bridge__V1__ResumeRequest *req = (const void *)body;
    struct admission a;
    struct call *c;
    struct participant *p;
    struct log_ctx ctx;
    bool was_outside;

    if (!req->session || str_empty(req->session->session_id)) {
        call_release_key(cb, call);
        bus_fail(call, BUS_INVALID, false, "The session is missing.");
        return;
    }
    if (!admit(cb, call, req->session, req->ticket, req->space, &a))
        return;
    c = call_find(cb, a.ticket.space);
    p = c ? participant_find(c, req->participant) : NULL;
    if (!p || !str_eq(p->jid, a.ticket.jid)) { /* the JID binds the ticket to its participant */
        call_release_key(cb, call);
        bus_fail(call, BUS_NOT_FOUND, false, "The participant is not in the meeting any more.");
        return;
    }
    if (p->session && !str_eq(p->session, req->session->session_id))
        notify_ended(p, "replaced");
    was_outside = p->zone[0] != '\0';
    take_session(p, call, req->session);
    ctx = participant_log(p);
    log_event(LOG_LEVEL_INFO, &ctx, "call %u: signalling resumed by web bridge link %u", p->number,
              link_number(cb, call));
    notify_call(p, answer_with, call);
    notify_wanted(p);
    media_hold(c->media, p->number, false);
    if (was_outside != (p->zone[0] != '\0'))
        engine_moved(p);
}
