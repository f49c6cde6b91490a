/* SPDX-License-Identifier: Apache-2.0
 * Requests and their answers: every code, every attribute, time. */
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

/* --- Binding ---------------------------------------------------------------------------------- */

static void a_binding_is_answered_shortly(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg m = { .method = STUN_BINDING, .fingerprint = true };
    struct stun_msg answer;
    struct addr mapped;

    (void)state;
    assert_true(corefix_ask(&fix, &flow, &m, NULL, &answer));
    assert_int_equal(answer.cls, STUN_SUCCESS);
    assert_int_equal(answer.n_attrs, 1);
    assert_int_equal(stun_attr_get_xaddr(&answer, STUN_XOR_MAPPED_ADDRESS, &mapped), 0);
    assert_true(addr_eq(&mapped, &flow.client));
    m = (struct turnmsg){ .method = STUN_BINDING, .unknown = 0x0003 }; /* RFC 5780: not here */
    assert_int_equal(corefix_code(&fix, &flow, &m, NULL), 420);
}

/* --- credentials ------------------------------------------------------------------------------ */

static void strangers_get_a_challenge_and_leave_nothing(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17 };
    struct stun_msg answer;
    char text[64];

    (void)state;
    assert_true(corefix_ask(&fix, &flow, &m, NULL, &answer));
    assert_int_equal(turnmsg_code(&answer), 401);
    assert_int_equal(stun_attr_get_text(&answer, STUN_REALM, text, sizeof(text)), 0);
    assert_string_equal(text, "octavio.com");
    assert_int_equal(stun_attr_get_text(&answer, STUN_NONCE, text, sizeof(text)), 0);
    assert_true(str_starts(text, "obMatJos2gAAA"));
    assert_true(stun_attr_has(&answer, STUN_PASSWORD_ALGORITHMS));
    assert_int_equal(answer.integrity_at, 0);
    assert_int_equal(turn_core_count(fix.core), 0);
}

static void every_method_needs_credentials(void **state)
{
    static const uint16_t methods[] = { STUN_ALLOCATE, STUN_REFRESH, STUN_CREATE_PERM,
                                        STUN_CHANNEL_BIND, 0x00a, 0x00b, 0x07f };
    struct turn_flow flow = corefix_flow(CLIENT);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct turnmsg m = { .method = methods[i] };

        assert_int_equal(corefix_code(&fix, &flow, &m, NULL), 401);
    }
}

static void both_integrities_and_both_passwords_are_taken(void **state)
{
    (void)state;
    for (int form = 0; form < 3; form++) {
        struct turn_flow flow = corefix_flow("203.0.113.5:40000");
        struct turnmsg_cred cred;

        flow.client.port = (uint16_t)(flow.client.port + form);
        cred = corefix_login(&fix, &flow, "turnuser");
        cred.has_algorithms = form > 0;
        cred.sha256 = form == 2;
        (void)corefix_allocate(&fix, &flow, &cred);
        assert_int_equal(corefix_permit(&fix, &flow, &cred, "10.88.246.156:24001"), 0);
    }
}

static void who_was_talked_out_of_sha256_is_noticed(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "turnuser");
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17 };
    uint8_t mem[TURNMSG_MAX];
    struct stun_msg decoded;
    size_t len;

    (void)state;
    cred.has_algorithms = true;
    len = turnmsg_write(mem, &m, &cred);
    assert_int_equal(stun_msg_decode(&decoded, mem, len), 0);
    for (size_t i = 0; i < decoded.n_attrs; i++) /* the list, without SHA-256 */
        if (decoded.attrs[i].type == STUN_PASSWORD_ALGORITHMS)
            ((uint8_t *)(uintptr_t)decoded.attrs[i].value)[1] = 1;
    assert_int_equal(turn_core_client(fix.core, &flow, mem, len), 0);
    assert_int_equal(stun_msg_decode(&decoded, fix.client.data, fix.client.len), 0);
    assert_int_equal(turnmsg_code(&decoded), 400);
}

