/* SPDX-License-Identifier: Apache-2.0
 * Real workers with real sockets on loopback: threads, rings, TCP, what slow and wrong clients can
 * do. Also run under ThreadSanitizer. */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>
#include <evp/rand.h>
#include <log/log.h>
#include <loop/clock.h>

#include "limits.h"
#include "pool.h"
#include "turncli.h"

#include "cm.h"

enum { WORKERS = 3, WAIT_MS = 10000 };

/* What the control thread would know. */
struct world {
    struct turn_pool *pool;
    struct addr server, private;
    uint16_t port_min;
    uint32_t budget_us, users;
    char password[16];
};

static struct world world;

/* The workers' clock, and the tests': the real one, and what a test lets pass. */
static _Atomic int64_t ahead_us;

static int64_t clock_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000 + atomic_load(&ahead_us);
}

static struct turn_rules *make_rules(void *arg, unsigned workers)
{
    const struct world *w = arg;
    struct turn_rules *r = turn_rules_new("octavio.com");
    struct turn_slice s = { .min = w->port_min, .max = (uint16_t)(w->port_min + 899) };

    assert_int_equal(addr_parse_ip(&r->relay[0], "127.0.0.1", 0), 0);
    r->announced[0] = s.inside = s.outside = r->relay[0];
    r->port_min = s.min;
    r->port_max = s.max;
    r->workers = workers;
    r->user_quota = w->users;
    r->source_quota = r->total_quota = 6000;
    r->unauthorized_limit = 100000;
    r->latency_budget_us = w->budget_us;
    turn_rules_add_slice(r, &s);
    assert_int_equal(addr_parse_ip(&r->relay[1], "::1", 0), 0);
    r->announced[1] = s.inside = s.outside = r->relay[1];
    turn_rules_add_slice(r, &s);
    turn_rules_add_user(r, "turnuser", w->password, false, "127.0.0.0/8, ::1/128");
    turn_rules_add_user(r, "strict", w->password, false, NULL);
    return r;
}

static struct addr loopback(uint16_t port)
{
    struct addr a;

    assert_int_equal(addr_parse_ip(&a, "127.0.0.1", port), 0);
    return a;
}

/* A port that UDP and TCP have free. */
static uint16_t listen_somewhere(struct turn_pool *p, enum turn_listen_kind kind, bool both)
{
    for (int i = 0; i < 200; i++) {
        uint16_t port = (uint16_t)(10000 + evp_random_below(20000));
        struct addr a = loopback(port);
        unsigned id, other;

        if (turn_pool_listen(p, kind, &a, &id))
            continue;
        if (!both || turn_pool_listen(p, TURN_LISTEN_TCP, &a, &other) == 0)
            return port;
        turn_pool_unlisten(p, id);
    }
    fail_msg("no port is free");
    return 0;
}

static int setup(void **state)
{
    (void)state;
    log_level_set(LOG_LEVEL_WARNING);
    loop_clock_fake(clock_us);
    world = (struct world){ .port_min = (uint16_t)(10000 + evp_random_below(20000)),
                            .budget_us = 500, .users = 1000, .password = "turnpass" };
    assert_int_equal(turn_pool_new(&world.pool, WORKERS, make_rules, &world), 0);
    world.server = loopback(listen_somewhere(world.pool, TURN_LISTEN_UDP, true));
    world.private = loopback(listen_somewhere(world.pool, TURN_LISTEN_PRIVATE, false));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    turn_pool_free(world.pool);
    return 0;
}

static void must_open(struct turncli *c, int how, const char *user)
{
    assert_true(turncli_open(c, how, how == TURNCLI_PROXY ? &world.private : &world.server, user,
                             "turnpass"));
}

static bool wait_count(enum turn_count what, uint64_t n)
{
    int64_t end_ms = loop_now_ms() + WAIT_MS;

    while (turn_pool_count(world.pool, what) != n) {
        if (loop_now_ms() > end_ms)
            return false;
        (void)poll(NULL, 0, 5);
    }
    return true;
}

/* --- relaying --------------------------------------------------------------------------------- */

/* A peer: a plain UDP socket. */
static int peer_open(struct addr *at)
{
    struct sockaddr_storage ss;
    struct addr any = loopback(0);
    socklen_t len = addr_to_sockaddr(&any, &ss);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
    len = sizeof(ss);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
    assert_int_equal(addr_from_sockaddr(at, (struct sockaddr *)&ss), 0);
    return fd;
}

