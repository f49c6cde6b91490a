/* SPDX-License-Identifier: Apache-2.0
 * What an expc may ask of the edge. The test is the tunnel, the bus and the probe. */
#include "expe.h"

#include <stdlib.h>
#include <string.h>

#include <turn.pb-c.h>
#include <zone.pb-c.h>

#include "cm.h"

enum { ID = 77, INSTANCES = 2, TOO_MANY = EXPE_REVOKE_LIST_MAX + 1 };

static struct daemon d;
static struct expe e;
static struct expe_link k;

/* What was said. */
static struct {
    unsigned answers, told, probes;
    uint64_t id;
    char code[32], host[64], instances[INSTANCES][64], first_id[32];
    size_t n_ids, n_expires;
} said;

int tunnel_link_answer(struct tunnel_link *l, const uint8_t *data, size_t len)
{
    Stoa__Zone__V1__Answer *a = stoa__zone__v1__answer__unpack(NULL, len, data);

    (void)l;
    assert_non_null(a);
    said.answers++;
    said.id = a->id;
    (void)str_copy(said.code, sizeof(said.code), a->code);
    stoa__zone__v1__answer__free_unpacked(a, NULL);
    return 0;
}

int bus_send_event(struct bus *b, const struct bus_dst *dst, const ProtobufCMessage *msg,
                   const struct bus_req_opts *opts)
{
    const Stoa__Turn__V1__RevokeEvent *ev = (const void *)msg;

    (void)b;
    (void)opts;
    assert_string_equal(dst->role, "turn");
    assert_true(said.told < INSTANCES);
    (void)str_copy(said.instances[said.told++], sizeof(said.instances[0]), dst->instance);
    said.n_ids = ev->n_ids;
    said.n_expires = ev->n_expires_s;
    (void)str_copy(said.first_id, sizeof(said.first_id), ev->n_ids ? ev->ids[0] : "");
    return 0;
}

void expe_turns_each(const struct expe *x, void (*fn)(void *arg, const char *instance), void *arg)
{
    assert_ptr_equal(x, &e);
    fn(arg, "first");
    fn(arg, "second");
}

void expe_probe_start(struct expe_link *link, uint64_t id, const char *host)
{
    assert_ptr_equal(link, &k);
    said.probes++;
    said.id = id;
    (void)str_copy(said.host, sizeof(said.host), host);
}

static int setup(void **state)
{
    (void)state;
    memset(&said, 0, sizeof(said));
    e = (struct expe){ .daemon = &d };
    k = (struct expe_link){ .e = &e, .up = true };
    return 0;
}

static void ask(const Stoa__Zone__V1__Request *r)
{
    size_t len = stoa__zone__v1__request__get_packed_size(r);
    uint8_t *data = malloc(len ? len : 1);

    (void)stoa__zone__v1__request__pack(r, data);
    expe_request(&k, ID, data, len);
    free(data);
}

static void assert_refused(const char *code)
{
    assert_int_equal(said.answers, 1);
    assert_int_equal(said.id, ID);
    assert_string_equal(said.code, code);
    assert_int_equal(said.told + said.probes, 0);
    said.answers = 0;
}

static void what_is_no_request_is_answered_all_the_same(void **state)
{
    static const uint8_t rubbish[] = { 0xff, 0xff, 0xff };
    Stoa__Zone__V1__Request r = STOA__ZONE__V1__REQUEST__INIT;
    Stoa__Zone__V1__ProbeHost no_host = STOA__ZONE__V1__PROBE_HOST__INIT;

    (void)state;
    expe_request(&k, ID, rubbish, sizeof(rubbish));
    assert_refused("malformed");
    ask(&r); /* of a later version, maybe */
    assert_refused("unknown");
    r.probe = &no_host;
    ask(&r);
    assert_refused("unknown");
}

/* A connection of one domain has streams and nothing else; one that has not come up has nothing. */
static void only_zone_connections_ask(void **state)
{
    Stoa__Zone__V1__Request r = STOA__ZONE__V1__REQUEST__INIT;
    Stoa__Zone__V1__ProbeHost probe = STOA__ZONE__V1__PROBE_HOST__INIT;
    Stoa__Zone__V1__Revoke revoke = STOA__ZONE__V1__REVOKE__INIT;
    char domain[] = "join.b.test", host[] = "join.b.test", guest[] = "guest1", *ids[] = { guest };

    (void)state;
    probe.host = host;
    revoke.n_ids = 1;
    revoke.ids = ids;
    for (int i = 0; i < 2; i++) {
        r.probe = i ? NULL : &probe;
        r.revoke = i ? &revoke : NULL;
        k.domain = domain;
        ask(&r);
        assert_refused("malformed");
        k.domain = NULL;
        k.up = false;
        ask(&r);
        assert_refused("malformed");
        k.up = true;
    }
}

static void lists_of_guests_have_a_limit(void **state)
{
    static char *ids[TOO_MANY];
    static int64_t expires_s[TOO_MANY];
    Stoa__Zone__V1__Request r = STOA__ZONE__V1__REQUEST__INIT;
    Stoa__Zone__V1__Revoke revoke = STOA__ZONE__V1__REVOKE__INIT;
    char id[] = "guest1";

    (void)state;
    for (size_t i = 0; i < TOO_MANY; i++)
        ids[i] = id;
    r.revoke = &revoke;
    revoke.ids = ids;
    revoke.n_ids = TOO_MANY;
    ask(&r);
    assert_refused("malformed");
    revoke.n_ids = 1;
    revoke.expires_s = expires_s;
    revoke.n_expires_s = 2; /* a time of nobody */
    ask(&r);
    assert_refused("malformed");
}

static void all_instances_hear_of_guests_that_are_gone(void **state)
{
    static int64_t expires_s[] = { 1000 };
    Stoa__Zone__V1__Request r = STOA__ZONE__V1__REQUEST__INIT;
    Stoa__Zone__V1__Revoke revoke = STOA__ZONE__V1__REVOKE__INIT;
    char first[] = "guest1", second[] = "guest2", *ids[] = { first, second };

    (void)state;
    r.revoke = &revoke;
    revoke.n_ids = 2;
    revoke.ids = ids;
    revoke.n_expires_s = 1;
    revoke.expires_s = expires_s;
    ask(&r);
    assert_int_equal(said.told, INSTANCES);
    assert_string_equal(said.instances[0], "first");
    assert_string_equal(said.instances[1], "second");
    assert_int_equal(said.n_ids, 2);
    assert_int_equal(said.n_expires, 1);
    assert_string_equal(said.first_id, "guest1");
    assert_int_equal(said.answers, 1);
    assert_int_equal(said.id, ID);
    assert_string_equal(said.code, "");
}

static void a_page_is_asked_for_under_the_id_of_the_request(void **state)
{
    Stoa__Zone__V1__Request r = STOA__ZONE__V1__REQUEST__INIT;
    Stoa__Zone__V1__ProbeHost probe = STOA__ZONE__V1__PROBE_HOST__INIT;
    char host[] = "join.b.test";

    (void)state;
    probe.host = host;
    r.probe = &probe;
    ask(&r);
    assert_int_equal(said.probes, 1);
    assert_int_equal(said.id, ID);
    assert_string_equal(said.host, "join.b.test");
    assert_int_equal(said.answers, 0); /* the probe answers */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_request_is_answered_all_the_same),
        TEST(only_zone_connections_ask),
        TEST(lists_of_guests_have_a_limit),
        TEST(all_instances_hear_of_guests_that_are_gone),
        TEST(a_page_is_asked_for_under_the_id_of_the_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
