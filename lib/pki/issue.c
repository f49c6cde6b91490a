/* SPDX-License-Identifier: Apache-2.0
 * Makes certificates and requests. */
#include "pki_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include <evp/util.h>

void pki_pair_fini(struct pki_pair *pair)
{
    evp_text_free(&pair->key_pem);
    free(pair->cert_pem);
    *pair = (struct pki_pair){ 0 };
}

/* Reads a CA and checks that it is one. Owner: both are the caller's. */
static int ca_open(X509 **cert, EVP_PKEY **key, const struct pki_pair *ca, struct pki_err *err)
{
    int ret = pki_match(ca->cert_pem, ca->key_pem, err);

    if (ret)
        return ret;
    ret = pki_pem_cert(cert, ca->cert_pem, err);
    if (!ret)
        ret = pki_pem_key(key, ca->key_pem, err);
    if (!ret && X509_check_ca(*cert) != 1)
        ret = pki_fail(err, -EACCES, "the issuing certificate is not a certificate authority");
    return ret;
}

static void add_names(X509 *cert, GENERAL_NAMES *names)
{
    if (sk_GENERAL_NAME_num(names) > 0 &&
        X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) != 1)
        pki_die("names");
}

/* Makes a key and a certificate that signs itself. */
static int make_self(struct pki_pair *out, const struct pki_opts *opts, bool is_ca,
                     struct pki_err *err)
{
    GENERAL_NAMES *names = NULL;
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    int ret = pki_build_names(&names, opts, err);

    if (ret)
        goto out;
    key = pki_build_key();
    ret = pki_build_cert(&cert, opts, is_ca, key, err);
    if (ret)
        goto out;
    add_names(cert, names);
    pki_build_sign(cert, cert, key, is_ca);
    *out = (struct pki_pair){ pki_pem_print_cert(cert), pki_pem_print_key(key) };
out:
    X509_free(cert);
    EVP_PKEY_free(key);
    GENERAL_NAMES_free(names);
    return ret;
}

int pki_ca_new(struct pki_pair *out, const struct pki_opts *opts, struct pki_err *err)
{
    return make_self(out, opts, true, err);
}

int pki_self_signed(struct pki_pair *out, const struct pki_opts *opts, struct pki_err *err)
{
    return make_self(out, opts, false, err);
}

/* Makes a leaf for `key` with `names`, signed by `ca`. */
static int make_leaf(char **cert_pem, const struct pki_pair *ca, const struct pki_opts *opts,
                     GENERAL_NAMES *names, EVP_PKEY *key, struct pki_err *err)
{
    X509 *ca_cert = NULL, *cert = NULL;
    EVP_PKEY *ca_key = NULL;
    int ret = ca_open(&ca_cert, &ca_key, ca, err);

    if (!ret)
        ret = pki_build_cert(&cert, opts, false, key, err);
    if (ret)
        goto out;
    add_names(cert, names);
    pki_build_sign(cert, ca_cert, ca_key, false);
    *cert_pem = pki_pem_print_cert(cert);
out:
    X509_free(cert);
    X509_free(ca_cert);
    EVP_PKEY_free(ca_key);
    return ret;
}

int pki_issue(struct pki_pair *out, const struct pki_pair *ca, const struct pki_opts *opts,
              struct pki_err *err)
{
    GENERAL_NAMES *names = NULL;
    EVP_PKEY *key = pki_build_key();
    char *cert_pem = NULL;
    int ret = pki_build_names(&names, opts, err);

    if (!ret)
        ret = make_leaf(&cert_pem, ca, opts, names, key, err);
    if (!ret)
        *out = (struct pki_pair){ cert_pem, pki_pem_print_key(key) };
    GENERAL_NAMES_free(names);
    EVP_PKEY_free(key);
    return ret;
}

/* Reads the names that a request asks for; a new empty list without any. */
static GENERAL_NAMES *csr_names(const X509_REQ *csr)
{
    STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions((X509_REQ *)(uintptr_t)csr);
    GENERAL_NAMES *names = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);

    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    return names ? names : GENERAL_NAMES_new();
}

/* Only DNS names and addresses: a request must not bring in e-mail addresses or other names. */
static bool names_are_plain(const GENERAL_NAMES *names)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int type = sk_GENERAL_NAME_value(names, i)->type;

        if (type != GEN_DNS && type != GEN_IPADD)
            return false;
    }
    return true;
}

int pki_issue_csr(char **cert_pem, const struct pki_pair *ca, const char *csr_pem,
                  const struct pki_opts *opts, struct pki_err *err)
{
    struct pki_opts with_cn = *opts;
    GENERAL_NAMES *names = NULL;
    X509_REQ *csr = NULL;
    EVP_PKEY *key;
    char cn[65];
    int ret = pki_pem_csr(&csr, csr_pem, err);

    if (ret)
        goto out;
    key = X509_REQ_get0_pubkey(csr);
    if (!key || X509_REQ_verify(csr, key) != 1) {
        ret = pki_fail(err, -EACCES, "the request is not signed by its own key");
        goto out;
    }
    if (opts->name_count) {
        ret = pki_build_names(&names, opts, err);
    } else {
        names = csr_names(csr);
        if (!names_are_plain(names))
            ret = pki_fail(err, -EINVAL, "the request asks for names other than DNS and IP");
    }
    if (!opts->cn && !opts->name_count &&
        X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(csr), NID_commonName, cn,
                                  sizeof(cn)) > 0)
        with_cn.cn = cn;
    if (!ret)
        ret = make_leaf(cert_pem, ca, &with_cn, names, key, err);
out:
    GENERAL_NAMES_free(names);
    X509_REQ_free(csr);
    return ret;
}

static void csr_add_names(X509_REQ *csr, GENERAL_NAMES *names)
{
    STACK_OF(X509_EXTENSION) *exts = NULL;

    if (sk_GENERAL_NAME_num(names) == 0)
        return;
    if (X509V3_add1_i2d(&exts, NID_subject_alt_name, names, 0, 0) != 1 ||
        X509_REQ_add_extensions(csr, exts) != 1)
        pki_die("names");
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
}

int pki_csr(struct pki_pair *out, const struct pki_opts *opts, struct pki_err *err)
{
    GENERAL_NAMES *names = NULL;
    X509_REQ *csr = X509_REQ_new();
    EVP_PKEY *key = pki_build_key();
    int ret = pki_build_names(&names, opts, err);

    if (!ret)
        ret = pki_build_subject(X509_REQ_get_subject_name(csr), opts, err);
    if (ret)
        goto out;
    csr_add_names(csr, names);
    if (X509_REQ_set_version(csr, X509_REQ_VERSION_1) != 1 || X509_REQ_set_pubkey(csr, key) != 1 ||
        X509_REQ_sign(csr, key, EVP_sha256()) == 0)
        pki_die("request");
    *out = (struct pki_pair){ pki_pem_print_csr(csr), pki_pem_print_key(key) };
out:
    GENERAL_NAMES_free(names);
    X509_REQ_free(csr);
    EVP_PKEY_free(key);
    return ret;
}
