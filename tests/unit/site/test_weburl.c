/* SPDX-License-Identifier: Apache-2.0
 * Web bridge URLs, and where the configuration says they lead. */
#include <site/weburl.h>

#include <errno.h>

#include <base/str.h>
#include <conf/conf.h>
#include <site/site.h>

#include "cm.h"

enum { MAX = 16 };

static struct site *site;

static void reads(const char *url, const char *host, uint16_t port)
{
    struct site_weburl u;

    assert_int_equal(site_weburl_parse(&u, url), 0);
    assert_string_equal(u.host, host);
    assert_int_equal(u.port, port);
}

static void urls_are_read(void **state)
{
    (void)state;
    reads("https://cmsweb.cms.octavio.local", "cmsweb.cms.octavio.local", 0);
    reads("https://CMSweb.Octavio.com./?x=1#y", "cmsweb.octavio.com", 0);
    reads("HTTPS://cmsweb.octavio.com:8443/path", "cmsweb.octavio.com", 8443);
    reads("cmsweb.octavio.com", "cmsweb.octavio.com", 0);
    reads("https://10.0.0.5:443", "10.0.0.5", 443);
    reads("https://[2001:DB8::1]:8443/", "2001:db8::1", 8443);
    reads("[::1]", "::1", 0);
}

static void what_is_no_https_url_is_refused(void **state)
{
    static const char *const bad[] = { "", "https://", "https://:8443", "http://web.example",
                                       "ftp://web.example", "https://web.example:0",
                                       "https://web.example:65536", "https://web.example:12345678",
                                       "https://web.example:x", "https://[::1", "https://[::1]x",
                                       "https://[]", "https://." };
    char name[SITE_WEBURL_HOST_MAX + 1] = "";
    struct site_weburl u;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (site_weburl_parse(&u, bad[i]) != -EINVAL)
            fail_msg("accepted: %s", bad[i]);
    for (size_t i = 0; i < SITE_WEBURL_HOST_MAX; i++)
        name[i] = 'x';
    assert_int_equal(site_weburl_parse(&u, name), -EINVAL);
}

/* "a, b" for what a URL leads to in an environment. Owner: a static buffer. */
static const char *leads_to(const char *url, const char *row, char *const *env)
{
    static char text[MAX * ADDR_TEXT_MAX];
    char error[CONF_ERROR_MAX] = "", one[ADDR_TEXT_MAX];
    struct addr out[MAX];
    struct conf *conf = NULL;
    struct str all = { 0 };
    struct site_weburl u;
    size_t n;

    assert_int_equal(conf_load(&conf, env, error), 0);
    assert_int_equal(site_weburl_parse(&u, url), 0);
    n = site_weburl_static(&u, conf, site, row, out, MAX);
    for (size_t i = 0; i < n; i++)
        str_addf(&all, "%s%s", i ? ", " : "", addr_print(&out[i], one));
    (void)str_copy(text, sizeof(text), all.s ? all.s : "");
    str_fini(&all);
    conf_free(conf);
    return text;
}

static const char *leads(const char *url, char *const *env)
{
    return leads_to(url, "https", env);
}

static void addresses_and_records_lead_there_without_dns(void **state)
{
    char *none[] = { NULL };

    (void)state;
    assert_string_equal(leads("https://10.0.0.5", none), "10.0.0.5:443");
    assert_string_equal(leads("https://[2001:db8::1]:8443", none), "[2001:db8::1]:8443");
    assert_string_equal(leads("https://two.example", none), "10.0.0.1:443, 10.0.0.2:8443");
    assert_string_equal(leads("https://TWO.example:444", none), "10.0.0.1:444, 10.0.0.2:8443");
    assert_string_equal(leads("https://unknown.example", none), "");
}

static void a_loopback_record_without_port_is_this_machine(void **state)
{
    char *none[] = { NULL };
    char *base[] = { "STOA_PORT_BASE=20000", "STOA_WEBBRIDGES=3", "STOA_NUMBER=2", NULL };
    char *listen[] = { "STOA_LISTEN=10.9.8.7", NULL };
    char *off[] = { "STOA_PORT_HTTPS=0", NULL };

    (void)state;
    assert_string_equal(leads("https://here.example", none), "127.0.0.1:8443");
    assert_string_equal(leads("https://here.example", base),
                        "127.0.0.1:20000, 127.0.0.1:20010, 127.0.0.1:20020");
    assert_string_equal(leads("https://here.example:444", base), "127.0.0.1:444");
    assert_string_equal(leads("https://here.example", listen), "10.9.8.7:8443");
    assert_string_equal(leads("https://here.example", off), "");
}

