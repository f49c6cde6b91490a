/* SPDX-License-Identifier: Apache-2.0
 * Certificates as PEM text: make, read, judge. Time is given by the caller in seconds since 1970.
 *
 * Each function that can fail takes a `struct pki_err *` (may be NULL) and leaves there one
 * sentence for an operator, without final stop. */
#ifndef PKI_PKI_H
#define PKI_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

#define PKI_PEM_MAX_B (256 << 10) /* longer input is refused before parsing */
#define PKI_CHAIN_MAX 64          /* certificates in one text */
#define PKI_CA_DAYS 3650

struct pki_err {
    char text[320];
};

/* A certificate (with the chain behind it, if any) and its private key. */
struct pki_pair {
    char *cert_pem, *key_pem;
};

/* Frees both texts, wipes the key. */
void pki_pair_fini(struct pki_pair *pair);

/* What to put into a certificate. */
struct pki_opts {
    const char *cn;           /* common name; NULL: the first of `names` */
    const char *const *names; /* alternative names: DNS names ("*.x" as well) or IP addresses */
    size_t name_count;
    int days;                 /* 0: 825 days for a leaf, PKI_CA_DAYS for a CA */
    int64_t now_s;            /* valid from an hour before */
};

/* Makes a certificate authority with a new key; it may sign leaves only (path length 0).
 * Owner: `out` is the caller's, ends with pki_pair_fini(); untouched on error.
 * Errors: -EINVAL a name or the number of days is not usable. */
int pki_ca_new(struct pki_pair *out, const struct pki_opts *opts, struct pki_err *err) MUST_USE;

/* Makes a key and a leaf for it, signed by `ca`, for TLS servers and clients.
 * Errors: -EINVAL; -EBADMSG `ca` is unreadable; -EACCES `ca` is no CA or its key does not fit. */
int pki_issue(struct pki_pair *out, const struct pki_pair *ca, const struct pki_opts *opts,
              struct pki_err *err) MUST_USE;

/* Signs a certificate request. The names are those of `opts`; with none there, those of the
 * request. The subject's other parts are not taken over.
 * Owner: *cert_pem is the caller's. Errors: as pki_issue(); -EACCES also a request whose signature
 * is not its key's. */
int pki_issue_csr(char **cert_pem, const struct pki_pair *ca, const char *csr_pem,
                  const struct pki_opts *opts, struct pki_err *err) MUST_USE;

/* Makes a key and a certificate that signs itself. Errors: -EINVAL. */
int pki_self_signed(struct pki_pair *out, const struct pki_opts *opts,
                    struct pki_err *err) MUST_USE;

/* Makes a key and a certificate request; cert_pem of `out` holds the request. Errors: -EINVAL. */
int pki_csr(struct pki_pair *out, const struct pki_opts *opts, struct pki_err *err) MUST_USE;

/* What a certificate says. */
struct pki_info {
    char *subject, *issuer; /* RFC 2253: "CN=join.example.com,O=Example" */
    char *cn;               /* NULL without one */
    char **names;           /* subject alternative names: DNS names and IP addresses */
    size_t name_count;
    int64_t not_before_s, not_after_s;
    int days_left;          /* negative when expired */
    char sha256[96];        /* fingerprint, "AB:CD:.." */
    bool is_ca, is_self_signed;
    int chain_len;          /* certificates in the text */
};

/* Reads the first certificate of `cert_pem`.
 * Owner: `out` is the caller's, ends with pki_info_fini(). Errors: -EBADMSG no readable
 * certificate. */
int pki_inspect(struct pki_info *out, const char *cert_pem, int64_t now_s,
                struct pki_err *err) MUST_USE;

/* Reads every certificate of a text. Returns how many there are.
 * Owner: *out is the caller's: each ends with pki_info_fini(), then free(). Errors: as above. */
int pki_inspect_all(struct pki_info **out, const char *pem, int64_t now_s,
                    struct pki_err *err) MUST_USE;

/* Frees what the struct holds; all zero is fine. */
void pki_info_fini(struct pki_info *info);

/* Says whether the first certificate and the key belong together.
 * Errors: -EBADMSG one is unreadable; -EACCES they do not belong together. */
int pki_match(const char *cert_pem, const char *key_pem, struct pki_err *err) MUST_USE;

/* Says whether the first certificate of `chain_pem` is valid at `now_s`, leads over the others of
 * the text to a certificate of `bundle_pem` (a CA, or the leaf itself), and is made for `name` (a
 * DNS name or IP address; NULL: any).
 * Errors: -EBADMSG unreadable; -EACCES not valid: the sentence says expired on which day, unknown
 *         issuer, or which names it is made for. */
int pki_verify(const char *chain_pem, const char *bundle_pem, const char *name, int64_t now_s,
               struct pki_err *err) MUST_USE;

/* Says whether the certificates of the text stand in the order in which a server sends them: its
 * own first, then each one's issuer. With `key_pem` (may be NULL) also whether the key belongs to a
 * later one; a key that belongs to none is pki_match()'s to find.
 * Errors: -EBADMSG unreadable; -EACCES the sentence says what is out of place. */
int pki_chain_check(const char *chain_pem, const char *key_pem, struct pki_err *err) MUST_USE;

/* Returns the chain, followed by the issuers of its last certificate as far as the bundle has them
 * (but no root): what a server has to send when it was given leaf and issuers in two files.
 * Owner: *out is the caller's. Errors: -EBADMSG one is unreadable. */
int pki_chain_complete(char **out, const char *chain_pem, const char *bundle_pem,
                       struct pki_err *err) MUST_USE;

/* True when the bundle holds the very certificate that is the first of `cert_pem`. */
bool pki_holds(const char *bundle_pem, const char *cert_pem) MUST_USE;

/* Returns the bundle (NULL: an empty one) without the first certificate of `cert_pem`, or with it
 * at the end when `keep` is true. Owner: *out is the caller's; "" when nothing is left.
 * Errors: -EBADMSG `cert_pem` is unreadable. */
int pki_bundle_change(char **out, const char *bundle_pem, const char *cert_pem, bool keep,
                      struct pki_err *err) MUST_USE;

/* True when the first certificate is made for `name`; wildcards as RFC 6125 s6.4.3. */
bool pki_name_matches(const char *cert_pem, const char *name) MUST_USE;

/* Returns the PEM of a certificate that is kept as the base64 of its DER (kinds of type
 * "certificate"). What it holds is not looked at. Owner: the caller; NULL for NULL and "". */
char *pki_pem_of(const char *base64);

#endif
