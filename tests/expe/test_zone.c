/* SPDX-License-Identifier: Apache-2.0
 * The zone port and what goes over it: who may connect, what the edge says of itself, what it
 * does when it is asked, and what the pages of operators show. */
#include "expefix.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/validate.h>
#include <doctor.pb-c.h>
#include <loop/clock.h>
#include <scram/scram.h>
#include <turn.pb-c.h>
#include <zone.pb-c.h>

#include "guest.h"
#include "inside.h"
#include "lease.h"
#include "limits.h"

#include "cm.h"

#define NAME EXPEFIX_NAME

/* --- who may connect -------------------------------------------------------------------------- */

static void a_zone_becomes_active_and_its_fault_ends(void **state)
{
    struct expefix *f = *state;
    struct inside in = { 0 };

    assert_true(expefix_wait_status(f, "\"zoneConnection\"", true)); /* nobody has connected yet */
    inside_open(&in, f);
    assert_true(in.up);
    assert_true(expefix_wait_log(f, "zone " EXPEFIX_ZONE ": active"));
    assert_true(expefix_wait_status(f, "\"zoneConnection\"", false));
    inside_close(&in);
    assert_true(expefix_wait_status(f, "\"zoneConnection\"", true));
}

static void each_layer_fails_alone_with_its_own_word(void **state)
{
    struct expefix *f = *state;
    const char *const wrong_name[] = { "other.octavio.local" };
    const struct pki_opts opts = { .names = wrong_name, .name_count = 1, .now_s = time(NULL) };
    struct pki_pair named = { 0 }, foreign = { 0 };
    const char *const right_name[] = { EXPEFIX_EXPC };
    const struct pki_opts right = { .names = right_name, .name_count = 1, .now_s = time(NULL) };
    struct inside password = { .password = "wrong" }, user = { .user = "nobody" };
    struct inside subject = { .pair = &named }, untrusted = { .pair = &foreign };

    assert_int_equal(pki_issue(&named, &f->inside_ca, &opts, NULL), 0);
    assert_int_equal(pki_issue(&foreign, &f->foreign_ca, &right, NULL), 0);
    inside_open(&password, f);
    assert_int_equal(password.why, TUNNEL_CREDENTIALS);
    inside_open(&user, f);
    assert_int_equal(user.why, TUNNEL_CREDENTIALS);
    assert_string_equal(user.text, password.text);
    inside_open(&subject, f);
    assert_int_equal(subject.why, TUNNEL_SUBJECT_NAME);
    inside_open(&untrusted, f);
    assert_int_equal(untrusted.why, TUNNEL_UNTRUSTED);
    assert_true(expefix_wait_log(f, "credentials"));
    assert_true(expefix_wait_log(f, "subjectName"));
    assert_true(expefix_wait_log(f, "untrusted"));
    assert_true(expefix_wait_status(f, "\"zoneConnection\"", true));
    pki_pair_fini(&named);
    pki_pair_fini(&foreign);
}

static void a_foreign_domain_is_denied(void **state)
{
    static const char *const domains[] = { "octavio.com", "evil.example", NAME, "octavio.local" };
    struct expefix *f = *state;
    struct inside in = { .domains = domains, .domain_count = ARRAY_LEN(domains) };
    struct inside rogue = { .domain = "evil.example" };

    inside_open(&in, f);
    assert_true(in.up);
    assert_string_equal(in.denied, "evil.example:notConfigured,octavio.local:notConfigured,");
    inside_open(&rogue, f);
    assert_true(rogue.down);
    assert_int_equal(rogue.why, TUNNEL_DOMAIN);
    inside_close(&in);
}

