/* SPDX-License-Identifier: Apache-2.0
 * The pure parts: frames of streams, nonces, kinds of addresses, counting, the ring. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <evp/rand.h>

#include "alloc.h"
#include "frame.h"
#include "nonce.h"
#include "peers.h"
#include "quota.h"
#include "ring.h"
#include "turnmsg.h"

#include "cm.h"

/* --- frames ----------------------------------------------------------------------------------- */

static void a_stream_is_cut_where_messages_end(void **state)
{
    static const uint8_t chandata[] = { 0x40, 1, 0, 5, 'h', 'e', 'l', 'l', 'o', 0, 0, 0, 0x40 };
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17 };
    uint8_t stun[TURNMSG_MAX];
    size_t len = turnmsg_write(stun, &m, NULL), size = 0;

    (void)state;
    for (size_t n = 0; n < len; n++)
        assert_int_equal(turn_frame_next(stun, n, 2048, false, &size), -EAGAIN);
    assert_int_equal(turn_frame_next(stun, len, 2048, false, &size), 0);
    assert_int_equal(size, len);
    assert_int_equal(turn_frame_next(stun, len, len - 4, false, &size), -E2BIG);
    for (size_t n = 0; n < 12; n++)
        assert_int_equal(turn_frame_next(chandata, n, 2048, true, &size), -EAGAIN);
    assert_int_equal(turn_frame_next(chandata, sizeof(chandata), 2048, true, &size), 0);
    assert_int_equal(size, 12); /* with its padding */
    assert_int_equal(turn_frame_next(chandata, sizeof(chandata), 11, true, &size), -E2BIG);
    assert_int_equal(turn_frame_next(chandata, sizeof(chandata), 2048, false, &size), -EBADMSG);
}

static void requests_are_told_from_what_only_goes_on(void **state)
{
    static const struct {
        uint16_t type;
        bool request;
    } cases[] = {
        { 0x0001, true },  { 0x0003, true },  { 0x0004, true },  { 0x0008, true },
        { 0x0009, true },  { 0x0016, false }, { 0x0017, false }, { 0x0011, false },
        { 0x0101, false }, { 0x0111, false }, { 0x4001, false },
    };
    uint8_t m[20] = { 0, 0, 0, 0, 0x21, 0x12, 0xa4, 0x42 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        m[0] = (uint8_t)(cases[i].type >> 8);
        m[1] = (uint8_t)cases[i].type;
        assert_int_equal(turn_frame_is_request(m, sizeof(m)), cases[i].request);
        assert_false(turn_frame_is_request(m, sizeof(m) - 1));
    }
}

static void what_is_neither_is_noticed_at_once(void **state)
{
    static const char *const noise[] = { "GET / HTTP/1.1", "POST", "\x16\x03\x01", "\r\n", "\x80",
                                         "\x05\x01" };
    static const uint8_t not_stun[] = { 0, 1, 0, 0, 'x', 'x', 'x', 'x' };
    static const uint8_t odd_length[] = { 0, 1, 0, 3 };
    size_t size;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(noise); i++)
        assert_int_equal(turn_frame_next((const uint8_t *)noise[i], strlen(noise[i]), 2048, false,
                                         &size), -EBADMSG);
    assert_int_equal(turn_frame_next(not_stun, sizeof(not_stun), 2048, false, &size), -EBADMSG);
    assert_int_equal(turn_frame_next(odd_length, sizeof(odd_length), 2048, false, &size),
                     -EBADMSG);
}

/* --- nonces ----------------------------------------------------------------------------------- */

static void a_nonce_is_for_one_client_and_a_while(void **state)
{
    static const uint8_t key[TURN_NONCE_KEY_LEN] = { 1 }, other_key[TURN_NONCE_KEY_LEN] = { 2 };
    struct addr client = turnmsg_addr("1.2.3.4:5"), other = turnmsg_addr("1.2.3.4:6");
    char nonce[TURN_NONCE_SIZE];

    (void)state;
    turn_nonce_make(nonce, key, &client, 1000);
    assert_int_equal(strlen(nonce), TURN_NONCE_SIZE - 1);
    assert_true(turn_nonce_has_algorithms(nonce));
    assert_true(turn_nonce_ok(nonce, key, &client, 1000, 60));
    assert_true(turn_nonce_ok(nonce, key, &client, 1060, 60));
    assert_false(turn_nonce_ok(nonce, key, &client, 1061, 60));
    assert_false(turn_nonce_ok(nonce, key, &client, 999, 60));
    assert_false(turn_nonce_ok(nonce, key, &other, 1000, 60));
    assert_false(turn_nonce_ok(nonce, other_key, &client, 1000, 60));
    for (size_t i = 0; i < TURN_NONCE_SIZE - 1; i++) {
        char changed[TURN_NONCE_SIZE];

        memcpy(changed, nonce, sizeof(changed));
        changed[i] = changed[i] == '0' ? '1' : '0';
        assert_false(turn_nonce_ok(changed, key, &client, 1000, 60));
        changed[i] = '\0';
        assert_false(turn_nonce_ok(changed, key, &client, 1000, 60));
    }
}

