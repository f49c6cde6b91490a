/* SPDX-License-Identifier: Apache-2.0
 * What a certificate says. */
#include "pki_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include <base/mem.h>
#include <base/str.h>

#define DAY_S 86400
#define NAMES_MAX 1000 /* shown; a hostile certificate may hold more */

int64_t pki_time_s(const ASN1_TIME *t)
{
    struct tm tm;

    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

const char *pki_date(char out[16], int64_t t_s)
{
    time_t t = (time_t)t_s;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || strftime(out, 16, "%Y-%m-%d", &tm) == 0)
        strcpy(out, "?");
    return out;
}

static char *name_text(const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data, *text;
    long len;

    if (!bio || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0)
        pki_die("name");
    len = BIO_get_mem_data(bio, &data);
    text = str_ndup(data, (size_t)len);
    BIO_free(bio);
    return text;
}

/* Returns a DNS name or address as text; NULL for other kinds. Owner: the caller. */
static char *general_text(const GENERAL_NAME *name)
{
    char text[INET6_ADDRSTRLEN];
    const ASN1_STRING *value;
    int type, len;

    value = GENERAL_NAME_get0_value(name, &type);
    len = value ? ASN1_STRING_length(value) : 0;
    if (type == GEN_DNS)
        return str_ndup((const char *)ASN1_STRING_get0_data(value), (size_t)len);
    if (type == GEN_IPADD && (len == 4 || len == 16) &&
        inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), text, sizeof(text)))
        return str_dup(text);
    return NULL;
}

static void read_names(struct pki_info *out, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int n = MIN(sk_GENERAL_NAME_num(names), NAMES_MAX);

    if (n > 0)
        out->names = mem_calloc((size_t)n, sizeof(*out->names));
    for (int i = 0; i < n; i++) {
        char *text = general_text(sk_GENERAL_NAME_value(names, i));

        if (text)
            out->names[out->name_count++] = text;
    }
    GENERAL_NAMES_free(names);
}

static void print_sha256(char *out, X509 *cert)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len;

    if (X509_digest(cert, EVP_sha256(), digest, &len) != 1)
        pki_die("digest");
    for (unsigned i = 0; i < len; i++) {
        *out++ = digits[digest[i] >> 4];
        *out++ = digits[digest[i] & 15];
        *out++ = i + 1 < len ? ':' : 0;
    }
}

static void read_cert(struct pki_info *out, X509 *cert, int64_t now_s)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    char cn[65];
    int64_t left_s;

    out->subject = name_text(subject);
    out->issuer = name_text(X509_get_issuer_name(cert));
    if (X509_NAME_get_text_by_NID(subject, NID_commonName, cn, sizeof(cn)) > 0)
        out->cn = str_dup(cn);
    read_names(out, cert);
    out->not_before_s = pki_time_s(X509_get0_notBefore(cert));
    out->not_after_s = pki_time_s(X509_get0_notAfter(cert));
    left_s = out->not_after_s - now_s;
    out->days_left = (int)(left_s < 0 ? (left_s - DAY_S + 1) / DAY_S : left_s / DAY_S);
    print_sha256(out->sha256, cert);
    out->is_ca = X509_check_ca(cert) == 1;
    out->is_self_signed = X509_self_signed(cert, 1) == 1;
}

int pki_inspect(struct pki_info *out, const char *cert_pem, int64_t now_s, struct pki_err *err)
{
    STACK_OF(X509) *certs;
    int ret = pki_pem_certs(&certs, cert_pem, err);

    if (ret)
        return ret;
    *out = (struct pki_info){ .chain_len = sk_X509_num(certs) };
    read_cert(out, sk_X509_value(certs, 0), now_s);
    sk_X509_pop_free(certs, X509_free);
    return 0;
}

int pki_inspect_all(struct pki_info **out, const char *pem, int64_t now_s, struct pki_err *err)
{
    STACK_OF(X509) *certs;
    int n, ret = pki_pem_certs(&certs, pem, err);

    if (ret)
        return ret;
    n = sk_X509_num(certs);
    *out = mem_calloc((size_t)n, sizeof(**out));
    for (int i = 0; i < n; i++) {
        (*out)[i].chain_len = n;
        read_cert(&(*out)[i], sk_X509_value(certs, i), now_s);
    }
    sk_X509_pop_free(certs, X509_free);
    return n;
}

void pki_info_fini(struct pki_info *info)
{
    for (size_t i = 0; i < info->name_count; i++)
        free(info->names[i]);
    free(info->names);
    free(info->subject);
    free(info->issuer);
    free(info->cn);
    *info = (struct pki_info){ 0 };
}

char *pki_names_text(X509 *cert)
{
    struct pki_info info = { 0 };
    struct str text = { 0 };

    read_names(&info, cert);
    for (size_t i = 0; i < info.name_count && i < 5; i++)
        str_addf(&text, "%s%s", i ? ", " : "", info.names[i]);
    if (info.name_count > 5)
        str_addf(&text, " and %zu more", info.name_count - 5);
    if (!info.name_count)
        str_add(&text, "no name at all");
    pki_info_fini(&info);
    return str_take(&text);
}
