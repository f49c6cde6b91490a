/* SPDX-License-Identifier: Apache-2.0
 * Which links there are, and what operators are told about them. */
#include "wblinks.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <base/list.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/str.h>
#include <daemon/daemon.h>
#include <log/log.h>
#include <loop/clock.h>
#include <loop/resolve.h>
#include <loop/timer.h>
#include <site/site.h>
#include <site/weburl.h>

#include "limits.h"
#include "wbcert.h"
#include "wblink.h"

static const char fault[] = "webBridgeConnectionFailure";
static const char nowhere[] = "guestAccountClientUri"; /* subject of the fault without any URL */
static const char system_store[] = "/etc/ssl/certs";

/* A name behind which web bridges are. */
struct place {
    struct list node;
    struct wblinks *w;
    struct site_weburl url;
    struct list targets;     /* struct target */
    struct loop_resolve *lookup; /* under way; NULL: none */
    unsigned number;         /* of its first link */
    bool wanted, failed;
    int64_t resolve_ms;      /* look it up then */
};

/* One address behind a place. */
struct target {
    struct list node;
    struct place *place;
    struct wblink *link;
    struct addr address;
    unsigned number;
    bool wanted, was_proven;
    int64_t since_ms;
    char subject[SITE_WEBURL_HOST_MAX + ADDR_TEXT_MAX]; /* of its fault */
    char said[WBLINK_REASON_MAX];                 /* the last reason logged */
};

struct wblinks {
    struct daemon *d;
    const struct site *site;
    char *pki_dir;
    struct list places;
    size_t count;            /* of targets */
    unsigned last_number;
    struct map *others;      /* instance without a link -> its number */
    struct loop_timer *timer;
    int64_t stamp, seen;     /* of the certificate files: in use; at the last look */
    bool disabled;           /* by the settings */
    int64_t configured_ms;
};

/* --- what is said ----------------------------------------------------------------------------- */

static void raise_fault(struct wblinks *w, const char *subject, const char *host,
                        const char *reason)
{
    daemon_fault_raise(w->d, fault, subject, "Web bridge connection to \"%s\" failed (%s)", host,
                       reason);
}

/* Web bridges and callbridges start together: what is merely not there yet is no fault at once. */
static bool may_be_starting(const struct target *t, const char *reason)
{
    return !t->was_proven && str_eq(reason, "connect failure") &&
           loop_now_ms() - t->since_ms < WBLINK_QUIET_MS;
}

/* Brings log and faults up to the link's state. */
static void tell(struct target *t)
{
    struct wblinks *w = t->place->w;
    const char *reason = wblink_reason(t->link), *host = t->place->url.host;
    char address[ADDR_TEXT_MAX];

    if (wblink_state(t->link) == WBLINK_PROVEN) {
        daemon_fault_clear(w->d, fault, t->subject);
        t->said[0] = '\0';
        t->was_proven = true;
        log_info("web bridge link %u: established, to=\"%s\", address=%s, web bridge=%s", t->number,
                 host, addr_print(&t->address, address), wblink_instance(t->link));
    } else if (reason[0] != '\0' && !may_be_starting(t, reason)) {
        if (!str_eq(t->said, reason))
            log_info("failed to establish connection to web bridge link %u (%s), address=%s",
                     t->number, reason, addr_print(&t->address, address));
        (void)str_copy(t->said, sizeof(t->said), reason);
        raise_fault(w, t->subject, host, reason);
    }
}

static void on_change(void *arg)
{
    tell(arg);
}

/* --- targets ---------------------------------------------------------------------------------- */

static unsigned number_for(struct place *p)
{
    if (p->number == 0)
        p->number = ++p->w->last_number;
    return p->number;
}

