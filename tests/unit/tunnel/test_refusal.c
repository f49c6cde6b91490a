/* SPDX-License-Identifier: Apache-2.0
 * Each way in which a zone does not come about: its word and its sentence at both ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <loop/clock.h>

#include "stranger.h"

static struct linkrig r;
static struct stranger s;

static int group_setup(void **state)
{
    (void)state;
    linkcerts_init();
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    linkcerts_fini();
    return 0;
}

static int setup(void **state)
{
    (void)state;
    memset(&s, 0, sizeof(s));
    linkrig_init(&r);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stranger_stop(&s);
    linkrig_fini(&r);
    return 0;
}

/* --- the words themselves --------------------------------------------------------------------- */

static void every_word_is_its_own_and_has_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < TUNNEL_REFUSALS; i++) {
        enum tunnel_refusal w = (enum tunnel_refusal)i;

        assert_int_equal(tunnel_refusal_of(tunnel_refusal_word(w)), w);
        assert_true(strlen(tunnel_refusal_text(w)) > 10);
    }
    assert_int_equal(tunnel_refusal_of("of a newer version"), TUNNEL_MALFORMED);
    assert_int_equal(tunnel_refusal_of(NULL), TUNNEL_MALFORMED);
}

static void every_word_stands_in_the_manual(void **state)
{
    static char text[64 << 10];
    FILE *f = fopen(EDGE_MD, "re");
    size_t n;

    (void)state;
    assert_non_null(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    assert_int_equal(fclose(f), 0);
    text[n] = '\0';
    for (int i = TUNNEL_OK + 1; i < TUNNEL_REFUSALS; i++) {
        char *row = str_printf("\n| `%s` |", tunnel_refusal_word((enum tunnel_refusal)i));

        if (!strstr(text, row))
            fail_msg("no row in docs/edge.md: %s", row);
        free(row);
    }
}

/* --- one thing wrong, all else right ---------------------------------------------------------- */

static void wrong_password(void) { r.password = "another"; }
static void unknown_user(void) { r.user = "nobody"; }
static void locked(void) { r.locked = true; }
static void edge_of_other_ca(void) { r.edge_pair = &linkcerts.edge[PAIR_OTHER_CA]; }
static void edge_expired(void) { r.edge_pair = &linkcerts.edge[PAIR_EXPIRED]; }
static void edge_of_other_name(void) { r.edge_pair = &linkcerts.edge[PAIR_OTHER_NAME]; }
static void in_of_other_ca(void) { r.in_pair = &linkcerts.in[PAIR_OTHER_CA]; }
static void in_expired(void) { r.in_pair = &linkcerts.in[PAIR_EXPIRED]; }
static void in_of_other_name(void) { r.in_pair = &linkcerts.in[PAIR_OTHER_NAME]; }
static void foreign_domain(void) { r.domain = "bank.example"; }

static void edge_without_password(void)
{
    r.verifier.server_key[0] ^= 1; /* it cannot prove that it knows the verifier */
}

static const struct {
    const char *name;
    void (*make)(void);
    enum tunnel_refusal in, edge;
    const char *in_says, *edge_says; /* a part of the sentence */
} faults[] = {
    { "wrong password", wrong_password, TUNNEL_CREDENTIALS, TUNNEL_CREDENTIALS, "user or password",
      "user or password" },
    { "unknown user", unknown_user, TUNNEL_CREDENTIALS, TUNNEL_CREDENTIALS, "user or password",
      "user or password" },
    { "locked", locked, TUNNEL_LOCKED, TUNNEL_LOCKED, "too many", "too many" },
    { "certificate of the edge of another CA", edge_of_other_ca, TUNNEL_UNTRUSTED, TUNNEL_TLS,
      "other CA", "does not like our certificate" },
    { "certificate of the edge expired", edge_expired, TUNNEL_EXPIRED, TUNNEL_TLS,
      "the clock here says", "does not like our certificate" },
    { "certificate of the edge for other names", edge_of_other_name, TUNNEL_SUBJECT_NAME,
      TUNNEL_TLS, "www.octavio.com, expected vcse.octavio.com", "does not like our certificate" },
    { "certificate of expc of another CA", in_of_other_ca, TUNNEL_UNTRUSTED, TUNNEL_UNTRUSTED,
      "another CA", "another CA" },
    { "certificate of expc expired", in_expired, TUNNEL_EXPIRED, TUNNEL_EXPIRED,
      "the clock of the other end said", "the clock of the edge says" },
    { "certificate of expc for other names", in_of_other_name, TUNNEL_SUBJECT_NAME,
      TUNNEL_SUBJECT_NAME,
      "presented a certificate for web.octavio.local, expected vcsc.octavio.local",
      "presented a certificate for web.octavio.local, expected vcsc.octavio.local" },
    { "edge that does not know the password", edge_without_password, TUNNEL_SERVER_PROOF,
      TUNNEL_SERVER_PROOF, "could not prove", "could not prove" },
    { "domain of somebody else", foreign_domain, TUNNEL_DOMAIN, TUNNEL_DOMAIN,
      "bank.example: notConfigured", "bank.example: notConfigured" },
};

static void each_fault_alone_has_its_word_and_sentence_at_both_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        linkrig_fini(&r);
        linkrig_init(&r);
        faults[i].make();
        linkrig_connect(&r);
        linkrig_until(&r, r.in.downs && r.edge.downs);
        if (r.in.why != faults[i].in || r.edge.why != faults[i].edge
            || !strstr(r.in.text, faults[i].in_says) || !strstr(r.edge.text, faults[i].edge_says))
            fail_msg("%s: inside %s: %s; edge %s: %s", faults[i].name,
                     tunnel_refusal_word(r.in.why), r.in.text, tunnel_refusal_word(r.edge.why),
                     r.edge.text);
        assert_int_equal(r.edge.wrongs, faults[i].edge == TUNNEL_CREDENTIALS);
        assert_int_equal(r.in.ups, 0);
        assert_int_equal(r.edge.ups, faults[i].edge == TUNNEL_SERVER_PROOF);
        assert_int_equal(r.edge.paireds, 0);
    }
}

