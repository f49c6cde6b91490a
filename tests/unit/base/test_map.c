/* SPDX-License-Identifier: Apache-2.0 */
#include <base/map.h>

#include <stdio.h>

#include "cm.h"

static void ten_thousand_entries_come_and_go(void **state)
{
    static int values[10000];
    struct map *m = map_new();
    char key[16];

    (void)state;
    for (int i = 0; i < 10000; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_null(map_put(m, key, &values[i]));
    }
    assert_int_equal(map_count(m), 10000);
    for (int i = 0; i < 10000; i += 2) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_ptr_equal(map_del(m, key), &values[i]);
        assert_null(map_get(m, key));
    }
    for (int i = 1; i < 10000; i += 2) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_ptr_equal(map_get(m, key), &values[i]);
    }
    assert_int_equal(map_count(m), 5000);
    map_free(m);
}

static void putting_again_replaces_and_returns_the_old(void **state)
{
    struct map *m = map_new();
    int a, b;

    (void)state;
    assert_null(map_put_u64(m, 7, &a));
    assert_ptr_equal(map_put_u64(m, 7, &b), &a);
    assert_ptr_equal(map_get_u64(m, 7), &b);
    assert_int_equal(map_count(m), 1);
    assert_null(map_get_u64(m, 8));
    map_free(m);
}

static void deleting_while_walking_sees_every_entry_once(void **state)
{
    struct map *m = map_new();
    static int values[100];
    size_t it = 0, seen = 0;
    const char *key;
    void *value;

    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        assert_null(map_put_u64(m, i, &values[i]));
    while (map_next(m, &it, NULL, NULL)) /* who only counts wants neither */
        seen++;
    assert_int_equal(seen, 100);
    it = seen = 0;
    while (map_next(m, &it, &key, &value)) {
        seen++;
        assert_ptr_equal(map_del_bytes(m, key, 8), value);
    }
    assert_int_equal(seen, 100);
    assert_int_equal(map_count(m), 0);
    map_free(m);
}

static void a_map_does_not_grow_by_turnover(void **state)
{
    struct map *m = map_new();
    int v;

    (void)state;
    for (uint64_t i = 0; i < 100000; i++) {
        assert_null(map_put_u64(m, i, &v));
        assert_ptr_equal(map_del_u64(m, i), &v);
    }
    assert_int_equal(map_count(m), 0);
    map_free(m);
    map_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_entries_come_and_go),
        cmocka_unit_test(putting_again_replaces_and_returns_the_old),
        cmocka_unit_test(deleting_while_walking_sees_every_entry_once),
        cmocka_unit_test(a_map_does_not_grow_by_turnover),
    };
    return cmocka_run_group_tests_name("base/map", tests, NULL, NULL);
}