/* Receives one datagram and sends it back. */
static void echo_one(int fd, const char *text)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    struct sockaddr_storage ss;
    socklen_t len = sizeof(ss);
    char mem[10000];
    ssize_t n;

    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    n = recvfrom(fd, mem, sizeof(mem), 0, (struct sockaddr *)&ss, &len);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(mem, text, (size_t)n);
    assert_int_equal(sendto(fd, mem, (size_t)n, 0, (struct sockaddr *)&ss, len), n);
}

static void a_peer_is_reached_and_answers(void **state)
{
    static const int how[] = { TURNCLI_UDP, TURNCLI_TCP, TURNCLI_PROXY };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(how); i++) {
        struct turncli c;
        struct addr peer;
        int fd = peer_open(&peer);

        must_open(&c, how[i], "turnuser");
        assert_int_equal(turncli_allocate(&c), 0);
        assert_int_equal(turncli_permit(&c, &peer), 0);
        turncli_send(&c, &peer, "by indication", 13);
        echo_one(fd, "by indication");
        assert_true(turncli_recv(&c, WAIT_MS));
        assert_int_equal(c.last[1], 0x17); /* a Data indication */
        assert_int_equal(turncli_bind(&c, 0x4001, &peer), 0);
        turncli_chandata(&c, 0x4001, "by channel", 10);
        echo_one(fd, "by channel");
        assert_true(turncli_expect(&c, 0x4001, "by channel"));
        close(fd);
        turncli_close(&c);
    }
}

static void a_relay_of_the_other_family_reaches_its_peers(void **state)
{
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = STUN_TRANSPORT_UDP,
                         .family = STUN_FAMILY_V6 };
    struct sockaddr_storage ss;
    struct stun_msg answer;
    struct turncli c;
    struct addr peer;
    socklen_t len;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_int_equal(addr_parse_ip(&peer, "::1", 0), 0);
    len = addr_to_sockaddr(&peer, &ss);
    assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
    assert_int_equal(addr_from_sockaddr(&peer, (struct sockaddr *)&ss), 0);
    must_open(&c, TURNCLI_UDP, "turnuser");
    assert_int_equal(turncli_ask(&c, &m, &answer), 0);
    assert_int_equal(stun_attr_get_xaddr(&answer, STUN_XOR_RELAYED_ADDRESS, &c.relay), 0);
    assert_int_equal(c.relay.family, ADDR_V6);
    assert_int_equal(turncli_bind(&c, 0x4001, &peer), 0);
    turncli_chandata(&c, 0x4001, "six", 3);
    echo_one(fd, "six");
    assert_true(turncli_expect(&c, 0x4001, "six"));
    close(fd);
    turncli_close(&c);
}

static void the_edge_says_who_a_client_is(void **state)
{
    struct turncli c;
    char text[ADDR_TEXT_MAX];

    (void)state;
    must_open(&c, TURNCLI_PROXY, "turnuser");
    assert_int_equal(turncli_allocate(&c), 0);
    assert_string_equal(addr_print(&c.mapped, text), "203.0.113.9:5555");
    turncli_close(&c);
}

