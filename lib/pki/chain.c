/* SPDX-License-Identifier: Apache-2.0
 * The order of the certificates in a file, and the issuers that a server sends with its own: the
 * leaf first, then each one's issuer (RFC 8446 s4.4.2). */
#include "pki_priv.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/err.h>

#include <base/str.h>

static bool is_issuer(X509 *issuer, X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    bool is = X509_check_issued(issuer, cert) == X509_V_OK && key && X509_verify(cert, key) == 1;

    ERR_clear_error();
    return is;
}

/* Where in the text the issuer of certificate `of` stands, or -1. */
static int find_issuer(STACK_OF(X509) *certs, int of)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (i != of && is_issuer(sk_X509_value(certs, i), sk_X509_value(certs, of)))
            return i;
    return -1;
}

static int check_order(STACK_OF(X509) *certs, struct pki_err *err)
{
    for (int i = 0; i + 1 < sk_X509_num(certs); i++) {
        int at = find_issuer(certs, i);

        if (at < 0)
            return pki_fail(err, -EACCES,
                            "wrong chain order: certificate %d in the file did not issue "
                            "certificate %d; the server's own comes first, then each one's issuer",
                            i + 2, i + 1);
        if (!is_issuer(sk_X509_value(certs, i + 1), sk_X509_value(certs, i)))
            return pki_fail(err, -EACCES,
                            "wrong chain order: certificate %d in the file was issued by "
                            "certificate %d, which must follow it",
                            i + 1, at + 1);
    }
    return 0;
}

/* A key that fits another certificate than the first is the surest sign of a wrong order. */
static int check_key(STACK_OF(X509) *certs, const char *key_pem, struct pki_err *err)
{
    EVP_PKEY *key;
    int fits = -1, ret = pki_pem_key(&key, key_pem, err);

    if (ret)
        return ret;
    for (int i = 0; i < sk_X509_num(certs) && fits < 0; i++)
        if (X509_check_private_key(sk_X509_value(certs, i), key) == 1)
            fits = i;
    EVP_PKEY_free(key);
    if (fits > 0)
        return pki_fail(err, -EACCES,
                        "wrong chain order: the private key belongs to certificate %d in the "
                        "file, which must come first",
                        fits + 1);
    ERR_clear_error();
    return 0;
}

int pki_chain_check(const char *chain_pem, const char *key_pem, struct pki_err *err)
{
    STACK_OF(X509) *certs;
    int ret = pki_pem_certs(&certs, chain_pem, err);

    if (ret)
        return ret;
    if (key_pem)
        ret = check_key(certs, key_pem, err);
    if (!ret)
        ret = check_order(certs, err);
    sk_X509_pop_free(certs, X509_free);
    return ret;
}

static void add_text(struct str *text, X509 *cert)
{
    char *pem = pki_pem_print_cert(cert);

    str_add(text, pem);
    free(pem);
}

/* The issuer of `cert` among `certs`, or NULL. */
static X509 *issuer_of(STACK_OF(X509) *certs, X509 *cert)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (is_issuer(sk_X509_value(certs, i), cert))
            return sk_X509_value(certs, i);
    return NULL;
}

int pki_chain_complete(char **out, const char *chain_pem, const char *bundle_pem,
                       struct pki_err *err)
{
    STACK_OF(X509) *certs = NULL, *bundle = NULL;
    struct str text = { 0 };
    int ret = pki_pem_certs(&certs, chain_pem, err);
    X509 *last, *next;

    if (!ret)
        ret = pki_pem_certs(&bundle, bundle_pem, err);
    if (ret)
        goto out;
    for (int i = 0; i < sk_X509_num(certs); i++)
        add_text(&text, sk_X509_value(certs, i));
    last = sk_X509_value(certs, sk_X509_num(certs) - 1);
    /* A root is not sent: who trusts it has it. The count ends a bundle whose CAs sign each
     * other. */
    for (int i = 0; i < sk_X509_num(bundle) && X509_self_signed(last, 1) != 1; i++) {
        next = issuer_of(bundle, last);
        if (!next || X509_self_signed(next, 1) == 1)
            break;
        add_text(&text, next);
        last = next;
    }
    *out = str_take(&text);
out:
    sk_X509_pop_free(certs, X509_free);
    sk_X509_pop_free(bundle, X509_free);
    return ret;
}

bool pki_holds(const char *bundle_pem, const char *cert_pem)
{
    STACK_OF(X509) *bundle = NULL;
    X509 *cert = NULL;
    bool found = false;

    if (pki_pem_certs(&bundle, bundle_pem, NULL) == 0 && pki_pem_cert(&cert, cert_pem, NULL) == 0)
        for (int i = 0; i < sk_X509_num(bundle) && !found; i++)
            found = X509_cmp(sk_X509_value(bundle, i), cert) == 0;
    sk_X509_pop_free(bundle, X509_free);
    X509_free(cert);
    return found;
}

/* The certificates of a bundle that are not `cert`, as text. */
static void add_others(struct str *text, const char *bundle_pem, X509 *cert)
{
    STACK_OF(X509) *bundle;

    if (!bundle_pem || pki_pem_certs(&bundle, bundle_pem, NULL) != 0)
        return;
    for (int i = 0; i < sk_X509_num(bundle); i++)
        if (X509_cmp(sk_X509_value(bundle, i), cert) != 0)
            add_text(text, sk_X509_value(bundle, i));
    sk_X509_pop_free(bundle, X509_free);
}

int pki_bundle_change(char **out, const char *bundle_pem, const char *cert_pem, bool keep,
                      struct pki_err *err)
{
    struct str text = { 0 };
    X509 *cert;
    int ret = pki_pem_cert(&cert, cert_pem, err);

    if (ret)
        return ret;
    add_others(&text, bundle_pem, cert);
    if (keep)
        add_text(&text, cert);
    X509_free(cert);
    *out = str_take(&text);
    return 0;
}
