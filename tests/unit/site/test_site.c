/* SPDX-License-Identifier: Apache-2.0 */
#include <site/site.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/str.h>
#include <bus/envelope.h>
#include <bus/state.h>
#include <config.pb-c.h>

#include "cm.h"

static const char text[] = "[space \"proxywebrtc\"]\n"
                           "name = Proxy webRTC\n"
                           "callId = 100101\n"
                           "[space \"board\"]\n"
                           "callId = 100102\n"
                           "passcode = 4321\n"
                           "secret = abcdefghijklmnopqrstu_\n"
                           "[accessMethod \"host\"]\n"
                           "space = board\n"
                           "callId = 100102\n"
                           "passcode = 2222\n"
                           "canLock = true\n"
                           "[hostRecord \"CmsWeb.octavio.com\"]\n"
                           "addresses = 127.0.0.1, [::1]:8443\n"
                           "[turnServer \"172.16.85.168\"]\n"
                           "password = cisco\n"
                           "tcpPortNumberOverride = 3478\n"
                           "[callMatchingRule \"octavio.com\"]\n"
                           "priority = 10\n"
                           "[settings]\n"
                           "guestAccountJidDomain = cms.octavio.local\n";

static int setup(void **state)
{
    struct site *s = site_new(NULL, NULL);
    char why[128] = "";

    if (site_load_text(s, text, why, sizeof(why)))
        fail_msg("%s", why);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct site *s = *state;

    site_free(&s);
    return 0;
}

/* --- TURN ------------------------------------------------------------------------------------- */

static const char turns[] = "[turnInstance \"edge1/1\"]\n"
                            "port = 3478\n"
                            "addresses = 172.16.85.169\n"
                            "publicAddresses = 10.88.246.156\n"
                            "servers = 172.16.85.168, 172.16.85.170:5000\n";

static const struct site_turn_instance *instance(struct site *s, const char *source)
{
    char why[128] = "";
    size_t it = 0;

    if (site_load_text(s, source, why, sizeof(why)))
        fail_msg("%s", why);
    return site_next_turn_instance(s, &it);
}

/* "ip:port", or "no". */
static const char *reach(const struct site_turn_instance *t, const char *ip)
{
    static char dst[ADDR_TEXT_MAX];
    struct addr a, out;

    assert_int_equal(addr_parse_ip(&a, ip, 0), 0);
    return site_turn_reach(t, &a, &out) ? addr_print(&out, dst) : "no";
}

static void an_instance_is_behind_the_addresses_that_it_names(void **state)
{
    const struct site_turn_instance *t = instance(*state, turns);

    assert_string_equal(reach(t, "172.16.85.168"), "172.16.85.168:3478");
    assert_string_equal(reach(t, "172.16.85.170"), "172.16.85.170:5000"); /* its own port */
    assert_string_equal(reach(t, "172.16.85.169"), "172.16.85.169:3478");
    assert_string_equal(reach(t, "10.88.246.156"), "10.88.246.156:3478");
    assert_string_equal(reach(t, "172.16.85.1"), "no");
    assert_string_equal(reach(t, "127.0.0.1"), "no"); /* it is of another machine */
}

static void loopback_stands_for_the_instances_of_this_machine_and_site(void **state)
{
    char name[256] = "", *source;
    const struct site_turn_instance *t;

    assert_int_equal(gethostname(name, sizeof(name) - 1), 0);
    source = str_printf("[turnInstance \"%s/1\"]\nport = 3478\naddresses = 192.0.2.7\n", name);
    t = instance(*state, source);
    free(source);
    assert_string_equal(reach(t, "127.0.0.1"), "192.0.2.7:3478");
    assert_string_equal(reach(t, "192.0.2.8"), "no");
    /* What another site says of itself leads to no address that only it has named. */
    source = str_printf("[turnInstance \"%s/1\"]\nport = 3478\naddresses = 192.0.2.7\nzone = z\n",
                        name);
    t = instance(*state, source);
    free(source);
    assert_string_equal(reach(t, "127.0.0.1"), "no");
    assert_string_equal(reach(t, "192.0.2.7"), "192.0.2.7:3478");
}

