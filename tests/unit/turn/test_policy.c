/* SPDX-License-Identifier: Apache-2.0
 * Who may reach whom: every row of the security record of TURN servers, at CreatePermission, at
 * ChannelBind, at Send, and for what comes in. */
#include "corefix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>

#include "limits.h"

#include "cm.h"

static struct corefix fix;

static int setup(void **state)
{
    (void)state;
    corefix_open(&fix);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    corefix_close(&fix);
    return 0;
}

#define CLIENT "203.0.113.5:40000"
#define CLIENT6 "[2001:db8:5::5]:40000"
#define RELAY "172.16.85.168:24001"     /* as bound */
#define RELAY_OUT "10.88.246.156:24001" /* as announced */
#define MESH "172.16.85.169:24101"
#define MESH_OUT "10.88.246.157:24101"

/* Peers that nobody reaches without being allowed to by name. */
static const char *const denied[] = {
    /* CVE-2020-26262: they reach loopback */
    "0.0.0.0:80", "0.1.2.3:80", "[::]:80", "[::1]:80", "127.0.0.1:80", "127.8.8.8:80",
    /* CVE-2026-27624 and its relatives: every IPv4-in-IPv6 form */
    "[::ffff:127.0.0.1]:80", "[::ffff:10.0.0.1]:80", "[::127.0.0.1]:80", "[::10.0.0.1]:80",
    "[2002:7f00:1::]:80", "[2002:a00:1::1]:80", "[2002:a9fe:a9fe::]:80", "[64:ff9b::7f00:1]:80",
    "[64:ff9b::a9fe:a9fe]:80", "[64:ff9b::c0a8:101]:80", "[2001:0:1:2:3:4:80ff:fffe]:80",
    "[2001:0:1:2:3:4:f5ff:fffe]:80", "[64:ff9b:1::1]:80",
    /* inside, link-local, metadata, special purpose */
    "10.0.0.1:80", "172.16.0.1:80", "172.31.255.255:80", "192.168.1.1:80", "100.64.0.1:80",
    "169.254.169.254:80", "192.0.0.1:80", "192.0.2.1:80", "198.18.0.1:80", "198.51.100.1:80",
    "203.0.113.1:80", "224.0.0.1:80", "239.1.1.1:80", "240.0.0.1:80", "255.255.255.255:80",
    "[fe80::1]:80", "[fc00::1]:80", "[fd12::1]:80", "[fec0::1]:80", "[ff02::1]:80",
    "[2001:db8::2]:80", "[3fff::1]:80", "[100::1]:80", "[4000::1]:80",
    /* this server: listeners, every other port, behind its public address as well; all own
     * addresses, the public one among them */
    "172.16.85.168:3478", "10.88.246.156:3478", "172.16.85.168:22", "10.88.246.156:22",
    "172.16.85.168:24100", "172.16.85.168:23999", "192.168.7.7:5000", "8.8.4.4:5000",
    "[2001:db8::1]:3478",
    /* other instances, beside their relays */
    "172.16.85.169:3478", "172.16.85.169:24001", "10.88.246.157:3478",
};

/* Peers of a callbridge alone. */
static const char *const public[] = {
    "8.8.8.8:5000", "1.1.1.1:5000", "[2606:4700::1]:5000", "[2002:808:808::1]:5000",
    "[64:ff9b::808:808]:5000", "172.32.0.1:5000", "100.128.0.1:5000", "198.20.0.1:5000",
};

static bool is_v6(const char *peer)
{
    struct addr a = turnmsg_addr(peer);

    return a.family == ADDR_V6;
}

struct client {
    struct turn_flow flow;
    struct turnmsg_cred cred;
};

static struct client make(char role, bool v6)
{
    static unsigned n;
    struct client c = { .flow = corefix_flow(v6 ? CLIENT6 : CLIENT) };

    c.flow.client.port = (uint16_t)(10000 + n++ % 50000);
    c.cred = role ? corefix_login_timed(&fix, &c.flow, role, "id", fix.wall_s + 60) :
                    corefix_login(&fix, &c.flow, "turnuser");
    (void)corefix_allocate(&fix, &c.flow, &c.cred);
    return c;
}

