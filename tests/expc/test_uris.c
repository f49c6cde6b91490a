/* SPDX-License-Identifier: Apache-2.0
 * Several guest account client URIs: each has a tunnel and web bridges of its own. The first leads
 * to web bridge 1, the second to web bridge 2. */
#include "expcfix.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bus/validate.h>

#include "cm.h"

#define SECOND "meet.b.example"

static struct expcfix f;
static char second_id[64];

static void must(const struct confix_answer *a)
{
    assert_int_equal(a->code, BUS_OK);
    assert_string_equal(a->problem, "");
}

static void set(const char *kind, const char *name, const char *value)
{
    struct confix_answer a;

    confix_set(&f.conf, kind, kind, CONFIX_FIELDS(name, value), &a);
    must(&a);
}

static void add_second(void)
{
    struct confix_answer a;

    confix_add(&f.conf, "clientUri", CONFIX_FIELDS("uri", "https://" SECOND), &a);
    must(&a);
    (void)str_copy(second_id, sizeof(second_id), a.id);
}

static void delete_second(void)
{
    struct confix_answer a;

    confix_delete(&f.conf, "clientUri", second_id, &a);
    must(&a);
}

/* The web bridge behind a name, by its number; 0: none, -1: several. */
static int bridge_of(const char *name)
{
    Stoa__Zone__V1__ZoneStatusReply *r = expcfix_status(&f);
    int found = 0;

    for (size_t i = 0; r && i < r->n_targets; i++)
        for (unsigned b = 1; b <= EXPCFIX_BRIDGES; b++) {
            char address[32];

            (void)snprintf(address, sizeof(address), "127.0.0.1:%u", f.proxy[b - 1]);
            if (str_eq(r->targets[i]->name, name) && str_eq(r->targets[i]->address, address))
                found = found ? -1 : (int)b;
        }
    bus_msg_free((ProtobufCMessage **)&r);
    return found;
}

static void both_are_up(void)
{
    expcfix_active(&f, JOIN_NAME);
    expcfix_active(&f, SECOND);
    expcfix_healthy(&f, 2);
}

static bool has_no_tunnel(void *arg)
{
    return !testedge_active(f.test_edge, arg);
}

