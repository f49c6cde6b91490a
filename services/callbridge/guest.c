/* SPDX-License-Identifier: Apache-2.0
 * Guest accounts at xmpp. Joining never depends on them: without xmpp there is no chat. */
#include <stdlib.h>

#include <base/hex.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/str.h>
#include <evp/rand.h>

#include "callbridge.h"
#include "xmpp.pb-c.h"

static const struct bus_dst xmpp = { .role = "xmpp" };

struct storing {
    struct callbridge *cb;
    struct list node;
    struct bus_request *req;
    unsigned login;
    struct ticket *ticket;
    guest_stored_fn fn;
    void *arg;
};

static void storing_free(struct storing *st)
{
    list_del(&st->node);
    free(st);
}

/* Before the logins that wait are freed for good: no answer may come to them. */
void guest_fini(struct callbridge *cb)
{
    while (!list_empty(&cb->storing)) {
        struct storing *st = LIST_ENTRY(cb->storing.next, struct storing, node);

        bus_cancel(st->req);
        storing_free(st);
    }
}

static void on_stored(void *arg, const struct bus_result *result)
{
    struct storing *st = arg;
    guest_stored_fn fn = st->fn;
    void *fn_arg = st->arg;

    if (result->code == BUS_OK) {
        log_info("guest login request %u: successfully stored credentials", st->login);
        daemon_fault_clear(st->cb->d, "guestAccountConnectionFailure", "xmpp");
    } else {
        st->ticket->token[0] = '\0';
        log_warning("guest login request %u: credential storage failed (%s)", st->login,
                    result->message);
        daemon_fault_raise(
            st->cb->d, "guestAccountConnectionFailure", "xmpp",
            "Guest accounts cannot be stored at the XMPP server (%s); chat is unavailable",
            result->message);
    }
    storing_free(st);
    fn(fn_arg);
}

static void fill_store(Stoa__Xmpp__V1__StoreGuestRequest *req, const char *jid, const char *space,
                       const char *token)
{
    stoa__xmpp__v1__store_guest_request__init(req);
    req->jid = (char *)(uintptr_t)jid;
    req->space = (char *)(uintptr_t)space;
    req->token = (char *)(uintptr_t)token;
    req->has_lease_s = 1;
    req->lease_s = XMPP_LEASE_S;
}

void guest_store(struct callbridge *cb, unsigned login, struct ticket *ticket, guest_stored_fn fn,
                 void *arg)
{
    Stoa__Xmpp__V1__StoreGuestRequest req;
    const struct bus_req_opts opts = { .timeout_ms = XMPP_WAIT_MS, .subject = ticket->space };
    struct storing *st;
    uint8_t random[16];

    _Static_assert(BASE64_SIZE(sizeof(random)) <= TOKEN_MAX, "the token fits");
    if (!cb->xmpp_seen) { /* this site runs no XMPP server: nothing is missing */
        fn(arg);
        return;
    }
    evp_random(random, sizeof(random));
    st = MEM_NEW(struct storing);
    *st = (struct storing){ .cb = cb, .login = login, .ticket = ticket, .fn = fn, .arg = arg };
    list_add_tail(&cb->storing, &st->node);
    fill_store(&req, ticket->jid, ticket->space,
               base64url_encode(ticket->token, random, sizeof(random)));
    log_info("guest login request %u: credential storage scheduled (queue length: 1)", login);
    st->req = bus_request(cb->d->bus, &xmpp, &req.base, &opts, on_stored, st);
}

static void on_removed(void *arg, const struct bus_result *result)
{
    (void)arg;
    if (result->code != BUS_OK)
        log_debug("guest account not removed: %s", result->message);
}

/* True when the guest is in the call (still, or once more). */
static bool is_in(const struct call *c, const char *jid)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, (struct list *)(uintptr_t)&c->parts) {
        if (str_eq(LIST_ENTRY(it, struct participant, node)->jid, jid))
            return true;
    }
    return false;
}