/* A peer is refused in all four places, and nothing stays behind. */
static void assert_denied(struct client *c, const char *peer)
{
    unsigned sent = fix.peer.n + fix.worker.n + fix.client.n;
    uint16_t code = corefix_permit(&fix, &c->flow, &c->cred, peer);

    /* A mapped form is IPv4 again, and the wrong family then: refused all the same. */
    if (code != 403 && code != 443)
        fail_msg("permission for %s: %u", peer, code);
    code = corefix_bind(&fix, &c->flow, &c->cred, 0x4001, peer);
    if (code != 403 && code != 443)
        fail_msg("channel for %s: %u", peer, code);
    corefix_send(&fix, &c->flow, peer, "x");
    corefix_chandata(&fix, &c->flow, 0x4001, "x");
    assert_int_equal(fix.peer.n + fix.worker.n + fix.client.n, sent + 2);
}

static void what_is_denied_is_denied_to_everybody(void **state)
{
    static const char roles[] = { 0, 'g', 'c' };

    (void)state;
    for (size_t r = 0; r < ARRAY_LEN(roles); r++) {
        struct client v4 = make(roles[r], false), v6 = make(roles[r], true);

        for (size_t i = 0; i < ARRAY_LEN(denied); i++)
            assert_denied(is_v6(denied[i]) ? &v6 : &v4, denied[i]);
    }
    assert_true(corefix_count(&fix, TURN_N_DROP_DENIED) >= 3 * ARRAY_LEN(denied));
}

static void public_addresses_are_for_callbridges_alone(void **state)
{
    struct client bridge[] = { make('c', false), make('c', true) };
    struct client guest[] = { make('g', false), make('g', true) };
    struct client user[] = { make(0, false), make(0, true) };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(public); i++) {
        bool v6 = is_v6(public[i]);

        assert_int_equal(corefix_permit(&fix, &bridge[v6].flow, &bridge[v6].cred, public[i]), 0);
        assert_denied(&guest[v6], public[i]);
        assert_denied(&user[v6], public[i]);
    }
}

static void relays_of_all_instances_are_for_everybody(void **state)
{
    static const char *const peers[] = { RELAY, RELAY_OUT, MESH, MESH_OUT, "172.16.85.168:24099",
                                         "172.16.85.169:24100", "172.16.85.168:0" };
    static const char roles[] = { 0, 'g', 'c' };

    (void)state;
    for (size_t r = 0; r < ARRAY_LEN(roles); r++) {
        struct client c = make(roles[r], false);

        for (size_t i = 0; i < ARRAY_LEN(peers); i++)
            assert_int_equal(corefix_permit(&fix, &c.flow, &c.cred, peers[i]), 0);
        assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4000, MESH_OUT), 0);
    }
}

static void an_allow_list_names_any_range(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "open");

    (void)state;
    (void)corefix_allocate(&fix, &flow, &cred);
    assert_int_equal(corefix_permit(&fix, &flow, &cred, "127.0.0.1:5000"), 0);
    assert_int_equal(corefix_permit(&fix, &flow, &cred, "10.1.2.3:5000"), 0);
    assert_int_equal(corefix_permit(&fix, &flow, &cred, "192.168.1.1:5000"), 403);
    assert_int_equal(corefix_permit(&fix, &flow, &cred, "8.8.8.8:5000"), 403);
}

/* --- data ------------------------------------------------------------------------------------- */

static void data_goes_by_the_private_address_and_comes_back_by_the_public_one(void **state)
{
    struct client c = make('g', false);
    struct addr shown, relay;
    struct stun_msg m;
    char text[ADDR_TEXT_MAX];

    (void)state;
    assert_int_equal(corefix_permit(&fix, &c.flow, &c.cred, MESH_OUT), 0);
    corefix_send(&fix, &c.flow, MESH_OUT, "up");
    assert_int_equal(fix.peer.n, 1);
    assert_string_equal(addr_print(&fix.peer.to, text), MESH);
    assert_memory_equal(fix.peer.data, "up", 2);
    relay = corefix_relay(&fix, &c.flow);
    corefix_from_peer(&fix, addr_print(&relay, text), MESH, "hello");
    assert_int_equal(stun_msg_decode(&m, fix.client.data, fix.client.len), 0);
    assert_int_equal(m.method, STUN_DATA);
    assert_int_equal(stun_attr_get_xaddr(&m, STUN_XOR_PEER_ADDRESS, &shown), 0);
    assert_string_equal(addr_print(&shown, text), MESH_OUT);
    assert_memory_equal(stun_msg_find(&m, STUN_DATA_ATTR)->value, "hello", 5);
    assert_int_equal(stun_msg_find(&m, STUN_DATA_ATTR)->len, 5);
}

