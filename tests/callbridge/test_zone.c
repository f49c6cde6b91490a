/* SPDX-License-Identifier: Apache-2.0
 * Guests from outside: real turn daemons on the bus of an edge, a real callbridge on the bus inside,
 * and nothing between the two but facts, which the test says as expc does. Guests are browsers in C
 * with relays alone.
 *
 * The callbridge's own address is 127.0.0.77 and there is a TURN instance inside at 127.0.0.78: nothing
 * that a guest outside gets may name them. */
#include "cbfix.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <bus/envelope.h>
#include <bus/validate.h>
#include <calls.pb-c.h>
#include <loop/clock.h>
#include <stun/credential.h>
#include <turn.pb-c.h>
#include <zone.pb-c.h>

#include "cm.h"
#include "relaybrowser.h"
#include "turnfix.h"

#define INSIDE "127.0.0.7" /* the beginning of both inside addresses */

enum { WAIT_MS = 30000, REPEAT_MS = 2000, TTL_MS = 60000, TURNS = 2 };

static struct cbfix fix;       /* inside */
static struct turnfix edge;
static struct bus *expc, *inner_turn;
static struct dtls_ctx *dtls;
static uv_timer_t repeat, clock_timer;
static char zone[64];
static bool is_there[TURNS + 1]; /* instance `number` has a row; 0: the edge itself */
static unsigned revoked;
static char revoked_id[STUN_CRED_ID_SIZE];

/* --- expc ------------------------------------------------------------------------------------- */

static const struct bus_dst config_dst = { .role = "config" };

static void on_said(void *arg, const struct bus_result *result)
{
    (void)arg;
    assert_true(result->code == BUS_OK || result->code == BUS_UNAVAILABLE);
}

static void say(unsigned number)
{
    Stoa__Zone__V1__FactRequest req = STOA__ZONE__V1__FACT_REQUEST__INIT;
    char id[16], holder[32], port[8];
    const char *const turn[][2] = {
        { "holder", holder },          { "port", port },
        { "addresses", "127.0.0.1" },  { "publicAddresses", "127.0.0.1" },
        { "servers", "127.0.0.1" },    { "realm", "octavio.com" },
        { "state", "serving" },
    };
    static const char *const of_edge[][2] = {
        { "names", "localhost,join.octavio.com,other.octavio.com" }, { "turnsPort", "443" },
    };
    const char *const(*pairs)[2] = number ? turn : of_edge;
    Stoa__Zone__V1__Field items[ARRAY_LEN(turn)], *ptrs[ARRAY_LEN(turn)];

    (void)snprintf(id, sizeof(id), "id%u", number);
    (void)snprintf(holder, sizeof(holder), "edge1/%u", number);
    (void)snprintf(port, sizeof(port), "%u", number ? turnfix_addr(&edge, number).port : 0);
    req.zone = zone;
    req.kind = TEXT(number ? "turnInstance" : "edge");
    req.id = id;
    req.has_gone = req.has_ttl_ms = true;
    req.gone = !is_there[number];
    req.ttl_ms = TTL_MS;
    req.n_fields = req.gone ? 0 : number ? ARRAY_LEN(turn) : ARRAY_LEN(of_edge);
    req.fields = ptrs;
    for (size_t i = 0; i < req.n_fields; i++) {
        ptrs[i] = &items[i];
        stoa__zone__v1__field__init(ptrs[i]);
        items[i].name = TEXT(pairs[i][0]);
        items[i].value = TEXT(pairs[i][1]);
    }
    (void)bus_request(expc, &config_dst, &req.base, NULL, on_said, NULL);
}

static void set_there(unsigned number, bool there)
{
    is_there[number] = there;
    say(number);
}

static void on_repeat(uv_timer_t *timer)
{
    (void)timer;
    for (unsigned i = 0; i <= TURNS; i++)
        say(i);
}