static void target_new(struct place *p, const struct addr *a)
{
    struct wblinks *w = p->w;
    struct target *t = MEM_NEW(struct target);
    char address[ADDR_TEXT_MAX];
    struct wblink_opts opts = { .loop = w->d->loop, .bus = w->d->bus, .host = p->url.host,
                                .address = *a, .pki_dir = w->pki_dir,
                                .system_store = system_store, .on_change = on_change, .arg = t };

    t->place = p;
    t->address = *a;
    t->wanted = true;
    t->since_ms = loop_now_ms();
    t->number = list_empty(&p->targets) ? number_for(p) : ++w->last_number;
    (void)snprintf(t->subject, sizeof(t->subject), "%s %s", p->url.host, addr_print(a, address));
    t->link = wblink_new(&opts);
    list_add_tail(&p->targets, &t->node);
    w->count++;
}

static void target_free(struct target *t)
{
    struct wblinks *w = t->place->w;

    daemon_fault_clear(w->d, fault, t->subject);
    list_del(&t->node);
    w->count--;
    wblink_free(&t->link);
    free(t);
}

static struct target *target_find(const struct place *p, const struct addr *a)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &p->targets) {
        struct target *t = LIST_ENTRY(it, struct target, node);

        if (addr_eq(&t->address, a))
            return t;
    }
    return NULL;
}

/* The place has these addresses, and no others. */
static void apply(struct place *p, const struct addr *addresses, size_t n)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &p->targets)
        LIST_ENTRY(it, struct target, node)->wanted = false;
    for (size_t i = 0; i < n; i++) {
        struct target *t = target_find(p, &addresses[i]);

        if (t)
            t->wanted = true;
    }
    LIST_EACH(it, tmp, &p->targets) {
        struct target *t = LIST_ENTRY(it, struct target, node);

        if (!t->wanted)
            target_free(t);
    }
    for (size_t i = 0; i < n; i++) {
        if (target_find(p, &addresses[i]))
            continue;
        if (p->w->count < WBLINKS_MAX)
            target_new(p, &addresses[i]);
        else if (log_limit("web bridge links"))
            log_warning("web bridge \"%s\": an address is left out, %d links are open",
                        p->url.host, WBLINKS_MAX);
    }
}

/* --- names ------------------------------------------------------------------------------------ */

static void resolved(void *arg, const struct addr *addresses, size_t n)
{
    struct place *p = arg;

    p->failed = n == 0;
    p->resolve_ms = loop_now_ms() + (n ? WBLINK_RESOLVE_MS : WBLINK_RESOLVE_FAILED_MS);
    if (n > 0) {
        daemon_fault_clear(p->w->d, fault, p->url.host);
        apply(p, addresses, n);
        return;
    }
    if (log_limit(p->url.host))
        log_info("web bridge link %u: name resolution for \"%s\" failed", number_for(p),
                 p->url.host);
    raise_fault(p->w, p->url.host, p->url.host, "DNS failure"); /* the old addresses stay */
}

static void resolve(struct place *p)
{
    struct addr found[LOOP_RESOLVE_MAX];
    size_t n = site_weburl_static(&p->url, p->w->d->conf, p->w->site, "https", found,
                                  LOOP_RESOLVE_MAX);

    loop_resolve_cancel(&p->lookup); /* asked before something changed */
    if (n > 0) {
        resolved(p, found, n);
        return;
    }
    p->resolve_ms = INT64_MAX;
    loop_resolve_start(&p->lookup, p->w->d->loop, p->url.host,
                       site_weburl_port(&p->url, p->w->d->conf, "https"), resolved, p);
}

static void place_free(struct place *p)
{
    struct list *it, *tmp;

    loop_resolve_cancel(&p->lookup);
    daemon_fault_clear(p->w->d, fault, p->url.host);
    LIST_EACH(it, tmp, &p->targets)
        target_free(LIST_ENTRY(it, struct target, node));
    list_del(&p->node);
    free(p);
}

/* --- configuration ---------------------------------------------------------------------------- */

