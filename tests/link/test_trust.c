/* SPDX-License-Identifier: Apache-2.0
 * Who has a link: the trust bundle as it changes, proofs over the bus, and several web bridges and
 * callbridges at once. */
#include "linkfix.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <base/str.h>
#include <fetch/fetch.h>
#include <tls/link.h>

#include <bridge.pb-c.h>

#include "cm.h"

enum { REMOVED_MS = 1000 };

static struct linkfix f;

/* --- a link by hand --------------------------------------------------------------------------- */

struct hand {
    struct fetch *fetch;
    bool done;
    enum fetch_fault fault;
    int status;
    char instance[64], nonce[64];
    bool proven;
};

static void on_ssl_ctx(void *arg, void *ssl_ctx)
{
    (void)arg;
    tls_link_offer(ssl_ctx);
}

static void hand_open(struct hand *h)
{
    char *ca = str_printf("%s/ca.crt", f.pki), *cert = str_printf("%s/callbridge.crt", f.pki);
    char *key = str_printf("%s/callbridge.key", f.pki);
    struct addr a;
    struct fetch_opts o = { .url = "https://" LINKFIX_NAME "/stoa-link", .connect_to = &a,
                            .ca_files = { ca }, .cert_file = cert, .key_file = key,
                            .on_ssl_ctx = on_ssl_ctx, .arg = h };

    assert_int_equal(addr_parse_ip(&a, "127.0.0.1", f.port[0]), 0);
    *h = (struct hand){ 0 };
    assert_int_equal(fetch_new(&h->fetch, f.loop, &o), 0);
    free(ca);
    free(cert);
    free(key);
}

static void on_answer(void *arg, const struct fetch_result *r)
{
    struct hand *h = arg;
    json_t *json = json_loadb(r->body, r->len, 0, NULL);
    const char *instance = json_string_value(json_object_get(json, "instance"));
    const char *nonce = json_string_value(json_object_get(json, "nonce"));

    h->done = true;
    h->fault = r->fault;
    h->status = r->status;
    (void)str_copy(h->instance, sizeof(h->instance), instance ? instance : "");
    (void)str_copy(h->nonce, sizeof(h->nonce), nonce ? nonce : "");
    h->proven = json_is_true(json_object_get(json, "proven"));
    json_decref(json);
}

static bool is_done(void *arg)
{
    return ((struct hand *)arg)->done;
}

static void hand_ask(struct hand *h)
{
    h->done = false;
    assert_int_equal(fetch_start(h->fetch, NULL, on_answer), 0);
    assert_true(busfix_run_until(f.conf.bus_fix, is_done, h, LINKFIX_PATIENCE_MS));
}

static enum bus_code prove(struct bus *bus, const struct hand *h, const char *nonce)
{
    Stoa__Bridge__V1__LinkProofRequest req = STOA__BRIDGE__V1__LINK_PROOF_REQUEST__INIT;
    struct bus_dst dst = { .role = "webbridge", .instance = h->instance };

    req.nonce = (char *)(uintptr_t)nonce;
    return busfix_ask(f.conf.bus_fix, bus, &dst, &req.base, NULL);
}

/* --- proofs ----------------------------------------------------------------------------------- */

static void a_callbridge_on_the_bus_is_no_link_and_a_link_alone_is_none_either(void **state)
{
    struct bus *bus = busfix_serve(f.conf.bus_fix, "callbridge");
    struct hand h;

    (void)state;
    linkfix_wait_join(&f, false);
    busfix_run_for(f.conf.bus_fix, 1500); /* heartbeats come and change nothing */
    linkfix_wait_join(&f, false);
    assert_string_equal(f.page.reason,
                        "Joining is not possible at the moment: no call bridge is connected.");
    hand_open(&h);
    hand_ask(&h);
    assert_int_equal(h.fault, FETCH_OK);
    assert_false(h.proven);
    linkfix_wait_join(&f, false); /* not proven */
    assert_int_equal(prove(bus, &h, h.nonce), BUS_OK);
    linkfix_wait_join(&f, true);
    hand_ask(&h);
    assert_true(h.proven);
    fetch_free(&h.fetch);
    linkfix_wait_join(&f, false); /* the connection is gone, the callbridge is not */
    bus_free(&bus);
}