static void on_clock(uv_timer_t *timer)
{
    (void)timer; /* wakes the loop so that conditions are looked at */
}

static void on_revoke(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Turn__V1__RevokeEvent *ev = (const void *)body;

    (void)arg;
    (void)call;
    revoked++;
    (void)str_copy(revoked_id, sizeof(revoked_id), ev->n_ids ? ev->ids[0] : "");
}

static const struct bus_handler expc_handlers[] = {
    { &stoa__turn__v1__revoke_event__descriptor, on_revoke },
};

/* --- the fixture ------------------------------------------------------------------------------ */

static void must(const struct confix_answer *a)
{
    if (a->code != BUS_OK || a->problem[0])
        fail_msg("config says %s %s", a->problem, a->text);
}

/* An instance of the site inside, at which nobody answers. */
static void register_inside(void)
{
    Stoa__Turn__V1__LeaseRequest req = STOA__TURN__V1__LEASE_REQUEST__INIT;
    struct confix_answer a;
    char *address = TEXT("127.0.0.78");

    inner_turn = busfix_connect(fix.conf.bus_fix, "turn");
    bus_set_serving(inner_turn, BUS_SERVING);
    req.holder = TEXT("inner/1");
    req.has_number = true;
    req.number = 1;
    req.n_addresses = req.n_servers = 1;
    req.addresses = req.servers = &address;
    req.realm = TEXT("octavio.com");
    req.state = TEXT("serving");
    assert_int_equal(busfix_ask(fix.conf.bus_fix, inner_turn, &config_dst, &req.base, NULL),
                     BUS_OK);
    confix_add(&fix.conf, "turnServer", CONFIX_FIELDS("serverAddress", "127.0.0.78", "username",
                                                      "strict", "password", "turnpass"), &a);
    must(&a);
}