static void wrong_credentials_get_401_with_a_new_nonce(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "turnuser"), other;
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17 };
    struct stun_msg answer;

    (void)state;
    (void)!str_copy(cred.password, sizeof(cred.password), "wrong");
    assert_true(corefix_ask(&fix, &flow, &m, &cred, &answer));
    assert_int_equal(turnmsg_code(&answer), 401);
    assert_true(stun_attr_has(&answer, STUN_NONCE));
    other = corefix_login(&fix, &flow, "nobody");
    m.txid[0]++;
    assert_int_equal(corefix_code(&fix, &flow, &m, &other), 401);
    assert_int_equal(corefix_count(&fix, TURN_N_AUTH_WRONG), 2);
    assert_int_equal(turn_core_count(fix.core), 0);
}

static void a_nonce_is_stale_after_a_while_and_of_use_to_nobody_else(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT), other = corefix_flow("203.0.113.5:40001");
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "turnuser");
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17 };
    struct stun_msg answer;

    (void)state;
    assert_int_equal(corefix_code(&fix, &other, &m, &cred), 438);
    corefix_pass(&fix, TURN_NONCE_S + 1);
    assert_true(corefix_ask(&fix, &flow, &m, &cred, &answer));
    assert_int_equal(turnmsg_code(&answer), 438);
    turnmsg_challenge(&cred, &answer);
    (void)corefix_allocate(&fix, &flow, &cred); /* once is enough: no loop */
    (void)!str_copy(cred.nonce, sizeof(cred.nonce), "obMatJos2gAAA0000");
    assert_int_equal(corefix_permit(&fix, &flow, &cred, "10.88.246.156:24001"), 438);
}

static void parts_of_credentials_are_a_bad_request(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "turnuser");
    uint16_t missing[] = { STUN_USERNAME, STUN_REALM, STUN_NONCE };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
        struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17 };
        uint8_t mem[TURNMSG_MAX];
        size_t len = turnmsg_write(mem, &m, &cred);
        struct stun_msg decoded;

        assert_int_equal(stun_msg_decode(&decoded, mem, len), 0);
        for (size_t k = 0; k < decoded.n_attrs; k++) /* becomes one that is ignored */
            if (decoded.attrs[k].type == missing[i])
                memcpy((uint8_t *)(uintptr_t)decoded.attrs[k].value - 4, "\xfe\xfe", 2);
        assert_int_equal(turn_core_client(fix.core, &flow, mem, len), 0);
        assert_int_equal(stun_msg_decode(&decoded, fix.client.data, fix.client.len), 0);
        assert_int_equal(turnmsg_code(&decoded), 400);
    }
}

static void a_time_limited_name_is_checked_at_allocate_alone(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT), late = corefix_flow("203.0.113.5:40001");
    struct turnmsg_cred cred = corefix_login_timed(&fix, &flow, 'g', "7f3a", fix.wall_s + 60);
    struct turnmsg m = { .method = STUN_REFRESH };
    struct turnmsg allocate = { .method = STUN_ALLOCATE, .transport = 17 };

    (void)state;
    (void)corefix_allocate(&fix, &flow, &cred);
    corefix_pass(&fix, 61);
    assert_int_equal(corefix_code(&fix, &flow, &m, &cred), 0);
    cred = corefix_login_timed(&fix, &late, 'g', "7f3a", fix.wall_s - 1);
    assert_int_equal(corefix_code(&fix, &late, &allocate, &cred), 401);
}

static void a_local_user_is_for_this_machine_alone(void **state)
{
    static const char *const own[] = { "127.0.0.1:40000", "192.168.7.7:40000" };
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "local");
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17 };

    (void)state;
    assert_int_equal(corefix_code(&fix, &flow, &m, &cred), 401);
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        flow = corefix_flow(own[i]);
        cred = corefix_login(&fix, &flow, "local");
        (void)corefix_allocate(&fix, &flow, &cred);
    }
}

static void a_revoked_name_ends_and_is_refused_until_it_expires(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT), again = corefix_flow("203.0.113.5:40001");
    struct turnmsg_cred cred = corefix_login_timed(&fix, &flow, 'g', "7f3a", fix.wall_s + 600);
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17 };
    struct turnmsg_cred other;

    (void)state;
    (void)corefix_allocate(&fix, &flow, &cred);
    turn_core_revoke(fix.core, "7f3a", fix.wall_s + 600);
    assert_int_equal(turn_core_count(fix.core), 0);
    cred = corefix_login_timed(&fix, &again, 'g', "7f3a", fix.wall_s + 600);
    assert_int_equal(corefix_code(&fix, &again, &m, &cred), 401);
    other = corefix_login_timed(&fix, &again, 'g', "7f3b", fix.wall_s + 600);
    (void)corefix_allocate(&fix, &again, &other);
}