/* --- addresses -------------------------------------------------------------------------------- */

static void networks_are_read_and_matched(void **state)
{
    struct turn_net net;
    struct addr in = turnmsg_addr("10.1.2.3:5"), out = turnmsg_addr("11.1.2.3:5");

    (void)state;
    assert_int_equal(turn_net_parse(&net, "10.0.0.0/7"), 0);
    assert_true(turn_net_has(&net, &in));
    assert_true(turn_net_has(&net, &out));
    assert_int_equal(turn_net_parse(&net, "10.0.0.0/8"), 0);
    assert_true(turn_net_has(&net, &in));
    assert_false(turn_net_has(&net, &out));
    assert_int_equal(turn_net_parse(&net, "10.1.2.3"), 0);
    assert_true(turn_net_has(&net, &in));
    assert_int_equal(turn_net_parse(&net, "::/0"), 0);
    assert_false(turn_net_has(&net, &in));
    assert_int_equal(turn_net_parse(&net, "10.0.0.0/33"), -EINVAL);
    assert_int_equal(turn_net_parse(&net, "x/8"), -EINVAL);
}

static void ipv4_comes_out_of_every_form(void **state)
{
    static const char *const forms[] = { "[::102:304]:5", "[2002:102:304::9]:5",
                                         "[64:ff9b::102:304]:5",
                                         "[2001:0:9:9:9:9:fefd:fcfb]:5" };
    struct addr a, out;
    char text[ADDR_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        a = turnmsg_addr(forms[i]);
        assert_true(turn_peer_unwrap(&out, &a));
        assert_string_equal(addr_print(&out, text), "1.2.3.4:5");
        assert_true(turn_peer_is_public(&a));
    }
    a = turnmsg_addr("[2606:4700::1]:5");
    assert_false(turn_peer_unwrap(&out, &a));
    assert_true(addr_eq(&a, &out));
}

/* --- counting --------------------------------------------------------------------------------- */

static void quotas_count_by_key_and_in_total(void **state)
{
    struct turn_quota *q = turn_quota_new();

    (void)state;
    assert_int_equal(turn_quota_take(q, TURN_QUOTA_USER, 1, 2, 3), 0);
    assert_int_equal(turn_quota_take(q, TURN_QUOTA_USER, 1, 2, 3), 0);
    assert_int_equal(turn_quota_take(q, TURN_QUOTA_USER, 1, 2, 3), -EDQUOT);
    assert_int_equal(turn_quota_take(q, TURN_QUOTA_SOURCE, 1, 2, 3), 0); /* another kind */
    assert_int_equal(turn_quota_take(q, TURN_QUOTA_USER, 2, 2, 3), 0);
    assert_int_equal(turn_quota_take(q, TURN_QUOTA_USER, 3, 2, 3), -ENOSPC);
    turn_quota_give(q, TURN_QUOTA_USER, 1);
    assert_int_equal(turn_quota_take(q, TURN_QUOTA_USER, 3, 2, 3), 0);
    turn_quota_free(q);
}

static void a_64_is_one_source(void **state)
{
    struct addr a = turnmsg_addr("[2001:db8::1]:1"), b = turnmsg_addr("[2001:db8::ffff:2]:9");
    struct addr c = turnmsg_addr("[2001:db8:0:1::1]:1"), v4 = turnmsg_addr("1.2.3.4:1");
    struct addr v4b = turnmsg_addr("1.2.3.4:2"), v4c = turnmsg_addr("1.2.3.5:1");

    (void)state;
    assert_true(turn_source(&a) == turn_source(&b));
    assert_true(turn_source(&a) != turn_source(&c));
    assert_true(turn_source(&v4) == turn_source(&v4b));
    assert_true(turn_source(&v4) != turn_source(&v4c));
}

static void many_sources_leave_one_alone(void **state)
{
    struct turn_strangers *s = turn_strangers_new();
    unsigned allowed = 0;

    (void)state;
    for (uint64_t i = 0; i < 200; i++) /* too few to fill one place of the table */
        assert_true(turn_strangers_allow(s, i * 7919, 0, 2, 5));
    for (int i = 0; i < 10; i++)
        allowed += turn_strangers_allow(s, 123456789, 0, 5, 6);
    assert_int_equal(allowed, 5);
    assert_true(turn_strangers_allow(s, 123456789, 1, 5, 6)); /* another kind of answer */
    assert_true(turn_strangers_allow(s, 123456789, 0, 5, 7)); /* another second */
    turn_strangers_free(s);
}

