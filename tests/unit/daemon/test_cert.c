/* SPDX-License-Identifier: Apache-2.0
 * A server's certificate: checked, watched, taken over. */
#include <daemon/cert.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <daemon/daemon.h>
#include <loop/clock.h>
#include <pki/file.h>

#include "cm.h"

static const struct daemon_def def = { .role = "webbridge", .summary = "for tests" };
static uv_loop_t loop;
static struct daemon *d;
static char dir[] = "/tmp/stoa-cert-XXXXXX", cert_path[64], key_path[64];

static int uses;
static bool refuse;

static int use(void *arg, struct str *why)
{
    (void)arg;
    if (!refuse) {
        uses++;
        return 0;
    }
    str_add(why, "it does not please");
    return -EACCES;
}

static void write_pair(int64_t age_s)
{
    static const char *const names[] = { "localhost" };
    struct pki_opts o = { .names = names, .name_count = 1, .days = 40,
                          .now_s = time(NULL) - age_s };
    struct pki_pair pair = { 0 };

    assert_int_equal(pki_self_signed(&pair, &o, NULL), 0);
    assert_int_equal(pki_file_store_cert(cert_path, pair.cert_pem, NULL), 0);
    assert_int_equal(pki_file_store_key(key_path, pair.key_pem, NULL), 0);
    pki_pair_fini(&pair);
}

static struct daemon_cert *watch(void)
{
    const struct daemon_cert_opts o = { .name = "a.crt", .cert_path = cert_path,
                                        .key_path = key_path, .fault = "aCertificate",
                                        .use = use };

    return daemon_cert_new(d, &o);
}

static void a_pair_is_checked_before_it_is_used(void **state)
{
    struct str why = { 0 };

    (void)state;
    assert_int_equal(daemon_cert_check(cert_path, key_path, &why), 0);
    write_pair(50 * 86400); /* over */
    assert_int_equal(daemon_cert_check(cert_path, key_path, &why), -EACCES);
    assert_non_null(strstr(why.s, cert_path));
    str_fini(&why);
    assert_int_equal(daemon_cert_check("/nowhere.crt", key_path, &why), -EACCES);
    assert_non_null(strstr(why.s, "/nowhere.crt"));
    str_fini(&why);
}

static void a_changed_pair_is_taken_over_once(void **state)
{
    struct daemon_cert *c = watch();
    int64_t end_ms = loop_now_ms() + 20000;

    (void)state;
    write_pair(0);
    while (uses == 0 && loop_now_ms() < end_ms)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(uses, 1);
    assert_int_equal(daemon_fault_count(d), 0);
    daemon_cert_free(&c);
}

static void what_cannot_be_used_is_a_fault_until_it_can(void **state)
{
    struct daemon_cert *c = watch();

    (void)state;
    refuse = true;
    daemon_cert_reload(c);
    assert_int_equal(daemon_fault_count(d), 1);
    refuse = false;
    write_pair(50 * 86400);
    daemon_cert_reload(c);
    assert_int_equal(uses, 0);
    assert_int_equal(daemon_fault_count(d), 1);
    write_pair(0);
    daemon_cert_reload(c);
    assert_int_equal(uses, 1);
    assert_int_equal(daemon_fault_count(d), 0);
    daemon_cert_free(&c);
}

static int set_up(void **state)
{
    (void)state;
    uses = 0;
    refuse = false;
    write_pair(0);
    assert_int_equal(uv_loop_init(&loop), 0);
    d = daemon_bare_new(&loop, &def, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    daemon_bare_free(d);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pair_is_checked_before_it_is_used),
        TEST(a_changed_pair_is_taken_over_once),
        TEST(what_cannot_be_used_is_a_fault_until_it_can),
    };
    int failed;

    assert_non_null(mkdtemp(dir));
    snprintf(cert_path, sizeof(cert_path), "%s/a.crt", dir);
    snprintf(key_path, sizeof(key_path), "%s/a.key", dir);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(cert_path);
    (void)unlink(key_path);
    (void)rmdir(dir);
    return failed;
}
