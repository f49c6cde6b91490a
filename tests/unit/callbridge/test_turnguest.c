/* SPDX-License-Identifier: Apache-2.0
 * Which TURN servers a guest is sent to. The test says which of them have relays. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/map.h>
#include <base/str.h>

#include "callbridge.h"
#include "bare.h"

#define INSTANCE(holder, number, at, more) \
    "[turnInstance \"" holder "\"]\ninstance = " holder "\nplace = " #number "\nport = 347" #number \
    "\naddresses = " at "\nrealm = a.test\nstate = serving\n" more
#define ROW(at) "[turnServer \"" at "\"]\nusername = turnuser\npassword = cisco\n"
#define FACT(node, names, port) "[edgeFact \"" node "\"]\nzone = dmz\nnames = " names "\n" port

static struct bare bare;
static struct callbridge cb;
static struct call call;
static struct participant p;
static const char *ready[4];

bool turnwatch_ready(const struct turnwatch *w, const char *id)
{
    const struct turns_server *s = turns_find(cb.turns, id);

    (void)w;
    for (size_t i = 0; s && i < ARRAY_LEN(ready); i++)
        if (str_eq(ready[i], s->name))
            return true;
    return false;
}

static void on_changed(void *arg, const struct turns_server *list, size_t n)
{
    (void)arg;
    (void)list;
    (void)n;
}

static int setup(void **state)
{
    (void)state;
    memset(&cb, 0, sizeof(cb));
    memset(&p, 0, sizeof(p));
    memset(ready, 0, sizeof(ready));
    bare_open(&bare, "callbridge", NULL);
    cb.d = bare.d;
    cb.d->instance = "cb1";
    cb.site = site_new(NULL, NULL);
    cb.turns = turns_new(cb.d, cb.site, on_changed, NULL);
    call.cb = &cb;
    p.call = &call;
    p.number = 7;
    p.expires_s = (int64_t)time(NULL) + 3600;
    (void)str_copy(p.jid, sizeof(p.jid), "guest123@a.test");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    turns_free(&cb.turns);
    site_free(&cb.site);
    return bare_close(&bare);
}

static void load(const char *text)
{
    char why[256] = "";

    if (site_load_text(cb.site, text, why, sizeof(why)))
        fail_msg("%s", why);
    turns_configure(cb.turns);
}

static void peer(const char *instance, enum bus_serving state, uint32_t load_now)
{
    const struct bus_peer one = { .role = "turn", .instance = instance, .state = state,
                                  .load = load_now };

    turns_peer(cb.turns, &one, true);
}

/* Two instances here, at addresses of this site. */
static void load_two(void)
{
    load(INSTANCE("one", 1, "192.0.2.1", "") INSTANCE("two", 2, "192.0.2.2", "")
         ROW("192.0.2.1") ROW("192.0.2.2"));
    peer("one", BUS_SERVING, 0);
    peer("two", BUS_SERVING, 0);
    ready[0] = "192.0.2.1";
    ready[1] = "192.0.2.2";
}

static const char *name_of(const char *id)
{
    const struct turns_server *s = turns_find(cb.turns, id);

    return s ? s->name : "";
}

static void without_servers_nobody_gets_one(void **state)
{
    struct guest_servers out;

    (void)state;
    turnguest_fill(&p, &out);
    assert_int_equal(out.n, 0);
    assert_null(turnguest_first(&p));
    load(INSTANCE("one", 1, "192.0.2.1", "") ROW("192.0.2.1")); /* it is not on the bus */
    turnguest_fill(&p, &out);
    assert_int_equal(out.n, 0);
}

/* Nothing that a guest outside is told names an inside address. */
static void guests_outside_get_no_server_of_the_inside(void **state)
{
    struct guest_servers out;

    (void)state;
    load_two();
    load(INSTANCE("far", 3, "198.51.100.1", "zone = dmz\n") ROW("198.51.100.1"));
    turnguest_fill(&p, &out);
    assert_int_equal(out.n, 2); /* somebody inside may use all */
    (void)str_copy(p.turns[0], sizeof(p.turns[0]), "");
    (void)str_copy(p.zone, sizeof(p.zone), "dmz");
    turnguest_fill(&p, &out);
    assert_int_equal(out.n, 1);
    assert_string_equal(out.ptrs[0]->urls[0], "turn:198.51.100.1:3473?transport=udp");
    assert_string_equal(out.ptrs[0]->urls[1], "turn:198.51.100.1:3473?transport=tcp");
    assert_string_equal(p.turns[1], "");
    p.zone[0] = p.turns[0][0] = '\0';
    peer("two", BUS_SERVING, 1); /* rows come in no order: the load decides */
    assert_string_equal(name_of(turnguest_first(&p)), "192.0.2.1");
    (void)str_copy(p.zone, sizeof(p.zone), "dmz"); /* nor the one that it had inside */
    assert_string_equal(name_of(turnguest_first(&p)), "198.51.100.1");
}

