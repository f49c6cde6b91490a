/* SPDX-License-Identifier: Apache-2.0
 * Judges the peer's certificate in the handshake: chain, time, name; and says it in a sentence that
 * names what was presented. */
#include "tls_priv.h"

#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <pki/pki.h>

enum { NAMES_SHOWN = 5 };

static char *print_cert(X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data, *pem;
    long len;

    tls_must(bio != NULL && PEM_write_bio_X509(bio, cert) == 1, "PEM");
    len = BIO_get_mem_data(bio, &data);
    pem = str_ndup(data, (size_t)len);
    BIO_free(bio);
    return pem;
}

static void add_names(struct str *text, const struct pki_info *info)
{
    size_t n = MIN(info->name_count, (size_t)NAMES_SHOWN);

    for (size_t i = 0; i < n; i++)
        str_addf(text, "%s%.100s", i ? ", " : "", info->names[i]);
    if (info->name_count > n)
        str_add(text, ", ...");
    if (!info->name_count)
        str_addf(text, "%.100s", info->cn ? info->cn : "no name");
}

static void add_date(struct str *text, int64_t t_s)
{
    time_t t = (time_t)t_s;
    struct tm tm;

    if (gmtime_r(&t, &tm))
        str_addf(text, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

/* What is wrong with `cert`, for an operator. */
static void explain(struct str *text, X509 *cert, int code, const char *wanted)
{
    char *pem = cert ? print_cert(cert) : NULL;
    struct pki_info info = { 0 };

    if (!pem || pki_inspect(&info, pem, time(NULL), NULL)) {
        str_add(text, X509_verify_cert_error_string(code));
    } else if (code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        str_add(text, "presented a certificate for ");
        add_names(text, &info);
        str_addf(text, ", expected %s", wanted ? wanted : "a name, but none is configured");
    } else if (code == X509_V_ERR_CERT_HAS_EXPIRED) {
        str_addf(text, "the certificate of %.150s expired on ", info.subject);
        add_date(text, info.not_after_s);
    } else if (code == X509_V_ERR_CERT_NOT_YET_VALID) {
        str_addf(text, "the certificate of %.150s is valid from ", info.subject);
        add_date(text, info.not_before_s);
        str_add(text, " on; is the clock right?");
    } else {
        str_addf(text, "the certificate of %.150s, issued by %.150s, leads to no CA that counts: %s",
                 info.subject, info.issuer, X509_verify_cert_error_string(code));
    }
    pki_info_fini(&info);
    free(pem);
}

/* X509_V_OK, or what is wrong with the names. */
static int check_name(X509 *leaf, const char *name)
{
    ASN1_OCTET_STRING *ip = name ? a2i_IPADDRESS(name) : NULL;
    int ok;

    ERR_clear_error();
    if (!ip) {
        ok = name && *name &&
             X509_check_host(leaf, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
        return ok ? X509_V_OK : X509_V_ERR_HOSTNAME_MISMATCH;
    }
    ASN1_OCTET_STRING_free(ip);
    ok = X509_check_ip_asc(leaf, name, 0) == 1;
    return ok ? X509_V_OK : X509_V_ERR_IP_ADDRESS_MISMATCH;
}

/* Client. A stream that verifies the chain and has no name to match fails: a name that was forgotten
 * must not mean anybody. */
static int judge(X509_STORE_CTX *store, void *arg)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct tls_ctx *ctx = arg;
    struct tls_stream *s = tls_stream_of(ssl);
    const char *wanted = tls_stream_wanted(s);
    X509 *cert = X509_STORE_CTX_get0_cert(store);
    struct str text = { 0 };
    int code = X509_V_OK;

    if (!ctx->any_chain && X509_verify_cert(store) != 1) {
        code = X509_STORE_CTX_get_error(store);
        if (X509_STORE_CTX_get_current_cert(store))
            cert = X509_STORE_CTX_get_current_cert(store);
    } else if (wanted || !ctx->any_chain) {
        code = check_name(cert, wanted);
    }
    X509_STORE_CTX_set_error(store, code);
    if (code == X509_V_OK)
        return 1;
    explain(&text, cert, code, wanted);
    tls_stream_say(s, &text);
    ERR_clear_error(); /* the first error is what is told as the cause */
    return 0;
}

/* Server of a zone: what the chain is worth is the caller's to say, once it knows the zone. */
static int accept_any(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

void tls_verify_set(struct tls_ctx *ctx)
{
    SSL_CTX_set_verify(ctx->ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx->ssl, ctx->server ? accept_any : judge, ctx);
    /* An issuer in the middle, or the leaf, may be trusted as it is: as pki_verify() has it. */
    tls_must(X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx->ssl), X509_V_FLAG_PARTIAL_CHAIN),
             "verification");
}
