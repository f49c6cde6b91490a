/* SPDX-License-Identifier: Apache-2.0 */
#include "cbfix.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/validate.h>
#include <loop/clock.h>

enum { PATIENCE_MS = 20000 };

static void give_up(struct cbfix *f, const char *what) __attribute__((noreturn));

static void give_up(struct cbfix *f, const char *what)
{
    char *text = cbfix_log(f, 0);

    (void)fprintf(stderr, "cbfix: %s\n%s\n", what, text);
    free(text);
    for (unsigned i = 0; i < CBFIX_BRIDGES; i++) {
        if (f->bridge[i].pid)
            (void)kill(f->bridge[i].pid, SIGKILL);
    }
    abort();
}

/* --- callbridges ------------------------------------------------------------------------------ */

static void child(struct cbfix *f, unsigned i, char *const argv[])
{
    char number[4], *err = str_printf("%s/callbridge-%u.err", f->log_dir, i + 1);

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(open(err, O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
    (void)snprintf(number, sizeof(number), "%u", i + 1);
    (void)setenv("STOA_STATE", busfix_dir(f->conf.bus_fix), 1);
    (void)setenv("STOA_SITE", "inside", 1);
    (void)setenv("STOA_BUS", busfix_endpoint(f->conf.bus_fix), 1);
    (void)setenv("STOA_KEYS", busfix_keys(f->conf.bus_fix), 1);
    (void)setenv("STOA_NUMBER", number, 1);
    (void)setenv("STOA_LISTEN", f->listen ? f->listen : "127.0.0.1", 1);
    (void)setenv("STOA_PORT_MEDIA", "0", 1);
    (void)execv(argv[0], argv);
    _exit(127);
}

static void on_peer(void *arg, const struct bus_peer *peer, bool up)
{
    struct cbfix *f = arg;
    int known = cbfix_bridge_of(f, peer->instance);

    if (!str_eq(peer->role, "callbridge"))
        return;
    for (int i = 0; known < 0 && up && i < CBFIX_BRIDGES; i++) { /* the one just started */
        if (f->bridge[i].pid && !f->bridge[i].instance[0])
            known = i;
    }
    if (known < 0)
        return;
    (void)str_copy(f->bridge[known].instance, sizeof(f->bridge[known].instance), peer->instance);
    f->bridge[known].serving = up && peer->state == BUS_SERVING;
}

static bool is_serving(void *arg)
{
    return ((struct cbfix_bridge *)arg)->serving;
}

void cbfix_bridge_start(struct cbfix *f, unsigned i, const char *opt1, const char *opt2)
{
    char *argv[] = { TEXT(STOA_CALLBRIDGE), TEXT("--workers=1"), TEXT(opt1), TEXT(opt2), NULL };
    struct cbfix_bridge *b = &f->bridge[i];
    char *before = cbfix_log(f, i);

    *b = (struct cbfix_bridge){ .pid = fork(), .log_from = strlen(before) };
    if (b->pid == 0)
        child(f, i, argv);
    free(before);
    if (!busfix_run_until(f->conf.bus_fix, is_serving, b, PATIENCE_MS))
        give_up(f, "callbridge does not serve");
}

int cbfix_bridge_wait(struct cbfix *f, unsigned i)
{
    int status;

    if (waitpid(f->bridge[i].pid, &status, 0) != f->bridge[i].pid)
        give_up(f, "callbridge is lost");
    f->bridge[i].pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool is_not_serving(void *arg)
{
    return !is_serving(arg);
}

int cbfix_bridge_stop(struct cbfix *f, unsigned i, int signum)
{
    int code;

    (void)kill(f->bridge[i].pid, signum);
    code = cbfix_bridge_wait(f, i);
    if (f->web[0].bus)
        (void)busfix_run_until(f->conf.bus_fix, is_not_serving, &f->bridge[i], PATIENCE_MS);
    return code;
}

int cbfix_bridge_of(const struct cbfix *f, const char *instance)
{
    for (int i = 0; i < CBFIX_BRIDGES; i++) {
        if (instance[0] && str_eq(f->bridge[i].instance, instance))
            return i;
    }
    return -1;
}

char *cbfix_log(const struct cbfix *f, unsigned i)
{
    char *path = str_printf("%s/callbridge-%u.jsonl", f->log_dir, i + 1);
    FILE *file = fopen(path, "r");
    char *text;
    long size = 0;

    free(path);
    if (!file)
        return str_dup("");
    if (fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    rewind(file);
    text = mem_zalloc((size_t)size + 1);
    text[fread(text, 1, (size_t)size, file)] = '\0';
    (void)fclose(file);
    return text;
}

struct sought {
    const struct cbfix *f;
    unsigned i;
    const char *text;
};

static bool is_logged(void *arg)
{
    const struct sought *s = arg;
    char *log = cbfix_log(s->f, s->i);
    bool found = strstr(log + s->f->bridge[s->i].log_from, s->text) != NULL;

    free(log);
    return found;
}

bool cbfix_logged(struct cbfix *f, unsigned i, const char *text)
{
    struct sought s = { f, i, text };

    return busfix_run_until(f->conf.bus_fix, is_logged, &s, 5000);
}

/* --- web bridges ------------------------------------------------------------------------------ */

static void on_session_event(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct cbfix_web *w = arg;

    (void)call;
    w->received++;
    if (w->n_events < CBFIX_EVENTS)
        w->events[w->n_events++] = (void *)bus_msg_dup(body);
}

static void on_sessions(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct cbfix_web *w = arg;
    const Stoa__Bridge__V1__SessionsRequest *req = (const void *)body;
    Stoa__Bridge__V1__SessionsReply reply = STOA__BRIDGE__V1__SESSIONS_REPLY__INIT;
    char *gone[1];

    w->asked++;
    reply.gone = gone;
    for (size_t i = 0; i < req->n_session_ids; i++) {
        if (w->gone && str_eq(req->session_ids[i], w->gone)) {
            gone[0] = req->session_ids[i];
            reply.n_gone = 1;
        }
    }
    reply.has_events = 1;
    reply.events = w->received;
    bus_reply(call, &reply.base);
}

static const struct bus_handler web_handlers[] = {
    { &stoa__bridge__v1__session_event__descriptor, on_session_event },
    { &stoa__bridge__v1__sessions_request__descriptor, on_sessions },
};

void cbfix_web_up(struct cbfix *f, unsigned i)
{
    f->web[i].received = 0;
    f->web[i].gone = NULL;
    f->web[i].bus = busfix_serve(f->conf.bus_fix, "webbridge");
    bus_handle(f->web[i].bus, web_handlers, ARRAY_LEN(web_handlers), &f->web[i]);
    if (i == 0)
        bus_peers_subscribe(f->web[0].bus, on_peer, f);
}

void cbfix_web_down(struct cbfix *f, unsigned i)
{
    bus_free(&f->web[i].bus);
    busfix_run_for(f->conf.bus_fix, 10);
}

void cbfix_forget(struct cbfix *f)
{
    for (unsigned i = 0; i < CBFIX_WEBS; i++) {
        while (f->web[i].n_events > 0) {
            ProtobufCMessage *m = &f->web[i].events[--f->web[i].n_events]->base;

            bus_msg_free(&m);
        }
    }
}

/* --- xmpp ------------------------------------------------------------------------------------- */

static void on_store(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct cbfix_xmpp *x = arg;
    const Stoa__Xmpp__V1__StoreGuestRequest *req = (const void *)body;
    Stoa__Xmpp__V1__StoreGuestReply reply = STOA__XMPP__V1__STORE_GUEST_REPLY__INIT;

    x->stored++;
    (void)str_copy(x->jid, sizeof(x->jid), req->jid);
    (void)str_copy(x->token, sizeof(x->token), req->token);
    (void)str_copy(x->space, sizeof(x->space), req->space);
    x->lease_s = req->lease_s;
    if (!x->silent)
        bus_reply(call, &reply.base);
}

static void on_renew(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct cbfix_xmpp *x = arg;
    const Stoa__Xmpp__V1__RenewGuestsRequest *req = (const void *)body;
    Stoa__Xmpp__V1__RenewGuestsReply reply = STOA__XMPP__V1__RENEW_GUESTS_REPLY__INIT;
    char *unknown[1];

    x->renewed += (unsigned)req->n_jids;
    for (size_t i = 0; i < req->n_jids; i++) {
        if (x->forgets && str_eq(req->jids[i], x->forgets)) {
            unknown[0] = req->jids[i];
            reply.n_unknown_jids = 1;
            reply.unknown_jids = unknown;
        }
    }
    bus_reply(call, &reply.base);
}

static void on_remove(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct cbfix_xmpp *x = arg;
    Stoa__Xmpp__V1__RemoveGuestReply reply = STOA__XMPP__V1__REMOVE_GUEST_REPLY__INIT;

    x->removed++;
    (void)str_copy(x->last_removed, sizeof(x->last_removed),
                   ((const Stoa__Xmpp__V1__RemoveGuestRequest *)(const void *)body)->jid);
    bus_reply(call, &reply.base);
}

static const struct bus_handler xmpp_handlers[] = {
    { &stoa__xmpp__v1__store_guest_request__descriptor, on_store },
    { &stoa__xmpp__v1__renew_guests_request__descriptor, on_renew },
    { &stoa__xmpp__v1__remove_guest_request__descriptor, on_remove },
};

void cbfix_xmpp_up(struct cbfix *f)
{
    f->xmpp = (struct cbfix_xmpp){ .bus = busfix_open(f->conf.bus_fix, "xmpp", NULL) };
    bus_handle(f->xmpp.bus, xmpp_handlers, ARRAY_LEN(xmpp_handlers), &f->xmpp);
    bus_set_serving(f->xmpp.bus, BUS_SERVING);
}

void cbfix_xmpp_down(struct cbfix *f)
{
    bus_free(&f->xmpp.bus);
    busfix_run_for(f->conf.bus_fix, 10);
}

/* --- guests ----------------------------------------------------------------------------------- */

struct guest guest_new(struct cbfix *f, unsigned web)
{
    struct guest g = { .f = f, .web = web };

    (void)snprintf(g.session, sizeof(g.session), "%032x", ++f->next_session);
    return g;
}

static void answer_fini(struct answer *a)
{
    bus_msg_free(&a->body);
}

void guest_fini(struct guest *g)
{
    answer_fini(&g->a);
}

void guest_session(const struct guest *g, Stoa__Bridge__V1__Session *out)
{
    stoa__bridge__v1__session__init(out);
    out->session_id = TEXT(g->session);
    out->client_address = TEXT("127.0.0.1:40000");
    out->zone = TEXT(g->zone);
}

static void on_answer(void *arg, const struct bus_result *r)
{
    struct answer *a = arg;

    a->done = true;
    a->code = r->code;
    a->retry = r->retryable;
    a->took_ms = loop_now_ms() - a->took_ms;
    (void)snprintf(a->message, sizeof(a->message), "%s", r->message ? r->message : "");
    (void)snprintf(a->instance, sizeof(a->instance), "%s", r->src_instance ? r->src_instance : "");
    a->body = r->body ? bus_msg_dup(r->body) : NULL;
}

void guest_ask_start(struct guest *g, const ProtobufCMessage *body, struct answer *a)
{
    char key[80];
    struct bus_dst dst = { .role = "callbridge", .key = g->space[0] ? key : NULL };

    (void)snprintf(key, sizeof(key), "space/%s", g->space);
    if (body->descriptor == &stoa__bridge__v1__guest_login_request__descriptor)
        dst.key = NULL;
    answer_fini(a);
    *a = (struct answer){ .took_ms = loop_now_ms() };
    (void)bus_request(g->f->web[g->web].bus, &dst, body, NULL, on_answer, a);
}

static bool is_answered(void *arg)
{
    return ((struct answer *)arg)->done;
}

enum bus_code guest_wait(struct guest *g, struct answer *a)
{
    if (!busfix_run_until(g->f->conf.bus_fix, is_answered, a, PATIENCE_MS))
        give_up(g->f, "a request was not answered at all");
    return a->code;
}

enum bus_code guest_ask(struct guest *g, const ProtobufCMessage *body)
{
    guest_ask_start(g, body, &g->a);
    return guest_wait(g, &g->a);
}

static enum bus_code login(struct guest *g, const char *call_id, const char *passcode,
                           const char *secret)
{
    Stoa__Bridge__V1__GuestLoginRequest req = STOA__BRIDGE__V1__GUEST_LOGIN_REQUEST__INIT;
    Stoa__Bridge__V1__Session session;
    const Stoa__Bridge__V1__GuestLoginReply *r;

    guest_session(g, &session);
    req.session = &session;
    req.call_id = TEXT(call_id);
    req.passcode = TEXT(passcode);
    req.secret = TEXT(secret);
    if (guest_ask(g, &req.base) != BUS_OK)
        return g->a.code;
    r = (const void *)g->a.body;
    (void)str_copy(g->ticket, sizeof(g->ticket), r->ticket);
    (void)str_copy(g->space, sizeof(g->space), r->space);
    (void)str_copy(g->jid, sizeof(g->jid), r->jid);
    return BUS_OK;
}

enum bus_code guest_login(struct guest *g, const char *call_id, const char *passcode)
{
    return login(g, call_id, passcode, NULL);
}

enum bus_code guest_login_link(struct guest *g, const char *call_id, const char *secret)
{
    return login(g, call_id, NULL, secret);
}

static void note_number(struct guest *g)
{
    const Stoa__Bridge__V1__JoinReply *r = (const void *)g->a.body;

    g->number = r->participant;
    g->call = r->call;
}

enum bus_code guest_join(struct guest *g, const char *name)
{
    Stoa__Bridge__V1__JoinRequest req = STOA__BRIDGE__V1__JOIN_REQUEST__INIT;
    Stoa__Bridge__V1__Session session;

    guest_session(g, &session);
    req.session = &session;
    req.space = g->space;
    req.ticket = g->ticket;
    req.name = TEXT(name);
    if (guest_ask(g, &req.base) == BUS_OK)
        note_number(g);
    return g->a.code;
}

enum bus_code guest_resume(struct guest *g, uint32_t number)
{
    Stoa__Bridge__V1__ResumeRequest req = STOA__BRIDGE__V1__RESUME_REQUEST__INIT;
    Stoa__Bridge__V1__Session session;

    guest_session(g, &session);
    req.session = &session;
    req.space = g->space;
    req.ticket = g->ticket;
    req.has_participant = 1;
    req.participant = number;
    if (guest_ask(g, &req.base) == BUS_OK)
        note_number(g);
    return g->a.code;
}

enum bus_code guest_leave(struct guest *g)
{
    Stoa__Bridge__V1__LeaveRequest req = STOA__BRIDGE__V1__LEAVE_REQUEST__INIT;
    Stoa__Bridge__V1__Session session;

    guest_session(g, &session);
    req.session = &session;
    req.space = g->space;
    req.has_participant = 1;
    req.participant = g->number;
    return guest_ask(g, &req.base);
}

enum bus_code guest_offer(struct guest *g, const char *sdp)
{
    Stoa__Bridge__V1__OfferRequest req = STOA__BRIDGE__V1__OFFER_REQUEST__INIT;
    Stoa__Bridge__V1__Session session;

    guest_session(g, &session);
    req.session = &session;
    req.space = g->space;
    req.has_participant = 1;
    req.participant = g->number;
    req.sdp = TEXT(sdp);
    return guest_ask(g, &req.base);
}

void guest_gone(struct guest *g)
{
    Stoa__Bridge__V1__SessionGoneEvent gone = STOA__BRIDGE__V1__SESSION_GONE_EVENT__INIT;
    Stoa__Bridge__V1__Session session;
    char key[80];
    struct bus_dst dst = { .role = "callbridge", .key = key };

    (void)snprintf(key, sizeof(key), "space/%s", g->space);
    guest_session(g, &session);
    gone.session = &session;
    gone.space = g->space;
    gone.has_participant = 1;
    gone.participant = g->number;
    if (bus_send_event(g->f->web[g->web].bus, &dst, &gone.base, NULL))
        give_up(g->f, "an event cannot be sent");
}

struct guest guest_enter(struct cbfix *f, unsigned web, const char *door, const char *name)
{
    struct guest g = guest_new(f, web);
    const char *slash = strchr(door, '/'); /* "100102/4321" */
    char *call_id = slash ? str_ndup(door, (size_t)(slash - door)) : str_dup(door);

    if (guest_login(&g, call_id, slash ? slash + 1 : "") != BUS_OK ||
        guest_join(&g, name) != BUS_OK)
        give_up(f, g.a.message);
    free(call_id);
    return g;
}

/* --- events ----------------------------------------------------------------------------------- */

struct awaited {
    const struct guest *g;
    Stoa__Bridge__V1__SessionEvent__EventCase which;
};

static ssize_t find_event(const struct guest *g, Stoa__Bridge__V1__SessionEvent__EventCase which)
{
    const struct cbfix_web *w = &g->f->web[g->web];

    for (size_t i = 0; i < w->n_events; i++) {
        if (w->events[i]->event_case == which && str_eq(w->events[i]->session_id, g->session))
            return (ssize_t)i;
    }
    return -1;
}

static bool is_there(void *arg)
{
    const struct awaited *a = arg;

    return find_event(a->g, a->which) >= 0;
}

bool guest_has_event(const struct guest *g, Stoa__Bridge__V1__SessionEvent__EventCase which)
{
    return find_event(g, which) >= 0;
}

const Stoa__Bridge__V1__SessionEvent *guest_event(struct guest *g,
                                                  Stoa__Bridge__V1__SessionEvent__EventCase which)
{
    static ProtobufCMessage *taken;
    struct awaited a = { g, which };
    struct cbfix_web *w = &g->f->web[g->web];
    ssize_t at;

    bus_msg_free(&taken);
    if (!busfix_run_until(g->f->conf.bus_fix, is_there, &a, 5000))
        return NULL;
    at = find_event(g, which);
    taken = &w->events[at]->base;
    memmove(&w->events[at], &w->events[at + 1],
            (w->n_events - (size_t)at - 1) * sizeof(w->events[0]));
    w->n_events--;
    return (const void *)taken;
}

/* --- the site --------------------------------------------------------------------------------- */

static void add(struct cbfix *f, const char *kind, const char *const *pairs, char id[64])
{
    struct confix_answer a;

    confix_add(&f->conf, kind, pairs, &a);
    if (a.code != BUS_OK || a.problem[0])
        give_up(f, a.text);
    (void)str_copy(id, 64, a.id);
}

static void make_site(struct cbfix *f)
{
    struct confix_answer a;
    char id[64];

    confix_set(&f->conf, "settings", "settings",
               CONFIX_FIELDS("guestAccountJidDomain", "cms.octavio.local"), &a);
    add(f, "space", CONFIX_FIELDS("uri", "proxywebrtc", "name", "Proxy webRTC", "callId", "100101"),
        f->open);
    add(f, "space", CONFIX_FIELDS("uri", "board", "name", "Octavio board", "callId", "100102",
                                  "passcode", "4321"), f->board);
    add(f, "accessMethod",
        CONFIX_FIELDS("space", f->board, "name", "host", "callId", "100102", "passcode", "987654",
                      "canMuteOthers", "true", "canDisconnectOthers", "true", "canLock", "true"),
        f->host);
    add(f, "space", CONFIX_FIELDS("uri", "lobby", "name", "Lobby", "callId", "100104",
                                  "passcode", "3333"), f->lobby);
    add(f, "accessMethod",
        CONFIX_FIELDS("space", f->lobby, "name", "guest", "callId", "100103", "passcode", "1111",
                      "needsActivation", "true"),
        f->waiting);
    add(f, "accessMethod", CONFIX_FIELDS("space", f->lobby, "name", "lobbyhost", "callId", "100103",
                                         "passcode", "2222"), id);
}

void cbfix_open(struct cbfix *f)
{
    *f = (struct cbfix){ .next_session = 0 };
    confix_open(&f->conf);
    f->log_dir = str_printf("%s/log", busfix_dir(f->conf.bus_fix));
    (void)mkdir(f->log_dir, 0700);
    make_site(f);
    cbfix_web_up(f, 0);
}

void cbfix_close(struct cbfix *f)
{
    for (unsigned i = 0; i < CBFIX_BRIDGES; i++) {
        if (f->bridge[i].pid && cbfix_bridge_stop(f, i, SIGTERM) != 0)
            give_up(f, "a callbridge did not end orderly");
    }
    cbfix_forget(f);
    for (unsigned i = 0; i < CBFIX_WEBS; i++)
        bus_free(&f->web[i].bus);
    bus_free(&f->xmpp.bus);
    free(f->log_dir);
    confix_close(&f->conf);
}
