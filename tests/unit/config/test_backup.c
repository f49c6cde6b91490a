/* SPDX-License-Identifier: Apache-2.0 */
#include "fix.h"

#include <errno.h>
#include <sys/stat.h>

static void a_copy_restores_with_a_new_epoch(void **state)
{
    struct fix *f = *state;
    struct store_problem p = { 0 };
    struct str why = { 0 };
    struct stat st;
    char copy[160], id[64];
    uint64_t epoch = store_epoch(f->st), seq;

    snprintf(copy, sizeof(copy), "%s/copy.db", f->dir);
    assert_int_equal(
        fix_add(f, "space", PAIRS("name", "S", "uri", "a", "callId", "1", "passcode", "9"), id, &p),
        0);
    seq = store_seq(f->st, "site");
    assert_int_equal(store_backup(f->st, copy, &p), 0);
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(fix_delete(f, "space", "a", &p), 0);
    assert_int_equal(fix_add(f, "space", PAIRS("name", "S", "uri", "b"), NULL, &p), 0);
    if (store_restore(f->st, copy, &p))
        fail_msg("%s", p.text);
    assert_string_equal(fix_value(f, "space", id, "passcode"), "9");
    assert_string_equal(fix_value(f, "space", "b", "uri"), "(gone)");
    assert_true(store_epoch(f->st) != epoch);
    assert_true(store_seq(f->st, "site") == seq);
    assert_int_equal(fix_add(f, "space", PAIRS("name", "S", "uri", "c"), NULL, &p), 0);
    epoch = store_epoch(f->st);
    store_close(&f->st);
    if (fix_open(f, &why))
        fail_msg("%s", why.s);
    assert_true(store_epoch(f->st) == epoch);
    assert_string_equal(fix_value(f, "space", "c", "uri"), "c");
}

static void a_bad_copy_is_refused_and_changes_nothing(void **state)
{
    struct fix *f = *state;
    struct store_problem p = { 0 };
    char copy[160];
    uint64_t epoch = store_epoch(f->st);
    FILE *file;

    snprintf(copy, sizeof(copy), "%s/copy.db", f->dir);
    assert_int_equal(fix_add(f, "space", PAIRS("name", "S", "uri", "a"), NULL, &p), 0);
    assert_int_equal(store_restore(f->st, copy, &p), -ENOENT);
    file = fopen(copy, "w");
    for (int i = 0; i < 1000; i++)
        fputs("not a database\n", file);
    fclose(file);
    assert_int_not_equal(store_restore(f->st, copy, &p), 0);
    assert_string_equal(fix_value(f, "space", "a", "uri"), "a");
    assert_true(store_epoch(f->st) == epoch);
}

static void a_copy_made_with_another_key_is_refused(void **state)
{
    struct fix *f = *state;
    struct store_problem p = { 0 };
    struct str why = { 0 };
    struct store *other = NULL;
    char copy[160], seal[160];
    struct store_opts opts = { .path = copy, .seal_path = seal, .site = KINDS_SITE_INSIDE };

    snprintf(copy, sizeof(copy), "%s/copy.db", f->dir);
    snprintf(seal, sizeof(seal), "%s/other.seal", f->dir);
    assert_int_equal(store_open(&other, &opts, &why), 0);
    store_close(&other);
    assert_int_equal(store_restore(f->st, copy, &p), -EINVAL);
    assert_non_null(strstr(p.text, "key file does not belong"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_copy_restores_with_a_new_epoch),
        TEST(a_bad_copy_is_refused_and_changes_nothing),
        TEST(a_copy_made_with_another_key_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