/* --- permissions and channels ----------------------------------------------------------------- */

static void thousands_of_channels_are_found_and_swept(void **state)
{
    struct turn_alloc *a = MEM_NEW(struct turn_alloc);
    struct addr peer = turnmsg_addr("8.8.8.8:1000");

    (void)state;
    for (unsigned i = 0; i < 4096; i++) {
        peer.port = (uint16_t)(1000 + i);
        assert_non_null(turn_alloc_add_chan(a, (uint16_t)(0x4000 + i), &peer, 4096));
        turn_alloc_chan(a, (uint16_t)(0x4000 + i))->expires_s = i % 2 ? 1000 : 5000;
    }
    assert_null(turn_alloc_add_chan(a, 0x4000, &peer, 4096));
    for (unsigned i = 0; i < 4096; i++) {
        peer.port = (uint16_t)(1000 + i);
        assert_ptr_equal(turn_alloc_chan(a, (uint16_t)(0x4000 + i)),
                         turn_alloc_chan_of(a, &peer));
    }
    turn_alloc_sweep(a, 2000);
    assert_int_equal(a->n_chans, 2048);
    assert_null(turn_alloc_chan(a, 0x4001));
    assert_non_null(turn_alloc_chan(a, 0x4002));
    turn_alloc_sweep(a, 9000);
    assert_int_equal(a->n_chans, 0);
    turn_alloc_free(a);
}

static void a_channel_finds_its_permission_again_after_a_sweep(void **state)
{
    struct turn_alloc *a = MEM_NEW(struct turn_alloc);
    struct addr peer = turnmsg_addr("8.8.0.1:1000");
    struct turn_chan *c;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        peer.ip[2] = (uint8_t)i;
        turn_alloc_add_perm(a, &peer, 100)->expires_s = i < 50 ? 10 : 1000;
    }
    assert_null(turn_alloc_add_perm(a, &peer, 100));
    c = turn_alloc_add_chan(a, 0x4000, &peer, 64);
    c->expires_s = 1000;
    assert_ptr_equal(turn_alloc_chan_perm(a, c), &a->perms[99]);
    turn_alloc_sweep(a, 500);
    assert_int_equal(a->n_perms, 50);
    assert_ptr_equal(turn_alloc_chan_perm(a, c), &a->perms[49]);
    turn_alloc_free(a);
}

/* --- the ring --------------------------------------------------------------------------------- */

static void the_ring_keeps_order_and_says_when_it_is_full(void **state)
{
    struct turn_ring *r = turn_ring_new();
    struct addr a = turnmsg_addr("1.2.3.4:5"), b = turnmsg_addr("1.2.3.4:6");
    static uint8_t big[TURN_RING_PAYLOAD_MAX + 1];
    uint32_t in = 0, out = 0;

    (void)state;
    assert_null(turn_ring_peek(r, 0));
    for (int round = 0; round < 5; round++) {
        const struct turn_ring_slot *s;
        unsigned n = 0;

        while (turn_ring_put(r, &a, &b, &in, sizeof(in)) == 0)
            in++;
        assert_int_equal(in - out, TURN_RING_SLOTS);
        while ((s = turn_ring_peek(r, n)) != NULL) {
            uint32_t got;

            assert_int_equal(s->len, sizeof(got));
            memcpy(&got, s->data, sizeof(got));
            assert_int_equal(got, out++);
            n++;
        }
        turn_ring_done(r, n);
    }
    assert_int_equal(turn_ring_put(r, &a, &b, big, sizeof(big)), -E2BIG);
    turn_ring_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_cut_where_messages_end),
        cmocka_unit_test(requests_are_told_from_what_only_goes_on),
        cmocka_unit_test(what_is_neither_is_noticed_at_once),
        cmocka_unit_test(a_nonce_is_for_one_client_and_a_while),
        cmocka_unit_test(networks_are_read_and_matched),
        cmocka_unit_test(ipv4_comes_out_of_every_form),
        cmocka_unit_test(quotas_count_by_key_and_in_total),
        cmocka_unit_test(a_64_is_one_source),
        cmocka_unit_test(many_sources_leave_one_alone),
        cmocka_unit_test(thousands_of_channels_are_found_and_swept),
        cmocka_unit_test(a_channel_finds_its_permission_again_after_a_sweep),
        cmocka_unit_test(the_ring_keeps_order_and_says_when_it_is_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
