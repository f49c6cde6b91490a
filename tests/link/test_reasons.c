/* SPDX-License-Identifier: Apache-2.0
 * What a link does not come up for, or ends by, and what the operator is told: a reason of its own
 * for each. Every test begins and ends with a link that is up. */
#include "linkfix.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/str.h>

#include "cm.h"

#define FAILURE "webBridgeConnectionFailure"
#define FAILED(reason) "Web bridge connection to \"web.example\" failed (" reason ")"

enum { OLD_S = 90 * 86400, KILLS = 4, SETTLE_MS = 1000 };

static struct linkfix f;

static void is_up(void)
{
    linkfix_wait_links(&f, "callbridge-1", 1);
    linkfix_wait_links(&f, "webbridge-1", 1);
    linkfix_wait_no_fault(&f, "callbridge-1", FAILURE);
    linkfix_wait_join(&f, true);
}

static void is_down(const char *fault)
{
    linkfix_wait_fault(&f, "callbridge-1", FAILURE, fault);
    linkfix_wait_join(&f, false);
    assert_int_equal(linkfix_links(&f, "callbridge-1"), 0);
}

static void no_certificate(void **state)
{
    (void)state;
    is_up();
    linkfix_file(&f, "callbridge.crt", NULL);
    is_down(FAILED("certificate not presented"));
    linkfix_wait_fault(&f, "webbridge-1", "webBridgeTrust", "presented the certificate none");
    linkfix_cert(&f, "callbridge", "callbridge.example", 0, &f.ca);
    linkfix_trust(&f, "callbridge");
    is_up();
}

static void another_leaf_of_the_same_ca(void **state)
{
    char *text;
    struct pki_info shown, trusted;

    (void)state;
    is_up();
    text = linkfix_read(&f, "webbridge.trust");
    assert_int_equal(pki_inspect(&trusted, text, 0, NULL), 0);
    free(text);
    linkfix_cert(&f, "callbridge", "callbridge.example", 0, &f.ca);
    text = linkfix_read(&f, "callbridge.crt");
    assert_int_equal(pki_inspect(&shown, text, 0, NULL), 0);
    free(text);
    is_down(FAILED("certificate not in the trust bundle"));
    linkfix_wait_fault(&f, "webbridge-1", "webBridgeTrust", shown.sha256);
    linkfix_wait_fault(&f, "webbridge-1", "webBridgeTrust", trusted.sha256);
    pki_info_fini(&shown);
    pki_info_fini(&trusted);

    /* The CA itself in the bundle is no trust for what it has signed. */
    linkfix_file(&f, "webbridge.trust", f.ca.cert_pem);
    is_down(FAILED("certificate not in the trust bundle"));
    linkfix_trust(&f, "callbridge");
    is_up();
    linkfix_wait_no_fault(&f, "webbridge-1", "webBridgeTrust");
}

static void a_key_that_does_not_fit(void **state)
{
    char *crt, *other;

    (void)state;
    is_up();
    linkfix_cert(&f, "other", "callbridge.example", 0, &f.ca);
    crt = linkfix_read(&f, "callbridge.crt");
    other = linkfix_read(&f, "other.crt");
    linkfix_file(&f, "callbridge.crt", other);
    is_down(FAILED("own certificate files not usable"));
    linkfix_wait_fault(&f, "callbridge-1", "callBridgeCertificate", "does not belong");
    linkfix_file(&f, "callbridge.crt", crt);
    is_up();
    linkfix_wait_no_fault(&f, "callbridge-1", "callBridgeCertificate");
    free(crt);
    free(other);
}

static void an_expired_leaf(void **state)
{
    (void)state;
    is_up();
    linkfix_cert(&f, "callbridge", "callbridge.example", OLD_S, &f.ca);
    linkfix_trust(&f, "callbridge");
    is_down(FAILED("certificate expired"));
    linkfix_wait_fault(&f, "webbridge-1", "webBridgeTrust", "expired-certificate");
    linkfix_cert(&f, "callbridge", "callbridge.example", 0, &f.ca);
    linkfix_trust(&f, "callbridge");
    is_up();
}

static void a_name_for_which_the_web_bridge_has_no_certificate(void **state)
{
    char *address = str_printf("127.0.0.1:%u", relay_port(f.relay));

    (void)state;
    is_up();
    linkfix_record(&f, "other.example", address);
    linkfix_url(&f, "https://other.example");
    is_down("Web bridge connection to \"other.example\" failed (name mismatch: ");
    linkfix_url(&f, "https://" LINKFIX_NAME);
    is_up();
    free(address);
}

static void a_name_that_does_not_resolve(void **state)
{
    (void)state;
    is_up();
    linkfix_url(&f, "https://no-such-name.invalid");
    is_down("Web bridge connection to \"no-such-name.invalid\" failed (DNS failure)");
    linkfix_wait_log(&f, "callbridge-1", "name resolution for \"no-such-name.invalid\" failed");
    linkfix_url(&f, "https://" LINKFIX_NAME);
    is_up();
}

static void nobody_listens_at_the_address(void **state)
{
    (void)state;
    is_up();
    linkfix_record(&f, LINKFIX_NAME, "127.0.0.1:1");
    is_down(FAILED("connect failure"));
    linkfix_wait_log(&f, "callbridge-1", "failed to establish connection to web bridge link");
    linkfix_record_relay(&f);
    is_up();
}

