/* SPDX-License-Identifier: Apache-2.0
 * The config daemon over a real bus: requests, who may ask, and what its topics say. */
#include "confix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/map.h>
#include <base/str.h>
#include <bus/state.h>
#include <site/site.h>

#include "cm.h"

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

static void administrators_read_what_they_wrote(void **state)
{
    struct confix *c = *state;
    struct confix_answer a;

    confix_add(c, "space",
               CONFIX_FIELDS("name", "S", "uri", "Board", "callId", "100102", "passcode", "4321"),
               &a);
    assert_int_equal(a.code, BUS_OK);
    assert_string_equal(a.problem, "");
    assert_int_equal(a.added, 1);
    assert_string_equal(confix_value(c, "space", a.id, "uri"), "board");
    assert_string_equal(confix_value(c, "space", "board", "passcode"), "4321");
    assert_string_equal(confix_value(c, "space", "board", "nonMemberAccess"), "true");
    confix_set(c, "space", "board", CONFIX_FIELDS("passcode", ""), &a);
    assert_int_equal(a.changed, 1);
    assert_string_equal(confix_value(c, "space", "board", "passcode"), "(unset)");
    confix_delete(c, "space", "board", &a);
    assert_int_equal(a.deleted, 1);
    assert_string_equal(confix_value(c, "space", "board", "uri"), "(gone)");
}

static void a_turn_password_is_never_readable_back(void **state)
{
    struct confix *c = *state;
    struct confix_answer a;

    confix_add(c, "turnServer",
               CONFIX_FIELDS("serverAddress", "172.16.85.168", "password", "cisco"), &a);
    assert_string_equal(a.problem, "");
    assert_string_equal(confix_value(c, "turnServer", a.id, "serverAddress"), "172.16.85.168");
    assert_string_equal(confix_value(c, "turnServer", a.id, "password"), "(unset)");
}

static void a_refusal_has_a_name_and_a_sentence(void **state)
{
    struct confix *c = *state;
    struct confix_answer a;

    confix_add(c, "space", CONFIX_FIELDS("name", "S", "callId", "abc"), &a);
    assert_int_equal(a.code, BUS_OK);
    assert_string_equal(a.problem, "parameterError");
    assert_string_equal(a.text, "space.callId: must be 1 to 12 digits");
    confix_add(c, "space", CONFIX_FIELDS("name", "S", "uri", "a"), &a);
    confix_add(c, "space", CONFIX_FIELDS("name", "S", "uri", "a"), &a);
    assert_string_equal(a.problem, "duplicateCoSpaceUri");
    confix_add(c, "space", CONFIX_FIELDS("name", "S", "colour", "red"), &a);
    assert_string_equal(a.text, "space: there is no field \"colour\"");
    confix_add(c, "space", CONFIX_FIELDS("uri", "nameless"), &a);
    assert_string_equal(a.problem, "parameterError");
    assert_string_equal(a.text, "space.name: is required");
    confix_set(c, "space", "a", CONFIX_FIELDS("name", ""), &a);
    assert_string_equal(a.text, "space.name: is required");
    confix_add(c, "tenant", CONFIX_FIELDS("name", "x"), &a);
    assert_string_equal(a.problem, "unrecognizedObject");
}

static void daemons_may_not_write(void **state)
{
    static const char *const roles[] = { "webbridge", "callbridge", "xmpp", "expc" };
    struct confix *c = *state;
    const struct bus_dst dst = { .role = "config" };
    struct confix_answer a;

    confix_add(c, "space", CONFIX_FIELDS("name", "S", "uri", "a"), &a); /* config is up */
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        struct bus *bus = busfix_connect(c->bus_fix, roles[i]);
        Stoa__Config__V1__DeleteRequest req = STOA__CONFIG__V1__DELETE_REQUEST__INIT;
        Stoa__Config__V1__GetRequest get = STOA__CONFIG__V1__GET_REQUEST__INIT;

        req.kind = get.kind = (char *)(uintptr_t) "space";
        req.id = get.id = (char *)(uintptr_t) "a";
        assert_int_equal(busfix_ask(c->bus_fix, bus, &dst, &req.base, NULL), BUS_DENIED);
        assert_int_equal(busfix_ask(c->bus_fix, bus, &dst, &get.base, NULL), BUS_DENIED);
        bus_free(&bus);
    }
    assert_string_equal(confix_value(c, "space", "a", "uri"), "a");
}

/* --- topics ---------------------------------------------------------------------------------- */

static bool site_is_live(void *arg)
{
    return site_ready(arg) && site_live(arg);
}

