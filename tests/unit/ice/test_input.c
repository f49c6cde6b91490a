/* SPDX-License-Identifier: Apache-2.0
 * What comes from the network: roles, forged and broken datagrams. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <stun/attr.h>
#include <stun/integrity.h>

#include "ends.h"

static uint8_t mem[STUN_MSG_MAX];
static const uint8_t txid[STUN_TXID_LEN] = { 1, 2, 3 };

struct forged {
    const char *user, *pwd; /* NULL: right */
    uint16_t role, extra;   /* attribute types; 0 none */
    uint64_t tie_breaker;
    bool no_priority, no_integrity, no_fingerprint, nominates;
};

/* A Binding request to `to`, with everything right but what `f` says. */
static size_t forge(const struct end *to, const struct forged *f)
{
    struct buf b = buf_writer(mem, sizeof(mem));
    const char *pwd = f->pwd ? f->pwd : ice_local_pwd(to->ice);
    char user[64];

    (void)snprintf(user, sizeof(user), "%s:peer", ice_local_ufrag(to->ice));
    stun_msg_begin(&b, STUN_REQUEST, STUN_BINDING, txid);
    stun_attr_put_text(&b, STUN_USERNAME, f->user ? f->user : user);
    if (!f->no_priority)
        stun_attr_put_u32(&b, STUN_PRIORITY, 1000);
    if (f->role)
        stun_attr_put_u64(&b, f->role, f->tie_breaker);
    if (f->extra)
        stun_attr_put_u32(&b, f->extra, 0);
    if (f->nominates)
        stun_attr_put_flag(&b, STUN_USE_CANDIDATE);
    if (!f->no_integrity)
        stun_integrity_put(&b, EVP_BYTES(pwd, strlen(pwd)));
    if (!f->no_fingerprint)
        stun_msg_put_fingerprint(&b);
    assert_int_equal(stun_msg_finish(&b), 0);
    return b.pos;
}

/* Collects what an agent sends to one address. */
struct spy {
    unsigned n;
    size_t len;
    uint8_t data[STUN_MSG_MAX];
};

static void on_spy(void *arg, const struct addr *local, const struct addr *from, const void *data,
                   size_t len)
{
    struct spy *spy = arg;

    (void)local;
    (void)from;
    spy->n++;
    memcpy(spy->data, data, len);
    spy->len = len;
}

static int setup(void **state)
{
    static struct ends e;

    ends_init(&e, 1, true, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    *state = &e;
    return 0;
}

static int teardown(void **state)
{
    ends_fini(*state);
    return 0;
}

static void two_controlling_agents_agree(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 1, true, true);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    ends_exchange(&e);
    assert_true(ends_connect(&e, SEC));
    assert_true(end_stats(&e.l).controlling);
    assert_false(end_stats(&e.r).controlling);
    ends_fini(&e);
}

static void two_controlled_agents_agree(void **state)
{
    struct ends e;

    (void)state;
    ends_init(&e, 1, false, false);
    end_host(&e.l, "192.0.2.1:1000");
    end_host(&e.r, "192.0.2.2:2000");
    ends_exchange(&e);
    assert_true(ends_connect(&e, SEC));
    assert_true(end_stats(&e.l).controlling);
    assert_false(end_stats(&e.r).controlling);
    ends_fini(&e);
}

/* Only the loser sends: it learns of the conflict by 487. */
static void the_loser_of_a_conflict_switches_when_told(void **state)
{
    struct ends e;

    (void)state;
    for (int controlling = 0; controlling < 2; controlling++) {
        ends_init(&e, 1, controlling, controlling);
        end_host(&e.l, "192.0.2.1:1000");
        end_host(&e.r, "192.0.2.2:2000");
        end_tell_credentials(&e.r, &e.l);
        end_tell_cand(&e.r, &e.l, 0);
        ends_run(&e, 0);
        assert_int_equal(end_stats(&e.r).last_error, controlling ? STUN_ROLE_CONFLICT : 0);
        end_tell_credentials(&e.l, &e.r);
        assert_true(ends_connect(&e, SEC));
        assert_true(end_stats(&e.l).controlling);
        assert_false(end_stats(&e.r).controlling);
        ends_fini(&e);
    }
}

static void requests_that_fail_authentication_are_dropped_in_silence(void **state)
{
    static const struct forged cases[] = {
        { .pwd = "wrongwrongwrongwrongwrong" },
        { .user = "nobody:peer" },
        { .user = "nocolon" },
        { .user = ":peer" },
        { .no_integrity = true },
    };
    struct ends *e = *state;
    struct spy spy = { 0 };

    simnet_bind(e->net, "192.0.2.9:9", on_spy, &spy);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = forge(&e->r, &cases[i]);

        assert_int_equal(end_inject(&e->r, "192.0.2.9:9", mem, len), -EACCES);
        ends_run(e, SEC);
    }
    assert_int_equal(spy.n, 0);
    assert_int_equal(end_stats(&e->r).n_remote, 0);
    assert_int_equal(end_stats(&e->r).refused, ARRAY_LEN(cases));
}