/* Every pair of clients talks, whichever workers they are on. */
static void relays_meet_across_workers(void **state)
{
    enum { CLIENTS = 12 };
    struct turncli *c = mem_calloc(CLIENTS, sizeof(*c));
    uint64_t pairs = 0;

    (void)state;
    for (int i = 0; i < CLIENTS; i++) {
        must_open(&c[i], i % 3 == 2 ? TURNCLI_TCP : TURNCLI_UDP, "strict");
        assert_int_equal(turncli_allocate(&c[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++)
        for (int k = 0; k < CLIENTS; k++)
            if (i != k)
                assert_int_equal(turncli_bind(&c[i], (uint16_t)(0x4000 + k), &c[k].relay), 0);
    for (int i = 0; i < CLIENTS; i++) {
        for (int k = 0; k < CLIENTS; k++) {
            if (i == k)
                continue;
            turncli_chandata(&c[i], (uint16_t)(0x4000 + k), "from relay to relay", 19);
            assert_true(turncli_expect(&c[k], (uint16_t)(0x4000 + i), "from relay to relay"));
            pairs++;
        }
    }
    assert_true(wait_count(TURN_N_HAIRPIN_PACKETS, pairs));
    assert_int_equal(turn_pool_count(world.pool, TURN_N_UP_PACKETS), 0);
    for (int i = 0; i < CLIENTS; i++)
        turncli_close(&c[i]);
    free(c);
}

static void big_datagrams_take_the_long_way_between_workers(void **state)
{
    enum { OTHERS = 6 }; /* some of them are on another worker */
    struct turncli a, *b = mem_calloc(OTHERS, sizeof(*b));
    static char text[3001];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    must_open(&a, TURNCLI_TCP, "strict");
    assert_int_equal(turncli_allocate(&a), 0);
    for (int i = 0; i < OTHERS; i++) {
        must_open(&b[i], TURNCLI_TCP, "strict");
        assert_int_equal(turncli_allocate(&b[i]), 0);
        assert_int_equal(turncli_bind(&a, (uint16_t)(0x4100 + i), &b[i].relay), 0);
        assert_int_equal(turncli_bind(&b[i], 0x4200, &a.relay), 0);
        turncli_chandata(&a, (uint16_t)(0x4100 + i), text, sizeof(text) - 1);
        assert_true(turncli_expect(&b[i], 0x4200, text));
    }
    for (int i = 0; i < OTHERS; i++)
        turncli_close(&b[i]);
    free(b);
    turncli_close(&a);
}

/* What comes fast waits for company, and none of it is lost or out of order. */
static void a_burst_arrives_whole_and_in_order(void **state)
{
    struct turncli a, b;

    (void)state;
    must_open(&a, TURNCLI_UDP, "strict");
    must_open(&b, TURNCLI_UDP, "strict");
    assert_int_equal(turncli_allocate(&a), 0);
    assert_int_equal(turncli_allocate(&b), 0);
    assert_int_equal(turncli_bind(&a, 0x4000, &b.relay), 0);
    assert_int_equal(turncli_bind(&b, 0x4000, &a.relay), 0);
    for (int round = 0; round < 20; round++) {
        char text[32];

        for (int i = 0; i < 50; i++) {
            (void)snprintf(text, sizeof(text), "packet %d", round * 50 + i);
            turncli_chandata(&a, 0x4000, text, strlen(text));
        }
        for (int i = 0; i < 50; i++) {
            (void)snprintf(text, sizeof(text), "packet %d", round * 50 + i);
            assert_true(turncli_recv(&b, WAIT_MS));
            assert_int_equal(b.last_len, 4 + strlen(text));
            assert_memory_equal(b.last + 4, text, strlen(text));
        }
    }
    turncli_close(&a);
    turncli_close(&b);
}

/* More than a worker takes from a relay at a time, and then silence. */
static void what_waits_at_a_relay_is_taken_to_the_last(void **state)
{
    enum { PACKETS = 100 };
    struct turncli c;
    struct addr peer;
    struct sockaddr_storage ss;
    int fd = peer_open(&peer);
    socklen_t len;
    char text[32];

    (void)state;
    must_open(&c, TURNCLI_UDP, "turnuser");
    assert_int_equal(turncli_allocate(&c), 0);
    assert_int_equal(turncli_bind(&c, 0x4000, &peer), 0);
    len = addr_to_sockaddr(&c.relay, &ss);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < PACKETS; i++) {
            ssize_t n = snprintf(text, sizeof(text), "packet %d", i);

            assert_int_equal(sendto(fd, text, (size_t)n, 0, (struct sockaddr *)&ss, len), n);
        }
        for (int i = 0; i < PACKETS; i++) {
            (void)snprintf(text, sizeof(text), "packet %d", i);
            assert_true(turncli_recv(&c, WAIT_MS));
            assert_int_equal(c.last_len, 4 + strlen(text));
            assert_memory_equal(c.last + 4, text, strlen(text));
        }
    }
    close(fd);
    turncli_close(&c);
}

/* --- life ------------------------------------------------------------------------------------- */

static void an_allocation_ends_with_its_connection(void **state)
{
    struct turncli c;

    (void)state;
    must_open(&c, TURNCLI_TCP, "turnuser");
    assert_int_equal(turncli_allocate(&c), 0);
    assert_true(wait_count(TURN_N_ACTIVE_TCP, 1));
    turncli_close(&c);
    assert_true(wait_count(TURN_N_ACTIVE_TCP, 0));
    assert_true(wait_count(TURN_N_CONNS, 0));
}

static void rules_change_while_media_flows(void **state)
{
    struct turncli a, b, late;

    (void)state;
    must_open(&a, TURNCLI_UDP, "strict");
    must_open(&b, TURNCLI_UDP, "strict");
    assert_int_equal(turncli_allocate(&a), 0);
    assert_int_equal(turncli_allocate(&b), 0);
    assert_int_equal(turncli_bind(&a, 0x4000, &b.relay), 0);
    assert_int_equal(turncli_bind(&b, 0x4000, &a.relay), 0);
    (void)!str_copy(world.password, sizeof(world.password), "changed");
    for (int i = 0; i < 50; i++) {
        turn_pool_rules(world.pool);
        turncli_chandata(&a, 0x4000, "media", 5);
        assert_true(turncli_expect(&b, 0x4000, "media"));
    }
    assert_int_equal(turncli_refresh(&a, 600), 0);
    must_open(&late, TURNCLI_UDP, "strict");
    assert_int_equal(turncli_allocate(&late), 401);
    turncli_close(&a);
    turncli_close(&b);
    turncli_close(&late);
}

static void a_listener_that_closes_takes_its_udp_clients_along(void **state)
{
    struct turncli c;
    struct addr at;
    unsigned id;
    int64_t end_ms;
    int err;

    (void)state;
    for (;;) {
        at = loopback((uint16_t)(10000 + evp_random_below(20000)));
        if (turn_pool_listen(world.pool, TURN_LISTEN_UDP, &at, &id) == 0)
            break;
    }
    assert_true(turncli_open(&c, TURNCLI_UDP, &at, "turnuser", "turnpass"));
    assert_int_equal(turncli_allocate(&c), 0);
    turn_pool_unlisten(world.pool, id);
    assert_true(wait_count(TURN_N_ACTIVE_UDP, 0));
    end_ms = loop_now_ms() + WAIT_MS; /* the last worker may not have closed its socket yet */
    while ((err = turn_pool_listen(world.pool, TURN_LISTEN_UDP, &at, &id)) == -EADDRINUSE &&
           loop_now_ms() < end_ms)
        (void)poll(NULL, 0, 5);
    assert_int_equal(err, 0);
    turncli_close(&c);
}

static void an_address_that_others_use_is_noticed(void **state)
{
    struct turn_pool *other;
    unsigned id;

    (void)state;
    assert_int_equal(turn_pool_new(&other, 2, make_rules, &world), 0);
    assert_int_equal(turn_pool_listen(other, TURN_LISTEN_UDP, &world.server, &id), -EADDRINUSE);
    assert_int_equal(turn_pool_listen(other, TURN_LISTEN_TCP, &world.server, &id), -EADDRINUSE);
    turn_pool_free(other);
}

static void many_allocations_come_and_go(void **state)
{
    enum { CLIENTS = 100 };
    struct turncli *c = mem_calloc(CLIENTS, sizeof(*c));

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            must_open(&c[i], TURNCLI_UDP, "turnuser");
            assert_int_equal(turncli_allocate(&c[i]), 0);
        }
        assert_true(wait_count(TURN_N_ACTIVE_UDP, CLIENTS));
        for (int i = 0; i < CLIENTS; i++) {
            assert_int_equal(turncli_refresh(&c[i], -1), 0);
            turncli_close(&c[i]);
        }
        assert_true(wait_count(TURN_N_ACTIVE_UDP, 0));
    }
    free(c);
}