static void a_zone_that_is_switched_off_ends(void **state)
{
    struct expefix *f = *state;
    struct inside in = { 0 }, again = { 0 };

    inside_open(&in, f);
    assert_true(in.up);
    expefix_set(f, "zoneServer", f->zone, CONFIX_FIELDS("enabled", "false"));
    assert_true(inside_went_down(&in));
    inside_open(&again, f);
    assert_int_equal(again.why, TUNNEL_CREDENTIALS);
    expefix_set(f, "zoneServer", f->zone, CONFIX_FIELDS("enabled", "true"));
    assert_true(expefix_wait_status(f, "\"zoneConnection\"", true));
    inside_open(&in, f);
    assert_true(in.up);
    inside_close(&in);
}

static void the_newest_registration_of_a_process_counts(void **state)
{
    struct expefix *f = *state;
    struct inside old = { .node = "same", .domain = NAME }, new = old, other = { .node = "other",
                                                                                 .domain = NAME };
    char *text;

    inside_open(&old, f);
    inside_open(&other, f);
    inside_open(&new, f);
    assert_true(inside_went_down(&old));
    assert_int_equal(old.why, TUNNEL_REPLACED);
    assert_true(new.up);
    assert_true(other.up);
    inside_close(&other);
    text = guest_page(f, NAME, "GET / HTTP/1.1\r\nHost: " NAME "\r\n\r\n", "stoa-connection");
    assert_true(str_starts(text, "HTTP/1.1 200"));
    free(text);
    assert_int_equal(new.streams, 1);
    inside_close(&new);
}

static void new_connections_take_the_tunnel_that_is_left(void **state)
{
    struct expefix *f = *state;
    struct inside a = { .node = "a", .domain = NAME }, b = { .node = "b", .domain = NAME };
    struct guest g[6];

    inside_open(&a, f);
    inside_open(&b, f);
    for (size_t i = 0; i < 4; i++) { /* held open: they are shared evenly */
        guest_open(&g[i], f, NAME);
        guest_get(&g[i], NAME, "/echo");
        assert_true(guest_saw(&g[i], "echoing\n"));
    }
    assert_int_equal(a.streams, 2);
    assert_int_equal(b.streams, 2);
    inside_close(&a);
    for (size_t i = 4; i < 6; i++) {
        guest_open(&g[i], f, NAME);
        guest_get(&g[i], NAME, "/echo");
        assert_true(guest_saw(&g[i], "echoing\n"));
    }
    assert_int_equal(b.streams, 4);
    for (size_t i = 0; i < ARRAY_LEN(g); i++)
        guest_close(&g[i]);
    inside_close(&b);
}

static void guessing_is_slowed_and_the_lock_has_its_own_word(void **state)
{
    struct expefix *f = *state;
    struct inside right = { .from = "127.0.0.2" }, elsewhere = { .node = "elsewhere" };
    unsigned tries = 0;
    bool locked = false;

    for (; tries < 10 * EXPE_TRY_BURST && !locked; tries++) {
        struct inside wrong = { .from = "127.0.0.2", .password = "guess" };

        inside_open(&wrong, f);
        assert_true(wrong.down);
        locked = wrong.why == TUNNEL_LOCKED;
    }
    assert_true(locked);
    assert_true(tries > EXPE_TRY_BURST);
    inside_open(&elsewhere, f); /* other addresses do not suffer */
    assert_true(elsewhere.up);
    do /* it never closes for good */
        inside_open(&right, f);
    while (right.why == TUNNEL_LOCKED);
    assert_true(right.up);
    inside_close(&right);
    inside_close(&elsewhere);
}

static void somebody_who_is_refused_beside_the_zone_is_told(void **state)
{
    struct expefix *f = *state;
    struct inside in = { .node = "own" }, wrong = { .password = "guess" };

    inside_open(&in, f);
    assert_true(expefix_wait_status(f, "\"zoneConnection\"", false));
    inside_open(&wrong, f);
    assert_int_equal(wrong.why, TUNNEL_CREDENTIALS);
    assert_true(expefix_wait_status(f, "\"zoneRefused\"", true));
    assert_true(expefix_wait_status(f, "\"zoneConnection\"", false));
    assert_true(in.up);
    inside_close(&in);
}

