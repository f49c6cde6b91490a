/* SPDX-License-Identifier: Apache-2.0
 * What keeps guests from joining at a web bridge: each cause has its id, and no other. */
#include "doctorfix.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <base/str.h>

#include "cm.h"

enum { DAY_S = 86400 };

static struct doctorfix f;

static void is_well(void)
{
    doctorfix_expect(&f, NULL, NULL, "");
}

/* --- WB-1 ------------------------------------------------------------------------------------- */

static void wb1_nobody_listens_at_the_address(void **state)
{
    (void)state;
    linkfix_record(&f.link, LINKFIX_NAME, "127.0.0.1:1");
    doctorfix_expect(&f, "WB-1", "error", "TCP: connection refused");
    linkfix_record_relay(&f.link);
    is_well();
}

static void wb1_the_name_has_no_address(void **state)
{
    (void)state;
    linkfix_url(&f.link, "https://web.example.invalid");
    doctorfix_cert(&f, "webbridge", "web.example.invalid", 0, 90, NULL); /* else that is a cause "
                                    "as well */
    doctorfix_expect(&f, "WB-1", "error", "DNS failure");
    linkfix_url(&f.link, "https://" LINKFIX_NAME);
    doctorfix_cert(&f, "webbridge", LINKFIX_NAME, 0, 90, NULL);
    is_well();
}

static void wb1_the_web_bridge_is_gone(void **state)
{
    (void)state;
    linkfix_kill(&f.link.web[0], SIGKILL);
    doctorfix_expect(&f, "WB-1", "error", "The web bridge link is not up"); /* the relay answers */
    linkfix_web_start(&f.link, 0);
    is_well();
}

static void wb1_nobody_is_configured(void **state)
{
    (void)state;
    linkfix_url(&f.link, "");
    doctorfix_expect(&f, "WB-1", "error", "No web bridge is configured");
    linkfix_url(&f.link, "https://" LINKFIX_NAME);
    is_well();
}

/* --- WB-2 ------------------------------------------------------------------------------------- */

static void wb2_the_trust_bundle_is_empty(void **state)
{
    (void)state;
    linkfix_trust(&f.link, NULL);
    doctorfix_expect(&f, "WB-2", "error", "certificate not in the trust bundle");
    linkfix_trust(&f.link, "callbridge");
    is_well();
}

static void wb2_the_trust_bundle_has_an_older_certificate(void **state)
{
    char *old = linkfix_read(&f.link, "callbridge.crt"), *now;
    struct pki_info was = { 0 }, is = { 0 };

    (void)state;
    assert_int_equal(pki_inspect(&was, old, 0, NULL), 0);
    doctorfix_cert(&f, "callbridge", "callbridge.example", 0, 90, NULL);
    now = linkfix_read(&f.link, "callbridge.crt");
    assert_int_equal(pki_inspect(&is, now, 0, NULL), 0);
    /* Both fingerprints are told: what is presented, and what is trusted. */
    doctorfix_expect(&f, "WB-2", "error", is.sha256);
    doctorfix_expect(&f, "WB-2", "error", was.sha256);
    linkfix_trust(&f.link, "callbridge");
    is_well();
    pki_info_fini(&was);
    pki_info_fini(&is);
    free(old);
    free(now);
}

static void wb2_the_callbridge_has_no_certificate(void **state)
{
    (void)state;
    linkfix_file(&f.link, "callbridge.crt", NULL);
    doctorfix_expect(&f, "WB-2", "error", "certificate not presented");
    doctorfix_cert(&f, "callbridge", "callbridge.example", 0, 90, NULL);
    linkfix_trust(&f.link, "callbridge");
    is_well();
}

/* --- CRT-1, CRT-2, CRT-4 ---------------------------------------------------------------------- */

static void restart_web(void)
{
    linkfix_kill(&f.link.web[0], SIGKILL);
    linkfix_web_start(&f.link, 0);
}