static void answers_to_strangers_are_limited_by_source(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT), v6 = corefix_flow("[2001:db8:1::1]:5");
    struct turn_rules *r = corefix_rules();
    unsigned answered = 0;

    (void)state;
    r->unauthorized_limit = 10;
    turn_core_rules(fix.core, r);
    for (int i = 0; i < 100; i++) {
        struct turnmsg m = { .method = STUN_ALLOCATE };

        flow.client.port++;
        answered += corefix_code(&fix, &flow, &m, NULL) == 401;
    }
    assert_int_equal(answered, 10);
    assert_int_equal(corefix_count(&fix, TURN_N_DROP_STRANGER), 90);
    answered = 0;
    for (int i = 0; i < 100; i++) { /* of one /64 */
        struct turnmsg m = { .method = STUN_REFRESH };

        v6.client.ip[15]++;
        answered += corefix_code(&fix, &v6, &m, NULL) == 401;
    }
    assert_int_equal(answered, 10);
    corefix_pass(&fix, 1);
    assert_int_equal(corefix_code(&fix, &flow, &(struct turnmsg){ .method = STUN_ALLOCATE }, NULL),
                     401);
}

/* --- Allocate --------------------------------------------------------------------------------- */

static void what_an_allocate_must_and_may_have(void **state)
{
    static const struct {
        struct turnmsg m;
        uint16_t code;
    } rows[] = {
        { { .transport = 0 }, 400 },
        { { .transport = 6 }, 442 }, /* RFC 6062: an SSRF tool */
        { { .transport = 132 }, 442 },
        { { .transport = 17, .unknown = 0x7001 }, 420 },
        { { .transport = 17, .unknown = 0xf001 }, 0 },
        { { .transport = 17, .even = 1 }, 0 },
        { { .transport = 17, .even = 2 }, 508 },
        { { .transport = 17, .token = true }, 508 },
        { { .transport = 17, .token = true, .even = 1 }, 400 },
        { { .transport = 17, .token = true, .family = 1 }, 400 },
        { { .transport = 17, .dont_fragment = true }, 0 },
        { { .transport = 17, .family = STUN_FAMILY_V4 }, 0 },
        { { .transport = 17, .family = STUN_FAMILY_V6 }, 0 },
        { { .transport = 17, .family = 3 }, 440 },
        { { .transport = 17, .additional = STUN_FAMILY_V6 }, 0 },
        { { .transport = 17, .additional = STUN_FAMILY_V4 }, 400 },
        { { .transport = 17, .additional = STUN_FAMILY_V6, .family = STUN_FAMILY_V4 }, 400 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct turn_flow flow = corefix_flow(CLIENT);
        struct turnmsg m = rows[i].m;
        struct turnmsg_cred cred;

        flow.client.port = (uint16_t)(50000 + i);
        cred = corefix_login(&fix, &flow, "turnuser");
        m.method = STUN_ALLOCATE;
        if (corefix_code(&fix, &flow, &m, &cred) != rows[i].code)
            fail_msg("row %zu", i);
    }
}

static void no_relay_of_a_family_without_address(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "turnuser");
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17, .family = STUN_FAMILY_V6 };
    struct turn_rules *r = corefix_rules();

    (void)state;
    r->relay[1].family = ADDR_NONE;
    turn_core_rules(fix.core, r);
    assert_int_equal(corefix_code(&fix, &flow, &m, &cred), 440);
}

static void only_the_public_address_is_announced(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "turnuser");
    struct addr relay = corefix_allocate(&fix, &flow, &cred);
    char text[ADDR_TEXT_MAX];

    (void)state;
    assert_string_equal(addr_print_ip(&relay, text), "10.88.246.156");
    assert_in_range(relay.port, 24000, 24099);
    assert_int_equal(relay.port / 2 % COREFIX_WORKERS, 0); /* this worker's class */
}

