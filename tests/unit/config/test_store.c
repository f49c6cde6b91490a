/* SPDX-License-Identifier: Apache-2.0 */
#include "fix.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>

static void a_row_is_stored_in_normal_form_and_read_back(void **state)
{
    struct fix *f = *state;
    struct store_problem p;
    char id[64];

    assert_int_equal(fix_add(f, "space",
                             PAIRS("name", "Proxy webRTC", "uri", "ProxyWebRTC", "callId", "100101",
                                   "passcode", "4321", "nonMemberAccess", "off"),
                             id, &p),
                     0);
    assert_true(kinds_is_guid(id));
    assert_string_equal(fix_value(f, "space", id, "uri"), "proxywebrtc");
    assert_string_equal(fix_value(f, "space", "PROXYWEBRTC", "name"), "Proxy webRTC");
    assert_string_equal(fix_value(f, "space", id, "passcode"), "4321");
    assert_string_equal(fix_value(f, "space", id, "nonMemberAccess"), "false");
    assert_string_equal(fix_value(f, "space", id, "defaultLayout"), "(unset)");
}

static void rows_survive_a_reopening_and_numbers_go_on(void **state)
{
    struct fix *f = *state;
    struct str why = { 0 };
    struct store_problem p;
    uint64_t epoch = store_epoch(f->st);
    char id[64];

    assert_int_equal(store_seq(f->st, "site"), 0);
    assert_int_equal(fix_add(f, "space", PAIRS("name", "S", "uri", "a", "passcode", "1"), id, &p),
                     0);
    assert_int_equal(fix_add(f, "domain", PAIRS("domain", "octavio.com"), NULL, &p), 0);
    assert_int_equal(store_seq(f->st, "site"), 2);
    assert_int_equal(store_seq(f->st, "site-secret"), 1);
    assert_int_equal(store_seq(f->st, "turn-secret"), 0);
    store_close(&f->st);
    assert_int_equal(fix_open(f, &why), 0);
    assert_int_equal(store_seq(f->st, "site"), 2);
    assert_int_equal(store_seq(f->st, "site-secret"), 1);
    assert_true(store_epoch(f->st) == epoch);
    assert_string_equal(fix_value(f, "space", id, "passcode"), "1");
}

static void an_absent_field_stays_and_an_empty_one_is_unset(void **state)
{
    struct fix *f = *state;
    struct store_problem p;
    char id[64];
    size_t n;

    assert_int_equal(fix_add(f, "space", PAIRS("uri", "a", "name", "A", "passcode", "1"), id, &p),
                     0);
    assert_int_equal(fix_set(f, "space", id, PAIRS("name", "B", "passcode", ""), &p), 0);
    assert_string_equal(fix_value(f, "space", id, "name"), "B");
    assert_string_equal(fix_value(f, "space", id, "uri"), "a");
    assert_string_equal(fix_value(f, "space", id, "passcode"), "(unset)");
    assert_int_equal(fix_set(f, "space", id, PAIRS("name", "B"), &p), 0);
    store_changes(f->st, &n);
    assert_int_equal(n, 0);
    assert_int_equal(store_seq(f->st, "site"), 2);
}

static void a_refusal_names_kind_and_field(void **state)
{
    struct fix *f = *state;
    struct store_problem p;

    assert_int_equal(fix_add(f, "space", PAIRS("name", "S", "callId", "abc"), NULL, &p), -EINVAL);
    assert_string_equal(p.text, "space.callId: must be 1 to 12 digits");
    assert_string_equal(p.name, "parameterError");
    assert_string_equal(p.field, "callId");
    assert_int_equal(fix_add(f, "domain", PAIRS("keyFile", "x.key"), NULL, &p), -EINVAL);
    assert_string_equal(p.text, "domain.domain: is required");
    assert_int_equal(fix_set(f, "space", "nosuch", PAIRS("name", "x"), &p), -ENOENT);
    assert_string_equal(p.name, "coSpaceDoesNotExist");
    assert_int_equal(fix_delete(f, "turnServer", "2aa16ccc-87d1-424d-9d3d-3d007f23243a", &p),
                     -ENOENT);
    assert_string_equal(p.name, "turnServerDoesNotExist");
    assert_null(store_kind(f->st, "tenant", &p));
    assert_int_equal(store_seq(f->st, "site"), 0);
}

