/* SPDX-License-Identifier: Apache-2.0
 * Who may connect as which zone, and what is said of those who may not. No link ever comes up here:
 * tests/expe has those. */
#include "expe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <loop/clock.h>
#include <pki/pki.h>
#include <site/site.h>

#include "bare.h"

#define DMZ "[zoneServer \"dmz\"]\nusername = zoneuser\nsubjectNames = expc.a.test, expc2.a.test\n"

static struct bare bare;
static struct expe *e;
static char *verifier;

void expe_turns_say_to(struct expe *x, struct tunnel_link *l)
{
    (void)x;
    (void)l;
    fail_msg("there is no link");
}

static void load(const char *text)
{
    char why[256] = "";

    if (site_load_text(e->site, text, why, sizeof(why)))
        fail_msg("%s: %s", text, why);
    expe_zones_apply(e);
}

static void load_user(void)
{
    char *text = str_printf("[zoneUser \"zoneuser\"]\nverifier = %s\n", verifier);

    load(text);
    free(text);
}

static int setup(void **state)
{
    (void)state;
    e = calloc(1, sizeof(*e));
    bare_open(&bare, "expe", NULL);
    e->daemon = bare.d;
    e->site = site_new(NULL, NULL);
    e->zones = map_new();
    e->paired = map_new();
    e->tries = expe_tries_new();
    list_init(&e->links);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    expe_zones_stop(e);
    assert_int_equal(daemon_fault_count(e->daemon), 0);
    expe_tries_free(&e->tries);
    site_free(&e->site);
    free(e);
    return bare_close(&bare);
}

static int make_verifier(void **state)
{
    struct scram_verifier v;

    (void)state;
    scram_verifier_make(&v, SCRAM_SHA_256, "secret", 4096);
    verifier = scram_verifier_print(&v);
    return 0;
}

static int free_verifier(void **state)
{
    (void)state;
    free(verifier);
    return 0;
}

static int find(const char *user, struct tunnel_zone *out)
{
    struct addr from;

    assert_int_equal(addr_parse_ip(&from, "192.0.2.7", 50000), 0);
    return expe_zone_find(e, user, &from, out);
}

static struct expe_zone *zone(const char *name)
{
    size_t it = 0;
    void *z;

    while (map_next(e->zones, &it, NULL, &z))
        if (str_eq(((struct expe_zone *)z)->name, name))
            return z;
    fail_msg("no zone %s", name);
    return NULL;
}

struct wanted {
    const char *type, *subject;
    char text[256];
    unsigned n;
};

static void look(void *arg, const struct daemon_fault *f)
{
    struct wanted *w = arg;

    if (!str_eq(f->type, w->type) || !str_eq(f->subject, w->subject))
        return;
    (void)str_copy(w->text, sizeof(w->text), f->text);
    w->n++;
}

static bool fault_says(const char *type, const char *subject, const char *words)
{
    struct wanted w = { .type = type, .subject = subject };

    daemon_fault_each(e->daemon, look, &w);
    return w.n == 1 && strstr(w.text, words);
}

/* --- who may connect -------------------------------------------------------------------------- */

static void nobody_connects_without_zone_and_user(void **state)
{
    struct tunnel_zone z;

    (void)state;
    assert_int_equal(find("zoneuser", &z), -ENOENT); /* neither */
    load_user();
    assert_int_equal(find("zoneuser", &z), -ENOENT); /* a user of no zone */
    load(DMZ "enabled = false\n");
    assert_int_equal(find("zoneuser", &z), -ENOENT);
    load(DMZ);
    assert_int_equal(find("zoneuser", &z), 0);
    assert_int_equal(find("ZoneUser", &z), -ENOENT);
    assert_int_equal(find("dmz", &z), -ENOENT); /* the name of the zone is no user */
    assert_int_equal(find("", &z), -ENOENT);
    load("[zoneServer \"other\"]\nusername = nobody\n");
    assert_int_equal(find("nobody", &z), -ENOENT); /* a zone whose user is gone */
    assert_null(z.id);
    load("[zoneUser \"nobody\"]\nverifier = no-verifier\n");
    assert_int_equal(find("nobody", &z), -ENOENT);
}

static void a_zone_has_its_names_and_its_verifier(void **state)
{
    struct tunnel_zone z;
    char *said;

    (void)state;
    load_user();
    load(DMZ);
    assert_int_equal(find("zoneuser", &z), 0);
    assert_string_equal(z.id, zone("dmz")->id);
    assert_int_equal(z.peer_name_count, 2);
    assert_string_equal(z.peer_names[0], "expc.a.test");
    assert_string_equal(z.peer_names[1], "expc2.a.test");
    said = scram_verifier_print(z.verifier);
    assert_string_equal(said, verifier);
    free(said);
}

