/* SPDX-License-Identifier: Apache-2.0
 * The life of web bridge links. What a peer sends here is a TLS handshake and a request head, both
 * limited before; nothing is kept for a connection whose leaf is not trusted. */
#include "webbridge.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/hex.h>
#include <base/mem.h>
#include <daemon/daemon.h>
#include <evp/rand.h>
#include <evp/util.h>
#include <log/log.h>
#include <loop/clock.h>
#include <loop/timer.h>
#include <tls/link.h>

#include <bridge.pb-c.h>

#include "link.h"

enum { NONCE_LEN = 32, INSTANCE_MAX = 40 };

struct wb_link {
    struct list node;
    struct webbridge *wb;
    struct wb_conn *conn;
    unsigned number; /* in log lines: "web bridge link 3: ..." */
    char nonce[NONCE_LEN + 1];
    char sha256[96];
    int64_t not_before_s, not_after_s;
    int64_t heard_ms;
    char instance[INSTANCE_MAX]; /* of the callbridge; "" until it is proven */
};

/* A callbridge on the bus that takes logins. */
struct wb_bridge {
    uint32_t load;
    unsigned chosen; /* since its load was known */
};

static const char fault_trust[] = "webBridgeTrust", fault_file[] = "webBridgeTrustFile";
static const char subject[] = "callbridge";

#define NOT_NOW "Joining is not possible at the moment: "

/* --- refusals --------------------------------------------------------------------------------- */

/* Why a certificate is not good enough, as the callbridge is told; NULL when it is. */
static const char *judge(const struct webbridge *wb, const char *sha256, int64_t not_before_s,
                         int64_t not_after_s)
{
    int64_t now_s = (int64_t)time(NULL);
    if (!wb_trust_has(&wb->links.trust, sha256))
        return "untrusted-certificate";
    return now_s < not_before_s || now_s > not_after_s ? "expired-certificate" : NULL;
}

/* Anybody can provoke this: one fault, and its text changes now and then only. */
static void tell_operator(struct wb_conn *c, const char *reason, const char *sha256)
{
    struct wb_links *ls = &c->wb->links;
    int64_t now_ms = loop_now_ms();
    bool same = str_eq(sha256, ls->refused_sha256) && reason == ls->refused_reason;
    bool open = ls->refused_ms != 0;
    struct str trusted = { 0 };
    ls->refusals++;
    ls->refused_ms = now_ms;
    if (c->wb->daemon == NULL || (open && (same || now_ms - ls->said_ms < WB_LINK_CHANGE_MS)))
        return;
    ls->said_ms = now_ms;
    ls->refused_reason = reason;
    (void)!str_copy(ls->refused_sha256, sizeof ls->refused_sha256, sha256);
    wb_trust_print(&ls->trust, &trusted);
    daemon_fault_raise(c->wb->daemon, fault_trust, subject,
                       "A call bridge at %s was refused (%s): it presented the certificate %s; "
                       "trusted in %s: %s", c->peer_ip, reason, *sha256 == '\0' ? "none" : sha256,
                       ls->trust.path, trusted.s);
    str_fini(&trusted);
}

static void clear_refusal(struct webbridge *wb)
{
    wb->links.refused_ms = 0;
    wb->links.refused_sha256[0] = '\0';
    if (wb->daemon != NULL)
        daemon_fault_clear(wb->daemon, fault_trust, subject);
}

static int refuse(struct wb_conn *c, struct lws *wsi, const char *reason, const char *sha256)
{
    char text[64], about[ADDR_TEXT_MAX + 40];
    (void)snprintf(about, sizeof about, "link %s %s", reason, c->peer_ip);
    if (log_limit(about))
        log_info("web bridge link from %s: refused, %s, fingerprint=%s", c->peer_ip, reason,
                 *sha256 == '\0' ? "none" : sha256);
    tell_operator(c, reason, sha256);
    (void)snprintf(text, sizeof text, "{\"reason\":\"%s\"}", reason);
    return wb_http_json(c, wsi, 403, text);
}