static void settings_are_there_once_and_can_only_be_changed(void **state)
{
    struct fix *f = *state;
    struct store_problem p;
    struct store_row row;

    assert_int_equal(
        fix_set(f, "settings", "settings", PAIRS("guestAccountJidDomain", "CMS.octavio.local"), &p),
        0);
    assert_string_equal(fix_value(f, "settings", "", "guestAccountJidDomain"), "cms.octavio.local");
    assert_int_equal(fix_add(f, "settings", PAIRS("userSignIn", "true"), NULL, &p), -EINVAL);
    assert_int_equal(fix_delete(f, "settings", "settings", &p), -EINVAL);
    assert_int_equal(store_get(f->st, kinds_find("settings"), "settings", &row, &p), 0);
    assert_null(store_row_get(&row, "guestAccessViaIdAndPasscode"));
    store_row_defaults(&row);
    assert_string_equal(store_row_get(&row, "guestAccessViaIdAndPasscode"), "secure");
    store_row_fini(&row);
}

static void a_singleton_is_found_whatever_capitals_its_name_has(void **state)
{
    struct fix *f = *state;
    struct store_problem p = { 0 };

    assert_int_equal(fix_set(f, "webProxy", "webProxy",
                             PAIRS("guestAccountClientUri", "https://cmsweb.octavio.com"), &p),
                     0);
    assert_string_equal(fix_value(f, "webProxy", "webProxy", "guestAccountClientUri"),
                        "https://cmsweb.octavio.com");
}

static void a_secret_is_made_with_the_call_id_and_again_on_demand(void **state)
{
    struct fix *f = *state;
    struct store_problem p;
    char id[64], first[512];

    assert_int_equal(fix_add(f, "space", PAIRS("name", "S", "uri", "a"), id, &p), 0);
    assert_string_equal(fix_value(f, "space", id, "secret"), "(unset)");
    assert_int_equal(fix_set(f, "space", id, PAIRS("callId", "100101"), &p), 0);
    snprintf(first, sizeof(first), "%s", fix_value(f, "space", id, "secret"));
    assert_int_equal(strlen(first), 22);
    assert_int_equal(fix_set(f, "space", id, PAIRS("name", "x"), &p), 0);
    assert_string_equal(fix_value(f, "space", id, "secret"), first);
    assert_int_equal(fix_set(f, "space", id, PAIRS("regenerateSecret", "true"), &p), 0);
    assert_int_equal(strlen(fix_value(f, "space", id, "secret")), 22);
    assert_string_not_equal(fix_value(f, "space", id, "secret"), first);
}

static void a_required_call_id_is_made(void **state)
{
    struct fix *f = *state;
    struct store_problem p;
    char id[64];

    assert_int_equal(
        fix_add(f, "space", PAIRS("name", "S", "uri", "a", "requireCallId", "true"), id, &p), 0);
    assert_int_equal(strlen(fix_value(f, "space", id, "callId")), 6);
    assert_int_equal(strlen(fix_value(f, "space", id, "secret")), 22);
}

static void access_methods_go_with_their_space(void **state)
{
    struct fix *f = *state;
    struct store_problem p;
    char space[64], method[64];
    const struct store_change *c;
    size_t n;

    assert_int_equal(fix_add(f, "space", PAIRS("name", "S", "uri", "a"), space, &p), 0);
    assert_int_equal(
        fix_add(f, "accessMethod", PAIRS("space", "a", "name", "host", "callId", "7"), method, &p),
        0);
    assert_string_equal(fix_value(f, "accessMethod", method, "space"), space);
    assert_int_equal(fix_delete(f, "space", "a", &p), 0);
    assert_string_equal(fix_value(f, "accessMethod", method, "name"), "(gone)");
    c = store_changes(f->st, &n);
    assert_int_equal(n, 2);
    assert_true(c[0].deleted && c[1].deleted);
    assert_string_equal(c[0].id, method);
    assert_string_equal(c[1].id, space);
}

static bool collect(void *arg, struct store_row *row)
{
    str_addf(arg, "%s ", store_row_get(row, "uri"));
    return true;
}

static void lists_filter_page_and_count(void **state)
{
    struct fix *f = *state;
    struct store_problem p;
    struct str got = { 0 };
    unsigned total = 0;
    struct store_query q = {
        .kind = kinds_find("space"), .filter = "SALES", .offset = 1, .limit = 2
    };
    char uri[16], call_id[16];

    for (int i = 0; i < 8; i++) {
        snprintf(uri, sizeof(uri), "%s%d", i % 2 ? "sales" : "board", i);
        snprintf(call_id, sizeof(call_id), "90%d", i);
        assert_int_equal(
            fix_add(f, "space", PAIRS("name", "S", "uri", uri, "callId", call_id), NULL, &p), 0);
    }
    assert_int_equal(store_list(f->st, &q, collect, &got, &total), 0);
    assert_string_equal(got.s, "sales3 sales5 ");
    assert_int_equal(total, 4);
    str_fini(&got);
    q = (struct store_query){ .kind = kinds_find("space"), .filter = "904" };
    assert_int_equal(store_list(f->st, &q, collect, &got, &total), 0);
    assert_string_equal(got.s, "board4 ");
    str_fini(&got);
    q.filter = "%";
    assert_int_equal(store_list(f->st, &q, collect, &got, &total), 0);
    assert_int_equal(total, 0);
    str_fini(&got);
}