static void the_best_two_are_given(void **state)
{
    struct guest_servers out;

    (void)state;
    load_two();
    load(INSTANCE("three", 3, "192.0.2.3", "") ROW("192.0.2.3"));
    peer("three", BUS_SERVING, 0);
    peer("one", BUS_SERVING, 9);
    peer("two", BUS_SERVING, 5);
    turnguest_fill(&p, &out); /* 3 has no load, and no relay yet */
    assert_int_equal(out.n, TURNS_PER_GUEST);
    assert_string_equal(name_of(p.turns[0]), "192.0.2.2");
    assert_string_equal(name_of(p.turns[1]), "192.0.2.1");
    ready[2] = "192.0.2.3";
    p.turns[0][0] = '\0';
    turnguest_fill(&p, &out);
    assert_string_equal(name_of(p.turns[0]), "192.0.2.3");
    assert_string_equal(name_of(p.turns[1]), "192.0.2.2");
    peer("three", BUS_DRAINING, 0);
    turnguest_fill(&p, &out);
    assert_string_equal(name_of(p.turns[0]), "192.0.2.2");
    assert_string_equal(name_of(p.turns[1]), "192.0.2.1"); /* one that drains is the last choice */
}

/* Media that meets on one server stays inside it: who came first decides while it can be used. */
static void the_first_one_stays(void **state)
{
    (void)state;
    load_two();
    peer("two", BUS_SERVING, 1);
    assert_string_equal(name_of(turnguest_first(&p)), "192.0.2.1");
    peer("one", BUS_SERVING, 50);
    assert_string_equal(name_of(turnguest_first(&p)), "192.0.2.1");
    ready[0] = NULL; /* its relay is gone */
    assert_string_equal(name_of(turnguest_first(&p)), "192.0.2.2");
    ready[0] = "192.0.2.1";
    assert_string_equal(name_of(turnguest_first(&p)), "192.0.2.2");
    peer("two", BUS_DRAINING, 1);
    assert_string_equal(name_of(turnguest_first(&p)), "192.0.2.1");
}

/* turns: at the edges of a server's zone, once, at a name that is one for everybody. */
static void edges_are_named_once_for_each_zone(void **state)
{
    struct guest_servers out;

    (void)state;
    load(INSTANCE("far", 3, "198.51.100.1", "zone = dmz\n")
         INSTANCE("off", 4, "198.51.100.2", "zone = dmz\n") ROW("198.51.100.1") ROW("198.51.100.2")
         FACT("edge1", "localhost, join.b.test", "turnsPort = 443\n")
         FACT("edge2", "join2.b.test", "") /* TURN over TLS is off there */
         FACT("edge3", "localhost", "turnsPort = 443\n")
         "[edgeFact \"edge4\"]\nzone = other\nnames = join4.b.test\nturnsPort = 443\n");
    (void)str_copy(p.zone, sizeof(p.zone), "dmz");
    turnguest_fill(&p, &out);
    assert_int_equal(out.n, 2);
    assert_int_equal(out.ptrs[0]->n_urls, 3);
    assert_string_equal(out.ptrs[0]->urls[2], "turns:join.b.test:443?transport=tcp");
    assert_int_equal(out.ptrs[1]->n_urls, 2);
}

static void names_are_the_guest_s_own_and_end(void **state)
{
    struct guest_servers out;
    struct stun_cred c;

    (void)state;
    load_two();
    turnguest_fill(&p, &out);
    for (size_t i = 0; i < out.n; i++) {
        assert_int_equal(stun_cred_parse(&c, out.ptrs[i]->username), 0);
        assert_int_equal(c.role, STUN_CRED_GUEST);
        assert_string_equal(c.id, "guest123-7");
        assert_int_equal(c.expires_s, p.expires_s);
        assert_string_not_equal(out.ptrs[i]->credential, "cisco");
    }
}

static void urls_have_ipv6_addresses_in_brackets(void **state)
{
    struct guest_servers out;

    (void)state;
    load("[turnServer \"2001:db8::7\"]\nsharedSecret = secret\ntcpPortNumberOverride = 3478\n");
    turnguest_fill(&p, &out);
    assert_int_equal(out.n, 1);
    assert_string_equal(out.ptrs[0]->urls[0], "turn:[2001:db8::7]:3478?transport=udp");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(without_servers_nobody_gets_one),
        TEST(guests_outside_get_no_server_of_the_inside),
        TEST(the_best_two_are_given),
        TEST(the_first_one_stays),
        TEST(edges_are_named_once_for_each_zone),
        TEST(names_are_the_guest_s_own_and_end),
        TEST(urls_have_ipv6_addresses_in_brackets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
