/* SPDX-License-Identifier: Apache-2.0
 * What a callbridge makes of TURN servers: the test is a turn on the bus that has registered, and
 * at whose address nobody answers. */
#include "cbfix.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <base/attr.h>
#include <base/str.h>
#include <stun/credential.h>
#include <turn.pb-c.h>

#include "cm.h"

enum { WAIT_MS = 10000 };

static struct cbfix fix;
static struct bus *turn;
static char row[64], port[8];

/* The last revocation that the turn was told of. */
static struct {
    unsigned count;
    char id[STUN_CRED_ID_SIZE];
    int64_t expires_s;
} revoked;

static void on_revoke(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Turn__V1__RevokeEvent *ev = (const void *)body;

    (void)arg;
    (void)call;
    revoked.count++;
    (void)str_copy(revoked.id, sizeof(revoked.id), ev->n_ids ? ev->ids[0] : "");
    revoked.expires_s = ev->n_expires_s ? ev->expires_s[0] : 0;
}

static const struct bus_handler handlers[] = {
    { &stoa__turn__v1__revoke_event__descriptor, on_revoke },
};

static void register_turn(void)
{
    Stoa__Turn__V1__LeaseRequest req = STOA__TURN__V1__LEASE_REQUEST__INIT;
    struct bus_dst dst = { .role = "config" };
    char *inside = TEXT("127.0.0.9"), *outside = TEXT("192.0.2.9");

    req.holder = TEXT("edge1/1");
    req.has_number = true;
    req.number = 1;
    req.n_addresses = req.n_public_addresses = 1;
    req.addresses = &inside;
    req.public_addresses = &outside;
    req.realm = TEXT("octavio.com");
    req.state = TEXT("serving");
    assert_int_equal(busfix_ask(fix.conf.bus_fix, turn, &dst, &req.base, NULL), BUS_OK);
}

/* A port at which nobody answers: its socket is closed again. */
static void take_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    (void)close(fd);
    (void)snprintf(port, sizeof(port), "%u", ntohs(at.sin_port));
    (void)setenv("STOA_PORT_TURN", port, 1); /* config leases it */
}

