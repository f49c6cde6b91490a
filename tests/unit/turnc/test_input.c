/* SPDX-License-Identifier: Apache-2.0
 * Whatever a server may send: every truncation, foreign bytes, and the frames of a stream. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <stun/attr.h>
#include <stun/msg.h>

#include "rig.h"

enum { KEPT = 64 };

static struct rig r;
/* What the server has sent, for playing it again. */
static struct { uint8_t data[512]; size_t len; } kept[KEPT];
static size_t n_kept;

static int setup(void **state)
{
    (void)state;
    rig_init(&r);
    n_kept = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_fini(&r);
    return 0;
}

/* Feeds exactly `len` bytes that end where the memory does. */
static int feed(const void *data, size_t len)
{
    uint8_t *copy = mem_calloc(len + 1, 1);
    int rc;

    memcpy(copy + 1, data, len);
    rc = turnc_input(r.t, simnet_now(r.net), copy + 1, len);
    free(copy);
    return rc;
}

static void every_truncation_of_every_message_is_dropped(void **state)
{
    uint8_t mem[256], txid[STUN_TXID_LEN] = { 1 };
    struct buf b;

    (void)state;
    rig_ready(&r);
    assert_int_equal(rig_send(&r, 0, "x"), 0);
    rig_run(&r, SEC);
    b = buf_writer(mem, sizeof(mem));
    stun_msg_begin(&b, STUN_INDICATION, STUN_DATA, txid);
    stun_attr_put_xaddr(&b, STUN_XOR_PEER_ADDRESS, &r.peers[0].addr);
    stun_attr_put_bytes(&b, STUN_DATA_ATTR, "data", 4);
    assert_int_equal(stun_msg_finish(&b), 0);
    for (size_t i = 0; i < b.pos; i++)
        assert_int_equal(feed(mem, i), -EBADMSG);
    assert_int_equal(feed(mem, b.pos), 0);
    assert_string_equal(r.last, "data");
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(feed("\x40\x00\x00\x04" "chan", i), -EBADMSG);
    assert_int_equal(feed("\x40\x00\x00\x04" "chan", 8), 0);
    assert_string_equal(r.last, "chan");
    assert_int_equal(feed("\x40\x00\x00\x03" "pad\0", 8), 0);
    assert_string_equal(r.last, "pad");
    assert_int_equal(feed("\x40\x00\x00\x00", 4), 0); /* nothing in it */
    assert_int_equal(r.n_data, 3);
}

static void what_is_not_for_us_is_dropped(void **state)
{
    static const uint8_t zero[64];
    uint8_t mem[64], txid[STUN_TXID_LEN] = { 1 };
    const uint16_t methods[] = { STUN_ALLOCATE, STUN_BINDING, STUN_CHANNEL_BIND, 0x0ab };

    (void)state;
    rig_ready(&r);
    assert_int_equal(feed("\x4f\xff\x00\x04xxxx", 8), -EBADMSG); /* never bound */
    assert_int_equal(feed("\x50\x00\x00\x04xxxx", 8), -EBADMSG);
    assert_int_equal(feed(zero, sizeof(zero)), -EBADMSG);
    for (int cls = STUN_REQUEST; cls <= STUN_ERROR; cls++) {
        for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
            struct buf b = buf_writer(mem, sizeof(mem));

            stun_msg_begin(&b, (enum stun_class)cls, methods[i], txid);
            assert_int_equal(stun_msg_finish(&b), 0);
            assert_int_equal(feed(mem, b.pos), -EBADMSG);
        }
    }
    assert_int_equal(turnc_state(r.t), TURNC_READY);
    assert_int_equal(r.n_data, 0);
}

/* --- streams ---------------------------------------------------------------------------------- */

static void tcp_send(void *arg, const void *head, size_t head_len, const void *body,
                     size_t body_len)
{
    uint8_t frame[2048];

    (void)arg;
    memcpy(frame, head, head_len);
    if (body_len)
        memcpy(frame + head_len, body, body_len);
    assert_int_equal((head_len + body_len) % 4, 0);
    r.n_sent++;
    memcpy(r.last_sent, frame, head_len + body_len);
    r.last_sent_len = head_len + body_len;
    turnserver_from_client(r.server, simnet_now(r.net), &r.client, frame, head_len + body_len);
}

static void tcp_state(void *arg, enum turnc_state state)
{
    (void)arg;
    r.states[r.n_states++] = state;
}

static void tcp_data(void *arg, const struct addr *peer, void *data, size_t len)
{
    (void)arg;
    (void)peer;
    assert_true(len < RIG_KEEP);
    memcpy(r.last, data, len);
    r.last[len] = '\0';
    r.n_data++;
}