static void wait_gone(const char *name)
{
    expcfix_until(&f, has_no_tunnel, (void *)(uintptr_t)name);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void each_leads_to_its_own_web_bridge(void **state)
{
    (void)state;
    assert_int_equal(bridge_of(JOIN_NAME), 1);
    assert_int_equal(bridge_of(SECOND), 2);
    assert_int_equal(expcfix_get(&f, NULL, NULL), 200);
    assert_int_equal(expcfix_get_by(&f, SECOND, SECOND, NULL), 200);
}

static void without_its_own_web_bridge_one_fails_and_the_other_goes_on(void **state)
{
    static const char *const names[] = { JOIN_NAME, SECOND };

    (void)state;
    for (unsigned down = 0; down < 2; down++) {
        const char *other = names[1 - down];
        char *text = str_printf("none of the 1 behind %s is healthy", names[down]);
        struct str reason = { 0 };

        expcfix_bridge_stop(&f, down + 1, SIGTERM);
        assert_int_equal(expcfix_get_by(&f, names[down], names[down], &reason), 502);
        assert_true(str_eq(reason.s, "connect") || str_eq(reason.s, "noTarget"));
        assert_int_equal(expcfix_get_by(&f, other, other, NULL), 200);
        expcfix_fault(&f, text, true);
        expcfix_bridge_start(&f, down + 1);
        expcfix_healthy(&f, 2);
        expcfix_fault(&f, text, false);
        assert_int_equal(expcfix_get_by(&f, names[down], names[down], NULL), 200);
        str_fini(&reason);
        free(text);
    }
}

static bool is_answered(void *arg)
{
    return ((const struct edgestream *)arg)->status != 0;
}

static void the_tunnel_of_one_takes_no_guest_of_the_other(void **state)
{
    struct edgestream s = { 0 };

    (void)state;
    assert_int_equal(edgestream_open(&s, f.test_edge, SECOND, JOIN_NAME), 0);
    expcfix_until(&f, is_answered, &s);
    assert_int_equal(s.status, 404);
    edgestream_close(&s);
}

static void a_host_counts_once(void **state)
{
    struct confix_answer a, b, gone;

    (void)state;
    confix_add(&f.conf, "clientUri", CONFIX_FIELDS("uri", "https://" JOIN_NAME ":9443"), &a);
    must(&a);
    /* writes are taken over in their order: when this one is up, that one has been */
    confix_add(&f.conf, "tunnelDomain", CONFIX_FIELDS("domain", "third.example"), &b);
    must(&b);
    expcfix_active(&f, "third.example");
    both_are_up();
    assert_int_equal(bridge_of(JOIN_NAME), 1);
    confix_delete(&f.conf, "clientUri", a.id, &gone);
    must(&gone);
    confix_delete(&f.conf, "tunnelDomain", b.id, &gone);
    must(&gone);
    wait_gone("third.example");
    both_are_up();
}

/* A guest of the name that goes must not leave anything behind. */
static void one_that_is_deleted_takes_its_guests_along(void **state)
{
    struct edgestream s = { 0 }, none = { 0 };

    (void)state;
    assert_int_equal(edgestream_open(&s, f.test_edge, SECOND, SECOND), 0);
    expcfix_until(&f, is_answered, &s);
    assert_int_equal(s.status, 200);
    delete_second();
    wait_gone(SECOND);
    assert_true(s.ended);
    edgestream_close(&s);
    expcfix_active(&f, JOIN_NAME);
    expcfix_healthy(&f, 1);
    assert_int_equal(bridge_of(SECOND), 0);
    assert_int_equal(edgestream_open(&none, f.test_edge, SECOND, SECOND), -ENOENT);
    assert_int_equal(expcfix_get(&f, NULL, NULL), 200);
    add_second();
    both_are_up();
    assert_int_equal(expcfix_get_by(&f, SECOND, SECOND, NULL), 200);
}

static void a_further_one_needs_no_first(void **state)
{
    (void)state;
    set("webProxy", "guestAccountClientUri", "");
    wait_gone(JOIN_NAME);
    expcfix_active(&f, SECOND);
    expcfix_healthy(&f, 1);
    assert_int_equal(bridge_of(SECOND), 2);
    assert_int_equal(expcfix_get_by(&f, SECOND, SECOND, NULL), 200);
    set("webProxy", "guestAccountClientUri", "https://" JOIN_NAME);
    both_are_up();
}

static void the_web_proxy_switches_all_of_them_off(void **state)
{
    (void)state;
    set("webProxy", "enabled", "false");
    wait_gone(JOIN_NAME);
    wait_gone(SECOND);
    expcfix_active(&f, "octavio.com");
    assert_false(testedge_active(f.test_edge, JOIN_NAME));
    assert_false(testedge_active(f.test_edge, SECOND));
    set("webProxy", "enabled", "true");
    both_are_up();
}

static int set_up(void **state)
{
    static const char *const web[] = { JOIN_NAME, SECOND, "cmsweb.cms.octavio.local", "localhost" };
    struct confix_answer a;
    char address[32];

    *state = &f;
    expcfix_open(&f);
    expcfix_cert(&f, "webbridge", web, ARRAY_LEN(web));
    expcfix_bridge_start(&f, 2);
    set("settings", "webBridgeHostnames", SECOND);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", f.proxy[1]);
    confix_add(&f.conf, "hostRecord", CONFIX_FIELDS("name", SECOND, "addresses", address), &a);
    must(&a);
    add_second();
    expcfix_expc_start(&f);
    both_are_up();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_leads_to_its_own_web_bridge),
        cmocka_unit_test(without_its_own_web_bridge_one_fails_and_the_other_goes_on),
        cmocka_unit_test(the_tunnel_of_one_takes_no_guest_of_the_other),
        cmocka_unit_test(a_host_counts_once),
        cmocka_unit_test(one_that_is_deleted_takes_its_guests_along),
        cmocka_unit_test(a_further_one_needs_no_first),
        cmocka_unit_test(the_web_proxy_switches_all_of_them_off),
    };

    return cmocka_run_group_tests_name("expc uris", tests, set_up, expcfix_tear_down);
}