static void a_stranger_cannot_fill_the_log(void **state)
{
    struct expefix *f = *state;
    unsigned lines = 0;
    char *log;

    for (int i = 0; i < 50; i++) {
        int fd = expefix_connect_from(f, EXPEFIX_ZONE_PORT, "127.0.0.3");

        assert_int_equal(send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL), 18);
        close(fd);
    }
    assert_true(expefix_wait_log(f, "from=127.0.0.3:"));
    assert_true(expefix_wait_metric(f, "stoa_expe_links", 0));
    log = expefix_log(f);
    for (const char *at = log; (at = strstr(at, "127.0.0.3")) != NULL; at++)
        lines++;
    free(log);
    assert_true(lines <= 6); /* one for each way of ending, in a minute */
}

/* The test's own wall clock, of which the link tells the other end (linked with --wrap). */
int64_t __real_loop_wall_us(void);
int64_t __wrap_loop_wall_us(void);
static int64_t skew_us;

int64_t __wrap_loop_wall_us(void)
{
    return __real_loop_wall_us() + skew_us;
}

/* What the edge says to `stoa doctor` about an id: the worst result, "" nothing. */
static const char *doctor_says(struct expefix *f, const char *id, char *seen, size_t cap)
{
    Stoa__Doctor__V1__CheckRequest req = STOA__DOCTOR__V1__CHECK_REQUEST__INIT;
    const struct bus_dst dst = { .role = "expe" };
    static const char *const order[] = { "error", "warning", "ok" };
    const Stoa__Doctor__V1__CheckReply *r;
    const char *found = "";
    ProtobufCMessage *body = NULL;
    char *ids[] = { (char *)(uintptr_t)id };

    req.ids = ids;
    req.n_ids = 1;
    assert_int_equal(busfix_ask(f->conf.bus_fix, f->conf.admin, &dst, &req.base, &body), BUS_OK);
    r = (const void *)body;
    for (size_t o = 0; o < ARRAY_LEN(order) && !found[0]; o++)
        for (size_t i = 0; i < r->n_findings; i++)
            if (str_eq(r->findings[i]->result, order[o])) {
                found = order[o];
                (void)str_copy(seen, cap, r->findings[i]->observed);
            }
    bus_msg_free(&body);
    return found;
}

static void a_clock_that_is_off_is_a_fault_of_its_own(void **state)
{
    struct expefix *f = *state;
    struct inside in = { .node = "late" };
    char seen[200] = "";

    skew_us = -(int64_t)120 * 1000000;
    inside_open(&in, f);
    skew_us = 0;
    assert_true(in.up);
    assert_true(expefix_wait_status(f, "\"zoneClock\"", true));
    assert_true(expefix_wait_log(f, "differs by -1")); /* 120 s, and what the way has taken */
    assert_string_equal(doctor_says(f, "TUN-8", seen, sizeof(seen)), "warning");
    assert_non_null(strstr(seen, "behind ours"));
    assert_string_equal(doctor_says(f, "TUN-3", seen, sizeof(seen)), "ok");
    assert_string_equal(doctor_says(f, "TUN-1", seen, sizeof(seen)), "ok");
    inside_close(&in);
    inside_open(&in, f);
    assert_true(expefix_wait_status(f, "\"zoneClock\"", false));
    assert_string_equal(doctor_says(f, "TUN-8", seen, sizeof(seen)), "ok");
    inside_close(&in);
}

/* --- pairing ---------------------------------------------------------------------------------- */

static char *add_zone(struct expefix *f, const char *name, const char *user, int64_t until_s)
{
    struct scram_verifier v;
    struct confix_answer a;
    char *verifier, until[24];

    scram_verifier_make(&v, SCRAM_SHA_256, EXPEFIX_PASSWORD, SCRAM_ITERATIONS);
    verifier = scram_verifier_print(&v);
    (void)snprintf(until, sizeof(until), "%lld", (long long)until_s);
    expefix_add(f, "zoneUser", CONFIX_FIELDS("name", user, "verifier", verifier));
    free(verifier);
    confix_add(&f->conf, "zoneServer",
               CONFIX_FIELDS("name", name, "username", user, "subjectNames", EXPEFIX_EXPC,
                             "pairUntil", until), &a);
    assert_int_equal(a.code, BUS_OK);
    assert_string_equal(a.problem, "");
    return str_dup(a.id);
}

