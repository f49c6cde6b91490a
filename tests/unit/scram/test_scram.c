/* SPDX-License-Identifier: Apache-2.0
 * SCRAM against the vectors of RFC 5802 s5 and RFC 7677 s3, both sides against each other, and whoever
 * tries to get in between. */
#include <scram/scram.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"

static const uint8_t mask_key[32] = "a key that no client knows";

/* One conversation as it stands in an RFC; the verifiers were computed from its salt by another
 * implementation (Python's hashlib). */
struct vector {
    enum scram_hash hash;
    bool bound;
    const char *verifier, *client_nonce, *server_nonce;
    const char *client_first, *server_first, *client_final, *server_final;
};

#define VERIFIER_256                                                                             \
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:" \
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static const struct vector vectors[] = {
    { /* RFC 5802 s5 */
      SCRAM_SHA_1, false,
      "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=",
      "fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
      "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
      "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
      "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
    { /* RFC 7677 s3 */
      SCRAM_SHA_256, false, VERIFIER_256, "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
      "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
      "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
    { /* the same with tls-exporter, whose data are 00 01 .. 1f: from that other implementation */
      SCRAM_SHA_256, true, VERIFIER_256, "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
      "p=tls-exporter,,n=user,r=rOprNGfwEbeRWgbNEkqO",
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
      "c=cD10bHMtZXhwb3J0ZXIsLAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f,"
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
      "p=QC6CS20quADQRb3mT99YUH+n3VJxUvzuK0K0E1Vrs2M=",
      "v=2GiAgapEppLVlUXbxUDksL3VgYHzuqiK5tR4mhJGgvs=" },
};

static struct scram_binding binding_of(bool on, uint8_t first)
{
    struct scram_binding b = { .on = on };

    for (size_t i = 0; i < sizeof(b.data); i++)
        b.data[i] = (uint8_t)(first + i);
    return b;
}

static struct scram_verifier verifier_of(const char *text)
{
    struct scram_verifier v;

    assert_int_equal(scram_verifier_parse(&v, text), 0);
    return v;
}

static struct scram_server *server_of(const struct vector *x)
{
    struct scram_binding b = binding_of(x->bound, 0);

    return scram_server_new(x->hash, &b, x->server_nonce);
}

static void a_client_says_what_the_rfcs_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        const struct vector *x = &vectors[i];
        struct scram_binding b = binding_of(x->bound, 0);
        struct scram_client *c = scram_client_new(x->hash, "user", "pencil", &b, x->client_nonce);
        char *first = scram_client_first(c), *final;

        assert_string_equal(first, x->client_first);
        assert_int_equal(scram_client_final(c, x->server_first, &final), 0);
        assert_string_equal(final, x->client_final);
        assert_int_equal(scram_client_done(c, x->server_final), 0);
        free(first);
        free(final);
        scram_client_free(&c);
        assert_null(c);
    }
}

static void a_server_says_what_the_rfcs_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        const struct vector *x = &vectors[i];
        struct scram_verifier v = verifier_of(x->verifier);
        struct scram_server *s = server_of(x);
        const char *user;
        char *challenge, *final;

        assert_int_equal(scram_server_first(s, x->client_first, &user), 0);
        assert_string_equal(user, "user");
        challenge = scram_server_challenge(s, &v, mask_key);
        assert_string_equal(challenge, x->server_first);
        assert_int_equal(scram_server_final(s, x->client_final, &final), 0);
        assert_string_equal(final, x->server_final);
        free(challenge);
        free(final);
        scram_server_free(&s);
        assert_null(s);
    }
}

static void a_verifier_is_text_and_back(void **state)
{
    static const char *const bad[] = {
        "", "SCRAM-SHA-256", "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$AAAA:AAAA",
        "SCRAM-MD5$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=",
        "SCRAM-SHA-1$1:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=",
        "SCRAM-SHA-1$1000001:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=",
        "SCRAM-SHA-1$4096:$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=",
        "SCRAM-SHA-256$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=",
    };
    struct scram_verifier v, w;
    char *text;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        v = verifier_of(vectors[i].verifier);
        text = scram_verifier_print(&v);
        assert_string_equal(text, vectors[i].verifier);
        for (size_t n = 0; n < strlen(text); n++) { /* no beginning of it is one */
            char *part = str_ndup(text, n);

            if (scram_verifier_parse(&w, part) == 0) /* but for the padding of base64 */
                assert_true(text[n] == '=' && w.hash == v.hash);
            free(part);
        }
        free(text);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(scram_verifier_parse(&v, bad[i]), -EBADMSG);
    assert_int_equal(scram_verifier_parse(&v, NULL), -EBADMSG);
    scram_verifier_make(&v, SCRAM_SHA_256, "pencil", SCRAM_ITERATIONS);
    scram_verifier_make(&w, SCRAM_SHA_256, "pencil", SCRAM_ITERATIONS);
    assert_memory_not_equal(v.salt, w.salt, v.salt_len);
    assert_memory_not_equal(v.stored_key, w.stored_key, 32);
}

