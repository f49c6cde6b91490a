/* SPDX-License-Identifier: Apache-2.0 */
#include <dgram/dgram.h>

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "cm.h"

enum { RECEIVERS = 3, ROUNDS = 200 };

struct sink {
    int got;
    int out_of_order;
    size_t bytes;
    struct addr from, to;
};

static void on_datagram(void *arg, const struct addr *from, const struct addr *to, void *data,
                        size_t len)
{
    struct sink *s = arg;
    int number;

    memcpy(&number, data, sizeof(number));
    s->out_of_order += number != s->got;
    s->got++;
    s->bytes += len;
    s->from = *from;
    s->to = *to;
}

/* Receives until `want` datagrams have come or nothing comes for two seconds. */
static void receive(struct dgram *d, struct sink *s, int want)
{
    struct pollfd p = { .fd = dgram_fd(d), .events = POLLIN };

    while (s->got < want && poll(&p, 1, 2000) == 1)
        assert_true(dgram_recv(d, on_datagram, s) >= 0);
}

static struct addr loopback(const struct dgram *d)
{
    struct addr a;

    assert_int_equal(addr_parse_ip(&a, "127.0.0.1", dgram_port(d)), 0);
    return a;
}

static void a_fan_out_arrives_whole_and_in_order_at_everybody(void **state)
{
    struct dgram *out, *in[RECEIVERS];
    struct sink sinks[RECEIVERS] = { 0 };
    struct dgram_stats st;
    uint8_t data[1200] = { 0 };
    size_t bytes = 0;

    (void)state;
    assert_int_equal(dgram_open(&out, "", 0), 0);
    for (int i = 0; i < RECEIVERS; i++)
        assert_int_equal(dgram_open(&in[i], "127.0.0.1", 0), 0);
    for (int n = 0; n < ROUNDS; n++) {
        size_t len = n % 7 == 6 ? 700 : 1200; /* the last packet of a frame is shorter */

        memcpy(data, &n, sizeof(n));
        bytes += len;
        for (int i = 0; i < RECEIVERS; i++) {
            struct addr to = loopback(in[i]);

            dgram_send(out, NULL, &to, data, len);
        }
    }
    dgram_flush(out);
    for (int i = 0; i < RECEIVERS; i++) {
        receive(in[i], &sinks[i], ROUNDS);
        assert_int_equal(sinks[i].got, ROUNDS);
        assert_int_equal(sinks[i].out_of_order, 0);
        assert_int_equal(sinks[i].bytes, bytes);
        dgram_close(in[i]);
    }
    dgram_stats(out, &st);
    assert_int_equal(st.tx_packets, ROUNDS * RECEIVERS);
    assert_int_equal(st.dropped, 0);
    assert_true(st.tx_messages < ROUNDS * RECEIVERS / 3); /* grouped, or it would be one each */
    dgram_close(out);
}

static void the_local_address_of_a_datagram_is_known_and_can_be_answered_from(void **state)
{
    struct dgram *server, *client;
    struct sink at_server = { 0 }, at_client = { 0 };
    struct addr to, second;
    int zero = 0;

    (void)state;
    assert_int_equal(dgram_open(&server, "", 0), 0);
    assert_int_equal(dgram_open(&client, "127.0.0.1", 0), 0);
    assert_int_equal(addr_parse_ip(&second, "127.0.0.2", dgram_port(server)), 0);
    dgram_send(client, NULL, &second, &zero, sizeof(zero));
    dgram_flush(client);
    receive(server, &at_server, 1);
    assert_int_equal(at_server.got, 1);
    assert_true(addr_eq(&at_server.to, &second));
    to = loopback(client);
    assert_true(addr_eq(&at_server.from, &to));
    dgram_send(server, &second, &to, &zero, sizeof(zero));
    dgram_flush(server);
    receive(client, &at_client, 1);
    assert_true(addr_eq(&at_client.from, &second));
    dgram_close(server);
    dgram_close(client);
}

