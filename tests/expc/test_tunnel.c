/* SPDX-License-Identifier: Apache-2.0
 * Zone, tunnels and what goes through them: the page, names, passwords, a lost edge, facts,
 * goodbye. */
#include "expcfix.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bus/validate.h>
#include <turn.pb-c.h>

#include "cm.h"

static struct expcfix f;

static void all_up(void)
{
    expcfix_active(&f, NULL);
    expcfix_active(&f, "octavio.com");
    expcfix_active(&f, "octavio.local");
    expcfix_active(&f, JOIN_NAME);
    expcfix_healthy(&f, 1);
}

/* --- pages ------------------------------------------------------------------------------------ */

static void the_page_comes_through_the_tunnel(void **state)
{
    struct str page = { 0 };

    (void)state;
    assert_int_equal(expcfix_get(&f, NULL, &page), 200);
    assert_non_null(strstr(page.s, "<title>Stoa</title>"));
    assert_non_null(strstr(page.s, "Strict-Transport-Security"));
    str_fini(&page);
}

static void the_web_bridge_judges_the_host_of_each_request(void **state)
{
    struct str page = { 0 };

    (void)state;
    assert_int_equal(expcfix_get(&f, "cmsweb.octavio.com:9443", NULL), 200);
    assert_int_equal(expcfix_get(&f, "CMSWEB.octavio.com.", NULL), 200);
    assert_int_equal(expcfix_get(&f, "localhost", NULL), 421);
    assert_int_equal(expcfix_get(&f, "cmsweb.cms.octavio.local", &page), 421); /* inside alone */
    assert_non_null(strstr(page.s, "<title>Bad Request</title>"));
    str_fini(&page);
}

static bool has_answered(void *arg)
{
    const struct edgestream *s = arg;

    return s->status != 0 || s->ended;
}

static void is_refused(const char *domain, const char *authority, int status, const char *reason)
{
    struct edgestream s = { 0 };

    assert_int_equal(edgestream_open(&s, f.test_edge, domain, authority), 0);
    expcfix_until(&f, has_answered, &s);
    if (s.status != status || !str_eq(s.reason, reason))
        fail_msg("%s over %s: %d %s, err=%d", authority, domain, s.status, s.reason, s.err);
    edgestream_close(&s);
}

static void an_edge_can_name_the_join_name_alone(void **state)
{
    (void)state;
    is_refused(JOIN_NAME, "other.example", 404, "name");
    is_refused(JOIN_NAME, "127.0.0.1:22", 404, "name");
    is_refused(JOIN_NAME, "cmsweb.octavio.com.evil.example", 404, "name");
    is_refused("octavio.com", JOIN_NAME, 404, "name");
    is_refused("octavio.com", "octavio.com", 404, "name");
    assert_int_equal(expcfix_get(&f, NULL, NULL), 200);
}

static void a_websocket_goes_through_and_is_known_by_its_browser(void **state)
{
    struct edgestream s = { 0 };
    char *line;

    (void)state;
    expcfix_websocket(&f, &s);
    line = str_printf("websocket 1: open, from=203.0.113.9:40000, .*zone=%s, connection=77",
                      f.zone_id);
    expcfix_log(&f, "webbridge-1", line);
    free(line);
    edgestream_close(&s);
    expcfix_log(&f, "webbridge-1", "websocket 1: closed"); /* the end of the browser arrives */
}

/* --- flow ------------------------------------------------------------------------------------- */

static bool is_full(void *arg)
{
    const struct edgestream *s = arg;

    return s->ended || s->held >= MUX_WINDOW / 2;
}

static bool is_done(void *arg)
{
    const struct edgestream *s = arg;

    return s->ended || s->eof;
}

static void a_browser_that_does_not_read_stops_nobody_else(void **state)
{
    struct edgestream slow = { .slow = true };

    (void)state;
    assert_int_equal(edgestream_open(&slow, f.test_edge, JOIN_NAME, JOIN_NAME), 0);
    expcfix_until(&f, has_answered, &slow);
    edgestream_write(&slow, "GET /big.js HTTP/1.1\r\nHost: " JOIN_NAME "\r\n"
                            "Connection: close\r\n\r\n");
    expcfix_until(&f, is_full, &slow);
    for (int i = 0; i < 20; i++)
        assert_int_equal(expcfix_get(&f, NULL, NULL), 200);
    assert_false(slow.ended);
    assert_true(slow.held <= MUX_WINDOW_MAX);
    edgestream_drain(&slow);
    expcfix_until(&f, is_done, &slow);
    assert_true(slow.in.len > EXPCFIX_ASSET_B); /* with its head, and all of it */
    edgestream_close(&slow);
}