/* --- links ------------------------------------------------------------------------------------ */

static void print_number(char dst[16], unsigned number)
{
    (void)snprintf(dst, 16, "%u", number);
}

void wb_link_free(struct wb_link *l)
{
    if (l == NULL)
        return;
    struct webbridge *wb = l->wb;
    list_del(&l->node);
    wb->links.count--;
    l->conn->link = NULL;
    free(l);
    wb_welcome_update(wb);
}

/* Ends a link at once; libwebsockets closes the connection on its next turn. */
static void end_link(struct wb_link *l, const char *reason)
{
    struct lws *wsi = l->conn->wsi;
    log_info("web bridge link %u: ended, %s", l->number, reason);
    wb_link_free(l);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_KEEPALIVE_IDLE, LWS_TO_KILL_ASYNC);
}

static struct wb_link *link_new(struct wb_conn *c, const struct pki_info *leaf)
{
    struct wb_link *l = MEM_NEW(struct wb_link);
    uint8_t raw[NONCE_LEN / 2];
    evp_random(raw, sizeof raw);
    hex_encode(l->nonce, raw, sizeof raw);
    l->wb = c->wb;
    l->conn = c;
    l->number = ++c->wb->links.last_number;
    l->not_before_s = leaf->not_before_s;
    l->not_after_s = leaf->not_after_s;
    (void)!str_copy(l->sha256, sizeof l->sha256, leaf->sha256);
    list_add_tail(&c->wb->links.all, &l->node);
    c->wb->links.count++;
    c->link = l;
    log_info("web bridge link %u: open, from=%s, certificate of %s", l->number, c->peer_ip,
             leaf->subject);
    if (str_eq(l->sha256, c->wb->links.refused_sha256))
        clear_refusal(c->wb);
    return l;
}

/* The first request of a connection: reads the leaf. Returns NULL having answered, with the
 * callback's value in *ret. */
static struct wb_link *admit(struct wb_conn *c, struct lws *wsi, int *ret)
{
    struct pki_info leaf = { 0 };
    struct wb_link *l = NULL;
    char *pem = NULL;
    const char *reason;
    if (tls_peer_leaf(&pem, lws_get_ssl(wsi)) != 0 ||
        pki_inspect(&leaf, pem, (int64_t)time(NULL), NULL) != 0) {
        *ret = refuse(c, wsi, "no-certificate", "");
    } else if ((reason = judge(c->wb, leaf.sha256, leaf.not_before_s, leaf.not_after_s)) != NULL) {
        *ret = refuse(c, wsi, reason, leaf.sha256);
    } else if (c->wb->links.count >= WB_LINKS_MAX) {
        log_warning("web bridge link from %s: refused, %d links are open", c->peer_ip,
                    WB_LINKS_MAX);
        *ret = wb_http_json(c, wsi, 503, "{\"reason\":\"too-many-links\"}");
    } else {
        l = link_new(c, &leaf);
    }
    pki_info_fini(&leaf);
    free(pem);
    return l;
}

int wb_link_request(struct wb_conn *c, struct lws *wsi)
{
    struct wb_link *l = c->link;
    const char *reason;
    char sha256[sizeof l->sha256], text[256];
    int ret = 0;
    if (l == NULL)
        l = admit(c, wsi, &ret);
    if (l == NULL)
        return ret;
    reason = judge(c->wb, l->sha256, l->not_before_s, l->not_after_s);
    if (reason != NULL) {
        (void)!str_copy(sha256, sizeof sha256, l->sha256);
        wb_link_free(l);
        return refuse(c, wsi, reason, sha256);
    }
    l->heard_ms = loop_now_ms();
    (void)snprintf(text, sizeof text,
                   "{\"instance\":\"%s\",\"link\":%u,\"nonce\":\"%s\",\"proven\":%s}",
                   bus_instance(c->wb->bus), l->number, l->nonce,
                   l->instance[0] != '\0' ? "true" : "false");
    return wb_http_json(c, wsi, 200, text);
}