static void a_nonce_proves_its_own_link_once_and_for_one_callbridge(void **state)
{
    static const char *const forged[] = { "", "0", "00000000000000000000000000000000",
                                          "00000000000000000000000000000000000000000000" };
    struct bus *one = busfix_serve(f.conf.bus_fix, "callbridge");
    struct bus *two = busfix_serve(f.conf.bus_fix, "callbridge");
    struct hand h, other;

    (void)state;
    hand_open(&h);
    hand_open(&other);
    hand_ask(&h);
    hand_ask(&other);
    assert_string_not_equal(h.nonce, other.nonce);
    for (size_t i = 0; i < ARRAY_LEN(forged); i++)
        assert_int_equal(prove(one, &h, forged[i]), BUS_NOT_FOUND);
    assert_int_equal(prove(one, &h, h.nonce), BUS_OK);
    assert_int_equal(prove(one, &h, h.nonce), BUS_OK);
    assert_int_equal(prove(two, &h, h.nonce), BUS_DENIED);
    hand_ask(&other);
    assert_false(other.proven); /* the nonce of another connection proves nothing for this one */
    linkfix_wait_links(&f, "webbridge-1", 1);
    fetch_drop(h.fetch);
    linkfix_wait_links(&f, "webbridge-1", 0);
    assert_int_equal(prove(one, &h, h.nonce), BUS_NOT_FOUND);
    fetch_free(&h.fetch);
    fetch_free(&other.fetch);
    bus_free(&one);
    bus_free(&two);
}

static void silence_ends_a_link(void **state)
{
    struct bus *bus = busfix_serve(f.conf.bus_fix, "callbridge");
    struct hand h;

    (void)state;
    hand_open(&h);
    hand_ask(&h);
    assert_int_equal(prove(bus, &h, h.nonce), BUS_OK);
    linkfix_wait_join(&f, true);
    linkfix_wait_join(&f, false); /* the connection is open, but nobody asks */
    assert_in_range(linkfix_took_ms(), 4000, 9000);
    linkfix_wait_log(&f, "webbridge-1", ": ended, silent");
    fetch_free(&h.fetch);
    bus_free(&bus);
}

/* --- the bundle ------------------------------------------------------------------------------- */

static void a_certificate_taken_out_of_the_bundle_ends_its_link_at_once(void **state)
{
    (void)state;
    linkfix_call_start(&f, 0);
    linkfix_wait_join(&f, true);
    linkfix_trust(&f, NULL);
    linkfix_wait_join(&f, false);
    assert_in_range(linkfix_took_ms(), 0, REMOVED_MS);
    assert_int_equal(linkfix_links(&f, "webbridge-1"), 0);
    assert_string_equal(f.page.reason,
                        "Joining is not possible at the moment: this web bridge trusts no call "
                        "bridge.");
    linkfix_trust(&f, "callbridge");
    linkfix_wait_join(&f, true);
    linkfix_file(&f, "webbridge.trust", NULL);
    linkfix_wait_join(&f, false);
    assert_in_range(linkfix_took_ms(), 0, REMOVED_MS);
    linkfix_trust(&f, "callbridge");
    linkfix_wait_join(&f, true);
}

static void a_bundle_of_several_and_one_that_cannot_be_read(void **state)
{
    char *own = linkfix_read(&f, "callbridge.crt"), *both = str_printf("%s%s", f.ca.cert_pem, own);

    (void)state;
    linkfix_wait_join(&f, true);
    linkfix_file(&f, "webbridge.trust", both);
    linkfix_wait_log(&f, "webbridge-1", ": 2 certificates");
    linkfix_wait_join(&f, true);
    both[strlen(both) - 200] = '\0'; /* half written */
    linkfix_file(&f, "webbridge.trust", both);
    linkfix_wait_fault(&f, "webbridge-1", "webBridgeTrustFile", "The last one stays in use");
    linkfix_wait_join(&f, true);
    linkfix_file(&f, "webbridge.trust", own);
    linkfix_wait_no_fault(&f, "webbridge-1", "webBridgeTrustFile");
    linkfix_wait_join(&f, true);
    free(both);
    free(own);
}

