/* SPDX-License-Identifier: Apache-2.0
 * TRN-1, TRN-10, TRN-12, TRN-13, TRN-15: every TURN server as this callbridge uses it. The five
 * checks of one request share one look: over UDP, over TCP, at the address that guests get if the
 * own one does not answer, and relay to relay. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <daemon/daemon.h>
#include <evp/util.h>

#include "callbridge.h"
#include "turnecho.h"
#include "turnprobe.h"

enum {
    PROBE_MS = 1500, /* as TURN_PROBE_MS */
    ECHO_MS = 3000,
    RANGE_MIN = 64,  /* ports: one for each relay; fewer are a mistake rather than a wish */
    NOTE_MAX = 400,
};

/* What was tried at one server. */
struct trial {
    struct turn_look *look;
    struct turns_server server; /* as it was at the start */
    char subject[TURNS_HOST_SIZE + ADDR_TEXT_MAX];
    struct turnprobe *udp_probe, *tcp_probe, *client_probe;
    struct turnecho *echo_run;
    struct turnprobe_result udp, tcp, client;
    struct turnecho_result echo;
    struct addr client_at; /* the guests' address, where it is another one and known */
    bool client_tried, echo_tried;
    unsigned left;         /* of what runs */
};

/* A check that waits. */
struct waiter {
    struct list node;
    struct daemon_check *c;
    struct turn_look *look;
    void (*judge)(struct daemon_check *c, const struct trial *t);
};

struct turn_look {
    struct callbridge *cb;
    struct list waiters;
    struct trial trials[TURNS_MAX];
    size_t n, left;
};

/* --- words ------------------------------------------------------------------------------------ */

static const char *failure(const struct turnprobe_result *r)
{
    return r->failure ? r->failure : "";
}

static const struct turnprobe_result *best(const struct trial *t)
{
    return t->udp.reachable || !t->tcp.reachable ? &t->udp : &t->tcp;
}

/* --- the verdicts ----------------------------------------------------------------------------- */

static void judge_login(struct daemon_check *c, const struct trial *t)
{
    const struct turnprobe_result *r = best(t);
    char seen[NOTE_MAX];

    if (!r->reachable) {
        daemon_check_say(c, DAEMON_NOT_TESTED, t->subject, "%s", t->udp.text);
        return;
    }
    if (r->success) {
        daemon_check_say(c, DAEMON_OK, t->subject, "It gives a relay, after %u ms.", r->rtt_ms);
        return;
    }
    if (str_eq(failure(r), "unauthorized")) {
        (void)snprintf(seen, sizeof(seen), "The server refuses user \"%s\" and its password (%u).",
                       t->server.user, r->code);
        daemon_check_report(c, DAEMON_ERROR, t->subject, seen, "A relay for this user.",
                            "Give the row of turnServers the same user and password as the server: "
                            "on the edge 'stoa config set turnUser ... password=...', inside "
                            "'stoa config set turnServer ... username=... password=...'.");
        return;
    }
    daemon_check_report(c, DAEMON_ERROR, t->subject, r->text, "A relay for this user.",
                        str_eq(failure(r), "quota")
                            ? "Raise the quotas of the kind turn, or its instances and ports."
                            : "See the log of the TURN server.");
}

static void judge_media_range(struct daemon_check *c, const struct trial *t)
{
    const struct site_turn_instance *i = t->server.own
                                             ? site_turn_instance(t->look->cb->site, t->server.id)
                                             : NULL;
    char seen[NOTE_MAX];

    if (!i || !i->media_max || i->media_max - i->media_min + 1 >= RANGE_MIN)
        return;
    (void)snprintf(seen, sizeof(seen), "Its media range %u-%u has %u ports, one for each relay.",
                   i->media_min, i->media_max, i->media_max - i->media_min + 1);
    daemon_check_report(c, DAEMON_WARNING, t->subject, seen, "Some hundred ports: 24000-29999.",
                        "Look for a mistake in the range of the ports (STOA_PORT_RELAY, 'stoa "
                        "ports'), or in 'instances' of the kind turn.");
}