static void the_end_of_the_browsers_bytes_reaches_the_web_bridge(void **state)
{
    struct edgestream s = { 0 };

    (void)state;
    assert_int_equal(edgestream_open(&s, f.test_edge, JOIN_NAME, JOIN_NAME), 0);
    expcfix_until(&f, has_answered, &s);
    edgestream_finish(&s);
    expcfix_until(&f, is_done, &s); /* it closes as well */
    edgestream_close(&s);
}

/* --- what edges and callbridges say ----------------------------------------------------------- */

static bool fact_is_there(void *arg)
{
    struct bus_dst dst = { .role = "config" };
    Stoa__Config__V1__ListRequest req = STOA__CONFIG__V1__LIST_REQUEST__INIT;
    Stoa__Config__V1__ListReply *r = NULL;
    bool found = false;

    req.kind = (char *)(uintptr_t)"edgeFact";
    if (busfix_ask(f.conf.bus_fix, f.conf.admin, &dst, &req.base, (ProtobufCMessage **)&r) ==
        BUS_OK)
        found = r->n_rows == 1;
    bus_msg_free((ProtobufCMessage **)&r);
    return found == *(const bool *)arg;
}

static void facts_of_the_edge_reach_config_and_go_again(void **state)
{
    static const struct tunnel_field fields[] = { { "names", JOIN_NAME }, { "turnsPort", "443" },
                                                  { "software", "stoa 0.1.0" },
                                                  { "node", "vcse-1" } };
    struct tunnel_row row = { .kind = "edge", .id = "vcse-1", .fields = fields,
                              .n = ARRAY_LEN(fields) };
    bool there = true, gone = false;

    (void)state;
    testedge_row(f.test_edge, &row);
    expcfix_until(&f, fact_is_there, &there);
    row.gone = true;
    row.n = 0;
    testedge_row(f.test_edge, &row);
    expcfix_until(&f, fact_is_there, &gone);
}

static void facts_of_a_connection_before_do_not_stay(void **state)
{
    static const struct tunnel_field fields[] = { { "names", JOIN_NAME }, { "node", "vcse-1" } };
    const struct tunnel_row row = { .kind = "edge", .id = "vcse-1", .fields = fields,
                                    .n = ARRAY_LEN(fields) };
    bool there = true, gone = false;

    (void)state;
    testedge_row(f.test_edge, &row);
    expcfix_until(&f, fact_is_there, &there);
    expcfix_edge_start(&f, NULL, NULL); /* it knows of nothing */
    all_up();
    expcfix_until(&f, fact_is_there, &gone);
}

static bool has_revoked(void *arg)
{
    const char *seen = testedge_seen(f.test_edge)->revoked;

    (void)arg;
    return seen && str_starts(seen, "guest-a,guest-b");
}

static void guests_that_are_gone_are_told_to_the_edge(void **state)
{
    struct bus *callbridge = busfix_serve(f.conf.bus_fix, "callbridge");
    Stoa__Turn__V1__RevokeEvent ev = STOA__TURN__V1__REVOKE_EVENT__INIT;
    char *ids[] = { (char *)(uintptr_t)"guest-a", (char *)(uintptr_t)"guest-b" };
    int64_t expires[] = { 4000000000, 4000000001 };
    const struct bus_dst dst = { .role = "expc" };

    (void)state;
    ev.ids = ids;
    ev.n_ids = 2;
    ev.expires_s = expires;
    ev.n_expires_s = 2;
    for (int i = 0; i < 20 && !has_revoked(NULL); i++) { /* an event may be lost */
        (void)!bus_send_event(callbridge, &dst, &ev.base, NULL);
        (void)busfix_run_until(f.conf.bus_fix, has_revoked, NULL, 3000);
    }
    assert_true(has_revoked(NULL));
    expcfix_edge_start(&f, NULL, NULL); /* it has forgotten them, and is told again */
    expcfix_until(&f, has_revoked, NULL);
    all_up();
    bus_free(&callbridge);
}

/* --- status ----------------------------------------------------------------------------------- */

static void the_pages_have_the_guides_lines(void **state)
{
    Stoa__Zone__V1__ZoneStatusReply *r = expcfix_status(&f);
    char peer[64];

    (void)state;
    assert_non_null(r);
    (void)snprintf(peer, sizeof(peer), "vcse.octavio.com (127.0.0.1:%u)", f.edge_port);
    assert_int_equal(r->n_zones, 1);
    assert_string_equal(r->zones[0]->name, "UT Zone");
    assert_string_equal(r->zones[0]->peer, peer);
    assert_string_equal(r->zones[0]->state, "Active");
    assert_string_equal(r->zones[0]->software, "test 1");
    assert_true(llabs((long long)r->zones[0]->clock_skew_ms) < 60000);
    assert_int_equal(r->n_tunnels, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(r->tunnels[i]->target, "vcse.octavio.com");
        assert_string_equal(r->tunnels[i]->state, "Active");
    }
    assert_int_equal(r->n_targets, 1);
    assert_string_equal(r->targets[0]->name, JOIN_NAME);
    assert_string_equal(r->targets[0]->source, "hostRecord");
    bus_msg_free((ProtobufCMessage **)&r);
    expcfix_log(&f, "expc-1", "zone UT Zone: active");
    expcfix_log(&f, "expc-1", "tunnel vcse.octavio.com/octavio.com: active");
}

