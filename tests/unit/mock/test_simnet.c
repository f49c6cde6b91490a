/* SPDX-License-Identifier: Apache-2.0 */
#include "simnet.h"

#include <string.h>

#include "cm.h"

struct host {
    unsigned n;
    struct addr from;
    uint8_t last;
    unsigned inversions; /* datagrams that came after a later one */
};

static void on_datagram(void *arg, const struct addr *local, const struct addr *from,
                        const void *data, size_t len)
{
    struct host *h = arg;
    uint8_t number;

    (void)local;
    assert_int_equal(len, 1);
    memcpy(&number, data, 1);
    h->inversions += number < h->last;
    h->last = number;
    h->from = *from;
    h->n++;
}

static struct addr addr_of(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(&a, text), 0);
    return a;
}

static void send_many(struct simnet *net, struct addr from, struct addr to, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t number = (uint8_t)i;

        simnet_send(net, &from, &to, &number, 1);
    }
    simnet_run(net, simnet_now(net) + 1000000, NULL, NULL);
}

static void datagrams_arrive_in_order_after_the_delay(void **state)
{
    struct simnet *net = simnet_new(1);
    struct host h = { 0 };
    struct addr to = simnet_bind(net, "192.0.2.1:1", on_datagram, &h);
    struct addr from = addr_of("192.0.2.2:2");
    uint8_t zero = 0;

    (void)state;
    simnet_set_link(net, (struct simnet_link){ .delay_us = 5000 });
    simnet_send(net, &from, &to, &zero, 1);
    simnet_run(net, simnet_now(net) + 4999, NULL, NULL);
    assert_int_equal(h.n, 0);
    simnet_run(net, simnet_now(net) + 1, NULL, NULL);
    assert_int_equal(h.n, 1);
    send_many(net, from, to, 200);
    assert_int_equal(h.n, 201);
    assert_int_equal(h.inversions, 0);
    simnet_free(net);
}

static unsigned received(uint64_t seed, struct simnet_link link, unsigned *inversions)
{
    struct simnet *net = simnet_new(seed);
    struct host h = { 0 };
    struct addr to = simnet_bind(net, "192.0.2.1:1", on_datagram, &h);

    simnet_set_link(net, link);
    send_many(net, addr_of("192.0.2.2:2"), to, 250);
    simnet_free(net);
    *inversions = h.inversions;
    return h.n;
}

static void a_bad_link_loses_doubles_and_reorders_the_same_way_each_time(void **state)
{
    struct simnet_link lossy = { .loss_pct = 30 }, doubling = { .dup_pct = 50 };
    struct simnet_link wild = { .delay_us = 1000, .reorder_pct = 20 };
    unsigned inv, again;

    (void)state;
    assert_in_range(received(1, lossy, &inv), 150, 200);
    assert_int_equal(received(1, lossy, &inv), received(1, lossy, &again));
    assert_in_range(received(2, doubling, &inv), 350, 400);
    assert_int_equal(received(3, wild, &inv), 250);
    assert_true(inv > 0);
    received(3, wild, &again);
    assert_int_equal(inv, again);
}

static void a_black_hole_swallows_both_directions(void **state)
{
    struct simnet *net = simnet_new(1);
    struct host a = { 0 }, b = { 0 };
    struct addr aa = simnet_bind(net, "192.0.2.1:1", on_datagram, &a);
    struct addr bb = simnet_bind(net, "192.0.2.2:2", on_datagram, &b);

    (void)state;
    simnet_blackhole(net, "192.0.2.1", true);
    send_many(net, aa, bb, 1);
    send_many(net, bb, aa, 1);
    assert_int_equal(a.n + b.n, 0);
    assert_int_equal(simnet_dropped(net), 2);
    simnet_blackhole(net, "192.0.2.1", false);
    send_many(net, aa, bb, 1);
    assert_int_equal(b.n, 1);
    simnet_free(net);
}

/* What gets in through each kind of box after one datagram went out to `o`. */
static void nat_boxes_filter_and_map_by_their_kind(void **state)
{
    static const struct {
        enum simnet_nat kind;
        bool strangers_get_in, same_port;
    } cases[] = { { SIMNET_NAT_FULL_CONE, true, true },
                  { SIMNET_NAT_RESTRICTED, false, true },
                  { SIMNET_NAT_SYMMETRIC, false, false } };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct simnet *net = simnet_new(1);
        struct host in = { 0 }, out = { 0 }, other = { 0 };
        struct addr inside = simnet_bind(net, "10.0.0.5:1000", on_datagram, &in);
        struct addr o = simnet_bind(net, "192.0.2.2:2000", on_datagram, &out);
        struct addr p = simnet_bind(net, "192.0.2.3:3000", on_datagram, &other);

        simnet_nat(net, "10.0.0.5", "198.51.100.1", cases[i].kind);
        send_many(net, o, inside, 1);
        assert_int_equal(in.n, 0);
        send_many(net, inside, o, 1);
        assert_true(out.from.port == 40000);
        send_many(net, o, out.from, 1);
        assert_int_equal(in.n, 1);
        send_many(net, p, out.from, 1);
        assert_int_equal(in.n, cases[i].strangers_get_in ? 2 : 1);
        send_many(net, inside, p, 1);
        assert_int_equal(addr_eq(&other.from, &out.from), cases[i].same_port);
        simnet_nat_forget(net, "198.51.100.1");
        send_many(net, o, out.from, 1);
        assert_int_equal(in.n, cases[i].strangers_get_in ? 2 : 1);
        simnet_free(net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_arrive_in_order_after_the_delay),
        cmocka_unit_test(a_bad_link_loses_doubles_and_reorders_the_same_way_each_time),
        cmocka_unit_test(a_black_hole_swallows_both_directions),
        cmocka_unit_test(nat_boxes_filter_and_map_by_their_kind),
    };
    return cmocka_run_group_tests_name("mock/simnet", tests, NULL, NULL);
}