static void judge_media(struct daemon_check *c, const struct trial *t)
{
    char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX], seen[NOTE_MAX];
    const char *what = "nothing that is sent there arrives";

    if (!t->udp.success || !t->echo_tried || t->echo.end == TURNECHO_NO_RELAY) {
        daemon_check_say(c, DAEMON_NOT_TESTED, t->subject,
                         "There are no relays over UDP to try it with.");
        return;
    }
    if (t->echo.end == TURNECHO_OK) {
        daemon_check_say(c, DAEMON_OK, t->subject, "Media goes from relay to relay, %s to %s.",
                         addr_print(&t->echo.relayed[0], a), addr_print(&t->echo.relayed[1], b));
        judge_media_range(c, t);
        return;
    }
    if (t->echo.end == TURNECHO_FORBIDDEN)
        what = "the server forbids one relay to send to the other (403)";
    else if (t->echo.end == TURNECHO_ONE_WAY)
        what = "it arrives in one direction only";
    (void)snprintf(seen, sizeof(seen), "It gives relays at %s and %s, but %s.",
                   addr_print(&t->echo.relayed[0], a), addr_print(&t->echo.relayed[1], b), what);
    daemon_check_report(c, DAEMON_ERROR, t->subject, seen,
                        "What is sent to a relay comes out at the other end.",
                        "Open the media range (UDP 24000-29999) at the TURN server and its "
                        "firewall: 'stoa ports'; look at its static NAT and at the peers it "
                        "allows.");
}

/* The guests' address as an address, if the configuration says so. */
static bool guests_address(const struct trial *t, struct addr *out)
{
    if (site_host_lookup(t->look->cb->site, t->server.client, out, 1) == 0)
        return false;
    out->port = t->server.client_udp;
    return true;
}

static void judge_relayed(struct daemon_check *c, const struct trial *t)
{
    const struct site_turn_server *row = site_turn_server(t->look->cb->site, t->server.row);
    const struct turnprobe_result *r = best(t);
    char relayed[ADDR_TEXT_MAX], seen[NOTE_MAX], want[NOTE_MAX];
    struct addr client;

    if (!r->success) {
        daemon_check_say(c, DAEMON_NOT_TESTED, t->subject, "It gives no relay.");
        return;
    }
    (void)addr_print_ip(&r->relayed, relayed);
    if (!row || str_empty(row->client_address) || !guests_address(t, &client) ||
        addr_ip_eq(&client, &r->relayed) || client.family != r->relayed.family) {
        daemon_check_say(c, DAEMON_OK, t->subject, "Its relays are at %s.", relayed);
        return;
    }
    (void)snprintf(seen, sizeof(seen), "Its relays are at %s%s.", relayed,
                   addr_is_private(&r->relayed) ? ", a private address" : "");
    (void)snprintf(want, sizeof(want), "At %s, the clientAddress by which guests reach the server.",
                   t->server.client);
    daemon_check_report(c, DAEMON_ERROR, t->subject, seen, want,
                        "Set the static NAT of the TURN server ('stoa config set turn "
                        "staticNat=PUBLIC/PRIVATE' on its site), or correct clientAddress.");
}

static void judge_reach(struct daemon_check *c, const struct trial *t)
{
    const char *fix = "Is the server running, is serverAddress the address by which the inside "
                      "reaches it (LAN1), and does the inner firewall let UDP 3478 out?";
    char seen[NOTE_MAX * 2], client[ADDR_TEXT_MAX];

    if (t->udp.reachable) {
        daemon_check_say(c, DAEMON_OK, t->subject, "It answers over UDP.");
        return;
    }
    if (t->tcp.reachable) {
        daemon_check_report(c, DAEMON_WARNING, t->subject,
                            "It does not answer over UDP, but over TCP: media of every guest who "
                            "needs a relay goes over one TCP connection.",
                            "An answer over UDP.",
                            "Let UDP 3478 from the callbridge to the server through the firewall.");
        return;
    }
    (void)str_copy(seen, sizeof(seen), t->udp.text);
    if (t->client_tried && t->client.reachable) {
        (void)snprintf(seen, sizeof(seen), "%s At %s, the guests' address, it does.", t->udp.text,
                       addr_print(&t->client_at, client));
        fix = "Correct serverAddress, or open the way to it: it need not be the guests' address.";
    } else if (t->client_at.family == ADDR_NONE) {
        fix = "Is the server running? serverAddress is also the address of the guests: the inside "
              "may need another one (LAN1), with clientAddress for the guests. Does the inner "
              "firewall let UDP 3478 out?";
    }
    daemon_check_report(c, DAEMON_ERROR, t->subject, seen, "An answer from the inside.", fix);
}