static int setup(void **state)
{
    struct confix_answer a;
    uv_loop_t *loop;

    *state = &fix;
    edge.site = "edge";
    turnfix_open(&edge);
    turnfix_start(&edge, 1);
    turnfix_start(&edge, 2);
    cbfix_open(&fix);
    fix.listen = "127.0.0.77";
    confix_add(&fix.conf, "zone", CONFIX_FIELDS("name", "vcse", "address", "127.0.0.1"), &a);
    must(&a);
    (void)str_copy(zone, sizeof(zone), a.id);
    confix_add(&fix.conf, "turnServer",
               CONFIX_FIELDS("serverAddress", "127.0.0.1", "clientAddress", "127.0.0.1", "username",
                             "strict", "password", "turnpass"), &a);
    must(&a);
    register_inside();
    expc = busfix_serve(fix.conf.bus_fix, "expc");
    bus_handle(expc, expc_handlers, ARRAY_LEN(expc_handlers), NULL);
    loop = busfix_loop(fix.conf.bus_fix);
    (void)uv_timer_init(loop, &repeat);
    (void)uv_timer_init(loop, &clock_timer);
    (void)uv_timer_start(&repeat, on_repeat, REPEAT_MS, REPEAT_MS);
    (void)uv_timer_start(&clock_timer, on_clock, 10, 10);
    for (unsigned i = 0; i <= TURNS; i++)
        set_there(i, true);
    dtls = dtls_ctx_new();
    cbfix_bridge_start(&fix, 0, NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    uv_close((uv_handle_t *)&repeat, NULL);
    uv_close((uv_handle_t *)&clock_timer, NULL);
    bus_free(&inner_turn);
    bus_free(&expc);
    busfix_run_for(fix.conf.bus_fix, 10);
    cbfix_close(&fix);
    turnfix_close(&edge);
    dtls_ctx_free(dtls);
    return 0;
}

/* --- guests ----------------------------------------------------------------------------------- */

struct caller {
    struct guest g;
    struct relaybrowser *u;
    struct stun_cred cred; /* of the servers that it was given */
};

static const Stoa__Bridge__V1__JoinReply *joined(const struct guest *g)
{
    return (const void *)g->a.body;
}

static bool names_inside(const ProtobufCMessage *m)
{
    size_t len;
    uint8_t *packed = bus_pack(m, &len);
    bool found = memmem(packed, len, INSIDE, strlen(INSIDE)) != NULL;

    free(packed);
    return found;
}

/* Whether anything that the guest's WebSocket got names an inside address. */
static bool was_told_of_inside(const struct guest *g)
{
    const struct cbfix_web *w = &fix.web[g->web];

    for (size_t i = 0; i < w->n_events; i++)
        if (str_eq(w->events[i]->session_id, g->session) && names_inside(&w->events[i]->base))
            return true;
    return g->a.body && names_inside(g->a.body);
}

/* Relays that the callbridge has got so far, and how many it shall have got. */
static unsigned wanted = TURNS;

static unsigned allocated(void)
{
    char *log = cbfix_log(&fix, 0);
    unsigned n = 0;

    for (const char *at = log; (at = strstr(at, "relay allocated")) != NULL; at++)
        n++;
    free(log);
    return n;
}

static bool has_relays(void *arg)
{
    (void)arg;
    return allocated() >= wanted;
}

static void log_in(struct caller *c, const char *through)
{
    c->g = guest_new(&fix, 0);
    c->g.zone = through;
    assert_int_equal(guest_login(&c->g, "100101", ""), BUS_OK);
    assert_false(through && was_told_of_inside(&c->g));
    assert_int_equal(guest_join(&c->g, "Ada"), BUS_OK);
}

/* A browser that allocates at the servers of the join's answer. */
static void open_browser(struct caller *c)
{
    struct browser_opts opts = { .dtls = dtls, .frame_us = 100000 };
    struct relaybrowser_server servers[RELAYBROWSER_SERVERS];
    const Stoa__Bridge__V1__JoinReply *r = joined(&c->g);
    unsigned n = 0;

    for (size_t i = 0; i < r->n_ice_servers && n < ARRAY_LEN(servers); i++) {
        const Stoa__Bridge__V1__IceServer *s = r->ice_servers[i];
        unsigned port = 0;

        assert_int_equal(sscanf(s->urls[0], "turn:127.0.0.1:%u?transport=udp", &port), 1);
        assert_int_equal(addr_parse_ip(&servers[n].addr, "127.0.0.1", (uint16_t)port), 0);
        (void)str_copy(servers[n].username, sizeof(servers[n].username), s->username);
        (void)str_copy(servers[n].password, sizeof(servers[n].password), s->credential);
        n++;
    }
    c->u = relaybrowser_new(busfix_loop(fix.conf.bus_fix), &opts, servers, n);
}

static bool browser_is_ready(void *arg)
{
    return relaybrowser_ready(((struct caller *)arg)->u);
}

static void offer(struct caller *c)
{
    char *sdp;

    assert_true(busfix_run_until(fix.conf.bus_fix, browser_is_ready, c, WAIT_MS));
    sdp = browser_offer(c->u->browser);
    assert_int_equal(guest_offer(&c->g, sdp), BUS_OK);
    free(sdp);
}

static const char *answer_of(const struct caller *c)
{
    return ((const Stoa__Bridge__V1__OfferReply *)(const void *)c->g.a.body)->sdp;
}

static void assert_relays_only(const char *sdp)
{
    const char *at = sdp;
    unsigned n = 0;

    for (; (at = strstr(at, "a=candidate:")) != NULL; at++, n++) {
        const char *end = strchr(at, '\r');
        char *line = str_ndup(at, (size_t)(end - at));

        assert_non_null(strstr(line, " typ relay raddr 0.0.0.0 rport 0"));
        free(line);
    }
    assert_true(n > 0);
    assert_null(strstr(sdp, INSIDE));
}

/* Two instances, each by UDP and TCP, and TLS at the edge once. */
static void assert_servers(struct caller *c)
{
    const Stoa__Bridge__V1__JoinReply *r = joined(&c->g);

    assert_int_equal(r->n_ice_servers, TURNS);
    for (size_t i = 0; i < TURNS; i++) {
        const Stoa__Bridge__V1__IceServer *s = r->ice_servers[i];

        assert_int_equal(s->n_urls, i == 0 ? 3 : 2);
        assert_non_null(strstr(s->urls[0], "?transport=udp"));
        assert_non_null(strstr(s->urls[1], "?transport=tcp"));
        assert_int_equal(stun_cred_parse(&c->cred, s->username), 0);
        assert_int_equal(c->cred.role, STUN_CRED_GUEST);
    }
    assert_string_equal(r->ice_servers[0]->urls[2], "turns:join.octavio.com:443?transport=tcp");
}

static void enter(struct caller *c)
{
    log_in(c, zone);
    assert_servers(c);
    assert_false(was_told_of_inside(&c->g));
    open_browser(c);
    offer(c);
    assert_relays_only(answer_of(c));
    browser_answer(c->u->browser, loop_now_us(), answer_of(c));
}

static void leave(struct caller *c)
{
    assert_int_equal(guest_leave(&c->g), BUS_OK);
    relaybrowser_free(c->u);
    c->u = NULL;
    guest_fini(&c->g);
    busfix_run_for(fix.conf.bus_fix, 10);
}

/* Candidates that came after the answer go to the browser. */
static void take_candidates(struct caller *c)
{
    while (guest_has_event(&c->g, STOA__BRIDGE__V1__SESSION_EVENT__EVENT_CANDIDATE)) {
        const Stoa__Bridge__V1__SessionEvent *e =
            guest_event(&c->g, STOA__BRIDGE__V1__SESSION_EVENT__EVENT_CANDIDATE);

        assert_false(names_inside(&e->base));
        (void)!peer_add_candidate(c->u->browser->peer, loop_now_us(), e->candidate->candidate,
                                  NULL);
    }
}

/* Both see and hear each other now. */
static bool meet(void *arg)
{
    struct caller *c = arg;

    for (unsigned i = 0; i < 2; i++) {
        const struct browser *b = c[i].u->browser;
        uint32_t other = c[1 - i].g.number;
        const struct browser_slot *video = browser_shows(b, true, other, loop_now_us());

        take_candidates(&c[i]);
        if (!video || !video->decodable || !browser_shows(b, false, other, loop_now_us()))
            return false;
    }
    return true;
}

/* --- which instance carries ------------------------------------------------------------------- */

static double carried(unsigned number)
{
    static const char *const paths[] = {
        "dir=\"up\",path=\"user\"", "dir=\"down\",path=\"user\"", "dir=\"both\",path=\"hairpin\"",
    };
    double sum = 0;

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        char *name = str_printf("stoa_turn_packets_total{%s}", paths[i]);

        sum += turnfix_metric(&edge, number, name);
        free(name);
    }
    return sum;
}