static void even_ports_are_even(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        struct turn_flow flow = corefix_flow(CLIENT);
        struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17, .even = 1 };
        struct turnmsg_cred cred;
        struct stun_msg answer;
        struct addr relay;

        flow.client.port = (uint16_t)(50000 + i);
        cred = corefix_login(&fix, &flow, "turnuser");
        assert_true(corefix_ask(&fix, &flow, &m, &cred, &answer));
        assert_int_equal(stun_attr_get_xaddr(&answer, STUN_XOR_RELAYED_ADDRESS, &relay), 0);
        assert_int_equal(relay.port % 2, 0);
    }
}

static void a_repeated_allocate_gets_the_same_answer_and_a_second_one_437(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "turnuser");
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17 };
    struct addr one, two;
    struct stun_msg answer;

    (void)state;
    assert_true(corefix_ask(&fix, &flow, &m, &cred, &answer));
    assert_int_equal(stun_attr_get_xaddr(&answer, STUN_XOR_RELAYED_ADDRESS, &one), 0);
    assert_true(corefix_ask(&fix, &flow, &m, &cred, &answer));
    assert_int_equal(stun_attr_get_xaddr(&answer, STUN_XOR_RELAYED_ADDRESS, &two), 0);
    assert_true(addr_eq(&one, &two));
    assert_int_equal(turn_core_count(fix.core), 1);
    m.txid[0]++;
    assert_int_equal(corefix_code(&fix, &flow, &m, &cred), 437);
}

static void another_user_on_the_same_5_tuple_gets_441(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "turnuser");
    struct turnmsg_cred other = corefix_login(&fix, &flow, "open");
    struct turnmsg m = { .method = STUN_REFRESH, .lifetime = -1 };

    (void)state;
    (void)corefix_allocate(&fix, &flow, &cred);
    assert_int_equal(corefix_code(&fix, &flow, &m, &other), 441);
    assert_int_equal(turn_core_count(fix.core), 1);
}

static void lifetimes_are_kept_within_bounds(void **state)
{
    static const struct {
        int asked;
        uint32_t given;
    } rows[] = { { 0, 600 }, { -1, 600 }, { 10, 600 }, { 777, 777 }, { 3600, 3600 },
                 { 100000, 3600 } };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct turn_flow flow = corefix_flow(CLIENT);
        struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17,
                             .lifetime = rows[i].asked };
        struct turnmsg_cred cred;
        struct stun_msg answer;
        uint32_t given;

        flow.client.port = (uint16_t)(50000 + i);
        cred = corefix_login(&fix, &flow, "turnuser");
        assert_true(corefix_ask(&fix, &flow, &m, &cred, &answer));
        assert_int_equal(stun_attr_get_u32(&answer, STUN_LIFETIME, &given), 0);
        assert_int_equal(given, rows[i].given);
    }
}

static void refresh_prolongs_and_ends(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "turnuser");
    struct turnmsg m = { .method = STUN_REFRESH }, end = { .method = STUN_REFRESH,
                                                           .lifetime = -1 };

    (void)state;
    assert_int_equal(corefix_code(&fix, &flow, &m, &cred), 437);
    (void)corefix_allocate(&fix, &flow, &cred);
    corefix_pass(&fix, 500);
    assert_int_equal(corefix_code(&fix, &flow, &m, &cred), 0);
    corefix_pass(&fix, 500);
    assert_int_equal(turn_core_count(fix.core), 1);
    m.family = STUN_FAMILY_V6;
    assert_int_equal(corefix_code(&fix, &flow, &m, &cred), 443);
    assert_int_equal(corefix_code(&fix, &flow, &end, &cred), 0);
    assert_int_equal(turn_core_count(fix.core), 0);
    assert_int_equal(corefix_code(&fix, &flow, &end, &cred), 437); /* gone, no loop */
    cred = corefix_login(&fix, &flow, "turnuser");
    (void)corefix_allocate(&fix, &flow, &cred);
    corefix_pass(&fix, 601);
    assert_int_equal(turn_core_count(fix.core), 0);
}

static void a_new_password_does_not_end_what_runs(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT), other = corefix_flow("203.0.113.5:40001");
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "turnuser");
    struct turn_rules *r = corefix_rules();
    struct turnmsg m = { .method = STUN_REFRESH };
    struct turnmsg allocate = { .method = STUN_ALLOCATE, .transport = 17 };

    (void)state;
    (void)corefix_allocate(&fix, &flow, &cred);
    turn_rules_add_user(r, "turnuser", "changed", false, NULL);
    turn_core_rules(fix.core, r);
    assert_int_equal(corefix_code(&fix, &flow, &m, &cred), 0);
    cred = corefix_login(&fix, &other, "turnuser");
    assert_int_equal(corefix_code(&fix, &other, &allocate, &cred), 401);
}