static void an_answer_is_remembered_under_its_request(void **state)
{
    static const uint8_t request[16] = "0123456789abcdef";
    struct fix *f = *state;
    struct store_problem p = { 0 };
    struct str why = { 0 };
    size_t len = 0;
    char *reply;

    assert_null(store_done(f->st, request, &len));
    assert_int_equal(store_begin(f->st, &p), 0);
    assert_int_equal(store_commit(f->st, request, "answer", 6, &p), 0);
    store_close(&f->st);
    assert_int_equal(fix_open(f, &why), 0);
    reply = store_done(f->st, request, &len);
    assert_int_equal(len, 6);
    assert_memory_equal(reply, "answer", 6);
    free(reply);
}

static int query_file(const char *path, const char *sql)
{
    sqlite3 *db;
    int rc;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    return rc;
}

static bool file_holds(const char *path, const char *text)
{
    static char data[1 << 20];
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, data, sizeof(data));

    if (fd >= 0)
        close(fd);
    return n > 0 && memmem(data, (size_t)n, text, strlen(text)) != NULL;
}

static void no_secret_is_in_the_file_in_clear(void **state)
{
    struct fix *f = *state;
    struct store_problem p;
    struct stat st;
    char wal[160], id[64], secret[512];

    assert_int_equal(
        fix_add(f, "space",
                PAIRS("name", "S", "uri", "findme", "callId", "1", "passcode", "77665544332211"),
                id, &p),
        0);
    assert_int_equal(fix_add(f, "turnServer",
                             PAIRS("serverAddress", "10.0.0.1", "password", "hunter2hunter2"), NULL,
                             &p),
                     0);
    snprintf(secret, sizeof(secret), "%s", fix_value(f, "space", id, "secret"));
    snprintf(wal, sizeof(wal), "%s-wal", f->db);
    assert_true(file_holds(wal, "findme"));
    assert_false(file_holds(wal, "77665544332211") || file_holds(wal, "hunter2") ||
                 file_holds(wal, secret));
    store_close(&f->st);
    assert_true(file_holds(f->db, "findme"));
    assert_false(file_holds(f->db, "77665544332211") || file_holds(f->db, "hunter2") ||
                 file_holds(f->db, secret));
    assert_int_equal(stat(f->seal, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(f->db, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_newer_database_is_refused_with_a_sentence(void **state)
{
    struct fix *f = *state;
    struct str why = { 0 };

    store_close(&f->st);
    assert_int_equal(query_file(f->db, "PRAGMA user_version = 99"), SQLITE_OK);
    assert_int_equal(fix_open(f, &why), -EPROTO);
    assert_non_null(strstr(why.s, "has version 99, this Stoa knows version 1"));
    assert_null(f->st);
    str_fini(&why);
}

static void another_key_file_and_another_site_are_refused(void **state)
{
    struct fix *f = *state;
    struct str why = { 0 };
    char other[160];
    struct store_opts opts = { .path = f->db, .seal_path = other, .site = KINDS_SITE_INSIDE };

    snprintf(other, sizeof(other), "%s/other.seal", f->dir);
    store_close(&f->st);
    assert_int_equal(store_open(&f->st, &opts, &why), -EACCES);
    assert_non_null(strstr(why.s, "key file"));
    str_fini(&why);
    opts.seal_path = f->seal;
    opts.site = KINDS_SITE_EDGE;
    assert_int_equal(store_open(&f->st, &opts, &why), -EPROTO);
    assert_string_equal(why.s, "the database belongs to the site \"inside\"");
    str_fini(&why);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct fix *f = *state;
    struct str why = { 0 };
    FILE *file;

    store_close(&f->st);
    file = fopen(f->db, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is not a database\n", file);
    fclose(file);
    assert_int_equal(fix_open(f, &why), -EBADMSG);
    assert_non_null(strstr(why.s, "damaged"));
    str_fini(&why);
}

static void a_second_config_on_the_same_file_is_refused(void **state)
{
    struct fix *f = *state;
    struct store *second = NULL;
    struct str why = { 0 };
    struct store_opts opts = { .path = f->db, .seal_path = f->seal, .site = KINDS_SITE_INSIDE };
    struct store_problem p;

    assert_int_equal(fix_add(f, "space", PAIRS("name", "S", "uri", "a"), NULL, &p), 0);
    assert_int_equal(store_open(&second, &opts, &why), -EBUSY);
    assert_non_null(strstr(why.s, "another process has it open"));
    str_fini(&why);
}

static void a_column_that_is_missing_is_added(void **state)
{
    struct fix *f = *state;
    struct str why = { 0 };
    struct store_problem p;
    char id[64];

    assert_int_equal(fix_add(f, "space", PAIRS("name", "S", "uri", "a", "cdrTag", "x"), id, &p), 0);
    store_close(&f->st);
    assert_int_equal(query_file(f->db, "ALTER TABLE k_space DROP COLUMN cdrTag"), SQLITE_OK);
    assert_int_equal(fix_open(f, &why), 0);
    assert_string_equal(fix_value(f, "space", id, "cdrTag"), "(unset)");
    assert_int_equal(fix_set(f, "space", id, PAIRS("cdrTag", "y"), &p), 0);
    assert_string_equal(fix_value(f, "space", id, "cdrTag"), "y");
}

static void a_full_disk_refuses_the_write_and_loses_nothing(void **state)
{
    struct fix *f = *state;
    struct rlimit old, small = { 1024 * 1024, 0 };
    struct store_problem p = { 0 };
    struct str why = { 0 };
    char uri[32], name[201];
    int done = 0, err = 0;

    memset(name, 'n', 200);
    name[200] = '\0';
    getrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_IGN);
    small.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_FSIZE, &small);
    for (; !err && done < 5000; done += !err) {
        snprintf(uri, sizeof(uri), "u%d", done);
        err = fix_add(f, "space", PAIRS("uri", uri, "name", name), NULL, &p);
    }
    setrlimit(RLIMIT_FSIZE, &old);
    if (err >= 0 || done <= 10)
        fail_msg("error %d after %d rows: %s", err, done, p.text);
    assert_int_equal(p.code, STORE_UNAVAILABLE);
    assert_non_null(strstr(p.text, "full"));
    store_close(&f->st);
    assert_int_equal(fix_open(f, &why), 0);
    for (int i = 0; i < done; i++) {
        snprintf(uri, sizeof(uri), "u%d", i);
        assert_string_equal(fix_value(f, "space", uri, "uri"), uri);
    }
    snprintf(uri, sizeof(uri), "u%d", done);
    assert_string_equal(fix_value(f, "space", uri, "uri"), "(gone)");
    assert_int_equal(fix_add(f, "space", PAIRS("name", "S", "uri", uri), NULL, &p), 0);
}

static void a_missing_folder_is_a_sentence(void **state)
{
    struct fix *f = *state;
    struct store *st = NULL;
    struct str why = { 0 };
    struct store_opts opts = { .path = "/proc/nowhere/config.db",
                               .seal_path = f->seal,
                               .site = KINDS_SITE_INSIDE };

    assert_int_not_equal(store_open(&st, &opts, &why), 0);
    assert_non_null(strstr(why.s, "/proc/nowhere/config.db cannot be opened"));
    assert_null(st);
    str_fini(&why);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_row_is_stored_in_normal_form_and_read_back),
        TEST(rows_survive_a_reopening_and_numbers_go_on),
        TEST(an_absent_field_stays_and_an_empty_one_is_unset),
        TEST(a_refusal_names_kind_and_field),
        TEST(settings_are_there_once_and_can_only_be_changed),
        TEST(a_singleton_is_found_whatever_capitals_its_name_has),
        TEST(a_secret_is_made_with_the_call_id_and_again_on_demand),
        TEST(a_required_call_id_is_made),
        TEST(access_methods_go_with_their_space),
        TEST(lists_filter_page_and_count),
        TEST(an_answer_is_remembered_under_its_request),
        TEST(no_secret_is_in_the_file_in_clear),
        TEST(a_newer_database_is_refused_with_a_sentence),
        TEST(another_key_file_and_another_site_are_refused),
        TEST(a_file_that_is_no_database_is_refused),
        TEST(a_second_config_on_the_same_file_is_refused),
        TEST(a_column_that_is_missing_is_added),
        TEST(a_full_disk_refuses_the_write_and_loses_nothing),
        TEST(a_missing_folder_is_a_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
