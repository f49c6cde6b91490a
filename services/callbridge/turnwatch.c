/* SPDX-License-Identifier: Apache-2.0
 * How the TURN servers are. */
#include "turnwatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/map.h>
#include <base/mem.h>
#include <base/str.h>
#include <daemon/daemon.h>
#include <evp/util.h>
#include <log/log.h>
#include <loop/clock.h>

#include "limits.h"
#include "media.h"
#include "turnprobe.h"
#include "turns.h"

static const char fault[] = "turnServerUnavailable";

/* What went wrong last; `failure` is "" when nothing did. Once is no trouble yet: callbridge and
 * server hear of a new password at different moments. */
struct verdict {
    char failure[16];
    unsigned code, times;
};

enum { TROUBLE_TIMES = 2 };

/* One server of the list. */
struct watched {
    struct turnwatch *w;
    char id[TURNS_ID_SIZE];
    char subject[TURNS_HOST_SIZE + ADDR_TEXT_MAX]; /* of its fault, and in the log */
    char username[TURNS_NAME_SIZE], password[TURNS_SECRET_SIZE]; /* it was last probed with */
    bool ready[WORKERS_MAX];                       /* by worker: it has a relay */
    struct verdict relay, probed;
    struct turnprobe *probe; /* under way; NULL: none */
    int64_t probe_ms;        /* the next one */
    bool wanted;
};

struct turnwatch {
    struct daemon *d;
    const struct turns *turns;
    struct map *all; /* id -> struct watched */
};

/* --- words ------------------------------------------------------------------------------------ */

void turnwatch_explain(const char *failure, unsigned code, char *dst, size_t cap)
{
    static const struct {
        const char *failure, *text;
    } rows[] = {
        { "unauthorized", "unauthorized - check user name and password" },
        { "quota", "the server has no more relays to give" },
        { "forbidden", "the server forbids it" },
        { "timeout", "no answer" },
        { "unreachable", "it cannot be reached" },
        { "gone", "the server has forgotten us" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_eq(rows[i].failure, failure)) {
            (void)str_copy(dst, cap, rows[i].text);
            return;
        }
    }
    (void)snprintf(dst, cap, "refused with code %u", code);
}

static bool is_trouble(const struct verdict *v)
{
    return v->failure[0] && v->times >= TROUBLE_TIMES;
}

static void set(struct verdict *v, const char *failure, unsigned code)
{
    v->times = failure[0] ? v->times + 1 : 0;
    (void)str_copy(v->failure, sizeof(v->failure), failure);
    v->code = code;
}

static unsigned relays(const struct watched *s)
{
    unsigned n = 0;

    for (size_t i = 0; i < WORKERS_MAX; i++)
        n += s->ready[i];
    return n;
}

/* What the server's state is, all in all: a relay that works does not hide that its password is
 * wrong by now. */
static const struct verdict *verdict_of(const struct watched *s)
{
    return relays(s) == 0 && is_trouble(&s->relay) ? &s->relay : &s->probed;
}

static void tell(struct watched *s)
{
    const struct verdict *v = verdict_of(s);
    char text[128];

    if (!is_trouble(v)) {
        daemon_fault_clear(s->w->d, fault, s->subject);
        return;
    }
    turnwatch_explain(v->failure, v->code, text, sizeof(text));
    daemon_fault_raise(s->w->d, fault, s->subject, "TURN server %s cannot be used: %s", s->subject,
                       text);
}

/* --- probes ----------------------------------------------------------------------------------- */

static void note(struct watched *s, const struct turnprobe_result *r)
{
    set(&s->probed, r->failure, r->code);
    if (s->probed.failure[0])
        s->probe_ms = loop_now_ms() + (is_trouble(&s->probed) ? TURN_PROBE_FAILED_MS :
                                                                TURN_PROBE_SOON_MS);
    tell(s);
}

static void on_probed(void *arg, const struct turnprobe_result *r)
{
    struct watched *s = arg;

    s->probe = NULL;
    note(s, r);
}

static void probe(struct watched *s)
{
    const struct turns_server *server = turns_find(s->w->turns, s->id);
    struct turnprobe_server to;

    if (!server)
        return;
    to = (struct turnprobe_server){
        .udp = server->udp, .tcp = server->tcp, .username = server->username,
        .password = server->password,
    };
    (void)str_copy(s->username, sizeof(s->username), server->username);
    (void)str_copy(s->password, sizeof(s->password), server->password);
    s->probe_ms = loop_now_ms() + TURN_PROBE_EVERY_MS;
    s->probe = turnprobe_start(s->w->d->loop, &to, TURN_PROBE_MS, on_probed, s);
}

void turnwatch_probed(struct turnwatch *w, const char *id, const struct turnprobe_result *r)
{
    struct watched *s = map_get(w->all, id);

    if (s)
        note(s, r);
}

