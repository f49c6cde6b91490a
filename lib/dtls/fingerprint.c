/* SPDX-License-Identifier: Apache-2.0
 * Certificate fingerprints as SDP writes them. RFC 8122 s5. */
#include "dtls_priv.h"

#include <errno.h>
#include <string.h>

#include <base/hex.h>
#include <base/str.h>
#include <evp/util.h>

static const struct {
    const char *sdp, *openssl;
    size_t size;
} hashes[] = {
    { "sha-256", "SHA256", 32 },
    { "sha-384", "SHA384", 48 },
    { "sha-512", "SHA512", 64 },
};

void dtls_fingerprint_hashes(struct dtls_ctx *ctx)
{
    for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
        ctx->hashes[i] = EVP_MD_fetch(NULL, hashes[i].openssl, NULL);
        if (!ctx->hashes[i])
            dtls_ctx_die("SHA-2");
    }
}

void dtls_fingerprint_print(const struct dtls_ctx *ctx, X509 *cert, char out[DTLS_FINGERPRINT_SIZE])
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len;

    if (X509_digest(cert, ctx->hashes[0], digest, &len) != 1)
        dtls_ctx_die("certificate digest");
    for (unsigned i = 0; i < len; i++) {
        *out++ = digits[digest[i] >> 4];
        *out++ = digits[digest[i] & 15];
        *out++ = i + 1 < len ? ':' : 0;
    }
}

bool dtls_fingerprint_matches(const struct dtls *d, X509 *cert)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len;

    for (size_t i = 0; i < d->fingerprint_count; i++) {
        const struct fingerprint *f = &d->fingerprints[i];

        if (X509_digest(cert, d->ctx->hashes[f->hash], digest, &len) == 1 &&
            evp_ct_equal(digest, f->digest, len))
            return true;
    }
    return false;
}

/* Reads "AA:BB:..." of exactly `size` bytes. */
static int parse_text(uint8_t *out, size_t size, const char *text)
{
    char pair[3] = { 0 };

    if (strlen(text) != size * 3 - 1)
        return -EINVAL;
    for (size_t i = 0; i < size; i++, text += 3) {
        if (i + 1 < size && text[2] != ':')
            return -EINVAL;
        memcpy(pair, text, 2);
        if (hex_decode(out + i, 1, pair) != 1)
            return -EINVAL;
    }
    return 0;
}

int dtls_fingerprint_add(struct dtls *d, const char *hash, const char *text)
{
    struct fingerprint f = { 0 };
    int err = -EPROTO;

    for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
        if (str_ieq(hash, hashes[i].sdp)) {
            f.hash = (uint8_t)i;
            err = parse_text(f.digest, hashes[i].size, text);
        }
    if (err)
        return err;
    if (d->fingerprint_count >= FINGERPRINTS_MAX)
        return -E2BIG;
    d->fingerprints[d->fingerprint_count++] = f;
    return 0;
}
