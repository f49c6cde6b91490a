/* SPDX-License-Identifier: Apache-2.0
 * One connection of a zone: the zone connection itself, or that of a domain. It is dialled, and
 * after every loss dialled again. A domain's connection waits for the zone connection of its edge:
 * a wrong password is one failure then, and not one for each domain. */
#include "expc.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <evp/rand.h>
#include <log/log.h>
#include <loop/clock.h>
#include <loop/dial.h>
#include <loop/timer.h>

static const char software[] = "stoa " STOA_VERSION;
static const char fault_zone[] = "zoneConnection", fault_tunnel[] = "tunnel";
static const char fault_clock[] = "zoneClock";

static struct expc *expc_of(const struct line *l)
{
    return l->edge->zone->x;
}

/* --- what is said ----------------------------------------------------------------------------- */

static const char *sentence(const struct line *l)
{
    return str_empty(l->text) ? tunnel_refusal_text(l->why) : l->text;
}

const char *line_word(const struct line *l)
{
    if (line_is_active(l))
        return "Active";
    return l->why == TUNNEL_OK || l->state == LINE_UP ? "Connecting" : "Failed";
}

bool line_is_active(const struct line *l)
{
    return l->link && tunnel_link_is_active(l->link);
}

/* "vcse.octavio.com/octavio.com" of a domain's connection. */
static const char *path_of(const struct line *l, char *dst, size_t cap)
{
    (void)snprintf(dst, cap, "%s/%s", l->edge->zone->host, l->domain);
    return dst;
}

static const char *subject_of(const struct line *l, char *dst, size_t cap)
{
    char address[ADDR_TEXT_MAX];

    (void)snprintf(dst, cap, "%s %s%s%s", l->edge->zone->name, addr_print(&l->edge->addr, address),
                   l->domain ? "/" : "", l->domain ? l->domain : "");
    return dst;
}

static void log_loss(const struct line *l)
{
    char path[2 * SITE_WEBURL_HOST_MAX];

    if (l->domain)
        log_info("tunnel %s: failed, reason=%s, %s, address=%s", path_of(l, path, sizeof(path)),
                 tunnel_refusal_word(l->why), sentence(l), l->edge->title);
    else
        log_info("zone %s: failed, reason=%s, %s, edge=%s", l->edge->zone->name,
                 tunnel_refusal_word(l->why), sentence(l), l->edge->title);
}

static void log_active(const struct line *l)
{
    const struct tunnel_peer *peer = tunnel_link_peer(l->link);
    char path[2 * SITE_WEBURL_HOST_MAX];

    if (l->domain)
        log_info("tunnel %s: active, round trip=%lld us", path_of(l, path, sizeof(path)),
                 (long long)tunnel_link_rtt_us(l->link));
    else
        log_info("zone %s: active, edge=%s, software=%s, round trip=%lld us", l->edge->zone->name,
                 l->edge->title, peer->software ? peer->software : "?",
                 (long long)tunnel_link_rtt_us(l->link));
}

/* As the failures look while an edge restarts. */
static bool is_restart(const struct line *l)
{
    return l->why == TUNNEL_TCP_REFUSED || l->why == TUNNEL_DRAIN || l->why == TUNNEL_CLOSED ||
           l->why == TUNNEL_TCP_RESET;
}

/* Sites start together, and an edge that restarts is back in a moment. */
static bool is_quiet(const struct line *l)
{
    return loop_now_ms() - l->began_ms < EXPC_QUIET_MS && is_restart(l);
}

static void tell_clock(struct line *l)
{
    const struct tunnel_peer *peer = l->link ? tunnel_link_peer(l->link) : NULL;
    struct daemon *d = expc_of(l)->daemon;
    int64_t skew_ms = peer ? peer->clock_skew_ms : 0;
    char subject[512];

    if (l->domain || !peer)
        return;
    (void)subject_of(l, subject, sizeof(subject));
    if (llabs((long long)skew_ms) > TUNNEL_SKEW_WARN_MS)
        daemon_fault_raise(d, fault_clock, subject,
                           "The clock of edge %s of zone \"%s\" is %lld s %s ours: tickets and "
                           "certificates may count as expired. Set both by NTP.", l->edge->title,
                           l->edge->zone->name, llabs((long long)skew_ms) / 1000,
                           skew_ms > 0 ? "ahead of" : "behind");
    else
        daemon_fault_clear(d, fault_clock, subject);
}

