/* SPDX-License-Identifier: Apache-2.0
 * The life of one web bridge link. What it is in is read from each answer, so that a web bridge
 * that was started anew, or has lost its memory, is proven again without anybody noticing. */
#include "wblink.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/bus.h>
#include <fetch/fetch.h>
#include <loop/timer.h>
#include <tls/link.h>

#include "bridge.pb-c.h"
#include "limits.h"

enum { NONCE_LEN = 32 };

struct wblink {
    uv_loop_t *loop;
    struct bus *bus;
    char *host;
    struct addr address;
    void (*on_change)(void *arg);
    void *arg;

    struct fetch *fetch;
    struct loop_timer *timer;
    struct bus_request *proof;
    unsigned tries;          /* in vain, in a row */

    enum wblink_state state;
    char reason[WBLINK_REASON_MAX];
    char instance[WBLINK_INSTANCE_MAX], nonce[NONCE_LEN + 1];
    unsigned far_number;
};

/* What one answer of the web bridge says. */
struct answer {
    const char *instance, *nonce;
    json_int_t number;
    bool proven;
};

/* --- what the state is ------------------------------------------------------------------------ */

/* The last statement of its caller. */
static void change(struct wblink *l, enum wblink_state state, const char *reason)
{
    if (l->state == state && str_eq(l->reason, reason))
        return;
    l->state = state;
    (void)str_copy(l->reason, sizeof(l->reason), reason);
    if (l->on_change)
        l->on_change(l->arg);
}

static void forget_proof(struct wblink *l)
{
    if (l->proof)
        bus_cancel(l->proof);
    l->proof = NULL;
    l->nonce[0] = '\0';
}

/* It does not work: again soon, as a web bridge that was killed is back within seconds; later less
 * and less often. */
static void fail(struct wblink *l, const char *reason)
{
    int64_t wait_ms = WBLINK_RETRY_MS;

    for (unsigned i = WBLINK_RETRY_SOON; i < l->tries && wait_ms < WBLINK_RETRY_MAX_MS; i++)
        wait_ms *= 2;
    l->tries++;
    forget_proof(l);
    loop_timer_start(l->timer, MIN(wait_ms, (int64_t)WBLINK_RETRY_MAX_MS), 0);
    change(l, WBLINK_TRYING, reason);
}

/* --- proof ------------------------------------------------------------------------------------ */

static void on_proof(void *arg, const struct bus_result *r)
{
    struct wblink *l = arg;

    l->proof = NULL;
    if (r->code == BUS_OK)
        change(l, WBLINK_PROVEN, "");
    else /* asked for again with the next answer that says it is not proven */
        change(l, WBLINK_OPEN, r->code == BUS_DENIED || r->code == BUS_NOT_FOUND
                                   ? "proof refused by the web bridge"
                                   : "web bridge not reachable on the bus");
}

static void prove(struct wblink *l)
{
    Stoa__Bridge__V1__LinkProofRequest req = STOA__BRIDGE__V1__LINK_PROOF_REQUEST__INIT;
    struct bus_dst dst = { .role = "webbridge", .instance = l->instance };
    struct bus_req_opts opts = { .timeout_ms = WBLINK_PROOF_MS, .retry = true };

    req.nonce = l->nonce;
    if (!l->proof)
        l->proof = bus_request(l->bus, &dst, &req.base, &opts, on_proof, l);
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool is_hex(const char *s, size_t len)
{
    return s && strlen(s) == len && strspn(s, "0123456789abcdef") == len;
}

/* Errors: false when it is no answer of a web bridge. */
static bool read_answer(const json_t *json, struct answer *a)
{
    const json_t *proven = json_object_get(json, "proven");

    a->instance = json_string_value(json_object_get(json, "instance"));
    a->nonce = json_string_value(json_object_get(json, "nonce"));
    a->number = json_integer_value(json_object_get(json, "link"));
    a->proven = json_is_true(proven);
    return is_hex(a->instance, a->instance ? strlen(a->instance) : 0) && a->instance[0] &&
           strlen(a->instance) < WBLINK_INSTANCE_MAX && is_hex(a->nonce, NONCE_LEN) &&
           a->number > 0 && a->number <= UINT32_MAX && json_is_boolean(proven);
}

/* A connection that ended with its answer is asked for anew soon: nobody else tells of its end. */
static void take(struct wblink *l, const struct answer *a, bool kept)
{
    bool same = str_eq(l->nonce, a->nonce) && str_eq(l->instance, a->instance);

    l->tries = 0;
    loop_timer_start(l->timer, kept ? WBLINK_ASK_MS : WBLINK_RETRY_MS, 0);
    if (!same) {
        forget_proof(l);
        (void)str_copy(l->nonce, sizeof(l->nonce), a->nonce);
        (void)str_copy(l->instance, sizeof(l->instance), a->instance);
        l->far_number = (unsigned)a->number;
    }
    if (!a->proven)
        prove(l);
    if (a->proven && same)
        change(l, WBLINK_PROVEN, "");
    else if (!same)
        change(l, WBLINK_OPEN, "");
}

/* The web bridge's word for a refusal as the operator's. */
static const char *refusal(const struct fetch_result *r)
{
    static const char *const words[][2] = {
        { "no-certificate", "certificate not presented" },
        { "untrusted-certificate", "certificate not in the trust bundle" },
        { "expired-certificate", "certificate expired" },
        { "too-many-links", "too many links at the web bridge" },
    };
    json_t *json = json_loadb(r->body, r->len, 0, NULL);
    const char *reason = json_string_value(json_object_get(json, "reason"));
    const char *found = r->status == 421 ? "name not configured at the web bridge"
                                         : "no web bridge answers there";

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(reason, words[i][0]))
            found = words[i][1];
    json_decref(json);
    return found;
}