/* False for a server of edges none of which takes guests over TLS at the port of the page. Edges
 * that are not there say nothing. */
static bool has_tls(const struct trial *t)
{
    const struct site_edge_fact *e;
    size_t it = 0, edges = 0;

    while ((e = site_next_edge_fact(t->look->cb->site, &it)) != NULL) {
        if (!str_eq(e->zone, t->server.zone))
            continue;
        edges++;
        if (e->turns_port)
            return true;
    }
    return edges == 0;
}

static void judge_urls(struct daemon_check *c, const struct trial *t)
{
    char at[ADDR_TEXT_MAX], seen[NOTE_MAX];

    if (!t->tcp.reachable && !t->udp.reachable) {
        daemon_check_say(c, DAEMON_NOT_TESTED, t->subject, "%s", t->udp.text);
    } else if (!t->tcp.reachable) {
        (void)snprintf(seen, sizeof(seen), "It answers over UDP, but not over TCP at %s.",
                       addr_print(&t->server.tcp, at));
        daemon_check_report(c, DAEMON_WARNING, t->subject, seen,
                            "An answer over TCP, for guests whose network blocks UDP.",
                            "Open TCP to the TURN server; a server of the type \"standard\" is "
                            "asked at 443 unless tcpPortNumberOverride says otherwise.");
    } else if (!has_tls(t)) {
        daemon_check_report(c, DAEMON_WARNING, t->subject,
                            "Guests get no URL for TURN over TLS: the edge offers none.",
                            "A turns: URL, for guests whose network lets nothing but 443 through.",
                            "'stoa --site edge config set edge turnOverTls=true' on the edge.");
    } else {
        daemon_check_say(c, DAEMON_OK, t->subject, "Guests get a URL for TCP, and it answers.");
    }
}

/* --- the look --------------------------------------------------------------------------------- */

static void look_free(struct turn_look *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct trial *t = &l->trials[i];

        turnprobe_stop(&t->udp_probe);
        turnprobe_stop(&t->tcp_probe);
        turnprobe_stop(&t->client_probe);
        turnecho_stop(&t->echo_run);
        evp_wipe(&t->server, sizeof(t->server));
    }
    if (l->cb->turn_look == l)
        l->cb->turn_look = NULL;
    free(l);
}

/* All is known. A waiter's end may free the look: its list is taken down first. */
static void finish(struct turn_look *l)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &l->waiters) {
        struct waiter *w = LIST_ENTRY(it, struct waiter, node);

        for (size_t i = 0; i < l->n; i++)
            w->judge(w->c, &l->trials[i]);
    }
    l->cb->turn_look = NULL;
    while (!list_empty(&l->waiters)) {
        struct waiter *w = LIST_ENTRY(l->waiters.next, struct waiter, node);
        bool last = l->waiters.next == l->waiters.prev;

        daemon_check_end(w->c); /* frees the waiter, and with the last one the look */
        if (last)
            return;
    }
}

static void one_done(struct trial *t)
{
    struct turn_look *l = t->look;

    if (--t->left == 0 && --l->left == 0)
        finish(l);
}

/* Texts of a result live as long as the callback: `failure` is a constant. */
static void on_client(void *arg, const struct turnprobe_result *r)
{
    struct trial *t = arg;

    t->client_probe = NULL;
    t->client = *r;
    one_done(t);
}

static void on_echo(void *arg, const struct turnecho_result *r)
{
    struct trial *t = arg;

    t->echo_run = NULL;
    t->echo = *r;
    one_done(t);
}

/* Over one of the two only: the other one is a question of its own. */
static struct turnprobe *probe(struct trial *t, const struct addr *to, bool tcp, turnprobe_fn fn)
{
    static const struct addr none = { .family = ADDR_NONE };
    struct turnprobe_server server = { .udp = tcp ? none : *to, .tcp = tcp ? *to : none,
                                       .username = t->server.username,
                                       .password = t->server.password };

    return turnprobe_start(t->look->cb->d->loop, &server, PROBE_MS, fn, t);
}