static void a_revoked_client_is_cut_off_on_every_worker(void **state)
{
    enum { CLIENTS = 6 };
    struct turncli *c = mem_calloc(CLIENTS, sizeof(*c));
    uint8_t key[STUN_CRED_KEY_LEN];
    struct stun_cred name = { .role = 'g', .id = "7f3a", .user = "turnuser" };

    (void)state;
    name.expires_s = loop_wall_us() / 1000000 + 60;
    stun_cred_key(key, "turnuser", "octavio.com", "turnpass");
    for (int i = 0; i < CLIENTS; i++) {
        must_open(&c[i], TURNCLI_UDP, "");
        assert_int_equal(stun_cred_print(&name, c[i].cred.user, sizeof(c[i].cred.user)), 0);
        stun_cred_password(c[i].cred.password, key, c[i].cred.user);
        assert_int_equal(turncli_allocate(&c[i]), 0);
    }
    turn_pool_revoke(world.pool, "7f3a", name.expires_s);
    assert_true(wait_count(TURN_N_ACTIVE_UDP, 0));
    assert_int_equal(turncli_allocate(&c[0]), 401);
    for (int i = 0; i < CLIENTS; i++)
        turncli_close(&c[i]);
    free(c);
}

/* --- bad clients ------------------------------------------------------------------------------ */