/* --- who must not learn what ------------------------------------------------------------------ */

static void start_stranger(bool edge)
{
    stranger_start(&s, &r, edge);
    linkrig_until(&r, s.ready);
}

static void restart(void)
{
    stranger_stop(&s);
    memset(&s, 0, sizeof(s));
    linkrig_fini(&r);
    linkrig_init(&r);
}

static void say_hello(const char *scram_first)
{
    Stoa__Zone__V1__Frame f = STOA__ZONE__V1__FRAME__INIT;

    f.hello = stranger_hello(scram_first);
    stranger_say(&s, &f);
}

static void say_proof(const char *scram_final)
{
    Stoa__Zone__V1__Frame f = STOA__ZONE__V1__FRAME__INIT;
    Stoa__Zone__V1__Proof proof = STOA__ZONE__V1__PROOF__INIT;

    proof.scram_final = (char *)(uintptr_t)scram_final;
    f.proof = &proof;
    stranger_say(&s, &f);
}

/* What a stranger with a certificate of nobody hears: challenge without its nonce, word, sentence.
 */
static char *hears(const char *user)
{
    struct scram_binding binding = { .on = true };
    struct scram_client *c;
    char *first, *final = NULL, *heard;
    const char *salt;

    r.in_pair = &linkcerts.in[PAIR_OTHER_CA];
    start_stranger(false);
    assert_int_equal(tls_stream_binding(s.tls, binding.data), 0);
    c = scram_client_new(SCRAM_SHA_256, user, "a guess", &binding, NULL);
    first = scram_client_first(c);
    say_hello(first);
    linkrig_until(&r, s.got == 1);
    assert_non_null(s.frame->challenge);
    salt = strstr(s.frame->challenge->scram_first, ",s=");
    assert_non_null(salt);
    heard =
        str_printf("%zu bytes, %s", strlen(s.frame->challenge->scram_first), strstr(salt, ",i="));
    assert_int_equal(scram_client_final(c, s.frame->challenge->scram_first, &final), 0);
    say_proof(final);
    linkrig_until(&r, s.ended);
    free(first);
    first = str_printf("%s, %s, %s", heard, s.refused, s.refused_text);
    free(heard);
    free(final);
    scram_client_free(&c);
    assert_int_equal(r.edge.wrongs, 1);
    return first;
}

static void a_stranger_cannot_tell_an_unknown_user_from_a_wrong_password(void **state)
{
    char *known = hears("Tuser"), *unknown;

    (void)state;
    restart();
    unknown = hears("nobody");
    assert_string_equal(known, unknown);
    assert_non_null(strstr(known, "credentials"));
    free(known);
    free(unknown);
}

