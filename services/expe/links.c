/* SPDX-License-Identifier: Apache-2.0
 * Connections to the zone port: zone connections and domain connections of every expc, and which of
 * them a new browser connection takes. What a link means for its zone is in zones.c. */
#include "expe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/mem.h>
#include <log/log.h>
#include <loop/clock.h>
#include <site/site.h>
#include <tls/ctx.h>

/* --- one link --------------------------------------------------------------------------------- */

static void link_free(struct expe_link *k)
{
    size_t it = 0;
    void *reason;

    expe_probes_forget(k->e, k);
    list_del(&k->node);
    k->e->n_links--;
    k->busy++; /* streams end inside */
    tunnel_link_free(&k->l);
    while (k->denied && map_next(k->denied, &it, NULL, &reason))
        free(reason);
    map_free(k->denied);
    free(k->zone);
    free(k->zone_name);
    free(k->domain);
    free(k->node_id);
    free(k->accepted_by);
    free(k);
}

static int find_zone(void *arg, const char *user, const struct addr *from, struct tunnel_zone *out)
{
    struct expe_link *k = arg;

    return expe_zone_find(k->e, user, from, out);
}

static const char *judge_domain(void *arg, const char *zone, const char *domain)
{
    struct expe_link *k = arg;

    (void)zone;
    return expe_zone_judge(k->e, domain);
}

static void on_paired(void *arg, const char *zone, const char *peer_ca_pem)
{
    struct expe_link *k = arg;

    expe_zone_paired(k->e, zone, peer_ca_pem);
}

static void on_wrong(void *arg, const char *user, const struct addr *from)
{
    struct expe_link *k = arg;

    (void)user; /* not logged: people type passwords there */
    expe_tries_wrong(k->e->tries, from, loop_now_ms());
}

/* --- coming up -------------------------------------------------------------------------------- */

static bool same_registration(const struct expe_link *a, const struct expe_link *b)
{
    return a != b && a->up && b->up && str_eq(a->zone, b->zone) &&
           str_eq(a->node_id, b->node_id) && str_eq(a->domain, b->domain);
}

/* The newest registration of a process and domain counts: the one before may be half open since a
 * NAT forgot it. New streams go to the new one from this moment on. */
static void replace_older(struct expe_link *k)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &k->e->links) {
        struct expe_link *old = LIST_ENTRY(it, struct expe_link, node);

        if (!same_registration(k, old))
            continue;
        old->up = false;
        tunnel_link_refuse(old->l, TUNNEL_REPLACED, tunnel_refusal_text(TUNNEL_REPLACED));
    }
}

static size_t count_of_zone(const struct expe *e, const char *zone)
{
    struct list *it, *tmp;
    size_t n = 0;

    LIST_EACH(it, tmp, &e->links)
        n += str_eq(LIST_ENTRY(it, struct expe_link, node)->zone, zone);
    return n;
}

static void keep_denied(struct expe_link *k, const struct tunnel_peer *peer,
                        const char *const *denied, size_t n)
{
    k->denied = map_new();
    for (size_t i = 0; denied && i < n && i < peer->domain_count; i++)
        if (denied[i] && !map_get(k->denied, peer->domains[i]))
            (void)map_put(k->denied, peer->domains[i], str_dup(denied[i]));
}

static void on_up(void *arg, const char *const *denied, size_t n)
{
    struct expe_link *k = arg;
    const struct tunnel_peer *peer = tunnel_link_peer(k->l);

    str_set(&k->zone, tunnel_link_zone(k->l));
    str_set(&k->domain, peer->domain);
    str_set(&k->node_id, peer->node ? peer->node : "");
    k->accepted_by = expe_zone_summary(k->e, k->zone);
    expe_tries_right(k->e->tries, &k->from, loop_now_ms());
    if (count_of_zone(k->e, k->zone) > EXPE_LINKS_ZONE_MAX) {
        tunnel_link_refuse(k->l, TUNNEL_LIMIT, tunnel_refusal_text(TUNNEL_LIMIT));
        return;
    }
    k->up = true;
    replace_older(k);
    if (!k->domain)
        keep_denied(k, peer, denied, n);
    expe_zone_up(k->e, k);
}

static void on_probe(void *arg, int64_t rtt_us)
{
    struct expe_link *k = arg;

    (void)rtt_us; /* the link keeps it */
    if (k->up)
        expe_zones_look(k->e);
}

static void on_request(void *arg, uint64_t id, const uint8_t *data, size_t len)
{
    struct expe_link *k = arg;

    k->busy++;
    expe_request(k, id, data, len);
    k->busy--;
}