/* ---- both sides ---- */

struct talk {
    const char *user, *password;         /* what the client has */
    const struct scram_verifier *known;  /* what the server has; NULL: no such user */
    struct scram_binding client, server;
    int first_err, final_err, done_err;
    char *challenge, *claimed;
};

static void talk(struct talk *t)
{
    struct scram_client *c = scram_client_new(SCRAM_SHA_256, t->user, t->password, &t->client, NULL);
    struct scram_server *s = scram_server_new(SCRAM_SHA_256, &t->server, NULL);
    char *first = scram_client_first(c), *final = NULL, *answer = NULL;
    const char *user = NULL;

    t->final_err = t->done_err = -1;
    t->first_err = scram_server_first(s, first, &user);
    if (t->first_err)
        goto out;
    t->claimed = str_dup(user);
    t->challenge = scram_server_challenge(s, t->known, mask_key);
    assert_int_equal(scram_client_final(c, t->challenge, &final), 0);
    t->final_err = scram_server_final(s, final, &answer);
    assert_int_equal(answer != NULL, t->final_err == 0);
    if (answer)
        t->done_err = scram_client_done(c, answer);
out:
    free(first);
    free(final);
    free(answer);
    scram_client_free(&c);
    scram_server_free(&s);
}

static void talk_fini(struct talk *t)
{
    free(t->challenge);
    free(t->claimed);
}

static void who_knows_the_password_gets_in(void **state)
{
    static const char *const users[] = { "zone", "a,b=c", "J\xc3\xbcrgen", "=2C", "," };
    struct scram_verifier v;

    (void)state;
    scram_verifier_make(&v, SCRAM_SHA_256, "s3cr3t, with = and \xc3\xa9", SCRAM_ITERATIONS);
    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        for (int bound = 0; bound < 2; bound++) {
            struct talk t = { .user = users[i], .password = "s3cr3t, with = and \xc3\xa9", .known = &v,
                              .client = binding_of(bound, 9), .server = binding_of(bound, 9) };

            talk(&t);
            assert_int_equal(t.first_err, 0);
            assert_string_equal(t.claimed, users[i]);
            assert_int_equal(t.final_err, 0);
            assert_int_equal(t.done_err, 0);
            talk_fini(&t);
        }
    }
}

static void a_wrong_password_does_not(void **state)
{
    struct scram_verifier v;

    (void)state;
    scram_verifier_make(&v, SCRAM_SHA_256, "right", SCRAM_ITERATIONS);
    for (int i = 0; i < 3; i++) {
        static const char *const tries[] = { "wrong", "", "right " };
        struct talk t = { .user = "zone", .password = tries[i], .known = &v };

        talk(&t);
        assert_int_equal(t.final_err, -EACCES);
        talk_fini(&t);
    }
}

/* The same answers, and the same salt each time, as a user that is known would have. */
static void an_unknown_user_looks_like_a_wrong_password(void **state)
{
    struct scram_verifier v;
    struct talk a = { .user = "nobody", .password = "x" }, b = a, c = { .user = "noone" }, d = a;
    const char *salt;

    (void)state;
    c.password = "x";
    talk(&a);
    talk(&b);
    talk(&c);
    scram_verifier_make(&v, SCRAM_SHA_256, "right", SCRAM_ITERATIONS);
    d.known = &v;
    talk(&d);
    assert_int_equal(a.final_err, -EACCES);
    assert_int_equal(d.final_err, -EACCES);
    salt = strstr(a.challenge, ",s=");
    assert_string_equal(salt, strstr(b.challenge, ",s="));
    assert_string_not_equal(salt, strstr(c.challenge, ",s="));
    assert_int_equal(strlen(a.challenge), strlen(d.challenge));
    assert_string_equal(strstr(salt, ",i="), strstr(d.challenge, ",i="));
    talk_fini(&a);
    talk_fini(&b);
    talk_fini(&c);
    talk_fini(&d);
}

