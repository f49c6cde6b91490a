/* SPDX-License-Identifier: Apache-2.0
 * The side that has the verifier. An unknown user goes the whole way with one that nobody can fit:
 * what is said and how long it takes are the same as for a wrong password. */
#include "scram_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <evp/hash.h>

enum { MASK_KEY_LEN = 32, MASK_SALT_LEN = 16 };

enum stage { WAITS_FIRST, WAITS_VERIFIER, WAITS_FINAL, DONE };

struct scram_server {
    enum scram_hash hash;
    const struct scram_algo *algo;
    struct scram_binding binding;
    enum stage stage;
    char user[SCRAM_USER_MAX + 1];
    char *own_nonce;
    char *nonce;       /* both sides' */
    char header[sizeof(SCRAM_HEADER_BOUND)]; /* as the client wrote it */
    char *first_bare, *challenge;
    struct scram_verifier verifier;
    bool known;
};

struct scram_server *scram_server_new(enum scram_hash hash, const struct scram_binding *binding,
                                      const char *nonce)
{
    struct scram_server *s = MEM_NEW(struct scram_server);

    s->hash = hash;
    s->algo = scram_algo(hash);
    if (binding)
        s->binding = *binding;
    s->own_nonce = scram_nonce(nonce);
    return s;
}

void scram_server_free(struct scram_server **sp)
{
    struct scram_server *s = *sp;

    *sp = NULL;
    if (!s)
        return;
    free(s->own_nonce);
    free(s->nonce);
    free(s->first_bare);
    free(s->challenge);
    evp_wipe(s, sizeof(*s));
    free(s);
}

/* Reads the GS2 header. An authorisation identity ("a=") is another user's name: refused, nobody
 * here acts for another. Source: RFC 5802 s7 */
static int read_header(struct scram_server *s, const char **at)
{
    static const struct {
        const char *text;
        bool bound;
    } headers[] = { { SCRAM_HEADER_BOUND, true }, { SCRAM_HEADER_UNBOUND, false },
                    { "y,,", false } };
    const char *rest;

    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        if (!str_starts(*at, headers[i].text))
            continue;
        if (headers[i].bound != s->binding.on)
            return -EPROTO;
        (void)str_copy(s->header, sizeof(s->header), headers[i].text);
        *at += strlen(headers[i].text);
        return 0;
    }
    /* Another binding than ours is well-formed. */
    rest = str_starts(*at, "p=") ? strstr(*at, ",,") : NULL;
    return rest && rest > *at + 2 ? -EPROTO : -EBADMSG;
}

int scram_server_first(struct scram_server *s, const char *client_first, const char **user)
{
    struct scram_span name, nonce;
    const char *at = client_first, *bare;
    int err;

    if (s->stage != WAITS_FIRST || scram_check(client_first))
        return -EBADMSG;
    s->stage = DONE; /* a message that is refused is the last one */
    err = read_header(s, &at);
    if (err)
        return err;
    bare = at; /* "m=" in front, a mandatory extension, is refused: we know none */
    if (scram_attr(&at, 'n', &name) || scram_attr(&at, 'r', &nonce) || !scram_nonce_ok(nonce) ||
        scram_read_name(s->user, name))
        return -EBADMSG;
    s->first_bare = str_dup(bare);
    s->nonce = str_printf("%.*s%s", (int)nonce.len, nonce.at, s->own_nonce);
    s->stage = WAITS_VERIFIER;
    *user = s->user;
    return 0;
}

/* A verifier that looks like one of ours and fits no password that anybody could find. */
static void mask(struct scram_server *s, const uint8_t *mask_key)
{
    struct scram_verifier *v = &s->verifier;
    uint8_t sum[EVP_SHA256_SIZE];

    evp_hmac_sha256(sum, EVP_BYTES(mask_key, MASK_KEY_LEN), s->user, strlen(s->user));
    *v = (struct scram_verifier){ .hash = s->hash, .iterations = SCRAM_ITERATIONS,
                                  .salt_len = MASK_SALT_LEN };
    memcpy(v->salt, sum, MASK_SALT_LEN);
    memcpy(v->stored_key, sum + MASK_SALT_LEN, sizeof(sum) - MASK_SALT_LEN);
}