static void remove_zone(struct expefix *f, char *id)
{
    struct confix_answer a;

    confix_delete(&f->conf, "zoneServer", id, &a);
    assert_int_equal(a.code, BUS_OK);
    free(id);
}

struct stored {
    struct expefix *f;
    const char *zone;
};

static bool is_stored(void *arg)
{
    const struct stored *s = arg;

    return !str_eq(confix_value(&s->f->conf, "zoneServer", s->zone, "peerCa"), "(unset)");
}

static void open_when_known(struct inside *in, struct expefix *f)
{
    do /* until the edge has heard of the new zone */
        inside_open(in, f);
    while (in->why == TUNNEL_CREDENTIALS || in->why == TUNNEL_LOCKED);
}

static void a_zone_is_paired_by_its_first_connection_and_by_no_second(void **state)
{
    struct expefix *f = *state;
    const char *const names[] = { EXPEFIX_EXPC };
    const struct pki_opts opts = { .names = names, .name_count = 1, .now_s = time(NULL) };
    struct pki_pair foreign = { 0 };
    struct inside first = { .user = "newuser", .node = "first" };
    struct inside second = { .user = "newuser", .node = "second", .pair = &foreign,
                             .ca = &f->foreign_ca };
    struct inside nameless = { .user = "newuser", .node = "third" };
    char *zone = add_zone(f, "New Zone", "newuser", time(NULL) + 3600);
    struct stored s = { f, zone };

    assert_int_equal(pki_issue(&foreign, &f->foreign_ca, &opts, NULL), 0);
    open_when_known(&first, f);
    assert_true(first.up);
    inside_open(&second, f); /* at once: config may not have stored it yet */
    assert_int_equal(second.why, TUNNEL_UNTRUSTED);
    assert_true(expefix_until(f, is_stored, &s));
    inside_open(&second, f);
    assert_int_equal(second.why, TUNNEL_UNTRUSTED);
    assert_true(first.up);
    inside_open(&nameless, f); /* the same CA again */
    assert_true(nameless.up);
    inside_close(&nameless);
    inside_close(&first);
    remove_zone(f, zone);
    pki_pair_fini(&foreign);
}

static void a_zone_that_waits_no_longer_is_not_paired(void **state)
{
    struct expefix *f = *state;
    struct inside in = { .user = "olduser" };
    char *zone = add_zone(f, "Old Zone", "olduser", time(NULL) - 1);

    open_when_known(&in, f);
    assert_int_equal(in.why, TUNNEL_UNTRUSTED);
    assert_true(expefix_wait_status(f, "\"zonePairing\"", true));
    remove_zone(f, zone);
    assert_true(expefix_wait_status(f, "\"zonePairing\"", false));
}

/* --- what the edge says ----------------------------------------------------------------------- */

static void the_edge_says_what_it_is_and_which_turn_instances_are_up(void **state)
{
    struct expefix *f = *state;
    struct inside in = { 0 }, late = { .node = "late" };
    struct lease l;
    struct bus *turn;
    char field[64];

    inside_open(&in, f);
    assert_true(inside_saw_row(&in, "edge", "names="));
    assert_true(inside_saw_row(&in, "edge", NAME));
    assert_true(inside_saw_row(&in, "edge", EXPEFIX_OTHER));
    assert_false(strstr(in.rows[0].fields, "turnsPort="));
    turn = lease_up(f, &l);
    (void)snprintf(field, sizeof(field), "port=%u\n", l.port);
    assert_true(inside_saw_row(&in, "turnInstance", field));
    assert_true(inside_saw_row(&in, "turnInstance", "state=serving\n"));
    assert_true(inside_saw_row(&in, "turnInstance", "realm=octavio.com\n"));
    (void)snprintf(field, sizeof(field), "turnsPort=%u\n", expefix_port(f, EXPEFIX_HTTPS));
    assert_true(inside_saw_row(&in, "edge", field));
    inside_open(&late, f);
    assert_true(inside_saw_row(&late, "turnInstance", "state=serving\n"));
    bus_free(&turn); /* the bus says it before the row is gone */
    assert_true(inside_lost_row(&in, "turnInstance"));
    assert_true(inside_lost_row(&late, "turnInstance"));
    inside_close(&in);
    inside_close(&late);
}