static void lists_of_addresses_are_read_one_by_one(void **state)
{
    const char *list = "10.0.0.1, rubbish,,[2001:db8::1]:5, 10.0.0.2:7", *none = NULL;
    char dst[ADDR_TEXT_MAX];
    struct addr a;

    (void)state;
    assert_true(site_next_addr(&list, &a));
    assert_string_equal(addr_print(&a, dst), "10.0.0.1:0");
    assert_true(site_next_addr(&list, &a));
    assert_string_equal(addr_print(&a, dst), "[2001:db8::1]:5");
    assert_true(site_next_addr(&list, &a));
    assert_string_equal(addr_print(&a, dst), "10.0.0.2:7");
    assert_false(site_next_addr(&list, &a));
    assert_false(site_next_addr(&none, &a));
}

static void a_call_id_without_passcode_opens_its_space(void **state)
{
    struct site_login got;

    assert_int_equal(site_find_login(*state, "100101", "", &got), 0);
    assert_string_equal(got.space->name, "Proxy webRTC");
    assert_null(got.access);
    assert_int_equal(site_find_login(*state, "100101", NULL, &got), 0);
    assert_int_equal(site_find_login(*state, "100101", "0000", &got), 0);
    assert_int_equal(site_find_login(*state, "100109", "", &got), -ENOENT);
}

static void the_passcode_decides_which_door_opens(void **state)
{
    struct site_login got;

    assert_int_equal(site_find_login(*state, "100102", "4321", &got), 0);
    assert_string_equal(got.space->uri, "board");
    assert_null(got.access);
    assert_int_equal(site_find_login(*state, "100102", "2222", &got), 0);
    assert_string_equal(got.space->uri, "board");
    assert_true(got.access->can_lock && !got.access->can_mute_others && got.access->can_present);
    assert_int_equal(site_find_login(*state, "100102", "", &got), -ENOENT);
    assert_int_equal(site_find_login(*state, "100102", "432", &got), -ENOENT);
    assert_int_equal(site_find_login(*state, "100102", "43210", &got), -ENOENT);
}

static void a_link_opens_with_its_secret_alone(void **state)
{
    struct site_login got;

    assert_int_equal(site_find_link(*state, "100102", "abcdefghijklmnopqrstu_", &got), 0);
    assert_string_equal(got.space->uri, "board");
    assert_int_equal(site_find_link(*state, "100102", "abcdefghijklmnopqrstuv", &got), -ENOENT);
    assert_int_equal(site_find_link(*state, "100101", "", &got), -ENOENT);
    assert_int_equal(site_find_link(*state, "100102", "4321", &got), -ENOENT);
}

static void fields_have_their_values_or_defaults(void **state)
{
    const struct site_settings *set = site_settings(*state);
    const struct site_turn_server *t;
    size_t it = 0;

    assert_string_equal(set->guest_account_jid_domain, "cms.octavio.local");
    assert_true(set->guest_access_via_hyperlinks);
    assert_int_equal(set->participant_limit, 1000);
    assert_null(set->web_bridge_uri);
    t = site_next_turn_server(*state, &it);
    assert_int_equal(t->port, 3478);
    assert_string_equal(t->password, "cisco");
    assert_string_equal(t->type, "standard");
    assert_null(site_next_turn_server(*state, &it));
    assert_int_equal(site_rule(*state, "OCTAVIO.com")->priority, 10);
    assert_true(site_rule(*state, "octavio.com")->targets_spaces);
    assert_non_null(site_space_by_uri(*state, "ProxyWebRTC"));
}

static void host_records_give_their_addresses(void **state)
{
    struct addr a[4];
    char t[ADDR_TEXT_MAX];

    assert_int_equal(site_host_lookup(*state, "cmsweb.OCTAVIO.com", a, 4), 2);
    assert_string_equal(addr_print(&a[0], t), "127.0.0.1:0");
    assert_string_equal(addr_print(&a[1], t), "[::1]:8443");
    assert_int_equal(site_host_lookup(*state, "cmsweb.octavio.com", a, 1), 1);
    assert_int_equal(site_host_lookup(*state, "elsewhere.example", a, 4), 0);
    /* an address leads to itself */
    assert_int_equal(site_host_lookup(*state, "192.0.2.7", a, 4), 1);
    assert_string_equal(addr_print(&a[0], t), "192.0.2.7:0");
    assert_int_equal(site_host_lookup(*state, "2001:db8::7", a, 1), 1);
    assert_string_equal(addr_print(&a[0], t), "[2001:db8::7]:0");
    assert_int_equal(site_host_lookup(*state, "192.0.2.7", a, 0), 0);
}