char *scram_server_challenge(struct scram_server *s, const struct scram_verifier *v,
                             const uint8_t *mask_key)
{
    struct str out = { 0 };

    assert(s->stage == WAITS_VERIFIER);
    s->known = v && v->hash == s->hash;
    if (s->known)
        s->verifier = *v;
    else
        mask(s, mask_key);
    str_addf(&out, "r=%s,s=", s->nonce);
    scram_add_base64(&out, s->verifier.salt, s->verifier.salt_len);
    str_addf(&out, ",i=%u", (unsigned)s->verifier.iterations);
    s->challenge = str_dup(out.s);
    s->stage = WAITS_FINAL;
    return str_take(&out);
}

/* Is the proof that of the user's password, over all that was said? */
static bool proves(const struct scram_server *s, const uint8_t *proof, const struct str *auth)
{
    const struct scram_algo *a = s->algo;
    uint8_t key[SCRAM_KEY_MAX], stored[SCRAM_KEY_MAX];
    bool equal;

    a->hmac(key, EVP_BYTES(s->verifier.stored_key, a->size), auth->s, auth->len);
    for (size_t i = 0; i < a->size; i++)
        key[i] ^= proof[i];
    a->hash(stored, key, a->size);
    equal = evp_ct_equal(stored, s->verifier.stored_key, a->size);
    evp_wipe(key, sizeof(key));
    return equal && s->known;
}

/* The c= of the client against our own. The texts are compared as bytes decoded: base64 may be
 * written in more than one way. */
static int check_binding(const struct scram_server *s, struct scram_span text)
{
    uint8_t seen[128], ours[128];
    struct str own = { 0 };
    ssize_t n = scram_decode(seen, sizeof(seen), text), m;

    scram_add_binding(&own, s->header, &s->binding);
    m = scram_decode(ours, sizeof(ours), (struct scram_span){ own.s, own.len });
    str_fini(&own);
    assert(m > 0);
    if (n < 0)
        return -EBADMSG;
    return n == m && evp_ct_equal(seen, ours, (size_t)m) ? 0 : -EPROTO;
}

int scram_server_final(struct scram_server *s, const char *client_final, char **out)
{
    const struct scram_algo *a = s->algo;
    struct scram_span binding, nonce, value;
    uint8_t proof[SCRAM_KEY_MAX], signature[SCRAM_KEY_MAX];
    const char *at = client_final, *last;
    struct str auth = { 0 }, text = { 0 };
    int err;

    *out = NULL;
    if (s->stage != WAITS_FINAL || scram_check(client_final))
        return -EBADMSG;
    s->stage = DONE; /* one try for each challenge */
    last = strrchr(client_final, ','); /* the proof comes last, and is no part of what it proves */
    if (!last || scram_attr(&at, 'c', &binding) || scram_attr(&at, 'r', &nonce))
        return -EBADMSG;
    at = last + 1;
    if (scram_attr(&at, 'p', &value) ||
        scram_decode(proof, sizeof(proof), value) != (ssize_t)a->size)
        return -EBADMSG;
    err = check_binding(s, binding); /* before the nonce: a replay is told as what it is */
    if (err)
        return err;
    if (nonce.len != strlen(s->nonce) || memcmp(nonce.at, s->nonce, nonce.len) != 0)
        return -EBADMSG;
    str_addf(&auth, "%s,%s,%.*s", s->first_bare, s->challenge, (int)(last - client_final),
             client_final);
    err = proves(s, proof, &auth) ? 0 : -EACCES;
    if (!err) {
        a->hmac(signature, EVP_BYTES(s->verifier.server_key, a->size), auth.s, auth.len);
        str_add(&text, "v=");
        scram_add_base64(&text, signature, a->size);
        *out = str_take(&text);
    }
    str_fini(&auth);
    return err;
}
