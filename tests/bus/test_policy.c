/* SPDX-License-Identifier: Apache-2.0
 * Who may send what: every role, every message type, every receiver, through a real busd. */
#include <busfix.h>

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus.pb-c.h>
#include <bus/types.h>
#include <bus/validate.h>

#include "cm.h"
#include "policy.h"

enum { WAIT_MS = 60000 };

static struct busfix *fix;

static int set_up(void **state)
{
    (void)state;
    fix = busfix_new("inside");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    busfix_free(&fix);
    return 0;
}

static const char *const roles[] = {"config", "callbridge", "webbridge", "xmpp",
                                    "expc",   "webadmin",   "admin",     "busd"};

/* --- requests -------------------------------------------------------------------------------- */

struct probe {
    const char *type, *from, *to;
    bool allowed;
    int *waiting, *wrong;
};

static void on_probe(void *arg, const struct bus_result *r)
{
    struct probe *p = arg;

    --*p->waiting;
    if ((r->code == BUS_DENIED) == p->allowed) {
        ++*p->wrong;
        print_error("%s from %s to %s: %s, %s\n", p->type, p->from, p->to, bus_code_name(r->code),
                    r->message);
    }
    free(p);
}

static bool none_waiting(void *arg)
{
    return *(int *)arg == 0;
}

static ProtobufCMessage *empty(const ProtobufCMessageDescriptor *d)
{
    ProtobufCMessage *msg = mem_zalloc(d->sizeof_message);

    protobuf_c_message_init(d, msg);
    return msg;
}

/* These are allowed, and answering them changes the connection: tested elsewhere. */
static bool is_special(const char *type)
{
    return strcmp(type, "stoa.bus.v1.ByeRequest") == 0 ||
           strcmp(type, "stoa.bus.v1.ReadyRequest") == 0 ||
           strcmp(type, "stoa.bus.v1.SubscribeRequest") == 0 ||
           strcmp(type, "stoa.bus.v1.SnapshotRequest") == 0;
}

static void probe_all_requests(struct bus *bus, const char *from, int *waiting, int *wrong)
{
    const ProtobufCMessageDescriptor *d;

    for (size_t i = 0; (d = bus_type_at(i)); i++) {
        ProtobufCMessage *msg = empty(d);

        for (size_t k = 0; k < ARRAY_LEN(roles) && !is_special(d->name); k++) {
            const struct policy_row *row =
                policy_find(d->name, policy_role(from), policy_role(roles[k]));
            struct probe *p = MEM_NEW(struct probe);
            struct bus_dst dst = {.role = roles[k]};
            struct bus_req_opts opts = {.timeout_ms = 30000};

            *p = (struct probe){.type = d->name, .from = from, .to = roles[k], .waiting = waiting,
                                .wrong = wrong, .allowed = row && row->reply};
            ++*waiting;
            (void)bus_request(bus, &dst, msg, &opts, on_probe, p);
        }
        free(msg);
    }
}

static void each_request_outside_the_table_is_denied(void **state)
{
    int waiting = 0, wrong = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(roles) - 1; i++) {
        struct bus *bus = busfix_connect(fix, roles[i]);

        probe_all_requests(bus, roles[i], &waiting, &wrong);
        assert_true(busfix_run_until(fix, none_waiting, &waiting, WAIT_MS));
        bus_free(&bus);
    }
    assert_int_equal(wrong, 0);
}

/* --- events ---------------------------------------------------------------------------------- */

static uint64_t counter(struct bus *admin, const char *name)
{
    Stoa__Bus__V1__StatusRequest q = STOA__BUS__V1__STATUS_REQUEST__INIT;
    struct bus_dst dst = {.role = "busd"};
    ProtobufCMessage *msg;
    const Stoa__Bus__V1__StatusReply *r;
    uint64_t value = 0;

    assert_int_equal(busfix_ask(fix, admin, &dst, &q.base, &msg), BUS_OK);
    r = (const void *)msg;
    for (size_t i = 0; i < r->n_counters; i++) {
        if (strcmp(r->counters[i]->name, name) == 0)
            value = r->counters[i]->value;
    }
    bus_msg_free(&msg);
    return value;
}