static void padding_is_zero(void **state)
{
    struct client c = make('g', false);
    struct addr relay = corefix_relay(&fix, &c.flow);
    char text[ADDR_TEXT_MAX];

    (void)state; /* CVE-2020-4067 */
    assert_int_equal(corefix_permit(&fix, &c.flow, &c.cred, MESH_OUT), 0);
    memset(fix.client.data, 0xff, sizeof(fix.client.data));
    corefix_from_peer(&fix, addr_print(&relay, text), MESH, "hello");
    assert_int_equal(fix.client.len % 4, 0);
    assert_memory_equal(fix.client.data + fix.client.len - 3, "\0\0\0", 3);
}

static void channels_carry_data_both_ways(void **state)
{
    struct client c = make('g', false);
    struct addr relay = corefix_relay(&fix, &c.flow);
    char text[ADDR_TEXT_MAX];

    (void)state;
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4abc, MESH_OUT), 0);
    corefix_chandata(&fix, &c.flow, 0x4abc, "up");
    assert_int_equal(fix.peer.n, 1);
    corefix_from_peer(&fix, addr_print(&relay, text), MESH, "down");
    assert_int_equal(fix.client.len, 8);
    assert_memory_equal(fix.client.data, "\x4a\xbc\0\4down", 8);
    corefix_chandata(&fix, &c.flow, 0x4abd, "x"); /* not bound */
    assert_int_equal(fix.peer.n, 1);
    assert_int_equal(corefix_count(&fix, TURN_N_DROP_NO_RELAY), 1);
}

static void without_a_permission_nothing_goes_either_way(void **state)
{
    struct client c = make('g', false);
    struct addr relay = corefix_relay(&fix, &c.flow);
    unsigned answers = fix.client.n;
    char text[ADDR_TEXT_MAX];

    (void)state;
    corefix_send(&fix, &c.flow, MESH_OUT, "up");
    corefix_from_peer(&fix, addr_print(&relay, text), MESH, "down");
    assert_int_equal(fix.peer.n, 0);
    assert_int_equal(fix.client.n, answers);
    assert_int_equal(corefix_count(&fix, TURN_N_DROP_NO_PERMISSION), 2);
}

static void a_permission_is_by_ip_but_the_policy_by_port_too(void **state)
{
    struct client c = make('g', false);
    struct addr relay = corefix_relay(&fix, &c.flow);
    unsigned answers;
    char text[ADDR_TEXT_MAX];

    (void)state;
    assert_int_equal(corefix_permit(&fix, &c.flow, &c.cred, MESH_OUT), 0);
    corefix_send(&fix, &c.flow, "10.88.246.157:24150", "x"); /* another relay there: fine */
    assert_int_equal(fix.peer.n, 1);
    corefix_send(&fix, &c.flow, "172.16.85.169:22", "x");
    assert_int_equal(fix.peer.n, 1);
    answers = fix.client.n;
    corefix_from_peer(&fix, addr_print(&relay, text), "172.16.85.169:22", "x");
    assert_int_equal(fix.client.n, answers);
}

static void permissions_and_channels_expire(void **state)
{
    struct client c = make('g', false);
    struct addr relay = corefix_relay(&fix, &c.flow);
    struct turnmsg refresh = { .method = STUN_REFRESH, .lifetime = 3600 };
    char text[ADDR_TEXT_MAX];
    unsigned answers;

    (void)state;
    assert_int_equal(corefix_code(&fix, &c.flow, &refresh, &c.cred), 0);
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4000, MESH_OUT), 0);
    corefix_pass(&fix, TURN_PERM_S + 1);
    corefix_chandata(&fix, &c.flow, 0x4000, "x");
    assert_int_equal(fix.peer.n, 0); /* the channel lives, its permission does not */
    assert_int_equal(corefix_permit(&fix, &c.flow, &c.cred, MESH_OUT), 0);
    corefix_chandata(&fix, &c.flow, 0x4000, "x");
    assert_int_equal(fix.peer.n, 1);
    corefix_pass(&fix, TURN_PERM_S - 2);
    assert_int_equal(corefix_permit(&fix, &c.flow, &c.cred, MESH_OUT), 0);
    corefix_pass(&fix, 2);
    corefix_chandata(&fix, &c.flow, 0x4000, "x"); /* TURN_CHAN_S are over */
    assert_int_equal(fix.peer.n, 1);
    answers = fix.client.n;
    corefix_from_peer(&fix, addr_print(&relay, text), MESH, "x");
    assert_int_equal(fix.client.n, answers + 1);
    assert_int_equal(fix.client.data[0], 0); /* an indication again */
}