/* Media runs until one of the instances has carried so much more: its number; 0: none does. */
static unsigned in_use(struct caller c[2])
{
    int64_t end_ms = loop_now_ms() + WAIT_MS;
    double before[TURNS] = { carried(1), carried(2) };

    while (loop_now_ms() < end_ms) {
        for (unsigned i = 1; i <= TURNS; i++)
            if (carried(i) >= before[i - 1] + 200)
                return i;
        busfix_run_for(fix.conf.bus_fix, 50);
        (void)meet(c);
    }
    return 0;
}

static bool is_revoked(void *arg)
{
    return revoked > *(unsigned *)arg;
}

/* While it starts, the bus inside must not take us for dead. */
static void start_again(unsigned number)
{
    int64_t end_ms = loop_now_ms() + WAIT_MS;

    turnfix_start_only(&edge, number);
    while (!turnfix_wait_ready(&edge, number, 20)) {
        assert_true(loop_now_ms() < end_ms);
        busfix_run_for(fix.conf.bus_fix, 20);
    }
}

static bool is_asked(void *arg)
{
    return guest_has_event(&((struct caller *)arg)->g,
                           STOA__BRIDGE__V1__SESSION_EVENT__EVENT_RESTART);
}

static bool is_told_of_host(void *arg)
{
    const struct caller *c = arg;

    return guest_has_event(&c->g, STOA__BRIDGE__V1__SESSION_EVENT__EVENT_CANDIDATE);
}