/* Looks often: a certificate that is taken out of the bundle loses its link within a second. */
static void on_tick(void *arg)
{
    struct webbridge *wb = arg;
    struct wb_links *ls = &wb->links;
    int64_t now_ms = loop_now_ms();
    struct list *it, *tmp;
    int64_t before = ls->trust.stamp;
    bool changed = wb_trust_look(&ls->trust);
    if (changed)
        log_info("trust bundle %s: %zu certificates", ls->trust.path, ls->trust.count);
    if (ls->trust.stamp != before && wb->daemon != NULL) {
        if (ls->trust.problem[0] != '\0')
            daemon_fault_raise(wb->daemon, fault_file, ls->trust.path,
                               "The trust bundle %s cannot be used: %s. The last one stays in use.",
                               ls->trust.path, ls->trust.problem);
        else
            daemon_fault_clear(wb->daemon, fault_file, ls->trust.path);
    }
    LIST_EACH(it, tmp, &ls->all) {
        struct wb_link *l = LIST_ENTRY(it, struct wb_link, node);
        const char *reason = judge(wb, l->sha256, l->not_before_s, l->not_after_s);
        if (reason == NULL && now_ms - l->heard_ms > WB_LINK_SILENT_MS)
            reason = "silent";
        if (reason != NULL)
            end_link(l, reason);
    }
    if (ls->refused_ms != 0 && now_ms - ls->refused_ms > WB_LINK_FAULT_MS)
        clear_refusal(wb);
    wb_welcome_update(wb); /* also of what only time decides */
}

/* --- proofs ----------------------------------------------------------------------------------- */

static struct wb_link *by_nonce(struct webbridge *wb, const char *nonce)
{
    struct list *it, *tmp;
    if (nonce == NULL || strlen(nonce) != NONCE_LEN)
        return NULL;
    LIST_EACH(it, tmp, &wb->links.all) {
        struct wb_link *l = LIST_ENTRY(it, struct wb_link, node);
        if (evp_ct_equal(l->nonce, nonce, NONCE_LEN))
            return l;
    }
    return NULL;
}

/* Only callbridges may send this (busd's policy). The first that knows the nonce has read it on the
 * link, behind its certificate; another one cannot take the link over. */
static void on_proof(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct webbridge *wb = arg;
    const Stoa__Bridge__V1__LinkProofRequest *req = (const void *)body;
    Stoa__Bridge__V1__LinkProofReply reply = STOA__BRIDGE__V1__LINK_PROOF_REPLY__INIT;
    const char *instance = bus_call_instance(call);
    struct wb_link *l = by_nonce(wb, req->nonce);
    char number[16];
    if (l == NULL || (l->instance[0] != '\0' && !str_eq(l->instance, instance))) {
        if (log_limit(instance))
            log_warning("web bridge link %s: proof refused, callbridge=%s, %s",
                        l == NULL ? "?" : (print_number(number, l->number), number), instance,
                        l == NULL ? "no such link" : "proven by another one");
        bus_fail(call, l == NULL ? BUS_NOT_FOUND : BUS_DENIED, false,
                 l == NULL ? "No web bridge link has this nonce."
                           : "Another call bridge has proven this link.");
        return;
    }
    reply.has_link = true;
    reply.link = l->number;
    bus_reply(call, &reply.base);
    if (l->instance[0] != '\0')
        return;
    (void)!str_copy(l->instance, sizeof l->instance, instance);
    log_info("web bridge link %u: proven, callbridge=%s", l->number, instance);
    wb_welcome_update(wb);
}

static const struct bus_handler handlers[] = {
    { &stoa__bridge__v1__link_proof_request__descriptor, on_proof },
};

/* --- choosing a callbridge -------------------------------------------------------------------- */