static void want(struct wblinks *w, const char *text)
{
    struct site_weburl url;
    struct list *it, *tmp;
    struct place *p;

    if (str_empty(text))
        return;
    if (site_weburl_parse(&url, text)) {
        log_warning("web bridge URL %s: is no https URL, left out", text);
        return;
    }
    LIST_EACH(it, tmp, &w->places) {
        p = LIST_ENTRY(it, struct place, node);
        if (str_eq(p->url.host, url.host) && p->url.port == url.port) {
            p->wanted = true;
            return;
        }
    }
    p = MEM_NEW(struct place);
    p->w = w;
    p->url = url;
    p->wanted = true;
    list_init(&p->targets);
    list_add_tail(&w->places, &p->node);
}

/* In the demo the public name takes the place of the example's: it is what the certificate given
 * with it is made for. */
static const char *guest_client_uri(const struct wblinks *w)
{
    const struct site_settings *s = site_settings(w->site);
    const char *name = conf_get(w->d->conf, "NAME");

    return name && str_eq(conf_get(w->d->conf, "DEMO"), "1") ? name
                                                             : s ? s->guest_account_client_uri
                                                                 : NULL;
}

void wblinks_configure(struct wblinks *w)
{
    const struct site_web_bridge *row;
    struct list *it, *tmp;
    size_t at = 0;

    if (!site_ready(w->site))
        return;
    LIST_EACH(it, tmp, &w->places)
        LIST_ENTRY(it, struct place, node)->wanted = false;
    w->disabled = !site_settings(w->site)->web_bridge_enabled;
    w->configured_ms = loop_now_ms();
    daemon_fault_clear(w->d, fault, nowhere);
    if (!w->disabled) {
        want(w, guest_client_uri(w));
        while ((row = site_next_web_bridge(w->site, &at)) != NULL)
            want(w, row->url);
    }
    LIST_EACH(it, tmp, &w->places) {
        struct place *p = LIST_ENTRY(it, struct place, node);

        if (p->wanted)
            p->resolve_ms = 0;
        else
            place_free(p);
    }
    /* Soon, and once for many rows that change together. */
    loop_timer_start(w->timer, 0, WBLINK_LOOK_MS);
}

/* --- files and time --------------------------------------------------------------------------- */

static void restart_all(struct wblinks *w)
{
    struct list *it, *tmp, *it2, *tmp2;

    LIST_EACH(it, tmp, &w->places) {
        LIST_EACH(it2, tmp2, &LIST_ENTRY(it, struct place, node)->targets)
            wblink_restart(LIST_ENTRY(it2, struct target, node)->link);
    }
}

void wblinks_reload(struct wblinks *w)
{
    w->stamp = w->seen = wbcert_stamp(w->pki_dir);
    wbcert_tell(w->d, w->pki_dir);
    restart_all(w);
}

/* A pair is written in two steps: only what looked the same twice is taken. */
static void look_at_files(struct wblinks *w)
{
    int64_t now = wbcert_stamp(w->pki_dir);
    bool settled = now == w->seen;

    w->seen = now;
    if (!settled || now == w->stamp)
        return;
    log_info("web bridge links: certificate files have changed, connecting anew");
    wblinks_reload(w);
}

static void on_timer(void *arg)
{
    struct wblinks *w = arg;
    int64_t now_ms = loop_now_ms();
    struct list *it, *tmp, *it2, *tmp2;

    look_at_files(w);
    if (list_empty(&w->places) && !w->disabled && now_ms - w->configured_ms > WBLINK_EMPTY_MS)
        daemon_fault_raise(w->d, fault, nowhere,
                           "No web bridge is configured, so that nobody can join: set "
                           "guestAccountClientUri");
    LIST_EACH(it, tmp, &w->places) {
        struct place *p = LIST_ENTRY(it, struct place, node);

        if (now_ms >= p->resolve_ms)
            resolve(p);
        LIST_EACH(it2, tmp2, &p->targets) {
            struct target *t = LIST_ENTRY(it2, struct target, node);

            if (wblink_state(t->link) != WBLINK_PROVEN)
                tell(t);
        }
    }
}

/* --- questions -------------------------------------------------------------------------------- */