/* --- several ---------------------------------------------------------------------------------- */

static void a_loopback_record_without_port_is_the_web_bridge_of_this_machine(void **state)
{
    unsigned before = relay_count(f.relay);

    (void)state;
    linkfix_record(&f, LINKFIX_NAME, "127.0.0.1"); /* web bridge 0 has the port of callbridge 0 */
    linkfix_wait_log(&f, "webbridge-1", ": 1 certificates");
    linkfix_wait_links(&f, "webbridge-1", 1);
    linkfix_wait_join(&f, true);
    assert_int_equal(relay_count(f.relay), before);
    linkfix_record_relay(&f);
    linkfix_wait_links(&f, "webbridge-1", 1);
}

static void a_disabled_web_bridge_is_not_dialled(void **state)
{
    struct confix_answer a;

    (void)state;
    linkfix_wait_links(&f, "callbridge-1", 1);
    confix_set(&f.conf, "settings", "settings", CONFIX_FIELDS("webBridgeEnabled", "false"), &a);
    linkfix_wait_links(&f, "callbridge-1", 0);
    linkfix_wait_no_fault(&f, "callbridge-1", "webBridgeConnectionFailure");
    confix_set(&f.conf, "settings", "settings", CONFIX_FIELDS("webBridgeEnabled", "true"), &a);
    linkfix_wait_links(&f, "callbridge-1", 1);
}

static void no_url_at_all_is_a_fault(void **state)
{
    (void)state;
    linkfix_url(&f, "");
    linkfix_wait_fault(&f, "callbridge-1", "webBridgeConnectionFailure",
                       "No web bridge is configured");
    linkfix_url(&f, "https://" LINKFIX_NAME);
    linkfix_wait_no_fault(&f, "callbridge-1", "webBridgeConnectionFailure");
    linkfix_wait_links(&f, "callbridge-1", 1);
}

static void two_web_bridges_and_two_callbridges_have_four_links(void **state)
{
    char *addresses = str_printf("127.0.0.1:%u, 127.0.0.1:%u", relay_port(f.relay), f.port[1]);

    (void)state;
    linkfix_web_start(&f, 1);
    linkfix_call_start(&f, 1);
    linkfix_record(&f, LINKFIX_NAME, addresses);
    for (unsigned i = 1; i <= LINKFIX_EACH; i++) {
        char web[16], call[16];

        (void)snprintf(web, sizeof(web), "webbridge-%u", i);
        (void)snprintf(call, sizeof(call), "callbridge-%u", i);
        linkfix_wait_links(&f, web, LINKFIX_EACH);
        linkfix_wait_links(&f, call, LINKFIX_EACH);
    }
    linkfix_kill(&f.call[1], SIGKILL);
    linkfix_wait_links(&f, "webbridge-1", 1);
    linkfix_wait_links(&f, "webbridge-2", 1);
    linkfix_wait_join(&f, true);
    free(addresses);
}

static int setup(void **state)
{
    (void)state;
    linkfix_open(&f);
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
        cmocka_unit_test(a_callbridge_on_the_bus_is_no_link_and_a_link_alone_is_none_either),
        cmocka_unit_test(a_nonce_proves_its_own_link_once_and_for_one_callbridge),
        cmocka_unit_test(silence_ends_a_link),
        cmocka_unit_test(a_certificate_taken_out_of_the_bundle_ends_its_link_at_once),
        cmocka_unit_test(a_bundle_of_several_and_one_that_cannot_be_read),
        cmocka_unit_test(a_loopback_record_without_port_is_the_web_bridge_of_this_machine),
        cmocka_unit_test(a_disabled_web_bridge_is_not_dialled),
        cmocka_unit_test(no_url_at_all_is_a_fault),
        cmocka_unit_test(two_web_bridges_and_two_callbridges_have_four_links),
    };

    return cmocka_run_group_tests_name("link trust", tests, setup, teardown);
}
