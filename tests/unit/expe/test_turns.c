/* SPDX-License-Identifier: Apache-2.0
 * Which TURN instance takes a client of 443, and what zones are told. The test is the zone. */
#include "expe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <site/site.h>

#include "bare.h"

static const char rows[] = "[turnInstance \"edge1/1\"]\n"
                           "instance = aaaa\nplace = 1\nport = 3478\nprivatePort = 34780\n"
                           "mediaMin = 24000\nmediaMax = 24999\n"
                           "addresses = 192.0.2.1\npublicAddresses = 198.51.100.1\n"
                           "realm = a.test\nstate = serving\n"
                           "[turnInstance \"edge2/1\"]\n"
                           "instance = bbbb\nplace = 2\nport = 3479\nprivatePort = 34781\n"
                           "mediaMin = 25000\nmediaMax = 25999\n"
                           "addresses = 192.0.2.2\nrealm = a.test\nstate = serving\n"
                           "[externalName \"join.b.test\"]\n"
                           "[edge]\nturnOverTls = true\n";
static const char *const none[] = { NULL };

static struct bare bare;
static struct expe *e;

/* What the zone was told: a line each. */
static struct str said;

int tunnel_link_row(struct tunnel_link *l, const struct tunnel_row *row)
{
    (void)l;
    str_addf(&said, "%s%s", row->gone ? "gone " : "", row->kind);
    for (size_t i = 0; i < row->n; i++)
        str_addf(&said, " %s=%s", row->fields[i].name, row->fields[i].value);
    str_add(&said, "\n");
    return 0;
}

void expe_links_each_zone(struct expe *x, void (*fn)(void *arg, struct tunnel_link *l), void *arg)
{
    assert_ptr_equal(x, e);
    fn(arg, NULL);
}

static int setup(void **state)
{
    static char port[] = "STOA_PORT_EDGE_HTTPS=443", *env[] = { port, NULL };
    char why[256] = "";

    (void)state;
    e = calloc(1, sizeof(*e));
    bare_open(&bare, "expe", env);
    e->daemon = bare.d;
    e->site = site_new(NULL, NULL);
    if (site_load_text(e->site, rows, why, sizeof(why)))
        fail_msg("%s", why);
    e->turns = map_new();
    e->turns_said = map_new();
    e->host = str_dup("edge1");
    e->node = str_dup("edge1/1");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    expe_turns_stop(e);
    site_free(&e->site);
    free(e->host);
    free(e->node);
    free(e);
    str_fini(&said);
    return bare_close(&bare);
}

static void peer(const char *instance, enum bus_serving state, uint32_t load)
{
    const struct bus_peer p = { .role = "turn", .instance = instance, .state = state,
                                .load = load };

    expe_turns_peer(e, &p, true);
}

static void gone(const char *instance)
{
    const struct bus_peer p = { .role = "turn", .instance = instance };

    expe_turns_peer(e, &p, false);
}

static void assert_chosen(const char *const *tried, const char *instance)
{
    struct addr at;
    char got[64];

    assert_int_equal(expe_turns_choose(e, tried, &at, got), 0);
    assert_string_equal(got, instance);
}

static void assert_none(const char *const *tried)
{
    struct addr at;
    char got[64];

    assert_int_equal(expe_turns_choose(e, tried, &at, got), -ENOENT);
}

static void none_is_chosen_that_the_bus_does_not_know(void **state)
{
    const struct bus_peer other = { .role = "config", .instance = "aaaa", .state = BUS_SERVING };
    static const char *const both[] = { "aaaa", "bbbb", NULL };

    (void)state;
    assert_none(none);
    expe_turns_peer(e, &other, true);
    assert_none(none);
    peer("cccc", BUS_SERVING, 0); /* it has no row */
    assert_none(none);
    peer("aaaa", BUS_STARTING, 0);
    assert_none(none);
    peer("aaaa", BUS_DRAINING, 0);
    assert_none(none);
    assert_false(expe_turns_any(e));
    peer("aaaa", BUS_SERVING, 0);
    assert_true(expe_turns_any(e));
    assert_chosen(none, "aaaa");
    assert_none(both);
    gone("aaaa");
    assert_none(none);
}

