/* SPDX-License-Identifier: Apache-2.0
 * The status of TURN servers, found out by a callbridge of the test, and TURN instances that have
 * registered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bus/validate.h>
#include <turn.pb-c.h>

#include "adminfix.h"
#include "cm.h"

static struct adminfix fix;
static struct bus *callbridge;
static char id[64];

#define TURN V1 "/turnServers"
typedef Stoa__Turn__V1__ProbedHost host_msg;

/* What the callbridge says. */
static struct {
    unsigned unknown; /* so many times: "there is no such server" */
    unsigned asked;
    host_msg *hosts[4];
    size_t n;
    bool fail;
    char last[64];    /* id that was asked for */
} say;

static void on_probe(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Turn__V1__ProbeRequest *req = (const void *)body;
    Stoa__Turn__V1__ProbeReply reply = STOA__TURN__V1__PROBE_REPLY__INIT;

    (void)arg;
    say.asked++;
    snprintf(say.last, sizeof(say.last), "%s", req->turn_server);
    if (say.fail) {
        bus_fail(call, BUS_INTERNAL, false, "it went wrong");
        return;
    }
    reply.has_known = true;
    reply.known = say.asked > say.unknown;
    if (reply.known) {
        reply.hosts = say.hosts;
        reply.n_hosts = say.n;
    }
    bus_reply(call, &reply.base);
}

static const struct bus_handler handlers[] = {
    { &stoa__turn__v1__probe_request__descriptor, on_probe },
};

/* A host that has given a relay. */
static host_msg good_host(void)
{
    host_msg h = STOA__TURN__V1__PROBED_HOST__INIT;

    h.address = (char *)(uintptr_t)"172.16.85.168";
    h.transport = (char *)(uintptr_t)"udp";
    h.mapped_address = (char *)(uintptr_t)"172.16.85.180";
    h.has_port = h.has_reachable = h.has_success = h.has_round_trip_ms = h.has_mapped_port = true;
    h.reachable = h.success = true;
    h.port = 3478;
    h.round_trip_ms = 2;
    h.mapped_port = 41574;
    return h;
}

static void expect_status(const char *of, long status, const char *body)
{
    char *path = str_printf(TURN "/%s/status", of);

    adminfix_expect(&fix, (struct call){ .path = path, .user = AUDIT }, status, body);
    assert_string_equal(say.last, of);
    free(path);
}

#define GOOD                                                                                  \
    "<host><address>172.16.85.168</address><portNumber>3478</portNumber>"                     \
    "<reachable>true</reachable><roundTripTimeMs>2</roundTripTimeMs>"                         \
    "<mappedAddress>172.16.85.180</mappedAddress><mappedPortNumber>41574</mappedPortNumber>"

static void a_server_that_gives_relays_is_a_success(void **state)
{
    host_msg h = good_host();

    (void)state;
    h.has_relays = true;
    h.relays = 3;
    memset(&say, 0, sizeof(say));
    say.hosts[0] = &h;
    say.n = 1;
    expect_status(id, 200, XML "<turnServer><status>success</status>" GOOD
                               "<numAllocations>3</numAllocations></host></turnServer>");
}

/* The guide's main failure: the answer says what it is. */
static void a_wrong_password_says_so(void **state)
{
    host_msg h = good_host();

    (void)state;
    memset(&say, 0, sizeof(say));
    h.success = false;
    h.mapped_address = NULL;
    h.failure = (char *)(uintptr_t)"unauthorized";
    h.text = (char *)(uintptr_t)"The user \"turnuser\" or its password is wrong.";
    say.hosts[0] = &h;
    say.n = 1;
    expect_status(id, 200,
                  XML "<turnServer><status>failure</status><host><address>172.16.85.168</address>"
                      "<portNumber>3478</portNumber><reachable>true</reachable>"
                      "<roundTripTimeMs>2</roundTripTimeMs>"
                      "<failureReason>unauthorized</failureReason>"
                      "<text>The user &quot;turnuser&quot; or its password is wrong.</text>"
                      "</host></turnServer>");
}

static void one_of_two_hosts_is_a_partial_failure(void **state)
{
    host_msg good = good_host(), silent = STOA__TURN__V1__PROBED_HOST__INIT;

    (void)state;
    memset(&say, 0, sizeof(say));
    silent.address = (char *)(uintptr_t)"10.0.0.8";
    silent.transport = (char *)(uintptr_t)"tcp";
    silent.has_port = true;
    silent.port = 3479;
    silent.failure = (char *)(uintptr_t)"timeout";
    say.hosts[0] = &good;
    say.hosts[1] = &silent;
    say.n = 2;
    expect_status(id, 200, XML "<turnServer><status>partialFailure</status>" GOOD "</host>"
                               "<host><address>10.0.0.8</address><portNumber>3479</portNumber>"
                               "<reachable>false</reachable><transport>tcp</transport>"
                               "<failureReason>timeout</failureReason></host></turnServer>");
}