static bool has_login(void *arg)
{
    struct site_login got;

    return site_find_login(arg, "100102", "4321", &got) == 0;
}

static bool has_space(void *arg)
{
    return site_space_by_uri(arg, "board") != NULL;
}

static bool has_no_space(void *arg)
{
    return site_space_by_uri(arg, "board") == NULL;
}

static void callbridge_sees_passcodes_and_webbridge_does_not(void **state)
{
    static const char *const all[] = { "site", "site-secret", NULL };
    static const char *const open[] = { "site", NULL };
    struct confix *c = *state;
    struct bus *cb = busfix_connect(c->bus_fix, "callbridge");
    struct bus *wb = busfix_connect(c->bus_fix, "webbridge");
    struct site *full = site_new(NULL, NULL), *half = site_new(NULL, NULL);
    struct confix_answer a;

    assert_int_equal(site_follow(full, cb, all, NULL), 0);
    assert_int_equal(site_follow(half, wb, open, NULL), 0);
    assert_true(busfix_run_until(c->bus_fix, site_is_live, full, 10000));
    assert_true(busfix_run_until(c->bus_fix, site_is_live, half, 10000));
    confix_add(c, "space",
               CONFIX_FIELDS("name", "S", "uri", "board", "callId", "100102", "passcode", "4321"),
               &a);
    assert_true(busfix_run_until(c->bus_fix, has_login, full, 5000));
    assert_true(busfix_run_until(c->bus_fix, has_space, half, 5000));
    assert_null(site_space_by_uri(half, "board")->passcode);
    assert_null(site_space_by_uri(half, "board")->secret);
    assert_int_equal(strlen(site_space_by_uri(full, "board")->secret), 22);
    confix_delete(c, "space", "board", &a);
    assert_true(busfix_run_until(c->bus_fix, has_no_space, full, 5000));
    assert_true(busfix_run_until(c->bus_fix, has_no_space, half, 5000));
    site_free(&full);
    site_free(&half);
    bus_free(&cb);
    bus_free(&wb);
}

static void no_row(void *arg, const struct bus_state_row *row)
{
    (void)arg;
    (void)row;
}

static bool state_is_live(void *arg)
{
    return bus_state_live(arg);
}

static void secret_topics_are_closed_to_others(void **state)
{
    static const char *const topics[] = { "site-secret", "turn-secret", "user" };
    struct confix *c = *state;
    struct bus *wb = busfix_connect(c->bus_fix, "webbridge");
    struct bus_state_opts opts = { .apply = no_row };
    struct confix_answer a;

    confix_add(c, "space", CONFIX_FIELDS("name", "S", "uri", "a", "passcode", "1"), &a);
    for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
        struct bus_state *st = NULL;

        assert_int_equal(bus_state_open(&st, wb, topics[i], &opts), 0);
        assert_false(busfix_run_until(c->bus_fix, state_is_live, st, 700));
        bus_state_close(&st);
    }
    bus_free(&wb);
}

static void collect(void *arg, const struct bus_state_row *row)
{
    struct map *rows = arg;
    char *key = str_printf("%s/%s", row->kind, row->id);
    struct str *value = calloc(1, sizeof(*value));

    str_addn(value, row->data, row->len);
    assert_null(map_put(rows, key, value));
    free(key);
}

static void same_rows(struct bus_state *one, struct bus_state *two)
{
    struct map *a = map_new(), *b = map_new();
    const char *key;
    void *value;

    bus_state_each(one, NULL, collect, a);
    bus_state_each(two, NULL, collect, b);
    assert_int_equal(map_count(a), map_count(b));
    for (size_t it = 0; map_next(a, &it, &key, &value);) {
        struct str *other = map_get(b, key), *mine = value;

        assert_non_null(other);
        assert_int_equal(mine->len, other->len);
        assert_memory_equal(mine->s, other->s, mine->len);
    }
    for (int i = 0; i < 2; i++)
        for (size_t it = 0; map_next(i ? a : b, &it, NULL, &value);) {
            str_fini(value);
            free(value);
        }
    map_free(a);
    map_free(b);
}

static void random_write(struct confix *c, unsigned *seed)
{
    struct confix_answer a;
    char uri[16], name[16];
    unsigned n = (*seed = *seed * 1103515245u + 12345u) >> 16;

    snprintf(uri, sizeof(uri), "u%u", n % 12);
    snprintf(name, sizeof(name), "n%u", n % 97);
    if (n % 5 == 0)
        confix_delete(c, "space", uri, &a);
    else if (n % 5 < 3)
        confix_add(c, "space", CONFIX_FIELDS("uri", uri, "name", name, "passcode", "1"), &a);
    else
        confix_set(c, "space", uri, CONFIX_FIELDS("name", name), &a);
    assert_int_equal(a.code, BUS_OK);
}

