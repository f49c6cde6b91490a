/* SPDX-License-Identifier: Apache-2.0
 * Names, flags and branding from the site's configuration, live. The bus of this test never comes
 * up. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cm.h"

#include <bus/keys.h>
#include <site/site.h>

#include "webbridge.h"

static const char settings[] =
    "[settings]\n"
    "guestAccountClientUri = https://Join.CMS.octavio.local\n"
    "webBridgeUri = https://join.octavio.com:9443\n"
    "webBridgeHostnames = a.example, b.example\n"
    "customBackgroundImageUri = https://img.example:8000/a;script-src/b.png\n"
    "guestAccessViaHyperlinks = false\n"
    "[webBridge \"https://bridge1.octavio.local\"]\n";

static char dir[64];
static uv_loop_t loop;

static struct webbridge *new_bridge(void)
{
    static struct webbridge wb;
    struct bus_opts o = { .loop = &loop, .endpoint = "ipc:///nonexistent/bus.sock",
                          .role = "webbridge", .site = "inside", .keys_dir = dir };
    memset(&wb, 0, sizeof wb);
    assert_int_equal(bus_new(&wb.bus, &o), 0);
    wb.loop = &loop;
    wb.names = wb_names_new();
    wb.outside = wb_names_new();
    wb_sessions_start(&wb);
    return &wb;
}

static void end_bridge(struct webbridge *wb)
{
    wb_config_stop(wb);
    wb_sessions_stop(wb);
    wb_config_free(wb);
    wb_names_free(wb->names);
    wb_names_free(wb->outside);
    bus_free(&wb->bus);
    for (int i = 0; i < 5; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
}

static void load(struct webbridge *wb, const char *text)
{
    char why[256] = "";
    if (wb->site == NULL)
        wb->site = site_new(NULL, NULL);
    if (site_load_text(wb->site, text, why, sizeof why) != 0)
        fail_msg("%s", why);
    wb_config_apply(wb);
}

static void without_configuration_only_the_environment_counts(void **state)
{
    struct webbridge *wb = new_bridge();
    (void)state;
    wb->public_name = "public.example";
    wb_config_apply(wb);
    assert_true(wb_names_has(wb->names, "public.example"));
    assert_false(wb_names_has(wb->names, "localhost"));
    wb->demo = true;
    wb_config_apply(wb);
    assert_true(wb_names_has(wb->names, "localhost"));
    assert_true(wb->settings.id_and_passcode && wb->settings.hyperlinks);
    end_bridge(wb);
}

static void every_configured_name_is_answered(void **state)
{
    static const char *const names[] = { "join.cms.octavio.local", "join.octavio.com", "a.example",
                                         "b.example", "bridge1.octavio.local" };
    struct webbridge *wb = new_bridge();
    (void)state;
    load(wb, settings);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_true(wb_names_has(wb->names, names[i]));
    assert_false(wb_names_has(wb->names, "localhost"));
    assert_false(wb_names_has(wb->names, "img.example"));
    end_bridge(wb);
}

static void through_a_zone_only_the_external_names_count(void **state)
{
    static const char *const names[] = { "join.octavio.com", "a.example", "b.example" };
    static const char *const inside[] = { "join.cms.octavio.local", "bridge1.octavio.local",
                                          "localhost", "127.0.0.1" };
    struct webbridge *wb = new_bridge();
    (void)state;
    load(wb, settings);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_true(wb_names_has(wb->outside, names[i]));
    for (size_t i = 0; i < ARRAY_LEN(inside); i++)
        assert_false(wb_names_has(wb->outside, inside[i]));
    wb->demo = true; /* localhost is the demo's name outside, addresses never are */
    wb->public_name = "public.example";
    wb_config_apply(wb);
    assert_true(wb_names_has(wb->outside, "localhost"));
    assert_true(wb_names_has(wb->outside, "public.example"));
    assert_false(wb_names_has(wb->outside, "127.0.0.1"));
    assert_false(wb_names_has(wb->outside, "join.cms.octavio.local"));
    end_bridge(wb);
}

static void flags_and_branding_reach_the_welcome(void **state)
{
    struct webbridge *wb = new_bridge();
    (void)state;
    load(wb, settings);
    assert_true(wb->settings.id_and_passcode);
    assert_false(wb->settings.hyperlinks);
    assert_non_null(strstr(wb->welcome, "\"hyperlinks\":false"));
    assert_non_null(strstr(wb->welcome, "\"backgroundImage\":\"https://img.example:8000/"));
    /* no directive of its own */
    assert_string_equal(wb->settings.img_src, "https://img.example:8000");
    load(wb, "[settings]\nguestAccessViaIdAndPasscode = disabled\n");
    assert_false(wb->settings.id_and_passcode);
    assert_non_null(strstr(wb->welcome, "\"idAndPasscode\":false"));
    assert_true(!wb->settings.disabled && wb->settings.http_redirect);
    load(wb, "[settings]\nwebBridgeEnabled = off\nwebBridgeHttpRedirect = off\n"
             "webBridgeListen = 10.0.0.1:443\n");
    assert_true(wb->settings.disabled && !wb->settings.http_redirect);
    assert_string_equal(wb->settings.listen, "10.0.0.1:443");
    end_bridge(wb);
}

static int set_up(void **state)
{
    (void)state;
    bus_czmq_init();
    strcpy(dir, "/tmp/stoa-keys-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(bus_keys_make(dir, "inside"), 0);
    return uv_loop_init(&loop);
}

static int tear_down(void **state)
{
    (void)state;
    char *command = str_printf("rm -rf '%s'", dir);
    int err = system(command);
    free(command);
    return err != 0 ? err : uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_configuration_only_the_environment_counts),
        cmocka_unit_test(every_configured_name_is_answered),
        cmocka_unit_test(through_a_zone_only_the_external_names_count),
        cmocka_unit_test(flags_and_branding_reach_the_welcome),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