static void who_guesses_waits_even_with_the_right_user(void **state)
{
    struct tunnel_zone z;
    struct addr from;

    (void)state;
    load_user();
    load(DMZ);
    assert_int_equal(addr_parse_ip(&from, "192.0.2.7", 50000), 0);
    for (int i = 0; i < 100 && !expe_tries_locked(e->tries, &from, loop_now_ms()); i++)
        expe_tries_wrong(e->tries, &from, loop_now_ms());
    assert_int_equal(find("zoneuser", &z), -EAGAIN);
    assert_null(z.verifier);
    assert_int_equal(addr_parse_ip(&from, "192.0.2.8", 50000), 0);
    assert_int_equal(expe_zone_find(e, "zoneuser", &from, &z), 0);
}

/* The CA that an expc must have: that of the configuration, else that of the pairing, else none is
 * good enough but for the time of the pairing. */
static void a_zone_without_ca_waits_only_so_long(void **state)
{
    const struct pki_opts opts = { .cn = "inside", .now_s = (int64_t)time(NULL) };
    struct pki_err err;
    struct tunnel_zone z;
    struct pki_pair ca;
    char *text, *line, *end;

    (void)state;
    load_user();
    text = str_printf(DMZ "pairUntil = %lld\n", (long long)time(NULL) + 3600);
    load(text);
    free(text);
    assert_int_equal(find("zoneuser", &z), 0);
    assert_null(z.peer_ca_pem); /* the first with the password is kept */
    load(DMZ "pairUntil = 1\n");
    assert_int_equal(find("zoneuser", &z), 0);
    assert_string_equal(z.peer_ca_pem, ""); /* there is none that counts */
    assert_true(fault_says("zonePairing", "dmz", "waits no longer to be paired"));
    free(map_put(e->paired, zone("dmz")->id, str_dup("PEM of the pairing")));
    assert_int_equal(find("zoneuser", &z), 0);
    assert_string_equal(z.peer_ca_pem, "PEM of the pairing");

    assert_int_equal(pki_ca_new(&ca, &opts, &err), 0);
    line = str_dup(strchr(ca.cert_pem, '\n') + 1); /* base64 without its frame and line ends */
    *strstr(line, "-----END") = '\0';
    for (char *p = end = line; *p; p++)
        if (*p != '\n')
            *end++ = *p;
    *end = '\0';
    text = str_printf(DMZ "peerCa = %s\n", line);
    load(text);
    free(text);
    free(line);
    assert_int_equal(find("zoneuser", &z), 0);
    assert_string_equal(z.peer_ca_pem, ca.cert_pem);
    assert_null(map_get(e->paired, zone("dmz")->id)); /* config has one now */
    assert_int_equal(daemon_fault_count(e->daemon), 0);
    pki_pair_fini(&ca);
}

static void only_configured_domains_are_opened(void **state)
{
    (void)state;
    load("[externalName \"join.b.test\"]\n[tunnelDomain \"a.test\"]\n");
    assert_null(expe_zone_judge(e, "join.b.test"));
    assert_null(expe_zone_judge(e, "a.test"));
    assert_string_equal(expe_zone_judge(e, "b.test"), "notConfigured");
    assert_string_equal(expe_zone_judge(e, "x.join.b.test"), "notConfigured");
    assert_string_equal(expe_zone_judge(e, "join.b.test."), "notConfigured");
    assert_string_equal(expe_zone_judge(e, ""), "notConfigured");
}

/* A link that was accepted by other words than these has to prove itself again. */
static void a_summary_changes_with_all_that_was_proven(void **state)
{
    static const char *const texts[] = {
        DMZ, "[zoneServer \"dmz\"]\nusername = zoneuser\nsubjectNames = expc.a.test\n",
        "[zoneServer \"dmz\"]\nusername = second\n",
    };
    char *seen[ARRAY_LEN(texts) + 1], *id, *text;

    (void)state;
    load(DMZ);
    id = str_dup(zone("dmz")->id);
    assert_null(expe_zone_summary(e, id)); /* it has no user */
    assert_null(expe_zone_summary(e, NULL));
    assert_null(expe_zone_summary(e, "none"));
    load_user();
    text = str_printf("[zoneUser \"second\"]\nverifier = %s\n", verifier);
    load(text);
    free(text);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        load(texts[i]);
        seen[i] = expe_zone_summary(e, id);
        assert_non_null(seen[i]);
    }
    free(map_put(e->paired, id, str_dup("PEM")));
    seen[ARRAY_LEN(texts)] = expe_zone_summary(e, id);
    for (size_t i = 0; i < ARRAY_LEN(seen); i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(seen[i], seen[j]);
    load(DMZ "enabled = false\n");
    assert_null(expe_zone_summary(e, id));
    for (size_t i = 0; i < ARRAY_LEN(seen); i++)
        free(seen[i]);
    free(id);
}