static void crt1_another_authority(void **state)
{
    struct pki_opts o = { .cn = "Another CA", .now_s = time(NULL) };
    struct pki_pair other = { 0 };

    (void)state;
    assert_int_equal(pki_ca_new(&other, &o, NULL), 0);
    doctorfix_cert(&f, "webbridge", LINKFIX_NAME, 0, 90, &other);
    restart_web(); /* the link is lost as well: that is no cause of its own */
    doctorfix_expect(&f, "CRT-1", "error", "leads to no authority");
    doctorfix_run(&f, (const char *const[]){ "--all", NULL });
    assert_string_equal(doctorfix_text(doctorfix_finding(&f, "WB-1"), "cause"), "CRT-1");
    doctorfix_cert(&f, "webbridge", LINKFIX_NAME, 0, 90, NULL);
    is_well();
    pki_pair_fini(&other);
}

static void crt2_another_name(void **state)
{
    (void)state;
    doctorfix_cert(&f, "webbridge", "other.example", 0, 90, NULL);
    restart_web();
    doctorfix_expect(&f, "CRT-2", "error", "made for: other.example");
    doctorfix_cert(&f, "webbridge", LINKFIX_NAME, 0, 90, NULL);
    is_well();
}

static void crt4_the_certificate_runs_out(void **state)
{
    (void)state;
    /* Taken over while it is valid; it ends a little later. */
    doctorfix_cert(&f, "webbridge", LINKFIX_NAME, 20 - DAY_S, 1, NULL);
    doctorfix_expect(&f, "CRT-4", "warning", "in 0 days");
    doctorfix_expect(&f, "CRT-4", "error", "expired on");
    doctorfix_cert(&f, "webbridge", LINKFIX_NAME, 0, 90, NULL);
    is_well();
}

static void crt4_the_file_was_not_taken_over(void **state)
{
    char *key = linkfix_read(&f.link, "webbridge.key");

    (void)state;
    doctorfix_cert(&f, "webbridge", LINKFIX_NAME, 0, 90, NULL);
    linkfix_file(&f.link, "webbridge.key", key); /* does not belong to it */
    doctorfix_expect(&f, "CRT-4", "error", "The listener presents the certificate");
    doctorfix_cert(&f, "webbridge", LINKFIX_NAME, 0, 90, NULL);
    is_well();
    free(key);
}

/* --- the command ------------------------------------------------------------------------------ */

static void an_id_alone_is_looked_at(void **state)
{
    (void)state;
    linkfix_trust(&f.link, NULL);
    doctorfix_expect(&f, "WB-2", "error", "");
    doctorfix_run(&f, (const char *const[]){ "wb-1", NULL });
    assert_int_equal(f.code, 0);
    assert_int_equal(json_array_size(json_object_get(f.said, "findings")), 0);
    doctorfix_run(&f, (const char *const[]){ "WB-2", NULL });
    assert_int_equal(f.code, 2);
    linkfix_trust(&f.link, "callbridge");
    is_well();
}

static void an_unknown_id_is_refused(void **state)
{
    (void)state;
    doctorfix_run(&f, (const char *const[]){ "WB-99", NULL });
    assert_int_equal(f.code, 3);
}

static void without_a_bus_nobody_is_asked(void **state)
{
    (void)state;
    busfix_signal(f.link.conf.bus_fix, SIGKILL);
    doctorfix_run(&f, (const char *const[]){ NULL });
    assert_int_equal(f.code, 3);
    busfix_start(f.link.conf.bus_fix);
    is_well();
}

static int setup(void **state)
{
    (void)state;
    doctorfix_open(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    doctorfix_close(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wb1_nobody_listens_at_the_address),
        cmocka_unit_test(wb1_the_name_has_no_address),
        cmocka_unit_test(wb1_the_web_bridge_is_gone),
        cmocka_unit_test(wb1_nobody_is_configured),
        cmocka_unit_test(wb2_the_trust_bundle_is_empty),
        cmocka_unit_test(wb2_the_trust_bundle_has_an_older_certificate),
        cmocka_unit_test(wb2_the_callbridge_has_no_certificate),
        cmocka_unit_test(crt1_another_authority),
        cmocka_unit_test(crt2_another_name),
        cmocka_unit_test(crt4_the_certificate_runs_out),
        cmocka_unit_test(crt4_the_file_was_not_taken_over),
        cmocka_unit_test(an_id_alone_is_looked_at),
        cmocka_unit_test(an_unknown_id_is_refused),
        cmocka_unit_test(without_a_bus_nobody_is_asked),
    };

    return cmocka_run_group_tests_name("doctor: web", tests, setup, teardown);
}