void line_hush(struct line *l)
{
    struct daemon *d = expc_of(l)->daemon;
    char subject[512];

    (void)subject_of(l, subject, sizeof(subject));
    daemon_fault_clear(d, l->domain ? fault_tunnel : fault_zone, subject);
    if (!l->domain)
        daemon_fault_clear(d, fault_clock, subject);
}

/* The further names of the demo are offered to the edge: whether it has them is its own affair. */
static bool is_offer(const struct line *l)
{
    const struct expc *x = expc_of(l);

    for (size_t i = 0; l->domain && i < x->alias_count; i++)
        if (str_eq(l->domain, x->aliases[i]))
            return true;
    return false;
}

static void raise_loss(struct line *l)
{
    struct daemon *d = expc_of(l)->daemon;
    char subject[512];

    if (l->why == TUNNEL_DOMAIN && is_offer(l))
        return;
    (void)subject_of(l, subject, sizeof(subject));
    if (l->domain)
        daemon_fault_raise(d, fault_tunnel, subject,
                           "The tunnel for %s through zone \"%s\" to %s is not up (%s): %s",
                           l->domain, l->edge->zone->name, l->edge->title,
                           tunnel_refusal_word(l->why), sentence(l));
    else
        daemon_fault_raise(d, fault_zone, subject, "Zone \"%s\" to %s is not up (%s): %s",
                           l->edge->zone->name, l->edge->title, tunnel_refusal_word(l->why),
                           sentence(l));
}

void line_tell(struct line *l)
{
    bool active = line_is_active(l);

    if (active != l->was_active)
        l->changed_ms = loop_wall_us() / 1000;
    if (active && !l->was_active) {
        log_active(l);
        line_hush(l);
        l->why = TUNNEL_OK;
        str_set(&l->text, NULL);
    }
    l->was_active = active;
    tell_clock(l);
    if (!active && l->why != TUNNEL_OK && !is_quiet(l) && !expc_of(l)->draining)
        raise_loss(l);
}

/* --- losing ----------------------------------------------------------------------------------- */

static void wait_again(struct line *l)
{
    int64_t ms = backoff_failed(&l->backoff, loop_now_ms(), is_restart(l), evp_random_below);

    l->state = LINE_WAITING;
    if (!expc_of(l)->draining)
        loop_timer_start(l->timer, ms, 0);
}

static void lost(struct line *l, enum tunnel_refusal why, const char *text)
{
    bool again = l->why == why && str_eq(l->text, text);

    l->why = why;
    str_set(&l->text, text);
    if ((!again || l->was_up) && !expc_of(l)->draining)
        log_loss(l);
    l->was_up = false;
    line_tell(l);
    wait_again(l);
}

/* --- the link --------------------------------------------------------------------------------- */

static void hurry_domains(struct edge *e)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &e->lines)
        line_hurry(LIST_ENTRY(it, struct line, node));
}

static void on_up(void *arg, const char *const *denied, size_t n)
{
    struct line *l = arg;
    const struct expc *x = expc_of(l);

    l->state = LINE_UP;
    l->was_up = true;
    backoff_up(&l->backoff, loop_now_ms());
    tunnel_link_probe(l->link); /* Active means that one has passed */
    for (size_t i = 0; !l->domain && i < n && i < x->domain_count; i++)
        if (denied && denied[i])
            log_info("zone %s: domain %s is denied by the edge, reason=%s, edge=%s",
                     l->edge->zone->name, x->domains[i], denied[i], l->edge->title);
    if (l->domain)
        return;
    facts_forget(l->edge); /* of a connection before; this one's come now */
    facts_revoke_again(l->edge);
    hurry_domains(l->edge);
}

static void on_probe(void *arg, int64_t rtt_us)
{
    (void)rtt_us;
    line_tell(arg);
}

static void on_row(void *arg, const struct tunnel_row *row)
{
    const struct line *l = arg;

    if (!l->domain)
        facts_row(l->edge, row);
}

/* An edge asks nothing of us. */
static void on_request(void *arg, uint64_t id, const uint8_t *data, size_t len)
{
    struct line *l = arg;
    Stoa__Zone__V1__Answer answer = STOA__ZONE__V1__ANSWER__INIT;
    uint8_t packed[64];

    (void)data;
    (void)len;
    answer.has_id = true;
    answer.id = id;
    answer.code = (char *)(uintptr_t)"unknown";
    (void)!tunnel_link_answer(l->link, packed, stoa__zone__v1__answer__pack(&answer, packed));
}