/* --- what is said ----------------------------------------------------------------------------- */

static void down(const char *id, enum tunnel_refusal why)
{
    expe_zone_down(e, id, false, "192.0.2.7:50000", why, "");
}

static void a_zone_that_was_refused_is_a_fault_at_once(void **state)
{
    (void)state;
    load(DMZ);
    assert_string_equal(zone("dmz")->state, "Failed");
    assert_int_equal(daemon_fault_count(e->daemon), 0); /* an expc has its time to connect */
    down(NULL, TUNNEL_CREDENTIALS);  /* of whom, nobody knows */
    down("none", TUNNEL_CREDENTIALS);
    down(zone("dmz")->id, TUNNEL_REPLACED);
    down(zone("dmz")->id, TUNNEL_DOMAIN);
    assert_int_equal(daemon_fault_count(e->daemon), 0);
    down(zone("dmz")->id, TUNNEL_CREDENTIALS);
    assert_int_equal(zone("dmz")->why, TUNNEL_CREDENTIALS);
    assert_true(fault_says("zoneConnection", "dmz", tunnel_refusal_text(TUNNEL_CREDENTIALS)));
    load(DMZ "enabled = false\n");
    assert_string_equal(zone("dmz")->state, "Off");
    assert_int_equal(daemon_fault_count(e->daemon), 0);
}

static void a_zone_that_never_came_is_a_fault_after_a_while(void **state)
{
    (void)state;
    load(DMZ);
    zone("dmz")->changed_ms -= EXPE_ZONE_GRACE_MS;
    expe_zones_look(e);
    assert_true(fault_says("zoneConnection", "dmz", "no expc has connected"));
}

/* Somebody else says he is the zone: its own state stays what it is. */
static void who_is_refused_as_a_connected_zone_is_told_apart(void **state)
{
    struct expe_zone *z;

    (void)state;
    load(DMZ);
    z = zone("dmz");
    z->state = "Active";
    down(z->id, TUNNEL_CLOSED); /* has proven nothing, and has not tried to */
    assert_int_equal(daemon_fault_count(e->daemon), 0);
    down(z->id, TUNNEL_UNTRUSTED);
    assert_true(fault_says("zoneRefused", "dmz", "Somebody at 192.0.2.7 was refused"));
    assert_int_equal(daemon_fault_count(e->daemon), 1);
    assert_int_equal(z->why, TUNNEL_CLOSED);
    z->rogue_ms -= EXPE_ZONE_REFUSED_MS + 1;
    expe_zones_look(e);
    assert_false(fault_says("zoneRefused", "dmz", ""));
}

static void the_faults_of_a_zone_that_is_gone_go_too(void **state)
{
    (void)state;
    load(DMZ);
    down(zone("dmz")->id, TUNNEL_SUBJECT_NAME);
    assert_int_equal(daemon_fault_count(e->daemon), 1);
    site_free(&e->site);
    e->site = site_new(NULL, NULL);
    load("[zoneServer \"other\"]\nusername = zoneuser\n");
    assert_int_equal(daemon_fault_count(e->daemon), 0);
    assert_int_equal(map_count(e->zones), 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(nobody_connects_without_zone_and_user),
        TEST(a_zone_has_its_names_and_its_verifier),
        TEST(who_guesses_waits_even_with_the_right_user),
        TEST(a_zone_without_ca_waits_only_so_long),
        TEST(only_configured_domains_are_opened),
        TEST(a_summary_changes_with_all_that_was_proven),
        TEST(a_zone_that_was_refused_is_a_fault_at_once),
        TEST(a_zone_that_never_came_is_a_fault_after_a_while),
        TEST(who_is_refused_as_a_connected_zone_is_told_apart),
        TEST(the_faults_of_a_zone_that_is_gone_go_too),
    };

    return cmocka_run_group_tests(tests, make_verifier, free_verifier);
}
