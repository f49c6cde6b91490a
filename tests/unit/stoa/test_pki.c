/* SPDX-License-Identifier: Apache-2.0
 * `stoa pki` as an operator calls it: argv[1] is the program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/str.h>

#include "cm.h"

static const char *stoa;
static char folder[64];
static char output[8192];

/* Runs `stoa pki ARGS` in the folder; returns its exit code, its words are in `output`. */
static int pki(const char *args)
{
    char *command =
        str_printf("cd %s && STOA_STATE=%s '%s' pki %s 2>&1", folder, folder, stoa, args);
    FILE *p = popen(command, "r");
    size_t len;
    int status;

    assert_non_null(p);
    len = fread(output, 1, sizeof(output) - 1, p);
    output[len] = 0;
    status = pclose(p);
    free(command);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define SAID(text) assert_non_null(strstr(output, text))

static void a_ca_issues_and_the_leaf_verifies(void **state)
{
    (void)state;
    assert_int_equal(pki("ca --cn 'Inside CA' --cert ca.pem --key ca.key"), 0);
    SAID("certificate authority");
    assert_int_equal(pki("ca --cn 'Inside CA' --cert ca.pem --key ca.key"), 1);
    SAID("ca.key exists; --force replaces it");
    assert_int_equal(
        pki("issue --ca ca.pem --ca-key ca.key --name a.example --cert a.pem --key a.key"), 0);
    assert_int_equal(pki("verify --cert a.pem --bundle ca.pem --name a.example"), 0);
    assert_int_equal(pki("verify --cert a.pem --bundle ca.pem --name b.example --json"), 1);
    SAID("{\"ok\":false,\"reason\":\"the certificate is not made for b.example but for "
         "a.example\"}");
    assert_int_equal(pki("match --cert a.pem --key ca.key"), 1);
    SAID("does not belong");
    assert_int_equal(pki("inspect a.pem --json"), 0);
    SAID("\"names\":[\"a.example\"]");
}

static void a_request_is_signed(void **state)
{
    (void)state;
    assert_int_equal(pki("csr --name edge.example --cert e.csr --key e.key"), 0);
    assert_int_equal(pki("issue --ca ca.pem --ca-key ca.key --csr e.csr --cert e.pem"), 0);
    assert_int_equal(pki("match --cert e.pem --key e.key"), 0);
    assert_int_equal(pki("selfsigned --name s.example --cert s.pem --key s.key"), 0);
    assert_int_equal(pki("verify --cert s.pem --bundle ca.pem"), 1);
}

static void wrong_usage_is_explained(void **state)
{
    (void)state;
    assert_int_equal(pki(""), 2);
    assert_int_equal(pki("nonsense"), 2);
    assert_int_equal(pki("ca --cn x"), 2);
    SAID("ca needs --cert FILE");
    assert_int_equal(pki("ca --days 0"), 2);
    assert_int_equal(pki("issue --cert x --ca x --ca-key x"), 2);
    assert_int_equal(pki("inspect missing.pem"), 1);
    SAID("cannot read missing.pem");
    assert_int_equal(pki("--help"), 0);
    SAID("selfsigned");
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/stoa-cmd-pki-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const files[] = { "ca.pem", "ca.key", "a.pem", "a.key", "e.csr",
                                         "e.pem",  "e.key",  "s.pem", "s.key" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char *path = str_printf("%s/%s", folder, files[i]);

        unlink(path);
        free(path);
    }
    return rmdir(folder);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ca_issues_and_the_leaf_verifies),
        cmocka_unit_test(a_request_is_signed),
        cmocka_unit_test(wrong_usage_is_explained),
    };

    if (argc < 2)
        return 2;
    stoa = argv[1];
    return cmocka_run_group_tests(tests, setup, teardown);
}