void guest_remove(struct callbridge *cb, const struct participant *p)
{
    Stoa__Xmpp__V1__RemoveGuestRequest req = STOA__XMPP__V1__REMOVE_GUEST_REQUEST__INIT;
    struct log_ctx ctx = participant_log(p);

    if (is_in(p->call, p->jid))
        return;
    log_event(LOG_LEVEL_INFO, &ctx, "removing guest account '%s' (name '%s') on call drop", p->jid,
              p->name);
    log_event(LOG_LEVEL_INFO, &ctx, "destroying guest account with user ID \"%s\"", p->jid);
    if (map_count(cb->xmpps) == 0 || !p->token[0])
        return;
    req.jid = (char *)(uintptr_t)p->jid;
    (void)bus_request(cb->d->bus, &xmpp, &req.base, NULL, on_removed, NULL);
}

/* --- leases ----------------------------------------------------------------------------------- */

static void on_stored_again(void *arg, const struct bus_result *result)
{
    (void)arg;
    if (result->code != BUS_OK)
        log_debug("guest account not stored again: %s", result->message);
}

/* xmpp has forgotten this guest: it was started anew, or the guest came back with an old ticket. */
static void store_again(struct callbridge *cb, const char *jid)
{
    Stoa__Xmpp__V1__StoreGuestRequest req;
    void *value;
    size_t pos = 0;

    while (map_next(cb->calls, &pos, NULL, &value)) {
        struct call *c = value;
        struct list *it, *tmp;

        LIST_EACH(it, tmp, &c->parts) {
            struct participant *p = LIST_ENTRY(it, struct participant, node);

            if (!p->token[0] || !str_eq(p->jid, jid))
                continue;
            fill_store(&req, p->jid, c->space, p->token);
            req.name = p->name;
            (void)bus_request(cb->d->bus, &xmpp, &req.base, NULL, on_stored_again, NULL);
        }
    }
}

static void on_renewed(void *arg, const struct bus_result *result)
{
    const Stoa__Xmpp__V1__RenewGuestsReply *reply = (const void *)result->body;

    for (size_t i = 0; reply && i < reply->n_unknown_jids; i++)
        store_again(arg, reply->unknown_jids[i]);
    if (result->code != BUS_OK)
        log_debug("leases of guest accounts not renewed: %s", result->message);
}

static void renew(struct callbridge *cb, char **jids, size_t n)
{
    Stoa__Xmpp__V1__RenewGuestsRequest req = STOA__XMPP__V1__RENEW_GUESTS_REQUEST__INIT;

    if (n == 0)
        return;
    req.jids = jids;
    req.n_jids = n;
    req.has_lease_s = 1;
    req.lease_s = XMPP_LEASE_S;
    (void)bus_request(cb->d->bus, &xmpp, &req.base, NULL, on_renewed, cb);
}

static void renew_all(struct callbridge *cb)
{
    char *jids[XMPP_RENEW_COUNT];
    size_t n = 0, pos = 0;
    void *value;

    while (map_next(cb->calls, &pos, NULL, &value)) {
        struct list *it, *tmp;

        LIST_EACH(it, tmp, &((struct call *)value)->parts) {
            struct participant *p = LIST_ENTRY(it, struct participant, node);

            if (!p->token[0])
                continue;
            jids[n++] = p->jid;
            if (n == ARRAY_LEN(jids)) {
                renew(cb, jids, n);
                n = 0;
            }
        }
    }
    renew(cb, jids, n);
}

void guest_tick(struct callbridge *cb, int64_t now_ms)
{
    if (map_count(cb->xmpps) == 0 || (cb->renewed_ms && now_ms - cb->renewed_ms < XMPP_RENEW_MS))
        return;
    cb->renewed_ms = now_ms;
    renew_all(cb);
}

void guest_peer(struct callbridge *cb, const char *instance, bool up)
{
    cb->xmpp_seen = true;
    if (up) {
        if (!map_put(cb->xmpps, instance, cb))
            cb->renewed_ms = 0; /* a new one knows nobody: at the next tick */
        daemon_fault_clear(cb->d, "guestAccountConnectionFailure", "xmpp");
        return;
    }
    (void)map_del(cb->xmpps, instance);
    if (map_count(cb->xmpps) == 0)
        daemon_fault_raise(cb->d, "guestAccountConnectionFailure", "xmpp",
                           "The XMPP server is not running; chat is unavailable");
}