static void a_request_with_unknown_attributes_gets_420(void **state)
{
    struct ends *e = *state;
    struct spy spy = { 0 };
    struct stun_msg m;
    uint16_t code;
    size_t len = forge(&e->r, &(struct forged){ .extra = 0x7777 });

    simnet_bind(e->net, "192.0.2.9:9", on_spy, &spy);
    assert_int_equal(end_inject(&e->r, "192.0.2.9:9", mem, len), 0);
    ends_run(e, 0);
    assert_int_equal(spy.n, 1);
    assert_int_equal(stun_msg_decode(&m, spy.data, spy.len), 0);
    assert_int_equal(stun_attr_get_error(&m, &code), 0);
    assert_int_equal(code, STUN_UNKNOWN_ATTRIBUTE);
    assert_int_equal(stun_msg_find(&m, STUN_UNKNOWN_ATTRIBUTES)->value[0], 0x77);
    len = forge(&e->r, &(struct forged){ .no_priority = true });
    assert_int_equal(end_inject(&e->r, "192.0.2.9:9", mem, len), 0);
    ends_run(e, 0);
    assert_int_equal(stun_msg_decode(&m, spy.data, spy.len), 0);
    assert_int_equal(stun_attr_get_error(&m, &code), 0);
    assert_int_equal(code, STUN_BAD_REQUEST);
    assert_int_equal(end_stats(&e->r).n_remote, 0);
}

static void the_answer_names_the_senders_address_and_is_authentic(void **state)
{
    struct ends *e = *state;
    struct spy spy = { 0 };
    struct stun_msg m;
    struct addr mapped, want;
    const char *pwd = ice_local_pwd(e->r.ice);
    size_t len = forge(&e->r, &(struct forged){ .role = STUN_ICE_CONTROLLING });

    want = simnet_bind(e->net, "192.0.2.9:9", on_spy, &spy);
    assert_int_equal(end_inject(&e->r, "192.0.2.9:9", mem, len), 0);
    ends_run(e, 0);
    assert_int_equal(stun_msg_decode(&m, spy.data, spy.len), 0);
    assert_int_equal(m.cls, STUN_SUCCESS);
    assert_memory_equal(m.txid, txid, sizeof(txid));
    assert_int_equal(stun_attr_get_xaddr(&m, STUN_XOR_MAPPED_ADDRESS, &mapped), 0);
    assert_true(addr_eq(&mapped, &want));
    assert_int_equal(stun_integrity_check(&m, EVP_BYTES(pwd, strlen(pwd))), 0);
    assert_true(stun_msg_fingerprint_ok(&m));
}

static void a_path_without_candidate_answers_nobody(void **state)
{
    struct ends *e = *state;
    struct ice_path from = { .path = 1 };
    size_t len = forge(&e->r, &(struct forged){ 0 });
    unsigned sent = e->r.n_sent;

    assert_int_equal(addr_parse(&from.remote, "192.0.2.9:9"), 0);
    assert_int_equal(ice_input(e->r.ice, SEC, &from, mem, len), -ENOENT);
    assert_int_equal(e->r.n_sent, sent);
}

/* Anybody can send an answer or an error; none is believed without the password. */
static void forged_answers_change_nothing(void **state)
{
    struct ends *e = *state;
    struct spy spy = { 0 };
    struct ice_cand c = { .type = ICE_HOST, .priority = 5 };
    struct stun_msg req;
    struct buf b;

    c.addr = simnet_bind(e->net, "192.0.2.9:9", on_spy, &spy);
    end_tell_credentials(&e->l, &e->r);
    assert_int_equal(ice_add_remote(e->l.ice, SEC, &c), 0);
    ends_run(e, 0);
    assert_int_equal(spy.n, 1);
    assert_int_equal(stun_msg_decode(&req, spy.data, spy.len), 0);
    for (int cls = STUN_SUCCESS; cls <= STUN_ERROR; cls++) {
        b = buf_writer(mem, sizeof(mem));
        stun_msg_begin_reply(&b, (enum stun_class)cls, &req);
        if (cls == STUN_ERROR)
            stun_attr_put_error(&b, STUN_ROLE_CONFLICT, "");
        stun_integrity_put(&b, EVP_BYTES("guess", 5));
        assert_int_equal(stun_msg_finish(&b), 0);
        assert_int_equal(end_inject(&e->l, "192.0.2.9:9", mem, b.pos), -EACCES);
    }
    assert_true(end_stats(&e->l).controlling);
    assert_int_equal(end_stats(&e->l).state, ICE_CHECKING);
    /* An answer to a question never asked. */
    mem[STUN_HDR_LEN - 1] ^= 1;
    assert_int_equal(end_inject(&e->l, "192.0.2.9:9", mem, b.pos), -ENOENT);
}