static void nothing_that_an_edge_says_names_what_is_on_its_site(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        restart();
        faults[i].make();
        linkrig_connect(&r);
        linkrig_until(&r, r.in.downs && r.edge.downs);
        assert_null(strstr(r.in.text, "edge-node"));
        assert_null(strstr(r.in.text, "zone-1"));
        assert_null(strstr(r.in.text, "127.0.0.1"));
        assert_null(strstr(r.edge.text, "inside-node"));
    }
}

/* --- proofs of other connections -------------------------------------------------------------- */

static void a_proof_for_another_connection_is_told_by_its_binding(void **state)
{
    struct scram_binding binding = { .on = true, .data = "of the one that was listened to" };
    struct scram_client *c;
    char *first, *final = NULL;

    (void)state;
    c = scram_client_new(SCRAM_SHA_256, r.user, r.password, &binding, NULL);
    first = scram_client_first(c);
    start_stranger(false);
    say_hello(first);
    linkrig_until(&r, s.got == 1);
    assert_int_equal(scram_client_final(c, s.frame->challenge->scram_first, &final), 0);
    say_proof(final);
    linkrig_until(&r, s.ended && r.edge.downs);
    assert_string_equal(s.refused, "binding");
    assert_int_equal(r.edge.why, TUNNEL_BINDING);
    assert_int_equal(r.edge.wrongs, 0); /* the password was right: no guess to brake */
    scram_client_free(&c);
    free(first);
    free(final);
}

static void
a_hello_and_proof_that_were_recorded_are_worth_nothing_on_a_second_connection(void **state)
{
    struct scram_binding binding = { .on = true };
    struct scram_client *c;
    char *first, *final = NULL;

    (void)state;
    start_stranger(false);
    assert_int_equal(tls_stream_binding(s.tls, binding.data), 0);
    c = scram_client_new(SCRAM_SHA_256, r.user, r.password, &binding, NULL);
    first = scram_client_first(c);
    say_hello(first);
    linkrig_until(&r, s.got == 1);
    assert_int_equal(scram_client_final(c, s.frame->challenge->scram_first, &final), 0);
    say_proof(final);
    linkrig_until(&r, s.got >= 2);
    assert_non_null(s.frame->welcome ? s.frame->welcome : (void *)s.frame->alive);
    assert_int_equal(r.edge.ups, 1);

    restart();
    start_stranger(false);
    say_hello(first);
    linkrig_until(&r, s.got == 1);
    say_proof(final);
    linkrig_until(&r, s.ended && r.edge.downs);
    assert_string_equal(s.refused, "binding");
    assert_int_equal(r.edge.why, TUNNEL_BINDING);
    assert_int_equal(r.edge.ups, 0);
    scram_client_free(&c);
    free(first);
    free(final);
}

static void a_client_without_channel_binding_is_refused(void **state)
{
    struct scram_binding none = { .on = false };
    struct scram_client *c = scram_client_new(SCRAM_SHA_256, r.user, r.password, &none, NULL);
    char *first = scram_client_first(c);

    (void)state;
    start_stranger(false);
    say_hello(first);
    linkrig_until(&r, s.ended && r.edge.downs);
    assert_string_equal(s.refused, "binding");
    scram_client_free(&c);
    free(first);
}

/* --- ends that do not keep to the protocol ---------------------------------------------------- */

/* Says a Hello that `change` has spoilt, and the right password. */
static void refused_hello(void (*change)(Stoa__Zone__V1__Hello *), enum tunnel_refusal why)
{
    struct scram_binding binding = { .on = true };
    Stoa__Zone__V1__Frame f = STOA__ZONE__V1__FRAME__INIT;
    struct scram_client *c;
    char *first, *final = NULL;

    start_stranger(false);
    assert_int_equal(tls_stream_binding(s.tls, binding.data), 0);
    c = scram_client_new(SCRAM_SHA_256, r.user, r.password, &binding, NULL);
    first = scram_client_first(c);
    f.hello = stranger_hello(first);
    change(f.hello);
    stranger_say(&s, &f);
    linkrig_until(&r, s.got == 1 || s.ended);
    if (s.frame->challenge) {
        assert_int_equal(scram_client_final(c, s.frame->challenge->scram_first, &final), 0);
        say_proof(final);
    }
    linkrig_until(&r, s.ended && r.edge.downs);
    assert_string_equal(s.refused, tunnel_refusal_word(why));
    assert_int_equal(r.edge.why, why);
    assert_true(strlen(s.refused_text) > 10);
    assert_int_equal(r.edge.ups, 0);
    scram_client_free(&c);
    free(first);
    free(final);
    restart();
}

