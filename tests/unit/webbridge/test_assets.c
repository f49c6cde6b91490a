/* SPDX-License-Identifier: Apache-2.0
 * The table of files: what is in it, what can never be, and which coding is sent. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cm.h"

#include <base/str.h>

#include "assets.h"

static char dir[64];

static void put(const char *name, const char *text)
{
    char *path = str_printf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    free(path);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/stoa-assets-XXXXXX");
    assert_non_null(mkdtemp(dir));
    char *sub = str_printf("%s/assets", dir);
    mkdir(sub, 0700);
    free(sub);
    put("index.html", "<!doctype html>");
    put("assets/app-4GZ7QK2B.js", "console.log('a long enough text')");
    put("assets/app-4GZ7QK2B.js.gz", "gzipped bytes");
    put("assets/app-4GZ7QK2B.js.br", "brotli");
    put("assets/large.css", "a{}");
    put("assets/large.css.gz", "longer than the file itself");
    put(".hidden", "secret");
    char *link = str_printf("%s/passwd", dir);
    assert_int_equal(symlink("/etc/passwd", link), 0);
    free(link);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char *cmd = str_printf("rm -rf '%s'", dir);
    int err = system(cmd);
    free(cmd);
    return err;
}

static struct wb_assets *load(void)
{
    struct wb_assets *a;
    assert_int_equal(wb_assets_load(&a, dir), 0);
    return a;
}

static void the_pages_of_the_guide_are_the_index(void **state)
{
    struct wb_assets *a = load();
    (void)state;
    const struct wb_asset *f = wb_assets_find(a, "/");
    assert_non_null(f);
    assert_string_equal(f->path, "/index.html");
    assert_ptr_equal(wb_assets_find(a, "/index.html"), f);
    assert_ptr_equal(wb_assets_find(a, "/invited.sf"), f);
    assert_false(f->hashed);
    wb_assets_free(a);
}

static void nothing_outside_the_table_is_found(void **state)
{
    static const char *const tries[] = {
        "", "/nothing", "/../etc/passwd", "/assets/../index.html", "//index.html", "/assets",
        "/assets/", "/.hidden", "/passwd", "/assets/app-4GZ7QK2B.js.gz", "/INDEX.HTML",
        "index.html",
        "/healthz", "/assets/%2e%2e/index.html", "/invited.sf/",
    };
    struct wb_assets *a = load();
    (void)state;
    assert_int_equal(wb_assets_count(a), 3);
    for (size_t i = 0; i < ARRAY_LEN(tries); i++)
        assert_null(wb_assets_find(a, tries[i]));
    wb_assets_free(a);
}

static const struct {
    const char *accept;
    enum wb_coding coding;
} accepts[] = {
    { NULL, WB_IDENTITY },
    { "", WB_IDENTITY },
    { "gzip, deflate, br, zstd", WB_BROTLI },
    { "gzip", WB_GZIP },
    { "GZip", WB_GZIP },
    { "gzip;q=0, br;q=0", WB_IDENTITY },
    { "gzip;q=0.5,br;q=0.000", WB_GZIP },
    { "br ; q=1.0", WB_BROTLI },
    { "*", WB_BROTLI },
    { "brotli, gzipped", WB_IDENTITY },
    { "identity", WB_IDENTITY },
    { ",,;,", WB_IDENTITY },
};

static void the_smallest_accepted_coding_is_sent(void **state)
{
    struct wb_assets *a = load();
    const struct wb_asset *f = wb_assets_find(a, "/assets/app-4GZ7QK2B.js");
    (void)state;
    assert_non_null(f);
    assert_true(f->hashed);
    assert_string_equal(f->type, "text/javascript; charset=utf-8");
    for (size_t i = 0; i < ARRAY_LEN(accepts); i++)
        assert_int_equal(wb_asset_choose(f, accepts[i].accept), accepts[i].coding);
    f = wb_assets_find(a, "/assets/large.css");
    assert_int_equal(wb_asset_choose(f, "gzip"), WB_IDENTITY); /* gzip made it longer */
    wb_assets_free(a);
}

static void an_entity_tag_belongs_to_one_coding_of_one_content(void **state)
{
    struct wb_assets *a = load();
    char plain[48], br[48], list[128];
    (void)state;
    const struct wb_asset *f = wb_assets_find(a, "/assets/app-4GZ7QK2B.js");
    wb_asset_etag(f, WB_IDENTITY, plain);
    wb_asset_etag(f, WB_BROTLI, br);
    assert_string_not_equal(plain, br);
    assert_true(wb_etag_matches(br, br));
    assert_false(wb_etag_matches(plain, br));
    snprintf(list, sizeof list, "\"other\", W/%s", br);
    assert_true(wb_etag_matches(list, br));
    assert_true(wb_etag_matches("*", br));
    assert_false(wb_etag_matches(NULL, br));
    assert_false(wb_etag_matches("", br));
    assert_false(wb_etag_matches("\"", br));
    wb_assets_free(a);
}

static void only_names_with_a_hash_are_cached_for_ever(void **state)
{
    (void)state;
    assert_true(wb_name_is_hashed("/a/app-4GZ7QK2B.js"));
    assert_true(wb_name_is_hashed("/a/app-4GZ7QK2B.js.map"));
    assert_true(wb_name_is_hashed("/a/app.1a2b3c4d5e.css"));
    assert_true(wb_name_is_hashed("/a/app-ABCDEFGH.js"));
    assert_false(wb_name_is_hashed("/index.html"));
    assert_false(wb_name_is_hashed("/background-image.png"));
    assert_false(wb_name_is_hashed("/app-deadbeef.d/readme"));
    assert_false(wb_name_is_hashed("/app-1234567.js"));
    assert_false(wb_name_is_hashed("/noextension-4GZ7QK2B"));
}

static void a_folder_without_index_is_refused(void **state)
{
    struct wb_assets *a;
    char *sub = str_printf("%s/assets", dir), *none = str_printf("%s/none", dir);
    (void)state;
    assert_int_equal(wb_assets_load(&a, sub), -ENOENT);
    assert_null(a);
    assert_int_equal(wb_assets_load(&a, none), -ENOENT);
    free(sub);
    free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pages_of_the_guide_are_the_index),
        cmocka_unit_test(nothing_outside_the_table_is_found),
        cmocka_unit_test(the_smallest_accepted_coding_is_sent),
        cmocka_unit_test(an_entity_tag_belongs_to_one_coding_of_one_content),
        cmocka_unit_test(only_names_with_a_hash_are_cached_for_ever),
        cmocka_unit_test(a_folder_without_index_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