static void a_server_without_hosts_is_a_failure(void **state)
{
    (void)state;
    memset(&say, 0, sizeof(say));
    expect_status(id, 200, XML "<turnServer><status>failure</status></turnServer>");
}

/* The callbridge may hear of a new row a moment later than config answers. */
static void a_row_that_the_callbridge_does_not_know_yet_is_asked_for_again(void **state)
{
    host_msg h = good_host();

    (void)state;
    memset(&say, 0, sizeof(say));
    say.hosts[0] = &h;
    say.n = 1;
    say.unknown = 3;
    expect_status(id, 200, XML "<turnServer><status>success</status>" GOOD "</host></turnServer>");
    assert_int_equal(say.asked, 4);
    memset(&say, 0, sizeof(say));
    say.unknown = 1000;
    expect_status(id, 400, FAILURE("turnServerDoesNotExist"));
}

static void without_a_callbridge_the_status_says_so(void **state)
{
    char *path = str_printf(TURN "/%s/status", id);

    (void)state;
    say.fail = true;
    adminfix_expect(&fix, (struct call){ .path = path, .user = ADMIN }, 200,
                    XML "<turnServer><status>failure</status><failureReason>callBridgeFailure"
                        "</failureReason><text>The call bridge did not say what it found.</text>"
                        "</turnServer>");
    bus_free(&callbridge);
    adminfix_expect(&fix, (struct call){ .path = path, .user = ADMIN }, 200,
                    XML "<turnServer><status>failure</status><failureReason>noCallBridge"
                        "</failureReason><text>No call bridge is running that could try the "
                        "server.</text></turnServer>");
    adminfix_expect(&fix, (struct call){ .path = TURN "/00000000-0000-4000-8000-000000000000"
                                                 "/status", .user = ADMIN }, 400,
                    FAILURE("turnServerDoesNotExist"));
    callbridge = busfix_serve(fix.config.bus_fix, "callbridge");
    bus_handle(callbridge, handlers, ARRAY_LEN(handlers), NULL);
    free(path);
}

/* --- instances -------------------------------------------------------------------------------- */

/* Registers an instance as the daemon turn does; `server`: where it answers, NULL: not told. */
static unsigned register_turn(struct bus *turn, const char *holder, unsigned number,
                              const char *address, const char *outside, const char *server)
{
    static const struct bus_dst dst = { .role = "config" };
    Stoa__Turn__V1__LeaseRequest req = STOA__TURN__V1__LEASE_REQUEST__INIT;
    char *addresses[] = { (char *)(uintptr_t)address }, *publics[] = { (char *)(uintptr_t)outside };
    char *servers[] = { (char *)(uintptr_t)server };
    ProtobufCMessage *reply;
    unsigned port;

    req.holder = (char *)(uintptr_t)holder;
    req.has_number = true;
    req.number = number;
    req.addresses = addresses;
    req.public_addresses = publics;
    req.n_addresses = 1;
    req.n_public_addresses = outside ? 1 : 0;
    req.servers = servers;
    req.n_servers = server ? 1 : 0;
    req.state = (char *)(uintptr_t)"serving";
    assert_int_equal(busfix_ask(fix.config.bus_fix, turn, &dst, &req.base, &reply), BUS_OK);
    port = ((Stoa__Turn__V1__LeaseReply *)(void *)reply)->port;
    bus_msg_free(&reply);
    return port;
}

struct wish {
    const char *total;
    struct call c;
};

static bool has_total(void *arg)
{
    struct wish *w = arg;
    char *root = str_printf(XML "<turnServers total=\"%s\">", w->total);
    bool ok;

    call_fini(&w->c);
    w->c = (struct call){ .path = TURN, .user = ADMIN };
    adminfix_call(&fix, &w->c);
    ok = str_starts(w->c.body.s, root);
    free(root);
    return ok;
}

/* Waits until the list has so many entries; returns its text. Owner: the caller. */
static char *wait_total(const char *total)
{
    struct wish w = { .total = total };
    char *text;

    if (!busfix_run_until(fix.config.bus_fix, has_total, &w, 20000))
        fail_msg("%s instead of %s entries", w.c.body.s, total);
    text = str_dup(w.c.body.s);
    call_fini(&w.c);
    return text;
}

static void an_instance_behind_a_row_is_no_entry_of_its_own(void **state)
{
    struct bus *turn = busfix_connect(fix.config.bus_fix, "turn");
    char host[256] = "", *here, *list;
    char local[64];

    (void)state;
    gethostname(host, sizeof(host) - 1);
    here = str_printf("%s/3", host);
    /* By its private address, its public one, and by being on this machine. */
    register_turn(turn, "edge1/1", 1, "172.16.85.168", "10.88.246.156", NULL);
    adminfix_add(&fix, "turnServers", "serverAddress=127.0.0.1", local);
    register_turn(turn, here, 3, "192.0.2.33", NULL, NULL);
    register_turn(turn, "elsewhere/2", 2, "10.1.1.1", "198.51.100.1", "10.1.1.9");
    list = wait_total("3");
    assert_non_null(strstr(list, "<serverAddress>10.1.1.9</serverAddress>"
                                 "<clientAddress>198.51.100.1</clientAddress></turnServer>"
                                 "</turnServers>")); /* behind the rows */
    assert_null(strstr(list, "192.0.2.33"));
    free(list);
    free(here);
    bus_free(&turn);
}