static void on_udp(void *arg, const struct turnprobe_result *r)
{
    struct trial *t = arg;
    struct addr client;

    t->udp_probe = NULL;
    t->udp = *r;
    if (guests_address(t, &client) && !addr_ip_eq(&client, &t->server.udp))
        t->client_at = client;
    if (r->success) {
        t->left++;
        t->echo_tried = true;
        t->echo_run = turnecho_start(t->look->cb->d->loop, &t->server.udp, t->server.username,
                                     t->server.password, ECHO_MS, on_echo, t);
    } else if (!r->reachable && t->client_at.family != ADDR_NONE) {
        t->left++;
        t->client_tried = true;
        t->client_probe = probe(t, &t->client_at, false, on_client);
    }
    one_done(t);
}

static void on_tcp(void *arg, const struct turnprobe_result *r)
{
    struct trial *t = arg;

    t->tcp_probe = NULL;
    t->tcp = *r;
    one_done(t);
}

static struct turn_look *look_start(struct callbridge *cb, const struct turns_server *list,
                                    size_t n)
{
    struct turn_look *l = MEM_NEW(struct turn_look);
    char at[ADDR_TEXT_MAX];

    l->cb = cb;
    l->n = l->left = n;
    list_init(&l->waiters);
    for (size_t i = 0; i < n; i++) {
        struct trial *t = &l->trials[i];

        t->look = l;
        t->server = list[i];
        t->left = 2;
        (void)snprintf(t->subject, sizeof(t->subject), "%s (%s)", list[i].name,
                       addr_print(&list[i].udp, at));
        t->udp_probe = probe(t, &t->server.udp, false, on_udp);
        t->tcp_probe = probe(t, &t->server.tcp, true, on_tcp);
    }
    return l;
}

/* --- checks ----------------------------------------------------------------------------------- */

static void drop(void *state)
{
    struct waiter *w = state;
    struct turn_look *l = w->look;

    list_del(&w->node);
    free(w);
    if (list_empty(&l->waiters))
        look_free(l);
}

/* A row that is configured, and behind which no server has been found. */
static bool is_listed(const struct turns_server *list, size_t n, const char *row)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(list[i].row, row))
            return true;
    return false;
}

static size_t report_missing(struct daemon_check *c, const struct turns_server *list, size_t n,
                             bool is_reach)
{
    const struct callbridge *cb = daemon_check_daemon(c)->user;
    const struct site_turn_server *row;
    size_t it = 0, rows = 0;

    while ((row = site_next_turn_server(cb->site, &it)) != NULL) {
        rows++;
        if (is_listed(list, n, row->id))
            continue;
        if (is_reach)
            daemon_check_report(c, DAEMON_ERROR, row->server_address,
                                "The name has no address, or the instances behind it are down.",
                                "A TURN server.", "Correct serverAddress, or start the instances.");
        else
            daemon_check_say(c, DAEMON_NOT_TESTED, row->server_address, "There is no server.");
    }
    return rows;
}

static void begin(struct daemon_check *c, bool is_reach,
                  void (*judge)(struct daemon_check *c, const struct trial *t))
{
    struct callbridge *cb = daemon_check_daemon(c)->user;
    size_t n;
    const struct turns_server *list = turns_list(cb->turns, &n);
    struct waiter *w;

    if (report_missing(c, list, n, is_reach) == 0)
        daemon_check_say(c, DAEMON_NOT_TESTED, "",
                         "No TURN server is configured: guests from outside cannot join.");
    if (n == 0) {
        daemon_check_end(c);
        return;
    }
    if (!cb->turn_look)
        cb->turn_look = look_start(cb, list, n);
    w = MEM_NEW(struct waiter);
    w->c = c;
    w->look = cb->turn_look;
    w->judge = judge;
    list_add_tail(&w->look->waiters, &w->node);
    daemon_check_keep(c, w, drop);
}

void check_turn_login(struct daemon_check *c)
{
    begin(c, false, judge_login);
}

void check_turn_media(struct daemon_check *c)
{
    check_hops(c);
    begin(c, false, judge_media);
}

void check_turn_relayed(struct daemon_check *c)
{
    begin(c, false, judge_relayed);
}

void check_turn_reach(struct daemon_check *c)
{
    begin(c, true, judge_reach);
}

void check_turn_urls(struct daemon_check *c)
{
    begin(c, false, judge_urls);
}