static void newer(Stoa__Zone__V1__Hello *h)
{
    h->min_version = 2;
    h->max_version = 3;
}

static void as_it_was(Stoa__Zone__V1__Hello *h) { (void)h; }
static void of_no_version(Stoa__Zone__V1__Hello *h)
{
    h->has_min_version = h->has_max_version = false;
}
static void two_days_late(Stoa__Zone__V1__Hello *h) { h->time_ms -= 2 * 86400000; }
static void two_days_early(Stoa__Zone__V1__Hello *h) { h->time_ms += 2 * 86400000; }
static void of_no_time(Stoa__Zone__V1__Hello *h) { h->has_time_ms = false; }
static void before_the_epoch(Stoa__Zone__V1__Hello *h) { h->time_ms = INT64_MIN; }
static void at_the_end_of_time(Stoa__Zone__V1__Hello *h) { h->time_ms = INT64_MAX; }
static void of_nobody(Stoa__Zone__V1__Hello *h) { h->node = NULL; }
static void without_scram(Stoa__Zone__V1__Hello *h) { h->scram_first = NULL; }
static void with_other_scram(Stoa__Zone__V1__Hello *h)
{
    h->scram_first = (char *)(uintptr_t) "p=x";
}

static void with_a_long_hash(Stoa__Zone__V1__Hello *h)
{
    static uint8_t hash[LINK_HASH_MAX + 1];

    h->has_config_hash = true;
    h->config_hash = (ProtobufCBinaryData){ sizeof(hash), hash };
}

static void with_too_many_domains(Stoa__Zone__V1__Hello *h)
{
    static char *domains[TUNNEL_DOMAINS_MAX + 1];

    for (size_t i = 0; i < ARRAY_LEN(domains); i++)
        domains[i] = (char *)(uintptr_t)"octavio.com";
    h->domains = domains;
    h->n_domains = ARRAY_LEN(domains);
}

static void with_a_long_domain(Stoa__Zone__V1__Hello *h)
{
    static char domain[300];

    memset(domain, 'a', sizeof(domain) - 1);
    h->domain = domain;
}

static void a_hello_that_cannot_be_used_is_refused_with_its_word(void **state)
{
    (void)state;
    refused_hello(newer, TUNNEL_VERSION);
    refused_hello(of_no_version, TUNNEL_VERSION);
    refused_hello(two_days_late, TUNNEL_CLOCK);
    refused_hello(two_days_early, TUNNEL_CLOCK);
    refused_hello(of_no_time, TUNNEL_MALFORMED);
    refused_hello(before_the_epoch, TUNNEL_MALFORMED);
    refused_hello(at_the_end_of_time, TUNNEL_MALFORMED);
    refused_hello(of_nobody, TUNNEL_MALFORMED);
    refused_hello(without_scram, TUNNEL_MALFORMED);
    refused_hello(with_other_scram, TUNNEL_MALFORMED);
    refused_hello(with_a_long_hash, TUNNEL_MALFORMED);
    refused_hello(with_too_many_domains, TUNNEL_MALFORMED);
    refused_hello(with_a_long_domain, TUNNEL_MALFORMED);
}

static void who_knows_the_password_and_has_no_certificate_is_refused(void **state)
{
    (void)state;
    r.no_cert = true;
    refused_hello(as_it_was, TUNNEL_NO_CERT);
    r.no_cert = true;
    r.zone_ca = NULL; /* pairing needs one as well */
    refused_hello(as_it_was, TUNNEL_NO_CERT);
}