struct pair {
    struct bus_state *one, *two;
};

static bool both_live(void *arg)
{
    struct pair *p = arg;

    return bus_state_live(p->one) && bus_state_live(p->two);
}

static void updates_lead_to_the_same_rows_as_a_snapshot(void **state)
{
    struct confix *c = *state;
    struct bus_state_opts opts = { .apply = no_row };
    struct bus *early = busfix_connect(c->bus_fix, "callbridge");
    struct bus *late = busfix_connect(c->bus_fix, "webbridge");
    struct pair p = { 0 };
    struct confix_answer a;
    unsigned seed = 1;

    assert_int_equal(bus_state_open(&p.one, early, "site", &opts), 0);
    assert_true(busfix_run_until(c->bus_fix, state_is_live, p.one, 10000));
    for (int i = 0; i < 150; i++)
        random_write(c, &seed);
    assert_int_equal(bus_state_open(&p.two, late, "site", &opts), 0);
    assert_true(busfix_run_until(c->bus_fix, both_live, &p, 10000));
    /* The answer to one more write comes after its update: nothing is on its way any more. */
    confix_set(c, "settings", "settings", CONFIX_FIELDS("participantLimit", "7"), &a);
    busfix_run_for(c->bus_fix, 50);
    same_rows(p.one, p.two);
    bus_state_close(&p.one);
    bus_state_close(&p.two);
    bus_free(&early);
    bus_free(&late);
}

/* --- copies ---------------------------------------------------------------------------------- */

static void a_backup_restores_and_the_topics_follow(void **state)
{
    static const char *const all[] = { "site", "site-secret", NULL };
    struct confix *c = *state;
    const struct bus_dst dst = { .role = "config" };
    Stoa__Config__V1__BackupRequest backup = STOA__CONFIG__V1__BACKUP_REQUEST__INIT;
    Stoa__Config__V1__RestoreRequest restore = STOA__CONFIG__V1__RESTORE_REQUEST__INIT;
    struct bus *cb = busfix_connect(c->bus_fix, "callbridge");
    struct site *site = site_new(NULL, NULL);
    ProtobufCMessage *reply = NULL, *done = NULL;
    struct confix_answer a;

    confix_add(c, "space",
               CONFIX_FIELDS("name", "S", "uri", "board", "callId", "100102", "passcode", "4321"),
               &a);
    assert_int_equal(site_follow(site, cb, all, NULL), 0);
    assert_true(busfix_run_until(c->bus_fix, has_login, site, 10000));
    assert_int_equal(busfix_ask(c->bus_fix, c->admin, &dst, &backup.base, &reply), BUS_OK);
    confix_delete(c, "space", "board", &a);
    assert_true(busfix_run_until(c->bus_fix, has_no_space, site, 5000));
    restore.name = ((Stoa__Config__V1__BackupReply *)(void *)reply)->name;
    assert_non_null(restore.name);
    assert_int_equal(busfix_ask(c->bus_fix, c->admin, &dst, &restore.base, &done), BUS_OK);
    assert_null(((Stoa__Config__V1__WriteReply *)(void *)done)->problem);
    assert_true(busfix_run_until(c->bus_fix, has_login, site, 5000));
    char *path = str_printf("%s/backup/%s", busfix_dir(c->bus_fix), restore.name);
    assert_int_equal(remove(path), 0);
    free(path);
    restore.name = (char *)(uintptr_t) "../data/config.db";
    protobuf_c_message_free_unpacked(done, NULL);
    assert_int_equal(busfix_ask(c->bus_fix, c->admin, &dst, &restore.base, &done), BUS_OK);
    assert_non_null(((Stoa__Config__V1__WriteReply *)(void *)done)->problem);
    protobuf_c_message_free_unpacked(done, NULL);
    protobuf_c_message_free_unpacked(reply, NULL);
    site_free(&site);
    bus_free(&cb);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(administrators_read_what_they_wrote),
        TEST(a_turn_password_is_never_readable_back),
        TEST(a_refusal_has_a_name_and_a_sentence),
        TEST(daemons_may_not_write),
        TEST(callbridge_sees_passcodes_and_webbridge_does_not),
        TEST(secret_topics_are_closed_to_others),
        TEST(updates_lead_to_the_same_rows_as_a_snapshot),
        TEST(a_backup_restores_and_the_topics_follow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
