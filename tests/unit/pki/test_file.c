/* SPDX-License-Identifier: Apache-2.0 */
#include <pki/file.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <base/str.h>

#include "pki_test.h"

static char folder[64];
static char *cert_path, *key_path;

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void a_pair_is_stored_and_loaded(void **state)
{
    struct pki_pair ca = test_ca(), back;

    (void)state;
    assert_int_equal(pki_file_store_cert(cert_path, ca.cert_pem, NULL), 0);
    assert_int_equal(pki_file_store_key(key_path, ca.key_pem, NULL), 0);
    assert_int_equal(mode_of(cert_path), 0644);
    assert_int_equal(mode_of(key_path), 0600);
    assert_int_equal(pki_file_load_pair(&back, cert_path, key_path, NOW, NULL), 0);
    assert_string_equal(back.cert_pem, ca.cert_pem);
    assert_string_equal(back.key_pem, ca.key_pem);
    pki_pair_fini(&back);
    pki_pair_fini(&ca);
}

static void a_second_store_replaces_the_first_and_narrows_its_mode(void **state)
{
    char *text;

    (void)state;
    assert_int_equal(pki_file_store_cert(key_path, "one", NULL), 0);
    assert_int_equal(pki_file_store_key(key_path, "two", NULL), 0);
    assert_int_equal(mode_of(key_path), 0600);
    assert_int_equal(pki_file_load(&text, key_path, NULL), 0);
    assert_string_equal(text, "two");
    free(text);
}

static void faults_name_the_file(void **state)
{
    struct pki_pair ca = test_ca(), other = test_ca(), back = { 0 };
    struct pki_err err;
    char *text = NULL, *missing = str_printf("%s/none/x.pem", folder);

    (void)state;
    assert_int_equal(pki_file_load(&text, missing, &err), -ENOENT);
    assert_non_null(strstr(err.text, missing));
    assert_int_equal(pki_file_store_key(missing, "x", &err), -ENOENT);
    assert_int_equal(pki_file_store_cert(cert_path, ca.cert_pem, NULL), 0);
    assert_int_equal(pki_file_store_key(key_path, other.key_pem, NULL), 0);
    assert_int_equal(pki_file_load_pair(&back, cert_path, key_path, NOW, &err), -EACCES);
    assert_non_null(strstr(err.text, key_path));
    assert_non_null(strstr(err.text, "does not belong"));
    assert_int_equal(pki_file_load_pair(&back, cert_path, key_path, NOW + 4000 * DAY, &err),
                     -EACCES);
    assert_non_null(strstr(err.text, "expired on"));
    assert_int_equal(pki_file_load_pair(&back, cert_path, key_path, NOW - 2 * DAY, &err), -EACCES);
    assert_int_equal(pki_file_load_pair(&back, key_path, key_path, NOW, &err), -EBADMSG);
    assert_null(back.cert_pem);
    free(missing);
    pki_pair_fini(&ca);
    pki_pair_fini(&other);
}

static void files_that_are_no_text_are_refused(void **state)
{
    FILE *f = fopen(cert_path, "w");
    char *text = NULL;

    (void)state;
    assert_int_equal(fwrite("a\0b", 1, 3, f), 3);
    fclose(f);
    assert_int_equal(pki_file_load(&text, cert_path, NULL), -EBADMSG);
    assert_int_equal(truncate(cert_path, PKI_PEM_MAX_B + 1), 0);
    assert_int_equal(pki_file_load(&text, cert_path, NULL), -E2BIG);
    assert_null(text);
}

static void a_stamp_changes_with_the_file(void **state)
{
    int64_t before;

    (void)state;
    assert_int_equal(pki_file_store_cert(cert_path, "one", NULL), 0);
    before = pki_file_stamp(cert_path);
    assert_int_not_equal(before, 0);
    assert_int_equal(pki_file_stamp(cert_path), before);
    assert_int_equal(pki_file_store_cert(cert_path, "two", NULL), 0);
    assert_int_not_equal(pki_file_stamp(cert_path), before);
    unlink(cert_path);
    assert_int_equal(pki_file_stamp(cert_path), 0);
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/stoa-pki-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    cert_path = str_printf("%s/cert.pem", folder);
    key_path = str_printf("%s/key.pem", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(cert_path);
    unlink(key_path);
    free(cert_path);
    free(key_path);
    return rmdir(folder); /* fails when a temporary file was left behind */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_is_stored_and_loaded),
        cmocka_unit_test(a_second_store_replaces_the_first_and_narrows_its_mode),
        cmocka_unit_test(faults_name_the_file),
        cmocka_unit_test(a_stamp_changes_with_the_file),
        cmocka_unit_test(files_that_are_no_text_are_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