/* --- requests --------------------------------------------------------------------------------- */

static bool revoked;

static void on_revoke(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Turn__V1__RevokeEvent *e = (const void *)body;

    (void)arg;
    assert_string_equal(bus_call_role(call), "expe");
    assert_int_equal(e->n_ids, 1);
    assert_string_equal(e->ids[0], "guest-1");
    assert_int_equal(e->expires_s[0], 4000000000);
    revoked = true;
}

static bool is_revoked(void *arg)
{
    (void)arg;
    return revoked;
}

static void guests_that_are_gone_are_gone_at_every_turn_instance(void **state)
{
    static const struct bus_handler handlers[] = {
        { &stoa__turn__v1__revoke_event__descriptor, on_revoke },
    };
    struct expefix *f = *state;
    struct inside in = { 0 };
    struct lease l;
    struct bus *turn = lease_up(f, &l);

    bus_handle(turn, handlers, ARRAY_LEN(handlers), NULL);
    inside_open(&in, f);
    assert_true(inside_saw_row(&in, "turnInstance", "state=serving\n"));
    inside_revoke(&in, "guest-1");
    assert_string_equal(in.answer_code, "");
    assert_true(expefix_until(f, is_revoked, NULL));
    bus_free(&turn);
    assert_true(inside_lost_row(&in, "turnInstance"));
    inside_close(&in);
}

static void a_probe_takes_the_way_of_a_browser(void **state)
{
    struct expefix *f = *state;
    struct inside in = { 0 }, tunnel = { .domain = NAME };

    inside_open(&in, f);
    inside_probe(&in, NAME);
    assert_string_equal(in.answer_code, "tunnel");
    assert_int_equal(in.answer_status, 503);
    inside_open(&tunnel, f);
    inside_probe(&in, "CMSWEB.octavio.com");
    assert_string_equal(in.answer_code, "");
    assert_int_equal(in.answer_status, 200);
    inside_probe(&in, "join.octavio.local");
    assert_string_equal(in.answer_code, "domain");
    assert_int_equal(in.answer_status, 421);
    tunnel.refuse = 502;
    tunnel.reason = "connect";
    inside_probe(&in, NAME);
    assert_string_equal(in.answer_code, "connect");
    inside_close(&tunnel);
    inside_close(&in);
}

/* --- pages ------------------------------------------------------------------------------------ */

static Stoa__Zone__V1__ZoneStatusReply *ask_status(struct expefix *f)
{
    Stoa__Zone__V1__ZoneStatusRequest req = STOA__ZONE__V1__ZONE_STATUS_REQUEST__INIT;
    const struct bus_dst dst = { .role = "expe" };
    ProtobufCMessage *reply = NULL;

    assert_int_equal(busfix_ask(f->conf.bus_fix, f->conf.admin, &dst, &req.base, &reply), BUS_OK);
    assert_non_null(reply);
    return (void *)reply;
}

static void free_status(Stoa__Zone__V1__ZoneStatusReply **r)
{
    ProtobufCMessage *msg = &(*r)->base;

    bus_msg_free(&msg);
    *r = NULL;
}

static const Stoa__Zone__V1__TunnelStatus *tunnel_of(const Stoa__Zone__V1__ZoneStatusReply *r,
                                                     const char *domain)
{
    for (size_t i = 0; i < r->n_tunnels; i++)
        if (str_eq(r->tunnels[i]->domain, domain))
            return r->tunnels[i];
    return NULL;
}

