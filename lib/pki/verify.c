/* SPDX-License-Identifier: Apache-2.0
 * Judges a certificate: key, chain, time, name. */
#include "pki_priv.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>

#include <base/str.h>

int pki_match(const char *cert_pem, const char *key_pem, struct pki_err *err)
{
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    int ret = pki_pem_cert(&cert, cert_pem, err);

    if (!ret)
        ret = pki_pem_key(&key, key_pem, err);
    if (!ret && X509_check_private_key(cert, key) != 1)
        ret = pki_fail(err, -EACCES, "the private key does not belong to the certificate");
    X509_free(cert);
    EVP_PKEY_free(key);
    return ret;
}

static bool is_ip(const char *name)
{
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(name);

    ASN1_OCTET_STRING_free(ip);
    ERR_clear_error();
    return ip != NULL;
}

static bool name_fits(X509 *cert, const char *name)
{
    if (str_empty(name))
        return false;
    if (is_ip(name))
        return X509_check_ip_asc(cert, name, 0) == 1;
    return X509_check_host(cert, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

bool pki_name_matches(const char *cert_pem, const char *name)
{
    X509 *cert;
    bool fits;

    if (pki_pem_cert(&cert, cert_pem, NULL) < 0)
        return false;
    fits = name_fits(cert, name);
    X509_free(cert);
    return fits;
}

/* Puts OpenSSL's verdict into a sentence. */
static int explain(X509_STORE_CTX *ctx, int64_t now_s, struct pki_err *err)
{
    int code = X509_STORE_CTX_get_error(ctx);
    X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
    const char *which = X509_STORE_CTX_get_error_depth(ctx) > 0 ? "an issuer's certificate" :
                                                                   "the certificate";
    int64_t t_s;
    char date[16];

    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        t_s = pki_time_s(X509_get0_notAfter(cert));
        return pki_fail(err, -EACCES, "%s expired on %s, %d days ago", which, pki_date(date, t_s),
                        (int)((now_s - t_s) / 86400));
    case X509_V_ERR_CERT_NOT_YET_VALID:
        t_s = pki_time_s(X509_get0_notBefore(cert));
        return pki_fail(err, -EACCES, "%s is valid from %s on; is the clock right?", which,
                        pki_date(date, t_s));
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return pki_fail(err, -EACCES,
                        "the certificate signs itself and is not in the trust bundle");
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return pki_fail(err, -EACCES, "the issuer of the certificate is not in the trust bundle");
    default:
        return pki_fail(err, -EACCES, "%s is not valid: %s", which,
                        X509_verify_cert_error_string(code));
    }
}

static int verify_chain(STACK_OF(X509) *chain, STACK_OF(X509) *bundle, int64_t now_s,
                        struct pki_err *err)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int ret = 0;

    if (!store || !ctx)
        pki_die("memory");
    for (int i = 0; i < sk_X509_num(bundle); i++)
        if (X509_STORE_add_cert(store, sk_X509_value(bundle, i)) != 1)
            pki_die("trust bundle");
    if (X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain) != 1)
        pki_die("verification");
    /* A leaf in the bundle is trusted as it is: that is how a web bridge link is pinned. */
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
    X509_STORE_CTX_set_time(ctx, 0, (time_t)now_s);
    if (X509_verify_cert(ctx) != 1)
        ret = explain(ctx, now_s, err);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();
    return ret;
}

int pki_verify(const char *chain_pem, const char *bundle_pem, const char *name, int64_t now_s,
               struct pki_err *err)
{
    STACK_OF(X509) *chain = NULL, *bundle = NULL;
    char *names;
    int ret = pki_pem_certs(&chain, chain_pem, err);

    if (!ret)
        ret = pki_pem_certs(&bundle, bundle_pem, err);
    if (!ret)
        ret = verify_chain(chain, bundle, now_s, err);
    if (!ret && name && !name_fits(sk_X509_value(chain, 0), name)) {
        names = pki_names_text(sk_X509_value(chain, 0));
        ret = pki_fail(err, -EACCES, "the certificate is not made for %.100s but for %.150s", name,
                       names);
        free(names);
    }
    sk_X509_pop_free(chain, X509_free);
    sk_X509_pop_free(bundle, X509_free);
    return ret;
}