static void apply(struct site *s, const char *field, const char *value, bool secret, bool gone)
{
    Stoa__Config__V1__Field f = STOA__CONFIG__V1__FIELD__INIT, *list[1] = { &f };
    Stoa__Config__V1__Row row = STOA__CONFIG__V1__ROW__INIT;
    char name[32], text_value[32];
    struct bus_state_row in = { .kind = "space", .id = "x" };
    uint8_t *data;

    snprintf(name, sizeof(name), "%s", field);
    snprintf(text_value, sizeof(text_value), "%s", value);
    f.name = name;
    *(secret ? &f.secret : &f.value) = text_value;
    row.fields = list;
    row.n_fields = 1;
    data = bus_pack(&row.base, &in.len);
    in.data = gone ? NULL : data;
    assert_int_equal(site_apply(s, &in, secret), 0);
    free(data);
}

static void open_and_secret_rows_may_come_in_any_order(void **state)
{
    struct site *s = *state;
    struct site_login got;

    apply(s, "passcode", "9", true, false);
    assert_null(site_space(s, "x"));
    apply(s, "callId", "500", false, false);
    assert_int_equal(site_find_login(s, "500", "9", &got), 0);
    assert_int_equal(site_find_login(s, "500", "", &got), -ENOENT);
    apply(s, "callId", "501", false, false);
    assert_int_equal(site_find_login(s, "500", "9", &got), -ENOENT);
    assert_int_equal(site_find_login(s, "501", "9", &got), 0);
    apply(s, "", "", true, true);
    /* Without its secret row nobody knows whether it has a passcode: closed. */
    assert_int_equal(site_find_login(s, "501", "", &got), -ENOENT);
    assert_non_null(site_space(s, "x"));
    apply(s, "", "", false, true);
    assert_null(site_space(s, "x"));
}

static void foreign_and_broken_rows_are_left_out(void **state)
{
    struct bus_state_row row = { .kind = "tenant", .id = "x", .data = "", .len = 0 };

    assert_int_equal(site_apply(*state, &row, false), -ENOENT);
    row.kind = "space";
    row.data = "\xff\xff\xff";
    row.len = 3;
    assert_int_equal(site_apply(*state, &row, false), -EBADMSG);
    assert_null(site_space(*state, "x"));
}

static void a_wrong_text_is_named(void **state)
{
    char why[128];

    assert_int_equal(site_load_text(*state, "[space \"x\"]\ncallId = a\n", why, sizeof(why)),
                     -EINVAL);
    assert_string_equal(why, "space.callId: must be 1 to 12 digits");
}

static void count_change(enum site_kind kind, const char *id, void *arg)
{
    assert_int_equal(kind, SITE_SPACE);
    assert_string_equal(id, "x");
    ++*(int *)arg;
}

static void every_change_is_told(void **state)
{
    int n = 0;
    struct site *s = site_new(count_change, &n);

    (void)state;
    apply(s, "callId", "1", false, false);
    apply(s, "callId", "2", false, false);
    apply(s, "", "", false, true);
    apply(s, "", "", false, true);
    assert_int_equal(n, 3);
    site_free(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_instance_is_behind_the_addresses_that_it_names),
        TEST(loopback_stands_for_the_instances_of_this_machine_and_site),
        TEST(lists_of_addresses_are_read_one_by_one),
        TEST(a_call_id_without_passcode_opens_its_space),
        TEST(the_passcode_decides_which_door_opens),
        TEST(a_link_opens_with_its_secret_alone),
        TEST(fields_have_their_values_or_defaults),
        TEST(host_records_give_their_addresses),
        TEST(open_and_secret_rows_may_come_in_any_order),
        TEST(foreign_and_broken_rows_are_left_out),
        TEST(a_wrong_text_is_named),
        cmocka_unit_test(every_change_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