static void channels_have_one_peer_and_peers_one_channel(void **state)
{
    struct client c = make('g', false);
    struct turnmsg refresh = { .method = STUN_REFRESH, .lifetime = 3600 };

    (void)state;
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4000, MESH_OUT), 0);
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4000, MESH_OUT), 0); /* renewed */
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4000, MESH), 0);     /* the same */
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4001, MESH_OUT), 400);
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4000, "10.88.246.157:24102"), 400);
    assert_int_equal(corefix_code(&fix, &c.flow, &refresh, &c.cred), 0);
    corefix_pass(&fix, TURN_CHAN_S + 1); /* expired, but blocked for five minutes more */
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4001, MESH_OUT), 400);
    corefix_pass(&fix, TURN_CHAN_BLOCKED_S);
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4001, MESH_OUT), 0);
}

static void channel_numbers_are_those_of_rfc_8656(void **state)
{
    struct client c = make('g', false);

    (void)state;
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x3fff, MESH_OUT), 400);
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x5000, MESH_OUT), 400);
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x7fff, MESH_OUT), 400);
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0xffff, MESH_OUT), 400);
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0, MESH_OUT), 400);
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4fff, MESH_OUT), 0);
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4fff, "172.16.85.169:0"), 400);
}

static void a_permission_request_is_all_or_nothing(void **state)
{
    struct client c = make('g', false);
    struct turnmsg m = { .method = STUN_CREATE_PERM, .n_peers = 2,
                         .peers = { turnmsg_addr(MESH_OUT), turnmsg_addr("10.0.0.1:80") } };
    struct turnmsg none = { .method = STUN_CREATE_PERM };
    struct turnmsg family = { .method = STUN_CREATE_PERM, .n_peers = 1,
                              .peers = { turnmsg_addr("[2001:db8::1]:24001") } };

    (void)state;
    assert_int_equal(corefix_code(&fix, &c.flow, &m, &c.cred), 403);
    corefix_send(&fix, &c.flow, MESH_OUT, "x");
    assert_int_equal(fix.peer.n, 0);
    assert_int_equal(corefix_code(&fix, &c.flow, &none, &c.cred), 400);
    assert_int_equal(corefix_code(&fix, &c.flow, &family, &c.cred), 443);
    m.peers[1] = turnmsg_addr(RELAY_OUT);
    assert_int_equal(corefix_code(&fix, &c.flow, &m, &c.cred), 0);
}

static void without_an_allocation_everything_is_437_or_silence(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "turnuser");
    unsigned answers;

    (void)state;
    assert_int_equal(corefix_permit(&fix, &flow, &cred, MESH_OUT), 437);
    assert_int_equal(corefix_bind(&fix, &flow, &cred, 0x4000, MESH_OUT), 437);
    answers = fix.client.n;
    corefix_send(&fix, &flow, MESH_OUT, "x");
    corefix_chandata(&fix, &flow, 0x4000, "x");
    assert_int_equal(fix.client.n, answers);
    assert_int_equal(fix.peer.n, 0);
}

static void a_send_with_odd_contents_is_dropped(void **state)
{
    struct client c = make('g', false);
    struct turnmsg rows[] = {
        { .data = "x", .data_len = 1 }, /* no peer */
        { .n_peers = 1, .peers = { turnmsg_addr(MESH_OUT) } }, /* no data */
        { .n_peers = 1, .peers = { turnmsg_addr(MESH_OUT) }, .data = "x", .data_len = 1,
          .unknown = 0x7001 },
        { .n_peers = 1, .peers = { turnmsg_addr("[2001:db8::1]:24001") }, .data = "x",
          .data_len = 1 },
    };
    struct turnmsg two = { .n_peers = 2, .data = "x", .data_len = 1,
                           .peers = { turnmsg_addr(MESH_OUT), turnmsg_addr("10.0.0.1:80") } };
    uint8_t mem[TURNMSG_MAX];
    char text[ADDR_TEXT_MAX];

    (void)state;
    assert_int_equal(corefix_permit(&fix, &c.flow, &c.cred, MESH_OUT), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rows[i].cls = STUN_INDICATION;
        rows[i].method = STUN_SEND;
        assert_int_equal(turn_core_client(fix.core, &c.flow, mem,
                                          turnmsg_write(mem, &rows[i], NULL)), 0);
    }
    assert_int_equal(fix.peer.n, 0);
    two.cls = STUN_INDICATION;
    two.method = STUN_SEND;
    assert_int_equal(turn_core_client(fix.core, &c.flow, mem, turnmsg_write(mem, &two, NULL)), 0);
    assert_int_equal(fix.peer.n, 1); /* the first one counts */
    assert_string_equal(addr_print(&fix.peer.to, text), MESH);
}