/* The id of the last entry of the list. */
static void last_id(char out[64])
{
    char *list = wait_total("3"), *at = list, *last = NULL;

    while ((at = strstr(at, "<turnServer id=\"")))
        last = at++;
    assert_non_null(last);
    snprintf(out, 64, "%.36s", last + strlen("<turnServer id=\""));
    free(list);
}

static void an_instance_without_a_row_can_be_looked_at_and_not_changed(void **state)
{
    host_msg h = good_host();
    char own[64], *path, *wanted, row[64];

    (void)state;
    last_id(own);
    path = str_printf(TURN "/%s", own);
    wanted = str_printf(XML "<turnServer id=\"%s\"><serverAddress>10.1.1.9</serverAddress>"
                            "<clientAddress>198.51.100.1</clientAddress>"
                            "<numRegistrations>0</numRegistrations><type>standard</type>"
                            "<tcpPortNumberOverride>3479</tcpPortNumberOverride></turnServer>",
                        own);
    adminfix_expect(&fix, (struct call){ .path = path, .user = ADMIN }, 200, wanted);
    adminfix_expect(&fix, (struct call){ .path = path, .user = ADMIN, .method = "PUT",
                                         .form = "username=x" }, 400, FAILURE("invalidOperation"));
    adminfix_expect(&fix, (struct call){ .path = path, .user = ADMIN, .method = "DELETE" }, 400,
                    FAILURE("invalidOperation"));
    adminfix_expect(&fix, (struct call){ .path = TURN "?filter=198.51", .user = ADMIN }, 200, NULL);
    memset(&say, 0, sizeof(say));
    say.hosts[0] = &h;
    say.n = 1;
    expect_status(own, 200, XML "<turnServer><status>success</status>" GOOD
                                "</host></turnServer>");
    /* Once a row speaks of it, it is no entry of its own. */
    adminfix_add(&fix, "turnServers", "serverAddress=198.51.100.1&username=u&password=p", row);
    free(wait_total("3"));
    adminfix_expect(&fix, (struct call){ .path = path, .user = ADMIN }, 400,
                    FAILURE("turnServerDoesNotExist"));
    free(wanted);
    free(path);
}

static void pages_go_on_from_rows_to_instances(void **state)
{
    struct bus *turn = busfix_connect(fix.config.bus_fix, "turn");
    struct call c = { .path = TURN "?offset=2&limit=2", .user = ADMIN };

    (void)state;
    register_turn(turn, "far/4", 4, "10.4.4.4", NULL, NULL);
    register_turn(turn, "far/5", 5, "10.5.5.5", NULL, NULL);
    free(wait_total("5"));
    adminfix_call(&fix, &c);
    assert_non_null(strstr(c.body.s, "<turnServers total=\"5\"><turnServer id="));
    assert_non_null(strstr(c.body.s, "<serverAddress>198.51.100.1</serverAddress>"));
    assert_true(!!strstr(c.body.s, "10.4.4.4") != !!strstr(c.body.s, "10.5.5.5"));
    call_fini(&c);
    c = (struct call){ .path = TURN "?offset=3&limit=1", .user = ADMIN };
    adminfix_call(&fix, &c);
    assert_true(!!strstr(c.body.s, "10.4.4.4") != !!strstr(c.body.s, "10.5.5.5"));
    call_fini(&c);
    adminfix_expect(&fix, (struct call){ .path = TURN "?offset=5", .user = ADMIN }, 200,
                    XML "<turnServers total=\"5\"></turnServers>");
    bus_free(&turn);
}

static int set_up(void **state)
{
    (void)state;
    adminfix_open(&fix);
    callbridge = busfix_serve(fix.config.bus_fix, "callbridge");
    bus_handle(callbridge, handlers, ARRAY_LEN(handlers), NULL);
    adminfix_add(&fix, "turnServers",
                 "serverAddress=172.16.85.168&clientAddress=10.88.246.156", id);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bus_free(&callbridge);
    adminfix_close(&fix);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_gives_relays_is_a_success),
        cmocka_unit_test(a_wrong_password_says_so),
        cmocka_unit_test(one_of_two_hosts_is_a_partial_failure),
        cmocka_unit_test(a_server_without_hosts_is_a_failure),
        cmocka_unit_test(a_row_that_the_callbridge_does_not_know_yet_is_asked_for_again),
        cmocka_unit_test(without_a_callbridge_the_status_says_so),
        cmocka_unit_test(an_instance_behind_a_row_is_no_entry_of_its_own),
        cmocka_unit_test(an_instance_without_a_row_can_be_looked_at_and_not_changed),
        cmocka_unit_test(pages_go_on_from_rows_to_instances),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
