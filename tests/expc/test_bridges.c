/* SPDX-License-Identifier: Apache-2.0
 * The web bridges behind the client URI: where it leads, which of them is taken, what is wrong with
 * them, and a URI before it is stored. */
#include "expcfix.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bus/validate.h>

#include "cm.h"

static struct expcfix f;

static bool target_says(void *arg)
{
    Stoa__Zone__V1__ZoneStatusReply *r = expcfix_status(&f);
    bool ok = r && r->n_targets == 1 && str_eq(r->targets[0]->code, arg);

    bus_msg_free((ProtobufCMessage **)&r);
    return ok;
}

static void wait_target(const char *code)
{
    expcfix_until(&f, target_says, (void *)(uintptr_t)code);
}

static void with_three(void)
{
    for (unsigned i = 2; i <= 3; i++)
        if (!f.bridge[i - 1])
            expcfix_bridge_start(&f, i);
    expcfix_targets(&f, "1,2,3");
    expcfix_healthy(&f, 3);
}

static void with_one(void)
{
    expcfix_targets(&f, "1");
    expcfix_healthy(&f, 1);
}

static unsigned long websockets_of(unsigned i)
{
    char *path = str_printf("grep -c 'websocket' %s/log/webbridge-%u.jsonl", f.dir, i);
    char line[32] = "";
    FILE *p = popen(path, "r");

    (void)!fgets(line, sizeof(line), p);
    (void)pclose(p);
    free(path);
    return strtoul(line, NULL, 10);
}

/* --- which one is taken ----------------------------------------------------------------------- */

static void browsers_are_spread_over_all(void **state)
{
    struct edgestream s[9] = { { 0 } };

    (void)state;
    with_three();
    for (size_t i = 0; i < ARRAY_LEN(s); i++)
        expcfix_websocket(&f, &s[i]);
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(websockets_of(i), 3);
    for (size_t i = 0; i < ARRAY_LEN(s); i++)
        edgestream_close(&s[i]);
    with_one();
}

static void a_dead_one_fails_no_browser(void **state)
{
    (void)state;
    with_three();
    expcfix_bridge_stop(&f, 2, SIGKILL);
    for (int i = 0; i < 30; i++) /* before anybody has noticed */
        assert_int_equal(expcfix_get(&f, NULL, NULL), 200);
    expcfix_healthy(&f, 2);
    for (int i = 0; i < 30; i++)
        assert_int_equal(expcfix_get(&f, NULL, NULL), 200);
    expcfix_bridge_start(&f, 2);
    expcfix_healthy(&f, 3);
    with_one();
}

static void without_any_the_edge_is_told_why(void **state)
{
    struct str reason = { 0 };

    (void)state;
    expcfix_bridge_stop(&f, 1, SIGTERM);
    assert_int_equal(expcfix_get(&f, NULL, &reason), 502);
    assert_true(str_eq(reason.s, "connect") || str_eq(reason.s, "noTarget"));
    wait_target("connect");
    str_fini(&reason);
    assert_int_equal(expcfix_get(&f, NULL, &reason), 502);
    assert_string_equal(reason.s, "noTarget");
    expcfix_fault(&f, "Guests outside reach no web bridge", true);
    expcfix_bridge_start(&f, 1);
    expcfix_healthy(&f, 1);
    expcfix_fault(&f, "Guests outside reach no web bridge", false);
    assert_int_equal(expcfix_get(&f, NULL, NULL), 200);
    str_fini(&reason);
}

/* --- where they are --------------------------------------------------------------------------- */

static bool leads_to_two(void *arg)
{
    Stoa__Zone__V1__ZoneStatusReply *r = expcfix_status(&f);
    char address[32];
    bool ok;

    (void)arg;
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", f.proxy[1]);
    ok = r && r->n_targets == 1 && str_eq(r->targets[0]->address, address) &&
         r->targets[0]->healthy;
    bus_msg_free((ProtobufCMessage **)&r);
    return ok;
}

static void a_changed_host_record_is_followed_and_old_streams_run_on(void **state)
{
    struct edgestream old = { 0 };

    (void)state;
    with_three();
    with_one();
    expcfix_websocket(&f, &old);
    expcfix_targets(&f, "2");
    expcfix_until(&f, leads_to_two, NULL);
    assert_int_equal(expcfix_get(&f, NULL, NULL), 200);
    assert_false(old.ended);
    edgestream_close(&old);
    with_one();
}

