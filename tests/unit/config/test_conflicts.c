/* SPDX-License-Identifier: Apache-2.0
 * The conflicts and their names (docs: failureDetails of the REST API). */
#include "fix.h"

#include <errno.h>

static void add_ok(struct fix *f, const char *kind, const char *const *pairs)
{
    struct store_problem p;

    if (fix_add(f, kind, pairs, NULL, &p))
        fail_msg("%s", p.text);
}

static void add_conflict(struct fix *f, const char *kind, const char *const *pairs,
                         const char *name)
{
    struct store_problem p;

    assert_int_equal(fix_add(f, kind, pairs, NULL, &p), -EEXIST);
    assert_int_equal(p.code, STORE_CONFLICT);
    assert_string_equal(p.name, name);
}

static void a_uri_leads_to_one_space(void **state)
{
    struct fix *f = *state;

    add_ok(f, "space", PAIRS("name", "S", "uri", "a", "secondaryUri", "a2"));
    add_ok(f, "space", PAIRS("name", "S", "uri", "b"));
    add_conflict(f, "space", PAIRS("name", "S", "uri", "A"), "duplicateCoSpaceUri");
    add_conflict(f, "space", PAIRS("name", "S", "uri", "a2"), "duplicateCoSpaceUri");
    add_conflict(f, "space", PAIRS("name", "S", "secondaryUri", "a"), "duplicateCoSpaceUri");
    add_conflict(f, "accessMethod", PAIRS("space", "b", "uri", "a", "passcode", "1"),
                 "duplicateCoSpaceUri");
}

static void a_call_id_leads_to_one_space(void **state)
{
    struct fix *f = *state;
    struct store_problem p;

    add_ok(f, "space", PAIRS("name", "S", "uri", "a", "callId", "100101"));
    add_ok(f, "space", PAIRS("name", "S", "uri", "b"));
    add_conflict(f, "space", PAIRS("name", "S", "callId", "100101"), "duplicateCoSpaceId");
    add_conflict(f, "space", PAIRS("name", "S", "callId", "100101", "passcode", "9"),
                 "duplicateCoSpaceId");
    add_conflict(f, "accessMethod", PAIRS("space", "b", "callId", "100101", "passcode", "9"),
                 "duplicateCoSpaceId");
    assert_int_equal(fix_set(f, "space", "b", PAIRS("callId", "100101"), &p), -EEXIST);
    assert_string_equal(p.name, "duplicateCoSpaceId");
}

static void doors_of_one_space_share_a_call_id_with_different_passcodes(void **state)
{
    struct fix *f = *state;
    struct store_problem p;
    char method[64];

    add_ok(f, "space", PAIRS("name", "S", "uri", "a", "callId", "100101", "passcode", "1111"));
    assert_int_equal(
        fix_add(f, "accessMethod",
                PAIRS("space", "a", "name", "host", "callId", "100101", "passcode", "2222"), method,
                &p),
        0);
    add_ok(f, "accessMethod", PAIRS("space", "a", "name", "open", "callId", "100101"));
    add_conflict(f, "accessMethod", PAIRS("space", "a", "callId", "100101", "passcode", "1111"),
                 "duplicateCoSpaceIdPasscode");
    add_conflict(f, "accessMethod", PAIRS("space", "a", "callId", "100101"),
                 "duplicateCoSpaceIdPasscode");
    assert_int_equal(fix_set(f, "accessMethod", method, PAIRS("passcode", "1111"), &p), -EEXIST);
    assert_string_equal(p.name, "duplicateCoSpaceIdPasscode");
    assert_int_equal(fix_set(f, "space", "a", PAIRS("passcode", "2222"), &p), -EEXIST);
    assert_string_equal(p.name, "duplicateCoSpaceIdPasscode");
}

static void doors_of_one_space_share_a_uri_with_different_passcodes(void **state)
{
    struct fix *f = *state;

    add_ok(f, "space", PAIRS("name", "S", "uri", "a", "passcode", "1"));
    add_ok(f, "accessMethod", PAIRS("space", "a", "uri", "a", "passcode", "2"));
    add_conflict(f, "accessMethod", PAIRS("space", "a", "uri", "a", "passcode", "1"),
                 "duplicateCoSpaceUriPasscode");
}

static void other_keys_are_unique_too(void **state)
{
    struct fix *f = *state;

    add_ok(f, "domain", PAIRS("domain", "octavio.com"));
    add_conflict(f, "domain", PAIRS("domain", "OCTAVIO.com"), "duplicateDomain");
    add_ok(f, "callMatchingRule", PAIRS("domain", "octavio.com", "priority", "10"));
    add_conflict(f, "callMatchingRule", PAIRS("domain", "octavio.com"),
                 "inboundDialPlanRuleUriConflict");
    add_ok(f, "user", PAIRS("userJid", "thomas@octavio.com"));
    add_conflict(f, "user", PAIRS("userJid", "Thomas@octavio.com"), "duplicateUserJid");
    add_ok(f, "turnServer", PAIRS("serverAddress", "10.0.0.1"));
    add_ok(f, "turnServer", PAIRS("serverAddress", "10.0.0.1", "tcpPortNumberOverride", "3479"));
}

static void a_reference_must_lead_somewhere(void **state)
{
    struct fix *f = *state;
    struct store_problem p;

    assert_int_equal(fix_add(f, "accessMethod", PAIRS("space", "nowhere"), NULL, &p), -EINVAL);
    assert_string_equal(p.name, "coSpaceDoesNotExist");
    assert_string_equal(p.text, "accessMethod.space: there is no space \"nowhere\"");
    assert_int_equal(fix_add(f, "accessMethod",
                             PAIRS("space", "2aa16ccc-87d1-424d-9d3d-3d007f23243a"), NULL, &p),
                     -EINVAL);
}

static void an_id_is_not_given_twice(void **state)
{
    struct fix *f = *state;
    struct store_problem p = { 0 };
    struct store_row row;

    for (int i = 0; i < 2; i++) {
        store_row_init(&row, kinds_find("space"));
        snprintf(row.id, sizeof(row.id), "2AA16CCC-87d1-424d-9d3d-3d007f23243a");
        assert_int_equal(store_row_set(&row, "name", "S", &p), 0);
        assert_int_equal(store_begin(f->st, &p), 0);
        assert_int_equal(store_add(f->st, &row, &p), i ? -EEXIST : 0);
        if (i == 0)
            assert_int_equal(store_commit(f->st, NULL, NULL, 0, &p), 0);
        store_rollback(f->st);
        store_row_fini(&row);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_uri_leads_to_one_space),
        TEST(a_call_id_leads_to_one_space),
        TEST(doors_of_one_space_share_a_call_id_with_different_passcodes),
        TEST(doors_of_one_space_share_a_uri_with_different_passcodes),
        TEST(other_keys_are_unique_too),
        TEST(a_reference_must_lead_somewhere),
        TEST(an_id_is_not_given_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