static void the_listeners_for_expc_have_ports_of_their_own(void **state)
{
    char *none[] = { NULL };
    char *base[] = { "STOA_PORT_BASE=20000", "STOA_WEBBRIDGES=2", NULL };
    char *listen[] = { "STOA_LISTEN=10.9.8.7", NULL };
    char error[CONF_ERROR_MAX] = "";
    struct conf *conf = NULL;
    struct site_weburl u;

    (void)state;
    assert_string_equal(leads_to("https://10.0.0.5:9443", "proxy", none), "10.0.0.5:8444");
    assert_string_equal(leads_to("https://two.example:9443", "proxy", none),
                        "10.0.0.1:8444, 10.0.0.2:8443");
    assert_string_equal(leads_to("https://here.example:9443", "proxy", none), "127.0.0.1:8444");
    assert_string_equal(leads_to("https://here.example:9443", "proxy", base),
                        "127.0.0.1:20002, 127.0.0.1:20012");
    assert_string_equal(leads_to("https://here.example", "proxy", listen), "10.9.8.7:8444");
    assert_int_equal(conf_load(&conf, none, error), 0);
    assert_int_equal(site_weburl_parse(&u, "https://any.example:9443"), 0);
    assert_int_equal(site_weburl_port(&u, conf, "proxy"), 8444);
    assert_int_equal(site_weburl_port(&u, conf, "https"), 9443);
    conf_free(conf);
}

static void load(const char *text)
{
    char why[200];

    assert_int_equal(site_load_text(site, text, why, sizeof(why)), 0);
}

static void a_setting_moves_the_web_bridges_of_this_machine(void **state)
{
    char *three[] = { "STOA_WEBBRIDGES=2", NULL };

    (void)state;
    load("[settings]\nwebBridgeListen = 10.1.1.1, 10.1.1.2:443\n");
    assert_string_equal(leads("https://here.example", three), "10.1.1.1:8443, 10.1.1.1:8453");
    load("[settings]\nwebBridgeListen = 10.1.1.2:443\n");
    assert_string_equal(leads("https://here.example", three), "10.1.1.2:443, 10.1.1.2:453");
    load("[settings]\nwebBridgeListen = 10.1.1.2:443, 127.0.0.1:444\n");
    assert_string_equal(leads("https://here.example", three), "127.0.0.1:444, 127.0.0.1:454");
    load("[settings]\nwebBridgeListen =\n");
    assert_string_equal(leads("https://here.example", three), "127.0.0.1:8443, 127.0.0.1:8453");
}

static void the_public_name_of_the_demo_is_this_machine(void **state)
{
    char *demo[] = { "STOA_DEMO=1", "STOA_NAME=meet.example", NULL };
    char *serious[] = { "STOA_NAME=meet.example", NULL };

    (void)state;
    assert_string_equal(leads("https://meet.example", demo), "127.0.0.1:8443");
    assert_string_equal(leads("https://other.example", demo), "");
    assert_string_equal(leads("https://meet.example", serious), "");
}

static int setup(void **state)
{
    char why[200];

    (void)state;
    site = site_new(NULL, NULL);
    return site_load_text(site,
                          "[hostRecord \"two.example\"]\naddresses = 10.0.0.1, 10.0.0.2:8443\n"
                          "[hostRecord \"here.example\"]\naddresses = 127.0.0.1\n",
                          why, sizeof(why));
}

static int teardown(void **state)
{
    (void)state;
    site_free(&site);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_read),
        cmocka_unit_test(what_is_no_https_url_is_refused),
        cmocka_unit_test(addresses_and_records_lead_there_without_dns),
        cmocka_unit_test(a_loopback_record_without_port_is_this_machine),
        cmocka_unit_test(the_listeners_for_expc_have_ports_of_their_own),
        cmocka_unit_test(a_setting_moves_the_web_bridges_of_this_machine),
        cmocka_unit_test(the_public_name_of_the_demo_is_this_machine),
    };

    return cmocka_run_group_tests_name("site weburl", tests, setup, teardown);
}
