/* SPDX-License-Identifier: Apache-2.0
 * Places of TURN instances: given once, kept over restarts of both sides, told to everybody. */
#include "confix.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <site/site.h>
#include <turn.pb-c.h>

#include "cm.h"

enum { WAIT_MS = 10000 };

static int setup(void **state)
{
    struct confix *c = calloc(1, sizeof(*c));

    confix_open(c);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    confix_close(*state);
    free(*state);
    return 0;
}

/* What config answers to one instance. */
struct lease {
    enum bus_code code;
    unsigned place, port, media_min, media_max;
};

static struct lease ask(struct confix *c, struct bus *bus, const char *holder, unsigned number,
                        unsigned fixed)
{
    Stoa__Turn__V1__LeaseRequest req = STOA__TURN__V1__LEASE_REQUEST__INIT;
    char *address = (char *)(uintptr_t) "172.16.85.168", *outside = (char *)(uintptr_t) "10.88.246.156";
    struct bus_dst dst = { .role = "config" };
    ProtobufCMessage *body = NULL;
    struct lease out = { 0 };

    req.holder = (char *)(uintptr_t)holder;
    req.has_number = req.has_fixed = true;
    req.number = number;
    req.fixed = fixed;
    req.n_addresses = req.n_public_addresses = 1;
    req.addresses = &address;
    req.public_addresses = &outside;
    req.realm = (char *)(uintptr_t) "octavio.com";
    req.state = (char *)(uintptr_t) "serving";
    out.code = busfix_ask(c->bus_fix, bus, &dst, &req.base, &body);
    if (out.code == BUS_OK) {
        const Stoa__Turn__V1__LeaseReply *r = (const void *)body;

        out.place = r->place;
        out.port = r->port;
        out.media_min = r->media_min;
        out.media_max = r->media_max;
        protobuf_c_message_free_unpacked(body, NULL);
    }
    return out;
}

static void instances_get_ports_and_slices_of_their_own(void **state)
{
    struct confix *c = *state;
    struct bus *bus = busfix_connect(c->bus_fix, "turn");
    struct lease one, two, again;
    struct confix_answer a;

    confix_set(c, "turn", "turn", CONFIX_FIELDS("instances", "3"), &a);
    assert_string_equal(a.problem, "");
    one = ask(c, bus, "edge1/1", 1, 0);
    two = ask(c, bus, "edge2/1", 1, 0); /* another machine: its wish is taken */
    assert_int_equal(one.code, BUS_OK);
    assert_int_equal(one.place, 1);
    assert_int_equal(two.place, 2);
    assert_int_equal(two.port, one.port + 1);
    assert_int_equal(one.media_max - one.media_min + 1, 2000);
    assert_int_equal(two.media_min, one.media_max + 1);
    again = ask(c, bus, "edge1/1", 1, 0);
    assert_memory_equal(&again, &one, sizeof(one));
    assert_int_equal(ask(c, bus, "edge3/1", 1, 2).code, BUS_CONFLICT); /* fixed, and taken */
    assert_int_equal(ask(c, bus, "edge3/1", 1, 3).place, 3);
    assert_int_equal(ask(c, bus, "edge4/1", 1, 0).code, BUS_CONFLICT); /* no fourth place */
    assert_int_equal(ask(c, bus, "", 1, 0).code, BUS_INVALID);
    bus_free(&bus);
}

static void a_place_survives_restarts_of_both_sides(void **state)
{
    struct confix *c = *state;
    struct bus *bus = busfix_connect(c->bus_fix, "turn");
    struct lease before, after;
    struct confix_answer a;

    confix_set(c, "turn", "turn", CONFIX_FIELDS("realm", "octavio.com"), &a); /* it is up */
    before = ask(c, bus, "edge1/2", 2, 0);
    assert_int_equal(before.place, 2);
    bus_free(&bus);
    (void)confix_stop(c, SIGKILL);
    confix_start(c);
    confix_set(c, "turn", "turn", CONFIX_FIELDS("realm", "stoa"), &a); /* it is up */
    bus = busfix_connect(c->bus_fix, "turn"); /* another instance id */
    assert_int_equal(ask(c, bus, "edge2/2", 2, 0).place, 1);
    after = ask(c, bus, "edge1/2", 2, 0);
    assert_memory_equal(&after, &before, sizeof(before));
    bus_free(&bus);
}

static bool sees_instance(void *arg)
{
    const struct site_turn_instance *t;
    size_t it = 0;

    t = site_next_turn_instance(arg, &it);
    return t && t->port && str_eq(t->public_addresses, "10.88.246.156") &&
           str_eq(t->addresses, "172.16.85.168") && str_eq(t->realm, "octavio.com") &&
           str_eq(t->state, "serving") && t->media_max > t->media_min;
}

static void a_registration_is_told_to_everybody_and_written_by_nobody(void **state)
{
    static const char *const topics[] = { "site", NULL };
    struct confix *c = *state;
    struct bus *turn = busfix_connect(c->bus_fix, "turn");
    struct bus *cb = busfix_connect(c->bus_fix, "callbridge");
    struct site *site = site_new(NULL, NULL);
    Stoa__Turn__V1__LeaseRequest req = STOA__TURN__V1__LEASE_REQUEST__INIT;
    struct bus_dst dst = { .role = "config" };
    struct confix_answer a;

    assert_int_equal(site_follow(site, cb, topics, NULL), 0);
    assert_int_equal(ask(c, turn, "edge1/1", 1, 0).code, BUS_OK);
    assert_true(busfix_run_until(c->bus_fix, sees_instance, site, WAIT_MS));
    confix_set(c, "turnInstance", "edge1/1", CONFIX_FIELDS("port", "1"), &a);
    assert_string_equal(a.problem, "invalidOperation");
    confix_delete(c, "turnInstance", "edge1/1", &a);
    assert_string_equal(a.problem, "invalidOperation");
    req.holder = (char *)(uintptr_t) "edge9/1";
    assert_int_equal(busfix_ask(c->bus_fix, cb, &dst, &req.base, NULL), BUS_DENIED);
    site_free(&site);
    bus_free(&cb);
    bus_free(&turn);
}

static bool has_password(void *arg)
{
    const struct site_turn_user *u = site_turn_user_by_name(arg, "turnuser");

    return u && str_eq(u->password, "turnpass");
}

static void turn_alone_gets_the_passwords_of_its_users(void **state)
{
    static const char *const topics[] = { "site", "turn-user", NULL };
    struct confix *c = *state;
    struct bus *turn = busfix_connect(c->bus_fix, "turn");
    struct site *site = site_new(NULL, NULL);
    struct confix_answer a;

    confix_add(c, "turnUser", CONFIX_FIELDS("name", "turnuser", "password", "turnpass"), &a);
    assert_string_equal(a.problem, "");
    assert_int_equal(site_follow(site, turn, topics, NULL), 0);
    assert_true(busfix_run_until(c->bus_fix, has_password, site, WAIT_MS));
    site_free(&site);
    bus_free(&turn);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(instances_get_ports_and_slices_of_their_own),
        TEST(a_place_survives_restarts_of_both_sides),
        TEST(a_registration_is_told_to_everybody_and_written_by_nobody),
        TEST(turn_alone_gets_the_passwords_of_its_users),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
