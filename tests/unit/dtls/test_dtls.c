/* SPDX-License-Identifier: Apache-2.0
 * Two ends over a network in memory that loses, doubles and reorders, with a fake clock. */
#include <dtls/dtls.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "cm.h"
#include "wallclock.h"

#define WIRE_MAX 256
#define DELAY_US 20000

struct end {
    struct dtls *d;
    struct net *net;
    struct end *peer;
    int connected, failed, closed;
    int err;
    char why[200];
    size_t sent, sent_max;
    bool frees_itself;
};

struct datagram {
    int64_t at_us;
    struct end *to;
    uint8_t data[DTLS_MTU];
    size_t len;
};

struct net {
    struct datagram wire[WIRE_MAX];
    size_t count;
    int64_t now_us;
    uint32_t seed;
    unsigned loss_percent, double_percent;
    bool jitter;
    unsigned drop_first; /* datagrams lost before any goes through */
    struct end a, p;     /* active and passive */
};

static struct dtls_ctx *ctx_a, *ctx_p;

static uint32_t chance(struct net *net)
{
    net->seed = net->seed * 1664525U + 1013904223U;
    return net->seed >> 8;
}

static void put_on_wire(struct net *net, struct end *to, const void *data, size_t len)
{
    struct datagram *g;

    assert_true(net->count < WIRE_MAX);
    g = &net->wire[net->count++];
    g->at_us = net->now_us + (net->jitter ? chance(net) % (3 * DELAY_US) : DELAY_US);
    g->to = to;
    g->len = len;
    memcpy(g->data, data, len);
}

static void on_send(const void *data, size_t len, void *arg)
{
    struct end *e = arg;
    struct net *net = e->net;

    assert_in_range(len, 1, DTLS_MTU);
    assert_true(dtls_is_packet(data, len));
    e->sent++;
    if (len > e->sent_max)
        e->sent_max = len;
    if (net->drop_first) {
        net->drop_first--;
        return;
    }
    if (chance(net) % 100 >= net->loss_percent)
        put_on_wire(net, e->peer, data, len);
    if (chance(net) % 100 < net->double_percent)
        put_on_wire(net, e->peer, data, len);
}

static void ended(struct end *e)
{
    if (e->frees_itself) {
        dtls_free(e->d);
        e->d = NULL;
    }
}

static void on_connected(void *arg)
{
    struct end *e = arg;

    e->connected++;
    ended(e);
}

static void on_failed(int err, const char *why, void *arg)
{
    struct end *e = arg;

    e->failed++;
    e->err = err;
    strncpy(e->why, why, sizeof(e->why) - 1);
    ended(e);
}

static void on_closed(void *arg)
{
    struct end *e = arg;

    e->closed++;
    ended(e);
}

static const struct dtls_ops ops = { on_send, on_connected, on_failed, on_closed };

static struct net *net_new(void)
{
    struct net *net = MEM_NEW(struct net);

    net->seed = 1;
    net->now_us = 1000000;
    wallclock_set(net->now_us);
    net->a = (struct end){ .net = net, .peer = &net->p };
    net->p = (struct end){ .net = net, .peer = &net->a };
    net->a.d = dtls_new(ctx_a, DTLS_ACTIVE, &ops, &net->a);
    net->p.d = dtls_new(ctx_p, DTLS_PASSIVE, &ops, &net->p);
    return net;
}

static void net_free(struct net *net)
{
    dtls_free(net->a.d);
    dtls_free(net->p.d);
    free(net);
}

static void know_each_other(struct net *net)
{
    assert_int_equal(dtls_set_fingerprint(net->a.d, "sha-256", dtls_ctx_fingerprint(ctx_p)), 0);
    assert_int_equal(dtls_set_fingerprint(net->p.d, "SHA-256", dtls_ctx_fingerprint(ctx_a)), 0);
}

/* Delivers the earliest datagram or fires the earliest deadline; false when nothing is to come
 * before `until_us`. */