static void a_loopback_record_without_port_is_this_machine(void **state)
{
    struct confix_answer a;

    (void)state;
    confix_set(&f.conf, "hostRecord", f.record_id, CONFIX_FIELDS("addresses", "127.0.0.1"), &a);
    assert_int_equal(a.code, BUS_OK);
    expcfix_healthy(&f, 1);
    assert_int_equal(expcfix_get(&f, NULL, NULL), 200);
    with_one();
}

static bool leads_by_dns(void *arg)
{
    Stoa__Zone__V1__ZoneStatusReply *r = expcfix_status(&f);
    bool ok = r && r->n_targets == 1 && str_eq(r->targets[0]->source, arg) &&
              r->targets[0]->healthy;

    bus_msg_free((ProtobufCMessage **)&r);
    return ok;
}

static void without_record_dns_is_asked_and_old_addresses_stay_when_it_fails(void **state)
{
    struct confix_answer a;
    char *lines = str_printf("%s 127.0.0.1\n", JOIN_NAME);

    (void)state;
    confix_delete(&f.conf, "hostRecord", f.record_id, &a);
    assert_int_equal(a.code, BUS_OK);
    expcfix_fault(&f, "webProxyResolve", true);
    assert_int_equal(expcfix_get(&f, NULL, NULL), 200); /* at the address of before */
    expcfix_dns(&f, lines); /* one address, at the port of row proxy: the first web bridge */
    expcfix_until(&f, leads_by_dns, (void *)(uintptr_t)"dns");
    expcfix_fault(&f, "webProxyResolve", false);
    assert_int_equal(expcfix_get(&f, NULL, NULL), 200);
    confix_add(&f.conf, "hostRecord",
               CONFIX_FIELDS("name", JOIN_NAME, "addresses", "127.0.0.1"), &a);
    assert_string_equal(a.problem, "");
    (void)str_copy(f.record_id, sizeof(f.record_id), a.id);
    expcfix_until(&f, leads_by_dns, (void *)(uintptr_t)"hostRecord");
    with_one();
    free(lines);
}

/* --- certificates ----------------------------------------------------------------------------- */

static void set_proxy(const char *name, const char *value)
{
    struct confix_answer a;

    confix_set(&f.conf, "webProxy", "webProxy", CONFIX_FIELDS(name, value), &a);
    assert_int_equal(a.code, BUS_OK);
    assert_string_equal(a.problem, "");
}

static void a_certificate_for_another_name_is_refused_unless_told_otherwise(void **state)
{
    static const char *const other[] = { "cmsweb.cms.octavio.local" };
    static const char *const right[] = { JOIN_NAME, "cmsweb.cms.octavio.local", "localhost" };
    struct str reason = { 0 };

    (void)state;
    expcfix_bridge_stop(&f, 1, SIGTERM);
    expcfix_cert(&f, "webbridge", other, ARRAY_LEN(other));
    expcfix_bridge_start(&f, 1);
    wait_target("name");
    assert_int_equal(expcfix_get(&f, NULL, &reason), 502);
    assert_string_equal(reason.s, "noTarget");
    set_proxy("verifyCertificate", "false");
    expcfix_fault(&f, "webProxyInsecure", true);
    expcfix_healthy(&f, 1);
    assert_int_equal(expcfix_get(&f, NULL, NULL), 200);
    set_proxy("verifyCertificate", "true");
    expcfix_fault(&f, "webProxyInsecure", false);
    wait_target("name");
    expcfix_cert(&f, "webbridge", right, ARRAY_LEN(right));
    expcfix_healthy(&f, 1); /* the web bridge takes it over by itself */
    str_fini(&reason);
}

static void a_web_bridge_that_does_not_know_the_name_answers_bad_request(void **state)
{
    struct confix_answer a;
    struct str page = { 0 };

    (void)state;
    confix_set(&f.conf, "settings", "settings",
               CONFIX_FIELDS("webBridgeUri", "https://join.octavio.com"), &a);
    wait_target("host");
    assert_int_equal(expcfix_get(&f, NULL, &page), 421);
    assert_non_null(strstr(page.s, "<title>Bad Request</title>"));
    expcfix_fault(&f, "webBridgeUri", true);
    confix_set(&f.conf, "settings", "settings",
               CONFIX_FIELDS("webBridgeUri", "https://" JOIN_NAME), &a);
    expcfix_healthy(&f, 1);
    str_fini(&page);
}

/* --- a URI before it is stored ---------------------------------------------------------------- */

