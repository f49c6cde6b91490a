/* SPDX-License-Identifier: Apache-2.0
 * What edges say through their zones: rows that last as long as somebody says them, beside the places
 * of the site's own instances; and the pairing of a zone. The test is expc, expe, turn and callbridge.
 */
#include "confix.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/str.h>
#include <loop/clock.h>
#include <pki/pki.h>
#include <site/site.h>
#include <turn.pb-c.h>
#include <zone.pb-c.h>

#include "cm.h"

#define TEXT(s) ((char *)(uintptr_t)(s))

enum { WAIT_MS = 20000, LONG_MS = 60000, CALM_MS = 4000, FIELDS_MAX = 16, FACTS_MAX = 32 };

struct fix {
    struct confix c;
    struct bus *expc, *follower;
    struct site *site;
    char zone[64];
    unsigned seen; /* rows of instances that were published */
};

static const struct bus_dst config_dst = { .role = "config" };

static void on_change(enum site_kind kind, const char *id, void *arg)
{
    struct fix *f = arg;

    if (kind == SITE_TURN_INSTANCE && site_turn_instance(f->site, id))
        f->seen++;
}

static int setup(void **state)
{
    static const char *const topics[] = { "site", NULL };
    struct fix *f = calloc(1, sizeof(*f));
    struct confix_answer a;

    confix_open(&f->c);
    confix_add(&f->c, "zone", CONFIX_FIELDS("name", "vcse", "address", "172.16.85.168"), &a);
    assert_string_equal(a.problem, "");
    (void)str_copy(f->zone, sizeof(f->zone), a.id);
    f->expc = busfix_connect(f->c.bus_fix, "expc");
    f->follower = busfix_connect(f->c.bus_fix, "callbridge");
    f->site = site_new(on_change, f);
    assert_int_equal(site_follow(f->site, f->follower, topics, NULL), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fix *f = *state;

    site_free(&f->site);
    bus_free(&f->follower);
    bus_free(&f->expc);
    confix_close(&f->c);
    free(f);
    return 0;
}

/* --- saying ----------------------------------------------------------------------------------- */

struct said {
    const char *zone, *kind, *id;
    const char *const *pairs; /* name, value, ..., NULL */
    uint32_t ttl_ms;
    bool gone;
};

static enum bus_code say_by(struct fix *f, struct bus *bus, const struct said *s)
{
    Stoa__Zone__V1__FactRequest req = STOA__ZONE__V1__FACT_REQUEST__INIT;
    Stoa__Zone__V1__Field items[FIELDS_MAX], *ptrs[FIELDS_MAX];

    req.zone = TEXT(s->zone ? s->zone : f->zone);
    req.kind = TEXT(s->kind);
    req.id = TEXT(s->id);
    req.has_gone = true;
    req.gone = s->gone;
    req.has_ttl_ms = s->ttl_ms != 0;
    req.ttl_ms = s->ttl_ms;
    req.fields = ptrs;
    for (; s->pairs && s->pairs[2 * req.n_fields]; req.n_fields++) {
        ptrs[req.n_fields] = &items[req.n_fields];
        stoa__zone__v1__field__init(ptrs[req.n_fields]);
        items[req.n_fields].name = TEXT(s->pairs[2 * req.n_fields]);
        items[req.n_fields].value = TEXT(s->pairs[2 * req.n_fields + 1]);
    }
    return busfix_ask(f->c.bus_fix, bus, &config_dst, &req.base, NULL);
}

static enum bus_code say(struct fix *f, const struct said *s)
{
    return say_by(f, f->expc, s);
}

static const char *const turn_fields[] = {
    "holder", "edge1/1", "instance", "aaaa", "place", "1", "port", "3478", "addresses",
    "172.16.85.169", "publicAddresses", "10.88.246.156", "servers", "172.16.85.168,172.16.85.169",
    "state", "serving", NULL,
};

static enum bus_code say_turn(struct fix *f, struct bus *bus, const char *id, uint32_t ttl_ms)
{
    struct said s = { .kind = "turnInstance", .id = id, .pairs = turn_fields, .ttl_ms = ttl_ms };

    return say_by(f, bus, &s);
}

/* --- seeing ----------------------------------------------------------------------------------- */

static size_t count(const struct fix *f)
{
    size_t it = 0, n = 0;

    while (site_next_turn_instance(f->site, &it))
        n++;
    return n;
}

static const struct site_turn_instance *only(const struct fix *f)
{
    size_t it = 0;

    return count(f) == 1 ? site_next_turn_instance(f->site, &it) : NULL;
}

static bool is_one(void *arg)
{
    return only(arg) != NULL;
}

static bool is_seen(void *arg)
{
    return ((struct fix *)arg)->seen > 0;
}

static bool is_none(void *arg)
{
    return count(arg) == 0;
}

static bool wait_for(struct fix *f, bool (*what)(void *arg))
{
    return busfix_run_until(f->c.bus_fix, what, f, WAIT_MS);
}

/* --- facts ------------------------------------------------------------------------------------ */

static void a_fact_is_a_row_with_its_zone(void **state)
{
    struct fix *f = *state;
    const struct site_turn_instance *t;
    char id[64];

    assert_int_equal(say_turn(f, f->expc, "one", LONG_MS), BUS_OK);
    assert_true(wait_for(f, is_one));
    t = only(f);
    assert_string_equal(t->zone, f->zone);
    assert_string_equal(t->holder, "vcse:edge1/1");
    assert_string_equal(t->servers, "172.16.85.168, 172.16.85.169");
    assert_string_equal(t->public_addresses, "10.88.246.156");
    assert_int_equal(t->port, 3478);
    assert_int_equal(t->place, 0); /* one of the other site */
    (void)str_copy(id, sizeof(id), t->id);
    /* Taken back, and said again: the same row. */
    assert_int_equal(say(f, &(struct said){ .kind = "turnInstance", .id = "one", .gone = true }),
                     BUS_OK);
    assert_true(wait_for(f, is_none));
    assert_int_equal(say_turn(f, f->expc, "one", LONG_MS), BUS_OK);
    assert_true(wait_for(f, is_one));
    assert_string_equal(only(f)->id, id);
}

static bool knows_edge(void *arg)
{
    size_t it = 0;
    const struct site_edge_fact *e = site_next_edge_fact(((struct fix *)arg)->site, &it);

    return e && str_eq(e->names, "join.octavio.com, cmsweb.octavio.com") && e->turns_port == 443 &&
           str_eq(e->node, "vcse:n1") && str_eq(e->zone, ((struct fix *)arg)->zone);
}

static void an_edge_is_known_by_what_it_says(void **state)
{
    struct fix *f = *state;

    assert_int_equal(say(f, &(struct said){ .kind = "edge", .id = "n1", .ttl_ms = LONG_MS,
        .pairs = CONFIX_FIELDS("names", "join.octavio.com,cmsweb.octavio.com", "turnsPort", "443",
                               "software", "stoa 0.1.0") }), BUS_OK);
    assert_true(wait_for(f, knows_edge));
}

static bool has_no_servers(void *arg)
{
    const struct site_turn_instance *t = only(arg);

    return t && !t->servers && str_eq(t->state, "draining");
}

static void a_fact_is_replaced_whole(void **state)
{
    struct fix *f = *state;

    assert_int_equal(say_turn(f, f->expc, "one", LONG_MS), BUS_OK);
    assert_true(wait_for(f, is_one));
    assert_int_equal(say(f, &(struct said){ .kind = "turnInstance", .id = "one", .ttl_ms = LONG_MS,
        .pairs = CONFIX_FIELDS("holder", "edge1/1", "port", "3478", "state", "draining") }),
                     BUS_OK);
    assert_true(wait_for(f, has_no_servers));
}

static void what_is_not_said_again_is_forgotten(void **state)
{
    struct fix *f = *state;

    assert_int_equal(say_turn(f, f->expc, "one", 1), BUS_OK); /* a second is the least */
    assert_true(wait_for(f, is_seen));
    assert_true(wait_for(f, is_none));
}

static void it_holds_as_long_as_one_of_several_says_it(void **state)
{
    struct fix *f = *state;
    struct bus *other = busfix_connect(f->c.bus_fix, "expc");
    struct said gone = { .kind = "turnInstance", .id = "one", .gone = true };

    assert_int_equal(say_turn(f, f->expc, "one", LONG_MS), BUS_OK);
    assert_int_equal(say_turn(f, other, "one", LONG_MS), BUS_OK);
    assert_int_equal(say_by(f, other, &gone), BUS_OK);
    assert_int_equal(say_by(f, other, &gone), BUS_OK); /* has nothing to take back */
    assert_string_equal(confix_value(&f->c, "turnInstance", "vcse:edge1/1", "port"), "3478");
    assert_int_equal(say(f, &gone), BUS_OK);
    assert_true(wait_for(f, is_none));
    bus_free(&other);
}

static void what_is_wrong_is_refused(void **state)
{
    static const char *const wrong[][2] = {
        { "zone", "x" }, { "colour", "red" }, { "port", "70000" }, { "servers", "not-an-ip" },
        { "state", "dead" }, { "mediaMin", "-1" },
    };
    struct fix *f = *state;
    struct said s = { .kind = "turnInstance", .id = "one", .pairs = turn_fields };
    char long_id[200];

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(say(f, &(struct said){ .kind = "turnInstance", .id = "one",
            .pairs = CONFIX_FIELDS("holder", "e", wrong[i][0], wrong[i][1]) }), BUS_INVALID);
    assert_int_equal(say(f, &(struct said){ .kind = "space", .id = "one",
        .pairs = CONFIX_FIELDS("uri", "mine") }), BUS_INVALID);
    assert_int_equal(say(f, &(struct said){ .kind = "edgeFact", .id = "one",
        .pairs = CONFIX_FIELDS("software", "x") }), BUS_INVALID); /* "edge" is its name there */
    s.id = "";
    assert_int_equal(say(f, &s), BUS_INVALID);
    memset(long_id, 'x', sizeof(long_id));
    long_id[sizeof(long_id) - 1] = '\0';
    s.id = long_id;
    assert_int_equal(say(f, &s), BUS_INVALID);
    s.id = "one";
    s.zone = "00000000-0000-4000-8000-000000000000";
    assert_int_equal(say(f, &s), BUS_NOT_FOUND);
    s.zone = "vcse"; /* its name is not its id */
    assert_int_equal(say(f, &s), BUS_NOT_FOUND);
    s.zone = NULL;
    assert_int_equal(say_by(f, f->follower, &s), BUS_DENIED); /* not expc */
    assert_string_equal(confix_value(&f->c, "turnInstance", "vcse:e", "port"), "(gone)");
    assert_int_equal(count(f), 0);
}

static void an_edge_cannot_fill_the_site(void **state)
{
    struct fix *f = *state;
    char id[16], holder[16];

    for (int i = 0; i <= FACTS_MAX; i++) {
        struct said s = { .kind = "turnInstance", .id = id, .ttl_ms = LONG_MS,
                          .pairs = CONFIX_FIELDS("holder", holder, "port", "3478") };

        (void)snprintf(id, sizeof(id), "i%d", i);
        (void)snprintf(holder, sizeof(holder), "edge/%d", i);
        assert_int_equal(say(f, &s), i < FACTS_MAX ? BUS_OK : BUS_INVALID);
    }
}

static enum bus_code lease(struct fix *f, struct bus *turn, const char *holder, unsigned *place)
{
    Stoa__Turn__V1__LeaseRequest req = STOA__TURN__V1__LEASE_REQUEST__INIT;
    char *servers[] = { TEXT("127.0.0.2"), TEXT("127.0.0.3:5000") };
    ProtobufCMessage *body = NULL;
    enum bus_code code;

    req.holder = TEXT(holder);
    req.has_number = true;
    req.number = 1;
    req.n_servers = 2;
    req.servers = servers;
    req.state = TEXT("serving");
    code = busfix_ask(f->c.bus_fix, turn, &config_dst, &req.base, &body);
    *place = body ? ((const Stoa__Turn__V1__LeaseReply *)(const void *)body)->place : 0;
    if (body)
        protobuf_c_message_free_unpacked(body, NULL);
    return code;
}

static void facts_and_places_do_not_meet(void **state)
{
    struct fix *f = *state;
    struct bus *turn = busfix_connect(f->c.bus_fix, "turn");
    struct confix_answer a;
    unsigned place;

    confix_set(&f->c, "turn", "turn", CONFIX_FIELDS("instances", "1"), &a);
    assert_string_equal(a.problem, "");
    /* The other site's instance has the same number, ports and slice: the only place is free. */
    assert_int_equal(say(f, &(struct said){ .kind = "turnInstance", .id = "one", .ttl_ms = LONG_MS,
        .pairs = CONFIX_FIELDS("holder", "edge1/1", "place", "1", "port", "3478", "mediaMin", "1",
                               "mediaMax", "65535") }), BUS_OK);
    assert_int_equal(lease(f, turn, "edge1/1", &place), BUS_OK);
    assert_int_equal(place, 1);
    assert_string_equal(confix_value(&f->c, "turnInstance", "edge1/1", "servers"),
                        "127.0.0.2, 127.0.0.3:5000");
    assert_string_equal(confix_value(&f->c, "turnInstance", "edge1/1", "zone"), "(unset)");
    assert_string_equal(confix_value(&f->c, "turnInstance", "vcse:edge1/1", "zone"), f->zone);
    /* A holder that has the name of a fact does not take it over. */
    assert_int_not_equal(lease(f, turn, "vcse:edge1/1", &place), BUS_OK);
    assert_string_equal(confix_value(&f->c, "turnInstance", "vcse:edge1/1", "mediaMax"), "65535");
    /* And the other way round: a place that is taken is no reason to refuse a fact. */
    assert_int_equal(say_turn(f, f->expc, "one", LONG_MS), BUS_OK);
    bus_free(&turn);
}

static void facts_of_before_a_restart_have_to_be_said_again(void **state)
{
    struct fix *f = *state;

    assert_int_equal(say_turn(f, f->expc, "one", LONG_MS), BUS_OK);
    assert_true(wait_for(f, is_one));
    (void)confix_stop(&f->c, SIGKILL);
    confix_start(&f->c);
    /* It is there still, for those who ask now; nobody says it any more. */
    assert_string_equal(confix_value(&f->c, "turnInstance", "vcse:edge1/1", "port"), "3478");
    assert_true(wait_for(f, is_none));
}

static void facts_of_a_backup_are_forgotten_as_well(void **state)
{
    Stoa__Config__V1__BackupRequest backup = STOA__CONFIG__V1__BACKUP_REQUEST__INIT;
    Stoa__Config__V1__RestoreRequest restore = STOA__CONFIG__V1__RESTORE_REQUEST__INIT;
    struct fix *f = *state;
    ProtobufCMessage *body = NULL, *done = NULL;

    assert_int_equal(say_turn(f, f->expc, "one", LONG_MS), BUS_OK);
    assert_int_equal(busfix_ask(f->c.bus_fix, f->c.admin, &config_dst, &backup.base, &body),
                     BUS_OK);
    assert_int_equal(say(f, &(struct said){ .kind = "turnInstance", .id = "one", .gone = true }),
                     BUS_OK);
    assert_true(wait_for(f, is_none));
    f->seen = 0;
    restore.name = ((Stoa__Config__V1__BackupReply *)(void *)body)->name;
    assert_int_equal(busfix_ask(f->c.bus_fix, f->c.admin, &config_dst, &restore.base, &done),
                     BUS_OK);
    assert_null(((Stoa__Config__V1__WriteReply *)(void *)done)->problem);
    assert_true(wait_for(f, is_seen));
    assert_true(wait_for(f, is_none));
    protobuf_c_message_free_unpacked(body, NULL);
    protobuf_c_message_free_unpacked(done, NULL);
}

static enum bus_code say_load(struct fix *f, int load)
{
    char text[16];
    struct said s = { .kind = "turnInstance", .id = "one", .ttl_ms = LONG_MS,
                      .pairs = CONFIX_FIELDS("holder", "edge1/1", "load", text) };

    (void)snprintf(text, sizeof(text), "%d", load);
    return say(f, &s);
}

static void a_load_that_changes_often_is_written_now_and_then(void **state)
{
    struct fix *f = *state;
    int64_t start_ms = loop_now_ms();

    for (int i = 0; i <= 7; i++)
        assert_int_equal(say_load(f, i), BUS_OK);
    if (loop_now_ms() - start_ms < CALM_MS) /* else the machine was too slow to see it */
        assert_string_equal(confix_value(&f->c, "turnInstance", "vcse:edge1/1", "load"), "1");
    /* Said again, as expc does: the last one comes through. */
    while (!str_eq(confix_value(&f->c, "turnInstance", "vcse:edge1/1", "load"), "7")) {
        assert_true(loop_now_ms() - start_ms < WAIT_MS);
        assert_int_equal(say_load(f, 7), BUS_OK);
        busfix_run_for(f->c.bus_fix, 100);
    }
}

/* --- pairing ---------------------------------------------------------------------------------- */

struct edge {
    struct confix c;
    struct bus *expe;
    char zone[64];
    char *ca[2]; /* PEM */
};

static char *make_ca(const char *name)
{
    struct pki_opts opts = { .cn = name, .now_s = (int64_t)time(NULL) };
    struct pki_pair pair = { 0 };
    struct pki_err err;
    char *pem;

    assert_int_equal(pki_ca_new(&pair, &opts, &err), 0);
    pem = str_dup(pair.cert_pem);
    pki_pair_fini(&pair);
    return pem;
}

static int edge_setup(void **state)
{
    struct edge *e = calloc(1, sizeof(*e));
    struct confix_answer a;

    confix_open_site(&e->c, "edge");
    confix_add(&e->c, "zoneServer", CONFIX_FIELDS("name", "inside", "username", "zone1"), &a);
    assert_string_equal(a.problem, "");
    (void)str_copy(e->zone, sizeof(e->zone), a.id);
    e->expe = busfix_connect(e->c.bus_fix, "expe");
    e->ca[0] = make_ca("one");
    e->ca[1] = make_ca("two");
    *state = e;
    return 0;
}

static int edge_teardown(void **state)
{
    struct edge *e = *state;

    bus_free(&e->expe);
    confix_close(&e->c);
    free(e->ca[0]);
    free(e->ca[1]);
    free(e);
    return 0;
}

static enum bus_code pair(struct edge *e, const char *zone, const char *ca)
{
    Stoa__Zone__V1__PairRequest req = STOA__ZONE__V1__PAIR_REQUEST__INIT;

    req.zone = TEXT(zone);
    req.peer_ca = TEXT(ca);
    return busfix_ask(e->c.bus_fix, e->expe, &config_dst, &req.base, NULL);
}

static void wait_until(struct edge *e, int64_t from_now_s)
{
    struct confix_answer a;
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld", (long long)time(NULL) + (long long)from_now_s);
    confix_set(&e->c, "zoneServer", e->zone, CONFIX_FIELDS("pairUntil", text), &a);
    assert_string_equal(a.problem, "");
}

static void a_zone_is_paired_once_and_in_time(void **state)
{
    struct edge *e = *state;
    char kept[4096];

    assert_int_equal(pair(e, e->zone, e->ca[0]), BUS_CONFLICT); /* it does not wait */
    wait_until(e, -1);
    assert_int_equal(pair(e, e->zone, e->ca[0]), BUS_CONFLICT);
    wait_until(e, 3600);
    assert_int_equal(pair(e, "00000000-0000-4000-8000-000000000000", e->ca[0]), BUS_NOT_FOUND);
    assert_int_equal(pair(e, e->zone, "no certificate"), BUS_INVALID);
    assert_int_equal(pair(e, e->zone, NULL), BUS_INVALID);
    assert_string_equal(confix_value(&e->c, "zoneServer", e->zone, "peerCa"), "(unset)");
    assert_int_equal(pair(e, e->zone, e->ca[0]), BUS_OK);
    (void)str_copy(kept, sizeof(kept), confix_value(&e->c, "zoneServer", e->zone, "peerCa"));
    assert_true(str_starts(kept, "MII"));
    assert_int_equal(pair(e, e->zone, e->ca[1]), BUS_CONFLICT); /* another is not taken */
    assert_int_equal(pair(e, e->zone, e->ca[0]), BUS_OK);       /* the same once more */
    wait_until(e, -1);
    assert_int_equal(pair(e, e->zone, e->ca[0]), BUS_OK);
    assert_string_equal(confix_value(&e->c, "zoneServer", e->zone, "peerCa"), kept);
}

static void nobody_else_pairs_a_zone(void **state)
{
    struct edge *e = *state;
    Stoa__Zone__V1__PairRequest req = STOA__ZONE__V1__PAIR_REQUEST__INIT;
    struct bus *turn = busfix_connect(e->c.bus_fix, "turn");

    wait_until(e, 3600);
    req.zone = e->zone;
    req.peer_ca = e->ca[0];
    assert_int_equal(busfix_ask(e->c.bus_fix, turn, &config_dst, &req.base, NULL), BUS_DENIED);
    assert_int_equal(busfix_ask(e->c.bus_fix, e->c.admin, &config_dst, &req.base, NULL),
                     BUS_DENIED);
    bus_free(&turn);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define EDGE(name) cmocka_unit_test_setup_teardown(name, edge_setup, edge_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fact_is_a_row_with_its_zone),
        TEST(an_edge_is_known_by_what_it_says),
        TEST(a_fact_is_replaced_whole),
        TEST(what_is_not_said_again_is_forgotten),
        TEST(it_holds_as_long_as_one_of_several_says_it),
        TEST(what_is_wrong_is_refused),
        TEST(an_edge_cannot_fill_the_site),
        TEST(facts_and_places_do_not_meet),
        TEST(facts_of_before_a_restart_have_to_be_said_again),
        TEST(facts_of_a_backup_are_forgotten_as_well),
        TEST(a_load_that_changes_often_is_written_now_and_then),
        EDGE(a_zone_is_paired_once_and_in_time),
        EDGE(nobody_else_pairs_a_zone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