static void odd_channel_data_is_dropped(void **state)
{
    struct client c = make('g', false);
    static const uint8_t longer[] = { 0x40, 0, 0, 9, 'x' };
    static const uint8_t padded[] = { 0x40, 0, 0, 1, 'x', 0, 0, 0 };

    (void)state;
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4000, MESH_OUT), 0);
    for (size_t len = 1; len < sizeof(longer); len++)
        assert_int_equal(turn_core_client(fix.core, &c.flow, longer, len), -EBADMSG);
    assert_int_equal(turn_core_client(fix.core, &c.flow, longer, sizeof(longer)), -EBADMSG);
    assert_int_equal(fix.peer.n, 0);
    assert_int_equal(turn_core_client(fix.core, &c.flow, padded, sizeof(padded)), 0);
    assert_int_equal(fix.peer.len, 1);
}

/* --- hairpin ---------------------------------------------------------------------------------- */

/* A client whose relay is known. */
static const char *relay_text(const struct client *c, char text[ADDR_TEXT_MAX], bool public_form)
{
    struct addr relay = corefix_relay(&fix, &c->flow);

    if (public_form)
        assert_int_equal(addr_parse_ip(&relay, "10.88.246.156", relay.port), 0);
    return addr_print(&relay, text);
}

static void relays_of_one_instance_meet_inside(void **state)
{
    struct client a = make('g', false), b = make('c', false);
    char ra[ADDR_TEXT_MAX], rb[ADDR_TEXT_MAX];

    (void)state;
    (void)relay_text(&a, ra, true);
    (void)relay_text(&b, rb, true);
    assert_int_equal(corefix_bind(&fix, &a.flow, &a.cred, 0x4000, rb), 0);
    corefix_chandata(&fix, &a.flow, 0x4000, "early"); /* b has not permitted a */
    assert_int_equal(corefix_count(&fix, TURN_N_DROP_NO_PERMISSION), 1);
    assert_int_equal(corefix_bind(&fix, &b.flow, &b.cred, 0x4123, ra), 0);
    corefix_chandata(&fix, &a.flow, 0x4000, "media");
    assert_true(addr_eq(&fix.client.to, &b.flow.client));
    assert_memory_equal(fix.client.data, "\x41\x23\0\5media", 9);
    corefix_chandata(&fix, &b.flow, 0x4123, "back");
    assert_true(addr_eq(&fix.client.to, &a.flow.client));
    assert_int_equal(fix.peer.n, 0);
    assert_int_equal(corefix_count(&fix, TURN_N_HAIRPIN_PACKETS), 2);
}

static void the_other_worker_is_handed_its_own(void **state)
{
    struct client c = make('g', false);
    struct addr relay = corefix_relay(&fix, &c.flow);
    char text[ADDR_TEXT_MAX];

    (void)state;
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4000, "10.88.246.156:24003"), 0);
    corefix_chandata(&fix, &c.flow, 0x4000, "media");
    assert_int_equal(fix.worker.n, 1);
    assert_int_equal(fix.worker.worker, 1);
    assert_string_equal(addr_print(&fix.worker.to, text), "172.16.85.168:24003");
    assert_true(addr_eq(&fix.worker.from, &relay));
}

static void a_relay_that_is_not_there_gets_nothing(void **state)
{
    struct client c = make('g', false);
    struct addr relay = corefix_relay(&fix, &c.flow);
    char *text = str_printf("10.88.246.156:%u", relay.port == 24004 ? 24008 : 24004);

    (void)state;
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4000, text), 0);
    corefix_chandata(&fix, &c.flow, 0x4000, "media");
    assert_int_equal(corefix_count(&fix, TURN_N_DROP_NO_RELAY), 1);
    free(text);
}

/* --- change ----------------------------------------------------------------------------------- */

