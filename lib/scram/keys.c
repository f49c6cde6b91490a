/* SPDX-License-Identifier: Apache-2.0
 * From a password to the keys of both sides, and the text in which a server keeps them. */
#include "scram_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <evp/hash.h>
#include <evp/password.h>
#include <evp/rand.h>

enum { NEW_SALT_LEN = 16 };

static const struct scram_algo algos[] = {
    [SCRAM_SHA_1] = { "SCRAM-SHA-1", EVP_SHA1_SIZE, evp_sha1, evp_hmac_sha1, evp_pbkdf2_sha1 },
    [SCRAM_SHA_256] = { "SCRAM-SHA-256", EVP_SHA256_SIZE, evp_sha256, evp_hmac_sha256,
                        evp_pbkdf2_sha256 },
};

const struct scram_algo *scram_algo(enum scram_hash hash)
{
    assert((size_t)hash < ARRAY_LEN(algos));
    return &algos[hash];
}

void scram_keys(struct scram_keys *out, const struct scram_algo *a, const char *password,
                struct evp_bytes salt, uint32_t iterations)
{
    uint8_t salted[SCRAM_KEY_MAX];
    int err = a->hi(salted, EVP_BYTES(password, strlen(password)), salt, iterations);

    assert(err == 0);
    a->hmac(out->client, EVP_BYTES(salted, a->size), "Client Key", 10);
    a->hash(out->stored, out->client, a->size);
    a->hmac(out->server, EVP_BYTES(salted, a->size), "Server Key", 10);
    evp_wipe(salted, sizeof(salted));
}

void scram_verifier_make(struct scram_verifier *v, enum scram_hash hash, const char *password,
                         uint32_t iterations)
{
    struct scram_keys keys;

    *v = (struct scram_verifier){ .hash = hash, .iterations = iterations,
                                  .salt_len = NEW_SALT_LEN };
    evp_random(v->salt, v->salt_len);
    scram_keys(&keys, scram_algo(hash), password, EVP_BYTES(v->salt, v->salt_len), iterations);
    memcpy(v->stored_key, keys.stored, scram_algo(hash)->size);
    memcpy(v->server_key, keys.server, scram_algo(hash)->size);
    evp_wipe(&keys, sizeof(keys));
}

char *scram_verifier_print(const struct scram_verifier *v)
{
    const struct scram_algo *a = scram_algo(v->hash);
    struct str out = { 0 };

    str_addf(&out, "%s$%u:", a->name, (unsigned)v->iterations);
    scram_add_base64(&out, v->salt, v->salt_len);
    str_add(&out, "$");
    scram_add_base64(&out, v->stored_key, a->size);
    str_add(&out, ":");
    scram_add_base64(&out, v->server_key, a->size);
    return str_take(&out);
}

/* Steps over the text up to `end` (NUL: the rest). */
static int take(const char **at, char end, struct scram_span *out)
{
    const char *stop = end ? strchr(*at, end) : *at + strlen(*at);

    if (!stop)
        return -EBADMSG;
    *out = (struct scram_span){ *at, (size_t)(stop - *at) };
    *at = stop + (end != '\0');
    return 0;
}

static int read_key(uint8_t out[SCRAM_KEY_MAX], struct scram_span text, size_t size)
{
    return scram_decode(out, SCRAM_KEY_MAX, text) == (ssize_t)size ? 0 : -EBADMSG;
}

int scram_verifier_parse(struct scram_verifier *v, const char *text)
{
    struct scram_span name, count, salt, stored, server;
    ssize_t salt_len;
    char number[16];
    int64_t n;

    memset(v, 0, sizeof(*v));
    if (!text || scram_check(text) || take(&text, '$', &name) || take(&text, ':', &count) ||
        take(&text, '$', &salt) || take(&text, ':', &stored) || take(&text, '\0', &server))
        return -EBADMSG;
    for (size_t i = 0; i < ARRAY_LEN(algos); i++) {
        const struct scram_algo *a = &algos[i];

        if (name.len != strlen(a->name) || memcmp(name.at, a->name, name.len) != 0)
            continue;
        if (count.len >= sizeof(number))
            return -EBADMSG;
        memcpy(number, count.at, count.len);
        number[count.len] = '\0';
        salt_len = scram_decode(v->salt, sizeof(v->salt), salt);
        if (salt_len < 0 || str_to_i64(number, SCRAM_ITERATIONS, SCRAM_ITERATIONS_MAX, &n) ||
            read_key(v->stored_key, stored, a->size) || read_key(v->server_key, server, a->size))
            return -EBADMSG;
        v->hash = (enum scram_hash)i;
        v->iterations = (uint32_t)n;
        v->salt_len = (size_t)salt_len;
        return 0;
    }
    return -EBADMSG;
}