/* --- quotas ----------------------------------------------------------------------------------- */

/* Allocates from ports of one address until it is refused; returns how many there were. */
static unsigned fill(const char *ip, char role, const char *id, uint16_t *code)
{
    static unsigned port = 1000; /* each client has its own */

    for (unsigned i = 0; i < 100; i++) {
        struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17 };
        char *text = str_printf("%s:%u", ip, port++);
        struct turn_flow flow = corefix_flow(text);
        struct turnmsg_cred cred = role ? corefix_login_timed(&fix, &flow, role, id,
                                                              fix.wall_s + 60) :
                                          corefix_login(&fix, &flow, "turnuser");

        free(text);
        *code = corefix_code(&fix, &flow, &m, &cred);
        if (*code)
            return i;
    }
    return 100;
}

static void each_quota_bites(void **state)
{
    struct turn_rules *r = corefix_rules();
    uint16_t code;

    (void)state;
    r->user_quota = 3;
    r->source_quota = 5;
    r->total_quota = 12;
    turn_core_rules(fix.core, r);
    assert_int_equal(fill("203.0.113.5", 0, NULL, &code), 3);
    assert_int_equal(code, 486);
    assert_int_equal(fill("203.0.113.6", 'g', "a", &code), 3); /* by its id */
    assert_int_equal(code, 486);
    assert_int_equal(fill("203.0.113.6", 'g', "b", &code), 2); /* by its source */
    assert_int_equal(code, 486);
    assert_int_equal(fill("203.0.113.7", 'c', "cb", &code), 4); /* by the total alone */
    assert_int_equal(code, 508);
    corefix_pass(&fix, 601);
    assert_int_equal(fill("203.0.113.8", 0, NULL, &code), 3); /* given back */
}

static void no_port_is_left(void **state)
{
    uint16_t code;

    (void)state;
    assert_int_equal(fill("203.0.113.5", 'c', "cb", &code), 50); /* half of them are ours */
    assert_int_equal(code, 508);
    corefix_pass(&fix, 601);
    fix.open_result = -EADDRINUSE;
    assert_int_equal(fill("203.0.113.5", 'c', "cb", &code), 0);
    assert_int_equal(code, 508);
    fix.open_result = -EMFILE;
    assert_int_equal(fill("203.0.113.5", 'c', "cb", &code), 0);
    assert_int_equal(code, 508);
}

static void a_draining_server_takes_nobody_and_keeps_whom_it_has(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT), other = corefix_flow("203.0.113.5:40001");
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "turnuser");
    struct turn_rules *r = corefix_rules();
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17 };
    struct turnmsg refresh = { .method = STUN_REFRESH };

    (void)state;
    (void)corefix_allocate(&fix, &flow, &cred);
    r->draining = true;
    turn_core_rules(fix.core, r);
    assert_int_equal(corefix_code(&fix, &flow, &refresh, &cred), 0);
    cred = corefix_login(&fix, &other, "turnuser");
    assert_int_equal(corefix_code(&fix, &other, &m, &cred), 508);
}

/* --- bad input -------------------------------------------------------------------------------- */