/* The same guest over another WebSocket. */
static void resume(struct caller *c, const char *through)
{
    struct guest other = guest_new(&fix, 0);

    (void)str_copy(c->g.session, sizeof(c->g.session), other.session);
    c->g.zone = through;
    assert_int_equal(guest_resume(&c->g, c->g.number), BUS_OK);
}

/* The zone of the only participant, as operators are told: "" inside. */
static void assert_came_through(const char *name)
{
    const struct bus_dst dst = { .role = "callbridge" };
    Stoa__Calls__V1__ListCallsRequest req = STOA__CALLS__V1__LIST_CALLS_REQUEST__INIT;
    Stoa__Calls__V1__ListCallsReply *r = NULL;
    const char *zone_name;

    assert_int_equal(busfix_ask(fix.conf.bus_fix, fix.conf.admin, &dst, &req.base,
                                (ProtobufCMessage **)&r), BUS_OK);
    assert_int_equal(r->n_calls, 1);
    assert_int_equal(r->calls[0]->n_participants, 1);
    zone_name = r->calls[0]->participants[0]->zone;
    assert_string_equal(zone_name ? zone_name : "", name);
    bus_msg_free((ProtobufCMessage **)&r);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void a_guest_outside_is_offered_relays_and_nothing_else(void **state)
{
    struct caller c = { 0 }, inner = { 0 };
    unsigned before;

    (void)state;
    assert_true(busfix_run_until(fix.conf.bus_fix, has_relays, NULL, WAIT_MS));
    enter(&c);
    assert_came_through("vcse");
    before = revoked;
    leave(&c); /* the edges are told */
    assert_true(busfix_run_until(fix.conf.bus_fix, is_revoked, &before, WAIT_MS));
    assert_string_equal(revoked_id, c.cred.id);

    /* The same from inside: there it is named, so what is looked for can be found. */
    log_in(&inner, NULL);
    assert_servers(&inner);
    open_browser(&inner);
    offer(&inner);
    assert_came_through("");
    assert_non_null(strstr(answer_of(&inner), "127.0.0.77"));
    assert_true(was_told_of_inside(&inner.g));
    leave(&inner);
}

static bool rows_are(bool there)
{
    for (unsigned i = 1; i <= TURNS; i++) {
        char holder[32];

        (void)snprintf(holder, sizeof(holder), "vcse:edge1/%u", i);
        if (str_eq(confix_value(&fix.conf, "turnInstance", holder, "port"), "(gone)") == there)
            return false;
    }
    return true;
}

/* Nothing is said any more, but the instances live: what runs goes on. */
static void a_zone_that_is_cut_ends_no_media(void **state)
{
    struct caller c[2] = { 0 };

    (void)state;
    enter(&c[0]);
    enter(&c[1]);
    assert_true(busfix_run_until(fix.conf.bus_fix, meet, c, WAIT_MS));
    for (unsigned i = 1; i <= TURNS; i++)
        set_there(i, false);
    while (!rows_are(false))
        busfix_run_for(fix.conf.bus_fix, 20);
    for (int i = 0; i < 5; i++)
        assert_int_not_equal(in_use(c), 0);
    assert_true(busfix_run_until(fix.conf.bus_fix, meet, c, WAIT_MS));
    for (unsigned i = 1; i <= TURNS; i++)
        set_there(i, true);
    while (!rows_are(true))
        busfix_run_for(fix.conf.bus_fix, 20);
    assert_int_not_equal(in_use(c), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_false(is_asked(&c[i])); /* no restart was needed */
        assert_false(was_told_of_inside(&c[i].g));
        leave(&c[i]);
    }
}

/* How many servers somebody who comes now is given. */
static size_t servers_for(const char *through)
{
    struct caller late = { 0 };
    size_t n;

    log_in(&late, through);
    n = joined(&late.g)->n_ice_servers;
    if (through)
        assert_false(was_told_of_inside(&late.g));
    assert_int_equal(guest_leave(&late.g), BUS_OK);
    guest_fini(&late.g);
    return n;
}

static bool nobody_outside_gets_any(void *arg)
{
    (void)arg;
    return servers_for(zone) == 0;
}

/* The callbridge learns it from the socket or from the row, whichever comes first. */
static void instances_that_are_killed_are_replaced_and_missed(void **state)
{
    struct caller c[2] = { 0 };
    unsigned used, other;

    (void)state;
    enter(&c[0]);
    enter(&c[1]);
    assert_true(busfix_run_until(fix.conf.bus_fix, meet, c, WAIT_MS));
    used = in_use(c);
    assert_int_not_equal(used, 0);
    other = TURNS + 1 - used;
    (void)turnfix_stop(&edge, used, SIGKILL);
    set_there(used, false);
    while (in_use(c) == used)
        ;
    assert_true(busfix_run_until(fix.conf.bus_fix, meet, c, WAIT_MS));
    (void)turnfix_stop(&edge, other, SIGKILL);
    set_there(other, false);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(busfix_run_until(fix.conf.bus_fix, is_asked, &c[i], WAIT_MS));
        assert_false(was_told_of_inside(&c[i].g));
        leave(&c[i]);
    }
    /* Nothing is left at the edge: the instance inside is for those inside alone. */
    assert_true(busfix_run_until(fix.conf.bus_fix, nobody_outside_gets_any, NULL, WAIT_MS));
    assert_int_equal(servers_for(NULL), 1);
    wanted = allocated() + TURNS;
    for (unsigned i = 1; i <= TURNS; i++) {
        start_again(i);
        set_there(i, true);
    }
    assert_true(busfix_run_until(fix.conf.bus_fix, has_relays, NULL, WAIT_MS));
}

