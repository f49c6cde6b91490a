/* SPDX-License-Identifier: Apache-2.0
 * A client URI before it is stored: does its name lead to web bridges, can they be reached, and
 * is their certificate made for it? What is wrong is found by the operator then, and not by a
 * guest. */
#include "expc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <loop/resolve.h>

static const char row[] = "proxy"; /* of deploy/ports */

struct asked {
    struct check *check;
    struct probe *probe;
    struct addr address;
    char address_text[ADDR_TEXT_MAX];
    enum pool_health health;
    char code[POOL_CODE_MAX], text[POOL_TEXT_MAX];
};

struct check {
    struct list node;
    struct expc *x;
    struct bus_call *call;
    struct site_weburl url;
    struct loop_resolve *lookup;
    struct tls_ctx *ctx; /* one that verifies, whatever is configured */
    bool by_record;
    struct asked asked[EXPC_TARGETS_MAX];
    size_t count, open;
};

static void check_free(struct check *c)
{
    for (size_t i = 0; i < c->count; i++)
        probe_free(&c->asked[i].probe);
    loop_resolve_cancel(&c->lookup);
    tls_ctx_free(&c->ctx);
    list_del(&c->node);
    c->x->check_count--;
    free(c);
}

/* --- the answer ------------------------------------------------------------------------------- */

static void answer(struct check *c, bool usable, const char *code, const char *text)
{
    Stoa__Zone__V1__CheckUriReply r = STOA__ZONE__V1__CHECK_URI_REPLY__INIT;
    Stoa__Zone__V1__TargetStatus targets[EXPC_TARGETS_MAX], *list[EXPC_TARGETS_MAX];

    for (size_t i = 0; i < c->count; i++) {
        struct asked *a = &c->asked[i];

        stoa__zone__v1__target_status__init(&targets[i]);
        targets[i].name = c->url.host;
        targets[i].address = a->address_text;
        targets[i].has_healthy = true;
        targets[i].healthy = a->health == POOL_HEALTHY;
        targets[i].code = a->code;
        targets[i].text = a->text;
        targets[i].source = (char *)(uintptr_t)(c->by_record ? "hostRecord" : "dns");
        list[i] = &targets[i];
    }
    r.n_targets = c->count;
    r.targets = list;
    r.has_usable = true;
    r.usable = usable;
    r.code = (char *)(uintptr_t)code;
    r.text = (char *)(uintptr_t)text;
    bus_reply(c->call, &r.base);
    check_free(c);
}

/* A wrong certificate is worse than a web bridge that is down: it does not mend itself. */
static void conclude(struct check *c)
{
    static const char *const order[] = { "name", "certificate", "loop", "host", NULL };
    const struct asked *found = NULL;
    char text[POOL_TEXT_MAX + ADDR_TEXT_MAX + SITE_WEBURL_HOST_MAX + 64];
    bool any = false;

    for (size_t i = 0; i < c->count; i++)
        any = any || c->asked[i].health == POOL_HEALTHY || c->asked[i].health == POOL_ODD;
    for (size_t o = 0; order[o] && !found; o++)
        for (size_t i = 0; i < c->count && !found; i++)
            if (str_eq(c->asked[i].code, order[o]))
                found = &c->asked[i];
    for (size_t i = 0; i < c->count && !found; i++)
        if (c->asked[i].health != POOL_HEALTHY)
            found = &c->asked[i];
    if (!found) {
        answer(c, true, "", "");
        return;
    }
    (void)snprintf(text, sizeof(text), "The web bridge behind %s at %s: %s", c->url.host,
                   found->address_text, found->text);
    /* Bad Request is a matter of another setting: the certificate fits. */
    if (str_eq(found->code, "name") || str_eq(found->code, "certificate") ||
        str_eq(found->code, "loop"))
        any = false;
    answer(c, any, str_eq(found->code, "timeout") ? "connect" : found->code, text);
}

/* --- asking ----------------------------------------------------------------------------------- */

static void on_probed(void *arg, const struct probe_result *r)
{
    struct asked *a = arg;
    struct check *c = a->check;

    a->probe = NULL;
    a->health = r->health;
    (void)str_copy(a->code, sizeof(a->code), r->code);
    (void)str_copy(a->text, sizeof(a->text), r->text);
    if (--c->open == 0)
        conclude(c);
}

static void ask(void *arg, const struct addr *list, size_t n)
{
    struct check *c = arg;
    char text[SITE_WEBURL_HOST_MAX + 128];

    if (n == 0) {
        (void)snprintf(text, sizeof(text), "The name %s has no address, neither as a host record "
                       "nor in the inside DNS", c->url.host);
        answer(c, false, "resolve", text);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct asked *a = &c->asked[c->count++];

        a->check = c;
        a->address = list[i];
        (void)addr_print(&list[i], a->address_text);
        if (targets_is_loop(c->x, &list[i])) {
            a->health = POOL_LOOP;
            (void)str_copy(a->code, sizeof(a->code), "loop");
            (void)str_copy(a->text, sizeof(a->text), "it is an address of the edge: the inside DNS "
                           "leads back outside");
            continue;
        }
        c->open++;
        a->probe = probe_new(c->x, c->ctx, &list[i], c->url.host, on_probed, a);
    }
    if (c->open == 0)
        conclude(c);
}

static void begin(struct check *c)
{
    struct expc *x = c->x;
    struct addr list[EXPC_TARGETS_MAX];
    size_t n = site_weburl_static(&c->url, x->daemon->conf, x->site, row, list, ARRAY_LEN(list));

    c->by_record = n > 0;
    if (n > 0)
        ask(c, list, n);
    else
        loop_resolve_start(&c->lookup, x->daemon->loop, c->url.host,
                           site_weburl_port(&c->url, x->daemon->conf, row), ask, c);
}

/* The one in use verifies, but for a site that has switched that off: reading the system's store
 * takes time. */
static int make_ctx(struct check *c, struct str *why)
{
    const struct expc *x = c->x;

    if (x->verify && x->web_ctx) {
        c->ctx = tls_ctx_ref(x->web_ctx);
        return 0;
    }
    if (!x->cert_pem || !x->key_pem) {
        str_add(why, "There is no certificate pki/expc.crt with its key");
        return -ENOENT;
    }
    if (tls_ctx_client(&c->ctx, x->ca_pem, true, true, why))
        return -EACCES;
    return tls_ctx_identify(c->ctx, x->cert_pem, x->key_pem, why);
}

void check_on_request(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Zone__V1__CheckUriRequest *req = (const void *)body;
    struct expc *x = ((struct daemon *)arg)->user;
    struct site_weburl url;
    struct str why = { 0 };
    struct check *c;

    if (!x || x->check_count >= EXPC_CHECKS_MAX) {
        bus_fail(call, BUS_UNAVAILABLE, true, "expc is busy.");
        return;
    }
    if (str_empty(req->uri) || site_weburl_parse(&url, req->uri)) {
        bus_fail(call, BUS_INVALID, false, "This is no https URI.");
        return;
    }
    c = MEM_NEW(struct check);
    c->x = x;
    c->call = call;
    c->url = url;
    list_add_tail(&x->checks, &c->node);
    x->check_count++;
    if (make_ctx(c, &why))
        answer(c, false, "certificate", why.s ? why.s : "expc's own certificate cannot be used");
    else
        begin(c);
    str_fini(&why);
}

void checks_free(struct expc *x)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &x->checks)
        check_free(LIST_ENTRY(it, struct check, node));
}