static bool step_until(struct net *net, int64_t until_us)
{
    struct end *ends[] = { &net->a, &net->p }, *due = NULL;
    int64_t at = DTLS_NEVER;
    size_t first = WIRE_MAX;
    struct datagram g;

    for (size_t i = 0; i < net->count; i++)
        if (net->wire[i].at_us < at) {
            at = net->wire[i].at_us;
            first = i;
        }
    for (size_t i = 0; i < 2; i++)
        if (ends[i]->d && dtls_deadline(ends[i]->d) < at) {
            at = dtls_deadline(ends[i]->d);
            due = ends[i];
        }
    if (at >= until_us)
        return false;
    if (at > net->now_us)
        net->now_us = at;
    wallclock_set(net->now_us);
    if (due) {
        dtls_timeout(due->d, net->now_us);
        return true;
    }
    g = net->wire[first];
    memmove(&net->wire[first], &net->wire[first + 1], (--net->count - first) * sizeof(g));
    if (g.to->d)
        dtls_input(g.to->d, net->now_us, g.data, g.len);
    return true;
}

static bool step(struct net *net)
{
    return step_until(net, DTLS_NEVER);
}

static void run(struct net *net)
{
    int steps = 0;

    dtls_start(net->a.d, net->now_us);
    dtls_start(net->p.d, net->now_us);
    while (step(net))
        assert_true(++steps < 5000);
}

static void assert_same_keys(struct net *net, uint16_t profile)
{
    struct dtls_srtp_keys a, p;

    assert_int_equal(net->a.connected, 1);
    assert_int_equal(net->p.connected, 1);
    assert_true(dtls_is_connected(net->a.d));
    assert_int_equal(dtls_srtp_keys(net->a.d, &a), 0);
    assert_int_equal(dtls_srtp_keys(net->p.d, &p), 0);
    assert_int_equal(a.profile, profile);
    assert_int_equal(p.profile, profile);
    assert_memory_equal(a.local, p.remote, sizeof(a.local));
    assert_memory_equal(a.remote, p.local, sizeof(a.local));
    assert_memory_not_equal(a.local, a.remote, 28);
}

static void a_handshake_takes_two_round_trips_and_gives_equal_keys(void **state)
{
    struct net *net = net_new();

    (void)state;
    know_each_other(net);
    run(net);
    assert_same_keys(net, 0x0007);
    assert_int_equal(net->now_us, 1000000 + 4 * DELAY_US);
    assert_int_equal(net->a.sent, 2); /* whole flights lie in one datagram */
    assert_int_equal(net->p.sent, 2);
    net_free(net);
}

static void keys_stay_locked_until_the_fingerprint_is_known(void **state)
{
    struct net *net = net_new();
    struct dtls_srtp_keys keys;

    (void)state;
    dtls_start(net->a.d, net->now_us);
    while (step_until(net, 2000000))
        ;
    assert_int_equal(net->a.connected + net->p.connected, 0);
    assert_int_equal(dtls_srtp_keys(net->p.d, &keys), -EAGAIN);
    know_each_other(net);
    assert_same_keys(net, 0x0007);
    net_free(net);
}

static void a_fingerprint_that_never_comes_ends_the_wait(void **state)
{
    struct net *net = net_new();

    (void)state;
    assert_int_equal(dtls_set_fingerprint(net->a.d, "sha-256", dtls_ctx_fingerprint(ctx_p)), 0);
    run(net);
    assert_int_equal(net->a.connected, 1);
    assert_int_equal(net->p.err, -ETIMEDOUT);
    net_free(net);
}

static void another_certificate_is_refused_before_or_after_the_handshake(void **state)
{
    struct dtls_srtp_keys keys;

    (void)state;
    for (int late = 0; late < 2; late++) {
        for (int passive = 0; passive < 2; passive++) {
            struct net *net = net_new();
            struct end *e = passive ? &net->p : &net->a;
            const char *wrong = dtls_ctx_fingerprint(passive ? ctx_p : ctx_a);

            if (!late)
                assert_int_equal(dtls_set_fingerprint(e->d, "sha-256", wrong), 0);
            dtls_start(net->a.d, net->now_us);
            while (step_until(net, 2000000))
                ;
            if (late)
                assert_int_equal(dtls_set_fingerprint(e->d, "sha-256", wrong), 0);
            while (step_until(net, 3000000))
                ;
            assert_int_equal(e->failed, 1);
            assert_int_equal(e->err, -EACCES);
            assert_int_equal(dtls_srtp_keys(e->d, &keys), -EAGAIN);
            assert_int_equal(e->peer->failed, 1); /* it was told */
            assert_int_equal(e->peer->err, -EPROTO);
            net_free(net);
        }
    }
}