void wb_links_peer(struct webbridge *wb, const struct bus_peer *peer, bool up)
{
    struct map *bridges = wb->links.bridges;
    struct wb_bridge *b = bridges == NULL ? NULL : map_get(bridges, peer->instance);
    if (bridges == NULL)
        return;
    if (!up || peer->state != BUS_SERVING) {
        free(map_del(bridges, peer->instance));
        return;
    }
    if (b == NULL) {
        b = MEM_NEW(struct wb_bridge);
        map_put(bridges, peer->instance, b);
    }
    b->load = peer->load;
    b->chosen = 0;
}

/* The proven link whose callbridge has least to do; of two alike the one that was chosen less. */
static const struct wb_link *best(const struct webbridge *wb, struct wb_bridge **bridge)
{
    const struct wb_link *found = NULL;
    struct list *it, *tmp;
    LIST_EACH(it, tmp, &wb->links.all) {
        const struct wb_link *l = LIST_ENTRY(it, struct wb_link, node);
        struct wb_bridge *b = l->instance[0] == '\0' ? NULL
                                                     : map_get(wb->links.bridges, l->instance);
        if (b == NULL)
            continue;
        if (found != NULL && (b->load > (*bridge)->load ||
                              (b->load == (*bridge)->load && b->chosen >= (*bridge)->chosen)))
            continue;
        found = l;
        *bridge = b;
    }
    return found;
}

static const char *why_none(const struct webbridge *wb)
{
    if (wb->links.trust.count == 0)
        return NOT_NOW "this web bridge trusts no call bridge.";
    if (wb->links.count == 0)
        return NOT_NOW "no call bridge is connected.";
    if (wb_links_proven(wb) == 0)
        return NOT_NOW "the call bridge is connecting.";
    return NOT_NOW "the call bridge takes no more guests.";
}

bool wb_link_available(const struct webbridge *wb, const char **reason)
{
    struct wb_bridge *b;
    bool there = best(wb, &b) != NULL;
    *reason = there ? "" : why_none(wb);
    return there;
}

const char *wb_link_choose(struct webbridge *wb, const char **reason)
{
    struct wb_bridge *b;
    const struct wb_link *l = best(wb, &b);
    *reason = l == NULL ? why_none(wb) : "";
    if (l == NULL)
        return NULL;
    b->chosen++;
    return l->instance;
}

size_t wb_links_proven(const struct webbridge *wb)
{
    struct list *it, *tmp;
    size_t n = 0;
    LIST_EACH(it, tmp, &wb->links.all)
        n += LIST_ENTRY(it, struct wb_link, node)->instance[0] != '\0';
    return n;
}

/* --- life ------------------------------------------------------------------------------------- */

void wb_links_start(struct webbridge *wb, const char *trust_path)
{
    struct wb_links *ls = &wb->links;
    list_init(&ls->all);
    ls->bridges = map_new();
    wb_trust_init(&ls->trust, trust_path);
    bus_handle(wb->bus, handlers, ARRAY_LEN(handlers), wb);
    ls->timer = loop_timer_new(wb->loop, on_tick, wb);
    loop_timer_start(ls->timer, 0, WB_LINK_LOOK_MS);
}

void wb_links_stop(struct webbridge *wb)
{
    struct wb_links *ls = &wb->links;
    struct list *it, *tmp;
    void *bridge;
    size_t at = 0;
    if (ls->bridges == NULL)
        return;
    loop_timer_free(&ls->timer);
    LIST_EACH(it, tmp, &ls->all) {
        struct wb_link *l = LIST_ENTRY(it, struct wb_link, node);
        list_del(&l->node);
        l->conn->link = NULL;
        free(l);
    }
    ls->count = 0;
    while (map_next(ls->bridges, &at, NULL, &bridge))
        free(bridge);
    map_free(ls->bridges);
    ls->bridges = NULL;
    wb_trust_fini(&ls->trust);
}