static void hello_names_every_domain(void **state)
{
    const struct tunnel_peer *p = testedge_seen(f.test_edge)->zone_peer;

    (void)state;
    assert_non_null(p);
    assert_int_equal(p->domain_count, 3);
    assert_string_equal(p->domains[0], JOIN_NAME);
    assert_string_equal(p->domains[1], "octavio.com");
    assert_string_equal(p->domains[2], "octavio.local");
    assert_int_equal(strlen(p->config_hash), 64);
}

/* --- losing the edge -------------------------------------------------------------------------- */

static void a_killed_edge_comes_back(void **state)
{
    struct edgestream running = { 0 };

    (void)state;
    assert_int_equal(edgestream_open(&running, f.test_edge, JOIN_NAME, JOIN_NAME), 0);
    expcfix_until(&f, has_answered, &running);
    testedge_free(&f.test_edge);
    assert_true(running.ended);
    edgestream_close(&running);
    expcfix_edge_start(&f, NULL, NULL);
    all_up();
    assert_int_equal(expcfix_get(&f, NULL, NULL), 200);
}

static bool zone_says(void *arg)
{
    Stoa__Zone__V1__ZoneStatusReply *r = expcfix_status(&f);
    bool ok = r && r->n_zones == 1 && str_eq(r->zones[0]->code, arg);

    bus_msg_free((ProtobufCMessage **)&r);
    return ok;
}

static void a_wrong_password_is_told_as_that(void **state)
{
    (void)state;
    expcfix_edge_start(&f, "another", NULL);
    expcfix_until(&f, zone_says, (void *)(uintptr_t)"credentials");
    expcfix_fault(&f, "(credentials)", true);
    assert_int_equal(testedge_active(f.test_edge, NULL), false);
    expcfix_edge_start(&f, NULL, NULL);
    all_up();
    expcfix_fault(&f, "(credentials)", false);
}

static bool tunnel_says(void *arg)
{
    Stoa__Zone__V1__ZoneStatusReply *r = expcfix_status(&f);
    bool ok = false;

    for (size_t i = 0; r && i < r->n_tunnels; i++)
        if (str_eq(r->tunnels[i]->domain, "octavio.local"))
            ok = str_eq(r->tunnels[i]->state, "Failed") && str_eq(r->tunnels[i]->code, arg);
    bus_msg_free((ProtobufCMessage **)&r);
    return ok;
}

static void a_domain_that_the_edge_does_not_have_fails_alone(void **state)
{
    (void)state;
    expcfix_edge_start(&f, NULL, "octavio.local");
    expcfix_active(&f, JOIN_NAME);
    expcfix_active(&f, "octavio.com");
    expcfix_until(&f, tunnel_says, (void *)(uintptr_t)"domain");
    expcfix_fault(&f, "The tunnel for octavio.local", true);
    assert_int_equal(expcfix_get(&f, NULL, NULL), 200);
    expcfix_edge_start(&f, NULL, NULL);
    all_up();
    expcfix_fault(&f, "The tunnel for octavio.local", false);
}

static void the_configuration_is_followed(void **state)
{
    struct confix_answer a, b;

    (void)state;
    confix_add(&f.conf, "tunnelDomain", CONFIX_FIELDS("domain", "third.example"), &a);
    expcfix_active(&f, "third.example");
    expcfix_active(&f, JOIN_NAME);
    confix_delete(&f.conf, "tunnelDomain", a.id, &b);
    confix_set(&f.conf, "zone", f.zone_id, CONFIX_FIELDS("enabled", "false"), &b);
    expcfix_log(&f, "expc-1", "zone UT Zone: not dialled any more");
    confix_set(&f.conf, "zone", f.zone_id, CONFIX_FIELDS("enabled", "true"), &b);
    all_up();
}

/* --- several edges ---------------------------------------------------------------------------- */

static bool is_up_there(void *arg)
{
    return testedge_active(arg, JOIN_NAME) && testedge_active(arg, "octavio.com");
}

static bool has_ended(void *arg)
{
    return ((const struct edgestream *)arg)->ended;
}