static void one_of_several_fingerprints_is_enough(void **state)
{
    struct net *net = net_new();

    (void)state;
    assert_int_equal(dtls_set_fingerprint(net->p.d, "sha-256", dtls_ctx_fingerprint(ctx_p)), 0);
    know_each_other(net);
    run(net);
    assert_same_keys(net, 0x0007);
    net_free(net);
}

static void malformed_fingerprints_are_refused(void **state)
{
    struct net *net = net_new();
    char text[DTLS_FINGERPRINT_SIZE];

    (void)state;
    assert_int_equal(dtls_set_fingerprint(net->a.d, "sha-1", "AA"), -EPROTO);
    assert_int_equal(dtls_set_fingerprint(net->a.d, "", ""), -EPROTO);
    assert_int_equal(dtls_set_fingerprint(net->a.d, "sha-256", ""), -EINVAL);
    strcpy(text, dtls_ctx_fingerprint(ctx_p));
    assert_int_equal(strlen(text), 95);
    assert_int_equal(dtls_set_fingerprint(net->a.d, "sha-512", text), -EINVAL);
    text[2] = '-';
    assert_int_equal(dtls_set_fingerprint(net->a.d, "sha-256", text), -EINVAL);
    text[2] = ':';
    text[94] = 'G';
    assert_int_equal(dtls_set_fingerprint(net->a.d, "sha-256", text), -EINVAL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(dtls_set_fingerprint(net->a.d, "sha-256", dtls_ctx_fingerprint(ctx_p)), 0);
    assert_int_equal(dtls_set_fingerprint(net->a.d, "sha-256", dtls_ctx_fingerprint(ctx_p)),
                     -E2BIG);
    net_free(net);
}

static void loss_of_each_datagram_is_repaired(void **state)
{
    (void)state;
    for (unsigned lost = 1; lost <= 3; lost++) {
        struct net *net = net_new();

        net->drop_first = lost;
        know_each_other(net);
        run(net);
        assert_same_keys(net, 0x0007);
        assert_in_range(net->now_us, 1200000, 1000000 + 3000000);
        net_free(net);
    }
}

static void the_last_flight_is_repeated_for_a_peer_that_missed_it(void **state)
{
    struct net *net = net_new();

    (void)state;
    know_each_other(net);
    dtls_start(net->a.d, net->now_us);
    while (!net->p.connected)
        assert_true(step(net));
    assert_int_equal(net->count, 1);
    net->count = 0; /* the passive end's Finished is lost */
    run(net);
    assert_same_keys(net, 0x0007);
    net_free(net);
}

static void a_bad_network_delays_but_does_not_defeat(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 60; seed++) {
        struct net *net = net_new();

        net->seed = seed * 7919;
        net->loss_percent = seed % 4 * 10;
        net->double_percent = 20;
        net->jitter = true;
        know_each_other(net);
        run(net);
        assert_same_keys(net, 0x0007);
        net_free(net);
    }
}

static void a_silent_peer_is_given_up_after_thirty_seconds(void **state)
{
    struct net *net = net_new();

    (void)state;
    net->loss_percent = 100;
    know_each_other(net);
    run(net);
    assert_int_equal(net->a.err, -ETIMEDOUT);
    assert_int_equal(net->p.err, -ETIMEDOUT);
    assert_in_range(net->now_us, 25000000, 31000000);
    assert_in_range(net->a.sent, 5, 15);
    net_free(net);
}

