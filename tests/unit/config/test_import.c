/* SPDX-License-Identifier: Apache-2.0 */
#include "fix.h"
#include "import.h"

#include <errno.h>

#include <base/mem.h>
#include <kinds/text.h>

static const char site[] = "[accessMethod \"host\"]\n"
                           "space = board\n" /* stands before the space it belongs to */
                           "callId = 100102\n"
                           "passcode = 2222\n"
                           "[space \"board\"]\n"
                           "name = Board\n"
                           "callId = 100102\n"
                           "passcode = 4321\n"
                           "[space \"proxywebrtc\"]\n"
                           "name = Proxy webRTC\n"
                           "callId = 100101\n"
                           "[settings]\n"
                           "guestAccountJidDomain = cms.octavio.local\n";

static int import_text(struct fix *f, const char *text, bool prune, struct store_problem *p)
{
    struct kinds_text t;
    struct str why = { 0 };
    struct store_row *rows;
    int err;

    *p = (struct store_problem){ 0 };
    if (kinds_text_parse(&t, text, &why))
        fail_msg("%s", why.s);
    rows = mem_calloc(t.n_rows, sizeof(*rows));
    for (size_t i = 0; i < t.n_rows; i++) {
        store_row_init(&rows[i], kinds_find(t.rows[i].kind));
        if (t.rows[i].id)
            snprintf(rows[i].id, sizeof(rows[i].id), "%s", t.rows[i].id);
        for (size_t j = 0; j < t.rows[i].n_fields; j++)
            assert_int_equal(
                store_row_set(&rows[i], t.rows[i].fields[j].name, t.rows[i].fields[j].value, p), 0);
    }
    err = store_begin(f->st, p);
    if (!err)
        err = import_rows(f->st, rows, t.n_rows, prune, p);
    if (!err)
        err = store_commit(f->st, NULL, NULL, 0, p);
    else
        store_rollback(f->st);
    for (size_t i = 0; i < t.n_rows; i++)
        store_row_fini(&rows[i]);
    free(rows);
    kinds_text_fini(&t);
    return err;
}

static void counts_are(struct fix *f, unsigned added, unsigned changed, unsigned deleted)
{
    unsigned a, c, d;

    store_counts(f->st, &a, &c, &d);
    assert_int_equal(a, added);
    assert_int_equal(c, changed);
    assert_int_equal(d, deleted);
}

static void an_import_is_idempotent(void **state)
{
    struct fix *f = *state;
    struct store_problem p;
    uint64_t seq;

    if (import_text(f, site, false, &p))
        fail_msg("%s", p.text);
    counts_are(f, 3, 1, 0);
    seq = store_seq(f->st, "site");
    assert_int_equal(seq, 1);
    assert_int_equal(import_text(f, site, false, &p), 0);
    counts_are(f, 0, 0, 0);
    assert_int_equal(store_seq(f->st, "site"), seq);
    assert_int_equal(import_text(f, site, true, &p), 0);
    counts_are(f, 0, 0, 0);
}

static void one_mistake_undoes_all(void **state)
{
    struct fix *f = *state;
    struct store_problem p;

    assert_int_equal(import_text(f,
                                 "[domain \"octavio.com\"]\n[space \"a\"]\nname = A\ncallId = x\n",
                                 false, &p),
                     -EINVAL);
    assert_int_equal(p.row, 2);
    assert_string_equal(p.text, "space.callId: must be 1 to 12 digits");
    assert_string_equal(fix_value(f, "domain", "octavio.com", "domain"), "(gone)");
    assert_int_equal(store_seq(f->st, "site"), 0);
}

static void pruning_deletes_what_the_text_does_not_name(void **state)
{
    struct fix *f = *state;
    struct store_problem p;
    char id[64];

    assert_int_equal(import_text(f, site, false, &p), 0);
    assert_int_equal(fix_add(f, "space", PAIRS("name", "S", "uri", "old", "callId", "5"), id, &p),
                     0);
    assert_int_equal(fix_add(f, "accessMethod", PAIRS("space", "old", "name", "x"), NULL, &p), 0);
    assert_int_equal(fix_add(f, "domain", PAIRS("domain", "kept.example"), NULL, &p), 0);
    assert_int_equal(import_text(f, site, false, &p), 0);
    assert_string_equal(fix_value(f, "space", "old", "uri"), "old");
    assert_int_equal(import_text(f, site, true, &p), 0);
    counts_are(f, 0, 0, 2);
    assert_string_equal(fix_value(f, "space", "old", "uri"), "(gone)");
    assert_string_equal(fix_value(f, "domain", "kept.example", "domain"), "kept.example");
}

static void a_pruned_name_is_free_for_a_new_row(void **state)
{
    struct fix *f = *state;
    struct store_problem p;

    assert_int_equal(fix_add(f, "space", PAIRS("name", "S", "uri", "old", "callId", "5"), NULL, &p),
                     0);
    assert_int_equal(import_text(f, "[space \"new\"]\nname = N\ncallId = 5\n", true, &p), 0);
    counts_are(f, 1, 0, 1);
    assert_string_equal(fix_value(f, "space", "new", "callId"), "5");
}

static void an_id_in_the_text_is_kept_on_a_fresh_site(void **state)
{
    struct fix *f = *state;
    struct store_problem p;

    assert_int_equal(
        import_text(f, "[space \"a\"]\nname = A\nid = 2AA16CCC-87d1-424d-9d3d-3d007f23243a\n",
                    false, &p),
        0);
    assert_string_equal(fix_value(f, "space", "2aa16ccc-87d1-424d-9d3d-3d007f23243a", "uri"), "a");
    /* Known by its key under another id: the id that it has here stays. */
    assert_int_equal(
        import_text(f, "[space \"a\"]\nid = 3aa16ccc-87d1-424d-9d3d-3d007f23243a\nname = n\n",
                    false, &p),
        0);
    counts_are(f, 0, 1, 0);
    assert_string_equal(fix_value(f, "space", "2aa16ccc-87d1-424d-9d3d-3d007f23243a", "name"), "n");
}

static const char *example_path;

static void the_example_site_is_valid(void **state)
{
    struct fix *f = *state;
    struct store_problem p;
    struct str text = { 0 };
    char part[1024];
    size_t n;
    FILE *file = fopen(example_path, "r");

    assert_non_null(file);
    while ((n = fread(part, 1, sizeof(part), file)) > 0)
        str_addn(&text, part, n);
    fclose(file);
    if (import_text(f, text.s, true, &p))
        fail_msg("%s: %s", example_path, p.text);
    assert_string_equal(fix_value(f, "space", "proxywebrtc", "callId"), "100101");
    assert_string_equal(fix_value(f, "space", "board", "passcode"), "4321");
    assert_int_equal(import_text(f, text.s, true, &p), 0);
    counts_are(f, 0, 0, 0);
    str_fini(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(an_import_is_idempotent),
        TEST(one_mistake_undoes_all),
        TEST(pruning_deletes_what_the_text_does_not_name),
        TEST(a_pruned_name_is_free_for_a_new_row),
        TEST(an_id_in_the_text_is_kept_on_a_fresh_site),
        TEST(the_example_site_is_valid),
    };

    example_path = argc > 1 ? argv[1] : "deploy/example-site/inside.conf";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