static void keep_answer(void *arg, const struct addr *client, const void *data, size_t len)
{
    (void)arg;
    (void)client;
    assert_true(n_kept < KEPT && len <= sizeof(kept[0].data));
    memcpy(kept[n_kept].data, data, len);
    /* frames of a stream are padded */
    kept[n_kept].len = (len + 3) & ~(size_t)3;
    n_kept++;
}

static void no_peer(void *arg, const struct addr *relay, const struct addr *peer, const void *data,
                    size_t len)
{
    (void)arg;
    (void)relay;
    (void)peer;
    (void)data;
    (void)len;
}

static struct addr tcp_open(void *arg)
{
    (void)arg;
    return (struct addr){ .family = ADDR_V4, .port = 24000, .ip = { 192, 0, 2, 1 } };
}

static void tcp_close(void *arg, const struct addr *relay)
{
    (void)arg;
    (void)relay;
}

/* Delivers what the server has answered, in pieces of `piece` bytes. */
static void deliver(size_t piece)
{
    while (n_kept > 0) {
        uint8_t data[sizeof(kept[0].data)];
        size_t len = kept[0].len;

        memcpy(data, kept[0].data, len);
        memmove(&kept[0], &kept[1], (KEPT - 1) * sizeof(kept[0]));
        n_kept--;
        for (size_t at = 0; at < len; at += piece)
            assert_int_equal(feed(data + at, MIN(piece, len - at)), 0);
    }
}

static void start_stream(void)
{
    static const struct turnserver_ops server_ops = { keep_answer, no_peer, tcp_open, tcp_close };
    static const struct turnc_ops ops = { tcp_send, tcp_state, tcp_data };
    struct turnserver_opts server_opts = {
        .ops = &server_ops, .username = "user", .password = "secret", .realm = "stoa",
    };
    struct turnc_opts opts = {
        .ops = &ops, .username = "user", .password = "secret", .stream = true,
    };

    turnserver_free(r.server);
    r.server = turnserver_new(&server_opts);
    r.t = turnc_new(&opts, simnet_now(r.net));
}

static void a_stream_may_come_in_any_pieces(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 40; piece++) {
        unsigned n_data = r.n_data;

        start_stream();
        r.n_states = 0;
        deliver(piece);
        assert_int_equal(turnc_state(r.t), TURNC_READY);
        assert_int_equal(rig_send(&r, 0, "hello"), 0);
        deliver(piece); /* permission and channel */
        assert_int_equal(rig_send(&r, 0, "hello"), 0);
        assert_memory_equal(r.last_sent, "\x40\x00\x00\x05hello\0\0\0", 12);
        turnserver_from_peer(r.server, simnet_now(r.net), turnc_relayed(r.t), &r.peers[0].addr,
                             "answer", 6);
        deliver(piece);
        assert_string_equal(r.last, "answer");
        assert_int_equal(r.n_data, n_data + 1);
        turnc_free(r.t, simnet_now(r.net));
        r.t = NULL;
        n_kept = 0;
    }
}

static void a_stream_that_is_no_turn_ends(void **state)
{
    static const char *const bad[] = { "HTTP/1.1 400 Bad Request\r\n", "\x40\x00\xff\xff" "xxxx",
                                       "\x00\x01\xff\xff" "xxxx", "\x80\x00\x00\x00xxxx" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        start_stream();
        n_kept = 0;
        assert_int_equal(feed(bad[i], 8), -EBADMSG);
        assert_int_equal(turnc_state(r.t), TURNC_REFUSED);
        turnc_free(r.t, simnet_now(r.net));
        start_stream();
        deliver(1000);
        assert_int_equal(feed(bad[i], 8), -EBADMSG);
        assert_int_equal(turnc_state(r.t), TURNC_LOST);
        turnc_free(r.t, simnet_now(r.net));
        r.t = NULL;
        n_kept = 0;
        r.n_states = 0;
    }
}

static void a_stream_repeats_nothing_and_is_kept_alive(void **state)
{
    (void)state;
    start_stream();
    rig_run(&r, 2900 * MS);
    assert_int_equal(r.n_sent, 1);
    deliver(1000);
    assert_int_equal(turnc_state(r.t), TURNC_READY);
    rig_run(&r, 151 * SEC);
    assert_in_range(turnserver_stats(r.server)->refreshes, 9, 10);
    assert_int_equal(turnc_state(r.t), TURNC_READY); /* unanswered: TCP finds out */
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_truncation_of_every_message_is_dropped),
        T(what_is_not_for_us_is_dropped),
        T(a_stream_may_come_in_any_pieces),
        T(a_stream_that_is_no_turn_ends),
        T(a_stream_repeats_nothing_and_is_kept_alive),
    };
    return cmocka_run_group_tests_name("turnc input", tests, NULL, NULL);
}