static void what_cannot_be_sent_is_dropped_and_counted(void **state)
{
    static const uint8_t data[DGRAM_MAX + 1];
    struct dgram_stats st;
    struct dgram *d;
    struct addr to, six;

    (void)state;
    assert_int_equal(dgram_open(&d, "127.0.0.1", 0), 0);
    to = loopback(d);
    assert_int_equal(addr_parse_ip(&six, "::1", 9), 0);
    dgram_send(d, NULL, &to, data, sizeof(data));
    dgram_send(d, NULL, &to, data, 0);
    dgram_send(d, NULL, &six, data, 10);
    dgram_stats(d, &st);
    assert_int_equal(st.dropped, 3);
    dgram_close(d);
}

/* As ChannelData of one packet for 50 participants goes to a TURN server. */
static void pieces_of_one_size_to_one_address_are_one_message(void **state)
{
    struct dgram *out, *in;
    struct sink sink = { 0 };
    struct dgram_stats st;
    struct addr to;
    uint8_t body[1100] = { 0 };

    (void)state;
    assert_int_equal(dgram_open(&out, "", 0), 0);
    assert_int_equal(dgram_open(&in, "127.0.0.1", 0), 0);
    to = loopback(in);
    assert_int_equal(dgram_connect(out, &to), 0);
    for (int n = 0; n < 50; n++) {
        const struct dgram_piece pieces[2] = { { &n, sizeof(n) }, { body, sizeof(body) } };

        dgram_sendv(out, NULL, &to, pieces);
    }
    dgram_flush(out);
    dgram_stats(out, &st);
    assert_int_equal(st.tx_packets, 50);
    assert_int_equal(st.tx_messages, 1);
    receive(in, &sink, 50);
    assert_int_equal(sink.got, 50);
    assert_int_equal(sink.out_of_order, 0);
    assert_int_equal(sink.bytes, 50 * (sizeof(body) + sizeof(int)));
    dgram_close(out);
    dgram_close(in);
}

static void a_connected_socket_tells_that_nobody_listens_any_more(void **state)
{
    struct dgram *out, *in;
    struct sink sink = { 0 };
    struct addr to;
    struct pollfd p;
    int zero = 0;

    (void)state;
    assert_int_equal(dgram_open(&out, "", 0), 0);
    assert_int_equal(dgram_open(&in, "127.0.0.1", 0), 0);
    to = loopback(in);
    assert_int_equal(dgram_connect(out, &to), 0);
    assert_int_equal(dgram_error(out), 0);
    dgram_close(in);
    dgram_send(out, NULL, &to, &zero, sizeof(zero));
    dgram_flush(out);
    p = (struct pollfd){ .fd = dgram_fd(out), .events = POLLIN };
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(dgram_recv(out, on_datagram, &sink), -ECONNREFUSED);
    /* When sending is the first to meet it: */
    dgram_send(out, NULL, &to, &zero, sizeof(zero));
    dgram_flush(out);
    assert_int_equal(poll(&p, 1, 5000), 1);
    dgram_send(out, NULL, &to, &zero, sizeof(zero));
    dgram_flush(out);
    assert_int_equal(dgram_error(out), -ECONNREFUSED);
    assert_int_equal(dgram_error(out), 0);
    dgram_close(out);
}

static void a_port_in_use_and_nonsense_are_refused(void **state)
{
    struct dgram *a, *b = NULL;

    (void)state;
    assert_int_equal(dgram_open(&a, "127.0.0.1", 0), 0);
    assert_true(dgram_open(&b, "127.0.0.1", dgram_port(a)) < 0);
    assert_true(dgram_open(&b, "no address", 0) < 0);
    assert_null(b);
    dgram_close(a);
    dgram_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fan_out_arrives_whole_and_in_order_at_everybody),
        cmocka_unit_test(the_local_address_of_a_datagram_is_known_and_can_be_answered_from),
        cmocka_unit_test(what_cannot_be_sent_is_dropped_and_counted),
        cmocka_unit_test(pieces_of_one_size_to_one_address_are_one_message),
        cmocka_unit_test(a_connected_socket_tells_that_nobody_listens_any_more),
        cmocka_unit_test(a_port_in_use_and_nonsense_are_refused),
    };
    return cmocka_run_group_tests_name("dgram", tests, NULL, NULL);
}