static void on_answer(void *arg, uint64_t id, const uint8_t *data, size_t len)
{
    const struct line *l = arg;
    Stoa__Zone__V1__Answer *a = stoa__zone__v1__answer__unpack(NULL, len, data);

    if (a && !str_empty(a->code) && log_limit(l->edge->title))
        log_warning("zone %s: request %llu was not done by the edge, reason=%s, edge=%s",
                    l->edge->zone->name, (unsigned long long)id, a->code, l->edge->title);
    stoa__zone__v1__answer__free_unpacked(a, NULL);
}

static void on_down(void *arg, enum tunnel_refusal why, const char *text)
{
    struct line *l = arg;
    char *copy = str_dup(text); /* it may belong to the link */

    tunnel_link_free(&l->link);
    lost(l, why, copy);
    free(copy);
}

static const struct tunnel_link_ops link_ops = {
    .on_up = on_up, .on_probe = on_probe, .on_row = on_row, .on_request = on_request,
    .on_answer = on_answer, .streams = &stream_ops, .on_down = on_down,
};

/* --- dialling --------------------------------------------------------------------------------- */

static enum tunnel_refusal refusal_of(int err)
{
    switch (err) {
    case -ECONNREFUSED:
        return TUNNEL_TCP_REFUSED;
    case -ECONNRESET:
        return TUNNEL_TCP_RESET;
    default: /* unreachable nets are told by ICMP, or not at all */
        return TUNNEL_TCP_TIMEOUT;
    }
}

static void on_dialled(void *arg, int fd, int err)
{
    struct line *l = arg;
    const struct zone *z = l->edge->zone;
    struct expc *x = z->x;
    const struct tunnel_link_opts opts = {
        .ctx = z->ctx, .node = l->edge->node_id, .software = software, .budget = &x->budget,
        .peer_name = z->peer_name, .user = z->user, .password = z->password,
        .own_ca_pem = x->own_ca_pem, .domain = l->domain,
        .domains = (const char *const *)x->domains, .domain_count = x->domain_count,
        .config_hash = x->config_hash,
    };

    l->dial = NULL;
    if (fd < 0) {
        lost(l, refusal_of(err), NULL);
        return;
    }
    l->link = tunnel_link_dial(x->daemon->loop, fd, &opts, &link_ops, l);
}

static void dial(struct line *l)
{
    struct expc *x = expc_of(l);

    loop_timer_stop(l->timer);
    if (x->draining || l->dial || l->link)
        return;
    l->state = LINE_CONNECTING;
    x->n.dials++;
    l->dial = loop_dial_start(x->daemon->loop, &l->edge->addr, NULL, EXPC_DIAL_MS, on_dialled, l);
}

static void on_timer(void *arg)
{
    struct line *l = arg;
    const struct line *control = l->edge->control;

    if (!l->domain || (control && control->state == LINE_UP))
        dial(l);
    /* else: hurry_domains() */
}

void line_hurry(struct line *l)
{
    if (l->state != LINE_WAITING || expc_of(l)->draining)
        return;
    backoff_reset(&l->backoff);
    loop_timer_start(l->timer, 0, 0);
}

/* --- life ------------------------------------------------------------------------------------- */

struct line *line_new(struct edge *e, const char *domain)
{
    struct line *l = MEM_NEW(struct line);

    l->edge = e;
    l->domain = domain;
    l->began_ms = loop_now_ms();
    l->changed_ms = loop_wall_us() / 1000;
    l->timer = loop_timer_new(e->zone->x->daemon->loop, on_timer, l);
    if (domain)
        list_add_tail(&e->lines, &l->node);
    else
        list_init(&l->node);
    loop_timer_start(l->timer, 0, 0);
    return l;
}

void line_drain(struct line *l)
{
    loop_timer_stop(l->timer);
    loop_dial_cancel(&l->dial);
    if (l->link && tunnel_link_is_up(l->link))
        tunnel_link_drain(l->link, EXPC_DRAIN_MS);
    else
        tunnel_link_free(&l->link);
}

void line_free(struct line **lp)
{
    struct line *l = *lp;

    *lp = NULL;
    if (!l)
        return;
    line_hush(l);
    list_del(&l->node);
    loop_timer_free(&l->timer);
    loop_dial_cancel(&l->dial);
    tunnel_link_free(&l->link); /* its streams end by it */
    free(l->text);
    free(l);
}