static void a_verifier_of_another_hash_fits_nobody(void **state)
{
    struct scram_verifier v;
    struct talk t = { .user = "zone", .password = "right", .known = &v };

    (void)state;
    scram_verifier_make(&v, SCRAM_SHA_1, "right", SCRAM_ITERATIONS);
    talk(&t);
    assert_int_equal(t.final_err, -EACCES);
    talk_fini(&t);
}

/* Somebody ends TLS in the middle and hands the messages on: the two sides have other bindings. */
static void a_relayed_proof_is_refused(void **state)
{
    struct scram_verifier v;
    struct talk t = { .user = "zone", .password = "right", .known = &v };

    (void)state;
    scram_verifier_make(&v, SCRAM_SHA_256, "right", SCRAM_ITERATIONS);
    t.client = binding_of(true, 1);
    t.server = binding_of(true, 2);
    talk(&t);
    assert_int_equal(t.first_err, 0);
    assert_int_equal(t.final_err, -EPROTO);
    talk_fini(&t);
}

static void both_sides_must_use_the_same_kind_of_binding(void **state)
{
    struct scram_verifier v;

    (void)state;
    scram_verifier_make(&v, SCRAM_SHA_256, "right", SCRAM_ITERATIONS);
    for (int i = 0; i < 2; i++) {
        struct talk t = { .user = "zone", .password = "right", .known = &v,
                          .client = binding_of(i == 0, 1), .server = binding_of(i != 0, 1) };

        talk(&t);
        assert_int_equal(t.first_err, -EPROTO);
        talk_fini(&t);
    }
}

/* ---- the server's guests ---- */

/* What a server of the vector says to this client-final-message. */
static int final_of(const struct vector *x, const char *client_first, const char *client_final,
                    struct scram_binding b)
{
    struct scram_verifier v = verifier_of(x->verifier);
    struct scram_server *s = scram_server_new(x->hash, &b, x->server_nonce);
    const char *user;
    char *challenge, *out = NULL;
    int err;

    assert_int_equal(scram_server_first(s, client_first, &user), 0);
    challenge = scram_server_challenge(s, &v, mask_key);
    err = scram_server_final(s, client_final, &out);
    assert_int_equal(out != NULL, err == 0);
    if (err == 0) { /* one try for each challenge, whatever came of it */
        char *again = NULL;

        assert_int_equal(scram_server_final(s, client_final, &again), -EBADMSG);
        assert_null(again);
    }
    free(out);
    free(challenge);
    scram_server_free(&s);
    return err;
}

static void a_replayed_conversation_is_refused_on_another_connection(void **state)
{
    const struct vector *x = &vectors[2];
    struct vector other = *x;

    (void)state;
    assert_int_equal(final_of(x, x->client_first, x->client_final, binding_of(true, 0)), 0);
    /* even if the server were to draw the same nonce */
    assert_int_equal(final_of(x, x->client_first, x->client_final, binding_of(true, 1)), -EPROTO);
    other.server_nonce = "another";
    assert_int_equal(final_of(&other, x->client_first, x->client_final, binding_of(true, 0)),
                     -EBADMSG);
}

/* The binding in c= is exchanged for the right one: the proof does not fit any more. */
static void a_binding_cannot_be_exchanged_under_a_proof(void **state)
{
    static const char forged[] =
        "c=cD10bHMtZXhwb3J0ZXIsLAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f,"
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="; /* the proof without binding */
    const struct vector *x = &vectors[2];

    (void)state;
    assert_int_equal(final_of(x, x->client_first, forged, binding_of(true, 0)), -EACCES);
    /* a client that says it uses one, and then shows that of "n" */
    assert_int_equal(final_of(x, x->client_first, vectors[1].client_final, binding_of(true, 0)),
                     -EPROTO);
}

static void a_client_that_thinks_the_server_has_no_binding_is_told(void **state)
{
    struct scram_binding on = binding_of(true, 0);
    struct scram_server *s = scram_server_new(SCRAM_SHA_256, &on, NULL);
    const char *user;

    (void)state;
    assert_int_equal(scram_server_first(s, "y,,n=user,r=abc", &user), -EPROTO);
    scram_server_free(&s);
    s = scram_server_new(SCRAM_SHA_256, NULL, NULL);
    assert_int_equal(scram_server_first(s, "y,,n=user,r=abc", &user), 0); /* and is right */
    scram_server_free(&s);
}

