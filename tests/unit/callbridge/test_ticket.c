/* SPDX-License-Identifier: Apache-2.0
 * Tickets: what they carry, and that nobody else can make or change one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <base/str.h>

#include "cm.h"
#include "callbridge.h"

static const uint8_t key[32] = { 1, 2, 3 }, other_key[32] = { 1, 2, 4 };
static const struct ticket sample = {
    .space = "0b2f4f5c-6a5e-4f0e-9d43-4a2f1f0a7a11",
    .access = "11111111-2222-4333-8444-555555555555",
    .jid = "guest0123456789@example.com",
    .token = "abcdefghijklmnop",
    .expires_s = 2000,
};

static void a_ticket_says_what_was_put_in(void **state)
{
    struct ticket bare = { .space = "s", .jid = "j", .expires_s = 5 }, out;
    char *text = ticket_seal(key, &sample);

    (void)state;
    assert_int_equal(ticket_open(&out, key, text, 1999), 0);
    assert_string_equal(out.space, sample.space);
    assert_string_equal(out.access, sample.access);
    assert_string_equal(out.jid, sample.jid);
    assert_string_equal(out.token, sample.token);
    assert_int_equal(out.expires_s, 2000);
    free(text);
    text = ticket_seal(key, &bare);
    assert_int_equal(ticket_open(&out, key, text, 4), 0);
    assert_string_equal(out.access, "");
    assert_string_equal(out.token, "");
    free(text);
}

static void two_tickets_with_the_same_content_differ_and_show_nothing(void **state)
{
    char *a = ticket_seal(key, &sample), *b = ticket_seal(key, &sample);

    (void)state;
    assert_string_not_equal(a, b);
    assert_null(strstr(a, "guest"));
    assert_int_equal(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                     strlen(a));
    free(a);
    free(b);
}

static void a_ticket_ends(void **state)
{
    char *text = ticket_seal(key, &sample);
    struct ticket out;

    (void)state;
    assert_int_equal(ticket_open(&out, key, text, 2000), -ETIMEDOUT);
    assert_int_equal(ticket_open(&out, key, text, INT64_MAX), -ETIMEDOUT);
    free(text);
}

static void a_ticket_of_another_site_is_refused(void **state)
{
    char *text = ticket_seal(other_key, &sample);
    struct ticket out;

    (void)state;
    assert_int_equal(ticket_open(&out, key, text, 0), -EACCES);
    free(text);
}

static void a_changed_or_cut_ticket_is_refused(void **state)
{
    char *text = ticket_seal(key, &sample), *longer;
    size_t len = strlen(text);
    struct ticket out;

    (void)state;
    for (size_t i = 0; i + 1 < len; i++) { /* the last digit has bits that mean nothing */
        char was = text[i];

        text[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(ticket_open(&out, key, text, 0), -EACCES);
        text[i] = was;
    }
    for (size_t cut = 0; cut < len; cut++) {
        char *part = str_ndup(text, cut);

        assert_int_equal(ticket_open(&out, key, part, 0), -EACCES);
        free(part);
    }
    longer = str_printf("%sAAAA", text);
    assert_int_equal(ticket_open(&out, key, longer, 0), -EACCES);
    free(longer);
    free(text);
}

static void nonsense_is_refused(void **state)
{
    static const char *const bad[] = { "", " ", "....", "AAAA", "\xff\xfe", "a b c d", "====" };
    struct ticket out;
    char *huge = malloc(100001);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(ticket_open(&out, key, bad[i], 0), -EACCES);
    assert_non_null(huge);
    memset(huge, 'A', 100000);
    huge[100000] = '\0';
    assert_int_equal(ticket_open(&out, key, huge, 0), -EACCES);
    free(huge);
}

static void all_callbridges_of_a_site_get_the_same_key_and_nobody_else_reads_it(void **state)
{
    char dir[] = "/tmp/stoa-ticket-XXXXXX", *path, *stale;
    uint8_t first[32], second[32];
    struct stat st;
    FILE *f;

    (void)state;
    assert_non_null(mkdtemp(dir));
    path = str_printf("%s/ticket.key", dir);
    stale = str_printf("%s.%ld", path, (long)getpid());
    f = fopen(stale, "we"); /* left behind by one that was killed while it made the key */
    assert_non_null(f);
    (void)fclose(f);
    assert_int_equal(ticket_key_load(first, path), 0);
    assert_int_equal(ticket_key_load(second, path), 0);
    assert_memory_equal(first, second, sizeof(first));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(access(stale, F_OK), -1);
    f = fopen(path, "we"); /* a file of the wrong size is no key */
    assert_non_null(f);
    (void)fputs("short", f);
    (void)fclose(f);
    assert_int_equal(ticket_key_load(first, path), -EBADMSG);
    (void)unlink(path);
    assert_int_equal(ticket_key_load(first, "/nonexistent/ticket.key"), -ENOENT);
    (void)rmdir(dir);
    free(path);
    free(stale);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_says_what_was_put_in),
        cmocka_unit_test(two_tickets_with_the_same_content_differ_and_show_nothing),
        cmocka_unit_test(a_ticket_ends),
        cmocka_unit_test(a_ticket_of_another_site_is_refused),
        cmocka_unit_test(a_changed_or_cut_ticket_is_refused),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(all_callbridges_of_a_site_get_the_same_key_and_nobody_else_reads_it),
    };
    return cmocka_run_group_tests_name("callbridge ticket", tests, NULL, NULL);
}
