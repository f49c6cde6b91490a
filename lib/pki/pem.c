/* SPDX-License-Identifier: Apache-2.0
 * PEM text to OpenSSL's objects and back. */
#include "pki_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <base/str.h>

int pki_fail(struct pki_err *err, int code, const char *fmt, ...)
{
    va_list ap;

    if (err) {
        va_start(ap, fmt);
        vsnprintf(err->text, sizeof(err->text), fmt, ap);
        va_end(ap);
    }
    ERR_clear_error();
    return code;
}

void pki_die(const char *what)
{
    fprintf(stderr, "pki: OpenSSL failed: %s\n", what);
    abort();
}

/* Without this OpenSSL would ask for a passphrase on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static int open_text(BIO **out, const char *pem, const char *what, struct pki_err *err)
{
    size_t len = pem ? strlen(pem) : 0;

    if (!len)
        return pki_fail(err, -EBADMSG, "the %s is empty", what);
    if (len > PKI_PEM_MAX_B)
        return pki_fail(err, -EBADMSG, "the %s is longer than %d bytes", what, PKI_PEM_MAX_B);
    *out = BIO_new_mem_buf(pem, (int)len);
    if (!*out)
        pki_die("memory");
    return 0;
}

int pki_pem_certs(STACK_OF(X509) **out, const char *pem, struct pki_err *err)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    BIO *bio = NULL;
    X509 *cert;
    int ret = open_text(&bio, pem, "certificate", err);

    if (ret)
        goto out;
    while ((cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
        if (!sk_X509_push(certs, cert))
            pki_die("memory");
        if (sk_X509_num(certs) > PKI_CHAIN_MAX) {
            ret = pki_fail(err, -EBADMSG, "the text holds more than %d certificates",
                           PKI_CHAIN_MAX);
            goto out;
        }
    }
    /* The end of the text is the only good reason to stop. */
    if (sk_X509_num(certs) == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        ret = pki_fail(err, -EBADMSG, "the text holds no readable certificate (PEM, \"%s\")",
                       "-----BEGIN CERTIFICATE-----");
    ERR_clear_error();
out:
    BIO_free(bio);
    if (ret)
        sk_X509_pop_free(certs, X509_free);
    else
        *out = certs;
    return ret;
}

int pki_pem_cert(X509 **out, const char *pem, struct pki_err *err)
{
    STACK_OF(X509) *certs;
    int ret = pki_pem_certs(&certs, pem, err);

    if (ret)
        return ret;
    *out = sk_X509_shift(certs);
    sk_X509_pop_free(certs, X509_free);
    return 0;
}

int pki_pem_key(EVP_PKEY **out, const char *pem, struct pki_err *err)
{
    BIO *bio;
    int ret = open_text(&bio, pem, "private key", err);

    if (ret)
        return ret;
    *out = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    ERR_clear_error();
    if (*out)
        return 0;
    if (strstr(pem, "ENCRYPTED"))
        return pki_fail(err, -EBADMSG, "the private key is encrypted with a passphrase; store it "
                                       "without one (openssl pkey)");
    return pki_fail(err, -EBADMSG, "the text holds no readable private key (PEM)");
}

int pki_pem_csr(X509_REQ **out, const char *pem, struct pki_err *err)
{
    BIO *bio;
    int ret = open_text(&bio, pem, "certificate request", err);

    if (ret)
        return ret;
    *out = PEM_read_bio_X509_REQ(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    if (!*out)
        return pki_fail(err, -EBADMSG, "the text holds no readable certificate request (PEM)");
    return 0;
}

/* Takes the text out of a memory BIO and frees it. */
static char *take_text(BIO *bio, int ok)
{
    char *data, *text;
    long len = BIO_get_mem_data(bio, &data);

    if (ok != 1 || len <= 0)
        pki_die("PEM");
    text = str_ndup(data, (size_t)len);
    BIO_free(bio);
    return text;
}

char *pki_pem_print_cert(X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());

    return take_text(bio, PEM_write_bio_X509(bio, cert));
}

char *pki_pem_print_key(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_secmem());

    return take_text(bio, PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
}

char *pki_pem_print_csr(X509_REQ *csr)
{
    BIO *bio = BIO_new(BIO_s_mem());

    return take_text(bio, PEM_write_bio_X509_REQ(bio, csr));
}

char *pki_pem_of(const char *base64)
{
    enum { LINE = 64 }; /* RFC 7468 s2 */
    struct str out = { 0 };
    size_t len = base64 ? strlen(base64) : 0;

    if (len == 0)
        return NULL;
    str_add(&out, "-----BEGIN CERTIFICATE-----\n");
    for (size_t at = 0; at < len; at += LINE) {
        str_addn(&out, base64 + at, MIN(len - at, (size_t)LINE));
        str_add(&out, "\n");
    }
    str_add(&out, "-----END CERTIFICATE-----\n");
    return str_take(&out);
}