static void check(const char *uri, bool usable, const char *code)
{
    Stoa__Zone__V1__CheckUriRequest req = STOA__ZONE__V1__CHECK_URI_REQUEST__INIT;
    Stoa__Zone__V1__CheckUriReply *r = NULL;

    req.uri = (char *)(uintptr_t)uri;
    assert_int_equal(expcfix_ask(&f, &req.base, (ProtobufCMessage **)&r), BUS_OK);
    if (r->usable != usable || !str_eq(r->code, code))
        fail_msg("%s: usable=%d, code=%s, %s", uri, r->usable, r->code, r->text);
    assert_int_equal(r->n_targets, 1);
    bus_msg_free((ProtobufCMessage **)&r);
}

static void check_unresolved(const char *uri)
{
    Stoa__Zone__V1__CheckUriRequest req = STOA__ZONE__V1__CHECK_URI_REQUEST__INIT;
    Stoa__Zone__V1__CheckUriReply *r = NULL;

    req.uri = (char *)(uintptr_t)uri;
    assert_int_equal(expcfix_ask(&f, &req.base, (ProtobufCMessage **)&r), BUS_OK);
    assert_false(r->usable);
    assert_string_equal(r->code, "resolve");
    bus_msg_free((ProtobufCMessage **)&r);
}

static void record(const char *name, unsigned port)
{
    char address[32];
    struct confix_answer a;

    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    confix_add(&f.conf, "hostRecord", CONFIX_FIELDS("name", name, "addresses", address), &a);
    assert_int_equal(a.code, BUS_OK);
    assert_string_equal(a.problem, "");
}

static bool knows(void *arg)
{
    Stoa__Zone__V1__CheckUriRequest req = STOA__ZONE__V1__CHECK_URI_REQUEST__INIT;
    Stoa__Zone__V1__CheckUriReply *r = NULL;
    bool ok;

    req.uri = arg;
    ok = expcfix_ask(&f, &req.base, (ProtobufCMessage **)&r) == BUS_OK && r->n_targets == 1;
    bus_msg_free((ProtobufCMessage **)&r);
    return ok;
}

static void a_uri_is_checked_before_it_is_stored(void **state)
{
    static const char *const names[] = { "https://cmsweb.cms.octavio.local",
                                         "https://unknown.octavio.com",
                                         "https://nobody.octavio.com" };

    (void)state;
    record("cmsweb.cms.octavio.local", f.proxy[0]);
    record("unknown.octavio.com", f.proxy[0]);
    record("nobody.octavio.com", 1);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        expcfix_until(&f, knows, (void *)(uintptr_t)names[i]);
    check("https://" JOIN_NAME, true, "");
    check(JOIN_NAME ":9443", true, "");
    check("https://unknown.octavio.com", false, "name");
    check("https://nobody.octavio.com", false, "connect");
    check_unresolved("https://nowhere.octavio.com");
    /* its certificate fits, but guests would get Bad Request */
    check("https://cmsweb.cms.octavio.local", true, "host");
}

static void what_is_no_uri_is_refused(void **state)
{
    Stoa__Zone__V1__CheckUriRequest req = STOA__ZONE__V1__CHECK_URI_REQUEST__INIT;

    (void)state;
    req.uri = (char *)(uintptr_t)"ftp://" JOIN_NAME;
    assert_int_equal(expcfix_ask(&f, &req.base, NULL), BUS_INVALID);
    req.uri = NULL;
    assert_int_equal(expcfix_ask(&f, &req.base, NULL), BUS_INVALID);
}

static int set_up(void **state)
{
    *state = &f;
    expcfix_open(&f);
    expcfix_expc_start(&f);
    expcfix_active(&f, JOIN_NAME);
    expcfix_healthy(&f, 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(browsers_are_spread_over_all),
        cmocka_unit_test(a_dead_one_fails_no_browser),
        cmocka_unit_test(without_any_the_edge_is_told_why),
        cmocka_unit_test(a_changed_host_record_is_followed_and_old_streams_run_on),
        cmocka_unit_test(a_loopback_record_without_port_is_this_machine),
        cmocka_unit_test(without_record_dns_is_asked_and_old_addresses_stay_when_it_fails),
        cmocka_unit_test(a_certificate_for_another_name_is_refused_unless_told_otherwise),
        cmocka_unit_test(a_web_bridge_that_does_not_know_the_name_answers_bad_request),
        cmocka_unit_test(a_uri_is_checked_before_it_is_stored),
        cmocka_unit_test(what_is_no_uri_is_refused),
    };

    return cmocka_run_group_tests_name("expc bridges", tests, set_up, expcfix_tear_down);
}
