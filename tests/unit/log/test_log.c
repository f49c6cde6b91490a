/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/str.h>
#include <log/log.h>

#include "cm.h"

static char dir[] = "/tmp/stoa-log-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/stoa-log-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/x.log", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    log_fini();
    for (int i = 0; i < 8; i++) {
        char *old = i ? str_printf("%s.%d", path, i) : str_dup(path);

        unlink(old);
        free(old);
    }
    return rmdir(dir);
}

static char *slurp(const char *file)
{
    static char text[65536];
    FILE *f = fopen(file, "r");
    size_t n;

    if (!f)
        return NULL;
    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

static void start(enum log_level level, size_t max_b)
{
    struct log_opts opts = { .daemon = "callbridge", .instance = "1f2e", .level = level,
                             .event_path = path, .event_max_b = max_b, .event_keep = 2 };

    assert_int_equal(log_init(&opts), 0);
}

static void an_event_becomes_one_json_line_with_its_context(void **state)
{
    struct log_ctx ctx = { .trace = "00112233445566778899aabbccddeeff", .call = "6" };
    char *text;

    (void)state;
    start(LOG_LEVEL_INFO, 0);
    log_event(LOG_LEVEL_WARNING, &ctx, "call %d: ICE failure; relay candidate creation timeout", 6);
    text = slurp(path);
    assert_non_null(strstr(text,
                           "\"level\":\"warning\",\"daemon\":\"callbridge\",\"instance\":\"1f2e\","
                           "\"text\":\"call 6: ICE failure; relay candidate creation timeout\","
                           "\"trace\":\"00112233445566778899aabbccddeeff\",\"call\":\"6\"}\n"));
    assert_true(str_starts(text, "{\"ts\":\"20"));
}

static void a_peer_cannot_forge_a_line(void **state)
{
    char *text;

    (void)state;
    start(LOG_LEVEL_INFO, 0);
    log_info("user \"%s\"", "a\n2026-01-01 forged\x1b[2J\xff");
    text = slurp(path);
    assert_int_equal(strchr(text, '\n') - text, (long)strlen(text) - 1);
    assert_non_null(strstr(text, "user \\\"a 2026-01-01 forged [2J?\\\""));
}

static void a_long_text_is_cut_visibly(void **state)
{
    static char big[3 * LOG_LINE_MAX];
    char *text;

    (void)state;
    memset(big, 'x', sizeof(big) - 1);
    start(LOG_LEVEL_INFO, 0);
    log_info("%s", big);
    text = slurp(path);
    assert_non_null(strstr(text, "xxx...\"}"));
    assert_true(strlen(text) < LOG_LINE_MAX + 200);
    log_info("short");
    text = slurp(path);
    assert_true(str_ends(text, "\"text\":\"short\"}\n"));
}

static void the_level_changes_at_run_time(void **state)
{
    enum log_level level;

    (void)state;
    start(LOG_LEVEL_WARNING, 0);
    log_info("not written");
    assert_string_equal(slurp(path), "");
    assert_int_equal(log_level_parse(&level, "Debug"), 0);
    log_level_set(level);
    log_debug("written");
    assert_non_null(strstr(slurp(path), "written"));
    assert_int_equal(log_level_parse(&level, "loud"), -EINVAL);
    assert_string_equal(log_level_word(log_level_get()), "debug");
}

static void the_event_file_is_bounded_and_keeps_older_ones(void **state)
{
    char *older;

    (void)state;
    start(LOG_LEVEL_INFO, 1000);
    for (int i = 0; i < 100; i++)
        log_info("line %d of a hundred", i);
    assert_true(strlen(slurp(path)) <= 1000);
    assert_non_null(strstr(slurp(path), "line 99 "));
    for (int i = 1; i <= 3; i++) {
        older = str_printf("%s.%d", path, i);
        assert_int_equal(access(older, F_OK) == 0, i <= 2);
        free(older);
    }
}

static void a_missing_directory_is_reported_and_stderr_still_works(void **state)
{
    struct log_opts opts = { .level = LOG_LEVEL_INFO, .event_path = "/nonexistent/x.log" };

    (void)state;
    assert_int_equal(log_init(&opts), -ENOENT);
    log_info("still here");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        CASE(an_event_becomes_one_json_line_with_its_context),
        CASE(a_peer_cannot_forge_a_line),
        CASE(a_long_text_is_cut_visibly),
        CASE(the_level_changes_at_run_time),
        CASE(the_event_file_is_bounded_and_keeps_older_ones),
        CASE(a_missing_directory_is_reported_and_stderr_still_works),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
