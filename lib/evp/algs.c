/* SPDX-License-Identifier: Apache-2.0
 * Fetches every algorithm once and keeps a digest context for each thread. */
#include "evp_priv.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static struct evp_algs algs;
static pthread_once_t algs_once = PTHREAD_ONCE_INIT;

/* The pointer itself is thread-local (a plain load); the key only frees it at the thread's end. */
static pthread_key_t scratch_key;
static _Thread_local EVP_MD_CTX *scratch;

void evp_algs_die(const char *what)
{
    fprintf(stderr, "evp: OpenSSL failed: %s\n", what);
    abort();
}

static void scratch_free(void *ctx)
{
    EVP_MD_CTX_free(ctx);
}

static void algs_fetch(void)
{
    algs.md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    algs.sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    algs.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    algs.ctr128 = EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL);
    algs.ctr256 = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
    algs.gcm128 = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    algs.gcm256 = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    algs.hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    algs.scrypt = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
    if (!algs.sha1 || !algs.sha256 || !algs.ctr128 || !algs.ctr256 || !algs.gcm128 ||
        !algs.gcm256 || !algs.hkdf || !algs.scrypt)
        evp_algs_die("an algorithm is missing");
    if (pthread_key_create(&scratch_key, scratch_free) != 0)
        evp_algs_die("pthread_key_create");
}

const struct evp_algs *evp_algs_get(void)
{
    if (pthread_once(&algs_once, algs_fetch) != 0)
        evp_algs_die("pthread_once");
    return &algs;
}

EVP_MD_CTX *evp_algs_scratch(void)
{
    if (!scratch) {
        evp_algs_get();
        scratch = EVP_MD_CTX_new();
        if (!scratch || pthread_setspecific(scratch_key, scratch) != 0)
            evp_algs_die("digest context");
    }
    return scratch;
}