static void garbage_changes_nothing(void **state)
{
    struct net *net = net_new();
    uint8_t junk[300];

    (void)state;
    know_each_other(net);
    dtls_start(net->a.d, net->now_us);
    for (int i = 0; i < 4000; i++) {
        size_t len = chance(net) % sizeof(junk);

        for (size_t k = 0; k < len; k++)
            junk[k] = (uint8_t)chance(net);
        if (len && i % 2)
            junk[0] = (uint8_t)(20 + chance(net) % 6);
        if (len > 13 && i % 4 == 3) /* a record header that could be one, of an epoch to come */
            memcpy(junk, "\x17\xfe\xfd\x00\x01", 5);
        dtls_input(net->p.d, net->now_us, junk, len);
        dtls_input(net->a.d, net->now_us, junk, len);
        if (i % 400 == 399)
            step(net);
    }
    run(net);
    assert_same_keys(net, 0x0007);
    for (int i = 0; i < 1000; i++) {
        for (size_t k = 0; k < 100; k++)
            junk[k] = (uint8_t)chance(net);
        junk[0] = (uint8_t)(20 + i % 6);
        memcpy(junk + 1, "\xfe\xfd\x00\x01", 4);
        memcpy(junk + 11, "\x00\x57", 2);
        dtls_input(net->p.d, net->now_us, junk, 100);
    }
    assert_true(dtls_is_connected(net->p.d));
    net_free(net);
}

static void every_truncation_of_a_client_hello_is_survived(void **state)
{
    struct net *net = net_new();
    struct datagram hello;

    (void)state;
    know_each_other(net);
    dtls_start(net->a.d, net->now_us);
    assert_int_equal(net->count, 1);
    hello = net->wire[0];
    for (size_t len = 0; len < hello.len; len++)
        dtls_input(net->p.d, net->now_us, hello.data, len);
    run(net);
    assert_same_keys(net, 0x0007);
    net_free(net);
}

static void a_closed_association_tells_its_peer(void **state)
{
    struct net *net = net_new();

    (void)state;
    know_each_other(net);
    run(net);
    dtls_close(net->a.d);
    while (step(net))
        ;
    assert_int_equal(net->p.closed, 1);
    assert_int_equal(net->p.failed, 0);
    assert_false(dtls_is_connected(net->p.d));
    assert_false(dtls_is_connected(net->a.d));
    assert_int_equal(dtls_deadline(net->a.d), DTLS_NEVER);
    dtls_close(net->a.d); /* again does no harm */
    net_free(net);
}

static void an_end_may_be_freed_inside_its_callbacks(void **state)
{
    (void)state;
    for (int good = 0; good < 2; good++) {
        struct net *net = net_new();

        net->p.frees_itself = net->a.frees_itself = true;
        if (good)
            know_each_other(net);
        else
            assert_int_equal(dtls_set_fingerprint(net->p.d, "sha-256", dtls_ctx_fingerprint(ctx_p)),
                             0);
        run(net);
        assert_null(net->p.d);
        net_free(net);
    }
}

static int setup(void **state)
{
    (void)state;
    wallclock_set(0);
    ctx_a = dtls_ctx_new();
    ctx_p = dtls_ctx_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dtls_ctx_free(ctx_a);
    dtls_ctx_free(ctx_p);
    dtls_ctx_free(NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_takes_two_round_trips_and_gives_equal_keys),
        cmocka_unit_test(keys_stay_locked_until_the_fingerprint_is_known),
        cmocka_unit_test(a_fingerprint_that_never_comes_ends_the_wait),
        cmocka_unit_test(another_certificate_is_refused_before_or_after_the_handshake),
        cmocka_unit_test(one_of_several_fingerprints_is_enough),
        cmocka_unit_test(malformed_fingerprints_are_refused),
        cmocka_unit_test(loss_of_each_datagram_is_repaired),
        cmocka_unit_test(the_last_flight_is_repeated_for_a_peer_that_missed_it),
        cmocka_unit_test(a_bad_network_delays_but_does_not_defeat),
        cmocka_unit_test(a_silent_peer_is_given_up_after_thirty_seconds),
        cmocka_unit_test(garbage_changes_nothing),
        cmocka_unit_test(every_truncation_of_a_client_hello_is_survived),
        cmocka_unit_test(a_closed_association_tells_its_peer),
        cmocka_unit_test(an_end_may_be_freed_inside_its_callbacks),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