static void what_does_not_belong_on_a_stream_ends_it(void **state)
{
    static const char *const noise[] = { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02",
                                         "\x40\x01\x00\x04moin" }; /* ChannelData first */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(noise); i++) {
        struct turncli c;

        must_open(&c, TURNCLI_TCP, "turnuser");
        turncli_raw(&c, noise[i], i == 2 ? 8 : strlen(noise[i]));
        assert_true(turncli_is_closed(&c));
        turncli_close(&c);
    }
}

static void a_public_port_reads_no_proxy_header_and_the_private_one_nothing_else(void **state)
{
    static const uint8_t signature[] = { '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I',
                                         'T', '\n', 0x21, 0x11, 0, 12 };
    struct turnmsg m = { .method = STUN_BINDING };
    uint8_t mem[TURNMSG_MAX];
    struct turncli c;

    (void)state;
    must_open(&c, TURNCLI_TCP, "turnuser");
    turncli_raw(&c, signature, sizeof(signature));
    assert_true(turncli_is_closed(&c));
    turncli_close(&c);
    assert_true(turncli_open(&c, TURNCLI_TCP, &world.private, "turnuser", "turnpass"));
    turncli_raw(&c, mem, turnmsg_write(mem, &m, NULL));
    assert_true(turncli_is_closed(&c));
    turncli_close(&c);
}

static void a_message_may_come_byte_by_byte(void **state)
{
    struct turnmsg m = { .method = STUN_BINDING };
    uint8_t mem[TURNMSG_MAX];
    size_t len = turnmsg_write(mem, &m, NULL);
    struct turncli c;

    (void)state;
    must_open(&c, TURNCLI_TCP, "turnuser");
    for (size_t i = 0; i < len; i++) {
        turncli_raw(&c, mem + i, 1);
        (void)poll(NULL, 0, 1);
    }
    assert_true(turncli_recv(&c, WAIT_MS));
    assert_memory_equal(c.last + 8, m.txid, STUN_TXID_LEN);
    turncli_close(&c);
}

/* A reader that takes nothing loses media; the server keeps neither it nor memory for it. */
static void a_slow_reader_loses_media_and_nothing_else(void **state)
{
    struct turncli slow, fast;
    char payload[1000];
    int64_t end_ms;

    (void)state;
    memset(payload, 'm', sizeof(payload));
    must_open(&slow, TURNCLI_TCP, "strict");
    must_open(&fast, TURNCLI_UDP, "strict");
    assert_int_equal(turncli_allocate(&slow), 0);
    assert_int_equal(turncli_allocate(&fast), 0);
    assert_int_equal(turncli_bind(&fast, 0x4000, &slow.relay), 0);
    assert_int_equal(turncli_bind(&slow, 0x4000, &fast.relay), 0);
    end_ms = loop_now_ms() + WAIT_MS;
    while (turn_pool_count(world.pool, TURN_N_DROP_QUEUE) == 0 && loop_now_ms() < end_ms)
        turncli_chandata(&fast, 0x4000, payload, sizeof(payload));
    assert_true(turn_pool_count(world.pool, TURN_N_DROP_QUEUE) > 0);
    assert_int_equal(turn_pool_count(world.pool, TURN_N_ACTIVE_TCP), 1);
    while (turncli_recv(&slow, 200)) /* what comes is whole */
        assert_int_equal(slow.last_len, 4 + sizeof(payload));
    turncli_chandata(&fast, 0x4000, "again", 5);
    assert_true(turncli_expect(&slow, 0x4000, "again"));
    assert_int_equal(turncli_refresh(&slow, 600), 0);
    turncli_close(&slow);
    turncli_close(&fast);
}

