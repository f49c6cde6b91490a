/* SPDX-License-Identifier: Apache-2.0
 * What an acknowledged write is worth: kill -9, a full disk, a state directory that cannot be used.
 * tests/unit/config/test_kill.c does the same 200 times on the store alone. */
#include "confix.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/str.h>

#include "cm.h"

enum { KILLS = 20 };

static int setup(void **state)
{
    struct confix *c = calloc(1, sizeof(*c));

    confix_open(c);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    confix_close(*state);
    free(*state);
    return 0;
}

/* Writes go on through the kills with the same request id: none may be lost, none done twice (a
 * second time would be refused as a duplicate). */
static void writes_survive_kill_9_of_the_daemon(void **state)
{
    struct confix *c = *state;
    struct confix_answer a;
    unsigned n = 0;
    char uri[16];

    srandom((unsigned)getpid());
    for (int k = 0; k < KILLS; k++) {
        for (unsigned i = 0, before = 1 + (unsigned)random() % 4; i < before; i++) {
            snprintf(uri, sizeof(uri), "u%u", n++);
            confix_add(c, "space", CONFIX_FIELDS("name", "S", "uri", uri, "passcode", "1"), &a);
            assert_int_equal(a.code, BUS_OK);
            assert_string_equal(a.problem, "");
        }
        snprintf(uri, sizeof(uri), "u%u", n++);
        confix_add_start(c, "space", CONFIX_FIELDS("name", "S", "uri", uri, "passcode", "1"), &a);
        busfix_run_for(c->bus_fix, (int)(random() % 8));
        confix_stop(c, SIGKILL);
        confix_start(c);
        confix_wait(c, &a);
        if (a.code != BUS_OK || a.problem[0])
            fail_msg("kill %d, write %u: code %d, %s %s", k, n - 1, (int)a.code, a.problem, a.text);
    }
    for (unsigned i = 0; i < n; i++) {
        snprintf(uri, sizeof(uri), "u%u", i);
        assert_string_equal(confix_value(c, "space", uri, "uri"), uri);
    }
    print_message("%d kills, %u writes, all there once\n", KILLS, n);
}

static void a_full_disk_refuses_the_write_and_says_so(void **state)
{
    struct confix *c = *state;
    struct confix_answer a = { 0 };
    char uri[16], name[200];
    int n = 0;

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    confix_stop(c, SIGTERM);
    c->file_limit_b = 600 * 1024;
    confix_start(c);
    for (; n < 500 && !a.problem[0]; n++) {
        snprintf(uri, sizeof(uri), "u%d", n);
        confix_add(c, "space", CONFIX_FIELDS("uri", uri, "name", name), &a);
        assert_int_equal(a.code, BUS_OK);
    }
    n--;
    assert_true(n > 3);
    assert_string_equal(a.problem, "databaseNotReady");
    assert_non_null(strstr(a.text, "the database cannot be used"));
    /* It goes on reading, and stays alive. */
    assert_string_equal(confix_value(c, "space", "u0", "uri"), "u0");
    confix_stop(c, SIGTERM);
    c->file_limit_b = 0;
    confix_start(c);
    for (int i = 0; i < n; i++) {
        snprintf(uri, sizeof(uri), "u%d", i);
        assert_string_equal(confix_value(c, "space", uri, "uri"), uri);
    }
    snprintf(uri, sizeof(uri), "u%d", n);
    assert_string_equal(confix_value(c, "space", uri, "uri"), "(gone)");
}

static void a_database_that_cannot_be_made_ends_with_a_sentence(void **state)
{
    struct confix *c = *state;
    struct confix_answer a;
    char *data = str_printf("%s/data", busfix_dir(c->bus_fix));
    char *db = str_printf("%s/config.db", data);
    int code;

    confix_add(c, "space", CONFIX_FIELDS("name", "S", "uri", "a"), &a);
    confix_stop(c, SIGTERM);
    assert_int_equal(unlink(db), 0);
    assert_int_equal(mkdir(db, 0700), 0); /* root may write anywhere, but not to a folder */
    confix_start(c);
    code = confix_wait_exit(c);
    assert_true(code > 0);
    if (!strstr(confix_log(c), "config.db cannot be opened"))
        fail_msg("no sentence in: %s", confix_log(c));
    assert_int_equal(rmdir(db), 0);
    free(db);
    free(data);
}

static void no_room_at_the_start_ends_with_a_sentence(void **state)
{
    struct confix *c = *state;
    struct confix_answer a;
    char *db = str_printf("%s/data/config.db", busfix_dir(c->bus_fix));

    confix_add(c, "space", CONFIX_FIELDS("name", "S", "uri", "a"), &a);
    confix_stop(c, SIGTERM);
    assert_int_equal(unlink(db), 0);
    c->file_limit_b = 32 * 1024;
    confix_start(c);
    assert_true(confix_wait_exit(c) > 0);
    if (!strstr(confix_log(c), "the database"))
        fail_msg("no sentence in: %s", confix_log(c));
    free(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_survive_kill_9_of_the_daemon),
        TEST(a_full_disk_refuses_the_write_and_says_so),
        TEST(a_database_that_cannot_be_made_ends_with_a_sentence),
        TEST(no_room_at_the_start_ends_with_a_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