void turnwatch_tick(struct turnwatch *w)
{
    int64_t now_ms = loop_now_ms();
    void *value;
    size_t it = 0;

    while (map_next(w->all, &it, NULL, &value)) {
        struct watched *s = value;

        if (!s->probe && now_ms >= s->probe_ms)
            probe(s);
    }
}

/* --- relays ----------------------------------------------------------------------------------- */

static void log_relay(const struct watched *s, const struct media_event *ev)
{
    char relayed[ADDR_TEXT_MAX], mapped[ADDR_TEXT_MAX], text[128];

    if (ev->relay.phase == MEDIA_RELAY_READY) {
        log_info("turn server %s: relay allocated, worker=%u, transport=%s, relay=%s, mapped=%s, "
                 "rtt=%lld ms", s->subject, ev->relay.worker, ev->relay.tcp ? "tcp" : "udp",
                 addr_print(&ev->relay.relayed, relayed), addr_print(&ev->relay.mapped, mapped),
                 (long long)ev->relay.rtt_us / 1000);
        return;
    }
    turnwatch_explain(ev->relay.failure, ev->relay.code, text, sizeof(text));
    if (s->relay.times == TROUBLE_TIMES && log_limit(s->subject))
        log_warning("turn server %s: relay %s, worker=%u (%s)", s->subject,
                    ev->relay.phase == MEDIA_RELAY_LOST ? "lost" : "refused", ev->relay.worker,
                    text);
}

void turnwatch_relay(struct turnwatch *w, const struct media_event *ev)
{
    struct watched *s = map_get(w->all, ev->relay.id);

    if (!s || ev->relay.worker >= WORKERS_MAX || ev->relay.phase == MEDIA_RELAY_ALLOCATING)
        return;
    s->ready[ev->relay.worker] = ev->relay.phase == MEDIA_RELAY_READY;
    set(&s->relay, ev->relay.failure, ev->relay.code);
    log_relay(s, ev);
    tell(s);
}

unsigned turnwatch_relays(const struct turnwatch *w, const char *id)
{
    const struct watched *s = map_get(w->all, id);

    return s ? relays(s) : 0;
}

bool turnwatch_ready(const struct turnwatch *w, const char *id)
{
    return turnwatch_relays(w, id) > 0;
}

const char *turnwatch_trouble(const struct turnwatch *w)
{
    const char *worst = "";
    void *value;
    size_t it = 0;

    while (map_next(w->all, &it, NULL, &value)) {
        const struct verdict *v = verdict_of(value);

        if (!is_trouble(v))
            return "";
        if (!str_eq(worst, "unauthorized"))
            worst = v->failure;
    }
    return worst;
}

/* --- the list --------------------------------------------------------------------------------- */

static void drop(struct watched *s)
{
    daemon_fault_clear(s->w->d, fault, s->subject);
    turnprobe_stop(&s->probe);
    (void)map_del(s->w->all, s->id);
    evp_wipe(s->password, sizeof(s->password));
    free(s);
}

static void want(struct turnwatch *w, const struct turns_server *server)
{
    struct watched *s = map_get(w->all, server->id);
    char address[ADDR_TEXT_MAX];

    if (!s) {
        s = MEM_NEW(struct watched);
        s->w = w;
        (void)str_copy(s->id, sizeof(s->id), server->id);
        (void)map_put(w->all, s->id, s);
    }
    s->wanted = true;
    if (s->subject[0] && str_eq(s->username, server->username) &&
        str_eq(s->password, server->password))
        return;
    if (s->subject[0])
        daemon_fault_clear(w->d, fault, s->subject);
    s->relay.times = s->probed.times = 0;
    (void)snprintf(s->subject, sizeof(s->subject), "%s (%s)", server->name,
                   addr_print(&server->udp, address));
    turnprobe_stop(&s->probe);
    s->probe_ms = loop_now_ms(); /* a new server, or a new login: at the next tick */
}

void turnwatch_list(struct turnwatch *w, const struct turns_server *list, size_t n)
{
    void *value;
    size_t it = 0;

    while (map_next(w->all, &it, NULL, &value))
        ((struct watched *)value)->wanted = false;
    for (size_t i = 0; i < n; i++)
        want(w, &list[i]);
    it = 0;
    while (map_next(w->all, &it, NULL, &value))
        if (!((struct watched *)value)->wanted)
            drop(value);
    turnwatch_tick(w);
}

struct turnwatch *turnwatch_new(struct daemon *d, const struct turns *turns)
{
    struct turnwatch *w = MEM_NEW(struct turnwatch);

    w->d = d;
    w->turns = turns;
    w->all = map_new();
    return w;
}

void turnwatch_free(struct turnwatch **wp)
{
    struct turnwatch *w = *wp;
    void *value;
    size_t it = 0;

    if (!w)
        return;
    *wp = NULL;
    while (map_next(w->all, &it, NULL, &value))
        drop(value);
    map_free(w->all);
    free(w);
}