static void frames_out_of_order_or_unreadable_are_malformed(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        { "\x00\x00\x00\x00", 4 },                         /* no frame */
        { "\x00\x01\x00\x01", 4 },                         /* 65537 bytes */
        { "\xff\xff\xff\xff", 4 },                         /* 4 GiB */
        { "\x00\x00\x00\x02\x42\x00", 6 },                 /* Alive */
        { "\x00\x00\x00\x02\x1a\x00", 6 },                 /* Proof */
        { "\x00\x00\x00\x02\x22\x00", 6 },                 /* Welcome */
        { "\x00\x00\x00\x04\x42\x00\x1a\x00", 8 },         /* two in one */
        { "\x00\x00\x00\x02\x7a\x00", 6 },                 /* member unknown: none of ours is set */
        { "\x00\x00\x00\x05\x0a\x03\x1a\x01\xff", 9 },     /* not UTF-8 */
        { "\x00\x00\x00\x02\x0a\x7f", 6 },                 /* length beyond the end */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int edge = 0; edge < 2; edge++) {
            struct linkend *e = edge ? &r.in : &r.edge;

            restart();
            start_stranger(edge);
            stranger_bytes(&s, cases[i].bytes, cases[i].len);
            linkrig_until(&r, s.ended && e->downs);
            if (e->why != TUNNEL_MALFORMED)
                fail_msg("case %zu, edge %d: %s", i, edge, tunnel_refusal_word(e->why));
            assert_string_equal(s.refused, "malformed");
        }
    }
}

static void what_is_no_tls_and_what_is_no_http2_is_told_apart(void **state)
{
    int fd[2];

    (void)state;
    linkrig_sockets(fd);
    linkrig_start(&r.edge, fd[1]);
    assert_int_equal(write(fd[0], "GET / HTTP/1.1\r\n\r\n", 18), 18);
    linkrig_until(&r, r.edge.downs);
    assert_int_equal(r.edge.why, TUNNEL_TLS);
    close(fd[0]);

    restart();
    start_stranger(false);
    assert_int_equal(tls_stream_write(s.tls, "\0\0\xff\x09garbage..........................", 38),
                     0);
    linkrig_until(&r, s.ended && r.edge.downs);
    assert_int_equal(r.edge.why, TUNNEL_MALFORMED);
}

static void a_connection_that_is_cut_in_the_handshake_is_closed(void **state)
{
    int fd[2];

    (void)state;
    linkrig_sockets(fd);
    linkrig_start(&r.in, fd[0]);
    close(fd[1]);
    linkrig_until(&r, r.in.downs);
    assert_true(r.in.why == TUNNEL_CLOSED || r.in.why == TUNNEL_TCP_RESET);
}

static void who_says_nothing_is_not_waited_for(void **state)
{
    (void)state;
    r.times = (struct tunnel_times){ .hello_ms = 100, .close_ms = 100 };
    start_stranger(false);
    linkrig_until(&r, r.edge.downs);
    assert_int_equal(r.edge.why, TUNNEL_MALFORMED);
    assert_non_null(strstr(r.edge.text, "in time"));

    restart();
    r.times = (struct tunnel_times){ .hello_ms = 100, .close_ms = 100 };
    start_stranger(true);
    linkrig_until(&r, r.in.downs);
    assert_int_equal(r.in.why, TUNNEL_MALFORMED);
}

static void a_stream_before_the_introduction_is_over_is_malformed(void **state)
{
    struct mux_header connect[] = { { ":method", "CONNECT" },
                                    { ":authority", "join.octavio.com" } };
    int err;

    (void)state;
    r.domain = "join.octavio.com";
    start_stranger(true);
    assert_non_null(mux_open(s.mux, connect, 2, &err));
    stranger_flush(&s);
    linkrig_until(&r, s.ended && r.in.downs);
    assert_int_equal(r.in.why, TUNNEL_MALFORMED);
    assert_int_equal(r.in.streams + r.in.stream_ends, 0);
}

static void a_word_of_a_newer_edge_is_malformed_with_its_sentence(void **state)
{
    Stoa__Zone__V1__Frame f = STOA__ZONE__V1__FRAME__INIT;
    Stoa__Zone__V1__Refused refused = STOA__ZONE__V1__REFUSED__INIT;

    (void)state;
    start_stranger(true);
    refused.code = (char *)(uintptr_t)"moonPhase";
    refused.text = (char *)(uintptr_t)"the moon\nis wrong";
    f.refused = &refused;
    stranger_say(&s, &f);
    linkrig_until(&r, r.in.downs);
    assert_int_equal(r.in.why, TUNNEL_MALFORMED);
    assert_string_equal(r.in.text, "the moon?is wrong");
}

/* --- pairing ---------------------------------------------------------------------------------- */