static void who_says_nothing_is_let_go(void **state)
{
    struct turnmsg m = { .method = STUN_BINDING };
    struct turncli silent, refused, busy, udp;
    struct stun_msg answer;

    (void)state;
    must_open(&silent, TURNCLI_TCP, "strict");
    must_open(&refused, TURNCLI_TCP, "strict");
    must_open(&busy, TURNCLI_TCP, "strict");
    must_open(&udp, TURNCLI_UDP, "strict");
    assert_int_equal(turncli_ask(&refused, &m, &answer), 0);
    assert_int_equal(turncli_allocate(&busy), 0);
    assert_int_equal(turncli_allocate(&udp), 0);
    assert_true(wait_count(TURN_N_CONNS, 3));
    atomic_fetch_add(&ahead_us, (TURN_CONN_SILENT_MS + 1000) * INT64_C(1000));
    assert_true(turncli_is_closed(&silent));
    assert_true(wait_count(TURN_N_CONNS, 2));
    atomic_fetch_add(&ahead_us, TURN_CONN_IDLE_MS * INT64_C(1000));
    assert_true(turncli_is_closed(&refused));
    assert_true(wait_count(TURN_N_CONNS, 1));
    assert_int_equal(turncli_refresh(&udp, 3600), 0);
    atomic_fetch_add(&ahead_us, TURN_LIFETIME_S * INT64_C(1000000));
    assert_true(wait_count(TURN_N_ACTIVE_TCP, 0)); /* its relay has expired, the other not */
    assert_int_equal(turn_pool_count(world.pool, TURN_N_ACTIVE_UDP), 1);
    turncli_close(&silent);
    turncli_close(&refused);
    turncli_close(&busy);
    turncli_close(&udp);
}

static void one_address_has_so_many_connections(void **state)
{
    struct turncli *c = mem_calloc(TURN_CONNS_SOURCE_MAX + 1, sizeof(*c));

    (void)state;
    for (int i = 0; i < TURN_CONNS_SOURCE_MAX; i++)
        must_open(&c[i], TURNCLI_TCP, "turnuser");
    assert_true(wait_count(TURN_N_CONNS, TURN_CONNS_SOURCE_MAX));
    must_open(&c[TURN_CONNS_SOURCE_MAX], TURNCLI_TCP, "turnuser");
    assert_true(turncli_is_closed(&c[TURN_CONNS_SOURCE_MAX]));
    for (int i = 0; i <= TURN_CONNS_SOURCE_MAX; i++)
        turncli_close(&c[i]);
    free(c);
}

/* The process has no descriptor left: who connects is turned away, and the worker goes on. */
static void without_descriptors_connections_are_turned_away(void **state)
{
    struct rlimit before, few;
    struct turncli udp, waiting = { 0 };
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(&world.server, &ss);
    int probe;

    (void)state;
    must_open(&udp, TURNCLI_UDP, "strict");
    assert_int_equal(turncli_allocate(&udp), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    waiting.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    probe = dup(0); /* the lowest number that is free */
    few = before;
    few.rlim_cur = (rlim_t)probe;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(connect(waiting.fd, (struct sockaddr *)&ss, len), 0);
    assert_true(turncli_is_closed(&waiting));
    assert_int_equal(turncli_refresh(&udp, 600), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    close(probe);
    turncli_close(&waiting);
    turncli_close(&udp);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_peer_is_reached_and_answers),
        TEST(a_relay_of_the_other_family_reaches_its_peers),
        TEST(the_edge_says_who_a_client_is),
        TEST(relays_meet_across_workers),
        TEST(big_datagrams_take_the_long_way_between_workers),
        TEST(a_burst_arrives_whole_and_in_order),
        TEST(what_waits_at_a_relay_is_taken_to_the_last),
        TEST(an_allocation_ends_with_its_connection),
        TEST(rules_change_while_media_flows),
        TEST(a_listener_that_closes_takes_its_udp_clients_along),
        TEST(an_address_that_others_use_is_noticed),
        TEST(many_allocations_come_and_go),
        TEST(a_revoked_client_is_cut_off_on_every_worker),
        TEST(what_does_not_belong_on_a_stream_ends_it),
        TEST(a_public_port_reads_no_proxy_header_and_the_private_one_nothing_else),
        TEST(a_message_may_come_byte_by_byte),
        TEST(a_slow_reader_loses_media_and_nothing_else),
        TEST(who_says_nothing_is_let_go),
        TEST(one_address_has_so_many_connections),
        TEST(without_descriptors_connections_are_turned_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