static void explain(const struct wblink *l, const struct fetch_result *r,
                    char reason[WBLINK_REASON_MAX])
{
    const char *text = fetch_fault_text(r->fault);

    if (r->fault == FETCH_STATUS) {
        text = refusal(r);
    } else if (r->fault == FETCH_TLS_NAME) {
        (void)snprintf(reason, WBLINK_REASON_MAX,
                       "name mismatch: the web bridge's certificate is not made for %.100s",
                       l->host);
        return;
    } else if (r->fault == FETCH_TLS_UNTRUSTED) {
        text = "web bridge certificate not trusted";
    } else if (r->fault == FETCH_TLS_EXPIRED) {
        text = "web bridge certificate expired";
    } else if (r->fault == FETCH_TIMEOUT || r->fault == FETCH_BROKEN) {
        text = l->state == WBLINK_TRYING ? "connect failure" : "link lost";
    }
    (void)str_copy(reason, WBLINK_REASON_MAX, text);
}

static void on_answer(void *arg, const struct fetch_result *r)
{
    struct wblink *l = arg;
    struct answer a;
    char reason[WBLINK_REASON_MAX];
    json_t *json;

    if (r->fault != FETCH_OK) {
        explain(l, r, reason);
        fail(l, reason);
        return;
    }
    json = json_loadb(r->body, r->len, 0, NULL);
    if (read_answer(json, &a))
        take(l, &a, r->kept);
    else
        fail(l, "no web bridge answers there");
    json_decref(json);
}

static void on_closed(void *arg)
{
    struct wblink *l = arg;

    if (l->state != WBLINK_TRYING) /* else it was refused before, and the next try is planned */
        fail(l, "link lost");
}

static void on_ssl_ctx(void *arg, void *ssl_ctx)
{
    (void)arg;
    tls_link_offer(ssl_ctx);
}

static void on_timer(void *arg)
{
    struct wblink *l = arg;

    if (!fetch_busy(l->fetch) && fetch_start(l->fetch, NULL, on_answer) != 0)
        loop_timer_start(l->timer, WBLINK_RETRY_MAX_MS, 0);
}

/* --- life ------------------------------------------------------------------------------------- */

static struct fetch *open_fetch(struct wblink *l, const struct wblink_opts *o)
{
    bool v6 = strchr(l->host, ':') != NULL;
    char *url = str_printf("https://%s%s%s:%u/stoa-link", v6 ? "[" : "", l->host, v6 ? "]" : "",
                           l->address.port);
    char *ca = str_printf("%s/ca.crt", o->pki_dir);
    char *bundle = str_printf("%s/callbridge.bundle", o->pki_dir);
    char *cert = str_printf("%s/callbridge.crt", o->pki_dir);
    char *key = str_printf("%s/callbridge.key", o->pki_dir);
    struct fetch_opts opts = {
        .url = url,
        .connect_to = &l->address,
        .ca_files = { ca, bundle },
        .ca_dir = o->system_store,
        .cert_file = cert,
        .key_file = key,
        .own_optional = true,
        .timeout_ms = WBLINK_ANSWER_MS,
        .body_max = WBLINK_BODY_MAX_B,
        .on_ssl_ctx = on_ssl_ctx,
        .on_closed = on_closed,
        .arg = l,
    };
    struct fetch *f = NULL;

    if (fetch_new(&f, l->loop, &opts)) { /* a CA file that is far too long: without the files */
        memset(opts.ca_files, 0, sizeof(opts.ca_files));
        (void)!fetch_new(&f, l->loop, &opts);
    }
    free(url);
    free(ca);
    free(bundle);
    free(cert);
    free(key);
    return f;
}

struct wblink *wblink_new(const struct wblink_opts *opts)
{
    struct wblink *l = MEM_NEW(struct wblink);

    l->loop = opts->loop;
    l->bus = opts->bus;
    l->host = str_dup(opts->host);
    l->address = opts->address;
    l->on_change = opts->on_change;
    l->arg = opts->arg;
    l->fetch = open_fetch(l, opts);
    l->timer = loop_timer_new(l->loop, on_timer, l);
    loop_timer_start(l->timer, 0, 0);
    return l;
}

void wblink_free(struct wblink **lp)
{
    struct wblink *l = *lp;

    *lp = NULL;
    if (!l)
        return;
    forget_proof(l);
    loop_timer_free(&l->timer);
    fetch_free(&l->fetch);
    free(l->host);
    free(l);
}

void wblink_restart(struct wblink *l)
{
    forget_proof(l);
    fetch_drop(l->fetch);
    l->tries = 0;
    loop_timer_start(l->timer, 0, 0);
}

void wblink_hurry(struct wblink *l)
{
    if (l->state == WBLINK_TRYING && !fetch_busy(l->fetch))
        loop_timer_start(l->timer, 0, 0);
}

enum wblink_state wblink_state(const struct wblink *l)
{
    return l->state;
}

const char *wblink_reason(const struct wblink *l)
{
    return l->reason;
}

const char *wblink_instance(const struct wblink *l)
{
    return l->instance;
}

unsigned wblink_far_number(const struct wblink *l)
{
    return l->far_number;
}