static void first_messages_that_are_none(void **state)
{
    static const struct {
        const char *text;
        int err;
    } cases[] = {
        { "", -EBADMSG },
        { "n,,", -EBADMSG },
        { "n,,n=user", -EBADMSG },
        { "n,,n=user,r=", -EBADMSG },
        { "n,,n=,r=abc", -EBADMSG },
        { "n,,r=abc,n=user", -EBADMSG },
        { "n,,m=ext,n=user,r=abc", -EBADMSG },
        { "n,a=admin,n=user,r=abc", -EBADMSG },
        { "n,n=user,r=abc", -EBADMSG },
        { "z,,n=user,r=abc", -EBADMSG },
        { "n,,n=us=er,r=abc", -EBADMSG },
        { "n,,n=user=2,r=abc", -EBADMSG },
        { "n,,n=user=,r=abc", -EBADMSG },
        { "n,,n=user=2c,r=abc", -EBADMSG },
        { "n,,n=\xff\xfe,r=abc", -EBADMSG },
        { "n,,n=user,r=a b", -EBADMSG },
        { "n,,n=user,r=a\x7f", -EBADMSG },
        { "n,,n=user,r=abc,", -EBADMSG },
        { "p=,,n=user,r=abc", -EBADMSG },
        { "p=tls-exporter,,n=user,r=abc", -EPROTO },
        { "p=tls-unique,,n=user,r=abc", -EPROTO },
        { "n,,n=user,r=abc", 0 },
        { "n,,n=user,r=abc,x=an extension that may be ignored", 0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scram_server *s = scram_server_new(SCRAM_SHA_256, NULL, NULL);
        const char *user;
        int err = scram_server_first(s, cases[i].text, &user);

        if (err != cases[i].err)
            fail_msg("%s: %d", cases[i].text, err);
        assert_int_equal(scram_server_first(s, "n,,n=user,r=abc", &user), -EBADMSG); /* once */
        scram_server_free(&s);
    }
}

static void what_is_too_long_is_refused(void **state)
{
    char *name = malloc(SCRAM_MESSAGE_MAX + 2), *text;

    (void)state;
    memset(name, 'u', SCRAM_MESSAGE_MAX + 1);
    for (size_t n = SCRAM_USER_MAX - 1; n <= SCRAM_USER_MAX + 1; n++) {
        struct scram_server *s = scram_server_new(SCRAM_SHA_1, NULL, NULL);
        const char *user;

        text = str_printf("n,,n=%.*s,r=abc", (int)n, name);
        assert_int_equal(scram_server_first(s, text, &user), n > SCRAM_USER_MAX ? -EBADMSG : 0);
        free(text);
        scram_server_free(&s);
    }
    for (size_t n = 0; n < 2; n++) {
        struct scram_server *s = scram_server_new(SCRAM_SHA_1, NULL, NULL);
        const char *user;

        text = str_printf("n,,n=a,r=%.*s", (int)(SCRAM_MESSAGE_MAX - 9 + n), name);
        assert_int_equal(scram_server_first(s, text, &user), n ? -EBADMSG : 0);
        free(text);
        scram_server_free(&s);
    }
    free(name);
}

/* Every beginning of each message is refused or, without the end of its base64, the same. */
static void cut_messages_get_nobody_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        const struct vector *x = &vectors[i];
        struct scram_binding b = binding_of(x->bound, 0);

        for (size_t n = 0; n < strlen(x->client_final); n++) {
            char *part = str_ndup(x->client_final, n);
            int err = final_of(x, x->client_first, part, b);

            if (err == 0)
                assert_true(x->client_final[n] == '=');
            else
                assert_true(err == -EBADMSG || err == -EPROTO || err == -EACCES);
            free(part);
        }
        for (size_t n = 0; n < strlen(x->client_first); n++) {
            char *part = str_ndup(x->client_first, n);
            struct scram_server *s = server_of(x);
            const char *user;
            int err = scram_server_first(s, part, &user);

            /* a nonce has no end of its own */
            assert_true(err == (strstr(part, ",r=") && part[n - 1] != '=' ? 0 : -EBADMSG));
            scram_server_free(&s);
            free(part);
        }
        for (size_t n = 0; n < strlen(x->server_first); n++) {
            char *part = str_ndup(x->server_first, n), *final;
            struct scram_client *c = scram_client_new(x->hash, "user", "pencil", &b, x->client_nonce);

            assert_int_equal(scram_client_final(c, part, &final), -EBADMSG);
            assert_null(final);
            scram_client_free(&c);
            free(part);
        }
        for (size_t n = 0; n < strlen(x->server_final); n++) {
            char *part = str_ndup(x->server_final, n), *final;
            struct scram_client *c = scram_client_new(x->hash, "user", "pencil", &b, x->client_nonce);

            assert_int_equal(scram_client_final(c, x->server_first, &final), 0);
            if (scram_client_done(c, part) == 0)
                assert_true(x->server_final[n] == '=');
            free(final);
            scram_client_free(&c);
            free(part);
        }
    }
}