static void one_that_drains_by_its_row_is_not_chosen(void **state)
{
    static const char *const changed[] = {
        "[turnInstance \"edge1/1\"]\ninstance = aaaa\nplace = 1\nport = 3478\nprivatePort = 34780\n"
        "addresses = 192.0.2.1\nstate = draining\n",
        "[turnInstance \"edge1/1\"]\ninstance = aaaa\nplace = 1\nport = 3478\n" /* nothing for 443 */
        "addresses = 192.0.2.1\nstate = serving\n",
        "[turnInstance \"edge1/1\"]\ninstance = aaaa\nplace = 1\nport = 3478\nprivatePort = 34780\n"
        "zone = elsewhere\naddresses = 192.0.2.1\nstate = serving\n",
    };
    char why[256] = "";

    (void)state;
    peer("aaaa", BUS_SERVING, 0);
    assert_chosen(none, "aaaa");
    for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
        site_free(&e->site);
        e->site = site_new(NULL, NULL);
        if (site_load_text(e->site, changed[i], why, sizeof(why)))
            fail_msg("%s", why);
        assert_none(none);
        assert_false(expe_turns_any(e));
    }
}

/* Those who came since the load was told count as well. */
static void clients_go_where_the_load_is_least(void **state)
{
    static const char *const not_b[] = { "bbbb", NULL };

    (void)state;
    peer("aaaa", BUS_SERVING, 5);
    peer("bbbb", BUS_SERVING, 3);
    assert_chosen(none, "bbbb");  /* 4 by now */
    assert_chosen(not_b, "aaaa"); /* 6 */
    assert_chosen(none, "bbbb");
    assert_chosen(none, "bbbb");  /* 6 */
    assert_chosen(not_b, "aaaa"); /* 7 */
    assert_chosen(none, "bbbb");
    peer("aaaa", BUS_SERVING, 0); /* those who came are in it */
    assert_chosen(none, "aaaa");
}

static void the_private_listener_is_where_the_instance_is(void **state)
{
    struct addr at;
    char got[64], text[ADDR_TEXT_MAX];

    (void)state;
    peer("aaaa", BUS_SERVING, 0); /* of this machine */
    assert_int_equal(expe_turns_choose(e, none, &at, got), 0);
    assert_string_equal(addr_print(&at, text), "127.0.0.1:34780");
    gone("aaaa");
    peer("bbbb", BUS_SERVING, 0); /* of another */
    assert_int_equal(expe_turns_choose(e, none, &at, got), 0);
    assert_string_equal(addr_print(&at, text), "192.0.2.2:34781");
}

/* The inside needs to know where guests go, and neither private ports nor slices. */
static void zones_hear_what_they_need_and_no_more(void **state)
{
    (void)state;
    peer("aaaa", BUS_SERVING, 2);
    assert_non_null(strstr(said.s, "turnInstance holder=edge1/1 instance=aaaa port=3478 "
                                   "addresses=192.0.2.1 publicAddresses=198.51.100.1 "
                                   "realm=a.test load=2 state=serving\n"));
    assert_non_null(strstr(said.s, "edge node=edge1/1 names=join.b.test turnsPort=443 "));
    assert_null(strstr(said.s, "34780"));
    assert_null(strstr(said.s, "24000"));
    assert_null(strstr(said.s, "bbbb")); /* its row alone is nothing */
    str_fini(&said);
    said = (struct str){ 0 };
    peer("aaaa", BUS_SERVING, 3); /* a load alone waits for the next round */
    assert_int_equal(said.len, 0);
    peer("aaaa", BUS_DRAINING, 3);
    assert_non_null(strstr(said.s, "state=draining\n"));
    assert_null(strstr(said.s, "turnsPort")); /* nobody is there for 443 */
}

static void zones_hear_of_an_end_once(void **state)
{
    (void)state;
    peer("aaaa", BUS_SERVING, 0);
    str_fini(&said);
    said = (struct str){ 0 };
    gone("aaaa");
    assert_non_null(strstr(said.s, "gone turnInstance\n"));
    str_fini(&said);
    said = (struct str){ 0 };
    expe_turns_say(e);
    assert_null(strstr(said.s, "turnInstance"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(none_is_chosen_that_the_bus_does_not_know),
        TEST(one_that_drains_by_its_row_is_not_chosen),
        TEST(clients_go_where_the_load_is_least),
        TEST(the_private_listener_is_where_the_instance_is),
        TEST(zones_hear_what_they_need_and_no_more),
        TEST(zones_hear_of_an_end_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