static void on_down(void *arg, enum tunnel_refusal why, const char *text)
{
    struct expe_link *k = arg;
    struct expe *e = k->e;
    char *zone = str_dup(tunnel_link_zone(k->l)), *said = str_dup(text ? text : "");
    char from[ADDR_TEXT_MAX];
    bool was_zone = k->up && !k->domain;
    /* A domain's connection that was up says nothing about its zone: the zone connection does. */
    bool tells = !k->domain || !k->up;

    if (why < TUNNEL_REFUSALS)
        e->n.link_refusals[why]++;
    if (k->domain && k->up)
        log_info("tunnel %s: down, zone=%s, from=%s, %s: %s", k->domain,
                 k->zone_name ? k->zone_name : "?", k->from_text, tunnel_refusal_word(why), said);
    (void)str_copy(from, sizeof(from), k->from_text);
    link_free(k);
    if (tells)
        expe_zone_down(e, zone, was_zone, from, why, said);
    free(zone);
    free(said);
}

/* --- streams ---------------------------------------------------------------------------------- */

static struct expe_stream *user_of(struct mux_stream *s)
{
    return mux_stream_user(s);
}

static void on_response(void *arg, struct mux_stream *s, int status,
                        const struct mux_header *headers, size_t n)
{
    struct expe_stream *st = user_of(s);
    const char *reason = NULL;

    (void)arg;
    for (size_t i = 0; i < n; i++)
        if (str_eq(headers[i].name, "stoa-reason"))
            reason = headers[i].value;
    if (!st)
        return;
    struct expe_link *k = st->link;
    k->busy++;
    st->ops->on_response(st, status, reason);
    k->busy--;
}

static void on_data(void *arg, struct mux_stream *s, const uint8_t *data, size_t len)
{
    struct expe_link *k = arg;
    struct expe_stream *st = user_of(s);

    if (!st) {
        mux_stream_consumed(s, len); /* nobody wants it: it must not count as held */
        return;
    }
    k->busy++;
    st->ops->on_data(st, data, len);
    k->busy--;
}

static void on_eof(void *arg, struct mux_stream *s)
{
    struct expe_link *k = arg;
    struct expe_stream *st = user_of(s);

    if (!st)
        return;
    k->busy++;
    st->ops->on_eof(st);
    k->busy--;
}

static void on_room(void *arg, struct mux_stream *s)
{
    struct expe_link *k = arg;
    struct expe_stream *st = user_of(s);

    if (!st)
        return;
    k->busy++;
    st->ops->on_room(st);
    k->busy--;
}

static void on_stream_end(void *arg, struct mux_stream *s, int err)
{
    struct expe_link *k = arg;
    struct expe_stream *st = user_of(s);

    if (!st)
        return;
    mux_stream_set(s, NULL);
    st->s = NULL;
    st->link = NULL;
    k->busy++;
    st->ops->on_end(st, err);
    k->busy--;
}

static const struct mux_ops stream_ops = {
    .on_response = on_response,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_stream_end = on_stream_end,
};

static const struct tunnel_link_ops link_ops = {
    .find_zone = find_zone,
    .judge_domain = judge_domain,
    .on_paired = on_paired,
    .on_wrong = on_wrong,
    .on_up = on_up,
    .on_probe = on_probe,
    .on_request = on_request,
    .streams = &stream_ops,
    .on_down = on_down,
};

/* The link with the fewest streams that can take one more for this name; one whose last probe has
 * passed goes before one of which nothing is known. */
static struct expe_link *choose(struct expe *e, const char *host, struct expe_link *const *tried,
                                size_t n_tried)
{
    struct expe_link *best = NULL;
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &e->links) {
        struct expe_link *k = LIST_ENTRY(it, struct expe_link, node);
        bool skip = !k->up || !str_eq(k->domain, host);

        for (size_t i = 0; i < n_tried; i++)
            skip |= tried[i] == k;
        if (skip)
            continue;
        if (!best || tunnel_link_is_active(k->l) > tunnel_link_is_active(best->l) ||
            (tunnel_link_is_active(k->l) == tunnel_link_is_active(best->l) &&
             tunnel_link_streams(k->l) < tunnel_link_streams(best->l)))
            best = k;
    }
    return best;
}

int expe_stream_open(struct expe *e, struct expe_stream *st, const char *host,
                     const struct mux_header *headers, size_t n)
{
    struct expe_link *tried[8], *k;
    size_t n_tried = 0;
    int err = -ENOTCONN, one = 0;

    while (n_tried < ARRAY_LEN(tried) && (k = choose(e, host, tried, n_tried)) != NULL) {
        tried[n_tried++] = k;
        st->s = tunnel_link_open(k->l, host, headers, n, &one);
        if (st->s) {
            st->link = k;
            mux_stream_set(st->s, st);
            return 0;
        }
        if (one == -EBUSY)
            err = -EBUSY;
    }
    return err;
}