static void operators_see_zones_and_tunnels(void **state)
{
    static const char *const domains[] = { NAME, "evil.example" };
    struct expefix *f = *state;
    struct inside in = { .domains = domains, .domain_count = 2 }, tunnel = { .domain = NAME };
    Stoa__Zone__V1__ZoneStatusReply *r;

    r = ask_status(f);
    assert_int_equal(r->n_zones, 1);
    assert_string_equal(r->zones[0]->name, EXPEFIX_ZONE);
    assert_string_equal(r->zones[0]->state, "Failed");
    assert_non_null(tunnel_of(r, NAME));
    assert_string_equal(tunnel_of(r, NAME)->state, "Failed");
    free_status(&r);
    inside_open(&in, f);
    inside_open(&tunnel, f);
    assert_true(expefix_wait_metric(f, "stoa_expe_zones", 1));
    assert_true(expefix_wait_metric(f, "stoa_expe_tunnels", 1));
    r = ask_status(f);
    assert_string_equal(r->zones[0]->state, "Active");
    assert_true(str_starts(r->zones[0]->peer, "127.0.0.1:"));
    assert_string_equal(r->zones[0]->software, "stoa test");
    assert_string_equal(tunnel_of(r, NAME)->state, "Active");
    assert_string_equal(tunnel_of(r, NAME)->zone, EXPEFIX_ZONE);
    assert_string_equal(tunnel_of(r, "evil.example")->state, "Failed");
    assert_string_equal(tunnel_of(r, "evil.example")->code, "domain");
    assert_string_equal(tunnel_of(r, "octavio.com")->code, "closed");
    free_status(&r);
    inside_close(&tunnel);
    inside_close(&in);
}

static void the_edge_lives_without_bus_and_config(void **state)
{
    struct expefix *f = *state;
    struct inside in = { .domain = NAME }, later = { .node = "later", .domain = NAME };
    char *text;

    inside_open(&in, f);
    assert_true(in.up);
    (void)confix_stop(&f->conf, SIGKILL);
    text = guest_page(f, NAME, "GET / HTTP/1.1\r\nHost: " NAME "\r\n\r\n", "stoa-connection");
    assert_true(str_starts(text, "HTTP/1.1 200"));
    free(text);
    assert_int_equal(expefix_stop(f, SIGKILL), -1);
    assert_true(inside_went_down(&in));
    expefix_start(f); /* from its sealed copy */
    expefix_wait_ready(f);
    inside_open(&later, f);
    assert_true(later.up);
    inside_close(&later);
    confix_start(&f->conf);
}

#define TEST(name) cmocka_unit_test_setup(name, expefix_settle)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_zone_becomes_active_and_its_fault_ends),
        TEST(each_layer_fails_alone_with_its_own_word),
        TEST(a_foreign_domain_is_denied),
        TEST(a_zone_that_is_switched_off_ends),
        TEST(the_newest_registration_of_a_process_counts),
        TEST(new_connections_take_the_tunnel_that_is_left),
        TEST(a_stranger_cannot_fill_the_log),
        TEST(somebody_who_is_refused_beside_the_zone_is_told),
        TEST(a_clock_that_is_off_is_a_fault_of_its_own),
        TEST(a_zone_is_paired_by_its_first_connection_and_by_no_second),
        TEST(a_zone_that_waits_no_longer_is_not_paired),
        TEST(the_edge_says_what_it_is_and_which_turn_instances_are_up),
        TEST(guests_that_are_gone_are_gone_at_every_turn_instance),
        TEST(a_probe_takes_the_way_of_a_browser),
        TEST(operators_see_zones_and_tunnels),
        TEST(guessing_is_slowed_and_the_lock_has_its_own_word),
        TEST(the_edge_lives_without_bus_and_config),
    };

    return cmocka_run_group_tests(tests, expefix_setup, expefix_teardown);
}