static void a_guest_who_moves_gets_what_fits(void **state)
{
    const Stoa__Bridge__V1__SessionEvent *e;
    struct caller c = { 0 };
    char *sdp;

    (void)state;
    enter(&c);
    resume(&c, NULL); /* inside now, with the same ticket */
    assert_true(busfix_run_until(fix.conf.bus_fix, is_asked, &c, WAIT_MS));
    assert_true(busfix_run_until(fix.conf.bus_fix, is_told_of_host, &c, WAIT_MS));
    e = guest_event(&c.g, STOA__BRIDGE__V1__SESSION_EVENT__EVENT_CANDIDATE);
    assert_non_null(strstr(e->candidate->candidate, " 127.0.0.77 "));
    assert_non_null(strstr(e->candidate->candidate, " typ host"));
    resume(&c, zone); /* and outside again */
    assert_false(was_told_of_inside(&c.g));
    assert_true(busfix_run_until(fix.conf.bus_fix, is_asked, &c, WAIT_MS));
    sdp = peer_restart_offer(c.u->browser->peer, loop_now_us());
    assert_int_equal(guest_offer(&c.g, sdp), BUS_OK);
    free(sdp);
    assert_relays_only(answer_of(&c));
    assert_false(was_told_of_inside(&c.g));
    leave(&c);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_guest_outside_is_offered_relays_and_nothing_else),
        TEST(a_zone_that_is_cut_ends_no_media),
        TEST(instances_that_are_killed_are_replaced_and_missed),
        TEST(a_guest_who_moves_gets_what_fits),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