/* Not flushed here: that would tell others of their ends, inside of whatever walks over them. The
 * link sends it on the loop's next turn. */
void expe_stream_drop(struct expe_stream *st)
{
    if (!st->s)
        return;
    mux_stream_set(st->s, NULL);
    mux_reset(st->s);
    st->s = NULL;
    st->link = NULL;
}

void expe_stream_flush(struct expe_stream *st)
{
    struct expe_link *k = st->link;

    if (!k || k->busy > 0)
        return;
    k->busy++;
    tunnel_link_flush(k->l);
    k->busy--;
}

/* --- accepting -------------------------------------------------------------------------------- */

static bool has_room(const struct expe *e, const struct addr *from)
{
    struct list *it, *tmp;
    size_t waiting = 0, of_source = 0;

    LIST_EACH(it, tmp, &e->links) {
        const struct expe_link *k = LIST_ENTRY(it, struct expe_link, node);

        if (k->up)
            continue;
        waiting++;
        of_source += addr_ip_eq(&k->from, from);
    }
    return e->n_links < EXPE_LINKS_MAX && waiting < EXPE_LINKS_WAIT_MAX &&
           of_source < EXPE_LINKS_WAIT_SOURCE_MAX;
}

void expe_link_new(struct expe *e, int fd, const struct addr *from)
{
    struct tunnel_link_opts opts = {
        .ctx = e->zone,
        .node = e->daemon->instance,
        .software = "stoa " STOA_VERSION,
        .budget = &e->budget,
        .mask_key = e->mask_key,
    };
    struct expe_link *k;
    char ip[ADDR_TEXT_MAX];

    if (!e->zone || !site_ready(e->site) || !has_room(e, from)) {
        close(fd);
        if (log_limit(addr_print_ip(from, ip)))
            log_info("zone connection from %s: refused, %s", ip,
                     e->zone && site_ready(e->site) ? "too many wait" : "not ready");
        return;
    }
    k = MEM_NEW(struct expe_link);
    k->e = e;
    k->id = ++e->last_link;
    k->from = *from;
    (void)addr_print(from, k->from_text);
    list_add_tail(&e->links, &k->node);
    e->n_links++;
    k->l = tunnel_link_accept(e->daemon->loop, fd, &opts, &link_ops, k);
}

/* --- all -------------------------------------------------------------------------------------- */

/* What has to be judged again is ended: expc comes back at once, and is judged by what holds
 * now. */
void expe_links_apply(struct expe *e)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &e->links) {
        struct expe_link *k = LIST_ENTRY(it, struct expe_link, node);
        char *now;

        if (!k->up)
            continue;
        now = expe_zone_summary(e, k->zone);
        if (!now)
            tunnel_link_refuse(k->l, TUNNEL_CREDENTIALS, tunnel_refusal_text(TUNNEL_CREDENTIALS));
        else if (!str_eq(now, k->accepted_by))
            tunnel_link_refuse(k->l, TUNNEL_DRAIN, "the zone's settings have changed");
        else if (k->domain && expe_zone_judge(e, k->domain))
            tunnel_link_refuse(k->l, TUNNEL_DOMAIN, tunnel_refusal_text(TUNNEL_DOMAIN));
        free(now);
    }
}

bool expe_links_mistaken(const struct expe *e, const char *host, struct str *out)
{
    struct list *it, *tmp;
    bool any = false;

    LIST_EACH(it, tmp, &e->links) {
        struct expe_link *k = LIST_ENTRY(it, struct expe_link, node);
        const struct tunnel_peer *peer = k->up && !k->domain ? tunnel_link_peer(k->l) : NULL;
        const char *name;
        size_t at = 0;

        for (size_t i = 0; peer && i < peer->domain_count; i++)
            if (str_ieq(peer->domains[i], host))
                return false;
        while (peer && k->denied && map_next(k->denied, &at, &name, NULL)) {
            str_addf(out, "%s%s", any ? ", " : "", name);
            any = true;
        }
    }
    return any;
}

void expe_links_drain(struct expe *e)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &e->links)
        tunnel_link_drain(LIST_ENTRY(it, struct expe_link, node)->l, EXPE_DRAIN_MS);
}

void expe_links_stop(struct expe *e)
{
    while (!list_empty(&e->links))
        link_free(LIST_ENTRY(e->links.next, struct expe_link, node));
}

void expe_links_each_zone(struct expe *e, void (*fn)(void *arg, struct tunnel_link *l), void *arg)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &e->links) {
        struct expe_link *k = LIST_ENTRY(it, struct expe_link, node);

        if (k->up && !k->domain)
            fn(arg, k->l);
    }
}