/* Nothing may be left behind, whatever comes. */
static void every_truncation_of_every_message_is_harmless(void **state)
{
    static const uint16_t methods[] = { STUN_ALLOCATE, STUN_REFRESH, STUN_CREATE_PERM,
                                        STUN_CHANNEL_BIND, STUN_SEND, STUN_BINDING };
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "turnuser");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct turnmsg m = { .method = methods[i], .transport = 17, .lifetime = 600, .family = 1,
                             .channel = 0x4000, .peers = { turnmsg_addr("10.88.246.156:24001") },
                             .n_peers = 1, .data = "hello", .data_len = 5, .fingerprint = true,
                             .cls = methods[i] == STUN_SEND ? STUN_INDICATION : STUN_REQUEST };
        uint8_t mem[TURNMSG_MAX];
        size_t len = turnmsg_write(mem, &m, &cred);

        for (size_t cut = 0; cut < len; cut++) {
            assert_int_equal(turn_core_client(fix.core, &flow, mem, cut), -EBADMSG);
            /* With a header that agrees; a message without its fingerprint is whole. */
            if (cut >= STUN_HDR_LEN && cut % 4 == 0 && cut != len - 8) {
                uint8_t again[TURNMSG_MAX];

                memcpy(again, mem, cut);
                again[2] = (uint8_t)((cut - STUN_HDR_LEN) >> 8);
                again[3] = (uint8_t)(cut - STUN_HDR_LEN);
                (void)!turn_core_client(fix.core, &flow, again, cut);
                assert_int_equal(turn_core_count(fix.core), 0);
            }
        }
    }
}

static void changed_bits_never_get_a_relay(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "turnuser");
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = 17 };
    uint8_t mem[TURNMSG_MAX];
    size_t len = turnmsg_write(mem, &m, &cred);

    (void)state;
    for (size_t i = 0; i < len * 8; i++) {
        mem[i / 8] ^= (uint8_t)(1u << i % 8);
        (void)!turn_core_client(fix.core, &flow, mem, len);
        mem[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_equal(turn_core_count(fix.core), 0);
    }
}

static void answers_and_noise_are_not_answered(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg m = { .cls = STUN_SUCCESS, .method = STUN_ALLOCATE };
    struct stun_msg answer;

    (void)state;
    assert_false(corefix_ask(&fix, &flow, &m, NULL, &answer));
    m.cls = STUN_ERROR;
    assert_false(corefix_ask(&fix, &flow, &m, NULL, &answer));
    m = (struct turnmsg){ .cls = STUN_INDICATION, .method = STUN_BINDING };
    assert_false(corefix_ask(&fix, &flow, &m, NULL, &answer));
    assert_int_equal(turn_core_client(fix.core, &flow, "GET / HTTP/1.1\r\n", 16), -EBADMSG);
    assert_int_equal(turn_core_client(fix.core, &flow, "", 0), -EBADMSG);
}

static void tcp_relays_are_refused(void **state)
{
    struct turn_flow flow = corefix_flow(CLIENT);
    struct turnmsg_cred cred = corefix_login(&fix, &flow, "turnuser");
    struct turnmsg connect = { .method = 0x00a, .peers = { turnmsg_addr("8.8.8.8:80") },
                               .n_peers = 1 };

    (void)state;
    (void)corefix_allocate(&fix, &flow, &cred);
    assert_int_equal(corefix_code(&fix, &flow, &connect, &cred), 400);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_binding_is_answered_shortly),
        TEST(strangers_get_a_challenge_and_leave_nothing),
        TEST(every_method_needs_credentials),
        TEST(both_integrities_and_both_passwords_are_taken),
        TEST(who_was_talked_out_of_sha256_is_noticed),
        TEST(wrong_credentials_get_401_with_a_new_nonce),
        TEST(a_nonce_is_stale_after_a_while_and_of_use_to_nobody_else),
        TEST(parts_of_credentials_are_a_bad_request),
        TEST(a_time_limited_name_is_checked_at_allocate_alone),
        TEST(a_local_user_is_for_this_machine_alone),
        TEST(a_revoked_name_ends_and_is_refused_until_it_expires),
        TEST(answers_to_strangers_are_limited_by_source),
        TEST(what_an_allocate_must_and_may_have),
        TEST(no_relay_of_a_family_without_address),
        TEST(only_the_public_address_is_announced),
        TEST(even_ports_are_even),
        TEST(a_repeated_allocate_gets_the_same_answer_and_a_second_one_437),
        TEST(another_user_on_the_same_5_tuple_gets_441),
        TEST(lifetimes_are_kept_within_bounds),
        TEST(refresh_prolongs_and_ends),
        TEST(a_new_password_does_not_end_what_runs),
        TEST(each_quota_bites),
        TEST(no_port_is_left),
        TEST(a_draining_server_takes_nobody_and_keeps_whom_it_has),
        TEST(every_truncation_of_every_message_is_harmless),
        TEST(changed_bits_never_get_a_relay),
        TEST(answers_and_noise_are_not_answered),
        TEST(tcp_relays_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
