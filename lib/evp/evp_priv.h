/* SPDX-License-Identifier: Apache-2.0
 * The fetched algorithms, shared by the files of this library. */
#ifndef EVP_PRIV_H
#define EVP_PRIV_H

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <base/attr.h>

struct evp_algs {
    EVP_MD *md5, *sha1, *sha256;
    EVP_CIPHER *ctr128, *ctr256, *gcm128, *gcm256;
    EVP_KDF *hkdf, *scrypt;
};

/* Returns the algorithms, fetched by the first caller. Owner: the process. */
const struct evp_algs *evp_algs_get(void);

/* Returns this thread's digest context, set up for nothing in particular. Owner: the thread. */
EVP_MD_CTX *evp_algs_scratch(void);

/* Says what failed and aborts: valid arguments were refused, so memory or installation is bad. */
NORETURN void evp_algs_die(const char *what);

#endif
