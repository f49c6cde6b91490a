/* SPDX-License-Identifier: Apache-2.0
 * What the files of this library share. */
#ifndef PKI_PRIV_H
#define PKI_PRIV_H

#include <pki/pki.h>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* Writes the sentence (when `err` is not NULL) and returns `code`. */
int pki_fail(struct pki_err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Says what failed and aborts: OpenSSL refused valid arguments. */
NORETURN void pki_die(const char *what);

/* ---- pem.c ---- */

/* Reads all certificates of a text, first one first. Owner: *out is the caller's.
 * Errors: -EBADMSG none, too many or too long. */
int pki_pem_certs(STACK_OF(X509) **out, const char *pem, struct pki_err *err) MUST_USE;

/* Reads the first certificate. */
int pki_pem_cert(X509 **out, const char *pem, struct pki_err *err) MUST_USE;
int pki_pem_key(EVP_PKEY **out, const char *pem, struct pki_err *err) MUST_USE;
int pki_pem_csr(X509_REQ **out, const char *pem, struct pki_err *err) MUST_USE;

/* Prints; the text is the caller's. */
char *pki_pem_print_cert(X509 *cert);
char *pki_pem_print_key(EVP_PKEY *key);
char *pki_pem_print_csr(X509_REQ *csr);

/* ---- build.c ---- */

/* The subject alternative names of `opts`. Errors: -EINVAL a name that is neither. */
int pki_build_names(GENERAL_NAMES **out, const struct pki_opts *opts, struct pki_err *err) MUST_USE;

/* Returns a new P-256 key. */
EVP_PKEY *pki_build_key(void);

/* Returns an unsigned certificate with serial number, time, subject and key. Errors: -EINVAL. */
int pki_build_cert(X509 **out, const struct pki_opts *opts, bool is_ca, EVP_PKEY *key,
                   struct pki_err *err) MUST_USE;

/* Sets the common name of `opts`. Errors: -EINVAL too long. */
int pki_build_subject(X509_NAME *name, const struct pki_opts *opts, struct pki_err *err) MUST_USE;

/* Adds the usual extensions of a CA or a leaf and signs with the issuer's key. */
void pki_build_sign(X509 *cert, X509 *issuer, EVP_PKEY *issuer_key, bool is_ca);

/* ---- inspect.c ---- */

/* Returns a time as seconds since 1970. */
int64_t pki_time_s(const ASN1_TIME *t);

/* Writes "2026-11-23" for seconds since 1970. */
const char *pki_date(char out[16], int64_t t_s);

/* Returns the names of a certificate, at most 5, as "a, b, c". Owner: the caller. */
char *pki_names_text(X509 *cert);

#endif
