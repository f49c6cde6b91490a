/* SPDX-License-Identifier: Apache-2.0
 * The parts of a certificate. Names are checked and set as values: OpenSSL's configuration syntax
 * ("DNS:a,DNS:b") would let a name with a comma bring in others. */
#include "pki_priv.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include <evp/rand.h>

#define HOUR_S 3600
#define DAY_S INT64_C(86400)
#define LEAF_DAYS 825 /* what browsers accept of a private CA */
#define DAYS_MAX 36500
#define CN_MAX 64   /* RFC 5280 A.1 ub-common-name */
#define DNS_MAX 253 /* RFC 1035 s2.3.4 */

/* Letters, digits, hyphen and underscore in labels of 1 to 63; a first label "*". */
static bool is_dns_name(const char *s)
{
    size_t len = strlen(s), label = 0;

    if (len == 0 || len > DNS_MAX)
        return false;
    if (strncmp(s, "*.", 2) == 0)
        s += 2;
    for (; *s; s++) {
        if (*s == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if (!(isalnum((unsigned char)*s) || *s == '-' || *s == '_') || ++label > 63) {
            return false;
        }
    }
    return label > 0;
}

static GENERAL_NAME *general_name(const char *text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(text);
    ASN1_IA5STRING *dns;

    if (!name)
        pki_die("memory");
    if (ip) {
        GENERAL_NAME_set0_value(name, GEN_IPADD, ip);
        return name;
    }
    dns = is_dns_name(text) ? ASN1_IA5STRING_new() : NULL;
    if (!dns) {
        GENERAL_NAME_free(name);
        return NULL;
    }
    if (ASN1_STRING_set(dns, text, -1) != 1)
        pki_die("memory");
    GENERAL_NAME_set0_value(name, GEN_DNS, dns);
    return name;
}

int pki_build_names(GENERAL_NAMES **out, const struct pki_opts *opts, struct pki_err *err)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();

    for (size_t i = 0; i < opts->name_count; i++) {
        GENERAL_NAME *name = general_name(opts->names[i]);

        if (!name) {
            GENERAL_NAMES_free(names);
            return pki_fail(err, -EINVAL, "\"%.100s\" is neither a DNS name nor an IP address",
                            opts->names[i]);
        }
        if (!sk_GENERAL_NAME_push(names, name))
            pki_die("memory");
    }
    *out = names;
    return 0;
}

EVP_PKEY *pki_build_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");

    if (!key)
        pki_die("key");
    return key;
}

int pki_build_subject(X509_NAME *name, const struct pki_opts *opts, struct pki_err *err)
{
    const char *cn = opts->cn;

    if (!cn && opts->name_count && strlen(opts->names[0]) <= CN_MAX)
        cn = opts->names[0];
    if (!cn && opts->name_count)
        return 0; /* the name is too long to be a common name: the alternative names say it all */
    if (!cn || !*cn || strlen(cn) > CN_MAX)
        return pki_fail(err, -EINVAL, "a certificate needs a common name of 1 to %d characters",
                        CN_MAX);
    if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1,
                                   0) != 1)
        return pki_fail(err, -EINVAL, "the common name is not UTF-8");
    return 0;
}

/* 127 random bits: unique without a record of earlier ones. */
static void set_serial(X509 *cert)
{
    unsigned char bytes[16];
    BIGNUM *n;

    evp_random(bytes, sizeof(bytes));
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
    n = BN_bin2bn(bytes, sizeof(bytes), NULL);
    if (!n || !BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)))
        pki_die("serial number");
    BN_free(n);
}

int pki_build_cert(X509 **out, const struct pki_opts *opts, bool is_ca, EVP_PKEY *key,
                   struct pki_err *err)
{
    int days = opts->days ? opts->days : is_ca ? PKI_CA_DAYS : LEAF_DAYS, ret;
    X509 *cert;

    if (days < 1 || days > DAYS_MAX)
        return pki_fail(err, -EINVAL, "a certificate is valid for 1 to %d days, not %d", DAYS_MAX,
                        days);
    cert = X509_new();
    if (!cert || X509_set_version(cert, X509_VERSION_3) != 1 || X509_set_pubkey(cert, key) != 1 ||
        !ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(opts->now_s - HOUR_S)) ||
        !ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(opts->now_s + days * DAY_S)))
        pki_die("certificate");
    set_serial(cert);
    ret = pki_build_subject(X509_get_subject_name(cert), opts, err);
    if (ret)
        X509_free(cert);
    else
        *out = cert;
    return ret;
}

static void add_ext(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_nconf_nid(NULL, ctx, nid, value);

    if (!ext || X509_add_ext(cert, ext, -1) != 1)
        pki_die("extension");
    X509_EXTENSION_free(ext);
}

void pki_build_sign(X509 *cert, X509 *issuer, EVP_PKEY *issuer_key, bool is_ca)
{
    X509V3_CTX ctx;

    if (X509_set_issuer_name(cert, X509_get_subject_name(issuer)) != 1)
        pki_die("issuer");
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    add_ext(cert, &ctx, NID_basic_constraints,
            is_ca ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE");
    add_ext(cert, &ctx, NID_key_usage, is_ca ? "critical,keyCertSign,cRLSign" :
                                               "critical,digitalSignature");
    if (!is_ca)
        add_ext(cert, &ctx, NID_ext_key_usage, "serverAuth,clientAuth");
    add_ext(cert, &ctx, NID_subject_key_identifier, "hash");
    if (issuer != cert)
        add_ext(cert, &ctx, NID_authority_key_identifier, "keyid");
    if (X509_sign(cert, issuer_key, EVP_sha256()) == 0)
        pki_die("signature");
}