static void each_event_outside_the_table_is_dropped_and_counted(void **state)
{
    struct bus *admin = busfix_connect(fix, "admin"), *web = busfix_connect(fix, "webbridge");
    struct bus_dst to_busd = {.role = "busd"};
    Stoa__Bus__V1__PeersRequest sync = STOA__BUS__V1__PEERS_REQUEST__INIT;
    const ProtobufCMessageDescriptor *d;
    uint64_t before = counter(admin, "denied"), denied = 0;

    (void)state;
    for (size_t i = 0; (d = bus_type_at(i)); i++) {
        ProtobufCMessage *msg = empty(d);

        for (size_t k = 0; k < ARRAY_LEN(roles); k++) {
            struct bus_dst dst = {.role = roles[k]};
            const struct policy_row *row =
                policy_find(d->name, ROLE_WEBBRIDGE, policy_role(roles[k]));

            assert_int_equal(bus_send_event(web, &dst, msg, NULL), 0);
            denied += !row || row->reply;
        }
        free(msg);
    }
    assert_int_equal(busfix_ask(fix, web, &to_busd, &sync.base, NULL),
                     BUS_OK); /* all have passed */
    assert_int_equal(counter(admin, "denied") - before, denied);
    bus_free(&web);
    bus_free(&admin);
}

static void topics_are_written_and_read_by_their_roles_alone(void **state)
{
    struct bus *admin = busfix_connect(fix, "admin");
    struct bus_dst to_busd = {.role = "busd"};
    const struct policy_topic *t;
    Stoa__Bus__V1__StateUpdate up = STOA__BUS__V1__STATE_UPDATE__INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(roles) - 1; i++) {
        struct bus *bus = busfix_connect(fix, roles[i]);
        unsigned bit = policy_role(roles[i]);

        for (size_t k = 0; (t = policy_topic_at(k)); k++) {
            Stoa__Bus__V1__SubscribeRequest q = STOA__BUS__V1__SUBSCRIBE_REQUEST__INIT;
            uint64_t before = counter(admin, "denied");
            bool may_write = (t->writers & bit) && strcmp(t->type, up.base.descriptor->name) == 0;

            assert_int_equal(bus_publish(bus, t->topic, &up.base), 0);
            q.topic = (char *)(uintptr_t)t->topic;
            assert_int_equal(busfix_ask(fix, bus, &to_busd, &q.base, NULL) == BUS_OK,
                             (t->readers & bit) != 0);
            assert_int_equal(counter(admin, "denied") - before,
                             !may_write + !(t->readers & bit));
        }
        bus_free(&bus);
    }
    bus_free(&admin);
}

/* --- the table itself ------------------------------------------------------------------------ */

static void the_table_names_only_types_that_exist(void **state)
{
    const struct policy_row *r;
    const struct policy_topic *t;

    (void)state;
    for (size_t i = 0; (r = policy_row_at(i)); i++) {
        if (!bus_type_find(r->type) || (r->reply && !bus_type_find(r->reply)))
            fail_msg("%s or its reply does not exist", r->type);
        assert_true(r->from != 0 && r->to != 0);
    }
    for (size_t i = 0; (t = policy_topic_at(i)); i++)
        assert_non_null(bus_type_find(t->type));
}

static void each_request_type_has_a_row(void **state)
{
    const ProtobufCMessageDescriptor *d;

    (void)state;
    for (size_t i = 0; (d = bus_type_at(i)); i++) {
        bool found = false;

        /* One that is called nothing else is a part of what goes over a zone (zone.proto). */
        if (!str_ends(d->name, "Request") || str_ends(d->name, ".Request"))
            continue;
        for (size_t k = 0; policy_row_at(k) && !found; k++)
            found = strcmp(policy_row_at(k)->type, d->name) == 0;
        if (!found)
            fail_msg("%s: nobody may send it; add a row to services/busd/policy.c", d->name);
    }
}

static void secrets_stay_where_they_belong(void **state)
{
    (void)state;
    assert_int_equal(
        policy_topic_find("turn-secret")->readers & ~(unsigned)(ROLE_CALLBRIDGE | ROLE_TURN), 0);
    assert_int_equal(policy_topic_find("site-secret")->readers, ROLE_CALLBRIDGE);
    assert_int_equal(policy_topic_find("site-secret")->writers, ROLE_CONFIG);
    assert_null(policy_find("stoa.config.v1.SetRequest", ROLE_WEBBRIDGE, ROLE_CONFIG));
    assert_null(policy_find("stoa.bridge.v1.JoinRequest", ROLE_XMPP, ROLE_CALLBRIDGE));
    assert_int_equal(policy_role("nobody"), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_names_only_types_that_exist),
        cmocka_unit_test(each_request_type_has_a_row),
        cmocka_unit_test(secrets_stay_where_they_belong),
        T(each_request_outside_the_table_is_denied),
        T(each_event_outside_the_table_is_dropped_and_counted),
        T(topics_are_written_and_read_by_their_roles_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
