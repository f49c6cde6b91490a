/* SPDX-License-Identifier: Apache-2.0
 * scrypt for stored passwords (RFC 7914), PBKDF2 for SCRAM. */
#include <evp/password.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>

#include <base/hex.h>
#include <evp/rand.h>

#include "evp_priv.h"

#define SCRYPT_LOG_N 14 /* 16 MiB and some 40 ms of one core */
#define SCRYPT_R 8
#define SCRYPT_P 1
#define SCRYPT_MEM_MAX (UINT64_C(64) << 20)
#define SALT_SIZE 16
#define HASH_SIZE 32
#define FIELD_SIZE 64 /* base64url text of salt or hash */

struct scrypt_cost {
    unsigned log_n, r, p;
};

/* Fills `out` with HASH_SIZE bytes. Errors: -EINVAL for a cost that is refused. */
static int scrypt_run(uint8_t *out, const char *password, struct evp_bytes salt,
                      struct scrypt_cost cost)
{
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(evp_algs_get()->scrypt);
    uint64_t n = UINT64_C(1) << cost.log_n, r = cost.r, p = cost.p, mem_max = SCRYPT_MEM_MAX;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)(uintptr_t)password,
                                          strlen(password)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.data,
                                          salt.len),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &mem_max),
        OSSL_PARAM_construct_end(),
    };
    int ok;

    if (!ctx)
        evp_algs_die("scrypt context");
    ok = EVP_KDF_derive(ctx, out, HASH_SIZE, params);
    EVP_KDF_CTX_free(ctx);
    return ok == 1 ? 0 : -EINVAL;
}

void evp_password_hash(char out[EVP_PASSWORD_TEXT_SIZE], const char *password)
{
    static const struct scrypt_cost cost = { SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P };
    uint8_t salt[SALT_SIZE], hash[HASH_SIZE];
    char salt_text[FIELD_SIZE], hash_text[FIELD_SIZE];

    evp_random(salt, sizeof(salt));
    if (scrypt_run(hash, password, EVP_BYTES(salt, sizeof(salt)), cost) < 0)
        evp_algs_die("scrypt");
    snprintf(out, EVP_PASSWORD_TEXT_SIZE, "scrypt$%u$%u$%u$%s$%s", cost.log_n, cost.r, cost.p,
             base64url_encode(salt_text, salt, sizeof(salt)),
             base64url_encode(hash_text, hash, sizeof(hash)));
    evp_wipe(hash, sizeof(hash));
}

bool evp_password_verify(const char *stored, const char *password)
{
    struct scrypt_cost cost;
    char salt_text[FIELD_SIZE], hash_text[FIELD_SIZE];
    uint8_t salt[SALT_SIZE], want[HASH_SIZE], got[HASH_SIZE];
    ssize_t salt_len;
    int end = -1;

    if (sscanf(stored, "scrypt$%2u$%2u$%2u$%63[A-Za-z0-9_-]$%63[A-Za-z0-9_-]%n", &cost.log_n,
               &cost.r, &cost.p, salt_text, hash_text, &end) != 5 ||
        end < 0 || stored[end])
        return false;
    if (cost.log_n < 1 || cost.log_n > 24 || cost.r < 1 || cost.p < 1)
        return false;
    salt_len = base64_decode(salt, sizeof(salt), salt_text, strlen(salt_text));
    if (salt_len <= 0)
        return false;
    if (base64_decode(want, sizeof(want), hash_text, strlen(hash_text)) != HASH_SIZE)
        return false;
    if (scrypt_run(got, password, EVP_BYTES(salt, (size_t)salt_len), cost) < 0)
        return false;
    return evp_ct_equal(got, want, HASH_SIZE);
}

static int pbkdf2(const EVP_MD *md, uint8_t *out, struct evp_bytes password, struct evp_bytes salt,
                  unsigned iterations)
{
    if (iterations < 1 || iterations > INT_MAX || password.len > INT_MAX || salt.len > INT_MAX)
        return -EINVAL;
    /* A NULL password would be measured with strlen(). */
    if (PKCS5_PBKDF2_HMAC(password.data ? password.data : "", (int)password.len, salt.data,
                          (int)salt.len, (int)iterations, md, EVP_MD_get_size(md), out) != 1)
        evp_algs_die("PBKDF2");
    return 0;
}

int evp_pbkdf2_sha1(uint8_t out[20], struct evp_bytes password, struct evp_bytes salt,
                    unsigned iterations)
{
    return pbkdf2(evp_algs_get()->sha1, out, password, salt, iterations);
}

int evp_pbkdf2_sha256(uint8_t out[32], struct evp_bytes password, struct evp_bytes salt,
                      unsigned iterations)
{
    return pbkdf2(evp_algs_get()->sha256, out, password, salt, iterations);
}