static void a_web_bridge_certificate_that_nobody_trusts(void **state)
{
    struct pki_pair other = { 0 };
    struct pki_opts o = { .cn = "Another CA", .now_s = time(NULL) };

    (void)state;
    is_up();
    assert_int_equal(pki_ca_new(&other, &o, NULL), 0);
    linkfix_cert(&f, "webbridge", LINKFIX_NAME, 0, &other);
    linkfix_wait_log(&f, "webbridge-1", "in use for new connections");
    linkfix_kill(&f.web[0], SIGKILL); /* the old one is no longer offered */
    linkfix_web_start(&f, 0);
    linkfix_wait_fault(&f, "callbridge-1", FAILURE, FAILED("web bridge certificate not trusted"));
    linkfix_file(&f, "callbridge.bundle", other.cert_pem);
    linkfix_wait_links(&f, "webbridge-1", 1);
    linkfix_file(&f, "callbridge.bundle", NULL);
    linkfix_wait_fault(&f, "callbridge-1", FAILURE, FAILED("web bridge certificate not trusted"));
    linkfix_cert(&f, "webbridge", LINKFIX_NAME, 0, &f.ca);
    linkfix_page_close(&f);
    linkfix_wait_links(&f, "webbridge-1", 1);
    linkfix_page_open(&f);
    is_up();
    pki_pair_fini(&other);
}

static void the_wire_is_cut(void **state)
{
    unsigned before;

    (void)state;
    is_up();
    before = relay_count(f.relay);
    relay_cut(f.relay);
    linkfix_wait_log(&f, "callbridge-1", "(link lost)");
    is_up();
    assert_true(relay_count(f.relay) > before);
}

static void the_web_bridge_is_killed(void **state)
{
    (void)state;
    is_up();
    linkfix_kill(&f.web[0], SIGKILL);
    linkfix_wait_fault(&f, "callbridge-1", FAILURE, FAILED("link lost"));
    linkfix_page_close(&f);
    linkfix_web_start(&f, 0);
    linkfix_wait_links(&f, "webbridge-1", 1);
    linkfix_page_open(&f);
    is_up();
}

static void the_web_bridge_hangs(void **state)
{
    (void)state;
    is_up();
    assert_int_equal(kill(f.web[0], SIGSTOP), 0);
    linkfix_wait_fault(&f, "callbridge-1", FAILURE, FAILED("link lost"));
    assert_int_equal(kill(f.web[0], SIGCONT), 0);
    is_up();
}

static void the_callbridge_hangs(void **state)
{
    (void)state;
    is_up();
    assert_int_equal(kill(f.call[0], SIGSTOP), 0);
    linkfix_wait_join(&f, false); /* by its silence on the link, or on the bus before */
    linkfix_wait_links(&f, "webbridge-1", 0);
    assert_int_equal(kill(f.call[0], SIGCONT), 0);
    is_up();
}

/* When a line was logged, in ms of its day. */
static long moment_of(const char *line)
{
    unsigned hour = 0, minute = 0, second = 0, ms = 0;

    assert_int_equal(sscanf(line, "%*10c %2u:%2u:%2u.%3u ", &hour, &minute, &second, &ms), 4);
    return (long)(((hour * 60 + minute) * 60 + second) * 1000 + ms);
}

/* What the web bridge has said of joining: after each loss of busd that it is not possible, then
 * that it is; in between something else only if the callbridges stay away for long. Returns how
 * often busd was lost. */
static unsigned said_of_joining(const char *log)
{
    unsigned losses = 0, possible = 0;
    long connected_ms = -1;

    for (size_t len; *log; log += len + (log[len] == '\n')) {
        char *line = str_ndup(log, len = strcspn(log, "\n"));

        if (strstr(line, "bus: connected")) {
            connected_ms = moment_of(line);
        } else if (strstr(line, "the server is starting")) {
            losses++;
            possible = 0;
            connected_ms = -1;
        } else if (strstr(line, "joining is possible")) {
            assert_int_equal(possible++, 0);
        } else if (strstr(line, "joining is not possible")) {
            assert_int_equal(possible, 0);
            assert_true(connected_ms >= 0 && moment_of(line) - connected_ms >= SETTLE_MS);
        }
        free(line);
    }
    return losses;
}

/* Everybody comes back to the bus at another moment. */
static void busd_is_killed(void **state)
{
    char *log;
    size_t before;

    (void)state;
    is_up();
    linkfix_call_start(&f, 1);
    linkfix_wait_links(&f, "webbridge-1", 2);
    log = linkfix_log(&f, "webbridge-1");
    before = strlen(log);
    free(log);
    for (int i = 0; i < KILLS; i++) {
        busfix_signal(f.conf.bus_fix, SIGKILL);
        linkfix_wait_join(&f, false);
        busfix_start(f.conf.bus_fix);
        linkfix_wait_join(&f, true);
    }
    log = linkfix_log(&f, "webbridge-1");
    assert_int_equal(said_of_joining(log + before), KILLS);
    free(log);
    linkfix_kill(&f.call[1], SIGTERM);
    is_up();
}

static int setup(void **state)
{
    (void)state;
    linkfix_open(&f);
    linkfix_call_start(&f, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    linkfix_close(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_certificate),
        cmocka_unit_test(another_leaf_of_the_same_ca),
        cmocka_unit_test(a_key_that_does_not_fit),
        cmocka_unit_test(an_expired_leaf),
        cmocka_unit_test(a_name_for_which_the_web_bridge_has_no_certificate),
        cmocka_unit_test(a_name_that_does_not_resolve),
        cmocka_unit_test(nobody_listens_at_the_address),
        cmocka_unit_test(a_web_bridge_certificate_that_nobody_trusts),
        cmocka_unit_test(the_wire_is_cut),
        cmocka_unit_test(the_web_bridge_is_killed),
        cmocka_unit_test(the_web_bridge_hangs),
        cmocka_unit_test(the_callbridge_hangs),
        cmocka_unit_test(busd_is_killed),
    };

    return cmocka_run_group_tests_name("link reasons", tests, setup, teardown);
}