/* ---- the client's hosts ---- */

static void challenges_that_a_client_does_not_take(void **state)
{
    static const char *const bad[] = {
        "r=another,s=QSXCR+Q6sek8bf92,i=4096",
        "r=mine,s=QSXCR+Q6sek8bf92,i=4096",             /* nothing of the server's */
        "r=mineandyours,s=,i=4096",
        "r=mineandyours,s=!!!!,i=4096",
        "r=mineandyours,s=QSXCR+Q6sek8bf92,i=4095",     /* a guess would be cheap */
        "r=mineandyours,s=QSXCR+Q6sek8bf92,i=1000001",  /* minutes of our time */
        "r=mineandyours,s=QSXCR+Q6sek8bf92,i=99999999999999999999",
        "r=mineandyours,s=QSXCR+Q6sek8bf92,i=-1",
        "r=mineandyours,s=QSXCR+Q6sek8bf92,i=",
        "r=mineandyours,i=4096,s=QSXCR+Q6sek8bf92",
        "m=x,r=mineandyours,s=QSXCR+Q6sek8bf92,i=4096",
        "e=other-error",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct scram_client *c = scram_client_new(SCRAM_SHA_1, "user", "pencil", NULL, "mine");
        char *final;

        if (scram_client_final(c, bad[i], &final) != -EBADMSG)
            fail_msg("%s", bad[i]);
        assert_int_equal(scram_client_done(c, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), -EBADMSG);
        scram_client_free(&c);
    }
}

static void a_server_that_does_not_know_the_password_is_found_out(void **state)
{
    static const struct {
        const char *text;
        int err;
    } cases[] = {
        { "v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", -EACCES },
        { "v=AAAA", -EBADMSG },                         { "", -EBADMSG },
        { "e=invalid-proof", -EPROTO },                 { "x=rmF9pqV8S7suAoZWja4dJRkFsKQ=", -EBADMSG },
        { "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", 0 },
    };
    const struct vector *x = &vectors[0];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scram_client *c = scram_client_new(x->hash, "user", "pencil", NULL, x->client_nonce);
        char *final;

        assert_int_equal(scram_client_done(c, x->server_final), -EBADMSG); /* too early */
        assert_int_equal(scram_client_final(c, x->server_first, &final), 0);
        free(final);
        assert_int_equal(scram_client_done(c, cases[i].text), cases[i].err);
        assert_int_equal(scram_client_done(c, x->server_final), -EBADMSG); /* one answer only */
        scram_client_free(&c);
    }
}

static void nonces_are_new_each_time(void **state)
{
    struct scram_client *a = scram_client_new(SCRAM_SHA_256, "user", "pencil", NULL, NULL);
    struct scram_client *b = scram_client_new(SCRAM_SHA_256, "user", "pencil", NULL, NULL);
    char *first = scram_client_first(a), *second = scram_client_first(b);

    (void)state;
    assert_string_not_equal(first, second);
    free(first);
    free(second);
    scram_client_free(&a);
    scram_client_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_says_what_the_rfcs_say),
        cmocka_unit_test(a_server_says_what_the_rfcs_say),
        cmocka_unit_test(a_verifier_is_text_and_back),
        cmocka_unit_test(who_knows_the_password_gets_in),
        cmocka_unit_test(a_wrong_password_does_not),
        cmocka_unit_test(an_unknown_user_looks_like_a_wrong_password),
        cmocka_unit_test(a_verifier_of_another_hash_fits_nobody),
        cmocka_unit_test(a_relayed_proof_is_refused),
        cmocka_unit_test(both_sides_must_use_the_same_kind_of_binding),
        cmocka_unit_test(a_replayed_conversation_is_refused_on_another_connection),
        cmocka_unit_test(a_binding_cannot_be_exchanged_under_a_proof),
        cmocka_unit_test(a_client_that_thinks_the_server_has_no_binding_is_told),
        cmocka_unit_test(first_messages_that_are_none),
        cmocka_unit_test(what_is_too_long_is_refused),
        cmocka_unit_test(cut_messages_get_nobody_in),
        cmocka_unit_test(challenges_that_a_client_does_not_take),
        cmocka_unit_test(a_server_that_does_not_know_the_password_is_found_out),
        cmocka_unit_test(nonces_are_new_each_time),
    };

    return cmocka_run_group_tests_name("scram", tests, NULL, NULL);
}