/* The proven link to a web bridge, or NULL. */
static const struct target *proven_to(const struct wblinks *w, const char *instance)
{
    struct list *it, *tmp, *it2, *tmp2;

    LIST_EACH(it, tmp, &w->places) {
        LIST_EACH(it2, tmp2, &LIST_ENTRY(it, struct place, node)->targets) {
            struct target *t = LIST_ENTRY(it2, struct target, node);

            if (wblink_state(t->link) == WBLINK_PROVEN &&
                str_eq(wblink_instance(t->link), instance))
                return t;
        }
    }
    return NULL;
}

unsigned wblinks_number(struct wblinks *w, const char *instance)
{
    const struct target *t = proven_to(w, instance);
    uintptr_t number = t ? t->number : (uintptr_t)map_get(w->others, instance);

    if (number == 0) {
        number = ++w->last_number;
        (void)map_put(w->others, instance, (void *)number);
    }
    return (unsigned)number;
}

void wblinks_hurry(struct wblinks *w)
{
    struct list *it, *tmp, *it2, *tmp2;

    LIST_EACH(it, tmp, &w->places) {
        LIST_EACH(it2, tmp2, &LIST_ENTRY(it, struct place, node)->targets)
            wblink_hurry(LIST_ENTRY(it2, struct target, node)->link);
    }
}

void wblinks_gone(struct wblinks *w, const char *instance)
{
    if (map_count(w->others) > LINKS_KEPT) /* else it keeps its number for when it comes back */
        (void)map_del(w->others, instance);
}

size_t wblinks_each(const struct wblinks *w,
                    void (*fn)(void *arg, const struct wblinks_view *view), void *arg)
{
    struct list *it, *tmp, *it2, *tmp2;
    size_t n = 0;

    LIST_EACH(it, tmp, &w->places) {
        const struct place *p = LIST_ENTRY(it, struct place, node);
        struct wblinks_view v = { .host = p->url.host,
                                  .reason = p->failed ? "DNS failure" : "" };

        n++;
        if (p->failed || list_empty(&p->targets))
            fn(arg, &v);
        LIST_EACH(it2, tmp2, &p->targets) {
            const struct target *t = LIST_ENTRY(it2, struct target, node);

            v.address = &t->address;
            v.proven = wblink_state(t->link) == WBLINK_PROVEN;
            v.reason = wblink_reason(t->link);
            fn(arg, &v);
        }
    }
    return n;
}

bool wblinks_disabled(const struct wblinks *w)
{
    return w->disabled;
}

void wblinks_look(struct wblinks *w)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &w->places)
        LIST_ENTRY(it, struct place, node)->resolve_ms = 0;
    loop_timer_start(w->timer, 0, WBLINK_LOOK_MS);
    wblinks_hurry(w);
}

size_t wblinks_proven(const struct wblinks *w)
{
    struct list *it, *tmp, *it2, *tmp2;
    size_t n = 0;

    LIST_EACH(it, tmp, &w->places) {
        LIST_EACH(it2, tmp2, &LIST_ENTRY(it, struct place, node)->targets)
            n += wblink_state(LIST_ENTRY(it2, struct target, node)->link) == WBLINK_PROVEN;
    }
    return n;
}

/* --- life ------------------------------------------------------------------------------------- */

struct wblinks *wblinks_new(struct daemon *d, const struct site *site)
{
    struct wblinks *w = MEM_NEW(struct wblinks);

    w->d = d;
    w->site = site;
    w->pki_dir = str_printf("%s/pki", conf_state(d->conf));
    w->others = map_new();
    w->stamp = w->seen = wbcert_stamp(w->pki_dir);
    list_init(&w->places);
    w->timer = loop_timer_new(d->loop, on_timer, w);
    wbcert_tell(d, w->pki_dir);
    return w;
}

void wblinks_free(struct wblinks **wp)
{
    struct wblinks *w = *wp;
    struct list *it, *tmp;

    *wp = NULL;
    if (!w)
        return;
    loop_timer_free(&w->timer);
    LIST_EACH(it, tmp, &w->places)
        place_free(LIST_ENTRY(it, struct place, node));
    map_free(w->others);
    free(w->pki_dir);
    free(w);
}