static void each_address_of_the_edge_has_its_tunnels(void **state)
{
    struct testedge *second = expcfix_second_edge(&f);
    struct edgestream s = { 0 };

    (void)state;
    expcfix_edge_addresses(&f, "127.0.0.1, 127.0.0.2");
    expcfix_until(&f, is_up_there, second);
    expcfix_until(&f, is_up_there, f.test_edge);
    assert_string_not_equal(testedge_seen(second)->zone_peer->node,
                            testedge_seen(f.test_edge)->zone_peer->node);
    assert_int_equal(edgestream_open(&s, second, JOIN_NAME, JOIN_NAME), 0);
    expcfix_until(&f, has_answered, &s);
    assert_int_equal(s.status, 200);
    expcfix_edge_addresses(&f, "127.0.0.1"); /* the second is none any more */
    expcfix_until(&f, has_ended, &s);
    assert_int_equal(expcfix_get(&f, NULL, NULL), 200);
    edgestream_close(&s);
    testedge_free(&second);
}

static void what_one_edge_still_says_another_does_not_take_back(void **state)
{
    static const struct tunnel_field fields[] = { { "names", JOIN_NAME }, { "node", "vcse-1" } };
    struct tunnel_row row = { .kind = "edge", .id = "vcse-1", .fields = fields,
                              .n = ARRAY_LEN(fields) };
    struct testedge *second = expcfix_second_edge(&f);
    bool there = true, gone = false;

    (void)state;
    expcfix_edge_addresses(&f, "127.0.0.1, 127.0.0.2");
    expcfix_until(&f, is_up_there, second);
    testedge_row(second, &row);
    testedge_row(f.test_edge, &row);
    expcfix_until(&f, fact_is_there, &there);
    row.gone = true;
    row.n = 0;
    testedge_row(second, &row);
    busfix_run_for(f.conf.bus_fix, 500); /* it would be gone by then */
    assert_true(fact_is_there(&there));
    testedge_row(f.test_edge, &row);
    expcfix_until(&f, fact_is_there, &gone);
    testedge_free(&second);
    expcfix_edge_addresses(&f, "127.0.0.1");
    all_up();
}

/* --- losing the bus --------------------------------------------------------------------------- */

static void a_lost_bus_ends_no_stream(void **state)
{
    struct edgestream s = { 0 };

    (void)state;
    expcfix_websocket(&f, &s);
    busfix_signal(f.conf.bus_fix, SIGKILL);
    assert_int_equal(expcfix_get(&f, NULL, NULL), 200); /* new ones come as well */
    busfix_start(f.conf.bus_fix);
    all_up();
    assert_false(s.ended);
    edgestream_close(&s);
}

static bool all_gone(void *arg)
{
    (void)arg;
    return testedge_seen(f.test_edge)->down >= 4;
}

static void a_stop_says_goodbye(void **state)
{
    (void)state;
    expcfix_edge_start(&f, NULL, NULL); /* counts from nothing */
    all_up();
    assert_int_equal(expcfix_expc_stop(&f, SIGTERM), 0);
    expcfix_until(&f, all_gone, NULL);
    assert_int_equal(testedge_seen(f.test_edge)->goodbyes, 4);
    expcfix_expc_start(&f);
    all_up();
}

static int set_up(void **state)
{
    *state = &f;
    expcfix_open(&f);
    expcfix_expc_start(&f);
    all_up();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_comes_through_the_tunnel),
        cmocka_unit_test(the_web_bridge_judges_the_host_of_each_request),
        cmocka_unit_test(an_edge_can_name_the_join_name_alone),
        cmocka_unit_test(a_websocket_goes_through_and_is_known_by_its_browser),
        cmocka_unit_test(a_browser_that_does_not_read_stops_nobody_else),
        cmocka_unit_test(the_end_of_the_browsers_bytes_reaches_the_web_bridge),
        cmocka_unit_test(facts_of_the_edge_reach_config_and_go_again),
        cmocka_unit_test(facts_of_a_connection_before_do_not_stay),
        cmocka_unit_test(guests_that_are_gone_are_told_to_the_edge),
        cmocka_unit_test(the_pages_have_the_guides_lines),
        cmocka_unit_test(hello_names_every_domain),
        cmocka_unit_test(a_killed_edge_comes_back),
        cmocka_unit_test(a_wrong_password_is_told_as_that),
        cmocka_unit_test(a_domain_that_the_edge_does_not_have_fails_alone),
        cmocka_unit_test(the_configuration_is_followed),
        cmocka_unit_test(each_address_of_the_edge_has_its_tunnels),
        cmocka_unit_test(what_one_edge_still_says_another_does_not_take_back),
        cmocka_unit_test(a_lost_bus_ends_no_stream),
        cmocka_unit_test(a_stop_says_goodbye),
    };

    return cmocka_run_group_tests_name("expc tunnel", tests, set_up, expcfix_tear_down);
}