static void an_answer_from_another_address_fails_the_pair(void **state)
{
    struct ends *e = *state;
    struct spy spy = { 0 };
    const char *pwd = ice_local_pwd(e->r.ice);
    struct ice_cand c = { .type = ICE_HOST, .priority = 5 };
    struct stun_msg req;
    struct buf b = buf_writer(mem, sizeof(mem));

    c.addr = simnet_bind(e->net, "192.0.2.9:9", on_spy, &spy);
    end_tell_credentials(&e->l, &e->r);
    assert_int_equal(ice_add_remote(e->l.ice, SEC, &c), 0);
    ends_run(e, 0);
    assert_int_equal(stun_msg_decode(&req, spy.data, spy.len), 0);
    stun_msg_begin_reply(&b, STUN_SUCCESS, &req);
    stun_attr_put_xaddr(&b, STUN_XOR_MAPPED_ADDRESS, &c.addr);
    stun_integrity_put(&b, EVP_BYTES(pwd, strlen(pwd)));
    assert_int_equal(stun_msg_finish(&b), 0);
    assert_int_equal(end_inject(&e->l, "192.0.2.10:9", mem, b.pos), 0);
    assert_int_equal(e->l.n_selected, 0);
    ends_run(e, 10 * SEC);
    assert_int_equal(spy.n, 1);
}

static void every_truncation_and_bit_error_is_survived(void **state)
{
    struct ends *e = *state;
    uint8_t copy[STUN_MSG_MAX];
    size_t len = forge(&e->r, &(struct forged){ .role = STUN_ICE_CONTROLLING });

    for (size_t n = 0; n < len; n++)
        assert_int_equal(end_inject(&e->r, "192.0.2.9:9", mem, n), -EBADMSG);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        memcpy(copy, mem, len);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        /* One that only spoils the type of FINGERPRINT passes: that attribute may be absent. */
        (void)!end_inject(&e->r, "192.0.2.9:9", copy, len);
    }
    assert_true(end_stats(&e->r).n_remote <= 1);
    assert_true(end_stats(&e->r).checks_received <= 16);
}

static void the_receivers_ufrag_can_be_peeked_at(void **state)
{
    struct ends *e = *state;
    char ufrag[ICE_UFRAG_SIZE];
    size_t len = forge(&e->r, &(struct forged){ 0 });

    assert_int_equal(ice_peek_username(mem, len, ufrag), 0);
    assert_string_equal(ufrag, ice_local_ufrag(e->r.ice));
    for (size_t n = 0; n < len; n++)
        assert_int_equal(ice_peek_username(mem, n, ufrag), -EBADMSG);
    len = forge(&e->r, &(struct forged){ .user = "nocolon" });
    assert_int_equal(ice_peek_username(mem, len, ufrag), -EBADMSG);
    mem[0] ^= 1; /* a response */
    assert_int_equal(ice_peek_username(mem, len, ufrag), -EBADMSG);
}

/* An authenticated peer that comes from ever new ports takes a bounded place, and still gets in. */
static void ever_new_addresses_take_a_bounded_place(void **state)
{
    struct ends *e = *state;
    size_t len = forge(&e->r, &(struct forged){ .role = STUN_ICE_CONTROLLING });
    struct ice_path from = { .path = 0 };

    end_tell_credentials(&e->r, &e->l);
    assert_int_equal(addr_parse(&from.remote, "192.0.2.9:1"), 0);
    for (unsigned i = 1; i <= 1000; i++) {
        from.remote.port = (uint16_t)i;
        assert_int_equal(ice_input(e->r.ice, simnet_now(e->net), &from, mem, len), 0);
        ends_run(e, MS);
    }
    assert_int_equal(end_stats(&e->r).n_remote, ICE_REMOTE_MAX);
    assert_true(end_stats(&e->r).n_pairs <= ICE_PAIRS_MAX);
    /* The right one is still found. */
    end_tell_credentials(&e->l, &e->r);
    end_tell_cand(&e->l, &e->r, 0);
    assert_true(ends_connect(e, SEC));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_controlling_agents_agree),
        cmocka_unit_test(two_controlled_agents_agree),
        cmocka_unit_test(the_loser_of_a_conflict_switches_when_told),
        cmocka_unit_test_setup_teardown(requests_that_fail_authentication_are_dropped_in_silence,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_request_with_unknown_attributes_gets_420, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_answer_names_the_senders_address_and_is_authentic,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_without_candidate_answers_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(forged_answers_change_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_from_another_address_fails_the_pair, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_truncation_and_bit_error_is_survived, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_receivers_ufrag_can_be_peeked_at, setup, teardown),
        cmocka_unit_test_setup_teardown(ever_new_addresses_take_a_bounded_place, setup, teardown),
    };
    return cmocka_run_group_tests_name("ice/input", tests, NULL, NULL);
}
