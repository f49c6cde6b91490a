/* SPDX-License-Identifier: Apache-2.0
 * Guest accounts at xmpp. Joining never depends on them: without xmpp there is no chat. */
#include <stdlib.h>

#include <base/hex.h>
#include <base/mem.h>
#include <base/str.h>
#include <evp/rand.h>

#include "callbridge.h"
#include "xmpp.pb-c.h"

enum { GUEST_LEASE_S = 120 };

static const struct bus_dst xmpp = { .role = "xmpp" };

struct storing {
    struct callbridge *cb;
    unsigned login;
    struct ticket *ticket;
    guest_stored_fn fn;
    void *arg;
};

static void on_stored(void *arg, const struct bus_result *result)
{
    struct storing *st = arg;

    if (result->code == BUS_OK) {
        log_info("guest login request %u: successfully stored credentials", st->login);
        daemon_fault_clear(st->cb->d, "guestAccountConnectionFailure", "xmpp");
    } else {
        st->ticket->token[0] = '\0';
        log_warning("guest login request %u: credential storage failed (%s)", st->login, result->message);
        daemon_fault_raise(st->cb->d, "guestAccountConnectionFailure", "xmpp",
                           "Guest accounts cannot be stored at the XMPP server (%s); chat is unavailable",
                           result->message);
    }
    st->fn(st->arg);
    free(st);
}

void guest_store(struct callbridge *cb, unsigned login, struct ticket *ticket, guest_stored_fn fn, void *arg)
{
    Stoa__Xmpp__V1__StoreGuestRequest req = STOA__XMPP__V1__STORE_GUEST_REQUEST__INIT;
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
    req.jid = ticket->jid;
    req.space = ticket->space;
    req.token = base64url_encode(ticket->token, random, sizeof(random));
    req.has_lease_s = 1;
    req.lease_s = GUEST_LEASE_S;
    log_info("guest login request %u: credential storage scheduled (queue length: 1)", login);
    (void)bus_request(cb->d->bus, &xmpp, &req.base, &opts, on_stored, st);
}

static void on_removed(void *arg, const struct bus_result *result)
{
    (void)arg;
    if (result->code != BUS_OK)
        log_debug("guest account not removed: %s", result->message);
}

void guest_remove(struct callbridge *cb, const struct participant *p)
{
    Stoa__Xmpp__V1__RemoveGuestRequest req = STOA__XMPP__V1__REMOVE_GUEST_REQUEST__INIT;
    struct log_ctx ctx = participant_log(p);

    log_event(LOG_LEVEL_INFO, &ctx, "removing guest account '%s' (name '%s') on call drop", p->jid, p->name);
    log_event(LOG_LEVEL_INFO, &ctx, "destroying guest account with user ID \"%s\"", p->jid);
    if (!cb->xmpp_up)
        return;
    req.jid = (char *)(uintptr_t)p->jid;
    (void)bus_request(cb->d->bus, &xmpp, &req.base, NULL, on_removed, NULL);
}

void guest_peer(struct callbridge *cb, bool up)
{
    cb->xmpp_up = up;
    cb->xmpp_seen = true;
    if (up)
        daemon_fault_clear(cb->d, "guestAccountConnectionFailure", "xmpp");
    else
        daemon_fault_raise(cb->d, "guestAccountConnectionFailure", "xmpp",
                           "The XMPP server is not running; chat is unavailable");
}