static void a_zone_that_waits_is_paired_once(void **state)
{
    char *kept;

    (void)state;
    r.zone_ca = NULL;
    linkrig_up(&r);
    assert_int_equal(r.edge.paireds, 1);
    assert_string_equal(r.edge.paired_zone, "zone-1");
    assert_string_equal(r.edge.paired_ca, linkcerts.in_ca.cert_pem);
    kept = str_dup(r.edge.paired_ca);

    restart(); /* another one who has the join file, with a CA of its own */
    r.zone_ca = kept;
    r.in_pair = &linkcerts.in[PAIR_OTHER_CA];
    r.own_ca = linkcerts.other_ca.cert_pem;
    linkrig_down(&r);
    assert_int_equal(r.in.why, TUNNEL_UNTRUSTED);
    assert_int_equal(r.edge.why, TUNNEL_UNTRUSTED);
    assert_int_equal(r.edge.paireds, 0);

    restart(); /* the first one again */
    r.zone_ca = kept;
    linkrig_up(&r);
    assert_int_equal(r.edge.paireds, 0);
    linkrig_fini(&r);
    linkrig_init(&r);
    free(kept);
}

static void who_pairs_needs_all_three_layers(void **state)
{
    static const struct {
        void (*make)(void);
        enum tunnel_refusal why;
    } cases[] = {
        { wrong_password, TUNNEL_CREDENTIALS },
        { in_of_other_name, TUNNEL_SUBJECT_NAME },
        { in_expired, TUNNEL_EXPIRED },
        { in_of_other_ca, TUNNEL_UNTRUSTED }, /* the CA of the hello has not issued it */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        restart();
        r.zone_ca = NULL;
        cases[i].make();
        linkrig_down(&r);
        assert_int_equal(r.edge.why, cases[i].why);
        assert_int_equal(r.in.why, cases[i].why);
        assert_int_equal(r.edge.paireds, 0);
    }
}

static void a_hello_that_pairs_brings_a_ca(void **state)
{
    const char *const cas[] = { NULL, "", "no certificate", linkcerts.in[PAIR_GOOD].cert_pem };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cas); i++) {
        restart();
        r.zone_ca = NULL;
        r.own_ca = cas[i];
        linkrig_down(&r);
        assert_int_equal(r.edge.why, TUNNEL_UNTRUSTED);
        assert_non_null(strstr(r.edge.text, "brought no CA"));
        assert_int_equal(r.edge.paireds, 0);
    }
}

static void a_ca_may_be_longer_than_other_texts(void **state)
{
    struct str ca = { 0 };

    (void)state;
    for (int i = 0; i < 100; i++)
        str_add(&ca, "what openssl x509 -text has put in front of the certificate\n");
    str_add(&ca, linkcerts.in_ca.cert_pem);
    r.zone_ca = NULL;
    r.own_ca = ca.s;
    linkrig_up(&r);
    assert_string_equal(r.edge.paired_ca, ca.s);
    linkrig_fini(&r);
    linkrig_init(&r);
    str_fini(&ca);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_word_is_its_own_and_has_a_sentence),
        CASE(every_word_stands_in_the_manual),
        CASE(each_fault_alone_has_its_word_and_sentence_at_both_ends),
        CASE(a_stranger_cannot_tell_an_unknown_user_from_a_wrong_password),
        CASE(nothing_that_an_edge_says_names_what_is_on_its_site),
        CASE(a_proof_for_another_connection_is_told_by_its_binding),
        CASE(a_hello_and_proof_that_were_recorded_are_worth_nothing_on_a_second_connection),
        CASE(a_client_without_channel_binding_is_refused),
        CASE(a_hello_that_cannot_be_used_is_refused_with_its_word),
        CASE(who_knows_the_password_and_has_no_certificate_is_refused),
        CASE(frames_out_of_order_or_unreadable_are_malformed),
        CASE(what_is_no_tls_and_what_is_no_http2_is_told_apart),
        CASE(a_connection_that_is_cut_in_the_handshake_is_closed),
        CASE(who_says_nothing_is_not_waited_for),
        CASE(a_stream_before_the_introduction_is_over_is_malformed),
        CASE(a_word_of_a_newer_edge_is_malformed_with_its_sentence),
        CASE(a_zone_that_waits_is_paired_once),
        CASE(who_pairs_needs_all_three_layers),
        CASE(a_hello_that_pairs_brings_a_ca),
        CASE(a_ca_may_be_longer_than_other_texts),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
