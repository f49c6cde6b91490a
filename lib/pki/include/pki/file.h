/* SPDX-License-Identifier: Apache-2.0
 * PEM files. */
#ifndef PKI_FILE_H
#define PKI_FILE_H

#include <pki/pki.h>

/* Reads a whole text file of at most PKI_PEM_MAX_B. Owner: *pem is the caller's.
 * Errors: -errno of the file (-ENOENT, -EACCES, ...); -E2BIG; -EBADMSG it holds a NUL. */
int pki_file_load(char **pem, const char *path, struct pki_err *err) MUST_USE;

/* Writes a certificate, bundle or request (mode 0644) or a private key (0600): into a new file
 * beside `path`, synced, then renamed over it, so that no reader ever sees half of it.
 * Errors: -errno of the file; the old file is then untouched. */
int pki_file_store_cert(const char *path, const char *pem, struct pki_err *err) MUST_USE;
int pki_file_store_key(const char *path, const char *pem, struct pki_err *err) MUST_USE;

/* Loads certificate and key and checks that they belong together and that the certificate is valid
 * at `now_s`. Owner: `out` is the caller's; untouched on error.
 * Errors: -errno of a file; -EBADMSG unreadable; -EACCES mismatch or outside its time. */
int pki_file_load_pair(struct pki_pair *out, const char *cert_path, const char *key_path,
                       int64_t now_s, struct pki_err *err) MUST_USE;

/* A number that changes when the file does; 0 while there is none. For those who watch files by
 * looking. */
int64_t pki_file_stamp(const char *path);

#endif