static void an_instance_that_goes_takes_its_peers_along(void **state)
{
    struct client c = make('g', false);
    struct addr relay = corefix_relay(&fix, &c.flow);
    struct turn_rules *r = corefix_rules();
    char text[ADDR_TEXT_MAX];
    unsigned answers;

    (void)state;
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4000, MESH_OUT), 0);
    r->n_slices--; /* the other instance is gone from the list */
    turn_core_rules(fix.core, r);
    corefix_chandata(&fix, &c.flow, 0x4000, "x");
    assert_int_equal(fix.peer.n, 0);
    answers = fix.client.n;
    corefix_from_peer(&fix, addr_print(&relay, text), MESH, "x");
    assert_int_equal(fix.client.n, answers);
    turn_core_rules(fix.core, corefix_rules());
    corefix_chandata(&fix, &c.flow, 0x4000, "x");
    assert_int_equal(fix.peer.n, 1);
}

static void guests_have_a_bit_rate_and_callbridges_none(void **state)
{
    struct turn_rules *r = corefix_rules();
    struct client g = make('g', false), c = make('c', false);
    char payload[1001];

    (void)state;
    memset(payload, 'x', 1000);
    payload[1000] = '\0';
    r->bit_rate_kbps = 80; /* ten such packets a second */
    turn_core_rules(fix.core, r);
    assert_int_equal(corefix_bind(&fix, &g.flow, &g.cred, 0x4000, MESH_OUT), 0);
    assert_int_equal(corefix_bind(&fix, &c.flow, &c.cred, 0x4000, MESH_OUT), 0);
    for (int i = 0; i < 100; i++)
        corefix_chandata(&fix, &g.flow, 0x4000, payload);
    assert_int_equal(fix.peer.n, 10);
    assert_int_equal(corefix_count(&fix, TURN_N_DROP_RATE), 90);
    for (int i = 0; i < 100; i++)
        corefix_chandata(&fix, &c.flow, 0x4000, payload);
    assert_int_equal(fix.peer.n, 110);
    corefix_pass(&fix, 1);
    corefix_chandata(&fix, &g.flow, 0x4000, payload);
    assert_int_equal(fix.peer.n, 111);
}

static void permissions_and_channels_have_limits(void **state)
{
    struct client c = make('g', false), b = make('c', false);
    unsigned channels = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        char *peer = str_printf("10.88.246.157:%d", 24100 + i);

        channels += corefix_bind(&fix, &c.flow, &c.cred, 0x4000 + i, peer) == 0;
        free(peer);
    }
    assert_int_equal(channels, TURN_GUEST_CHANS_MAX);
    for (int i = 0; i < TURN_BRIDGE_CHANS_MAX; i++) {
        char *peer = str_printf("8.%d.%d.8:5000", 10 + i / 250, i % 250);

        if (corefix_bind(&fix, &b.flow, &b.cred, 0x4000 + i, peer))
            fail_msg("channel %d", i);
        free(peer);
    }
    corefix_chandata(&fix, &b.flow, 0x4000 + 1234, "x");
    assert_int_equal(fix.peer.n, 1);
    assert_int_equal(fix.peer.to.ip[1], 10 + 1234 / 250);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_denied_is_denied_to_everybody),
        TEST(public_addresses_are_for_callbridges_alone),
        TEST(relays_of_all_instances_are_for_everybody),
        TEST(an_allow_list_names_any_range),
        TEST(data_goes_by_the_private_address_and_comes_back_by_the_public_one),
        TEST(padding_is_zero),
        TEST(channels_carry_data_both_ways),
        TEST(without_a_permission_nothing_goes_either_way),
        TEST(a_permission_is_by_ip_but_the_policy_by_port_too),
        TEST(permissions_and_channels_expire),
        TEST(channels_have_one_peer_and_peers_one_channel),
        TEST(channel_numbers_are_those_of_rfc_8656),
        TEST(a_permission_request_is_all_or_nothing),
        TEST(without_an_allocation_everything_is_437_or_silence),
        TEST(a_send_with_odd_contents_is_dropped),
        TEST(odd_channel_data_is_dropped),
        TEST(relays_of_one_instance_meet_inside),
        TEST(the_other_worker_is_handed_its_own),
        TEST(a_relay_that_is_not_there_gets_nothing),
        TEST(an_instance_that_goes_takes_its_peers_along),
        TEST(guests_have_a_bit_rate_and_callbridges_none),
        TEST(permissions_and_channels_have_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
