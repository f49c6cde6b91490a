/* SPDX-License-Identifier: Apache-2.0
 * Guest logins: call ID and passcode, or the secret of a link, become a ticket. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/mem.h>
#include <base/str.h>
#include <evp/rand.h>
#include <loop/clock.h>

#include "callbridge.h"
#include "tries.h"

/* One login under way: refused and held back, or waiting for xmpp. */
struct login {
    struct callbridge *cb;
    struct list node;
    struct bus_call *call;
    struct loop_timer *timer;
    unsigned number, link;
    struct tries_from client;
    int64_t delay_ms; /* the answer is held back so long: wrong tries before */
    struct ticket ticket;
    char *space_name;
};

static void login_free(struct login *l)
{
    list_del(&l->node);
    l->cb->logins_waiting--;
    loop_timer_free(&l->timer);
    free(l->space_name);
    free(l);
}

void login_fini(struct callbridge *cb)
{
    while (!list_empty(&cb->waiting_logins))
        login_free(LIST_ENTRY(cb->waiting_logins.next, struct login, node));
}

static void refuse_now(void *arg)
{
    struct login *l = arg;

    bus_fail(l->call, BUS_DENIED, false, "The call ID or passcode is not right.");
    login_free(l);
}

static struct login *login_new(struct callbridge *cb, struct bus_call *call,
                               const struct tries_from *client)
{
    struct login *l = MEM_NEW(struct login);

    l->cb = cb;
    l->call = call;
    l->client = *client;
    l->number = ++cb->last_login;
    l->link = link_number(cb, call);
    list_add_tail(&cb->waiting_logins, &l->node);
    cb->logins_waiting++;
    return l;
}

static uint32_t tries_limit(const struct callbridge *cb)
{
    const struct site_settings *s = site_settings(cb->site);

    return s && s->guest_passcode_tries ? s->guest_passcode_tries : UINT32_MAX;
}

/* Wrong call ID, wrong passcode, switched off: one answer after one delay. */
static void refuse(struct login *l, const char *why)
{
    char from[ADDR_TEXT_MAX];

    log_info("guest login request %u: refused, %s", l->number, why);
    if (tries_wrong(l->cb->tries, &l->client, tries_limit(l->cb), loop_now_ms()) &&
        log_limit(addr_print_ip(&l->client.addr, from)))
        log_warning("guest logins from %s: slowed, wrong tries within a minute=%u", from,
                    tries_limit(l->cb));
    l->timer = loop_timer_new(l->cb->d->loop, refuse_now, l);
    loop_timer_start(l->timer, LOGIN_REFUSAL_MS + l->delay_ms, 0);
}

/* guest<10 digits>@<guest account JID domain> */
static void make_jid(const struct callbridge *cb, char jid[JID_MAX])
{
    const struct site_settings *s = site_settings(cb->site);
    const char *domain = s ? s->guest_account_jid_domain : NULL;
    uint64_t digits = evp_random_u64() % 9000000000u + 1000000000u;

    (void)snprintf(jid, JID_MAX, "guest%llu@%s", (unsigned long long)digits,
                   str_empty(domain) ? "guest.invalid" : domain);
}

static void answer(void *arg)
{
    struct login *l = arg;
    Stoa__Bridge__V1__GuestLoginReply reply = STOA__BRIDGE__V1__GUEST_LOGIN_REPLY__INIT;
    char *ticket = ticket_seal(l->cb->ticket_key, &l->ticket);

    reply.ticket = ticket;
    reply.space = l->ticket.space;
    reply.space_name = l->space_name;
    reply.jid = l->ticket.jid;
    if (ticket) {
        bus_reply(l->call, &reply.base);
        log_info("web bridge link %u: guest login request %u: response written", l->link,
                 l->number);
    } else {
        bus_fail(l->call, BUS_INTERNAL, false, "The ticket could not be made.");
    }
    free(ticket);
    login_free(l);
}

static void store(void *arg)
{
    struct login *l = arg;

    guest_store(l->cb, l->number, &l->ticket, answer, l);
}

static void grant(struct login *l, const struct site_login *found)
{
    l->ticket.expires_s = (int64_t)time(NULL) + TICKET_LIFETIME_S;
    (void)str_copy(l->ticket.space, sizeof(l->ticket.space), found->space->id);
    (void)str_copy(l->ticket.access, sizeof(l->ticket.access),
                   found->access ? found->access->id : "");
    make_jid(l->cb, l->ticket.jid);
    l->space_name = str_dup(str_empty(found->space->name) ? "" : found->space->name);
    log_info("created guest account with user ID \"%s\"", l->ticket.jid);
    if (l->delay_ms == 0) {
        store(l);
        return;
    }
    l->timer = loop_timer_new(l->cb->d->loop, store, l);
    loop_timer_start(l->timer, l->delay_ms, 0);
}

/* Whether the site lets guests in this way; the reason if not. */
static const char *switched_off(const struct callbridge *cb, bool by_link)
{
    const struct site_settings *s = site_settings(cb->site);

    if (!s)
        return NULL;
    if (by_link)
        return s->guest_access_via_hyperlinks ? NULL : "guest access via hyperlinks is off";
    return str_eq(s->guest_access_via_id_and_passcode, "disabled")
               ? "guest access via ID and passcode is off" : NULL;
}

static void who_asks(struct tries_from *out, const Stoa__Bridge__V1__Session *session)
{
    if (!session)
        return;
    if (session->client_address && addr_parse(&out->addr, session->client_address) != 0)
        out->addr = (struct addr){ 0 };
    if (session->zone) /* cut at the length that counts */
        (void)snprintf(out->zone, sizeof(out->zone), "%.*s", TRIES_ZONE_LEN, session->zone);
}

void login_request(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct callbridge *cb = ((struct daemon *)arg)->user;
    const Stoa__Bridge__V1__GuestLoginRequest *req = (const void *)body;
    const char *call_id = req->call_id ? req->call_id : "";
    bool by_link = !str_empty(req->secret);
    struct tries_from client = { 0 };
    struct site_login found;
    struct login *l;
    const char *off;
    int64_t delay_ms;
    int rc;

    if (cb->draining || cb->logins_waiting >= LOGINS_WAITING_MAX) {
        bus_fail(call, BUS_UNAVAILABLE, true, "The server takes no more logins at the moment.");
        return;
    }
    who_asks(&client, req->session);
    delay_ms = tries_delay(cb->tries, &client, tries_limit(cb), loop_now_ms());
    if (delay_ms < 0) {
        bus_fail(call, BUS_UNAVAILABLE, false,
                 "Too many wrong tries from your network. Try again in a minute.");
        return;
    }
    l = login_new(cb, call, &client);
    l->delay_ms = delay_ms;
    log_info("web bridge link %u: new guest login request %u received", l->link, l->number);
    log_info("guest login request %u: %s scheduled", l->number,
             by_link ? "call ID lookup" : "passcode resolution");
    log_info("guest login request %u: resolution in progress", l->number);
    off = switched_off(cb, by_link);
    if (off) {
        refuse(l, off);
        return;
    }
    rc = by_link ? site_find_link(cb->site, call_id, req->secret, &found)
                 : site_find_login(cb->site, call_id, req->passcode ? req->passcode : "", &found);
    if (rc)
        refuse(l, "call ID or passcode is wrong");
    else if (!found.space->non_member_access)
        refuse(l, "the space admits members only");
    else
        grant(l, &found);
}
