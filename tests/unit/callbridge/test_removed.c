/* SPDX-License-Identifier: Apache-2.0 */
#include "removed.h"

#include <stdio.h>

#include "limits.h"

#include "cm.h"

static void a_guest_is_remembered_until_its_ticket_ends(void **state)
{
    struct removed *r = removed_new();

    (void)state;
    assert_false(removed_has(r, "guest1@x", 1000));
    assert_true(removed_add(r, "guest1@x", 2000, 1000));
    assert_false(removed_add(r, "guest1@x", 2000, 1000)); /* known */
    assert_false(removed_add(r, "guest2@x", 1000, 1000)); /* its ticket is void anyhow */
    assert_true(removed_has(r, "guest1@x", 1999));
    assert_false(removed_has(r, "guest1@x", 2000));
    assert_false(removed_has(r, "guest2@x", 1000));
    assert_int_equal(removed_expire(r, 1999), 1);
    assert_int_equal(removed_expire(r, 2000), 0);
    removed_free(r);
}

static void beyond_the_limit_the_first_to_end_makes_room(void **state)
{
    struct removed *r = removed_new();
    int64_t expires_s;
    const char *jid;
    size_t it = 0, n = 0;
    char name[32];

    (void)state;
    for (int i = 0; i < REMOVED_MAX; i++) {
        (void)snprintf(name, sizeof(name), "guest%d@x", i);
        assert_true(removed_add(r, name, 5000 + (i + 7) % REMOVED_MAX, 1000));
    }
    assert_true(removed_add(r, "late@x", 9000, 1000));
    (void)snprintf(name, sizeof(name), "guest%d@x", REMOVED_MAX - 7);
    assert_false(removed_has(r, name, 1000));
    while (removed_next(r, &it, &jid, &expires_s))
        n++;
    assert_int_equal(n, REMOVED_MAX);
    assert_true(removed_has(r, "late@x", 1000));
    assert_true(removed_add(r, "later@x", 90000, 20000)); /* the others have expired */
    assert_int_equal(removed_expire(r, 20000), 1);
    removed_free(r);
    removed_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_is_remembered_until_its_ticket_ends),
        cmocka_unit_test(beyond_the_limit_the_first_to_end_makes_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