static int setup(void **state)
{
    struct confix_answer a;

    *state = &fix;
    take_port();
    cbfix_open(&fix);
    turn = busfix_connect(fix.conf.bus_fix, "turn");
    bus_handle(turn, handlers, ARRAY_LEN(handlers), NULL);
    bus_set_serving(turn, BUS_SERVING);
    register_turn();
    confix_add(&fix.conf, "turnServer",
               CONFIX_FIELDS("serverAddress", "127.0.0.9", "username", "turnuser", "password",
                             "cisco"), &a);
    assert_string_equal(a.problem, "");
    (void)str_copy(row, sizeof(row), a.id);
    cbfix_bridge_start(&fix, 0, NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bus_free(&turn);
    cbfix_close(&fix);
    return 0;
}

static void assert_one_server(const Stoa__Bridge__V1__IceServer *s, const struct guest *g,
                              struct stun_cred *out)
{
    uint8_t key[STUN_CRED_KEY_LEN];
    char password[STUN_CRED_PASSWORD_SIZE], url[64];

    assert_int_equal(s->n_urls, 2);
    (void)snprintf(url, sizeof(url), "turn:192.0.2.9:%s?transport=udp", port);
    assert_string_equal(s->urls[0], url);
    (void)snprintf(url, sizeof(url), "turn:192.0.2.9:%s?transport=tcp", port);
    assert_string_equal(s->urls[1], url);
    assert_int_equal(stun_cred_parse(out, s->username), 0);
    assert_int_equal(out->role, STUN_CRED_GUEST);
    assert_string_equal(out->user, "turnuser");
    assert_in_range(out->expires_s - (int64_t)time(NULL), 1, 24 * 3600);
    assert_true(strncmp(out->id, g->jid, strcspn(g->jid, "@")) == 0);
    stun_cred_key(key, "turnuser", "octavio.com", "cisco");
    stun_cred_password(password, key, s->username);
    assert_string_equal(s->credential, password);
}

static const Stoa__Bridge__V1__JoinReply *joined(const struct guest *g)
{
    return (const void *)g->a.body;
}

static bool is_revoked(void *arg)
{
    return revoked.count == *(unsigned *)arg;
}

static void guests_get_names_that_end_when_they_leave(void **state)
{
    struct guest g = guest_enter(&fix, 0, "100101", "Ada");
    struct stun_cred first, second;
    unsigned one = 1, two = 2;

    (void)state;
    assert_int_equal(joined(&g)->n_ice_servers, 1);
    assert_one_server(joined(&g)->ice_servers[0], &g, &first);
    assert_int_equal(guest_resume(&g, g.number), BUS_OK);
    assert_one_server(joined(&g)->ice_servers[0], &g, &second);
    assert_string_equal(second.id, first.id); /* the same participant */
    assert_int_equal(guest_leave(&g), BUS_OK);
    assert_true(busfix_run_until(fix.conf.bus_fix, is_revoked, &one, WAIT_MS));
    assert_string_equal(revoked.id, first.id);
    assert_int_equal(revoked.expires_s, first.expires_s);
    /* The same guest back with its ticket has another name: the old one is worth nothing. */
    assert_int_equal(guest_join(&g, "Ada"), BUS_OK);
    assert_one_server(joined(&g)->ice_servers[0], &g, &second);
    assert_string_not_equal(second.id, first.id);
    assert_int_equal(guest_leave(&g), BUS_OK);
    assert_true(busfix_run_until(fix.conf.bus_fix, is_revoked, &two, WAIT_MS));
    guest_fini(&g);
}

static void a_server_that_does_not_answer_is_a_fault_before_any_guest(void **state)
{
    char text[96];

    (void)state;
    (void)snprintf(text, sizeof(text), "TURN server 127.0.0.9 (127.0.0.9:%s) cannot be used: ", port);
    assert_true(cbfix_logged(&fix, 0, text));
}

static void its_status_is_what_a_try_says(void **state)
{
    struct bus *admin = busfix_connect(fix.conf.bus_fix, "webadmin");
    Stoa__Turn__V1__ProbeRequest req = STOA__TURN__V1__PROBE_REQUEST__INIT;
    struct bus_dst dst = { .role = "callbridge" };
    const Stoa__Turn__V1__ProbeReply *reply;
    ProtobufCMessage *body = NULL;

    (void)state;
    req.turn_server = row;
    assert_int_equal(busfix_ask(fix.conf.bus_fix, admin, &dst, &req.base, &body), BUS_OK);
    reply = (const void *)body;
    assert_true(reply->known);
    assert_int_equal(reply->n_hosts, 1);
    assert_string_equal(reply->hosts[0]->address, "127.0.0.9");
    assert_true(reply->hosts[0]->port > 0);
    assert_false(reply->hosts[0]->reachable);
    assert_false(reply->hosts[0]->success);
    assert_string_equal(reply->hosts[0]->failure, "unreachable"); /* the port is closed */
    assert_string_equal(reply->hosts[0]->transport, "tcp"); /* after UDP */
    assert_non_null(strstr(reply->hosts[0]->text, "127.0.0.9")); /* where, and by which way */
    assert_non_null(strstr(reply->hosts[0]->text, "over TCP"));
    protobuf_c_message_free_unpacked(body, NULL);
    req.turn_server = TEXT("00000000-0000-4000-8000-000000000000");
    assert_int_equal(busfix_ask(fix.conf.bus_fix, admin, &dst, &req.base, &body), BUS_OK);
    assert_false(((const Stoa__Turn__V1__ProbeReply *)(const void *)body)->known);
    protobuf_c_message_free_unpacked(body, NULL);
    bus_free(&admin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guests_get_names_that_end_when_they_leave),
        cmocka_unit_test(a_server_that_does_not_answer_is_a_fault_before_any_guest),
        cmocka_unit_test(its_status_is_what_a_try_says),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
