/* SPDX-License-Identifier: Apache-2.0
 * The side that has the password. */
#include "scram_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

struct scram_client {
    const struct scram_algo *algo;
    struct scram_binding binding;
    char *user, *password, *nonce;
    char *first_bare;
    uint8_t signature[SCRAM_KEY_MAX]; /* that the server must show */
    bool proven;                      /* the final message was given, once */
};

struct scram_client *scram_client_new(enum scram_hash hash, const char *user, const char *password,
                                      const struct scram_binding *binding, const char *nonce)
{
    struct scram_client *c = MEM_NEW(struct scram_client);
    struct str bare = { 0 };

    c->algo = scram_algo(hash);
    if (binding)
        c->binding = *binding;
    c->user = str_dup(user);
    c->password = str_dup(password);
    c->nonce = scram_nonce(nonce);
    str_add(&bare, "n=");
    scram_add_name(&bare, user);
    str_addf(&bare, ",r=%s", c->nonce);
    c->first_bare = str_take(&bare);
    return c;
}

void scram_client_free(struct scram_client **cp)
{
    struct scram_client *c = *cp;

    *cp = NULL;
    if (!c)
        return;
    evp_text_free(&c->password);
    free(c->user);
    free(c->nonce);
    free(c->first_bare);
    evp_wipe(c, sizeof(*c));
    free(c);
}

static const char *header(const struct scram_client *c)
{
    return c->binding.on ? SCRAM_HEADER_BOUND : SCRAM_HEADER_UNBOUND;
}

char *scram_client_first(struct scram_client *c)
{
    return str_printf("%s%s", header(c), c->first_bare);
}

struct challenge {
    struct scram_span nonce;
    uint8_t salt[SCRAM_SALT_MAX];
    size_t salt_len;
    uint32_t iterations;
};

static int read_challenge(struct challenge *out, const struct scram_client *c, const char *text)
{
    size_t own = strlen(c->nonce);
    struct scram_span salt, count;
    char number[16];
    ssize_t n;
    int64_t i;

    if (scram_check(text) || scram_attr(&text, 'r', &out->nonce) || scram_attr(&text, 's', &salt) ||
        scram_attr(&text, 'i', &count) || count.len >= sizeof(number))
        return -EBADMSG;
    /* The server must have added something of its own. */
    if (!scram_nonce_ok(out->nonce) || out->nonce.len <= own ||
        memcmp(out->nonce.at, c->nonce, own))
        return -EBADMSG;
    n = scram_decode(out->salt, sizeof(out->salt), salt);
    memcpy(number, count.at, count.len);
    number[count.len] = '\0';
    /* Few iterations are refused too: a proof for a server that lies about itself
     * could be guessed. */
    if (n < 0 || str_to_i64(number, SCRAM_ITERATIONS, SCRAM_ITERATIONS_MAX, &i))
        return -EBADMSG;
    out->salt_len = (size_t)n;
    out->iterations = (uint32_t)i;
    return 0;
}

int scram_client_final(struct scram_client *c, const char *server_first, char **out)
{
    const struct scram_algo *a = c->algo;
    struct str final = { 0 }, auth = { 0 };
    uint8_t proof[SCRAM_KEY_MAX];
    struct scram_keys keys;
    struct challenge ch;

    *out = NULL;
    if (!c->password || read_challenge(&ch, c, server_first))
        return -EBADMSG;
    scram_keys(&keys, a, c->password, EVP_BYTES(ch.salt, ch.salt_len), ch.iterations);
    evp_text_free(&c->password);
    str_add(&final, "c=");
    scram_add_binding(&final, header(c), &c->binding);
    str_add(&final, ",r=");
    str_addn(&final, ch.nonce.at, ch.nonce.len);
    str_addf(&auth, "%s,%s,%s", c->first_bare, server_first, final.s);
    a->hmac(proof, EVP_BYTES(keys.stored, a->size), auth.s, auth.len);
    for (size_t i = 0; i < a->size; i++)
        proof[i] ^= keys.client[i];
    a->hmac(c->signature, EVP_BYTES(keys.server, a->size), auth.s, auth.len);
    str_add(&final, ",p=");
    scram_add_base64(&final, proof, a->size);
    c->proven = true;
    *out = str_take(&final);
    str_fini(&auth);
    evp_wipe(&keys, sizeof(keys));
    evp_wipe(proof, sizeof(proof));
    return 0;
}

int scram_client_done(struct scram_client *c, const char *server_final)
{
    uint8_t seen[SCRAM_KEY_MAX];
    struct scram_span value;

    if (!c->proven || scram_check(server_final))
        return -EBADMSG;
    c->proven = false; /* one answer only */
    if (scram_attr(&server_final, 'e', &value) == 0)
        return -EPROTO;
    if (scram_attr(&server_final, 'v', &value) ||
        scram_decode(seen, sizeof(seen), value) != (ssize_t)c->algo->size)
        return -EBADMSG;
    return evp_ct_equal(seen, c->signature, c->algo->size) ? 0 : -EACCES;
}
